#include "unzip.h"

#include "error.h"
#include "inflate.h"
#include "unzip_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OUT_BYTES = 112 << 10, /* below what malloc maps anew each time */
    LOCAL = 26,            /* of the headers, without their signatures */
    CENTRAL = 42,
    END64 = 52,
    LOCATOR = 16,
    END = 18,
    DESCRIPTOR = 24, /* its longest form; something at least as long always follows */
    RATIO_MAX = 200,
    RATIO_FREE = 1 << 20, /* what is smaller is no bomb */
    /* Until here the ratio is looked at when a file ends: a scanned page may start with a megabyte
     * of white. */
    RATIO_EARLY = 64 << 20
};

typedef enum state {
    AT_SIGNATURE, /* from here to AT_COMMENT: `want` bytes are gathered, then handled */
    AT_LOCAL,
    AT_LOCAL_NAME,
    AT_DESCRIPTOR,
    AT_CENTRAL,
    AT_CENTRAL_NAME,
    AT_END64,
    AT_END64_REST,
    AT_LOCATOR,
    AT_END,
    AT_COMMENT,
    IN_STORED,
    IN_DEFLATE,
    AT_EOF
} state;

/* The parts of an archive, in their order. */
typedef enum phase { ENTRIES, LISTING, AFTER_END64, AFTER_LOCATOR, CLOSING } phase;

struct fiks_unzip {
    fiks_unzip_events events;
    uint64_t max_total, total, total_announced; /* of total */
    uint64_t pos;                               /* bytes of the archive handled or gathered */
    state at;
    phase phase;
    size_t want;
    fiks_buf gathered;
    uint8_t fixed[END64]; /* a header, while what follows it is gathered */
    fiks_zip_directory directory;
    fiks_name_set names;
    fiks_buf name;

    /* The entry being read; what is known of it beforehand is in the directory. */
    uint64_t packed, size; /* so far */
    uint64_t announced;    /* of its size */
    uint32_t crc;
    fiks_inflate *inflate;
    bool out_filled; /* by its last step: there may be more */
    uint8_t out[OUT_BYTES];
    fiks_status failed;
};

bool fiks_unzip_is_zip(const void *start, size_t len)
{
    return len >= 4 && (memcmp(start, "PK\3\4", 4) == 0 || memcmp(start, "PK\5\6", 4) == 0);
}

fiks_status fiks_unzip_new(const fiks_unzip_events *events, uint64_t max_total_bytes,
                           fiks_unzip **out, fiks_error *err)
{
    fiks_unzip *unzip = *out = calloc(1, sizeof *unzip);
    if (!unzip)
        return fiks_fail_memory(err);
    unzip->events = *events;
    unzip->max_total = max_total_bytes;
    unzip->want = 4;
    unzip->inflate = fiks_inflate_new();
    if (unzip->inflate)
        return FIKS_OK;
    fiks_unzip_free(unzip);
    *out = NULL;
    return fiks_fail_memory(err);
}

void fiks_unzip_free(fiks_unzip *unzip)
{
    if (!unzip)
        return;
    fiks_inflate_free(unzip->inflate);
    fiks_buf_free(&unzip->gathered);
    fiks_buf_free(&unzip->name);
    fiks_name_set_free(&unzip->names);
    fiks_zip_directory_free(&unzip->directory);
    fiks_wipe_free(unzip, sizeof *unzip);
}

/* ---- failures ------------------------------------------------------------------------------ */

static fiks_zip_entry *current(fiks_unzip *unzip)
{
    return &unzip->directory.entries[unzip->directory.count - 1];
}

static fiks_status bad_structure(fiks_unzip *unzip, const char *what, fiks_error *err)
{
    return fiks_fail(err, FIKS_ARCHIVE, "structure", "the zip is damaged at byte %llu: %s",
                     (unsigned long long)(unzip->pos - unzip->gathered.len), what);
}

