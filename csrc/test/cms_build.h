/* Taking a CMS message apart and putting it together in every way BER allows, for tests. */
#ifndef FIKS_TEST_CMS_BUILD_H
#define FIKS_TEST_CMS_BUILD_H

#include "../str.h"
#include "harness.h"

/* How an element is wrapped. */
typedef enum form { SHORTEST, INDEFINITE, LONGEST } form;

/* Appends one element; a primitive one cannot be INDEFINITE. */
__attribute__((unused)) static void add_element(fiks_buf *to, uint8_t tag, form how,
                                                const void *body, size_t len)
{
    fiks_buf_add(to, &tag, 1);
    if (how == INDEFINITE) {
        fiks_buf_add(to, "\x80", 1);
        fiks_buf_add(to, body, len);
        fiks_buf_add(to, "\0", 2);
        return;
    }
    size_t digits = how == LONGEST ? 8 : len < 0x80 ? 0 : len < 0x100 ? 1 : len < 0x10000 ? 2 : 3;
    uint8_t first = (uint8_t)(digits ? 0x80 | digits : len);
    fiks_buf_add(to, &first, 1);
    for (size_t i = digits; i > 0; i--) {
        uint8_t digit = (uint8_t)((uint64_t)len >> (8 * (i - 1)));
        fiks_buf_add(to, &digit, 1);
    }
    fiks_buf_add(to, body, len);
}

/* A piece of a DER message: where it starts, and where its body does. */
typedef struct piece {
    uint8_t tag;
    const uint8_t *whole, *body;
    size_t whole_len, body_len;
} piece;

/* The element at `at`, which is DER. */
__attribute__((unused)) static piece piece_at(const uint8_t *at)
{
    size_t len = at[1], digits = 0;
    if (len & 0x80) {
        digits = len & 0x7F;
        len = 0;
        for (size_t i = 0; i < digits; i++)
            len = len << 8 | at[2 + i];
    }
    const uint8_t *body = at + 2 + digits;
    return (piece){at[0], at, body, 2 + digits + len, len};
}

/* Child `index` of a DER element. */
__attribute__((unused)) static piece child_of(piece parent, size_t index)
{
    piece child = piece_at(parent.body);
    while (index-- > 0)
        child = piece_at(child.whole + child.whole_len);
    return child;
}

/* The parts of an EnvelopedData in DER. */
typedef struct parts {
    piece type, version, recipients, data_type, algorithm, content;
} parts;

__attribute__((unused)) static parts take_apart(const void *der)
{
    piece info = piece_at(der), enveloped = child_of(child_of(info, 1), 0);
    piece encrypted = child_of(enveloped, 2);
    return (parts){.type = child_of(info, 0),
                   .version = child_of(enveloped, 0),
                   .recipients = child_of(enveloped, 1),
                   .data_type = child_of(encrypted, 0),
                   .algorithm = child_of(encrypted, 1),
                   .content = child_of(encrypted, 2)};
}

__attribute__((unused)) static void add_piece(fiks_buf *to, piece from)
{
    fiks_buf_add(to, from.whole, from.whole_len);
}

/* How the parts are put together again. */
typedef struct plan {
    form how;             /* of all that is constructed */
    size_t segment;       /* bytes per OCTET STRING; 0 = one primitive [0] */
    bool empty_too;       /* an empty segment after each */
    int nested;           /* constructed OCTET STRINGs around each segment */
    fiks_buf *before;     /* [0] originatorInfo, whole; NULL = none */
    fiks_buf *behind;     /* [1] unprotectedAttrs, whole; NULL = none */
    fiks_buf *recipients; /* SET, whole; NULL = as it was */
    bool no_content;
} plan;

static void add_segment(fiks_buf *to, const plan *p, const uint8_t *data, size_t len)
{
    fiks_buf inner = {0};
    add_element(&inner, 0x04, p->how == LONGEST ? LONGEST : SHORTEST, data, len);
    for (int i = 0; i < p->nested; i++) {
        fiks_buf outer = {0};
        add_element(&outer, 0x24, p->how, inner.data, inner.len);
        fiks_buf_free(&inner);
        inner = outer;
    }
    fiks_buf_add(to, inner.data, inner.len);
    fiks_buf_free(&inner);
}

static void add_content(fiks_buf *to, const plan *p, piece content)
{
    fiks_buf segments = {0};
    if (p->segment == 0) {
        add_element(to, 0x80, p->how == LONGEST ? LONGEST : SHORTEST, content.body,
                    content.body_len);
        return;
    }
    for (size_t i = 0; i < content.body_len; i += p->segment) {
        size_t left = content.body_len - i;
        add_segment(&segments, p, content.body + i, left < p->segment ? left : p->segment);
        if (p->empty_too)
            add_segment(&segments, p, content.body, 0);
    }
    add_element(to, 0xA0, p->how, segments.data, segments.len);
    fiks_buf_free(&segments);
}

/* Wraps what is in `inner` and empties it. */
static void wrap(fiks_buf *to, uint8_t tag, form how, fiks_buf *inner)
{
    add_element(to, tag, how, inner->data, inner->len);
    fiks_buf_free(inner);
}

__attribute__((unused)) static void put_together(fiks_buf *to, const parts *of, const plan *p)
{
    fiks_buf encrypted = {0}, enveloped = {0}, sequence = {0}, info = {0};
    add_piece(&encrypted, of->data_type);
    add_piece(&encrypted, of->algorithm);
    if (!p->no_content)
        add_content(&encrypted, p, of->content);
    add_piece(&enveloped, of->version);
    if (p->before)
        fiks_buf_add(&enveloped, p->before->data, p->before->len);
    if (p->recipients)
        fiks_buf_add(&enveloped, p->recipients->data, p->recipients->len);
    else
        add_piece(&enveloped, of->recipients);
    wrap(&enveloped, 0x30, p->how, &encrypted);
    if (p->behind)
        fiks_buf_add(&enveloped, p->behind->data, p->behind->len);
    wrap(&sequence, 0x30, p->how, &enveloped);
    add_piece(&info, of->type);
    wrap(&info, 0xA0, p->how, &sequence);
    wrap(to, 0x30, p->how, &info);
}

#endif
