/* What a client's tokens are asked for, and a look at the one that is cached. */
#include <string.h>

#include "client.h"
#include "error.h"

static const char *merged(const char *own, const char *given)
{
    if (!given)
        return own;
    return given[0] ? given : NULL; /* "" = without */
}

static bool overrides(const fiks_token_options *o)
{
    return o && (o->scope || o->consumer_org || o->resource || o->pid || o->authorization_details);
}

fiks_status fiks_client_token_key(const fiks_client *client, const fiks_token_options *options,
                                  fiks_token_key **out, fiks_error *err)
{
    *out = NULL;
    if (!client->client_id || !client->key || !client->issuer)
        return FIKS_OK;
    if (client->token_key && !overrides(options)) {
        *out = fiks_token_key_ref(client->token_key);
        return FIKS_OK;
    }
    fiks_token_options o = options ? *options : (fiks_token_options){0};
    fiks_token_inputs inputs = {
        .token_endpoint = client->token_endpoint,
        .issuer = client->issuer,
        .client_id = client->client_id,
        .scope = o.scope ? o.scope : client->scope,
        .consumer_org = merged(client->consumer_org, o.consumer_org),
        .resource = merged(client->resource, o.resource),
        .pid = merged(client->pid, o.pid),
        .authorization_details = merged(client->authorization_details, o.authorization_details),
        .network = client->network->id,
        .kid = client->kid,
        .key = client->key,
        .alg = client->alg,
        .x5c_leaf = client->x5c_leaf,
        .resource_array = client->resource_array && !o.resource, /* one call's is text */
        .accept_fewer_scopes = client->accept_fewer_scopes,
        .contract_2018 = client->contract_2018,
        .allow_expired = client->allow_expired_certificate,
    };
    return fiks_token_key_new(&inputs, out, err);
}

/* An older caller's struct may be shorter. */
static fiks_status key_of(const fiks_client *client, const fiks_token_options *options,
                          fiks_token_key **out, fiks_error *err)
{
    fiks_token_options o = {0};
    if (options)
        memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    return fiks_client_token_key(client, &o, out, err);
}

bool fiks_client_peek_token(fiks_client *client, const fiks_token_options *options, char **token,
                            char **scope, int64_t *expires_s, fiks_error *err)
{
    fiks_token cached = {0};
    fiks_token_key *key;
    if (key_of(client, options, &key, err) || !key)
        return false;
    bool found = fiks_token_cache_peek(fiks_token_cache_process(), key, fiks_now(), &cached);
    fiks_token_key_free(key);
    if (!found)
        return false;
    *token = cached.access_token;
    *scope = cached.scope;
    cached.access_token = cached.scope = NULL;
    *expires_s = fiks_token_expires_ms(&cached) / 1000;
    fiks_token_clear(&cached);
    return true;
}

fiks_status fiks_client_invalidate_token(fiks_client *client, const fiks_token_options *options,
                                         const char *token, fiks_error *err)
{
    fiks_token_key *key;
    fiks_status st = key_of(client, options, &key, err);
    if (!st && key)
        fiks_token_cache_invalidate(fiks_token_cache_process(), key, token);
    fiks_token_key_free(key);
    return st;
}

bool fiks_client_clock_skew(const fiks_client *client, int64_t *ahead_ms)
{
    return client->token_key &&
           fiks_token_cache_skew(fiks_token_cache_process(), client->token_key, ahead_ms);
}
