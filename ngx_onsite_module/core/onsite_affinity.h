/*
 * onsite_affinity.h - what a visitor is drawn to: per attribute (category,
 * brand), sums of event weights that decay by half in a half-life.
 *
 * Lazily decayed: all scores of a visitor are as of visitor->affinity_at, and
 * are brought forward when one is added to.  Of an attribute the strongest
 * ONSITE_AFFINITY_TOP are kept.
 */

#ifndef ONSITE_AFFINITY_H
#define ONSITE_AFFINITY_H

#include "onsite_image.h"
#include "onsite_visitor.h"

typedef struct {
    onsite_image_str_t  event;          /* its name                        */
    double              weight;         /* > 0                             */
} onsite_affinity_weight_t;

/* An attribute as the image holds it: from the site file, or made with the
 * defaults because a campaign reads affinity.<name>. */
typedef struct {
    onsite_image_str_t  name;
    uint32_t            hash;           /* onsite_affinity_hash(name)      */
    uint32_t            n_weights;
    onsite_ref_t        weights;        /* onsite_affinity_weight_t[]      */
    onsite_image_str_t  property;       /* of the event, or of its product */
    int64_t             half_life_ms;
} onsite_affinity_rule_t;

uint32_t onsite_affinity_hash(onsite_str_t name);

/* What a live event adds: of its properties, of each of properties.products
 * for orders and carts. */
void onsite_affinity_event(const onsite_image_t *image,
    onsite_visitor_t *visitor, const onsite_event_t *event);

/* The strength of an entry among all of its attribute, (0, 1], at now. */
double onsite_affinity_strength(const onsite_image_t *image,
    const onsite_visitor_t *visitor, const onsite_affinity_t *affinity,
    onsite_ms_t now);

/* Both as of one moment, values of both, the strongest kept; commutative. */
void onsite_affinity_merge(onsite_visitor_t *visitor,
    const onsite_visitor_t *other);

onsite_status_t onsite_affinities_verify(const onsite_image_t *image,
    onsite_error_t *error);

#endif
