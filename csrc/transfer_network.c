#include "transfer_network.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "str.h"

void fiks_way_init(fiks_way *way, CURL *easy)
{
    char *roots = NULL;
    curl_easy_getinfo(easy, CURLINFO_CAINFO, &roots);
    way->system_roots = fiks_strdup(roots);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* no part of the answer */
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* else who gives up on a silent name server waits for the thread that asks it, and with it
     * everybody: 10 seconds and more */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
}

void fiks_way_free(fiks_way *way)
{
    free(way->system_roots);
    curl_slist_free_all(way->connect_to);
}

/* ---- setting up ---------------------------------------------------------------------------- */

static CURLcode set_blob(CURL *easy, CURLoption option, const fiks_buf *buf)
{
    struct curl_blob blob = {.data = buf->data, .len = buf->len, .flags = CURL_BLOB_COPY};
    return curl_easy_setopt(easy, option, buf->len ? &blob : NULL);
}

/*
 * For the server and for a proxy that speaks TLS. Debian's build presets a directory, and with one
 * set libcurl parses the whole CA bundle for each new connection (21 ms of CPU instead of under 1),
 * so it is set to one only when the settings say so. A blob is parsed each time, too.
 */
static CURLcode set_roots(const fiks_way *way, CURL *easy, const fiks_network *n)
{
    bool other = n->ca_dir || n->ca_pem.len;
    const char *file = n->ca_file ? n->ca_file : other ? NULL : way->system_roots;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_CAINFO, file);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, file);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_CAPATH, n->ca_dir);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, n->ca_dir);
    if (!code)
        code = set_blob(easy, CURLOPT_CAINFO_BLOB, &n->ca_pem);
    if (!code)
        code = set_blob(easy, CURLOPT_PROXY_CAINFO_BLOB, &n->ca_pem);
    return code;
}

/* Without a proxy an empty text, or libcurl would look for one in the environment. */
static CURLcode set_proxy(CURL *easy, const fiks_network *n)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PROXY, n->proxy ? n->proxy : "");
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_NOPROXY, n->no_proxy ? n->no_proxy : "");
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_PROXYUSERNAME, n->proxy_username);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_PROXYPASSWORD, n->proxy_password);
    return code;
}

/*
 * CONNECT_TO and not RESOLVE: it can change the port, also asks a proxy for the other address, and
 * leaves nothing in the DNS cache that all clients share. The name in the URL is what TLS verifies.
 */
static CURLcode set_addresses(fiks_way *way, CURL *easy, const fiks_network *n)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; n->connect_to[i]; i++) {
        struct curl_slist *longer = curl_slist_append(list, n->connect_to[i]);
        if (!longer) {
            curl_slist_free_all(list);
            return CURLE_OUT_OF_MEMORY;
        }
        list = longer;
    }
    CURLcode code = curl_easy_setopt(easy, CURLOPT_CONNECT_TO, list);
    curl_slist_free_all(way->connect_to); /* libcurl does not copy it */
    way->connect_to = list;
    return code ? code : curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, n->unix_socket);
}

/* libcurl keeps connections apart by all of this but the key, which belongs to the certificate; by
 * the user of a proxy since its fix of CVE-2026-3784. */
static CURLcode set_all(fiks_way *way, CURL *easy, const fiks_network *n)
{
    CURLcode code = set_roots(way, easy, n);
    if (!code)
        code = set_proxy(easy, n);
    if (!code)
        code = set_addresses(way, easy, n);
    if (!code)
        code = set_blob(easy, CURLOPT_SSLCERT_BLOB, &n->certificate);
    if (!code)
        code = set_blob(easy, CURLOPT_SSLKEY_BLOB, &n->private_key);
    return code;
}

CURLcode fiks_way_apply(fiks_way *way, CURL *easy, const fiks_network *network, bool allow_http)
{
    CURLcode code = CURLE_OK;
    if (memcmp(way->id, network->id, sizeof way->id) != 0) {
        way->id[0] = '\0'; /* half set, should it fail */
        code = set_all(way, easy, network);
        if (!code)
            code =
                curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, allow_http ? "https,http" : "https");
        if (code)
            return code;
        memcpy(way->id, network->id, sizeof way->id);
        way->allow_http = allow_http;
    } else if (way->allow_http != allow_http) {
        code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, allow_http ? "https,http" : "https");
        way->allow_http = allow_http;
    }
    return code;
}

