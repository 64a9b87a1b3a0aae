/*
 * onsite_builder_private.h - what the files of the builder share.
 *
 *   onsite_builder.c        the block, and its parts that are shared
 *   onsite_builder_table.c  lists of them without duplicates
 *   onsite_builder_value.c  values
 */

#ifndef ONSITE_BUILDER_PRIVATE_H
#define ONSITE_BUILDER_PRIVATE_H

#include "onsite_image.h"

typedef struct {
    uint64_t  hash;
    uint32_t  entry;                /* index + 1; 0: free                  */
} cell_t;

/* A list of equal-sized entries without duplicates. */
typedef struct {
    char     *entries;
    size_t    size;                 /* of one entry                        */
    uint32_t  n;
    uint32_t  capacity;
    cell_t   *cells;
    uint32_t  mask;                 /* cells - 1; 0: none yet              */
} table_t;

typedef bool (*same_pt)(const onsite_builder_t *b, const void *entry,
    const void *key);

struct onsite_builder_s {
    uint8_t  *base;
    size_t    size;
    size_t    capacity;
    bool      failed;
    table_t   strings;              /* onsite_image_str_t                  */
    table_t   slots;                /* onsite_slot_t                       */
    table_t   regexes;              /* onsite_image_regex_t                */
    table_t   zones;                /* onsite_zone_t                       */
    table_t   groups;               /* onsite_image_str_t                  */
};


static inline void *
builder_table_entry(const table_t *table, uint32_t i)
{
    return table->entries + i * table->size;
}


/* The entry that is the same as key, or a new one, which the caller fills:
 * *fresh says so.  0 with b->failed on failure. */
uint32_t builder_table_find(onsite_builder_t *b, table_t *table,
    uint64_t hash, same_pt same, const void *key, bool *fresh);

/* Into the image; 0: there are no entries. */
onsite_ref_t builder_table_write(onsite_builder_t *b, const table_t *table);
void builder_table_free(table_t *table);

#endif
