/*
 * onsite_inject_tag.c - tags, and what is between them (WHATWG HTML, 13.2.5;
 * states that only differ in parse errors are one): whole ones by the marks of
 * blocks, those that the input cuts or that matter byte by byte.
 */

#include "onsite_inject_find.h"

/* Blocks stay in registers only where what reads them is one function, and no
 * more than that. */

#define ALWAYS_INLINE  inline __attribute__((always_inline))
#define NEVER_INLINE   __attribute__((noinline))

/* The shortest name of an end tag that matters anywhere: body; but for what is
 * noted around slots. */

#define END_MATTERS  4

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


/* An attribute whose name ends in "-slot", as that of slots does. */

static inline bool
may_be_slot(byte_t *from, byte_t *equals)
{
    uint32_t  name, slot;

    if (equals - from < 5) {
        return false;
    }

    memcpy(&name, equals - 4, 4);
    memcpy(&slot, "slot", 4);

    return (name | 0x20202020u) == slot && equals[-5] == '-';
}


/*
 * The value behind a "=", which is one between name and value if something of
 * a name is between it and from, where the tag's name or the attribute before
 * ends.  Behind the value, or NULL: it is to be read byte by byte.
 */

static ALWAYS_INLINE byte_t *
skip_value(onsite_inject_block_t *block, byte_t *from, byte_t *equals)
{
    byte_t  *p = equals + 1, *end = block->end;

    if (equals <= from
        || (onsite_inject_classes[equals[-1]] & (SPACE | SLASH)) || p == end
        || (onsite_inject_classes[*p] & SPACE)
        || may_be_slot(from, equals))
    {
        return NULL;
    }

    if (*p == '"') {
        (void) onsite_inject_mark(block);

        do {
            p = onsite_inject_mark(block);
        } while (p != end && *p != '"');

        return p != end ? p + 1 : NULL;
    }

    if (*p == '\'') {
        p = find(p + 1, end, '\'');
        p = p != end ? p + 1 : NULL;

    } else {
        while (p < end && !(onsite_inject_classes[*p] & (SPACE | CLOSE))) {
            p++;
        }
    }

    if (p != NULL) {
        onsite_inject_block_skip(block, p);
    }

    return p;
}


/* A name of up to eight bytes in lower case. */

static uint64_t
lower_name(uint64_t name)
{
    uint64_t        low, upper;
    const uint64_t  ones = 0x0101010101010101u;

    /* the top bit of each byte: above "Z", at least "A", ASCII */

    low = name & ones * 0x7f;
    upper = (low + ones * (0x7f - 'Z')) ^ (low + ones * (0x80 - 'A'));
    upper &= ~name & ones << 7;

    return name | upper >> 2;
}


/* False: it is to be read byte by byte.  Around html, head and body there are
 * places, and font has attributes. */

static bool
take_tag(onsite_inject_t *inject, uint64_t name, uint32_t len, bool end_tag,
    bool self_closing)
{
    if (len == 4) {
        return false;
    }

    inject->name = lower_name(name);
    inject->name_len = len;
    inject->end_tag = end_tag;
    inject->self_closing = self_closing;
    inject->font = false;

    if (end_tag) {
        onsite_inject_end_tag(inject);
    } else {
        onsite_inject_start_tag(inject);
    }

    return true;
}


/* From the tag's first mark, p, to its ">"; from is where its name ends, then
 * where its last attribute with a value does.  NULL: as for skip_value. */

static ALWAYS_INLINE byte_t *
skip_attributes(onsite_inject_block_t *block, byte_t *p, byte_t **from)
{
    while (p != block->end && *p != '>') {

        if (*p == '=') {
            *from = skip_value(block, *from, p);

            if (*from == NULL) {
                return NULL;
            }
        }

        p = onsite_inject_mark(block);
    }

    return p != block->end ? p : NULL;
}


static void
note_short_end_tag(onsite_inject_t *inject, byte_t *text, byte_t *end)
{
    uint64_t  name = 0;

    for (/* void */; text < end && !(onsite_inject_classes[*text] & NAME_END);
         text++)
    {
        name = name << 8 | *text | 0x20;
    }

    onsite_inject_slot_note(inject, name, true);
}


/*
 * A tag that the input holds to its end: p is at its "<", with room for its
 * name, what is returned behind it.  NULL: it is to be read byte by byte.
 */

