/*
 * json_encode of any Lua value: the input is a program that builds one, holes, cycles, odd keys and
 * broken UTF-8 included. What is encoded must decode to the same value, and pass jansson.
 */
#include "json.h"

#include <jansson.h>

#define TABLES 1 /* stack index of the list of tables built so far */
#define VALUES_MOST 2000

typedef struct program {
    lua_State *L;
    size_t at;
    int tables;
    int values;
} program;

static unsigned next_byte(program *p)
{
    return p->at < input_size ? input[p->at++] : 0;
}

static void push_text(program *p)
{
    size_t len = next_byte(p);
    size_t left = input_size - p->at;
    if (len > left)
        len = left;
    lua_pushlstring(p->L, (const char *)input + p->at, len);
    p->at += len;
}

static void push_number(program *p)
{
    uint64_t bits = 0;
    double number;
    unsigned kind = next_byte(p);
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | next_byte(p);
    memcpy(&number, &bits, sizeof number);
    if (kind % 3 == 0)
        lua_pushinteger(p->L, (lua_Integer)(int64_t)bits);
    else
        lua_pushnumber(p->L, kind % 3 == 1 ? number : (double)(int32_t)bits / 1000);
}

static void push_value(program *p, int depth);

/* A table: a list, an object, or with keys of any kind. */
static void push_table(program *p, int depth)
{
    lua_State *L = p->L;
    unsigned kind = next_byte(p);
    unsigned count = next_byte(p) % 40;
    lua_newtable(L);
    int table = lua_gettop(L);
    lua_pushvalue(L, table);
    lua_rawseti(L, TABLES, ++p->tables);
    for (unsigned i = 1; i <= count && p->at < input_size; i++) {
        if (kind % 8 == 7)
            push_value(p, depth + 1);
        else if (kind % 2)
            push_text(p);
        else
            lua_pushinteger(L, (lua_Integer)(next_byte(p) == 255 ? i + 1 : i));
        if (lua_isnil(L, -1) || (lua_isnumber(L, -1) && lua_tonumber(L, -1) != lua_tonumber(L, -1)))
            lua_pop(L, 1); /* no key */
        else {
            push_value(p, depth + 1);
            lua_rawset(L, table);
        }
    }
    if (kind >= 0xE0 && kind % 2 == 0) {
        lua_getfield(L, LUA_REGISTRYINDEX, "json");
        lua_getfield(L, -1, "array_mt");
        lua_setmetatable(L, table);
        lua_pop(L, 1);
    }
}

static void push_value(program *p, int depth)
{
    luaL_checkstack(p->L, 16, "building");
    unsigned kind = ++p->values > VALUES_MOST || depth > 80 ? 0 : next_byte(p) % 10;
    if (kind == 0)
        lua_pushnil(p->L);
    else if (kind == 1)
        lua_pushlightuserdata(p->L, NULL);
    else if (kind == 2)
        lua_pushboolean(p->L, (int)next_byte(p) % 2);
    else if (kind <= 4)
        push_number(p);
    else if (kind <= 6)
        push_text(p);
    else if (kind == 7 && p->tables)
        lua_rawgeti(p->L, TABLES, 1 + (int)next_byte(p) % p->tables);
    else
        push_table(p, depth);
}

static int encode(lua_State *L)
{
    program p = {.L = L};
    json_error_t error;
    size_t len;
    lua_newtable(L); /* TABLES */
    push_value(&p, 0);
    int value = lua_gettop(L);
    if (lua_isnil(L, value) || !call_json(L, "json_encode"))
        return 0;
    const char *text = lua_tolstring(L, -1, &len);
    json_t *theirs =
        json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!theirs && json_error_code(&error) != json_error_null_byte_in_key)
        fuzz_fail("encoded as %s, of which jansson says: %s", text, error.text);
    json_decref(theirs);
    if (!call_json(L, "json_decode"))
        fuzz_fail("encoded as %s, but not decoded", text);
    if (!same(L, value, lua_gettop(L)))
        fuzz_fail("encoded as %s, which is another value", text);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_input(encode, data, size);
    return 0;
}
