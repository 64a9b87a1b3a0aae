/*
 * bar.h - a progress bar on standard error, where that is a terminal.
 */

#ifndef BAR_H
#define BAR_H

#include "onsite_types.h"

typedef struct {
    bool         on;
    const char  *doing;         /* "reading slow data"                     */
    uint64_t     done;
    uint64_t     total;
    int          percent;       /* drawn last; -1: nothing is              */
} bar_t;

/* wanted: not with --json and the like. */
void bar_init(bar_t *bar, bool wanted);

/* Another thing is being done from here on; its text outlives the bar. */
void bar_start(bar_t *bar, const char *doing, uint64_t total);

/* So much is done; draws where that shows. */
void bar_set(bar_t *bar, uint64_t done);

/* Before anything else is written to standard error. */
void bar_clear(bar_t *bar);

#endif