static fiks_status unsupported(fiks_unzip *unzip, const char *code, const char *what,
                               fiks_error *err)
{
    return fiks_fail(err, FIKS_ARCHIVE, code, "the zip entry \"%s\" cannot be unpacked: %s",
                     current(unzip)->shown, what);
}

/* ---- the data of an entry ------------------------------------------------------------------ */

static void expect(fiks_unzip *unzip, state at, size_t want)
{
    unzip->at = at;
    unzip->want = want;
}

static fiks_status check_ratio(fiks_unzip *unzip, uint64_t free, fiks_error *err)
{
    uint64_t total = unzip->total - unzip->total_announced;
    if ((unzip->size > free && unzip->size > unzip->announced &&
         unzip->size / RATIO_MAX > unzip->packed) ||
        (total > free && total / RATIO_MAX > unzip->pos))
        return fiks_fail(
            err, FIKS_LIMIT, "ratio",
            "the zip entry \"%s\" unpacks to more than %d times its size: refused as a "
            "zip bomb",
            current(unzip)->shown, RATIO_MAX);
    return FIKS_OK;
}

static fiks_status emit(fiks_unzip *unzip, const uint8_t *data, size_t len, fiks_error *err)
{
    const fiks_zip_entry *entry = current(unzip);
    unzip->size += len;
    unzip->total += len;
    if (unzip->size <= unzip->announced)
        unzip->total_announced += len;
    if (unzip->total > unzip->max_total)
        return fiks_fail(err, FIKS_LIMIT, "total", "the zip unpacks to more than %llu bytes",
                         (unsigned long long)unzip->max_total);
    fiks_status status = check_ratio(unzip, RATIO_EARLY, err);
    if (status)
        return status;
    if (entry->folder)
        return unsupported(unzip, "structure", "it is a folder with content", err);
    if (!(entry->flags & FLAG_DESCRIPTOR) && unzip->size > entry->size)
        return fiks_fail(err, FIKS_INTEGRITY, "size", "\"%s\" in the zip is longer than it says",
                         entry->shown);
    unzip->crc = fiks_crc32(unzip->crc, data, len);
    return unzip->events.data(unzip->events.to, data, len, err);
}

static fiks_status end_entry(fiks_unzip *unzip, fiks_error *err)
{
    const fiks_zip_entry *entry = current(unzip);
    expect(unzip, AT_SIGNATURE, 4);
    if (unzip->packed != entry->packed || unzip->size != entry->size)
        return fiks_fail(err, FIKS_INTEGRITY, "size",
                         "\"%s\" in the zip does not have the size it should", entry->shown);
    if (unzip->crc != entry->crc)
        return fiks_fail(err, FIKS_INTEGRITY, "crc", "the CRC of \"%s\" in the zip does not match",
                         entry->shown);
    fiks_status status = check_ratio(unzip, RATIO_FREE, err);
    if (status || entry->folder)
        return status;
    return unzip->events.end(unzip->events.to, err);
}

static fiks_status end_data(fiks_unzip *unzip, fiks_error *err)
{
    if (!(current(unzip)->flags & FLAG_DESCRIPTOR))
        return end_entry(unzip, err);
    expect(unzip, AT_DESCRIPTOR, DESCRIPTOR);
    return FIKS_OK;
}

static fiks_status feed_stored(fiks_unzip *unzip, const uint8_t **data, size_t *left,
                               fiks_error *err)
{
    uint64_t rest = current(unzip)->packed - unzip->packed;
    size_t piece = rest < *left ? (size_t)rest : *left;
    const uint8_t *from = *data;
    *data += piece;
    *left -= piece;
    unzip->pos += piece;
    unzip->packed += piece;
    fiks_status status = emit(unzip, from, piece, err);
    return !status && piece == rest ? end_data(unzip, err) : status;
}

