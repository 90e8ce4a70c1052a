/* What a killed process leaves behind, and that nobody's work in progress is taken for it. */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "../folder_stale.h"
#include "receive_run.h"

static fiks_buf message(void)
{
    zip_file files[] = {{FILE_OF("a.txt", "hemmelig")}, {FILE_OF("b.txt", "b")}};
    fiks_buf zip = zip_build(files, 2, NULL), out = encrypt_for("mottaker", zip.data, zip.len);
    fiks_buf_free(&zip);
    return out;
}

static fiks_sink *half_received(const fiks_buf *of)
{
    run r = {0};
    fiks_sink *sink = new_sink(&r);
    CHECK_EQ_INT(sink->ops->feed(sink, of->data, of->len, &last), FIKS_FEED_MORE);
    return sink;
}

/* A process that has received everything but the end, and stays so. */
static pid_t receiver(const fiks_buf *of)
{
    int ready[2];
    char byte = 0;
    CHECK_EQ_INT(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        half_received(of);
        (void)!write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    close(ready[1]);
    ssize_t n = read(ready[0], &byte, 1);
    close(ready[0]);
    CHECK(pid > 0 && n == 1);
    return pid;
}

static void kill_receiver(pid_t pid)
{
    kill(pid, SIGKILL);
    CHECK_EQ_INT(waitpid(pid, NULL, 0), pid);
}

static bool is_one_temporary(const char *list)
{
    const char *part = strstr(list, ".part|");
    return strncmp(list, ".forsendelse.", 13) == 0 && part && !part[6];
}

TEST(left_by_a_killed_process_and_removed_by_the_next)
{
    fiks_buf whole = message();
    empty_inbox();
    pid_t pid = receiver(&whole);
    char before[600];
    snprintf(before, sizeof before, "%s", listing(inbox()));
    CHECK(is_one_temporary(before));

    run r = {0};
    fiks_sink *sink = new_sink(&r); /* while the other lives */
    CHECK_STR(listing(inbox()), before);
    fiks_sink_free(sink);

    kill_receiver(pid);
    CHECK_STR(listing(inbox()), before);
    sink = new_sink(&r);
    CHECK_STR(listing(inbox()), "");
    CHECK_OK(feed_all(sink, &whole, 0), last);
    fiks_sink_free(sink);
    CHECK_STR(listing(inbox()), "forsendelse|");
    CHECK_STR(listing(target()), "a.txt|b.txt|");
    fiks_buf_free(&whole);
}

TEST(two_of_one_process_leave_each_other_alone)
{
    fiks_buf whole = message();
    empty_inbox();
    fiks_sink *first = half_received(&whole), *second = half_received(&whole);
    CHECK_OK(first->ops->finish(first, &last), last);
    CHECK_EQ_INT(second->ops->finish(second, &last), FIKS_IO);
    fiks_sink_free(first);
    fiks_sink_free(second);
    CHECK_STR(listing(inbox()), "forsendelse|");
    CHECK_STR(listing(target()), "a.txt|b.txt|");
    fiks_buf_free(&whole);
}

/* Names that only look alike, and what is no folder. */
TEST(only_its_own_is_removed)
{
    static const char *const others[] = {
        ".forsendelse.0123456789abcde.part", ".forsendelse.0123456789abcdef.partx",
        ".forsendelse2.0123456789abcdef.part", ".forsendelse.x.0123456789abcdef.part"};
    char path[800];
    run r = {0};
    empty_inbox();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(path, sizeof path, "%s/%s", inbox(), others[i]);
        CHECK_EQ_INT(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof path, "%s/.forsendelse.0000000000000000.part", inbox());
    test_write_file(path, "x", 1);
    char before[4096];
    snprintf(before, sizeof before, "%s", listing(inbox()));
    snprintf(path, sizeof path, "%s/.forsendelse.0123456789abcdef.part", inbox());
    CHECK_EQ_INT(mkdir(path, 0700), 0);
    fiks_sink_free(new_sink(&r));
    CHECK_STR(listing(inbox()), before);
}

/* Opened as a temporary one, renamed into its place, and only then locked: it is whole. */
TEST(a_folder_that_was_renamed_is_not_the_one_meant)
{
    char from[700], to[700];
    empty_inbox();
    snprintf(from, sizeof from, "%s/.x.part", inbox());
    snprintf(to, sizeof to, "%s/x", inbox());
    CHECK_EQ_INT(mkdir(from, 0700), 0);
    int fd = open(from, O_RDONLY | O_DIRECTORY), again = open(from, O_RDONLY | O_DIRECTORY);
    CHECK(fiks_folder_lock(fd, from));
    CHECK(!fiks_folder_lock(again, from)); /* held */
    close(fd);
    CHECK(fiks_folder_lock(again, from));
    CHECK_EQ_INT(rename(from, to), 0);
    CHECK(!fiks_folder_lock(again, from));
    CHECK_EQ_INT(mkdir(from, 0700), 0);
    CHECK(!fiks_folder_lock(again, from));
    close(again);
}

int main(void)
{
    return run_tests("test_receive_killed");
}
