#include "key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "clock.h"
#include "error.h"
#include "key_load.h"
#include "log.h"

enum { MAX_FILE_BYTES = 1024 * 1024, WEAKEST_BITS = 1024, MAX_BITS = FIKS_SIGNATURE_MAX * 8 };

struct fiks_key {
    atomic_int refs;
    EVP_PKEY *pkey;
    STACK_OF(X509) * chain; /* leaf first; may be empty */
    fiks_buf *der;          /* of each */
    fiks_buf n, e, thumbprint;
    char name[256];
    _Atomic(EVP_MD_CTX *) signers[FIKS_RS512 + 1]; /* ready to be copied; NULL until used */
    atomic_llong warned_day; /* since 1970: of the last warning about the certificate's end */
};

/* ---- reading files ------------------------------------------------------------------------- */

static fiks_status file_error(fiks_error *err, const char *path, const char *why)
{
    return fiks_fail(err, FIKS_CREDENTIALS, "file", "cannot read %s: %s", path, why);
}

static fiks_status system_error(fiks_error *err, const char *path, int errnum)
{
    fiks_error text = {0};
    fiks_fail_errno(&text, "read", path, errnum);
    return fiks_fail(err, FIKS_CREDENTIALS, "file", "%s", text.message);
}

static fiks_status read_all(int fd, const char *path, fiks_buf *out, fiks_error *err)
{
    struct stat st;
    if (fstat(fd, &st))
        return system_error(err, path, errno);
    if (S_ISDIR(st.st_mode))
        return file_error(err, path, "it is a directory");
    if (!S_ISREG(st.st_mode))
        return file_error(err, path, "it is not a regular file");
    if (st.st_size > MAX_FILE_BYTES)
        return file_error(err, path, "larger than 1 MB, so no key or certificate");
    size_t room = (size_t)st.st_size + 1; /* one more, to meet its end */
    for (ssize_t n = 1; n != 0 && out->len <= MAX_FILE_BYTES;) {
        if (!fiks_buf_reserve(out, room))
            return fiks_fail_memory(err);
        n = read(fd, out->data + out->len, room);
        if (n < 0 && errno != EINTR)
            return system_error(err, path, errno);
        if (n > 0)
            out->len += (size_t)n;
    }
    out->data[out->len] = '\0';
    if (out->len > MAX_FILE_BYTES)
        return file_error(err, path, "larger than 1 MB, so no key or certificate");
    return out->len ? FIKS_OK : file_error(err, path, "it is empty");
}

static fiks_status read_file(const char *path, fiks_buf *out, fiks_error *err)
{
    /* O_NONBLOCK: a FIFO must not hang the caller */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return system_error(err, path, errno);
    fiks_status st = read_all(fd, path, out, err);
    close(fd);
    return st;
}

/* ---- judging what was found ---------------------------------------------------------------- */

static fiks_status check_pkey(const fiks_key *key, bool allow_weak, fiks_error *err)
{
    const EVP_PKEY *pkey = key->pkey;
    if (!EVP_PKEY_is_a(pkey, "RSA")) {
        const char *type = EVP_PKEY_get0_type_name(pkey);
        return fiks_fail(err, FIKS_CREDENTIALS, "unsupported_key",
                         "%s: the key is %s; the platform takes RSA keys only (RS256, RS384, "
                         "RS512)",
                         key->name, type ? type : "of an unknown kind");
    }
    int bits = EVP_PKEY_get_bits(pkey), least = allow_weak ? WEAKEST_BITS : FIKS_KEY_GOOD_BITS;
    if (bits < least)
        return fiks_fail(err, FIKS_CREDENTIALS, "weak_key",
                         "%s: the key has %d bits; at least %d are needed%s", key->name, bits,
                         least,
                         bits < WEAKEST_BITS ? "" : " (allow_weak accepts it, with a warning)");
    if (bits > MAX_BITS)
        return fiks_fail(err, FIKS_CREDENTIALS, "unsupported_key",
                         "%s: the key has %d bits; at most %d are supported", key->name, bits,
                         MAX_BITS);
    return FIKS_OK;
}

