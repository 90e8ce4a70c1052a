#include "charset.h"

#include <string.h>

#include "error.h"
#include "str.h"

bool fiks_charset_is_json(const char *content_type)
{
    static const char usual[] = "application/json"; /* the one that nearly all answers have */
    return strncmp(content_type, usual, sizeof usual - 1) == 0 ||
           strcasestr(content_type, "json") != NULL;
}

/* The value of the parameter charset into `out`; "" without one. */
static void named_charset(const char *content_type, char *out, size_t out_bytes)
{
    static const char name_characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:+";
    const char *at = strchr(content_type, ';');
    out[0] = '\0';
    for (; at && !out[0]; at = strchr(at, ';')) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, "charset=", 8) != 0)
            continue;
        at += 8 + (at[8] == '"');
        size_t n = strspn(at, name_characters);
        n = n < out_bytes ? n : out_bytes - 1;
        memcpy(out, at, n);
        out[n] = '\0';
    }
}

static size_t ascii_bytes(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && (unsigned char)text[n] < 0x80)
        n++;
    return n;
}

fiks_status fiks_charset_check(const char *operation, const char *content_type, const char *text,
                               size_t len, fiks_error *err)
{
    char charset[41];
    named_charset(content_type, charset, sizeof charset);
    if (charset[0] && !fiks_equal_nocase(charset, "utf-8") && !fiks_equal_nocase(charset, "utf8")) {
        size_t bad = ascii_bytes(text, len);
        if (bad < len)
            return fiks_fail(err, FIKS_PROTOCOL, "charset",
                             "%s: the answer says that it is in %s, and has other than ASCII "
                             "characters from byte %zu on: JSON is UTF-8",
                             operation, charset, bad);
    }
    size_t bad = fiks_utf8_check(text, len);
    return bad == len ? FIKS_OK
                      : fiks_fail(err, FIKS_PROTOCOL, "utf8",
                                  "%s: the answer is not UTF-8: byte %zu is wrong", operation, bad);
}
