/*
 * What a key is made of, for the files that hand it to OpenSSL whole (signing an ASiC-E container).
 * Everything else uses key.h.
 */
#ifndef FIKS_KEY_OPENSSL_H
#define FIKS_KEY_OPENSSL_H

#include "key.h"

struct evp_pkey_st;
struct x509_st;

/* The private key (OpenSSL's EVP_PKEY). Borrowed. */
struct evp_pkey_st *fiks_key_pkey(const fiks_key *key);

/* Certificate `index`, in the order of fiks_key_certificate (OpenSSL's X509); NULL = no such.
 * Borrowed. */
struct x509_st *fiks_key_x509(const fiks_key *key, size_t index);

#endif
