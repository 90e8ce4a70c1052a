/*
 * Moves the bytes of many calls at once over one curl_multi. Knows no locks: whoever holds the pump
 * calls it, one at a time (engine.c sees to that). Only fiks_pump_nudge may come from elsewhere.
 */
#ifndef FIKS_PUMP_H
#define FIKS_PUMP_H

#include "call.h"

typedef struct fiks_pump fiks_pump;

/* Called once for each call that was added, and for each token flight, when it has ended. */
typedef void fiks_pump_finish(void *context, fiks_call *call);

/* Called while a call goes on: its owner should know (FIKS_NOTE_...). */
typedef void fiks_pump_note(void *context, fiks_call *call, unsigned notes);

/* NULL: out of memory, or libcurl cannot start. */
fiks_pump *fiks_pump_new(fiks_pump_finish *finish, fiks_pump_note *note, void *context);
void fiks_pump_free(fiks_pump *pump);

/* Starts a call. */
void fiks_pump_add(fiks_pump *pump, fiks_call *call);

/* Moves what can move without waiting, first ending calls whose `cancelled` is set and waking those
 * whose `resumed` is, if told that there are any. Returns when it wants to be called again
 * (monotonic ms, INT64_MAX = when bytes come). */
int64_t fiks_pump_turn(fiks_pump *pump, bool attention);

/* At most so many connections to one host; 0 = any number. More calls than that wait their turn. */
void fiks_pump_limit(fiks_pump *pump, unsigned per_host);

/* Sleeps until bytes come, a nudge, or `until_ms`. */
void fiks_pump_rest(fiks_pump *pump, int64_t until_ms);

/* Ends a rest. From any thread. */
void fiks_pump_nudge(fiks_pump *pump);

#endif
