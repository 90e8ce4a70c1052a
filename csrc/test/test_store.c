/* The store's own part, over a driver that does as it is told. */
#include "harness.h"

#include "engine.h"
#include "store_internal.h"

static struct told {
    int busy;                /* so many batches */
    fiks_status fail_commit; /* with this */
    int rows;                /* what a statement returns */
    int64_t changes;
} told;
static char log_text[512];
static const fiks_store_host *host;

static void note(const char *what)
{
    strncat(log_text, what, sizeof log_text - strlen(log_text) - 1);
}

static fiks_status fake_open(const fiks_store_host *the_host, const char *target, void **out,
                             fiks_error *err)
{
    host = the_host;
    if (strcmp(target, "nowhere") == 0)
        return host->fail(err, FIKS_CONFIG, "store.target", "no %s", target);
    *out = log_text;
    note("open ");
    return FIKS_OK;
}

static fiks_status fake_begin(void *self, bool only_reads, fiks_error *err)
{
    (void)self, (void)err;
    note(only_reads ? "read " : "begin ");
    return FIKS_OK;
}

static fiks_status fake_run(void *self, const fiks_statement *s, fiks_rows *rows, int64_t *changes,
                            fiks_error *err)
{
    (void)self;
    note("run ");
    if (told.busy && told.busy--)
        return host->fail(err, FIKS_IO, "store.busy", "busy");
    const char *names[] = {"a", "b"};
    *changes = told.changes;
    fiks_status st = told.rows ? host->columns(rows, names, 2, err) : FIKS_OK;
    for (int i = 0; i < told.rows * 2 && !st; i++)
        st = host->value(rows, &s->values[i % 2], err);
    return st;
}

static fiks_status fake_commit(void *self, fiks_error *err)
{
    (void)self;
    note("commit ");
    if (!told.fail_commit)
        return FIKS_OK;
    err->uncertain = true;
    return host->fail(err, told.fail_commit, "store.busy", "who knows");
}

static void fake_rollback(void *self)
{
    (void)self;
    note("rollback ");
}

static fiks_status fake_lock(void *self, const char *name, bool *got, fiks_error *err)
{
    (void)self, (void)err;
    *got = strcmp(name, "free") == 0;
    return FIKS_OK;
}

static void fake_close(void *self)
{
    (void)self;
    note("close ");
}

static const fiks_store_driver driver = {"fake",      fake_open,     fake_begin, fake_run,
                                         fake_commit, fake_rollback, fake_lock,  fake_close};

/* Submits, waits, and gives the outcome. */
static fiks_status conclude(fiks_store_job *job, fiks_error *err)
{
    fiks_status st = fiks_store_submit(job, NULL, err);
    if (!st)
        fiks_completion_wait(&((fiks_job *)job)->end, -1);
    return st ? st : fiks_job_result((fiks_job *)job, err);
}

static fiks_store *start(void)
{
    fiks_store *store;
    fiks_error err = {0};
    told = (struct told){0};
    log_text[0] = '\0';
    CHECK_OK(fiks_store_new(&driver, "somewhere", &store, &err), err);
    fiks_store_job *job = fiks_store_open(store);
    CHECK_OK(conclude(job, &err), err);
    fiks_job_free((fiks_job *)job);
    log_text[0] = '\0';
    return store;
}

static fiks_store_job *batch_of(fiks_store *store, const char *sql, int64_t check)
{
    fiks_error err = {0};
    fiks_store_job *job = fiks_store_batch(store);
    CHECK_OK(fiks_store_add(job, sql, strlen(sql), 2, check, &err), err);
    fiks_value one = {FIKS_VALUE_TEXT, 0, 0, "en", 2}, two = {FIKS_VALUE_INTEGER, 2, 0, NULL, 0};
    CHECK_OK(fiks_store_set(job, 0, &one, &err), err);
    CHECK_OK(fiks_store_set(job, 1, &two, &err), err);
    return job;
}

TEST(rows_are_kept_as_they_came)
{
    fiks_store *store = start();
    told.rows = 3;
    fiks_store_job *job = batch_of(store, "SELECT $1, $2", 3);
    fiks_error err = {0};
    CHECK_OK(conclude(job, &err), err);
    const fiks_rows *rows = fiks_store_results(job);
    CHECK_EQ_INT(rows->column_count, 2);
    CHECK_STR(rows->names[1], "b");
    CHECK_EQ_INT(rows->value_count, 6);
    CHECK_STR(rows->values[4].text, "en");
    CHECK_EQ_INT(rows->values[5].integer, 2);
    CHECK(!rows->next);
    CHECK_STR(log_text, "read run commit ");
    fiks_job_free((fiks_job *)job);
    fiks_store_free(store);
    CHECK_STR(log_text, "read run commit close ");
}

