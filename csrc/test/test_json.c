#include "../json.h"
#include "harness.h"

static fiks_json *parse(const char *text)
{
    fiks_json *root = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_json_parse(text, strlen(text), 1000, "the text", &root, &err), err);
    return root;
}

static void check_refused(const char *text, size_t len, const char *part)
{
    fiks_json *root = NULL;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_json_parse(text, len, 1000, "the text", &root, &err), FIKS_PROTOCOL);
    CHECK(root == NULL);
    CHECK_STR(err.code, "json");
    CHECK_HAS(err.message, "the text");
    CHECK_HAS(err.message, part);
}

TEST(reads_every_type)
{
    fiks_json *root = parse("{\"s\":\"bl\xc3\xa5\",\"i\":9007199254740993,\"r\":1.5,\"t\":true,"
                            "\"n\":null,\"a\":[1,2],\"o\":{\"x\":1}}");
    int64_t i = 0;
    double d = 0;
    bool b = false;
    CHECK_STR(fiks_json_get_string(root, "s"), "bl\xc3\xa5");
    CHECK(fiks_json_int64(fiks_json_get(root, "i"), &i) && i == 9007199254740993);
    CHECK(fiks_json_number(fiks_json_get(root, "r"), &d) && d == 1.5);
    CHECK(!fiks_json_int64(fiks_json_get(root, "r"), &i));
    CHECK(fiks_json_bool(fiks_json_get(root, "t"), &b) && b);
    CHECK(fiks_json_get(root, "n") == NULL);
    CHECK(fiks_json_get(root, "absent") == NULL);
    CHECK_EQ_INT(fiks_json_count(fiks_json_get(root, "a")), 2);
    CHECK(fiks_json_int64(fiks_json_at(fiks_json_get(root, "a"), 1), &i) && i == 2);
    CHECK(fiks_json_at(fiks_json_get(root, "a"), 2) == NULL);
    CHECK_EQ_INT(fiks_json_typeof(fiks_json_get(root, "o")), FIKS_JSON_OBJECT);
    CHECK_EQ_INT(fiks_json_typeof(NULL), FIKS_JSON_NULL);
    fiks_json_free(root);
}

TEST(readers_take_no_value_and_the_wrong_type)
{
    fiks_json *root = parse("[\"x\"]");
    int64_t i;
    CHECK(fiks_json_get(NULL, "x") == NULL);
    CHECK(fiks_json_get(root, "x") == NULL);
    CHECK(fiks_json_string(root) == NULL);
    CHECK(!fiks_json_int64(NULL, &i) && !fiks_json_int64(root, &i));
    CHECK_EQ_INT(fiks_json_count(NULL), 0);
    CHECK(fiks_json_at(NULL, 0) == NULL);
    CHECK(fiks_json_next(NULL, NULL) == NULL);
    fiks_json_free(root);
    fiks_json_free(NULL);
}

TEST(whole_reals_are_integers_within_range)
{
    fiks_json *root = parse("[2.0, 1e300, -0.5]");
    int64_t i = 0;
    CHECK(fiks_json_int64(fiks_json_at(root, 0), &i) && i == 2);
    CHECK(!fiks_json_int64(fiks_json_at(root, 1), &i));
    CHECK(!fiks_json_int64(fiks_json_at(root, 2), &i));
    fiks_json_free(root);
}

TEST(walks_members_in_order)
{
    fiks_json *root = parse("{\"z\":1,\"a\":2,\"m\":3}");
    const char *name = fiks_json_next(root, NULL);
    CHECK_STR(name, "z");
    name = fiks_json_next(root, name);
    CHECK_STR(name, "a");
    name = fiks_json_next(root, name);
    CHECK_STR(name, "m");
    CHECK(fiks_json_next(root, name) == NULL);
    fiks_json_free(root);
}

