/* Private keys as JWK (RFC 7517, RFC 7518 6.3.2), alone or one of a set. */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "error.h"
#include "json.h"
#include "key_load.h"

enum { MAX_JWK_BYTES = 1024 * 1024 };

typedef struct member {
    const char *name;
    const char *param;
    bool needed;
} member;

/* p to qi come all or not at all; OpenSSL works slower without. */
static const member members[] = {
    {"n", OSSL_PKEY_PARAM_RSA_N, true},           {"e", OSSL_PKEY_PARAM_RSA_E, true},
    {"d", OSSL_PKEY_PARAM_RSA_D, true},           {"p", OSSL_PKEY_PARAM_RSA_FACTOR1, false},
    {"q", OSSL_PKEY_PARAM_RSA_FACTOR2, false},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1, false},
    {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2, false}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1, false},
};

enum { MEMBERS = sizeof members / sizeof *members };

static fiks_status read_number(const fiks_key_source *source, const fiks_json *jwk,
                               const member *wanted, BIGNUM **out, fiks_error *err)
{
    const char *text = fiks_json_get_string(jwk, wanted->name);
    *out = NULL;
    if (!text && !wanted->needed)
        return FIKS_OK;
    if (!text)
        return fiks_fail(err, FIKS_CREDENTIALS,
                         strcmp(wanted->name, "d") == 0 ? "no_key" : "format",
                         "%s: the JWK has no \"%s\"%s", source->name, wanted->name,
                         strcmp(wanted->name, "d") == 0 ? ": it is a public key" : "");
    fiks_buf bytes = {0};
    bool ok = fiks_base64url_decode(text, strlen(text), &bytes) && bytes.len &&
              bytes.len <= FIKS_SIGNATURE_MAX;
    if (ok) {
        *out = BN_secure_new();
        if (*out)
            BN_bin2bn((const unsigned char *)bytes.data, (int)bytes.len, *out);
    }
    fiks_buf_free(&bytes);
    if (ok)
        return *out ? FIKS_OK : fiks_fail_memory(err);
    return fiks_fail(err, FIKS_CREDENTIALS, "format", "%s: \"%s\" of the JWK is not base64url",
                     source->name, wanted->name);
}

