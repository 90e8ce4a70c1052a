#include "request.h"

#include <string.h>

#include "error.h"
#include "multipart.h"
#include "redirect.h"

enum { DEFAULT_ANSWER_BYTES = 16 << 20, MAX_BEARER_BYTES = 32 * 1024 };
enum { CONNECT_MS = 5000, STREAM_BYTES_PER_S = 1000 };

static fiks_status choose_operation(fiks_call *call, const fiks_call_options *o, fiks_error *err)
{
    if (!o->operation) {
        if (!o->method || !o->path)
            return fiks_fail(err, FIKS_INVALID, "operation",
                             "a call needs an operation, or a method and a path");
        call->operation = &fiks_operation_request;
        return FIKS_OK;
    }
    call->operation = fiks_operation_find(o->operation);
    if (!call->operation)
        return fiks_fail(err, FIKS_INVALID, "operation",
                         "there is no operation '%.60s': did you mean '%s'?", o->operation,
                         fiks_operation_nearest(o->operation));
    return FIKS_OK;
}

static bool is_token(const char *text)
{
    size_t n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return n > 0 && n < 20 && !text[n];
}

static bool is_idempotent_method(const char *method)
{
    static const char *const safe[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof safe / sizeof *safe; i++)
        if (strcmp(method, safe[i]) == 0)
            return true;
    return false;
}

static fiks_status set_method(fiks_call *call, const fiks_call_options *o, fiks_error *err)
{
    call->method = call->operation->method;
    call->idempotent = call->operation->idempotent;
    if (!o->operation) {
        if (!is_token(o->method))
            return fiks_fail(err, FIKS_INVALID, "method",
                             "method must be in capital letters, such as GET, got \"%.20s\"",
                             o->method);
        call->method_owned = fiks_strdup(o->method);
        if (!call->method_owned)
            return fiks_fail_memory(err);
        call->method = call->method_owned;
        call->idempotent = is_idempotent_method(call->method); /* RFC 9110, 9.2.2 */
    }
    if (o->idempotent)
        call->idempotent = o->idempotent > 0;
    return FIKS_OK;
}

/* The parameter "url" names a link that the platform gave (SvarInn's downloadUrl). */
static const char *given_url(const fiks_call *call, const fiks_call_options *o)
{
    if (!o->operation)
        return o->path[0] != '/' && strstr(o->path, "://") ? o->path : NULL;
    bool link = call->operation->result == FIKS_RESULT_STREAM;
    for (size_t i = 0; link && i < o->param_count; i++)
        if (strcmp(o->params[i].name, "url") == 0)
            return o->params[i].value;
    return NULL;
}

static fiks_status build_url(fiks_call *call, const fiks_call_options *o, fiks_error *err)
{
    const fiks_client *client = call->client;
    if (call->operation->auth == FIKS_AUTH_TOKEN_ONLY)
        return fiks_buf_adds(&call->url, client->token_endpoint ? client->token_endpoint : "")
                   ? FIKS_OK
                   : fiks_fail_memory(err);
    const char *given = given_url(call, o);
    if (given) {
        bool svarut;
        fiks_status st = fiks_client_check_url(
            client, given, o->operation ? "the download address" : "path", &svarut, err);
        if (st)
            return st;
        if (o->operation && svarut != (call->operation->host == FIKS_HOST_SVARUT))
            return fiks_fail(err, FIKS_INVALID, "foreign_host",
                             "the download address is not on the host of %s: no credentials are "
                             "sent there",
                             call->operation->name);
        if (o->operation)
            fiks_buf_adds(&call->url, given);
        else
            st = fiks_url_build("", given, o->params, o->param_count, &call->url, err);
        return st ? st : call->url.failed ? fiks_fail_memory(err) : FIKS_OK;
    }
    const char *base =
        call->operation->host == FIKS_HOST_SVARUT ? client->svarut_url : client->api_url;
    if (!base)
        return fiks_fail(err, FIKS_CONFIG, "environment", "this client has no %s",
                         call->operation->host == FIKS_HOST_SVARUT ? "svarut_url" : "api_url");
    const char *path = o->operation ? call->operation->path : o->path;
    if (path[0] != '/')
        return fiks_fail(err, FIKS_INVALID, "path", "path must start with '/', got \"%.80s\"",
                         path);
    for (const char *c = path; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F || *c == '#')
            return fiks_fail(err, FIKS_INVALID, "path",
                             "path holds a blank, '#' or control character at %d", (int)(c - path));
    return fiks_url_build(base, path, o->params, o->param_count, &call->url, err);
}

