/*
 * replay_visitors.c - visitors of a replay, at rest between their events.
 *
 * Records rest encoded, as they do in the state.  Timers are a binary heap.
 */

#include "replay.h"

#include "onsite_visitor_codec.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>


static int
by_id(const void *a, const void *b)
{
    const resting_t  *x = a, *y = b;

    return onsite_str_compare(x->id, y->id);
}


resting_t *
resting_find(resting_all_t *all, onsite_str_t id)
{
    char       *copy;
    void       *node;
    resting_t   wanted = { .id = id }, *added;

    node = tfind(&wanted, &all->tree, by_id);
    if (node != NULL) {
        return *(resting_t **) node;
    }

    added = calloc(1, sizeof(resting_t) + id.len + 1);
    if (added == NULL) {
        return NULL;
    }

    copy = (char *) (added + 1);
    memcpy(copy, id.data, id.len);
    added->id = onsite_str(copy, id.len);

    if (tsearch(added, &all->tree, by_id) == NULL) {
        free(added);
        return NULL;
    }

    all->n++;

    return added;
}


static bool
is_before(const resting_t *a, const resting_t *b)
{
    return a->wake != b->wake ? a->wake < b->wake : by_id(a, b) < 0;
}


static void
put_at(resting_all_t *all, size_t place, resting_t *resting)
{
    all->timers[place] = resting;
    resting->place = place;
}


static void
sift_up(resting_all_t *all, resting_t *resting, size_t place)
{
    while (place > 1 && is_before(resting, all->timers[place / 2])) {
        put_at(all, place, all->timers[place / 2]);
        place /= 2;
    }

    put_at(all, place, resting);
}


static void
sift_down(resting_all_t *all, resting_t *resting, size_t place)
{
    size_t  child;

    while ((child = 2 * place) <= all->n_timers) {
        if (child < all->n_timers
            && is_before(all->timers[child + 1], all->timers[child]))
        {
            child++;
        }

        if (!is_before(all->timers[child], resting)) {
            break;
        }

        put_at(all, place, all->timers[child]);
        place = child;
    }

    put_at(all, place, resting);
}


static void
remove_timer(resting_all_t *all, resting_t *resting)
{
    size_t      place = resting->place;
    resting_t  *last = all->timers[all->n_timers--];

    resting->place = 0;

    if (last != resting) {
        sift_down(all, last, place);
        sift_up(all, last, last->place);
    }
}


static bool
grow(resting_all_t *all)
{
    size_t       capacity = all->capacity == 0 ? 1024 : 2 * all->capacity;
    resting_t  **timers;

    if (all->n_timers + 1 < all->capacity) {
        return true;
    }

    timers = realloc(all->timers, capacity * sizeof(resting_t *));
    if (timers == NULL) {
        return false;
    }

    all->timers = timers;
    all->capacity = capacity;

    return true;
}


static bool
set_timer(resting_all_t *all, resting_t *resting, onsite_ms_t wake)
{
    if (wake == resting->wake) {
        return true;
    }

    if (resting->place != 0) {
        remove_timer(all, resting);
    }

    resting->wake = wake;

    if (wake == 0) {
        return true;
    }

    if (!grow(all)) {
        return false;
    }

    sift_up(all, resting, ++all->n_timers);

    return true;
}


onsite_status_t
resting_keep(resting_all_t *all, resting_t *resting,
    const onsite_visitor_t *visitor)
{
    char    record[ONSITE_RECORD_BYTES_MAX], *copy;
    size_t  size;

    size = onsite_visitor_encode(visitor, record, sizeof(record));
    copy = realloc(resting->record, size);

    if (copy == NULL) {
        return ONSITE_NO_MEMORY;
    }

    memcpy(copy, record, size);
    resting->record = copy;
    resting->size = size;

    return set_timer(all, resting, visitor->wake) ? ONSITE_OK
                                                  : ONSITE_NO_MEMORY;
}


resting_t *
resting_due(const resting_all_t *all, onsite_ms_t now)
{
    return all->n_timers != 0 && all->timers[1]->wake <= now ? all->timers[1]
                                                             : NULL;
}


typedef struct {
    void   (*visit)(void *data, const resting_t *resting);
    void    *data;
} walk_t;


static void
visit_node(const void *node, VISIT which, void *data)
{
    const walk_t  *walk = data;

    if (which == postorder || which == leaf) {
        walk->visit(walk->data, *(resting_t *const *) node);
    }
}


void
resting_walk(resting_all_t *all,
    void (*visit)(void *data, const resting_t *resting), void *data)
{
    walk_t  walk = { visit, data };

    twalk_r(all->tree, visit_node, &walk);
}


static void
free_node(void *node)
{
    resting_t  *resting = node;

    free(resting->record);
    free(resting->shown);
    free(resting);
}


void
resting_free(resting_all_t *all)
{
    tdestroy(all->tree, free_node);
    free(all->timers);
    memset(all, 0, sizeof(*all));
}
