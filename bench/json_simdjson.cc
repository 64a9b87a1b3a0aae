/*
 * json_simdjson.cc - simdjson's On-Demand parser as a candidate.
 *
 * Containers have no known size before they are read: items are gathered on
 * a stack and copied to the arena when the container ends.
 */

#include <simdjson.h>

#include "json.h"

#include <new>

#define STACK_MAX  4096
#define DEPTH_MAX  32

using namespace simdjson;

struct simdjson_state {
    ondemand::parser  parser;
    onsite_member_t   members[STACK_MAX];
    onsite_value_t    items[STACK_MAX];
    size_t            n_members;
    size_t            n_items;
    onsite_arena_t   *arena;
    char             *strings;
    char              text[65536 + SIMDJSON_PADDING];
};

static bool read_value(simdjson_state *s, ondemand::value value,
    onsite_value_t *out, int depth);


/* the parser's own string buffer is overwritten by the next document */

static onsite_str_t
keep(simdjson_state *s, std::string_view view)
{
    onsite_str_t  str;

    str.len = view.size();
    str.data = s->strings;
    memcpy(s->strings, view.data(), view.size());
    s->strings += view.size();

    return str;
}


static bool
read_object(simdjson_state *s, ondemand::object object, onsite_value_t *out,
    int depth)
{
    size_t  first = s->n_members, n;

    for (auto field : object) {
        std::string_view  key;
        ondemand::value   value;
        onsite_member_t   member;

        if (field.error() || field.unescaped_key().get(key)
            || field.value().get(value) || s->n_members == STACK_MAX)
        {
            return false;
        }

        member.key = keep(s, key);
        if (!read_value(s, value, &member.value, depth)) {
            return false;
        }

        s->members[s->n_members++] = member;
    }

    n = s->n_members - first;
    out->type = ONSITE_OBJECT;
    out->len = (uint32_t) n;

    void *copy = onsite_arena_alloc(s->arena, n * sizeof(onsite_member_t));
    if (copy == NULL) {
        return false;
    }

    memcpy(copy, s->members + first, n * sizeof(onsite_member_t));
    out->as.members = (onsite_member_t *) copy;
    s->n_members = first;

    return true;
}


static bool
read_array(simdjson_state *s, ondemand::array array, onsite_value_t *out,
    int depth)
{
    size_t  first = s->n_items, n;

    for (auto element : array) {
        ondemand::value  value;
        onsite_value_t   item;

        if (element.get(value) || s->n_items == STACK_MAX
            || !read_value(s, value, &item, depth))
        {
            return false;
        }

        s->items[s->n_items++] = item;
    }

    n = s->n_items - first;
    out->type = ONSITE_ARRAY;
    out->len = (uint32_t) n;

    void *copy = onsite_arena_alloc(s->arena, n * sizeof(onsite_value_t));
    if (copy == NULL) {
        return false;
    }

    memcpy(copy, s->items + first, n * sizeof(onsite_value_t));
    out->as.items = (onsite_value_t *) copy;
    s->n_items = first;

    return true;
}


static bool
read_value(simdjson_state *s, ondemand::value value, onsite_value_t *out,
    int depth)
{
    bool                 null;
    ondemand::json_type  type;

    if (depth > DEPTH_MAX || value.type().get(type)) {
        return false;
    }

    switch (type) {

    case ondemand::json_type::object: {
        ondemand::object  object;
        return !value.get_object().get(object)
               && read_object(s, object, out, depth + 1);
    }

    case ondemand::json_type::array: {
        ondemand::array  array;
        return !value.get_array().get(array)
               && read_array(s, array, out, depth + 1);
    }

    case ondemand::json_type::string: {
        std::string_view  view;
        if (value.get_string().get(view)) {
            return false;
        }
        onsite_str_t  str = keep(s, view);
        out->type = ONSITE_STRING;
        out->len = (uint32_t) str.len;
        out->as.string = str.data;
        return true;
    }

    case ondemand::json_type::number:
        out->type = ONSITE_NUMBER;
        return !value.get_double().get(out->as.number);

    case ondemand::json_type::boolean:
        out->type = ONSITE_BOOL;
        return !value.get_bool().get(out->as.boolean);

    default:
        out->type = ONSITE_NULL;
        return !value.is_null().get(null) && null;
    }
}


void *
create_simdjson(void)
{
    return new (std::nothrow) simdjson_state;
}


bool
parse_with_simdjson(void *state, onsite_arena_t *arena, onsite_str_t text,
    onsite_value_t *out)
{
    simdjson_state      *s = (simdjson_state *) state;
    ondemand::value      value;
    ondemand::document   document;

    memcpy(s->text, text.data, text.len);
    s->arena = arena;
    s->n_members = s->n_items = 0;
    s->strings = (char *) onsite_arena_alloc(arena, text.len);

    return !s->parser.iterate(s->text, text.len, sizeof(s->text))
               .get(document)
           && !document.get_value().get(value)
           && read_value(s, value, out, 0)
           && document.current_location().error() == OUT_OF_BOUNDS;
}