/* libcurl would silently send "/a/../b" as "/b": to something else than what was asked for. */
static fiks_status set_url(fiks_call *call, const fiks_call_options *o, fiks_error *err)
{
    fiks_status st = build_url(call, o, err);
    if (!st && call->url.data && fiks_url_has_dots(call->url.data))
        st = fiks_fail(err, FIKS_INVALID, "path",
                       "path has \".\" or \"..\" as a step: write where "
                       "it leads to");
    return st;
}

static fiks_status set_basic(fiks_call *call, const fiks_call_options *o, fiks_error *err)
{
    if (!o->username || !o->password || !o->username[0] || !o->password[0])
        return fiks_fail(err, FIKS_CONFIG, "basic",
                         "%s needs the mottakersystem's user name and password",
                         call->operation->name);
    if (strchr(o->username, ':'))
        return fiks_fail(err, FIKS_CONFIG, "basic", "a user name cannot hold ':' (RFC 7617, 2)");
    fiks_buf pair = {0};
    fiks_buf_addf(&pair, "%s:%s", o->username, o->password);
    fiks_buf_adds(&call->basic_header, "Authorization: Basic ");
    fiks_base64_add(&call->basic_header, pair.data, pair.len);
    bool failed = pair.failed || call->basic_header.failed;
    fiks_buf_free(&pair);
    return failed ? fiks_fail_memory(err) : FIKS_OK;
}

static fiks_token_options token_options(const fiks_call_options *o)
{
    return (fiks_token_options){.size = sizeof(fiks_token_options),
                                .scope = o->scope,
                                .consumer_org = o->consumer_org,
                                .resource = o->resource,
                                .pid = o->pid,
                                .authorization_details = o->authorization_details};
}

static fiks_status set_token_key(fiks_call *call, const fiks_call_options *o, fiks_error *err)
{
    fiks_token_options wanted = token_options(o);
    return fiks_client_token_key(call->client, &wanted, &call->token_key, err);
}

/* A token that somebody else fetched goes into a header: visible ASCII only. */
static fiks_status set_bearer(fiks_call *call, const fiks_call_options *o, fiks_error *err)
{
    size_t len = strlen(o->bearer), good = 0;
    while (good < len && o->bearer[good] > ' ' && o->bearer[good] <= '~')
        good++;
    if (!len || len > MAX_BEARER_BYTES)
        return fiks_fail(err, FIKS_INVALID, "bearer", "bearer is %s",
                         len ? "larger than 32 KB" : "empty");
    if (good < len)
        return fiks_fail(err, FIKS_INVALID, "bearer",
                         "bearer holds a blank, a line break or another character that no token "
                         "has at byte %zu: give the access token alone, without \"Bearer \"",
                         good);
    if (o->scope || o->consumer_org || o->resource || o->pid || o->authorization_details)
        return fiks_fail(err, FIKS_INVALID, "bearer",
                         "bearer is a token that exists: scope, consumer_org, resource, pid and "
                         "authorization_details cannot be asked of it");
    call->bearer = true;
    fiks_buf_adds(&call->token_header, "Authorization: Bearer ");
    return fiks_buf_add(&call->token_header, o->bearer, len) ? FIKS_OK : fiks_fail_memory(err);
}

static fiks_status set_auth(fiks_call *call, const fiks_call_options *o, fiks_error *err)
{
    call->auth = o->username && !o->operation ? FIKS_AUTH_BASIC : call->operation->auth;
    if (call->auth == FIKS_AUTH_BASIC && !o->bearer)
        return set_basic(call, o, err);
    if (o->bearer && call->auth != FIKS_AUTH_INTEGRASJON)
        return fiks_fail(err, FIKS_INVALID, "bearer",
                         "%s does not send a person's token: leave "
                         "bearer out",
                         call->operation->name);
    if (call->auth == FIKS_AUTH_NONE)
        return FIKS_OK;
    fiks_status st = o->bearer ? set_bearer(call, o, err) : set_token_key(call, o, err);
    if (st)
        return st;
    if (!call->bearer && !call->token_key)
        return fiks_fail(err, FIKS_CONFIG, "token",
                         "%s needs a token: the client has no client_id and certificate",
                         call->operation->name);
    if (!call->client->header_id && call->auth == FIKS_AUTH_INTEGRASJON)
        return fiks_fail(err, FIKS_CONFIG, "integrasjon",
                         "%s needs an integrasjon: the client has no id and password",
                         call->operation->name);
    return FIKS_OK;
}

