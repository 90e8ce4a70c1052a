#include "names.h"

#include "error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STORED_MAX = 255, EXTENSION_MAX = 16, SHOWN_MAX = 200 };

/* Code points of bytes 0x80 to 0xFF. */
static const uint16_t cp850[128] = {
    0x00C7, 0x00FC, 0x00E9, 0x00E2, 0x00E4, 0x00E0, 0x00E5, 0x00E7, 0x00EA, 0x00EB, 0x00E8, 0x00EF,
    0x00EE, 0x00EC, 0x00C4, 0x00C5, 0x00C9, 0x00E6, 0x00C6, 0x00F4, 0x00F6, 0x00F2, 0x00FB, 0x00F9,
    0x00FF, 0x00D6, 0x00DC, 0x00F8, 0x00A3, 0x00D8, 0x00D7, 0x0192, 0x00E1, 0x00ED, 0x00F3, 0x00FA,
    0x00F1, 0x00D1, 0x00AA, 0x00BA, 0x00BF, 0x00AE, 0x00AC, 0x00BD, 0x00BC, 0x00A1, 0x00AB, 0x00BB,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x00C1, 0x00C2, 0x00C0, 0x00A9, 0x2563, 0x2551, 0x2557,
    0x255D, 0x00A2, 0x00A5, 0x2510, 0x2514, 0x2534, 0x252C, 0x251C, 0x2500, 0x253C, 0x00E3, 0x00C3,
    0x255A, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256C, 0x00A4, 0x00F0, 0x00D0, 0x00CA, 0x00CB,
    0x00C8, 0x0131, 0x00CD, 0x00CE, 0x00CF, 0x2518, 0x250C, 0x2588, 0x2584, 0x00A6, 0x00CC, 0x2580,
    0x00D3, 0x00DF, 0x00D4, 0x00D2, 0x00F5, 0x00D5, 0x00B5, 0x00FE, 0x00DE, 0x00DA, 0x00DB, 0x00D9,
    0x00FD, 0x00DD, 0x00AF, 0x00B4, 0x00AD, 0x00B1, 0x2017, 0x00BE, 0x00B6, 0x00A7, 0x00F7, 0x00B8,
    0x00B0, 0x00A8, 0x00B7, 0x00B9, 0x00B3, 0x00B2, 0x25A0, 0x00A0,
};

/* Of 0x80 to 0x9F; the rest is Latin-1. 0 = not assigned. */
static const uint16_t windows1252[32] = {
    0x20AC, 0x0000, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x0000, 0x017D, 0x0000, 0x0000, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x0000, 0x017E, 0x0178,
};

/* ---- decoding ------------------------------------------------------------------------------ */

static uint16_t from_cp850(uint8_t byte)
{
    return cp850[byte - 0x80];
}

static uint16_t from_windows1252(uint8_t byte)
{
    return byte >= 0xA0 ? byte : windows1252[byte - 0x80];
}

static bool is_latin_letter(uint16_t c)
{
    return c >= 0xC0 && c <= 0xFF && c != 0xD7 && c != 0xF7;
}

/* Of the code points met here, all below U+10000. */
static void add_code_point(fiks_buf *out, uint16_t c)
{
    uint8_t text[3] = {(uint8_t)c};
    size_t n = 1;
    if (c >= 0x800) {
        text[0] = (uint8_t)(0xE0 | c >> 12);
        text[1] = (uint8_t)(0x80 | (c >> 6 & 0x3F));
        text[2] = (uint8_t)(0x80 | (c & 0x3F));
        n = 3;
    } else if (c >= 0x80) {
        text[0] = (uint8_t)(0xC0 | c >> 6);
        text[1] = (uint8_t)(0x80 | (c & 0x3F));
        n = 2;
    }
    fiks_buf_add(out, text, n);
}

/* False when a byte means nothing in the code page or, with `letters`, is none. */
static bool decode_page(const uint8_t *raw, size_t len, uint16_t (*page)(uint8_t), bool letters,
                        fiks_buf *out)
{
    fiks_buf_clear(out);
    for (size_t i = 0; i < len; i++) {
        uint16_t c = raw[i] < 0x80 ? raw[i] : page(raw[i]);
        if (raw[i] >= 0x80 && (c == 0 || (letters && !is_latin_letter(c))))
            return false;
        add_code_point(out, c);
    }
    return true;
}

