#include "../grant.h"
#include "../json.h"
#include "harness.h"

/* {"alg":"RS256"} . {"iat":1000,"exp":1120} . x */
#define JWT_120 "eyJhbGciOiJSUzI1NiJ9.eyJpYXQiOjEwMDAsImV4cCI6MTEyMH0.eA"

static const fiks_time sent = {1700000000000, 5000};

static fiks_status parse(int status, const char *body, fiks_token *out, fiks_error *err)
{
    fiks_grant_answer answer = {.status = status,
                                .body = body,
                                .body_bytes = strlen(body),
                                .sent = sent,
                                .received_ms = sent.wall_ms + 300};
    return fiks_grant_parse(&answer, "ks:fiks", false, out, err);
}

static void check_lifetime(const char *members, int64_t expected_s)
{
    char body[400];
    fiks_token token;
    fiks_error err = {0};
    snprintf(body, sizeof body, "{%s}", members);
    CHECK_OK(parse(200, body, &token, &err), err);
    CHECK_EQ_INT(token.lifetime_ms, expected_s * 1000);
    CHECK_EQ_INT(token.sent.mono_ms, sent.mono_ms);
    CHECK_STR(token.scope, "ks:fiks");
    fiks_token_clear(&token);
}

static void check_fails(int status, const char *body, fiks_status kind, const char *code,
                        const char *part)
{
    fiks_token token;
    fiks_error err = {0};
    fiks_status st = parse(status, body, &token, &err);
    if (st != kind || strcmp(err.code, code) != 0 || !strstr(err.message, part))
        TEST_FAIL("%s: status %d, code \"%s\", message \"%s\"; expected %d, \"%s\", \"%s\"", body,
                  st, err.code, err.message, kind, code, part);
    CHECK_EQ_INT(err.http_status, status);
    CHECK(token.access_token == NULL && token.scope == NULL);
}

TEST(the_smaller_lifetime_counts)
{
    check_lifetime("\"access_token\":\"" JWT_120 "\",\"expires_in\":119", 119);
    check_lifetime("\"access_token\":\"" JWT_120 "\",\"expires_in\":7199", 120);
    check_lifetime("\"access_token\":\"" JWT_120 "\"", 120);
    check_lifetime("\"access_token\":\"" JWT_120 "\",\"expires_in\":null", 120);
    check_lifetime("\"access_token\":\"opaque\",\"expires_in\":599", 599);
    check_lifetime("\"access_token\":\"opaque\"", 0);
    check_lifetime("\"access_token\":\"opaque\",\"expires_in\":0", 0);
    check_lifetime("\"access_token\":\"opaque\",\"expires_in\":59.9", 59);
    check_lifetime("\"access_token\":\"opaque\",\"expires_in\":\"119\"", 119);
    check_lifetime("\"access_token\":\"opaque\",\"expires_in\":1e300", 7200);
    check_lifetime("\"access_token\":\"opaque\",\"expires_in\":4294967296", 7200);
    check_lifetime("\"access_token\":\"opaque\",\"expires_in\":9,\"token_type\":\"bEaReR\"", 9);
    check_lifetime("\"access_token\":\"opaque\",\"expires_in\":9,\"more\":[1]", 9);
}

TEST(a_token_that_cannot_be_used)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{\"access_token\":\"eyJ",
        "<html>",
        "{\"expires_in\":1}",
        "{\"access_token\":null,\"expires_in\":1}",
        "{\"access_token\":1}",
        "{\"access_token\":\"\"}",
        "{\"access_token\":\"a b\"}",
        "{\"access_token\":\"a\\r\\nX-Evil: 1\"}",
        "{\"access_token\":\"bl\xc3\xa5\"}",
        "{\"access_token\":\"a\",\"access_token\":\"b\"}",
        "{\"access_token\":\"a\",\"token_type\":\"mac\"}",
        "{\"access_token\":\"a\",\"token_type\":1}",
        "{\"access_token\":\"a\",\"expires_in\":-5}",
        "{\"access_token\":\"a\",\"expires_in\":\"\"}",
        "{\"access_token\":\"a\",\"expires_in\":\"-5\"}",
        "{\"access_token\":\"a\",\"expires_in\":\"soon\"}",
        "{\"access_token\":\"a\",\"expires_in\":true}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fiks_token token;
        fiks_error err = {0};
        if (parse(200, bad[i], &token, &err) != FIKS_PROTOCOL)
            TEST_FAIL("accepted: %s", bad[i]);
        CHECK(token.access_token == NULL);
        CHECK(!err.retryable);
    }
}

