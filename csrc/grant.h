/*
 * The JWT-bearer grant (RFC 7523) towards Maskinporten and, as it was in 2018, ID-porten: what a
 * token is asked with, the body of the token request, and its answer. Pure: clock and jti are
 * arguments.
 */
#ifndef FIKS_GRANT_H
#define FIKS_GRANT_H

#include "clock.h"
#include "key.h"
#include "str.h"
#include "token.h"

/* Everything a token depends on. Claims and the cache's key are both made of this, so they agree.
 * Strings are borrowed; NULL = absent. */
typedef struct fiks_token_inputs {
    const char *token_endpoint;
    const char *issuer;       /* aud, byte for byte */
    const char *client_id;    /* iss */
    const char *scope;        /* one or several, separated by white space */
    const char *consumer_org; /* nine digits, "0192:" in front is dropped; iss_onbehalfof in 2018 */
    const char *resource;     /* aud of the token */
    const char *pid;          /* eleven digits */
    const char *authorization_details; /* JSON text: an array with one object (RFC 9396) */
    const char *network;               /* the id of the way it is asked for, certificates and all */
    const char *kid;                   /* NULL = x5c */
    fiks_key *key;
    fiks_alg alg;
    bool x5c_leaf;            /* send only the first certificate */
    bool resource_array;      /* as an array, as documented; a string is what works in the field */
    bool accept_fewer_scopes; /* than asked for; else that is an error */
    bool contract_2018;
    bool allow_expired; /* not part of the token: do not refuse to send an expired certificate */
} fiks_token_inputs;

enum { FIKS_GRANT_LIFETIME_S = 120 };

/*
 * Checks what needs no clock: FIKS_CONFIG (client id, issuer, scope, consumer_org, pid, kid, what
 * the 2018 contract does not have) or FIKS_CREDENTIALS (x5c without a certificate).
 */
fiks_status fiks_grant_check(const fiks_token_inputs *inputs, fiks_error *err);

/* Appends the assertion for inputs that were checked. FIKS_CLOCK when the clock stands before 2020;
 * FIKS_CREDENTIALS, code "expired" or "not_yet_valid", when a certificate that goes into x5c is. */
fiks_status fiks_grant_assertion(const fiks_token_inputs *inputs, int64_t wall_ms, const char *jti,
                                 fiks_buf *out, fiks_error *err);

/* Appends the form body: grant_type and assertion. A secret: wipe it (fiks_buf_free does). */
fiks_status fiks_grant_body(const fiks_token_inputs *inputs, int64_t wall_ms, const char *jti,
                            fiks_buf *out, fiks_error *err);

#define FIKS_GRANT_CONTENT_TYPE "application/x-www-form-urlencoded"
enum { FIKS_GRANT_MAX_ANSWER_BYTES = 64 * 1024 };

/* The answer of the token endpoint. */
typedef struct fiks_grant_answer {
    int status;
    const char *body;
    size_t body_bytes;
    int64_t date_ms;        /* its Date header, since 1970; 0 = none */
    int64_t retry_after_ms; /* its Retry-After; 0 or less = none */
    fiks_time sent;         /* just before the request was sent */
    int64_t received_ms;    /* wall clock when the answer came */
    const char *location;   /* where a redirect points; NULL = none */
    int64_t corrected_ms;   /* what was taken off the clock for iat; 0 = nothing */
} fiks_grant_answer;

/* How far our clock is ahead of the server's (negative: behind), to about a second. False when the
 * answer has no Date. */
bool fiks_grant_clock_skew(const fiks_grant_answer *answer, int64_t *ahead_ms);

/* A difference that the server tolerates: nothing to correct or to complain of. */
enum { FIKS_GRANT_CLOCK_TOLERANCE_MS = 10000 };

/*
 * Reads the answer into `out` (empty before; fiks_token_clear), or fails with http_status,
 * oauth_error, mp_code, trace_id and retryable set, and a message that says who must act:
 *   FIKS_DENIED    refused (code = MP code, else the OAuth error, else "http_<status>"), or fewer
 *                  scopes than asked for were granted (code "scope"; a log line when accepted);
 *   FIKS_CLOCK     our clock differs from the server's (retryable when it hardly does: the grant
 *                  was late);
 *   FIKS_RATE_LIMITED, FIKS_SERVER, FIKS_TIMEOUT (408, 425)   retryable;
 *   FIKS_PROTOCOL  nonsense: not JSON, no usable access_token, a redirect ...
 * MP-012 (grant used before) is FIKS_DENIED and retryable: once, with a new jti.
 */
fiks_status fiks_grant_parse(const fiks_grant_answer *answer, const char *scope, bool accept_fewer,
                             fiks_token *out, fiks_error *err);

#endif
