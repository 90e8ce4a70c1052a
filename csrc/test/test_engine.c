/* The engine over real sockets: one pump for all waiters, its hand-over, the I/O thread,
 * cancelling, forking. Runs under the thread sanitizer too (make tsan). */
#include "server.h"

#include <sys/wait.h>

#include "engine.h"
#include "error.h"

enum { THREADS = 8, CALLS = 40 };

static server here;
static fiks_client *client;

static void start(void)
{
    server_start(&here);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", here.port);
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.api_url = url;
    o.allow_loopback_http = true;
    fiks_error err = {0};
    CHECK_OK(fiks_client_new(&o, &client, &err), err);
}

static void stop(void)
{
    fiks_client_free(client);
    server_stop(&here);
}

static fiks_call *begin(const char *path, fiks_queue *queue)
{
    /* "fiksio.offentlig_nokkel" needs no token; its parameter is the path of the test server. */
    fiks_param id = {"kontoId", path};
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = "fiksio.offentlig_nokkel";
    o.params = &id;
    o.param_count = 1;
    fiks_call *call = NULL;
    fiks_error err = {0};
    if (fiks_call_new(client, &o, queue, &call, &err))
        fprintf(stderr, "  %s\n", err.message);
    return call;
}

/* Threads cannot use CHECK (it jumps): they count. */
static atomic_int good;

static void note(fiks_call *call)
{
    const fiks_response *r;
    fiks_error err = {0};
    if (fiks_call_result(call, &r, &err) == FIKS_OK && r->body_bytes == 11)
        atomic_fetch_add(&good, 1);
    else
        fprintf(stderr, "  %s\n", err.message);
    fiks_call_free(call);
}

TEST(calls_in_a_row_share_a_connection)
{
    start();
    for (int i = 0; i < 20; i++) {
        fiks_call *call = begin("x", NULL);
        fiks_error err = {0};
        CHECK_OK(fiks_call_wait(call, -1, &err), err);
        atomic_store(&good, 0);
        note(call);
        CHECK_EQ_INT(good, 1);
    }
    CHECK_EQ_INT(here.accepted, 1);
    CHECK_EQ_INT(here.requests, 20);
    stop();
}

static void *one_waiter(void *what)
{
    (void)what;
    for (int i = 0; i < CALLS; i++) {
        fiks_call *call = begin("x", NULL);
        fiks_call_wait(call, -1, NULL);
        note(call);
    }
    return NULL;
}

static void *one_queue(void *what)
{
    (void)what;
    fiks_queue *queue = fiks_queue_new();
    fiks_call *calls[CALLS];
    for (int i = 0; i < CALLS; i++)
        calls[i] = begin("x", queue);
    for (int i = 0; i < CALLS; i++)
        if (!fiks_queue_wait(queue, 20000))
            fprintf(stderr, "  nothing came\n");
    for (int i = 0; i < CALLS; i++)
        note(calls[i]);
    fiks_queue_free(queue);
    return NULL;
}

