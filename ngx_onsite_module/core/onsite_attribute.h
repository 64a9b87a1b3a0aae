/*
 * onsite_attribute.h - what conditions and templates can read, and the
 * context of one decision.
 */

#ifndef ONSITE_ATTRIBUTE_H
#define ONSITE_ATTRIBUTE_H

#include "onsite_image.h"
#include "onsite_facts.h"
#include "onsite_tables.h"
#include "onsite_visitor.h"

typedef struct {
    onsite_value_t  value;
    uint32_t        stamp;
} onsite_memo_t;

/* Slow data that was looked up in a context; all zero at its beginning. */
typedef struct {
    onsite_str_t             profile;       /* data NULL: there is none    */
    onsite_str_t             lists;
    onsite_str_t             product;
    const onsite_event_t    *product_of;
    uint32_t                 product_stamp;
    onsite_value_t           recommended;
    bool                     profile_known;
    bool                     lists_known;
    bool                     recommended_known;
    bool                     in_segments;   /* a rule is being evaluated   */
} onsite_slow_t;

typedef struct {
    const onsite_image_t    *image;
    struct onsite_regexes_s *regexes;
    onsite_arena_t          *arena;         /* for values that are made    */
    const onsite_event_t    *event;
    const onsite_visitor_t  *visitor;       /* NULL: no consent            */
    const onsite_key_t      *key;           /* of the visitor's record; NULL:
                                               there is none               */
    const onsite_facts_t    *facts;         /* may be NULL                 */
    const onsite_tables_t   *tables;        /* slow data; NULL: none       */
    onsite_str_t             customer;      /* whose slow data may be read:
                                               a verified id; len 0: nobody's*/
    bool                     closed;        /* the visitor is a customer who
                                               may not be here: unnamed    */
    const onsite_value_t    *root;          /* ONSITE_ROOT_VALUE           */
    onsite_ms_t              now;           /* for time.*                  */
    onsite_memo_t           *memo;          /* one a slot of the image     */
    uint32_t                 stamp;         /* memo entries of this decision
                                               carry it; never 0           */
    onsite_slow_t            slow;          /* of tables and customer      */
} onsite_context_t;

/* The value of a slot, resolved at first use, then remembered until
 * context->stamp changes.  Never NULL: ABSENT when there is none. */
const onsite_value_t *onsite_attribute_slot(onsite_context_t *context,
    uint32_t slot);

/* Values remembered so far are of another event, or of another moment. */
void onsite_context_forget(onsite_context_t *context);

/* GrowthBook's getPath below a plain value (NULL: ABSENT): members of
 * objects; indices and length of arrays. */
onsite_value_t onsite_attribute_walk(const onsite_image_t *image,
    const onsite_value_t *from, const onsite_image_str_t *keys,
    uint32_t n_keys);

/*
 * The value of a path below a root.
 *   event    name, type, messageId, userId, properties.*, traits.*,
 *            context.*
 *   visitor  id (hex of its record's key), status, visits, first_seen,
 *            last_seen (ms), orders, user_id, verified, traits.<name>,
 *            counts.<event name>; closed: user_id and traits are ABSENT,
 *            verified is false
 *   session  pageviews, events, duration (s), start (ms),
 *            counts.<event name>
 *   cart     items, value, skus, products (the lines, each with sku,
 *            quantity, price and what the table of products has)
 *   profile  what the table of profiles has of the customer; age_seconds
 *   segments array of ids
 *   product  what the table has of event.properties.sku, else product_id
 *   recommended
 *            array of the products of profile.recommended that may be had
 *   request  path, url, host, method, scheme, query.<name>, referrer,
 *            language, device, <onsite_attribute name>
 *   time     hour, minute, weekday ("mon"), date ("2026-01-31"), unix (s)
 * language is the preferred one's primary subtag ("fr"); an onsite_attribute
 * may take the place of a built-in one.  A counter that was never counted is
 * 0; all else that is not there is ABSENT.  keys mean what they mean to
 * GrowthBook's getPath.
 */
onsite_value_t onsite_attribute_resolve(onsite_context_t *context,
    onsite_root_t root, const onsite_str_t *keys, size_t n_keys,
    uint32_t zone);

/* The properties of the event that a slot reads (<key> of
 * event.properties.<key>…; those that name a product, of product.…) are added
 * to the n keys unless they are among them.  Returns how many there are then,
 * at most max. */
size_t onsite_attribute_property(const onsite_image_t *image, uint32_t slot,
    onsite_str_t *keys, size_t n, size_t max);

/* Whether some value can ever be there: for lint ("did you mean"). */
bool onsite_attribute_known(onsite_root_t root, const onsite_str_t *keys,
    size_t n_keys);

/* "visitor" → ONSITE_ROOT_VISITOR; ONSITE_ROOTS when there is none. */
onsite_root_t onsite_root(onsite_str_t name);

/* And back; len 0 for ONSITE_ROOT_VALUE, which has none. */
onsite_str_t onsite_root_name(onsite_root_t root);

/* Local time in a zone of an image. */
typedef struct {
    int      year, month, day;      /* month 1-12                          */
    int      hour, minute, second;
    int      weekday;               /* 0 Monday                            */
    int64_t  days;                  /* since 1970-01-01, local             */
} onsite_local_time_t;

void onsite_local_time(const onsite_image_t *image, uint32_t zone,
    onsite_ms_t time, onsite_local_time_t *local);

#endif