/* One step: some input, at most one buffer of output. */
static fiks_status feed_deflate(fiks_unzip *unzip, const uint8_t **data, size_t *left,
                                fiks_error *err)
{
    const fiks_zip_entry *entry = current(unzip);
    uint64_t rest = entry->flags & FLAG_DESCRIPTOR ? UINT64_MAX : entry->packed - unzip->packed;
    const uint8_t *from = *data;
    size_t offered = *left < rest ? *left : (size_t)rest, kept = *left - offered, made;
    fiks_inflated result =
        fiks_inflate_next(unzip->inflate, data, &offered, unzip->out, OUT_BYTES, &made);
    *left = kept + offered;
    unzip->pos += (uint64_t)(*data - from);
    unzip->packed += (uint64_t)(*data - from);
    unzip->out_filled = made == OUT_BYTES;
    fiks_status status = made ? emit(unzip, unzip->out, made, err) : FIKS_OK;
    if (!status && result == FIKS_INFLATE_END)
        return end_data(unzip, err);
    bool short_of = result == FIKS_INFLATE_MORE && unzip->packed == entry->packed &&
                    rest != UINT64_MAX && !unzip->out_filled;
    if (!status && (result == FIKS_INFLATE_BAD || short_of))
        return fiks_fail(
            err, FIKS_ARCHIVE, "damaged", "\"%s\" in the zip is damaged: %s", entry->shown,
            short_of ? "its data ends too early" : fiks_inflate_problem(unzip->inflate));
    return status;
}

/* ---- headers ------------------------------------------------------------------------------- */

static fiks_status on_signature(fiks_unzip *unzip, const uint8_t *at, fiks_error *err)
{
    static const struct {
        uint32_t signature;
        phase from, until; /* where it may stand */
        phase then;
        state at;
        size_t want;
    } known[] = {
        {0x04034b50, ENTRIES, ENTRIES, ENTRIES, AT_LOCAL, LOCAL},
        {0x02014b50, ENTRIES, LISTING, LISTING, AT_CENTRAL, CENTRAL},
        {0x06064b50, ENTRIES, LISTING, AFTER_END64, AT_END64, END64},
        {0x07064b50, AFTER_END64, AFTER_END64, AFTER_LOCATOR, AT_LOCATOR, LOCATOR},
        {0x06054b50, ENTRIES, LISTING, CLOSING, AT_END, END},
        {0x06054b50, AFTER_LOCATOR, AFTER_LOCATOR, CLOSING, AT_END, END},
    };
    fiks_zip_directory *directory = &unzip->directory;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (get32(at) != known[i].signature || unzip->phase < known[i].from ||
            unzip->phase > known[i].until)
            continue;
        if (unzip->phase == ENTRIES && known[i].then != ENTRIES)
            directory->start = unzip->pos - 4;
        if (unzip->phase <= LISTING)
            directory->end = unzip->pos - 4;
        unzip->phase = known[i].then;
        expect(unzip, known[i].at, known[i].want);
        return FIKS_OK;
    }
    if (unzip->pos == 4)
        return fiks_fail(err, FIKS_ARCHIVE, "not_zip", "not a zip archive");
    return bad_structure(unzip, "a header was expected", err);
}

static fiks_status decode_name(fiks_unzip *unzip, const uint8_t *raw, size_t len, bool utf8,
                               fiks_error *err)
{
    const fiks_unzip_events *events = &unzip->events;
    fiks_status status =
        fiks_name_decode(raw, len, utf8, events->known, events->to, &unzip->name, err);
    const char *instead =
        status == FIKS_ARCHIVE && events->unnamed ? events->unnamed(events->to) : NULL;
    if (!instead)
        return status;
    fiks_buf_clear(&unzip->name);
    if (!fiks_buf_adds(&unzip->name, instead))
        return fiks_fail_memory(err);
    fiks_error_clear(err);
    return FIKS_OK;
}

