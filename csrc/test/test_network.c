/* The settings of a network, and the rule of redirects: what is refused, and what is made of what
 * is not. No network: spec/network has the servers. */
#include "keys.h"

#include "../client.h"
#include "../network.h"
#include "../redirect.h"

static void clear_variables(void)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy",
                                        "ALL_PROXY",   "no_proxy",    "NO_PROXY"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static fiks_network *made(fiks_network_options o)
{
    fiks_network *network = NULL;
    fiks_error err = {0};
    CHECK_OK(fiks_network_new(&o, &network, &err), err);
    return network;
}

static void refused(fiks_network_options o, fiks_status kind, const char *code, const char *text)
{
    fiks_network *network = NULL;
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_network_new(&o, &network, &err), kind);
    CHECK(network == NULL);
    CHECK_STR(err.code, code);
    CHECK_HAS(err.message, text);
    CHECK(!strstr(err.message, "hemmelig"));
}

static fiks_network_options options(void)
{
    clear_variables();
    return (fiks_network_options)FIKS_OPTIONS(fiks_network_options);
}

TEST(nothing_given_is_the_system_s_way)
{
    fiks_network *n = made(options());
    const char *from;
    CHECK(fiks_network_proxy(n, &from) == NULL);
    CHECK(!n->ca_file && !n->ca_dir && !n->ca_pem.len && !n->certificate.len && !n->unix_socket);
    CHECK(!n->connect_to[0] && n->redirects == 0 && strlen(n->id) == 64);
    fiks_network_free(n);
}

/* ---- proxies ----------------------------------------------------------------------------------
 */

static void check_proxy(const char *given, const char *url, const char *user, const char *password)
{
    fiks_network_options o = options();
    o.proxy = given;
    fiks_network *n = made(o);
    CHECK_STR(fiks_network_proxy(n, NULL), url);
    CHECK_STR(n->proxy_username, user);
    CHECK_STR(n->proxy_password, password);
    fiks_network_free(n);
}

TEST(a_proxy_is_taken_apart)
{
    check_proxy("http://p.example:3128", "http://p.example:3128", NULL, NULL);
    check_proxy("p.example:3128/", "http://p.example:3128", NULL, NULL);
    check_proxy("HTTPS://p.example:443/", "https://p.example:443", NULL, NULL);
    check_proxy("http://[::1]:8080", "http://[::1]:8080", NULL, NULL);
    check_proxy("http://u:p@p.example:1", "http://p.example:1", "u", "p");
    check_proxy("http://u@p.example:1", "http://p.example:1", "u", "");
    check_proxy("http://u:a:b@c@p.example:1", "http://p.example:1", "u", "a:b@c");
    check_proxy("http://a%40b:%c3%A6%25@p.example:1", "http://p.example:1", "a@b", "\xc3\xa6%");
    check_proxy("none", NULL, NULL, NULL);
}

