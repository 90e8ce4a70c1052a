#include "url.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':';
}

/* Copies the host, lower-cased; returns what follows it, or NULL. */
static const char *take_host(const char *at, fiks_url *out)
{
    bool bracket = *at == '[';
    if (bracket)
        at++;
    size_t n = 0;
    while (*at && !strchr(bracket ? "]" : ":/?", *at)) {
        char c = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
        if (n + 1 >= sizeof out->host || !is_host_char(c))
            return NULL;
        out->host[n++] = c;
        at++;
    }
    out->host[n] = '\0';
    if (!n || (bracket && *at++ != ']'))
        return NULL;
    return at;
}

fiks_status fiks_url_parse(const char *text, const char *what, fiks_url *out, fiks_error *err)
{
    memset(out, 0, sizeof *out);
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7F || *c == '#' || *c == '@' || *c == '\\')
            return fiks_fail(err, FIKS_INVALID, "url", "%s is not a plain URL: character %d at %d",
                             what, (unsigned char)*c, (int)(c - text));
    const char *at = text;
    if (strncmp(at, "https://", 8) == 0)
        out->https = true;
    else if (strncmp(at, "http://", 7) != 0)
        return fiks_fail(err, FIKS_INVALID, "url", "%s must start with https://, got \"%.40s\"",
                         what, text);
    at = take_host(at + (out->https ? 8 : 7), out);
    if (!at)
        return fiks_fail(err, FIKS_INVALID, "url", "%s has no valid host: \"%.80s\"", what, text);
    out->port = out->https ? 443 : 80;
    if (*at == ':') {
        char *end;
        long port = strtol(at + 1, &end, 10);
        if (end == at + 1 || port < 1 || port > 65535 || (*end && !strchr("/?", *end)))
            return fiks_fail(err, FIKS_INVALID, "url", "%s has a bad port: \"%.80s\"", what, text);
        out->port = (int)port;
    }
    return FIKS_OK;
}

bool fiks_url_is_loopback(const fiks_url *url)
{
    if (strcmp(url->host, "localhost") == 0 || strcmp(url->host, "::1") == 0)
        return true;
    if (strncmp(url->host, "127.", 4) != 0)
        return false;
    for (const char *c = url->host; *c; c++) /* not 127.evil.example */
        if ((*c < '0' || *c > '9') && *c != '.')
            return false;
    return true;
}

bool fiks_url_same_origin(const fiks_url *a, const fiks_url *b)
{
    return a->https == b->https && a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* A dot as it is, or percent-encoded: libcurl takes both for one. Its length; 0 = none. */
static size_t dot(const char *at)
{
    if (*at == '.')
        return 1;
    return at[0] == '%' && at[1] == '2' && (at[2] == 'e' || at[2] == 'E') ? 3 : 0;
}

bool fiks_url_has_dots(const char *url)
{
    const char *end = url + strcspn(url, "?#");
    for (const char *at = memchr(url, '/', (size_t)(end - url)); at;
         at = memchr(at, '/', (size_t)(end - at))) {
        at++;
        size_t first = dot(at), second = first ? dot(at + first) : 0;
        const char *after = at + first + second;
        if (first && (after == end || *after == '/'))
            return true;
    }
    return false;
}

static const fiks_param *find_param(const fiks_param *params, size_t count, const char *name,
                                    size_t name_len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(params[i].name) == name_len && memcmp(params[i].name, name, name_len) == 0)
            return &params[i];
    return NULL;
}

static bool named_in(const char *path, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = strchr(path, '{'); at; at = strchr(at + 1, '{'))
        if (strncmp(at + 1, name, n) == 0 && at[1 + n] == '}')
            return true;
    return false;
}

static fiks_status add_path(const char *path, const fiks_param *params, size_t count, fiks_buf *out,
                            fiks_error *err)
{
    while (*path) {
        size_t plain = strcspn(path, "{");
        fiks_buf_add(out, path, plain);
        path += plain;
        if (!*path)
            break;
        size_t n = strcspn(path + 1, "}");
        const fiks_param *p = find_param(params, count, path + 1, n);
        if (!p || !p->value || !p->value[0])
            return fiks_fail(err, FIKS_INVALID, "parameter", "parameter '%.*s' is missing", (int)n,
                             path + 1);
        if (strcmp(p->value, ".") == 0 || strcmp(p->value, "..") == 0)
            return fiks_fail(err, FIKS_INVALID, "parameter", "parameter '%.*s' must not be \"%s\"",
                             (int)n, path + 1, p->value);
        fiks_percent_add(out, p->value, strlen(p->value));
        path += n + (path[1 + n] ? 2 : 1);
    }
    return FIKS_OK;
}

fiks_status fiks_url_build(const char *base, const char *path, const fiks_param *params,
                           size_t count, fiks_buf *out, fiks_error *err)
{
    fiks_buf_adds(out, base);
    fiks_status st = add_path(path, params, count, out, err);
    if (st)
        return st;
    char sign = strchr(path, '?') ? '&' : '?';
    for (size_t i = 0; i < count; i++) {
        if (!params[i].value || named_in(path, params[i].name))
            continue;
        fiks_buf_add(out, &sign, 1);
        fiks_percent_add(out, params[i].name, strlen(params[i].name));
        fiks_buf_adds(out, "=");
        fiks_percent_add(out, params[i].value, strlen(params[i].value));
        sign = '&';
    }
    return out->failed ? fiks_fail_memory(err) : FIKS_OK;
}
