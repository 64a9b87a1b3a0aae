/*
 * onsite_cart.h - the cart of a visitor: what onsite_visitor.c does to it.
 */

#ifndef ONSITE_CART_H
#define ONSITE_CART_H

#include "onsite_visitor.h"

/* Bounds of one line: 32 lines of both stay far from overflow. */
#define ONSITE_QUANTITY_MAX  1000000u
#define ONSITE_PRICE_MAX     1e12

/*
 * Product Added (add) or Product Removed: properties describe one product, or
 * several in `products`.  A product is named by sku, else product_id (string
 * or number).  quantity is 1 and price unchanged (0 in a new line) when not a
 * number, nor a text of one as JSON writes it; a fraction is cut, one below 1
 * counts as 1.  A product without a name, or with a quantity that is not
 * positive, is passed over.
 */
void onsite_cart_change(onsite_visitor_t *v,
    const onsite_value_t *properties, bool add);

#endif
