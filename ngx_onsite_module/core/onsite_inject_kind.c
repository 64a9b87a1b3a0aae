/*
 * onsite_inject_kind.c - what kind of element a tag is one of, and what may be
 * open around slots.
 */

#include "onsite_inject_slot.h"


static unsigned
long_kind(const onsite_inject_t *inject)
{
    if (inject->name == onsite_inject_name(ONSITE_STR("blockquote"))
        || inject->name == onsite_inject_name(ONSITE_STR("figcaption")))
    {
        return BLOCK;
    }

    return ORDINARY;
}


static unsigned
block_kind(uint64_t name)
{
    switch (name) {

    case ADDRESS:
    case DIV:
    case LISTING:
    case OL:
    case PRE:
    case UL:
    case N7('a', 'r', 't', 'i', 'c', 'l', 'e'):
    case N5('a', 's', 'i', 'd', 'e'):
    case N6('c', 'e', 'n', 't', 'e', 'r'):
    case N7('d', 'e', 't', 'a', 'i', 'l', 's'):
    case N6('d', 'i', 'a', 'l', 'o', 'g'):
    case N3('d', 'i', 'r'):
    case N2('d', 'l'):
    case N8('f', 'i', 'e', 'l', 'd', 's', 'e', 't'):
    case N6('f', 'i', 'g', 'u', 'r', 'e'):
    case N6('f', 'o', 'o', 't', 'e', 'r'):
    case N6('h', 'e', 'a', 'd', 'e', 'r'):
    case N6('h', 'g', 'r', 'o', 'u', 'p'):
    case N4('m', 'a', 'i', 'n'):
    case N4('m', 'e', 'n', 'u'):
    case N3('n', 'a', 'v'):
    case N6('s', 'e', 'a', 'r', 'c', 'h'):
    case N7('s', 'e', 'c', 't', 'i', 'o', 'n'):
    case N7('s', 'u', 'm', 'm', 'a', 'r', 'y'):
        return BLOCK;

    default:
        return ORDINARY;
    }
}


static unsigned
inline_kind(uint64_t name)
{
    switch (name) {

    case ANCHOR: case N1('b'): case N3('b', 'i', 'g'):
    case N4('c', 'o', 'd', 'e'): case N2('e', 'm'): case FONT: case N1('i'):
    case NOBR: case N1('s'): case N5('s', 'm', 'a', 'l', 'l'):
    case N6('s', 't', 'r', 'i', 'k', 'e'):
    case N6('s', 't', 'r', 'o', 'n', 'g'): case N2('t', 't'): case N1('u'):
        return FORMATTING;

    case N1('p'):
        return PARAGRAPH;

    case N2('h', '1'): case N2('h', '2'): case N2('h', '3'):
    case N2('h', '4'): case N2('h', '5'): case N2('h', '6'):
        return HEADING;

    case N2('l', 'i'):
        return ITEM;

    case DD: case DT:
        return TERM;

    default:
        return block_kind(name);
    }
}


unsigned
onsite_inject_kind(const onsite_inject_t *inject)
{
    if (inject->name_len > 8) {
        return long_kind(inject);
    }

    switch (inject->name) {

    case SCRIPT: case TITLE: case TEXTAREA: case STYLE: case XMP: case IFRAME:
    case NOEMBED: case NOFRAMES: case NOSCRIPT:
        return TEXT;

    case TEMPLATE: case SVG: case MATH:
        return FOLLOWED;

    case HTML: case HEAD: case BODY: case FRAMESET:
    case N5('f', 'r', 'a', 'm', 'e'):
        return ROOT;

    case TABLE_:
        return TABLE;

    case CAPTION: case COL: case COLGROUP: case N5('t', 'b', 'o', 'd', 'y'):
    case TD: case N5('t', 'f', 'o', 'o', 't'): case TH:
    case N5('t', 'h', 'e', 'a', 'd'): case TR:
        return PART;

    case N6('a', 'p', 'p', 'l', 'e', 't'):
    case N7('m', 'a', 'r', 'q', 'u', 'e', 'e'):
    case N6('o', 'b', 'j', 'e', 'c', 't'):
        return OBJECT;

    case BUTTON_:
        return BUTTON;

    case FORM:
        return FORM_;

    case SELECT:
        return SELECT_;

    default:
        return onsite_inject_is_void(inject->name)
               ? VOID : inline_kind(inject->name);
    }
}


unsigned
onsite_inject_rank(uint64_t name)
{
    return name == TABLE_ ? 0 : name == TD || name == TH ? 3
           : name == TR || name == COL ? 2 : 1;
}


/* Inside of tables and objects end tags do not reach what is around. */

static void
note_barrier(onsite_inject_t *inject, bool end_tag, unsigned hides)
{
    if (!end_tag) {
        inject->may_be_open |= (inject->may_be_open & hides) << HIDDEN;
    }
}


static void
note_table(onsite_inject_t *inject, bool end_tag)
{
    if (!end_tag) {
        inject->tables++;
        inject->may_be_open &= ~IN_CELL;
        return;
    }

    inject->tables -= inject->tables != 0;
    inject->may_be_open &= ~IN_CELL;

    if (inject->tables != 0) {
        inject->may_be_open |= IN_CELL;
    }
}


static bool
is_part(uint64_t name)
{
    return name == TABLE_ || name == TD || name == TH || name == TR
           || name == CAPTION;
}


static unsigned
what_opens(uint64_t name)
{
    switch (name) {

    case N1('p'):
        return MAY_P;

    case N2('h', '1'): case N2('h', '2'): case N2('h', '3'):
    case N2('h', '4'): case N2('h', '5'): case N2('h', '6'):
        return MAY_H;

    case ANCHOR:
        return MAY_A;

    case NOBR:
        return MAY_NOBR;

    case BUTTON_:
        return MAY_BUTTON;

    case FORM:
        return MAY_FORM;

    case TD:
    case TH:
    case CAPTION:
        return IN_CELL;

    default:
        return 0;
    }
}


void
onsite_inject_slot_note(onsite_inject_t *inject, uint64_t name, bool end_tag)
{
    /* a select ignores all but what ends it, as parts of tables do */

    if (inject->in_select && end_tag && !is_part(name)) {
        return;
    }

    switch (name) {

    case BUTTON_:
        note_barrier(inject, end_tag, MAY_P);
        break;

    case TR:
        inject->may_be_open &= ~IN_CELL;
        break;

    case TABLE_:
        note_table(inject, end_tag);

        /* fall through */

    case N6('a', 'p', 'p', 'l', 'e', 't'):
    case N7('m', 'a', 'r', 'q', 'u', 'e', 'e'):
    case N6('o', 'b', 'j', 'e', 'c', 't'):
        note_barrier(inject, end_tag, MAY_P | MAY_A | MAY_NOBR | MAY_BUTTON);
        break;

    default:
        break;
    }

    if (end_tag) {
        inject->may_be_open &= ~what_opens(name);
    } else {
        inject->may_be_open |= what_opens(name);
    }
}
