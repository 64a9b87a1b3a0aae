/*
 * onsite_visitor_known.c - the parts of a record that say who the visitor is,
 * where from, drawn to what, and where in their journeys.
 */

#include "onsite_visitor_codec_private.h"

#include "onsite_msgpack.h"

#include <endian.h>
#include <math.h>

#define STANDING_ITEMS    3
#define TOUCH_ITEMS       6
#define CUSTOMER_ITEMS    2

/* What the list of touches begins with. */
#define ORIGIN_FIRST      0x01      /* the first touch leads it            */
#define ORIGIN_SHARED     0x02      /* and is the oldest of the last, too  */

/* Texts of touches written out, which later ones may refer to. */
#define LITERALS_MAX      ((ONSITE_TOUCHES_MAX + 1) * (TOUCH_ITEMS - 1))

typedef struct {
    uint32_t      n;                /* may be more, of a later version     */
    onsite_str_t  texts[LITERALS_MAX];
} literals_t;

#define WORD(literal)  { sizeof(literal) - 1, literal }

/* Append-only: a word's place is its name for ever. */

static const onsite_str_t  words[] = {
    { 0, NULL },
    WORD("direct"),
    WORD("none"),
    WORD("google"),
    WORD("organic"),
    WORD("cpc"),
    WORD("social"),
    WORD("email"),
    WORD("referral"),
    WORD("gclid"),
    WORD("facebook"),
    WORD("fbclid"),
    WORD("instagram"),
    WORD("newsletter"),
    WORD("bing"),
    WORD("msclkid"),
    WORD("tiktok"),
    WORD("ttclid"),
    WORD("affiliate"),
    WORD("display"),
    WORD("paid"),
    WORD("ppc"),
    WORD("push"),
    WORD("sms"),
    WORD("duckduckgo"),
    WORD("yahoo"),
    WORD("youtube"),
    WORD("twitter"),
    WORD("linkedin"),
    WORD("pinterest"),
    WORD("reddit"),
    WORD("www.google.com"),
    WORD("www.bing.com"),
    WORD("duckduckgo.com"),
    WORD("search.yahoo.com"),
    WORD("www.facebook.com"),
    WORD("l.facebook.com"),
    WORD("m.facebook.com"),
    WORD("www.instagram.com"),
    WORD("l.instagram.com"),
    WORD("t.co"),
    WORD("www.youtube.com"),
};

#define N_WORDS  (sizeof(words) / sizeof(words[0]))


void
record_write_messages(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from)
{
    uint32_t  i, n, bytes[ONSITE_MESSAGES_MAX];

    n = v->n_messages - from;

    if (n == 0) {
        onsite_write_nil(w);
        return;
    }

    for (i = 0; i < n; i++) {
        bytes[i] = htobe32(v->messages[from + i]);
    }

    onsite_write_bin(w, onsite_str((const char *) bytes,
                                   n * sizeof(uint32_t)));
}


void
record_read_messages(onsite_reader_t *r, onsite_visitor_t *v)
{
    size_t        n;
    uint32_t      hash;
    onsite_str_t  bytes;

    if (onsite_read_nil(r)) {
        return;
    }

    bytes = onsite_read_bin(r);

    if (bytes.len % sizeof(hash) != 0) {
        r->bad = true;
        return;
    }

    n = bytes.len / sizeof(hash);

    if (n > ONSITE_MESSAGES_MAX) {
        bytes.data += (n - ONSITE_MESSAGES_MAX) * sizeof(hash);
        n = ONSITE_MESSAGES_MAX;
    }

    while (v->n_messages < n) {
        memcpy(&hash, bytes.data + v->n_messages * sizeof(hash),
               sizeof(hash));
        v->messages[v->n_messages++] = be32toh(hash);
    }
}


/* 0: empty; above: a word; below: a text written before, -1 the first. */

static int64_t
text_code(const literals_t *literals, onsite_str_t text)
{
    size_t    word;
    uint32_t  i;

    if (text.len == 0) {
        return 0;
    }

    for (i = 0; i < literals->n; i++) {
        if (onsite_str_eq(literals->texts[i], text)) {
            return -1 - (int64_t) i;
        }
    }

    for (word = 1; word < N_WORDS; word++) {
        if (words[word].data[0] == text.data[0]
            && onsite_str_eq(words[word], text))
        {
            return (int64_t) word;
        }
    }

    return INT64_MAX;
}


