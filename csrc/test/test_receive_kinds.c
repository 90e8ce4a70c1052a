/* What a forsendelse may come as, beyond the usual: authenticated, kept raw, with names that need
 * help, and what is said about it. */
#include "receive_run.h"

#define PDF "%PDF-1.4 et lite brev"
#define TXT "et vedlegg"

static fiks_buf two_files(void)
{
    zip_file files[] = {{FILE_OF("brev.pdf", PDF), .method = 8, .sizes = BEHIND},
                        {FILE_OF("vedlegg.txt", TXT), .method = 8, .sizes = BEHIND}};
    return zip_build(files, 2, NULL);
}

static char logged[4096];

static void take_line(int level, const char *line, void *data)
{
    (void)level, (void)data;
    strncat(logged, line, sizeof logged - strlen(logged) - 2);
    strcat(logged, "\n");
}

static void start_logging(void)
{
    logged[0] = '\0';
    fiks_log_set(take_line, 1, NULL);
}

/* What `openssl cms -encrypt <options>` makes of it. */
static fiks_buf encrypt_as(const char *options, const void *data, size_t len)
{
    fiks_buf message = {0};
    size_t made;
    own_key();
    test_write_file(test_temp_path("plain"), data, len);
    test_shell("openssl cms -encrypt -binary -outform DER -in plain -out message %s "
               "-recip mottaker.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256",
               options);
    char *bytes = test_read_file(test_temp_path("message"), &made);
    fiks_buf_add(&message, bytes, made);
    free(bytes);
    return message;
}

/* ---- authenticated content ------------------------------------------------------------------ */

TEST(authenticated_archives_and_documents)
{
    fiks_buf zip = two_files();
    fiks_expected_file expected[] = {{"brev.pdf", sha(PDF, strlen(PDF)), 0},
                                     {"vedlegg.txt", sha(TXT, strlen(TXT)), 0}};
    fiks_buf message = encrypt_as("-stream -aes-256-gcm", zip.data, zip.len);
    for (size_t n = 0; n <= 2; n += 2) {
        run r = {.expected = expected, .expected_count = n};
        for (r.chunk = 0; r.chunk < 100; r.chunk += 33) {
            CHECK_OK(receive(&r, &message), last);
            CHECK_HAS(r.seen, n ? "brev.pdf>brev.pdf:verified|" : "brev.pdf:unverifiable|");
            CHECK_STR(listing(target()), "brev.pdf|vedlegg.txt|");
            check_stored("vedlegg.txt", TXT, strlen(TXT));
        }
    }
    fiks_buf_free(&message);
    message = encrypt_as("-aes-128-gcm", PDF, strlen(PDF));
    for (size_t n = 0; n <= 1; n++) {
        run r = {.expected = expected, .expected_count = n};
        CHECK_OK(receive(&r, &message), last);
        CHECK_STR(listing(target()), n ? "brev.pdf|" : "dokument.pdf|");
    }
    fiks_buf_free(&message);
    fiks_buf_free(&zip);
}

/* Nothing of it is opened before its tag: with a wrong one, no file but the spool was ever there,
 * and what is wrong in the archive is not what is said. */
TEST(authenticated_content_is_not_looked_into_before_its_tag)
{
    zip_file bad = {FILE_OF("../ut.pdf", PDF)};
    fiks_buf zips[] = {two_files(), zip_build(&bad, 1, NULL)};
    for (size_t i = 0; i < 2; i++) {
        fiks_buf message = encrypt_as("-aes-256-gcm", zips[i].data, zips[i].len);
        for (size_t wrong = 0; wrong <= 1; wrong++) {
            run r = {0};
            message.data[message.len - 1] = (char)(message.data[message.len - 1] ^ (char)wrong);
            empty_inbox();
            fiks_sink *sink = new_sink(&r);
            fiks_feed fed = sink->ops->feed(sink, message.data, message.len - 1, &last);
            CHECK_EQ_INT(fed, FIKS_FEED_MORE);
            char inside[900];
            const char *part = listing(inbox());
            snprintf(inside, sizeof inside, "%s/%.*s", inbox(), (int)strcspn(part, "|"), part);
            CHECK_STR(listing(inside), ".spool|");
            CHECK_STR(verdicts(sink), "");
            fed = sink->ops->feed(sink, message.data + message.len - 1, 1, &last);
            if (fed == FIKS_FEED_MORE)
                sink->ops->finish(sink, &last);
            CHECK_STR(last.code, wrong ? "tag" : i ? "name" : "");
            fiks_sink_free(sink);
            CHECK_STR(listing(inbox()), wrong || i ? "" : "forsendelse|");
        }
        fiks_buf_free(&message);
        fiks_buf_free(&zips[i]);
    }
}

