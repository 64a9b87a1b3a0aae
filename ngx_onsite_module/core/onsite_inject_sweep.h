/*
 * onsite_inject_sweep.h - passes over tags that change nothing, many at once.
 * Included by onsite_inject_sweep_*.c only, each of which says for which
 * processors (SWEEP_TARGET), how the bytes of a block are told apart
 * (read_marks, read_slot_marks) and how tags are listed (add_tags); sweep is
 * what comes of it.
 *
 * First, of 64 bytes at a time, where tags begin and whether each of them
 * ends at its first ">", by arithmetic on a bit a byte; then what their names
 * begin with.  Nothing branches on what a page holds, but for what is rare:
 * pages are in no order that a processor could foresee.
 *
 * A tag (WHATWG HTML, 13.2.5.6 to 13.2.5.39) ends at its first ">" that is not
 * in a quoted value.  A quote can only open a value behind a "=", and white
 * between.  Where each quote that a "=" stands right in front of is followed
 * by the one that ends it, with no other such quote between them, and there
 * are no other quotes, and no white behind a "=", all of them are closed in
 * front of the ">": whether they opened a value or, being part of a name or
 * of a value without quotes, did not, for then nothing between them did.  What
 * is not as plain as that is odd: its tag is read with care.
 */

#include "onsite_inject_find.h"

#include <immintrin.h>

#define SWEEP                                                                 \
    static inline __attribute__((always_inline, target(SWEEP_TARGET)))

#define RARELY(condition)  __builtin_expect((condition) != 0, 0)

#define SWEEP_BLOCKS  16                /* whose tags are named at once    */

/* Names are read behind a "<" that is the last byte of a block. */

#define SWEEP_ROOM                                                            \
    (ONSITE_INJECT_BLOCK + 2 + ONSITE_INJECT_NAME_ROOM)

/* One bit for each byte of a block. */

typedef struct {
    uint64_t  open;         /* "<"                                         */
    uint64_t  close;        /* ">"                                         */
    uint64_t  quote;        /* '"'                                         */
    uint64_t  single;       /* "'"                                         */
    uint64_t  equals;
    uint64_t  space;        /* or what is below                            */
} marks_t;

/* An attribute that may be a slot's is known by "-???t=". */

typedef struct {
    uint64_t  dash;
    uint64_t  t;
} slot_marks_t;

/* What goes on in the next block: 0 or 1, but for what is shifted further. */

typedef struct {
    uint64_t  tag;
    uint64_t  quote;        /* a value in '"'                              */
    uint64_t  single;       /* ... in "'"                                  */
    uint64_t  equals;       /* was the last byte                           */
    uint64_t  t;
    uint64_t  dash;
} carry_t;

SWEEP marks_t read_marks(byte_t *p);
SWEEP slot_marks_t read_slot_marks(byte_t *p);

/* Where they are, from offset on; where the next ones go. */
SWEEP uint16_t *add_tags(uint16_t *tags, unsigned offset, uint64_t open);


/* Each beginning with what follows up to its end, which has its own bit unset;
 * ends without a beginning stay set, beginnings inside are unset. */

SWEEP uint64_t
spans(uint64_t begins, uint64_t ends, uint64_t *carry)
{
    uint64_t  result = ends - begins - *carry;

    *carry = (result & ~ends) >> 63;

    return result;
}


/* Each bit becomes the next. */

SWEEP uint64_t
behind(uint64_t bits, uint64_t *carry)
{
    uint64_t  result = bits << 1 | *carry;

    *carry = bits >> 63;

    return result;
}


/* What is odd, in those that are tags. */

SWEEP uint64_t
odd_in_tags(const marks_t *marks, uint64_t tags, carry_t *carry)
{
    uint64_t  odd, after, quotes, singles, inside, values;

    after = behind(marks->equals, &carry->equals);

    quotes = marks->quote & tags;
    inside = spans(quotes & after, quotes & ~after, &carry->quote);
    odd = quotes & (inside ^ after);
    values = inside & ~(quotes & ~after);

    singles = marks->single & tags;
    odd |= singles & values & after;
    singles &= ~values;

    if (RARELY(singles | carry->single)) {
        inside = spans(singles & after, singles & ~after, &carry->single);
        odd |= singles & (inside ^ after);
        inside &= ~(singles & ~after);
        odd |= inside & quotes;
        values |= inside;
    }

    return odd | (values & marks->close) | (after & marks->space & tags);
}


/* Where tags begin, up to the first that is odd, with it. */

