/* Stores and the jobs asked of them. No logic: statements in, rows out. Waiting is done by
 * lua/fiks/wait. */
#include "../engine.h"
#include "../store.h"
#include "lbind.h"

/* ---- a store ----------------------------------------------------------------------------------
 */

/* core.store(driver, target) -> store | nil, err. Nothing is opened yet. */
static int store_new(lua_State *L)
{
    const fiks_store_driver *const *driver = luaL_checkudata(L, 1, FIKS_L_STORE_DRIVER);
    const char *target = luaL_checkstring(L, 2);
    void **box = fiks_l_new_box(L, FIKS_L_STORE);
    fiks_error err = {0};
    fiks_store *store;
    if (fiks_store_new(*driver, target, &store, &err))
        return fiks_l_fail(L, &err);
    *box = store;
    return 1;
}

/* Waits for the job under way. */
static int store_gc(lua_State *L)
{
    void **box = fiks_l_self(L, FIKS_L_STORE);
    fiks_store *store = *box;
    *box = NULL;
    fiks_store_free(store);
    return 0;
}

/* ---- a batch ----------------------------------------------------------------------------------
 */

static void set_number(lua_State *L, int index, fiks_value *value)
{
#if LUA_VERSION_NUM >= 503
    if (lua_isinteger(L, index)) {
        value->type = FIKS_VALUE_INTEGER;
        value->integer = lua_tointeger(L, index);
        return;
    }
#endif
    value->number = lua_tonumber(L, index);
    bool whole = value->number >= -9223372036854775808.0 && value->number < 9223372036854775808.0 &&
                 (lua_Number)(int64_t)value->number == value->number;
    value->type = whole ? FIKS_VALUE_INTEGER : FIKS_VALUE_NUMBER; /* LuaJIT knows no integers */
    value->integer = whole ? (int64_t)value->number : 0;
}

/* The value at the top; its text is Lua's. */
static fiks_value read_value(lua_State *L)
{
    fiks_value value = {FIKS_VALUE_NULL, 0, 0, NULL, 0};
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
        value.type = FIKS_VALUE_BOOLEAN;
        value.integer = lua_toboolean(L, -1);
        break;
    case LUA_TNUMBER:
        set_number(L, -1, &value);
        break;
    case LUA_TSTRING:
        value.type = FIKS_VALUE_TEXT;
        value.text = lua_tolstring(L, -1, &value.text_bytes);
        break;
    case LUA_TLIGHTUSERDATA: /* JSON null */
    case LUA_TNIL:
        break;
    default:
        luaL_error(L, "a %s is no value for a store", luaL_typename(L, -1));
    }
    return value;
}

/* Adds the statement at `index`, { sql, value ..., check= }, with `count` values. */
static fiks_status add_statement(lua_State *L, int index, fiks_store_job *job, fiks_error *err)
{
    size_t sql_bytes;
    int count = (int)fiks_l_size(L, index, "n", 65535);
    int64_t check = fiks_l_integer(L, index, "check", -1);
    lua_rawgeti(L, index, 1);
    const char *sql = luaL_checklstring(L, -1, &sql_bytes);
    fiks_status st = fiks_store_add(job, sql, sql_bytes, (size_t)count, check, err);
    lua_pop(L, 1);
    for (int i = 0; i < count && !st; i++) {
        lua_rawgeti(L, index, i + 2);
        fiks_value value = read_value(L);
        st = fiks_store_set(job, (size_t)i, &value, err);
        lua_pop(L, 1);
    }
    return st;
}

/* Submits the job in the box on top of the stack -> job, place | nil, err */
static int submit(lua_State *L, fiks_queue *queue)
{
    fiks_store_job *job = *(void **)lua_touserdata(L, -1);
    fiks_error err = {0};
    int place = fiks_l_take_place(L, lua_gettop(L));
    ((fiks_job *)job)->end.place = place;
    if (fiks_store_submit(job, queue, &err))
        return fiks_l_fail(L, &err);
    lua_pushinteger(L, place);
    return 2;
}

static int fail_memory(lua_State *L)
{
    fiks_error err = {.kind = FIKS_MEMORY, .message = "out of memory"};
    return fiks_l_fail(L, &err);
}

/* store:batch({ { sql, value ..., n = how many values, check = } ... }, queue) -> job, place | nil,
 * err */
static int store_batch(lua_State *L)
{
    fiks_store *store = fiks_l_check_self(L, FIKS_L_STORE);
    luaL_checktype(L, 2, LUA_TTABLE);
    fiks_queue *queue = fiks_l_check_box(L, 3, FIKS_L_QUEUE);
    void **box = fiks_l_new_box(L, FIKS_L_JOB);
    fiks_store_job *job = *box = fiks_store_batch(store);
    if (!job)
        return fail_memory(L);
    int count = (int)lua_rawlen(L, 2);
    for (int i = 1; i <= count; i++) {
        fiks_error err = {0};
        lua_rawgeti(L, 2, i);
        luaL_checktype(L, -1, LUA_TTABLE);
        if (add_statement(L, lua_gettop(L), job, &err)) {
            fiks_l_fail(L, &err);
            lua_pushinteger(L, i);
            lua_setfield(L, -2, "statement");
            return 2;
        }
        lua_pop(L, 1);
    }
    return submit(L, queue);
}

