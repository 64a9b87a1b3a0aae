/*
 * onsite_visitor_codec_private.h - what the files of a visitor's record share.
 *
 *   onsite_visitor_codec.c   the record as a whole; links and tombstones
 *   onsite_visitor_lists.c   counters, cart, exposures, progress, pending,
 *                            armed
 *   onsite_visitor_known.c   messages, origin, affinities, standings, customer
 *
 * A list is read into a visitor whose last_seen, visits and n are set and 0;
 * what breaks its form makes the reader bad.  It is written without what is
 * worth least of it: the first `from` entries, or what the list says instead.
 */

#ifndef ONSITE_VISITOR_CODEC_PRIVATE_H
#define ONSITE_VISITOR_CODEC_PRIVATE_H

#include "onsite_cursor.h"
#include "onsite_visitor_codec.h"

/* Distances wrap, so that any two times make one and it leads back. */

static inline int64_t
record_distance(onsite_ms_t from, onsite_ms_t to)
{
    return (int64_t) ((uint64_t) from - (uint64_t) to);
}

static inline onsite_ms_t
record_sum(onsite_ms_t time, int64_t distance)
{
    return (onsite_ms_t) ((uint64_t) time + (uint64_t) distance);
}

/* Time 0 says never: nil. */

static inline void
record_write_time(onsite_writer_t *w, onsite_ms_t base, onsite_ms_t time)
{
    if (time == 0) {
        onsite_write_nil(w);

    } else {
        onsite_write_long(w, record_distance(base, time));
    }
}

static inline onsite_ms_t
record_read_time(onsite_reader_t *r, onsite_ms_t base)
{
    return onsite_read_nil(r) ? 0 : record_distance(base, onsite_read_long(r));
}

/* onsite_visitor_lists.c */
void record_write_counters(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from);
void record_read_counters(onsite_reader_t *r, onsite_visitor_t *v);
void record_write_cart(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from);
void record_read_cart(onsite_reader_t *r, onsite_visitor_t *v);
void record_write_exposures(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from);
void record_read_exposures(onsite_reader_t *r, onsite_visitor_t *v);
void record_write_progress(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from);
void record_read_progress(onsite_reader_t *r, onsite_visitor_t *v);
void record_write_pending(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from);
onsite_status_t record_read_pending(onsite_reader_t *r, onsite_arena_t *arena,
    onsite_visitor_t *v);
void record_write_armed(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from);
onsite_status_t record_read_armed(onsite_reader_t *r, onsite_arena_t *arena,
    onsite_visitor_t *v);

/* onsite_visitor_known.c */
void record_write_messages(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from);
void record_read_messages(onsite_reader_t *r, onsite_visitor_t *v);
void record_write_origin(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from);
void record_read_origin(onsite_reader_t *r, onsite_visitor_t *v);
void record_write_affinities(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from);
void record_read_affinities(onsite_reader_t *r, onsite_visitor_t *v);
void record_write_standings(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from);
void record_read_standings(onsite_reader_t *r, onsite_visitor_t *v);
void record_write_customer(onsite_writer_t *w, const onsite_visitor_t *v);
onsite_status_t record_read_customer(onsite_reader_t *r,
    onsite_arena_t *arena, onsite_visitor_t *v);

/* Touches and the first one: what record_write_origin may leave out. */
uint32_t record_origin_entries(const onsite_visitor_t *v);
bool record_has_customer(const onsite_visitor_t *v);

#endif
