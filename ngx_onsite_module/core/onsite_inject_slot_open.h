/*
 * onsite_inject_slot_open.h - what is open in a slot that is left out, and
 * around it.  Included by onsite_inject_slot_{tag,end}.c only.
 */

#ifndef ONSITE_INJECT_SLOT_OPEN_H
#define ONSITE_INJECT_SLOT_OPEN_H

#include "onsite_inject_slot.h"

enum {
    NOT_OPEN = -1,
    BARRED = -2         /* not in scope                                    */
};

/* An end tag of an element of that kind, in a slot. */
void onsite_inject_slot_end_tag(onsite_inject_t *inject, unsigned kind);


static inline bool
may_be_open(const onsite_inject_t *inject, unsigned what)
{
    return ((inject->may_be_open | inject->may_be_open >> HIDDEN) & what) != 0;
}


/* Blocks and headings close paragraphs, and no formatting gets past them. */

static inline bool
is_special(const onsite_inject_slot_t *slot)
{
    return slot->kind == BLOCK || slot->kind == HEADING;
}


/* Closes all from i on.  Formatting that is closed without its end tag would
 * go on behind, but for that of a cell or an object; a form would, too. */

static inline void
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

static inline int
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


static inline int
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


/* Deeper than all parts where it is none. */

static inline int
part_rank(const onsite_inject_slot_t *slot, int i)
{
    return slot->kinds[i] == PART ? (int) onsite_inject_rank(slot->names[i])
                                  : INT32_MAX;
}


static inline void
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

#endif
