#include "grant.h"

#include <string.h>

#include "error.h"
#include "json.h"
#include "jwt.h"

enum {
    MAX_SCOPE_BYTES = 4096,
    MAX_KID_BYTES = 128,
    MAX_CLAIM_BYTES = 1024,
    MAX_DETAILS_BYTES = 16 * 1024,
    MAX_CERTIFICATES = 10
};

#define YEAR_2020_MS INT64_C(1577836800000)

/* How the two contracts differ. ID-porten took certificates only, and knew one claim more. */
typedef struct contract {
    const char *name;
    const char *on_behalf_of; /* the claim that consumer_org becomes */
    bool kid, other_algs, other_claims;
} contract;

static const contract contracts[] = {
    {"current", "consumer_org", true, true, true},
    {"2018", "iss_onbehalfof", false, false, false},
};

static const contract *contract_of(const fiks_token_inputs *inputs)
{
    return &contracts[inputs->contract_2018];
}

/* ---- checks -------------------------------------------------------------------------------- */

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return true;
    return false;
}

static fiks_status check_text(const char *value, const char *name, bool needed, fiks_error *err)
{
    if (!value || !value[0])
        return needed || value ? fiks_fail(err, FIKS_CONFIG, name, "%s is %s", name,
                                           value ? "empty" : "missing")
                               : FIKS_OK;
    size_t len = strlen(value);
    if (len > MAX_CLAIM_BYTES)
        return fiks_fail(err, FIKS_CONFIG, name, "%s is longer than %d bytes", name,
                         MAX_CLAIM_BYTES);
    if (has_control(value) || fiks_utf8_check(value, len) != len)
        return fiks_fail(err, FIKS_CONFIG, name,
                         "%s holds a control character or is not valid UTF-8", name);
    return FIKS_OK;
}

static fiks_status check_scope(const char *scope, fiks_error *err)
{
    if (!scope || strspn(scope, " ") == strlen(scope))
        return fiks_fail(err, FIKS_CONFIG, "scope",
                         "scope is empty: the platform's is \"ks:fiks\" (\"ks\" in 2018)");
    if (strlen(scope) > MAX_SCOPE_BYTES)
        return fiks_fail(err, FIKS_CONFIG, "scope", "scope is longer than %d bytes",
                         MAX_SCOPE_BYTES);
    /* RFC 6749, 3.3 */
    for (const char *c = scope; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            return fiks_fail(err, FIKS_CONFIG, "scope",
                             "scope holds a character that is not allowed at byte %zu: names of "
                             "printable ASCII, separated by spaces",
                             (size_t)(c - scope));
    return FIKS_OK;
}

static bool is_digits(const char *text, size_t count)
{
    return strlen(text) == count && strspn(text, "0123456789") == count;
}

/* "0192:" is the register's prefix in tokens (ISO 6523); the claim takes the bare number. */
static const char *bare_org(const char *consumer_org)
{
    return strncmp(consumer_org, "0192:", 5) == 0 ? consumer_org + 5 : consumer_org;
}

static fiks_status check_numbers(const fiks_token_inputs *in, fiks_error *err)
{
    if (in->consumer_org && !is_digits(bare_org(in->consumer_org), 9))
        return fiks_fail(
            err, FIKS_CONFIG, "consumer_org",
            "consumer_org must be an organisation number of nine digits; what was "
            "given has %zu characters and is not shown, as it may be a person's number",
            strlen(in->consumer_org));
    if (in->pid && !is_digits(in->pid, 11)) /* not shown: it may be somebody's number */
        return fiks_fail(err, FIKS_CONFIG, "pid", "pid must be eleven digits");
    return FIKS_OK;
}

static fiks_status check_kid(const char *kid, fiks_error *err)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = kid ? strlen(kid) : 1;
    if (kid && (!len || len > MAX_KID_BYTES || strspn(kid, allowed) != len))
        return fiks_fail(err, FIKS_CONFIG, "kid",
                         "kid must be 1 to %d letters, digits, \".\", \"_\" or \"-\"",
                         MAX_KID_BYTES);
    return FIKS_OK;
}

static fiks_status parse_details(const char *text, fiks_json **out, fiks_error *err)
{
    fiks_error reason = {0};
    *out = NULL;
    if (fiks_json_parse(text, strlen(text), MAX_DETAILS_BYTES, "authorization_details", out,
                        &reason))
        return fiks_fail(err, FIKS_CONFIG, "authorization_details", "%s", reason.message);
    if (fiks_json_typeof(*out) == FIKS_JSON_ARRAY && fiks_json_count(*out) == 1 &&
        fiks_json_typeof(fiks_json_at(*out, 0)) == FIKS_JSON_OBJECT)
        return FIKS_OK;
    fiks_json_free(*out);
    *out = NULL;
    return fiks_fail(err, FIKS_CONFIG, "authorization_details",
                     "authorization_details must be a JSON array with one object: a token is for "
                     "one party");
}

static fiks_status check_contract(const fiks_token_inputs *in, fiks_error *err)
{
    const contract *rules = contract_of(in);
    const char *what = in->kid && !rules->kid                        ? "kid"
                       : in->alg != FIKS_RS256 && !rules->other_algs ? "an algorithm but RS256"
                       : rules->other_claims                         ? NULL
                       : in->resource                                ? "resource"
                       : in->pid                                     ? "pid"
                       : in->authorization_details                   ? "authorization_details"
                                                                     : NULL;
    if (!what)
        return FIKS_OK;
    return fiks_fail(err, FIKS_CONFIG, "contract", "contract \"%s\" does not have %s: leave it out",
                     rules->name, what);
}

