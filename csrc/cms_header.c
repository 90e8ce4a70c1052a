/* What comes before the content of EnvelopedData: recipients, algorithms, the content key. */
#include "cms_internal.h"
#include "error.h"
#include "key.h"
#include "str.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

/* ---- BER in memory ------------------------------------------------------------------------- */

typedef struct span {
    const uint8_t *p, *end;
} span;

typedef struct element {
    uint8_t tag;
    bool indefinite;
    const uint8_t *whole; /* up to body.end (and the end-of-contents) */
    const uint8_t *whole_end;
    span body;
} element;

/* Reads identifier and length. The body ends at the end of `in` when it goes on beyond it. */
static bool read_head(span *in, element *out)
{
    if (in->end - in->p < 2)
        return false;
    *out = (element){.tag = in->p[0], .whole = in->p};
    size_t length = in->p[1], extra = length > 0x80 ? length & 0x7F : 0;
    const uint8_t *at = in->p + 2;
    out->indefinite = length == 0x80;
    if (extra > 8 || (size_t)(in->end - at) < extra)
        return false;
    if (extra > 0)
        length = 0;
    for (; extra > 0; extra--)
        length = length << 8 | *at++;
    if (out->indefinite || length > (size_t)(in->end - at))
        length = (size_t)(in->end - at);
    out->body = (span){at, at + length};
    return true;
}

/* The next element, complete; `in` moves past it. Depth is bounded: the walker was here before. */
static bool take(span *in, element *out)
{
    if (!read_head(in, out))
        return false;
    in->p = out->body.end;
    if (out->indefinite) {
        span inner = out->body;
        element child;
        do {
            out->body.end = inner.p;
            if (!take(&inner, &child))
                return false;
        } while (child.tag != 0);
        in->p = inner.p;
    }
    out->whole_end = in->p;
    return true;
}

/* Goes into an element that may end beyond what is in memory. */
static bool enter(span *in, uint8_t tag)
{
    element outer;
    if (!read_head(in, &outer) || outer.tag != tag)
        return false;
    *in = outer.body;
    return true;
}

static bool take_tag(span *in, uint8_t tag, element *out)
{
    return take(in, out) && out->tag == tag;
}

static size_t whole_len(const element *of)
{
    return (size_t)(of->whole_end - of->whole);
}

/* The octets of an OCTET STRING, which BER may have cut into pieces. */
static bool collect_octets(const element *from, fiks_buf *out)
{
    if (!(from->tag & 0x20))
        return fiks_buf_add(out, from->body.p, (size_t)(from->body.end - from->body.p));
    span in = from->body;
    element piece;
    while (in.p < in.end)
        if (!take(&in, &piece) || (piece.tag & 0xDF) != V_ASN1_OCTET_STRING ||
            !collect_octets(&piece, out))
            return false;
    return true;
}

static fiks_status bad_structure(fiks_error *err, const char *what)
{
    return fiks_fail(err, FIKS_CRYPTO, "structure",
                     "the CMS message is damaged: its %s cannot be read", what);
}

/* ---- names for people ---------------------------------------------------------------------- */

/* "des-ede3-cbc (1.2.840.113549.3.7)", or only the number when OpenSSL has no name for it. */
static const char *object_text(const ASN1_OBJECT *object, char *text, size_t size)
{
    char dotted[80] = "";
    int nid = OBJ_obj2nid(object);
    OBJ_obj2txt(dotted, sizeof dotted, object, 1);
    if (nid == NID_undef)
        snprintf(text, size, "%s", dotted);
    else
        snprintf(text, size, "%s (%s)", OBJ_nid2ln(nid), dotted);
    return text;
}

static void add_issuer(fiks_buf *to, const element *issuer)
{
    const uint8_t *at = issuer->whole;
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)whole_len(issuer));
    BIO *memory = BIO_new(BIO_s_mem());
    char *text;
    if (name && memory &&
        X509_NAME_print_ex(memory, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long len = BIO_get_mem_data(memory, &text);
        fiks_buf_add(to, text, (size_t)len);
    } else {
        fiks_buf_adds(to, "(unreadable)");
    }
    BIO_free(memory);
    X509_NAME_free(name);
}

static void add_serial(fiks_buf *to, const element *serial)
{
    const uint8_t *at = serial->whole;
    ASN1_INTEGER *number = d2i_ASN1_INTEGER(NULL, &at, (long)whole_len(serial));
    BIGNUM *big = number ? ASN1_INTEGER_to_BN(number, NULL) : NULL;
    char *hex = big ? BN_bn2hex(big) : NULL, *decimal = big ? BN_bn2dec(big) : NULL;
    if (hex && decimal && BN_num_bits(big) <= 64)
        fiks_buf_addf(to, "serial %s (%s)", hex, decimal);
    else
        fiks_buf_addf(to, "serial %s", hex ? hex : "(unreadable)");
    OPENSSL_free(hex);
    OPENSSL_free(decimal);
    BN_free(big);
    ASN1_INTEGER_free(number);
}

