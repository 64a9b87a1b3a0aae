/*
 * onsite_inject_slot.h - elements by how their tags work, as far as slots need
 * it.  Included by onsite_inject_{balance,kind,slot*,sweep}.c only.
 */

#ifndef ONSITE_INJECT_SLOT_H
#define ONSITE_INJECT_SLOT_H

#include "onsite_inject_tree.h"

/* Kinds of elements, by how their tags work. */

enum {
    ORDINARY = 0,       /* span, custom and unknown elements               */
    VOID,
    TEXT,               /* script, title, ...: they end by themselves      */
    FOLLOWED,           /* template, svg, math: see onsite_inject_tree.c   */
    ROOT,               /* html, head, body, frameset                      */
    FORMATTING,
    PARAGRAPH,
    BLOCK,
    HEADING,
    ITEM,               /* li                                              */
    TERM,               /* dt, dd                                          */
    TABLE,
    PART,               /* of a table                                      */
    OBJECT,
    BUTTON,
    FORM_,
    SELECT_,
    COMMENT             /* of slots: two comments                          */
};

#define BIT(kind)  (1u << (kind))

#define SCOPE         (BIT(TABLE) | BIT(PART) | BIT(OBJECT))
#define BUTTON_SCOPE  (SCOPE | BIT(BUTTON))
#define COVER         (BIT(OBJECT) | BIT(PART))

/* What an end tag of a block may leave open inside. */

#define CLOSED_WITH_BLOCK                                                     \
    (BIT(ORDINARY) | BIT(PARAGRAPH) | BIT(BLOCK) | BIT(HEADING)               \
     | BIT(ITEM) | BIT(TERM) | BIT(BUTTON))

/* What may be open around a slot; those that a table or an object hides from
 * their end tags stay so. */

#define MAY_P       0x01u
#define MAY_A       0x02u
#define MAY_NOBR    0x04u
#define MAY_BUTTON  0x08u
#define MAY_FORM    0x10u
#define IN_CELL     0x20u
#define MAY_H       0x40u
#define HIDDEN      8

#define ADDRESS   N7('a', 'd', 'd', 'r', 'e', 's', 's')
#define ANCHOR    N1('a')
#define BUTTON_   N6('b', 'u', 't', 't', 'o', 'n')
#define CAPTION   N7('c', 'a', 'p', 't', 'i', 'o', 'n')
#define COL       N3('c', 'o', 'l')
#define DD        N2('d', 'd')
#define DIV       N3('d', 'i', 'v')
#define DT        N2('d', 't')
#define HR        N2('h', 'r')
#define LISTING   N7('l', 'i', 's', 't', 'i', 'n', 'g')
#define NOBR      N4('n', 'o', 'b', 'r')
#define OL        N2('o', 'l')
#define OPTGROUP  N8('o', 'p', 't', 'g', 'r', 'o', 'u', 'p')
#define OPTION    N6('o', 'p', 't', 'i', 'o', 'n')
#define PRE       N3('p', 'r', 'e')
#define TABLE_    N5('t', 'a', 'b', 'l', 'e')
#define TD        N2('t', 'd')
#define TH        N2('t', 'h')
#define TR        N2('t', 'r')
#define UL        N2('u', 'l')

/* Of the tag being read. */
unsigned onsite_inject_kind(const onsite_inject_t *inject);

/* How deep in a table its part is. */
unsigned onsite_inject_rank(uint64_t name);

/* The tag or comment being read is the slot's own end: it is to be filled, if
 * all that is open in it is of these kinds. */
void onsite_inject_slot_close(onsite_inject_t *inject, unsigned kinds);

#endif
