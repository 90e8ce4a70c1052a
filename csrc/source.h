/*
 * Where the bytes of a request's body come from, when they do not lie in memory: pulled as the
 * connection takes them. The counterpart of a sink (sink.h).
 */
#ifndef FIKS_SOURCE_H
#define FIKS_SOURCE_H

#include "fiks.h"
#include "str.h"

typedef enum fiks_pull {
    FIKS_PULL_MORE,   /* `*got` bytes, at least one */
    FIKS_PULL_END,    /* that was all */
    FIKS_PULL_PAUSED, /* nothing now: asked again after fiks_call_resume (engine.h) */
    FIKS_PULL_FAILED  /* `err` says why; the transfer ends */
} fiks_pull;

typedef struct fiks_source_ops {
    const char *name;
    /* Bytes from its beginning; -1 = not known before its end. */
    int64_t (*length)(const fiks_source *source);
    fiks_pull (*pull)(fiks_source *source, void *to, size_t room, size_t *got, fiks_error *err);
    /* Back to the beginning, for another try. False = cannot, so no other try is made. */
    bool (*rewind)(fiks_source *source);
    void (*free)(fiks_source *source);
} fiks_source_ops;

/* First member of every source's struct. */
struct fiks_source {
    const fiks_source_ops *ops;
};

/* Bytes that are there already: taken over (`bytes` is left empty), wiped when freed. */
fiks_status fiks_memory_source_new(fiks_buf *bytes, fiks_source **out, fiks_error *err);

/* One source after the other; empty at first. */
fiks_status fiks_joined_source_new(size_t most, fiks_source **out, fiks_error *err);
/* Adds one, at most `most` times; a lent one stays the caller's until fiks_joined_source_adopt. */
void fiks_joined_source_add(fiks_source *base, fiks_source *part, bool lent);
void fiks_joined_source_adopt(fiks_source *base);

#endif
