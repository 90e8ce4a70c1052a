/* SHA-256 of bytes that come in pieces. */
#ifndef FIKS_HASH_H
#define FIKS_HASH_H

#include "fiks.h"

/* One running hash, used again and again: OpenSSL looks its implementation up once. */
typedef struct fiks_hash fiks_hash;

/* Ready for the first byte. */
fiks_status fiks_hash_new(fiks_hash **out, fiks_error *err);
fiks_status fiks_hash_update(fiks_hash *hash, const void *data, size_t len, fiks_error *err);
/* Lower-case hex of everything since new or the last finish; ready for the next. */
fiks_status fiks_hash_finish(fiks_hash *hash, char hex[65], fiks_error *err);
/* Forgets what was added. */
fiks_status fiks_hash_restart(fiks_hash *hash, fiks_error *err);
void fiks_hash_free(fiks_hash *hash);

/* The raw digest of bytes in memory. */
fiks_status fiks_sha256(const void *data, size_t len, uint8_t digest[32], fiks_error *err);

#endif
