/*
 * ngx_http_onsite_runtime.c - web/onsite.js, compiled in.
 *
 * The assembler takes what packaging/runtime made of it; `config` says where
 * that lies.
 */

#include "ngx_http_onsite.h"

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
    ".popsection\n"
);


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
