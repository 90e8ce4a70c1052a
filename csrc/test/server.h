/*
 * A loopback HTTP server for the engine's tests: one thread, any number of kept connections. What
 * it answers is in the request's path:
 *
 *   .../hold/...   nothing until server_release()
 *   .../drop/...   the connection is closed without a byte
 *   .../cut/...    half an answer, then the connection is closed
 *   .../stall/...  half an answer, and nothing more
 *   .../echo       the method, the content type and the length of the body ("chunked" when it came
 *                  so), as text
 *   .../big        300,000 bytes: "0123456789" again and again
 *   /token         an access token
 *   anything else  200 and {"ok":true}
 *
 * It counts connections, requests and token requests.
 */
#ifndef FIKS_TEST_SERVER_H
#define FIKS_TEST_SERVER_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "harness.h"

#ifndef SERVER_TOKEN
#define SERVER_TOKEN "t"
#endif

#ifndef SERVER_CONNECTIONS
#define SERVER_CONNECTIONS 512
#endif

enum { SERVER_REQUEST_BYTES = 8192 };

typedef struct server_peer {
    int fd;
    bool held;
    size_t have;
    char request[SERVER_REQUEST_BYTES];
} server_peer;

typedef struct server {
    int listener, wake[2], port;
    pthread_t thread;
    server_peer peers[SERVER_CONNECTIONS];
    int peer_count;
    atomic_int accepted, requests, token_requests;
    atomic_bool released, stop;
} server;

