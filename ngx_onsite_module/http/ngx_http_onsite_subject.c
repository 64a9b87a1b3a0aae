/*
 * ngx_http_onsite_subject.c - whom each event is about, and which ids it links.
 *
 * A subject is whom events are about: the cookie's visitor, where the request
 * brought a cookie, else the one of the event's anonymousId, else of a new
 * cookie, or, where a trusted server names a customer only, that customer.
 * Its record may be a link, which is followed.
 *
 * A request that brings both an id and a cookie links them: the id leads to the
 * cookie's record from then on.  A link never comes to name another because of
 * an id alone: another cookie that comes with this id stays who it is, a
 * request without a cookie follows the link.  A cookie that is made for an
 * event of a batch links no other event's id.
 *
 * An event that is proven to be a customer's is about the customer's record;
 * the subject's becomes a link to it, and what it held joins.  Where the
 * subject was linked to another customer it leads to this one from then on, and
 * nothing joins.  Only the subject's own record is linked so, not one that an
 * id led to; a trusted server may link both.
 */

#include "ngx_http_onsite_apply.h"


/* By subject, the last event's last, then in the order of the events. */

static int
compare_items(const void *a, const void *b)
{
    int            rc;
    const item_t  *x, *y;

    x = a;
    y = b;

    if (x->last != y->last) {
        return (int) x->last - (int) y->last;
    }

    rc = ngx_memcmp(x->subject->start.bytes, y->subject->start.bytes,
                    sizeof(onsite_key_t));

    return rc != 0 ? rc : (x->index > y->index) - (x->index < y->index);
}


/* Without a cookie each event has a subject of its own, and those of one
 * subject shall lie together. */

static void
sort_items(run_t *run)
{
    item_t              *items;
    ngx_uint_t           i, n;
    const onsite_key_t  *last;

    n = run->apply->n;
    items = run->items;
    last = &items[n - 1].subject->start;

    for (i = 0; i < n; i++) {
        items[i].last = ngx_http_onsite_same_key(&items[i].subject->start,
                                                 last);
    }

    qsort(items, n, sizeof(item_t), compare_items);

    for (i = 1; i < n; i++) {
        if (ngx_http_onsite_same_key(&items[i].subject->start,
                                     &items[i - 1].subject->start))
        {
            items[i].subject = items[i - 1].subject;
        }
    }
}


static ngx_int_t
link_first(run_t *run, char kind, onsite_str_t id, const onsite_key_t *wanted,
    link_t **made)
{
    link_t        *link;
    onsite_key_t   alias, target;

    alias = onsite_visitor_key(ngx_http_onsite_worker.signer,
                               run->ctx->who.site, kind, id);

    if (made == NULL && ngx_http_onsite_link_rests(run, &alias, &target)) {
        return NGX_OK;
    }

    link = ngx_http_onsite_link_new(run, &alias, wanted);
    if (link == NULL) {
        return NGX_ERROR;
    }

    link->first = 1;

    if (made != NULL) {
        *made = link;

    } else {
        link->lifts = 1;
    }

    return NGX_OK;
}


/*
 * previousId is an anonymousId, or an old user id.  Who is not a trusted server
 * can only take along an id that is nobody's yet.
 */

static ngx_int_t
take_alias(run_t *run, const item_t *item, const onsite_event_t *event)
{
    link_t              *link;
    const onsite_key_t  *wanted;

    wanted = item->user.len != 0 ? &item->customer : &item->subject->start;

    if (link_first(run, 'a', event->previous_id, wanted, &link) != NGX_OK) {
        return NGX_ERROR;
    }

    link->existing = 1;
    link->user = item->user;

    if (item->user.len == 0 || !run->ctx->trusted) {
        return NGX_OK;
    }

    link->relinks = 1;

    if (link_first(run, 'u', event->previous_id, wanted, &link) != NGX_OK) {
        return NGX_ERROR;
    }

    link->existing = 1;
    link->relinks = 1;
    link->customer = 1;
    link->user = item->user;

    return NGX_OK;
}