/* Whose certificate the entry was made for. */
static void add_recipient(fiks_buf *to, const element *rid)
{
    span in = rid->body;
    element issuer, serial;
    if (rid->tag == 0x30 && take(&in, &issuer) && take(&in, &serial)) {
        fiks_buf_adds(to, "the certificate with ");
        add_serial(to, &serial);
        fiks_buf_adds(to, " issued by ");
        add_issuer(to, &issuer);
    } else {
        fiks_buf_adds(to, "the key with identifier ");
        fiks_hex_add(to, rid->body.p, (size_t)(rid->body.end - rid->body.p));
    }
    ERR_clear_error();
}

/* ---- recipients ---------------------------------------------------------------------------- */

/* One KeyTransRecipientInfo (RFC 5652, 6.2.1). */
typedef struct entry {
    element rid;
    X509_ALGOR *algorithm;   /* owned */
    RSA_OAEP_PARAMS *params; /* owned; what wrap.label points into */
    fiks_buf encrypted;      /* owned */
    fiks_wrap wrap;
} entry;

static void free_entry(entry *one)
{
    X509_ALGOR_free(one->algorithm);
    RSA_OAEP_PARAMS_free(one->params);
    fiks_buf_free(&one->encrypted);
    memset(one, 0, sizeof *one);
}

static X509_ALGOR *read_algorithm(const element *from)
{
    const uint8_t *at = from->whole;
    return d2i_X509_ALGOR(NULL, &at, (long)whole_len(from));
}

/* SHA-1 where absent, as RFC 4055, 3.1 says; NID_undef when it is no SHA. */
static int sha_nid(const X509_ALGOR *algorithm)
{
    if (!algorithm)
        return NID_sha1;
    int nid = OBJ_obj2nid(algorithm->algorithm);
    bool known = nid == NID_sha1 || nid == NID_sha224 || nid == NID_sha256 || nid == NID_sha384 ||
                 nid == NID_sha512;
    return known ? nid : NID_undef;
}

/* The hash of MGF1; absent means MGF1 with SHA-1. */
static int mgf1_nid(const X509_ALGOR *mask)
{
    if (!mask)
        return NID_sha1;
    if (OBJ_obj2nid(mask->algorithm) != NID_mgf1 || !mask->parameter ||
        mask->parameter->type != V_ASN1_SEQUENCE)
        return NID_undef;
    X509_ALGOR *hash = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), mask->parameter);
    int nid = hash ? sha_nid(hash) : NID_undef;
    X509_ALGOR_free(hash);
    return nid;
}

static bool read_label(const X509_ALGOR *source, fiks_wrap *wrap)
{
    if (!source)
        return true;
    if (OBJ_obj2nid(source->algorithm) != NID_pSpecified || !source->parameter ||
        source->parameter->type != V_ASN1_OCTET_STRING)
        return false;
    const ASN1_OCTET_STRING *label = source->parameter->value.octet_string;
    wrap->label = ASN1_STRING_get0_data(label);
    wrap->label_len = (size_t)ASN1_STRING_length(label);
    return true;
}

/* RSAES-OAEP-params. Absent means every default. */
static bool read_oaep(entry *one)
{
    const ASN1_TYPE *parameter = one->algorithm->parameter;
    one->wrap = (fiks_wrap){.oaep = true, .md_nid = NID_sha1, .mgf1_md_nid = NID_sha1};
    if (!parameter || parameter->type == V_ASN1_NULL)
        return true;
    one->params = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_OAEP_PARAMS), parameter);
    if (!one->params)
        return false;
    one->wrap.md_nid = sha_nid(one->params->hashFunc);
    one->wrap.mgf1_md_nid = mgf1_nid(one->params->maskGenFunc);
    return one->wrap.md_nid != NID_undef && one->wrap.mgf1_md_nid != NID_undef &&
           read_label(one->params->pSourceFunc, &one->wrap);
}

/* False when it is another kind of recipient, or cannot be read. */
static bool read_entry(const element *from, entry *out)
{
    span in = from->body;
    element version, algorithm, encrypted;
    memset(out, 0, sizeof *out);
    if (from->tag != 0x30 || !take_tag(&in, V_ASN1_INTEGER, &version) || !take(&in, &out->rid) ||
        !take_tag(&in, 0x30, &algorithm) || !take(&in, &encrypted) ||
        (encrypted.tag & 0xDF) != V_ASN1_OCTET_STRING)
        return false;
    out->algorithm = read_algorithm(&algorithm);
    return out->algorithm && collect_octets(&encrypted, &out->encrypted);
}

