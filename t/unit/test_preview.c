/*
 * test_preview.c - tokens of preview links: whatever was not signed for this
 * site and page, or is over, is refused; and what is told of a page is told
 * without them.
 */

#include "unit.h"
#include "onsite_preview.h"

#define NOW  ((onsite_ms_t) 1700000000000)

#define SITE  ONSITE_STR("shop")

static const onsite_preview_page_t  landing = {
    ONSITE_STR("shop.example"), ONSITE_STR("/landing/")
};

static const onsite_preview_t  summer = {
    ONSITE_STR("summer-sale"), ONSITE_STR("b"), NOW + 1000
};


static int
set_up(void **state)
{
    *state = onsite_signer_create("0123456789abcdef0123456789abcdef", 32);

    return *state == NULL;
}


static int
tear_down(void **state)
{
    onsite_signer_destroy(*state);

    return 0;
}


/* A token as C text. */

static const char *
sign(const onsite_signer_t *signer, const onsite_preview_t *preview,
    char out[ONSITE_PREVIEW_MAX + 1])
{
    size_t  len = onsite_preview_sign(signer, SITE, &landing, preview, out);

    assert_true(len != 0 && len <= ONSITE_PREVIEW_MAX);
    out[len] = '\0';

    return out;
}


static onsite_preview_verdict_t
verify_as(const onsite_signer_t *signer, onsite_str_t site,
    onsite_preview_page_t page, const char *token, onsite_ms_t now)
{
    char              scratch[ONSITE_PREVIEW_MAX];
    onsite_preview_t  preview;

    return onsite_preview_verify(signer, site, &page,
                                 onsite_str(token, strlen(token)), now,
                                 scratch, &preview);
}


static onsite_preview_verdict_t
on_page(const onsite_signer_t *signer, const char *token, const char *host,
    const char *path)
{
    return verify_as(signer, SITE,
                     (onsite_preview_page_t) {
                         onsite_str(host, strlen(host)),
                         onsite_str(path, strlen(path)) },
                     token, NOW);
}


static void
what_was_signed_comes_back(void **state)
{
    char              token[ONSITE_PREVIEW_MAX + 1];
    char              scratch[ONSITE_PREVIEW_MAX];
    onsite_preview_t  preview, none = { ONSITE_STR("c"), ONSITE_STR(""), NOW };

    (void) sign(*state, &summer, token);
    assert_int_equal(onsite_preview_verify(*state, SITE, &landing,
                         onsite_str(token, strlen(token)), NOW, scratch,
                         &preview), ONSITE_PREVIEW_VALID);
    assert_str(preview.campaign, "summer-sale");
    assert_str(preview.variant, "b");
    assert_int_equal(preview.expires, NOW + 1000);
    assert_int_equal(strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
                                   "pqrstuvwxyz0123456789-_"),
                     strlen(token));

    (void) sign(*state, &none, token);
    assert_int_equal(onsite_preview_verify(*state, SITE, &landing,
                         onsite_str(token, strlen(token)), NOW - 1, scratch,
                         &preview), ONSITE_PREVIEW_VALID);
    assert_int_equal(preview.variant.len, 0);
}


static void
expiry(void **state)
{
    char  token[ONSITE_PREVIEW_MAX + 1];

    (void) sign(*state, &summer, token);
    assert_int_equal(verify_as(*state, SITE, landing, token, NOW + 999),
                     ONSITE_PREVIEW_VALID);
    assert_int_equal(verify_as(*state, SITE, landing, token, NOW + 1000),
                     ONSITE_PREVIEW_EXPIRED);
    assert_int_equal(verify_as(*state, SITE, landing, token, INT64_MAX),
                     ONSITE_PREVIEW_EXPIRED);
}


