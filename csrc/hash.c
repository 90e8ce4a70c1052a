#include "hash.h"

#include "error.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct fiks_hash {
    EVP_MD *md;
    EVP_MD_CTX *ctx;
};

static fiks_status failed(fiks_error *err)
{
    ERR_clear_error();
    return fiks_fail(err, FIKS_INTERNAL, "sha256", "OpenSSL cannot compute a SHA-256");
}

fiks_status fiks_hash_new(fiks_hash **out, fiks_error *err)
{
    fiks_hash *hash = *out = calloc(1, sizeof *hash);
    if (!hash)
        return fiks_fail_memory(err);
    hash->md = EVP_MD_fetch(NULL, "SHA256", NULL);
    hash->ctx = EVP_MD_CTX_new();
    if (!hash->ctx || fiks_hash_restart(hash, err)) {
        fiks_hash_free(hash);
        *out = NULL;
        return failed(err);
    }
    return FIKS_OK;
}

fiks_status fiks_hash_restart(fiks_hash *hash, fiks_error *err)
{
    return EVP_DigestInit_ex2(hash->ctx, hash->md, NULL) == 1 ? FIKS_OK : failed(err);
}

fiks_status fiks_hash_update(fiks_hash *hash, const void *data, size_t len, fiks_error *err)
{
    return EVP_DigestUpdate(hash->ctx, data, len) == 1 ? FIKS_OK : failed(err);
}

fiks_status fiks_hash_finish(fiks_hash *hash, char hex[65], fiks_error *err)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[32];
    if (EVP_DigestFinal_ex(hash->ctx, digest, NULL) != 1)
        return failed(err);
    for (size_t i = 0; i < sizeof digest; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[64] = '\0';
    return fiks_hash_restart(hash, err);
}

void fiks_hash_free(fiks_hash *hash)
{
    if (!hash)
        return;
    EVP_MD_CTX_free(hash->ctx);
    EVP_MD_free(hash->md);
    free(hash);
}

fiks_status fiks_sha256(const void *data, size_t len, uint8_t digest[32], fiks_error *err)
{
    size_t written = 0;
    return EVP_Q_digest(NULL, "SHA256", NULL, data, len, digest, &written) == 1 && written == 32
               ? FIKS_OK
               : failed(err);
}
