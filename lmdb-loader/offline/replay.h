/*
 * replay.h - visitors of a replay: at rest between their events, found by id
 * and by when their next timer is due.
 */

#ifndef LOADER_REPLAY_H
#define LOADER_REPLAY_H

#include "onsite_visitor.h"

typedef struct {
    onsite_str_t   id;
    size_t         size;
    char          *record;
    uint8_t       *shown;           /* a bit a campaign; NULL: nothing was */
    onsite_ms_t    wake;            /* as the record has it; 0: no timer   */
    size_t         place;           /* among the timers, 1 ..              */
} resting_t;

typedef struct {
    void        *tree;              /* of resting_t, by id                 */
    size_t       n;
    resting_t  **timers;            /* a heap: timers[1] is due first      */
    size_t       n_timers;
    size_t       capacity;
} resting_all_t;

/* Found or made; NULL: out of memory. */
resting_t *resting_find(resting_all_t *all, onsite_str_t id);

/* Encodes the visitor, whose wake becomes the visitor's place among the
 * timers.  NO_MEMORY. */
onsite_status_t resting_keep(resting_all_t *all, resting_t *resting,
    const onsite_visitor_t *visitor);

/* Whose timer is due first and by now; of two at once, that of the lesser id.
 * NULL: no one's. */
resting_t *resting_due(const resting_all_t *all, onsite_ms_t now);

void resting_walk(resting_all_t *all,
    void (*visit)(void *data, const resting_t *resting), void *data);
void resting_free(resting_all_t *all);

#endif
