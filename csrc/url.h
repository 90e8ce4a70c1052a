/* URLs: filling templates, and the few questions that decide where credentials may go. */
#ifndef FIKS_URL_H
#define FIKS_URL_H

#include "fiks.h"
#include "str.h"

/* An absolute http(s) URL in parts. */
typedef struct fiks_url {
    bool https;
    char host[256]; /* lower case, IPv6 without brackets */
    int port;       /* explicit or the scheme's */
} fiks_url;

/* Strict: scheme http or https, a host, no user information, no blanks or control characters, no
 * fragment. `what` names the setting or field in the error. */
fiks_status fiks_url_parse(const char *text, const char *what, fiks_url *out, fiks_error *err);

/* Is a step of its path "." or ".." (also as %2e)? libcurl takes such steps out. */
bool fiks_url_has_dots(const char *url);

/* 127.0.0.0/8, ::1 or localhost. */
bool fiks_url_is_loopback(const fiks_url *url);

/* The same scheme, host and port: credentials for one may be sent to the other. */
bool fiks_url_same_origin(const fiks_url *a, const fiks_url *b);

/*
 * `base` (without a slash at its end) + `path` with every {name} replaced by its parameter,
 * percent-encoded; the parameters that the path does not name become the query, in order. A
 * missing or empty path parameter, and the path segments "." and "..", are FIKS_INVALID.
 */
fiks_status fiks_url_build(const char *base, const char *path, const fiks_param *params,
                           size_t count, fiks_buf *out, fiks_error *err);

#endif