X509 *fiks_key_parts_leaf(const fiks_key_parts *parts)
{
    X509 *best = NULL;
    if (parts->leaf && EVP_PKEY_eq(X509_get0_pubkey(parts->leaf), parts->pkey) == 1)
        return parts->leaf;
    for (int i = 0; i < sk_X509_num(parts->certificates); i++) {
        X509 *x509 = sk_X509_value(parts->certificates, i);
        if (EVP_PKEY_eq(X509_get0_pubkey(x509), parts->pkey) != 1)
            continue;
        if (!best || fiks_asn1_seconds(X509_get0_notAfter(x509)) >
                         fiks_asn1_seconds(X509_get0_notAfter(best)))
            best = x509;
    }
    return best;
}

static fiks_status set_chain(fiks_key *key, const fiks_key_parts *parts, fiks_error *err)
{
    int found = sk_X509_num(parts->certificates);
    X509 *leaf = fiks_key_parts_leaf(parts);
    if (found > 0 && !leaf)
        return fiks_fail(err, FIKS_CREDENTIALS, "key_mismatch",
                         "%s: the private key does not belong to %s", key->name,
                         found == 1 ? "the certificate" : "any of the certificates");
    key->chain = leaf ? fiks_x509_chain(leaf, parts->certificates) : sk_X509_new_null();
    if (!key->chain)
        return fiks_fail_memory(err);
    int count = sk_X509_num(key->chain);
    key->der = calloc((size_t)count + 1, sizeof *key->der);
    fiks_status st = key->der ? FIKS_OK : fiks_fail_memory(err);
    for (int i = 0; !st && i < count; i++)
        if (!fiks_x509_der(sk_X509_value(key->chain, i), &key->der[i]))
            st = fiks_fail_memory(err);
    return st;
}

static fiks_status set_jwk(fiks_key *key, fiks_error *err)
{
    fiks_buf text = {0};
    uint8_t digest[32];
    bool ok = fiks_pkey_bn(key->pkey, OSSL_PKEY_PARAM_RSA_N, &key->n) &&
              fiks_pkey_bn(key->pkey, OSSL_PKEY_PARAM_RSA_E, &key->e) &&
              /* RFC 7638, 3.2: members in this order, no white space */
              fiks_buf_addf(&text, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", key->e.data,
                            key->n.data) &&
              EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL) == 1 &&
              fiks_base64url_add(&key->thumbprint, digest, sizeof digest);
    fiks_buf_free(&text);
    return ok ? FIKS_OK : fiks_fail_memory(err);
}

/* ---- loading ------------------------------------------------------------------------------- */

static bool starts_with(const fiks_key_source *source, const char *magic, size_t len)
{
    return source->len >= len && memcmp(source->data, magic, len) == 0;
}

static void skip_bom(fiks_key_source *source)
{
    if (starts_with(source, "\xEF\xBB\xBF", 3)) {
        source->data += 3;
        source->len -= 3;
    }
}

static char first_char(const fiks_key_source *source)
{
    size_t i = 0;
    while (i < source->len && strchr(" \t\r\n", source->data[i]) && source->data[i])
        i++;
    return i < source->len ? source->data[i] : '\0';
}

/* Formats are told apart by content: suffixes lie. */
static fiks_status load(fiks_key_source *source, fiks_key_parts *parts, fiks_error *err)
{
    skip_bom(source);
    if (starts_with(source, "\xFE\xED\xFE\xED", 4) || starts_with(source, "\xCE\xCE\xCE\xCE", 4))
        return fiks_fail(err, FIKS_CREDENTIALS, "jks",
                         "%s is a Java key store (%s): convert it with keytool -importkeystore "
                         "-srckeystore old.jks -destkeystore new.p12 -deststoretype PKCS12",
                         source->name, (uint8_t)source->data[0] == 0xFE ? "JKS" : "JCEKS");
    if (first_char(source) == '{')
        return fiks_key_load_jwk(source, parts, err);
    if (memmem(source->data, source->len, "-----BEGIN ", 11))
        return fiks_key_load_pem(source, parts, err);
    if ((uint8_t)source->data[0] == 0x30)
        return fiks_key_load_pkcs12(source, parts, err);
    return fiks_fail(
        err, FIKS_CREDENTIALS, "format", "%s is neither PKCS#12 nor PEM nor a JWK%s", source->name,
        starts_with(source, "\xFF\xFE", 2) ? ": it is UTF-16 text, save it as UTF-8" : "");
}

/* Whoever is on this machine reads what is sent, and signs as its owner. */
static void warn_if_open(const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0 && (st.st_mode & S_IROTH))
        fiks_log(FIKS_LOG_WARN,
                 "the key file %s can be read by everybody on this machine: "
                 "chmod 600 it",
                 path);
}

