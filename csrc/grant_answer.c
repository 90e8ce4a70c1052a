/* The token endpoint's answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "grant.h"
#include "json.h"
#include "jwt.h"
#include "log.h"
#include "redact.h"
#include "url.h"

enum { MAX_TOKEN_BYTES = 32 * 1024, MAX_LIFETIME_S = 7200 };

/* ---- a token ------------------------------------------------------------------------------- */

static const char what[] = "the token endpoint's answer";

/* It goes into a header: visible ASCII only. */
static fiks_status read_access_token(const fiks_json *root, fiks_token *out, fiks_error *err)
{
    const char *text = NULL;
    fiks_status st = fiks_json_need_string(root, "access_token", what, &text, err);
    if (st)
        return st;
    size_t len = strlen(text);
    if (!len || len > MAX_TOKEN_BYTES)
        return fiks_fail(err, FIKS_PROTOCOL, "token", "%s: access_token is %s", what,
                         len ? "larger than 32 KB" : "empty");
    for (const char *c = text; *c; c++)
        if (*c <= ' ' || *c > '~')
            return fiks_fail(err, FIKS_PROTOCOL, "token",
                             "%s: access_token holds a character that no token has", what);
    out->access_token = fiks_strdup(text);
    return out->access_token ? FIKS_OK : fiks_fail_memory(err);
}

static fiks_status check_type(const fiks_json *root, fiks_error *err)
{
    const fiks_json *type = fiks_json_get(root, "token_type");
    const char *name = fiks_json_string(type);
    if (!type || (name && fiks_equal_nocase(name, "Bearer")))
        return FIKS_OK;
    return fiks_fail(err, FIKS_PROTOCOL, "token", "%s: token_type is %.20s, not Bearer", what,
                     name ? name : "not a string");
}

/* Seconds from a number or a string of digits; -1 = not given. */
static fiks_status read_expires_in(const fiks_json *root, double *out, fiks_error *err)
{
    const fiks_json *value = fiks_json_get(root, "expires_in");
    const char *text = fiks_json_string(value);
    *out = -1;
    if (!value)
        return FIKS_OK;
    bool readable = text
                        ? text[0] && strlen(text) < 16 && strspn(text, "0123456789") == strlen(text)
                        : fiks_json_number(value, out);
    if (readable && text)
        *out = (double)strtoll(text, NULL, 10);
    if (readable && *out >= 0)
        return FIKS_OK;
    return fiks_fail(err, FIKS_PROTOCOL, "token", "%s: expires_in is %s", what,
                     readable ? "negative" : "not a number");
}

/* How long the token itself says it lives: expires_in was wrong on the server once (2020). -1 = it
 * does not say. */
static double own_lifetime(const char *token)
{
    fiks_jwt jwt;
    double iat, exp, lifetime = -1;
    if (fiks_jwt_split(token, strlen(token), &jwt, NULL)) {
        fiks_log(FIKS_LOG_WARN, "token: the access token is not a JWT; Fiks only takes JWTs");
        return -1;
    }
    if (fiks_json_number(fiks_json_get(jwt.payload, "iat"), &iat) &&
        fiks_json_number(fiks_json_get(jwt.payload, "exp"), &exp))
        lifetime = exp > iat ? exp - iat : 0;
    fiks_jwt_clear(&jwt);
    return lifetime;
}

static fiks_status set_lifetime(const fiks_json *root, fiks_token *out, fiks_error *err)
{
    double told;
    fiks_status st = read_expires_in(root, &told, err);
    if (st)
        return st;
    double own = own_lifetime(out->access_token);
    double seconds = told < 0 || (own >= 0 && own < told) ? own : told;
    if (seconds > MAX_LIFETIME_S)
        seconds = MAX_LIFETIME_S;
    out->lifetime_ms = seconds > 0 ? (int64_t)seconds * 1000 : 0;
    return FIKS_OK;
}

