/*
 * ngx_http_onsite_resolve.c - whose record an event is about, and the order in
 * which shards and events have their turns.
 *
 * Links are made first (link.c), one transaction a shard, then events apply,
 * one transaction a shard and round.  The events of one subject apply in their
 * order.  The last event comes last, because the decision that is told is the
 * last event's.
 */

#include "ngx_http_onsite_apply.h"


static const onsite_key_t *
item_key(const item_t *item)
{
    return item->direct ? &item->customer : &item->subject->at;
}


static ngx_uint_t
is_cookie(run_t *run, const onsite_key_t *key)
{
    return run->ctx->who.cookie_id.len != 0
           && ngx_http_onsite_same_key(key, &run->ctx->who.cookie_key);
}


/* Late events do not bring the erased back: those of before, and for a day all
 * that come without a cookie. */

static ngx_uint_t
lifts(run_t *run, item_t *item)
{
    onsite_event_t  *event;

    event = &run->apply->events[item->index];

    if (event->time <= run->linked) {
        return 0;
    }

    return (item->subject->cookie && run->brought)
           || event->received - run->linked > ONSITE_DAY;
}


static void
drop(run_t *run, item_t *item)
{
    ngx_http_onsite_count(erased);

    /* a cookie that was erased is no consent */

    if (is_cookie(run, item_key(item))) {
        run->ctx->who.consent = NGX_HTTP_ONSITE_CONSENT_NONE;

        /* it should not have come any more */

        if (ngx_http_onsite_expire_cookie(run->r, run->ctx) == NGX_OK) {
            run->ctx->page.personal = 1;
        }
    }

    item->done = 1;
    run->left--;

    if (item->index == run->apply->n - 1) {
        run->dropped = 1;
        ngx_http_onsite_apply_event(run, item->index, onsite_str(NULL, 0),
                                    NULL);
    }
}


/* The id that buckets hash: the same on all devices of a customer. */

static onsite_str_t
bucket_id(run_t *run, const item_t *item, const onsite_visitor_t *visitor)
{
    if (visitor->verified) {
        return visitor->user_id;
    }

    return item->subject->by_id ? run->apply->events[item->index].anonymous_id
                                : run->ctx->who.cookie_id;
}


/* Who is not proven to be somebody else changes nothing of a customer. */

static void
settle_user(run_t *run, item_t *item, onsite_event_t *event,
    onsite_visitor_t *visitor)
{
    if (item->user.len != 0) {
        visitor->user_id = item->user;
        visitor->verified = true;
        visitor->identified = true;

    } else if (visitor->verified && event->user_id.len != 0
               && !onsite_str_eq(event->user_id, visitor->user_id))
    {
        event->traits.type = ONSITE_ABSENT;
    }

    if (visitor->verified && event->user_id.len != 0 && !run->closed) {
        event->user_id = visitor->user_id;
    }
}


/* What is a customer's is shut where nobody is logged in, and to who has no
 * more than an id that anybody may send. */

static ngx_uint_t
is_closed(run_t *run, const item_t *item)
{
    if (item->user.len != 0 || run->ctx->trusted) {
        return 0;
    }

    return run->ctx->who.anonymous || item->subject->by_id;
}


/* The event counts as nothing; its call succeeds. */

static ngx_uint_t
is_noise(run_t *run, const item_t *item, onsite_event_t *event,
    onsite_visitor_t *visitor)
{
    if (event->message_id.len != 0
        && onsite_visitor_message(visitor, event->message_id))
    {
        ngx_http_onsite_count(duplicates);
        return 1;
    }

    if (ngx_http_onsite_forged(run, item, event)) {
        ngx_http_onsite_count(forged);
        return 1;
    }

    if (event->skewed) {
        ngx_http_onsite_count(skewed);
    }

    return 0;
}


static void
finish_item(run_t *run, item_t *item)
{
    uint32_t                   visits;
    onsite_event_t            *event;
    onsite_visitor_t          *visitor;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    visitor = w->visitor;
    event = &run->apply->events[item->index];
    visits = visitor->visits;

    if (ngx_http_onsite_worker.roams) {
        ngx_http_onsite_roam_item(run, item);
    }

    visitor->session_only = ngx_http_onsite_brief(run);
    run->closed = is_closed(run, item);
    settle_user(run, item, event, visitor);

    if (is_noise(run, item, event, visitor)) {
        w->decision->n = 0;
        w->decision->reason = ONSITE_REASON_NONE;

    } else {
        if (item->subject->cookie) {
            ngx_http_onsite_adopted(run, visitor);
        }

        ngx_http_onsite_apply_event(run, item->index,
                                    bucket_id(run, item, visitor), visitor);
        run->applied++;
    }

    run->visit |= item->subject->cookie && visitor->visits != visits;
    item->done = 1;
    run->left--;
}


