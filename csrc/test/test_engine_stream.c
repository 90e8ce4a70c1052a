/* Bodies that stream through the engine, and what a queue says before a call's end. Runs under the
 * thread sanitizer too (make tsan). */
#include "server.h"

#include "channel.h"
#include "engine.h"

enum { BIG = 300000 };

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

/* A call that needs no token. */
static fiks_call *begin(const char *method, const char *path, fiks_call_options o,
                        fiks_queue *queue)
{
    fiks_call *call = NULL;
    fiks_error err = {0};
    o.size = sizeof o;
    o.method = method;
    o.path = path;
    o.username = "u"; /* Basic */
    o.password = "p";
    CHECK_OK(fiks_call_new(client, &o, queue, &call, &err), err);
    return call;
}

static fiks_status end(fiks_call *call, char *body, size_t room, fiks_error *err)
{
    const fiks_response *response;
    fiks_error_clear(err);
    fiks_call_wait(call, 20000, NULL);
    fiks_status st = fiks_call_result(call, &response, err);
    if (body)
        snprintf(body, room, "%s", response ? response->body : "");
    fiks_call_free(call);
    return st;
}

static int64_t read_text(void *to, size_t room, void *data)
{
    const char **at = data;
    size_t n = strlen(*at) < room ? strlen(*at) : room;
    memcpy(to, *at, n);
    *at += n;
    return (int64_t)n;
}

TEST(a_body_has_its_length_or_goes_in_chunks)
{
    start();
    char echoed[64];
    fiks_error err = {0};
    for (int64_t length = -1; length <= 5; length += 6) {
        const char *text = "12345";
        fiks_function_source given = {.read = read_text, .length = length, .data = &text};
        fiks_call_options o = {.content_type = "text/plain"};
        CHECK_OK(fiks_function_source_new(&given, &o.source, &err), err);
        CHECK_OK(end(begin("POST", "/echo", o, NULL), echoed, sizeof echoed, &err), err);
        CHECK_STR(echoed, length < 0 ? "POST text/plain chunked" : "POST text/plain 5");
    }
    stop();
}

/* The source is read anew, or there is no other try. */
TEST(a_body_goes_out_again_only_if_it_can_begin_anew)
{
    start();
    char path[600];
    snprintf(path, sizeof path, "%s", test_temp_path("body"));
    FILE *file = fopen(path, "w");
    CHECK(file && fputs("12345", file) >= 0 && fclose(file) == 0);
    fiks_error err = {0};
    fiks_call_options o = {.idempotent = 1};
    CHECK_OK(fiks_file_source_new(path, &o.source, &err), err);
    CHECK_EQ_INT(end(begin("POST", "/drop/x", o, NULL), NULL, 0, &err), FIKS_NETWORK);
    CHECK_EQ_INT(err.attempts, 3);
    const char *text = "12345";
    fiks_function_source given = {.read = read_text, .length = 5, .data = &text};
    CHECK_OK(fiks_function_source_new(&given, &o.source, &err), err);
    CHECK_EQ_INT(end(begin("POST", "/drop/x", o, NULL), NULL, 0, &err), FIKS_NETWORK);
    CHECK_EQ_INT(err.attempts, 1);
    stop();
}

static bool count_bytes(const void *bytes, size_t length, void *data)
{
    (void)bytes;
    size_t *left = data;
    if (length > *left)
        return false;
    *left -= length;
    return true;
}

TEST(a_function_takes_the_answer_or_refuses_it)
{
    start();
    fiks_error err = {0};
    size_t left = BIG;
    fiks_call_options o = {0};
    CHECK_OK(fiks_function_sink_new(count_bytes, &left, &o.sink, &err), err);
    CHECK_OK(end(begin("GET", "/big", o, NULL), NULL, 0, &err), err);
    CHECK_EQ_INT(left, 0);
    left = 1000;
    CHECK_OK(fiks_function_sink_new(count_bytes, &left, &o.sink, &err), err);
    CHECK_EQ_INT(end(begin("GET", "/big", o, NULL), NULL, 0, &err), FIKS_CANCELLED);
    CHECK_STR(err.code, "sink");
    stop();
}

TEST(a_file_takes_the_answer)
{
    start();
    char path[600];
    snprintf(path, sizeof path, "%s", test_temp_path("big"));
    fiks_error err = {0};
    fiks_call_options o = {0};
    CHECK_OK(fiks_file_sink_new(path, false, &o.sink, &err), err);
    CHECK_OK(end(begin("GET", "/big", o, NULL), NULL, 0, &err), err);
    size_t len = 0;
    char *text = test_read_file(path, &len);
    CHECK_EQ_INT(len, BIG);
    CHECK(strncmp(text + BIG - 10, "0123456789", 10) == 0);
    free(text);
    stop();
}

