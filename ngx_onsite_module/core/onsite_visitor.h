/*
 * onsite_visitor.h - all that is remembered of one visitor, and how an event
 * changes it.
 *
 * The struct is what code reads; onsite_visitor_codec.h is how it rests.
 * Strings point into the record it was decoded from or into the event that
 * changed it: encode before either goes away.
 */

#ifndef ONSITE_VISITOR_H
#define ONSITE_VISITOR_H

#include "onsite_event.h"

typedef struct {
    onsite_str_t  name;
    uint32_t      total;            /* saturate, never wrap                */
    uint32_t      session;          /* within the current session          */
} onsite_counter_t;

typedef struct {
    onsite_str_t  sku;
    uint32_t      quantity;
    double        price;            /* of one, in the shop's currency      */
} onsite_cart_line_t;

/* What happened to a campaign's promotions: bits in onsite_exposure_t. */
#define ONSITE_STOP_CLICKED     0x01
#define ONSITE_STOP_DISMISSED   0x02
#define ONSITE_STOP_GOAL        0x04
/* It went along with a page that had no slot for it, and was not counted as
 * shown: it is once it was viewed. */
#define ONSITE_EXPOSURE_SENT    0x08

typedef struct {
    uint32_t      campaign;         /* onsite_campaign_hash(id)            */
    uint32_t      total;            /* times shown                         */
    uint32_t      window;           /* times shown in the cap's window that
                                       holds `last`                        */
    onsite_ms_t   last;             /* shown last; 0: assigned, never shown*/
    uint8_t       variant;          /* sticky: index + 1; 0: none          */
    bool          holdout;          /* sticky: in the holdout              */
    uint8_t       happened;         /* bits as above                       */
    uint32_t      variant_hash;     /* of the variant's id: the index alone
                                       would not survive an edit           */
    uint32_t      session;          /* visits when last shown              */
} onsite_exposure_t;

/* Trigger count > 1: when its matches happened, oldest first.  A sequence: the
 * starts of its positions (onsite_machine.h). */
typedef struct {
    uint32_t      trigger;          /* onsite_trigger_t.hash, or a machine's*/
    uint32_t      session;          /* visits of the last match            */
    bool          starts;           /* times are a sequence's starts       */
    uint8_t       n;
    onsite_ms_t   times[ONSITE_PROGRESS_TIMES_MAX];
} onsite_progress_t;

/* Fired by an event whose response shows nothing (a beacon): shown by the
 * next page or decide call of the same session, if still eligible then.  What
 * is armed is one, too: in the page, until that says that its campaign's `when`
 * has happened, or the visitor's next page is viewed. */
typedef struct {
    uint32_t        campaign;
    onsite_ms_t     fired;
    bool            waits;          /* fired by a timer: for the next session,
                                       too                                 */
    onsite_str_t    event;          /* its name                            */
    onsite_value_t  properties;     /* object: those its content uses      */
} onsite_pending_t;

/* Where the visitor stands in a journey, or that a trigger on inactivity is
 * armed.  One in a journey's start state that was never left is not kept. */
typedef struct {
    uint32_t      machine;          /* onsite_machine_t.hash               */
    uint32_t      state;            /* onsite_machine_state_t.hash         */
    onsite_ms_t   since;            /* entered                             */
} onsite_standing_t;

/* How much the visitor is drawn to a value of an attribute ("category" is
 * "shoes"): a sum of weights that decays, as it stood at affinity_at. */
typedef struct {
    uint32_t      attribute;        /* onsite_affinity_hash(name)          */
    float         score;            /* > 0                                 */
    onsite_str_t  value;
} onsite_affinity_t;

/* Where a visit came from.  Texts are at most ONSITE_TOUCH_TEXT_MAX bytes;
 * empty: not known. */
