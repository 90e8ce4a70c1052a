#include "json.h"

#include <jansson.h>
#include <string.h>

#include "error.h"

static json_t *unwrap(const fiks_json *value)
{
    return (json_t *)(uintptr_t)value;
}

static fiks_json *wrap(json_t *value)
{
    return (fiks_json *)value;
}

/* Offset at which the text nests too deep, or `len`: jansson's own limit is 2048. */
static size_t find_too_deep(const char *text, size_t len)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > FIKS_JSON_MAX_DEPTH)
                return i;
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return len;
}

/* jansson's message without the piece of the text it quotes, which may be a secret. */
static void describe(const json_error_t *error, char *to, size_t to_bytes)
{
    fiks_error_text(to, to_bytes, error->text);
    char *quote = strstr(to, " near ");
    if (!quote)
        quote = strchr(to, '\'');
    if (!quote)
        quote = strchr(to, '"');
    if (quote)
        *quote = '\0';
    if (json_error_code(error) == json_error_duplicate_key)
        fiks_error_text(to, to_bytes, "a member occurs twice");
}

fiks_status fiks_json_parse(const char *text, size_t len, size_t max_bytes, const char *what,
                            fiks_json **out, fiks_error *err)
{
    *out = NULL;
    if (len > max_bytes)
        return fiks_fail(err, FIKS_PROTOCOL, "json", "%s is %zu bytes, more than %zu", what, len,
                         max_bytes);
    /* jansson takes a NUL for the end of a number */
    const char *nul = len ? memchr(text, '\0', len) : NULL;
    if (nul)
        return fiks_fail(err, FIKS_PROTOCOL, "json", "%s holds a NUL byte at byte %zu", what,
                         (size_t)(nul - text));
    size_t deep = find_too_deep(text, len);
    if (deep != len)
        return fiks_fail(err, FIKS_PROTOCOL, "json", "%s nests deeper than %d at byte %zu", what,
                         FIKS_JSON_MAX_DEPTH, deep);
    json_error_t error = {0};
    json_t *root =
        json_loadb(len ? text : "", len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root) {
        *out = wrap(root);
        return FIKS_OK;
    }
    /* jansson says nothing at all when an allocation failed, except in one place */
    if (!error.text[0] || json_error_code(&error) == json_error_out_of_memory)
        return fiks_fail_memory(err);
    char reason[JSON_ERROR_TEXT_LENGTH];
    describe(&error, reason, sizeof reason);
    return fiks_fail(err, FIKS_PROTOCOL, "json", "%s is not JSON: %s (byte %d)", what, reason,
                     error.position);
}

fiks_status fiks_json_parse_object(const char *text, size_t len, size_t max_bytes, const char *what,
                                   fiks_json **out, fiks_error *err)
{
    fiks_status st = fiks_json_parse(text, len, max_bytes, what, out, err);
    if (st || json_is_object(unwrap(*out)))
        return st;
    fiks_json_free(*out);
    *out = NULL;
    return fiks_fail(err, FIKS_PROTOCOL, "json", "%s is not a JSON object", what);
}

/* Overwrites every string only we hold. Depth is bounded by the parser and by what we build. */
static void wipe(json_t *value)
{
    if (value->refcount != 1)
        return;
    if (json_is_string(value)) {
        fiks_wipe((void *)(uintptr_t)json_string_value(value), json_string_length(value));
        return;
    }
    const char *name;
    json_t *member;
    size_t i;
    if (json_is_object(value)) {
        json_object_foreach(value, name, member) wipe(member);
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, member) wipe(member);
    }
}

void fiks_json_free(fiks_json *root)
{
    if (!root)
        return;
    wipe(unwrap(root));
    json_decref(unwrap(root));
}

fiks_json_type fiks_json_typeof(const fiks_json *value)
{
    if (!value)
        return FIKS_JSON_NULL;
    switch (json_typeof(unwrap(value))) {
    case JSON_OBJECT:
        return FIKS_JSON_OBJECT;
    case JSON_ARRAY:
        return FIKS_JSON_ARRAY;
    case JSON_STRING:
        return FIKS_JSON_STRING;
    case JSON_INTEGER:
    case JSON_REAL:
        return FIKS_JSON_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE:
        return FIKS_JSON_BOOL;
    default:
        return FIKS_JSON_NULL;
    }
}

