#include "../hash.h"

#include "harness.h"

static const char *hex_of(const char *data, size_t len, size_t chunk)
{
    static char hex[65];
    fiks_hash *hash;
    fiks_error err = {0};
    CHECK_OK(fiks_hash_new(&hash, &err), err);
    for (size_t i = 0; i < len; i += chunk)
        CHECK_OK(fiks_hash_update(hash, data + i, len - i < chunk ? len - i : chunk, &err), err);
    CHECK_OK(fiks_hash_finish(hash, hex, &err), err);
    fiks_hash_free(hash);
    return hex;
}

TEST(known_answers) /* FIPS 180-4 examples */
{
    CHECK_STR(hex_of("", 0, 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_STR(hex_of("abc", 3, 1),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    for (size_t chunk = 1; chunk <= 56; chunk += 11)
        CHECK_STR(hex_of(text, 56, chunk),
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(is_ready_again_after_finish_and_restart)
{
    fiks_hash *hash;
    fiks_error err = {0};
    char first[65], second[65];
    CHECK_OK(fiks_hash_new(&hash, &err), err);
    CHECK_OK(fiks_hash_update(hash, "abc", 3, &err), err);
    CHECK_OK(fiks_hash_finish(hash, first, &err), err);
    CHECK_OK(fiks_hash_update(hash, "forgotten", 9, &err), err);
    CHECK_OK(fiks_hash_restart(hash, &err), err);
    CHECK_OK(fiks_hash_update(hash, "abc", 3, &err), err);
    CHECK_OK(fiks_hash_finish(hash, second, &err), err);
    CHECK_STR(second, first);
    fiks_hash_free(hash);
    fiks_hash_free(NULL);
}

TEST(one_shot)
{
    uint8_t digest[32];
    fiks_error err = {0};
    CHECK_OK(fiks_sha256("abc", 3, digest, &err), err);
    CHECK_EQ_INT(digest[0], 0xba);
    CHECK_EQ_INT(digest[31], 0xad);
}

int main(void)
{
    return run_tests("test_hash");
}
