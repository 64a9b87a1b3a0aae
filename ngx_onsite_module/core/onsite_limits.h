/*
 * onsite_limits.h - every bound on what comes from outside, in one place.
 */

#ifndef ONSITE_LIMITS_H
#define ONSITE_LIMITS_H

/* JSON */
#define ONSITE_JSON_DEPTH_MAX            32
#define ONSITE_JSON_NODES_MAX        100000  /* values in one document      */

/* events (Segment HTTP Tracking API) */
#define ONSITE_EVENT_BYTES_MAX    (32 * 1024)
#define ONSITE_BATCH_BYTES_MAX   (500 * 1024)
#define ONSITE_BATCH_EVENTS_MAX        2500
#define ONSITE_EVENT_NAME_MAX           128  /* bytes; longer is an error   */
#define ONSITE_ID_MAX                   256  /* bytes of a client's id      */
#define ONSITE_EVENT_AGE_MAX   ONSITE_HOUR   /* older is counted, not live  */
#define ONSITE_EVENT_SKEW_MAX  ONSITE_MINUTE /* further ahead: from the
                                                future, not live            */
#define ONSITE_EVENT_CLOCK_MAX ONSITE_HOUR   /* a clock further off than this
                                                is skewed                   */

/* visitor record */
#define ONSITE_RECORD_BYTES_MAX        4080  /* one page of LMDB at most    */
#define ONSITE_COUNTERS_MAX              96  /* least recently used goes    */
#define ONSITE_CART_LINES_MAX            32
#define ONSITE_EXPOSURES_MAX            128  /* campaigns remembered        */
#define ONSITE_PROGRESS_MAX              64  /* campaigns part-way          */
#define ONSITE_PROGRESS_TIMES_MAX        16  /* so trigger count <= 17      */
#define ONSITE_PENDING_MAX                4  /* fired, not yet shown        */
#define ONSITE_PENDING_BYTES_MAX        512  /* kept event properties, each */
#define ONSITE_ARMED_MAX                  8  /* all of one answer           */
#define ONSITE_SKU_MAX                   64
#define ONSITE_USER_ID_MAX              128  /* bytes; longer is not kept   */
#define ONSITE_TRAITS_BYTES_MAX         512  /* kept traits, as msgpack     */
#define ONSITE_STANDINGS_MAX             64  /* journeys stood in, triggers
                                                armed                       */
#define ONSITE_AFFINITIES_MAX            32  /* of all attributes           */
#define ONSITE_AFFINITY_TOP               8  /* kept of one attribute       */
#define ONSITE_AFFINITY_VALUE_MAX        64  /* bytes                       */
#define ONSITE_TOUCHES_MAX                8  /* the last ones               */
#define ONSITE_TOUCH_TEXT_MAX            64  /* bytes of each of its texts  */
#define ONSITE_MESSAGES_MAX              16  /* messageIds remembered       */

/* slow data */
#define ONSITE_ROW_BYTES_MAX           4096  /* one row, as msgpack         */
#define ONSITE_ROW_SKU_MAX              128  /* bytes of a product's sku    */
#define ONSITE_LISTS_MAX                255  /* uploaded lists of customers */
#define ONSITE_RECOMMENDED_MAX           16  /* products in `recommended`   */

/* journeys */
#define ONSITE_MACHINE_STATES_MAX        64
#define ONSITE_SEQUENCE_STEPS_MAX        16  /* counts spelled out          */
#define ONSITE_FIRED_MAX                 64  /* campaigns one event triggers
                                                by sequence or journey      */
#define ONSITE_EMITS_MAX                  8  /* events one event entails    */

/* campaigns */
#define ONSITE_CAMPAIGN_ID_MAX           64
#define ONSITE_CONDITION_DEPTH_MAX       16
#define ONSITE_PATH_KEYS_MAX             32  /* keys of an attribute path   */
#define ONSITE_VARIANTS_MAX              64
#define ONSITE_WHEN_SELECTOR_MAX        200  /* bytes of when.seen          */
#define ONSITE_CHOICES_MAX                8  /* campaigns in one answer     */
#define ONSITE_SLOTS_MAX                  8  /* with content, in one page   */
#define ONSITE_SLOTS_FILLED_MAX          64  /* of a page, also of one name */
#define ONSITE_SLOT_HELD_MAX    (64 * 1024)  /* default content of a slot   */
#define ONSITE_SLOTS_WASTE_MAX (256 * 1024)  /* of all that were held back
                                                for nothing, 512 each at
                                                least                       */
#define ONSITE_SLOT_NAME_MAX             64  /* bytes                       */
#define ONSITE_HTML_MAX         (64 * 1024)  /* one rendered content        */
#define ONSITE_REGEX_MATCH_LIMIT      10000
#define ONSITE_REGEX_DEPTH_LIMIT        500
#define ONSITE_REGEX_SUBJECT_MAX       4096  /* bytes looked at             */

/* a page's Content-Security-Policies */
#define ONSITE_POLICIES_MAX              16
#define ONSITE_POLICY_MAX       (16 * 1024)  /* bytes of one                */

/* preview links */
#define ONSITE_PREVIEW_HOST_MAX         255
#define ONSITE_PREVIEW_PATH_MAX        2048

#endif
