/* Keys on a token (SoftHSM): found, used, and every way of not getting them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "softhsm.h"

#include <errno.h>
#include <sys/wait.h>

#include <openssl/engine.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "../cms.h"
#include "../error.h"
#include "../grant.h"

#define PIN "hemmelig-73152"
#define URI "pkcs11:token=fiks;object=virksomhet"
#define IN_MODULE IN_SOFTHSM

/* A token "fiks" with three objects: a key with certificate, one without, and nothing else. */
static void token(void)
{
    if (access(test_temp_path("token-ready"), R_OK) == 0)
        return;
    softhsm_make_token(PIN);
    test_self_signed("virksomhet");
    test_self_signed("naken");
    test_shell("softhsm2-util --import virksomhet.key --token fiks --label virksomhet --id a1 "
               "--pin " PIN "\n"
               "softhsm2-util --import naken.key --token fiks --label naken --id b2 --pin " PIN "\n"
               "openssl x509 -in virksomhet.pem -outform DER -out virksomhet.der\n"
               "pkcs11-tool --module " SOFTHSM " --token-label fiks --login --pin " PIN
               " --write-object virksomhet.der --type cert --label virksomhet --id a1\n"
               "touch token-ready");
}

static fiks_status open_key(const char *uri, const char *pin, fiks_key **out, fiks_error *err)
{
    token();
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    o.uri = uri;
    o.password = pin;
    return fiks_key_new(&o, out, err);
}

static fiks_key *opened(const char *uri, const char *pin)
{
    fiks_key *key = NULL;
    fiks_error err = {0};
    CHECK_OK(open_key(uri, pin, &key, &err), err);
    return key;
}

static void check_uri(const char *uri, const char *pin, const char *code, const char *part)
{
    fiks_key *key = NULL;
    fiks_error err = {0};
    CHECK_EQ_INT(open_key(uri, pin, &key, &err), FIKS_CREDENTIALS);
    CHECK(key == NULL);
    CHECK_STR(err.code, code);
    CHECK_HAS(err.message, part);
    CHECK(strstr(err.message, PIN) == NULL && strstr(err.message, "73152") == NULL);
}

static void check_signs(const fiks_key *key, const char *certificate_file)
{
    static const fiks_alg algs[] = {FIKS_RS256, FIKS_RS384, FIKS_RS512};
    size_t len, sig_len;
    fiks_error err = {0};
    fiks_certificate *certificate = NULL;
    fiks_public_key *public_key = NULL;
    char *pem = test_read_file(test_temp_path(certificate_file), &len);
    CHECK_OK(fiks_certificate_new(pem, len, "it", &certificate, &err), err);
    CHECK_OK(fiks_public_key_of(certificate, &public_key, &err), err);
    for (size_t i = 0; i < 3; i++) {
        uint8_t sig[FIKS_SIGNATURE_MAX];
        bool good = false;
        CHECK_OK(fiks_key_sign(key, algs[i], "abc", 3, sig, &sig_len, &err), err);
        CHECK_OK(fiks_public_key_verify(public_key, algs[i], "abc", 3, sig, sig_len, &good, &err),
                 err);
        CHECK(good);
    }
    fiks_public_key_free(public_key);
    fiks_certificate_free(certificate);
    free(pem);
}

TEST(signs_with_the_certificate_that_is_on_the_token)
{
    fiks_key *key = opened(URI IN_MODULE "&pin-value=" PIN, NULL);
    CHECK_STR(fiks_key_name(key), URI);
    CHECK_EQ_INT(fiks_key_certificate_count(key), 1);
    CHECK_HAS(subject(key, 0), "CN=virksomhet");
    check_signs(key, "virksomhet.pem");
    fiks_key *file = test_key("virksomhet");
    CHECK_STR(fiks_key_thumbprint(key), fiks_key_thumbprint(file));
    fiks_key_free(file);
    fiks_key_free(key);
}

TEST(is_taken_as_a_file_too_with_the_pin_as_password)
{
    token();
    fiks_key *key = NULL;
    fiks_error err = {0};
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    o.file = "pkcs11:type=private;token=fiks;object=virksomhet" IN_MODULE;
    o.password = PIN;
    CHECK_OK(fiks_key_new(&o, &key, &err), err);
    CHECK_EQ_INT(fiks_key_certificate_count(key), 1);
    fiks_key_free(key);
}

TEST(takes_escaped_attributes)
{
    fiks_key_free(opened("pkcs11:token=%66iks;id=%a1?pin-value=hemmelig%2d73152&module-path="
                         "%2Fusr%2Flib%2Fsofthsm%2Flibsofthsm2.so",
                         NULL));
}

