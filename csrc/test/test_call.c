/* The state machine of a call, driven by a script of answers and a clock that jumps: no network. */
#include "call_script.h"

TEST(token_first_then_the_call_with_its_three_headers)
{
    fiks_client *client = new_client("headers", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    CHECK_STR(flight->send.url, TOKEN_URL);
    CHECK_STR(flight->send.method, "POST");
    CHECK_HAS(flight->send.body,
              "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
    CHECK(header(flight, "Authorization") == NULL && header(flight, "Integrasjon") == NULL);
    answer_token(flight, "abc.def.ghi");
    step(flight, FIKS_STEP_DONE);
    fiks_call_unmake(flight);

    step(call, FIKS_STEP_SEND);
    CHECK_STR(call->send.url, URL "/innsyn-index/api/v2/indexRequest");
    CHECK_STR(call->send.method, "PUT");
    CHECK_STR(header(call, "Authorization: "), "Bearer abc.def.ghi");
    CHECK_STR(header(call, "IntegrasjonId: "), ID);
    CHECK_STR(header(call, "IntegrasjonPassord: "), "hemmelig: \xc3\xa6");
    CHECK_STR(header(call, "Content-Type: "), "application/json");
    answer(call, 200, "{}", NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_OK);
    CHECK_EQ_INT(call->response.attempts, 1);
    CHECK_STR(call->response.body, "{}");
    fiks_call_unmake(call);

    call = new_call(client, "innsyn.v2.index"); /* cached now */
    CHECK(step(call, FIKS_STEP_SEND) == NULL);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(contract_of_2018_names_its_password_header)
{
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.contract = "2018";
    o.environment = "test";
    o.client_id = "x";
    o.key = test_key();
    fiks_client *client;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_client_new(&o, &client, &err), FIKS_CONFIG);
    CHECK_HAS(err.message, "gone");
    o.client_id = NULL;
    o.key = NULL;
    o.integrasjon_id = "3D1F6F0A-52C4-4A5E-9A53-0C1D8C1F4B01";
    o.integrasjon_passord = "p";
    fiks_error_clear(&err);
    CHECK_OK(fiks_client_new(&o, &client, &err), err);
    CHECK_STR(client->header_id, "IntegrasjonId: " ID);
    CHECK_STR(client->header_passord, "ServicePassword: p");
    fiks_client_free(client);
}

TEST(token_401_gets_one_new_token_and_one_retry)
{
    static const char blamed[] = "{\"message\":\"Klarte ikke \xc3\xa5 validere access_token\"}";
    fiks_client *client = new_client("renew", "current");
    fiks_call *call = new_call(client, "fiksio.send"); /* a POST: a 401 did nothing, so it may */
    fetch_token(call, "old");
    answer(call, 401, blamed, NULL);
    fetch_token(call, "new");
    CHECK_STR(header(call, "Authorization: "), "Bearer new");
    answer(call, 401, blamed, NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_AUTH);
    CHECK_HAS(call->error.message, "whoever runs this program checks that the token is of the");
    CHECK_EQ_INT(call->error.attempts, 2);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(integrasjon_401_is_final_and_says_why)
{
    fiks_client *client = new_client("blamed", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "t");
    answer(call, 401,
           "{\"message\":\"Autentisering feilet for integrasjon med id x\",\"errorId\":\"e-1\"}",
           NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_AUTH);
    CHECK_EQ_INT(call->error.attempts, 1);
    CHECK_STR(call->error.error_id, "e-1");
    CHECK_STR(call->error.operation, "innsyn.v2.index");
    CHECK_HAS(call->error.message, "password");
    CHECK_HAS(call->error.message, "authorised organisation");
    CHECK(!call->error.retryable);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(idempotent_calls_wait_as_long_as_the_server_asks)
{
    fiks_client *client = new_client("503", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "t");
    answer(call, 503, "", "2");
    step(call, FIKS_STEP_WAIT);
    CHECK_EQ_INT(call->wake_ms, now().mono_ms + 2000);
    clock_ms += 1999;
    step(call, FIKS_STEP_WAIT);
    clock_ms += 1;
    step(call, FIKS_STEP_SEND);
    answer(call, 200, "{}", NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_OK);
    CHECK_EQ_INT(call->response.attempts, 2);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(an_answer_after_a_lost_one_is_not_the_whole_truth)
{
    fiks_client *client = new_client("uncertain", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "t");
    answer(call, 503, "", NULL); /* what it did with the request nobody knows */
    step(call, FIKS_STEP_SEND);
    answer(call, 400, "{}", NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_REJECTED);
    CHECK(call->error.uncertain);
    fiks_call_unmake(call);
    call = new_call(client, "innsyn.v2.index");
    step(call, FIKS_STEP_SEND);
    answer(call, 429, "", NULL); /* this one refused */
    step(call, FIKS_STEP_SEND);
    answer(call, 400, "{}", NULL);
    step(call, FIKS_STEP_DONE);
    CHECK(!call->error.uncertain);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_post_that_may_have_arrived_is_not_repeated)
{
    fiks_client *client = new_client("post", "current");
    fiks_call *call = new_call(client, "fiksio.send");
    fetch_token(call, "t");
    answer(call, 503, "", "1");
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_SERVER);
    CHECK(call->error.retryable);
    CHECK_EQ_INT(call->error.retry_after_ms, 1000);
    fiks_call_unmake(call);

    call = new_call(client, "fiksio.send");
    step(call, FIKS_STEP_SEND);
    call->error.kind = FIKS_NETWORK;
    fiks_answer never_left = {.kind = FIKS_NETWORK, .sent = false, .content_type = ""};
    fiks_call_answered(call, &never_left, now(), 0);
    step(call, FIKS_STEP_SEND);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(one_deadline_over_all_tries)
{
    fiks_client *client = new_client("deadline", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "t");
    int64_t deadline_ms = call->send.deadline_ms, left = deadline_ms - now().mono_ms;
    clock_ms += 1000;
    answer(call, 503, "", NULL);
    step(call, FIKS_STEP_SEND);
    CHECK_EQ_INT(call->send.deadline_ms, deadline_ms);
    answer(call, 503, "", "100");
    step(call, FIKS_STEP_WAIT);
    clock_ms += left;
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_TIMEOUT);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_cold_cache_has_one_flight_and_all_share_its_failure)
{
    fiks_client *client = new_client("shared", "current");
    fiks_call *first = new_call(client, "innsyn.v2.index");
    fiks_call *second = new_call(client, "fiksio.send");
    fiks_call *flight = step(first, FIKS_STEP_TOKEN);
    CHECK(flight != NULL);
    CHECK(step(second, FIKS_STEP_TOKEN) == NULL);
    CHECK(step(first, FIKS_STEP_TOKEN) == NULL);
    step(flight, FIKS_STEP_SEND);
    answer(flight, 400,
           "{\"error\":\"invalid_grant\",\"error_description\":\"Unknown (trace_id: "
           "0123456789abcdef0123456789abcdef)\",\"error_uri\":"
           "\"https:\\/\\/maskinporten.no\\/errors\\/MP-100\"}",
           NULL);
    step(flight, FIKS_STEP_DONE);
    step(first, FIKS_STEP_DONE);
    step(second, FIKS_STEP_DONE);
    CHECK_EQ_INT(first->error.kind, FIKS_DENIED);
    CHECK_STR(first->error.mp_code, "MP-100");
    CHECK_STR(first->error.oauth_error, "invalid_grant");
    CHECK_STR(first->error.trace_id, "0123456789abcdef0123456789abcdef");
    CHECK_EQ_INT(strlen(first->error.jti), 36);
    CHECK_STR(first->error.operation, "token");
    CHECK_STR(second->error.jti, first->error.jti);
    fiks_call_unmake(flight);
    fiks_call_unmake(first);
    fiks_call_unmake(second);
    fiks_client_free(client);
}

TEST(every_try_for_a_token_has_its_own_grant)
{
    fiks_client *client = new_client("jti", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    char jti[40], *assertion = strdup(flight->send.body);
    strcpy(jti, flight->jti);
    answer(flight, 503, "", NULL);
    step(flight, FIKS_STEP_SEND);
    CHECK(strcmp(jti, flight->jti) != 0);
    CHECK(strcmp(assertion, flight->send.body) != 0);
    answer_token(flight, "t");
    step(flight, FIKS_STEP_DONE);
    step(call, FIKS_STEP_SEND);
    free(assertion);
    fiks_call_unmake(flight);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_cancelled_flight_lets_the_next_one_try)
{
    fiks_client *client = new_client("abandon", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    atomic_store(&flight->cancelled, true);
    step(flight, FIKS_STEP_DONE);
    fiks_call *next = step(call, FIKS_STEP_TOKEN);
    CHECK(next != NULL);
    atomic_store(&call->cancelled, true);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_CANCELLED);
    fiks_call_unmake(flight);
    fiks_call_unmake(next);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_web_page_is_no_answer)
{
    fiks_client *client = new_client("html", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "t");
    answer(call, 200, "\xEF\xBB\xBF \n<html>Logg inn</html>", NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_PROTOCOL);
    CHECK_HAS(call->error.message, "Logg inn");
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(an_answer_larger_than_allowed_is_cut)
{
    fiks_client *client = new_client("large", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    call->max_answer_bytes = 10;
    fetch_token(call, "t");
    fiks_call_head(call, 200, "application/json", "", "");
    CHECK_EQ_INT(fiks_call_body(call, "[1,2,3,4]", 9), FIKS_FEED_MORE);
    CHECK_EQ_INT(fiks_call_body(call, "  ", 2), FIKS_FEED_FAILED);
    CHECK_EQ_INT(call->error.kind, FIKS_LIMIT);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_huge_error_body_does_not_hide_its_status)
{
    fiks_client *client = new_client("huge-error", "current");
    fiks_call *call = new_call(client, "fiksio.send");
    fetch_token(call, "t");
    fiks_call_head(call, 502, "text/html", "", "");
    static char page[4096];
    memset(page, 'x', sizeof page);
    for (int i = 0; i < 512; i++)
        CHECK_EQ_INT(fiks_call_body(call, page, sizeof page), FIKS_FEED_MORE);
    CHECK_EQ_INT(fiks_call_body(call, page, sizeof page), FIKS_FEED_ENOUGH);
    CHECK_EQ_INT(call->error.kind, FIKS_OK);
    fiks_call_head(call, 502, "text/html", "", "gzip");
    for (int i = 0; i < 256; i++)
        CHECK_EQ_INT(fiks_call_body(call, page, sizeof page), FIKS_FEED_MORE);
    CHECK_EQ_INT(fiks_call_body(call, page, sizeof page), FIKS_FEED_ENOUGH);
    fiks_answer a = {.kind = FIKS_OK, .sent = true, .status = 502, .content_type = "text/html"};
    fiks_call_answered(call, &a, now(), 0);
    CHECK_EQ_INT(call->error.kind, FIKS_SERVER);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_compressed_answer_is_none_but_a_status_stays)
{
    fiks_client *client = new_client("coded", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "t");
    fiks_call_head(call, 200, "application/json", "", "Identity");
    CHECK_EQ_INT(fiks_call_body(call, "{}", 2), FIKS_FEED_MORE);
    fiks_call_head(call, 404, "application/json", "", "gzip");
    CHECK_EQ_INT(fiks_call_body(call, "\x1f\x8b", 2), FIKS_FEED_MORE);
    CHECK_EQ_INT(call->error.kind, FIKS_OK);
    CHECK_EQ_INT(call->answer.len, 2);
    fiks_call_head(call, 200, "application/json", "", "gzip");
    CHECK_EQ_INT(fiks_call_body(call, "\x1f\x8b", 2), FIKS_FEED_FAILED);
    CHECK_EQ_INT(call->error.kind, FIKS_PROTOCOL);
    CHECK_STR(call->error.code, "content_encoding");
    CHECK_HAS(call->error.message, "gzip");
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(an_answer_of_no_use_may_mean_that_it_was_done)
{
    fiks_client *client = new_client("no-use", "current");
    fiks_call *call = new_call(client, "innsyn.v2.index");
    fetch_token(call, "t");
    answer(call, 200, "<html>", NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_PROTOCOL);
    CHECK(call->error.uncertain);
    fiks_call_unmake(call);
    call = new_call(client, "innsyn.v2.index");
    step(call, FIKS_STEP_SEND);
    answer(call, 400, "<html>", NULL);
    step(call, FIKS_STEP_DONE);
    CHECK(!call->error.uncertain);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(the_platforms_words_bring_no_token_and_no_escapes_into_an_error)
{
    fiks_client *client = new_client("words", "current");
    fiks_call *call = new_call(client, "fiksio.send");
    fetch_token(call, "t");
    answer(
        call, 403,
        "{\"message\":\"bad eyJhbGciOi.SECRET.sig here\\n\\u001b[31mred\",\"errorId\":\"a\\nb\"}",
        NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_HAS(call->error.message, "bad *** here");
    CHECK(strstr(call->error.message, "SECRET") == NULL);
    CHECK(strpbrk(call->error.message, "\n\x1b") == NULL);
    CHECK_STR(call->error.error_id, "a b");
    fiks_call_unmake(call);
    fiks_client_free(client);
}

/* ---- arguments --------------------------------------------------------------------------------
 */

static void refused(fiks_client *client, const fiks_call_options *o, fiks_status kind,
                    const char *part)
{
    fiks_call *call;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_call_make(client, o, &call, &err), kind);
    CHECK(call == NULL);
    CHECK_HAS(err.message, part);
}

TEST(bad_arguments_are_refused_before_anything_is_sent)
{
    fiks_client *client = new_client("arguments", "current");
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    refused(client, &o, FIKS_INVALID, "operation");
    o.operation = "innsyn.v2.indeks";
    refused(client, &o, FIKS_INVALID, "innsyn.v2.index");
    o.operation = "fiksio.konto";
    refused(client, &o, FIKS_INVALID, "kontoId");
    o.operation = "svarinn.v1.list";
    refused(client, &o, FIKS_CONFIG, "user name");
    o.operation = NULL;
    o.method = "get";
    o.path = "/x";
    refused(client, &o, FIKS_INVALID, "capital");
    o.method = "GET";
    o.path = "x";
    refused(client, &o, FIKS_INVALID, "'/'");
    o.path = "/a b";
    refused(client, &o, FIKS_INVALID, "blank");
    o.path = "https://evil.example/x";
    refused(client, &o, FIKS_INVALID, "evil.example");
    o.path = "https://api.example.evil.example/x";
    refused(client, &o, FIKS_INVALID, "not a host of this client");
    o.path = "/a/../b";
    refused(client, &o, FIKS_INVALID, "where it leads to");
    o.path = "https://api.example/a/%2e%2e";
    refused(client, &o, FIKS_INVALID, "where it leads to");
    o.method = "HEAD";
    o.path = "/x";
    o.body = "{}";
    o.body_bytes = 2;
    refused(client, &o, FIKS_INVALID, "no body");
    o.method = "GET";
    o.body = NULL;
    o.path = "/x?u=https://a";
    fiks_call *call;
    fiks_error err = {0};
    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_link_from_the_platform_must_point_to_its_own_host)
{
    fiks_client *client = new_client("links", "current");
    static const char *const foreign[] = {
        "http://svarut.example/x", "https://svarut.example:8443/x", "https://evil.example/x",
        "https://svarut.example@evil.example/x", "//evil.example/x"};
    fiks_param params[] = {{"id", "a"}, {"url", NULL}};
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = "svarinn.v1.download";
    o.params = params;
    o.param_count = 2;
    o.username = o.password = "x";
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        params[1].value = foreign[i];
        refused(client, &o, FIKS_INVALID, "download");
    }
    params[1].value = "https://svarut.example/tjenester/../a";
    refused(client, &o, FIKS_INVALID, "where it leads to");
    params[1].value = "https://api.example/tjenester/svarinn/forsendelse/a"; /* the other host */
    refused(client, &o, FIKS_INVALID, "not on the host");
    params[1].value = "https://svarut.example/tjenester/svarinn/forsendelse/a";
    fiks_call *call;
    fiks_error err = {0};
    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    CHECK_STR(call->url.data, params[1].value);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(settings_are_checked_when_the_client_is_made)
{
    static const struct {
        fiks_client_options o;
        const char *part;
    } bad[] = {
        {{.size = sizeof(fiks_client_options)}, "environment"},
        {{.size = sizeof(fiks_client_options), .environment = "produksjon"}, "produksjon"},
        {{.size = sizeof(fiks_client_options), .environment = "test", .contract = "2019"}, "2019"},
        {{.size = sizeof(fiks_client_options), .api_url = "http://api.example"}, "https"},
        {{.size = sizeof(fiks_client_options), .api_url = "http://127.0.0.1"}, "loopback"},
        {{.size = sizeof(fiks_client_options), .environment = "test", .integrasjon_id = ID},
         "integrasjon_passord"},
        {{.size = sizeof(fiks_client_options),
          .environment = "test",
          .integrasjon_id = "{" ID "}",
          .integrasjon_passord = "p"},
         "UUID"},
        {{.size = sizeof(fiks_client_options),
          .environment = "test",
          .integrasjon_id = ID,
          .integrasjon_passord = "p\r\nX: y"},
         "line break"},
        {{.size = sizeof(fiks_client_options), .environment = "test", .client_id = "x"}, "a key"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fiks_client *client;
        fiks_error err = {0};
        CHECK_EQ_INT(fiks_client_new(&bad[i].o, &client, &err), FIKS_CONFIG);
        CHECK(client == NULL);
        CHECK_HAS(err.message, bad[i].part);
        CHECK(strstr(err.message, "X: y") == NULL);
    }
}

/* In an outage everybody would try again: that multiplies it. */
TEST(a_spent_budget_ends_the_tries)
{
    fiks_client *client = new_client("budget", "current");
    static fiks_budget budget;
    int tries = 0;
    for (int i = 0; i < 100; i++) {
        fiks_call *call = new_call(client, "innsyn.v2.index");
        call->budget = &budget;
        if (i == 0)
            fetch_token(call, "t");
        else
            step(call, FIKS_STEP_SEND);
        answer(call, 503, "", NULL);
        while (call->state != FIKS_STATE_DONE) {
            clock_ms = call->wake_ms - base.mono_ms;
            step(call, FIKS_STEP_SEND);
            answer(call, 503, "", NULL);
        }
        tries += call->tries;
        CHECK_EQ_INT(call->error.kind, FIKS_SERVER);
        CHECK(call->error.retryable);
        fiks_call_unmake(call);
    }
    CHECK_EQ_INT(tries, 100 + 50);
    fiks_client_free(client);
}

static void redirect(fiks_call *call, const char *location)
{
    fiks_call_head(call, 307, "", "", "");
    fiks_answer a = {.sent = true, .status = 307, .content_type = "", .location = location};
    fiks_call_answered(call, &a, now(), 0);
}

TEST(a_redirect_that_leaves_the_host_leaves_the_credentials)
{
    fiks_client *client = new_client("redirects", "current");
    fiks_network_options way = FIKS_OPTIONS(fiks_network_options);
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    fiks_error err = {0};
    fiks_call *call;
    way.redirects = 2;
    fiks_network_free(client->network);
    CHECK_OK(fiks_network_new(&way, &client->network, &err), err);
    o.method = "GET";
    o.path = "/a";
    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    fetch_token(call, "abc.def.ghi");
    redirect(call, URL "/b");
    step(call, FIKS_STEP_SEND);
    CHECK_STR(call->send.url, URL "/b");
    CHECK_STR(header(call, "Authorization: "), "Bearer abc.def.ghi");
    redirect(call, "https://other.example/c");
    step(call, FIKS_STEP_SEND);
    CHECK_STR(call->send.url, "https://other.example/c");
    CHECK(!header(call, "Authorization") && !header(call, "Integrasjon"));
    /* a refusal there says nothing of our token, and is retried as often as any other answer */
    answer(call, 503, "", NULL);
    CHECK_EQ_INT(call->state, FIKS_STATE_PAUSED);
    clock_ms += 1000;
    step(call, FIKS_STEP_SEND);
    CHECK(!header(call, "Authorization") && !header(call, "Integrasjon"));
    answer(call, 401, "{\"message\":\"Klarte ikke \xc3\xa5 validere access_token\"}", NULL);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_AUTH);
    CHECK_EQ_INT(call->error.attempts, 4);
    fiks_call_unmake(call);

    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    step(call, FIKS_STEP_SEND);
    for (int i = 0; i < 3; i++) {
        redirect(call, URL "/a");
        step(call, i < 2 ? FIKS_STEP_SEND : FIKS_STEP_DONE);
    }
    CHECK_EQ_INT(call->error.kind, FIKS_PROTOCOL);
    CHECK_STR(call->error.code, "http_307");
    fiks_call_unmake(call);
    fiks_client_free(client);
}

int main(void)
{
    base = fiks_now();
    return run_tests("test_call");
}
