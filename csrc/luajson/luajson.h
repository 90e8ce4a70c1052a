/*
 * Lua values to JSON text and back, without a tree between (RFC 8259).
 *
 * One rule for tables in both directions: an array is a table with the metatable core.array_mt or
 * with the keys 1 to n and no other; every other table has only string keys. An empty table is `{}`
 * unless it is marked. null is the light userdata NULL. Text is UTF-8, checked both ways. Nesting
 * ends at FIKS_JSON_DEPTH, which is also what stops a table that contains itself.
 *
 * Integers are exact. Where numbers are doubles (LuaJIT), an integer beyond 2^53 is decoded as a
 * string of its digits, and core.json_integer(text) makes a value that is encoded as that integer.
 *
 * No metamethod is called and no Lua code runs. A Lua error (out of memory) leaks nothing: the
 * output lives in a userdata, the scratch space of the decoder is one.
 */
#ifndef FIKS_LUAJSON_H
#define FIKS_LUAJSON_H

#include "../bind/lbind.h"

#include <stdbool.h>
#include <stddef.h>

#define FIKS_JSON_DEPTH 64

/* The upvalues of json_encode and json_decode: the two marks, and the encoder's output. */
enum { JSON_ARRAY_MT = 1, JSON_INTEGER_MT, JSON_OUTPUT };

/* Output of the encoder, kept between calls in a userdata that frees it; malloc'ed. */
typedef struct fiks_json_output {
    char *data;
    size_t cap;
    unsigned unused; /* calls in a row that needed little of it */
    bool busy; /* between the first byte and the finished string: a finalizer may encode, too */
} fiks_json_output;

/* Pushes an empty output. */
fiks_json_output *fiks_json_push_output(lua_State *L);

/* json_encode(value) -> text | nil, err       err.kind "invalid", err.path, err.offset */
int fiks_json_encode(lua_State *L);
/* json_decode(text) -> value | nil, err       err.kind "protocol", err.offset */
int fiks_json_decode(lua_State *L);

#endif
