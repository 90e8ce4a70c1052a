/* Messages that must fail, each with its own error. */
#include "cms_read.h"

/* ---- bad ----------------------------------------------------------------------------------- */

TEST(truncated_at_every_byte)
{
    fiks_buf der = der_message(), ber = {0};
    parts of = take_apart(der.data);
    put_together(&ber, &of, &(plan){.how = INDEFINITE, .segment = 50, .nested = 1});
    need_keys();
    for (size_t n = 1; n < der.len; n++) {
        CHECK_FAILS(read_chunks(der.data, n, n, &mottaker, 1), FIKS_CRYPTO, "truncated");
        CHECK(last.retryable);
    }
    for (size_t n = 1; n < ber.len; n++)
        CHECK_FAILS(read_chunks(ber.data, n, 100, &mottaker, 1), FIKS_CRYPTO, "truncated");
    CHECK_FAILS(read_chunks("", 0, 1, &mottaker, 1), FIKS_PROTOCOL, "empty");
    CHECK(last.retryable);
    fiks_buf_free(&der);
    fiks_buf_free(&ber);
}

TEST(damaged_padding)
{
    fiks_buf message = der_message();
    parts of = take_apart(message.data);
    uint8_t *end = (uint8_t *)of.content.body + of.content.body_len;
    end[-17] ^= 0x80; /* the last byte of the last block but one: changes the padding itself */
    CHECK_FAILS(read_own(&message), FIKS_INTEGRITY, "padding");
    CHECK(last.retryable);
    CHECK_HAS(last.message, "damaged");
    fiks_buf_free(&message);
}

TEST(content_of_no_whole_blocks)
{
    fiks_buf der = der_message(), message = {0};
    parts of = take_apart(der.data);
    of.content.body_len -= 5;
    put_together(&message, &of, &(plan){.how = INDEFINITE, .segment = 7});
    CHECK_FAILS(read_own(&message), FIKS_INTEGRITY, "padding");
    fiks_buf_free(&message);
    of.content.body_len = 0;
    put_together(&message, &of, &(plan){.how = SHORTEST});
    CHECK_FAILS(read_own(&message), FIKS_INTEGRITY, "padding");
    fiks_buf_free(&message);
    fiks_buf_free(&der);
}

TEST(wrong_key_is_told_with_the_certificate)
{
    static const char *const options[] = {"-aes256 -recip mottaker.pem " OAEP,
                                          "-aes256 -recip fornyet.pem " OAEP,
                                          "-aes256 -recip mottaker.pem -recip mottaker.pem " OAEP};
    need_keys();
    test_shell("openssl req -x509 -key mottaker.key -days 9 -set_serial 4711 -subj /CN=fornyet "
               "-out fornyet.pem");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        fiks_buf message = encrypt_with(options[i]);
        CHECK_FAILS(read_with(message.data, message.len, &annen, 1), FIKS_CRYPTO, "no_key");
        CHECK_HAS(last.message, i == 1 ? "serial 1267 (4711)" : "serial ");
        CHECK_HAS(last.message, i == 1 ? "CN=fornyet" : "CN=mottaker,O=Storevik kommune");
        CHECK_HAS(last.message, fiks_key_name(annen));
        CHECK_EQ_INT(plain.len, 0);
        fiks_buf_free(&message);
    }
    fiks_buf message = encrypt_with("-keyid -aes256 -recip mottaker.pem " OAEP);
    CHECK_FAILS(read_with(message.data, message.len, &annen, 1), FIKS_CRYPTO, "no_key");
    CHECK_HAS(last.message, "the key with identifier ");
    fiks_buf_free(&message);
}

/* With v1.5 nobody can tell, and nobody must be told: about 1 in 256 gives noise. */
TEST(wrong_key_with_pkcs1_always_fails_at_the_end)
{
    fiks_buf message = encrypt_with("-aes256 -recip mottaker.pem");
    fiks_key *keys[] = {annen, annen};
    for (int i = 0; i < 1500; i++) /* noise has right padding once in 256 times */
        CHECK_FAILS(read_chunks(message.data, message.len, 1000, keys, 1 + (size_t)(i & 1)),
                    FIKS_INTEGRITY, "padding");
    fiks_buf_free(&message);
}

