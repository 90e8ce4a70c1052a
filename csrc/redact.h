/*
 * The one redactor: what of a request and its answer may stand in an error or a log line.
 *
 * Header values are shown from an allow-list (redact.c); of any other the size. A text that a
 * server wrote becomes an excerpt, in which what looks like a token is masked; and whatever was
 * sent to it and is not on the list is masked in the texts of the error.
 */
#ifndef FIKS_REDACT_H
#define FIKS_REDACT_H

#include "fiks.h"
#include "str.h"

/* Appends what may be seen of the line "Name: value": itself, or "Name: 36 bytes". */
bool fiks_redact_header(fiks_buf *out, const char *line);

/* The first printable characters of a text, in one line; what looks like a token or like a person's
 * number is masked, what is not UTF-8 becomes U+FFFD. */
void fiks_redact_excerpt(const char *text, size_t len, char *out, size_t out_bytes);

/* Masks tokens and persons' numbers in JSON text, which stays JSON. */
void fiks_redact_json(char *text);

enum { FIKS_REDACT_HEADERS = 4 };

/* What went to the server, and must not come back from it. NULL = absent. */
typedef struct fiks_sent {
    const char *headers[FIKS_REDACT_HEADERS]; /* "Name: value" */
    const char *pid;
    const char *authorization_details; /* JSON text; all its values but those of "type" */
} fiks_sent;

/* Masks it in every text of the error that a server may have written, also when only the first
 * bytes of it are there, and wherever it stands whole in the JSON text `error_json` (NULL = none).
 * A value of less than four bytes is left: it would mask words. */
void fiks_redact_error(fiks_error *err, char *error_json, const fiks_sent *sent);

#endif
