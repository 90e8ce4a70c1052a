/* What can be seen of calls afterwards: timings and attempts of one, counters of all. */
#include <string.h>

#include "lbind.h"

/* Keys of the registry and of an answer by their address. */
static const char answer_metatable, trail_of_answer;

/* Everything in one block, as most answers are never asked for it. */
typedef struct trail {
    const char *mark; /* &trail_of_answer: this userdata is one */
    fiks_timings timings;
    int http_version;
    size_t attempt_count;
    fiks_attempt attempts[];
} trail;

static void set_ms(lua_State *L, const char *name, int64_t us)
{
    lua_pushnumber(L, (lua_Number)us / 1000);
    lua_setfield(L, -2, name);
}

static void set_int64(lua_State *L, const char *name, int64_t value)
{
    fiks_l_push_int64(L, value);
    lua_setfield(L, -2, name);
}

static void push_timings(lua_State *L, const fiks_timings *t)
{
    lua_createtable(L, 0, 6);
    set_ms(L, "dns_ms", t->dns_us);
    set_ms(L, "connect_ms", t->connect_us);
    set_ms(L, "tls_ms", t->tls_us);
    set_ms(L, "first_byte_ms", t->first_byte_us);
    set_ms(L, "total_ms", t->total_us);
    lua_pushboolean(L, t->reused);
    lua_setfield(L, -2, "reused");
}

static void push_attempt(lua_State *L, const fiks_attempt *a)
{
    lua_createtable(L, 0, 9);
    lua_pushstring(L, fiks_status_name(a->kind));
    lua_setfield(L, -2, "kind");
    if (a->http_status)
        set_int64(L, "status", a->http_status);
    if (a->code[0]) {
        lua_pushstring(L, a->code);
        lua_setfield(L, -2, "code");
    }
    set_int64(L, "started_ms", a->started_ms);
    set_int64(L, "elapsed_ms", a->elapsed_ms);
    set_int64(L, "pause_ms", a->pause_ms);
    set_int64(L, "sent_bytes", (int64_t)a->sent_bytes);
    set_int64(L, "received_bytes", (int64_t)a->received_bytes);
    lua_pushboolean(L, a->token_renewed);
    lua_setfield(L, -2, "token_renewed");
}

