/*
 * onsite_index_build.c - writing the index of an image.
 *
 * Each campaign is listed once: without an equality under its event alone,
 * else under every literal of the equality whose literals are the rarest
 * among the event's campaigns.
 */

#include "onsite_index.h"

#include <stdlib.h>

/* Equalities looked at in each of `where` and audience. */
#define EQUALITIES_MAX  16


/* That a campaign demands a slot to have a key. */
typedef struct {
    uint64_t  key;
    uint32_t  slot;
    uint32_t  campaign;
} demand_t;


typedef struct {
    demand_t  *items;
    size_t     n;
    size_t     capacity;
    bool       failed;
} demands_t;


/* A campaign under the name of its event. */
typedef struct {
    onsite_str_t  name;
    uint32_t      campaign;
} named_t;


typedef struct {
    onsite_builder_t  *b;
    onsite_ref_t       campaigns;
    uint32_t           n;
    named_t           *named;       /* by name, then by campaign           */
    uint32_t           n_named;     /* those that an event triggers        */
    demands_t          all;         /* of one event, by slot, then by key  */
    demands_t          listed;      /* those that the index will use       */
    uint32_t          *unlisted;    /* campaigns of one event              */
    uint32_t           n_unlisted;
} work_t;


static int
by_name(const void *p, const void *q)
{
    int             order;
    const named_t  *a = p, *b = q;

    order = memcmp(a->name.data, b->name.data,
                   a->name.len < b->name.len ? a->name.len : b->name.len);
    if (order != 0) {
        return order;
    }

    if (a->name.len != b->name.len) {
        return a->name.len < b->name.len ? -1 : 1;
    }

    return (a->campaign > b->campaign) - (a->campaign < b->campaign);
}


static int
by_slot_and_key(const void *p, const void *q)
{
    const demand_t  *a = p, *b = q;

    if (a->slot != b->slot) {
        return a->slot < b->slot ? -1 : 1;
    }

    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }

    return (a->campaign > b->campaign) - (a->campaign < b->campaign);
}


static int
by_number(const void *p, const void *q)
{
    uint32_t  a = *(const uint32_t *) p, b = *(const uint32_t *) q;

    return (a > b) - (a < b);
}


static void
add_demands(demands_t *demands, uint32_t campaign,
    const onsite_equality_t *equality)
{
    size_t     capacity;
    uint32_t   i;
    demand_t  *items;

    if (demands->capacity - demands->n < equality->n_keys) {
        capacity = 2 * demands->capacity + 1024;

        items = realloc(demands->items, capacity * sizeof(demand_t));
        if (items == NULL) {
            demands->failed = true;
            return;
        }

        demands->items = items;
        demands->capacity = capacity;
    }

    for (i = 0; i < equality->n_keys; i++) {
        demands->items[demands->n++] = (demand_t) {
            equality->keys[i], equality->slot, campaign
        };
    }
}


/* The equalities of `where` and audience; equalities has room for twice
 * EQUALITIES_MAX. */

static size_t
read_equalities(const work_t *work, uint32_t campaign,
    onsite_equality_t *equalities)
{
    size_t                    n;
    onsite_ref_t              where, audience;
    const onsite_campaign_t  *campaigns;

    campaigns = onsite_builder_at(work->b, work->campaigns);
    where = campaigns[campaign].trigger.where;
    audience = campaigns[campaign].audience;

    n = where == 0 ? 0
        : onsite_condition_equalities(work->b, where, equalities,
                                      EQUALITIES_MAX);

    return n + (audience == 0 ? 0
                : onsite_condition_equalities(work->b, audience,
                                              equalities + n,
                                              EQUALITIES_MAX));
}


/* The first demand not before a slot and key. */

