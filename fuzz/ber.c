/*
 * The BER reader: pieces of any size give the same events and the same bytes as the whole, levels
 * and positions are right, and every opened element of a complete input is closed.
 */
#include "../csrc/ber.h"
#include "../csrc/str.h"
#include "fuzz.h"

#include <string.h>

/* What came, one line an event; the pieces of a body are joined. */
static void note(fiks_buf *seen, const fiks_ber *ber, fiks_ber_event event, bool *in_body)
{
    if (event == FIKS_BER_BODY) {
        if (!*in_body)
            fiks_buf_adds(seen, "body ");
        fiks_buf_add(seen, ber->data, ber->len);
        *in_body = true;
        return;
    }
    *in_body = false;
    fiks_buf_addf(seen, "\n%d level %u tag %u at %llu", (int)event, ber->level, ber->tag,
                  (unsigned long long)ber->pos);
}

static fiks_ber_event walk(const uint8_t *data, size_t size, size_t piece, fiks_buf *seen)
{
    fiks_ber ber = {0};
    fiks_ber_event event = FIKS_BER_NEED;
    bool in_body = false;
    for (size_t at = 0; at < size && event == FIKS_BER_NEED;) {
        size_t left = size - at < piece ? size - at : piece;
        const uint8_t *next = data + at;
        at += left;
        while ((event = fiks_ber_next(&ber, &next, &left)) < FIKS_BER_END) {
            if (ber.level > FIKS_BER_DEPTH || ber.pos > size)
                fuzz_fail("level %u, position %llu", ber.level, (unsigned long long)ber.pos);
            if (event == FIKS_BER_NEED)
                break;
            note(seen, &ber, event, &in_body);
        }
        if (event == FIKS_BER_NEED && left)
            fuzz_fail("asks for more with %zu bytes left", left);
    }
    if (event == FIKS_BER_END && ber.level)
        fuzz_fail("ended on level %u", ber.level);
    if (event == FIKS_BER_BAD && !ber.problem)
        fuzz_fail("bad without a problem");
    note(seen, &ber, event, &in_body);
    return event;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {1, 2, 3, 7, 64};
    fiks_buf whole = {0};
    fiks_ber_event event = walk(data, size, size + 1, &whole);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        fiks_buf parts = {0};
        if (walk(data, size, pieces[i], &parts) != event || parts.len != whole.len ||
            memcmp(parts.data, whole.data, whole.len) != 0)
            fuzz_fail("in pieces of %zu:\n%.*s\nas a whole:\n%.*s", pieces[i], (int)parts.len,
                      parts.data, (int)whole.len, whole.data);
        fiks_buf_free(&parts);
    }
    fiks_buf_free(&whole);
    return 0;
}
