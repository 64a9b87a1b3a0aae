/*
 * onsite_visitor_codec.h - visitor struct <-> msgpack record.
 *
 * A record is a msgpack array whose first element is its version; each later
 * element has a fixed place, trailing empty ones are left out, and unknown
 * trailing ones (of the next version) are skipped, so versions N and N - 1
 * read each other.  docs/wire.md describes every element.
 *
 * A link record says that this id is another visitor: it holds that
 * visitor's key and, until they are joined, the record that its id had.  A
 * tombstone says that the visitor was erased.
 */

#ifndef ONSITE_VISITOR_CODEC_H
#define ONSITE_VISITOR_CODEC_H

#include "onsite_visitor.h"

#define ONSITE_RECORD_VERSION  1

/* How long a tombstone keeps an erased id from coming back. */
#define ONSITE_TOMBSTONE_TTL   (30 * ONSITE_DAY)

typedef enum {
    ONSITE_RECORD_VISITOR = 0,
    ONSITE_RECORD_LINK,
    ONSITE_RECORD_TOMBSTONE         /* erased, when onsite_record_last_seen
                                       says; holds nothing else            */
} onsite_record_kind_t;

/*
 * Reads a record without allocating, except traits and the properties of what
 * is pending or armed, which come from arena (NULL: they are not read);
 * strings point into data.  Any bytes are safe.
 *
 * kind says which of visitor and link was filled; of a tombstone neither is.
 * CORRUPT: not a record; VERSION: of a version that this one cannot read.
 * Where visitor is not filled it is as onsite_visitor_init leaves it.
 */
onsite_status_t onsite_visitor_decode(onsite_arena_t *arena,
    const void *data, size_t size, onsite_record_kind_t *kind,
    onsite_visitor_t *visitor, onsite_key_t *link);

/*
 * Writes a record into out (capacity bytes; ONSITE_RECORD_BYTES_MAX always
 * suffices: what is worth least is left out until it fits, but never wake,
 * verified, user_id and traits).  Scores of affinities that are not there have
 * no affinity_at either.  Returns its size; 0 when not even what is never left
 * out fits.
 */
size_t onsite_visitor_encode(const onsite_visitor_t *visitor, void *out,
    size_t capacity);
size_t onsite_tombstone_encode(onsite_ms_t now, void *out, size_t capacity);

/*
 * A link on its way: it carries the record that its id had until then, which
 * has not joined the visitor it leads to yet (that lies in another shard).
 * carried needs room for it in capacity; a record so large that it does not
 * fit is re-encoded by the caller into less.  onsite_link_carried points into
 * data; len 0: it carries none.
 */
#define ONSITE_LINK_OVERHEAD  64
size_t onsite_link_encode(const onsite_key_t *link, onsite_ms_t now,
    bool session_only, onsite_str_t carried, void *out, size_t capacity);
onsite_str_t onsite_link_carried(const void *data, size_t size);

/*
 * When the record was last seen, for expiry and eviction, without decoding
 * the rest.  0 when the bytes are not a record.  session_only is set from
 * the record.
 */
onsite_ms_t onsite_record_last_seen(const void *data, size_t size,
    bool *session_only);

/* The visitor's wake likewise; 0: none, or not a visitor's record. */
onsite_ms_t onsite_record_wake(const void *data, size_t size);

/* No tombstone is longer than ONSITE_TOMBSTONE_BYTES_MAX. */
#define ONSITE_TOMBSTONE_BYTES_MAX  16
bool onsite_record_is_tombstone(const void *data, size_t size);

#endif
