/* Whether an answer that redirects is followed, and with what. Pure. */
#ifndef FIKS_REDIRECT_H
#define FIKS_REDIRECT_H

#include "fiks.h"
#include "str.h"

/* What is known when the answer is there. */
typedef struct fiks_redirect {
    int status;
    const char *location; /* absolute; NULL = none */
    const char *url;      /* of the request */
    const char *method;
    bool has_body;
    bool allow_http; /* plain http, to this machine */
    int followed;    /* so far */
    int most;
} fiks_redirect;

typedef enum fiks_redirect_to {
    FIKS_REDIRECT_NOWHERE,
    FIKS_REDIRECT_SAME_ORIGIN,
    FIKS_REDIRECT_FOREIGN /* without credentials */
} fiks_redirect_to;

/*
 * FIKS_REDIRECT_NOWHERE without an error: it is no redirect. With FIKS_PROTOCOL, code
 * "http_<status>": it is one that is not followed; the message names the host it points to and says
 * why. Else `target` is where the same request goes next.
 */
fiks_redirect_to fiks_redirect_judge(const fiks_redirect *redirect, fiks_buf *target,
                                     fiks_error *err);

#endif
