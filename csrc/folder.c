#include "folder.h"

#include "clock.h"
#include "error.h"
#include "folder_stale.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct fiks_folder {
    char *path;
    char *parent;
    char *temporary; /* NULL = not created */
    int fd;          /* of the temporary folder; -1 = not created */
    bool committed;
};

/* ---- paths --------------------------------------------------------------------------------- */

/* Length of `path` without trailing slashes. */
static size_t trimmed(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    return n;
}

static const char *last_step(const char *path)
{
    size_t n = trimmed(path);
    while (n > 0 && path[n - 1] != '/')
        n--;
    return path + n;
}

char *fiks_parent_of(const char *path)
{
    size_t n = (size_t)(last_step(path) - path);
    if (n == 0)
        return fiks_strdup(".");
    while (n > 1 && path[n - 1] == '/')
        n--;
    return strndup(path, n);
}

/* A name with what is added to it must not become longer than file systems take. */
static size_t shortened(size_t len)
{
    return len < 200 ? len : 200;
}

char *fiks_temporary_beside(const char *path)
{
    uint8_t random[8];
    fiks_buf name = {0};
    const char *last = last_step(path);
    size_t len = trimmed(path) - (size_t)(last - path);
    if (!fiks_random(random, sizeof random))
        return NULL;
    fiks_buf_add(&name, path, (size_t)(last - path));
    fiks_buf_adds(&name, ".");
    fiks_buf_add(&name, last, shortened(len));
    fiks_buf_adds(&name, ".");
    fiks_hex_add(&name, random, sizeof random);
    fiks_buf_adds(&name, ".part");
    if (name.failed)
        fiks_buf_free(&name);
    return name.data;
}

fiks_status fiks_sync_folder(const char *path, fiks_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fiks_fail_errno(err, "open", path, errno);
    fiks_status status = fsync(fd) == 0 ? FIKS_OK : fiks_fail_errno(err, "fsync", path, errno);
    close(fd);
    return status;
}

fiks_status fiks_write_all(int fd, const void *data, size_t len, const char *path, fiks_error *err)
{
    const char *at = data;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fiks_fail_errno(err, "write to", path, errno);
        at += n;
        len -= (size_t)n;
    }
    return FIKS_OK;
}

/* ---- the folder ---------------------------------------------------------------------------- */

static fiks_status check_place(const fiks_folder *folder, fiks_error *err)
{
    struct stat st;
    if (lstat(folder->path, &st) == 0)
        return fiks_fail(err, FIKS_IO, "exists",
                         "the folder %s exists already; give one that does not", folder->path);
    if (errno != ENOENT)
        return fiks_fail_errno(err, "use", folder->path, errno);
    if (stat(folder->parent, &st) != 0)
        return fiks_fail_errno(err, "use", folder->parent, errno);
    return S_ISDIR(st.st_mode) ? FIKS_OK : fiks_fail_errno(err, "use", folder->parent, ENOTDIR);
}

fiks_status fiks_folder_new(const char *path, fiks_folder **out, fiks_error *err)
{
    *out = NULL;
    if (!path || !path[0] || strcmp(last_step(path), "") == 0)
        return fiks_fail(err, FIKS_INVALID, "folder", "no folder to receive into was given");
    fiks_folder *folder = calloc(1, sizeof *folder);
    if (!folder)
        return fiks_fail_memory(err);
    folder->fd = -1;
    folder->path = strndup(path, trimmed(path));
    folder->parent = fiks_parent_of(path);
    fiks_status status =
        folder->path && folder->parent ? check_place(folder, err) : fiks_fail_memory(err);
    if (status) {
        fiks_folder_free(folder);
        return status;
    }
    const char *name = last_step(folder->path);
    fiks_folder_sweep(folder->parent, name, shortened(strlen(name)));
    *out = folder;
    return FIKS_OK;
}

fiks_status fiks_folder_check_room(const fiks_folder *folder, uint64_t bytes, fiks_error *err)
{
    struct statvfs disk;
    if (bytes == 0 || statvfs(folder->parent, &disk) != 0)
        return FIKS_OK; /* what cannot be told shows when it is written */
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    return bytes <= room ? FIKS_OK
                         : fiks_fail(err, FIKS_IO, "disk_full",
                                     "receiving into %s needs %" PRIu64
                                     " bytes of disk, and %" PRIu64 " are free there",
                                     folder->path, bytes, room);
}

