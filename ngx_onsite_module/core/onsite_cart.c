/*
 * onsite_cart.c - the cart, kept from Segment's ecommerce events.
 */

#include "onsite_cart.h"

#include "onsite_json_scalar.h"

#include <math.h>

/* Of the text of a number; longer is none. */
#define NUMBER_MAX     32

/* Prices of up to 4 decimals are whole ten-thousandths: their sums are exact
 * below 2^53. */
#define PARTS          1e4
#define EXACT_BELOW    9007199254740992.0


/* Room for a product id that came as a number: one that no line uses. */

static char *
free_digits(onsite_visitor_t *v)
{
    uint32_t  i, k;

    for (i = 0; i < ONSITE_CART_LINES_MAX; i++) {
        for (k = 0; k < v->n_cart; k++) {
            if (v->cart[k].sku.data == v->digits[i]) {
                break;
            }
        }

        if (k == v->n_cart) {
            return v->digits[i];
        }
    }

    return NULL;
}


static onsite_str_t
bounded_sku(onsite_str_t sku)
{
    if (sku.len > ONSITE_SKU_MAX) {
        sku.len = ONSITE_SKU_MAX;

        while (sku.len != 0
               && ((unsigned char) sku.data[sku.len] & 0xc0) == 0x80)
        {
            sku.len--;
        }
    }

    return sku;
}


/* The product's sku, else its product_id; a number as its digits, for which
 * digits has room (32 bytes). */

static onsite_str_t
product_sku(const onsite_value_t *product, char *digits)
{
    size_t                 i;
    const onsite_value_t  *value;

    static const onsite_str_t  keys[] = {
        { 3, "sku" }, { 10, "product_id" }
    };

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        value = onsite_value_get(product, keys[i]);

        if (value == NULL) {
            continue;
        }

        if (value->type == ONSITE_STRING && value->len != 0) {
            return bounded_sku(onsite_value_str(value));
        }

        if (value->type == ONSITE_NUMBER && isfinite(value->as.number)) {
            return onsite_str(digits,
                              onsite_number_to_text(value->as.number, digits));
        }
    }

    return onsite_str(NULL, 0);
}


/* A number, or a text that is one as JSON writes it: shops send both. */

static bool
product_number(const onsite_value_t *product, onsite_str_t key, double *n)
{
    char                   text[NUMBER_MAX + 1];
    const onsite_value_t  *value;

    value = onsite_value_get(product, key);

    if (value == NULL) {
        return false;
    }

    if (value->type == ONSITE_NUMBER) {
        *n = value->as.number;
        return true;
    }

    if (value->type != ONSITE_STRING || value->len == 0
        || value->len > NUMBER_MAX
        || onsite_json_number_length(value->as.string, value->len)
           != value->len)
    {
        return false;
    }

    memcpy(text, value->as.string, value->len);
    text[value->len] = '\0';
    *n = onsite_json_number(text, value->len);

    return true;
}


/* 0: malformed, the product is passed over. */

static uint32_t
product_quantity(const onsite_value_t *product)
{
    double  n;

    if (!product_number(product, ONSITE_STR("quantity"), &n)) {
        return 1;
    }

    if (!(n > 0)) {
        return 0;
    }

    return n > ONSITE_QUANTITY_MAX ? ONSITE_QUANTITY_MAX
           : n < 1 ? 1 : (uint32_t) n;
}


/* Whether the product says a price. */

static bool
product_price(const onsite_value_t *product, double *price)
{
    double  n;

    if (!product_number(product, ONSITE_STR("price"), &n) || !(n >= 0)) {
        return false;
    }

    *price = n > ONSITE_PRICE_MAX ? ONSITE_PRICE_MAX : n + 0.0;

    return true;
}


