/*
 * onsite_decide.c - which campaigns an event brings, and with which variant.
 */

#include "onsite_decide_private.h"
#include "onsite_decide_explain.h"
#include "onsite_decide_fetch.h"
#include "onsite_frequency.h"
#include "onsite_index.h"
#include "onsite_outbox.h"
#include "onsite_pending.h"
#include "onsite_template.h"
#include "onsite_trigger.h"
#include "onsite_variant.h"

#define BEYOND_ALL  UINT32_MAX
#define DETAIL_MAX  4096            /* bytes of an explanation             */


onsite_str_t
onsite_reason_text(onsite_reason_t reason)
{
    static const onsite_str_t  texts[ONSITE_REASONS] = {
        ONSITE_STR("none"), ONSITE_STR("schedule"), ONSITE_STR("where"),
        ONSITE_STR("count"), ONSITE_STR("audience"), ONSITE_STR("cap"),
        ONSITE_STR("stopped"), ONSITE_STR("group"), ONSITE_STR("coverage"),
        ONSITE_STR("holdout"), ONSITE_STR("inconclusive"),
        ONSITE_STR("consent"), ONSITE_STR("content"), ONSITE_STR("limit"),
        ONSITE_STR("unarmed"), ONSITE_STR("trigger")
    };

    return (unsigned) reason < ONSITE_REASONS ? texts[reason]
                                              : ONSITE_STR("unknown");
}


static bool
is_onsite(const onsite_campaign_t *campaign)
{
    return campaign->channel != ONSITE_CHANNEL_WEBHOOK;
}


bool
decide_runs_without_consent(const decide_t *d,
    const onsite_campaign_t *campaign)
{
    return (campaign->flags & ONSITE_CAMPAIGN_CONTEXTUAL)
           && campaign->fallback != 0
           && campaign->trigger.count <= 1
           && is_onsite(campaign)
           && d->options->deliver;
}


onsite_reason_t
decide_condition(decide_t *d, onsite_ref_t program, onsite_reason_t reason)
{
    switch (onsite_condition_eval(d->context, program)) {

    case ONSITE_TRUE:
        return ONSITE_REASON_NONE;

    case ONSITE_INCONCLUSIVE:
        return ONSITE_REASON_INCONCLUSIVE;

    default:
        return reason;
    }
}


static onsite_reason_t
check_trigger(decide_t *d, const onsite_campaign_t *campaign)
{
    onsite_reason_t  reason;

    reason = decide_condition(d, campaign->trigger.where, ONSITE_REASON_WHERE);
    if (reason != ONSITE_REASON_NONE || d->visitor == NULL) {
        return reason;
    }

    fetch_variants(d->context->image, campaign);

    if (campaign->trigger.kind != ONSITE_TRIGGER_EVENT) {
        return ONSITE_REASON_NONE;              /* a machine said so */
    }

    return onsite_trigger_match(d->visitor, &campaign->trigger,
                                d->context->event->time)
           ? ONSITE_REASON_NONE : ONSITE_REASON_COUNT;
}


static onsite_exposure_t *
find_exposure(const decide_t *d, const onsite_campaign_t *campaign)
{
    return d->visitor == NULL ? NULL
           : onsite_visitor_exposure(d->visitor, campaign->hash);
}


static onsite_reason_t
check_exposure(decide_t *d, const onsite_campaign_t *campaign)
{
    uint32_t                  visits;
    const onsite_exposure_t  *exposure = find_exposure(d, campaign);

    if (exposure != NULL && (exposure->happened & campaign->stop_on)) {
        return ONSITE_REASON_STOPPED;
    }

    visits = d->visitor == NULL ? 0 : d->visitor->visits;

    return onsite_frequency_capped(&d->clock, campaign, exposure, visits)
           ? ONSITE_REASON_CAP : ONSITE_REASON_NONE;
}


/* Whether the answer has room for it beside what it holds. */

