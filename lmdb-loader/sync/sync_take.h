/*
 * sync_take.h - a version out of a store among those that are kept.
 */

#ifndef SYNC_TAKE_H
#define SYNC_TAKE_H

#include "kept.h"
#include "remote.h"

typedef struct {
    remote_t             *remote;
    const kept_t         *kept;
    const kept_state_t   *state;
    const manifest_t     *manifest;     /* verified                        */
    onsite_str_t          text;         /* its bytes                       */
    bar_t                *bar;
    uint64_t              received;     /* out: bytes that came            */
} sync_take_t;

/*
 * It is kept, and what its manifest says: it was there, is what is live, or
 * came as a patch or whole.  NOT_FOUND, IO: of the store or of the machine;
 * what came stays for the next time.
 */
onsite_status_t sync_take(sync_take_t *take, onsite_error_t *error);

#endif
