#include "store.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "error.h"
#include "process.h"
#include "store_internal.h"
#include "str.h"

enum { TRY_MS = 5000, FIRST_PAUSE_MS = 10 };

struct fiks_store {
    const fiks_store_driver *driver;
    char *target; /* may hold a password */
    pid_t pid;
    fiks_worker *worker;
    void *connection; /* the driver's, and so the worker's alone */
};

fiks_status fiks_store_new(const fiks_store_driver *driver, const char *target, fiks_store **out,
                           fiks_error *err)
{
    *out = NULL;
    fiks_store *store = calloc(1, sizeof *store);
    if (!store)
        return fiks_fail_memory(err);
    store->driver = driver;
    store->pid = fiks_process();
    store->target = fiks_strdup(target);
    fiks_status st = store->target ? fiks_worker_new(&store->worker, err) : fiks_fail_memory(err);
    if (st) {
        fiks_str_wipe_free(store->target);
        free(store);
        return st;
    }
    *out = store;
    return FIKS_OK;
}

void fiks_store_free(fiks_store *store)
{
    if (!store || store->pid != fiks_process())
        return;
    fiks_worker_free(store->worker);
    if (store->connection)
        store->driver->close(store->connection);
    fiks_str_wipe_free(store->target);
    free(store);
}

/* ---- a batch ----------------------------------------------------------------------------------
 */

static fiks_status check_rows(const fiks_statement *s, const fiks_rows *rows, fiks_error *err)
{
    int64_t count =
        rows->column_count ? (int64_t)(rows->value_count / rows->column_count) : rows->changes;
    if (s->check < 0 || count == s->check)
        return FIKS_OK;
    return fiks_fail(err, FIKS_CONFLICT, "store.check",
                     "%lld rows, not %lld: nothing of the batch was done", (long long)count,
                     (long long)s->check);
}

static fiks_status run_statements(fiks_store_job *job, fiks_error *err)
{
    const fiks_store *store = job->store;
    fiks_status st = FIKS_OK;
    job->failed_at = 0;
    for (fiks_statement *s = job->statements; s && !st; s = s->next) {
        job->failed_at++;
        fiks_rows *rows = fiks_store_rows(job);
        st = rows ? store->driver->run(store->connection, s, rows, &rows->changes, err)
                  : fiks_fail_memory(err);
        if (!st)
            st = check_rows(s, rows, err);
    }
    if (!st)
        job->failed_at = 0;
    return st;
}

static fiks_status try_batch(fiks_store_job *job, fiks_error *err)
{
    const fiks_store *store = job->store;
    fiks_store_forget(job);
    fiks_status st = store->driver->begin(store->connection, job->only_reads, err);
    if (!st)
        st = run_statements(job, err);
    if (!st)
        st = store->driver->commit(store->connection, err);
    if (st) {
        store->driver->rollback(store->connection);
        fiks_store_forget(job);
    }
    return st;
}

static void run_batch(fiks_job *base)
{
    fiks_store_job *job = (fiks_store_job *)base;
    int64_t pause_ms = FIRST_PAUSE_MS, until_ms = fiks_now().mono_ms + TRY_MS;
    if (!job->store->connection) {
        fiks_fail(&base->error, FIKS_CANCELLED, "store.closed", "the store is closed");
        return;
    }
    do {
        fiks_error_clear(&base->error);
        if (try_batch(job, &base->error) == FIKS_OK)
            return;
        pause_ms *= 2;
    } while (strcmp(base->error.code, "store.busy") == 0 && !base->error.uncertain &&
             fiks_now().mono_ms < until_ms && fiks_worker_pause(job->store->worker, pause_ms));
}

fiks_store_job *fiks_store_batch(fiks_store *store)
{
    return fiks_store_job_new(store, run_batch);
}

/* ---- and the rest ------------------------------------------------------------------------------
 */

static void run_open(fiks_job *base)
{
    fiks_store *store = ((fiks_store_job *)base)->store;
    store->driver->open(&fiks_store_the_host, store->target, &store->connection, &base->error);
}

fiks_store_job *fiks_store_open(fiks_store *store)
{
    return fiks_store_job_new(store, run_open);
}

static void run_close(fiks_job *base)
{
    fiks_store *store = ((fiks_store_job *)base)->store;
    if (store->connection)
        store->driver->close(store->connection);
    store->connection = NULL;
}

fiks_store_job *fiks_store_close(fiks_store *store)
{
    return fiks_store_job_new(store, run_close);
}

static void run_lock(fiks_job *base)
{
    fiks_store_job *job = (fiks_store_job *)base;
    const fiks_store *store = job->store;
    if (store->connection)
        store->driver->lock(store->connection, job->lock_name, &job->got_lock, &base->error);
    else
        fiks_fail(&base->error, FIKS_CANCELLED, "store.closed", "the store is closed");
}

fiks_store_job *fiks_store_lock(fiks_store *store, const char *name)
{
    fiks_store_job *job = fiks_store_job_new(store, run_lock);
    if (job && !(job->lock_name = fiks_store_copy(job, name, strlen(name)))) {
        fiks_job_free(&job->job);
        return NULL;
    }
    return job;
}

fiks_status fiks_store_submit(fiks_store_job *job, fiks_queue *queue, fiks_error *err)
{
    return fiks_worker_submit(job->store->worker, &job->job, queue, err);
}
