#include "cms.h"

#include "ber.h"
#include "cms_internal.h"
#include "cms_pem.h"
#include "error.h"
#include "key.h"
#include "str.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_MAX = 64 << 10, /* before the content, and behind it */
    OUT_BYTES = 112 << 10, /* below what malloc maps anew each time */
    OUT_SLACK = 1 << 10,   /* flushed when less is free: no tiny pieces */
    SNIFF_BYTES = 64
};

/* What an open element is. */
typedef enum role {
    OUTSIDE,
    CONTENT_INFO,
    EXPLICIT,
    ENVELOPED,
    AUTH_ENVELOPED,
    ENCRYPTED,
    CONTENT,
    ATTRIBUTES, /* authAttrs */
    TAG,        /* mac */
    OTHER
} role;

struct fiks_cms_reader {
    fiks_key **keys;
    size_t key_count;
    bool legacy_ciphers;
    fiks_cms_data_fn data;
    void *to;

    fiks_cms_pem pem;
    fiks_ber ber;
    role roles[FIKS_BER_DEPTH + 1];
    uint8_t ranks[FIKS_BER_DEPTH + 1]; /* of the last child seen, where their order is fixed */
    fiks_buf head;                     /* everything up to the content */
    uint64_t tail;                     /* bytes behind the content */
    fiks_buf attributes;               /* authAttrs, without identifier and length */
    uint8_t tag[FIKS_CMS_TAG_MAX];
    size_t tag_len;
    bool in_content, content_done, complete, trailing, authenticated, pkcs1, doubtful;
    size_t key_index;

    fiks_cms_cipher *cipher;
    uint8_t *out;
    size_t out_len;
    uint64_t bytes;
    fiks_status failed;
};

fiks_status fiks_cms_reader_new(const fiks_cms_options *options, fiks_cms_data_fn data, void *to,
                                fiks_cms_reader **out, fiks_error *err)
{
    *out = NULL;
    if (options->key_count == 0)
        return fiks_fail(err, FIKS_INVALID, "keys", "no key to decrypt with was given");
    fiks_cms_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return fiks_fail_memory(err);
    reader->data = data;
    reader->to = to;
    reader->legacy_ciphers = options->legacy_ciphers;
    reader->keys = calloc(options->key_count, sizeof *reader->keys);
    reader->out = malloc(OUT_BYTES);
    if (!reader->keys || !reader->out) {
        fiks_cms_reader_free(reader);
        return fiks_fail_memory(err);
    }
    for (; reader->key_count < options->key_count; reader->key_count++)
        reader->keys[reader->key_count] = fiks_key_ref(options->keys[reader->key_count]);
    *out = reader;
    return FIKS_OK;
}

void fiks_cms_reader_free(fiks_cms_reader *reader)
{
    if (!reader)
        return;
    for (size_t i = 0; i < reader->key_count; i++)
        fiks_key_free(reader->keys[i]);
    free(reader->keys);
    fiks_buf_free(&reader->head);
    fiks_buf_free(&reader->attributes);
    fiks_cms_cipher_free(reader->cipher);
    fiks_wipe_free(reader->out, OUT_BYTES);
    free(reader);
}

size_t fiks_cms_reader_key(const fiks_cms_reader *reader)
{
    return reader->key_index;
}

uint64_t fiks_cms_reader_bytes(const fiks_cms_reader *reader)
{
    return reader->bytes;
}

bool fiks_cms_reader_trailing(const fiks_cms_reader *reader)
{
    return reader->trailing || reader->pem.trailing;
}

bool fiks_cms_reader_authenticated(const fiks_cms_reader *reader)
{
    return reader->authenticated;
}

/* ---- failures ------------------------------------------------------------------------------ */

static fiks_status bad_structure(fiks_error *err, const char *what)
{
    return fiks_fail(err, FIKS_CRYPTO, "structure", "the CMS message is damaged: %s", what);
}

/* For what a new download may mend. */
static fiks_status may_retry(fiks_status status, fiks_error *err)
{
    if (err)
        err->retryable = true;
    return status;
}

