/*
 * The life of a token as its users meet it: many at once, failures for as long as they last, forks,
 * no random numbers, and what is written to the log. Some over a clock that jumps, some over
 * sockets.
 */
#include "call_script.h"
#include "server.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "engine.h"

enum { THREADS = 32, CROWD = 100 };

/* ---- over sockets ------------------------------------------------------------------------------
 */

static server here;

/* The server keeps what it was asked; the jti of the grants is looked for there. */
static fiks_client *client_of_server(const char *client_id)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", here.port);
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.api_url = o.issuer = url;
    o.client_id = client_id;
    o.key = test_key();
    o.kid = "en-nokkel";
    o.integrasjon_id = ID;
    o.integrasjon_passord = "p";
    o.allow_loopback_http = true;
    fiks_client *client = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_client_new(&o, &client, &err), err);
    return client;
}

static bool get(fiks_client *client)
{
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.method = "GET";
    o.path = "/ting";
    fiks_call *call = NULL;
    const fiks_response *response = NULL;
    fiks_error err = {0};
    fiks_status st = fiks_call_perform(client, &o, &call, &response, &err);
    fiks_call_free(call);
    if (st)
        fprintf(stderr, "  %s\n", err.message);
    return st == FIKS_OK;
}

static atomic_int good;
static pthread_barrier_t gate;

static void *ask_at_once(void *client)
{
    pthread_barrier_wait(&gate);
    if (get(client))
        atomic_fetch_add(&good, 1);
    return NULL;
}

TEST(threads_at_once_on_a_cold_cache_make_one_token_request)
{
    server_start(&here);
    fiks_client *client = client_of_server("32-threads");
    pthread_t thread[THREADS];
    pthread_barrier_init(&gate, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, ask_at_once, client);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&gate);
    CHECK_EQ_INT(good, THREADS);
    CHECK_EQ_INT(here.token_requests, 1);
    fiks_client_free(client);
    server_stop(&here);
}

static bool uuid_of(char out[37])
{
    fiks_error err = {0};
    return fiks_uuid(out, &err) == FIKS_OK;
}

/* What a child tells its parent. */
typedef struct report {
    char jti[37];
    bool cached, answered;
} report;

static report of_child(fiks_client *client)
{
    report r = {.cached = true};
    char *token, *scope;
    int64_t expires_s;
    r.cached = fiks_client_peek_token(client, NULL, &token, &scope, &expires_s, NULL);
    r.answered = get(client);
    if (!uuid_of(r.jti))
        r.answered = false;
    return r;
}

TEST(a_fork_after_use_has_its_own_token_connection_and_jti)
{
    enum { CHILDREN = 3 };
    server_start(&here);
    fiks_client *client = client_of_server("fork");
    CHECK(get(client));
    int accepted = here.accepted, tokens = here.token_requests;
    report got[CHILDREN + 1] = {0};
    for (int i = 0; i < CHILDREN; i++) {
        int ends[2];
        CHECK_EQ_INT(pipe(ends), 0);
        pid_t pid = fork();
        if (pid == 0) {
            report mine = of_child(client);
            test_end_child(write(ends[1], &mine, sizeof mine) == (ssize_t)sizeof mine);
        }
        close(ends[1]);
        CHECK_EQ_INT(read(ends[0], &got[i], sizeof got[i]), sizeof got[i]);
        close(ends[0]);
        int status = -1;
        waitpid(pid, &status, 0);
        CHECK_EQ_INT(status, 0);
        CHECK(got[i].answered);
        CHECK(!got[i].cached);
        CHECK_EQ_INT(here.accepted, accepted + i + 1); /* not over its parent's connection */
        CHECK_EQ_INT(here.token_requests, tokens + i + 1);
    }
    CHECK(uuid_of(got[CHILDREN].jti));
    for (int i = 0; i <= CHILDREN; i++)
        for (int k = 0; k < i; k++)
            CHECK(strcmp(got[i].jti, got[k].jti) != 0);
    CHECK(get(client)); /* and the parent goes on over its own */
    CHECK_EQ_INT(here.accepted, accepted + CHILDREN);
    CHECK_EQ_INT(here.token_requests, tokens + CHILDREN);
    fiks_client_free(client);
    server_stop(&here);
}

