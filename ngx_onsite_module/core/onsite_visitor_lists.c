/*
 * onsite_visitor_lists.c - the lists of a record that every visitor fills:
 * what was counted, put into the cart, shown, and begun.
 */

#include "onsite_visitor_codec_private.h"

#include "onsite_cart.h"
#include "onsite_msgpack.h"
#include "onsite_vocabulary.h"

#include <math.h>

#define COUNTER_ITEMS      3
#define CART_ITEMS         3
#define EXPOSURE_ITEMS     8
#define PROGRESS_ITEMS     2            /* and its times                   */
#define PENDING_ITEMS      4            /* and a fifth that may follow     */

/* An exposure's bits: holdout below the ONSITE_STOP_* ones. */
#define BIT_HOLDOUT        0x01
#define HAPPENED_SHIFT     1

/* In a progress: what follows is a sequence's; there, a start that is 0. */
#define NO_START           (-1)


static void
write_name(onsite_writer_t *w, onsite_str_t name)
{
    uint8_t  id = onsite_vocabulary_id(name);

    if (id != 0) {
        onsite_write_long(w, id);

    } else {
        onsite_write_str(w, name);
    }
}


/* len 0 for an id that only a later version knows. */

static onsite_str_t
read_name(onsite_reader_t *r)
{
    uint32_t      id;
    onsite_str_t  name;

    if (onsite_next_is_integer(r)) {
        id = onsite_read_u32(r);
        return onsite_vocabulary_name(id <= UINT8_MAX ? (uint8_t) id : 0);
    }

    name = onsite_read_str(r);

    if (name.len > ONSITE_EVENT_NAME_MAX) {
        r->bad = true;
    }

    return name;
}


/* Sessions are numbered by visits, and kept as how many ago. */

static uint32_t
read_session(onsite_reader_t *r, uint32_t visits)
{
    int64_t  ago, session;

    ago = onsite_read_long(r);

    if (ago < -(int64_t) UINT32_MAX || ago > (int64_t) UINT32_MAX) {
        r->bad = true;
        return 0;
    }

    session = (int64_t) visits - ago;

    if (session < 0 || session > (int64_t) UINT32_MAX) {
        r->bad = true;
        return 0;
    }

    return (uint32_t) session;
}


static void
write_session_number(onsite_writer_t *w, uint32_t visits, uint32_t session)
{
    onsite_write_long(w, (int64_t) visits - (int64_t) session);
}


/* Hundredths where they are exact, else the float itself. */

static void
write_price(onsite_writer_t *w, double price)
{
    double  hundredths = floor(price * 100 + 0.5);

    if (hundredths >= 0 && hundredths <= UINT32_MAX
        && hundredths / 100 == price && !signbit(price))
    {
        onsite_write_long(w, (int64_t) hundredths);

    } else {
        onsite_write_double(w, price);
    }
}


static double
read_price(onsite_reader_t *r)
{
    double  price;

    price = onsite_next_is_float(r) ? onsite_read_double(r)
            : (double) onsite_read_u32(r) / 100;

    if (!(price >= 0 && price <= ONSITE_PRICE_MAX)) {
        r->bad = true;
        return 0;
    }

    return price;
}


void
record_write_counters(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from)
{
    uint32_t  i;

    onsite_write_array(w, (v->n_counters - from) * COUNTER_ITEMS);

    for (i = from; i < v->n_counters; i++) {
        write_name(w, v->counters[i].name);
        onsite_write_long(w, v->counters[i].total);
        onsite_write_long(w, v->counters[i].session);
    }
}


/* How many entries an array of `items` values each holds.  Those before the
 * last max are passed over. */

static uint32_t
read_entries(onsite_reader_t *r, uint32_t items, uint32_t max)
{
    uint32_t  n = onsite_read_array(r);

    if (n % items != 0) {
        r->bad = true;
        return 0;
    }

    n /= items;

    if (n > max) {
        (void) onsite_read_skip(r, (uint64_t) (n - max) * items);
        n = max;
    }

    return n;
}