/* Names what was sent instead of CMS; NULL = nothing we know. */
static const char *looks_like(const uint8_t *at, size_t len)
{
    static const struct {
        const char *start, *name;
    } known[] = {
        {"%PDF", "a PDF that is not encrypted"},
        {"PK", "a zip (or docx) that is not encrypted"},
        {"-----BEGIN", "PEM text of another kind"},
        {"MII", "Base64 text, where the binary form is expected"},
        {"MIA", "Base64 text, where the binary form is expected"},
        {"<", "HTML or XML"},
        {"{", "JSON"},
        {"[", "JSON"},
    };
    if (len >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        at += 3, len -= 3;
    while (len > 0 && strchr(" \t\r\n", *at) && *at)
        at++, len--;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i].start);
        if (n <= len && memcmp(at, known[i].start, n) == 0)
            return known[i].name;
    }
    return NULL;
}

static fiks_status not_cms(const uint8_t *start, size_t len, fiks_error *err)
{
    const char *name = looks_like(start, len);
    if (name)
        return fiks_fail(err, FIKS_CRYPTO, "not_cms", "not an encrypted (CMS) message: it is %s",
                         name);
    return fiks_fail(err, FIKS_CRYPTO, "not_cms",
                     "not an encrypted (CMS) message: it starts with byte 0x%02x", start[0]);
}

/* ---- content ------------------------------------------------------------------------------- */

static fiks_status flush(fiks_cms_reader *reader, fiks_error *err)
{
    size_t len = reader->out_len;
    reader->out_len = 0;
    reader->bytes += len;
    return len ? reader->data(reader->to, reader->out, len, err) : FIKS_OK;
}

static fiks_status decrypt(fiks_cms_reader *reader, const uint8_t *data, size_t len,
                           fiks_error *err)
{
    fiks_status status = FIKS_OK;
    while (len > 0 && !status) {
        size_t room = OUT_BYTES - reader->out_len - EVP_MAX_BLOCK_LENGTH, made = 0;
        size_t piece = len < room ? len : room;
        status = fiks_cms_cipher_update(reader->cipher, data, piece, reader->out + reader->out_len,
                                        &made, err);
        reader->out_len += made;
        data += piece;
        len -= piece;
        if (!status && OUT_BYTES - reader->out_len < OUT_SLACK + EVP_MAX_BLOCK_LENGTH)
            status = flush(reader, err);
    }
    return status;
}

static fiks_status damaged(const fiks_cms_reader *reader, fiks_error *err)
{
    const char *code = reader->authenticated ? "tag" : "padding";
    const char *what = reader->authenticated ? "its authentication tag does not match"
                                             : "its last block does not decrypt";
    fiks_status status =
        reader->pkcs1 ? fiks_fail(err, FIKS_INTEGRITY, code,
                                  "the content does not decrypt: it is damaged, or no key fits")
                      : fiks_fail(err, FIKS_INTEGRITY, code, "the content is damaged: %s", what);
    return may_retry(status, err);
}

static fiks_status end_content(fiks_cms_reader *reader, fiks_error *err)
{
    size_t made = 0;
    reader->in_content = false;
    reader->content_done = true;
    if (!reader->authenticated) {
        bool good = fiks_cms_cipher_pad(reader->cipher, reader->out + reader->out_len, &made);
        if (!good || reader->doubtful)
            return damaged(reader, err);
    }
    reader->out_len += made;
    return flush(reader, err);
}

