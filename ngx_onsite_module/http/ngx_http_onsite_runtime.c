/*
 * ngx_http_onsite_runtime.c - onsite.js, compiled in, plain and compressed,
 * and served.
 *
 * The assembler takes what packaging/runtime made of it; `config` says where
 * that lies.
 */

#include "ngx_http_onsite_collect.h"

#include <openssl/evp.h>


__asm__(
    ".pushsection .rodata\n"
    ".global ngx_http_onsite_runtime\n"
    ".hidden ngx_http_onsite_runtime\n"
    "ngx_http_onsite_runtime:\n"
    ".incbin \"onsite.js\"\n"
    ".global ngx_http_onsite_runtime_end\n"
    ".hidden ngx_http_onsite_runtime_end\n"
    "ngx_http_onsite_runtime_end:\n"
    ".byte 0\n"
    ".global ngx_http_onsite_runtime_gzip\n"
    ".hidden ngx_http_onsite_runtime_gzip\n"
    "ngx_http_onsite_runtime_gzip:\n"
    ".incbin \"onsite.js.gz\"\n"
    ".global ngx_http_onsite_runtime_gzip_end\n"
    ".hidden ngx_http_onsite_runtime_gzip_end\n"
    "ngx_http_onsite_runtime_gzip_end:\n"
    ".byte 0\n"
    ".popsection\n"
);


extern const char  ngx_http_onsite_runtime[]
    __attribute__((visibility("hidden")));
extern const char  ngx_http_onsite_runtime_end[]
    __attribute__((visibility("hidden")));
extern const char  ngx_http_onsite_runtime_gzip[]
    __attribute__((visibility("hidden")));
extern const char  ngx_http_onsite_runtime_gzip_end[]
    __attribute__((visibility("hidden")));


static ngx_str_t  type_script = ngx_string("text/javascript; charset=utf-8");

static ngx_str_t  cache_ever = ngx_string("public, max-age=31536000, "
                                          "immutable");
static ngx_str_t  cache_check = ngx_string("public, max-age=300");


#define DIGEST  48                  /* bytes of SHA-384 */

static u_char  hex[16];
static u_char  sri[sizeof("sha384-") - 1 + ngx_base64_encoded_length(DIGEST)];

ngx_str_t  ngx_http_onsite_runtime_hash;
ngx_str_t  ngx_http_onsite_runtime_sri;


/* As an integrity attribute has it (Subresource Integrity). */

static void
make_sri(const char *data, size_t len)
{
    u_char     *p, digest[DIGEST];
    ngx_str_t   source, base64;

    if (EVP_Digest(data, len, digest, NULL, EVP_sha384(), NULL) != 1) {
        return;
    }

    p = ngx_cpymem(sri, "sha384-", sizeof("sha384-") - 1);

    source.data = digest;
    source.len = DIGEST;
    base64.data = p;
    ngx_encode_base64(&base64, &source);

    ngx_http_onsite_runtime_sri.data = sri;
    ngx_http_onsite_runtime_sri.len = p - sri + base64.len;
}


void
ngx_http_onsite_runtime_init(void)
{
    size_t     len;
    u_char    *data;
    uint32_t   crc, mix;

    data = (u_char *) ngx_http_onsite_runtime;
    len = ngx_http_onsite_runtime_end - ngx_http_onsite_runtime;

    crc = ngx_crc32_long(data, len);
    mix = ngx_murmur_hash2(data, len);

    (void) ngx_sprintf(hex, "%08xD%08xD", crc, mix);

    ngx_http_onsite_runtime_hash.len = sizeof(hex);
    ngx_http_onsite_runtime_hash.data = hex;

    make_sri(ngx_http_onsite_runtime, len);
}


/* By the rules of nginx's own gzip_static; whatever is chosen, the answer says
 * that it depends on that header. */

static ngx_int_t
choose_gzip(ngx_http_request_t *r, ngx_uint_t *chosen)
{
#if (NGX_HTTP_GZIP)

    ngx_http_core_loc_conf_t  *clcf;

    *chosen = ngx_http_gzip_ok(r) == NGX_OK;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->gzip_vary) {
        r->gzip_vary = 1;
        return NGX_OK;
    }

    return ngx_http_onsite_add_literal(r, "Vary", "Accept-Encoding");

#else

    *chosen = 0;

    return NGX_OK;

#endif
}


/* The validator of what is sent, which is not the same bytes in both cases. */

static ngx_int_t
add_etag(ngx_http_request_t *r, ngx_uint_t compressed)
{
    u_char     *p;
    ngx_str_t   value;

    p = ngx_pnalloc(r->pool, ngx_http_onsite_runtime_hash.len
                             + sizeof("\"-gzip\"") - 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "\"%V%s\"", &ngx_http_onsite_runtime_hash,
                            compressed ? "-gzip" : "")
                - p;

    r->headers_out.etag = ngx_http_onsite_add_header(r, "ETag", 4, &value);

    return r->headers_out.etag != NULL ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
add_encoding(ngx_http_request_t *r)
{
    ngx_str_t         value = ngx_string("gzip");
    ngx_table_elt_t  *h;

    h = ngx_http_onsite_add_header(r, "Content-Encoding",
                                   sizeof("Content-Encoding") - 1, &value);
    r->headers_out.content_encoding = h;

    return h != NULL ? NGX_OK : NGX_ERROR;
}


/* With ?v= of this very script it may be kept for ever; with that of another,
 * which a page of a newer or older process asked for, by nobody. */

static ngx_str_t *
caching(ngx_http_request_t *r)
{
    ngx_str_t  value, *hash;

    hash = &ngx_http_onsite_runtime_hash;

    if (ngx_http_arg(r, (u_char *) "v", 1, &value) != NGX_OK) {
        return &cache_check;
    }

    return value.len == hash->len
           && ngx_memcmp(value.data, hash->data, hash->len) == 0
           ? &cache_ever : &ngx_http_onsite_no_store;
}


ngx_int_t
ngx_http_onsite_answer_runtime(ngx_http_request_t *r,
    ngx_http_onsite_ctx_t *ctx)
{
    ngx_str_t   body;
    ngx_uint_t  compressed;

    if (choose_gzip(r, &compressed) != NGX_OK
        || add_etag(r, compressed) != NGX_OK
        || (compressed && add_encoding(r) != NGX_OK)
        || ngx_http_onsite_add_cors(r, ctx) == NGX_ERROR)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (compressed) {
        body.data = (u_char *) ngx_http_onsite_runtime_gzip;
        body.len = ngx_http_onsite_runtime_gzip_end
                   - ngx_http_onsite_runtime_gzip;

    } else {
        body.data = (u_char *) ngx_http_onsite_runtime;
        body.len = ngx_http_onsite_runtime_end - ngx_http_onsite_runtime;
    }

    return ngx_http_onsite_answer(r, NGX_HTTP_OK, &type_script, caching(r),
                                  &body);
}
