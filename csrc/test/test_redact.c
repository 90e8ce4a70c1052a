/* The redactor: the allow-list of headers, excerpts, what was sent and comes back; and the log
 * lines of a call that are made with it. */
#include "call_script.h"

#include "error.h"
#include "log.h"
#include "redact.h"

static char logged[64 * 1024];

static void keep_line(int level, const char *line, void *data)
{
    (void)data;
    size_t n = strlen(logged);
    snprintf(logged + n, sizeof logged - n, "%d %s\n", level, line);
}

static void log_from_here(void)
{
    logged[0] = '\0';
    fiks_log_set(keep_line, FIKS_LOG_DEBUG, NULL);
}

static void check_header(const char *line, const char *want)
{
    fiks_buf out = {0};
    CHECK(fiks_redact_header(&out, line));
    CHECK_STR(out.data, want);
    fiks_buf_free(&out);
}

TEST(header_values_are_shown_from_an_allow_list)
{
    check_header("Content-Type: application/json", "Content-Type: application/json");
    check_header("ACCEPT: a/b", "ACCEPT: a/b");
    check_header("traceparent: 00-a-b-01", "traceparent: 00-a-b-01");
    check_header("Authorization: Bearer abc", "Authorization: 10 bytes");
    check_header("IntegrasjonPassord:  p: q", "IntegrasjonPassord: 4 bytes");
    check_header("Accept-Something: x", "Accept-Something: 1 bytes");
    check_header("X-Unknown:", "X-Unknown: 0 bytes");
}

static void check_excerpt(const char *text, const char *want)
{
    char out[401];
    fiks_redact_excerpt(text, strlen(text), out, sizeof out);
    CHECK_STR(out, want);
}

TEST(an_excerpt_shows_no_token_and_no_persons_number)
{
    check_excerpt("a\r\n\tb  c", "a b c");
    check_excerpt("x eyJhbGciOiJ9.eyJ.s-_ y", "x *** y");
    check_excerpt("Bearer 0123456789abcdef, bearer of news", "Bearer ***, bearer of news");
    check_excerpt("fnr 01017012345, 14021950123", "fnr ***, ***");
    check_excerpt("310000019 1700000000000 a01017012345 010170123456",
                  "310000019 1700000000000 a01017012345 010170123456");
}

static void check_masked(const fiks_sent *sent, const char *text, const char *want)
{
    fiks_error err = {0};
    fiks_fail(&err, FIKS_DENIED, "code", "%s", text);
    fiks_redact_error(&err, NULL, sent);
    CHECK_STR(err.message, want);
}

TEST(a_persons_number_that_comes_back_is_masked)
{
    fiks_sent sent = {.pid = "01017012345"};
    check_masked(&sent, "pid 01017012345 is unknown", "pid *** is unknown");
    check_masked(&sent, "cut: 0101701234", "cut: ***");
    fiks_error err = {0};
    fiks_error_text(err.trace_id, sizeof err.trace_id, "01017012345");
    fiks_error_text(err.error_id, sizeof err.error_id, "x-01017012345");
    fiks_redact_error(&err, NULL, &sent);
    CHECK_STR(err.trace_id, "***");
    CHECK_STR(err.error_id, "x-***");
}

TEST(values_of_authorization_details_that_come_back_are_masked)
{
    fiks_sent sent = {.authorization_details =
                          "[{\"type\":\"urn:altinn:consent\",\"from\":"
                          "\"urn:altinn:person:identifier-no:01017012345\",\"id\":\"d-\\u00e6-77\","
                          "\"in\":{\"deep\":[12345678901,\"hemmelig\"]},\"ab\":\"abc\"}]"};
    check_masked(&sent, "from urn:altinn:person:identifier-no:01017012345 of urn:altinn:consent",
                 "from *** of urn:altinn:consent");
    check_masked(&sent, "only 01017012345, d-\xc3\xa6-77, 12345678901 and hemmelig abc",
                 "only ***, ***, *** and *** abc");
    sent.authorization_details = "no JSON";
    check_masked(&sent, "stays", "stays");
}

TEST(error_json_is_masked_and_stays_json)
{
    fiks_sent sent = {
        .headers = {"Authorization: Bearer opak-0123456789", "IntegrasjonPassord: p \"w\" d"},
        .pid = "01017012345"};
    char text[] = "{\"a\":14021950123,\"b\":[14021950123],\"c\":\"fnr 01017012345\","
                  "\"d\":\"eyJx.y.z\",\"e\":\"opak-0123456789, p \\\"w\\\" d\","
                  "\"f\":1700000000000}";
    fiks_error err = {0};
    fiks_redact_json(text);
    fiks_redact_error(&err, text, &sent);
    CHECK_STR(text, "{\"a\":\"***\",\"b\":[\"***\"],\"c\":\"fnr ***\",\"d\":\"***\","
                    "\"e\":\"***, ***\",\"f\":1700000000000}");
}

TEST(headers_that_come_back_are_masked_but_for_those_on_the_list)
{
    fiks_sent sent = {.headers = {"Authorization: Basic YnJ1a2VyOmhlbW1lbGln",
                                  "Authorization: Bearer opak-0123456789", "ServicePassword: p w d",
                                  "Content-Type: application/json"}};
    check_masked(&sent, "YnJ1a2VyOmhlbW1lbGln hemmelig opak-0123456789 p w d application/json",
                 "*** *** *** *** application/json");
    check_masked(&sent, "cut opak-012", "cut ***");
}

