/*
 * sync_watch.h - hears through NATS that it is time to look at the store.
 *
 * What is heard is a hint: at most it makes this POP look, now and then, for
 * nothing.  Looking by the clock goes on, whatever NATS does.
 */

#ifndef SYNC_WATCH_H
#define SYNC_WATCH_H

#include "sync.h"

/* POPs that were told at once spread their looks over this time; and that much
 * lies at least between two looks that somebody else asked for. */
#define SYNC_WATCH_SPREAD  500          /* ms                              */

typedef struct sync_watch_s  sync_watch_t;

/* Begins to connect; INVALID: a usage error. */
onsite_status_t sync_watch_open(const sync_options_t *options,
    sync_watch_t **watch, onsite_error_t *error);
void sync_watch_close(sync_watch_t *watch);

/*
 * Until it is time to look: ms went by, or there is news and `rest` ms went
 * by; or a signal came.  Tells of NATS, when it is away and when it is back.
 *
 * seen: the highest version that the store had; 0: it could not be asked.
 * Where one that is higher was announced, the store shows it late, and it is
 * looked some more times.
 */
void sync_watch_pause(sync_watch_t *watch, onsite_ms_t ms, onsite_ms_t rest,
    uint64_t seen);

#endif
