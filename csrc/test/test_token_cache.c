#include "../token_cache.h"

#include <pthread.h>
#include <sys/wait.h>

#include "keys.h"

/* ---- a token's age ------------------------------------------------------------------------- */

static fiks_time at(int64_t ms)
{
    return (fiks_time){1700000000000 + ms, 1000000 + ms};
}

static fiks_token_state state(int64_t lifetime_s, int64_t wall_ms, int64_t mono_ms)
{
    fiks_token token = {.lifetime_ms = lifetime_s * 1000, .sent = at(0)};
    fiks_time now = {at(0).wall_ms + wall_ms, at(0).mono_ms + mono_ms};
    return fiks_token_state_at(&token, now);
}

TEST(margins_scale_with_the_lifetime)
{
    /* 120 s: soft 30 s, hard 10 s */
    CHECK_EQ_INT(state(120, 0, 0), FIKS_TOKEN_FRESH);
    CHECK_EQ_INT(state(120, 90000, 90000), FIKS_TOKEN_FRESH);
    CHECK_EQ_INT(state(120, 90001, 90001), FIKS_TOKEN_STALE);
    CHECK_EQ_INT(state(120, 110000, 110000), FIKS_TOKEN_STALE);
    CHECK_EQ_INT(state(120, 110001, 110001), FIKS_TOKEN_EXPIRED);
    /* 12 s: soft 4 s, hard 3 s */
    CHECK_EQ_INT(state(12, 8000, 8000), FIKS_TOKEN_FRESH);
    CHECK_EQ_INT(state(12, 8001, 8001), FIKS_TOKEN_STALE);
    CHECK_EQ_INT(state(12, 9001, 9001), FIKS_TOKEN_EXPIRED);
    CHECK_EQ_INT(state(7200, 7169000, 0), FIKS_TOKEN_FRESH);
    CHECK_EQ_INT(state(0, 0, 0), FIKS_TOKEN_EXPIRED);
}

TEST(either_clock_can_end_a_token)
{
    CHECK_EQ_INT(state(120, 115000, 5000), FIKS_TOKEN_EXPIRED); /* the machine slept */
    CHECK_EQ_INT(state(120, 5000, 115000), FIKS_TOKEN_EXPIRED); /* the clock was set back */
    CHECK_EQ_INT(state(120, -3600000, 5000), FIKS_TOKEN_FRESH);
    CHECK_EQ_INT(state(120, -3600000, -5), FIKS_TOKEN_FRESH);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static fiks_token_inputs inputs_with(fiks_key *key)
{
    return (fiks_token_inputs){
        .token_endpoint = "https://t/token",
        .issuer = "https://t/",
        .client_id = "klient",
        .scope = "ks:fiks",
        .key = key,
    };
}

static fiks_token_key *make_key(const fiks_token_inputs *in)
{
    fiks_token_key *key = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_token_key_new(in, &key, &err), err);
    return key;
}

static bool same(const fiks_token_inputs *a, const fiks_token_inputs *b)
{
    fiks_token_key *x = make_key(a), *y = make_key(b);
    bool equal = fiks_token_key_equal(x, y);
    CHECK(!equal || fiks_token_key_hash(x) == fiks_token_key_hash(y));
    fiks_token_key_free(x);
    fiks_token_key_free(y);
    return equal;
}

TEST(every_input_is_in_the_key)
{
    fiks_key *one = test_key("en"), *two = test_key("to");
    fiks_token_inputs base = inputs_with(one), in = base;
    CHECK(same(&base, &in));
#define DIFFERS(member, value)                                                                     \
    do {                                                                                           \
        in = base;                                                                                 \
        in.member = value;                                                                         \
        CHECK(!same(&base, &in));                                                                  \
    } while (0)
    DIFFERS(token_endpoint, "https://t2/token");
    DIFFERS(issuer, "https://t");
    DIFFERS(client_id, "klient2");
    DIFFERS(scope, "ks:fiks2");
    DIFFERS(consumer_org, "910753614");
    DIFFERS(resource, "r");
    DIFFERS(pid, "00000000000");
    DIFFERS(authorization_details, "[{}]");
    DIFFERS(kid, "en");
    DIFFERS(key, two);
    DIFFERS(alg, FIKS_RS512);
    DIFFERS(x5c_leaf, true);
    DIFFERS(resource_array, true);
    DIFFERS(accept_fewer_scopes, true);
    DIFFERS(network, "another");
    DIFFERS(contract_2018, true);
    fiks_token_inputs moved = base; /* lengths are in the key */
    in = base;
    in.issuer = "a:b";
    in.client_id = "c";
    moved.issuer = "a";
    moved.client_id = "b:c";
    CHECK(!same(&in, &moved));
    fiks_key_free(one);
    fiks_key_free(two);
}

