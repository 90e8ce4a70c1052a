#include "job.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "engine.h"
#include "error.h"
#include "process.h"

struct fiks_worker {
    pid_t pid;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    fiks_job *first, *last;
    fiks_worker *next, **back; /* in `all` */
};

/* ---- all of this process -------------------------------------------------------------------- */

/* A thread that still works while the process exits would use libraries that have been cleaned up,
 * so that is when all of them end. */
static pthread_mutex_t all_lock = PTHREAD_MUTEX_INITIALIZER;
static fiks_worker *all;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void join(fiks_worker *worker);

static fiks_worker *take_first(void)
{
    pthread_mutex_lock(&all_lock);
    fiks_worker *worker = all;
    if (worker) {
        all = worker->next;
        if (all)
            all->back = &all;
        worker->back = NULL;
    }
    pthread_mutex_unlock(&all_lock);
    return worker;
}

static void join_all(void)
{
    fiks_worker *worker;
    while ((worker = take_first()))
        join(worker);
}

static void forget_after_fork(void)
{
    pthread_mutex_init(&all_lock, NULL);
    all = NULL;
}

static void prepare(void)
{
    pthread_atfork(NULL, NULL, forget_after_fork);
    atexit(join_all);
}

static void enlist(fiks_worker *worker)
{
    pthread_mutex_lock(&all_lock);
    worker->next = all;
    worker->back = &all;
    if (all)
        all->back = &worker->next;
    all = worker;
    pthread_mutex_unlock(&all_lock);
}

/* False: it is being ended already, by the exit of the process. */
static bool delist(fiks_worker *worker)
{
    pthread_mutex_lock(&all_lock);
    bool listed = worker->back != NULL;
    if (listed) {
        *worker->back = worker->next;
        if (worker->next)
            worker->next->back = worker->back;
        worker->back = NULL;
    }
    pthread_mutex_unlock(&all_lock);
    return listed;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void carry_out(fiks_job *job, bool wanted)
{
    if (wanted && !atomic_load(&job->cancelled))
        job->run(job);
    else
        fiks_fail(&job->error, FIKS_CANCELLED, "cancelled", "it was cancelled before it began");
    fiks_completion_finish(&job->end);
}

static void *work(void *what)
{
    fiks_worker *worker = what;
    pthread_mutex_lock(&worker->lock);
    for (;;) {
        fiks_job *job = worker->first;
        if (job) {
            bool wanted = !worker->stopping;
            worker->first = job->next;
            pthread_mutex_unlock(&worker->lock);
            carry_out(job, wanted);
            pthread_mutex_lock(&worker->lock);
        } else if (worker->stopping) {
            break;
        } else {
            pthread_cond_wait(&worker->changed, &worker->lock);
        }
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

static void join(fiks_worker *worker)
{
    pthread_mutex_lock(&worker->lock);
    worker->stopping = true;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    pthread_join(worker->thread, NULL);
}

fiks_status fiks_worker_new(fiks_worker **out, fiks_error *err)
{
    *out = NULL;
    pthread_once(&once, prepare);
    fiks_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        return fiks_fail_memory(err);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    worker->pid = fiks_process();
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before); /* signals are the host's business */
    int failed = pthread_create(&worker->thread, NULL, work, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        free(worker);
        return fiks_fail_errno(err, "start", "a worker thread", failed);
    }
    enlist(worker);
    *out = worker;
    return FIKS_OK;
}

void fiks_worker_free(fiks_worker *worker)
{
    if (!worker || worker->pid != fiks_process() || !delist(worker))
        return;
    join(worker);
    pthread_cond_destroy(&worker->changed);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}

fiks_status fiks_worker_submit(fiks_worker *worker, fiks_job *job, fiks_queue *queue,
                               fiks_error *err)
{
    if (worker->pid != fiks_process())
        return fiks_fail(err, FIKS_CANCELLED, "forked",
                         "it was opened before a fork, in another process: open one here");
    fiks_status st = fiks_completion_begin(&job->end, queue, err);
    if (st)
        return st;
    job->next = NULL;
    pthread_mutex_lock(&worker->lock);
    if (worker->first)
        worker->last->next = job;
    else
        worker->first = job;
    worker->last = job;
    pthread_cond_broadcast(&worker->changed);
    pthread_mutex_unlock(&worker->lock);
    return FIKS_OK;
}

bool fiks_worker_pause(fiks_worker *worker, int64_t ms)
{
    int64_t until_ms = fiks_now().mono_ms + ms;
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    pthread_mutex_lock(&worker->lock);
    while (!worker->stopping && fiks_now().mono_ms < until_ms)
        pthread_cond_timedwait(&worker->changed, &worker->lock, &until);
    bool goes_on = !worker->stopping;
    pthread_mutex_unlock(&worker->lock);
    return goes_on;
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void unmake(fiks_completion *end)
{
    fiks_job *job = (fiks_job *)end;
    job->free(job);
}

void fiks_job_init(fiks_job *job, void (*run)(fiks_job *job), void (*free_it)(fiks_job *job))
{
    atomic_init(&job->end.refs, 1);
    job->end.unmake = unmake;
    job->run = run;
    job->free = free_it;
}

fiks_status fiks_job_result(const fiks_job *job, fiks_error *err)
{
    if (fiks_completion_foreign(&job->end))
        return fiks_fail(err, FIKS_CANCELLED, "forked",
                         "it was begun before a fork, in another process");
    if (err && job->error.kind)
        *err = job->error;
    return job->error.kind;
}

void fiks_job_cancel(fiks_job *job)
{
    atomic_store(&job->cancelled, true);
}

void fiks_job_free(fiks_job *job)
{
    if (!job)
        return;
    fiks_job_cancel(job);
    fiks_completion_abandon(&job->end);
}