/* `*taken`: another process took it for one that was left behind. */
static fiks_status make_temporary(fiks_folder *folder, bool *taken, fiks_error *err)
{
    *taken = false;
    char *temporary = fiks_temporary_beside(folder->path);
    if (!temporary)
        return fiks_fail_memory(err);
    if (mkdir(temporary, 0700) != 0) {
        fiks_fail_errno(err, "create", temporary, errno);
        free(temporary);
        return FIKS_IO;
    }
    folder->temporary = temporary;
    folder->fd = open(temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    *taken = folder->fd >= 0 ? !fiks_folder_lock(folder->fd, temporary) : errno == ENOENT;
    return folder->fd >= 0 || *taken ? FIKS_OK : fiks_fail_errno(err, "open", temporary, errno);
}

static fiks_status start(fiks_folder *folder, fiks_error *err)
{
    if (folder->fd >= 0)
        return FIKS_OK;
    for (int tries = 0; tries < 10; tries++) {
        bool taken;
        fiks_status status = make_temporary(folder, &taken, err);
        if (status || !taken)
            return status;
        fiks_folder_discard(folder);
    }
    return fiks_fail(err, FIKS_IO, "busy", "other processes keep receiving into %s", folder->path);
}

fiks_status fiks_folder_create(fiks_folder *folder, const char *name, int *fd, fiks_error *err)
{
    fiks_status status = start(folder, err);
    if (status)
        return status;
    *fd = openat(folder->fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd >= 0 ? FIKS_OK : fiks_fail_errno(err, "create", name, errno);
}

fiks_status fiks_folder_write(fiks_folder *folder, int fd, const void *data, size_t len,
                              fiks_error *err)
{
    return fiks_write_all(fd, data, len, folder->temporary, err);
}

fiks_status fiks_folder_sync(fiks_folder *folder, int fd, fiks_error *err)
{
    return fsync(fd) == 0 ? FIKS_OK
                          : fiks_fail_errno(err, "fsync a file in", folder->temporary, errno);
}

fiks_status fiks_folder_rename(fiks_folder *folder, const char *from, const char *to,
                               fiks_error *err)
{
    int failed = renameat2(folder->fd, from, folder->fd, to, RENAME_NOREPLACE);
    if (failed && (errno == EINVAL || errno == ENOSYS)) /* the folder is ours alone */
        failed = renameat(folder->fd, from, folder->fd, to);
    return failed ? fiks_fail_errno(err, "create", to, errno) : FIKS_OK;
}

void fiks_folder_remove(fiks_folder *folder, const char *name)
{
    if (folder->fd >= 0)
        unlinkat(folder->fd, name, 0);
}

int fiks_move(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    struct stat st;
    if (lstat(to, &st) == 0) {
        errno = EEXIST;
        return -1;
    }
    return rename(from, to);
}

fiks_status fiks_folder_commit(fiks_folder *folder, fiks_error *err)
{
    fiks_status status = start(folder, err);
    if (status)
        return status;
    if (fsync(folder->fd) != 0)
        return fiks_fail_errno(err, "fsync", folder->temporary, errno);
    if (fiks_move(folder->temporary, folder->path) != 0)
        return errno == EEXIST || errno == ENOTEMPTY
                   ? fiks_fail(err, FIKS_IO, "exists",
                               "the folder %s came into being meanwhile; it is left as it is",
                               folder->path)
                   : fiks_fail_errno(err, "create", folder->path, errno);
    status = fiks_sync_folder(folder->parent, err);
    if (status) {
        if (rename(folder->path, folder->temporary) != 0)
            folder->committed = true; /* visible, though perhaps not for ever: not ours to remove */
        return status;
    }
    folder->committed = true;
    return FIKS_OK;
}

void fiks_folder_discard(fiks_folder *folder)
{
    if (folder->committed && folder->fd >= 0)
        close(folder->fd);
    else if (folder->fd >= 0)
        fiks_folder_empty(folder->fd);
    if (!folder->committed && folder->temporary)
        rmdir(folder->temporary);
    folder->fd = -1;
    free(folder->temporary);
    folder->temporary = NULL;
}

void fiks_folder_free(fiks_folder *folder)
{
    if (!folder)
        return;
    fiks_folder_discard(folder);
    free(folder->path);
    free(folder->parent);
    free(folder);
}
