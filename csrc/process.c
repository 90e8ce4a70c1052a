#include "process.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int known; /* 0 = to be asked */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forget(void)
{
    atomic_store(&known, 0);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget);
}

pid_t fiks_process(void)
{
    pid_t pid = atomic_load(&known);
    if (pid)
        return pid;
    pthread_once(&once, watch_forks);
    pid = getpid();
    atomic_store(&known, pid);
    return pid;
}
