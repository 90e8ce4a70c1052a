/*
 * File names made by strangers: decoding those of zip entries, refusing the dangerous, telling
 * duplicates, and making names a file system takes.
 */
#ifndef FIKS_NAMES_H
#define FIKS_NAMES_H

#include "fiks.h"
#include "str.h"

/* Is this (UTF-8) the name of a file that is waited for? Helps with names in unknown encodings. */
typedef bool (*fiks_name_known_fn)(void *to, const char *name);

/*
 * The UTF-8 name of a zip entry. With `utf8` (flag bit 11) it must be UTF-8: FIKS_ARCHIVE "name".
 * Without: UTF-8 when it is well-formed; else CP850 or Windows-1252, whichever gives a known name;
 * else CP850 when that gives letters only; else the bytes above 127 percent-escaped. `known` may be
 * NULL. CP437 and CP865 need no table of their own: their letters are CP850's, except for those
 * CP437 lacks.
 */
fiks_status fiks_name_decode(const void *raw, size_t len, bool utf8, fiks_name_known_fn known,
                             void *to, fiks_buf *out, fiks_error *err);

/*
 * May a zip entry have this name? FIKS_ARCHIVE "name" for an empty one, NUL, "..", ".", empty path
 * steps, absolute paths, drive letters, backslashes. Folders ("a/b.pdf", "a/") are fine.
 */
fiks_status fiks_name_check(const char *name, size_t len, fiks_error *err);

/* Appends the name as it may be shown in a message: no control characters, bounded. */
bool fiks_name_show(const char *name, size_t len, fiks_buf *out);

/*
 * Appends a name that every file system takes and that says nothing about folders: reserved
 * characters become "_", Windows' device names get a "_" in front, no leading dot, no trailing dot
 * or space, at most 255 bytes (a long one ends in a hash of the whole, and keeps its extension).
 */
bool fiks_name_store(const char *name, fiks_buf *out);

/* The same text, malloc'ed, for all names that are canonically equivalent (NFC, NFD), and with
 * `any_case` for those that differ in case; NULL = out of memory. What is not UTF-8 stays as it is.
 */
char *fiks_name_fold(const char *name, bool any_case);

/* A set of names that are the same to somebody: compared by fiks_name_fold, in any case. */
typedef struct fiks_name_set {
    char **slots;
    size_t count, capacity;
} fiks_name_set;

/* 1 = added, 0 = was there, -1 = out of memory. */
int fiks_name_set_add(fiks_name_set *set, const char *name);
void fiks_name_set_free(fiks_name_set *set);

#endif
