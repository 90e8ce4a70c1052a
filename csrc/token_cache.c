#include "token_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "hash.h"
#include "metrics.h"

enum {
    FIRST_BUCKETS = 16,
    FLIGHT_MAX_MS = 120000, /* longer than any token call may last: its owner is gone */
    OUTCOME_MS = 30000,     /* how late a waiter may still come for its flight's token */
    TRANSIENT_FIRST_MS = 1000,
    TRANSIENT_MAX_MS = 15000,
    RETRY_AFTER_MAX_MS = 60000,
    PERMANENT_FIRST_MS = 5000,
    PERMANENT_MAX_MS = 10000
};

typedef struct entry {
    struct entry *next;
    fiks_token_key *key;
    fiks_token token; /* access_token NULL = none */
    uint64_t flight;  /* under way; 0 = none */
    int64_t flight_started_ms;
    uint64_t ended; /* the last flight that ended with a token or an error */
    int64_t ended_ms;
    fiks_error *error; /* what it ended with; NULL = a token */
    int failures;      /* in a row */
    int64_t retry_ms;  /* no new flight before */
    int64_t skew_ms;
    bool skew_known;
} entry;

struct fiks_token_cache {
    pthread_mutex_t lock;
    entry **buckets;
    size_t bucket_count; /* a power of two */
    size_t entries;
    uint64_t last_flight;
    atomic_uint_fast64_t generation;
};

/* ---- the process's cache ------------------------------------------------------------------- */

static _Atomic(fiks_token_cache *) of_process;
static fiks_token_cache *_Atomic of_parent; /* kept reachable, never touched */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Another thread may have held the lock while this one forked, and flights stay with the parent. */
static void forget_after_fork(void)
{
    atomic_store(&of_parent, atomic_exchange(&of_process, NULL));
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_after_fork);
}

fiks_token_cache *fiks_token_cache_process(void)
{
    fiks_token_cache *cache = atomic_load(&of_process);
    if (cache)
        return cache;
    pthread_once(&once, watch_forks);
    fiks_token_cache *fresh = fiks_token_cache_new(), *none = NULL;
    if (!fresh || atomic_compare_exchange_strong(&of_process, &none, fresh))
        return fresh;
    fiks_token_cache_free(fresh);
    return none;
}

fiks_token_cache *fiks_token_cache_new(void)
{
    fiks_token_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return NULL;
    cache->buckets = calloc(FIRST_BUCKETS, sizeof(entry *));
    cache->bucket_count = FIRST_BUCKETS;
    if (!cache->buckets || pthread_mutex_init(&cache->lock, NULL)) {
        free(cache->buckets);
        free(cache);
        return NULL;
    }
    atomic_init(&cache->generation, 1);
    return cache;
}

static void free_entry(entry *e)
{
    fiks_token_key_free(e->key);
    fiks_token_clear(&e->token);
    free(e->error);
    free(e);
}

void fiks_token_cache_free(fiks_token_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->bucket_count; i++) {
        for (entry *e = cache->buckets[i], *next; e; e = next) {
            next = e->next;
            free_entry(e);
        }
    }
    free(cache->buckets);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* ---- the table ----------------------------------------------------------------------------- */

static bool flies(const entry *e, fiks_time now)
{
    return e->flight && now.mono_ms - e->flight_started_ms < FLIGHT_MAX_MS;
}

static bool is_dead(const entry *e, fiks_time now)
{
    return !flies(e, now) && now.mono_ms >= e->retry_ms && now.mono_ms - e->ended_ms > OUTCOME_MS &&
           (!e->token.access_token || fiks_token_state_at(&e->token, now) == FIKS_TOKEN_EXPIRED);
}

/* Moves what is alive into a new table of the right size: settings that are no longer used must not
 * pile up. Stays as it is without memory. */
static void rebuild(fiks_token_cache *cache, fiks_time now)
{
    size_t alive = 0;
    for (size_t i = 0; i < cache->bucket_count; i++)
        for (const entry *e = cache->buckets[i]; e; e = e->next)
            alive += !is_dead(e, now);
    size_t count = FIRST_BUCKETS;
    while (count < alive * 2)
        count *= 2;
    entry **buckets = calloc(count, sizeof *buckets);
    if (!buckets)
        return;
    for (size_t i = 0; i < cache->bucket_count; i++) {
        for (entry *e = cache->buckets[i], *next; e; e = next) {
            next = e->next;
            if (is_dead(e, now)) {
                free_entry(e);
                continue;
            }
            entry **to = &buckets[fiks_token_key_hash(e->key) & (count - 1)];
            e->next = *to;
            *to = e;
        }
    }
    free(cache->buckets);
    cache->buckets = buckets;
    cache->bucket_count = count;
    cache->entries = alive;
}

static entry *find(fiks_token_cache *cache, const fiks_token_key *key)
{
    entry *e = cache->buckets[fiks_token_key_hash(key) & (cache->bucket_count - 1)];
    while (e && !fiks_token_key_equal(e->key, key))
        e = e->next;
    return e;
}