static fiks_status load_key(const fiks_key_options *o, const char *name, fiks_key_parts *parts,
                            fiks_error *err)
{
    fiks_buf content = {0};
    fiks_key_source source = {.name = name,
                              .data = o->data,
                              .len = o->data_bytes,
                              .password = o->password,
                              .alias = o->alias};
    fiks_status st = FIKS_OK;
    int given = !!o->file + !!o->data + !!o->uri;
    if (given != 1)
        return fiks_fail(err, FIKS_CREDENTIALS, "file", "a key needs a file, data or a uri%s",
                         given ? ", not both" : "");
    if (o->uri) {
        source.data = o->uri;
        return fiks_key_is_pkcs11(o->uri)
                   ? fiks_key_load_pkcs11(&source, parts, err)
                   : fiks_fail(err, FIKS_CREDENTIALS, "uri",
                               "the URI of a key begins with \"pkcs11:\" (RFC 7512)");
    }
    if (o->file) {
        st = read_file(o->file, &content, err);
        source.data = content.data;
        source.len = content.len;
    } else if (!source.len) {
        st = fiks_fail(err, FIKS_CREDENTIALS, "format", "%s is empty", name);
    }
    if (!st)
        st = load(&source, parts, err);
    if (!st && o->file)
        warn_if_open(o->file);
    fiks_buf_free(&content);
    return st;
}

static fiks_status load_certificate_file(const char *path, fiks_key_parts *parts, fiks_error *err)
{
    fiks_buf content = {0};
    fiks_status st = read_file(path, &content, err);
    fiks_key_source source = {.name = path, .data = content.data, .len = content.len};
    if (!st) {
        skip_bom(&source);
        st = fiks_key_load_certificates(&source, parts, err);
    }
    fiks_buf_free(&content);
    return st;
}

fiks_status fiks_key_password_error(const fiks_key_source *source, fiks_error *err)
{
    if (!source->password)
        return fiks_fail(err, FIKS_CREDENTIALS, "password_missing",
                         "%s is encrypted and no password was given", source->name);
    return fiks_fail(err, FIKS_CREDENTIALS, "wrong_password", "%s: wrong password%s", source->name,
                     source->password[0] ? "" : " (the one given is empty)");
}

fiks_status fiks_key_parts_load(const fiks_key_options *o, const char *name, fiks_key_parts *parts,
                                fiks_error *err)
{
    *parts = (fiks_key_parts){.certificates = sk_X509_new_null()};
    fiks_status st = parts->certificates ? FIKS_OK : fiks_fail_memory(err);
    if (!st)
        st = load_key(o, name, parts, err);
    if (!st && o->certificate_file)
        st = load_certificate_file(o->certificate_file, parts, err);
    return st;
}

static fiks_status fill(fiks_key *key, const fiks_key_options *o, fiks_error *err)
{
    fiks_key_parts parts;
    fiks_status st = fiks_key_parts_load(o, key->name, &parts, err);
    key->pkey = parts.pkey;
    if (!st)
        st = check_pkey(key, o->allow_weak, err);
    if (!st)
        st = set_chain(key, &parts, err);
    if (!st)
        st = set_jwk(key, err);
    parts.pkey = NULL;
    fiks_key_parts_free(&parts);
    return st;
}

/* A URI may hold a PIN. */
static void set_key_name(fiks_key *key, const fiks_key_options *o)
{
    if (o->uri && !o->name)
        fiks_key_pkcs11_name(o->uri, key->name, sizeof key->name);
    else
        fiks_error_text(key->name, sizeof key->name,
                        o->name   ? o->name
                        : o->file ? o->file
                                  : "the key given as data");
}

fiks_status fiks_key_new(const fiks_key_options *options, fiks_key **out, fiks_error *err)
{
    *out = NULL;
    fiks_key_options o = {0}; /* an older caller's struct may be shorter */
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    fiks_key *key = calloc(1, sizeof *key);
    if (!key)
        return fiks_fail_memory(err);
    atomic_init(&key->refs, 1);
    if (o.file && !o.uri && fiks_key_is_pkcs11(o.file)) {
        o.uri = o.file;
        o.file = NULL;
    }
    set_key_name(key, &o);
    ERR_set_mark();
    fiks_status st = fill(key, &o, err);
    ERR_pop_to_mark();
    if (st) {
        fiks_key_free(key);
        return st;
    }
    *out = key;
    return FIKS_OK;
}

