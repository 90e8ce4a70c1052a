/* What can be told from the settings alone: addresses that are gone, certificates that have
 * expired, and combinations that are allowed but probably not meant. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certificate.h"
#include "client.h"
#include "error.h"
#include "log.h"

enum { DAY_S = 86400 };

#define YEAR_2020_MS INT64_C(1577836800000)

/* ---- hosts --------------------------------------------------------------------------------- */

typedef struct retired {
    const char *host;
    const char *what;
    const char *instead; /* issuer */
} retired;

static const char test_issuer[] = "https://test.maskinporten.no/";
static const char prod_issuer[] = "https://maskinporten.no/";

static const retired retired_hosts[] = {
    {"oidc-ver1.difi.no", "ID-porten's test service of 2018", test_issuer},
    {"oidc-ver2.difi.no", "ID-porten's test service of 2018", test_issuer},
    {"oidc-yt2.difi.eon.no", "ID-porten's performance test of 2019", test_issuer},
    {"oidc-yt2.difi.no", "ID-porten's performance test of 2019", test_issuer},
    {"oidc.difi.no", "ID-porten's service of 2018", prod_issuer},
    {"ver1.maskinporten.no", "a test service of Maskinporten", test_issuer},
    {"ver2.maskinporten.no", "a test service of Maskinporten, shut down in June 2024", test_issuer},
    {"yt2.maskinporten.no", "a test service of Maskinporten", test_issuer},
};

static fiks_status check_host(const fiks_client *client, const char *url, const char *option,
                              fiks_error *err)
{
    fiks_url parsed;
    if (!url || fiks_url_parse(url, option, &parsed, NULL))
        return FIKS_OK; /* an issuer need not be a URL */
    for (size_t i = 0; i < sizeof retired_hosts / sizeof *retired_hosts; i++) {
        const retired *r = &retired_hosts[i];
        if (strcmp(parsed.host, r->host) == 0)
            return fiks_fail(err, FIKS_CONFIG, "retired_host",
                             "%s: %s was %s and is gone: use %senvironment \"%s\" (issuer \"%s\"), "
                             "with a client that is registered there",
                             option, r->host, r->what,
                             client->contract_2018 ? "contract \"current\" and " : "",
                             r->instead == test_issuer ? "test" : "prod", r->instead);
    }
    return FIKS_OK;
}

fiks_status fiks_client_check_hosts(const fiks_client *client, fiks_error *err)
{
    fiks_status st = check_host(client, client->issuer, "issuer", err);
    return st ? st : check_host(client, client->token_endpoint, "token_endpoint", err);
}

/* ---- the list ------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void warn(fiks_client *client, const char *format, ...)
{
    size_t n = 0;
    while (client->warnings[n])
        n++;
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (n < FIKS_MAX_WARNINGS && vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    if (!text)
        return;
    client->warnings[n] = text;
    fiks_log(FIKS_LOG_WARN, "client: %s", text);
}

const char *const *fiks_client_warnings(const fiks_client *client)
{
    return (const char *const *)client->warnings;
}

/* ---- addresses that do not fit together ---------------------------------------------------- */

typedef struct known_host {
    const char *host;
    const char *environment;
} known_host;

static const known_host known_hosts[] = {
    {"maskinporten.no", "prod"},     {"api.fiks.ks.no", "prod"},
    {"svarut.ks.no", "prod"},        {"test.maskinporten.no", "test"},
    {"api.fiks.test.ks.no", "test"}, {"test.svarut.ks.no", "test"},
};

/* "prod", "test" or NULL: not one of the platform's. */
static const char *environment_of(const char *host)
{
    for (size_t i = 0; i < sizeof known_hosts / sizeof *known_hosts; i++)
        if (strcmp(known_hosts[i].host, host) == 0)
            return known_hosts[i].environment;
    return NULL;
}

static bool differ_by_slash(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    return (n == m + 1 && a[m] == '/' && strncmp(a, b, m) == 0) ||
           (m == n + 1 && b[n] == '/' && strncmp(a, b, n) == 0);
}

static void warn_of_slash(fiks_client *client)
{
    const char *const published[] = {prod_issuer, test_issuer};
    for (size_t i = 0; i < 2; i++)
        if (differ_by_slash(client->issuer, published[i]))
            warn(client,
                 "issuer \"%s\" differs from the published \"%s\" by the slash at its end; it is "
                 "compared byte for byte (MP-110)",
                 client->issuer, published[i]);
    if (strcmp(client->issuer, client->token_endpoint) == 0)
        warn(client,
             "issuer \"%s\" is the address of the token endpoint: it should be the issuer's name, "
             "such as \"%s\" (MP-110)",
             client->issuer, test_issuer);
}

static void warn_of_hosts(fiks_client *client)
{
    fiks_url issuer, endpoint;
    if (fiks_url_parse(client->token_endpoint, "token_endpoint", &endpoint, NULL))
        return;
    if (!fiks_url_parse(client->issuer, "issuer", &issuer, NULL) &&
        strcmp(issuer.host, endpoint.host) != 0)
        warn(client, "issuer is on %s, but token_endpoint on %s: are they of one environment?",
             issuer.host, endpoint.host);
    const char *tokens = environment_of(endpoint.host);
    const char *api = client->api_url ? environment_of(client->api_origin.host) : NULL;
    if (tokens && api && tokens != api && strcmp(tokens, api) != 0)
        warn(client, "tokens come from %s (%s), but calls go to %s (%s): they will be refused",
             endpoint.host, tokens, client->api_origin.host, api);
}

