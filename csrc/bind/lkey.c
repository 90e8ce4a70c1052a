/* core.key, core.certificate, core.verify, core.verify_chain, core.jwk. */
#include <string.h>

#include "../certificate.h"
#include "../error.h"
#include "../jwt.h"
#include "../key.h"
#include "../str.h"
#include "lbind.h"

#define CERTIFICATE_TYPE "fiks.core.certificate"
#define PUBLIC_KEY_TYPE "fiks.core.public_key"

/* ---- keys ---------------------------------------------------------------------------------- */

static const char *const key_options[] = {
    "file", "data", "uri", "password", "alias", "certificate_file", "name", "allow_weak"};

static void check_key_options(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        bool known = false;
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "(not a name)";
        for (size_t i = 0; i < sizeof key_options / sizeof *key_options; i++)
            known = known || strcmp(name, key_options[i]) == 0;
        if (!known)
            luaL_error(L,
                       "unknown option '%s' for a key; there are file, data, uri, password, "
                       "alias, certificate_file, name and allow_weak",
                       name);
    }
}

/* core.key{ file=|data=|uri=, password=, alias=, certificate_file=, name=,
 *           allow_weak= } */
static int l_key(lua_State *L)
{
    check_key_options(L, 1);
    fiks_key_options options = FIKS_OPTIONS(fiks_key_options);
    fiks_error err = {0};
    fiks_key *key = NULL;
    options.name = fiks_l_string(L, 1, "name");
    options.file = fiks_l_string(L, 1, "file");
    options.data = fiks_l_bytes(L, 1, "data", &options.data_bytes);
    options.uri = fiks_l_string(L, 1, "uri");
    options.password = fiks_l_string(L, 1, "password");
    options.alias = fiks_l_string(L, 1, "alias");
    options.certificate_file = fiks_l_string(L, 1, "certificate_file");
    options.allow_weak = fiks_l_boolean(L, 1, "allow_weak");
    void **box = fiks_l_new_box(L, FIKS_L_KEY);
    if (fiks_key_new(&options, &key, &err))
        return fiks_l_fail(L, &err);
    *box = key;
    return 1;
}

static int key_gc(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, FIKS_L_KEY);
    fiks_key_free(*box);
    *box = NULL;
    return 0;
}

static fiks_alg check_alg(lua_State *L, int index)
{
    fiks_alg alg = FIKS_RS256;
    const char *name = luaL_checkstring(L, index);
    if (!fiks_alg_find(name, &alg))
        luaL_error(L, "unknown algorithm '%s': RS256, RS384 or RS512", name);
    return alg;
}

/* key:sign("RS256", data) -> signature bytes */
static int key_sign(lua_State *L)
{
    const fiks_key *key = fiks_l_check_box(L, 1, FIKS_L_KEY);
    fiks_alg alg = check_alg(L, 2);
    size_t len, sig_len;
    const char *data = luaL_checklstring(L, 3, &len);
    uint8_t sig[FIKS_SIGNATURE_MAX];
    fiks_error err = {0};
    if (fiks_key_sign(key, alg, data, len, sig, &sig_len, &err))
        return fiks_l_fail(L, &err);
    lua_pushlstring(L, (const char *)sig, sig_len);
    return 1;
}

static int key_thumbprint(lua_State *L)
{
    lua_pushstring(L, fiks_key_thumbprint(fiks_l_check_box(L, 1, FIKS_L_KEY)));
    return 1;
}