static fiks_status set_scope(const fiks_json *root, const char *wanted, bool accept_fewer,
                             fiks_token *out, fiks_error *err)
{
    const char *granted = fiks_json_get_string(root, "scope");
    bool fewer = granted && !fiks_scope_covers(granted, wanted);
    if (fewer && accept_fewer)
        fiks_log(FIKS_LOG_WARN, "token: granted the scope \"%.100s\" instead of \"%.100s\"",
                 granted, wanted);
    else if (fewer)
        return fiks_fail(err, FIKS_DENIED, "scope",
                         "the token endpoint granted the scope \"%.100s\" instead of \"%.100s\": "
                         "have the missing scope added to the client at Digdir, or set "
                         "accept_fewer_scopes",
                         granted, wanted);
    out->scope = fiks_strdup(granted ? granted : wanted);
    return out->scope ? FIKS_OK : fiks_fail_memory(err);
}

static fiks_status read_token(const fiks_grant_answer *answer, const char *scope, bool accept_fewer,
                              fiks_token *out, fiks_error *err)
{
    fiks_json *root = NULL;
    fiks_status st = fiks_json_parse_object(answer->body, answer->body_bytes,
                                            FIKS_GRANT_MAX_ANSWER_BYTES, what, &root, err);
    if (!st)
        st = check_type(root, err);
    if (!st)
        st = read_access_token(root, out, err);
    if (!st)
        st = set_lifetime(root, out, err);
    if (!st)
        st = set_scope(root, scope, accept_fewer, out, err);
    out->sent = answer->sent;
    fiks_json_free(root);
    if (st)
        fiks_token_clear(out);
    return st;
}

/* ---- a refusal ----------------------------------------------------------------------------- */

/* Who must do what, by Maskinporten's code or by words of the description. First match. */
typedef struct refusal {
    const char *code;
    const char *words;
    const char *hint;
} refusal;

static const refusal refusals[] = {
    {"MP-011", NULL,
     "a value in the grant is malformed: look for line breaks and typing errors in "
     "the settings"},
    {"MP-012", NULL,
     "the grant was used before, although each is made once: if a later try fails alike, whoever "
     "runs this program looks for something on the way that sends requests twice"},
    {"MP-100", NULL,
     "the client is unknown: check client_id, and that issuer and token_endpoint "
     "are of the environment the client is registered in"},
    {"MP-110", NULL,
     "the issuer (aud) is wrong: it must be that of the same environment as "
     "token_endpoint, with or without the slash at the end exactly as published"},
    {"MP-120", NULL,
     "the certificate is not accepted: use a valid virksomhetssertifikat, of a test "
     "authority for test and of production for production"},
    {"MP-121", NULL,
     "the registered key has expired (keys live one year): register it again at "
     "Digdir"},
    {"MP-122", NULL,
     "the organisation number of the certificate is not the client's: use the certificate of the "
     "organisation that owns the client, or a client of the certificate's organisation"},
    {"MP-123", NULL,
     "x5c was not understood: report it to the makers of lua-fiks, with the trace id; meanwhile "
     "have the key registered at Digdir and set kid"},
    {"MP-124", NULL,
     "the signature does not verify: check that the key is the one registered, and "
     "that the certificate is valid and of this environment"},
    {"MP-200", NULL,
     "the scope is not registered on the client, or misspelt: have it added at "
     "Digdir"},
    {"MP-201", NULL,
     "the scope cannot be used by this kind of client: have Digdir register one that can"},
    {"MP-250", NULL, "the organisation has no access to the scope: ask KS to grant it"},
    {"MP-251", NULL,
     "the customer has not delegated the scope to the supplier in Altinn (test and "
     "production have their own delegations)"},
    {"MP-301", NULL,
     "authorization_details has an unknown type: whoever runs this program must correct its type, or leave it out: Fiks needs none"},
    {"MP-302", NULL,
     "authorization_details has an unknown field: whoever runs this program must remove that field"},
    {"MP-303", NULL,
     "authorization_details has a bad value: whoever runs this program must correct that value"},
    {NULL, "Unknown key identifier",
     "the kid is not registered on this client: check kid, or leave "
     "it out to send the certificate"},
    {NULL, "no key identifier (kid) provided", "the client has a key registered: set kid"},
    {NULL, "has not delegated",
     "the customer has not delegated the scope to the supplier in "
     "Altinn"},
};