static void run(void *(*work)(void *), int threads)
{
    pthread_t thread[THREADS];
    atomic_store(&good, 0);
    for (int i = 0; i < threads; i++)
        pthread_create(&thread[i], NULL, work, NULL);
    for (int i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    CHECK_EQ_INT(good, threads * CALLS);
}

TEST(many_threads_one_pump)
{
    start();
    run(one_waiter, THREADS);
    run(one_queue, THREADS / 2);
    stop();
}

TEST(the_io_thread_is_one_more_waiter)
{
    start();
    fiks_error err = {0};
    CHECK_OK(fiks_engine_thread_start(&err), err);
    CHECK_OK(fiks_engine_thread_start(&err), err);
    run(one_waiter, THREADS);
    run(one_queue, THREADS / 2);
    fiks_call *call = begin("x", NULL);
    while (!fiks_call_finished(call)) /* nobody waits: the thread does it all */
        sched_yield();
    note(call);
    fiks_engine_thread_stop();
    fiks_engine_thread_stop();
    run(one_waiter, 2);
    stop();
}

static void *wait_held(void *what)
{
    fiks_call_wait(what, -1, NULL);
    note(what);
    return NULL;
}

TEST(the_pump_is_inherited)
{
    start();
    atomic_store(&good, 0);
    fiks_call *held[3] = {begin("hold", NULL), begin("hold", NULL), begin("hold", NULL)};
    pthread_t thread[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&thread[i], NULL, wait_held, held[i]);
    for (int i = 0; i < 20; i++) { /* short waits hold the pump, or sleep beside its holder */
        fiks_call *call = begin("x", NULL);
        fiks_call_wait(call, -1, NULL);
        note(call);
    }
    CHECK_EQ_INT(good, 20);
    server_release(&here);
    for (int i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    CHECK_EQ_INT(good, 23);
    stop();
}

/* A GET that needs no token, within limits of its own. */
static fiks_status within(const char *path, fiks_call_options o, fiks_error *err)
{
    fiks_param id = {"kontoId", path};
    o.size = sizeof o;
    o.operation = "fiksio.offentlig_nokkel";
    o.params = &id;
    o.param_count = 1;
    fiks_call *call;
    const fiks_response *response;
    fiks_error_clear(err);
    fiks_status st = fiks_call_perform(client, &o, &call, &response, err);
    fiks_call_free(call);
    return st;
}

TEST(a_halt_has_a_name)
{
    start();
    fiks_error err = {0};
    CHECK_EQ_INT(within("hold", (fiks_call_options){.first_byte_timeout_ms = 30}, &err),
                 FIKS_TIMEOUT);
    CHECK_STR(err.code, "first_byte");
    CHECK_EQ_INT(err.attempts, 3);
    CHECK(err.retryable && err.uncertain);
    CHECK_HAS(err.message, "within 30 ms");
    CHECK_EQ_INT(within("stall", (fiks_call_options){.idle_timeout_ms = 30}, &err), FIKS_TIMEOUT);
    CHECK_STR(err.code, "idle");
    CHECK_EQ_INT(within("hold", (fiks_call_options){.timeout_ms = 30}, &err), FIKS_TIMEOUT);
    CHECK_STR(err.code, "deadline");
    CHECK_EQ_INT(err.attempts, 1);
    CHECK_OK(within("x", (fiks_call_options){.idle_timeout_ms = 5000, .timeout_ms = 10000}, &err),
             err);
    stop();
}

TEST(a_wait_can_end_before_the_call)
{
    start();
    fiks_call *call = begin("hold", NULL);
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_call_wait(call, 20, &err), FIKS_TIMEOUT);
    CHECK(!fiks_call_finished(call));
    server_release(&here);
    fiks_error_clear(&err);
    CHECK_OK(fiks_call_wait(call, -1, &err), err);
    atomic_store(&good, 0);
    note(call);
    CHECK_EQ_INT(good, 1);
    stop();
}

TEST(cancelling_ends_a_call_exactly_once)
{
    start();
    fiks_queue *queue = fiks_queue_new();
    fiks_call *call = begin("hold", queue);
    CHECK(fiks_queue_wait(queue, 20) == NULL);
    fiks_call_cancel(call);
    fiks_call_cancel(call);
    CHECK(fiks_queue_wait(queue, 20000) == call);
    CHECK(fiks_queue_wait(queue, 0) == NULL);
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_call_result(call, NULL, &err), FIKS_CANCELLED);
    fiks_call_free(call);
    fiks_queue_free(queue);
    stop();
}

