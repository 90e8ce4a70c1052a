/*
 * lua-fiks: the public C API.
 *
 * A client for KS Fiks, the platform on which Norwegian municipalities exchange cases and messages.
 * One header, one library. What the Lua module `fiks` does is done through these functions, and a C
 * program can do the same job with them (examples/main_job.c).
 *
 * Conventions, the same everywhere
 *   - A fallible function returns a fiks_status (0 = FIKS_OK) and takes a fiks_error last; the
 *     error may be NULL. The first error wins: one that is already set is not overwritten.
 *   - `_new`/`_free` for heap objects, free accepts NULL. `_ref` adds an owner, `_free` drops one.
 *   - Strings in are copied unless the text says otherwise. Pointers out are borrowed: valid until
 *     the object they came from is changed or freed.
 *   - Units are in the names: `_ms`, `_s`, `_bytes`. Strings are UTF-8.
 *   - Options are structs whose first member is `size`: start with `FIKS_OPTIONS(type)`. Zero means
 *     default.
 *   - Any thread may call any function; one object is used by one thread at a time, except the
 *     client, which any number of threads share, and fiks_call_cancel and fiks_call_finished, which
 *     may come from any thread while the call is not freed.
 *   - Passwords, keys, assertions and tokens never appear in an error, a log line or a URL.
 */
#ifndef FIKS_H
#define FIKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FIKS_VERSION "0.1.0"
#define FIKS_API __attribute__((visibility("default")))

/* An options struct with every member at its default: `fiks_client_options o =
 * FIKS_OPTIONS(fiks_client_options);` */
#define FIKS_OPTIONS(type)                                                                         \
    (type)                                                                                         \
    {                                                                                              \
        .size = sizeof(type)                                                                       \
    }

/* ---- errors -------------------------------------------------------------------------------- */

/* What went wrong, as a closed list. docs/errors.md has cause and cure of each. */
typedef enum fiks_status {
    FIKS_OK = 0,
    FIKS_CONFIG,       /* a setting is missing or wrong; nothing was sent */
    FIKS_CREDENTIALS,  /* key, certificate or their password; nothing was sent */
    FIKS_INVALID,      /* an argument or a message breaks the contract; nothing was sent */
    FIKS_NETWORK,      /* name, connection, or it was cut */
    FIKS_TLS,          /* the server's certificate or the handshake */
    FIKS_TIMEOUT,      /* a deadline passed */
    FIKS_CANCELLED,    /* the caller cancelled, or closed the client */
    FIKS_CLOCK,        /* this machine's clock is wrong */
    FIKS_AUTH,         /* 401: token, integrasjon or user name and password refused */
    FIKS_DENIED,       /* 403, or the token endpoint refused the grant */
    FIKS_NOT_FOUND,    /* 404 or 410 */
    FIKS_CONFLICT,     /* 409 */
    FIKS_REJECTED,     /* another 4xx: the server refused the request */
    FIKS_RATE_LIMITED, /* 429 */
    FIKS_SERVER,       /* 5xx: the outcome may be unknown */
    FIKS_PROTOCOL,     /* the answer is not what the contract says */
    FIKS_CRYPTO,       /* CMS: structure, algorithm, or no key fits */
    FIKS_ARCHIVE,      /* zip: structure, or an entry that must not be unpacked */
    FIKS_INTEGRITY,    /* a hash, CRC, size or padding does not match */
    FIKS_LIMIT,        /* larger than allowed */
    FIKS_IO,           /* file system */
    FIKS_MEMORY,       /* out of memory */
    FIKS_INTERNAL      /* a bug in lua-fiks: please report */
} fiks_status;

/*
 * An error, owned by the caller, no cleanup needed. All strings are UTF-8, end in NUL and may be
 * empty. `code` is stable text for programs ("wrong_password", "mismatch", or the platform's own
 * errorCode); `message` is for people: what, where, what to do.
 */
typedef struct fiks_error {
    fiks_status kind;
    int http_status;        /* of the last answer; 0 = none */
    bool retryable;         /* trying the same again later may help */
    int attempts;           /* requests sent */
    int64_t retry_after_ms; /* from Retry-After; 0 = none */
    char code[64];
    char message[768];
    char operation[64]; /* e.g. "innsyn.v2.index" */
    char url[256];      /* without query */
    char error_id[64];  /* Fiks errorId: quote it to KS support */
    char oauth_error[64];
    char mp_code[16];         /* Maskinporten, e.g. "MP-121" */
    char trace_id[64];        /* Maskinporten's: quote it to Digdir */
    char jti[40];             /* of our grant */
    bool uncertain;           /* this or an earlier try may have been carried out all the same */
    char request_id[128];     /* the answer's X-Request-Id, X-Correlation-Id or traceparent */
    char correlation_id[128]; /* what was sent as X-Correlation-Id */
    bool platform; /* the answer had the platform's own error form: no proxy's, no web page */
} fiks_error;