TEST(takes_the_certificate_from_a_file)
{
    token();
    fiks_key *key = NULL;
    fiks_error err = {0};
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    o.uri = "pkcs11:token=fiks;object=naken" IN_MODULE;
    o.password = PIN;
    o.name = "kommunens";
    CHECK_OK(fiks_key_new(&o, &key, &err), err);
    CHECK_EQ_INT(fiks_key_certificate_count(key), 0); /* fit for kid */
    CHECK_STR(fiks_key_name(key), "kommunens");
    fiks_key_free(key);
    o.certificate_file = test_temp_path("naken.pem");
    CHECK_OK(fiks_key_new(&o, &key, &err), err);
    CHECK_EQ_INT(fiks_key_certificate_count(key), 1);
    check_signs(key, "naken.pem");
    fiks_key_free(key);
    o.certificate_file = test_temp_path("virksomhet.pem");
    CHECK_EQ_INT(fiks_key_new(&o, &key, &err), FIKS_CREDENTIALS);
    CHECK_STR(err.code, "key_mismatch");
}

TEST(makes_a_grant)
{
    fiks_key *key = opened(URI IN_MODULE, PIN);
    fiks_token_inputs in = {.token_endpoint = "https://t.example/token",
                            .issuer = "https://t.example/",
                            .client_id = "klient",
                            .scope = "ks:fiks",
                            .key = key};
    fiks_buf assertion = {0};
    fiks_error err = {0};
    CHECK_OK(fiks_grant_check(&in, &err), err);
    CHECK_OK(fiks_grant_assertion(&in, fiks_now().wall_ms, "jti", &assertion, &err), err);
    CHECK(assertion.len > 600);
    fiks_buf_free(&assertion);
    fiks_key_free(key);
}

/* The token's session stays with the parent; the child logs in anew. */
TEST(a_forked_child_signs_too_and_so_does_its_parent_afterwards)
{
    fiks_key *key = opened(URI IN_MODULE, PIN);
    check_signs(key, "virksomhet.pem");
    pid_t child = fork();
    if (child == 0) {
        alarm(30); /* a hang is a failure */
        if (setjmp(test_leave))
            _exit(1);
        check_signs(key, "virksomhet.pem");
        fiks_key_free(opened("pkcs11:token=fiks;object=naken" IN_MODULE, PIN));
        fiks_key_free(key);
        _exit(0);
    }
    int status = 0;
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK_EQ_INT(status, 0);
    check_signs(key, "virksomhet.pem");
    fiks_key_free(key);
}

TEST(other_keys_of_the_process_stay_out_of_its_engine)
{
    fiks_key *key = opened(URI IN_MODULE, PIN);
    ENGINE_register_all_complete(); /* as libcurl and SoftHSM do */
    CHECK(ENGINE_get_pkey_meth_engine(EVP_PKEY_RSA) == NULL);
    check_signs(key, "virksomhet.pem");
    fiks_key_free(key);
}

/* ---- unwrapping ------------------------------------------------------------------------------ */

static size_t wrap(const EVP_MD *md, int padding, const uint8_t *secret, size_t len, uint8_t *out)
{
    size_t out_len = FIKS_SIGNATURE_MAX;
    FILE *file = fopen(test_temp_path("virksomhet.pem"), "r");
    X509 *x509 = PEM_read_X509(file, NULL, NULL, NULL);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(x509), NULL);
    CHECK(EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, padding) > 0);
    if (md)
        CHECK(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) > 0 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) > 0);
    CHECK(EVP_PKEY_encrypt(ctx, out, &out_len, secret, len) == 1);
    EVP_PKEY_CTX_free(ctx);
    X509_free(x509);
    fclose(file);
    return out_len;
}

TEST(unwraps_oaep_and_pkcs1)
{
    fiks_key *key = opened(URI IN_MODULE, PIN);
    uint8_t secret[32] = "en noekkel paa toogtredve bytes", wrapped[FIKS_SIGNATURE_MAX], got[32];
    static const int hashes[] = {NID_sha256, NID_sha1, NID_sha512};
    fiks_error err = {0};
    for (size_t i = 0; i < 3; i++) {
        size_t n =
            wrap(EVP_get_digestbynid(hashes[i]), RSA_PKCS1_OAEP_PADDING, secret, 32, wrapped);
        fiks_wrap how = {.oaep = true, .md_nid = hashes[i], .mgf1_md_nid = hashes[i]};
        CHECK_OK(fiks_key_unwrap(key, &how, wrapped, n, got, 32, &err), err);
        CHECK_MEM(got, 32, secret, 32);
        wrapped[5] ^= 1;
        CHECK_EQ_INT(fiks_key_unwrap(key, &how, wrapped, n, got, 32, NULL), FIKS_CRYPTO);
    }
    size_t n = wrap(NULL, RSA_PKCS1_PADDING, secret, 32, wrapped);
    fiks_wrap how = {0};
    CHECK_OK(fiks_key_unwrap(key, &how, wrapped, n, got, 32, &err), err);
    CHECK_MEM(got, 32, secret, 32);
    wrapped[5] ^= 1;
    CHECK_OK(fiks_key_unwrap(key, &how, wrapped, n, got, 32, &err), err); /* no oracle */
    CHECK(memcmp(got, secret, 32) != 0);
    fiks_key_free(key);
}

