#include "retry.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIRST_PAUSE_MS = 500, LONGEST_PAUSE_MS = 5000, LONGEST_RETRY_AFTER_MS = 3600 * 1000 };

static bool is_passing_status(int status)
{
    return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 ||
           status == 503 || status == 504;
}

bool fiks_retry_could_help(const fiks_outcome *outcome)
{
    switch (outcome->kind) {
    case FIKS_OK:
        return is_passing_status(outcome->http_status);
    case FIKS_NETWORK:
    case FIKS_TIMEOUT:
        return true;
    default:
        return false;
    }
}

int64_t fiks_retry_wait(const fiks_outcome *outcome, bool idempotent, int tries, int64_t left_ms,
                        uint32_t random)
{
    if (tries >= FIKS_MAX_TRIES || !fiks_retry_could_help(outcome))
        return -1;
    if (outcome->sent && !idempotent)
        return -1;
    int64_t ceiling = (int64_t)FIRST_PAUSE_MS << (tries > 0 ? tries - 1 : 0);
    if (ceiling > LONGEST_PAUSE_MS)
        ceiling = LONGEST_PAUSE_MS;
    int64_t pause = (int64_t)(random % (uint32_t)(ceiling + 1));
    if (pause < outcome->retry_after_ms)
        pause = outcome->retry_after_ms;
    return pause < left_ms ? pause : -1;
}

int64_t fiks_retry_date_ms(const char *value)
{
    struct tm tm;
    memset(&tm, 0, sizeof tm);
    const char *end = value ? strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;
    return end && !*end ? (int64_t)timegm(&tm) * 1000 : 0;
}

int64_t fiks_retry_after_ms(const char *value, int64_t wall_ms)
{
    if (!value || !*value)
        return -1;
    int64_t ms;
    if (*value >= '0' && *value <= '9') {
        char *end;
        unsigned long long s = strtoull(value, &end, 10);
        if (*end)
            return -1;
        ms = s > LONGEST_RETRY_AFTER_MS / 1000 ? LONGEST_RETRY_AFTER_MS : (int64_t)s * 1000;
    } else {
        int64_t date = fiks_retry_date_ms(value);
        if (!date)
            return -1;
        ms = date - wall_ms;
    }
    return ms < 0 ? 0 : ms > LONGEST_RETRY_AFTER_MS ? LONGEST_RETRY_AFTER_MS : ms;
}
