/* The content's cipher: AES-CBC, AES-GCM, and where asked for what came before AES. */
#include "cms_internal.h"
#include "error.h"
#include "key_load.h"
#include "str.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>

/* ---- which -------------------------------------------------------------------------------------
 */

typedef enum kind { CBC, GCM, WEAK, WEAK_LEGACY, RC2 } kind;

static const struct cipher {
    int nid;
    const char *name;
    uint8_t key_len, iv_len; /* 0 = the parameters say */
    kind kind;
} ciphers[] = {
    {NID_aes_256_cbc, "AES-256-CBC", 32, 16, CBC},
    {NID_aes_192_cbc, "AES-192-CBC", 24, 16, CBC},
    {NID_aes_128_cbc, "AES-128-CBC", 16, 16, CBC},
    {NID_aes_256_gcm, "AES-256-GCM", 32, 0, GCM},
    {NID_aes_192_gcm, "AES-192-GCM", 24, 0, GCM},
    {NID_aes_128_gcm, "AES-128-GCM", 16, 0, GCM},
    {NID_des_ede3_cbc, "DES-EDE3-CBC", 24, 8, WEAK},
    {NID_des_cbc, "DES-CBC", 8, 8, WEAK_LEGACY},
    {NID_rc2_cbc, "RC2-CBC", 0, 8, RC2},
};

const char *fiks_cms_oid_text(const fiks_element *oid, char *text, size_t size)
{
    const uint8_t *at = oid->whole;
    ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)fiks_whole_len(oid));
    char dotted[80] = "an unreadable type";
    int nid = object ? OBJ_obj2nid(object) : NID_undef;
    if (object)
        OBJ_obj2txt(dotted, sizeof dotted, object, 1);
    if (nid == NID_undef)
        snprintf(text, size, "%s", dotted);
    else
        snprintf(text, size, "%s (%s)", OBJ_nid2ln(nid), dotted);
    ASN1_OBJECT_free(object);
    ERR_clear_error();
    return text;
}

static const struct cipher *find_cipher(const fiks_element *oid)
{
    const uint8_t *at = oid->whole;
    ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)fiks_whole_len(oid));
    int nid = object ? OBJ_obj2nid(object) : NID_undef;
    ASN1_OBJECT_free(object);
    for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
        if (ciphers[i].nid == nid && nid != NID_undef)
            return &ciphers[i];
    return NULL;
}

static fiks_status refuse(const fiks_element *oid, const struct cipher *found, bool authenticated,
                          fiks_error *err)
{
    char text[160];
    fiks_cms_oid_text(oid, text, sizeof text);
    if (found && (found->kind >= WEAK))
        return fiks_fail(err, FIKS_CRYPTO, "algorithm",
                         "the content is encrypted with %s, which is too weak to be accepted "
                         "unless the option legacy_ciphers asks for it",
                         text);
    return fiks_fail(err, FIKS_CRYPTO, "algorithm",
                     "the content is encrypted with %s, which is not accepted: only %s are", text,
                     authenticated ? "AES-128/192/256-GCM" : "AES-128/192/256-CBC");
}

/* ---- their parameters --------------------------------------------------------------------------
 */

/* An INTEGER that is not negative and below 2^31; -1 = it is not. */
static long small_integer(const fiks_element *from)
{
    long value = 0;
    size_t len = fiks_body_len(from);
    if (from->tag != V_ASN1_INTEGER || len == 0 || len > 4 || from->body.p[0] & 0x80)
        return -1;
    for (const uint8_t *at = from->body.p; at < from->body.end; at++)
        value = value << 8 | *at;
    return value;
}

static bool read_iv(const fiks_element *from, size_t least, size_t most, fiks_cms_secret *out)
{
    size_t len = fiks_body_len(from);
    if (from->tag != V_ASN1_OCTET_STRING || len < least || len > most)
        return false;
    memcpy(out->iv, from->body.p, len);
    out->iv_len = len;
    return true;
}

/* GCMParameters (RFC 5084, 3.2): nonce, and the tag's length, 12 to 16, when it is not 12. */
static bool read_gcm(const fiks_element *parameters, fiks_cms_secret *out)
{
    fiks_span in = parameters->body;
    fiks_element nonce, length;
    out->tag_len = 12;
    if (parameters->tag != 0x30 || !fiks_take(&in, &nonce) ||
        !read_iv(&nonce, 1, FIKS_CMS_IV_MAX, out))
        return false;
    if (in.p == in.end)
        return true;
    if (!fiks_take(&in, &length))
        return false;
    long tag_len = small_integer(&length);
    out->tag_len = (size_t)tag_len;
    return tag_len >= 12 && tag_len <= FIKS_CMS_TAG_MAX;
}

