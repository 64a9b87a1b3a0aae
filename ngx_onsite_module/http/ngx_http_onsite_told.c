/*
 * ngx_http_onsite_told.c - what the variables tell of a visitor and a decision.
 */

#include "ngx_http_onsite_apply.h"


/* "a,b": ids of what is shown, not of what waits, in the pool. */

static void
tell_choices(run_t *run, onsite_site_t *site)
{
    size_t              campaigns, variants;
    u_char             *c, *v;
    ngx_uint_t          i;
    ngx_str_t          *campaign, *variant;
    onsite_str_t        id;
    onsite_choice_t    *choice;
    onsite_decision_t  *decision;

    decision = ngx_http_onsite_worker.decision;
    campaign = &run->ctx->told.campaign;
    variant = &run->ctx->told.variant;
    campaigns = 0;
    variants = 0;

    for (i = 0; i < decision->n; i++) {
        campaigns += decision->choices[i].campaign->id.len + 1;
        variants += decision->choices[i].variant->id.len + 1;
    }

    c = ngx_pnalloc(run->r->main->pool, campaigns + variants);
    if (c == NULL) {
        return;
    }

    v = c + campaigns;
    campaign->data = c;
    variant->data = v;

    for (i = 0; i < decision->n; i++) {
        choice = &decision->choices[i];

        if (choice->pending || choice->armed) {
            continue;
        }

        id = onsite_image_str(&site->image, choice->campaign->id);
        c = ngx_cpymem(c, id.data, id.len);
        *c++ = ',';

        id = onsite_image_str(&site->image, choice->variant->id);
        v = ngx_cpymem(v, id.data, id.len);
        *v++ = ',';
    }

    if (c != campaign->data) {
        campaign->len = c - campaign->data - 1;
        variant->len = v - variant->data - 1;
    }
}


void
ngx_http_onsite_tell_decision(run_t *run)
{
    onsite_site_t             *site;
    onsite_decision_t         *decision;
    ngx_http_onsite_told_t    *told;
    ngx_http_onsite_worker_t  *w;

    w = &ngx_http_onsite_worker;
    told = &run->ctx->told;
    decision = w->decision;

    told->decided = 1;
    told->reason = decision->reason;
    told->campaign.len = 0;
    told->variant.len = 0;

    if (w->snapshot != NULL) {
        told->version = onsite_snapshot_info(w->snapshot)->version;
    }

    site = ngx_http_onsite_site(run->ctx->who.site);

    if (decision->n != 0 && site != NULL) {
        tell_choices(run, site);
    }
}


void
ngx_http_onsite_tell_visitor(run_t *run, const onsite_key_t *key)
{
    onsite_visitor_t        *visitor;
    ngx_http_onsite_told_t  *told;

    told = &run->ctx->told;
    visitor = ngx_http_onsite_worker.visitor;

    told->visitor = 1;
    told->key = *key;
    told->session = visitor->session.start;
    told->visits = visitor->visits;
    told->status = onsite_visitor_status(visitor);
}
