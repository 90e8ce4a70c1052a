/* Clients, queues and calls. No logic: arguments in, results out. Waiting is done by lua/fiks/wait.
 */
#include <string.h>

#include "../engine.h"
#include "lbind.h"

static uint32_t read_uint32(lua_State *L, int index, const char *name)
{
    return (uint32_t)fiks_l_size(L, index, name, UINT32_MAX);
}

/* ---- client -------------------------------------------------------------------------------- */

static int client_new(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.contract = fiks_l_string(L, 1, "contract");
    o.environment = fiks_l_string(L, 1, "environment");
    o.api_url = fiks_l_string(L, 1, "api_url");
    o.svarut_url = fiks_l_string(L, 1, "svarut_url");
    o.issuer = fiks_l_string(L, 1, "issuer");
    o.token_endpoint = fiks_l_string(L, 1, "token_endpoint");
    o.scope = fiks_l_string(L, 1, "scope");
    o.client_id = fiks_l_string(L, 1, "client_id");
    o.consumer_org = fiks_l_string(L, 1, "consumer_org");
    o.kid = fiks_l_string(L, 1, "kid");
    o.integrasjon_id = fiks_l_string(L, 1, "integrasjon_id");
    o.integrasjon_passord = fiks_l_string(L, 1, "integrasjon_passord");
    o.ca_file = fiks_l_string(L, 1, "ca_file");
    o.allow_loopback_http = fiks_l_boolean(L, 1, "allow_loopback_http");
    o.alg = fiks_l_string(L, 1, "alg");
    o.x5c = fiks_l_string(L, 1, "x5c");
    o.resource = fiks_l_string(L, 1, "resource");
    o.pid = fiks_l_string(L, 1, "pid");
    o.authorization_details = fiks_l_string(L, 1, "authorization_details");
    o.accept_fewer_scopes = fiks_l_boolean(L, 1, "accept_fewer_scopes");
    o.resource_array = fiks_l_boolean(L, 1, "resource_array");
    o.clock_correction = fiks_l_boolean(L, 1, "clock_correction");
    o.allow_expired_certificate = fiks_l_boolean(L, 1, "allow_expired_certificate");
    o.timeout_ms = read_uint32(L, 1, "timeout_ms");
    o.connect_timeout_ms = read_uint32(L, 1, "connect_timeout_ms");
    o.first_byte_timeout_ms = read_uint32(L, 1, "first_byte_timeout_ms");
    o.idle_timeout_ms = read_uint32(L, 1, "idle_timeout_ms");
    o.min_bytes_per_s = read_uint32(L, 1, "min_bytes_per_s");
    o.traceparent = fiks_l_string(L, 1, "traceparent");
    o.correlation_id = fiks_l_string(L, 1, "correlation_id");
    fiks_l_field(L, 1, "key");
    if (!lua_isnil(L, -1))
        o.key = fiks_l_check_box(L, -1, FIKS_L_KEY);
    fiks_l_field(L, 1, "network");
    if (!lua_isnil(L, -1))
        o.network = fiks_l_check_box(L, -1, FIKS_L_NETWORK);
    void **box = fiks_l_new_box(L, FIKS_L_CLIENT);
    fiks_error err = {0};
    fiks_client *client;
    if (fiks_client_new(&o, &client, &err))
        return fiks_l_fail(L, &err);
    *box = client;
    return 1;
}

static int client_gc(lua_State *L)
{
    void **box = fiks_l_self(L, FIKS_L_CLIENT);
    fiks_client_free(*box);
    *box = NULL;
    return 0;
}

static void set_and_wipe(lua_State *L, const char *name, char *text)
{
    lua_pushstring(L, text ? text : "");
    lua_setfield(L, -2, name);
    fiks_bytes_free(text, text ? strlen(text) : 0);
}

/* What a token is asked for instead of the client's settings: the table at 2, if there is one. */
static fiks_token_options read_token_options(lua_State *L)
{
    fiks_token_options o = FIKS_OPTIONS(fiks_token_options);
    if (lua_isnoneornil(L, 2))
        return o;
    luaL_checktype(L, 2, LUA_TTABLE);
    o.scope = fiks_l_string(L, 2, "scope");
    o.consumer_org = fiks_l_string(L, 2, "consumer_org");
    o.resource = fiks_l_string(L, 2, "resource");
    o.pid = fiks_l_string(L, 2, "pid");
    o.authorization_details = fiks_l_string(L, 2, "authorization_details");
    return o;
}

/* client:token(options) -> { access_token=, scope=, expires_at= } | nil: what is cached, asking
 * nobody; nil, err when the options are wrong. */
