/*
 * test_base64.c - base64 in the shapes that clients send.
 */

#include "unit.h"
#include "onsite_event.h"


static onsite_status_t
decode(onsite_arena_t *arena, const char *text, onsite_str_t *out)
{
    return onsite_base64_decode(arena, onsite_str(text, strlen(text)), out);
}


static void
decodes(void **state)
{
    size_t           i;
    onsite_str_t     out;
    onsite_arena_t  *arena = onsite_arena_create(4096, 65536);

    static const struct {
        const char  *text;
        const char  *bytes;
    } table[] = {
        /* RFC 4648, 10 */
        { "", "" }, { "Zg==", "f" }, { "Zm8=", "fo" }, { "Zm9v", "foo" },
        { "Zm9vYg==", "foob" }, { "Zm9vYmE=", "fooba" },
        { "Zm9vYmFy", "foobar" },
        { "Zg", "f" }, { "Zm8", "fo" }, { "Zm9vYg", "foob" },
        { "+/+/", "\xfb\xff\xbf" }, { "-_-_", "\xfb\xff\xbf" },
        { " / /", "\xfb\xff\xbf" },
    };

    (void) state;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(decode(arena, table[i].text, &out), ONSITE_OK);
        assert_int_equal(out.len, strlen(table[i].bytes));
        assert_memory_equal(out.data, table[i].bytes, out.len);
    }

    onsite_arena_destroy(arena);
}


static void
refuses(void **state)
{
    size_t           i;
    onsite_str_t     out;
    onsite_arena_t  *arena = onsite_arena_create(4096, 65536);

    static const char *const  table[] = {
        "Z", "Zm9vY", "Zg=", "Zm8==", "Zm9v=", "Zm9v==", "====", "=", "==",
        "Z===", "Zm=v", "Zg==Zg==", "Zm9v\n", "Zm9%", "Zm9\xc3", "Zm,v",
    };

    (void) state;

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (decode(arena, table[i], &out) != ONSITE_INVALID) {
            fail_msg("taken: %s", table[i]);
        }
    }

    onsite_arena_destroy(arena);
}


static void
no_memory(void **state)
{
    char             text[4096];
    onsite_str_t     out;
    onsite_arena_t  *arena = onsite_arena_create(64, 256);

    (void) state;

    memset(text, 'A', sizeof(text));
    assert_int_equal(onsite_base64_decode(arena,
                                          onsite_str(text, sizeof(text)),
                                          &out), ONSITE_NO_MEMORY);
    onsite_arena_destroy(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(decodes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
