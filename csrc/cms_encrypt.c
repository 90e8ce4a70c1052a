/* Writing CMS EnvelopedData (RFC 5652, 6) the way SvarUt and Fiks IO do: AES-256-CBC, one RSA-OAEP
 * recipient (SHA-256, MGF1 with SHA-256, issuer and serial number) per certificate, BER. */
#include "error.h"
#include "str.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

enum { PIECE_BYTES = 1 << 20 };

void fiks_bytes_free(void *bytes, size_t length)
{
    fiks_wipe_free(bytes, length);
}

static fiks_status openssl_failed(fiks_error *err, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    fiks_status status = fiks_fail(err, FIKS_CRYPTO, "openssl", "cannot %s: %s", what,
                                   reason ? reason : "no reason");
    ERR_clear_error();
    return status;
}

static fiks_status read_certificate(const char *pem, size_t number, X509 **out, fiks_error *err)
{
    BIO *text = pem ? BIO_new_mem_buf(pem, -1) : NULL;
    *out = text ? PEM_read_bio_X509(text, NULL, NULL, NULL) : NULL;
    BIO_free(text);
    ERR_clear_error();
    if (!*out)
        return fiks_fail(
            err, FIKS_INVALID, "format",
            "recipient %zu is not a certificate in PEM form (-----BEGIN CERTIFICATE-----)", number);
    EVP_PKEY *public_key = X509_get0_pubkey(*out);
    if (public_key && EVP_PKEY_is_a(public_key, "RSA"))
        return FIKS_OK;
    X509_free(*out);
    *out = NULL;
    ERR_clear_error();
    return fiks_fail(err, FIKS_INVALID, "unsupported_key",
                     "the certificate of recipient %zu has no RSA key: KS Fiks needs one", number);
}

static bool set_oaep(CMS_RecipientInfo *recipient)
{
    EVP_PKEY_CTX *ctx = recipient ? CMS_RecipientInfo_get0_pkey_ctx(recipient) : NULL;
    return ctx && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) > 0 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) > 0;
}

static fiks_status add_recipients(CMS_ContentInfo *cms, const char *const *certificates_pem,
                                  size_t count, fiks_error *err)
{
    for (size_t i = 0; i < count; i++) {
        X509 *certificate;
        fiks_status status = read_certificate(certificates_pem[i], i + 1, &certificate, err);
        if (status)
            return status;
        bool good = set_oaep(CMS_add1_recipient_cert(cms, certificate, CMS_KEY_PARAM));
        X509_free(certificate);
        if (!good)
            return openssl_failed(err, "add a recipient to the CMS message");
    }
    return FIKS_OK;
}

/* Moves what OpenSSL has written so far over: a memory BIO alone cannot grow beyond 1.5 GiB. */
static bool drain(BIO *from, fiks_buf *to)
{
    char *data;
    long len = BIO_get_mem_data(from, &data);
    return len >= 0 && fiks_buf_add(to, data, (size_t)len) && BIO_reset(from) == 1;
}

static bool write_content(BIO *chain, BIO *memory, const char *data, size_t len, fiks_buf *out)
{
    while (len > 0) {
        int piece = len < PIECE_BYTES ? (int)len : PIECE_BYTES;
        if (BIO_write(chain, data, piece) != piece || !drain(memory, out))
            return false;
        data += piece;
        len -= (size_t)piece;
    }
    return BIO_flush(chain) == 1;
}

static fiks_status write_message(CMS_ContentInfo *cms, const void *data, size_t len, fiks_buf *out,
                                 fiks_error *err)
{
    BIO *memory = BIO_new(BIO_s_mem()), *chain = memory ? BIO_new_CMS(memory, cms) : NULL;
    bool good = chain && write_content(chain, memory, data, len, out);
    while (chain && chain != memory) {
        BIO *next = BIO_pop(chain);
        BIO_free(chain);
        chain = next;
    }
    good = good && drain(memory, out);
    BIO_free(memory);
    if (good)
        return FIKS_OK;
    return out->failed ? fiks_fail_memory(err) : openssl_failed(err, "encrypt");
}

fiks_status fiks_cms_encrypt(const void *data, size_t data_bytes,
                             const char *const *certificates_pem, size_t certificate_count,
                             void **out, size_t *out_bytes, fiks_error *err)
{
    *out = NULL;
    *out_bytes = 0;
    if (certificate_count == 0)
        return fiks_fail(err, FIKS_INVALID, "recipients",
                         "no certificate to encrypt for: give the recipient's");
    ERR_clear_error();
    CMS_ContentInfo *cms =
        CMS_encrypt(NULL, NULL, EVP_aes_256_cbc(), CMS_BINARY | CMS_STREAM | CMS_PARTIAL);
    if (!cms)
        return openssl_failed(err, "start a CMS message");
    fiks_status status = add_recipients(cms, certificates_pem, certificate_count, err);
    fiks_buf message = {0};
    if (!status)
        status = write_message(cms, data, data_bytes, &message, err);
    CMS_ContentInfo_free(cms);
    if (status) {
        fiks_buf_free(&message);
        return status;
    }
    *out = message.data;
    *out_bytes = message.len;
    return FIKS_OK;
}
