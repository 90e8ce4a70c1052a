/* PEM (RFC 7468) as people have it: PKCS#1 and PKCS#8, encrypted or not, certificates in any order,
 * text around the blocks, CRLF. */
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "error.h"
#include "key_load.h"

/* Without a callback OpenSSL would ask on the terminal. */
static int give_password(char *to, int size, int writing, void *data)
{
    (void)writing;
    const char *password = data;
    size_t n = password ? strlen(password) : SIZE_MAX;
    if (n > (size_t)size)
        return -1;
    memcpy(to, password, n);
    return (int)n;
}

static fiks_status cipher_error(const fiks_key_source *source, fiks_error *err)
{
    return fiks_fail(err, FIKS_CREDENTIALS, "unsupported_cipher",
                     "%s: this OpenSSL cannot read the cipher its private key is encrypted with: "
                     "write the key anew with AES, e.g. openssl pkey -aes256",
                     source->name);
}

static bool last_error_is_unsupported(void)
{
    return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_UNSUPPORTED ||
           ERR_GET_REASON(ERR_peek_error()) == ERR_R_UNSUPPORTED;
}

static PKCS8_PRIV_KEY_INFO *decrypt_pkcs8(const X509_SIG *shroud, const char *password,
                                          bool *unsupported)
{
    int len = (int)strlen(password);
    ERR_clear_error();
    PKCS8_PRIV_KEY_INFO *info = PKCS8_decrypt_ex(shroud, password, len, NULL, NULL);
    *unsupported = !info && last_error_is_unsupported();
    if (!*unsupported)
        return info;
    fiks_legacy legacy;
    fiks_legacy_open(&legacy);
    if (legacy.ctx) {
        ERR_clear_error();
        info = PKCS8_decrypt_ex(shroud, password, len, legacy.ctx, NULL);
        *unsupported = !info && last_error_is_unsupported();
    }
    fiks_legacy_close(&legacy);
    return info;
}

static fiks_status read_encrypted_pkcs8(const fiks_key_source *source, const unsigned char *der,
                                        long len, EVP_PKEY **out, fiks_error *err)
{
    bool unsupported = false;
    X509_SIG *shroud = d2i_X509_SIG(NULL, &der, len);
    if (!shroud)
        return fiks_fail(err, FIKS_CREDENTIALS, "format", "%s: the private key is damaged",
                         source->name);
    PKCS8_PRIV_KEY_INFO *info =
        source->password ? decrypt_pkcs8(shroud, source->password, &unsupported) : NULL;
    X509_SIG_free(shroud);
    if (!info)
        return unsupported ? cipher_error(source, err) : fiks_key_password_error(source, err);
    *out = EVP_PKCS82PKEY(info);
    PKCS8_PRIV_KEY_INFO_free(info);
    return *out ? FIKS_OK
                : fiks_fail(err, FIKS_CREDENTIALS, "unsupported_key",
                            "%s: the private key is of an unknown kind", source->name);
}

/* "Proc-Type: 4,ENCRYPTED" of the old form; decrypts in place. */
static fiks_status decrypt_old_form(const fiks_key_source *source, char *header,
                                    unsigned char *data, long *len, fiks_error *err)
{
    EVP_CIPHER_INFO cipher;
    ERR_clear_error();
    if (!PEM_get_EVP_CIPHER_INFO(header, &cipher))
        return cipher_error(source, err);
    if (PEM_do_header(&cipher, data, len, give_password, (void *)(uintptr_t)source->password))
        return FIKS_OK;
    return last_error_is_unsupported() ? cipher_error(source, err)
                                       : fiks_key_password_error(source, err);
}

static fiks_status read_plain(const fiks_key_source *source, const char *label, bool was_encrypted,
                              const unsigned char *der, long len, EVP_PKEY **out, fiks_error *err)
{
    *out = d2i_AutoPrivateKey(NULL, &der, len);
    if (*out)
        return FIKS_OK;
    /* a wrong password gives right padding once in 256 */
    if (was_encrypted)
        return fiks_key_password_error(source, err);
    return fiks_fail(err, FIKS_CREDENTIALS, "format", "%s: the block \"%s\" cannot be read: %s",
                     source->name, label, fiks_openssl_reason());
}

