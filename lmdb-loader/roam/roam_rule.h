/*
 * roam_rule.h - what becomes of a record of ours and the one that a bucket
 * has: docs/wire.md, Roaming.  Knows neither state nor NATS.
 */

#ifndef ROAM_RULE_H
#define ROAM_RULE_H

#include "onsite_visitor_codec.h"

typedef enum {
    ROAM_NOTHING = 0,               /* or a tombstone past its time        */
    ROAM_VISITOR,
    ROAM_LINK,
    ROAM_TOMBSTONE,
    ROAM_LATER,                     /* of a version that we cannot read    */
    ROAM_DAMAGED
} roam_kind_t;

typedef struct {
    roam_kind_t    kind;
    onsite_ms_t    first;           /* a visitor's first_seen              */
    onsite_ms_t    last;            /* last_seen; else when it was written */
    bool           brief;           /* for the session only                */
    onsite_key_t   target;          /* a link's                            */
} roam_record_t;

/* Any bytes: they are decoded as a whole.  len 0: there is none.  *visitor is
 * filled for a VISITOR, with what needs memory in arena (reset before). */
void roam_look(onsite_arena_t *arena, onsite_visitor_t *visitor,
    onsite_str_t bytes, onsite_ms_t now, roam_record_t *out);

/* What another machine wrote: DAMAGED also where a time in it is further ahead
 * than clocks are apart. */
void roam_look_theirs(onsite_arena_t *arena, onsite_visitor_t *visitor,
    onsite_str_t bytes, onsite_ms_t now, roam_record_t *out);
bool roam_is_ahead(onsite_ms_t when, onsite_ms_t now);


/* Ours has changed */

typedef enum {
    ROAM_KEEP = 0,                  /* the bucket's stays as it is         */
    ROAM_PUT,                       /* ours takes its place                */
    ROAM_RETRACT,                   /* the bucket's goes                   */
    ROAM_BURY                       /* ours goes: erased elsewhere         */
} roam_put_t;

roam_put_t roam_put_rule(const roam_record_t *ours,
    const roam_record_t *theirs);


/* Ours is of a visitor met for the first time */

typedef enum {
    ROAM_TAKE_NOTHING = 0,
    ROAM_TAKE_MERGE,                /* theirs joins ours                   */
    ROAM_TAKE_LINK,                 /* ours becomes a link where theirs
                                       leads, and joins what is there      */
    ROAM_TAKE_CARRY,                /* theirs joins where ours leads       */
    ROAM_TAKE_BURY
} roam_take_t;

roam_take_t roam_take_rule(const roam_record_t *ours,
    const roam_record_t *theirs);

/* Whether nothing of ours is put as long as it is wanted: only what is to be
 * kept for others has something to wait for. */
bool roam_put_waits(const roam_record_t *ours);

/* Whom an erasure at that time is about: every device, and who began before. */
bool roam_is_buried(const roam_record_t *record, onsite_ms_t when);

#endif
