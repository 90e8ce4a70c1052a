#include "engine.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "process.h"
#include "pump.h"

struct fiks_queue {
    atomic_int refs; /* the owner and everything under way */
    fiks_engine *engine;
    fiks_completion *first, *last; /* with something to say; each holds a reference */
    bool closed;
    int fd; /* readable while there is a first; -1 = nobody asked */
    pid_t fd_pid;
};

struct fiks_engine {
    pid_t pid;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a call finished, or the pump is free */
    bool pumping;
    int sleepers;
    fiks_call *submitted, *submitted_last;
    atomic_bool attention; /* a call was cancelled or resumed */
    atomic_uint per_host;  /* connections; 0 = any number */
    unsigned limited_to;   /* what the pump was told of that; its holder's */
    fiks_pump *pump;       /* its holder's alone, but for the nudge */

    pthread_mutex_t thread_lock; /* over the whole of starting or stopping it */
    pthread_t thread;
    bool thread_on;
    atomic_bool thread_stop;
};

/* ---- ownership ----------------------------------------------------------------------------- */

static void unref(fiks_completion *end)
{
    if (atomic_fetch_sub(&end->refs, 1) == 1)
        end->unmake(end);
}

static void queue_unref(fiks_queue *queue)
{
    if (!queue || atomic_fetch_sub(&queue->refs, 1) != 1)
        return;
    if (queue->fd >= 0)
        close(queue->fd);
    free(queue);
}

/* Makes the descriptor say whether there is something. Called with the lock. */
static void queue_signal(const fiks_queue *queue, bool there_is)
{
    uint64_t count = 1;
    if (queue->fd < 0 || queue->fd_pid != fiks_process())
        return;
    ssize_t n =
        there_is ? write(queue->fd, &count, sizeof count) : read(queue->fd, &count, sizeof count);
    (void)n; /* it cannot be full, and to be empty already is fine */
}

/* ---- how things end ------------------------------------------------------------------------- */

/* It has something to say. Called with the lock. */
static void queue_put(fiks_engine *e, fiks_queue *queue, fiks_completion *end)
{
    if (queue && !queue->closed && !end->queued && !atomic_load(&end->abandoned)) {
        atomic_fetch_add(&end->refs, 1);
        end->queued = true;
        end->queue_next = NULL;
        if (queue->last)
            queue->last->queue_next = end;
        else
            queue->first = end;
        queue->last = end;
        if (queue->first == end)
            queue_signal(queue, true);
    }
    if (e->sleepers)
        pthread_cond_broadcast(&e->changed);
}

/* Runs in the holder of the pump, as the next but one does. */
static void note(void *engine, fiks_call *call, unsigned notes)
{
    fiks_engine *e = engine;
    if ((atomic_fetch_or(&call->end.notes, notes) & notes) == notes)
        return; /* said already, and not asked for yet */
    pthread_mutex_lock(&e->lock);
    queue_put(e, call->end.queue, &call->end);
    pthread_mutex_unlock(&e->lock);
}

/* Tells whoever waits. Called with the lock; returns the queue, whose reference is the caller's. */
static fiks_queue *mark_finished(fiks_engine *e, fiks_completion *end)
{
    fiks_queue *queue = end->queue;
    atomic_store(&end->finished, true);
    end->queue = NULL;
    queue_put(e, queue, end);
    return queue;
}

static void finish(void *engine, fiks_call *call)
{
    fiks_engine *e = engine;
    pthread_mutex_lock(&e->lock);
    fiks_queue *queue = mark_finished(e, &call->end);
    pthread_mutex_unlock(&e->lock);
    queue_unref(queue);
    unref(&call->end);
}

/* Wakes the holder of the pump, if it may be asleep. Called with the lock. */
static void nudge(fiks_engine *e)
{
    if (e->pumping)
        fiks_pump_nudge(e->pump);
}

void fiks_completion_finish(fiks_completion *end)
{
    fiks_engine *e = end->engine;
    pthread_mutex_lock(&e->lock);
    fiks_queue *queue = mark_finished(e, end);
    nudge(e); /* it may be whoever waits for this */
    pthread_mutex_unlock(&e->lock);
    queue_unref(queue);
    unref(end);
}

/* One round: take what is new, move what can move. Returns when to come back. */
static int64_t turn(fiks_engine *e)
{
    pthread_mutex_lock(&e->lock);
    fiks_call *call = e->submitted;
    e->submitted = e->submitted_last = NULL;
    pthread_mutex_unlock(&e->lock);
    unsigned per_host = atomic_load(&e->per_host);
    if (per_host != e->limited_to)
        fiks_pump_limit(e->pump, e->limited_to = per_host);
    while (call) {
        fiks_call *next = call->next;
        fiks_pump_add(e->pump, call);
        call = next;
    }
    return fiks_pump_turn(e->pump, atomic_exchange(&e->attention, false));
}

