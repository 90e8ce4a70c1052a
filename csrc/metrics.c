#include "metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* Of one call's duration: from an answer on loopback to a batch that took its whole time. */
static const uint32_t bounds_ms[FIKS_BUCKETS] = {5,    10,   25,   50,    100,   250,       500,
                                                 1000, 2500, 5000, 10000, 60000, UINT32_MAX};

static _Atomic uint64_t counters[FIKS_COUNTERS];
static _Atomic uint64_t ended[FIKS_OUTCOMES];
static _Atomic uint64_t durations[FIKS_BUCKETS];
static _Atomic uint64_t duration_ms;
static _Atomic int64_t in_flight;

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* ---- counting ---------------------------------------------------------------------------------
 */

static void clear(_Atomic uint64_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        atomic_store_explicit(&list[i], 0, memory_order_relaxed);
}

/* The parent's calls never end here. */
static void forget_after_fork(void)
{
    clear(counters, FIKS_COUNTERS);
    clear(ended, FIKS_OUTCOMES);
    clear(durations, FIKS_BUCKETS);
    clear(&duration_ms, 1);
    atomic_store_explicit(&in_flight, 0, memory_order_relaxed);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_after_fork);
}

void fiks_metrics_add(fiks_counter counter, uint64_t n)
{
    add(&counters[counter], n);
}

void fiks_metrics_call_began(void)
{
    pthread_once(&once, watch_forks);
    atomic_fetch_add_explicit(&in_flight, 1, memory_order_relaxed);
}

void fiks_metrics_call_ended(fiks_status kind, int64_t elapsed_ms)
{
    size_t bucket = 0;
    while (bucket < FIKS_BUCKETS - 1 && elapsed_ms > (int64_t)bounds_ms[bucket])
        bucket++;
    add(&ended[kind], 1);
    add(&durations[bucket], 1);
    add(&duration_ms, (uint64_t)elapsed_ms);
    atomic_fetch_sub_explicit(&in_flight, 1, memory_order_relaxed);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

void fiks_metrics_get(fiks_metrics *out)
{
    int64_t flying = atomic_load_explicit(&in_flight, memory_order_relaxed);
    fiks_metrics m = {.size = out->size,
                      .calls_in_flight = (uint64_t)flying,
                      .requests = get(&counters[FIKS_COUNT_REQUESTS]),
                      .retries = get(&counters[FIKS_COUNT_RETRIES]),
                      .token_fetches = get(&counters[FIKS_COUNT_TOKEN_FETCHES]),
                      .token_failures = get(&counters[FIKS_COUNT_TOKEN_FAILURES]),
                      .token_hits = get(&counters[FIKS_COUNT_TOKEN_HITS]),
                      .sent_bytes = get(&counters[FIKS_COUNT_SENT_BYTES]),
                      .received_bytes = get(&counters[FIKS_COUNT_RECEIVED_BYTES]),
                      .connections_opened = get(&counters[FIKS_COUNT_CONNECTIONS_OPENED]),
                      .connections_reused = get(&counters[FIKS_COUNT_CONNECTIONS_REUSED]),
                      .log_lines_dropped = get(&counters[FIKS_COUNT_LOG_LINES_DROPPED]),
                      .duration_ms = get(&duration_ms)};
    for (size_t i = 0; i < FIKS_OUTCOMES; i++)
        m.calls[i] = get(&ended[i]);
    for (size_t i = 0; i < FIKS_BUCKETS; i++)
        m.durations[i] = (fiks_bucket){.up_to_ms = bounds_ms[i], .calls = get(&durations[i])};
    memcpy(out, &m, out->size < sizeof m ? out->size : sizeof m);
}
