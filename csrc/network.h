/* How the platform is reached, validated. Immutable once made. The public part is in fiks.h. */
#ifndef FIKS_NETWORK_H
#define FIKS_NETWORK_H

#include <stdatomic.h>

#include "fiks.h"
#include "str.h"

enum { FIKS_MAX_REDIRECTS = 10, FIKS_MAX_RESOLVE = 64 };

struct fiks_network {
    atomic_int refs;
    char id[65]; /* made of every setting: equal ones reach the same, wherever they were made */
    char *ca_file;
    char *ca_dir;
    fiks_buf ca_pem;
    char *proxy; /* "http://host:port"; NULL = none */
    char proxy_from[48];
    char *proxy_username;
    char *proxy_password; /* wiped */
    char *no_proxy;       /* NULL without a proxy; else loopback is in it */
    fiks_buf certificate; /* PEM, shown to a server that asks; empty = none */
    fiks_buf private_key; /* PEM; wiped */
    char *unix_socket;
    char *connect_to[FIKS_MAX_RESOLVE + 1]; /* "host:port:address:port", ends in NULL */
    int redirects;
};

/* A part of fiks_network_new (network_proxy.c): proxy, its user, no_proxy. */
fiks_status fiks_network_set_proxy(fiks_network *network, const fiks_network_options *options,
                                   fiks_error *err);

#endif