static ALWAYS_INLINE byte_t *
scan_whole_tag(onsite_inject_t *inject, onsite_inject_block_t *block,
    byte_t *p)
{
    bool      end_tag = p[1] == '/', plain = inject->depth == 0;
    byte_t   *text = p + 1 + end_tag, *from;
    uint32_t  len;
    uint64_t  name, bit;

    if (!(onsite_inject_classes[*text] & LETTER)) {
        return NULL;
    }

    p = onsite_inject_mark(block);

    if (end_tag && plain && p - text < END_MATTERS && *p == '>') {

        if (inject->noted != 0) {
            note_short_end_tag(inject, text, p);
        }

        return p + 1;
    }

    len = onsite_inject_name_length(text);
    from = text + len;

    if (len > 8 || !(onsite_inject_classes[*from] & NAME_END)) {
        return NULL;
    }

    name = onsite_inject_eight(text) >> (64 - 8 * len);
    p = skip_attributes(block, p, &from);

    if (p == NULL) {
        return NULL;
    }

    bit = ONSITE_INJECT_BIT(name);

    if (plain && !(bit & ONSITE_INJECT_MATTERS)) {

        if (!end_tag) {
            onsite_inject_see(inject, name);
        }

        if (bit & inject->noted) {
            onsite_inject_slot_note(inject, lower_name(name), end_tag);
        }

        return p + 1;
    }

    return take_tag(inject, name, len, end_tag, p != from && p[-1] == '/')
           ? p + 1 : NULL;
}


/* To the end, to behind a tag that other text follows, or to the "<" of what
 * is to be read byte by byte. */

static NEVER_INLINE byte_t *
scan_whole_tags(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    byte_t                 *tag;
    onsite_inject_block_t   block = { .base = p, .end = end };

    block.marks = onsite_inject_marks(p, end);

    do {
        do {
            tag = onsite_inject_mark(&block);
        } while (tag != end && *tag != '<');

        if (end - tag < 2 + ONSITE_INJECT_NAME_ROOM) {
            return tag;
        }

        p = scan_whole_tag(inject, &block, tag);

        if (p == NULL) {
            return tag;
        }
    } while (inject->state == ONSITE_SCAN_DATA);

    return p;
}


/* A policy may be in there: "q" is rare. */

static bool
may_be_policy(const onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    return inject->alloc != NULL
           && (find(p, end, 'q') != end || find(p, end, 'Q') != end);
}


/* A tag that stays in the head and that the input holds to its end; else
 * NULL. */

static NEVER_INLINE byte_t *
scan_head_tag(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    byte_t                 *behind;
    uint32_t                len;
    uint64_t                name;
    onsite_inject_block_t   block = { .base = p, .end = end };

    if (end - p < 2 + ONSITE_INJECT_NAME_ROOM
        || inject->stage == ONSITE_STAGE_START)
    {
        return NULL;
    }

    len = onsite_inject_name_length(p + 1);

    if (len < 4 || len > 6) {
        return NULL;
    }

    name = lower_name(onsite_inject_eight(p + 1) >> (64 - 8 * len));

    if (name != N4('m', 'e', 't', 'a') && name != N4('l', 'i', 'n', 'k')
        && name != SCRIPT && name != STYLE && name != TITLE)
    {
        return NULL;
    }

    block.marks = onsite_inject_marks(p, end);
    (void) onsite_inject_mark(&block);
    behind = scan_whole_tag(inject, &block, p);

    return behind != NULL && name == N4('m', 'e', 't', 'a')
           && may_be_policy(inject, p, behind) ? NULL : behind;
}


/* In front of the body: what is not white text begins it. */

static byte_t *
scan_early(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    while (p < end && (onsite_inject_classes[*p] & SPACE)) {
        p++;
    }

    if (p < end && *p != '<') {
        onsite_inject_place_text(inject, onsite_inject_at(inject, p));
    }

    return p;
}


byte_t *
onsite_inject_scan_data(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    byte_t  *behind;

    if (onsite_inject_early(inject)) {
        p = scan_early(inject, p, end);

        if (p == end || *p != '<') {
            return p;
        }

        behind = scan_head_tag(inject, p, end);

        if (behind != NULL) {
            return behind;
        }

    } else if (inject->follow || inject->slot.open
               || inject->stage < ONSITE_STAGE_BODY)
    {
        behind = p;
        p = find(p, end, '<');

        if (inject->slot.open && inject->depth == 0) {
            onsite_inject_slot_text(inject, behind, p);
        }

    } else {
        p = scan_whole_tags(inject, p, end);
    }

    if (p == end || inject->state != ONSITE_SCAN_DATA) {
        return p;
    }

    inject->tag = onsite_inject_at(inject, p);
    inject->state = ONSITE_SCAN_TAG_OPEN;

    return ++p < end ? scan_open(inject, p, end) : p;
}
