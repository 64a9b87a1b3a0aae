/*
 * ngx_http_onsite_view.c - which events an ordinary request is: the server's
 * own, its page's view, and the view of the page that its Referer names.
 */

#include "ngx_http_onsite_view.h"

#include "onsite_preview.h"


static onsite_member_t *
member(onsite_member_t *m, onsite_str_t key, onsite_str_t value)
{
    m->key = key;
    m->value = onsite_value_string(value);

    return m + 1;
}


/* ":8080" at the end of the Host header, or nothing. */

static onsite_str_t
page_port(ngx_http_request_t *r)
{
    size_t            i;
    const ngx_str_t  *host;

    if (r->headers_in.host == NULL) {
        return ONSITE_STR("");
    }

    host = &r->headers_in.host->value;
    i = host->len;

    while (i > 0 && host->data[i - 1] >= '0' && host->data[i - 1] <= '9') {
        i--;
    }

    if (i == 0 || i == host->len || host->data[i - 1] != ':') {
        return ONSITE_STR("");
    }

    return onsite_str((char *) host->data + i - 1, host->len - i + 1);
}


/* scheme://host:port/path?args, as the browser's address bar has it. */

static onsite_str_t
page_url(ngx_http_request_t *r, onsite_facts_t *facts)
{
    u_char        *p, *url;
    onsite_str_t   port;

    port = page_port(r);
    url = onsite_arena_alloc(ngx_http_onsite_worker.arena,
                             facts->scheme.len + 3 + facts->host.len
                             + port.len + r->unparsed_uri.len);
    if (url == NULL) {
        return onsite_str(NULL, 0);
    }

    p = ngx_cpymem(url, facts->scheme.data, facts->scheme.len);
    p = ngx_cpymem(p, "://", 3);
    p = ngx_cpymem(p, facts->host.data, facts->host.len);
    p = ngx_cpymem(p, port.data, port.len);
    p = ngx_cpymem(p, r->unparsed_uri.data, r->unparsed_uri.len);

    return onsite_preview_strip(ngx_http_onsite_worker.arena,
                                onsite_str((char *) url, p - url), false);
}


/* "?args", as Segment's analytics.page() sends it; empty without. */

static onsite_str_t
page_search(onsite_facts_t *facts)
{
    char  *p;

    if (facts->args.len == 0) {
        return facts->args;
    }

    p = onsite_arena_alloc(ngx_http_onsite_worker.arena, facts->args.len + 1);
    if (p == NULL) {
        return onsite_str(NULL, 0);
    }

    p[0] = '?';
    ngx_memcpy(p + 1, facts->args.data, facts->args.len);

    return onsite_str(p, facts->args.len + 1);
}


static void
start_event(ngx_http_onsite_ctx_t *ctx, onsite_event_t *event,
    onsite_member_t *members, onsite_member_t *end)
{
    ngx_memzero(event, sizeof(onsite_event_t));

    event->properties.type = ONSITE_OBJECT;
    event->properties.len = (uint32_t) (end - members);
    event->properties.as.members = members;
    event->received = ctx->now;
    event->time = ctx->now;
    event->live = true;
}


/* The "Page Viewed" event of this request. */

static ngx_int_t
page_event(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx,
    onsite_facts_t *facts, onsite_event_t *event)
{
    onsite_member_t  *members, *m;

    members = onsite_arena_alloc(ngx_http_onsite_worker.arena,
                                 4 * sizeof(onsite_member_t));
    if (members == NULL) {
        return NGX_ERROR;
    }

    m = member(members, ONSITE_STR("path"), facts->path);
    m = member(m, ONSITE_STR("url"), page_url(r->main, facts));
    m = member(m, ONSITE_STR("search"), page_search(facts));
    m = member(m, ONSITE_STR("referrer"), facts->referrer);

    start_event(ctx, event, members, m);
    event->type = ONSITE_PAGE;
    event->name = ONSITE_STR("Page Viewed");

    return NGX_OK;
}


/* path and search of an absolute URL; the path is "/" where it has none. */

static void
split_url(onsite_str_t url, onsite_str_t *path, onsite_str_t *search)
{
    const char  *p, *end, *query;

    *path = ONSITE_STR("/");
    *search = onsite_str(NULL, 0);

    if (url.len == 0) {
        return;
    }

    end = url.data + url.len;
    p = memmem(url.data, url.len, "://", 3);
    p = p == NULL ? NULL : memchr(p + 3, '/', end - p - 3);

    if (p == NULL) {
        return;
    }

    query = memchr(p, '?', end - p);
    *path = onsite_str(p, (query != NULL ? query : end) - p);

    if (query != NULL) {
        *search = onsite_str(query, end - query);
    }
}