/* store:open(queue), store:finish(queue) -> job, place | nil, err */
static int submit_new(lua_State *L, fiks_store_job *(*make)(fiks_store *store))
{
    fiks_store *store = fiks_l_check_self(L, FIKS_L_STORE);
    fiks_queue *queue = fiks_l_check_box(L, 2, FIKS_L_QUEUE);
    void **box = fiks_l_new_box(L, FIKS_L_JOB);
    *box = make(store);
    return *box ? submit(L, queue) : fail_memory(L);
}

static int store_open(lua_State *L)
{
    return submit_new(L, fiks_store_open);
}

static int store_finish(lua_State *L)
{
    return submit_new(L, fiks_store_close);
}

/* store:lock(name, queue) -> job, place | nil, err */
static int store_lock(lua_State *L)
{
    fiks_store *store = fiks_l_check_self(L, FIKS_L_STORE);
    const char *name = luaL_checkstring(L, 2);
    fiks_queue *queue = fiks_l_check_box(L, 3, FIKS_L_QUEUE);
    void **box = fiks_l_new_box(L, FIKS_L_JOB);
    *box = fiks_store_lock(store, name);
    return *box ? submit(L, queue) : fail_memory(L);
}

/* ---- a job ------------------------------------------------------------------------------------
 */

static int job_gc(lua_State *L)
{
    void **box = fiks_l_self(L, FIKS_L_JOB);
    fiks_job *job = *box;
    *box = NULL;
    if (job && job->end.place)
        fiks_l_free_place(L, job->end.place);
    fiks_job_free(job);
    return 0;
}

static int job_place(lua_State *L)
{
    const fiks_job *job = fiks_l_check_self(L, FIKS_L_JOB);
    lua_pushinteger(L, job->end.place);
    return 1;
}

/* job:ready() -> whether it has ended; job:finished() is the same */
static int job_ready(lua_State *L)
{
    fiks_job *job = fiks_l_check_self(L, FIKS_L_JOB);
    lua_pushboolean(L, fiks_completion_finished(&job->end));
    return 1;
}

/* job:cancel(): it ends without having begun, unless it has */
static int job_cancel(lua_State *L)
{
    fiks_job_cancel(fiks_l_check_self(L, FIKS_L_JOB));
    return 0;
}

static void push_value(lua_State *L, const fiks_value *value)
{
    switch (value->type) {
    case FIKS_VALUE_BOOLEAN:
        lua_pushboolean(L, value->integer != 0);
        break;
    case FIKS_VALUE_INTEGER:
        fiks_l_push_int64(L, value->integer);
        break;
    case FIKS_VALUE_NUMBER:
        lua_pushnumber(L, value->number);
        break;
    case FIKS_VALUE_TEXT:
        lua_pushlstring(L, value->text, value->text_bytes);
        break;
    default:
        lua_pushnil(L);
    }
}

static void push_rows(lua_State *L, const fiks_rows *rows)
{
    size_t count = rows->column_count ? rows->value_count / rows->column_count : 0;
    lua_createtable(L, (int)count, 1);
    fiks_l_push_int64(L, rows->changes);
    lua_setfield(L, -2, "changes");
    const fiks_value *value = rows->values;
    for (size_t row = 0; row < count; row++) {
        lua_createtable(L, 0, (int)rows->column_count);
        for (size_t i = 0; i < rows->column_count; i++) {
            lua_pushstring(L, rows->names[i]);
            push_value(L, value++);
            lua_rawset(L, -3);
        }
        lua_rawseti(L, -2, (int)row + 1);
    }
}

/* job:rows() -> a list of what each statement gave | nil, err; of a batch that has ended */
static int job_rows(lua_State *L)
{
    const fiks_job *job = fiks_l_check_self(L, FIKS_L_JOB);
    const fiks_store_job *batch = (const fiks_store_job *)job;
    fiks_error err = {0};
    if (fiks_job_result(job, &err)) {
        fiks_l_fail(L, &err);
        if (!fiks_completion_foreign(&job->end) && fiks_store_failed_at(batch)) {
            lua_pushinteger(L, (lua_Integer)fiks_store_failed_at(batch));
            lua_setfield(L, -2, "statement");
        }
        return 2;
    }
    lua_newtable(L);
    int i = 0;
    for (const fiks_rows *rows = fiks_store_results(batch); rows; rows = rows->next) {
        push_rows(L, rows);
        lua_rawseti(L, -2, ++i);
    }
    return 1;
}

/* job:done() -> true (of a lock: whether it is ours) | nil, err; of another that has ended */
static int job_done(lua_State *L)
{
    const fiks_job *job = fiks_l_check_self(L, FIKS_L_JOB);
    fiks_error err = {0};
    if (fiks_job_result(job, &err))
        return fiks_l_fail(L, &err);
    lua_pushboolean(L, fiks_store_got_lock((const fiks_store_job *)job));
    return 1;
}

void fiks_l_open_store(lua_State *L)
{
    static const luaL_Reg store_methods[] = {{"open", store_open}, {"batch", store_batch},
                                             {"lock", store_lock}, {"finish", store_finish},
                                             {"close", store_gc},  {NULL, NULL}};
    static const luaL_Reg job_methods[] = {
        {"finished", job_ready}, {"ready", job_ready}, {"place", job_place}, {"cancel", job_cancel},
        {"rows", job_rows},      {"done", job_done},   {"close", job_gc},    {NULL, NULL}};
    static const luaL_Reg functions[] = {{"store", store_new}, {NULL, NULL}};
    fiks_l_new_type(L, FIKS_L_STORE, store_methods, store_gc);
    fiks_l_new_type(L, FIKS_L_JOB, job_methods, job_gc);
    luaL_setfuncs(L, functions, 0);
}
