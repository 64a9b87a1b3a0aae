/*
 * onsite_attribute_known.c - which attribute paths there can be values behind.
 */

#include "onsite_attribute_interest.h"


/* Whether a key is one of names, a list that ends in NULL. */

static bool
one_of(onsite_str_t key, const char *const *names)
{
    for (/* void */; *names != NULL; names++) {
        if (onsite_str_is(key, *names)) {
            return true;
        }
    }

    return false;
}


static bool
known_counted(const onsite_str_t *keys, size_t n_keys,
    const char *const *names)
{
    return n_keys == 1 ? one_of(keys[0], names)
                       : onsite_str_is(keys[0], "counts");
}


static bool
known_event(const onsite_str_t *keys, size_t n_keys)
{
    static const char *const  objects[] = {
        "properties", "traits", "context", NULL
    };
    static const char *const  names[] = {
        "name", "type", "messageId", "userId", NULL
    };

    return one_of(keys[0], objects) || (n_keys == 1 && one_of(keys[0], names));
}


static bool
known_visitor(const onsite_str_t *keys, size_t n_keys)
{
    static const char *const  names[] = {
        "id", "status", "visits", "first_seen", "last_seen", "orders",
        "user_id", "verified", NULL
    };

    return known_counted(keys, n_keys, names)
           || (n_keys == 2 && onsite_str_is(keys[0], "traits"));
}


static bool
known_cart(const onsite_str_t *keys, size_t n_keys)
{
    static const char *const  names[] = {
        "items", "value", "skus", "products", NULL
    };

    return one_of(keys[0], names)
           && (n_keys == 1 || onsite_str_is(keys[0], "skus")
               || onsite_str_is(keys[0], "products"));
}


/* A single key may always be an onsite_attribute. */

static bool
known_request(const onsite_str_t *keys, size_t n_keys)
{
    return onsite_str_is(keys[0], "query") ? n_keys == 2 : n_keys == 1;
}


/* Roots that are values themselves, with any names below. */

static bool
is_whole(onsite_root_t root)
{
    return root == ONSITE_ROOT_VALUE || root == ONSITE_ROOT_SEGMENTS
           || root == ONSITE_ROOT_PROFILE || root == ONSITE_ROOT_PRODUCT
           || root == ONSITE_ROOT_RECOMMENDED;
}


bool
onsite_attribute_known(onsite_root_t root, const onsite_str_t *keys,
    size_t n_keys)
{
    static const char *const  session[] = {
        "pageviews", "events", "duration", "start", NULL
    };
    static const char *const  time[] = {
        "hour", "minute", "weekday", "date", "unix", NULL
    };

    if (is_whole(root)) {
        return true;
    }

    if (n_keys == 0) {
        return false;
    }

    switch (root) {

    case ONSITE_ROOT_EVENT:
        return known_event(keys, n_keys);

    case ONSITE_ROOT_VISITOR:
        return known_visitor(keys, n_keys);

    case ONSITE_ROOT_SESSION:
        return known_counted(keys, n_keys, session);

    case ONSITE_ROOT_CART:
        return known_cart(keys, n_keys);

    case ONSITE_ROOT_ORIGIN:
        return onsite_attribute_origin_known(keys, n_keys);

    case ONSITE_ROOT_REQUEST:
        return known_request(keys, n_keys);

    case ONSITE_ROOT_TIME:
        return n_keys == 1 && one_of(keys[0], time);

    case ONSITE_ROOT_JOURNEY:
        return n_keys == 1;

    case ONSITE_ROOT_AFFINITY:
        return onsite_attribute_affinity_known(keys, n_keys);

    case ONSITE_ROOT_MODEL:
        return true;

    default:
        return false;
    }
}
