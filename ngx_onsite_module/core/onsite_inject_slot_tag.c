/*
 * onsite_inject_slot_tag.c - what a tag does in a slot that is left out.
 *
 * What a slot holds by default is left out only if the page behind it is read
 * as if it had been there.  So the elements that are opened in it are followed,
 * with the end tags that may be omitted (WHATWG HTML, 13.2.6.4.7, "in body",
 * and what it takes of tables):
 *
 *   - a slot ends at the end tag, or the comment, that is its own;
 *   - where anything else would end it, nobody but a whole tree builder could
 *     tell, or formatting would go on behind it, it fails: it stays as it is.
 */

#include "onsite_inject_slot_open.h"


static void
push(onsite_inject_t *inject, unsigned kind)
{
    onsite_inject_slot_t  *slot = &inject->slot;

    if (slot->depth == ONSITE_INJECT_DEPTH) {
        onsite_inject_slot_fail(inject);
        return;
    }

    slot->kinds[slot->depth] = (onsite_kind_t) kind;
    slot->names[slot->depth] = inject->name;
    slot->depth++;
}


static void
start_formatting(onsite_inject_t *inject)
{
    unsigned  once = inject->name == ANCHOR ? MAY_A
                     : inject->name == NOBR ? MAY_NOBR : 0;

    /* a second one closes the first, wherever that is */

    if (once != 0
        && (may_be_open(inject, once)
            || find_name(&inject->slot, inject->name, 0) >= 0))
    {
        onsite_inject_slot_fail(inject);
        return;
    }

    push(inject, FORMATTING);
}


static void
start_heading(onsite_inject_t *inject)
{
    onsite_inject_slot_t  *slot = &inject->slot;

    close_paragraph(inject);

    if (slot->depth == 0
        && (slot->kind == HEADING
            || (slot->kind == COMMENT && may_be_open(inject, MAY_H))))
    {
        onsite_inject_slot_fail(inject);
        return;
    }

    if (slot->depth != 0 && slot->kinds[slot->depth - 1] == HEADING) {
        slot->depth--;
    }

    push(inject, HEADING);
}


/* What stands between an item and one further out. */

static bool
parts_items(unsigned kind, uint64_t name)
{
    return kind != ORDINARY && kind != FORMATTING && kind != PARAGRAPH
           && kind != COMMENT && name != DIV && name != ADDRESS;
}


/* An item around the slot that the tag would close: a term closes a
 * description, and the other way round. */

static bool
item_may_be_open(const onsite_inject_t *inject, unsigned kind)
{
    return kind == TERM
           ? onsite_inject_saw(inject, onsite_inject_begins(DD, 2))
             || onsite_inject_saw(inject, onsite_inject_begins(DT, 2))
           : onsite_inject_may_be_open(inject);
}


static void
start_item(onsite_inject_t *inject, unsigned kind)
{
    int                    i;
    onsite_inject_slot_t  *slot = &inject->slot;

    for (i = (int) slot->depth - 1; i >= 0; i--) {
        if (slot->kinds[i] == kind) {
            pop_to(inject, i);
            break;
        }

        if (parts_items(slot->kinds[i], slot->names[i])) {
            break;
        }
    }

    if (i < 0 && slot->kind != COMMENT && !parts_items(slot->kind, slot->name)
        && item_may_be_open(inject, kind))
    {
        onsite_inject_slot_fail(inject);
        return;
    }

    close_paragraph(inject);
    push(inject, kind);
}


static void
start_table(onsite_inject_t *inject)
{
    onsite_inject_slot_t  *slot = &inject->slot;

    /* a table in a table, but not in a cell, closes it; whether a paragraph
     * is closed depends on the doctype */

    if ((inject->tables != 0 && !may_be_open(inject, IN_CELL))
        || (find_kind(slot, PARAGRAPH, BUTTON_SCOPE) == NOT_OPEN
            && !is_special(slot) && may_be_open(inject, MAY_P)))
    {
        onsite_inject_slot_fail(inject);
        return;
    }

    push(inject, TABLE);
}


/* Rows of a table that is around the comments of a slot. */

static void
start_row(onsite_inject_t *inject)
{
    int                    i;
    unsigned               depth = onsite_inject_rank(inject->name);
    onsite_inject_slot_t  *slot = &inject->slot;

    if (slot->kind != COMMENT || inject->tables == 0
        || may_be_open(inject, IN_CELL)
        || (slot->depth != 0
            && (slot->kinds[0] != PART
                || depth < onsite_inject_rank(slot->names[0]))))
    {
        onsite_inject_slot_fail(inject);
        return;
    }

    for (i = (int) slot->depth - 1; i >= 0; i--) {
        if (part_rank(slot, i) < (int) depth) {
            break;
        }
    }

    pop_to(inject, i + 1);
}


