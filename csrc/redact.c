#include "redact.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

enum { EXCERPT_BYTES = 400, MAX_DETAILS_BYTES = 16 * 1024, LEAST = 4 };

/* ---- headers ------------------------------------------------------------------------------- */

/* Says nothing that would have to be kept from a log (docs/security.md). */
static const char *const shown[] = {"Accept",          "Content-Type", "Content-Length",
                                    "IntegrasjonId",   "User-Agent",   "traceparent",
                                    "X-Correlation-Id"};

static bool may_show(const char *line, size_t name_bytes)
{
    char name[64];
    if (name_bytes >= sizeof name)
        return false;
    memcpy(name, line, name_bytes);
    name[name_bytes] = '\0';
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (fiks_equal_nocase(name, shown[i]))
            return true;
    return false;
}

/* Where the value begins; NULL when it may be shown, or there is none. */
static const char *hidden_value(const char *line)
{
    const char *colon = line ? strchr(line, ':') : NULL;
    if (!colon || may_show(line, (size_t)(colon - line)))
        return NULL;
    return colon + 1 + strspn(colon + 1, " ");
}

bool fiks_redact_header(fiks_buf *out, const char *line)
{
    const char *value = hidden_value(line);
    if (!value)
        return fiks_buf_adds(out, line);
    return fiks_buf_add(out, line, strcspn(line, ":")) &&
           fiks_buf_addf(out, ": %zu bytes", strlen(value));
}

/* ---- texts of a server --------------------------------------------------------------------- */

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

/* Eleven digits, and no more around them, are a person's number (or as good as one: an account). In
 * JSON one without quotes gets them. */
static void mask_numbers(char *text, bool json)
{
    static const char digits[] = "0123456789";
    enum { PERSON = 11 };
    for (char *at = text; (at = strpbrk(at, digits)) != NULL;) {
        size_t len = strspn(at, digits);
        char before = at == text ? '\0' : at[-1], after = at[len];
        bool hit =
            len == PERSON && !isalnum((unsigned char)before) && !isalnum((unsigned char)after);
        bool bare = json && hit && strchr(":,[ ", before) && strchr(",]} ", after);
        if (bare) {
            *at++ = '"';
            at[PERSON - 2] = '"';
            len -= 2;
        }
        if (hit)
            mask_bytes(at, len);
        at += hit ? 3 : len;
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

static void one_line(const char *text, size_t len, char *out, size_t out_bytes)
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
}

void fiks_redact_excerpt(const char *text, size_t len, char *out, size_t out_bytes)
{
    one_line(text, len, out, out_bytes);
    mask_tokens(out);
    mask_numbers(out, false);
}

void fiks_redact_json(char *text)
{
    mask_tokens(text);
    mask_numbers(text, true);
}

/* ---- what was sent and comes back ---------------------------------------------------------- */

/* Whole ones in the first pass, as one may begin like another; beginnings in the second. */
typedef struct pass {
    fiks_error *err;
    char *json;
    bool beginnings;
} pass;

static void mask_whole(char *text, const char *secret, size_t len)
{
    for (char *at = text; (at = memmem(at, strlen(at), secret, len)) != NULL; at += 3)
        mask_bytes(at, len);
}

static void mask_in(char *text, const char *plain, bool beginnings)
{
    enum { ENOUGH = 6 };
    size_t n = strlen(plain);
    if (n < LEAST)
        return;
    if (!beginnings)
        mask_whole(text, plain, n);
    for (char *at = text; beginnings && n > ENOUGH && (at = memmem(at, strlen(at), plain, ENOUGH));
         at += 3) {
        size_t same = ENOUGH;
        while (same < n && at[same] == plain[same])
            same++;
        mask_bytes(at, same);
    }
}

/* As it is, and as a JSON string has it. */
static void mask_in_json(char *text, const char *secret)
{
    fiks_buf quoted = {0};
    size_t len = strlen(secret);
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

static void mask(const pass *p, const char *secret)
{
    fiks_error *err = p->err;
    char *const texts[] = {err->message,     err->code,     err->error_id,
                           err->oauth_error, err->trace_id, err->request_id};
    char plain[EXCERPT_BYTES + 1];
    one_line(secret, strlen(secret), plain, sizeof plain);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        mask_in(texts[i], plain, p->beginnings);
    if (p->json && !p->beginnings)
        mask_in_json(p->json, secret);
    explicit_bzero(plain, sizeof plain);
}

/* The value behind the scheme; of Basic the password, too. */
static void mask_header(const pass *p, const char *line)
{
    const char *value = hidden_value(line);
    if (!value)
        return;
    bool basic = strncmp(value, "Basic ", 6) == 0;
    value += basic ? 6 : strncmp(value, "Bearer ", 7) == 0 ? 7 : 0;
    mask(p, value);
    fiks_buf pair = {0};
    if (basic && fiks_base64_decode(value, strlen(value), &pair) && strchr(pair.data, ':'))
        mask(p, strchr(pair.data, ':') + 1);
    fiks_buf_free(&pair);
}

/* "urn:altinn:person:identifier-no:<number>": the whole, and the number alone. */
static void mask_value(const pass *p, const fiks_json *value)
{
    int64_t number;
    char digits[24];
    const char *text = fiks_json_string(value);
    if (fiks_json_int64(value, &number)) {
        snprintf(digits, sizeof digits, "%lld", (long long)number);
        text = digits;
    }
    const char *last = text ? strrchr(text, ':') : NULL;
    if (text && !(last && p->beginnings)) /* others begin like it */
        mask(p, text);
    if (last)
        mask(p, last + 1);
}

/* Its depth is that of the JSON, which the parser bounds. */
static void mask_values(const pass *p, const fiks_json *value)
{
    const char *name = NULL;
    for (size_t i = 0; fiks_json_typeof(value) == FIKS_JSON_ARRAY && i < fiks_json_count(value);
         i++)
        mask_values(p, fiks_json_at(value, i));
    while (fiks_json_typeof(value) == FIKS_JSON_OBJECT && (name = fiks_json_next(value, name)))
        if (strcmp(name, "type") != 0)
            mask_values(p, fiks_json_get(value, name));
    mask_value(p, value);
}

void fiks_redact_error(fiks_error *err, char *error_json, const fiks_sent *sent)
{
    fiks_json *details = NULL;
    const char *text = sent->authorization_details;
    if (text)
        fiks_json_parse(text, strlen(text), MAX_DETAILS_BYTES, "", &details, NULL);
    for (int i = 0; i < 2; i++) {
        pass p = {.err = err, .json = error_json, .beginnings = i == 1};
        for (size_t k = 0; k < FIKS_REDACT_HEADERS; k++)
            mask_header(&p, sent->headers[k]);
        if (sent->pid)
            mask(&p, sent->pid);
        mask_values(&p, details);
    }
    fiks_json_free(details);
}
