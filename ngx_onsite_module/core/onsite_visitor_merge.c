/*
 * onsite_visitor_merge.c - two visitors turn out to be one; docs/wire.md has
 * the rule.
 *
 * Who is merged into whom does not matter: what needs an order takes the one
 * who was seen first before the other, and what needs a choice the one who is
 * better known.
 */

#include "onsite_visitor_codec.h"

#include "onsite_affinity.h"
#include "onsite_cart.h"
#include "onsite_origin.h"

/* One of the two. */
typedef struct {
    const onsite_visitor_t  *v;
    uint32_t                 visits;    /* v's own                         */
    bool                     kept;      /* its session is the merged one, or
                                           part of it                      */
} side_t;

typedef struct {
    side_t    older;                    /* seen last before the other      */
    side_t    newer;
    bool      older_known;              /* the older is better known       */
    bool      same;                     /* sessions equal, or none in both */
    bool      joined;                   /* no timeout lies between them: they
                                           are one                         */
    uint32_t  visits;                   /* of both                         */
} pair_t;


static uint32_t
sum(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}


static uint32_t
larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}


static onsite_ms_t
later(onsite_ms_t a, onsite_ms_t b)
{
    return a > b ? a : b;
}


/* Later is the one that ends later; ties go by what else differs, so that
 * the order of the arguments does not matter. */

static int
compare_sessions(const onsite_session_t *a, const onsite_session_t *b)
{
    return a->last != b->last ? (a->last < b->last ? -1 : 1)
           : a->start != b->start ? (a->start < b->start ? -1 : 1)
           : a->events != b->events ? (a->events < b->events ? -1 : 1)
           : a->pageviews != b->pageviews
             ? (a->pageviews < b->pageviews ? -1 : 1)
           : 0;
}


/* No longer than timeout from the end of one to the start of the other.
 * Unsigned: a record's times may be any, and must not overflow. */

static bool
is_near(const onsite_session_t *a, const onsite_session_t *b,
    onsite_ms_t timeout)
{
    const onsite_session_t  *first = a->last < b->last ? a : b;
    const onsite_session_t  *second = first == a ? b : a;

    return second->start <= first->last
           || (uint64_t) second->start - (uint64_t) first->last
              <= (uint64_t) timeout;
}


/* By when they were seen last; of two that were seen at once, by all else
 * that their records say. */

static bool
is_older(const onsite_visitor_t *a, const onsite_visitor_t *b)
{
    size_t   n, m;
    uint8_t  records[2][ONSITE_RECORD_BYTES_MAX];

    if (a->last_seen != b->last_seen) {
        return a->last_seen < b->last_seen;
    }

    n = onsite_visitor_encode(a, records[0], sizeof(records[0]));
    m = onsite_visitor_encode(b, records[1], sizeof(records[1]));

    return n != m ? n < m : memcmp(records[0], records[1], n) < 0;
}


static void
choose_session(pair_t *pair, onsite_ms_t timeout)
{
    int                      order;
    const onsite_session_t  *older = &pair->older.v->session;
    const onsite_session_t  *newer = &pair->newer.v->session;

    order = older->start == 0 || newer->start == 0
            ? (older->start != 0) - (newer->start != 0)
            : compare_sessions(older, newer);

    pair->same = order == 0;
    pair->joined = older->start != 0 && newer->start != 0
                   && is_near(older, newer, timeout);
    pair->older.kept = pair->joined || order >= 0;
    pair->newer.kept = pair->joined || order <= 0;
}


/* Verified before identified; of equals the newer.  Two who are both verified
 * are the same customer, or should not be here: visitor stays who it is. */

