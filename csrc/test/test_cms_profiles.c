/* Every profile that `openssl cms` can write, cut and changed at every byte; and what is long. */
#include "cms_read.h"

#define KS "-aes256 -recip mottaker.pem " OAEP

/* The content of the first group is proven by a hash only; a tag proves that of the second. */
static const char *const profiles[] = {
    KS,
    "-stream " KS,
    "-keyid " KS,
    "-aes128 -recip mottaker.pem " OAEP,
    "-aes192 -recip mottaker.pem " OAEP,
    "-aes256 -recip mottaker.pem -keyopt rsa_padding_mode:oaep",
    "-aes256 -recip mottaker.pem",
    "-aes256 -recip mottaker.pem -recip mottaker.pem " OAEP,
    "-aes256 -recip annen.pem " OAEP " -recip mottaker.pem " OAEP,
    "-aes-128-gcm -recip mottaker.pem " OAEP,
    "-aes-192-gcm -recip mottaker.pem " OAEP,
    "-stream -aes-256-gcm -recip mottaker.pem " OAEP,
    "-aes-256-gcm -recip mottaker.pem",
};

enum { COUNT = sizeof profiles / sizeof *profiles };

TEST(truncated_at_every_byte)
{
    for (size_t p = 0; p < COUNT; p++) {
        fiks_buf message = encrypt_with(profiles[p]);
        for (size_t n = 1; n < message.len; n++) {
            fiks_status status = read_chunks(message.data, n, n, &mottaker, 1);
            if (status != FIKS_CRYPTO || strcmp(last.code, "truncated") != 0)
                TEST_FAIL("%s cut to %zu: %s", profiles[p], n, last.message);
        }
        check_text(&message);
        fiks_buf_free(&message);
    }
}

/* Where the content's ciphertext is, by its last bytes. */
static bool in_content(const fiks_buf *message, size_t at, bool authenticated)
{
    size_t behind = authenticated ? 60 : 30, len = strlen(text) + 16 + behind;
    return at + len >= message->len;
}

TEST(a_flipped_bit_at_every_byte)
{
    for (size_t p = 0; p < COUNT; p++) {
        fiks_buf message = encrypt_with(profiles[p]);
        bool authenticated = strstr(profiles[p], "gcm") != NULL;
        for (size_t at = 0; at < message.len; at++) {
            message.data[at] = (char)(message.data[at] ^ 1 << at % 8);
            fiks_status status = read_chunks(message.data, message.len, 1 << 20, &mottaker, 1);
            bool same = plain.len == strlen(text) && memcmp(plain.data, text, plain.len) == 0;
            if (status && !last.message[0])
                TEST_FAIL("%s changed at %zu: no message", profiles[p], at);
            if (!status && !same && (authenticated || !in_content(&message, at, false)))
                TEST_FAIL("%s changed at %zu: another content, and no error", profiles[p], at);
            message.data[at] = (char)(message.data[at] ^ 1 << at % 8);
        }
        check_text(&message);
        fiks_buf_free(&message);
    }
}

TEST(other_kinds_of_recipients_are_passed_over)
{
    static const char *const options[] = {
        "-aes256 -recip ec.pem -recip mottaker.pem " OAEP,
        "-aes256 -recip mottaker.pem " OAEP " -recip ec.pem",
        "-aes256 -recip mottaker.pem -recip ec.pem -pwri_password hei",
        "-aes256 -pwri_password hei -secretkey 000102030405060708090A0B0C0D0E0F -secretkeyid 01 "
        "-recip mottaker.pem " OAEP,
        "-aes-256-gcm -recip ec.pem -recip mottaker.pem " OAEP};
    need_keys();
    test_shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 "
               "-keyout ec.key -out ec.pem -subj /CN=ec");
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        fiks_buf message = encrypt_with(options[i]);
        check_text(&message);
        fiks_buf_free(&message);
    }
    fiks_buf message = encrypt_with("-aes256 -recip ec.pem");
    CHECK_FAILS(read_own(&message), FIKS_CRYPTO, "no_recipient");
    fiks_buf_free(&message);
}

