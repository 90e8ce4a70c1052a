/* What a call leaves for whoever looks: attempts, the platform's words, ids, and text that is what
 * it says it is. Driven by a script of answers: no network. */
#include "call_script.h"

#include "log.h"

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

/* As the engine does when a call has ended. */
static const fiks_attempt *attempts(fiks_call *call, size_t want)
{
    size_t count;
    fiks_call_attempts(call, &count); /* the place of the last may still change hands */
    CHECK_EQ_INT(count, want < FIKS_KEPT_ATTEMPTS ? want : FIKS_KEPT_ATTEMPTS - 1);
    atomic_store(&call->end.finished, true);
    const fiks_attempt *list = fiks_call_attempts(call, &count);
    CHECK_EQ_INT(count, want);
    return list;
}

TEST(every_attempt_is_kept_with_its_outcome_and_pause)
{
    fiks_client *client = new_client("attempts", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    clock_ms += 40; /* the token takes its time */
    answer_token(flight, "t");
    step(flight, FIKS_STEP_DONE);
    fiks_call_unmake(flight);
    step(call, FIKS_STEP_SEND);
    clock_ms += 30;
    answer(call, 503, "{\"errorCode\":\"full\"}", "2");
    step(call, FIKS_STEP_WAIT);
    clock_ms += 2000;
    step(call, FIKS_STEP_SEND);
    clock_ms += 7;
    fiks_travel travel = {.timings = {.total_us = 7100, .reused = true},
                          .http_version = 11,
                          .sent_bytes = 300,
                          .received_bytes = 90};
    fiks_call_head(call, 200, "application/json", "", "");
    fiks_call_body(call, "{}", 2);
    fiks_answer last = {
        .sent = true, .status = 200, .content_type = "application/json", .travel = &travel};
    fiks_call_answered(call, &last, now(), 0);
    step(call, FIKS_STEP_DONE);

    const fiks_attempt *list = attempts(call, 2);
    CHECK_EQ_INT(list[0].kind, FIKS_SERVER);
    CHECK_EQ_INT(list[0].http_status, 503);
    CHECK_STR(list[0].code, "full");
    CHECK_EQ_INT(list[0].started_ms, 40);
    CHECK_EQ_INT(list[0].elapsed_ms, 30);
    CHECK_EQ_INT(list[0].pause_ms, 2000);
    CHECK(!list[0].token_renewed);
    CHECK_EQ_INT(list[1].kind, FIKS_OK);
    CHECK_EQ_INT(list[1].http_status, 200);
    CHECK_STR(list[1].code, "");
    CHECK_EQ_INT(list[1].started_ms, 2070);
    CHECK_EQ_INT(list[1].elapsed_ms, 7);
    CHECK_EQ_INT(list[1].pause_ms, 0);
    CHECK_EQ_INT(list[1].sent_bytes, 300);
    CHECK_EQ_INT(list[1].received_bytes, 90);
    CHECK_EQ_INT(call->response.timings.total_us, 7100);
    CHECK(call->response.timings.reused);
    CHECK_EQ_INT(call->response.http_version, 11);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_renewed_token_shows)
{
    fiks_client *client = new_client("renewed", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "old");
    answer(call, 401, "{\"message\":\"Klarte ikke \xc3\xa5 validere access_token\"}", NULL);
    fetch_token(call, "new");
    fiks_answer refused = {.kind = FIKS_NETWORK, .content_type = ""};
    fiks_status kind = FIKS_NETWORK;
    call->error.kind = kind;
    fiks_call_answered(call, &refused, now(), 0);
    step(call, FIKS_STEP_SEND); /* a pause of 0 */
    answer(call, 404, "", NULL);
    step(call, FIKS_STEP_DONE);
    const fiks_attempt *list = attempts(call, 3);
    CHECK_EQ_INT(list[0].http_status, 401);
    CHECK(list[0].token_renewed);
    CHECK_EQ_INT(list[1].kind, FIKS_NETWORK);
    CHECK_EQ_INT(list[1].http_status, 0);
    CHECK(!list[1].token_renewed && !list[2].token_renewed);
    CHECK_EQ_INT(list[2].kind, FIKS_NOT_FOUND);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(of_many_attempts_the_first_and_the_last_are_kept)
{
    fiks_client *client = new_client("many", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "t");
    for (int i = 0; i < 9; i++) {
        char body[40];
        snprintf(body, sizeof body, "{\"errorCode\":\"n%d\"}", i);
        call->tries = 0; /* more than any rule allows */
        answer(call, 503, body, NULL);
        step(call, FIKS_STEP_SEND);
    }
    answer(call, 404, "", NULL);
    const fiks_attempt *list = attempts(call, FIKS_KEPT_ATTEMPTS);
    CHECK_STR(list[0].code, "n0");
    CHECK_STR(list[FIKS_KEPT_ATTEMPTS - 2].code, "n4");
    CHECK_EQ_INT(list[FIKS_KEPT_ATTEMPTS - 1].http_status, 404);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(no_secret_in_what_is_kept)
{
    fiks_client *client = new_client("masked", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "topsecret.token");
    answer(call, 503, "{\"errorCode\":\"no-topsecret.token\"}", NULL);
    step(call, FIKS_STEP_SEND);
    fiks_request_id_read(&call->request_id, "X-Request-Id: topsecret.token\r\n", 31);
    answer(call, 400,
           "{\"errorJson\":{\"sent\":\"Bearer topsecret.token\",\"p\":\"hemmelig: \xc3\xa6\","
           "\"other\":\"eyJhbGciOi.J9.x\"}}",
           NULL);
    step(call, FIKS_STEP_DONE);
    const fiks_attempt *list = attempts(call, 2);
    CHECK_STR(list[0].code, "no-***");
    CHECK_STR(call->error.request_id, "***");
    CHECK_STR(fiks_call_error_json(call),
              "{\"sent\":\"Bearer ***\",\"p\":\"***\",\"other\":\"***\"}");
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_password_is_found_as_a_json_string_has_it)
{
    fiks_client *client = new_client("quoted", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    client->header_passord[0] = '\0'; /* "IntegrasjonPassord: a"b\  c" */
    strcpy(client->header_passord, "P: a\"b\\  c");
    fetch_token(call, "t");
    answer(call, 400, "{\"errorJson\":{\"was\":\"a\\\"b\\\\  c\"}}", NULL);
    atomic_store(&call->end.finished, true);
    CHECK_STR(fiks_call_error_json(call), "{\"was\":\"***\"}");
    fiks_call_unmake(call);
    fiks_client_free(client);
}

/* A refusal with this body: the call, to be freed with its client. */
static fiks_call *refused(const char *name, int status, const char *body)
{
    fiks_client *client = new_client(name, "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fiks_token_cache_invalidate(fiks_token_cache_process(), call->token_key, NULL);
    fetch_token(call, "t");
    answer(call, status, body, NULL);
    while (call->state != FIKS_STATE_DONE) {
        step(call, FIKS_STEP_SEND); /* a pause of 0 */
        answer(call, status, body, NULL);
    }
    atomic_store(&call->end.finished, true);
    fiks_client_free(client); /* the call has its own */
    return call;
}

TEST(error_json_is_an_object_or_text)
{
    static const struct {
        const char *body, *want;
    } rows[] = {
        {"{\"errorId\":\"e\",\"errorCode\":\"c.d\",\"errorJson\":{\"a\":[1,\"\xc3\xa6\"]}}",
         "{\"a\":[1,\"\xc3\xa6\"]}"},
        {"{\"errorJson\":\"{\\\"antall\\\":13}\"}", "{\"antall\":13}"},
        {"{\"errorJson\":\"bare tekst\"}", "bare tekst"},
        {"{\"errorJson\":[]}", "[]"},
        {"{\"errorJson\":null}", NULL},
        {"{\"message\":\"nei\"}", NULL},
        {"[{\"errorJson\":1}]", NULL},
        {"<html>nei</html>", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fiks_call *call = refused("error_json", 400, rows[i].body);
        CHECK_STR(fiks_call_error_json(call), rows[i].want);
        if (i == 0) {
            CHECK_STR(call->error.error_id, "e");
            CHECK_STR(call->error.code, "c.d");
        }
        fiks_call_unmake(call);
    }
}

TEST(error_json_has_a_bound)
{
    char body[20000];
    snprintf(body, sizeof body, "{\"errorJson\":\"%016384d\"}", 1);
    fiks_call *call = refused("bound", 400, body);
    CHECK_EQ_INT(strlen(fiks_call_error_json(call)), 16384);
    fiks_call_unmake(call);
    snprintf(body, sizeof body, "{\"errorJson\":\"%016385d\"}", 1);
    call = refused("bound", 400, body);
    CHECK(fiks_call_error_json(call) == NULL);
    CHECK_EQ_INT(call->error.kind, FIKS_REJECTED);
    fiks_call_unmake(call);
}

TEST(pages_texts_and_nothing_make_readable_errors)
{
    static const struct {
        const char *body, *want;
    } rows[] = {
        {"", "innsyn.v2.index: 502"},
        {"<html>\n <title>Bad\tGateway</title>", "innsyn.v2.index: 502: <html> <title>Bad Gateway"},
        {"For mange foresp\xc3\xb8rsler", "innsyn.v2.index: 502: For mange foresp\xc3\xb8rsler"},
        {"Foresp\xf8rselen ble avvist", /* ISO 8859-1 */
         "innsyn.v2.index: 502: Foresp\xef\xbf\xbdrselen ble avvist"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fiks_call *call = refused("texts", 502, rows[i].body);
        CHECK_EQ_INT(call->error.kind, FIKS_SERVER);
        CHECK_STR(call->error.code, "http_502");
        CHECK_HAS(call->error.message, rows[i].want);
        if (!rows[i].body[0])
            CHECK_STR(call->error.message, rows[i].want);
        fiks_call_unmake(call);
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

/* A 200 with this type and body, of an operation or (NULL) of any request. */
static fiks_call *answered(const char *operation, const char *type, const char *body)
{
    fiks_client *client = new_client("text", "current");
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = operation;
    o.method = operation ? NULL : "GET";
    o.path = operation ? NULL : "/x";
    fiks_call *call;
    fiks_error err = {0};
    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    fiks_token_cache_invalidate(fiks_token_cache_process(), call->token_key, NULL);
    fetch_token(call, "t");
    fiks_call_head(call, 200, type, "", "");
    if (body[0])
        fiks_call_body(call, body, strlen(body));
    fiks_answer a = {.sent = true, .status = 200, .content_type = type};
    fiks_call_answered(call, &a, now(), 0);
    step(call, FIKS_STEP_DONE);
    fiks_client_free(client);
    return call;
}

TEST(json_is_utf8_whatever_its_header_says_or_does_not)
{
    static const struct {
        const char *operation, *type, *body, *code, *where;
    } rows[] = {
        {NULL, "application/json", "\"\xc3\xa6\"", "", ""},
        {NULL, "application/json;charset=UTF-8", "\"\xc3\xa6\"", "", ""},
        {NULL, "application/json; x=\"y\"; Charset=\"utf-8\"", "\"\xc3\xa6\"", "", ""},
        {NULL, "application/json;charset=ISO-8859-1", "\"ae\"", "", ""},
        {NULL, "application/json;charset=", "\"\xc3\xa6\"", "", ""},
        {NULL, "application/json; charset=ISO-8859-1", "\"a\xe6\"", "charset", "byte 2"},
        {NULL, "application/json; charset=windows-1252", "\"\xc3\xa6\"", "charset", "byte 1"},
        {NULL, "application/problem+json", "\"ab\xff\"", "utf8", "byte 3"},
        {NULL, "Application/JSON", "\"abcdefghijkl\xc3\"", "utf8", "byte 13"},
        {"innsyn.slett", "", "\"\xed\xa0\x80\"", "utf8", "byte 1"},
        {"innsyn.slett", "text/csv", "{\"a\":\"\xc3\xa6\"}", "", ""},
        {NULL, "text/plain; charset=ISO-8859-1", "\xe6", "", ""}, /* not JSON: bytes */
        {NULL, "application/octet-stream", "\xff", "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fiks_call *call = answered(rows[i].operation, rows[i].type, rows[i].body);
        if (strcmp(call->error.code, rows[i].code) != 0)
            TEST_FAIL("row %zu: code \"%s\" (%s)", i, call->error.code, call->error.message);
        CHECK_EQ_INT(call->error.kind, rows[i].code[0] ? FIKS_PROTOCOL : FIKS_OK);
        CHECK_HAS(call->error.message, rows[i].where);
        fiks_call_unmake(call);
    }
}

/* ---- ids ------------------------------------------------------------------------------------- */

static char logged[4096];

static void log_line(int level, const char *line, void *data)
{
    (void)level, (void)data;
    size_t n = strlen(logged);
    snprintf(logged + n, sizeof logged - n, "%s\n", line);
}

static fiks_client *traced_client(const char *traceparent, const char *correlation_id,
                                  fiks_error *err)
{
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.api_url = URL;
    o.issuer = "https://issuer.example/";
    o.client_id = "traced";
    o.kid = "k";
    o.key = test_key();
    o.integrasjon_id = ID;
    o.integrasjon_passord = "p";
    o.traceparent = traceparent;
    o.correlation_id = correlation_id;
    fiks_client *client = NULL;
    fiks_error_clear(err);
    fiks_client_new(&o, &client, err);
    return client;
}

TEST(ids_go_along_to_fiks_and_not_to_the_token_endpoint)
{
    fiks_error err;
    fiks_client *client = traced_client(PARENT, "sak-17", &err);
    CHECK_OK(err.kind, err);
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = "innsyn.v2.index";
    o.body = "[]";
    o.body_bytes = 2;
    fiks_call *call;
    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    logged[0] = '\0';
    fiks_log_set(log_line, FIKS_LOG_DEBUG, NULL);
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    CHECK(header(flight, "traceparent") == NULL && header(flight, "X-Corr") == NULL);
    answer_token(flight, "t");
    step(flight, FIKS_STEP_DONE);
    fiks_call_unmake(flight);
    CHECK(strstr(logged, "token: ok after ") && !strstr(logged, "sak-17"));
    step(call, FIKS_STEP_SEND);
    CHECK_STR(header(call, "traceparent: "), PARENT);
    CHECK_STR(header(call, "X-Correlation-Id: "), "sak-17");
    answer(call, 503, "", "1");
    CHECK_HAS(logged, "innsyn.v2.index: server again in 1000 ms, 1 tries, correlation id sak-17");
    clock_ms += 1000;
    step(call, FIKS_STEP_SEND);
    answer(call, 404, "", NULL);
    fiks_log_set(NULL, 0, NULL);
    CHECK_STR(call->error.correlation_id, "sak-17");
    CHECK_HAS(logged, "innsyn.v2.index: not_found after 1000 ms, 2 tries, correlation id sak-17");
    fiks_call_unmake(call);

    o.traceparent = "00-0000000000000000000000000000000a-000000000000000b-00";
    o.correlation_id = "its-own";
    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    step(call, FIKS_STEP_SEND);
    CHECK_STR(header(call, "traceparent: "), o.traceparent);
    CHECK_STR(header(call, "X-Correlation-Id: "), "its-own");
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(ids_that_are_none_are_refused)
{
    fiks_error err;
    CHECK(traced_client("00-x", NULL, &err) == NULL);
    CHECK_EQ_INT(err.kind, FIKS_CONFIG);
    CHECK_STR(err.code, "traceparent");
    CHECK(traced_client(NULL, "a\r\nb", &err) == NULL);
    CHECK_EQ_INT(err.kind, FIKS_CONFIG);
    CHECK_STR(err.code, "correlation_id");
    fiks_client *client = traced_client(NULL, NULL, &err);
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = "innsyn.v2.index";
    o.correlation_id = "";
    fiks_call *call;
    CHECK_EQ_INT(fiks_call_make(client, &o, &call, &err), FIKS_INVALID);
    CHECK_STR(err.code, "correlation_id");
    fiks_client_free(client);
}

TEST(the_servers_id_is_in_answer_and_error)
{
    static const char line[] = "X-Request-Id: r-17\r\n";
    fiks_client *client = new_client("request-id", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "t");
    fiks_request_id_read(&call->request_id, line, sizeof line - 1);
    answer(call, 200, "{}", NULL);
    CHECK_STR(call->response.request_id, "r-17");
    fiks_call_unmake(call);
    call = new_call(client, "innsyn.v2.index");
    step(call, FIKS_STEP_SEND);
    fiks_request_id_read(&call->request_id, line, sizeof line - 1);
    answer(call, 404, "", NULL);
    CHECK_STR(call->error.request_id, "r-17");
    fiks_call_unmake(call);
    fiks_client_free(client);
}

int main(void)
{
    base = fiks_now();
    return run_tests("test_call_seen");
}