static size_t
lower_bound(const demands_t *demands, uint32_t slot, uint64_t key)
{
    size_t           low = 0, high = demands->n, middle;
    const demand_t  *demand;

    while (low < high) {
        middle = low + (high - low) / 2;
        demand = &demands->items[middle];

        if (demand->slot < slot
            || (demand->slot == slot && demand->key < key))
        {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    return low;
}


static size_t
count_key(const demands_t *demands, uint32_t slot, uint64_t key)
{
    size_t  after;

    after = key == UINT64_MAX ? lower_bound(demands, slot + 1, 0)
                              : lower_bound(demands, slot, key + 1);

    return after - lower_bound(demands, slot, key);
}


static size_t
count_slot(const demands_t *demands, uint32_t slot)
{
    return lower_bound(demands, slot + 1, 0) - lower_bound(demands, slot, 0);
}


static size_t
count_equality(const demands_t *demands, const onsite_equality_t *equality)
{
    size_t    n = 0;
    uint32_t  i;

    for (i = 0; i < equality->n_keys; i++) {
        n += count_key(demands, equality->slot, equality->keys[i]);
    }

    return n;
}


/* The most selective one.  Among equals the slot that most campaigns use, so
 * that an event looks at few slots. */

static const onsite_equality_t *
choose_equality(const demands_t *demands, const onsite_equality_t *equalities,
    size_t n)
{
    size_t                    i, count, use, best_count = 0, best_use = 0;
    const onsite_equality_t  *best = NULL;

    for (i = 0; i < n; i++) {
        count = count_equality(demands, &equalities[i]);
        use = count_slot(demands, equalities[i].slot);

        if (best == NULL || count < best_count
            || (count == best_count && use > best_use))
        {
            best = &equalities[i];
            best_count = count;
            best_use = use;
        }
    }

    return best;
}


/* qsort may not be given NULL, not even for no items. */

static void
sort_demands(demands_t *list)
{
    if (list->n > 1) {
        qsort(list->items, list->n, sizeof(demand_t), by_slot_and_key);
    }
}


/* Chooses where each campaign of one event is listed. */

static void
list_campaigns(work_t *work, const named_t *named, size_t n)
{
    size_t                    i, j, n_equalities;
    onsite_equality_t         equalities[2 * EQUALITIES_MAX];
    const onsite_equality_t  *best;

    work->all.n = 0;
    work->listed.n = 0;
    work->n_unlisted = 0;

    for (i = 0; i < n; i++) {
        n_equalities = read_equalities(work, named[i].campaign, equalities);

        for (j = 0; j < n_equalities; j++) {
            add_demands(&work->all, named[i].campaign, &equalities[j]);
        }
    }

    sort_demands(&work->all);

    for (i = 0; i < n; i++) {
        n_equalities = read_equalities(work, named[i].campaign, equalities);
        best = choose_equality(&work->all, equalities, n_equalities);

        if (best != NULL) {
            add_demands(&work->listed, named[i].campaign, best);

        } else {
            work->unlisted[work->n_unlisted++] = named[i].campaign;
        }
    }

    sort_demands(&work->listed);
}


/* A power of two that leaves at least half of the cells free. */

static uint32_t
table_size(size_t n)
{
    uint32_t  size = 2;

    while (size < 2 * n) {
        size *= 2;
    }

    return size;
}


/* Ascending campaigns into the image, each once; *n is how many. */

static onsite_ref_t
write_list(onsite_builder_t *b, uint32_t *campaigns, uint32_t *n)
{
    uint32_t      i, kept = 0;
    onsite_ref_t  ref;

    for (i = 0; i < *n; i++) {
        if (kept == 0 || campaigns[kept - 1] != campaigns[i]) {
            campaigns[kept++] = campaigns[i];
        }
    }

    *n = kept;
    ref = onsite_builder_alloc(b, (kept + 1) * sizeof(uint32_t));

    if (ref != 0) {
        memcpy(onsite_builder_at(b, ref), campaigns,
               kept * sizeof(uint32_t));
    }

    return ref;
}


static void
write_cell(onsite_builder_t *b, onsite_ref_t cells, uint32_t mask,
    onsite_index_cell_t cell)
{
    uint32_t              i;
    onsite_index_cell_t  *table = onsite_builder_at(b, cells);

    for (i = onsite_index_key_hash(cell.key); table[i & mask].n != 0; i++) {
        /* void */
    }

    table[i & mask] = cell;
}


/* Demands of one slot; numbers has room for as many. */

static bool
write_slot(onsite_builder_t *b, const demand_t *demands, size_t n,
    uint32_t *numbers, onsite_index_slot_t *slot)
{
    size_t               i;
    uint32_t             count = 0;
    onsite_index_cell_t  cell;

    slot->slot = demands[0].slot;
    slot->mask = table_size(n) - 1;
    slot->cells = onsite_builder_alloc(b, ((size_t) slot->mask + 1)
                                          * sizeof(cell));
    if (slot->cells == 0) {
        return false;
    }

    for (i = 0; i < n; i++) {
        numbers[count++] = demands[i].campaign;

        if (i + 1 < n && demands[i + 1].key == demands[i].key) {
            continue;
        }

        cell = (onsite_index_cell_t) { .key = demands[i].key, .n = count };
        cell.campaigns = write_list(b, numbers, &cell.n);

        if (cell.campaigns == 0) {
            return false;
        }

        write_cell(b, slot->cells, slot->mask, cell);
        count = 0;
    }

    for (i = 0; i < n; i++) {
        numbers[i] = demands[i].campaign;
    }

    qsort(numbers, n, sizeof(uint32_t), by_number);

    slot->n_all = (uint32_t) n;
    slot->all = write_list(b, numbers, &slot->n_all);

    return slot->all != 0;
}


static bool
write_slots(work_t *work, uint32_t *numbers, onsite_index_event_t *event)
{
    size_t               i, next, n = work->listed.n;
    const demand_t      *demands = work->listed.items;
    onsite_index_slot_t  slot, *slots;

    for (i = 0; i < n; i++) {
        event->n_slots += i == 0 || demands[i].slot != demands[i - 1].slot;
    }

    event->slots = onsite_builder_alloc(work->b, (event->n_slots + 1)
                                                 * sizeof(slot));
    event->n_slots = 0;

    if (event->slots == 0) {
        return false;
    }

    for (i = 0; i < n; i = next) {
        for (next = i + 1; next < n; next++) {
            if (demands[next].slot != demands[i].slot) {
                break;
            }
        }

        memset(&slot, 0, sizeof(slot));

        if (!write_slot(work->b, demands + i, next - i, numbers, &slot)) {
            return false;
        }

        slots = onsite_builder_at(work->b, event->slots);
        slots[event->n_slots++] = slot;
    }

    return true;
}


/* One event's campaigns: named[0 .. n). */

static bool
write_event(work_t *work, const named_t *named, size_t n,
    onsite_index_event_t *event)
{
    bool       written;
    uint32_t  *numbers;

    list_campaigns(work, named, n);

    if (work->all.failed || work->listed.failed) {
        return false;
    }

    event->n = work->n_unlisted;
    event->campaigns = write_list(work->b, work->unlisted, &event->n);

    if (event->campaigns == 0) {
        return false;
    }

    numbers = malloc((work->listed.n + 1) * sizeof(uint32_t));
    if (numbers == NULL) {
        return false;
    }

    written = write_slots(work, numbers, event);
    free(numbers);

    return written;
}


static void
place_event(work_t *work, const onsite_index_t *index, onsite_str_t name,
    const onsite_index_event_t *event)
{
    uint32_t               i;
    onsite_index_event_t  *events;

    events = onsite_builder_at(work->b, index->events);

    for (i = onsite_index_name_hash(name);
         events[i & index->events_mask].name.len != 0;
         i++)
    {
        /* void */
    }

    events[i & index->events_mask] = *event;
}


/* Campaigns under the names of their events.  The names point into the
 * builder's block: good until it grows. */

static void
read_names(work_t *work)
{
    uint32_t                  i;
    onsite_image_str_t        name;
    const onsite_campaign_t  *campaigns;

    campaigns = onsite_builder_at(work->b, work->campaigns);

    for (i = 0; i < work->n; i++) {
        name = campaigns[i].trigger.event;

        if (campaigns[i].trigger.kind == ONSITE_TRIGGER_EVENT) {
            work->named[work->n_named++] = (named_t) {
                onsite_str(onsite_builder_at(work->b, name.ref), name.len), i
            };
        }
    }
}


/* Sorts campaigns by event; *n_events is how many names there are.  What is
 * left of each name is only whether the next one differs: data NULL marks
 * the first of each. */

static size_t
group_by_event(work_t *work)
{
    size_t    i, n = 0;
    named_t  *named = work->named;

    read_names(work);
    qsort(named, work->n_named, sizeof(named_t), by_name);

    for (i = work->n_named; i-- > 0; /* void */) {
        if (i == 0 || !onsite_str_eq(named[i].name, named[i - 1].name)) {
            named[i].name.data = NULL;
            n++;
        }
    }

    return n;
}


static bool
write_events(work_t *work, onsite_index_t *index)
{
    size_t                    i, next;
    onsite_image_str_t        name;
    onsite_index_event_t      event;
    const onsite_campaign_t  *campaigns;

    index->events_mask = table_size(group_by_event(work)) - 1;
    index->events = onsite_builder_alloc(work->b,
                                         ((size_t) index->events_mask + 1)
                                         * sizeof(event));
    if (index->events == 0) {
        return false;
    }

    for (i = 0; i < work->n_named; i = next) {
        for (next = i + 1; next < work->n_named; next++) {
            if (work->named[next].name.data == NULL) {
                break;
            }
        }

        memset(&event, 0, sizeof(event));

        if (!write_event(work, work->named + i, next - i, &event)) {
            return false;
        }

        campaigns = onsite_builder_at(work->b, work->campaigns);
        name = campaigns[work->named[i].campaign].trigger.event;

        if (name.len != 0) {
            event.name = name;
            place_event(work, index,
                        onsite_str(onsite_builder_at(work->b, name.ref),
                                   name.len), &event);
        }
    }

    return true;
}


static bool
write_goals(work_t *work, onsite_index_t *index)
{
    uint32_t                  i, j, hash, *goals;
    onsite_image_str_t        goal;
    const onsite_campaign_t  *campaigns;

    index->goals_mask = table_size(work->n) - 1;
    index->goals = onsite_builder_alloc(work->b,
                                        ((size_t) index->goals_mask + 1)
                                        * sizeof(uint32_t));
    if (index->goals == 0) {
        return false;
    }

    goals = onsite_builder_at(work->b, index->goals);
    campaigns = onsite_builder_at(work->b, work->campaigns);

    for (i = 0; i < work->n; i++) {
        goal = campaigns[i].goal;

        if (goal.len == 0) {
            continue;
        }

        hash = onsite_index_name_hash(onsite_str(
                   onsite_builder_at(work->b, goal.ref), goal.len));

        for (j = hash; goals[j & index->goals_mask] != 0; j++) {
            if (goals[j & index->goals_mask] == hash) {
                break;
            }
        }

        goals[j & index->goals_mask] = hash;
    }

    return true;
}


onsite_status_t
onsite_index_build(onsite_builder_t *b, onsite_ref_t campaigns, uint32_t n,
    onsite_ref_t *index)
{
    bool            built;
    work_t          work = { .b = b, .campaigns = campaigns, .n = n };
    onsite_index_t  made = { 0 };

    work.named = calloc((size_t) n + 1, sizeof(named_t));
    work.unlisted = calloc((size_t) n + 1, sizeof(uint32_t));
    *index = onsite_builder_alloc(b, sizeof(made));

    built = work.named != NULL && work.unlisted != NULL && *index != 0
            && write_events(&work, &made) && write_goals(&work, &made);

    if (built) {
        memcpy(onsite_builder_at(b, *index), &made, sizeof(made));
    }

    free(work.named);
    free(work.unlisted);
    free(work.all.items);
    free(work.listed.items);

    return built ? ONSITE_OK : ONSITE_NO_MEMORY;
}
