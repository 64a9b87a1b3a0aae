/*
 * drain_reject.h - events that a sink would never take: in a file, if one is
 * wanted, up to REJECT_BYTES, else dropped; told now and then, and counted.
 */

#ifndef DRAIN_REJECT_H
#define DRAIN_REJECT_H

#include "drain.h"

#define REJECT_BYTES  (64u << 20)

typedef struct {
    const char   *path;         /* NULL: no file is wanted                 */
    int           fd;           /* -1: not open                            */
    uint64_t      untold;
    onsite_ms_t   told;         /* by loader_clock; 0: never               */

    uint64_t     *last;         /* by shard: the last one too large        */
    unsigned      state;        /* that these are of                       */
    uint64_t      n;            /* too large, of what is not settled       */
} reject_t;

/* With the sink's own start. */
onsite_status_t reject_begin(reject_t *reject, const drain_t *drain,
    onsite_error_t *error);

onsite_status_t reject_add(reject_t *reject, const drain_event_t *event,
    const char *why, onsite_error_t *error);

/* Of the shard that is read, instead of giving it: it leaves with those around
 * it, is put aside once however often they are given, and counted when they
 * are settled, or not when they are forgotten. */
onsite_status_t reject_too_large(reject_t *reject, drain_t *drain,
    const drain_event_t *event, const char *why, onsite_error_t *error);
void reject_settled(reject_t *reject, drain_t *drain);
void reject_forget(reject_t *reject);

void reject_close(reject_t *reject);

#endif
