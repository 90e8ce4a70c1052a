/* A key with its certificates as PEM text, as libcurl wants them for mutual TLS. */
#ifndef FIKS_KEY_IDENTITY_H
#define FIKS_KEY_IDENTITY_H

#include "fiks.h"
#include "str.h"

/*
 * Loads what the options name (any kind of key, not only RSA) and appends the certificate with its
 * chain, and the private key, not encrypted: a secret, wiped by fiks_buf_free. FIKS_CREDENTIALS as
 * fiks_key_new, and "no_certificate".
 */
fiks_status fiks_key_identity(const fiks_key_options *options, fiks_buf *certificate,
                              fiks_buf *private_key, fiks_error *err);

/* Is this PEM text with one certificate or more? FIKS_CREDENTIALS names `name`. */
fiks_status fiks_pem_certificates_check(const char *pem, const char *name, fiks_error *err);

#endif
