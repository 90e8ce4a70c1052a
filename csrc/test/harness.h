/*
 * A small test harness: one program per module.
 *
 *     #include "harness.h"
 *
 *     TEST(adds) { CHECK_EQ_INT(1 + 1, 2); }
 *     TEST(names) { CHECK_STR(fiks_status_name(FIKS_OK), "ok"); }
 *
 *     int main(void) { return run_tests("test_sum"); }
 *
 * A failed check prints file, line and values and leaves the test at once (REQUIRE-like), so what
 * follows may rely on it; the other tests still run. Programs start in the root of the repository.
 * The last line, `# name: 3 passed, 0 failed, 0 skipped`, is what tools/run_tests.sh counts.
 */
#ifndef FIKS_TEST_HARNESS_H
#define FIKS_TEST_HARNESS_H

#include <ftw.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
} test_case;

static test_case *test_first, **test_last = &test_first;
static jmp_buf test_leave;
static char test_skip_reason[256];
static char test_temp[512];

/* Defines and registers a test; tests run in the order of the file. */
#define TEST(id)                                                                                   \
    static void test_##id(void);                                                                   \
    static test_case test_case_##id = {#id, test_##id, NULL};                                      \
    __attribute__((constructor)) static void test_register_##id(void)                              \
    {                                                                                              \
        *test_last = &test_case_##id;                                                              \
        test_last = &test_case_##id.next;                                                          \
    }                                                                                              \
    static void test_##id(void)

#define TEST_FAIL(...)                                                                             \
    do {                                                                                           \
        printf("  %s:%d: ", __FILE__, __LINE__);                                                   \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
        longjmp(test_leave, 1);                                                                    \
    } while (0)

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            TEST_FAIL("not true: %s", #condition);                                                 \
    } while (0)

/* Integers of any type and size; prints both. */
#define CHECK_EQ_INT(got, want)                                                                    \
    do {                                                                                           \
        intmax_t got_ = (intmax_t)(got), want_ = (intmax_t)(want);                                 \
        if (got_ != want_)                                                                         \
            TEST_FAIL("%s is %jd, expected %jd", #got, got_, want_);                               \
    } while (0)

/* Strings; NULL equals only NULL. */
#define CHECK_STR(got, want)                                                                       \
    do {                                                                                           \
        const char *got_ = (got), *want_ = (want);                                                 \
        if (!test_same_text(got_, want_))                                                          \
            TEST_FAIL("%s is \"%s\", expected \"%s\"", #got, got_ ? got_ : "(NULL)",               \
                      want_ ? want_ : "(NULL)");                                                   \
    } while (0)

/* `text` holds `part`: for messages. */
#define CHECK_HAS(text, part)                                                                      \
    do {                                                                                           \
        const char *text_ = (text), *part_ = (part);                                               \
        if (!text_ || !strstr(text_, part_))                                                       \
            TEST_FAIL("%s is \"%s\", which does not hold \"%s\"", #text, text_ ? text_ : "(NULL)", \
                      part_);                                                                      \
    } while (0)

/* Bytes: equal lengths and contents. */
#define CHECK_MEM(got, got_len, want, want_len)                                                    \
    do {                                                                                           \
        size_t got_n_ = (got_len), want_n_ = (want_len);                                           \
        if (got_n_ != want_n_)                                                                     \
            TEST_FAIL("%s has %zu bytes, expected %zu", #got, got_n_, want_n_);                    \
        if (got_n_ && memcmp((got), (want), got_n_) != 0)                                          \
            TEST_FAIL("%s differs from %s", #got, #want);                                          \
    } while (0)

/* A fiks_status that must be FIKS_OK, with the message of `err` (a fiks_error) when it is not. */
#define CHECK_OK(status, err)                                                                      \
    do {                                                                                           \
        int status_ = (int)(status);                                                               \
        if (status_ != 0)                                                                          \
            TEST_FAIL("%s gave %d (%s: %s)", #status, status_, (err).code, (err).message);         \
    } while (0)

/* Leaves the test as skipped. Only data that may be absent is a reason: "vectors: <file>". */
#define SKIP(...)                                                                                  \
    do {                                                                                           \
        snprintf(test_skip_reason, sizeof test_skip_reason, __VA_ARGS__);                          \
        longjmp(test_leave, 2);                                                                    \
    } while (0)

__attribute__((unused)) static bool test_same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* A whole file as malloc'ed bytes with a NUL behind them; NULL when it cannot be read. */
__attribute__((unused)) static char *test_read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *data = NULL;
    size_t n = 0, cap = 0, got;
    do {
        if (cap - n < 4096)
            data = realloc(data, cap = cap ? cap * 2 : 8192);
        got = fread(data + n, 1, cap - n - 1, file);
        n += got;
    } while (got > 0);
    fclose(file);
    data[n] = '\0';
    if (len)
        *len = n;
    return data;
}

__attribute__((unused)) static void test_write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, len, file) != len || fclose(file) != 0) {
        perror(path);
        abort();
    }
}

