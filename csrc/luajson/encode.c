#include "../error.h"
#include "luajson.h"
#include "scan.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_BYTES ((size_t)64 * 1024) /* of the output, from one call to the next */
#define KEEP_MOST ((size_t)16 * 1024 * 1024)
#define KEEP_CALLS 16
#define USUAL_DEPTH 8 /* room on the stack for so many levels; a task has one of its own */
#define FIRST_BYTES ((size_t)1024)
#define AROUND                                                                                     \
    ((size_t)16) /* of a string: quotes, one escape, what copying eight at a time needs */
#define TWO_53 9007199254740992.0

/* Where we are in one open table: at a key (borrowed from the Lua stack) or at an index. */
typedef struct frame {
    int table;       /* stack index */
    const char *key; /* NULL = index */
    size_t key_len;
    size_t index; /* from 0, as JSON counts */
} frame;

typedef struct encoder {
    lua_State *L;
    fiks_json_output *out;
    char *at; /* next free byte of out->data */
    char *end;
    const void *array_mt;
    const void *integer_mt;
    int depth;
    ptrdiff_t offset; /* of the bad byte within its string; negative = none */
    char path[256];   /* of what failed */
    fiks_error err;
    frame frames[FIKS_JSON_DEPTH + 1];
} encoder;

static bool value(encoder *e, int index);

/* ---- errors ---- */

static bool is_name(const char *key, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = key[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return len > 0 && len <= 64;
}

/* Keys that are no names are shown in part and without digits: they may be personal numbers. */
static int add_odd_key(char *to, size_t size, const char *key, size_t len)
{
    char shown[25];
    size_t n = len < sizeof shown - 1 ? len : sizeof shown - 1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)key[i];
        bool digit = c >= '0' && c <= '9';
        shown[i] = digit ? '#' : c < 0x20 || c > 0x7E || c == '"' ? '?' : (char)c;
    }
    shown[n] = '\0';
    return snprintf(to, size, "[\"%s%s\"]", shown, n < len ? "..." : "");
}

static void set_path(encoder *e, int depth)
{
    char *to = e->path;
    size_t size = sizeof e->path;
    size_t len = (size_t)snprintf(to, size, "$");
    for (int i = 0; i < depth && len + 1 < size; i++) {
        const frame *f = &e->frames[i];
        int written = 0;
        if (!f->key)
            written = snprintf(to + len, size - len, "[%zu]", f->index);
        else if (is_name(f->key, f->key_len))
            written = snprintf(to + len, size - len, ".%.*s", (int)f->key_len, f->key);
        else
            written = add_odd_key(to + len, size - len, f->key, f->key_len);
        len += written < 0 ? 0 : (size_t)written;
    }
}

/* `depth` frames lead to the culprit; `what` says what it is and what to do. */
static bool fail(encoder *e, int depth, const char *code, const char *what)
{
    set_path(e, depth);
    fiks_fail(&e->err, FIKS_INVALID, code, "cannot make JSON of %s: %s", e->path, what);
    return false;
}

static bool fail_utf8(encoder *e, int depth, const char *text, const char *bad, const char *what)
{
    char message[160];
    e->offset = bad - text;
    snprintf(message, sizeof message, "%s is not UTF-8: byte 0x%02X at offset %td", what,
             (unsigned)(unsigned char)*bad, e->offset);
    return fail(e, depth, "utf8", message);
}

/* ---- output ---- */

static bool grow(encoder *e, size_t extra)
{
    size_t used = (size_t)(e->at - e->out->data);
    size_t cap = e->out->cap ? e->out->cap : FIRST_BYTES;
    while (cap - used < extra) {
        if (cap > SIZE_MAX / 2)
            return fiks_fail_memory(&e->err), false;
        cap *= 2;
    }
    char *data = realloc(e->out->data, cap);
    if (!data)
        return fiks_fail_memory(&e->err), false;
    e->out->data = data;
    e->out->cap = cap;
    e->at = data + used;
    e->end = data + cap;
    return true;
}

static inline bool room(encoder *e, size_t extra)
{
    return (size_t)(e->end - e->at) >= extra || grow(e, extra);
}

static inline bool put_char(encoder *e, char c)
{
    if (!room(e, 1))
        return false;
    *e->at++ = c;
    return true;
}

static bool put(encoder *e, const char *text, size_t len)
{
    if (!room(e, len))
        return false;
    memcpy(e->at, text, len);
    e->at += len;
    return true;
}

/* ---- scalars ---- */

