/* Looking again at a forsendelse that was received before: fiks_forsendelse_verify (fiks.h). */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "received.h"

enum { PIECE_BYTES = 1 << 16 };

struct fiks_verified {
    fiks_received_file *files; /* in the order of their names, which are owned */
    size_t count, capacity;
    bool *matched;
};

void fiks_verified_free(fiks_verified *verified)
{
    if (!verified)
        return;
    for (size_t i = 0; i < verified->count; i++) {
        free((char *)verified->files[i].name);
        free((char *)verified->files[i].stored_as);
    }
    free(verified->files);
    free(verified->matched);
    free(verified);
}

const fiks_received_file *fiks_verified_files(const fiks_verified *verified, size_t *count)
{
    *count = verified->count;
    return verified->files;
}

static fiks_status changed(const char *folder, const char *name, const char *how, fiks_error *err)
{
    fiks_buf shown = {0};
    fiks_name_show(name, strlen(name), &shown);
    fiks_status st = fiks_fail(err, FIKS_INTEGRITY, "changed",
                               "the folder %s is there from an earlier time, but \"%s\" %s: move "
                               "the folder away to receive it anew",
                               folder, shown.data ? shown.data : "?", how);
    fiks_buf_free(&shown);
    return st;
}

/* ---- what lies in the folder --------------------------------------------------------------------
 */

static fiks_status hash_file(int fd, const char *name, fiks_hash *hash, fiks_received_file *file,
                             fiks_error *err)
{
    char *piece = malloc(PIECE_BYTES);
    fiks_status st = piece ? fiks_hash_restart(hash, err) : fiks_fail_memory(err);
    while (!st) {
        ssize_t n = read(fd, piece, PIECE_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            st = fiks_fail_errno(err, "read", name, errno);
        if (n <= 0)
            break;
        file->size_bytes += n;
        st = fiks_hash_update(hash, piece, (size_t)n, err);
    }
    fiks_wipe_free(piece, PIECE_BYTES);
    return st ? st : fiks_hash_finish(hash, file->sha256, err);
}

static bool grow(fiks_verified *out)
{
    size_t capacity = out->capacity ? 2 * out->capacity : 8;
    void *files = realloc(out->files, capacity * sizeof *out->files);
    if (!files)
        return false;
    out->files = files;
    void *matched = realloc(out->matched, capacity * sizeof *out->matched);
    if (!matched)
        return false;
    out->matched = matched;
    out->capacity = capacity;
    return true;
}

static fiks_received_file *new_file(fiks_verified *out, const char *name)
{
    if (out->count == out->capacity && !grow(out))
        return NULL;
    fiks_received_file *file = &out->files[out->count];
    *file = (fiks_received_file){
        .name = fiks_strdup(name), .stored_as = fiks_strdup(name), .verdict = FIKS_UNDECLARED};
    out->matched[out->count++] = false;
    return file->name && file->stored_as ? file : NULL;
}

/* Files only: what else lies there is not ours. */
static fiks_status read_one(int folder, const char *name, fiks_hash *hash, fiks_verified *out,
                            fiks_error *err)
{
    struct stat st;
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ELOOP ? FIKS_OK : fiks_fail_errno(err, "open", name, errno);
    fiks_status status = FIKS_OK;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        fiks_received_file *file = new_file(out, name);
        status = file ? hash_file(fd, name, hash, file, err) : fiks_fail_memory(err);
    }
    close(fd);
    return status;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const fiks_received_file *)a)->stored_as,
                  ((const fiks_received_file *)b)->stored_as);
}

