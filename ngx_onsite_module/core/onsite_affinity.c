/*
 * onsite_affinity.c - what a visitor is drawn to: scores and their decay.
 *
 * Exponentially decayed sums: a score s at time t is worth s * 2^-((u-t)/h) at
 * u, so one time for all scores of a visitor is enough.
 */

#include "onsite_affinity_private.h"

#include <math.h>

#define KEPT_HALF_LIVES  1024.0         /* 2^10: see the header            */
#define SCORE_MAX        1e30f          /* far from what a float ends at   */


const onsite_affinity_rule_t *
affinity_rules(const onsite_image_t *image, uint32_t *n)
{
    const onsite_image_header_t  *header;

    header = onsite_image_header(image);
    *n = header->n_affinities;

    return onsite_image_at(image, header->affinities);
}


const onsite_affinity_rule_t *
onsite_affinity_find(const onsite_image_t *image, uint32_t hash)
{
    uint32_t                       i, n;
    const onsite_affinity_rule_t  *rules = affinity_rules(image, &n);

    for (i = 0; i < n; i++) {
        if (rules[i].hash == hash) {
            return &rules[i];
        }
    }

    return NULL;
}


double
affinity_decay(const onsite_affinity_rule_t *rule, double ms)
{
    int64_t  half_life;

    half_life = rule != NULL ? rule->half_life_ms : ONSITE_AFFINITY_HALF_LIFE;

    return ms > 0 ? exp2(-ms / (double) half_life) : 1;
}


double
affinity_least(const onsite_image_t *image, const onsite_affinity_rule_t *rule)
{
    double                           least = 1;
    uint32_t                         i;
    const onsite_affinity_weight_t  *weights;

    if (rule != NULL) {
        weights = onsite_image_at(image, rule->weights);
        least = weights[0].weight;

        for (i = 1; i < rule->n_weights; i++) {
            least = weights[i].weight < least ? weights[i].weight : least;
        }
    }

    return least / KEPT_HALF_LIVES;
}


static const onsite_affinity_rule_t *
find_rule(const onsite_image_t *image, uint32_t hash)
{
    return image != NULL ? onsite_affinity_find(image, hash) : NULL;
}


static float
bounded_score(double score)
{
    return score < SCORE_MAX ? (float) score : SCORE_MAX;
}


/* Also what is not a number: a record may hold any bytes. */

static bool
is_too_little(double score, double least)
{
    return !(score >= least);
}


/* By attribute, then the strongest first; ties by value, so that the order is
 * one whatever came first. */

static bool
is_before(const onsite_affinity_t *a, const onsite_affinity_t *b)
{
    if (a->attribute != b->attribute) {
        return a->attribute < b->attribute;
    }

    if (a->score > b->score || a->score < b->score) {
        return a->score > b->score;
    }

    return onsite_str_compare(a->value, b->value) < 0;
}


void
affinity_sort(onsite_affinity_t *list, uint32_t n)
{
    uint32_t           i, k;
    onsite_affinity_t  entry;

    for (i = 1; i < n; i++) {
        entry = list[i];

        for (k = i; k > 0 && is_before(&entry, &list[k - 1]); k--) {
            list[k] = list[k - 1];
        }

        list[k] = entry;
    }
}


static void
take_out(onsite_affinity_t *list, uint32_t *n, uint32_t i)
{
    (*n)--;
    memmove(&list[i], &list[i + 1], (*n - i) * sizeof(onsite_affinity_t));
}


/* The weakest of an attribute, or of all (NULL); ties by what stands last in
 * the order of is_before.  n: there is none. */

static uint32_t
weakest(const onsite_affinity_t *list, uint32_t n, const uint32_t *attribute)
{
    uint32_t  i, found = n;

    for (i = 0; i < n; i++) {
        if (attribute != NULL && list[i].attribute != *attribute) {
            continue;
        }

        if (found == n || list[i].score < list[found].score
            || (!(list[i].score > list[found].score)
                && is_before(&list[found], &list[i])))
        {
            found = i;
        }
    }

    return found;
}


static uint32_t
count_attribute(const onsite_affinity_t *list, uint32_t n, uint32_t attribute)
{
    uint32_t  i, count = 0;

    for (i = 0; i < n; i++) {
        count += list[i].attribute == attribute;
    }

    return count;
}


void
onsite_affinity_forward(const onsite_image_t *image,
    onsite_visitor_t *visitor, onsite_ms_t time)
{
    double                         ms, factor = 1, least = 0;
    uint32_t                       i, n = 0;
    onsite_affinity_t             *entry;
    const onsite_affinity_rule_t  *rule = NULL;

    if (time <= visitor->affinity_at) {
        return;
    }

    ms = (double) time - (double) visitor->affinity_at;

    for (i = 0; i < visitor->n_affinities; i++) {
        entry = &visitor->affinities[i];

        if (i == 0 || entry->attribute != entry[-1].attribute) {
            rule = find_rule(image, entry->attribute);
            factor = affinity_decay(rule, ms);
            least = affinity_least(image, rule);
        }

        if (!is_too_little(entry->score * factor, least)) {
            visitor->affinities[n] = *entry;
            visitor->affinities[n++].score
                = bounded_score(entry->score * factor);
        }
    }

    visitor->n_affinities = n;
    visitor->affinity_at = time;
}