typedef struct {
    onsite_ms_t   time;             /* 0: no touch                         */
    onsite_str_t  source;           /* "google", "newsletter", "direct"    */
    onsite_str_t  medium;           /* "organic", "cpc", "social", "email",
                                       "referral", "none", utm_medium      */
    onsite_str_t  campaign;
    onsite_str_t  referrer;         /* host                                */
    onsite_str_t  click;            /* which click id came: "gclid"        */
} onsite_touch_t;

typedef struct {
    onsite_ms_t  start;             /* 0: none yet                         */
    onsite_ms_t  last;              /* latest event in it                  */
    uint32_t     pageviews;
    uint32_t     events;
} onsite_session_t;

typedef struct {
    onsite_ms_t         first_seen;     /* 0: never seen                   */
    onsite_ms_t         last_seen;      /* latest event, server's clock    */
    uint32_t            visits;         /* sessions so far                 */
    bool                identified;     /* a customer id is known          */
    bool                session_only;   /* consent tier "session"          */
    uint32_t            orders;         /* Order Completed                 */
    onsite_session_t    session;

    onsite_str_t        user_id;        /* as the latest identify gave it;
                                           len 0: none, or too long        */
    bool                verified;       /* user_id was proven: the record of
                                           a customer                      */
    onsite_value_t      traits;         /* object of scalars that campaigns
                                           read; ABSENT: none              */
    onsite_ms_t         wake;           /* due time of this visitor's entry
                                           in timers; 0: there is none     */
    onsite_ms_t         affinity_at;    /* what affinities' scores are as of*/
    onsite_touch_t      first_touch;

    uint32_t            n_counters;     /* least recently used first       */
    uint32_t            n_cart;
    uint32_t            n_exposures;    /* least recently shown first      */
    uint32_t            n_progress;
    uint32_t            n_pending;      /* oldest first                    */
    uint32_t            n_standings;    /* least recently moved first      */
    uint32_t            n_affinities;   /* by attribute, then strongest
                                           first                           */
    uint32_t            n_touches;      /* oldest first; the first visit's
                                           is first_touch, too             */
    uint32_t            n_messages;     /* oldest first                    */
    uint32_t            n_armed;        /* oldest first                    */
    onsite_counter_t    counters[ONSITE_COUNTERS_MAX];
    onsite_cart_line_t  cart[ONSITE_CART_LINES_MAX];
    onsite_exposure_t   exposures[ONSITE_EXPOSURES_MAX];
    onsite_progress_t   progress[ONSITE_PROGRESS_MAX];
    onsite_pending_t    pending[ONSITE_PENDING_MAX];
    onsite_pending_t    armed[ONSITE_ARMED_MAX];
    onsite_standing_t   standings[ONSITE_STANDINGS_MAX];
    onsite_affinity_t   affinities[ONSITE_AFFINITIES_MAX];
    onsite_touch_t      touches[ONSITE_TOUCHES_MAX];
    uint32_t            messages[ONSITE_MESSAGES_MAX];
                                        /* FNV-1a of messageIds            */
    char                digits[ONSITE_CART_LINES_MAX][32];
                                        /* skus that came as numbers: lines
                                           point here, so a visitor is not
                                           copied by assignment            */
} onsite_visitor_t;

typedef enum {
    ONSITE_VISITOR_NEW = 0,         /* in the first visit                  */
    ONSITE_VISITOR_RETURNING,
    ONSITE_VISITOR_KNOWN,           /* logged in, now or before            */
    ONSITE_VISITOR_CUSTOMER         /* has bought                          */
} onsite_visitor_status_t;

/* A visitor never seen.  Cheap: arrays are not cleared, only their counts. */
void onsite_visitor_init(onsite_visitor_t *visitor);

/* The highest of the four that holds. */
onsite_visitor_status_t onsite_visitor_status(const onsite_visitor_t *v);
onsite_str_t onsite_visitor_status_text(onsite_visitor_status_t status);

