/*
 * onsite_visitor_parse_member.c - members of a visitor's JSON by their type:
 * what is not there is 0 or empty, what is of another type is refused.
 */

#include "onsite_visitor_parse_private.h"

#include <string.h>


void
parse_refuse(parse_t *p, const char *name, const char *what)
{
    if (!p->bad) {
        (void) onsite_error(p->error, ONSITE_INVALID, "%s: %s", name, what);
    }

    p->bad = true;
}


/* A parse_member that is there and not null. */

const onsite_value_t *
parse_member(const onsite_value_t *object, const char *name)
{
    const onsite_value_t  *value;

    value = onsite_value_get(object, onsite_str_of(name));

    return value != NULL && value->type != ONSITE_NULL ? value : NULL;
}


double
parse_number(parse_t *p, const onsite_value_t *object, const char *name,
    double max)
{
    const onsite_value_t  *value = parse_member(object, name);

    if (value == NULL) {
        return 0;
    }

    if (value->type != ONSITE_NUMBER || !(value->as.number >= 0)
        || value->as.number > max)
    {
        parse_refuse(p, name, "must be a number, not negative and not too "
                     "large");
        return 0;
    }

    return value->as.number;
}


uint32_t
parse_count(parse_t *p, const onsite_value_t *object, const char *name)
{
    return (uint32_t) parse_number(p, object, name, UINT32_MAX);
}


bool
parse_flag(parse_t *p, const onsite_value_t *object, const char *name)
{
    const onsite_value_t  *value = parse_member(object, name);

    if (value != NULL && value->type != ONSITE_BOOL) {
        parse_refuse(p, name, "must be true or false");
        return false;
    }

    return value != NULL && value->as.boolean;
}


onsite_str_t
parse_text(parse_t *p, const onsite_value_t *object, const char *name,
    size_t max)
{
    const onsite_value_t  *value = parse_member(object, name);

    if (value == NULL) {
        return onsite_str(NULL, 0);
    }

    if (value->type != ONSITE_STRING || value->len > max) {
        parse_refuse(p, name, "must be a text, and not too long");
        return onsite_str(NULL, 0);
    }

    return onsite_value_str(value);
}


onsite_ms_t
parse_time(parse_t *p, const onsite_value_t *object, const char *name)
{
    onsite_ms_t            time;
    const onsite_value_t  *value = parse_member(object, name);

    if (value == NULL) {
        return 0;
    }

    if (onsite_time_read(value, &time) != ONSITE_OK) {
        parse_refuse(p, name, "must be a time such as 2026-01-31T08:00:00Z");
        return 0;
    }

    return time;
}


/* NULL when it is not there; refused when it is another type. */

const onsite_value_t *
parse_part(parse_t *p, const onsite_value_t *object, const char *name,
    onsite_type_t type)
{
    const onsite_value_t  *value = parse_member(object, name);

    if (value != NULL && value->type != type) {
        parse_refuse(p, name, type == ONSITE_ARRAY ? "must be a list"
                              : "must be an object");
        return NULL;
    }

    return value;
}


bool
parse_hash(onsite_str_t text, uint32_t *hash)
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
