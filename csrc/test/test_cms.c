/* What the CMS reader and writer must be able to do. test_cms_bad.c has what must fail. */
#include "cms_read.h"

/* ---- good ---------------------------------------------------------------------------------- */

TEST(reads_what_it_writes)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 999, 1000, 4096, 65535, 65536, 65537, 300000};
    char *data = malloc(300000);
    for (size_t i = 0; i < 300000; i++)
        data[i] = (char)(i * 2654435761u >> 11);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fiks_buf message = encrypt_own(data, sizes[i]);
        CHECK_OK(read_own(&message), last);
        CHECK_MEM(plain.data, plain.len, data, sizes[i]);
        fiks_buf_free(&message);
    }
    free(data);
}

TEST(openssl_reads_what_it_writes)
{
    fiks_buf message = encrypt_own(text, strlen(text));
    test_write_file(test_temp_path("ours"), message.data, message.len);
    fiks_buf_free(&message);
    test_shell("openssl cms -decrypt -inform DER -in ours -inkey mottaker.key -out ours.txt");
    fiks_buf back = load_file("ours.txt");
    CHECK_MEM(back.data, back.len, text, strlen(text));
    fiks_buf_free(&back);
    test_shell("openssl cms -cmsout -print -noout -inform DER -in ours >ours.print");
    fiks_buf print = load_file("ours.print");
    CHECK_HAS(print.data, "aes-256-cbc");
    CHECK_HAS(print.data, "rsaesOaep");
    CHECK_HAS(print.data, "d.issuerAndSerialNumber");
    CHECK_HAS(print.data, ":sha256");
    fiks_buf_free(&print);
}

TEST(writing_for_several_opens_for_each)
{
    char *pems[] = {pem_of("annen"), pem_of("mottaker")};
    void *out;
    size_t len;
    fiks_error err = {0};
    CHECK_OK(fiks_cms_encrypt(text, strlen(text), (const char *const *)pems, 2, &out, &len, &err),
             err);
    CHECK_OK(read_with(out, len, &mottaker, 1), last);
    CHECK_MEM(plain.data, plain.len, text, strlen(text));
    CHECK_OK(read_with(out, len, &annen, 1), last);
    CHECK_MEM(plain.data, plain.len, text, strlen(text));
    fiks_bytes_free(out, len);
    free(pems[0]);
    free(pems[1]);
}

TEST(writing_refuses_what_it_cannot_encrypt_for)
{
    void *out;
    size_t len;
    fiks_error err = {0};
    const char *bad[] = {"not a certificate"};
    CHECK_EQ_INT(fiks_cms_encrypt("x", 1, bad, 1, &out, &len, &err), FIKS_INVALID);
    CHECK_STR(err.code, "format");
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_cms_encrypt("x", 1, bad, 0, &out, &len, &err), FIKS_INVALID);
    CHECK_STR(err.code, "recipients");
    test_shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 "
               "-keyout ec.key -out ec.pem -subj /CN=ec");
    char *pem = test_read_file(test_temp_path("ec.pem"), NULL);
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_cms_encrypt("x", 1, (const char *const *)&pem, 1, &out, &len, &err),
                 FIKS_INVALID);
    CHECK_STR(err.code, "unsupported_key");
    CHECK(out == NULL && len == 0);
    free(pem);
}

TEST(reads_what_openssl_writes)
{
    static const char *const options[] = {
        "-aes256 -recip mottaker.pem " OAEP,
        "-stream -aes256 -recip mottaker.pem " OAEP,
        "-aes192 -recip mottaker.pem " OAEP,
        "-aes128 -recip mottaker.pem " OAEP,
        "-keyid -aes256 -recip mottaker.pem " OAEP,
        "-aes256 -recip mottaker.pem -keyopt rsa_padding_mode:oaep",
        "-aes256 -recip mottaker.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 "
        "-keyopt rsa_mgf1_md:sha1",
        "-aes256 -recip mottaker.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha384 "
        "-keyopt rsa_mgf1_md:sha512",
        "-aes256 -recip mottaker.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha512",
        "-aes256 -recip mottaker.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 "
        "-keyopt rsa_oaep_label:4142430a",
        "-aes256 -recip mottaker.pem",
        "-aes256 -recip annen.pem " OAEP " -recip mottaker.pem " OAEP,
        "-aes256 -recip mottaker.pem " OAEP " -recip annen.pem " OAEP,
        "-aes256 -recip annen.pem -recip mottaker.pem " OAEP,
        "-aes256 -recip mottaker.pem -recip mottaker.pem " OAEP,
        "-aes256 -secretkey 000102030405060708090A0B0C0D0E0F -secretkeyid 01 -recip mottaker.pem",
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        fiks_buf message = encrypt_with(options[i]);
        check_text(&message);
        fiks_buf_free(&message);
    }
}

