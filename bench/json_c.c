/*
 * json_c.c - json-c as a candidate: a library of its own, since it and
 * jansson share names.
 */

#include "json.h"

#include <json-c/json.h>


static onsite_value_t
from_json_c(onsite_arena_t *arena, struct json_object *json)
{
    size_t            i, n;
    onsite_value_t   *items;
    onsite_member_t  *members;

    switch (json_object_get_type(json)) {

    case json_type_object:
        n = (size_t) json_object_object_length(json);
        members = onsite_arena_alloc(arena, n * sizeof(onsite_member_t));
        i = 0;
        json_object_object_foreach(json, key, child) {
            members[i].key = onsite_arena_copy(arena,
                                               onsite_str(key, strlen(key)));
            members[i++].value = from_json_c(arena, child);
        }
        return (onsite_value_t) { .type = ONSITE_OBJECT, .len = (uint32_t) n,
                                  .as.members = members };

    case json_type_array:
        n = json_object_array_length(json);
        items = onsite_arena_alloc(arena, n * sizeof(onsite_value_t));
        for (i = 0; i < n; i++) {
            items[i] = from_json_c(arena, json_object_array_get_idx(json, i));
        }
        return (onsite_value_t) { .type = ONSITE_ARRAY, .len = (uint32_t) n,
                                  .as.items = items };

    case json_type_string:
        return onsite_value_string(onsite_arena_copy(arena,
                   onsite_str(json_object_get_string(json),
                              (size_t) json_object_get_string_len(json))));

    case json_type_int:
    case json_type_double:
        return onsite_value_number(json_object_get_double(json));

    case json_type_boolean:
        return onsite_value_bool(json_object_get_boolean(json));

    default:
        return (onsite_value_t) { .type = ONSITE_NULL };
    }
}


void *
create_json_c(void)
{
    struct json_tokener  *tokener = json_tokener_new_ex(32);

    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT
                                    | JSON_TOKENER_VALIDATE_UTF8);

    return tokener;
}


bool
parse_with_json_c(void *state, onsite_arena_t *arena, onsite_str_t text,
    onsite_value_t *value)
{
    struct json_object  *json;

    json_tokener_reset(state);
    json = json_tokener_parse_ex(state, text.data, (int) text.len);
    if (json == NULL) {
        return false;
    }

    *value = from_json_c(arena, json);
    json_object_put(json);

    return true;
}
