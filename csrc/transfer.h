/* One request on its way through libcurl: from a call's fiks_send to its fiks_answer. Used by the
 * pump alone; the two are the only files that know libcurl. */
#ifndef FIKS_TRANSFER_H
#define FIKS_TRANSFER_H

#include <curl/curl.h>

#include "call.h"

/* An easy handle, kept for the next request. */
typedef struct fiks_transfer {
    CURL *easy;
    fiks_call *call;
    bool head_done;
    fiks_watch watch;
    const int64_t *now_ms; /* the pump's clock */
    long connect_ms;       /* what the handle is set to */
    size_t head_bytes;     /* of the answer's headers so far */
    size_t read;           /* bytes of the body handed over so far */
    struct curl_slist headers[FIKS_MAX_HEADERS + 2];
    char *default_ca;
    char *ca; /* what the handle is set to */
    char reason[CURL_ERROR_SIZE];
    struct fiks_transfer *next;
} fiks_transfer;

/* `now_ms` is read whenever bytes move. NULL: out of memory. */
fiks_transfer *fiks_transfer_new(const int64_t *now_ms);
void fiks_transfer_free(fiks_transfer *transfer);

/* Sets the handle up for the call's next request. */
fiks_status fiks_transfer_prepare(fiks_transfer *transfer, fiks_call *call, fiks_error *err);

/* Sets the call's error for a transfer that has come to a halt. */
void fiks_transfer_halted(fiks_transfer *transfer, fiks_halt why);

/* The sink that was full takes bytes again: they are offered at once. */
void fiks_transfer_resume(fiks_transfer *transfer);

/* The transfer ended with `code`: tells the call. */
void fiks_transfer_report(fiks_transfer *transfer, CURLcode code, fiks_time now);

#endif
