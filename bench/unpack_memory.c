/*
 * The reference of the row pipeline.share: what inflating, CRC-32 and SHA-256 cost by themselves,
 * by the same inflater, from memory, with nothing written. Checks the hashes.
 *
 * Usage: unpack_memory <zip> <list as make_zip writes it>
 * Prints: 1 <CPU us of it> <wall us>
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "inflate.h"

enum { OUT_BYTES = 256 << 10, LOCAL = 30, CENTRAL = 46, END = 22 };

static uint64_t get(const uint8_t *at, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = bytes; i-- > 0;)
        number = number << 8 | at[i];
    return number;
}

static void die(const char *what)
{
    fprintf(stderr, "unpack_memory: %s\n", what);
    exit(1);
}

static uint8_t *read_file(const char *path, size_t *len)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &st))
        die(path);
    *len = (size_t)st.st_size;
    uint8_t *data = malloc(*len);
    if (!data || fread(data, 1, *len, file) != *len)
        die(path);
    fclose(file);
    return data;
}

/* Inflates one entry; hashes it on the way. */
static void unpack(fiks_inflate *inflate, EVP_MD_CTX *hash, const EVP_MD *md,
                   const uint8_t *central, const uint8_t *zip, uint8_t digest[32])
{
    static uint8_t out[OUT_BYTES];
    const uint8_t *local = zip + get(central + 42, 4);
    const uint8_t *in = local + LOCAL + get(local + 26, 2) + get(local + 28, 2);
    size_t left = get(central + 20, 4), made = 0;
    uint64_t size = 0;
    uint32_t crc = 0;
    fiks_inflated result = FIKS_INFLATE_MORE;
    fiks_inflate_restart(inflate);
    EVP_DigestInit_ex2(hash, md, NULL);
    while (result == FIKS_INFLATE_MORE && (left > 0 || made == OUT_BYTES)) {
        result = fiks_inflate_next(inflate, &in, &left, out, OUT_BYTES, &made);
        crc = fiks_crc32(crc, out, made);
        EVP_DigestUpdate(hash, out, made);
        size += made;
    }
    EVP_DigestFinal_ex(hash, digest, NULL);
    if (result != FIKS_INFLATE_END || crc != get(central + 16, 4) || size != get(central + 24, 4))
        die("an entry is damaged");
}

static void check_line(FILE *list, const uint8_t digest[32])
{
    char line[256], hex[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    if (!fgets(line, sizeof line, list) || strncmp(line, hex, 64) != 0)
        die("an entry is not what the list says");
}

static void unpack_all(const uint8_t *zip, size_t len, EVP_MD_CTX *hash, const EVP_MD *md,
                       fiks_inflate *inflate, FILE *list)
{
    /* The zip64 end record, which make_zip always writes. */
    const uint8_t *end = zip + len - END - 20 - 56;
    const uint8_t *central = zip + get(end + 48, 8);
    unsigned long long entries = get(end + 32, 8);
    for (unsigned long long i = 0; i < entries; i++) {
        uint8_t digest[32];
        unpack(inflate, hash, md, central, zip, digest);
        if (list)
            check_line(list, digest);
        central += CENTRAL + get(central + 28, 2) + get(central + 30, 2) + get(central + 32, 2);
    }
}

static long long now_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
    size_t len;
    if (argc != 3)
        die("usage: unpack_memory <zip> <list>");
    uint8_t *zip = read_file(argv[1], &len);
    FILE *list = fopen(argv[2], "r");
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    fiks_inflate *inflate = fiks_inflate_new();
    if (!list || !md || !hash || !inflate)
        die("memory");
    unpack_all(zip, len, hash, md, inflate, NULL); /* memory costs when it is first touched */
    long long cpu = -now_us(CLOCK_PROCESS_CPUTIME_ID), wall = -now_us(CLOCK_MONOTONIC);
    unpack_all(zip, len, hash, md, inflate, list);
    cpu += now_us(CLOCK_PROCESS_CPUTIME_ID);
    wall += now_us(CLOCK_MONOTONIC);
    printf("1 %lld %lld\n", cpu, wall);
    fiks_inflate_free(inflate);
    EVP_MD_CTX_free(hash);
    EVP_MD_free(md);
    fclose(list);
    free(zip);
    return 0;
}
