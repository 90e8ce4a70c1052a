/* A job that only lets time pass. */
#ifndef FIKS_TIMER_H
#define FIKS_TIMER_H

#include "job.h"

/* Ends after `ms`; within a quarter of a second when it is cancelled, or when a signal to stop was
 * noted (stop.h). To be submitted to this worker, which does nothing else meanwhile. NULL: out of
 * memory. */
fiks_job *fiks_timer_new(fiks_worker *worker, int64_t ms);

#endif
