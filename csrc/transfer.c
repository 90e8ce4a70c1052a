#include "transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"

static int64_t now_ms(const fiks_transfer *t)
{
    return t->host->now->mono_ms;
}

static void note(fiks_transfer *t, unsigned notes)
{
    t->host->note(t->host->context, t->call, notes);
}

enum { PROGRESS_EVERY_MS = 100 };

/* Bytes moved. */
static void progress(fiks_transfer *t, atomic_llong *counter, size_t bytes)
{
    if (!(t->call->notes_wanted & FIKS_NOTE_PROGRESS))
        return;
    atomic_fetch_add_explicit(counter, (long long)bytes, memory_order_relaxed);
    if (now_ms(t) < t->progress_ms + PROGRESS_EVERY_MS)
        return;
    t->progress_ms = now_ms(t);
    note(t, FIKS_NOTE_PROGRESS);
}

static void learn_total(fiks_transfer *t)
{
    curl_off_t total = -1;
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &total);
    atomic_store_explicit(&t->call->received_total, (long long)total, memory_order_relaxed);
}

static const char *header(CURL *easy, const char *name)
{
    struct curl_header *found;
    return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &found) ? NULL : found->value;
}

/* The answer's headers are complete when the first byte of its body comes. */
static void pass_head(fiks_transfer *t)
{
    if (t->head_done)
        return;
    t->head_done = true;
    long status = 0;
    char *type = NULL;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    if (t->call->notes_wanted & FIKS_NOTE_PROGRESS)
        learn_total(t);
    const char *disposition = t->call->sink ? header(t->easy, "Content-Disposition") : NULL;
    const char *encoding = t->encoded ? header(t->easy, "Content-Encoding") : NULL;
    fiks_call_head(t->call, (int)status, type ? type : "", disposition ? disposition : "",
                   encoding ? encoding : "");
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    fiks_transfer *t = user;
    pass_head(t);
    fiks_watch_came(&t->watch, size * count, now_ms(t));
    fiks_feed feed = fiks_call_body(t->call, data, size * count);
    if (t->call->sink_fed && t->call->sink->ops->noted)
        note(t, FIKS_NOTE_DATA);
    switch (feed) {
    case FIKS_FEED_MORE:
        progress(t, &t->call->received_bytes, size * count);
        return size * count;
    case FIKS_FEED_PAUSED:
        fiks_watch_hold(&t->watch, true, now_ms(t));
        return CURL_WRITEFUNC_PAUSE;
    default:
        t->enough = feed == FIKS_FEED_ENOUGH;
        return size * count + 1; /* CURLE_WRITE_ERROR */
    }
}

static size_t read_source(fiks_transfer *t, char *to, size_t room)
{
    size_t n = 0;
    switch (fiks_call_pull(t->call, to, room, &n)) {
    case FIKS_PULL_MORE:
        break;
    case FIKS_PULL_END:
        n = 0;
        break;
    case FIKS_PULL_PAUSED:
        fiks_watch_hold(&t->watch, true, now_ms(t));
        note(t, FIKS_NOTE_WANT);
        return CURL_READFUNC_PAUSE;
    default:
        return CURL_READFUNC_ABORT;
    }
    t->read += n;
    int64_t length = t->call->source->ops->length(t->call->source);
    fiks_watch_sent(&t->watch, n == 0 || (length >= 0 && t->read >= (uint64_t)length), now_ms(t));
    return n;
}

static size_t on_read(char *to, size_t size, size_t count, void *user)
{
    fiks_transfer *t = user;
    const fiks_send *send = &t->call->send;
    size_t n = 0;
    if (send->source) {
        n = read_source(t, to, size * count);
    } else {
        n = send->body_bytes - (size_t)t->read;
        if (n > size * count)
            n = size * count;
        memcpy(to, send->body + t->read, n);
        t->read += n;
        fiks_watch_sent(&t->watch, t->read == send->body_bytes, now_ms(t));
    }
    if (n && n <= size * count)
        progress(t, &t->call->sent_bytes, n);
    return n;
}

