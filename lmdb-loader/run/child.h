/*
 * child.h - a process that the master of `run` has: starting it, its end, and
 * what it says.
 *
 * Only the master calls these.  A child is forked and executes nothing new, so
 * that no password of a configuration stands in the list of processes.
 */

#ifndef CHILD_H
#define CHILD_H

#include "sidecar.h"

#include <sys/types.h>

/* Longer lines come in pieces: with what stands in front of one it is less than
 * what a pipe takes at once. */
#define CHILD_LINE_MAX  3968

typedef struct {
    sidecar_slot_t          *slot;
    const config_t          *config;
    const config_section_t  *section;   /* NULL: the one that watches      */
    int                      keep;      /* a descriptor that it has, too;
                                           -1                              */
    pid_t                    pid;       /* 0: it does not run              */
    int                      log;       /* what it says; -1                */
    char                     line[CHILD_LINE_MAX];
    size_t                   len;
    onsite_ms_t              began;     /* sidecar_clock, as all of these  */
    onsite_ms_t              again;     /* when it is to be started        */
    onsite_ms_t              kill_at;   /* 0: it was not told to end       */
    bool                     wanted;    /* false: it goes for good         */
    bool                     proven;    /* it has run, or ended otherwise
                                           than with LOADER_USAGE          */
} child_t;

/* What a child does; its return is the exit status. */
typedef int (*child_work_pt)(const child_t *child, void *data);

/* Started; what it says goes to child->log.  False: told, and tried again
 * later. */
bool child_start(child_t *child, child_work_pt work, void *data);

/* It is to end within ms. */
void child_stop(child_t *child, onsite_ms_t ms);

/* Kills it when it has not ended in time; forgets former ends when it has run
 * long enough. */
void child_look_after(child_t *child);

/* It has ended as wait(2) says; LOADER_USAGE when the very first start came to
 * nothing because of how it was configured. */
int child_ended(child_t *child, int status);

/* What it said, line by line to standard error, with time and name. */
void child_read_log(child_t *child);

/* A line of the master's own, likewise. */
void child_tell(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
