/*
 * onsite_affinity_private.h - what the files of affinities share.
 *
 *   onsite_affinity.c         scores and their decay
 *   onsite_affinity_event.c   what an event adds
 *   onsite_affinity_verify.c  whether an image's rules are sound
 */

#ifndef ONSITE_AFFINITY_PRIVATE_H
#define ONSITE_AFFINITY_PRIVATE_H

#include "onsite_affinity.h"

const onsite_affinity_rule_t *affinity_rules(const onsite_image_t *image,
    uint32_t *n);

/* What an attribute's scores shrink to in so many ms, and what is too little
 * to be kept.  An attribute that the image does not name (NULL) decays, too,
 * so that it goes in the end. */
double affinity_decay(const onsite_affinity_rule_t *rule, double ms);
double affinity_least(const onsite_image_t *image,
    const onsite_affinity_rule_t *rule);

/* By attribute, then the strongest first. */
void affinity_sort(onsite_affinity_t *list, uint32_t n);

/* To the score of a value, which may be new: the weakest one goes when the
 * attribute, or the whole list, is full.  The list is to be sorted then. */
void affinity_add(onsite_visitor_t *visitor, uint32_t attribute,
    onsite_str_t value, double weight);

#endif
