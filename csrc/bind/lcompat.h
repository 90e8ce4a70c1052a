/* What differs between Lua 5.4 and LuaJIT (5.1 with 5.2 parts), and nothing else. */
#ifndef FIKS_LCOMPAT_H
#define FIKS_LCOMPAT_H

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM < 502
#define lua_rawlen lua_objlen
#define lua_newuserdatauv(L, size, values) lua_newuserdata(L, size)
static inline int fiks_l_absindex(lua_State *L, int index)
{
    return index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(L) + index + 1;
}
#define lua_absindex fiks_l_absindex
#endif

#endif
