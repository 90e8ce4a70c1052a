/* What a client can tell from its settings: refusals, addresses that are gone, warnings. */
#include "keys.h"

#include "../client.h"
#include "../json.h"

static fiks_key *key_of_tests(void)
{
    static fiks_key *key;
    if (!key)
        key = test_key("klient");
    return key;
}

static fiks_client_options options(void)
{
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.api_url = "https://api.example";
    o.issuer = "https://issuer.example/";
    o.client_id = "klient";
    o.kid = "en-nokkel";
    o.key = key_of_tests();
    return o;
}

static fiks_client *made(fiks_client_options o)
{
    fiks_client *client = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_client_new(&o, &client, &err), err);
    return client;
}

static void check_refused(fiks_client_options o, fiks_status kind, const char *code,
                          const char *part)
{
    fiks_client *client = NULL;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_client_new(&o, &client, &err), kind);
    CHECK(client == NULL);
    CHECK_STR(err.code, code);
    CHECK_HAS(err.message, part);
}

/* One of the warnings holds `part` (NULL: there are none). */
static void check_warns(fiks_client_options o, const char *part)
{
    fiks_client *client = made(o);
    const char *const *list = fiks_client_warnings(client);
    bool found = false;
    for (size_t i = 0; list[i]; i++) {
        if (!part)
            TEST_FAIL("a warning: %s", list[i]);
        found = found || strstr(list[i], part);
    }
    if (part && !found)
        TEST_FAIL("no warning holds \"%s\"; the first is %s", part, list[0] ? list[0] : "none");
    fiks_client_free(client);
}

TEST(signature_options)
{
    fiks_client_options o = options();
    o.alg = "PS256";
    check_refused(o, FIKS_CONFIG, "alg", "\"RS384\"");
    o.alg = "none";
    check_refused(o, FIKS_CONFIG, "alg", "\"none\"");
    o.alg = "RS512";
    o.x5c = "all";
    check_refused(o, FIKS_CONFIG, "x5c", "\"leaf\"");
    o.x5c = "leaf";
    fiks_client *client = made(o);
    const fiks_token_inputs *in = fiks_token_key_inputs(client->token_key);
    CHECK_EQ_INT(in->alg, FIKS_RS512);
    CHECK(in->x5c_leaf);
    fiks_client_free(client);
    o.x5c = "chain";
    client = made(o);
    CHECK(!fiks_token_key_inputs(client->token_key)->x5c_leaf);
    fiks_client_free(client);
}

TEST(claims_of_the_client_are_checked)
{
    fiks_client_options o = options();
    o.pid = "123";
    check_refused(o, FIKS_CONFIG, "pid", "eleven digits");
    o = options();
    o.resource = "";
    check_refused(o, FIKS_CONFIG, "resource", "empty");
    o = options();
    o.authorization_details = "[";
    check_refused(o, FIKS_CONFIG, "authorization_details", "authorization_details");
    o = options();
    o.contract = "2018";
    o.kid = NULL;
    o.resource = "https://x.example";
    check_refused(o, FIKS_CONFIG, "contract", "resource");
    o.resource = NULL;
    o.alg = "RS384";
    check_refused(o, FIKS_CONFIG, "contract", "RS256");
}

TEST(retired_hosts_are_named_with_what_replaced_them)
{
    static const char *const test_hosts[] = {
        "https://ver1.maskinporten.no/", "https://ver2.maskinporten.no/",
        "https://yt2.maskinporten.no/",  "https://oidc-ver1.difi.no/idporten-oidc-provider/",
        "https://OIDC-VER2.difi.no/x/",  "https://oidc-yt2.difi.eon.no/idporten-oidc-provider/"};
    for (size_t i = 0; i < sizeof test_hosts / sizeof *test_hosts; i++) {
        fiks_client_options o = options();
        o.issuer = test_hosts[i];
        check_refused(o, FIKS_CONFIG, "retired_host", "https://test.maskinporten.no/");
        o.token_endpoint = "https://issuer.example/token";
        check_refused(o, FIKS_CONFIG, "retired_host", "issuer: ");
    }
    fiks_client_options o = options();
    o.token_endpoint = "https://oidc.difi.no/idporten-oidc-provider/token";
    check_refused(o, FIKS_CONFIG, "retired_host", "token_endpoint: oidc.difi.no");
    check_refused(o, FIKS_CONFIG, "retired_host", "environment \"prod\"");
    o.contract = "2018";
    o.kid = NULL;
    check_refused(o, FIKS_CONFIG, "retired_host",
                  "use contract \"current\" and environment \"prod\" (issuer "
                  "\"https://maskinporten.no/\")");
    o = options();
    o.issuer = "https://ver2.maskinporten.no.example/";
    check_warns(o, NULL);
}

