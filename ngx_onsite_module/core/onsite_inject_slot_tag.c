/*
 * onsite_inject_slot_tag.c - what a tag does in a slot that is left out.
 *
 * What a slot holds by default is left out only if the page behind it is read
 * as if it had been there.  So the elements that are opened in it are followed,
 * with the end tags that may be omitted (WHATWG HTML, 13.2.6.4.7, "in body",
 * and what it takes of tables):
 *
 *   - a tag that closes an element from outside ends the slot in front of it;
 *   - where nobody but a whole tree builder could tell, or formatting would
 *     go on behind the slot, the slot fails: it stays as it is.
 */

#include "onsite_inject_slot.h"

enum {
    NOT_OPEN = -1,
    BARRED = -2         /* not in scope                                    */
};


static bool
may_be_open(const onsite_inject_t *inject, unsigned what)
{
    return ((inject->may_be_open | inject->may_be_open >> HIDDEN) & what) != 0;
}


/* Blocks and headings close paragraphs, and no formatting gets past them. */

static bool
is_special(const onsite_inject_slot_t *slot)
{
    return slot->kind == BLOCK || slot->kind == HEADING;
}


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


/* Closes all from i on.  Formatting that is closed without its end tag would
 * go on behind, but for that of a cell or an object; a form would, too. */

static void
pop_to(onsite_inject_t *inject, int i)
{
    bool                   covered = false;
    unsigned               k;
    onsite_inject_slot_t  *slot = &inject->slot;

    for (k = (unsigned) i; k < slot->depth; k++) {
        covered |= slot->kinds[k] == OBJECT
                   || (slot->kinds[k] == PART
                       && (slot->names[k] == CAPTION
                           || onsite_inject_rank(slot->names[k]) == 3));

        if ((slot->kinds[k] == FORMATTING && !covered)
            || slot->kinds[k] == FORM_)
        {
            onsite_inject_slot_fail(inject);
            return;
        }
    }

    slot->depth = (unsigned) i;
}


/* The innermost element of this name. */

static int
find_name(const onsite_inject_slot_t *slot, uint64_t name, unsigned bars)
{
    int  i;

    for (i = (int) slot->depth - 1; i >= 0; i--) {
        if (slot->names[i] == name) {
            return i;
        }

        if (bars & BIT(slot->kinds[i])) {
            return BARRED;
        }
    }

    return NOT_OPEN;
}


static int
find_kind(const onsite_inject_slot_t *slot, unsigned kind, unsigned bars)
{
    int  i;

    for (i = (int) slot->depth - 1; i >= 0; i--) {
        if (slot->kinds[i] == kind) {
            return i;
        }

        if (bars & BIT(slot->kinds[i])) {
            return BARRED;
        }
    }

    return NOT_OPEN;
}


/* The tag may close something around the slot, and the slot with it. */

static void
close_outside(onsite_inject_t *inject)
{
    onsite_inject_slot_close(inject, 0);
}


static void
close_paragraph(onsite_inject_t *inject)
{
    int  i = find_kind(&inject->slot, PARAGRAPH, BUTTON_SCOPE);

    if (i >= 0) {
        pop_to(inject, i);

    } else if (i == NOT_OPEN && !is_special(&inject->slot)
               && may_be_open(inject, MAY_P))
    {
        onsite_inject_slot_fail(inject);
    }
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
        && onsite_inject_may_be_open(inject))
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


/* Deeper than all parts where it is none. */

static int
part_rank(const onsite_inject_slot_t *slot, int i)
{
    return slot->kinds[i] == PART ? (int) onsite_inject_rank(slot->names[i])
                                  : INT32_MAX;
}


/* Rows of a table that is around the comments of a slot. */

