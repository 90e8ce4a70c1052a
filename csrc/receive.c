#include "receive.h"

#include "cms.h"
#include "disposition.h"
#include "error.h"
#include "log.h"
#include "received.h"
#include "unzip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { START_BYTES = 4, SPOOL_READ_BYTES = 64 << 10 };

static const int64_t DEFAULT_MAX_BYTES = (int64_t)10 << 30;

typedef enum content { UNDECIDED, DOCUMENT, SPOOLED, ZIPPED } content;

typedef struct forsendelse {
    fiks_sink base;
    fiks_key **keys;
    size_t key_count;
    bool legacy_ciphers, rename_duplicates, raw;
    int key; /* that opened it; -1 = none yet */
    uint64_t max_total, total;
    fiks_received received;
    fiks_cms_reader *cms;
    fiks_unzip *unzip;
    content content;
    uint8_t start[START_BYTES]; /* of the plaintext */
    size_t start_len;
    char *header_name;  /* from Content-Disposition; NULL = none */
    char *header_type;  /* Content-Type; NULL = none */
    char *archive_name; /* what an archive is called when it is kept as it is */
    bool failed, finished;
} forsendelse;

static const fiks_sink_ops ops;

const char *fiks_verdict_name(fiks_verdict verdict)
{
    static const char *const names[] = {"verified", "unverifiable", "mismatch", "undeclared"};
    return names[verdict];
}

/* ---- life ---------------------------------------------------------------------------------- */

static uint64_t limit_of(const fiks_forsendelse_options *options)
{
    int64_t expected = 0;
    if (options->max_total_bytes > 0)
        return (uint64_t)options->max_total_bytes;
    for (size_t i = 0; i < options->expected_count; i++) {
        int64_t size = options->expected[i].size_bytes;
        if (size > 0 && size < INT64_MAX / 4 - expected)
            expected += size;
    }
    expected += expected / 10;
    return (uint64_t)(expected > DEFAULT_MAX_BYTES ? expected : DEFAULT_MAX_BYTES);
}

static void stop_reading(forsendelse *sink)
{
    fiks_cms_reader_free(sink->cms);
    fiks_unzip_free(sink->unzip);
    sink->cms = NULL;
    sink->unzip = NULL;
}

static void sink_free(fiks_sink *base)
{
    forsendelse *sink = (forsendelse *)base;
    stop_reading(sink);
    fiks_received_free(&sink->received);
    for (size_t i = 0; i < sink->key_count; i++)
        fiks_key_free(sink->keys[i]);
    free(sink->keys);
    free(sink->header_name);
    free(sink->header_type);
    free(sink->archive_name);
    free(sink);
}