/*
 * What an event does to state, before anything is decided:
 *   session   opened, continued or left (see onsite_session_touch)
 *   counters  total, and the session's when the event lies in it
 *   cart      Product Added / Removed (sku or product_id, quantity, price),
 *             Order Completed and Cart Cleared empty it
 *   exposures Promotion Clicked / Dismissed (properties.promotion_id, else
 *             properties.campaign, is the campaign's id) set `happened`;
 *             Promotion Viewed counts what was sent (ONSITE_EXPOSURE_SENT)
 *   armed     Page Viewed and Screen Viewed drop what is armed
 *   seen      first_seen and last_seen, by event->received
 *   customer  a user_id makes it identified and is kept, but never takes the
 *             place of a verified one; Order Completed counts orders
 * An event that is not live is only seen and counted (total).  Traits:
 * onsite_visitor_traits.h.
 */
void onsite_visitor_apply(onsite_visitor_t *visitor,
    const onsite_event_t *event, onsite_ms_t session_timeout);

/* Counts an event that is no activity (a timer's, an entry event) by its name;
 * a name that is empty or too long is not counted. */
void onsite_visitor_count(onsite_visitor_t *visitor, onsite_str_t name,
    bool in_session);

/* Whether the messageId is among the last ones, that is, the event has been
 * applied before; remembered if not.  An empty one is never a duplicate. */
bool onsite_visitor_message(onsite_visitor_t *visitor,
    onsite_str_t message_id);

/*
 * Opens a session when none is open or `timeout` has passed since its last
 * event (time - last > timeout), else continues it.  An event from before
 * the session's last moves nothing back; one from before its start is not in
 * it.  Returns whether the event lies in the current session.  A new session
 * resets the session's counters and drops what was pending, but for what waits
 * for it: that is shown in this session or not at all.
 */
bool onsite_session_touch(onsite_visitor_t *visitor, onsite_ms_t time,
    onsite_ms_t timeout);

/* NULL when there is none. */
const onsite_counter_t *onsite_visitor_counter(const onsite_visitor_t *v,
    onsite_str_t name);
onsite_exposure_t *onsite_visitor_exposure(onsite_visitor_t *v,
    uint32_t campaign);

/* What is lost with an exposure, in the order in which a full list, or a full
 * record, lets go of them; of equal ones the least recently shown goes. */
typedef enum {
    ONSITE_WORTH_NOTHING = 0,       /* a click on what is not ours         */
    ONSITE_WORTH_CAP,               /* how often it was shown, which variant
                                       it had                              */
    ONSITE_WORTH_STOP,              /* stopped, or in the holdout: it would
                                       be shown to who is done with it     */
    ONSITE_WORTHS
} onsite_worth_t;

onsite_worth_t onsite_exposure_worth(const onsite_exposure_t *exposure);

/* Finds or adds, and makes it the most recent; when full one of the least
 * worth goes.  Pointers to exposures are good until the next add. */
onsite_exposure_t *onsite_visitor_exposure_add(onsite_visitor_t *v,
    uint32_t campaign);

uint32_t onsite_visitor_cart_items(const onsite_visitor_t *v);

/* Exact for prices of up to 4 decimals, else rounded to as many; of amounts
 * that a double does not hold so, the sum. */
double onsite_visitor_cart_value(const onsite_visitor_t *v);

/*
 * Joins other into visitor (an anonymous id linked to a cookie, a device to a
 * customer); docs/wire.md has the rule.  It does not matter which is which,
 * except that visitor's wake stays and other's entry in timers is the
 * caller's to remove, and that of two who are both verified visitor keeps
 * user_id, traits and variants: two customers are not merged.
 *
 * Sessions without more than timeout between them become one.  Caps, cart,
 * seen, standings, armed, touches and messages are idempotent; counters,
 * visits, orders and affinities are sums: merge a visitor once.  visitor then
 * points to where other's strings live.  About 40 KB of stack.
 */
void onsite_visitor_merge(onsite_visitor_t *visitor,
    const onsite_visitor_t *other, onsite_ms_t timeout);

#endif
