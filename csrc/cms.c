#include "cms.h"

#include "ber.h"
#include "cms_internal.h"
#include "error.h"
#include "key.h"
#include "str.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER_MAX = 64 << 10, /* before the content, and behind it */
    OUT_BYTES = 112 << 10, /* below what malloc maps anew each time */
    OUT_SLACK = 1 << 10,   /* flushed when less is free: no tiny pieces */
    SNIFF_BYTES = 16
};

/* What an open element is. */
typedef enum role { OUTSIDE, CONTENT_INFO, EXPLICIT, ENVELOPED, ENCRYPTED, CONTENT, OTHER } role;

struct fiks_cms_reader {
    fiks_key **keys;
    size_t key_count;
    fiks_cms_data_fn data;
    void *to;

    fiks_ber ber;
    role roles[FIKS_BER_DEPTH + 1];
    uint8_t ranks[FIKS_BER_DEPTH + 1]; /* of the last child seen, where their order is fixed */
    fiks_buf head;                     /* everything up to the content */
    uint64_t tail;                     /* bytes behind the content */
    bool in_content, content_done, complete, trailing, pkcs1, doubtful;
    size_t key_index;

    EVP_CIPHER_CTX *cipher;
    uint8_t *out;
    size_t out_len;
    uint64_t bytes;
    fiks_status failed;
};

fiks_status fiks_cms_reader_new(fiks_key *const *keys, size_t key_count, fiks_cms_data_fn data,
                                void *to, fiks_cms_reader **out, fiks_error *err)
{
    *out = NULL;
    if (key_count == 0)
        return fiks_fail(err, FIKS_INVALID, "keys", "no key to decrypt with was given");
    fiks_cms_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        return fiks_fail_memory(err);
    reader->data = data;
    reader->to = to;
    reader->keys = calloc(key_count, sizeof *reader->keys);
    reader->out = malloc(OUT_BYTES);
    reader->cipher = EVP_CIPHER_CTX_new();
    if (!reader->keys || !reader->out || !reader->cipher) {
        fiks_cms_reader_free(reader);
        return fiks_fail_memory(err);
    }
    for (; reader->key_count < key_count; reader->key_count++)
        reader->keys[reader->key_count] = fiks_key_ref(keys[reader->key_count]);
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
    EVP_CIPHER_CTX_free(reader->cipher);
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
    return reader->trailing;
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
        {"-----BEGIN", "PEM text, where the binary form is expected"},
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
    while (len > 0) {
        size_t room = OUT_BYTES - reader->out_len - EVP_MAX_BLOCK_LENGTH;
        size_t piece = len < room ? len : room;
        int got = 0;
        if (EVP_DecryptUpdate(reader->cipher, reader->out + reader->out_len, &got, data,
                              (int)piece) != 1)
            return fiks_fail(err, FIKS_INTERNAL, "openssl", "OpenSSL cannot decrypt");
        reader->out_len += (size_t)got;
        data += piece;
        len -= piece;
        if (OUT_BYTES - reader->out_len < OUT_SLACK + EVP_MAX_BLOCK_LENGTH) {
            fiks_status status = flush(reader, err);
            if (status)
                return status;
        }
    }
    return FIKS_OK;
}

static fiks_status end_content(fiks_cms_reader *reader, fiks_error *err)
{
    int got = 0;
    reader->in_content = false;
    reader->content_done = true;
    int good = EVP_DecryptFinal_ex(reader->cipher, reader->out + reader->out_len, &got);
    ERR_clear_error();
    if (good != 1 || reader->doubtful)
        return may_retry(
            fiks_fail(err, FIKS_INTEGRITY, "padding",
                      reader->pkcs1 ? "the content does not decrypt: it is damaged, or no key fits"
                                    : "the content is damaged: its last block does not decrypt"),
            err);
    reader->out_len += (size_t)got;
    return flush(reader, err);
}

static fiks_status start_content(fiks_cms_reader *reader, fiks_error *err)
{
    fiks_cms_secret secret = {0};
    fiks_status status = fiks_cms_open((const uint8_t *)reader->head.data, reader->head.len,
                                       reader->keys, reader->key_count, &secret, err);
    if (!status) {
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, secret.cipher, NULL);
        if (!cipher ||
            EVP_DecryptInit_ex2(reader->cipher, cipher, secret.key, secret.iv, NULL) != 1)
            status =
                fiks_fail(err, FIKS_INTERNAL, "openssl", "OpenSSL cannot start %s", secret.cipher);
        EVP_CIPHER_free(cipher);
    }
    reader->in_content = true;
    reader->key_index = secret.key_index;
    reader->pkcs1 = secret.pkcs1;
    reader->doubtful = secret.doubtful;
    fiks_wipe(&secret, sizeof secret);
    fiks_buf_free(&reader->head);
    ERR_clear_error();
    return status;
}

