/*
 * onsite_attribute_tables.c - profile, product, recommended and cart.products
 * from the tables of a snapshot.
 */

#include "onsite_attribute_tables.h"

#define LOOKED_AT_MAX  64               /* skus of profile.recommended     */
#define CART_MEMBERS    3               /* that a line of the cart adds    */

static const onsite_value_t  absent = { .type = ONSITE_ABSENT };


static bool
has_customer(const onsite_context_t *context)
{
    return context->tables != NULL && context->customer.len != 0;
}


static bool
find_profile(onsite_context_t *context, onsite_str_t *record)
{
    onsite_slow_t          *slow = &context->slow;
    const onsite_tables_t  *tables = context->tables;

    if (!slow->profile_known && has_customer(context)) {
        if (!tables->profile(tables->data, context->customer,
                             &slow->profile))
        {
            slow->profile = onsite_str(NULL, 0);
        }

        slow->profile_known = true;
    }

    *record = slow->profile;

    return record->data != NULL;
}


bool
onsite_customer_lists(onsite_context_t *context, onsite_str_t *record)
{
    onsite_slow_t          *slow = &context->slow;
    const onsite_tables_t  *tables = context->tables;

    if (!slow->lists_known && has_customer(context)) {
        if (!tables->lists(tables->data, context->customer, &slow->lists)) {
            slow->lists = onsite_str(NULL, 0);
        }

        slow->lists_known = true;
    }

    *record = slow->lists;

    return record->data != NULL;
}


static onsite_value_t
age_of(const onsite_context_t *context, onsite_str_t profile)
{
    double              age;
    onsite_value_t      updated;
    const onsite_str_t  key = ONSITE_STR("updated");

    updated = onsite_record_value(context->arena, profile, &key, 1);
    age = ((double) context->now
           - (updated.type == ONSITE_NUMBER ? updated.as.number
                                            : (double) context->tables->built))
          / ONSITE_SECOND;

    return onsite_value_number(age > 0 ? age : 0);
}


onsite_value_t
onsite_profile_value(onsite_context_t *context, const onsite_str_t *keys,
    size_t n_keys)
{
    onsite_str_t  profile;

    if (!find_profile(context, &profile)) {
        return absent;
    }

    if (n_keys == 1 && onsite_str_eq(keys[0], ONSITE_STR("age_seconds"))) {
        return age_of(context, profile);
    }

    return onsite_record_value(context->arena, profile, keys, n_keys);
}


/* A sku as events and profiles write it: a text, or a number. */

static onsite_str_t
sku_text(onsite_arena_t *arena, const onsite_value_t *value)
{
    char    text[32];
    size_t  len;

    if (value != NULL && value->type == ONSITE_STRING) {
        return onsite_value_str(value);
    }

    if (value == NULL || value->type != ONSITE_NUMBER) {
        return onsite_str(NULL, 0);
    }

    len = onsite_number_to_text(value->as.number, text);

    return onsite_arena_copy(arena, onsite_str(text, len));
}


static bool
find_sku(const onsite_context_t *context, onsite_str_t sku,
    onsite_str_t *record)
{
    const onsite_tables_t  *tables = context->tables;

    return tables != NULL && sku.len != 0
           && tables->product(tables->data, sku, record);
}


/* The product of the event: by its sku, else by its product_id. */

static bool
find_product(onsite_context_t *context, onsite_str_t *record)
{
    size_t                 i;
    onsite_slow_t         *slow = &context->slow;
    const onsite_value_t  *properties;

    static const onsite_str_t  names[] = {
        ONSITE_STR("sku"), ONSITE_STR("product_id")
    };

    if (context->event == NULL || context->tables == NULL) {
        return false;
    }

    if (slow->product_of != context->event
        || slow->product_stamp != context->stamp)
    {
        properties = &context->event->properties;
        slow->product = onsite_str(NULL, 0);
        slow->product_of = context->event;
        slow->product_stamp = context->stamp;

        for (i = 0; i < 2 && slow->product.data == NULL; i++) {
            if (!find_sku(context,
                          sku_text(context->arena,
                                   onsite_value_get(properties, names[i])),
                          &slow->product))
            {
                slow->product = onsite_str(NULL, 0);
            }
        }
    }

    *record = slow->product;

    return record->data != NULL;
}


onsite_value_t
onsite_product_value(onsite_context_t *context, const onsite_str_t *keys,
    size_t n_keys)
{
    onsite_str_t  product;

    return find_product(context, &product)
           ? onsite_record_value(context->arena, product, keys, n_keys)
           : absent;
}


