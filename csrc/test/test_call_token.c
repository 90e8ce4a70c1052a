/* Which token a call goes out with: claims of its own, a person's own token, and a clock that the
 * server corrects. Driven by a script of answers: no network. */
#include "keys.h"

#include "../call.h"
#include "../json.h"
#include "../jwt.h"

#define ID "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01"
#define BLAMED "{\"message\":\"Klarte ikke \xc3\xa5 validere access_token\"}"

static fiks_time base;
static int64_t clock_ms;

static fiks_time now(void)
{
    if (!base.wall_ms)
        base = fiks_now();
    return (fiks_time){.wall_ms = base.wall_ms + clock_ms, .mono_ms = base.mono_ms + clock_ms};
}

static fiks_key *key_of_tests(void)
{
    static fiks_key *key;
    if (!key)
        key = test_key("klient");
    return key;
}

static fiks_client_options options(const char *client_id)
{
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.api_url = "https://api.example";
    o.svarut_url = "https://svarut.example";
    o.issuer = "https://issuer.example/";
    o.client_id = client_id;
    o.kid = "en-nokkel";
    o.key = key_of_tests();
    o.integrasjon_id = ID;
    o.integrasjon_passord = "hemmelig";
    return o;
}

static fiks_client *new_client(fiks_client_options o)
{
    fiks_client *client = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_client_new(&o, &client, &err), err);
    clock_ms = 0;
    return client;
}

static fiks_call_options get(void)
{
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.method = "GET";
    o.path = "/ting";
    return o;
}

static fiks_call *make(fiks_client *client, fiks_call_options o)
{
    fiks_call *call = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    return call;
}

static void check_refused(fiks_client *client, fiks_call_options o, fiks_status kind,
                          const char *part)
{
    fiks_call *call = NULL;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_call_make(client, &o, &call, &err), kind);
    CHECK(call == NULL);
    CHECK_HAS(err.message, part);
}

static const char *date_text; /* the Date header of the answers that follow */

static void answer(fiks_call *call, int status, const char *body)
{
    fiks_call_head(call, status, "application/json", "", "");
    fiks_call_body(call, body, strlen(body));
    fiks_answer a = {
        .sent = true, .status = status, .content_type = "application/json", .date = date_text};
    fiks_call_answered(call, &a, now(), 0);
}

static fiks_call *step(fiks_call *call, fiks_step want)
{
    fiks_call *flight;
    fiks_step got = fiks_call_step(call, now(), &flight);
    if (got != want)
        TEST_FAIL("step is %d, expected %d (%s)", (int)got, (int)want, call->error.message);
    return flight;
}

/* A claim of the grant that a flight sends, in a static buffer: "" = it has none. */
static const char *claim(const fiks_call *flight, const char *name)
{
    static char text[256];
    const char *assertion = strstr(flight->send.body, "assertion=") + 10;
    fiks_jwt jwt;
    fiks_error err = {0};
    double number = 0;
    CHECK_OK(fiks_jwt_split(assertion, strlen(assertion), &jwt, &err), err);
    const fiks_json *value = fiks_json_get(jwt.payload, name);
    const char *string = fiks_json_string(value);
    if (fiks_json_number(value, &number))
        snprintf(text, sizeof text, "%.0f", number);
    else
        snprintf(text, sizeof text, "%s", string ? string : value ? "(other)" : "");
    fiks_jwt_clear(&jwt);
    return text;
}

static const char *algorithm(const fiks_call *flight)
{
    static char text[16];
    const char *assertion = strstr(flight->send.body, "assertion=") + 10;
    fiks_jwt jwt;
    fiks_error err = {0};
    CHECK_OK(fiks_jwt_split(assertion, strlen(assertion), &jwt, &err), err);
    snprintf(text, sizeof text, "%s", fiks_json_get_string(jwt.header, "alg"));
    fiks_jwt_clear(&jwt);
    return text;
}

static void answer_token(fiks_call *flight, const char *token, const char *scope)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":119,"
             "\"scope\":\"%s\"}",
             token, scope);
    answer(flight, 200, body);
}

/* From a fresh call to its request, with `token` fetched for it; the flight's claim `name` must be
 * `value`. */
