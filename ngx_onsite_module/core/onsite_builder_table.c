/*
 * onsite_builder_table.c - lists of equal-sized entries without duplicates.
 */

#include "onsite_builder_private.h"

#include <stdlib.h>


static bool
table_rehash(table_t *table)
{
    cell_t    *cells, *cell;
    uint32_t   i, at, mask;

    mask = table->mask == 0 ? 63 : table->mask * 2 + 1;
    cells = calloc((size_t) mask + 1, sizeof(cell_t));
    if (cells == NULL) {
        return false;
    }

    for (i = 0; table->cells != NULL && i <= table->mask; i++) {
        cell = &table->cells[i];

        if (cell->entry != 0) {
            for (at = cell->hash & mask; cells[at].entry != 0; /* void */) {
                at = (at + 1) & mask;
            }
            cells[at] = *cell;
        }
    }

    free(table->cells);
    table->cells = cells;
    table->mask = mask;

    return true;
}


static bool
table_make_room(table_t *table)
{
    char      *entries;
    uint32_t   capacity;

    if (table->n == table->capacity) {
        capacity = table->capacity == 0 ? 32 : table->capacity * 2;
        entries = realloc(table->entries, capacity * table->size);

        if (entries == NULL) {
            return false;
        }

        table->entries = entries;
        table->capacity = capacity;
    }

    return (table->n + 1) * (uint64_t) 2 <= table->mask
           || table_rehash(table);
}


/* The entry that is the same as key, or a new one, which the caller fills:
 * *fresh says so.  0 with b->failed on failure. */

uint32_t
builder_table_find(onsite_builder_t *b, table_t *table, uint64_t hash,
    same_pt same, const void *key, bool *fresh)
{
    uint32_t   at;
    cell_t    *cell;

    *fresh = false;

    if (b->failed || !table_make_room(table)) {
        b->failed = true;
        return 0;
    }

    for (at = hash & table->mask; /* void */; at = (at + 1) & table->mask) {
        cell = &table->cells[at];

        if (cell->entry == 0) {
            break;
        }

        if (cell->hash == hash
            && same(b, builder_table_entry(table, cell->entry - 1), key))
        {
            return cell->entry - 1;
        }
    }

    cell->hash = hash;
    cell->entry = ++table->n;
    memset(builder_table_entry(table, table->n - 1), 0, table->size);
    *fresh = true;

    return table->n - 1;
}


void
builder_table_free(table_t *table)
{
    free(table->entries);
    free(table->cells);
}


onsite_ref_t
builder_table_write(onsite_builder_t *b, const table_t *table)
{
    onsite_ref_t  ref;

    if (table->n == 0) {
        return 0;
    }

    ref = onsite_builder_alloc(b, table->n * table->size);

    if (!b->failed) {
        memcpy(b->base + ref, table->entries, table->n * table->size);
    }

    return ref;
}
