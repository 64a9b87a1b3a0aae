/*
 * test_id.c - keys, cookies and tokens: whatever was not signed is refused.
 */

#include "unit.h"
#include "onsite_id.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static const char  secret[] = "0123456789abcdef0123456789abcdef";


static int
set_up(void **state)
{
    *state = onsite_signer_create(secret, 32);

    return *state == NULL;
}


static int
tear_down(void **state)
{
    onsite_signer_destroy(*state);

    return 0;
}


static void
secrets_have_a_least_length(void **state)
{
    (void) state;

    assert_null(onsite_signer_create(secret, ONSITE_SECRET_MIN - 1));
    assert_null(onsite_signer_create(NULL, 0));
}


/* Against libcrypto's own HMAC, for keys below, at and over a block. */

static void
key_is_hmac(void **state)
{
    char              key[200];
    size_t            i;
    uint8_t           digest[32];
    unsigned          n;
    onsite_key_t      got;
    onsite_signer_t  *signer;

    static const size_t  lengths[] = { 32, 63, 64, 65, 200 };
    static const char    message[] = "visitor\0shop\0aanonymous-1";

    (void) state;
    memset(key, 'k', sizeof(key));

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        signer = onsite_signer_create(key, lengths[i]);
        got = onsite_visitor_key(signer, ONSITE_STR("shop"), 'a',
                                 ONSITE_STR("anonymous-1"));
        assert_non_null(HMAC(EVP_sha256(), key, (int) lengths[i],
                             (const unsigned char *) message,
                             sizeof(message) - 1, digest, &n));
        assert_memory_equal(got.bytes, digest, 12);
        assert_int_equal(onsite_key_site(&got),
                         onsite_site_hash(ONSITE_STR("shop")));
        onsite_signer_destroy(signer);
    }
}


/* The same for messages of any length: in one piece, at the bounds of blocks,
 * and longer ones. */

static void
tag_is_hmac(void **state)
{
    char      message[700], data[sizeof(message)];
    size_t    len, prefix;
    uint8_t   digest[32], tag[ONSITE_TAG_SIZE];
    unsigned  n;

    memset(data, 'x', sizeof(data));
    prefix = sizeof("preview\0shop");
    memcpy(message, "preview\0shop", prefix);
    memcpy(message + prefix, data, sizeof(message) - prefix);

    for (len = prefix; len <= sizeof(message); len++) {
        assert_non_null(HMAC(EVP_sha256(), secret, 32, (uint8_t *) message,
                             len, digest, &n));
        onsite_signer_tag(*state, ONSITE_STR("preview"), ONSITE_STR("shop"),
                          onsite_str(data, len - prefix), tag);
        assert_memory_equal(tag, digest, sizeof(tag));
    }
}


static void
base64url_of_any_length(void **state)
{
    char     text[8];
    uint8_t  out[6];
    size_t   len, n;

    static const uint8_t      bytes[] = { 0xfb, 0xff, 0x00, 0x3e, 0x80 };
    static const char *const  expected[] = { "", "-w", "-_8", "-_8A",
                                             "-_8APg", "-_8APoA" };

    (void) state;

    for (len = 0; len <= sizeof(bytes); len++) {
        n = onsite_base64url(bytes, len, text);
        assert_int_equal(n, strlen(expected[len]));
        assert_memory_equal(text, expected[len], n);
        assert_int_equal(onsite_base64url_strict(onsite_str(text, n), out),
                         len);
        assert_memory_equal(out, bytes, len);
    }
}


static void
keys_differ(void **state)
{
    onsite_key_t      keys[5];
    size_t            i, j;
    onsite_signer_t  *other, *signer = *state;

    other = onsite_signer_create("another secret of thirty-two byte", 33);

    keys[0] = onsite_visitor_key(signer, ONSITE_STR("s"), 'c',
                                 ONSITE_STR("x"));
    keys[1] = onsite_visitor_key(signer, ONSITE_STR("s"), 'a',
                                 ONSITE_STR("x"));
    keys[2] = onsite_visitor_key(signer, ONSITE_STR("t"), 'c',
                                 ONSITE_STR("x"));
    keys[3] = onsite_visitor_key(signer, ONSITE_STR("s"), 'c',
                                 ONSITE_STR("y"));
    keys[4] = onsite_visitor_key(other, ONSITE_STR("s"), 'c',
                                 ONSITE_STR("x"));

    for (i = 0; i < 5; i++) {
        for (j = 0; j < i; j++) {
            assert_memory_not_equal(keys[i].bytes, keys[j].bytes, 16);
        }
    }

    onsite_signer_destroy(other);
}


