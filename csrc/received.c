#include "received.h"

#include "error.h"
#include "log.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPOOL_NAME ".spool" /* no stored name starts with a dot */

/* ---- what was declared --------------------------------------------------------------------- */

/* Leaves "" when `text` is not a SHA-256 in hex; white space around and in it is ignored. */
void fiks_received_sha256(const char *text, char out[65])
{
    size_t n = 0;
    bool good = true;
    for (; text && *text; text++) {
        if (isspace((unsigned char)*text))
            continue;
        good = good && n < 64 && isxdigit((unsigned char)*text);
        if (good)
            out[n++] = (char)tolower((unsigned char)*text);
    }
    if (!good || n != 64)
        n = 0;
    out[n] = '\0';
}

static fiks_status copy_declared(fiks_received *received, const fiks_expected_file *expected,
                                 size_t count, fiks_error *err)
{
    received->declared = calloc(count ? count : 1, sizeof *received->declared);
    if (!received->declared)
        return fiks_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        fiks_declared *one = &received->declared[received->declared_count++];
        if (!expected[i].name || !expected[i].name[0])
            return fiks_fail(err, FIKS_INVALID, "name", "expected file %zu has no name", i + 1);
        one->name = fiks_strdup(expected[i].name);
        one->folded = fiks_name_fold(expected[i].name, false);
        one->size_bytes = expected[i].size_bytes;
        fiks_received_sha256(expected[i].sha256, one->sha256);
        if (!one->name || !one->folded)
            return fiks_fail_memory(err);
        if (!one->sha256[0] && expected[i].sha256 && expected[i].sha256[0])
            fiks_log(FIKS_LOG_WARN,
                     "file %zu of the forsendelse: the hash given is no SHA-256 and "
                     "cannot be checked",
                     i + 1);
    }
    return FIKS_OK;
}

/* What is announced, and as much again twice: a single document may have to be unpacked from what
 * was put aside, and the disk is not only ours. */
static uint64_t room_needed(const fiks_received *received)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < received->declared_count; i++)
        if (received->declared[i].size_bytes > 0)
            sum += (uint64_t)received->declared[i].size_bytes;
    return sum < UINT64_MAX / 3 ? 3 * sum : UINT64_MAX;
}

fiks_status fiks_received_init(fiks_received *received, const fiks_forsendelse_options *options,
                               fiks_error *err)
{
    *received = (fiks_received){.fd = -1};
    fiks_status status = fiks_folder_new(options->folder, &received->folder, err);
    if (!status)
        status = fiks_hash_new(&received->hash, err);
    if (!status)
        status = copy_declared(received, options->expected, options->expected_count, err);
    if (!status)
        status = fiks_folder_check_room(received->folder, room_needed(received), err);
    return status;
}

static void free_files(fiks_received *received)
{
    for (size_t i = 0; i < received->count; i++) {
        free((char *)received->files[i].name);
        free((char *)received->files[i].stored_as);
    }
    received->count = 0;
    fiks_name_set_free(&received->stored);
    for (size_t i = 0; i < received->declared_count; i++)
        received->declared[i].seen = false;
}

void fiks_received_abandon(fiks_received *received)
{
    if (received->fd >= 0)
        close(received->fd);
    received->fd = -1;
}

void fiks_received_reset(fiks_received *received)
{
    fiks_received_abandon(received);
    fiks_folder_discard(received->folder);
    free_files(received);
}

void fiks_received_free(fiks_received *received)
{
    fiks_received_abandon(received);
    fiks_folder_free(received->folder);
    fiks_hash_free(received->hash);
    free_files(received);
    free(received->files);
    for (size_t i = 0; i < received->declared_count; i++) {
        free(received->declared[i].name);
        free(received->declared[i].folded);
    }
    free(received->declared);
}

/* By the name as it is, else by its letters. */
static fiks_declared *find_declared(const fiks_received *received, const char *name)
{
    for (size_t i = 0; i < received->declared_count; i++)
        if (strcmp(received->declared[i].name, name) == 0)
            return &received->declared[i];
    char *folded = fiks_name_fold(name, false);
    fiks_declared *found = NULL;
    for (size_t i = 0; folded && !found && i < received->declared_count; i++)
        if (strcmp(received->declared[i].folded, folded) == 0)
            found = &received->declared[i];
    free(folded);
    return found;
}