TEST(no_oracle)
{
    fiks_buf good = encrypt_with("-aes256 -recip mottaker.pem"), bad = {0};
    parts of = take_apart(good.data);
    fiks_buf_add(&bad, good.data, good.len);
    piece key = child_of(child_of(of.recipients, 0), 3);
    bad.data[key.body - (const uint8_t *)good.data + 50] ^= 1;      /* the wrapped key */
    ((uint8_t *)of.content.body)[of.content.body_len - 17] ^= 0x80; /* the padding */
    char message[768] = "";
    CHECK_FAILS(read_own(&good), FIKS_INTEGRITY, "padding");
    snprintf(message, sizeof message, "%s", last.message);
    CHECK_FAILS(read_chunks(bad.data, bad.len, 1000, &mottaker, 1), FIKS_INTEGRITY, "padding");
    CHECK_STR(last.message, message);
    fiks_buf_free(&good);
    fiks_buf_free(&bad);
}

TEST(refuses_by_name)
{
    static const struct {
        const char *command, *code, *says;
    } refused[] = {
        {"-encrypt -des3 -recip mottaker.pem", "algorithm", "1.2.840.113549.3.7"},
        {"-encrypt -des3 -recip mottaker.pem", "algorithm", "legacy_ciphers"},
        {"-sign -signer mottaker.pem -inkey mottaker.key", "content_type", "1.2.840.113549.1.7.2"},
        {"-data_create", "content_type", "1.2.840.113549.1.7.1"},
        {"-encrypt -aes256 -secretkey 000102030405060708090A0B0C0D0E0F -secretkeyid 01",
         "no_recipient", "no recipient"},
    };
    need_keys();
    test_write_file(test_temp_path("plain"), text, strlen(text));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        test_shell("openssl cms %s -binary -outform DER -in plain -out refused",
                   refused[i].command);
        fiks_buf message = load_file("refused");
        CHECK_FAILS(read_own(&message), FIKS_CRYPTO, refused[i].code);
        CHECK_HAS(last.message, refused[i].says);
        fiks_buf_free(&message);
    }
}

/* Replaces bytes of a message, which must be there once. */
static void patch(fiks_buf *message, const char *from, const char *to, size_t len)
{
    char *at = memmem(message->data, message->len, from, len);
    CHECK(at != NULL);
    memcpy(at, to, len);
}

TEST(refuses_unknown_algorithms)
{
    fiks_buf message = der_message();
    /* rsaesOaep becomes 1.2.840.113549.1.1.126 */
    patch(&message, "\x2A\x86\x48\x86\xF7\x0D\x01\x01\x07", "\x2A\x86\x48\x86\xF7\x0D\x01\x01\x7E",
          9);
    CHECK_FAILS(read_own(&message), FIKS_CRYPTO, "algorithm");
    CHECK_HAS(last.message, "1.2.840.113549.1.1.126");
    fiks_buf_free(&message);
    message = der_message();
    /* its hash becomes 2.16.840.1.101.3.4.2.126, which cannot be used */
    patch(&message, "\x60\x86\x48\x01\x65\x03\x04\x02\x01", "\x60\x86\x48\x01\x65\x03\x04\x02\x7E",
          9);
    CHECK_FAILS(read_own(&message), FIKS_CRYPTO, "algorithm");
    fiks_buf_free(&message);
    message = der_message();
    /* aes256-CBC becomes 2.16.840.1.101.3.4.1.126 */
    patch(&message, "\x60\x86\x48\x01\x65\x03\x04\x01\x2A", "\x60\x86\x48\x01\x65\x03\x04\x01\x7E",
          9);
    CHECK_FAILS(read_own(&message), FIKS_CRYPTO, "algorithm");
    CHECK_HAS(last.message, "2.16.840.1.101.3.4.1.126");
    fiks_buf_free(&message);
}

