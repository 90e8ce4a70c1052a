#include "../inflate.h"

#include <zlib.h>

#include "../str.h"
#include "harness.h"

enum { PLAIN_BYTES = 150000, TRAILER = 16 };

static uint8_t plain[PLAIN_BYTES], packed[2 * PLAIN_BYTES], got[PLAIN_BYTES + 1];
static size_t packed_len; /* without the trailer that follows it */

/* ---- streams -------------------------------------------------------------------------------- */

/* Text, what does not compress, and one byte for long. */
static void fill_plain(void)
{
    uint32_t state = 1;
    for (size_t i = 0; i < PLAIN_BYTES; i++) {
        state = state * 1664525u + 1013904223u;
        if (i < PLAIN_BYTES / 3)
            plain[i] = (uint8_t) "Vedtak om byggetillatelse for garasje, gnr 12 bnr 7.\n"[i % 53];
        else
            plain[i] = i < 2 * PLAIN_BYTES / 3 ? (uint8_t)(state >> 24) : 'x';
        if (i % 97 == 0)
            plain[i] = (uint8_t)(state >> 16);
    }
}

static void pack(size_t len, int level, int strategy)
{
    z_stream z = {0};
    CHECK_EQ_INT(deflateInit2(&z, level, Z_DEFLATED, -MAX_WBITS, 8, strategy), Z_OK);
    z.next_in = plain;
    z.avail_in = (unsigned)len;
    z.next_out = packed;
    z.avail_out = sizeof packed - TRAILER;
    CHECK_EQ_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
    packed_len = z.total_out;
    deflateEnd(&z);
    memset(packed + packed_len, 0xAA, TRAILER);
}

/* Feeds `len` bytes of what is packed in pieces, as unzip.c does: everything is had from one piece
 * before the next. `*used`: where it ended; `*total`: bytes in `got`. */
static fiks_inflated inflate_pieces(fiks_inflate *inflate, size_t len, size_t piece, size_t room,
                                    size_t *used, size_t *total)
{
    fiks_inflated result = FIKS_INFLATE_MORE;
    const uint8_t *at = packed;
    *total = 0;
    for (size_t begin = 0; begin < len && result == FIKS_INFLATE_MORE; begin += piece) {
        size_t left = len - begin < piece ? len - begin : piece, made, free;
        at = packed + begin;
        do {
            free = sizeof got - *total < room ? sizeof got - *total : room;
            result = fiks_inflate_next(inflate, &at, &left, got + *total, free, &made);
            *total += made;
        } while (result == FIKS_INFLATE_MORE && (left > 0 || (made == free && free > 0)));
        if (at < packed + begin)
            TEST_FAIL("%zu bytes from before the piece", (size_t)(packed + begin - at));
    }
    *used = (size_t)(at - packed);
    return result;
}

static void check_stream(fiks_inflate *inflate, size_t len, size_t piece, size_t room)
{
    size_t used, total;
    fiks_inflate_restart(inflate);
    CHECK_EQ_INT(inflate_pieces(inflate, packed_len + TRAILER, piece, room, &used, &total),
                 FIKS_INFLATE_END);
    CHECK_EQ_INT(used, packed_len);
    CHECK_EQ_INT(total, len);
    CHECK(memcmp(got, plain, len) == 0);
}

/* ---- tests ---------------------------------------------------------------------------------- */

TEST(any_stream_in_any_pieces_ends_where_it_ends)
{
    static const size_t pieces[] = {1, 2, 3, 7, 8, 9, 100, 4096, (size_t)1 << 40};
    static const size_t rooms[] = {1, 5, 257, 4096, 1 << 18};
    static const size_t lengths[] = {0, 1, 1000, PLAIN_BYTES};
    static const int levels[] = {0, 1, 6, 9, 6, 6, 6};
    static const int strategies[] = {0, 0, 0, 0, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED};
    fiks_inflate *inflate = fiks_inflate_new();
    CHECK(inflate);
    fill_plain();
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (size_t s = 0; s < sizeof levels / sizeof *levels; s++) {
            pack(lengths[l], levels[s], strategies[s]);
            for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++)
                for (size_t r = 0; r < sizeof rooms / sizeof *rooms; r++)
                    if (lengths[l] < PLAIN_BYTES || pieces[p] * rooms[r] > 500000)
                        check_stream(inflate, lengths[l], pieces[p], rooms[r]);
        }
    fiks_inflate_free(inflate);
}

