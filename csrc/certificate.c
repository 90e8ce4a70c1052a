#include "certificate.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "error.h"
#include "key_load.h"

enum { MAX_CHAIN = 10 };

struct fiks_certificate {
    X509 *x509;
    fiks_buf subject, issuer, serial, der;
    char orgnr[10];
    fiks_certificate_info info;
};

struct fiks_public_key {
    EVP_PKEY *pkey;
};

/* ---- shared with key*.c -------------------------------------------------------------------- */

const char *fiks_openssl_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason ? reason : "no reason given";
}

static bool name_text(const X509_NAME *name, fiks_buf *out)
{
    /* UTF-8 as it is, control characters escaped */
    unsigned long flags = (XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool ok = bio && X509_NAME_print_ex(bio, name, 0, flags) >= 0;
    if (ok) {
        long len = BIO_get_mem_data(bio, &text);
        ok = fiks_buf_add(out, len > 0 ? text : "", len > 0 ? (size_t)len : 0);
    }
    BIO_free(bio);
    return ok;
}

void fiks_x509_subject(const X509 *x509, char *to, size_t to_bytes)
{
    fiks_buf text = {0};
    bool ok = name_text(X509_get_subject_name(x509), &text);
    fiks_error_text(to, to_bytes, ok && text.len ? text.data : "(no name)");
    fiks_buf_free(&text);
}

int64_t fiks_asn1_seconds(const ASN1_TIME *time)
{
    struct tm tm;
    return ASN1_TIME_to_tm(time, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

void fiks_date_text(int64_t seconds, char out[16])
{
    time_t t = (time_t)seconds;
    struct tm tm;
    if (!gmtime_r(&t, &tm) || !strftime(out, 16, "%Y-%m-%d", &tm))
        strcpy(out, "?");
}

bool fiks_pkey_bn(const EVP_PKEY *pkey, const char *param, fiks_buf *out)
{
    BIGNUM *number = NULL;
    unsigned char bytes[FIKS_SIGNATURE_MAX * 2];
    bool ok = EVP_PKEY_get_bn_param(pkey, param, &number) == 1 &&
              BN_num_bytes(number) <= (int)sizeof bytes;
    ok = ok && fiks_base64url_add(out, bytes, (size_t)BN_bn2bin(number, bytes));
    BN_free(number);
    return ok;
}

bool fiks_x509_der(const X509 *x509, fiks_buf *out)
{
    int len = i2d_X509(x509, NULL);
    if (len <= 0 || !fiks_buf_reserve(out, (size_t)len))
        return false;
    unsigned char *to = (unsigned char *)out->data + out->len;
    len = i2d_X509(x509, &to);
    out->len += len > 0 ? (size_t)len : 0;
    out->data[out->len] = '\0';
    return len > 0;
}

void fiks_key_parts_free(fiks_key_parts *parts)
{
    EVP_PKEY_free(parts->pkey);
    sk_X509_pop_free(parts->certificates, X509_free);
    memset(parts, 0, sizeof *parts);
}

fiks_status fiks_key_parts_add_der(fiks_key_parts *parts, const uint8_t *der, size_t len,
                                   const char *name, fiks_error *err)
{
    const unsigned char *at = der;
    X509 *x509 = d2i_X509(NULL, &at, (long)len);
    if (!x509)
        return fiks_fail(err, FIKS_CREDENTIALS, "format", "%s: a certificate in it is damaged",
                         name);
    if (sk_X509_push(parts->certificates, x509))
        return FIKS_OK;
    X509_free(x509);
    return fiks_fail_memory(err);
}

static bool is_self_issued(X509 *x509)
{
    return X509_NAME_cmp(X509_get_subject_name(x509), X509_get_issuer_name(x509)) == 0;
}

static X509 *find_issuer(X509 *of, STACK_OF(X509) * pool)
{
    for (int i = 0; i < sk_X509_num(pool); i++) {
        X509 *x509 = sk_X509_value(pool, i);
        if (X509_cmp(x509, of) != 0 && X509_check_issued(x509, of) == X509_V_OK &&
            X509_verify(of, X509_get0_pubkey(x509)) == 1)
            return x509;
    }
    return NULL;
}

STACK_OF(X509) * fiks_x509_chain(X509 *leaf, STACK_OF(X509) * pool)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *next = leaf;
    while (chain && next) {
        if (!sk_X509_push(chain, next)) {
            sk_X509_pop_free(chain, X509_free);
            return NULL;
        }
        X509_up_ref(next);
        next = is_self_issued(next) || sk_X509_num(chain) == MAX_CHAIN ? NULL
                                                                       : find_issuer(next, pool);
        if (next && is_self_issued(next))
            next = NULL; /* the root: who verifies has it, or does not trust it */
    }
    return chain;
}

/* ---- one certificate ----------------------------------------------------------------------- */

static bool nine_digits(const char *text, size_t len)
{
    if (len != 9)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

/* The last nine digits of `text`, when nothing but a separator stands before them. */
static bool take_last_nine(const char *text, size_t len, char out[10])
{
    if (len < 9 || !nine_digits(text + len - 9, 9))
        return false;
    if (len > 9 && text[len - 10] != '-' && text[len - 10] != ' ' && text[len - 10] != ':')
        return false;
    memcpy(out, text + len - 9, 9);
    out[9] = '\0';
    return true;
}

/* Where SEID 1 and 2 profiles put the organisation number. */
static void find_orgnr(const X509 *x509, char out[10])
{
    static const int places[] = {NID_serialNumber, NID_organizationIdentifier,
                                 NID_organizationName};
    const X509_NAME *subject = X509_get_subject_name(x509);
    for (size_t i = 0; i < sizeof places / sizeof *places && !out[0]; i++) {
        int at = X509_NAME_get_index_by_NID(subject, places[i], -1);
        unsigned char *text = NULL;
        int len = at < 0 ? -1
                         : ASN1_STRING_to_UTF8(
                               &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        if (len > 0)
            take_last_nine((const char *)text, (size_t)len, out);
        OPENSSL_free(text);
    }
}

static bool serial_text(const X509 *x509, fiks_buf *out)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
    char *hex = number ? BN_bn2hex(number) : NULL;
    bool ok = hex && fiks_buf_adds(out, hex);
    OPENSSL_free(hex);
    BN_free(number);
    return ok;
}

static fiks_status describe(fiks_certificate *c, fiks_error *err)
{
    if (!name_text(X509_get_subject_name(c->x509), &c->subject) ||
        !name_text(X509_get_issuer_name(c->x509), &c->issuer) ||
        !serial_text(c->x509, &c->serial) || !fiks_x509_der(c->x509, &c->der))
        return fiks_fail_memory(err);
    find_orgnr(c->x509, c->orgnr);
    c->info = (fiks_certificate_info){
        .subject = c->subject.data,
        .issuer = c->issuer.data,
        .serial = c->serial.data,
        .not_before_s = fiks_asn1_seconds(X509_get0_notBefore(c->x509)),
        .not_after_s = fiks_asn1_seconds(X509_get0_notAfter(c->x509)),
        .organisasjonsnummer = c->orgnr,
        .der = (const uint8_t *)c->der.data,
        .der_bytes = c->der.len,
        .can_sign = (X509_get_key_usage(c->x509) & KU_DIGITAL_SIGNATURE) != 0,
    };
    return FIKS_OK;
}

static fiks_status read_one(const void *data, size_t len, const char *what, X509 **out,
                            fiks_error *err)
{
    fiks_key_source source = {.name = what, .data = data, .len = len};
    fiks_key_parts parts = {.certificates = sk_X509_new_null()};
    fiks_status st = parts.certificates ? FIKS_OK : fiks_fail_memory(err);
    if (!st && !len)
        st = fiks_fail(err, FIKS_CREDENTIALS, "format", "%s is empty", what);
    if (!st)
        st = fiks_key_load_certificates(&source, &parts, err);
    if (!st) {
        *out = sk_X509_value(parts.certificates, 0);
        X509_up_ref(*out);
    }
    fiks_key_parts_free(&parts);
    return st;
}

fiks_status fiks_certificate_new(const void *data, size_t len, const char *what,
                                 fiks_certificate **out, fiks_error *err)
{
    *out = NULL;
    fiks_certificate *c = calloc(1, sizeof *c);
    if (!c)
        return fiks_fail_memory(err);
    ERR_set_mark();
    fiks_status st = read_one(data, len, what, &c->x509, err);
    if (!st)
        st = describe(c, err);
    ERR_pop_to_mark();
    if (st) {
        fiks_certificate_free(c);
        return st;
    }
    *out = c;
    return FIKS_OK;
}

void fiks_certificate_free(fiks_certificate *c)
{
    if (!c)
        return;
    X509_free(c->x509);
    fiks_buf_free(&c->subject);
    fiks_buf_free(&c->issuer);
    fiks_buf_free(&c->serial);
    fiks_buf_free(&c->der);
    free(c);
}

X509 *fiks_certificate_x509(const fiks_certificate *certificate)
{
    return certificate->x509;
}

const fiks_certificate_info *fiks_certificate_get_info(const fiks_certificate *certificate)
{
    return &certificate->info;
}

fiks_status fiks_certificate_pem(const fiks_certificate *certificate, fiks_buf *out,
                                 fiks_error *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool ok = bio && PEM_write_bio_X509(bio, certificate->x509) == 1;
    if (ok) {
        long len = BIO_get_mem_data(bio, &text);
        ok = fiks_buf_add(out, text, (size_t)len);
    }
    BIO_free(bio);
    return ok ? FIKS_OK : fiks_fail_memory(err);
}

/* ---- chains -------------------------------------------------------------------------------- */

static fiks_status chain_error(X509_STORE_CTX *ctx, fiks_error *err)
{
    int reason = X509_STORE_CTX_get_error(ctx);
    X509 *at = X509_STORE_CTX_get_current_cert(ctx);
    const char *code = reason == X509_V_ERR_CERT_HAS_EXPIRED     ? "expired"
                       : reason == X509_V_ERR_CERT_NOT_YET_VALID ? "not_yet_valid"
                                                                 : "untrusted";
    char subject[200] = "the chain";
    if (at)
        fiks_x509_subject(at, subject, sizeof subject);
    return fiks_fail(err, FIKS_CREDENTIALS, code, "%s: %s", subject,
                     X509_verify_cert_error_string(reason));
}

static fiks_status verify(X509_STORE *store, STACK_OF(X509) * others, X509 *leaf, int64_t at_s,
                          fiks_error *err)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    if (!ctx || X509_STORE_CTX_init(ctx, store, leaf, others) != 1) {
        X509_STORE_CTX_free(ctx);
        return fiks_fail_memory(err);
    }
    /* an anchor may be an intermediate */
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
    X509_STORE_CTX_set_time(ctx, 0, (time_t)at_s);
    fiks_status st = X509_verify_cert(ctx) == 1 ? FIKS_OK : chain_error(ctx, err);
    X509_STORE_CTX_free(ctx);
    return st;
}

fiks_status fiks_certificate_verify_chain(fiks_certificate *const *chain, size_t chain_count,
                                          fiks_certificate *const *anchors, size_t anchor_count,
                                          int64_t at_s, fiks_error *err)
{
    if (!chain_count)
        return fiks_fail(err, FIKS_CREDENTIALS, "untrusted", "the chain is empty");
    ERR_set_mark();
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *others = sk_X509_new_null();
    bool ok = store && others;
    for (size_t i = 0; ok && i < anchor_count; i++)
        ok = X509_STORE_add_cert(store, anchors[i]->x509) == 1;
    for (size_t i = 1; ok && i < chain_count; i++)
        ok = sk_X509_push(others, chain[i]->x509) > 0;
    fiks_status st = ok ? verify(store, others, chain[0]->x509, at_s, err) : fiks_fail_memory(err);
    sk_X509_free(others);
    X509_STORE_free(store);
    ERR_pop_to_mark();
    return st;
}

/* ---- public keys --------------------------------------------------------------------------- */

static fiks_status wrap_public_key(EVP_PKEY *pkey, fiks_public_key **out, fiks_error *err)
{
    *out = NULL;
    if (!pkey || !EVP_PKEY_is_a(pkey, "RSA")) {
        EVP_PKEY_free(pkey);
        return fiks_fail(err, FIKS_CREDENTIALS, "unsupported_key", "not an RSA public key");
    }
    fiks_public_key *key = calloc(1, sizeof *key);
    if (!key) {
        EVP_PKEY_free(pkey);
        return fiks_fail_memory(err);
    }
    key->pkey = pkey;
    *out = key;
    return FIKS_OK;
}

fiks_status fiks_public_key_of(const fiks_certificate *certificate, fiks_public_key **out,
                               fiks_error *err)
{
    ERR_set_mark();
    fiks_status st = wrap_public_key(X509_get_pubkey(certificate->x509), out, err);
    ERR_pop_to_mark();
    return st;
}

static EVP_PKEY *build_public(const BIGNUM *n, const BIGNUM *e)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    if (builder && ctx && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1 &&
        (params = OSSL_PARAM_BLD_to_param(builder)) != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static BIGNUM *read_bn(const char *text)
{
    fiks_buf bytes = {0};
    BIGNUM *number = NULL;
    if (fiks_base64url_decode(text, strlen(text), &bytes) && bytes.len &&
        bytes.len <= FIKS_SIGNATURE_MAX)
        number = BN_bin2bn((const unsigned char *)bytes.data, (int)bytes.len, NULL);
    fiks_buf_free(&bytes);
    return number;
}

fiks_status fiks_public_key_from_jwk(const char *n, const char *e, fiks_public_key **out,
                                     fiks_error *err)
{
    *out = NULL;
    ERR_set_mark();
    BIGNUM *modulus = read_bn(n), *exponent = read_bn(e);
    fiks_status st =
        modulus && exponent
            ? wrap_public_key(build_public(modulus, exponent), out, err)
            : fiks_fail(err, FIKS_CREDENTIALS, "format", "n or e of the JWK is not base64url");
    BN_free(modulus);
    BN_free(exponent);
    ERR_pop_to_mark();
    return st;
}

void fiks_public_key_free(fiks_public_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey);
    free(key);
}

fiks_status fiks_public_key_verify(const fiks_public_key *key, fiks_alg alg, const void *data,
                                   size_t len, const void *sig, size_t sig_len, bool *good,
                                   fiks_error *err)
{
    ERR_set_mark();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ready = ctx && EVP_DigestVerifyInit(ctx, NULL, fiks_alg_md(alg), NULL, key->pkey) == 1;
    *good = ready && EVP_DigestVerify(ctx, sig, sig_len, data, len) == 1;
    EVP_MD_CTX_free(ctx);
    ERR_pop_to_mark();
    return ready ? FIKS_OK : fiks_fail_memory(err);
}
