#include "../error.h"
#include "luajson.h"
#include "scan.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Members waiting on the Lua stack until their number is known, so that most tables are made at
 * their final size. Depth times twice this stays below LuaJIT's limit of 8000 stack slots. */
#define PENDING 32
#define SCRATCH 2  /* stack index of the userdata for strings with escapes */
#define KNOWN_AT 3 /* of the first known name */
#define KNOWN 64   /* names, at most */
#define KNOWN_TRIES 4
#define KNOWN_FROM 512 /* bytes of text: in less, few names come twice */

/* A name, where it stands still: in the text or on the Lua stack. */
typedef struct name {
    const char *text; /* NULL = none */
    size_t len;
} name;

typedef struct decoder {
    lua_State *L;
    const char *text;
    const char *at; /* the Lua string ends in a NUL byte, which no token accepts */
    const char *end;
    char *scratch;
    size_t scratch_size;
    int depth;
    fiks_error err;
    const char *failed_at;
    /* Names met in this document, each on the Lua stack: pushed again without being hashed. None is
     * ever replaced, so a name is either here or never will be. */
    name known[KNOWN];
    bool knows;
} decoder;

static bool value(decoder *d);

static bool fail_at(decoder *d, const char *at, const char *what)
{
    d->failed_at = at;
    fiks_fail(&d->err, FIKS_PROTOCOL, "json", "not valid JSON: %s at byte offset %td", what,
              at - d->text);
    return false;
}

static bool fail(decoder *d, const char *what)
{
    return fail_at(d, d->at, d->at >= d->end ? "the text ends early" : what);
}

static inline void skip_space(decoder *d)
{
    const char *p = d->at;
    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
        p++;
    d->at = p;
}

/* ---- strings ---- */

/* Four hex digits at p, or -1. */
static int hex4(const char *p, const char *end)
{
    int code = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        code = code << 4 | digit;
    }
    return code;
}

static char *put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

/* d->at is behind "\u". A pair of surrogates is one code point; half a pair is an error. */
static bool unicode_escape(decoder *d, char **to)
{
    int code = hex4(d->at, d->end);
    if (code < 0)
        return fail(d, "four hex digits expected");
    if (code >= 0xDC00 && code <= 0xDFFF)
        return fail(d, "a low surrogate without its high one");
    const char *next = d->at + 4;
    if (code >= 0xD800 && code <= 0xDBFF) {
        int low = -1;
        if (d->end - next >= 6 && next[0] == '\\' && next[1] == 'u')
            low = hex4(next + 2, d->end);
        if (low < 0xDC00 || low > 0xDFFF)
            return fail(d, "a high surrogate without its low one");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        next += 6;
    }
    *to = put_utf8(*to, (uint32_t)code);
    d->at = next;
    return true;
}