/* RC2-CBC-Parameter (RFC 3370, 5.2): a number that stands for the bits of the key, and the IV. */
static bool read_rc2(const fiks_element *parameters, fiks_cms_secret *out)
{
    fiks_span in = parameters->body;
    fiks_element version, iv;
    if (parameters->tag != 0x30 || !fiks_take(&in, &version) || !fiks_take(&in, &iv))
        return false;
    switch (small_integer(&version)) {
    case 160:
        out->key_len = 40 / 8;
        break;
    case 120:
        out->key_len = 64 / 8;
        break;
    case 58:
        out->key_len = 128 / 8;
        break;
    default:
        return false;
    }
    return read_iv(&iv, 8, 8, out);
}

fiks_status fiks_cms_read_cipher(const fiks_element *algorithm, bool legacy_ciphers,
                                 fiks_cms_secret *out, fiks_error *err)
{
    fiks_span in = algorithm->body;
    fiks_element oid, parameters;
    if (!fiks_take_tag(&in, V_ASN1_OBJECT, &oid))
        return fiks_fail(err, FIKS_CRYPTO, "structure",
                         "the CMS message is damaged: its content algorithm cannot be read");
    const struct cipher *found = find_cipher(&oid);
    if (!found || (found->kind == GCM) != out->authenticated ||
        (found->kind >= WEAK && !legacy_ciphers))
        return refuse(&oid, found, out->authenticated, err);
    out->cipher = found->name;
    out->legacy = found->kind >= WEAK_LEGACY;
    out->key_len = found->key_len;
    bool good = fiks_take(&in, &parameters);
    if (good && found->kind == GCM)
        good = read_gcm(&parameters, out);
    else if (good && found->kind == RC2)
        good = read_rc2(&parameters, out);
    else
        good = good && read_iv(&parameters, found->iv_len, found->iv_len, out);
    return good ? FIKS_OK
                : fiks_fail(err, FIKS_CRYPTO, "structure",
                            "the CMS message is damaged: the parameters of its cipher %s cannot be "
                            "read",
                            found->name);
}

/* ---- decrypting --------------------------------------------------------------------------------
 */

/* An element of GF(2^128) as GCM has them: the first bit is the lowest power. */
typedef struct field {
    uint64_t high, low;
} field;

struct fiks_cms_cipher {
    EVP_CIPHER_CTX *ctx;
    fiks_legacy legacy; /* what `ctx` is from, when it is from there */
    bool authenticated;
    field hash_key;
    uint64_t bytes;
    size_t tag_len;
};

static field load(const uint8_t bytes[16])
{
    field f = {0};
    for (int i = 0; i < 8; i++) {
        f.high = f.high << 8 | bytes[i];
        f.low = f.low << 8 | bytes[8 + i];
    }
    return f;
}

/* NIST SP 800-38D, 6.3, without branches that would depend on a secret. */
static field multiply(field x, field y)
{
    field z = {0};
    for (int i = 0; i < 128; i++) {
        uint64_t bit = i < 64 ? x.high >> (63 - i) : x.low >> (127 - i);
        uint64_t take = 0 - (bit & 1), carry = 0 - (y.low & 1);
        z.high ^= y.high & take;
        z.low ^= y.low & take;
        y.low = y.low >> 1 | y.high << 63;
        y.high = y.high >> 1 ^ (carry & 0xE100000000000000u);
    }
    return z;
}

static field power(field base, uint64_t exponent)
{
    field result = {.high = 1ull << 63}; /* one */
    for (; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = multiply(result, base);
        base = multiply(base, base);
    }
    return result;
}

static fiks_status not_started(const char *name, fiks_error *err)
{
    ERR_clear_error();
    return fiks_fail(err, FIKS_INTERNAL, "openssl", "OpenSSL cannot start %s", name);
}

/* The key of GHASH: a block of zeros, encrypted. */
static bool read_hash_key(const fiks_cms_secret *secret, field *out)
{
    static const uint8_t zeros[16];
    uint8_t block[32];
    int made = 0;
    char name[] = "AES-256-ECB";
    snprintf(name, sizeof name, "AES-%zu-ECB", 8 * secret->key_len);
    EVP_CIPHER *ecb = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = ecb && ctx && EVP_EncryptInit_ex2(ctx, ecb, secret->key, NULL, NULL) == 1 &&
                EVP_EncryptUpdate(ctx, block, &made, zeros, sizeof zeros) == 1 &&
                made == (int)sizeof zeros;
    if (good)
        *out = load(block);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(ecb);
    fiks_wipe(block, sizeof block);
    return good;
}

