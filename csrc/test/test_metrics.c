/* The counters of the process: each counts what its name says, under threads, forks and load. Runs
 * under the thread sanitizer too (make tsan). */
#include "server.h"

#include <sys/wait.h>

#include "metrics.h"
#include "token_cache.h"

static fiks_metrics now_counted(void)
{
    fiks_metrics m = FIKS_OPTIONS(fiks_metrics);
    fiks_metrics_get(&m);
    return m;
}

static uint64_t all_calls(const fiks_metrics *m)
{
    uint64_t n = 0;
    for (int i = 0; i < FIKS_OUTCOMES; i++)
        n += m->calls[i];
    return n;
}

TEST(a_call_is_in_flight_until_it_has_ended_with_its_outcome)
{
    fiks_metrics before = now_counted();
    fiks_metrics_call_began();
    fiks_metrics_call_began();
    CHECK_EQ_INT(now_counted().calls_in_flight, before.calls_in_flight + 2);
    fiks_metrics_call_ended(FIKS_OK, 3);
    fiks_metrics_call_ended(FIKS_TIMEOUT, 70000);
    fiks_metrics m = now_counted();
    CHECK_EQ_INT(m.calls_in_flight, before.calls_in_flight);
    CHECK_EQ_INT(m.calls[FIKS_OK], before.calls[FIKS_OK] + 1);
    CHECK_EQ_INT(m.calls[FIKS_TIMEOUT], before.calls[FIKS_TIMEOUT] + 1);
    CHECK_EQ_INT(m.duration_ms, before.duration_ms + 70003);
    CHECK_EQ_INT(m.durations[0].calls, before.durations[0].calls + 1);
    CHECK_EQ_INT(m.durations[FIKS_BUCKETS - 1].calls, before.durations[FIKS_BUCKETS - 1].calls + 1);
}

TEST(a_bucket_has_what_is_at_most_its_bound)
{
    fiks_metrics first = now_counted();
    for (int i = 0; i < FIKS_BUCKETS - 1; i++) {
        CHECK(i == 0 || first.durations[i].up_to_ms > first.durations[i - 1].up_to_ms);
        fiks_metrics before = now_counted();
        fiks_metrics_call_began();
        fiks_metrics_call_ended(FIKS_OK, first.durations[i].up_to_ms);
        fiks_metrics_call_began();
        fiks_metrics_call_ended(FIKS_OK, (int64_t)first.durations[i].up_to_ms + 1);
        fiks_metrics m = now_counted();
        CHECK_EQ_INT(m.durations[i].calls, before.durations[i].calls + 1);
        CHECK_EQ_INT(m.durations[i + 1].calls, before.durations[i + 1].calls + 1);
    }
    CHECK_EQ_INT(first.durations[FIKS_BUCKETS - 1].up_to_ms, UINT32_MAX);
}

TEST(each_counter_is_its_own)
{
    fiks_metrics before = now_counted();
    for (int i = 0; i < FIKS_COUNTERS; i++)
        fiks_metrics_add((fiks_counter)i, (uint64_t)(i + 1) * 1000);
    fiks_metrics m = now_counted();
    CHECK_EQ_INT(m.requests - before.requests, (FIKS_COUNT_REQUESTS + 1) * 1000);
    CHECK_EQ_INT(m.retries - before.retries, (FIKS_COUNT_RETRIES + 1) * 1000);
    CHECK_EQ_INT(m.token_fetches - before.token_fetches, (FIKS_COUNT_TOKEN_FETCHES + 1) * 1000);
    CHECK_EQ_INT(m.token_failures - before.token_failures, (FIKS_COUNT_TOKEN_FAILURES + 1) * 1000);
    CHECK_EQ_INT(m.token_hits - before.token_hits, (FIKS_COUNT_TOKEN_HITS + 1) * 1000);
    CHECK_EQ_INT(m.sent_bytes - before.sent_bytes, (FIKS_COUNT_SENT_BYTES + 1) * 1000);
    CHECK_EQ_INT(m.received_bytes - before.received_bytes, (FIKS_COUNT_RECEIVED_BYTES + 1) * 1000);
    CHECK_EQ_INT(m.connections_opened - before.connections_opened,
                 (FIKS_COUNT_CONNECTIONS_OPENED + 1) * 1000);
    CHECK_EQ_INT(m.connections_reused - before.connections_reused,
                 (FIKS_COUNT_CONNECTIONS_REUSED + 1) * 1000);
    CHECK_EQ_INT(m.log_lines_dropped - before.log_lines_dropped,
                 (FIKS_COUNT_LOG_LINES_DROPPED + 1) * 1000);
}

