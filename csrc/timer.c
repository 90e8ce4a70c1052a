#include "timer.h"

#include <stdlib.h>

#include "clock.h"
#include "stop.h"

enum { SLICE_MS = 250 };

typedef struct timer {
    fiks_job job;
    fiks_worker *worker;
    int64_t ms;
} timer;

static bool wanted(fiks_job *job)
{
    return !atomic_load(&job->cancelled) && fiks_stop_signal() == 0;
}

static void run(fiks_job *job)
{
    timer *self = (timer *)job;
    int64_t end = fiks_now().mono_ms + self->ms, left = self->ms;
    while (left > 0 && wanted(job) &&
           fiks_worker_pause(self->worker, left < SLICE_MS ? left : SLICE_MS))
        left = end - fiks_now().mono_ms;
}

static void free_timer(fiks_job *job)
{
    free(job);
}

fiks_job *fiks_timer_new(fiks_worker *worker, int64_t ms)
{
    timer *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    fiks_job_init(&self->job, run, free_timer);
    self->worker = worker;
    self->ms = ms;
    return &self->job;
}