static int client_token(lua_State *L)
{
    fiks_client *client = fiks_l_check_self(L, FIKS_L_CLIENT);
    fiks_token_options o = read_token_options(L);
    char *token, *scope;
    int64_t expires_s;
    fiks_error err = {0};
    lua_createtable(L, 0, 3);
    if (!fiks_client_peek_token(client, &o, &token, &scope, &expires_s, &err))
        return err.kind ? fiks_l_fail(L, &err) : 0;
    set_and_wipe(L, "access_token", token);
    set_and_wipe(L, "scope", scope);
    fiks_l_push_int64(L, expires_s);
    lua_setfield(L, -2, "expires_at");
    return 1;
}

/* client:invalidate(options) -> true | nil, err. With options.access_token only if it is that one.
 */
static int client_invalidate(lua_State *L)
{
    fiks_client *client = fiks_l_check_self(L, FIKS_L_CLIENT);
    fiks_token_options o = read_token_options(L);
    const char *token = lua_isnoneornil(L, 2) ? NULL : fiks_l_string(L, 2, "access_token");
    fiks_error err = {0};
    if (fiks_client_invalidate_token(client, &o, token, &err))
        return fiks_l_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* client:proxy() -> "http://host:port", "the variable https_proxy" | nil */
static int client_proxy(lua_State *L)
{
    const char *from,
        *proxy =
            fiks_network_proxy(fiks_client_network(fiks_l_check_self(L, FIKS_L_CLIENT)), &from);
    lua_pushstring(L, proxy);
    lua_pushstring(L, from);
    return proxy ? 2 : 0;
}

/* client:warnings() -> { sentence, ... } */
static int client_warnings(lua_State *L)
{
    const char *const *list = fiks_client_warnings(fiks_l_check_self(L, FIKS_L_CLIENT));
    lua_newtable(L);
    for (int i = 0; list[i]; i++) {
        lua_pushstring(L, list[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* client:clock_skew() -> milliseconds that this machine's clock is ahead | nil: not known yet */
static int client_clock_skew(lua_State *L)
{
    int64_t ahead;
    if (!fiks_client_clock_skew(fiks_l_check_self(L, FIKS_L_CLIENT), &ahead))
        return 0;
    fiks_l_push_int64(L, ahead);
    return 1;
}

/* ---- queue --------------------------------------------------------------------------------- */

static int queue_new(lua_State *L)
{
    void **box = fiks_l_new_box(L, FIKS_L_QUEUE);
    *box = fiks_queue_new();
    if (!*box) {
        fiks_error err = {.kind = FIKS_MEMORY, .message = "the engine cannot start"};
        return fiks_l_fail(L, &err);
    }
    return 1;
}

static int queue_gc(lua_State *L)
{
    void **box = fiks_l_self(L, FIKS_L_QUEUE);
    fiks_queue_free(*box);
    *box = NULL;
    return 0;
}

/* Pushes the userdata of a call or job, or nil when the program has dropped it; and its place. */
static int push_completion(lua_State *L, const fiks_completion *end)
{
    fiks_l_push_place(L, end->place);
    lua_pushinteger(L, end->place);
    return 2;
}

static int64_t read_timeout(lua_State *L, int index)
{
    lua_Number timeout = luaL_optnumber(L, index, -1);
    return timeout >= 0 && timeout < 1e15 ? (int64_t)timeout : -1;
}

/* queue:wait(timeout_ms) -> call, place | nil. Negative or absent: for ever. */
static int queue_wait(lua_State *L)
{
    fiks_queue *queue = fiks_l_check_self(L, FIKS_L_QUEUE);
    const fiks_completion *end = fiks_queue_next(queue, read_timeout(L, 2));
    return end ? push_completion(L, end) : 0;
}

/* queue:await(call, timeout_ms) -> true: it is ready | another that came meanwhile, its place |
 * nil. A job is as good as a call. */
static int queue_await(lua_State *L)
{
    fiks_queue *queue = fiks_l_check_self(L, FIKS_L_QUEUE);
    bool is_call = luaL_testudata(L, 2, FIKS_L_CALL) != NULL;
    fiks_completion *end = fiks_l_check_box(L, 2, is_call ? FIKS_L_CALL : FIKS_L_JOB);
    int64_t timeout = read_timeout(L, 3);
    while (!fiks_completion_ready(end)) {
        const fiks_completion *came = fiks_queue_next(queue, timeout);
        if (came != end)
            return came ? push_completion(L, came) : 0;
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* queue:fd() -> a descriptor that is readable while queue:wait(0) gives a call | nil, err. Starts
 * the I/O thread. */
static int queue_fd(lua_State *L)
{
    int fd;
    fiks_error err = {0};
    if (fiks_queue_fd(fiks_l_check_self(L, FIKS_L_QUEUE), &fd, &err))
        return fiks_l_fail(L, &err);
    lua_pushinteger(L, fd);
    return 1;
}

/* ---- starting a call ------------------------------------------------------------------------- */

/* -> call, place | nil, err */
static int start(lua_State *L, fiks_client *client, const fiks_call_options *o, fiks_queue *queue,
                 const fiks_l_taken *taken)
{
    void **box = fiks_l_new_box(L, FIKS_L_CALL);
    int place = fiks_l_take_place(L, lua_gettop(L));
    fiks_error err = {0};
    fiks_call *call;
    if (fiks_call_new(client, o, queue, &call, &err)) {
        fiks_l_free_place(L, place);
        return fiks_l_fail(L, &err);
    }
    *box = call;
    call->end.place = place;
    for (size_t i = 0; i < taken->count; i++)
        *taken->boxes[i] = NULL; /* the call's now */
    lua_pushinteger(L, place);
    return 2;
}

/* client:call(options, queue) -> call, place | nil, err */
static int client_call(lua_State *L)
{
    fiks_client *client = fiks_l_check_self(L, FIKS_L_CLIENT);
    luaL_checktype(L, 2, LUA_TTABLE);
    fiks_queue *queue = fiks_l_check_box(L, 3, FIKS_L_QUEUE);
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    fiks_l_taken taken;
    fiks_l_read_request(L, &o, &taken);
    return start(L, client, &o, queue, &taken);
}

/* client:begin(request, queue, json) -> call, place | nil, err | false: to be looked at closely, in
 * Lua */
static int client_begin(lua_State *L)
{
    fiks_client *client = fiks_l_check_self(L, FIKS_L_CLIENT);
    fiks_queue *queue = fiks_l_check_box(L, 3, FIKS_L_QUEUE);
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    fiks_l_taken none = {0};
    lua_settop(L, 4);
    if (fiks_l_read_plain(L, &o))
        return start(L, client, &o, queue, &none);
    lua_pushboolean(L, 0);
    return 1;
}

/* ---- a call ---------------------------------------------------------------------------------- */

static void call_close(lua_State *L, void **box)
{
    fiks_call *call = *box;
    *box = NULL;
    if (call)
        fiks_l_free_place(L, call->end.place);
    fiks_call_free(call);
}

static int call_gc(lua_State *L)
{
    call_close(L, fiks_l_self(L, FIKS_L_CALL));
    return 0;
}

/* call:place() -> its number among the open calls */
static int call_place(lua_State *L)
{
    const fiks_call *call = fiks_l_check_self(L, FIKS_L_CALL);
    lua_pushinteger(L, call->end.place);
    return 1;
}

static int call_finished(lua_State *L)
{
    lua_pushboolean(L, fiks_call_finished(fiks_l_check_self(L, FIKS_L_CALL)));
    return 1;
}

/* call:ready() -> whether it has finished, or has something to say (call:notes) */
static int call_ready(lua_State *L)
{
    fiks_call *call = fiks_l_check_self(L, FIKS_L_CALL);
    lua_pushboolean(L, fiks_completion_ready(&call->end));
    return 1;
}

/* call:notes() -> whether there was something to say; it counts as said */
static int call_notes(lua_State *L)
{
    lua_pushboolean(L, fiks_call_notes(fiks_l_check_self(L, FIKS_L_CALL)) != 0);
    return 1;
}

/* call:resume(): a channel that was full was emptied, or an empty one filled */
static int call_resume(lua_State *L)
{
    fiks_call_resume(fiks_l_check_self(L, FIKS_L_CALL));
    return 0;
}

static void set_count(lua_State *L, const char *name, int64_t value)
{
    if (value < 0)
        return;
    fiks_l_push_int64(L, value);
    lua_setfield(L, -2, name);
}

/* call:progress() -> { sent=, sent_total=, received=, received_total= }, totals when known */
static int call_progress(lua_State *L)
{
    fiks_progress p;
    fiks_call_progress(fiks_l_check_self(L, FIKS_L_CALL), &p);
    lua_createtable(L, 0, 4);
    set_count(L, "sent", p.sent_bytes);
    set_count(L, "sent_total", p.sent_total_bytes);
    set_count(L, "received", p.received_bytes);
    set_count(L, "received_total", p.received_total_bytes);
    return 1;
}

/* call:cancel(). One that is closed has ended. */
static int call_cancel(lua_State *L)
{
    void **box = fiks_l_self(L, FIKS_L_CALL);
    if (*box)
        fiks_call_cancel(*box);
    return 0;
}

static void push_response(lua_State *L, const fiks_call *call, const fiks_response *r)
{
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, r->status);
    lua_setfield(L, -2, "status");
    lua_pushlstring(L, r->body, r->body_bytes);
    lua_setfield(L, -2, "body");
    lua_pushstring(L, r->content_type);
    lua_setfield(L, -2, "content_type");
    lua_pushinteger(L, r->attempts);
    lua_setfield(L, -2, "attempts");
    fiks_l_push_int64(L, r->elapsed_ms);
    lua_setfield(L, -2, "elapsed_ms");
    fiks_l_extend_answer(L, call, r);
}

/* call:result(close) -> response | nil, err, response|nil. With true it is closed then. */
static int call_result(lua_State *L)
{
    fiks_call *call = fiks_l_check_self(L, FIKS_L_CALL);
    bool to_close = lua_toboolean(L, 2);
    const fiks_response *response;
    lua_settop(L, 1);
    if (fiks_call_result(call, &response, NULL)) {
        fiks_error err = {0};
        fiks_call_result(call, &response, &err);
        fiks_l_fail(L, &err);
        fiks_l_extend_error(L, call);
    }
    if (response)
        push_response(L, call, response);
    if (to_close)
        call_close(L, lua_touserdata(L, 1));
    return lua_gettop(L) - 1;
}

/* call:files() -> the files that its forsendelse_sink has seen, or nil */
static int call_files(lua_State *L)
{
    fiks_call *call = fiks_l_check_self(L, FIKS_L_CALL);
    const fiks_sink *sink = fiks_call_sink(call);
    return sink && fiks_call_finished(call) ? fiks_l_push_files(L, sink) : 0;
}

/* ---- the module -------------------------------------------------------------------------------
 */

static int operations(lua_State *L)
{
    const char *const *names = fiks_operation_names();
    lua_newtable(L);
    for (int i = 0; names[i]; i++) {
        lua_pushstring(L, names[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* core.engine_connections(per_host) -> true | nil, err. 0 = any number */
static int engine_connections(lua_State *L)
{
    fiks_error err = {0};
    lua_Number n = luaL_checknumber(L, 1);
    luaL_argcheck(L, n >= 0 && n <= 1e6 && n == (lua_Number)(unsigned)n, 1,
                  "a whole number from 0 to 1000000");
    if (fiks_engine_connections((unsigned)n, &err))
        return fiks_l_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

static int engine_thread(lua_State *L)
{
    fiks_error err = {0};
    luaL_checktype(L, 1, LUA_TBOOLEAN);
    if (!lua_toboolean(L, 1))
        fiks_engine_thread_stop();
    else if (fiks_engine_thread_start(&err))
        return fiks_l_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

void fiks_l_open_call(lua_State *L)
{
    static const luaL_Reg client_methods[] = {{"call", client_call},
                                              {"begin", client_begin},
                                              {"token", client_token},
                                              {"invalidate", client_invalidate},
                                              {"warnings", client_warnings},
                                              {"proxy", client_proxy},
                                              {"clock_skew", client_clock_skew},
                                              {"close", client_gc},
                                              {NULL, NULL}};
    static const luaL_Reg queue_methods[] = {{"wait", queue_wait},
                                             {"await", queue_await},
                                             {"fd", queue_fd},
                                             {"close", queue_gc},
                                             {NULL, NULL}};
    static const luaL_Reg call_methods[] = {{"finished", call_finished},
                                            {"ready", call_ready},
                                            {"notes", call_notes},
                                            {"resume", call_resume},
                                            {"cancel", call_cancel},
                                            {"progress", call_progress},
                                            {"history", fiks_l_call_history},
                                            {"token_ms", fiks_l_call_token_ms},
                                            {"result", call_result},
                                            {"files", call_files},
                                            {"place", call_place},
                                            {"close", call_gc},
                                            {NULL, NULL}};
    static const luaL_Reg functions[] = {{"client", client_new},
                                         {"queue", queue_new},
                                         {"operations", operations},
                                         {"engine_thread", engine_thread},
                                         {"engine_connections", engine_connections},
                                         {NULL, NULL}};
    fiks_l_new_type(L, FIKS_L_CLIENT, client_methods, client_gc);
    fiks_l_new_type(L, FIKS_L_QUEUE, queue_methods, queue_gc);
    fiks_l_new_type(L, FIKS_L_CALL, call_methods, call_gc);
    fiks_l_open_places(L);
    fiks_l_open_request(L);
    luaL_setfuncs(L, functions, 0);
}
