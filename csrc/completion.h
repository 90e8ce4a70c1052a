/*
 * What a queue holds and a waiter waits for: the end of something under way, of a call or of a job.
 * Its first member, so that one is found from the other. The engine's, but for `place`.
 */
#ifndef FIKS_COMPLETION_H
#define FIKS_COMPLETION_H

#include <stdatomic.h>

#include "fiks.h"

typedef struct fiks_completion {
    atomic_int refs; /* its owner's, and that of whoever carries it out */
    atomic_bool finished;
    atomic_bool abandoned; /* its owner is gone */
    atomic_uint notes;     /* FIKS_NOTE_... not asked for yet */
    bool queued;
    int place; /* the host's: which of its open ones is this */
    void *engine;
    fiks_queue *queue;
    struct fiks_completion *queue_next;
    void (*unmake)(struct fiks_completion *); /* after the last reference */
} fiks_completion;

#endif
