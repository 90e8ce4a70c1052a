#include "../names.h"

#include "harness.h"

static bool knows_soknad(void *to, const char *name)
{
    (void)to;
    return strcmp(name, "søknad æøå.pdf") == 0;
}

/* The decoded name, or the error's code. */
static const char *decoded(const char *raw, bool utf8, fiks_name_known_fn known)
{
    static char text[512];
    fiks_buf out = {0};
    fiks_error err = {0};
    fiks_status status = fiks_name_decode(raw, strlen(raw), utf8, known, NULL, &out, &err);
    snprintf(text, sizeof text, "%s", status ? err.code : out.data);
    fiks_buf_free(&out);
    return text;
}

TEST(decodes_what_archivers_write)
{
    CHECK_STR(decoded("s\xC3\xB8knad.pdf", true, NULL), "søknad.pdf");
    CHECK_STR(decoded("s\xC3\xB8knad.pdf", false, NULL), "søknad.pdf");
    CHECK_STR(decoded("s\x9Bknad \x91\x9B\x86.pdf", false, NULL), "søknad æøå.pdf");
    CHECK_STR(decoded("s\xF8knad \xE6\xF8\xE5.pdf", false, NULL), "s%F8knad %E6%F8%E5.pdf");
    CHECK_STR(decoded("s\xF8knad.pdf", true, NULL), "name");
    CHECK_STR(decoded("", false, NULL), "");
}

TEST(the_list_decides_between_encodings)
{
    CHECK_STR(decoded("s\xF8knad \xE6\xF8\xE5.pdf", false, knows_soknad), "søknad æøå.pdf");
    CHECK_STR(decoded("s\x9Bknad \x91\x9B\x86.pdf", false, knows_soknad), "søknad æøå.pdf");
    CHECK_STR(decoded("\xF8.pdf", false, knows_soknad), "%F8.pdf");
}

static const char *checked(const char *name, size_t len)
{
    static fiks_error err;
    fiks_error_clear(&err);
    return fiks_name_check(name, len, &err) ? err.message : "fine";
}

