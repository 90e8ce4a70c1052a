/* Between cms.c, which walks the message, and cms_header.c, which understands what comes before the
 * content: everything up to it, kept in one piece of bounded size. */
#ifndef FIKS_CMS_INTERNAL_H
#define FIKS_CMS_INTERNAL_H

#include "fiks.h"

/* The content key and how to use it. Wiped by its owner. */
typedef struct fiks_cms_secret {
    const char *cipher; /* OpenSSL's name, static */
    uint8_t key[32];
    uint8_t iv[16];
    size_t key_index; /* which of the keys opened it */
    bool pkcs1;       /* by PKCS#1 v1.5 */
    bool doubtful;    /* then: the key is a random one. To be told at the end of the content only */
} fiks_cms_secret;

/* Is the message EnvelopedData? `head` holds at least ContentInfo's contentType. */
fiks_status fiks_cms_check_type(const uint8_t *head, size_t len, fiks_error *err);

/* Reads recipients and content algorithm from `head`, which was walked over and found well-formed
 * up to the encrypted content, and unwraps the content key. */
fiks_status fiks_cms_open(const uint8_t *head, size_t len, fiks_key *const *keys, size_t key_count,
                          fiks_cms_secret *out, fiks_error *err);

#endif
