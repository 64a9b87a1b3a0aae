/*
 * onsite_visitor_parse.c - a visitor from JSON.
 */

#include "onsite_visitor_parse.h"

#include "onsite_affinity.h"
#include "onsite_bucket.h"
#include "onsite_cart.h"
#include "onsite_machine.h"

#include <math.h>

#define NAMES_MAX    256
#define HASH_DIGITS  8

typedef struct {
    const onsite_image_t  *image;       /* NULL: none                      */
    onsite_ms_t            now;
    onsite_visitor_t      *v;
    onsite_error_t        *error;
    bool                   bad;
} parse_t;


static void
refuse(parse_t *p, const char *name, const char *what)
{
    if (!p->bad) {
        (void) onsite_error(p->error, ONSITE_INVALID, "%s: %s", name, what);
    }

    p->bad = true;
}


/* A member that is there and not null. */

static const onsite_value_t *
member(const onsite_value_t *object, const char *name)
{
    const onsite_value_t  *value;

    value = onsite_value_get(object, onsite_str(name, strlen(name)));

    return value != NULL && value->type != ONSITE_NULL ? value : NULL;
}


static double
read_number(parse_t *p, const onsite_value_t *object, const char *name,
    double max)
{
    const onsite_value_t  *value = member(object, name);

    if (value == NULL) {
        return 0;
    }

    if (value->type != ONSITE_NUMBER || !(value->as.number >= 0)
        || value->as.number > max)
    {
        refuse(p, name, "must be a number, not negative and not too large");
        return 0;
    }

    return value->as.number;
}


static uint32_t
read_count(parse_t *p, const onsite_value_t *object, const char *name)
{
    return (uint32_t) read_number(p, object, name, UINT32_MAX);
}


static bool
read_flag(parse_t *p, const onsite_value_t *object, const char *name)
{
    const onsite_value_t  *value = member(object, name);

    if (value != NULL && value->type != ONSITE_BOOL) {
        refuse(p, name, "must be true or false");
        return false;
    }

    return value != NULL && value->as.boolean;
}


static onsite_str_t
read_text(parse_t *p, const onsite_value_t *object, const char *name,
    size_t max)
{
    const onsite_value_t  *value = member(object, name);

    if (value == NULL) {
        return onsite_str(NULL, 0);
    }

    if (value->type != ONSITE_STRING || value->len > max) {
        refuse(p, name, "must be a text, and not too long");
        return onsite_str(NULL, 0);
    }

    return onsite_value_str(value);
}


static onsite_ms_t
read_time(parse_t *p, const onsite_value_t *object, const char *name)
{
    onsite_ms_t            time;
    const onsite_value_t  *value = member(object, name);

    if (value == NULL) {
        return 0;
    }

    if (onsite_time_read(value, &time) != ONSITE_OK) {
        refuse(p, name, "must be a time such as 2026-01-31T08:00:00Z");
        return 0;
    }

    return time;
}


/* NULL when it is not there; refused when it is another type. */

static const onsite_value_t *
read_part(parse_t *p, const onsite_value_t *object, const char *name,
    onsite_type_t type)
{
    const onsite_value_t  *value = member(object, name);

    if (value != NULL && value->type != type) {
        refuse(p, name, type == ONSITE_ARRAY ? "must be a list"
                        : "must be an object");
        return NULL;
    }

    return value;
}


static bool
is_hash(onsite_str_t text, uint32_t *hash)
{
    char    c;
    size_t  i;

    if (text.len != HASH_DIGITS) {
        return false;
    }

    for (i = 0, *hash = 0; i < HASH_DIGITS; i++) {
        c = text.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }

        *hash = *hash << 4 | (uint32_t) (c <= '9' ? c - '0' : c - 'a' + 10);
    }

    return true;
}


/* A name of 8 hex digits is a name where the image has it. */

static uint32_t
campaign_hash(const parse_t *p, onsite_str_t id)
{
    uint32_t  hash;

    if (!is_hash(id, &hash)
        || (p->image != NULL
            && onsite_campaign_find(p->image, onsite_fnv32a(id)) != NULL))
    {
        hash = onsite_fnv32a(id);
    }

    return hash;
}


static uint32_t
attribute_hash(onsite_str_t name)
{
    uint32_t  hash;

    return is_hash(name, &hash) ? hash : onsite_affinity_hash(name);
}


