/*
 * onsite_id.h - who a visitor is: keys, signed cookies, exposure tokens.
 *
 * One secret per site group (onsite_key_file) drives all of it, through
 * HMAC-SHA256 (RFC 2104, libcrypto) with a purpose label, so a signature for
 * one purpose is never valid for another.
 */

#ifndef ONSITE_ID_H
#define ONSITE_ID_H

#include "onsite_types.h"

typedef struct onsite_signer_s  onsite_signer_t;

#define ONSITE_SECRET_MIN   32      /* bytes of key material               */
#define ONSITE_ID_TEXT      22      /* base64url of 16 bytes, no padding   */
#define ONSITE_COOKIE_TEXT  45      /* id "." base64url of a 16-byte tag   */
#define ONSITE_TOKEN_MAX   512

/* Prepared once per process: calls below do not allocate or fetch.  NULL for
 * a secret under ONSITE_SECRET_MIN bytes, or when memory is out. */
onsite_signer_t *onsite_signer_create(const void *secret, size_t len);
void onsite_signer_destroy(onsite_signer_t *signer);

/*
 * For what else is signed: the first ONSITE_TAG_SIZE bytes of
 * HMAC(purpose 0 site 0 data), each purpose a literal of its own; and the
 * text that signed bytes travel as.
 */
#define ONSITE_TAG_SIZE  16

void onsite_signer_tag(const onsite_signer_t *signer, onsite_str_t purpose,
    onsite_str_t site, onsite_str_t data, uint8_t tag[ONSITE_TAG_SIZE]);

/* In time that depends on nothing of the tags. */
bool onsite_tag_eq(const uint8_t a[ONSITE_TAG_SIZE],
    const uint8_t b[ONSITE_TAG_SIZE]);

/* Strings of at most 255 bytes in such data, each behind its length: put while
 * *n stays within max, taken while *at stays within end. */
bool onsite_signed_put(uint8_t *data, size_t *n, size_t max,
    onsite_str_t str);
bool onsite_signed_take(const char *data, size_t *at, size_t end,
    onsite_str_t *str);

/* base64url without padding; returns the length. */
size_t onsite_base64url(const uint8_t *data, size_t len, char *out);

/* The one text that these bytes have; 0: it is none.  out has room for
 * three bytes of each four. */
size_t onsite_base64url_strict(onsite_str_t text, uint8_t *out);

/* The record key of an id within a site: the first 12 bytes of
 * HMAC("visitor" 0 site 0 kind id), then onsite_site_hash(site), so that a
 * record at rest tells whose it is.  kind keeps name spaces apart: 'c' an id
 * from our cookie, 'a' an anonymousId from a client, 'u' a customer id.  A
 * site's name holds no NUL. */
onsite_key_t onsite_visitor_key(onsite_signer_t *signer, onsite_str_t site,
    char kind, onsite_str_t id);

/* FNV-1a of the site's name, and the one that a key ends in. */
uint32_t onsite_site_hash(onsite_str_t site);
uint32_t onsite_key_site(const onsite_key_t *key);

/* Shard of a key, 0 .. shards - 1. */
uint32_t onsite_key_shard(const onsite_key_t *key, uint32_t shards);

/* 16 random bytes → id text (ONSITE_ID_TEXT bytes). */
void onsite_id_text(const uint8_t random[16], char *out);

/* The cookie value for an id (ONSITE_ID_TEXT bytes): ONSITE_COOKIE_TEXT bytes
 * into out.  The tag is the start of HMAC("cookie" 0 site 0 id). */
void onsite_cookie_sign(onsite_signer_t *signer, onsite_str_t site,
    onsite_str_t id, char *out);

/* The id inside a cookie value (points into it), or len 0 when the value is
 * malformed, or its tag is wrong (compared in constant time). */
onsite_str_t onsite_cookie_verify(onsite_signer_t *signer, onsite_str_t site,
    onsite_str_t value);

/* What an exposure token says; strings point into the caller's memory. */
typedef struct {
    onsite_key_t   visitor;
    onsite_str_t   campaign;
    onsite_str_t   variant;
    onsite_str_t   policy;       /* version of what chose: snapshot version */
    double         propensity;   /* probability with which it was chosen    */
    onsite_ms_t    time;
} onsite_exposure_token_t;

/*
 * URL-safe text into out (ONSITE_TOKEN_MAX bytes); returns its length, 0
 * when it does not fit (a string over 255 bytes, or all of them too long).
 *
 * base64url, without padding, of: a version byte (1); time, 8 bytes
 * big-endian; propensity, an IEEE double likewise; campaign, variant and
 * policy, each behind a byte of its length; and the first 16 bytes of
 * HMAC("exposure" 0 site 0 visitor, all before).
 */
size_t onsite_token_sign(onsite_signer_t *signer, onsite_str_t site,
    const onsite_exposure_token_t *token, char *out);

/* INVALID for anything this secret and site did not sign for this visitor.
 * campaign, variant and policy point into scratch (ONSITE_TOKEN_MAX bytes). */
onsite_status_t onsite_token_verify(onsite_signer_t *signer,
    onsite_str_t site, const onsite_key_t *visitor, onsite_str_t text,
    char *scratch, onsite_exposure_token_t *token);

#endif