static onsite_cart_line_t *
find_line(onsite_visitor_t *v, onsite_str_t sku)
{
    uint32_t  i;

    for (i = 0; i < v->n_cart; i++) {
        if (onsite_str_eq(v->cart[i].sku, sku)) {
            return &v->cart[i];
        }
    }

    return NULL;
}


static void
remove_line(onsite_visitor_t *v, uint32_t i)
{
    v->n_cart--;
    memmove(&v->cart[i], &v->cart[i + 1],
            (v->n_cart - i) * sizeof(onsite_cart_line_t));
}


/* Found or added (then of quantity 0); when the cart is full the oldest line
 * goes. */

static onsite_cart_line_t *
line_of(onsite_visitor_t *v, onsite_str_t sku)
{
    onsite_cart_line_t  *line = find_line(v, sku);

    if (line != NULL) {
        return line;
    }

    if (v->n_cart == ONSITE_CART_LINES_MAX) {
        remove_line(v, 0);
    }

    line = &v->cart[v->n_cart++];
    line->sku = sku;
    line->quantity = 0;
    line->price = 0;

    return line;
}


static void
add_product(onsite_visitor_t *v, const onsite_value_t *product)
{
    char                 digits[32], *kept;
    double               price;
    uint32_t             quantity;
    onsite_str_t         sku;
    onsite_cart_line_t  *line;

    sku = product_sku(product, digits);
    quantity = product_quantity(product);

    if (sku.len == 0 || quantity == 0) {
        return;
    }

    line = line_of(v, sku);

    if (line->sku.data == digits) {
        kept = free_digits(v);
        memcpy(kept, digits, sku.len);
        line->sku.data = kept;
    }

    line->quantity = line->quantity > ONSITE_QUANTITY_MAX - quantity
                     ? ONSITE_QUANTITY_MAX : line->quantity + quantity;

    if (product_price(product, &price)) {
        line->price = price;
    }
}


static void
remove_product(onsite_visitor_t *v, const onsite_value_t *product)
{
    char                 digits[32];
    uint32_t             quantity;
    onsite_str_t         sku;
    onsite_cart_line_t  *line;

    sku = product_sku(product, digits);
    quantity = product_quantity(product);
    line = sku.len != 0 ? find_line(v, sku) : NULL;

    if (line == NULL) {
        return;
    }

    if (line->quantity > quantity) {
        line->quantity -= quantity;

    } else {
        remove_line(v, (uint32_t) (line - v->cart));
    }
}


void
onsite_cart_change(onsite_visitor_t *v, const onsite_value_t *properties,
    bool add)
{
    uint32_t               i;
    const onsite_value_t  *products;

    void  (*change)(onsite_visitor_t *, const onsite_value_t *)
        = add ? add_product : remove_product;

    products = onsite_value_get(properties, ONSITE_STR("products"));

    if (products == NULL || products->type != ONSITE_ARRAY) {
        change(v, properties);
        return;
    }

    for (i = 0; i < products->len; i++) {
        change(v, &products->as.items[i]);
    }
}


uint32_t
onsite_visitor_cart_items(const onsite_visitor_t *v)
{
    uint32_t  i, items;

    for (i = 0, items = 0; i < v->n_cart; i++) {
        items += v->cart[i].quantity;
    }

    return items;
}


static double
whole_parts(double amount)
{
    return floor(amount * PARTS + 0.5);
}


double
onsite_visitor_cart_value(const onsite_visitor_t *v)
{
    bool                       exact = true;
    double                     value = 0, parts = 0, price;
    uint32_t                   i;
    const onsite_cart_line_t  *line;

    for (i = 0; i < v->n_cart; i++) {
        line = &v->cart[i];
        price = whole_parts(line->price);

        exact = exact && price / PARTS == line->price;
        parts += line->quantity * price;
        value += line->quantity * line->price;
    }

    if (exact && parts < EXACT_BELOW) {
        return parts / PARTS;
    }

    parts = whole_parts(value);

    return parts < EXACT_BELOW ? parts / PARTS : value;
}
