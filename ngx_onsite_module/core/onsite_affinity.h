/*
 * onsite_affinity.h - what a visitor is drawn to: per attribute (category,
 * brand), sums of event weights that decay by half in a half-life.
 *
 * Lazily decayed: all scores of a visitor are as of visitor->affinity_at, and
 * are brought forward when one is added to.  Of an attribute the strongest
 * ONSITE_AFFINITY_TOP are kept, of all attributes ONSITE_AFFINITIES_MAX; a
 * value that is new takes the weakest one's place, so that a change of taste
 * is seen.  What was added once at the attribute's smallest weight is
 * forgotten after ten half-lives.
 */

#ifndef ONSITE_AFFINITY_H
#define ONSITE_AFFINITY_H

#include "onsite_image.h"
#include "onsite_tables.h"
#include "onsite_visitor.h"

/* What a verified image keeps to. */
#define ONSITE_AFFINITY_WEIGHT_MIN      1e-6
#define ONSITE_AFFINITY_WEIGHT_MAX      1e6
#define ONSITE_AFFINITY_HALF_LIFE_MIN   ONSITE_SECOND
#define ONSITE_AFFINITY_HALF_LIFE_MAX   (3650 * ONSITE_DAY)

/* Of attributes that no site file tells more about. */
#define ONSITE_AFFINITY_HALF_LIFE       (14 * ONSITE_DAY)

typedef struct {
    onsite_image_str_t  event;          /* its name                        */
    double              weight;         /* > 0                             */
} onsite_affinity_weight_t;

/* An attribute as the image holds it: from the site file, or made with the
 * defaults because a campaign reads affinity.<name>. */
typedef struct {
    onsite_image_str_t  name;
    uint32_t            hash;           /* onsite_affinity_hash(name); no two
                                           rules have the same             */
    uint32_t            n_weights;
    onsite_ref_t        weights;        /* onsite_affinity_weight_t[], at
                                           least one                       */
    onsite_image_str_t  property;       /* of the event, or of its product */
    int64_t             half_life_ms;
} onsite_affinity_rule_t;

uint32_t onsite_affinity_hash(onsite_str_t name);

/* The rule of a hash, or NULL. */
const onsite_affinity_rule_t *onsite_affinity_find(
    const onsite_image_t *image, uint32_t hash);

/*
 * What a live event adds: the weight to the value of its property; without
 * that, once for each of properties.products that has it (whatever the
 * quantity: ten pairs of socks are one interest), and where a product, or the
 * event, lacks it, to the slow data's of its sku or product_id (tables NULL:
 * none).  Of an array each item counts; numbers count as their text; longer
 * texts are cut at ONSITE_AFFINITY_VALUE_MAX bytes.  Texts that are made are
 * in arena.
 */
void onsite_affinity_event(const onsite_image_t *image, onsite_arena_t *arena,
    const onsite_tables_t *tables, onsite_visitor_t *visitor,
    const onsite_event_t *event);

/* An entry's share of all that its attribute holds at now, (0, 1]; 0: it has
 * decayed to nothing. */
double onsite_affinity_strength(const onsite_image_t *image,
    const onsite_visitor_t *visitor, const onsite_affinity_t *affinity,
    onsite_ms_t now);

/* Brings the scores forward to time; an earlier one changes nothing. */
void onsite_affinity_forward(const onsite_image_t *image,
    onsite_visitor_t *visitor, onsite_ms_t time);

/* Brings both forward to the later one's moment: before a merge, by who has
 * the image. */
void onsite_affinity_align(const onsite_image_t *image, onsite_visitor_t *a,
    onsite_visitor_t *b);

/* Both as of the later moment, values of both, the strongest kept;
 * commutative.  Of two that were not aligned the earlier one's decay by the
 * default half-life. */
void onsite_affinity_merge(onsite_visitor_t *visitor,
    const onsite_visitor_t *other);

onsite_status_t onsite_affinities_verify(const onsite_image_t *image,
    onsite_error_t *error);

#endif
