#include "harness.h"

#include "retry.h"
#include "retry_budget.h"

static const fiks_outcome refused = {.kind = FIKS_NETWORK, .sent = false, .retry_after_ms = -1};
static const fiks_outcome cut = {.kind = FIKS_NETWORK, .sent = true, .retry_after_ms = -1};

static fiks_outcome answer(int status, int64_t retry_after_ms)
{
    return (fiks_outcome){
        .kind = FIKS_OK, .http_status = status, .sent = true, .retry_after_ms = retry_after_ms};
}

TEST(what_never_left_is_repeated_always)
{
    CHECK_EQ_INT(fiks_retry_wait(&refused, false, 1, 10000, 0), 0);
    CHECK_EQ_INT(fiks_retry_wait(&refused, true, 1, 10000, 0), 0);
}

TEST(what_may_have_arrived_only_when_idempotent)
{
    CHECK_EQ_INT(fiks_retry_wait(&cut, false, 1, 10000, 0), -1);
    CHECK_EQ_INT(fiks_retry_wait(&cut, true, 1, 10000, 0), 0);
    static const int passing[] = {408, 425, 429, 500, 502, 503, 504};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        fiks_outcome o = answer(passing[i], -1);
        CHECK_EQ_INT(fiks_retry_wait(&o, false, 1, 10000, 0), -1);
        CHECK_EQ_INT(fiks_retry_wait(&o, true, 1, 10000, 0), 0);
        CHECK(fiks_retry_could_help(&o));
    }
}

TEST(permanent_answers_are_not_repeated)
{
    static const int permanent[] = {200, 301, 400, 401, 403, 404, 409, 413, 422, 501};
    for (size_t i = 0; i < sizeof permanent / sizeof *permanent; i++) {
        fiks_outcome o = answer(permanent[i], -1);
        CHECK_EQ_INT(fiks_retry_wait(&o, true, 1, 10000, 0), -1);
    }
    fiks_outcome tls = {.kind = FIKS_TLS, .retry_after_ms = -1};
    CHECK_EQ_INT(fiks_retry_wait(&tls, true, 1, 10000, 0), -1);
}

TEST(tries_are_bounded)
{
    CHECK_EQ_INT(fiks_retry_wait(&refused, true, FIKS_MAX_TRIES - 1, 10000, 0), 0);
    CHECK_EQ_INT(fiks_retry_wait(&refused, true, FIKS_MAX_TRIES, 10000, 0), -1);
}

TEST(pause_is_drawn_from_zero_to_a_doubling_ceiling)
{
    for (uint32_t r = 0; r < 5000; r += 7) {
        CHECK(fiks_retry_wait(&refused, true, 1, 100000, r) <= 500);
        CHECK(fiks_retry_wait(&refused, true, 2, 100000, r) <= 1000);
    }
    CHECK_EQ_INT(fiks_retry_wait(&refused, true, 1, 100000, 500), 500);
    CHECK_EQ_INT(fiks_retry_wait(&refused, true, 2, 100000, 1000), 1000);
}

TEST(retry_after_is_a_floor_and_the_deadline_a_ceiling)
{
    fiks_outcome o = answer(503, 3000);
    CHECK_EQ_INT(fiks_retry_wait(&o, true, 1, 10000, 17), 3000);
    CHECK_EQ_INT(fiks_retry_wait(&o, true, 1, 3000, 17), -1);
    CHECK_EQ_INT(fiks_retry_wait(&o, true, 1, 3001, 17), 3000);
}

TEST(retry_after_header)
{
    int64_t now = 1700000000000; /* Tue, 14 Nov 2023 22:13:20 GMT */
    CHECK_EQ_INT(fiks_retry_after_ms("2", now), 2000);
    CHECK_EQ_INT(fiks_retry_after_ms("0", now), 0);
    CHECK_EQ_INT(fiks_retry_after_ms("Tue, 14 Nov 2023 22:13:25 GMT", now), 5000);
    CHECK_EQ_INT(fiks_retry_after_ms("Tue, 14 Nov 2023 22:00:00 GMT", now), 0);
    CHECK_EQ_INT(fiks_retry_after_ms("99999999999999999999", now), 3600000);
    CHECK_EQ_INT(fiks_retry_after_ms("Fri, 14 Nov 2053 22:00:00 GMT", now), 3600000);
    static const char *const bad[] = {"", "soon", "2 s", "-1", "1.5", "Tue, 14 Nov 2023"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_EQ_INT(fiks_retry_after_ms(bad[i], now), -1);
    CHECK_EQ_INT(fiks_retry_after_ms(NULL, now), -1);
}

TEST(a_host_has_a_budget_of_tries)
{
    static fiks_budget budget;
    int granted = 0;
    for (int i = 0; i < 1000; i++)
        granted += fiks_budget_take(&budget, "https://a.example:443/x/1", 1000);
    CHECK_EQ_INT(granted, 50);
    CHECK(fiks_budget_take(&budget, "https://b.example/x", 1000)); /* another host's is its own */
    for (int i = 0; i < 5; i++)
        fiks_budget_answer(&budget, "https://a.example:443/y?z");
    CHECK(fiks_budget_take(&budget, "https://a.example:443/z", 1000));
    CHECK(!fiks_budget_take(&budget, "https://a.example:443/z", 1000));
    /* time gives back, also to who asks more often than that */
    granted = 0;
    for (int64_t ms = 1100; ms <= 11000; ms += 50)
        granted += fiks_budget_take(&budget, "https://a.example:443/", ms);
    CHECK(granted >= 9 && granted <= 11);
}

TEST(hosts_without_trouble_cost_nothing_and_old_trouble_gives_way)
{
    static fiks_budget budget;
    char url[64];
    fiks_budget_answer(&budget, "https://a.example/");
    CHECK_EQ_INT(budget.used, 0);
    for (int i = 0; i < 3 * FIKS_BUDGET_HOSTS; i++) {
        snprintf(url, sizeof url, "https://h%d.example/", i);
        CHECK(fiks_budget_take(&budget, url, i));
    }
    CHECK_EQ_INT(budget.used, FIKS_BUDGET_HOSTS);
    for (int i = 0; i < 49; i++)
        CHECK(fiks_budget_take(&budget, url, 3 * FIKS_BUDGET_HOSTS));
    CHECK(!fiks_budget_take(&budget, url, 3 * FIKS_BUDGET_HOSTS));
}

int main(void)
{
    return run_tests("test_retry");
}