/* ---- structure ----------------------------------------------------------------------------- */

/* The place of a child in the fixed order of its parent's children; 0 = not allowed there. */
static uint8_t rank_of(role parent, uint8_t tag)
{
    static const struct {
        role parent;
        uint8_t tag, rank;
    } places[] = {
        {CONTENT_INFO, 0x06, 1}, {CONTENT_INFO, 0xA0, 2},                       /* RFC 5652, 3 */
        {EXPLICIT, 0x30, 1},                                                    /* */
        {ENVELOPED, 0x02, 1},    {ENVELOPED, 0xA0, 2},    {ENVELOPED, 0x31, 3}, /* 6.1 */
        {ENVELOPED, 0x30, 4},    {ENVELOPED, 0xA1, 5},                          /* */
        {ENCRYPTED, 0x06, 1},    {ENCRYPTED, 0x30, 2},                          /* */
        {ENCRYPTED, 0xA0, 3},    {ENCRYPTED, 0x80, 3},                          /* */
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (places[i].parent == parent && places[i].tag == tag)
            return places[i].rank;
    return 0;
}

static role role_of(role parent, uint8_t rank)
{
    if (parent == CONTENT_INFO && rank == 2)
        return EXPLICIT;
    if (parent == EXPLICIT)
        return ENVELOPED;
    if (parent == ENVELOPED && rank == 4)
        return ENCRYPTED;
    return parent == ENCRYPTED && rank == 3 ? CONTENT : OTHER;
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
    if (parent == CONTENT)
        return (tag & 0xDF) == V_ASN1_OCTET_STRING
                   ? FIKS_OK
                   : bad_structure(err, "the content is not made of OCTET STRINGs");
    uint8_t rank = rank_of(parent, tag), before = reader->ranks[level - 1];
    bool no_originator = parent == ENVELOPED && rank == 3 && before == 1;
    if (rank == 0 || (before != rank - 1 && !no_originator))
        return bad_structure(err, "an element where it does not belong, or one is missing");
    reader->ranks[level - 1] = rank;
    reader->roles[level] = role_of(parent, rank);
    if (reader->roles[level] == EXPLICIT)
        return fiks_cms_check_type((const uint8_t *)reader->head.data, reader->head.len, err);
    return reader->roles[level] == CONTENT ? start_content(reader, err) : FIKS_OK;
}

static fiks_status close_element(fiks_cms_reader *reader, fiks_error *err)
{
    unsigned closed = reader->ber.level + 1;
    static const uint8_t last[] = {[CONTENT_INFO] = 2, [EXPLICIT] = 1, [ENVELOPED] = 4,
                                   [ENCRYPTED] = 3,    [CONTENT] = 0,  [OTHER] = 0};
    role was = reader->roles[closed];
    if (was == CONTENT && reader->roles[closed - 1] != CONTENT)
        return end_content(reader, err);
    if (reader->ranks[closed] < last[was])
        return bad_structure(err, was == ENCRYPTED ? "there is no encrypted content in it"
                                                   : "an element is missing");
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
        return reader->in_content ? decrypt(reader, reader->ber.data, reader->ber.len, err)
                                  : FIKS_OK;
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

/* Everything starts with a SEQUENCE. What does not is named, once enough of it is here to tell. */
static fiks_status sniff(fiks_cms_reader *reader, const uint8_t *data, size_t len, fiks_error *err)
{
    uint8_t start[SNIFF_BYTES];
    size_t have = reader->head.len;
    if (have > 0)
        memcpy(start, reader->head.data, have);
    size_t more = len < sizeof start - have ? len : sizeof start - have;
    memcpy(start + have, data, more);
    if (have + more == sizeof start)
        return not_cms(start, sizeof start, err);
    return fiks_buf_add(&reader->head, data, more) ? FIKS_OK : fiks_fail_memory(err);
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
    reader->failed = foreign ? sniff(reader, at, len, err) : walk(reader, at, len, err);
    return reader->failed;
}

fiks_status fiks_cms_reader_finish(fiks_cms_reader *reader, fiks_error *err)
{
    if (reader->failed)
        return fiks_fail(err, reader->failed, "failed", "this CMS message has failed before");
    if (reader->complete)
        return FIKS_OK;
    if (reader->ber.pos == 0 && reader->head.len > 0)
        return not_cms((const uint8_t *)reader->head.data, reader->head.len, err);
    if (reader->ber.pos == 0)
        return may_retry(fiks_fail(err, FIKS_PROTOCOL, "empty",
                                   "an encrypted message was expected, 0 bytes came"),
                         err);
    return may_retry(fiks_fail(err, FIKS_CRYPTO, "truncated",
                               "the encrypted message is cut off after %llu bytes",
                               (unsigned long long)reader->ber.pos),
                     err);
}
