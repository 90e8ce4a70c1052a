/* When a transfer has come to a halt: times only, no clock. */
#include "harness.h"

#include "watch.h"

enum { START = 1000 };

static const fiks_limits limits = {
    .connect_ms = 5, .first_byte_ms = 300, .idle_ms = 100, .min_bytes_per_s = 1000};

static fiks_watch begun(bool sent_all)
{
    fiks_watch w;
    fiks_watch_start(&w, &limits, INT64_MAX, START);
    fiks_watch_begin(&w, sent_all, START);
    return w;
}

static fiks_halt at(fiks_watch *w, int64_t after_ms)
{
    int64_t next;
    return fiks_watch_check(w, START + after_ms, &next);
}

TEST(a_try_has_a_deadline_whatever_happens)
{
    fiks_watch w;
    fiks_watch_start(&w, &limits, START + 50, START);
    CHECK_EQ_INT(at(&w, 49), FIKS_HALT_NONE);
    CHECK_EQ_INT(at(&w, 50), FIKS_HALT_DEADLINE);
    fiks_watch_hold(&w, true, START + 49);
    CHECK_EQ_INT(at(&w, 50), FIKS_HALT_DEADLINE);
}

TEST(connecting_is_not_its_business)
{
    fiks_watch w;
    fiks_watch_start(&w, &limits, INT64_MAX, START);
    CHECK_EQ_INT(at(&w, 100000), FIKS_HALT_NONE);
}

TEST(an_answer_must_begin)
{
    fiks_watch w = begun(true);
    CHECK_EQ_INT(at(&w, 299), FIKS_HALT_NONE);
    CHECK_EQ_INT(at(&w, 300), FIKS_HALT_FIRST_BYTE);
}

TEST(a_body_that_is_not_taken_is_idle)
{
    fiks_watch w = begun(false);
    fiks_watch_sent(&w, false, START + 50);
    CHECK_EQ_INT(at(&w, 149), FIKS_HALT_NONE);
    CHECK_EQ_INT(at(&w, 150), FIKS_HALT_IDLE);
    fiks_watch_sent(&w, true, START + 100); /* from now on it is the answer that must begin */
    CHECK_EQ_INT(at(&w, 399), FIKS_HALT_NONE);
    CHECK_EQ_INT(at(&w, 400), FIKS_HALT_FIRST_BYTE);
}

TEST(an_answer_that_stops_is_idle)
{
    fiks_watch w = begun(true);
    fiks_watch_came(&w, 0, START + 250);
    CHECK_EQ_INT(at(&w, 349), FIKS_HALT_NONE);
    CHECK_EQ_INT(at(&w, 350), FIKS_HALT_IDLE);
}

TEST(headers_now_and_then_are_no_answer)
{
    fiks_watch w = begun(true);
    for (int ms = 200; ms < 300; ms += 10)
        fiks_watch_came(&w, 0, START + ms);
    CHECK_EQ_INT(at(&w, 299), FIKS_HALT_NONE);
    CHECK_EQ_INT(at(&w, 300), FIKS_HALT_IDLE);
    fiks_watch_came(&w, 1, START + 299);
    CHECK_EQ_INT(at(&w, 300), FIKS_HALT_NONE);
}

TEST(one_byte_now_and_then_is_too_slow)
{
    fiks_watch w = begun(true);
    for (int ms = 0; ms <= 90; ms += 10)
        fiks_watch_came(&w, 1, START + ms);
    CHECK_EQ_INT(at(&w, 99), FIKS_HALT_NONE);
    CHECK_EQ_INT(at(&w, 100), FIKS_HALT_SLOW);
}

TEST(each_window_counts_anew)
{
    fiks_watch w = begun(true);
    fiks_watch_came(&w, 1000000, START);
    CHECK_EQ_INT(at(&w, 100), FIKS_HALT_IDLE);
    fiks_watch_came(&w, 1, START + 99);
    CHECK_EQ_INT(at(&w, 100), FIKS_HALT_NONE); /* the first was fast */
    fiks_watch_came(&w, 1, START + 150);
    CHECK_EQ_INT(at(&w, 200), FIKS_HALT_SLOW);
}

TEST(what_we_hold_up_is_nobodys_fault)
{
    fiks_watch w = begun(true);
    fiks_watch_came(&w, 1, START);
    fiks_watch_hold(&w, true, START + 10);
    CHECK_EQ_INT(at(&w, 100000), FIKS_HALT_NONE);
    fiks_watch_hold(&w, false, START + 100000);
    CHECK_EQ_INT(at(&w, 100099), FIKS_HALT_NONE);
    CHECK_EQ_INT(at(&w, 100100), FIKS_HALT_IDLE);
}

/* The pump looks when it was told to: nothing may be wrong unseen before that. */
TEST(it_says_when_to_look_again)
{
    int64_t next;
    fiks_watch w;
    fiks_watch_start(&w, &limits, INT64_MAX, START);
    fiks_watch_check(&w, START, &next);
    CHECK(next <= START + 100); /* it may connect, be answered and fall silent at once */
    fiks_watch_begin(&w, true, START + 1);
    fiks_watch_check(&w, START + 290, &next);
    CHECK_EQ_INT(next, START + 301);
    fiks_watch_came(&w, 0, START + 299);
    fiks_watch_check(&w, START + 301, &next);
    CHECK_EQ_INT(next, START + 399);
    static const fiks_limits none;
    fiks_watch_start(&w, &none, START + 7, START);
    fiks_watch_check(&w, START, &next);
    CHECK_EQ_INT(next, START + 7);
}

int main(void)
{
    return run_tests("test_watch");
}