FIKS_API void fiks_error_clear(fiks_error *err);

/* "timeout", "denied", ...: the name Lua code sees as err.kind. Never NULL. */
FIKS_API const char *fiks_status_name(fiks_status kind);

/* The library's version, "MAJOR.MINOR.PATCH". */
FIKS_API const char *fiks_version(void);

/* ---- keys ---------------------------------------------------------------------------------- */

/* A private RSA key with the certificates that came with it; counted, immutable. */
typedef struct fiks_key fiks_key;

typedef struct fiks_key_options {
    size_t size;
    const char *name; /* what errors call it; default: the file name */
    const char *file; /* PKCS#12 or PEM, told apart by content; or: */
    const void *data; /* the same, from memory */
    size_t data_bytes;
    const char *password;         /* of the PKCS#12 or the encrypted PEM; NULL = none given */
    const char *alias;            /* friendlyName of the PKCS#12 entry; NULL = the only one */
    const char *certificate_file; /* PEM certificates, when the key file has none */
    /* A key that never leaves its token (RFC 7512), also accepted as `file`:
     * "pkcs11:token=fiks;object=virksomhet". The PIN is `password`, or pin-value in the URI. The
     * module is p11-kit's, or module-path in the URI, one per process. */
    const char *uri;
    /* Loads RSA keys of 1024 to 2047 bits, too. Maskinporten refuses them; what was encrypted for
     * one long ago must still open. */
    bool allow_weak;
} fiks_key_options;

/*
 * Loads a key. Fails with FIKS_CREDENTIALS and code wrong_password, password_missing,
 * unsupported_cipher, no_key, alias, unsupported_key, weak_key, key_mismatch, jks, format, file;
 * for PKCS#11 also uri, engine or pin_locked. PKCS#11 needs OpenSSL's engine
 * "pkcs11" (Debian: libengine-pkcs11-openssl). A PIN is tried once: tokens lock themselves.
 */
FIKS_API fiks_status fiks_key_new(const fiks_key_options *options, fiks_key **out, fiks_error *err);
FIKS_API fiks_key *fiks_key_ref(fiks_key *key);
FIKS_API void fiks_key_free(fiks_key *key);

/* ---- the way to the platform --------------------------------------------------------------- */

/* How the platform is reached. Counted, immutable; any number of clients share one. There is no
 * option that turns the verification of certificates off. */
typedef struct fiks_network fiks_network;

typedef struct fiks_network_options {
    size_t size;
    /* Whose certificates are trusted, instead of the system's roots: one of these three. */
    const char *ca_file; /* PEM */
    const char *ca_dir;  /* a directory as `openssl rehash` leaves it */
    const char *ca_pem;  /* PEM text */
    /* "http://[user:password@]host:port", https:// for TLS to the proxy; "none" for none. NULL:
     * the variables https_proxy and all_proxy (also in capitals), as they are now. Calls go through
     * it by CONNECT, so it never sees them; loopback is always reached directly. */
    const char *proxy;
    const char *proxy_username; /* Basic; stronger than those in a URL */
    const char *proxy_password;
    /* Hosts that are reached directly: names (with what is below them), addresses, networks
     * (10.0.0.0/8), separated by commas; "*" = all. NULL: the variable no_proxy. */
    const char *no_proxy;
    /* What we show when the server asks who we are (mutual TLS); `uri` is not for this. Read now.
     */
    const fiks_key_options *client_certificate;
    const char *unix_socket; /* path: every connection goes there. Never with a proxy */
    /* Other addresses, for tests: "host:port=address:port", ends in NULL. The certificate must
     * still be the host's. */
    const char *const *resolve;
    /* How many redirects a GET or HEAD follows, 0 to 10, within its scheme; another host gets no
     * credentials. */
    int redirects;
} fiks_network_options;

/*
 * Checks everything that can be known without the network. FIKS_CONFIG, with the option's name as
 * code; FIKS_CREDENTIALS, with the codes of fiks_key_new and "no_certificate", for the client
 * certificate.
 */
FIKS_API fiks_status fiks_network_new(const fiks_network_options *options, fiks_network **out,
                                      fiks_error *err);
