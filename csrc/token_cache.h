/*
 * Access tokens by everything they depend on, one table per process. The cache decides; it starts
 * nothing and reads no clock. It is where "one flight per key" holds:
 *
 *   get -> FETCH or READY_REFRESH   this caller is elected: it (and nobody else) makes one token
 *                                   request and ends the flight with put, fail or abandon;
 *       -> WAIT                     a flight is under way: ask again, with the same `flight`, when
 *                                   fiks_token_cache_generation has changed;
 *       -> READY                    the token was appended to `token_out`;
 *       -> FAILED                   `err` says why: the outcome of the flight waited for, or a
 *                                   recent failure that is not repeated yet.
 *
 * After FETCH the elected caller asks again too, once its flight has ended. Who waited for a flight
 * gets that flight's outcome, also a token that is good for one use only.
 */
#ifndef FIKS_TOKEN_CACHE_H
#define FIKS_TOKEN_CACHE_H

#include "grant.h"
#include "token.h"

/* Checked inputs, copied, with the cache's key made of them. Immutable. */
typedef struct fiks_token_key fiks_token_key;

/* Fails as fiks_grant_check does. The key is referenced. */
fiks_status fiks_token_key_new(const fiks_token_inputs *inputs, fiks_token_key **out,
                               fiks_error *err);
fiks_token_key *fiks_token_key_ref(fiks_token_key *key);
void fiks_token_key_free(fiks_token_key *key);
/* What a grant for this key is made of. Borrowed. */
const fiks_token_inputs *fiks_token_key_inputs(const fiks_token_key *key);
bool fiks_token_key_equal(const fiks_token_key *a, const fiks_token_key *b);
uint64_t fiks_token_key_hash(const fiks_token_key *key);

typedef struct fiks_token_cache fiks_token_cache;

/* The process's own. A forked child starts with an empty one. NULL: out of memory. */
fiks_token_cache *fiks_token_cache_process(void);
fiks_token_cache *fiks_token_cache_new(void);
void fiks_token_cache_free(fiks_token_cache *cache);

typedef enum fiks_token_want {
    FIKS_TOKEN_READY,
    FIKS_TOKEN_READY_REFRESH,
    FIKS_TOKEN_FETCH,
    FIKS_TOKEN_WAIT,
    FIKS_TOKEN_FAILED
} fiks_token_want;

/*
 * Asks for a token. `*flight` is 0 at first and belongs to this caller; it is set to the flight's
 * number by READY_REFRESH, FETCH and WAIT and to 0 by READY and FAILED. `token_out` gets the bare
 * token; it is a secret. Any thread may call.
 */
fiks_token_want fiks_token_cache_get(fiks_token_cache *cache, const fiks_token_key *key,
                                     fiks_time now, uint64_t *flight, fiks_buf *token_out,
                                     fiks_error *err);

/* The flight brought a token: taken over, `*token` is empty afterwards. */
void fiks_token_cache_put(fiks_token_cache *cache, const fiks_token_key *key, uint64_t flight,
                          fiks_token *token, fiks_time now);

/*
 * The flight failed. Whoever waited for it gets `why`; so does everybody else without a usable
 * token for a while: 1 s doubling to 15 s when `why` is retryable (at least its retry_after_ms, at
 * most a minute), else 5 s, then 10 s; up to a quarter more, so that hosts spread. An older token
 * goes on being served while it lasts. False when the last flight failed for the same reason.
 */
bool fiks_token_cache_fail(fiks_token_cache *cache, const fiks_token_key *key, uint64_t flight,
                           const fiks_error *why, fiks_time now);

/* The flight came to nothing (its call was cancelled): the next who asks is elected. */
void fiks_token_cache_abandon(fiks_token_cache *cache, const fiks_token_key *key, uint64_t flight);

/* Drops the token if it is still the one that was rejected; NULL drops any. True when dropped. */
bool fiks_token_cache_invalidate(fiks_token_cache *cache, const fiks_token_key *key,
                                 const char *rejected_token);

/* A copy of the cached token if it is not expired; false without one. Elects nobody. */
bool fiks_token_cache_peek(fiks_token_cache *cache, const fiks_token_key *key, fiks_time now,
                           fiks_token *out);

/* How far the clock was ahead of the token endpoint's when it last answered. Kept with the token.
 */
void fiks_token_cache_note_skew(fiks_token_cache *cache, const fiks_token_key *key,
                                int64_t ahead_ms);
/* False when it is not known. */
bool fiks_token_cache_skew(fiks_token_cache *cache, const fiks_token_key *key, int64_t *ahead_ms);

/* Changes whenever a flight ends. */
uint64_t fiks_token_cache_generation(const fiks_token_cache *cache);

#endif
