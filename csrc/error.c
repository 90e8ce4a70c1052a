#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    "ok",       "config",    "credentials",  "invalid", "network",  "tls",
    "timeout",  "cancelled", "clock",        "auth",    "denied",   "not_found",
    "conflict", "rejected",  "rate_limited", "server",  "protocol", "crypto",
    "archive",  "integrity", "limit",        "io",      "memory",   "internal",
};

_Static_assert(sizeof names / sizeof *names == FIKS_INTERNAL + 1, "a name for every kind");

const char *fiks_status_name(fiks_status kind)
{
    return (unsigned)kind <= FIKS_INTERNAL ? names[kind] : "internal";
}

const char *fiks_version(void)
{
    return FIKS_VERSION;
}

void fiks_error_clear(fiks_error *err)
{
    if (err)
        memset(err, 0, sizeof *err);
}

/* Removes a code point that a fixed buffer cut in two. */
static void trim_partial_utf8(char *text)
{
    size_t n = strlen(text), back = 0;
    while (back < 3 && back < n && ((unsigned char)text[n - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back == n)
        return;
    unsigned char lead = (unsigned char)text[n - 1 - back];
    size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (need > back)
        text[n - 1 - back] = '\0';
}

void fiks_error_text(char *to, size_t to_bytes, const char *from)
{
    int n = snprintf(to, to_bytes, "%s", from ? from : "");
    if (n >= 0 && (size_t)n >= to_bytes)
        trim_partial_utf8(to);
}

fiks_status fiks_fail(fiks_error *err, fiks_status kind, const char *code, const char *format, ...)
{
    if (!err || err->kind != FIKS_OK)
        return kind;
    err->kind = kind;
    fiks_error_text(err->code, sizeof err->code, code);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n >= sizeof err->message)
        trim_partial_utf8(err->message);
    return kind;
}

fiks_status fiks_fail_memory(fiks_error *err)
{
    return fiks_fail(err, FIKS_MEMORY, "memory", "out of memory");
}

fiks_status fiks_fail_errno(fiks_error *err, const char *what, const char *path, int errnum)
{
    char space[128];
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
    const char *text = strerror_r(errnum, space, sizeof space);
#else
    const char *text = space;
    if (strerror_r(errnum, space, sizeof space) != 0)
        snprintf(space, sizeof space, "error %d", errnum);
#endif
    return fiks_fail(err, FIKS_IO, "file", "cannot %s %s: %s", what, path, text);
}
