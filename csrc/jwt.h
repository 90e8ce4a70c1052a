/* JSON Web Signatures in compact form (RFC 7515, 7.1), RS256, RS384 and RS512. */
#ifndef FIKS_JWT_H
#define FIKS_JWT_H

#include "json.h"
#include "key.h"

/* "RS256" ...; and back: false for any other name ("none" included). */
const char *fiks_alg_name(fiks_alg alg);
bool fiks_alg_find(const char *name, fiks_alg *out);

/*
 * The header of a grant: {"alg":...,"kid":...} or {"alg":...,"x5c":[...]} (RFC 7517, 4.7: base64
 * DER, leaf first). `kid` NULL means x5c, with at most `max_certificates` of the key's chain;
 * FIKS_CREDENTIALS, code "no_certificate", when the key has none.
 */
fiks_status fiks_jwt_header(const fiks_key *key, fiks_alg alg, const char *kid,
                            size_t max_certificates, fiks_buf *out, fiks_error *err);

/* Appends base64url(header).base64url(payload).base64url(signature), over the exact bytes given. */
fiks_status fiks_jwt_sign(const fiks_key *key, fiks_alg alg, const fiks_buf *header,
                          const fiks_buf *payload, fiks_buf *out, fiks_error *err);

/* A compact JWS taken apart; nothing is verified. */
typedef struct fiks_jwt {
    fiks_json *header;
    fiks_json *payload;
    fiks_buf signature;
    size_t signed_bytes; /* the signature is over this many bytes of the text */
} fiks_jwt;

/*
 * Takes a token apart. FIKS_PROTOCOL, code "jwt", when it is not three base64url parts with JSON
 * objects in the first two (an opaque token, or an encrypted one with five parts).
 */
fiks_status fiks_jwt_split(const char *text, size_t len, fiks_jwt *out, fiks_error *err);
void fiks_jwt_clear(fiks_jwt *jwt);

/*
 * The organisation a token was issued for: nine digits of consumer.ID ("0192:<orgnr>[:...]"), or
 * client_orgno in ID-porten's tokens of 2018. "" when there is none or it is not Norwegian.
 */
void fiks_jwt_consumer_org(const fiks_jwt *jwt, char out[10]);

/* Is `wanted` (one scope) in the token's scope claim? False also when the claim is missing. */
bool fiks_jwt_has_scope(const fiks_jwt *jwt, const char *wanted);

/* Is every scope of `wanted` in `granted`? Both lists are separated by white space. */
bool fiks_scope_covers(const char *granted, const char *wanted);

#endif