TEST(says_what_it_is_instead)
{
    static const struct {
        const char *data, *says;
    } others[] = {
        {"%PDF-1.7 and so on, on and on", "a PDF"},
        {"PK\3\4 and so on, on and on and on", "a zip"},
        {"<!DOCTYPE html><html><body>", "HTML"},
        {"\xEF\xBB\xBF<html><body>......", "HTML"},
        {"  \r\n<html><body>......", "HTML"},
        {"{\"error\":\"no\"} ......", "JSON"},
        {"[{\"id\":1}]", "JSON"},
        {"-----BEGIN CMS-----\nMII", "PEM"},
        {"MIAGCSqGSIb3DQEHA6CAMIACAQAxggGR", "Base64"},
        {"MIIGCSqGSIb3DQEHA6CAMIACAQAxggGR", "Base64"},
        {"{}", "JSON"},
        {"Hello, this is not CMS", "byte 0x48"},
        {"\xFF", "byte 0xff"},
        {" ", "byte 0x20"},
    };
    need_keys();
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        CHECK_FAILS(read_with(others[i].data, strlen(others[i].data), &mottaker, 1), FIKS_CRYPTO,
                    "not_cms");
        CHECK_HAS(last.message, others[i].says);
    }
}

static void check_structure(const fiks_buf *message, const char *says)
{
    CHECK_FAILS(read_own(message), FIKS_CRYPTO, "structure");
    CHECK_HAS(last.message, says);
}

static void check_bytes(const char *bytes, size_t len, const char *says)
{
    fiks_buf message = {0};
    fiks_buf_add(&message, bytes, len);
    check_structure(&message, says);
    fiks_buf_free(&message);
}

