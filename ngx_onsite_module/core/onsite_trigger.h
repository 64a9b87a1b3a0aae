/*
 * onsite_trigger.h - triggers that want more than one matching event.
 */

#ifndef ONSITE_TRIGGER_H
#define ONSITE_TRIGGER_H

#include "onsite_campaign.h"
#include "onsite_visitor.h"

/*
 * Tells that an event at time has matched the trigger; true when it fires: at
 * the count-th match in the window, and at every one after it while the
 * window holds so many.  A count of 1 always fires and keeps nothing.
 *
 * The window of within_ms ends at the latest match and holds a match of
 * exactly within_ms before it.  An event from before the session's start is
 * not a match in the session.
 *
 * At most ONSITE_PROGRESS_MAX triggers are kept part-way.  When all places
 * are taken, the one whose last match is the oldest goes; but of matches of
 * one event the first ones, that is of the highest priority, stay.
 */
bool onsite_trigger_match(onsite_visitor_t *visitor,
    const onsite_trigger_t *trigger, onsite_ms_t time);

/* Progress by the hash of its trigger or sequence, or NULL. */
onsite_progress_t *onsite_progress_find(onsite_visitor_t *visitor,
    uint32_t trigger);

/* A place for what has no progress, with n 0; NULL when each is taken by a
 * match at this time or later. */
onsite_progress_t *onsite_progress_add(onsite_visitor_t *visitor,
    uint32_t trigger, onsite_ms_t time);

/* NULL: there is none to remove. */
void onsite_progress_remove(onsite_visitor_t *visitor,
    const onsite_progress_t *progress);

#endif