/* The attributes are authenticated as a SET in DER, whatever they are tagged and wrapped as. */
static fiks_status check_tag(fiks_cms_reader *reader, fiks_error *err)
{
    fiks_buf set = {0};
    if (reader->attributes.len > 0) {
        size_t len = reader->attributes.len;
        uint8_t head[] = {0x31, 0x83, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len};
        size_t digits = len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;
        head[1] = digits ? (uint8_t)(0x80 | digits) : (uint8_t)len;
        fiks_buf_add(&set, head, 2);
        fiks_buf_add(&set, head + sizeof head - digits, digits);
        fiks_buf_add(&set, reader->attributes.data, len);
    }
    bool good = fiks_cms_cipher_verify(reader->cipher, (const uint8_t *)set.data, set.len,
                                       reader->tag, reader->tag_len);
    fiks_status status = set.failed || reader->attributes.failed ? fiks_fail_memory(err) : FIKS_OK;
    fiks_buf_free(&set);
    if (status)
        return status;
    return good && !reader->doubtful ? FIKS_OK : damaged(reader, err);
}

static fiks_status start_content(fiks_cms_reader *reader, fiks_error *err)
{
    fiks_cms_secret secret = {.authenticated = reader->authenticated};
    fiks_status status =
        fiks_cms_open((const uint8_t *)reader->head.data, reader->head.len, reader->keys,
                      reader->key_count, reader->legacy_ciphers, &secret, err);
    if (!status)
        status = fiks_cms_cipher_new(&secret, &reader->cipher, err);
    reader->in_content = true;
    reader->key_index = secret.key_index;
    reader->pkcs1 = secret.pkcs1;
    reader->doubtful = secret.doubtful;
    fiks_wipe(&secret, sizeof secret);
    fiks_buf_free(&reader->head);
    return status;
}

/* ---- structure ----------------------------------------------------------------------------- */

/* The children an element has in their order (RFC 5652, 3 and 6.1; RFC 5083, 2.1). */
static const struct place {
    role parent;
    uint8_t tag, rank;
    role child;
} places[] = {
    {CONTENT_INFO, 0x06, 1, OTHER},       {CONTENT_INFO, 0xA0, 2, EXPLICIT},
    {ENVELOPED, 0x02, 1, OTHER},          {ENVELOPED, 0xA0, 2, OTHER},
    {ENVELOPED, 0x31, 3, OTHER},          {ENVELOPED, 0x30, 4, ENCRYPTED},
    {ENVELOPED, 0xA1, 5, OTHER},          {AUTH_ENVELOPED, 0x02, 1, OTHER},
    {AUTH_ENVELOPED, 0xA0, 2, OTHER},     {AUTH_ENVELOPED, 0x31, 3, OTHER},
    {AUTH_ENVELOPED, 0x30, 4, ENCRYPTED}, {AUTH_ENVELOPED, 0xA1, 5, ATTRIBUTES},
    {AUTH_ENVELOPED, 0x04, 6, TAG},       {AUTH_ENVELOPED, 0x24, 6, TAG},
    {AUTH_ENVELOPED, 0xA2, 7, OTHER},     {ENCRYPTED, 0x06, 1, OTHER},
    {ENCRYPTED, 0x30, 2, OTHER},          {ENCRYPTED, 0xA0, 3, CONTENT},
    {ENCRYPTED, 0x80, 3, CONTENT},        {EXPLICIT, 0x30, 1, ENVELOPED},
};

static const struct place *place_of(role parent, uint8_t tag)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].parent == parent && places[i].tag == tag)
            return &places[i];
    return NULL;
}

/* originatorInfo and authAttrs may be missing. */
static bool may_follow(const struct place *place, uint8_t before)
{
    bool optional = (place->parent == ENVELOPED || place->parent == AUTH_ENVELOPED) &&
                    (place->rank == 3 || place->rank == 6);
    return before + 1 == place->rank || (optional && before + 2 == place->rank);
}

