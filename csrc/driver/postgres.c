/*
 * The driver of PostgreSQL: one connection, made anew when it has gone; READ COMMITTED, so that
 * rows are shared out with FOR UPDATE SKIP LOCKED.
 */
#include <lauxlib.h>
#if __has_include(<libpq-fe.h>)
#include <libpq-fe.h>
#else
#include <postgresql/libpq-fe.h> /* Debian's place */
#endif
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../store_driver.h"

enum { MOST_LOCKS = 1024, SECRETS = 2 };

/* Types whose text is a number or a truth; from PostgreSQL's catalogue, where they are fixed. */
enum { T_BOOL = 16, T_INT8 = 20, T_INT2 = 21, T_INT4 = 23, T_OID = 26 };
enum { T_FLOAT4 = 700, T_FLOAT8 = 701, T_NUMERIC = 1700 };

typedef struct database {
    const fiks_store_host *host;
    char *target;           /* the connection string */
    char *secrets[SECRETS]; /* what of it must not be seen; NULL = none */
    char *name;             /* of the database */
    PGconn *connection;     /* NULL: to be made anew */
    char *locks[MOST_LOCKS];
    size_t lock_count;
} database;

/* ---- errors ------------------------------------------------------------------------------------
 */

static void hide(char *text, const char *secret)
{
    size_t n = secret ? strlen(secret) : 0;
    for (char *at = text; n && (at = strstr(at, secret)); at += n)
        memset(at, '*', n);
}

/* What libpq says of the connection, on one line, without a secret; malloc'ed, or NULL. */
static char *said(const database *d)
{
    char *text = strdup(PQerrorMessage(d->connection));
    if (!text)
        return NULL;
    for (size_t i = 0; i < SECRETS; i++)
        hide(text, d->secrets[i]);
    size_t n = strlen(text);
    while (n && strchr("\n ", text[n - 1]))
        text[--n] = '\0';
    for (char *at = text; *at; at++)
        if (*at == '\n' || *at == '\t')
            *at = ' ';
    return text;
}

static fiks_status fail_gone(const database *d, fiks_error *err)
{
    char *text = said(d);
    err->retryable = true;
    d->host->fail(err, FIKS_IO, "store.gone", "database %s: %s", d->name,
                  text && text[0] ? text : "the connection was lost");
    free(text);
    return FIKS_IO;
}

typedef struct rule {
    const char *state; /* its beginning */
    const char *code;
    const char *text; /* instead of the server's, which holds values or may */
    fiks_status kind;
    bool retryable;
} rule;

static const rule rules[] = {
    {"40001", "store.busy", NULL, FIKS_IO, true},
    {"40P01", "store.busy", NULL, FIKS_IO, true},
    {"55P03", "store.busy", NULL, FIKS_IO, true},
    {"23505", "store.unique", NULL, FIKS_CONFLICT, false},
    {"23", "store.constraint", NULL, FIKS_CONFLICT, false},
    {"22", "store.values", "a value does not fit where it should go", FIKS_INVALID, false},
    {"53100", "store.full", NULL, FIKS_IO, true},
    {"53", "store.io", NULL, FIKS_IO, true},
    {"57", "store.io", NULL, FIKS_IO, true},
    {"58", "store.io", NULL, FIKS_IO, true},
    {"08", "store.io", NULL, FIKS_IO, true},
    {"25006", "store.readonly", NULL, FIKS_IO, true},
    {"42501", "store.denied", NULL, FIKS_CONFIG, false},
    {"42", "store.sql", NULL, FIKS_INTERNAL, false},
    {"", "store.sql", "the server refused it", FIKS_INTERNAL, false},
};

static fiks_status fail(const database *d, const PGresult *result, fiks_error *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (!state || PQstatus(d->connection) == CONNECTION_BAD)
        return fail_gone(d, err);
    const rule *r = rules;
    while (strncmp(state, r->state, strlen(r->state)) != 0)
        r++;
    const char *text = r->text ? r->text : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    err->retryable = r->retryable;
    return d->host->fail(err, r->kind, r->code, "database %s: %s (SQLSTATE %s)", d->name,
                         text ? text : "", state);
}

static fiks_status fail_memory(const database *d, fiks_error *err)
{
    return d->host->fail(err, FIKS_MEMORY, "memory", "out of memory");
}

