/*
 * onsite_engine.c - the core as one function: event in, decision out.
 */

#include "onsite_engine.h"

#include "onsite_affinity.h"
#include "onsite_origin.h"
#include "onsite_segment.h"
#include "onsite_visitor_traits.h"

#include <stdlib.h>

/* Late timers that one call fires; a chain of short ones that is longer goes
 * on with the next. */
#define WAKES_MAX  64


struct onsite_engine_s {
    onsite_buf_t    scratch;        /* for rendering                       */
    onsite_moves_t  moves;          /* of the event at hand                */
    onsite_moves_t  entailed;       /* of those that it entails            */
};


/* One event on its way. */
typedef struct {
    onsite_engine_t         *engine;
    onsite_apply_t          *apply;
    onsite_decision_t       *decision;
    onsite_context_t         context;
    uint32_t                 n_steps;
    onsite_step_t            steps[ONSITE_EMITS_MAX];
                                    /* that entail an event, in order      */
} run_t;


onsite_engine_t *
onsite_engine_create(void)
{
    onsite_engine_t  *engine = malloc(sizeof(onsite_engine_t));

    if (engine != NULL) {
        onsite_buf_init(&engine->scratch, ONSITE_HTML_MAX);
    }

    return engine;
}


void
onsite_engine_destroy(onsite_engine_t *engine)
{
    if (engine != NULL) {
        onsite_buf_free(&engine->scratch);
        free(engine);
    }
}


onsite_status_t
onsite_site_init(onsite_site_t *site, onsite_image_t image)
{
    uint32_t  n = onsite_image_header(&image)->n_slots;

    site->image = image;
    site->stamp = 0;
    site->tables = NULL;
    site->timed = onsite_machines_timed(&image);
    site->regexes = onsite_regexes_create(&image);
    site->memo = calloc((size_t) n + 1, sizeof(onsite_memo_t));

    if (site->regexes == NULL || site->memo == NULL) {
        onsite_site_free(site);
        return ONSITE_NO_MEMORY;
    }

    return ONSITE_OK;
}


void
onsite_site_free(onsite_site_t *site)
{
    if (site->regexes != NULL) {
        onsite_regexes_destroy(site->regexes);
    }

    free(site->memo);
    memset(site, 0, sizeof(*site));
}


static onsite_context_t
context_of(const onsite_apply_t *apply)
{
    onsite_site_t           *site = apply->site;
    onsite_context_t         context;
    const onsite_visitor_t  *visitor = apply->visitor;

    context = (onsite_context_t) {
        .image = &site->image,
        .regexes = site->regexes,
        .arena = apply->arena,
        .visitor = visitor,
        .key = apply->key,
        .facts = apply->facts,
        .tables = site->tables,
        .now = apply->now,
        .memo = site->memo,
        .stamp = site->stamp
    };

    if (visitor != NULL && visitor->verified) {
        context.closed = apply->closed;
        context.customer = apply->closed ? onsite_str(NULL, 0)
                                         : visitor->user_id;
    }

    return context;
}


static void
run_init(run_t *run, onsite_engine_t *engine, onsite_apply_t *apply,
    onsite_decision_t *decision)
{
    run->engine = engine;
    run->apply = apply;
    run->decision = decision;
    run->n_steps = 0;
    run->context = context_of(apply);
}


static void
tell_choices(const run_t *run, const onsite_event_t *event)
{
    size_t                    i;
    const onsite_listener_t  *listener = &run->apply->listener;

    for (i = 0; listener->choice != NULL && i < run->decision->n; i++) {
        listener->choice(listener->data, run->context.image,
                         &run->decision->choices[i], event);
    }
}


static void
decide(run_t *run, const onsite_event_t *event, const onsite_moves_t *moves,
    onsite_decide_options_t options)
{
    run->context.event = event;
    options.scratch = &run->engine->scratch;

    if (moves != NULL) {
        options.fired = moves->fired;
        options.n_fired = moves->n_fired;
    }

    onsite_decide(&run->context, run->apply->visitor, &options,
                  run->decision);
    tell_choices(run, event);
}


/* What moved is told, and what it entails is to come. */

static void
take_moves(run_t *run, const onsite_event_t *event,
    const onsite_moves_t *moves)
{
    uint32_t                  i;
    const onsite_listener_t  *listener = &run->apply->listener;

    for (i = 0; i < moves->n_steps; i++) {
        if (listener->move != NULL) {
            listener->move(listener->data, run->context.image,
                           &moves->steps[i], event);
        }

        if (run->n_steps < ONSITE_EMITS_MAX
            && onsite_machine_emits(run->context.image, &moves->steps[i]))
        {
            run->steps[run->n_steps++] = moves->steps[i];
        }
    }

    if (moves->due != 0
        && (run->apply->due == 0 || moves->due < run->apply->due))
    {
        run->apply->due = moves->due;
    }
}


static void
move_machines(run_t *run, const onsite_event_t *event, bool synthetic,
    onsite_moves_t *moves)
{
    run->context.event = event;
    onsite_context_forget(&run->context);
    onsite_machines_event(&run->context, run->apply->visitor, synthetic,
                          moves);
    take_moves(run, event, moves);
}


/* What entering states entails, and what that entails: each is moved by and
 * decided in its turn, as an event of which nothing can be shown.  It belongs
 * to the session that its cause does, a timer to none. */

static void
apply_entries(run_t *run, const onsite_event_t *cause, bool timer)
{
    bool                      in_session;
    uint32_t                  i;
    onsite_event_t            event;
    onsite_decide_options_t   options = run->apply->decide;

    options.deliver = false;
    options.waits = timer;
    options.entailed = true;
    in_session = !timer && cause->time >= run->apply->visitor->session.start;

    for (i = 0; i < run->n_steps; i++) {
        onsite_machine_entry(&run->context, &run->steps[i], cause, &event);
        onsite_visitor_count(run->apply->visitor, event.name, in_session);
        move_machines(run, &event, true, &run->engine->entailed);
        decide(run, &event, &run->engine->entailed, options);
    }
}


