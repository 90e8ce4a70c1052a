/*
 * The CMS reader, with a key that fits the seeds (FIKS_FUZZ_KEY, made by fuzz/seeds.lua): pieces of
 * any size give the same verdict as the whole and, when it is good, the same content; weak ciphers
 * are never read unasked.
 */
#include "../csrc/cms.h"
#include "fuzz.h"

#include <string.h>

static fiks_key *key;

int LLVMFuzzerInitialize(int *count, char ***arguments);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    fiks_error err = {0};
    fiks_key_options options = FIKS_OPTIONS(fiks_key_options);
    (void)count, (void)arguments;
    options.file = getenv("FIKS_FUZZ_KEY");
    options.allow_weak = true; /* a short one is fast */
    if (!options.file || fiks_key_new(&options, &key, &err))
        fuzz_fail("FIKS_FUZZ_KEY must be the key of the seeds: %s", err.message);
    return 0;
}

typedef struct reading {
    fiks_buf content;
    fiks_status status;
    char code[64];
    bool trailing;
} reading;

static fiks_status take(void *to, const void *data, size_t len, fiks_error *err)
{
    (void)err;
    fiks_buf_add(to, data, len);
    return FIKS_OK;
}

static reading read_message(const uint8_t *data, size_t size, size_t piece, bool legacy_ciphers)
{
    reading r = {0};
    fiks_error err = {0};
    fiks_cms_reader *reader;
    fiks_cms_options options = {&key, 1, legacy_ciphers};
    if (fiks_cms_reader_new(&options, take, &r.content, &reader, &err))
        fuzz_fail("no reader: %s", err.message);
    for (size_t at = 0; at < size && !r.status; at += piece)
        r.status =
            fiks_cms_reader_feed(reader, data + at, size - at < piece ? size - at : piece, &err);
    if (!r.status)
        r.status = fiks_cms_reader_finish(reader, &err);
    if (r.status != err.kind || (r.status && !err.message[0]))
        fuzz_fail("status %d, error %d: %s", (int)r.status, (int)err.kind, err.message);
    if (!r.status && fiks_cms_reader_bytes(reader) != r.content.len)
        fuzz_fail("%zu bytes, and not as many counted", r.content.len);
    r.trailing = fiks_cms_reader_trailing(reader);
    snprintf(r.code, sizeof r.code, "%s", err.code);
    fiks_cms_reader_free(reader);
    return r;
}

static void compare(const reading *a, const reading *b, size_t piece)
{
    if (a->status != b->status || strcmp(a->code, b->code) != 0)
        fuzz_fail("in pieces of %zu: %s, as a whole: %s", piece, b->code, a->code);
    if (a->status)
        return;
    if (a->trailing != b->trailing || a->content.len != b->content.len ||
        (a->content.len && memcmp(a->content.data, b->content.data, a->content.len) != 0))
        fuzz_fail("in pieces of %zu: another content", piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {1, 50};
    reading whole = read_message(data, size, size + 1, true);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        reading parts = read_message(data, size, pieces[i], true);
        compare(&whole, &parts, pieces[i]);
        fiks_buf_free(&parts.content);
    }
    reading strict = read_message(data, size, size + 1, false);
    if (strcmp(strict.code, "algorithm") != 0)
        compare(&whole, &strict, size);
    fiks_buf_free(&strict.content);
    fiks_buf_free(&whole.content);
    return 0;
}