static int test_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static void test_remove_temp(void)
{
    if (test_temp[0])
        nftw(test_temp, test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* This program's own folder under $TMPDIR, removed at its end. */
__attribute__((unused)) static const char *test_temp_dir(void)
{
    if (test_temp[0])
        return test_temp;
    const char *base = getenv("TMPDIR");
    snprintf(test_temp, sizeof test_temp, "%s/fiks-test-XXXXXX", base && base[0] ? base : "/tmp");
    if (!mkdtemp(test_temp)) {
        perror(test_temp);
        abort();
    }
    return test_temp;
}

/* <temp dir>/name in a static buffer, good until the fourth call after. */
__attribute__((unused)) static const char *test_temp_path(const char *name)
{
    static char paths[4][768];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof *paths, "%s/%s", test_temp_dir(), name);
    return path;
}

/* Path of a published test vector, e.g. "auth/grants.json"; leaves as skipped when it is absent. */
__attribute__((unused)) static const char *test_vector(const char *name)
{
    static char path[768];
    const char *base = getenv("FIKS_VECTORS");
    snprintf(path, sizeof path, "%s/%s", base ? base : "../shared/protocol/data", name);
    if (access(path, R_OK) != 0)
        SKIP("vectors: %s", name);
    return path;
}

/*
 * Ends a forked child: no exit handlers, and no leak report about what its parent left it (valgrind
 * writes one at every exit; a program that was replaced has none).
 */
__attribute__((unused, noreturn)) static void test_end_child(bool good)
{
    execl(good ? "/bin/true" : "/bin/false", good ? "true" : "false", (char *)NULL);
    _exit(99);
}

typedef struct test_tally {
    int passed, failed, skipped;
} test_tally;

static void test_run_one(const char *program, const test_case *one, test_tally *tally)
{
    int how = setjmp(test_leave);
    if (how == 0) {
        one->run();
        tally->passed++;
    } else if (how == 2 && strncmp(test_skip_reason, "vectors: ", 9) == 0) {
        printf("SKIP %s.%s: %s\n", program, one->name, test_skip_reason);
        tally->skipped++;
    } else {
        printf("FAIL %s.%s%s%s\n", program, one->name, how == 2 ? ": not a reason to skip: " : "",
               how == 2 ? test_skip_reason : "");
        tally->failed++;
    }
}

/* Runs everything registered; the value is main's. */
static int run_tests(const char *program)
{
    test_tally tally = {0, 0, 0};
    setvbuf(stdout, NULL, _IOLBF, 0);
    atexit(test_remove_temp);
    for (test_case *one = test_first; one; one = one->next)
        test_run_one(program, one, &tally);
    printf("# %s: %d passed, %d failed, %d skipped\n", program, tally.passed, tally.failed,
           tally.skipped);
    return tally.failed ? 1 : 0;
}

#endif
