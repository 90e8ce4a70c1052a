/* A growable byte buffer, and the text encodings the protocols need. Needs libc only. */
#ifndef FIKS_STR_H
#define FIKS_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A buffer. Zeroed is empty. `data` ends in NUL beyond `len` once anything was added. A failed
 * allocation sets `failed` and makes every later addition a no-op, so that a sequence of additions
 * is checked once at its end.
 */
typedef struct fiks_buf {
    char *data;
    size_t len;
    size_t cap;
    bool failed;
} fiks_buf;

bool fiks_buf_reserve(fiks_buf *buf, size_t extra);
bool fiks_buf_add(fiks_buf *buf, const void *data, size_t len);
bool fiks_buf_adds(fiks_buf *buf, const char *text);
bool fiks_buf_addf(fiks_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Empties, keeps the memory. */
void fiks_buf_clear(fiks_buf *buf);
/* Frees. Contents are wiped first: buffers carry tokens and passwords. */
void fiks_buf_free(fiks_buf *buf);

/* malloc'ed copies; NULL in gives NULL out. */
char *fiks_strdup(const char *text);
/* Overwrites in a way the compiler keeps, and frees. NULL is fine. */
void fiks_wipe(void *data, size_t len);
void fiks_wipe_free(void *data, size_t len);
void fiks_str_wipe_free(char *text);

bool fiks_base64_add(fiks_buf *buf, const void *data, size_t len);    /* RFC 4648, 4: padded */
bool fiks_base64url_add(fiks_buf *buf, const void *data, size_t len); /* 5: without padding */
/* Strict: the whole text or false; no white space. */
bool fiks_base64_decode(const char *text, size_t len, fiks_buf *out);
bool fiks_base64url_decode(const char *text, size_t len, fiks_buf *out);

/* Percent-encodes all but RFC 3986's unreserved characters. */
bool fiks_percent_add(fiks_buf *buf, const char *text, size_t len);
bool fiks_hex_add(fiks_buf *buf, const void *data, size_t len);

/* Offset of the first byte that is not well-formed UTF-8 (no surrogates, no overlong forms), or
 * `len`. */
size_t fiks_utf8_check(const char *text, size_t len);

/* Is this a canonical lower-case UUID, 8-4-4-4-12? */
bool fiks_is_uuid(const char *text);

/* Letters compared without case, ASCII only (header names, hex). */
bool fiks_equal_nocase(const char *a, const char *b);

#endif
