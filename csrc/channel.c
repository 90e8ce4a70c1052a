#include "channel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

struct fiks_channel {
    atomic_int refs;
    int64_t length;
    bool rewindable;
    pthread_mutex_t lock;
    fiks_buf bytes;
    size_t at;      /* of the bytes, pulled already */
    unsigned round; /* of a source: how many times it has begun */
    bool moved;     /* something was pulled in this round, or taken */
    bool wanted, full, ended;
    char failure[256];
};

typedef struct channel_source {
    fiks_source base;
    fiks_channel *channel;
} channel_source;

typedef struct channel_sink {
    fiks_sink base;
    fiks_channel *channel;
} channel_sink;

fiks_channel *fiks_channel_new(int64_t length, bool rewindable)
{
    fiks_channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return NULL;
    atomic_init(&channel->refs, 1);
    pthread_mutex_init(&channel->lock, NULL);
    channel->length = length;
    channel->rewindable = rewindable;
    channel->round = 1;
    return channel;
}

fiks_channel *fiks_channel_ref(fiks_channel *channel)
{
    atomic_fetch_add(&channel->refs, 1);
    return channel;
}

void fiks_channel_free(fiks_channel *channel)
{
    if (!channel || atomic_fetch_sub(&channel->refs, 1) != 1)
        return;
    pthread_mutex_destroy(&channel->lock);
    fiks_buf_free(&channel->bytes);
    free(channel);
}

/* ---- the call's end: a source ------------------------------------------------------------------
 */

static int64_t source_length(const fiks_source *base)
{
    return ((const channel_source *)base)->channel->length;
}

static fiks_pull pull_locked(fiks_channel *channel, void *to, size_t room, size_t *got,
                             fiks_error *err)
{
    size_t left = channel->bytes.len - channel->at;
    if (channel->failure[0]) {
        fiks_fail(err, FIKS_CANCELLED, "source", "%s", channel->failure);
        return FIKS_PULL_FAILED;
    }
    if (!left) {
        channel->wanted = !channel->ended;
        return channel->ended ? FIKS_PULL_END : FIKS_PULL_PAUSED;
    }
    *got = left < room ? left : room;
    memcpy(to, channel->bytes.data + channel->at, *got);
    channel->at += *got;
    channel->moved = true;
    if (channel->at == channel->bytes.len) {
        fiks_buf_clear(&channel->bytes);
        channel->at = 0;
    }
    return FIKS_PULL_MORE;
}

static fiks_pull source_pull(fiks_source *base, void *to, size_t room, size_t *got, fiks_error *err)
{
    fiks_channel *channel = ((channel_source *)base)->channel;
    pthread_mutex_lock(&channel->lock);
    fiks_pull pull = pull_locked(channel, to, room, got, err);
    pthread_mutex_unlock(&channel->lock);
    return pull;
}

static bool source_rewind(fiks_source *base)
{
    fiks_channel *channel = ((channel_source *)base)->channel;
    pthread_mutex_lock(&channel->lock);
    bool can = channel->rewindable || !channel->moved;
    if (can && channel->moved) {
        channel->round++;
        channel->moved = channel->wanted = channel->ended = false;
        channel->at = 0;
        fiks_buf_clear(&channel->bytes);
    }
    pthread_mutex_unlock(&channel->lock);
    return can;
}

static void source_free(fiks_source *base)
{
    fiks_channel_free(((channel_source *)base)->channel);
    free(base);
}

fiks_source *fiks_channel_source(fiks_channel *channel)
{
    static const fiks_source_ops ops = {.name = "channel",
                                        .length = source_length,
                                        .pull = source_pull,
                                        .rewind = source_rewind,
                                        .free = source_free};
    channel_source *source = calloc(1, sizeof *source);
    if (!source)
        return NULL;
    source->base.ops = &ops;
    source->channel = fiks_channel_ref(channel);
    return &source->base;
}

/* ---- the call's end: a sink ---------------------------------------------------------------------
 */

static fiks_feed sink_feed(fiks_sink *base, const void *data, size_t len, fiks_error *err)
{
    fiks_channel *channel = ((channel_sink *)base)->channel;
    fiks_feed feed = FIKS_FEED_MORE;
    pthread_mutex_lock(&channel->lock);
    if (channel->bytes.len && len > FIKS_CHANNEL_BYTES - channel->bytes.len) {
        channel->full = true;
        feed = FIKS_FEED_PAUSED;
    } else if (!fiks_buf_add(&channel->bytes, data, len)) {
        fiks_fail_memory(err);
        feed = FIKS_FEED_FAILED;
    }
    pthread_mutex_unlock(&channel->lock);
    return feed;
}

static fiks_status sink_finish(fiks_sink *base, fiks_error *err)
{
    (void)base, (void)err; /* what has come is taken by the program after the call's end, too */
    return FIKS_OK;
}

static bool sink_reset(fiks_sink *base)
{
    fiks_channel *channel = ((channel_sink *)base)->channel;
    pthread_mutex_lock(&channel->lock);
    bool untouched = !channel->moved;
    if (untouched)
        fiks_buf_clear(&channel->bytes);
    pthread_mutex_unlock(&channel->lock);
    return untouched;
}

static void sink_free(fiks_sink *base)
{
    fiks_channel_free(((channel_sink *)base)->channel);
    free(base);
}

fiks_sink *fiks_channel_sink(fiks_channel *channel)
{
    static const fiks_sink_ops ops = {.name = "channel",
                                      .feed = sink_feed,
                                      .finish = sink_finish,
                                      .reset = sink_reset,
                                      .free = sink_free,
                                      .noted = true};
    channel_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return NULL;
    sink->base.ops = &ops;
    sink->channel = fiks_channel_ref(channel);
    return &sink->base;
}

/* ---- the program's end --------------------------------------------------------------------------
 */

unsigned fiks_channel_want(fiks_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    unsigned round = channel->wanted ? channel->round : 0;
    pthread_mutex_unlock(&channel->lock);
    return round;
}

bool fiks_channel_give(fiks_channel *channel, unsigned round, const void *data, size_t len)
{
    pthread_mutex_lock(&channel->lock);
    bool taken = true;
    if (round == channel->round && len) {
        taken = fiks_buf_add(&channel->bytes, data, len);
        channel->wanted = false;
    }
    pthread_mutex_unlock(&channel->lock);
    return taken;
}

void fiks_channel_end(fiks_channel *channel, unsigned round)
{
    pthread_mutex_lock(&channel->lock);
    if (round == channel->round) {
        channel->ended = true;
        channel->wanted = false;
    }
    pthread_mutex_unlock(&channel->lock);
}

void fiks_channel_fail(fiks_channel *channel, const char *why)
{
    pthread_mutex_lock(&channel->lock);
    fiks_error_text(channel->failure, sizeof channel->failure, why);
    channel->wanted = false;
    pthread_mutex_unlock(&channel->lock);
}

bool fiks_channel_take(fiks_channel *channel, fiks_buf *to)
{
    fiks_buf empty = *to;
    fiks_buf_clear(&empty);
    pthread_mutex_lock(&channel->lock);
    *to = channel->bytes;
    channel->bytes = empty;
    bool waits = channel->full;
    channel->full = false;
    channel->moved = channel->moved || to->len > 0;
    pthread_mutex_unlock(&channel->lock);
    return waits;
}
