/* What the files of the store share. */
#ifndef FIKS_STORE_INTERNAL_H
#define FIKS_STORE_INTERNAL_H

#include "store.h"

typedef struct fiks_store_block fiks_store_block;

struct fiks_store_job {
    fiks_job job;
    fiks_store *store;
    fiks_statement *statements, *last; /* and all that hangs on them is in `blocks` */
    size_t statement_count;
    bool only_reads;
    const char *lock_name;
    bool got_lock;
    fiks_rows *results, *last_result;
    size_t failed_at;
    size_t taken; /* bytes */
    fiks_store_block *blocks;
};

fiks_store_job *fiks_store_job_new(fiks_store *store, void (*run)(fiks_job *job));
/* Memory of the job, zeroed; NULL: there is none. */
void *fiks_store_take(fiks_store_job *job, size_t bytes);
/* The same with a copy of bytes, and a NUL behind them. */
char *fiks_store_copy(fiks_store_job *job, const char *bytes, size_t count);

/* The results of one more statement. */
fiks_rows *fiks_store_rows(fiks_store_job *job);
/* Drops all results, for another try. */
void fiks_store_forget(fiks_store_job *job);
extern const fiks_store_host fiks_store_the_host;

/* The highest N of the placeholders $1 to $N of a statement; quoted text and comments apart. */
size_t fiks_sql_placeholders(const char *sql);
/* Does its first word say that it only reads, or that it begins or ends a transaction? */
bool fiks_sql_reads(const char *sql);
bool fiks_sql_transacts(const char *sql);

#endif
