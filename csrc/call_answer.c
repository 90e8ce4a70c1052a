#include "call_answer.h"

#include <string.h>

#include "charset.h"
#include "error.h"
#include "log.h"
#include "problem.h"
#include "redact.h"
#include "retry.h"

bool fiks_call_is_good(const fiks_call *call, int status)
{
    int want = call->operation->ok_status;
    return want ? status == want : status >= 200 && status < 300;
}

/* A login or maintenance page that pretends to be an answer. */
static fiks_status check_json(fiks_call *call)
{
    const char *text = call->answer.data ? call->answer.data : "";
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        text += 3;
    while (*text == ' ' || *text == '\n' || *text == '\r' || *text == '\t')
        text++;
    if (*text != '<')
        return FIKS_OK;
    char excerpt[201];
    fiks_redact_excerpt(text, strlen(text), excerpt, sizeof excerpt);
    return fiks_fail(&call->error, FIKS_PROTOCOL, "html", "%s: got a web page instead of JSON: %s",
                     call->operation->name, excerpt);
}

static fiks_status check_text(fiks_call *call)
{
    const char *type = call->answer_type.data ? call->answer_type.data : "";
    bool json = call->operation->result == FIKS_RESULT_JSON;
    fiks_status st = json ? check_json(call) : FIKS_OK;
    if (st || !(json || fiks_charset_is_json(type)))
        return st;
    return fiks_charset_check(call->operation->name, type, call->answer.data, call->answer.len,
                              &call->error);
}

/* Measured at every answer. A server that finds the clocks to differ has told us its own. */
static void note_clock(fiks_call *call, const fiks_grant_answer *got)
{
    int64_t ahead;
    if (!fiks_grant_clock_skew(got, &ahead))
        return;
    fiks_token_cache_note_skew(fiks_token_cache_process(), call->token_key, ahead);
    if (ahead <= -FIKS_GRANT_CLOCK_TOLERANCE_MS || ahead >= FIKS_GRANT_CLOCK_TOLERANCE_MS)
        fiks_log(FIKS_LOG_WARN, "token: this machine's clock is %lld s %s the token endpoint's",
                 (long long)(ahead < 0 ? -ahead : ahead) / 1000, ahead < 0 ? "behind" : "ahead of");
    if (call->error.kind != FIKS_CLOCK || call->clock_corrected || !call->client->clock_correction)
        return;
    call->clock_corrected = true;
    call->clock_off_ms = ahead;
    call->error.retryable = true;
}

static fiks_status accept_token(fiks_call *call, const fiks_answer *answer, fiks_time now)
{
    fiks_token token = {0};
    fiks_grant_answer got = {.status = answer->status,
                             .body = call->answer.data ? call->answer.data : "",
                             .body_bytes = call->answer.len,
                             .date_ms = fiks_retry_date_ms(answer->date),
                             .retry_after_ms =
                                 fiks_retry_after_ms(answer->retry_after, now.wall_ms),
                             .sent = call->sent,
                             .received_ms = now.wall_ms,
                             .location = answer->location,
                             .corrected_ms = call->clock_off_ms};
    const fiks_token_inputs *in = fiks_token_key_inputs(call->token_key);
    fiks_status st =
        fiks_grant_parse(&got, in->scope, in->accept_fewer_scopes, &token, &call->error);
    if (call->tries > 1 + call->clock_corrected && (st == FIKS_DENIED || st == FIKS_CLOCK))
        call->error.retryable = false; /* what a new grant could mend, it would have */
    note_clock(call, &got);
    if (!st)
        fiks_token_cache_put(fiks_token_cache_process(), call->token_key, call->flight, &token,
                             now);
    fiks_token_clear(&token);
    fiks_buf_free(&call->answer); /* holds the token */
    fiks_buf_free(&call->body);   /* and this the assertion */
    return st;
}

/* The answer is there: is it the one hoped for? */
fiks_status fiks_call_judge(fiks_call *call, const fiks_answer *answer, fiks_time now,
                            bool *token_blamed)
{
    if (call->token_flight)
        return accept_token(call, answer, now);
    if (!fiks_call_is_good(call, answer->status)) {
        *token_blamed = fiks_problem_fill(answer->status, call->answer.data, call->answer.len,
                                          call->operation->name, &call->error);
        return call->error.kind;
    }
    if (call->sink)
        return call->sink->ops->finish(call->sink, &call->error);
    return check_text(call);
}
