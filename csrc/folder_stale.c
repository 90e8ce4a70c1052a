/* Temporary folders that a process left behind when it was killed. A lock tells them from those of
 * a process that lives: the kernel drops it with the process. */
#include "folder_stale.h"

#include "log.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RANDOM_DIGITS = 16 };

/* The lock of a folder belongs to what is open, and a folder can be renamed or removed between
 * being opened and being locked: only if it still has its name is it the one that was meant. */
static bool is_named(int fd, int parent, const char *name)
{
    struct stat open, named;
    return fstat(fd, &open) == 0 && fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

bool fiks_folder_lock(int fd, const char *path)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return false;
    return is_named(fd, AT_FDCWD, path);
}

void fiks_folder_empty(int fd)
{
    DIR *list = fdopendir(fd);
    if (!list) {
        close(fd);
        return;
    }
    for (struct dirent *one; (one = readdir(list));)
        if (strcmp(one->d_name, ".") != 0 && strcmp(one->d_name, "..") != 0)
            unlinkat(fd, one->d_name, 0);
    closedir(list);
}

static bool is_temporary(const char *name, const fiks_buf *prefix)
{
    if (strncmp(name, prefix->data, prefix->len) != 0)
        return false;
    const char *at = name + prefix->len;
    return strspn(at, "0123456789abcdef") == RANDOM_DIGITS &&
           strcmp(at + RANDOM_DIGITS, ".part") == 0;
}

/* Where locks do not work nothing is removed. */
static void remove_stale(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 || !is_named(fd, parent, name)) {
        close(fd);
        return;
    }
    /* The lock is held until the folder is gone: nobody begins with it meanwhile. */
    int held = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    fiks_folder_empty(fd);
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
        fiks_log(FIKS_LOG_INFO, "removed %s, which an earlier process left behind", name);
    if (held >= 0)
        close(held);
}

void fiks_folder_sweep(const char *parent, const char *name, size_t name_len)
{
    fiks_buf prefix = {0};
    fiks_buf_adds(&prefix, ".");
    fiks_buf_add(&prefix, name, name_len);
    fiks_buf_adds(&prefix, ".");
    DIR *list = prefix.failed ? NULL : opendir(parent);
    for (struct dirent *one; list && (one = readdir(list));)
        if (is_temporary(one->d_name, &prefix))
            remove_stale(dirfd(list), one->d_name);
    if (list)
        closedir(list);
    fiks_buf_free(&prefix);
}
