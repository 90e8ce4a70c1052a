/* core.channel, file_source, file_sink: bodies that do not pass through a Lua string as a whole. */
#include <string.h>

#include "../channel.h"
#include "lbind.h"

/* ---- sources and sinks: boxes that a call takes over ------------------------------------------
 */

static int source_gc(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, FIKS_L_SOURCE);
    fiks_source_free(*box);
    *box = NULL;
    return 0;
}

static int no_memory(lua_State *L)
{
    fiks_error err = {.kind = FIKS_MEMORY, .message = "out of memory"};
    return fiks_l_fail(L, &err);
}

/* core.file_source(path) -> source | nil, err */
static int file_source(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    void **box = fiks_l_new_box(L, FIKS_L_SOURCE);
    fiks_source *source;
    fiks_error err = {0};
    if (fiks_file_source_new(path, &source, &err))
        return fiks_l_fail(L, &err);
    *box = source;
    return 1;
}

/* core.file_sink(path, replace) -> sink | nil, err */
static int file_sink(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    bool replace = lua_toboolean(L, 2);
    void **box = fiks_l_new_box(L, FIKS_L_SINK);
    fiks_sink *sink;
    fiks_error err = {0};
    if (fiks_file_sink_new(path, replace, &sink, &err))
        return fiks_l_fail(L, &err);
    *box = sink;
    return 1;
}

/* ---- channels ----------------------------------------------------------------------------------
 */

typedef struct lchannel {
    fiks_channel *channel; /* NULL = closed */
    fiks_buf taken;        /* here, so that a lua_pushlstring that raises loses nothing */
} lchannel;

static lchannel *check_channel(lua_State *L)
{
    lchannel *c = luaL_checkudata(L, 1, FIKS_L_CHANNEL);
    if (!c->channel)
        luaL_error(L, "the %s is closed", FIKS_L_CHANNEL);
    return c;
}

/* core.channel(length | nil, rewindable) -> channel */
static int channel_new(lua_State *L)
{
    lua_Number length = luaL_optnumber(L, 1, -1);
    luaL_argcheck(L, length >= -1 && length <= 9007199254740992.0, 1, "not a length");
    bool rewindable = lua_toboolean(L, 2);
    lchannel *c = lua_newuserdatauv(L, sizeof *c, 0);
    memset(c, 0, sizeof *c);
    luaL_setmetatable(L, FIKS_L_CHANNEL);
    c->channel = fiks_channel_new((int64_t)length, rewindable);
    return c->channel ? 1 : no_memory(L);
}

static int channel_gc(lua_State *L)
{
    lchannel *c = luaL_checkudata(L, 1, FIKS_L_CHANNEL);
    fiks_channel_free(c->channel);
    c->channel = NULL;
    fiks_buf_free(&c->taken);
    return 0;
}

static int channel_source(lua_State *L)
{
    lchannel *c = check_channel(L);
    void **box = fiks_l_new_box(L, FIKS_L_SOURCE);
    *box = fiks_channel_source(c->channel);
    return *box ? 1 : no_memory(L);
}

static int channel_sink(lua_State *L)
{
    lchannel *c = check_channel(L);
    void **box = fiks_l_new_box(L, FIKS_L_SINK);
    *box = fiks_channel_sink(c->channel);
    return *box ? 1 : no_memory(L);
}

/* channel:want() -> the round that bytes are wanted for | nil: none now */
static int channel_want(lua_State *L)
{
    unsigned round = fiks_channel_want(check_channel(L)->channel);
    if (!round)
        return 0;
    lua_pushinteger(L, (lua_Integer)round);
    return 1;
}

/* channel:give(round, bytes | nil: there are no more) */
static int channel_give(lua_State *L)
{
    lchannel *c = check_channel(L);
    unsigned round = (unsigned)luaL_checkinteger(L, 2);
    size_t len;
    if (lua_isnoneornil(L, 3)) {
        fiks_channel_end(c->channel, round);
        return 0;
    }
    const char *bytes = luaL_checklstring(L, 3, &len);
    if (!fiks_channel_give(c->channel, round, bytes, len))
        return luaL_error(L, "not enough memory");
    return 0;
}

/* channel:fail(why) */
static int channel_fail(lua_State *L)
{
    lchannel *c = check_channel(L);
    fiks_channel_fail(c->channel, luaL_checkstring(L, 2));
    return 0;
}

/* channel:take() -> bytes ("" = none), whether the call waits for that */
static int channel_take(lua_State *L)
{
    lchannel *c = check_channel(L);
    bool waits = fiks_channel_take(c->channel, &c->taken);
    lua_pushlstring(L, c->taken.data ? c->taken.data : "", c->taken.len);
    lua_pushboolean(L, waits);
    return 2;
}

static int channel_tostring(lua_State *L)
{
    lua_pushstring(L, FIKS_L_CHANNEL);
    return 1;
}

void fiks_l_open_stream(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg channel_methods[] = {{"source", channel_source}, {"sink", channel_sink},
                                               {"want", channel_want},     {"give", channel_give},
                                               {"fail", channel_fail},     {"take", channel_take},
                                               {"close", channel_gc},      {NULL, NULL}};
    static const luaL_Reg functions[] = {{"channel", channel_new},
                                         {"file_source", file_source},
                                         {"file_sink", file_sink},
                                         {NULL, NULL}};
    fiks_l_new_type(L, FIKS_L_SOURCE, none, source_gc);
    fiks_l_new_type(L, FIKS_L_CHANNEL, channel_methods, channel_gc);
    luaL_getmetatable(L, FIKS_L_CHANNEL); /* it is no box: closed is told otherwise */
    lua_pushcfunction(L, channel_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
