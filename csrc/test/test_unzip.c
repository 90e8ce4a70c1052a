#include "../unzip.h"

#include "../error.h"
#include "zip_build.h"

/* ---- reading ------------------------------------------------------------------------------- */

static fiks_error last;
static fiks_buf seen; /* "name=content|" of every file; long contents as "name=<bytes>|" */
static fiks_buf current;
static uint64_t limit = 1 << 30;
static fiks_name_known_fn known;

static fiks_status on_begin(void *to, const char *name, fiks_error *err)
{
    (void)to, (void)err;
    fiks_buf_addf(&seen, "%s=", name);
    fiks_buf_clear(&current);
    return FIKS_OK;
}

static fiks_status on_data(void *to, const void *data, size_t len, fiks_error *err)
{
    (void)to, (void)err;
    fiks_buf_add(&current, data, len);
    return FIKS_OK;
}

static fiks_status on_end(void *to, fiks_error *err)
{
    (void)to, (void)err;
    if (current.len > 100)
        fiks_buf_addf(&seen, "<%zu>|", current.len);
    else
        fiks_buf_addf(&seen, "%.*s|", (int)current.len, current.data ? current.data : "");
    return FIKS_OK;
}

static fiks_status unzip_chunks(const fiks_buf *zip, size_t len, size_t chunk)
{
    fiks_unzip_events events = {.begin = on_begin, .data = on_data, .end = on_end, .known = known};
    fiks_unzip *unzip;
    fiks_error_clear(&last);
    fiks_buf_clear(&seen);
    fiks_status status = fiks_unzip_new(&events, limit, &unzip, &last);
    for (size_t i = 0; i < len && !status; i += chunk)
        status = fiks_unzip_feed(unzip, zip->data + i, len - i < chunk ? len - i : chunk, &last);
    if (!status)
        status = fiks_unzip_finish(unzip, &last);
    fiks_unzip_free(unzip);
    CHECK_EQ_INT(status, last.kind);
    return status;
}

/* In every chunking; all must give the same. */
static fiks_status unzip_all(const fiks_buf *zip)
{
    static const size_t chunks[] = {1, 7, 1000, SIZE_MAX / 2};
    fiks_status first = FIKS_OK;
    char code[64];
    fiks_buf list = {0};
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        fiks_status status = unzip_chunks(zip, zip->len, chunks[i]);
        if (i == 0) {
            first = status;
            snprintf(code, sizeof code, "%s", last.code);
            fiks_buf_adds(&list, seen.data ? seen.data : "");
        }
        CHECK_EQ_INT(status, first);
        CHECK_STR(last.code, code);
        CHECK_STR(seen.data ? seen.data : "", list.data);
    }
    fiks_buf_free(&list);
    return first;
}

static void check_list(fiks_buf zip, const char *want)
{
    CHECK_OK(unzip_all(&zip), last);
    CHECK_STR(seen.data ? seen.data : "", want);
    fiks_buf_free(&zip);
}

static void check_fails(fiks_buf zip, fiks_status kind, const char *code)
{
    CHECK_EQ_INT(unzip_all(&zip), kind);
    CHECK_STR(last.code, code);
    CHECK(last.message[0] != '\0');
    fiks_buf_free(&zip);
}

static fiks_buf one(zip_file file)
{
    return zip_build(&file, 1, NULL);
}

#define FILE_OF(n, text) .name = (n), .data = (text), .len = sizeof(text) - 1

/* ---- good ---------------------------------------------------------------------------------- */

TEST(every_way_to_tell_sizes)
{
    for (int method = 0; method <= 8; method += 8)
        for (int wide = 0; wide <= 1; wide++)
            for (sizes s = IN_FRONT; s <= BEHIND_64_UNMARKED; s++)
                for (int end64 = 0; end64 <= 1; end64++) {
                    if (method == 0 && s != IN_FRONT)
                        continue;
                    zip_file files[] = {
                        {FILE_OF("a.txt", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), .method = method,
                         .sizes = s, .wide = wide},
                        {FILE_OF("tom.bin", ""), .method = method, .sizes = s, .wide = wide},
                        {FILE_OF("b.txt", "b"), .method = method, .sizes = s, .wide = wide},
                    };
                    check_list(zip_build(files, 3, &(zip_plan){.end64 = end64}),
                               "a.txt=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|tom.bin=|b.txt=b|");
                }
}

