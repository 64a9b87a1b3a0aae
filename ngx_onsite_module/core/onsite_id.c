/*
 * onsite_id.c - keys, signed cookies, exposure tokens.
 *
 * HMAC (RFC 2104) from SHA-256's two states after the padded key, made once:
 * a short message then costs two compressions, and is padded here, as
 * SHA256_Update and SHA256_Final take longer than what they hash.  OpenSSL 3
 * calls SHA256_* deprecated, but EVP_MAC and EVP_MD_CTX_copy_ex allocate at
 * each use and are slower (see docs/measurements.md).
 */

#define OPENSSL_API_COMPAT  0x10101000L

#include "onsite_id.h"
#include "onsite_bucket.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <endian.h>
#include <stdlib.h>

#define TAG_SIZE       ONSITE_TAG_SIZE
#define TAG_TEXT       22
#define TOKEN_VERSION  1
#define TOKEN_FIXED    (1 + 8 + 8)
#define PAYLOAD_MAX    (ONSITE_TOKEN_MAX / 4 * 3)
#define SHORT          (8 * SHA256_CBLOCK)  /* a message at once          */

struct onsite_signer_s {
    SHA256_CTX  inner;
    SHA256_CTX  outer;
};

static const char  alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


static void
absorb_key(SHA256_CTX *ctx, const uint8_t key[SHA256_CBLOCK], uint8_t pad)
{
    size_t   i;
    uint8_t  block[SHA256_CBLOCK];

    for (i = 0; i < SHA256_CBLOCK; i++) {
        block[i] = key[i] ^ pad;
    }

    (void) SHA256_Init(ctx);
    (void) SHA256_Update(ctx, block, SHA256_CBLOCK);
    OPENSSL_cleanse(block, sizeof(block));
}


onsite_signer_t *
onsite_signer_create(const void *secret, size_t len)
{
    uint8_t           key[SHA256_CBLOCK] = { 0 };
    onsite_signer_t  *signer;

    if (len < ONSITE_SECRET_MIN) {
        return NULL;
    }

    signer = malloc(sizeof(onsite_signer_t));
    if (signer == NULL) {
        return NULL;
    }

    if (len > SHA256_CBLOCK) {
        (void) SHA256(secret, len, key);

    } else {
        memcpy(key, secret, len);
    }

    absorb_key(&signer->inner, key, 0x36);
    absorb_key(&signer->outer, key, 0x5c);
    OPENSSL_cleanse(key, sizeof(key));

    return signer;
}


void
onsite_signer_destroy(onsite_signer_t *signer)
{
    if (signer != NULL) {
        OPENSSL_cleanse(signer, sizeof(onsite_signer_t));
        free(signer);
    }
}


/* The state as a digest. */

static void
put_digest(const SHA256_CTX *ctx, uint8_t digest[SHA256_DIGEST_LENGTH])
{
    int       i;
    uint32_t  word;

    for (i = 0; i < 8; i++) {
        word = htobe32((uint32_t) ctx->h[i]);
        memcpy(digest + 4 * i, &word, 4);
    }
}


/*
 * The rest of a message, behind the block that its key is: len bytes, a one,
 * zeros, and the length in bits (FIPS 180-4, 5.1.1).  text has room for them.
 */

static void
hash_rest(SHA256_CTX *ctx, uint8_t *text, size_t len,
    uint8_t digest[SHA256_DIGEST_LENGTH])
{
    size_t    blocks = (len + 8) / SHA256_CBLOCK + 1;
    uint8_t  *end = text + blocks * SHA256_CBLOCK;
    uint64_t  bits = htobe64((uint64_t) (SHA256_CBLOCK + len) * 8);

    text[len] = 0x80;
    memset(text + len + 1, 0, (size_t) (end - text) - len - 1);
    memcpy(end - 8, &bits, 8);

    for (/* void */; text < end; text += SHA256_CBLOCK) {
        SHA256_Transform(ctx, text);
    }

    put_digest(ctx, digest);
}


static uint8_t *
put(uint8_t *p, onsite_str_t s)
{
    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }

    return p + s.len;
}


static void
update(SHA256_CTX *ctx, onsite_str_t s)
{
    (void) SHA256_Update(ctx, s.data, s.len);
}


/* Of a purpose, with its NUL, a site, with a NUL, and then both parts. */

