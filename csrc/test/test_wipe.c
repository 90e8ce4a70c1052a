/*
 * What the core frees holds no secret any more. Linked with --wrap=free,realloc, which catches the
 * calls of the core's own files (and of this one), not those inside OpenSSL, libcurl and jansson:
 * docs/security.md lists what these keep.
 */
#define SERVER_TOKEN "PLANTED-token.abcdefghijklmnopqrstuvwxyz.0123456789"
#include "server.h"

#include "softhsm.h"

#include <malloc.h>

#include <openssl/bn.h>

#include "../call.h"
#include "../key_openssl.h"

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_MAKE_MEM_DEFINED(address, length) (void)(address), (void)(length)
#endif

#define KEY_PASSWORD "PLANTED-key-password"
#define PASSORD "PLANTED-passord"
#define PIN "PLANTED-pin-73152"
#define BASIC "PLANTED-basic"
#define PERSON "PLANTED-person.abcdefghijklmnop.0123456789"
#define PID "01017098765"
#define PROXY_PASSWORD "PLANTED-proxy@password"
#define CONTENT "PLANTED-content of a letter"

/* ---- watching -------------------------------------------------------------------------------- */

enum { MAX_PLANTED = 16 };

static struct {
    char text[512];
    size_t len;
    const char *what;
} planted[MAX_PLANTED];
static size_t planted_count;
static atomic_int blocks, found;
static char found_what[256];

static void plant(const char *what, const void *bytes, size_t len)
{
    if (planted_count == MAX_PLANTED || len > sizeof planted->text)
        abort();
    memcpy(planted[planted_count].text, bytes, len);
    planted[planted_count].len = len;
    planted[planted_count++].what = what;
}

static void plant_text(const char *what, const char *text)
{
    plant(what, text, strlen(text));
}

static void inspect(void *block)
{
    if (!block)
        return;
    size_t size = malloc_usable_size(block);
    VALGRIND_MAKE_MEM_DEFINED(block, size);
    atomic_fetch_add(&blocks, 1);
    for (size_t i = 0; i < planted_count; i++)
        if (memmem(block, size, planted[i].text, planted[i].len) &&
            atomic_fetch_add(&found, 1) == 0)
            snprintf(found_what, sizeof found_what, "%s, in a block of %zu bytes", planted[i].what,
                     size);
}

void __real_free(void *block);
void *__real_realloc(void *block, size_t size);
void __wrap_free(void *block);
void *__wrap_realloc(void *block, size_t size);

void __wrap_free(void *block)
{
    inspect(block);
    __real_free(block);
}

/* It may move the block, and leave the old one as it was. */
void *__wrap_realloc(void *block, size_t size)
{
    inspect(block);
    return __real_realloc(block, size);
}

static void check_clean(void)
{
    if (atomic_load(&found))
        TEST_FAIL("%d blocks were freed with a secret in them; the first: %s", atomic_load(&found),
                  found_what);
    CHECK(atomic_load(&blocks) > 0);
}

/* ---- secrets --------------------------------------------------------------------------------- */

static const uint8_t *bytes_of_d(const fiks_key *key, size_t *len)
{
    static uint8_t bytes[512];
    BIGNUM *d = NULL;
    CHECK(EVP_PKEY_get_bn_param(fiks_key_pkey(key), "d", &d) == 1);
    *len = (size_t)BN_bn2bin(d, bytes);
    BN_clear_free(d);
    return bytes;
}

/* A line of base64 from the middle of a PEM file. */
static void plant_line(const char *what, const char *path)
{
    size_t len;
    char line[65], *text = test_read_file(path, &len);
    const char *at = text;
    for (int i = 0; i < 6; i++)
        at = strchr(at, '\n') + 1;
    snprintf(line, sizeof line, "%.64s", at);
    explicit_bzero(text, len);
    __real_free(text);
    plant_text(what, line);
}

