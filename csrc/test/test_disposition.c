#include "../disposition.h"

#include "harness.h"

static const char *name_of(const char *header)
{
    static char text[256];
    fiks_buf out = {0};
    bool found = fiks_disposition_filename(header, &out);
    snprintf(text, sizeof text, "%s", found ? out.data : "(none)");
    fiks_buf_free(&out);
    return text;
}

TEST(reads_the_forms_servers_write)
{
    CHECK_STR(name_of("attachment; filename=\"dokumenter.zip\""), "dokumenter.zip");
    CHECK_STR(name_of("attachment;filename=dokumenter.zip"), "dokumenter.zip");
    CHECK_STR(name_of("attachment; FileName = brev.pdf ; size=3"), "brev.pdf");
    CHECK_STR(name_of("attachment; filename=\"s\xC3\xB8knad.pdf\""), "søknad.pdf");
    CHECK_STR(name_of("attachment; filename=\"s\xF8knad.pdf\""), "søknad.pdf");
    CHECK_STR(name_of("attachment; filename=\"a \\\"b\\\" c.pdf\""), "a \"b\" c.pdf");
    CHECK_STR(name_of("attachment; filename=\"a;b.pdf\"; x=y"), "a;b.pdf");
    CHECK_STR(name_of("attachment; filename*=UTF-8''s%C3%B8knad%20%E2%82%AC.pdf"), "søknad €.pdf");
    CHECK_STR(name_of("attachment; filename*=iso-8859-1'no's%F8knad.pdf"), "søknad.pdf");
    CHECK_STR(name_of("attachment; filename=\"x.pdf\"; filename*=utf-8''y.pdf"), "y.pdf");
    CHECK_STR(name_of("attachment; filename*=utf-8''y.pdf; filename=\"x.pdf\""), "y.pdf");
}

TEST(gives_only_a_base_name)
{
    CHECK_STR(name_of("attachment; filename=\"../../etc/passwd\""), "passwd");
    CHECK_STR(name_of("attachment; filename=\"C:\\Users\\kari\\brev.pdf\""), "brev.pdf");
    CHECK_STR(name_of("attachment; filename*=UTF-8''..%2F..%2Fx%0d%0ay.pdf"), "xy.pdf");
    CHECK_STR(name_of("attachment; filename=\"a/..\""), "(none)");
    CHECK_STR(name_of("attachment; filename=\"..\""), "(none)");
}

TEST(finds_none_where_there_is_none)
{
    static const char *const none[] = {"",
                                       "attachment",
                                       "attachment;",
                                       "attachment; filename",
                                       "attachment; filename=",
                                       "attachment; filename=\"\"",
                                       "attachment; filename=\"/\"",
                                       "attachment; xfilename=a",
                                       "filename=a",
                                       "attachment; filename*=UTF-8''%ZZ",
                                       "attachment; filename*=UTF-8''%F8",
                                       "attachment; filename*=koi8-r''a",
                                       "attachment; filename*=UTF-8'a"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        CHECK_STR(name_of(none[i]), "(none)");
    CHECK_STR(name_of("attachment; filename*=UTF-8''%F8; filename=b.pdf"), "b.pdf");
    CHECK_STR(name_of("attachment; filename=\"never closed"), "never closed");
}

int main(void)
{
    return run_tests("test_disposition");
}
