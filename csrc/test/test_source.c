/* Bodies that do not lie in memory, and sinks that are files or functions. */
#include "harness.h"

#include <sys/stat.h>

#include "channel.h"
#include "multipart.h"
#include "sink.h"
#include "str.h"

/* Everything a source gives, `room` bytes at a time. */
static fiks_buf drain(fiks_source *source, size_t room)
{
    fiks_buf all = {0};
    char piece[64];
    for (;;) {
        size_t got = 0;
        fiks_error err = {0};
        fiks_pull pull = source->ops->pull(source, piece, room, &got, &err);
        if (pull == FIKS_PULL_END)
            return all;
        if (pull != FIKS_PULL_MORE || !got || got > room)
            TEST_FAIL("pull gave %d, %zu bytes (%s)", (int)pull, got, err.message);
        fiks_buf_add(&all, piece, got);
    }
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

TEST(a_file_is_sent_as_long_as_it_was)
{
    const char *path = test_temp_path("body");
    write_file(path, "0123456789");
    fiks_source *source;
    fiks_error err = {0};
    CHECK_OK(fiks_file_source_new(path, &source, &err), err);
    CHECK_EQ_INT(source->ops->length(source), 10);
    for (int round = 0; round < 2; round++) {
        fiks_buf all = drain(source, 3);
        CHECK_MEM(all.data, all.len, "0123456789", 10);
        fiks_buf_free(&all);
        CHECK(source->ops->rewind(source));
    }
    write_file(path, "0123456789 and more");
    fiks_buf all = drain(source, 64);
    CHECK_EQ_INT(all.len, 10);
    fiks_buf_free(&all);
    CHECK(source->ops->rewind(source));
    CHECK_EQ_INT(truncate(path, 4), 0);
    char piece[64];
    size_t got;
    CHECK_EQ_INT(source->ops->pull(source, piece, sizeof piece, &got, &err), FIKS_PULL_MORE);
    CHECK_EQ_INT(source->ops->pull(source, piece, sizeof piece, &got, &err), FIKS_PULL_FAILED);
    CHECK_STR(err.code, "file_shrank");
    fiks_source_free(source);
}

TEST(only_a_file_can_be_sent)
{
    fiks_source *source;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_file_source_new(test_temp_path("none"), &source, &err), FIKS_IO);
    CHECK_HAS(err.message, "none");
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_file_source_new("/", &source, &err), FIKS_IO);
    const char *fifo = test_temp_path("fifo");
    CHECK_EQ_INT(mkfifo(fifo, 0600), 0);
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_file_source_new(fifo, &source, &err), FIKS_IO); /* and does not hang */
    CHECK(source == NULL);
}

static int64_t give_three(void *to, size_t room, void *data)
{
    int *left = data;
    if (*left == 0 || room == 0)
        return 0;
    --*left;
    memcpy(to, "x", 1);
    return 1;
}

static int64_t give_up(void *to, size_t room, void *data)
{
    (void)to, (void)room, (void)data;
    return -1;
}

TEST(a_function_gives_until_it_gives_nothing)
{
    int left = 3;
    fiks_function_source given = {.read = give_three, .length = -1, .data = &left};
    fiks_source *source;
    fiks_error err = {0};
    CHECK_OK(fiks_function_source_new(&given, &source, &err), err);
    fiks_buf all = drain(source, 10);
    CHECK_EQ_INT(all.len, 3);
    CHECK(!source->ops->rewind(source));
    fiks_buf_free(&all);
    fiks_source_free(source);
    given.read = give_up;
    CHECK_OK(fiks_function_source_new(&given, &source, &err), err);
    char piece[8];
    size_t got;
    CHECK_EQ_INT(source->ops->pull(source, piece, 8, &got, &err), FIKS_PULL_FAILED);
    CHECK_EQ_INT(err.kind, FIKS_CANCELLED);
    fiks_source_free(source);
    given.read = NULL;
    CHECK_EQ_INT(fiks_function_source_new(&given, &source, NULL), FIKS_INVALID);
}

/* ---- multipart ------------------------------------------------------------------------------ */

