/* Decrypting in one call: from memory, and from file to file. */
#include "cms.h"
#include "error.h"
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_BYTES = 256 << 10 };

static fiks_status add_to_buffer(void *to, const void *data, size_t len, fiks_error *err)
{
    return fiks_buf_add(to, data, len) ? FIKS_OK : fiks_fail_memory(err);
}

static fiks_cms_result result_of(const fiks_cms_reader *reader)
{
    return (fiks_cms_result){.bytes = fiks_cms_reader_bytes(reader),
                             .key = fiks_cms_reader_key(reader),
                             .trailing = fiks_cms_reader_trailing(reader)};
}

fiks_status fiks_cms_decrypt(const void *data, size_t len, const fiks_cms_options *options,
                             fiks_buf *out, fiks_cms_result *result, fiks_error *err)
{
    fiks_cms_reader *reader;
    fiks_status status = fiks_cms_reader_new(options, add_to_buffer, out, &reader, err);
    if (!status)
        status = fiks_cms_reader_feed(reader, data, len, err);
    if (!status)
        status = fiks_cms_reader_finish(reader, err);
    if (status)
        fiks_buf_free(out);
    else if (result)
        *result = result_of(reader);
    fiks_cms_reader_free(reader);
    return status;
}

/* Where the content goes; fd -1 = nowhere. */
typedef struct target {
    int fd;
    const char *path;
} target;

static fiks_status add_to_file(void *to, const void *data, size_t len, fiks_error *err)
{
    const target *file = to;
    return file->fd < 0 ? FIKS_OK : fiks_write_all(file->fd, data, len, file->path, err);
}

static fiks_status read_all(fiks_cms_reader *reader, int fd, const char *path, fiks_error *err)
{
    uint8_t *buffer = malloc(READ_BYTES);
    fiks_status status = buffer ? FIKS_OK : fiks_fail_memory(err);
    ssize_t n = 1;
    while (!status && n != 0) {
        n = read(fd, buffer, READ_BYTES);
        if (n < 0 && errno != EINTR)
            status = fiks_fail_errno(err, "read", path, errno);
        if (n > 0)
            status = fiks_cms_reader_feed(reader, buffer, (size_t)n, err);
    }
    free(buffer);
    return status ? status : fiks_cms_reader_finish(reader, err);
}

static fiks_status decrypt_from(const char *from, target *to, const fiks_cms_options *options,
                                fiks_cms_result *result, fiks_error *err)
{
    fiks_cms_reader *reader;
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fiks_fail_errno(err, "open", from, errno);
    fiks_status status = fiks_cms_reader_new(options, add_to_file, to, &reader, err);
    if (!status)
        status = read_all(reader, fd, from, err);
    if (!status)
        *result = result_of(reader);
    fiks_cms_reader_free(reader);
    close(fd);
    return status;
}

/* Makes the temporary file durable and gives it its name. */
static fiks_status put_in_place(const target *temporary, const char *to, fiks_error *err)
{
    if (fsync(temporary->fd) != 0)
        return fiks_fail_errno(err, "fsync", temporary->path, errno);
    if (rename(temporary->path, to) != 0)
        return fiks_fail_errno(err, "create", to, errno);
    char *parent = fiks_parent_of(to);
    fiks_status status = parent ? fiks_sync_folder(parent, err) : fiks_fail_memory(err);
    free(parent);
    return status;
}

fiks_status fiks_cms_decrypt_file(const char *from, const char *to, const fiks_cms_options *options,
                                  fiks_cms_result *result, fiks_error *err)
{
    target file = {.fd = -1};
    *result = (fiks_cms_result){0};
    if (!to)
        return decrypt_from(from, &file, options, result, err);
    char *path = fiks_temporary_beside(to);
    if (!path)
        return fiks_fail_memory(err);
    file.path = path;
    file.fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file.fd < 0) {
        fiks_fail_errno(err, "create", path, errno);
        free(path);
        return FIKS_IO;
    }
    fiks_status status = decrypt_from(from, &file, options, result, err);
    if (!status)
        status = put_in_place(&file, to, err);
    close(file.fd);
    if (status)
        unlink(path);
    free(path);
    return status;
}