static void
write_text(onsite_writer_t *w, literals_t *literals, onsite_str_t text)
{
    int64_t  code = text_code(literals, text);

    if (code == INT64_MAX) {
        onsite_write_str(w, text);
        literals->texts[literals->n++] = text;

    } else {
        onsite_write_long(w, code);
    }
}


/* len 0 also for a word that only a later version knows. */

static onsite_str_t
read_text(onsite_reader_t *r, literals_t *literals)
{
    int64_t       code;
    onsite_str_t  text;

    if (onsite_next_is_str(r)) {
        text = onsite_read_str(r);

        if (text.len > ONSITE_TOUCH_TEXT_MAX) {
            r->bad = true;
        }

        if (literals->n < LITERALS_MAX) {
            literals->texts[literals->n] = text;
        }

        literals->n++;

        return text;
    }

    code = onsite_read_long(r);

    if (code >= 0) {
        return code < (int64_t) N_WORDS ? words[code] : words[0];
    }

    if (code < -(int64_t) literals->n) {
        r->bad = true;
        return words[0];
    }

    return code >= -LITERALS_MAX ? literals->texts[-1 - code] : words[0];
}


static void
write_touch(onsite_writer_t *w, literals_t *literals, onsite_ms_t last_seen,
    const onsite_touch_t *touch)
{
    record_write_time(w, last_seen, touch->time);
    write_text(w, literals, touch->source);
    write_text(w, literals, touch->medium);
    write_text(w, literals, touch->campaign);
    write_text(w, literals, touch->referrer);
    write_text(w, literals, touch->click);
}


static onsite_touch_t
read_touch(onsite_reader_t *r, literals_t *literals, onsite_ms_t last_seen)
{
    onsite_touch_t  touch;

    touch.time = record_read_time(r, last_seen);
    touch.source = read_text(r, literals);
    touch.medium = read_text(r, literals);
    touch.campaign = read_text(r, literals);
    touch.referrer = read_text(r, literals);
    touch.click = read_text(r, literals);

    return touch;
}


static bool
touches_equal(const onsite_touch_t *a, const onsite_touch_t *b)
{
    return a->time == b->time && onsite_str_eq(a->source, b->source)
           && onsite_str_eq(a->medium, b->medium)
           && onsite_str_eq(a->campaign, b->campaign)
           && onsite_str_eq(a->referrer, b->referrer)
           && onsite_str_eq(a->click, b->click);
}


uint32_t
record_origin_entries(const onsite_visitor_t *v)
{
    return v->n_touches + (v->first_touch.time != 0);
}


/* Left out are the last touches, oldest first, then the first one. */

void
record_write_origin(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from)
{
    uint32_t    i, n, has_first, shared;
    literals_t  literals;

    literals.n = 0;
    n = record_origin_entries(v) - from;

    if (n == 0) {
        onsite_write_array(w, 0);
        return;
    }

    has_first = v->first_touch.time != 0;
    shared = has_first && from == 0 && v->n_touches != 0
             && touches_equal(&v->first_touch, &v->touches[0]);

    onsite_write_array(w, 1 + (n - shared) * TOUCH_ITEMS);
    onsite_write_long(w, (has_first ? ORIGIN_FIRST : 0)
                         | (shared ? ORIGIN_SHARED : 0));

    if (has_first) {
        write_touch(w, &literals, v->last_seen, &v->first_touch);
    }

    for (i = from + shared; i < v->n_touches; i++) {
        write_touch(w, &literals, v->last_seen, &v->touches[i]);
    }
}


static void
keep_touch(onsite_visitor_t *v, onsite_touch_t touch)
{
    if (v->n_touches == ONSITE_TOUCHES_MAX) {
        v->n_touches--;
        memmove(&v->touches[0], &v->touches[1],
                v->n_touches * sizeof(onsite_touch_t));
    }

    v->touches[v->n_touches++] = touch;
}