/* Entries in any number and order; one that is damaged does not spoil the one that is not. */
TEST(several_entries_that_match)
{
    fiks_buf twice = encrypt_with("-aes256 -recip mottaker.pem " OAEP " -recip mottaker.pem " OAEP
                                  " -recip mottaker.pem " OAEP);
    parts of = take_apart(twice.data);
    for (size_t damaged = 0; damaged < 3; damaged++)
        for (size_t other = 0; other < 3; other++) {
            uint8_t *one = (uint8_t *)child_of(child_of(of.recipients, damaged), 3).body;
            uint8_t *two = (uint8_t *)child_of(child_of(of.recipients, other), 3).body;
            one[9] ^= 1;
            two[99] ^= 1;
            check_text(&twice);
            one[9] ^= 1;
            two[99] ^= 1;
        }
    fiks_buf_free(&twice);
    fiks_buf v15 = encrypt_with("-aes256 -recip mottaker.pem -recip mottaker.pem");
    of = take_apart(v15.data);
    for (size_t damaged = 0; damaged < 2; damaged++) {
        uint8_t *one = (uint8_t *)child_of(child_of(of.recipients, damaged), 3).body;
        one[9] ^= 1;
        check_text(&v15);
        one[9] ^= 1;
    }
    fiks_buf_free(&v15);
}

TEST(weak_ciphers_are_read_when_asked_for)
{
    static const struct {
        const char *options, *says;
    } weak[] = {{"-des3", "1.2.840.113549.3.7"},
                {"-provider default -provider legacy -des", "1.3.14.3.2.7"},
                {"-provider default -provider legacy -rc2-40", "1.2.840.113549.3.2"},
                {"-provider default -provider legacy -rc2-64", "1.2.840.113549.3.2"},
                {"-provider default -provider legacy -rc2", "1.2.840.113549.3.2"}};
    char options[256];
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
        snprintf(options, sizeof options, "%s -recip mottaker.pem", weak[i].options);
        fiks_buf message = encrypt_with(options);
        CHECK_FAILS(read_own(&message), FIKS_CRYPTO, "algorithm");
        CHECK_HAS(last.message, weak[i].says);
        CHECK_HAS(last.message, "legacy_ciphers");
        legacy_ciphers = true;
        check_text(&message);
        CHECK_FAILS(read_chunks(message.data, message.len - 1, 99, &mottaker, 1), FIKS_CRYPTO,
                    "truncated");
        legacy_ciphers = false;
        fiks_buf_free(&message);
    }
}

/* ---- PEM ----------------------------------------------------------------------------------- */

TEST(reads_pem)
{
    static const struct {
        const char *prepare, *code; /* "" = it is read */
    } ways[] = {
        {"cat", ""},
        {"sed 's/$/\\r/'", ""},
        {"sed 's/ CMS-/ PKCS7-/'", ""},
        {"{ printf '\\357\\273\\277 \\n'; cat; printf '\\n \\n'; }", ""},
        {"sed '2,3s/\\(....\\)/\\1 \\n/2'", ""},
        {"{ cat; echo mer; }", "trailing"},
        {"sed '/END/d'", "truncated"},
        {"sed 's/-----END.*/-----END CM/'", "structure"},
        {"sed '5d'", "structure"},
        {"sed '3s/./!/9'", "structure"},
        {"sed '3s/./=/9'", "structure"},
        {"sed 's/END CMS/END PKCS7/'", "structure"},
        {"sed '1s/$/ MII/'", "structure"},
        {"sed 's/ CMS-/ MESSAGE-/'", "not_cms"},
        {"grep -v -e -----", "not_cms"},
        {"sed '4s/.$//'", "structure"},
    };
    need_keys();
    test_write_file(test_temp_path("plain"), text, strlen(text));
    test_shell("openssl cms -encrypt -binary -outform PEM -in plain -out pem " KS);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        test_shell("cat pem | %s >message", ways[i].prepare);
        fiks_buf message = load_file("message");
        bool good = !ways[i].code[0] || strcmp(ways[i].code, "trailing") == 0;
        if (good) {
            check_text(&message);
            CHECK_EQ_INT(trailing, ways[i].code[0] != '\0');
        } else if (read_own(&message) == FIKS_OK || strcmp(last.code, ways[i].code) != 0) {
            TEST_FAIL("%s: %s, not %s", ways[i].prepare, last.code, ways[i].code);
        }
        fiks_buf_free(&message);
    }
}