/* key:certificates() -> { DER, ... }, leaf first */
static int key_certificates(lua_State *L)
{
    const fiks_key *key = fiks_l_check_box(L, 1, FIKS_L_KEY);
    lua_newtable(L);
    for (size_t i = 0; i < fiks_key_certificate_count(key); i++) {
        size_t len;
        const uint8_t *der = fiks_key_certificate(key, i, &len);
        lua_pushlstring(L, (const char *)der, len);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static void set_text(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

/* core.jwk(key) -> the public key */
static int l_jwk(lua_State *L)
{
    const fiks_key *key = fiks_l_check_box(L, 1, FIKS_L_KEY);
    lua_createtable(L, 0, 4);
    set_text(L, "kty", "RSA");
    set_text(L, "n", fiks_key_jwk_n(key));
    set_text(L, "e", fiks_key_jwk_e(key));
    set_text(L, "kid", fiks_key_thumbprint(key));
    return 1;
}

/* ---- certificates -------------------------------------------------------------------------- */

static int certificate_gc(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, CERTIFICATE_TYPE);
    fiks_certificate_free(*box);
    *box = NULL;
    return 0;
}

/* Reads the PEM or DER string at `index` and pushes a box that frees it. */
static fiks_certificate *push_certificate(lua_State *L, int index, fiks_error *err)
{
    size_t len;
    const char *text = luaL_checklstring(L, index, &len);
    fiks_certificate *certificate = NULL;
    void **box = fiks_l_new_box(L, CERTIFICATE_TYPE);
    if (fiks_certificate_new(text, len, "the certificate", &certificate, err))
        return NULL;
    *box = certificate;
    return certificate;
}

static void set_int64(lua_State *L, const char *name, int64_t value)
{
    fiks_l_push_int64(L, value);
    lua_setfield(L, -2, name);
}

static int free_buf(lua_State *L)
{
    fiks_buf_free(lua_touserdata(L, 1));
    return 0;
}

#define PEM_TYPE "fiks.core.pem"

static void set_certificate_info(lua_State *L, const fiks_certificate_info *info)
{
    set_text(L, "subject", info->subject);
    set_text(L, "issuer", info->issuer);
    set_text(L, "serial", info->serial);
    set_int64(L, "not_before", info->not_before_s);
    set_int64(L, "not_after", info->not_after_s);
    if (info->organisasjonsnummer[0])
        set_text(L, "organisasjonsnummer", info->organisasjonsnummer);
}

/*
 * key:info() -> { name=, bits=, thumbprint=, certificates=<count> } and, with a certificate, what
 * its leaf says: subject, issuer, serial, not_before, not_after, organisasjonsnummer
 */
static int key_info(lua_State *L)
{
    const fiks_key *key = fiks_l_check_box(L, 1, FIKS_L_KEY);
    fiks_certificate *certificate = NULL;
    fiks_error err = {0};
    size_t len;
    void **box = fiks_l_new_box(L, CERTIFICATE_TYPE);
    const uint8_t *der = fiks_key_certificate(key, 0, &len);
    if (der && fiks_certificate_new(der, len, fiks_key_name(key), &certificate, &err))
        return fiks_l_fail(L, &err);
    *box = certificate;
    lua_createtable(L, 0, 10);
    set_text(L, "name", fiks_key_name(key));
    set_text(L, "thumbprint", fiks_key_thumbprint(key));
    set_int64(L, "bits", fiks_key_bits(key));
    set_int64(L, "certificates", (int64_t)fiks_key_certificate_count(key));
    if (certificate)
        set_certificate_info(L, fiks_certificate_get_info(certificate));
    return 1;
}

/* core.certificate(pem_or_der) -> what is in it */
static int l_certificate(lua_State *L)
{
    fiks_error err = {0};
    const fiks_certificate *certificate = push_certificate(L, 1, &err);
    if (!certificate)
        return fiks_l_fail(L, &err);
    fiks_buf *pem = lua_newuserdatauv(L, sizeof *pem, 0);
    memset(pem, 0, sizeof *pem);
    luaL_setmetatable(L, PEM_TYPE);
    if (fiks_certificate_pem(certificate, pem, &err))
        return fiks_l_fail(L, &err);
    const fiks_certificate_info *info = fiks_certificate_get_info(certificate);
    lua_createtable(L, 0, 8);
    set_certificate_info(L, info);
    set_text(L, "pem", pem->data);
    lua_pushlstring(L, (const char *)info->der, info->der_bytes);
    lua_setfield(L, -2, "der");
    return 1;
}

/* ---- signatures ---------------------------------------------------------------------------- */

static int public_key_gc(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, PUBLIC_KEY_TYPE);
    fiks_public_key_free(*box);
    *box = NULL;
    return 0;
}

/* Of the certificate (string) or JWK (table with n and e) at `index`; pushes its box. */
static fiks_public_key *push_public_key(lua_State *L, int index, fiks_error *err)
{
    fiks_public_key *key = NULL;
    fiks_status st;
    if (lua_type(L, index) == LUA_TTABLE) {
        const char *n = fiks_l_string(L, index, "n"), *e = fiks_l_string(L, index, "e");
        luaL_argcheck(L, n && e, index, "a JWK needs n and e");
        void **box = fiks_l_new_box(L, PUBLIC_KEY_TYPE);
        st = fiks_public_key_from_jwk(n, e, &key, err);
        *box = key;
        return st ? NULL : key;
    }
    const fiks_certificate *certificate = push_certificate(L, index, err);
    void **box = fiks_l_new_box(L, PUBLIC_KEY_TYPE);
    st = certificate ? fiks_public_key_of(certificate, &key, err) : FIKS_CREDENTIALS;
    *box = key;
    return st ? NULL : key;
}

/* core.verify(alg, certificate_or_jwk, data, signature) -> true | false | nil, err */
static int l_verify(lua_State *L)
{
    fiks_alg alg = check_alg(L, 1);
    size_t len, sig_len;
    const char *data = luaL_checklstring(L, 3, &len);
    const char *sig = luaL_checklstring(L, 4, &sig_len);
    fiks_error err = {0};
    bool good = false;
    const fiks_public_key *key = push_public_key(L, 2, &err);
    if (!key || fiks_public_key_verify(key, alg, data, len, sig, sig_len, &good, &err))
        return fiks_l_fail(L, &err);
    lua_pushboolean(L, good);
    return 1;
}

enum { MAX_CERTIFICATES = 100 };

/*
 * Reads the certificates in the array at `index`. The boxes go into a table that is pushed and
 * keeps them alive.
 */
static fiks_status read_certificates(lua_State *L, int index, fiks_certificate **out, size_t *count,
                                     fiks_error *err)
{
    luaL_checktype(L, index, LUA_TTABLE);
    size_t n = lua_rawlen(L, index);
    luaL_argcheck(L, n <= MAX_CERTIFICATES, index, "too many certificates");
    lua_newtable(L);
    for (*count = 0; *count < n; (*count)++) {
        lua_rawgeti(L, index, (int)*count + 1);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, index, "an array of strings expected");
        out[*count] = push_certificate(L, lua_gettop(L), err);
        if (!out[*count])
            return FIKS_CREDENTIALS;
        lua_rawseti(L, -3, (int)*count + 1);
        lua_pop(L, 1);
    }
    return FIKS_OK;
}

