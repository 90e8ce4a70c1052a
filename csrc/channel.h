/*
 * A bounded pipe between the thread that moves bytes and the one that waits for the call: how a
 * program that must not be called back (a Lua state) gives a body, or takes one, piece by piece.
 *
 * As a source it answers "paused" while it is empty, as a sink while it is full; whoever fills or
 * empties it then resumes the call (fiks_call_resume). Counted: the program's reference and the
 * call's.
 */
#ifndef FIKS_CHANNEL_H
#define FIKS_CHANNEL_H

#include "sink.h"
#include "source.h"
#include "str.h"

enum { FIKS_CHANNEL_BYTES = 256 * 1024 };

typedef struct fiks_channel fiks_channel;

/* `length`: of the whole body, -1 = not known; only a source's matters. `rewindable`: the program
 * can begin again (fiks_channel_want). NULL: out of memory. */
fiks_channel *fiks_channel_new(int64_t length, bool rewindable);
fiks_channel *fiks_channel_ref(fiks_channel *channel);
void fiks_channel_free(fiks_channel *channel);

/* The call's end of it; each holds a reference. NULL: out of memory. */
fiks_source *fiks_channel_source(fiks_channel *channel);
fiks_sink *fiks_channel_sink(fiks_channel *channel);

/* ---- the program's end ------------------------------------------------------------------------
 */

/* Are bytes wanted? The number of the round that they are wanted for, from 1; 0 = not now. A number
 * higher than before means: from the beginning, for another try. */
unsigned fiks_channel_want(fiks_channel *channel);
/* Gives bytes of that round; those of an earlier one are dropped. False: out of memory. */
bool fiks_channel_give(fiks_channel *channel, unsigned round, const void *data, size_t len);
/* There are no more. */
void fiks_channel_end(fiks_channel *channel, unsigned round);
/* There can be no more, and the call fails with these words. */
void fiks_channel_fail(fiks_channel *channel, const char *why);

/* Moves what has come into `to` (emptied before). True: the call waits for that, resume it. */
bool fiks_channel_take(fiks_channel *channel, fiks_buf *to);

#endif
