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


/* What is asked of a response's headers, in one walk over them. */

typedef enum {
    ABOUT_NOTHING = 0,
    ABOUT_CACHING,
    ABOUT_BYTES,                        /* of the page as it was             */
    ABOUT_ENCODING,
    ABOUT_DISPOSITION,
    ABOUT_POLICY,
    ABOUT_US
} about_e;


typedef struct {
    encoding_e                encoding;
    ngx_table_elt_t          *disposition;
    unsigned                  marked:1; /* another onsite was there first    */
    unsigned                  policy:1;
} said_t;


/* Of the header's length already. */

static ngx_uint_t
named(ngx_table_elt_t *h, const char *name)
{
    return ngx_strncasecmp(h->key.data, (u_char *) name, h->key.len) == 0;
}


/* Some of the names are for those shared caches that heed them more. */

static about_e
about_caching(ngx_table_elt_t *h)
{
    switch (h->key.len) {

    case 7:
        return named(h, "Expires") ? ABOUT_CACHING : ABOUT_NOTHING;

    case 13:
        return named(h, "Cache-Control") ? ABOUT_CACHING : ABOUT_NOTHING;

    case 15:
        return named(h, "X-Accel-Expires") ? ABOUT_CACHING : ABOUT_NOTHING;

    case 17:
        return named(h, "CDN-Cache-Control") || named(h, "Surrogate-Control")
               ? ABOUT_CACHING : ABOUT_NOTHING;

    default:
        return ABOUT_NOTHING;
    }
}


static about_e
about(ngx_table_elt_t *h)
{
    if (h->hash == 0) {
        return ABOUT_NOTHING;
    }

    switch (h->key.len) {

    case 6:
        return named(h, "Digest") ? ABOUT_BYTES : ABOUT_NOTHING;

    case 11:
        return named(h, "Content-MD5") || named(h, "Repr-Digest")
               ? ABOUT_BYTES : ABOUT_NOTHING;

    case 14:
        return named(h, "Content-Digest") ? ABOUT_BYTES : ABOUT_NOTHING;

    case 16:
        return named(h, "Content-Encoding") ? ABOUT_ENCODING : ABOUT_NOTHING;

    case 19:
        return named(h, "Content-Disposition") ? ABOUT_DISPOSITION
                                               : ABOUT_NOTHING;

    case 23:
        return named(h, "Content-Security-Policy") ? ABOUT_POLICY
                                                   : ABOUT_NOTHING;

    case sizeof(NGX_HTTP_ONSITE_MARKER) - 1:
        return named(h, NGX_HTTP_ONSITE_MARKER) ? ABOUT_US : ABOUT_NOTHING;

    default:
        return about_caching(h);
    }
}


static encoding_e
add_encoding(encoding_e found, ngx_str_t *value)
{
    if (value->len == 0 || ngx_http_onsite_is_word(value, "identity")) {
        return found;
    }

    return found == ENCODING_NONE
           && (ngx_http_onsite_is_word(value, "gzip")
               || ngx_http_onsite_is_word(value, "x-gzip"))
           ? ENCODING_GZIP : ENCODING_OTHER;
}


static void
take_header(ngx_table_elt_t *h, said_t *said)
{
    switch (about(h)) {

    case ABOUT_ENCODING:
        said->encoding = add_encoding(said->encoding, &h->value);
        break;

    case ABOUT_DISPOSITION:
        if (said->disposition == NULL) {
            said->disposition = h;
        }

        break;

    case ABOUT_POLICY:
        said->policy = 1;
        break;

    case ABOUT_US:
        said->marked = 1;
        break;

    default:
        break;
    }
}


static void
read_headers(ngx_http_request_t *r, said_t *said)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_memzero(said, sizeof(said_t));

    for (part = &r->headers_out.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            take_header(&h[i], said);
        }
    }
}


static void
clear_headers(ngx_http_request_t *r, about_e what)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (about(&h[i]) == what) {
                h[i].hash = 0;
            }
        }
    }
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

    return ngx_http_onsite_is_word(&name, "utf-8")
           || ngx_http_onsite_is_word(&name, "utf8");
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

    if (label.len == 0) {
        return 0;
    }

    for (i = 0; i < sizeof(exact) / sizeof(exact[0]); i++) {
        if (ngx_http_onsite_is_word(&label, exact[i])) {
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
is_download(said_t *said)
{
    ngx_str_t  rest, part;

    if (said->disposition == NULL) {
        return 0;
    }

    rest = said->disposition->value;

    while (next_part(&rest, &part)) {
        if (ngx_http_onsite_is_word(&part, "attachment")) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
is_document(ngx_http_request_t *r, said_t *said)
{
    ngx_http_onsite_loc_conf_t  *olcf;

    olcf = ngx_http_get_module_loc_conf(r, ngx_http_onsite_module);

    return ngx_http_test_content_type(r, &olcf->types) != NULL
           && !is_stream(r) && !is_download(said);
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
    said_t      said;
    ngx_str_t  *type;
    ngx_uint_t  document;

    if (!ngx_http_onsite_is_word(&ctx->headers.fetch_dest, "document")) {
        return NGX_HTTP_ONSITE_SKIP_STATUS;
    }

    type = &r->headers_out.content_type;
    len = type->len;

    if (len == 0 && type->data != NULL) {
        type->len = r->headers_out.content_type_len;
    }

    read_headers(r, &said);
    document = type->len != 0 ? is_document(r, &said) : !is_download(&said);
    type->len = len;

    if (!document) {
        return NGX_HTTP_ONSITE_SKIP_TYPE;
    }

    return said.marked ? NGX_HTTP_ONSITE_SKIP_MARKED
                       : NGX_HTTP_ONSITE_SKIP_NOT_MODIFIED;
}


/* What the response says against an insertion. */

ngx_http_onsite_skip_e
ngx_http_onsite_response_shape(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx)
{
    said_t  said;

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

    read_headers(r, &said);

    if (!is_document(r, &said)) {
        return NGX_HTTP_ONSITE_SKIP_TYPE;
    }

    if (said.marked) {
        return NGX_HTTP_ONSITE_SKIP_MARKED;
    }

    if (is_xml(r)) {
        return NGX_HTTP_ONSITE_SKIP_XML;
    }

    ctx->page.gzip = said.encoding == ENCODING_GZIP;

    if (said.encoding == ENCODING_OTHER || is_wide(r)) {
        return NGX_HTTP_ONSITE_SKIP_ENCODED;
    }

    if (r->headers_out.content_length_n == 0) {
        return NGX_HTTP_ONSITE_SKIP_EMPTY;
    }

    return said.policy ? ngx_http_onsite_policy(r)
                       : NGX_HTTP_ONSITE_SKIP_NONE;
}


/* For one visitor only: whatever else was said about caching is void. */

ngx_int_t
ngx_http_onsite_response_private(ngx_http_request_t *r)
{
    ngx_str_t         value = ngx_string("private, no-store");
    ngx_table_elt_t  *h;

    clear_headers(r, ABOUT_CACHING);
    r->headers_out.expires = NULL;

    h = ngx_http_onsite_add_header(r, "Cache-Control",
                                   sizeof("Cache-Control") - 1, &value);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_http_onsite_cache_control(r, h);

    return NGX_OK;
}


/* What was said about the bytes of the page as it was; one that is changed is
 * inflated. */

void
ngx_http_onsite_response_changed(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx)
{
    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    clear_headers(r, ABOUT_BYTES);

    if (ctx->page.gzip) {
        clear_headers(r, ABOUT_ENCODING);
        r->headers_out.content_encoding = NULL;
    }
}
