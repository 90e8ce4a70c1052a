/* PKCS#12 (RFC 7292), walked bag by bag: PKCS12_parse knows neither aliases nor several keys. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>

#include "error.h"
#include "key_load.h"

enum { MAX_ENTRIES = 256, MAX_NESTING = 4 };

typedef struct entry {
    EVP_PKEY *pkey; /* a key, or: */
    X509 *x509;     /* a certificate */
    char *name;     /* friendlyName, UTF-8; NULL = none */
    uint8_t id[32]; /* localKeyID: what ties a key to its certificate */
    size_t id_len;
} entry;

typedef struct reader {
    const fiks_key_source *source;
    PKCS12 *p12;
    const char *password; /* the one that fits; NULL differs from "" */
    OSSL_LIB_CTX *ctx;
    entry *entries;
    size_t count;
    const char *cipher; /* the last one met: for the error */
    bool unsupported_key;
} reader;

/* ---- the legacy provider ------------------------------------------------------------------- */

void fiks_legacy_open(fiks_legacy *legacy)
{
    memset(legacy, 0, sizeof *legacy);
    legacy->ctx = OSSL_LIB_CTX_new();
    if (!legacy->ctx)
        return;
    legacy->base = OSSL_PROVIDER_load(legacy->ctx, "default");
    legacy->legacy = OSSL_PROVIDER_load(legacy->ctx, "legacy");
    if (!legacy->base || !legacy->legacy)
        fiks_legacy_close(legacy);
}

void fiks_legacy_close(fiks_legacy *legacy)
{
    if (legacy->legacy)
        OSSL_PROVIDER_unload(legacy->legacy);
    if (legacy->base)
        OSSL_PROVIDER_unload(legacy->base);
    OSSL_LIB_CTX_free(legacy->ctx);
    memset(legacy, 0, sizeof *legacy);
}

/* ---- bags ---------------------------------------------------------------------------------- */

static void clear_entries(reader *r)
{
    for (size_t i = 0; i < r->count; i++) {
        EVP_PKEY_free(r->entries[i].pkey);
        X509_free(r->entries[i].x509);
        OPENSSL_free(r->entries[i].name);
    }
    r->count = 0;
}

/* Takes over pkey and x509. */
static bool add_entry(reader *r, PKCS12_SAFEBAG *bag, EVP_PKEY *pkey, X509 *x509)
{
    if (r->count == MAX_ENTRIES) {
        EVP_PKEY_free(pkey);
        X509_free(x509);
        return false;
    }
    entry *e = &r->entries[r->count++];
    *e = (entry){.pkey = pkey, .x509 = x509, .name = PKCS12_get_friendlyname(bag)};
    const ASN1_TYPE *id = PKCS12_SAFEBAG_get0_attr(bag, NID_localKeyID);
    if (id && id->type == V_ASN1_OCTET_STRING) {
        int len = ASN1_STRING_length(id->value.octet_string);
        e->id_len = len > (int)sizeof e->id ? sizeof e->id : (size_t)len;
        memcpy(e->id, ASN1_STRING_get0_data(id->value.octet_string), e->id_len);
    }
    return true;
}

static bool add_key(reader *r, PKCS12_SAFEBAG *bag, const PKCS8_PRIV_KEY_INFO *info)
{
    /* in the default context, whatever context decrypted it */
    EVP_PKEY *pkey = EVP_PKCS82PKEY(info);
    if (!pkey) {
        r->unsupported_key = true;
        return true;
    }
    return add_entry(r, bag, pkey, NULL);
}

static const char *pbe_name(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object = NULL;
    const void *parameter = NULL;
    int type = 0;
    X509_ALGOR_get0(&object, &type, &parameter, algorithm);
    return OBJ_nid2ln(OBJ_obj2nid(object));
}

static bool walk_bags(reader *r, const STACK_OF(PKCS12_SAFEBAG) * bags, int depth);

