/*
 * roam_rule.c - what becomes of a record of ours and the one that a bucket
 * has.
 */

#include "roam_rule.h"

#include "onsite_limits.h"

/* A link that leads where it led is written anew so seldom: often enough not
 * to expire in the bucket while it is used. */
#define LINK_RENEW  (7 * ONSITE_DAY)

/* How far machines' clocks may be apart. */
#define AHEAD_MAX   ONSITE_DAY


void
roam_look(onsite_arena_t *arena, onsite_visitor_t *visitor,
    onsite_str_t bytes, onsite_ms_t now, roam_record_t *out)
{
    onsite_status_t       status;
    onsite_record_kind_t  kind;

    *out = (roam_record_t) { .kind = ROAM_NOTHING };
    onsite_arena_reset(arena);

    if (bytes.len == 0) {
        return;
    }

    status = bytes.len > ONSITE_RECORD_BYTES_MAX ? ONSITE_CORRUPT
             : onsite_visitor_decode(arena, bytes.data, bytes.len, &kind,
                                     visitor, &out->target);

    if (status != ONSITE_OK) {
        out->kind = status == ONSITE_VERSION ? ROAM_LATER : ROAM_DAMAGED;
        return;
    }

    out->last = onsite_record_last_seen(bytes.data, bytes.len, &out->brief);

    if (kind == ONSITE_RECORD_VISITOR) {
        out->kind = ROAM_VISITOR;
        out->first = visitor->first_seen;

    } else if (kind == ONSITE_RECORD_LINK) {
        out->kind = ROAM_LINK;

    } else if (out->last > now
               || now - out->last <= ONSITE_TOMBSTONE_TTL)
    {
        out->kind = ROAM_TOMBSTONE;
    }
}


bool
roam_is_ahead(onsite_ms_t when, onsite_ms_t now)
{
    return when < 0 || when > now + AHEAD_MAX;
}


static bool
is_any_pending_ahead(const onsite_pending_t *pending, uint32_t n,
    onsite_ms_t now)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (roam_is_ahead(pending[i].fired, now)) {
            return true;
        }
    }

    return false;
}


static bool
is_any_progress_ahead(const onsite_visitor_t *v, onsite_ms_t now)
{
    uint32_t  i, j;

    for (i = 0; i < v->n_progress; i++) {
        for (j = 0; j < v->progress[i].n; j++) {
            if (roam_is_ahead(v->progress[i].times[j], now)) {
                return true;
            }
        }
    }

    return false;
}


static bool
is_any_ahead(const onsite_visitor_t *v, onsite_ms_t now)
{
    bool      ahead;
    uint32_t  i;

    ahead = roam_is_ahead(v->first_seen, now)
            || roam_is_ahead(v->last_seen, now)
            || roam_is_ahead(v->session.start, now)
            || roam_is_ahead(v->session.last, now)
            || roam_is_ahead(v->affinity_at, now)
            || roam_is_ahead(v->first_touch.time, now)
            || is_any_pending_ahead(v->pending, v->n_pending, now)
            || is_any_pending_ahead(v->armed, v->n_armed, now)
            || is_any_progress_ahead(v, now);

    for (i = 0; i < v->n_exposures && !ahead; i++) {
        ahead = roam_is_ahead(v->exposures[i].last, now);
    }

    for (i = 0; i < v->n_standings && !ahead; i++) {
        ahead = roam_is_ahead(v->standings[i].since, now);
    }

    for (i = 0; i < v->n_touches && !ahead; i++) {
        ahead = roam_is_ahead(v->touches[i].time, now);
    }

    return ahead;
}


void
roam_look_theirs(onsite_arena_t *arena, onsite_visitor_t *visitor,
    onsite_str_t bytes, onsite_ms_t now, roam_record_t *out)
{
    roam_look(arena, visitor, bytes, now, out);

    if (out->kind == ROAM_VISITOR ? is_any_ahead(visitor, now)
        : (out->kind == ROAM_LINK || out->kind == ROAM_TOMBSTONE)
          && roam_is_ahead(out->last, now))
    {
        *out = (roam_record_t) { .kind = ROAM_DAMAGED };
    }
}


static bool
is_alive(const roam_record_t *record)
{
    return record->kind == ROAM_VISITOR || record->kind == ROAM_LINK;
}


bool
roam_is_buried(const roam_record_t *record, onsite_ms_t when)
{
    return record->kind == ROAM_LINK
           || (record->kind == ROAM_VISITOR && record->first <= when);
}


bool
roam_put_waits(const roam_record_t *ours)
{
    return is_alive(ours) && !ours->brief;
}


static roam_put_t
link_rule(const roam_record_t *ours, const roam_record_t *theirs)
{
    onsite_ms_t  newer = ours->last - theirs->last;

    if (theirs->kind == ROAM_VISITOR) {
        return ROAM_PUT;
    }

    return memcmp(&ours->target, &theirs->target, sizeof(ours->target)) == 0
           ? (newer > LINK_RENEW ? ROAM_PUT : ROAM_KEEP)
           : newer > 0 ? ROAM_PUT : ROAM_KEEP;
}


roam_put_t
roam_put_rule(const roam_record_t *ours, const roam_record_t *theirs)
{
    if (theirs->kind == ROAM_LATER
        || (!is_alive(ours) && ours->kind != ROAM_TOMBSTONE))
    {
        return ROAM_KEEP;
    }

    if (ours->brief) {
        return is_alive(theirs) ? ROAM_RETRACT : ROAM_KEEP;
    }

    if (theirs->kind == ROAM_NOTHING || theirs->kind == ROAM_DAMAGED) {
        return ROAM_PUT;
    }

    if (theirs->kind == ROAM_TOMBSTONE) {
        return ours->kind == ROAM_TOMBSTONE
               ? (ours->last > theirs->last ? ROAM_PUT : ROAM_KEEP)
               : roam_is_buried(ours, theirs->last) ? ROAM_BURY : ROAM_PUT;
    }

    if (ours->kind == ROAM_TOMBSTONE) {
        return roam_is_buried(theirs, ours->last) ? ROAM_PUT : ROAM_KEEP;
    }

    if (ours->kind == ROAM_LINK) {
        return link_rule(ours, theirs);
    }

    return theirs->kind == ROAM_VISITOR && ours->last >= theirs->last
           ? ROAM_PUT : ROAM_KEEP;
}


roam_take_t
roam_take_rule(const roam_record_t *ours, const roam_record_t *theirs)
{
    if (!is_alive(ours) || ours->brief) {
        return ROAM_TAKE_NOTHING;
    }

    if (theirs->kind == ROAM_TOMBSTONE) {
        return ROAM_TAKE_BURY;
    }

    if (!is_alive(theirs) || theirs->brief) {
        return ROAM_TAKE_NOTHING;
    }

    if (ours->kind == ROAM_VISITOR) {
        return theirs->kind == ROAM_VISITOR ? ROAM_TAKE_MERGE
                                            : ROAM_TAKE_LINK;
    }

    return theirs->kind == ROAM_VISITOR ? ROAM_TAKE_CARRY : ROAM_TAKE_NOTHING;
}
