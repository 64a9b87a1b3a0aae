/*
 * onsite_index.c - looking up the campaigns that an event can concern.
 */

#include "onsite_index.h"

/* Keys that one value of an event may have; with more (a long array), every
 * campaign listed under the attribute is a candidate. */
#define KEYS_MAX   32

/* Lists gathered before they are merged into one. */
#define LISTS_MAX  64


typedef struct {
    const uint32_t  *campaigns;
    size_t           n;
} list_t;


typedef struct {
    onsite_arena_t  *arena;
    size_t           n;
    list_t           lists[LISTS_MAX];
} lists_t;


uint32_t
onsite_index_name_hash(onsite_str_t name)
{
    uint32_t  hash = (uint32_t) onsite_hash64(name.data, name.len, 0);

    return hash != 0 ? hash : 1;
}


/* Fibonacci hashing (Knuth, TAOCP 6.4), folded to its well mixed half. */

uint32_t
onsite_index_key_hash(uint64_t key)
{
    return (uint32_t) ((key * 0x9e3779b97f4a7c15u) >> 32);
}


static const onsite_index_event_t *
find_event(const onsite_image_t *image, const onsite_index_t *index,
    onsite_str_t name)
{
    uint32_t                     i;
    onsite_str_t                 cell;
    const onsite_index_event_t  *events;

    events = onsite_image_at(image, index->events);

    for (i = onsite_index_name_hash(name); /* void */; i++) {
        cell = onsite_image_str(image, events[i & index->events_mask].name);

        if (cell.len == 0) {
            return NULL;
        }

        if (onsite_str_eq(cell, name)) {
            return &events[i & index->events_mask];
        }
    }
}


/* The union of two ascending lists, ascending. */

static bool
merge_two(onsite_arena_t *arena, list_t a, list_t b, list_t *out)
{
    size_t     i = 0, j = 0, n = 0;
    uint32_t  *to, x, y;

    to = onsite_arena_alloc(arena, (a.n + b.n) * sizeof(uint32_t));
    if (to == NULL) {
        return false;
    }

    while (i < a.n && j < b.n) {
        x = a.campaigns[i];
        y = b.campaigns[j];
        to[n++] = x < y ? x : y;
        i += x <= y;
        j += y <= x;
    }

    if (i < a.n) {
        memcpy(to + n, a.campaigns + i, (a.n - i) * sizeof(uint32_t));
        n += a.n - i;
    }

    if (j < b.n) {
        memcpy(to + n, b.campaigns + j, (b.n - j) * sizeof(uint32_t));
        n += b.n - j;
    }

    *out = (list_t) { to, n };

    return true;
}


/* Merges pairs, then pairs of these, until at most one list is left. */

static bool
merge_lists(lists_t *lists)
{
    size_t  i, n;

    while (lists->n > 1) {
        n = 0;

        for (i = 0; i + 1 < lists->n; i += 2) {
            if (!merge_two(lists->arena, lists->lists[i],
                           lists->lists[i + 1], &lists->lists[n++]))
            {
                return false;
            }
        }

        if (i < lists->n) {
            lists->lists[n++] = lists->lists[i];
        }

        lists->n = n;
    }

    return true;
}


static bool
add_list(lists_t *lists, const onsite_image_t *image, onsite_ref_t ref,
    uint32_t n)
{
    if (n == 0) {
        return true;
    }

    if (lists->n == LISTS_MAX && !merge_lists(lists)) {
        return false;
    }

    lists->lists[lists->n++] = (list_t) { onsite_image_at(image, ref), n };

    return true;
}


static bool
add_key(lists_t *lists, const onsite_image_t *image,
    const onsite_index_slot_t *slot, uint64_t key)
{
    uint32_t                    i;
    const onsite_index_cell_t  *cells, *cell;

    cells = onsite_image_at(image, slot->cells);

    for (i = onsite_index_key_hash(key); /* void */; i++) {
        cell = &cells[i & slot->mask];

        if (cell->n == 0) {
            return true;
        }

        if (cell->key == key) {
            return add_list(lists, image, cell->campaigns, cell->n);
        }
    }
}


static bool
add_slot(lists_t *lists, onsite_context_t *context,
    const onsite_index_slot_t *slot)
{
    bool      any = false;
    size_t    i, n;
    uint64_t  keys[KEYS_MAX + 1];

    n = onsite_equality_keys(onsite_attribute_slot(context, slot->slot), keys,
                             KEYS_MAX + 1, &any);

    if (any || n > KEYS_MAX) {
        return add_list(lists, context->image, slot->all, slot->n_all);
    }

    for (i = 0; i < n; i++) {
        if (!add_key(lists, context->image, slot, keys[i])) {
            return false;
        }
    }

    return true;
}


