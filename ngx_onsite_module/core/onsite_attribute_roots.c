/*
 * onsite_attribute_roots.c - the values behind attribute paths.
 */

#include "onsite_attribute_interest.h"
#include "onsite_attribute_tables.h"
#include "onsite_machine.h"
#include "onsite_segment.h"

#include <stdio.h>

static const onsite_value_t  absent = { .type = ONSITE_ABSENT };


/* "0" … "4294967294", as JavaScript writes an index; else UINT32_MAX. */

static uint32_t
array_index(onsite_str_t key)
{
    size_t    i;
    uint64_t  n;

    if (key.len == 0 || key.len > 10 || (key.len > 1 && key.data[0] == '0')) {
        return UINT32_MAX;
    }

    for (i = 0, n = 0; i < key.len; i++) {
        if (key.data[i] < '0' || key.data[i] > '9') {
            return UINT32_MAX;
        }

        n = n * 10 + (uint64_t) (key.data[i] - '0');
    }

    return n < UINT32_MAX ? (uint32_t) n : UINT32_MAX;
}


/* GrowthBook's getPath: own members, and what `in` finds in an array. */

static onsite_value_t
walk(const onsite_value_t *value, const onsite_str_t *keys, size_t n_keys)
{
    size_t    i;
    uint32_t  index;

    for (i = 0; i < n_keys && value != NULL; i++) {

        if (value->type != ONSITE_ARRAY) {
            value = onsite_value_get(value, keys[i]);
            continue;
        }

        if (onsite_str_eq(keys[i], ONSITE_STR("length"))) {
            return i + 1 == n_keys ? onsite_value_number(value->len) : absent;
        }

        index = array_index(keys[i]);
        value = index < value->len ? &value->as.items[index] : NULL;
    }

    return value != NULL ? *value : absent;
}


/* A fact that the request does not have is absent, not an empty text. */

static onsite_value_t
text(onsite_str_t s)
{
    return s.data != NULL ? onsite_value_string(s) : absent;
}


/* As empty as not given. */

static onsite_value_t
given(onsite_str_t s)
{
    return s.len != 0 ? onsite_value_string(s) : absent;
}


static onsite_value_t
moment(onsite_ms_t time)
{
    return time != 0 ? onsite_value_number((double) time) : absent;
}


static onsite_str_t
event_type_text(onsite_event_type_t type)
{
    switch (type) {

    case ONSITE_TRACK:
        return ONSITE_STR("track");

    case ONSITE_PAGE:
        return ONSITE_STR("page");

    case ONSITE_SCREEN:
        return ONSITE_STR("screen");

    case ONSITE_IDENTIFY:
        return ONSITE_STR("identify");

    case ONSITE_GROUP:
        return ONSITE_STR("group");

    case ONSITE_ALIAS:
        return ONSITE_STR("alias");
    }

    return onsite_str(NULL, 0);
}


static onsite_value_t
event_value(const onsite_event_t *event, const onsite_str_t *keys,
    size_t n_keys)
{
    if (onsite_str_is(keys[0], "properties")) {
        return walk(&event->properties, keys + 1, n_keys - 1);
    }

    if (onsite_str_is(keys[0], "traits")) {
        return walk(&event->traits, keys + 1, n_keys - 1);
    }

    if (onsite_str_is(keys[0], "context")) {
        return walk(&event->context, keys + 1, n_keys - 1);
    }

    if (n_keys != 1) {
        return absent;
    }

    return onsite_str_is(keys[0], "name") ? text(event->name)
           : onsite_str_is(keys[0], "type") ? text(event_type_text(event->type))
           : onsite_str_is(keys[0], "messageId") ? given(event->message_id)
           : onsite_str_is(keys[0], "userId") ? given(event->user_id)
           : absent;
}


/* counts.<event name>: a name may hold dots, which split the path. */

static const onsite_counter_t *
counter_of(const onsite_visitor_t *visitor, const onsite_str_t *keys,
    size_t n_keys)
{
    char    name[ONSITE_EVENT_NAME_MAX];
    size_t  i, len;

    if (n_keys == 1) {
        return onsite_visitor_counter(visitor, keys[0]);
    }

    for (i = 0, len = 0; i < n_keys; i++) {
        if (keys[i].len + 1 > sizeof(name) - len) {
            return NULL;
        }

        if (i != 0) {
            name[len++] = '.';
        }

        if (keys[i].len != 0) {
            memcpy(name + len, keys[i].data, keys[i].len);
            len += keys[i].len;
        }
    }

    return onsite_visitor_counter(visitor, onsite_str(name, len));
}


