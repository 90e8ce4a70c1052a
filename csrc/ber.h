/*
 * Walking BER (ITU-T X.690) as it comes, in pieces of any size: definite and indefinite lengths,
 * bounded depth, lengths checked against those around them. Keeps nothing of what it walks over.
 */
#ifndef FIKS_BER_H
#define FIKS_BER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIKS_BER_DEPTH = 16 };

typedef enum fiks_ber_event {
    FIKS_BER_NEED,  /* the input is used up */
    FIKS_BER_OPEN,  /* an element starts: `tag` and `level`; its body, its close follow */
    FIKS_BER_BODY,  /* `data` and `len`: a piece of a primitive element's content */
    FIKS_BER_CLOSE, /* the element that was at level + 1 ended */
    FIKS_BER_END,   /* the outermost element is closed; the rest of the input is not touched */
    FIKS_BER_BAD    /* not BER: `problem` */
} fiks_ber_event;

typedef struct fiks_ber_open {
    uint64_t limit; /* position no byte of this element may reach */
    bool indefinite;
} fiks_ber_open;

/* Zeroed is the start. */
typedef struct fiks_ber {
    uint64_t pos;   /* bytes walked over */
    unsigned level; /* open elements */
    uint8_t tag;    /* of the element just opened: class, constructed bit and number (below 31) */
    const uint8_t *data;
    size_t len;
    const char *problem;

    fiks_ber_open open[FIKS_BER_DEPTH + 1];
    uint8_t head[10];
    uint8_t head_len;
    bool primitive;
    bool started;
} fiks_ber;

/* The next event; `*input` and `*left` move past what it covers. */
fiks_ber_event fiks_ber_next(fiks_ber *ber, const uint8_t **input, size_t *left);

#endif