static onsite_reason_t
check_answer(const decide_t *d, const onsite_campaign_t *campaign)
{
    size_t                    i;
    const onsite_image_t     *image = d->context->image;
    const onsite_campaign_t  *other;

    for (i = 0; i < d->decision->n; i++) {
        other = d->decision->choices[i].campaign;

        if (other == campaign) {
            return ONSITE_REASON_CAP;
        }

        if (campaign->group != 0 && other->group == campaign->group) {
            return ONSITE_REASON_GROUP;
        }

        if (campaign->channel == ONSITE_CHANNEL_EMBED
            && other->channel == ONSITE_CHANNEL_EMBED
            && onsite_str_eq(onsite_image_str(image, other->slot),
                             onsite_image_str(image, campaign->slot)))
        {
            return ONSITE_REASON_GROUP;
        }
    }

    return i == ONSITE_CHOICES_MAX ? ONSITE_REASON_LIMIT
                                   : ONSITE_REASON_NONE;
}


/* All but who gets which variant. */

static onsite_reason_t
check_eligible(decide_t *d, const onsite_campaign_t *campaign, bool waited)
{
    onsite_reason_t  reason;

    if (d->visitor == NULL && !decide_runs_without_consent(d, campaign)) {
        return ONSITE_REASON_CONSENT;
    }

    if (!onsite_schedule_open(&d->clock, campaign)) {
        return ONSITE_REASON_SCHEDULE;
    }

    if (!waited) {
        reason = check_trigger(d, campaign);
        if (reason != ONSITE_REASON_NONE) {
            return reason;
        }
    }

    reason = decide_condition(d, campaign->audience, ONSITE_REASON_AUDIENCE);
    if (reason != ONSITE_REASON_NONE) {
        return reason;
    }

    reason = check_exposure(d, campaign);
    if (reason != ONSITE_REASON_NONE) {
        return reason;
    }

    return check_answer(d, campaign);
}


static void
record_holdout(decide_t *d, const onsite_campaign_t *campaign)
{
    onsite_exposure_t  *exposure = find_exposure(d, campaign);

    if (exposure == NULL) {
        exposure = onsite_visitor_exposure_add(d->visitor, campaign->hash);
    }

    exposure->holdout = true;
}


/* Whether what was shown has a say in what is shown later.  Most campaigns of
 * a shop have no need of it, and would push out those that do. */

static bool
needs_memory(const onsite_campaign_t *campaign)
{
    return campaign->per > ONSITE_PER_PAGE
           || campaign->stop_on != 0
           || campaign->n_variants > 1
           || campaign->holdout > 0
           || campaign->coverage < 1
           || campaign->hash_slot != 0
           || campaign->goal.len != 0;
}


static onsite_exposure_t *
record_variant(decide_t *d, const onsite_campaign_t *campaign,
    const onsite_variant_t *variant)
{
    onsite_exposure_t       *exposure;
    const onsite_variant_t  *variants;

    variants = onsite_image_at(d->context->image, campaign->variants);

    exposure = onsite_visitor_exposure_add(d->visitor, campaign->hash);
    exposure->variant = (uint8_t) (variant - variants + 1);
    exposure->variant_hash = variant->hash;
    exposure->holdout = false;
    exposure->happened &= (uint8_t) ~ONSITE_EXPOSURE_SENT;

    return exposure;
}


/* The page has been told of a variant that is not shown yet: weights that are
 * edited meanwhile do not change it. */

static void
record_drawn(decide_t *d, const onsite_campaign_t *campaign,
    const onsite_variant_t *variant)
{
    if (campaign->n_variants > 1) {
        (void) record_variant(d, campaign, variant);
    }
}


static void
record_shown(decide_t *d, const onsite_campaign_t *campaign,
    const onsite_variant_t *variant)
{
    if (d->visitor == NULL
        || (!needs_memory(campaign) && find_exposure(d, campaign) == NULL))
    {
        return;
    }

    onsite_frequency_count(&d->clock, campaign,
                           record_variant(d, campaign, variant),
                           d->visitor->visits);
}


