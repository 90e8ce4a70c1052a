/* Filling a fiks_error. The public type and the list of kinds are in fiks.h. */
#ifndef FIKS_ERROR_H
#define FIKS_ERROR_H

#include "fiks.h"

/*
 * Sets kind, code (NULL = "") and a formatted message, unless an error is already set; other
 * members stay. Returns kind, so that `return fiks_fail(err, ...)` reads well. `err` may be NULL.
 * A message that does not fit is cut at a code point.
 */
fiks_status fiks_fail(fiks_error *err, fiks_status kind, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The error for a failed allocation. */
fiks_status fiks_fail_memory(fiks_error *err);

/* FIKS_IO with the text of `errnum`: "cannot <what> <path>: No space left on device". */
fiks_status fiks_fail_errno(fiks_error *err, const char *what, const char *path, int errnum);

/* Copies text into one of the fixed members, cut at a code point. NULL = "". */
void fiks_error_text(char *to, size_t to_bytes, const char *from);

#endif
