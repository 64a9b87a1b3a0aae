/*
 * onsite_visitor_codec.c - visitor struct <-> msgpack record; docs/wire.md
 * has the layout.
 *
 * All times are kept to the millisecond, as distances from last_seen, so a
 * visitor that rests between two events decides as one that does not.
 */

#include "onsite_visitor_codec_private.h"

/* Places in the record. */
enum {
    AT_VERSION = 0,
    AT_LAST_SEEN,
    AT_FLAGS,
    AT_FIRST_SEEN,              /* in a link record: the other's key       */
    AT_VISITS,                  /* there: the record that it carries       */
    AT_ORDERS,
    AT_SESSION,
    AT_COUNTERS,
    AT_CART,
    AT_EXPOSURES,
    AT_PROGRESS,
    AT_PENDING,
    AT_MESSAGES,
    AT_ORIGIN,
    AT_AFFINITIES,
    AT_STANDINGS,
    AT_WAKE,                    /* this and the customer are never left
                                   out                                     */
    AT_CUSTOMER,
    AT_ARMED,
    N_ELEMENTS
};

#define FLAG_IDENTIFIED    0x01
#define FLAG_SESSION_ONLY  0x02
#define FLAG_LINK          0x04
#define FLAG_VERIFIED      0x08
#define FLAG_TOMBSTONE     0x10

#define SECTIONS  (N_ELEMENTS - AT_COUNTERS)

/* The first entry of each section that is written, and the bytes it took. */
typedef struct {
    uint32_t  from[SECTIONS];
    size_t    bytes[SECTIONS];
} plan_t;


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
    record_write_time(w, v->last_seen, session->last);
    record_write_time(w, session->last, session->start);
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

    v->session.last = record_read_time(r, v->last_seen);
    v->session.start = record_read_time(r, v->session.last);
    v->session.pageviews = onsite_read_u32(r);
    v->session.events = onsite_read_u32(r);

    (void) onsite_read_skip(r, n - 4);
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


/* Passes over the n elements that are left; nothing lies behind them. */

static onsite_status_t
read_rest(onsite_reader_t *r, uint32_t n)
{
    (void) onsite_read_skip(r, n);

    return r->bad || r->p != r->end ? ONSITE_CORRUPT : ONSITE_OK;
}


static onsite_status_t
read_link(onsite_reader_t *r, uint32_t n, onsite_key_t *link,
    onsite_str_t *carried)
{
    onsite_str_t  key;

    key = onsite_read_bin(r);
    *carried = onsite_str(NULL, 0);

    if (r->bad || key.len != sizeof(link->bytes)) {
        return ONSITE_CORRUPT;
    }

    memcpy(link->bytes, key.data, sizeof(link->bytes));

    n -= AT_FIRST_SEEN + 1;

    if (n != 0 && !onsite_read_nil(r)) {
        *carried = onsite_read_bin(r);
        n--;
    }

    return read_rest(r, n);
}


/* Those that allocate say more than that the bytes are bad. */

static onsite_status_t
read_element(onsite_reader_t *r, onsite_arena_t *arena, uint32_t at,
    onsite_visitor_t *v)
{
    static void  (*const readers[])(onsite_reader_t *, onsite_visitor_t *)
        = { record_read_counters, record_read_cart, record_read_exposures,
            record_read_progress, NULL, record_read_messages,
            record_read_origin, record_read_affinities,
            record_read_standings };

    switch (at) {

    case AT_FIRST_SEEN:
        v->first_seen = record_read_time(r, v->last_seen);
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

    case AT_PENDING:
        return record_read_pending(r, arena, v);

    case AT_WAKE:
        v->wake = record_read_time(r, v->last_seen);
        break;

    case AT_CUSTOMER:
        return record_read_customer(r, arena, v);

    case AT_ARMED:
        return record_read_armed(r, arena, v);

    default:

        if (at < AT_WAKE) {
            readers[at - AT_COUNTERS](r, v);

        } else {
            (void) onsite_read_skip(r, 1);
        }

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
    onsite_str_t     carried;
    onsite_reader_t  r = { data, (const uint8_t *) data + size, false };
    onsite_status_t  status;

    onsite_visitor_init(visitor);
    *kind = ONSITE_RECORD_VISITOR;

    status = read_head(&r, &n, &last_seen, &flags);

    if (status != ONSITE_OK) {
        return status;
    }

    if (flags & FLAG_TOMBSTONE) {
        *kind = ONSITE_RECORD_TOMBSTONE;
        return read_rest(&r, n - AT_FIRST_SEEN);
    }

    if (flags & FLAG_LINK) {
        *kind = ONSITE_RECORD_LINK;
        return read_link(&r, n, link, &carried);
    }

    visitor->last_seen = last_seen;
    visitor->identified = (flags & FLAG_IDENTIFIED) != 0;
    visitor->verified = (flags & FLAG_VERIFIED) != 0;
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

    case AT_PENDING:
        return v->n_pending;

    case AT_MESSAGES:
        return v->n_messages;

    case AT_ORIGIN:
        return record_origin_entries(v);

    case AT_AFFINITIES:
        return v->n_affinities;

    case AT_STANDINGS:
        return v->n_standings;

    case AT_WAKE:
        return v->wake != 0;

    case AT_CUSTOMER:
        return record_has_customer(v);

    default:
        return v->n_armed;
    }
}


