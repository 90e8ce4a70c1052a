/*
 * Read before every file by clang-tidy alone. The analyser sees one file at a time, so it does not know
 * that a failure is never FIKS_OK, and would follow paths that do not exist.
 */
#include "../csrc/error.h"

#define fiks_fail(err, kind, ...) ((fiks_fail)(err, kind, __VA_ARGS__), (kind))
#define fiks_fail_memory(err) ((fiks_fail_memory)(err), FIKS_MEMORY)
#define fiks_fail_errno(err, what, path, errnum)                                                   \
    ((fiks_fail_errno)(err, what, path, errnum), FIKS_IO)
