/*
 * onsite_visitor_parse_lists.c - a visitor's exposures, origins, affinities,
 * what waits for a page, and messages.
 */

#include "onsite_visitor_parse_private.h"

#include "onsite_affinity.h"
#include "onsite_bucket.h"
#include "onsite_campaign.h"


/* A name of 8 hex digits is a name where the image has it. */

static uint32_t
campaign_hash(const parse_t *p, onsite_str_t id)
{
    uint32_t  hash;

    if (!parse_hash(id, &hash)
        || (p->image != NULL
            && onsite_campaign_find(p->image, onsite_fnv32a(id)) != NULL))
    {
        hash = onsite_fnv32a(id);
    }

    return hash;
}


static uint32_t
attribute_hash(onsite_str_t name)
{
    uint32_t  hash;

    return parse_hash(name, &hash) ? hash : onsite_affinity_hash(name);
}


static void
parse_exposure(parse_t *p, const onsite_value_t *from)
{
    onsite_str_t        id;
    onsite_exposure_t  *e;

    id = parse_text(p, from, "campaign", ONSITE_CAMPAIGN_ID_MAX);

    if (id.len == 0) {
        parse_refuse(p, "exposures", "each needs its \"campaign\"");
        return;
    }

    e = onsite_visitor_exposure_add(p->v, campaign_hash(p, id));
    e->total = parse_count(p, from, "shown");
    e->last = parse_time(p, from, "last");

    if (e->total != 0 && e->last == 0) {
        e->last = p->v->last_seen;
    }

    e->window = parse_member(from, "window") != NULL
                ? parse_count(p, from, "window") : e->total;
    e->session = parse_member(from, "session") != NULL
                 ? parse_count(p, from, "session")
                 : e->last != 0 && e->last >= p->v->session.start
                   ? p->v->visits : 0;
    e->variant = (uint8_t) parse_number(p, from, "variant",
                                        ONSITE_VARIANTS_MAX);
    e->variant_hash = parse_count(p, from, "variant_hash");
    e->holdout = parse_flag(p, from, "holdout");
    e->happened = (uint8_t)
        ((parse_flag(p, from, "clicked") ? ONSITE_STOP_CLICKED : 0)
         | (parse_flag(p, from, "dismissed") ? ONSITE_STOP_DISMISSED : 0)
         | (parse_flag(p, from, "goal") ? ONSITE_STOP_GOAL : 0));
}


void
parse_exposures(parse_t *p, const onsite_value_t *json)
{
    uint32_t               i;
    const onsite_value_t  *list;

    list = parse_part(p, json, "exposures", ONSITE_ARRAY);

    for (i = 0; list != NULL && i < list->len && !p->bad; i++) {
        parse_exposure(p, &list->as.items[i]);
    }
}


static void
parse_touch(parse_t *p, const onsite_value_t *from, onsite_touch_t *touch)
{
    touch->time = parse_time(p, from, "time");
    touch->time = touch->time != 0 ? touch->time : p->v->last_seen;
    touch->source = parse_text(p, from, "source", ONSITE_TOUCH_TEXT_MAX);
    touch->medium = parse_text(p, from, "medium", ONSITE_TOUCH_TEXT_MAX);
    touch->campaign = parse_text(p, from, "campaign", ONSITE_TOUCH_TEXT_MAX);
    touch->referrer = parse_text(p, from, "referrer", ONSITE_TOUCH_TEXT_MAX);
    touch->click = parse_text(p, from, "click", ONSITE_TOUCH_TEXT_MAX);
}


void
parse_origin(parse_t *p, const onsite_value_t *json)
{
    uint32_t               i;
    const onsite_value_t  *origin, *part;

    origin = parse_part(p, json, "origin", ONSITE_OBJECT);

    if (origin == NULL) {
        return;
    }

    part = parse_part(p, origin, "first", ONSITE_OBJECT);

    if (part != NULL) {
        parse_touch(p, part, &p->v->first_touch);
    }

    part = parse_part(p, origin, "touches", ONSITE_ARRAY);

    for (i = 0; part != NULL && i < part->len && !p->bad; i++) {
        if (p->v->n_touches == ONSITE_TOUCHES_MAX) {
            parse_refuse(p, "touches", "more than fits");

        } else {
            parse_touch(p, &part->as.items[i],
                        &p->v->touches[p->v->n_touches++]);
        }
    }

    part = parse_part(p, origin, "last", ONSITE_OBJECT);

    if (part != NULL && p->v->n_touches == 0) {
        parse_touch(p, part, &p->v->touches[p->v->n_touches++]);
    }
}


