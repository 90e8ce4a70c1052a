/*
 * Reference of the rows call_*, connect_ca, cold_start and growth: the same requests by libcurl
 * alone, as its manual has it. One reused easy handle, or with several in flight a multi handle
 * with perform and poll; headers given ready-made, the same as lua-fiks sends; no JSON. GET and
 * POST in turn, after `warm` requests that are not counted.
 *
 * Usage: raw_call <url> <ca file> <requests> <warm> <in flight> <token file> <id> <password file>
 * Prints: <requests> <CPU us of the process during them> <wall us>
 */
#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fiks.h"

#define USER_AGENT "lua-fiks/" FIKS_VERSION

typedef struct request {
    CURL *easy;
    size_t len;
    char data[4096];
} request;

static const char *url, *ca_file;
static struct curl_slist *get_headers, *post_headers;
static long started; /* so far, by which GET and POST take turns */

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "raw_call: %s: %s\n", what, why);
    exit(1);
}

static int64_t microseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static size_t take(char *data, size_t size, size_t count, void *to)
{
    request *r = to;
    size_t len = size * count;
    if (r->len + len > sizeof r->data)
        return 0;
    memcpy(r->data + r->len, data, len);
    r->len += len;
    return len;
}

/* The first line of a file, without its end. */
static void first_line(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    if (!file || !fgets(out, (int)size, file))
        die(path, "cannot be read");
    fclose(file);
    out[strcspn(out, "\r\n")] = '\0';
}

static struct curl_slist *make_headers(char **argv)
{
    char secret[4000], line[4096];
    struct curl_slist *list = NULL;
    first_line(argv[6], secret, sizeof secret);
    snprintf(line, sizeof line, "Authorization: Bearer %s", secret);
    list = curl_slist_append(list, line);
    snprintf(line, sizeof line, "IntegrasjonId: %s", argv[7]);
    list = curl_slist_append(list, line);
    first_line(argv[8], secret, sizeof secret);
    snprintf(line, sizeof line, "IntegrasjonPassord: %s", secret);
    list = curl_slist_append(list, line);
    return curl_slist_append(list, "Accept-Encoding: identity");
}

static request *make_request(void)
{
    request *r = calloc(1, sizeof *r);
    if (!r || !(r->easy = curl_easy_init()))
        die("libcurl", "cannot start");
    curl_easy_setopt(r->easy, CURLOPT_URL, url);
    curl_easy_setopt(r->easy, CURLOPT_CAINFO, ca_file);
    curl_easy_setopt(r->easy, CURLOPT_USERAGENT, USER_AGENT);
    curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
    curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
    if (strncmp(url, "https:", 6) == 0) /* streams of one connection, if the server speaks h2 */
        curl_easy_setopt(r->easy, CURLOPT_PIPEWAIT, 1L);
    return r;
}

static void prepare(request *r)
{
    static const char body[] = "{\"navn\":\"Grong kommune\",\"sak\":17}";
    bool post = started++ % 2;
    r->len = 0;
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, post ? post_headers : get_headers);
    if (post) {
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE, (long)sizeof body - 1);
    } else {
        curl_easy_setopt(r->easy, CURLOPT_HTTPGET, 1L);
    }
}

static void check(const request *r, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        die(url, curl_easy_strerror(code));
    if (status != 200 || r->len < 10)
        die(url, "wrong answer");
}

static void one_by_one(long count)
{
    static request *r;
    if (!r)
        r = make_request();
    for (long i = 0; i < count; i++) {
        prepare(r);
        check(r, curl_easy_perform(r->easy));
    }
}

/* Takes what has ended off the handle and puts as many others on it. Returns how many ended. */
static long replace_ended(CURLM *multi, long to_start)
{
    CURLMsg *message;
    long ended = 0;
    int left;
    while ((message = curl_multi_info_read(multi, &left))) {
        request *r;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &r);
        check(r, code);
        curl_multi_remove_handle(multi, r->easy);
        if (ended++ < to_start) {
            prepare(r);
            curl_multi_add_handle(multi, r->easy);
        }
    }
    return ended;
}

static void side_by_side(long count, long in_flight)
{
    static request **all;
    static CURLM *multi;
    if (!all) {
        all = calloc((size_t)in_flight, sizeof *all);
        multi = curl_multi_init();
        if (!all || !multi)
            die("libcurl", "cannot start");
        curl_multi_setopt(multi, CURLMOPT_MAX_CONCURRENT_STREAMS, in_flight);
        for (long i = 0; i < in_flight; i++)
            all[i] = make_request();
    }
    long to_start = count, to_end = count;
    for (long i = 0; i < in_flight && to_start; i++, to_start--) {
        prepare(all[i]);
        curl_multi_add_handle(multi, all[i]->easy);
    }
    while (to_end) {
        int running;
        curl_multi_perform(multi, &running);
        long ended = replace_ended(multi, to_start);
        to_start -= ended < to_start ? ended : to_start;
        to_end -= ended;
        if (to_end && !ended)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
}

static void run(long count, long in_flight)
{
    if (in_flight == 1)
        one_by_one(count);
    else if (count)
        side_by_side(count, in_flight);
}

int main(int argc, char **argv)
{
    if (argc != 9)
        die("usage", "raw_call url ca requests warm in-flight token-file id password-file");
    url = argv[1];
    ca_file = argv[2];
    long count = strtol(argv[3], NULL, 10), in_flight = strtol(argv[5], NULL, 10);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    get_headers = make_headers(argv);
    post_headers = curl_slist_append(make_headers(argv), "Content-Type: application/json");
    run(strtol(argv[4], NULL, 10), in_flight);
    int64_t cpu = microseconds(CLOCK_PROCESS_CPUTIME_ID), wall = microseconds(CLOCK_MONOTONIC);
    run(count, in_flight);
    cpu = microseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = microseconds(CLOCK_MONOTONIC) - wall;
    printf("%ld %lld %lld\n", count, (long long)cpu, (long long)wall);
    return 0;
}
