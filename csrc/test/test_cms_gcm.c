/* AuthEnvelopedData, made here from its parts in every form: what the tag covers, and that nothing
 * counts before it. */
#include "cms_read.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

/* How a message is made. */
typedef struct recipe {
    size_t content_len, nonce_len, tag_len;
    size_t attribute_len; /* of the text in the one attribute; 0 = none */
    form how;             /* of all that is constructed */
    int icvlen;           /* as told; 0 = left out, which means 12 */
    bool pkcs1;
    bool mac_in_pieces;
    size_t unauthenticated; /* bytes of unauthAttrs */
    /* Faults. */
    size_t flip; /* byte of the content, counted from 1 */
    size_t flip_attribute;
    bool no_mac;
} recipe;

static uint8_t content[5000];

static void wrap_key(const uint8_t *key, size_t len, bool pkcs1, fiks_buf *out)
{
    char *pem = pem_of("mottaker");
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(X509_get0_pubkey(certificate), NULL);
    size_t made = 512;
    CHECK(EVP_PKEY_encrypt_init(ctx) == 1);
    CHECK(EVP_PKEY_CTX_set_rsa_padding(ctx, pkcs1 ? RSA_PKCS1_PADDING : RSA_PKCS1_OAEP_PADDING) >
          0);
    fiks_buf_reserve(out, made);
    CHECK(EVP_PKEY_encrypt(ctx, (uint8_t *)out->data, &made, key, len) == 1);
    out->len = made;
    EVP_PKEY_CTX_free(ctx);
    X509_free(certificate);
    BIO_free(bio);
    free(pem);
}

/* RecipientInfo: version 0, issuer and serial of nobody, the algorithm, the wrapped key. */
static fiks_buf recipients(const recipe *r, const uint8_t *key)
{
    static const char oaep[] = "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x07\x30\x00";
    static const char pkcs1[] = "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\x00";
    fiks_buf wrapped = {0}, body = {0}, sequence = {0}, set = {0};
    wrap_key(key, 32, r->pkcs1, &wrapped);
    fiks_buf_add(&body, "\x02\x01\x00\x30\x05\x30\x00\x02\x01\x07", 10);
    add_element(&body, 0x30, SHORTEST, r->pkcs1 ? pkcs1 : oaep, sizeof oaep - 1);
    wrap(&body, 0x04, SHORTEST, &wrapped);
    wrap(&sequence, 0x30, r->how, &body);
    wrap(&set, 0x31, r->how, &sequence);
    return set;
}

/* One attribute with a text in it. */
static fiks_buf attribute(size_t len)
{
    char words[1000];
    fiks_buf string = {0}, values = {0}, one = {0};
    memset(words, 'x', sizeof words);
    add_element(&string, 0x0C, SHORTEST, words, len);
    fiks_buf_add(&values, "\x06\x03\x2A\x03\x04", 5);
    wrap(&values, 0x31, SHORTEST, &string);
    wrap(&one, 0x30, SHORTEST, &values);
    return one;
}