onsite_status_t
onsite_index_candidates(onsite_context_t *context, const uint32_t **out,
    size_t *n)
{
    lists_t                      lists;
    uint32_t                     i;
    const onsite_image_t        *image = context->image;
    const onsite_index_t        *index;
    const onsite_index_slot_t   *slots;
    const onsite_index_event_t  *event;

    *out = NULL;
    *n = 0;

    index = onsite_image_at(image, onsite_image_header(image)->index);
    event = find_event(image, index, context->event->name);

    if (event == NULL) {
        return ONSITE_OK;
    }

    lists.arena = context->arena;
    lists.n = 0;
    (void) add_list(&lists, image, event->campaigns, event->n);

    slots = onsite_image_at(image, event->slots);

    for (i = 0; i < event->n_slots; i++) {
        if (!add_slot(&lists, context, &slots[i])) {
            return ONSITE_NO_MEMORY;
        }
    }

    if (!merge_lists(&lists)) {
        return ONSITE_NO_MEMORY;
    }

    if (lists.n == 1) {
        *out = lists.lists[0].campaigns;
        *n = lists.lists[0].n;
    }

    return ONSITE_OK;
}


bool
onsite_index_goal(const onsite_image_t *image, onsite_str_t event)
{
    uint32_t               i, hash;
    const uint32_t        *goals;
    const onsite_index_t  *index;

    index = onsite_image_at(image, onsite_image_header(image)->index);
    goals = onsite_image_at(image, index->goals);
    hash = onsite_index_name_hash(event);

    for (i = hash; goals[i & index->goals_mask] != 0; i++) {
        if (goals[i & index->goals_mask] == hash) {
            return true;
        }
    }

    return false;
}


static bool
list_holds(const onsite_image_t *image, onsite_ref_t ref, uint32_t n)
{
    uint32_t         i;
    const uint32_t  *campaigns;

    if (!onsite_image_holds(image, ref, n, sizeof(uint32_t), 4)) {
        return false;
    }

    campaigns = onsite_image_at(image, ref);

    for (i = 0; i < n; i++) {
        if (campaigns[i] >= onsite_image_header(image)->n_campaigns
            || (i > 0 && campaigns[i] <= campaigns[i - 1]))
        {
            return false;
        }
    }

    return true;
}


/* A table of a power of two of cells. */

static bool
table_holds(const onsite_image_t *image, onsite_ref_t ref, uint32_t mask,
    size_t size)
{
    return (mask & (mask + 1)) == 0 && mask != UINT32_MAX
           && onsite_image_holds(image, ref, (uint64_t) mask + 1, size,
                                 size < 8 ? size : 8);
}


static bool
slot_holds(const onsite_image_t *image, const onsite_index_slot_t *slot)
{
    bool                        free_cell = false;
    uint32_t                    i;
    const onsite_index_cell_t  *cells;

    if (slot->slot >= onsite_image_header(image)->n_slots
        || !list_holds(image, slot->all, slot->n_all)
        || !table_holds(image, slot->cells, slot->mask, sizeof(*cells)))
    {
        return false;
    }

    cells = onsite_image_at(image, slot->cells);

    for (i = 0; i <= slot->mask; i++) {
        if (cells[i].n == 0) {
            free_cell = true;

        } else if (!list_holds(image, cells[i].campaigns, cells[i].n)) {
            return false;
        }
    }

    return free_cell;
}


static bool
event_holds(const onsite_image_t *image, const onsite_index_event_t *event)
{
    uint32_t                    i;
    const onsite_index_slot_t  *slots;

    if (!onsite_image_holds_str(image, event->name)
        || !list_holds(image, event->campaigns, event->n)
        || !onsite_image_holds(image, event->slots, event->n_slots,
                               sizeof(*slots), 8))
    {
        return false;
    }

    slots = onsite_image_at(image, event->slots);

    for (i = 0; i < event->n_slots; i++) {
        if (!slot_holds(image, &slots[i])) {
            return false;
        }
    }

    return true;
}


static bool
events_hold(const onsite_image_t *image, const onsite_index_t *index)
{
    bool                         free_cell = false;
    uint32_t                     i;
    const onsite_index_event_t  *events;

    if (!table_holds(image, index->events, index->events_mask,
                     sizeof(*events)))
    {
        return false;
    }

    events = onsite_image_at(image, index->events);

    for (i = 0; i <= index->events_mask; i++) {
        if (events[i].name.len == 0) {
            free_cell = true;

        } else if (!event_holds(image, &events[i])) {
            return false;
        }
    }

    return free_cell;
}


static bool
goals_hold(const onsite_image_t *image, const onsite_index_t *index)
{
    uint32_t         i;
    const uint32_t  *goals;

    if (!table_holds(image, index->goals, index->goals_mask,
                     sizeof(uint32_t)))
    {
        return false;
    }

    goals = onsite_image_at(image, index->goals);

    for (i = 0; i <= index->goals_mask; i++) {
        if (goals[i] == 0) {
            return true;
        }
    }

    return false;
}


onsite_status_t
onsite_index_verify(const onsite_image_t *image, onsite_error_t *error)
{
    const onsite_index_t  *index;
    onsite_ref_t           ref = onsite_image_header(image)->index;

    if (!onsite_image_holds(image, ref, 1, sizeof(*index), 8)) {
        return onsite_error(error, ONSITE_CORRUPT,
                            "image: the index at %u is outside it", ref);
    }

    index = onsite_image_at(image, ref);

    if (!events_hold(image, index)) {
        return onsite_error(error, ONSITE_CORRUPT,
                            "image: the index of events at %u is damaged",
                            index->events);
    }

    if (!goals_hold(image, index)) {
        return onsite_error(error, ONSITE_CORRUPT,
                            "image: the index of goals at %u is damaged",
                            index->goals);
    }

    return ONSITE_OK;
}