TEST(reads_every_form_of_ber)
{
    fiks_buf der = der_message();
    parts of = take_apart(der.data);
    static const size_t segments[] = {0, 1, 3, 16, 50, 1000};
    for (int how = SHORTEST; how <= LONGEST; how++)
        for (size_t s = 0; s < sizeof segments / sizeof *segments; s++)
            for (int nested = 0; nested <= 4; nested += 2) {
                plan p = {.how = (form)how,
                          .segment = segments[s],
                          .nested = nested,
                          .empty_too = nested > 0};
                fiks_buf message = {0};
                put_together(&message, &of, &p);
                check_text(&message);
                fiks_buf_free(&message);
            }
    fiks_buf_free(&der);
}

/* The SET of recipients anew: indefinite lengths and an encryptedKey in pieces. */
static fiks_buf ber_recipients(const parts *of)
{
    piece entry = child_of(of->recipients, 0), key = child_of(entry, 3);
    fiks_buf halves = {0}, body = {0}, sequence = {0}, set = {0};
    add_element(&halves, 0x04, SHORTEST, key.body, 100);
    add_element(&halves, 0x04, LONGEST, key.body + 100, key.body_len - 100);
    for (size_t i = 0; i < 3; i++)
        add_piece(&body, child_of(entry, i));
    wrap(&body, 0x24, INDEFINITE, &halves);
    wrap(&sequence, 0x30, INDEFINITE, &body);
    wrap(&set, 0x31, INDEFINITE, &sequence);
    return set;
}

TEST(reads_recipients_in_ber)
{
    fiks_buf der = der_message(), message = {0};
    parts of = take_apart(der.data);
    fiks_buf set = ber_recipients(&of);
    put_together(&message, &of, &(plan){.how = INDEFINITE, .segment = 9, .recipients = &set});
    check_text(&message);
    fiks_buf_free(&set);
    fiks_buf_free(&message);
    fiks_buf_free(&der);
}

TEST(skips_what_it_need_not_understand)
{
    fiks_buf der = der_message(), before = {0}, behind = {0}, message = {0};
    parts of = take_apart(der.data);
    add_element(&before, 0xA0, SHORTEST, "", 0);
    add_element(&behind, 0xA1, INDEFINITE, "\x30\x03\x02\x01\x05", 5);
    for (int how = SHORTEST; how <= LONGEST; how++) {
        plan p = {.how = (form)how, .segment = 20, .before = &before, .behind = &behind};
        put_together(&message, &of, &p);
        check_text(&message);
        fiks_buf_free(&message);
    }
    fiks_buf_free(&before);
    fiks_buf_free(&behind);
    fiks_buf_free(&der);
}

TEST(bytes_behind_the_end)
{
    fiks_buf message = der_message();
    fiks_buf_add(&message, "\0\0\0", 3);
    check_text(&message);
    CHECK(!trailing);
    fiks_buf_add(&message, "x", 1);
    check_text(&message);
    CHECK(trailing);
    fiks_buf_free(&message);
}

TEST(several_keys_any_order)
{
    static const char *const options[] = {"-aes256 -recip mottaker.pem " OAEP,
                                          "-aes256 -recip mottaker.pem",
                                          "-aes256 -recip mottaker.pem -recip mottaker.pem " OAEP};
    need_keys();
    fiks_key *keys[] = {annen, mottaker}, *turned[] = {mottaker, annen};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        fiks_buf message = encrypt_with(options[i]);
        CHECK_OK(read_with(message.data, message.len, keys, 2), last);
        CHECK_MEM(plain.data, plain.len, text, strlen(text));
        CHECK_EQ_INT(key_used, 1);
        CHECK_OK(read_with(message.data, message.len, turned, 2), last);
        CHECK_EQ_INT(key_used, 0);
        fiks_buf_free(&message);
    }
}

TEST(a_renewed_certificate_of_the_same_key)
{
    need_keys();
    test_shell("openssl req -x509 -key mottaker.key -days 9 -set_serial 4711 -subj /CN=fornyet "
               "-out fornyet.pem");
    fiks_buf message = encrypt_with("-aes256 -recip fornyet.pem " OAEP);
    check_text(&message);
    fiks_buf_free(&message);
}

/* ---- files --------------------------------------------------------------------------------- */

TEST(decrypts_files)
{
    fiks_buf message = der_message();
    char from[512], to[512];
    fiks_cms_result result;
    fiks_error err = {0};
    need_keys();
    fiks_cms_options options = {&mottaker, 1, false};
    snprintf(from, sizeof from, "%s", test_temp_path("m.cms"));
    snprintf(to, sizeof to, "%s", test_temp_path("files/m.txt"));
    test_shell("mkdir files");
    test_write_file(from, message.data, message.len);
    CHECK_OK(fiks_cms_decrypt_file(from, NULL, &options, &result, &err), err);
    CHECK_EQ_INT(result.bytes, strlen(text));
    CHECK_OK(fiks_cms_decrypt_file(from, to, &options, &result, &err), err);
    fiks_buf back = load_file("files/m.txt");
    CHECK_MEM(back.data, back.len, text, strlen(text));
    fiks_buf_free(&back);
    test_shell("test \"$(ls -A files)\" = m.txt; rm files/m.txt");
    test_write_file(from, message.data, message.len - 1);
    CHECK_EQ_INT(fiks_cms_decrypt_file(from, to, &options, &result, &err), FIKS_CRYPTO);
    CHECK_STR(err.code, "truncated");
    test_shell("test -z \"$(ls -A files)\"");
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_cms_decrypt_file("/nonexistent/x", to, &options, &result, &err), FIKS_IO);
    CHECK_HAS(err.message, "/nonexistent/x");
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_cms_decrypt_file(from, "/nonexistent/x", &options, &result, &err), FIKS_IO);
    test_shell("test -z \"$(ls -A files)\"");
    fiks_buf_free(&message);
}