/* d->at is at the backslash. */
static bool escape(decoder *d, char **to)
{
    static const char from_to[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    char c = d->at[1];
    if (c == 'u') {
        d->at += 2;
        return unicode_escape(d, to);
    }
    for (const char *p = from_to; *p; p += 2)
        if (*p == c) {
            *(*to)++ = p[1];
            d->at += 2;
            return true;
        }
    return fail(d, "an unknown escape");
}

static void need_scratch(decoder *d, size_t bytes)
{
    if (d->scratch_size >= bytes)
        return;
    d->scratch = lua_newuserdatauv(d->L, bytes, 0);
    d->scratch_size = bytes;
    lua_replace(d->L, SCRATCH);
}

/* Length of the string literal from d->at to its closing quote (or the end): an upper bound of
 * what it decodes to. */
static size_t literal_length(const decoder *d)
{
    const char *p = d->at;
    while (p < d->end && *p != '"')
        p += *p == '\\' && p + 1 < d->end ? 2 : 1;
    return (size_t)(p - d->at);
}

static bool escaped_string(decoder *d)
{
    need_scratch(d, literal_length(d) + 1);
    char *to = d->scratch;
    for (;;) {
        const char *stop = fiks_json_scan(d->at, d->end);
        memcpy(to, d->at, (size_t)(stop - d->at));
        to += stop - d->at;
        d->at = stop;
        if (stop < d->end && *stop == '"')
            break;
        if (stop == d->end || (unsigned char)*stop < 0x20)
            return fail(d, "a control character in a string");
        if (*stop != '\\')
            return fail(d, "not UTF-8");
        if (!escape(d, &to))
            return false;
    }
    d->at++;
    lua_pushlstring(d->L, d->scratch, (size_t)(to - d->scratch));
    return true;
}

/* Passes the string at d->at, which is a quote, when it has no escapes. */
static inline bool plain_string(decoder *d, name *out)
{
    const char *start = d->at + 1;
    const char *stop = fiks_json_scan(start, d->end);
    if (*stop != '"') {
        d->at = start;
        return false;
    }
    out->text = start;
    out->len = (size_t)(stop - start);
    d->at = stop + 1;
    return true;
}

static inline bool string(decoder *d)
{
    name plain;
    if (!plain_string(d, &plain))
        return escaped_string(d);
    lua_pushlstring(d->L, plain.text, plain.len);
    return true;
}

/* ---- numbers ---- */

/* A double reads the same in every locale. */
static double c_strtod(const char *text)
{
    static locale_t c_locale;
    locale_t locale = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);
    if (!locale) {
        /* glibc hands out its one C locale: a race makes nothing twice */
        locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
        __atomic_store_n(&c_locale, locale, __ATOMIC_RELEASE);
    }
    return locale ? strtod_l(text, NULL, locale) : strtod(text, NULL);
}

static bool push_double(decoder *d, const char *start)
{
    double number = c_strtod(start);
    if (isinf(number))
        return fail_at(d, start, "a number beyond the range of a double");
    lua_pushnumber(d->L, number);
    return true;
}

/* Pushes the integer with this magnitude, if it fits. */
static bool push_int64(lua_State *L, uint64_t magnitude, bool negative)
{
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    fiks_l_push_int64(L, negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude);
    return true;
}

static bool push_wide_integer(decoder *d, const char *start, const char *stop)
{
#if LUA_VERSION_NUM >= 503
    (void)stop;
    return push_double(d, start);
#else
    lua_pushlstring(d->L, start, (size_t)(stop - start));
    return true;
#endif
}

static const char *digits(const char *p)
{
    while (*p >= '0' && *p <= '9')
        p++;
    return p;
}

/* d->at is behind the integer part. Pushes the number with fraction or exponent. */
static bool fraction(decoder *d, const char *start)
{
    const char *p = d->at;
    if (*p == '.') {
        p = digits(d->at + 1);
        if (p == d->at + 1) {
            d->at = p;
            return fail(d, "digits expected after the point");
        }
    }
    if (*p == 'e' || *p == 'E') {
        p += p[1] == '+' || p[1] == '-' ? 2 : 1;
        const char *exponent = p;
        p = digits(p);
        if (p == exponent) {
            d->at = p;
            return fail(d, "digits expected in the exponent");
        }
    }
    d->at = p;
    return push_double(d, start);
}

static bool number(decoder *d)
{
    const char *start = d->at;
    bool negative = *start == '-';
    const char *first = start + negative;
    const char *p = first;
    uint64_t magnitude = 0;
    bool wide = false;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        wide = wide || magnitude > (UINT64_MAX - digit) / 10;
        magnitude = magnitude * 10 + digit;
    }
    d->at = p;
    if (p == first)
        return fail(d, "a digit expected");
    if (*first == '0' && p > first + 1)
        return fail_at(d, first, "a number with a leading zero");
    if (*p == '.' || *p == 'e' || *p == 'E')
        return fraction(d, start);
    if (!wide && push_int64(d->L, magnitude, negative))
        return true;
    return push_wide_integer(d, start, p);
}

/* ---- arrays and objects ---- */

static bool enter(decoder *d)
{
    if (d->depth == FIKS_JSON_DEPTH)
        return fail(d, "nested deeper than 64");
    if (!lua_checkstack(d->L, 2 * PENDING + 8))
        return fiks_fail_memory(&d->err), false;
    d->depth++;
    d->at++;
    skip_space(d);
    return true;
}