/* counts.<event name>: in all, or of the session. */

static onsite_value_t
count_value(const onsite_visitor_t *v, const onsite_str_t *keys,
    size_t n_keys, bool session)
{
    const onsite_counter_t  *counter;

    if (!onsite_str_is(keys[0], "counts")) {
        return absent;
    }

    counter = counter_of(v, keys + 1, n_keys - 1);

    return onsite_value_number(counter == NULL ? 0
                               : session ? counter->session : counter->total);
}


static onsite_value_t
visitor_id(const onsite_context_t *context)
{
    char    hex[2 * sizeof(onsite_key_t)];
    size_t  i;

    static const char  digits[] = "0123456789abcdef";

    if (context->key == NULL) {
        return absent;
    }

    for (i = 0; i < sizeof(onsite_key_t); i++) {
        hex[2 * i] = digits[context->key->bytes[i] >> 4];
        hex[2 * i + 1] = digits[context->key->bytes[i] & 0x0f];
    }

    return text(onsite_arena_copy(context->arena,
                                  onsite_str(hex, sizeof(hex))));
}


static onsite_value_t
visitor_value(const onsite_context_t *context, const onsite_str_t *keys,
    size_t n_keys)
{
    const onsite_visitor_t  *v = context->visitor;

    if (onsite_str_is(keys[0], "traits")) {
        return context->closed ? absent
               : walk(&v->traits, keys + 1, n_keys - 1);
    }

    if (n_keys > 1) {
        return count_value(v, keys, n_keys, false);
    }

    if (onsite_str_is(keys[0], "id")) {
        return visitor_id(context);
    }

    return onsite_str_is(keys[0], "status")
             ? text(onsite_visitor_status_text(onsite_visitor_status(v)))
           : onsite_str_is(keys[0], "visits") ? onsite_value_number(v->visits)
           : onsite_str_is(keys[0], "first_seen") ? moment(v->first_seen)
           : onsite_str_is(keys[0], "last_seen") ? moment(v->last_seen)
           : onsite_str_is(keys[0], "orders") ? onsite_value_number(v->orders)
           : onsite_str_is(keys[0], "verified")
             ? onsite_value_bool(v->verified && !context->closed)
           : onsite_str_is(keys[0], "user_id") && !context->closed
             ? given(v->user_id)
           : absent;
}


static onsite_value_t
session_value(const onsite_visitor_t *v, const onsite_str_t *keys,
    size_t n_keys)
{
    if (n_keys > 1) {
        return count_value(v, keys, n_keys, true);
    }

    if (onsite_str_is(keys[0], "duration")) {
        return v->session.start != 0
               ? onsite_value_number(((double) v->session.last
                                      - (double) v->session.start) / 1000)
               : absent;
    }

    return onsite_str_is(keys[0], "pageviews")
             ? onsite_value_number(v->session.pageviews)
           : onsite_str_is(keys[0], "events")
             ? onsite_value_number(v->session.events)
           : onsite_str_is(keys[0], "start") ? moment(v->session.start)
           : absent;
}


static onsite_value_t
cart_skus(const onsite_visitor_t *v, onsite_arena_t *arena)
{
    uint32_t         i;
    onsite_value_t  *items;

    items = onsite_arena_alloc(arena, (v->n_cart + 1) * sizeof(*items));

    if (items == NULL) {
        return absent;
    }

    for (i = 0; i < v->n_cart; i++) {
        items[i] = onsite_value_string(v->cart[i].sku);
    }

    return (onsite_value_t) { .type = ONSITE_ARRAY, .len = v->n_cart,
                              .as.items = items };
}


static onsite_value_t
cart_value(onsite_context_t *context, const onsite_str_t *keys,
    size_t n_keys)
{
    onsite_value_t           list;
    const onsite_visitor_t  *v = context->visitor;

    if (onsite_str_is(keys[0], "skus") || onsite_str_is(keys[0], "products")) {
        list = onsite_str_is(keys[0], "skus") ? cart_skus(v, context->arena)
                                   : onsite_cart_products(context);
        return walk(&list, keys + 1, n_keys - 1);
    }

    if (n_keys != 1) {
        return absent;
    }

    return onsite_str_is(keys[0], "items")
             ? onsite_value_number(onsite_visitor_cart_items(v))
           : onsite_str_is(keys[0], "value")
             ? onsite_value_number(onsite_visitor_cart_value(v))
           : absent;
}


/* Percent-encodes what may not stand in a URL's path as it is. */

