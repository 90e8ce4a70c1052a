/*
 * Reading CMS EnvelopedData (RFC 5652, 6) and AuthEnvelopedData (RFC 5083) as it comes: pieces of
 * any size, definite or indefinite lengths, binary or PEM, constant memory. Any recipient entry
 * that one of the keys opens will do, whatever certificate it names; RSA-OAEP entries (RFC 4055)
 * are tried before PKCS#1 v1.5 ones. Content is AES-128/192/256 in CBC, or in GCM where it is
 * authenticated; everything else is refused by name.
 *
 * What the data function is given is proven only by what comes after: with GCM by the tag, and CBC
 * has no integrity at all (padding here, the zip's CRC, the SHA-256 of the list). So it must not be
 * shown to anyone before `finish`, nor interpreted before that when it is authenticated.
 */
#ifndef FIKS_CMS_H
#define FIKS_CMS_H

#include "fiks.h"
#include "str.h"

/* Takes decrypted bytes, some 112 KiB at a time; a failure ends the reading with that failure. */
typedef fiks_status (*fiks_cms_data_fn)(void *to, const void *data, size_t len, fiks_error *err);

typedef struct fiks_cms_reader fiks_cms_reader;

typedef struct fiks_cms_options {
    fiks_key *const *keys; /* tried in turn; each is referenced */
    size_t key_count;
    bool legacy_ciphers; /* accept RC2, DES and triple DES, too */
} fiks_cms_options;

fiks_status fiks_cms_reader_new(const fiks_cms_options *options, fiks_cms_data_fn data, void *to,
                                fiks_cms_reader **out, fiks_error *err);
/*
 * FIKS_CRYPTO with code "not_cms" (and what it looks like instead), "content_type", "structure",
 * "algorithm", "length", "no_recipient" or "no_key"; FIKS_INTEGRITY "padding" or (GCM) "tag" when
 * the content is damaged, or (PKCS#1 v1.5 only, where the two must not be told apart) no key fits.
 */
fiks_status fiks_cms_reader_feed(fiks_cms_reader *reader, const void *data, size_t len,
                                 fiks_error *err);
/* Demands that everything that was opened is closed: FIKS_CRYPTO "truncated", FIKS_PROTOCOL
 * "empty". */
fiks_status fiks_cms_reader_finish(fiks_cms_reader *reader, fiks_error *err);
void fiks_cms_reader_free(fiks_cms_reader *reader);

/* Index of the key that opened it; only after the first data. */
size_t fiks_cms_reader_key(const fiks_cms_reader *reader);
/* Will a tag at the end prove the content? Only after the first data. */
bool fiks_cms_reader_authenticated(const fiks_cms_reader *reader);
/* Decrypted bytes given out. */
uint64_t fiks_cms_reader_bytes(const fiks_cms_reader *reader);
/* Did bytes other than zero follow the message? Accepted, but worth a warning. */
bool fiks_cms_reader_trailing(const fiks_cms_reader *reader);

/* What came of a message. */
typedef struct fiks_cms_result {
    uint64_t bytes; /* of the content */
    size_t key;     /* index of the key that opened it */
    bool trailing;
} fiks_cms_result;

/* A whole message in memory. `out` is empty after a failure; `result` may be NULL. */
fiks_status fiks_cms_decrypt(const void *data, size_t len, const fiks_cms_options *options,
                             fiks_buf *out, fiks_cms_result *result, fiks_error *err);
/*
 * From file to file, streaming. `to` appears, or is replaced, once everything is decrypted and
 * fsynced; NULL = decrypt and discard.
 */
fiks_status fiks_cms_decrypt_file(const char *from, const char *to, const fiks_cms_options *options,
                                  fiks_cms_result *result, fiks_error *err);

#endif