TEST(an_older_programs_struct_is_not_overrun)
{
    fiks_metrics m;
    memset(&m, 0x5A, sizeof m);
    m.size = offsetof(fiks_metrics, requests);
    fiks_metrics_get(&m);
    CHECK_EQ_INT(m.size, offsetof(fiks_metrics, requests));
    CHECK_EQ_INT(m.requests, 0x5A5A5A5A5A5A5A5A);
    CHECK(m.calls_in_flight < 1000);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *count(void *what)
{
    (void)what;
    for (int i = 0; i < ROUNDS; i++) {
        fiks_metrics_call_began();
        fiks_metrics_add(FIKS_COUNT_REQUESTS, 1);
        fiks_metrics_call_ended(FIKS_SERVER, 12);
    }
    return NULL;
}

TEST(threads_lose_no_count)
{
    fiks_metrics before = now_counted();
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ_INT(pthread_create(&thread[i], NULL, count, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    fiks_metrics m = now_counted();
    CHECK_EQ_INT(m.requests - before.requests, THREADS * ROUNDS);
    CHECK_EQ_INT(m.calls[FIKS_SERVER] - before.calls[FIKS_SERVER], THREADS * ROUNDS);
    CHECK_EQ_INT(m.duration_ms - before.duration_ms, THREADS * ROUNDS * 12);
    CHECK_EQ_INT(m.calls_in_flight, before.calls_in_flight);
}

TEST(a_forked_child_starts_at_nothing)
{
    fiks_metrics_call_began(); /* the parent's, under way */
    fiks_metrics_add(FIKS_COUNT_REQUESTS, 1);
    pid_t pid = fork();
    if (pid == 0) {
        fiks_metrics m = now_counted();
        bool clean = !m.calls_in_flight && !m.requests && !all_calls(&m) && !m.duration_ms;
        for (int i = 0; i < FIKS_BUCKETS; i++)
            clean = clean && !m.durations[i].calls;
        _exit(clean ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK_EQ_INT(status, 0);
    fiks_metrics_call_ended(FIKS_OK, 1);
    CHECK(now_counted().requests > 0);
}

TEST(a_token_is_a_fetch_a_failure_or_a_hit)
{
    fiks_key_options key_options = FIKS_OPTIONS(fiks_key_options);
    const char *path = test_temp_path("key.pem");
    char command[600];
    snprintf(command, sizeof command,
             "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out %s 2>/dev/null",
             path);
    CHECK_EQ_INT(system(command), 0);
    key_options.file = path;
    fiks_error err = {0};
    fiks_key *private_key;
    CHECK_OK(fiks_key_new(&key_options, &private_key, &err), err);
    fiks_token_inputs inputs = {.token_endpoint = "https://issuer.example/token",
                                .issuer = "https://issuer.example/",
                                .client_id = "metrics",
                                .scope = "ks:fiks",
                                .kid = "k",
                                .key = private_key};
    fiks_token_key *key;
    CHECK_OK(fiks_token_key_new(&inputs, &key, &err), err);
    fiks_token_cache *cache = fiks_token_cache_new();
    fiks_buf token = {0};
    uint64_t flight = 0, other = 0;
    fiks_time now = fiks_now();
    fiks_metrics before = now_counted();

    CHECK_EQ_INT(fiks_token_cache_get(cache, key, now, &flight, &token, &err), FIKS_TOKEN_FETCH);
    CHECK_EQ_INT(fiks_token_cache_get(cache, key, now, &other, &token, &err), FIKS_TOKEN_WAIT);
    CHECK_EQ_INT(now_counted().token_fetches, before.token_fetches + 1);
    fiks_error why = {.kind = FIKS_NETWORK};
    fiks_token_cache_fail(cache, key, flight, &why, now);
    CHECK_EQ_INT(now_counted().token_failures, before.token_failures + 1);

    now.mono_ms += 3600000;
    flight = 0;
    CHECK_EQ_INT(fiks_token_cache_get(cache, key, now, &flight, &token, &err), FIKS_TOKEN_FETCH);
    fiks_token got = {.access_token = strdup("t"), .lifetime_ms = 119000, .sent = now};
    fiks_token_cache_put(cache, key, flight, &got, now);
    CHECK_EQ_INT(fiks_token_cache_get(cache, key, now, &flight, &token, &err), FIKS_TOKEN_READY);
    CHECK_EQ_INT(now_counted().token_hits, before.token_hits); /* it had waited for it */
    flight = 0;
    CHECK_EQ_INT(fiks_token_cache_get(cache, key, now, &flight, &token, &err), FIKS_TOKEN_READY);
    CHECK_EQ_INT(now_counted().token_hits, before.token_hits + 1);
    CHECK_EQ_INT(now_counted().token_fetches, before.token_fetches + 2);

    fiks_buf_free(&token);
    fiks_token_cache_free(cache);
    fiks_token_key_free(key);
    fiks_key_free(private_key);
}

/* ---- over real sockets ------------------------------------------------------------------------
 */

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

static fiks_status get(const char *path, fiks_call **call, const fiks_response **response)
{
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.method = "GET";
    o.path = path;
    o.username = "u";
    o.password = "p";
    fiks_error err = {0};
    return fiks_call_perform(client, &o, call, response, &err);
}

TEST(calls_connections_bytes_and_retries)
{
    start();
    fiks_call *call;
    const fiks_response *response;
    fiks_metrics before = now_counted();
    CHECK_EQ_INT(get("/x", &call, &response), FIKS_OK);
    fiks_timings new_one = response->timings;
    size_t attempts;
    const fiks_attempt *attempt = fiks_call_attempts(call, &attempts);
    CHECK_EQ_INT(attempts, 1);
    uint64_t sent = attempt->sent_bytes, received = attempt->received_bytes;
    CHECK_EQ_INT(response->http_version, 11);
    fiks_call_free(call);
    CHECK_EQ_INT(get("/x", &call, &response), FIKS_OK);
    fiks_timings kept = response->timings;
    fiks_call_free(call);
    fiks_metrics m = now_counted();
    CHECK_EQ_INT(m.calls[FIKS_OK] - before.calls[FIKS_OK], 2);
    CHECK_EQ_INT(m.requests - before.requests, 2);
    CHECK_EQ_INT(m.connections_opened - before.connections_opened, 1);
    CHECK_EQ_INT(m.connections_reused - before.connections_reused, 1);
    CHECK_EQ_INT(m.sent_bytes - before.sent_bytes, 2 * sent);
    CHECK_EQ_INT(m.received_bytes - before.received_bytes, 2 * received);
    CHECK_EQ_INT(received, strlen("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                  "Content-Length: 11\r\n\r\n{\"ok\":true}"));
    CHECK(sent > 60 && sent < 400);
    CHECK(!new_one.reused && new_one.connect_us > 0);
    CHECK(new_one.total_us >= new_one.connect_us + new_one.first_byte_us);
    CHECK(kept.reused && kept.dns_us == 0 && kept.connect_us == 0 && kept.tls_us == 0);
    CHECK(kept.first_byte_us > 0 && kept.total_us >= kept.first_byte_us);

    before = now_counted();
    CHECK_EQ_INT(get("/drop/", &call, &response), FIKS_NETWORK);
    fiks_call_attempts(call, &attempts);
    CHECK_EQ_INT(attempts, 3);
    fiks_call_free(call);
    m = now_counted();
    CHECK_EQ_INT(m.calls[FIKS_NETWORK] - before.calls[FIKS_NETWORK], 1);
    CHECK_EQ_INT(m.requests - before.requests, 3);
    CHECK_EQ_INT(m.retries - before.retries, 2);
    stop();
}

TEST(nobody_there_opens_no_connection)
{
    start();
    server_stop(&here);
    fiks_call *call;
    const fiks_response *response;
    fiks_metrics before = now_counted();
    CHECK_EQ_INT(get("/x", &call, &response), FIKS_NETWORK);
    CHECK(response == NULL);
    fiks_call_free(call);
    fiks_metrics m = now_counted();
    CHECK_EQ_INT(m.connections_opened, before.connections_opened);
    CHECK_EQ_INT(m.requests, before.requests);
    CHECK_EQ_INT(m.sent_bytes, before.sent_bytes);
    CHECK_EQ_INT(m.retries - before.retries, 2);
    CHECK_EQ_INT(m.calls_in_flight, before.calls_in_flight);
    fiks_client_free(client);
}

TEST(a_call_under_way_shows_and_one_that_is_dropped_does_not_stay)
{
    start();
    fiks_metrics before = now_counted();
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.method = "GET";
    o.path = "/hold/";
    o.username = "u";
    o.password = "p";
    fiks_call *call;
    fiks_error err = {0};
    CHECK_OK(fiks_call_new(client, &o, NULL, &call, &err), err);
    CHECK_EQ_INT(fiks_call_wait(call, 20, NULL), FIKS_TIMEOUT);
    CHECK_EQ_INT(now_counted().calls_in_flight, before.calls_in_flight + 1);
    fiks_call_free(call);
    fiks_metrics m = now_counted();
    CHECK_EQ_INT(m.calls_in_flight, before.calls_in_flight);
    CHECK_EQ_INT(m.calls[FIKS_CANCELLED] - before.calls[FIKS_CANCELLED], 1);
    stop();
}

/* ---- Prometheus -------------------------------------------------------------------------------
 */

/* The value of a series in the text; -1 without it. */
static double series(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, name, n) == 0 && line[n] == ' ')
            return strtod(line + n, NULL);
    return -1;
}

TEST(the_text_has_every_counter)
{
    char *text;
    size_t bytes;
    fiks_error err = {0};
    fiks_metrics_add(FIKS_COUNT_SENT_BYTES, 1);
    fiks_metrics_call_began();
    fiks_metrics m = now_counted();
    CHECK_OK(fiks_metrics_text(&text, &bytes, &err), err);
    fiks_metrics_call_ended(FIKS_OK, 0);
    CHECK_EQ_INT(strlen(text), bytes);
    CHECK_EQ_INT(text[bytes - 1], '\n');
    CHECK(series(text, "fiks_calls_total{outcome=\"ok\"}") == (double)m.calls[FIKS_OK]);
    CHECK(series(text, "fiks_calls_total{outcome=\"rate_limited\"}") >= 0);
    CHECK(series(text, "fiks_calls_in_flight") == (double)m.calls_in_flight);
    CHECK(series(text, "fiks_requests_total") == (double)m.requests);
    CHECK(series(text, "fiks_retries_total") == (double)m.retries);
    CHECK(series(text, "fiks_token_fetches_total") == (double)m.token_fetches);
    CHECK(series(text, "fiks_token_fetch_failures_total") == (double)m.token_failures);
    CHECK(series(text, "fiks_token_cache_hits_total") == (double)m.token_hits);
    CHECK(series(text, "fiks_sent_bytes_total") == (double)m.sent_bytes);
    CHECK(series(text, "fiks_received_bytes_total") == (double)m.received_bytes);
    CHECK(series(text, "fiks_connections_opened_total") == (double)m.connections_opened);
    CHECK(series(text, "fiks_connections_reused_total") == (double)m.connections_reused);
    CHECK(series(text, "fiks_log_lines_dropped_total") == (double)m.log_lines_dropped);
    CHECK(series(text, "fiks_call_duration_seconds_count") == (double)all_calls(&m));
    CHECK(series(text, "fiks_call_duration_seconds_bucket{le=\"+Inf\"}") == (double)all_calls(&m));
    CHECK(series(text, "fiks_call_duration_seconds_bucket{le=\"0.005\"}") ==
          (double)m.durations[0].calls);
    CHECK(series(text, "fiks_call_duration_seconds_bucket{le=\"0.010\"}") ==
          (double)(m.durations[0].calls + m.durations[1].calls)); /* cumulative */
    double sum = series(text, "fiks_call_duration_seconds_sum") * 1000;
    CHECK(sum > (double)m.duration_ms - 0.5 && sum < (double)m.duration_ms + 0.5);
    fiks_bytes_free(text, bytes);
}

int main(void)
{
    return run_tests("test_metrics");
}
