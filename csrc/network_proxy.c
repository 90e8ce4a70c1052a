/* The proxy: from the option or the usual variables, its user, and who goes without it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "network.h"
#include "url.h"

/* What is for this machine is not shown to a proxy: it may be plain http. */
#define LOOPBACK "localhost,127.0.0.0/8,::1"

/* ---- the URL ------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* %41 -> A. NULL: a bad escape (%00 is one), or out of memory. */
static char *percent_decoded(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < len; i++) {
        int high = text[i] == '%' && i + 2 < len ? hex_value(text[i + 1]) : -1;
        int low = high >= 0 ? hex_value(text[i + 2]) : -1;
        if (text[i] == '%' && (low < 0 || high + low == 0)) {
            fiks_wipe_free(out, n);
            return NULL;
        }
        out[n++] = text[i] == '%' ? (char)(high * 16 + low) : text[i];
        i += text[i] == '%' ? 2 : 0;
    }
    if (out)
        out[n] = '\0';
    return out;
}

/* The text is not shown: it may hold a password. */
static fiks_status bad_url(const fiks_network *n, const char *why, fiks_error *err)
{
    return fiks_fail(err, FIKS_CONFIG, "proxy",
                     "%s %s: a proxy is written http://host:port or https://host:port, with "
                     "user:password@ in front of the host when it wants them, and \"none\" as "
                     "option means none",
                     n->proxy_from, why);
}

static fiks_status take_user(fiks_network *n, const char *text, size_t len, fiks_error *err)
{
    const char *colon = memchr(text, ':', len);
    size_t name = colon ? (size_t)(colon - text) : len;
    n->proxy_username = percent_decoded(text, name);
    n->proxy_password = colon ? percent_decoded(colon + 1, len - name - 1) : fiks_strdup("");
    return n->proxy_username && n->proxy_password
               ? FIKS_OK
               : bad_url(n,
                         "has a bad user name or password (other characters than letters and "
                         "digits go as %XX)",
                         err);
}

static fiks_status take_host(fiks_network *n, const char *scheme, const char *host, fiks_error *err)
{
    fiks_buf url = {0};
    fiks_url parsed;
    size_t len = strcspn(host, "/");
    const char *colon = memrchr(host, ':', len);
    bool has_port = colon && !memchr(colon, ']', len - (size_t)(colon - host));
    if (host[len] && host[len + 1])
        return bad_url(n, "has a path", err);
    if (!has_port)
        return bad_url(n, "names no port", err);
    fiks_buf_addf(&url, "%s%.*s", scheme, (int)len, host);
    if (url.failed)
        return fiks_fail_memory(err);
    n->proxy = url.data;
    return fiks_url_parse(url.data, "proxy", &parsed, NULL) ? bad_url(n, "is no address", err)
                                                            : FIKS_OK;
}

static fiks_status parse_proxy(fiks_network *n, const char *text, fiks_error *err)
{
    const char *scheme = "http://", *at = text;
    if (strncasecmp(text, "https://", 8) == 0) {
        scheme = "https://";
        at += 8;
    } else if (strncasecmp(text, "http://", 7) == 0) {
        at += 7;
    } else if (strstr(text, "://")) {
        return bad_url(n, "is of another kind (SOCKS, say) than http", err);
    }
    size_t authority = strcspn(at, "/");
    const char *user_end = memrchr(at, '@', authority);
    fiks_status st = FIKS_OK;
    if (user_end) {
        st = take_user(n, at, (size_t)(user_end - at), err);
        at = user_end + 1;
    }
    return st ? st : take_host(n, scheme, at, err);
}

/* ---- who is asked -------------------------------------------------------------------------- */

/* The first of the variables that is set, perhaps to nothing. */
static const char *variable(const char *const names[], const char **name)
{
    for (; *names; names++) {
        const char *value = getenv(*names);
        *name = *names;
        if (value)
            return value;
    }
    return NULL;
}

/* As curl has it: small letters first, and a variable that is set to nothing means none. */
static const char *find_proxy(fiks_network *n, const fiks_network_options *o)
{
    /* http_proxy is for http://, which only goes to this machine, and there directly */
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                        NULL};
    const char *name;
    if (o->proxy) {
        fiks_error_text(n->proxy_from, sizeof n->proxy_from, "the option proxy");
        return strcmp(o->proxy, "none") == 0 ? NULL : o->proxy;
    }
    const char *value = variable(names, &name);
    snprintf(n->proxy_from, sizeof n->proxy_from, "the variable %s", name);
    return value && *value ? value : NULL;
}

static fiks_status check_user_text(const char *text, const char *option, fiks_error *err)
{
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            return fiks_fail(err, FIKS_CONFIG, option, "%s holds a control character", option);
    return FIKS_OK;
}

static fiks_status set_user(fiks_network *n, const fiks_network_options *o, fiks_error *err)
{
    if (o->proxy_username) {
        fiks_str_wipe_free(n->proxy_username);
        fiks_str_wipe_free(n->proxy_password);
        n->proxy_username = fiks_strdup(o->proxy_username);
        n->proxy_password = fiks_strdup(o->proxy_password ? o->proxy_password : "");
        if (!n->proxy_username || !n->proxy_password)
            return fiks_fail_memory(err);
    }
    if (!n->proxy_username)
        return FIKS_OK;
    if (!n->proxy_username[0] || strchr(n->proxy_username, ':'))
        return fiks_fail(err, FIKS_CONFIG, "proxy_username", "the proxy's user name %s",
                         n->proxy_username[0] ? "holds a colon, which Basic cannot say"
                                              : "is empty");
    fiks_status st = check_user_text(n->proxy_username, "proxy_username", err);
    return st ? st : check_user_text(n->proxy_password, "proxy_password", err);
}

static fiks_status set_exceptions(fiks_network *n, const char *list, fiks_error *err)
{
    fiks_buf all = {0};
    fiks_buf_adds(&all, LOOPBACK);
    if (list && *list)
        fiks_buf_addf(&all, ",%s", list);
    n->no_proxy = all.data;
    return all.failed ? fiks_fail_memory(err) : FIKS_OK;
}

fiks_status fiks_network_set_proxy(fiks_network *n, const fiks_network_options *o, fiks_error *err)
{
    static const char *const names[] = {"no_proxy", "NO_PROXY", NULL};
    const char *name;
    if (o->unix_socket && o->proxy && strcmp(o->proxy, "none") != 0)
        return fiks_fail(err, FIKS_CONFIG, "unix_socket",
                         "unix_socket and proxy exclude each other");
    if (o->proxy_password && !o->proxy_username)
        return fiks_fail(err, FIKS_CONFIG, "proxy_username",
                         "proxy_password is given without proxy_username");
    const char *exceptions = o->no_proxy ? o->no_proxy : variable(names, &name);
    const char *proxy = o->unix_socket ? NULL : find_proxy(n, o);
    if (!proxy || (exceptions && strcmp(exceptions, "*") == 0))
        return FIKS_OK;
    fiks_status st = parse_proxy(n, proxy, err);
    if (!st)
        st = set_user(n, o, err);
    return st ? st : set_exceptions(n, exceptions, err);
}