static void make_files(void)
{
    test_shell(
        "openssl genrsa -out k.key 2048\n"
        "openssl req -x509 -new -key k.key -days 90 -subj '/CN=K' -out k.pem\n"
        "openssl pkcs12 -export -inkey k.key -in k.pem -passout pass:" KEY_PASSWORD " -out k.p12\n"
        "openssl pkcs12 -export -legacy -inkey k.key -in k.pem -passout pass:" KEY_PASSWORD
        " -out old.p12\n"
        "openssl pkcs8 -topk8 -in k.key -passout pass:" KEY_PASSWORD " -out k8.key\n"
        "openssl rsa -in k.key -traditional -aes128 -passout pass:" KEY_PASSWORD " -out k1.key");
}

static fiks_key *load_one(const char *file, const char *password)
{
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    fiks_key *key = NULL;
    fiks_error err = {0};
    o.file = test_temp_path(file);
    o.password = password;
    o.certificate_file = strstr(file, "p12") ? NULL : test_temp_path("k.pem");
    CHECK_OK(fiks_key_new(&o, &key, &err), err);
    return key;
}

static void plant_all(void)
{
    size_t len;
    make_files();
    fiks_key *key = load_one("k.key", NULL);
    const uint8_t *d = bytes_of_d(key, &len);
    fiks_buf url = {0};
    plant("the private key's d", d + 8, 24);
    fiks_base64url_add(&url, d, len - len % 3);
    plant("d in base64url", url.data + 30, 60);
    fiks_buf_free(&url);
    fiks_key_free(key);
    plant_line("the key file (PEM)", test_temp_path("k.key"));
    plant_text("the key's password", KEY_PASSWORD);
    plant_text("the integrasjon's password", PASSORD);
    plant_text("a token's PIN", PIN);
    plant_text("a password for Basic", BASIC);
    plant_text("the access token", SERVER_TOKEN);
    plant_text("a person's token", PERSON);
    plant_text("a person's number", PID);
    plant_text("the proxy's password", PROXY_PASSWORD);
    plant_text("the content of a file", CONTENT);
    /* base64 of what begins with the user name "abc:" */
    plant_text("Basic in base64", "YWJjOlBMQU5URUQtYmFzaWM");
    plant_text("an assertion", "eyJhbGciOiJSUzI1NiIs");
    atomic_store(&blocks, 0);
    atomic_store(&found, 0);
}

/* ---- the cycle ------------------------------------------------------------------------------- */

TEST(the_watch_sees_what_it_should)
{
    plant_all();
    char *block = strdup("xx " PASSORD " yy");
    free(block);
    CHECK_EQ_INT(atomic_load(&found), 1);
    CHECK_HAS(found_what, "integrasjon");
    atomic_store(&found, 0);
}

TEST(keys)
{
    static const char *const files[] = {"k.key", "k.p12", "old.p12", "k8.key", "k1.key"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        fiks_key_free(load_one(files[i], i ? KEY_PASSWORD : NULL));
        fiks_key *none = NULL;
        fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
        o.file = test_temp_path(files[i]);
        o.password = KEY_PASSWORD "-wrong";
        if (i)
            CHECK_EQ_INT(fiks_key_new(&o, &none, NULL), FIKS_CREDENTIALS);
    }
    check_clean();
}