/* core.verify_chain({leaf, ...}, {anchor, ...}, at_s) -> true | nil, err */
static int l_verify_chain(lua_State *L)
{
    fiks_certificate *chain[MAX_CERTIFICATES], *anchors[MAX_CERTIFICATES];
    size_t chain_count = 0, anchor_count = 0;
    lua_Number at_s = luaL_checknumber(L, 3);
    luaL_argcheck(L, at_s >= -1e11 && at_s <= 1e12, 3, "seconds since 1970 expected");
    fiks_error err = {0};
    if (read_certificates(L, 1, chain, &chain_count, &err) ||
        read_certificates(L, 2, anchors, &anchor_count, &err) ||
        fiks_certificate_verify_chain(chain, chain_count, anchors, anchor_count, (int64_t)at_s,
                                      &err))
        return fiks_l_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

void fiks_l_open_key(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"sign", key_sign},
        {"thumbprint", key_thumbprint},
        {"certificates", key_certificates},
        {"info", key_info},
        {NULL, NULL},
    };
    static const luaL_Reg functions[] = {
        {"key", l_key},       {"certificate", l_certificate},
        {"verify", l_verify}, {"verify_chain", l_verify_chain},
        {"jwk", l_jwk},       {NULL, NULL},
    };
    static const luaL_Reg none[] = {{NULL, NULL}};
    fiks_l_new_type(L, FIKS_L_KEY, methods, key_gc);
    fiks_l_new_type(L, CERTIFICATE_TYPE, none, certificate_gc);
    fiks_l_new_type(L, PUBLIC_KEY_TYPE, none, public_key_gc);
    fiks_l_new_type(L, PEM_TYPE, none, free_buf);
    luaL_setfuncs(L, functions, 0);
}