static void
name_customer(run_t *run, item_t *item, onsite_event_t *event)
{
    onsite_str_t  user;

    user = ngx_http_onsite_customer(run->r, run->ctx, event);

    if (user.len == 0) {
        return;
    }

    item->user = user;

    if (item->index != 0 && onsite_str_eq(item[-1].user, user)) {
        item->customer = item[-1].customer;

    } else {
        item->customer = onsite_visitor_key(ngx_http_onsite_worker.signer,
                                            run->ctx->who.site, 'u', user);
    }
}


/* An id that another's cookie holds leads to the cookie that is made. */

static ngx_int_t
make_cookie(run_t *run)
{
    link_t                 *link;
    ngx_http_onsite_who_t  *who;

    who = &run->ctx->who;

    if (who->cookie_id.len == 0
        && ngx_http_onsite_new_cookie(run->r, run->ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (who->adopted.len == 0 || run->adopts) {
        return NGX_OK;
    }

    run->adopts = 1;

    return link_first(run, 'a', who->adopted, &who->cookie_key, &link);
}


/* The cookie that came with the request is whom all of it is about. */

static ngx_int_t
name_brought(run_t *run, item_t *item, subject_t *subject,
    onsite_event_t *event)
{
    onsite_key_t           target;
    ngx_http_onsite_who_t  *who;

    who = &run->ctx->who;

    if (item->index != 0) {
        item->subject = item[-1].subject;

    } else {
        item->subject = subject;
        subject->start = who->cookie_key;
        subject->at = who->cookie_key;
        subject->cookie = 1;

        if (item->user.len != 0
            && ngx_http_onsite_link_rests(run, &who->cookie_key, &target))
        {
            subject->via = who->cookie_key;
            subject->linked = 1;
            subject->at = target;
        }
    }

    if (event->anonymous_id.len == 0
        || (item->index != 0
            && onsite_str_eq(event->anonymous_id, event[-1].anonymous_id)))
    {
        return NGX_OK;
    }

    return link_first(run, 'a', event->anonymous_id, &who->cookie_key, NULL);
}


static ngx_int_t
name_subject(run_t *run, item_t *item, subject_t *subject,
    onsite_event_t *event)
{
    item->subject = subject;

    if (event->anonymous_id.len != 0) {
        subject->by_id = 1;

        if (item->index != 0
            && onsite_str_eq(event->anonymous_id, event[-1].anonymous_id))
        {
            subject->start = item[-1].subject->start;

        } else {
            subject->start = onsite_visitor_key(ngx_http_onsite_worker.signer,
                                                run->ctx->who.site, 'a',
                                                event->anonymous_id);
        }

    } else if (item->user.len != 0 && run->ctx->trusted) {
        subject->start = item->customer;

    } else {
        if (make_cookie(run) != NGX_OK) {
            return NGX_ERROR;
        }

        subject->start = run->ctx->who.cookie_key;
        subject->cookie = 1;
    }

    subject->at = subject->start;

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_subjects(run_t *run)
{
    item_t           *item;
    ngx_int_t         rc;
    ngx_uint_t        i, n;
    subject_t        *subjects;
    onsite_event_t   *event;
    onsite_arena_t   *arena;

    n = run->apply->n;
    arena = ngx_http_onsite_worker.arena;
    run->left = n;
    run->brought = run->ctx->who.cookie_id.len != 0 && !run->ctx->who.fresh;

    run->items = onsite_arena_zalloc(arena, n * sizeof(item_t));
    subjects = onsite_arena_zalloc(arena, (run->brought ? 1 : n)
                                          * sizeof(subject_t));
    if (run->items == NULL || subjects == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        item = &run->items[i];
        event = &run->apply->events[i];
        item->index = (uint32_t) i;

        name_customer(run, item, event);

        rc = run->brought ? name_brought(run, item, subjects, event)
                          : name_subject(run, item, &subjects[i], event);

        if (rc == NGX_OK && event->previous_id.len != 0) {
            rc = take_alias(run, item, event);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (n > 1 && !run->brought) {
        sort_items(run);
    }

    return NGX_OK;
}