const fiks_json *fiks_json_get(const fiks_json *object, const char *name)
{
    json_t *value = object ? json_object_get(unwrap(object), name) : NULL;
    return json_is_null(value) ? NULL : wrap(value);
}

const char *fiks_json_string(const fiks_json *value)
{
    return value ? json_string_value(unwrap(value)) : NULL;
}

const char *fiks_json_get_string(const fiks_json *object, const char *name)
{
    return fiks_json_string(fiks_json_get(object, name));
}

bool fiks_json_int64(const fiks_json *value, int64_t *out)
{
    if (!value || !json_is_number(unwrap(value)))
        return false;
    if (json_is_integer(unwrap(value))) {
        *out = json_integer_value(unwrap(value));
        return true;
    }
    double real = json_real_value(unwrap(value));
    if (!(real >= -9007199254740992.0 && real <= 9007199254740992.0) ||
        (double)(int64_t)real != real)
        return false;
    *out = (int64_t)real;
    return true;
}

bool fiks_json_number(const fiks_json *value, double *out)
{
    if (!value || !json_is_number(unwrap(value)))
        return false;
    *out = json_number_value(unwrap(value));
    return true;
}

bool fiks_json_bool(const fiks_json *value, bool *out)
{
    if (!value || !json_is_boolean(unwrap(value)))
        return false;
    *out = json_is_true(unwrap(value));
    return true;
}

size_t fiks_json_count(const fiks_json *value)
{
    if (!value)
        return 0;
    return json_is_object(unwrap(value)) ? json_object_size(unwrap(value))
                                         : json_array_size(unwrap(value));
}

const fiks_json *fiks_json_at(const fiks_json *array, size_t index)
{
    return array ? wrap(json_array_get(unwrap(array), index)) : NULL;
}

const char *fiks_json_next(const fiks_json *object, const char *name)
{
    if (!object)
        return NULL;
    void *iter = name ? json_object_iter_next(unwrap(object), json_object_key_to_iter(name))
                      : json_object_iter(unwrap(object));
    return iter ? json_object_iter_key(iter) : NULL;
}

fiks_status fiks_json_need_string(const fiks_json *object, const char *name, const char *what,
                                  const char **out, fiks_error *err)
{
    const fiks_json *value = fiks_json_get(object, name);
    *out = fiks_json_string(value);
    if (*out)
        return FIKS_OK;
    return fiks_fail(err, FIKS_PROTOCOL, "json", "%s: \"%s\" is %s", what, name,
                     value ? "not a string" : "missing");
}

fiks_json *fiks_json_object_new(void)
{
    return wrap(json_object());
}

fiks_json *fiks_json_array_new(void)
{
    return wrap(json_array());
}

bool fiks_json_set(fiks_json *object, const char *name, fiks_json *value)
{
    if (!object) {
        fiks_json_free(value);
        return false;
    }
    return json_object_set_new(unwrap(object), name, unwrap(value)) == 0;
}

bool fiks_json_set_string(fiks_json *object, const char *name, const char *text)
{
    return fiks_json_set(object, name, wrap(json_string(text)));
}

bool fiks_json_set_int64(fiks_json *object, const char *name, int64_t value)
{
    return fiks_json_set(object, name, wrap(json_integer(value)));
}

bool fiks_json_set_bool(fiks_json *object, const char *name, bool value)
{
    return fiks_json_set(object, name, wrap(json_boolean(value)));
}

bool fiks_json_append(fiks_json *array, fiks_json *value)
{
    if (!array) {
        fiks_json_free(value);
        return false;
    }
    return json_array_append_new(unwrap(array), unwrap(value)) == 0;
}

bool fiks_json_append_string(fiks_json *array, const char *text)
{
    return fiks_json_append(array, wrap(json_string(text)));
}

static int add_to_buf(const char *text, size_t len, void *data)
{
    return fiks_buf_add(data, text, len) ? 0 : -1;
}

fiks_status fiks_json_dump(const fiks_json *value, fiks_buf *out, fiks_error *err)
{
    if (value &&
        json_dump_callback(unwrap(value), add_to_buf, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0)
        return FIKS_OK;
    return fiks_fail_memory(err);
}
