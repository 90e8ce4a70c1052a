#include "../jwt.h"
#include "keys.h"

static void split(const char *text, fiks_jwt *out)
{
    fiks_error err = {0};
    CHECK_OK(fiks_jwt_split(text, strlen(text), out, &err), err);
}

TEST(names_of_algorithms)
{
    fiks_alg alg = FIKS_RS256;
    CHECK_STR(fiks_alg_name(FIKS_RS384), "RS384");
    CHECK(fiks_alg_find("RS512", &alg) && alg == FIKS_RS512);
    CHECK(!fiks_alg_find("none", &alg));
    CHECK(!fiks_alg_find("rs256", &alg));
    CHECK(!fiks_alg_find("PS256", &alg));
    CHECK_EQ_INT(alg, FIKS_RS512);
}

TEST(header_with_kid_or_certificates)
{
    fixtures();
    fiks_key *key = NULL, *bare = NULL;
    fiks_error err = {0};
    fiks_buf out = {0};
    CHECK_OK(load((request){"leaf.key", NULL, NULL, "leaf.pem"}, &key, &err), err);
    CHECK_OK(load((request){"leaf.key", NULL, NULL, NULL}, &bare, &err), err);
    CHECK_OK(fiks_jwt_header(key, FIKS_RS384, "a.b", 10, &out, &err), err);
    CHECK_STR(out.data, "{\"alg\":\"RS384\",\"kid\":\"a.b\"}");
    fiks_buf_clear(&out);
    test_shell("printf '{\"alg\":\"RS256\",\"x5c\":[\"%%s\"]}' "
               "\"$(openssl x509 -in leaf.pem -outform DER | base64 -w0)\" >header.json");
    char *expected = test_read_file(test_temp_path("header.json"), NULL);
    CHECK_OK(fiks_jwt_header(key, FIKS_RS256, NULL, 10, &out, &err), err);
    CHECK_STR(out.data, expected);
    free(expected);
    CHECK_EQ_INT(fiks_jwt_header(bare, FIKS_RS256, NULL, 10, &out, &err), FIKS_CREDENTIALS);
    CHECK_STR(err.code, "no_certificate");
    CHECK_HAS(err.message, "leaf.key");
    fiks_buf_free(&out);
    fiks_key_free(key);
    fiks_key_free(bare);
}

TEST(header_with_the_chain_or_the_leaf)
{
    fixtures();
    test_shell("cat leaf.pem rest.pem >all.pem");
    fiks_key *key = NULL;
    fiks_error err = {0};
    CHECK_OK(load((request){"leaf.key", NULL, NULL, "all.pem"}, &key, &err), err);
    for (size_t want = 1; want <= 2; want++) {
        fiks_buf out = {0};
        fiks_json *header = NULL;
        CHECK_OK(fiks_jwt_header(key, FIKS_RS256, NULL, want, &out, &err), err);
        CHECK_OK(fiks_json_parse(out.data, out.len, 10000, "it", &header, &err), err);
        CHECK_EQ_INT(fiks_json_count(fiks_json_get(header, "x5c")), want);
        fiks_json_free(header);
        fiks_buf_free(&out);
    }
    fiks_key_free(key);
}

/* openssl verifies what we sign. */
TEST(signs)
{
    static const char *const digests[] = {"sha256", "sha384", "sha512"};
    fixtures();
    fiks_key *key = NULL;
    fiks_error err = {0};
    CHECK_OK(load((request){"leaf.key", NULL, NULL, NULL}, &key, &err), err);
    for (int alg = FIKS_RS256; alg <= FIKS_RS512; alg++) {
        fiks_buf header = {0}, payload = {0}, out = {0};
        fiks_jwt jwt;
        fiks_buf_addf(&header, "{\"alg\":\"%s\"}", fiks_alg_name((fiks_alg)alg));
        fiks_buf_adds(&payload, "{\"a\":\"\xc3\xa5\"}");
        fiks_buf_adds(&out, "before ");
        CHECK_OK(fiks_jwt_sign(key, (fiks_alg)alg, &header, &payload, &out, &err), err);
        CHECK(strncmp(out.data, "before ", 7) == 0);
        split(out.data + 7, &jwt);
        CHECK_STR(fiks_json_get_string(jwt.header, "alg"), fiks_alg_name((fiks_alg)alg));
        CHECK_STR(fiks_json_get_string(jwt.payload, "a"), "\xc3\xa5");
        test_write_file(test_temp_path("signed"), out.data + 7, jwt.signed_bytes);
        test_write_file(test_temp_path("sig"), jwt.signature.data, jwt.signature.len);
        test_shell("openssl x509 -in leaf.pem -pubkey -noout >pub.pem; "
                   "openssl dgst -%s -verify pub.pem -signature sig signed",
                   digests[alg]);
        fiks_jwt_clear(&jwt);
        fiks_buf_free(&header);
        fiks_buf_free(&payload);
        fiks_buf_free(&out);
    }
    fiks_key_free(key);
}

