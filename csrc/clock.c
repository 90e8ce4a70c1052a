#include "clock.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "error.h"

static int64_t read_ms(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

fiks_time fiks_now(void)
{
    return (fiks_time){.wall_ms = read_ms(CLOCK_REALTIME), .mono_ms = read_ms(CLOCK_MONOTONIC)};
}

/* The kernel's generator: nothing to seed, nothing that a fork could share. */
bool fiks_random(void *out, size_t len)
{
    uint8_t *to = out;
    while (len) {
        ssize_t n = getrandom(to, len > 256 ? 256 : len, 0);
        if (n <= 0)
            return false;
        to += n;
        len -= (size_t)n;
    }
    return true;
}

fiks_status fiks_uuid(char out[37], fiks_error *err)
{
    uint8_t b[16];
    if (!fiks_random(b, sizeof b))
        return fiks_fail(err, FIKS_INTERNAL, "random", "the system gives no random numbers");
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x40); /* version 4, RFC 4122, 4.4 */
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
    return FIKS_OK;
}