void
record_read_counters(onsite_reader_t *r, onsite_visitor_t *v)
{
    uint32_t           n;
    onsite_counter_t  *counter;

    n = read_entries(r, COUNTER_ITEMS, ONSITE_COUNTERS_MAX);

    for (/* void */; n != 0 && !r->bad; n--) {
        counter = &v->counters[v->n_counters];
        counter->name = read_name(r);
        counter->total = onsite_read_u32(r);
        counter->session = onsite_read_u32(r);

        if (counter->name.len != 0) {
            v->n_counters++;
        }
    }
}


void
record_write_cart(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from)
{
    uint32_t  i;

    onsite_write_array(w, (v->n_cart - from) * CART_ITEMS);

    for (i = from; i < v->n_cart; i++) {
        onsite_write_str(w, v->cart[i].sku);
        onsite_write_long(w, v->cart[i].quantity);
        write_price(w, v->cart[i].price);
    }
}


void
record_read_cart(onsite_reader_t *r, onsite_visitor_t *v)
{
    uint32_t             n;
    onsite_cart_line_t  *line;

    n = read_entries(r, CART_ITEMS, ONSITE_CART_LINES_MAX);

    for (/* void */; n != 0 && !r->bad; n--) {
        line = &v->cart[v->n_cart++];
        line->sku = onsite_read_str(r);
        line->quantity = onsite_read_u32(r);
        line->price = read_price(r);

        if (line->sku.len > ONSITE_SKU_MAX
            || line->quantity > ONSITE_QUANTITY_MAX)
        {
            r->bad = true;
        }
    }
}


/* How many of each worth are left out, of n in all: the least first. */

static void
share_left_out(const onsite_visitor_t *v, uint32_t n,
    uint32_t left_out[ONSITE_WORTHS])
{
    uint32_t  i, worth;

    memset(left_out, 0, ONSITE_WORTHS * sizeof(uint32_t));

    if (n == 0) {
        return;
    }

    for (i = 0; i < v->n_exposures; i++) {
        left_out[onsite_exposure_worth(&v->exposures[i])]++;
    }

    for (worth = 0; worth < ONSITE_WORTHS; worth++) {
        if (left_out[worth] > n) {
            left_out[worth] = n;
        }

        n -= left_out[worth];
    }
}


void
record_write_exposures(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from)
{
    uint32_t                  i, left_out[ONSITE_WORTHS], *before;
    const onsite_exposure_t  *e;

    share_left_out(v, from, left_out);
    onsite_write_array(w, (v->n_exposures - from) * EXPOSURE_ITEMS);

    for (i = 0; i < v->n_exposures; i++) {
        e = &v->exposures[i];
        before = &left_out[onsite_exposure_worth(e)];

        if (*before != 0) {
            (*before)--;
            continue;
        }

        onsite_write_long(w, e->campaign);
        onsite_write_long(w, e->total);
        onsite_write_long(w, e->window);
        record_write_time(w, v->last_seen, e->last);
        onsite_write_long(w, e->variant);
        onsite_write_long(w, e->variant_hash);
        onsite_write_long(w, (int64_t) e->happened << HAPPENED_SHIFT
                             | (e->holdout ? BIT_HOLDOUT : 0));
        write_session_number(w, v->visits, e->session);
    }
}


void
record_read_exposures(onsite_reader_t *r, onsite_visitor_t *v)
{
    uint32_t            n, variant, bits;
    onsite_exposure_t  *e;

    n = read_entries(r, EXPOSURE_ITEMS, ONSITE_EXPOSURES_MAX);

    for (/* void */; n != 0 && !r->bad; n--) {
        e = &v->exposures[v->n_exposures++];
        e->campaign = onsite_read_u32(r);
        e->total = onsite_read_u32(r);
        e->window = onsite_read_u32(r);
        e->last = record_read_time(r, v->last_seen);
        variant = onsite_read_u32(r);
        e->variant_hash = onsite_read_u32(r);
        bits = onsite_read_u32(r);
        e->session = read_session(r, v->visits);

        if (variant > UINT8_MAX || bits >> HAPPENED_SHIFT > UINT8_MAX) {
            r->bad = true;
        }

        e->variant = (uint8_t) variant;
        e->holdout = (bits & BIT_HOLDOUT) != 0;
        e->happened = (uint8_t) (bits >> HAPPENED_SHIFT);
    }
}


