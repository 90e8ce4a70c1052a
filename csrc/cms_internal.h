/* Between cms.c, which walks the message, cms_header.c, which understands what comes before the
 * content (everything up to it, kept in one piece of bounded size), and cms_cipher.c, which
 * decrypts the content. */
#ifndef FIKS_CMS_INTERNAL_H
#define FIKS_CMS_INTERNAL_H

#include "cms_ber.h"
#include "fiks.h"

enum { FIKS_CMS_IV_MAX = 64, FIKS_CMS_TAG_MAX = 16 };

/* The content key and how to use it. Wiped by its owner. */
typedef struct fiks_cms_secret {
    const char *cipher; /* OpenSSL's name, static */
    bool authenticated; /* AES-GCM: there will be a tag of `tag_len` bytes */
    bool legacy;        /* a cipher that only the legacy provider has */
    uint8_t key[32];
    size_t key_len;
    uint8_t iv[FIKS_CMS_IV_MAX];
    size_t iv_len, tag_len;
    size_t key_index; /* which of the keys opened it */
    bool pkcs1;       /* by PKCS#1 v1.5 */
    bool doubtful;    /* then: the key is a random one. To be told at the end of the content only */
} fiks_cms_secret;

/* Is the message EnvelopedData (or AuthEnvelopedData)? `head` holds at least ContentInfo's
 * contentType. */
fiks_status fiks_cms_check_type(const uint8_t *head, size_t len, bool *authenticated,
                                fiks_error *err);

/* Reads recipients and content algorithm from `head`, which was walked over and found well-formed
 * up to the encrypted content, and unwraps the content key. `out->authenticated` says which type
 * it is; `legacy_ciphers` allows RC2, DES and triple DES. */
fiks_status fiks_cms_open(const uint8_t *head, size_t len, fiks_key *const *keys, size_t key_count,
                          bool legacy_ciphers, fiks_cms_secret *out, fiks_error *err);

/* An AlgorithmIdentifier's parameters into cipher, IV and lengths. */
fiks_status fiks_cms_read_cipher(const fiks_element *algorithm, bool legacy_ciphers,
                                 fiks_cms_secret *out, fiks_error *err);

/* "des-ede3-cbc (1.2.840.113549.3.7)", or only the number when OpenSSL has no name for it. `oid` is
 * the whole element. */
const char *fiks_cms_oid_text(const fiks_element *oid, char *text, size_t size);

/* The content being decrypted. */
typedef struct fiks_cms_cipher fiks_cms_cipher;

fiks_status fiks_cms_cipher_new(const fiks_cms_secret *secret, fiks_cms_cipher **out,
                                fiks_error *err);
/* `out` has room for `len` and EVP_MAX_BLOCK_LENGTH bytes more. */
fiks_status fiks_cms_cipher_update(fiks_cms_cipher *cipher, const uint8_t *data, size_t len,
                                   uint8_t *out, size_t *made, fiks_error *err);
/* CBC: the last block, false when its padding is wrong. */
bool fiks_cms_cipher_pad(fiks_cms_cipher *cipher, uint8_t *out, size_t *made);
/* GCM: is this the tag of all that was decrypted and of the attributes, a DER SET (or nothing)? */
bool fiks_cms_cipher_verify(fiks_cms_cipher *cipher, const uint8_t *attributes, size_t len,
                            const uint8_t *tag, size_t tag_len);
void fiks_cms_cipher_free(fiks_cms_cipher *cipher);

#endif
