#include "network.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "error.h"
#include "hash.h"
#include "key_identity.h"
#include "url.h"

static fiks_status copy(char **to, const char *value, const char *option, fiks_error *err)
{
    if (!value)
        return FIKS_OK;
    if (!*value)
        return fiks_fail(err, FIKS_CONFIG, option, "%s is empty", option);
    *to = fiks_strdup(value);
    return *to ? FIKS_OK : fiks_fail_memory(err);
}

/* ---- trusted roots ------------------------------------------------------------------------- */

/* "9d66eef0.0": what OpenSSL looks for in a directory. */
static bool is_hashed_name(const char *name)
{
    size_t digits =
        strspn(name + (strspn(name, "0123456789abcdef") == 8 ? 9 : strlen(name)), "0123456789");
    return digits > 0 && name[8] == '.' && name[9 + digits] == '\0';
}

static fiks_status check_ca_dir(const char *path, fiks_error *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return fiks_fail(err, FIKS_CONFIG, "ca_dir", "ca_dir: cannot read the directory %s: %s",
                         path, strerror(errno));
    bool found = false;
    for (const struct dirent *entry; !found && (entry = readdir(dir));)
        found = is_hashed_name(entry->d_name);
    closedir(dir);
    return found ? FIKS_OK
                 : fiks_fail(err, FIKS_CONFIG, "ca_dir",
                             "ca_dir: %s has no certificate under its hash: run openssl rehash %s",
                             path, path);
}

static fiks_status set_roots(fiks_network *n, const fiks_network_options *o, fiks_error *err)
{
    if (!!o->ca_file + !!o->ca_dir + !!o->ca_pem > 1)
        return fiks_fail(err, FIKS_CONFIG, o->ca_pem ? "ca_pem" : "ca_dir",
                         "more than one source of trusted roots: give ca_file, ca_dir or ca_pem");
    fiks_status st = copy(&n->ca_file, o->ca_file, "ca_file", err);
    if (!st)
        st = copy(&n->ca_dir, o->ca_dir, "ca_dir", err);
    if (!st && o->ca_dir)
        st = check_ca_dir(o->ca_dir, err);
    if (st || !o->ca_pem)
        return st;
    fiks_error why = {0};
    if (fiks_pem_certificates_check(o->ca_pem, "ca_pem", &why))
        return fiks_fail(err, FIKS_CONFIG, "ca_pem", "%s", why.message);
    return fiks_buf_adds(&n->ca_pem, o->ca_pem) ? FIKS_OK : fiks_fail_memory(err);
}

/* ---- addresses ----------------------------------------------------------------------------- */

/* "host:port", with [] around an IPv6 address. */
static bool parse_endpoint(const char *text, size_t len, fiks_url *out)
{
    char url[300];
    if (len + sizeof "https://" > sizeof url)
        return false;
    memcpy(url, "https://", 8);
    memcpy(url + 8, text, len);
    url[8 + len] = '\0';
    const char *colon = strrchr(url + 8, ':');
    return colon && !strpbrk(url + 8, "/?") && !strchr(colon, ']') &&
           !fiks_url_parse(url, "resolve", out, NULL);
}

static bool add_endpoint(fiks_buf *out, const fiks_url *url)
{
    bool six = strchr(url->host, ':') != NULL;
    return fiks_buf_addf(out, "%s%s%s:%d", six ? "[" : "", url->host, six ? "]" : "", url->port);
}

static fiks_status add_resolve(fiks_network *n, size_t at, const char *entry, fiks_error *err)
{
    fiks_url host, address;
    const char *sign = strchr(entry, '=');
    if (!sign || !parse_endpoint(entry, (size_t)(sign - entry), &host) ||
        !parse_endpoint(sign + 1, strlen(sign + 1), &address))
        return fiks_fail(err, FIKS_CONFIG, "resolve",
                         "resolve: \"%.120s\" is not host:port=address:port, such as "
                         "api.fiks.test.ks.no:443=127.0.0.1:20443",
                         entry);
    /* what may go there in plain http must not leave the machine */
    if (fiks_url_is_loopback(&host) && !fiks_url_is_loopback(&address))
        return fiks_fail(err, FIKS_CONFIG, "resolve",
                         "resolve: %s is this machine and cannot be sent to %s", host.host,
                         address.host);
    fiks_buf text = {0};
    bool ok =
        add_endpoint(&text, &host) && fiks_buf_adds(&text, ":") && add_endpoint(&text, &address);
    n->connect_to[at] = text.data;
    return ok ? FIKS_OK : fiks_fail_memory(err);
}