static void
make_tag(const onsite_signer_t *signer, onsite_str_t purpose,
    onsite_str_t site, onsite_str_t first, onsite_str_t second,
    uint8_t tag[TAG_SIZE])
{
    uint8_t     *p, text[SHORT + 2 * SHA256_CBLOCK];
    uint8_t      digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX   ctx = signer->inner;

    if (purpose.len + site.len + first.len + second.len + 2 <= SHORT) {
        p = put(text, purpose);
        *p++ = '\0';
        p = put(p, site);
        *p++ = '\0';
        p = put(put(p, first), second);
        hash_rest(&ctx, text, (size_t) (p - text), digest);

    } else {
        update(&ctx, purpose);
        update(&ctx, onsite_str("", 1));
        update(&ctx, site);
        update(&ctx, onsite_str("", 1));
        update(&ctx, first);
        update(&ctx, second);
        (void) SHA256_Final(digest, &ctx);
    }

    memcpy(text, digest, sizeof(digest));
    ctx = signer->outer;
    hash_rest(&ctx, text, sizeof(digest), digest);

    memcpy(tag, digest, TAG_SIZE);
}


void
onsite_signer_tag(const onsite_signer_t *signer, onsite_str_t purpose,
    onsite_str_t site, onsite_str_t data, uint8_t tag[TAG_SIZE])
{
    make_tag(signer, purpose, site, data, onsite_str(NULL, 0), tag);
}


bool
onsite_tag_eq(const uint8_t a[TAG_SIZE], const uint8_t b[TAG_SIZE])
{
    return CRYPTO_memcmp(a, b, TAG_SIZE) == 0;
}


size_t
onsite_base64url(const uint8_t *data, size_t len, char *out)
{
    char      *p = out;
    uint32_t   word;

    for (/* void */; len >= 3; len -= 3, data += 3) {
        word = (uint32_t) data[0] << 16 | (uint32_t) data[1] << 8 | data[2];
        *p++ = alphabet[word >> 18];
        *p++ = alphabet[word >> 12 & 63];
        *p++ = alphabet[word >> 6 & 63];
        *p++ = alphabet[word & 63];
    }

    if (len != 0) {
        word = (uint32_t) data[0] << 8 | (len == 2 ? data[1] : 0);
        *p++ = alphabet[word >> 10];
        *p++ = alphabet[word >> 4 & 63];

        if (len == 2) {
            *p++ = alphabet[word << 2 & 63];
        }
    }

    return (size_t) (p - out);
}


static int
base64url_value(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '-' ? 62 : c == '_' ? 63 : -1;
}


/* Canonical text only: bits left over are zero. */

size_t
onsite_base64url_strict(onsite_str_t text, uint8_t *out)
{
    int       value;
    size_t    i, n, bits;
    uint32_t  word;

    for (i = n = bits = 0, word = 0; i < text.len; i++) {
        value = base64url_value(text.data[i]);
        if (value < 0) {
            return 0;
        }

        word = word << 6 | (uint32_t) value;
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            out[n++] = (uint8_t) (word >> bits);
        }
    }

    return bits < 6 && (word & ((1u << bits) - 1)) == 0 ? n : 0;
}


onsite_key_t
onsite_visitor_key(onsite_signer_t *signer, onsite_str_t site, char kind,
    onsite_str_t id)
{
    uint32_t      hash = onsite_site_hash(site);
    onsite_key_t  key;

    make_tag(signer, ONSITE_STR("visitor"), site, onsite_str(&kind, 1), id,
             key.bytes);

    key.bytes[12] = (uint8_t) (hash >> 24);
    key.bytes[13] = (uint8_t) (hash >> 16);
    key.bytes[14] = (uint8_t) (hash >> 8);
    key.bytes[15] = (uint8_t) hash;

    return key;
}


uint32_t
onsite_site_hash(onsite_str_t site)
{
    return onsite_fnv32a(site);
}


uint32_t
onsite_key_site(const onsite_key_t *key)
{
    const uint8_t  *p = key->bytes + 12;

    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
}


uint32_t
onsite_key_shard(const onsite_key_t *key, uint32_t shards)
{
    const uint8_t  *p = key->bytes + 8;

    /* not its first bytes: within a shard they should spread over the tree */

    return (uint32_t) (((uint64_t) p[0] << 24 | (uint64_t) p[1] << 16
                        | (uint64_t) p[2] << 8 | p[3]) * shards >> 32);
}


void
onsite_id_text(const uint8_t random[16], char *out)
{
    (void) onsite_base64url(random, 16, out);
}


static void
cookie_tag(onsite_signer_t *signer, onsite_str_t site, onsite_str_t id,
    char text[TAG_TEXT])
{
    uint8_t  tag[TAG_SIZE];

    make_tag(signer, ONSITE_STR("cookie"), site, id, onsite_str(NULL, 0), tag);

    (void) onsite_base64url(tag, TAG_SIZE, text);
}


void
onsite_cookie_sign(onsite_signer_t *signer, onsite_str_t site,
    onsite_str_t id, char *out)
{
    memcpy(out, id.data, ONSITE_ID_TEXT);
    out[ONSITE_ID_TEXT] = '.';
    cookie_tag(signer, site, id, out + ONSITE_ID_TEXT + 1);
}