TEST(stored_and_empty_with_a_descriptor) /* as Info-ZIP writes into a pipe */
{
    for (sizes s = BEHIND; s <= BEHIND_64_UNMARKED; s++)
        check_list(one((zip_file){FILE_OF("tom.bin", ""), .sizes = s}), "tom.bin=|");
}

TEST(stored_without_a_size_is_refused)
{
    check_fails(one((zip_file){FILE_OF("a", "content"), .sizes = BEHIND}), FIKS_ARCHIVE,
                "unsupported");
    CHECK_HAS(last.message, "without its size in front");
}

TEST(long_contents)
{
    size_t len = 3000000;
    char *data = malloc(len);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)((i * 2654435761u) >> 20 & 0x3F);
    for (int method = 0; method <= 8; method += 8) {
        zip_file files[] = {{.name = "stor.bin",
                             .data = data,
                             .len = len,
                             .method = method,
                             .sizes = method ? BEHIND : IN_FRONT},
                            {FILE_OF("b", "b")}};
        fiks_buf zip = zip_build(files, 2, NULL);
        CHECK_OK(unzip_chunks(&zip, zip.len, 65536), last);
        CHECK_STR(seen.data, "stor.bin=<3000000>|b=b|");
        CHECK_OK(unzip_chunks(&zip, zip.len, 999), last);
        fiks_buf_free(&zip);
    }
    free(data);
}

TEST(empty_archive)
{
    check_list(zip_build(NULL, 0, NULL), "");
    check_list(zip_build(NULL, 0, &(zip_plan){.end64 = true}), "");
}

TEST(folders_are_skipped)
{
    zip_file files[] = {
        {FILE_OF("mappe/", ""), .made_by = 3 << 8, .attributes = 0040755u << 16},
        {FILE_OF("mappe/brev.txt", "x"), .made_by = 3 << 8, .attributes = 0100644u << 16},
        {FILE_OF("tom/", ""), .method = 8, .sizes = BEHIND}};
    check_list(zip_build(files, 3, NULL), "mappe/brev.txt=x|");
    check_fails(one((zip_file){FILE_OF("mappe/", "content")}), FIKS_ARCHIVE, "structure");
}

TEST(comment_and_directory_in_another_order)
{
    zip_file files[] = {{FILE_OF("a", "1")}, {FILE_OF("b", "2")}, {FILE_OF("c", "3")}};
    check_list(zip_build(files, 3, &(zip_plan){.comment = "hei", .backwards = true}),
               "a=1|b=2|c=3|");
}

static bool knows_latin1(void *to, const char *name)
{
    (void)to;
    return strcmp(name, "ø.pdf") == 0;
}

TEST(names)
{
    enum { UTF8 = 1 << 11 };
    check_list(one((zip_file){FILE_OF("søknad.pdf", "x"), .flags = UTF8}), "søknad.pdf=x|");
    check_list(one((zip_file){FILE_OF("søknad.pdf", "x")}), "søknad.pdf=x|");
    check_list(one((zip_file){FILE_OF("s\x9Bknad.pdf", "x")}), "søknad.pdf=x|");
    check_list(one((zip_file){FILE_OF("\xF8.pdf", "x")}), "%F8.pdf=x|");
    known = knows_latin1;
    check_list(one((zip_file){FILE_OF("\xF8.pdf", "x")}), "ø.pdf=x|");
    known = NULL;
    check_fails(one((zip_file){FILE_OF("\xF8.pdf", "x"), .flags = UTF8}), FIKS_ARCHIVE, "name");
}

/* Info-ZIP's Unicode Path: version 1, CRC of the name in the header, the name in UTF-8. */
TEST(unicode_path_field_wins)
{
    fiks_buf field = {0};
    const char *raw = "s?knad.pdf", *real = "søknad.pdf";
    z16(&field, 0x7075);
    z16(&field, (uint32_t)(5 + strlen(real)));
    fiks_buf_add(&field, "\1", 1);
    z32(&field, (uint32_t)crc32(0, (const Bytef *)raw, (uInt)strlen(raw)));
    fiks_buf_adds(&field, real);
    check_list(
        one((zip_file){
            .name = raw, .data = "x", .len = 1, .extra = field.data, .extra_len = field.len}),
        "søknad.pdf=x|");
    field.data[5] ^= 1;
    check_list(
        one((zip_file){
            .name = raw, .data = "x", .len = 1, .extra = field.data, .extra_len = field.len}),
        "s?knad.pdf=x|");
    fiks_buf_free(&field);
}