enum { MAX_HEAD_BYTES = 64 * 1024 };

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    fiks_transfer *t = user;
    fiks_watch_came(&t->watch, 0, now_ms(t));
    fiks_request_id_read(&t->call->request_id, data, size * count);
    if (data[0] == '\r' || data[0] == '\n')
        t->head_whole = true;
    else if (size * count > 5 && memcmp(data, "HTTP/", 5) == 0)
        t->head_whole = t->encoded = false;
    else if (size * count > 17 && strncasecmp(data, "Content-Encoding:", 17) == 0)
        t->encoded = true;
    t->head_bytes += size * count;
    if (t->head_bytes <= MAX_HEAD_BYTES)
        return size * count;
    fiks_fail(&t->call->error, FIKS_PROTOCOL, "headers",
              "the headers of the answer are larger than %d bytes", MAX_HEAD_BYTES);
    return size * count + 1; /* CURLE_WRITE_ERROR */
}

/* Connected: the request goes out. */
static int on_begin(void *user, char *remote, char *local, int remote_port, int local_port)
{
    (void)remote, (void)local, (void)remote_port, (void)local_port;
    fiks_transfer *t = user;
    const fiks_send *send = &t->call->send;
    if (t->body_along)
        t->read = send->body_bytes;
    fiks_watch_begin(&t->watch, t->read == send->body_bytes && !send->source, now_ms(t));
    return CURL_PREREQFUNC_OK;
}

/* Among the headers, as libcurl writes CURLOPT_USERAGENT twice for each request, byte by byte. */
static char user_agent[] = "User-Agent: lua-fiks/" FIKS_VERSION;
static struct curl_slist proxy_agent = {.data = user_agent};

/* What never changes over the handle's life. */
static void set_constants(fiks_transfer *t)
{
    CURL *easy = t->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->reason);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXYHEADER, &proxy_agent);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, t);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_begin);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
    curl_easy_setopt(easy, CURLOPT_SHARE, t->host->share);
    fiks_way_init(&t->way, easy);
}

fiks_transfer *fiks_transfer_new(const fiks_transfer_host *host)
{
    fiks_transfer *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->host = host;
    t->easy = curl_easy_init();
    if (!t->easy) {
        free(t);
        return NULL;
    }
    set_constants(t);
    return t;
}

void fiks_transfer_free(fiks_transfer *t)
{
    if (!t)
        return;
    curl_easy_cleanup(t->easy);
    fiks_way_free(&t->way);
    fiks_goal_free(&t->goal);
    free(t);
}

/* -1 = not known: it goes out in chunks. */
static int64_t body_length(const fiks_send *send)
{
    return send->source ? send->source->ops->length(send->source) : (int64_t)send->body_bytes;
}

enum { ALONG_BYTES = 16 * 1024 };

/*
 * On a reused connection that dies without an answer libcurl sends again by itself, whatever the
 * method, and tells nobody. A body that must go once is therefore read through a function that
 * cannot be rewound: then libcurl gives up (CURLE_SEND_FAIL_REWIND) as soon as a byte of it has
 * left, and the call decides. A small one that may go again is given to libcurl, which writes it
 * along with the headers.
 */
static CURLcode set_post(fiks_transfer *t, const fiks_send *send, bool once)
{
    curl_off_t length = body_length(send);
    t->body_along = !once && !send->source && length <= ALONG_BYTES &&
                    !(t->call->notes_wanted & FIKS_NOTE_PROGRESS);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, length);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, !length ? "" : t->body_along ? send->body : NULL);
    return curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
}

/* Every option of the request line and body is set anew: the handle remembers the last request. */
static CURLcode set_body(fiks_transfer *t, const fiks_send *send, bool once)
{
    CURL *easy = t->easy;
    bool post = strcmp(send->method, "POST") == 0;
    bool get = strcmp(send->method, "GET") == 0;
    bool head = strcmp(send->method, "HEAD") == 0;
    bool body = send->body || post;
    t->read = 0;
    t->body_along = false;
    /* without a body there is nothing to rewind: a connection of its own then */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, once && !body_length(send) ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    CURLcode code = curl_easy_setopt(easy, CURLOPT_NOBODY, head ? 1L : 0L);
    if (!code && body && !head)
        code = set_post(t, send, once);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                                post || head || (get && !body) ? NULL : send->method);
    return code;
}

