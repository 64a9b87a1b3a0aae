/*
 * onsite_origin.c - where visits come from.
 */

#include "onsite_origin.h"

#include "onsite_query.h"
#include "onsite_vocabulary.h"

#define ARGS_MAX        4096            /* bytes of a query looked at       */
#define KEY_MAX         12              /* the longest one below            */
#define HOST_MAX        253             /* RFC 1035, 2.3.4                  */

/* A click id says who brought the visit.  fbclid is on every link that leaves
 * Facebook, paid for or not; the others are on ads alone. */

static const struct {
    const char  *key;
    const char  *source;
    const char  *medium;
} clicks[] = {
    { "gclid", "google", "cpc" },
    { "gbraid", "google", "cpc" },
    { "wbraid", "google", "cpc" },
    { "dclid", "google", "cpc" },
    { "msclkid", "bing", "cpc" },
    { "yclid", "yandex", "cpc" },
    { "ttclid", "tiktok", "paid" },
    { "twclid", "twitter", "paid" },
    { "li_fat_id", "linkedin", "paid" },
    { "rdt_cid", "reddit", "paid" },
    { "ScCid", "snapchat", "paid" },
    { "fbclid", "facebook", "social" },
};

#define N_CLICKS  (sizeof(clicks) / sizeof(clicks[0]))

/* What a query says, as it came. */

typedef struct {
    onsite_str_t  source;
    onsite_str_t  medium;
    onsite_str_t  campaign;
    size_t        click;                /* N_CLICKS: none                   */
} query_t;


static bool
says_something(const query_t *query)
{
    return query->source.len != 0 || query->medium.len != 0
           || query->campaign.len != 0 || query->click < N_CLICKS;
}


/* Of a key that comes twice the first counts. */

static void
read_pair(query_t *query, onsite_str_t key, onsite_str_t value)
{
    size_t         i;
    onsite_str_t  *to;

    if (key.len > KEY_MAX || value.len == 0) {
        return;
    }

    to = onsite_str_is(key, "utm_source") ? &query->source
         : onsite_str_is(key, "utm_medium") ? &query->medium
         : onsite_str_is(key, "utm_campaign") ? &query->campaign : NULL;

    if (to != NULL) {
        if (to->len == 0) {
            *to = value;
        }

        return;
    }

    for (i = 0; i < query->click; i++) {
        if (onsite_str_is(key, clicks[i].key)) {
            query->click = i;
            break;
        }
    }
}


static void
read_query(onsite_str_t args, query_t *query)
{
    onsite_str_t  key, value;

    *query = (query_t) { .click = N_CLICKS };

    args.len = args.len < ARGS_MAX ? args.len : ARGS_MAX;

    while (onsite_query_next(&args, &key, &value)) {
        read_pair(query, key, value);
    }
}


static onsite_str_t
bounded(onsite_str_t s)
{
    if (s.len > ONSITE_TOUCH_TEXT_MAX) {
        s.len = ONSITE_TOUCH_TEXT_MAX;

        while (s.len != 0 && ((unsigned char) s.data[s.len] & 0xc0) == 0x80) {
            s.len--;
        }
    }

    return s;
}


static onsite_str_t
trimmed(onsite_str_t s)
{
    while (s.len != 0 && (unsigned char) s.data[0] <= ' ') {
        s = onsite_str(s.data + 1, s.len - 1);
    }

    while (s.len != 0 && (unsigned char) s.data[s.len - 1] <= ' ') {
        s.len--;
    }

    return s;
}


/* The text of a raw value: decoded, valid UTF-8, without control bytes. */

static onsite_str_t
decoded(onsite_arena_t *arena, onsite_str_t raw)
{
    char          *p;
    size_t         i, len;
    onsite_str_t   s;

    p = raw.len != 0 ? onsite_arena_alloc(arena, raw.len) : NULL;

    if (p == NULL) {
        return onsite_str(NULL, 0);
    }

    memcpy(p, raw.data, raw.len);
    len = onsite_query_unescape(p, raw.len);

    for (i = 0; i < len; i++) {
        p[i] = (unsigned char) p[i] < ' ' || p[i] == 0x7f ? ' ' : p[i];
    }

    s = onsite_utf8_repair(arena, onsite_str(p, len));

    return s.data != NULL ? trimmed(bounded(trimmed(s))) : s;
}


/* Where one of three bytes is first, or the length. */

static size_t
find_any(onsite_str_t s, char a, char b, char c)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] == a || s.data[i] == b || s.data[i] == c) {
            break;
        }
    }

    return i;
}


/* A host name in lower case, without port, user and final dot; empty when it
 * is none. */

