/* An entry of more than 4 GiB, as it comes, with nothing of it kept. */
#include "../unzip.h"

#include "../error.h"
#include "zip_build.h"

static uint64_t counted;
static char seen[64];

static fiks_status on_begin(void *to, const char *name, fiks_error *err)
{
    (void)to, (void)err;
    snprintf(seen, sizeof seen, "%s", name);
    return FIKS_OK;
}

static fiks_status on_data(void *to, const void *data, size_t len, fiks_error *err)
{
    (void)to, (void)data, (void)err;
    counted += len;
    return FIKS_OK;
}

static fiks_status on_end(void *to, fiks_error *err)
{
    (void)to, (void)err;
    return FIKS_OK;
}

static const uint8_t zeros[1 << 20];

TEST(larger_than_4_gib)
{
    enum { PIECES = 4097, NAME = 8 };
    const uint64_t len = (uint64_t)PIECES * sizeof zeros;
    const char *preloaded = getenv("LD_PRELOAD");
    if (preloaded && strstr(preloaded, "vgpreload"))
        SKIP("4 GiB take too long under valgrind");
    uint32_t one = (uint32_t)crc32(0, zeros, sizeof zeros), crc = one;
    for (int i = 1; i < PIECES; i++)
        crc = (uint32_t)crc32_combine(crc, one, sizeof zeros);
    fiks_buf head = {0}, tail = {0};
    z32(&head, 0x04034b50);
    z32(&head, 45);
    z16(&head, 0);
    z32(&head, 0x21 << 16);
    z32(&head, crc);
    z64(&head, UINT64_MAX);
    z16(&head, NAME);
    z16(&head, 20);
    fiks_buf_adds(&head, "stor.bin");
    z32(&head, 1 | 16 << 16);
    z64(&head, len);
    z64(&head, len);
    z32(&tail, 0x02014b50);
    z32(&tail, 45 | 45 << 16);
    z32(&tail, 0);
    z32(&tail, 0x21 << 16);
    z32(&tail, crc);
    z64(&tail, UINT64_MAX);
    z16(&tail, NAME);
    z16(&tail, 20);
    z64(&tail, 0);
    z32(&tail, 0);
    z16(&tail, 0);
    fiks_buf_adds(&tail, "stor.bin");
    z32(&tail, 1 | 16 << 16);
    z64(&tail, len);
    z64(&tail, len);
    size_t directory = tail.len;
    zip_end(&tail, &(zip_plan){.end64 = true}, 1, head.len + len, head.len + len + directory);
    fiks_unzip_events events = {.begin = on_begin, .data = on_data, .end = on_end};
    fiks_unzip *unzip;
    fiks_error err = {0};
    CHECK_OK(fiks_unzip_new(&events, UINT64_MAX / 2, &unzip, &err), err);
    CHECK_OK(fiks_unzip_feed(unzip, head.data, head.len, &err), err);
    for (int i = 0; i < PIECES; i++)
        CHECK_OK(fiks_unzip_feed(unzip, zeros, sizeof zeros, &err), err);
    CHECK_OK(fiks_unzip_feed(unzip, tail.data, tail.len, &err), err);
    CHECK_OK(fiks_unzip_finish(unzip, &err), err);
    CHECK(counted == len);
    CHECK_STR(seen, "stor.bin");
    fiks_unzip_free(unzip);
    fiks_buf_free(&head);
    fiks_buf_free(&tail);
}

int main(void)
{
    return run_tests("test_unzip_large");
}
