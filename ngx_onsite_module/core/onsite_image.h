/*
 * onsite_image.h - one site's campaigns, compiled: a block of memory without
 * pointers.
 *
 * `lmdb-loader build` writes it into the snapshot once; every worker on the
 * machine maps the same pages and evaluates them in place.  All references
 * are byte offsets from the start (0: none), all structs are 8-aligned and
 * in the byte order of the machine that built it; the header says which, and
 * a mismatch is refused.
 *
 * Trust: an image is verified (checksum, then every offset, length, index,
 * depth and enum of every section) before anything evaluates it, so code that
 * reads a verified image needs no bounds checks.
 */

#ifndef ONSITE_IMAGE_H
#define ONSITE_IMAGE_H

#include "onsite_value.h"

#define ONSITE_IMAGE_MAGIC    0x4f4e5349u       /* "ONSI" */
#define ONSITE_IMAGE_VERSION  3
#define ONSITE_IMAGE_ORDER    0x01020304u

typedef uint32_t  onsite_ref_t;

typedef struct {
    onsite_ref_t  ref;
    uint32_t      len;
} onsite_image_str_t;

/* A literal: as onsite_value_t, with references. */
typedef struct {
    uint32_t  type;                 /* onsite_type_t                       */
    uint32_t  len;                  /* bytes, items or members             */
    union {
        double        number;
        uint64_t      boolean;
        onsite_ref_t  ref;          /* bytes; onsite_image_value_t[len];
                                       onsite_image_member_t[len]          */
    } as;
} onsite_image_value_t;

typedef struct {
    onsite_image_str_t    key;
    onsite_image_value_t  value;
} onsite_image_member_t;

/* Where an attribute path begins. */
typedef enum {
    ONSITE_ROOT_VALUE = 0,          /* a plain object given by the caller:
                                       tests, saved groups, elements       */
    ONSITE_ROOT_EVENT,              /* event.*: name, type, properties.*, … */
    ONSITE_ROOT_VISITOR,
    ONSITE_ROOT_SESSION,
    ONSITE_ROOT_CART,
    ONSITE_ROOT_AFFINITY,
    ONSITE_ROOT_ORIGIN,
    ONSITE_ROOT_PROFILE,
    ONSITE_ROOT_SEGMENTS,
    ONSITE_ROOT_REQUEST,
    ONSITE_ROOT_TIME,
    ONSITE_ROOT_MODEL,
    ONSITE_ROOT_JOURNEY,            /* journey.<id>: the state's name      */
    ONSITE_ROOT_PRODUCT,            /* product.*: of the event's sku       */
    ONSITE_ROOT_RECOMMENDED,        /* products of profile.recommended     */
    ONSITE_ROOTS
} onsite_root_t;

/* One attribute that some condition or template reads; equal paths share a
 * slot, so each is resolved at most once a decision. */
typedef struct {
    uint16_t      root;             /* onsite_root_t                       */
    uint16_t      n_keys;           /* below the root                      */
    uint32_t      zone;             /* index of the time zone; time.* only */
    onsite_ref_t  keys;             /* onsite_image_str_t[n_keys]          */
} onsite_slot_t;

/* A time zone: from transitions[i].at on, offset seconds east of UTC. */
typedef struct {
    int64_t  at;                    /* s since the epoch, UTC              */
    int32_t  offset;
    int32_t  reserved;
} onsite_transition_t;

typedef struct {
    onsite_image_str_t  name;
    onsite_ref_t        transitions;    /* ascending; the first's `at` is
                                           INT64_MIN                       */
    uint32_t            n_transitions;
} onsite_zone_t;

typedef struct {
    onsite_image_str_t  pattern;
    uint32_t            caseless;
    uint32_t            reserved;
} onsite_image_regex_t;

typedef struct {
    uint32_t            magic;
    uint16_t            version;
    uint16_t            reserved;
    uint32_t            order;
    uint32_t            size;           /* of the whole image, bytes       */
    uint64_t            checksum;       /* of all bytes behind this field  */
    uint64_t            built;          /* ms                              */
    onsite_image_str_t  site;
    onsite_ref_t        campaigns;      /* onsite_campaign_t[n_campaigns],
                                           highest priority first, then by
                                           id: the index is the rank       */
    uint32_t            n_campaigns;
    onsite_ref_t        slots;          /* onsite_slot_t[n_slots]          */
    uint32_t            n_slots;
    onsite_ref_t        regexes;        /* onsite_image_regex_t[n_regexes] */
    uint32_t            n_regexes;
    onsite_ref_t        zones;          /* onsite_zone_t[n_zones]; 0 is UTC*/
    uint32_t            n_zones;
    onsite_ref_t        index;          /* onsite_index.h                  */
    uint32_t            n_groups;       /* exclusive groups: 1 .. n_groups */
    onsite_ref_t        by_hash;        /* uint32_t[n_campaigns]: campaign
                                           indices, ascending by hash      */
    uint32_t            n_machines;
    onsite_ref_t        machines;       /* onsite_machine.h                */
    onsite_ref_t        machine_index;
    uint32_t            n_segments;
    onsite_ref_t        segments;       /* onsite_segment.h                */
    uint32_t            n_affinities;
    onsite_ref_t        affinities;     /* onsite_affinity.h               */
    uint32_t            n_traits;
    onsite_ref_t        traits;         /* onsite_image_str_t[n_traits]: names
                                           of the traits that are kept     */
    uint32_t            touches;        /* how many are kept               */
    onsite_ref_t        prices;         /* onsite_price.h; 0: none         */
} onsite_image_header_t;