TEST(a_check_that_fails_rolls_back)
{
    fiks_store *store = start();
    told.changes = 1;
    fiks_store_job *job = batch_of(store, "UPDATE t SET a = $1, b = $2", 2);
    fiks_error err = {0};
    CHECK_EQ_INT(conclude(job, &err), FIKS_CONFLICT);
    CHECK_STR(err.code, "store.check");
    CHECK_EQ_INT(fiks_store_failed_at(job), 1);
    CHECK(!fiks_store_results(job));
    CHECK_STR(log_text, "begin run rollback ");
    fiks_job_free((fiks_job *)job);
    fiks_store_free(store);
}

TEST(what_is_busy_is_tried_again_and_what_is_uncertain_is_not)
{
    fiks_store *store = start();
    told.busy = 2;
    fiks_store_job *job = batch_of(store, "UPDATE t SET a = $1, b = $2", -1);
    fiks_error err = {0};
    CHECK_OK(conclude(job, &err), err);
    CHECK_STR(log_text, "begin run rollback begin run rollback begin run commit ");
    fiks_job_free((fiks_job *)job);
    log_text[0] = '\0';
    told.fail_commit = FIKS_IO;
    job = batch_of(store, "UPDATE t SET a = $1, b = $2", -1);
    CHECK_EQ_INT(conclude(job, &err), FIKS_IO);
    CHECK(err.uncertain);
    CHECK_STR(log_text, "begin run commit rollback ");
    fiks_job_free((fiks_job *)job);
    fiks_store_free(store);
}

TEST(rows_have_a_limit)
{
    fiks_store *store = start();
    told.rows = 1 << 20;
    fiks_store_job *job = batch_of(store, "SELECT $1, $2", -1);
    fiks_error err = {0};
    CHECK_EQ_INT(conclude(job, &err), FIKS_LIMIT);
    fiks_job_free((fiks_job *)job);
    fiks_store_free(store);
}

TEST(locks_are_passed_on)
{
    fiks_store *store = start();
    fiks_store_job *ours = fiks_store_lock(store, "free"), *theirs = fiks_store_lock(store, "x");
    fiks_error err = {0};
    CHECK_OK(conclude(ours, &err), err);
    CHECK_OK(conclude(theirs, &err), err);
    CHECK(fiks_store_got_lock(ours) && !fiks_store_got_lock(theirs));
    fiks_job_free((fiks_job *)ours);
    fiks_job_free((fiks_job *)theirs);
    fiks_store_free(store);
}

TEST(what_did_not_open_or_is_closed_does_nothing)
{
    fiks_error err = {0};
    fiks_store *store;
    CHECK_OK(fiks_store_new(&driver, "nowhere", &store, &err), err);
    fiks_store_job *job = fiks_store_open(store);
    CHECK_EQ_INT(conclude(job, &err), FIKS_CONFIG);
    fiks_job_free((fiks_job *)job);
    fiks_store_free(store);
    store = start();
    job = fiks_store_close(store);
    fiks_error_clear(&err);
    CHECK_OK(conclude(job, &err), err);
    fiks_job_free((fiks_job *)job);
    job = batch_of(store, "SELECT $1, $2", -1);
    CHECK_EQ_INT(conclude(job, &err), FIKS_CANCELLED);
    CHECK_STR(err.code, "store.closed");
    CHECK_STR(log_text, "close ");
    fiks_job_free((fiks_job *)job);
    fiks_store_free(store);
}

TEST(placeholders_are_counted_outside_of_quoted_text)
{
    static const struct {
        const char *sql;
        size_t highest;
    } all[] = {
        {"", 0},
        {"SELECT 1", 0},
        {"SELECT $1, $12, $2", 12},
        {"SELECT '$3', \"$4\", $1", 1},
        {"SELECT 'it''s $3' -- $4\n, $2 /* $5 ' */, $1", 2},
        {"SELECT '$3", 0},
        {"/* $9", 0},
        {"SELECT $a, $, $0", 0},
        {"SELECT $99999999999999999999", 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        CHECK_EQ_INT(fiks_sql_placeholders(all[i].sql), all[i].highest);
}

TEST(first_words_are_known)
{
    CHECK(fiks_sql_reads("SELECT 1") && fiks_sql_reads("-- a\n /* b */ select 1"));
    CHECK(!fiks_sql_reads("WITH x AS (DELETE FROM t) SELECT 1") && !fiks_sql_reads(""));
    CHECK(!fiks_sql_reads("SELECTED") && !fiks_sql_reads("SEL"));
    CHECK(fiks_sql_transacts("commit") && fiks_sql_transacts("\n/* x */END;"));
    CHECK(!fiks_sql_transacts("ENDING") && !fiks_sql_transacts("(COMMIT)"));
    CHECK(!fiks_sql_transacts(" ") && !fiks_sql_transacts("-- commit"));
}

int main(void)
{
    return run_tests("test_store");
}