/* AES-256-GCM over the content, the attributes (a DER SET) authenticated with it. */
static void seal(const recipe *r, const uint8_t *key, const uint8_t *nonce, const fiks_buf *set,
                 uint8_t *sealed, uint8_t tag[16])
{
    int made;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    CHECK(EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)r->nonce_len, NULL) == 1);
    CHECK(EVP_EncryptInit_ex(ctx, NULL, NULL, key, nonce) == 1);
    if (set->len)
        CHECK(EVP_EncryptUpdate(ctx, NULL, &made, (uint8_t *)set->data, (int)set->len) == 1);
    CHECK(EVP_EncryptUpdate(ctx, sealed, &made, content, (int)r->content_len) == 1);
    CHECK(EVP_EncryptFinal_ex(ctx, sealed + made, &made) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

static void add_encrypted(fiks_buf *to, const recipe *r, const uint8_t *nonce, uint8_t *sealed)
{
    fiks_buf info = {0}, algorithm = {0}, parameters = {0};
    uint8_t icvlen = (uint8_t)r->icvlen;
    fiks_buf_add(&info, "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01", 11);
    fiks_buf_add(&algorithm, "\x06\x09\x60\x86\x48\x01\x65\x03\x04\x01\x2E", 11);
    add_element(&parameters, 0x04, SHORTEST, nonce, r->nonce_len);
    if (r->icvlen)
        add_element(&parameters, 0x02, SHORTEST, &icvlen, 1);
    wrap(&algorithm, 0x30, r->how, &parameters);
    wrap(&info, 0x30, r->how, &algorithm);
    if (r->flip)
        sealed[r->flip - 1] ^= 1;
    add_content(&info, &(plan){.how = r->how, .segment = r->how == INDEFINITE ? 1000 : 0},
                (piece){.body = sealed, .body_len = r->content_len});
    wrap(to, 0x30, r->how, &info);
}

static void add_mac(fiks_buf *to, const recipe *r, const uint8_t tag[16])
{
    fiks_buf halves = {0};
    if (r->no_mac)
        return;
    if (!r->mac_in_pieces) {
        add_element(to, 0x04, SHORTEST, tag, r->tag_len);
        return;
    }
    add_element(&halves, 0x04, SHORTEST, tag, 5);
    add_element(&halves, 0x04, LONGEST, tag + 5, r->tag_len - 5);
    wrap(to, 0x24, r->how, &halves);
}

static fiks_buf make(const recipe *r)
{
    uint8_t key[32], nonce[64], tag[17] = {0}, sealed[sizeof content];
    fiks_buf body = {0}, one = {0}, set = {0}, sequence = {0}, info = {0}, message = {0};
    need_keys();
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 7 + i / 256);
    memset(key, 0x5A, sizeof key);
    memset(nonce, 0xA5, sizeof nonce);
    if (r->attribute_len) {
        one = attribute(r->attribute_len);
        add_element(&set, 0x31, SHORTEST, one.data, one.len);
    }
    seal(r, key, nonce, &set, sealed, tag);
    fiks_buf_add(&body, "\x02\x01\x00", 3);
    fiks_buf to_whom = recipients(r, key);
    fiks_buf_add(&body, to_whom.data, to_whom.len);
    add_encrypted(&body, r, nonce, sealed);
    if (r->flip_attribute)
        one.data[one.len - r->flip_attribute] ^= 1;
    if (r->attribute_len)
        add_element(&body, 0xA1, r->how, one.data, one.len);
    add_mac(&body, r, tag);
    if (r->unauthenticated)
        add_element(&body, 0xA2, r->how, "\x30\x00\x30\x00", r->unauthenticated);
    wrap(&sequence, 0x30, r->how, &body);
    fiks_buf_add(&info, "\x06\x0B\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x17", 13);
    wrap(&info, 0xA0, r->how, &sequence);
    wrap(&message, 0x30, r->how, &info);
    fiks_buf_free(&to_whom);
    fiks_buf_free(&one);
    fiks_buf_free(&set);
    return message;
}

static const recipe ordinary = {
    .content_len = 100, .nonce_len = 12, .tag_len = 16, .icvlen = 16, .how = INDEFINITE};

static void check_good(const recipe *r)
{
    fiks_buf message = make(r);
    CHECK_OK(read_own(&message), last);
    CHECK_MEM(plain.data, plain.len, content, r->content_len);
    fiks_buf_free(&message);
}

static void check_bad(const recipe *r, fiks_status kind, const char *code)
{
    fiks_buf message = make(r);
    CHECK_FAILS(read_own(&message), kind, code);
    fiks_buf_free(&message);
}

TEST(contents_of_every_length)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 31, 32, 1000, 4096, 5000};
    for (int how = SHORTEST; how <= LONGEST; how++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            recipe r = ordinary;
            r.how = (form)how;
            r.content_len = lengths[i];
            check_good(&r);
            r.attribute_len = 1 + i; /* blocks of both must not run into each other */
            check_good(&r);
        }
}

