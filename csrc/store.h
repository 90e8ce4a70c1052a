/*
 * A place for what must not be lost: batches of SQL, each carried out as a whole or not at all.
 * One connection of a driver, with a worker thread of its own; what is asked of it is a job.
 */
#ifndef FIKS_STORE_H
#define FIKS_STORE_H

#include "job.h"
#include "store_driver.h"

typedef struct fiks_store fiks_store;

/* Something asked of a store; its first member is the fiks_job. */
typedef struct fiks_store_job fiks_store_job;

/* The target is copied, and wiped at the end. Nothing is opened yet. */
fiks_status fiks_store_new(const fiks_store_driver *driver, const char *target, fiks_store **out,
                           fiks_error *err);
/* Waits for the job under way; cancels the others. After a fork the child only forgets it. */
void fiks_store_free(fiks_store *store);

/* To be filled, submitted and, in any case, freed with fiks_job_free. NULL: out of memory. */
fiks_store_job *fiks_store_open(fiks_store *store);  /* the connection; before all others */
fiks_store_job *fiks_store_close(fiks_store *store); /* after all others: nothing works any more */
fiks_store_job *fiks_store_lock(fiks_store *store, const char *name);
fiks_store_job *fiks_store_batch(fiks_store *store);
fiks_status fiks_store_submit(fiks_store_job *job, fiks_queue *queue, fiks_error *err);

/* Adds a statement to a batch; `value_count` values, NULL until set. FIKS_INVALID: text that is not
 * UTF-8 or holds a NUL byte, more values than placeholders; the message has the statement's number.
 */
fiks_status fiks_store_add(fiks_store_job *job, const char *sql, size_t sql_bytes,
                           size_t value_count, int64_t check, fiks_error *err);
/* Value `index` (from 0) of the last statement; what `value` points to is copied. */
fiks_status fiks_store_set(fiks_store_job *job, size_t index, const fiks_value *value,
                           fiks_error *err);

/* What a job that has ended well gave. */
bool fiks_store_got_lock(const fiks_store_job *job);
/* The rows of its statements, in order; NULL after the last. */
const fiks_rows *fiks_store_results(const fiks_store_job *job);
/* The statement, from 1, at which a batch failed; 0 = at none. */
size_t fiks_store_failed_at(const fiks_store_job *job);

/* One statement's. Values row by row, column_count each. */
struct fiks_rows {
    struct fiks_rows *next;
    fiks_store_job *job;
    int64_t changes; /* rows touched */
    size_t column_count;
    const char **names;
    size_t value_count, value_room;
    fiks_value *values;
};

#endif