enum { OTHER_WRAP, OAEP, PKCS1 };

static int entry_kind(entry *one)
{
    int nid = OBJ_obj2nid(one->algorithm->algorithm);
    if (nid == NID_rsaesOaep)
        return read_oaep(one) ? OAEP : OTHER_WRAP;
    return nid == NID_rsaEncryption ? PKCS1 : OTHER_WRAP;
}

/* What is being looked for, and what was met on the way. */
typedef struct search {
    fiks_key *const *keys;
    size_t key_count;
    size_t want; /* bytes of the content key */
    size_t seen, oaep, pkcs1;
    element first;         /* rid of the first readable entry */
    char unsupported[160]; /* the algorithm of one that is neither */
    fiks_cms_secret *secret;
} search;

static bool oaep_fits(search *find, const entry *one)
{
    for (size_t i = 0; i < find->key_count; i++) {
        if (fiks_key_unwrap(find->keys[i], &one->wrap, (const uint8_t *)one->encrypted.data,
                            one->encrypted.len, find->secret->key, find->want, NULL))
            continue;
        find->secret->key_index = i;
        return true;
    }
    return false;
}

/*
 * With v1.5 a wrong key silently gives a random content key, so that nobody can be asked whether
 * the padding was right. Whether a key fits is told by unwrapping twice: only the right one gives
 * the same again. Nobody learns of it before the content has ended, where it looks like damage; CBC
 * padding alone would let noise through once in 256 times.
 */
static bool pkcs1_fits(search *find, const entry *one)
{
    uint8_t again[sizeof find->secret->key];
    bool fits = false;
    for (size_t i = 0; i < find->key_count && !fits; i++) {
        const uint8_t *in = (const uint8_t *)one->encrypted.data;
        if (fiks_key_unwrap(find->keys[i], &one->wrap, in, one->encrypted.len, find->secret->key,
                            find->want, NULL))
            continue;
        find->secret->key_index = i;
        find->secret->pkcs1 = true;
        fits = !fiks_key_unwrap(find->keys[i], &one->wrap, in, one->encrypted.len, again,
                                find->want, NULL) &&
               memcmp(again, find->secret->key, find->want) == 0;
        find->secret->doubtful = !fits;
    }
    fiks_wipe(again, sizeof again);
    return fits;
}

static void note(search *find, const entry *one, int kind)
{
    if (find->seen++ == 0)
        find->first = one->rid;
    find->oaep += kind == OAEP;
    find->pkcs1 += kind == PKCS1;
    if (kind == OTHER_WRAP)
        object_text(one->algorithm->algorithm, find->unsupported, sizeof find->unsupported);
}

static bool same_rid(const element *a, const element *b)
{
    return whole_len(a) == whole_len(b) && memcmp(a->whole, b->whole, whole_len(a)) == 0;
}

/* Is there an OAEP entry for the same certificate (as .NET senders write both)? It did not open, so
 * the v1.5 one will not either, and asking it would only blur the error. */
static bool has_oaep_twin(span recipients, const element *rid)
{
    bool found = false;
    element from;
    while (!found && recipients.p < recipients.end && take(&recipients, &from)) {
        entry one;
        found = read_entry(&from, &one) && same_rid(&one.rid, rid) && entry_kind(&one) == OAEP;
        free_entry(&one);
    }
    return found;
}

/* Tries every entry of one kind. The first round also counts them all. */
static bool try_entries(search *find, const span *recipients, int kind)
{
    bool found = false;
    span in = *recipients;
    element from;
    while (!found && in.p < in.end && take(&in, &from)) {
        entry one;
        int is = read_entry(&from, &one) ? entry_kind(&one) : -1;
        if (is >= 0 && kind == OAEP)
            note(find, &one, is);
        if (is == OAEP && kind == OAEP)
            found = oaep_fits(find, &one);
        else if (is == PKCS1 && kind == PKCS1 && !has_oaep_twin(*recipients, &one.rid))
            found = pkcs1_fits(find, &one);
        free_entry(&one);
    }
    ERR_clear_error();
    return found;
}

static fiks_status no_key(const search *find, fiks_error *err)
{
    if (find->seen == 0)
        return fiks_fail(err, FIKS_CRYPTO, "no_recipient",
                         "the CMS message has no recipient with an RSA key (key transport)");
    if (find->oaep + find->pkcs1 == 0)
        return fiks_fail(err, FIKS_CRYPTO, "algorithm",
                         "the content key is wrapped with %s, which is not accepted: only RSA-OAEP "
                         "with SHA hashes and PKCS#1 v1.5 are",
                         find->unsupported);
    fiks_buf text = {0};
    add_recipient(&text, &find->first);
    if (find->seen > 1)
        fiks_buf_addf(&text, " (and %zu more)", find->seen - 1);
    fiks_buf_adds(&text, "; tried:");
    for (size_t i = 0; i < find->key_count; i++)
        fiks_buf_addf(&text, "%s %s", i ? "," : "", fiks_key_name(find->keys[i]));
    fiks_status status =
        text.failed ? fiks_fail_memory(err)
                    : fiks_fail(err, FIKS_CRYPTO, "no_key",
                                "no key opens the message: it is encrypted for %s", text.data);
    fiks_buf_free(&text);
    return status;
}

