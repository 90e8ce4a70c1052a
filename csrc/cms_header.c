/* What comes before the content of EnvelopedData: recipients, algorithms, the content key. */
#include "cms_ber.h"
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

static fiks_status bad_structure(fiks_error *err, const char *what)
{
    return fiks_fail(err, FIKS_CRYPTO, "structure",
                     "the CMS message is damaged: its %s cannot be read", what);
}

/* ---- names for people ---------------------------------------------------------------------- */

static void add_issuer(fiks_buf *to, const fiks_element *issuer)
{
    const uint8_t *at = issuer->whole;
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)fiks_whole_len(issuer));
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

static void add_serial(fiks_buf *to, const fiks_element *serial)
{
    const uint8_t *at = serial->whole;
    ASN1_INTEGER *number = d2i_ASN1_INTEGER(NULL, &at, (long)fiks_whole_len(serial));
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
static void add_recipient(fiks_buf *to, const fiks_element *rid)
{
    fiks_span in = rid->body;
    fiks_element issuer, serial;
    if (rid->tag == 0x30 && fiks_take(&in, &issuer) && fiks_take(&in, &serial)) {
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
    fiks_element rid, oid;
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

static X509_ALGOR *read_algorithm(const fiks_element *from)
{
    const uint8_t *at = from->whole;
    return d2i_X509_ALGOR(NULL, &at, (long)fiks_whole_len(from));
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
static bool read_entry(const fiks_element *from, entry *out)
{
    fiks_span in = from->body;
    fiks_element version, algorithm, encrypted;
    memset(out, 0, sizeof *out);
    if (from->tag != 0x30 || !fiks_take_tag(&in, V_ASN1_INTEGER, &version) ||
        !fiks_take(&in, &out->rid) || !fiks_take_tag(&in, 0x30, &algorithm) ||
        !fiks_take(&in, &encrypted) || (encrypted.tag & 0xDF) != V_ASN1_OCTET_STRING)
        return false;
    in = algorithm.body;
    if (!fiks_take_tag(&in, V_ASN1_OBJECT, &out->oid))
        return false;
    out->algorithm = read_algorithm(&algorithm);
    return out->algorithm && fiks_collect_octets(&encrypted, &out->encrypted);
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
    fiks_element first;    /* rid of the first readable entry */
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
 * padding alone would let noise through once in 256 times. Every key is asked about every entry,
 * also behind the one that fits: as many steps whichever it is.
 */
static void try_pkcs1(search *find, const entry *one)
{
    fiks_cms_secret *secret = find->secret;
    uint8_t first[sizeof secret->key], again[sizeof secret->key];
    for (size_t i = 0; i < find->key_count; i++) {
        const uint8_t *in = (const uint8_t *)one->encrypted.data;
        if (fiks_key_unwrap(find->keys[i], &one->wrap, in, one->encrypted.len, first, find->want,
                            NULL) ||
            fiks_key_unwrap(find->keys[i], &one->wrap, in, one->encrypted.len, again, find->want,
                            NULL))
            continue;
        bool fits = CRYPTO_memcmp(again, first, find->want) == 0;
        if (fits ? !secret->pkcs1 || secret->doubtful : !secret->pkcs1) {
            memcpy(secret->key, first, find->want);
            secret->key_index = i;
            secret->doubtful = !fits;
        }
        secret->pkcs1 = true;
    }
    fiks_wipe(first, sizeof first);
    fiks_wipe(again, sizeof again);
}

static void note(search *find, const entry *one, int kind)
{
    if (find->seen++ == 0)
        find->first = one->rid;
    find->oaep += kind == OAEP;
    find->pkcs1 += kind == PKCS1;
    if (kind == OTHER_WRAP)
        fiks_cms_oid_text(&one->oid, find->unsupported, sizeof find->unsupported);
}

static bool same_rid(const fiks_element *a, const fiks_element *b)
{
    return fiks_whole_len(a) == fiks_whole_len(b) &&
           memcmp(a->whole, b->whole, fiks_whole_len(a)) == 0;
}

/* Is there an OAEP entry for the same certificate (as .NET senders write both)? It did not open, so
 * the v1.5 one will not either, and asking it would only blur the error. */
static bool has_oaep_twin(fiks_span recipients, const fiks_element *rid)
{
    bool found = false;
    fiks_element from;
    while (!found && recipients.p < recipients.end && fiks_take(&recipients, &from)) {
        entry one;
        found = read_entry(&from, &one) && same_rid(&one.rid, rid) && entry_kind(&one) == OAEP;
        free_entry(&one);
    }
    return found;
}

/* Tries every entry of one kind; true when an OAEP one fits. The first round also counts them all.
 */
static bool try_entries(search *find, const fiks_span *recipients, int kind)
{
    bool found = false;
    fiks_span in = *recipients;
    fiks_element from;
    while (!found && in.p < in.end && fiks_take(&in, &from)) {
        entry one;
        int is = read_entry(&from, &one) ? entry_kind(&one) : -1;
        if (is >= 0 && kind == OAEP)
            note(find, &one, is);
        if (is == OAEP && kind == OAEP)
            found = oaep_fits(find, &one);
        else if (is == PKCS1 && kind == PKCS1 && !has_oaep_twin(*recipients, &one.rid))
            try_pkcs1(find, &one);
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

/* ---- the message --------------------------------------------------------------------------- */

fiks_status fiks_cms_check_type(const uint8_t *head, size_t len, bool *authenticated,
                                fiks_error *err)
{
    static const uint8_t enveloped[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x03};
    static const uint8_t auth_enveloped[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D,
                                             0x01, 0x09, 0x10, 0x01, 0x17};
    fiks_span in = {head, head + len};
    fiks_element type;
    char text[160];
    if (!fiks_enter(&in, 0x30) || !fiks_take_tag(&in, V_ASN1_OBJECT, &type))
        return bad_structure(err, "type");
    *authenticated = fiks_body_len(&type) == sizeof auth_enveloped &&
                     memcmp(type.body.p, auth_enveloped, sizeof auth_enveloped) == 0;
    if (*authenticated || (fiks_body_len(&type) == sizeof enveloped &&
                           memcmp(type.body.p, enveloped, sizeof enveloped) == 0))
        return FIKS_OK;
    return fiks_fail(err, FIKS_CRYPTO, "content_type",
                     "the CMS message is %s, not encrypted content (EnvelopedData)",
                     fiks_cms_oid_text(&type, text, sizeof text));
}

/* Finds recipientInfos and contentEncryptionAlgorithm (RFC 5652, 6.1; RFC 5083, 2.1). */
static bool locate(const uint8_t *head, size_t len, fiks_element *recipients,
                   fiks_element *algorithm)
{
    fiks_span in = {head, head + len};
    fiks_element skipped;
    if (!fiks_enter(&in, 0x30) || !fiks_take(&in, &skipped) || !fiks_enter(&in, 0xA0) ||
        !fiks_enter(&in, 0x30) || !fiks_take_tag(&in, V_ASN1_INTEGER, &skipped) ||
        !fiks_take(&in, recipients))
        return false;
    if (recipients->tag == 0xA0 && !fiks_take(&in, recipients))
        return false;
    return recipients->tag == 0x31 && fiks_enter(&in, 0x30) &&
           fiks_take_tag(&in, V_ASN1_OBJECT, &skipped) && fiks_take_tag(&in, 0x30, algorithm);
}

fiks_status fiks_cms_open(const uint8_t *head, size_t len, fiks_key *const *keys, size_t key_count,
                          bool legacy_ciphers, fiks_cms_secret *out, fiks_error *err)
{
    search find = {.keys = keys, .key_count = key_count, .secret = out};
    fiks_element recipients, algorithm;
    if (!locate(head, len, &recipients, &algorithm))
        return bad_structure(err, "header");
    fiks_status status = fiks_cms_read_cipher(&algorithm, legacy_ciphers, out, err);
    if (status)
        return status;
    find.want = out->key_len;
    if (try_entries(&find, &recipients.body, OAEP))
        return FIKS_OK;
    try_entries(&find, &recipients.body, PKCS1);
    /* Perhaps a random key instead: what follows fails as damaged content would. */
    return out->pkcs1 ? FIKS_OK : no_key(&find, err);
}
