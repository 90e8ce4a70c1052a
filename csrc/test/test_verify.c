/* A folder of an earlier run, looked at again. */
#include "harness.h"

#include "fiks.h"

#include <sys/stat.h>

#define SHA_ABC "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"

static const char *folder(void)
{
    const char *path = test_temp_path("f");
    mkdir(path, 0700);
    test_write_file(test_temp_path("f/a.txt"), "abc", 3);
    test_write_file(test_temp_path("f/_b_.txt"), "abcd", 4);
    return path;
}

static fiks_verified *seen;

static fiks_status verify(const char *name, const char *sha256, int64_t size, fiks_error *err)
{
    fiks_expected_file file = {.name = name, .sha256 = sha256, .size_bytes = size};
    fiks_error_clear(err);
    fiks_verified_free(seen);
    return fiks_forsendelse_verify(folder(), &file, 1, &seen, err);
}

/* How the file `name` of the list was found. */
static const fiks_received_file *found(const char *name)
{
    size_t count;
    const fiks_received_file *files = fiks_verified_files(seen, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(files[i].name, name) == 0)
            return &files[i];
    TEST_FAIL("no file %s", name);
    return NULL;
}

TEST(what_was_sent_is_there)
{
    fiks_error err = {0};
    CHECK_OK(verify("a.txt", SHA_ABC, 0, &err), err);
    CHECK_EQ_INT(found("a.txt")->verdict, FIKS_VERIFIED);
    CHECK_EQ_INT(found("_b_.txt")->verdict, FIKS_UNDECLARED);
    CHECK_OK(verify("a.txt", SHA_ABC, 99, &err), err); /* an equal hash wins over a size */
    CHECK_OK(verify("a.txt", NULL, 3, &err), err);
    CHECK_EQ_INT(found("a.txt")->verdict, FIKS_UNVERIFIABLE);
    CHECK_OK(verify("a.txt", "no hash at all, so not checked", 3, &err), err);
    CHECK_OK(verify("<b>.txt", "", 4, &err), err); /* under the name it is stored by */
    CHECK_STR(found("<b>.txt")->stored_as, "_b_.txt");
    CHECK_EQ_INT(found("<b>.txt")->size_bytes, 4);
}

TEST(a_name_of_the_list_is_no_path)
{
    fiks_error err = {0};
    char up[512];
    snprintf(up, sizeof up, "../../../../../../../../etc/passwd");
    CHECK_EQ_INT(verify(up, NULL, 0, &err), FIKS_INTEGRITY);
    CHECK_OK(verify(up, SHA_ABC, 0, &err), err);
    CHECK_STR(found(up)->stored_as, "a.txt"); /* what it is stored as, never what it is called */
}

TEST(names_that_collided_are_found_by_content)
{
    fiks_error err = {0};
    fiks_expected_file files[] = {{"a?b.txt", SHA_ABC, 0}, {"a:b.txt", SHA_ABC, 0}};
    test_write_file(test_temp_path("f/a_b.txt"), "abc", 3);
    test_write_file(test_temp_path("f/a_b (2).txt"), "abc", 3);
    CHECK_OK(fiks_forsendelse_verify(folder(), files, 2, NULL, &err), err);
    remove(test_temp_path("f/a_b.txt"));
    remove(test_temp_path("f/a_b (2).txt"));
    CHECK_EQ_INT(fiks_forsendelse_verify(folder(), files, 2, NULL, &err), FIKS_INTEGRITY);
}

TEST(an_empty_folder_is_not_a_forsendelse)
{
    fiks_error err = {0};
    mkdir(test_temp_path("empty"), 0700);
    CHECK_EQ_INT(fiks_forsendelse_verify(test_temp_path("empty"), NULL, 0, NULL, &err),
                 FIKS_INTEGRITY);
    fiks_error_clear(&err);
    CHECK_OK(fiks_forsendelse_verify(folder(), NULL, 0, NULL, &err), err);
}

TEST(what_was_changed_is_named)
{
    fiks_error err = {0};
    CHECK_EQ_INT(verify("<b>.txt", SHA_ABC, 4, &err), FIKS_OK); /* its content is in a.txt */
    CHECK_EQ_INT(verify("a.txt", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
                        0, &err),
                 FIKS_INTEGRITY);
    CHECK_STR(err.code, "changed");
    CHECK_HAS(err.message, "a.txt");
    CHECK(seen == NULL);
    CHECK_EQ_INT(verify("a.txt", NULL, 4, &err), FIKS_INTEGRITY);
    CHECK_EQ_INT(verify("gone.txt", NULL, 0, &err), FIKS_INTEGRITY);
    CHECK_HAS(err.message, "gone.txt");
}

int main(void)
{
    int failed = run_tests("test_verify");
    fiks_verified_free(seen);
    return failed;
}