static fiks_status set_addresses(fiks_network *n, const fiks_network_options *o, fiks_error *err)
{
    struct sockaddr_un address;
    fiks_status st = copy(&n->unix_socket, o->unix_socket, "unix_socket", err);
    if (!st && o->unix_socket && strlen(o->unix_socket) >= sizeof address.sun_path)
        st = fiks_fail(err, FIKS_CONFIG, "unix_socket",
                       "unix_socket: the path has %zu bytes, at most %zu are possible",
                       strlen(o->unix_socket), sizeof address.sun_path - 1);
    for (size_t i = 0; !st && o->resolve && o->resolve[i]; i++)
        st = i < FIKS_MAX_RESOLVE ? add_resolve(n, i, o->resolve[i], err)
                                  : fiks_fail(err, FIKS_CONFIG, "resolve",
                                              "resolve: more than %d entries", FIKS_MAX_RESOLVE);
    return st;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static void add_text(fiks_buf *all, const char *value)
{
    if (value)
        fiks_buf_addf(all, "%zu:%s,", strlen(value), value);
    else
        fiks_buf_adds(all, "-,");
}

/* Redirects are the call's business: no connection depends on them. */
static fiks_status set_id(fiks_network *n, fiks_error *err)
{
    fiks_buf all = {0}, hex = {0};
    uint8_t digest[32];
    const char *const texts[] = {n->ca_file,         n->ca_dir,         n->ca_pem.data,
                                 n->proxy,           n->proxy_username, n->proxy_password,
                                 n->no_proxy,        n->unix_socket,    n->certificate.data,
                                 n->private_key.data};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        add_text(&all, texts[i]);
    for (size_t i = 0; n->connect_to[i]; i++)
        add_text(&all, n->connect_to[i]);
    fiks_status st =
        all.failed ? fiks_fail_memory(err) : fiks_sha256(all.data, all.len, digest, err);
    if (!st && !fiks_hex_add(&hex, digest, sizeof digest))
        st = fiks_fail_memory(err);
    if (!st)
        memcpy(n->id, hex.data, sizeof n->id);
    fiks_buf_free(&hex);
    fiks_buf_free(&all);
    return st;
}

static fiks_status set_up(fiks_network *n, const fiks_network_options *o, fiks_error *err)
{
    fiks_status st = set_roots(n, o, err);
    if (!st)
        st = set_addresses(n, o, err);
    if (!st)
        st = fiks_network_set_proxy(n, o, err);
    if (!st && o->client_certificate)
        st = fiks_key_identity(o->client_certificate, &n->certificate, &n->private_key, err);
    if (!st && (o->redirects < 0 || o->redirects > FIKS_MAX_REDIRECTS))
        st = fiks_fail(err, FIKS_CONFIG, "redirects", "redirects must be from 0 to %d, not %d",
                       FIKS_MAX_REDIRECTS, o->redirects);
    n->redirects = o->redirects;
    return st ? st : set_id(n, err);
}

fiks_status fiks_network_new(const fiks_network_options *options, fiks_network **out,
                             fiks_error *err)
{
    *out = NULL;
    fiks_network_options o = {0}; /* an older caller's struct may be shorter */
    memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    fiks_network *n = calloc(1, sizeof *n);
    if (!n)
        return fiks_fail_memory(err);
    atomic_init(&n->refs, 1);
    fiks_status st = set_up(n, &o, err);
    if (st) {
        fiks_network_free(n);
        return st;
    }
    *out = n;
    return FIKS_OK;
}

fiks_network *fiks_network_ref(fiks_network *network)
{
    atomic_fetch_add(&network->refs, 1);
    return network;
}

void fiks_network_free(fiks_network *network)
{
    if (!network || atomic_fetch_sub(&network->refs, 1) != 1)
        return;
    free(network->ca_file);
    free(network->ca_dir);
    fiks_buf_free(&network->ca_pem);
    free(network->proxy);
    fiks_str_wipe_free(network->proxy_username);
    fiks_str_wipe_free(network->proxy_password);
    free(network->no_proxy);
    fiks_buf_free(&network->certificate);
    fiks_buf_free(&network->private_key);
    free(network->unix_socket);
    for (size_t i = 0; network->connect_to[i]; i++)
        free(network->connect_to[i]);
    free(network);
}

const char *fiks_network_proxy(const fiks_network *network, const char **from)
{
    if (from)
        *from = network->proxy_from;
    return network->proxy;
}