/* The timers that the event moved tell; of a visitor who has no entry in
 * timers yet, all do: states get timers when campaigns are replaced, too. */

static onsite_ms_t
next_due(const onsite_apply_t *apply)
{
    const onsite_visitor_t  *visitor = apply->visitor;

    return visitor->wake != 0 ? apply->due
           : onsite_due(apply->site, visitor);
}


static void
apply_event(run_t *run, const onsite_event_t *event)
{
    onsite_apply_t  *apply = run->apply;

    if (apply->visitor == NULL || apply->event == NULL || !event->live
        || onsite_image_header(run->context.image)->n_machines == 0)
    {
        decide(run, event, NULL, apply->decide);
        return;
    }

    move_machines(run, event, false, &run->engine->moves);
    apply_entries(run, event, false);
    decide(run, event, &run->engine->moves, apply->decide);
    apply->due = next_due(apply);
}


static bool
wake(onsite_engine_t *engine, onsite_apply_t *apply,
    onsite_decision_t *decision)
{
    run_t                     run;
    onsite_event_t            event;
    onsite_moves_t           *moves = &engine->moves;
    onsite_decide_options_t   options = apply->decide;

    run_init(&run, engine, apply, decision);

    if (!onsite_machines_wake(&run.context, apply->visitor, apply->now,
                              &event, moves))
    {
        return false;
    }

    options.deliver = false;
    options.waits = true;
    options.entailed = true;

    take_moves(&run, &event, moves);
    onsite_visitor_count(apply->visitor, event.name, false);
    move_machines(&run, &event, true, &engine->entailed);
    onsite_moves_join(moves, &engine->entailed);
    apply_entries(&run, &event, true);
    decide(&run, &event, moves, options);
    apply->site->stamp = run.context.stamp;

    return true;
}


/* Timers are late by what the worker that fires them is: not for this
 * visitor. */

static void
catch_up(onsite_engine_t *engine, onsite_apply_t *apply,
    onsite_decision_t *decision)
{
    const onsite_visitor_t  *visitor = apply->visitor;

    apply->woken = 0;

    if (visitor == NULL || visitor->wake == 0 || visitor->wake > apply->now
        || apply->site == NULL)
    {
        return;
    }

    while (apply->woken < WAKES_MAX && wake(engine, apply, decision)) {
        apply->woken++;
    }
}


/* A session's first page view: what was sent before it (a server's event, a
 * beacon of a script in front) has no page of its own. */

static bool
is_first_view(const onsite_session_t *session, const onsite_session_t *before)
{
    return session->pageviews == 1
           && (before->pageviews != 1 || before->start != session->start);
}


/* Who the visitor is, came from where and is drawn to what, as far as
 * campaigns ask. */

static void
learn(const onsite_apply_t *apply, const onsite_session_t *before)
{
    const onsite_image_t  *image = &apply->site->image;

    onsite_origin_event(apply->arena, apply->facts, apply->visitor,
                        apply->event,
                        is_first_view(&apply->visitor->session, before),
                        onsite_image_header(image)->touches);

    onsite_affinity_event(image, apply->arena, apply->site->tables,
                          apply->visitor, apply->event);

    /* who is not logged in says nothing of a customer; and without memory
     * the visitor is who it was */

    if (!apply->closed || !apply->visitor->verified) {
        (void) onsite_visitor_traits(apply->arena, apply->visitor,
                                     apply->event, image);
    }
}


static void
remember(const onsite_apply_t *apply)
{
    onsite_session_t  before = apply->visitor->session;

    onsite_visitor_apply(apply->visitor, apply->event,
                         apply->session_timeout);

    if (apply->site != NULL) {
        learn(apply, &before);
    }
}


/* Nothing has happened, now. */

static onsite_event_t
no_event(onsite_ms_t now)
{
    return (onsite_event_t) {
        .type = ONSITE_TRACK,
        .properties.type = ONSITE_OBJECT,
        .received = now,
        .time = now,
        .live = true
    };
}


void
onsite_apply(onsite_engine_t *engine, onsite_apply_t *apply,
    onsite_decision_t *decision)
{
    run_t                  run;
    onsite_event_t         nothing;
    const onsite_event_t  *event = apply->event;

    catch_up(engine, apply, decision);
    apply->due = 0;

    if (event != NULL && apply->visitor != NULL) {
        remember(apply);
    }

    if (apply->site == NULL) {
        memset(decision, 0, sizeof(*decision));
        return;
    }

    if (event == NULL) {
        nothing = no_event(apply->now);
        event = &nothing;
    }

    run_init(&run, engine, apply, decision);
    apply_event(&run, event);
    apply->site->stamp = run.context.stamp;
}


onsite_ms_t
onsite_due(const onsite_site_t *site, const onsite_visitor_t *visitor)
{
    return site != NULL && site->timed
           ? onsite_machines_due(&site->image, visitor) : 0;
}


bool
onsite_wake(onsite_engine_t *engine, onsite_apply_t *apply,
    onsite_decision_t *decision)
{
    return apply->site != NULL && apply->visitor != NULL
           && apply->site->timed && wake(engine, apply, decision);
}


onsite_value_t
onsite_apply_segments(const onsite_apply_t *apply)
{
    onsite_value_t    segments;
    onsite_context_t  context = context_of(apply);

    onsite_context_forget(&context);
    segments = onsite_segments(&context);
    apply->site->stamp = context.stamp;

    return segments;
}