static void
start_row(onsite_inject_t *inject)
{
    int                    i;
    unsigned               depth = onsite_inject_rank(inject->name);
    onsite_inject_slot_t  *slot = &inject->slot;

    if (slot->kind != COMMENT) {
        close_outside(inject);
        return;
    }

    if (slot->depth != 0
        && (slot->kinds[0] != PART
            || depth < onsite_inject_rank(slot->names[0])))
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
            close_outside(inject);
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


static void
close_if_open(onsite_inject_t *inject)
{
    if (onsite_inject_may_be_open(inject)) {
        close_outside(inject);
    }
}


static void
end_paragraph(onsite_inject_t *inject)
{
    int  i = find_kind(&inject->slot, PARAGRAPH, BUTTON_SCOPE);

    if (i >= 0) {
        pop_to(inject, i);

    } else if (i == NOT_OPEN && !is_special(&inject->slot)
               && may_be_open(inject, MAY_P))
    {
        close_outside(inject);
    }
}


static bool
saw_heading(const onsite_inject_t *inject)
{
    uint64_t  name;

    for (name = N2('h', '1'); name <= N2('h', '6'); name++) {
        if (onsite_inject_saw(inject, onsite_inject_begins(name, 2))) {
            return true;
        }
    }

    return false;
}


static void
end_heading(onsite_inject_t *inject)
{
    int  i = find_kind(&inject->slot, HEADING, SCOPE);

    if (i >= 0) {
        pop_to(inject, i);

    } else if (i == NOT_OPEN && inject->slot.kind == HEADING) {
        onsite_inject_slot_close(inject, CLOSED_WITH_BLOCK);

    } else if (i == NOT_OPEN && saw_heading(inject)) {
        close_outside(inject);
    }
}


/* Lists part items from end tags of items further out. */

static int
find_item(const onsite_inject_slot_t *slot, uint64_t name)
{
    int  i = find_name(slot, name, SCOPE), list;

    list = find_name(slot, UL, SCOPE);
    if (list < i || list < 0) {
        list = find_name(slot, OL, SCOPE);
    }

    return list > i && list >= 0 ? BARRED : i;
}


static void
end_block(onsite_inject_t *inject, unsigned kind)
{
    int                    i;
    onsite_inject_slot_t  *slot = &inject->slot;

    i = kind == ITEM ? find_item(slot, inject->name)
                     : find_name(slot, inject->name, SCOPE);

    if (i >= 0) {
        pop_to(inject, i);

    } else if (i == NOT_OPEN && slot->kind == BLOCK
               && slot->name == inject->name)
    {
        onsite_inject_slot_close(inject, CLOSED_WITH_BLOCK);

    } else if (i == NOT_OPEN) {
        close_if_open(inject);
    }
}


static void
end_form(onsite_inject_t *inject)
{
    int                    i = find_kind(&inject->slot, FORM_, 0);
    onsite_inject_slot_t  *slot = &inject->slot;

    if (i >= 0 && (unsigned) i == slot->depth - 1) {
        slot->depth--;

    } else if (i >= 0) {
        onsite_inject_slot_fail(inject);

    } else if (may_be_open(inject, MAY_FORM)) {
        close_outside(inject);
    }
}


/* Only formatting may overlap: what is inside goes on without it. */

static void
end_formatting(onsite_inject_t *inject)
{
    int                    i;
    unsigned               k;
    onsite_inject_slot_t  *slot = &inject->slot;

    i = find_name(slot, inject->name, SCOPE);

    if (i == NOT_OPEN) {
        close_if_open(inject);
    }

    if (i < 0) {
        return;
    }

    for (k = (unsigned) i; k < slot->depth; k++) {
        if (slot->kinds[k] != FORMATTING) {
            onsite_inject_slot_fail(inject);
            return;
        }
    }

    slot->depth--;

    for (k = (unsigned) i; k < slot->depth; k++) {
        slot->names[k] = slot->names[k + 1];
    }
}


static void
end_part(onsite_inject_t *inject)
{
    int                    i, table;
    int                    depth = (int) onsite_inject_rank(inject->name);
    onsite_inject_slot_t  *slot = &inject->slot;

    table = find_kind(slot, TABLE, 0);
    i = find_name(slot, inject->name, BIT(TABLE));

    if (i >= 0) {
        pop_to(inject, i);
        return;
    }

    if (table < 0) {
        close_outside(inject);
        return;
    }

    /* of one that was made up for */

    for (i = table + 1; i < (int) slot->depth; i++) {
        if (slot->kinds[i] == PART && part_rank(slot, i) > depth) {
            pop_to(inject, i);
            return;
        }
    }
}


static void
end_ordinary(onsite_inject_t *inject)
{
    int                    i;
    onsite_inject_slot_t  *slot = &inject->slot;

    i = find_name(slot, inject->name,
                  ~(BIT(ORDINARY) | BIT(FORMATTING)));

    if (i >= 0) {
        pop_to(inject, i);

    } else if (i == NOT_OPEN && slot->kind == ORDINARY
               && slot->name == inject->name)
    {
        onsite_inject_slot_close(inject, BIT(ORDINARY));

    } else if (i == NOT_OPEN && !is_special(slot)) {
        close_if_open(inject);
    }
}


static void
end_table(onsite_inject_t *inject)
{
    int  i = find_kind(&inject->slot, TABLE, 0);

    if (i >= 0) {
        pop_to(inject, i);
    } else {
        close_outside(inject);
    }
}


static void
end_tag(onsite_inject_t *inject, unsigned kind)
{
    switch (kind) {

    case VOID:
    case TEXT:
    case FOLLOWED:
    case SELECT_:
        break;

    case ROOT:
        if (inject->name == HTML || inject->name == BODY) {
            close_outside(inject);
        }
        break;

    case FORMATTING:
        end_formatting(inject);
        break;

    case PARAGRAPH:
        end_paragraph(inject);
        break;

    case HEADING:
        end_heading(inject);
        break;

    case TABLE:
        end_table(inject);
        break;

    case PART:
        end_part(inject);
        break;

    case FORM_:
        end_form(inject);
        break;

    case ORDINARY:
        end_ordinary(inject);
        break;

    default:
        end_block(inject, kind);
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
        end_tag(inject, kind);

    } else {
        start_tag(inject, kind);
    }
}