static const char *find_hint(const char *mp_code, const char *text)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const refusal *r = &refusals[i];
        if (r->code ? strcmp(r->code, mp_code) == 0 : strstr(text, r->words) != NULL)
            return r->hint;
    }
    return NULL;
}

typedef struct problem {
    char oauth_error[64];
    char mp_code[16];
    char trace_id[64];
    char text[400];
} problem;

/* ".../errors/MP-121": there is no field of its own. */
static void find_mp_code(const char *uri, char out[16])
{
    const char *last = uri ? strrchr(uri, '/') : NULL;
    last = last ? last + 1 : uri;
    if (!last || strncmp(last, "MP-", 3) != 0)
        return;
    size_t digits = strspn(last + 3, "0123456789");
    if (!digits || digits > 8)
        return;
    memcpy(out, last, 3 + digits);
    out[3 + digits] = '\0';
}

static void find_trace_id(const char *text, char *out, size_t out_bytes)
{
    static const char *const names[] = {"trace_id: ", "correlation id: "};
    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(text, names[i]);
        if (!at)
            continue;
        at += strlen(names[i]);
        size_t len = strspn(at, "0123456789abcdefABCDEF-");
        if (len < out_bytes) {
            memcpy(out, at, len);
            out[len] = '\0';
        }
        return;
    }
}

static void read_problem(const fiks_grant_answer *answer, problem *out)
{
    fiks_json *root = NULL;
    memset(out, 0, sizeof *out);
    const char *text = NULL;
    if (!fiks_json_parse_object(answer->body, answer->body_bytes, FIKS_GRANT_MAX_ANSWER_BYTES, what,
                                &root, NULL)) {
        text = fiks_json_get_string(root, "error_description");
        const char *name = fiks_json_get_string(root, "error");
        if (name)
            fiks_redact_excerpt(name, strlen(name), out->oauth_error, sizeof out->oauth_error);
        find_mp_code(fiks_json_get_string(root, "error_uri"), out->mp_code);
    }
    if (text)
        fiks_redact_excerpt(text, strlen(text), out->text, sizeof out->text);
    else if (!root)
        fiks_redact_excerpt(answer->body, answer->body_bytes, out->text, sizeof out->text);
    find_trace_id(out->text, out->trace_id, sizeof out->trace_id);
    fiks_json_free(root);
}

static bool blames_clock(const problem *p)
{
    return strcmp(p->mp_code, "MP-130") == 0 || strstr(p->text, "Issue time") ||
           strstr(p->text, "in the future");
}

bool fiks_grant_clock_skew(const fiks_grant_answer *answer, int64_t *ahead_ms)
{
    if (!answer->date_ms)
        return false;
    *ahead_ms = answer->received_ms - answer->date_ms;
    return true;
}

static fiks_status fail_clock(const fiks_grant_answer *answer, const problem *p, fiks_error *err)
{
    if (!answer->date_ms)
        return fiks_fail(err, FIKS_CLOCK, "clock",
                         "the token endpoint says that the clocks differ: %s: check this machine's "
                         "clock, e.g. with NTP",
                         p->text);
    int64_t ahead = 0;
    fiks_grant_clock_skew(answer, &ahead);
    int64_t left = ahead - answer->corrected_ms;
    bool small = left > -FIKS_GRANT_CLOCK_TOLERANCE_MS && left < FIKS_GRANT_CLOCK_TOLERANCE_MS;
    if (err && !err->kind)
        err->retryable = small; /* then the grant was late, not the clock wrong */
    return fiks_fail(err, FIKS_CLOCK, "clock",
                     "the token endpoint says that the clocks differ: %s: this machine's clock is "
                     "%lld s %s the server's%s",
                     p->text, (long long)((ahead < 0 ? -ahead : ahead) / 1000),
                     ahead < 0 ? "behind" : "ahead of",
                     small ? "" : ": set it, e.g. with NTP, or use clock_correction");
}

