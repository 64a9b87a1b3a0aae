/*
 * onsite_engine.c - the core as one function: event in, decision out.
 */

#include "onsite_engine.h"

#include "onsite_affinity.h"
#include "onsite_origin.h"

#include <stdlib.h>


struct onsite_engine_s {
    onsite_buf_t  scratch;          /* for rendering                       */
};


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


static void
tell_choices(const onsite_apply_t *apply, const onsite_event_t *event,
    const onsite_decision_t *decision)
{
    size_t                    i;
    const onsite_listener_t  *listener = &apply->listener;

    for (i = 0; listener->choice != NULL && i < decision->n; i++) {
        listener->choice(listener->data, &apply->site->image,
                         &decision->choices[i], event);
    }
}


static void
decide(onsite_engine_t *engine, onsite_apply_t *apply,
    const onsite_event_t *event, onsite_decision_t *decision)
{
    onsite_site_t            *site = apply->site;
    onsite_decide_options_t   options = apply->decide;
    onsite_context_t          context = {
        .image = &site->image,
        .regexes = site->regexes,
        .arena = apply->arena,
        .event = event,
        .visitor = apply->visitor,
        .key = apply->key,
        .facts = apply->facts,
        .now = apply->now,
        .memo = site->memo,
        .stamp = site->stamp
    };

    options.scratch = &engine->scratch;
    onsite_decide(&context, apply->visitor, &options, decision);
    site->stamp = context.stamp;
    tell_choices(apply, event, decision);
}


/* A session's first page view: what was sent before it (a server's event, a
 * beacon of a script in front) has no page of its own. */

static bool
is_first_view(const onsite_session_t *session, const onsite_session_t *before)
{
    return session->pageviews == 1
           && (before->pageviews != 1 || before->start != session->start);
}


/* Where the visitor came from and is drawn to, as far as campaigns ask. */

static void
learn(const onsite_apply_t *apply, const onsite_session_t *before)
{
    const onsite_image_t  *image = &apply->site->image;

    onsite_origin_event(apply->arena, apply->facts, apply->visitor,
                        apply->event,
                        is_first_view(&apply->visitor->session, before),
                        onsite_image_header(image)->touches);

    onsite_affinity_event(image, apply->arena, apply->tables, apply->visitor,
                          apply->event);
}


static void
apply_event(const onsite_apply_t *apply)
{
    onsite_session_t  before = apply->visitor->session;

    onsite_visitor_apply(apply->visitor, apply->event,
                         apply->session_timeout);

    if (apply->site != NULL) {
        learn(apply, &before);
    }
}


void
onsite_apply(onsite_engine_t *engine, onsite_apply_t *apply,
    onsite_decision_t *decision)
{
    onsite_event_t  nothing;

    if (apply->event != NULL && apply->visitor != NULL) {
        apply_event(apply);
    }

    if (apply->site == NULL) {
        memset(decision, 0, sizeof(*decision));
        return;
    }

    if (apply->event != NULL) {
        decide(engine, apply, apply->event, decision);
        return;
    }

    nothing = no_event(apply->now);
    decide(engine, apply, &nothing, decision);
}