TEST(calls_and_queues_may_be_freed_at_any_time)
{
    start();
    fiks_queue *queue = fiks_queue_new();
    fiks_call_free(begin("hold", queue)); /* before it left */
    fiks_call *sent = begin("hold", queue), *late = begin("hold", queue);
    CHECK(fiks_queue_wait(queue, 20) == NULL);
    fiks_call_free(sent); /* on its way */
    fiks_call *finished = begin("x", queue);
    fiks_error err = {0};
    CHECK_OK(fiks_call_wait(finished, 20000, &err), err);
    fiks_call_free(finished); /* ended, and still in the queue */
    CHECK(fiks_queue_wait(queue, 0) == NULL);
    fiks_queue_free(queue);
    server_release(&here);
    CHECK_OK(fiks_call_wait(late, 20000, &err), err);
    atomic_store(&good, 0);
    note(late);
    CHECK_EQ_INT(good, 1);
    stop();
}

TEST(what_libcurl_says_is_kept)
{
    start();
    fiks_call *call = begin("cut", NULL);
    fiks_error err = {0};
    CHECK_OK(fiks_call_wait(call, -1, &err), err);
    CHECK_EQ_INT(fiks_call_result(call, NULL, &err), FIKS_NETWORK);
    CHECK_EQ_INT(err.attempts, 3);
    CHECK(err.retryable);
    CHECK_HAS(err.message, "127.0.0.1: ");
    CHECK_HAS(err.message, "remaining");
    CHECK_HAS(err.url, "/fiks-io/katalog/api/v1/kontoer/cut/offentligNokkel");
    fiks_call_free(call);
    stop();
}

TEST(nobody_there)
{
    start();
    server_stop(&here);
    fiks_call *call = begin("x", NULL);
    fiks_error err = {0};
    CHECK_OK(fiks_call_wait(call, -1, &err), err);
    CHECK_EQ_INT(fiks_call_result(call, NULL, &err), FIKS_NETWORK);
    CHECK_EQ_INT(err.attempts, 3);
    fiks_call_free(call);
    fiks_client_free(client);
}