static bool read_shrouded(reader *r, PKCS12_SAFEBAG *bag)
{
    const X509_SIG *shroud = PKCS12_SAFEBAG_get0_pkcs8(bag);
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OCTET_STRING *digest = NULL;
    X509_SIG_get0(shroud, &algorithm, &digest);
    r->cipher = pbe_name(algorithm);
    PKCS8_PRIV_KEY_INFO *info = PKCS12_decrypt_skey_ex(bag, r->password, -1, r->ctx, NULL);
    bool ok = info && add_key(r, bag, info);
    PKCS8_PRIV_KEY_INFO_free(info);
    return ok;
}

static bool read_bag(reader *r, PKCS12_SAFEBAG *bag, int depth)
{
    switch (PKCS12_SAFEBAG_get_nid(bag)) {
    case NID_keyBag:
        return add_key(r, bag, PKCS12_SAFEBAG_get0_p8inf(bag));
    case NID_pkcs8ShroudedKeyBag:
        return read_shrouded(r, bag);
    case NID_certBag: {
        if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
            return true;
        X509 *x509 = PKCS12_SAFEBAG_get1_cert(bag);
        return x509 && add_entry(r, bag, NULL, x509);
    }
    case NID_safeContentsBag:
        return depth < MAX_NESTING && walk_bags(r, PKCS12_SAFEBAG_get0_safes(bag), depth + 1);
    default:
        return true;
    }
}

static bool walk_bags(reader *r, const STACK_OF(PKCS12_SAFEBAG) * bags, int depth)
{
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags); i++)
        if (!read_bag(r, sk_PKCS12_SAFEBAG_value(bags, i), depth))
            return false;
    return true;
}

static STACK_OF(PKCS12_SAFEBAG) * unpack(reader *r, PKCS7 *safe)
{
    if (PKCS7_type_is_data(safe))
        return PKCS12_unpack_p7data(safe);
    if (!PKCS7_type_is_encrypted(safe))
        return sk_PKCS12_SAFEBAG_new_null();
    if (safe->d.encrypted && safe->d.encrypted->enc_data)
        r->cipher = pbe_name(safe->d.encrypted->enc_data->algorithm);
    return PKCS12_unpack_p7encdata(safe, r->password, -1);
}

static bool read_safes(reader *r)
{
    STACK_OF(PKCS7) *safes = PKCS12_unpack_authsafes(r->p12);
    bool ok = safes != NULL;
    for (int i = 0; ok && i < sk_PKCS7_num(safes); i++) {
        STACK_OF(PKCS12_SAFEBAG) *bags = unpack(r, sk_PKCS7_value(safes, i));
        ok = bags && walk_bags(r, bags, 0);
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    }
    sk_PKCS7_pop_free(safes, PKCS7_free);
    return ok;
}

/* ---- choosing ------------------------------------------------------------------------------ */

static bool same_id(const entry *a, const entry *b)
{
    return a->id_len && a->id_len == b->id_len && memcmp(a->id, b->id, a->id_len) == 0;
}

/* The certificate of a key: by localKeyID, else any with its public key. NULL = none. */
static const entry *certificate_of(const reader *r, const entry *key)
{
    const entry *found = NULL;
    for (size_t i = 0; i < r->count; i++) {
        const entry *e = &r->entries[i];
        if (!e->x509 || EVP_PKEY_eq(X509_get0_pubkey(e->x509), key->pkey) != 1)
            continue;
        if (same_id(e, key))
            return e;
        found = found ? found : e;
    }
    return found;
}

/* Some programs put the name on the certificate only. */
static const char *name_of(const reader *r, const entry *key)
{
    const entry *certificate = key->name ? NULL : certificate_of(r, key);
    return certificate ? certificate->name : key->name;
}

static void list_names(const reader *r, char *to, size_t to_bytes)
{
    fiks_buf names = {0};
    for (size_t i = 0; i < r->count; i++) {
        const char *name = r->entries[i].pkey ? name_of(r, &r->entries[i]) : NULL;
        if (!r->entries[i].pkey)
            continue;
        fiks_buf_addf(&names, name ? "%s\"%s\"" : "%s(no name)", names.len ? ", " : "",
                      name ? name : "");
    }
    fiks_error_text(to, to_bytes, names.data);
    fiks_buf_free(&names);
}

