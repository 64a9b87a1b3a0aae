/*
 * ngx_http_onsite_record.c - records in the transaction that is open: the
 * visitor at hand is decoded once, and written when another's turn comes.
 */

#include "ngx_http_onsite_apply.h"


static void
failed(run_t *run, onsite_status_t status, const char *doing)
{
    ngx_http_onsite_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(run->r, ngx_http_onsite_module);

    (void) onsite_error(&run->error, status, "state: cannot %s a record in "
                        "shard %u in %s: %s", doing, (unsigned) run->shard,
                        (const char *) mcf->state.data,
                        onsite_status_text(status));
}


ngx_uint_t
ngx_http_onsite_brief(run_t *run)
{
    return run->ctx->who.consent == NGX_HTTP_ONSITE_CONSENT_SESSION;
}


/* What worker.record holds becomes key's record. */

ngx_int_t
ngx_http_onsite_put(run_t *run, const onsite_key_t *key, size_t size,
    const char *doing)
{
    onsite_status_t  status;

    status = size == 0 ? ONSITE_LIMIT
             : onsite_txn_put(run->txn, key,
                              onsite_str(ngx_http_onsite_worker.record, size),
                              run->ctx->now);

    if (status != ONSITE_OK) {
        failed(run, status, doing);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_flush(run_t *run)
{
    size_t                     size;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    if (!run->held) {
        return NGX_OK;
    }

    run->held = 0;

    if (run->foreign) {
        return NGX_OK;
    }

    size = onsite_visitor_encode(w->visitor, w->record,
                                 ONSITE_RECORD_BYTES_MAX);

    if (ngx_http_onsite_put(run, &run->key, size, "write") != NGX_OK) {
        return NGX_ERROR;
    }

    if (w->roams) {
        ngx_http_onsite_roam_visitor(run);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_turn(run_t *run, const onsite_key_t *key)
{
    if (run->held && ngx_http_onsite_same_key(&run->key, key)) {
        return NGX_OK;
    }

    return ngx_http_onsite_flush(run) == NGX_OK
           && onsite_txn_renew(run->txn, &run->error) == ONSITE_OK
           ? NGX_OK : NGX_ERROR;
}


/* worker.visitor is key's from now on. */

static void
take_up(run_t *run, const onsite_key_t *key)
{
    run->key = *key;
    run->held = 1;
    run->unseen = 0;
    run->lone = 0;
    run->bare = 0;
    run->retracts = 0;
}


void
ngx_http_onsite_hold_new(run_t *run, const onsite_key_t *key)
{
    onsite_visitor_init(ngx_http_onsite_worker.visitor);
    run->foreign = 0;
    take_up(run, key);
}


static void
begin_afresh(run_t *run, onsite_status_t why)
{
    ngx_http_onsite_count(corrupt);
    ngx_http_onsite_log(run->r->connection->log, NGX_HTTP_ONSITE_LOG_RECORD,
                        NGX_LOG_ERR, "visitor state: a record does not "
                        "decode: its visitor begins afresh");

    run->foreign = (why == ONSITE_VERSION);
    onsite_visitor_init(ngx_http_onsite_worker.visitor);
}


/* When a link or tombstone was written, and what a link carries. */

static ngx_int_t
note_link(run_t *run, onsite_str_t record)
{
    bool  brief;

    run->linked = onsite_record_last_seen(record.data, record.len, &brief);
    run->brief = brief;
    run->carried = onsite_link_carried(record.data, record.len);

    if (run->carried.len != 0) {
        run->carried = onsite_arena_copy(ngx_http_onsite_worker.arena,
                                         run->carried);
    }

    if (run->carried.len != 0 && run->carried.data == NULL) {
        (void) onsite_error(&run->error, ONSITE_NO_MEMORY,
                            "visitor state: no memory to link an id");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_hold(run_t *run, const onsite_key_t *key,
    onsite_record_kind_t *kind, onsite_key_t *link)
{
    ngx_uint_t                 unseen;
    onsite_str_t               record;
    onsite_status_t            status;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    *kind = ONSITE_RECORD_VISITOR;

    if (run->held && ngx_http_onsite_same_key(&run->key, key)) {
        return NGX_OK;
    }

    if (ngx_http_onsite_flush(run) != NGX_OK) {
        return NGX_ERROR;
    }

    run->foreign = 0;
    status = onsite_txn_get(run->txn, key, run->ctx->now, &record);
    unseen = status == ONSITE_NOT_FOUND;

    if (status == ONSITE_OK) {
        status = onsite_visitor_decode(w->arena, record.data, record.len,
                                       kind, w->visitor, link);

    } else if (status == ONSITE_NOT_FOUND) {
        onsite_visitor_init(w->visitor);
        status = ONSITE_OK;

    } else {
        failed(run, status, "read");
        return NGX_ERROR;
    }

    if (status == ONSITE_NO_MEMORY) {
        (void) onsite_error(&run->error, status, "visitor state: no memory to "
                            "read a record");
        return NGX_ERROR;
    }

    if (status != ONSITE_OK) {
        begin_afresh(run, status);
        *kind = ONSITE_RECORD_VISITOR;
    }

    if (*kind != ONSITE_RECORD_VISITOR) {
        return note_link(run, record);
    }

    take_up(run, key);

    if (unseen && w->roams) {
        ngx_http_onsite_roam_unseen(run);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_look_at(run_t *run, const onsite_key_t *key,
    onsite_str_t *record, onsite_record_kind_t *kind, onsite_key_t *link)
{
    onsite_status_t            status;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;

    if (ngx_http_onsite_flush(run) != NGX_OK) {
        return NGX_ERROR;
    }

    status = onsite_txn_get(run->txn, key, run->ctx->now, record);

    if (status == ONSITE_NOT_FOUND) {
        *record = onsite_str(NULL, 0);
        return NGX_OK;
    }

    if (status != ONSITE_OK) {
        failed(run, status, "read");
        return NGX_ERROR;
    }

    *record = onsite_arena_copy(w->arena, *record);

    status = record->data == NULL ? ONSITE_NO_MEMORY
             : onsite_visitor_decode(w->arena, record->data, record->len,
                                     kind, w->other, link);

    if (status == ONSITE_NO_MEMORY) {
        (void) onsite_error(&run->error, status, "visitor state: no memory to "
                            "link an id");
        return NGX_ERROR;
    }

    if (status == ONSITE_VERSION) {
        return NGX_DECLINED;
    }

    if (status != ONSITE_OK) {
        ngx_http_onsite_count(corrupt);
        *record = onsite_str(NULL, 0);

    } else if (*kind != ONSITE_RECORD_VISITOR) {
        return note_link(run, *record);
    }

    return NGX_OK;
}


onsite_key_t
ngx_http_onsite_final(const onsite_key_t *key, onsite_ms_t now)
{
    size_t                     size;
    ngx_uint_t                 hops;
    onsite_key_t               at, link;
    onsite_record_kind_t       kind;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    at = *key;

    for (hops = 0; hops < NGX_HTTP_ONSITE_HOPS_MAX; hops++) {

        if (onsite_store_get(w->store, &at, now, w->record,
                             ONSITE_RECORD_BYTES_MAX, &size)
            != ONSITE_OK
            || onsite_visitor_decode(w->arena, w->record, size, &kind,
                                     w->other, &link)
               != ONSITE_OK
            || kind != ONSITE_RECORD_LINK)
        {
            break;
        }

        at = link;
    }

    return at;
}