TEST(takes_apart_only_signed_jwts)
{
    static const char *const bad[] = {
        "",
        "IxC0B76vlWl3fiQhAwZUmD0hr_PPwC9hSIXRdoUslPU=",
        "e30.e30",
        "e30.e30.x.y.z",
        "e30.e30.!",
        "e30=.e30.AA",
        "W10.e30.AA",
        "e30.W10.AA",
        "..",
        "e30..AA",
        "e30.e30.AA.",
    };
    fiks_jwt jwt;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fiks_error err = {0};
        if (fiks_jwt_split(bad[i], strlen(bad[i]), &jwt, &err) != FIKS_PROTOCOL)
            TEST_FAIL("accepted \"%s\"", bad[i]);
        CHECK_STR(err.code, "jwt");
        fiks_jwt_clear(&jwt);
    }
    split("e30.e30.AA", &jwt);
    CHECK_EQ_INT(jwt.signed_bytes, 7);
    CHECK_EQ_INT(jwt.signature.len, 1);
    fiks_jwt_clear(&jwt);
    split("e30.e30.", &jwt);
    fiks_jwt_clear(&jwt);
}

static void check_org(const char *payload, const char *expected)
{
    fiks_buf text = {0};
    fiks_jwt jwt;
    char org[10];
    fiks_buf_adds(&text, "e30.");
    fiks_base64url_add(&text, payload, strlen(payload));
    fiks_buf_adds(&text, ".AA");
    split(text.data, &jwt);
    fiks_jwt_consumer_org(&jwt, org);
    CHECK_STR(org, expected);
    fiks_jwt_clear(&jwt);
    fiks_buf_free(&text);
}

TEST(organisation_of_a_token)
{
    check_org("{\"consumer\":{\"ID\":\"0192:971032146\"}}", "971032146");
    check_org("{\"consumer\":{\"ID\":\"0192:971032146:ER//987464291:1\"}}", "971032146");
    check_org("{\"consumer\":{\"ID\":\"0192:971032146x\"}}", "");
    check_org("{\"consumer\":{\"ID\":\"0192:9710321460\"}}", "");
    check_org("{\"consumer\":{\"ID\":\"0192:\"}}", "");
    check_org("{\"consumer\":{\"ID\":971032146}}", "");
    check_org("{\"consumer\":\"0192:971032146\"}", "");
    check_org("{\"client_orgno\":\"991825827\"}", "991825827");
    check_org("{}", "");
}

TEST(scopes_are_words)
{
    CHECK(fiks_scope_covers("a ks:fiks b", "ks:fiks"));
    CHECK(fiks_scope_covers("b\ta", " a  b "));
    CHECK(fiks_scope_covers("a", ""));
    CHECK(!fiks_scope_covers("ks:fiksx xks:fiks", "ks:fiks"));
    CHECK(!fiks_scope_covers("", "a"));
    CHECK(!fiks_scope_covers("a", "a b"));
}

static void check_token(const fiks_json *row)
{
    fiks_jwt jwt;
    char org[10];
    int64_t exp = 0, expected_exp = 0;
    bool covered = false;
    const fiks_json *expect = fiks_json_get(row, "expect");
    const char *number = fiks_json_get_string(expect, "consumer_orgno");
    split(fiks_json_get_string(row, "token"), &jwt);
    fiks_jwt_consumer_org(&jwt, org);
    CHECK_STR(org, number ? number : "");
    CHECK(fiks_json_int64(fiks_json_get(jwt.payload, "exp"), &exp));
    CHECK(fiks_json_int64(fiks_json_get(expect, "exp"), &expected_exp));
    CHECK_EQ_INT(exp, expected_exp);
    fiks_json_bool(fiks_json_get(expect, "scope_ok"), &covered); /* null: not said */
    CHECK_EQ_INT(fiks_jwt_has_scope(&jwt, "ks:fiks"), covered);
    fiks_jwt_clear(&jwt);
}

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

TEST(published_access_tokens)
{
    fiks_json *root = read_json(test_vector("auth/constructed/access-tokens.json"));
    const fiks_json *tokens = fiks_json_get(root, "tokens");
    CHECK_EQ_INT(fiks_json_count(tokens), 9);
    for (size_t i = 0; i < fiks_json_count(tokens); i++)
        check_token(fiks_json_at(tokens, i));
    fiks_json_free(root);
}

/* RFC 7520, 4.1: same header and payload, same signature. */
TEST(rfc_7520_signature)
{
    char path[700];
    snprintf(path, sizeof path, "%s",
             test_vector("auth/ietf-jose-cookbook/jwk-3_4.rsa_private_key.json"));
    fiks_json *root =
        read_json(test_vector("auth/ietf-jose-cookbook/jws-4_1.rsa_v15_signature.json"));
    const fiks_json *output = fiks_json_get(root, "output");
    fiks_key *key = NULL;
    fiks_error err = {0};
    fiks_buf header = {0}, payload = {0}, out = {0};
    CHECK_OK(load((request){path, NULL, NULL, NULL}, &key, &err), err);
    CHECK_OK(fiks_jwt_header(key, FIKS_RS256, "bilbo.baggins@hobbiton.example", 0, &header, &err),
             err);
    fiks_buf_adds(&payload, fiks_json_get_string(fiks_json_get(root, "input"), "payload"));
    CHECK_OK(fiks_jwt_sign(key, FIKS_RS256, &header, &payload, &out, &err), err);
    CHECK_STR(out.data, fiks_json_get_string(output, "compact"));
    fiks_buf_free(&header);
    fiks_buf_free(&payload);
    fiks_buf_free(&out);
    fiks_key_free(key);
    fiks_json_free(root);
}

int main(void)
{
    return run_tests("test_jwt");
}
