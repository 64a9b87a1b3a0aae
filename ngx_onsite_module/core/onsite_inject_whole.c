/*
 * onsite_inject_whole.c - text, and tags that the input holds to their ends:
 * many at once where none of them matters (onsite_inject_sweep.h), else one by
 * one by the marks of blocks; what is left is read byte by byte.
 */

#include "onsite_inject_find.h"

/* Blocks stay in registers only where what reads them is one function, and no
 * more than that. */

#define ALWAYS_INLINE  inline __attribute__((always_inline))
#define NEVER_INLINE   __attribute__((noinline))

/* The shortest name of an end tag that matters anywhere: body; but for what is
 * noted around slots. */

#define END_MATTERS  4


static byte_t *
find(byte_t *p, byte_t *end, int c)
{
    byte_t  *found = memchr(p, c, (size_t) (end - p));

    return found != NULL ? found : end;
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


/* False: it is to be read byte by byte.  Around html, head and body there are
 * places, and font has attributes. */

static bool
take_tag(onsite_inject_t *inject, uint64_t name, uint32_t len, bool end_tag,
    bool self_closing)
{
    if (len == 4) {
        return false;
    }

    inject->name = onsite_inject_lower_name(name);
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
            onsite_inject_see(inject, onsite_inject_begins(name, len));
        }

        if (bit & inject->noted) {
            onsite_inject_slot_note(inject, onsite_inject_lower_name(name),
                                    end_tag);
        }

        return p + 1;
    }

    return take_tag(inject, name, len, end_tag, p != from && p[-1] == '/')
           ? p + 1 : NULL;
}


/* Over tags that change nothing, as far as the processor's vectors reach. */

static ALWAYS_INLINE byte_t *
sweep(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
#if defined(__x86_64__)

    if (inject->vectors == ONSITE_VECTORS_64) {
        return inject->noted != 0
               ? onsite_inject_sweep_slots_avx512(inject, p, end)
               : onsite_inject_sweep_avx512(inject, p, end);
    }

    if (inject->vectors == ONSITE_VECTORS_32) {
        return inject->noted != 0
               ? onsite_inject_sweep_slots_avx2(inject, p, end)
               : onsite_inject_sweep_avx2(inject, p, end);
    }

#endif

    return p;
}


/* To the end, to behind a tag that other text follows, or to the "<" of what
 * is to be read byte by byte. */

static NEVER_INLINE byte_t *
scan_whole_tags(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    byte_t                 *tag = NULL;
    onsite_inject_block_t   block = { .base = NULL, .end = end };

    do {
        if (inject->depth == 0) {
            p = sweep(inject, p, end);
        }

        if (p != tag) {
            block.base = p;
            block.marks = onsite_inject_marks(p, end);
        }

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

        tag = p;
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

    name = onsite_inject_eight(p + 1) >> (64 - 8 * len);
    name = onsite_inject_lower_name(name);

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

    return ++p < end ? onsite_inject_scan_tag(inject, p, end) : p;
}