static CURLcode set_headers(fiks_transfer *t, const fiks_send *send)
{
    size_t n = 0;
    int64_t length = body_length(send);
    for (; n < send->header_count; n++)
        t->headers[n].data = (char *)send->headers[n];
    t->headers[n++].data = user_agent;
    t->headers[n++].data = (char *)"Accept-Encoding: identity"; /* without it, anything will do */
    if (!t->body_along && length)                               /* no 100-continue round trip */
        t->headers[n++].data = (char *)"Expect:";
    if (length < 0) /* HTTP/2 has no need of it, and libcurl leaves it out there */
        t->headers[n++].data = (char *)"Transfer-Encoding: chunked";
    if (!send->body)
        t->headers[n++].data = (char *)"Content-Type:"; /* libcurl would call no body a form */
    for (size_t i = 0; i < n; i++)
        t->headers[i].next = i + 1 < n ? &t->headers[i + 1] : NULL;
    return curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

static void start_progress(fiks_call *call, int64_t total)
{
    atomic_store(&call->sent_bytes, 0);
    atomic_store(&call->sent_total, total);
    atomic_store(&call->received_bytes, 0);
    atomic_store(&call->received_total, -1);
}

enum { ROOM_BYTES = 16 * 1024, LARGE_ROOM_BYTES = 128 * 1024 };

/* Room for more at a time pays where much comes or goes. libcurl allocates it for each request, and
 * refuses to change it while a handle that was taken out before it had a connection still has some:
 * then it stays as it is. */
static void set_room(fiks_transfer *t, bool much)
{
    long bytes = much ? LARGE_ROOM_BYTES : ROOM_BYTES;
    if (t->room_bytes != bytes && !curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, bytes) &&
        !curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, bytes))
        t->room_bytes = bytes;
}

static CURLcode set_connect_limit(fiks_transfer *t, long ms)
{
    if (t->connect_ms == ms)
        return CURLE_OK;
    t->connect_ms = ms;
    return curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, ms);
}

fiks_status fiks_transfer_prepare(fiks_transfer *t, fiks_call *call, fiks_error *err)
{
    const fiks_send *send = &call->send;
    t->call = call;
    t->head_done = false;
    t->head_whole = false;
    t->enough = false;
    t->head_bytes = 0;
    t->reason[0] = '\0';
    CURLcode code = fiks_goal_apply(&t->goal, t->easy, send->url);
    if (!code)
        code = set_body(t, send, !call->idempotent || call->token_flight); /* a grant: once */
    if (!code)
        code = set_headers(t, send);
    if (!code)
        code = fiks_way_apply(&t->way, t->easy, send->network, send->allow_http);
    if (!code)
        code = set_connect_limit(t, (long)send->limits.connect_ms);
    set_room(t, call->sink || send->source || send->body_bytes > ROOM_BYTES);
    fiks_watch_start(&t->watch, &send->limits, send->deadline_ms, now_ms(t));
    if (call->notes_wanted & FIKS_NOTE_PROGRESS)
        start_progress(call, body_length(send));
    return code ? fiks_fail(err, FIKS_INTERNAL, "curl", "libcurl refused an option: %s",
                            curl_easy_strerror(code))
                : FIKS_OK;
}

static fiks_status kind_of(CURLcode code)
{
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return FIKS_TIMEOUT;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return FIKS_PROTOCOL;
    case CURLE_OUT_OF_MEMORY:
        return FIKS_MEMORY;
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return FIKS_INTERNAL;
    default:
        return FIKS_NETWORK;
    }
}