/* ---- the content --------------------------------------------------------------------------- */

static bool read_iv(const X509_ALGOR *algorithm, fiks_cms_secret *out)
{
    const ASN1_TYPE *parameter = algorithm->parameter;
    if (!parameter || parameter->type != V_ASN1_OCTET_STRING ||
        ASN1_STRING_length(parameter->value.octet_string) != (int)sizeof out->iv)
        return false;
    memcpy(out->iv, ASN1_STRING_get0_data(parameter->value.octet_string), sizeof out->iv);
    return true;
}

static fiks_status read_cipher(const X509_ALGOR *algorithm, size_t *key_bytes, fiks_cms_secret *out,
                               fiks_error *err)
{
    char text[160];
    switch (OBJ_obj2nid(algorithm->algorithm)) {
    case NID_aes_128_cbc:
        out->cipher = "AES-128-CBC";
        *key_bytes = 16;
        break;
    case NID_aes_192_cbc:
        out->cipher = "AES-192-CBC";
        *key_bytes = 24;
        break;
    case NID_aes_256_cbc:
        out->cipher = "AES-256-CBC";
        *key_bytes = 32;
        break;
    default:
        return fiks_fail(err, FIKS_CRYPTO, "algorithm",
                         "the content is encrypted with %s, which is not accepted: only "
                         "AES-128/192/256-CBC are",
                         object_text(algorithm->algorithm, text, sizeof text));
    }
    return read_iv(algorithm, out) ? FIKS_OK : bad_structure(err, "initialisation vector");
}

fiks_status fiks_cms_check_type(const uint8_t *head, size_t len, fiks_error *err)
{
    static const uint8_t enveloped[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03};
    span in = {head, head + len};
    element type;
    char text[160] = "an unreadable type";
    if (!enter(&in, 0x30) || !take_tag(&in, V_ASN1_OBJECT, &type))
        return bad_structure(err, "type");
    if (type.body.end - type.body.p == (ptrdiff_t)sizeof enveloped &&
        memcmp(type.body.p, enveloped, sizeof enveloped) == 0)
        return FIKS_OK;
    const uint8_t *at = type.whole;
    ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long)whole_len(&type));
    if (object)
        object_text(object, text, sizeof text);
    ASN1_OBJECT_free(object);
    ERR_clear_error();
    return fiks_fail(err, FIKS_CRYPTO, "content_type",
                     "the CMS message is %s, not encrypted content (EnvelopedData)", text);
}

/* Finds recipientInfos and contentEncryptionAlgorithm (RFC 5652, 6.1). */
static bool locate(const uint8_t *head, size_t len, element *recipients, element *algorithm)
{
    span in = {head, head + len};
    element skipped;
    if (!enter(&in, 0x30) || !take(&in, &skipped) || !enter(&in, 0xA0) || !enter(&in, 0x30) ||
        !take_tag(&in, V_ASN1_INTEGER, &skipped) || !take(&in, recipients))
        return false;
    if (recipients->tag == 0xA0 && !take(&in, recipients))
        return false;
    return recipients->tag == 0x31 && enter(&in, 0x30) && take_tag(&in, V_ASN1_OBJECT, &skipped) &&
           take_tag(&in, 0x30, algorithm);
}

fiks_status fiks_cms_open(const uint8_t *head, size_t len, fiks_key *const *keys, size_t key_count,
                          fiks_cms_secret *out, fiks_error *err)
{
    search find = {.keys = keys, .key_count = key_count, .secret = out};
    element recipients, content;
    if (!locate(head, len, &recipients, &content))
        return bad_structure(err, "header");
    X509_ALGOR *algorithm = read_algorithm(&content);
    fiks_status status = algorithm ? read_cipher(algorithm, &find.want, out, err)
                                   : bad_structure(err, "content algorithm");
    X509_ALGOR_free(algorithm);
    ERR_clear_error();
    if (status)
        return status;
    if (try_entries(&find, &recipients.body, OAEP) || try_entries(&find, &recipients.body, PKCS1))
        return FIKS_OK;
    /* A random key instead: what follows fails as damaged content would. */
    return out->pkcs1 ? FIKS_OK : no_key(&find, err);
}
