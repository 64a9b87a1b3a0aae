/*
 * bar.c - a progress bar on standard error.
 */

#include "bar.h"

#include <stdio.h>
#include <unistd.h>

#define BAR_WIDTH  24


void
bar_init(bar_t *bar, bool wanted)
{
    *bar = (bar_t) { .on = wanted && isatty(STDERR_FILENO), .doing = "",
                     .percent = -1 };
}


void
bar_start(bar_t *bar, const char *doing, uint64_t total)
{
    bar_clear(bar);

    bar->doing = doing;
    bar->total = total;
    bar->done = 0;
}


void
bar_set(bar_t *bar, uint64_t done)
{
    int  i, percent;

    bar->done = done;

    if (!bar->on || bar->total == 0) {
        return;
    }

    percent = (int) (done >= bar->total
                     ? 100 : (double) done / (double) bar->total * 100);

    if (percent == bar->percent) {
        return;
    }

    bar->percent = percent;
    (void) fprintf(stderr, "\r%s [", bar->doing);

    for (i = 0; i < BAR_WIDTH; i++) {
        (void) fputc(i < percent * BAR_WIDTH / 100 ? '=' : ' ', stderr);
    }

    (void) fprintf(stderr, "] %d%%", percent);
    (void) fflush(stderr);
}


void
bar_clear(bar_t *bar)
{
    if (bar->percent != -1) {
        (void) fputs("\r\033[K", stderr);
        bar->percent = -1;
    }
}
