/*
 * Raw deflate (RFC 1951) as it comes, and the CRC-32 of zip: by zlib, or by ISA-L where that is
 * built in (make ISAL=1), which is several times as fast.
 */
#ifndef FIKS_INFLATE_H
#define FIKS_INFLATE_H

#include <stddef.h>
#include <stdint.h>

typedef struct fiks_inflate fiks_inflate;

typedef enum fiks_inflated {
    FIKS_INFLATE_MORE, /* the input is used up, or the room */
    FIKS_INFLATE_END,  /* the stream has ended, and everything is out */
    FIKS_INFLATE_BAD   /* it is damaged: fiks_inflate_problem says how */
} fiks_inflated;

/* NULL = no memory. */
fiks_inflate *fiks_inflate_new(void);
/* Ready for another stream. */
void fiks_inflate_restart(fiks_inflate *stream);
/*
 * Inflates from `*in` to `out`, at most `room` bytes; `*in` and `*left` move along, `*made` bytes
 * came out. When the room was filled there may be more, also without more input: have that first.
 * At the end `*in` is what follows the stream; some bytes of that may have been taken in an earlier
 * call and are given back now, but none from before a call that did not fill the room.
 */
fiks_inflated fiks_inflate_next(fiks_inflate *stream, const uint8_t **in, size_t *left,
                                uint8_t *out, size_t room, size_t *made);
const char *fiks_inflate_problem(const fiks_inflate *stream);
void fiks_inflate_free(fiks_inflate *stream);

/* Continues `crc` (0 at the beginning). */
uint32_t fiks_crc32(uint32_t crc, const void *data, size_t len);

#endif
