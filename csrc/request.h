/* From the options of a call to its request: checks everything before anything is sent. */
#ifndef FIKS_REQUEST_H
#define FIKS_REQUEST_H

#include "call.h"

/* Fills the request members of a zeroed call. */
fiks_status fiks_request_build(fiks_call *call, const fiks_call_options *options, fiks_error *err);

/* Takes over what the call now owns: nothing can fail any more. */
void fiks_request_adopt(fiks_call *call, const fiks_call_options *options);

/* Makes it the request to where the answer points; false: it is not. The call's error is set when
 * the answer is a redirect that is not followed. */
bool fiks_request_redirect(fiks_call *call, const fiks_answer *answer);

/* What is borne within a try: what the options (NULL = none) say, else the client's, else the
 * operation's. */
fiks_limits fiks_request_limits(const fiks_client *client, const fiks_operation *operation,
                                const fiks_call_options *options);

#endif