static char *put_escape(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_form[] = "btn\0fr"; /* 0x08 to 0x0D */
    *to++ = '\\';
    if (c == '"' || c == '\\') {
        *to++ = (char)c;
    } else if (c >= 0x08 && c <= 0x0D && short_form[c - 0x08]) {
        *to++ = short_form[c - 0x08];
    } else {
        memcpy(to, "u00", 3);
        to[3] = hex[c >> 4];
        to[4] = hex[c & 15];
        to += 5;
    }
    return to;
}

/*
 * Copies from `from`, which has no escapes before `end`, as far as it goes without care. `to` has
 * room for all of it and seven bytes more.
 */
static inline const char *copy_plain(char **to, const char *from, const char *end)
{
    char *at = *to;
    for (; end - from >= 8; from += 8, at += 8) {
        memcpy(at, from, 8);
        size_t plain = fiks_json_plain8(from);
        if (plain < 8) {
            *to = at + plain;
            return from + plain;
        }
    }
    while (from < end && fiks_json_is_plain(*from))
        *at++ = *from++;
    *to = at;
    return from;
}

/* Adds the text in quotes. Sets *bad and returns true at bytes that are not UTF-8. */
static inline bool put_string(encoder *e, const char *text, size_t len, const char **bad)
{
    const char *end = text + len;
    if (!room(e, len + AROUND))
        return false;
    *e->at++ = '"';
    while ((text = copy_plain(&e->at, text, end)) < end) {
        size_t sequence = 1;
        if (*text & 0x80) {
            sequence = fiks_json_sequence(text, end);
            if (!sequence) {
                *bad = text;
                return true;
            }
            for (size_t i = 0; i < sequence; i++)
                *e->at++ = text[i];
        } else {
            e->at = put_escape(e->at, (unsigned char)*text);
            if (!room(e, (size_t)(end - text) + AROUND))
                return false;
        }
        text += sequence;
    }
    *e->at++ = '"';
    return true;
}

static bool put_text(encoder *e, int index)
{
    size_t len;
    const char *bad = NULL;
    const char *text = lua_tolstring(e->L, index, &len);
    if (!put_string(e, text, len, &bad))
        return false;
    return bad ? fail_utf8(e, e->depth, text, bad, "the text") : true;
}

/* The digits of the magnitude, the last `decimals` of them behind a point. */
static bool put_digits(encoder *e, bool negative, uint64_t magnitude, int decimals)
{
    char digits[32];
    char *p = digits + sizeof digits;
    for (int i = 1; i <= decimals; i++, magnitude /= 10) {
        *--p = (char)('0' + magnitude % 10);
        if (i == decimals)
            *--p = '.';
    }
    do {
        *--p = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude);
    if (negative)
        *--p = '-';
    return put(e, p, (size_t)(digits + sizeof digits - p));
}

static bool put_integer(encoder *e, int64_t number)
{
    uint64_t magnitude = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    return put_digits(e, number < 0, magnitude, 0);
}

/*
 * Amounts and coordinates: is the positive number one of at most 15 digits with 1 to 4 decimals? No
 * two such decimals are the same double, so this one reads back, and no shorter one does.
 */
static bool is_decimal(double number, uint64_t *digits, int *decimals)
{
    static const double scales[] = {1, 10, 100, 1000, 10000};
    if (number >= 1e11)
        return false;
    for (int i = 1; i <= 4; i++) {
        double scaled = number * scales[i];
        *digits = (uint64_t)scaled;
        *decimals = i;
        if ((double)*digits == scaled && scaled / scales[i] == number)
            return true;
    }
    return false;
}

/*
 * The fewest of 15 to 17 digits that read back; less where a double has less (below DBL_MIN). There
 * is a point or an exponent in it: without, LuaJIT would read an integer beyond 2^53, a string.
 */
