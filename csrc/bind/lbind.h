/* Shared by the files of the Lua module `fiks.core`: errors, options, and one opener per file. */
#ifndef FIKS_LBIND_H
#define FIKS_LBIND_H

#include "../fiks.h"
#include "lcompat.h"

/* Pushes a table with the error's fields (and fiks.error's metatable, once set). */
void fiks_l_push_error(lua_State *L, const fiks_error *err);

/* Pushes nil and the error; returns 2, for `return fiks_l_fail(L, &err);`. */
int fiks_l_fail(lua_State *L, const fiks_error *err);

/* Pushes the option `name` of the table at `index`, read raw: no `__index`, as Lua is not called
 * from C, and what such a function returns is held by nobody. */
void fiks_l_field(lua_State *L, int index, const char *name);

/*
 * Option `name` of the table at `index`: a string, or NULL when absent. Raises when it is of
 * another type or holds a NUL byte. The string lives as long as the table holds it.
 */
const char *fiks_l_string(lua_State *L, int index, const char *name);
/* The same for bytes (NUL allowed), integers (exact, in range), and booleans. */
const char *fiks_l_bytes(lua_State *L, int index, const char *name, size_t *len);
int64_t fiks_l_integer(lua_State *L, int index, const char *name, int64_t fallback);
/* From 0, which it is when absent, to `most`. */
int64_t fiks_l_size(lua_State *L, int index, const char *name, int64_t most);
bool fiks_l_boolean(lua_State *L, int index, const char *name);

/* Pushes an int64: exactly, as a string where a double cannot hold it (LuaJIT beyond 2^53). */
void fiks_l_push_int64(lua_State *L, int64_t value);

/*
 * Prepare-first: pushes a full userdata holding one zeroed pointer, with metatable `type`. Fill
 * the pointer afterwards; `__gc` must accept NULL.
 */
void **fiks_l_new_box(lua_State *L, const char *type);
/* The box at 1, which a method of this type was called with; raises for another type. Quicker than
 * luaL_checkudata: methods have their type's metatable at hand, and look for no name. */
void **fiks_l_self(lua_State *L, const char *type);
/* Its pointer; raises also when it is closed (NULL). */
void *fiks_l_check_self(lua_State *L, const char *type);
/* The pointer of the box at `index`; raises when it is of another type or closed (NULL). */
void *fiks_l_check_box(lua_State *L, int index, const char *type);
/* Registers a metatable with methods, `__gc`/`__close` = free, `__name`, and a `__tostring` that
 * shows no content. */
void fiks_l_new_type(lua_State *L, const char *type, const luaL_Reg *methods, lua_CFunction gc);

#define FIKS_L_KEY "fiks.key"
#define FIKS_L_CLIENT "fiks.core.client"
#define FIKS_L_NETWORK "fiks.core.network"
#define FIKS_L_CALL "fiks.core.call"
#define FIKS_L_QUEUE "fiks.core.queue"
#define FIKS_L_JOB "fiks.core.job"
#define FIKS_L_STORE "fiks.store"
#define FIKS_L_SINK "fiks.core.sink"
#define FIKS_L_SOURCE "fiks.core.source"
#define FIKS_L_CHANNEL "fiks.core.channel"

/* Sources and sinks that a call takes over once it has started: their boxes are emptied then. */
typedef struct fiks_l_taken {
    void ***boxes; /* on the Lua stack */
    size_t count;
} fiks_l_taken;

/* Reads the table at 2, what client:call takes. Leaves on the stack what `o` and `t` point to. */
void fiks_l_read_request(lua_State *L, fiks_call_options *o, fiks_l_taken *t);
/*
 * Reads what client:begin was given at 2, with its `json` as text at 4 (or nil). False: it is no
 * table of method, path, perhaps a body in memory, and other values that need no conversion, each
 * of its type and without a NUL byte. A first look, for speed: who answers false says what is
 * wrong.
 */
bool fiks_l_read_plain(lua_State *L, fiks_call_options *o);
/* Before the first. */
void fiks_l_open_request(lua_State *L);

/* Gives the call's userdata at `index` a place among the open calls; the userdata is not kept alive
 * by it. To be freed when it is closed or collected. */
int fiks_l_take_place(lua_State *L, int index);
void fiks_l_free_place(lua_State *L, int place);
/* Pushes the userdata that has the place, or nil when the program has dropped it. */
void fiks_l_push_place(lua_State *L, int place);
/* Before the first. */
void fiks_l_open_places(lua_State *L);

/* Pushes an array with what a forsendelse sink received (empty for other sinks) and, once one has
 * opened it, the number of the key. Returns how many values. */
int fiks_l_push_files(lua_State *L, const fiks_sink *sink);

/*
 * Gives the answer on top of the stack what is seldom asked for: `timings`, `http_version` and
 * `history` are made when they are read; `request_id` is set when there is one.
 */
void fiks_l_extend_answer(lua_State *L, const fiks_call *call, const fiks_response *response);
/* Methods of a call. */
int fiks_l_call_history(lua_State *L);
int fiks_l_call_token_ms(lua_State *L);
/* Gives the error on top of the stack `history` and `error_json` (as text). */
void fiks_l_extend_error(lua_State *L, const fiks_call *call);

/* Each adds its functions to the module table on top of the stack. */
void fiks_l_open_key(lua_State *L);     /* lkey.c: key, certificate, verify, verify_chain */
void fiks_l_open_text(lua_State *L);    /* ltext.c: random, uuid, sha256, base64 and friends */
void fiks_l_open_cms(lua_State *L);     /* lcms.c: cms_encrypt, cms_decrypt, forsendelse_sink */
void fiks_l_open_asice(lua_State *L);   /* lasice.c: asice */
void fiks_l_open_json(lua_State *L);    /* ../luajson: json_encode, json_decode, null, array */
void fiks_l_open_call(lua_State *L);    /* lcall.c: client, queue, call, operations */
void fiks_l_open_stream(lua_State *L);  /* lstream.c: channel, file_source, file_sink */
void fiks_l_open_network(lua_State *L); /* lnetwork.c: network */
void fiks_l_open_seen(lua_State *L);    /* lseen.c: metrics, metrics_text */
void fiks_l_open_log(lua_State *L);     /* llog.c: log, log_line, log_next */
void fiks_l_open_folder(lua_State *L);  /* lfolder.c: make_folder, remove_folder */
void fiks_l_open_stop(lua_State *L);    /* lstop.c: worker, stop_signals, stop_signal */
void fiks_l_open_store(lua_State *L);   /* lstore.c: store */

#endif