static void
make_pair(pair_t *pair, const onsite_visitor_t *visitor,
    const onsite_visitor_t *other, onsite_ms_t timeout)
{
    bool                     own_is_older = is_older(visitor, other);
    uint32_t                 older, newer;
    const onsite_visitor_t  *first = own_is_older ? visitor : other;
    const onsite_visitor_t  *second = own_is_older ? other : visitor;

    pair->older = (side_t) { .v = first, .visits = first->visits };
    pair->newer = (side_t) { .v = second, .visits = second->visits };
    choose_session(pair, timeout);

    older = 2u * first->verified + first->identified;
    newer = 2u * second->verified + second->identified;
    pair->older_known = first->verified && second->verified ? own_is_older
                        : older > newer;

    pair->visits = sum(first->visits, second->visits);

    if (pair->joined && pair->visits > 1) {
        pair->visits--;
    }
}


/* A session's number after the merge: as long ago as it was, but what
 * happened in a session that was over lies before the kept one. */

static uint32_t
renumber(uint32_t session, const side_t *side, const pair_t *pair)
{
    uint32_t  ago;

    ago = session < side->visits ? side->visits - session : 0;

    if (ago == 0 && !side->kept) {
        ago = 1;
    }

    return ago < pair->visits ? pair->visits - ago : 0;
}


/* Puts the last max of n entries into to; returns how many those are. */

static uint32_t
keep_last(void *to, const void *from, size_t size, uint32_t n, uint32_t max)
{
    uint32_t  left_out = n > max ? n - max : 0;

    memcpy(to, (const char *) from + left_out * size, (n - left_out) * size);

    return n - left_out;
}


static uint32_t
session_count(const onsite_counter_t *older, const onsite_counter_t *newer,
    const pair_t *pair)
{
    uint32_t  a = older != NULL && pair->older.kept ? older->session : 0;
    uint32_t  b = newer != NULL && pair->newer.kept ? newer->session : 0;

    return pair->same ? larger(a, b) : sum(a, b);
}


static void
merge_counters(onsite_visitor_t *v, const pair_t *pair)
{
    uint32_t                 i, n = 0;
    onsite_counter_t         list[2 * ONSITE_COUNTERS_MAX];
    const onsite_counter_t  *a, *b;

    for (i = 0; i < pair->older.v->n_counters; i++) {
        a = &pair->older.v->counters[i];

        if (onsite_visitor_counter(pair->newer.v, a->name) == NULL) {
            list[n++] = (onsite_counter_t) {
                a->name, a->total, session_count(a, NULL, pair) };
        }
    }

    for (i = 0; i < pair->newer.v->n_counters; i++) {
        b = &pair->newer.v->counters[i];
        a = onsite_visitor_counter(pair->older.v, b->name);
        list[n++] = (onsite_counter_t) {
            b->name, sum(b->total, a != NULL ? a->total : 0),
            session_count(a, b, pair) };
    }

    v->n_counters = keep_last(v->counters, list, sizeof(list[0]), n,
                              ONSITE_COUNTERS_MAX);
}


static void
merge_cart(onsite_visitor_t *v, const pair_t *pair)
{
    uint32_t                   i, k, n;
    onsite_cart_line_t         list[2 * ONSITE_CART_LINES_MAX];
    const onsite_cart_line_t  *line;

    n = pair->older.v->n_cart;
    memcpy(list, pair->older.v->cart, n * sizeof(list[0]));

    for (i = 0; i < pair->newer.v->n_cart; i++) {
        line = &pair->newer.v->cart[i];

        for (k = 0; k < n && !onsite_str_eq(list[k].sku, line->sku); k++) {
            /* void */
        }

        if (k == n) {
            list[n++] = *line;

        } else {
            list[k].quantity = larger(list[k].quantity, line->quantity);
            list[k].price = line->price;
        }
    }

    v->n_cart = keep_last(v->cart, list, sizeof(list[0]), n,
                          ONSITE_CART_LINES_MAX);
}


/* The stricter of both; which variant is the known one's to say. */

