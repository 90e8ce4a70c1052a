#include "../grant.h"
#include "../jwt.h"
#include "keys.h"

#define NOW_MS INT64_C(1700000000500)
#define JTI "00000000-0000-4000-8000-000000000001"

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

static fiks_token_inputs inputs_with(fiks_key *key)
{
    return (fiks_token_inputs){
        .token_endpoint = "https://test.maskinporten.no/token",
        .issuer = "https://test.maskinporten.no/",
        .client_id = "77c0a0ba-0000-4000-8000-000000000001",
        .scope = "ks:fiks",
        .kid = "en-kid",
        .key = key,
    };
}

/* ---- checks -------------------------------------------------------------------------------- */

static void check_refused(const fiks_token_inputs *in, fiks_status kind, const char *code,
                          const char *part)
{
    fiks_error err = {0};
    fiks_status st = fiks_grant_check(in, &err);
    if (st != kind || strcmp(err.code, code) != 0 || !strstr(err.message, part))
        TEST_FAIL("status %d, code \"%s\", message \"%s\"; expected %d, \"%s\", \"%s\"", st,
                  err.code, err.message, kind, code, part);
}

TEST(inputs_are_checked_up_front)
{
    fiks_key *key = test_key("en");
    fiks_error err = {0};
    fiks_token_inputs good = inputs_with(key), in = good;
    CHECK_OK(fiks_grant_check(&in, &err), err);
#define REFUSED(member, value, code, part)                                                         \
    do {                                                                                           \
        in = good;                                                                                 \
        in.member = value;                                                                         \
        check_refused(&in, FIKS_CONFIG, code, part);                                               \
    } while (0)
    REFUSED(token_endpoint, NULL, "token_endpoint", "missing");
    REFUSED(issuer, "", "issuer", "empty");
    REFUSED(client_id, NULL, "client_id", "missing");
    REFUSED(client_id, "a\nb", "client_id", "control character");
    REFUSED(client_id, "a\xff", "client_id", "not valid UTF-8");
    REFUSED(scope, NULL, "scope", "empty");
    REFUSED(scope, "   ", "scope", "empty");
    REFUSED(scope, "ks:fiks\n", "scope", "at byte 7");
    REFUSED(scope, "ks:\xc3\xa6", "scope", "at byte 3");
    REFUSED(scope, "\"ks\"", "scope", "at byte 0");
    REFUSED(consumer_org, "91075361", "consumer_org", "nine digits");
    REFUSED(consumer_org, "910 753 614", "consumer_org", "nine digits");
    REFUSED(consumer_org, "0192:", "consumer_org", "nine digits");
    REFUSED(pid, "1234567890", "pid", "eleven digits");
    REFUSED(kid, "", "kid", "kid must be");
    REFUSED(kid, "a b", "kid", "kid must be");
    REFUSED(kid, "a@b", "kid", "kid must be");
    REFUSED(resource, "", "resource", "empty");
    REFUSED(authorization_details, "{}", "authorization_details", "array");
    REFUSED(authorization_details, "[]", "authorization_details", "array");
    REFUSED(authorization_details, "[{},{}]", "authorization_details", "with one object");
    REFUSED(authorization_details, "[1]", "authorization_details", "with one object");
    REFUSED(consumer_org, "01017012345", "consumer_org", "11 characters and is not shown");
    REFUSED(authorization_details, "[", "authorization_details", "not JSON");
    REFUSED(key, NULL, "key", "missing");
    in = good;
    in.pid = "0101019999x";
    fiks_grant_check(&in, &err);
    CHECK(strstr(err.message, "010101") == NULL);
    fiks_key_free(key);
}

TEST(long_inputs_are_refused)
{
    fiks_key *key = test_key("en");
    fiks_token_inputs in = inputs_with(key);
    static char text[20001];
    for (size_t i = 0; i < 20000; i += 2)
        memcpy(text + i, "a ", 2);
    in.scope = text;
    check_refused(&in, FIKS_CONFIG, "scope", "longer than");
    in = inputs_with(key);
    memset(text, 'a', 2000);
    text[2000] = '\0';
    in.client_id = text;
    check_refused(&in, FIKS_CONFIG, "client_id", "longer than");
    in = inputs_with(key);
    text[129] = '\0';
    in.kid = text;
    check_refused(&in, FIKS_CONFIG, "kid", "kid must be 1 to 128");
    fiks_key_free(key);
}

