#include "stop.h"

#include "error.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static const int signals[] = {SIGTERM, SIGINT};
enum { COUNT = sizeof signals / sizeof *signals };

static atomic_bool taken;
static atomic_int came;
static struct sigaction before[COUNT];

/* Only what may be done in a handler: lock-free atomics, and sigaction. */
static void note(int signal)
{
    struct sigaction end = {.sa_handler = SIG_DFL};
    int saved = errno;
    atomic_store(&came, signal);
    for (int i = 0; i < COUNT; i++)
        sigaction(signals[i], &end, NULL);
    errno = saved;
}

fiks_status fiks_stop_take(fiks_error *err)
{
    bool free_before = false;
    if (!atomic_compare_exchange_strong(&taken, &free_before, true))
        return fiks_fail(err, FIKS_CONFLICT, "signals",
                         "SIGTERM and SIGINT stop another receiver of this process already");
    struct sigaction noted = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigemptyset(&noted.sa_mask);
    for (int i = 0; i < COUNT; i++)
        sigaddset(&noted.sa_mask, signals[i]);
    atomic_store(&came, 0);
    for (int i = 0; i < COUNT; i++)
        sigaction(signals[i], &noted, &before[i]);
    return FIKS_OK;
}

void fiks_stop_give_back(void)
{
    if (!atomic_load(&taken))
        return;
    for (int i = 0; i < COUNT; i++)
        sigaction(signals[i], &before[i], NULL);
    atomic_store(&came, 0);
    atomic_store(&taken, false);
}

int fiks_stop_signal(void)
{
    return atomic_load(&came);
}
