/* From the options of a call to its request: checks everything before anything is sent. */
#ifndef FIKS_REQUEST_H
#define FIKS_REQUEST_H

#include "call.h"

/* Fills the request members of a zeroed call. */
fiks_status fiks_request_build(fiks_call *call, const fiks_call_options *options, fiks_error *err);

#endif
