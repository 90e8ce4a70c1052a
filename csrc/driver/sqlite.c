/*
 * The driver of SQLite: one file, and what a batch did is on the disk when it has ended (WAL,
 * synchronous=FULL).
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <libgen.h>
#include <lua.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../store_driver.h"

enum { BUSY_MS = 5000, MOST_LOCKS = 1024 };

typedef struct lock {
    char *path;
    int fd;
} lock;

typedef struct database {
    const fiks_store_host *host;
    sqlite3 *handle; /* NULL: to be opened anew */
    char *path;      /* absolute, without links: what locks are named by */
    char *given;     /* as the program named it */
    bool broken;     /* what was done last failed so that only opening it anew may help */
    lock locks[MOST_LOCKS];
    size_t lock_count;
} database;

/* ---- errors ---------------------------------------------------------------------------------- */

static fiks_status fail_unavailable(const database *d, int primary, const char *what,
                                    const char *text, fiks_error *err)
{
    const char *code = primary == SQLITE_FULL                               ? "store.full"
                       : primary == SQLITE_BUSY || primary == SQLITE_LOCKED ? "store.busy"
                                                                            : "store.io";
    err->retryable = true;
    return d->host->fail(err, FIKS_IO, code, "cannot %s %s: %s", what, d->given, text);
}

static const char *constraint_code(int extended)
{
    return extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY ||
                   extended == SQLITE_CONSTRAINT_ROWID
               ? "store.unique"
               : "store.constraint";
}

/* What SQLite says names tables and columns, and holds no value. */
static fiks_status fail(database *d, int result, const char *what, fiks_error *err)
{
    int primary = result & 0xff;
    const char *text = d->handle ? sqlite3_errmsg(d->handle) : sqlite3_errstr(result);
    d->broken = primary == SQLITE_IOERR || primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
    switch (primary) {
    case SQLITE_NOMEM:
        return d->host->fail(err, FIKS_MEMORY, "memory", "out of memory");
    case SQLITE_CONSTRAINT:
        return d->host->fail(err, FIKS_CONFLICT, constraint_code(result), "%s: %s", d->given, text);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return d->host->fail(err, FIKS_IO, "store.corrupt", "cannot %s %s: %s", what, d->given,
                             text);
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_MISUSE:
    case SQLITE_TOOBIG:
        return d->host->fail(err, FIKS_INTERNAL, "store.sql", "%s: %s", d->given, text);
    default:
        return fail_unavailable(d, primary, what, text, err);
    }
}

/* ---- opening --------------------------------------------------------------------------------- */

static void disconnect(database *d)
{
    sqlite3_close(d->handle);
    d->handle = NULL;
    d->broken = false;
}

static fiks_status expect_wal(database *d, fiks_error *err)
{
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(d->handle, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    if (!result)
        result = sqlite3_step(statement);
    bool wal =
        result == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
    sqlite3_finalize(statement);
    if (result != SQLITE_ROW)
        return fail(d, result, "open", err);
    if (!wal)
        return d->host->fail(err, FIKS_CONFIG, "store.wal",
                             "SQLite cannot keep a write-ahead log for %s: it must be on a file "
                             "system of this machine",
                             d->given);
    return FIKS_OK;
}

static fiks_status connect(database *d, fiks_error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int result = sqlite3_open_v2(d->path, &d->handle, flags, NULL);
    fiks_status st = FIKS_OK;
    if (result)
        st = fail(d, result, "open", err);
    if (!st) {
        sqlite3_busy_timeout(d->handle, BUSY_MS);
        st = expect_wal(d, err);
    }
    if (!st) {
        result = sqlite3_exec(d->handle, "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
                              NULL, NULL, NULL);
        st = result ? fail(d, result, "open", err) : FIKS_OK;
    }
    if (st)
        disconnect(d);
    return st;
}

static fiks_status fail_target(const database *d, int errnum, fiks_error *err)
{
    bool later = errnum == ENOSPC || errnum == EIO || errnum == EMFILE || errnum == ENFILE;
    err->retryable = later;
    return d->host->fail(err, later ? FIKS_IO : FIKS_CONFIG, "file", "cannot open %s: %s", d->given,
                         strerror(errnum));
}

/* The name of a new file is on the disk only when its folder is. */
static int sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int failed = fd < 0 || fsync(fd) ? errno : 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return failed;
}

/* Makes the file if it is not there, for its owner alone. Never opens one that is there: closing it
 * would drop the locks that SQLite has on it elsewhere in this process. */
static int make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : errno;
    close(fd);
    return sync_folder(path);
}

static int usable(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || access(path, R_OK | W_OK) != 0)
        return errno;
    return S_ISREG(st.st_mode) ? 0 : EISDIR;
}

static void close_database(void *self);

