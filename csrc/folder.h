/*
 * A folder that appears as a whole or not at all: files are written into a temporary folder beside
 * it (".<name>.<random>.part"), fsynced one by one, and the folder is renamed into place at the
 * end, with itself and its parent fsynced. Never over something that exists. What a process that
 * was killed left of such a temporary folder is removed when the same folder is received again.
 *
 * Folders get mode 0700 and files 0600: what comes in them concerns people.
 */
#ifndef FIKS_FOLDER_H
#define FIKS_FOLDER_H

#include "fiks.h"

typedef struct fiks_folder fiks_folder;

/* Creates nothing yet. FIKS_IO "exists" when `path` does, "file" when its parent is no folder. */
fiks_status fiks_folder_new(const char *path, fiks_folder **out, fiks_error *err);

/* FIKS_IO "disk_full" when the file system surely has not that much room. */
fiks_status fiks_folder_check_room(const fiks_folder *folder, uint64_t bytes, fiks_error *err);

/* Creates a file, whose name has no slash, open for writing (and reading back). */
fiks_status fiks_folder_create(fiks_folder *folder, const char *name, int *fd, fiks_error *err);
fiks_status fiks_folder_write(fiks_folder *folder, int fd, const void *data, size_t len,
                              fiks_error *err);
/* Makes the file durable. Does not close it. */
fiks_status fiks_folder_sync(fiks_folder *folder, int fd, fiks_error *err);
fiks_status fiks_folder_rename(fiks_folder *folder, const char *from, const char *to,
                               fiks_error *err);
void fiks_folder_remove(fiks_folder *folder, const char *name);

/* Puts the folder in its place; it is empty when nothing was created. */
fiks_status fiks_folder_commit(fiks_folder *folder, fiks_error *err);
/* Removes what was written, unless it is committed; ready to start anew. */
void fiks_folder_discard(fiks_folder *folder);
/* Discards and frees. */
void fiks_folder_free(fiks_folder *folder);

/* "<parent>/.<name>.<random>.part", malloc'ed; NULL = out of memory or randomness. */
char *fiks_temporary_beside(const char *path);
/* The folder that holds `path`, malloc'ed. */
char *fiks_parent_of(const char *path);
/* Renames unless `to` is there (EEXIST); -1 with errno. Where the file system knows no
 * RENAME_NOREPLACE it looks first. */
int fiks_move(const char *from, const char *to);
/* Makes the names in a folder durable. */
fiks_status fiks_sync_folder(const char *path, fiks_error *err);
fiks_status fiks_write_all(int fd, const void *data, size_t len, const char *path, fiks_error *err);

#endif
