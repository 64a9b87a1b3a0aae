/*
 * onsite_tables.h - slow data: what was known before, by one look-up each.
 *
 * Snapshots implement it (onsite_snapshot.h); what decides sees only this.
 * Records are msgpack, lie in the snapshot's map, and are good as long as the
 * snapshot: nothing is copied.
 */

#ifndef ONSITE_TABLES_H
#define ONSITE_TABLES_H

#include "onsite_value.h"

typedef struct {
    void  *data;

    /* A map of the customer's attributes; false: there is none.  Its member
     * "updated" (ms) is when it was true. */
    bool  (*profile)(void *data, onsite_str_t user_id, onsite_str_t *record);

    /* An array of the ids of the uploaded lists the customer is on. */
    bool  (*lists)(void *data, onsite_str_t user_id, onsite_str_t *record);

    /* A map: title, price, url, image, category, brand, stock, ... */
    bool  (*product)(void *data, onsite_str_t sku, onsite_str_t *record);

    onsite_ms_t  built;             /* when the tables were                */
} onsite_tables_t;

/* What tables know a customer by: the first 16 bytes of
 * SHA-256("customer" 0 site 0 user_id). */
void onsite_customer_hash(onsite_str_t site, onsite_str_t user_id,
    uint8_t out[16]);

/*
 * What is at keys in a record (0 keys: all of it), found as onsite_attribute.h
 * says: members of maps, indices and length of arrays.  Strings stay where
 * they are; items and members are made in arena.  Any bytes are safe: what
 * does not decode, is nested more than ONSITE_JSON_DEPTH_MAX deep or does not
 * fit arena is ABSENT.
 */
onsite_value_t onsite_record_value(onsite_arena_t *arena, onsite_str_t record,
    const onsite_str_t *keys, size_t n_keys);

#endif