TEST(refuses_what_is_not_json)
{
    check_refused("", 0, "not JSON");
    check_refused("{\"a\":", 5, "not JSON");
    check_refused("{} x", 4, "not JSON");
    check_refused("<html>", 6, "not JSON");
    check_refused("\"\xff\"", 3, "not JSON");
    check_refused("\"\\u0000\"", 8, "not JSON");
    check_refused("{\"a\":1,\"a\":2}", 13, "occurs twice");
    check_refused("1\0", 2, "NUL byte at byte 1");
    check_refused("99999999999999999999", 20, "not JSON");
}

TEST(limits_size_and_depth)
{
    char text[1200], deep[200];
    memset(text, ' ', sizeof text);
    text[0] = '1';
    check_refused(text, 1001, "more than 1000");
    memset(deep, '[', 65);
    check_refused(deep, 65, "deeper than 64 at byte 64");
    memset(deep, '[', 64);
    memset(deep + 64, ']', 64);
    deep[128] = '\0';
    fiks_json_free(parse(deep));
    fiks_json_free(
        parse("\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\""));
}

/* jansson quotes the text it stumbled over; it may be a token. */
TEST(errors_show_nothing_of_the_text)
{
    static const char *const texts[] = {
        "{\"access_token\":\"hemmelig\" hemmelig}",
        "{\"access_token\":hemmelig}",
        "{\"hemmelig\":1,\"hemmelig\":2}",
        "{\"a\":\"hemmelig",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        fiks_json *root = NULL;
        fiks_error err = {0};
        CHECK_EQ_INT(fiks_json_parse(texts[i], strlen(texts[i]), 1000, "x", &root, &err),
                     FIKS_PROTOCOL);
        CHECK(strstr(err.message, "hemmelig") == NULL);
    }
}

TEST(wants_an_object)
{
    fiks_json *root = NULL;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_json_parse_object("[]", 2, 10, "the answer", &root, &err), FIKS_PROTOCOL);
    CHECK_HAS(err.message, "the answer is not a JSON object");
    CHECK(root == NULL);
}

TEST(names_a_member_that_is_missing_or_of_another_type)
{
    fiks_json *root = parse("{\"a\":1}");
    const char *text = "";
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_json_need_string(root, "b", "it", &text, &err), FIKS_PROTOCOL);
    CHECK_STR(err.message, "it: \"b\" is missing");
    fiks_error_clear(&err);
    CHECK_EQ_INT(fiks_json_need_string(root, "a", "it", &text, &err), FIKS_PROTOCOL);
    CHECK_STR(err.message, "it: \"a\" is not a string");
    fiks_json_free(root);
}

TEST(writes_compact_in_order)
{
    fiks_json *root = fiks_json_object_new(), *list = fiks_json_array_new();
    fiks_buf out = {0};
    fiks_error err = {0};
    CHECK(fiks_json_append_string(list, "\xc3\xa6/\"\\\n"));
    CHECK(fiks_json_set_string(root, "z", "x"));
    CHECK(fiks_json_set_int64(root, "a", INT64_C(9007199254740993)));
    CHECK(fiks_json_set_bool(root, "b", false));
    CHECK(fiks_json_set(root, "l", list));
    CHECK_OK(fiks_json_dump(root, &out, &err), err);
    CHECK_STR(out.data, "{\"z\":\"x\",\"a\":9007199254740993,\"b\":false,"
                        "\"l\":[\"\xc3\xa6/\\\"\\\\\\n\"]}");
    fiks_buf_free(&out);
    fiks_json_free(root);
}

TEST(building_takes_over_also_when_it_fails)
{
    fiks_json *root = fiks_json_object_new();
    CHECK(!fiks_json_set_string(root, "a", "\xff"));
    CHECK(!fiks_json_set_string(NULL, "a", "x"));
    CHECK(!fiks_json_append_string(NULL, "x"));
    CHECK(!fiks_json_set(root, "a", NULL));
    CHECK_EQ_INT(fiks_json_count(root), 0);
    fiks_json_free(root);
}

int main(void)
{
    return run_tests("test_json");
}