/* A flipped bit anywhere: an error and nothing left, or the very files. */
TEST(a_flipped_bit_is_found_or_harmless)
{
    static const char *const profiles[] = {"-aes256", "-aes-256-gcm"};
    fiks_buf zip = two_files();
    fiks_expected_file expected[] = {{"brev.pdf", sha(PDF, strlen(PDF)), 0},
                                     {"vedlegg.txt", sha(TXT, strlen(TXT)), 0}};
    run r = {.expected = expected, .expected_count = 2};
    for (size_t p = 0; p < 2; p++) {
        fiks_buf message = encrypt_as(profiles[p], zip.data, zip.len);
        for (size_t at = p; at < message.len; at += 3) {
            message.data[at] = (char)(message.data[at] ^ 1 << at % 8);
            if (receive(&r, &message) == FIKS_OK) {
                CHECK_STR(r.seen, "brev.pdf>brev.pdf:verified|vedlegg.txt>vedlegg.txt:verified|");
                check_stored("brev.pdf", PDF, strlen(PDF));
            }
            message.data[at] = (char)(message.data[at] ^ 1 << at % 8);
        }
        fiks_buf_free(&message);
    }
    fiks_buf_free(&zip);
}

TEST(weak_ciphers_only_when_asked_for)
{
    fiks_buf message = encrypt_as("-des3", PDF, strlen(PDF));
    run r = {0};
    CHECK_FAILS(receive(&r, &message), FIKS_CRYPTO, "algorithm");
    r.legacy_ciphers = true;
    CHECK_OK(receive(&r, &message), last);
    check_stored("dokument.pdf", PDF, strlen(PDF));
    fiks_buf_free(&message);
}

TEST(the_key_that_fits_is_told)
{
    fiks_key *keys[] = {test_key("annen"), own_key()};
    fiks_forsendelse_options options = FIKS_OPTIONS(fiks_forsendelse_options);
    fiks_buf message = encrypt_for("mottaker", PDF, strlen(PDF));
    fiks_sink *sink;
    empty_inbox();
    options.folder = target();
    options.keys = keys;
    options.key_count = 2;
    CHECK_OK(fiks_forsendelse_sink_new(&options, &sink, &last), last);
    CHECK_EQ_INT(fiks_forsendelse_sink_key(sink), -1);
    CHECK_OK(fiks_sink_feed(sink, message.data, message.len, &last), last);
    CHECK_OK(fiks_sink_finish(sink, &last), last);
    CHECK_EQ_INT(fiks_forsendelse_sink_key(sink), 1);
    CHECK_EQ_INT(fiks_forsendelse_sink_key(NULL), -1);
    CHECK_EQ_INT(fiks_sink_feed(sink, "x", 1, &last), FIKS_INTERNAL);
    fiks_sink_free(sink);
    fiks_buf_free(&message);
    fiks_key_free(keys[0]);
}

/* ---- names ---------------------------------------------------------------------------------- */

/* macOS writes names decomposed; the list has them composed. The list's spelling is delivered. */
TEST(the_list_spells_the_names)
{
    enum { UTF8 = 1 << 11 };
    zip_file files[] = {{FILE_OF("sa\xCC\x8Aknad.pdf", PDF), .flags = UTF8},
                        {FILE_OF("vedlegg.txt", TXT), .flags = UTF8}};
    fiks_buf zip = zip_build(files, 2, NULL);
    fiks_expected_file expected[] = {{"såknad.pdf", sha(PDF, strlen(PDF)), 0},
                                     {"vedlegg.txt", NULL, 0}};
    run r = {.expected = expected, .expected_count = 2};
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_HAS(r.seen, "såknad.pdf>såknad.pdf:verified|");
    fiks_buf_free(&zip);
}