onsite_str_t
onsite_cookie_verify(onsite_signer_t *signer, onsite_str_t site,
    onsite_str_t value)
{
    char          tag[TAG_TEXT];
    onsite_str_t  id;

    if (value.len != ONSITE_COOKIE_TEXT || value.data[ONSITE_ID_TEXT] != '.') {
        return onsite_str(NULL, 0);
    }

    id = onsite_str(value.data, ONSITE_ID_TEXT);
    cookie_tag(signer, site, id, tag);

    /* as text: base64 has spare bits, of which only one setting is ours */

    if (CRYPTO_memcmp(tag, value.data + ONSITE_ID_TEXT + 1, TAG_TEXT) != 0) {
        return onsite_str(NULL, 0);
    }

    return id;
}


static void
put_u64(uint8_t *p, uint64_t n)
{
    int  i;

    for (i = 7; i >= 0; i--, n >>= 8) {
        p[i] = (uint8_t) n;
    }
}


static uint64_t
get_u64(const uint8_t *p)
{
    int       i;
    uint64_t  n = 0;

    for (i = 0; i < 8; i++) {
        n = n << 8 | p[i];
    }

    return n;
}


static void
token_tag(onsite_signer_t *signer, onsite_str_t site,
    const onsite_key_t *visitor, const uint8_t *payload, size_t len,
    uint8_t tag[TAG_SIZE])
{
    make_tag(signer, ONSITE_STR("exposure"), site,
             onsite_str((const char *) visitor->bytes, sizeof(visitor->bytes)),
             onsite_str((const char *) payload, len), tag);
}


bool
onsite_signed_put(uint8_t *data, size_t *n, size_t max, onsite_str_t str)
{
    if (str.len > UINT8_MAX || str.len + 1 > max - *n) {
        return false;
    }

    data[(*n)++] = (uint8_t) str.len;

    if (str.len != 0) {
        memcpy(data + *n, str.data, str.len);
        *n += str.len;
    }

    return true;
}


bool
onsite_signed_take(const char *data, size_t *at, size_t end,
    onsite_str_t *str)
{
    size_t  len;

    if (*at == end) {
        return false;
    }

    len = (uint8_t) data[*at];

    if (len > end - *at - 1) {
        return false;
    }

    *str = onsite_str(data + *at + 1, len);
    *at += 1 + len;

    return true;
}


size_t
onsite_token_sign(onsite_signer_t *signer, onsite_str_t site,
    const onsite_exposure_token_t *token, char *out)
{
    size_t        i, n;
    uint8_t       payload[PAYLOAD_MAX];
    uint64_t      bits;
    onsite_str_t  strings[] = { token->campaign, token->variant,
                                token->policy };

    memcpy(&bits, &token->propensity, 8);
    payload[0] = TOKEN_VERSION;
    put_u64(payload + 1, (uint64_t) token->time);
    put_u64(payload + 9, bits);
    n = TOKEN_FIXED;

    for (i = 0; i < 3; i++) {
        if (!onsite_signed_put(payload, &n, PAYLOAD_MAX - TAG_SIZE,
                               strings[i]))
        {
            return 0;
        }
    }

    token_tag(signer, site, &token->visitor, payload, n, payload + n);

    return onsite_base64url(payload, n + TAG_SIZE, out);
}


onsite_status_t
onsite_token_verify(onsite_signer_t *signer, onsite_str_t site,
    const onsite_key_t *visitor, onsite_str_t text, char *scratch,
    onsite_exposure_token_t *token)
{
    size_t    at, end;
    uint8_t  *payload = (uint8_t *) scratch, tag[TAG_SIZE];
    uint64_t  bits;

    if (text.len > ONSITE_TOKEN_MAX) {
        return ONSITE_INVALID;
    }

    end = onsite_base64url_strict(text, payload);
    if (end < TOKEN_FIXED + TAG_SIZE) {
        return ONSITE_INVALID;
    }

    end -= TAG_SIZE;
    token_tag(signer, site, visitor, payload, end, tag);

    if (CRYPTO_memcmp(tag, payload + end, TAG_SIZE) != 0
        || payload[0] != TOKEN_VERSION)
    {
        return ONSITE_INVALID;
    }

    at = TOKEN_FIXED;
    bits = get_u64(payload + 9);
    memcpy(&token->propensity, &bits, 8);
    token->time = (onsite_ms_t) get_u64(payload + 1);
    token->visitor = *visitor;

    return onsite_signed_take(scratch, &at, end, &token->campaign)
           && onsite_signed_take(scratch, &at, end, &token->variant)
           && onsite_signed_take(scratch, &at, end, &token->policy) && at == end
           ? ONSITE_OK : ONSITE_INVALID;
}