/* ---- the certificate ----------------------------------------------------------------------- */

fiks_status fiks_client_check_certificate(fiks_client *client, int64_t wall_ms, fiks_error *err)
{
    fiks_error why = {0};
    if (wall_ms < YEAR_2020_MS) { /* the clock, not the certificate; a grant will say so */
        warn(client, "this machine's clock stands before 2020: no token can be fetched until it is "
                     "set");
        return FIKS_OK;
    }
    fiks_status st = fiks_key_check_validity(client->key, wall_ms, &why);
    if (!st)
        return FIKS_OK;
    if (client->kid || client->allow_expired_certificate) {
        warn(client, "%s", why.message);
        return FIKS_OK;
    }
    return fiks_fail(err, st, why.code, "%s", why.message);
}

static bool has_word(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

/* Buypass and Commfides write "Test" into the names of their test authorities. */
static void warn_of_environment(fiks_client *client, const char *environment,
                                const fiks_certificate_info *info)
{
    bool test = has_word(info->issuer, "test");
    bool known = has_word(info->issuer, "buypass") || has_word(info->issuer, "commfides");
    if (strcmp(environment, "prod") == 0 && test)
        warn(client,
             "the certificate looks like one for test (issuer %s), and this is production: "
             "Maskinporten will refuse it (MP-120)",
             info->issuer);
    else if (strcmp(environment, "test") == 0 && known && !test)
        warn(client,
             "the certificate looks like one for production (issuer %s), and this is test: "
             "Maskinporten will refuse it (MP-120)",
             info->issuer);
    if (strcmp(info->subject, info->issuer) == 0)
        warn(client, "the certificate is self-signed: Maskinporten takes such keys only when they "
                     "are registered, and then by kid");
}

/* "combination consumer_org in claim and delegation scope on client is invalid" */
static void warn_of_own_organisation(fiks_client *client, const char *own)
{
    const char *number = fiks_token_key_inputs(client->token_key)->consumer_org;
    if (number && strcmp(number, own) == 0)
        warn(client,
             "consumer_org %s is the certificate's own organisation: Maskinporten refuses that, "
             "leave it out",
             number);
}

static void warn_of_certificate(fiks_client *client, const char *environment, int64_t wall_ms)
{
    size_t len;
    fiks_certificate *certificate;
    const uint8_t *der = fiks_key_certificate(client->key, 0, &len);
    if (!der || fiks_certificate_new(der, len, "the certificate", &certificate, NULL))
        return;
    const fiks_certificate_info *info = fiks_certificate_get_info(certificate);
    int64_t left_s = info->not_after_s - wall_ms / 1000;
    if (left_s >= 0 && left_s < (int64_t)FIKS_KEY_WARN_DAYS * DAY_S)
        warn(client, "the certificate of %s expires in %d days: order a new one", info->subject,
             (int)(left_s / DAY_S));
    warn_of_own_organisation(client, info->organisasjonsnummer);
    if (!client->kid && environment)
        warn_of_environment(client, environment, info);
    if (!client->kid && !info->can_sign)
        warn(client,
             "the certificate of %s is not for digital signatures (key usage): of a set of three "
             "take the one for authentication",
             info->subject);
    fiks_certificate_free(certificate);
}

static void warn_of_size(fiks_client *client)
{
    int bits = fiks_key_bits(client->key);
    if (bits < FIKS_KEY_GOOD_BITS)
        warn(client, "the key has %d bits: Maskinporten takes no fewer than %d", bits,
             FIKS_KEY_GOOD_BITS);
    else if (bits > FIKS_KEY_USUAL_BITS)
        warn(client, "the key has %d bits: every signature with it is slow, 4096 are plenty", bits);
}

/* Test organisations have numbers that fail this, so it is never an error. */
static void warn_of_organisation(fiks_client *client)
{
    static const int weights[8] = {3, 2, 7, 6, 5, 4, 3, 2};
    const char *number = fiks_token_key_inputs(client->token_key)->consumer_org;
    int sum = 0;
    if (!number)
        return;
    for (size_t i = 0; i < 8; i++)
        sum += weights[i] * (number[i] - '0');
    if ((11 - sum % 11) % 11 != number[8] - '0')
        warn(client,
             "consumer_org %s: the check digit is wrong for an organisation number (of a "
             "test organisation it may be)",
             number);
}

void fiks_client_warn(fiks_client *client, const char *environment, int64_t wall_ms)
{
    if (!client->token_key)
        return;
    warn_of_slash(client);
    warn_of_organisation(client);
    warn_of_size(client);
    warn_of_hosts(client);
    fiks_url endpoint;
    if (!fiks_url_parse(client->token_endpoint, "token_endpoint", &endpoint, NULL)) {
        const char *known = environment_of(endpoint.host);
        environment = known ? known : environment;
    }
    warn_of_certificate(client, environment, wall_ms);
}
