/*
 * ngx_http_onsite_settle.c - what an event leaves to do in the transaction of
 * its visitor's record: deliveries into the outbox, the visitor's timer to
 * where it is due.
 *
 * A delivery that the outbox has no room for is lost, and counted: the event
 * counts more.  A timer that there is no room for is set by the visitor's next
 * event, or a later one.
 */

#include "ngx_http_onsite.h"


static void
refuse(const char *text)
{
    ngx_http_onsite_log(ngx_cycle->log, NGX_HTTP_ONSITE_LOG_OUTBOX,
                        NGX_LOG_ERR, text);
}


/* An error of the store ends the transaction: its commit tells. */

static void
add_entry(ngx_http_onsite_settle_t *settle,
    const onsite_outbox_entry_t *entry)
{
    uint64_t          seq;
    onsite_buf_t     *buf;
    onsite_status_t   status;

    buf = &ngx_http_onsite_worker.outbox;

    onsite_buf_clear(buf);
    onsite_outbox_encode(entry, buf);

    status = buf->failed ? ONSITE_LIMIT
             : onsite_txn_outbox_add(settle->txn,
                                     onsite_str(buf->data, buf->len), &seq);

    ngx_http_onsite_count_n(outbox_dropped,
                   onsite_store_events_lost(ngx_http_onsite_worker.store));

    if (status == ONSITE_FULL || status == ONSITE_LIMIT) {
        ngx_http_onsite_count(outbox_refused);
        refuse(status == ONSITE_FULL
               ? "the outbox has its share of the state already: a delivery "
                 "is lost; drain it, or raise the size of onsite_state"
               : "a delivery is too large for the outbox: it is lost");
    }
}


static void
take_choice(void *data, const onsite_image_t *image,
    const onsite_choice_t *choice, const onsite_event_t *event)
{
    bool                       brief;
    const onsite_counter_t    *counter;
    const onsite_visitor_t    *visitor;
    onsite_outbox_entry_t      entry;
    ngx_http_onsite_settle_t  *settle = data;

    visitor = settle->apply->visitor;

    if (settle->leaving != NULL && !choice->pending && !choice->armed) {
        ngx_http_onsite_choice_leaves(settle->leaving, settle->txn,
                                      &settle->key, visitor, image, choice,
                                      event);
    }

    if (!onsite_choice_leaves(choice) || choice->pending) {
        return;
    }

    counter = onsite_visitor_counter(visitor, event->name);

    /* of who consented to the session only, nobody is told who it was */

    brief = visitor->session_only;

    onsite_outbox_delivery(image, choice, event, &settle->key,
                           brief ? onsite_str(NULL, 0) : visitor->user_id,
                           !brief && visitor->verified
                           && !settle->apply->closed,
                           counter != NULL ? counter->total : 0, &entry);
    entry.brief = brief;
    add_entry(settle, &entry);
}


void
ngx_http_onsite_settle_begin(ngx_http_onsite_settle_t *settle,
    onsite_txn_t *txn, const onsite_key_t *key, onsite_apply_t *apply)
{
    settle->txn = txn;
    settle->key = *key;
    settle->apply = apply;
    settle->leaving = NULL;

    apply->listener.choice = take_choice;
    apply->listener.data = settle;
}


/* A timer of a visitor that is due later stays: it wakes in vain, and is moved
 * then. */

static void
wake_by(onsite_txn_t *txn, const onsite_key_t *key,
    onsite_visitor_t *visitor, onsite_ms_t due)
{
    if (due != 0 && (visitor->wake == 0 || due < visitor->wake)) {
        ngx_http_onsite_wake_at(txn, key, visitor, due);
    }
}


/* What was late has fired with the event.  An entry that should have woken the
 * visitor long ago may be lost, and is made anew. */

void
ngx_http_onsite_settle(ngx_http_onsite_settle_t *settle)
{
    onsite_apply_t    *apply;
    onsite_visitor_t  *visitor;

    apply = settle->apply;
    visitor = apply->visitor;

    if (visitor->wake != 0 && visitor->wake < apply->now - ONSITE_MINUTE
        && apply->site != NULL)
    {
        ngx_http_onsite_wake_at(settle->txn, &settle->key, visitor,
                                onsite_due(apply->site, visitor));
        return;
    }

    wake_by(settle->txn, &settle->key, visitor, apply->due);
}


void
ngx_http_onsite_settle_merged(onsite_txn_t *txn, const onsite_key_t *key,
    const onsite_site_t *site, onsite_visitor_t *visitor)
{
    wake_by(txn, key, visitor, onsite_due(site, visitor));
}


void
ngx_http_onsite_wake_at(onsite_txn_t *txn, const onsite_key_t *key,
    onsite_visitor_t *visitor, onsite_ms_t due)
{
    onsite_status_t  status;

    status = onsite_txn_timer_move(txn, key, visitor->wake, due);

    if (status == ONSITE_OK) {
        visitor->wake = due;

    } else if (status == ONSITE_FULL) {
        ngx_http_onsite_count(timers_refused);
        refuse("timers have their share of the state already: a visitor's is "
               "not set; raise the size of onsite_state");
    }
}
