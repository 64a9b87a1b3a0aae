/*
 * stop.h - SIGINT and SIGTERM end a command at its next good moment; pauses.
 */

#ifndef STOP_H
#define STOP_H

#include "onsite_types.h"

#include <signal.h>

/* Set by the signals, once they are caught. */
extern volatile sig_atomic_t  loader_stopping;

/* Also: a write over a limit, or to who has gone, fails as one on a full disk
 * does, and kills nobody. */
void loader_catch_signals(void);

/* Milliseconds of a clock that nobody sets: what is waited for goes by it, and
 * by loader_now only what has a date. */
onsite_ms_t loader_clock(void);

/* Until ms went by, or a signal came. */
void loader_pause(onsite_ms_t ms);

/* How long to wait after so many failures in a row: at random, up to a second
 * and each time twice as long, but no longer than most (exponential backoff
 * with full jitter). */
onsite_ms_t loader_backoff(unsigned failures, onsite_ms_t most);

#endif