TEST(addresses_that_do_not_fit_together)
{
    check_warns(options(), NULL);
    fiks_client_options o = options();
    o.token_endpoint = "https://other.example/token";
    check_warns(o, "issuer is on issuer.example, but token_endpoint on other.example");
    o = options();
    o.issuer = "https://maskinporten.no";
    o.token_endpoint = "https://maskinporten.no/token";
    check_warns(o, "by the slash");
    o.issuer = "https://test.maskinporten.no//";
    check_warns(o, "by the slash");
    o = options();
    o.issuer = o.token_endpoint = "https://issuer.example/token";
    check_warns(o, "address of the token endpoint");
    o = options();
    o.issuer = "https://test.maskinporten.no/";
    o.api_url = "https://api.fiks.ks.no";
    check_warns(o, "tokens come from test.maskinporten.no (test), but calls go to api.fiks.ks.no");
    o = options();
    o.issuer = o.api_url = NULL;
    o.environment = "prod";
    check_warns(o, NULL);
    o.environment = "test";
    check_warns(o, NULL);
}

TEST(addresses_are_bare)
{
    static const struct {
        const char *url, *says;
    } bad[] = {{"https://x.example?a=1", "it has '?' at 17"},
               {"https://x.example/api/?", "without a query or fragment"},
               {"https://x.example/#a", "it has '#' at 18"},
               {"https://x.example/a/../b", "\"..\" in its path"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fiks_client_options o = options();
        o.api_url = bad[i].url;
        check_refused(o, FIKS_CONFIG, "url", bad[i].says);
        check_refused(o, FIKS_CONFIG, "url", "api_url");
        o = options();
        o.svarut_url = bad[i].url;
        check_refused(o, FIKS_CONFIG, "url", "svarut_url");
        o = options();
        o.token_endpoint = bad[i].url;
        check_refused(o, FIKS_CONFIG, "url", "token_endpoint");
        o.issuer = bad[i].url;
        check_refused(o, FIKS_CONFIG, "url", "issuer");
    }
}

TEST(the_test_environment_is_as_its_issuer_publishes)
{
    size_t len = 0;
    char *text = test_read_file(test_vector("auth/constructed/metadata-test.json"), &len);
    fiks_json *metadata = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_json_parse(text, len, len, "metadata", &metadata, &err), err);
    fiks_client_options o = options();
    o.api_url = o.issuer = NULL;
    o.environment = "test";
    fiks_client *client = made(o);
    CHECK_STR(client->issuer, fiks_json_get_string(metadata, "issuer"));
    CHECK_STR(client->token_endpoint, fiks_json_get_string(metadata, "token_endpoint"));
    fiks_client_free(client);
    const fiks_json *algorithms =
        fiks_json_get(metadata, "token_endpoint_auth_signing_alg_values_supported");
    CHECK(fiks_json_count(algorithms) > 0);
    for (size_t i = 0; i < fiks_json_count(algorithms); i++) {
        o.alg = fiks_json_string(fiks_json_at(algorithms, i));
        fiks_client_free(made(o));
    }
    fiks_json_free(metadata);
    free(text);
}

/* ---- certificates ---------------------------------------------------------------------------- */

/* A key with a certificate made for `subject`, issued by `issuer`, with validity options. */
static fiks_key *certified(const char *name, const char *issuer, const char *subject,
                           const char *validity, const char *usage)
{
    char key_file[64], pem_file[64];
    test_self_signed("klient");
    test_shell("cp klient.key %s.key\n"
               "test -f utsteder.key || openssl genrsa -out utsteder.key 2048\n"
               "openssl req -x509 -new -key utsteder.key -subj '%s' -days 3650 -out %s-ca.pem\n"
               "printf 'keyUsage=%s\\n' >%s.ext\n"
               "openssl req -new -key %s.key -subj '%s' -out %s.csr\n"
               "mkdir %s.d; touch %s.d/index; echo 01 >%s.d/serial\n"
               "printf '[ca]\\ndefault_ca=x\\n[x]\\ndatabase=%s.d/index\\nserial=%s.d/serial\\n"
               "new_certs_dir=%s.d\\ndefault_md=sha256\\npolicy=p\\nemail_in_dn=no\\n[p]\\n"
               "commonName=supplied\\n' >%s.cnf\n"
               "openssl ca -batch -notext -config %s.cnf -cert %s-ca.pem -keyfile utsteder.key "
               "-extfile %s.ext %s -in %s.csr -out %s.pem",
               name, issuer, name, usage, name, name, subject, name, name, name, name, name, name,
               name, name, name, name, name, validity, name, name);
    snprintf(key_file, sizeof key_file, "%s.key", name);
    snprintf(pem_file, sizeof pem_file, "%s.pem", name);
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    o.file = test_temp_path(key_file);
    o.certificate_file = test_temp_path(pem_file);
    fiks_key *key = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_key_new(&o, &key, &err), err);
    return key;
}

static fiks_client_options with_certificate(fiks_key *key)
{
    fiks_client_options o = options();
    o.key = key;
    o.kid = NULL;
    return o;
}