static void fetch(fiks_call *call, const char *token, const char *name, const char *value)
{
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    CHECK(flight != NULL);
    step(flight, FIKS_STEP_SEND);
    CHECK_STR(claim(flight, name), value);
    answer_token(flight, token, claim(flight, "scope"));
    step(flight, FIKS_STEP_DONE);
    CHECK_OK(flight->error.kind, flight->error);
    fiks_call_unmake(flight);
    step(call, FIKS_STEP_SEND);
}

static const char *sent_token(const fiks_call *call)
{
    for (size_t i = 0; i < call->send.header_count; i++)
        if (strncmp(call->send.headers[i], "Authorization: Bearer ", 22) == 0)
            return call->send.headers[i] + 22;
    return NULL;
}

TEST(claims_of_a_call_have_tokens_of_their_own)
{
    fiks_client_options c = options("claims");
    c.consumer_org = "910753614";
    c.resource = "https://ressurs.example";
    fiks_client *client = new_client(c);
    fiks_call *call = make(client, get());
    fetch(call, "of-client", "consumer_org", "910753614");
    fiks_call_unmake(call);

    fiks_call_options o = get();
    o.consumer_org = "0192:971032146";
    call = make(client, o);
    fetch(call, "of-other", "consumer_org", "971032146");
    CHECK_STR(sent_token(call), "of-other");
    fiks_call_unmake(call);
    o.consumer_org = "971032146"; /* the same, written otherwise: cached */
    call = make(client, o);
    CHECK(step(call, FIKS_STEP_SEND) == NULL);
    CHECK_STR(sent_token(call), "of-other");
    fiks_call_unmake(call);
    o.consumer_org = ""; /* without */
    call = make(client, o);
    fetch(call, "of-none", "consumer_org", "");
    fiks_call_unmake(call);

    o = get();
    o.pid = "01017012345";
    call = make(client, o);
    fetch(call, "of-person", "pid", "01017012345");
    fiks_call_unmake(call);
    o = get();
    o.scope = "ks:fiks ks:svarut";
    call = make(client, o);
    fetch(call, "of-scopes", "scope", "ks:fiks ks:svarut");
    fiks_call_unmake(call);
    o = get();
    o.authorization_details = "[{\"type\":\"urn:altinn:systemuser\"}]";
    call = make(client, o);
    fetch(call, "of-details", "authorization_details", "(other)");
    fiks_call_unmake(call);
    call = make(client, get()); /* the client's own is untouched by all that */
    CHECK(step(call, FIKS_STEP_SEND) == NULL);
    CHECK_STR(sent_token(call), "of-client");
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(wrong_claims_of_a_call_are_refused_before_anything_is_sent)
{
    fiks_client *client = new_client(options("wrong"));
    fiks_call_options o = get();
    o.consumer_org = "12345678";
    check_refused(client, o, FIKS_CONFIG, "nine digits");
    o = get();
    o.pid = "1";
    check_refused(client, o, FIKS_CONFIG, "eleven digits");
    o = get();
    o.scope = "";
    check_refused(client, o, FIKS_CONFIG, "scope is empty");
    o = get();
    o.authorization_details = "{}";
    check_refused(client, o, FIKS_CONFIG, "JSON array");
    fiks_client_free(client);
}

TEST(a_401_renews_the_token_of_the_call_and_no_other)
{
    fiks_client *client = new_client(options("renew-own"));
    fiks_call *plain = make(client, get());
    fetch(plain, "plain", "consumer_org", "");
    fiks_call_options o = get();
    o.consumer_org = "971032146";
    fiks_call *call = make(client, o);
    fetch(call, "old", "consumer_org", "971032146");
    answer(call, 401, BLAMED);
    fetch(call, "new", "consumer_org", "971032146");
    CHECK_STR(sent_token(call), "new");
    fiks_call_unmake(call);
    fiks_call_unmake(plain);
    plain = make(client, get());
    CHECK(step(plain, FIKS_STEP_SEND) == NULL);
    CHECK_STR(sent_token(plain), "plain");
    fiks_call_unmake(plain);
    fiks_client_free(client);
}

TEST(peek_and_invalidate_know_the_claims)
{
    fiks_client *client = new_client(options("peek"));
    fiks_token_options other = FIKS_OPTIONS(fiks_token_options);
    other.consumer_org = "971032146";
    fiks_call_options o = get();
    o.consumer_org = other.consumer_org;
    fiks_call *call = make(client, o);
    fetch(call, "of-other", "consumer_org", "971032146");
    fiks_call_unmake(call);
    char *token, *scope;
    int64_t expires_s;
    fiks_error err = {0};
    CHECK(!fiks_client_peek_token(client, NULL, &token, &scope, &expires_s, &err));
    CHECK_EQ_INT(err.kind, FIKS_OK);
    CHECK(fiks_client_peek_token(client, &other, &token, &scope, &expires_s, &err));
    CHECK_STR(token, "of-other");
    fiks_bytes_free(token, strlen(token));
    fiks_bytes_free(scope, strlen(scope));
    CHECK_OK(fiks_client_invalidate_token(client, NULL, NULL, &err), err);
    CHECK_OK(fiks_client_invalidate_token(client, &other, "another", &err), err);
    CHECK(fiks_client_peek_token(client, &other, &token, &scope, &expires_s, &err));
    fiks_bytes_free(token, strlen(token));
    fiks_bytes_free(scope, strlen(scope));
    CHECK_OK(fiks_client_invalidate_token(client, &other, NULL, &err), err);
    CHECK(!fiks_client_peek_token(client, &other, &token, &scope, &expires_s, &err));
    other.consumer_org = "x";
    CHECK(!fiks_client_peek_token(client, &other, &token, &scope, &expires_s, &err));
    CHECK_EQ_INT(err.kind, FIKS_CONFIG);
    CHECK_EQ_INT(fiks_client_invalidate_token(client, &other, NULL, NULL), FIKS_CONFIG);
    fiks_client_free(client);
}

TEST(algorithm_and_resource_of_the_client)
{
    static const char *const names[] = {"RS256", "RS384", "RS512"};
    for (int i = 0; i < 3; i++) {
        fiks_client_options c = options("alg");
        c.alg = names[i];
        c.resource = "https://ressurs.example";
        c.resource_array = i == 1;
        fiks_client *client = new_client(c);
        fiks_call *call = make(client, get());
        fiks_call *flight = step(call, FIKS_STEP_TOKEN);
        step(flight, FIKS_STEP_SEND);
        CHECK_STR(algorithm(flight), names[i]);
        CHECK_STR(claim(flight, "resource"), i == 1 ? "(other)" : "https://ressurs.example");
        answer_token(flight, names[i], "ks:fiks");
        fiks_call_unmake(flight);
        fiks_call_unmake(call);
        fiks_client_free(client);
    }
}

TEST(the_resource_of_one_call_is_text_also_when_the_clients_is_an_array)
{
    fiks_client_options c = options("ressurser");
    c.resource = "https://ressurs.example";
    c.resource_array = true;
    fiks_client *client = new_client(c);
    fiks_call_options o = get();
    o.resource = "https://annen.example";
    fiks_call *call = make(client, o);
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    CHECK_STR(claim(flight, "resource"), "https://annen.example");
    answer_token(flight, "t", "ks:fiks");
    fiks_call_unmake(flight);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

/* ---- a person's own token ------------------------------------------------------------------- */

TEST(bearer_is_sent_instead_of_the_clients_token)
{
    fiks_client_options c = options("bearer");
    c.client_id = NULL; /* needs no client at Maskinporten */
    c.key = NULL;
    c.issuer = NULL;
    fiks_client *client = new_client(c);
    fiks_call_options o = get();
    o.bearer = "eyJh.eyJi.c-_~+/=";
    fiks_call *call = make(client, o);
    CHECK(step(call, FIKS_STEP_SEND) == NULL);
    CHECK_STR(sent_token(call), "eyJh.eyJi.c-_~+/=");
    CHECK_EQ_INT(call->send.header_count, 3);
    answer(call, 200, "{}");
    step(call, FIKS_STEP_DONE);
    CHECK_OK(call->error.kind, call->error);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_refused_bearer_is_final_and_says_so)
{
    fiks_client *client = new_client(options("bearer-401"));
    fiks_call *own = make(client, get());
    fetch(own, "own", "pid", "");
    fiks_call_options o = get();
    o.bearer = "own"; /* even when it looks like the cached one */
    fiks_call *call = make(client, o);
    step(call, FIKS_STEP_SEND);
    answer(call, 401, BLAMED);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_AUTH);
    CHECK_STR(call->error.code, "bearer");
    CHECK_EQ_INT(call->error.attempts, 1);
    CHECK_HAS(call->error.message, "validere access_token");
    CHECK_HAS(call->error.message, "not renewed");
    CHECK(!call->error.retryable);
    fiks_call_unmake(call);
    fiks_call_unmake(own);
    own = make(client, get()); /* the cache did not lose its token over it */
    CHECK(step(own, FIKS_STEP_SEND) == NULL);
    fiks_call_unmake(own);
    fiks_client_free(client);
}

TEST(bearer_is_sent_again_with_a_retry)
{
    fiks_client *client = new_client(options("bearer-503"));
    fiks_call_options o = get();
    o.bearer = "person";
    fiks_call *call = make(client, o);
    step(call, FIKS_STEP_SEND);
    answer(call, 503, "");
    step(call, FIKS_STEP_SEND);
    CHECK_STR(sent_token(call), "person");
    answer(call, 200, "{}");
    step(call, FIKS_STEP_DONE);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(bearer_is_checked)
{
    fiks_client *client = new_client(options("bearer-bad"));
    static const char *const bad[] = {"",    "a b",        "Bearer abc", "a\r\nX: y",
                                      "a\n", "bl\xc3\xa5", "a\x7f"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fiks_call_options o = get();
        o.bearer = bad[i];
        check_refused(client, o, FIKS_INVALID, "bearer");
    }
    char *large = malloc(40000);
    memset(large, 'a', 39999);
    large[39999] = '\0';
    fiks_call_options o = get();
    o.bearer = large;
    check_refused(client, o, FIKS_INVALID, "32 KB");
    free(large);
    o.bearer = "abc";
    o.pid = "01017012345";
    check_refused(client, o, FIKS_INVALID, "cannot be asked");
    o.pid = NULL;
    o.method = o.path = NULL;
    o.operation = "token";
    check_refused(client, o, FIKS_INVALID, "leave bearer out");
    o.operation = "svarinn.v1.list";
    o.username = "u";
    o.password = "p";
    check_refused(client, o, FIKS_INVALID, "leave bearer out");
    o = get();
    o.bearer = "abc";
    o.username = "u";
    o.password = "p";
    check_refused(client, o, FIKS_INVALID, "leave bearer out");
    fiks_client_free(client);
}

/* ---- the clock ------------------------------------------------------------------------------- */

static const char refused_for_clock[] =
    "{\"error\":\"invalid_grant\",\"error_description\":\"Issue time is after now\"}";

/* The server's clock stands `ms` behind ours. */
static void server_behind(int64_t ms)
{
    static char text[64];
    time_t at = (time_t)((now().wall_ms - ms) / 1000);
    struct tm tm;
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&at, &tm));
    date_text = text;
}