/* One that has no stock in the table may be had. */

static bool
is_in_stock(const onsite_value_t *product)
{
    const onsite_value_t  *stock;

    stock = onsite_value_get(product, ONSITE_STR("stock"));

    return stock == NULL
           || ((stock->type != ONSITE_NUMBER || stock->as.number > 0)
               && (stock->type != ONSITE_BOOL || stock->as.boolean));
}


static onsite_value_t
join_recommended(onsite_context_t *context, const onsite_value_t *skus,
    uint32_t n_skus)
{
    uint32_t         i, n = 0;
    onsite_str_t     record;
    onsite_value_t  *items;

    items = onsite_arena_alloc(context->arena,
                               ONSITE_RECOMMENDED_MAX * sizeof(*items));
    if (items == NULL) {
        return absent;
    }

    for (i = 0; i < n_skus && i < LOOKED_AT_MAX
                && n < ONSITE_RECOMMENDED_MAX; i++)
    {
        if (!find_sku(context, sku_text(context->arena, &skus[i]), &record)) {
            continue;
        }

        items[n] = onsite_record_value(context->arena, record, NULL, 0);
        n += items[n].type == ONSITE_OBJECT && is_in_stock(&items[n]);
    }

    return (onsite_value_t) { .type = ONSITE_ARRAY, .len = n,
                              .as.items = items };
}


onsite_value_t
onsite_recommended(onsite_context_t *context)
{
    onsite_str_t        profile;
    onsite_slow_t      *slow = &context->slow;
    onsite_value_t     *skus;
    const onsite_str_t  key = ONSITE_STR("recommended");

    if (slow->recommended_known || !find_profile(context, &profile)) {
        return slow->recommended;
    }

    slow->recommended_known = true;
    skus = onsite_arena_alloc(context->arena, sizeof(onsite_value_t));

    if (skus != NULL) {
        *skus = onsite_record_value(context->arena, profile, &key, 1);
        slow->recommended = skus->type == ONSITE_ARRAY
                            ? join_recommended(context, skus->as.items,
                                               skus->len)
                            : join_recommended(context, skus, 1);
    }

    return slow->recommended;
}


static void
set_member(onsite_value_t *object, onsite_member_t *members, onsite_str_t key,
    onsite_value_t value)
{
    uint32_t  i;

    for (i = 0; i < object->len; i++) {
        if (onsite_str_eq(members[i].key, key)) {
            members[i].value = value;
            return;
        }
    }

    members[object->len++] = (onsite_member_t) { key, value };
}


/* What is known of the product; its price here, where the table has none, is
 * the one it was put into the cart for. */

static bool
join_line(onsite_context_t *context, const onsite_cart_line_t *line,
    onsite_value_t *item)
{
    bool              priced;
    onsite_str_t      record;
    onsite_value_t    known = absent;
    onsite_member_t  *members;

    if (find_sku(context, line->sku, &record)) {
        known = onsite_record_value(context->arena, record, NULL, 0);
    }

    if (known.type != ONSITE_OBJECT) {
        known = (onsite_value_t) { .type = ONSITE_OBJECT };
    }

    members = onsite_arena_alloc(context->arena,
                                 ((size_t) known.len + CART_MEMBERS)
                                 * sizeof(*members));
    if (members == NULL) {
        return false;
    }

    priced = onsite_value_get(&known, ONSITE_STR("price")) != NULL;

    if (known.len != 0) {
        memcpy(members, known.as.members, known.len * sizeof(*members));
    }

    *item = known;
    item->as.members = members;

    set_member(item, members, ONSITE_STR("sku"),
               onsite_value_string(line->sku));
    set_member(item, members, ONSITE_STR("quantity"),
               onsite_value_number(line->quantity));

    if (!priced) {
        set_member(item, members, ONSITE_STR("price"),
                   onsite_value_number(line->price));
    }

    return true;
}


onsite_value_t
onsite_cart_products(onsite_context_t *context)
{
    uint32_t                 i;
    onsite_value_t          *items;
    const onsite_visitor_t  *v = context->visitor;

    items = onsite_arena_alloc(context->arena,
                               ((size_t) v->n_cart + 1) * sizeof(*items));
    if (items == NULL) {
        return absent;
    }

    for (i = 0; i < v->n_cart; i++) {
        if (!join_line(context, &v->cart[i], &items[i])) {
            return absent;
        }
    }

    return (onsite_value_t) { .type = ONSITE_ARRAY, .len = v->n_cart,
                              .as.items = items };
}
