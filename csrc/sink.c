#include "sink.h"

#include "error.h"

void fiks_sink_free(fiks_sink *sink)
{
    if (sink)
        sink->ops->free(sink);
}

fiks_status fiks_sink_feed(fiks_sink *sink, const void *bytes, size_t length, fiks_error *err)
{
    fiks_error own = {0};
    switch (sink->ops->feed(sink, bytes, length, &own)) {
    case FIKS_FEED_MORE:
        return FIKS_OK;
    case FIKS_FEED_PAUSED:
        return fiks_fail(err, FIKS_INVALID, "sink",
                         "this sink takes its bytes from a call only: it is full until they are "
                         "taken from it");
    default:
        if (err)
            *err = own;
        return own.kind;
    }
}

fiks_status fiks_sink_finish(fiks_sink *sink, fiks_error *err)
{
    return sink->ops->finish(sink, err);
}
