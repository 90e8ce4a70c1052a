/* JSON is UTF-8 (RFC 8259, 8.1), whatever a header says or does not say. */
#ifndef FIKS_CHARSET_H
#define FIKS_CHARSET_H

#include "fiks.h"

/* Does this Content-Type say that the body is JSON? */
bool fiks_charset_is_json(const char *content_type);

/*
 * FIKS_PROTOCOL for a text that is not well-formed UTF-8 (code "utf8"), or that has other than
 * ASCII characters while its Content-Type names another charset ("charset"). The message begins
 * with `operation` and says at which byte, counted from 0.
 */
fiks_status fiks_charset_check(const char *operation, const char *content_type, const char *text,
                               size_t len, fiks_error *err);

#endif
