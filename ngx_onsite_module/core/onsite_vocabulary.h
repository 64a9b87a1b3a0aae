/*
 * onsite_vocabulary.h - names that every shop sends, as one byte in a record.
 *
 * The table is append-only: an id, once released, means its name for ever.
 * Names outside it are kept in the record as they are.
 */

#ifndef ONSITE_VOCABULARY_H
#define ONSITE_VOCABULARY_H

#include "onsite_types.h"

/* Ids of the names that mean something to the core itself. */
enum {
    ONSITE_NAME_PAGE_VIEWED = 1,
    ONSITE_NAME_SCREEN_VIEWED = 2,
    ONSITE_NAME_PROMOTION_VIEWED = 6,
    ONSITE_NAME_PROMOTION_CLICKED = 7,
    ONSITE_NAME_PROMOTION_DISMISSED = 8,
    ONSITE_NAME_PRODUCT_ADDED = 14,
    ONSITE_NAME_PRODUCT_REMOVED = 15,
    ONSITE_NAME_CART_CLEARED = 17,
    ONSITE_NAME_ORDER_COMPLETED = 22
};

/* 1 .. 127, or 0: not in the table. */
uint8_t onsite_vocabulary_id(onsite_str_t name);

/* len 0: no such id. */
onsite_str_t onsite_vocabulary_name(uint8_t id);

/* Where onsite_vocabulary_id looks for a name of at least 4 bytes, below
 * ONSITE_VOCABULARY_SLOTS: for whoever appends to the table. */
#define ONSITE_VOCABULARY_SLOTS  512
uint32_t onsite_vocabulary_slot(onsite_str_t name);

#endif
