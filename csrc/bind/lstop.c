/* core.worker, core.timer, core.stop_signals, core.stop_signal: waiting, and being told to end. */
#include "../error.h"
#include "../stop.h"
#include "../timer.h"
#include "lbind.h"

#define WORKER_TYPE "fiks.core.worker"

/* core.worker() -> worker | nil, err: a thread that jobs are given to */
static int new_worker(lua_State *L)
{
    void **box = fiks_l_new_box(L, WORKER_TYPE);
    fiks_worker *worker;
    fiks_error err = {0};
    if (fiks_worker_new(&worker, &err))
        return fiks_l_fail(L, &err);
    *box = worker;
    return 1;
}

/* worker:close(), which ends a timer under way */
static int worker_gc(lua_State *L)
{
    void **box = fiks_l_self(L, WORKER_TYPE);
    fiks_worker *worker = *box;
    *box = NULL;
    fiks_worker_free(worker);
    return 0;
}

/* worker:timer(ms, queue) -> job | nil, err: a job that ends after so long, or soon after it was
 * cancelled or a signal to stop came */
static int worker_timer(lua_State *L)
{
    fiks_worker *worker = fiks_l_check_self(L, WORKER_TYPE);
    lua_Number ms = luaL_checknumber(L, 2);
    fiks_queue *queue = fiks_l_check_box(L, 3, FIKS_L_QUEUE);
    fiks_error err = {0};
    luaL_argcheck(L, ms >= 0 && ms <= 1e12, 2, "milliseconds");
    void **box = fiks_l_new_box(L, FIKS_L_JOB);
    fiks_job *job = *box = fiks_timer_new(worker, (int64_t)ms);
    if (!job) {
        fiks_fail_memory(&err);
        return fiks_l_fail(L, &err);
    }
    job->end.place = fiks_l_take_place(L, lua_gettop(L));
    if (fiks_worker_submit(worker, job, queue, &err))
        return fiks_l_fail(L, &err);
    return 1;
}

/* core.stop_signals(on) -> true | nil, err: from now on SIGTERM and SIGINT are noted, or no more */
static int stop_signals(lua_State *L)
{
    fiks_error err = {0};
    luaL_checktype(L, 1, LUA_TBOOLEAN);
    if (!lua_toboolean(L, 1))
        fiks_stop_give_back();
    else if (fiks_stop_take(&err))
        return fiks_l_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* core.stop_signal() -> the signal that came, or nil */
static int stop_signal(lua_State *L)
{
    if (fiks_stop_signal())
        lua_pushinteger(L, fiks_stop_signal());
    else
        lua_pushnil(L);
    return 1;
}

void fiks_l_open_stop(lua_State *L)
{
    static const luaL_Reg methods[] = {{"timer", worker_timer}, {"close", worker_gc}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"worker", new_worker},
                                         {"stop_signals", stop_signals},
                                         {"stop_signal", stop_signal},
                                         {NULL, NULL}};
    fiks_l_new_type(L, WORKER_TYPE, methods, worker_gc);
    luaL_setfuncs(L, functions, 0);
}