TEST(a_token_that_is_too_large)
{
    size_t n = 40000;
    char *body = malloc(n + 100);
    fiks_token token;
    fiks_error err = {0};
    int at = sprintf(body, "{\"access_token\":\"");
    memset(body + at, 'a', n);
    strcpy(body + at + n, "\"}");
    CHECK_EQ_INT(parse(200, body, &token, &err), FIKS_PROTOCOL);
    CHECK_HAS(err.message, "larger than 32 KB");
    free(body);
    body = calloc(1, 70000);
    memset(body, ' ', 69999);
    fiks_error_clear(&err);
    CHECK_EQ_INT(parse(200, body, &token, &err), FIKS_PROTOCOL);
    CHECK_HAS(err.message, "more than 65536");
    free(body);
}

TEST(scopes_that_were_not_granted)
{
    check_fails(200, "{\"access_token\":\"a\",\"expires_in\":9,\"scope\":\"ks:fiksx a\"}",
                FIKS_DENIED, "scope", "granted the scope \"ks:fiksx a\" instead of \"ks:fiks\"");
    check_lifetime("\"access_token\":\"a\",\"expires_in\":9,\"scope\":\"ks:fiks\"", 9);
}

#define PROBLEM(code, text)                                                                          \
    "{\"error\":\"invalid_grant\",\"error_description\":\"" text                                     \
    " (trace_id: 0123456789abcdef0123456789abcdef)\",\"error_uri\":\"https:\\/\\/x\\/errors\\/" code \
    "\"}"

TEST(refusals_say_who_must_act)
{
    static const struct {
        const char *code, *hint;
    } rows[] = {
        {"MP-011", "line breaks"},
        {"MP-100", "check client_id"},
        {"MP-110", "issuer"},
        {"MP-120", "virksomhetssertifikat"},
        {"MP-121", "register it again"},
        {"MP-122", "use the certificate of the organisation that owns the client"},
        {"MP-123", "have the key registered at Digdir and set kid"},
        {"MP-124", "signature"},
        {"MP-200", "misspelt"},
        {"MP-201", "kind of client"},
        {"MP-250", "ask KS"},
        {"MP-251", "Altinn"},
        {"MP-201", "have Digdir register"},
        {"MP-301", "must correct its type"},
        {"MP-302", "must remove that field"},
        {"MP-303", "must correct that value"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char body[400];
        fiks_token token;
        fiks_error err = {0};
        snprintf(body, sizeof body, PROBLEM("%s", "Nei."), rows[i].code);
        CHECK_EQ_INT(parse(400, body, &token, &err), FIKS_DENIED);
        CHECK_STR(err.code, rows[i].code);
        CHECK_STR(err.mp_code, rows[i].code);
        CHECK_STR(err.oauth_error, "invalid_grant");
        CHECK_STR(err.trace_id, "0123456789abcdef0123456789abcdef");
        CHECK_HAS(err.message, rows[i].hint);
        CHECK_HAS(err.message, "Nei.");
        CHECK(!err.retryable);
    }
}

TEST(refusals_without_a_code)
{
    check_fails(400,
                "{\"error\":\"invalid_grant\",\"error_description\":\"Unknown key identifier "
                "(kid) for client.\"}",
                FIKS_DENIED, "invalid_grant", "not registered on this client");
    check_fails(400,
                "{\"error\":\"invalid_request\",\"error_description\":\"requires pre-registered "
                "jwk and no key identifier (kid) provided\"}",
                FIKS_DENIED, "invalid_request", "set kid");
    check_fails(400, "{\"error\":\"x\",\"error_uri\":\"https://x/MP-\"}", FIKS_DENIED, "x",
                "no reason given");
    check_fails(403, "Consumer has not delegated access (correlation id: 0a-1)", FIKS_DENIED,
                "http_403", "Altinn");
    check_fails(401, "", FIKS_DENIED, "http_401", "no reason given");
    check_fails(404, "<html>nei</html>", FIKS_DENIED, "http_404", "nei");
    fiks_token token;
    fiks_error err = {0};
    parse(403, "no (correlation id: 00000000-0000-4000-8000-000000000000)", &token, &err);
    CHECK_STR(err.trace_id, "00000000-0000-4000-8000-000000000000");
}

TEST(a_used_grant_may_be_tried_once_more)
{
    fiks_token token;
    fiks_error err = {0};
    CHECK_EQ_INT(parse(400, PROBLEM("MP-012", "Used."), &token, &err), FIKS_DENIED);
    CHECK_HAS(err.message, "something on the way that sends requests twice");
    CHECK(err.retryable);
}

static void check_clock(int64_t ahead_ms, const char *part, bool retryable)
{
    static const char body[] =
        "{\"error\":\"invalid_grant\",\"error_description\":\"Issue time is after now.\"}";
    fiks_grant_answer answer = {.status = 400,
                                .body = body,
                                .body_bytes = sizeof body - 1,
                                .sent = sent,
                                .received_ms = sent.wall_ms,
                                .date_ms = ahead_ms == INT64_MIN ? 0 : sent.wall_ms - ahead_ms};
    fiks_token token;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_grant_parse(&answer, "ks:fiks", false, &token, &err), FIKS_CLOCK);
    CHECK_STR(err.code, "clock");
    CHECK_HAS(err.message, part);
    CHECK_EQ_INT(err.retryable, retryable);
}