FIKS_API fiks_network *fiks_network_ref(fiks_network *network);
FIKS_API void fiks_network_free(fiks_network *network);
/* The proxy in use, "http://host:port", without its user name and password; NULL = none. `*from`
 * (or NULL) says what named it: "the option proxy", "the variable https_proxy". Borrowed. */
FIKS_API const char *fiks_network_proxy(const fiks_network *network, const char **from);

/* ---- clients ------------------------------------------------------------------------------- */

/* One integrasjon and how to reach the platform. Shared freely between threads. */
typedef struct fiks_client fiks_client;

typedef struct fiks_client_options {
    size_t size;
    /* "current" (default): Maskinporten, ks:fiks, IntegrasjonPassord. "2018": ID-porten, ks,
     * ServicePassword. Every single value below overrides what the contract says. */
    const char *contract;
    /* "prod" or "test"; NULL when the URLs below are given. There is no default. */
    const char *environment;
    const char *api_url;        /* https://api.fiks.ks.no */
    const char *svarut_url;     /* https://svarut.ks.no */
    const char *issuer;         /* aud of the grant, byte for byte */
    const char *token_endpoint; /* default: issuer + "token" */
    const char *scope;          /* default: by contract */
    const char *client_id;      /* at Maskinporten or ID-porten: iss of the grant */
    const char *consumer_org;   /* nine digits: act for this organisation */
    const char *kid;            /* registered key id; NULL = send x5c */
    fiks_key *key;              /* borrowed for the call; the client keeps a reference */
    const char *integrasjon_id; /* UUID */
    const char *integrasjon_passord;
    const char *ca_file;      /* PEM with trusted roots; NULL = the system's */
    bool allow_loopback_http; /* plain http to 127.0.0.1, ::1 and localhost; never elsewhere */
    const char *alg;          /* of the grant's signature: "RS256" (default), "RS384", "RS512" */
    const char *x5c;          /* what goes into x5c: "chain" (default, no root) or "leaf" */
    const char *resource;     /* aud of the token; Fiks needs none */
    const char *pid;          /* eleven digits: a token for this person */
    const char *authorization_details; /* JSON text: an array with one object (RFC 9396) */
    bool resource_array;               /* resource as an array instead of a string */
    bool accept_fewer_scopes; /* use a token that was granted fewer scopes than asked for */
    /* When the token endpoint says that the clocks differ, try once more with the time of its Date
     * header, and begin with that difference from then on. Never changes the machine's clock. */
    bool clock_correction;
    /* A certificate that has expired or is not valid yet is a warning instead of an error. */
    bool allow_expired_certificate;
    /* Deadlines of its calls, instead of each operation's own; 0 = that. See fiks_call_options. */
    uint32_t timeout_ms; /* not for streamed answers */
    uint32_t connect_timeout_ms;
    uint32_t first_byte_timeout_ms;
    uint32_t idle_timeout_ms;
    uint32_t min_bytes_per_s; /* for streamed answers */
    /* How it is reached; the client keeps a reference. NULL: the variables' proxy, and `ca_file`,
     * which belongs to the network's own options otherwise. */
    fiks_network *network;
    /* What its calls carry unless they have their own: see fiks_call_options. */
    const char *traceparent;
    const char *correlation_id;
} fiks_client_options;

/*
 * Checks everything that can be known without the network. FIKS_CONFIG: the message names the
 * option; code "retired_host" for addresses of Maskinporten and ID-porten that are gone.
 * FIKS_CREDENTIALS "expired" or "not_yet_valid" for a certificate that would be sent.
 */
FIKS_API fiks_status fiks_client_new(const fiks_client_options *options, fiks_client **out,
                                     fiks_error *err);

/*
 * What looked wrong in the settings without being an error: hosts of different environments, an
 * issuer that differs from the published one by a slash, a test certificate for production, a
 * certificate that expires within 30 days ... Each is also a log line of level 1. A list of
 * sentences that ends in NULL; borrowed.
 */
FIKS_API const char *const *fiks_client_warnings(const fiks_client *client);

/* How it reaches the platform. Borrowed. */
FIKS_API const fiks_network *fiks_client_network(const fiks_client *client);

FIKS_API fiks_client *fiks_client_ref(fiks_client *client);
FIKS_API void fiks_client_free(fiks_client *client);

/*
 * What a token is asked for, instead of what the client's options say: NULL = as the client, ""
 * = without (not for scope). Claims and the cache's key are both made of the result, so tokens
 * for different people or organisations never mix.
 */