static void
join_exposure(onsite_exposure_t *to, const onsite_exposure_t *from,
    bool from_known)
{
    bool  assigned = to->variant != 0 || to->holdout;

    to->total = larger(to->total, from->total);
    to->window = larger(to->window, from->window);
    to->session = larger(to->session, from->session);
    to->last = later(to->last, from->last);
    to->happened |= from->happened;

    if ((from->variant != 0 || from->holdout) && (from_known || !assigned)) {
        to->variant = from->variant;
        to->variant_hash = from->variant_hash;
        to->holdout = from->holdout;
    }
}


/* Least recently shown first. */

static void
insert_exposure(onsite_exposure_t *list, uint32_t n,
    const onsite_exposure_t *exposure)
{
    while (n > 0 && (list[n - 1].last > exposure->last
                     || (list[n - 1].last == exposure->last
                         && list[n - 1].campaign > exposure->campaign)))
    {
        list[n] = list[n - 1];
        n--;
    }

    list[n] = *exposure;
}


/* The first of those that are worth least. */

static void
drop_exposure(onsite_exposure_t *list, uint32_t n)
{
    uint32_t  i, least;

    for (i = 1, least = 0; i < n; i++) {
        if (onsite_exposure_worth(&list[i])
            < onsite_exposure_worth(&list[least]))
        {
            least = i;
        }
    }

    memmove(&list[least], &list[least + 1],
            (n - least - 1) * sizeof(list[0]));
}


static void
merge_exposures(onsite_visitor_t *v, const pair_t *pair)
{
    uint32_t                 i, k, n = 0;
    onsite_exposure_t        from, list[2 * ONSITE_EXPOSURES_MAX];
    const onsite_visitor_t  *older = pair->older.v, *newer = pair->newer.v;

    for (i = 0; i < older->n_exposures; i++) {
        list[n] = older->exposures[i];
        list[n].session = renumber(list[n].session, &pair->older, pair);
        n++;
    }

    for (i = 0; i < newer->n_exposures; i++) {
        from = newer->exposures[i];
        from.session = renumber(from.session, &pair->newer, pair);

        for (k = 0; k < n && list[k].campaign != from.campaign; k++) {
            /* void */
        }

        if (k == n) {
            list[n++] = from;

        } else {
            join_exposure(&list[k], &from, !pair->older_known);
        }
    }

    for (i = 0; i < n; i++) {
        from = list[i];
        insert_exposure(list, i, &from);
    }

    while (n > ONSITE_EXPOSURES_MAX) {
        drop_exposure(list, n--);
    }

    v->n_exposures = keep_last(v->exposures, list, sizeof(list[0]), n, n);
}


/* The latest matches of both, oldest first. */

static void
join_matches(onsite_progress_t *to, const onsite_progress_t *from)
{
    uint8_t      a, b, n;
    onsite_ms_t  times[ONSITE_PROGRESS_TIMES_MAX];

    a = to->n;
    b = from->n;
    n = (uint8_t) (a + b > ONSITE_PROGRESS_TIMES_MAX
                   ? ONSITE_PROGRESS_TIMES_MAX : a + b);
    to->n = n;

    while (n > 0) {
        if (b == 0 || (a > 0 && to->times[a - 1] > from->times[b - 1])) {
            times[--n] = to->times[--a];

        } else {
            times[--n] = from->times[--b];
        }
    }

    memcpy(to->times, times, to->n * sizeof(onsite_ms_t));
}


/* Of each position of a sequence the latest start. */

static void
join_starts(onsite_progress_t *to, const onsite_progress_t *from)
{
    uint8_t  i;

    for (i = 0; i < from->n; i++) {
        to->times[i] = i < to->n ? later(to->times[i], from->times[i])
                       : from->times[i];
    }

    to->n = to->n > from->n ? to->n : from->n;
}


