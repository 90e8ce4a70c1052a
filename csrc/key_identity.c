#include "key_identity.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "error.h"
#include "key_load.h"

static bool take(BIO *bio, fiks_buf *out)
{
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    return len > 0 && fiks_buf_add(out, text, (size_t)len);
}

static bool add_certificates(const STACK_OF(X509) * chain, fiks_buf *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio != NULL;
    for (int i = 0; ok && i < sk_X509_num(chain); i++)
        ok = PEM_write_bio_X509(bio, sk_X509_value(chain, i)) == 1;
    ok = ok && take(bio, out);
    BIO_free(bio);
    return ok;
}

static bool add_private_key(const EVP_PKEY *pkey, fiks_buf *out)
{
    BIO *bio = BIO_new(BIO_s_secmem()); /* wiped when it is freed */
    bool ok = bio && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1 &&
              take(bio, out);
    BIO_free(bio);
    return ok;
}

static fiks_status write_parts(const fiks_key_parts *parts, const char *name, fiks_buf *certificate,
                               fiks_buf *private_key, fiks_error *err)
{
    if (sk_X509_num(parts->certificates) < 1)
        return fiks_fail(err, FIKS_CREDENTIALS, "no_certificate",
                         "%s: there is a key but no certificate, which is what a server is shown",
                         name);
    X509 *leaf = fiks_key_parts_leaf(parts);
    if (!leaf)
        return fiks_fail(err, FIKS_CREDENTIALS, "key_mismatch",
                         "%s: the private key does not belong to the certificate", name);
    STACK_OF(X509) *chain = fiks_x509_chain(leaf, parts->certificates);
    bool ok =
        chain && add_certificates(chain, certificate) && add_private_key(parts->pkey, private_key);
    sk_X509_pop_free(chain, X509_free);
    return ok ? FIKS_OK : fiks_fail_memory(err);
}

fiks_status fiks_key_identity(const fiks_key_options *options, fiks_buf *certificate,
                              fiks_buf *private_key, fiks_error *err)
{
    fiks_key_options o = {0}; /* an older caller's struct may be shorter */
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    const char *name = o.name ? o.name : o.file ? o.file : "the client certificate given as data";
    if (o.uri || (o.file && fiks_key_is_pkcs11(o.file)))
        return fiks_fail(err, FIKS_CREDENTIALS, "unsupported_key",
                         "the client certificate's key must be in a file or in memory: a PKCS#11 "
                         "URI is only for the key that signs");
    fiks_key_parts parts;
    ERR_set_mark();
    fiks_status st = fiks_key_parts_load(&o, name, &parts, err);
    if (!st)
        st = write_parts(&parts, name, certificate, private_key, err);
    fiks_key_parts_free(&parts);
    ERR_pop_to_mark();
    return st;
}

fiks_status fiks_pem_certificates_check(const char *pem, const char *name, fiks_error *err)
{
    fiks_key_source source = {.name = name, .data = pem, .len = strlen(pem)};
    fiks_key_parts parts = {.certificates = sk_X509_new_null()};
    ERR_set_mark();
    fiks_status st = parts.certificates ? FIKS_OK : fiks_fail_memory(err);
    if (!st)
        st = strncmp(pem, "0", 1) != 0 /* DER, which libcurl does not take here */
                 ? fiks_key_load_certificates(&source, &parts, err)
                 : fiks_fail(err, FIKS_CREDENTIALS, "format", "%s is not PEM text", name);
    fiks_key_parts_free(&parts);
    ERR_pop_to_mark();
    return st;
}