TEST(a_proxy_that_is_none_is_refused_without_showing_it)
{
    static const char *const bad[][2] = {{"socks5h://u:hemmelig@p:1", "another kind"},
                                         {"http://u:hemmelig@p", "no port"},
                                         {"http://[::1]", "no port"},
                                         {"http://u:hemmelig@p:1/sti", "path"},
                                         {"http://u:hemmelig%4@p:1", "bad user name"},
                                         {"http://u:hemmelig%zz@p:1", "bad user name"},
                                         {"http://u:hemmelig%00@p:1", "bad user name"},
                                         {"http://u:hemmelig@p:0", "no address"},
                                         {"http://u:hemmelig@p:65536", "no address"},
                                         {"http://u:hemmelig@:8080", "no address"},
                                         {"http://u:hemmelig@p q:1", "no address"},
                                         {"", "no port"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fiks_network_options o = options();
        o.proxy = bad[i][0];
        refused(o, FIKS_CONFIG, "proxy", bad[i][1]);
    }
    fiks_network_options o = options();
    o.proxy = "http://hemmelig%0d%0aX:y@p:1";
    refused(o, FIKS_CONFIG, "proxy_username", "control character");
    o.proxy = "http://u:hemmelig%0a@p:1";
    refused(o, FIKS_CONFIG, "proxy_password", "control character");
    o.proxy = "http://p:1";
    o.proxy_password = "hemmelig";
    refused(o, FIKS_CONFIG, "proxy_username", "without proxy_username");
    o.proxy_username = "a:b";
    refused(o, FIKS_CONFIG, "proxy_username", "colon");
    o.proxy_username = "";
    refused(o, FIKS_CONFIG, "proxy_username", "is empty");
}

TEST(variables_in_curl_s_order_and_the_option_before_them)
{
    const char *from;
    fiks_network_options o = options();
    setenv("ALL_PROXY", "http://d:1", 1);
    setenv("http_proxy", "http://no:1", 1);
    fiks_network *n = made(o);
    CHECK_STR(fiks_network_proxy(n, &from), "http://d:1");
    CHECK_STR(from, "the variable ALL_PROXY");
    fiks_network_free(n);
    static const char *const stronger[][3] = {
        {"all_proxy", "http://c:1", "the variable all_proxy"},
        {"HTTPS_PROXY", "b:1", "the variable HTTPS_PROXY"},
        {"https_proxy", "u:hemmelig@a:1", "the variable https_proxy"}};
    for (size_t i = 0; i < 3; i++) {
        setenv(stronger[i][0], stronger[i][1], 1);
        n = made(o);
        fiks_network_proxy(n, &from);
        CHECK_STR(from, stronger[i][2]);
        fiks_network_free(n);
    }
    o.proxy = "http://e:1";
    n = made(o);
    CHECK_STR(fiks_network_proxy(n, &from), "http://e:1");
    CHECK_STR(from, "the option proxy");
    CHECK(n->proxy_username == NULL);
    fiks_network_free(n);
    o.proxy = NULL;
    setenv("https_proxy", "", 1);
    n = made(o);
    CHECK(fiks_network_proxy(n, NULL) == NULL);
    fiks_network_free(n);
    setenv("https_proxy", "socks4://hemmelig:1", 1);
    refused(o, FIKS_CONFIG, "proxy", "the variable https_proxy");
    clear_variables();
}

TEST(loopback_is_always_among_the_exceptions)
{
    fiks_network_options o = options();
    o.proxy = "http://p:1";
    fiks_network *n = made(o);
    CHECK_STR(n->no_proxy, "localhost,127.0.0.0/8,::1");
    fiks_network_free(n);
    setenv("no_proxy", "a.example", 1);
    n = made(o);
    CHECK_STR(n->no_proxy, "localhost,127.0.0.0/8,::1,a.example");
    fiks_network_free(n);
    o.no_proxy = "b.example";
    n = made(o);
    CHECK_STR(n->no_proxy, "localhost,127.0.0.0/8,::1,b.example");
    fiks_network_free(n);
    o.no_proxy = "*";
    n = made(o);
    CHECK(fiks_network_proxy(n, NULL) == NULL);
    fiks_network_free(n);
    clear_variables();
}

/* ---- the rest ---------------------------------------------------------------------------------
 */

TEST(trusted_roots_have_one_source)
{
    test_self_signed("rot");
    test_shell("mkdir -p tom hashet; cp rot.pem hashet/; openssl rehash hashet; "
               "touch tom/9d66eef0 tom/9d66eef0. tom/9d66eef0.x tom/9d66eef.0 tom/9d66eef00.0 "
               "tom/9D66EEF0.0");
    char *pem = test_read_file(test_temp_path("rot.pem"), NULL);
    fiks_network_options o = options();
    o.ca_dir = test_temp_path("tom");
    refused(o, FIKS_CONFIG, "ca_dir", "openssl rehash");
    o.ca_dir = test_temp_path("rot.pem");
    refused(o, FIKS_CONFIG, "ca_dir", "cannot read the directory");
    o.ca_dir = test_temp_path("hashet");
    fiks_network_free(made(o));
    o.ca_pem = pem;
    refused(o, FIKS_CONFIG, "ca_pem", "more than one source");
    o.ca_dir = NULL;
    fiks_network_free(made(o));
    o.ca_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    refused(o, FIKS_CONFIG, "ca_pem", "damaged");
    o.ca_pem = "0hei";
    refused(o, FIKS_CONFIG, "ca_pem", "not PEM");
    o.ca_pem = "";
    refused(o, FIKS_CONFIG, "ca_pem", "no certificate");
    free(pem);

    fiks_client_options c = FIKS_OPTIONS(fiks_client_options);
    fiks_client *client;
    fiks_error err = {0};
    c.environment = "test";
    c.ca_file = "x";
    c.network = made(options());
    CHECK_EQ_INT(fiks_client_new(&c, &client, &err), FIKS_CONFIG);
    CHECK_STR(err.code, "ca_file");
    fiks_network_free(c.network);
}

TEST(addresses_are_as_libcurl_wants_them)
{
    static const char *const list[] = {"API.example:443=127.0.0.1:20443", "b.example:1=[::1]:2",
                                       "[::1]:3=[::1]:4", "localhost:5=localhost:6", NULL};
    fiks_network_options o = options();
    o.resolve = list;
    fiks_network *n = made(o);
    CHECK_STR(n->connect_to[0], "api.example:443:127.0.0.1:20443");
    CHECK_STR(n->connect_to[1], "b.example:1:[::1]:2");
    CHECK_STR(n->connect_to[2], "[::1]:3:[::1]:4");
    CHECK_STR(n->connect_to[3], "localhost:5:localhost:6");
    CHECK(n->connect_to[4] == NULL);
    fiks_network_free(n);
    const char *many[FIKS_MAX_RESOLVE + 2] = {0};
    for (size_t i = 0; i < FIKS_MAX_RESOLVE; i++)
        many[i] = "a:1=b:2";
    o.resolve = many;
    fiks_network_free(made(o));
    many[FIKS_MAX_RESOLVE] = "a:1=b:2";
    refused(o, FIKS_CONFIG, "resolve", "more than 64");
    const char *one[] = {"127.0.0.1:80=192.0.2.1:80", NULL};
    o.resolve = one;
    refused(o, FIKS_CONFIG, "resolve", "is this machine");
    one[0] = "a:1";
    refused(o, FIKS_CONFIG, "resolve", "host:port=address:port");
    o = options();
    o.redirects = 11;
    refused(o, FIKS_CONFIG, "redirects", "from 0 to 10");
    o.redirects = -1;
    refused(o, FIKS_CONFIG, "redirects", "from 0 to 10");
    o = options();
    o.unix_socket = "/run/x";
    o.proxy = "http://p:1";
    refused(o, FIKS_CONFIG, "unix_socket", "exclude");
    o.proxy = NULL;
    setenv("https_proxy", "http://p:1", 1);
    n = made(o);
    CHECK(fiks_network_proxy(n, NULL) == NULL);
    fiks_network_free(n);
    clear_variables();
}

static void id_of(fiks_network_options o, char id[65])
{
    fiks_network *n = made(o);
    memcpy(id, n->id, 65);
    fiks_network_free(n);
}

TEST(the_id_is_of_every_setting_that_a_connection_depends_on)
{
    static const char *const list[] = {"a:1=b:2", NULL};
    char ids[9][65], again[65];
    fiks_network_options o = options();
    id_of(o, ids[0]);
    o.ca_file = "a";
    id_of(o, ids[1]);
    o.ca_file = "b";
    id_of(o, ids[2]);
    o.proxy = "http://p:1";
    id_of(o, ids[3]);
    o.proxy_username = "u";
    id_of(o, ids[4]);
    o.proxy_password = "p";
    id_of(o, ids[5]);
    o.no_proxy = "a";
    id_of(o, ids[6]);
    o.resolve = list;
    id_of(o, ids[7]);
    o.proxy = NULL;
    o.unix_socket = "/s";
    id_of(o, ids[8]);
    for (size_t i = 0; i < 9; i++)
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(ids[i], ids[j]) != 0);
    o.redirects = 3;
    id_of(o, again);
    CHECK_STR(again, ids[8]);
}