/* Key and IV have lengths of their own with RC2 and GCM: they are told before either. */
static bool start(fiks_cms_cipher *cipher, const EVP_CIPHER *evp, const fiks_cms_secret *secret)
{
    EVP_CIPHER_CTX *ctx = cipher->ctx;
    if (EVP_DecryptInit_ex2(ctx, evp, NULL, NULL, NULL) != 1)
        return false;
    if (secret->authenticated &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)secret->iv_len, NULL) != 1)
        return false;
    if (EVP_CIPHER_CTX_get_key_length(ctx) != (int)secret->key_len &&
        (EVP_CIPHER_CTX_set_key_length(ctx, (int)secret->key_len) != 1 ||
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_SET_RC2_KEY_BITS, 8 * (int)secret->key_len, NULL) != 1))
        return false;
    return EVP_DecryptInit_ex2(ctx, NULL, secret->key, secret->iv, NULL) == 1 &&
           (!secret->authenticated || read_hash_key(secret, &cipher->hash_key));
}

fiks_status fiks_cms_cipher_new(const fiks_cms_secret *secret, fiks_cms_cipher **out,
                                fiks_error *err)
{
    fiks_cms_cipher *cipher = *out = calloc(1, sizeof *cipher);
    if (!cipher)
        return fiks_fail_memory(err);
    cipher->authenticated = secret->authenticated;
    cipher->tag_len = secret->tag_len;
    if (secret->legacy) {
        fiks_legacy_open(&cipher->legacy);
        if (!cipher->legacy.ctx)
            return fiks_fail(err, FIKS_CRYPTO, "algorithm",
                             "%s needs OpenSSL's legacy provider, which is not installed",
                             secret->cipher);
    }
    cipher->ctx = EVP_CIPHER_CTX_new();
    EVP_CIPHER *evp = EVP_CIPHER_fetch(cipher->legacy.ctx, secret->cipher, NULL);
    bool good = cipher->ctx && evp && start(cipher, evp, secret);
    EVP_CIPHER_free(evp);
    return good ? FIKS_OK : not_started(secret->cipher, err);
}

fiks_status fiks_cms_cipher_update(fiks_cms_cipher *cipher, const uint8_t *data, size_t len,
                                   uint8_t *out, size_t *made, fiks_error *err)
{
    int got = 0;
    cipher->bytes += len;
    if (EVP_DecryptUpdate(cipher->ctx, out, &got, data, (int)len) != 1) {
        ERR_clear_error(); /* GCM ends at 64 GiB */
        return fiks_fail(err, FIKS_CRYPTO, "length",
                         "the content is longer than its cipher allows");
    }
    *made = (size_t)got;
    return FIKS_OK;
}

bool fiks_cms_cipher_pad(fiks_cms_cipher *cipher, uint8_t *out, size_t *made)
{
    int got = 0;
    bool good = EVP_DecryptFinal_ex(cipher->ctx, out, &got) == 1;
    ERR_clear_error();
    *made = good ? (size_t)got : 0;
    return good;
}

/*
 * The attributes come behind the content but are hashed before it. GHASH is a polynomial, though:
 * what they add is their own hash times H^(blocks of content + 1), and their length times H. The
 * expected tag, less that, is the one of the content alone.
 */
static field attributes_share(const fiks_cms_cipher *cipher, const uint8_t *attributes, size_t len)
{
    field sum = {0};
    for (size_t at = 0; at < len; at += 16) {
        uint8_t block[16] = {0};
        memcpy(block, attributes + at, len - at < 16 ? len - at : 16);
        field next = load(block);
        sum.high ^= next.high;
        sum.low ^= next.low;
        sum = multiply(sum, cipher->hash_key);
    }
    field length = multiply((field){.high = 8 * (uint64_t)len}, cipher->hash_key);
    sum = multiply(sum, power(cipher->hash_key, (cipher->bytes + 15) / 16 + 1));
    return (field){sum.high ^ length.high, sum.low ^ length.low};
}

bool fiks_cms_cipher_verify(fiks_cms_cipher *cipher, const uint8_t *attributes, size_t len,
                            const uint8_t *tag, size_t tag_len)
{
    uint8_t expected[FIKS_CMS_TAG_MAX], none[EVP_MAX_BLOCK_LENGTH];
    int made = 0;
    if (tag_len != cipher->tag_len)
        return false;
    field share = attributes_share(cipher, attributes, len);
    for (size_t i = 0; i < tag_len; i++) {
        uint64_t half = i < 8 ? share.high : share.low;
        expected[i] = (uint8_t)(tag[i] ^ half >> (56 - 8 * (i % 8)));
    }
    bool good =
        EVP_CIPHER_CTX_ctrl(cipher->ctx, EVP_CTRL_AEAD_SET_TAG, (int)tag_len, expected) == 1 &&
        EVP_DecryptFinal_ex(cipher->ctx, none, &made) == 1;
    ERR_clear_error();
    return good;
}

void fiks_cms_cipher_free(fiks_cms_cipher *cipher)
{
    if (!cipher)
        return;
    EVP_CIPHER_CTX_free(cipher->ctx);
    fiks_legacy_close(&cipher->legacy);
    fiks_wipe_free(cipher, sizeof *cipher);
}