/*
 * Also as context.page, so that request.* is about that page, as it is for
 * any other beacon.
 */

ngx_int_t
ngx_http_onsite_referring_event(ngx_http_onsite_ctx_t *ctx,
    onsite_facts_t *facts, onsite_event_t *event)
{
    onsite_str_t      path, search;
    onsite_member_t  *members, *page, *m;

    members = onsite_arena_alloc(ngx_http_onsite_worker.arena,
                                 4 * sizeof(onsite_member_t));
    if (members == NULL) {
        return NGX_ERROR;
    }

    split_url(facts->referrer, &path, &search);

    m = member(members, ONSITE_STR("path"), path);
    m = member(m, ONSITE_STR("url"), facts->referrer);
    m = member(m, ONSITE_STR("search"), search);

    start_event(ctx, event, members, m);
    event->type = ONSITE_PAGE;
    event->name = ONSITE_STR("Page Viewed");

    page = m;
    page->key = ONSITE_STR("page");
    page->value = event->properties;
    event->context.type = ONSITE_OBJECT;
    event->context.len = 1;
    event->context.as.members = page;

    return NGX_OK;
}


/* A value that is a plain number becomes one, as in a pixel's query. */

static onsite_value_t
property(ngx_str_t *text)
{
    onsite_value_t  value;

    if (text->len != 0 && text->len < 32
        && (text->data[0] == '-'
            || (text->data[0] >= '0' && text->data[0] <= '9'))
        && onsite_json_parse(ngx_http_onsite_worker.json,
                             ngx_http_onsite_worker.arena,
                             ngx_http_onsite_str(*text), &value, NULL)
           == ONSITE_OK
        && value.type == ONSITE_NUMBER)
    {
        return value;
    }

    return onsite_value_string(ngx_http_onsite_str(*text));
}


/* As nginx has it elsewhere: empty and "0" are false. */

static ngx_int_t
filter_passes(ngx_http_request_t *r, ngx_http_complex_value_t *filter)
{
    ngx_str_t  value;

    if (filter == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, filter, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return value.len == 0 || (value.len == 1 && value.data[0] == '0')
           ? NGX_DECLINED : NGX_OK;
}


/* NGX_DECLINED: not this time. */

static ngx_int_t
server_event(view_t *view, ngx_http_onsite_server_event_t *conf,
    onsite_event_t *event)
{
    ngx_int_t                rc;
    ngx_str_t                text;
    ngx_uint_t               i;
    onsite_member_t         *members;
    ngx_http_onsite_pair_t  *pair;

    rc = filter_passes(view->r, conf->filter);
    if (rc != NGX_OK) {
        return rc;
    }

    pair = conf->properties.elts;

    members = onsite_arena_alloc(ngx_http_onsite_worker.arena,
                        (conf->properties.nelts + 1) * sizeof(onsite_member_t));
    if (members == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < conf->properties.nelts; i++) {
        if (ngx_http_complex_value(view->r, &pair[i].value, &text) != NGX_OK) {
            return NGX_ERROR;
        }

        members[i].key = ngx_http_onsite_str(pair[i].name);
        members[i].value = property(&text);
    }

    if (ngx_http_complex_value(view->r, &conf->name, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.len == 0 || text.len > ONSITE_EVENT_NAME_MAX) {
        return NGX_DECLINED;
    }

    start_event(view->ctx, event, members, members + conf->properties.nelts);
    event->type = ONSITE_TRACK;
    event->name = ngx_http_onsite_str(text);

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_gather(view_t *view, ngx_uint_t server_events,
    ngx_uint_t page)
{
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    ngx_http_onsite_loc_conf_t      *olcf;
    ngx_http_onsite_server_event_t  *conf;

    olcf = ngx_http_get_module_loc_conf(view->r, ngx_http_onsite_module);

    view->n = 0;
    view->events = onsite_arena_alloc(ngx_http_onsite_worker.arena,
                   ((server_events ? olcf->events->nelts : 0) + 1)
                   * sizeof(onsite_event_t));

    if (view->events == NULL
        || ngx_http_onsite_facts(view->r, view->ctx, &view->facts) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (server_events) {
        conf = olcf->events->elts;

        for (i = 0; i < olcf->events->nelts; i++) {
            rc = server_event(view, &conf[i], &view->events[view->n]);

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }

            if (rc == NGX_OK) {
                view->n++;
            }
        }
    }

    if (page) {
        return page_event(view->r, view->ctx, &view->facts,
                          &view->events[view->n++]);
    }

    return NGX_OK;
}
