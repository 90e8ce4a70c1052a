/*
 * Reference of the row call_seq: the same requests by libcurl alone. One easy handle, kept
 * connection, headers given ready-made, no JSON. GET and POST in turn.
 *
 * Usage: raw_seq <url> <ca file> <requests> <token file> <integrasjon id> <password file>
 * Prints: <requests> <CPU us of the process during them> <wall us>
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct answer {
    char data[4096];
    size_t len;
} answer;

static size_t take(char *data, size_t size, size_t count, void *to)
{
    answer *into = to;
    size_t len = size * count;
    if (into->len + len > sizeof into->data)
        return 0;
    memcpy(into->data + into->len, data, len);
    into->len += len;
    return len;
}

static int64_t microseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The first line of a file, without its end. */
static void first_line(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    if (!file || !fgets(out, (int)size, file)) {
        perror(path);
        exit(2);
    }
    fclose(file);
    out[strcspn(out, "\r\n")] = '\0';
}

static struct curl_slist *headers(char **argv)
{
    char secret[4000], line[4096];
    struct curl_slist *list = NULL;
    first_line(argv[4], secret, sizeof secret);
    snprintf(line, sizeof line, "Authorization: Bearer %s", secret);
    list = curl_slist_append(list, line);
    snprintf(line, sizeof line, "IntegrasjonId: %s", argv[5]);
    list = curl_slist_append(list, line);
    first_line(argv[6], secret, sizeof secret);
    snprintf(line, sizeof line, "IntegrasjonPassord: %s", secret);
    list = curl_slist_append(list, line);
    list = curl_slist_append(list, "Accept: application/json");
    return curl_slist_append(list, "Content-Type: application/json");
}

static void request(CURL *easy, answer *into, long number)
{
    static const char body[] = "{\"navn\":\"Grong kommune\",\"sak\":17}";
    long status = 0;
    into->len = 0;
    if (number % 2) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)sizeof body - 1);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    }
    CURLcode code = curl_easy_perform(easy);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200 || into->len < 250) {
        fprintf(stderr, "request %ld: %s, status %ld, %zu bytes\n", number,
                curl_easy_strerror(code), status, into->len);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static answer into;
    if (argc != 7) {
        fprintf(stderr, "usage: raw_seq url ca requests token-file id password-file\n");
        return 2;
    }
    long count = strtol(argv[3], NULL, 10);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *easy = curl_easy_init();
    struct curl_slist *list = headers(argv);
    curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
    curl_easy_setopt(easy, CURLOPT_CAINFO, argv[2]);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &into);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    for (long i = 0; i < 20; i++)
        request(easy, &into, i);
    int64_t cpu = microseconds(CLOCK_PROCESS_CPUTIME_ID), wall = microseconds(CLOCK_MONOTONIC);
    for (long i = 0; i < count; i++)
        request(easy, &into, i);
    cpu = microseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = microseconds(CLOCK_MONOTONIC) - wall;
    printf("%ld %lld %lld\n", count, (long long)cpu, (long long)wall);
    curl_easy_cleanup(easy);
    curl_slist_free_all(list);
    return 0;
}
