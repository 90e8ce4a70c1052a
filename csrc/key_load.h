/* What the files that read keys and certificates share. */
#ifndef FIKS_KEY_LOAD_H
#define FIKS_KEY_LOAD_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "key.h"
#include "key_openssl.h"
#include "str.h"

/* Borrowed from the certificate. */
X509 *fiks_certificate_x509(const fiks_certificate *certificate);

/* The hash of an algorithm. */
const EVP_MD *fiks_alg_md(fiks_alg alg);

/* Appends a public number of the key (OSSL_PKEY_PARAM_RSA_N, _E), base64url. */
bool fiks_pkey_bn(const EVP_PKEY *pkey, const char *param, fiks_buf *out);

/* The reason of the newest error in OpenSSL's queue: a constant text, never data. */
const char *fiks_openssl_reason(void);

/* Appends the certificate's DER. */
bool fiks_x509_der(const X509 *x509, fiks_buf *out);
/* Subject as UTF-8 text on one line (RFC 2253), cut to fit. */
void fiks_x509_subject(const X509 *x509, char *to, size_t to_bytes);
/* Seconds since 1970. */
int64_t fiks_asn1_seconds(const ASN1_TIME *time);
/* "2026-11-23" */
void fiks_date_text(int64_t seconds, char out[16]);

/* A key file as read. */
typedef struct fiks_key_source {
    const char *name; /* for errors */
    const char *data;
    size_t len;
    const char *password; /* NULL = none given */
    const char *alias;    /* NULL = any */
} fiks_key_source;

/* The password does not open it: "password_missing" when none was given, else "wrong_password",
 * also when what was given is empty. */
fiks_status fiks_key_password_error(const fiks_key_source *source, fiks_error *err);

/* What was found in it, not judged yet. */
typedef struct fiks_key_parts {
    EVP_PKEY *pkey;
    STACK_OF(X509) * certificates; /* in any order, with duplicates */
    X509 *leaf;                    /* one of them that belongs to the key, or NULL: not known */
} fiks_key_parts;

/* The key and the certificates that the options name, whatever their format. */
fiks_status fiks_key_parts_load(const fiks_key_options *options, const char *name,
                                fiks_key_parts *parts, fiks_error *err);
/* The certificate of the key: the loader's choice, else of those that fit the one valid longest;
 * NULL = none does. */
X509 *fiks_key_parts_leaf(const fiks_key_parts *parts);

/* One loader per format. On failure the parts may hold something; free them in any case. */
fiks_status fiks_key_load_pkcs12(const fiks_key_source *source, fiks_key_parts *parts,
                                 fiks_error *err);
fiks_status fiks_key_load_pem(const fiks_key_source *source, fiks_key_parts *parts,
                              fiks_error *err);
fiks_status fiks_key_load_jwk(const fiks_key_source *source, fiks_key_parts *parts,
                              fiks_error *err);
/* `data` is the URI, with NUL. */
fiks_status fiks_key_load_pkcs11(const fiks_key_source *source, fiks_key_parts *parts,
                                 fiks_error *err);
bool fiks_key_is_pkcs11(const char *uri);
/* What errors call it: the URI without PIN and query. */
void fiks_key_pkcs11_name(const char *uri, char *to, size_t to_bytes);
void fiks_key_parts_free(fiks_key_parts *parts);

/* The PEM or DER certificates of a file of their own. */
fiks_status fiks_key_load_certificates(const fiks_key_source *source, fiks_key_parts *parts,
                                       fiks_error *err);
/* Adds a DER certificate. */
fiks_status fiks_key_parts_add_der(fiks_key_parts *parts, const uint8_t *der, size_t len,
                                   const char *name, fiks_error *err);

/*
 * Sorts what belongs to the leaf: `leaf`, its issuer, and so on, without a self-signed root (unless
 * the leaf is one) and without anything unrelated. Each is referenced. NULL: out of memory.
 */
STACK_OF(X509) * fiks_x509_chain(X509 *leaf, STACK_OF(X509) * pool);

/*
 * A library context of its own that has the ciphers of old files (RC2, DES), which the default one
 * must not get: it belongs to the host program. `ctx` is NULL when the legacy provider is not
 * installed.
 */
typedef struct fiks_legacy {
    OSSL_LIB_CTX *ctx;
    void *base;
    void *legacy;
} fiks_legacy;

void fiks_legacy_open(fiks_legacy *legacy);
void fiks_legacy_close(fiks_legacy *legacy);

#endif