/* After a member: a comma goes on, `closing` ends. */
static inline bool more(decoder *d, char closing, bool *done, const char *what)
{
    skip_space(d);
    *done = *d->at == closing;
    if (!*done && *d->at != ',')
        return fail(d, what);
    d->at++;
    if (!*done)
        skip_space(d);
    return true;
}

/* Moves `count` elements from the top of the stack to the array in `slot`, which has `before`. */
static void flush_array(lua_State *L, int slot, size_t before, int count, bool last)
{
    if (before == 0) {
        lua_createtable(L, last ? count : 4 * PENDING, 0);
        lua_replace(L, slot);
    }
    for (int i = count; i > 0; i--)
        lua_rawseti(L, slot, (int)before + i);
}

static bool array(decoder *d)
{
    lua_State *L = d->L;
    int slot = lua_gettop(L) + 1;
    size_t stored = 0;
    int pending = 0;
    if (!enter(d))
        return false;
    lua_pushnil(L); /* the table's place, under its elements */
    bool done = *d->at == ']';
    if (done)
        d->at++;
    while (!done) {
        if (!value(d) || !more(d, ']', &done, "',' or ']' expected"))
            return false;
        pending++;
        if (done || stored || pending == PENDING) {
            flush_array(L, slot, stored, pending, done);
            stored += (size_t)pending;
            pending = 0;
        }
    }
    if (!stored)
        flush_array(L, slot, 0, 0, true);
    lua_pushvalue(L, lua_upvalueindex(JSON_ARRAY_MT));
    lua_setmetatable(L, slot);
    d->depth--;
    return true;
}

typedef struct object {
    int slot;      /* of the table, under its members */
    bool stored;   /* some members are in the table */
    int pending;   /* the others, on the stack */
    uint64_t seen; /* of the known names, by bit */
    int other_count;
    name others[PENDING]; /* of the pending ones, which are not known */
} object;

/* The place of the name among the known ones: its own, a free one, or -1. */
static inline int known_place(const decoder *d, const name *n)
{
    size_t first = n->len;
    if (!d->knows)
        return -1;
    if (n->len > 0)
        first += (unsigned char)n->text[0] + 7 * (size_t)(unsigned char)n->text[n->len - 1] +
                 31 * (size_t)(unsigned char)n->text[n->len / 2];
    for (size_t i = first; i < first + KNOWN_TRIES; i++) {
        const name *known = &d->known[i % KNOWN];
        if (!known->text || (known->len == n->len && memcmp(known->text, n->text, n->len) == 0))
            return (int)(i % KNOWN);
    }
    return -1;
}

/* Was the name on top of the stack, which is not a known one, met before in this object? */
static bool is_other_duplicate(lua_State *L, object *o, const name *n)
{
    for (int i = 0; i < o->other_count; i++)
        if (o->others[i].len == n->len && memcmp(o->others[i].text, n->text, n->len) == 0)
            return true;
    o->others[o->other_count++] = *n;
    if (!o->stored)
        return false;
    lua_pushvalue(L, -1);
    lua_rawget(L, o->slot);
    bool found = !lua_isnil(L, -1);
    lua_pop(L, 1);
    return found;
}

/* Pushes the name, unless an escaped one is there already. False: the object has it. */
static bool push_name(decoder *d, object *o, name n, bool escaped)
{
    lua_State *L = d->L;
    int place = known_place(d, &n);
    bool known = place >= 0 && d->known[place].text;
    if (known && !escaped)
        lua_pushvalue(L, KNOWN_AT + place);
    else if (!escaped)
        lua_pushlstring(L, n.text, n.len);
    if (place < 0)
        return !is_other_duplicate(L, o, &n);
    if (!known) {
        lua_pushvalue(L, -1);
        lua_replace(L, KNOWN_AT + place);
        d->known[place].text = lua_tolstring(L, KNOWN_AT + place, &d->known[place].len);
    }
    bool seen = o->seen >> place & 1;
    o->seen |= (uint64_t)1 << place;
    return !seen;
}

