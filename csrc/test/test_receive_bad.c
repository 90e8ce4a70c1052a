/* When receiving fails, nothing is left; when it is tried again, it works. */
#include <signal.h>
#include <sys/resource.h>

#include "receive_run.h"

#define PDF "%PDF-1.4 et lite brev"

static fiks_buf two_files(void)
{
    zip_file files[] = {{FILE_OF("brev.pdf", PDF), .method = 8, .sizes = BEHIND},
                        {FILE_OF("vedlegg.txt", "et vedlegg"), .method = 8, .sizes = BEHIND}};
    return zip_build(files, 2, NULL);
}

TEST(truncated_at_every_byte)
{
    fiks_buf zip = two_files(), message = encrypt_for("mottaker", zip.data, zip.len);
    fiks_expected_file expected = {"brev.pdf", NULL, 0};
    size_t whole = message.len;
    for (size_t n = 0; n<whole; n += n> 150 && n + 20 < whole ? 5 : 1) {
        message.len = n;
        run r = {.expected = &expected, .expected_count = n % 2};
        fiks_status status = receive(&r, &message);
        CHECK_EQ_INT(status, n == 0 ? FIKS_PROTOCOL : FIKS_CRYPTO);
        CHECK_STR(last.code, n == 0 ? "empty" : "truncated");
    }
    fiks_buf_free(&zip);
    fiks_buf_free(&message);
}

TEST(a_truncated_zip_in_a_whole_message)
{
    fiks_buf zip = two_files();
    for (size_t n = 4; n < zip.len; n += 3) {
        fiks_buf message = encrypt_for("mottaker", zip.data, n);
        fiks_expected_file expected = {"brev.pdf", NULL, 0};
        run r = {.expected = &expected, .expected_count = n % 2};
        CHECK_FAILS(receive(&r, &message), FIKS_INTEGRITY, "truncated");
        fiks_buf_free(&message);
    }
    fiks_buf_free(&zip);
}

TEST(the_wrong_key)
{
    fiks_buf message = encrypt_for("annen", PDF, strlen(PDF));
    run r = {0};
    CHECK_FAILS(receive(&r, &message), FIKS_CRYPTO, "no_key");
    CHECK_STR(r.seen, "");
    fiks_buf_free(&message);
}

TEST(what_is_not_encrypted)
{
    fiks_buf message = {0};
    run r = {0};
    fiks_buf_adds(&message, "<html>something went wrong</html>");
    CHECK_FAILS(receive(&r, &message), FIKS_CRYPTO, "not_cms");
    CHECK_HAS(last.message, "HTML");
    fiks_buf_free(&message);
}

TEST(limits)
{
    char *zeros = calloc(1, 2 << 20);
    zip_file bomb = {.name = "bombe", .data = zeros, .len = 2 << 20, .method = 8};
    fiks_buf zip = zip_build(&bomb, 1, NULL);
    run r = {0};
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_LIMIT, "ratio");
    r.max_total_bytes = 1000;
    CHECK_OK(receive_plain(&r, zeros, 1000), last);
    CHECK_FAILS(receive_plain(&r, zeros, 1001), FIKS_LIMIT, "total");
    fiks_expected_file expected = {"x", NULL, 0};
    r = (run){.max_total_bytes = 1000, .expected = &expected, .expected_count = 1};
    CHECK_FAILS(receive_plain(&r, zeros, 1001), FIKS_LIMIT, "total");
    fiks_buf_free(&zip);
    free(zeros);
}

/* Ten million blanks: a bomb, unless the list says that just this was sent. */
TEST(what_packs_well_and_was_announced)
{
    enum { LEN = 10 << 20 };
    char *blanks = malloc(LEN);
    memset(blanks, ' ', LEN);
    zip_file files[] = {{.name = "tabell.csv", .data = blanks, .len = LEN, .method = 8},
                        {FILE_OF("brev.pdf", PDF), .method = 8}};
    fiks_buf zip = zip_build(files, 2, NULL);
    const char *hash = sha(blanks, LEN);
    const struct {
        const char *sha256;
        int64_t size_bytes;
        const char *code; /* NULL = received */
    } rows[] = {
        {hash, LEN, NULL},        {hash, 2LL * LEN, NULL}, /* the hash says that it is the one */
        {hash, LEN - 1, "ratio"}, {hash, 0, "ratio"},
        {NULL, LEN, "ratio"},     {sha("x", 1), LEN, "mismatch"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        fiks_expected_file expected[] = {{"tabell.csv", rows[i].sha256, rows[i].size_bytes},
                                         {"brev.pdf", NULL, 0}};
        run r = {.expected = expected, .expected_count = 2};
        fiks_status status = receive_plain(&r, zip.data, zip.len);
        if (status != FIKS_OK && !rows[i].code)
            TEST_FAIL("row %zu: %s", i, last.message);
        CHECK_STR(last.code, rows[i].code ? rows[i].code : "");
    }
    fiks_expected_file other = {"brev.pdf", sha(PDF, sizeof PDF - 1), LEN}; /* not the bomb's */
    run r = {.expected = &other, .expected_count = 1};
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_LIMIT, "ratio");
    fiks_buf_free(&zip);
    free(blanks);
}