static onsite_reason_t
assign(decide_t *d, const onsite_campaign_t *campaign,
    onsite_assignment_t *assignment)
{
    onsite_reason_t          reason;
    const onsite_variant_t  *variants;

    if (d->visitor == NULL) {
        variants = onsite_image_at(d->context->image, campaign->variants);
        assignment->variant = &variants[campaign->fallback - 1];
        assignment->propensity = 1;

        return ONSITE_REASON_NONE;
    }

    reason = onsite_variant_assign(d->context, campaign,
                                   find_exposure(d, campaign),
                                   d->options->visitor_id, assignment);

    if (reason == ONSITE_REASON_HOLDOUT) {
        record_holdout(d, campaign);
    }

    return reason;
}


/* content.data, into the arena. */

static bool
render_data(decide_t *d, onsite_ref_t program, onsite_str_t *out)
{
    onsite_buf_t  *scratch = d->options->scratch;

    *out = onsite_str("", 0);

    if (program == 0) {
        return true;
    }

    onsite_buf_clear(scratch);

    if (onsite_template_render(d->context, program, scratch) != ONSITE_OK
        || scratch->failed)
    {
        return false;
    }

    *out = onsite_arena_copy(d->context->arena,
                             onsite_str(scratch->data, scratch->len));

    return out->data != NULL;
}


/* Who consented to the session only leaves unnamed: with no more of who this is
 * and what is known of them than events leave with. */

static bool
render_unnamed(decide_t *d, onsite_ref_t program, onsite_str_t *out)
{
    bool               done;
    onsite_event_t     event = { 0 };
    onsite_context_t  *context = d->context, named = *context;

    if (context->event != NULL) {
        event = *context->event;
        event.user_id = onsite_str(NULL, 0);
        event.traits.type = ONSITE_ABSENT;
        event.context = onsite_outbox_context(context->arena, &event.context);
        context->event = &event;
    }

    context->closed = true;
    context->customer = onsite_str(NULL, 0);
    memset(&context->slow, 0, sizeof(context->slow));
    onsite_context_forget(context);

    done = render_data(d, program, out);

    named.stamp = context->stamp;
    *context = named;
    onsite_context_forget(context);

    return done;
}


static bool
render_content(decide_t *d, const onsite_campaign_t *campaign,
    onsite_choice_t *choice)
{
    const onsite_variant_t  *variant = choice->variant;

    if (onsite_template_render_pieces(d->context, variant->html,
                                      d->options->scratch, &choice->html)
        != ONSITE_OK)
    {
        return false;
    }

    return !is_onsite(campaign) && d->visitor != NULL
           && d->visitor->session_only
           ? render_unnamed(d, variant->data, &choice->data)
           : render_data(d, variant->data, &choice->data);
}


/* Without consent nothing can be judged once more: what is shown is in the
 * page, and waits there. */

static bool
arms(const decide_t *d, const onsite_choice_t *choice)
{
    return choice->when.len != 0 && d->visitor != NULL;
}


/* Shows it, arms it, or keeps it for an answer that can. */

static onsite_reason_t
fill_choice(decide_t *d, const onsite_campaign_t *campaign,
    onsite_choice_t *choice)
{
    const onsite_variant_t  *variant = choice->variant;

    if (variant->html == 0 && variant->data == 0) {
        return ONSITE_REASON_CONTENT;
    }

    if (is_onsite(campaign) && !d->options->deliver) {
        if (onsite_pending_add(d->context, d->visitor, campaign, variant,
                               d->fresh) != ONSITE_OK)
        {
            return ONSITE_REASON_LIMIT;
        }

        d->visitor->pending[d->visitor->n_pending - 1].waits =
            d->options->waits;
        d->fresh++;
        choice->pending = true;

        return ONSITE_REASON_NONE;
    }

    if (!d->releases && d->options->preview == NULL) {
        choice->when = onsite_image_str(d->context->image, campaign->when);
    }

    if (arms(d, choice)) {
        choice->armed = true;
        record_drawn(d, campaign, variant);

        return onsite_armed_add(d->context, d->visitor, campaign, variant)
               == ONSITE_OK ? ONSITE_REASON_NONE : ONSITE_REASON_LIMIT;
    }

    if (!render_content(d, campaign, choice)) {
        return ONSITE_REASON_CONTENT;
    }

    record_shown(d, campaign, variant);

    return ONSITE_REASON_NONE;
}


