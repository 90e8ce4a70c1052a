/* Running the forsendelse sink over messages made here, for its tests. */
#ifndef FIKS_TEST_RECEIVE_RUN_H
#define FIKS_TEST_RECEIVE_RUN_H

#include <dirent.h>
#include <sys/stat.h>

#include "../hash.h"
#include "../receive.h"
#include "keys.h"
#include "zip_build.h"

static fiks_error last;
static fiks_key *mottaker;

static fiks_key *own_key(void)
{
    if (!mottaker)
        mottaker = test_key("mottaker");
    return mottaker;
}

__attribute__((unused)) static fiks_buf encrypt_for(const char *name, const void *data, size_t len)
{
    char file[64];
    void *out;
    size_t out_len;
    fiks_buf message = {0};
    own_key();
    test_self_signed(name);
    snprintf(file, sizeof file, "%s.pem", name);
    char *pem = test_read_file(test_temp_path(file), NULL);
    fiks_error err = {0};
    CHECK_OK(fiks_cms_encrypt(data, len, (const char *const *)&pem, 1, &out, &out_len, &err), err);
    fiks_buf_add(&message, out, out_len);
    fiks_bytes_free(out, out_len);
    free(pem);
    return message;
}

/* Hex SHA-256 in a static buffer, good until the fourth call after. */
__attribute__((unused)) static const char *sha(const void *data, size_t len)
{
    static char hex[4][65];
    static unsigned next;
    char *out = hex[next++ % 4];
    fiks_hash *hash;
    fiks_error err = {0};
    CHECK_OK(fiks_hash_new(&hash, &err), err);
    CHECK_OK(fiks_hash_update(hash, data, len, &err), err);
    CHECK_OK(fiks_hash_finish(hash, out, &err), err);
    fiks_hash_free(hash);
    return out;
}

/* The folder everything is received under, empty at the start of each run. */
static const char *inbox(void)
{
    static char path[600];
    snprintf(path, sizeof path, "%s", test_temp_path("inbox"));
    mkdir(path, 0700);
    return path;
}

static const char *target(void)
{
    static char path[700];
    snprintf(path, sizeof path, "%s/forsendelse", inbox());
    return path;
}

static void empty_inbox(void)
{
    nftw(inbox(), test_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    inbox();
}

/* Names in a folder, sorted, "a|b|"; "" when it is empty, "(none)" when it is not there. */
static const char *listing(const char *path)
{
    static char text[4096];
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0)
        return "(none)";
    text[0] = '\0';
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i]->d_name, ".") != 0 && strcmp(names[i]->d_name, "..") != 0) {
            strcat(text, names[i]->d_name);
            strcat(text, "|");
        }
        free(names[i]);
    }
    free(names);
    return text;
}

/* "name>stored_as:verdict|" for each file the sink has seen. */
static const char *verdicts(const fiks_sink *sink)
{
    static char text[4096];
    size_t count;
    const fiks_received_file *files = fiks_forsendelse_sink_files(sink, &count);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%s>%s:%s|", files[i].name, files[i].stored_as,
                 fiks_verdict_name(files[i].verdict));
    }
    return text;
}

/* What a run is given, and what it left. */
typedef struct run {
    const fiks_expected_file *expected;
    size_t expected_count;
    const char *disposition; /* NULL = none */
    const char *type;        /* Content-Type */
    bool rename_duplicates, raw, legacy_ciphers;
    int64_t max_total_bytes;
    size_t chunk; /* 0 = whole */
    char seen[4096];
} run;

static fiks_sink *new_sink(const run *r)
{
    fiks_sink *sink;
    fiks_key *keys[] = {own_key()};
    fiks_forsendelse_options options = FIKS_OPTIONS(fiks_forsendelse_options);
    options.folder = target();
    options.keys = keys;
    options.key_count = 1;
    options.expected = r->expected;
    options.expected_count = r->expected_count;
    options.max_total_bytes = r->max_total_bytes;
    options.rename_duplicates = r->rename_duplicates;
    options.raw = r->raw;
    options.legacy_ciphers = r->legacy_ciphers;
    fiks_error_clear(&last);
    CHECK_OK(fiks_forsendelse_sink_new(&options, &sink, &last), last);
    return sink;
}

static fiks_status feed_all(fiks_sink *sink, const fiks_buf *message, size_t chunk)
{
    fiks_error_clear(&last);
    if (chunk == 0)
        chunk = message->len + 1;
    for (size_t i = 0; i < message->len; i += chunk) {
        size_t left = message->len - i;
        if (sink->ops->feed(sink, message->data + i, left < chunk ? left : chunk, &last) ==
            FIKS_FEED_FAILED)
            return last.kind;
    }
    return sink->ops->finish(sink, &last);
}

/* One whole run. After a failure, nothing may be left; after a success, only the folder. */
static fiks_status receive(run *r, const fiks_buf *message)
{
    empty_inbox();
    fiks_sink *sink = new_sink(r);
    if (r->disposition || r->type)
        sink->ops->head(sink, r->type ? r->type : "application/octet-stream",
                        r->disposition ? r->disposition : "");
    fiks_status status = feed_all(sink, message, r->chunk);
    CHECK_EQ_INT(status, last.kind);
    snprintf(r->seen, sizeof r->seen, "%s", verdicts(sink));
    if (status)
        CHECK_STR(listing(inbox()), "");
    fiks_sink_free(sink);
    CHECK_STR(listing(inbox()), status ? "" : "forsendelse|");
    return status;
}

/* The same for a plaintext, in several chunkings. */
__attribute__((unused)) static fiks_status receive_plain(run *r, const void *data, size_t len)
{
    static const size_t chunks[] = {0, 1, 7, 1000};
    fiks_buf message = encrypt_for("mottaker", data, len);
    fiks_status first = FIKS_OK;
    char seen[4096] = "";
    for (size_t i = 0; i < 4; i++) {
        r->chunk = chunks[i];
        fiks_status status = receive(r, &message);
        if (i == 0) {
            first = status;
            snprintf(seen, sizeof seen, "%s", r->seen);
        }
        CHECK_EQ_INT(status, first);
        CHECK_STR(r->seen, seen);
    }
    fiks_buf_free(&message);
    return first;
}

__attribute__((unused)) static void check_stored(const char *name, const void *data, size_t len)
{
    char path[900];
    size_t got_len = 0;
    snprintf(path, sizeof path, "%s/%s", target(), name);
    char *got = test_read_file(path, &got_len);
    CHECK(got != NULL);
    CHECK_MEM(got, got_len, data, len);
    free(got);
}

#define CHECK_FAILS(status, want_kind, want_code)                                                  \
    do {                                                                                           \
        CHECK_EQ_INT(status, want_kind);                                                           \
        CHECK_STR(last.code, want_code);                                                           \
    } while (0)

#define FILE_OF(n, text) .name = (n), .data = (text), .len = sizeof(text) - 1

#endif