/* Below 0 one further, so that NO_START is left. */

static void
write_distance(onsite_writer_t *w, int64_t n)
{
    onsite_write_long(w, n < 0 && n != INT64_MIN ? n - 1 : n);
}


/* False for NO_START. */

static bool
read_distance(onsite_reader_t *r, int64_t *distance)
{
    int64_t  n = onsite_read_long(r);

    *distance = n < 0 ? n + 1 : n;

    return n != NO_START;
}


/* Oldest first: the first a distance before last_seen, each later one behind
 * the one before. */

static void
write_matches(onsite_writer_t *w, const onsite_progress_t *p,
    onsite_ms_t last_seen)
{
    uint8_t  i;

    for (i = 0; i < p->n; i++) {
        if (i == 0) {
            write_distance(w, record_distance(last_seen, p->times[0]));

        } else {
            onsite_write_long(w, record_distance(p->times[i],
                                                 p->times[i - 1]));
        }
    }
}


static void
read_matches(onsite_reader_t *r, onsite_progress_t *p, onsite_ms_t last_seen,
    int64_t first)
{
    uint8_t  i;

    for (i = 0; i < p->n; i++) {
        p->times[i] = i == 0 ? record_distance(last_seen, first)
                      : record_sum(p->times[i - 1], onsite_read_long(r));
    }
}


/* A sequence's: behind a NO_START.  Most descend; 0, a position that no match
 * has come to, is NO_START again. */

static void
write_starts(onsite_writer_t *w, const onsite_progress_t *p,
    onsite_ms_t last_seen)
{
    uint8_t      i;
    onsite_ms_t  from = last_seen;

    onsite_write_long(w, NO_START);

    for (i = 0; i < p->n; i++) {
        if (p->times[i] == 0) {
            onsite_write_long(w, NO_START);

        } else {
            write_distance(w, record_distance(from, p->times[i]));
            from = p->times[i];
        }
    }
}


static void
read_starts(onsite_reader_t *r, onsite_progress_t *p, onsite_ms_t last_seen)
{
    uint8_t      i;
    int64_t      n;
    onsite_ms_t  from = last_seen;

    for (i = 0; i < p->n; i++) {
        p->times[i] = 0;

        if (read_distance(r, &n)) {
            p->times[i] = record_distance(from, n);
            from = p->times[i] != 0 ? p->times[i] : from;
        }
    }
}


void
record_write_progress(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from)
{
    uint32_t                  i;
    const onsite_progress_t  *p;

    onsite_write_array(w, v->n_progress - from);

    for (i = from; i < v->n_progress; i++) {
        p = &v->progress[i];
        onsite_write_array(w, PROGRESS_ITEMS + (uint32_t) p->n + p->starts);
        onsite_write_long(w, p->trigger);
        write_session_number(w, v->visits, p->session);

        if (p->starts) {
            write_starts(w, p, v->last_seen);

        } else {
            write_matches(w, p, v->last_seen);
        }
    }
}


void
record_read_progress(onsite_reader_t *r, onsite_visitor_t *v)
{
    int64_t             first = 0;
    uint32_t            n, items;
    onsite_progress_t  *p;

    n = read_entries(r, 1, ONSITE_PROGRESS_MAX);

    for (/* void */; n != 0 && !r->bad; n--) {
        items = onsite_read_array(r);
        p = &v->progress[v->n_progress++];
        p->trigger = onsite_read_u32(r);
        p->session = read_session(r, v->visits);
        p->starts = items > PROGRESS_ITEMS && !read_distance(r, &first);
        items -= p->starts;

        if (items < PROGRESS_ITEMS
            || items > PROGRESS_ITEMS + ONSITE_PROGRESS_TIMES_MAX)
        {
            r->bad = true;
            return;
        }

        p->n = (uint8_t) (items - PROGRESS_ITEMS);

        if (p->starts) {
            read_starts(r, p, v->last_seen);

        } else {
            read_matches(r, p, v->last_seen, first);
        }
    }
}