TEST(a_client_certificate_becomes_pem)
{
    test_self_signed("tls");
    fiks_key_options key = FIKS_OPTIONS(fiks_key_options);
    key.file = test_temp_path("tls.key");
    fiks_network_options o = options();
    o.client_certificate = &key;
    refused(o, FIKS_CREDENTIALS, "no_certificate", "tls.key");
    key.certificate_file = test_temp_path("tls.pem");
    fiks_network *n = made(o);
    CHECK_HAS(n->certificate.data, "-----BEGIN CERTIFICATE-----");
    CHECK_HAS(n->private_key.data, "-----BEGIN PRIVATE KEY-----");
    fiks_network_free(n);
    test_self_signed("annen");
    key.certificate_file = test_temp_path("annen.pem");
    refused(o, FIKS_CREDENTIALS, "key_mismatch", "does not belong");
    key.file = NULL;
    key.uri = "pkcs11:object=hemmelig";
    refused(o, FIKS_CREDENTIALS, "unsupported_key", "PKCS#11");
}

/* ---- redirects --------------------------------------------------------------------------------
 */

static fiks_redirect from(const char *url, const char *location)
{
    return (fiks_redirect){
        .status = 302, .location = location, .url = url, .method = "GET", .most = 3};
}

static void check_follows(fiks_redirect r, fiks_redirect_to want, const char *target)
{
    fiks_buf to = {0};
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_redirect_judge(&r, &to, &err), want);
    CHECK_OK(err.kind, err);
    if (target)
        CHECK_STR(to.data, target);
    fiks_buf_free(&to);
}

