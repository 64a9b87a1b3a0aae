/*
 * onsite_visitor_parse.c - a visitor from JSON.
 */

#include "onsite_visitor_parse_private.h"

#include "onsite_cart.h"

#include <math.h>


static onsite_counter_t *
counter_of(parse_t *p, onsite_str_t name)
{
    onsite_counter_t  *counter;

    counter = (onsite_counter_t *) onsite_visitor_counter(p->v, name);

    if (counter != NULL) {
        return counter;
    }

    if (name.len == 0 || name.len > ONSITE_EVENT_NAME_MAX
        || p->v->n_counters == ONSITE_COUNTERS_MAX)
    {
        parse_refuse(p, "counts", "too many events, or a name too long");
        return NULL;
    }

    counter = &p->v->counters[p->v->n_counters++];
    *counter = (onsite_counter_t) { .name = name };

    return counter;
}


static void
parse_counts(parse_t *p, const onsite_value_t *object, bool session)
{
    double                 n;
    uint32_t               i;
    onsite_counter_t      *counter;
    const onsite_value_t  *counts;

    counts = parse_part(p, object, "counts", ONSITE_OBJECT);

    for (i = 0; counts != NULL && i < counts->len && !p->bad; i++) {
        n = counts->as.members[i].value.type == ONSITE_NUMBER
            ? counts->as.members[i].value.as.number : -1;
        counter = counter_of(p, counts->as.members[i].key);

        if (!(n >= 0 && n <= UINT32_MAX)) {
            parse_refuse(p, "counts", "must be numbers by event name");

        } else if (counter != NULL && session) {
            counter->session = (uint32_t) n;
            counter->total = counter->total > counter->session
                             ? counter->total : counter->session;

        } else if (counter != NULL) {
            counter->total = (uint32_t) n;
        }
    }
}


static void
parse_session(parse_t *p, const onsite_value_t *json)
{
    onsite_session_t      *s = &p->v->session;
    const onsite_value_t  *session;

    session = parse_part(p, json, "session", ONSITE_OBJECT);

    if (session == NULL) {
        return;
    }

    s->last = parse_time(p, session, "last");
    s->start = parse_time(p, session, "start");
    s->pageviews = parse_count(p, session, "pageviews");
    s->events = parse_count(p, session, "events");
    parse_counts(p, session, true);

    if (s->start == 0 && s->last == 0
        && (s->pageviews != 0 || s->events != 0))
    {
        s->start = s->last = p->now;
    }

    s->start = s->start != 0 ? s->start : s->last;
    s->last = s->last != 0 ? s->last : s->start;

    if (s->start != 0 && p->v->visits == 0) {
        p->v->visits = 1;
    }
}


static void
add_line(parse_t *p, onsite_str_t sku, double quantity, double price)
{
    if (p->v->n_cart == ONSITE_CART_LINES_MAX
        || quantity > ONSITE_QUANTITY_MAX)
    {
        parse_refuse(p, "cart", "more than fits");
        return;
    }

    if (quantity >= 1) {
        p->v->cart[p->v->n_cart++] = (onsite_cart_line_t) {
            sku, (uint32_t) quantity, price };
    }
}


static void
parse_cart(parse_t *p, const onsite_value_t *json)
{
    double                 n;
    uint32_t               i;
    const onsite_value_t  *cart, *lines, *line;

    cart = parse_part(p, json, "cart", ONSITE_OBJECT);

    if (cart == NULL) {
        return;
    }

    lines = parse_part(p, cart, "lines", ONSITE_ARRAY);

    if (lines == NULL) {
        n = floor(parse_number(p, cart, "items", ONSITE_QUANTITY_MAX));
        add_line(p, ONSITE_STR("item"), n, n >= 1
                 ? parse_number(p, cart, "value", ONSITE_PRICE_MAX) / n : 0);
        return;
    }

    for (i = 0; i < lines->len && !p->bad; i++) {
        line = &lines->as.items[i];
        n = parse_member(line, "quantity") == NULL ? 1
            : parse_number(p, line, "quantity", ONSITE_QUANTITY_MAX);
        add_line(p, parse_text(p, line, "sku", ONSITE_SKU_MAX), n,
                 parse_number(p, line, "price", ONSITE_PRICE_MAX));
    }
}


/* What a status alone says. */

