/*
 * Reference of the row grant_token: the same grant and request by OpenSSL and libcurl alone. One
 * easy handle, kept connection; header and claims by snprintf, the answer is searched for its
 * token.
 *
 * Usage: raw_grant <url> <ca file> <requests> <key> <certificate>
 * Prints: <requests> <CPU us of the process during them> <wall us>
 */
#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TEXT = 16384 };

typedef struct answer {
    char data[4096];
    size_t len;
} answer;

static EVP_PKEY *key;
static char header[TEXT]; /* base64url, once for all: our side builds it anew */

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "raw_grant: %s\n", what);
    exit(1);
}

static size_t take(char *data, size_t size, size_t count, void *to)
{
    answer *into = to;
    size_t len = size * count;
    if (into->len + len >= sizeof into->data)
        return 0;
    memcpy(into->data + into->len, data, len);
    into->len += len;
    into->data[into->len] = '\0';
    return len;
}

static int64_t microseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static size_t base64url(const void *data, size_t len, char *out)
{
    int n = EVP_EncodeBlock((unsigned char *)out, data, (int)len);
    while (n > 0 && out[n - 1] == '=')
        n--;
    out[n] = '\0';
    for (int i = 0; i < n; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    return (size_t)n;
}

static void make_header(const char *certificate_file)
{
    char text[TEXT / 2], der64[TEXT / 4];
    unsigned char *der = NULL;
    FILE *file = fopen(certificate_file, "r");
    X509 *x509 = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    int len = x509 ? i2d_X509(x509, &der) : 0;
    if (len <= 0 || len > (int)sizeof der64 / 2)
        die("no certificate");
    fclose(file);
    EVP_EncodeBlock((unsigned char *)der64, der, len);
    int n = snprintf(text, sizeof text, "{\"alg\":\"RS256\",\"x5c\":[\"%s\"]}", der64);
    base64url(text, (size_t)n, header);
    OPENSSL_free(der);
    X509_free(x509);
}

static void write_grant(const char *url, char *out)
{
    static const char form[] =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    unsigned char random[16], signature[512];
    char claims[1024], jti[64];
    size_t signature_len = sizeof signature;
    long long now = (long long)time(NULL);
    RAND_bytes(random, sizeof random);
    for (int i = 0; i < 16; i++)
        snprintf(jti + (ptrdiff_t)i * 2, 3, "%02x", random[i]);
    int n = snprintf(claims, sizeof claims,
                     "{\"aud\":\"%s/\",\"iss\":\"bench\",\"scope\":\"ks:fiks\",\"iat\":%lld,"
                     "\"exp\":%lld,\"jti\":\"%s\"}",
                     url, now, now + 120, jti);
    char *assertion = out + sizeof form - 1;
    memcpy(out, form, sizeof form);
    size_t len = strlen(header);
    memcpy(assertion, header, len);
    assertion[len++] = '.';
    len += base64url(claims, (size_t)n, assertion + len);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(ctx, signature, &signature_len, (unsigned char *)assertion, len) != 1)
        die("cannot sign");
    EVP_MD_CTX_free(ctx);
    assertion[len++] = '.';
    base64url(signature, signature_len, assertion + len);
}

static void request(CURL *easy, const char *url, answer *into)
{
    char body[TEXT + 2048];
    long status = 0;
    into->len = 0;
    write_grant(url, body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200 || !strstr(into->data, "\"access_token\":\""))
        die(curl_easy_strerror(code));
}

static CURL *prepare(const char *url, const char *ca_file, answer *into)
{
    char endpoint[256];
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *easy = curl_easy_init();
    struct curl_slist *list =
        curl_slist_append(NULL, "Content-Type: application/x-www-form-urlencoded");
    list = curl_slist_append(list, "Accept: application/json");
    list = curl_slist_append(list, "Expect:");
    snprintf(endpoint, sizeof endpoint, "%s/token", url);
    curl_easy_setopt(easy, CURLOPT_URL, endpoint);
    curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, into);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return easy;
}

int main(int argc, char **argv)
{
    static answer into;
    if (argc != 6)
        die("usage: raw_grant url ca requests key certificate");
    long count = strtol(argv[3], NULL, 10);
    FILE *file = fopen(argv[4], "r");
    key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    if (!key)
        die("no key");
    fclose(file);
    make_header(argv[5]);
    CURL *easy = prepare(argv[1], argv[2], &into);
    for (int i = 0; i < 20; i++)
        request(easy, argv[1], &into);
    int64_t cpu = microseconds(CLOCK_PROCESS_CPUTIME_ID), wall = microseconds(CLOCK_MONOTONIC);
    for (long i = 0; i < count; i++)
        request(easy, argv[1], &into);
    cpu = microseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = microseconds(CLOCK_MONOTONIC) - wall;
    printf("%ld %lld %lld\n", count, (long long)cpu, (long long)wall);
    return 0;
}
