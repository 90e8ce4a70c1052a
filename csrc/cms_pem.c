#include "cms_pem.h"

#include <stdio.h>
#include <string.h>

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool fiks_cms_pem_start(fiks_cms_pem *pem, const uint8_t *start, size_t len, size_t *used)
{
    static const char *const labels[] = {"CMS", "PKCS7"};
    size_t at = len >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    while (at < len && is_space(start[at]))
        at++;
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        char header[FIKS_PEM_LABEL_MAX];
        size_t n = (size_t)snprintf(header, sizeof header, "-----BEGIN %s-----", labels[i]);
        if (len - at < n || memcmp(start + at, header, n) != 0)
            continue;
        pem->active = true;
        snprintf(pem->footer, sizeof pem->footer, "-----END %s-----", labels[i]);
        *used = at + n;
        return true;
    }
    return false;
}

/* -1 = no digit of Base64. */
static int digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Three bytes at most, once four digits are there. */
static size_t take_digit(fiks_cms_pem *pem, uint8_t c, uint8_t *out)
{
    int digit = digit_of(c);
    if (c == '=' && pem->digits >= 2)
        pem->padding++;
    else if (digit < 0 || pem->padding)
        pem->problem = "its Base64 holds what does not belong there";
    pem->bits = pem->bits << 6 | (uint32_t)(digit < 0 ? 0 : digit);
    if (++pem->digits < 4 || pem->problem)
        return 0;
    for (int i = 0; i < 3; i++)
        out[i] = (uint8_t)(pem->bits >> (16 - 8 * i));
    size_t made = 3u - pem->padding;
    pem->digits = 0;
    return made;
}

/* In the order of a message: the rest of the first line, the digits, the last line. */
static size_t take_byte(fiks_cms_pem *pem, uint8_t c, uint8_t *out)
{
    switch (pem->at) {
    case FIKS_PEM_HEADER:
        if (c == '\n')
            pem->at = FIKS_PEM_BODY;
        else if (!is_space(c))
            pem->problem = "its first line does not end where it should";
        return 0;
    case FIKS_PEM_BODY:
        if (is_space(c))
            return 0;
        if (c != '-')
            return take_digit(pem, c, out);
        if (pem->digits)
            pem->problem = "its Base64 ends too early";
        pem->at = FIKS_PEM_FOOTER;
        pem->matched = 1;
        return 0;
    case FIKS_PEM_FOOTER:
        if (c != (uint8_t)pem->footer[pem->matched++])
            pem->problem = "its last line is not the one that belongs to its first";
        else if (!pem->footer[pem->matched])
            pem->at = FIKS_PEM_ENDED;
        return 0;
    default: /* FIKS_PEM_ENDED */
        pem->trailing = pem->trailing || !is_space(c);
        return 0;
    }
}

size_t fiks_cms_pem_next(fiks_cms_pem *pem, const uint8_t **data, size_t *left, uint8_t *out)
{
    size_t made = 0;
    while (*left > 0 && !pem->problem && made + 3 <= FIKS_PEM_PIECE) {
        made += take_byte(pem, **data, out + made);
        ++*data;
        --*left;
    }
    return made;
}
