/* Names that are the same to somebody: canonically equivalent (as macOS writes them decomposed),
 * and of another case. */
#include "names.h"
#include "names_table.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST_DECOMPOSITION = 4, MARKS_MOST = 30 };

/* The code point at `text`, which is well-formed UTF-8; `*text` moves past it. */
static uint32_t next_code(const unsigned char **text)
{
    uint32_t c = *(*text)++;
    size_t more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : c >= 0xC0 ? 1 : 0;
    if (more)
        c &= 0x3Fu >> more;
    for (; more > 0; more--)
        c = c << 6 | (*(*text)++ & 0x3F);
    return c;
}

enum { DECOMPOSITIONS = sizeof decompositions / sizeof *decompositions };
enum { FOLDS = sizeof folds / sizeof *folds, CLASSES = sizeof classes / sizeof *classes };

static int compare_code(const void *key, const void *row)
{
    uint32_t c = *(const uint32_t *)key, code = *(const uint16_t *)row;
    return (c > code) - (c < code);
}

/* Of rows that begin with the first and the last of a run. */
static int compare_run(const void *key, const void *row)
{
    uint32_t c = *(const uint32_t *)key;
    const uint16_t *run = row;
    return (c > run[1]) - (c < run[0]);
}

static size_t decompose(uint32_t c, uint32_t *out)
{
    const struct decomposition *found =
        bsearch(&c, decompositions, DECOMPOSITIONS, sizeof *decompositions, compare_code);
    if (!found) {
        out[0] = c;
        return 1;
    }
    size_t n = decompose(found->first, out);
    if (found->second)
        out[n++] = found->second;
    return n;
}

static uint32_t fold_case(uint32_t c)
{
    const struct fold *found = bsearch(&c, folds, FOLDS, sizeof *folds, compare_run);
    bool folds_so = found && (c - found->from) % found->step == 0;
    return folds_so ? (c + found->offset) & 0xFFFF : c;
}

static uint8_t combining_class(uint32_t c)
{
    const struct combining *found = bsearch(&c, classes, CLASSES, sizeof *classes, compare_run);
    return found ? found->combining : 0;
}

/* Marks on one letter have a fixed order, by class. More than MARKS_MOST (UAX #15, 13) are no text,
 * and would take long. */
static void sort_marks(uint32_t *codes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint8_t own = combining_class(codes[i]);
        for (size_t n = i; own && n > 0 && i - n < MARKS_MOST; n--) {
            if (combining_class(codes[n - 1]) <= own)
                break;
            uint32_t swapped = codes[n];
            codes[n] = codes[n - 1];
            codes[n - 1] = swapped;
        }
    }
}

static void add_code(fiks_buf *out, uint32_t c)
{
    static const uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
    size_t more = c >= 0x10000 ? 3 : c >= 0x800 ? 2 : c >= 0x80 ? 1 : 0;
    uint8_t bytes[4] = {(uint8_t)(lead[more] | c >> (6 * more))};
    for (size_t i = 1; i <= more; i++)
        bytes[i] = (uint8_t)(0x80 | (c >> (6 * (more - i)) & 0x3F));
    fiks_buf_add(out, bytes, more + 1);
}

char *fiks_name_fold(const char *name, bool any_case)
{
    size_t len = strlen(name), count = 0;
    fiks_buf out = {0};
    if (fiks_utf8_check(name, len) != len)
        return fiks_strdup(name);
    uint32_t *codes = calloc(len + 1, LONGEST_DECOMPOSITION * sizeof *codes);
    if (!codes)
        return NULL;
    const unsigned char *at = (const unsigned char *)name, *end = at + len;
    while (at < end)
        count += decompose(next_code(&at), codes + count);
    for (size_t i = 0; any_case && i < count; i++)
        codes[i] = fold_case(codes[i]);
    sort_marks(codes, count);
    for (size_t i = 0; i < count; i++)
        add_code(&out, codes[i]);
    fiks_buf_adds(&out, "");
    free(codes);
    if (out.failed)
        fiks_buf_free(&out);
    return out.data;
}
