/* What ties calls to the traces of others: W3C Trace Context, correlation ids, the server's ids. */
#include "harness.h"

#include "trace.h"

#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static fiks_status set(const char *traceparent, const char *correlation_id, fiks_error *err)
{
    fiks_trace trace = {0};
    fiks_error_clear(err);
    fiks_status st = fiks_trace_set(&trace, traceparent, correlation_id, FIKS_INVALID, err);
    fiks_trace_free(&trace);
    return st;
}

TEST(both_become_headers)
{
    fiks_trace trace = {0};
    fiks_error err = {0};
    CHECK_OK(fiks_trace_set(&trace, NULL, NULL, FIKS_INVALID, &err), err);
    CHECK(!trace.parent.data && !trace.correlation.data);
    CHECK_STR(fiks_trace_correlation_id(&trace), "");
    CHECK_OK(fiks_trace_set(&trace, PARENT, "sak-17", FIKS_INVALID, &err), err);
    CHECK_STR(trace.parent.data, "traceparent: " PARENT);
    CHECK_STR(trace.correlation.data, "X-Correlation-Id: sak-17");
    CHECK_STR(fiks_trace_correlation_id(&trace), "sak-17");
    fiks_trace_free(&trace);
}

TEST(traceparents_are_as_the_recommendation_says)
{
    static const char *const good[] = {
        PARENT,
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        "00-00000000000000000000000000000001-0000000000000001-ff",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", /* a later version */
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes",
    };
    static const char *const bad[] = {
        "",
        "00",
        "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", /* capitals */
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01", /* no trace */
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", /* no parent */
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", /* forbidden */
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-a b",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nX: y",
    };
    fiks_error err;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (set(good[i], NULL, &err))
            TEST_FAIL("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (set(bad[i], NULL, &err) != FIKS_INVALID)
            TEST_FAIL("taken: %s", bad[i]);
        CHECK_STR(err.code, "traceparent");
    }
}

TEST(correlation_ids_are_one_visible_word)
{
    char word[129];
    fiks_error err;
    memset(word, 'a', sizeof word);
    word[128] = '\0';
    CHECK_EQ_INT(set(NULL, word, &err), FIKS_INVALID);
    CHECK_STR(err.code, "correlation_id");
    CHECK_HAS(err.message, "127");
    word[127] = '\0';
    CHECK_OK(set(NULL, word, &err), err);
    CHECK_OK(set(NULL, "~!sak/17:{a}", &err), err);
    static const char *const bad[] = {"", "a b", "a\r\nX: y", "a\tb", "\xc3\xa5", "a\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (set(NULL, bad[i], &err) != FIKS_INVALID)
            TEST_FAIL("taken: number %zu", i);
}

static void read_lines(fiks_request_id *id, const char *const *lines)
{
    memset(id, 0, sizeof *id);
    for (; *lines; lines++)
        fiks_request_id_read(id, *lines, strlen(*lines));
}

#define READ(id, ...) read_lines(id, (const char *const[]){__VA_ARGS__, NULL})

TEST(the_servers_id_is_the_best_of_its_headers)
{
    fiks_request_id id;
    READ(&id, "HTTP/1.1 200 OK\r\n", "Content-Type: text/plain\r\n", "\r\n");
    CHECK_STR(id.text, "");
    READ(&id, "HTTP/2 200\r\n", "x-request-id:  r-1 \r\n", "traceparent: " PARENT "\r\n");
    CHECK_STR(id.text, "r-1");
    READ(&id, "HTTP/1.1 200 OK\r\n", "Traceparent: " PARENT "\r\n", "X-Correlation-ID: c\r\n");
    CHECK_STR(id.text, "c");
    READ(&id, "X-Correlation-Id: c\r\n", "X-Request-ID:r\r\n", "X-Request-ID: second\r\n");
    CHECK_STR(id.text, "r");
    /* what an interim answer or a proxy said is forgotten */
    READ(&id, "HTTP/1.1 200 Connected\r\n", "X-Request-Id: proxy\r\n", "\r\n",
         "HTTP/1.1 200 OK\r\n", "X-Other: 1\r\n");
    CHECK_STR(id.text, "");
    READ(&id, "HTTP/1.1 103 Early Hints\r\n", "X-Request-Id: early\r\n", "\r\n",
         "HTTP/1.1 200 OK\r\n", "X-Correlation-Id: late\r\n");
    CHECK_STR(id.text, "late");
}

TEST(an_id_that_is_none_is_left_out)
{
    fiks_request_id id;
    char line[300];
    READ(&id, "X-Request-Id:\r\n", "X-Request-Id: a b\r\n", "X-Request-Id: \xc3\xa5\r\n",
         "X-Request-Id: \x1b[2J\r\n", "X-Request-Id", "X-Request-Id:", "");
    CHECK_STR(id.text, "");
    snprintf(line, sizeof line, "X-Request-Id: %0128d\r\n", 7);
    READ(&id, line);
    CHECK_STR(id.text, "");
    snprintf(line, sizeof line, "X-Request-Id: %0127d\r\n", 7);
    READ(&id, line);
    CHECK_EQ_INT(strlen(id.text), 127);
}

int main(void)
{
    return run_tests("test_trace");
}