static void
of_another_page_site_or_secret(void **state)
{
    char              token[ONSITE_PREVIEW_MAX + 1], path[2100];
    onsite_signer_t  *other;

    (void) sign(*state, &summer, token);
    assert_int_equal(on_page(*state, token, "SHOP.Example", "/landing/"), 0);
    assert_int_equal(on_page(*state, token, "shop.example", "/l%61nding%2F"),
                     0);
    assert_int_equal(on_page(*state, token, "shop.example", "/landing"),
                     ONSITE_PREVIEW_OTHER_PAGE);
    assert_int_equal(on_page(*state, token, "shop.example", "/Landing/"),
                     ONSITE_PREVIEW_OTHER_PAGE);
    assert_int_equal(on_page(*state, token, "www.shop.example", "/landing/"),
                     ONSITE_PREVIEW_OTHER_PAGE);
    assert_int_equal(on_page(*state, token, "", ""),
                     ONSITE_PREVIEW_OTHER_PAGE);
    assert_int_equal(on_page(*state, token, "shop.example", "/landing%"),
                     ONSITE_PREVIEW_OTHER_PAGE);

    memset(path, '/', sizeof(path));
    path[2099] = '\0';
    assert_int_equal(on_page(*state, token, "shop.example", path),
                     ONSITE_PREVIEW_OTHER_PAGE);
    assert_int_equal(on_page(*state, token, path, "/landing/"),
                     ONSITE_PREVIEW_OTHER_PAGE);

    assert_int_equal(verify_as(*state, ONSITE_STR("sho"), landing, token, NOW),
                     ONSITE_PREVIEW_FORGED);

    other = onsite_signer_create("another secret of enough bytes...", 33);
    assert_int_equal(verify_as(other, SITE, landing, token, NOW),
                     ONSITE_PREVIEW_FORGED);
    onsite_signer_destroy(other);
}


/* Every bit of every character, and every length. */

static void
changed_tokens(void **state)
{
    int     bit;
    char    token[ONSITE_PREVIEW_MAX + 2], was;
    size_t  i, len;

    len = strlen(sign(*state, &summer, token));

    for (i = 0; i < len; i++) {
        for (bit = 0; bit < 8; bit++) {
            was = token[i];
            token[i] = (char) (was ^ (1 << bit));
            assert_int_equal(verify_as(*state, SITE, landing, token, NOW),
                             ONSITE_PREVIEW_FORGED);
            token[i] = was;
        }
    }

    for (i = 0; i < len; i++) {
        was = token[i];
        token[i] = '\0';
        assert_int_equal(verify_as(*state, SITE, landing, token, NOW),
                         ONSITE_PREVIEW_FORGED);
        token[i] = was;
    }

    for (i = len; i <= ONSITE_PREVIEW_MAX; i++) {
        token[i] = 'A';
        token[i + 1] = '\0';
        assert_int_equal(verify_as(*state, SITE, landing, token, NOW),
                         ONSITE_PREVIEW_FORGED);
    }
}


/* An exposure token is none, nor what is signed for another purpose. */

static void
tokens_for_other_purposes(void **state)
{
    char                     token[ONSITE_TOKEN_MAX + 1];
    onsite_key_t             key = { { 0 } };
    onsite_exposure_token_t  exposure = {
        key, ONSITE_STR("summer-sale"), ONSITE_STR("b"), ONSITE_STR("1"), 1,
        NOW + 1000
    };

    token[onsite_token_sign(*state, SITE, &exposure, token)] = '\0';
    assert_int_equal(verify_as(*state, SITE, landing, token, NOW),
                     ONSITE_PREVIEW_FORGED);
}


static void
what_is_too_long_is_not_signed(void **state)
{
    char                   out[ONSITE_PREVIEW_MAX], text[2100];
    onsite_preview_t       preview = summer;
    onsite_preview_page_t  page = landing;

    memset(text, 'x', sizeof(text));

    preview.campaign = onsite_str(text, 256);
    assert_int_equal(onsite_preview_sign(*state, SITE, &page, &preview, out),
                     0);
    preview.campaign = onsite_str(text, 255);
    assert_int_not_equal(onsite_preview_sign(*state, SITE, &page, &preview,
                                             out), 0);
    preview.variant = onsite_str(text, 255);
    assert_int_equal(onsite_preview_sign(*state, SITE, &page, &preview, out),
                     0);

    preview = summer;
    page.host = onsite_str(text, ONSITE_PREVIEW_HOST_MAX);
    page.path = onsite_str(text, ONSITE_PREVIEW_PATH_MAX);
    assert_int_not_equal(onsite_preview_sign(*state, SITE, &page, &preview,
                                             out), 0);
    page.path.len++;
    assert_int_equal(onsite_preview_sign(*state, SITE, &page, &preview, out),
                     0);
    page = landing;
    page.host = onsite_str(text, ONSITE_PREVIEW_HOST_MAX + 1);
    assert_int_equal(onsite_preview_sign(*state, SITE, &page, &preview, out),
                     0);
}