static void
shards_are_even(void **state)
{
    int               i;
    char              id[16];
    unsigned          counts[7] = { 0 };
    uint32_t          shard;
    onsite_key_t      key;
    onsite_signer_t  *signer = *state;

    for (i = 0; i < 7000; i++) {
        (void) snprintf(id, sizeof(id), "%d", i);
        key = onsite_visitor_key(signer, ONSITE_STR("s"), 'c',
                                 onsite_str(id, strlen(id)));
        assert_int_equal(onsite_key_shard(&key, 1), 0);
        shard = onsite_key_shard(&key, 7);
        assert_in_range(shard, 0, 6);
        counts[shard]++;
    }

    for (i = 0; i < 7; i++) {
        assert_in_range(counts[i], 850, 1150);
    }

    memset(&key, 0xff, sizeof(key));
    assert_int_equal(onsite_key_shard(&key, 64), 63);
}


static void
id_is_base64url(void **state)
{
    char     text[ONSITE_ID_TEXT];
    uint8_t  random[16];

    (void) state;

    memset(random, 0xff, 16);
    onsite_id_text(random, text);
    assert_memory_equal(text, "_____________________w", ONSITE_ID_TEXT);
    memset(random, 0, 16);
    onsite_id_text(random, text);
    assert_memory_equal(text, "AAAAAAAAAAAAAAAAAAAAAA", ONSITE_ID_TEXT);
}


static onsite_str_t
verify(onsite_signer_t *signer, const char *site, const char *value,
    size_t len)
{
    return onsite_cookie_verify(signer, onsite_str(site, strlen(site)),
                                onsite_str(value, len));
}


static void
cookie_round_trip(void **state)
{
    char              value[ONSITE_COOKIE_TEXT];
    onsite_str_t      id;
    onsite_signer_t  *signer = *state;

    onsite_cookie_sign(signer, ONSITE_STR("shop"),
                       ONSITE_STR("abcdefghijklmnopqrstuv"), value);

    id = verify(signer, "shop", value, sizeof(value));
    assert_str(id, "abcdefghijklmnopqrstuv");
    assert_ptr_equal(id.data, value);

    assert_int_equal(verify(signer, "shoq", value, sizeof(value)).len, 0);
    assert_int_equal(verify(signer, "", value, sizeof(value)).len, 0);
    assert_int_equal(verify(signer, "shop", value, sizeof(value) - 1).len, 0);
    assert_int_equal(verify(signer, "shop", value, 0).len, 0);
}


static void
cookie_with_a_flipped_bit(void **state)
{
    char              value[ONSITE_COOKIE_TEXT];
    size_t            i;
    onsite_signer_t  *signer = *state;

    onsite_cookie_sign(signer, ONSITE_STR("shop"),
                       ONSITE_STR("abcdefghijklmnopqrstuv"), value);

    for (i = 0; i < 8 * sizeof(value); i++) {
        value[i / 8] ^= (char) (1 << i % 8);
        assert_int_equal(verify(signer, "shop", value, sizeof(value)).len, 0);
        value[i / 8] ^= (char) (1 << i % 8);
    }

    assert_int_equal(verify(signer, "shop", value, sizeof(value)).len, 22);
}


static onsite_exposure_token_t
sample_token(void)
{
    onsite_exposure_token_t  token = {
        .campaign = ONSITE_STR("first-visit"), .variant = ONSITE_STR("a"),
        .policy = ONSITE_STR("2026-01-31.7"), .propensity = 0.475,
        .time = 1769860000123
    };

    memset(token.visitor.bytes, 7, 16);

    return token;
}


static void
token_round_trip(void **state)
{
    char                      text[ONSITE_TOKEN_MAX], scratch[512];
    size_t                    n, i;
    onsite_signer_t          *signer = *state;
    onsite_exposure_token_t   token = sample_token(), back;

    n = onsite_token_sign(signer, ONSITE_STR("shop"), &token, text);
    assert_in_range(n, 1, 120);

    for (i = 0; i < n; i++) {
        assert_non_null(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
                               "uvwxyz0123456789-_", text[i]));
    }

    assert_int_equal(onsite_token_verify(signer, ONSITE_STR("shop"),
                                         &token.visitor, onsite_str(text, n),
                                         scratch, &back), ONSITE_OK);
    assert_str(back.campaign, "first-visit");
    assert_str(back.variant, "a");
    assert_str(back.policy, "2026-01-31.7");
    assert_true(back.propensity == 0.475);
    assert_int_equal(back.time, 1769860000123);
    assert_memory_equal(back.visitor.bytes, token.visitor.bytes, 16);
}