TEST(pem_truncated_at_every_byte)
{
    need_keys();
    test_write_file(test_temp_path("plain"), text, strlen(text));
    test_shell("openssl cms -encrypt -binary -outform PEM -in plain -out message " KS);
    fiks_buf message = load_file("message");
    for (size_t n = 1; n + 1 < message.len; n++)
        CHECK_FAILS(read_chunks(message.data, n, n, &mottaker, 1), FIKS_CRYPTO,
                    n < 64 ? "not_cms" : "truncated");
    fiks_buf_free(&message);
}

/* ---- what is long -------------------------------------------------------------------------- */

static uint64_t counted;

static fiks_status count(void *to, const void *data, size_t len, fiks_error *err)
{
    (void)to, (void)data, (void)err;
    counted += len;
    return FIKS_OK;
}

static void feed_length(fiks_cms_reader *reader, uint64_t len)
{
    static const uint8_t zeros[1 << 20];
    for (; len > 0; len -= len < sizeof zeros ? len : sizeof zeros)
        CHECK_OK(
            fiks_cms_reader_feed(reader, zeros, len < sizeof zeros ? len : sizeof zeros, &last),
            last);
}

/* A content of more than 4 GiB with a definite length: zeros, and a real end (CBC looks one block
 * back only). */
TEST(definite_lengths_above_4_gib)
{
    const uint64_t more = (uint64_t)1 << 32;
    const char *preloaded = getenv("LD_PRELOAD");
    if (preloaded && strstr(preloaded, "vgpreload"))
        SKIP("4 GiB take too long under valgrind");
    fiks_buf der = der_message(), start = {0};
    parts of = take_apart(der.data);
    fiks_buf_add(&start, "\x30\x80", 2);
    add_piece(&start, of.type);
    fiks_buf_add(&start, "\xA0\x80\x30\x80", 4);
    add_piece(&start, of.version);
    add_piece(&start, of.recipients);
    fiks_buf_add(&start, "\x30\x80", 2);
    add_piece(&start, of.data_type);
    add_piece(&start, of.algorithm);
    fiks_buf_add(&start, "\x80\x88", 2);
    for (int shift = 56; shift >= 0; shift -= 8)
        fiks_buf_add(&start, &(uint8_t){(uint8_t)((more + of.content.body_len) >> shift)}, 1);
    fiks_cms_reader *reader;
    fiks_cms_options options = {&mottaker, 1, false};
    fiks_error_clear(&last);
    CHECK_OK(fiks_cms_reader_new(&options, count, NULL, &reader, &last), last);
    CHECK_OK(fiks_cms_reader_feed(reader, start.data, start.len, &last), last);
    feed_length(reader, more);
    CHECK_OK(fiks_cms_reader_feed(reader, of.content.body, of.content.body_len, &last), last);
    CHECK_EQ_INT(fiks_cms_reader_finish(reader, &last), FIKS_CRYPTO); /* the ends are demanded */
    CHECK_STR(last.code, "truncated");
    fiks_error_clear(&last);
    CHECK_OK(fiks_cms_reader_feed(reader, "\0\0\0\0\0\0\0\0", 8, &last), last);
    CHECK_OK(fiks_cms_reader_finish(reader, &last), last);
    CHECK(counted == more + strlen(text));
    fiks_cms_reader_free(reader);
    fiks_buf_free(&start);
    fiks_buf_free(&der);
}

int main(void)
{
    return run_cms_tests("test_cms_profiles");
}
