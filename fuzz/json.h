/*
 * One Lua state for all inputs, with the JSON functions in it. Its memory is bounded: what would
 * exceed HEAP_MOST fails as out of memory does, and what stays after an input is an error.
 */
#ifndef FIKS_FUZZ_JSON_H
#define FIKS_FUZZ_JSON_H

#include "../csrc/luajson/luajson.h"
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#define HEAP_MOST ((size_t)64 * 1024 * 1024)
#define HEAP_GROWTH ((size_t)64 * 1024) /* string table, error texts */

static size_t heap_used;
static const uint8_t *input;
static size_t input_size;

static void *heap(void *to, void *block, size_t old_size, size_t size)
{
    (void)to;
    if (!block)
        old_size = 0; /* it tells the type of the object */
    if (size == 0) {
        free(block);
        heap_used -= old_size;
        return NULL;
    }
    if (size > old_size && heap_used + (size - old_size) > HEAP_MOST)
        return NULL;
    void *moved = realloc(block, size);
    if (moved)
        heap_used += size - old_size;
    return moved;
}

static lua_State *new_state(void)
{
    lua_State *L = lua_newstate(heap, NULL);
    if (!L)
        fuzz_fail("no Lua state");
    lua_newtable(L);
    fiks_l_open_json(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "json");
    return L;
}

/* Calls the function with the input in place. An error of Lua's is out of memory, or a bug. */
static void run_input(lua_CFunction function, const uint8_t *data, size_t size)
{
    static lua_State *L;
    static size_t before, runs;
    if (!L) {
        L = new_state();
        lua_gc(L, LUA_GCCOLLECT, 0);
        before = heap_used;
    }
    input = data;
    input_size = size;
    lua_pushcfunction(L, function);
    int status = lua_pcall(L, 0, 0, 0);
    if (status && status != LUA_ERRMEM)
        fuzz_fail("a Lua error: %s", lua_tostring(L, -1));
    lua_settop(L, 0);
    if (++runs % 1024)
        return;
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCCOLLECT, 0);
    if (heap_used > before + HEAP_GROWTH)
        fuzz_fail("%zu bytes stayed in a state that began with %zu", heap_used, before);
}

/* Calls json_encode or json_decode with the value on top, which stays: value or nil, and err. */
static bool call_json(lua_State *L, const char *function)
{
    int value = lua_gettop(L);
    luaL_checkstack(L, 8, "calling");
    lua_getfield(L, LUA_REGISTRYINDEX, "json");
    lua_getfield(L, -1, function);
    lua_remove(L, -2);
    lua_pushvalue(L, value);
    lua_call(L, 1, 2);
    if (lua_type(L, -1) == LUA_TTABLE && lua_isnil(L, -2))
        return false;
    lua_pop(L, 1);
    return true;
}

static size_t count_members(lua_State *L, int table)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        count++;
    return count;
}

/* Numbers of both subtypes are the same when equal, tables when their members are. */
static bool same(lua_State *L, int a, int b)
{
    luaL_checkstack(L, 8, "comparing");
    if (!lua_istable(L, a) || !lua_istable(L, b))
        return lua_rawequal(L, a, b);
    if (count_members(L, a) != count_members(L, b))
        return false;
    for (lua_pushnil(L); lua_next(L, a); lua_pop(L, 2)) {
        int top = lua_gettop(L);
        lua_pushvalue(L, top - 1);
        lua_rawget(L, b);
        if (!same(L, top, top + 1))
            return false;
    }
    return true;
}

#endif
