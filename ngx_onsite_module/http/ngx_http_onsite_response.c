/*
 * ngx_http_onsite_response.c - what a response's header says for and against
 * an insertion, and what it may not say any longer when there is one.
 */

#include "ngx_http_onsite.h"


/* How the body is encoded, by all headers that say so: a single gzip can be
 * inflated. */

typedef enum {
    ENCODING_NONE = 0,
    ENCODING_GZIP,
    ENCODING_OTHER
} encoding_e;


static ngx_uint_t
value_is(ngx_str_t *value, const char *text)
{
    return value->len == ngx_strlen(text)
           && ngx_strncasecmp(value->data, (u_char *) text, value->len) == 0;
}


static encoding_e
encoding(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    encoding_e        found;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    found = ENCODING_NONE;

    for (part = &r->headers_out.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash == 0 || !value_is(&h[i].key, "Content-Encoding")
                || h[i].value.len == 0 || value_is(&h[i].value, "identity"))
            {
                continue;
            }

            found = found == ENCODING_NONE
                    && (value_is(&h[i].value, "gzip")
                        || value_is(&h[i].value, "x-gzip"))
                    ? ENCODING_GZIP : ENCODING_OTHER;
        }
    }

    return found;
}


ngx_uint_t
ngx_http_onsite_response_gzip(ngx_http_request_t *r)
{
    return encoding(r) == ENCODING_GZIP;
}


/* The next of a header's parts, between semicolons that are not quoted, without
 * white space around. */

static ngx_uint_t
next_part(ngx_str_t *rest, ngx_str_t *part)
{
    u_char      *p, *end;
    ngx_uint_t   quoted;

    if (rest->len == 0) {
        return 0;
    }

    end = rest->data + rest->len;
    quoted = 0;

    for (p = rest->data; p < end && (quoted || *p != ';'); p++) {

        if (quoted && *p == '\\' && p + 1 < end) {
            p++;

        } else if (*p == '"') {
            quoted = !quoted;
        }
    }

    part->data = rest->data;
    part->len = p - rest->data;
    rest->data = p < end ? p + 1 : end;
    rest->len = end - rest->data;

    while (part->len != 0
           && (part->data[0] == ' ' || part->data[0] == '\t'))
    {
        part->data++;
        part->len--;
    }

    while (part->len != 0 && (part->data[part->len - 1] == ' '
                              || part->data[part->len - 1] == '\t'))
    {
        part->len--;
    }

    return 1;
}


/* White space and quotes around a parameter's value, and what follows it. */

static ngx_str_t
bare_value(u_char *p, u_char *end)
{
    u_char     *last;
    ngx_str_t   value;

    while (p < end && (*p == ' ' || *p == '\t' || *p == '"' || *p == '\'')) {
        p++;
    }

    for (last = p; last < end; last++) {
        if (*last == ';' || *last == '"' || *last == '\'' || *last == ' '
            || *last == '\t')
        {
            break;
        }
    }

    value.data = p;
    value.len = last - p;

    return value;
}


/*
 * What the response will say.  nginx's charset filter runs in front of us, and
 * what it recodes is recoded by now; as long as the type has no parameters,
 * nginx writes the charset behind it, else those stand.
 */

static ngx_str_t
charset(ngx_http_request_t *r)
{
    u_char     *p, *end;
    ngx_str_t  *type, none;

    type = &r->headers_out.content_type;

    if (type->len == r->headers_out.content_type_len
        && r->headers_out.charset.len != 0)
    {
        p = r->headers_out.charset.data;

        return bare_value(p, p + r->headers_out.charset.len);
    }

    end = type->data + type->len;

    for (p = type->data; end - p > 8; p++) {
        if ((*p == ';' || *p == ' ')
            && ngx_strncasecmp(p + 1, (u_char *) "charset=", 8) == 0)
        {
            return bare_value(p + 9, end);
        }
    }

    ngx_str_null(&none);

    return none;
}


ngx_uint_t
ngx_http_onsite_response_utf8(ngx_http_request_t *r)
{
    ngx_str_t  name;

    name = charset(r);

    return value_is(&name, "utf-8") || value_is(&name, "utf8");
}


/*
 * The scanner takes any superset of ASCII.  These are none: their characters
 * are wider, or bytes of ASCII mean something else behind an escape.  Labels
 * as the Encoding Standard has them, and some that no browser knows any more.
 */