static void check_stays(fiks_redirect r, const char *why)
{
    fiks_buf to = {0};
    fiks_error err = {0};
    CHECK_EQ_INT(fiks_redirect_judge(&r, &to, &err), FIKS_REDIRECT_NOWHERE);
    CHECK_EQ_INT(err.kind, FIKS_PROTOCOL);
    CHECK_HAS(err.message, why);
    CHECK(!strstr(err.message, "hemmelig"));
    fiks_buf_free(&to);
}

TEST(a_redirect_is_followed_within_narrow_bounds)
{
    const char *a = "https://a.example/x", *plain = "http://127.0.0.1/x";
    check_follows(from(a, "https://a.example/y?z=1#del"), FIKS_REDIRECT_SAME_ORIGIN,
                  "https://a.example/y?z=1");
    check_follows(from(a, "https://A.example:443/"), FIKS_REDIRECT_SAME_ORIGIN, NULL);
    check_follows(from(a, "https://a.example:444/"), FIKS_REDIRECT_FOREIGN, NULL);
    check_follows(from(a, "https://b.example/"), FIKS_REDIRECT_FOREIGN, NULL);
    check_follows(from(a, NULL), FIKS_REDIRECT_NOWHERE, NULL);
    fiks_redirect r = from(a, "https://b.example/hemmelig");
    static const int others[] = {200, 300, 304, 305, 306, 400};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        r.status = others[i];
        check_follows(r, FIKS_REDIRECT_NOWHERE, NULL);
    }
    r.status = 308;
    r.most = 0;
    check_stays(r, "https://b.example:443; redirects are not followed");
    r.most = r.followed = 2;
    check_stays(r, "too many");
    r.followed = 0;
    r.method = "POST";
    check_stays(r, "only a GET or HEAD");
    r.method = "HEAD";
    check_follows(r, FIKS_REDIRECT_FOREIGN, NULL);
    r.has_body = true;
    check_stays(r, "without a body");
    check_stays(from(a, "http://127.0.0.1/hemmelig"), "within https");
    check_stays(from(a, "https://u:hemmelig@b.example/"), "not a plain URL");
    check_stays(from(a, "ftp://b.example/hemmelig"), "not a plain URL");
    check_stays(from(plain, "http://b.example/hemmelig"), "only for this machine");
    check_stays(from(plain, "http://[::1]/hemmelig"), "only for this machine");
    r = from(plain, "http://[::1]/x");
    r.allow_http = true;
    check_follows(r, FIKS_REDIRECT_FOREIGN, NULL);
    r.location = "http://b.example/hemmelig";
    check_stays(r, "only for this machine");
}

int main(void)
{
    return run_tests("test_network");
}