static onsite_reason_t
choose(decide_t *d, const onsite_campaign_t *campaign, bool waited)
{
    onsite_choice_t      choice = { .campaign = campaign };
    onsite_reason_t      reason;
    onsite_assignment_t  assignment;

    reason = check_eligible(d, campaign, waited);
    if (reason != ONSITE_REASON_NONE) {
        return reason;
    }

    reason = assign(d, campaign, &assignment);
    if (reason != ONSITE_REASON_NONE) {
        return reason;
    }

    choice.variant = assignment.variant;
    choice.propensity = assignment.propensity;

    reason = fill_choice(d, campaign, &choice);
    if (reason == ONSITE_REASON_NONE) {
        d->decision->choices[d->decision->n++] = choice;
    }

    return reason;
}


onsite_reason_t
decide_if_fired(decide_t *d, const onsite_campaign_t *campaign)
{
    onsite_reason_t      reason;
    onsite_assignment_t  assignment;

    reason = check_eligible(d, campaign, true);

    return reason != ONSITE_REASON_NONE || d->visitor == NULL ? reason
           : onsite_variant_assign(d->context, campaign,
                                   find_exposure(d, campaign),
                                   d->options->visitor_id, &assignment);
}


void
decide_tell(decide_t *d, const onsite_campaign_t *campaign,
    onsite_reason_t reason, bool waited)
{
    bool              told;
    onsite_buf_t      detail;
    onsite_explain_t  facts = { .context = d->context, .clock = &d->clock,
                                .visitor = d->visitor,
                                .decision = d->decision, .waited = waited,
                                .released = d->releases };

    facts.then = reason == ONSITE_REASON_TRIGGER
                 ? decide_if_fired(d, campaign) : ONSITE_REASON_NONE;
    onsite_buf_init(&detail, DETAIL_MAX);
    onsite_decide_explain(&facts, campaign, reason, &detail);
    told = detail.len != 0;
    onsite_buf_char(&detail, '\0');
    d->options->explain(d->options->explain_data, campaign, reason,
                        told && !detail.failed ? detail.data : NULL);
    onsite_buf_free(&detail);
}


void
decide_lost(decide_t *d, uint32_t rank, onsite_reason_t reason)
{
    if (rank < d->first_lost) {
        d->first_lost = rank;
        d->decision->reason = reason;
    }
}


onsite_reason_t
decide_consider(decide_t *d, uint32_t rank, bool waited)
{
    onsite_reason_t           reason;
    const onsite_campaign_t  *campaign = &d->campaigns[rank];

    reason = choose(d, campaign, waited);

    d->decision->considered++;
    d->decision->reasons[reason]++;

    if (reason != ONSITE_REASON_NONE) {
        decide_lost(d, rank, reason);
    }

    if (d->options->explain != NULL) {
        decide_tell(d, campaign, reason, waited);
    }

    return reason;
}


/* Campaigns below rank that machines have fired: those are in no index. */

static void
consider_fired_until(decide_t *d, uint32_t rank)
{
    uint32_t                        next;
    const onsite_decide_options_t  *options = d->options;

    while (d->n_fired < options->n_fired
           && options->fired[d->n_fired] < rank)
    {
        next = options->fired[d->n_fired++];
        decide_waiting_until(d, next);
        (void) decide_consider(d, next, false);
    }
}


