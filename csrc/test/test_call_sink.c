/* What a call does with a sink: good bytes only, starting over, what the sink says at the end. */
#include "call_script.h"

typedef struct test_sink {
    fiks_sink sink;
    int fed, finished, resets, freed;
    fiks_status at_finish;
} test_sink;

static fiks_feed sink_feed(fiks_sink *sink, const void *data, size_t len, fiks_error *err)
{
    (void)data, (void)err;
    ((test_sink *)sink)->fed += (int)len;
    return FIKS_FEED_MORE;
}

static fiks_status sink_finish(fiks_sink *sink, fiks_error *err)
{
    test_sink *t = (test_sink *)sink;
    t->finished++;
    if (t->at_finish && err)
        err->kind = t->at_finish;
    return t->at_finish;
}

static bool sink_reset(fiks_sink *sink)
{
    ((test_sink *)sink)->resets++;
    return true;
}

static void sink_free(fiks_sink *sink)
{
    ((test_sink *)sink)->freed++;
}

static const fiks_sink_ops sink_ops = {.name = "test",
                                       .feed = sink_feed,
                                       .finish = sink_finish,
                                       .reset = sink_reset,
                                       .free = sink_free};

static fiks_call *new_download(fiks_client *client, test_sink *sink)
{
    *sink = (test_sink){.sink = {&sink_ops}};
    fiks_param id = {"id", "f11f5cba"};
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = "svarinn.v1.download";
    o.params = &id;
    o.param_count = 1;
    o.username = "bruker";
    o.password = "pass:ord";
    o.sink = &sink->sink;
    fiks_call *call;
    fiks_error err = {0};
    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    return call;
}

TEST(a_sink_gets_good_bytes_only_and_starts_over_with_a_retry)
{
    fiks_client *client = new_client("sink", "current");
    test_sink sink;
    fiks_call *call = new_download(client, &sink);
    step(call, FIKS_STEP_SEND);
    CHECK_STR(header(call, "Authorization: "), "Basic YnJ1a2VyOnBhc3M6b3Jk");
    CHECK(header(call, "IntegrasjonId") == NULL);
    answer(call, 502, "<html>bad gateway</html>", NULL);
    CHECK_EQ_INT(sink.fed, 0);
    step(call, FIKS_STEP_SEND);
    fiks_call_head(call, 200, "application/zip", "", "");
    fiks_call_body(call, "1234", 4);
    call->error.kind = FIKS_NETWORK;
    fiks_answer cut = {.kind = FIKS_NETWORK, .sent = true, .status = 200, .content_type = ""};
    fiks_call_answered(call, &cut, now(), 0);
    CHECK_EQ_INT(sink.resets, 1);
    step(call, FIKS_STEP_SEND);
    answer(call, 200, "1234", NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_OK);
    CHECK_EQ_INT(sink.finished, 1);
    fiks_call_unmake(call);
    CHECK_EQ_INT(sink.freed, 1);
    fiks_client_free(client);
}

TEST(what_a_sink_says_at_the_end_counts)
{
    fiks_client *client = new_client("sink-end", "current");
    test_sink sink;
    fiks_call *call = new_download(client, &sink);
    sink.at_finish = FIKS_INTEGRITY;
    step(call, FIKS_STEP_SEND);
    answer(call, 200, "1234", NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_INTEGRITY);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_sink_may_say_that_trying_again_helps)
{
    fiks_client *client = new_client("sink-retry", "current");
    test_sink sink;
    fiks_call *call = new_download(client, &sink);
    step(call, FIKS_STEP_SEND);
    call->error.retryable = true;
    sink.at_finish = FIKS_CRYPTO;
    answer(call, 200, "1234", NULL);
    step(call, FIKS_STEP_DONE);
    CHECK(call->error.retryable);
    CHECK_EQ_INT(call->error.attempts, 1); /* but the caller decides */
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_download_does_not_sleep_for_hours)
{
    fiks_client *client = new_client("sleep", "current");
    test_sink sink;
    fiks_call *call = new_download(client, &sink);
    step(call, FIKS_STEP_SEND);
    answer(call, 503, "", "3600");
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_SERVER);
    CHECK_EQ_INT(call->error.retry_after_ms, 3600000);
    fiks_call_unmake(call);
    call = new_download(client, &sink);
    step(call, FIKS_STEP_SEND);
    answer(call, 503, "", "59");
    step(call, FIKS_STEP_WAIT);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

int main(void)
{
    base = fiks_now();
    return run_tests("test_call_sink");
}