/* The entry's name as UTF-8: Info-ZIP's Unicode Path field (0x7075) wins when it belongs to it. */
static fiks_status read_name(fiks_unzip *unzip, const fiks_zip_entry *entry, const uint8_t *extra,
                             size_t extra_len, fiks_error *err)
{
    const uint8_t *raw = (const uint8_t *)entry->name, *field;
    size_t len = entry->name_len;
    uint16_t field_len;
    bool utf8 = entry->flags & FLAG_UTF8;
    if (fiks_zip_extra(extra, extra_len, 0x7075, &field, &field_len) && field_len > 5 &&
        field[0] == 1 && get32(field + 1) == fiks_crc32(0, raw, len)) {
        raw = field + 5;
        len = field_len - 5u;
        utf8 = true;
    }
    fiks_status status = fiks_name_check(entry->name, entry->name_len, err);
    if (!status)
        status = decode_name(unzip, raw, len, utf8, err);
    return status ? status : fiks_name_check(unzip->name.data, unzip->name.len, err);
}

static fiks_status check_new(fiks_unzip *unzip, fiks_error *err)
{
    fiks_buf *name = &unzip->name;
    bool folder = name->data[name->len - 1] == '/';
    if (folder)
        name->data[--name->len] = '\0';
    int added = fiks_name_set_add(&unzip->names, name->data);
    if (added < 0)
        return fiks_fail_memory(err);
    return added || unzip->events.keep_duplicates
               ? FIKS_OK
               : fiks_fail(err, FIKS_ARCHIVE, "duplicate",
                           "the zip holds \"%s\" twice (upper and lower case are the same, and "
                           "so are letters composed in different ways)",
                           current(unzip)->shown);
}

static fiks_status read_sizes(fiks_zip_entry *entry, const uint8_t *fixed, const uint8_t *extra,
                              size_t extra_len)
{
    const uint8_t *wide;
    uint16_t wide_len;
    entry->crc = get32(fixed + 10);
    entry->packed = get32(fixed + 14);
    entry->size = get32(fixed + 18);
    if (entry->packed != UINT32_MAX && entry->size != UINT32_MAX)
        return FIKS_OK;
    if (!fiks_zip_extra(extra, extra_len, 1, &wide, &wide_len) || wide_len < 16)
        return FIKS_ARCHIVE;
    entry->size = get64(wide);
    entry->packed = get64(wide + 8);
    return FIKS_OK;
}

static fiks_status start_data(fiks_unzip *unzip, const fiks_zip_entry *entry, fiks_error *err)
{
    unzip->packed = unzip->size = unzip->crc = 0;
    if (entry->method == 8) {
        unzip->at = IN_DEFLATE;
        unzip->out_filled = false;
        fiks_inflate_restart(unzip->inflate);
        return FIKS_OK;
    }
    unzip->at = IN_STORED;
    return entry->packed == 0 ? end_data(unzip, err) : FIKS_OK;
}

static fiks_status check_method(fiks_unzip *unzip, const fiks_zip_entry *entry, fiks_error *err)
{
    char what[64];
    if (entry->flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED))
        return unsupported(unzip, "encrypted", "it is encrypted with a password", err);
    if (entry->method == 0 || entry->method == 8)
        return FIKS_OK;
    snprintf(what, sizeof what, "unsupported method %u", entry->method);
    return unsupported(unzip, "unsupported", what, err);
}

