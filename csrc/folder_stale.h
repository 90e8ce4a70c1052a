/*
 * Temporary folders (folder.h) of processes that were killed. Each is locked (flock) as long as its
 * process lives, so that one that can be locked is nobody's any more. Part of the folder.
 */
#ifndef FIKS_FOLDER_STALE_H
#define FIKS_FOLDER_STALE_H

#include "fiks.h"

/* Locks a temporary folder that was just made and opened. False: somebody took it for a stale one
 * in that moment; make another. True where the file system knows no locks. */
bool fiks_folder_lock(int fd, const char *path);

/* Removes the stale temporary folders for `name` in `parent`, with their files. */
void fiks_folder_sweep(const char *parent, const char *name, size_t name_len);

/* Removes the files of a folder; closes it. */
void fiks_folder_empty(int fd);

#endif
