/* One key, many threads: signatures are right, and the thread sanitizer has nothing to say. */
#include <pthread.h>
#include <stdatomic.h>

#include "keys.h"

enum { THREADS = 8, SIGNATURES = 30 };

static fiks_key *key;
static atomic_int wrong;

static void *sign(void *what)
{
    const fiks_public_key *public_key = what;
    for (int i = 0; i < SIGNATURES; i++) {
        uint8_t sig[FIKS_SIGNATURE_MAX];
        size_t len = 0;
        bool good = false;
        fiks_alg alg = (fiks_alg)(i % 3);
        if (fiks_key_sign(key, alg, &i, sizeof i, sig, &len, NULL) ||
            fiks_public_key_verify(public_key, alg, &i, sizeof i, sig, len, &good, NULL) || !good)
            atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

TEST(signs_from_many_threads)
{
    pthread_t threads[THREADS];
    size_t len;
    fiks_error err = {0};
    fiks_certificate *certificate;
    fiks_public_key *public_key;
    key = test_key("felles");
    const uint8_t *der = fiks_key_certificate(key, 0, &len);
    CHECK_OK(fiks_certificate_new(der, len, "it", &certificate, &err), err);
    CHECK_OK(fiks_public_key_of(certificate, &public_key, &err), err);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, sign, public_key), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_EQ_INT(wrong, 0);
    fiks_public_key_free(public_key);
    fiks_certificate_free(certificate);
    fiks_key_free(key);
}

int main(void)
{
    return run_tests("test_thread_key");
}
