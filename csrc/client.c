#include "client.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "jwt.h"

/* What a contract and an environment stand for; every value can be overridden. The ID-porten
 * service of 2018 is gone, so that contract has no issuer of its own. */
typedef struct preset {
    const char *contract, *environment;
    const char *issuer, *token_endpoint;
    const char *api_url, *svarut_url;
} preset;

static const preset presets[] = {
    {"current", "prod", "https://maskinporten.no/", "https://maskinporten.no/token",
     "https://api.fiks.ks.no", "https://svarut.ks.no"},
    {"current", "test", "https://test.maskinporten.no/", "https://test.maskinporten.no/token",
     "https://api.fiks.test.ks.no", "https://test.svarut.ks.no"},
    {"2018", "prod", NULL, NULL, "https://api.fiks.ks.no", "https://svarut.ks.no"},
    {"2018", "test", NULL, NULL, "https://api.fiks.test.ks.no", "https://test.svarut.ks.no"},
};

static const preset *find_preset(const char *contract, const char *environment)
{
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].contract, contract) == 0 &&
            strcmp(presets[i].environment, environment) == 0)
            return &presets[i];
    return NULL;
}

static fiks_status copy(char **to, const char *value, const char *fallback, fiks_error *err)
{
    const char *from = value ? value : fallback;
    if (!from)
        return FIKS_OK;
    *to = fiks_strdup(from);
    return *to ? FIKS_OK : fiks_fail_memory(err);
}

/* What is added to an address would land in its query or fragment. */
static fiks_status check_plain(const char *url, const char *what, fiks_error *err)
{
    const char *at = strpbrk(url, "?#");
    if (at)
        return fiks_fail(err, FIKS_CONFIG, "url",
                         "%s must be an address without a query or fragment: it has '%c' at %d",
                         what, *at, (int)(at - url));
    return fiks_url_has_dots(url)
               ? fiks_fail(err, FIKS_CONFIG, "url", "%s has \".\" or \"..\" in its path", what)
               : FIKS_OK;
}

/* A URL setting: https, or http to loopback when allowed; the slash at its end is dropped for a
 * base URL, kept for an issuer (it is compared byte for byte). */
static fiks_status check_base(const fiks_client *client, char *url, const char *what,
                              fiks_url *origin, fiks_error *err)
{
    fiks_status st = check_plain(url, what, err);
    if (!st)
        st = fiks_url_parse(url, what, origin, err);
    if (!st && !origin->https && !(client->allow_loopback_http && fiks_url_is_loopback(origin)))
        st = fiks_fail(err, FIKS_CONFIG, "plain_http",
                       "%s must be https: plain http is only for loopback, when "
                       "allow_loopback_http is set",
                       what);
    if (st) {
        if (err)
            err->kind = FIKS_CONFIG;
        return FIKS_CONFIG;
    }
    return FIKS_OK;
}

static void drop_last_slash(char *url)
{
    size_t n = strlen(url);
    if (n && url[n - 1] == '/')
        url[n - 1] = '\0';
}

static fiks_status set_urls(fiks_client *client, const fiks_client_options *o, const preset *p,
                            fiks_error *err)
{
    fiks_url origin;
    fiks_status st = copy(&client->api_url, o->api_url, p ? p->api_url : NULL, err);
    if (!st)
        st = copy(&client->svarut_url, o->svarut_url, p ? p->svarut_url : NULL, err);
    if (!st && !client->api_url && !client->svarut_url)
        st = fiks_fail(err, FIKS_CONFIG, "environment",
                       "no environment: set it to \"prod\" or \"test\", or give the URLs");
    if (!st && client->api_url)
        st = check_base(client, client->api_url, "api_url", &client->api_origin, err);
    if (!st && client->svarut_url)
        st = check_base(client, client->svarut_url, "svarut_url", &client->svarut_origin, err);
    if (st)
        return st;
    if (client->api_url)
        drop_last_slash(client->api_url);
    if (client->svarut_url)
        drop_last_slash(client->svarut_url);

    st = copy(&client->issuer, o->issuer, p ? p->issuer : NULL, err);
    if (!st && client->issuer)
        st = check_plain(client->issuer, "issuer", err);
    if (st || !client->issuer)
        return st;
    if (o->token_endpoint || (p && !o->issuer)) {
        st = copy(&client->token_endpoint, o->token_endpoint, p ? p->token_endpoint : NULL, err);
    } else {
        fiks_buf url = {0};
        fiks_buf_addf(&url, "%s%stoken", client->issuer,
                      client->issuer[0] && client->issuer[strlen(client->issuer) - 1] == '/' ? ""
                                                                                             : "/");
        client->token_endpoint = url.data;
        st = url.failed ? fiks_fail_memory(err) : FIKS_OK;
    }
    return st ? st : check_base(client, client->token_endpoint, "token_endpoint", &origin, err);
}