static void
parse_status(parse_t *p, const onsite_value_t *json)
{
    onsite_str_t             text;
    onsite_visitor_status_t  status;

    text = parse_text(p, json, "status", ONSITE_ID_MAX);

    for (status = ONSITE_VISITOR_NEW; status <= ONSITE_VISITOR_CUSTOMER;
         status++)
    {
        if (onsite_str_eq(text, onsite_visitor_status_text(status))) {
            break;
        }
    }

    if (text.len != 0 && status > ONSITE_VISITOR_CUSTOMER) {
        parse_refuse(p, "status", "must be new, returning, known or customer");
        return;
    }

    if (status == ONSITE_VISITOR_CUSTOMER && p->v->orders == 0
        && text.len != 0)
    {
        p->v->orders = 1;
    }

    if (status == ONSITE_VISITOR_KNOWN && text.len != 0) {
        p->v->identified = true;
    }

    if (status == ONSITE_VISITOR_RETURNING && text.len != 0
        && p->v->visits < 2)
    {
        p->v->visits = 2;
    }
}


static void
check_names(parse_t *p, const onsite_value_t *json)
{
    size_t                  i, k;
    const onsite_str_t     *key;

    static const char *const  names[] = {
        "visitor", "site", "status", "user_id", "verified", "identified",
        "traits", "session_only", "counts", "visits", "orders", "first_seen",
        "last_seen", "session", "cart", "exposures", "origin", "affinities",
        "affinities_at", "journeys", "progress", "pending", "waiting",
        "armed", "timer", "messages"
    };

    for (i = 0; i < json->len; i++) {
        key = &json->as.members[i].key;

        for (k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            if (onsite_str_is(*key, names[k])) {
                break;
            }
        }

        if (k == sizeof(names) / sizeof(names[0]) && !p->bad) {
            p->bad = true;
            (void) onsite_error(p->error, ONSITE_INVALID, "a visitor has no "
                                "\"%.*s\"; `lmdb-loader state` prints what "
                                "one has", (int) (key->len < 64 ? key->len
                                                                : 64),
                                key->data);
        }
    }
}


static void
parse_person(parse_t *p, const onsite_value_t *json)
{
    const onsite_value_t  *traits;

    p->v->user_id = parse_text(p, json, "user_id", ONSITE_USER_ID_MAX);
    p->v->verified = parse_flag(p, json, "verified");
    p->v->identified = p->v->user_id.len != 0
                       || parse_flag(p, json, "identified");
    p->v->session_only = parse_flag(p, json, "session_only");

    if (p->v->verified && p->v->user_id.len == 0) {
        parse_refuse(p, "verified", "who is verified has a \"user_id\"");
    }

    traits = parse_part(p, json, "traits", ONSITE_OBJECT);

    if (traits != NULL) {
        p->v->traits = *traits;
    }
}


onsite_status_t
onsite_visitor_parse(const onsite_value_t *json, const onsite_image_t *image,
    onsite_ms_t now, onsite_visitor_t *visitor, onsite_error_t *error)
{
    parse_t  p = { .image = image, .now = now, .v = visitor,
                   .error = error };

    onsite_visitor_init(visitor);

    if (json->type != ONSITE_OBJECT) {
        return onsite_error(error, ONSITE_INVALID,
                            "a visitor is a JSON object");
    }

    check_names(&p, json);
    parse_person(&p, json);

    visitor->visits = parse_count(&p, json, "visits");
    visitor->orders = parse_count(&p, json, "orders");
    visitor->last_seen = parse_time(&p, json, "last_seen");
    visitor->first_seen = parse_time(&p, json, "first_seen");

    if (visitor->last_seen == 0) {
        visitor->last_seen = now;
    }

    if (visitor->first_seen == 0) {
        visitor->first_seen = visitor->last_seen;
    }

    parse_counts(&p, json, false);
    parse_session(&p, json);
    parse_status(&p, json);
    parse_cart(&p, json);
    parse_exposures(&p, json);
    parse_origin(&p, json);
    parse_affinities(&p, json);
    parse_journeys(&p, json);
    parse_progress(&p, json);
    parse_waiting(&p, json);
    parse_messages(&p, json);
    visitor->wake = parse_time(&p, json, "timer");

    return p.bad ? ONSITE_INVALID : ONSITE_OK;
}
