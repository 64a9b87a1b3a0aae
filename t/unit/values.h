/*
 * values.h - values from JSON texts and back, and paths as keys.
 */

#ifndef ONSITE_UNIT_VALUES_H
#define ONSITE_UNIT_VALUES_H

#include "unit.h"
#include "onsite_json.h"

static inline onsite_value_t
value_of(onsite_json_t *json, onsite_arena_t *arena, const char *text)
{
    onsite_value_t  value;

    assert_int_equal(onsite_json_parse(json, arena, onsite_str_of(text),
                                       &value, NULL), ONSITE_OK);

    return value;
}


/* In the arena; "absent". */

static inline const char *
text_of(onsite_arena_t *arena, const onsite_value_t *value)
{
    onsite_buf_t  out;
    onsite_str_t  copy;

    if (value->type == ONSITE_ABSENT) {
        return "absent";
    }

    onsite_buf_init(&out, 0);
    onsite_value_write_json(&out, value);
    copy = onsite_arena_copy(arena, onsite_str(out.data, out.len));
    onsite_buf_free(&out);
    assert_non_null(copy.data);

    return copy.data;
}


/* "a.b" into its keys, which lie in path; how many. */

static inline size_t
keys_of(const char *path, onsite_str_t *keys, size_t max)
{
    size_t       n = 0;
    const char  *dot;

    for (/* void */; *path != '\0'; path = *dot == '.' ? dot + 1 : dot) {
        assert_true(n < max);
        dot = strchrnul(path, '.');
        keys[n++] = onsite_str(path, (size_t) (dot - path));
    }

    return n;
}

#endif
