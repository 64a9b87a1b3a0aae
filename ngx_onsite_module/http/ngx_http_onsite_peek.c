/*
 * ngx_http_onsite_peek.c - the visitor as the next event would find it, read
 * outside of any transaction: what links carry, or would come to carry, is
 * taken as joined.
 */

#include "ngx_http_onsite_apply.h"


/* A record, in the arena, decoded into visitor; len 0: none of use. */

static onsite_str_t
read_record(run_t *run, const onsite_key_t *key, onsite_record_kind_t *kind,
    onsite_visitor_t *visitor, onsite_key_t *link)
{
    size_t                     size;
    onsite_str_t               record;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    *kind = ONSITE_RECORD_VISITOR;

    if (onsite_store_get(w->store, key, run->ctx->now, w->record,
                         ONSITE_RECORD_BYTES_MAX, &size)
        != ONSITE_OK)
    {
        return onsite_str(NULL, 0);
    }

    record = onsite_arena_copy(w->arena, onsite_str(w->record, size));

    if (record.data == NULL
        || onsite_visitor_decode(w->arena, record.data, record.len, kind,
                                 visitor, link)
           != ONSITE_OK)
    {
        *kind = ONSITE_RECORD_VISITOR;
        return onsite_str(NULL, 0);
    }

    return record;
}


static void
merge(run_t *run, onsite_str_t record)
{
    onsite_key_t                 unused;
    onsite_record_kind_t         kind;
    ngx_http_onsite_worker_t    *w;
    ngx_http_onsite_loc_conf_t  *olcf;

    w = &ngx_http_onsite_worker;
    olcf = ngx_http_get_module_loc_conf(run->r, ngx_http_onsite_module);

    if (record.len != 0
        && onsite_visitor_decode(w->arena, record.data, record.len, &kind,
                                 w->other, &unused)
           == ONSITE_OK
        && kind == ONSITE_RECORD_VISITOR)
    {
        ngx_http_onsite_align(run);
        onsite_visitor_merge(w->visitor, w->other,
                             (onsite_ms_t) olcf->session_timeout);
    }
}


/* What a link carries is the owner's, unless it joined already. */

static onsite_str_t
still_carried(const onsite_key_t *owner, const onsite_key_t *alias,
    onsite_str_t record)
{
    bool         brief;
    onsite_ms_t  since;

    if (onsite_store_identity_get(ngx_http_onsite_worker.store, owner, alias,
                                  &since)
        == ONSITE_OK
        && since == onsite_record_last_seen(record.data, record.len, &brief))
    {
        return onsite_str(NULL, 0);
    }

    return onsite_link_carried(record.data, record.len);
}


/* The visitor that run->key leads to, into worker.visitor; its record, or what
 * led there carries. */

static ngx_int_t
read_visitor(run_t *run, onsite_str_t *record, onsite_str_t *carried)
{
    ngx_uint_t                 hops;
    onsite_key_t               link;
    onsite_record_kind_t       kind;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    *carried = onsite_str(NULL, 0);

    for (hops = 0; hops < NGX_HTTP_ONSITE_HOPS_MAX; hops++) {

        *record = read_record(run, &run->key, &kind, w->visitor, &link);

        if (record->len == 0) {
            onsite_visitor_init(w->visitor);
        }

        if (kind == ONSITE_RECORD_TOMBSTONE) {
            return NGX_DECLINED;
        }

        if (kind == ONSITE_RECORD_VISITOR) {
            break;
        }

        if (onsite_link_carried(record->data, record->len).len != 0) {
            *carried = still_carried(&link, &run->key, *record);
        }

        run->key = link;
    }

    if (carried->len != 0) {
        merge(run, *carried);
    }

    return NGX_OK;
}


/* The cookie is new, and an id of another's may have been here before it. */

static void
read_adopted(run_t *run)
{
    onsite_key_t               key, link;
    onsite_record_kind_t       kind;
    ngx_http_onsite_who_t     *who;
    ngx_http_onsite_worker_t  *w;

    who = &run->ctx->who;
    w = &ngx_http_onsite_worker;

    if (who->adopted.len == 0) {
        return;
    }

    key = onsite_visitor_key(w->signer, who->site, 'a', who->adopted);

    if (read_record(run, &key, &kind, w->visitor, &link).len == 0
        || kind != ONSITE_RECORD_VISITOR)
    {
        onsite_visitor_init(w->visitor);
    }

    ngx_http_onsite_adopted(run, w->visitor);
}


/* The customer that is asserted, with what the cookie's record would bring. */

static ngx_int_t
read_customer(run_t *run, onsite_str_t record, onsite_str_t carried)
{
    ngx_int_t                  rc;
    ngx_uint_t                 another;
    onsite_key_t               key;
    onsite_str_t               unused, more;
    ngx_http_onsite_who_t     *who;
    ngx_http_onsite_worker_t  *w;

    who = &run->ctx->who;
    w = &ngx_http_onsite_worker;
    rc = NGX_OK;

    key = onsite_visitor_key(w->signer, who->site, 'u', who->identity);
    key = ngx_http_onsite_final(&key, run->ctx->now);
    another = w->visitor->verified;

    if (!ngx_http_onsite_same_key(&key, &run->key)) {
        run->key = key;
        rc = read_visitor(run, &unused, &more);

        if (!another) {
            merge(run, carried);
            merge(run, record);
        }
    }

    w->visitor->user_id = who->identity;
    w->visitor->verified = true;
    w->visitor->identified = true;

    return rc;
}


ngx_int_t
ngx_http_onsite_peek(run_t *run)
{
    onsite_str_t               record, carried;
    ngx_http_onsite_who_t     *who;
    ngx_http_onsite_worker_t  *w;

    who = &run->ctx->who;
    w = &ngx_http_onsite_worker;
    record = onsite_str(NULL, 0);
    carried = onsite_str(NULL, 0);

    if ((who->cookie_id.len == 0
         && ngx_http_onsite_new_cookie(run->r, run->ctx) != NGX_OK)
        || ngx_http_onsite_identify(run->r, run->ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    run->key = who->cookie_key;
    run->closed = who->anonymous;
    onsite_visitor_init(w->visitor);

    if (who->fresh) {
        read_adopted(run);

    } else if (read_visitor(run, &record, &carried) != NGX_OK) {

        /* an erased cookie is no consent */

        run->ctx->told.erased = ngx_http_onsite_same_key(&run->key,
                                                         &who->cookie_key);
        return NGX_DECLINED;
    }

    return who->identity.len == 0 ? NGX_OK
           : read_customer(run, record, carried);
}
