/*
 * The order in which a received forsendelse becomes durable, and that a failure at any of its steps
 * leaves nothing. The program's own fsync, renameat2 and rename stand before the C library's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "receive_run.h"

static char steps[4096]; /* "file|file|folder|rename|parent|" */
static int calls;
static int fail_at; /* the call that fails; 0 = none */

static bool no_exclusive_rename;

static bool fails(void)
{
    errno = EIO;
    return ++calls == fail_at;
}

static void note(const char *what)
{
    strncat(steps, what, sizeof steps - strlen(steps) - 1);
}

int fsync(int fd)
{
    struct stat st, parent;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        note("file|");
    else
        note(stat(inbox(), &parent) == 0 && parent.st_ino == st.st_ino ? "parent|" : "folder|");
    return fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    note(from_fd == AT_FDCWD ? "rename|" : "name|");
    if (fails())
        return -1;
    if (no_exclusive_rename && from_fd == AT_FDCWD && flags) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
}

static uint64_t room = UINT64_MAX; /* bytes that are free */

int statvfs(const char *path, struct statvfs *out)
{
    (void)path;
    *out = (struct statvfs){.f_bavail = room / 512, .f_frsize = 512};
    return 0;
}

static fiks_status receive_counted(run *r, const fiks_buf *message, int failing)
{
    steps[0] = '\0';
    calls = 0;
    fail_at = failing;
    fiks_status status = receive(r, message);
    fail_at = 0;
    return status;
}

static fiks_buf archive_of_two(void)
{
    zip_file files[] = {{FILE_OF("a.txt", "a")}, {FILE_OF("b.txt", "b")}};
    fiks_buf zip = zip_build(files, 2, NULL), message = encrypt_for("mottaker", zip.data, zip.len);
    fiks_buf_free(&zip);
    return message;
}

static void check_every_failure(run *r, const fiks_buf *message, const char *want)
{
    CHECK_OK(receive_counted(r, message, 0), last);
    CHECK_STR(steps, want);
    int count = calls;
    for (int i = 1; i <= count; i++) {
        CHECK_EQ_INT(receive_counted(r, message, i), FIKS_IO);
        CHECK(last.retryable);
    }
}

TEST(files_then_folder_then_rename_then_parent)
{
    run r = {0};
    fiks_buf message = archive_of_two();
    check_every_failure(&r, &message, "file|file|folder|rename|parent|");
    fiks_buf_free(&message);
}

TEST(a_single_document)
{
    fiks_expected_file expected = {"brev.txt", NULL, 0};
    run r = {.expected = &expected, .expected_count = 1};
    fiks_buf message = encrypt_for("mottaker", "tekst", 5);
    check_every_failure(&r, &message, "file|name|folder|rename|parent|");
    r = (run){0};
    check_every_failure(&r, &message, "file|folder|rename|parent|");
    fiks_buf_free(&message);
}

TEST(a_file_system_without_exclusive_rename)
{
    run r = {0};
    fiks_buf message = archive_of_two();
    no_exclusive_rename = true;
    CHECK_OK(receive_counted(&r, &message, 0), last);
    CHECK_STR(steps, "file|file|folder|rename|parent|");
    empty_inbox();
    fiks_sink *sink = new_sink(&r);
    CHECK_EQ_INT(mkdir(target(), 0700), 0);
    CHECK_FAILS(feed_all(sink, &message, 0), FIKS_IO, "exists");
    fiks_sink_free(sink);
    CHECK_STR(listing(inbox()), "forsendelse|");
    CHECK_STR(listing(target()), "");
    no_exclusive_rename = false;
    fiks_buf_free(&message);
}

static fiks_status made_with_room(const fiks_expected_file *expected, size_t count, uint64_t bytes)
{
    fiks_sink *sink;
    fiks_key *keys[] = {own_key()};
    fiks_forsendelse_options o = FIKS_OPTIONS(fiks_forsendelse_options);
    o.folder = target();
    o.keys = keys;
    o.key_count = 1;
    o.expected = expected;
    o.expected_count = count;
    fiks_error_clear(&last);
    room = bytes;
    fiks_status status = fiks_forsendelse_sink_new(&o, &sink, &last);
    room = UINT64_MAX;
    fiks_sink_free(sink);
    return status;
}

TEST(three_times_the_room_of_what_is_announced)
{
    const fiks_expected_file files[] = {{"a.pdf", NULL, 1000}, {"b.pdf", NULL, 0}, {"c", NULL, 24}};
    empty_inbox();
    CHECK_OK(made_with_room(files, 3, 3072), last);
    CHECK_EQ_INT(made_with_room(files, 3, 3071), FIKS_IO);
    CHECK_STR(last.code, "disk_full");
    CHECK_HAS(last.message, "needs 3072 bytes of disk, and 2560 are free");
    CHECK_HAS(last.message, target());
    CHECK_OK(made_with_room(files + 1, 1, 0), last);
    const fiks_expected_file huge[] = {{"a", NULL, INT64_MAX}, {"b", NULL, INT64_MAX}};
    CHECK_EQ_INT(made_with_room(huge, 2, UINT64_MAX / 2), FIKS_IO);
    CHECK_STR(listing(inbox()), "");
}

int main(void)
{
    int result = run_tests("test_receive_order");
    fiks_key_free(mottaker);
    return result;
}