void
record_read_origin(onsite_reader_t *r, onsite_visitor_t *v)
{
    uint32_t        n, has;
    literals_t      literals;
    onsite_touch_t  touch;

    literals.n = 0;
    n = onsite_read_array(r);

    if (n == 0) {
        return;
    }

    has = onsite_read_u32(r);

    if (n % TOUCH_ITEMS != 1 || ((has & ORIGIN_FIRST) && n == 1)) {
        r->bad = true;
        return;
    }

    for (n /= TOUCH_ITEMS; n != 0 && !r->bad; n--) {
        touch = read_touch(r, &literals, v->last_seen);

        if (has & ORIGIN_FIRST) {
            v->first_touch = touch;

            if (has & ORIGIN_SHARED) {
                keep_touch(v, touch);
            }

            has = 0;

        } else {
            keep_touch(v, touch);
        }
    }
}


/* Whether fewer than `from` are weaker: of equal ones the later counts as
 * weaker. */

static bool
is_kept(const onsite_visitor_t *v, uint32_t at, uint32_t from)
{
    float     score = v->affinities[at].score;
    uint32_t  i, weaker;

    for (i = 0, weaker = 0; i < v->n_affinities; i++) {
        weaker += v->affinities[i].score < score
                  || (v->affinities[i].score == score && i > at);
    }

    return weaker >= from;
}


/* The weakest are left out; what is written is one list an attribute. */

void
record_write_affinities(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from)
{
    uint32_t                  i, k, n, attributes;
    const onsite_affinity_t  *kept[ONSITE_AFFINITIES_MAX];

    for (i = 0, n = 0, attributes = 0; i < v->n_affinities; i++) {
        if (from == 0 || is_kept(v, i, from)) {
            kept[n] = &v->affinities[i];
            attributes += n == 0
                          || kept[n - 1]->attribute != kept[n]->attribute;
            n++;
        }
    }

    if (n == 0) {
        onsite_write_array(w, 0);
        return;
    }

    onsite_write_array(w, 1 + 2 * attributes);
    record_write_time(w, v->last_seen, v->affinity_at);

    for (i = 0; i < n; i = k) {
        for (k = i; k < n && kept[k]->attribute == kept[i]->attribute; k++) {
        }

        onsite_write_long(w, kept[i]->attribute);
        onsite_write_array(w, 2 * (k - i));

        for (k = i; k < n && kept[k]->attribute == kept[i]->attribute; k++) {
            onsite_write_str(w, kept[k]->value);
            onsite_write_float(w, kept[k]->score);
        }
    }
}


static void
read_affinity(onsite_reader_t *r, onsite_visitor_t *v, uint32_t attribute)
{
    onsite_affinity_t  affinity;

    affinity.attribute = attribute;
    affinity.value = onsite_read_str(r);
    affinity.score = (float) onsite_read_double(r);

    if (affinity.value.len > ONSITE_AFFINITY_VALUE_MAX
        || !(affinity.score > 0) || isinf(affinity.score))
    {
        r->bad = true;

    } else if (v->n_affinities < ONSITE_AFFINITIES_MAX) {
        v->affinities[v->n_affinities++] = affinity;
    }
}


void
record_read_affinities(onsite_reader_t *r, onsite_visitor_t *v)
{
    uint32_t  n, items, attribute;

    n = onsite_read_array(r);

    if (n == 0) {
        return;
    }

    if (n % 2 != 1) {
        r->bad = true;
        return;
    }

    v->affinity_at = record_read_time(r, v->last_seen);

    for (n /= 2; n != 0 && !r->bad; n--) {
        attribute = onsite_read_u32(r);
        items = onsite_read_array(r);

        if (items % 2 != 0) {
            r->bad = true;
        }

        for (items /= 2; items != 0 && !r->bad; items--) {
            read_affinity(r, v, attribute);
        }
    }
}


void
record_write_standings(onsite_writer_t *w, const onsite_visitor_t *v,
    uint32_t from)
{
    uint32_t                  i;
    const onsite_standing_t  *s;

    onsite_write_array(w, (v->n_standings - from) * STANDING_ITEMS);

    for (i = from; i < v->n_standings; i++) {
        s = &v->standings[i];
        onsite_write_long(w, s->machine);
        onsite_write_long(w, s->state);
        onsite_write_long(w, i == from
                             ? record_distance(v->last_seen, s->since)
                             : record_distance(s->since, s[-1].since));
    }
}


/* Each time leads to the next, so all are read; the last ones are kept. */

