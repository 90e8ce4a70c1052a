#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static fiks_log_fn log_sink;
static void *log_data;
static _Atomic int log_level = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Another thread may be at it while this one forks. */
static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}

void fiks_log_ready(void)
{
    pthread_once(&once, watch_forks);
}

void fiks_log_set(fiks_log_fn sink, int max_level, void *data)
{
    fiks_log_ready();
    pthread_mutex_lock(&lock);
    log_sink = sink;
    log_data = data;
    log_level = sink ? max_level : -1;
    pthread_mutex_unlock(&lock);
}

bool fiks_log_on(int level)
{
    return level <= log_level;
}

void fiks_log(int level, const char *format, ...)
{
    if (!fiks_log_on(level))
        return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    pthread_mutex_lock(&lock);
    fiks_log_fn sink = log_sink;
    void *data = log_data;
    pthread_mutex_unlock(&lock);
    if (sink) /* without the lock: it may take long, and has locks of its own */
        sink(level, line, data);
}