TEST(keys_on_a_token)
{
    static const char object[] = "pkcs11:token=fiks;object=k";
    static const char plain[] = "pkcs11:token=fiks;object=k" IN_SOFTHSM "&pin-value=" PIN;
    static const char escaped[] = "pkcs11:token=fiks;object=k" IN_SOFTHSM "&pin-value=PLANTED%2Dpin"
                                  "%2d73152";
    static const char nobody[] = "pkcs11:token=fiks;object=ingen" IN_SOFTHSM "&pin-value=" PIN;
    softhsm_make_token(PIN);
    test_shell("softhsm2-util --import k.key --token fiks --label k --id a1 --pin " PIN);
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    fiks_key *key = NULL;
    fiks_error err = {0};
    fiks_buf uri = {0};
    fiks_buf_addf(&uri, "%s" IN_SOFTHSM, object);
    const char *const uris[] = {plain, escaped, uri.data};
    for (size_t i = 0; i < 3; i++) {
        o.uri = uris[i];
        o.password = i == 2 ? PIN : NULL;
        CHECK_OK(fiks_key_new(&o, &key, &err), err);
        fiks_key_free(key);
    }
    o.uri = NULL;
    o.file = plain;
    CHECK_OK(fiks_key_new(&o, &key, &err), err);
    fiks_key_free(key);
    o.file = nobody;
    CHECK_EQ_INT(fiks_key_new(&o, &key, NULL), FIKS_CREDENTIALS);
    o.file = "pkcs11:token=fiks;object=k" IN_SOFTHSM "&pin-value=" PIN "%2";
    CHECK_EQ_INT(fiks_key_new(&o, &key, NULL), FIKS_CREDENTIALS);
    fiks_buf_free(&uri);
    check_clean();
}

static fiks_client *new_client(const server *at, fiks_key *key)
{
    char url[64], issuer[72];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", at->port);
    snprintf(issuer, sizeof issuer, "%s/", url);
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.api_url = o.svarut_url = url;
    o.issuer = issuer;
    o.client_id = "klient";
    o.key = key;
    o.pid = PID;
    o.integrasjon_id = "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01";
    o.integrasjon_passord = PASSORD;
    o.allow_loopback_http = true;
    fiks_client *client = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_client_new(&o, &client, &err), err);
    return client;
}

static void perform(fiks_client *client, fiks_call_options o)
{
    fiks_call *call = NULL;
    const fiks_response *response = NULL;
    fiks_error err = {0};
    fiks_status st = fiks_call_perform(client, &o, &call, &response, &err);
    fiks_call_free(call);
    CHECK_OK(st, err);
}

static fiks_call_options get(const char *path)
{
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.method = "GET";
    o.path = path;
    return o;
}

/* What lies in a folder of an earlier time is read again. */
TEST(a_forsendelse_looked_at_again)
{
    fiks_verified *verified = NULL;
    fiks_error err = {0};
    CHECK_EQ_INT(mkdir(test_temp_path("mottatt"), 0700), 0);
    test_write_file(test_temp_path("mottatt/a.txt"), CONTENT, strlen(CONTENT));
    CHECK_OK(fiks_forsendelse_verify(test_temp_path("mottatt"), NULL, 0, &verified, &err), err);
    fiks_verified_free(verified);
    check_clean();
}

TEST(a_whole_cycle)
{
    static server here;
    server_start(&here);
    fiks_key *key = load_one("k.p12", KEY_PASSWORD);
    fiks_client *client = new_client(&here, key);
    perform(client, get("/ting"));
    CHECK_EQ_INT(here.token_requests, 1);
    fiks_call_options o = get("/ting");
    o.pid = "01017098764";
    perform(client, o);
    CHECK_EQ_INT(here.token_requests, 2);
    o = get("/ting");
    o.bearer = PERSON;
    perform(client, o);
    o = get("/ting");
    o.username = "abc";
    o.password = BASIC;
    perform(client, o);
    char *token, *scope;
    int64_t expires_s;
    CHECK(fiks_client_peek_token(client, NULL, &token, &scope, &expires_s, NULL));
    CHECK_STR(token, SERVER_TOKEN);
    fiks_bytes_free(token, strlen(token));
    fiks_bytes_free(scope, strlen(scope));
    CHECK_OK(fiks_client_invalidate_token(client, NULL, NULL, NULL), (fiks_error){0});
    fiks_client_free(client);
    fiks_key_free(key);
    server_stop(&here);
    check_clean();
}