/* ---- one per process ----------------------------------------------------------------------- */

static _Atomic(fiks_engine *) current;

static void engine_free(fiks_engine *e)
{
    fiks_pump_free(e->pump);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    pthread_mutex_destroy(&e->thread_lock);
    free(e);
}

static fiks_engine *engine_new(void)
{
    fiks_engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&e->lock, NULL);
    pthread_mutex_init(&e->thread_lock, NULL);
    pthread_cond_init(&e->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    e->pid = fiks_process();
    e->pump = fiks_pump_new(finish, note, e);
    if (!e->pump) {
        engine_free(e);
        return NULL;
    }
    return e;
}

fiks_engine *fiks_engine_get(void)
{
    fiks_engine *e = atomic_load(&current);
    if (e && e->pid == fiks_process())
        return e;
    fiks_engine *made = engine_new();
    if (!made)
        return NULL;
    /* The parent's engine, if that is what `e` is, is forgotten: cleaning it up would write into
     * connections that the parent still uses. */
    if (atomic_compare_exchange_strong(&current, &e, made))
        return made;
    engine_free(made);
    return atomic_load(&current);
}

/* ---- waiting ------------------------------------------------------------------------------- */

/* Is what this waiter waits for there? Asked with the lock held. */
typedef bool ready_fn(void *what);

static void sleep_until(fiks_engine *e, int64_t until_ms)
{
    struct timespec at = {.tv_sec = (time_t)(until_ms / 1000),
                          .tv_nsec = (long)(until_ms % 1000) * 1000000};
    e->sleepers++;
    if (until_ms == INT64_MAX)
        pthread_cond_wait(&e->changed, &e->lock);
    else
        pthread_cond_timedwait(&e->changed, &e->lock, &at);
    e->sleepers--;
}

/* Holds the pump until `what` is there or the time is up. Called and returns with the lock. */
static void pump(fiks_engine *e, ready_fn *ready, void *what, int64_t until_ms)
{
    e->pumping = true;
    do {
        pthread_mutex_unlock(&e->lock);
        int64_t wake = turn(e);
        pthread_mutex_lock(&e->lock);
        if (ready(what) || e->submitted)
            continue;
        pthread_mutex_unlock(&e->lock);
        fiks_pump_rest(e->pump, wake < until_ms ? wake : until_ms);
        pthread_mutex_lock(&e->lock);
    } while (!ready(what) && fiks_now().mono_ms < until_ms);
    e->pumping = false;
    if (e->sleepers)
        pthread_cond_broadcast(&e->changed);
}

static bool wait_for(fiks_engine *e, ready_fn *ready, void *what, int64_t timeout_ms)
{
    int64_t now = fiks_now().mono_ms;
    int64_t until = timeout_ms < 0 || timeout_ms > INT64_MAX / 2 ? INT64_MAX : now + timeout_ms;
    bool tried = false;
    pthread_mutex_lock(&e->lock);
    while (!ready(what) && (!tried || fiks_now().mono_ms < until)) {
        if (e->pumping)
            sleep_until(e, until);
        else
            pump(e, ready, what, until);
        tried = true; /* a timeout of 0 still moves what can be moved */
    }
    bool is_ready = ready(what);
    pthread_mutex_unlock(&e->lock);
    return is_ready;
}

/* ---- queues -------------------------------------------------------------------------------- */

fiks_queue *fiks_queue_new(void)
{
    fiks_queue *queue = calloc(1, sizeof *queue);
    if (!queue)
        return NULL;
    atomic_init(&queue->refs, 1);
    queue->fd = -1;
    queue->engine = fiks_engine_get();
    if (!queue->engine) {
        free(queue);
        return NULL;
    }
    return queue;
}

static fiks_completion *queue_take(fiks_queue *queue)
{
    fiks_completion *end = queue->first;
    if (end) {
        queue->first = end->queue_next;
        if (!queue->first) {
            queue->last = NULL;
            queue_signal(queue, false);
        }
        end->queued = false;
    }
    return end;
}

void fiks_queue_free(fiks_queue *queue)
{
    if (!queue)
        return;
    fiks_engine *e = queue->engine;
    bool ours = e->pid == fiks_process(); /* else: another process's, whose lock may be held */
    if (ours)
        pthread_mutex_lock(&e->lock);
    queue->closed = true;
    fiks_completion *end = queue->first;
    queue->first = queue->last = NULL;
    if (ours)
        pthread_mutex_unlock(&e->lock);
    while (end) {
        fiks_completion *next = end->queue_next;
        unref(end);
        end = next;
    }
    queue_unref(queue);
}