static fiks_status check_key(const fiks_token_inputs *in, fiks_error *err)
{
    if (!in->key)
        return fiks_fail(err, FIKS_CONFIG, "key", "a key is missing");
    if (in->kid || fiks_key_certificate_count(in->key))
        return FIKS_OK;
    return fiks_fail(err, FIKS_CREDENTIALS, "no_certificate",
                     "%s holds no certificate: give certificate_file%s", fiks_key_name(in->key),
                     in->contract_2018 ? "" : ", or the kid under which the key is registered");
}

fiks_status fiks_grant_check(const fiks_token_inputs *in, fiks_error *err)
{
    fiks_json *details = NULL;
    fiks_status st = check_text(in->token_endpoint, "token_endpoint", true, err);
    if (!st)
        st = check_text(in->issuer, "issuer", true, err);
    if (!st)
        st = check_text(in->client_id, "client_id", true, err);
    if (!st)
        st = check_text(in->resource, "resource", false, err);
    if (!st)
        st = check_scope(in->scope, err);
    if (!st)
        st = check_numbers(in, err);
    if (!st)
        st = check_kid(in->kid, err);
    if (!st)
        st = check_contract(in, err);
    if (!st && in->authorization_details)
        st = parse_details(in->authorization_details, &details, err);
    fiks_json_free(details);
    return st ? st : check_key(in, err);
}

/* ---- making -------------------------------------------------------------------------------- */

static bool add_resource(fiks_json *claims, const fiks_token_inputs *in)
{
    if (!in->resource)
        return true;
    if (!in->resource_array)
        return fiks_json_set_string(claims, "resource", in->resource);
    fiks_json *list = fiks_json_array_new();
    if (!fiks_json_append_string(list, in->resource)) {
        fiks_json_free(list);
        return false;
    }
    return fiks_json_set(claims, "resource", list);
}

static fiks_status add_details(fiks_json *claims, const fiks_token_inputs *in, fiks_error *err)
{
    fiks_json *details = NULL;
    if (!in->authorization_details)
        return FIKS_OK;
    fiks_status st = parse_details(in->authorization_details, &details, err);
    if (!st && !fiks_json_set(claims, "authorization_details", details))
        st = fiks_fail_memory(err);
    return st;
}

/* Nothing but what is documented: an unknown claim is refused ("Invalid assertion"). */
static fiks_status write_claims(const fiks_token_inputs *in, int64_t wall_ms, const char *jti,
                                fiks_buf *out, fiks_error *err)
{
    int64_t iat = wall_ms / 1000;
    fiks_json *claims = fiks_json_object_new();
    bool ok =
        fiks_json_set_string(claims, "aud", in->issuer) &&
        fiks_json_set_string(claims, "iss", in->client_id) &&
        fiks_json_set_string(claims, "scope", in->scope) &&
        fiks_json_set_int64(claims, "iat", iat) &&
        fiks_json_set_int64(claims, "exp", iat + FIKS_GRANT_LIFETIME_S) &&
        fiks_json_set_string(claims, "jti", jti) &&
        (!in->consumer_org ||
         fiks_json_set_string(claims, contract_of(in)->on_behalf_of, bare_org(in->consumer_org))) &&
        add_resource(claims, in) && (!in->pid || fiks_json_set_string(claims, "pid", in->pid));
    fiks_status st = ok ? add_details(claims, in, err) : fiks_fail_memory(err);
    if (!st)
        st = fiks_json_dump(claims, out, err);
    fiks_json_free(claims);
    return st;
}

fiks_status fiks_grant_assertion(const fiks_token_inputs *in, int64_t wall_ms, const char *jti,
                                 fiks_buf *out, fiks_error *err)
{
    if (wall_ms < YEAR_2020_MS)
        return fiks_fail(err, FIKS_CLOCK, "clock",
                         "this machine's clock stands before 2020: set it, then try again");
    fiks_buf header = {0}, claims = {0};
    fiks_status st = FIKS_OK;
    if (!in->kid && !in->allow_expired)
        st = fiks_key_check_validity(in->key, wall_ms, err);
    if (!st && !in->kid)
        fiks_key_warn_expiry(in->key, wall_ms);
    if (!st)
        st = fiks_jwt_header(in->key, in->alg, in->kid, in->x5c_leaf ? 1 : MAX_CERTIFICATES,
                             &header, err);
    if (!st)
        st = write_claims(in, wall_ms, jti, &claims, err);
    if (!st)
        st = fiks_jwt_sign(in->key, in->alg, &header, &claims, out, err);
    fiks_buf_free(&header);
    fiks_buf_free(&claims);
    return st;
}

fiks_status fiks_grant_body(const fiks_token_inputs *in, int64_t wall_ms, const char *jti,
                            fiks_buf *out, fiks_error *err)
{
    /* an assertion's alphabet needs no percent-encoding */
    if (!fiks_buf_adds(out, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
                            "&assertion="))
        return fiks_fail_memory(err);
    return fiks_grant_assertion(in, wall_ms, jti, out, err);
}
