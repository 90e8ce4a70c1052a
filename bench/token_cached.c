/*
 * The row token_cached: fiks_token_cache_get of a cached token as a call does it, among 400 others
 * (a supplier's customers), fiks_client_peek_token, and as reference a plain chained hash table
 * (FNV-1a, the hash stored beside the key on both sides) with the same inputs written out as the
 * key. In turn, so that all see the same machine. Then the first again by several threads at once.
 *
 * Usage: token_cached <key> <certificate> <look-ups>
 * Prints: <look-ups> <CPU ns of the cache> <CPU ns of peek> <CPU ns of the table>
 *         <threads> <CPU ns of the cache, by all threads together>
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "token_cache.h"

enum { CUSTOMERS = 400, TURNS = 20, BUCKETS = 1024, THREADS = 8 };

typedef struct item {
    struct item *next;
    uint64_t hash;
    size_t name_bytes;
    char *name, *token;
} item;

/* What the program looks up by: its own copy of the key, with the hash. */
typedef struct wanted {
    uint64_t hash;
    size_t name_bytes;
    char *name;
} wanted;

static fiks_client *clients[CUSTOMERS];
static wanted names[CUSTOMERS];
static item *table[BUCKETS];

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "token_cached: %s\n", what);
    exit(1);
}

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* As Maskinporten's are: some 700 bytes. */
static char *new_token(void)
{
    char *token = malloc(701);
    if (!token)
        die("memory");
    memset(token, 'a', 700);
    token[700] = '\0';
    return token;
}

static void put_token(const fiks_client *client)
{
    uint64_t flight = 0;
    fiks_buf none = {0};
    fiks_token_cache *cache = fiks_token_cache_process();
    fiks_time now = fiks_now();
    fiks_token token = {.access_token = new_token(),
                        .scope = strdup("ks:fiks"),
                        .lifetime_ms = 7200000,
                        .sent = now};
    if (fiks_token_cache_get(cache, client->token_key, now, &flight, &none, NULL) !=
        FIKS_TOKEN_FETCH)
        die("not elected");
    fiks_token_cache_put(cache, client->token_key, flight, &token, now);
}

static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * UINT64_C(1099511628211);
    return hash;
}

static void add_customer(int i, fiks_key *key)
{
    char org[10], name[1024];
    fiks_error err = {0};
    snprintf(org, sizeof org, "%09d", 910000000 + i);
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.environment = "test";
    o.client_id = "5b1a8a3e-6f0e-4bb1-9d1f-3f0a4c2b7d11";
    o.consumer_org = org;
    o.key = key;
    if (fiks_client_new(&o, &clients[i], &err))
        die(err.message);
    put_token(clients[i]);
    const fiks_token_inputs *in = fiks_token_key_inputs(clients[i]->token_key);
    snprintf(name, sizeof name, "%s %s %s %s %s %s %064d", in->token_endpoint, in->issuer,
             in->client_id, in->scope, in->consumer_org, fiks_key_thumbprint(key), i);
    names[i] = (wanted){.hash = hash_of(name), .name_bytes = strlen(name), .name = strdup(name)};
    item *added = malloc(sizeof *added);
    if (!added)
        die("memory");
    *added = (item){.hash = names[i].hash,
                    .name_bytes = names[i].name_bytes,
                    .name = strdup(name),
                    .token = new_token()};
    added->next = table[added->hash % BUCKETS];
    table[added->hash % BUCKETS] = added;
}

static void by_cache(const fiks_client *client)
{
    uint64_t flight = 0;
    fiks_buf token = {0};
    if (fiks_token_cache_get(fiks_token_cache_process(), client->token_key, fiks_now(), &flight,
                             &token, NULL) != FIKS_TOKEN_READY ||
        token.len != 700)
        die("no token");
    fiks_buf_free(&token);
}

static void by_peek(fiks_client *client)
{
    char *token, *scope;
    int64_t expires_s;
    if (!fiks_client_peek_token(client, NULL, &token, &scope, &expires_s, NULL))
        die("no token");
    fiks_bytes_free(token, strlen(token));
    fiks_bytes_free(scope, strlen(scope));
}

static void by_hash(const wanted *by)
{
    const item *at = table[by->hash % BUCKETS];
    while (at && (at->hash != by->hash || at->name_bytes != by->name_bytes ||
                  memcmp(at->name, by->name, by->name_bytes) != 0))
        at = at->next;
    if (!at || !at->token[0])
        die("not found");
}

static void *by_cache_often(void *count)
{
    for (long i = 0; i < *(const long *)count; i++)
        by_cache(clients[i % CUSTOMERS]);
    return NULL;
}

/* CPU time of all threads; each makes `count` look-ups. */
static int64_t by_threads(long count)
{
    pthread_t threads[THREADS];
    int64_t begin = cpu_ns();
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, by_cache_often, &count))
            die("threads");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return cpu_ns() - begin;
}

int main(int argc, char **argv)
{
    fiks_key *key = NULL;
    fiks_error err = {0};
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    if (argc != 4)
        die("usage: token_cached key certificate look-ups");
    o.file = argv[1];
    o.certificate_file = argv[2];
    if (fiks_key_new(&o, &key, &err))
        die(err.message);
    for (int i = 0; i < CUSTOMERS; i++)
        add_customer(i, key);
    long count = strtol(argv[3], NULL, 10) / TURNS;
    int64_t spent[3] = {0};
    for (int turn = 0; turn < TURNS; turn++) {
        int64_t begin = cpu_ns();
        for (long i = 0; i < count; i++)
            by_cache(clients[i % CUSTOMERS]);
        int64_t cached = cpu_ns();
        for (long i = 0; i < count; i++)
            by_peek(clients[i % CUSTOMERS]);
        int64_t peeked = cpu_ns();
        for (long i = 0; i < count; i++)
            by_hash(&names[i % CUSTOMERS]);
        spent[0] += cached - begin;
        spent[1] += peeked - cached;
        spent[2] += cpu_ns() - peeked;
    }
    long each = count * TURNS / THREADS;
    int64_t together = by_threads(each) * (count * TURNS) / (each * THREADS);
    printf("%ld %lld %lld %lld %d %lld\n", count * TURNS, (long long)spent[0], (long long)spent[1],
           (long long)spent[2], THREADS, (long long)together);
    return 0;
}
