/*
 * onsite_inject.c - bytes in, slices out.
 */

#include "onsite_inject_tree.h"
#include "onsite_limits.h"

/* Room for what of a slot is held back, and for the beginnings of end tags
 * that earlier slots left there; for what all slots of a page may ever hold
 * back, the last one among them for nothing. */

#define KEPT_ROOM  (ONSITE_SLOT_HELD_MAX + 1024)
#define KEPT_MAX   (ONSITE_SLOTS_WASTE_MAX + 2 * ONSITE_SLOT_HELD_MAX)


size_t
onsite_inject_size(void)
{
    return sizeof(onsite_inject_t);
}


static onsite_vectors_t
widest_vectors(void)
{
#if defined(__x86_64__)

    if (__builtin_cpu_supports("avx512vbmi2")
        && __builtin_cpu_supports("avx512bw"))
    {
        return ONSITE_VECTORS_64;
    }

    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) {
        return ONSITE_VECTORS_32;
    }

#endif

    return ONSITE_VECTORS_16;
}


void
onsite_inject_vectors(onsite_inject_t *inject, onsite_vectors_t most)
{
    onsite_vectors_t  widest = widest_vectors();

    inject->vectors = most < widest ? most : widest;
}


void
onsite_inject_init(onsite_inject_t *inject, unsigned wanted)
{
    memset(inject, 0, sizeof(onsite_inject_t));

    inject->vectors = widest_vectors();

    inject->wanted = wanted;
    inject->follow = wanted == 0;
}


void
onsite_inject_is_document(onsite_inject_t *inject)
{
    inject->document = true;
}


/* There are slots where there is memory, too. */

static void
begin(onsite_inject_t *inject)
{
    inject->begun = true;

    if (inject->alloc == NULL) {
        inject->n_slots = 0;
    }

    if (inject->n_slots != 0) {
        inject->follow = false;
        inject->noted = ONSITE_INJECT_NOTED;
    }
}


void
onsite_inject_slots(onsite_inject_t *inject, const onsite_str_t *names,
    unsigned n)
{
    inject->slot_names = names;
    inject->n_slots = n;
}


void
onsite_inject_memory(onsite_inject_t *inject, onsite_inject_alloc_pt alloc,
    void *data)
{
    inject->alloc = alloc;
    inject->alloc_data = data;
}


/*
 * Behind byte order marks: FE FF, FF FE and 00 00 FE FF say that the page is
 * of another width; EF BB BF is white.  What only begins like one is taken
 * for white, too.
 */

static byte_t *
scan_mark(onsite_inject_t *inject, byte_t *p)
{
    static const struct {
        unsigned char  bytes[4];
        unsigned       len;
    } marks[] = {
        { { 0xfe, 0xff }, 2 }, { { 0xff, 0xfe }, 2 },
        { { 0x00, 0x00, 0xfe, 0xff }, 4 }, { { 0xef, 0xbb, 0xbf }, 3 }
    };
    unsigned  i, n = inject->mark_len;

    for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (n < marks[i].len && *p == marks[i].bytes[n]
            && (n == 0 || inject->mark == marks[i].bytes[0]))
        {
            inject->mark = marks[i].bytes[0];
            inject->mark_len++;
            inject->mark_over = inject->mark_len == marks[i].len;

            if (inject->mark_over && inject->mark != 0xef) {
                inject->wide = true;
                inject->state = ONSITE_SCAN_COPY;
            }

            return p + 1;
        }
    }

    inject->mark_over = true;

    return p;
}


