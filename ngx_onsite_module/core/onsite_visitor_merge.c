/*
 * onsite_visitor_merge.c - two visitors turn out to be one.
 */

#include "onsite_visitor.h"

#include "onsite_cart.h"

/* How the two sessions stand to one another. */

typedef struct {
    bool      other_kept;       /* the merged session is other's           */
    bool      same;             /* equal, or none in both                  */
    bool      joined;           /* no timeout lies between them: they are
                                   one                                     */
    uint32_t  visits;           /* before the merge                        */
    uint32_t  other_visits;
} sessions_t;


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


static sessions_t
choose_session(const onsite_visitor_t *v, const onsite_visitor_t *other,
    onsite_ms_t timeout)
{
    int         order;
    sessions_t  s;

    order = v->session.start == 0 || other->session.start == 0
            ? (v->session.start != 0) - (other->session.start != 0)
            : compare_sessions(&v->session, &other->session);

    s.other_kept = order < 0;
    s.same = order == 0;
    s.joined = v->session.start != 0 && other->session.start != 0
               && is_near(&v->session, &other->session, timeout);
    s.visits = v->visits;
    s.other_visits = other->visits;

    return s;
}


/* A session's number after the merge: as long ago as it was, but what
 * happened in a session that was over lies before the kept one. */

static uint32_t
renumber(uint32_t session, uint32_t visits, uint32_t merged, bool current)
{
    uint32_t  ago;

    ago = session < visits ? visits - session : 0;

    if (ago == 0 && !current) {
        ago = 1;
    }

    return ago < merged ? merged - ago : 0;
}


static void
renumber_own(onsite_visitor_t *v, const sessions_t *s)
{
    bool      current;
    uint32_t  i;

    current = !s->other_kept || s->joined;

    for (i = 0; i < v->n_exposures; i++) {
        v->exposures[i].session = renumber(v->exposures[i].session, s->visits,
                                           v->visits, current);
    }

    for (i = 0; i < v->n_progress; i++) {
        v->progress[i].session = renumber(v->progress[i].session, s->visits,
                                          v->visits, current);
    }
}


static void
merge_counter(onsite_visitor_t *v, const onsite_counter_t *from,
    const sessions_t *s)
{
    onsite_counter_t  *counter;

    counter = (onsite_counter_t *) onsite_visitor_counter(v, from->name);

    if (counter == NULL) {
        if (v->n_counters == ONSITE_COUNTERS_MAX) {
            return;
        }

        memmove(&v->counters[1], &v->counters[0],
                v->n_counters * sizeof(onsite_counter_t));
        v->n_counters++;
        counter = &v->counters[0];
        *counter = (onsite_counter_t) { .name = from->name };
    }

    counter->total = sum(counter->total, from->total);

    if (s->same) {
        counter->session = larger(counter->session, from->session);

    } else if (s->joined) {
        counter->session = sum(counter->session, from->session);

    } else if (s->other_kept) {
        counter->session = from->session;
    }
}


/* Other's counters go before visitor's own: less recently used. */

static void
merge_counters(onsite_visitor_t *v, const onsite_visitor_t *other,
    const sessions_t *s)
{
    uint32_t  i;

    if (s->other_kept && !s->joined) {
        for (i = 0; i < v->n_counters; i++) {
            v->counters[i].session = 0;
        }
    }

    for (i = other->n_counters; i-- > 0; /* void */) {
        merge_counter(v, &other->counters[i], s);
    }
}


static void
merge_cart(onsite_visitor_t *v, const onsite_visitor_t *other)
{
    uint32_t             i, k;
    onsite_cart_line_t  *line;

    for (i = 0; i < other->n_cart; i++) {
        for (k = 0; k < v->n_cart; k++) {
            if (onsite_str_eq(v->cart[k].sku, other->cart[i].sku)) {
                break;
            }
        }

        if (k < v->n_cart) {
            line = &v->cart[k];
            line->quantity = larger(line->quantity, other->cart[i].quantity);

        } else if (v->n_cart < ONSITE_CART_LINES_MAX) {
            v->cart[v->n_cart++] = other->cart[i];
        }
    }
}


static void
join_exposure(onsite_exposure_t *to, const onsite_exposure_t *from)
{
    to->total = larger(to->total, from->total);
    to->window = larger(to->window, from->window);
    to->session = larger(to->session, from->session);
    to->happened |= from->happened;

    if (from->last > to->last) {
        to->last = from->last;
    }

    if (to->variant == 0 && !to->holdout) {
        to->variant = from->variant;
        to->variant_hash = from->variant_hash;
        to->holdout = from->holdout;
    }
}


/* Puts the last exposure where its time of showing belongs. */

static void
sort_last_exposure(onsite_visitor_t *v)
{
    uint32_t           i;
    onsite_exposure_t  last;

    i = v->n_exposures - 1;
    last = v->exposures[i];

    while (i > 0 && v->exposures[i - 1].last > last.last) {
        v->exposures[i] = v->exposures[i - 1];
        i--;
    }

    v->exposures[i] = last;
}


/* Whether the list is full of what is worth more, or as much and newer. */

