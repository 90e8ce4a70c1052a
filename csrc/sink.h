/*
 * A sink takes the bytes of an answer as they come: push, agnostic of threads and of what feeds it.
 *
 * Life: (head? feed* finish | head? feed* reset)* free. `free` without a successful `finish`
 * removes whatever was written. Feeding stops at the first failure; the error stays with the call.
 */
#ifndef FIKS_SINK_H
#define FIKS_SINK_H

#include "fiks.h"

typedef enum fiks_feed {
    FIKS_FEED_MORE,   /* all bytes were taken */
    FIKS_FEED_PAUSED, /* none were taken: offered again after fiks_call_resume (engine.h) */
    FIKS_FEED_FAILED, /* `err` says why; the transfer ends */
    FIKS_FEED_ENOUGH  /* a call's, of a refusal: the rest says nothing more; its status counts */
} fiks_feed;

typedef struct fiks_sink_ops {
    const char *name;
    /* What the answer's headers say, once before the first byte. May be NULL. Borrowed strings,
     * "" = absent. */
    void (*head)(fiks_sink *sink, const char *content_type, const char *content_disposition);
    fiks_feed (*feed)(fiks_sink *sink, const void *data, size_t len, fiks_error *err);
    /* All bytes came. Checks completeness, makes the result durable and visible. */
    fiks_status (*finish)(fiks_sink *sink, fiks_error *err);
    /* Forget everything fed so far, ready for a new try. False = cannot, so no new try is made. */
    bool (*reset)(fiks_sink *sink);
    void (*free)(fiks_sink *sink);
    bool noted; /* the call's owner is told that bytes came (FIKS_NOTE_DATA): it takes them */
} fiks_sink_ops;

/* First member of every sink's struct. */
struct fiks_sink {
    const fiks_sink_ops *ops;
};

#endif
