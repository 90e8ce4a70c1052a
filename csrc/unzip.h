/*
 * Reading a zip archive (APPNOTE 6.3) as it comes: pieces of any size, constant memory, each entry
 * handed on while it is inflated. Sizes may follow the data (data descriptors, as SvarUt's archives
 * have them), zip64 is understood.
 *
 * Nothing may be used before `finish`: only the central directory at the end tells whether the
 * entries met on the way are the ones the archive means. Every difference between the two is
 * refused, and so are names that lead out of a folder, links, duplicates, encryption, methods other
 * than stored and deflate, and bombs. What reads the archive differently than another program would
 * is an error here.
 */
#ifndef FIKS_UNZIP_H
#define FIKS_UNZIP_H

#include "names.h"

/* What comes out, in the order of the archive. A failure ends the reading with that failure. */
typedef struct fiks_unzip_events {
    void *to;
    /* A file starts. `name` is UTF-8, safe by fiks_name_check, and (without `keep_duplicates`)
     * unlike all before it. Folders are not told. */
    fiks_status (*begin)(void *to, const char *name, fiks_error *err);
    fiks_status (*data)(void *to, const void *data, size_t len, fiks_error *err);
    /* Its CRC and sizes are right. */
    fiks_status (*end)(void *to, fiks_error *err);
    fiks_name_known_fn known; /* may be NULL */
    /* How large the file of this name was announced to be, by somebody who also gave its hash: up
     * to there it is no bomb, however well it was packed. 0 = was not. May be NULL. */
    uint64_t (*announced)(void *to, const char *name);
    /* What to call a file whose name says that it is UTF-8 and is not; NULL = refuse it. May be
     * NULL. */
    const char *(*unnamed)(void *to);
    bool keep_duplicates; /* two files may have the same name */
} fiks_unzip_events;

typedef struct fiks_unzip fiks_unzip;

/* At most `max_total_bytes` come out of it. The events are copied. */
fiks_status fiks_unzip_new(const fiks_unzip_events *events, uint64_t max_total_bytes,
                           fiks_unzip **out, fiks_error *err);
/*
 * FIKS_ARCHIVE with code "not_zip", "structure", "damaged", "name", "duplicate", "link",
 * "encrypted", "unsupported" or "directory" (the central directory says otherwise); FIKS_INTEGRITY
 * "crc" or "size"; FIKS_LIMIT "total", "ratio" (more than 200 times its size and 1 MiB, and
 * not announced) or "entries".
 */
fiks_status fiks_unzip_feed(fiks_unzip *unzip, const void *data, size_t len, fiks_error *err);
/* FIKS_INTEGRITY "truncated" unless the archive is complete. */
fiks_status fiks_unzip_finish(fiks_unzip *unzip, fiks_error *err);
void fiks_unzip_free(fiks_unzip *unzip);

/* Do these first bytes (4 at least) start a zip archive? */
bool fiks_unzip_is_zip(const void *start, size_t len);

#endif
