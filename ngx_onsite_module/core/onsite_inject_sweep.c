/*
 * onsite_inject_sweep.c - the names that tags are looked at for by
 * onsite_inject_sweep.h.
 */

#include "onsite_inject_find.h"
#include "onsite_inject_slot.h"

#define LIKE(a, b, c, d)                                                      \
    [ONSITE_INJECT_INDEX((uint32_t) (a) | (uint32_t) (b) << 8                 \
                         | (uint32_t) (c) << 16 | (uint32_t) (d) << 24)]
#define MATTERS(a, b, c, d)  LIKE(a, b, c, d) = ONSITE_NAME_MATTERS
#define NOTED(a, b, c, d)    LIKE(a, b, c, d) = ONSITE_NAME_NOTED
#define SHORT(a, b, n)       LIKE(a, b, 0, 0) = ONSITE_NAME_SHORT + (n)

/* See ONSITE_INJECT_MATTERS and ONSITE_INJECT_NOTED. */

const uint8_t  onsite_inject_names[ONSITE_INJECT_NAMES] = {
    MATTERS('b', 'a', 's', 'e'), MATTERS('b', 'o', 'd', 'y'),
    MATTERS('f', 'r', 'a', 'm'), MATTERS('h', 'e', 'a', 'd'),
    MATTERS('h', 't', 'm', 'l'), MATTERS('i', 'f', 'r', 'a'),
    MATTERS('i', 'n', 'p', 'u'), MATTERS('k', 'e', 'y', 'g'),
    MATTERS('m', 'a', 't', 'h'), MATTERS('n', 'o', 'e', 'm'),
    MATTERS('n', 'o', 'f', 'r'), MATTERS('n', 'o', 's', 'c'),
    MATTERS('p', 'l', 'a', 'i'), MATTERS('s', 'c', 'r', 'i'),
    MATTERS('s', 'e', 'l', 'e'), MATTERS('s', 't', 'y', 'l'),
    MATTERS('s', 'v', 'g', 0), MATTERS('t', 'e', 'm', 'p'),
    MATTERS('t', 'e', 'x', 't'), MATTERS('t', 'i', 't', 'l'),
    MATTERS('x', 'm', 'p', 0),

    NOTED('a', 'p', 'p', 'l'), NOTED('b', 'u', 't', 't'),
    NOTED('c', 'a', 'p', 't'), NOTED('f', 'o', 'r', 'm'),
    NOTED('m', 'a', 'r', 'q'), NOTED('n', 'o', 'b', 'r'),
    NOTED('o', 'b', 'j', 'e'), NOTED('t', 'a', 'b', 'l'),

    SHORT('a', 0, 0), SHORT('p', 0, 1), SHORT('t', 'd', 2),
    SHORT('t', 'h', 3), SHORT('t', 'r', 4), SHORT('h', '1', 5),
    SHORT('h', '2', 6), SHORT('h', '3', 7), SHORT('h', '4', 8),
    SHORT('h', '5', 9), SHORT('h', '6', 10)
};

#define ONE(a, opens)                                                         \
    { (a), 0x20, 0xff, (opens), 0 }
#define TWO(a, b, fold, opens, closes)                                        \
    { (a) | (b) << 8, (fold), 0xffff, (opens), (closes) }

/* See onsite_inject_slot_note. */

const onsite_inject_note_t  onsite_inject_notes[] = {
    { 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0 },
    ONE('a', MAY_A), ONE('p', MAY_P),
    TWO('t', 'd', 0x2020, IN_CELL, 0), TWO('t', 'h', 0x2020, IN_CELL, 0),
    TWO('t', 'r', 0x2020, 0, IN_CELL), TWO('h', '1', 0x20, MAY_H, 0),
    TWO('h', '2', 0x20, MAY_H, 0), TWO('h', '3', 0x20, MAY_H, 0),
    TWO('h', '4', 0x20, MAY_H, 0), TWO('h', '5', 0x20, MAY_H, 0),
    TWO('h', '6', 0x20, MAY_H, 0)
};


/* The name's first eight bytes at most. */

static uint64_t
first_eight(byte_t *text)
{
    uint32_t  len = onsite_inject_name_length(text);

    return onsite_inject_eight(text) >> (64 - 8 * (len < 8 ? len : 8));
}


bool
onsite_inject_sweep_matters(byte_t *text)
{
    return !(onsite_inject_classes[*text] & LETTER)
           || (ONSITE_INJECT_BIT(first_eight(text)) & ONSITE_INJECT_MATTERS);
}


void
onsite_inject_sweep_note(onsite_inject_t *inject, byte_t *text, bool end_tag)
{
    uint64_t  name = first_eight(text);

    if (ONSITE_INJECT_BIT(name) & inject->noted) {
        onsite_inject_slot_note(inject, onsite_inject_lower_name(name),
                                end_tag);
    }
}