static void
tokens_in_queries(void **state)
{
    (void) state;

    assert_str(onsite_preview_token(ONSITE_STR("onsite_preview=T")), "T");
    assert_str(onsite_preview_token(ONSITE_STR("a=1&&onsite_preview=T&b")),
               "T");
    assert_str(onsite_preview_token(
                   ONSITE_STR("onsite_preview&onsite_preview=T")), "T");
    assert_int_equal(onsite_preview_token(ONSITE_STR("")).len, 0);
    assert_int_equal(onsite_preview_token(
                         ONSITE_STR("x_onsite_preview=T")).len, 0);
    assert_int_equal(onsite_preview_token(
                         ONSITE_STR("onsite_previews=T")).len, 0);
    assert_int_equal(onsite_preview_token(
                         ONSITE_STR("onsite_preview=")).len, 0);
}


static void
stripped(void **state)
{
    size_t           i;
    onsite_str_t     text, got;
    onsite_arena_t  *arena = onsite_arena_create(4096, 1 << 20);

    static const struct {
        bool         args;
        const char  *text;
        const char  *left;
    } cases[] = {
        { true, "", "" },
        { true, "a=1&b", "a=1&b" },
        { true, "onsite_preview=T", "" },
        { true, "onsite_preview=T&a=1", "a=1" },
        { true, "a=1&onsite_preview=T&&b", "a=1&&b" },
        { true, "a=1&onsite_preview=T&onsite_preview", "a=1" },
        { true, "onsite_previews=T", "onsite_previews=T" },
        { true, "a=onsite_preview=T", "a=onsite_preview=" },
        { true, "onsite%5Fpreview=T&a", "a" },
        { true, "a&%6fnsite_preview=T", "a" },
        { true, "next=%2Fi%3Fonsite_preview%3DT%26b&c",
          "next=%2Fi%3Fonsite_preview%3D%26b&c" },
        { true, "next=%252Fi%253Fonsite%255Fpreview%253DT%2526b&c",
          "next=%252Fi%253Fonsite%255Fpreview%253D%2526b&c" },
        { true, "n=%3Fonsite_preview%3DT%23f", "n=%3Fonsite_preview%3D%23f" },
        { true, "n=onsite_preview%2", "n=onsite_preview%2" },
        { true, "n=onsite_preview%3d", "n=onsite_preview%3d" },
        { false, "see '/?x' or onsite_preview=T\" x",
          "see '/?x' or onsite_preview=\" x" },
        { false, "?onsite_preview=T", "" },
        { false, "?a&onsite_preview=T", "?a" },
        { false, "https://h/p?onsite_preview=T#f", "https://h/p#f" },
        { false, "https://h/p?x=%20&onsite_preview=T&y#f",
          "https://h/p?x=%20&y#f" },
        { false, "https://h/onsite_preview=T", "https://h/onsite_preview=" },
        { false, "https://h/#?onsite_preview=T",
          "https://h/#?onsite_preview=" },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = onsite_str(cases[i].text, strlen(cases[i].text));
        got = onsite_preview_strip(arena, text, cases[i].args);
        assert_int_equal(got.len, strlen(cases[i].left));
        assert_memory_equal(got.data, cases[i].left, got.len);
    }

    onsite_arena_destroy(arena);
}


static void
scrubbed(void **state)
{
    onsite_value_t    list[1], value;
    onsite_arena_t   *arena = onsite_arena_create(4096, 1 << 20);
    onsite_member_t   members[3];

    (void) state;

    list[0] = onsite_value_string(ONSITE_STR("/?onsite_preview=T&a"));
    members[0].key = ONSITE_STR("list");
    members[0].value = (onsite_value_t) { .type = ONSITE_ARRAY, .len = 1,
                                          .as.items = list };
    members[1].key = ONSITE_STR("n");
    members[1].value = onsite_value_number(1);
    members[2].key = ONSITE_STR("search");
    members[2].value = onsite_value_string(ONSITE_STR("?onsite_preview=T"));
    value = (onsite_value_t) { .type = ONSITE_OBJECT, .len = 3,
                               .as.members = members };

    onsite_preview_scrub(arena, &value);
    assert_str(onsite_value_str(&list[0]), "/?a");
    assert_str(onsite_value_str(&members[2].value), "");

    onsite_arena_destroy(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(what_was_signed_comes_back),
        cmocka_unit_test(expiry),
        cmocka_unit_test(of_another_page_site_or_secret),
        cmocka_unit_test(changed_tokens),
        cmocka_unit_test(tokens_for_other_purposes),
        cmocka_unit_test(what_is_too_long_is_not_signed),
        cmocka_unit_test(tokens_in_queries),
        cmocka_unit_test(stripped),
        cmocka_unit_test(scrubbed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