static bool queue_ready(void *what)
{
    fiks_queue *queue = what;
    while (queue->first && atomic_load(&queue->first->abandoned))
        unref(queue_take(queue));
    return queue->first != NULL;
}

fiks_completion *fiks_queue_next(fiks_queue *queue, int64_t timeout_ms)
{
    fiks_engine *e = fiks_engine_get();
    if (!e)
        return NULL;
    queue->engine = e; /* another one only after a fork */
    if (!wait_for(e, queue_ready, queue, timeout_ms))
        return NULL;
    pthread_mutex_lock(&e->lock);
    fiks_completion *end = queue_take(queue);
    pthread_mutex_unlock(&e->lock);
    if (end)
        unref(end); /* the owner has its own */
    return end;
}

fiks_call *fiks_queue_wait(fiks_queue *queue, int64_t timeout_ms)
{
    return (fiks_call *)fiks_queue_next(queue, timeout_ms);
}

/* ---- what is under way ----------------------------------------------------------------------- */

/* It and its queue belong together from now on. */
static void begin(fiks_completion *end, fiks_engine *e, fiks_queue *queue)
{
    atomic_store(&end->refs, 2); /* its owner's, and that of whoever carries it out */
    end->engine = e;
    end->queue = queue;
    if (!queue)
        return;
    queue->engine = e; /* another one only after a fork, which forgot its engine */
    atomic_fetch_add(&queue->refs, 1);
}

fiks_status fiks_completion_begin(fiks_completion *end, fiks_queue *queue, fiks_error *err)
{
    fiks_engine *e = fiks_engine_get();
    if (!e)
        return fiks_fail_memory(err);
    begin(end, e, queue);
    return FIKS_OK;
}

static bool has_finished(void *what)
{
    return atomic_load(&((fiks_completion *)what)->finished);
}

bool fiks_completion_foreign(const fiks_completion *end)
{
    return !atomic_load(&end->finished) &&
           ((const fiks_engine *)end->engine)->pid != fiks_process();
}

bool fiks_completion_finished(fiks_completion *end)
{
    return has_finished(end) || fiks_completion_foreign(end);
}

bool fiks_completion_ready(fiks_completion *end)
{
    return fiks_completion_finished(end) || atomic_load(&end->notes) != 0;
}

bool fiks_completion_wait(fiks_completion *end, int64_t timeout_ms)
{
    return fiks_completion_finished(end) || wait_for(end->engine, has_finished, end, timeout_ms);
}

void fiks_completion_abandon(fiks_completion *end)
{
    atomic_store(&end->abandoned, true);
    unref(end);
}

/* ---- calls --------------------------------------------------------------------------------- */

fiks_status fiks_call_new(fiks_client *client, const fiks_call_options *options, fiks_queue *queue,
                          fiks_call **out, fiks_error *err)
{
    *out = NULL;
    fiks_engine *e = fiks_engine_get();
    if (!e)
        return fiks_fail_memory(err);
    fiks_call *call;
    fiks_status st = fiks_call_make(client, options, &call, err);
    if (st)
        return st;
    begin(&call->end, e, queue);
    pthread_mutex_lock(&e->lock);
    if (e->submitted_last)
        e->submitted_last->next = call;
    else
        e->submitted = call;
    e->submitted_last = call;
    nudge(e);
    pthread_mutex_unlock(&e->lock);
    *out = call;
    return FIKS_OK;
}

bool fiks_call_finished(fiks_call *call)
{
    return fiks_completion_finished(&call->end);
}

fiks_status fiks_call_wait(fiks_call *call, int64_t timeout_ms, fiks_error *err)
{
    if (!fiks_completion_wait(&call->end, timeout_ms))
        return fiks_fail(err, FIKS_TIMEOUT, "waiting", "the call has not finished yet");
    return FIKS_OK;
}

fiks_status fiks_call_result(fiks_call *call, const fiks_response **response, fiks_error *err)
{
    if (response)
        *response = NULL;
    if (fiks_completion_foreign(&call->end))
        return fiks_fail(err, FIKS_CANCELLED, "forked",
                         "the call was started before a fork, in another process");
    if (!has_finished(&call->end))
        return fiks_fail(err, FIKS_INTERNAL, "unfinished", "the call has not finished yet");
    if (response && call->response.status)
        *response = &call->response;
    if (err)
        *err = call->error;
    return call->error.kind;
}

const fiks_sink *fiks_call_sink(const fiks_call *call)
{
    return call->sink;
}

unsigned fiks_call_notes(fiks_call *call)
{
    return atomic_exchange(&call->end.notes, 0);
}

