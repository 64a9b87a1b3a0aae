/*
 * onsite_machine.h - journeys, sequences and inactivity: one kind of state
 * machine, moved by events and by time.
 *
 * A journey is a state chart (Harel 1987, without hierarchy): one state at a
 * time, `after` counts from when it was entered, `inactive` from when the
 * visitor was last heard of by the server's clock (last_seen: an event that
 * was held back is no proof of absence).  A trigger on inactivity is a machine
 * of two states, idle and armed.
 *
 * A sequence holds several positions at once, each with the latest
 * start of a match that has come so far (the latest is the one that stays in
 * its window longest), so that it fires exactly when some ordered selection of
 * the events fits; it fires once a match, and begins anew.
 *
 * Where a visitor stands is kept in visitor->standings (journeys, inactivity)
 * and visitor->progress (sequences: times[k] is the start of position k + 1, 0
 * when no match has come so far).  An event meets only the edges of its name:
 * the cost is that of those edges, however many machines there are.
 *
 * Editing: docs/campaigns.md has the rule.  A standing names machine and state
 * by hashes of their ids, so a state that keeps its name keeps its visitors
 * and the time they entered it; one that is gone sends them where `moved`
 * says, else to the start, without entry effects.
 */

#ifndef ONSITE_MACHINE_H
#define ONSITE_MACHINE_H

#include "onsite_attribute.h"
#include "onsite_campaign.h"

typedef enum {
    ONSITE_MACHINE_JOURNEY = 0,
    ONSITE_MACHINE_SEQUENCE,
    ONSITE_MACHINE_INACTIVE
} onsite_machine_kind_t;

#define ONSITE_STATE_START  0           /* where all begin                 */
#define ONSITE_STATE_ARMED  1           /* INACTIVE: waiting               */
#define ONSITE_STATE_ANY    0xffffffffu /* an edge from wherever one stands*/
#define ONSITE_STATE_DEAD   0xfffffffeu /* SEQUENCE: ends the match at from*/

typedef struct {
    onsite_image_str_t  name;           /* journeys                        */
    uint32_t            hash;           /* FNV-1a of the name; of others the
                                           number                          */
    uint32_t            final;          /* 1: nothing leads out of it      */
    int64_t             after_ms;       /* since entered; 0: never         */
    int64_t             inactive_ms;    /* since last heard of; 0: never   */
    uint32_t            after_to;       /* state                           */
    uint32_t            inactive_to;
    onsite_image_str_t  emits;          /* event that entering it is, too  */
    onsite_ref_t        campaigns;      /* uint32_t[n_campaigns]: ranks that
                                           entering it triggers, ascending;
                                           INACTIVE: those of START, and only
                                           when ARMED's timer leads there  */
    uint32_t            n_campaigns;
    uint32_t            reserved;
} onsite_machine_state_t;

typedef struct {
    uint32_t            from;           /* hash of a state that is gone    */
    uint32_t            to;             /* state                           */
} onsite_machine_moved_t;

typedef struct {
    onsite_image_str_t  id;             /* the journey's, or the campaign's*/
    uint32_t            hash;           /* names it in visitor records: FNV-1a
                                           of kind and id; of a sequence also
                                           of its definition, so that an
                                           edited one begins anew          */
    uint32_t            kind;           /* onsite_machine_kind_t           */
    onsite_ref_t        states;         /* onsite_machine_state_t[n_states] */
    uint32_t            n_states;       /* SEQUENCE: steps + 1 (a trailing
                                           `not` is one); the last fires   */
    onsite_ref_t        moved;          /* onsite_machine_moved_t[n_moved] */
    uint32_t            n_moved;
    uint32_t            within;         /* SEQUENCE: onsite_within_t       */
    uint32_t            timed;          /* SEQUENCE: 1: the last step is that
                                           the window passes without a `not`
                                           event; it fires at its end      */
    int64_t             within_ms;
} onsite_machine_t;

/*
 * An event moves a machine.  Of the edges of one name and machine, in order,
 * a journey (and INACTIVE) takes the first whose from, where and audience
 * hold; a sequence all: the resets and ends come first, then the later steps
 * before the earlier ones, so that no event is two steps of one match.
 *
 * INACTIVE has `unless` ANY -> START, then `after` START -> ARMED, which is
 * among the index's `any` where every event arms: those come behind the edges
 * of the name.  A timed sequence's last state has no edge into it.  A journey
 * whose start has a timer has START -> START in `any`: the visitor's first
 * event begins it, without effect.  Events that are no activity (timers', and
 * entry events) take no edge of `any`.
 */
