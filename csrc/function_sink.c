/* A sink that hands the bytes to a function of the program. */
#include <stdlib.h>

#include "error.h"
#include "sink.h"

typedef struct function_sink {
    fiks_sink base;
    fiks_write_fn write;
    void *data;
    bool fed;
} function_sink;

static fiks_feed sink_feed(fiks_sink *base, const void *data, size_t len, fiks_error *err)
{
    function_sink *sink = (function_sink *)base;
    sink->fed = true;
    if (sink->write(data, len, sink->data))
        return FIKS_FEED_MORE;
    fiks_fail(err, FIKS_CANCELLED, "sink", "the function that takes the answer refused it");
    return FIKS_FEED_FAILED;
}

static fiks_status sink_finish(fiks_sink *base, fiks_error *err)
{
    (void)base, (void)err;
    return FIKS_OK;
}

/* What it was given cannot be taken back. */
static bool sink_reset(fiks_sink *base)
{
    return !((function_sink *)base)->fed;
}

static void sink_free(fiks_sink *base)
{
    free(base);
}

fiks_status fiks_function_sink_new(fiks_write_fn write, void *data, fiks_sink **out,
                                   fiks_error *err)
{
    static const fiks_sink_ops ops = {.name = "function",
                                      .feed = sink_feed,
                                      .finish = sink_finish,
                                      .reset = sink_reset,
                                      .free = sink_free};
    *out = NULL;
    function_sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return fiks_fail_memory(err);
    *sink = (function_sink){{&ops}, write, data, false};
    *out = &sink->base;
    return FIKS_OK;
}