static void server_answer(server_peer *peer, const char *body, size_t claimed)
{
    char text[512];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     claimed, body);
    if (send(peer->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
        peer->held = false;
}

static bool server_is_chunked(const server_peer *peer, const char *end)
{
    const char *at = strcasestr(peer->request, "\r\nTransfer-Encoding: chunked");
    return at && at < end;
}

/* Bytes of the whole request at the start of the buffer, or 0. */
static size_t server_request_bytes(const server_peer *peer)
{
    const char *end = strstr(peer->request, "\r\n\r\n");
    if (!end)
        return 0;
    if (server_is_chunked(peer, end)) {
        const char *last = strstr(end, "\r\n0\r\n\r\n");
        return last ? (size_t)(last + 7 - peer->request) : 0;
    }
    const char *length = strcasestr(peer->request, "\r\nContent-Length:");
    size_t bytes = (size_t)(end + 4 - peer->request);
    if (length && length < end)
        bytes += (size_t)atol(length + 17);
    return bytes <= peer->have ? bytes : 0;
}

static void server_echo(server_peer *peer, size_t bytes)
{
    char text[128], type[64] = "-";
    const char *end = strstr(peer->request, "\r\n\r\n") + 4;
    const char *at = strcasestr(peer->request, "\r\nContent-Type: ");
    if (at && at < end)
        snprintf(type, sizeof type, "%.*s", (int)strcspn(at + 16, "\r"), at + 16);
    char length[32] = "chunked";
    if (!server_is_chunked(peer, end))
        snprintf(length, sizeof length, "%zu", bytes - (size_t)(end - peer->request));
    snprintf(text, sizeof text, "%.*s %s %s", (int)strcspn(peer->request, " "), peer->request, type,
             length);
    bool head = strncmp(peer->request, "HEAD ", 5) == 0;
    server_answer(peer, head ? "" : text, strlen(text));
}

static void server_big(const server_peer *peer)
{
    enum { TIMES = 30000 };
    char *text = malloc(TIMES * 10 + 200);
    int n = snprintf(text, 200, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", TIMES * 10);
    for (int i = 0; i < TIMES; i++)
        memcpy(text + n + (size_t)i * 10, "0123456789", 10);
    for (size_t sent = 0, all = (size_t)n + TIMES * 10; sent < all;) {
        ssize_t more = send(peer->fd, text + sent, all - sent, MSG_NOSIGNAL);
        if (more <= 0)
            break;
        sent += (size_t)more;
    }
    free(text);
}

/* False: the connection is to be closed. */
static bool server_handle(server *s, server_peer *peer)
{
    static const char token[] = "{\"access_token\":\"" SERVER_TOKEN "\",\"token_type\":\"Bearer\","
                                "\"expires_in\":119,\"scope\":\"ks:fiks\"}";
    size_t bytes;
    while (!peer->held && (bytes = server_request_bytes(peer))) {
        char line[512] = "";
        snprintf(line, sizeof line, "%.*s", (int)strcspn(peer->request, "\r"), peer->request);
        atomic_fetch_add(&s->requests, 1);
        if (strstr(line, "/echo"))
            server_echo(peer, bytes);
        memmove(peer->request, peer->request + bytes, peer->have - bytes + 1);
        peer->have -= bytes;
        if (strstr(line, "/drop/"))
            return false;
        if (strstr(line, "/cut/")) {
            server_answer(peer, "{\"ok\"", 100);
            return false;
        }
        if (strstr(line, "/stall/")) {
            server_answer(peer, "{\"ok\"", 100);
            continue;
        }
        if (strstr(line, "/echo"))
            continue;
        if (strstr(line, "/big")) {
            server_big(peer);
            continue;
        }
        if (strstr(line, "/token")) {
            atomic_fetch_add(&s->token_requests, 1);
            server_answer(peer, token, strlen(token));
        } else if (strstr(line, "/hold/") && !atomic_load(&s->released)) {
            peer->held = true;
        } else {
            server_answer(peer, "{\"ok\":true}", 11);
        }
    }
    return true;
}

static bool server_read(server *s, server_peer *peer)
{
    ssize_t n =
        recv(peer->fd, peer->request + peer->have, SERVER_REQUEST_BYTES - 1 - peer->have, 0);
    if (n <= 0)
        return false;
    peer->have += (size_t)n;
    peer->request[peer->have] = '\0';
    return server_handle(s, peer);
}

static void server_close(server *s, int i)
{
    close(s->peers[i].fd);
    s->peers[i] = s->peers[--s->peer_count];
}

static void server_accept(server *s)
{
    int fd = accept(s->listener, NULL, NULL);
    if (fd < 0 || s->peer_count == SERVER_CONNECTIONS)
        abort();
    atomic_fetch_add(&s->accepted, 1);
    memset(&s->peers[s->peer_count], 0, sizeof *s->peers);
    s->peers[s->peer_count++].fd = fd;
}

static void server_let_go(server *s)
{
    char c;
    if (read(s->wake[0], &c, 1) == 1 && atomic_load(&s->released))
        for (int i = 0; i < s->peer_count; i++)
            if (s->peers[i].held) {
                s->peers[i].held = false;
                server_answer(&s->peers[i], "{\"ok\":true}", 11);
            }
}

static void *server_run(void *what)
{
    server *s = what;
    while (!atomic_load(&s->stop)) {
        struct pollfd fds[SERVER_CONNECTIONS + 2] = {{.fd = s->listener, .events = POLLIN},
                                                     {.fd = s->wake[0], .events = POLLIN}};
        int count = s->peer_count;
        for (int i = 0; i < count; i++)
            fds[i + 2] = (struct pollfd){.fd = s->peers[i].fd, .events = POLLIN};
        poll(fds, (nfds_t)count + 2, -1);
        for (int i = count - 1; i >= 0; i--)
            if (fds[i + 2].revents && !server_read(s, &s->peers[i]))
                server_close(s, i);
        if (fds[0].revents)
            server_accept(s);
        if (fds[1].revents)
            server_let_go(s);
    }
    while (s->peer_count)
        server_close(s, 0);
    return NULL;
}

static void server_start(server *s)
{
    memset(s, 0, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(s->listener, (struct sockaddr *)&at, n) || listen(s->listener, 128) ||
        getsockname(s->listener, (struct sockaddr *)&at, &n) || pipe(s->wake) ||
        pthread_create(&s->thread, NULL, server_run, s))
        abort();
    s->port = ntohs(at.sin_port);
}

static void server_poke(server *s)
{
    if (write(s->wake[1], "x", 1) != 1)
        abort();
}

/* Answers everything held, and holds nothing from now on. */
__attribute__((unused)) static void server_release(server *s)
{
    atomic_store(&s->released, true);
    server_poke(s);
}

static void server_stop(server *s)
{
    atomic_store(&s->stop, true);
    server_poke(s);
    pthread_join(s->thread, NULL);
    close(s->listener);
    close(s->wake[0]);
    close(s->wake[1]);
}

#endif