/* What a Lua state does: it waits for the queue, and serves the channel. */
static size_t take_all(fiks_queue *queue, fiks_call *call, fiks_channel *channel)
{
    size_t sum = 0;
    fiks_buf taken = {0};
    do {
        if (fiks_queue_wait(queue, 20000) != call)
            TEST_FAIL("nothing came after %zu bytes", sum);
        fiks_call_notes(call);
        if (fiks_channel_take(channel, &taken))
            fiks_call_resume(call);
        sum += taken.len;
    } while (!fiks_call_finished(call));
    fiks_channel_take(channel, &taken);
    sum += taken.len;
    fiks_buf_free(&taken);
    return sum;
}

static void stream_down(void)
{
    fiks_queue *queue = fiks_queue_new();
    fiks_channel *channel = fiks_channel_new(-1, false);
    fiks_call_options o = {.sink = fiks_channel_sink(channel), .notes = FIKS_NOTE_PROGRESS};
    fiks_call *call = begin("GET", "/big", o, queue);
    CHECK_EQ_INT(take_all(queue, call, channel), BIG);
    fiks_progress progress;
    fiks_call_progress(call, &progress);
    CHECK_EQ_INT(progress.received_bytes, BIG);
    CHECK_EQ_INT(progress.received_total_bytes, BIG);
    CHECK_EQ_INT(progress.sent_total_bytes, 0);
    fiks_error err = {0};
    CHECK_OK(fiks_call_result(call, NULL, &err), err);
    fiks_call_free(call);
    fiks_channel_free(channel);
    fiks_queue_free(queue);
}

static void stream_up(void)
{
    fiks_queue *queue = fiks_queue_new();
    fiks_channel *channel = fiks_channel_new(-1, false);
    fiks_call_options o = {.source = fiks_channel_source(channel)};
    fiks_call *call = begin("POST", "/echo", o, queue);
    for (int given = 0; !fiks_call_finished(call);) {
        if (fiks_queue_wait(queue, 20000) != call)
            TEST_FAIL("nothing is wanted after %d pieces", given);
        fiks_call_notes(call);
        unsigned round = fiks_channel_want(channel);
        if (!round)
            continue;
        if (given++ < 3)
            fiks_channel_give(channel, round, "piece", 5);
        else
            fiks_channel_end(channel, round);
        fiks_call_resume(call);
    }
    const fiks_response *response;
    fiks_error err = {0};
    CHECK_OK(fiks_call_result(call, &response, &err), err);
    CHECK_STR(response->body, "POST application/json chunked");
    fiks_call_free(call);
    fiks_channel_free(channel);
    fiks_queue_free(queue);
}

TEST(a_channel_streams_while_its_owner_pumps)
{
    start();
    stream_down();
    stream_up();
    stop();
}

TEST(a_channel_streams_while_a_thread_pumps)
{
    start();
    fiks_error err = {0};
    CHECK_OK(fiks_engine_thread_start(&err), err);
    for (int i = 0; i < 20; i++) {
        stream_down();
        stream_up();
    }
    fiks_engine_thread_stop();
    stop();
}

static bool readable(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, timeout_ms) == 1;
}

/* What an event loop does. */
TEST(a_descriptor_is_readable_while_a_call_waits_to_be_taken)
{
    start();
    fiks_error err = {0};
    fiks_queue *queue = fiks_queue_new();
    int fd, again;
    CHECK_OK(fiks_queue_fd(queue, &fd, &err), err);
    CHECK_OK(fiks_queue_fd(queue, &again, &err), err);
    CHECK_EQ_INT(fd, again);
    CHECK(!readable(fd, 0));
    fiks_call_options none = {0};
    fiks_call *calls[3];
    for (int i = 0; i < 3; i++)
        calls[i] = begin("GET", "/x", none, queue);
    for (int taken = 0; taken < 3;) {
        CHECK(readable(fd, 20000)); /* nobody pumps here: the thread does */
        while (fiks_queue_wait(queue, 0))
            taken++;
    }
    CHECK(!readable(fd, 0));
    for (int i = 0; i < 3; i++)
        CHECK_OK(end(calls[i], NULL, 0, &err), err);
    fiks_queue_free(queue);
    fiks_engine_thread_stop();
    stop();
}

TEST(a_call_may_be_freed_while_its_channel_is_full)
{
    start();
    fiks_queue *queue = fiks_queue_new();
    fiks_channel *channel = fiks_channel_new(-1, false);
    fiks_call_options o = {.sink = fiks_channel_sink(channel)};
    fiks_call *call = begin("GET", "/big", o, queue);
    CHECK(fiks_queue_wait(queue, 20000) == call);
    fiks_call_free(call);
    CHECK(fiks_queue_wait(queue, 0) == NULL);
    fiks_channel_free(channel);
    fiks_queue_free(queue);
    stop();
}

int main(void)
{
    return run_tests("test_engine_stream");
}
