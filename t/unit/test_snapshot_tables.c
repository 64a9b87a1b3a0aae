/*
 * test_snapshot_tables.c - slow data in snapshots: written, and looked up.
 */

#include "unit.h"

#include "onsite_snapshot.h"

#include <unistd.h>

#define BUILT  ((onsite_ms_t) 1700000000000)

typedef struct {
    const onsite_str_t  *keys;      /* NULL: numbers                       */
    const onsite_str_t  *values;
    size_t               i;
    size_t               n;
    size_t               fail_at;
    char                 key[16];
    char                 value[3000];
} rows_t;

typedef struct {
    char                     path[64];
    char                     other[80];
    rows_t                   rows[ONSITE_TABLES];
    onsite_snapshot_rows_t   tables[ONSITE_TABLES];
    onsite_snapshot_t       *snapshot;
    onsite_error_t           error;
} fixture_t;


onsite_status_t
onsite_image_verify(const onsite_image_t *image, onsite_error_t *error)
{
    return onsite_image_verify_tables(image, error);
}


static onsite_status_t
next(void *data, onsite_str_t *key, onsite_str_t *value,
    onsite_error_t *error)
{
    rows_t  *rows = data;

    if (rows->i == rows->n) {
        return ONSITE_NOT_FOUND;
    }

    if (rows->fail_at != 0 && rows->i == rows->fail_at) {
        return onsite_error(error, ONSITE_IO, "the disk is gone");
    }

    if (rows->keys != NULL) {
        *key = rows->keys[rows->i];
        *value = rows->values[rows->i];

    } else {
        (void) snprintf(rows->key, sizeof(rows->key), "key-%011zu", rows->i);
        memset(rows->value, (int) ('a' + rows->i % 26), sizeof(rows->value));
        *key = onsite_str(rows->key, 15);
        *value = onsite_str(rows->value, rows->i % 7 == 0 ? 2900 : 60);
    }

    rows->i++;

    return ONSITE_OK;
}


static void
set_rows(fixture_t *f, onsite_table_t table, const onsite_str_t *keys,
    const onsite_str_t *values, size_t n)
{
    f->rows[table] = (rows_t) { .keys = keys, .values = values, .n = n };
    f->tables[table] = (onsite_snapshot_rows_t) {
        .data = &f->rows[table], .next = next, .rows = n, .bytes = n * 600
    };
}


static onsite_status_t
write_to(fixture_t *f, const char *path)
{
    int  i;

    for (i = 0; i < ONSITE_TABLES; i++) {
        f->rows[i].i = 0;
    }

    return onsite_snapshot_write_tables(path, 1, BUILT, NULL, 0, f->tables,
                                        &f->error);
}


static const onsite_snapshot_info_t *
write_and_open(fixture_t *f)
{
    if (write_to(f, f->path) != ONSITE_OK
        || onsite_snapshot_open(f->path, &f->snapshot, &f->error)
           != ONSITE_OK)
    {
        fail_msg("%s", f->error.text);
    }

    return onsite_snapshot_info(f->snapshot);
}


static int
set_up(void **state)
{
    int         fd;
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    (void) snprintf(f->path, sizeof(f->path), "/tmp/onsite-unit-XXXXXX");
    fd = mkstemp(f->path);
    assert_true(fd != -1);
    (void) close(fd);
    (void) snprintf(f->other, sizeof(f->other), "%s.other", f->path);
    *state = f;

    return 0;
}


static int
tear_down(void **state)
{
    fixture_t  *f = *state;

    onsite_snapshot_close(f->snapshot);
    (void) unlink(f->path);
    (void) unlink(f->other);
    free(f);

    return 0;
}


static void
rows_are_found_by_site(void **state)
{
    char                            key[2][ONSITE_PRODUCT_KEY_MAX];
    uint8_t                         hash[16];
    fixture_t                      *f = *state;
    onsite_str_t                    keys[2], record;
    onsite_str_t                    customer, profile = ONSITE_STR("\x80");
    onsite_snapshot_tables_t        t, other;
    const onsite_snapshot_info_t   *info;
    const onsite_str_t              values[2] = { ONSITE_STR("\x81\xa1p\x01"),
                                                  ONSITE_STR("\x80") };

    onsite_customer_hash(ONSITE_STR("shop"), ONSITE_STR("u1"), hash);
    customer = onsite_str((const char *) hash, 16);
    keys[0] = onsite_str(key[0], onsite_product_key(ONSITE_STR("shop"),
                                                    ONSITE_STR("s1"),
                                                    key[0]));
    keys[1] = onsite_str(key[1], onsite_product_key(ONSITE_STR("shop2"),
                                                    ONSITE_STR("s1"),
                                                    key[1]));
    set_rows(f, ONSITE_TABLE_PROFILES, &customer, &profile, 1);
    set_rows(f, ONSITE_TABLE_PRODUCTS, keys, values, 2);

    info = write_and_open(f);
    assert_int_equal(info->profiles, 1);
    assert_int_equal(info->listed, 0);
    assert_int_equal(info->products, 2);

    assert_true(onsite_snapshot_tables(f->snapshot, ONSITE_STR("shop"), &t));
    assert_true(onsite_snapshot_tables(f->snapshot, ONSITE_STR("shop2"),
                                       &other));
    assert_int_equal(t.tables.built, BUILT);

    assert_true(t.tables.profile(t.tables.data, ONSITE_STR("u1"), &record));
    assert_str(record, "\x80");
    assert_false(t.tables.profile(t.tables.data, ONSITE_STR("u2"), &record));
    assert_false(other.tables.profile(other.tables.data, ONSITE_STR("u1"),
                                      &record));
    assert_false(t.tables.lists(t.tables.data, ONSITE_STR("u1"), &record));

    assert_true(t.tables.product(t.tables.data, ONSITE_STR("s1"), &record));
    assert_str(record, "\x81\xa1p\x01");
    assert_true(other.tables.product(other.tables.data, ONSITE_STR("s1"),
                                     &record));
    assert_str(record, "\x80");
    assert_false(t.tables.product(t.tables.data, onsite_str(key[0], 0),
                                  &record));
}