/* ---- connecting --------------------------------------------------------------------------------
 */

static void disconnect(database *d)
{
    PQfinish(d->connection);
    d->connection = NULL;
}

static void ignore_notice(void *nothing, const char *text)
{
    (void)nothing, (void)text; /* libpq would print it */
}

static fiks_status execute(const database *d, const char *sql, fiks_error *err)
{
    PGresult *result = PQexec(d->connection, sql);
    ExecStatusType status = PQresultStatus(result);
    fiks_status st =
        status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? FIKS_OK : fail(d, result, err);
    PQclear(result);
    return st;
}

/* Named after the connection's settings, which come before the program's own where they are but
 * defaults. */
static PGconn *dial(const char *target)
{
    const char *const names[] = {"connect_timeout",           "keepalives_idle",
                                 "keepalives_interval",       "keepalives_count",
                                 "tcp_user_timeout",          "target_session_attrs",
                                 "fallback_application_name", "dbname",
                                 "client_encoding",           NULL};
    const char *const values[] = {"10",         "30",       "10",   "3",    "30000",
                                  "read-write", "lua-fiks", target, "UTF8", NULL};
    return PQconnectdbParams(names, values, 1);
}

/* Durable, and with an end to every wait: for a row's lock, and of the server for us. */
static const char settings[] =
    "SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '60s';"
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10;"
    "SET tcp_keepalives_count = 3;"
    "SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'";

static fiks_status try_lock(const database *d, const char *name, bool *got, fiks_error *err)
{
    PGresult *result = PQexecParams(
        d->connection, "SELECT pg_try_advisory_lock(hashtextextended('fiks:' || $1, 0))", 1, NULL,
        &name, NULL, NULL, 0);
    fiks_status st = FIKS_OK;
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        *got = PQgetvalue(result, 0, 0)[0] == 't';
    else
        st = fail(d, result, err);
    PQclear(result);
    return st;
}

/* The server drops the locks of a connection that is gone: they are the new one's, or we stop. */
static fiks_status take_locks_again(const database *d, fiks_error *err)
{
    for (size_t i = 0; i < d->lock_count; i++) {
        bool got = false;
        fiks_status st = try_lock(d, d->locks[i], &got, err);
        if (st)
            return st;
        if (!got)
            return d->host->fail(err, FIKS_CONFLICT, "store.lock_lost",
                                 "database %s: the connection was lost, and the lock %s is "
                                 "another's now",
                                 d->name, d->locks[i]);
    }
    return FIKS_OK;
}

