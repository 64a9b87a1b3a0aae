/*
 * onsite_affinity_event.c - what one event adds to a visitor's affinities.
 */

#include "onsite_affinity_private.h"

#include "onsite_msgpack.h"

#include <math.h>

#define ITEMS_MAX     16                /* of a value that is an array     */
#define PRODUCTS_MAX  100               /* of an order that are looked at  */
#define NUMBER_TEXT   32

/* What one event adds to. */

typedef struct {
    const onsite_image_t          *image;
    onsite_arena_t                *arena;
    const onsite_tables_t         *tables;
    onsite_visitor_t              *visitor;
    const onsite_affinity_rule_t  *rule;
    double                         weight;
    bool                           added;
} addition_t;


static onsite_str_t
bounded(onsite_str_t value)
{
    if (value.len > ONSITE_AFFINITY_VALUE_MAX) {
        value.len = ONSITE_AFFINITY_VALUE_MAX;

        while (value.len != 0
               && ((unsigned char) value.data[value.len] & 0xc0) == 0x80)
        {
            value.len--;
        }
    }

    return value;
}


static void
add_text(addition_t *a, onsite_str_t value)
{
    if (value.len != 0) {
        affinity_add(a->visitor, a->rule->hash, value, a->weight);
        a->added = true;
    }
}


static void
add_number(addition_t *a, double number)
{
    char          text[NUMBER_TEXT];
    onsite_str_t  copy;

    if (isfinite(number)) {
        copy = onsite_arena_copy(a->arena,
                          onsite_str(text, onsite_number_to_text(number,
                                                                 text)));
        add_text(a, copy.data != NULL ? copy : onsite_str(NULL, 0));
    }
}


static void
add_scalar(addition_t *a, const onsite_value_t *value)
{
    if (value->type == ONSITE_STRING) {
        add_text(a, bounded(onsite_value_str(value)));

    } else if (value->type == ONSITE_NUMBER) {
        add_number(a, value->as.number);
    }
}


/* Whether object has the rule's property; adds what it is. */

static bool
add_property(addition_t *a, const onsite_value_t *object)
{
    uint32_t               i;
    const onsite_value_t  *value;

    value = onsite_value_get(object,
                             onsite_image_str(a->image, a->rule->property));

    if (value == NULL || value->type == ONSITE_NULL) {
        return false;
    }

    if (value->type != ONSITE_ARRAY) {
        add_scalar(a, value);
        return true;
    }

    for (i = 0; i < value->len && i < ITEMS_MAX; i++) {
        add_scalar(a, &value->as.items[i]);
    }

    return true;
}


/* The sku, else the product_id, as the slow data is asked for it. */

static onsite_str_t
product_id(const onsite_value_t *product, char *digits)
{
    size_t                 i;
    const onsite_value_t  *id;

    static const onsite_str_t  keys[] = {
        { 3, "sku" }, { 10, "product_id" }
    };

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        id = onsite_value_get(product, keys[i]);

        if (id != NULL && id->type == ONSITE_STRING && id->len != 0) {
            return onsite_value_str(id);
        }

        if (id != NULL && id->type == ONSITE_NUMBER
            && isfinite(id->as.number))
        {
            return onsite_str(digits,
                              onsite_number_to_text(id->as.number, digits));
        }
    }

    return onsite_str(NULL, 0);
}


static void
add_known_product(addition_t *a, const onsite_value_t *product)
{
    char            digits[NUMBER_TEXT];
    onsite_str_t    sku, record;
    onsite_value_t  value;

    if (a->tables == NULL || a->tables->product == NULL) {
        return;
    }

    sku = product_id(product, digits);

    if (sku.len != 0 && a->tables->product(a->tables->data, sku, &record)
        && onsite_value_read_msgpack(a->arena, record, &value) == ONSITE_OK)
    {
        (void) add_property(a, &value);
    }
}


static void
add_product(addition_t *a, const onsite_value_t *product)
{
    if (product->type == ONSITE_OBJECT && !add_property(a, product)) {
        add_known_product(a, product);
    }
}


static void
add_event(addition_t *a, const onsite_value_t *properties)
{
    uint32_t               i;
    const onsite_value_t  *products;

    if (add_property(a, properties)) {
        return;
    }

    products = onsite_value_get(properties, ONSITE_STR("products"));

    if (products == NULL || products->type != ONSITE_ARRAY) {
        add_known_product(a, properties);
        return;
    }

    for (i = 0; i < products->len && i < PRODUCTS_MAX; i++) {
        add_product(a, &products->as.items[i]);
    }
}


/* 0: the rule does not count this event. */

static double
weight_of(const onsite_image_t *image, const onsite_affinity_rule_t *rule,
    onsite_str_t event)
{
    uint32_t                         i;
    const onsite_affinity_weight_t  *weights;

    weights = onsite_image_at(image, rule->weights);

    for (i = 0; i < rule->n_weights; i++) {
        if (onsite_str_eq(onsite_image_str(image, weights[i].event), event)) {
            return weights[i].weight;
        }
    }

    return 0;
}


/* An event from before the moment of the scores has decayed since. */

static double
late(const onsite_affinity_rule_t *rule, const onsite_visitor_t *visitor,
    onsite_ms_t time)
{
    return affinity_decay(rule, (double) visitor->affinity_at - (double) time);
}


void
onsite_affinity_event(const onsite_image_t *image, onsite_arena_t *arena,
    const onsite_tables_t *tables, onsite_visitor_t *visitor,
    const onsite_event_t *event)
{
    uint32_t                       i, n;
    addition_t                     a;
    const onsite_affinity_rule_t  *rules = affinity_rules(image, &n);

    if (n == 0 || !event->live) {
        return;
    }

    a = (addition_t) {
        .image = image, .arena = arena, .tables = tables, .visitor = visitor
    };

    for (i = 0; i < n; i++) {
        a.rule = &rules[i];
        a.weight = weight_of(image, a.rule, event->name);

        if (a.weight > 0) {
            onsite_affinity_forward(image, visitor, event->time);
            a.weight *= late(a.rule, visitor, event->time);

            if (a.weight >= affinity_least(image, a.rule)) {
                add_event(&a, &event->properties);
            }
        }
    }

    if (visitor->n_affinities == 0) {
        visitor->affinity_at = 0;

    } else if (a.added) {
        affinity_sort(visitor->affinities, visitor->n_affinities);
    }
}