/* They come behind the content, but are authenticated in front of it. */
TEST(authenticated_attributes)
{
    static const size_t lengths[] = {1, 4, 5, 110, 111, 112, 113, 240, 250, 300, 900};
    for (int how = SHORTEST; how <= LONGEST; how++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            recipe r = ordinary;
            r.how = (form)how;
            r.attribute_len = lengths[i];
            r.content_len = 95 + i;
            check_good(&r);
            r.flip_attribute = 1;
            check_bad(&r, FIKS_INTEGRITY, "tag");
        }
}

TEST(nonces_and_tags_of_every_length)
{
    recipe r = ordinary;
    for (r.nonce_len = 1; r.nonce_len <= 64; r.nonce_len += r.nonce_len < 17 ? 1 : 47)
        check_good(&r);
    r = ordinary;
    for (r.tag_len = 12; r.tag_len <= 16; r.tag_len++) {
        r.icvlen = (int)r.tag_len;
        check_good(&r);
        r.mac_in_pieces = true;
        check_good(&r);
        r.mac_in_pieces = false;
    }
    r.tag_len = 12;
    r.icvlen = 0; /* the default */
    check_good(&r);
    r.tag_len = 16;
    check_bad(&r, FIKS_INTEGRITY, "tag");
    r.tag_len = 11; /* shorter than RFC 5084 allows, though both say so */
    r.icvlen = 11;
    check_bad(&r, FIKS_CRYPTO, "structure");
    r.tag_len = 12;
    r.icvlen = 16;
    check_bad(&r, FIKS_INTEGRITY, "tag");
    r.tag_len = 17;
    check_bad(&r, FIKS_CRYPTO, "structure");
}

TEST(what_is_behind_the_tag_does_not_count)
{
    recipe r = ordinary;
    r.unauthenticated = 2;
    check_good(&r);
    r.attribute_len = 7;
    check_good(&r);
}

TEST(the_tag_is_demanded)
{
    recipe r = ordinary;
    r.no_mac = true;
    check_bad(&r, FIKS_CRYPTO, "structure");
}

TEST(every_byte_of_the_content_counts)
{
    recipe r = ordinary;
    for (r.flip = 1; r.flip <= r.content_len; r.flip += 9)
        check_bad(&r, FIKS_INTEGRITY, "tag");
    CHECK(last.retryable);
    CHECK_HAS(last.message, "authentication tag");
}

TEST(nothing_is_released_before_the_tag)
{
    recipe r = ordinary;
    r.flip = 50;
    fiks_buf message = make(&r), out = {0};
    fiks_cms_options options = {&mottaker, 1, false};
    fiks_cms_result result;
    char from[512], to[512];
    fiks_error_clear(&last);
    CHECK_FAILS(fiks_cms_decrypt(message.data, message.len, &options, &out, NULL, &last),
                FIKS_INTEGRITY, "tag");
    CHECK(out.data == NULL && out.len == 0);
    snprintf(from, sizeof from, "%s", test_temp_path("m.cms"));
    snprintf(to, sizeof to, "%s", test_temp_path("files/m.txt"));
    test_shell("mkdir -p files");
    test_write_file(from, message.data, message.len);
    fiks_error_clear(&last);
    CHECK_FAILS(fiks_cms_decrypt_file(from, to, &options, &result, &last), FIKS_INTEGRITY, "tag");
    test_shell("test -z \"$(ls -A files)\"");
    fiks_buf_free(&message);
}

/* With PKCS#1 v1.5 a wrong key must look like damage, here as well. */
TEST(no_oracle)
{
    recipe r = ordinary;
    r.pkcs1 = true;
    check_good(&r);
    fiks_buf message = make(&r);
    CHECK_FAILS(read_with(message.data, message.len, &annen, 1), FIKS_INTEGRITY, "tag");
    char text_of_wrong_key[768];
    snprintf(text_of_wrong_key, sizeof text_of_wrong_key, "%s", last.message);
    fiks_buf_free(&message);
    r.flip = 3;
    check_bad(&r, FIKS_INTEGRITY, "tag");
    CHECK_STR(last.message, text_of_wrong_key);
}

int main(void)
{
    return run_cms_tests("test_cms_gcm");
}
