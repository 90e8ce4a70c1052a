/* Counters of the process: relaxed atomics, so that counting costs next to nothing and locks
 * nobody. A forked child starts at 0. Read through fiks_metrics_get. */
#ifndef FIKS_METRICS_H
#define FIKS_METRICS_H

#include "fiks.h"

typedef enum fiks_counter {
    FIKS_COUNT_REQUESTS,
    FIKS_COUNT_RETRIES,
    FIKS_COUNT_TOKEN_FETCHES,
    FIKS_COUNT_TOKEN_FAILURES,
    FIKS_COUNT_TOKEN_HITS,
    FIKS_COUNT_SENT_BYTES,
    FIKS_COUNT_RECEIVED_BYTES,
    FIKS_COUNT_CONNECTIONS_OPENED,
    FIKS_COUNT_CONNECTIONS_REUSED,
    FIKS_COUNT_LOG_LINES_DROPPED,
    FIKS_COUNTERS
} fiks_counter;

void fiks_metrics_add(fiks_counter counter, uint64_t n);

/* A call begins, and ends: each once. */
void fiks_metrics_call_began(void);
void fiks_metrics_call_ended(fiks_status kind, int64_t elapsed_ms);

#endif