static ngx_uint_t
is_wide(ngx_http_request_t *r)
{
    size_t                    len;
    ngx_str_t                 label;
    ngx_uint_t                i;
    static const char *const  exact[] = { "csunicode", "hz-gb-2312",
                                          "replacement", "unicode",
                                          "unicodefeff", "unicodefffe" };
    static const char *const  prefixes[] = { "csiso2022", "iso-10646-ucs-",
                                             "iso-2022-", "ucs-", "utf-16",
                                             "utf-32", "utf-7" };

    label = charset(r);

    for (i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
        if (value_is(&label, exact[i])) {
            return 1;
        }
    }

    for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        len = ngx_strlen(prefixes[i]);

        if (label.len >= len
            && ngx_strncasecmp(label.data, (u_char *) prefixes[i], len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_table_elt_t *
find_header(ngx_http_request_t *r, const char *name, size_t len)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash != 0 && h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}


/* Whatever onsite_types says, these have no end that somebody waits for. */

static ngx_uint_t
is_stream(ngx_http_request_t *r)
{
    ngx_str_t  *type;

    type = &r->headers_out.content_type;

    return (type->len >= 17
            && ngx_strncasecmp(type->data, (u_char *) "text/event-stream", 17)
               == 0)
           || (type->len >= 25
               && ngx_strncasecmp(type->data,
                                  (u_char *) "multipart/x-mixed-replace", 25)
                  == 0);
}


/* Browsers show nothing of what is not well-formed; what goes in is HTML, and
 * the content of campaigns may be any. */

static ngx_uint_t
is_xml(ngx_http_request_t *r)
{
    size_t   len;
    u_char  *end;

    len = r->headers_out.content_type_len;
    end = r->headers_out.content_type.data + len;

    return len > 4 && (end[-4] == '+' || end[-4] == '/')
           && ngx_strncasecmp(end - 3, (u_char *) "xml", 3) == 0;
}


/* A page that is saved to a file is not looked at. */

static ngx_uint_t
is_download(ngx_http_request_t *r)
{
    ngx_str_t         rest, part;
    ngx_table_elt_t  *h;

    h = find_header(r, "Content-Disposition",
                    sizeof("Content-Disposition") - 1);

    if (h == NULL) {
        return 0;
    }

    rest = h->value;

    while (next_part(&rest, &part)) {
        if (value_is(&part, "attachment")) {
            return 1;
        }
    }

    return 0;
}


/* Another onsite was there first. */

static ngx_uint_t
is_marked(ngx_http_request_t *r)
{
    return find_header(r, NGX_HTTP_ONSITE_MARKER,
                       sizeof(NGX_HTTP_ONSITE_MARKER) - 1)
           != NULL;
}


static ngx_uint_t
is_document(ngx_http_request_t *r)
{
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    return ngx_http_test_content_type(r, &olcf->types) != NULL
           && !is_stream(r) && !is_download(r);
}


/*
 * The browser shows the copy that it has: of a document, as far as it can be
 * known.  nginx cuts the type of what it answers with 304 down to nothing, but
 * leaves it where it was; other servers mostly send none.
 */

static ngx_http_onsite_skip_e
not_modified_shape(ngx_http_request_t *r, ngx_http_onsite_ctx_t *ctx)
{
    size_t      len;
    ngx_str_t  *type;
    ngx_uint_t  document;

    if (!value_is(&ctx->headers.fetch_dest, "document")) {
        return NGX_HTTP_ONSITE_SKIP_STATUS;
    }

    type = &r->headers_out.content_type;
    len = type->len;

    if (len == 0 && type->data != NULL) {
        type->len = r->headers_out.content_type_len;
    }

    document = type->len != 0 ? is_document(r) : !is_download(r);
    type->len = len;

    if (!document) {
        return NGX_HTTP_ONSITE_SKIP_TYPE;
    }

    return is_marked(r) ? NGX_HTTP_ONSITE_SKIP_MARKED
                        : NGX_HTTP_ONSITE_SKIP_NOT_MODIFIED;
}


/* What the response says against an insertion. */

ngx_http_onsite_skip_e
ngx_http_onsite_response_shape(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx)
{
    /* header_only is set behind us for HEAD: the method has to be asked too */

    if (r->header_only || r->method == NGX_HTTP_HEAD) {
        return NGX_HTTP_ONSITE_SKIP_METHOD;
    }

    if (r->headers_out.status == NGX_HTTP_NOT_MODIFIED) {
        return not_modified_shape(r, ctx);
    }

    if (r->headers_out.status != NGX_HTTP_OK) {
        return NGX_HTTP_ONSITE_SKIP_STATUS;
    }

    if (!is_document(r)) {
        return NGX_HTTP_ONSITE_SKIP_TYPE;
    }

    if (is_marked(r)) {
        return NGX_HTTP_ONSITE_SKIP_MARKED;
    }

    if (is_xml(r)) {
        return NGX_HTTP_ONSITE_SKIP_XML;
    }

    if (encoding(r) == ENCODING_OTHER || is_wide(r)) {
        return NGX_HTTP_ONSITE_SKIP_ENCODED;
    }

    if (r->headers_out.content_length_n == 0) {
        return NGX_HTTP_ONSITE_SKIP_EMPTY;
    }

    return ngx_http_onsite_policy(r);
}


static void
clear_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for ( ;; ) {
        h = find_header(r, name, len);
        if (h == NULL) {
            return;
        }

        h->hash = 0;
    }
}


/* For one visitor only: whatever else was said about caching is void. */

ngx_int_t
ngx_http_onsite_response_private(ngx_http_request_t *r)
{
    ngx_str_t         value = ngx_string("private, no-store");
    ngx_table_elt_t  *h;

    clear_header(r, "Cache-Control");
    clear_header(r, "Expires");
    r->headers_out.expires = NULL;

    /* to those shared caches that heed it more */

    clear_header(r, "CDN-Cache-Control");
    clear_header(r, "Surrogate-Control");
    clear_header(r, "X-Accel-Expires");

    h = ngx_http_onsite_add_header(r, "Cache-Control",
                                   sizeof("Cache-Control") - 1, &value);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_http_onsite_cache_control(r, h);

    return NGX_OK;
}


/* What was said about the bytes of the page as it was. */

void
ngx_http_onsite_response_changed(ngx_http_request_t *r)
{
    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    clear_header(r, "Content-Digest");
    clear_header(r, "Content-MD5");
    clear_header(r, "Digest");
    clear_header(r, "Repr-Digest");

    /* of a page that is changed, what is inflated */

    if (ngx_http_onsite_response_gzip(r)) {
        clear_header(r, "Content-Encoding");
        r->headers_out.content_encoding = NULL;
    }
}