void
record_read_standings(onsite_reader_t *r, onsite_visitor_t *v)
{
    uint32_t           i, n;
    onsite_standing_t  s;

    n = onsite_read_array(r);

    if (n % STANDING_ITEMS != 0) {
        r->bad = true;
        return;
    }

    n /= STANDING_ITEMS;
    s.since = 0;

    for (i = 0; i < n && !r->bad; i++) {
        s.machine = onsite_read_u32(r);
        s.state = onsite_read_u32(r);
        s.since = i == 0 ? record_distance(v->last_seen, onsite_read_long(r))
                  : record_sum(s.since, onsite_read_long(r));

        if (v->n_standings == ONSITE_STANDINGS_MAX) {
            v->n_standings--;
            memmove(&v->standings[0], &v->standings[1],
                    v->n_standings * sizeof(onsite_standing_t));
        }

        v->standings[v->n_standings++] = s;
    }
}


bool
record_has_customer(const onsite_visitor_t *v)
{
    return v->user_id.len != 0
           || (v->traits.type == ONSITE_OBJECT && v->traits.len != 0);
}


/* Over its bound an object is left out, as is what is none. */

static void
write_traits(onsite_writer_t *w, const onsite_value_t *traits)
{
    uint8_t          bytes[ONSITE_TRAITS_BYTES_MAX];
    onsite_writer_t  part = { bytes, 0, sizeof(bytes) };

    if (traits->type == ONSITE_OBJECT && traits->len != 0) {
        onsite_write_value(&part, traits);
    }

    if (part.len == 0 || part.len > part.capacity) {
        onsite_write_nil(w);

    } else {
        onsite_write_bytes(w, bytes, part.len);
    }
}


void
record_write_customer(onsite_writer_t *w, const onsite_visitor_t *v)
{
    if (!record_has_customer(v)) {
        onsite_write_array(w, 0);
        return;
    }

    onsite_write_array(w, CUSTOMER_ITEMS);
    onsite_write_str(w, v->user_id);
    write_traits(w, &v->traits);
}


/* A scalar of the JSON model. */

static onsite_value_t
read_scalar(onsite_reader_t *r)
{
    bool  b;

    if (onsite_next_is_str(r)) {
        return onsite_value_string(onsite_read_str(r));
    }

    if (onsite_read_boolean(r, &b)) {
        return onsite_value_bool(b);
    }

    return onsite_value_number(onsite_read_double(r));
}


/* Without msgpack-c, which allocates: a customer's record is read with every
 * event. */

static onsite_status_t
read_traits(onsite_reader_t *r, onsite_arena_t *arena, onsite_value_t *traits)
{
    uint32_t          i, n;
    onsite_reader_t   from;
    onsite_member_t  *members;
    onsite_str_t      bytes;

    from = *r;
    bytes = onsite_read_skip(r, 1);

    if (r->bad || bytes.len > ONSITE_TRAITS_BYTES_MAX) {
        return ONSITE_CORRUPT;
    }

    n = onsite_read_map(&from);

    if (from.bad) {
        return ONSITE_CORRUPT;
    }

    if (arena == NULL || n == 0) {
        return ONSITE_OK;
    }

    members = onsite_arena_alloc(arena, n * sizeof(onsite_member_t));
    if (members == NULL) {
        return ONSITE_NO_MEMORY;
    }

    for (i = 0; i < n; i++) {
        members[i].key = onsite_read_str(&from);
        members[i].value = read_scalar(&from);
    }

    *traits = (onsite_value_t) { .type = ONSITE_OBJECT, .len = n,
                                 .as.members = members };

    return from.bad ? ONSITE_CORRUPT : ONSITE_OK;
}


onsite_status_t
record_read_customer(onsite_reader_t *r, onsite_arena_t *arena,
    onsite_visitor_t *v)
{
    uint32_t         n;
    onsite_status_t  status;

    n = onsite_read_array(r);

    if (n == 0) {
        return r->bad ? ONSITE_CORRUPT : ONSITE_OK;
    }

    v->user_id = onsite_read_str(r);

    if (n < CUSTOMER_ITEMS || v->user_id.len > ONSITE_USER_ID_MAX) {
        return ONSITE_CORRUPT;
    }

    if (!onsite_read_nil(r)) {
        status = read_traits(r, arena, &v->traits);

        if (status != ONSITE_OK) {
            return status;
        }
    }

    (void) onsite_read_skip(r, n - CUSTOMER_ITEMS);

    return r->bad ? ONSITE_CORRUPT : ONSITE_OK;
}
