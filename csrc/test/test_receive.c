#include "receive_run.h"

#define PDF "%PDF-1.4 et lite brev"
#define TXT "et vedlegg"

/* An archive as SvarUt makes them: sizes behind the data, UTF-8 flags. */
static fiks_buf svarut_zip(void)
{
    zip_file files[] = {
        {FILE_OF("søknad æøå.pdf", PDF), .method = 8, .sizes = BEHIND, .flags = 1 << 11},
        {FILE_OF("vedlegg.txt", TXT), .method = 8, .sizes = BEHIND, .flags = 1 << 11},
        {FILE_OF("tom.bin", ""), .method = 8, .sizes = BEHIND, .flags = 1 << 11}};
    return zip_build(files, 3, NULL);
}

static void upper(char *to, const char *from)
{
    for (; *from; from++)
        *to++ = *from >= 'a' && *from <= 'f' ? (char)(*from - 32) : *from;
    *to = '\0';
}

TEST(an_archive)
{
    char loud[65], spaced[70];
    upper(loud, sha(TXT, strlen(TXT)));
    snprintf(spaced, sizeof spaced, " %s\n", sha("", 0));
    fiks_expected_file expected[] = {{"søknad æøå.pdf", sha(PDF, strlen(PDF)), strlen(PDF)},
                                     {"vedlegg.txt", loud, 0},
                                     {"tom.bin", spaced, 0}};
    run r = {.expected = expected, .expected_count = 3};
    fiks_buf zip = svarut_zip();
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_STR(r.seen, "søknad æøå.pdf>søknad æøå.pdf:verified|vedlegg.txt>vedlegg.txt:verified|"
                      "tom.bin>tom.bin:verified|");
    CHECK_STR(listing(target()), "søknad æøå.pdf|tom.bin|vedlegg.txt|");
    check_stored("søknad æøå.pdf", PDF, strlen(PDF));
    check_stored("vedlegg.txt", TXT, strlen(TXT));
    check_stored("tom.bin", "", 0);
    fiks_buf_free(&zip);
}

TEST(files_and_their_modes)
{
    run r = {0};
    struct stat st;
    fiks_buf zip = svarut_zip();
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_EQ_INT(stat(target(), &st), 0);
    CHECK_EQ_INT(st.st_mode & 07777, 0700);
    char path[800];
    snprintf(path, sizeof path, "%s/tom.bin", target());
    CHECK_EQ_INT(stat(path, &st), 0);
    CHECK_EQ_INT(st.st_mode & 07777, 0600);
    fiks_buf_free(&zip);
}

TEST(verdicts_of_every_kind)
{
    fiks_expected_file expected[] = {{"vedlegg.txt", "", 0}, {"tom.bin", "abc", -1}};
    run r = {.expected = expected, .expected_count = 2};
    fiks_buf zip = svarut_zip();
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_STR(r.seen,
              "søknad æøå.pdf>søknad æøå.pdf:undeclared|vedlegg.txt>vedlegg.txt:unverifiable|"
              "tom.bin>tom.bin:unverifiable|");
    r = (run){0};
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_HAS(r.seen, "vedlegg.txt>vedlegg.txt:unverifiable|");
    fiks_buf_free(&zip);
}

TEST(a_wrong_hash)
{
    fiks_expected_file expected[] = {{"søknad æøå.pdf", sha("annet", 5), 0},
                                     {"vedlegg.txt", sha(TXT, strlen(TXT)), 0}};
    run r = {.expected = expected, .expected_count = 2};
    fiks_buf zip = svarut_zip();
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_INTEGRITY, "mismatch");
    CHECK_HAS(last.message, "søknad æøå.pdf");
    CHECK_HAS(last.message, sha("annet", 5));
    CHECK_HAS(last.message, sha(PDF, strlen(PDF)));
    CHECK(last.retryable);
    CHECK_STR(r.seen, "søknad æøå.pdf>søknad æøå.pdf:mismatch|vedlegg.txt>vedlegg.txt:verified|"
                      "tom.bin>tom.bin:undeclared|");
    fiks_buf_free(&zip);
}

TEST(a_wrong_size)
{
    fiks_expected_file expected[] = {{"vedlegg.txt", sha(TXT, strlen(TXT)), 7}, {"tom.bin", 0, 0}};
    run r = {.expected = expected, .expected_count = 2};
    fiks_buf zip = svarut_zip();
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_HAS(r.seen, "vedlegg.txt>vedlegg.txt:verified|");
    expected[0].sha256 = NULL;
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_INTEGRITY, "mismatch");
    CHECK_HAS(last.message, "expected 7 bytes, got 10");
    fiks_buf_free(&zip);
}

TEST(a_declared_file_that_is_missing)
{
    fiks_expected_file expected[] = {{"vedlegg.txt", 0, 0}, {"Vedlegg.txt", 0, 0}};
    run r = {.expected = expected, .expected_count = 2};
    fiks_buf zip = svarut_zip();
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_INTEGRITY, "missing");
    CHECK_HAS(last.message, "\"Vedlegg.txt\"");
    fiks_buf_free(&zip);
}

