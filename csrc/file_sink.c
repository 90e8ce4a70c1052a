/* A sink that makes a file: written under a temporary name beside it, fsynced, renamed into place
 * when the whole answer has come. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "folder.h"
#include "sink.h"
#include "str.h"

typedef struct file_sink {
    fiks_sink base;
    char *path, *temporary;
    bool replace;
    int fd; /* -1 = not created */
} file_sink;

static fiks_status start(file_sink *sink, fiks_error *err)
{
    if (sink->fd >= 0)
        return FIKS_OK;
    sink->fd = open(sink->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return sink->fd >= 0 ? FIKS_OK : fiks_fail_errno(err, "create", sink->temporary, errno);
}

static void discard(file_sink *sink)
{
    if (sink->fd < 0)
        return;
    close(sink->fd);
    unlink(sink->temporary);
    sink->fd = -1;
}

static fiks_feed sink_feed(fiks_sink *base, const void *data, size_t len, fiks_error *err)
{
    file_sink *sink = (file_sink *)base;
    fiks_status status = start(sink, err);
    if (!status)
        status = fiks_write_all(sink->fd, data, len, sink->temporary, err);
    if (!status)
        return FIKS_FEED_MORE;
    discard(sink);
    return FIKS_FEED_FAILED;
}

static fiks_status put_in_place(const file_sink *sink, fiks_error *err)
{
    if (fsync(sink->fd) != 0)
        return fiks_fail_errno(err, "fsync", sink->temporary, errno);
    if ((sink->replace ? rename : fiks_move)(sink->temporary, sink->path) == 0)
        return FIKS_OK;
    return errno == EEXIST
               ? fiks_fail(err, FIKS_IO, "exists",
                           "the file %s came into being meanwhile; it is left as it is", sink->path)
               : fiks_fail_errno(err, "create", sink->path, errno);
}

static fiks_status sink_finish(fiks_sink *base, fiks_error *err)
{
    file_sink *sink = (file_sink *)base;
    fiks_status status = start(sink, err); /* an empty answer is an empty file */
    if (!status)
        status = put_in_place(sink, err);
    if (status) {
        discard(sink);
        return status;
    }
    close(sink->fd);
    sink->fd = -1;
    char *parent = fiks_parent_of(sink->path);
    status = parent ? fiks_sync_folder(parent, err) : fiks_fail_memory(err);
    free(parent);
    return status;
}

static bool sink_reset(fiks_sink *base)
{
    discard((file_sink *)base);
    return true;
}

static void sink_free(fiks_sink *base)
{
    file_sink *sink = (file_sink *)base;
    discard(sink);
    free(sink->path);
    free(sink->temporary);
    free(sink);
}

static fiks_status check_place(const file_sink *sink, fiks_error *err)
{
    struct stat st;
    if (stat(sink->path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return fiks_fail_errno(err, "write to", sink->path, EISDIR);
        return sink->replace
                   ? FIKS_OK
                   : fiks_fail(err, FIKS_IO, "exists",
                               "the file %s exists already; give one that does not, or replace it",
                               sink->path);
    }
    if (errno != ENOENT)
        return fiks_fail_errno(err, "write to", sink->path, errno);
    char *parent = fiks_parent_of(sink->path);
    fiks_status status = !parent ? fiks_fail_memory(err)
                         : access(parent, W_OK | X_OK)
                             ? fiks_fail_errno(err, "write to", parent, errno)
                             : FIKS_OK;
    free(parent);
    return status;
}

fiks_status fiks_file_sink_new(const char *path, bool replace, fiks_sink **out, fiks_error *err)
{
    static const fiks_sink_ops ops = {.name = "file",
                                      .feed = sink_feed,
                                      .finish = sink_finish,
                                      .reset = sink_reset,
                                      .free = sink_free};
    *out = NULL;
    if (!path || !path[0])
        return fiks_fail(err, FIKS_INVALID, "file", "no file to write to was given");
    file_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return fiks_fail_memory(err);
    sink->base.ops = &ops;
    sink->fd = -1;
    sink->replace = replace;
    sink->path = fiks_strdup(path);
    sink->temporary = fiks_temporary_beside(path);
    fiks_status status =
        sink->path && sink->temporary ? check_place(sink, err) : fiks_fail_memory(err);
    if (status) {
        sink_free(&sink->base);
        return status;
    }
    *out = &sink->base;
    return FIKS_OK;
}