TEST(a_renewed_certificate_is_another_key)
{
    fiks_key *one = test_key("en"), *renewed = NULL;
    fiks_error err = {0};
    test_shell("openssl req -x509 -key en.key -days 30 -subj '/CN=ny' -out ny.pem");
    CHECK_OK(load((request){"en.key", NULL, NULL, "ny.pem"}, &renewed, &err), err);
    fiks_token_inputs a = inputs_with(one), b = inputs_with(renewed);
    CHECK(!same(&a, &b));
    a.kid = b.kid = "kid"; /* then no certificate is sent */
    CHECK(same(&a, &b));
    fiks_key_free(one);
    fiks_key_free(renewed);
}

TEST(scopes_are_a_set)
{
    fiks_key *key = test_key("en");
    fiks_token_inputs a = inputs_with(key), b = inputs_with(key);
    a.scope = "b a c";
    b.scope = " c  a b a ";
    CHECK(same(&a, &b));
    b.scope = "c a ba";
    CHECK(!same(&a, &b));
    a.scope = b.scope = "a";
    a.consumer_org = "0192:910753614";
    b.consumer_org = "910753614";
    CHECK(same(&a, &b));
    fiks_key_free(key);
}

TEST(a_key_owns_its_inputs)
{
    fiks_key *key = test_key("en");
    char scope[] = "b a", org[] = "0192:910753614";
    fiks_token_inputs in = inputs_with(key);
    in.scope = scope;
    in.consumer_org = org;
    fiks_token_key *made = make_key(&in);
    fiks_key_free(key);
    memset(scope, 'x', 3);
    memset(org, 'x', 14);
    const fiks_token_inputs *kept = fiks_token_key_inputs(made);
    CHECK_STR(kept->scope, "b a");
    CHECK_STR(kept->consumer_org, "910753614");
    CHECK_STR(kept->client_id, "klient");
    CHECK(kept->resource == NULL);
    CHECK_EQ_INT(strlen(fiks_key_thumbprint(kept->key)), 43);
    CHECK(fiks_token_key_ref(made) == made);
    fiks_token_key_free(made);
    fiks_token_key_free(made);
    fiks_token_key_free(NULL);
    in.scope = "";
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_token_key_new(&in, &made, &err), FIKS_CONFIG);
    CHECK(made == NULL);
}

/* ---- the cache ----------------------------------------------------------------------------- */

typedef struct world {
    fiks_token_cache *cache;
    fiks_key *rsa;
    fiks_token_key *key;
} world;

static world setup(void)
{
    world w = {.cache = fiks_token_cache_new(), .rsa = test_key("en")};
    fiks_token_inputs in = inputs_with(w.rsa);
    CHECK(w.cache != NULL);
    w.key = make_key(&in);
    return w;
}

static void teardown(world *w)
{
    fiks_token_cache_free(w->cache);
    fiks_token_key_free(w->key);
    fiks_key_free(w->rsa);
}

/* Asks, and checks the answer and the token ("" = none). */
static void ask(world *w, int64_t ms, uint64_t *flight, fiks_token_want want, const char *token)
{
    fiks_buf out = {0};
    fiks_error err = {0};
    fiks_token_want got = fiks_token_cache_get(w->cache, w->key, at(ms), flight, &out, &err);
    if (got != want)
        TEST_FAIL("at %lld ms: %d, expected %d (%s)", (long long)ms, got, want, err.message);
    CHECK_STR(out.data ? out.data : "", token);
    CHECK_EQ_INT(err.kind != FIKS_OK, want == FIKS_TOKEN_FAILED);
    bool flying =
        want == FIKS_TOKEN_FETCH || want == FIKS_TOKEN_WAIT || want == FIKS_TOKEN_READY_REFRESH;
    CHECK_EQ_INT(*flight != 0, flying);
    fiks_buf_free(&out);
}