TEST(clocks_that_differ)
{
    check_clock(INT64_MIN, "check this machine's clock", false);
    check_clock(43000, "43 s ahead of the server's: set it", false);
    check_clock(-61000, "61 s behind the server's: set it", false);
    check_clock(2000, "2 s ahead", true);
    fiks_token token;
    fiks_error err = {0};
    CHECK_EQ_INT(parse(400, PROBLEM("MP-130", "JWT is expired."), &token, &err), FIKS_CLOCK);
    CHECK_STR(err.mp_code, "MP-130");
    fiks_error_clear(&err);
    CHECK_EQ_INT(parse(400, PROBLEM("MP-121", "Expired key."), &token, &err), FIKS_DENIED);
}

TEST(what_passes_by_itself)
{
    static const struct {
        int status;
        fiks_status kind;
        bool retryable;
    } rows[] = {
        {408, FIKS_TIMEOUT, true},   {425, FIKS_TIMEOUT, true}, {429, FIKS_RATE_LIMITED, true},
        {500, FIKS_SERVER, true},    {501, FIKS_SERVER, false}, {502, FIKS_SERVER, true},
        {503, FIKS_SERVER, true},    {504, FIKS_SERVER, true},  {204, FIKS_PROTOCOL, false},
        {302, FIKS_PROTOCOL, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fiks_grant_answer answer = {.status = rows[i].status,
                                    .body = "<html>",
                                    .body_bytes = 6,
                                    .retry_after_ms = 7000,
                                    .sent = sent};
        fiks_token token;
        fiks_error err = {0};
        CHECK_EQ_INT(fiks_grant_parse(&answer, "ks:fiks", false, &token, &err), rows[i].kind);
        CHECK_EQ_INT(err.retryable, rows[i].retryable);
        CHECK_EQ_INT(err.http_status, rows[i].status);
        CHECK_EQ_INT(err.retry_after_ms, rows[i].kind == FIKS_PROTOCOL ? 0 : 7000);
    }
}

TEST(errors_carry_no_assertion_and_no_control_characters)
{
    fiks_token token;
    fiks_error err = {0};
    parse(400,
          "{\"error\":\"x\",\"error_description\":\"bad: " JWT_120 " and " JWT_120
          "\\r\\n\\u001b[31mred\"}",
          &token, &err);
    CHECK_HAS(err.message, "bad: *** and ***");
    CHECK(strstr(err.message, "eyJ") == NULL);
    CHECK(strpbrk(err.message, "\r\n\x1b") == NULL);
    fiks_error_clear(&err);
    parse(502, "assertion=" JWT_120, &token, &err);
    CHECK(strstr(err.message, "eyJ") == NULL);
}

/* What is expected of the published answers, by name. */
static const struct {
    const char *name;
    fiks_status kind;
    int64_t lifetime_s;
    bool retryable;
} published[] = {
    {"200 ok", FIKS_OK, 119, false},
    {"200 long lifetime", FIKS_OK, 120, false}, /* the token itself says 120 */
    {"200 opaque by-reference token", FIKS_OK, 599, false},
    {"200 fewer scopes than asked", FIKS_DENIED, 0, false},
    {"200 no expires_in", FIKS_OK, 120, false},
    {"200 expires_in string", FIKS_OK, 119, false},
    {"200 expires_in 0", FIKS_OK, 0, false},
    {"200 expires_in negative", FIKS_PROTOCOL, 0, false},
    {"200 expires_in 1e300", FIKS_OK, 120, false},
    {"200 token with CRLF", FIKS_PROTOCOL, 0, false},
    {"200 no access_token", FIKS_PROTOCOL, 0, false},
    {"200 access_token null", FIKS_PROTOCOL, 0, false},
    {"200 html page", FIKS_PROTOCOL, 0, false},
    {"200 empty body", FIKS_PROTOCOL, 0, false},
    {"200 json array", FIKS_PROTOCOL, 0, false},
    {"200 truncated json", FIKS_PROTOCOL, 0, false},
    {"200 duplicate member", FIKS_PROTOCOL, 0, false},
    {"400 MP-121", FIKS_DENIED, 0, false},
    {"400 MP-200", FIKS_DENIED, 0, false},
    {"400 unknown kid, no error_uri", FIKS_DENIED, 0, false},
    {"400 MP-130 clock", FIKS_CLOCK, 0, false},
    {"400 MP-012 replay", FIKS_DENIED, 0, true},
    {"403 MP-251 plain text", FIKS_DENIED, 0, false},
    {"503 html", FIKS_SERVER, 0, true},
    {"429 with Retry-After", FIKS_RATE_LIMITED, 0, true},
};

static void check_published(const fiks_json *row)
{
    const char *name = fiks_json_get_string(row, "name");
    int64_t status = 0;
    size_t i = 0;
    while (i < sizeof published / sizeof *published && strcmp(published[i].name, name) != 0)
        i++;
    if (i == sizeof published / sizeof *published)
        TEST_FAIL("nothing is expected of \"%s\"", name);
    CHECK(fiks_json_int64(fiks_json_get(row, "status"), &status));
    fiks_token token;
    fiks_error err = {0};
    fiks_status st = parse((int)status, fiks_json_get_string(row, "body"), &token, &err);
    if (st != published[i].kind || token.lifetime_ms != published[i].lifetime_s * 1000 ||
        err.retryable != published[i].retryable)
        TEST_FAIL("%s: kind %d, lifetime %lld ms, retryable %d, message \"%s\"", name, st,
                  (long long)token.lifetime_ms, err.retryable, err.message);
    if (strncmp(name, "400 MP-", 7) == 0)
        CHECK(strncmp(name + 4, err.mp_code, 6) == 0);
    if (status == 400)
        CHECK_STR(err.trace_id, "0123456789abcdef0123456789abcdef");
    fiks_token_clear(&token);
}

TEST(published_answers)
{
    size_t len = 0;
    fiks_json *root = NULL;
    fiks_error err = {0};
    char *text =
        test_read_file(test_vector("auth/constructed/token-endpoint-responses.json"), &len);
    fiks_status st = fiks_json_parse(text, len, 1 << 20, "the vectors", &root, &err);
    free(text);
    CHECK_OK(st, err);
    const fiks_json *rows = fiks_json_get(root, "responses");
    CHECK_EQ_INT(fiks_json_count(rows), sizeof published / sizeof *published);
    for (size_t i = 0; i < fiks_json_count(rows); i++)
        check_published(fiks_json_at(rows, i));
    fiks_json_free(root);
}

int main(void)
{
    return run_tests("test_grant_answer");
}