/* The name and extra fields of a local header; the header itself is in `fixed`. */
static fiks_status on_local(fiks_unzip *unzip, const uint8_t *at, fiks_error *err)
{
    const uint8_t *fixed = unzip->fixed;
    uint16_t name_len = get16(fixed + 22), extra_len = get16(fixed + 24);
    fiks_zip_entry *entry;
    fiks_status status = fiks_zip_add(&unzip->directory, at, name_len, &entry, err);
    if (status)
        return status;
    entry->offset = unzip->pos - LOCAL - 4 - name_len - extra_len;
    entry->flags = get16(fixed + 2);
    entry->method = get16(fixed + 4);
    if (read_sizes(entry, fixed, at + name_len, extra_len))
        return bad_structure(unzip, "a size is missing", err);
    status = read_name(unzip, entry, at + name_len, extra_len, err);
    if (!status)
        status = check_method(unzip, entry, err);
    if (status)
        return status;
    entry->folder = unzip->name.data[unzip->name.len - 1] == '/';
    status = check_new(unzip, err);
    unzip->announced = 0;
    if (!status && !entry->folder && unzip->events.announced)
        unzip->announced = unzip->events.announced(unzip->events.to, unzip->name.data);
    if (!status && !entry->folder)
        status = unzip->events.begin(unzip->events.to, unzip->name.data, err);
    return status ? status : start_data(unzip, entry, err);
}

/*
 * How long is the data descriptor? It has no length of its own: with or without signature, sizes of
 * 4 or 8 bytes. The form must match what was read, and a signature must follow. 0 = no form fits.
 */
static size_t match_descriptor(const fiks_unzip *unzip, const uint8_t *at)
{
    for (size_t mark = 0; mark <= 4; mark += 4) {
        const uint8_t *crc = at + mark, *sizes = crc + 4;
        if ((mark && memcmp(at, "PK\7\10", 4) != 0) || get32(crc) != unzip->crc)
            continue;
        if (get32(sizes) == (uint32_t)unzip->packed && get32(sizes + 4) == (uint32_t)unzip->size &&
            memcmp(sizes + 8, "PK", 2) == 0)
            return mark + 12;
        if (get64(sizes) == unzip->packed && get64(sizes + 8) == unzip->size &&
            (mark || memcmp(sizes + 16, "PK", 2) == 0))
            return mark + 20;
    }
    return 0;
}

static fiks_status walk(fiks_unzip *unzip, const uint8_t *data, size_t left, fiks_error *err);

static fiks_status on_descriptor(fiks_unzip *unzip, const uint8_t *at, fiks_error *err)
{
    fiks_zip_entry *entry = current(unzip);
    uint8_t rest[DESCRIPTOR];
    size_t used = match_descriptor(unzip, at), over = DESCRIPTOR - used;
    if (used == 0 && entry->method == 0)
        return unsupported(unzip, "unsupported",
                           "it is stored without compression and without its size in front", err);
    if (used == 0)
        return fiks_fail(err, FIKS_INTEGRITY, "crc",
                         "\"%s\" in the zip does not have the CRC or size it should", entry->shown);
    entry->crc = unzip->crc;
    entry->packed = unzip->packed;
    entry->size = unzip->size;
    unzip->pos -= over;
    memcpy(rest, at + used, over);
    fiks_buf_clear(&unzip->gathered);
    fiks_status status = end_entry(unzip, err);
    return status ? status : walk(unzip, rest, over, err);
}

static fiks_status on_end64(fiks_unzip *unzip, const uint8_t *at, fiks_error *err)
{
    uint64_t record = get64(at);
    if (record < END64 - 8 || record - (END64 - 8) > UINT16_MAX)
        return bad_structure(unzip, "the zip64 end record has no sensible length", err);
    fiks_status status = fiks_zip_end64(&unzip->directory, unzip->directory.end, at, err);
    expect(unzip, AT_END64_REST, (size_t)record - (END64 - 8));
    return status;
}

/* Keeps a header and goes on to gather the `want` bytes that follow it. */
static void keep_fixed(fiks_unzip *unzip, const uint8_t *at, state next, size_t want)
{
    memcpy(unzip->fixed, at, unzip->want);
    expect(unzip, next, want);
}

