/* The part of a transfer that gives an easy handle its URL. */
#ifndef FIKS_TRANSFER_URL_H
#define FIKS_TRANSFER_URL_H

#include <curl/curl.h>
#include <stddef.h>

#include "str.h"

/* What an easy handle is set to. */
typedef struct fiks_goal {
    fiks_buf last;       /* the URL */
    CURLU *parts;        /* and so its parts, if it is plain; NULL = none was yet */
    size_t origin_bytes; /* of it: scheme, host and port; 0 = it is not plain */
} fiks_goal;

void fiks_goal_free(fiks_goal *goal);

/*
 * Sets the URL of the next request.
 *
 * libcurl takes a URL that it gets as text apart and puts it together again, byte by byte, for each
 * request: a twentieth of what a small request costs. A plain one goes in parts, of which only path
 * and query are new when the last went to the same origin.
 */
CURLcode fiks_goal_apply(fiks_goal *goal, CURL *easy, const char *url);

#endif
