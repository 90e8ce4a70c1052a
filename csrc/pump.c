#include "pump.h"

#include <pthread.h>
#include <stdlib.h>

#include "error.h"
#include "transfer.h"

enum { LONGEST_SLEEP_MS = 60000, STREAMS = 10000, KEPT_CONNECTIONS = 64 };

struct fiks_pump {
    CURLM *multi;
    CURLSH *share;     /* used by one thread at a time, as all of this is: it needs no locks */
    fiks_call *parked; /* waiting for a time or a token */
    fiks_transfer *busy;
    fiks_transfer *idle;
    bool flight_ended;
    fiks_time now;    /* as of the last look at the clock */
    int64_t check_ms; /* when a transfer may have come to a halt */
    fiks_transfer_host host;
    fiks_budget budget;
    fiks_pump_finish *finish;
    void *context;
};

static void recycle(fiks_pump *p, fiks_transfer *t)
{
    t->next = p->idle;
    p->idle = t;
}

static fiks_status start_transfer(fiks_pump *p, fiks_call *call, fiks_error *err)
{
    fiks_transfer *t = p->idle;
    if (t)
        p->idle = t->next;
    else
        t = fiks_transfer_new(&p->host);
    if (!t)
        return fiks_fail_memory(err);
    fiks_status st = fiks_transfer_prepare(t, call, err);
    CURLMcode code = st ? CURLM_OK : curl_multi_add_handle(p->multi, t->easy);
    if (code)
        st = fiks_fail(err, FIKS_INTERNAL, "curl", "libcurl refused a transfer: %s",
                       curl_multi_strerror(code));
    if (st) {
        recycle(p, t);
        return st;
    }
    int64_t check_ms;
    fiks_watch_check(&t->watch, p->now.mono_ms, &check_ms);
    if (check_ms < p->check_ms)
        p->check_ms = check_ms;
    t->next = p->busy;
    p->busy = t;
    call->transfer = t;
    return FIKS_OK;
}

static void park(fiks_pump *p, fiks_call *call)
{
    call->next = p->parked;
    p->parked = call;
}

/* Passes on what its owner wanted to know. */
static void tell(fiks_pump *p, fiks_call *call)
{
    unsigned news = call->news & call->notes_wanted;
    call->news = 0;
    if (news)
        p->host.note(p->context, call, news);
}

/* Takes a call as far as it goes without waiting. */
static void advance(fiks_pump *p, fiks_call *call)
{
    for (;;) {
        fiks_call *flight = NULL;
        fiks_step step = fiks_call_step(call, p->now, &flight);
        if (flight)
            advance(p, flight); /* one level: a flight needs no token */
        tell(p, call);
        if (step == FIKS_STEP_DONE) {
            p->flight_ended = p->flight_ended || call->token_flight;
            p->finish(p->context, call);
            return;
        }
        if (step != FIKS_STEP_SEND) {
            park(p, call);
            return;
        }
        if (start_transfer(p, call, &call->error) == FIKS_OK)
            return;
        fiks_answer none = {.kind = call->error.kind, .content_type = ""};
        fiks_call_answered(call, &none, p->now, 0);
    }
}

static void end_transfer(fiks_pump *p, fiks_transfer *t, CURLcode code)
{
    fiks_call *call = t->call;
    fiks_transfer **at = &p->busy;
    while (*at && *at != t)
        at = &(*at)->next;
    *at = t->next;
    fiks_transfer_report(t, code, p->now);
    curl_multi_remove_handle(p->multi, t->easy);
    call->transfer = NULL;
    recycle(p, t);
    advance(p, call);
}

static void heed_flags(fiks_pump *p)
{
    for (fiks_transfer *t = p->busy, *next; t; t = next) {
        next = t->next;
        if (atomic_load(&t->call->cancelled)) {
            fiks_fail(&t->call->error, FIKS_CANCELLED, "cancelled", "the call was cancelled");
            end_transfer(p, t, CURLE_ABORTED_BY_CALLBACK);
        } else if (atomic_exchange(&t->call->resumed, false)) {
            fiks_transfer_resume(t);
        }
    }
}

