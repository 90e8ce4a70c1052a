/* Which process this is, asked at every entry and at no cost: getpid is a system call. */
#ifndef FIKS_PROCESS_H
#define FIKS_PROCESS_H

#include <sys/types.h>

/* getpid(), remembered until the next fork. */
pid_t fiks_process(void);

#endif