/* Of several with one name: the one whose hash it is, else one that nothing has come for. */
static fiks_declared *pick_declared(fiks_received *received, const char *name, const char *sha256)
{
    fiks_declared *picked = NULL;
    for (size_t i = 0; i < received->declared_count; i++) {
        fiks_declared *one = &received->declared[i];
        if (one->seen || strcmp(one->name, name) != 0)
            continue;
        if (strcmp(one->sha256, sha256) == 0)
            return one;
        if (!picked)
            picked = one;
    }
    return picked;
}

bool fiks_received_is_declared(const fiks_received *received, const char *name)
{
    return find_declared(received, name) != NULL;
}

const char *fiks_received_next_name(const fiks_received *received)
{
    if (received->count >= received->declared_count)
        return NULL;
    const fiks_declared *next = &received->declared[received->count];
    return next->sha256[0] && !next->seen ? next->name : NULL;
}

uint64_t fiks_received_announced(const fiks_received *received, const char *name)
{
    const fiks_declared *declared = find_declared(received, name);
    bool checked = declared && declared->sha256[0] && declared->size_bytes > 0;
    return checked ? (uint64_t)declared->size_bytes : 0;
}

static fiks_verdict judge(fiks_received *received, const fiks_received_file *file)
{
    fiks_declared *declared = pick_declared(received, file->name, file->sha256);
    if (!declared)
        return received->declared_count ? FIKS_UNDECLARED : FIKS_UNVERIFIABLE;
    declared->seen = true;
    bool sized = declared->size_bytes > 0;
    bool other_size = sized && declared->size_bytes != file->size_bytes;
    if (!declared->sha256[0])
        return other_size ? FIKS_MISMATCH : FIKS_UNVERIFIABLE;
    if (strcmp(declared->sha256, file->sha256) != 0)
        return FIKS_MISMATCH;
    if (other_size)
        fiks_log(FIKS_LOG_WARN, "a file of %lld bytes was declared with %lld; its hash is right",
                 (long long)file->size_bytes, (long long)declared->size_bytes);
    return FIKS_VERIFIED;
}

/* ---- files --------------------------------------------------------------------------------- */

/* A name for the folder that no other file has: "brev (2).pdf" beside "brev.pdf". */
static char *unique_name(fiks_received *received, const char *name)
{
    fiks_buf base = {0}, tried = {0};
    if (!fiks_name_store(name, &base) || !base.data) {
        fiks_buf_free(&base);
        return NULL;
    }
    int added = fiks_name_set_add(&received->stored, base.data);
    const char *dot = strrchr(base.data, '.');
    size_t stem = dot && dot > base.data ? (size_t)(dot - base.data) : base.len;
    if (base.len - stem > 32)
        stem = base.len; /* no extension, and it would not fit behind a number */
    for (size_t n = 2; added == 0; n += n < 50 ? 1 : received->count) {
        size_t keep = stem < 200 ? stem : 200;
        while (keep > 0 && keep < stem && ((unsigned char)base.data[keep] & 0xC0) == 0x80)
            keep--;
        fiks_buf_clear(&tried);
        fiks_buf_add(&tried, base.data, keep);
        fiks_buf_addf(&tried, " (%zu)%s", n, base.data + stem);
        added = tried.failed ? -1 : fiks_name_set_add(&received->stored, tried.data);
    }
    char *result = added < 0 ? NULL : fiks_strdup(tried.len ? tried.data : base.data);
    fiks_buf_free(&base);
    fiks_buf_free(&tried);
    return result;
}

static fiks_received_file *add_file(fiks_received *received, const char *name)
{
    if (received->count == received->capacity) {
        size_t capacity = received->capacity ? 2 * received->capacity : 8;
        fiks_received_file *bigger = realloc(received->files, capacity * sizeof *bigger);
        if (!bigger)
            return NULL;
        received->files = bigger;
        received->capacity = capacity;
    }
    fiks_received_file *file = &received->files[received->count];
    *file = (fiks_received_file){.name = fiks_strdup(name),
                                 .stored_as = unique_name(received, name),
                                 .verdict = FIKS_UNVERIFIABLE};
    received->count++;
    return file->name && file->stored_as ? file : NULL;
}

fiks_status fiks_received_begin(fiks_received *received, const char *name, fiks_error *err)
{
    const fiks_declared *declared = find_declared(received, name);
    const fiks_received_file *file = add_file(received, declared ? declared->name : name);
    if (!file)
        return fiks_fail_memory(err);
    received->size_bytes = 0;
    fiks_status status = fiks_hash_restart(received->hash, err);
    return status ? status
                  : fiks_folder_create(received->folder, file->stored_as, &received->fd, err);
}

