#include "trace.h"

#include <string.h>
#include <strings.h>

#include "error.h"

enum { MAX_CORRELATION_BYTES = 127, PARENT_BYTES = 55, MAX_PARENT_BYTES = 255 };

static bool is_visible(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return len > 0;
}

/* Lower-case hex digits, and not all zeros. */
static bool is_id(const char *text, size_t len)
{
    size_t zeros = strspn(text, "0");
    return strspn(text, "0123456789abcdef") == len && zeros < len;
}

static bool is_hex_byte(const char *text)
{
    return strspn(text, "0123456789abcdef") == 2;
}

/* W3C Trace Context, 3.2: version, trace-id, parent-id, flags; later versions may add to that. */
static bool is_traceparent(const char *text)
{
    size_t len = strlen(text);
    bool first_version = strncmp(text, "00", 2) == 0;
    if (len < PARENT_BYTES || len > MAX_PARENT_BYTES || !is_visible(text, len))
        return false;
    if (text[2] != '-' || text[35] != '-' || text[52] != '-')
        return false;
    if (first_version ? len > PARENT_BYTES : len > PARENT_BYTES && text[PARENT_BYTES] != '-')
        return false;
    return is_hex_byte(text) && strncmp(text, "ff", 2) != 0 && is_id(text + 3, 32) &&
           is_id(text + 36, 16) && is_hex_byte(text + 53);
}

fiks_status fiks_trace_set(fiks_trace *trace, const char *traceparent, const char *correlation_id,
                           fiks_status kind, fiks_error *err)
{
    if (traceparent && !is_traceparent(traceparent))
        return fiks_fail(err, kind, "traceparent",
                         "traceparent is not one of W3C Trace Context: version, trace id, parent "
                         "id and flags in lower-case hex digits, as in 00-<32>-<16>-01, no id all "
                         "zeros");
    if (correlation_id && (!is_visible(correlation_id, strlen(correlation_id)) ||
                           strlen(correlation_id) > MAX_CORRELATION_BYTES))
        return fiks_fail(err, kind, "correlation_id",
                         "correlation_id must be 1 to %d visible ASCII characters without blanks",
                         MAX_CORRELATION_BYTES);
    if (traceparent)
        fiks_buf_addf(&trace->parent, "traceparent: %s", traceparent);
    if (correlation_id)
        fiks_buf_addf(&trace->correlation, "X-Correlation-Id: %s", correlation_id);
    return trace->parent.failed || trace->correlation.failed ? fiks_fail_memory(err) : FIKS_OK;
}

void fiks_trace_free(fiks_trace *trace)
{
    fiks_buf_free(&trace->parent);
    fiks_buf_free(&trace->correlation);
}

const char *fiks_trace_correlation_id(const fiks_trace *trace)
{
    return trace->correlation.data ? strchr(trace->correlation.data, ' ') + 1 : "";
}

/* ---- the server's ---------------------------------------------------------------------------- */

/* The length of the header's name and colon when the line is of it, else 0. */
static size_t is_of(const char *line, size_t len, const char *name)
{
    size_t n = strlen(name);
    return len > n && strncasecmp(line, name, n) == 0 ? n : 0;
}

static void take(fiks_request_id *id, int rank, const char *value, size_t len)
{
    while (len && (*value == ' ' || *value == '\t'))
        value++, len--;
    while (len && (unsigned char)value[len - 1] <= ' ')
        len--;
    if (rank <= id->rank || len >= sizeof id->text || !is_visible(value, len))
        return;
    id->rank = rank;
    memcpy(id->text, value, len);
    id->text[len] = '\0';
}

void fiks_request_id_clear(fiks_request_id *id)
{
    id->rank = 0;
    id->text[0] = '\0';
}

void fiks_request_id_read(fiks_request_id *id, const char *line, size_t len)
{
    static const char *const names[] = {"traceparent:", "x-correlation-id:", "x-request-id:"};
    char first = len ? (char)(line[0] | 0x20) : '\0';
    if (first == 'h' && is_of(line, len, "HTTP/")) { /* of an interim answer, or a proxy's */
        fiks_request_id_clear(id);
    } else if (first == 'x' || first == 't') { /* every header of every answer comes by here */
        for (int i = 0; i < 3; i++) {
            size_t n = is_of(line, len, names[i]);
            if (n)
                take(id, i + 1, line + n, len - n);
        }
    }
}