static onsite_str_t
host_name(onsite_arena_t *arena, onsite_str_t host)
{
    char    *p, c;
    size_t   i, at;

    at = find_any(host, '@', '@', '@');

    if (at < host.len) {
        host = onsite_str(host.data + at + 1, host.len - at - 1);
    }

    host.len = find_any(host, ':', ':', ':');

    while (host.len != 0 && host.data[host.len - 1] == '.') {
        host.len--;
    }

    if (host.len == 0 || host.len > HOST_MAX
        || (p = onsite_arena_alloc(arena, host.len)) == NULL)
    {
        return onsite_str(NULL, 0);
    }

    for (i = 0; i < host.len; i++) {
        c = host.data[i];
        c = c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'
              || c == '.' || c == '_'))
        {
            return onsite_str(NULL, 0);
        }

        p[i] = c;
    }

    return onsite_str(p, host.len);
}


static onsite_str_t
referrer_host(onsite_arena_t *arena, onsite_str_t url)
{
    char  *colon;

    colon = url.len != 0 ? memmem(url.data, url.len, "://", 3) : NULL;

    if (colon == NULL) {
        return onsite_str(NULL, 0);
    }

    url = onsite_str(colon + 3, url.len - (size_t) (colon + 3 - url.data));
    url.len = find_any(url, '/', '?', '#');

    return host_name(arena, url);
}


static onsite_str_t
without_www(onsite_str_t host)
{
    return host.len > 4 && memcmp(host.data, "www.", 4) == 0
           ? onsite_str(host.data + 4, host.len - 4) : host;
}


/* Whether host is other, or lies below it. */

static bool
is_below(onsite_str_t host, onsite_str_t other)
{
    size_t  front;

    if (host.len < other.len || other.len == 0) {
        return false;
    }

    front = host.len - other.len;

    return memcmp(host.data + front, other.data, other.len) == 0
           && (front == 0 || host.data[front - 1] == '.');
}


static bool
is_internal(onsite_arena_t *arena, onsite_str_t referrer, onsite_str_t page)
{
    page = without_www(host_name(arena, page));
    referrer = without_www(referrer);

    return is_below(referrer, page) || is_below(page, referrer);
}


/* A host's own name, when too long for a touch, loses its front. */

static onsite_str_t
bounded_host(onsite_str_t host)
{
    return host.len <= ONSITE_TOUCH_TEXT_MAX ? host
           : onsite_str(host.data + host.len - ONSITE_TOUCH_TEXT_MAX,
                        ONSITE_TOUCH_TEXT_MAX);
}


static void
fill(onsite_touch_t *touch, onsite_str_t source, onsite_str_t medium)
{
    if (touch->source.len == 0 && touch->medium.len == 0) {
        touch->source = source;
        touch->medium = medium;

    } else if (touch->source.len == 0) {
        touch->source = source;

    } else if (touch->medium.len == 0
               && onsite_str_eq(touch->source, source))
    {
        touch->medium = medium;
    }
}


static void
read_touch(onsite_arena_t *arena, const onsite_facts_t *facts,
    const query_t *query, onsite_ms_t time, onsite_touch_t *touch)
{
    onsite_str_t  host, source, medium;

    *touch = (onsite_touch_t) {
        .time = time,
        .source = decoded(arena, query->source),
        .medium = decoded(arena, query->medium),
        .campaign = decoded(arena, query->campaign)
    };

    if (query->click < N_CLICKS) {
        touch->click = onsite_str_of(clicks[query->click].key);
        fill(touch, onsite_str_of(clicks[query->click].source),
             onsite_str_of(clicks[query->click].medium));
    }

    host = referrer_host(arena, facts->referrer);

    if (host.len != 0 && !is_internal(arena, host, facts->host)) {
        touch->referrer = bounded_host(host);
        onsite_origin_host(host, &source, &medium);
        fill(touch, bounded_host(source), medium);
    }

    if (touch->source.len == 0 && touch->medium.len == 0
        && touch->campaign.len == 0)
    {
        touch->source = ONSITE_STR("direct");
        touch->medium = ONSITE_STR("none");
    }
}


void
onsite_origin_read(onsite_arena_t *arena, const onsite_facts_t *facts,
    onsite_ms_t time, onsite_touch_t *touch)
{
    query_t  query;

    read_query(facts->args, &query);
    read_touch(arena, facts, &query, time, touch);
}


static bool
is_direct(const onsite_touch_t *touch)
{
    return onsite_str_is(touch->source, "direct")
           && onsite_str_is(touch->medium, "none");
}


static bool
is_same(const onsite_touch_t *a, const onsite_touch_t *b)
{
    return onsite_str_eq(a->source, b->source)
           && onsite_str_eq(a->medium, b->medium)
           && onsite_str_eq(a->campaign, b->campaign)
           && onsite_str_eq(a->click, b->click);
}


