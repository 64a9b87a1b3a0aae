/*
 * onsite_inject_slot.c - where slots begin and end.
 */

#include "onsite_inject_slot.h"
#include "onsite_limits.h"


void
onsite_inject_slot_none(onsite_inject_t *inject)
{
    inject->n_slots = 0;

    if (inject->slot.ended) {
        return;
    }

    inject->slot.open = false;

    if (inject->wanted == 0) {
        inject->state = ONSITE_SCAN_COPY;
    }
}


void
onsite_inject_slot_waste(onsite_inject_t *inject, uint64_t bytes)
{
    inject->waste += (size_t) bytes + ONSITE_INJECT_WASTE;

    if (inject->waste > ONSITE_SLOTS_WASTE_MAX) {
        onsite_inject_slot_none(inject);
    }
}


void
onsite_inject_slot_fail_at(onsite_inject_t *inject, uint64_t offset)
{
    inject->slot.open = false;
    onsite_inject_slot_waste(inject, offset - inject->slot.from);
}


/* The tag's name is all that may be held back of it. */

void
onsite_inject_slot_fail(onsite_inject_t *inject)
{
    onsite_inject_slot_fail_at(inject, inject->tag + inject->name_len);
}


static bool
all_are(const onsite_inject_slot_t *slot, unsigned kinds)
{
    unsigned  i;

    for (i = 0; i < slot->depth; i++) {
        if (!(kinds & BIT(slot->kinds[i]))) {
            return false;
        }
    }

    return true;
}


void
onsite_inject_slot_close(onsite_inject_t *inject, unsigned kinds)
{
    if (!all_are(&inject->slot, kinds)) {
        onsite_inject_slot_fail(inject);
        return;
    }

    inject->slot.ended = true;
    inject->cut = inject->tag;
}


static void
open_slot(onsite_inject_t *inject, onsite_str_t name, unsigned kind,
    uint64_t offset)
{
    unsigned               i;
    onsite_inject_slot_t  *slot = &inject->slot;

    for (i = 0; i < inject->n_slots; i++) {
        if (onsite_str_eq(inject->slot_names[i], name)) {
            slot->open = true;
            slot->index = i;
            slot->kind = (onsite_kind_t) kind;
            slot->name = inject->name;
            slot->from = offset;
            slot->comments = 0;
            slot->depth = 0;
            return;
        }
    }
}


/* Elements whose content may be replaced: which no other tag closes. */

void
onsite_inject_slot_begin(onsite_inject_t *inject, uint64_t offset)
{
    unsigned  kind = onsite_inject_kind(inject);

    if (inject->value_len == 0 || inject->state != ONSITE_SCAN_DATA
        || inject->in_select || inject->n_slots == 0
        || (kind != BLOCK && kind != HEADING && kind != ORDINARY))
    {
        return;
    }

    switch (inject->name) {

    case LISTING:
    case OPTGROUP:
    case OPTION:
    case PRE:
    case N2('r', 'b'):
    case N2('r', 'p'):
    case N2('r', 't'):
    case N3('r', 't', 'c'):
        return;

    default:
        open_slot(inject, onsite_inject_values_slot(inject), kind, offset);
    }
}


/* "word" or "word name", white space around; name is empty for the first. */

static bool
read_comment(onsite_str_t text, const char *word, onsite_str_t *name)
{
    size_t  len = strlen(word);

    while (text.len != 0
           && (onsite_inject_classes[(unsigned char) text.data[0]] & SPACE))
    {
        text.data++;
        text.len--;
    }

    while (text.len != 0
           && (onsite_inject_classes[(unsigned char) text.data[text.len - 1]]
               & SPACE))
    {
        text.len--;
    }

    if (text.len < len || memcmp(text.data, word, len) != 0) {
        return false;
    }

    *name = onsite_str(text.data + len, text.len - len);

    while (name->len != 0
           && (onsite_inject_classes[(unsigned char) name->data[0]] & SPACE))
    {
        name->data++;
        name->len--;
    }

    return name->len == 0 || name->data != text.data + len;
}


/* Comments between those of a slot go with the elements that they are in:
 * whose end is whose has to be clear. */

static void
begin_comment(onsite_inject_t *inject, onsite_str_t name, uint64_t offset)
{
    onsite_inject_slot_t  *slot = &inject->slot;

    if (slot->open && slot->kind == COMMENT && slot->depth == 0) {
        onsite_inject_slot_fail(inject);
    }

    if (slot->open) {
        slot->comments++;
    } else {
        open_slot(inject, name, COMMENT, offset);
    }
}


static void
end_comment(onsite_inject_t *inject)
{
    onsite_inject_slot_t  *slot = &inject->slot;

    if (!slot->open || slot->kind != COMMENT) {
        return;
    }

    if (slot->comments == 0) {
        onsite_inject_slot_close(inject, 0);

    } else if (slot->depth == 0) {
        onsite_inject_slot_fail(inject);

    } else {
        slot->comments--;
    }
}


void
onsite_inject_slot_comment(onsite_inject_t *inject, uint64_t offset)
{
    size_t        len = inject->value_len;
    onsite_str_t  text, name;

    if (len > ONSITE_INJECT_VALUE || len < 3
        || (inject->in_select && !inject->slot.open)
        || inject->stage != ONSITE_STAGE_BODY
        || memcmp(inject->value + len - 3, "-->", 3) != 0)
    {
        return;
    }

    text = onsite_str(inject->value, len - 3);
    inject->name_len = 0;

    if (read_comment(text, "/onsite:slot", &name)) {
        end_comment(inject);

    } else if (read_comment(text, "onsite:slot", &name) && name.len != 0) {
        begin_comment(inject, name, offset);
    }
}
