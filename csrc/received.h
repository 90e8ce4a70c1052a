/*
 * The files of one forsendelse while they are received: written to the folder, hashed, held against
 * what was declared. Part of the forsendelse sink.
 */
#ifndef FIKS_RECEIVED_H
#define FIKS_RECEIVED_H

#include "folder.h"
#include "hash.h"
#include "names.h"

/* What the list says about a file. */
typedef struct fiks_declared {
    char *name;
    char *folded;    /* the name, however its letters are composed */
    char sha256[65]; /* lower case; "" = none that can be checked */
    int64_t size_bytes;
    bool seen;
} fiks_declared;

typedef struct fiks_received {
    fiks_folder *folder;
    fiks_hash *hash;
    fiks_declared *declared;
    size_t declared_count;
    fiks_received_file *files; /* names owned */
    size_t count, capacity;
    fiks_name_set stored;
    int fd; /* of the file being written; -1 = none */
    int64_t size_bytes;
} fiks_received;

fiks_status fiks_received_init(fiks_received *received, const fiks_forsendelse_options *options,
                               fiks_error *err);
/* Removes everything written and forgets the files; what was declared stays. */
void fiks_received_reset(fiks_received *received);
void fiks_received_free(fiks_received *received);

/* A file, in pieces. Its verdict is there after the end. It gets the list's spelling of its name.
 */
fiks_status fiks_received_begin(fiks_received *received, const char *name, fiks_error *err);
fiks_status fiks_received_data(fiks_received *received, const void *data, size_t len,
                               fiks_error *err);
fiks_status fiks_received_end(fiks_received *received, fiks_error *err);
/* Closes a file that was begun and will not be ended. */
void fiks_received_abandon(fiks_received *received);

/* The same for a file that is not (yet) one of the forsendelse: the spool. Adopted, it gets a name
 * and a verdict. It stays open for reading until then. */
fiks_status fiks_received_spool(fiks_received *received, fiks_error *err);
fiks_status fiks_received_spool_end(fiks_received *received, char sha256[65], int *fd,
                                    fiks_error *err);
fiks_status fiks_received_adopt(fiks_received *received, int fd, const char *name,
                                int64_t size_bytes, const char *sha256, fiks_error *err);
void fiks_received_drop_spool(fiks_received *received);
/* Removes the files (not the spool), as if none had come. */
void fiks_received_forget(fiks_received *received);

/* The hash of a list in lower case: white space does not count; "" when it is no SHA-256. */
void fiks_received_sha256(const char *text, char out[65]);

/* Does the list name it, letters composed in any way? */
bool fiks_received_is_declared(const fiks_received *received, const char *name);
/* The name the list has for the next file, which has none that can be read; NULL unless the hash
 * beside it will tell whether it is the one. */
const char *fiks_received_next_name(const fiks_received *received);
/* The size the list gives for it beside a hash that can be checked; 0 = none. */
uint64_t fiks_received_announced(const fiks_received *received, const char *name);
/* FIKS_INTEGRITY "mismatch" or "missing", FIKS_ARCHIVE "no_files". */
fiks_status fiks_received_check(const fiks_received *received, fiks_error *err);

#endif
