/* A client: validated settings, and what every call of it has in common. Immutable once made. */
#ifndef FIKS_CLIENT_H
#define FIKS_CLIENT_H

#include <stdatomic.h>

#include "fiks.h"
#include "network.h"
#include "token_cache.h"
#include "trace.h"
#include "url.h"
#include "watch.h"

enum { FIKS_MAX_WARNINGS = 12 };

struct fiks_client {
    atomic_int refs;
    bool contract_2018;
    char *api_url; /* without a slash at the end; so svarut_url */
    char *svarut_url;
    fiks_url api_origin;
    fiks_url svarut_origin;
    char *issuer;
    char *token_endpoint;
    char *scope;
    char *client_id;
    char *consumer_org;
    char *kid;
    char *resource;
    char *pid;
    char *authorization_details;
    fiks_key *key;
    fiks_alg alg;
    bool x5c_leaf;
    bool resource_array;
    bool accept_fewer_scopes;
    bool clock_correction;
    bool allow_expired_certificate;
    char *header_id;      /* "IntegrasjonId: ...", NULL without an integrasjon */
    char *header_passord; /* "IntegrasjonPassord: ..." or "ServicePassword: ..."; wiped */
    fiks_network *network;
    bool allow_loopback_http;
    uint32_t timeout_ms; /* of its calls; 0 = by operation. So the limits */
    fiks_limits limits;
    fiks_trace trace;
    fiks_token_key *token_key; /* NULL: no token can be fetched */
    char *warnings[FIKS_MAX_WARNINGS + 1];
};

/* The origin that `url` belongs to may see this client's credentials; else FIKS_INVALID. `what`
 * names the field. On success `*host_is_svarut` says which of the two it is. */
fiks_status fiks_client_check_url(const fiks_client *client, const char *url, const char *what,
                                  bool *host_is_svarut, fiks_error *err);

/*
 * The one place where the options of a call and of its client become what a token depends on.
 * `*out` is a reference (the client's own key when nothing differs); NULL without an error when the
 * client cannot fetch tokens. Fails as fiks_grant_check does.
 */
fiks_status fiks_client_token_key(const fiks_client *client, const fiks_token_options *options,
                                  fiks_token_key **out, fiks_error *err);

/* FIKS_CONFIG "retired_host" when issuer or token endpoint is on a host that is gone. */
fiks_status fiks_client_check_hosts(const fiks_client *client, fiks_error *err);

/* Is the certificate that goes into grants valid at `wall_ms`? */
fiks_status fiks_client_check_certificate(fiks_client *client, int64_t wall_ms, fiks_error *err);

/* Collects (and logs) what looks wrong; `environment` may be NULL. */
void fiks_client_warn(fiks_client *client, const char *environment, int64_t wall_ms);

#endif