static uint32_t
machine_hash(onsite_machine_kind_t kind, onsite_str_t id)
{
    uint32_t  hash;

    return is_hash(id, &hash) ? hash : onsite_machine_hash(kind, id);
}


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
        refuse(p, "counts", "too many events, or a name too long");
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

    counts = read_part(p, object, "counts", ONSITE_OBJECT);

    for (i = 0; counts != NULL && i < counts->len && !p->bad; i++) {
        n = counts->as.members[i].value.type == ONSITE_NUMBER
            ? counts->as.members[i].value.as.number : -1;
        counter = counter_of(p, counts->as.members[i].key);

        if (!(n >= 0 && n <= UINT32_MAX)) {
            refuse(p, "counts", "must be numbers by event name");

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

    session = read_part(p, json, "session", ONSITE_OBJECT);

    if (session == NULL) {
        return;
    }

    s->last = read_time(p, session, "last");
    s->start = read_time(p, session, "start");
    s->pageviews = read_count(p, session, "pageviews");
    s->events = read_count(p, session, "events");
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
        refuse(p, "cart", "more than fits");
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

    cart = read_part(p, json, "cart", ONSITE_OBJECT);

    if (cart == NULL) {
        return;
    }

    lines = read_part(p, cart, "lines", ONSITE_ARRAY);

    if (lines == NULL) {
        n = floor(read_number(p, cart, "items", ONSITE_QUANTITY_MAX));
        add_line(p, ONSITE_STR("item"), n, n >= 1
                 ? read_number(p, cart, "value", ONSITE_PRICE_MAX) / n : 0);
        return;
    }

    for (i = 0; i < lines->len && !p->bad; i++) {
        line = &lines->as.items[i];
        n = member(line, "quantity") == NULL ? 1
            : read_number(p, line, "quantity", ONSITE_QUANTITY_MAX);
        add_line(p, read_text(p, line, "sku", ONSITE_SKU_MAX), n,
                 read_number(p, line, "price", ONSITE_PRICE_MAX));
    }
}


static void
parse_exposure(parse_t *p, const onsite_value_t *from)
{
    onsite_str_t        id;
    onsite_exposure_t  *e;

    id = read_text(p, from, "campaign", ONSITE_CAMPAIGN_ID_MAX);

    if (id.len == 0) {
        refuse(p, "exposures", "each needs its \"campaign\"");
        return;
    }

    e = onsite_visitor_exposure_add(p->v, campaign_hash(p, id));
    e->total = read_count(p, from, "shown");
    e->last = read_time(p, from, "last");

    if (e->total != 0 && e->last == 0) {
        e->last = p->v->last_seen;
    }

    e->window = member(from, "window") != NULL
                ? read_count(p, from, "window") : e->total;
    e->session = member(from, "session") != NULL
                 ? read_count(p, from, "session")
                 : e->last != 0 && e->last >= p->v->session.start
                   ? p->v->visits : 0;
    e->variant = (uint8_t) read_number(p, from, "variant",
                                       ONSITE_VARIANTS_MAX);
    e->variant_hash = read_count(p, from, "variant_hash");
    e->holdout = read_flag(p, from, "holdout");
    e->happened = (uint8_t)
        ((read_flag(p, from, "clicked") ? ONSITE_STOP_CLICKED : 0)
         | (read_flag(p, from, "dismissed") ? ONSITE_STOP_DISMISSED : 0)
         | (read_flag(p, from, "goal") ? ONSITE_STOP_GOAL : 0));
}


static void
parse_exposures(parse_t *p, const onsite_value_t *json)
{
    uint32_t               i;
    const onsite_value_t  *list;

    list = read_part(p, json, "exposures", ONSITE_ARRAY);

    for (i = 0; list != NULL && i < list->len && !p->bad; i++) {
        parse_exposure(p, &list->as.items[i]);
    }
}


static void
parse_touch(parse_t *p, const onsite_value_t *from, onsite_touch_t *touch)
{
    touch->time = read_time(p, from, "time");
    touch->time = touch->time != 0 ? touch->time : p->v->last_seen;
    touch->source = read_text(p, from, "source", ONSITE_TOUCH_TEXT_MAX);
    touch->medium = read_text(p, from, "medium", ONSITE_TOUCH_TEXT_MAX);
    touch->campaign = read_text(p, from, "campaign", ONSITE_TOUCH_TEXT_MAX);
    touch->referrer = read_text(p, from, "referrer", ONSITE_TOUCH_TEXT_MAX);
    touch->click = read_text(p, from, "click", ONSITE_TOUCH_TEXT_MAX);
}


static void
parse_origin(parse_t *p, const onsite_value_t *json)
{
    uint32_t               i;
    const onsite_value_t  *origin, *part;

    origin = read_part(p, json, "origin", ONSITE_OBJECT);

    if (origin == NULL) {
        return;
    }

    part = read_part(p, origin, "first", ONSITE_OBJECT);

    if (part != NULL) {
        parse_touch(p, part, &p->v->first_touch);
    }

    part = read_part(p, origin, "touches", ONSITE_ARRAY);

    for (i = 0; part != NULL && i < part->len && !p->bad; i++) {
        if (p->v->n_touches == ONSITE_TOUCHES_MAX) {
            refuse(p, "touches", "more than fits");

        } else {
            parse_touch(p, &part->as.items[i],
                        &p->v->touches[p->v->n_touches++]);
        }
    }

    part = read_part(p, origin, "last", ONSITE_OBJECT);

    if (part != NULL && p->v->n_touches == 0) {
        parse_touch(p, part, &p->v->touches[p->v->n_touches++]);
    }
}


static void
add_affinity(parse_t *p, onsite_str_t attribute, onsite_str_t value,
    double score)
{
    if (attribute.len == 0 || value.len > ONSITE_AFFINITY_VALUE_MAX
        || !(score > 0 && score < 1e30)
        || p->v->n_affinities == ONSITE_AFFINITIES_MAX)
    {
        refuse(p, "affinities", "each needs its attribute, its value and a "
               "score above 0; there may be 32");
        return;
    }

    p->v->affinities[p->v->n_affinities++] = (onsite_affinity_t) {
        attribute_hash(attribute), (float) score, value };
}


static void
parse_affinities(parse_t *p, const onsite_value_t *json)
{
    uint32_t                i, k;
    const onsite_value_t   *all = member(json, "affinities"), *of;
    const onsite_member_t  *m;

    if (all == NULL) {
        return;
    }

    p->v->affinity_at = read_time(p, json, "affinities_at");

    if (p->v->affinity_at == 0) {
        p->v->affinity_at = p->v->last_seen;
    }

    if (all->type == ONSITE_ARRAY) {
        for (i = 0; i < all->len && !p->bad; i++) {
            of = &all->as.items[i];
            add_affinity(p, read_text(p, of, "attribute", ONSITE_ID_MAX),
                         read_text(p, of, "value", ONSITE_AFFINITY_VALUE_MAX),
                         read_number(p, of, "score", 1e30));
        }

        return;
    }

    if (all->type != ONSITE_OBJECT) {
        refuse(p, "affinities", "must be a list, or scores by attribute and "
               "value");
        return;
    }

    for (i = 0; i < all->len; i++) {
        of = &all->as.members[i].value;

        for (k = 0; of->type == ONSITE_OBJECT && k < of->len && !p->bad; k++)
        {
            m = &of->as.members[k];
            add_affinity(p, all->as.members[i].key, m->key,
                         m->value.type == ONSITE_NUMBER ? m->value.as.number
                                                        : 0);
        }
    }
}


static void
add_standing(parse_t *p, onsite_str_t journey, onsite_str_t state,
    onsite_ms_t since)
{
    uint32_t  hash;

    if (journey.len == 0 || state.len == 0
        || p->v->n_standings == ONSITE_STANDINGS_MAX)
    {
        refuse(p, "journeys", "each needs its journey and its state; there "
               "may be 64");
        return;
    }

    if (!is_hash(state, &hash)) {
        hash = onsite_fnv32a(state);
    }

    p->v->standings[p->v->n_standings++] = (onsite_standing_t) {
        machine_hash(ONSITE_MACHINE_JOURNEY, journey), hash,
        since != 0 ? since : p->v->last_seen };
}


/* ", a, b": what there is, as long as it fits. */

static void
list_name(char *names, size_t *len, onsite_str_t name)
{
    if (name.len + 3 > NAMES_MAX - *len) {
        return;
    }

    if (*len != 0) {
        memcpy(names + *len, ", ", 2);
        *len += 2;
    }

    memcpy(names + *len, name.data, name.len);
    *len += name.len;
}


static void
refuse_name(parse_t *p, const char *what, onsite_str_t name,
    const char *names, size_t len)
{
    p->bad = true;
    (void) onsite_error(p->error, ONSITE_INVALID, "journeys: there is no %s "
                        "\"%.*s\"; there %s %.*s", what,
                        (int) (name.len < 64 ? name.len : 64), name.data,
                        len != 0 ? "are" : "is", len != 0 ? (int) len : 4,
                        len != 0 ? names : "none");
}


static void
refuse_journey(parse_t *p, onsite_str_t id)
{
    char                     names[NAMES_MAX];
    size_t                   len = 0;
    uint32_t                 i;
    const onsite_machine_t  *machines;

    machines = onsite_image_at(p->image,
                               onsite_image_header(p->image)->machines);

    for (i = 0; i < onsite_image_header(p->image)->n_machines; i++) {
        if (machines[i].kind == ONSITE_MACHINE_JOURNEY) {
            list_name(names, &len, onsite_image_str(p->image,
                                                    machines[i].id));
        }
    }

    refuse_name(p, "journey", id, names, len);
}


/* What a person types has to be there; what was printed may be of other
 * campaigns than these. */

static void
check_typed(parse_t *p, onsite_str_t id, onsite_str_t state)
{
    char                           names[NAMES_MAX];
    size_t                         len = 0;
    uint32_t                       i, hash;
    const onsite_machine_t        *machine;
    const onsite_machine_state_t  *states;

    if (p->image == NULL || p->bad || is_hash(id, &hash)
        || is_hash(state, &hash))
    {
        return;
    }

    machine = onsite_machine_find(p->image, machine_hash(
                                      ONSITE_MACHINE_JOURNEY, id));

    if (machine == NULL) {
        refuse_journey(p, id);
        return;
    }

    states = onsite_image_at(p->image, machine->states);

    for (i = 0; i < machine->n_states; i++) {
        if (onsite_str_eq(onsite_image_str(p->image, states[i].name), state)) {
            return;
        }

        list_name(names, &len, onsite_image_str(p->image, states[i].name));
    }

    refuse_name(p, "state", state, names, len);
}


/* A trigger that waits for inactivity. */

static void
add_armed(parse_t *p, onsite_str_t campaign, onsite_ms_t since)
{
    if (campaign.len == 0 || p->v->n_standings == ONSITE_STANDINGS_MAX) {
        refuse(p, "journeys", "what is armed needs its campaign; there may "
               "be 64");
        return;
    }

    p->v->standings[p->v->n_standings++] = (onsite_standing_t) {
        machine_hash(ONSITE_MACHINE_INACTIVE, campaign), ONSITE_STATE_ARMED,
        since != 0 ? since : p->v->last_seen };
}


static void
parse_journeys(parse_t *p, const onsite_value_t *json)
{
    uint32_t               i;
    onsite_str_t           state;
    const onsite_value_t  *all = member(json, "journeys"), *one;

    if (all == NULL) {
        return;
    }

    if (all->type != ONSITE_ARRAY && all->type != ONSITE_OBJECT) {
        refuse(p, "journeys", "must be a list, or states by journey");
        return;
    }

    for (i = 0; i < all->len && !p->bad; i++) {
        if (all->type == ONSITE_OBJECT) {
            one = &all->as.members[i].value;
            state = one->type == ONSITE_STRING ? onsite_value_str(one)
                                               : onsite_str(NULL, 0);
            add_standing(p, all->as.members[i].key, state, 0);
            check_typed(p, all->as.members[i].key, state);
            continue;
        }

        one = &all->as.items[i];

        if (member(one, "armed") != NULL) {
            add_armed(p, read_text(p, one, "campaign", ONSITE_ID_MAX),
                      read_time(p, one, "armed"));
            continue;
        }

        add_standing(p, read_text(p, one, "journey", ONSITE_ID_MAX),
                     read_text(p, one, "state", ONSITE_ID_MAX),
                     read_time(p, one, "since"));
    }
}


static void
parse_progress(parse_t *p, const onsite_value_t *json)
{
    uint32_t               i, k;
    onsite_ms_t            time;
    onsite_progress_t     *to;
    const onsite_value_t  *list, *times, *from;

    list = read_part(p, json, "progress", ONSITE_ARRAY);

    for (i = 0; list != NULL && i < list->len && !p->bad; i++) {
        from = &list->as.items[i];
        times = read_part(p, from, "times", ONSITE_ARRAY);
        to = &p->v->progress[p->v->n_progress];

        if (times == NULL || times->len > ONSITE_PROGRESS_TIMES_MAX
            || p->v->n_progress == ONSITE_PROGRESS_MAX
            || !is_hash(read_text(p, from, "trigger", HASH_DIGITS),
                        &to->trigger))
        {
            refuse(p, "progress", "each needs its trigger's hash and times");
            return;
        }

        to->session = read_count(p, from, "session");
        to->starts = read_flag(p, from, "sequence");
        to->n = (uint8_t) times->len;
        p->v->n_progress++;

        for (k = 0; k < times->len; k++) {
            to->times[k] = onsite_time_read(&times->as.items[k], &time)
                           == ONSITE_OK ? time : 0;
        }
    }
}


/* Up to max entries of the list called name. */

static void
parse_fired(parse_t *p, const onsite_value_t *json, const char *name,
    onsite_pending_t *entries, uint32_t max, uint32_t *n)
{
    uint32_t               i;
    onsite_str_t           id;
    onsite_pending_t      *to;
    const onsite_value_t  *list, *from, *properties;

    list = read_part(p, json, name, ONSITE_ARRAY);

    for (i = 0; list != NULL && i < list->len && !p->bad; i++) {
        from = &list->as.items[i];
        id = read_text(p, from, "campaign", ONSITE_CAMPAIGN_ID_MAX);
        properties = read_part(p, from, "properties", ONSITE_OBJECT);

        if (id.len == 0 || *n == max) {
            refuse(p, name, max == ONSITE_PENDING_MAX
                            ? "each needs its \"campaign\"; there may be 4"
                            : "each needs its \"campaign\"; there may be 8");
            return;
        }

        to = &entries[(*n)++];
        to->campaign = campaign_hash(p, id);
        to->fired = read_time(p, from, "fired");
        to->waits = read_flag(p, from, "waits");
        to->event = read_text(p, from, "event", ONSITE_EVENT_NAME_MAX);
        to->properties = properties != NULL ? *properties
                         : (onsite_value_t) { .type = ONSITE_OBJECT };
    }
}


static void
parse_waiting(parse_t *p, const onsite_value_t *json)
{
    parse_fired(p, json, "waiting", p->v->pending, ONSITE_PENDING_MAX,
                &p->v->n_pending);
    parse_fired(p, json, "armed", p->v->armed, ONSITE_ARMED_MAX,
                &p->v->n_armed);
}


static void
parse_messages(parse_t *p, const onsite_value_t *json)
{
    uint32_t               i, hash;
    const onsite_value_t  *list;

    list = read_part(p, json, "messages", ONSITE_ARRAY);

    for (i = 0; list != NULL && i < list->len && !p->bad; i++) {
        if (list->as.items[i].type != ONSITE_STRING
            || !is_hash(onsite_value_str(&list->as.items[i]), &hash)
            || p->v->n_messages == ONSITE_MESSAGES_MAX)
        {
            refuse(p, "messages", "must be up to 16 hashes");

        } else {
            p->v->messages[p->v->n_messages++] = hash;
        }
    }
}


/* What a status alone says. */

static void
parse_status(parse_t *p, const onsite_value_t *json)
{
    onsite_str_t             text;
    onsite_visitor_status_t  status;

    text = read_text(p, json, "status", ONSITE_ID_MAX);

    for (status = ONSITE_VISITOR_NEW; status <= ONSITE_VISITOR_CUSTOMER;
         status++)
    {
        if (onsite_str_eq(text, onsite_visitor_status_text(status))) {
            break;
        }
    }

    if (text.len != 0 && status > ONSITE_VISITOR_CUSTOMER) {
        refuse(p, "status", "must be new, returning, known or customer");
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
            if (key->len == strlen(names[k])
                && memcmp(key->data, names[k], key->len) == 0)
            {
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

    p->v->user_id = read_text(p, json, "user_id", ONSITE_USER_ID_MAX);
    p->v->verified = read_flag(p, json, "verified");
    p->v->identified = p->v->user_id.len != 0
                       || read_flag(p, json, "identified");
    p->v->session_only = read_flag(p, json, "session_only");

    if (p->v->verified && p->v->user_id.len == 0) {
        refuse(p, "verified", "who is verified has a \"user_id\"");
    }

    traits = read_part(p, json, "traits", ONSITE_OBJECT);

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

    visitor->visits = read_count(&p, json, "visits");
    visitor->orders = read_count(&p, json, "orders");
    visitor->last_seen = read_time(&p, json, "last_seen");
    visitor->first_seen = read_time(&p, json, "first_seen");

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
    visitor->wake = read_time(&p, json, "timer");

    return p.bad ? ONSITE_INVALID : ONSITE_OK;
}
