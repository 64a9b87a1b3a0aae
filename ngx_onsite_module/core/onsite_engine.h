/*
 * onsite_engine.h - the core as one function: event in, decision out.
 *
 * The module, `lmdb-loader replay` and the tests all call onsite_apply, so
 * they agree to the byte.
 */

#ifndef ONSITE_ENGINE_H
#define ONSITE_ENGINE_H

#include "onsite_decide.h"
#include "onsite_machine.h"

/* Scratch of one worker, reused from call to call. */
typedef struct onsite_engine_s  onsite_engine_t;

onsite_engine_t *onsite_engine_create(void);
void onsite_engine_destroy(onsite_engine_t *engine);

/* A site's campaigns, ready to evaluate: a verified image and this worker's
 * regexes and memo for it; and its slow data, which whoever has some sets. */
typedef struct {
    onsite_image_t            image;
    struct onsite_regexes_s  *regexes;
    onsite_memo_t            *memo;
    uint32_t                  stamp;
    const onsite_tables_t    *tables;           /* NULL: no slow data      */
    bool                      timed;            /* some machine has timers */
} onsite_site_t;

/* NO_MEMORY; site is then as free leaves it. */
onsite_status_t onsite_site_init(onsite_site_t *site, onsite_image_t image);
void onsite_site_free(onsite_site_t *site);

/*
 * What came of a call, told as it happens; each may be NULL.
 *
 * choice   of every decision, in order: those of timers that were due, of the
 *          entry events, then of the event itself.  A webhook among them is a
 *          delivery (onsite_choice_leaves): whoever applies puts it into the
 *          outbox, in the transaction that stores the visitor.  The decision
 *          that onsite_apply gives back holds only the last of them.
 * move     a journey's state was entered; event is what moved it.
 *
 * Strings of choice and event lie in the image, the event or the arena.
 */
typedef struct {
    void  (*choice)(void *data, const onsite_image_t *image,
                const onsite_choice_t *choice, const onsite_event_t *event);
    void  (*move)(void *data, const onsite_image_t *image,
                const onsite_step_t *step, const onsite_event_t *event);
    void   *data;
} onsite_listener_t;

typedef struct {
    onsite_site_t           *site;              /* NULL: no campaigns      */
    onsite_visitor_t        *visitor;           /* NULL: no consent        */
    const onsite_key_t      *key;               /* of its record, for
                                                   visitor.id; NULL: absent*/
    const onsite_event_t    *event;             /* NULL: nothing happened; what
                                                   is pending may be shown */
    const onsite_facts_t    *facts;
    onsite_ms_t              now;
    onsite_ms_t              session_timeout;
    bool                     closed;            /* nobody is logged in now:
                                                   a verified visitor's slow
                                                   data, user_id and traits
                                                   stay shut               */
    onsite_arena_t          *arena;             /* decision's strings      */
    onsite_decide_options_t  decide;
    onsite_listener_t        listener;
    onsite_ms_t              due;               /* out: the visitor's next
                                                   timer, where it may be due
                                                   earlier than visitor->wake;
                                                   0: leave timers alone   */
    uint32_t                 woken;             /* out: timers that were late
                                                   and have fired          */
} onsite_apply_t;

static inline bool
onsite_choice_leaves(const onsite_choice_t *choice)
{
    return choice->campaign->channel == ONSITE_CHANNEL_WEBHOOK;
}

/*
 * Applies the event to the visitor, decides, and records what was decided.
 *
 * What the visitor's timers are late with comes first, where visitor->wake is
 * over: so an event finds the visitor as if timers were never late.
 *
 * Machines that the event moves may entail other events (`entry`): they are
 * counted, move machines and are decided, before the event is, as if nothing
 * could be shown: so onsite campaigns wait, and the event's own decision takes
 * them up when it can show them.  They belong to the session that the event
 * lies in.
 *
 * The same arguments (and record, image, arena bounds) give the same decision
 * and record, to the byte.
 */
void onsite_apply(onsite_engine_t *engine, onsite_apply_t *apply,
    onsite_decision_t *decision);

/*
 * The ids of the segments that apply->visitor is in: what `segments` is to a
 * condition when nothing has happened (apply->event is not read).  Items in
 * apply->arena; apply->site is not NULL.
 */
onsite_value_t onsite_apply_segments(const onsite_apply_t *apply);

/*
 * When the next timer of the visitor is due, from what the visitor is now; 0:
 * there is none.  For after a timer was fired; after an event, apply->due
 * says it at no cost:
 *
 *     if (apply.due != 0 && (visitor->wake == 0 || apply.due < visitor->wake))
 *         move the entry in timers, and set visitor->wake
 *
 * visitor->wake, when not 0, is never later than this unless campaigns were
 * replaced meanwhile: a timer that an event moves on stays where it is until
 * it wakes in vain.
 */
onsite_ms_t onsite_due(const onsite_site_t *site,
    const onsite_visitor_t *visitor);

/*
 * Fires the visitor's earliest timer that is due by apply->now: a synthetic
 * event (onsite_machines_wake; its time is the due time, caps and schedules
 * go by apply->now) goes through all that onsite_apply does, but is no
 * activity: it and what it entails are counted in total only, it opens and
 * prolongs no session and moves neither first_seen nor last_seen.
 * apply->event, apply->due and what of apply->decide is about showing are not
 * read; nothing is shown, so onsite campaigns become pending, for the next
 * session, too.  False: none is due, nothing was changed.  Call until false,
 * once a due timer, then ask onsite_due.
 */
bool onsite_wake(onsite_engine_t *engine, onsite_apply_t *apply,
    onsite_decision_t *decision);

#endif