static entry *find_or_add(fiks_token_cache *cache, const fiks_token_key *key, fiks_time now)
{
    entry *e = find(cache, key);
    if (e)
        return e;
    if (cache->entries >= cache->bucket_count)
        rebuild(cache, now);
    e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->key = fiks_token_key_ref((fiks_token_key *)(uintptr_t)key);
    e->retry_ms = INT64_MIN;
    e->ended_ms = now.mono_ms;
    entry **to = &cache->buckets[fiks_token_key_hash(key) & (cache->bucket_count - 1)];
    e->next = *to;
    *to = e;
    cache->entries++;
    return e;
}

/* ---- asking -------------------------------------------------------------------------------- */

static fiks_token_want hand_out(const entry *e, fiks_buf *token_out, fiks_error *err)
{
    if (fiks_buf_adds(token_out, e->token.access_token))
        return FIKS_TOKEN_READY;
    fiks_fail_memory(err);
    return FIKS_TOKEN_FAILED;
}

static void elect(fiks_token_cache *cache, entry *e, fiks_time now, uint64_t *flight)
{
    e->flight = ++cache->last_flight;
    e->flight_started_ms = now.mono_ms;
    *flight = e->flight;
}

static fiks_token_want tell_failure(const entry *e, fiks_error *err)
{
    if (err && !err->kind)
        *err = *e->error;
    return FIKS_TOKEN_FAILED;
}

/* Who waited for the flight that ended last gets its token, even one that may be used only once. */
static bool is_due(const entry *e, uint64_t waited, fiks_time now)
{
    return waited && e->ended == waited && !e->error && e->token.access_token &&
           now.mono_ms - e->ended_ms < OUTCOME_MS;
}

static fiks_token_want decide(fiks_token_cache *cache, entry *e, fiks_time now, uint64_t *flight,
                              fiks_buf *token_out, fiks_error *err)
{
    uint64_t waited = *flight;
    *flight = 0;
    fiks_token_state state =
        e->token.access_token ? fiks_token_state_at(&e->token, now) : FIKS_TOKEN_EXPIRED;
    bool may_start = !flies(e, now) && now.mono_ms >= e->retry_ms;
    if (state == FIKS_TOKEN_STALE && may_start) {
        fiks_token_want want = hand_out(e, token_out, err);
        if (want != FIKS_TOKEN_READY)
            return want;
        elect(cache, e, now, flight);
        return FIKS_TOKEN_READY_REFRESH;
    }
    if (state != FIKS_TOKEN_EXPIRED || is_due(e, waited, now))
        return hand_out(e, token_out, err);
    if (waited && e->ended == waited && e->error)
        return tell_failure(e, err);
    if (flies(e, now)) {
        *flight = e->flight;
        return FIKS_TOKEN_WAIT;
    }
    if (!may_start && e->error)
        return tell_failure(e, err);
    elect(cache, e, now, flight);
    return FIKS_TOKEN_FETCH;
}

fiks_token_want fiks_token_cache_get(fiks_token_cache *cache, const fiks_token_key *key,
                                     fiks_time now, uint64_t *flight, fiks_buf *token_out,
                                     fiks_error *err)
{
    fiks_token_want want = FIKS_TOKEN_FAILED;
    entry *e = NULL;
    bool first = *flight == 0;
    if (cache) {
        pthread_mutex_lock(&cache->lock);
        e = find_or_add(cache, key, now);
        if (e)
            want = decide(cache, e, now, flight, token_out, err);
        pthread_mutex_unlock(&cache->lock);
    }
    if (!e)
        fiks_fail_memory(err);
    if (first && (want == FIKS_TOKEN_READY || want == FIKS_TOKEN_READY_REFRESH))
        fiks_metrics_add(FIKS_COUNT_TOKEN_HITS, 1);
    if (want == FIKS_TOKEN_FETCH || want == FIKS_TOKEN_READY_REFRESH)
        fiks_metrics_add(FIKS_COUNT_TOKEN_FETCHES, 1);
    return want;
}

/* ---- ends of flights ----------------------------------------------------------------------- */

/* The entry whose flight this is, locked; NULL (unlocked) when another took its place. */
static entry *lock_flight(fiks_token_cache *cache, const fiks_token_key *key, uint64_t flight)
{
    if (!cache)
        return NULL;
    pthread_mutex_lock(&cache->lock);
    entry *e = flight ? find(cache, key) : NULL;
    if (e && e->flight == flight)
        return e;
    pthread_mutex_unlock(&cache->lock);
    return NULL;
}

static void unlock_ended(fiks_token_cache *cache, entry *e)
{
    e->flight = 0;
    atomic_fetch_add(&cache->generation, 1);
    pthread_mutex_unlock(&cache->lock);
}

