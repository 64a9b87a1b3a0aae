/*
 * onsite_session.c - sessions, ended by idle time.
 */

#include "onsite_visitor.h"


static uint32_t
next(uint32_t n)
{
    return n == UINT32_MAX ? n : n + 1;
}


/* What a timer fired meanwhile waited for this session; all else that is
 * pending was of the session before. */

static void
keep_pending(onsite_visitor_t *visitor, onsite_ms_t start)
{
    uint32_t           i, n = 0;
    onsite_pending_t  *pending;

    for (i = 0; i < visitor->n_pending; i++) {
        pending = &visitor->pending[i];

        if (pending->waits) {
            pending->waits = false;
            pending->fired = start;
            visitor->pending[n++] = *pending;
        }
    }

    visitor->n_pending = n;
}


/* What belongs to the session before goes with it. */

static void
session_open(onsite_visitor_t *visitor, onsite_ms_t time)
{
    uint32_t  i;

    for (i = 0; i < visitor->n_counters; i++) {
        visitor->counters[i].session = 0;
    }

    keep_pending(visitor, time);
    visitor->visits = next(visitor->visits);

    visitor->session.start = time;
    visitor->session.last = time;
    visitor->session.pageviews = 0;
    visitor->session.events = 0;
}


bool
onsite_session_touch(onsite_visitor_t *visitor, onsite_ms_t time,
    onsite_ms_t timeout)
{
    onsite_session_t  *session = &visitor->session;

    if (session->start == 0) {
        session_open(visitor, time);
        return true;
    }

    if (time <= session->last) {
        return time >= session->start;
    }

    /* unsigned: a record's times may be any, and must not overflow */

    if ((uint64_t) time - (uint64_t) session->last > (uint64_t) timeout) {
        session_open(visitor, time);
        return true;
    }

    session->last = time;

    return true;
}
