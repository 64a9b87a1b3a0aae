/*
 * ngx_http_onsite_insert.c - what goes into a page: the decision as elements,
 * and the script that shows them.
 */

#include "ngx_http_onsite.h"


static void
append(onsite_buf_t *buf, const char *text)
{
    onsite_buf_append(buf, text, ngx_strlen(text));
}


/* What stands for a character in an attribute's value; NULL: itself. */

static const char *
entity(char c)
{
    switch (c) {
    case '"':
        return "&quot;";
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    default:
        return NULL;
    }
}


/* For an attribute's value in double quotes; what lies between the characters
 * that are escaped goes in one piece. */

static void
append_attribute(onsite_buf_t *buf, const char *name, onsite_str_t value)
{
    size_t       i, done;
    const char  *text;

    onsite_buf_char(buf, ' ');
    append(buf, name);
    append(buf, "=\"");

    done = 0;

    for (i = 0; i < value.len; i++) {
        text = entity(value.data[i]);

        if (text != NULL) {
            onsite_buf_append(buf, value.data + done, i - done);
            append(buf, text);
            done = i + 1;
        }
    }

    onsite_buf_append(buf, value.data + done, value.len - done);
    onsite_buf_char(buf, '"');
}


size_t
ngx_http_onsite_token(ngx_http_onsite_ctx_t *ctx,
    const onsite_choice_t *choice, char *out)
{
    char                     *p, version[NGX_INT64_LEN];
    onsite_site_t            *site;
    onsite_exposure_token_t   token;

    site = ngx_http_onsite_site(ctx->who.site);

    if (ngx_http_onsite_worker.signer == NULL || site == NULL) {
        return 0;
    }

    p = (char *) ngx_sprintf((u_char *) version, "%uL", ctx->told.version);

    token.visitor = ctx->told.key;
    token.campaign = onsite_image_str(&site->image, choice->campaign->id);
    token.variant = onsite_image_str(&site->image, choice->variant->id);
    token.policy = onsite_str(version, p - version);
    token.propensity = choice->propensity;
    token.time = ctx->now;

    return onsite_token_sign(ngx_http_onsite_worker.signer, ctx->who.site,
                             &token, out);
}


static void
append_template(onsite_buf_t *buf, ngx_http_onsite_ctx_t *ctx,
    onsite_site_t *site, const onsite_choice_t *choice)
{
    char    token[ONSITE_TOKEN_MAX];
    size_t  len;

    len = ngx_http_onsite_token(ctx, choice, token);

    append(buf, "<template");
    append_attribute(buf, "data-onsite-campaign",
                     onsite_image_str(&site->image, choice->campaign->id));
    append_attribute(buf, "data-onsite-variant",
                     onsite_image_str(&site->image, choice->variant->id));
    append_attribute(buf, "data-onsite-channel",
                     onsite_channel_text(choice->campaign->channel));

    if (choice->campaign->slot.len != 0) {
        append_attribute(buf, "data-onsite-slot",
                       onsite_image_str(&site->image, choice->campaign->slot));
    }

    append_attribute(buf, "data-onsite-exposure", onsite_str(token, len));
    onsite_buf_char(buf, '>');
    onsite_buf_str(buf, choice->html);
    append(buf, "</template>");
}


void
ngx_http_onsite_append_script(onsite_buf_t *buf, ngx_http_onsite_ctx_t *ctx,
    ngx_str_t *prefix, const char *mark)
{
    append(buf, "<script src=\"");
    onsite_buf_append(buf, prefix->data, prefix->len);
    append(buf, "/onsite.js?v=");
    onsite_buf_append(buf, ngx_http_onsite_runtime_hash.data,
                      ngx_http_onsite_runtime_hash.len);
    append(buf, "\" async data-onsite");
    append(buf, mark);

    if (ctx->nonce.len != 0) {
        append_attribute(buf, "nonce", ngx_http_onsite_str(ctx->nonce));
    }

    append(buf, "></script>");
}


ngx_int_t
ngx_http_onsite_prepare(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    u_char                      *p;
    ngx_uint_t                   i, n;
    onsite_buf_t                *buf;
    onsite_site_t               *site;
    onsite_choice_t             *choice;
    onsite_decision_t           *decision;
    ngx_http_onsite_page_t      *page;
    ngx_http_onsite_srv_conf_t  *scf;

    n = 0;
    scf = ngx_http_get_module_srv_conf(r, ngx_http_onsite_module);
    buf = &ngx_http_onsite_worker.text;
    site = ngx_http_onsite_site(ctx->who.site);
    decision = ngx_http_onsite_worker.decision;
    page = &ctx->page;

    onsite_buf_clear(buf);

    for (i = 0; i < decision->n && site != NULL; i++) {
        choice = &decision->choices[i];

        if (choice->pending
            || choice->campaign->channel == ONSITE_CHANNEL_WEBHOOK)
        {
            continue;
        }

        append_template(buf, ctx, site, choice);
        page->campaigns[n++] = choice->campaign->hash;
    }

    if (n == 0) {
        return NGX_DECLINED;
    }

    ngx_http_onsite_append_script(buf, ctx, &scf->prefix, "");

    p = buf->failed ? NULL : ngx_pnalloc(r->pool, buf->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, buf->data, buf->len);

    page->n = n;
    page->insert[ONSITE_PLACE_BODY_END] = onsite_str((char *) p, buf->len);
    page->wanted = 1u << ONSITE_PLACE_BODY_END;
    page->any = 1;
    page->personal = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_insertion(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    ngx_uint_t place, ngx_chain_t **out)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    *out = NULL;

    if (place >= ONSITE_PLACES || ctx->page.insert[place].len == 0) {
        return NGX_OK;
    }

    cl = ngx_alloc_chain_link(r->pool);
    b = ngx_calloc_buf(r->pool);

    if (cl == NULL || b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) ctx->page.insert[place].data;
    b->last = b->pos + ctx->page.insert[place].len;
    b->memory = 1;

    cl->buf = b;
    cl->next = NULL;
    *out = cl;

    return NGX_OK;
}
