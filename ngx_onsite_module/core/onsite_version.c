/*
 * onsite_version.c - versions as text that sorts: numeric parts padded to
 * five characters, a "~" behind x.y.z so that its pre-releases come first.
 */

#include "onsite_coerce.h"
#include "onsite_condition_program.h"

#define PART_WIDTH  5


/* Build metadata: from the first "+" of the last line on. */

static size_t
length_without_build(onsite_str_t s)
{
    size_t       i;
    uint32_t     c;
    const char  *p = s.data, *end = s.data + s.len, *plus = NULL, *at;

    for (i = 0; i < s.len && s.data[i] != '+'; i++) {
        /* void */
    }

    if (i == s.len) {
        return s.len;
    }

    while (p != end) {
        at = p;
        c = onsite_utf8_next(&p, end);

        if (c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029) {
            plus = NULL;

        } else if (c == '+' && plus == NULL) {
            plus = at;
        }
    }

    return plus != NULL ? (size_t) (plus - s.data) : s.len;
}


static bool
walk_part(onsite_str_t part, onsite_text_pt fn, void *data)
{
    size_t  i;

    for (i = 0; i < part.len; i++) {
        if (part.data[i] < '0' || part.data[i] > '9') {
            break;
        }
    }

    if (part.len != 0 && i == part.len && part.len < PART_WIDTH
        && !fn(data, onsite_str("     ", PART_WIDTH - part.len)))
    {
        return false;
    }

    return fn(data, part);
}


static bool
walk_text(onsite_str_t s, onsite_text_pt fn, void *data)
{
    size_t  i, start, n;

    s.len = length_without_build(s);

    if (s.len != 0 && s.data[0] == 'v') {
        s = onsite_str(s.data + 1, s.len - 1);
    }

    for (i = 0, start = 0, n = 0; i <= s.len; i++) {
        if (i != s.len && s.data[i] != '-' && s.data[i] != '.') {
            continue;
        }

        if ((n++ != 0 && !fn(data, ONSITE_STR("-")))
            || !walk_part(onsite_str(s.data + start, i - start), fn, data))
        {
            return false;
        }

        start = i + 1;
    }

    return n != 3 || fn(data, ONSITE_STR("-~"));
}


bool
onsite_version_walk(const onsite_value_t *value, onsite_text_pt fn,
    void *data)
{
    char  number[32];

    if (value->type == ONSITE_STRING && value->len != 0) {
        return walk_text(onsite_value_str(value), fn, data);
    }

    if (value->type == ONSITE_NUMBER) {
        return walk_text(onsite_str(number,
                                    onsite_number_to_text(value->as.number,
                                                          number)), fn, data);
    }

    return walk_text(ONSITE_STR("0"), fn, data);
}
