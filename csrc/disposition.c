#include "disposition.h"

#include <string.h>
#include <strings.h>

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

static void add_latin1(fiks_buf *out, unsigned char c)
{
    char text[2] = {(char)(0xC0 | c >> 6), (char)(0x80 | (c & 0x3F))};
    if (c < 0x80)
        fiks_buf_add(out, &c, 1);
    else
        fiks_buf_add(out, text, 2);
}

/* The value of one parameter, unquoted; returns where it ends. */
static const char *read_value(const char *at, fiks_buf *value)
{
    if (*at != '"') {
        size_t n = strcspn(at, ";");
        while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t'))
            n--;
        fiks_buf_add(value, at, n);
        return at + strcspn(at, ";");
    }
    /* A backslash quotes only a quote or itself: browsers of old wrote whole Windows paths here. */
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        fiks_buf_add(value, at, 1);
    }
    return at + strcspn(at, ";");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* charset'language'percent-encoded (RFC 8187, 3.2). */
static bool read_extended(const char *value, fiks_buf *out)
{
    const char *quote = strchr(value, '\''), *text = quote ? strchr(quote + 1, '\'') : NULL;
    if (!text)
        return false;
    bool utf8 = strncasecmp(value, "utf-8'", 6) == 0;
    if (!utf8 && strncasecmp(value, "iso-8859-1'", 11) != 0)
        return false;
    for (text++; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '%') {
            int high = hex_digit(text[1]), low = high >= 0 ? hex_digit(text[2]) : -1;
            if (low < 0)
                return false;
            c = (unsigned char)(high << 4 | low);
            text += 2;
        }
        if (utf8)
            fiks_buf_add(out, &c, 1);
        else
            add_latin1(out, c);
    }
    return !out->failed && fiks_utf8_check(out->data ? out->data : "", out->len) == out->len;
}

static void read_plain(const fiks_buf *value, fiks_buf *out)
{
    if (fiks_utf8_check(value->data, value->len) == value->len) {
        fiks_buf_add(out, value->data, value->len);
        return;
    }
    for (size_t i = 0; i < value->len; i++)
        add_latin1(out, (unsigned char)value->data[i]);
}

/* Appends what is behind the last slash or backslash, without control characters. */
static bool add_basename(const fiks_buf *name, fiks_buf *out)
{
    size_t from = 0, before = out->len;
    for (size_t i = 0; i < name->len; i++)
        if (name->data[i] == '/' || name->data[i] == '\\')
            from = i + 1;
    for (size_t i = from; i < name->len; i++)
        if ((unsigned char)name->data[i] >= 0x20 && name->data[i] != 0x7F)
            fiks_buf_add(out, name->data + i, 1);
    const char *base = out->data ? out->data + before : "";
    bool usable = base[0] && strcmp(base, ".") != 0 && strcmp(base, "..") != 0;
    if (!usable && out->data) {
        out->len = before;
        out->data[before] = '\0';
    }
    return usable && !out->failed;
}

bool fiks_disposition_filename(const char *header, fiks_buf *out)
{
    fiks_buf plain = {0}, extended = {0}, value = {0};
    const char *at = header + strcspn(header, ";");
    while (*at == ';') {
        at = skip_space(at + 1);
        size_t n = strcspn(at, "= \t;");
        const char *name = at;
        at = skip_space(at + n);
        if (*at != '=') {
            at += strcspn(at, ";");
            continue;
        }
        fiks_buf_clear(&value);
        at = read_value(skip_space(at + 1), &value);
        fiks_buf_adds(&value, "");
        if (n == 8 && strncasecmp(name, "filename", 8) == 0 && plain.len == 0 && value.len > 0)
            read_plain(&value, &plain);
        if (n == 9 && strncasecmp(name, "filename*", 9) == 0 && extended.len == 0 &&
            !value.failed && !read_extended(value.data, &extended))
            fiks_buf_clear(&extended);
    }
    bool found = add_basename(&extended, out) || add_basename(&plain, out);
    fiks_buf_free(&plain);
    fiks_buf_free(&extended);
    fiks_buf_free(&value);
    return found;
}