static bool may_sign(const reader *r, const entry *key)
{
    const entry *certificate = certificate_of(r, key);
    return !certificate || (X509_get_key_usage(certificate->x509) & KU_DIGITAL_SIGNATURE);
}

/* The entries that match: those of the alias, or those fit for signing. */
static size_t count_matches(const reader *r, bool signing, const entry **first)
{
    size_t matches = 0;
    const char *alias = r->source->alias;
    *first = NULL;
    for (size_t i = 0; i < r->count; i++) {
        const entry *e = &r->entries[i];
        const char *name = e->pkey ? name_of(r, e) : NULL;
        if (!e->pkey || (alias && (!name || strcmp(name, alias) != 0)) ||
            (signing && !may_sign(r, e)))
            continue;
        *first = *first ? *first : e;
        matches++;
    }
    return matches;
}

static fiks_status choose(const reader *r, const entry **out, fiks_error *err)
{
    char names[400];
    const fiks_key_source *source = r->source;
    size_t matches = count_matches(r, false, out);
    if (matches == 1)
        return FIKS_OK;
    if (matches > 1 && !source->alias && count_matches(r, true, out) == 1)
        return FIKS_OK;
    list_names(r, names, sizeof names);
    if (!names[0])
        return fiks_fail(err, FIKS_CREDENTIALS, r->unsupported_key ? "unsupported_key" : "no_key",
                         r->unsupported_key ? "%s: its private key is of an unknown kind"
                                            : "%s holds certificates but no private key",
                         source->name);
    if (source->alias && !matches)
        return fiks_fail(err, FIKS_CREDENTIALS, "alias", "%s has no entry \"%s\"; it has %s",
                         source->name, source->alias, names);
    return fiks_fail(err, FIKS_CREDENTIALS, "alias",
                     "%s holds several keys: set alias to one of %s", source->name, names);
}

static fiks_status take(const reader *r, fiks_key_parts *parts, fiks_error *err)
{
    const entry *key = NULL;
    fiks_status st = choose(r, &key, err);
    if (st)
        return st;
    const entry *leaf = certificate_of(r, key);
    EVP_PKEY_up_ref(key->pkey);
    parts->pkey = key->pkey;
    parts->leaf = leaf ? leaf->x509 : NULL;
    for (size_t i = 0; i < r->count; i++) {
        X509 *x509 = r->entries[i].x509;
        if (x509 && !sk_X509_push(parts->certificates, x509))
            return fiks_fail_memory(err);
        if (x509)
            X509_up_ref(x509);
    }
    return FIKS_OK;
}

/* ---- passwords and contexts ---------------------------------------------------------------- */

/* Finds the password that fits. No password may mean none (NULL) or an empty one: different keys.
 */
static bool mac_fits(reader *r)
{
    const char *given = r->source->password;
    r->password = given;
    if (!PKCS12_mac_present(r->p12) || PKCS12_verify_mac(r->p12, given, -1))
        return true;
    if (given && given[0])
        return false;
    r->password = given ? NULL : "";
    return PKCS12_verify_mac(r->p12, r->password, -1);
}

static bool is_unsupported_error(void)
{
    unsigned long code;
    bool found = false;
    while ((code = ERR_get_error()) != 0) {
        int reason = ERR_GET_REASON(code);
        found =
            found || reason == ERR_R_UNSUPPORTED ||
            (ERR_GET_LIB(code) == ERR_LIB_EVP &&
             (reason == EVP_R_UNKNOWN_PBE_ALGORITHM || reason == EVP_R_UNKNOWN_CIPHER ||
              reason == EVP_R_UNSUPPORTED_ALGORITHM || reason == EVP_R_UNSUPPORTED_CIPHER)) ||
            (ERR_GET_LIB(code) == ERR_LIB_PKCS12 && reason == PKCS12_R_UNKNOWN_DIGEST_ALGORITHM);
    }
    return found;
}

