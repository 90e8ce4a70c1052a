/* What is kept of a call for whoever looks at it later: its attempts, where the time went, the
 * counters of the process, its name in log lines. Decides nothing. */
#ifndef FIKS_OBSERVE_H
#define FIKS_OBSERVE_H

#include "call.h"

/* The call takes its first step. */
void fiks_observe_begin(const fiks_call *call);
/* An attempt has ended, and what follows is decided: call->state, and call->error when it failed.
 */
void fiks_observe_attempt(fiks_call *call, const fiks_answer *answer, fiks_time now);
/* The call is over: response.elapsed_ms and error are set. */
void fiks_observe_end(fiks_call *call);

/* The headers that tie the call to the traces of others; never on a request for a token, which is
 * everybody's. NULL or "" = none. */
const char *fiks_observe_traceparent(const fiks_call *call);
const char *fiks_observe_correlation(const fiks_call *call);
/* The correlation id alone; "" = none. */
const char *fiks_observe_correlation_id(const fiks_call *call);

#endif