static void escape_bytes(const uint8_t *raw, size_t len, fiks_buf *out)
{
    fiks_buf_clear(out);
    for (size_t i = 0; i < len; i++)
        if (raw[i] < 0x80)
            fiks_buf_add(out, &raw[i], 1);
        else
            fiks_buf_addf(out, "%%%02X", raw[i]);
}

fiks_status fiks_name_decode(const void *raw, size_t len, bool utf8, fiks_name_known_fn known,
                             void *to, fiks_buf *out, fiks_error *err)
{
    fiks_buf_clear(out);
    if (fiks_utf8_check(raw, len) == len) {
        fiks_buf_add(out, raw, len);
    } else if (utf8) {
        fiks_buf shown = {0};
        fiks_name_show(raw, len, &shown);
        fiks_fail(err, FIKS_ARCHIVE, "name",
                  "the zip says the name \"%s\" is UTF-8, which it is not",
                  shown.data ? shown.data : "");
        fiks_buf_free(&shown);
        return FIKS_ARCHIVE;
    } else if (!(known && decode_page(raw, len, from_cp850, false, out) && out->data &&
                 known(to, out->data)) &&
               !(known && decode_page(raw, len, from_windows1252, false, out) && out->data &&
                 known(to, out->data)) &&
               !decode_page(raw, len, from_cp850, true, out)) {
        escape_bytes(raw, len, out);
    }
    fiks_buf_add(out, "", 0);
    return out->failed ? fiks_fail_memory(err) : FIKS_OK;
}

bool fiks_name_show(const char *name, size_t len, fiks_buf *out)
{
    size_t shown = 0;
    while (shown < len && shown < SHOWN_MAX) {
        size_t good = fiks_utf8_check(name + shown, len - shown);
        if (good == 0) {
            fiks_buf_addf(out, "\\x%02X", (unsigned char)name[shown++]);
            continue;
        }
        if (good > SHOWN_MAX - shown)
            good = SHOWN_MAX - shown;
        for (size_t i = shown; i < shown + good; i++)
            if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
                fiks_buf_addf(out, "\\x%02X", (unsigned char)name[i]);
            else
                fiks_buf_add(out, name + i, 1);
        shown += good;
    }
    return fiks_buf_adds(out, shown < len ? "..." : "");
}

/* ---- refusing ------------------------------------------------------------------------------ */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Why the name must not be used; NULL = it may. */
static const char *objection(const char *name, size_t len)
{
    if (len == 0)
        return "is empty";
    if (memchr(name, '\0', len))
        return "holds a NUL byte";
    if (memchr(name, '\\', len))
        return "holds a backslash";
    if (name[0] == '/')
        return "is an absolute path";
    if (len >= 2 && name[1] == ':' && is_letter(name[0]))
        return "starts with a drive letter";
    for (const char *step = name, *end = name + len; step < end;) {
        const char *slash = memchr(step, '/', (size_t)(end - step));
        size_t n = (size_t)((slash ? slash : end) - step);
        if (n == 0)
            return "has an empty step in its path";
        if ((n == 1 && step[0] == '.') || (n == 2 && step[0] == '.' && step[1] == '.'))
            return "leads out of its folder";
        step = slash ? slash + 1 : end;
    }
    return NULL;
}

fiks_status fiks_name_check(const char *name, size_t len, fiks_error *err)
{
    const char *why = objection(name, len);
    if (!why)
        return FIKS_OK;
    fiks_buf shown = {0};
    fiks_name_show(name, len, &shown);
    fiks_fail(err, FIKS_ARCHIVE, "name",
              "the zip holds an entry that must not be unpacked: its name \"%s\" %s",
              shown.data ? shown.data : "", why);
    fiks_buf_free(&shown);
    return FIKS_ARCHIVE;
}

/* ---- storing ------------------------------------------------------------------------------- */

static bool is_reserved(unsigned char c)
{
    return c < 0x20 || c == 0x7F || strchr("/\\<>:\"|?*", c) != NULL;
}

