/*
 * replay_tell.h - a replay under way, and what it tells.
 */

#ifndef LOADER_REPLAY_TELL_H
#define LOADER_REPLAY_TELL_H

#include <stdio.h>

#include "onsite_engine.h"
#include "onsite_json.h"
#include "onsite_snapshot.h"

#include "replay.h"

typedef struct {
    size_t  fired;
    size_t  pending;
    size_t  armed;
    size_t  visitors;           /* at least once */
} tally_t;

typedef struct {
    onsite_arena_t     *arena;
    onsite_arena_t     *timer_arena;    /* timers fire while a line is read */
    onsite_json_t      *json;
    onsite_engine_t    *engine;
    onsite_snapshot_t  *snapshot;
    onsite_site_t       site;
    onsite_snapshot_tables_t  tables;   /* of the site */
    bool                has_site;
    bool                verified;       /* userIds of the log are proven */
    onsite_ms_t         session_timeout;
    bool                deliver;
    bool                silent;
    resting_all_t       all;
    resting_t          *current;        /* whose visitor is */
    onsite_visitor_t    visitor;
    onsite_decision_t   decision;
    onsite_buf_t        line;
    tally_t            *tallies;        /* by campaign number */
    size_t              n_timers;
    size_t              n_events;
    size_t              n_sessions;
    size_t              skipped;
    bool                failed;         /* out of memory while telling */
} replay_t;

/* Of an onsite_listener_t, whose data is the replay. */
void replay_tell_choice(void *data, const onsite_image_t *image,
    const onsite_choice_t *choice, const onsite_event_t *event);
void replay_tell_move(void *data, const onsite_image_t *image,
    const onsite_step_t *step, const onsite_event_t *event);

/* Visitors on standard output, if they are asked for, and the totals. */
void replay_print(replay_t *replay, bool visitors, FILE *out,
    bool among_others);

#endif
