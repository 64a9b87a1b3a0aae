/*
 * ngx_http_onsite_body.c - a request's body as one piece.
 */

#include "ngx_http_onsite_collect.h"


/* gzip is known by its first bytes, whatever Content-Encoding says. */

static ngx_int_t
inflate_body(ngx_http_request_t *r, onsite_str_t *body)
{
    onsite_status_t              status;
    ngx_http_onsite_loc_conf_t  *olcf;

    if (!onsite_gzip_detect(*body)) {
        return NGX_OK;
    }

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    status = onsite_gzip_inflate(ngx_http_onsite_worker.arena, *body,
                                 olcf->max_body, body);

    switch (status) {
    case ONSITE_OK:
        return NGX_OK;
    case ONSITE_LIMIT:
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    case ONSITE_INVALID:
        return NGX_HTTP_BAD_REQUEST;
    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
copy_buf(ngx_http_request_t *r, ngx_buf_t *b, u_char **p)
{
    size_t   size;
    ssize_t  n;

    if (ngx_buf_in_memory(b)) {
        *p = ngx_cpymem(*p, b->pos, b->last - b->pos);
        return NGX_OK;
    }

    size = (size_t) ngx_buf_size(b);

    if (size == 0) {
        /* the end of a chunked body */
        return NGX_OK;
    }

    n = ngx_read_file(b->file, *p, size, b->file_pos);

    if (n != (ssize_t) size) {
        return NGX_ERROR;
    }

    *p += size;

    return NGX_OK;
}


/* 413 when it is over onsite_max_body. */

static ngx_int_t
gather_body(ngx_http_request_t *r, onsite_str_t *body)
{
    off_t                        size;
    u_char                      *p;
    ngx_chain_t                 *cl, *bufs;
    ngx_http_onsite_loc_conf_t  *olcf;

    size = 0;
    *body = onsite_str(NULL, 0);
    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);
    bufs = r->request_body != NULL ? r->request_body->bufs : NULL;

    for (cl = bufs; cl != NULL; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (size > (off_t) olcf->max_body) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (size == 0) {
        return NGX_OK;
    }

    if (bufs->next == NULL && ngx_buf_in_memory(bufs->buf)) {
        *body = onsite_str((char *) bufs->buf->pos, (size_t) size);
        return NGX_OK;
    }

    p = onsite_arena_alloc(ngx_http_onsite_worker.arena, (size_t) size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *body = onsite_str((char *) p, (size_t) size);

    for (cl = bufs; cl != NULL; cl = cl->next) {
        if (copy_buf(r, cl->buf, &p) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_body(ngx_http_request_t *r, onsite_str_t *body)
{
    ngx_int_t  rc;

    rc = gather_body(r, body);

    return rc == NGX_OK ? inflate_body(r, body) : rc;
}


ngx_int_t
ngx_http_onsite_refuse_body(ngx_http_request_t *r, ngx_int_t status)
{
    switch (status) {

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        return ngx_http_onsite_refuse(r, status, "the body is larger than "
                                      "onsite_max_body");

    case NGX_HTTP_BAD_REQUEST:
        return ngx_http_onsite_refuse(r, status, "the body begins as gzip "
                                      "does, but is not whole gzip data");

    default:
        return status;
    }
}
