/*
 * onsite_msgpack.h - values <-> msgpack bytes, through msgpack-c.
 */

#ifndef ONSITE_MSGPACK_H
#define ONSITE_MSGPACK_H

#include "onsite_cursor.h"
#include "onsite_value.h"

/* Appends; integers that a double holds exactly are written as integers,
 * ABSENT as nil. */
void onsite_value_write_msgpack(onsite_buf_t *buf,
    const onsite_value_t *value);

/* The same, at a cursor. */
void onsite_write_value(onsite_writer_t *w, const onsite_value_t *value);

/* Everything in arena or in data.  CORRUPT for anything but one whole msgpack
 * object of the JSON model within ONSITE_JSON_DEPTH_MAX. */
onsite_status_t onsite_value_read_msgpack(onsite_arena_t *arena,
    onsite_str_t data, onsite_value_t *value);

#endif
