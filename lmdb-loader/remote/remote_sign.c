/*
 * remote_sign.c - AWS Signature Version 4.
 *
 * libcurl signs, too, but the one in Debian 12 (7.88) sends S3 no
 * x-amz-content-sha256, which S3 wants, and does not cover what is uploaded.
 */

#include "remote_sign.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DATE_LEN  8             /* of a stamp */
#define PIECE     (256 * 1024)


static void
write_hex(const uint8_t *bytes, size_t n, char *hex)
{
    size_t                   i;
    static const char *const  digits = "0123456789abcdef";

    for (i = 0; i < n; i++) {
        *hex++ = digits[bytes[i] >> 4];
        *hex++ = digits[bytes[i] & 15];
    }

    *hex = '\0';
}


void
remote_sha256(onsite_str_t bytes, char hex[REMOTE_SHA256_HEX + 1])
{
    uint8_t  hash[SHA256_DIGEST_LENGTH];

    (void) SHA256((const uint8_t *) bytes.data, bytes.len, hash);
    write_hex(hash, sizeof(hash), hex);
}


bool
remote_sha256_file(int fd, char hex[REMOTE_SHA256_HEX + 1])
{
    char        *piece;
    off_t        offset = 0;
    ssize_t      n = 0;
    uint8_t      hash[SHA256_DIGEST_LENGTH];
    EVP_MD_CTX  *context = EVP_MD_CTX_new();

    piece = malloc(PIECE);

    if (piece == NULL || context == NULL
        || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
    {
        errno = ENOMEM;
        n = -1;
    }

    while (n >= 0 && (n = pread(fd, piece, PIECE, offset)) > 0) {
        (void) EVP_DigestUpdate(context, piece, (size_t) n);
        offset += n;
    }

    if (n == 0) {
        (void) EVP_DigestFinal_ex(context, hash, NULL);
        write_hex(hash, sizeof(hash), hex);
    }

    free(piece);
    EVP_MD_CTX_free(context);

    return n == 0;
}


static bool
is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'
           || c == '~';
}


void
remote_encode(onsite_buf_t *out, const char *text)
{
    for ( ; *text != '\0'; text++) {
        if (is_unreserved(*text) || *text == '/') {
            onsite_buf_char(out, *text);
        } else {
            onsite_buf_printf(out, "%%%02X", (unsigned char) *text);
        }
    }
}


void
remote_stamp(char stamp[REMOTE_STAMP], int64_t seconds)
{
    time_t     when = (time_t) seconds;
    struct tm  utc;

    (void) gmtime_r(&when, &utc);
    (void) strftime(stamp, REMOTE_STAMP, "%Y%m%dT%H%M%SZ", &utc);
}


static void
write_signed_names(onsite_buf_t *out, const remote_signed_t *request)
{
    size_t  i;

    for (i = 0; i < request->n; i++) {
        onsite_buf_printf(out, "%s%s", i != 0 ? ";" : "",
                          request->headers[i].name);
    }
}


static void
write_canonical(onsite_buf_t *out, const remote_signed_t *request)
{
    size_t  i;

    onsite_buf_printf(out, "%s\n%s\n%s\n", request->method, request->path,
                      request->query);

    for (i = 0; i < request->n; i++) {
        onsite_buf_printf(out, "%s:%s\n", request->headers[i].name,
                          request->headers[i].value);
    }

    onsite_buf_char(out, '\n');
    write_signed_names(out, request);
    onsite_buf_printf(out, "\n%s", request->payload);
}


static void
write_scope(onsite_buf_t *out, const remote_key_t *key, const char *stamp)
{
    onsite_buf_printf(out, "%.*s/%s/%s/aws4_request", DATE_LEN, stamp,
                      key->region, key->service);
}


static void
hmac(const void *key, size_t key_len, const char *data, size_t len,
    uint8_t out[SHA256_DIGEST_LENGTH])
{
    (void) HMAC(EVP_sha256(), key, (int) key_len, (const uint8_t *) data, len,
                out, NULL);
}


/* The key of a day, region and service. */

static void
derive(const remote_key_t *key, const char *stamp,
    uint8_t out[SHA256_DIGEST_LENGTH])
{
    onsite_buf_t  secret;

    onsite_buf_init(&secret, 0);
    onsite_buf_printf(&secret, "AWS4%s", key->secret_key);

    hmac(secret.data, secret.len, stamp, DATE_LEN, out);
    hmac(out, SHA256_DIGEST_LENGTH, key->region, strlen(key->region), out);
    hmac(out, SHA256_DIGEST_LENGTH, key->service, strlen(key->service), out);
    hmac(out, SHA256_DIGEST_LENGTH, "aws4_request", 12, out);

    onsite_buf_free(&secret);
}


void
remote_sign(const remote_key_t *key, const remote_signed_t *request,
    onsite_buf_t *out)
{
    char          hex[REMOTE_SHA256_HEX + 1];
    uint8_t       signing[SHA256_DIGEST_LENGTH];
    onsite_buf_t  text;

    onsite_buf_init(&text, 0);
    write_canonical(&text, request);
    remote_sha256(onsite_str(text.data, text.len), hex);

    if (text.failed) {
        out->failed = true;
    }

    onsite_buf_clear(&text);
    onsite_buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n", request->stamp);
    write_scope(&text, key, request->stamp);
    onsite_buf_printf(&text, "\n%s", hex);

    derive(key, request->stamp, signing);
    hmac(signing, sizeof(signing), text.data, text.len, signing);
    write_hex(signing, sizeof(signing), hex);

    onsite_buf_printf(out, "AWS4-HMAC-SHA256 Credential=%s/",
                      key->access_key);
    write_scope(out, key, request->stamp);
    onsite_buf_printf(out, ", SignedHeaders=");
    write_signed_names(out, request);
    onsite_buf_printf(out, ", Signature=%s", hex);

    onsite_buf_free(&text);
}