/* ---- published vectors --------------------------------------------------------------------- */

static fiks_key *vector_key(const char *name)
{
    fiks_key *key;
    fiks_error err = {0};
    fiks_key_options options = FIKS_OPTIONS(fiks_key_options);
    options.file = test_vector(name);
    options.password = strstr(name, ".p12") ? "changeit" : NULL;
    CHECK_OK(fiks_key_new(&options, &key, &err), err);
    return key;
}

/* Reads a vector with a key, and compares with a file (NULL = only the length). */
static void check_vector(const char *key_name, const char *name, const char *want_name,
                         size_t want_len)
{
    fiks_key *key = vector_key(key_name);
    size_t len, plain_len;
    char *data = test_read_file(test_vector(name), &len);
    CHECK_OK(read_with(data, len, &key, 1), last);
    if (want_name) {
        char *want = test_read_file(test_vector(want_name), &plain_len);
        CHECK_MEM(plain.data, plain.len, want, plain_len);
        free(want);
    } else {
        CHECK_EQ_INT(plain.len, want_len);
    }
    free(data);
    fiks_key_free(key);
}

#define S "svarinn/synthetic/"

TEST(vectors_synthetic)
{
    static const char *const same[] = {
        "ks-like-oaep256",       "der-definite-oaep256",   "rsa-pkcs1v15",   "oaep-sha1-default",
        "oaep-sha256-mgf1-sha1", "dotnet-like-two-ktri",   "two-recipients", "ski-oaep256",
        "aes128-oaep256",        "authenveloped-aes256gcm"};
    char name[128];
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        snprintf(name, sizeof name, S "%s.cms", same[i]);
        check_vector(S "test-key.pem", name, S "plain.txt", 0);
    }
    check_vector(S "test-key.pem", S "ks-like-oaep256.pem", S "plain.txt", 0);
    check_vector(S "test-key.pem", S "empty-plaintext.cms", NULL, 0);
    check_vector(S "other-key.pem", S "fiksio-payload.asice.cms", S "fiksio-payload.asice", 0);
    check_vector(S "other-key.pem", S "two-recipients.cms", S "plain.txt", 0);
}

TEST(vectors_of_ks)
{
    check_vector("svarinn/dekrypter/privatekey.pem", "svarinn/dekrypter/kryptert.pdf.crypt", NULL,
                 3820);
    check_vector("svarinn/sakmottak/sp-key.pem", "svarinn/sakmottak/small.crypt", NULL, 3151);
    check_vector("svarinn/sakmottak/sp-key.pem", "svarinn/sakmottak/dokumenter.crypt", NULL, 1776);
    check_vector("svarinn/kryptering-dotnet/fiks_demo_private.pem",
                 "svarinn/kryptering-dotnet/EncryptedData.der", NULL, 2331);
    check_vector("svarinn/efm/somdalen.key.pem", "svarinn/efm/somdalen-dokumenter-ae68b33d.zip",
                 NULL, 248);
    check_vector("svarinn/efm/somdalen.p12", "svarinn/efm/somdalen-dokumenter-ae68b33d.zip", NULL,
                 248);
    check_vector("svarinn/efm/somdalen.key.pem", "svarinn/efm/empty_encrypted_svarinnfiles.zip",
                 NULL, 22);
}

TEST(vectors_that_fail)
{
    static const struct {
        const char *key, *name, *code;
    } bad[] = {
        {S "test-key.pem", S "truncated-header.cms", "truncated"},
        {S "test-key.pem", S "truncated-tail.cms", "truncated"},
        {S "test-key.pem", "svarinn/sakmottak/id.crypt", "no_key"},
        {S "test-key.pem", "svarinn/asice-dotnet/signature.p7s", "content_type"},
        {"svarinn/kryptering-dotnet/rsa_private_key.pem",
         "svarinn/kryptering-dotnet/EncryptedData.der", "no_key"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fiks_key *key = vector_key(bad[i].key);
        size_t len;
        char *data = test_read_file(test_vector(bad[i].name), &len);
        CHECK_FAILS(read_with(data, len, &key, 1), FIKS_CRYPTO, bad[i].code);
        free(data);
        fiks_key_free(key);
    }
}

int main(void)
{
    return run_cms_tests("test_cms");
}