SWEEP uint64_t
sweep_block(byte_t *p, bool slots, carry_t *carry, bool *plain)
{
    marks_t        marks = read_marks(p);
    uint64_t       tags, odd, open = marks.open;
    slot_marks_t   slot;

    tags = spans(open, marks.close, &carry->tag);
    odd = odd_in_tags(&marks, tags & ~marks.close, carry) | (open & ~tags);

    if (slots) {
        slot = read_slot_marks(p);
        odd |= marks.equals & tags & behind(slot.t, &carry->t)
               & (slot.dash << 5 | carry->dash);
        carry->dash = slot.dash >> 59;
    }

    *plain = odd == 0;

    if (RARELY(odd)) {
        open &= tags & ((odd & -odd) - 1);
    }

    return open;
}


/* Of the first four bytes of a name, all bits. */

SWEEP uint32_t
name_mask(uint32_t bytes)
{
    int       ends;
    __m128i   vector, table;

    table = _mm_setr_epi8(' ', -128, -128, -128, -128, -128, -128, -128, -128,
                          '\t', '\n', -128, '\f', '\r', '>', '/');
    vector = _mm_cvtsi32_si128((int) bytes);
    ends = _mm_cvtsi128_si32(_mm_cmpeq_epi8(vector,
                                            _mm_shuffle_epi8(table, vector)));

    return ~(uint32_t) ends & ((uint32_t) ends - 1);
}


/* What may be open behind the tag. */

SWEEP unsigned
note_short_name(unsigned may_be_open, uint32_t begins, uint32_t mask,
    const onsite_inject_note_t *note, bool end_tag)
{
    bool      same = ((begins | note->fold) == note->text)
                     & (mask == note->mask);
    unsigned  all = 0 - (unsigned) same;

    may_be_open &= ~(all & (unsigned) (note->opens | note->closes));

    return may_be_open | (all & (end_tag ? 0 : note->opens));
}


/* The first tag whose name matters; NULL: none does. */

SWEEP byte_t *
sweep_names(onsite_inject_t *inject, byte_t *base, const uint16_t *tags,
    const uint16_t *end, bool slots)
{
    bool       end_tag;
    byte_t    *text;
    uint32_t   mask, begins;
    unsigned   index, class, open = inject->may_be_open;

    for (/* void */; tags < end; tags++) {
        text = base + *tags + 1;
        end_tag = *text == '/';
        text += end_tag;

        memcpy(&begins, text, 4);
        mask = name_mask(begins);
        begins &= mask;
        index = ONSITE_INJECT_INDEX(begins);
        class = onsite_inject_names[index];

        if (RARELY(class == ONSITE_NAME_MATTERS
                   || !(onsite_inject_classes[*text] & LETTER))
            && onsite_inject_sweep_matters(text))
        {
            break;
        }

        inject->seen[end_tag ? ONSITE_INJECT_NAMES : index] = true;

        if (!slots) {
            continue;
        }

        if (RARELY(class == ONSITE_NAME_NOTED || inject->in_select)) {
            inject->may_be_open = open;
            onsite_inject_sweep_note(inject, text, end_tag);
            open = inject->may_be_open;

        } else {
            open = note_short_name(open, begins, mask,
                                   onsite_inject_notes + class, end_tag);
        }
    }

    inject->may_be_open = open;

    return tags < end ? base + *tags : NULL;
}


/* From text outside of all that is followed to the "<" of a tag that is to be
 * read with care, or to where too little is left. */

SWEEP byte_t *
sweep(onsite_inject_t *inject, byte_t *p, byte_t *end, bool slots)
{
    bool       plain = true;
    byte_t    *block, *stop, *tag;
    size_t     blocks = SWEEP_BLOCKS / 4;
    carry_t    carry;
    uint16_t  *last, tags[SWEEP_BLOCKS * ONSITE_INJECT_BLOCK + 16];

    while (plain && end - p >= SWEEP_ROOM) {
        carry = (carry_t) { .tag = 0 };
        last = tags;
        block = p;
        stop = (size_t) (end - p) < blocks * ONSITE_INJECT_BLOCK + SWEEP_ROOM
               ? end - SWEEP_ROOM : p + (blocks - 1) * ONSITE_INJECT_BLOCK;

        do {
            last = add_tags(last, (unsigned) (block - p),
                            sweep_block(block, slots, &carry, &plain));
            block += ONSITE_INJECT_BLOCK;
        } while (plain && block <= stop);

        if (!plain || carry.tag != 0) {
            block = p + *--last;
        }

        tag = sweep_names(inject, p, tags, last, slots);

        if (tag != NULL || block == p) {
            return tag != NULL ? tag : block;
        }

        p = block;
        blocks = SWEEP_BLOCKS;
    }

    return p;
}