fiks_key *fiks_key_ref(fiks_key *key)
{
    if (key)
        atomic_fetch_add(&key->refs, 1);
    return key;
}

void fiks_key_free(fiks_key *key)
{
    if (!key || atomic_fetch_sub(&key->refs, 1) != 1)
        return;
    for (size_t i = 0; i < sizeof key->signers / sizeof *key->signers; i++)
        EVP_MD_CTX_free(key->signers[i]);
    EVP_PKEY_free(key->pkey);
    for (int i = 0; key->der && i < sk_X509_num(key->chain); i++)
        fiks_buf_free(&key->der[i]);
    free(key->der);
    sk_X509_pop_free(key->chain, X509_free);
    fiks_buf_free(&key->n);
    fiks_buf_free(&key->e);
    fiks_buf_free(&key->thumbprint);
    free(key);
}

/* ---- what a key is asked ------------------------------------------------------------------- */

EVP_PKEY *fiks_key_pkey(const fiks_key *key)
{
    return key->pkey;
}

X509 *fiks_key_x509(const fiks_key *key, size_t index)
{
    return index < fiks_key_certificate_count(key) ? sk_X509_value(key->chain, (int)index) : NULL;
}

const char *fiks_key_thumbprint(const fiks_key *key)
{
    return key->thumbprint.data;
}

int fiks_key_bits(const fiks_key *key)
{
    return EVP_PKEY_get_bits(key->pkey);
}

const char *fiks_key_jwk_n(const fiks_key *key)
{
    return key->n.data;
}

const char *fiks_key_jwk_e(const fiks_key *key)
{
    return key->e.data;
}

const char *fiks_key_name(const fiks_key *key)
{
    return key->name;
}

size_t fiks_key_certificate_count(const fiks_key *key)
{
    return (size_t)sk_X509_num(key->chain);
}

const uint8_t *fiks_key_certificate(const fiks_key *key, size_t index, size_t *len)
{
    if (index >= fiks_key_certificate_count(key)) {
        *len = 0;
        return NULL;
    }
    *len = key->der[index].len;
    return (const uint8_t *)key->der[index].data;
}

fiks_status fiks_key_check_validity(const fiks_key *key, int64_t wall_ms, fiks_error *err)
{
    int64_t now = wall_ms / 1000;
    for (size_t i = 0; i < fiks_key_certificate_count(key); i++) {
        X509 *x509 = fiks_key_x509(key, i);
        int64_t from = fiks_asn1_seconds(X509_get0_notBefore(x509));
        int64_t to = fiks_asn1_seconds(X509_get0_notAfter(x509));
        if (now >= from && now <= to)
            continue;
        char subject[200], from_text[16], to_text[16];
        fiks_x509_subject(x509, subject, sizeof subject);
        fiks_date_text(from, from_text);
        fiks_date_text(to, to_text);
        bool early = now < from;
        return fiks_fail(err, FIKS_CREDENTIALS, early ? "not_yet_valid" : "expired",
                         "%s: the certificate of %s is %s (valid %s to %s): %s", key->name, subject,
                         early ? "not valid yet" : "expired", from_text, to_text,
                         early ? "check this machine's clock" : "order and install a new one");
    }
    return FIKS_OK;
}

void fiks_key_warn_expiry(const fiks_key *key, int64_t wall_ms)
{
    enum { DAY_S = 86400 };
    X509 *leaf = fiks_key_x509(key, 0);
    int64_t now = wall_ms / 1000;
    int64_t left = leaf ? fiks_asn1_seconds(X509_get0_notAfter(leaf)) - now : -1;
    if (left < 0 || left >= (int64_t)FIKS_KEY_WARN_DAYS * DAY_S)
        return;
    long long day = now / DAY_S;
    atomic_llong *warned = (atomic_llong *)(uintptr_t)&key->warned_day;
    if (atomic_exchange(warned, day) != day)
        fiks_log(FIKS_LOG_WARN, "%s: the certificate expires in %d days: order a new one",
                 key->name, (int)(left / DAY_S));
}

/* ---- using it ------------------------------------------------------------------------------ */

const EVP_MD *fiks_alg_md(fiks_alg alg)
{
    return alg == FIKS_RS512 ? EVP_sha512() : alg == FIKS_RS384 ? EVP_sha384() : EVP_sha256();
}

