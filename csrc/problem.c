#include "problem.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "json.h"
#include "redact.h"

enum { MAX_BODY_BYTES = 1 << 20, EXCERPT_BYTES = 400, ERROR_JSON_BYTES = 16 << 10 };

fiks_status fiks_problem_kind(int http_status)
{
    switch (http_status) {
    case 401:
        return FIKS_AUTH;
    case 403:
        return FIKS_DENIED;
    case 404:
    case 410:
        return FIKS_NOT_FOUND;
    case 409:
        return FIKS_CONFLICT;
    case 408:
        return FIKS_TIMEOUT;
    case 413:
        return FIKS_LIMIT;
    case 429:
        return FIKS_RATE_LIMITED;
    default:
        return http_status >= 500   ? FIKS_SERVER
               : http_status >= 400 ? FIKS_REJECTED
                                    : FIKS_PROTOCOL;
    }
}

/* The three usual causes; Fiks deliberately does not say which it is (auth.md of the platform's
 * integration guide). */
static const char integrasjon_hint[] =
    " - check the integrasjon's password, that the id is right for this environment, and that the "
    "organisation of the token is the integrasjon's authorised organisation";

static const char token_words[] = "validere access_token";

static const char *hint(int http_status, const char *text)
{
    if (http_status == 401 && strstr(text, "Autentisering feilet for integrasjon"))
        return integrasjon_hint;
    if (http_status == 401 && strstr(text, token_words))
        return " - whoever runs this program checks that the token is of the platform's environment "
               "(test or prod) and has the scope ks:fiks";
    if (http_status == 403)
        return " - an administrator of the municipality must grant the privilege in "
               "fiks-konfigurasjon";
    return "";
}

static void take(const char *from, char *to, size_t to_bytes)
{
    if (from)
        fiks_redact_excerpt(from, strlen(from), to, to_bytes);
}

/* Fiks' own form: an errorId, or at least status and message. */
static bool is_platforms(const fiks_json *root)
{
    double status;
    return fiks_json_get_string(root, "errorId") ||
           (fiks_json_get_string(root, "message") &&
            fiks_json_number(fiks_json_get(root, "status"), &status));
}

bool fiks_problem_fill(int http_status, const char *body, size_t body_bytes, const char *operation,
                       fiks_error *err)
{
    fiks_error scratch = {0};
    if (!err)
        err = &scratch;
    char text[EXCERPT_BYTES + 1] = "", code[64] = "";
    fiks_json *root = NULL;
    if (body_bytes)
        fiks_json_parse_object(body, body_bytes, MAX_BODY_BYTES, "the error", &root, NULL);
    if (root) {
        const char *message = fiks_json_get_string(root, "message");
        take(message ? message : fiks_json_get_string(root, "error"), text, sizeof text);
        take(fiks_json_get_string(root, "errorCode"), code, sizeof code);
        take(fiks_json_get_string(root, "errorId"), err->error_id, sizeof err->error_id);
        err->platform = is_platforms(root);
    } else if (body_bytes) {
        fiks_redact_excerpt(body, body_bytes, text, sizeof text);
    }
    if (!code[0])
        snprintf(code, sizeof code, "http_%d", http_status);
    err->http_status = http_status;
    fiks_fail(err, fiks_problem_kind(http_status), code, "%s: %d%s%s%s", operation, http_status,
              text[0] ? ": " : "", text, hint(http_status, text));
    fiks_json_free(root);
    return http_status == 401 && strstr(text, token_words);
}

void fiks_problem_error_json(const char *body, size_t body_bytes, fiks_buf *out)
{
    fiks_json *root = NULL;
    if (!body_bytes ||
        fiks_json_parse_object(body, body_bytes, MAX_BODY_BYTES, "the error", &root, NULL))
        return;
    const fiks_json *value = fiks_json_get(root, "errorJson");
    const char *text = fiks_json_string(value);
    if (text)
        fiks_buf_adds(out, text);
    else if (value)
        fiks_json_dump(value, out, NULL);
    if (out->len > ERROR_JSON_BYTES)
        fiks_buf_free(out);
    else if (out->data)
        fiks_redact_json(out->data);
    fiks_json_free(root);
}