TEST(a_certificate_is_needed_without_kid)
{
    fiks_key *key = test_key("en"), *bare = NULL;
    fiks_error err = {0};
    CHECK_OK(load((request){"en.key", NULL, NULL, NULL}, &bare, &err), err);
    fiks_token_inputs in = inputs_with(bare);
    CHECK_OK(fiks_grant_check(&in, &err), err);
    in.kid = NULL;
    check_refused(&in, FIKS_CREDENTIALS, "no_certificate", "or the kid");
    in.key = key;
    CHECK_OK(fiks_grant_check(&in, &err), err);
    fiks_key_free(bare);
    fiks_key_free(key);
}

TEST(the_contract_of_2018_has_less)
{
    fiks_key *key = test_key("en");
    fiks_error err = {0};
    fiks_token_inputs in = inputs_with(key);
    in.contract_2018 = true;
    check_refused(&in, FIKS_CONFIG, "contract", "does not have kid");
    in.kid = NULL;
    CHECK_OK(fiks_grant_check(&in, &err), err);
    in.alg = FIKS_RS512;
    check_refused(&in, FIKS_CONFIG, "contract", "but RS256");
    in.alg = FIKS_RS256;
    in.resource = "x";
    check_refused(&in, FIKS_CONFIG, "contract", "does not have resource");
    fiks_key_free(key);
}

/* ---- assertions ---------------------------------------------------------------------------- */

static void make(const fiks_token_inputs *in, fiks_jwt *jwt)
{
    fiks_buf out = {0};
    fiks_error err = {0};
    CHECK_OK(fiks_grant_assertion(in, NOW_MS, JTI, &out, &err), err);
    CHECK_OK(fiks_jwt_split(out.data, out.len, jwt, &err), err);
    fiks_buf_free(&out);
}

static void check_payload(const fiks_token_inputs *in, const char *expected)
{
    fiks_jwt jwt;
    fiks_buf text = {0};
    fiks_error err = {0};
    make(in, &jwt);
    CHECK_OK(fiks_json_dump(jwt.payload, &text, &err), err);
    CHECK_STR(text.data, expected);
    fiks_buf_free(&text);
    fiks_jwt_clear(&jwt);
}

#define COMMON "\"scope\":\"ks:fiks\",\"iat\":1700000000,\"exp\":1700000120,\"jti\":\"" JTI "\""

TEST(claims_are_the_documented_ones)
{
    fiks_key *key = test_key("en");
    fiks_token_inputs in = inputs_with(key);
    in.issuer = "https://iss/";
    in.client_id = "bl\xc3\xa5 \"sitat\"";
    check_payload(&in,
                  "{\"aud\":\"https://iss/\",\"iss\":\"bl\xc3\xa5 \\\"sitat\\\"\"," COMMON "}");
    in.client_id = "x";
    in.consumer_org = "0192:910753614";
    in.resource = "https://r/";
    in.pid = "00000000000";
    check_payload(&in, "{\"aud\":\"https://iss/\",\"iss\":\"x\"," COMMON
                       ",\"consumer_org\":\"910753614\",\"resource\":\"https://r/\","
                       "\"pid\":\"00000000000\"}");
    fiks_key_free(key);
}

TEST(a_supplier_in_2018)
{
    fiks_key *key = test_key("en");
    fiks_token_inputs in = inputs_with(key);
    fiks_jwt jwt;
    fiks_buf out = {0};
    fiks_error err = {0};
    in.kid = NULL;
    in.scope = "ks";
    in.consumer_org = "910753614";
    in.contract_2018 = true;
    CHECK_OK(fiks_grant_assertion(&in, fiks_now().wall_ms, JTI, &out, &err), err);
    CHECK_OK(fiks_jwt_split(out.data, out.len, &jwt, &err), err);
    CHECK_STR(fiks_json_get_string(jwt.payload, "iss_onbehalfof"), "910753614");
    CHECK(fiks_json_get(jwt.payload, "consumer_org") == NULL);
    CHECK_EQ_INT(fiks_json_count(fiks_json_get(jwt.header, "x5c")), 1);
    CHECK(fiks_json_get(jwt.header, "kid") == NULL);
    fiks_jwt_clear(&jwt);
    fiks_buf_free(&out);
    fiks_key_free(key);
}

