/* From an answer that is not the one hoped for to a fiks_error: status, and KS's error bodies. */
#ifndef FIKS_PROBLEM_H
#define FIKS_PROBLEM_H

#include "fiks.h"
#include "str.h"

/* The kind that an HTTP status (not 2xx) stands for. */
fiks_status fiks_problem_kind(int http_status);

/*
 * Fills `err` from an answer: kind by status; errorId, errorCode and message from the platform's
 * common error body (svarut's and innsyn's OpenAPI: ErrorMessage) when it is one, else an excerpt
 * of the text (then `err->platform` stays false). `operation` names the call in the message.
 * Whether Fiks blamed the token
 * ("Klarte ikke å validere access_token") is returned: then a new token may help.
 */
bool fiks_problem_fill(int http_status, const char *body, size_t body_bytes, const char *operation,
                       fiks_error *err);

/* Appends the errorJson of such a body: JSON text when it is an object (as on the wire) or an
 * array, else (as in SvarUt's OpenAPI) the text of the string. Nothing when there is none, when it
 * is null, or larger than 16 KiB. What looks like a token in it is masked. */
void fiks_problem_error_json(const char *body, size_t body_bytes, fiks_buf *out);

#endif
