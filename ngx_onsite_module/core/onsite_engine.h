/*
 * onsite_engine.h - the core as one function: event in, decision out.
 *
 * The module, `lmdb-loader replay` and the tests all call onsite_apply, so
 * they agree to the byte.
 */

#ifndef ONSITE_ENGINE_H
#define ONSITE_ENGINE_H

#include "onsite_decide.h"

/* Scratch of one worker, reused from call to call. */
typedef struct onsite_engine_s  onsite_engine_t;

onsite_engine_t *onsite_engine_create(void);
void onsite_engine_destroy(onsite_engine_t *engine);

/* A site's campaigns, ready to evaluate: a verified image and this worker's
 * regexes and memo for it. */
typedef struct {
    onsite_image_t            image;
    struct onsite_regexes_s  *regexes;
    onsite_memo_t            *memo;
    uint32_t                  stamp;
} onsite_site_t;

/* NO_MEMORY; site is then as free leaves it. */
onsite_status_t onsite_site_init(onsite_site_t *site, onsite_image_t image);
void onsite_site_free(onsite_site_t *site);

typedef struct {
    onsite_site_t           *site;              /* NULL: no campaigns      */
    onsite_visitor_t        *visitor;           /* NULL: no consent        */
    const onsite_event_t    *event;             /* NULL: nothing happened; what
                                                   is pending may be shown */
    const onsite_facts_t    *facts;
    onsite_ms_t              now;
    onsite_ms_t              session_timeout;
    const onsite_tables_t   *tables;            /* NULL: no slow data      */
    bool                     closed;            /* nobody is logged in now:
                                                   slow data stays shut, also
                                                   of a verified visitor   */
    onsite_arena_t          *arena;             /* decision's strings      */
    onsite_decide_options_t  decide;
} onsite_apply_t;

/*
 * Applies the event to the visitor, decides, and records what was decided.
 * The same arguments (and record, image, arena bounds) give the same decision
 * and record, to the byte.
 */
void onsite_apply(onsite_engine_t *engine, onsite_apply_t *apply,
    onsite_decision_t *decision);

/*
 * When the next timer of the visitor is due, from what the visitor is now; 0:
 * there is none.  Cheap: called after every event.  visitor->wake, when not
 * 0, is never later than this unless campaigns were replaced meanwhile: a
 * timer that an event moves on stays where it is until it wakes in vain.
 */
onsite_ms_t onsite_due(const onsite_site_t *site,
    const onsite_visitor_t *visitor);

/*
 * Fires the visitor's earliest timer that is due by apply->now: a synthetic
 * event ("Visitor Inactive", "Journey Timeout", at the due time) goes through
 * all that onsite_apply does, but is no activity: it opens and prolongs no
 * session and moves neither first_seen nor last_seen.  apply->event is not
 * read; nothing is shown, so onsite campaigns become pending.  False: none is
 * due, nothing was changed.  Call until false, once a due timer, and carry out
 * each decision's deliveries.
 */
bool onsite_wake(onsite_engine_t *engine, onsite_apply_t *apply,
    onsite_decision_t *decision);

#endif
