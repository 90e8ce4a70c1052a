/* What client:call takes: a table of options, as the core's struct. */
#include <stddef.h>
#include <string.h>

#include "lbind.h"

typedef enum kind { TEXT, BYTES, SIZE, UINT32, TRISTATE, NOTES, OBJECT, JSON } kind;

typedef struct option {
    const char *name;
    kind kind;
    bool plain; /* a plain request may have it */
    size_t at;  /* in fiks_call_options; of NOTES: which */
} option;

#define PLAIN(name, kind)                                                                          \
    {                                                                                              \
#name, kind, true, offsetof(fiks_call_options, name)                                       \
    }
#define OTHER(name, kind)                                                                          \
    {                                                                                              \
#name, kind, false, offsetof(fiks_call_options, name)                                      \
    }

static const option options[] = {
    PLAIN(method, TEXT),
    PLAIN(path, TEXT),
    PLAIN(body, BYTES),
    {"json", JSON, true, 0},
    PLAIN(content_type, TEXT),
    PLAIN(username, TEXT),
    PLAIN(password, TEXT),
    PLAIN(max_answer_bytes, SIZE),
    PLAIN(timeout_ms, UINT32),
    PLAIN(idempotent, TRISTATE),
    PLAIN(traceparent, TEXT),
    PLAIN(correlation_id, TEXT),
    OTHER(operation, TEXT),
    OTHER(connect_timeout_ms, UINT32),
    OTHER(first_byte_timeout_ms, UINT32),
    OTHER(idle_timeout_ms, UINT32),
    OTHER(min_bytes_per_s, UINT32),
    OTHER(scope, TEXT),
    OTHER(consumer_org, TEXT),
    OTHER(resource, TEXT),
    OTHER(pid, TEXT),
    OTHER(authorization_details, TEXT),
    OTHER(bearer, TEXT),
    {"progress", NOTES, false, FIKS_NOTE_PROGRESS},
    {"hooked", NOTES, false, FIKS_NOTE_ATTEMPT | FIKS_NOTE_TOKEN},
    OTHER(params, OBJECT),
    OTHER(parts, OBJECT),
    OTHER(sink, OBJECT),
    OTHER(source, OBJECT),
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
    case JSON:
        break;
    }
}

/* Pushes the table name -> index; returns where it is. */
static int push_names(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&names);
    lua_rawget(L, LUA_REGISTRYINDEX);
    return lua_gettop(L);
}

/* The option whose name lua_next has left below the top. NULL: no name of one. */
static const option *find_option(lua_State *L, int known)
{
    lua_pushvalue(L, -2);
    lua_rawget(L, known);
    const option *found = lua_isnil(L, -1) ? NULL : &options[lua_tointeger(L, -1)];
    lua_pop(L, 1);
    return found;
}

/* The table is asked for the names that it has, not for all that it may have: most have three. */
void fiks_l_read_request(lua_State *L, fiks_call_options *o, fiks_l_taken *t)
{
    bool objects = false;
    int known = push_names(L);
    t->count = 0;
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        const option *wanted = find_option(L, known);
        if (wanted)
            read_value(L, wanted, o);
        objects = objects || (wanted && wanted->kind == OBJECT);
    }
    if (objects)
        read_objects(L, o, t);
}

/* ---- plain requests ------------------------------------------------------------------------- */

static bool read_plain_text(lua_State *L, const char **to)
{
    size_t len;
    if (lua_type(L, -1) != LUA_TSTRING)
        return false;
    *to = lua_tolstring(L, -1, &len);
    return strlen(*to) == len;
}

/* From 1 to `most`; 0: it is not. */
static int64_t read_plain_number(lua_State *L, lua_Number most)
{
    lua_Number number = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    return number >= 1 && number <= most && (lua_Number)(int64_t)number == number ? (int64_t)number
                                                                                  : 0;
}

static bool read_plain_value(lua_State *L, const option *wanted, fiks_call_options *o)
{
    void *to = (char *)o + wanted->at;
    switch (wanted->kind) {
    case TEXT:
        return read_plain_text(L, to);
    case BYTES:
        o->body = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &o->body_bytes) : NULL;
        return o->body != NULL;
    case SIZE:
        return (*(size_t *)to = (size_t)read_plain_number(L, 9007199254740992.0)) != 0;
    case UINT32:
        return (*(uint32_t *)to = (uint32_t)read_plain_number(L, INT32_MAX)) != 0;
    case TRISTATE:
        *(int *)to = lua_toboolean(L, -1) ? 1 : -1;
        return lua_isboolean(L, -1);
    case JSON:
        return lua_type(L, 4) == LUA_TSTRING;
    default:
        return false;
    }
}

static bool is_method(const char *name)
{
    static const char *const methods[] = {"GET",    "POST", "PUT",    "PATCH",
                                          "DELETE", "HEAD", "OPTIONS"};
    for (size_t i = 0; name && i < sizeof methods / sizeof *methods; i++)
        if (strcmp(name, methods[i]) == 0)
            return true;
    return false;
}

bool fiks_l_read_plain(lua_State *L, fiks_call_options *o)
{
    if (!lua_istable(L, 2))
        return false;
    int known = push_names(L);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        const option *wanted = find_option(L, known);
        if (!wanted || !wanted->plain || !read_plain_value(L, wanted, o))
            return false;
    }
    if (!is_method(o->method) || !o->path || (o->body && !lua_isnil(L, 4)))
        return false;
    if (!lua_isnil(L, 4))
        o->body = lua_tolstring(L, 4, &o->body_bytes);
    return true;
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
