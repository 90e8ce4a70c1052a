#include "lbind.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const char error_metatable; /* its address is the registry key */

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text[0])
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_integer(lua_State *L, const char *name, int64_t value)
{
    if (!value)
        return;
    fiks_l_push_int64(L, value);
    lua_setfield(L, -2, name);
}

void fiks_l_push_error(lua_State *L, const fiks_error *err)
{
    lua_createtable(L, 0, 12);
    set_text(L, "kind", fiks_status_name(err->kind));
    set_text(L, "message", err->message);
    set_text(L, "code", err->code);
    set_integer(L, "status", err->http_status);
    lua_pushboolean(L, err->retryable);
    lua_setfield(L, -2, "retryable");
    if (err->uncertain) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, "uncertain");
    }
    if (err->platform) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, "platform");
    }
    set_integer(L, "attempts", err->attempts);
    set_integer(L, "retry_after_ms", err->retry_after_ms);
    set_text(L, "operation", err->operation);
    set_text(L, "url", err->url);
    set_text(L, "error_id", err->error_id);
    set_text(L, "oauth_error", err->oauth_error);
    set_text(L, "mp_code", err->mp_code);
    set_text(L, "trace_id", err->trace_id);
    set_text(L, "jti", err->jti);
    set_text(L, "request_id", err->request_id);
    set_text(L, "correlation_id", err->correlation_id);
    lua_pushlightuserdata(L, (void *)&error_metatable);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (lua_istable(L, -1))
        lua_setmetatable(L, -2);
    else
        lua_pop(L, 1);
}

int fiks_l_fail(lua_State *L, const fiks_error *err)
{
    lua_pushnil(L);
    fiks_l_push_error(L, err);
    return 2;
}

void fiks_l_field(lua_State *L, int index, const char *name)
{
    index = lua_absindex(L, index);
    lua_pushstring(L, name);
    lua_rawget(L, index);
}

const char *fiks_l_bytes(lua_State *L, int index, const char *name, size_t *len)
{
    const char *text = NULL;
    fiks_l_field(L, index, name);
    if (lua_type(L, -1) == LUA_TSTRING)
        text = lua_tolstring(L, -1, len);
    else if (!lua_isnil(L, -1))
        luaL_error(L, "option '%s' must be a string, not a %s", name, luaL_typename(L, -1));
    lua_pop(L, 1);
    return text;
}

const char *fiks_l_string(lua_State *L, int index, const char *name)
{
    size_t len = 0;
    const char *text = fiks_l_bytes(L, index, name, &len);
    if (text && strlen(text) != len)
        luaL_error(L, "option '%s' holds a NUL byte", name);
    return text;
}

int64_t fiks_l_integer(lua_State *L, int index, const char *name, int64_t fallback)
{
    int64_t value = fallback;
    fiks_l_field(L, index, name);
    if (lua_type(L, -1) == LUA_TNUMBER) {
        lua_Number number = lua_tonumber(L, -1);
        if (!(number >= -9007199254740992.0 && number <= 9007199254740992.0) ||
            (lua_Number)(int64_t)number != number)
            luaL_error(L, "option '%s' must be a whole number", name);
        value = (int64_t)number;
    } else if (!lua_isnil(L, -1)) {
        luaL_error(L, "option '%s' must be a number, not a %s", name, luaL_typename(L, -1));
    }
    lua_pop(L, 1);
    return value;
}

int64_t fiks_l_size(lua_State *L, int index, const char *name, int64_t most)
{
    int64_t value = fiks_l_integer(L, index, name, 0);
    if (value < 0 || value > most)
        luaL_error(L, "option '%s' is out of range", name);
    return value;
}