void fiks_token_cache_put(fiks_token_cache *cache, const fiks_token_key *key, uint64_t flight,
                          fiks_token *token, fiks_time now)
{
    entry *e = lock_flight(cache, key, flight);
    if (e) {
        fiks_token_clear(&e->token);
        e->token = *token;
        memset(token, 0, sizeof *token);
        free(e->error);
        e->error = NULL;
        e->failures = 0;
        e->retry_ms = INT64_MIN;
        e->ended = flight;
        e->ended_ms = now.mono_ms;
        unlock_ended(cache, e);
    }
    fiks_token_clear(token);
}

/* Up to a quarter longer, differently for every key and flight: hosts that failed together should
 * not come back together. */
static int64_t spread(const entry *e, int64_t pause)
{
    uint64_t mixed = (fiks_token_key_hash(e->key) ^ e->flight) * UINT64_C(0x9E3779B97F4A7C15);
    return pause + (int64_t)((mixed >> 33) % (uint64_t)(pause / 4 + 1));
}

static int64_t pause_after(const entry *e, const fiks_error *why)
{
    int64_t pause = why->retryable ? TRANSIENT_FIRST_MS : PERMANENT_FIRST_MS;
    int64_t most = why->retryable ? TRANSIENT_MAX_MS : PERMANENT_MAX_MS;
    for (int i = 1; i < e->failures && pause < most; i++)
        pause *= 2;
    pause = pause < most ? pause : most;
    int64_t asked =
        why->retry_after_ms < RETRY_AFTER_MAX_MS ? why->retry_after_ms : RETRY_AFTER_MAX_MS;
    return spread(e, asked > pause ? asked : pause);
}

bool fiks_token_cache_fail(fiks_token_cache *cache, const fiks_token_key *key, uint64_t flight,
                           const fiks_error *why, fiks_time now)
{
    fiks_metrics_add(FIKS_COUNT_TOKEN_FAILURES, 1);
    fiks_error *copy = malloc(sizeof *copy);
    entry *e = copy ? lock_flight(cache, key, flight) : NULL;
    if (!e) {
        free(copy);
        if (!copy)
            fiks_token_cache_abandon(cache, key, flight);
        return true;
    }
    *copy = *why;
    bool news = !e->error || e->error->kind != why->kind || strcmp(e->error->code, why->code) != 0;
    free(e->error);
    e->error = copy;
    e->failures++;
    e->retry_ms = now.mono_ms + pause_after(e, why);
    e->ended = flight;
    e->ended_ms = now.mono_ms;
    unlock_ended(cache, e);
    return news;
}

void fiks_token_cache_abandon(fiks_token_cache *cache, const fiks_token_key *key, uint64_t flight)
{
    entry *e = lock_flight(cache, key, flight);
    if (e)
        unlock_ended(cache, e);
}

/* ---- the rest ------------------------------------------------------------------------------ */

bool fiks_token_cache_invalidate(fiks_token_cache *cache, const fiks_token_key *key,
                                 const char *rejected_token)
{
    if (!cache)
        return false;
    pthread_mutex_lock(&cache->lock);
    entry *e = find(cache, key);
    bool drop = e && e->token.access_token &&
                (!rejected_token || strcmp(e->token.access_token, rejected_token) == 0);
    if (drop)
        fiks_token_clear(&e->token);
    pthread_mutex_unlock(&cache->lock);
    return drop;
}

bool fiks_token_cache_peek(fiks_token_cache *cache, const fiks_token_key *key, fiks_time now,
                           fiks_token *out)
{
    memset(out, 0, sizeof *out);
    if (!cache)
        return false;
    pthread_mutex_lock(&cache->lock);
    const entry *e = find(cache, key);
    bool found =
        e && e->token.access_token && fiks_token_state_at(&e->token, now) != FIKS_TOKEN_EXPIRED;
    if (found) {
        *out = e->token;
        out->access_token = fiks_strdup(e->token.access_token);
        out->scope = fiks_strdup(e->token.scope);
    }
    pthread_mutex_unlock(&cache->lock);
    if (found && out->access_token && out->scope)
        return true;
    fiks_token_clear(out);
    return false;
}

void fiks_token_cache_note_skew(fiks_token_cache *cache, const fiks_token_key *key,
                                int64_t ahead_ms)
{
    if (!cache)
        return;
    pthread_mutex_lock(&cache->lock);
    entry *e = find(cache, key);
    if (e) {
        e->skew_ms = ahead_ms;
        e->skew_known = true;
    }
    pthread_mutex_unlock(&cache->lock);
}

bool fiks_token_cache_skew(fiks_token_cache *cache, const fiks_token_key *key, int64_t *ahead_ms)
{
    if (!cache)
        return false;
    pthread_mutex_lock(&cache->lock);
    const entry *e = find(cache, key);
    bool known = e && e->skew_known;
    if (known)
        *ahead_ms = e->skew_ms;
    pthread_mutex_unlock(&cache->lock);
    return known;
}

uint64_t fiks_token_cache_generation(const fiks_token_cache *cache)
{
    return cache ? atomic_load(&cache->generation) : 0;
}