typedef struct fiks_token_options {
    size_t size;
    const char *scope;
    const char *consumer_org;
    const char *resource;
    const char *pid;
    const char *authorization_details;
} fiks_token_options;

/*
 * The cached token and the scopes granted with it, without asking anybody (the operation "token"
 * fetches one): false when there is none that can still be used, or, with the error set, when the
 * options (NULL = none) are wrong. The token is a secret: wipe it (fiks_bytes_free both).
 * `*expires_s` is wall-clock time, since 1970.
 */
FIKS_API bool fiks_client_peek_token(fiks_client *client, const fiks_token_options *options,
                                     char **token, char **scope, int64_t *expires_s,
                                     fiks_error *err);
/* Drops the cached token if it is still this one (NULL: whichever it is). */
FIKS_API fiks_status fiks_client_invalidate_token(fiks_client *client,
                                                  const fiks_token_options *options,
                                                  const char *token, fiks_error *err);

/*
 * How far this machine's clock is ahead of the token endpoint's (negative: behind), by the Date
 * header of its last answer, about a second exact. False before the first answer.
 */
FIKS_API bool fiks_client_clock_skew(const fiks_client *client, int64_t *ahead_ms);

#include "fiks_content.h" /* sinks, sources, CMS and ASiC-E */

/* ---- calls --------------------------------------------------------------------------------- */

/* A template or query parameter, or a header. */
typedef struct fiks_param {
    const char *name;
    const char *value;
} fiks_param;

/* One part of a multipart/form-data body, sent in the order given. */
typedef struct fiks_part {
    const char *name;
    const char *filename;     /* NULL = none */
    const char *content_type; /* NULL = none */
    const void *data;         /* copied; or: */
    size_t data_bytes;
    fiks_source *source; /* taken over when the call starts, else still yours */
} fiks_part;

typedef struct fiks_call_options {
    size_t size;
    const char *operation; /* a built-in's name (fiks_operation_names), or NULL and: */
    const char *method;
    const char *path; /* under api_url, may hold {name}; or an absolute URL of a known host */
    /* Fill {name} in the path; the rest becomes the query. For a download "url" is the link that
     * the list gave (downloadUrl): taken when it is on the host of the operation. */
    const fiks_param *params;
    size_t param_count;
    const void *body; /* JSON text or other bytes; copied */
    size_t body_bytes;
    const char *content_type; /* default application/json */
    const fiks_part *parts;   /* multipart instead of body; copied */
    size_t part_count;
    const char *username; /* HTTP Basic, for SvarInn v1 and v2 */
    const char *password;
    fiks_sink *sink;         /* taken over when the call starts, else still yours; NULL = memory */
    size_t max_answer_bytes; /* in memory; default 16 MiB */
    uint32_t timeout_ms;     /* over all tries, token included; default by operation */
    int idempotent;          /* 1 yes, -1 no, 0 by method and operation */
    /* As in fiks_token_options: what this call's token is asked for. */
    const char *scope;
    const char *consumer_org;
    const char *resource;
    const char *pid;
    const char *authorization_details;
    /* The access token of a logged-in person (ID-porten), sent instead of the client's: as it is,
     * once, never renewed. Copied, wiped. */
    const char *bearer;
    /* What is borne within one try; 0 = as the client or, without one there, the operation says. */
    uint32_t connect_timeout_ms;    /* name, connection and handshake; default 5 s */
    uint32_t first_byte_timeout_ms; /* from the request's last byte to the answer's first header */
    uint32_t idle_timeout_ms;       /* between two bytes, either way; default 30 s or more */
    uint32_t min_bytes_per_s; /* of a streamed answer, over each idle_timeout_ms; default 1000 */
    fiks_source *source; /* instead of body; taken over when the call starts, else still yours */
    unsigned
        notes; /* FIKS_NOTE_PROGRESS, _ATTEMPT, _TOKEN: what its queue is told before its end */
    /* Sent to Fiks (never to the token endpoint), instead of the client's. Code "traceparent" or
     * "correlation_id" when they are not what they should be. */
    const char *traceparent;    /* W3C Trace Context: passed on as it is */
    const char *correlation_id; /* X-Correlation-Id: 1 to 127 visible ASCII characters. Also in
                                 * fiks_error and in log lines */
} fiks_call_options;

/* One call under way. Belongs to whoever started it. */
typedef struct fiks_call fiks_call;