static fiks_status cipher_error(const reader *r, bool have_legacy, fiks_error *err)
{
    bool sure = r->p12 && PKCS12_mac_present(r->p12);
    return fiks_fail(err, FIKS_CREDENTIALS, "unsupported_cipher",
                     "%s: %sthis OpenSSL cannot read %s%s: write the file anew with AES, e.g. "
                     "openssl pkcs12 -legacy -in old.p12 -out all.pem, then openssl pkcs12 -export "
                     "-in all.pem -out new.p12",
                     r->source->name, sure ? "the password is right, but " : "",
                     r->cipher ? r->cipher : "its encryption",
                     have_legacy ? "" : " (its \"legacy\" provider is not installed)");
}

static bool open_in(reader *r, OSSL_LIB_CTX *ctx, fiks_error *err)
{
    PKCS12_free(r->p12);
    r->ctx = ctx;
    r->p12 = PKCS12_init_ex(NID_pkcs7_data, ctx, NULL);
    const unsigned char *at = (const unsigned char *)r->source->data;
    if (r->p12 && d2i_PKCS12(&r->p12, &at, (long)r->source->len))
        return true;
    r->p12 = NULL; /* freed by a failed d2i */
    fiks_fail(err, FIKS_CREDENTIALS, "format",
              "%s starts like a PKCS#12 file but is not one, or is damaged", r->source->name);
    return false;
}

/* A file without MAC says only by failing that the password is wrong. */
static fiks_status read_with(reader *r, bool *unsupported, fiks_error *err)
{
    *unsupported = false;
    if (!mac_fits(r)) {
        if (is_unsupported_error())
            return fiks_fail(err, FIKS_CREDENTIALS, "unsupported_cipher",
                             "%s: its integrity check uses an algorithm this OpenSSL does not know",
                             r->source->name);
        return fiks_key_password_error(r->source, err);
    }
    if (read_safes(r))
        return FIKS_OK;
    *unsupported = is_unsupported_error();
    clear_entries(r);
    if (!*unsupported && !PKCS12_mac_present(r->p12) && !r->password) {
        r->password = "";
        if (read_safes(r))
            return FIKS_OK;
        *unsupported = is_unsupported_error();
        clear_entries(r);
    }
    if (*unsupported)
        return FIKS_CREDENTIALS;
    if (!PKCS12_mac_present(r->p12))
        return fiks_key_password_error(r->source, err);
    return fiks_fail(err, FIKS_CREDENTIALS, "format", "%s is damaged", r->source->name);
}

static fiks_status read_and_take(reader *r, OSSL_LIB_CTX *ctx, fiks_key_parts *parts,
                                 bool *unsupported, fiks_error *err)
{
    *unsupported = false;
    if (!open_in(r, ctx, err))
        return FIKS_CREDENTIALS;
    fiks_status st = read_with(r, unsupported, err);
    if (!st)
        st = take(r, parts, err);
    return st;
}

fiks_status fiks_key_load_pkcs12(const fiks_key_source *source, fiks_key_parts *parts,
                                 fiks_error *err)
{
    reader r = {.source = source, .entries = calloc(MAX_ENTRIES, sizeof(entry))};
    bool unsupported;
    if (!r.entries)
        return fiks_fail_memory(err);
    fiks_status st = read_and_take(&r, NULL, parts, &unsupported, err);
    if (unsupported) {
        fiks_legacy legacy;
        fiks_legacy_open(&legacy);
        if (legacy.ctx)
            st = read_and_take(&r, legacy.ctx, parts, &unsupported, err);
        if (unsupported)
            st = cipher_error(&r, legacy.ctx != NULL, err);
        /* what the file decoded to points into the context */
        clear_entries(&r);
        PKCS12_free(r.p12);
        r.p12 = NULL;
        fiks_legacy_close(&legacy);
    }
    clear_entries(&r);
    PKCS12_free(r.p12);
    free(r.entries);
    return st;
}