TEST(no_grant_with_a_clock_or_certificate_out_of_time)
{
    fiks_key *key = test_key("en");
    fiks_token_inputs in = inputs_with(key);
    fiks_buf out = {0};
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_grant_assertion(&in, INT64_C(1577836799999), JTI, &out, &err), FIKS_CLOCK);
    CHECK_HAS(err.message, "before 2020");
    fiks_error_clear(&err);
    CHECK_OK(fiks_grant_assertion(&in, INT64_C(1577836800000), JTI, &out, &err), err);
    fiks_buf_clear(&out);
    in.kid = NULL;
    int64_t now = fiks_now().wall_ms, day = 86400000;
    CHECK_OK(fiks_grant_assertion(&in, now, JTI, &out, &err), err);
    fiks_buf_clear(&out);
    CHECK_EQ_INT(fiks_grant_assertion(&in, now + 91 * day, JTI, &out, &err), FIKS_CREDENTIALS);
    CHECK_STR(err.code, "expired");
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_grant_assertion(&in, now - day, JTI, &out, &err), FIKS_CREDENTIALS);
    CHECK_STR(err.code, "not_yet_valid");
    CHECK_EQ_INT(out.len, 0);
    fiks_buf_free(&out);
    fiks_key_free(key);
}

TEST(the_body_is_a_form)
{
    static const char start[] =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    fiks_key *key = test_key("en");
    fiks_token_inputs in = inputs_with(key);
    fiks_buf body = {0}, assertion = {0};
    fiks_error err = {0};
    CHECK_OK(fiks_grant_body(&in, NOW_MS, JTI, &body, &err), err);
    CHECK_OK(fiks_grant_assertion(&in, NOW_MS, JTI, &assertion, &err), err);
    CHECK(strncmp(body.data, start, sizeof start - 1) == 0);
    CHECK_STR(body.data + sizeof start - 1, assertion.data);
    fiks_buf_free(&body);
    fiks_buf_free(&assertion);
    fiks_key_free(key);
}

static fiks_key *vector_key(const char *name)
{
    char file[300], path[700];
    fiks_key *key = NULL;
    fiks_error err = {0};
    size_t len = strcspn(name, " ");
    snprintf(file, sizeof file, "auth/%.*s", (int)len, name);
    snprintf(path, sizeof path, "%s", test_vector(file));
    const char *password = strstr(name, "KS_PASSWORD") ? "KS_PASSWORD" : NULL;
    CHECK_OK(load((request){path, password, NULL, NULL}, &key, &err), err);
    return key;
}

/* The inputs that give the vector's payload. */
static void check_vector(const fiks_json *row)
{
    fiks_json *header = NULL, *payload = NULL;
    fiks_error err = {0};
    const char *header_text = fiks_json_get_string(row, "header_json");
    const char *payload_text = fiks_json_get_string(row, "payload_json");
    CHECK_OK(fiks_json_parse(header_text, strlen(header_text), 10000, "it", &header, &err), err);
    CHECK_OK(fiks_json_parse(payload_text, strlen(payload_text), 10000, "it", &payload, &err), err);
    const fiks_json *resource = fiks_json_get(payload, "resource");
    const fiks_json *details = fiks_json_get(payload, "authorization_details");
    fiks_buf details_text = {0}, out = {0};
    int64_t iat = 0;
    CHECK(fiks_json_int64(fiks_json_get(payload, "iat"), &iat));
    if (details)
        CHECK_OK(fiks_json_dump(details, &details_text, &err), err);
    fiks_token_inputs in = {
        .token_endpoint = "https://test.maskinporten.no/token",
        .issuer = fiks_json_get_string(payload, "aud"),
        .client_id = fiks_json_get_string(payload, "iss"),
        .scope = fiks_json_get_string(payload, "scope"),
        .consumer_org = fiks_json_get_string(payload, "consumer_org"),
        .resource = fiks_json_string(fiks_json_at(resource, 0)),
        .resource_array = true,
        .pid = fiks_json_get_string(payload, "pid"),
        .authorization_details = details_text.data,
        .kid = fiks_json_get_string(header, "kid"),
        .key = vector_key(fiks_json_get_string(row, "key")),
    };
    CHECK(fiks_alg_find(fiks_json_get_string(row, "alg"), &in.alg));
    CHECK_OK(fiks_grant_assertion(&in, iat * 1000 + 999, fiks_json_get_string(payload, "jti"), &out,
                                  &err),
             err);
    CHECK_STR(out.data, fiks_json_get_string(row, "assertion"));
    fiks_buf_free(&out);
    fiks_buf_free(&details_text);
    fiks_key_free(in.key);
    fiks_json_free(header);
    fiks_json_free(payload);
}

TEST(published_grants_bit_by_bit)
{
    fiks_json *root = read_json(test_vector("auth/constructed/grant-vectors.json"));
    const fiks_json *vectors = fiks_json_get(root, "vectors");
    CHECK_EQ_INT(fiks_json_count(vectors), 8);
    for (size_t i = 0; i < fiks_json_count(vectors); i++)
        check_vector(fiks_json_at(vectors, i));
    fiks_json_free(root);
}

int main(void)
{
    return run_tests("test_grant");
}