static void
start_part(onsite_inject_t *inject)
{
    int                    i, table;
    unsigned               depth = onsite_inject_rank(inject->name);
    onsite_inject_slot_t  *slot = &inject->slot;

    table = find_kind(slot, TABLE, 0);

    if (table < 0) {
        start_row(inject);

    } else {
        for (i = (int) slot->depth - 1; i > table; i--) {
            if (part_rank(slot, i) < (int) depth) {
                break;
            }
        }

        pop_to(inject, i + 1);
    }

    if (inject->name != COL) {
        push(inject, PART);
    }
}


static void
start_button(onsite_inject_t *inject)
{
    int  i = find_kind(&inject->slot, BUTTON, SCOPE);

    if (i >= 0) {
        pop_to(inject, i);

    } else if (i == NOT_OPEN && may_be_open(inject, MAY_BUTTON)) {
        onsite_inject_slot_fail(inject);
        return;
    }

    push(inject, BUTTON);
}


/* There is one form at a time; directly in a table it is not kept open. */

static void
start_form(onsite_inject_t *inject)
{
    if (may_be_open(inject, MAY_FORM)
        || find_kind(&inject->slot, FORM_, 0) >= 0
        || find_kind(&inject->slot, TABLE, 0) >= 0)
    {
        onsite_inject_slot_fail(inject);
        return;
    }

    close_paragraph(inject);
    push(inject, FORM_);
}


static void
start_tag(onsite_inject_t *inject, unsigned kind)
{
    switch (kind) {

    case VOID:
    case TEXT:
        if (inject->name == HR || inject->name == XMP) {
            close_paragraph(inject);
        }
        break;

    case FOLLOWED:
        break;

    case ROOT:
        if (inject->name == HTML || inject->name == BODY) {
            onsite_inject_slot_fail(inject);
        }
        break;

    case FORMATTING:
        start_formatting(inject);
        break;

    case PARAGRAPH:
    case BLOCK:
        close_paragraph(inject);
        push(inject, kind);
        break;

    case HEADING:
        start_heading(inject);
        break;

    case ITEM:
    case TERM:
        start_item(inject, kind);
        break;

    case TABLE:
        start_table(inject);
        break;

    case PART:
        start_part(inject);
        break;

    case BUTTON:
        start_button(inject);
        break;

    case FORM_:
        start_form(inject);
        break;

    default:
        push(inject, kind);
    }
}


/* In a select most tags are ignored, by old browsers; those of which that
 * would matter later fail. */

static void
tag_in_select(onsite_inject_t *inject, unsigned kind)
{
    int  i = find_kind(&inject->slot, SELECT_, 0);

    if (i < 0) {
        onsite_inject_slot_fail(inject);

    } else if (kind == SELECT_ || (!inject->end_tag
                                   && (inject->name == INPUT
                                       || inject->name == KEYGEN
                                       || inject->name == TEXTAREA)))
    {
        inject->slot.depth = (unsigned) i;

    } else if (inject->name != OPTION && inject->name != OPTGROUP
               && kind != VOID && kind != TEXT)
    {
        onsite_inject_slot_fail(inject);
    }
}


/* Comments around what is directly in a table, but is none of its parts: it
 * would be put in front of the table. */

static bool
is_in_table(const onsite_inject_t *inject)
{
    return inject->slot.kind == COMMENT && inject->slot.depth == 0
           && inject->tables != 0 && !may_be_open(inject, IN_CELL);
}


void
onsite_inject_slot_text(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    if (!is_in_table(inject)) {
        return;
    }

    while (p < end && (onsite_inject_classes[*p] & SPACE)) {
        p++;
    }

    if (p != end) {
        onsite_inject_slot_fail_at(inject, onsite_inject_at(inject, p));
    }
}


static bool
is_misplaced(const onsite_inject_t *inject, unsigned kind)
{
    return is_in_table(inject) && kind != PART && kind != TABLE && kind != ROOT
           && inject->name != SCRIPT && inject->name != STYLE
           && inject->name != TEMPLATE;
}


void
onsite_inject_slot_tag(onsite_inject_t *inject)
{
    unsigned  kind = onsite_inject_kind(inject);

    if (inject->in_select) {
        tag_in_select(inject, kind);

    } else if (is_misplaced(inject, kind)) {
        onsite_inject_slot_fail(inject);

    } else if (inject->end_tag) {
        onsite_inject_slot_end_tag(inject, kind);

    } else {
        start_tag(inject, kind);
    }
}
