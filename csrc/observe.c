#include "observe.h"

#include <string.h>

#include "log.h"
#include "metrics.h"

void fiks_observe_begin(const fiks_call *call)
{
    if (!call->token_flight) /* those are counted as token fetches */
        fiks_metrics_call_began();
}

/* ", correlation id ..." behind a log line. */
static void log_call(const fiks_call *call, int level, const char *what, int64_t ms)
{
    const char *id = fiks_observe_correlation_id(call);
    if (fiks_log_on(level))
        fiks_log(level, "%s: %s %s %lld ms, %d tries%s%s", call->operation->name,
                 fiks_status_name(call->error.kind), what, (long long)ms, call->tries,
                 id[0] ? ", correlation id " : "", id);
}

void fiks_observe_end(fiks_call *call)
{
    call->response.request_id = call->request_id.text;
    log_call(call, call->error.kind ? FIKS_LOG_WARN : FIKS_LOG_INFO, "after",
             call->response.elapsed_ms);
    if (!call->token_flight)
        fiks_metrics_call_ended(call->error.kind, call->response.elapsed_ms);
}

/* The place of the next attempt; the last one is overwritten when there is no more. */
static size_t next_place(const fiks_call *call)
{
    size_t count = atomic_load(&call->attempt_count);
    return count < FIKS_KEPT_ATTEMPTS ? count : FIKS_KEPT_ATTEMPTS - 1;
}

static void keep(fiks_call *call, const fiks_answer *answer, fiks_time now)
{
    static const fiks_travel none;
    const fiks_travel *travel = answer->travel ? answer->travel : &none;
    bool paused = call->state == FIKS_STATE_PAUSED;
    size_t place = next_place(call);
    fiks_attempt *kept = &call->attempts[place];
    *kept = (fiks_attempt){.kind = call->error.kind,
                           .http_status = answer->status,
                           .started_ms = call->sent.mono_ms - call->started_ms,
                           .elapsed_ms = now.mono_ms - call->sent.mono_ms,
                           .pause_ms = paused ? call->wake_ms - now.mono_ms : 0,
                           .token_renewed = call->state == FIKS_STATE_START,
                           .sent_bytes = travel->sent_bytes,
                           .received_bytes = travel->received_bytes};
    memcpy(kept->code, call->error.code, sizeof kept->code);
    atomic_store(&call->attempt_count, place + 1);
    call->response.timings = travel->timings;
    call->response.http_version = travel->http_version;
}

static void count(const fiks_call *call, const fiks_answer *answer)
{
    const fiks_travel *travel = answer->travel;
    if (call->state != FIKS_STATE_DONE)
        fiks_metrics_add(FIKS_COUNT_RETRIES, 1);
    if (!travel)
        return;
    if (travel->connections_opened)
        fiks_metrics_add(FIKS_COUNT_CONNECTIONS_OPENED, (uint64_t)travel->connections_opened);
    if (!answer->sent)
        return;
    fiks_metrics_add(FIKS_COUNT_REQUESTS, 1);
    if (travel->timings.reused)
        fiks_metrics_add(FIKS_COUNT_CONNECTIONS_REUSED, 1);
    fiks_metrics_add(FIKS_COUNT_SENT_BYTES, travel->sent_bytes);
    fiks_metrics_add(FIKS_COUNT_RECEIVED_BYTES, travel->received_bytes);
}

void fiks_observe_attempt(fiks_call *call, const fiks_answer *answer, fiks_time now)
{
    keep(call, answer, now);
    count(call, answer);
    if (call->state != FIKS_STATE_DONE)
        call->news |= FIKS_NOTE_ATTEMPT;
    if (call->state == FIKS_STATE_PAUSED)
        log_call(call, FIKS_LOG_WARN, "again in", call->wake_ms - now.mono_ms);
}

const fiks_attempt *fiks_call_attempts(const fiks_call *call, size_t *count_out)
{
    size_t count = atomic_load(&call->attempt_count);
    if (!atomic_load(&call->end.finished) && count == FIKS_KEPT_ATTEMPTS)
        count--; /* that one may be overwritten yet */
    *count_out = count;
    return call->attempts;
}

int64_t fiks_call_token_ms(const fiks_call *call)
{
    return atomic_load(&call->token_ms);
}

const char *fiks_call_error_json(const fiks_call *call)
{
    return atomic_load(&call->end.finished) ? call->error_json.data : NULL;
}

/* ---- traces -----------------------------------------------------------------------------------
 */

const char *fiks_observe_traceparent(const fiks_call *call)
{
    if (call->token_flight)
        return NULL;
    return call->trace.parent.data ? call->trace.parent.data : call->client->trace.parent.data;
}

static const fiks_trace *correlation_of(const fiks_call *call)
{
    return call->trace.correlation.data ? &call->trace : &call->client->trace;
}

const char *fiks_observe_correlation(const fiks_call *call)
{
    return call->token_flight ? NULL : correlation_of(call)->correlation.data;
}

const char *fiks_observe_correlation_id(const fiks_call *call)
{
    return call->token_flight ? "" : fiks_trace_correlation_id(correlation_of(call));
}