static fiks_status set_body(fiks_call *call, const fiks_call_options *o, fiks_error *err)
{
    fiks_buf type = {0};
    if (o->part_count) {
        fiks_status st =
            fiks_multipart_build(o->parts, o->part_count, &call->body, &call->source, &type, err);
        if (st) {
            fiks_buf_free(&type);
            return st;
        }
    } else if (o->body || o->source) {
        if (o->body)
            fiks_buf_add(&call->body, o->body, o->body_bytes);
        fiks_buf_adds(&type, o->content_type ? o->content_type : "application/json");
    }
    call->has_body = o->part_count || o->body || o->source;
    if (call->has_body && strcmp(call->method, "HEAD") == 0) {
        fiks_buf_free(&type);
        return fiks_fail(err, FIKS_INVALID, "body", "a HEAD request has no body");
    }
    if (type.len && strpbrk(type.data, "\r\n")) {
        fiks_buf_free(&type);
        return fiks_fail(err, FIKS_INVALID, "content_type", "content_type holds a line break");
    }
    if (type.len)
        fiks_buf_addf(&call->type_header, "Content-Type: %s", type.data);
    bool failed = call->body.failed || type.failed || call->type_header.failed;
    fiks_buf_free(&type);
    return failed ? fiks_fail_memory(err) : FIKS_OK;
}

void fiks_request_adopt(fiks_call *call, const fiks_call_options *o)
{
    call->sink = o->sink;
    if (call->source)
        fiks_joined_source_adopt(call->source); /* of a multipart body */
    else
        call->source = o->source;
    call->notes_wanted = o->notes;
}

static uint32_t first_of(uint32_t a, uint32_t b, uint32_t c)
{
    return a ? a : b ? b : c;
}

fiks_limits fiks_request_limits(const fiks_client *client, const fiks_operation *operation,
                                const fiks_call_options *options)
{
    static const fiks_call_options none;
    const fiks_call_options *o = options ? options : &none;
    const fiks_limits *by = &client->limits;
    bool stream = operation->result == FIKS_RESULT_STREAM || o->sink;
    return (fiks_limits){
        .connect_ms = first_of(o->connect_timeout_ms, by->connect_ms, CONNECT_MS),
        .first_byte_ms = first_of(o->first_byte_timeout_ms, by->first_byte_ms, operation->idle_ms),
        .idle_ms = first_of(o->idle_timeout_ms, by->idle_ms, operation->idle_ms),
        .min_bytes_per_s =
            stream ? first_of(o->min_bytes_per_s, by->min_bytes_per_s, STREAM_BYTES_PER_S) : 0};
}

/* A stream may take its time: only the call itself sets it a total. */
static uint32_t total_ms(const fiks_call *call, const fiks_call_options *o)
{
    if (call->operation->result == FIKS_RESULT_STREAM || o->sink)
        return o->timeout_ms;
    return first_of(o->timeout_ms, call->client->timeout_ms, call->operation->total_ms);
}

fiks_status fiks_request_build(fiks_call *call, const fiks_call_options *o, fiks_error *err)
{
    fiks_status st = choose_operation(call, o, err);
    if (!st)
        st = set_method(call, o, err);
    if (!st)
        st = set_url(call, o, err);
    if (!st)
        st = set_auth(call, o, err);
    if (!st)
        st = set_body(call, o, err);
    if (!st)
        st = fiks_trace_set(&call->trace, o->traceparent, o->correlation_id, FIKS_INVALID, err);
    call->max_answer_bytes = o->max_answer_bytes ? o->max_answer_bytes : DEFAULT_ANSWER_BYTES;
    if (!st) {
        call->total_ms = total_ms(call, o);
        call->limits = fiks_request_limits(call->client, call->operation, o);
    }
    if (st && err && call->operation)
        fiks_error_text(err->operation, sizeof err->operation, call->operation->name);
    return st;
}

bool fiks_request_redirect(fiks_call *call, const fiks_answer *answer)
{
    fiks_redirect redirect = {.status = answer->status,
                              .location = answer->location,
                              .url = call->url.data,
                              .method = call->method,
                              .has_body = call->has_body || call->source,
                              .allow_http = call->client->allow_loopback_http,
                              .followed = call->redirects,
                              .most = call->client->network->redirects};
    fiks_buf target = {0};
    fiks_redirect_to to = fiks_redirect_judge(&redirect, &target, &call->error);
    if (to == FIKS_REDIRECT_NOWHERE) {
        fiks_buf_free(&target);
        return false;
    }
    fiks_buf_free(&call->url);
    call->url = target;
    call->redirects++;
    call->foreign = call->foreign || to == FIKS_REDIRECT_FOREIGN;
    return true;
}