/* A name that is not the UTF-8 it says it is: the list's, if its hash tells that it is the one. */
TEST(an_unreadable_name_is_that_of_the_list)
{
    enum { UTF8 = 1 << 11 };
    zip_file files[] = {{FILE_OF("vedlegg.txt", TXT), .flags = UTF8},
                        {FILE_OF("s\xF8knad.pdf", PDF), .flags = UTF8}};
    fiks_buf zip = zip_build(files, 2, NULL);
    fiks_expected_file expected[] = {{"vedlegg.txt", NULL, 0},
                                     {"søknad.pdf", sha(PDF, strlen(PDF)), 0}};
    run r = {.expected = expected, .expected_count = 2};
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_HAS(r.seen, "søknad.pdf>søknad.pdf:verified|");
    expected[1].sha256 = sha("annet", 5);
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_INTEGRITY, "mismatch");
    expected[1].sha256 = NULL;
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_ARCHIVE, "name");
    CHECK_HAS(last.message, "s\\xF8knad.pdf");
    r = (run){0};
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_ARCHIVE, "name");
    fiks_buf_free(&zip);
}

TEST(duplicates_are_kept_when_asked_for)
{
    zip_file files[] = {{FILE_OF("a.pdf", "1")}, {FILE_OF("a.pdf", "2")}, {FILE_OF("A.PDF", "3")}};
    fiks_buf zip = zip_build(files, 3, NULL);
    run r = {0};
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_ARCHIVE, "duplicate");
    r.rename_duplicates = true;
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_STR(listing(target()), "A (3).PDF|a (2).pdf|a.pdf|");
    check_stored("a.pdf", "1", 1);
    check_stored("a (2).pdf", "2", 1);
    /* Twice in the list, too: each is held against the hash that it has. */
    fiks_expected_file expected[] = {{"a.pdf", sha("2", 1), 0}, {"a.pdf", sha("1", 1), 0}};
    r.expected = expected;
    r.expected_count = 2;
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_STR(r.seen, "a.pdf>a.pdf:verified|a.pdf>a (2).pdf:verified|A.PDF>A (3).PDF:undeclared|");
    expected[1].sha256 = sha("x", 1);
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_INTEGRITY, "mismatch");
    fiks_buf_free(&zip);
}

/* ---- kept as it came ------------------------------------------------------------------------- */

TEST(an_archive_is_left_as_it_is_when_asked_for)
{
    zip_file file = {FILE_OF("hemmelig.pdf", "xyz"), .flags = 1};
    fiks_buf zip = zip_build(&file, 1, NULL);
    fiks_expected_file expected[] = {{"hemmelig.pdf", sha("annet", 5), 0}, {"b", NULL, 0}};
    for (size_t n = 0; n <= 2; n++) {
        run r = {.expected = expected, .expected_count = n};
        CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_ARCHIVE, "encrypted");
        r.raw = true;
        CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
        CHECK_STR(listing(target()), "forsendelse.zip|");
        CHECK_HAS(r.seen, n ? ":undeclared|" : ":unverifiable|");
        check_stored("forsendelse.zip", zip.data, zip.len);
        r.disposition = "attachment; filename=\"dokumenter.zip\"";
        CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
        CHECK_STR(listing(target()), "dokumenter.zip|");
    }
    fiks_buf message = encrypt_as("-aes-256-gcm", zip.data, zip.len);
    run r = {.raw = true};
    CHECK_OK(receive(&r, &message), last);
    check_stored("forsendelse.zip", zip.data, zip.len);
    /* A document is what it is: its hash counts. */
    r = (run){.raw = true, .expected = expected, .expected_count = 1};
    CHECK_FAILS(receive_plain(&r, PDF, strlen(PDF)), FIKS_INTEGRITY, "mismatch");
    fiks_buf_free(&message);
    fiks_buf_free(&zip);
}