TEST(a_folder_that_exists)
{
    fiks_sink *sink = NULL;
    fiks_key *keys[] = {own_key()};
    fiks_forsendelse_options options = FIKS_OPTIONS(fiks_forsendelse_options);
    empty_inbox();
    options.folder = inbox();
    options.keys = keys;
    options.key_count = 1;
    fiks_error_clear(&last);
    CHECK_FAILS(fiks_forsendelse_sink_new(&options, &sink, &last), FIKS_IO, "exists");
    CHECK(sink == NULL);
    options.folder = "/nonexistent/a/b";
    fiks_error_clear(&last);
    CHECK_FAILS(fiks_forsendelse_sink_new(&options, &sink, &last), FIKS_IO, "file");
    CHECK_HAS(last.message, "/nonexistent/a");
    options.folder = NULL;
    CHECK_EQ_INT(fiks_forsendelse_sink_new(&options, &sink, NULL), FIKS_INVALID);
    options.folder = target();
    options.key_count = 0;
    CHECK_EQ_INT(fiks_forsendelse_sink_new(&options, &sink, NULL), FIKS_INVALID);
    options.key_count = 1;
    options.expected = &(fiks_expected_file){"", NULL, 0};
    options.expected_count = 1;
    CHECK_EQ_INT(fiks_forsendelse_sink_new(&options, &sink, NULL), FIKS_INVALID);
}

TEST(a_folder_that_appears_meanwhile)
{
    fiks_buf zip = two_files(), message = encrypt_for("mottaker", zip.data, zip.len);
    for (int with_file = 0; with_file <= 1; with_file++) {
        run r = {0};
        char path[800];
        empty_inbox();
        fiks_sink *sink = new_sink(&r);
        CHECK_EQ_INT(mkdir(target(), 0700), 0);
        snprintf(path, sizeof path, "%s/theirs", target());
        if (with_file)
            test_write_file(path, "x", 1);
        CHECK_FAILS(feed_all(sink, &message, 0), FIKS_IO, "exists");
        fiks_sink_free(sink);
        CHECK_STR(listing(inbox()), "forsendelse|");
        CHECK_STR(listing(target()), with_file ? "theirs|" : "");
    }
    fiks_buf_free(&zip);
    fiks_buf_free(&message);
}

TEST(while_it_goes_on_only_a_temporary_folder_is_seen)
{
    fiks_buf zip = two_files(), message = encrypt_for("mottaker", zip.data, zip.len);
    run r = {0};
    empty_inbox();
    fiks_sink *sink = new_sink(&r);
    CHECK_STR(listing(inbox()), "");
    CHECK_EQ_INT(sink->ops->feed(sink, message.data, message.len, &last), FIKS_FEED_MORE);
    const char *name = listing(inbox());
    CHECK(name[0] == '.' && strlen(name) > 6);
    CHECK_STR(name + strlen(name) - 6, ".part|");
    CHECK_OK(sink->ops->finish(sink, &last), last);
    CHECK_STR(listing(inbox()), "forsendelse|");
    CHECK_EQ_INT(sink->ops->finish(sink, NULL), FIKS_INTERNAL);
    CHECK_EQ_INT(sink->ops->feed(sink, "x", 1, NULL), FIKS_FEED_FAILED);
    CHECK(!sink->ops->reset(sink));
    fiks_sink_free(sink);
    CHECK_STR(listing(target()), "brev.pdf|vedlegg.txt|");
    fiks_buf_free(&zip);
    fiks_buf_free(&message);
}