/* Ends the transfers that have come to a halt, and learns when to look again. Bytes that move only
 * put that off, so between two looks nothing needs to be known. */
static void check_halts(fiks_pump *p)
{
    p->check_ms = INT64_MAX;
    for (fiks_transfer *t = p->busy, *next; t; t = next) {
        next = t->next;
        int64_t check_ms;
        fiks_halt why = fiks_watch_check(&t->watch, p->now.mono_ms, &check_ms);
        if (why) {
            fiks_transfer_halted(t, why);
            end_transfer(p, t, CURLE_OPERATION_TIMEDOUT);
        } else if (check_ms < p->check_ms) {
            p->check_ms = check_ms;
        }
    }
}

/* Steps the parked calls that are due; returns when the next one is. */
static int64_t step_parked(fiks_pump *p, bool all)
{
    int64_t now = p->now.mono_ms;
    int64_t wake = INT64_MAX;
    fiks_call *call = p->parked;
    p->parked = NULL;
    while (call) {
        fiks_call *next = call->next;
        if (all || call->wake_ms <= now || call->deadline_ms <= now)
            advance(p, call);
        else
            park(p, call);
        call = next;
    }
    for (call = p->parked; call; call = call->next) {
        if (call->wake_ms < wake)
            wake = call->wake_ms;
        if (call->deadline_ms < wake)
            wake = call->deadline_ms;
    }
    return wake;
}

static void reap(fiks_pump *p)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(p->multi, &left))) {
        fiks_transfer *t = NULL;
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t) == CURLE_OK)
            end_transfer(p, t, code);
    }
}

int64_t fiks_pump_turn(fiks_pump *p, bool attention)
{
    p->now = fiks_now();
    if (attention)
        heed_flags(p);
    int running;
    curl_multi_perform(p->multi, &running);
    p->now = fiks_now(); /* that may have taken a while: sinks decrypt and write files */
    reap(p);
    if (p->now.mono_ms >= p->check_ms)
        check_halts(p);
    int64_t wake;
    bool all = attention;
    do {
        all = all || p->flight_ended;
        p->flight_ended = false;
        wake = step_parked(p, all);
        all = false;
    } while (p->flight_ended);
    return wake < p->check_ms ? wake : p->check_ms;
}

void fiks_pump_rest(fiks_pump *p, int64_t until_ms)
{
    int64_t left = until_ms - fiks_now().mono_ms;
    if (left > LONGEST_SLEEP_MS)
        left = LONGEST_SLEEP_MS;
    if (left > 0)
        curl_multi_poll(p->multi, NULL, 0, (int)left, NULL);
}

void fiks_pump_limit(fiks_pump *p, unsigned per_host)
{
    curl_multi_setopt(p->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)per_host);
}

void fiks_pump_nudge(fiks_pump *p)
{
    curl_multi_wakeup(p->multi);
}

void fiks_pump_add(fiks_pump *p, fiks_call *call)
{
    p->now = fiks_now();
    call->budget = &p->budget;
    advance(p, call);
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static bool curl_ready;

static void init_curl(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

fiks_pump *fiks_pump_new(fiks_pump_finish *finish, fiks_pump_note *note, void *context)
{
    pthread_once(&curl_once, init_curl);
    fiks_pump *p = curl_ready ? calloc(1, sizeof *p) : NULL;
    if (!p)
        return NULL;
    p->check_ms = INT64_MAX;
    p->finish = finish;
    p->context = context;
    p->multi = curl_multi_init();
    p->share = curl_share_init();
    if (!p->multi || !p->share) {
        fiks_pump_free(p);
        return NULL;
    }
    p->host = (fiks_transfer_host){&p->now, note, context, p->share};
    curl_share_setopt(p->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    /* as many as the server allows: beyond libcurl's own limit (100) each would connect anew */
    curl_multi_setopt(p->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS);
    return p;
}

void fiks_pump_free(fiks_pump *p)
{
    if (!p)
        return;
    curl_multi_cleanup(p->multi);
    while (p->idle) {
        fiks_transfer *t = p->idle;
        p->idle = t->next;
        fiks_transfer_free(t);
    }
    curl_share_cleanup(p->share);
    free(p);
}
