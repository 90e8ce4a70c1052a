/* What client:call takes: a table of options, as the core's struct. */
#include <stddef.h>
#include <string.h>

#include "lbind.h"

/* A table is asked for the names that it has, not for all that it may have: most have three. */
typedef enum kind { TEXT, BYTES, SIZE, UINT32, TRISTATE, NOTES, OBJECT } kind;

typedef struct option {
    const char *name;
    kind kind;
    size_t at; /* in fiks_call_options; of NOTES: which */
} option;

#define OPTION(name, kind)                                                                         \
    {                                                                                              \
#name, kind, offsetof(fiks_call_options, name)                                             \
    }

static const option options[] = {
    OPTION(operation, TEXT),
    OPTION(method, TEXT),
    OPTION(path, TEXT),
    OPTION(body, BYTES),
    OPTION(content_type, TEXT),
    OPTION(username, TEXT),
    OPTION(password, TEXT),
    OPTION(max_answer_bytes, SIZE),
    OPTION(timeout_ms, UINT32),
    OPTION(connect_timeout_ms, UINT32),
    OPTION(first_byte_timeout_ms, UINT32),
    OPTION(idle_timeout_ms, UINT32),
    OPTION(min_bytes_per_s, UINT32),
    OPTION(idempotent, TRISTATE),
    OPTION(scope, TEXT),
    OPTION(consumer_org, TEXT),
    OPTION(resource, TEXT),
    OPTION(pid, TEXT),
    OPTION(authorization_details, TEXT),
    OPTION(bearer, TEXT),
    {"progress", NOTES, FIKS_NOTE_PROGRESS},
    {"hooked", NOTES, FIKS_NOTE_ATTEMPT | FIKS_NOTE_TOKEN},
    OPTION(traceparent, TEXT),
    OPTION(correlation_id, TEXT),
    OPTION(params, OBJECT),
    OPTION(parts, OBJECT),
    OPTION(sink, OBJECT),
    OPTION(source, OBJECT),
};

/* Registry key of the table name -> index into `options`. */
static const char names;

/* Arrays built from tables live in userdata on the Lua stack, so that an error midway leaks
 * nothing; their strings are kept alive by the tables. */
static void read_params(lua_State *L, fiks_call_options *o)
{
    fiks_l_field(L, 2, "params");
    if (lua_isnil(L, -1))
        return;
    luaL_checktype(L, -1, LUA_TTABLE);
    int table = lua_gettop(L);
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        count++;
    fiks_param *params = lua_newuserdatauv(L, (count + 1) * sizeof *params, 0);
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "params must be strings by name");
        params[i].name = lua_tostring(L, -2);
        params[i].value = lua_tostring(L, -1);
        if (strlen(params[i].value) != lua_rawlen(L, -1))
            luaL_error(L, "parameter '%s' holds a NUL byte", params[i].name);
        i++;
    }
    o->params = params;
    o->param_count = count;
}

static void *take_over(lua_State *L, int index, const char *type, fiks_l_taken *t)
{
    void *object = fiks_l_check_box(L, index, type);
    void **box = lua_touserdata(L, index);
    for (size_t i = 0; i < t->count; i++)
        if (t->boxes[i] == box)
            luaL_error(L, "the same %s is given twice", type);
    t->boxes[t->count++] = box;
    return object;
}

static fiks_l_taken room_for(lua_State *L)
{
    fiks_l_field(L, 2, "parts");
    size_t count = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
    lua_pop(L, 1);
    return (fiks_l_taken){lua_newuserdatauv(L, (count + 2) * sizeof(void **), 0), 0};
}

static void read_parts(lua_State *L, fiks_call_options *o, fiks_l_taken *t)
{
    fiks_l_field(L, 2, "parts");
    if (lua_isnil(L, -1))
        return;
    luaL_checktype(L, -1, LUA_TTABLE);
    int table = lua_gettop(L);
    size_t count = lua_rawlen(L, table);
    fiks_part *parts = lua_newuserdatauv(L, (count + 1) * sizeof *parts, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, table, (int)i + 1);
        luaL_checktype(L, -1, LUA_TTABLE);
        int part = lua_gettop(L);
        parts[i].name = fiks_l_string(L, part, "name");
        parts[i].filename = fiks_l_string(L, part, "filename");
        parts[i].content_type = fiks_l_string(L, part, "content_type");
        parts[i].data_bytes = 0;
        parts[i].data = fiks_l_bytes(L, part, "data", &parts[i].data_bytes);
        fiks_l_field(L, part, "source");
        parts[i].source = lua_isnil(L, -1) ? NULL : take_over(L, -1, FIKS_L_SOURCE, t);
        lua_pop(L, 2);
    }
    o->parts = parts;
    o->part_count = count;
}

/* What is built from tables, or taken over. */
static void read_objects(lua_State *L, fiks_call_options *o, fiks_l_taken *t)
{
    *t = room_for(L);
    read_params(L, o);
    read_parts(L, o, t);
    fiks_l_field(L, 2, "sink");
    if (!lua_isnil(L, -1))
        o->sink = take_over(L, -1, FIKS_L_SINK, t);
    fiks_l_field(L, 2, "source");
    if (!lua_isnil(L, -1))
        o->source = take_over(L, -1, FIKS_L_SOURCE, t);
}

static void read_value(lua_State *L, const option *wanted, fiks_call_options *o)
{
    void *to = (char *)o + wanted->at;
    switch (wanted->kind) {
    case TEXT:
        *(const char **)to = fiks_l_string(L, 2, wanted->name);
        break;
    case BYTES:
        o->body = fiks_l_bytes(L, 2, wanted->name, &o->body_bytes);
        break;
    case SIZE:
        *(size_t *)to = (size_t)fiks_l_size(L, 2, wanted->name, INT64_MAX);
        break;
    case UINT32:
        *(uint32_t *)to = (uint32_t)fiks_l_size(L, 2, wanted->name, UINT32_MAX);
        break;
    case NOTES:
        o->notes |= fiks_l_boolean(L, 2, wanted->name) ? (unsigned)wanted->at : 0;
        break;
    case TRISTATE:
        *(int *)to = lua_toboolean(L, -1) ? 1 : -1;
        break;
    case OBJECT:
        break;
    }
}

void fiks_l_read_request(lua_State *L, fiks_call_options *o, fiks_l_taken *t)
{
    bool objects = false;
    t->count = 0;
    lua_pushlightuserdata(L, (void *)&names);
    lua_rawget(L, LUA_REGISTRYINDEX);
    int known = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, 2); lua_settop(L, known + 1)) {
        lua_pushvalue(L, known + 1);
        lua_rawget(L, known);
        const option *wanted = lua_isnil(L, -1) ? NULL : &options[lua_tointeger(L, -1)];
        lua_pop(L, 1);
        if (wanted)
            read_value(L, wanted, o);
        objects = objects || (wanted && wanted->kind == OBJECT);
    }
    if (objects)
        read_objects(L, o, t);
}

void fiks_l_open_request(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&names);
    lua_createtable(L, 0, sizeof options / sizeof *options);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        lua_pushinteger(L, (lua_Integer)i);
        lua_setfield(L, -2, options[i].name);
    }
    lua_rawset(L, LUA_REGISTRYINDEX);
}
