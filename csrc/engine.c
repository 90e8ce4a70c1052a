#include "engine.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "pump.h"

struct fiks_queue {
    atomic_int refs; /* the owner and every call under way */
    fiks_engine *engine;
    fiks_call *first, *last; /* with something to say; each holds a reference to its call */
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

static void call_unref(fiks_call *call)
{
    if (atomic_fetch_sub(&call->refs, 1) == 1)
        fiks_call_unmake(call);
}

static void queue_unref(fiks_queue *queue)
{
    if (!queue || atomic_fetch_sub(&queue->refs, 1) != 1)
        return;
    if (queue->fd >= 0)
        close(queue->fd);
    free(queue);
}

/* Makes the descriptor say whether there is a call. Called with the lock. */
static void queue_signal(const fiks_queue *queue, bool there_is)
{
    uint64_t count = 1;
    if (queue->fd < 0 || queue->fd_pid != getpid())
        return;
    ssize_t n =
        there_is ? write(queue->fd, &count, sizeof count) : read(queue->fd, &count, sizeof count);
    (void)n; /* it cannot be full, and to be empty already is fine */
}

/* ---- what the pump asks for --------------------------------------------------------------------
 */

/* The call has something to say. Called with the lock. */
static void queue_put(fiks_engine *e, fiks_queue *queue, fiks_call *call)
{
    if (queue && !queue->closed && !call->queued && !atomic_load(&call->abandoned)) {
        atomic_fetch_add(&call->refs, 1);
        call->queued = true;
        call->queue_next = NULL;
        if (queue->last)
            queue->last->queue_next = call;
        else
            queue->first = call;
        queue->last = call;
        if (queue->first == call)
            queue_signal(queue, true);
    }
    if (e->sleepers)
        pthread_cond_broadcast(&e->changed);
}

/* Runs in the holder of the pump, as the next does. */
static void note(void *engine, fiks_call *call, unsigned notes)
{
    fiks_engine *e = engine;
    if ((atomic_fetch_or(&call->notes, notes) & notes) == notes)
        return; /* said already, and not asked for yet */
    pthread_mutex_lock(&e->lock);
    queue_put(e, call->queue, call);
    pthread_mutex_unlock(&e->lock);
}

/* A call has ended: tells whoever waits, and lets go of it. */
static void finish(void *engine, fiks_call *call)
{
    fiks_engine *e = engine;
    fiks_queue *queue = call->queue;
    pthread_mutex_lock(&e->lock);
    atomic_store(&call->finished, true);
    call->queue = NULL;
    queue_put(e, queue, call);
    pthread_mutex_unlock(&e->lock);
    queue_unref(queue);
    call_unref(call);
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
    e->pid = getpid();
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
    if (e && e->pid == getpid())
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

/* Wakes the holder of the pump, if it may be asleep. Called with the lock. */
static void nudge(fiks_engine *e)
{
    if (e->pumping)
        fiks_pump_nudge(e->pump);
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

static fiks_call *queue_take(fiks_queue *queue)
{
    fiks_call *call = queue->first;
    if (call) {
        queue->first = call->queue_next;
        if (!queue->first) {
            queue->last = NULL;
            queue_signal(queue, false);
        }
        call->queued = false;
    }
    return call;
}

void fiks_queue_free(fiks_queue *queue)
{
    if (!queue)
        return;
    fiks_engine *e = queue->engine;
    bool ours = e->pid == getpid(); /* else: another process's, whose lock may be held */
    if (ours)
        pthread_mutex_lock(&e->lock);
    queue->closed = true;
    fiks_call *call = queue->first;
    queue->first = queue->last = NULL;
    if (ours)
        pthread_mutex_unlock(&e->lock);
    while (call) {
        fiks_call *next = call->queue_next;
        call_unref(call);
        call = next;
    }
    queue_unref(queue);
}

static bool queue_ready(void *what)
{
    fiks_queue *queue = what;
    while (queue->first && atomic_load(&queue->first->abandoned))
        call_unref(queue_take(queue));
    return queue->first != NULL;
}

fiks_call *fiks_queue_wait(fiks_queue *queue, int64_t timeout_ms)
{
    fiks_engine *e = fiks_engine_get();
    if (!e)
        return NULL;
    queue->engine = e; /* another one only after a fork */
    if (!wait_for(e, queue_ready, queue, timeout_ms))
        return NULL;
    pthread_mutex_lock(&e->lock);
    fiks_call *call = queue_take(queue);
    pthread_mutex_unlock(&e->lock);
    if (call)
        call_unref(call); /* the owner has its own */
    return call;
}

/* ---- calls --------------------------------------------------------------------------------- */

fiks_status fiks_call_new(fiks_client *client, const fiks_call_options *options, fiks_queue *queue,
                          fiks_call **out, fiks_error *err)
{
    *out = NULL;
    fiks_engine *e = fiks_engine_get();
    if (!e)
        return fiks_fail_memory(err);
    if (queue && queue->engine != e)
        queue->engine = e; /* it was made before a fork, which forgot its engine */
    fiks_call *call;
    fiks_status st = fiks_call_make(client, options, &call, err);
    if (st)
        return st;
    atomic_store(&call->refs, 2); /* the caller's and the engine's */
    call->engine = e;
    call->queue = queue;
    if (queue)
        atomic_fetch_add(&queue->refs, 1);
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

static bool call_ready(void *what)
{
    return atomic_load(&((fiks_call *)what)->finished);
}

/* Started before a fork, in another process: here it will never move again. */
static bool is_foreign(const fiks_call *call)
{
    return ((const fiks_engine *)call->engine)->pid != getpid();
}

bool fiks_call_finished(fiks_call *call)
{
    return call_ready(call) || is_foreign(call);
}

fiks_status fiks_call_wait(fiks_call *call, int64_t timeout_ms, fiks_error *err)
{
    fiks_engine *e = call->engine;
    if (fiks_call_finished(call))
        return FIKS_OK;
    if (!wait_for(e, call_ready, call, timeout_ms))
        return fiks_fail(err, FIKS_TIMEOUT, "waiting", "the call has not finished yet");
    return FIKS_OK;
}

fiks_status fiks_call_result(fiks_call *call, const fiks_response **response, fiks_error *err)
{
    if (response)
        *response = NULL;
    if (!call_ready(call) && is_foreign(call))
        return fiks_fail(err, FIKS_CANCELLED, "forked",
                         "the call was started before a fork, in another process");
    if (!call_ready(call))
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

bool fiks_call_noted(const fiks_call *call)
{
    return atomic_load(&call->notes) != 0;
}

unsigned fiks_call_notes(fiks_call *call)
{
    return atomic_exchange(&call->notes, 0);
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
    fiks_engine *e = call->engine;
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
    fiks_engine *e = call->engine;
    atomic_store(&call->abandoned, true);
    if (!call_ready(call) && e->pid == getpid()) {
        fiks_call_cancel(call);
        wait_for(e, call_ready, call, 0); /* so that its files are gone, too, if nobody pumps */
    }
    call_unref(call);
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
    if (queue->fd < 0 || queue->fd_pid != getpid()) { /* the parent's is left alone */
        queue->fd = eventfd(queue->first ? 1 : 0, EFD_CLOEXEC | EFD_NONBLOCK);
        queue->fd_pid = getpid();
    }
    *fd = queue->fd;
    int failed = *fd < 0 ? errno : 0;
    pthread_mutex_unlock(&e->lock);
    return failed ? fiks_fail_errno(err, "make", "an event descriptor", failed) : FIKS_OK;
}

void fiks_engine_thread_stop(void)
{
    fiks_engine *e = atomic_load(&current);
    if (!e || e->pid != getpid())
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
