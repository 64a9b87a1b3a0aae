/*
 * test_gzip.c - compressed bodies: right, cut, broken, and bombs.
 */

#include "unit.h"
#include "onsite_event.h"

#include <zlib.h>

#define MAX  ((size_t) 512 * 1024)


/* The caller frees. */

static onsite_str_t
compress_gzip(const void *data, size_t len)
{
    char      *out;
    size_t     room = len / 100 + len + 100;
    z_stream   z;

    memset(&z, 0, sizeof(z));
    out = malloc(room);
    assert_non_null(out);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8,
                                  Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *) data;
    z.avail_in = (uInt) len;
    z.next_out = (Bytef *) out;
    z.avail_out = (uInt) room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    len = z.total_out;
    (void) deflateEnd(&z);

    return onsite_str(out, len);
}


static int
set_up(void **state)
{
    *state = onsite_arena_create(64 * 1024, 4 * 1024 * 1024);

    return *state == NULL;
}


static int
tear_down(void **state)
{
    onsite_arena_destroy(*state);

    return 0;
}


static void
detects(void **state)
{
    (void) state;

    assert_true(onsite_gzip_detect(ONSITE_STR("\x1f\x8b\x08\x00")));
    assert_false(onsite_gzip_detect(ONSITE_STR("\x1f\x8b")));
    assert_false(onsite_gzip_detect(ONSITE_STR("{\"a\":1}")));
    assert_false(onsite_gzip_detect(ONSITE_STR("")));
}


static void
round_trips(void **state)
{
    char            *data = malloc(MAX);
    size_t           i, len;
    onsite_str_t     body, out;
    onsite_arena_t  *arena = *state;

    static const size_t  lengths[] = { 0, 1, 7, 500, 70000, MAX };

    assert_non_null(data);

    for (i = 0; i < MAX; i++) {
        data[i] = (char) (i * i >> 7);
    }

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        len = lengths[i];
        onsite_arena_reset(arena);
        body = compress_gzip(data, len);
        assert_true(onsite_gzip_detect(body));
        assert_int_equal(onsite_gzip_inflate(arena, body, MAX, &out),
                         ONSITE_OK);
        assert_int_equal(out.len, len);
        assert_memory_equal(out.data, data, len);
        free((void *) body.data);
    }

    free(data);
}


static void
bombs(void **state)
{
    char            *zeros = calloc(1, 10 * 1024 * 1024), *lying;
    onsite_str_t     body, out;
    onsite_arena_t  *arena = *state;

    assert_non_null(zeros);
    body = compress_gzip(zeros, 10 * 1024 * 1024);
    assert_in_range(body.len, 1, 20 * 1024);

    onsite_arena_reset(arena);
    assert_int_equal(onsite_gzip_inflate(arena, body, MAX, &out),
                     ONSITE_LIMIT);
    assert_in_range(onsite_arena_used(arena), 0, 2 * MAX + 65536);

    /* whatever the trailer claims */

    lying = (char *) body.data + body.len - 4;
    memset(lying, 0, 4);
    onsite_arena_reset(arena);
    assert_int_equal(onsite_gzip_inflate(arena, body, MAX, &out),
                     ONSITE_LIMIT);

    memset(lying, 0xff, 4);
    onsite_arena_reset(arena);
    assert_int_equal(onsite_gzip_inflate(arena, body, MAX, &out),
                     ONSITE_LIMIT);

    free((void *) body.data);
    free(zeros);
}


static void
one_byte_over(void **state)
{
    char             data[1001] = { 0 };
    onsite_str_t     body, out;
    onsite_arena_t  *arena = *state;

    body = compress_gzip(data, 1001);
    onsite_arena_reset(arena);
    assert_int_equal(onsite_gzip_inflate(arena, body, 1001, &out), ONSITE_OK);
    assert_int_equal(onsite_gzip_inflate(arena, body, 1000, &out),
                     ONSITE_LIMIT);
    free((void *) body.data);
}


static void
damaged(void **state)
{
    char            *copy;
    size_t           i;
    onsite_str_t     body, out;
    onsite_arena_t  *arena = *state;

    static const char  text[] = "{\"event\":\"a\","
                                "\"b\":\"some text, some text\"}";

    body = compress_gzip(text, sizeof(text) - 1);
    copy = malloc(body.len + 1);
    assert_non_null(copy);

    for (i = 0; i < body.len; i++) {
        onsite_arena_reset(arena);
        memcpy(copy, body.data, i);
        assert_int_equal(onsite_gzip_inflate(arena, onsite_str(copy, i), MAX,
                                             &out), ONSITE_INVALID);
    }

    /* bit flips in data or checksum: the header's time and system are free */

    for (i = 10; i < body.len; i++) {
        onsite_arena_reset(arena);
        memcpy(copy, body.data, body.len);
        copy[i] ^= 0x10;
        assert_int_not_equal(onsite_gzip_inflate(arena,
                                                 onsite_str(copy, body.len),
                                                 MAX, &out), ONSITE_OK);
    }

    memcpy(copy, body.data, body.len);
    copy[body.len] = 'x';
    onsite_arena_reset(arena);
    assert_int_equal(onsite_gzip_inflate(arena,
                                         onsite_str(copy, body.len + 1), MAX,
                                         &out), ONSITE_INVALID);

    free(copy);
    free((void *) body.data);
}


static void
no_memory(void **state)
{
    onsite_str_t     body, out;
    onsite_arena_t  *small = onsite_arena_create(64, 4096);

    (void) state;

    body = compress_gzip("abc", 3);
    assert_int_equal(onsite_gzip_inflate(small, body, MAX, &out),
                     ONSITE_NO_MEMORY);
    free((void *) body.data);
    onsite_arena_destroy(small);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(detects),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(bombs),
        cmocka_unit_test(one_byte_over),
        cmocka_unit_test(damaged),
        cmocka_unit_test(no_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
