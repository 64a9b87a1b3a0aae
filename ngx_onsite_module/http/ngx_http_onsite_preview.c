/*
 * ngx_http_onsite_preview.c - a page whose URL has ?onsite_preview=TOKEN
 * (core/onsite_preview.h): one campaign is shown to who holds the link, and
 * nothing is counted, written or set.
 *
 * A token that is refused leaves the page what it is without one; a header
 * says why.
 */

#include "ngx_http_onsite.h"

#include "onsite_preview.h"


/* The request's own path and query, whatever redirects made of them. */

static onsite_str_t
split_uri(ngx_http_request_t *r, onsite_str_t *path)
{
    u_char  *query, *last;

    last = r->unparsed_uri.data + r->unparsed_uri.len;
    query = ngx_strlchr(r->unparsed_uri.data, last, '?');
    *path = ngx_http_onsite_str(r->unparsed_uri);

    if (query == NULL) {
        return onsite_str(NULL, 0);
    }

    path->len = query - r->unparsed_uri.data;

    return onsite_str((char *) query + 1, last - query - 1);
}


static const char *
refusal(onsite_preview_verdict_t verdict)
{
    switch (verdict) {
    case ONSITE_PREVIEW_VALID:
        return NULL;
    case ONSITE_PREVIEW_EXPIRED:
        return "expired";
    case ONSITE_PREVIEW_OTHER_PAGE:
        return "other page";
    default:
        return "forged";
    }
}


static const onsite_variant_t *
find_variant(const onsite_image_t *image, const onsite_campaign_t *campaign,
    onsite_str_t id)
{
    ngx_uint_t               i;
    const onsite_variant_t  *variants;

    variants = onsite_image_at(image, campaign->variants);

    for (i = 0; i < campaign->n_variants; i++) {
        if (onsite_str_eq(onsite_image_str(image, variants[i].id), id)) {
            return &variants[i];
        }
    }

    return NULL;
}


/* Of the live snapshot, which has no campaign that is not enabled. */

const char *
ngx_http_onsite_preview_find(ngx_http_onsite_ctx_t *ctx,
    const onsite_campaign_t **campaign, const onsite_variant_t **variant)
{
    onsite_site_t              *site;
    ngx_http_onsite_preview_t  *preview;

    preview = &ctx->preview;
    site = ngx_http_onsite_site(ctx->who.site);
    *campaign = site == NULL ? NULL
                : onsite_campaign_find(&site->image,
                                    onsite_campaign_hash(preview->campaign));

    if (*campaign == NULL
        || !onsite_str_eq(onsite_image_str(&site->image, (*campaign)->id),
                          preview->campaign))
    {
        return "no such campaign is live";
    }

    if ((*campaign)->channel == ONSITE_CHANNEL_WEBHOOK) {
        return "a webhook";
    }

    *variant = find_variant(&site->image, *campaign, preview->variant);

    return *variant == NULL ? "no such variant" : NULL;
}


/* Checks the token; what is asked for is kept in the pool. */

static const char *
check(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx, onsite_str_t path,
    onsite_str_t token)
{
    char                     *scratch;
    onsite_preview_t          asked;
    onsite_signer_t          *signer;
    onsite_preview_page_t     page;
    const onsite_variant_t   *variant;
    onsite_preview_verdict_t  verdict;
    const onsite_campaign_t  *campaign;

    signer = ngx_http_onsite_worker.signer;
    scratch = ngx_pnalloc(r->pool, ONSITE_PREVIEW_MAX);

    if (scratch == NULL || signer == NULL
        || ngx_http_onsite_who(r, ctx) != NGX_OK)
    {
        return "not possible now";
    }

    page.host = ngx_http_onsite_str(ngx_http_onsite_host(r));
    page.path = path;

    verdict = onsite_preview_verify(signer, ctx->who.site, &page, token,
                                    ctx->now, scratch, &asked);

    if (verdict != ONSITE_PREVIEW_VALID) {
        return refusal(verdict);
    }

    ctx->preview.campaign = asked.campaign;
    ctx->preview.variant = asked.variant;

    return ngx_http_onsite_preview_find(ctx, &campaign, &variant);
}


ngx_uint_t
ngx_http_onsite_preview(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    ngx_uint_t                  busy;
    onsite_str_t                path, token;
    ngx_http_onsite_preview_t  *preview;

    preview = &ctx->preview;

    if (preview->known) {
        return preview->valid;
    }

    r = r->main;
    preview->known = 1;
    token = onsite_preview_token(split_uri(r, &path));

    if (token.len == 0) {
        return 0;
    }

    busy = ctx->busy;
    ctx->busy = 1;
    preview->refused = check(r, ctx, path, token);
    ctx->busy = busy;

    if (preview->refused != NULL) {
        ngx_http_onsite_count(forged);
        return 0;
    }

    preview->valid = 1;

    return 1;
}


void
ngx_http_onsite_preview_tell(ngx_http_request_t *r, const char *text)
{
    ngx_str_t  value;

    value.data = (u_char *) text;
    value.len = ngx_strlen(text);

    (void) ngx_http_onsite_add_header(r, "X-Onsite-Preview",
                                      sizeof("X-Onsite-Preview") - 1, &value);
}


/* Nobody else is to come by it: no search engine, no cache. */

void
ngx_http_onsite_preview_seal(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx)
{
    ngx_str_t  value = ngx_string("noindex");

    ctx->page.personal = 1;

    (void) ngx_http_onsite_add_header(r, "X-Robots-Tag",
                                      sizeof("X-Robots-Tag") - 1, &value);
}
