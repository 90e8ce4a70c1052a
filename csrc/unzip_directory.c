/* The central directory of a zip archive, held against the entries that came before it. */
#include "error.h"
#include "names.h"
#include "unzip_internal.h"

#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 10000, NAME_MAX_BYTES = 4096, NAMES_MAX_BYTES = 4 << 20 };

static fiks_status make_room(fiks_zip_directory *directory, uint16_t name_len, fiks_error *err)
{
    directory->name_bytes += name_len;
    if (directory->count == ENTRIES_MAX)
        return fiks_fail(err, FIKS_LIMIT, "entries", "the zip has more than %d entries",
                         ENTRIES_MAX);
    if (name_len > NAME_MAX_BYTES || directory->name_bytes > NAMES_MAX_BYTES)
        return fiks_fail(err, FIKS_LIMIT, "entries", "the names in the zip are too long");
    if (directory->count < directory->capacity)
        return FIKS_OK;
    size_t capacity = directory->capacity ? 2 * directory->capacity : 16;
    fiks_zip_entry *bigger = realloc(directory->entries, capacity * sizeof *bigger);
    if (!bigger)
        return fiks_fail_memory(err);
    directory->entries = bigger;
    directory->capacity = capacity;
    return FIKS_OK;
}

fiks_status fiks_zip_add(fiks_zip_directory *directory, const uint8_t *name, uint16_t name_len,
                         fiks_zip_entry **out, fiks_error *err)
{
    fiks_status status = make_room(directory, name_len, err);
    if (status)
        return status;
    fiks_zip_entry *entry = *out = &directory->entries[directory->count];
    fiks_buf raw = {0}, shown = {0};
    fiks_buf_add(&raw, name, name_len);
    fiks_buf_adds(&raw, "");
    fiks_name_show((const char *)name, name_len, &shown);
    if (raw.failed || shown.failed) {
        fiks_buf_free(&raw);
        fiks_buf_free(&shown);
        return fiks_fail_memory(err);
    }
    *entry = (fiks_zip_entry){.name = raw.data, .name_len = name_len, .shown = shown.data};
    directory->count++;
    return FIKS_OK;
}

void fiks_zip_directory_free(fiks_zip_directory *directory)
{
    for (size_t i = 0; i < directory->count; i++) {
        free(directory->entries[i].name);
        free(directory->entries[i].shown);
    }
    free(directory->entries);
    *directory = (fiks_zip_directory){0};
}

bool fiks_zip_extra(const uint8_t *extra, size_t len, uint16_t id, const uint8_t **data,
                    uint16_t *data_len)
{
    while (len >= 4) {
        uint16_t n = get16(extra + 2);
        if (n > len - 4)
            return false;
        if (get16(extra) == id) {
            *data = extra + 4;
            *data_len = n;
            return true;
        }
        extra += 4 + n;
        len -= 4 + (size_t)n;
    }
    return false;
}

static fiks_status differs(fiks_error *err, const char *what)
{
    return fiks_fail(err, FIKS_ARCHIVE, "directory",
                     "the zip contradicts itself: its central directory and %s differ", what);
}