typedef struct {
    uint32_t            machine;
    uint32_t            from;
    uint32_t            to;
    onsite_ref_t        where;          /* condition on the event; 0: any  */
    onsite_ref_t        audience;       /* on the visitor; 0: anyone       */
    uint32_t            reserved;
} onsite_machine_edge_t;

typedef struct {
    onsite_image_str_t  name;           /* empty: the cell is free         */
    onsite_ref_t        edges;          /* onsite_machine_edge_t[n], by
                                           machine, then in the file's order*/
    uint32_t            n;
} onsite_machine_cell_t;

typedef struct {
    onsite_ref_t        cells;          /* onsite_machine_cell_t[mask + 1]:
                                           open addressing by
                                           onsite_index_name_hash          */
    uint32_t            mask;
    onsite_ref_t        any;            /* edges that every event takes    */
    uint32_t            n_any;
    onsite_ref_t        by_hash;        /* uint32_t[n_machines]: machines,
                                           ascending by hash               */
    uint32_t            reserved;
} onsite_machine_index_t;

/* A journey went from one state to another (or entered it anew). */
typedef struct {
    const onsite_machine_t  *machine;
    uint32_t                 from;
    uint32_t                 to;
} onsite_step_t;

/* What one event (or timer) moved. */
typedef struct {
    uint32_t       n_fired;
    uint32_t       n_steps;
    uint32_t       lost;                /* over ONSITE_FIRED_MAX or
                                           ONSITE_STANDINGS_MAX            */
    onsite_ms_t    due;                 /* the earliest timer of what moved;
                                           0: none                         */
    uint32_t       fired[ONSITE_FIRED_MAX]; /* ranks, ascending, each once */
    onsite_step_t  steps[ONSITE_STANDINGS_MAX];
} onsite_moves_t;

/*
 * Moves all machines by context->event, which is live and has been applied to
 * the visitor (the same that context->visitor points to).  Sets moves.
 * synthetic: the event is a timer's or an entry event.  Conditions on journeys
 * see them as they were before the event.
 *
 * Events move machines in the order in which they come.  One that is older
 * than what has moved a machine (beacons that were held back) moves it all the
 * same, and counts as of that moment: no machine's time goes back.  Timers
 * whose moment lies before its arrival are due at its arrival.
 */
void onsite_machines_event(onsite_context_t *context,
    onsite_visitor_t *visitor, bool synthetic, onsite_moves_t *moves);

/* When the visitor's next timer is due, but not before last_seen; 0: none. */
onsite_ms_t onsite_machines_due(const onsite_image_t *image,
    const onsite_visitor_t *visitor);

/*
 * Fires the timer that is due first and by now: *event becomes the synthetic
 * event (strings in the image or arena), moves what it moved.  False: none.
 *
 *     Visitor Inactive   {campaign, after_seconds}
 *     Sequence Timeout   {campaign, after_seconds}: a last `not` held
 *     Journey Timeout    {journey, from, to}
 */
bool onsite_machines_wake(onsite_context_t *context,
    onsite_visitor_t *visitor, onsite_ms_t now, onsite_event_t *event,
    onsite_moves_t *moves);

/* Adds what other has fired. */
void onsite_moves_join(onsite_moves_t *moves, const onsite_moves_t *other);

/* Whether entering step's state is an event, too; and that event, at the time
 * of its cause, with {journey, from, to}. */
bool onsite_machine_emits(const onsite_image_t *image,
    const onsite_step_t *step);
void onsite_machine_entry(onsite_context_t *context, const onsite_step_t *step,
    const onsite_event_t *cause, onsite_event_t *event);

/* Whether any machine has a timer. */
bool onsite_machines_timed(const onsite_image_t *image);

/* The machine of a hash, or NULL. */
const onsite_machine_t *onsite_machine_find(const onsite_image_t *image,
    uint32_t hash);

/* journey.<id>: the name of the state that the visitor stands in; len 0: no
 * such journey. */
onsite_str_t onsite_journey_state(const onsite_image_t *image,
    const onsite_visitor_t *visitor, onsite_str_t id);

uint32_t onsite_machine_hash(onsite_machine_kind_t kind, onsite_str_t id);

onsite_status_t onsite_machines_verify(const onsite_image_t *image,
    onsite_error_t *error);

#endif
