/*
 * A call as a state machine that does no I/O: told what happened, it says what to do next. Token,
 * retry, Retry-After, one refresh after a 401 that blames the token, error mapping and the deadline
 * over all tries live here. The engine (or a test with a script of answers) drives it:
 *
 *     while ((step = fiks_call_step(call, now, &flight)) != FIKS_STEP_DONE)
 *         SEND:  send call->send; fiks_call_head, fiks_call_body as bytes come; fiks_call_answered
 *         WAIT:  come back at call->wake_ms
 *         TOKEN: come back when any token flight has ended (or at call->deadline_ms)
 *
 * When `flight` is set, it is a new call that fetches a token for everyone: drive it too.
 */
#ifndef FIKS_CALL_H
#define FIKS_CALL_H

#include "client.h"
#include "clock.h"
#include "completion.h"
#include "fiks.h"
#include "operation.h"
#include "retry_budget.h"
#include "sink.h"
#include "source.h"
#include "str.h"
#include "trace.h"
#include "watch.h"

typedef enum fiks_step {
    FIKS_STEP_SEND,
    FIKS_STEP_WAIT,
    FIKS_STEP_TOKEN,
    FIKS_STEP_DONE
} fiks_step;

enum { FIKS_MAX_HEADERS = 12, FIKS_KEPT_ATTEMPTS = 6 };

/* One request, ready to go out. Borrowed from the call until it is answered. */
typedef struct fiks_send {
    const char *method;
    const char *url;
    const char *headers[FIKS_MAX_HEADERS]; /* "Name: value" */
    size_t header_count;
    const char *body; /* NULL = none */
    size_t body_bytes;
    fiks_source *source; /* instead of body; NULL = none */
    const fiks_network *network;
    bool allow_http;
    fiks_limits limits;
    int64_t deadline_ms; /* of this try, monotonic; INT64_MAX = none */
} fiks_send;

/* How a request travelled. */
typedef struct fiks_travel {
    fiks_timings timings;
    int http_version; /* as in fiks_response */
    int connections_opened;
    uint64_t sent_bytes; /* headers included; so received_bytes */
    uint64_t received_bytes;
} fiks_travel;

/* What came of it. The body was fed as it came. */
typedef struct fiks_answer {
    fiks_status
        kind;  /* FIKS_OK: an answer, whatever its status. Else the error is in call->error */
    bool sent; /* the server may have seen the request */
    int status;
    const char *content_type;  /* "" = none; borrowed for the call of fiks_call_answered */
    const char *retry_after;   /* NULL = none */
    const char *date;          /* NULL = none */
    const char *location;      /* where a redirect points, absolute; NULL = none */
    const fiks_travel *travel; /* NULL: it never set out */
} fiks_answer;

typedef enum fiks_state {
    FIKS_STATE_START,
    FIKS_STATE_SENDING,
    FIKS_STATE_PAUSED,
    FIKS_STATE_DONE
} fiks_state;

struct fiks_call {
    fiks_completion end;

    /* the request; fixed once made */
    fiks_client *client;
    const fiks_operation *operation;
    bool token_flight; /* fetches a token, for the cache */
    bool idempotent;
    bool bearer; /* token_header is a person's own token: not ours to renew */
    bool has_body;
    fiks_auth auth;
    fiks_token_key
        *token_key; /* of its token: the client's, or with claims of its own; may be NULL */
    const char *method;
    char *method_owned;
    fiks_buf url;
    fiks_buf body;
    fiks_buf type_header; /* "Content-Type: ..." */
    fiks_buf basic_header;
    fiks_trace trace; /* its own; the client's where it has none */
    fiks_sink *sink;
    fiks_source *source;
    unsigned notes_wanted;
    unsigned news; /* FIKS_NOTE_... that its owner was not told yet */
    size_t max_answer_bytes;
    fiks_limits limits;
    uint32_t total_ms;

    /* where it stands */
    fiks_state state;
    int tries;
    int64_t started_ms;  /* monotonic; 0 before the first step */
    int64_t deadline_ms; /* monotonic; INT64_MAX = none */
    int64_t wake_ms;
    fiks_time sent;        /* when the try went out */
    fiks_buf token_header; /* "Authorization: Bearer <token>" */
    bool token_renewed;    /* after a 401 that blamed the token: once */
    bool clock_corrected;  /* after the server found the clocks to differ: once */
    bool foreign;          /* a redirect left the host it was for: no credentials any more */
    int redirects;         /* followed so far */
    uint64_t flight;       /* the one this call waits for, or is */
    char jti[40];          /* a flight's */
    int64_t clock_off_ms;  /* a flight's: taken off the clock for its grant */
    fiks_send send;

    /* the outcome */
    bool uncertain; /* a try was sent and its fate is not known */
    bool sink_fed;
    bool source_read;    /* in this try */
    int try_status;      /* of the answer coming in */
    char coding[32];     /* of its body, when it is compressed; "" = plain */
    size_t passed_bytes; /* of its body, not kept: it is a refusal */
    fiks_buf answer;
    fiks_buf answer_type;
    fiks_response response;
    fiks_buf error_json;
    atomic_size_t attempt_count; /* of those that are complete */
    int64_t token_since_ms;      /* it waits for one since; 0 = it does not */
    atomic_llong token_ms;

    fiks_budget *budget; /* of everybody's tries; NULL = without limit */

    /* the engine's: how it travels */
    atomic_bool cancelled;
    atomic_bool resumed; /* its sink takes bytes again, or its source has some */
    atomic_llong sent_bytes, sent_total, received_bytes, received_total;
    struct fiks_call *next;
    void *transfer;

    /* Large, and not cleared with the rest when a call is made: most of it is never used. */
    fiks_error error;
    fiks_request_id request_id;
    fiks_attempt attempts[FIKS_KEPT_ATTEMPTS]; /* nothing is in those that are not counted */
};

/* Checks the arguments and builds the request; sends nothing. */
fiks_status fiks_call_make(fiks_client *client, const fiks_call_options *options, fiks_call **out,
                           fiks_error *err);
/* Frees what fiks_call_make built. */
void fiks_call_unmake(fiks_call *call);

fiks_step fiks_call_step(fiks_call *call, fiks_time now, fiks_call **flight);

/* The answer's headers came, before its body. "" for those that did not. */
void fiks_call_head(fiks_call *call, int status, const char *content_type,
                    const char *content_disposition, const char *content_encoding);
/* Bytes of its body. FAILED: call->error says why; stop the transfer. ENOUGH: stop it, too, and
 * report it as one that ended well. */
fiks_feed fiks_call_body(fiks_call *call, const void *data, size_t len);
/* Bytes for its body, when it has a source. FAILED: call->error says why; stop the transfer. */
fiks_pull fiks_call_pull(fiks_call *call, void *to, size_t room, size_t *got);
/* The try ended. `random` decides the pause. */
void fiks_call_answered(fiks_call *call, const fiks_answer *answer, fiks_time now, uint32_t random);

#endif
