/*
 * onsite_inject_slot_end.c - what an end tag does in a slot that is left out:
 * see onsite_inject_slot_tag.c.
 */

#include "onsite_inject_slot_open.h"


static void
fail_if_open(onsite_inject_t *inject)
{
    if (onsite_inject_may_be_open(inject)) {
        onsite_inject_slot_fail(inject);
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

    } else if (i == NOT_OPEN && inject->slot.kind == HEADING
               && inject->slot.name == inject->name)
    {
        onsite_inject_slot_close(inject, CLOSED_WITH_BLOCK);

    } else if (i == NOT_OPEN && saw_heading(inject)) {
        onsite_inject_slot_fail(inject);
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
        fail_if_open(inject);
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
        onsite_inject_slot_fail(inject);
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
        fail_if_open(inject);
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
        onsite_inject_slot_fail(inject);
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
        fail_if_open(inject);
    }
}


static void
end_table(onsite_inject_t *inject)
{
    int  i = find_kind(&inject->slot, TABLE, 0);

    if (i >= 0) {
        pop_to(inject, i);
    } else {
        onsite_inject_slot_fail(inject);
    }
}


void
onsite_inject_slot_end_tag(onsite_inject_t *inject, unsigned kind)
{
    switch (kind) {

    case VOID:
    case TEXT:
    case FOLLOWED:
    case SELECT_:
        break;

    case ROOT:
        if (inject->name == HTML || inject->name == BODY) {
            onsite_inject_slot_fail(inject);
        }
        break;

    case FORMATTING:
        end_formatting(inject);
        break;

    case PARAGRAPH:
        close_paragraph(inject);
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
