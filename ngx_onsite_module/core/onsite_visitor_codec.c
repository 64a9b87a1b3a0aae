/*
 * onsite_visitor_codec.c - visitor struct <-> msgpack record; docs/wire.md
 * has the layout.
 *
 * All times are kept to the millisecond, as distances from last_seen, so a
 * visitor that rests between two events decides as one that does not.
 */

#include "onsite_visitor_codec.h"

#include "onsite_cart.h"
#include "onsite_msgpack.h"
#include "onsite_vocabulary.h"

#include <math.h>

/* Places in the record. */
enum {
    AT_VERSION = 0,
    AT_LAST_SEEN,
    AT_FLAGS,
    AT_FIRST_SEEN,              /* in a link record: the other's key       */
    AT_VISITS,
    AT_ORDERS,
    AT_SESSION,
    AT_COUNTERS,
    AT_CART,
    AT_EXPOSURES,
    AT_PROGRESS,
    AT_PENDING,
    N_ELEMENTS
};

#define FLAG_IDENTIFIED    0x01
#define FLAG_SESSION_ONLY  0x02
#define FLAG_LINK          0x04

#define COUNTER_ITEMS      3
#define CART_ITEMS         3
#define EXPOSURE_ITEMS     8

/* An exposure's bits: holdout below the ONSITE_STOP_* ones. */
#define BIT_HOLDOUT        0x01
#define HAPPENED_SHIFT     1

#define SECTIONS  (N_ELEMENTS - AT_COUNTERS)

/* The first entry of each section that is written, and the bytes it took. */
typedef struct {
    uint32_t  from[SECTIONS];
    size_t    bytes[SECTIONS];
} plan_t;


/* Distances wrap, so that any two times make one and it leads back. */

static int64_t
distance(onsite_ms_t from, onsite_ms_t to)
{
    return (int64_t) ((uint64_t) from - (uint64_t) to);
}


/* Time 0 says never: nil. */

static void
write_time(onsite_writer_t *w, onsite_ms_t base, onsite_ms_t time)
{
    if (time == 0) {
        onsite_write_nil(w);

    } else {
        onsite_write_long(w, distance(base, time));
    }
}


static onsite_ms_t
read_time(onsite_reader_t *r, onsite_ms_t base)
{
    return onsite_read_nil(r) ? 0 : distance(base, onsite_read_long(r));
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


static void
write_session(onsite_writer_t *w, const onsite_visitor_t *v)
{
    const onsite_session_t  *session = &v->session;

    if (session->start == 0 && session->last == 0 && session->pageviews == 0
        && session->events == 0)
    {
        onsite_write_array(w, 0);
        return;
    }

    onsite_write_array(w, 4);
    write_time(w, v->last_seen, session->last);
    write_time(w, session->last, session->start);
    onsite_write_long(w, session->pageviews);
    onsite_write_long(w, session->events);
}


static void
read_session_state(onsite_reader_t *r, onsite_visitor_t *v)
{
    uint32_t  n = onsite_read_array(r);

    if (n == 0) {
        return;
    }

    if (n < 4) {
        r->bad = true;
        return;
    }

    v->session.last = read_time(r, v->last_seen);
    v->session.start = read_time(r, v->session.last);
    v->session.pageviews = onsite_read_u32(r);
    v->session.events = onsite_read_u32(r);

    (void) onsite_read_skip(r, n - 4);
}


static void
write_counters(onsite_writer_t *w, const onsite_visitor_t *v, uint32_t from)
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


static void
read_counters(onsite_reader_t *r, onsite_visitor_t *v)
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


static void
write_cart(onsite_writer_t *w, const onsite_visitor_t *v, uint32_t from)
{
    uint32_t  i;

    onsite_write_array(w, (v->n_cart - from) * CART_ITEMS);

    for (i = from; i < v->n_cart; i++) {
        onsite_write_str(w, v->cart[i].sku);
        onsite_write_long(w, v->cart[i].quantity);
        write_price(w, v->cart[i].price);
    }
}


static void
read_cart(onsite_reader_t *r, onsite_visitor_t *v)
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


static void
write_exposures(onsite_writer_t *w, const onsite_visitor_t *v, uint32_t from)
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
        write_time(w, v->last_seen, e->last);
        onsite_write_long(w, e->variant);
        onsite_write_long(w, e->variant_hash);
        onsite_write_long(w, (int64_t) e->happened << HAPPENED_SHIFT
                             | (e->holdout ? BIT_HOLDOUT : 0));
        write_session_number(w, v->visits, e->session);
    }
}