TEST(networks)
{
    fiks_key_options key = FIKS_OPTIONS(fiks_key_options);
    fiks_network_options o = FIKS_OPTIONS(fiks_network_options);
    fiks_network *network = NULL;
    fiks_error err = {0};
    key.password = KEY_PASSWORD;
    o.client_certificate = &key;
    o.proxy = "http://u:PLANTED-proxy%40password@127.0.0.1:1";
    static const char *const files[] = {"k.p12", "k8.key", "k1.key", "k.key"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        key.file = test_temp_path(files[i]);
        key.certificate_file = i ? test_temp_path("k.pem") : NULL;
        CHECK_OK(fiks_network_new(&o, &network, &err), err);
        CHECK_STR(network->proxy_password, PROXY_PASSWORD);
        fiks_network_free(network);
    }
    key.certificate_file = NULL;
    CHECK_EQ_INT(fiks_network_new(&o, &network, NULL), FIKS_CREDENTIALS);
    o.client_certificate = NULL;
    o.proxy = "http://u:PLANTED-proxy%40password%4@127.0.0.1:1";
    CHECK_EQ_INT(fiks_network_new(&o, &network, NULL), FIKS_CONFIG);
    o.proxy = "127.0.0.1:1";
    o.proxy_username = "u:";
    o.proxy_password = PROXY_PASSWORD;
    CHECK_EQ_INT(fiks_network_new(&o, &network, NULL), FIKS_CONFIG);
    check_clean();
}

/* Calls that fail at each stage, and one that is dropped. */
TEST(a_cycle_that_fails)
{
    static server here;
    server_start(&here);
    fiks_key *key = load_one("k.p12", KEY_PASSWORD);
    fiks_client *client = new_client(&here, key);
    fiks_call *call = NULL;
    fiks_call_options o = get("/drop/x");
    CHECK_EQ_INT(fiks_call_perform(client, &o, &call, &(const fiks_response *){0}, NULL),
                 FIKS_NETWORK);
    fiks_call_free(call);
    o.bearer = PERSON "\n";
    CHECK_EQ_INT(fiks_call_new(client, &o, NULL, &call, NULL), FIKS_INVALID);
    o = get("/hold/x");
    o.bearer = PERSON;
    CHECK_OK(fiks_call_new(client, &o, NULL, &call, NULL), (fiks_error){0});
    fiks_call_wait(call, 50, NULL);
    fiks_call_free(call);
    server_stop(&here);
    o = get("/ting");
    o.scope = "ks:annet";
    o.timeout_ms = 300;
    CHECK(fiks_call_perform(client, &o, &call, &(const fiks_response *){0}, NULL) != FIKS_OK);
    fiks_call_free(call);
    fiks_client_free(client);
    fiks_key_free(key);
    check_clean();
}

TEST(jwk_from_memory)
{
    size_t len;
    fiks_key *key = load_one("k.key", NULL);
    fiks_buf text = {0};
    static const char *const names[][2] = {{"d", "d"},
                                           {"p", "rsa-factor1"},
                                           {"q", "rsa-factor2"},
                                           {"dp", "rsa-exponent1"},
                                           {"dq", "rsa-exponent2"},
                                           {"qi", "rsa-coefficient1"}};
    fiks_buf_addf(&text, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"", fiks_key_jwk_n(key),
                  fiks_key_jwk_e(key));
    for (size_t i = 0; i < 6; i++) {
        BIGNUM *number = NULL;
        uint8_t bytes[512];
        CHECK(EVP_PKEY_get_bn_param(fiks_key_pkey(key), names[i][1], &number) == 1);
        len = (size_t)BN_bn2bin(number, bytes);
        BN_clear_free(number);
        fiks_buf_addf(&text, ",\"%s\":\"", names[i][0]);
        fiks_base64url_add(&text, bytes, len);
        fiks_buf_adds(&text, "\"");
    }
    fiks_buf_adds(&text, "}");
    fiks_key_free(key);
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    fiks_error err = {0};
    o.data = text.data;
    o.data_bytes = text.len;
    CHECK_OK(fiks_key_new(&o, &key, &err), err);
    fiks_key_free(key);
    fiks_buf_free(&text);
    check_clean();
}

int main(void)
{
    return run_tests("test_wipe");
}
