/* One request on its way through libcurl: from a call's fiks_send to its fiks_answer. Used by the
 * pump alone; the two (and transfer_network) are the only files that know libcurl. */
#ifndef FIKS_TRANSFER_H
#define FIKS_TRANSFER_H

#include <curl/curl.h>

#include "call.h"
#include "transfer_network.h"
#include "transfer_url.h"

/* What a transfer needs of its pump. */
typedef struct fiks_transfer_host {
    const fiks_time *now; /* read whenever bytes move */
    /* The call's owner should know: FIKS_NOTE_... */
    void (*note)(void *context, fiks_call *call, unsigned notes);
    void *context;
    CURLSH *share; /* TLS sessions, so that any handle resumes what another began */
} fiks_transfer_host;

/* An easy handle, kept for the next request. */
typedef struct fiks_transfer {
    CURL *easy;
    const fiks_transfer_host *host;
    fiks_call *call;
    bool head_done;  /* the call knows the answer's headers */
    bool head_whole; /* the blank line after them has come */
    bool encoded;    /* one of them is Content-Encoding */
    bool body_along; /* the body goes out with the headers */
    bool enough;     /* of the answer has come; the rest is not read */
    fiks_watch watch;
    long connect_ms; /* what the handle is set to; and so: */
    long room_bytes;
    int64_t progress_ms; /* when its owner was last told */
    size_t head_bytes;   /* of the answer's headers so far */
    uint64_t read;       /* bytes of the body handed over so far */
    struct curl_slist headers[FIKS_MAX_HEADERS + 5];
    fiks_goal goal;
    fiks_way way;
    char reason[CURL_ERROR_SIZE];
    struct fiks_transfer *next;
} fiks_transfer;

/* NULL: out of memory. */
fiks_transfer *fiks_transfer_new(const fiks_transfer_host *host);
void fiks_transfer_free(fiks_transfer *transfer);

/* Sets the handle up for the call's next request. */
fiks_status fiks_transfer_prepare(fiks_transfer *transfer, fiks_call *call, fiks_error *err);

/* Sets the call's error for a transfer that has come to a halt. */
void fiks_transfer_halted(fiks_transfer *transfer, fiks_halt why);

/* The sink that was full takes bytes again, or the source that was empty has some: at once. */
void fiks_transfer_resume(fiks_transfer *transfer);

/* How the request travelled, once it has ended. */
void fiks_transfer_measure(fiks_transfer *transfer, fiks_travel *out);

/* The transfer ended with `code`: tells the call. */
void fiks_transfer_report(fiks_transfer *transfer, CURLcode code, fiks_time now);

#endif
