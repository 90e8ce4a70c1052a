#include "transfer_url.h"

#include <string.h>

enum { PATH_BYTES = 512 };

void fiks_goal_free(fiks_goal *goal)
{
    curl_url_cleanup(goal->parts);
    fiks_buf_free(&goal->last);
}

/* Bytes of "https://host:port". */
static size_t origin_length(const char *url)
{
    const char *host = strstr(url, "://");
    return host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : strlen(url);
}

static bool is_plain_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '/' || c == '.' || c == '_' || c == '~' || c == '?' || c == '=' || c == '&';
}

/* A path that libcurl would neither encode nor shorten, with or without a query. */
static bool is_plain(const char *path)
{
    size_t n = 0;
    for (; is_plain_letter(path[n]); n++)
        if (path[n] == '.' && n && path[n - 1] == '/')
            return false;
    return path[0] == '/' && !path[n] && n < PATH_BYTES;
}

static CURLUcode set_parts(fiks_goal *goal, const char *path)
{
    char only[PATH_BYTES];
    size_t n = strcspn(path, "?");
    memcpy(only, path, n);
    only[n] = '\0';
    CURLUcode code = curl_url_set(goal->parts, CURLUPART_PATH, only, 0);
    if (!code)
        code = curl_url_set(goal->parts, CURLUPART_QUERY, path[n] ? path + n + 1 : NULL, 0);
    return code;
}

/* Have the parts the scheme, host and port of this URL? */
static bool is_origin_of(const fiks_goal *goal, const char *url, size_t origin)
{
    return goal->origin_bytes == origin && strncmp(goal->last.data, url, origin) == 0;
}

static CURLUcode take_apart(fiks_goal *goal, const char *url)
{
    if (!goal->parts)
        goal->parts = curl_url();
    return goal->parts ? curl_url_set(goal->parts, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
}

/* Keeps the text that the handle is set to from now on. */
static bool remember(fiks_goal *goal, const char *url)
{
    fiks_buf_clear(&goal->last);
    return fiks_buf_adds(&goal->last, url);
}

/* Several at once to a new host: rather one connection of HTTP/2 than one each. Not for plain http,
 * where libcurl would learn of HTTP/1.1 only from the first answer. */
static CURLcode set_patience(CURL *easy, const char *url)
{
    return curl_easy_setopt(easy, CURLOPT_PIPEWAIT, strncmp(url, "https:", 6) == 0 ? 1L : 0L);
}

CURLcode fiks_goal_apply(fiks_goal *goal, CURL *easy, const char *url)
{
    if (goal->last.len && strcmp(goal->last.data, url) == 0)
        return CURLE_OK;
    size_t origin = origin_length(url);
    bool plain = is_plain(url + origin);
    if (plain)
        plain = (is_origin_of(goal, url, origin) ? set_parts(goal, url + origin)
                                                 : take_apart(goal, url)) == CURLUE_OK;
    goal->origin_bytes = plain ? origin : 0;
    if (!remember(goal, url)) {
        goal->origin_bytes = 0; /* of no text */
        return CURLE_OUT_OF_MEMORY;
    }
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, url); /* for its own words, at least */
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_CURLU, plain ? goal->parts : NULL);
    if (!code)
        code = set_patience(easy, url);
    if (code)
        fiks_buf_clear(&goal->last);
    return code;
}
