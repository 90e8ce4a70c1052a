#include "token.h"

#include <stdlib.h>
#include <string.h>

#include "str.h"

enum { HARD_MARGIN_MS = 10000, SOFT_MARGIN_MS = 30000 };

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

fiks_token_state fiks_token_state_at(const fiks_token *token, fiks_time now)
{
    int64_t wall = now.wall_ms - token->sent.wall_ms, mono = now.mono_ms - token->sent.mono_ms;
    int64_t age = wall > mono ? wall : mono;
    int64_t left = token->lifetime_ms - (age > 0 ? age : 0);
    if (left <= 0 || left < min64(HARD_MARGIN_MS, token->lifetime_ms / 4))
        return FIKS_TOKEN_EXPIRED;
    return left < min64(SOFT_MARGIN_MS, token->lifetime_ms / 3) ? FIKS_TOKEN_STALE
                                                                : FIKS_TOKEN_FRESH;
}

int64_t fiks_token_expires_ms(const fiks_token *token)
{
    return token->sent.wall_ms + token->lifetime_ms;
}

void fiks_token_clear(fiks_token *token)
{
    fiks_str_wipe_free(token->access_token);
    free(token->scope);
    memset(token, 0, sizeof *token);
}