/* The subject's record is a link. */

static ngx_int_t
follow(run_t *run, item_t *item, const onsite_key_t *target)
{
    link_t     *link;
    subject_t  *subject;

    subject = item->subject;

    if (item->hops++ == NGX_HTTP_ONSITE_HOPS_MAX) {
        (void) onsite_error(&run->error, ONSITE_CORRUPT,
                            "visitor state: links lead in circles");
        return NGX_ERROR;
    }

    if (item->direct) {
        item->customer = *target;
        return NGX_OK;
    }

    if (run->carried.len != 0) {
        link = ngx_http_onsite_link_new(run, &subject->at, target);
        if (link == NULL) {
            return NGX_ERROR;
        }

        link->carried = run->carried;
        link->written = run->linked;
        link->lifts = subject->cookie && run->brought;
        link->state = LINK_JOIN;
        subject->link = link;

        return NGX_OK;
    }

    if (ngx_http_onsite_link_refresh(run, &subject->at, target) != NGX_OK) {
        return NGX_ERROR;
    }

    if (item->user.len != 0
        && ngx_http_onsite_same_key(&subject->at, &item->customer))
    {
        item->customer = *target;
    }

    subject->via = subject->at;
    subject->linked = 1;
    subject->at = *target;

    return NGX_OK;
}


/* The customer was erased, and this event brings nobody back. */

static ngx_uint_t
is_gone(run_t *run, item_t *item)
{
    bool                       brief;
    size_t                     size;
    onsite_key_t               link;
    onsite_record_kind_t       kind;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    if (onsite_store_get(w->store, &item->customer, run->ctx->now, w->record,
                         ONSITE_RECORD_BYTES_MAX, &size)
        != ONSITE_OK
        || onsite_visitor_decode(NULL, w->record, size, &kind, w->other,
                                 &link)
           != ONSITE_OK
        || kind != ONSITE_RECORD_TOMBSTONE)
    {
        return 0;
    }

    run->linked = onsite_record_last_seen(w->record, size, &brief);

    return !lifts(run, item);
}


/* The event is a customer's, and the record at hand is not. */

static ngx_int_t
claim(run_t *run, item_t *item)
{
    link_t              *link;
    subject_t           *subject;
    ngx_uint_t           another;
    const onsite_key_t  *alias;

    subject = item->subject;
    another = ngx_http_onsite_worker.visitor->verified;

    if (ngx_http_onsite_link_end(run, &item->customer) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_onsite_same_key(&subject->at, &item->customer)) {
        return NGX_OK;
    }

    alias = !another ? &subject->at
            : subject->linked ? &subject->via : NULL;

    if (alias == NULL
        || (!ngx_http_onsite_same_key(alias, &subject->start)
            && !run->ctx->trusted)
        || is_gone(run, item))
    {
        item->direct = 1;
        return NGX_OK;
    }

    link = ngx_http_onsite_link_new(run, alias, &item->customer);
    if (link == NULL) {
        return NGX_ERROR;
    }

    link->relinks = 1;
    link->user = item->user;
    link->lifts = subject->cookie && run->brought;
    subject->link = link;

    return NGX_OK;
}


/* Whether the link that the subject waited for is made: then it has led. */

static ngx_uint_t
is_led(subject_t *subject)
{
    link_t  *link;

    link = subject->link;

    if (link == NULL) {
        return 1;
    }

    if (link->state < LINK_SETTLE) {
        return 0;
    }

    subject->link = NULL;
    subject->via = link->alias;
    subject->linked = 1;
    subject->at = link->wanted;

    return 1;
}


/* One look at where the event is to apply.  NGX_AGAIN: look once more. */

