#include "luajson.h"

#include "../error.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at p (RFC 3629, 4), or 0. `p` is 0x80 or above. */
static size_t utf8_sequence(const unsigned char *p, const unsigned char *end)
{
    size_t left = (size_t)(end - p);
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

/* Are the next eight bytes all plain ASCII? Each term sets a byte's high bit when that byte is
 * (or, above a true hit, may be) one that needs care; zero is exact. */
static bool plain8(const char *p)
{
    const uint64_t ones = 0x0101010101010101u;
    const uint64_t highs = 0x8080808080808080u;
    uint64_t v;
    memcpy(&v, p, sizeof v);
    uint64_t quote = v ^ ones * '"';
    uint64_t backslash = v ^ ones * '\\';
    uint64_t care = v | (v - ones * 0x20) | (quote - ones) | (backslash - ones);
    return !(care & highs);
}

const char *fiks_json_scan(const char *p, const char *end)
{
    for (;;) {
        while (end - p >= 8 && plain8(p))
            p += 8;
        const char *stop = end - p >= 8 ? p + 8 : end;
        while (p < stop) {
            unsigned char c = (unsigned char)*p;
            if (c >= 0x80) {
                size_t n = utf8_sequence((const unsigned char *)p, (const unsigned char *)end);
                if (!n)
                    return p;
                p += n;
            } else if (c < 0x20 || c == '"' || c == '\\') {
                return p;
            } else {
                p++;
            }
        }
        if (p >= end)
            return end;
    }
}

/* core.array(t) -> t: marks a table as a JSON array, for the empty one above all. */
static int mark_array(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_getmetatable(L, 1)) {
        if (!lua_rawequal(L, -1, lua_upvalueindex(JSON_ARRAY_MT)))
            return luaL_argerror(L, 1, "the table has a metatable of its own");
        lua_pop(L, 1);
    } else {
        lua_pushvalue(L, lua_upvalueindex(JSON_ARRAY_MT));
        lua_setmetatable(L, 1);
    }
    lua_settop(L, 1);
    return 1;
}

/* Digits with an optional sign, within int64? LuaJIT's tostring(1LL) adds a suffix: allowed. */
static bool read_integer(const char *text, int64_t *out)
{
    const char *digits = text + (text[0] == '-');
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || (digits[0] == '0' && count > 1))
        return false;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno || (strcmp(end, "") != 0 && strcmp(end, "LL") != 0 && strcmp(end, "ULL") != 0))
        return false;
    *out = value;
    return true;
}

/* core.json_integer(text) -> a value that is encoded as that integer; a plain number where that
 * is exact. */
static int json_integer(lua_State *L)
{
    int64_t value;
    luaL_checktype(L, 1, LUA_TSTRING);
    size_t len;
    const char *text = lua_tolstring(L, 1, &len);
    if (strlen(text) != len || !read_integer(text, &value)) {
        fiks_error err;
        fiks_error_clear(&err);
        fiks_fail(&err, FIKS_INVALID, "number",
                  "not an integer of at most 64 bits: give decimal digits as a string");
        return fiks_l_fail(L, &err);
    }
    fiks_l_push_int64(L, value);
    if (lua_type(L, -1) == LUA_TNUMBER)
        return 1;
    lua_createtable(L, 1, 0);
    lua_insert(L, -2);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, lua_upvalueindex(JSON_INTEGER_MT));
    lua_setmetatable(L, -2);
    return 1;
}

static int integer_tostring(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_rawgeti(L, 1, 1);
    return 1;
}

static int free_output(lua_State *L)
{
    fiks_json_output *out = lua_touserdata(L, 1);
    if (out) {
        free(out->data);
        out->data = NULL;
        out->cap = 0;
    }
    return 0;
}

fiks_json_output *fiks_json_push_output(lua_State *L)
{
    fiks_json_output *out = lua_newuserdatauv(L, sizeof *out, 0);
    out->data = NULL;
    out->cap = 0;
    out->busy = false;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, free_output);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return out;
}

/* Adds function `name` with the upvalues at `first` and above to the table at `module`. */
static void add(lua_State *L, int module, int first, const char *name, lua_CFunction function)
{
    for (int i = 0; i < JSON_OUTPUT; i++)
        lua_pushvalue(L, first + i);
    lua_pushcclosure(L, function, JSON_OUTPUT);
    lua_setfield(L, module, name);
}

void fiks_l_open_json(lua_State *L)
{
    int module = lua_gettop(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "fiks.array");
    lua_setfield(L, -2, "__name");
    lua_createtable(L, 0, 2);
    lua_pushliteral(L, "fiks.integer");
    lua_setfield(L, -2, "__name");
    lua_pushcfunction(L, integer_tostring);
    lua_setfield(L, -2, "__tostring");
    fiks_json_push_output(L);
    add(L, module, module + 1, "json_encode", fiks_json_encode);
    add(L, module, module + 1, "json_decode", fiks_json_decode);
    add(L, module, module + 1, "json_integer", json_integer);
    add(L, module, module + 1, "array", mark_array);
    lua_pushvalue(L, module + 1);
    lua_setfield(L, module, "array_mt");
    lua_pushvalue(L, module + 2);
    lua_setfield(L, module, "integer_mt");
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, module, "null");
    lua_settop(L, module);
}
