/* What a call writes into the log. */
#ifndef FIKS_CALL_LOG_H
#define FIKS_CALL_LOG_H

#include "call.h"

/* Level 3: the request that goes out now, as header names and sizes, and values that nobody needs
 * to hide. */
void fiks_call_log_request(const fiks_call *call);

/*
 * A flight that failed, with what support asks for. A lasting refusal is an error the first time
 * (`news`): while an older token lasts nobody else hears of it. Else a warning.
 */
void fiks_call_log_flight(const fiks_error *err, bool news);

#endif
