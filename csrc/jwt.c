#include "jwt.h"

#include <string.h>

#include "error.h"

enum { MAX_PART_BYTES = 64 * 1024, MAX_TOKEN_BYTES = 256 * 1024 };

static const char *const alg_names[] = {"RS256", "RS384", "RS512"};

const char *fiks_alg_name(fiks_alg alg)
{
    return alg_names[alg];
}

bool fiks_alg_find(const char *name, fiks_alg *out)
{
    for (size_t i = 0; i < sizeof alg_names / sizeof *alg_names; i++) {
        if (strcmp(alg_names[i], name) == 0) {
            *out = (fiks_alg)i;
            return true;
        }
    }
    return false;
}

/* ---- making -------------------------------------------------------------------------------- */

static fiks_json *x5c_of(const fiks_key *key, size_t count)
{
    fiks_json *x5c = fiks_json_array_new();
    for (size_t i = 0; x5c && i < count; i++) {
        size_t len;
        const uint8_t *der = fiks_key_certificate(key, i, &len);
        fiks_buf text = {0};
        if (!fiks_base64_add(&text, der, len) || !fiks_json_append_string(x5c, text.data)) {
            fiks_json_free(x5c);
            x5c = NULL;
        }
        fiks_buf_free(&text);
    }
    return x5c;
}

fiks_status fiks_jwt_header(const fiks_key *key, fiks_alg alg, const char *kid,
                            size_t max_certificates, fiks_buf *out, fiks_error *err)
{
    size_t count = fiks_key_certificate_count(key);
    if (!kid && !count)
        return fiks_fail(err, FIKS_CREDENTIALS, "no_certificate",
                         "%s has no certificate to send (x5c): give certificate_file, or the kid "
                         "under which the key is registered",
                         fiks_key_name(key));
    fiks_json *header = fiks_json_object_new();
    bool ok = fiks_json_set_string(header, "alg", fiks_alg_name(alg));
    if (ok && kid)
        ok = fiks_json_set_string(header, "kid", kid);
    else if (ok)
        ok = fiks_json_set(header, "x5c",
                           x5c_of(key, count < max_certificates ? count : max_certificates));
    fiks_status st = ok ? fiks_json_dump(header, out, err) : fiks_fail_memory(err);
    fiks_json_free(header);
    return st;
}

fiks_status fiks_jwt_sign(const fiks_key *key, fiks_alg alg, const fiks_buf *header,
                          const fiks_buf *payload, fiks_buf *out, fiks_error *err)
{
    uint8_t sig[FIKS_SIGNATURE_MAX];
    size_t sig_len, start = out->len;
    if (!fiks_base64url_add(out, header->data, header->len) || !fiks_buf_adds(out, ".") ||
        !fiks_base64url_add(out, payload->data, payload->len))
        return fiks_fail_memory(err);
    fiks_status st =
        fiks_key_sign(key, alg, out->data + start, out->len - start, sig, &sig_len, err);
    if (!st && (!fiks_buf_adds(out, ".") || !fiks_base64url_add(out, sig, sig_len)))
        st = fiks_fail_memory(err);
    return st;
}

/* ---- taking apart -------------------------------------------------------------------------- */

static bool decode_object(const char *text, size_t len, fiks_json **out)
{
    fiks_buf bytes = {0};
    bool ok = fiks_base64url_decode(text, len, &bytes) &&
              fiks_json_parse_object(bytes.data, bytes.len, MAX_PART_BYTES, "a JWT part", out,
                                     NULL) == FIKS_OK;
    fiks_buf_free(&bytes);
    return ok;
}

static bool split(const char *text, size_t len, fiks_jwt *out)
{
    const char *end = text + len;
    const char *first = len <= MAX_TOKEN_BYTES ? memchr(text, '.', len) : NULL;
    const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
    if (!second)
        return false;
    out->signed_bytes = (size_t)(second - text);
    return decode_object(text, (size_t)(first - text), &out->header) &&
           decode_object(first + 1, (size_t)(second - first - 1), &out->payload) &&
           fiks_base64url_decode(second + 1, (size_t)(end - second - 1), &out->signature);
}

fiks_status fiks_jwt_split(const char *text, size_t len, fiks_jwt *out, fiks_error *err)
{
    memset(out, 0, sizeof *out);
    if (split(text, len, out))
        return FIKS_OK;
    fiks_jwt_clear(out);
    return fiks_fail(err, FIKS_PROTOCOL, "jwt",
                     "not a signed JWT (three base64url parts, the first two JSON objects)");
}

void fiks_jwt_clear(fiks_jwt *jwt)
{
    fiks_json_free(jwt->header);
    fiks_json_free(jwt->payload);
    fiks_buf_free(&jwt->signature);
    memset(jwt, 0, sizeof *jwt);
}

/* ---- reading claims ------------------------------------------------------------------------ */

void fiks_jwt_consumer_org(const fiks_jwt *jwt, char out[10])
{
    const char *id = fiks_json_get_string(fiks_json_get(jwt->payload, "consumer"), "ID");
    const char *number = id && strncmp(id, "0192:", 5) == 0
                             ? id + 5
                             : fiks_json_get_string(jwt->payload, "client_orgno");
    out[0] = '\0';
    if (!number || strspn(number, "0123456789") != 9 || (number[9] && number[9] != ':'))
        return;
    memcpy(out, number, 9);
    out[9] = '\0';
}

static const char space[] = " \t\r\n";

static bool scope_list_has(const char *list, const char *wanted, size_t wanted_len)
{
    for (const char *at = list + strspn(list, space); *at; at += strspn(at, space)) {
        size_t len = strcspn(at, space);
        if (len == wanted_len && memcmp(at, wanted, len) == 0)
            return true;
        at += len;
    }
    return false;
}

bool fiks_scope_covers(const char *granted, const char *wanted)
{
    for (const char *at = wanted + strspn(wanted, space); *at; at += strspn(at, space)) {
        size_t len = strcspn(at, space);
        if (!scope_list_has(granted, at, len))
            return false;
        at += len;
    }
    return true;
}

bool fiks_jwt_has_scope(const fiks_jwt *jwt, const char *wanted)
{
    const char *granted = fiks_json_get_string(jwt->payload, "scope");
    return granted && fiks_scope_covers(granted, wanted);
}