void fiks_call_progress(fiks_call *call, fiks_progress *out)
{
    out->sent_bytes = atomic_load(&call->sent_bytes);
    out->sent_total_bytes = atomic_load(&call->sent_total);
    out->received_bytes = atomic_load(&call->received_bytes);
    out->received_total_bytes = atomic_load(&call->received_total);
}

/* Has the holder of the pump look at this call's flags. */
static void call_attention(fiks_call *call)
{
    fiks_engine *e = call->end.engine;
    if (fiks_call_finished(call))
        return;
    pthread_mutex_lock(&e->lock);
    atomic_store(&e->attention, true);
    nudge(e);
    pthread_mutex_unlock(&e->lock);
}

void fiks_call_cancel(fiks_call *call)
{
    atomic_store(&call->cancelled, true);
    call_attention(call);
}

void fiks_call_resume(fiks_call *call)
{
    atomic_store(&call->resumed, true);
    call_attention(call);
}

void fiks_call_free(fiks_call *call)
{
    if (!call)
        return;
    atomic_store(&call->end.abandoned, true);
    if (!fiks_call_finished(call)) {
        fiks_call_cancel(call);
        fiks_completion_wait(&call->end, 0); /* so that its files are gone, too, if nobody pumps */
    }
    fiks_completion_abandon(&call->end);
}

fiks_status fiks_call_perform(fiks_client *client, const fiks_call_options *options,
                              fiks_call **out, const fiks_response **response, fiks_error *err)
{
    *response = NULL;
    fiks_status st = fiks_call_new(client, options, NULL, out, err);
    if (!st)
        st = fiks_call_wait(*out, -1, err);
    return st ? st : fiks_call_result(*out, response, err);
}

/* ---- the I/O thread ------------------------------------------------------------------------- */

static bool thread_ready(void *what)
{
    return atomic_load(&((fiks_engine *)what)->thread_stop);
}

static void *run_thread(void *what)
{
    wait_for(what, thread_ready, what, -1);
    return NULL;
}

fiks_status fiks_engine_thread_start(fiks_error *err)
{
    static atomic_bool registered;
    fiks_engine *e = fiks_engine_get();
    if (!e)
        return fiks_fail_memory(err);
    pthread_mutex_lock(&e->thread_lock);
    int failed = 0;
    if (!e->thread_on) {
        sigset_t every, before;
        sigfillset(&every);
        atomic_store(&e->thread_stop, false);
        pthread_sigmask(SIG_SETMASK, &every, &before); /* signals are the host's business */
        failed = pthread_create(&e->thread, NULL, run_thread, e);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        e->thread_on = !failed;
    }
    pthread_mutex_unlock(&e->thread_lock);
    if (failed)
        return fiks_fail_errno(err, "start", "the I/O thread", failed);
    if (!atomic_exchange(&registered, true))
        atexit(fiks_engine_thread_stop); /* before OpenSSL's own cleanup runs under the thread */
    return FIKS_OK;
}

fiks_status fiks_engine_connections(unsigned per_host, fiks_error *err)
{
    fiks_engine *e = fiks_engine_get();
    if (!e)
        return fiks_fail_memory(err);
    atomic_store(&e->per_host, per_host);
    return FIKS_OK;
}

fiks_status fiks_queue_fd(fiks_queue *queue, int *fd, fiks_error *err)
{
    fiks_engine *e = fiks_engine_get();
    fiks_status st = e ? fiks_engine_thread_start(err) : fiks_fail_memory(err);
    if (st)
        return st;
    pthread_mutex_lock(&e->lock);
    queue->engine = e;
    if (queue->fd < 0 || queue->fd_pid != fiks_process()) { /* the parent's is left alone */
        queue->fd = eventfd(queue->first ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
        queue->fd_pid = fiks_process();
    }
    *fd = queue->fd;
    int failed = *fd < 0 ? errno : 0;
    pthread_mutex_unlock(&e->lock);
    return failed ? fiks_fail_errno(err, "make", "an event descriptor", failed) : FIKS_OK;
}

void fiks_engine_thread_stop(void)
{
    fiks_engine *e = atomic_load(&current);
    if (!e || e->pid != fiks_process())
        return;
    pthread_mutex_lock(&e->thread_lock);
    if (e->thread_on) {
        pthread_mutex_lock(&e->lock);
        atomic_store(&e->thread_stop, true);
        nudge(e);
        pthread_cond_broadcast(&e->changed);
        pthread_mutex_unlock(&e->lock);
        pthread_join(e->thread, NULL);
        e->thread_on = false;
    }
    pthread_mutex_unlock(&e->thread_lock);
}