static fiks_status read_key(const fiks_key_source *source, const char *label, char *header,
                            unsigned char *data, long len, EVP_PKEY **out, fiks_error *err)
{
    if (strcmp(label, PEM_STRING_PKCS8) == 0)
        return read_encrypted_pkcs8(source, data, len, out, err);
    if (strcmp(label, "OPENSSH PRIVATE KEY") == 0)
        return fiks_fail(err, FIKS_CREDENTIALS, "format",
                         "%s is an OpenSSH key: convert it with ssh-keygen -p -m PKCS8 -f key",
                         source->name);
    bool encrypted = header && strstr(header, "ENCRYPTED");
    fiks_status st = FIKS_OK;
    if (encrypted)
        st = decrypt_old_form(source, header, data, &len, err);
    return st ? st : read_plain(source, label, encrypted, data, len, out, err);
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool is_certificate(const char *label)
{
    return strcmp(label, PEM_STRING_X509) == 0 || strcmp(label, PEM_STRING_X509_OLD) == 0 ||
           strcmp(label, PEM_STRING_X509_TRUSTED) == 0;
}

typedef struct blocks {
    bool want_key;
    size_t keys;
    size_t certificates;
    char other[64]; /* the last block that is neither */
} blocks;

static fiks_status add_certificate(const fiks_key_source *source, const char *label,
                                   const unsigned char *data, long len, fiks_key_parts *parts,
                                   fiks_error *err)
{
    X509 *x509 = strcmp(label, PEM_STRING_X509_TRUSTED) == 0 ? d2i_X509_AUX(NULL, &data, len)
                                                             : d2i_X509(NULL, &data, len);
    if (!x509)
        return fiks_fail(err, FIKS_CREDENTIALS, "format", "%s: a certificate in it is damaged",
                         source->name);
    if (sk_X509_push(parts->certificates, x509))
        return FIKS_OK;
    X509_free(x509);
    return fiks_fail_memory(err);
}

static fiks_status take_block(const fiks_key_source *source, char *label, char *header,
                              unsigned char *data, long len, fiks_key_parts *parts, blocks *seen,
                              fiks_error *err)
{
    if (is_certificate(label)) {
        seen->certificates++;
        return add_certificate(source, label, data, len, parts, err);
    }
    if (!ends_with(label, "PRIVATE KEY")) {
        fiks_error_text(seen->other, sizeof seen->other, label);
        return FIKS_OK;
    }
    if (!seen->want_key)
        return FIKS_OK;
    if (++seen->keys > 1)
        return fiks_fail(err, FIKS_CREDENTIALS, "alias",
                         "%s holds several private keys: keep one per file", source->name);
    return read_key(source, label, header, data, len, &parts->pkey, err);
}

static fiks_status walk(const fiks_key_source *source, fiks_key_parts *parts, blocks *seen,
                        fiks_error *err)
{
    BIO *bio = BIO_new_mem_buf(source->data, (int)source->len);
    fiks_status st = bio ? FIKS_OK : fiks_fail_memory(err);
    bool more = true;
    while (!st && more) {
        char *label = NULL, *header = NULL;
        unsigned char *data = NULL;
        long len = 0;
        ERR_clear_error();
        more = PEM_read_bio(bio, &label, &header, &data, &len) == 1;
        long allocated = len;
        if (more)
            st = take_block(source, label, header, data, len, parts, seen, err);
        else if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
            st = fiks_fail(err, FIKS_CREDENTIALS, "format", "%s is damaged: %s", source->name,
                           fiks_openssl_reason());
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)allocated);
    }
    BIO_free(bio);
    return st;
}

fiks_status fiks_key_load_pem(const fiks_key_source *source, fiks_key_parts *parts, fiks_error *err)
{
    blocks seen = {.want_key = true};
    fiks_status st = walk(source, parts, &seen, err);
    if (st)
        return st;
    if (source->alias && parts->pkey)
        return fiks_fail(err, FIKS_CREDENTIALS, "alias",
                         "%s is PEM, whose entries have no names: leave alias out", source->name);
    if (parts->pkey)
        return FIKS_OK;
    return fiks_fail(err, FIKS_CREDENTIALS, "no_key", "%s holds no private key, only %s",
                     source->name,
                     seen.certificates ? "certificates"
                     : seen.other[0]   ? seen.other
                                       : "text");
}

fiks_status fiks_key_load_certificates(const fiks_key_source *source, fiks_key_parts *parts,
                                       fiks_error *err)
{
    blocks seen = {0};
    if ((uint8_t)source->data[0] == 0x30)
        return fiks_key_parts_add_der(parts, (const uint8_t *)source->data, source->len,
                                      source->name, err);
    fiks_status st = walk(source, parts, &seen, err);
    if (!st && !seen.certificates)
        st = fiks_fail(err, FIKS_CREDENTIALS, "format", "%s holds no certificate%s%s", source->name,
                       seen.other[0] ? ", only " : "", seen.other);
    return st;
}
