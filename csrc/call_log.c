#include "call_log.h"

#include <string.h>

#include "error.h"
#include "log.h"
#include "redact.h"

void fiks_call_log_request(const fiks_call *call)
{
    const fiks_send *send = &call->send;
    if (!fiks_log_on(FIKS_LOG_DEBUG))
        return;
    fiks_buf text = {0};
    for (size_t i = 0; i < send->header_count; i++) {
        fiks_buf_adds(&text, ", ");
        fiks_redact_header(&text, send->headers[i]);
    }
    int64_t body =
        send->source ? send->source->ops->length(send->source) : (int64_t)send->body_bytes;
    if (send->body || send->source)
        fiks_buf_addf(&text, body < 0 ? ", a body of unknown length" : ", body %lld bytes",
                      (long long)body);
    fiks_log(FIKS_LOG_DEBUG, "%s: %s %.*s%s", call->operation->name, send->method,
             (int)strcspn(send->url, "?"), send->url, text.data ? text.data : "");
    fiks_buf_free(&text);
}

void fiks_call_log_flight(const fiks_error *err, bool news)
{
    const struct {
        const char *name, *value;
    } ids[] = {{"", err->code},
               {"", err->oauth_error},
               {"trace ", err->trace_id},
               {"jti ", err->jti}}; /* Maskinporten's code is err->code, when it gave one */
    fiks_buf text = {0};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        if (ids[i].value[0] && (i != 1 || strcmp(err->code, err->oauth_error) != 0))
            fiks_buf_addf(&text, "%s%s%s", text.len ? ", " : "", ids[i].name, ids[i].value);
    fiks_log(news && !err->retryable ? FIKS_LOG_ERROR : FIKS_LOG_WARN,
             "token: no new one: %s %d (%s): %s", fiks_status_name(err->kind), err->http_status,
             text.data ? text.data : "", err->message);
    fiks_buf_free(&text);
}
