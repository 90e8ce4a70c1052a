/* core.network: how the platform is reached, for any number of clients. */
#include <string.h>

#include "lbind.h"

enum { MAX_ENTRIES = 64 };

/* The array of strings named `resolve`; they live as long as the table holds them. */
static void read_resolve(lua_State *L, const char **entries)
{
    fiks_l_field(L, 1, "resolve");
    if (!lua_isnil(L, -1)) {
        luaL_checktype(L, -1, LUA_TTABLE);
        size_t count = lua_rawlen(L, -1);
        if (count > MAX_ENTRIES)
            luaL_error(L, "option 'resolve' has more than %d entries", MAX_ENTRIES);
        for (size_t i = 0; i < count; i++) {
            lua_rawgeti(L, -1, (int)i + 1);
            if (lua_type(L, -1) != LUA_TSTRING)
                luaL_error(L, "option 'resolve' must be an array of strings");
            entries[i] = lua_tostring(L, -1);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

/* The table named `certificate`, as for core.key; false without one. */
static bool read_certificate(lua_State *L, fiks_key_options *o)
{
    fiks_l_field(L, 1, "certificate");
    bool given = !lua_isnil(L, -1);
    if (given) {
        luaL_checktype(L, -1, LUA_TTABLE);
        o->name = fiks_l_string(L, -1, "name");
        o->file = fiks_l_string(L, -1, "file");
        o->data = fiks_l_bytes(L, -1, "data", &o->data_bytes);
        o->password = fiks_l_string(L, -1, "password");
        o->alias = fiks_l_string(L, -1, "alias");
        o->certificate_file = fiks_l_string(L, -1, "certificate_file");
    }
    lua_pop(L, 1);
    return given;
}

/* core.network{ ca_file=|ca_dir=|ca_pem=, proxy=, proxy_username=, proxy_password=, no_proxy=,
 *               certificate={ as core.key }, unix_socket=, resolve={ text, ... }, redirects= } */
static int l_network(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    fiks_network_options o = FIKS_OPTIONS(fiks_network_options);
    fiks_key_options certificate = FIKS_OPTIONS(fiks_key_options);
    const char *resolve[MAX_ENTRIES + 1] = {0};
    fiks_error err = {0};
    fiks_network *network = NULL;
    o.ca_file = fiks_l_string(L, 1, "ca_file");
    o.ca_dir = fiks_l_string(L, 1, "ca_dir");
    o.ca_pem = fiks_l_string(L, 1, "ca_pem");
    o.proxy = fiks_l_string(L, 1, "proxy");
    o.proxy_username = fiks_l_string(L, 1, "proxy_username");
    o.proxy_password = fiks_l_string(L, 1, "proxy_password");
    o.no_proxy = fiks_l_string(L, 1, "no_proxy");
    o.unix_socket = fiks_l_string(L, 1, "unix_socket");
    int64_t redirects = fiks_l_integer(L, 1, "redirects", 0);
    o.redirects = redirects == (int)redirects ? (int)redirects : -1;
    read_resolve(L, resolve);
    o.resolve = resolve;
    if (read_certificate(L, &certificate))
        o.client_certificate = &certificate;
    void **box = fiks_l_new_box(L, FIKS_L_NETWORK);
    if (fiks_network_new(&o, &network, &err))
        return fiks_l_fail(L, &err);
    *box = network;
    return 1;
}

static int network_gc(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, FIKS_L_NETWORK);
    fiks_network_free(*box);
    *box = NULL;
    return 0;
}

void fiks_l_open_network(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg functions[] = {{"network", l_network}, {NULL, NULL}};
    fiks_l_new_type(L, FIKS_L_NETWORK, none, network_gc);
    luaL_setfuncs(L, functions, 0);
}
