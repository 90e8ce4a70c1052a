#include "harness.h"

#include <strings.h>

#include "json.h"
#include "operation.h"
#include "url.h"

static fiks_url parsed(const char *text)
{
    fiks_url url;
    fiks_error err = {0};
    CHECK_OK(fiks_url_parse(text, "test", &url, &err), err);
    return url;
}

TEST(parts)
{
    fiks_url url = parsed("https://API.fiks.ks.no/fiks-io?x=1");
    CHECK_STR(url.host, "api.fiks.ks.no");
    CHECK_EQ_INT(url.port, 443);
    CHECK(url.https);
    CHECK_EQ_INT(parsed("http://[::1]:8080/x").port, 8080);
    CHECK_STR(parsed("http://[::1]:8080/x").host, "::1");
}

TEST(what_is_no_plain_url)
{
    static const char *const bad[] = {"",
                                      "ftp://x/",
                                      "https://",
                                      "https:///x",
                                      "https://user:pw@host/",
                                      "https://host:0/",
                                      "https://host:99999/",
                                      "https://host:12x/",
                                      "https://ho st/",
                                      "https://host/\r\nX: y",
                                      "https://host/#f",
                                      "https://[::1/",
                                      "https://h\\x/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fiks_url url;
        fiks_error err = {0};
        if (fiks_url_parse(bad[i], "base", &url, &err) != FIKS_INVALID)
            TEST_FAIL("accepted \"%s\"", bad[i]);
        CHECK_HAS(err.message, "base");
    }
}

TEST(loopback_is_not_what_looks_like_it)
{
    fiks_url yes[] = {parsed("http://127.0.0.1/"), parsed("http://127.9.9.9/"),
                      parsed("http://localhost/"), parsed("http://[::1]/")};
    for (size_t i = 0; i < 4; i++)
        CHECK(fiks_url_is_loopback(&yes[i]));
    fiks_url no[] = {parsed("http://127.evil.example/"), parsed("http://localhost.example/"),
                     parsed("http://10.0.0.1/")};
    for (size_t i = 0; i < 3; i++)
        CHECK(!fiks_url_is_loopback(&no[i]));
}

TEST(origin)
{
    fiks_url a = parsed("https://svarut.ks.no"), b = parsed("https://svarut.ks.no:443/x");
    fiks_url c = parsed("http://svarut.ks.no:443/"), d = parsed("https://test.svarut.ks.no");
    CHECK(fiks_url_same_origin(&a, &b));
    CHECK(!fiks_url_same_origin(&a, &c));
    CHECK(!fiks_url_same_origin(&a, &d));
}

TEST(steps_that_libcurl_takes_out)
{
    static const char *const with[] = {"https://h/..",      "https://h/../",
                                       "https://h/a/../b",  "https://h/./b",
                                       "https://h/a/.",     "https://h/%2e%2e/",
                                       "https://h/a/%2E?q", "https://h/.%2e/b",
                                       "https://h/..#f",    "/a/../b"};
    static const char *const without[] = {
        "https://h",       "https://h/",        "https://h/.a/b",    "https://h/a./b..",
        "https://h/.../b", "https://h/a?/../b", "https://h/%2f../x", "https://..h/a"};
    for (size_t i = 0; i < sizeof with / sizeof *with; i++)
        if (!fiks_url_has_dots(with[i]))
            TEST_FAIL("passed over %s", with[i]);
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        if (fiks_url_has_dots(without[i]))
            TEST_FAIL("took %s for one", without[i]);
}

TEST(template_and_query)
{
    fiks_param params[] = {{"id", "a/b \xc3\xb8"}, {"q", "1&2"}, {"none", NULL}, {"z", ""}};
    fiks_buf out = {0};
    fiks_error err = {0};
    CHECK_OK(fiks_url_build("https://h", "/x/{id}/y", params, 4, &out, &err), err);
    CHECK_STR(out.data, "https://h/x/a%2Fb%20%C3%B8/y?q=1%262&z=");
    fiks_buf_clear(&out);
    CHECK_OK(fiks_url_build("https://h", "/x?a=1", params + 1, 1, &out, &err), err);
    CHECK_STR(out.data, "https://h/x?a=1&q=1%262");
    fiks_buf_free(&out);
}

TEST(template_refuses_holes_and_dots)
{
    static const char *const bad[] = {NULL, "", ".", ".."};
    for (size_t i = 0; i < 4; i++) {
        fiks_param param = {"id", bad[i]};
        fiks_buf out = {0};
        fiks_error err = {0};
        CHECK_EQ_INT(fiks_url_build("https://h", "/x/{id}", &param, 1, &out, &err), FIKS_INVALID);
        CHECK_HAS(err.message, "id");
        fiks_buf_free(&out);
    }
}

TEST(operations_of_2018_are_where_they_were_published)
{
    static const struct {
        const char *operation, *method;
    } all[] = {{"meldingsboks.2018-a.index", "put"},
               {"meldingsboks.2018-a.slett", "delete"},
               {"meldingsboks.2018-a.slett_meg", "delete"}};
    size_t len = 0;
    char *text = test_read_file(test_vector("meldingsboks/meldingindexer-2018.json"), &len);
    fiks_json *root = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_json_parse(text, len, len, "specification", &root, &err), err);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const fiks_operation *operation = fiks_operation_find(all[i].operation);
        const fiks_json *path = fiks_json_get(fiks_json_get(root, "paths"), operation->path);
        CHECK(fiks_json_get(path, all[i].method) != NULL);
        CHECK(strcasecmp(operation->method, all[i].method) == 0);
    }
    fiks_json_free(root);
    free(text);
}

TEST(operations_have_names_once_and_a_nearest)
{
    const char *const *names = fiks_operation_names();
    for (size_t i = 0; names[i]; i++) {
        CHECK(fiks_operation_find(names[i]) != NULL);
        for (size_t j = i + 1; names[j]; j++)
            CHECK(strcmp(names[i], names[j]) != 0);
    }
    CHECK_STR(fiks_operation_nearest("innsyn.v2.indeks"), "innsyn.v2.index");
    CHECK(fiks_operation_find("innsyn.v2.indeks") == NULL);
}

int main(void)
{
    return run_tests("test_url");
}
