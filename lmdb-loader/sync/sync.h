/*
 * sync.h - `sync`: what its two ways share.
 */

#ifndef SYNC_H
#define SYNC_H

#include "keys.h"
#include "loader.h"
#include "nats.h"
#include "remote.h"

typedef struct {
    const char                   *from;
    const char                   *to;
    bool                          once;
    bool                          dry_run;
    bool                          json;
    onsite_ms_t                   every;

    /* of signed snapshots */
    const keys_t                 *trust;
    const char                   *site;
    size_t                        keep;
    const char                   *watch;        /* NULL: only by the clock */
    nats_options_t                nats;
    remote_options_t              remote;
} sync_options_t;

/* "FILE: live, version 7", and likewise as JSON. */
void sync_tell(const sync_options_t *options, const char *what,
    uint64_t version);

/* sync_folder.c: *.mdb files as they are, of which the newest that opens. */
int sync_folder(const sync_options_t *options);

/* sync_store.c: what somebody who is trusted has signed. */
int sync_store(const sync_options_t *options);

#endif