static fiks_status on_gathered(fiks_unzip *unzip, const uint8_t *at, fiks_error *err)
{
    fiks_status status = FIKS_OK;
    switch (unzip->at) {
    case AT_SIGNATURE:
        return on_signature(unzip, at, err);
    case AT_LOCAL:
        keep_fixed(unzip, at, AT_LOCAL_NAME, (size_t)get16(at + 22) + get16(at + 24));
        return FIKS_OK;
    case AT_LOCAL_NAME:
        return on_local(unzip, at, err);
    case AT_DESCRIPTOR:
        return on_descriptor(unzip, at, err);
    case AT_CENTRAL:
        keep_fixed(unzip, at, AT_CENTRAL_NAME,
                   (size_t)get16(at + 24) + get16(at + 26) + get16(at + 28));
        return FIKS_OK;
    case AT_CENTRAL_NAME:
        status = fiks_zip_central(&unzip->directory, unzip->fixed, at, err);
        break;
    case AT_END64:
        return on_end64(unzip, at, err);
    case AT_END64_REST:
        break;
    case AT_LOCATOR:
        status = fiks_zip_locator(&unzip->directory, at, err);
        break;
    case AT_END:
        expect(unzip, AT_COMMENT, get16(at + 16));
        return fiks_zip_end(&unzip->directory, at, err);
    default: /* AT_COMMENT */
        expect(unzip, AT_EOF, 0);
        return FIKS_OK;
    }
    expect(unzip, AT_SIGNATURE, 4);
    return status;
}

/* Collects `want` bytes, and handles them once they are there. */
static fiks_status gather(fiks_unzip *unzip, const uint8_t **data, size_t *left, fiks_error *err)
{
    size_t missing = unzip->want - unzip->gathered.len;
    size_t piece = missing < *left ? missing : *left;
    if (!fiks_buf_add(&unzip->gathered, *data, piece))
        return fiks_fail_memory(err);
    *data += piece;
    *left -= piece;
    unzip->pos += piece;
    if (piece < missing)
        return FIKS_OK;
    fiks_buf whole = unzip->gathered;
    state was = unzip->at;
    fiks_status status = on_gathered(unzip, (const uint8_t *)whole.data, err);
    if (was != AT_DESCRIPTOR)
        fiks_buf_clear(&unzip->gathered);
    return status;
}

/* Is there something to do without more input? (Nothing to gather, or inflate holds output.) */
static bool may_go_on(const fiks_unzip *unzip)
{
    if (unzip->at == IN_DEFLATE)
        return unzip->out_filled;
    return unzip->at <= AT_COMMENT && unzip->want == unzip->gathered.len;
}

static fiks_status walk(fiks_unzip *unzip, const uint8_t *data, size_t left, fiks_error *err)
{
    fiks_status status = FIKS_OK;
    while (!status && (left > 0 || may_go_on(unzip))) {
        if (unzip->at == IN_STORED)
            status = feed_stored(unzip, &data, &left, err);
        else if (unzip->at == IN_DEFLATE)
            status = feed_deflate(unzip, &data, &left, err);
        else if (unzip->at == AT_EOF)
            return fiks_fail(err, FIKS_ARCHIVE, "structure", "bytes follow the end of the zip");
        else
            status = gather(unzip, &data, &left, err);
    }
    return status;
}

fiks_status fiks_unzip_feed(fiks_unzip *unzip, const void *data, size_t len, fiks_error *err)
{
    if (unzip->failed)
        return fiks_fail(err, unzip->failed, "failed", "this zip has failed before");
    unzip->failed = walk(unzip, data, len, err);
    return unzip->failed;
}

fiks_status fiks_unzip_finish(fiks_unzip *unzip, fiks_error *err)
{
    if (unzip->failed)
        return fiks_fail(err, unzip->failed, "failed", "this zip has failed before");
    if (unzip->at == AT_EOF)
        return FIKS_OK;
    return fiks_fail(err, FIKS_INTEGRITY, "truncated", "the zip is cut off after %llu bytes",
                     (unsigned long long)unzip->pos);
}
