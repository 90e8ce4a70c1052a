/* Where the time and the bytes of a request went, as libcurl counted them. */
#include "transfer.h"

static int64_t number(CURL *easy, CURLINFO what)
{
    curl_off_t value = 0;
    return curl_easy_getinfo(easy, what, &value) ? 0 : (int64_t)value;
}

static int64_t between(int64_t from, int64_t to)
{
    return from && to > from ? to - from : 0;
}

/* libcurl's are microseconds since the start of the request; 0 = it did not come to that. */
static void measure_new_connection(CURL *easy, fiks_timings *out)
{
    int64_t resolved = number(easy, CURLINFO_NAMELOOKUP_TIME_T);
    int64_t connected = number(easy, CURLINFO_CONNECT_TIME_T);
    out->dns_us = resolved;
    out->connect_us = between(resolved, connected);
    out->tls_us = between(connected, number(easy, CURLINFO_APPCONNECT_TIME_T));
}

static int version_of(long version)
{
    return version == CURL_HTTP_VERSION_1_0   ? 10
           : version == CURL_HTTP_VERSION_1_1 ? 11
           : version == CURL_HTTP_VERSION_2_0 ? 20
           : version == CURL_HTTP_VERSION_3   ? 30
                                              : 0;
}

void fiks_transfer_measure(fiks_transfer *t, fiks_travel *out)
{
    CURL *easy = t->easy;
    long request_bytes = 0, connections = 0, version = 0;
    curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections);
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    *out = (fiks_travel){.http_version = version_of(version),
                         .sent_bytes = (uint64_t)request_bytes + t->read,
                         .received_bytes =
                             t->head_bytes + (uint64_t)number(easy, CURLINFO_SIZE_DOWNLOAD_T)};
    out->timings.total_us = number(easy, CURLINFO_TOTAL_TIME_T);
    out->timings.first_byte_us = between(number(easy, CURLINFO_PRETRANSFER_TIME_T),
                                         number(easy, CURLINFO_STARTTRANSFER_TIME_T));
    out->timings.reused = connections == 0 && request_bytes > 0;
    if (connections) {
        measure_new_connection(easy, &out->timings);
        /* also one that was refused counts for libcurl */
        out->connections_opened = number(easy, CURLINFO_CONNECT_TIME_T) > 0;
    }
}
