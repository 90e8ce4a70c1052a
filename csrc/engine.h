/*
 * The engine moves the bytes of all calls of a process at once. One per process, made at first use
 * and checked against the pid at every entry: a fork forgets it, never cleans it up.
 *
 * Pumping is a lock. Whichever waiter holds it moves everyone's bytes; the others sleep on a
 * condition and inherit it. The I/O thread is a holder that never lets go. So a waiter never hangs
 * on a call whose owner is not waiting, and a plain script pays for no thread.
 *
 * The public functions (fiks_call_*, fiks_queue_*, fiks_engine_*) are in fiks.h.
 */
#ifndef FIKS_ENGINE_H
#define FIKS_ENGINE_H

#include "call.h"

typedef struct fiks_engine fiks_engine;

/* This process's engine. NULL: out of memory, or libcurl cannot start. */
fiks_engine *fiks_engine_get(void);

/* The sink of this call that answered FIKS_FEED_PAUSED takes bytes again, or its source that
 * answered FIKS_PULL_PAUSED has some. From any thread. */
void fiks_call_resume(fiks_call *call);

/* Has the call something to say that was not asked for yet? */
bool fiks_call_noted(const fiks_call *call);

#endif