TEST(refuses_what_leads_elsewhere)
{
    static const struct {
        const char *name, *why;
    } bad[] = {
        {"", "is empty"},
        {"..", "leads out"},
        {"../evil.txt", "leads out"},
        {"ok/../../evil.txt", "leads out"},
        {"ok/..", "leads out"},
        {".", "leads out"},
        {"a/./b", "leads out"},
        {"/etc/passwd", "absolute"},
        {"//server/share", "absolute"},
        {"..\\evil.txt", "backslash"},
        {"a\\b", "backslash"},
        {"C:\\evil.txt", "backslash"},
        {"C:evil.txt", "drive letter"},
        {"c:/evil.txt", "drive letter"},
        {"a//b", "empty step"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_HAS(checked(bad[i].name, strlen(bad[i].name)), bad[i].why);
    CHECK_HAS(checked("a.pdf\0.exe", 10), "NUL");
    CHECK_HAS(checked("a.pdf\0.exe", 10), "a.pdf\\x00.exe");
}

TEST(accepts_ordinary_names)
{
    static const char *const good[] = {
        "brev.pdf", "søknad æøå.pdf", "mappe/brev.pdf", "mappe/", "..a", "a..",
        "...",      "a b.c",          "1:2.pdf",        "~",      "-rf"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK_STR(checked(good[i], strlen(good[i])), "fine");
}

static const char *stored(const char *name)
{
    static char text[512];
    fiks_buf out = {0};
    CHECK(fiks_name_store(name, &out));
    snprintf(text, sizeof text, "%s", out.data);
    fiks_buf_free(&out);
    return text;
}

TEST(stores_under_names_every_system_takes)
{
    CHECK_STR(stored("brev.pdf"), "brev.pdf");
    CHECK_STR(stored("søknad æøå.pdf"), "søknad æøå.pdf");
    CHECK_STR(stored("a<b>:\"|?*c.pdf"), "a_b______c.pdf");
    CHECK_STR(stored("../../etc/passwd"), "_._.._etc_passwd");
    CHECK_STR(stored("..\\x"), "_._x");
    CHECK_STR(stored("brev.pdf."), "brev.pdf_");
    CHECK_STR(stored("brev.pdf "), "brev.pdf_");
    CHECK_STR(stored(".htaccess"), "_htaccess");
    CHECK_STR(stored(".."), "__");
    CHECK_STR(stored(""), "_");
    CHECK_STR(stored("CON"), "_CON");
    CHECK_STR(stored("nul.txt"), "_nul.txt");
    CHECK_STR(stored("Com1.log"), "_Com1.log");
    CHECK_STR(stored("lpt0"), "lpt0");
    CHECK_STR(stored("console"), "console");
    CHECK_STR(stored("a\nb\x7F"), "a_b_");
    CHECK_STR(stored("\xF8.pdf"), "%F8.pdf");
}

TEST(shortens_long_names_and_keeps_them_apart)
{
    char a[400], b[400], first[512];
    memset(a, 'a', 399);
    a[399] = '\0';
    memcpy(a + 395, ".pdf", 4);
    memcpy(b, a, sizeof b);
    b[390] = 'b';
    snprintf(first, sizeof first, "%s", stored(a));
    CHECK_EQ_INT(strlen(first), 255);
    CHECK_STR(first + 251, ".pdf");
    CHECK(strcmp(first, stored(b)) != 0);
    char norwegian[601];
    for (size_t i = 0; i < 600; i += 2)
        memcpy(norwegian + i, "ø", 2);
    norwegian[600] = '\0';
    const char *cut = stored(norwegian);
    CHECK(strlen(cut) <= 255);
    CHECK_EQ_INT(fiks_utf8_check(cut, strlen(cut)), strlen(cut));
}

TEST(sets_fold_case)
{
    fiks_name_set set = {0};
    CHECK_EQ_INT(fiks_name_set_add(&set, "Søknad ÆØÅ.PDF"), 1);
    CHECK_EQ_INT(fiks_name_set_add(&set, "søknad æøå.pdf"), 0);
    CHECK_EQ_INT(fiks_name_set_add(&set, "×.pdf"), 1);
    CHECK_EQ_INT(fiks_name_set_add(&set, "÷.pdf"), 1);
    for (int i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "fil %d.pdf", i);
        CHECK_EQ_INT(fiks_name_set_add(&set, name), 1);
        name[0] = 'F';
        CHECK_EQ_INT(fiks_name_set_add(&set, name), 0);
    }
    CHECK_EQ_INT(set.count, 1003);
    fiks_name_set_free(&set);
}

static void check_fold(const char *a, const char *b, bool any_case, bool same)
{
    char *one = fiks_name_fold(a, any_case), *two = fiks_name_fold(b, any_case);
    CHECK(one && two);
    if ((strcmp(one, two) == 0) != same)
        TEST_FAIL("%s and %s: %s, %s", a, b, one, two);
    free(one);
    free(two);
}

TEST(names_are_the_same_however_their_letters_are_composed)
{
    static const char *const same[][2] = {
        {"sa\xCC\x8Aknad.pdf", "såknad.pdf"}, /* a, ring */
        {"A\xCC\x8A", "Å"},                   /* and the Ångström sign */
        {"\xE2\x84\xAB", "Å"},
        {"\xE1\xBB\x87", "e\xCC\x82\xCC\xA3"}, /* marks in any order */
        {"\xE1\xBB\x87", "e\xCC\xA3\xCC\x82"},
        {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"}, /* beyond the tables */
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        check_fold(same[i][0], same[i][1], false, true);
        check_fold(same[i][0], same[i][1], true, true);
    }
    static const char *const cases[][2] = {
        {"ÅRSRAPPORT", "a\xCC\x8Arsrapport"},
        {"ŠÁMI", "šámi"},
        {"ĐŊŦ", "đŋŧ"},
        {"ПИСЬМО", "письмо"},
        {"ΓΡΑΜΜΑ", "γραμμα"},
        {"Ǆ", "ǆ"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_fold(cases[i][0], cases[i][1], true, true);
        check_fold(cases[i][0], cases[i][1], false, false);
    }
    check_fold("ø", "o", true, false);
    check_fold("×", "÷", true, false);
    check_fold("\xF8.pdf", "\xF8.pdf", true, true); /* no UTF-8: as it is */
}

TEST(names_of_nothing_but_marks)
{
    char marks[8001];
    for (size_t i = 0; i < 8000; i += 4)
        memcpy(marks + i, "\xCC\xA3\xCC\x82", 4);
    marks[8000] = '\0';
    char *folded = fiks_name_fold(marks, true);
    CHECK(folded && strlen(folded) == 8000);
    free(folded);
}

TEST(shows_nothing_that_could_fool_a_terminal)
{
    fiks_buf out = {0};
    CHECK(fiks_name_show("a\x1b[31m\xFFø", 9, &out));
    CHECK_STR(out.data, "a\\x1B[31m\\xFFø");
    fiks_buf_free(&out);
    char long_name[1000];
    memset(long_name, 'a', sizeof long_name);
    CHECK(fiks_name_show(long_name, sizeof long_name, &out));
    CHECK(out.len < 220);
    CHECK_HAS(out.data, "...");
    fiks_buf_free(&out);
}

int main(void)
{
    return run_tests("test_names");
}
