#include "call.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "call_answer.h"
#include "call_log.h"
#include "error.h"
#include "log.h"
#include "observe.h"
#include "problem.h"
#include "redact.h"
#include "request.h"
#include "retry.h"

/* Without a deadline (downloads) a server may not send the caller to sleep for hours. */
enum {
    LONGEST_PAUSE_MS = 60000,
    TOKEN_TOTAL_MS = 30000,
    TOKEN_TRY_MS = 10000,
    ERROR_BODY_BYTES = 1 << 20, /* kept of a refusal; and so many more are read past */
    USUAL_TOKEN_BYTES = 1000    /* with its header's name: one allocation */
};

static const fiks_operation token_operation = {.name = "token",
                                               .method = "POST",
                                               .path = "",
                                               .auth = FIKS_AUTH_NONE,
                                               .result = FIKS_RESULT_ANY,
                                               .idempotent = true, /* each try has a new jti */
                                               .idle_ms = TOKEN_TRY_MS,
                                               .total_ms = TOKEN_TOTAL_MS};

static void unmake(fiks_completion *end)
{
    fiks_call_unmake((fiks_call *)end);
}

static fiks_call *call_alloc(fiks_client *client)
{
    fiks_call *call = malloc(sizeof *call);
    if (!call)
        return NULL;
    memset(call, 0, offsetof(fiks_call, error));
    fiks_error_clear(&call->error);
    fiks_request_id_clear(&call->request_id);
    call->client = fiks_client_ref(client);
    atomic_init(&call->end.refs, 1);
    call->end.unmake = unmake;
    return call;
}

fiks_status fiks_call_make(fiks_client *client, const fiks_call_options *options, fiks_call **out,
                           fiks_error *err)
{
    *out = NULL;
    fiks_call_options o = {0}; /* an older caller's struct may be shorter */
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    fiks_call *call = call_alloc(client);
    if (!call)
        return fiks_fail_memory(err);
    fiks_status st = fiks_request_build(call, &o, err);
    if (st) {
        fiks_call_unmake(call);
        return st;
    }
    fiks_request_adopt(call, &o);
    *out = call;
    return FIKS_OK;
}

/* What a flight starts with: only a difference that the server would not tolerate. */
static int64_t known_skew(const fiks_call *asker)
{
    int64_t ahead = 0;
    if (!asker->client->clock_correction ||
        !fiks_token_cache_skew(fiks_token_cache_process(), asker->token_key, &ahead))
        return 0;
    return ahead > -FIKS_GRANT_CLOCK_TOLERANCE_MS && ahead < FIKS_GRANT_CLOCK_TOLERANCE_MS ? 0
                                                                                           : ahead;
}

/* Everybody's request for a token: it belongs to the cache, no caller can cancel it. */
static fiks_call *make_flight(const fiks_call *asker)
{
    fiks_call *call = call_alloc(asker->client);
    if (!call)
        return NULL;
    call->operation = &token_operation;
    call->auth = FIKS_AUTH_NONE;
    call->method = token_operation.method;
    call->idempotent = true;
    call->token_flight = true;
    call->token_key = fiks_token_key_ref(asker->token_key);
    call->flight = asker->flight;
    call->budget = asker->budget;
    call->clock_off_ms = known_skew(asker);
    call->total_ms = TOKEN_TOTAL_MS;
    call->limits = fiks_request_limits(asker->client, &token_operation, NULL);
    call->max_answer_bytes = FIKS_GRANT_MAX_ANSWER_BYTES;
    call->has_body = true;
    fiks_buf_adds(&call->url, asker->client->token_endpoint);
    fiks_buf_adds(&call->type_header, "Content-Type: " FIKS_GRANT_CONTENT_TYPE);
    if (call->url.failed || call->type_header.failed) {
        fiks_call_unmake(call);
        return NULL;
    }
    return call;
}

void fiks_call_unmake(fiks_call *call)
{
    if (!call)
        return;
    fiks_client_free(call->client);
    fiks_token_key_free(call->token_key);
    free(call->method_owned);
    fiks_buf_free(&call->url);
    fiks_buf_free(&call->body);
    fiks_buf_free(&call->type_header);
    fiks_buf_free(&call->basic_header);
    fiks_buf_free(&call->token_header);
    fiks_trace_free(&call->trace);
    fiks_buf_free(&call->error_json);
    fiks_buf_free(&call->answer);
    fiks_buf_free(&call->answer_type);
    fiks_sink_free(call->sink);
    fiks_source_free(call->source);
    free(call);
}

