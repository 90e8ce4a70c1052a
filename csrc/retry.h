/* When to try again. Pure: everything it depends on is an argument. */
#ifndef FIKS_RETRY_H
#define FIKS_RETRY_H

#include "fiks.h"

enum { FIKS_MAX_TRIES = 3 };

/* What one try came to. */
typedef struct fiks_outcome {
    fiks_status kind;       /* FIKS_OK when an answer came, whatever its status */
    int http_status;        /* 0 = no answer */
    bool sent;              /* the server may have seen the request */
    int64_t retry_after_ms; /* what the server asked for; -1 = nothing */
} fiks_outcome;

/*
 * Milliseconds to wait before the next try, or -1: give up. `tries` counts those made. A request
 * that never left may always be repeated; one that may have been seen only when it is idempotent.
 * The pause is drawn from 0 to min(500 ms * 2^(tries-1), 5 s) ("full jitter"); Retry-After is a
 * floor. A pause that would end after `left_ms` is no use: give up.
 */
int64_t fiks_retry_wait(const fiks_outcome *outcome, bool idempotent, int tries, int64_t left_ms,
                        uint32_t random);

/* Could the same call succeed later? What fiks_error.retryable says. */
bool fiks_retry_could_help(const fiks_outcome *outcome);

/* The value of a Retry-After header (RFC 9110, 10.2.3: seconds or a date) in milliseconds from
 * `wall_ms`, at most an hour; -1 when absent or unreadable. */
int64_t fiks_retry_after_ms(const char *value, int64_t wall_ms);

/* An HTTP date (RFC 9110, 5.6.7, the preferred form) since 1970; 0 when absent or unreadable. */
int64_t fiks_retry_date_ms(const char *value);

#endif