/* ---- over a clock that jumps -------------------------------------------------------------------
 */

static void fail_flight(fiks_call *flight)
{
    int guard = 0;
    fiks_call *none;
    fiks_step next;
    while ((next = fiks_call_step(flight, now(), &none)) != FIKS_STEP_DONE && guard++ < 50) {
        if (next == FIKS_STEP_SEND)
            answer(flight, 503, "", NULL);
        else
            clock_ms = flight->wake_ms - base.mono_ms;
    }
    CHECK(guard > 0 && guard < 50);
    CHECK_EQ_INT(flight->error.kind, FIKS_SERVER);
    fiks_call_unmake(flight);
}

/* From fresh to the hard margin every call goes out with the token that is there, though every
 * refresh fails; and the failing ones are few. */
TEST(a_refresh_that_fails_all_the_way_is_noticed_by_nobody)
{
    fiks_client *client = new_client("soft", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "gammelt"); /* 119 s: soft from 89 s, hard from 109 s */
    fiks_call_unmake(call);
    int flights = 0;
    for (clock_ms = 80000; clock_ms < 109000; clock_ms += 250) {
        call = new_call(client, "innsyn.v2.index");
        fiks_call *flight = step(call, FIKS_STEP_SEND);
        CHECK_STR(header(call, "Authorization: "), "Bearer gammelt");
        answer(call, 200, "{}", NULL);
        step(call, FIKS_STEP_DONE);
        CHECK_EQ_INT(call->error.kind, FIKS_OK);
        CHECK_EQ_INT(call->response.attempts, 1);
        fiks_call_unmake(call);
        if (flight) {
            CHECK(clock_ms >= 89000);
            flights++;
            fail_flight(flight);
        }
    }
    CHECK(flights >= 3 && flights <= 8);
    clock_ms = 109500; /* nothing is left of it: now it is told */
    call = new_call(client, "innsyn.v2.index");
    fiks_call *flight;
    if (fiks_call_step(call, now(), &flight) == FIKS_STEP_TOKEN && flight)
        fail_flight(flight);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_SERVER);
    CHECK_STR(call->error.operation, "token");
    fiks_call_unmake(call);
    fiks_client_free(client);
}

/* An outage of five minutes, a hundred callers each second. */
TEST(a_crowd_in_an_outage_makes_few_token_requests)
{
    fiks_client *client = new_client("outage", "current");
    int flights = 0, told = 0, second;
    for (second = 0; second < 300; second++) {
        clock_ms = second * 1000;
        fiks_call *crowd[CROWD], *flight = NULL;
        for (int i = 0; i < CROWD; i++) {
            fiks_call *one = NULL;
            crowd[i] = new_call(client, "innsyn.v2.index");
            fiks_call_step(crowd[i], now(), &one);
            CHECK(!one || !flight);
            flight = one ? one : flight;
        }
        if (flight) {
            flights++;
            fail_flight(flight);
        }
        for (int i = 0; i < CROWD; i++) {
            step(crowd[i], FIKS_STEP_DONE);
            told += crowd[i]->error.kind == FIKS_SERVER;
            fiks_call_unmake(crowd[i]);
        }
    }
    CHECK_EQ_INT(told, 300 * CROWD);
    CHECK(flights >= 15 && flights <= 40); /* 1, 2, 4, 8, then every 15 s */
    fiks_client_free(client);
}

/* ---- no random numbers -------------------------------------------------------------------------
 */

static bool broken;

/* Instead of the C library's, for the whole program. */
ssize_t getrandom(void *to, size_t n, unsigned flags)
{
    if (!broken)
        return syscall(SYS_getrandom, to, n, flags);
    errno = ENOSYS;
    return -1;
}