static void
without_tables_there_are_none(void **state)
{
    fixture_t                 *f = *state;
    onsite_str_t               record;
    onsite_snapshot_tables_t   t;

    (void) write_and_open(f);
    assert_false(onsite_snapshot_tables(f->snapshot, ONSITE_STR("s"), &t));
    assert_false(t.tables.profile(t.tables.data, ONSITE_STR("u"), &record));
    assert_false(t.tables.lists(t.tables.data, ONSITE_STR("u"), &record));
    assert_false(t.tables.product(t.tables.data, ONSITE_STR("s"), &record));
}


/* More than a transaction's portion, of rows small and large; the same input
 * gives the same file. */

static void
many_rows(void **state)
{
    size_t                     i;
    char                       key[64], *a, *b;
    long                       size;
    FILE                      *file;
    fixture_t                 *f = *state;
    onsite_str_t               record;
    onsite_snapshot_tables_t   t;

    set_rows(f, ONSITE_TABLE_PRODUCTS, NULL, NULL, 30000);
    assert_int_equal(write_and_open(f)->products, 30000);
    assert_int_equal(write_to(f, f->other), ONSITE_OK);

    size = (long) onsite_snapshot_info(f->snapshot)->bytes;
    a = malloc((size_t) size);
    b = malloc((size_t) size);
    file = fopen(f->path, "rb");
    assert_int_equal(fread(a, 1, (size_t) size, file), size);
    (void) fclose(file);
    file = fopen(f->other, "rb");
    assert_int_equal(fread(b, 1, (size_t) size, file), size);
    (void) fclose(file);
    assert_memory_equal(a, b, size);
    free(a);
    free(b);

    /* keys as written are of no site: look-ups do not meet them */

    assert_true(onsite_snapshot_tables(f->snapshot, ONSITE_STR("key"), &t));

    for (i = 0; i < 100; i++) {
        (void) snprintf(key, sizeof(key), "%011zu", i);
        assert_false(t.tables.product(t.tables.data,
                                      onsite_str(key, strlen(key)),
                                      &record));
    }
}


static void
writing_refuses_what_is_out_of_order(void **state)
{
    fixture_t           *f = *state;
    const onsite_str_t   keys[2] = { ONSITE_STR("b"), ONSITE_STR("a") };
    const onsite_str_t   same[2] = { ONSITE_STR("b"), ONSITE_STR("b") };

    set_rows(f, ONSITE_TABLE_PROFILES, keys, keys, 2);
    assert_int_equal(write_to(f, f->other), ONSITE_INVALID);
    assert_non_null(strstr(f->error.text, "profiles are out of order"));

    set_rows(f, ONSITE_TABLE_PROFILES, same, keys, 2);
    assert_int_equal(write_to(f, f->other), ONSITE_INVALID);

    set_rows(f, ONSITE_TABLE_PROFILES, NULL, NULL, 30000);
    f->rows[ONSITE_TABLE_PROFILES].fail_at = 25000;
    assert_int_equal(write_to(f, f->other), ONSITE_IO);
    assert_string_equal(f->error.text, "the disk is gone");
    assert_int_equal(access(f->other, F_OK), -1);
}


static void
product_keys_are_bounded(void **state)
{
    char  key[ONSITE_PRODUCT_KEY_MAX], long_sku[ONSITE_ROW_SKU_MAX + 1];
    char  site[ONSITE_SITE_MAX + 1];

    (void) state;
    memset(long_sku, 'x', sizeof(long_sku));
    memset(site, 's', sizeof(site));

    assert_int_equal(onsite_product_key(onsite_str(site, ONSITE_SITE_MAX),
                                        onsite_str(long_sku,
                                                   ONSITE_ROW_SKU_MAX), key),
                     ONSITE_PRODUCT_KEY_MAX);
    assert_int_equal(onsite_product_key(ONSITE_STR("s"),
                                        onsite_str(long_sku,
                                                   sizeof(long_sku)), key),
                     0);
    assert_int_equal(onsite_product_key(onsite_str(site, sizeof(site)),
                                        ONSITE_STR("x"), key), 0);
    assert_int_equal(onsite_product_key(ONSITE_STR("s"), onsite_str("", 0),
                                        key), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_found_by_site, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_tables_there_are_none, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(many_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writing_refuses_what_is_out_of_order,
                                        set_up, tear_down),
        cmocka_unit_test(product_keys_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