static fiks_status read_folder(const char *folder, fiks_verified *out, fiks_error *err)
{
    fiks_hash *hash = NULL;
    DIR *dir = opendir(folder);
    if (!dir)
        return fiks_fail_errno(err, "open", folder, errno);
    fiks_status st = fiks_hash_new(&hash, err);
    for (struct dirent *entry; !st && (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            st = read_one(dirfd(dir), entry->d_name, hash, out, err);
    fiks_hash_free(hash);
    closedir(dir);
    /* File systems list a folder in orders of their own. */
    if (out->count > 1)
        qsort(out->files, out->count, sizeof *out->files, by_name);
    return st;
}

/* ---- held against the list
 * ----------------------------------------------------------------------- */

static fiks_status match(fiks_verified *out, size_t i, const fiks_expected_file *file,
                         fiks_verdict verdict, fiks_error *err)
{
    char *name = fiks_strdup(file->name);
    if (!name)
        return fiks_fail_memory(err);
    free((char *)out->files[i].name);
    out->files[i].name = name;
    out->files[i].verdict = verdict;
    out->matched[i] = true;
    return FIKS_OK;
}

/* By its content: a name may have been stored in another way, also with a number behind it. */
static fiks_status match_hash(fiks_verified *out, const char *folder,
                              const fiks_expected_file *file, const char *sha256, fiks_error *err)
{
    for (size_t i = 0; i < out->count; i++)
        if (!out->matched[i] && strcmp(out->files[i].sha256, sha256) == 0)
            return match(out, i, file, FIKS_VERIFIED, err);
    return changed(folder, file->name, "is not in it as it was sent", err);
}

/* Without a hash the name it is stored by must be there, with the size that was told. */
static fiks_status match_name(fiks_verified *out, const char *folder,
                              const fiks_expected_file *file, fiks_error *err)
{
    fiks_buf stored = {0};
    fiks_status st =
        fiks_name_store(file->name, &stored) && !stored.failed ? FIKS_OK : fiks_fail_memory(err);
    size_t i = 0;
    while (!st && i < out->count &&
           (out->matched[i] || strcmp(out->files[i].stored_as, stored.data) != 0))
        i++;
    fiks_buf_free(&stored);
    if (st)
        return st;
    if (i == out->count)
        return changed(folder, file->name, "is not in it", err);
    if (file->size_bytes > 0 && out->files[i].size_bytes != file->size_bytes)
        return changed(folder, file->name, "has another size than what was sent", err);
    return match(out, i, file, FIKS_UNVERIFIABLE, err);
}

static fiks_status match_all(fiks_verified *out, const char *folder,
                             const fiks_expected_file *expected, size_t count, fiks_error *err)
{
    char sha256[65];
    fiks_status st = FIKS_OK;
    for (size_t i = 0; !st && i < count; i++) {
        fiks_received_sha256(expected[i].sha256, sha256);
        if (sha256[0])
            st = match_hash(out, folder, &expected[i], sha256, err);
    }
    for (size_t i = 0; !st && i < count; i++) {
        fiks_received_sha256(expected[i].sha256, sha256);
        if (!sha256[0])
            st = match_name(out, folder, &expected[i], err);
    }
    if (!st && out->count == 0)
        st = changed(folder, "any file", "is missing in it", err);
    for (size_t i = 0; count == 0 && i < out->count; i++)
        out->files[i].verdict = FIKS_UNVERIFIABLE;
    return st;
}

fiks_status fiks_forsendelse_verify(const char *folder, const fiks_expected_file *expected,
                                    size_t expected_count, fiks_verified **out, fiks_error *err)
{
    fiks_verified *verified = calloc(1, sizeof *verified);
    fiks_status st = verified ? read_folder(folder, verified, err) : fiks_fail_memory(err);
    if (!st)
        st = match_all(verified, folder, expected, expected_count, err);
    char *parent = st ? NULL : fiks_parent_of(folder);
    if (parent)
        st = fiks_sync_folder(parent, err); /* that run may have ended before it did */
    else if (!st)
        st = fiks_fail_memory(err);
    free(parent);
    if (out)
        *out = st ? NULL : verified;
    if (st || !out)
        fiks_verified_free(verified);
    return st;
}