static bool build(BIGNUM *const numbers[MEMBERS], EVP_PKEY **out)
{
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    bool complete = true, ok = builder && ctx;
    for (size_t i = 0; i < MEMBERS; i++)
        complete = complete && numbers[i];
    for (size_t i = 0; ok && i < MEMBERS; i++)
        if (members[i].needed || complete)
            ok = OSSL_PARAM_BLD_push_BN(builder, members[i].param, numbers[i]) == 1;
    ok = ok && (params = OSSL_PARAM_BLD_to_param(builder)) != NULL &&
         EVP_PKEY_fromdata_init(ctx) == 1 &&
         EVP_PKEY_fromdata(ctx, out, EVP_PKEY_KEYPAIR, params) == 1;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* The numbers come one by one, so they may not belong together: sign once and see. */
static bool is_consistent(EVP_PKEY *pkey)
{
    static const unsigned char probe[] = "lua-fiks";
    unsigned char sig[FIKS_SIGNATURE_MAX];
    size_t len = sizeof sig;
    EVP_MD_CTX *signer = EVP_MD_CTX_new(), *verifier = EVP_MD_CTX_new();
    bool ok = signer && verifier &&
              EVP_DigestSignInit(signer, NULL, EVP_sha256(), NULL, pkey) == 1 &&
              EVP_DigestSign(signer, sig, &len, probe, sizeof probe) == 1 &&
              EVP_DigestVerifyInit(verifier, NULL, EVP_sha256(), NULL, pkey) == 1 &&
              EVP_DigestVerify(verifier, sig, len, probe, sizeof probe) == 1;
    EVP_MD_CTX_free(signer);
    EVP_MD_CTX_free(verifier);
    return ok;
}

static fiks_status read_numbers(const fiks_key_source *source, const fiks_json *jwk,
                                fiks_key_parts *parts, fiks_error *err)
{
    BIGNUM *numbers[MEMBERS] = {NULL};
    fiks_status st = FIKS_OK;
    for (size_t i = 0; !st && i < MEMBERS; i++)
        st = read_number(source, jwk, &members[i], &numbers[i], err);
    if (!st && (!build(numbers, &parts->pkey) || !is_consistent(parts->pkey)))
        st = fiks_fail(err, FIKS_CREDENTIALS, "format",
                       "%s: the numbers of the JWK do not make an RSA key", source->name);
    for (size_t i = 0; i < MEMBERS; i++)
        BN_clear_free(numbers[i]);
    return st;
}

static fiks_status read_x5c(const fiks_key_source *source, const fiks_json *jwk,
                            fiks_key_parts *parts, fiks_error *err)
{
    const fiks_json *x5c = fiks_json_get(jwk, "x5c");
    fiks_status st = FIKS_OK;
    for (size_t i = 0; !st && i < fiks_json_count(x5c); i++) {
        const char *text = fiks_json_string(fiks_json_at(x5c, i));
        fiks_buf der = {0};
        if (text && fiks_base64_decode(text, strlen(text), &der))
            st = fiks_key_parts_add_der(parts, (const uint8_t *)der.data, der.len, source->name,
                                        err);
        else
            st = fiks_fail(err, FIKS_CREDENTIALS, "format",
                           "%s: \"x5c\" of the JWK is not an array of Base64 texts", source->name);
        fiks_buf_free(&der);
    }
    return st;
}

static fiks_status read_jwk(const fiks_key_source *source, const fiks_json *jwk,
                            fiks_key_parts *parts, fiks_error *err)
{
    const char *kty = fiks_json_get_string(jwk, "kty");
    if (!kty)
        return fiks_fail(err, FIKS_CREDENTIALS, "format", "%s is JSON, but not a JWK (no \"kty\")",
                         source->name);
    if (strcmp(kty, "RSA") != 0)
        return fiks_fail(err, FIKS_CREDENTIALS, "unsupported_key",
                         "%s: the JWK is of kind %.20s; the platform takes RSA keys only",
                         source->name, kty);
    fiks_status st = read_numbers(source, jwk, parts, err);
    return st ? st : read_x5c(source, jwk, parts, err);
}

/* The key of a set whose kid is the alias; without an alias the only one. */
static fiks_status find_in_set(const fiks_key_source *source, const fiks_json *keys,
                               const fiks_json **out, fiks_error *err)
{
    fiks_buf names = {0};
    size_t count = fiks_json_count(keys);
    *out = NULL;
    for (size_t i = 0; i < count; i++) {
        const fiks_json *jwk = fiks_json_at(keys, i);
        const char *kid = fiks_json_get_string(jwk, "kid");
        fiks_buf_addf(&names, kid ? "%s\"%s\"" : "%s(no kid)", i ? ", " : "", kid ? kid : "");
        if (source->alias ? kid && strcmp(kid, source->alias) == 0 : count == 1)
            *out = jwk;
    }
    if (!*out)
        fiks_fail(err, FIKS_CREDENTIALS, count ? "alias" : "no_key",
                  count ? "%s is a set of keys: set alias to one of %.300s" : "%s holds no key",
                  source->name, names.data ? names.data : "");
    fiks_buf_free(&names);
    return *out ? FIKS_OK : FIKS_CREDENTIALS;
}

fiks_status fiks_key_load_jwk(const fiks_key_source *source, fiks_key_parts *parts, fiks_error *err)
{
    fiks_json *root = NULL;
    fiks_error reason = {0};
    if (fiks_json_parse_object(source->data, source->len, MAX_JWK_BYTES, source->name, &root,
                               &reason))
        return fiks_fail(err, FIKS_CREDENTIALS, "format", "%s", reason.message);
    const fiks_json *keys = fiks_json_get(root, "keys");
    const fiks_json *jwk = root;
    fiks_status st = keys ? find_in_set(source, keys, &jwk, err) : FIKS_OK;
    if (!st)
        st = read_jwk(source, jwk, parts, err);
    fiks_json_free(root);
    return st;
}
