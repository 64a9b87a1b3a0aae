/*
 * onsite_campaign.h - a campaign as the image holds it, and the compiler from
 * campaign files.  docs/campaign.schema.json says what a file may hold.
 */

#ifndef ONSITE_CAMPAIGN_H
#define ONSITE_CAMPAIGN_H

#include "onsite_image.h"
#include "onsite_price.h"
#include "onsite_limits.h"

typedef enum {
    ONSITE_CHANNEL_POPUP = 0,
    ONSITE_CHANNEL_BAR,
    ONSITE_CHANNEL_NOTIFICATION,
    ONSITE_CHANNEL_EMBED,
    ONSITE_CHANNEL_WEBHOOK
} onsite_channel_t;

/* Of frequency.per.  DAY and WEEK (from Monday) are calendar ones in the
 * campaign's time zone; VISITOR is for ever. */
typedef enum {
    ONSITE_PER_NONE = 0,            /* no cap                              */
    ONSITE_PER_PAGE,
    ONSITE_PER_SESSION,
    ONSITE_PER_HOUR,                /* clock hour, UTC                     */
    ONSITE_PER_DAY,
    ONSITE_PER_WEEK,
    ONSITE_PER_VISITOR
} onsite_per_t;

typedef enum {
    ONSITE_WITHIN_EVER = 0,
    ONSITE_WITHIN_SESSION,
    ONSITE_WITHIN_TIME              /* a sliding window of within_ms       */
} onsite_within_t;

/* What a trigger waits for.  All but EVENT are machines (onsite_machine.h),
 * which tell that it fired. */
typedef enum {
    ONSITE_TRIGGER_EVENT = 0,
    ONSITE_TRIGGER_SEQUENCE,
    ONSITE_TRIGGER_JOURNEY,
    ONSITE_TRIGGER_INACTIVE
} onsite_trigger_kind_t;

typedef struct {
    uint32_t            kind;       /* onsite_trigger_kind_t               */
    uint32_t            machine;    /* of a kind but EVENT: its number     */
    onsite_image_str_t  event;      /* its name; empty: not EVENT          */
    onsite_ref_t        where;      /* condition; 0: any                   */
    uint32_t            count;      /* fires at the count-th match, and at
                                       every one after it while the window
                                       holds so many                       */
    uint32_t            within;     /* onsite_within_t                     */
    uint32_t            hash;       /* of campaign id + trigger: names it in
                                       visitor records                     */
    int64_t             within_ms;
} onsite_trigger_t;

typedef struct {
    int64_t   from;                 /* ms; INT64_MIN: always               */
    int64_t   until;                /* ms, exclusive; INT64_MAX: for ever  */
    uint32_t  days;                 /* bit 0 Monday; 0x7f all              */
    uint16_t  minute_from;          /* of the local day                    */
    uint16_t  minute_until;         /* exclusive; < from: over midnight;
                                       equal to from: all day              */
} onsite_schedule_t;

typedef struct {
    onsite_image_str_t  id;
    uint32_t            hash;       /* fnv32a of the id                    */
    onsite_ref_t        html;       /* template; 0: none                   */
    onsite_ref_t        data;       /* template; 0: none                   */
    uint32_t            reserved;
    double              weight;
} onsite_variant_t;

/* Reads only event, request and time, fires at the first match, and has no
 * cap but one a page and no stop condition: may run without consent. */
#define ONSITE_CAMPAIGN_CONTEXTUAL  0x01

typedef struct {
    onsite_image_str_t  id;
    onsite_image_str_t  name;
    uint32_t            hash;       /* onsite_campaign_hash(id)            */
    int32_t             priority;   /* higher first                        */
    uint8_t             channel;    /* onsite_channel_t                    */
    uint8_t             per;        /* onsite_per_t                        */
    uint8_t             stop_on;    /* ONSITE_STOP_* bits                  */
    uint8_t             flags;
    uint32_t            cap;
    uint32_t            group;      /* 0: none; else exclusive with others
                                       of the same number in one answer    */
    uint32_t            zone;
    onsite_image_str_t  slot;
    onsite_image_str_t  endpoint;
    onsite_ref_t        audience;   /* condition; 0: everyone              */
    onsite_ref_t        variants;   /* onsite_variant_t[n_variants]; a
                                       campaign without variants has one,
                                       with id ""                          */
    uint32_t            n_variants;
    uint32_t            fallback;   /* index + 1; 0: none                  */
    onsite_trigger_t    trigger;
    onsite_schedule_t   schedule;
    double              holdout;    /* [0, 1)                              */
    double              coverage;   /* of the experiment, (0, 1]           */
    onsite_image_str_t  seed;       /* of the bucket: default the id       */
    uint32_t            hash_version;
    uint32_t            hash_slot;  /* slot + 1 of the hash attribute; 0:
                                       the visitor's id                    */
    onsite_image_str_t  goal;       /* event name; empty: none             */
    int64_t             goal_ms;    /* within, after an exposure           */
    onsite_image_str_t  when;       /* what in the page releases it, as JSON
                                       (onsite_when_holds); empty: shown at
                                       once                                */
} onsite_campaign_t;

