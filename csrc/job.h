/*
 * Work that blocks, such as a database's, on a thread of its own. A worker does its jobs first come
 * first served; a job ends on a queue as a call does, so the same waiters wait for it.
 */
#ifndef FIKS_JOB_H
#define FIKS_JOB_H

#include "completion.h"

/* The first member of whatever the work needs. */
typedef struct fiks_job {
    fiks_completion end;
    /* The work, on the worker's thread. A failure is left in `error`. */
    void (*run)(struct fiks_job *job);
    /* Frees all of it. On any thread, once. */
    void (*free)(struct fiks_job *job);
    fiks_error error;
    atomic_bool cancelled;
    struct fiks_job *next; /* the worker's */
} fiks_job;

typedef struct fiks_worker fiks_worker;

fiks_status fiks_worker_new(fiks_worker **out, fiks_error *err);
/* Waits for the job under way and cancels those that have not begun. A fork forgets a worker: in
 * the child this does nothing. A process that exits frees all of them. */
void fiks_worker_free(fiks_worker *worker);
/* Hands a job over, once; not after a fork (FIKS_CANCELLED). */
fiks_status fiks_worker_submit(fiks_worker *worker, fiks_job *job, fiks_queue *queue,
                               fiks_error *err);
/* For a job: sleeps, but no longer than until the worker is to end, and false then. */
bool fiks_worker_pause(fiks_worker *worker, int64_t ms);

/* What a job begins with; the rest of it is zeroed. */
void fiks_job_init(fiks_job *job, void (*run)(fiks_job *job), void (*free_it)(fiks_job *job));
/* The outcome of a job that has ended: FIKS_OK or its error. */
fiks_status fiks_job_result(const fiks_job *job, fiks_error *err);
/* Ends it with FIKS_CANCELLED if it has not begun. One that has goes on: what it came to is known
 * only at its end. */
void fiks_job_cancel(fiks_job *job);
/* Cancels, and frees as soon as the worker does not need it any more. NULL is fine. */
void fiks_job_free(fiks_job *job);

#endif