TEST(an_empty_archive)
{
    fiks_expected_file expected[] = {{"a", 0, 0}, {"b", 0, 0}};
    fiks_buf zip = zip_build(NULL, 0, NULL);
    for (size_t n = 0; n <= 2; n++) {
        run r = {.expected = expected, .expected_count = n};
        fiks_status status = receive_plain(&r, zip.data, zip.len);
        if (n == 0)
            CHECK_OK(status, last);
        else
            CHECK_FAILS(status, FIKS_ARCHIVE, "no_files");
    }
    fiks_buf_free(&zip);
}

/* ---- one document -------------------------------------------------------------------------- */

TEST(a_single_document)
{
    fiks_expected_file expected = {"brev.pdf", sha(PDF, strlen(PDF)), strlen(PDF)};
    run r = {.expected = &expected, .expected_count = 1};
    CHECK_OK(receive_plain(&r, PDF, strlen(PDF)), last);
    CHECK_STR(r.seen, "brev.pdf>brev.pdf:verified|");
    check_stored("brev.pdf", PDF, strlen(PDF));
    expected.sha256 = NULL;
    CHECK_OK(receive_plain(&r, PDF, strlen(PDF)), last);
    CHECK_STR(r.seen, "brev.pdf>brev.pdf:unverifiable|");
    expected.sha256 = sha("x", 1);
    CHECK_FAILS(receive_plain(&r, PDF, strlen(PDF)), FIKS_INTEGRITY, "mismatch");
    CHECK_STR(r.seen, "brev.pdf>brev.pdf:mismatch|");
    expected = (fiks_expected_file){"brev.pdf", NULL, 5};
    CHECK_FAILS(receive_plain(&r, PDF, strlen(PDF)), FIKS_INTEGRITY, "mismatch");
}

TEST(a_single_document_named_by_the_header)
{
    run r = {.disposition = "attachment; filename=\"..\\s\xF8knad.pdf\""};
    CHECK_OK(receive_plain(&r, PDF, strlen(PDF)), last);
    CHECK_STR(r.seen, "søknad.pdf>søknad.pdf:unverifiable|");
    r.disposition = NULL;
    CHECK_OK(receive_plain(&r, PDF, strlen(PDF)), last);
    CHECK_STR(r.seen, "dokument.pdf>dokument.pdf:unverifiable|");
    r.disposition = "attachment";
    CHECK_OK(receive_plain(&r, "ab", 2), last);
    CHECK_STR(r.seen, "dokument.bin>dokument.bin:unverifiable|");
}

TEST(the_list_names_a_single_document)
{
    fiks_expected_file expected = {"../../CON.pdf ", NULL, 0};
    run r = {.expected = &expected,
             .expected_count = 1,
             .disposition = "attachment; filename=annet.pdf"};
    CHECK_OK(receive_plain(&r, PDF, strlen(PDF)), last);
    CHECK_STR(r.seen, "../../CON.pdf >_._.._CON.pdf_:unverifiable|");
    CHECK_STR(listing(target()), "_._.._CON.pdf_|");
}

TEST(short_and_empty_content)
{
    fiks_expected_file expected[] = {{"a.txt", sha("abc", 3), 0}, {"b.txt", 0, 0}};
    run r = {.expected = expected, .expected_count = 1};
    CHECK_OK(receive_plain(&r, "abc", 3), last);
    check_stored("a.txt", "abc", 3);
    CHECK_FAILS(receive_plain(&r, "", 0), FIKS_INTEGRITY, "mismatch");
    expected[0].sha256 = sha("", 0);
    CHECK_OK(receive_plain(&r, "", 0), last);
    check_stored("a.txt", "", 0);
    expected[0].size_bytes = 3;
    CHECK_FAILS(receive_plain(&r, "", 0), FIKS_INTEGRITY, "empty");
    r = (run){0};
    CHECK_FAILS(receive_plain(&r, "", 0), FIKS_INTEGRITY, "empty");
    r = (run){.expected = expected, .expected_count = 2};
    CHECK_FAILS(receive_plain(&r, "", 0), FIKS_INTEGRITY, "empty");
}

/* ---- one file that may be a zip itself ----------------------------------------------------- */

static fiks_buf docx(void)
{
    zip_file files[] = {{FILE_OF("[Content_Types].xml", "<Types/>"), .method = 8},
                        {FILE_OF("word/document.xml", "<w:document/>"), .method = 8}};
    return zip_build(files, 2, NULL);
}

