/*
 * onsite_inject_tag.c - tags byte by byte (WHATWG HTML, 13.2.5; states that
 * only differ in parse errors are one): those that the input cuts or that
 * matter.
 */

#include "onsite_inject_tree.h"

const uint8_t  onsite_inject_classes[256] = {
    ['\t'] = SPACE, ['\n'] = SPACE, ['\f'] = SPACE, ['\r'] = SPACE,
    [' '] = SPACE, ['/'] = SLASH, ['>'] = CLOSE, ['='] = EQUALS,
    ['A' ... 'Z'] = LETTER, ['a' ... 'z'] = LETTER
};


static byte_t *
find(byte_t *p, byte_t *end, int c)
{
    byte_t  *found = memchr(p, c, (size_t) (end - p));

    return found != NULL ? found : end;
}


/* An HTML start tag outside of template, svg and math. */

static void
plain_tag_complete(onsite_inject_t *inject, byte_t *p)
{
    uint64_t  offset = onsite_inject_at(inject, p);

    if (inject->name_len == 4) {
        onsite_inject_place_behind(inject, offset);
    }

    if (inject->reads == ONSITE_READ_META) {
        onsite_inject_values_meta(inject);

    } else if (inject->reads == ONSITE_READ_BASE) {
        onsite_inject_values_base(inject);

    } else if (inject->reads == ONSITE_READ_SLOT) {
        onsite_inject_slot_begin(inject, offset);
    }
}


/* p is behind the ">". */

static byte_t *
tag_complete(onsite_inject_t *inject, byte_t *p)
{
    bool  plain;

    if (inject->raw_end) {
        inject->state = ONSITE_SCAN_DATA;
        inject->raw_end = false;

    } else if (inject->end_tag) {
        onsite_inject_end_tag(inject);

    } else {
        plain = inject->depth == 0 && !inject->follow;

        onsite_inject_start_tag(inject);

        if (plain && !inject->lost) {
            plain_tag_complete(inject, p);
        }
    }

    return p;
}


/* The name is complete, the tag itself may still be held back. */

static void
tag_named(onsite_inject_t *inject)
{
    inject->reads = ONSITE_READ_NOTHING;

    if (inject->depth != 0 || inject->follow) {
        return;
    }

    if (inject->slot.open) {
        onsite_inject_slot_tag(inject);
    }

    onsite_inject_place_tag(inject);
    onsite_inject_values_begin(inject);
}


static inline byte_t *
scan_tag_name(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    uint32_t  len = inject->name_len;
    uint64_t  name = inject->name;

    while (p < end && !(onsite_inject_classes[*p] & NAME_END)) {
        inject->first_eight = len == 8 ? name : inject->first_eight;
        name = onsite_inject_name_add(name, len++, *p++);
    }

    inject->name = name;
    inject->name_len = len;

    if (p == end) {
        onsite_inject_place_part(inject);
        return p;
    }

    inject->state = ONSITE_SCAN_BEFORE_NAME;
    tag_named(inject);

    if (*p == '>' && !onsite_inject_stopped(inject)
        && inject->state == ONSITE_SCAN_BEFORE_NAME)
    {
        return tag_complete(inject, p + 1);
    }

    return p;
}


static void
begin_name(onsite_inject_t *inject)
{
    inject->name = 0;
    inject->name_len = 0;
}


static byte_t *
scan_open(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    bool  end_tag = inject->state == ONSITE_SCAN_END_TAG_OPEN;

    if (onsite_inject_classes[*p] & LETTER) {
        inject->state = ONSITE_SCAN_TAG_NAME;
        inject->end_tag = end_tag;
        inject->self_closing = false;
        inject->font = false;
        begin_name(inject);

        return scan_tag_name(inject, p, end);
    }

    if (end_tag) {
        inject->state = *p == '>' ? ONSITE_SCAN_DATA : ONSITE_SCAN_BOGUS;
        return *p == '>' ? p + 1 : p;
    }

    switch (*p) {

    case '/':
        inject->state = ONSITE_SCAN_END_TAG_OPEN;
        return p + 1;

    case '!':
        inject->state = ONSITE_SCAN_MARKUP;
        return p + 1;

    case '?':
        inject->state = ONSITE_SCAN_BOGUS;
        return p + 1;

    default:
        inject->state = ONSITE_SCAN_DATA;

        if (onsite_inject_early(inject)) {
            onsite_inject_place_text(inject, inject->tag);
        }

        return p;
    }
}


/* Attribute names are kept where somebody asks for them: the template
 * compiler, <font> in SVG, slots and policies. */

static bool
keeps_names(const onsite_inject_t *inject)
{
    return inject->follow || inject->reads != ONSITE_READ_NOTHING
           || (inject->depth != 0 && inject->name == FONT);
}


