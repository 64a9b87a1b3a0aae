/*
 * task.h - what a command that keeps running tells of itself, for those who
 * watch over it.
 *
 * It goes into a slot of the process: one of its own, until task_use says
 * another.  One process writes to a slot, any may read it.
 */

#ifndef TASK_H
#define TASK_H

#include "onsite_types.h"

#include <stdatomic.h>

/* What is counted; task.c has names and help texts in the same order. */
typedef enum {
    TASK_SYNC_TAKEN = 0,        /* snapshots that went live                */
    TASK_SYNC_FAILED,           /* looks at a store that failed            */
    TASK_SYNC_TOLD,             /* announcements that were heard           */
    TASK_SYNC_AWAY,             /* times that nobody could tell us         */
    TASK_DRAIN_EVENTS,          /* that left                               */
    TASK_DRAIN_BYTES,           /* of them, as JSON                        */
    TASK_DRAIN_REJECTED,        /* that a sink would never take            */
    TASK_DRAIN_DAMAGED,         /* entries that could not be read          */
    TASK_DRAIN_FAILED,          /* times that a sink failed                */
    TASK_CHECKPOINT_MADE,       /* checkpoints                             */
    TASK_CHECKPOINT_FAILED,     /* tries that failed                       */
    TASK_ROAM_MERGED,           /* records of others that joined ours      */
    TASK_ROAM_PUT,              /* records of ours that were put           */
    TASK_ROAM_GIVEN_UP,         /* visitors of whom nothing was heard      */
    TASK_ROAM_UNKNOWN,          /* visitors whom nobody else knew          */
    TASK_ROAM_FAILED,           /* rounds that failed                      */
    TASK_DELIVER_SENT,          /* deliveries that arrived                 */
    TASK_DELIVER_RETRIED,       /* attempts that failed, to be repeated    */
    TASK_DELIVER_DEAD,          /* given up                                */
    TASK_DELIVER_LOST,          /* dead ones that made room                */
    TASK_DELIVER_FORGOTTEN,     /* dropped, as deliver_drop_t says why     */
    TASK_DELIVER_CONSENT,
    TASK_DELIVER_CAMPAIGN,
    TASK_DELIVER_SCHEDULE,
    TASK_DELIVER_STOPPED,
    TASK_DELIVER_CAP,
    TASK_DELIVER_DAMAGED,
    TASK_COUNTERS
} task_counter_t;

#define TASK_WHY_MAX  256

typedef struct {
    _Atomic uint64_t     counters[TASK_COUNTERS];
    _Atomic onsite_ms_t  good;          /* when a round went well last     */
    _Atomic onsite_ms_t  failing;       /* since when; 0: it goes well     */
    char                 why[TASK_WHY_MAX];     /* of the last failure; may
                                           be half another's while it changes,
                                           and always ends in NUL           */
    _Atomic onsite_ms_t  away;          /* since when nobody can tell it that
                                           there is news; 0: it can be told */
    char                 away_why[TASK_WHY_MAX];        /* as why           */
} task_slot_t;

typedef struct {
    const char  *name;          /* as in "onsite_sidecar_NAME_total"       */
    const char  *help;
} task_named_t;

extern const task_named_t  task_names[TASK_COUNTERS];

/* From now on this one; NULL: the process' own. */
void task_use(task_slot_t *slot);

void task_count(task_counter_t counter, uint64_t n);

/* A round went well: what failed is over. */
void task_good(void);
void task_failed(const char *why);

/* Who tells it that there is news is away: it goes on without; and is back. */
void task_away(const char *why);
void task_back(void);

#endif
