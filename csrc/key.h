/*
 * Private keys and certificates: loading, signing, unwrapping. Loading and the public part are in
 * fiks.h. Keys live in the default library context; a private one only opens old PKCS#12 files.
 */
#ifndef FIKS_KEY_H
#define FIKS_KEY_H

#include "fiks.h"

typedef enum fiks_alg { FIKS_RS256, FIKS_RS384, FIKS_RS512 } fiks_alg;

#define FIKS_SIGNATURE_MAX 2048 /* bytes: RSA up to 16384 bits, OpenSSL's own limit */

/* RSASSA-PKCS1-v1_5 (RFC 7518, 3.3). `*sig_len` is set to the length written. */
fiks_status fiks_key_sign(const fiks_key *key, fiks_alg alg, const void *data, size_t len,
                          uint8_t sig[FIKS_SIGNATURE_MAX], size_t *sig_len, fiks_error *err);

/* RFC 7638 SHA-256 thumbprint, base64url, 43 characters. Borrowed. */
const char *fiks_key_thumbprint(const fiks_key *key);

/* Certificates, leaf first, each next one the issuer of the one before, without a self-signed root
 * (unless that is all there is). DER, borrowed. 0 = the key came without. */
size_t fiks_key_certificate_count(const fiks_key *key);
const uint8_t *fiks_key_certificate(const fiks_key *key, size_t index, size_t *len);

/*
 * Are all certificates of the key valid at `wall_ms`? FIKS_CREDENTIALS, code "expired" or
 * "not_yet_valid", naming the certificate and both dates. Asked before a grant is signed, not when
 * a key is loaded: what was encrypted to an expired certificate must still open. True of a key
 * without certificates.
 */
fiks_status fiks_key_check_validity(const fiks_key *key, int64_t wall_ms, fiks_error *err);

/* Logs a warning, once a day and key, when fewer than FIKS_KEY_WARN_DAYS are left. */
void fiks_key_warn_expiry(const fiks_key *key, int64_t wall_ms);
enum { FIKS_KEY_WARN_DAYS = 30 };

/* Outside these the client warns; a shorter key loads only with `allow_weak`. */
enum { FIKS_KEY_GOOD_BITS = 2048, FIKS_KEY_USUAL_BITS = 8192 };
int fiks_key_bits(const fiks_key *key);

/* The public key as a JWK's members, base64url (RFC 7518, 6.3.1). Borrowed. */
const char *fiks_key_jwk_n(const fiks_key *key);
const char *fiks_key_jwk_e(const fiks_key *key);

/* What errors call the key: its option `name`, else the file's. Borrowed. */
const char *fiks_key_name(const fiks_key *key);

/* How a CMS recipient's content key was wrapped: RFC 8017. */
typedef struct fiks_wrap {
    bool oaep;            /* false: RSAES-PKCS1-v1_5 */
    int md_nid;           /* OpenSSL NID of OAEP's hash */
    int mgf1_md_nid;      /* and of its mask function's */
    const uint8_t *label; /* pSource, usually empty */
    size_t label_len;
} fiks_wrap;

/*
 * Unwraps a content key of exactly `want` bytes. With OAEP a wrong key is FIKS_CRYPTO "no_key".
 * With PKCS#1 v1.5 any failure silently gives a random key instead (RFC 3218: no oracle), so what
 * follows must be verified.
 */
fiks_status fiks_key_unwrap(const fiks_key *key, const fiks_wrap *wrap, const uint8_t *in,
                            size_t in_len, uint8_t *out, size_t want, fiks_error *err);

#endif