static void
token_for_another(void **state)
{
    char                      text[ONSITE_TOKEN_MAX], scratch[512];
    size_t                    n, i;
    onsite_key_t              visitor;
    onsite_signer_t          *other, *signer = *state;
    onsite_exposure_token_t   token = sample_token(), back;

    n = onsite_token_sign(signer, ONSITE_STR("shop"), &token, text);

    assert_int_equal(onsite_token_verify(signer, ONSITE_STR("shoq"),
                                         &token.visitor, onsite_str(text, n),
                                         scratch, &back), ONSITE_INVALID);

    visitor = token.visitor;
    visitor.bytes[15] ^= 1;
    assert_int_equal(onsite_token_verify(signer, ONSITE_STR("shop"), &visitor,
                                         onsite_str(text, n), scratch, &back),
                     ONSITE_INVALID);

    other = onsite_signer_create("another secret of thirty-two byte", 33);
    assert_int_equal(onsite_token_verify(other, ONSITE_STR("shop"),
                                         &token.visitor, onsite_str(text, n),
                                         scratch, &back), ONSITE_INVALID);
    onsite_signer_destroy(other);

    for (i = 0; i < n; i++) {
        assert_int_equal(onsite_token_verify(signer, ONSITE_STR("shop"),
                                             &token.visitor,
                                             onsite_str(text, i), scratch,
                                             &back), ONSITE_INVALID);
    }
}


static void
token_with_a_flipped_bit(void **state)
{
    char                      text[ONSITE_TOKEN_MAX], scratch[512];
    size_t                    n, i, len;
    onsite_signer_t          *signer = *state;
    onsite_exposure_token_t   token = sample_token(), back;

    /* all three lengths of the last group */

    for (len = 9; len < 12; len++) {
        token.campaign.len = len;
        n = onsite_token_sign(signer, ONSITE_STR("shop"), &token, text);

        for (i = 0; i < 8 * n; i++) {
            text[i / 8] ^= (char) (1 << i % 8);
            assert_int_equal(onsite_token_verify(signer, ONSITE_STR("shop"),
                                                 &token.visitor,
                                                 onsite_str(text, n), scratch,
                                                 &back), ONSITE_INVALID);
            text[i / 8] ^= (char) (1 << i % 8);
        }
    }
}


static void
token_that_does_not_fit(void **state)
{
    char                      text[ONSITE_TOKEN_MAX], id[300], scratch[512];
    size_t                    n;
    onsite_signer_t          *signer = *state;
    onsite_exposure_token_t   token = sample_token(), back;

    memset(id, 'x', sizeof(id));
    token.campaign = onsite_str(id, 256);
    assert_int_equal(onsite_token_sign(signer, ONSITE_STR("s"), &token, text),
                     0);

    /* 17 + 3 + 16 bytes besides the strings, 384 in all */

    token.campaign.len = 255;
    token.variant = onsite_str(id, 93);
    token.policy.len = 0;
    n = onsite_token_sign(signer, ONSITE_STR("s"), &token, text);
    assert_int_equal(n, ONSITE_TOKEN_MAX);
    assert_int_equal(onsite_token_verify(signer, ONSITE_STR("s"),
                                         &token.visitor, onsite_str(text, n),
                                         scratch, &back), ONSITE_OK);
    assert_int_equal(back.campaign.len, 255);
    assert_int_equal(back.variant.len, 93);
    assert_int_equal(back.policy.len, 0);

    token.variant.len = 94;
    assert_int_equal(onsite_token_sign(signer, ONSITE_STR("s"), &token, text),
                     0);
}


/* A tag made for one purpose is no tag for another, whatever it covers. */

static void
purposes_are_apart(void **state)
{
    char              value[ONSITE_COOKIE_TEXT], forged[ONSITE_COOKIE_TEXT];
    onsite_key_t      key;
    onsite_signer_t  *signer = *state;
    const char        id[] = "cbcdefghijklmnopqrstuv";

    onsite_cookie_sign(signer, ONSITE_STR("shop"), onsite_str(id, 22), value);

    /* the same bytes through the key's purpose: kind 'c', then the rest */

    key = onsite_visitor_key(signer, ONSITE_STR("shop"), id[0],
                             onsite_str(id + 1, 21));
    memcpy(forged, value, sizeof(forged));
    onsite_id_text(key.bytes, forged + 23);
    assert_int_equal(verify(signer, "shop", forged, sizeof(forged)).len, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(secrets_have_a_least_length),
        cmocka_unit_test(key_is_hmac),
        cmocka_unit_test(tag_is_hmac),
        cmocka_unit_test(base64url_of_any_length),
        cmocka_unit_test(keys_differ),
        cmocka_unit_test(shards_are_even),
        cmocka_unit_test(id_is_base64url),
        cmocka_unit_test(cookie_round_trip),
        cmocka_unit_test(cookie_with_a_flipped_bit),
        cmocka_unit_test(token_round_trip),
        cmocka_unit_test(token_for_another),
        cmocka_unit_test(token_with_a_flipped_bit),
        cmocka_unit_test(token_that_does_not_fit),
        cmocka_unit_test(purposes_are_apart),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
