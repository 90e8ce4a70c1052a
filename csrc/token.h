/* An access token as a value, and how much life is left in it. Pure: time is an argument. */
#ifndef FIKS_TOKEN_H
#define FIKS_TOKEN_H

#include "clock.h"
#include "fiks.h"

typedef struct fiks_token {
    char *access_token;  /* wiped when cleared */
    char *scope;         /* granted */
    int64_t lifetime_ms; /* from `sent`, at most two hours; 0 = use once */
    fiks_time sent;      /* before the request that brought it */
} fiks_token;

typedef enum fiks_token_state {
    FIKS_TOKEN_FRESH,
    FIKS_TOKEN_STALE,  /* usable; time to fetch the next one */
    FIKS_TOKEN_EXPIRED /* not to be handed out */
} fiks_token_state;

/*
 * Expired with less than min(10 s, lifetime/4) left, stale with less than min(30 s, lifetime/3).
 * Either clock can say so: the monotonic one stands still while the machine sleeps, the wall clock
 * can be set. A wall clock behind `sent` does not make a token young again.
 */
fiks_token_state fiks_token_state_at(const fiks_token *token, fiks_time now);

/* When it expires by the wall clock, in milliseconds since 1970. */
int64_t fiks_token_expires_ms(const fiks_token *token);

void fiks_token_clear(fiks_token *token);

#endif
