/* Many Lua states in threads of one process: they share the token, and each gets its own log lines.
 * Linked with Lua 5.4 and the binding; runs under the thread sanitizer too (make tsan). */
#define SERVER_CONNECTIONS 1024
#include "server.h"

#include <sys/wait.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "../log.h"
#include "keys.h"

enum { STATES = 32, TASKS = 30 };

int luaopen_fiks_core(lua_State *L);

static server here;
static char key_path[256];

typedef struct state {
    pthread_t thread;
    int number;
    int good, token_lines, other_lines;
    char wrong[400];
} state;

static pthread_barrier_t together;

/* Every state asks for the token at once, with all its tasks. The odd ones want log lines. */
static const char program[] =
    "local url, key, number, tasks, ready = ...\n"
    "local fiks = require 'fiks'\n"
    "local lines = { token = 0, other = 0 }\n"
    "if number % 2 == 1 then\n"
    "  fiks.log('warning', function(level, line)\n"
    "    local known = level == 'warning' and line:find('is not a JWT', 1, true)\n"
    "    local kind = known and 'token' or 'other'\n"
    "    lines[kind] = lines[kind] + 1\n"
    "  end)\n"
    "end\n"
    "local client = assert(fiks.new { environment = { api = url, issuer = url .. '/',\n"
    "  token_endpoint = url .. '/token' }, allow_loopback_http = true,\n"
    "  certificate = { key = key, kid = 'en' }, maskinporten = { client_id = 'tilstander' },\n"
    "  integrasjon = { id = '3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01', password = 'p' } })\n"
    "ready()\n"
    "local list, good = {}, 0\n"
    "for i = 1, tasks do list[i] = i end\n"
    "local answers, errors = fiks.map(list, { concurrency = tasks }, function()\n"
    "  return client:request { method = 'GET', path = '/x' }\n"
    "end)\n"
    "for i = 1, tasks do\n"
    "  if answers[i] and answers[i].json.ok then good = good + 1\n"
    "  else error(tostring(errors[i])) end\n"
    "end\n"
    "client:close()\n"
    "return good, lines.token, lines.other\n";

/* Called from Lua, when the state is about to ask. */
static int ready(lua_State *L)
{
    (void)L;
    pthread_barrier_wait(&together);
    return 0;
}

static lua_State *new_state(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_pushstring(L, "lua/?.lua;lua/?/init.lua");
    lua_setfield(L, -2, "path");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_fiks_core);
    lua_setfield(L, -2, "fiks.core");
    lua_settop(L, 0);
    return L;
}

static void *run_state(void *what)
{
    state *s = what;
    lua_State *L = new_state();
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", here.port);
    if (luaL_loadstring(L, program) == LUA_OK) {
        lua_pushstring(L, url);
        lua_pushstring(L, key_path);
        lua_pushinteger(L, s->number);
        lua_pushinteger(L, TASKS);
        lua_pushcfunction(L, ready);
        if (lua_pcall(L, 5, 3, 0) == LUA_OK) {
            s->good = (int)lua_tointeger(L, 1);
            s->token_lines = (int)lua_tointeger(L, 2);
            s->other_lines = (int)lua_tointeger(L, 3);
        }
    }
    if (lua_isstring(L, -1) && !s->good)
        snprintf(s->wrong, sizeof s->wrong, "%s", lua_tostring(L, -1));
    lua_close(L);
    return NULL;
}

TEST(states_in_threads_share_one_token_request_and_each_hears_of_it)
{
    static state states[STATES];
    fiks_key_free(test_key("tilstand"));
    snprintf(key_path, sizeof key_path, "%s", test_temp_path("tilstand.key"));
    server_start(&here);
    pthread_barrier_init(&together, NULL, STATES);
    for (int i = 0; i < STATES; i++) {
        states[i].number = i;
        CHECK_EQ_INT(pthread_create(&states[i].thread, NULL, run_state, &states[i]), 0);
    }
    for (int i = 0; i < STATES; i++)
        pthread_join(states[i].thread, NULL);
    for (int i = 0; i < STATES; i++) {
        CHECK_STR(states[i].wrong, "");
        CHECK_EQ_INT(states[i].good, TASKS);
        CHECK_EQ_INT(states[i].token_lines, i % 2); /* one flight, told to all who listen */
        CHECK_EQ_INT(states[i].other_lines, 0);
    }
    CHECK_EQ_INT(here.token_requests, 1);
    CHECK_EQ_INT(here.requests, 1 + STATES * TASKS);
    pthread_barrier_destroy(&together);
    server_stop(&here);
}

/* How many lines the state gets now; -1: not what was expected of it. */
static int lines_of(lua_State *L)
{
    if (luaL_dostring(L, "local n = 0\n"
                         "while core.log_next() do n = n + 1 end\n"
                         "return n"))
        return -1;
    int n = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return n;
}

TEST(a_forked_child_has_none_of_its_parents_lines)
{
    lua_State *L = new_state();
    CHECK_EQ_INT(luaL_dostring(L, "core = require 'fiks.core' core.log(2)"), LUA_OK);
    fiks_log(FIKS_LOG_INFO, "before");
    pid_t child = fork();
    if (child == 0) {
        int old = lines_of(L);
        fiks_log(FIKS_LOG_INFO, "in the child");
        _exit(old == 0 && lines_of(L) == 1 ? 0 : 1);
    }
    int status = 0;
    CHECK_EQ_INT(waitpid(child, &status, 0), child);
    CHECK_EQ_INT(status, 0);
    CHECK_EQ_INT(lines_of(L), 1);
    lua_close(L);
    fiks_log(FIKS_LOG_INFO, "to nobody");
    CHECK(!fiks_log_on(FIKS_LOG_ERROR));
}

int main(void)
{
    return run_tests("test_thread_states");
}
