/*
 * What a driver of the store is. It is a Lua module of its own (fiks.sqlite, fiks.postgres), so
 * that the core links no database's library; and as such it links nothing of the core.
 */
#ifndef FIKS_STORE_DRIVER_H
#define FIKS_STORE_DRIVER_H

#include "fiks.h"

/* The module returns a userdata with this metatable, whose content is a pointer to the driver. */
#define FIKS_L_STORE_DRIVER "fiks.store.driver.1"

typedef enum fiks_value_type {
    FIKS_VALUE_NULL,
    FIKS_VALUE_BOOLEAN,
    FIKS_VALUE_INTEGER,
    FIKS_VALUE_NUMBER,
    FIKS_VALUE_TEXT
} fiks_value_type;

typedef struct fiks_value {
    fiks_value_type type;
    int64_t integer; /* a boolean's, too: 0 or 1 */
    double number;
    const char *text; /* UTF-8 without NUL bytes; ends in NUL beyond text_bytes */
    size_t text_bytes;
} fiks_value;

/* The values belong to $1, $2 ...: as many as the SQL has. */
typedef struct fiks_statement {
    const char *sql;
    fiks_value *values;
    size_t value_count;
    int64_t check; /* how many rows it must touch or return; -1 = any number */
    struct fiks_statement *next;
} fiks_statement;

/* What a statement gives. */
typedef struct fiks_rows fiks_rows;

/* What the core does for a driver. */
typedef struct fiks_store_host {
    /* As in error.h. Codes with a meaning for the core: "store.busy", try the batch again;
     * "store.gone", the connection is. */
    fiks_status (*fail)(fiks_error *err, fiks_status kind, const char *code, const char *format,
                        ...) __attribute__((format(printf, 4, 5)));
    /* First the names, then the values row by row. Copied. */
    fiks_status (*columns)(fiks_rows *rows, const char *const *names, size_t count,
                           fiks_error *err);
    fiks_status (*value)(fiks_rows *rows, const fiks_value *value, fiks_error *err);
} fiks_store_host;

/* All but `kind` run on the store's own thread, one after the other. No message holds a value of a
 * statement or a password. */
typedef struct fiks_store_driver {
    const char *kind; /* "sqlite" */
    /* Connects. FIKS_CONFIG for a target that cannot be, FIKS_IO for one that is not there now. */
    fiks_status (*open)(const fiks_store_host *host, const char *target, void **out,
                        fiks_error *err);
    /* Begins a transaction, after connecting anew if that is needed. */
    fiks_status (*begin)(void *self, bool only_reads, fiks_error *err);
    fiks_status (*run)(void *self, const fiks_statement *statement, fiks_rows *rows,
                       int64_t *changes, fiks_error *err);
    /* Durable once it returns FIKS_OK. `uncertain` in the error: it may have happened. */
    fiks_status (*commit)(void *self, fiks_error *err);
    /* Whatever state things are in. */
    void (*rollback)(void *self);
    /* A lock that lasts until close, or the end of the process; `got` false: another has it. */
    fiks_status (*lock)(void *self, const char *name, bool *got, fiks_error *err);
    void (*close)(void *self);
} fiks_store_driver;

#endif
