#include "problem.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "json.h"
#include "str.h"

enum { MAX_BODY_BYTES = 1 << 20, EXCERPT_BYTES = 400 };

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

static void mask_bytes(char *at, size_t len)
{
    memset(at, '*', 3);
    memmove(at + 3, at + len, strlen(at + len) + 1);
}

/* A server that quotes what it was sent must not bring an assertion into a log. */
static void mask_tokens(char *text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
    static const char *const schemes[] = {"Bearer ", "Basic "};
    enum { NO_WORD = 16 };
    for (char *at = text; (at = strstr(at, "eyJ")) != NULL; at += 3)
        mask_bytes(at, strspn(at, alphabet));
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        for (char *at = text; (at = strcasestr(at, schemes[i])) != NULL;) {
            at += strlen(schemes[i]);
            size_t len = strcspn(at, " \",;<");
            if (len >= NO_WORD)
                mask_bytes(at, len);
        }
}

void fiks_problem_excerpt(const char *text, size_t len, char *out, size_t out_bytes)
{
    size_t n = 0;
    bool blank = true;
    if (len > EXCERPT_BYTES)
        len = EXCERPT_BYTES;
    len = fiks_utf8_check(text, len);
    for (size_t i = 0; i < len && n + 1 < out_bytes; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c == 0x7F) {
            if (!blank)
                out[n++] = ' ';
            blank = true;
        } else {
            out[n++] = (char)c;
            blank = false;
        }
    }
    out[n] = '\0';
    mask_tokens(out);
}

void fiks_problem_mask(char *text, const char *secret, size_t len, bool beginning)
{
    enum { ENOUGH = 6, LEAST = 4 };
    char plain[EXCERPT_BYTES + 1]; /* blanks as an excerpt has them */
    fiks_problem_excerpt(secret, len, plain, sizeof plain);
    size_t n = strlen(plain), first = beginning && n > ENOUGH ? ENOUGH : n;
    for (char *at = text; n >= LEAST && (at = strstr(at, plain)) != NULL; at += 3)
        mask_bytes(at, n);
    for (char *at = text; first < n && (at = memmem(at, strlen(at), plain, first)); at += 3) {
        size_t same = first;
        while (same < n && at[same] == plain[same])
            same++;
        mask_bytes(at, same);
    }
    explicit_bzero(plain, sizeof plain);
}

/* The three usual causes; Fiks deliberately does not say which it is (auth.md of the platform's
 * integration guide). */
static const char integrasjon_hint[] =
    " - check the integrasjon's password, that the id is right for this environment, and that the "
    "organisation of the token is the integrasjon's authorised organisation";

static const char *hint(int http_status, const char *text)
{
    if (http_status == 401 && strstr(text, "Autentisering feilet for integrasjon"))
        return integrasjon_hint;
    if (http_status == 403)
        return " - an administrator of the municipality must grant the privilege in "
               "fiks-konfigurasjon";
    return "";
}

static void take(const char *from, char *to, size_t to_bytes)
{
    if (from)
        fiks_problem_excerpt(from, strlen(from), to, to_bytes);
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
    } else if (body_bytes) {
        fiks_problem_excerpt(body, body_bytes, text, sizeof text);
    }
    if (!code[0])
        snprintf(code, sizeof code, "http_%d", http_status);
    err->http_status = http_status;
    fiks_fail(err, fiks_problem_kind(http_status), code, "%s: %d%s%s%s", operation, http_status,
              text[0] ? ": " : "", text, hint(http_status, text));
    fiks_json_free(root);
    return http_status == 401 && strstr(text, "validere access_token");
}
