/* X.509 certificates, public keys and signatures made by others. */
#ifndef FIKS_CERTIFICATE_H
#define FIKS_CERTIFICATE_H

#include "key.h"
#include "str.h"

typedef struct fiks_certificate fiks_certificate;

/* Reads one certificate, PEM or DER, told apart by content. FIKS_CREDENTIALS, code "format". */
fiks_status fiks_certificate_new(const void *data, size_t len, const char *what,
                                 fiks_certificate **out, fiks_error *err);
void fiks_certificate_free(fiks_certificate *certificate);

/* What is in it. Strings are borrowed. */
typedef struct fiks_certificate_info {
    const char *subject; /* RFC 2253 text, UTF-8 */
    const char *issuer;
    const char *serial; /* upper-case hex */
    int64_t not_before_s;
    int64_t not_after_s;
    /* Nine digits, from serialNumber, organizationIdentifier (NTRNO-...) or the end of O; "" = none
     * found. */
    const char *organisasjonsnummer;
    const uint8_t *der;
    size_t der_bytes;
    bool can_sign; /* key usage digitalSignature, or none given */
} fiks_certificate_info;

const fiks_certificate_info *fiks_certificate_get_info(const fiks_certificate *certificate);

/* Appends PEM text. */
fiks_status fiks_certificate_pem(const fiks_certificate *certificate, fiks_buf *out,
                                 fiks_error *err);

/*
 * Does the chain (DER or PEM, leaf first) lead to one of the anchors, every signature right and
 * every certificate valid at `at_s`? FIKS_CREDENTIALS, code "expired", "not_yet_valid" or
 * "untrusted", when it does not. Revocation is not looked up.
 */
fiks_status fiks_certificate_verify_chain(fiks_certificate *const *chain, size_t chain_count,
                                          fiks_certificate *const *anchors, size_t anchor_count,
                                          int64_t at_s, fiks_error *err);

/* A public RSA key, of a certificate or from a JWK's base64url `n` and `e`. */
typedef struct fiks_public_key fiks_public_key;

fiks_status fiks_public_key_of(const fiks_certificate *certificate, fiks_public_key **out,
                               fiks_error *err);
fiks_status fiks_public_key_from_jwk(const char *n, const char *e, fiks_public_key **out,
                                     fiks_error *err);
void fiks_public_key_free(fiks_public_key *key);

/* RSASSA-PKCS1-v1_5; `*good` says whether the signature fits. */
fiks_status fiks_public_key_verify(const fiks_public_key *key, fiks_alg alg, const void *data,
                                   size_t len, const void *sig, size_t sig_len, bool *good,
                                   fiks_error *err);

#endif