/* ---- the end -------------------------------------------------------------------------------- */

/* The URL without its query, which may hold personal data. */
static void set_error_url(fiks_error *err, const char *url)
{
    size_t n = strcspn(url, "?");
    char plain[sizeof err->url];
    if (n >= sizeof plain)
        n = sizeof plain - 1;
    memcpy(plain, url, n);
    plain[n] = '\0';
    fiks_error_text(err->url, sizeof err->url, plain);
}

static void done(fiks_call *call, fiks_time now)
{
    call->state = FIKS_STATE_DONE;
    call->response.body = call->answer.data ? call->answer.data : "";
    call->response.body_bytes = call->answer.len;
    call->response.content_type = call->answer_type.data ? call->answer_type.data : "";
    call->response.attempts = call->tries;
    call->response.elapsed_ms = call->started_ms ? now.mono_ms - call->started_ms : 0;
    fiks_observe_end(call);
}

/* A flight tells the cache what came of it; whoever waits finds it there. */
static void end_flight(fiks_call *call, fiks_time now)
{
    fiks_token_cache *cache = fiks_token_cache_process();
    const fiks_token_key *key = call->token_key;
    if (call->error.kind == FIKS_CANCELLED)
        fiks_token_cache_abandon(cache, key, call->flight);
    else
        fiks_call_log_flight(&call->error,
                             fiks_token_cache_fail(cache, key, call->flight, &call->error, now));
}

/* A server that quotes what it was sent must not bring it into a log. */
static void mask_sent(fiks_call *call)
{
    fiks_sent sent = {.headers = {call->token_header.data, call->basic_header.data,
                                  call->client->header_passord}};
    if (call->token_key) {
        sent.pid = fiks_token_key_inputs(call->token_key)->pid;
        sent.authorization_details = fiks_token_key_inputs(call->token_key)->authorization_details;
    }
    fiks_redact_error(&call->error, call->error_json.data, &sent);
}

/* What the last answer said of itself, beside what its error's kind and message are made of. */
static void describe_refusal(fiks_call *call)
{
    fiks_error_text(call->error.request_id, sizeof call->error.request_id, call->request_id.text);
    if (!call->token_flight && call->error.http_status >= 400)
        fiks_problem_error_json(call->answer.data, call->answer.len, &call->error_json);
}

static void give_up(fiks_call *call, fiks_time now)
{
    fiks_error *err = &call->error;
    err->uncertain = call->uncertain;
    if (err->http_status)
        describe_refusal(call);
    mask_sent(call);
    fiks_error_text(err->correlation_id, sizeof err->correlation_id,
                    fiks_observe_correlation_id(call));
    if (!err->operation[0]) { /* else it is a flight's, and names that */
        fiks_error_text(err->operation, sizeof err->operation, call->operation->name);
        set_error_url(err, call->url.data);
        err->attempts = call->tries;
    }
    if (call->token_flight) {
        fiks_error_text(err->jti, sizeof err->jti, call->jti);
        end_flight(call, now);
    }
    done(call, now);
}

/* ---- step: what to do next ---------------------------------------------------------------------
 */

static void start_clock(fiks_call *call, fiks_time now)
{
    if (call->deadline_ms)
        return;
    fiks_observe_begin(call);
    call->started_ms = now.mono_ms;
    call->deadline_ms = call->total_ms ? now.mono_ms + call->total_ms : INT64_MAX;
}

/* It waits for a token, or does no longer. */
static void time_token(fiks_call *call, bool waits, fiks_time now)
{
    if (waits && !call->token_since_ms)
        call->token_since_ms = now.mono_ms;
    if (waits || !call->token_since_ms)
        return;
    atomic_fetch_add(&call->token_ms, now.mono_ms - call->token_since_ms);
    call->token_since_ms = 0;
    call->news |= FIKS_NOTE_TOKEN;
}