/* Completions of the calls started with it; one per thread (or Lua state) that waits. */
typedef struct fiks_queue fiks_queue;

/* Where the time of the last try went. The phases follow one another; what a kept connection spares
 * is 0. */
typedef struct fiks_timings {
    int64_t dns_us;
    int64_t connect_us;    /* TCP, and a proxy's part */
    int64_t tls_us;        /* the handshake */
    int64_t first_byte_us; /* from when the request began to go out to the answer's first byte */
    int64_t total_us;      /* of the whole try */
    bool reused;           /* on a kept connection */
} fiks_timings;

typedef struct fiks_response {
    int status;
    const char *body; /* borrowed from the call; ends in NUL beyond body_bytes */
    size_t body_bytes;
    const char *content_type; /* "" = none */
    int attempts;
    int64_t elapsed_ms;
    fiks_timings timings;
    int http_version;       /* 10, 11, 20, 30; 0 = not known */
    const char *request_id; /* as in fiks_error; "" = none */
} fiks_response;

/* One request of a call, and what came of it. */
typedef struct fiks_attempt {
    fiks_status kind; /* FIKS_OK: it brought the result */
    int http_status;  /* 0 = no answer */
    char code[64];
    int64_t started_ms; /* since the call began */
    int64_t elapsed_ms;
    int64_t pause_ms;    /* before the next one */
    bool token_renewed;  /* after it, for the next one */
    uint64_t sent_bytes; /* headers included; so received_bytes */
    uint64_t received_bytes;
} fiks_attempt;

FIKS_API fiks_queue *fiks_queue_new(void);
FIKS_API void fiks_queue_free(fiks_queue *queue);

/*
 * A descriptor that an event loop can wait for: readable while fiks_queue_wait would give a call.
 * It starts the I/O thread, so that bytes move though nobody waits here. Take calls with a timeout
 * of 0 until there are none; the descriptor is the queue's, and closed with it. In a child process
 * after a fork ask anew: the old one is the parent's. FIKS_IO.
 */
FIKS_API fiks_status fiks_queue_fd(fiks_queue *queue, int *fd, fiks_error *err);

/*
 * Starts a call: checks the arguments, hands it to the engine, returns. The engine moves bytes
 * only while some thread waits (fiks_queue_wait, fiks_call_wait) or its I/O thread runs. `queue`
 * may be NULL: then only fiks_call_wait learns of the end.
 */
FIKS_API fiks_status fiks_call_new(fiks_client *client, const fiks_call_options *options,
                                   fiks_queue *queue, fiks_call **out, fiks_error *err);

/* Waits for this call, moving everyone's bytes meanwhile. FIKS_TIMEOUT when `timeout_ms` (negative
 * = for ever) passed first: the call goes on. */
FIKS_API fiks_status fiks_call_wait(fiks_call *call, int64_t timeout_ms, fiks_error *err);

/* The next call of the queue that has finished or has something to say (fiks_call_notes), or NULL
 * after `timeout_ms` (negative = for ever, also when nothing is under way). Borrowed. */
FIKS_API fiks_call *fiks_queue_wait(fiks_queue *queue, int64_t timeout_ms);

/*
 * The outcome of a finished call: FIKS_OK or the error, which replaces what `err` held. The
 * response is set when there was an answer, also beside an error; borrowed from the call.
 */
FIKS_API fiks_status fiks_call_result(fiks_call *call, const fiks_response **response,
                                      fiks_error *err);
FIKS_API bool fiks_call_finished(fiks_call *call);
/* The requests that a call made so far, oldest first; of more than six the first five and, when it
 * has finished, the last. The token's are not among them. Borrowed. */
FIKS_API const fiks_attempt *fiks_call_attempts(const fiks_call *call, size_t *count);
/* How long it waited for a token so far, in milliseconds; from any thread. */
FIKS_API int64_t fiks_call_token_ms(const fiks_call *call);
/* Fiks' errorJson of a refusal: JSON text, or whatever text it was. NULL = none, or larger than
 * 16 KiB. Borrowed. */
FIKS_API const char *fiks_call_error_json(const fiks_call *call);
/* The sink given to the call, for its result. Borrowed; NULL = none. */
FIKS_API const fiks_sink *fiks_call_sink(const fiks_call *call);
/* How far a call has come, in this try; from any thread. -1 = not known. */
typedef struct fiks_progress {
    int64_t sent_bytes, sent_total_bytes;
    int64_t received_bytes, received_total_bytes;
} fiks_progress;
FIKS_API void fiks_call_progress(fiks_call *call, fiks_progress *out);