void fiks_transfer_halted(fiks_transfer *t, fiks_halt why)
{
    fiks_error *err = &t->call->error;
    const fiks_send *send = &t->call->send;
    const fiks_limits *limits = &send->limits;
    fiks_url url;
    if (fiks_url_parse(send->url, "url", &url, NULL))
        url.host[0] = '\0';
    if (why == FIKS_HALT_FIRST_BYTE)
        fiks_fail(err, FIKS_TIMEOUT, "first_byte",
                  "%s: the request was sent, and no answer began within %u ms", url.host,
                  (unsigned)limits->first_byte_ms);
    else if (why == FIKS_HALT_IDLE)
        fiks_fail(err, FIKS_TIMEOUT, "idle", "%s: no byte moved for %u ms", url.host,
                  (unsigned)limits->idle_ms);
    else if (why == FIKS_HALT_SLOW)
        fiks_fail(err, FIKS_TIMEOUT, "too_slow",
                  "%s: the answer came at less than %u bytes a second for %u ms", url.host,
                  (unsigned)limits->min_bytes_per_s, (unsigned)limits->idle_ms);
    else
        fiks_fail(err, FIKS_TIMEOUT, "deadline", "%s: not done when the time of the %s was up (%s)",
                  url.host, t->call->token_flight ? "token request" : "call",
                  !t->watch.begun      ? "no connection yet"
                  : !t->watch.sent_all ? "the request was still being sent"
                  : !t->watch.answered ? "no answer had begun"
                                       : "the answer was still coming");
}

void fiks_transfer_resume(fiks_transfer *t)
{
    fiks_watch_hold(&t->watch, false, now_ms(t));
    curl_easy_pause(t->easy, CURLPAUSE_CONT);
}

/* A connection that is closed within the headers, or after "100 Continue", makes an answer without
 * a body for libcurl. */
static CURLcode check_head(fiks_transfer *t, long status)
{
    if (t->head_whole && (status >= 200 || status == 101))
        return CURLE_OK;
    snprintf(t->reason, sizeof t->reason, "the connection was closed within the answer's headers");
    return CURLE_PARTIAL_FILE;
}

/* libcurl's own words, plus what to do where that is known. */
static void describe(fiks_transfer *t, CURLcode code, fiks_error *err)
{
    fiks_status kind = kind_of(code);
    const char *reason = t->reason[0] ? t->reason : curl_easy_strerror(code);
    long status = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OUT_OF_MEMORY && status && !t->head_done) { /* of a line above 100 KB */
        kind = FIKS_PROTOCOL;
        reason = "a header of the answer is too large";
    }
    fiks_url url;
    if (fiks_url_parse(t->call->send.url, "url", &url, NULL))
        url.host[0] = '\0';
    if (!fiks_way_fail(&t->way, t->easy, t->call->send.network, code, url.host, reason, err))
        fiks_fail(err, kind, kind == FIKS_TIMEOUT ? "connect" : "curl", "%s: %s", url.host, reason);
}

/* For the pause before another try: drawn only when there may be one. */
static uint32_t pause_from(CURLcode code, long status)
{
    uint32_t n = 0;
    if ((code == CURLE_OK && status < 400) || code == CURLE_SEND_FAIL_REWIND)
        return 0; /* the latter was a kept connection that had died: no reason to wait */
    return fiks_random(&n, sizeof n) ? n : 0;
}

void fiks_transfer_report(fiks_transfer *t, CURLcode code, fiks_time now)
{
    long status = 0;
    char *type = NULL, *location = NULL;
    fiks_call *call = t->call;
    fiks_travel travel;
    fiks_transfer_measure(t, &travel);
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &location);
    if (t->enough)
        code = CURLE_OK;
    bool asks = call->token_flight || status < 200 || status > 299; /* else nobody does */
    fiks_answer answer = {
        .kind = FIKS_OK,
        .sent = code == CURLE_OK || fiks_way_was_sent(t->easy),
        .status = (int)status,
        .content_type = type ? type : "",
        .retry_after = asks ? header(t->easy, "Retry-After") : NULL,
        .date = asks ? header(t->easy, "Date") : NULL,
        .location = location,
        .travel = &travel,
    };
    if (code == CURLE_OK)
        code = check_head(t, status);
    if (code == CURLE_OK)
        pass_head(t);           /* an empty body: nobody did */
    else if (!call->error.kind) /* else a sink failed, and the transfer was stopped for that */
        describe(t, code, &call->error);
    if (code != CURLE_OK)
        answer.kind = call->error.kind;
    if (strcmp(call->error.code, "client_certificate") == 0)
        answer.sent = false; /* it may have left, in TLS 1.3, but nobody read it */
    fiks_call_answered(call, &answer, now, pause_from(code, status));
    t->call = NULL;
}
