/*
 * json_decode against jansson: each takes what the other takes, but for what is listed here. Then
 * the value is encoded and decoded again, and must be the same.
 */
#include "json.h"

#include <jansson.h>

/* Of the error on top; -1 = none. */
static ptrdiff_t error_offset(lua_State *L)
{
    lua_getfield(L, -1, "offset");
    ptrdiff_t offset = lua_isnil(L, -1) ? -1 : (ptrdiff_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return offset;
}

static bool has_mark(void)
{
    return input_size >= 3 && memcmp(input, "\xEF\xBB\xBF", 3) == 0;
}

/* What jansson refuses of what RFC 8259 allows. */
static bool beyond_jansson(enum json_error_code code)
{
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key;
}

/* What we refuse and jansson takes: depth, and a NUL byte behind a number (a fault of jansson's).
 */
static bool below_jansson(lua_State *L)
{
    lua_getfield(L, -1, "message");
    bool deep = strstr(lua_tostring(L, -1), "nested deeper") != NULL;
    lua_pop(L, 1);
    return deep || memchr(input, 0, input_size);
}

static void compare_verdicts(lua_State *L, bool taken)
{
    json_error_t error;
    size_t skip = has_mark() ? 3 : 0;
    json_t *theirs = json_loadb((const char *)input + skip, input_size - skip,
                                JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (taken && !theirs && !beyond_jansson(json_error_code(&error)))
        fuzz_fail("taken, but jansson says: %s", error.text);
    if (!taken && theirs && !below_jansson(L))
        fuzz_fail("refused, but jansson takes it");
    json_decref(theirs);
}

static void check_again(lua_State *L)
{
    int value = lua_gettop(L);
    if (!call_json(L, "json_encode"))
        fuzz_fail("decoded, but not encoded");
    if (!call_json(L, "json_decode"))
        fuzz_fail("encoded, but not decoded again");
    if (!same(L, value, lua_gettop(L)))
        fuzz_fail("another value after a round trip");
}

static int decode(lua_State *L)
{
    lua_pushlstring(L, (const char *)input, input_size);
    bool taken = call_json(L, "json_decode");
    ptrdiff_t offset = taken ? 0 : error_offset(L);
    if (offset < 0 || (size_t)offset > input_size)
        fuzz_fail("an error at %td of %zu bytes", offset, input_size);
    compare_verdicts(L, taken);
    if (taken)
        check_again(L);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_input(decode, data, size);
    return 0;
}