static void
encode_path(onsite_buf_t *out, onsite_str_t path)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < path.len; i++) {
        c = (unsigned char) path.data[i];

        if (c <= 0x20 || c >= 0x7f || strchr("\"#%<>?[\\]^`{|}", c) != NULL) {
            onsite_buf_printf(out, "%%%02X", c);

        } else {
            onsite_buf_char(out, (char) c);
        }
    }
}


static onsite_value_t
request_url(const onsite_facts_t *facts, onsite_arena_t *arena)
{
    onsite_str_t  url;
    onsite_buf_t  out;

    if (facts->url.len != 0) {
        return text(facts->url);
    }

    if (facts->host.len == 0) {
        return absent;
    }

    onsite_buf_init(&out, 0);
    onsite_buf_str(&out, facts->scheme.len != 0 ? facts->scheme
                                                : ONSITE_STR("http"));
    onsite_buf_str(&out, ONSITE_STR("://"));
    onsite_buf_str(&out, facts->host);
    encode_path(&out, facts->path);

    if (facts->args.len != 0) {
        onsite_buf_char(&out, '?');
        onsite_buf_str(&out, facts->args);
    }

    url = out.failed ? onsite_str(NULL, 0)
          : onsite_arena_copy(arena, onsite_str(out.data, out.len));
    onsite_buf_free(&out);

    return text(url);
}


static onsite_value_t
request_query(const onsite_facts_t *facts, onsite_arena_t *arena,
    onsite_str_t name)
{
    onsite_str_t  value;

    if (onsite_query_get(arena, facts->args, name, &value) != ONSITE_OK) {
        return absent;
    }

    return onsite_value_string(value);
}


static const onsite_value_t *
custom_attribute(const onsite_facts_t *facts, onsite_str_t name)
{
    uint32_t  i;

    for (i = facts->n_attributes; i-- > 0; /* void */) {
        if (onsite_str_eq(facts->attributes[i].key, name)) {
            return &facts->attributes[i].value;
        }
    }

    return NULL;
}


static onsite_value_t
request_value(const onsite_context_t *context, const onsite_str_t *keys,
    size_t n_keys)
{
    const onsite_facts_t  *facts = context->facts;
    const onsite_value_t  *custom;

    custom = custom_attribute(facts, keys[0]);

    if (custom != NULL) {
        return walk(custom, keys + 1, n_keys - 1);
    }

    if (onsite_str_is(keys[0], "query") && n_keys == 2) {
        return request_query(facts, context->arena, keys[1]);
    }

    if (n_keys != 1) {
        return absent;
    }

    if (onsite_str_is(keys[0], "url")) {
        return request_url(facts, context->arena);
    }

    return onsite_str_is(keys[0], "path") ? text(facts->path)
           : onsite_str_is(keys[0], "host") ? text(facts->host)
           : onsite_str_is(keys[0], "method") ? text(facts->method)
           : onsite_str_is(keys[0], "scheme") ? text(facts->scheme)
           : onsite_str_is(keys[0], "referrer") ? text(facts->referrer)
           : onsite_str_is(keys[0], "language")
             ? text(onsite_language(context->arena, facts->accept_language))
           : onsite_str_is(keys[0], "device")
             ? text(onsite_device_text(onsite_device(facts->user_agent)))
           : absent;
}


static onsite_value_t
date_value(onsite_arena_t *arena, const onsite_local_time_t *local)
{
    int   len;
    char  date[48];

    len = snprintf(date, sizeof(date), "%04d-%02d-%02d", local->year,
                   local->month, local->day);

    return text(onsite_arena_copy(arena, onsite_str(date, (size_t) len)));
}


static onsite_value_t
time_value(const onsite_context_t *context, const onsite_str_t *keys,
    size_t n_keys, uint32_t zone)
{
    onsite_ms_t          now = context->now;
    onsite_local_time_t  local;

    static const char  weekdays[7][4] = {
        "mon", "tue", "wed", "thu", "fri", "sat", "sun"
    };

    if (n_keys != 1) {
        return absent;
    }

    if (onsite_str_is(keys[0], "unix")) {
        return onsite_value_number((double) (now / 1000 - (now % 1000 < 0)));
    }

    onsite_local_time(context->image, zone, now, &local);

    return onsite_str_is(keys[0], "hour") ? onsite_value_number(local.hour)
           : onsite_str_is(keys[0], "minute")
             ? onsite_value_number(local.minute)
           : onsite_str_is(keys[0], "weekday")
             ? text(onsite_str(weekdays[local.weekday], 3))
           : onsite_str_is(keys[0], "date") ? date_value(context->arena, &local)
           : absent;
}


