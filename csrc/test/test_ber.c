#include "../ber.h"

#include "harness.h"

/* Events as letters, in pieces of a size: O open, C close, b a body's piece (once), E, N, or what
 * is bad. */
static const char *walk(const char *bytes, size_t size, size_t piece)
{
    static char seen[200];
    static const char letters[] = {'N', 'O', 'b', 'C', 'E', 'B'};
    fiks_ber ber = {0};
    fiks_ber_event event = FIKS_BER_NEED;
    size_t len = 0;
    for (size_t at = 0; at < size && event == FIKS_BER_NEED; at += piece) {
        const uint8_t *input = (const uint8_t *)bytes + at;
        size_t left = size - at < piece ? size - at : piece;
        do {
            event = fiks_ber_next(&ber, &input, &left);
            bool again = event == FIKS_BER_BODY && len && seen[len - 1] == 'b';
            if (event != FIKS_BER_NEED && !again && len + 1 < sizeof seen)
                seen[len++] = letters[event];
        } while (event != FIKS_BER_NEED && event < FIKS_BER_END);
    }
    if (event == FIKS_BER_NEED)
        seen[len++] = 'N';
    seen[len] = '\0';
    return event == FIKS_BER_BAD ? ber.problem : seen;
}

#define WALKS(bytes, want)                                                                         \
    do {                                                                                           \
        for (size_t piece = 1; piece <= sizeof(bytes); piece++)                                    \
            CHECK_STR(walk(bytes, sizeof(bytes) - 1, piece), want);                                \
    } while (0)

TEST(definite_and_indefinite_lengths)
{
    WALKS("\x04\x02"
          "ab",
          "ObCE");
    WALKS("\x04\x00", "OCE");
    WALKS("\x30\x04\x04\x02"
          "ab",
          "OObCCE");
    WALKS("\x30\x80\x24\x80\x04\x01"
          "a\x04\x01"
          "b\x00\x00\x00\x00",
          "OOObCObCCCE");
    WALKS("\x30\x81\x03\x02\x01\x05", "OObCCE");
}

TEST(needs_more)
{
    WALKS("\x30", "N");
    WALKS("\x04\x03"
          "ab",
          "ObN");
    WALKS("\x30\x80\x04\x00", "OOCN");
}

#define OUTSIDE "an element that ends outside the one around it"

TEST(elements_end_within_the_one_around_them)
{
    WALKS("\x30\x02\x04\x05"
          "abcde",
          OUTSIDE);
    WALKS("\x30\x04\x30\x80\x04\x00\x00\x00", OUTSIDE);
    /* A head that crosses the end: closing there would forget that it was begun. */
    WALKS("\x62\x04\x01\x85\x63\x00\x73", OUTSIDE);
    WALKS("\x30\x01\x04\x00", OUTSIDE);
}

TEST(other_faults)
{
    WALKS("\x04\x80", "an indefinite length on a primitive element");
    WALKS("\x1F\x81\x00", "a tag number above 30");
    WALKS("\x04\x89\x01", "a length of more than 8 bytes");
    WALKS("\x30\x80\x00\x01", "end-of-contents with a length");
    WALKS("\x30\x02\x00\x00", "end-of-contents where no element of indefinite length is open");
    WALKS("\x30\x80\x30\x80\x30\x80\x30\x80\x30\x80\x30\x80\x30\x80\x30\x80\x30\x80"
          "\x30\x80\x30\x80\x30\x80\x30\x80\x30\x80\x30\x80\x30\x80\x30\x80",
          "elements nested more than 16 deep");
}

int main(void)
{
    return run_tests("test_ber");
}