/* Pushes the name of the next member, and passes the colon. */
static bool member_name(decoder *d, object *o)
{
    const char *start = d->at;
    name n;
    if (*start != '"')
        return fail(d, "a name in quotes expected");
    bool escaped = !plain_string(d, &n);
    if (escaped) {
        if (!escaped_string(d))
            return false;
        n.text = lua_tolstring(d->L, -1, &n.len);
    }
    if (!push_name(d, o, n, escaped))
        return fail_at(d, start, "a name that the object has already");
    skip_space(d);
    if (*d->at != ':')
        return fail(d, "':' expected");
    d->at++;
    skip_space(d);
    return true;
}

/* Moves the members from the top of the stack into the table. */
static void flush_object(lua_State *L, object *o, bool last)
{
    if (!o->stored) {
        lua_createtable(L, 0, last ? o->pending : 4 * PENDING);
        lua_replace(L, o->slot);
        o->stored = true;
    }
    for (; o->pending > 0; o->pending--)
        lua_rawset(L, o->slot);
    o->other_count = 0;
}

static bool read_object(decoder *d)
{
    object o;
    o.slot = lua_gettop(d->L) + 1;
    o.stored = false;
    o.pending = o.other_count = 0;
    o.seen = 0;
    if (!enter(d))
        return false;
    lua_pushnil(d->L);
    bool done = *d->at == '}';
    if (done)
        d->at++;
    while (!done) {
        if (!member_name(d, &o) || !value(d) || !more(d, '}', &done, "',' or '}' expected"))
            return false;
        if (++o.pending == PENDING && !done)
            flush_object(d->L, &o, false);
    }
    flush_object(d->L, &o, true);
    d->depth--;
    return true;
}

/* ---- values ---- */

static bool literal(decoder *d, const char *word, size_t len)
{
    if ((size_t)(d->end - d->at) < len || memcmp(d->at, word, len) != 0)
        return fail(d, "a value expected");
    d->at += len;
    return true;
}

static bool value(decoder *d)
{
    switch (*d->at) {
    case '"':
        return string(d);
    case '{':
        return read_object(d);
    case '[':
        return array(d);
    case 't':
        lua_pushboolean(d->L, 1);
        return literal(d, "true", 4);
    case 'f':
        lua_pushboolean(d->L, 0);
        return literal(d, "false", 5);
    case 'n':
        lua_pushlightuserdata(d->L, NULL);
        return literal(d, "null", 4);
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return number(d);
    default:
        return fail(d, "a value expected");
    }
}

static bool document(decoder *d)
{
    if (d->end - d->at >= 3 && memcmp(d->at, "\xEF\xBB\xBF", 3) == 0)
        d->at += 3;
    skip_space(d);
    if (!value(d))
        return false;
    skip_space(d);
    return d->at == d->end || fail(d, "more text after the value");
}

int fiks_json_decode(lua_State *L)
{
    decoder d;
    size_t len;
    luaL_checktype(L, 1, LUA_TSTRING);
    lua_settop(L, 1);
    luaL_checkstack(L, KNOWN + LUA_MINSTACK, "no room for JSON");
    d.text = lua_tolstring(L, 1, &len);
    d.knows = len >= KNOWN_FROM;
    if (d.knows)
        memset(d.known, 0, sizeof d.known);
    lua_settop(L, d.knows ? KNOWN_AT + KNOWN - 1 : SCRATCH);
    d.L = L;
    d.at = d.text;
    d.end = d.text + len;
    d.scratch = NULL;
    d.scratch_size = 0;
    d.depth = 0;
    d.failed_at = NULL;
    fiks_error_clear(&d.err);
    if (document(&d))
        return 1;
    lua_settop(L, 0);
    fiks_l_fail(L, &d.err);
    if (d.failed_at) {
        lua_pushinteger(L, d.failed_at - d.text);
        lua_setfield(L, -2, "offset");
    }
    return 2;
}
