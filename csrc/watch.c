#include "watch.h"

#include <string.h>

void fiks_watch_start(fiks_watch *w, const fiks_limits *limits, int64_t deadline_ms, int64_t now_ms)
{
    memset(w, 0, sizeof *w);
    w->limits = *limits;
    w->deadline_ms = deadline_ms;
    w->moved_ms = now_ms;
}

void fiks_watch_begin(fiks_watch *w, bool sent_all, int64_t now_ms)
{
    w->begun = true;
    w->sent_all = sent_all;
    w->moved_ms = now_ms;
}

void fiks_watch_sent(fiks_watch *w, bool sent_all, int64_t now_ms)
{
    w->sent_all = sent_all;
    w->moved_ms = now_ms;
}

void fiks_watch_came(fiks_watch *w, uint64_t body_bytes, int64_t now_ms)
{
    if (body_bytes || !w->answered) /* a header now and then would go on for ever */
        w->moved_ms = now_ms;
    w->answered = true;
    if (!body_bytes)
        return;
    if (!w->window_ms)
        w->window_ms = now_ms;
    w->window_bytes += body_bytes;
}

void fiks_watch_hold(fiks_watch *w, bool held, int64_t now_ms)
{
    w->held = held;
    w->moved_ms = now_ms;
    w->window_ms = held ? 0 : now_ms;
    w->window_bytes = 0;
}

static void sooner(int64_t *next_ms, int64_t at_ms)
{
    if (at_ms < *next_ms)
        *next_ms = at_ms;
}

/* A window that is over is judged, and the next begins. */
static bool too_slow(fiks_watch *w, int64_t now_ms, int64_t *next_ms)
{
    if (!w->limits.min_bytes_per_s || !w->limits.idle_ms || !w->window_ms)
        return false;
    int64_t end_ms = w->window_ms + w->limits.idle_ms;
    if (now_ms >= end_ms) {
        uint64_t least = (uint64_t)(now_ms - w->window_ms) * w->limits.min_bytes_per_s / 1000;
        if (w->window_bytes < least)
            return true;
        w->window_ms = now_ms;
        w->window_bytes = 0;
        end_ms = now_ms + w->limits.idle_ms;
    }
    sooner(next_ms, end_ms);
    return false;
}

/* Whatever happens meanwhile (a connection, the first byte, a sink that has room again), nothing
 * can be wrong sooner than the shorter limit from now. */
static int64_t shorter(const fiks_limits *limits)
{
    uint32_t a = limits->first_byte_ms, b = limits->idle_ms;
    return !a ? b : !b || a < b ? a : b;
}

fiks_halt fiks_watch_check(fiks_watch *w, int64_t now_ms, int64_t *next_ms)
{
    *next_ms = w->deadline_ms;
    if (now_ms >= w->deadline_ms)
        return FIKS_HALT_DEADLINE;
    if (shorter(&w->limits))
        sooner(next_ms, now_ms + shorter(&w->limits));
    if (w->held || !w->begun)
        return FIKS_HALT_NONE;
    bool waiting = w->sent_all && !w->answered;
    uint32_t limit = waiting ? w->limits.first_byte_ms : w->limits.idle_ms;
    if (limit && now_ms >= w->moved_ms + limit)
        return waiting ? FIKS_HALT_FIRST_BYTE : FIKS_HALT_IDLE;
    if (limit)
        sooner(next_ms, w->moved_ms + limit);
    return too_slow(w, now_ms, next_ms) ? FIKS_HALT_SLOW : FIKS_HALT_NONE;
}
