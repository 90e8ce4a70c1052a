/* Reading messages in every chunking, and making them, for the tests of the CMS reader. */
#ifndef FIKS_TEST_CMS_READ_H
#define FIKS_TEST_CMS_READ_H

#include "../cms.h"
#include "../error.h"
#include "cms_build.h"
#include "keys.h"

/* ---- reading ------------------------------------------------------------------------------- */

static fiks_error last;
static fiks_buf plain; /* of the last reading */
__attribute__((unused)) static bool trailing, legacy_ciphers;
__attribute__((unused)) static size_t key_used;

__attribute__((unused)) static fiks_status keep(void *to, const void *data, size_t len,
                                                fiks_error *err)
{
    (void)err;
    fiks_buf_add(to, data, len);
    return FIKS_OK;
}

__attribute__((unused)) static fiks_status read_chunks(const void *data, size_t len, size_t chunk,
                                                       fiks_key *const *keys, size_t key_count)
{
    fiks_cms_reader *reader;
    fiks_error_clear(&last);
    fiks_buf_free(&plain);
    fiks_cms_options options = {keys, key_count, legacy_ciphers};
    fiks_status status = fiks_cms_reader_new(&options, keep, &plain, &reader, &last);
    for (size_t i = 0; i < len && !status; i += chunk)
        status = fiks_cms_reader_feed(reader, (const char *)data + i,
                                      len - i < chunk ? len - i : chunk, &last);
    if (!status)
        status = fiks_cms_reader_finish(reader, &last);
    if (!status)
        CHECK_EQ_INT(fiks_cms_reader_bytes(reader), plain.len);
    trailing = fiks_cms_reader_trailing(reader);
    key_used = fiks_cms_reader_key(reader);
    fiks_cms_reader_free(reader);
    CHECK_EQ_INT(status, last.kind);
    return status;
}

/* Reads in every chunking; all must agree. The value is what they all gave. */
__attribute__((unused)) static fiks_status read_with(const void *data, size_t len,
                                                     fiks_key *const *keys, size_t key_count)
{
    static const size_t chunks[] = {1, 7, 1000, SIZE_MAX / 2};
    fiks_status first = FIKS_OK;
    char code[64];
    fiks_buf first_plain = {0};
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        fiks_status status = read_chunks(data, len, chunks[i], keys, key_count);
        if (i == 0) {
            first = status;
            snprintf(code, sizeof code, "%s", last.code);
            fiks_buf_add(&first_plain, plain.data, plain.len);
        }
        CHECK_EQ_INT(status, first);
        CHECK_STR(last.code, code);
        if (!status)
            CHECK_MEM(plain.data, plain.len, first_plain.data, first_plain.len);
    }
    fiks_buf_free(&first_plain);
    return first;
}

static fiks_key *mottaker, *annen;

__attribute__((unused)) static void need_keys(void)
{
    if (mottaker)
        return;
    mottaker = test_key("mottaker");
    annen = test_key("annen");
}

__attribute__((unused)) static fiks_status read_own(const fiks_buf *message)
{
    need_keys();
    return read_with(message->data, message->len, &mottaker, 1);
}

#define CHECK_FAILS(status, want_kind, want_code)                                                  \
    do {                                                                                           \
        CHECK_EQ_INT(status, want_kind);                                                           \
        CHECK_STR(last.code, want_code);                                                           \
    } while (0)

/* ---- messages ------------------------------------------------------------------------------ */

static const char text[] = "Forsendelse med æøå, til mottaker. Nok tekst til flere blokker, "
                           "så at den kan deles opp på mange måter.";

/* A file of the test's folder. */
__attribute__((unused)) static fiks_buf load_file(const char *name)
{
    fiks_buf out = {0};
    size_t len = 0;
    char *data = test_read_file(test_temp_path(name), &len);
    CHECK(data != NULL);
    fiks_buf_add(&out, data, len);
    free(data);
    return out;
}

#define OAEP "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256"

/* What `openssl cms -encrypt <options>` makes of `text`, for mottaker unless the options say. */
__attribute__((unused)) static fiks_buf encrypt_with(const char *options)
{
    need_keys();
    test_write_file(test_temp_path("plain"), text, strlen(text));
    test_shell("openssl cms -encrypt -binary -outform DER -in plain -out message %s", options);
    return load_file("message");
}

__attribute__((unused)) static fiks_buf der_message(void)
{
    return encrypt_with("-aes256 -recip mottaker.pem " OAEP);
}

__attribute__((unused)) static void check_text(const fiks_buf *message)
{
    CHECK_OK(read_own(message), last);
    CHECK_MEM(plain.data, plain.len, text, strlen(text));
}

__attribute__((unused)) static char *pem_of(const char *name)
{
    char file[64];
    snprintf(file, sizeof file, "%s.pem", name);
    need_keys();
    char *pem = test_read_file(test_temp_path(file), NULL);
    CHECK(pem != NULL);
    return pem;
}

__attribute__((unused)) static fiks_buf encrypt_own(const void *data, size_t len)
{
    char *pem = pem_of("mottaker");
    void *out;
    size_t out_len;
    fiks_buf message = {0};
    fiks_error err = {0};
    CHECK_OK(fiks_cms_encrypt(data, len, (const char *const *)&pem, 1, &out, &out_len, &err), err);
    fiks_buf_add(&message, out, out_len);
    fiks_bytes_free(out, out_len);
    free(pem);
    return message;
}

/* The value of main. */
__attribute__((unused)) static int run_cms_tests(const char *program)
{
    int result = run_tests(program);
    fiks_buf_free(&plain);
    fiks_key_free(mottaker);
    fiks_key_free(annen);
    return result;
}

#endif
