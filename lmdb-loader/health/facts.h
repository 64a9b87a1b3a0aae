/*
 * facts.h - how a POP is: gathered by the process that watches, or by
 * `status`, and told in several forms.
 */

#ifndef FACTS_H
#define FACTS_H

#include "kept.h"
#include "sidecar.h"

#define FACTS_SYNCS     8
#define FACTS_FINDINGS  32
#define FACTS_WHY       400

typedef struct {
    char                  path[PATH_MAX];
    bool                  open;             /* it can be read              */
    bool                  missing;          /* there is no such folder     */
    bool                  tried;            /* whether it can be written   */
    bool                  writable;
    char                  why[FACTS_WHY];   /* not open, or not writable   */
    uint32_t              shards;
    onsite_store_stat_t   stat;
    uint64_t              cleared;          /* readers of dead processes,
                                               since this one began        */
    onsite_ms_t           oldest_event;     /* 0: none waits               */
    onsite_ms_t           oldest_delivery;
    uint64_t              dead;             /* deliveries given up         */
    onsite_ms_t           timer_due;        /* the earliest; 0: none       */
} facts_state_t;

/* What a [sync] keeps current. */
typedef struct {
    char                  section[CONFIG_NAME_MAX];
    char                  file[PATH_MAX];
    bool                  is_signed;        /* so that it has a state.json */
    bool                  good;
    char                  why[FACTS_WHY];   /* not good                    */
    char                  sha256[FILES_SHA256 + 1];     /* of FILE         */
    uint64_t              version;          /* of FILE, when it opens      */
    uint64_t              campaigns;
    uint64_t              bytes;
    onsite_ms_t           built;
    onsite_ms_t           since;            /* it is live                  */
    kept_state_t          kept;             /* zeros: not known            */
} facts_sync_t;

typedef struct {
    char                  section[CONFIG_NAME_MAX];
    char                  folder[PATH_MAX];
    size_t                n;
    onsite_ms_t           latest;           /* by name; 0: there is none   */
    onsite_ms_t           ahead;            /* of now, by a clock that was
                                               not right; 0: it is not     */
    onsite_ms_t           made;             /* the latest, as far as known */
    onsite_ms_t           every;            /* one is to be made           */
} facts_checkpoint_t;

/* Numbers that only nginx has. */
typedef struct {
    const char           *url;              /* NULL: it was not asked      */
    bool                  good;
    char                  why[FACTS_WHY];
    double                available;        /* the state: 0 or 1           */
    double                events;
    double                rejected;
    double                refused;          /* deliveries                  */
    double                dropped;          /* events                      */
    double                errors;           /* of the state                */
} facts_nginx_t;

/* What is not well: the remedy is a sentence, or "" where what says it. */
typedef struct {
    char                  what[FACTS_WHY];
    char                  remedy[FACTS_WHY];
} facts_finding_t;

typedef struct {
    onsite_ms_t           now;
    onsite_ms_t           clock;            /* sidecar_clock               */
    const config_t       *config;           /* NULL: not known             */
    facts_state_t         state;
    facts_sync_t          syncs[FACTS_SYNCS];
    size_t                n_syncs;
    facts_checkpoint_t    checkpoint;       /* section "": there is none   */
    facts_nginx_t         nginx;
    const sidecar_t      *sidecar;          /* NULL: none was ever there   */
    facts_finding_t       findings[FACTS_FINDINGS];
    size_t                n_findings;
} facts_t;

/* What outlives a gathering. */
typedef struct {
    const config_t       *config;           /* NULL: not known             */
    const char           *state;
    bool                  change;           /* try to write                */
    onsite_store_t       *store;
    uint64_t              cleared;
    onsite_ms_t           examined;         /* the state, all of it        */
    facts_state_t         before;           /* what it came to             */
    struct {
        unsigned long long  seen[5];        /* which file it was           */
        facts_sync_t        found;
    } syncs[FACTS_SYNCS];
} facts_source_t;

/* nginx and sidecar are the caller's to set before. */
void facts_gather(facts_source_t *source, facts_t *facts);
void facts_close(facts_source_t *source);

/* facts_kept.c */
void facts_of_checkpoints(facts_t *facts);
void facts_of_syncs(facts_source_t *source, facts_t *facts);

/* facts_find.c: what is not well, the gravest first. */
void facts_find(facts_t *facts);

/* A verified snapshot of each [sync] is live, and the state can be written.
 * Appends why not as strings of a JSON array. */
bool facts_ready(const facts_t *facts, onsite_buf_t *reasons);

/* No process ends again and again. */
bool facts_healthy(const sidecar_t *sidecar, onsite_buf_t *reasons);

/* facts_nginx.c: asks onsite_status at nginx->url. */
void facts_ask_nginx(facts_nginx_t *nginx);

/* facts_json.c, facts_metrics.c, facts_text.c */
void facts_write_json(onsite_buf_t *out, const facts_t *facts);
void facts_write_metrics(onsite_buf_t *out, const facts_t *facts);
void facts_write_text(onsite_buf_t *out, const facts_t *facts);

/* "3 h", "12 s" */
#define FACTS_TIME  32
const char *facts_duration(onsite_ms_t ms, char text[FACTS_TIME]);

#endif
