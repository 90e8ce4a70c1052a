/*
 * Which bytes stand in a Lua string as they stand in a JSON string: all but control characters, the
 * quote, the backslash, and what is not well-formed UTF-8 (RFC 3629). Eight bytes at a time.
 */
#ifndef FIKS_LUAJSON_SCAN_H
#define FIKS_LUAJSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Is the byte ASCII that is copied as it is? */
static inline bool fiks_json_is_plain(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 0x20 && u < 0x80 && u != '"' && u != '\\';
}

/* How many of the eight bytes at p come before the first that is not plain. */
static inline size_t fiks_json_plain8(const char *p)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x8080808080808080u;
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    /* Each term sets a byte's high bit when that byte is one of those looked for, or, by the
     * borrow, when a byte before it was: the first bit is exact. */
    uint64_t quote = v ^ ones * '"';
    uint64_t backslash = v ^ ones * '\\';
    uint64_t found = (v | (v - ones * 0x20) | (quote - ones) | (backslash - ones)) & highs;
    return found ? (size_t)__builtin_ctzll(found) / 8 : 8;
}

/* Length of the well-formed UTF-8 sequence at p (RFC 3629, 4), or 0. `*p` is 0x80 or above. */
static inline size_t fiks_json_sequence(const char *at, const char *end)
{
    const unsigned char *p = (const unsigned char *)at;
    size_t left = (size_t)(end - at);
    unsigned char lead = p[0];
    if (lead < 0xC2 || lead > 0xF4 || left < 2)
        return 0;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    if (lead < 0xE0)
        return 2;
    if (left < 3 || (p[2] & 0xC0) != 0x80)
        return 0;
    if (lead < 0xF0)
        return 3;
    return left >= 4 && (p[3] & 0xC0) == 0x80 ? 4 : 0;
}

/*
 * The first byte of [p, end) that cannot be copied as it is; `end` when there is none. At 0x80 and
 * above it is one that starts no well-formed sequence.
 */
static inline const char *fiks_json_scan(const char *p, const char *end)
{
    for (;;) {
        size_t plain = 8;
        while (end - p >= 8 && (plain = fiks_json_plain8(p)) == 8)
            p += 8;
        if (plain < 8)
            p += plain;
        else
            while (p < end && fiks_json_is_plain(*p))
                p++;
        if (p == end || !(*p & 0x80))
            return p;
        size_t len = fiks_json_sequence(p, end);
        if (!len)
            return p;
        p += len;
    }
}

#endif