static void put(world *w, uint64_t flight, const char *text, int64_t lifetime_s, int64_t ms)
{
    fiks_token token = {.access_token = strdup(text),
                        .scope = strdup("ks:fiks"),
                        .lifetime_ms = lifetime_s * 1000,
                        .sent = at(ms)};
    fiks_token_cache_put(w->cache, w->key, flight, &token, at(ms));
    CHECK(token.access_token == NULL);
}

static void fail(world *w, uint64_t flight, bool retryable, int64_t retry_after_ms, int64_t ms)
{
    fiks_error why = {.kind = retryable ? FIKS_SERVER : FIKS_DENIED,
                      .retryable = retryable,
                      .retry_after_ms = retry_after_ms};
    snprintf(why.message, sizeof why.message, "failed at %lld", (long long)ms);
    fiks_token_cache_fail(w->cache, w->key, flight, &why, at(ms));
}

TEST(one_is_elected_and_all_get_the_token)
{
    world w = setup();
    uint64_t first = 0, second = 0, third = 0;
    ask(&w, 0, &first, FIKS_TOKEN_FETCH, "");
    ask(&w, 1, &second, FIKS_TOKEN_WAIT, "");
    CHECK_EQ_INT(first, second);
    ask(&w, 2, &first, FIKS_TOKEN_WAIT, "");
    uint64_t generation = fiks_token_cache_generation(w.cache);
    put(&w, first, "t1", 120, 3);
    CHECK(fiks_token_cache_generation(w.cache) != generation);
    ask(&w, 4, &first, FIKS_TOKEN_READY, "t1");
    ask(&w, 4, &second, FIKS_TOKEN_READY, "t1");
    ask(&w, 90000, &third, FIKS_TOKEN_READY, "t1");
    teardown(&w);
}

TEST(a_stale_token_serves_while_one_refreshes)
{
    world w = setup();
    uint64_t a = 0, b = 0, refresh = 0;
    ask(&w, 0, &a, FIKS_TOKEN_FETCH, "");
    put(&w, a, "t1", 120, 0);
    ask(&w, 95000, &refresh, FIKS_TOKEN_READY_REFRESH, "t1");
    a = 0;
    ask(&w, 95001, &a, FIKS_TOKEN_READY, "t1");
    ask(&w, 111000, &b, FIKS_TOKEN_WAIT, ""); /* expired meanwhile */
    CHECK_EQ_INT(b, refresh);
    put(&w, refresh, "t2", 120, 112000);
    ask(&w, 112001, &b, FIKS_TOKEN_READY, "t2");
    teardown(&w);
}

TEST(a_failed_refresh_is_invisible_while_the_token_lasts)
{
    world w = setup();
    uint64_t a = 0, refresh = 0;
    ask(&w, 0, &a, FIKS_TOKEN_FETCH, "");
    put(&w, a, "t1", 120, 0);
    ask(&w, 91000, &refresh, FIKS_TOKEN_READY_REFRESH, "t1");
    fail(&w, refresh, true, 0, 92000);
    a = 0;
    ask(&w, 92500, &a, FIKS_TOKEN_READY, "t1"); /* remembered: no storm */
    ask(&w, 93300, &a, FIKS_TOKEN_READY_REFRESH, "t1");
    fail(&w, a, false, 0, 93300);
    a = 0;
    ask(&w, 98200, &a, FIKS_TOKEN_READY, "t1");
    CHECK_EQ_INT(a, 0);
    teardown(&w);
}