/* UUID in lower case: what the platform prints; upper case is taken and lowered. */
static fiks_status set_integrasjon(fiks_client *client, const fiks_client_options *o,
                                   fiks_error *err)
{
    if (!o->integrasjon_id && !o->integrasjon_passord)
        return FIKS_OK;
    if (!o->integrasjon_id || !o->integrasjon_passord)
        return fiks_fail(err, FIKS_CONFIG, "integrasjon",
                         "an integrasjon needs both id and password: %s is missing",
                         o->integrasjon_id ? "integrasjon_passord" : "integrasjon_id");
    char id[37] = "";
    size_t n = strlen(o->integrasjon_id);
    for (size_t i = 0; n == 36 && i < n; i++) {
        char c = o->integrasjon_id[i];
        id[i] = c >= 'A' && c <= 'F' ? (char)(c + 32) : c;
    }
    if (!fiks_is_uuid(id))
        return fiks_fail(
            err, FIKS_CONFIG, "integrasjon",
            "integrasjon_id is not a UUID (8-4-4-4-12 hex digits); it is not shown, as "
            "it may be the password");
    if (!o->integrasjon_passord[0] || strpbrk(o->integrasjon_passord, "\r\n"))
        return fiks_fail(err, FIKS_CONFIG, "integrasjon",
                         "integrasjon_passord is empty or holds a line break");
    fiks_buf header = {0}, passord = {0};
    fiks_buf_addf(&header, "IntegrasjonId: %s", id);
    fiks_buf_addf(&passord, "%s: %s",
                  client->contract_2018 ? "ServicePassword" : "IntegrasjonPassord",
                  o->integrasjon_passord);
    client->header_id = header.data;
    client->header_passord = passord.data;
    return header.failed || passord.failed ? fiks_fail_memory(err) : FIKS_OK;
}

static fiks_status missing_for_token(const fiks_client *client, fiks_error *err)
{
    const char *missing = !client->client_id ? "client_id" : !client->key ? "a key" : "an issuer";
    const char *hint = client->issuer ? ""
                       : client->contract_2018
                           ? ": ID-porten's token service of 2018 is gone, so give issuer and "
                             "token_endpoint, or use contract \"current\""
                           : ": set environment, or issuer";
    return fiks_fail(err, FIKS_CONFIG, "token", "to fetch tokens %s is missing%s", missing, hint);
}

static fiks_status set_signature(fiks_client *client, const fiks_client_options *o, fiks_error *err)
{
    if (o->alg && !fiks_alg_find(o->alg, &client->alg))
        return fiks_fail(err, FIKS_CONFIG, "alg",
                         "alg must be \"RS256\", \"RS384\" or \"RS512\", got \"%.20s\"", o->alg);
    client->x5c_leaf = o->x5c && strcmp(o->x5c, "leaf") == 0;
    if (o->x5c && !client->x5c_leaf && strcmp(o->x5c, "chain") != 0)
        return fiks_fail(err, FIKS_CONFIG, "x5c",
                         "x5c must be \"chain\" or \"leaf\", got \"%.20s\"", o->x5c);
    client->resource_array = o->resource_array;
    client->accept_fewer_scopes = o->accept_fewer_scopes;
    client->clock_correction = o->clock_correction;
    client->allow_expired_certificate = o->allow_expired_certificate;
    return FIKS_OK;
}

static void set_limits(fiks_client *client, const fiks_client_options *o)
{
    client->timeout_ms = o->timeout_ms;
    client->limits = (fiks_limits){.connect_ms = o->connect_timeout_ms,
                                   .first_byte_ms = o->first_byte_timeout_ms,
                                   .idle_ms = o->idle_timeout_ms,
                                   .min_bytes_per_s = o->min_bytes_per_s};
}

static fiks_status set_token(fiks_client *client, const fiks_client_options *o, fiks_error *err)
{
    fiks_status st = copy(&client->scope, o->scope, client->contract_2018 ? "ks" : "ks:fiks", err);
    if (!st)
        st = copy(&client->client_id, o->client_id, NULL, err);
    if (!st)
        st = copy(&client->consumer_org, o->consumer_org, NULL, err);
    if (!st)
        st = copy(&client->kid, o->kid, NULL, err);
    if (!st)
        st = copy(&client->resource, o->resource, NULL, err);
    if (!st)
        st = copy(&client->pid, o->pid, NULL, err);
    if (!st)
        st = copy(&client->authorization_details, o->authorization_details, NULL, err);
    if (!st)
        st = set_signature(client, o, err);
    if (st || (!o->client_id && !o->key))
        return st; /* no token wanted: SvarInn alone needs none */
    client->key = fiks_key_ref(o->key);
    if (!client->client_id || !client->key || !client->issuer)
        return missing_for_token(client, err);
    st = fiks_client_check_hosts(client, err);
    if (!st)
        st = fiks_client_token_key(client, NULL, &client->token_key, err);
    return st ? st : fiks_client_check_certificate(client, fiks_now().wall_ms, err);
}

