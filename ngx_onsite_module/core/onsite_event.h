/*
 * onsite_event.h - what happened: the Segment HTTP Tracking API, pixels and
 * server-side events, all as one struct.
 *
 * Source of the wire format: Segment "HTTP Tracking API" and "Spec: Common
 * Fields".
 */

#ifndef ONSITE_EVENT_H
#define ONSITE_EVENT_H

#include "onsite_value.h"
#include "onsite_limits.h"

typedef enum {
    ONSITE_TRACK = 0,       /* name: what `event` says                     */
    ONSITE_PAGE,            /* name: "Page Viewed"                         */
    ONSITE_SCREEN,          /* name: "Screen Viewed"                       */
    ONSITE_IDENTIFY,        /* name: "Identify"                            */
    ONSITE_GROUP,           /* name: "Group"                               */
    ONSITE_ALIAS            /* name: "Alias"                               */
} onsite_event_type_t;

typedef struct {
    onsite_event_type_t  type;
    onsite_str_t         name;
    onsite_str_t         message_id;
    onsite_str_t         anonymous_id;  /* empty: not given                */
    onsite_str_t         user_id;
    onsite_str_t         previous_id;   /* alias                           */
    onsite_str_t         group_id;
    onsite_value_t       properties;    /* object (empty when none)        */
    onsite_value_t       traits;        /* object or ABSENT                */
    onsite_value_t       context;       /* object or ABSENT                */
    onsite_ms_t          received;      /* server's clock                  */
    onsite_ms_t          time;          /* corrected: when it happened; not
                                           after received                  */
    bool                 live;          /* false: older than an hour or from
                                           the future: counted, triggers
                                           nothing, opens no session       */
    bool                 skewed;        /* the client's clock was implausible:
                                           more than an hour from the
                                           server's, or, corrected, ahead of
                                           it                              */
    uint32_t             bytes;         /* of its JSON                     */
} onsite_event_t;

typedef struct {
    onsite_event_t  *events;            /* in arena                        */
    size_t           n;
    onsite_str_t     write_key;         /* from the body; empty: none      */
} onsite_batch_t;

/*
 * One call of POST v1/{track,…}: body is one event whose type the endpoint
 * says.  received stamps it; a sentAt in the body corrects its timestamp
 * (received - (sentAt - timestamp)).
 *
 * INVALID: the error text is what the client gets ("event: must be a
 * non-empty string").  A field of the wrong type is an error; null is as good
 * as absent, unknown fields are ignored.  Ids may be numbers.  Neither
 * anonymousId nor userId is required here: the cookie may name the visitor;
 * a group needs a groupId, an alias a previousId.  LIMIT: over 32 KB.
 *
 * A page's (screen's) properties get its name and category and, from
 * context.page, path, url, title, referrer and search, where they lack them.
 */
onsite_status_t onsite_event_read(onsite_arena_t *arena,
    const onsite_value_t *body, onsite_event_type_t type,
    onsite_ms_t received, onsite_batch_t *out, onsite_error_t *error);

/*
 * POST v1/batch, and POST beacon / decide where the body's own shape tells:
 * {"batch": [...]}, an array, or one event with "type" (a missing type with
 * an "event" is a track).  The error names the element ("batch[3].event: …").
 * sentAt and context beside the array hold for all events that have none of
 * their own (members of the two contexts are joined).  LIMIT: over 2,500
 * events, an event over 32 KB, all over 500 KB (as compact JSON, whose size
 * is reckoned without escapes).
 */
onsite_status_t onsite_batch_read(onsite_arena_t *arena,
    const onsite_value_t *body, onsite_ms_t received, onsite_batch_t *out,
    onsite_error_t *error);

/*
 * GET pixel.gif?event=NAME&key=value…: args is the raw query.  Percent and
 * plus are decoded; anonymousId, userId, writeKey, messageId, timestamp are
 * fields, all other keys are string properties, except that a value that is a
 * plain JSON number (of at most 40 characters) becomes a number.  Bad UTF-8
 * becomes U+FFFD.  INVALID: no event name, or a field over its length.
 */
onsite_status_t onsite_pixel_read(onsite_arena_t *arena, onsite_str_t args,
    onsite_ms_t received, onsite_batch_t *out, onsite_error_t *error);

/* Fills received, time and live from received, a client's timestamp and its
 * sentAt (0: not given), by Segment's rule. */
void onsite_event_stamp(onsite_event_t *event, onsite_ms_t received,
    onsite_ms_t timestamp, onsite_ms_t sent);

/* ISO 8601 / RFC 3339 (date alone allowed, UTC without a zone), a number of
 * ms (or, below 1e11, of s), into ms; INVALID otherwise. */
onsite_status_t onsite_time_read(const onsite_value_t *value,
    onsite_ms_t *time);

/* Decodes standard or URL-safe base64, padding optional, into arena; a space
 * is a '+' that a query string had unescaped.  INVALID for all else. */
onsite_status_t onsite_base64_decode(onsite_arena_t *arena, onsite_str_t text,
    onsite_str_t *out);

/* The first value of a key in a raw query, decoded into arena; NOT_FOUND. */
onsite_status_t onsite_query_get(onsite_arena_t *arena, onsite_str_t args,
    onsite_str_t key, onsite_str_t *out);

/* Whether body begins as gzip does; inflates at most max bytes (LIMIT over
 * it), INVALID for bad data, more than one member, or bytes behind it.  All
 * memory is from arena (about 48 KB, and up to twice max).  zlib. */
bool onsite_gzip_detect(onsite_str_t body);
onsite_status_t onsite_gzip_inflate(onsite_arena_t *arena, onsite_str_t body,
    size_t max, onsite_str_t *out);

#endif