static void
consider_candidates(decide_t *d)
{
    size_t           i, n;
    uint32_t         next = 0;
    const uint32_t  *candidates;

    if (onsite_index_candidates(d->context, &candidates, &n) != ONSITE_OK) {
        d->decision->reasons[ONSITE_REASON_LIMIT]++;
        d->decision->reason = ONSITE_REASON_LIMIT;
        return;
    }

    fetch_first(d->context->image, d->campaigns, candidates, n);

    for (i = 0; i < n; i++) {
        fetch_ahead(d->context->image, d->campaigns, candidates, n, i);

        if (d->options->explain != NULL) {
            decide_explain_skipped(d, &next, candidates[i]);
        }

        consider_fired_until(d, candidates[i]);
        decide_waiting_until(d, candidates[i]);
        (void) decide_consider(d, candidates[i], false);
    }

    if (d->options->explain != NULL) {
        decide_explain_skipped(d, &next,
                        onsite_image_header(d->context->image)->n_campaigns);
    }
}


static void
mark_goals(decide_t *d)
{
    uint32_t                  i;
    onsite_exposure_t        *exposure;
    const onsite_event_t     *event = d->context->event;
    const onsite_image_t     *image = d->context->image;
    const onsite_campaign_t  *campaign;

    if (d->visitor == NULL || !onsite_index_goal(image, event->name)) {
        return;
    }

    for (i = 0; i < d->visitor->n_exposures; i++) {
        exposure = &d->visitor->exposures[i];

        if (exposure->last == 0 || event->time < exposure->last) {
            continue;
        }

        campaign = onsite_campaign_find(image, exposure->campaign);

        if (campaign != NULL
            && event->time - exposure->last <= campaign->goal_ms
            && onsite_str_eq(onsite_image_str(image, campaign->goal),
                             event->name))
        {
            exposure->happened |= ONSITE_STOP_GOAL;
        }
    }
}


/* Whatever it asks for, at once; who looks at it is a copy, or nobody. */

static void
show_preview(decide_t *d)
{
    onsite_choice_t     choice = { .campaign = d->options->preview,
                                   .variant = d->options->preview_variant,
                                   .propensity = 1 };
    onsite_decision_t  *decision = d->decision;

    d->releases = true;
    decision->considered = 1;
    decision->reason = fill_choice(d, choice.campaign, &choice);
    decision->reasons[decision->reason] = 1;

    if (decision->reason == ONSITE_REASON_NONE) {
        decision->choices[decision->n++] = choice;
    }
}


void
onsite_decide(onsite_context_t *context, onsite_visitor_t *visitor,
    const onsite_decide_options_t *options, onsite_decision_t *decision)
{
    decide_t                      d;
    const onsite_image_header_t  *header;

    decision->n = 0;
    decision->considered = 0;
    decision->reason = ONSITE_REASON_NONE;
    memset(decision->reasons, 0, sizeof(decision->reasons));

    if (!context->event->live) {
        return;
    }

    header = onsite_image_header(context->image);

    d.context = context;
    d.visitor = visitor;
    d.options = options;
    d.decision = decision;
    d.campaigns = onsite_image_at(context->image, header->campaigns);
    d.fresh = 0;
    d.first_lost = BEYOND_ALL;
    d.n_waiting = 0;
    d.n_tried = 0;
    d.n_fired = 0;
    d.stays = 0;
    d.releases = false;
    onsite_clock_init(&d.clock, context->image, context->now);

    onsite_context_forget(context);

    if (options->preview != NULL && options->deliver) {
        show_preview(&d);
        return;
    }

    mark_goals(&d);
    decide_waiting_take(&d);
    consider_candidates(&d);
    consider_fired_until(&d, BEYOND_ALL);
    decide_waiting_until(&d, BEYOND_ALL);
    decide_waiting_keep(&d);

    if (decision->n > 0) {
        decision->reason = ONSITE_REASON_NONE;
    }
}
