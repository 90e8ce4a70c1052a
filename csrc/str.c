#include "str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fiks_buf_reserve(fiks_buf *buf, size_t extra)
{
    if (buf->failed || extra > SIZE_MAX / 2 - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t need = buf->len + extra + 1;
    if (need <= buf->cap)
        return true;
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < need)
        cap *= 2;
    /* not realloc: the old block may hold a secret and must be wiped */
    char *data = malloc(cap);
    if (!data) {
        buf->failed = true;
        return false;
    }
    if (buf->data) {
        memcpy(data, buf->data, buf->len);
        fiks_wipe_free(buf->data, buf->cap);
    }
    data[buf->len] = '\0';
    buf->data = data;
    buf->cap = cap;
    return true;
}

bool fiks_buf_add(fiks_buf *buf, const void *data, size_t len)
{
    if (!fiks_buf_reserve(buf, len))
        return false;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return true;
}

bool fiks_buf_adds(fiks_buf *buf, const char *text)
{
    return fiks_buf_add(buf, text, strlen(text));
}

bool fiks_buf_addf(fiks_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bool ok = n >= 0 && fiks_buf_reserve(buf, (size_t)n);
    if (ok) {
        vsnprintf(buf->data + buf->len, (size_t)n + 1, format, again);
        buf->len += (size_t)n;
    }
    va_end(again);
    return ok;
}

void fiks_buf_clear(fiks_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

void fiks_buf_free(fiks_buf *buf)
{
    fiks_wipe_free(buf->data, buf->cap);
    memset(buf, 0, sizeof *buf);
}

char *fiks_strdup(const char *text)
{
    return text ? strdup(text) : NULL;
}

void fiks_wipe(void *data, size_t len)
{
    if (data && len)
        explicit_bzero(data, len);
}

void fiks_wipe_free(void *data, size_t len)
{
    fiks_wipe(data, len);
    free(data);
}

void fiks_str_wipe_free(char *text)
{
    if (text)
        fiks_wipe_free(text, strlen(text));
}

static const char base64_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool base64_add(fiks_buf *buf, const uint8_t *in, size_t len, const char *alphabet,
                       bool padded)
{
    if (len > SIZE_MAX / 2 || !fiks_buf_reserve(buf, (len + 2) / 3 * 4)) {
        buf->failed = true;
        return false;
    }
    char *out = buf->data + buf->len;
    size_t i = 0;
    for (; i + 3 <= len; i += 3) {
        uint32_t v = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = alphabet[v >> 6 & 63];
        *out++ = alphabet[v & 63];
    }
    if (i < len) {
        uint32_t v = (uint32_t)in[i] << 16 | (i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0);
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        if (i + 1 < len)
            *out++ = alphabet[v >> 6 & 63];
        else if (padded)
            *out++ = '=';
        if (padded)
            *out++ = '=';
    }
    *out = '\0';
    buf->len = (size_t)(out - buf->data);
    return true;
}

bool fiks_base64_add(fiks_buf *buf, const void *data, size_t len)
{
    return base64_add(buf, data, len, base64_standard, true);
}

bool fiks_base64url_add(fiks_buf *buf, const void *data, size_t len)
{
    return base64_add(buf, data, len, base64_url, false);
}

static int base64_value(char c, const char *alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c && c == alphabet[62])
        return 62;
    return c && c == alphabet[63] ? 63 : -1;
}

/* `len` counts no padding here. Bits beyond the last byte must be zero (RFC 4648, 3.5). */
static bool base64_decode(const char *text, size_t len, const char *alphabet, fiks_buf *out)
{
    if (len % 4 == 1 || !fiks_buf_reserve(out, len / 4 * 3 + 3))
        return false;
    uint32_t bits = 0;
    int count = 0;
    uint8_t *to = (uint8_t *)out->data + out->len;
    for (size_t i = 0; i < len; i++) {
        int v = base64_value(text[i], alphabet);
        if (v < 0)
            return false;
        bits = bits << 6 | (uint32_t)v;
        count += 6;
        if (count >= 8) {
            count -= 8;
            *to++ = (uint8_t)(bits >> count);
        }
    }
    if (bits & ((1u << count) - 1))
        return false;
    *to = '\0';
    out->len = (size_t)((char *)to - out->data);
    return true;
}

bool fiks_base64_decode(const char *text, size_t len, fiks_buf *out)
{
    if (len % 4 != 0)
        return false;
    size_t padding = 0;
    while (padding < 2 && padding < len && text[len - 1 - padding] == '=')
        padding++;
    return base64_decode(text, len - padding, base64_standard, out);
}

bool fiks_base64url_decode(const char *text, size_t len, fiks_buf *out)
{
    return base64_decode(text, len, base64_url, out);
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

bool fiks_percent_add(fiks_buf *buf, const char *text, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    if (len > SIZE_MAX / 4 || !fiks_buf_reserve(buf, len * 3)) {
        buf->failed = true;
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (is_unreserved(c)) {
            buf->data[buf->len++] = (char)c;
        } else {
            buf->data[buf->len++] = '%';
            buf->data[buf->len++] = digits[c >> 4];
            buf->data[buf->len++] = digits[c & 15];
        }
    }
    buf->data[buf->len] = '\0';
    return true;
}

bool fiks_hex_add(fiks_buf *buf, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = data;
    if (len > SIZE_MAX / 4 || !fiks_buf_reserve(buf, len * 2)) {
        buf->failed = true;
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        buf->data[buf->len++] = digits[in[i] >> 4];
        buf->data[buf->len++] = digits[in[i] & 15];
    }
    buf->data[buf->len] = '\0';
    return true;
}

/* Length of the well-formed sequence at `s` (RFC 3629, 4), or 0. */
static size_t utf8_sequence(const unsigned char *s, size_t left)
{
    unsigned char c = s[0];
    size_t n = c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
    if (!n || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((c == 0xE0 && s[1] < 0xA0) || (c == 0xED && s[1] > 0x9F) || (c == 0xF0 && s[1] < 0x90) ||
        (c == 0xF4 && s[1] > 0x8F))
        return 0;
    return n;
}

size_t fiks_utf8_check(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t i = 0;
    while (i < len) {
        uint64_t word;
        while (i + 8 <= len && (memcpy(&word, s + i, 8), !(word & 0x8080808080808080ULL)))
            i += 8;
        while (i < len && s[i] < 0x80)
            i++;
        while (i < len && s[i] >= 0x80) {
            size_t n = utf8_sequence(s + i, len - i);
            if (!n)
                return i;
            i += n;
        }
    }
    return len;
}

bool fiks_is_uuid(const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    if (!text || strlen(text) != sizeof shape - 1)
        return false;
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        char c = text[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (shape[i] == '-' ? c != '-' : !hex)
            return false;
    }
    return true;
}

bool fiks_equal_nocase(const char *a, const char *b)
{
    for (;; a++, b++) {
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a;
        char y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
        if (x != y)
            return false;
        if (!x)
            return true;
    }
}