static bool put_shortest(encoder *e, double number)
{
    char text[48];
    for (int digits = fabs(number) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    /* the decimal point is the locale's, and may be several bytes */
    bool in_point = false;
    bool whole = true;
    for (const char *p = text; *p; p++) {
        bool digit = (*p >= '0' && *p <= '9') || *p == '-';
        bool plain = digit || *p == '+' || *p == 'e';
        if ((plain || !in_point) && !put_char(e, plain ? *p : '.'))
            return false;
        in_point = !plain;
        whole = whole && digit;
    }
    return !whole || put(e, ".0", 2);
}

static bool put_double(encoder *e, double number)
{
    uint64_t digits;
    int decimals;
    if (!isfinite(number))
        return fail(e, e->depth, "number", "NaN and infinity are not JSON numbers");
    if (number >= -TWO_53 && number <= TWO_53 && (double)(int64_t)number == number)
        return put_integer(e, (int64_t)number);
    if (is_decimal(fabs(number), &digits, &decimals))
        return put_digits(e, number < 0, digits, decimals);
    return put_shortest(e, number);
}

static bool put_number(encoder *e, int index)
{
#if LUA_VERSION_NUM >= 503
    if (lua_isinteger(e->L, index))
        return put_integer(e, lua_tointeger(e->L, index));
#endif
    return put_double(e, lua_tonumber(e->L, index));
}

/* ---- tables ---- */

/* Is the number at `index` an array key from 1 to n? */
static bool is_element(lua_State *L, int index, size_t n)
{
    lua_Number number = lua_tonumber(L, index);
    return number >= 1 && number <= (lua_Number)n && (lua_Number)(size_t)number == number;
}

/* The table has number keys that are not 1 to n: says which one is wrong. */
static bool fail_sparse(encoder *e, int table, lua_Number key)
{
    char message[160];
    if (key != floor(key) || key < 1) {
        snprintf(message, sizeof message, "an array has the keys 1, 2, 3 ..., not %.15g",
                 (double)key);
        return fail(e, e->depth - 1, "sparse", message);
    }
    lua_Integer missing = 1;
    for (;; missing++) {
        lua_rawgeti(e->L, table, (int)missing);
        bool hole = lua_isnil(e->L, -1);
        lua_pop(e->L, 1);
        if (hole)
            break;
    }
    snprintf(message, sizeof message, "element %lld (counted from 1) of the array is missing: nil",
             (long long)missing);
    return fail(e, e->depth - 1, "sparse", message);
}

static bool fail_key(encoder *e, int index, bool in_array)
{
    char message[160];
    int type = lua_type(e->L, index);
    if (type == LUA_TNUMBER || (in_array && type == LUA_TSTRING))
        return fail(e, e->depth - 1, "mixed",
                    "the table has both names and numbers as keys; an object has names, an array "
                    "1, 2, 3 ...");
    snprintf(message, sizeof message, "a key is a %s; an object has names",
             lua_typename(e->L, type));
    return fail(e, e->depth - 1, "key", message);
}

/* Checks that the keys of `table` are exactly 1 to n. */
static bool check_elements(encoder *e, int table, size_t n)
{
    lua_State *L = e->L;
    size_t count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TNUMBER)
            return fail_key(e, -1, true);
        if (!is_element(L, -1, n))
            return fail_sparse(e, table, lua_tonumber(L, -1));
        count++;
    }
    return count == n || fail_sparse(e, table, 1);
}

static bool put_array(encoder *e, int table)
{
    lua_State *L = e->L;
    frame *here = &e->frames[e->depth - 1];
    size_t n = lua_rawlen(L, table);
    here->key = NULL;
    if (!check_elements(e, table, n) || !put_char(e, '['))
        return false;
    for (size_t i = 0; i < n; i++) {
        here->index = i;
        if (i > 0 && !put_char(e, ','))
            return false;
        lua_rawgeti(L, table, (int)(i + 1));
        if (!value(e, table + 1))
            return false;
        lua_settop(L, table);
    }
    return put_char(e, ']');
}

/* The first key and value are above the table already. */
static bool put_object(encoder *e, int table)
{
    lua_State *L = e->L;
    frame *here = &e->frames[e->depth - 1];
    char before = '{';
    do {
        const char *bad = NULL;
        if (lua_type(L, table + 1) != LUA_TSTRING)
            return fail_key(e, table + 1, false);
        here->key = lua_tolstring(L, table + 1, &here->key_len);
        if (!put_char(e, before) || !put_string(e, here->key, here->key_len, &bad))
            return false;
        if (bad)
            return fail_utf8(e, e->depth - 1, here->key, bad, "one of its keys");
        if (!put_char(e, ':') || !value(e, table + 2))
            return false;
        lua_settop(L, table + 1);
        before = ',';
    } while (lua_next(L, table));
    return put_char(e, '}');
}

/* Names the first place where a table is met again inside itself, if that is why. */
static bool fail_depth(encoder *e)
{
    for (int inner = 1; inner <= e->depth; inner++)
        for (int outer = 0; outer < inner; outer++)
            if (lua_rawequal(e->L, e->frames[inner].table, e->frames[outer].table))
                return fail(e, inner, "cycle", "a table that contains itself");
    return fail(e, 4, "depth", "nested deeper than 64 tables");
}