/* FNV-1a of the id: what visitor records call it. */
uint32_t onsite_campaign_hash(onsite_str_t id);

/* "popup" …; static. */
onsite_str_t onsite_channel_text(onsite_channel_t channel);

/* The campaign with a hash, or NULL. */
const onsite_campaign_t *onsite_campaign_find(const onsite_image_t *image,
    uint32_t hash);

/* What the caller has of time zones and locales (core does no I/O).
 * Transitions of a zone by IANA name: NOT_FOUND when there is no such zone. */
typedef struct {
    onsite_status_t      (*transitions)(void *data, onsite_str_t name,
                             const onsite_transition_t **transitions,
                             size_t *n);
    void                  *data;
    const onsite_cldr_t   *cldr;        /* NULL: templates hold no prices  */
} onsite_zones_t;

typedef struct {
    onsite_str_t           file;        /* for messages                    */
    const onsite_value_t  *definition;  /* the parsed file                 */
} onsite_campaign_source_t;

/* What a definition is of: a file with "states" is a journey, one named
 * site.json the site's own; without trigger and channel one with "condition"
 * is a segment, with "affinities", "touches" or "locales" the site's; any
 * other is a campaign. */
typedef enum {
    ONSITE_FILE_CAMPAIGN = 0,
    ONSITE_FILE_JOURNEY,
    ONSITE_FILE_SEGMENT,
    ONSITE_FILE_SITE
} onsite_file_kind_t;

onsite_file_kind_t onsite_file_kind(const onsite_campaign_source_t *source);

typedef enum {
    ONSITE_LINT_ERROR = 0,              /* build stops                     */
    ONSITE_LINT_WARNING
} onsite_lint_level_t;

/* One finding: file, JSON path ("audience.visitor.status"), reason. */
typedef void (*onsite_lint_pt)(void *data, onsite_lint_level_t level,
    onsite_str_t file, const char *path, const char *reason);

/*
 * Compiles one site's files (those with "enabled": false are checked and left
 * out) into a finished image in b.  Every error and warning goes to lint, none
 * stops at the first.  INVALID when there was an error.
 *
 * Warnings: a campaign that can never fire (schedule over, cap 0, condition
 * that contradicts itself, event no one sends), one that another of its group
 * always shadows, caps that contradict, variants with weight 0.
 */
onsite_status_t onsite_campaigns_compile(onsite_builder_t *b,
    onsite_str_t site, const onsite_campaign_source_t *sources, size_t n,
    const onsite_zones_t *zones, const onsite_value_t *saved_groups,
    onsite_ms_t now, onsite_lint_pt lint, void *lint_data,
    onsite_image_t *image, onsite_error_t *error);

/*
 * Whether text is what `when` of a campaign file is compiled to: an object
 * with one or more of these members, in this order, without blanks, dwell and
 * idle in ms (at most ONSITE_WHEN_MS_MAX: a browser's timers hold 24 days).
 *
 *     {"exit":true,"scroll":50,"dwell":10000,"idle":30000,
 *      "seen":"#reviews","event":"Product Added"}
 */
#define ONSITE_WHEN_MS_MAX  ONSITE_DAY
bool onsite_when_holds(onsite_str_t text);

onsite_status_t onsite_campaigns_verify(const onsite_image_t *image,
    onsite_error_t *error);

/* The longest duration: 100 years of 365 days. */
#define ONSITE_DURATION_MAX  (36500 * ONSITE_DAY)

/* "30m", "4h", "5d", "90s", "2w", "250ms", and longest first "1h30m"; a bare
 * number is seconds, as in nginx.  INVALID otherwise, or when not positive or
 * over ONSITE_DURATION_MAX. */
onsite_status_t onsite_duration_read(onsite_str_t text, onsite_ms_t *ms);

#endif
