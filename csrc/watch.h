/*
 * Has a transfer come to a halt? Pure: told when bytes move and what the time is, it says when to
 * look and what is wrong. libcurl's own limits count whole seconds, and take one byte a second for
 * life.
 */
#ifndef FIKS_WATCH_H
#define FIKS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* What is borne of a server. 0 = no limit. */
typedef struct fiks_limits {
    uint32_t connect_ms;      /* name, connection, handshake */
    uint32_t first_byte_ms;   /* from the last byte sent to the first header of the answer */
    uint32_t idle_ms;         /* between two bytes, either way; for all headers together */
    uint32_t min_bytes_per_s; /* of an answer's body, over each idle_ms */
} fiks_limits;

typedef enum fiks_halt {
    FIKS_HALT_NONE,
    FIKS_HALT_DEADLINE,   /* the try's time is up */
    FIKS_HALT_FIRST_BYTE, /* the request is there, and nothing comes */
    FIKS_HALT_IDLE,       /* no byte moved */
    FIKS_HALT_SLOW        /* bytes move, but too few */
} fiks_halt;

typedef struct fiks_watch {
    fiks_limits limits;
    int64_t deadline_ms; /* of the try; INT64_MAX = none */
    int64_t moved_ms;
    bool begun;    /* connected: the request goes out */
    bool sent_all; /* the whole of it has */
    bool answered; /* the answer has begun */
    bool held;     /* by us: a full sink, an empty source. Nobody's fault */
    int64_t window_ms;
    uint64_t window_bytes;
} fiks_watch;

void fiks_watch_start(fiks_watch *watch, const fiks_limits *limits, int64_t deadline_ms,
                      int64_t now_ms);
/* The request goes out now; `sent_all` when it has no body. */
void fiks_watch_begin(fiks_watch *watch, bool sent_all, int64_t now_ms);
/* Bytes of the body went out; `sent_all`: the last ones. */
void fiks_watch_sent(fiks_watch *watch, bool sent_all, int64_t now_ms);
/* Bytes of the answer came: `body_bytes` of its body (0: a header, of which the first counts). */
void fiks_watch_came(fiks_watch *watch, uint64_t body_bytes, int64_t now_ms);
/* We keep it waiting (true), or go on. */
void fiks_watch_hold(fiks_watch *watch, bool held, int64_t now_ms);

/* What is wrong at `now_ms`; when nothing is, `*next_ms` is when something may be. */
fiks_halt fiks_watch_check(fiks_watch *watch, int64_t now_ms, int64_t *next_ms);

#endif