/* The table holds the digits core.json_integer was given. */
static bool put_marked_integer(encoder *e, int table)
{
    size_t len;
    lua_rawgeti(e->L, table, 1);
    const char *text = lua_tolstring(e->L, -1, &len);
    size_t sign = text && text[0] == '-';
    if (!text || len == sign || len > 20 || strspn(text + sign, "0123456789") != len - sign)
        return fail(e, e->depth, "number", "a changed fiks.integer");
    bool ok = put(e, text, len);
    lua_pop(e->L, 1);
    return ok;
}

static bool put_table(encoder *e, int table)
{
    lua_State *L = e->L;
    bool array = false;
    if (lua_getmetatable(L, table)) {
        const void *mark = lua_topointer(L, -1);
        lua_pop(L, 1);
        if (mark == e->integer_mt)
            return put_marked_integer(e, table);
        array = mark == e->array_mt;
    }
    e->frames[e->depth].table = table;
    if (e->depth == FIKS_JSON_DEPTH)
        return fail_depth(e);
    if (e->depth >= USUAL_DEPTH && !lua_checkstack(L, LUA_MINSTACK))
        return fiks_fail_memory(&e->err), false;
    e->depth++;
    bool ok;
    if (array) {
        ok = put_array(e, table);
    } else {
        lua_pushnil(L);
        if (!lua_next(L, table)) {
            ok = put(e, "{}", 2);
        } else if (lua_type(L, table + 1) == LUA_TNUMBER) {
            lua_settop(L, table);
            ok = put_array(e, table);
        } else {
            ok = put_object(e, table);
        }
    }
    e->depth--;
    return ok;
}

static bool fail_type(encoder *e, int index)
{
    char message[160];
    const char *name = lua_typename(e->L, lua_type(e->L, index));
    bool cdata = strcmp(name, "cdata") == 0;
    snprintf(message, sizeof message, "a %s is not a JSON value%s", name,
             cdata ? "; for an int64_t use fiks.core.json_integer(tostring(value))" : "");
    return fail(e, e->depth, "type", message);
}

/* Adds the value at the absolute `index`, which is the top of the stack. */
static bool value(encoder *e, int index)
{
    lua_State *L = e->L;
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        return put_text(e, index);
    case LUA_TNUMBER:
        return put_number(e, index);
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) ? put(e, "true", 4) : put(e, "false", 5);
    case LUA_TTABLE:
        return put_table(e, index);
    case LUA_TNIL:
        return put(e, "null", 4);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, index))
            return put(e, "null", 4);
        return fail_type(e, index);
    default:
        return fail_type(e, index);
    }
}

static int push_failure(encoder *e)
{
    lua_State *L = e->L;
    lua_settop(L, 1);
    lua_pushnil(L);
    fiks_l_push_error(L, &e->err);
    lua_pushstring(L, e->path);
    lua_setfield(L, -2, "path");
    if (e->offset >= 0) {
        lua_pushinteger(L, e->offset);
        lua_setfield(L, -2, "offset");
    }
    return 2;
}

/*
 * Batches are megabytes, and a buffer of fresh pages costs more than what is written into it: it is
 * kept while texts of its size keep coming. One huge message must not pin its memory for good.
 */
static void give_back(fiks_json_output *out, size_t used)
{
    out->busy = false;
    out->unused = used < out->cap / 4 ? out->unused + 1 : 0;
    if (out->cap > KEEP_MOST || (out->cap > KEEP_BYTES && out->unused >= KEEP_CALLS)) {
        free(out->data);
        out->data = NULL;
        out->cap = 0;
    }
}

int fiks_json_encode(lua_State *L)
{
    encoder e;
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    luaL_checkstack(L, 3 * USUAL_DEPTH + LUA_MINSTACK, "no room for JSON");
    e.L = L;
    e.out = lua_touserdata(L, lua_upvalueindex(JSON_OUTPUT));
    /* An allocation below may run a finalizer that encodes in its turn (LuaJIT collects before it
     * copies the result): that one gets an output of its own. */
    if (e.out->busy)
        e.out = fiks_json_push_output(L);
    e.out->busy = true;
    e.at = e.out->data;
    e.end = e.out->data ? e.out->data + e.out->cap : NULL;
    e.array_mt = lua_topointer(L, lua_upvalueindex(JSON_ARRAY_MT));
    e.integer_mt = lua_topointer(L, lua_upvalueindex(JSON_INTEGER_MT));
    e.depth = 0;
    e.offset = -1;
    e.path[0] = '\0';
    fiks_error_clear(&e.err);
    bool ok = value(&e, 1);
    size_t used = (size_t)(e.at - e.out->data);
    if (ok)
        lua_pushlstring(L, e.out->data, used);
    give_back(e.out, used);
    return ok ? 1 : push_failure(&e);
}
