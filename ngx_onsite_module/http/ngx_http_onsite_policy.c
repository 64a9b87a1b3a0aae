/*
 * ngx_http_onsite_policy.c - a page's Content-Security-Policies, brought to
 * core/onsite_policy.h with the URL that the browser knows our script by.
 */

#include "ngx_http_onsite.h"

#include "onsite_policy.h"


static void
collect(ngx_http_request_t *r, onsite_policies_t *policies)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    onsite_policies_init(policies);

    for (part = &r->headers_out.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash != 0
                && ngx_http_onsite_is_word(&h[i].key,
                                           "Content-Security-Policy"))
            {
                onsite_policies_header(policies,
                                       ngx_http_onsite_str(h[i].value));
            }
        }
    }
}


static ngx_str_t
request_header(ngx_http_request_t *r, const char *name)
{
    ngx_str_t         none = ngx_null_string;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (ngx_http_onsite_is_word(&h[i].key, name)) {
                return h[i].value;
            }
        }
    }

    return none;
}


/* Hosts that browsers trust without TLS. */

static ngx_uint_t
is_local(onsite_str_t host)
{
    ngx_str_t  end;

    end.len = host.len < 9 ? host.len : 9;
    end.data = (u_char *) host.data + host.len - end.len;

    return ngx_http_onsite_is_word(&end, "localhost")
           || (host.len > 4 && ngx_strncmp(host.data, "127.", 4) == 0)
           || (host.len > 0 && host.data[0] == '[');
}


/*
 * Behind a proxy that ends TLS the connection does not tell; what it forwards
 * does, and so does the browser, which sends Sec-Fetch-Dest to https only.
 * Who lies here only makes a page of their own show less, or count more.
 */

static ngx_uint_t
is_secure(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    onsite_str_t host)
{
    ngx_str_t  forwarded;

    if (ngx_http_onsite_is_tls(r)) {
        return 1;
    }

    forwarded = request_header(r, "X-Forwarded-Proto");

    if (forwarded.len != 0) {
        return ngx_http_onsite_is_word(&forwarded, "https")
               || (forwarded.len > 6
                   && ngx_strncasecmp(forwarded.data, (u_char *) "https,", 6)
                      == 0);
    }

    return ctx->headers.fetch_dest.len != 0 && !is_local(host);
}


/* host[:port] as the client sent it; without, the server's own name. */

static ngx_str_t
sent_host(ngx_http_request_t *r)
{
    return r->headers_in.host != NULL ? r->headers_in.host->value
                                      : r->headers_in.server;
}


static void
take_host(ngx_http_request_t *r, onsite_policy_script_t *script)
{
    u_char     *colon, *last;
    ngx_int_t   port;
    ngx_str_t   host;

    host = sent_host(r);
    last = host.data + host.len;
    colon = last;

    while (colon > host.data && colon[-1] >= '0' && colon[-1] <= '9') {
        colon--;
    }

    if (colon > host.data && colon[-1] == ':') {
        port = ngx_atoi(colon, last - colon);
        script->port = port > 0 && port < 65536 ? (uint32_t) port : 0;
        host.len = colon - 1 - host.data;
    }

    script->host = ngx_http_onsite_str(host);
}


const char *
ngx_http_onsite_origin(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    onsite_str_t *host)
{
    onsite_policy_script_t  script;

    take_host(r, &script);
    *host = ngx_http_onsite_str(sent_host(r));

    return is_secure(r, ctx, script.host) ? "https://" : "http://";
}


static ngx_int_t
describe_script(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    onsite_policy_script_t *script)
{
    u_char                      *p;
    ngx_http_onsite_srv_conf_t  *scf;

    ngx_memzero(script, sizeof(onsite_policy_script_t));
    scf = ngx_http_get_module_srv_conf(r, ngx_http_onsite_module);

    p = ngx_pnalloc(r->pool, scf->prefix.len + sizeof("/onsite.js") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    script->path = onsite_str((char *) p,
                              scf->prefix.len + sizeof("/onsite.js") - 1);
    p = ngx_cpymem(p, scf->prefix.data, scf->prefix.len);
    ngx_memcpy(p, "/onsite.js", sizeof("/onsite.js") - 1);

    script->integrity = ngx_http_onsite_str(ngx_http_onsite_runtime_sri);

    take_host(r, script);
    script->secure = is_secure(r, ctx, script->host);

    return NGX_OK;
}


/* Somebody wonders why their page shows nothing. */

static void
log_refusal(ngx_http_request_t *r, const onsite_policy_verdict_t *verdict)
{
    onsite_buf_t  *text;

    text = &ngx_http_onsite_worker.explain;

    onsite_buf_clear(text);
    onsite_policy_explain(verdict, text);
    onsite_buf_char(text, '\0');

    if (!text->failed) {
        ngx_http_onsite_log(r->connection->log, NGX_HTTP_ONSITE_LOG_POLICY,
                            NGX_LOG_INFO, text->data);
    }
}


static ngx_http_onsite_skip_e
judge(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    const onsite_policies_t *policies)
{
    onsite_policy_script_t   script;
    onsite_policy_verdict_t  verdict;

    if (describe_script(r, ctx, &script) != NGX_OK) {
        return NGX_HTTP_ONSITE_SKIP_MEMORY;
    }

    onsite_policy_judge(policies, &script, &verdict);

    if (verdict.why != ONSITE_POLICY_ALLOWED) {
        log_refusal(r, &verdict);
        return NGX_HTTP_ONSITE_SKIP_CSP;
    }

    ctx->nonce.len = verdict.nonce.len;
    ctx->nonce.data = (u_char *) verdict.nonce.data;

    return NGX_HTTP_ONSITE_SKIP_NONE;
}


ngx_http_onsite_skip_e
ngx_http_onsite_policy(ngx_http_request_t *r)
{
    onsite_policies_t       policies;
    ngx_http_onsite_ctx_t  *ctx;

    collect(r, &policies);

    if (policies.n == 0 && !policies.lost) {
        return NGX_HTTP_ONSITE_SKIP_NONE;
    }

    ctx = ngx_http_onsite_ctx(r);

    return ctx == NULL ? NGX_HTTP_ONSITE_SKIP_MEMORY
                       : judge(r, ctx, &policies);
}


ngx_http_onsite_skip_e
ngx_http_onsite_policy_metas(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx)
{
    ngx_uint_t               i;
    onsite_policies_t        policies;
    ngx_http_onsite_page_t  *page;

    page = &ctx->page;

    if (page->n_policies == 0 && !page->policies_lost) {
        return NGX_HTTP_ONSITE_SKIP_NONE;
    }

    collect(r, &policies);

    for (i = 0; i < page->n_policies; i++) {
        onsite_policies_meta(&policies, page->policies[i]);
    }

    policies.lost |= page->policies_lost;

    return judge(r, ctx, &policies);
}