TEST(a_fork_forgets_the_engine)
{
    start();
    fiks_call *parents = begin("hold", NULL);
    fiks_error err = {0};
    fiks_call_wait(parents, 20, NULL);
    pid_t pid = fork();
    if (pid == 0) {
        fiks_call_wait(parents, -1, NULL); /* it will never move here, so there is no waiting */
        fiks_status foreign = fiks_call_result(parents, NULL, &err);
        atomic_store(&good, 0);
        fiks_call *own = begin("x", NULL);
        fiks_call_wait(own, -1, NULL);
        note(own);
        test_end_child(foreign == FIKS_CANCELLED && atomic_load(&good) == 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_EQ_INT(status, 0);
    CHECK_EQ_INT(here.accepted, 2); /* the child did not use its parent's connection */
    server_release(&here);
    CHECK_OK(fiks_call_wait(parents, 20000, &err), err);
    atomic_store(&good, 0);
    note(parents);
    CHECK_EQ_INT(good, 1);
    stop();
}

/* ---- one token for everybody --------------------------------------------------------------------
 */

static void *ask_with_token(void *what)
{
    (void)what;
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.method = "GET";
    o.path = "/any/api";
    for (int i = 0; i < CALLS; i++) {
        fiks_call *call;
        if (fiks_call_new(client, &o, NULL, &call, NULL))
            return NULL;
        fiks_call_wait(call, -1, NULL);
        note(call);
    }
    return NULL;
}

/* A client of the test server that fetches tokens there. */
static void start_with_token(const char *client_id)
{
    start();
    fiks_client_free(client);
    char url[64], command[1700];
    const char *path = test_temp_path("key.pem");
    snprintf(command, sizeof command, "test -f %s || openssl genrsa -out %s 2048 2>/dev/null", path,
             path);
    CHECK_EQ_INT(system(command), 0);
    fiks_error err = {0};
    fiks_key_options k = FIKS_OPTIONS(fiks_key_options);
    k.file = path;
    fiks_key *key;
    CHECK_OK(fiks_key_new(&k, &key, &err), err);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", here.port);
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.api_url = url;
    o.issuer = url;
    o.client_id = client_id;
    o.key = key;
    o.kid = "a-key";
    o.integrasjon_id = "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01";
    o.integrasjon_passord = "p";
    o.allow_loopback_http = true;
    CHECK_OK(fiks_client_new(&o, &client, &err), err);
    fiks_key_free(key);
}

TEST(threads_on_a_cold_cache_make_one_token_request)
{
    start_with_token("engine");
    run(ask_with_token, THREADS);
    CHECK_EQ_INT(here.token_requests, 1);
    stop();
}

static fiks_status post(const char *path, const char *body, int idempotent, fiks_error *err)
{
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.method = "POST";
    o.path = path;
    o.body = body;
    o.body_bytes = body ? strlen(body) : 0;
    o.idempotent = idempotent;
    fiks_call *call;
    const fiks_response *response;
    fiks_status st = fiks_call_perform(client, &o, &call, &response, err);
    fiks_call_free(call);
    return st;
}

TEST(a_post_on_a_kept_connection_that_dies_goes_out_once)
{
    static const char *const bodies[] = {"{\"a\":1}", NULL};
    start_with_token("drop");
    for (size_t i = 0; i < 2; i++) {
        fiks_error err = {0};
        CHECK_OK(post("/x", "{}", 0, &err), err); /* leaves a connection to be reused */
        int before = here.requests;
        CHECK_EQ_INT(post("/drop/x", bodies[i], 0, &err), FIKS_NETWORK);
        CHECK_EQ_INT(here.requests, before + 1);
        CHECK_EQ_INT(err.attempts, 1);
        fiks_error_clear(&err);
        before = here.requests;
        CHECK_EQ_INT(post("/drop/x", bodies[i], 1, &err), FIKS_NETWORK);
        CHECK(here.requests >= before + 3); /* declared safe: three tries */
    }
    stop();
}

TEST(posts_share_a_connection_too)
{
    start_with_token("kept");
    fiks_error err = {0};
    for (int i = 0; i < 5; i++)
        CHECK_OK(post("/x", "{}", 0, &err), err);
    CHECK_EQ_INT(here.accepted, 1);
    stop();
}

/* What the server saw of a request; "" for HEAD. In a static buffer. */
static const char *echo(const char *method, const char *body, int *status)
{
    static char seen[128];
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.method = method;
    o.path = "/echo";
    o.body = body;
    o.body_bytes = body ? strlen(body) : 0;
    fiks_call *call;
    const fiks_response *response;
    fiks_error err = {0};
    CHECK_OK(fiks_call_perform(client, &o, &call, &response, &err), err);
    *status = response->status;
    snprintf(seen, sizeof seen, "%s", response->body);
    fiks_call_free(call);
    return seen;
}

TEST(each_method_goes_out_as_itself_on_a_handle_that_remembers)
{
    static const char *const order[][3] = {{"DELETE", NULL, "DELETE - 0"},
                                           {"HEAD", NULL, ""},
                                           {"POST", "{}", "POST application/json 2"},
                                           {"HEAD", NULL, ""},
                                           {"GET", NULL, "GET - 0"},
                                           {"PUT", "[1]", "PUT application/json 3"},
                                           {"GET", "{}", "GET application/json 2"},
                                           {"POST", NULL, "POST - 0"},
                                           {"OPTIONS", NULL, "OPTIONS - 0"},
                                           {"PATCH", "{}", "PATCH application/json 2"},
                                           {"GET", NULL, "GET - 0"},
                                           {"DELETE", "{}", "DELETE application/json 2"}};
    start_with_token("methods");
    int before = here.requests, status;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        CHECK_STR(echo(order[i][0], order[i][1], &status), order[i][2]);
        CHECK_EQ_INT(status, 200);
    }
    CHECK_EQ_INT(here.requests, before + 1 + 12); /* the token, and each once */
    stop();
}

TEST(plain_http_to_this_machine_is_shown_to_no_proxy)
{
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
    start();
    fiks_call *call = begin("x", NULL);
    fiks_error err = {0};
    CHECK_OK(fiks_call_wait(call, -1, &err), err);
    atomic_store(&good, 0);
    note(call);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    CHECK_EQ_INT(good, 1);
    stop();
}

TEST(a_queue_goes_on_after_a_fork)
{
    start();
    fiks_queue *queue = fiks_queue_new();
    fiks_call *parents = begin("hold", queue);
    CHECK(fiks_queue_wait(queue, 20) == NULL);
    pid_t pid = fork();
    if (pid == 0) {
        fiks_error err = {0};
        bool foreign =
            fiks_call_finished(parents) && fiks_call_result(parents, NULL, &err) == FIKS_CANCELLED;
        fiks_call *own = begin("x", queue);
        bool came = fiks_queue_wait(queue, 20000) == own;
        atomic_store(&good, 0);
        note(own);
        test_end_child(foreign && came && atomic_load(&good) == 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    CHECK_EQ_INT(status, 0);
    server_release(&here);
    CHECK(fiks_queue_wait(queue, 20000) == parents);
    fiks_call_free(parents);
    fiks_queue_free(queue);
    stop();
}

static void *start_and_stop(void *what)
{
    (void)what;
    for (int i = 0; i < 50; i++) {
        fiks_engine_thread_start(NULL);
        fiks_engine_thread_stop();
    }
    return NULL;
}

TEST(the_io_thread_may_be_started_and_stopped_by_anybody)
{
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, start_and_stop, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    start();
    run(one_waiter, 1);
    stop();
}

/* ---- a sink that is full for a while --------------------------------------------------------- */

typedef struct slow_sink {
    fiks_sink sink;
    int offered, taken;
    bool finished;
} slow_sink;

static fiks_feed slow_feed(fiks_sink *sink, const void *data, size_t len, fiks_error *err)
{
    (void)data, (void)err;
    slow_sink *slow = (slow_sink *)sink;
    if (slow->offered++ == 0)
        return FIKS_FEED_PAUSED;
    slow->taken += (int)len;
    return FIKS_FEED_MORE;
}

static fiks_status slow_finish(fiks_sink *sink, fiks_error *err)
{
    (void)err;
    ((slow_sink *)sink)->finished = true;
    return FIKS_OK;
}

static bool slow_reset(fiks_sink *sink)
{
    (void)sink;
    return false;
}

static void slow_free(fiks_sink *sink)
{
    (void)sink;
}

TEST(a_full_sink_pauses_its_call_and_no_other)
{
    static const fiks_sink_ops ops = {.name = "slow",
                                      .feed = slow_feed,
                                      .finish = slow_finish,
                                      .reset = slow_reset,
                                      .free = slow_free};
    slow_sink slow = {.sink = {&ops}};
    start();
    fiks_param id = {"kontoId", "x"};
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = "fiksio.offentlig_nokkel";
    o.params = &id;
    o.param_count = 1;
    o.sink = &slow.sink;
    fiks_call *call;
    fiks_error err = {0};
    CHECK_OK(fiks_call_new(client, &o, NULL, &call, &err), err);
    CHECK_EQ_INT(fiks_call_wait(call, 50, NULL), FIKS_TIMEOUT);
    CHECK_EQ_INT(slow.offered, 1);
    run(one_waiter, 1); /* others go on */
    CHECK(!fiks_call_finished(call));
    fiks_call_resume(call);
    CHECK_OK(fiks_call_wait(call, 20000, &err), err);
    CHECK_EQ_INT(slow.taken, 11);
    CHECK(slow.finished);
    fiks_call_free(call);
    stop();
}

int main(void)
{
    return run_tests("test_engine");
}