/* The entry whose local header is at `offset`: usually the next one. */
static fiks_zip_entry *entry_at(fiks_zip_directory *directory, uint64_t offset)
{
    size_t low = 0, high = directory->count;
    if (directory->listed < high && directory->entries[directory->listed].offset == offset)
        return &directory->entries[directory->listed];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (directory->entries[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < directory->count && directory->entries[low].offset == offset
               ? &directory->entries[low]
               : NULL;
}

typedef struct central {
    uint64_t packed, size, offset;
    uint32_t crc, attributes;
    uint16_t made_by, flags, method, name_len;
    bool good;
} central;

/* Replaces a member that is at its maximum by the next 8 bytes of the zip64 field. */
static void widen(uint64_t *value, const uint8_t **at, uint16_t *left, bool *good)
{
    if (*value != UINT32_MAX)
        return;
    if (*left < 8) {
        *good = false;
        return;
    }
    *value = get64(*at);
    *at += 8;
    *left -= 8;
}

static central read_central(const uint8_t *fixed, const uint8_t *variable)
{
    central c = {.made_by = get16(fixed),
                 .flags = get16(fixed + 4),
                 .method = get16(fixed + 6),
                 .crc = get32(fixed + 12),
                 .packed = get32(fixed + 16),
                 .size = get32(fixed + 20),
                 .name_len = get16(fixed + 24),
                 .attributes = get32(fixed + 34),
                 .offset = get32(fixed + 38),
                 .good = get16(fixed + 30) == 0};
    const uint8_t *wide = NULL;
    uint16_t left = 0;
    fiks_zip_extra(variable + c.name_len, get16(fixed + 26), 1, &wide, &left);
    widen(&c.size, &wide, &left, &c.good);
    widen(&c.packed, &wide, &left, &c.good);
    widen(&c.offset, &wide, &left, &c.good);
    return c;
}

/* Links, devices, sockets: what a Unix archiver says the entry is (the upper half of the external
 * attributes holds st_mode). */
static fiks_status check_kind(const central *c, const fiks_zip_entry *entry, fiks_error *err)
{
    enum { UNIX = 3, MACOS = 19, TYPE = 0170000, REGULAR = 0100000, FOLDER = 0040000 };
    unsigned system = c->made_by >> 8, type = (c->attributes >> 16) & TYPE;
    if ((system != UNIX && system != MACOS) || type == 0 ||
        type == (entry->folder ? FOLDER : REGULAR))
        return FIKS_OK;
    return fiks_fail(
        err, FIKS_ARCHIVE, "link",
        "the zip holds an entry that must not be unpacked: \"%s\" is a link or another "
        "special file",
        entry->shown);
}

fiks_status fiks_zip_central(fiks_zip_directory *directory, const uint8_t *fixed,
                             const uint8_t *variable, fiks_error *err)
{
    central c = read_central(fixed, variable);
    fiks_zip_entry *entry = c.good ? entry_at(directory, c.offset) : NULL;
    if (!entry || entry->listed)
        return differs(err, "the entries before it");
    if (c.name_len != entry->name_len || memcmp(variable, entry->name, c.name_len) != 0 ||
        ((c.flags ^ entry->flags) & FLAG_UTF8) != 0)
        return differs(err, "the name of an entry");
    if (c.packed != entry->packed || c.size != entry->size || c.method != entry->method)
        return differs(err, "the size or method of an entry");
    if (c.crc != entry->crc)
        return fiks_fail(err, FIKS_INTEGRITY, "crc", "the CRC of \"%s\" in the zip does not match",
                         entry->shown);
    entry->listed = true;
    directory->listed++;
    return check_kind(&c, entry, err);
}

fiks_status fiks_zip_end64(fiks_zip_directory *directory, uint64_t at, const uint8_t *fixed,
                           fiks_error *err)
{
    directory->has_end64 = true;
    directory->end64_at = at;
    if (get32(fixed + 12) != 0 || get32(fixed + 16) != 0)
        return fiks_fail(err, FIKS_ARCHIVE, "unsupported", "the zip is split over several files");
    directory->end64_count = get64(fixed + 28);
    directory->end64_size = get64(fixed + 36);
    directory->end64_start = get64(fixed + 44);
    return get64(fixed + 20) == directory->end64_count ? FIKS_OK : differs(err, "its end record");
}

fiks_status fiks_zip_locator(const fiks_zip_directory *directory, const uint8_t *fixed,
                             fiks_error *err)
{
    return get32(fixed) == 0 && get64(fixed + 4) == directory->end64_at
               ? FIKS_OK
               : differs(err, "its locator");
}

/* A member of the end record: itself, or at its maximum what the zip64 record says. */
static bool agrees(const fiks_zip_directory *directory, uint64_t small, uint64_t maximum,
                   uint64_t wide, uint64_t truth)
{
    if (directory->has_end64 && wide != truth)
        return false;
    return small == truth || (directory->has_end64 && small == maximum);
}

fiks_status fiks_zip_end(const fiks_zip_directory *directory, const uint8_t *fixed, fiks_error *err)
{
    const fiks_zip_directory *d = directory;
    uint16_t disk = get16(fixed), start_disk = get16(fixed + 2);
    if ((disk != 0 || start_disk != 0) &&
        !(d->has_end64 && disk == UINT16_MAX && start_disk == UINT16_MAX))
        return fiks_fail(err, FIKS_ARCHIVE, "unsupported", "the zip is split over several files");
    if (d->listed != d->count)
        return differs(err, "the entries before it");
    if (!agrees(d, get16(fixed + 4), UINT16_MAX, d->end64_count, d->count) ||
        !agrees(d, get16(fixed + 6), UINT16_MAX, d->end64_count, d->count) ||
        !agrees(d, get32(fixed + 8), UINT32_MAX, d->end64_size, d->end - d->start) ||
        !agrees(d, get32(fixed + 12), UINT32_MAX, d->end64_start, d->start))
        return differs(err, "its end record");
    return FIKS_OK;
}
