/*
 * onsite_index.h - which campaigns an event can concern.
 *
 * By event name; then, for a campaign whose audience or `where` demands that
 * an attribute equal a literal, by the most selective such equality.  An
 * event meets the campaigns without one, and for each attribute that the
 * index of its name uses, those listed under the attribute's value.
 */

#ifndef ONSITE_INDEX_H
#define ONSITE_INDEX_H

#include "onsite_condition.h"
#include "onsite_campaign.h"

/* As the image holds it.  The tables use open addressing: a power of two of
 * cells, at least one of them free, the next cell tried on a collision. */

typedef struct {
    uint64_t      key;              /* onsite_equality_key                 */
    onsite_ref_t  campaigns;        /* uint32_t[n], ascending              */
    uint32_t      n;                /* 0: the cell is free                 */
} onsite_index_cell_t;

/* The campaigns of one event that are listed under an attribute's value. */
typedef struct {
    uint32_t      slot;
    uint32_t      mask;             /* cells - 1                           */
    onsite_ref_t  cells;            /* onsite_index_cell_t[mask + 1]       */
    onsite_ref_t  all;              /* uint32_t[n_all]: all that are listed
                                       here, ascending                     */
    uint32_t      n_all;
    uint32_t      reserved;
} onsite_index_slot_t;

typedef struct {
    onsite_image_str_t  name;       /* empty: the cell is free             */
    onsite_ref_t        campaigns;  /* uint32_t[n]: without an equality    */
    uint32_t            n;
    onsite_ref_t        slots;      /* onsite_index_slot_t[n_slots]        */
    uint32_t            n_slots;
} onsite_index_event_t;

typedef struct {
    onsite_ref_t  events;           /* onsite_index_event_t[events_mask + 1]*/
    uint32_t      events_mask;
    onsite_ref_t  goals;            /* uint32_t[goals_mask + 1]: hashes of
                                       goals' event names; 0: free         */
    uint32_t      goals_mask;
} onsite_index_t;

/* Called by onsite_campaigns_compile when all campaigns are in place; sets
 * *index. */
onsite_status_t onsite_index_build(onsite_builder_t *b,
    onsite_ref_t campaigns, uint32_t n, onsite_ref_t *index);

/*
 * Campaign numbers (ascending: by priority) that the context's event can
 * concern, each once, into *out (in the context's arena or in the image).
 * NO_MEMORY: the arena is exhausted.
 */
onsite_status_t onsite_index_candidates(onsite_context_t *context,
    const uint32_t **out, size_t *n);

/* False when no campaign has the event as its goal; true when one may. */
bool onsite_index_goal(const onsite_image_t *image, onsite_str_t event);

onsite_status_t onsite_index_verify(const onsite_image_t *image,
    onsite_error_t *error);

/* For the builder: where a name or key begins its search of a table. */
uint32_t onsite_index_name_hash(onsite_str_t name);     /* never 0 */
uint32_t onsite_index_key_hash(uint64_t key);

#endif
