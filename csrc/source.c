#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

void fiks_source_free(fiks_source *source)
{
    if (source)
        source->ops->free(source);
}

/* ---- memory ---------------------------------------------------------------------------------- */

typedef struct memory_source {
    fiks_source base;
    fiks_buf bytes;
    size_t at;
} memory_source;

static int64_t memory_length(const fiks_source *base)
{
    return (int64_t)((const memory_source *)base)->bytes.len;
}

static fiks_pull memory_pull(fiks_source *base, void *to, size_t room, size_t *got, fiks_error *err)
{
    (void)err;
    memory_source *source = (memory_source *)base;
    size_t left = source->bytes.len - source->at;
    *got = left < room ? left : room;
    if (!left)
        return FIKS_PULL_END;
    memcpy(to, source->bytes.data + source->at, *got);
    source->at += *got;
    return FIKS_PULL_MORE;
}

static bool memory_rewind(fiks_source *base)
{
    ((memory_source *)base)->at = 0;
    return true;
}

static void memory_free(fiks_source *base)
{
    fiks_buf_free(&((memory_source *)base)->bytes);
    free(base);
}

fiks_status fiks_memory_source_new(fiks_buf *bytes, fiks_source **out, fiks_error *err)
{
    static const fiks_source_ops ops = {.name = "memory",
                                        .length = memory_length,
                                        .pull = memory_pull,
                                        .rewind = memory_rewind,
                                        .free = memory_free};
    *out = NULL;
    memory_source *source = bytes->failed ? NULL : calloc(1, sizeof *source);
    if (!source)
        return fiks_fail_memory(err);
    source->base.ops = &ops;
    source->bytes = *bytes;
    memset(bytes, 0, sizeof *bytes);
    *out = &source->base;
    return FIKS_OK;
}

/* ---- a file ---------------------------------------------------------------------------------- */

typedef struct file_source {
    fiks_source base;
    int fd;
    int64_t length, at;
    char *path;
} file_source;

static int64_t file_length(const fiks_source *base)
{
    return ((const file_source *)base)->length;
}

/* What was announced is what must come: a file that grows is read to its length of before. */
static fiks_pull file_pull(fiks_source *base, void *to, size_t room, size_t *got, fiks_error *err)
{
    file_source *source = (file_source *)base;
    int64_t left = source->length - source->at;
    if (left <= 0)
        return FIKS_PULL_END;
    ssize_t n;
    do
        n = read(source->fd, to, (int64_t)room < left ? room : (size_t)left);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        fiks_fail_errno(err, "read", source->path, errno);
        return FIKS_PULL_FAILED;
    }
    if (n == 0) {
        fiks_fail(err, FIKS_IO, "file_shrank",
                  "%s became shorter while it was sent: %lld of %lld bytes were there",
                  source->path, (long long)source->at, (long long)source->length);
        return FIKS_PULL_FAILED;
    }
    source->at += n;
    *got = (size_t)n;
    return FIKS_PULL_MORE;
}

static bool file_rewind(fiks_source *base)
{
    file_source *source = (file_source *)base;
    source->at = 0;
    return lseek(source->fd, 0, SEEK_SET) == 0;
}

static void file_free(fiks_source *base)
{
    file_source *source = (file_source *)base;
    if (source->fd >= 0)
        close(source->fd);
    free(source->path);
    free(source);
}

fiks_status fiks_file_source_new(const char *path, fiks_source **out, fiks_error *err)
{
    static const fiks_source_ops ops = {.name = "file",
                                        .length = file_length,
                                        .pull = file_pull,
                                        .rewind = file_rewind,
                                        .free = file_free};
    *out = NULL;
    file_source *source = calloc(1, sizeof *source);
    if (!source)
        return fiks_fail_memory(err);
    source->base.ops = &ops;
    source->path = fiks_strdup(path);
    source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    struct stat st;
    fiks_status status = FIKS_OK;
    if (!source->path)
        status = fiks_fail_memory(err);
    else if (source->fd < 0 || fstat(source->fd, &st) != 0)
        status = fiks_fail_errno(err, "read", path, errno);
    else if (!S_ISREG(st.st_mode))
        status = fiks_fail(err, FIKS_IO, "file",
                           "%s is not a file: only a regular file can be sent", path);
    if (status) {
        file_free(&source->base);
        return status;
    }
    source->length = st.st_size;
    *out = &source->base;
    return FIKS_OK;
}

