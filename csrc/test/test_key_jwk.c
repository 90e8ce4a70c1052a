/* JWKs, and the key files that are published with the protocol. */
#include <openssl/core_names.h>

#include "../json.h"
#include "keys.h"

static fiks_json *read_json(const char *path)
{
    size_t len = 0;
    fiks_json *root = NULL;
    fiks_error err = {0};
    char *text = test_read_file(path, &len);
    CHECK(text != NULL);
    fiks_status st = fiks_json_parse(text, len, 1 << 20, path, &root, &err);
    free(text);
    CHECK_OK(st, err);
    return root;
}

static void check_vector(const char *name, const char *password, const char *alias,
                         size_t certificates)
{
    char path[700];
    fiks_key *key = NULL;
    fiks_error err = {0};
    snprintf(path, sizeof path, "%s", test_vector(name));
    CHECK_OK(load((request){path, password, alias, NULL}, &key, &err), err);
    CHECK_EQ_INT(fiks_key_certificate_count(key), certificates);
    fiks_key_free(key);
    if (!password)
        return;
    check_fails((request){path, "feil", NULL, NULL}, "wrong_password", "wrong password");
    check_fails((request){path, NULL, NULL, NULL}, "password_missing", "no password");
}

TEST(opens_the_platforms_test_files)
{
    check_vector("auth/ks-fiks-maskinporten/KS-virksomhetssertifikat-auth.p12", "KS_PASSWORD",
                 "authentication certificate", 1);
    check_vector("auth/ks-fiks-maskinporten/test-private.pem", NULL, NULL, 0);
    check_vector("auth/ks-fiks-maskinporten-client-dotnet/alice-virksomhetssertifikat.p12",
                 "PASSWORD", "et alias", 1);
    check_vector("auth/ks-fiks-maskinporten-client-dotnet/bob-virksomhetssertifikat.p12",
                 "PASSWORD", NULL, 1);
    check_vector("auth/ks-fiks-virksomhetssertifikat/test.p12", "test", "test", 1);
    check_vector("svarinn/efm/somdalen.p12", "changeit", "somdalen", 1);
    check_vector("svarinn/kryptering-java/keystore.p12", "test1234", "kryptering", 1); /* RC2-40 */
    char path[700];
    snprintf(path, sizeof path, "%s", test_vector("auth/ks-fiks-virksomhetssertifikat/test.jks"));
    check_fails((request){path, NULL, NULL, NULL}, "jks", "keytool");
    snprintf(path, sizeof path, "%s", test_vector("svarinn/kryptering-java/keystore.jks"));
    check_fails((request){path, "test1234", "kryptering", NULL}, "jks", "keytool");
}

TEST(the_public_half_of_a_published_pair)
{
    char path[700];
    fiks_key *key = NULL;
    fiks_error err = {0};
    snprintf(path, sizeof path, "%s",
             test_vector("auth/ietf-jose-cookbook/jwk-3_4.rsa_private_key.json"));
    CHECK_OK(load((request){path, NULL, NULL, NULL}, &key, &err), err);
    snprintf(path, sizeof path, "%s",
             test_vector("auth/ietf-jose-cookbook/jwk-3_3.rsa_public_key.json"));
    check_fails((request){path, NULL, NULL, NULL}, "no_key", "it is a public key");
    fiks_json *half = read_json(path);
    CHECK_STR(fiks_key_jwk_n(key), fiks_json_get_string(half, "n"));
    CHECK_STR(fiks_key_jwk_e(key), fiks_json_get_string(half, "e"));
    fiks_json_free(half);
    fiks_key_free(key);
}

TEST(jwk_thumbprints)
{
    fiks_json *root = read_json(test_vector("auth/constructed/jwk-thumbprints.json"));
    const fiks_json *vectors = fiks_json_get(root, "vectors");
    size_t checked = 0;
    for (size_t i = 0; i < fiks_json_count(vectors); i++) {
        const fiks_json *row = fiks_json_at(vectors, i);
        const char *file = fiks_json_get_string(row, "file");
        if (!file)
            continue; /* a public key only */
        char name[200], path[700];
        fiks_key *key = NULL;
        fiks_error err = {0};
        snprintf(name, sizeof name, "auth/%s", file);
        snprintf(path, sizeof path, "%s", test_vector(name));
        CHECK_OK(load((request){path, NULL, fiks_json_get_string(row, "kid"), NULL}, &key, &err),
                 err);
        CHECK_STR(fiks_key_thumbprint(key), fiks_json_get_string(row, "thumbprint"));
        CHECK_STR(fiks_key_jwk_e(key), "AQAB");
        fiks_key_free(key);
        checked++;
    }
    CHECK_EQ_INT(checked, 6);
    fiks_json_free(root);
}

