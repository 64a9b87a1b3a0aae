/*
 * sync_store.h - `sync` of signed snapshots: what its parts share.
 */

#ifndef SYNC_STORE_H
#define SYNC_STORE_H

#include "kept.h"
#include "sync_watch.h"

#include <sys/stat.h>

typedef struct {
    const sync_options_t  *options;
    remote_t              *remote;
    sync_watch_t          *watch;       /* NULL: only by the clock         */
    kept_t                 kept;
    kept_state_t           state;
    bar_t                  bar;
    char                   name[REMOTE_NAME_MAX];   /* of the manifest      */
    onsite_buf_t           text;
    char                   etag[REMOTE_ETAG_MAX];   /* of one that was taken*/
    struct stat            live;        /* FILE, when it was last right     */
    uint64_t               weeded;      /* live version, when what is kept was
                                           last looked through             */
    bool                   broken;      /* what is live cannot be put back  */
    bool                   expired;     /* was told                         */
    bool                   first;
    bool                   asking;      /* for the manifest                 */
    onsite_status_t        told_status; /* what asking for it came to, which
                                           was told; OK: it was not         */
    char                   told[512];   /* the failure that was told last   */
    unsigned               failures;    /* one after another                */
    bool                   empty;       /* the last: nothing is published   */
} sync_t;


/* sync_live.c - what lies here */

/* The state as it is on disk, which a rollback may have changed; where there is
 * none, what is live counts as seen. */
onsite_status_t sync_read_state(sync_t *sync, onsite_error_t *error);

/* FILE is what it is now because we made it so. */
void sync_remember_live(sync_t *sync);

/* What nobody signed who is trusted is kept no more; what is kept is locked. */
#define SYNC_NEVER_WEEDED  UINT64_MAX
void sync_weed(sync_t *sync);

/* FILE is made what state.json says; broken: it cannot be. */
onsite_status_t sync_prepare(sync_t *sync, onsite_error_t *error);

/* How it went, for who asks. */
onsite_status_t sync_write_down(sync_t *sync, onsite_error_t *error);


/* sync_offer.c - what the store has: taken where it is newer, and right */

onsite_status_t sync_look(sync_t *sync, onsite_error_t *error);

#endif