TEST(without_random_numbers_there_is_no_grant)
{
    fiks_client *client = new_client("random", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    broken = true;
    fiks_call *none;
    fiks_step next = fiks_call_step(flight, now(), &none);
    broken = false;
    CHECK_EQ_INT(next, FIKS_STEP_DONE);
    CHECK_EQ_INT(flight->error.kind, FIKS_INTERNAL);
    CHECK_HAS(flight->error.message, "random");
    CHECK(flight->body.len == 0);
    fiks_call_unmake(flight);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_INTERNAL);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

/* ---- the log -----------------------------------------------------------------------------------
 */

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
    fiks_log_set(keep_line, 3, NULL);
}

TEST(a_token_that_is_no_jwt_is_logged)
{
    fiks_client *client = new_client("opaque", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    log_from_here();
    fetch_token(call, "ugjennomsiktig-hemmelig");
    fiks_log_set(NULL, 0, NULL);
    CHECK_HAS(logged, "1 token: the access token is not a JWT");
    CHECK(strstr(logged, "ugjennomsiktig") == NULL);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(what_was_sent_and_comes_back_is_masked)
{
    fiks_client *client = new_client("sitert", "current");
    fiks_call *call = new_call(client, "fiksio.send");
    fetch_token(call, "opak-hemmelighet-0123456789");
    answer(call, 403,
           "{\"message\":\"A opak-hemmelighet-0123456789 B hemmelig: \xc3\xa6 C opak-hemmel D "
           "bearer 0123456789abcdef E Basic words\",\"errorCode\":\"opak-hemmelighet\"}",
           NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_HAS(call->error.message, "A *** B *** C *** D bearer *** E Basic words");
    CHECK_STR(call->error.code, "***");
    fiks_call_unmake(call);
    fiks_client_free(client);
}

/* Everything is driven once with every line kept: nothing of what is secret is in it. */
TEST(no_secret_is_logged_at_any_level)
{
    static const char *const answers[] = {
        "{\"message\":\"Klarte ikke \xc3\xa5 validere access_token HEMMELIGTOKEN.x.y\"}",
        "{\"message\":\"Autentisering feilet for integrasjon\"}", "HEMMELIGKROPP", "{}"};
    static const int statuses[] = {401, 401, 403, 500, 503, 200, 302};
    log_from_here();
    fiks_client *client = new_client("logget", "current");
    for (size_t s = 0; s < sizeof statuses / sizeof *statuses; s++)
        for (size_t a = 0; a < 4; a++) {
            fiks_call *call = new_call(client, "fiksio.send");
            fiks_call *flight;
            for (int i = 0; i < 20 && call->state != FIKS_STATE_DONE; i++) {
                fiks_step next = fiks_call_step(call, now(), &flight);
                if (flight) {
                    step(flight, FIKS_STEP_SEND);
                    answer_token(flight, "HEMMELIGTOKEN.x.y");
                    step(flight, FIKS_STEP_DONE);
                    fiks_call_unmake(flight);
                } else if (next == FIKS_STEP_SEND) {
                    answer(call, statuses[s], answers[a], NULL);
                } else if (next == FIKS_STEP_WAIT) {
                    clock_ms += 1000;
                }
            }
            CHECK_EQ_INT(call->state, FIKS_STATE_DONE);
            fiks_call_unmake(call);
        }
    fiks_log_set(NULL, 0, NULL);
    CHECK(strlen(logged) > 500);
    CHECK(strstr(logged, "HEMMELIG") == NULL);
    CHECK(strstr(logged, "hemmelig") == NULL); /* the integrasjon's password */
    CHECK(strstr(logged, "Bearer") == NULL && strstr(logged, "eyJ") == NULL);
    fiks_client_free(client);
}

int main(void)
{
    base = fiks_now();
    return run_tests("test_auth_life");
}