static void
merge_progress(onsite_visitor_t *v, const pair_t *pair)
{
    uint32_t                 i, k, n = 0;
    onsite_progress_t        from, list[2 * ONSITE_PROGRESS_MAX];
    const onsite_visitor_t  *older = pair->older.v, *newer = pair->newer.v;

    for (i = 0; i < older->n_progress; i++) {
        list[n] = older->progress[i];
        list[n].session = renumber(list[n].session, &pair->older, pair);
        n++;
    }

    for (i = 0; i < newer->n_progress; i++) {
        from = newer->progress[i];
        from.session = renumber(from.session, &pair->newer, pair);

        for (k = 0; k < n && list[k].trigger != from.trigger; k++) {
            /* void */
        }

        if (k == n) {
            list[n++] = from;
            continue;
        }

        list[k].session = larger(list[k].session, from.session);

        if (list[k].starts || from.starts) {
            list[k].starts = true;
            join_starts(&list[k], &from);

        } else {
            join_matches(&list[k], &from);
        }
    }

    v->n_progress = keep_last(v->progress, list, sizeof(list[0]), n,
                              ONSITE_PROGRESS_MAX);
}


/* By when they fired; of one campaign the latest. */

static uint32_t
add_fired(onsite_pending_t *list, uint32_t n, const onsite_pending_t *fired)
{
    uint32_t  k;

    for (k = 0; k < n && list[k].campaign != fired->campaign; k++) {
        /* void */
    }

    if (k < n && list[k].fired > fired->fired) {
        return n;
    }

    if (k < n) {
        n--;
        memmove(&list[k], &list[k + 1], (n - k) * sizeof(list[0]));
    }

    for (k = n++; k > 0 && list[k - 1].fired > fired->fired; k--) {
        list[k] = list[k - 1];
    }

    list[k] = *fired;

    return n;
}


/* What waits for the next session waits on; all else that is pending belongs
 * to its session. */

static uint32_t
add_pending(onsite_pending_t *list, uint32_t n, const side_t *side)
{
    uint32_t  i;

    for (i = 0; i < side->v->n_pending; i++) {
        if (side->kept || side->v->pending[i].waits) {
            n = add_fired(list, n, &side->v->pending[i]);
        }
    }

    return n;
}


static void
merge_pending(onsite_visitor_t *v, const pair_t *pair)
{
    uint32_t          n;
    onsite_pending_t  list[2 * ONSITE_PENDING_MAX];

    n = add_pending(list, 0, &pair->older);
    n = add_pending(list, n, &pair->newer);

    v->n_pending = keep_last(v->pending, list, sizeof(list[0]), n,
                             ONSITE_PENDING_MAX);
}


/* The pages of both are open still: neither has been told of the other. */

static void
merge_armed(onsite_visitor_t *v, const pair_t *pair)
{
    uint32_t                 i, n = 0;
    onsite_pending_t         list[2 * ONSITE_ARMED_MAX];
    const onsite_visitor_t  *older = pair->older.v, *newer = pair->newer.v;

    for (i = 0; i < older->n_armed; i++) {
        n = add_fired(list, n, &older->armed[i]);
    }

    for (i = 0; i < newer->n_armed; i++) {
        n = add_fired(list, n, &newer->armed[i]);
    }

    v->n_armed = keep_last(v->armed, list, sizeof(list[0]), n,
                           ONSITE_ARMED_MAX);
}


static bool
moved_before(const onsite_standing_t *a, const onsite_standing_t *b)
{
    return a->since != b->since ? a->since < b->since
           : a->machine != b->machine ? a->machine < b->machine
           : a->state < b->state;
}


/* Of one machine the standing that was entered last. */

static uint32_t
add_standing(onsite_standing_t *list, uint32_t n,
    const onsite_standing_t *standing)
{
    uint32_t  i;

    for (i = 0; i < n && list[i].machine != standing->machine; i++) {
        /* void */
    }

    if (i < n && moved_before(standing, &list[i])) {
        return n;
    }

    if (i < n) {
        n--;
        memmove(&list[i], &list[i + 1], (n - i) * sizeof(list[0]));
    }

    for (i = n; i > 0 && moved_before(standing, &list[i - 1]); i--) {
        list[i] = list[i - 1];
    }

    list[i] = *standing;

    return n + 1;
}


