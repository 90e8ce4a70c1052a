/* Log lines: one sink for the process, levels, and no way to put a secret in. */
#ifndef FIKS_LOG_H
#define FIKS_LOG_H

#include "fiks.h"

enum { FIKS_LOG_ERROR, FIKS_LOG_WARN, FIKS_LOG_INFO, FIKS_LOG_DEBUG };

bool fiks_log_on(int level);
void fiks_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For who calls fiks_log_set under a lock of its own and takes that lock at a fork, too: first
 * this, then pthread_atfork, so that a fork takes the two in the same order. */
void fiks_log_ready(void);

#endif
