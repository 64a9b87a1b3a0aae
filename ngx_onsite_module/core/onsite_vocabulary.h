/*
 * onsite_vocabulary.h - names that every shop sends, as one byte in a record.
 *
 * The table is append-only: an id, once released, means its name for ever.
 * Names outside it are kept in the record as they are.
 */

#ifndef ONSITE_VOCABULARY_H
#define ONSITE_VOCABULARY_H

#include "onsite_types.h"

/* 1 .. 127, or 0: not in the table. */
uint8_t onsite_vocabulary_id(onsite_str_t name);

/* len 0: no such id. */
onsite_str_t onsite_vocabulary_name(uint8_t id);

#endif
