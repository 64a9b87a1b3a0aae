/*
 * test_arena.c - arena: alignment, bound, reset.
 */

#include "unit.h"
#include "onsite_arena.h"


static void
aligned_and_apart(void **state)
{
    char            *a, *b;
    onsite_arena_t  *arena = onsite_arena_create(64, 4096);

    (void) state;

    a = onsite_arena_alloc(arena, 1);
    b = onsite_arena_alloc(arena, 40);
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal((uintptr_t) a % 16, 0);
    assert_int_equal((uintptr_t) b % 16, 0);
    memset(a, 1, 1);
    memset(b, 2, 40);
    assert_int_equal(a[0], 1);

    onsite_arena_destroy(arena);
}


static void
bounded(void **state)
{
    int              i;
    onsite_arena_t  *arena = onsite_arena_create(64, 1024);

    (void) state;

    assert_null(onsite_arena_alloc(arena, 2000));
    assert_null(onsite_arena_alloc(arena, SIZE_MAX));

    for (i = 0; i < 1000 && onsite_arena_alloc(arena, 32) != NULL; i++) {
        /* void */
    }
    assert_in_range(i, 10, 32);

    onsite_arena_reset(arena);
    assert_int_equal(onsite_arena_used(arena), 0);
    assert_non_null(onsite_arena_alloc(arena, 500));

    onsite_arena_destroy(arena);
}


static void
copies_end_in_nul(void **state)
{
    onsite_str_t     copy;
    onsite_arena_t  *arena = onsite_arena_create(64, 1024);

    (void) state;

    copy = onsite_arena_copy(arena, ONSITE_STR("abc"));
    assert_int_equal(copy.len, 3);
    assert_string_equal(copy.data, "abc");

    onsite_arena_destroy(arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(aligned_and_apart),
        cmocka_unit_test(bounded),
        cmocka_unit_test(copies_end_in_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
