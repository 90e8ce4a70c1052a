/* core.cms_encrypt, cms_decrypt, cms_decrypt_file, forsendelse_sink. */
#include "../cms.h"
#include "../receive.h"
#include "lbind.h"

#include <string.h>

/* ---- bytes, arrays ------------------------------------------------------------------------- */

/* A userdata whose __gc wipes and frees, so that a lua_pushlstring that raises loses nothing. */
#define BYTES_TYPE "fiks.core.bytes"

static int bytes_gc(lua_State *L)
{
    fiks_buf_free(luaL_checkudata(L, 1, BYTES_TYPE));
    return 0;
}

static fiks_buf *new_bytes(lua_State *L)
{
    fiks_buf *bytes = lua_newuserdatauv(L, sizeof *bytes, 0);
    memset(bytes, 0, sizeof *bytes);
    luaL_setmetatable(L, BYTES_TYPE);
    return bytes;
}

static int push_bytes(lua_State *L, fiks_buf *bytes)
{
    lua_pushlstring(L, bytes->data ? bytes->data : "", bytes->len);
    fiks_buf_free(bytes);
    return 1;
}

/* The length of the array at the top of the stack and zeroed room for as many, which stays on the
 * stack below it. `what` names it in errors. */
static void *check_array(lua_State *L, const char *what, size_t element_bytes, size_t *count)
{
    if (!lua_istable(L, -1))
        luaL_error(L, "'%s' must be an array, not a %s", what, luaL_typename(L, -1));
    *count = lua_rawlen(L, -1);
    if (*count > 100000)
        luaL_error(L, "'%s' is too long", what);
    void *room = lua_newuserdatauv(L, (*count + 1) * element_bytes, 0);
    memset(room, 0, (*count + 1) * element_bytes);
    lua_insert(L, -2);
    return room;
}

/* The keys of the array at the top of the stack, replaced by one userdata. They live as long as the
 * array, which the caller's arguments hold. */
static fiks_key **check_keys(lua_State *L, size_t *count)
{
    fiks_key **keys = check_array(L, "keys", sizeof *keys, count);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        if (!luaL_testudata(L, -1, FIKS_L_KEY))
            luaL_error(L, "element %d of 'keys' must be a key (core.key), not a %s", (int)i + 1,
                       luaL_typename(L, -1));
        keys[i] = fiks_l_check_box(L, -1, FIKS_L_KEY);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return keys;
}

static fiks_key **check_keys_option(lua_State *L, int options, size_t *count)
{
    fiks_l_field(L, options, "keys");
    return check_keys(L, count);
}

/* ---- CMS ----------------------------------------------------------------------------------- */

/* The certificates of the array at the top of the stack, replaced by one userdata. */
static const char **check_certificates(lua_State *L, size_t *count)
{
    const char **list = check_array(L, "certificates", sizeof *list, count);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "certificate %d must be a string (PEM), not a %s", (int)i + 1,
                       luaL_typename(L, -1));
        list[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return list;
}

/* core.cms_encrypt(data, { certificate_pem, ... }) -> bytes | nil, err */
static int cms_encrypt(lua_State *L)
{
    size_t len, count;
    void *out;
    fiks_error err = {0};
    const char *data = luaL_checklstring(L, 1, &len);
    lua_pushvalue(L, 2);
    const char **certificates = check_certificates(L, &count);
    fiks_buf *bytes = new_bytes(L);
    if (fiks_cms_encrypt(data, len, certificates, count, &out, &bytes->len, &err))
        return fiks_l_fail(L, &err);
    bytes->data = out;
    bytes->cap = bytes->len;
    return push_bytes(L, bytes);
}

/* { bytes =, key =, trailing = }: length of the content, number of the key that opened it, and
 * whether bytes follow the message. */
static void push_result(lua_State *L, const fiks_cms_result *result)
{
    lua_createtable(L, 0, 3);
    fiks_l_push_int64(L, (int64_t)result->bytes);
    lua_setfield(L, -2, "bytes");
    lua_pushinteger(L, (lua_Integer)result->key + 1);
    lua_setfield(L, -2, "key");
    lua_pushboolean(L, result->trailing);
    lua_setfield(L, -2, "trailing");
}

