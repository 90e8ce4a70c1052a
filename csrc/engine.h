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

/*
 * What is no call, but ends on a queue like one: a job. `end` is zeroed but for `unmake`. Between
 * begin, which is its owner's, and finish, from any thread and once, it is under way.
 */
fiks_status fiks_completion_begin(fiks_completion *end, fiks_queue *queue, fiks_error *err);
void fiks_completion_finish(fiks_completion *end);
/* Was it begun before a fork, in another process? Then it never ends here, and counts as ended. */
bool fiks_completion_foreign(const fiks_completion *end);
bool fiks_completion_finished(fiks_completion *end);
/* Has it ended, or something to say that was not asked for yet? */
bool fiks_completion_ready(fiks_completion *end);
/* Waits, moving the bytes of all calls meanwhile; false: it has not ended within the time. */
bool fiks_completion_wait(fiks_completion *end, int64_t timeout_ms);
/* Its owner lets go of it: no queue gives it any more. */
void fiks_completion_abandon(fiks_completion *end);

/* As fiks_queue_wait, for a queue that has jobs, too. */
fiks_completion *fiks_queue_next(fiks_queue *queue, int64_t timeout_ms);

#endif
