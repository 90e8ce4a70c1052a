/* What is asked of a store and what it gives, in memory. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "store_internal.h"
#include "str.h"

enum { BLOCK_BYTES = 8 * 1024 - 64, MOST_BYTES = 64 * 1024 * 1024, MOST_VALUES = 1 << 20 };

struct fiks_store_block {
    fiks_store_block *next;
    size_t used, room;
    max_align_t bytes[];
};

/* ---- memory ---------------------------------------------------------------------------------- */

void *fiks_store_take(fiks_store_job *job, size_t bytes)
{
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    fiks_store_block *block = job->blocks;
    if (!block || block->room - block->used < bytes) {
        size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        block = calloc(1, sizeof *block + room);
        if (!block)
            return NULL;
        block->room = room;
        block->next = job->blocks;
        job->blocks = block;
    }
    void *taken = (char *)block->bytes + block->used;
    block->used += bytes;
    return taken;
}

char *fiks_store_copy(fiks_store_job *job, const char *bytes, size_t count)
{
    char *copy = fiks_store_take(job, count + 1);
    if (copy && count)
        memcpy(copy, bytes, count);
    return copy;
}

void fiks_store_forget(fiks_store_job *job)
{
    for (fiks_rows *rows = job->results; rows; rows = rows->next) {
        free(rows->values);
        rows->values = NULL;
    }
    job->results = job->last_result = NULL;
    job->taken = 0;
}

static void free_job(fiks_job *base)
{
    fiks_store_job *job = (fiks_store_job *)base;
    fiks_store_forget(job);
    while (job->blocks) {
        fiks_store_block *block = job->blocks;
        job->blocks = block->next;
        fiks_wipe_free(block, sizeof *block + block->room); /* people's cases */
    }
    free(job);
}

fiks_store_job *fiks_store_job_new(fiks_store *store, void (*run)(fiks_job *job))
{
    fiks_store_job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    fiks_job_init(&job->job, run, free_job);
    job->store = store;
    job->only_reads = true;
    return job;
}

/* ---- statements -------------------------------------------------------------------------------
 */

static fiks_status check_text(size_t number, const char *what, const char *text, size_t bytes,
                              fiks_error *err)
{
    if (memchr(text, '\0', bytes))
        return fiks_fail(err, FIKS_INVALID, "store.text",
                         "%s of statement %zu holds a NUL byte: a store keeps text", what, number);
    if (fiks_utf8_check(text, bytes) != bytes)
        return fiks_fail(err, FIKS_INVALID, "store.text",
                         "%s of statement %zu is not UTF-8: a store keeps text", what, number);
    return FIKS_OK;
}

fiks_status fiks_store_add(fiks_store_job *job, const char *sql, size_t sql_bytes,
                           size_t value_count, int64_t check, fiks_error *err)
{
    size_t number = ++job->statement_count;
    fiks_status st = check_text(number, "the SQL", sql, sql_bytes, err);
    if (st)
        return st;
    fiks_statement *s = fiks_store_take(job, sizeof *s);
    if (!s || !(s->sql = fiks_store_copy(job, sql, sql_bytes)))
        return fiks_fail_memory(err);
    s->value_count = fiks_sql_placeholders(s->sql);
    if (value_count > s->value_count)
        return fiks_fail(err, FIKS_INVALID, "store.values",
                         "statement %zu has %zu values and placeholders up to $%zu", number,
                         value_count, s->value_count);
    s->values = fiks_store_take(job, s->value_count * sizeof *s->values + 1);
    if (!s->values)
        return fiks_fail_memory(err);
    if (fiks_sql_transacts(s->sql))
        return fiks_fail(err, FIKS_INTERNAL, "store.sql",
                         "statement %zu begins or ends a transaction, which is the batch's to do",
                         number);
    s->check = check;
    job->only_reads = job->only_reads && fiks_sql_reads(s->sql);
    if (job->last)
        job->last->next = s;
    else
        job->statements = s;
    job->last = s;
    return FIKS_OK;
}

fiks_status fiks_store_set(fiks_store_job *job, size_t index, const fiks_value *value,
                           fiks_error *err)
{
    fiks_value *to = &job->last->values[index];
    *to = *value;
    if (value->type == FIKS_VALUE_NUMBER && !isfinite(value->number))
        return fiks_fail(err, FIKS_INVALID, "store.values",
                         "$%zu of statement %zu is no number that a store can keep", index + 1,
                         job->statement_count);
    if (value->type != FIKS_VALUE_TEXT)
        return FIKS_OK;
    char what[32];
    snprintf(what, sizeof what, "$%zu", index + 1);
    fiks_status st = check_text(job->statement_count, what, value->text, value->text_bytes, err);
    if (!st && !(to->text = fiks_store_copy(job, value->text, value->text_bytes)))
        st = fiks_fail_memory(err);
    return st;
}

/* ---- results ----------------------------------------------------------------------------------
 */

fiks_rows *fiks_store_rows(fiks_store_job *job)
{
    fiks_rows *rows = fiks_store_take(job, sizeof *rows);
    if (!rows)
        return NULL;
    rows->job = job;
    if (job->last_result)
        job->last_result->next = rows;
    else
        job->results = rows;
    job->last_result = rows;
    return rows;
}

static fiks_status columns(fiks_rows *rows, const char *const *names, size_t count, fiks_error *err)
{
    rows->names = fiks_store_take(rows->job, count * sizeof *rows->names + 1);
    if (!rows->names)
        return fiks_fail_memory(err);
    for (size_t i = 0; i < count; i++) {
        rows->names[i] = fiks_store_copy(rows->job, names[i], strlen(names[i]));
        if (!rows->names[i])
            return fiks_fail_memory(err);
    }
    rows->column_count = count;
    return FIKS_OK;
}

static fiks_status value(fiks_rows *rows, const fiks_value *one, fiks_error *err)
{
    fiks_store_job *job = rows->job;
    job->taken += one->text_bytes;
    if (job->taken > MOST_BYTES || rows->value_count == MOST_VALUES)
        return fiks_fail(err, FIKS_LIMIT, "store.rows",
                         "the rows are more than a batch may give (64 MiB, a million values): ask "
                         "for fewer at a time");
    if (rows->value_count == rows->value_room) {
        size_t room = rows->value_room ? rows->value_room * 2 : 16;
        fiks_value *more = realloc(rows->values, room * sizeof *more);
        if (!more)
            return fiks_fail_memory(err);
        rows->values = more;
        rows->value_room = room;
    }
    fiks_value *to = &rows->values[rows->value_count];
    *to = *one;
    if (one->type == FIKS_VALUE_TEXT &&
        !(to->text = fiks_store_copy(job, one->text, one->text_bytes)))
        return fiks_fail_memory(err);
    rows->value_count++;
    return FIKS_OK;
}

const fiks_store_host fiks_store_the_host = {fiks_fail, columns, value};

const fiks_rows *fiks_store_results(const fiks_store_job *job)
{
    return job->results;
}

size_t fiks_store_failed_at(const fiks_store_job *job)
{
    return job->failed_at;
}

bool fiks_store_got_lock(const fiks_store_job *job)
{
    return job->got_lock;
}
