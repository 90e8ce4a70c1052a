/*
 * Every allocation of the core, and of jansson, fails once: from settings to a token and a finished
 * call. Each time it must be an error and nothing else, and the next try must do. Linked with
 * --wrap=malloc,calloc,realloc.
 */
#include "call_script.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void json_set_alloc_funcs(void *(*allocate)(size_t), void (*release)(void *)); /* jansson's */

static long left = -1; /* allocations until the one that fails; negative: none does */

static bool failed; /* it came to that */

static bool fails(void)
{
    bool now_it_does = left == 0;
    if (left >= 0)
        left--;
    failed = failed || now_it_does;
    return now_it_does;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return fails() ? NULL : __real_realloc(block, size);
}

static fiks_status make_client(fiks_client **out, fiks_error *err)
{
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.api_url = URL;
    o.issuer = "https://issuer.example/";
    o.client_id = "minne";
    o.consumer_org = "0192:910753614";
    o.kid = "en-nokkel";
    o.key = test_key();
    o.integrasjon_id = ID;
    o.integrasjon_passord = "hemmelig";
    return fiks_client_new(&o, out, err);
}

static void drive_flight(fiks_call *flight)
{
    fiks_call *none;
    if (flight && fiks_call_step(flight, now(), &none) == FIKS_STEP_SEND) {
        answer_token(flight, "abc.def.ghi");
        fiks_call_step(flight, now(), &none);
    }
    fiks_call_unmake(flight);
}

static fiks_status drive(fiks_call *call)
{
    for (int i = 0; i < 20 && call->state != FIKS_STATE_DONE; i++) {
        fiks_call *flight;
        fiks_step next = fiks_call_step(call, now(), &flight);
        if (next == FIKS_STEP_SEND)
            answer(call, 200, "{\"antall\":1}", NULL);
        else if (next == FIKS_STEP_WAIT)
            clock_ms += 1000;
        drive_flight(flight);
    }
    CHECK_EQ_INT(call->state, FIKS_STATE_DONE);
    return call->error.kind;
}

/* From nothing to the answer of a call, and a look at its token; what went wrong first. */
static fiks_status whole_way(fiks_error *err)
{
    fiks_client *client = NULL;
    fiks_call *call = NULL;
    char *token, *scope;
    int64_t expires_s;
    fiks_status st = make_client(&client, err);
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = "innsyn.v2.index";
    o.body = "[]";
    o.body_bytes = 2;
    if (!st)
        st = fiks_call_make(client, &o, &call, err);
    if (!st) {
        st = drive(call);
        *err = call->error;
    }
    if (!st && fiks_client_peek_token(client, NULL, &token, &scope, &expires_s, err)) {
        fiks_bytes_free(token, strlen(token));
        fiks_bytes_free(scope, strlen(scope));
    }
    left = -1;
    if (client)
        fiks_client_invalidate_token(client, NULL, NULL, NULL);
    fiks_call_unmake(call);
    fiks_client_free(client);
    clock_ms += 60000; /* a failure is remembered briefly */
    return st;
}

static void check_way(const char *what, long n)
{
    fiks_error err = {0};
    fiks_status st = whole_way(&err);
    if (st)
        TEST_FAIL("%s allocation %ld: %s: %s", what, n, fiks_status_name(st), err.message);
}

TEST(every_allocation_may_fail)
{
    long n = 0, told = 0;
    check_way("before", 0); /* what is made once per process is there */
    do {
        fiks_error err = {0};
        failed = false;
        left = n;
        fiks_status st = whole_way(&err);
        /* jansson's lexer calls a lack of memory a syntax error */
        if (st && st != FIKS_MEMORY && st != FIKS_PROTOCOL)
            TEST_FAIL("allocation %ld gave %s: %s", n, fiks_status_name(st), err.message);
        CHECK(!st || failed);
        told += st == FIKS_MEMORY;
        check_way("after", n++);
    } while (failed && n < 5000);
    CHECK(!failed);
    CHECK(told > 20); /* some are only for a warning or a log line */
}

int main(void)
{
    base = fiks_now();
    json_set_alloc_funcs(__wrap_malloc, free);
    return run_tests("test_memory");
}