static fiks_status open_database(const fiks_store_host *host, const char *target, void **out,
                                 fiks_error *err)
{
    database *d = calloc(1, sizeof *d);
    if (!d || !(d->given = strdup(target))) {
        free(d);
        return host->fail(err, FIKS_MEMORY, "memory", "out of memory");
    }
    d->host = host;
    fiks_status st = FIKS_OK;
    int failed = 0;
    if (!target[0] || strcmp(target, ":memory:") == 0)
        st = host->fail(err, FIKS_CONFIG, "store.target",
                        "a store needs the path of a file: what is in memory is lost");
    else if ((failed = make_file(target)) || !(d->path = realpath(target, NULL)))
        st = fail_target(d, failed ? failed : errno, err);
    else if ((failed = usable(d->path)))
        st = fail_target(d, failed, err);
    if (!st)
        st = connect(d, err);
    if (st)
        close_database(d);
    else
        *out = d;
    return st;
}

/* ---- a batch --------------------------------------------------------------------------------- */

static fiks_status execute(database *d, const char *sql, const char *what, fiks_error *err)
{
    int result = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
    return result ? fail(d, result, what, err) : FIKS_OK;
}

static fiks_status begin(void *self, bool only_reads, fiks_error *err)
{
    database *d = self;
    fiks_status st = d->handle ? FIKS_OK : connect(d, err);
    if (st)
        return st;
    int moved = 0;
    sqlite3_file_control(d->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (moved) {
        d->broken = true;
        return d->host->fail(err, FIKS_IO, "store.moved",
                             "%s was deleted, moved or replaced while it was open", d->given);
    }
    return execute(d, only_reads ? "BEGIN" : "BEGIN IMMEDIATE", "write", err);
}

static int bind_value(sqlite3_stmt *statement, int at, const fiks_value *value)
{
    switch (value->type) {
    case FIKS_VALUE_BOOLEAN:
    case FIKS_VALUE_INTEGER:
        return sqlite3_bind_int64(statement, at, value->integer);
    case FIKS_VALUE_NUMBER:
        return sqlite3_bind_double(statement, at, value->number);
    case FIKS_VALUE_TEXT:
        return sqlite3_bind_text(statement, at, value->text, (int)value->text_bytes, SQLITE_STATIC);
    default:
        return sqlite3_bind_null(statement, at);
    }
}

/* SQLite numbers its parameters as they come; their names say which value is meant. */
static fiks_status bind(database *d, sqlite3_stmt *statement, const fiks_statement *s,
                        fiks_error *err)
{
    for (int at = 1; at <= sqlite3_bind_parameter_count(statement); at++) {
        const char *name = sqlite3_bind_parameter_name(statement, at);
        char *end = NULL;
        unsigned long number = name && *name == '$' ? strtoul(name + 1, &end, 10) : 0;
        if (number < 1 || number > s->value_count || *end)
            return d->host->fail(err, FIKS_INTERNAL, "store.sql",
                                 "%s: the placeholder %s: they are $1, $2 ...", d->given,
                                 name ? name : "?");
        int result = bind_value(statement, at, &s->values[number - 1]);
        if (result)
            return fail(d, result, "write", err);
    }
    return FIKS_OK;
}

static fiks_value read_value(sqlite3_stmt *statement, int column)
{
    fiks_value value = {FIKS_VALUE_NULL, 0, 0, NULL, 0};
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        value.type = FIKS_VALUE_INTEGER;
        value.integer = sqlite3_column_int64(statement, column);
        break;
    case SQLITE_FLOAT:
        value.type = FIKS_VALUE_NUMBER;
        value.number = sqlite3_column_double(statement, column);
        break;
    case SQLITE_TEXT:
    case SQLITE_BLOB:
        value.type = FIKS_VALUE_TEXT;
        value.text = sqlite3_column_blob(statement, column); /* NULL when it is empty */
        value.text_bytes = (size_t)sqlite3_column_bytes(statement, column);
        break;
    default:
        break;
    }
    return value;
}

static fiks_status read_rows(database *d, sqlite3_stmt *statement, fiks_rows *rows, fiks_error *err)
{
    int result, columns = sqlite3_column_count(statement);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW)
        for (int i = 0; i < columns; i++) {
            fiks_value value = read_value(statement, i);
            fiks_status st = d->host->value(rows, &value, err);
            if (st)
                return st;
        }
    return result == SQLITE_DONE ? FIKS_OK : fail(d, result, "write", err);
}

static fiks_status name_columns(database *d, sqlite3_stmt *statement, fiks_rows *rows,
                                fiks_error *err)
{
    size_t count = (size_t)sqlite3_column_count(statement);
    const char **names = calloc(count + 1, sizeof *names);
    if (!names)
        return d->host->fail(err, FIKS_MEMORY, "memory", "out of memory");
    for (size_t i = 0; i < count; i++)
        names[i] = sqlite3_column_name(statement, (int)i);
    fiks_status st = d->host->columns(rows, names, count, err);
    free(names);
    return st;
}