TEST(multipart_keeps_order_and_quotes)
{
    fiks_part parts[] = {{"metadata", NULL, "application/json", "{}", 2, NULL},
                         {"data", "s\xc3\xb8k\"nad.pdf", NULL, "a\0b", 3, NULL}};
    fiks_buf body = {0}, type = {0};
    fiks_source *source;
    fiks_error err = {0};
    CHECK_OK(fiks_multipart_build(parts, 2, &body, &source, &type, &err), err);
    CHECK(source == NULL);
    CHECK_HAS(type.data, "multipart/form-data; boundary=");
    const char *boundary = strchr(type.data, '=') + 1;
    char want[512];
    int n = snprintf(want, sizeof want,
                     "--%s\r\nContent-Disposition: form-data; name=\"metadata\"\r\n"
                     "Content-Type: application/json\r\n\r\n{}\r\n"
                     "--%s\r\nContent-Disposition: form-data; name=\"data\"; "
                     "filename=\"s\xc3\xb8k%%22nad.pdf\"\r\n\r\na%cb\r\n--%s--\r\n",
                     boundary, boundary, 0, boundary);
    CHECK_MEM(body.data, body.len, want, (size_t)n);
    fiks_buf_free(&body);
    fiks_buf_free(&type);
}

TEST(multipart_refuses_header_injection)
{
    fiks_part part = {"a", NULL, "x\r\nEvil: 1", "", 0, NULL};
    fiks_buf body = {0}, type = {0};
    fiks_source *source;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_multipart_build(&part, 1, &body, &source, &type, &err), FIKS_INVALID);
    fiks_buf_free(&body);
    fiks_buf_free(&type);
}

TEST(multipart_with_sources_is_the_same_bytes)
{
    int left = 3;
    fiks_function_source given = {.read = give_three, .length = 3, .data = &left};
    fiks_source *function, *joined;
    fiks_error err = {0};
    CHECK_OK(fiks_function_source_new(&given, &function, &err), err);
    fiks_part parts[] = {{"a", NULL, NULL, "one", 3, NULL}, {"b", NULL, NULL, NULL, 0, function}};
    fiks_buf body = {0}, type = {0};
    CHECK_OK(fiks_multipart_build(parts, 2, &body, &joined, &type, &err), err);
    CHECK_EQ_INT(body.len, 0);
    int64_t length = joined->ops->length(joined);
    fiks_buf all = drain(joined, 5);
    CHECK_EQ_INT(all.len, length);
    CHECK_HAS(all.data, "name=\"a\"\r\n\r\none\r\n--");
    CHECK_HAS(all.data, "name=\"b\"\r\n\r\nxxx\r\n--");
    CHECK(!joined->ops->rewind(joined)); /* the function cannot */
    fiks_buf_free(&all);
    fiks_source_free(joined); /* the part's own was lent */
    given.length = -1;
    fiks_source *unknown;
    CHECK_OK(fiks_function_source_new(&given, &unknown, &err), err);
    parts[1].source = unknown;
    CHECK_OK(fiks_multipart_build(parts, 2, &body, &joined, &type, &err), err);
    CHECK_EQ_INT(joined->ops->length(joined), -1);
    fiks_joined_source_adopt(joined);
    fiks_source_free(joined); /* frees `unknown`, too */
    fiks_source_free(function);
    fiks_buf_free(&type);
}

/* ---- sinks ----------------------------------------------------------------------------------- */

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

TEST(a_file_appears_as_a_whole)
{
    char path[600];
    snprintf(path, sizeof path, "%s", test_temp_path("answer"));
    fiks_sink *sink;
    fiks_error err = {0};
    CHECK_OK(fiks_file_sink_new(path, false, &sink, &err), err);
    CHECK_EQ_INT(sink->ops->feed(sink, "half", 4, &err), FIKS_FEED_MORE);
    CHECK(!exists(path));
    CHECK(sink->ops->reset(sink));
    CHECK_EQ_INT(sink->ops->feed(sink, "whole", 5, &err), FIKS_FEED_MORE);
    CHECK_OK(sink->ops->finish(sink, &err), err);
    fiks_sink_free(sink);
    size_t len;
    char *text = test_read_file(path, &len);
    CHECK_MEM(text, len, "whole", 5);
    free(text);
    struct stat st;
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);

    CHECK_EQ_INT(fiks_file_sink_new(path, false, &sink, &err), FIKS_IO);
    CHECK_STR(err.code, "exists");
    fiks_error_clear(&err);
    CHECK_OK(fiks_file_sink_new(path, true, &sink, &err), err);
    CHECK_EQ_INT(sink->ops->feed(sink, "lost", 4, &err), FIKS_FEED_MORE);
    fiks_sink_free(sink); /* not finished: the old one stays, and nothing is left beside it */
    text = test_read_file(path, &len);
    CHECK_MEM(text, len, "whole", 5);
    free(text);
    CHECK_OK(fiks_file_sink_new(path, true, &sink, &err), err);
    CHECK_OK(sink->ops->finish(sink, &err), err);
    fiks_sink_free(sink);
    CHECK(stat(path, &st) == 0 && st.st_size == 0);
    char left[700];
    snprintf(left, sizeof left, "ls -A %s/.answer* 2>/dev/null | grep -q .", test_temp);
    CHECK(system(left) != 0);
}