/*
 * A call on a queue may have something to say before its end: fiks_queue_wait returns it then, too.
 * What, is asked here, once: the answer is emptied. 0 = it has ended.
 */
enum {
    FIKS_NOTE_PROGRESS = 1, /* bytes moved; some ten times a second */
    FIKS_NOTE_ATTEMPT = 2,  /* one has failed, and another is made (fiks_call_attempts) */
    FIKS_NOTE_TOKEN = 4,    /* the token that it waited for has come (fiks_call_token_ms) */
    FIKS_NOTE_DATA = 8,     /* for those who take or give bodies piece by piece */
    FIKS_NOTE_WANT = 16
};
FIKS_API unsigned fiks_call_notes(fiks_call *call);

/* Ends the call soon with FIKS_CANCELLED. It still finishes, exactly once. */
FIKS_API void fiks_call_cancel(fiks_call *call);
/* Cancels if still running, and frees. */
FIKS_API void fiks_call_free(fiks_call *call);

/* Start and wait in one: the answer stays valid until fiks_call_free(*out). */
FIKS_API fiks_status fiks_call_perform(fiks_client *client, const fiks_call_options *options,
                                       fiks_call **out, const fiks_response **response,
                                       fiks_error *err);

/* NULL-terminated list of the built-in operations. */
FIKS_API const char *const *fiks_operation_names(void);

/* ---- the engine ---------------------------------------------------------------------------- */

/* Starts the process's I/O thread: one more waiter, that never lets go. Idempotent. */
FIKS_API fiks_status fiks_engine_thread_start(fiks_error *err);
/* At most so many connections to one host at once, in this process; 0 (default) = any number. Calls
 * beyond that wait their turn, within their deadlines. HTTP/2 needs one for many calls. */
FIKS_API fiks_status fiks_engine_connections(unsigned per_host, fiks_error *err);
/* Stops and joins it; calls go on when somebody waits. Idempotent. */
FIKS_API void fiks_engine_thread_stop(void);

/* ---- counters ------------------------------------------------------------------------------- */

enum { FIKS_OUTCOMES = FIKS_INTERNAL + 1, FIKS_BUCKETS = 13 };

/* Calls that took longer than the bucket before allows, and at most this one. */
typedef struct fiks_bucket {
    uint32_t up_to_ms; /* UINT32_MAX: whatever their time */
    uint64_t calls;
} fiks_bucket;

/* What this process did since it started or was forked. Start with FIKS_OPTIONS(fiks_metrics). */
typedef struct fiks_metrics {
    size_t size;
    uint64_t calls[FIKS_OUTCOMES]; /* that have ended, by kind; FIKS_OK is 0 */
    uint64_t calls_in_flight;
    uint64_t requests; /* that went out; those for tokens and repeated ones included */
    uint64_t retries;
    uint64_t token_fetches;  /* begun */
    uint64_t token_failures; /* of those, after their own tries */
    uint64_t token_hits;     /* a token was there when a try needed one */
    uint64_t sent_bytes;     /* of HTTP, headers included, TLS not; so received_bytes */
    uint64_t received_bytes;
    uint64_t connections_opened;
    uint64_t connections_reused; /* requests on a kept one */
    uint64_t log_lines_dropped;
    fiks_bucket durations[FIKS_BUCKETS]; /* of calls, waiting for tokens and pauses included */
    uint64_t duration_ms;                /* of all of them */
} fiks_metrics;

FIKS_API void fiks_metrics_get(fiks_metrics *out);

/* The same in Prometheus' text format, 0.0.4. `*out` ends in NUL; free it with fiks_bytes_free. */
FIKS_API fiks_status fiks_metrics_text(char **out, size_t *out_bytes, fiks_error *err);

/* ---- small things a program needs beside ---------------------------------------------------- */

/* Wipes and frees what a function gave with its length. */
FIKS_API void fiks_bytes_free(void *bytes, size_t length);

/* A random UUID (version 4), lower case, into 37 bytes. */
FIKS_API fiks_status fiks_uuid(char out[37], fiks_error *err);

/* Log lines: level 0 error, 1 warning, 2 info, 3 debug. Never a secret. NULL = none (default). The
 * sink may be called from any thread, once more just after it was replaced, and must not call back
 * into the library. */
typedef void (*fiks_log_fn)(int level, const char *line, void *data);
FIKS_API void fiks_log_set(fiks_log_fn sink, int max_level, void *data);

#ifdef __cplusplus
}
#endif
#endif
