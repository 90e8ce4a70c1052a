#include "inflate.h"

#include <limits.h>
#include <stdlib.h>

/* Both libraries count in 32 bits. */
static unsigned at_most(size_t len)
{
    return len < UINT_MAX / 2 ? (unsigned)len : UINT_MAX / 2;
}

#ifdef FIKS_ISAL

#include <isa-l.h>
#include <stdbool.h>

#include "str.h"

struct fiks_inflate {
    struct inflate_state state;
    int code; /* of the last call */
};

fiks_inflate *fiks_inflate_new(void)
{
    fiks_inflate *stream = malloc(sizeof *stream);
    if (stream)
        isal_inflate_init(&stream->state);
    return stream;
}

void fiks_inflate_restart(fiks_inflate *stream)
{
    isal_inflate_reset(&stream->state);
}

fiks_inflated fiks_inflate_next(fiks_inflate *stream, const uint8_t **in, size_t *left,
                                uint8_t *out, size_t room, size_t *made)
{
    struct inflate_state *state = &stream->state;
    unsigned offered = at_most(*left), free = at_most(room);
    state->next_in = (uint8_t *)*in;
    state->avail_in = offered;
    state->next_out = out;
    state->avail_out = free;
    stream->code = isal_inflate(state);
    bool end = stream->code == ISAL_DECOMP_OK && state->block_state == ISAL_BLOCK_FINISH;
    /* Whole bytes that it holds in its bit buffer follow the stream. */
    size_t over = end ? (size_t)state->read_in_length / 8 : 0;
    *in += offered - state->avail_in;
    *in -= over;
    *left -= offered - state->avail_in;
    *left += over;
    *made = free - state->avail_out;
    if (stream->code != ISAL_DECOMP_OK)
        return FIKS_INFLATE_BAD;
    return end ? FIKS_INFLATE_END : FIKS_INFLATE_MORE;
}

const char *fiks_inflate_problem(const fiks_inflate *stream)
{
    switch (stream->code) {
    case ISAL_INVALID_BLOCK:
        return "invalid block";
    case ISAL_INVALID_SYMBOL:
        return "invalid code";
    case ISAL_INVALID_LOOKBACK:
        return "invalid distance too far back";
    default:
        return "invalid data";
    }
}

void fiks_inflate_free(fiks_inflate *stream)
{
    if (stream)
        fiks_wipe_free(stream, sizeof *stream);
}

uint32_t fiks_crc32(uint32_t crc, const void *data, size_t len)
{
    return crc32_gzip_refl(crc, data, len);
}

#else

#include <zlib.h>

struct fiks_inflate {
    z_stream z;
};

fiks_inflate *fiks_inflate_new(void)
{
    fiks_inflate *stream = calloc(1, sizeof *stream);
    if (stream && inflateInit2(&stream->z, -MAX_WBITS) != Z_OK) {
        free(stream);
        return NULL;
    }
    return stream;
}

void fiks_inflate_restart(fiks_inflate *stream)
{
    inflateReset(&stream->z);
}

fiks_inflated fiks_inflate_next(fiks_inflate *stream, const uint8_t **in, size_t *left,
                                uint8_t *out, size_t room, size_t *made)
{
    z_stream *z = &stream->z;
    unsigned offered = at_most(*left), free = at_most(room);
    z->next_in = (uint8_t *)*in;
    z->avail_in = offered;
    z->next_out = out;
    z->avail_out = free;
    int code = inflate(z, Z_NO_FLUSH);
    *in += offered - z->avail_in;
    *left -= offered - z->avail_in;
    *made = free - z->avail_out;
    if (code == Z_STREAM_END)
        return FIKS_INFLATE_END;
    return code == Z_OK || code == Z_BUF_ERROR ? FIKS_INFLATE_MORE : FIKS_INFLATE_BAD;
}

const char *fiks_inflate_problem(const fiks_inflate *stream)
{
    return stream->z.msg ? stream->z.msg : "invalid data";
}

void fiks_inflate_free(fiks_inflate *stream)
{
    if (stream)
        inflateEnd(&stream->z);
    free(stream);
}

uint32_t fiks_crc32(uint32_t crc, const void *data, size_t len)
{
    return (uint32_t)crc32_z(crc, data, len);
}

#endif
