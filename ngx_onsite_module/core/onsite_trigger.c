/*
 * onsite_trigger.c - triggers that want more than one matching event.
 */

#include "onsite_trigger.h"

/* The event itself and those remembered before it. */
#define MATCHES_MAX  (ONSITE_PROGRESS_TIMES_MAX + 1)


/* The times of a count ascend, those of a sequence need not. */

static onsite_ms_t
last_match(const onsite_progress_t *progress)
{
    uint32_t     i;
    onsite_ms_t  last = INT64_MIN;

    for (i = 0; i < progress->n; i++) {
        if (progress->times[i] > last) {
            last = progress->times[i];
        }
    }

    return last;
}


onsite_progress_t *
onsite_progress_find(onsite_visitor_t *visitor, uint32_t trigger)
{
    uint32_t  i;

    for (i = 0; i < visitor->n_progress; i++) {
        if (visitor->progress[i].trigger == trigger) {
            return &visitor->progress[i];
        }
    }

    return NULL;
}


onsite_progress_t *
onsite_progress_add(onsite_visitor_t *visitor, uint32_t trigger,
    onsite_ms_t time)
{
    uint32_t            i;
    onsite_progress_t  *place;

    if (visitor->n_progress < ONSITE_PROGRESS_MAX) {
        place = &visitor->progress[visitor->n_progress++];

    } else {
        place = &visitor->progress[0];

        for (i = 1; i < visitor->n_progress; i++) {
            if (last_match(&visitor->progress[i]) < last_match(place)) {
                place = &visitor->progress[i];
            }
        }

        if (last_match(place) >= time) {
            return NULL;
        }
    }

    place->trigger = trigger;
    place->session = visitor->visits;
    place->starts = false;
    place->n = 0;

    return place;
}


void
onsite_progress_remove(onsite_visitor_t *visitor,
    const onsite_progress_t *progress)
{
    uint32_t  i;

    if (progress == NULL) {
        return;
    }

    i = (uint32_t) (progress - visitor->progress);

    visitor->n_progress--;
    memmove(&visitor->progress[i], &visitor->progress[i + 1],
            (visitor->n_progress - i) * sizeof(onsite_progress_t));
}


/* Adds time to n ascending ones; returns n + 1. */

static size_t
insert_time(onsite_ms_t *times, size_t n, onsite_ms_t time)
{
    size_t  i;

    for (i = n; i > 0 && times[i - 1] > time; i--) {
        times[i] = times[i - 1];
    }

    times[i] = time;

    return n + 1;
}


/* How many of n ascending times lie before the window.  Unsigned: a record's
 * times may be any, and their difference must not overflow. */

static size_t
outside_window(const onsite_trigger_t *trigger, const onsite_ms_t *times,
    size_t n)
{
    size_t  i = 0;

    if (trigger->within == ONSITE_WITHIN_TIME) {
        while ((uint64_t) times[n - 1] - (uint64_t) times[i]
               > (uint64_t) trigger->within_ms)
        {
            i++;
        }
    }

    return i;
}


/* The next match needs the latest count - 1 of n times, at most. */

static void
keep_times(onsite_progress_t *progress, const onsite_trigger_t *trigger,
    const onsite_ms_t *times, size_t n)
{
    size_t  kept = n < trigger->count ? n : trigger->count - 1;

    if (kept > ONSITE_PROGRESS_TIMES_MAX) {
        kept = ONSITE_PROGRESS_TIMES_MAX;
    }

    memcpy(progress->times, times + n - kept, kept * sizeof(onsite_ms_t));
    progress->n = (uint8_t) kept;
}


bool
onsite_trigger_match(onsite_visitor_t *visitor,
    const onsite_trigger_t *trigger, onsite_ms_t time)
{
    bool                in_session = trigger->within == ONSITE_WITHIN_SESSION;
    size_t              n = 0, outside;
    onsite_ms_t         times[MATCHES_MAX];
    onsite_progress_t  *progress;

    if (trigger->count <= 1) {
        return true;
    }

    if (in_session && time < visitor->session.start) {
        return false;
    }

    progress = onsite_progress_find(visitor, trigger->hash);

    if (progress == NULL) {
        progress = onsite_progress_add(visitor, trigger->hash, time);

        if (progress == NULL) {
            return false;
        }
    }

    if (!in_session || progress->session == visitor->visits) {
        n = progress->n;
        memcpy(times, progress->times, n * sizeof(onsite_ms_t));
    }

    n = insert_time(times, n, time);
    outside = outside_window(trigger, times, n);

    keep_times(progress, trigger, times + outside, n - outside);
    progress->session = visitor->visits;

    return n - outside >= trigger->count;
}