static fiks_status open_element(fiks_cms_reader *reader, fiks_error *err)
{
    unsigned level = reader->ber.level;
    uint8_t tag = reader->ber.tag;
    role parent = reader->roles[level - 1];
    reader->ranks[level] = 0;
    reader->roles[level] = parent;
    if (parent == OTHER)
        return FIKS_OK;
    if (parent == OUTSIDE) {
        reader->roles[level] = CONTENT_INFO;
        return FIKS_OK;
    }
    if (parent == ATTRIBUTES) {
        size_t digits = reader->ber.head[1] > 0x80 ? reader->ber.head[1] & 0x7F : 0;
        return fiks_buf_add(&reader->attributes, reader->ber.head, 2 + digits)
                   ? FIKS_OK
                   : fiks_fail_memory(err);
    }
    if (parent == CONTENT || parent == TAG)
        return (tag & 0xDF) == V_ASN1_OCTET_STRING
                   ? FIKS_OK
                   : bad_structure(err, parent == TAG ? "its tag is not made of OCTET STRINGs"
                                                      : "the content is not made of OCTET STRINGs");
    const struct place *place = place_of(parent, tag);
    if (!place || !may_follow(place, reader->ranks[level - 1]))
        return bad_structure(err, "an element where it does not belong, or one is missing");
    reader->ranks[level - 1] = place->rank;
    reader->roles[level] = place->child;
    if (place->child == EXPLICIT)
        return fiks_cms_check_type((const uint8_t *)reader->head.data, reader->head.len,
                                   &reader->authenticated, err);
    if (place->child == ENVELOPED && reader->authenticated)
        reader->roles[level] = AUTH_ENVELOPED;
    return place->child == CONTENT ? start_content(reader, err) : FIKS_OK;
}

static fiks_status close_element(fiks_cms_reader *reader, fiks_error *err)
{
    static const uint8_t last[OTHER + 1] = {
        [CONTENT_INFO] = 2, [EXPLICIT] = 1, [ENVELOPED] = 4, [AUTH_ENVELOPED] = 6, [ENCRYPTED] = 3};
    unsigned closed = reader->ber.level + 1;
    role was = reader->roles[closed], around = reader->roles[closed - 1];
    if (was == CONTENT && around != CONTENT)
        return end_content(reader, err);
    if (was == TAG && around != TAG)
        return check_tag(reader, err);
    if (around == ATTRIBUTES && reader->ber.open[closed].indefinite &&
        !fiks_buf_add(&reader->attributes, "\0", 2))
        return fiks_fail_memory(err);
    if (reader->ranks[closed] < last[was])
        return bad_structure(err, was == ENCRYPTED ? "there is no encrypted content in it"
                                                   : "an element is missing");
    return FIKS_OK;
}

/* A piece of a primitive element: of the content, of what is behind it that is needed, or what
 * `keep` has. */
static fiks_status take_body(fiks_cms_reader *reader, const uint8_t *data, size_t len,
                             fiks_error *err)
{
    role now = reader->roles[reader->ber.level];
    if (reader->in_content)
        return decrypt(reader, data, len, err);
    if (now == ATTRIBUTES)
        return fiks_buf_add(&reader->attributes, data, len) ? FIKS_OK : fiks_fail_memory(err);
    if (now != TAG)
        return FIKS_OK;
    if (len > sizeof reader->tag - reader->tag_len)
        return bad_structure(err, "its tag is longer than 16 bytes");
    memcpy(reader->tag + reader->tag_len, data, len);
    reader->tag_len += len;
    return FIKS_OK;
}

/* Remembers what comes before the content, and bounds what comes behind it. */
static fiks_status keep(fiks_cms_reader *reader, const uint8_t *from, size_t len, fiks_error *err)
{
    if (reader->content_done) {
        reader->tail += len;
        return reader->tail <= HEADER_MAX
                   ? FIKS_OK
                   : bad_structure(err, "more than 64 KiB follow the content");
    }
    if (reader->head.len + len > HEADER_MAX)
        return bad_structure(err, "more than 64 KiB come before the content");
    return fiks_buf_add(&reader->head, from, len) ? FIKS_OK : fiks_fail_memory(err);
}

static fiks_status handle(fiks_cms_reader *reader, fiks_ber_event event, fiks_error *err)
{
    switch (event) {
    case FIKS_BER_OPEN:
        return open_element(reader, err);
    case FIKS_BER_BODY:
        return take_body(reader, reader->ber.data, reader->ber.len, err);
    case FIKS_BER_CLOSE:
        return close_element(reader, err);
    case FIKS_BER_BAD:
        return bad_structure(err, reader->ber.problem);
    default:
        return FIKS_OK;
    }
}