TEST(freed_half_way)
{
    fiks_buf zip = two_files(), message = encrypt_for("mottaker", zip.data, zip.len);
    fiks_expected_file expected = {"brev.pdf", NULL, 0};
    for (size_t count = 0; count <= 1; count++)
        for (size_t n = 0; n <= message.len; n += 31) {
            run r = {.expected = &expected, .expected_count = count};
            empty_inbox();
            fiks_sink *sink = new_sink(&r);
            CHECK_EQ_INT(sink->ops->feed(sink, message.data, n, &last), FIKS_FEED_MORE);
            fiks_sink_free(sink);
            CHECK_STR(listing(inbox()), "");
        }
    fiks_buf_free(&zip);
    fiks_buf_free(&message);
}

TEST(tried_again_after_any_interruption)
{
    fiks_buf zip = two_files(), message = encrypt_for("mottaker", zip.data, zip.len);
    fiks_expected_file expected[] = {{"brev.pdf", sha(PDF, strlen(PDF)), 0}, {"vedlegg.txt", 0, 0}};
    for (size_t n = 0; n <= message.len; n += 7) {
        run r = {.expected = expected, .expected_count = 2};
        empty_inbox();
        fiks_sink *sink = new_sink(&r);
        CHECK_EQ_INT(sink->ops->feed(sink, message.data, n, &last), FIKS_FEED_MORE);
        if (n % 2 && sink->ops->feed(sink, "garbage", 7, &last) == FIKS_FEED_FAILED)
            CHECK_STR(listing(inbox()), "");
        CHECK(sink->ops->reset(sink));
        CHECK_STR(listing(inbox()), "");
        CHECK_STR(verdicts(sink), "");
        CHECK_OK(feed_all(sink, &message, 50), last);
        CHECK_STR(verdicts(sink),
                  "brev.pdf>brev.pdf:verified|vedlegg.txt>vedlegg.txt:unverifiable|");
        fiks_sink_free(sink);
        CHECK_STR(listing(target()), "brev.pdf|vedlegg.txt|");
    }
    fiks_buf_free(&zip);
    fiks_buf_free(&message);
}

/* Long enough that content has come out before the interruption. */
TEST(tried_again_in_the_middle_of_a_file)
{
    size_t len = 400000;
    char *data = malloc(len);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    fiks_buf message = encrypt_for("mottaker", data, len);
    fiks_expected_file expected = {"stor.bin", sha(data, len), (int64_t)len};
    for (size_t count = 0; count <= 1; count++) {
        run r = {.expected = &expected, .expected_count = count, .max_total_bytes = (int64_t)len};
        empty_inbox();
        fiks_sink *sink = new_sink(&r);
        CHECK_EQ_INT(sink->ops->feed(sink, message.data, message.len / 2, &last), FIKS_FEED_MORE);
        CHECK(sink->ops->reset(sink));
        CHECK_OK(feed_all(sink, &message, 70000), last);
        size_t files;
        CHECK_STR(fiks_forsendelse_sink_files(sink, &files)->sha256, sha(data, len));
        CHECK_EQ_INT(files, 1);
        fiks_sink_free(sink);
    }
    free(data);
    fiks_buf_free(&message);
}