static EVP_MD_CTX *new_signer(const fiks_key *key, fiks_alg alg)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx && EVP_DigestSignInit(ctx, NULL, fiks_alg_md(alg), NULL, key->pkey) == 1)
        return ctx;
    EVP_MD_CTX_free(ctx);
    return NULL;
}

/*
 * Looking up the algorithms costs a twelfth of a signature, so a context that is ready is kept and
 * copied. Keys of an engine are not OpenSSL's own, and slow anyway.
 */
static EVP_MD_CTX *get_signer(const fiks_key *key, fiks_alg alg)
{
    if (!EVP_PKEY_get0_provider(key->pkey))
        return new_signer(key, alg);
    _Atomic(EVP_MD_CTX *) *place = (_Atomic(EVP_MD_CTX *) *)(uintptr_t)&key->signers[alg];
    EVP_MD_CTX *kept = atomic_load(place);
    if (!kept) {
        EVP_MD_CTX *fresh = new_signer(key, alg);
        if (!fresh)
            return NULL;
        if (atomic_compare_exchange_strong(place, &kept, fresh))
            kept = fresh;
        else
            EVP_MD_CTX_free(fresh); /* another thread was first */
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx && EVP_MD_CTX_copy_ex(ctx, kept) == 1)
        return ctx;
    EVP_MD_CTX_free(ctx);
    return NULL;
}

fiks_status fiks_key_sign(const fiks_key *key, fiks_alg alg, const void *data, size_t len,
                          uint8_t sig[FIKS_SIGNATURE_MAX], size_t *sig_len, fiks_error *err)
{
    ERR_set_mark();
    *sig_len = FIKS_SIGNATURE_MAX;
    EVP_MD_CTX *ctx = get_signer(key, alg);
    bool ok = ctx && EVP_DigestSign(ctx, sig, sig_len, data, len) == 1;
    EVP_MD_CTX_free(ctx);
    fiks_status st = ok ? FIKS_OK
                        : fiks_fail(err, FIKS_CREDENTIALS, "sign", "%s: cannot sign: %s", key->name,
                                    fiks_openssl_reason());
    ERR_pop_to_mark();
    return st;
}

static bool set_padding(EVP_PKEY_CTX *ctx, const fiks_wrap *wrap)
{
    if (!wrap->oaep) {
        /* OpenSSL 3.2 and later make up a plaintext themselves, the same one each time; what the
         * caller makes up is told from a right one. */
        EVP_PKEY_CTX_ctrl_str(ctx, "rsa_pkcs1_implicit_rejection", "0");
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
    }
    const EVP_MD *md = EVP_get_digestbynid(wrap->md_nid);
    const EVP_MD *mgf1 = EVP_get_digestbynid(wrap->mgf1_md_nid);
    if (!md || !mgf1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) <= 0 || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mgf1) <= 0)
        return false;
    if (!wrap->label_len)
        return true;
    void *label = OPENSSL_memdup(wrap->label, wrap->label_len);
    if (label && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)wrap->label_len) > 0)
        return true;
    OPENSSL_free(label);
    return false;
}

fiks_status fiks_key_unwrap(const fiks_key *key, const fiks_wrap *wrap, const uint8_t *in,
                            size_t in_len, uint8_t *out, size_t want, fiks_error *err)
{
    uint8_t plain[FIKS_SIGNATURE_MAX];
    size_t len = sizeof plain;
    fiks_status st = FIKS_OK;
    /* drawn in any case, so that success and failure take the same path */
    if (!wrap->oaep && !fiks_random(out, want))
        return fiks_fail(err, FIKS_INTERNAL, "random", "the system gives no random numbers");
    ERR_set_mark();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    bool ready = ctx && EVP_PKEY_decrypt_init(ctx) == 1 && set_padding(ctx, wrap);
    bool good = ready && EVP_PKEY_decrypt(ctx, plain, &len, in, in_len) == 1 && len == want;
    if (good)
        memcpy(out, plain, want);
    if (!ready)
        st = fiks_fail(err, FIKS_CRYPTO, "algorithm", "cannot unwrap with %s: %s", key->name,
                       fiks_openssl_reason());
    else if (!good && wrap->oaep)
        st = fiks_fail(err, FIKS_CRYPTO, "no_key", "%s does not open this message", key->name);
    EVP_PKEY_CTX_free(ctx);
    ERR_pop_to_mark();
    fiks_wipe(plain, sizeof plain);
    return st;
}
