/* The counters in Prometheus' text format. Names are public: dashboards and alerts hold them. */
#include "error.h"
#include "metrics.h"
#include "str.h"

static void begin(fiks_buf *to, const char *name, const char *type, const char *help)
{
    fiks_buf_addf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_one(fiks_buf *to, const char *name, const char *type, const char *help,
                      uint64_t value)
{
    begin(to, name, type, help);
    fiks_buf_addf(to, "%s %llu\n", name, (unsigned long long)value);
}

static void write_outcomes(fiks_buf *to, const fiks_metrics *m)
{
    begin(to, "fiks_calls_total", "counter", "Calls that have ended, by outcome.");
    for (int i = 0; i < FIKS_OUTCOMES; i++)
        fiks_buf_addf(to, "fiks_calls_total{outcome=\"%s\"} %llu\n",
                      fiks_status_name((fiks_status)i), (unsigned long long)m->calls[i]);
}

static void write_durations(fiks_buf *to, const fiks_metrics *m)
{
    unsigned long long sum = 0;
    begin(to, "fiks_call_duration_seconds", "histogram",
          "Duration of calls, waiting for tokens and pauses between tries included.");
    for (size_t i = 0; i < FIKS_BUCKETS; i++) {
        sum += m->durations[i].calls;
        if (m->durations[i].up_to_ms == UINT32_MAX)
            fiks_buf_addf(to, "fiks_call_duration_seconds_bucket{le=\"+Inf\"} %llu\n", sum);
        else
            fiks_buf_addf(to, "fiks_call_duration_seconds_bucket{le=\"%u.%03u\"} %llu\n",
                          (unsigned)m->durations[i].up_to_ms / 1000,
                          (unsigned)m->durations[i].up_to_ms % 1000, sum);
    }
    fiks_buf_addf(to, "fiks_call_duration_seconds_sum %llu.%03u\n",
                  (unsigned long long)(m->duration_ms / 1000), (unsigned)(m->duration_ms % 1000));
    fiks_buf_addf(to, "fiks_call_duration_seconds_count %llu\n", sum);
}

fiks_status fiks_metrics_text(char **out, size_t *out_bytes, fiks_error *err)
{
    fiks_metrics m = FIKS_OPTIONS(fiks_metrics);
    fiks_metrics_get(&m);
    const struct {
        const char *name, *help;
        uint64_t value;
    } rows[] = {
        {"fiks_requests_total", "HTTP requests sent, repeated ones and those for tokens included.",
         m.requests},
        {"fiks_retries_total", "Requests that were sent again.", m.retries},
        {"fiks_token_fetches_total", "Access tokens asked for.", m.token_fetches},
        {"fiks_token_fetch_failures_total", "Access tokens asked for in vain.", m.token_failures},
        {"fiks_token_cache_hits_total", "Tries that found an access token.", m.token_hits},
        {"fiks_sent_bytes_total", "Bytes of HTTP sent.", m.sent_bytes},
        {"fiks_received_bytes_total", "Bytes of HTTP received.", m.received_bytes},
        {"fiks_connections_opened_total", "Connections made.", m.connections_opened},
        {"fiks_connections_reused_total", "Requests on a kept connection.", m.connections_reused},
        {"fiks_log_lines_dropped_total", "Log lines that found no room.", m.log_lines_dropped},
    };
    fiks_buf text = {0};
    write_outcomes(&text, &m);
    write_one(&text, "fiks_calls_in_flight", "gauge", "Calls under way.", m.calls_in_flight);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        write_one(&text, rows[i].name, "counter", rows[i].help, rows[i].value);
    write_durations(&text, &m);
    *out = text.data;
    *out_bytes = text.len;
    if (!text.failed)
        return FIKS_OK;
    fiks_buf_free(&text);
    *out = NULL;
    return fiks_fail_memory(err);
}
