#include "harness.h"

#include "clock.h"
#include "error.h"
#include "log.h"
#include "str.h"

/* Sees what is wiped: the core's only way to do it. */
static void *memory_wiped;
static size_t memory_wiped_bytes;

void explicit_bzero(void *data, size_t len)
{
    memory_wiped = data;
    memory_wiped_bytes = len;
    memset(data, 0, len);
    __asm__ volatile("" : : "r"(data) : "memory");
}

TEST(buffer_grows_and_ends_in_nul)
{
    fiks_buf buf = {0};
    for (int i = 0; i < 1000; i++)
        fiks_buf_addf(&buf, "%d,", i);
    CHECK(!buf.failed);
    CHECK_EQ_INT(buf.len, 3890);
    CHECK_EQ_INT(buf.data[buf.len], 0);
    fiks_buf_clear(&buf);
    CHECK_STR(buf.data, "");
    fiks_buf_free(&buf);
}

TEST(buffer_refuses_an_impossible_size)
{
    fiks_buf buf = {0};
    CHECK(!fiks_buf_reserve(&buf, SIZE_MAX - 8));
    CHECK(buf.failed);
    CHECK(!fiks_buf_adds(&buf, "x"));
    fiks_buf_free(&buf);
}

/* A block that is outgrown is wiped whole, also beyond a text that was shorter than the last. */
TEST(growing_leaves_nothing_behind)
{
    fiks_buf buf = {0};
    fiks_buf_adds(&buf, "0123456789 a secret that is long enough to lie beyond the next one");
    char *old = buf.data;
    size_t cap = buf.cap;
    fiks_buf_clear(&buf);
    fiks_buf_adds(&buf, "short");
    memory_wiped = NULL;
    fiks_buf_reserve(&buf, cap * 2);
    CHECK(memory_wiped == old);
    CHECK_EQ_INT(memory_wiped_bytes, cap);
    fiks_buf_free(&buf);
}

/* RFC 4648, 10 */
TEST(base64_vectors)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        fiks_buf out = {0}, back = {0};
        fiks_base64_add(&out, pairs[i][0], strlen(pairs[i][0]));
        CHECK_STR(out.data ? out.data : "", pairs[i][1]);
        CHECK(fiks_base64_decode(pairs[i][1], strlen(pairs[i][1]), &back));
        CHECK_STR(back.data ? back.data : "", pairs[i][0]);
        fiks_buf_free(&out);
        fiks_buf_free(&back);
    }
}

TEST(base64_is_strict)
{
    static const char *const bad[] = {"Zg",   "Zg=",  "Zh==", "Zm9v\n",
                                      "Zm 9", "Z===", "Zm9-", "===="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fiks_buf out = {0};
        if (fiks_base64_decode(bad[i], strlen(bad[i]), &out))
            TEST_FAIL("accepted \"%s\"", bad[i]);
        fiks_buf_free(&out);
    }
    fiks_buf out = {0};
    CHECK(!fiks_base64url_decode("a+b/", 4, &out));
    CHECK(!fiks_base64url_decode("Zg==", 4, &out));
    CHECK(fiks_base64url_decode("-_8", 3, &out));
    CHECK_MEM(out.data, out.len, "\xfb\xff", 2);
    fiks_buf_free(&out);
}

TEST(percent_and_hex)
{
    fiks_buf out = {0};
    fiks_percent_add(&out, "a b/\xc3\xa6~", 7);
    CHECK_STR(out.data, "a%20b%2F%C3%A6~");
    fiks_buf_clear(&out);
    fiks_hex_add(&out, "\x00\xff\x1a", 3);
    CHECK_STR(out.data, "00ff1a");
    fiks_buf_free(&out);
}

TEST(utf8_offsets)
{
    CHECK_EQ_INT(fiks_utf8_check("S\xc3\xb8knad \xf0\x9f\x98\x80", 12), 12);
    CHECK_EQ_INT(fiks_utf8_check("abcdefgh\xe6", 9), 8);      /* Latin-1 */
    CHECK_EQ_INT(fiks_utf8_check("a\xed\xa0\x80", 4), 1);     /* a surrogate */
    CHECK_EQ_INT(fiks_utf8_check("\xc0\xaf", 2), 0);          /* overlong */
    CHECK_EQ_INT(fiks_utf8_check("\xf4\x90\x80\x80", 4), 0);  /* beyond U+10FFFF */
    CHECK_EQ_INT(fiks_utf8_check("abcdefghijk\xc3", 12), 11); /* cut */
    CHECK_EQ_INT(fiks_utf8_check("", 0), 0);
}

TEST(uuids)
{
    char a[37], b[37];
    CHECK_EQ_INT(fiks_uuid(a, NULL), FIKS_OK);
    CHECK_EQ_INT(fiks_uuid(b, NULL), FIKS_OK);
    CHECK(fiks_is_uuid(a) && a[14] == '4' && strchr("89ab", a[19]));
    CHECK(strcmp(a, b) != 0);
    CHECK(!fiks_is_uuid("3D1F6F0A-52C4-4A5E-9A53-0C1D8C1F4B01"));
    CHECK(!fiks_is_uuid("3d1f6f0a52c44a5e9a530c1d8c1f4b01"));
    CHECK(!fiks_is_uuid(NULL));
}

TEST(first_error_wins_and_is_cut_at_a_code_point)
{
    fiks_error err = {0};
    char long_text[2000];
    memset(long_text, 'a', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    memcpy(long_text + sizeof err.message - 2, "\xc3\xb8", 2);
    CHECK_EQ_INT(fiks_fail(&err, FIKS_IO, "x", "%s", long_text), FIKS_IO);
    CHECK_EQ_INT(strlen(err.message), sizeof err.message - 2);
    CHECK_EQ_INT(fiks_fail(&err, FIKS_TLS, "y", "second"), FIKS_TLS);
    CHECK_EQ_INT(err.kind, FIKS_IO);
    CHECK_STR(err.code, "x");
    CHECK_EQ_INT(fiks_fail(NULL, FIKS_TLS, "y", "nobody listens"), FIKS_TLS);
}

static int seen;
static void count(int level, const char *line, void *data)
{
    (void)data;
    seen += level == FIKS_LOG_WARN && strstr(line, "42") ? 1 : 100;
}

TEST(log_has_levels)
{
    fiks_log_set(count, FIKS_LOG_WARN, NULL);
    fiks_log(FIKS_LOG_WARN, "%d", 42);
    fiks_log(FIKS_LOG_INFO, "%d", 42);
    fiks_log_set(NULL, 0, NULL);
    fiks_log(FIKS_LOG_WARN, "%d", 42);
    CHECK_EQ_INT(seen, 1);
}

int main(void)
{
    return run_tests("test_str");
}