/* The time from a failure at `ms` until somebody is elected again. */
static int64_t pause_from(world *w, int64_t ms)
{
    int64_t t = ms;
    uint64_t flight = 0;
    fiks_buf out = {0};
    fiks_error err = {0};
    while (t < ms + 200000 && fiks_token_cache_get(w->cache, w->key, at(t), &flight, &out, &err) ==
                                  FIKS_TOKEN_FAILED) {
        CHECK_HAS(err.message, "failed at");
        t += 10;
        flight = 0;
    }
    fiks_token_cache_abandon(w->cache, w->key, flight);
    return t - ms;
}

static void check_pauses(bool retryable, int64_t retry_after_ms, const int64_t *expected_s,
                         size_t count)
{
    world w = setup();
    int64_t now = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t flight = 0;
        ask(&w, now, &flight, FIKS_TOKEN_FETCH, "");
        fail(&w, flight, retryable, retry_after_ms, now);
        int64_t pause = pause_from(&w, now), least = expected_s[i] * 1000;
        if (pause < least || pause > least + least / 4 + 20)
            TEST_FAIL("pause %zu is %lld ms", i, (long long)pause);
        now += pause;
    }
    teardown(&w);
}

TEST(failures_are_remembered_longer_and_longer)
{
    check_pauses(true, 0, (int64_t[]){1, 2, 4, 8, 15, 15}, 6);
    check_pauses(false, 0, (int64_t[]){5, 10, 10}, 3);
    check_pauses(true, 7000, (int64_t[]){7, 7, 7, 8}, 4);
    check_pauses(true, 3600000, (int64_t[]){60}, 1);
}

TEST(waiters_get_the_failure_of_their_flight)
{
    world w = setup();
    uint64_t owner = 0, waiter = 0, late = 0;
    ask(&w, 0, &owner, FIKS_TOKEN_FETCH, "");
    ask(&w, 1, &waiter, FIKS_TOKEN_WAIT, "");
    late = waiter;
    fail(&w, owner, true, 0, 2);
    ask(&w, 3, &waiter, FIKS_TOKEN_FAILED, "");
    ask(&w, 3, &owner, FIKS_TOKEN_FAILED, "");
    ask(&w, 10000, &late, FIKS_TOKEN_FAILED, ""); /* also after the pause: it was this flight */
    ask(&w, 10000, &waiter, FIKS_TOKEN_FETCH, "");
    teardown(&w);
}

TEST(a_success_forgets_failures)
{
    world w = setup();
    uint64_t flight = 0;
    ask(&w, 0, &flight, FIKS_TOKEN_FETCH, "");
    fail(&w, flight, true, 0, 0);
    flight = 0;
    ask(&w, 2000, &flight, FIKS_TOKEN_FETCH, "");
    put(&w, flight, "t", 12, 2000);
    flight = 0;
    ask(&w, 20000, &flight, FIKS_TOKEN_FETCH, "");
    fail(&w, flight, true, 0, 20000);
    flight = 0;
    ask(&w, 21260, &flight, FIKS_TOKEN_FETCH, ""); /* one second again, not two */
    teardown(&w);
}

TEST(an_abandoned_flight_elects_the_next)
{
    world w = setup();
    uint64_t owner = 0, waiter = 0;
    ask(&w, 0, &owner, FIKS_TOKEN_FETCH, "");
    ask(&w, 1, &waiter, FIKS_TOKEN_WAIT, "");
    uint64_t generation = fiks_token_cache_generation(w.cache);
    fiks_token_cache_abandon(w.cache, w.key, owner);
    CHECK(fiks_token_cache_generation(w.cache) != generation);
    ask(&w, 2, &waiter, FIKS_TOKEN_FETCH, "");
    CHECK(waiter != owner);
    put(&w, owner, "late", 120, 3); /* no longer its flight */
    ask(&w, 4, &waiter, FIKS_TOKEN_WAIT, "");
    fail(&w, owner, true, 0, 4);
    fiks_token_cache_abandon(w.cache, w.key, owner);
    ask(&w, 5, &waiter, FIKS_TOKEN_WAIT, "");
    put(&w, waiter, "t", 120, 6);
    ask(&w, 7, &waiter, FIKS_TOKEN_READY, "t");
    teardown(&w);
}