/* ---- what is said -----------------------------------------------------------------------------
 */

TEST(several_files_that_are_no_archive)
{
    fiks_expected_file expected[] = {{"a.pdf", NULL, 0}, {"b.pdf", NULL, 0}};
    run r = {.expected = expected, .expected_count = 2};
    CHECK_FAILS(receive_plain(&r, PDF, strlen(PDF)), FIKS_ARCHIVE, "not_zip");
    CHECK_HAS(last.message, "2 files were announced");
    /* Noise of a wrong key is not told from it. */
    fiks_buf message = {0};
    test_key("annen");
    test_write_file(test_temp_path("plain"), PDF, strlen(PDF));
    test_shell("openssl cms -encrypt -binary -aes256 -outform DER -in plain -out m annen.pem");
    size_t len;
    char *bytes = test_read_file(test_temp_path("m"), &len);
    fiks_buf_add(&message, bytes, len);
    free(bytes);
    CHECK_FAILS(receive(&r, &message), FIKS_INTEGRITY, "padding");
    fiks_buf_free(&message);
}

TEST(the_bytes_decide_and_a_wrong_type_is_logged)
{
    fiks_buf zip = two_files();
    static const struct {
        const char *type;
        bool zip, warned;
    } rows[] = {{"application/zip", true, false},      {"application/pdf", false, false},
                {"application/pdf", true, true},       {"application/zip;x=y", false, true},
                {"text/plain", true, false},           {"", false, false},
                {"application/octet-stream", 1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run r = {.type = rows[i].type};
        fiks_buf message = rows[i].zip ? encrypt_for("mottaker", zip.data, zip.len)
                                       : encrypt_for("mottaker", PDF, strlen(PDF));
        start_logging();
        CHECK_OK(receive(&r, &message), last);
        fiks_log_set(NULL, 0, NULL);
        CHECK_STR(listing(target()), rows[i].zip ? "brev.pdf|vedlegg.txt|" : "dokument.pdf|");
        CHECK_EQ_INT(strstr(logged, "Content-Type") != NULL, rows[i].warned);
        fiks_buf_free(&message);
    }
    fiks_buf_free(&zip);
}

TEST(what_is_odd_but_accepted_is_logged)
{
    fiks_buf message = encrypt_for("mottaker", PDF, strlen(PDF));
    fiks_expected_file expected = {"brev.pdf", sha(PDF, strlen(PDF)), 7};
    run r = {.expected = &expected, .expected_count = 1};
    fiks_buf_adds(&message, "x");
    start_logging();
    CHECK_OK(receive(&r, &message), last);
    CHECK_HAS(logged, "bytes follow the end of the encrypted message");
    CHECK_HAS(logged, "was declared with 7; its hash is right");
    expected.sha256 = "abc";
    expected.size_bytes = 0;
    CHECK_OK(receive(&r, &message), last);
    CHECK_HAS(logged, "the hash given is no SHA-256");
    CHECK_HAS(r.seen, "unverifiable");
    fiks_log_set(NULL, 0, NULL);
    fiks_buf_free(&message);
}

/* What is announced must have room three times over before anything is downloaded. */
TEST(room_is_looked_for_first)
{
    fiks_expected_file expected[] = {{"a", NULL, (int64_t)1 << 60}, {"b", NULL, INT64_MAX}};
    fiks_forsendelse_options options = FIKS_OPTIONS(fiks_forsendelse_options);
    fiks_key *keys[] = {own_key()};
    fiks_sink *sink;
    empty_inbox();
    options.folder = target();
    options.keys = keys;
    options.key_count = 1;
    options.expected = expected;
    for (options.expected_count = 1; options.expected_count <= 2; options.expected_count++) {
        fiks_error_clear(&last);
        CHECK_FAILS(fiks_forsendelse_sink_new(&options, &sink, &last), FIKS_IO, "disk_full");
    }
    CHECK_STR(listing(inbox()), "");
}

static void free_all(void)
{
    fiks_key_free(mottaker);
}

int main(void)
{
    int result = run_tests("test_receive_kinds");
    free_all();
    return result;
}
