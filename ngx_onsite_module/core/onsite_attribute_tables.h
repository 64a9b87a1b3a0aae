/*
 * onsite_attribute_tables.h - the roots that slow data fills, for
 * onsite_attribute_roots.c.  What each needs is looked up once a context.
 */

#ifndef ONSITE_ATTRIBUTE_TABLES_H
#define ONSITE_ATTRIBUTE_TABLES_H

#include "onsite_attribute.h"

/* profile.<name>...; profile.age_seconds; no key: all of it. */
onsite_value_t onsite_profile_value(onsite_context_t *context,
    const onsite_str_t *keys, size_t n_keys);

/* product.<field>... of the event's sku; no key: all of it. */
onsite_value_t onsite_product_value(onsite_context_t *context,
    const onsite_str_t *keys, size_t n_keys);

/* The products of profile.recommended that are known and not out of stock,
 * ONSITE_RECOMMENDED_MAX at most, in its order. */
onsite_value_t onsite_recommended(onsite_context_t *context);

/* The lines of the cart, each with what is known of its product. */
onsite_value_t onsite_cart_products(onsite_context_t *context);

/* The record of the lists that the customer is on. */
bool onsite_customer_lists(onsite_context_t *context, onsite_str_t *record);

#endif