static onsite_value_t
journey_value(const onsite_context_t *context, const onsite_str_t *keys,
    size_t n_keys)
{
    onsite_str_t  state;

    if (n_keys != 1) {
        return absent;
    }

    state = onsite_journey_state(context->image, context->visitor, keys[0]);

    return state.len != 0 ? text(state) : absent;
}


/* The roots that are values themselves, too. */

static onsite_value_t
whole_value(onsite_context_t *context, onsite_root_t root,
    const onsite_str_t *keys, size_t n_keys)
{
    onsite_value_t  list;

    switch (root) {

    case ONSITE_ROOT_VALUE:
        return walk(context->root, keys, n_keys);

    case ONSITE_ROOT_PROFILE:
        return onsite_profile_value(context, keys, n_keys);

    case ONSITE_ROOT_PRODUCT:
        return onsite_product_value(context, keys, n_keys);

    case ONSITE_ROOT_SEGMENTS:
        list = onsite_segments(context);
        return walk(&list, keys, n_keys);

    case ONSITE_ROOT_RECOMMENDED:
        list = onsite_recommended(context);
        return walk(&list, keys, n_keys);

    default:
        return absent;
    }
}


onsite_value_t
onsite_attribute_resolve(onsite_context_t *context, onsite_root_t root,
    const onsite_str_t *keys, size_t n_keys, uint32_t zone)
{
    if (n_keys == 0) {
        return whole_value(context, root, keys, n_keys);
    }

    switch (root) {

    case ONSITE_ROOT_EVENT:
        return context->event != NULL
               ? event_value(context->event, keys, n_keys) : absent;

    case ONSITE_ROOT_VISITOR:
        return context->visitor != NULL
               ? visitor_value(context, keys, n_keys) : absent;

    case ONSITE_ROOT_SESSION:
        return context->visitor != NULL
               ? session_value(context->visitor, keys, n_keys) : absent;

    case ONSITE_ROOT_CART:
        return context->visitor != NULL
               ? cart_value(context, keys, n_keys) : absent;

    case ONSITE_ROOT_AFFINITY:
        return context->visitor != NULL
               ? onsite_attribute_affinity(context, keys, n_keys) : absent;

    case ONSITE_ROOT_ORIGIN:
        return context->visitor != NULL
               ? onsite_attribute_origin(context, keys, n_keys) : absent;

    case ONSITE_ROOT_JOURNEY:
        return context->visitor != NULL
               ? journey_value(context, keys, n_keys) : absent;

    case ONSITE_ROOT_REQUEST:
        return context->facts != NULL
               ? request_value(context, keys, n_keys) : absent;

    case ONSITE_ROOT_TIME:
        return time_value(context, keys, n_keys, zone);

    default:
        return whole_value(context, root, keys, n_keys);
    }
}


static const onsite_str_t  root_names[ONSITE_ROOTS] = {
    [ONSITE_ROOT_EVENT] = ONSITE_STR("event"),
    [ONSITE_ROOT_VISITOR] = ONSITE_STR("visitor"),
    [ONSITE_ROOT_SESSION] = ONSITE_STR("session"),
    [ONSITE_ROOT_CART] = ONSITE_STR("cart"),
    [ONSITE_ROOT_AFFINITY] = ONSITE_STR("affinity"),
    [ONSITE_ROOT_ORIGIN] = ONSITE_STR("origin"),
    [ONSITE_ROOT_PROFILE] = ONSITE_STR("profile"),
    [ONSITE_ROOT_SEGMENTS] = ONSITE_STR("segments"),
    [ONSITE_ROOT_REQUEST] = ONSITE_STR("request"),
    [ONSITE_ROOT_TIME] = ONSITE_STR("time"),
    [ONSITE_ROOT_MODEL] = ONSITE_STR("model"),
    [ONSITE_ROOT_JOURNEY] = ONSITE_STR("journey"),
    [ONSITE_ROOT_PRODUCT] = ONSITE_STR("product"),
    [ONSITE_ROOT_RECOMMENDED] = ONSITE_STR("recommended")
};


onsite_str_t
onsite_root_name(onsite_root_t root)
{
    return (unsigned) root < ONSITE_ROOTS ? root_names[root]
                                          : onsite_str(NULL, 0);
}


onsite_root_t
onsite_root(onsite_str_t name)
{
    onsite_root_t  root;

    for (root = ONSITE_ROOT_EVENT; root < ONSITE_ROOTS; root++) {
        if (onsite_str_eq(name, root_names[root])) {
            return root;
        }
    }

    return ONSITE_ROOTS;
}