TEST(a_flight_that_vanished_is_replaced)
{
    world w = setup();
    uint64_t owner = 0, other = 0;
    ask(&w, 0, &owner, FIKS_TOKEN_FETCH, "");
    ask(&w, 119999, &other, FIKS_TOKEN_WAIT, "");
    ask(&w, 120000, &other, FIKS_TOKEN_FETCH, "");
    CHECK(other != owner);
    teardown(&w);
}

TEST(a_token_without_life_is_used_once)
{
    world w = setup();
    uint64_t owner = 0, waiter = 0, newcomer = 0;
    ask(&w, 0, &owner, FIKS_TOKEN_FETCH, "");
    ask(&w, 1, &waiter, FIKS_TOKEN_WAIT, "");
    put(&w, owner, "once", 0, 2);
    ask(&w, 3, &owner, FIKS_TOKEN_READY, "once");
    ask(&w, 3, &waiter, FIKS_TOKEN_READY, "once");
    ask(&w, 4, &newcomer, FIKS_TOKEN_FETCH, "");
    fiks_token copy;
    CHECK(!fiks_token_cache_peek(w.cache, w.key, at(4), &copy));
    teardown(&w);
}

TEST(only_the_rejected_token_is_dropped)
{
    world w = setup();
    uint64_t flight = 0;
    CHECK(!fiks_token_cache_invalidate(w.cache, w.key, NULL));
    ask(&w, 0, &flight, FIKS_TOKEN_FETCH, "");
    put(&w, flight, "t2", 120, 0);
    CHECK(!fiks_token_cache_invalidate(w.cache, w.key, "t1"));
    flight = 0;
    ask(&w, 1, &flight, FIKS_TOKEN_READY, "t2");
    CHECK(fiks_token_cache_invalidate(w.cache, w.key, "t2"));
    CHECK(!fiks_token_cache_invalidate(w.cache, w.key, "t2"));
    ask(&w, 2, &flight, FIKS_TOKEN_FETCH, "");
    put(&w, flight, "t3", 120, 2);
    CHECK(fiks_token_cache_invalidate(w.cache, w.key, NULL));
    ask(&w, 3, &flight, FIKS_TOKEN_FETCH, ""); /* its own flight's token was dropped */
    teardown(&w);
}

TEST(peek_elects_nobody)
{
    world w = setup();
    fiks_token copy;
    uint64_t flight = 0;
    CHECK(!fiks_token_cache_peek(w.cache, w.key, at(0), &copy));
    ask(&w, 0, &flight, FIKS_TOKEN_FETCH, "");
    CHECK(!fiks_token_cache_peek(w.cache, w.key, at(0), &copy));
    put(&w, flight, "t", 120, 0);
    CHECK(fiks_token_cache_peek(w.cache, w.key, at(100000), &copy));
    CHECK_STR(copy.access_token, "t");
    CHECK_EQ_INT(fiks_token_expires_ms(&copy), at(120000).wall_ms);
    fiks_token_clear(&copy);
    flight = 0;
    ask(&w, 100001, &flight, FIKS_TOKEN_READY_REFRESH, "t");
    CHECK(!fiks_token_cache_peek(w.cache, w.key, at(111000), &copy));
    teardown(&w);
}

TEST(entries_are_apart_and_old_ones_go)
{
    world w = setup();
    fiks_token_key *keys[300], *first = w.key;
    char org[16];
    for (int i = 0; i < 300; i++) {
        fiks_token_inputs in = inputs_with(w.rsa);
        snprintf(org, sizeof org, "%09d", i);
        in.consumer_org = org;
        keys[i] = w.key = make_key(&in);
        uint64_t flight = 0;
        ask(&w, 0, &flight, FIKS_TOKEN_FETCH, "");
        put(&w, flight, org, 120, 0);
    }
    for (int i = 0; i < 300; i++) {
        uint64_t flight = 0;
        w.key = keys[i];
        snprintf(org, sizeof org, "%09d", i);
        ask(&w, 1000, &flight, FIKS_TOKEN_READY, org);
    }
    for (int i = 0; i < 300; i++) { /* much later all are dead, and dropped on the way */
        uint64_t flight = 0;
        fiks_token_inputs in = inputs_with(w.rsa);
        snprintf(org, sizeof org, "%09d", 1000 + i);
        in.consumer_org = org;
        w.key = make_key(&in);
        ask(&w, 9000000, &flight, FIKS_TOKEN_FETCH, "");
        fiks_token_key_free(w.key);
        fiks_token_key_free(keys[i]);
    }
    w.key = first;
    teardown(&w);
}

