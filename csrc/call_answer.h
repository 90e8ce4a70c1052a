/* What an answer means to its call: the result, a token, or an error. */
#ifndef FIKS_CALL_ANSWER_H
#define FIKS_CALL_ANSWER_H

#include "call.h"

/* Is this the status that the operation hopes for? */
bool fiks_call_is_good(const fiks_call *call, int status);

/* Reads a complete answer: FIKS_OK, or what is wrong, in call->error. `*token_blamed`: it is the
 * token that Fiks refused. */
fiks_status fiks_call_judge(fiks_call *call, const fiks_answer *answer, fiks_time now,
                            bool *token_blamed);

#endif