static void
write_section(onsite_writer_t *w, const onsite_visitor_t *v, uint32_t section,
    uint32_t from)
{
    static void  (*const writers[])(onsite_writer_t *,
        const onsite_visitor_t *, uint32_t)
        = { record_write_counters, record_write_cart, record_write_exposures,
            record_write_progress, record_write_pending,
            record_write_messages, record_write_origin,
            record_write_affinities, record_write_standings };

    switch (section + AT_COUNTERS) {

    case AT_WAKE:
        record_write_time(w, v->last_seen, v->wake);
        break;

    case AT_CUSTOMER:
        record_write_customer(w, v);
        break;

    case AT_ARMED:
        record_write_armed(w, v, from);
        break;

    default:
        writers[section](w, v, from);
        break;
    }
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
                         | (v->session_only ? FLAG_SESSION_ONLY : 0)
                         | (v->verified ? FLAG_VERIFIED : 0));
    record_write_time(w, v->last_seen, v->first_seen);
    onsite_write_long(w, v->visits);
    onsite_write_long(w, v->orders);
    write_session(w, v);

    for (section = 0; section < sections; section++) {
        before = w->len;
        write_section(w, v, section, plan->from[section]);
        plan->bytes[section] = w->len - before;
    }
}


/* Messages first, then the oldest entry of what takes the most room; false
 * when there is nothing more to leave out. */

static bool
leave_out_one(const onsite_visitor_t *v, plan_t *plan)
{
    uint32_t  section, largest;

    if (plan->from[AT_MESSAGES - AT_COUNTERS] < v->n_messages) {
        plan->from[AT_MESSAGES - AT_COUNTERS]++;
        return true;
    }

    largest = SECTIONS;

    for (section = 0; section < SECTIONS; section++) {
        if (section == AT_WAKE - AT_COUNTERS
            || section == AT_CUSTOMER - AT_COUNTERS)
        {
            continue;
        }

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


/* What links and tombstones begin with. */

static void
write_head(onsite_writer_t *w, uint32_t n, onsite_ms_t last_seen,
    uint32_t flags)
{
    onsite_write_array(w, n);
    onsite_write_long(w, ONSITE_RECORD_VERSION);
    onsite_write_long(w, last_seen);
    onsite_write_long(w, flags);
}


size_t
onsite_link_encode(const onsite_key_t *link, onsite_ms_t now,
    bool session_only, onsite_str_t carried, void *out, size_t capacity)
{
    onsite_writer_t  w = { out, 0, capacity };

    write_head(&w, AT_FIRST_SEEN + 1 + (carried.len != 0), now,
               FLAG_LINK | (session_only ? FLAG_SESSION_ONLY : 0));
    onsite_write_bin(&w, onsite_str((const char *) link->bytes,
                                    sizeof(link->bytes)));

    if (carried.len != 0) {
        onsite_write_bin(&w, carried);
    }

    return w.len <= capacity ? w.len : 0;
}


onsite_str_t
onsite_link_carried(const void *data, size_t size)
{
    uint32_t         n, flags;
    onsite_ms_t      last_seen;
    onsite_key_t     link;
    onsite_str_t     carried;
    onsite_reader_t  r = { data, (const uint8_t *) data + size, false };

    if (read_head(&r, &n, &last_seen, &flags) != ONSITE_OK
        || (flags & (FLAG_LINK | FLAG_TOMBSTONE)) != FLAG_LINK
        || read_link(&r, n, &link, &carried) != ONSITE_OK)
    {
        return onsite_str(NULL, 0);
    }

    return carried;
}


size_t
onsite_tombstone_encode(onsite_ms_t now, void *out, size_t capacity)
{
    onsite_writer_t  w = { out, 0, capacity };

    write_head(&w, AT_FIRST_SEEN, now, FLAG_TOMBSTONE);

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


onsite_ms_t
onsite_record_wake(const void *data, size_t size)
{
    uint32_t         n, flags;
    onsite_ms_t      last_seen, wake;
    onsite_reader_t  r = { data, (const uint8_t *) data + size, false };

    if (read_head(&r, &n, &last_seen, &flags) != ONSITE_OK
        || (flags & (FLAG_LINK|FLAG_TOMBSTONE)) || n <= AT_WAKE)
    {
        return 0;
    }

    (void) onsite_read_skip(&r, AT_WAKE - AT_FIRST_SEEN);
    wake = record_read_time(&r, last_seen);

    return r.bad ? 0 : wake;
}


bool
onsite_record_is_tombstone(const void *data, size_t size)
{
    uint32_t         n, flags;
    onsite_ms_t      last_seen;
    onsite_reader_t  r = { data, (const uint8_t *) data + size, false };

    return size <= ONSITE_TOMBSTONE_BYTES_MAX
           && read_head(&r, &n, &last_seen, &flags) == ONSITE_OK
           && (flags & FLAG_TOMBSTONE) != 0;
}