TEST(reads_what_other_programs_write)
{
    const char *dir = test_temp_dir();
    char command[1024];
    snprintf(command, sizeof command,
             "cd '%s' && mkdir -p z/mappe && cd z && printf hei >a.txt && : >tom && seq 9999 "
             ">mappe/tall && zip -qr ../seek.zip a.txt tom mappe && zip -qr - a.txt tom mappe | "
             "cat >../pipe.zip && zip -q -0 -fz- ../stored.zip a.txt tom",
             dir);
    if (system(command) != 0)
        TEST_FAIL("zip failed");
    static const char *const names[] = {"seek.zip", "pipe.zip", "stored.zip"};
    for (size_t i = 0; i < 3; i++) {
        fiks_buf zip = {0};
        size_t len;
        char *data = test_read_file(test_temp_path(names[i]), &len);
        fiks_buf_add(&zip, data, len);
        free(data);
        check_list(zip, i < 2 ? "a.txt=hei|tom=|mappe/tall=<48888>|" : "a.txt=hei|tom=|");
    }
}

/* ---- bad ----------------------------------------------------------------------------------- */

TEST(truncated_at_every_byte)
{
    zip_file files[] = {{FILE_OF("a.txt", "aaaaaaaaaaaaaaaaaaaaaa"), .method = 8, .sizes = BEHIND},
                        {FILE_OF("b.txt", "bbb"), .wide = true}};
    fiks_buf zip = zip_build(files, 2, &(zip_plan){.end64 = true, .comment = "slutt"});
    for (size_t n = 0; n < zip.len; n++) {
        CHECK_EQ_INT(unzip_chunks(&zip, n, 1 + n % 50), FIKS_INTEGRITY);
        CHECK_STR(last.code, "truncated");
    }
    check_list(zip, "a.txt=aaaaaaaaaaaaaaaaaaaaaa|b.txt=bbb|");
}

TEST(names_that_lead_elsewhere)
{
    static const char *const bad[] = {"../a", "/a",  "a/../../b", "..\\a", "C:\\a", "c:a",
                                      "a//b", "./a", "..",        "a/..",  "\\"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_fails(one((zip_file){.name = bad[i], .data = "x", .len = 1}), FIKS_ARCHIVE, "name");
    check_fails(one((zip_file){.name = "a.pdf\0.exe", .name_len = 10}), FIKS_ARCHIVE, "name");
    check_fails(one((zip_file){.name = "", .data = "x", .len = 1}), FIKS_ARCHIVE, "name");
    CHECK_STR(seen.data ? seen.data : "", "");
}

TEST(a_unicode_path_is_checked_too)
{
    fiks_buf field = {0};
    z16(&field, 0x7075);
    z16(&field, 5 + 4);
    fiks_buf_add(&field, "\1", 1);
    z32(&field, (uint32_t)crc32(0, (const Bytef *)"ok", 2));
    fiks_buf_adds(&field, "../x");
    check_fails(one((zip_file){.name = "ok", .extra = field.data, .extra_len = field.len}),
                FIKS_ARCHIVE, "name");
    fiks_buf_clear(&field);
    z16(&field, 0x7075);
    z16(&field, 5 + 2);
    fiks_buf_add(&field, "\1", 1);
    z32(&field, (uint32_t)crc32(0, (const Bytef *)"../x", 4));
    fiks_buf_adds(&field, "ok");
    check_fails(one((zip_file){.name = "../x", .extra = field.data, .extra_len = field.len}),
                FIKS_ARCHIVE, "name");
    fiks_buf_free(&field);
}

TEST(links_and_devices)
{
    static const uint32_t modes[] = {0120777, 0010644, 0020644, 0060644, 0140777, 0040755};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        zip_file file = {FILE_OF("lenke", "/etc/passwd"), .made_by = 3 << 8,
                         .attributes = modes[i] << 16};
        check_fails(zip_build(&file, 1, NULL), FIKS_ARCHIVE, "link");
        file.made_by = 0; /* DOS: the upper half means nothing */
        check_list(zip_build(&file, 1, NULL), "lenke=/etc/passwd|");
    }
}

