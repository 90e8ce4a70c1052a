/* core.random, uuid, sha256, base64 and friends, utf8_check, now. */
#include <stdio.h>
#include <string.h>

#include "../clock.h"
#include "../error.h"
#include "../hash.h"
#include "../str.h"
#include "lbind.h"

enum { MAX_RANDOM_BYTES = 65536 };

static int fail(lua_State *L, fiks_status kind, const char *code, const char *message)
{
    fiks_error err = {0};
    fiks_fail(&err, kind, code, "%s", message);
    return fiks_l_fail(L, &err);
}

/* core.random(n) -> n random bytes */
static int l_random(lua_State *L)
{
    lua_Integer n = luaL_checkinteger(L, 1);
    luaL_argcheck(L, n >= 0 && n <= MAX_RANDOM_BYTES, 1, "0 to 65536 bytes");
    void *bytes = lua_newuserdatauv(L, n ? (size_t)n : 1, 0);
    if (!fiks_random(bytes, (size_t)n))
        return fail(L, FIKS_INTERNAL, "random", "the system gives no random numbers");
    lua_pushlstring(L, bytes, (size_t)n);
    fiks_wipe(bytes, (size_t)n);
    return 1;
}

static int l_uuid(lua_State *L)
{
    char text[37];
    fiks_error err = {0};
    if (fiks_uuid(text, &err))
        return fiks_l_fail(L, &err);
    lua_pushstring(L, text);
    return 1;
}

static int l_sha256(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    uint8_t digest[32];
    char hex[65];
    fiks_error err = {0};
    if (fiks_sha256(bytes, len, digest, &err))
        return fiks_l_fail(L, &err);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    lua_pushlstring(L, hex, 64);
    return 1;
}

/* A codec of str.h into a userdata that the collector owns, so that no error can leak a buffer. */
typedef bool (*codec)(const char *text, size_t len, fiks_buf *out);

static int free_buf(lua_State *L)
{
    fiks_buf_free(lua_touserdata(L, 1));
    return 0;
}

#define BUF_TYPE "fiks.core.buffer"

static int convert(lua_State *L, codec run, bool decoder)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    fiks_buf *buf = lua_newuserdatauv(L, sizeof *buf, 0);
    memset(buf, 0, sizeof *buf);
    luaL_setmetatable(L, BUF_TYPE);
    bool ok = run(text, len, buf);
    if (buf->failed)
        return fail(L, FIKS_MEMORY, "memory", "out of memory");
    if (ok)
        lua_pushlstring(L, buf->len ? buf->data : "", buf->len);
    fiks_buf_free(buf);
    return ok || !decoder ? 1 : fail(L, FIKS_INVALID, "base64", "not valid Base64");
}

static bool encode_base64(const char *text, size_t len, fiks_buf *out)
{
    return fiks_base64_add(out, text, len);
}

static bool encode_base64url(const char *text, size_t len, fiks_buf *out)
{
    return fiks_base64url_add(out, text, len);
}

static int l_base64(lua_State *L)
{
    return convert(L, encode_base64, false);
}

static int l_unbase64(lua_State *L)
{
    return convert(L, fiks_base64_decode, true);
}

static int l_base64url(lua_State *L)
{
    return convert(L, encode_base64url, false);
}

static int l_unbase64url(lua_State *L)
{
    return convert(L, fiks_base64url_decode, true);
}

/* core.utf8_check(s) -> true | nil, offset of the first bad byte, from 0 */
static int l_utf8_check(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    size_t good = fiks_utf8_check(text, len);
    if (good == len) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    fiks_l_push_int64(L, (int64_t)good);
    return 2;
}

/* core.now() -> wall_ms, mono_ms */
static int l_now(lua_State *L)
{
    fiks_time now = fiks_now();
    fiks_l_push_int64(L, now.wall_ms);
    fiks_l_push_int64(L, now.mono_ms);
    return 2;
}

void fiks_l_open_text(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"random", l_random},
        {"uuid", l_uuid},
        {"sha256", l_sha256},
        {"base64", l_base64},
        {"unbase64", l_unbase64},
        {"base64url", l_base64url},
        {"unbase64url", l_unbase64url},
        {"utf8_check", l_utf8_check},
        {"now", l_now},
        {NULL, NULL},
    };
    static const luaL_Reg none[] = {{NULL, NULL}};
    fiks_l_new_type(L, BUF_TYPE, none, free_buf);
    luaL_setfuncs(L, functions, 0);
}