TEST(opens_a_message)
{
    fiks_key *key = opened(URI IN_MODULE, PIN);
    size_t len, message_len;
    char *pem = test_read_file(test_temp_path("virksomhet.pem"), &len);
    void *message = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_cms_encrypt("hei", 3, (const char *const *)&pem, 1, &message, &message_len, &err),
             err);
    fiks_buf plain = {0};
    CHECK_OK(fiks_cms_decrypt(message, message_len, &(fiks_cms_options){&key, 1, false}, &plain,
                              NULL, &err),
             err);
    CHECK_MEM(plain.data, plain.len, "hei", 3);
    fiks_buf_free(&plain);
    fiks_bytes_free(message, message_len);
    free(pem);
    fiks_key_free(key);
}

/* ---- failing --------------------------------------------------------------------------------- */

static void fail_in_all_ways(void)
{
    check_uri(URI IN_MODULE, "feil-pin", "wrong_password", "wrong PIN");
    check_uri(URI IN_MODULE "&pin-value=feil", PIN, "wrong_password", "wrong PIN");
    fiks_key_free(opened(URI IN_MODULE, PIN)); /* a right one works again */
    check_uri("pkcs11:token=fiks;object=finnes-ikke" IN_MODULE "&pin-value=" PIN, NULL, "no_key",
              "object=finnes-ikke");
    check_uri("pkcs11:token=annen;object=virksomhet" IN_MODULE, PIN, "no_key", "token=annen");
    check_uri(URI "?module-path=/finnes/ikke.so&pin-value=" PIN, NULL, "engine",
              "leave module-path out");
    check_uri(URI IN_MODULE, NULL, "password_missing", "for every key");
}

static void ask(void)
{
    check_uri(URI IN_MODULE, NULL, "password_missing", "wants a PIN");
}

static void no_module(void)
{
    check_uri(URI "?module-path=/finnes/ikke.so", PIN, "file", "/finnes/ikke.so");
}

static void by_p11_kit(void)
{
    fiks_key *key = opened(URI, PIN);
    check_signs(key, "virksomhet.pem");
    fiks_key_free(key);
}

static void missing(void)
{
    check_uri(URI, PIN, "engine", "libengine-pkcs11-openssl");
}

typedef struct alone {
    const char *name;
    void (*run)(void);
} alone;

static const alone alones[] = {{"fail", fail_in_all_ways},
                               {"ask", ask},
                               {"missing", missing},
                               {"no_module", no_module},
                               {"by_p11_kit", by_p11_kit}};

/* In a process of its own, as a token stays logged in; it must print nothing but its tally. */
static void run_alone(const char *name, const char *settings)
{
    char command[1024];
    token();
    snprintf(command, sizeof command,
             "%s FIKS_TEST_ALONE=%s FIKS_TEST_DIR='%s' timeout 60 '%s' </dev/null >'%s' 2>&1",
             settings, name, test_temp_dir(), program_invocation_name, test_temp_path("printed"));
    int status = system(command);
    char *text = test_read_file(test_temp_path("printed"), NULL);
    bool good = status == 0 && test_same_text(text, "1 passed\n");
    if (!good)
        printf("%s", text);
    free(text);
    CHECK(good);
}

TEST(says_what_is_wrong_and_never_the_pin)
{
    run_alone("fail", "");
}

TEST(does_not_ask_for_a_pin_on_the_terminal)
{
    run_alone("ask", "");
}

TEST(names_the_package_when_the_engine_is_missing)
{
    run_alone("missing", "OPENSSL_ENGINES=/finnes-ikke");
}

TEST(a_module_that_is_not_there)
{
    run_alone("no_module", "");
}

TEST(p11_kit_finds_the_module_when_none_is_named)
{
    run_alone("by_p11_kit", "");
}

TEST(uris_that_are_none)
{
    check_uri("pkcs11:", PIN, "uri", "names nothing");
    check_uri("pkcs11:?pin-value=" PIN, NULL, "uri", "names nothing");
    check_uri("pkcs11:type=private", PIN, "uri", "names nothing");
    check_uri("pkcs11:token=a?pin-value=" PIN "%2", NULL, "uri", "two hex digits");
    check_uri("pkcs11:token=a?pin-value=" PIN "%00", NULL, "uri", "two hex digits");
    check_uri("pkcs11:token=a?pin-source=/x/" PIN, NULL, "uri", "pin-source");
    check_uri("file:/x", PIN, "uri", "\"pkcs11:\"");
    fiks_key *key = NULL;
    fiks_error err = {0};
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    o.file = "x.pem";
    o.uri = URI;
    CHECK_EQ_INT(fiks_key_new(&o, &key, &err), FIKS_CREDENTIALS);
    CHECK_HAS(err.message, "not both");
}

static int main_alone(const char *name)
{
    test_tally tally = {0, 0, 0};
    snprintf(test_temp, sizeof test_temp, "%s", getenv("FIKS_TEST_DIR"));
    for (size_t i = 0; i < sizeof alones / sizeof *alones; i++) {
        const test_case one = {name, alones[i].run, NULL};
        if (strcmp(alones[i].name, name) == 0)
            test_run_one("test_key_pkcs11", &one, &tally);
    }
    printf("%d passed\n", tally.passed);
    return tally.passed != 1;
}

int main(void)
{
    const char *name = getenv("FIKS_TEST_ALONE");
    return name ? main_alone(name) : run_tests("test_key_pkcs11");
}