typedef struct {
    const uint8_t  *base;
    size_t          size;
} onsite_image_t;

static inline const onsite_image_header_t *
onsite_image_header(const onsite_image_t *image)
{
    return (const onsite_image_header_t *) image->base;
}

static inline const void *
onsite_image_at(const onsite_image_t *image, onsite_ref_t ref)
{
    return image->base + ref;
}

static inline onsite_str_t
onsite_image_str(const onsite_image_t *image, onsite_image_str_t s)
{
    return onsite_str((const char *) image->base + s.ref, s.len);
}

/* A literal as a value, its strings in place and its items in arena. */
onsite_status_t onsite_image_value(const onsite_image_t *image,
    const onsite_image_value_t *literal, onsite_arena_t *arena,
    onsite_value_t *out);

/* An array index in JavaScript's sense: "0" .. "4294967294". */
bool onsite_array_index(onsite_str_t key, uint32_t *index);
bool onsite_is_array_index(onsite_str_t key);

/* Bounds checks for the verify functions of the sections. */
bool onsite_image_holds(const onsite_image_t *image, onsite_ref_t ref,
    uint64_t count, size_t size, size_t align);
bool onsite_image_holds_str(const onsite_image_t *image,
    onsite_image_str_t s);
bool onsite_image_holds_value(const onsite_image_t *image,
    const onsite_image_value_t *value, int depth);

/*
 * Verifies everything; calls the verify functions of conditions, templates,
 * campaigns and index.  VERSION: another version or byte order; CORRUPT:
 * anything else, with where.
 */
onsite_status_t onsite_image_verify(const onsite_image_t *image,
    onsite_error_t *error);

/* Traits and touches, which the header names. */
onsite_status_t onsite_traits_verify(const onsite_image_t *image,
    onsite_error_t *error);

/* The part of it that every section relies on: header, checksum, slots,
 * regexes, zones. */
onsite_status_t onsite_image_verify_tables(const onsite_image_t *image,
    onsite_error_t *error);


/*
 * 64 bits of any bytes, for tables and the checksum: a folded 64 x 64
 * multiplication per 16 bytes.  Not for secrets; differs between byte orders.
 */
uint64_t onsite_hash64(const void *data, size_t len, uint64_t seed);

/* The checksum that the header of this image should carry. */
uint64_t onsite_image_checksum(const onsite_image_t *image);


/* Building: one growing block; references stay valid, pointers do not. */

typedef struct onsite_builder_s  onsite_builder_t;

onsite_builder_t *onsite_builder_create(void);
void onsite_builder_destroy(onsite_builder_t *b);

/* Zeroed, 8-aligned; 0 when out of memory (also remembered: finish fails). */
onsite_ref_t onsite_builder_alloc(onsite_builder_t *b, size_t size);
void *onsite_builder_at(onsite_builder_t *b, onsite_ref_t ref);

/* What has been built so far, as an image without header: for reading back.
 * Valid until the next call. */
onsite_image_t onsite_builder_view(const onsite_builder_t *b);

/* The attributes that something built so far reads; until one is added. */
const onsite_slot_t *onsite_builder_slots(const onsite_builder_t *b,
    size_t *n);

/* Something failed: out of memory or over 2 GB. */
bool onsite_builder_failed(const onsite_builder_t *b);

/* Equal strings, slots, regexes, zones share one. */
onsite_image_str_t onsite_builder_str(onsite_builder_t *b, onsite_str_t s);
uint32_t onsite_builder_slot(onsite_builder_t *b, onsite_root_t root,
    const onsite_str_t *keys, size_t n_keys, uint32_t zone);
uint32_t onsite_builder_regex(onsite_builder_t *b, onsite_str_t pattern,
    bool caseless);
uint32_t onsite_builder_zone(onsite_builder_t *b, onsite_str_t name,
    const onsite_transition_t *transitions, size_t n);
uint32_t onsite_builder_group(onsite_builder_t *b, onsite_str_t name);
/* Members as JavaScript lists them: array indices ascending, then the others
 * in order of first appearance; a repeated key once, with its last value. */
onsite_image_value_t onsite_builder_value(onsite_builder_t *b,
    const onsite_value_t *value);

/* Writes the tables, header and checksum.  The image lives as long as the
 * builder. */
onsite_status_t onsite_builder_finish(onsite_builder_t *b, onsite_str_t site,
    onsite_ms_t built, onsite_image_t *image, onsite_error_t *error);

#endif