TEST(a_file_that_came_meanwhile_is_left)
{
    char path[600];
    snprintf(path, sizeof path, "%s", test_temp_path("late"));
    fiks_sink *sink;
    fiks_error err = {0};
    CHECK_OK(fiks_file_sink_new(path, false, &sink, &err), err);
    write_file(path, "theirs");
    CHECK_EQ_INT(sink->ops->finish(sink, &err), FIKS_IO);
    CHECK_STR(err.code, "exists");
    fiks_sink_free(sink);
    size_t len;
    char *text = test_read_file(path, &len);
    CHECK_MEM(text, len, "theirs", 6);
    free(text);
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_file_sink_new(test_temp_path("no/such/place"), false, &sink, &err), FIKS_IO);
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_file_sink_new(test_temp, true, &sink, &err), FIKS_IO);
}

/* ---- a channel ---------------------------------------------------------------------------------
 */

TEST(a_channel_as_source)
{
    fiks_channel *channel = fiks_channel_new(-1, true);
    fiks_source *source = fiks_channel_source(channel);
    char piece[16];
    size_t got;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_channel_want(channel), 0);
    CHECK_EQ_INT(source->ops->pull(source, piece, 16, &got, &err), FIKS_PULL_PAUSED);
    CHECK_EQ_INT(fiks_channel_want(channel), 1);
    CHECK(fiks_channel_give(channel, 1, "abc", 3));
    CHECK_EQ_INT(fiks_channel_want(channel), 0);
    CHECK_EQ_INT(source->ops->pull(source, piece, 2, &got, &err), FIKS_PULL_MORE);
    CHECK_MEM(piece, got, "ab", 2);
    CHECK(source->ops->rewind(source));
    CHECK(fiks_channel_give(channel, 1, "of the first round", 18)); /* dropped */
    CHECK_EQ_INT(source->ops->pull(source, piece, 16, &got, &err), FIKS_PULL_PAUSED);
    CHECK_EQ_INT(fiks_channel_want(channel), 2);
    fiks_channel_end(channel, 2);
    CHECK_EQ_INT(source->ops->pull(source, piece, 16, &got, &err), FIKS_PULL_END);
    fiks_channel_fail(channel, "no more");
    CHECK_EQ_INT(source->ops->pull(source, piece, 16, &got, &err), FIKS_PULL_FAILED);
    CHECK_STR(err.message, "no more");
    fiks_channel_free(channel);
    fiks_source_free(source);
}

TEST(a_channel_that_cannot_begin_again_says_so_once_something_left)
{
    fiks_channel *channel = fiks_channel_new(3, false);
    fiks_source *source = fiks_channel_source(channel);
    char piece[16];
    size_t got;
    fiks_channel_give(channel, 1, "abc", 3);
    CHECK(source->ops->rewind(source));
    CHECK_EQ_INT(source->ops->pull(source, piece, 16, &got, NULL), FIKS_PULL_MORE);
    CHECK_EQ_INT(got, 3);
    CHECK(!source->ops->rewind(source));
    fiks_source_free(source);
    fiks_channel_free(channel);
}

TEST(a_channel_as_sink)
{
    static char big[FIKS_CHANNEL_BYTES];
    fiks_channel *channel = fiks_channel_new(-1, false);
    fiks_sink *sink = fiks_channel_sink(channel);
    fiks_buf taken = {0};
    CHECK_EQ_INT(sink->ops->feed(sink, "a", 1, NULL), FIKS_FEED_MORE);
    CHECK(sink->ops->reset(sink)); /* nobody has seen it */
    CHECK(!fiks_channel_take(channel, &taken));
    CHECK_EQ_INT(taken.len, 0);
    CHECK_EQ_INT(sink->ops->feed(sink, "b", 1, NULL), FIKS_FEED_MORE);
    CHECK_EQ_INT(sink->ops->feed(sink, big, sizeof big, NULL), FIKS_FEED_PAUSED);
    CHECK(fiks_channel_take(channel, &taken)); /* resume the call */
    CHECK_MEM(taken.data, taken.len, "b", 1);
    CHECK_EQ_INT(sink->ops->feed(sink, big, sizeof big, NULL), FIKS_FEED_MORE);
    CHECK(!sink->ops->reset(sink));
    fiks_sink_free(sink);
    CHECK(!fiks_channel_take(channel, &taken)); /* still there after the call */
    CHECK_EQ_INT(taken.len, sizeof big);
    fiks_buf_free(&taken);
    fiks_channel_free(channel);
}

int main(void)
{
    return run_tests("test_source");
}
