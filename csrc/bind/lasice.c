/* core.asice: an ASiC-E container from files in memory. */
#include "lbind.h"

/* Userdata whose __gc wipes and frees the container, so that a failing lua_pushlstring loses
 * nothing. */
#define CONTAINER_TYPE "fiks.core.container"

typedef struct container {
    void *data;
    size_t len;
} container;

static int container_gc(lua_State *L)
{
    container *box = luaL_checkudata(L, 1, CONTAINER_TYPE);
    fiks_bytes_free(box->data, box->len);
    box->data = NULL;
    return 0;
}

/* core.asice{ { name=, data= }, ..., key=key } -> bytes | nil, err */
static int asice(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    fiks_l_field(L, 1, "key");
    const fiks_key *key = fiks_l_check_box(L, -1, FIKS_L_KEY);
    size_t count = lua_rawlen(L, 1);
    fiks_asice_file *files = lua_newuserdatauv(L, (count + 1) * sizeof *files, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (int)i + 1);
        luaL_checktype(L, -1, LUA_TTABLE);
        files[i].name = fiks_l_string(L, lua_gettop(L), "name");
        files[i].data_bytes = 0;
        files[i].data = fiks_l_bytes(L, lua_gettop(L), "data", &files[i].data_bytes);
        if (!files[i].name || !files[i].data)
            luaL_error(L, "file %d needs name and data", (int)i + 1);
        lua_pop(L, 1);
    }
    container *box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = (container){NULL, 0};
    luaL_setmetatable(L, CONTAINER_TYPE);
    fiks_error err = {0};
    if (fiks_asice_build(files, count, key, &box->data, &box->len, &err))
        return fiks_l_fail(L, &err);
    lua_pushlstring(L, box->data, box->len);
    fiks_bytes_free(box->data, box->len);
    box->data = NULL;
    return 1;
}

void fiks_l_open_asice(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    fiks_l_new_type(L, CONTAINER_TYPE, none, container_gc);
    lua_pushcfunction(L, asice);
    lua_setfield(L, -2, "asice");
}