TEST(an_expired_certificate_makes_no_client)
{
    fiks_key *key =
        certified("utgaatt", "/CN=Rot", "/CN=Utgaatt",
                  "-startdate 20200101000000Z -enddate 20210201000000Z", "digitalSignature");
    fiks_client_options o = with_certificate(key);
    check_refused(o, FIKS_CREDENTIALS, "expired", "2020-01-01 to 2021-02-01");
    o.allow_expired_certificate = true;
    check_warns(o, "expired");
    fiks_client *client = made(o);
    const fiks_token_inputs *in = fiks_token_key_inputs(client->token_key);
    fiks_buf grant = {0};
    fiks_error err = {0};
    CHECK_OK(fiks_grant_assertion(in, fiks_now().wall_ms, "j", &grant, &err), err);
    fiks_buf_free(&grant);
    fiks_client_free(client);
    o.allow_expired_certificate = false;
    o.kid = "en-nokkel"; /* then it is not sent */
    check_warns(o, "expired");
    fiks_key_free(key);
}

TEST(a_certificate_of_the_future_makes_no_client)
{
    fiks_key *key =
        certified("framtid", "/CN=Rot", "/CN=Framtid",
                  "-startdate 20990101000000Z -enddate 20990201000000Z", "digitalSignature");
    check_refused(with_certificate(key), FIKS_CREDENTIALS, "not_yet_valid", "2099-01-01");
    fiks_key_free(key);
}

TEST(a_certificate_that_expires_soon)
{
    fiks_key *soon = certified("snart", "/CN=Rot", "/CN=Snart", "-days 29", "digitalSignature");
    check_warns(with_certificate(soon), "CN=Snart expires in 2");
    fiks_key_free(soon);
    fiks_key *later = certified("senere", "/CN=Rot", "/CN=Senere", "-days 32", "digitalSignature");
    check_warns(with_certificate(later), NULL);
    fiks_key_free(later);
}

TEST(a_certificate_of_another_environment)
{
    fiks_key *test = certified("proeve", "/CN=Buypass Class 3 Test4 CA 3", "/CN=Kommune",
                               "-days 300", "digitalSignature");
    fiks_client_options o = with_certificate(test);
    o.issuer = o.api_url = NULL;
    o.environment = "prod";
    check_warns(o, "looks like one for test");
    o.environment = "test";
    check_warns(o, NULL);
    fiks_key_free(test);
    fiks_key *prod = certified("ekte", "/CN=Commfides Legal Person CA - G3", "/CN=Kommune",
                               "-days 300", "digitalSignature");
    o.key = prod;
    check_warns(o, "looks like one for production");
    o.environment = "prod";
    check_warns(o, NULL);
    o.environment = NULL; /* the addresses alone say which it is */
    o.api_url = "https://api.example";
    o.issuer = "https://test.maskinporten.no/";
    check_warns(o, "looks like one for production");
    fiks_key_free(prod);
}

TEST(a_certificate_that_is_for_something_else)
{
    fiks_key *key =
        certified("krypt", "/CN=Rot", "/CN=Krypt", "-days 300", "keyEncipherment,dataEncipherment");
    fiks_client_options o = with_certificate(key);
    check_warns(o, "not for digital signatures");
    o.kid = "en-nokkel";
    check_warns(o, NULL);
    fiks_key_free(key);
    o = with_certificate(key_of_tests());
    o.issuer = o.api_url = NULL;
    o.environment = "test";
    check_warns(o, "self-signed");
}

static char logged[4096];

static void take_line(int level, const char *line, void *data)
{
    (void)level, (void)data;
    strncat(logged, line, sizeof logged - strlen(logged) - 1);
}

TEST(a_certificate_that_will_expire_is_logged_once_a_day)
{
    fiks_key *key = certified("lenge", "/CN=Rot", "/CN=Lenge", "-days 90", "digitalSignature");
    fiks_client *client = made(with_certificate(key));
    static const struct {
        int hours, lines;
    } grants[] = {{0, 0}, {58 * 24, 0}, {60 * 24, 1}, {60 * 24, 1}, {61 * 24, 2}, {88 * 24, 3}};
    int64_t noon = fiks_now().wall_ms / 86400000 * 86400000 + 129600000; /* tomorrow */
    logged[0] = '\0';
    fiks_log_set(take_line, 1, NULL);
    for (size_t i = 0; i < sizeof grants / sizeof *grants; i++) {
        fiks_buf grant = {0};
        fiks_error err = {0};
        fiks_status st =
            fiks_grant_assertion(fiks_token_key_inputs(client->token_key),
                                 noon + grants[i].hours * INT64_C(3600000), "j", &grant, &err);
        fiks_buf_free(&grant);
        CHECK_OK(st, err);
        int lines = 0;
        for (const char *at = logged; (at = strstr(at, "order a new one")) != NULL; at++)
            lines++;
        CHECK_EQ_INT(lines, grants[i].lines);
    }
    fiks_log_set(NULL, 0, NULL);
    fiks_client_free(client);
    fiks_key_free(key);
}

TEST(warnings_are_logged_too)
{
    fiks_client_options o = options();
    o.token_endpoint = "https://other.example/token";
    logged[0] = '\0';
    fiks_log_set(take_line, 1, NULL);
    fiks_client_free(made(o));
    fiks_log_set(NULL, 0, NULL);
    CHECK_HAS(logged, "token_endpoint on other.example");
}

int main(void)
{
    return run_tests("test_client");
}