fiks_status fiks_received_data(fiks_received *received, const void *data, size_t len,
                               fiks_error *err)
{
    fiks_status status = fiks_hash_update(received->hash, data, len, err);
    if (!status)
        status = fiks_folder_write(received->folder, received->fd, data, len, err);
    received->size_bytes += (int64_t)len;
    return status;
}

fiks_status fiks_received_end(fiks_received *received, fiks_error *err)
{
    fiks_received_file *file = &received->files[received->count - 1];
    fiks_status status = fiks_hash_finish(received->hash, file->sha256, err);
    if (!status)
        status = fiks_folder_sync(received->folder, received->fd, err);
    fiks_received_abandon(received);
    if (status)
        return status;
    file->size_bytes = received->size_bytes;
    file->verdict = judge(received, file);
    return FIKS_OK;
}

fiks_status fiks_received_spool(fiks_received *received, fiks_error *err)
{
    received->size_bytes = 0;
    fiks_status status = fiks_hash_restart(received->hash, err);
    return status ? status : fiks_folder_create(received->folder, SPOOL_NAME, &received->fd, err);
}

fiks_status fiks_received_spool_end(fiks_received *received, char sha256[65], int *fd,
                                    fiks_error *err)
{
    *fd = received->fd;
    received->fd = -1;
    return fiks_hash_finish(received->hash, sha256, err);
}

fiks_status fiks_received_adopt(fiks_received *received, int fd, const char *name,
                                int64_t size_bytes, const char *sha256, fiks_error *err)
{
    fiks_received_file *file = add_file(received, name);
    if (!file)
        return fiks_fail_memory(err);
    fiks_status status = fiks_folder_sync(received->folder, fd, err);
    if (!status)
        status = fiks_folder_rename(received->folder, SPOOL_NAME, file->stored_as, err);
    memcpy(file->sha256, sha256, sizeof file->sha256);
    file->size_bytes = size_bytes;
    if (!status)
        file->verdict = judge(received, file);
    return status;
}

void fiks_received_drop_spool(fiks_received *received)
{
    fiks_folder_remove(received->folder, SPOOL_NAME);
}

void fiks_received_forget(fiks_received *received)
{
    for (size_t i = 0; i < received->count; i++)
        fiks_folder_remove(received->folder, received->files[i].stored_as);
    free_files(received);
}

/* ---- all of them --------------------------------------------------------------------------- */

static fiks_status report_mismatch(const fiks_received *received, const fiks_received_file *file,
                                   fiks_error *err)
{
    const fiks_declared *declared = NULL;
    for (size_t i = 0; i < received->declared_count && !declared; i++)
        if (strcmp(received->declared[i].name, file->name) == 0)
            declared = &received->declared[i];
    fiks_buf shown = {0};
    fiks_name_show(file->name, strlen(file->name), &shown);
    const char *name = shown.data ? shown.data : "";
    if (declared && declared->sha256[0])
        fiks_fail(err, FIKS_INTEGRITY, "mismatch",
                  "\"%s\" is not the file that was sent: SHA-256 expected %s, got %s", name,
                  declared->sha256, file->sha256);
    else
        fiks_fail(err, FIKS_INTEGRITY, "mismatch",
                  "\"%s\" is not the file that was sent: expected %lld bytes, got %lld", name,
                  declared ? (long long)declared->size_bytes : 0, (long long)file->size_bytes);
    fiks_buf_free(&shown);
    return FIKS_INTEGRITY;
}

fiks_status fiks_received_check(const fiks_received *received, fiks_error *err)
{
    if (received->count == 0 && received->declared_count > 0)
        return fiks_fail(err, FIKS_ARCHIVE, "no_files",
                         "the zip holds no files, %zu were announced", received->declared_count);
    for (size_t i = 0; i < received->count; i++)
        if (received->files[i].verdict == FIKS_MISMATCH)
            return report_mismatch(received, &received->files[i], err);
    for (size_t i = 0; i < received->declared_count; i++) {
        if (received->declared[i].seen)
            continue;
        fiks_buf shown = {0};
        fiks_name_show(received->declared[i].name, strlen(received->declared[i].name), &shown);
        fiks_fail(err, FIKS_INTEGRITY, "missing", "\"%s\" was announced but is not in the download",
                  shown.data ? shown.data : "");
        fiks_buf_free(&shown);
        return FIKS_INTEGRITY;
    }
    return FIKS_OK;
}
