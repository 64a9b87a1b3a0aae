/*
 * ngx_http_onsite_roam.c - which records roam (onsite_roaming): in the
 * transaction that stores one it is noted that other machines should have it,
 * and that they may have more of a visitor whom this one meets for the first
 * time.  The sidecar does the rest; no request waits for it.
 *
 * What does not roam: what is remembered for a session only, and records under
 * an anonymousId, for which nobody comes back with a cookie of ours.
 */

#include "ngx_http_onsite_apply.h"


/* An error of the store ends the transaction: its commit tells. */

void
ngx_http_onsite_roam(onsite_txn_t *txn, onsite_roam_t kind,
    const onsite_key_t *key, onsite_ms_t now)
{
    if (!ngx_http_onsite_worker.roams
        || onsite_txn_roam_add(txn, kind, key, now) != ONSITE_FULL)
    {
        return;
    }

    ngx_http_onsite_count(roam_refused);
    ngx_http_onsite_log(ngx_cycle->log, NGX_HTTP_ONSITE_LOG_ROAM, NGX_LOG_ERR,
                        "what roams has its share of the state already: a "
                        "visitor's record stays here until it is stored "
                        "anew; run \"lmdb-loader roam\", or raise the size "
                        "of onsite_state");
}


static ngx_uint_t
is_cookie(run_t *run, const onsite_key_t *key)
{
    return run->ctx->who.cookie_id.len != 0
           && ngx_http_onsite_same_key(key, &run->ctx->who.cookie_key);
}


void
ngx_http_onsite_roam_unseen(run_t *run)
{
    run->unseen = 1;
    run->newcomer |= run->brought && is_cookie(run, &run->key);
}


/*
 * A record made just now, of whom a cookie that we signed says that there may
 * be more elsewhere, or of a customer, when nothing has joined it that may be
 * there, too.
 */

static ngx_uint_t
is_wanted(run_t *run)
{
    if (!run->unseen) {
        return 0;
    }

    return (run->brought && is_cookie(run, &run->key))
           || (ngx_http_onsite_worker.visitor->verified
               && (run->newcomer || run->bare));
}


void
ngx_http_onsite_roam_visitor(run_t *run)
{
    ngx_uint_t  brief;

    brief = ngx_http_onsite_brief(run);

    if (run->lone || (brief && !run->retracts)) {
        return;
    }

    if (!brief && is_wanted(run)) {
        ngx_http_onsite_count(roam_wanted);
        ngx_http_onsite_roam(run->txn, ONSITE_ROAM_WANTED, &run->key,
                             run->ctx->now);
    }

    ngx_http_onsite_roam(run->txn, ONSITE_ROAM_CHANGED, &run->key,
                         run->ctx->now);
}


void
ngx_http_onsite_roam_item(run_t *run, const item_t *item)
{
    onsite_visitor_t  *visitor;
    const subject_t   *subject;

    visitor = ngx_http_onsite_worker.visitor;
    subject = item->subject;

    run->lone = subject->by_id && !visitor->verified
                && ngx_http_onsite_same_key(&subject->start, &run->key);
    run->bare = item->user.len != 0 && !subject->by_id && !subject->cookie;
    run->retracts = ngx_http_onsite_brief(run) && !visitor->session_only
                    && visitor->last_seen != 0;
}


void
ngx_http_onsite_roam_link(run_t *run, const onsite_key_t *key)
{
    if (is_cookie(run, key) && !ngx_http_onsite_brief(run)) {
        ngx_http_onsite_roam(run->txn, ONSITE_ROAM_CHANGED, key,
                             run->ctx->now);
    }
}