/* FIKS_STEP_SEND: the token is there. */
static fiks_step need_token(fiks_call *call, fiks_time now, fiks_call **flight)
{
    fiks_buf *header = &call->token_header;
    fiks_step step = FIKS_STEP_SEND;
    fiks_buf_clear(header);
    fiks_buf_reserve(header, USUAL_TOKEN_BYTES);
    fiks_buf_adds(header, "Authorization: Bearer ");
    fiks_token_want want = fiks_token_cache_get(fiks_token_cache_process(), call->token_key, now,
                                                &call->flight, header, &call->error);
    if (want == FIKS_TOKEN_FETCH || want == FIKS_TOKEN_READY_REFRESH) {
        *flight = make_flight(call);
        if (!*flight)
            fiks_token_cache_abandon(fiks_token_cache_process(), call->token_key, call->flight);
    }
    if (want == FIKS_TOKEN_READY || want == FIKS_TOKEN_READY_REFRESH) {
        call->flight = 0;
        if (header->failed)
            fiks_fail_memory(&call->error);
    } else if (want == FIKS_TOKEN_FETCH && !*flight) {
        fiks_fail_memory(&call->error);
    } else if (want != FIKS_TOKEN_FAILED) {
        fiks_buf_clear(header);
        call->wake_ms = INT64_MAX; /* the flight's end, or the deadline */
        step = FIKS_STEP_TOKEN;
    }
    time_token(call, step == FIKS_STEP_TOKEN, now);
    return call->error.kind ? FIKS_STEP_DONE : step;
}

/* A new assertion for every try: a grant is single use, also when its answer was lost. */
static fiks_status write_grant(fiks_call *call, fiks_time now)
{
    fiks_status st = fiks_uuid(call->jti, &call->error);
    fiks_buf_free(&call->body);
    if (!st)
        st =
            fiks_grant_body(fiks_token_key_inputs(call->token_key),
                            now.wall_ms - call->clock_off_ms, call->jti, &call->body, &call->error);
    return st;
}

static void add_header(fiks_send *send, const char *header)
{
    if (header && header[0])
        send->headers[send->header_count++] = header;
}

static void fill_send(fiks_call *call, fiks_time now)
{
    fiks_send *send = &call->send;
    const fiks_client *client = call->client;
    memset(send, 0, sizeof *send);
    send->method = call->method;
    send->url = call->url.data;
    send->body = call->has_body ? (call->body.data ? call->body.data : "") : NULL;
    send->body_bytes = call->body.len;
    send->source = call->source;
    send->network = client->network;
    send->allow_http = client->allow_loopback_http;
    send->limits = call->limits;
    send->deadline_ms = call->deadline_ms;
    if (call->token_flight && send->deadline_ms > now.mono_ms + TOKEN_TRY_MS)
        send->deadline_ms = now.mono_ms + TOKEN_TRY_MS;
    if (call->auth == FIKS_AUTH_INTEGRASJON && !call->foreign) {
        add_header(send, call->token_header.data);
        add_header(send, client->header_id);
        add_header(send, client->header_passord);
    }
    add_header(send, call->foreign ? NULL : call->basic_header.data);
    add_header(send, call->type_header.data);
    add_header(send, fiks_observe_traceparent(call));
    add_header(send, fiks_observe_correlation(call));
    if (call->token_flight || call->operation->result == FIKS_RESULT_JSON)
        add_header(send, "Accept: application/json");
}

static fiks_step give_up_step(fiks_call *call, fiks_time now)
{
    give_up(call, now);
    return FIKS_STEP_DONE;
}