TEST(every_end_is_found_whatever_was_taken_before) /* cut once, at each byte */
{
    fiks_inflate *inflate = fiks_inflate_new();
    fill_plain();
    for (size_t len = 1; len < 40; len += 3) {
        pack(len, 6, len % 2 ? Z_FIXED : Z_DEFAULT_STRATEGY);
        for (size_t piece = 1; piece < packed_len + TRAILER; piece++)
            check_stream(inflate, len, piece, 3);
    }
    fiks_inflate_free(inflate);
}

TEST(what_is_cut_off_never_ends)
{
    size_t used, total;
    fiks_inflate *inflate = fiks_inflate_new();
    fill_plain();
    pack(3000, 6, Z_DEFAULT_STRATEGY);
    for (size_t len = 0; len < packed_len; len++) {
        fiks_inflate_restart(inflate);
        CHECK_EQ_INT(inflate_pieces(inflate, len, 50, 1000, &used, &total), FIKS_INFLATE_MORE);
        CHECK_EQ_INT(used, len);
        CHECK(total <= 3000 && memcmp(got, plain, total) == 0);
    }
    fiks_inflate_free(inflate);
}

TEST(damage_has_a_name)
{
    size_t used, total;
    fiks_inflate *inflate = fiks_inflate_new();
    static const struct {
        const char *bytes;
        size_t len;
        const char *problem;
    } bad[] = {
        {"\x07\x00\x00", 3, "block"},                /* block type 3 */
        {"\x01\x05\x00\x00\x00", 5, "block"},        /* a stored length unlike its complement */
        {"\x03\x02\x00\x00\x00\x00", 6, "distance"}, /* a match before anything */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(packed, 0, 64);
        memcpy(packed, bad[i].bytes, bad[i].len);
        fiks_inflate_restart(inflate);
        CHECK_EQ_INT(inflate_pieces(inflate, 64, 64, 1000, &used, &total), FIKS_INFLATE_BAD);
        CHECK_HAS(fiks_inflate_problem(inflate), bad[i].problem);
    }
    fiks_inflate_free(inflate);
}

TEST(any_damage_is_survived)
{
    size_t used, total;
    fiks_inflate *inflate = fiks_inflate_new();
    fill_plain();
    pack(3000, 6, Z_DEFAULT_STRATEGY);
    for (size_t i = 0; i < packed_len; i++)
        for (unsigned bit = 0; bit < 8; bit += 3) {
            packed[i] ^= (uint8_t)(1 << bit);
            fiks_inflate_restart(inflate);
            inflate_pieces(inflate, packed_len + TRAILER, 50, 1000, &used, &total);
            CHECK(total <= sizeof got);
            packed[i] ^= (uint8_t)(1 << bit);
        }
    check_stream(inflate, 3000, 50, 1000);
    fiks_inflate_free(inflate);
}

TEST(crc_of_the_check_string_in_any_pieces)
{
    const char *text = "123456789";
    for (size_t cut = 0; cut <= 9; cut++)
        CHECK_EQ_INT(fiks_crc32(fiks_crc32(0, text, cut), text + cut, 9 - cut), 0xCBF43926);
    fill_plain();
    CHECK_EQ_INT(fiks_crc32(0, plain, PLAIN_BYTES), crc32_z(0, plain, PLAIN_BYTES));
}

int main(void)
{
    return run_tests("test_inflate");
}