/* Maskinporten's code, OAuth's, or the status. */
static void name_code(const fiks_grant_answer *answer, const problem *p, char *out,
                      size_t out_bytes)
{
    char status[16];
    snprintf(status, sizeof status, "http_%d", answer->status);
    fiks_error_text(out, out_bytes,
                    p->mp_code[0]       ? p->mp_code
                    : p->oauth_error[0] ? p->oauth_error
                                        : status);
}

static fiks_status fail_denied(const fiks_grant_answer *answer, const problem *p, fiks_error *err)
{
    char code[64];
    name_code(answer, p, code, sizeof code);
    const char *hint = find_hint(p->mp_code, p->text);
    if (err && !err->kind)
        err->retryable = strcmp(p->mp_code, "MP-012") == 0;
    return fiks_fail(err, FIKS_DENIED, code, "the token endpoint refused (%s): %s%s%s", code,
                     p->text[0] ? p->text : "no reason given", hint ? ": " : "", hint ? hint : "");
}

static fiks_status fail_transient(const fiks_grant_answer *answer, const problem *p,
                                  fiks_error *err)
{
    int status = answer->status;
    fiks_status kind = status == 429                    ? FIKS_RATE_LIMITED
                       : status == 408 || status == 425 ? FIKS_TIMEOUT
                                                        : FIKS_SERVER;
    if (err && !err->kind) {
        err->retryable = status < 500 || status == 500 || (status >= 502 && status <= 504);
        err->retry_after_ms = answer->retry_after_ms > 0 ? answer->retry_after_ms : 0;
    }
    char code[64];
    name_code(answer, p, code, sizeof code);
    return fiks_fail(err, kind, code, "the token endpoint answered %d%s%s", status,
                     p->text[0] ? ": " : "", p->text);
}

static fiks_status fail(const fiks_grant_answer *answer, fiks_error *err)
{
    int status = answer->status;
    problem p;
    read_problem(answer, &p);
    if (err && !err->kind) {
        fiks_error_text(err->oauth_error, sizeof err->oauth_error, p.oauth_error);
        fiks_error_text(err->mp_code, sizeof err->mp_code, p.mp_code);
        fiks_error_text(err->trace_id, sizeof err->trace_id, p.trace_id);
    }
    if (status == 408 || status == 425 || status == 429 || status >= 500)
        return fail_transient(answer, &p, err);
    if (status >= 400)
        return blames_clock(&p) ? fail_clock(answer, &p, err) : fail_denied(answer, &p, err);
    fiks_url to;
    bool redirect = status / 100 == 3;
    bool known =
        redirect && answer->location && !fiks_url_parse(answer->location, "location", &to, NULL);
    return fiks_fail(err, FIKS_PROTOCOL, "status",
                     "the token endpoint answered %d, which is no answer to a grant: check "
                     "token_endpoint%s%s",
                     status, redirect ? "; redirects are not followed, this one to " : "",
                     known      ? to.host
                     : redirect ? "elsewhere"
                                : "");
}

fiks_status fiks_grant_parse(const fiks_grant_answer *answer, const char *scope, bool accept_fewer,
                             fiks_token *out, fiks_error *err)
{
    memset(out, 0, sizeof *out);
    if (err && !err->kind)
        err->http_status = answer->status;
    return answer->status == 200 ? read_token(answer, scope, accept_fewer, out, err)
                                 : fail(answer, err);
}