const onsite_touch_t *
onsite_origin_last(const onsite_visitor_t *visitor)
{
    return visitor->n_touches != 0
           ? &visitor->touches[visitor->n_touches - 1] : NULL;
}


/* Adds a last touch; the oldest over keep go. */

static void
add_touch(onsite_visitor_t *v, const onsite_touch_t *touch, uint32_t keep)
{
    uint32_t  gone;

    gone = v->n_touches + 1 > keep ? v->n_touches + 1 - keep : 0;

    if (gone != 0) {
        v->n_touches -= gone;
        memmove(&v->touches[0], &v->touches[gone],
                v->n_touches * sizeof(onsite_touch_t));
    }

    v->touches[v->n_touches++] = *touch;
}


void
onsite_origin_event(onsite_arena_t *arena, const onsite_facts_t *facts,
    onsite_visitor_t *visitor, const onsite_event_t *event, bool opened,
    uint32_t keep)
{
    bool            first;
    query_t         query;
    onsite_touch_t  touch;

    if (keep == 0 || facts == NULL || !event->live
        || onsite_vocabulary_id(event->name) != ONSITE_NAME_PAGE_VIEWED)
    {
        return;
    }

    first = visitor->first_touch.time == 0;

    if (!first && !opened && facts->args.len == 0) {
        return;
    }

    read_query(facts->args, &query);

    if (!first && !opened && !says_something(&query)) {
        return;
    }

    read_touch(arena, facts, &query, event->time, &touch);

    if (first) {
        visitor->first_touch = touch;
    }

    if (visitor->n_touches == 0
        || (!is_direct(&touch)
            && (opened || !is_same(&touch, onsite_origin_last(visitor)))))
    {
        add_touch(visitor, &touch, keep < ONSITE_TOUCHES_MAX
                                   ? keep : ONSITE_TOUCHES_MAX);
    }
}


/* By time; ties by whatever differs, so that the order is one. */

static int
compare(const onsite_touch_t *a, const onsite_touch_t *b)
{
    int                  order;
    size_t               i;
    const onsite_str_t  *texts[5][2] = {
        { &a->source, &b->source }, { &a->medium, &b->medium },
        { &a->campaign, &b->campaign }, { &a->referrer, &b->referrer },
        { &a->click, &b->click }
    };

    if (a->time != b->time) {
        return a->time < b->time ? -1 : 1;
    }

    for (i = 0, order = 0; i < 5 && order == 0; i++) {
        order = onsite_str_compare(*texts[i][0], *texts[i][1]);
    }

    return order;
}


/* Puts a touch where its time belongs, once; direct ones only in front, where
 * nothing came before. */

static uint32_t
insert(onsite_touch_t *list, uint32_t n, const onsite_touch_t *touch)
{
    uint32_t  i;

    for (i = n; i > 0 && compare(&list[i - 1], touch) > 0; i--) { /* void */ }

    if (i > 0 && compare(&list[i - 1], touch) == 0) {
        return n;
    }

    memmove(&list[i + 1], &list[i], (n - i) * sizeof(onsite_touch_t));
    list[i] = *touch;

    return n + 1;
}


/* A direct one stays where nothing came before it. */

static uint32_t
drop_direct(onsite_touch_t *list, uint32_t n)
{
    uint32_t  i, kept;

    for (i = 0, kept = 0; i < n; i++) {
        if (i == 0 || !is_direct(&list[i])) {
            list[kept++] = list[i];
        }
    }

    return kept;
}


static void
merge_first(onsite_visitor_t *visitor, const onsite_visitor_t *other)
{
    if (other->first_touch.time != 0
        && (visitor->first_touch.time == 0
            || compare(&other->first_touch, &visitor->first_touch) < 0))
    {
        visitor->first_touch = other->first_touch;
    }
}


void
onsite_origin_merge(onsite_visitor_t *visitor, const onsite_visitor_t *other)
{
    uint32_t        i, n, front;
    onsite_touch_t  list[2 * ONSITE_TOUCHES_MAX];

    merge_first(visitor, other);

    if (other->n_touches == 0) {
        return;
    }

    for (i = 0, n = 0; i < visitor->n_touches; i++) {
        n = insert(list, n, &visitor->touches[i]);
    }

    for (i = 0; i < other->n_touches; i++) {
        n = insert(list, n, &other->touches[i]);
    }

    n = drop_direct(list, n);
    front = n > ONSITE_TOUCHES_MAX ? n - ONSITE_TOUCHES_MAX : 0;

    visitor->n_touches = n - front;
    memcpy(visitor->touches, list + front,
           visitor->n_touches * sizeof(onsite_touch_t));
}
