#include "redirect.h"

#include <stdio.h>
#include <string.h>

#include "error.h"
#include "url.h"

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* NULL: it is followed. */
static const char *objection(const fiks_redirect *r, const fiks_url *from, const fiks_url *to)
{
    if (r->most == 0)
        return "redirects are not followed (the option redirects is 0), and never with "
               "credentials to another host: is the base URL right?";
    if ((strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0) || r->has_body)
        return "only a GET or HEAD without a body follows redirects";
    if (from->https != to->https)
        return "redirects are only followed within https";
    if (!to->https && !(r->allow_http && fiks_url_is_loopback(to)))
        return "plain http is only for this machine";
    if (r->followed >= r->most)
        return "that is one redirect too many (the option redirects)";
    return NULL;
}

static void refuse(const fiks_redirect *r, const fiks_url *to, const char *why, fiks_error *err)
{
    char code[16], host[300] = "somewhere unreadable";
    snprintf(code, sizeof code, "http_%d", r->status);
    if (to)
        snprintf(host, sizeof host, "%s://%s:%d", to->https ? "https" : "http", to->host, to->port);
    fiks_fail(err, FIKS_PROTOCOL, code, "the answer redirects to %s; %s", host, why);
}

fiks_redirect_to fiks_redirect_judge(const fiks_redirect *r, fiks_buf *target, fiks_error *err)
{
    fiks_url from, to;
    if (!is_redirect(r->status) || !r->location)
        return FIKS_REDIRECT_NOWHERE;
    size_t len = strcspn(r->location, "#");
    fiks_buf_clear(target);
    if (!fiks_buf_add(target, r->location, len)) {
        fiks_fail_memory(err);
        return FIKS_REDIRECT_NOWHERE;
    }
    if (fiks_url_parse(r->url, "url", &from, err))
        return FIKS_REDIRECT_NOWHERE;
    if (fiks_url_parse(target->data, "location", &to, NULL)) {
        refuse(r, NULL, "it is not a plain URL of http", err);
        return FIKS_REDIRECT_NOWHERE;
    }
    const char *why = objection(r, &from, &to);
    if (why) {
        refuse(r, &to, why, err);
        return FIKS_REDIRECT_NOWHERE;
    }
    return fiks_url_same_origin(&from, &to) ? FIKS_REDIRECT_SAME_ORIGIN : FIKS_REDIRECT_FOREIGN;
}
