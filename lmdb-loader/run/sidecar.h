/*
 * sidecar.h - what the processes of `run` tell each other, and others: one
 * table in memory that they share.
 *
 * The master writes it to STATE/sidecar.tasks each second, renamed into place.
 * The memory has no name in the state, so that a state which is wiped, or a
 * file there which is cut, takes nothing from under the processes.
 */

#ifndef SIDECAR_H
#define SIDECAR_H

#include "config.h"
#include "task.h"

#define SIDECAR_FILE     "sidecar.tasks"
#define SIDECAR_SLOTS    (CONFIG_SECTIONS_MAX + 1)
#define SIDECAR_WATCH    "watch"        /* the process that watches        */

/* A master that has written nothing for so long is none any more. */
#define SIDECAR_SILENT   (10 * ONSITE_SECOND)

typedef enum {
    SIDECAR_FREE = 0,               /* nobody's slot                       */
    SIDECAR_RUNS,
    SIDECAR_WAITS,                  /* to be started again                 */
    SIDECAR_STOPS
} sidecar_phase_t;

typedef struct {
    char                 name[CONFIG_NAME_MAX];
    _Atomic uint32_t     phase;
    _Atomic int32_t      pid;
    _Atomic onsite_ms_t  started;
    _Atomic onsite_ms_t  ended;     /* unasked, last; 0: it never did      */
    _Atomic uint64_t     restarts;
    _Atomic uint32_t     in_a_row;  /* ends, unasked, each soon after the
                                       start                               */
    char                 end[TASK_WHY_MAX];
    task_slot_t          task;
} sidecar_slot_t;

/* So many make a loop of crashes. */
#define SIDECAR_LOOP  3

typedef struct {
    char                 magic[16];
    uint64_t             size;
    char                 config[PATH_MAX];
    char                 listen[256];
    _Atomic int32_t      master;
    _Atomic onsite_ms_t  started;
    _Atomic onsite_ms_t  beat;      /* of the master; sidecar_clock        */
    _Atomic onsite_ms_t  looked;    /* when the watch had looked last      */
    _Atomic uint32_t     ready;
    _Atomic uint32_t     stopping;
    char                 unready[TASK_WHY_MAX];
    sidecar_slot_t       slots[SIDECAR_SLOTS];
} sidecar_t;

/* Shared with all processes that are forked later; NULL. */
sidecar_t *sidecar_create(const char *config);

/* That of a section: its own one of before, or a free one; NULL: none is. */
sidecar_slot_t *sidecar_slot(sidecar_t *sidecar, const char *name);

/* Writes it; a state that is not there is no error. */
onsite_status_t sidecar_write(const sidecar_t *sidecar, const char *state,
    onsite_error_t *error);

/* NOT_FOUND: there is none; VERSION: one of another version. */
onsite_status_t sidecar_read(sidecar_t *sidecar, const char *state,
    onsite_error_t *error);

/* Whether its master lives. */
bool sidecar_lives(const sidecar_t *sidecar);

/* It ends again and again. */
bool sidecar_loops(const sidecar_slot_t *slot);

/* Milliseconds since the machine began: no clock that is set disturbs it. */
onsite_ms_t sidecar_clock(void);

#endif