static fiks_status connect(database *d, fiks_error *err)
{
    disconnect(d);
    d->connection = dial(d->target);
    if (!d->connection)
        return fail_memory(d, err);
    fiks_status st = PQstatus(d->connection) == CONNECTION_OK ? FIKS_OK : fail_gone(d, err);
    PQsetNoticeProcessor(d->connection, ignore_notice, NULL);
    if (!st)
        st = execute(d, settings, err);
    if (!st)
        st = take_locks_again(d, err);
    if (st)
        disconnect(d);
    return st;
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static char *option(const PQconninfoOption *all, const char *keyword)
{
    while (all->keyword && strcmp(all->keyword, keyword) != 0)
        all++;
    return all->keyword && all->val ? all->val : "";
}

/* Reads the connection string. What libpq says of one that is wrong may quote it, password and all,
 * so that is not passed on. */
static fiks_status read_target(database *d, fiks_error *err)
{
    char *wrong = NULL;
    PQconninfoOption *all = PQconninfoParse(d->target, &wrong);
    PQfreemem(wrong);
    /* A @ or / of a password that is not percent-encoded ends up in one of these. */
    if (!all || strchr(option(all, "host"), '@') || strchr(option(all, "dbname"), '@') ||
        strspn(option(all, "port"), "0123456789,") != strlen(option(all, "port"))) {
        PQconninfoFree(all);
        return d->host->fail(err, FIKS_CONFIG, "store.target",
                             "the connection string cannot be read (it is not shown): it must be "
                             "\"host=... dbname=... user=...\", or postgresql://user:password@host/"
                             "database with @ / %% and the like in names and passwords "
                             "percent-encoded");
    }
    const char *name = option(all, "dbname");
    d->name = strdup(name[0] ? name : "(default)");
    d->secrets[0] = strdup(option(all, "password"));
    d->secrets[1] = strdup(option(all, "sslpassword"));
    bool complete = d->name && d->secrets[0] && d->secrets[1];
    PQconninfoFree(all);
    return complete ? FIKS_OK : fail_memory(d, err);
}

/* Whether a server is there, and it is us or the database that it does not want. */
static bool server_is_there(const char *target)
{
    const char *const names[] = {"connect_timeout", "dbname", NULL}, *const values[] = {"5", target,
                                                                                        NULL};
    return PQpingParams(names, values, 1) == PQPING_OK;
}

static void close_database(void *self);

static fiks_status open_database(const fiks_store_host *host, const char *target, void **out,
                                 fiks_error *err)
{
    database *d = calloc(1, sizeof *d);
    if (!d || !(d->target = strdup(target))) {
        free(d);
        return host->fail(err, FIKS_MEMORY, "memory", "out of memory");
    }
    d->host = host;
    fiks_status st = read_target(d, err);
    if (!st)
        st = connect(d, err);
    if (st == FIKS_IO && server_is_there(target)) {
        st = err->kind = FIKS_CONFIG;
        snprintf(err->code, sizeof err->code, "store.refused");
        err->retryable = false;
    }
    if (st)
        close_database(d);
    else
        *out = d;
    return st;
}

static void wipe_free(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void close_database(void *self)
{
    database *d = self;
    disconnect(d);
    for (size_t i = 0; i < d->lock_count; i++)
        free(d->locks[i]);
    for (size_t i = 0; i < SECRETS; i++)
        wipe_free(d->secrets[i]);
    wipe_free(d->target);
    free(d->name);
    free(d);
}

/* ---- a batch -----------------------------------------------------------------------------------
 */

static fiks_status begin(void *self, bool only_reads, fiks_error *err)
{
    static const char sql[] = "BEGIN ISOLATION LEVEL READ COMMITTED";
    (void)only_reads; /* readers block nobody here */
    database *d = self;
    if (d->connection) { /* it may have gone meanwhile: nothing was done, so that is mended */
        fiks_error gone = {0};
        if (execute(d, sql, &gone) == FIKS_OK)
            return FIKS_OK;
    }
    fiks_status st = connect(d, err);
    return st ? st : execute(d, sql, err);
}

typedef char number_text[32];

static const char *write_value(const fiks_value *value, number_text space)
{
    switch (value->type) {
    case FIKS_VALUE_BOOLEAN: /* good for a boolean column as for a number's */
    case FIKS_VALUE_INTEGER:
        snprintf(space, sizeof(number_text), "%lld", (long long)value->integer);
        return space;
    case FIKS_VALUE_NUMBER:
        snprintf(space, sizeof(number_text), "%.17g", value->number);
        return space;
    case FIKS_VALUE_TEXT:
        return value->text;
    default:
        return NULL;
    }
}

static PGresult *send_statement(const database *d, const fiks_statement *s)
{
    const char **values = calloc(s->value_count + 1, sizeof *values);
    number_text *space = calloc(s->value_count + 1, sizeof *space);
    PGresult *result = NULL;
    if (values && space) {
        for (size_t i = 0; i < s->value_count; i++)
            values[i] = write_value(&s->values[i], space[i]);
        result =
            PQexecParams(d->connection, s->sql, (int)s->value_count, NULL, values, NULL, NULL, 0);
    }
    free(values);
    free(space);
    return result;
}

static bool read_integer(const char *text, int64_t *out)
{
    char *end;
    *out = strtoll(text, &end, 10);
    char back[32];
    snprintf(back, sizeof back, "%lld", (long long)*out);
    return !*end && strcmp(back, text) == 0;
}

static fiks_value read_value(const PGresult *result, int row, int column)
{
    fiks_value value = {FIKS_VALUE_NULL, 0, 0, NULL, 0};
    if (PQgetisnull(result, row, column))
        return value;
    value.type = FIKS_VALUE_TEXT;
    value.text = PQgetvalue(result, row, column);
    value.text_bytes = (size_t)PQgetlength(result, row, column);
    switch (PQftype(result, column)) {
    case T_BOOL:
        value.type = FIKS_VALUE_BOOLEAN;
        value.integer = value.text[0] == 't';
        break;
    case T_INT8:
    case T_INT2:
    case T_INT4:
    case T_OID:
    case T_NUMERIC: /* what sum() of integers is; text where it is no integer: nothing is lost */
        if (read_integer(value.text, &value.integer))
            value.type = FIKS_VALUE_INTEGER;
        break;
    case T_FLOAT4:
    case T_FLOAT8:
        value.type = FIKS_VALUE_NUMBER;
        value.number = strtod(value.text, NULL);
        break;
    default:
        break;
    }
    return value;
}

static fiks_status read_rows(const database *d, const PGresult *result, fiks_rows *rows,
                             fiks_error *err)
{
    int columns = PQnfields(result);
    const char **names = calloc((size_t)columns + 1, sizeof *names);
    if (!names)
        return fail_memory(d, err);
    for (int i = 0; i < columns; i++)
        names[i] = PQfname(result, i);
    fiks_status st = d->host->columns(rows, names, (size_t)columns, err);
    free(names);
    for (int row = 0; row < PQntuples(result) && !st; row++)
        for (int i = 0; i < columns && !st; i++) {
            fiks_value value = read_value(result, row, i);
            st = d->host->value(rows, &value, err);
        }
    return st;
}

static fiks_status run(void *self, const fiks_statement *s, fiks_rows *rows, int64_t *changes,
                       fiks_error *err)
{
    database *d = self;
    PGresult *result = send_statement(d, s);
    ExecStatusType status = PQresultStatus(result);
    fiks_status st;
    if (!result && PQstatus(d->connection) == CONNECTION_OK)
        st = fail_memory(d, err);
    else if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        st = PQtransactionStatus(d->connection) == PQTRANS_INTRANS
                 ? read_rows(d, result, rows, err)
                 : d->host->fail(err, FIKS_INTERNAL, "store.sql",
                                 "database %s: a statement of a batch ended its transaction, with "
                                 "what was done before it",
                                 d->name);
    else if (status == PGRES_FATAL_ERROR)
        st = fail(d, result, err);
    else
        st = d->host->fail(err, FIKS_INTERNAL, "store.sql",
                           "database %s: a statement of a batch must be one statement of SQL, and "
                           "no COPY",
                           d->name);
    if (!st && strncmp(PQcmdStatus(result), "SELECT", 6) != 0)
        *changes = strtoll(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return st;
}

static fiks_status commit(void *self, fiks_error *err)
{
    database *d = self;
    fiks_status st = execute(d, "COMMIT", err);
    if (st) /* the answer was lost, and perhaps only that */
        err->uncertain = PQstatus(d->connection) == CONNECTION_BAD;
    return st;
}

static void rollback(void *self)
{
    database *d = self;
    PGTransactionStatusType now = PQtransactionStatus(d->connection);
    fiks_error ignored = {0};
    if (now == PQTRANS_ACTIVE) /* a COPY: there is no way back to where statements are understood */
        disconnect(d);
    else if (now == PQTRANS_INTRANS || now == PQTRANS_INERROR)
        execute(d, "ROLLBACK", &ignored);
}

static fiks_status lock_name(void *self, const char *name, bool *got, fiks_error *err)
{
    database *d = self;
    for (size_t i = 0; i < d->lock_count; i++)
        *got = *got || strcmp(d->locks[i], name) == 0;
    if (*got)
        return FIKS_OK;
    char *copy = d->lock_count < MOST_LOCKS ? strdup(name) : NULL;
    if (!copy)
        return d->host->fail(err, FIKS_LIMIT, "store.locks", "too many locks of one store");
    fiks_status st = begin(d, true, err); /* on a connection that is there */
    if (!st)
        st = try_lock(d, name, got, err);
    rollback(d); /* a session's lock stays */
    if (!st && *got)
        d->locks[d->lock_count++] = copy;
    else
        free(copy);
    return st;
}

/* ---- the module --------------------------------------------------------------------------------
 */

FIKS_API int luaopen_fiks_postgres(lua_State *L);

int luaopen_fiks_postgres(lua_State *L)
{
    static const fiks_store_driver driver = {"postgres", open_database, begin,     run,
                                             commit,     rollback,      lock_name, close_database};
    *(const fiks_store_driver **)lua_newuserdata(L, sizeof(void *)) = &driver;
    luaL_newmetatable(L, FIKS_L_STORE_DRIVER);
    lua_setmetatable(L, -2);
    return 1;
}