static bool
has_no_room(const onsite_visitor_t *v, const onsite_exposure_t *exposure)
{
    onsite_worth_t            worth;
    const onsite_exposure_t  *least;

    if (v->n_exposures < ONSITE_EXPOSURES_MAX) {
        return false;
    }

    least = onsite_visitor_exposure_least(v);
    worth = onsite_exposure_worth(exposure);

    return worth < onsite_exposure_worth(least)
           || (worth == onsite_exposure_worth(least)
               && exposure->last < least->last);
}


static void
merge_exposures(onsite_visitor_t *v, const onsite_visitor_t *other,
    const sessions_t *s)
{
    uint32_t           i;
    onsite_exposure_t  from;

    for (i = 0; i < other->n_exposures; i++) {
        from = other->exposures[i];
        from.session = renumber(from.session, s->other_visits, v->visits,
                                s->other_kept || s->joined || s->same);

        if (onsite_visitor_exposure(v, from.campaign) == NULL
            && has_no_room(v, &from))
        {
            continue;
        }

        join_exposure(onsite_visitor_exposure_add(v, from.campaign), &from);
        sort_last_exposure(v);
    }
}


/* The latest matches of both, oldest first. */

static void
join_progress(onsite_progress_t *to, const onsite_progress_t *from)
{
    uint8_t      a, b, n;
    onsite_ms_t  times[ONSITE_PROGRESS_TIMES_MAX];

    a = to->n;
    b = from->n;
    n = (uint8_t) (a + b > ONSITE_PROGRESS_TIMES_MAX
                   ? ONSITE_PROGRESS_TIMES_MAX : a + b);
    to->n = n;
    to->session = larger(to->session, from->session);

    while (n > 0) {
        if (b == 0 || (a > 0 && to->times[a - 1] > from->times[b - 1])) {
            times[--n] = to->times[--a];

        } else {
            times[--n] = from->times[--b];
        }
    }

    memcpy(to->times, times, to->n * sizeof(onsite_ms_t));
}


static void
merge_progress(onsite_visitor_t *v, const onsite_visitor_t *other,
    const sessions_t *s)
{
    uint32_t           i, k;
    onsite_progress_t  from;

    for (i = 0; i < other->n_progress; i++) {
        from = other->progress[i];
        from.session = renumber(from.session, s->other_visits, v->visits,
                                s->other_kept || s->joined || s->same);

        for (k = 0; k < v->n_progress; k++) {
            if (v->progress[k].trigger == from.trigger) {
                break;
            }
        }

        if (k < v->n_progress) {
            join_progress(&v->progress[k], &from);

        } else if (k < ONSITE_PROGRESS_MAX) {
            v->progress[v->n_progress++] = from;
        }
    }
}


static void
add_pending(onsite_visitor_t *v, const onsite_pending_t *pending)
{
    uint32_t  i;

    for (i = 0; i < v->n_pending; i++) {
        if (v->pending[i].campaign == pending->campaign) {
            return;
        }
    }

    if (v->n_pending == ONSITE_PENDING_MAX) {
        return;
    }

    for (i = v->n_pending++; i > 0; i--) {
        if (v->pending[i - 1].fired <= pending->fired) {
            break;
        }

        v->pending[i] = v->pending[i - 1];
    }

    v->pending[i] = *pending;
}


static void
merge_pending(onsite_visitor_t *v, const onsite_visitor_t *other,
    const sessions_t *s)
{
    uint32_t  i;

    if (s->other_kept && !s->joined) {
        v->n_pending = 0;
    }

    if (s->other_kept || s->same || s->joined) {
        for (i = 0; i < other->n_pending; i++) {
            add_pending(v, &other->pending[i]);
        }
    }
}


static void
merge_seen(onsite_visitor_t *v, const onsite_visitor_t *other)
{
    if (v->first_seen == 0
        || (other->first_seen != 0 && other->first_seen < v->first_seen))
    {
        v->first_seen = other->first_seen;
    }

    if (other->last_seen > v->last_seen) {
        v->last_seen = other->last_seen;
    }
}


static void
merge_session(onsite_visitor_t *v, const onsite_visitor_t *other,
    const sessions_t *s)
{
    onsite_session_t        *to = &v->session;
    const onsite_session_t  *from = &other->session;

    if (s->same) {
        return;
    }

    if (!s->joined) {
        if (s->other_kept) {
            *to = *from;
        }

        return;
    }

    to->start = from->start < to->start ? from->start : to->start;
    to->last = from->last > to->last ? from->last : to->last;
    to->pageviews = sum(to->pageviews, from->pageviews);
    to->events = sum(to->events, from->events);
}


void
onsite_visitor_merge(onsite_visitor_t *visitor, const onsite_visitor_t *other,
    onsite_ms_t timeout)
{
    sessions_t  s = choose_session(visitor, other, timeout);

    merge_seen(visitor, other);

    visitor->visits = sum(visitor->visits, other->visits);

    if (s.joined && visitor->visits > 1) {
        visitor->visits--;
    }

    visitor->orders = sum(visitor->orders, other->orders);
    visitor->identified |= other->identified;
    visitor->session_only |= other->session_only;

    renumber_own(visitor, &s);

    merge_counters(visitor, other, &s);
    merge_cart(visitor, other);
    merge_exposures(visitor, other, &s);
    merge_progress(visitor, other, &s);
    merge_pending(visitor, other, &s);
    merge_session(visitor, other, &s);
}