TEST(one_file_that_is_a_zip_itself)
{
    fiks_buf zip = docx();
    fiks_expected_file by_hash = {"brev.docx", sha(zip.data, zip.len), 0};
    fiks_expected_file by_size = {"brev.docx", NULL, (int64_t)zip.len};
    fiks_expected_file by_name = {"brev.docx", NULL, 0};
    run r = {.expected = &by_hash, .expected_count = 1};
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_STR(r.seen, "brev.docx>brev.docx:verified|");
    CHECK_STR(listing(target()), "brev.docx|");
    check_stored("brev.docx", zip.data, zip.len);
    r.expected = &by_size;
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_STR(r.seen, "brev.docx>brev.docx:unverifiable|");
    r.expected = &by_name; /* no entry of that name: it is the file */
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_STR(r.seen, "brev.docx>brev.docx:unverifiable|");
    CHECK_STR(listing(target()), "brev.docx|");
    check_stored("brev.docx", zip.data, zip.len);
    by_hash.sha256 = sha("x", 1);
    r.expected = &by_hash;
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_INTEGRITY, "mismatch");
    CHECK_STR(r.seen, "brev.docx>brev.docx:mismatch|");
    fiks_buf_free(&zip);
}

/* The hash says it is the file: what is in it is nobody's business here. */
TEST(one_file_that_is_a_zip_nobody_would_unpack)
{
    zip_file file = {FILE_OF("../../x", "y"), .flags = 1};
    fiks_buf zip = zip_build(&file, 1, NULL);
    fiks_expected_file expected = {"arkiv.zip", sha(zip.data, zip.len), 0};
    run r = {.expected = &expected, .expected_count = 1};
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_STR(r.seen, "arkiv.zip>arkiv.zip:verified|");
    check_stored("arkiv.zip", zip.data, zip.len);
    fiks_buf_free(&zip);
}

TEST(one_file_inside_a_zip)
{
    zip_file file = {FILE_OF("brev.pdf", PDF), .method = 8, .sizes = BEHIND};
    fiks_buf zip = zip_build(&file, 1, NULL);
    fiks_expected_file expected = {"brev.pdf", sha(PDF, strlen(PDF)), strlen(PDF)};
    run r = {.expected = &expected, .expected_count = 1};
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_STR(r.seen, "brev.pdf>brev.pdf:verified|");
    CHECK_STR(listing(target()), "brev.pdf|");
    check_stored("brev.pdf", PDF, strlen(PDF));
    expected = (fiks_expected_file){"brev.pdf", NULL, 0};
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_STR(r.seen, "brev.pdf>brev.pdf:unverifiable|");
    expected = (fiks_expected_file){"brev.pdf", sha("x", 1), 0};
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_INTEGRITY, "mismatch");
    fiks_buf_free(&zip);
}

TEST(one_file_in_a_zip_that_must_not_be_unpacked)
{
    zip_file file = {FILE_OF("../brev.pdf", PDF)};
    fiks_buf zip = zip_build(&file, 1, NULL);
    fiks_expected_file expected = {"brev.pdf", NULL, 0};
    run r = {.expected = &expected, .expected_count = 1};
    CHECK_FAILS(receive_plain(&r, zip.data, zip.len), FIKS_ARCHIVE, "name");
    fiks_buf_free(&zip);
}

/* ---- names --------------------------------------------------------------------------------- */

TEST(names_that_collide_only_when_stored)
{
    zip_file files[] = {{FILE_OF("aa:b.pdf", "1")}, {FILE_OF("aa?b.pdf", "2")},
                        {FILE_OF("aa/b.pdf", "3")}, {FILE_OF("CON", "4")},
                        {FILE_OF("_CON", "5")},     {FILE_OF(".spool", "6")}};
    fiks_buf zip = zip_build(files, 6, NULL);
    run r = {0};
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_STR(listing(target()), "_CON|_CON (2)|_spool|aa_b (2).pdf|aa_b (3).pdf|aa_b.pdf|");
    check_stored("aa_b.pdf", "1", 1);
    check_stored("aa_b (2).pdf", "2", 1);
    check_stored("aa_b (3).pdf", "3", 1);
    check_stored("_CON (2)", "5", 1);
    CHECK_HAS(r.seen, "aa?b.pdf>aa_b (2).pdf:unverifiable|");
    fiks_buf_free(&zip);
}

TEST(the_list_helps_to_read_names)
{
    zip_file files[] = {{FILE_OF("s\xF8knad.pdf", PDF)}, {FILE_OF("b", "2")}};
    fiks_buf zip = zip_build(files, 2, NULL);
    fiks_expected_file expected[] = {{"søknad.pdf", sha(PDF, strlen(PDF)), 0}, {"b", 0, 0}};
    run r = {.expected = expected, .expected_count = 2};
    CHECK_OK(receive_plain(&r, zip.data, zip.len), last);
    CHECK_HAS(r.seen, "søknad.pdf>søknad.pdf:verified|");
    fiks_buf_free(&zip);
}

static void free_all(void)
{
    fiks_key_free(mottaker);
}

int main(void)
{
    int result = run_tests("test_receive");
    free_all();
    return result;
}