static fiks_status run_prepared(database *d, sqlite3_stmt *statement, const fiks_statement *s,
                                fiks_rows *rows, int64_t *changes, fiks_error *err)
{
    fiks_status st = bind(d, statement, s, err);
    if (!st)
        st = name_columns(d, statement, rows, err);
    int before = sqlite3_total_changes(d->handle);
    if (!st)
        st = read_rows(d, statement, rows, err);
    if (!st && sqlite3_total_changes(d->handle) != before)
        *changes = sqlite3_changes(d->handle); /* else it would be the statement's before */
    return st;
}

static fiks_status run(void *self, const fiks_statement *s, fiks_rows *rows, int64_t *changes,
                       fiks_error *err)
{
    database *d = self;
    sqlite3_stmt *statement;
    const char *rest;
    int result = sqlite3_prepare_v2(d->handle, s->sql, -1, &statement, &rest);
    if (result)
        return fail(d, result, "read", err);
    while (isspace((unsigned char)*rest) || *rest == ';')
        rest++;
    fiks_status st;
    if (!statement || *rest)
        st = d->host->fail(err, FIKS_INTERNAL, "store.sql",
                           "%s: a statement of a batch must be one statement of SQL", d->given);
    else
        st = run_prepared(d, statement, s, rows, changes, err);
    sqlite3_finalize(statement);
    return st;
}

static fiks_status commit(void *self, fiks_error *err)
{
    fiks_status st = execute(self, "COMMIT", "write", err);
    if (st)
        err->uncertain = ((database *)self)->broken; /* it may be on the disk all the same */
    return st;
}

static void rollback(void *self)
{
    database *d = self;
    if (d->handle && !sqlite3_get_autocommit(d->handle))
        sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL);
    if (d->broken)
        disconnect(d);
}

/* ---- locks ----------------------------------------------------------------------------------- */

/* Descriptors of all locks of this process, each one more than it is. A fork's child gives its own
 * up: else it would keep the lock when its parent is dead. */
static atomic_int held[MOST_LOCKS];

static void let_go_after_fork(void)
{
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        int fd = atomic_exchange(&held[i], 0) - 1;
        if (fd >= 0)
            close(fd);
    }
}

static void prepare(void)
{
    pthread_atfork(NULL, NULL, let_go_after_fork);
}

static bool note_held(int fd)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare);
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        int none = 0;
        if (atomic_compare_exchange_strong(&held[i], &none, fd + 1))
            return true;
    }
    return false;
}

static void release(int fd)
{
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        int mine = fd + 1;
        atomic_compare_exchange_strong(&held[i], &mine, 0);
    }
    close(fd);
}

static fiks_status take_lock(database *d, const char *path, bool *got, fiks_error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    *got = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
    int failed = *got || (fd >= 0 && errno == EWOULDBLOCK) ? 0 : errno;
    if (*got && !note_held(fd)) {
        *got = false;
        failed = EMFILE;
    }
    if (*got)
        d->locks[d->lock_count++].fd = fd;
    else if (fd >= 0)
        close(fd);
    if (!failed)
        return FIKS_OK;
    err->retryable = true;
    return d->host->fail(err, FIKS_IO, "file", "cannot lock %s: %s", path, strerror(failed));
}

static fiks_status lock_name(void *self, const char *name, bool *got, fiks_error *err)
{
    database *d = self;
    size_t room = strlen(d->path) + strlen(name) + sizeof "..lock";
    char *path = malloc(room);
    if (!path || d->lock_count == MOST_LOCKS) {
        free(path);
        return d->host->fail(err, FIKS_LIMIT, "store.locks", "too many locks of one store");
    }
    snprintf(path, room, "%s.%s.lock", d->path, name);
    for (size_t i = 0; i < d->lock_count; i++)
        *got = *got || strcmp(d->locks[i].path, path) == 0;
    fiks_status st = FIKS_OK;
    size_t before = d->lock_count;
    if (!*got)
        st = take_lock(d, path, got, err);
    if (d->lock_count > before)
        d->locks[before].path = path;
    else
        free(path);
    return st;
}

static void close_database(void *self)
{
    database *d = self;
    disconnect(d);
    for (size_t i = 0; i < d->lock_count; i++) {
        release(d->locks[i].fd);
        free(d->locks[i].path);
    }
    free(d->path);
    free(d->given);
    free(d);
}

/* ---- the module ------------------------------------------------------------------------------ */

FIKS_API int luaopen_fiks_sqlite(lua_State *L);

int luaopen_fiks_sqlite(lua_State *L)
{
    static const fiks_store_driver driver = {"sqlite", open_database, begin,     run,
                                             commit,   rollback,      lock_name, close_database};
    *(const fiks_store_driver **)lua_newuserdata(L, sizeof(void *)) = &driver;
    luaL_newmetatable(L, FIKS_L_STORE_DRIVER);
    lua_setmetatable(L, -2);
    return 1;
}