TEST(duplicates)
{
    static const char *const pairs[][2] = {{"a.pdf", "a.pdf"},         {"a.pdf", "A.PDF"},
                                           {"søk.pdf", "SØK.pdf"},     {"a", "a/"},
                                           {"å.pdf", "a\xCC\x8A.pdf"}, {"Š.pdf", "s\xCC\x8C.pdf"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        zip_file files[] = {{.name = pairs[i][0]}, {.name = pairs[i][1]}};
        check_fails(zip_build(files, 2, NULL), FIKS_ARCHIVE, "duplicate");
    }
    zip_file mixed[] = {{FILE_OF("s\x9Bk.pdf", "")}, {FILE_OF("s\xC3\x98k.pdf", "")}};
    check_fails(zip_build(mixed, 2, NULL), FIKS_ARCHIVE, "duplicate");
}

TEST(encrypted_and_unsupported)
{
    check_fails(one((zip_file){FILE_OF("a", "x"), .flags = 1}), FIKS_ARCHIVE, "encrypted");
    check_fails(one((zip_file){FILE_OF("a", "x"), .flags = 1 << 6}), FIKS_ARCHIVE, "encrypted");
    check_fails(one((zip_file){FILE_OF("a", "x"), .flags = 1 << 13}), FIKS_ARCHIVE, "encrypted");
    check_fails(one((zip_file){FILE_OF("a", "x"), .method = 12}), FIKS_ARCHIVE, "unsupported");
    CHECK_HAS(last.message, "method 12");
    check_fails(zip_build(NULL, 0, &(zip_plan){.disk = 1}), FIKS_ARCHIVE, "unsupported");
}

TEST(crc_and_sizes)
{
    for (int method = 0; method <= 8; method += 8) {
        zip_file file = {FILE_OF("a", "some content, some content"), .method = method};
        zip_file bad = file;
        bad.crc_xor = 1;
        check_fails(one(bad), FIKS_INTEGRITY, "crc");
        CHECK_HAS(last.message, "\"a\"");
        bad = file;
        bad.central_crc_xor = 1;
        check_fails(one(bad), FIKS_INTEGRITY, "crc");
        bad = file;
        bad.size_off = 1;
        check_fails(one(bad), FIKS_INTEGRITY, "size");
        bad.size_off = -1;
        check_fails(one(bad), FIKS_INTEGRITY, "size");
        bad = file;
        bad.central_size_off = 1;
        check_fails(one(bad), FIKS_ARCHIVE, "directory");
        bad = file;
        bad.packed_off = -1;
        CHECK(unzip_all(&(fiks_buf){0}) != FIKS_OK);
        fiks_buf zip = one(bad);
        CHECK(unzip_all(&zip) != FIKS_OK);
        fiks_buf_free(&zip);
    }
    for (sizes s = BEHIND; s <= BEHIND_64_UNMARKED; s++)
        check_fails(
            one((zip_file){FILE_OF("a", "some content"), .method = 8, .sizes = s, .crc_xor = 1}),
            FIKS_INTEGRITY, "crc");
}

TEST(the_directory_must_agree)
{
    zip_file files[] = {{FILE_OF("a", "1")}, {FILE_OF("b", "2")}};
    zip_file bad[2];
#define CHECK_DIRECTORY(member, value)                                                             \
    do {                                                                                           \
        memcpy(bad, files, sizeof files);                                                          \
        bad[1].member = (value);                                                                   \
        check_fails(zip_build(bad, 2, NULL), FIKS_ARCHIVE, "directory");                           \
    } while (0)
    CHECK_DIRECTORY(central_name, "c");
    CHECK_DIRECTORY(central_name, "b ");
    CHECK_DIRECTORY(not_listed, true);
    CHECK_DIRECTORY(listed_twice, true);
    memcpy(bad, files, sizeof files);
    bad[1].not_listed = true;
    check_fails(zip_build(bad, 2, &(zip_plan){.count_off = 1}), FIKS_ARCHIVE, "directory");
    bad[0].listed_twice = true;
    check_fails(zip_build(bad, 2, NULL), FIKS_ARCHIVE, "directory");
    check_fails(zip_build(files, 2, &(zip_plan){.end64 = true, .locator_off = 1}), FIKS_ARCHIVE,
                "directory");
    for (int end64 = 0; end64 <= 1; end64++) {
        check_fails(zip_build(files, 2, &(zip_plan){.count_off = 1, .end64 = end64}), FIKS_ARCHIVE,
                    "directory");
        check_fails(zip_build(files, 2, &(zip_plan){.start_off = 1, .end64 = end64}), FIKS_ARCHIVE,
                    "directory");
        check_fails(zip_build(files, 2, &(zip_plan){.length_off = -1, .end64 = end64}),
                    FIKS_ARCHIVE, "directory");
    }
}

TEST(what_is_not_a_zip)
{
    check_fails(zip_build(NULL, 0, &(zip_plan){.prefix = "MZ junk before"}), FIKS_ARCHIVE,
                "not_zip");
    fiks_buf zip = one((zip_file){FILE_OF("a", "1")});
    fiks_buf_adds(&zip, "x");
    check_fails(zip, FIKS_ARCHIVE, "structure");
    zip = zip_build((zip_file[]){{FILE_OF("a", "1")}, {FILE_OF("b", "2")}}, 2, NULL);
    memcpy(zip.data + 32, "XXXX", 4); /* where the second header was expected */
    check_fails(zip, FIKS_ARCHIVE, "structure");
}

TEST(damaged_deflate)
{
    fiks_buf zip = one((zip_file){FILE_OF("a", "some content, some content"), .method = 8});
    zip.data[31] = (char)0xFF;
    check_fails(zip, FIKS_ARCHIVE, "damaged");
}

static char *noise(size_t len)
{
    char *data = malloc(len);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 2654435761u >> 13);
    return data;
}

