/*
 * Signals that ask a long-running program to end: SIGTERM and SIGINT. They are noted, for whoever
 * asks between two steps of its work; a second one ends the program at once, as if nothing had been
 * taken. One taker at a time in a process.
 */
#ifndef FIKS_STOP_H
#define FIKS_STOP_H

#include "fiks.h"

/* From now on signals are noted. FIKS_CONFLICT: they are taken already. */
fiks_status fiks_stop_take(fiks_error *err);
/* What was done with signals before is done again. */
void fiks_stop_give_back(void);
/* The signal that came since they were taken; 0 = none, or not taken. */
int fiks_stop_signal(void);

#endif
