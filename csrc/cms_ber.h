/* BER in memory: the parts of a CMS message that are looked at in one piece. */
#ifndef FIKS_CMS_BER_H
#define FIKS_CMS_BER_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

typedef struct fiks_span {
    const uint8_t *p, *end;
} fiks_span;

typedef struct fiks_element {
    uint8_t tag;
    bool indefinite;
    const uint8_t *whole; /* up to body.end (and the end-of-contents) */
    const uint8_t *whole_end;
    fiks_span body;
} fiks_element;

/* The next element, complete; `in` moves past it. What it is from was walked over before (ber.h),
 * which bounds its depth. */
bool fiks_take(fiks_span *in, fiks_element *out);
/* The same when its tag is this one. */
bool fiks_take_tag(fiks_span *in, uint8_t tag, fiks_element *out);
/* Goes into an element that may end beyond what is in memory. */
bool fiks_enter(fiks_span *in, uint8_t tag);

static inline size_t fiks_whole_len(const fiks_element *of)
{
    return (size_t)(of->whole_end - of->whole);
}

static inline size_t fiks_body_len(const fiks_element *of)
{
    return (size_t)(of->body.end - of->body.p);
}

/* Appends the octets of an OCTET STRING, which BER may have cut into pieces. */
bool fiks_collect_octets(const fiks_element *from, fiks_buf *out);

#endif
