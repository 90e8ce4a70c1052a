/* Time and randomness. The only file that reads a clock; tests put their own in its place. */
#ifndef FIKS_CLOCK_H
#define FIKS_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One moment on both clocks: wall for `iat` and certificates, monotonic for ages and deadlines. */
typedef struct fiks_time {
    int64_t wall_ms; /* since 1970-01-01T00:00Z */
    int64_t mono_ms;
} fiks_time;

fiks_time fiks_now(void);

/* Cryptographically strong random bytes; false when the system has none (never a weak fallback). */
bool fiks_random(void *out, size_t len);

#endif
