/*
 * The open calls of a Lua state, each in a numbered place that is used again. By number and not by
 * address, as a table whose keys come and go is built anew again and again, at worst for each key.
 */
#include "lbind.h"

/* Registry key of the table place -> userdata, with weak values. At FREE is the first free place,
 * in which is the next one (0: there is none); at LAST how many places there are. */
static const char places;
enum { FREE = 1, LAST, FIRST_PLACE };

static void push_places(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&places);
    lua_rawget(L, LUA_REGISTRYINDEX);
}

static int read_place(lua_State *L, int table, int at)
{
    lua_rawgeti(L, table, at);
    int place = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return place;
}

static void write_place(lua_State *L, int table, int at, int place)
{
    lua_pushinteger(L, place);
    lua_rawseti(L, table, at);
}

int fiks_l_take_place(lua_State *L, int index)
{
    push_places(L);
    int table = lua_gettop(L), place = read_place(L, table, FREE);
    if (place) {
        write_place(L, table, FREE, read_place(L, table, place));
    } else {
        place = read_place(L, table, LAST) + 1;
        write_place(L, table, LAST, place);
    }
    lua_pushvalue(L, index);
    lua_rawseti(L, table, place);
    lua_settop(L, table - 1);
    return place;
}

void fiks_l_free_place(lua_State *L, int place)
{
    push_places(L);
    int table = lua_gettop(L);
    write_place(L, table, place, read_place(L, table, FREE));
    write_place(L, table, FREE, place);
    lua_settop(L, table - 1);
}

void fiks_l_push_place(lua_State *L, int place)
{
    push_places(L);
    lua_rawgeti(L, -1, place);
    lua_remove(L, -2);
}

void fiks_l_open_places(lua_State *L)
{
    push_places(L);
    bool there = lua_istable(L, -1); /* the module was opened before in this state */
    lua_pop(L, 1);
    if (there)
        return;
    lua_pushlightuserdata(L, (void *)&places);
    lua_createtable(L, FIRST_PLACE, 0);
    write_place(L, lua_gettop(L), FREE, 0);
    write_place(L, lua_gettop(L), LAST, FIRST_PLACE - 1);
    lua_newtable(L);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}