/* A file system that is full: /dev/full is not a folder, so the limit on file sizes has to do. */
TEST(a_full_disk)
{
    size_t len = 300000;
    char *data = malloc(len);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    fiks_buf message = encrypt_for("mottaker", data, len);
    struct rlimit was, small;
    CHECK_EQ_INT(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = (struct rlimit){100000, was.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
    run r = {0};
    fiks_status status = receive(&r, &message);
    CHECK_EQ_INT(setrlimit(RLIMIT_FSIZE, &was), 0);
    CHECK_FAILS(status, FIKS_IO, "file");
    CHECK(last.retryable);
    free(data);
    fiks_buf_free(&message);
}

TEST(a_foreign_sink_has_no_files)
{
    static const fiks_sink_ops none = {.name = "none"};
    fiks_sink sink = {&none};
    size_t count = 7;
    CHECK(fiks_forsendelse_sink_files(&sink, &count) == NULL);
    CHECK_EQ_INT(count, 0);
}

/* ---- published vectors --------------------------------------------------------------------- */

static fiks_buf vector_file(const char *name)
{
    fiks_buf out = {0};
    size_t len;
    char *data = test_read_file(test_vector(name), &len);
    fiks_buf_add(&out, data, len);
    free(data);
    return out;
}

/* Receives a vector with the key given in place of our own. */
static fiks_status receive_vector(run *r, const char *key_name, const char *name)
{
    fiks_key *key, *own = own_key();
    fiks_error err = {0};
    fiks_key_options options = FIKS_OPTIONS(fiks_key_options);
    options.file = test_vector(key_name);
    CHECK_OK(fiks_key_new(&options, &key, &err), err);
    fiks_buf message = vector_file(name);
    mottaker = key;
    fiks_status status = receive(r, &message);
    mottaker = own;
    fiks_key_free(key);
    fiks_buf_free(&message);
    return status;
}

#define S "svarinn/synthetic/"

TEST(vectors_of_svarut)
{
    run r = {0};
    CHECK_OK(
        receive_vector(&r, "svarinn/sakmottak/sp-key.pem", "svarinn/sakmottak/dokumenter.crypt"),
        last);
    CHECK_STR(listing(target()), "small.pdf|text.txt|");
    fiks_expected_file pdf = {
        "small.pdf", "8b628fc6410a8617083a6a265c4d9ac6c8f501aa378d8137e9aae0403db95d39", 3151};
    r = (run){.expected = &pdf, .expected_count = 1};
    CHECK_OK(receive_vector(&r, "svarinn/sakmottak/sp-key.pem", "svarinn/sakmottak/small.crypt"),
             last);
    CHECK_STR(r.seen, "small.pdf>small.pdf:verified|");
    fiks_expected_file pdf2 = {
        "kryptert.pdf", "29A1CB78C0F5E76A2DD86F60361ABD0D6ABCC104296B7D4D69359FA0B7749569", 3820};
    r = (run){.expected = &pdf2, .expected_count = 1};
    CHECK_OK(receive_vector(&r, "svarinn/dekrypter/privatekey.pem",
                            "svarinn/dekrypter/kryptert.pdf.crypt"),
             last);
    CHECK_STR(r.seen, "kryptert.pdf>kryptert.pdf:verified|");
    r = (run){0};
    CHECK_OK(receive_vector(&r, "svarinn/efm/somdalen.key.pem",
                            "svarinn/efm/somdalen-dokumenter-ae68b33d.zip"),
             last);
    CHECK_HAS(r.seen, ".docx:unverifiable|");
    CHECK_OK(receive_vector(&r, "svarinn/efm/somdalen.key.pem",
                            "svarinn/efm/empty_encrypted_svarinnfiles.zip"),
             last);
    CHECK_STR(r.seen, "");
}

TEST(vectors_of_the_list)
{
    fiks_expected_file expected[] = {
        {"søknad æøå.pdf", "5a838678058f6de375e8635b5f2fea47a4e5f07cb1a882a44b10f39abc6f34ff", 45},
        {"vedlegg.txt", "2e08db73033af95358a412c89ae369f4fd1f888a25b5001fa3b52c2a78e6b9a3", 23},
        {"tom.bin", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0}};
    run r = {.expected = expected, .expected_count = 3};
    CHECK_OK(receive_vector(&r, S "test-key.pem", S "zips/ok-utf8-datadescriptor.zip.cms"), last);
    CHECK_STR(r.seen, "søknad æøå.pdf>søknad æøå.pdf:verified|vedlegg.txt>vedlegg.txt:verified|"
                      "tom.bin>tom.bin:verified|");
}

TEST(vectors_that_are_refused)
{
    static const struct {
        const char *name;
        fiks_status kind;
        const char *code;
    } bad[] = {
        {S "zips/traversal.zip.cms", FIKS_ARCHIVE, "name"},
        {S "zips/duplicates.zip.cms", FIKS_ARCHIVE, "duplicate"},
        {S "zips/bomb-10MiB-zeros.zip.cms", FIKS_LIMIT, "ratio"},
        {S "truncated-tail.cms", FIKS_CRYPTO, "truncated"},
        {S "fiksio-payload.asice.cms", FIKS_CRYPTO, "no_key"},
        {S "empty-plaintext.cms", FIKS_INTEGRITY, "empty"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        run r = {0};
        CHECK_FAILS(receive_vector(&r, S "test-key.pem", bad[i].name), bad[i].kind, bad[i].code);
    }
}

static void free_all(void)
{
    fiks_key_free(mottaker);
}

int main(void)
{
    int result = run_tests("test_receive_bad");
    free_all();
    return result;
}