static fiks_status walk(fiks_cms_reader *reader, const uint8_t *at, size_t left, fiks_error *err)
{
    fiks_ber_event event;
    fiks_status status = FIKS_OK;
    do {
        const uint8_t *before = at;
        event = fiks_ber_next(&reader->ber, &at, &left);
        if (!reader->in_content && at > before)
            status = keep(reader, before, (size_t)(at - before), err);
        if (!status)
            status = handle(reader, event, err);
    } while (!status && event != FIKS_BER_NEED && event != FIKS_BER_END);
    if (event == FIKS_BER_END) {
        reader->complete = true;
        while (left > 0 && *at == 0)
            at++, left--;
        reader->trailing = reader->trailing || left > 0;
    }
    return status;
}

static fiks_status walk_pem(fiks_cms_reader *reader, const uint8_t *at, size_t left,
                            fiks_error *err)
{
    uint8_t piece[FIKS_PEM_PIECE];
    fiks_status status = FIKS_OK;
    while (left > 0 && !status) {
        size_t made = fiks_cms_pem_next(&reader->pem, &at, &left, piece);
        if (made > 0)
            status = walk(reader, piece, made, err);
        if (!status && reader->pem.problem)
            status = bad_structure(err, reader->pem.problem);
    }
    return status;
}

/* Everything starts with a SEQUENCE, or is PEM. What does not is named, once enough of it is here
 * to tell. */
static fiks_status sniff(fiks_cms_reader *reader, const uint8_t *data, size_t len, fiks_error *err)
{
    uint8_t start[SNIFF_BYTES];
    size_t have = reader->head.len, used;
    if (have > 0)
        memcpy(start, reader->head.data, have);
    size_t more = len < sizeof start - have ? len : sizeof start - have;
    memcpy(start + have, data, more);
    if (have + more < sizeof start)
        return fiks_buf_add(&reader->head, data, more) ? FIKS_OK : fiks_fail_memory(err);
    if (!fiks_cms_pem_start(&reader->pem, start, sizeof start, &used))
        return not_cms(start, sizeof start, err);
    fiks_buf_free(&reader->head);
    fiks_status status = walk_pem(reader, start + used, sizeof start - used, err);
    return status ? status : walk_pem(reader, data + more, len - more, err);
}

fiks_status fiks_cms_reader_feed(fiks_cms_reader *reader, const void *data, size_t len,
                                 fiks_error *err)
{
    const uint8_t *at = data;
    if (reader->failed)
        return fiks_fail(err, reader->failed, "failed", "this CMS message has failed before");
    if (len == 0)
        return FIKS_OK;
    bool foreign = reader->ber.pos == 0 &&
                   (reader->head.len > 0 ? (uint8_t)reader->head.data[0] : at[0]) != 0x30;
    reader->failed = reader->pem.active ? walk_pem(reader, at, len, err)
                     : foreign          ? sniff(reader, at, len, err)
                                        : walk(reader, at, len, err);
    return reader->failed;
}

fiks_status fiks_cms_reader_finish(fiks_cms_reader *reader, fiks_error *err)
{
    if (reader->failed)
        return fiks_fail(err, reader->failed, "failed", "this CMS message has failed before");
    if (reader->complete && (!reader->pem.active || reader->pem.at == FIKS_PEM_ENDED))
        return FIKS_OK;
    if (reader->ber.pos == 0 && reader->head.len > 0)
        return not_cms((const uint8_t *)reader->head.data, reader->head.len, err);
    if (reader->ber.pos == 0 && !reader->pem.active)
        return may_retry(fiks_fail(err, FIKS_PROTOCOL, "empty",
                                   "an encrypted message was expected, 0 bytes came"),
                         err);
    return may_retry(fiks_fail(err, FIKS_CRYPTO, "truncated",
                               "the encrypted message is cut off after %llu bytes",
                               (unsigned long long)reader->ber.pos),
                     err);
}