/* ---- what went wrong ------------------------------------------------------------------------ */

bool fiks_way_was_sent(CURL *easy)
{
    long bytes = 0;
    curl_off_t ready_us = 0; /* connected, through the proxy, TLS included */
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes);
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    return bytes > 0 && ready_us > 0;
}

static void fail_proxy(const fiks_network *n, int status, const char *host, fiks_error *err)
{
    const char *proxy = n->proxy ? n->proxy : "(none)";
    if (status == 407 || status == 401) /* tinyproxy says 401 of a wrong password */
        fiks_fail(err, FIKS_DENIED, "proxy_auth",
                  n->proxy_username
                      ? "the proxy %s (%s) does not accept its user name and password (%d)"
                      : "the proxy %s (%s) wants a user name and a password (%d): set "
                        "proxy_username and proxy_password",
                  proxy, n->proxy_from, status);
    else
        fiks_fail(err, status >= 500 ? FIKS_NETWORK : FIKS_DENIED,
                  status >= 500 ? "proxy" : "proxy_denied", "the proxy %s (%s) %s %s (%d)%s", proxy,
                  n->proxy_from, status >= 500 ? "did not reach" : "refuses to connect to", host,
                  status,
                  status >= 500 ? "" : ": who runs it must allow it, or no_proxy name the host");
}

/* X509_V_ERR_*: OpenSSL's numbers are part of its interface. */
static bool is_issuer_unknown(CURL *easy)
{
    long result = 0;
    curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &result);
    return (result >= 18 && result <= 21) || result == 2;
}

/* The connection was lost during the handshake, which says nothing about TLS. */
static bool is_cut(const char *reason)
{
    static const char *const cuts[] = {"Recv failure", "Send failure", "SSL_ERROR_SYSCALL",
                                       "unexpected eof", "getpeername() failed"};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
        if (strstr(reason, cuts[i]))
            return true;
    return false;
}

static bool is_tls(CURLcode code, const char *reason)
{
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
        return !is_cut(reason);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_CLIENTCERT:
        return true;
    case CURLE_RECV_ERROR: /* TLS 1.3: the server judges our certificate after the handshake */
    case CURLE_SEND_ERROR:
        return strstr(reason, "SSL routines") && strstr(reason, " alert ");
    default:
        return false;
    }
}

/* The server's alert is about us. */
static bool is_about_our_certificate(const fiks_network *n, CURLcode code, const char *reason)
{
    static const char *const alerts[] = {
        "alert certificate required",   "alert bad certificate",     "alert unknown ca",
        "alert certificate expired",    "alert certificate unknown", "alert certificate revoked",
        "alert unsupported certificate"};
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++)
        if (strstr(reason, alerts[i]))
            return true;
    /* TLS 1.2 has no word of its own for a certificate that is missing */
    return code == CURLE_SSL_CLIENTCERT ||
           (!n->certificate.len && strstr(reason, "alert handshake failure"));
}

static void fail_tls(const fiks_way *way, CURL *easy, const fiks_network *n, CURLcode code,
                     const char *host, const char *reason, fiks_error *err)
{
    if (is_about_our_certificate(n, code, reason))
        fiks_fail(err, FIKS_TLS, "client_certificate", "%s: %s (%s)", host, reason,
                  n->certificate.len ? "the server does not accept the client_certificate"
                                     : "the server wants a client certificate, perhaps: set "
                                       "client_certificate");
    else if (is_issuer_unknown(easy) || code == CURLE_SSL_CACERT_BADFILE)
        fiks_fail(err, FIKS_TLS, "tls",
                  "%s: %s (trusted roots: %s; set ca_file if the server's CA is a private one)",
                  host, reason,
                  n->ca_file          ? n->ca_file
                  : n->ca_dir         ? n->ca_dir
                  : n->ca_pem.len     ? "ca_pem"
                  : way->system_roots ? way->system_roots
                                      : "none");
    else
        fiks_fail(err, FIKS_TLS, "tls", "%s: %s", host, reason);
}

bool fiks_way_fail(const fiks_way *way, CURL *easy, const fiks_network *network, CURLcode code,
                   const char *host, const char *reason, fiks_error *err)
{
    long connect_status = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    if (connect_status >= 300) {
        fail_proxy(network, (int)connect_status, host, err);
        return true;
    }
    if (!is_tls(code, reason))
        return false;
    fail_tls(way, easy, network, code, host, reason, err);
    return true;
}
