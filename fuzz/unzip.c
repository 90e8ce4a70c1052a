/*
 * The unzipper: pieces of any size give the same verdict as the whole and, when it is good, the
 * same files; no more comes out than the limit, and no name leads out of a folder. What it may ask
 * its owner is answered in one way or another, by the length of the input.
 */
#include "../csrc/unzip.h"
#include "../csrc/str.h"
#include "fuzz.h"

#include <string.h>

enum { TOTAL_MOST = 1 << 20 };

typedef struct archive {
    fiks_buf seen;
    size_t total;
    bool open;
} archive;

/* Is one of the parts between slashes ".." or empty? */
static bool leads_out(const char *name)
{
    for (;;) {
        size_t len = strcspn(name, "/");
        if (len == 0 || (len == 2 && memcmp(name, "..", 2) == 0))
            return true;
        if (!name[len])
            return false;
        name += len + 1;
    }
}

static fiks_status on_begin(void *to, const char *name, fiks_error *err)
{
    archive *a = to;
    (void)err;
    if (a->open || leads_out(name) || strchr(name, '\\'))
        fuzz_fail("the name %s", name);
    a->open = true;
    fiks_buf_addf(&a->seen, "%s=", name);
    return FIKS_OK;
}

static fiks_status on_data(void *to, const void *data, size_t len, fiks_error *err)
{
    archive *a = to;
    (void)err;
    a->total += len;
    if (!a->open || a->total > TOTAL_MOST)
        fuzz_fail("%zu bytes of at most %d", a->total, TOTAL_MOST);
    fiks_buf_add(&a->seen, data, len);
    return FIKS_OK;
}

static fiks_status on_end(void *to, fiks_error *err)
{
    archive *a = to;
    (void)err;
    if (!a->open)
        fuzz_fail("an end without a begin");
    a->open = false;
    fiks_buf_adds(&a->seen, "\n");
    return FIKS_OK;
}

static bool on_known(void *to, const char *name)
{
    (void)to;
    return (unsigned char)name[0] >= 0x80;
}

static uint64_t on_announced(void *to, const char *name)
{
    (void)to;
    return name[0] == 'b' ? 100 : 0;
}

static const char *on_unnamed(void *to)
{
    (void)to;
    return "uten navn.bin";
}

/* The verdict becomes the last line of what was seen; all of it when it is a failure. */
static void read_archive(const uint8_t *data, size_t size, size_t piece, archive *a)
{
    fiks_unzip_events events = {.to = a,
                                .begin = on_begin,
                                .data = on_data,
                                .end = on_end,
                                .known = size & 1 ? on_known : NULL,
                                .announced = size & 2 ? on_announced : NULL,
                                .unnamed = size & 4 ? on_unnamed : NULL,
                                .keep_duplicates = size & 8};
    fiks_unzip *unzip;
    fiks_error err;
    fiks_error_clear(&err);
    if (fiks_unzip_new(&events, TOTAL_MOST, &unzip, &err))
        fuzz_fail("no unzipper: %s", err.message);
    fiks_status status = FIKS_OK;
    for (size_t at = 0; at < size && !status; at += piece)
        status = fiks_unzip_feed(unzip, data + at, size - at < piece ? size - at : piece, &err);
    if (!status)
        status = fiks_unzip_finish(unzip, &err);
    if (status != err.kind || (!status && a->open))
        fuzz_fail("status %d, error %d, %s", (int)status, (int)err.kind, a->open ? "open" : "");
    fiks_unzip_free(unzip);
    if (status)
        fiks_buf_clear(&a->seen);
    /* inflate may hold back output, so a bomb that is cut may be either. */
    bool cut = status == FIKS_LIMIT || strcmp(err.code, "truncated") == 0;
    fiks_buf_addf(&a->seen, "\n%s", cut ? "bomb or cut" : err.code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {1, 5, 64};
    archive whole = {0};
    read_archive(data, size, size + 1, &whole);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        archive parts = {0};
        read_archive(data, size, pieces[i], &parts);
        if (parts.seen.len != whole.seen.len ||
            memcmp(parts.seen.data, whole.seen.data, whole.seen.len) != 0)
            fuzz_fail("in pieces of %zu:\n%s\nas a whole:\n%s", pieces[i], parts.seen.data,
                      whole.seen.data);
        fiks_buf_free(&parts.seen);
    }
    fiks_buf_free(&whole.seen);
    return 0;
}