static ngx_int_t
step_once(run_t *run, item_t *item)
{
    ngx_int_t             rc;
    onsite_key_t          key, link;
    onsite_record_kind_t  kind;

    if (!is_led(item->subject)) {
        if (ngx_http_onsite_link_shard(item->subject->link) != run->shard) {
            return NGX_OK;
        }

        rc = ngx_http_onsite_link_step(run, item->subject->link);
        return rc == NGX_OK ? NGX_AGAIN : NGX_ERROR;
    }

    key = *item_key(item);

    if (ngx_http_onsite_shard(&key) != run->shard) {
        return NGX_OK;
    }

    if (ngx_http_onsite_turn(run, &key) != NGX_OK
        || ngx_http_onsite_hold(run, &key, &kind, &link) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (kind == ONSITE_RECORD_LINK) {
        return follow(run, item, &link) == NGX_OK ? NGX_AGAIN : NGX_ERROR;
    }

    if (kind == ONSITE_RECORD_TOMBSTONE) {
        if (is_cookie(run, &key) || !lifts(run, item)) {
            drop(run, item);
            return NGX_OK;
        }

        ngx_http_onsite_hold_new(run, &key);
    }

    if (item->user.len != 0
        && !ngx_http_onsite_same_key(&key, &item->customer))
    {
        return claim(run, item) == NGX_OK ? NGX_AGAIN : NGX_ERROR;
    }

    finish_item(run, item);

    return NGX_OK;
}


/* Until the event is applied, or has to go on in another shard. */

static ngx_int_t
step(run_t *run, item_t *item)
{
    ngx_int_t  rc;

    do {
        rc = step_once(run, item);
    } while (rc == NGX_AGAIN);

    return rc;
}


static ngx_uint_t
is_linking(const run_t *run)
{
    link_t  *link;

    for (link = run->links; link != NULL; link = link->next) {
        if (link->first && link->state < LINK_SETTLE) {
            return 1;
        }
    }

    return 0;
}


/* Not its turn: links come first, and events of its subject before it. */

static ngx_uint_t
waits(run_t *run, const item_t *item)
{
    return item->done
           || (item != run->items && item[-1].subject == item->subject
               && !item[-1].done)
           || (item->index == run->apply->n - 1 && run->left > 1);
}


static uint32_t
item_shard(const item_t *item)
{
    link_t  *link;

    link = item->subject->link;

    return link != NULL && link->state < LINK_SETTLE
           ? ngx_http_onsite_link_shard(link)
           : ngx_http_onsite_shard(link != NULL && !item->direct
                                   ? &link->wanted : item_key(item));
}


static ngx_int_t
step_links(run_t *run, ngx_uint_t settle)
{
    link_t     *link;
    ngx_uint_t  mine;

    for (link = run->links; link != NULL; link = link->next) {

        mine = settle ? link->state == LINK_SETTLE
                      : link->first && link->state < LINK_SETTLE;

        if (mine && ngx_http_onsite_link_shard(link) == run->shard
            && ngx_http_onsite_link_step(run, link) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
step_items(run_t *run)
{
    item_t      *item;
    ngx_uint_t   i;

    if (is_linking(run)) {
        return NGX_OK;
    }

    for (i = 0; i < run->apply->n; i++) {
        item = &run->items[i];

        if (!waits(run, item) && item_shard(item) == run->shard
            && step(run, item) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
run_shard(run_t *run, uint32_t shard)
{
    run->shard = shard;
    run->held = 0;

    if (onsite_txn_begin(ngx_http_onsite_worker.store, shard, &run->txn,
                         &run->error)
        != ONSITE_OK)
    {
        return NGX_ERROR;
    }

    if (step_links(run, 0) != NGX_OK
        || step_items(run) != NGX_OK
        || step_links(run, 1) != NGX_OK
        || ngx_http_onsite_flush(run) != NGX_OK)
    {
        onsite_txn_abort(run->txn);
        return NGX_ERROR;
    }

    return onsite_txn_commit(run->txn, &run->error) == ONSITE_OK ? NGX_OK
                                                                 : NGX_ERROR;
}


/* Where there is something to do; NGX_DONE: nowhere. */

static ngx_int_t
next_shard(run_t *run, uint32_t *shard)
{
    link_t      *link;
    ngx_uint_t   i;

    for (link = run->links; link != NULL; link = link->next) {
        if (link->state < (run->left == 0 ? LINK_DONE : LINK_SETTLE)
            && (link->first || run->left == 0))
        {
            *shard = ngx_http_onsite_link_shard(link);
            return NGX_OK;
        }
    }

    for (i = 0; i < run->apply->n; i++) {
        if (!waits(run, &run->items[i])) {
            *shard = item_shard(&run->items[i]);
            return NGX_OK;
        }
    }

    return NGX_DONE;
}


/*
 * Once all events are applied, what links still carry has joined: that they
 * carry no more is left to the next one who meets them, if it fails now.
 */

static ngx_int_t
run_all(run_t *run)
{
    uint32_t    shard;
    ngx_uint_t  round, applied;

    for (round = 0; round < 16 + 8 * run->apply->n; round++) {

        if (next_shard(run, &shard) != NGX_OK) {
            break;
        }

        applied = (run->left == 0);

        if (run_shard(run, shard) != NGX_OK) {
            return applied ? NGX_OK : NGX_ERROR;
        }
    }

    return run->left == 0 ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_http_onsite_resolve(run_t *run)
{
    if (ngx_http_onsite_identify(run->r, run->ctx) != NGX_OK
        || ngx_http_onsite_subjects(run) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return run_all(run) == NGX_OK ? NGX_OK : NGX_BUSY;
}
