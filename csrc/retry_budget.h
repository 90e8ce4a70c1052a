/*
 * How often a host may be asked once more: so that an outage is not multiplied by everybody's
 * retries. Each retry takes from the host's budget, each good answer gives a little back, and so
 * does time. Pure; belongs to whoever drives the calls, one thread at a time.
 */
#ifndef FIKS_RETRY_BUDGET_H
#define FIKS_RETRY_BUDGET_H

#include "fiks.h"

/* In fifths of a retry: 50 may be made at once, and then one a second and one for every five good
 * answers. */
enum {
    FIKS_BUDGET_FULL = 250,
    FIKS_BUDGET_RETRY = 5,
    FIKS_BUDGET_ANSWER = 1,
    FIKS_BUDGET_SECOND = 5,
    FIKS_BUDGET_HOSTS = 32
};

/* Zeroed: every host's is full. Only hosts in trouble have a row; the one that was in trouble
 * longest ago gives way. */
typedef struct fiks_budget {
    struct {
        uint64_t host; /* 0 = free */
        int64_t at_ms; /* of the last retry, monotonic */
        int left;
    } rows[FIKS_BUDGET_HOSTS];
    int used;
} fiks_budget;

/* May the host of `url` be tried once more? Takes it from its budget. */
bool fiks_budget_take(fiks_budget *budget, const char *url, int64_t mono_ms);
/* It gave a good answer. */
void fiks_budget_answer(fiks_budget *budget, const char *url);

#endif
