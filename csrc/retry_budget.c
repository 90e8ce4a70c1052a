#include "retry_budget.h"

#include <string.h>

/* FNV-1a over "scheme://host:port". */
static uint64_t host_of(const char *url)
{
    uint64_t hash = 14695981039346656037U;
    const char *start = strstr(url, "://");
    for (const char *c = url; *c && (!start || c < start + 3 || *c != '/'); c++)
        hash = (hash ^ (unsigned char)*c) * 1099511628211U;
    return hash ? hash : 1;
}

static int find(const fiks_budget *budget, uint64_t host)
{
    for (int i = 0; i < budget->used; i++)
        if (budget->rows[i].host == host)
            return i;
    return -1;
}

static int make_room(fiks_budget *budget)
{
    if (budget->used < FIKS_BUDGET_HOSTS)
        return budget->used++;
    int oldest = 0;
    for (int i = 1; i < budget->used; i++)
        if (budget->rows[i].at_ms < budget->rows[oldest].at_ms)
            oldest = i;
    return oldest;
}

bool fiks_budget_take(fiks_budget *budget, const char *url, int64_t mono_ms)
{
    uint64_t host = host_of(url);
    int i = find(budget, host);
    if (i < 0) {
        i = make_room(budget);
        budget->rows[i].host = host;
        budget->rows[i].left = FIKS_BUDGET_FULL;
    } else {
        int64_t back = (mono_ms - budget->rows[i].at_ms) * FIKS_BUDGET_SECOND / 1000;
        int64_t left = budget->rows[i].left + (back > 0 ? back : 0);
        budget->rows[i].left = left > FIKS_BUDGET_FULL ? FIKS_BUDGET_FULL : (int)left;
        if (back == 0 && budget->rows[i].left < FIKS_BUDGET_RETRY)
            return false; /* and the clock of what comes back runs on */
    }
    budget->rows[i].at_ms = mono_ms;
    if (budget->rows[i].left < FIKS_BUDGET_RETRY)
        return false;
    budget->rows[i].left -= FIKS_BUDGET_RETRY;
    return true;
}

void fiks_budget_answer(fiks_budget *budget, const char *url)
{
    if (!budget->used)
        return; /* the usual case */
    int i = find(budget, host_of(url));
    if (i >= 0 && budget->rows[i].left < FIKS_BUDGET_FULL)
        budget->rows[i].left += FIKS_BUDGET_ANSWER;
}
