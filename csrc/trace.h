/* What ties a call to the traces and logs of others: the W3C trace context and the correlation id
 * that are passed on, and the id that the server gave the request. */
#ifndef FIKS_TRACE_H
#define FIKS_TRACE_H

#include "fiks.h"
#include "str.h"

/* Header lines, ready to go out; empty = none. */
typedef struct fiks_trace {
    fiks_buf parent;      /* "traceparent: ..." */
    fiks_buf correlation; /* "X-Correlation-Id: ..." */
} fiks_trace;

/* Checks and copies; NULL = none. Fails with `kind`, code "traceparent" or "correlation_id". */
fiks_status fiks_trace_set(fiks_trace *trace, const char *traceparent, const char *correlation_id,
                           fiks_status kind, fiks_error *err);
void fiks_trace_free(fiks_trace *trace);

/* The id alone; "" = none. Borrowed. */
const char *fiks_trace_correlation_id(const fiks_trace *trace);

/* The server's id of a request, from the headers of its answer as they come. */
typedef struct fiks_request_id {
    int rank; /* of the header it is from; 0 = none came */
    char text[128];
} fiks_request_id;

void fiks_request_id_clear(fiks_request_id *id);

/* One line as it came, its line end included. A status line begins anew; a value that is too long
 * or holds other than visible ASCII characters is left out. */
void fiks_request_id_read(fiks_request_id *id, const char *line, size_t len);

#endif