/* ---- a function of the program -----------------------------------------------------------------
 */

typedef struct function_source {
    fiks_source base;
    fiks_function_source given;
} function_source;

static int64_t function_length(const fiks_source *base)
{
    return ((const function_source *)base)->given.length;
}

static fiks_pull function_pull(fiks_source *base, void *to, size_t room, size_t *got,
                               fiks_error *err)
{
    const fiks_function_source *given = &((function_source *)base)->given;
    int64_t n = given->read(to, room, given->data);
    if (n < 0 || (uint64_t)n > room) {
        fiks_fail(err, FIKS_CANCELLED, "source", "the function that gives the body failed");
        return FIKS_PULL_FAILED;
    }
    *got = (size_t)n;
    return n ? FIKS_PULL_MORE : FIKS_PULL_END;
}

static bool function_rewind(fiks_source *base)
{
    const fiks_function_source *given = &((function_source *)base)->given;
    return given->rewind && given->rewind(given->data);
}

static void function_free(fiks_source *base)
{
    free(base);
}

fiks_status fiks_function_source_new(const fiks_function_source *given, fiks_source **out,
                                     fiks_error *err)
{
    static const fiks_source_ops ops = {.name = "function",
                                        .length = function_length,
                                        .pull = function_pull,
                                        .rewind = function_rewind,
                                        .free = function_free};
    *out = NULL;
    if (!given->read || given->length < -1)
        return fiks_fail(err, FIKS_INVALID, "source",
                         "a source needs a function that reads, and a length or -1");
    function_source *source = calloc(1, sizeof *source);
    if (!source)
        return fiks_fail_memory(err);
    source->base.ops = &ops;
    source->given = *given;
    *out = &source->base;
    return FIKS_OK;
}

/* ---- one after the other -----------------------------------------------------------------------
 */

typedef struct joined_part {
    fiks_source *source;
    bool lent;
} joined_part;

typedef struct joined_source {
    fiks_source base;
    size_t count, at;
    joined_part parts[];
} joined_source;

static int64_t joined_length(const fiks_source *base)
{
    const joined_source *joined = (const joined_source *)base;
    int64_t sum = 0;
    for (size_t i = 0; i < joined->count; i++) {
        const fiks_source *part = joined->parts[i].source;
        int64_t length = part->ops->length(part);
        if (length < 0)
            return -1;
        sum += length;
    }
    return sum;
}

static fiks_pull joined_pull(fiks_source *base, void *to, size_t room, size_t *got, fiks_error *err)
{
    joined_source *joined = (joined_source *)base;
    for (; joined->at < joined->count; joined->at++) {
        fiks_source *part = joined->parts[joined->at].source;
        fiks_pull pull = part->ops->pull(part, to, room, got, err);
        if (pull != FIKS_PULL_END)
            return pull;
    }
    return FIKS_PULL_END;
}

static bool joined_rewind(fiks_source *base)
{
    joined_source *joined = (joined_source *)base;
    for (size_t i = 0; i < joined->count && i <= joined->at; i++)
        if (!joined->parts[i].source->ops->rewind(joined->parts[i].source))
            return false;
    joined->at = 0;
    return true;
}

static void joined_free(fiks_source *base)
{
    joined_source *joined = (joined_source *)base;
    for (size_t i = 0; i < joined->count; i++)
        if (!joined->parts[i].lent)
            fiks_source_free(joined->parts[i].source);
    free(joined);
}

fiks_status fiks_joined_source_new(size_t most, fiks_source **out, fiks_error *err)
{
    static const fiks_source_ops ops = {.name = "joined",
                                        .length = joined_length,
                                        .pull = joined_pull,
                                        .rewind = joined_rewind,
                                        .free = joined_free};
    joined_source *joined = calloc(1, sizeof *joined + most * sizeof *joined->parts);
    *out = NULL;
    if (!joined)
        return fiks_fail_memory(err);
    joined->base.ops = &ops;
    *out = &joined->base;
    return FIKS_OK;
}

void fiks_joined_source_add(fiks_source *base, fiks_source *part, bool lent)
{
    joined_source *joined = (joined_source *)base;
    joined->parts[joined->count++] = (joined_part){part, lent};
}

void fiks_joined_source_adopt(fiks_source *base)
{
    joined_source *joined = (joined_source *)base;
    for (size_t i = 0; i < joined->count; i++)
        joined->parts[i].lent = false;
}