/* CON, PRN, AUX, NUL, COM1-9 and LPT1-9, with any extension, are devices on Windows. */
static bool is_device(const char *name)
{
    static const char *const devices[] = {"con", "prn", "aux", "nul"};
    char stem[6] = "";
    size_t n = strcspn(name, ".");
    if (n < 3 || n > 4)
        return false;
    memcpy(stem, name, n);
    for (size_t i = 0; n == 3 && i < sizeof devices / sizeof *devices; i++)
        if (fiks_equal_nocase(stem, devices[i]))
            return true;
    bool numbered = n == 4 && stem[3] >= '1' && stem[3] <= '9';
    stem[3] = '\0';
    return numbered && (fiks_equal_nocase(stem, "com") || fiks_equal_nocase(stem, "lpt"));
}

static uint64_t fnv1a(const char *text)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    return hash;
}

/* The longest prefix of at most `max` bytes that cuts no code point. */
static size_t prefix(const char *text, size_t len, size_t max)
{
    size_t n = len < max ? len : max;
    while (n > 0 && n < len && ((unsigned char)text[n] & 0xC0) == 0x80)
        n--;
    return n;
}

/* Shortens what was added at `start`; names that differ stay different. */
static void shorten(fiks_buf *out, size_t start, const char *whole)
{
    char extension[EXTENSION_MAX + 1] = "", hash[24];
    char *name = out->data + start;
    size_t len = out->len - start;
    const char *dot = strrchr(name, '.');
    if (dot && dot > name && strlen(dot) <= EXTENSION_MAX)
        strcpy(extension, dot);
    snprintf(hash, sizeof hash, "-%016llx", (unsigned long long)fnv1a(whole));
    out->len = start + prefix(name, len, STORED_MAX - strlen(hash) - strlen(extension));
    fiks_buf_adds(out, hash);
    fiks_buf_adds(out, extension);
}

bool fiks_name_store(const char *name, fiks_buf *out)
{
    size_t start = out->len, len = strlen(name);
    if (is_device(name))
        fiks_buf_adds(out, "_");
    for (size_t i = 0; i < len;) {
        size_t good = fiks_utf8_check(name + i, len - i);
        for (size_t end = i + good; i < end; i++)
            fiks_buf_add(out, is_reserved((unsigned char)name[i]) ? "_" : name + i, 1);
        if (i < len)
            fiks_buf_addf(out, "%%%02X", (unsigned char)name[i++]);
    }
    if (out->failed)
        return false;
    if (out->len == start)
        return fiks_buf_adds(out, "_");
    if (out->data[start] == '.')
        out->data[start] = '_';
    for (size_t i = out->len; i > start && strchr(". ", out->data[i - 1]); i--)
        out->data[i - 1] = '_';
    if (out->len - start > STORED_MAX)
        shorten(out, start, name);
    return !out->failed;
}

/* ---- sets ---------------------------------------------------------------------------------- */

static char **slot_of(char **slots, size_t capacity, const char *name)
{
    size_t i = (size_t)fnv1a(name) & (capacity - 1);
    while (slots[i] && strcmp(slots[i], name) != 0)
        i = (i + 1) & (capacity - 1);
    return &slots[i];
}

static bool grow(fiks_name_set *set)
{
    size_t capacity = set->capacity ? 2 * set->capacity : 64;
    char **slots = calloc(capacity, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < set->capacity; i++)
        if (set->slots[i])
            *slot_of(slots, capacity, set->slots[i]) = set->slots[i];
    free(set->slots);
    set->slots = slots;
    set->capacity = capacity;
    return true;
}

int fiks_name_set_add(fiks_name_set *set, const char *name)
{
    if (2 * (set->count + 1) > set->capacity && !grow(set))
        return -1;
    char *folded = fiks_name_fold(name, true);
    if (!folded)
        return -1;
    char **slot = slot_of(set->slots, set->capacity, folded);
    if (*slot) {
        free(folded);
        return 0;
    }
    *slot = folded;
    set->count++;
    return 1;
}

void fiks_name_set_free(fiks_name_set *set)
{
    for (size_t i = 0; i < set->capacity; i++)
        free(set->slots[i]);
    free(set->slots);
    *set = (fiks_name_set){0};
}
