/*
 * remote_sign.h - AWS Signature Version 4 (AWS4-HMAC-SHA256) of a request, as
 * the documentation of AWS has it, with S3's rules: the path is encoded once
 * and not normalised.
 */

#ifndef REMOTE_SIGN_H
#define REMOTE_SIGN_H

#include "onsite_buf.h"

/* SHA-256 of nothing, in hex. */
#define REMOTE_SHA256_EMPTY                                                   \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

#define REMOTE_SHA256_HEX  64
#define REMOTE_STAMP       sizeof("20130524T000000Z")

typedef struct {
    const char  *access_key;
    const char  *secret_key;
    const char  *region;
    const char  *service;       /* "s3"                                    */
} remote_key_t;

typedef struct {
    const char  *name;          /* lower case                              */
    const char  *value;         /* trimmed                                 */
} remote_header_t;

typedef struct {
    const char             *method;
    const char             *path;       /* as remote_encode writes it      */
    const char             *query;      /* canonical, or ""                */
    const remote_header_t  *headers;    /* by name; those that are signed  */
    size_t                  n;
    const char             *payload;    /* SHA-256 of the body, in hex     */
    const char             *stamp;      /* the value of x-amz-date         */
} remote_signed_t;

/* The value of Authorization, appended to out. */
void remote_sign(const remote_key_t *key, const remote_signed_t *request,
    onsite_buf_t *out);

/* Percent-encodes all but unreserved characters (RFC 3986) and slashes. */
void remote_encode(onsite_buf_t *out, const char *text);

/* "20130524T000000Z" */
void remote_stamp(char stamp[REMOTE_STAMP], int64_t seconds);

/* False where reading fails, with errno; hex gets a NUL at its end. */
bool remote_sha256_file(int fd, char hex[REMOTE_SHA256_HEX + 1]);
void remote_sha256(onsite_str_t bytes, char hex[REMOTE_SHA256_HEX + 1]);

#endif
