/*
 * onsite_outbox.h - what waits to leave: an entry of the outbox and its form.
 *
 * A msgpack array whose first element is its version; docs/wire.md has the
 * places.  The visitor's key lies at a fixed offset, so that what is of one
 * visitor is found without reading the rest.
 *
 * There are two kinds: deliveries (onsite_outbox_entry_t), and events
 * (onsite_outbox_event_t): all that happened, and what the server showed.
 */

#ifndef ONSITE_OUTBOX_H
#define ONSITE_OUTBOX_H

#include "onsite_decide.h"
#include "onsite_json.h"

#define ONSITE_OUTBOX_VERSION    1
#define ONSITE_OUTBOX_BYTES_MAX  (128 * 1024)

typedef enum {
    ONSITE_OUTBOX_EVENT = 0,
    ONSITE_OUTBOX_DELIVERY
} onsite_outbox_kind_t;

typedef struct {
    onsite_outbox_kind_t  kind;         /* DELIVERY                        */
    onsite_key_t          visitor;
    uint8_t               id[16];       /* idempotency key                 */
    onsite_ms_t           time;
    onsite_str_t          site;
    onsite_str_t          user_id;      /* len 0: not known                */
    onsite_str_t          event;        /* name of what caused it          */
    onsite_str_t          campaign;
    onsite_str_t          variant;
    onsite_str_t          endpoint;
    onsite_str_t          data;         /* rendered JSON                   */
    double                propensity;
    bool                  verified;     /* user_id is proven, see below    */
    bool                  brief;        /* made of what consent to the session
                                           only allows                     */
} onsite_outbox_entry_t;

/* A delivery of a choice whose channel is webhook, for the visitor's nth event
 * of its name; its id follows from visitor, campaign, time and nth, so that
 * the same delivery has the same one, and another one of the same moment has
 * not.  verified: the visitor is proven to be user_id, and nobody else may have
 * sent the event (onsite_apply_t's closed); else user_id is a claim. */
void onsite_outbox_delivery(const onsite_image_t *image,
    const onsite_choice_t *choice, const onsite_event_t *event,
    const onsite_key_t *visitor, onsite_str_t user_id, bool verified,
    uint32_t nth, onsite_outbox_entry_t *entry);

/* Appends a delivery's bytes; buf->failed tells when it did not fit. */
void onsite_outbox_encode(const onsite_outbox_entry_t *entry,
    onsite_buf_t *out);

/* Of a delivery.  Strings point into data.  CORRUPT, VERSION as for records. */
onsite_status_t onsite_outbox_decode(const void *data, size_t size,
    onsite_outbox_entry_t *entry);


/* An event as the visitor's own call had it, so that Segment's shape can be
 * made of it again. */
typedef struct {
    onsite_event_type_t  type;
    onsite_key_t         visitor;
    onsite_ms_t          time;
    onsite_str_t         site;
    onsite_str_t         user_id;       /* len 0: not known, or not told   */
    onsite_str_t         name;
    onsite_str_t         message_id;    /* len 0: it follows from the rest */
    onsite_str_t         anonymous_id;  /* len 0: the visitor's key        */
    onsite_str_t         previous_id;   /* alias                           */
    onsite_str_t         group_id;
    onsite_value_t       properties;    /* object                          */
    onsite_value_t       traits;        /* object or ABSENT                */
    onsite_value_t       context;       /* object or ABSENT                */
} onsite_outbox_event_t;

/* The event that says what the server put into an answer. */
#define ONSITE_EVENT_SERVED  ONSITE_STR("Promotion Served")

/* Which members leave: names of properties and traits, "context." and a name
 * for those of the context. */
typedef struct {
    const onsite_str_t  *names;
    size_t               n;
} onsite_outbox_fields_t;

/*
 * Appends an event's bytes; of properties, traits and context only what fields
 * (NULL: all) lets out, and of context in any case no more than app, campaign,
 * library, locale, os, page, referrer, screen and timezone.  buf->failed: it
 * did not fit.
 */
void onsite_outbox_event_encode(const onsite_outbox_event_t *event,
    const onsite_outbox_fields_t *fields, onsite_buf_t *out);

/* Of an event's context what leaves in any case, as above; in arena.  ABSENT:
 * there is none. */
onsite_value_t onsite_outbox_context(onsite_arena_t *arena,
    const onsite_value_t *context);

/*
 * Appends an event, from its bytes, as Segment's HTTP API has it, one object on
 * one line.  messageId is the client's own, else the first half of SHA-256 over
 * visitor, time and seq (8 bytes each, big-endian) as hex: the same whenever it
 * leaves.  context.onsite has site, visitor and seq.  CORRUPT, VERSION: nothing
 * is appended.
 */
onsite_status_t onsite_outbox_write_segment(onsite_buf_t *out, uint64_t seq,
    onsite_str_t bytes);

/* By what an event is told from others without reading all of it: its site,
 * which points into bytes, and its messageId, whose text is appended. */
onsite_status_t onsite_outbox_event_names(uint64_t seq, onsite_str_t bytes,
    onsite_str_t *site, onsite_buf_t *message_id);

/* Whose it is, and of which kind, without reading the rest; false: not an
 * entry. */
bool onsite_outbox_visitor(const void *data, size_t size, onsite_key_t *key);
bool onsite_outbox_kind(const void *data, size_t size,
    onsite_outbox_kind_t *kind);

/* When it happened, of its first bytes alone. */
bool onsite_outbox_time(const void *data, size_t size, onsite_ms_t *time);

/* Appends an entry as one object on one line: seq, kind, id, time, visitor,
 * event, …  json and arena are scratch. */
void onsite_outbox_write_json(onsite_buf_t *out, uint64_t seq,
    const onsite_outbox_entry_t *entry, onsite_json_t *json,
    onsite_arena_t *arena);
onsite_status_t onsite_outbox_write_event(onsite_buf_t *out, uint64_t seq,
    onsite_str_t bytes);

/* An entry of either kind likewise; CORRUPT, VERSION: nothing is written. */
onsite_status_t onsite_outbox_write(onsite_buf_t *out, uint64_t seq,
    onsite_str_t entry, onsite_json_t *json, onsite_arena_t *arena);

#endif