/* "<folder>.zip": the folder is called as the forsendelse is. */
static char *archive_name(const char *folder)
{
    fiks_buf name = {0};
    size_t end = strlen(folder);
    while (end > 0 && folder[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && folder[start - 1] != '/')
        start--;
    fiks_buf_add(&name, folder + start, end - start);
    fiks_buf_adds(&name, ".zip");
    if (name.failed)
        fiks_buf_free(&name);
    return name.data;
}

fiks_status fiks_forsendelse_sink_new(const fiks_forsendelse_options *given, fiks_sink **out,
                                      fiks_error *err)
{
    fiks_forsendelse_options copy = {0};
    const fiks_forsendelse_options *options = &copy;
    memcpy(&copy, given, given->size < sizeof copy ? given->size : sizeof copy);
    *out = NULL;
    if (options->key_count == 0)
        return fiks_fail(err, FIKS_INVALID, "keys", "no key to decrypt with was given");
    forsendelse *sink = calloc(1, sizeof *sink);
    if (!sink)
        return fiks_fail_memory(err);
    sink->base.ops = &ops;
    sink->max_total = limit_of(options);
    sink->legacy_ciphers = options->legacy_ciphers;
    sink->rename_duplicates = options->rename_duplicates;
    sink->raw = options->raw;
    sink->key = -1;
    fiks_status status = fiks_received_init(&sink->received, options, err);
    sink->keys = calloc(options->key_count, sizeof *sink->keys);
    sink->archive_name = archive_name(options->folder ? options->folder : "");
    if (!status && !(sink->keys && sink->archive_name))
        status = fiks_fail_memory(err);
    if (status) {
        sink_free(&sink->base);
        return status;
    }
    for (; sink->key_count < options->key_count; sink->key_count++)
        sink->keys[sink->key_count] = fiks_key_ref(options->keys[sink->key_count]);
    *out = &sink->base;
    return FIKS_OK;
}

const fiks_received_file *fiks_forsendelse_sink_files(const fiks_sink *base, size_t *count)
{
    const forsendelse *sink = (const forsendelse *)base;
    bool ours = base && base->ops == &ops;
    *count = ours ? sink->received.count : 0;
    return ours ? sink->received.files : NULL;
}

int fiks_forsendelse_sink_key(const fiks_sink *base)
{
    return base && base->ops == &ops ? ((const forsendelse *)base)->key : -1;
}

/* ---- the content, decrypted ---------------------------------------------------------------- */

static fiks_status begin_file(void *to, const char *name, fiks_error *err)
{
    return fiks_received_begin(to, name, err);
}

static fiks_status file_data(void *to, const void *data, size_t len, fiks_error *err)
{
    return fiks_received_data(to, data, len, err);
}

static fiks_status end_file(void *to, fiks_error *err)
{
    return fiks_received_end(to, err);
}

static bool is_known(void *to, const char *name)
{
    return fiks_received_is_declared(to, name);
}

static uint64_t announced_size(void *to, const char *name)
{
    return fiks_received_announced(to, name);
}

static const char *next_name(void *to)
{
    return fiks_received_next_name(to);
}

static fiks_status start_unzip(forsendelse *sink, fiks_error *err)
{
    fiks_unzip_events events = {.to = &sink->received,
                                .begin = begin_file,
                                .data = file_data,
                                .end = end_file,
                                .known = is_known,
                                .announced = announced_size,
                                .unnamed = next_name,
                                .keep_duplicates = sink->rename_duplicates};
    return fiks_unzip_new(&events, sink->max_total, &sink->unzip, err);
}

static bool is_zip(const forsendelse *sink)
{
    return fiks_unzip_is_zip(sink->start, sink->start_len);
}

/* What a single document is called when the list does not say. */
static const char *document_name(const forsendelse *sink)
{
    if (sink->header_name)
        return sink->header_name;
    if (is_zip(sink))
        return sink->archive_name;
    return sink->start_len == START_BYTES && memcmp(sink->start, "%PDF", 4) == 0 ? "dokument.pdf"
                                                                                 : "dokument.bin";
}

static fiks_status decide(forsendelse *sink, fiks_error *err)
{
    bool proven_later = is_zip(sink) && fiks_cms_reader_authenticated(sink->cms);
    sink->key = (int)fiks_cms_reader_key(sink->cms);
    if (sink->received.declared_count == 1 || (proven_later && !sink->raw)) {
        sink->content = SPOOLED;
        return fiks_received_spool(&sink->received, err);
    }
    if (is_zip(sink) && !sink->raw) {
        sink->content = ZIPPED;
        return start_unzip(sink, err);
    }
    sink->content = DOCUMENT;
    return fiks_received_begin(&sink->received, document_name(sink), err);
}

static fiks_status store(forsendelse *sink, const void *data, size_t len, fiks_error *err)
{
    if (len == 0)
        return FIKS_OK;
    if (sink->content == ZIPPED)
        return fiks_unzip_feed(sink->unzip, data, len, err);
    sink->total += len;
    if (sink->total > sink->max_total)
        return fiks_fail(err, FIKS_LIMIT, "total", "the forsendelse is larger than %llu bytes",
                         (unsigned long long)sink->max_total);
    return fiks_received_data(&sink->received, data, len, err);
}

/* Decrypted bytes: the first few decide what they are. */
static fiks_status take_plaintext(void *to, const void *data, size_t len, fiks_error *err)
{
    forsendelse *sink = to;
    const uint8_t *at = data;
    if (sink->content != UNDECIDED)
        return store(sink, data, len, err);
    for (; sink->start_len < START_BYTES && len > 0; len--)
        sink->start[sink->start_len++] = *at++;
    if (sink->start_len < START_BYTES)
        return FIKS_OK;
    fiks_status status = decide(sink, err);
    if (!status)
        status = store(sink, sink->start, sink->start_len, err);
    return status ? status : store(sink, at, len, err);
}

/* ---- the one-file rule --------------------------------------------------------------------- */

static fiks_status unzip_spool(forsendelse *sink, int fd, fiks_error *err)
{
    uint8_t *buffer = malloc(SPOOL_READ_BYTES);
    fiks_status status = buffer ? start_unzip(sink, err) : fiks_fail_memory(err);
    off_t at = 0;
    ssize_t n = 1;
    while (!status && n != 0) {
        n = pread(fd, buffer, SPOOL_READ_BYTES, at);
        if (n < 0 && errno != EINTR)
            status = fiks_fail_errno(err, "read back", "the decrypted message", errno);
        if (n > 0) {
            at += n;
            status = fiks_unzip_feed(sink->unzip, buffer, (size_t)n, err);
        }
    }
    if (!status)
        status = fiks_unzip_finish(sink->unzip, err);
    fiks_wipe_free(buffer, SPOOL_READ_BYTES);
    return status;
}

/* Is the whole plaintext the one file that was announced? */
static bool is_the_file(const forsendelse *sink, const char *sha256)
{
    const fiks_declared *declared = &sink->received.declared[0];
    if (sink->received.declared_count != 1)
        return false;
    if (!is_zip(sink))
        return true;
    if (declared->sha256[0])
        return strcmp(declared->sha256, sha256) == 0;
    return declared->size_bytes > 0 && (uint64_t)declared->size_bytes == sink->total;
}

/* An archive, unpacked; `*whole` when it turns out to be the one file: it has no entry of that
 * name. */
static fiks_status unpack_spool(forsendelse *sink, int fd, bool *whole, fiks_error *err)
{
    fiks_received *received = &sink->received;
    fiks_status status = unzip_spool(sink, fd, err);
    *whole = !status && received->declared_count == 1 && received->count > 0 &&
             !received->declared[0].seen;
    if (*whole)
        fiks_received_forget(received);
    return status;
}

static fiks_status settle_spool(forsendelse *sink, fiks_error *err)
{
    fiks_received *received = &sink->received;
    const char *name = received->declared_count == 1 ? received->declared[0].name : NULL;
    char sha256[65];
    int fd;
    fiks_status status = fiks_received_spool_end(received, sha256, &fd, err);
    bool whole = !status && is_the_file(sink, sha256);
    if (!status && !whole && sink->raw) {
        name = document_name(sink);
        whole = true;
    } else if (!status && !whole) {
        status = unpack_spool(sink, fd, &whole, err);
    }
    if (!status && whole)
        status = fiks_received_adopt(received, fd, name, (int64_t)sink->total, sha256, err);
    else
        fiks_received_drop_spool(received);
    close(fd);
    return status;
}

/* ---- the sink ------------------------------------------------------------------------------ */

/* Nothing stays behind. The verdicts do. */
static fiks_status fail(forsendelse *sink, fiks_status status, fiks_error *err)
{
    sink->failed = true;
    stop_reading(sink);
    fiks_received_abandon(&sink->received);
    fiks_folder_discard(sink->received.folder);
    if (err && (status == FIKS_IO || status == FIKS_INTEGRITY))
        err->retryable = true;
    return status;
}

static void sink_head(fiks_sink *base, const char *content_type, const char *content_disposition)
{
    forsendelse *sink = (forsendelse *)base;
    fiks_buf name = {0};
    free(sink->header_name);
    free(sink->header_type);
    sink->header_name = NULL;
    sink->header_type = fiks_strdup(content_type);
    if (content_disposition && fiks_disposition_filename(content_disposition, &name))
        sink->header_name = fiks_strdup(name.data);
    fiks_buf_free(&name);
}

static fiks_feed sink_feed(fiks_sink *base, const void *data, size_t len, fiks_error *err)
{
    forsendelse *sink = (forsendelse *)base;
    fiks_status status = FIKS_OK;
    if (sink->failed || sink->finished)
        status = fiks_fail(err, FIKS_INTERNAL, "sink", "bytes for a sink that has ended");
    fiks_cms_options options = {sink->keys, sink->key_count, sink->legacy_ciphers};
    if (!status && !sink->cms)
        status = fiks_cms_reader_new(&options, take_plaintext, sink, &sink->cms, err);
    if (!status)
        status = fiks_cms_reader_feed(sink->cms, data, len, err);
    if (!status)
        return FIKS_FEED_MORE;
    if (!sink->finished)
        fail(sink, status, err);
    return FIKS_FEED_FAILED;
}

/* Fewer bytes came than it takes to tell what they are. */
static fiks_status settle_short(forsendelse *sink, fiks_error *err)
{
    const fiks_received *received = &sink->received;
    bool may_be_empty = received->declared_count == 1 && received->declared[0].size_bytes <= 0;
    if (sink->start_len == 0 && !may_be_empty)
        return fiks_fail(err, FIKS_INTEGRITY, "empty", "the decrypted message is empty");
    fiks_status status = decide(sink, err);
    return status ? status : store(sink, sink->start, sink->start_len, err);
}

/* Content-Type says what the plaintext is, and is often wrong: its bytes decide. */
static void compare_type(const forsendelse *sink)
{
    const char *type = sink->header_type ? sink->header_type : "";
    bool says_zip = strncmp(type, "application/zip", 15) == 0;
    bool says_pdf = strncmp(type, "application/pdf", 15) == 0;
    bool is_pdf = sink->start_len == START_BYTES && memcmp(sink->start, "%PDF", 4) == 0;
    if ((says_zip && !is_zip(sink)) || (says_pdf && !is_pdf))
        fiks_log(FIKS_LOG_WARN, "the Content-Type of a forsendelse is %.40s, its content is %s",
                 type,
                 is_zip(sink) ? "a zip archive"
                 : is_pdf     ? "a PDF"
                              : "neither that nor that");
}

/* Several files come as an archive, or not at all. */
static fiks_status check_archive(const forsendelse *sink, fiks_error *err)
{
    if (sink->raw && (is_zip(sink) || sink->received.declared_count > 1))
        return FIKS_OK; /* as was asked for: what is in it is not looked at */
    if (sink->received.declared_count > 1 && !is_zip(sink))
        return fiks_fail(err, FIKS_ARCHIVE, "not_zip",
                         "%zu files were announced, but the content is no zip archive",
                         sink->received.declared_count);
    return fiks_received_check(&sink->received, err);
}

static fiks_status settle(forsendelse *sink, fiks_error *err)
{
    fiks_status status = FIKS_OK;
    compare_type(sink);
    if (fiks_cms_reader_trailing(sink->cms))
        fiks_log(FIKS_LOG_WARN, "bytes follow the end of the encrypted message; ignored");
    if (sink->content == UNDECIDED)
        status = settle_short(sink, err);
    if (!status && sink->content == ZIPPED)
        status = fiks_unzip_finish(sink->unzip, err);
    if (!status && sink->content == DOCUMENT)
        status = fiks_received_end(&sink->received, err);
    if (!status && sink->content == SPOOLED)
        status = settle_spool(sink, err);
    if (!status)
        status = check_archive(sink, err);
    return status ? status : fiks_folder_commit(sink->received.folder, err);
}

static fiks_status sink_finish(fiks_sink *base, fiks_error *err)
{
    forsendelse *sink = (forsendelse *)base;
    fiks_status status = FIKS_OK;
    if (sink->failed || sink->finished)
        return fiks_fail(err, FIKS_INTERNAL, "sink", "this sink has ended before");
    if (!sink->cms)
        status = sink_feed(base, "", 0, err) == FIKS_FEED_MORE ? FIKS_OK : FIKS_INTERNAL;
    if (!status)
        status = fiks_cms_reader_finish(sink->cms, err);
    if (!status)
        status = settle(sink, err);
    if (status)
        return fail(sink, status, err);
    sink->finished = true;
    stop_reading(sink);
    return FIKS_OK;
}

static bool sink_reset(fiks_sink *base)
{
    forsendelse *sink = (forsendelse *)base;
    if (sink->finished)
        return false;
    stop_reading(sink);
    fiks_received_reset(&sink->received);
    sink->content = UNDECIDED;
    sink->start_len = 0;
    sink->key = -1;
    sink->total = 0;
    sink->failed = false;
    return true;
}

static const fiks_sink_ops ops = {.name = "forsendelse",
                                  .head = sink_head,
                                  .feed = sink_feed,
                                  .finish = sink_finish,
                                  .reset = sink_reset,
                                  .free = sink_free};