/* core.cms_decrypt(data, { key, ... }, { legacy_ciphers = }?) -> bytes, result | nil, err */
static int cms_decrypt(lua_State *L)
{
    size_t len;
    fiks_error err = {0};
    fiks_cms_result result;
    fiks_cms_options options = {0};
    lua_settop(L, 3);
    const char *data = luaL_checklstring(L, 1, &len);
    if (!lua_isnil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        options.legacy_ciphers = fiks_l_boolean(L, 3, "legacy_ciphers");
    }
    lua_pushvalue(L, 2);
    options.keys = check_keys(L, &options.key_count);
    fiks_buf *bytes = new_bytes(L);
    if (fiks_cms_decrypt(data, len, &options, bytes, &result, &err))
        return fiks_l_fail(L, &err);
    push_bytes(L, bytes);
    push_result(L, &result);
    return 2;
}

/* core.cms_decrypt_file{ from=, to=, keys=, legacy_ciphers= } -> result | nil, err */
static int cms_decrypt_file(lua_State *L)
{
    fiks_error err = {0};
    fiks_cms_result result;
    fiks_cms_options options = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *from = fiks_l_string(L, 1, "from"), *to = fiks_l_string(L, 1, "to");
    options.legacy_ciphers = fiks_l_boolean(L, 1, "legacy_ciphers");
    options.keys = check_keys_option(L, 1, &options.key_count);
    if (!from)
        return luaL_error(L, "option 'from' is missing: the file to decrypt");
    if (fiks_cms_decrypt_file(from, to, &options, &result, &err))
        return fiks_l_fail(L, &err);
    push_result(L, &result);
    return 1;
}

/* ---- the forsendelse sink ------------------------------------------------------------------ */

/* Reads option "expected"; its strings live as long as the table. Leaves one userdata. */
static fiks_expected_file *check_expected(lua_State *L, int options, size_t *count)
{
    *count = 0;
    fiks_l_field(L, options, "expected");
    if (lua_isnil(L, -1))
        return NULL;
    fiks_expected_file *list = check_array(L, "expected", sizeof *list, count);
    for (size_t i = 0; i < *count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        if (!lua_istable(L, -1))
            luaL_error(L, "element %d of 'expected' must be a table, not a %s", (int)i + 1,
                       luaL_typename(L, -1));
        int at = lua_gettop(L);
        list[i].name = fiks_l_string(L, at, "name");
        list[i].sha256 = fiks_l_string(L, at, "sha256");
        list[i].size_bytes = fiks_l_integer(L, at, "size", 0);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return list;
}

/* core.forsendelse_sink{ folder=, keys=, expected=, max_total_bytes=, legacy_ciphers=,
 * rename_duplicates=, raw= } -> sink | nil, err */
static int forsendelse_sink(lua_State *L)
{
    fiks_error err = {0};
    fiks_sink *sink;
    luaL_checktype(L, 1, LUA_TTABLE);
    void **box = fiks_l_new_box(L, FIKS_L_SINK);
    int box_at = lua_gettop(L);
    fiks_forsendelse_options options = FIKS_OPTIONS(fiks_forsendelse_options);
    options.folder = fiks_l_string(L, 1, "folder");
    options.keys = check_keys_option(L, 1, &options.key_count);
    options.expected = check_expected(L, 1, &options.expected_count);
    options.max_total_bytes = fiks_l_integer(L, 1, "max_total_bytes", 0);
    options.legacy_ciphers = fiks_l_boolean(L, 1, "legacy_ciphers");
    options.rename_duplicates = fiks_l_boolean(L, 1, "rename_duplicates");
    options.raw = fiks_l_boolean(L, 1, "raw");
    if (!options.folder)
        return luaL_error(L, "option 'folder' is missing: where the files go");
    if (fiks_forsendelse_sink_new(&options, &sink, &err))
        return fiks_l_fail(L, &err);
    *box = sink;
    lua_pushvalue(L, box_at);
    return 1;
}

static int push_file_list(lua_State *L, const fiks_received_file *files, size_t count)
{
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 5);
        lua_pushstring(L, files[i].name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, files[i].stored_as);
        lua_setfield(L, -2, "stored_as");
        fiks_l_push_int64(L, files[i].size_bytes);
        lua_setfield(L, -2, "size");
        lua_pushstring(L, files[i].sha256);
        lua_setfield(L, -2, "sha256");
        lua_pushstring(L, fiks_verdict_name(files[i].verdict));
        lua_setfield(L, -2, "verdict");
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

int fiks_l_push_files(lua_State *L, const fiks_sink *sink)
{
    size_t count;
    const fiks_received_file *files = fiks_forsendelse_sink_files(sink, &count);
    int key = fiks_forsendelse_sink_key(sink);
    push_file_list(L, files, count);
    if (key < 0)
        return 1;
    lua_pushinteger(L, key + 1);
    return 2;
}

#define VERIFIED_TYPE "fiks.core.verified"

static int verified_gc(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, VERIFIED_TYPE);
    fiks_verified_free(*box);
    *box = NULL;
    return 0;
}

