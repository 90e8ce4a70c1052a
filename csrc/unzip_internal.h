/* Between unzip.c, which moves through an archive, and unzip_directory.c, which holds what was met
 * against the central directory. */
#ifndef FIKS_UNZIP_INTERNAL_H
#define FIKS_UNZIP_INTERNAL_H

#include "fiks.h"
#include "str.h"

static inline uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t get32(const uint8_t *at)
{
    return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static inline uint64_t get64(const uint8_t *at)
{
    return get32(at) | (uint64_t)get32(at + 4) << 32;
}

enum {
    FLAG_ENCRYPTED = 1 << 0,
    FLAG_DESCRIPTOR = 1 << 3, /* sizes and CRC follow the data */
    FLAG_STRONG = 1 << 6,
    FLAG_UTF8 = 1 << 11,
    FLAG_MASKED = 1 << 13
};

/* One entry as its local header and data have it. */
typedef struct fiks_zip_entry {
    uint64_t offset;
    uint64_t packed, size;
    uint32_t crc;
    uint16_t flags, method;
    uint16_t name_len;
    bool folder;
    bool listed; /* in the central directory */
    char *name;  /* raw bytes and a NUL */
    char *shown; /* for messages */
} fiks_zip_entry;

typedef struct fiks_zip_directory {
    fiks_zip_entry *entries;
    size_t count, capacity, listed;
    uint64_t name_bytes;
    uint64_t start, end; /* of the central directory */
    bool has_end64;
    uint64_t end64_at, end64_count, end64_size, end64_start;
} fiks_zip_directory;

/* Adds an entry with this name. FIKS_LIMIT "entries" when they are too many. `*out` is good until
 * the next one is added. */
fiks_status fiks_zip_add(fiks_zip_directory *directory, const uint8_t *name, uint16_t name_len,
                         fiks_zip_entry **out, fiks_error *err);
void fiks_zip_directory_free(fiks_zip_directory *directory);

/* Looks for extra field `id`. False = not there, or the extra fields are malformed. */
bool fiks_zip_extra(const uint8_t *extra, size_t len, uint16_t id, const uint8_t **data,
                    uint16_t *data_len);

/* A central header, without its signature, and the name and fields behind it. */
fiks_status fiks_zip_central(fiks_zip_directory *directory, const uint8_t *fixed,
                             const uint8_t *variable, fiks_error *err);
/* The zip64 end record at `at`; its locator; the end record. All without their signatures. */
fiks_status fiks_zip_end64(fiks_zip_directory *directory, uint64_t at, const uint8_t *fixed,
                           fiks_error *err);
fiks_status fiks_zip_locator(const fiks_zip_directory *directory, const uint8_t *fixed,
                             fiks_error *err);
fiks_status fiks_zip_end(const fiks_zip_directory *directory, const uint8_t *fixed,
                         fiks_error *err);

#endif