TEST(bombs)
{
    size_t len = 4 << 20;
    char *zeros = calloc(1, len), *dense = noise(len);
    zip_file bomb = {.name = "bombe", .data = zeros, .len = len, .method = 8};
    check_fails(one(bomb), FIKS_LIMIT, "ratio");
    zip_file behind[] = {{.name = "stor", .data = dense, .len = len}, bomb};
    check_fails(zip_build(behind, 2, NULL), FIKS_LIMIT, "ratio");
    CHECK_HAS(last.message, "\"bombe\"");
    bomb.len = 1 << 20; /* the largest that is let through */
    check_list(one(bomb), "bombe=<1048576>|");
    zip_file second = bomb;
    second.name = "to";
    check_fails(zip_build((zip_file[]){bomb, second}, 2, NULL), FIKS_LIMIT, "ratio");
    memcpy(zeros + len / 2, dense, len / 2); /* a page with a white margin */
    check_list(one((zip_file){.name = "side.tif", .data = zeros, .len = len, .method = 8}),
               "side.tif=<4194304>|");
    free(zeros);
    free(dense);
}

TEST(a_large_bomb_is_stopped_before_its_end)
{
    size_t len = 80 << 20;
    char *zeros = calloc(1, len);
    fiks_buf zip = one((zip_file){.name = "bombe", .data = zeros, .len = len, .method = 8});
    CHECK_EQ_INT(unzip_chunks(&zip, zip.len * 9 / 10, 1000), FIKS_LIMIT);
    CHECK_STR(last.code, "ratio");
    fiks_buf_free(&zip);
    free(zeros);
}

TEST(total_limit)
{
    char *dense = noise(1001);
    limit = 1000;
    check_fails(one((zip_file){.name = "a", .data = dense, .len = 1001}), FIKS_LIMIT, "total");
    check_list(one((zip_file){.name = "a", .data = dense, .len = 1000}), "a=<1000>|");
    limit = 1 << 30;
    free(dense);
}

TEST(too_many_entries)
{
    enum { COUNT = 10001 };
    zip_file *files = calloc(COUNT, sizeof *files);
    char(*names)[16] = calloc(COUNT, sizeof *names);
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        files[i].name = names[i];
    }
    fiks_buf zip = zip_build(files, COUNT, NULL);
    CHECK_EQ_INT(unzip_chunks(&zip, zip.len, 1000), FIKS_LIMIT);
    CHECK_STR(last.code, "entries");
    fiks_buf_free(&zip);
    zip = zip_build(files, COUNT - 1, NULL);
    CHECK_OK(unzip_chunks(&zip, zip.len, 1000), last);
    fiks_buf_free(&zip);
    free(files);
    free(names);
    char *name = malloc(5000);
    memset(name, 'n', 4999);
    name[4999] = '\0';
    check_fails(one((zip_file){.name = name}), FIKS_LIMIT, "entries");
    free(name);
}

/* Every byte changed in several ways: the same list, or an error; never a crash. */
TEST(changed_bytes)
{
    zip_file files[] = {{FILE_OF("a.txt", "aaaaaaaaaaaaaaaaaaaaaa"), .method = 8, .sizes = BEHIND},
                        {FILE_OF("b.txt", "bbb"), .wide = true},
                        {FILE_OF("c.txt", "ccc"), .method = 8}};
    fiks_buf zip = zip_build(files, 3, &(zip_plan){.end64 = true});
    static const uint8_t changes[] = {0x01, 0x08, 0x80, 0xFF};
    for (size_t i = 0; i < zip.len; i++)
        for (size_t c = 0; c < sizeof changes; c++) {
            zip.data[i] = (char)(zip.data[i] ^ changes[c]);
            if (unzip_chunks(&zip, zip.len, 13))
                CHECK(last.message[0] != '\0');
            else
                CHECK_HAS(seen.data, "b.txt=bbb|c.txt=ccc|");
            zip.data[i] = (char)(zip.data[i] ^ changes[c]);
        }
    fiks_buf_free(&zip);
}

