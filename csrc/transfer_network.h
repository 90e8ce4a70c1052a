/* The part of a transfer that applies a network's settings to an easy handle, and reads from it
 * what went wrong on the way. */
#ifndef FIKS_TRANSFER_NETWORK_H
#define FIKS_TRANSFER_NETWORK_H

#include <curl/curl.h>

#include "network.h"

/* What an easy handle is set to. */
typedef struct fiks_way {
    char id[65]; /* of the network; not its address, which may be another's soon */
    bool allow_http;
    char *system_roots;
    struct curl_slist *connect_to;
} fiks_way;

/* Sets what is the same for all networks. */
void fiks_way_init(fiks_way *way, CURL *easy);
void fiks_way_free(fiks_way *way);

/* Makes the next request go the network's way. Cheap when the last one did. */
CURLcode fiks_way_apply(fiks_way *way, CURL *easy, const fiks_network *network, bool allow_http);

/* Has any of the request itself left, when the transfer failed? What was said to a proxy to get
 * through it counts as sent with libcurl, but not here. */
bool fiks_way_was_sent(CURL *easy);

/*
 * When the proxy or TLS is to blame for `code`, sets the error and returns true. `reason` is
 * libcurl's: FIKS_DENIED "proxy_auth" (407) and "proxy_denied", FIKS_NETWORK "proxy"; FIKS_TLS
 * "tls" and, when our own certificate is missing or not accepted, "client_certificate".
 */
bool fiks_way_fail(const fiks_way *way, CURL *easy, const fiks_network *network, CURLcode code,
                   const char *host, const char *reason, fiks_error *err);

#endif