/* core.forsendelse_verify{ folder=, expected= } -> files | nil, err */
static int forsendelse_verify(lua_State *L)
{
    fiks_error err = {0};
    size_t count;
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *folder = fiks_l_string(L, 1, "folder");
    const fiks_expected_file *expected = check_expected(L, 1, &count);
    if (!folder)
        return luaL_error(L, "option 'folder' is missing: the folder to look at");
    void **box = fiks_l_new_box(L, VERIFIED_TYPE);
    fiks_verified *verified;
    if (fiks_forsendelse_verify(folder, expected, count, &verified, &err))
        return fiks_l_fail(L, &err);
    *box = verified;
    const fiks_received_file *files = fiks_verified_files(verified, &count);
    return push_file_list(L, files, count);
}

/* sink:feed(bytes) -> true | nil, err: what an answer would bring, from elsewhere. */
static int sink_feed(lua_State *L)
{
    size_t len;
    fiks_error err = {0};
    fiks_sink *sink = fiks_l_check_box(L, 1, FIKS_L_SINK);
    const char *bytes = luaL_checklstring(L, 2, &len);
    if (fiks_sink_feed(sink, bytes, len, &err))
        return fiks_l_fail(L, &err);
    lua_pushboolean(L, true);
    return 1;
}

/* sink:finish() -> files, key | nil, err: that was all. The number of the key that opened it. */
static int sink_finish(lua_State *L)
{
    fiks_error err = {0};
    fiks_sink *sink = fiks_l_check_box(L, 1, FIKS_L_SINK);
    if (fiks_sink_finish(sink, &err))
        return fiks_l_fail(L, &err);
    return fiks_l_push_files(L, sink);
}

/* sink:files() -> files, key?: of a sink that no call took over. */
static int sink_files(lua_State *L)
{
    return fiks_l_push_files(L, fiks_l_check_box(L, 1, FIKS_L_SINK));
}

/* Also __gc and __close. A call that takes the sink over empties the box. */
static int sink_close(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, FIKS_L_SINK);
    fiks_sink_free(*box);
    *box = NULL;
    return 0;
}

void fiks_l_open_cms(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg sink_methods[] = {{"feed", sink_feed},
                                            {"finish", sink_finish},
                                            {"files", sink_files},
                                            {"close", sink_close},
                                            {NULL, NULL}};
    static const luaL_Reg functions[] = {{"cms_encrypt", cms_encrypt},
                                         {"cms_decrypt", cms_decrypt},
                                         {"cms_decrypt_file", cms_decrypt_file},
                                         {"forsendelse_sink", forsendelse_sink},
                                         {"forsendelse_verify", forsendelse_verify},
                                         {NULL, NULL}};
    fiks_l_new_type(L, BYTES_TYPE, none, bytes_gc);
    fiks_l_new_type(L, VERIFIED_TYPE, none, verified_gc);
    fiks_l_new_type(L, FIKS_L_SINK, sink_methods, sink_close);
    luaL_setfuncs(L, functions, 0);
}