static fiks_status set_network(fiks_client *client, const fiks_client_options *o, fiks_error *err)
{
    if (o->network && o->ca_file)
        return fiks_fail(err, FIKS_CONFIG, "ca_file",
                         "ca_file belongs to the options of the network that is given");
    if (o->network) {
        client->network = fiks_network_ref(o->network);
        return FIKS_OK;
    }
    fiks_network_options simple = FIKS_OPTIONS(fiks_network_options);
    simple.ca_file = o->ca_file;
    return fiks_network_new(&simple, &client->network, err);
}

static fiks_status set_up(fiks_client *client, const fiks_client_options *o, fiks_error *err)
{
    const char *contract = o->contract ? o->contract : "current";
    if (strcmp(contract, "current") != 0 && strcmp(contract, "2018") != 0)
        return fiks_fail(err, FIKS_CONFIG, "contract",
                         "contract must be \"current\" or \"2018\", got \"%.40s\"", contract);
    client->contract_2018 = strcmp(contract, "2018") == 0;
    client->allow_loopback_http = o->allow_loopback_http;
    set_limits(client, o);
    const preset *p = o->environment ? find_preset(contract, o->environment) : NULL;
    if (o->environment && !p)
        return fiks_fail(err, FIKS_CONFIG, "environment",
                         "environment must be \"prod\" or \"test\", got \"%.40s\"", o->environment);
    fiks_status st = set_urls(client, o, p, err);
    if (!st)
        st = set_network(client, o, err);
    if (!st)
        st = set_integrasjon(client, o, err);
    if (!st)
        st = set_token(client, o, err);
    if (!st)
        st = fiks_trace_set(&client->trace, o->traceparent, o->correlation_id, FIKS_CONFIG, err);
    if (!st)
        fiks_client_warn(client, o->environment, fiks_now().wall_ms);
    return st;
}

fiks_status fiks_client_new(const fiks_client_options *options, fiks_client **out, fiks_error *err)
{
    *out = NULL;
    fiks_client_options o = {0}; /* an older caller's struct may be shorter */
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    fiks_client *client = calloc(1, sizeof *client);
    if (!client)
        return fiks_fail_memory(err);
    atomic_init(&client->refs, 1);
    fiks_status st = set_up(client, &o, err);
    if (st) {
        fiks_client_free(client);
        return st;
    }
    *out = client;
    return FIKS_OK;
}

const fiks_network *fiks_client_network(const fiks_client *client)
{
    return client->network;
}

fiks_client *fiks_client_ref(fiks_client *client)
{
    atomic_fetch_add(&client->refs, 1);
    return client;
}

void fiks_client_free(fiks_client *client)
{
    if (!client || atomic_fetch_sub(&client->refs, 1) != 1)
        return;
    free(client->api_url);
    free(client->svarut_url);
    free(client->issuer);
    free(client->token_endpoint);
    free(client->scope);
    free(client->client_id);
    free(client->consumer_org);
    free(client->kid);
    free(client->resource);
    fiks_str_wipe_free(client->pid);
    fiks_str_wipe_free(client->authorization_details);
    free(client->header_id);
    fiks_str_wipe_free(client->header_passord);
    fiks_network_free(client->network);
    fiks_trace_free(&client->trace);
    fiks_key_free(client->key);
    fiks_token_key_free(client->token_key);
    for (size_t i = 0; client->warnings[i]; i++)
        free(client->warnings[i]);
    free(client);
}

fiks_status fiks_client_check_url(const fiks_client *client, const char *url, const char *what,
                                  bool *host_is_svarut, fiks_error *err)
{
    fiks_url parsed;
    fiks_status st = fiks_url_parse(url, what, &parsed, err);
    if (st)
        return st;
    *host_is_svarut = client->svarut_url && fiks_url_same_origin(&parsed, &client->svarut_origin);
    if (*host_is_svarut || (client->api_url && fiks_url_same_origin(&parsed, &client->api_origin)))
        return FIKS_OK;
    return fiks_fail(err, FIKS_INVALID, "foreign_host",
                     "%s points to %s://%s:%d, which is not a host of this client: no credentials "
                     "are sent there",
                     what, parsed.https ? "https" : "http", parsed.host, parsed.port);
}
