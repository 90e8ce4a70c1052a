/*
 * Service calls as data. Every built-in service is a row of operation.c's table; what an OpenAPI
 * file describes becomes the same struct at run time.
 */
#ifndef FIKS_OPERATION_H
#define FIKS_OPERATION_H

#include "fiks.h"

typedef enum fiks_host { FIKS_HOST_API, FIKS_HOST_SVARUT } fiks_host;

typedef enum fiks_auth {
    FIKS_AUTH_INTEGRASJON, /* token and the contract's two headers */
    FIKS_AUTH_BASIC,       /* user name and password of the call */
    FIKS_AUTH_TOKEN_ONLY,  /* no request of its own: that a token is cached is the result */
    FIKS_AUTH_NONE
} fiks_auth;

/* What a good answer carries. */
typedef enum fiks_result {
    FIKS_RESULT_ANY,
    FIKS_RESULT_JSON,  /* HTML instead (login page, maintenance) is FIKS_PROTOCOL */
    FIKS_RESULT_STREAM /* may be large: no total deadline, a stall limit instead */
} fiks_result;

typedef struct fiks_operation {
    const char *name;
    const char *method;
    const char *path; /* template: fiks_url_build */
    fiks_host host;
    fiks_auth auth;
    fiks_result result;
    bool idempotent; /* may be repeated after it was sent */
    int ok_status;   /* the one good status, or 0: any 2xx */
    uint32_t idle_ms;
    uint32_t total_ms; /* over all tries; 0 = none */
} fiks_operation;

/* Any other request: what `client:request` starts from. */
extern const fiks_operation fiks_operation_request;

/* A built-in by name, or NULL. */
const fiks_operation *fiks_operation_find(const char *name);

/* The built-in whose name is nearest: for "did you mean". Never NULL. */
const char *fiks_operation_nearest(const char *name);

#endif
