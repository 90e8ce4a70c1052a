#include "luajson.h"

#include "../error.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
    out->unused = 0;
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
