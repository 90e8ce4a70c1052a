/*
 * A call driven by a script of answers and a clock that jumps: no network. Shared by the tests of
 * call.c.
 */
#ifndef FIKS_TEST_CALL_SCRIPT_H
#define FIKS_TEST_CALL_SCRIPT_H

#include "harness.h"

#include "call.h"
#include "json.h"

#define URL "https://api.example"
#define TOKEN_URL "https://issuer.example/token"
#define ID "3d1f6f0a-52c4-4a5e-9a53-0c1d8c1f4b01"

static fiks_time base;
static int64_t clock_ms;

static fiks_time now(void)
{
    return (fiks_time){.wall_ms = base.wall_ms + clock_ms, .mono_ms = base.mono_ms + clock_ms};
}

static fiks_key *test_key(void)
{
    static fiks_key *key;
    if (key)
        return key;
    const char *path = test_temp_path("key.pem");
    char command[1024];
    snprintf(command, sizeof command,
             "openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out %s "
             "2>/dev/null || openssl genrsa -out %s 2048 2>/dev/null",
             path, path);
    CHECK_EQ_INT(system(command), 0);
    fiks_key_options o = FIKS_OPTIONS(fiks_key_options);
    o.file = path;
    fiks_error err = {0};
    CHECK_OK(fiks_key_new(&o, &key, &err), err);
    return key;
}

/* Each client id has tokens of its own, so tests do not meet in the cache. */
__attribute__((unused)) static fiks_client *new_client(const char *client_id, const char *contract)
{
    fiks_client_options o = FIKS_OPTIONS(fiks_client_options);
    o.contract = contract;
    o.api_url = URL "/";
    o.svarut_url = "https://svarut.example";
    o.issuer = "https://issuer.example/";
    o.client_id = client_id;
    o.kid = strcmp(contract, "2018") == 0 ? NULL : "a-key";
    o.key = test_key();
    o.integrasjon_id = ID;
    o.integrasjon_passord = "hemmelig: \xc3\xa6";
    fiks_client *client;
    fiks_error err = {0};
    CHECK_OK(fiks_client_new(&o, &client, &err), err);
    clock_ms = 0;
    return client;
}

__attribute__((unused)) static fiks_call *new_call(fiks_client *client, const char *operation)
{
    fiks_call_options o = FIKS_OPTIONS(fiks_call_options);
    o.operation = operation;
    o.body = "[]";
    o.body_bytes = 2;
    fiks_call *call;
    fiks_error err = {0};
    CHECK_OK(fiks_call_make(client, &o, &call, &err), err);
    return call;
}

__attribute__((unused)) static void answer(fiks_call *call, int status, const char *body,
                                           const char *retry_after)
{
    fiks_call_head(call, status, "application/json", "", "");
    fiks_status kind = FIKS_OK;
    if (body[0] && fiks_call_body(call, body, strlen(body)) == FIKS_FEED_FAILED)
        kind = call->error.kind;
    fiks_answer a = {.kind = kind,
                     .sent = true,
                     .status = status,
                     .content_type = "application/json",
                     .retry_after = retry_after};
    fiks_call_answered(call, &a, now(), 0);
}

__attribute__((unused)) static void answer_token(fiks_call *flight, const char *token)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"access_token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":119,"
             "\"scope\":\"ks:fiks\"}",
             token);
    answer(flight, 200, body, NULL);
}

/* One step, which must be `want`; the flight it starts, if any. */
__attribute__((unused)) static fiks_call *step(fiks_call *call, fiks_step want)
{
    fiks_call *flight;
    fiks_step got = fiks_call_step(call, now(), &flight);
    if (got != want)
        TEST_FAIL("step is %d, expected %d (%s)", (int)got, (int)want, call->error.message);
    return flight;
}

/* Takes a call of a fresh client to where its own request is sent. */
__attribute__((unused)) static void fetch_token(fiks_call *call, const char *token)
{
    fiks_call *flight = step(call, FIKS_STEP_TOKEN);
    CHECK(flight != NULL);
    CHECK(step(flight, FIKS_STEP_SEND) == NULL);
    answer_token(flight, token);
    step(flight, FIKS_STEP_DONE);
    fiks_call_unmake(flight);
    step(call, FIKS_STEP_SEND);
}

__attribute__((unused)) static const char *header(const fiks_call *call, const char *name)
{
    for (size_t i = 0; i < call->send.header_count; i++)
        if (strncmp(call->send.headers[i], name, strlen(name)) == 0)
            return call->send.headers[i] + strlen(name);
    return NULL;
}

#endif