static void
add_affinity(parse_t *p, onsite_str_t attribute, onsite_str_t value,
    double score)
{
    if (attribute.len == 0 || value.len > ONSITE_AFFINITY_VALUE_MAX
        || !(score > 0 && score < 1e30)
        || p->v->n_affinities == ONSITE_AFFINITIES_MAX)
    {
        parse_refuse(p, "affinities", "each needs its attribute, its value and "
                     "a score above 0; there may be 32");
        return;
    }

    p->v->affinities[p->v->n_affinities++] = (onsite_affinity_t) {
        attribute_hash(attribute), (float) score, value };
}


void
parse_affinities(parse_t *p, const onsite_value_t *json)
{
    uint32_t                i, k;
    const onsite_value_t   *all = parse_member(json, "affinities"), *of;
    const onsite_member_t  *m;

    if (all == NULL) {
        return;
    }

    p->v->affinity_at = parse_time(p, json, "affinities_at");

    if (p->v->affinity_at == 0) {
        p->v->affinity_at = p->v->last_seen;
    }

    if (all->type == ONSITE_ARRAY) {
        for (i = 0; i < all->len && !p->bad; i++) {
            of = &all->as.items[i];
            add_affinity(p, parse_text(p, of, "attribute", ONSITE_ID_MAX),
                         parse_text(p, of, "value", ONSITE_AFFINITY_VALUE_MAX),
                         parse_number(p, of, "score", 1e30));
        }

        return;
    }

    if (all->type != ONSITE_OBJECT) {
        parse_refuse(p, "affinities", "must be a list, or scores by attribute "
                     "and value");
        return;
    }

    for (i = 0; i < all->len; i++) {
        of = &all->as.members[i].value;

        for (k = 0; of->type == ONSITE_OBJECT && k < of->len && !p->bad; k++)
        {
            m = &of->as.members[k];
            add_affinity(p, all->as.members[i].key, m->key,
                         m->value.type == ONSITE_NUMBER ? m->value.as.number
                                                        : 0);
        }
    }
}


/* Up to max entries of the list called name. */

static void
parse_fired(parse_t *p, const onsite_value_t *json, const char *name,
    onsite_pending_t *entries, uint32_t max, uint32_t *n)
{
    uint32_t               i;
    onsite_str_t           id;
    onsite_pending_t      *to;
    const onsite_value_t  *list, *from, *properties;

    list = parse_part(p, json, name, ONSITE_ARRAY);

    for (i = 0; list != NULL && i < list->len && !p->bad; i++) {
        from = &list->as.items[i];
        id = parse_text(p, from, "campaign", ONSITE_CAMPAIGN_ID_MAX);
        properties = parse_part(p, from, "properties", ONSITE_OBJECT);

        if (id.len == 0 || *n == max) {
            parse_refuse(p, name, max == ONSITE_PENDING_MAX
                                  ? "each needs its \"campaign\"; there may be "
                         "4"
                                  : "each needs its \"campaign\"; there may be "
                         "8");
            return;
        }

        to = &entries[(*n)++];
        to->campaign = campaign_hash(p, id);
        to->fired = parse_time(p, from, "fired");
        to->waits = parse_flag(p, from, "waits");
        to->event = parse_text(p, from, "event", ONSITE_EVENT_NAME_MAX);
        to->properties = properties != NULL ? *properties
                         : (onsite_value_t) { .type = ONSITE_OBJECT };
    }
}


void
parse_waiting(parse_t *p, const onsite_value_t *json)
{
    parse_fired(p, json, "waiting", p->v->pending, ONSITE_PENDING_MAX,
                &p->v->n_pending);
    parse_fired(p, json, "armed", p->v->armed, ONSITE_ARMED_MAX,
                &p->v->n_armed);
}


void
parse_messages(parse_t *p, const onsite_value_t *json)
{
    uint32_t               i, hash;
    const onsite_value_t  *list;

    list = parse_part(p, json, "messages", ONSITE_ARRAY);

    for (i = 0; list != NULL && i < list->len && !p->bad; i++) {
        if (list->as.items[i].type != ONSITE_STRING
            || !parse_hash(onsite_value_str(&list->as.items[i]), &hash)
            || p->v->n_messages == ONSITE_MESSAGES_MAX)
        {
            parse_refuse(p, "messages", "must be up to 16 hashes");

        } else {
            p->v->messages[p->v->n_messages++] = hash;
        }
    }
}