static void add_member(fiks_buf *out, const EVP_PKEY *pkey, const char *name, const char *param)
{
    BIGNUM *number = NULL;
    unsigned char bytes[512];
    CHECK(EVP_PKEY_get_bn_param(pkey, param, &number) == 1);
    int len = BN_bn2bin(number, bytes);
    BN_clear_free(number);
    fiks_buf_addf(out, ",\"%s\":\"", name);
    fiks_base64url_add(out, bytes, (size_t)len);
    fiks_buf_adds(out, "\"");
}

/* The members named in `members` of leaf.key, and `end`. */
static void write_jwk(const char *file, const char *members, const char *end)
{
    static const char *const all[][2] = {
        {"n", OSSL_PKEY_PARAM_RSA_N},          {"e", OSSL_PKEY_PARAM_RSA_E},
        {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
        {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
        {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
    };
    EVP_PKEY *pkey = read_pkey("leaf.key");
    fiks_buf text = {0};
    char word[8];
    fiks_buf_adds(&text, "{\"kty\":\"RSA\"");
    for (size_t i = 0; i < 8; i++) {
        snprintf(word, sizeof word, " %s ", all[i][0]);
        if (strstr(members, word))
            add_member(&text, pkey, all[i][0], all[i][1]);
    }
    fiks_buf_adds(&text, end);
    test_write_file(test_temp_path(file), text.data, text.len);
    fiks_buf_free(&text);
    EVP_PKEY_free(pkey);
}

static void write_text(const char *file, const char *text)
{
    test_write_file(test_temp_path(file), text, strlen(text));
}

TEST(jwk)
{
    fixtures();
    fiks_key *key = NULL, *same = NULL;
    fiks_error err = {0};
    write_jwk("whole.jwk", " n e d p q dp dq qi ", ",\"kid\":\"en\"}");
    write_jwk("short.jwk", " n e d ", "}");
    CHECK_OK(load((request){"leaf.key", NULL, NULL, NULL}, &key, &err), err);
    CHECK_OK(load((request){"whole.jwk", NULL, NULL, "leaf.pem"}, &same, &err), err);
    CHECK_STR(fiks_key_thumbprint(same), fiks_key_thumbprint(key));
    CHECK_STR(fiks_key_jwk_n(same), fiks_key_jwk_n(key));
    CHECK_EQ_INT(fiks_key_certificate_count(same), 1);
    fiks_key_free(key);
    fiks_key_free(same);
    check_loads((request){"short.jwk", NULL, NULL, NULL}, 0);
    test_shell(
        "printf '{\"keys\":[%%s,{\"kty\":\"EC\",\"kid\":\"to\"}]}' \"$(cat whole.jwk)\" >set.jwk");
    check_loads((request){"set.jwk", NULL, "en", NULL}, 0);
    check_fails((request){"set.jwk", NULL, NULL, NULL}, "alias", "one of \"en\", \"to\"");
    check_fails((request){"set.jwk", NULL, "tre", NULL}, "alias", "one of \"en\", \"to\"");
    test_shell(
        "printf ',\"x5c\":[\"%%s\"]}' \"$(openssl x509 -in leaf.pem -outform DER | base64 -w0)\""
        " >end.txt; { tr -d '}' <whole.jwk; cat end.txt; } >x5c.jwk");
    check_loads((request){"x5c.jwk", NULL, NULL, NULL}, 1);
}

TEST(jwk_that_is_no_private_rsa_key)
{
    fixtures();
    write_jwk("public.jwk", " n e ", "}");
    write_jwk("wrong.jwk", " n d ", ",\"e\":\"Aw\"}");
    write_jwk("text.jwk", " n e ", ",\"d\":\"!\"}");
    write_jwk("x5c.jwk", " n e d ", ",\"x5c\":[1]}");
    write_text("ec.jwk", "{\"kty\":\"EC\",\"crv\":\"P-256\"}");
    write_text("no.jwk", "{\"a\":1}");
    write_text("cut.jwk", "{\"kty\":\"RSA\"");
    write_text("none.jwk", " {\"keys\":[]}");
    check_fails((request){"public.jwk", NULL, NULL, NULL}, "no_key", "public key");
    check_fails((request){"wrong.jwk", NULL, NULL, NULL}, "format", "do not make an RSA key");
    check_fails((request){"text.jwk", NULL, NULL, NULL}, "format", "\"d\" of the JWK");
    check_fails((request){"x5c.jwk", NULL, NULL, NULL}, "format", "\"x5c\"");
    check_fails((request){"ec.jwk", NULL, NULL, NULL}, "unsupported_key", "EC");
    check_fails((request){"no.jwk", NULL, NULL, NULL}, "format", "not a JWK");
    check_fails((request){"cut.jwk", NULL, NULL, NULL}, "format", "not JSON");
    check_fails((request){"none.jwk", NULL, NULL, NULL}, "no_key", "no key");
}

int main(void)
{
    return run_tests("test_key_jwk");
}
