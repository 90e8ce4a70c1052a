/*
 * Log lines for Lua. Lua is never called from C, and lines come from any thread: each Lua state
 * that wants some has a ring, which one sink for the process fills, and takes them from there
 * (lua/fiks/log.lua) when it waits for calls. A full ring loses its oldest line, and says how many.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../log.h"
#include "../metrics.h"
#include "lbind.h"

enum { LINES = 256, OFF = -1 };

typedef struct ring {
    struct ring *next;
    int max_level; /* OFF = none */
    unsigned first, count;
    unsigned long lost;
    struct {
        int level;
        char *text;
    } lines[LINES];
} ring;

static const char ring_of_state; /* its address is the registry key */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static ring *rings;

/* ---- under the lock ------------------------------------------------------------------------ */

static char *pop(ring *r, int *level)
{
    char *text = r->lines[r->first].text;
    *level = r->lines[r->first].level;
    r->first = (r->first + 1) % LINES;
    r->count--;
    return text;
}

static void empty(ring *r)
{
    int level;
    while (r->count)
        free(pop(r, &level));
    r->lost = 0;
}

static void push(ring *r, int level, const char *line)
{
    int old;
    char *text = strdup(line);
    if (r->count == LINES || !text) {
        r->lost++;
        fiks_metrics_add(FIKS_COUNT_LOG_LINES_DROPPED, 1);
    }
    if (!text)
        return;
    if (r->count == LINES)
        free(pop(r, &old));
    unsigned at = (r->first + r->count++) % LINES;
    r->lines[at].level = level;
    r->lines[at].text = text;
}

static void take_line(int level, const char *line, void *data)
{
    (void)data;
    pthread_mutex_lock(&lock);
    for (ring *r = rings; r; r = r->next)
        if (level <= r->max_level)
            push(r, level, line);
    pthread_mutex_unlock(&lock);
}

/* The process makes as many lines as the keenest state wants. */
static void set_level(ring *of, int max_level)
{
    int most = OFF;
    bool before = of->max_level != OFF;
    of->max_level = max_level;
    for (const ring *r = rings; r; r = r->next)
        most = r->max_level > most ? r->max_level : most;
    if (before || most != OFF) /* a sink that a C program set stays while no state wants lines */
        fiks_log_set(most == OFF ? NULL : take_line, most, NULL);
}

/* ---- forks --------------------------------------------------------------------------------- */

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

/* The lines are the parent's. */
static void in_child(void)
{
    for (ring *r = rings; r; r = r->next)
        empty(r);
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    fiks_log_ready();
    pthread_atfork(before_fork, after_fork, in_child);
}

/* ---- Lua ----------------------------------------------------------------------------------- */

static int ring_gc(lua_State *L)
{
    ring *mine = lua_touserdata(L, 1);
    pthread_mutex_lock(&lock);
    set_level(mine, OFF);
    for (ring **at = &rings; *at; at = &(*at)->next) {
        if (*at == mine) {
            *at = mine->next;
            break;
        }
    }
    empty(mine);
    pthread_mutex_unlock(&lock);
    return 0;
}

static ring *find(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&ring_of_state);
    lua_rawget(L, LUA_REGISTRYINDEX);
    ring *mine = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return mine;
}

static ring *make(lua_State *L)
{
    pthread_once(&once, watch_forks);
    lua_pushlightuserdata(L, (void *)&ring_of_state);
    ring *mine = lua_newuserdatauv(L, sizeof *mine, 0);
    memset(mine, 0, sizeof *mine);
    mine->max_level = OFF;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, ring_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
    pthread_mutex_lock(&lock);
    mine->next = rings;
    rings = mine;
    pthread_mutex_unlock(&lock);
    return mine;
}

/* core.log(max_level): lines up to it are kept for this state; nil: none, and those kept go. */
static int log_to_here(lua_State *L)
{
    int level = lua_isnoneornil(L, 1) ? OFF : (int)luaL_checkinteger(L, 1);
    luaL_argcheck(L, level >= OFF && level <= 3, 1, "a level is 0 to 3");
    ring *mine = find(L);
    if (!mine)
        mine = make(L);
    pthread_mutex_lock(&lock);
    set_level(mine, level);
    if (level == OFF)
        empty(mine);
    pthread_mutex_unlock(&lock);
    return 0;
}

/* core.log_next() -> level, line | nothing: there is none. Lost lines are a line of their own. */
static int log_next(lua_State *L)
{
    enum { WARNING = 1 };
    char line[1100] = "";
    int level = WARNING;
    ring *mine = find(L);
    if (!mine)
        return 0;
    pthread_mutex_lock(&lock);
    if (mine->lost) {
        snprintf(line, sizeof line, "log: %lu older lines were lost: nobody took them", mine->lost);
        mine->lost = 0;
    } else if (mine->count) {
        char *text = pop(mine, &level);
        snprintf(line, sizeof line, "%s", text);
        free(text);
    }
    pthread_mutex_unlock(&lock);
    if (!line[0])
        return 0;
    lua_pushinteger(L, level);
    lua_pushstring(L, line);
    return 2;
}

/* core.log_line(level, text): a line of the Lua code's own, for whoever takes lines. */
static int log_line(lua_State *L)
{
    static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
    int level = luaL_checkoption(L, 1, NULL, levels);
    fiks_log(level, "%s", luaL_checkstring(L, 2));
    return 0;
}

void fiks_l_open_log(lua_State *L)
{
    lua_pushcfunction(L, log_to_here);
    lua_setfield(L, -2, "log");
    lua_pushcfunction(L, log_next);
    lua_setfield(L, -2, "log_next");
    lua_pushcfunction(L, log_line);
    lua_setfield(L, -2, "log_line");
}