fiks_step fiks_call_step(fiks_call *call, fiks_time now, fiks_call **flight)
{
    *flight = NULL;
    if (call->state == FIKS_STATE_DONE)
        return FIKS_STEP_DONE;
    start_clock(call, now);
    if (atomic_load(&call->cancelled)) {
        fiks_error_clear(&call->error);
        fiks_fail(&call->error, FIKS_CANCELLED, "cancelled", "the call was cancelled");
        return give_up_step(call, now);
    }
    if (now.mono_ms >= call->deadline_ms) {
        int last_status = call->error.http_status;
        fiks_error_clear(&call->error);
        call->error.http_status = last_status;
        fiks_fail(&call->error, FIKS_TIMEOUT, "deadline",
                  "%s was not done within %u ms, waiting for a token and pauses included",
                  call->operation->name, (unsigned)call->total_ms);
        call->error.retryable = true;
        return give_up_step(call, now);
    }
    if (call->state == FIKS_STATE_PAUSED && now.mono_ms < call->wake_ms)
        return FIKS_STEP_WAIT;
    if (call->tries || call->error.kind)
        fiks_error_clear(&call->error);
    fiks_step step = FIKS_STEP_SEND;
    if (call->token_flight) {
        if (write_grant(call, now))
            step = FIKS_STEP_DONE;
    } else if (!call->bearer && !call->foreign &&
               (call->auth == FIKS_AUTH_INTEGRASJON || call->auth == FIKS_AUTH_TOKEN_ONLY)) {
        step = need_token(call, now, flight);
    }
    if (step == FIKS_STEP_SEND && call->auth == FIKS_AUTH_TOKEN_ONLY) {
        call->response.status = 200;
        done(call, now);
        return FIKS_STEP_DONE;
    }
    if (step == FIKS_STEP_DONE)
        return give_up_step(call, now);
    if (step == FIKS_STEP_TOKEN)
        return step;
    fill_send(call, now);
    fiks_call_log_request(call);
    fiks_buf_clear(&call->answer);
    call->try_status = 0;
    call->sent = now;
    call->state = FIKS_STATE_SENDING;
    return FIKS_STEP_SEND;
}

/* ---- while it is sent ---------------------------------------------------------------------------
 */

void fiks_call_head(fiks_call *call, int status, const char *content_type,
                    const char *content_disposition, const char *content_encoding)
{
    bool plain = !content_encoding[0] || strcasecmp(content_encoding, "identity") == 0;
    call->try_status = status;
    call->passed_bytes = 0;
    call->coding[0] = '\0';
    if (!plain)
        fiks_error_text(call->coding, sizeof call->coding, content_encoding);
    if (call->sink && fiks_call_is_good(call, status) && call->sink->ops->head)
        call->sink->ops->head(call->sink, content_type, content_disposition);
}

/* Bytes of a refusal that are not kept: some are read past, so that its connection serves again. */
static fiks_feed pass_by(fiks_call *call, size_t len)
{
    call->passed_bytes += len;
    return call->passed_bytes > ERROR_BODY_BYTES ? FIKS_FEED_ENOUGH : FIKS_FEED_MORE;
}

/* Nothing is ever unpacked on the way: what was not asked for is no answer. */
static fiks_feed refuse_coded(fiks_call *call)
{
    fiks_fail(&call->error, FIKS_PROTOCOL, "content_encoding",
              "%s: the answer is compressed (%s), which was not asked for", call->operation->name,
              call->coding);
    return FIKS_FEED_FAILED;
}

fiks_feed fiks_call_body(fiks_call *call, const void *data, size_t len)
{
    bool good = fiks_call_is_good(call, call->try_status);
    if (call->coding[0])
        return good ? refuse_coded(call) : pass_by(call, len);
    if (call->sink && good) {
        call->sink_fed = true;
        return call->sink->ops->feed(call->sink, data, len, &call->error);
    }
    size_t most = good || call->max_answer_bytes < ERROR_BODY_BYTES ? call->max_answer_bytes
                                                                    : ERROR_BODY_BYTES;
    if (len > most - call->answer.len) {
        if (!good)
            return pass_by(call, len);
        fiks_fail(&call->error, FIKS_LIMIT, "answer_too_large",
                  "%s: the answer is larger than %zu bytes", call->operation->name, most);
        return FIKS_FEED_FAILED;
    }
    if (!fiks_buf_add(&call->answer, data, len)) {
        fiks_fail_memory(&call->error);
        return FIKS_FEED_FAILED;
    }
    return FIKS_FEED_MORE;
}

fiks_pull fiks_call_pull(fiks_call *call, void *to, size_t room, size_t *got)
{
    fiks_pull pull = call->source->ops->pull(call->source, to, room, got, &call->error);
    call->source_read = call->source_read || pull == FIKS_PULL_MORE;
    return pull;
}

/* ---- when the try has ended
 * ----------------------------------------------------------------------- */

static void blame_bearer(fiks_error *err)
{
    fiks_buf text = {0};
    fiks_buf_addf(&text,
                  "%.600s - bearer was given by the program and is not renewed: get a new "
                  "token for the person from ID-porten, with the scope ks:fiks",
                  err->message);
    if (text.data)
        fiks_error_text(err->message, sizeof err->message, text.data);
    fiks_error_text(err->code, sizeof err->code, "bearer");
    fiks_buf_free(&text);
}