bool fiks_l_boolean(lua_State *L, int index, const char *name)
{
    fiks_l_field(L, index, name);
    if (!lua_isboolean(L, -1) && !lua_isnil(L, -1))
        luaL_error(L, "option '%s' must be true or false, not a %s", name, luaL_typename(L, -1));
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

void fiks_l_push_int64(lua_State *L, int64_t value)
{
#if LUA_VERSION_NUM >= 503
    lua_pushinteger(L, (lua_Integer)value);
#else
    if (value >= -9007199254740992LL && value <= 9007199254740992LL)
        lua_pushnumber(L, (lua_Number)value);
    else {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)value);
        lua_pushstring(L, text);
    }
#endif
}

void **fiks_l_new_box(lua_State *L, const char *type)
{
    void **box = lua_newuserdatauv(L, sizeof *box, 1);
    *box = NULL;
    luaL_setmetatable(L, type);
    return box;
}

static void *open_pointer(lua_State *L, void **box, const char *type)
{
    if (!*box)
        luaL_error(L, "the %s is closed", type);
    return *box;
}

void *fiks_l_check_box(lua_State *L, int index, const char *type)
{
    return open_pointer(L, luaL_checkudata(L, index, type), type);
}

void **fiks_l_self(lua_State *L, const char *type)
{
    void **box = lua_touserdata(L, 1);
    if (box && lua_getmetatable(L, 1)) {
        bool same = lua_rawequal(L, -1, lua_upvalueindex(1));
        lua_pop(L, 1);
        if (same)
            return box;
    }
    return luaL_checkudata(L, 1, type);
}

void *fiks_l_check_self(lua_State *L, const char *type)
{
    return open_pointer(L, fiks_l_self(L, type), type);
}

static int box_tostring(lua_State *L)
{
    void **box = lua_touserdata(L, 1);
    if (!box || !lua_getmetatable(L, 1) || !lua_rawequal(L, -1, lua_upvalueindex(1)))
        return luaL_error(L, "not a value of this type");
    lua_getfield(L, -1, "__name");
    lua_pushfstring(L, "%s%s", lua_tostring(L, -1), box && *box ? "" : " (closed)");
    return 1;
}

void fiks_l_new_type(lua_State *L, const char *type, const luaL_Reg *methods, lua_CFunction gc)
{
    luaL_newmetatable(L, type);
    lua_pushstring(L, type);
    lua_setfield(L, -2, "__name");
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, box_tostring, 1);
    lua_setfield(L, -2, "__tostring");
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, gc, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__gc");
    lua_setfield(L, -2, "__close");
    lua_newtable(L);
    lua_pushvalue(L, -2);
    luaL_setfuncs(L, methods, 1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

/* core.set_error_metatable(mt): what fiks.error registers once, so that errors made here and in
 * Lua are of one class. */
static int set_error_metatable(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushlightuserdata(L, (void *)&error_metatable);
    lua_pushvalue(L, 1);
    lua_rawset(L, LUA_REGISTRYINDEX);
    return 0;
}

/* The engine is the process's and outlives a Lua state, so this file stays mapped when the state
 * that loaded it is closed, also when it was not linked for that (a rock is not). */
static void stay_mapped(void)
{
    Dl_info self;
    if (dladdr(&error_metatable, &self) && self.dli_fname)
        (void)dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

FIKS_API int luaopen_fiks_core(lua_State *L);

int luaopen_fiks_core(lua_State *L)
{
    stay_mapped();
    lua_newtable(L);
    lua_pushstring(L, fiks_version());
    lua_setfield(L, -2, "version");
    lua_pushcfunction(L, set_error_metatable);
    lua_setfield(L, -2, "set_error_metatable");
    fiks_l_open_json(L);
    fiks_l_open_text(L);
    fiks_l_open_key(L);
    fiks_l_open_cms(L);
    fiks_l_open_asice(L);
    fiks_l_open_stream(L);
    fiks_l_open_network(L);
    fiks_l_open_call(L);
    fiks_l_open_seen(L);
    fiks_l_open_log(L);
    fiks_l_open_folder(L);
    fiks_l_open_stop(L);
    fiks_l_open_store(L);
    return 1;
}