/* ---- threads and forks --------------------------------------------------------------------- */

enum { THREADS = 32 };

typedef struct asker {
    world *w;
    pthread_barrier_t *start;
    int elected;
    bool served;
} asker;

static void *ask_cold(void *data)
{
    asker *a = data;
    uint64_t flight = 0;
    pthread_barrier_wait(a->start);
    for (int i = 0; i < 100000 && !a->served; i++) {
        fiks_buf out = {0};
        fiks_token_want want =
            fiks_token_cache_get(a->w->cache, a->w->key, at(0), &flight, &out, NULL);
        if (want == FIKS_TOKEN_FETCH) {
            a->elected++;
            fiks_token token = {.access_token = strdup("t"),
                                .scope = strdup("s"),
                                .lifetime_ms = 120000,
                                .sent = at(0)};
            sched_yield();
            fiks_token_cache_put(a->w->cache, a->w->key, flight, &token, at(0));
        }
        a->served = want == FIKS_TOKEN_READY && strcmp(out.data, "t") == 0;
        fiks_buf_free(&out);
        if (!a->served)
            sched_yield();
    }
    return NULL;
}

TEST(threads_on_a_cold_cache_elect_one)
{
    world w = setup();
    for (int round = 0; round < 20; round++) {
        pthread_t threads[THREADS];
        asker askers[THREADS];
        pthread_barrier_t start;
        int elected = 0, served = 0;
        pthread_barrier_init(&start, NULL, THREADS);
        for (int i = 0; i < THREADS; i++) {
            askers[i] = (asker){.w = &w, .start = &start};
            CHECK(pthread_create(&threads[i], NULL, ask_cold, &askers[i]) == 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            elected += askers[i].elected;
            served += askers[i].served;
        }
        pthread_barrier_destroy(&start);
        CHECK_EQ_INT(elected, 1);
        CHECK_EQ_INT(served, THREADS);
        CHECK(fiks_token_cache_invalidate(w.cache, w.key, NULL));
    }
    teardown(&w);
}

static int child_sees_an_empty_cache(world *w, fiks_token_cache *parents)
{
    fiks_token copy;
    fiks_token_cache *mine = fiks_token_cache_process();
    if (!mine || mine == parents)
        return 1;
    return fiks_token_cache_peek(mine, w->key, at(1), &copy) ? 2 : 0;
}

TEST(a_forked_child_starts_anew)
{
    world w = setup();
    uint64_t flight = 0;
    fiks_token_cache_free(w.cache);
    w.cache = fiks_token_cache_process();
    CHECK(w.cache && w.cache == fiks_token_cache_process());
    ask(&w, 0, &flight, FIKS_TOKEN_FETCH, "");
    put(&w, flight, "t", 120, 0);
    pid_t child = fork();
    if (child == 0)
        _exit(child_sees_an_empty_cache(&w, w.cache));
    int status = 0;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK_EQ_INT(WEXITSTATUS(status), 0);
    ask(&w, 1, &flight, FIKS_TOKEN_READY, "t");
    w.cache = NULL; /* lives as long as the process */
    teardown(&w);
}

TEST(without_a_cache_it_is_memory)
{
    world w = setup();
    uint64_t flight = 0;
    fiks_buf out = {0};
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_token_cache_get(NULL, w.key, at(0), &flight, &out, &err), FIKS_TOKEN_FAILED);
    CHECK_EQ_INT(err.kind, FIKS_MEMORY);
    CHECK(!fiks_token_cache_invalidate(NULL, w.key, NULL));
    fiks_token_cache_abandon(NULL, w.key, 1);
    fiks_token_cache_free(NULL);
    teardown(&w);
}

int main(void)
{
    return run_tests("test_token_cache");
}