static void push_attempts(lua_State *L, const fiks_attempt *attempts, size_t count)
{
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        push_attempt(L, &attempts[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static void push_version(lua_State *L, int version)
{
    if (!version)
        lua_pushnil(L);
    else if (version % 10)
        lua_pushfstring(L, "%d.%d", version / 10, version % 10);
    else
        lua_pushfstring(L, "%d%s", version / 10, version == 10 ? ".0" : "");
}

/* The trail of the answer at 1, pushed; NULL: it has none. */
static const trail *get_trail(lua_State *L)
{
    if (!lua_istable(L, 1))
        return NULL;
    lua_pushlightuserdata(L, (void *)&trail_of_answer);
    lua_rawget(L, 1);
    if (lua_type(L, -1) != LUA_TUSERDATA || lua_rawlen(L, -1) < sizeof(trail))
        return NULL;
    const trail *found = lua_touserdata(L, -1);
    return found->mark == &trail_of_answer ? found : NULL;
}

/* __index of answers. What it makes stays in the answer. */
static int answer_index(lua_State *L)
{
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    lua_settop(L, 2);
    const trail *t = get_trail(L);
    if (!t)
        return 0;
    if (strcmp(name, "timings") == 0)
        push_timings(L, &t->timings);
    else if (strcmp(name, "history") == 0)
        push_attempts(L, t->attempts, t->attempt_count);
    else if (strcmp(name, "http_version") == 0)
        push_version(L, t->http_version);
    else
        return 0;
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

void fiks_l_extend_answer(lua_State *L, const fiks_call *call, const fiks_response *r)
{
    size_t count;
    const fiks_attempt *attempts = fiks_call_attempts(call, &count);
    lua_pushlightuserdata(L, (void *)&trail_of_answer);
    trail *t = lua_newuserdatauv(L, sizeof *t + count * sizeof *attempts, 0);
    t->mark = &trail_of_answer;
    t->timings = r->timings;
    t->http_version = r->http_version;
    t->attempt_count = count;
    if (count)
        memcpy(t->attempts, attempts, count * sizeof *attempts);
    lua_rawset(L, -3);
    if (r->request_id[0]) {
        lua_pushstring(L, r->request_id);
        lua_setfield(L, -2, "request_id");
    }
    lua_pushlightuserdata(L, (void *)&answer_metatable);
    lua_rawget(L, LUA_REGISTRYINDEX);
    lua_setmetatable(L, -2);
}

void fiks_l_extend_error(lua_State *L, const fiks_call *call)
{
    size_t count;
    const fiks_attempt *attempts = fiks_call_attempts(call, &count);
    push_attempts(L, attempts, count);
    lua_setfield(L, -2, "history");
    if (fiks_call_error_json(call)) {
        lua_pushstring(L, fiks_call_error_json(call));
        lua_setfield(L, -2, "error_json");
    }
}

/* call:history() -> the attempts that are complete so far */
int fiks_l_call_history(lua_State *L)
{
    size_t count;
    const fiks_attempt *attempts = fiks_call_attempts(fiks_l_check_box(L, 1, FIKS_L_CALL), &count);
    push_attempts(L, attempts, count);
    return 1;
}

/* call:token_ms() -> how long it waited for a token so far */
int fiks_l_call_token_ms(lua_State *L)
{
    fiks_l_push_int64(L, fiks_call_token_ms(fiks_l_check_box(L, 1, FIKS_L_CALL)));
    return 1;
}

/* ---- counters ------------------------------------------------------------------------------- */

static void push_outcomes(lua_State *L, const fiks_metrics *m)
{
    lua_createtable(L, 0, FIKS_OUTCOMES);
    for (int i = 0; i < FIKS_OUTCOMES; i++)
        set_int64(L, fiks_status_name((fiks_status)i), (int64_t)m->calls[i]);
}

static void push_durations(lua_State *L, const fiks_metrics *m)
{
    lua_createtable(L, FIKS_BUCKETS, 0);
    for (int i = 0; i < FIKS_BUCKETS; i++) {
        lua_createtable(L, 0, 2);
        if (m->durations[i].up_to_ms != UINT32_MAX)
            set_int64(L, "up_to_ms", m->durations[i].up_to_ms);
        set_int64(L, "calls", (int64_t)m->durations[i].calls);
        lua_rawseti(L, -2, i + 1);
    }
}

/* core.metrics() -> table: see fiks.Metrics in types.lua */
static int metrics(lua_State *L)
{
    fiks_metrics m = FIKS_OPTIONS(fiks_metrics);
    fiks_metrics_get(&m);
    lua_createtable(L, 0, 14);
    push_outcomes(L, &m);
    lua_setfield(L, -2, "calls");
    push_durations(L, &m);
    lua_setfield(L, -2, "durations");
    set_int64(L, "duration_ms", (int64_t)m.duration_ms);
    set_int64(L, "calls_in_flight", (int64_t)m.calls_in_flight);
    set_int64(L, "requests", (int64_t)m.requests);
    set_int64(L, "retries", (int64_t)m.retries);
    set_int64(L, "token_fetches", (int64_t)m.token_fetches);
    set_int64(L, "token_failures", (int64_t)m.token_failures);
    set_int64(L, "token_hits", (int64_t)m.token_hits);
    set_int64(L, "sent_bytes", (int64_t)m.sent_bytes);
    set_int64(L, "received_bytes", (int64_t)m.received_bytes);
    set_int64(L, "connections_opened", (int64_t)m.connections_opened);
    set_int64(L, "connections_reused", (int64_t)m.connections_reused);
    set_int64(L, "log_lines_dropped", (int64_t)m.log_lines_dropped);
    return 1;
}

#define TEXT "fiks.core.text"

/* Frees the C text of metrics_text, whatever happens. */
static int text_gc(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, TEXT);
    fiks_bytes_free(*box, 0);
    *box = NULL;
    return 0;
}

/* core.metrics_text() -> text | nil, err */
static int metrics_text(lua_State *L)
{
    fiks_error err = {0};
    size_t bytes;
    char *text;
    void **box = fiks_l_new_box(L, TEXT);
    if (fiks_metrics_text(&text, &bytes, &err))
        return fiks_l_fail(L, &err);
    *box = text;
    lua_pushlstring(L, text, bytes);
    fiks_bytes_free(text, bytes);
    *box = NULL;
    return 1;
}

void fiks_l_open_seen(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"metrics", metrics}, {"metrics_text", metrics_text}, {NULL, NULL}};
    fiks_l_new_type(L, TEXT, none, text_gc);
    lua_pushlightuserdata(L, (void *)&answer_metatable);
    lua_newtable(L);
    lua_pushliteral(L, "fiks.Response");
    lua_setfield(L, -2, "__name");
    lua_pushcfunction(L, answer_index);
    lua_setfield(L, -2, "__index");
    lua_rawset(L, LUA_REGISTRYINDEX);
    luaL_setfuncs(L, functions, 0);
}