static void
merge_standings(onsite_visitor_t *v, const pair_t *pair)
{
    uint32_t                 i, n = 0;
    onsite_standing_t        list[2 * ONSITE_STANDINGS_MAX];
    const onsite_visitor_t  *older = pair->older.v, *newer = pair->newer.v;

    for (i = 0; i < older->n_standings; i++) {
        n = add_standing(list, n, &older->standings[i]);
    }

    for (i = 0; i < newer->n_standings; i++) {
        n = add_standing(list, n, &newer->standings[i]);
    }

    v->n_standings = keep_last(v->standings, list, sizeof(list[0]), n,
                               ONSITE_STANDINGS_MAX);
}


static uint32_t
add_messages(uint32_t *list, uint32_t n, const onsite_visitor_t *v)
{
    uint32_t  i, k;

    for (i = 0; i < v->n_messages; i++) {
        for (k = 0; k < n && list[k] != v->messages[i]; k++) { /* void */ }

        if (k == n) {
            list[n++] = v->messages[i];
        }
    }

    return n;
}


static void
merge_messages(onsite_visitor_t *v, const pair_t *pair)
{
    uint32_t  n, list[2 * ONSITE_MESSAGES_MAX];

    n = add_messages(list, 0, pair->older.v);
    n = add_messages(list, n, pair->newer.v);

    v->n_messages = keep_last(v->messages, list, sizeof(list[0]), n,
                              ONSITE_MESSAGES_MAX);
}


static void
merge_session(onsite_visitor_t *v, const pair_t *pair)
{
    onsite_session_t  a = pair->older.v->session, b = pair->newer.v->session;

    if (pair->same || !pair->joined) {
        v->session = pair->newer.kept ? b : a;
        return;
    }

    v->session = (onsite_session_t) {
        .start = a.start < b.start ? a.start : b.start,
        .last = later(a.last, b.last),
        .pageviews = sum(a.pageviews, b.pageviews),
        .events = sum(a.events, b.events)
    };
}


static void
merge_seen(onsite_visitor_t *v, const onsite_visitor_t *other)
{
    if (v->first_seen == 0
        || (other->first_seen != 0 && other->first_seen < v->first_seen))
    {
        v->first_seen = other->first_seen;
    }

    v->last_seen = later(v->last_seen, other->last_seen);
}


/* Traits are the known one's, all of them, if there are any. */

static void
merge_customer(onsite_visitor_t *v, const pair_t *pair)
{
    const onsite_visitor_t  *known, *less;

    known = pair->older_known ? pair->older.v : pair->newer.v;
    less = pair->older_known ? pair->newer.v : pair->older.v;

    v->user_id = known->user_id.len != 0 ? known->user_id : less->user_id;
    v->traits = known->traits.type != ONSITE_ABSENT ? known->traits
                : less->traits;
}


void
onsite_visitor_merge(onsite_visitor_t *visitor, const onsite_visitor_t *other,
    onsite_ms_t timeout)
{
    pair_t  pair;

    make_pair(&pair, visitor, other, timeout);

    merge_counters(visitor, &pair);
    merge_cart(visitor, &pair);
    merge_exposures(visitor, &pair);
    merge_progress(visitor, &pair);
    merge_pending(visitor, &pair);
    merge_armed(visitor, &pair);
    merge_standings(visitor, &pair);
    merge_messages(visitor, &pair);
    merge_session(visitor, &pair);
    merge_customer(visitor, &pair);
    onsite_affinity_merge(visitor, other);
    onsite_origin_merge(visitor, other);
    merge_seen(visitor, other);

    visitor->visits = pair.visits;
    visitor->orders = sum(visitor->orders, other->orders);
    visitor->identified |= other->identified;
    visitor->verified |= other->verified;
    visitor->session_only |= other->session_only;
}