void
onsite_affinity_align(const onsite_image_t *image, onsite_visitor_t *a,
    onsite_visitor_t *b)
{
    if (a->n_affinities != 0 && b->n_affinities != 0) {
        onsite_affinity_forward(image, a, b->affinity_at);
        onsite_affinity_forward(image, b, a->affinity_at);
    }
}


static uint32_t
find_entry(const onsite_affinity_t *list, uint32_t n, uint32_t attribute,
    onsite_str_t value)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (list[i].attribute == attribute
            && onsite_str_eq(list[i].value, value))
        {
            break;
        }
    }

    return i;
}


/* Adds an entry, for which there must be room: the weakest one goes when the
 * attribute, or the whole list, is full. */

static uint32_t
new_entry(onsite_visitor_t *v, uint32_t attribute, onsite_str_t value)
{
    uint32_t            gone;
    onsite_affinity_t  *list = v->affinities;

    gone = v->n_affinities;

    if (count_attribute(list, v->n_affinities, attribute)
        >= ONSITE_AFFINITY_TOP)
    {
        gone = weakest(list, v->n_affinities, &attribute);

    } else if (v->n_affinities >= ONSITE_AFFINITIES_MAX) {
        gone = weakest(list, v->n_affinities, NULL);
    }

    if (gone < v->n_affinities) {
        take_out(list, &v->n_affinities, gone);
    }

    list[v->n_affinities] = (onsite_affinity_t) {
        .attribute = attribute, .value = value
    };

    return v->n_affinities++;
}


void
affinity_add(onsite_visitor_t *v, uint32_t attribute, onsite_str_t value,
    double weight)
{
    uint32_t            i;
    onsite_affinity_t  *entry;

    i = find_entry(v->affinities, v->n_affinities, attribute, value);

    if (i == v->n_affinities) {
        i = new_entry(v, attribute, value);
    }

    entry = &v->affinities[i];
    entry->score = bounded_score(entry->score + weight);
}


double
onsite_affinity_strength(const onsite_image_t *image,
    const onsite_visitor_t *visitor, const onsite_affinity_t *affinity,
    onsite_ms_t now)
{
    double                         factor, least, sum = 0, score;
    uint32_t                       i;
    const onsite_affinity_rule_t  *rule;

    rule = find_rule(image, affinity->attribute);
    factor = affinity_decay(rule, (double) now - (double) visitor->affinity_at);
    least = affinity_least(image, rule);

    if (is_too_little(affinity->score * factor, least)) {
        return 0;
    }

    for (i = 0; i < visitor->n_affinities; i++) {
        score = visitor->affinities[i].score;

        if (visitor->affinities[i].attribute == affinity->attribute
            && !is_too_little(score * factor, least))
        {
            sum += score;
        }
    }

    return affinity->score / sum;
}


/* The strongest of each attribute, and of all: what is over goes. */

static void
keep_strongest(onsite_affinity_t *list, uint32_t *n)
{
    uint32_t  i, rank;

    affinity_sort(list, *n);

    for (i = 0, rank = 0; i < *n; /* void */) {
        rank = i > 0 && list[i].attribute == list[i - 1].attribute
               ? rank + 1 : 0;

        if (rank < ONSITE_AFFINITY_TOP) {
            i++;

        } else {
            take_out(list, n, i);
            rank--;
        }
    }

    while (*n > ONSITE_AFFINITIES_MAX) {
        take_out(list, n, weakest(list, *n, NULL));
    }
}


/* Adds other's, brought forward to the visitor's moment. */

static void
join(onsite_affinity_t *list, uint32_t *n, const onsite_visitor_t *from,
    onsite_ms_t time)
{
    float                     score;
    double                    factor;
    uint32_t                  i, k;
    const onsite_affinity_t  *entry;

    factor = affinity_decay(NULL, (double) time - (double) from->affinity_at);

    for (i = 0; i < from->n_affinities; i++) {
        entry = &from->affinities[i];
        score = bounded_score(entry->score * factor);

        if (is_too_little(score, ONSITE_AFFINITY_WEIGHT_MIN
                                 / KEPT_HALF_LIVES))
        {
            continue;
        }

        k = find_entry(list, *n, entry->attribute, entry->value);

        if (k == *n) {
            list[k] = *entry;
            list[k].score = 0;
            (*n)++;
        }

        list[k].score = bounded_score((double) list[k].score + score);
    }
}


void
onsite_affinity_merge(onsite_visitor_t *visitor,
    const onsite_visitor_t *other)
{
    uint32_t           n = 0;
    onsite_ms_t        time;
    onsite_affinity_t  list[2 * ONSITE_AFFINITIES_MAX];

    if (other->n_affinities == 0) {
        return;
    }

    time = visitor->n_affinities == 0
           || other->affinity_at > visitor->affinity_at
           ? other->affinity_at : visitor->affinity_at;

    join(list, &n, visitor, time);
    join(list, &n, other, time);
    keep_strongest(list, &n);

    memcpy(visitor->affinities, list, n * sizeof(onsite_affinity_t));
    visitor->n_affinities = n;
    visitor->affinity_at = time;
}