static fiks_status refuse(void *to, const void *data, size_t len, fiks_error *err)
{
    (void)to, (void)data, (void)len;
    return fiks_fail(err, FIKS_IO, "full", "disk full");
}

TEST(a_failing_receiver_ends_it)
{
    fiks_unzip_events events = {.begin = on_begin, .data = refuse, .end = on_end};
    fiks_unzip *unzip;
    fiks_error err = {0};
    fiks_buf zip = one((zip_file){FILE_OF("a", "x")});
    CHECK_OK(fiks_unzip_new(&events, limit, &unzip, &err), err);
    CHECK_EQ_INT(fiks_unzip_feed(unzip, zip.data, zip.len, &err), FIKS_IO);
    CHECK_STR(err.code, "full");
    CHECK_EQ_INT(fiks_unzip_feed(unzip, zip.data, zip.len, NULL), FIKS_IO);
    CHECK_EQ_INT(fiks_unzip_finish(unzip, NULL), FIKS_IO);
    fiks_unzip_free(unzip);
    fiks_buf_free(&zip);
}

/* ---- published vectors --------------------------------------------------------------------- */

static fiks_buf vector(const char *name)
{
    char path[128];
    fiks_buf out = {0};
    size_t len;
    snprintf(path, sizeof path, "svarinn/synthetic/zips/%s.zip", name);
    char *data = test_read_file(test_vector(path), &len);
    fiks_buf_add(&out, data, len);
    free(data);
    return out;
}

static bool knows_vector_name(void *to, const char *name)
{
    (void)to;
    return strcmp(name, "søknad æøå.pdf") == 0;
}

TEST(vectors_that_are_fine)
{
    static const char *const good[] = {"name-utf8-flag", "name-utf8-noflag", "name-cp850-noflag",
                                       "name-latin1-noflag"};
    known = knows_vector_name;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        fiks_buf zip = vector(good[i]);
        CHECK_OK(unzip_all(&zip), last);
        CHECK_HAS(seen.data, "søknad æøå.pdf=");
        fiks_buf_free(&zip);
    }
    known = NULL;
    fiks_buf zip = vector("ok-utf8-datadescriptor");
    CHECK_OK(unzip_all(&zip), last);
    CHECK_HAS(seen.data, "søknad æøå.pdf=%PDF");
    CHECK_HAS(seen.data, "|tom.bin=|");
    fiks_buf_free(&zip);
    check_list(vector("empty"), "");
    static const char *const others[] = {"ok-single-pdf", "zip64-small", "name-overlong-300",
                                         "name-reserved", "name-nfd-flag"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        zip = vector(others[i]);
        CHECK_OK(unzip_all(&zip), last);
        fiks_buf_free(&zip);
    }
}

TEST(vectors_that_are_refused)
{
    static const struct {
        const char *name;
        fiks_status kind;
        const char *code;
    } bad[] = {
        {"bad-crc", FIKS_INTEGRITY, "crc"},
        {"truncated-no-central-dir", FIKS_INTEGRITY, "truncated"},
        {"method-bzip2", FIKS_ARCHIVE, "unsupported"},
        {"flag-encrypted", FIKS_ARCHIVE, "encrypted"},
        {"symlink", FIKS_ARCHIVE, "link"},
        {"local-central-name-mismatch", FIKS_ARCHIVE, "directory"},
        {"prefix-junk", FIKS_ARCHIVE, "not_zip"},
        {"traversal", FIKS_ARCHIVE, "name"},
        {"name-nul", FIKS_ARCHIVE, "name"},
        {"name-empty", FIKS_ARCHIVE, "name"},
        {"name-invalid-utf8-flag", FIKS_ARCHIVE, "name"},
        {"duplicates", FIKS_ARCHIVE, "duplicate"},
        {"bomb-10MiB-zeros", FIKS_LIMIT, "ratio"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_fails(vector(bad[i].name), bad[i].kind, bad[i].code);
}

int main(void)
{
    int result = run_tests("test_unzip");
    fiks_buf_free(&seen);
    fiks_buf_free(&current);
    return result;
}