static int64_t issued_behind_ms(const fiks_call *flight)
{
    return now().wall_ms - 1000 * strtoll(claim(flight, "iat"), NULL, 10);
}

static bool near(int64_t got, int64_t want)
{
    return got > want - 1500 && got < want + 1500;
}

TEST(skew_is_measured_at_every_token_answer)
{
    fiks_client *client = new_client(options("skew"));
    fiks_call *call = make(client, get());
    int64_t ahead = 1;
    CHECK(!fiks_client_clock_skew(client, &ahead));
    server_behind(-4000);
    fetch(call, "t", "pid", "");
    CHECK(fiks_client_clock_skew(client, &ahead));
    CHECK(near(ahead, -4000));
    date_text = NULL;
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_wrong_clock_is_told_and_not_corrected_unasked)
{
    fiks_client *client = new_client(options("clock-off"));
    fiks_call *call = make(client, get());
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    server_behind(60000);
    answer(flight, 400, refused_for_clock);
    step(flight, FIKS_STEP_DONE);
    step(call, FIKS_STEP_DONE);
    CHECK_EQ_INT(call->error.kind, FIKS_CLOCK);
    CHECK_HAS(call->error.message, " s ahead of the server's");
    CHECK_HAS(call->error.message, "clock_correction");
    CHECK_EQ_INT(call->error.attempts, 1);
    date_text = NULL;
    fiks_call_unmake(flight);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

static fiks_client *correcting(const char *client_id)
{
    fiks_client_options c = options(client_id);
    c.clock_correction = true;
    return new_client(c);
}

TEST(a_wrong_clock_is_corrected_once_per_flight)
{
    fiks_client *client = correcting("clock-on");
    fiks_call *call = make(client, get());
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    CHECK(near(issued_behind_ms(flight), 0));
    server_behind(60000);
    answer(flight, 400, refused_for_clock);
    step(flight, FIKS_STEP_SEND);
    CHECK(near(issued_behind_ms(flight), 60000));
    answer_token(flight, "t", "ks:fiks");
    step(flight, FIKS_STEP_DONE);
    CHECK_OK(flight->error.kind, flight->error);
    fiks_call_unmake(flight);
    step(call, FIKS_STEP_SEND);
    CHECK_STR(sent_token(call), "t");
    fiks_call_unmake(call);

    /* the next flight begins with what is known, and copes when that is no longer true */
    clock_ms += 130000;
    call = make(client, get());
    flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    CHECK(near(issued_behind_ms(flight), 60000));
    server_behind(0);
    answer(flight, 400, refused_for_clock);
    step(flight, FIKS_STEP_SEND);
    CHECK(near(issued_behind_ms(flight), 0));
    answer(flight, 400, refused_for_clock); /* twice: it is something else */
    CHECK(flight->clock_corrected);
    while (flight->state != FIKS_STATE_DONE && flight->tries < 9) {
        clock_ms += 6000;
        step(flight, FIKS_STEP_SEND);
        CHECK(near(issued_behind_ms(flight), 0));
        server_behind(0);
        answer(flight, 400, refused_for_clock);
    }
    CHECK(flight->tries <= 3);
    CHECK_EQ_INT(flight->error.kind, FIKS_CLOCK);
    date_text = NULL;
    fiks_call_unmake(flight);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(after_a_correction_only_what_is_left_counts)
{
    fiks_client *client = correcting("clock-late");
    fiks_call *call = make(client, get());
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    server_behind(60000);
    answer(flight, 400, refused_for_clock);
    step(flight, FIKS_STEP_SEND);
    answer(flight, 400, refused_for_clock); /* corrected, so the grant was only late */
    step(flight, FIKS_STEP_SEND);
    CHECK(flight->error.kind == FIKS_OK && flight->tries == 2);
    date_text = NULL;
    fiks_call_unmake(flight);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_correction_that_does_not_help_ends)
{
    fiks_client *client = correcting("clock-odd");
    fiks_call *call = make(client, get());
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    server_behind(60000);
    answer(flight, 400, refused_for_clock);
    step(flight, FIKS_STEP_SEND);
    server_behind(-60000); /* a server that has two clocks */
    answer(flight, 400, refused_for_clock);
    step(flight, FIKS_STEP_DONE);
    CHECK_EQ_INT(flight->error.kind, FIKS_CLOCK);
    CHECK_EQ_INT(flight->error.attempts, 2);
    date_text = NULL;
    fiks_call_unmake(flight);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

TEST(a_wrong_clock_without_a_date_cannot_be_corrected)
{
    fiks_client *client = correcting("clock-dateless");
    fiks_call *call = make(client, get());
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    step(flight, FIKS_STEP_SEND);
    answer(flight, 400, refused_for_clock);
    step(flight, FIKS_STEP_DONE);
    CHECK_EQ_INT(flight->error.kind, FIKS_CLOCK);
    CHECK_EQ_INT(flight->error.attempts, 1);
    fiks_call_unmake(flight);
    fiks_call_unmake(call);
    fiks_client_free(client);
}

int main(void)
{
    return run_tests("test_call_token");
}