/* Can what was sent and what came be forgotten, for another try? */
static bool begin_anew(fiks_call *call)
{
    if (call->sink && call->sink_fed && !call->sink->ops->reset(call->sink))
        return false;
    call->sink_fed = false;
    if (call->source && call->source_read && !call->source->ops->rewind(call->source))
        return false;
    call->source_read = false;
    return true;
}

/* Once, and only if it is this token that Fiks refused. Nothing was done, so any request may go out
 * again. */
static bool renew_token(fiks_call *call)
{
    if (call->bearer || call->foreign || call->token_renewed ||
        call->auth != FIKS_AUTH_INTEGRASJON || !begin_anew(call))
        return false;
    call->token_renewed = true;
    const char *token = strrchr(call->token_header.data, ' ') + 1;
    fiks_token_cache_invalidate(fiks_token_cache_process(), call->token_key, token);
    call->state = FIKS_STATE_START;
    return true;
}

static bool within_budget(fiks_call *call, fiks_time now)
{
    if (!call->budget || fiks_budget_take(call->budget, call->url.data, now.mono_ms))
        return true;
    fiks_log(FIKS_LOG_WARN, "%s: not tried again: this host's budget of tries is spent",
             call->operation->name);
    return false;
}

/* Can and should the same go out again? */
static bool pause_for_retry(fiks_call *call, const fiks_answer *answer, fiks_time now,
                            uint32_t random)
{
    fiks_outcome outcome = {.kind = answer->kind,
                            .http_status = answer->status,
                            .sent = answer->sent,
                            .retry_after_ms =
                                fiks_retry_after_ms(answer->retry_after, now.wall_ms)};
    call->error.retryable = call->token_flight && answer->kind == FIKS_OK
                                ? call->error.retryable /* the grant's reader knows better */
                                : call->error.retryable || fiks_retry_could_help(&outcome);
    call->error.retry_after_ms = outcome.retry_after_ms > 0 ? outcome.retry_after_ms : 0;
    if (call->token_flight && call->error.retryable && answer->kind == FIKS_OK)
        outcome = (fiks_outcome){
            .kind = FIKS_NETWORK, .sent = true, .retry_after_ms = outcome.retry_after_ms};
    int64_t left =
        call->deadline_ms == INT64_MAX ? LONGEST_PAUSE_MS : call->deadline_ms - now.mono_ms;
    int64_t pause =
        fiks_retry_wait(&outcome, call->idempotent, call->tries - call->redirects, left, random);
    if (pause < 0 || !call->error.retryable || !within_budget(call, now))
        return false;
    if (!begin_anew(call))
        return false;
    call->wake_ms = now.mono_ms + pause;
    call->state = FIKS_STATE_PAUSED;
    return true;
}

static void take_answer(fiks_call *call, const fiks_answer *answer, fiks_time now, uint32_t random)
{
    bool token_blamed = false;
    call->tries++;
    call->response.status = answer->status;
    fiks_buf_clear(&call->answer_type);
    fiks_buf_adds(&call->answer_type, answer->content_type ? answer->content_type : "");
    if (!answer->kind && !call->token_flight && fiks_request_redirect(call, answer)) {
        call->state = FIKS_STATE_START;
        return;
    }
    fiks_status st = answer->kind       ? answer->kind
                     : call->error.kind ? call->error.kind
                                        : fiks_call_judge(call, answer, now, &token_blamed);
    if (!st) {
        if (call->budget)
            fiks_budget_answer(call->budget, call->url.data);
        done(call, now);
        return;
    }
    call->error.http_status = answer->status;
    if (answer->sent && !call->token_flight &&
        (answer->kind || answer->status == 408 || answer->status >= 500 ||
         fiks_call_is_good(call, answer->status))) /* done, perhaps, and its answer is no use */
        call->uncertain = true;
    if (token_blamed && call->bearer)
        blame_bearer(&call->error);
    if (token_blamed && renew_token(call))
        return;
    if (!pause_for_retry(call, answer, now, random))
        give_up(call, now);
}

void fiks_call_answered(fiks_call *call, const fiks_answer *answer, fiks_time now, uint32_t random)
{
    take_answer(call, answer, now, random);
    if (call->state != FIKS_STATE_DONE)
        mask_sent(call); /* its code is kept */
    fiks_observe_attempt(call, answer, now);
}