static byte_t *
scan_attribute_name(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    byte_t  *start = p;

    while (p < end && !(onsite_inject_classes[*p] & ATTRIBUTE_END)) {
        p++;
    }

    if (!keeps_names(inject)) {
        return p;
    }

    for (/* void */; start < p; start++) {
        if (inject->attribute_len < ONSITE_INJECT_ATTRIBUTE) {
            inject->attribute[inject->attribute_len++] = (char)
                (*start >= 'A' && *start <= 'Z' ? *start | 0x20 : *start);
        }
    }

    return p;
}


static void
attribute_named(onsite_inject_t *inject)
{
    onsite_str_t  name;

    if (inject->reads != ONSITE_READ_NOTHING) {
        onsite_inject_values_name(inject);
    }

    name = onsite_str(inject->attribute, inject->attribute_len);

    inject->font |= onsite_str_eq(name, ONSITE_STR("color"))
                    || onsite_str_eq(name, ONSITE_STR("face"))
                    || onsite_str_eq(name, ONSITE_STR("size"));
}


/* A "=" that begins a name belongs to it. */

static byte_t *
begin_attribute(onsite_inject_t *inject, byte_t *p)
{
    inject->state = ONSITE_SCAN_NAME;
    inject->attribute_len = 0;
    inject->value_started = false;

    if (*p == '=') {
        inject->attribute[inject->attribute_len++] = '=';
        p++;
    }

    return p;
}


static void
value_bytes(onsite_inject_t *inject, byte_t *p, size_t len)
{
    if (inject->reads != ONSITE_READ_NOTHING && inject->value_of != 0) {
        onsite_inject_values_add(inject, p, len);
    }
}


/* Around attributes, p is not inside of a value.  True: the tag ends here. */

static bool
scan_between(onsite_inject_t *inject, byte_t **pp)
{
    byte_t   *p = *pp;
    unsigned  class = onsite_inject_classes[*p];

    *pp = p + 1;

    if (inject->state == ONSITE_SCAN_NAME && keeps_names(inject)) {
        attribute_named(inject);
    }

    if (class & CLOSE) {
        inject->self_closing = inject->state == ONSITE_SCAN_SLASH;
        return true;
    }

    if (inject->state == ONSITE_SCAN_BEFORE_VALUE) {

        if (class & SPACE) {
            return false;
        }

        inject->state = *p == '"' ? ONSITE_SCAN_VALUE_DOUBLE
                        : *p == '\'' ? ONSITE_SCAN_VALUE_SINGLE
                                     : ONSITE_SCAN_VALUE_UNQUOTED;
        if (inject->state == ONSITE_SCAN_VALUE_UNQUOTED) {
            inject->value_started = true;
            value_bytes(inject, p, 1);
        }

    } else if (class & SLASH) {
        inject->state = ONSITE_SCAN_SLASH;

    } else if (class & SPACE) {
        inject->state = inject->state == ONSITE_SCAN_NAME
                        || inject->state == ONSITE_SCAN_AFTER_NAME
                        ? ONSITE_SCAN_AFTER_NAME : ONSITE_SCAN_BEFORE_NAME;

    } else if ((class & EQUALS) && (inject->state == ONSITE_SCAN_NAME
                              || inject->state == ONSITE_SCAN_AFTER_NAME))
    {
        inject->state = ONSITE_SCAN_BEFORE_VALUE;

    } else {
        *pp = begin_attribute(inject, p);
    }

    return false;
}


static byte_t *
scan_value(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    byte_t  *start = p;

    if (inject->state == ONSITE_SCAN_VALUE_UNQUOTED) {
        while (p < end && !(onsite_inject_classes[*p] & (SPACE | CLOSE))) {
            p++;
        }

        value_bytes(inject, start, (size_t) (p - start));

        /* what ends it is read again, as behind a quoted value */

        if (p < end) {
            inject->state = ONSITE_SCAN_BEFORE_NAME;
        }

        return p;
    }

    p = find(p, end, inject->state == ONSITE_SCAN_VALUE_DOUBLE ? '"' : '\'');

    inject->value_started |= p != start;
    value_bytes(inject, start, (size_t) (p - start));

    if (p < end) {
        inject->state = ONSITE_SCAN_BEFORE_NAME;
        p++;
    }

    return p;
}


byte_t *
onsite_inject_scan_tag(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    if (inject->state <= ONSITE_SCAN_END_TAG_OPEN) {
        return scan_open(inject, p, end);
    }

    if (inject->state == ONSITE_SCAN_TAG_NAME) {
        return scan_tag_name(inject, p, end);
    }

    while (p < end) {

        if (inject->state >= ONSITE_SCAN_VALUE_DOUBLE
            && inject->state <= ONSITE_SCAN_VALUE_UNQUOTED)
        {
            p = scan_value(inject, p, end);
            continue;
        }

        if (inject->state == ONSITE_SCAN_NAME
            && !(onsite_inject_classes[*p] & ATTRIBUTE_END))
        {
            p = scan_attribute_name(inject, p, end);
            continue;
        }

        if (scan_between(inject, &p)) {
            return tag_complete(inject, p);
        }
    }

    return p;
}