/* What does not fit its bound is left out, as is what is no object. */

static void
write_properties(onsite_writer_t *w, const onsite_value_t *properties)
{
    uint8_t          bytes[ONSITE_PENDING_BYTES_MAX];
    onsite_value_t   none = { .type = ONSITE_OBJECT };
    onsite_writer_t  part = { bytes, 0, sizeof(bytes) };

    if (properties->type == ONSITE_OBJECT) {
        onsite_write_value(&part, properties);
    }

    if (part.len == 0 || part.len > part.capacity) {
        onsite_write_value(w, &none);

    } else {
        onsite_write_bytes(w, bytes, part.len);
    }
}


static void
write_fired(onsite_writer_t *w, const onsite_visitor_t *v,
    const onsite_pending_t *entry, uint32_t n)
{
    onsite_write_array(w, n);

    for (/* void */; n != 0; n--, entry++) {
        onsite_write_array(w, PENDING_ITEMS + entry->waits);
        onsite_write_long(w, entry->campaign);
        record_write_time(w, v->last_seen, entry->fired);
        write_name(w, entry->event);
        write_properties(w, &entry->properties);

        if (entry->waits) {
            onsite_write_long(w, 1);
        }
    }
}


void
record_write_pending(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from)
{
    write_fired(w, v, v->pending + from, v->n_pending - from);
}


void
record_write_armed(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from)
{
    write_fired(w, v, v->armed + from, v->n_armed - from);
}


static onsite_status_t
read_properties(onsite_reader_t *r, onsite_arena_t *arena,
    onsite_value_t *properties)
{
    onsite_str_t     bytes;
    onsite_status_t  status;

    bytes = onsite_read_skip(r, 1);

    if (r->bad || bytes.len > ONSITE_PENDING_BYTES_MAX) {
        return ONSITE_CORRUPT;
    }

    *properties = (onsite_value_t) { .type = ONSITE_OBJECT };

    if (arena == NULL || (bytes.len == 1 && bytes.data[0] == (char) 0x80)) {
        return ONSITE_OK;
    }

    status = onsite_value_read_msgpack(arena, bytes, properties);

    if (status == ONSITE_OK && properties->type != ONSITE_OBJECT) {
        return ONSITE_CORRUPT;
    }

    return status;
}


/* The last max of a list into entries, *count of them. */

static onsite_status_t
read_fired(onsite_reader_t *r, onsite_arena_t *arena, onsite_ms_t last_seen,
    onsite_pending_t *entries, uint32_t max, uint32_t *count)
{
    uint32_t           n, items;
    onsite_status_t    status;
    onsite_pending_t  *p;

    n = read_entries(r, 1, max);

    for (/* void */; n != 0; n--) {
        items = onsite_read_array(r);

        if (items < PENDING_ITEMS) {
            return ONSITE_CORRUPT;
        }

        p = &entries[*count];
        p->campaign = onsite_read_u32(r);
        p->fired = record_read_time(r, last_seen);
        p->event = read_name(r);
        status = read_properties(r, arena, &p->properties);

        if (status != ONSITE_OK) {
            return status;
        }

        items -= PENDING_ITEMS;
        p->waits = items != 0 && onsite_read_u32(r) == 1;
        (void) onsite_read_skip(r, items - (items != 0));

        if (p->event.len != 0) {
            (*count)++;
        }
    }

    return r->bad ? ONSITE_CORRUPT : ONSITE_OK;
}


onsite_status_t
record_read_pending(onsite_reader_t *r, onsite_arena_t *arena,
    onsite_visitor_t *v)
{
    return read_fired(r, arena, v->last_seen, v->pending, ONSITE_PENDING_MAX,
                      &v->n_pending);
}


onsite_status_t
record_read_armed(onsite_reader_t *r, onsite_arena_t *arena,
    onsite_visitor_t *v)
{
    return read_fired(r, arena, v->last_seen, v->armed, ONSITE_ARMED_MAX,
                      &v->n_armed);
}
