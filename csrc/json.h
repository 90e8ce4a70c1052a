/*
 * Small JSON: settings, tokens, errors, the C API. Bodies of messages go through luajson instead.
 * The only file behind this header is the only one that knows jansson.
 *
 * A fiks_json is one value. Whoever parsed or made it frees the root; everything reached from it is
 * borrowed. Freeing overwrites the strings first: they may be tokens and keys.
 */
#ifndef FIKS_JSON_H
#define FIKS_JSON_H

#include "fiks.h"
#include "str.h"

typedef struct fiks_json fiks_json;

typedef enum fiks_json_type {
    FIKS_JSON_NULL, /* also what "no value" (a NULL pointer) is */
    FIKS_JSON_BOOL,
    FIKS_JSON_NUMBER,
    FIKS_JSON_STRING,
    FIKS_JSON_ARRAY,
    FIKS_JSON_OBJECT
} fiks_json_type;

enum { FIKS_JSON_MAX_DEPTH = 64 };

/*
 * Parses one value that fills the whole text. FIKS_PROTOCOL, code "json", for more than
 * `max_bytes`, nesting deeper than FIKS_JSON_MAX_DEPTH, duplicate members, NUL bytes or \u0000, bad
 * UTF-8, and syntax errors; the message names `what` and the byte offset, and shows nothing of the
 * text.
 */
fiks_status fiks_json_parse(const char *text, size_t len, size_t max_bytes, const char *what,
                            fiks_json **out, fiks_error *err);
/* The same, and FIKS_PROTOCOL unless it is an object. */
fiks_status fiks_json_parse_object(const char *text, size_t len, size_t max_bytes, const char *what,
                                   fiks_json **out, fiks_error *err);
void fiks_json_free(fiks_json *root);

/* Every reader accepts NULL (no value), so that look-ups can be chained. */
fiks_json_type fiks_json_typeof(const fiks_json *value);
/* A member; NULL when it is absent or null, or `object` is no object. */
const fiks_json *fiks_json_get(const fiks_json *object, const char *name);
/* The text, or NULL when the value is no string. */
const char *fiks_json_string(const fiks_json *value);
/* The member's text, or NULL when it is absent or no string. */
const char *fiks_json_get_string(const fiks_json *object, const char *name);
/* False when it is no number, or (int64) not a whole one in range. */
bool fiks_json_int64(const fiks_json *value, int64_t *out);
bool fiks_json_number(const fiks_json *value, double *out);
bool fiks_json_bool(const fiks_json *value, bool *out);
/* Elements of an array or members of an object; 0 for anything else. */
size_t fiks_json_count(const fiks_json *value);
const fiks_json *fiks_json_at(const fiks_json *array, size_t index);
/* Walks the members in the order of the text: the name of the first (`name` NULL), or of the one
 * after `name`, which must be the pointer that the last call gave. NULL at the end. */
const char *fiks_json_next(const fiks_json *object, const char *name);

/* A member that must be a string: FIKS_PROTOCOL, code "json", naming `what` and the member. */
fiks_status fiks_json_need_string(const fiks_json *object, const char *name, const char *what,
                                  const char **out, fiks_error *err);

/* Building. Members keep their order. A failed addition (out of memory, text that is not UTF-8)
 * gives false; values passed in are taken over in any case, and may be NULL (also false). */
fiks_json *fiks_json_object_new(void);
fiks_json *fiks_json_array_new(void);
bool fiks_json_set(fiks_json *object, const char *name, fiks_json *value);
bool fiks_json_set_string(fiks_json *object, const char *name, const char *text);
bool fiks_json_set_int64(fiks_json *object, const char *name, int64_t value);
bool fiks_json_set_bool(fiks_json *object, const char *name, bool value);
bool fiks_json_append(fiks_json *array, fiks_json *value);
bool fiks_json_append_string(fiks_json *array, const char *text);

/* Appends compact UTF-8 without white space. */
fiks_status fiks_json_dump(const fiks_json *value, fiks_buf *out, fiks_error *err);

#endif