static void
read_exposures(onsite_reader_t *r, onsite_visitor_t *v)
{
    uint32_t            n, variant, bits;
    onsite_exposure_t  *e;

    n = read_entries(r, EXPOSURE_ITEMS, ONSITE_EXPOSURES_MAX);

    for (/* void */; n != 0 && !r->bad; n--) {
        e = &v->exposures[v->n_exposures++];
        e->campaign = onsite_read_u32(r);
        e->total = onsite_read_u32(r);
        e->window = onsite_read_u32(r);
        e->last = read_time(r, v->last_seen);
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


static void
write_progress(onsite_writer_t *w, const onsite_visitor_t *v, uint32_t from)
{
    uint32_t                  i, k;
    const onsite_progress_t  *p;

    onsite_write_array(w, v->n_progress - from);

    for (i = from; i < v->n_progress; i++) {
        p = &v->progress[i];
        onsite_write_array(w, 2 + (uint32_t) p->n);
        onsite_write_long(w, p->trigger);
        write_session_number(w, v->visits, p->session);

        for (k = 0; k < p->n; k++) {
            onsite_write_long(w, k == 0 ? distance(v->last_seen, p->times[0])
                                 : distance(p->times[k], p->times[k - 1]));
        }
    }
}


static void
read_progress(onsite_reader_t *r, onsite_visitor_t *v)
{
    uint32_t            n, k, items;
    onsite_progress_t  *p;

    n = read_entries(r, 1, ONSITE_PROGRESS_MAX);

    for (/* void */; n != 0 && !r->bad; n--) {
        items = onsite_read_array(r);

        if (items < 2 || items > 2 + ONSITE_PROGRESS_TIMES_MAX) {
            r->bad = true;
            return;
        }

        p = &v->progress[v->n_progress++];
        p->trigger = onsite_read_u32(r);
        p->session = read_session(r, v->visits);
        p->n = (uint8_t) (items - 2);

        for (k = 0; k < p->n; k++) {
            p->times[k] = onsite_read_long(r);
            p->times[k] = k == 0 ? distance(v->last_seen, p->times[0])
                : (onsite_ms_t) ((uint64_t) p->times[k - 1]
                                 + (uint64_t) p->times[k]);
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
write_pending(onsite_writer_t *w, const onsite_visitor_t *v, uint32_t from)
{
    uint32_t  i;

    onsite_write_array(w, v->n_pending - from);

    for (i = from; i < v->n_pending; i++) {
        onsite_write_array(w, 4);
        onsite_write_long(w, v->pending[i].campaign);
        write_time(w, v->last_seen, v->pending[i].fired);
        write_name(w, v->pending[i].event);
        write_properties(w, &v->pending[i].properties);
    }
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


static onsite_status_t
read_pending(onsite_reader_t *r, onsite_arena_t *arena, onsite_visitor_t *v)
{
    uint32_t           n, items;
    onsite_status_t    status;
    onsite_pending_t  *p;

    n = read_entries(r, 1, ONSITE_PENDING_MAX);

    for (/* void */; n != 0; n--) {
        items = onsite_read_array(r);

        if (items < 4) {
            return ONSITE_CORRUPT;
        }

        p = &v->pending[v->n_pending];
        p->campaign = onsite_read_u32(r);
        p->fired = read_time(r, v->last_seen);
        p->event = read_name(r);
        status = read_properties(r, arena, &p->properties);

        if (status != ONSITE_OK) {
            return status;
        }

        (void) onsite_read_skip(r, items - 4);

        if (p->event.len != 0) {
            v->n_pending++;
        }
    }

    return r->bad ? ONSITE_CORRUPT : ONSITE_OK;
}


/* Opens the array and reads what all records begin with. */

static onsite_status_t
read_head(onsite_reader_t *r, uint32_t *n, onsite_ms_t *last_seen,
    uint32_t *flags)
{
    uint32_t  version;

    *n = onsite_read_array(r);
    version = onsite_read_u32(r);

    if (r->bad) {
        return ONSITE_CORRUPT;
    }

    /* the next version only adds behind what this one knows */

    if (version < ONSITE_RECORD_VERSION || version > ONSITE_RECORD_VERSION + 1)
    {
        return ONSITE_VERSION;
    }

    *last_seen = onsite_read_long(r);
    *flags = onsite_read_u32(r);

    return r->bad || *n <= AT_FLAGS ? ONSITE_CORRUPT : ONSITE_OK;
}


static onsite_status_t
read_link(onsite_reader_t *r, uint32_t n, onsite_key_t *link)
{
    onsite_str_t  key;

    key = onsite_read_bin(r);

    if (r->bad || key.len != sizeof(link->bytes)) {
        return ONSITE_CORRUPT;
    }

    (void) onsite_read_skip(r, n - AT_FIRST_SEEN - 1);

    if (r->bad || r->p != r->end) {
        return ONSITE_CORRUPT;
    }

    memcpy(link->bytes, key.data, sizeof(link->bytes));

    return ONSITE_OK;
}


static onsite_status_t
read_element(onsite_reader_t *r, onsite_arena_t *arena, uint32_t at,
    onsite_visitor_t *v)
{
    switch (at) {

    case AT_FIRST_SEEN:
        v->first_seen = read_time(r, v->last_seen);
        break;

    case AT_VISITS:
        v->visits = onsite_read_u32(r);
        break;

    case AT_ORDERS:
        v->orders = onsite_read_u32(r);
        break;

    case AT_SESSION:
        read_session_state(r, v);
        break;

    case AT_COUNTERS:
        read_counters(r, v);
        break;

    case AT_CART:
        read_cart(r, v);
        break;

    case AT_EXPOSURES:
        read_exposures(r, v);
        break;

    case AT_PROGRESS:
        read_progress(r, v);
        break;

    case AT_PENDING:
        return read_pending(r, arena, v);

    default:
        (void) onsite_read_skip(r, 1);
        break;
    }

    return r->bad ? ONSITE_CORRUPT : ONSITE_OK;
}


static onsite_status_t
read_visitor(onsite_reader_t *r, onsite_arena_t *arena, uint32_t n,
    onsite_visitor_t *v)
{
    uint32_t         at;
    onsite_status_t  status;

    for (at = AT_FIRST_SEEN; at < n; at++) {
        status = read_element(r, arena, at, v);

        if (status != ONSITE_OK) {
            return status;
        }
    }

    return r->p == r->end ? ONSITE_OK : ONSITE_CORRUPT;
}


onsite_status_t
onsite_visitor_decode(onsite_arena_t *arena, const void *data, size_t size,
    onsite_record_kind_t *kind, onsite_visitor_t *visitor, onsite_key_t *link)
{
    uint32_t         n, flags;
    onsite_ms_t      last_seen;
    onsite_reader_t  r = { data, (const uint8_t *) data + size, false };
    onsite_status_t  status;

    onsite_visitor_init(visitor);
    *kind = ONSITE_RECORD_VISITOR;

    status = read_head(&r, &n, &last_seen, &flags);

    if (status != ONSITE_OK) {
        return status;
    }

    if (flags & FLAG_LINK) {
        *kind = ONSITE_RECORD_LINK;
        return read_link(&r, n, link);
    }

    visitor->last_seen = last_seen;
    visitor->identified = (flags & FLAG_IDENTIFIED) != 0;
    visitor->session_only = (flags & FLAG_SESSION_ONLY) != 0;

    status = read_visitor(&r, arena, n, visitor);

    if (status != ONSITE_OK) {
        onsite_visitor_init(visitor);
    }

    return status;
}


/* Entries of a section, by its place behind AT_COUNTERS. */

static uint32_t
section_entries(const onsite_visitor_t *v, uint32_t section)
{
    switch (section + AT_COUNTERS) {

    case AT_COUNTERS:
        return v->n_counters;

    case AT_CART:
        return v->n_cart;

    case AT_EXPOSURES:
        return v->n_exposures;

    case AT_PROGRESS:
        return v->n_progress;

    default:
        return v->n_pending;
    }
}


static void
write_section(onsite_writer_t *w, const onsite_visitor_t *v, uint32_t section,
    uint32_t from)
{
    static void  (*const writers[SECTIONS])(onsite_writer_t *,
        const onsite_visitor_t *, uint32_t)
        = { write_counters, write_cart, write_exposures, write_progress,
            write_pending };

    writers[section](w, v, from);
}


static void
write_record(onsite_writer_t *w, const onsite_visitor_t *v, plan_t *plan)
{
    size_t    before;
    uint32_t  section, sections;

    sections = SECTIONS;

    while (sections > 0
           && plan->from[sections - 1] == section_entries(v, sections - 1))
    {
        plan->bytes[--sections] = 0;
    }

    onsite_write_array(w, AT_COUNTERS + sections);
    onsite_write_long(w, ONSITE_RECORD_VERSION);
    onsite_write_long(w, v->last_seen);
    onsite_write_long(w, (v->identified ? FLAG_IDENTIFIED : 0)
                         | (v->session_only ? FLAG_SESSION_ONLY : 0));
    write_time(w, v->last_seen, v->first_seen);
    onsite_write_long(w, v->visits);
    onsite_write_long(w, v->orders);
    write_session(w, v);

    for (section = 0; section < sections; section++) {
        before = w->len;
        write_section(w, v, section, plan->from[section]);
        plan->bytes[section] = w->len - before;
    }
}


/* The oldest entry of what takes the most room is left out; false when there
 * is nothing more to leave out. */

static bool
leave_out_one(const onsite_visitor_t *v, plan_t *plan)
{
    uint32_t  section, largest;

    for (section = 0, largest = SECTIONS; section < SECTIONS; section++) {
        if (plan->from[section] < section_entries(v, section)
            && (largest == SECTIONS
                || plan->bytes[section] > plan->bytes[largest]))
        {
            largest = section;
        }
    }

    if (largest == SECTIONS) {
        return false;
    }

    plan->from[largest]++;

    return true;
}


size_t
onsite_visitor_encode(const onsite_visitor_t *visitor, void *out,
    size_t capacity)
{
    plan_t           plan = { .from = { 0 } };
    onsite_writer_t  w = { out, 0, capacity };

    for ( ;; ) {
        w.len = 0;
        write_record(&w, visitor, &plan);

        if (w.len <= capacity) {
            return w.len;
        }

        if (!leave_out_one(visitor, &plan)) {
            return 0;
        }
    }
}


size_t
onsite_link_encode(const onsite_key_t *link, onsite_ms_t now,
    bool session_only, void *out, size_t capacity)
{
    onsite_writer_t  w = { out, 0, capacity };

    onsite_write_array(&w, AT_FIRST_SEEN + 1);
    onsite_write_long(&w, ONSITE_RECORD_VERSION);
    onsite_write_long(&w, now);
    onsite_write_long(&w, FLAG_LINK | (session_only ? FLAG_SESSION_ONLY : 0));
    onsite_write_bin(&w, onsite_str((const char *) link->bytes,
                                    sizeof(link->bytes)));

    return w.len <= capacity ? w.len : 0;
}


onsite_ms_t
onsite_record_last_seen(const void *data, size_t size, bool *session_only)
{
    uint32_t         n, flags;
    onsite_ms_t      last_seen;
    onsite_reader_t  r = { data, (const uint8_t *) data + size, false };

    *session_only = false;

    if (read_head(&r, &n, &last_seen, &flags) != ONSITE_OK) {
        return 0;
    }

    *session_only = (flags & FLAG_SESSION_ONLY) != 0;

    return last_seen;
}