static byte_t *
scan_step(onsite_inject_t *inject, byte_t *p, byte_t *end)
{
    if (inject->state == ONSITE_SCAN_DATA) {
        return onsite_inject_scan_data(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_SLASH) {
        return onsite_inject_scan_tag(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_CDATA_END) {
        return onsite_inject_scan_markup(inject, p, end);
    }

    if (inject->state <= ONSITE_SCAN_TWICE_NAME) {
        return onsite_inject_scan_text(inject, p, end);
    }

    return end;
}


/* As far as a slot may be held back. */

static byte_t *
slot_limit(const onsite_inject_t *inject, byte_t *end)
{
    uint64_t  limit = inject->slot.from + ONSITE_SLOT_HELD_MAX;

    return limit < onsite_inject_at(inject, end)
           ? (byte_t *) inject->input.data + (size_t) (limit - inject->base)
           : end;
}


/* Reads on to the next place or the end of the input. */

static void
scan(onsite_inject_t *inject)
{
    byte_t  *start = (byte_t *) inject->input.data;
    byte_t  *p = start + inject->pos;
    byte_t  *end = start + inject->input.len, *limit;

    while (p < end && !inject->mark_over && !inject->follow) {
        p = scan_mark(inject, p);
    }

    while (p < end && !onsite_inject_stopped(inject)) {
        limit = inject->slot.open ? slot_limit(inject, end) : end;

        if (p == limit) {
            onsite_inject_slot_fail_at(inject, onsite_inject_at(inject, p));
        } else {
            p = scan_step(inject, p, limit);
        }
    }

    inject->pos = (size_t) (p - start);
}


void
onsite_inject_feed(onsite_inject_t *inject, onsite_str_t input, bool last)
{
    if (!inject->begun) {
        begin(inject);
    }

    inject->input = input;
    inject->last = last;
    inject->pos = 0;
}


/* Bytes that stay as they are for ever, from which what was held back is sent
 * again: the held bytes themselves may be overwritten too early. */

static onsite_str_t
stable_bytes(const char *held, size_t len)
{
    size_t              i;
    static const char  *tags[] = { "</body", "</html", "</head", "</BODY",
                                   "</HTML", "</HEAD" };
    static const char   letters[] = "</ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz";

    for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (len <= strlen(tags[i]) && memcmp(tags[i], held, len) == 0) {
            return onsite_str(tags[i], len);
        }
    }

    return onsite_str(strchr(letters, held[0]), 1);
}


/* What is not sent as yet in front of limit: kept of a slot, held back of a
 * tag, input. */

static bool
send(onsite_inject_t *inject, onsite_slice_t *slice, uint64_t limit)
{
    size_t    offset;
    uint64_t  sent = inject->sent, base = inject->base;

    if (sent >= limit) {
        return false;
    }

    slice->kind = ONSITE_SLICE_BYTES;

    if (inject->n_kept != 0) {
        limit = limit < inject->kept_to ? limit : inject->kept_to;
        slice->bytes = onsite_str(inject->kept + inject->kept_from,
                                  (size_t) (limit - sent));
        inject->kept_from += slice->bytes.len;
        inject->n_kept -= slice->bytes.len;

    } else if (sent < base) {
        limit = limit < base ? limit : base;
        slice->bytes = stable_bytes(inject->held + inject->n_held
                                    - (size_t) (base - sent),
                                    (size_t) (limit - sent));

    } else {
        offset = (size_t) (sent - base);
        *slice = (onsite_slice_t) {
            .kind = ONSITE_SLICE_COPY,
            .offset = offset,
            .bytes = onsite_str(inject->input.data + offset,
                                (size_t) (limit - sent))
        };
    }

    inject->sent += slice->bytes.len;

    return true;
}


static bool
send_insertion(onsite_inject_t *inject, onsite_slice_t *slice, unsigned place)
{
    *slice = (onsite_slice_t) { .kind = ONSITE_SLICE_INSERT, .place = place };

    inject->count++;

    if (inject->wanted == 0 && inject->n_slots == 0) {
        inject->state = ONSITE_SCAN_COPY;
    }

    return true;
}


static bool
send_place(onsite_inject_t *inject, onsite_slice_t *slice)
{
    unsigned  place = (unsigned) __builtin_ctz(inject->due);

    inject->due &= ~(1u << place);
    inject->wanted &= ~(1u << place);

    return send_insertion(inject, slice, place);
}


/* Leaves out what was there by default; the beginning of the tag that ends the
 * slot may be kept with it. */

static bool
send_slot(onsite_inject_t *inject, onsite_slice_t *slice)
{
    size_t    tail;
    char     *kept;
    unsigned  index = inject->slot.index;

    if (inject->n_kept != 0) {
        tail = inject->cut < inject->kept_to
               ? (size_t) (inject->kept_to - inject->cut) : 0;
        kept = inject->kept + inject->kept_from;
        memmove(kept, kept + inject->n_kept - tail, tail);
        inject->n_kept = tail;
    }

    if (++inject->n_filled == ONSITE_SLOTS_FILLED_MAX) {
        onsite_inject_slot_none(inject);
    } else {
        onsite_inject_slot_waste(inject, inject->name_len);
    }

    inject->sent = inject->cut;
    inject->slot.open = false;
    inject->slot.ended = false;
    inject->filled |= 1u << index;

    return send_insertion(inject, slice, ONSITE_PLACES + index);
}


/* What was sent from there has to stay: first there is room for all of one
 * slot, then for all that any page may need. */

static bool
make_room(onsite_inject_t *inject)
{
    char    *room;
    size_t   size = inject->kept == NULL ? KEPT_ROOM : KEPT_MAX;

    if (inject->kept_room == KEPT_MAX) {
        return false;
    }

    room = inject->alloc(inject->alloc_data, size);

    if (room == NULL) {
        return false;
    }

    if (inject->n_kept != 0) {
        memcpy(room, inject->kept + inject->kept_from, inject->n_kept);
    }

    inject->kept = room;
    inject->kept_room = size;
    inject->kept_from = 0;

    return true;
}


static bool
keep(onsite_inject_t *inject, onsite_str_t bytes)
{
    if (inject->kept_from + inject->n_kept + bytes.len > inject->kept_room
        && !make_room(inject))
    {
        return false;
    }

    memcpy(inject->kept + inject->kept_from + inject->n_kept, bytes.data,
           bytes.len);
    inject->n_kept += bytes.len;

    return true;
}


/* Where what may be sent by now ends. */

static uint64_t
decided(const onsite_inject_t *inject)
{
    if (inject->slot.open) {
        return inject->slot.from;
    }

    return !inject->last && onsite_inject_undecided(inject)
           ? inject->tag : inject->base + inject->input.len;
}


/* The rest of the input waits for the next one. */

static bool
hold_back(onsite_inject_t *inject)
{
    size_t        from = 0;
    uint64_t      waiting;
    onsite_str_t  rest;

    if (inject->sent > inject->base) {
        from = (size_t) (inject->sent - inject->base);
    }

    rest = onsite_str(inject->input.data + from, inject->input.len - from);

    if (rest.len != 0 && inject->slot.open) {

        if (!keep(inject, rest)) {
            onsite_inject_slot_none(inject);
            return false;
        }

        inject->kept_to = inject->base + inject->input.len;

    } else if (rest.len != 0) {
        waiting = inject->n_kept != 0 ? inject->kept_to : inject->sent;
        inject->n_held = waiting < inject->base ? inject->n_held : 0;
        memcpy(inject->held + inject->n_held, rest.data, rest.len);
        inject->n_held += (unsigned) rest.len;
    }

    inject->base += inject->input.len;
    inject->input.len = 0;
    inject->pos = 0;

    return true;
}


bool
onsite_inject_next(onsite_inject_t *inject, onsite_slice_t *slice)
{
    scan(inject);

    if (inject->last && !inject->ended && !onsite_inject_stopped(inject)) {
        inject->ended = true;

        inject->slot.open = false;
        onsite_inject_place_end(inject);
    }

    if (inject->slot.ended) {
        return send(inject, slice, inject->slot.from)
               || send_slot(inject, slice);
    }

    if (inject->due != 0) {
        return send(inject, slice, inject->cut) || send_place(inject, slice);
    }

    return send(inject, slice, decided(inject))
           || (!hold_back(inject) && send(inject, slice, decided(inject)));
}


unsigned
onsite_inject_count(const onsite_inject_t *inject)
{
    return inject->count;
}


bool
onsite_inject_slot_filled(const onsite_inject_t *inject, unsigned i)
{
    return (inject->filled >> i & 1) != 0;
}


size_t
onsite_inject_policies(const onsite_inject_t *inject,
    const onsite_str_t **policies)
{
    *policies = inject->policies;

    return inject->n_policies;
}


bool
onsite_inject_policies_lost(const onsite_inject_t *inject)
{
    return inject->policies_lost;
}


onsite_str_t
onsite_inject_base(const onsite_inject_t *inject)
{
    return inject->base_href;
}


bool
onsite_inject_wide(const onsite_inject_t *inject)
{
    return inject->wide;
}


bool
onsite_inject_finished(const onsite_inject_t *inject)
{
    return inject->state == ONSITE_SCAN_COPY
           && !onsite_inject_stopped(inject)
           && inject->sent >= inject->base;
}