TEST(hostile_headers)
{
    check_bytes("\x30\x80\x1F\x81\x01\x00", 6, "tag number");
    check_bytes("\x30\x89\x01\x01\x01\x01\x01\x01\x01\x01\x01", 11, "8 bytes");
    check_bytes("\x30\xFF", 2, "8 bytes");
    check_bytes("\x30\x80\x06\x80", 4, "indefinite length on a primitive");
    check_bytes("\x30\x05\x06\x09", 4, "outside the one around it");
    check_bytes("\x30\x01\x06\x01\x2A", 5, "outside the one around it");
    check_bytes("\x30\x05\x06\x01\x2A\x00\x00", 7, "end-of-contents");
    check_bytes("\x30\x80\x00\x01", 4, "end-of-contents with a length");
    check_bytes("\x30\x80\x00\x00", 4, "missing");
    check_bytes("\x30\x00", 2, "missing");
    check_bytes("\x30\x80\x02\x01\x00", 5, "does not belong");
    check_bytes("\x30\x88\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x06\x88\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                20, "outside");
}

TEST(huge_lengths)
{
    fiks_buf message = {0};
    fiks_buf_add(&message, "\x30\x80\x06\x88\x7F\xFF\xFF\xFF\x00\x00\x00\x00", 12);
    CHECK_FAILS(read_own(&message), FIKS_CRYPTO, "truncated");
    for (int i = 0; i < 70; i++)
        fiks_buf_add(&message, (const char[1000]){0}, 1000);
    check_structure(&message, "64 KiB come before");
    fiks_buf_free(&message);
}

TEST(bounded_depth)
{
    fiks_buf der = der_message(), message = {0};
    parts of = take_apart(der.data);
    /* ContentInfo, [0], EnvelopedData, EncryptedContentInfo, [0] and the OCTET STRING: 6 */
    put_together(&message, &of, &(plan){.how = INDEFINITE, .segment = 40, .nested = 10});
    check_text(&message);
    fiks_buf_free(&message);
    put_together(&message, &of, &(plan){.how = INDEFINITE, .segment = 40, .nested = 11});
    check_structure(&message, "16 deep");
    fiks_buf_free(&message);
    fiks_buf_free(&der);
}

TEST(bounded_header_and_tail)
{
    fiks_buf der = der_message(), extra = {0}, body = {0}, message = {0};
    parts of = take_apart(der.data);
    while (body.len < 70000)
        add_element(&body, 0x30, SHORTEST, "\x02\x01\x05", 3);
    add_element(&extra, 0xA0, INDEFINITE, body.data, body.len);
    put_together(&message, &of, &(plan){.how = INDEFINITE, .segment = 40, .before = &extra});
    check_structure(&message, "64 KiB come before");
    fiks_buf_free(&message);
    extra.data[0] = (char)0xA1;
    put_together(&message, &of, &(plan){.how = INDEFINITE, .segment = 40, .behind = &extra});
    check_structure(&message, "64 KiB follow");
    fiks_buf_free(&message);
    fiks_buf_free(&extra);
    fiks_buf_free(&body);
    fiks_buf_free(&der);
}

TEST(wrong_structure)
{
    fiks_buf der = der_message(), message = {0}, set = {0};
    parts of = take_apart(der.data);
    for (int how = SHORTEST; how <= INDEFINITE; how++) {
        put_together(&message, &of, &(plan){.how = (form)how, .no_content = true});
        check_structure(&message, "no encrypted content");
        fiks_buf_free(&message);
    }
    parts swapped = of;
    swapped.algorithm = of.data_type;
    put_together(&message, &swapped, &(plan){.how = INDEFINITE, .segment = 40});
    check_structure(&message, "does not belong");
    fiks_buf_free(&message);
    add_element(&set, 0x31, SHORTEST, "", 0);
    put_together(&message, &of, &(plan){.how = SHORTEST, .recipients = &set});
    CHECK_FAILS(read_own(&message), FIKS_CRYPTO, "no_recipient");
    fiks_buf_free(&message);
    put_together(&message, &of, &(plan){.how = SHORTEST, .recipients = &set, .before = &set});
    check_structure(&message, "does not belong");
    fiks_buf_free(&message);
    fiks_buf_free(&set);
    fiks_buf_free(&der);
}

TEST(content_of_other_elements)
{
    fiks_buf der = der_message(), message = {0};
    parts of = take_apart(der.data);
    put_together(&message, &of, &(plan){.how = INDEFINITE, .segment = 16});
    patch(&message, "\xA0\x80\x04\x10", "\xA0\x80\x02\x10", 4);
    check_structure(&message, "not made of OCTET STRINGs");
    fiks_buf_free(&message);
    fiks_buf_free(&der);
}

/* Bytes of the header, changed in several ways: an error or the text, never a crash. */
TEST(changed_bytes)
{
    fiks_buf message = der_message();
    parts of = take_apart(message.data);
    size_t header = (size_t)((const char *)of.content.whole - message.data);
    static const uint8_t changes[] = {0x01, 0x80, 0x20};
    for (size_t i = 0; i<header; i += i> 100 && i + 100 < header ? 7 : 1)
        for (size_t c = 0; c < sizeof changes; c++) {
            message.data[i] = (char)(message.data[i] ^ changes[c]);
            fiks_status status = read_chunks(message.data, message.len, 64, &mottaker, 1);
            if (status)
                CHECK(last.message[0] != '\0');
            message.data[i] = (char)(message.data[i] ^ changes[c]);
        }
    check_text(&message);
    fiks_buf_free(&message);
}

static fiks_status stop(void *to, const void *data, size_t len, fiks_error *err)
{
    (void)to, (void)data, (void)len;
    return fiks_fail(err, FIKS_LIMIT, "enough", "enough");
}

TEST(a_failing_receiver_ends_it)
{
    fiks_buf message = der_message();
    fiks_cms_reader *reader;
    fiks_error err = {0};
    fiks_cms_options options = {&mottaker, 1, false}, none = {0};
    CHECK_OK(fiks_cms_reader_new(&options, stop, NULL, &reader, &err), err);
    CHECK_EQ_INT(fiks_cms_reader_feed(reader, message.data, message.len, &err), FIKS_LIMIT);
    CHECK_STR(err.code, "enough");
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_cms_reader_feed(reader, message.data, message.len, &err), FIKS_LIMIT);
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_cms_reader_finish(reader, &err), FIKS_LIMIT);
    fiks_cms_reader_free(reader);
    CHECK_EQ_INT(fiks_cms_reader_new(&none, stop, NULL, &reader, NULL), FIKS_INVALID);
    fiks_buf_free(&message);
}

int main(void)
{
    return run_cms_tests("test_cms_bad");
}