TEST(a_server_that_quotes_pid_or_details_brings_them_into_no_error)
{
    fiks_client *client = new_client("pid", "current");
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = "innsyn.v2.index";
    o.pid = "01017012345";
    o.authorization_details = "[{\"type\":\"t\",\"from\":\"urn:x:14021950123\"}]";
    fiks_call *call;
    fiks_error err = {0};
    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    log_from_here();
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    answer(flight, 400,
           "{\"error\":\"invalid_grant\",\"error_description\":\"01017012345 14021950123 "
           "(trace_id: 01017012345)\"}",
           NULL);
    step(flight, FIKS_STEP_DONE);
    CHECK_HAS(flight->error.message, "*** ***");
    step(call, FIKS_STEP_DONE);
    fiks_log_set(NULL, 0, NULL);
    CHECK(strstr(call->error.message, "0101") == NULL && strstr(logged, "0101") == NULL);
    CHECK(strstr(call->error.trace_id, "0101") == NULL);
    CHECK(strstr(call->error.message, "1402") == NULL && strstr(logged, "1402") == NULL);
    fiks_call_unmake(flight);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(requests_are_logged_as_header_names_and_sizes)
{
    fiks_client *client = new_client("debug", "current");
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    fiks_param query = {"fnr", "01017012345"};
    o.method = "POST";
    o.path = "/x";
    o.params = &query;
    o.param_count = 1;
    o.body = "[]";
    o.body_bytes = 2;
    fiks_call *call;
    fiks_error err = {0};
    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    log_from_here();
    fetch_token(call, "a.b.c");
    fiks_log_set(NULL, 0, NULL);
    CHECK_HAS(logged, "3 token: POST " TOKEN_URL
                      ", Content-Type: application/x-www-form-urlencoded, Accept: "
                      "application/json, body ");
    CHECK_HAS(logged, "3 request: POST " URL "/x, Authorization: 12 bytes, IntegrasjonId: " ID
                      ", IntegrasjonPassord: 12 bytes, Content-Type: application/json, body 2 "
                      "bytes\n");
    CHECK(strstr(logged, "assertion") == NULL && strstr(logged, "a.b.c") == NULL);
    CHECK(strstr(logged, "hemmelig") == NULL && strstr(logged, "0101") == NULL);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

/* One more flight of the client's token, refused. */
static void refuse(fiks_client *client, int status, const char *body)
{
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fiks_call *flight = NULL;
    CHECK(fiks_call_step(call, now(), &flight) != FIKS_STEP_WAIT && flight);
    step(flight, FIKS_STEP_SEND);
    answer(flight, status, body, NULL);
    for (int i = 0; i < 5 && flight->state != FIKS_STATE_DONE; i++) {
        clock_ms += 2000;
        step(flight, FIKS_STEP_SEND);
        answer(flight, status, body, NULL);
    }
    step(flight, FIKS_STEP_DONE);
    fiks_call_unmake(flight);
    fiks_call_unmake(call);
}

static size_t count(const char *part)
{
    size_t n = 0;
    for (const char *at = logged; (at = strstr(at, part)) != NULL; at++)
        n++;
    return n;
}

TEST(a_refusal_in_the_soft_window_is_loud_once_and_says_what_support_asks_for)
{
    static const char refusal[] =
        "{\"error\":\"invalid_grant\",\"error_description\":\"Expired key (trace_id: "
        "0123456789abcdef)\",\"error_uri\":\"https:\\/\\/maskinporten.no\\/errors\\/MP-121\"}";
    fiks_client *client = new_client("avslag", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "t");
    fiks_call_unmake(call);
    clock_ms += 95000; /* soft */
    log_from_here();
    refuse(client, 400, refusal);
    CHECK_HAS(logged, "0 token: no new one: denied 400 (MP-121, invalid_grant, trace "
                      "0123456789abcdef, jti ");
    CHECK_HAS(logged, "): the token endpoint refused (MP-121): Expired key");
    CHECK_HAS(logged, "register it again");
    clock_ms += 8000; /* refused again: told, but not loudly */
    refuse(client, 400, refusal);
    CHECK_EQ_INT(count("0 token: no new one"), 1);
    CHECK_EQ_INT(count("1 token: no new one"), 1);
    fiks_log_set(NULL, 0, NULL);
    fiks_client_free(client);
}

TEST(a_refresh_that_fails_in_the_soft_window_is_a_warning_with_its_reason)
{
    fiks_client *client = new_client("nede", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "t");
    fiks_call_unmake(call);
    clock_ms += 95000;
    log_from_here();
    refuse(client, 503, "vedlikehold");
    CHECK_HAS(logged, "1 token: no new one: server 503 (http_503, jti ");
    CHECK_HAS(logged, "vedlikehold");
    CHECK_EQ_INT(count("0 token"), 0);
    fiks_log_set(NULL, 0, NULL);
    fiks_client_free(client);
}

int main(void)
{
    base = fiks_now();
    return run_tests("test_redact");
}
