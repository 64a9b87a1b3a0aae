/*
 * doctor.h - `doctor`: checks, each a small function, that note what they find.
 *
 * A check is passed over where what it looks at was not named, and cannot be
 * guessed.
 */

#ifndef DOCTOR_H
#define DOCTOR_H

#include "config.h"

#define DOCTOR_FINDINGS  128

typedef enum {
    DOCTOR_ERROR = 0,           /* it does not work, or will not           */
    DOCTOR_WARNING,             /* it works, and may not for long          */
    DOCTOR_NOTE                 /* good to know                            */
} doctor_level_t;

typedef struct {
    doctor_level_t  level;
    const char     *check;
    char            what[512];
    char            remedy[384];
} doctor_finding_t;

typedef struct {
    /* NULL: not named */
    const char         *state;
    const char         *user;           /* of the workers                  */
    const char         *snapshot;       /* the live file                   */
    const char *const  *trust;          /* ends in NULL                    */
    const char *const  *keys;
    const char         *checkpoints;
    const char         *module;
    const char         *nginx;
    const config_t     *config;         /* of the sidecar                  */

    onsite_ms_t         now;
    onsite_store_t     *store;          /* NULL: it cannot be opened       */
    onsite_store_stat_t stat;           /* of it                           */
    const char         *check;          /* that is made                    */
    doctor_finding_t    findings[DOCTOR_FINDINGS];
    size_t              n;
} doctor_t;

typedef struct {
    const char  *name;
    /* false: there is nothing to look at */
    bool       (*run)(doctor_t *doctor);
} doctor_check_t;

/* What is wrong, and (next) what to do. */
void doctor_find(doctor_t *doctor, doctor_level_t level, const char *what, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_remedy(doctor_t *doctor, const char *remedy, ...)
    __attribute__((format(printf, 2, 3)));

/* doctor_state.c */
bool doctor_opens(doctor_t *doctor);
bool doctor_owner(doctor_t *doctor);
bool doctor_damage(doctor_t *doctor);
bool doctor_memory(doctor_t *doctor);
bool doctor_lock(doctor_t *doctor);
bool doctor_readers(doctor_t *doctor);
bool doctor_room(doctor_t *doctor);
bool doctor_outbox(doctor_t *doctor);
bool doctor_records(doctor_t *doctor);

/* doctor_files.c */
bool doctor_snapshot(doctor_t *doctor);
bool doctor_sync(doctor_t *doctor);
bool doctor_trust(doctor_t *doctor);
bool doctor_keys(doctor_t *doctor);
bool doctor_checkpoints(doctor_t *doctor);
bool doctor_drain(doctor_t *doctor);

/* doctor_machine.c */
bool doctor_library(doctor_t *doctor);
bool doctor_module(doctor_t *doctor);
bool doctor_nginx(doctor_t *doctor);
bool doctor_clock(doctor_t *doctor);
bool doctor_limits(doctor_t *doctor);

#endif
