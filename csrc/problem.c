#include "problem.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "json.h"
#include "str.h"

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

/* Bytes of the code point at `text` (not ASCII); 0 when it is not well-formed. */
static size_t code_point_bytes(const char *text, size_t len)
{
    for (size_t n = 2; n <= 4 && n <= len; n++)
        if (fiks_utf8_check(text, n) == n)
            return n;
    return 0;
}

void fiks_problem_excerpt(const char *text, size_t len, char *out, size_t out_bytes)
{
    static const char unreadable[] = "\xEF\xBF\xBD";
    size_t end = len > EXCERPT_BYTES ? EXCERPT_BYTES : len, n = 0;
    bool blank = true;
    for (size_t i = 0; i < end;) {
        unsigned char c = (unsigned char)text[i];
        size_t bytes = c < 0x80 ? 1 : code_point_bytes(text + i, len - i);
        const char *from = bytes ? text + i : unreadable;
        size_t room = bytes ? bytes : sizeof unreadable - 1;
        bool space = c <= ' ' || c == 0x7F;
        i += bytes ? bytes : 1;
        if (space && blank)
            continue;
        if (n + room >= out_bytes)
            break;
        memcpy(out + n, space ? " " : from, room);
        n += room;
        blank = space;
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

static void mask_whole(char *text, const char *secret, size_t len)
{
    for (char *at = text; (at = memmem(at, strlen(at), secret, len)) != NULL; at += 3)
        mask_bytes(at, len);
}

void fiks_problem_mask_json(char *text, const char *secret, size_t len)
{
    enum { LEAST = 4 };
    fiks_buf quoted = {0};
    if (len < LEAST)
        return;
    mask_whole(text, secret, len);
    for (size_t i = 0; i < len; i++) {
        if (secret[i] == '"' || secret[i] == '\\')
            fiks_buf_adds(&quoted, "\\");
        fiks_buf_add(&quoted, &secret[i], 1);
    }
    if (!quoted.failed && quoted.len > len)
        mask_whole(text, quoted.data, quoted.len);
    fiks_buf_free(&quoted);
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
        mask_tokens(out->data);
    fiks_json_free(root);
}
