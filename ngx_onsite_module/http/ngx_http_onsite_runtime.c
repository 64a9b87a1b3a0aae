/*
 * ngx_http_onsite_runtime.c - web/onsite.js, compiled in.
 *
 * The assembler takes the file as it is; `config` says where it lies.
 */

#include "ngx_http_onsite.h"


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


static u_char  ngx_http_onsite_runtime_hex[16];

ngx_str_t  ngx_http_onsite_runtime_hash;


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

    (void) ngx_sprintf(ngx_http_onsite_runtime_hex, "%08xD%08xD", crc, mix);

    ngx_http_onsite_runtime_hash.len = sizeof(ngx_http_onsite_runtime_hex);
    ngx_http_onsite_runtime_hash.data = ngx_http_onsite_runtime_hex;
}
