/*
 * test_snapshot.c - snapshots: written, read, replaced, and refused.
 */

#include "unit.h"
#include "onsite_arena.h"
#include "onsite_lmdb_file.h"
#include "onsite_msgpack.h"
#include "onsite_snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUILT  ((onsite_ms_t) 1700000000000)

typedef struct {
    char                     path[128];
    char                     other[160];
    onsite_builder_t        *builders[2];
    onsite_snapshot_site_t   sites[2];
    onsite_str_t             ids[3];
    onsite_value_t           definitions[3];
    onsite_error_t           error;
} fixture_t;


/* The images here hold no campaigns: their tables are all there is to verify,
 * and these tests do not depend on what compiles campaigns. */

onsite_status_t
onsite_image_verify(const onsite_image_t *image, onsite_error_t *error)
{
    return onsite_image_verify_tables(image, error);
}


/* An image with so many different strings. */

static onsite_image_t
image_of(onsite_builder_t *b, onsite_str_t site, unsigned strings)
{
    char            text[32];
    unsigned        i;
    onsite_image_t  image;

    for (i = 0; i < strings; i++) {
        (void) onsite_builder_str(b, onsite_str(text, (size_t)
                      snprintf(text, sizeof(text), "string number %u", i)));
    }

    assert_int_equal(onsite_builder_finish(b, site, BUILT, &image, NULL),
                     ONSITE_OK);

    return image;
}


static int
setup(void **state)
{
    int         fd;
    size_t      i;
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    (void) snprintf(f->path, sizeof(f->path), "/tmp/onsite-unit-XXXXXX");
    fd = mkstemp(f->path);
    if (fd == -1) {
        return -1;
    }
    (void) close(fd);
    (void) snprintf(f->other, sizeof(f->other), "%s.other", f->path);

    f->ids[0] = ONSITE_STR("first-visit");
    f->ids[1] = ONSITE_STR("cart");
    f->ids[2] = ONSITE_STR("zz");

    for (i = 0; i < 3; i++) {
        f->definitions[i] = onsite_value_string(f->ids[i]);
    }

    /* one image that fits a leaf, and one with pages of its own */

    f->sites[0].name = ONSITE_STR("small");
    f->sites[1].name = ONSITE_STR("large");

    for (i = 0; i < 2; i++) {
        f->builders[i] = onsite_builder_create();
        f->sites[i].image = image_of(f->builders[i], f->sites[i].name,
                                     i == 0 ? 2 : 3000);
        f->sites[i].ids = f->ids;
        f->sites[i].definitions = f->definitions;
        f->sites[i].n = 3 - i;
    }

    *state = f;

    return 0;
}


static int
teardown(void **state)
{
    fixture_t  *f = *state;

    (void) unlink(f->path);
    (void) unlink(f->other);
    onsite_builder_destroy(f->builders[0]);
    onsite_builder_destroy(f->builders[1]);
    free(f);

    return 0;
}


/* Without tables. */

static onsite_status_t
write_sites(const char *path, uint64_t version, onsite_ms_t built,
    const onsite_snapshot_site_t *sites, size_t n, onsite_error_t *error)
{
    return onsite_snapshot_write_tables(path, version, built, sites, n, NULL,
                                        error);
}


static void
write_snapshot(fixture_t *f, const char *path, uint64_t version)
{
    if (write_sites(path, version, BUILT, f->sites, 2, &f->error)
        != ONSITE_OK)
    {
        print_error("%s\n", f->error.text);
        fail();
    }
}


static onsite_snapshot_t *
open_snapshot(fixture_t *f)
{
    onsite_snapshot_t  *s;

    if (onsite_snapshot_open(f->path, &s, &f->error) != ONSITE_OK) {
        print_error("%s\n", f->error.text);
        fail();
    }

    return s;
}


static char *
read_file(const char *path, size_t *size)
{
    int          fd;
    char        *data;
    struct stat  st;

    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    data = malloc((size_t) st.st_size);
    assert_int_equal(read(fd, data, (size_t) st.st_size), st.st_size);
    (void) close(fd);
    *size = (size_t) st.st_size;

    return data;
}


static void
write_file(const char *path, const char *data, size_t size)
{
    int  fd;

    fd = open(path, O_WRONLY|O_CREAT|O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    (void) close(fd);
}


/* The status, and that nothing is left in *snapshot. */

static onsite_status_t
try_open(fixture_t *f)
{
    onsite_status_t     status;
    onsite_snapshot_t  *s;

    status = onsite_snapshot_open(f->path, &s, &f->error);

    if (status == ONSITE_OK) {
        onsite_snapshot_close(s);

    } else {
        assert_null(s);
        assert_non_null(strstr(f->error.text, f->path));
    }

    return status;
}


static void
reads_what_was_written(void **state)
{
    size_t                         i;
    fixture_t                     *f = *state;
    struct stat                    st;
    onsite_str_t                   name;
    onsite_image_t                 image;
    onsite_snapshot_t             *s;
    const onsite_snapshot_info_t  *info;

    write_snapshot(f, f->path, 77);
    s = open_snapshot(f);
    info = onsite_snapshot_info(s);

    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(info->bytes, st.st_size);
    assert_int_equal(info->version, 77);
    assert_int_equal(info->built, BUILT);
    assert_int_equal(info->sites, 2);
    assert_int_equal(info->campaigns, 0);

    for (i = 0; i < 2; i++) {
        assert_int_equal(onsite_snapshot_site(s, i, &name, &image),
                         ONSITE_OK);
        assert_int_equal((uintptr_t) image.base % 8, 0);

        /* in key order: large, small */

        assert_true(onsite_str_eq(name, f->sites[1 - i].name));
        assert_int_equal(image.size, f->sites[1 - i].image.size);
        assert_memory_equal(image.base, f->sites[1 - i].image.base,
                            image.size);
    }

    assert_int_equal(onsite_snapshot_site(s, 2, &name, &image),
                     ONSITE_NOT_FOUND);
    onsite_snapshot_close(s);
    onsite_snapshot_close(NULL);
}


typedef struct {
    unsigned  n;
    unsigned  stop;
    char      seen[256];
} seen_t;


static bool
take_definition(void *data, onsite_str_t site, onsite_str_t id,
    onsite_str_t definition)
{
    seen_t          *seen = data;
    size_t           len = strlen(seen->seen);
    onsite_value_t   value;
    onsite_arena_t  *arena = onsite_arena_create(256, 4096);

    assert_int_equal(onsite_value_read_msgpack(arena, definition, &value),
                     ONSITE_OK);
    assert_int_equal(value.type, ONSITE_STRING);
    onsite_arena_destroy(arena);

    (void) snprintf(seen->seen + len, sizeof(seen->seen) - len, "%.*s/%.*s ",
                    (int) site.len, site.data, (int) id.len, id.data);

    return ++seen->n != seen->stop;
}


static void
walks_definitions_in_order(void **state)
{
    seen_t              seen;
    fixture_t          *f = *state;
    onsite_snapshot_t  *s;

    write_snapshot(f, f->path, 1);
    s = open_snapshot(f);

    seen = (seen_t) { 0, 0, "" };
    assert_int_equal(onsite_snapshot_walk(s, take_definition, &seen),
                     ONSITE_OK);
    assert_string_equal(seen.seen, "large/cart large/first-visit "
                        "small/cart small/first-visit small/zz ");

    seen = (seen_t) { 0, 2, "" };
    assert_int_equal(onsite_snapshot_walk(s, take_definition, &seen),
                     ONSITE_OK);
    assert_int_equal(seen.n, 2);

    onsite_snapshot_close(s);
}


static void
equal_input_gives_equal_files(void **state)
{
    char       *a, *b;
    size_t      a_size, b_size;
    fixture_t  *f = *state;

    write_snapshot(f, f->path, 5);
    write_snapshot(f, f->other, 5);
    a = read_file(f->path, &a_size);
    b = read_file(f->other, &b_size);
    assert_int_equal(a_size, b_size);
    assert_memory_equal(a, b, a_size);
    free(a);
    free(b);
}


static void
replacing_leaves_readers_alone(void **state)
{
    fixture_t          *f = *state;
    onsite_str_t        name;
    onsite_image_t      image;
    onsite_snapshot_t  *old, *new;

    write_snapshot(f, f->path, 1);
    old = open_snapshot(f);
    write_snapshot(f, f->path, 2);
    new = open_snapshot(f);

    assert_int_equal(onsite_snapshot_info(old)->version, 1);
    assert_int_equal(onsite_snapshot_info(new)->version, 2);
    assert_int_equal(onsite_snapshot_site(old, 0, &name, &image), ONSITE_OK);
    assert_int_equal(onsite_image_verify(&image, NULL), ONSITE_OK);

    onsite_snapshot_close(old);
    onsite_snapshot_close(new);
}


static void
an_empty_set_is_a_snapshot(void **state)
{
    fixture_t          *f = *state;
    onsite_snapshot_t  *s;

    assert_int_equal(write_sites(f->path, 1, BUILT, NULL, 0,
                                 &f->error), ONSITE_OK);
    s = open_snapshot(f);
    assert_int_equal(onsite_snapshot_info(s)->sites, 0);
    onsite_snapshot_close(s);
}


static void
writing_refuses_bad_names(void **state)
{
    char        text[300];
    fixture_t  *f = *state;

    write_snapshot(f, f->path, 1);
    memset(text, 'x', sizeof(text));

    f->sites[0].name = onsite_str(text, 256);
    assert_int_equal(write_sites(f->path, 2, BUILT, f->sites, 2,
                                 &f->error), ONSITE_INVALID);
    f->sites[0].name = onsite_str(text, 0);
    assert_int_equal(write_sites(f->path, 2, BUILT, f->sites, 2,
                                 &f->error), ONSITE_INVALID);
    f->sites[0].name = f->sites[1].name;
    assert_int_equal(write_sites(f->path, 2, BUILT, f->sites, 2,
                                 &f->error), ONSITE_INVALID);
    assert_non_null(strstr(f->error.text, "twice"));
    f->sites[0].name = ONSITE_STR("small");
    f->ids[1] = f->ids[0];
    assert_int_equal(write_sites(f->path, 2, BUILT, f->sites, 2,
                                 &f->error), ONSITE_INVALID);
    assert_non_null(strstr(f->error.text, "twice"));
    f->ids[1] = onsite_str("a\0b", 3);
    assert_int_equal(write_sites(f->path, 2, BUILT, f->sites, 2,
                                 &f->error), ONSITE_INVALID);

    f->ids[1] = ONSITE_STR("cart");
    assert_int_equal(write_sites("/nonexistent/a.mdb", 2, BUILT,
                                 f->sites, 2, &f->error),
                     ONSITE_IO);
    assert_non_null(strstr(f->error.text, "/nonexistent/a.mdb"));

    /* the good one is still there, and nothing beside it */

    assert_int_equal(write_sites(f->path, 1, BUILT, f->sites, 2,
                                 &f->error), ONSITE_OK);
    (void) snprintf(text, sizeof(text), "%s.new-%ld", f->path,
                    (long) getpid());
    assert_int_equal(access(text, F_OK), -1);
}


/* Bad files */

static void
refuses_truncation_anywhere(void **state)
{
    char       *data;
    size_t      size, cut;
    fixture_t  *f = *state;

    write_snapshot(f, f->path, 1);
    data = read_file(f->path, &size);

    for (cut = 0; cut < size; cut += cut < 9000 ? 61 : 4093) {
        write_file(f->path, data, cut);
        assert_int_equal(try_open(f), ONSITE_CORRUPT);
    }

    write_file(f->path, data, size - 1);
    assert_int_equal(try_open(f), ONSITE_CORRUPT);

    /* and what was appended to */

    data = realloc(data, size + 4096);
    memset(data + size, 0, 4096);
    write_file(f->path, data, size + 4096);
    assert_int_equal(try_open(f), ONSITE_CORRUPT);
    assert_non_null(strstr(f->error.text, "its seal says"));

    write_file(f->path, data, size);
    assert_int_equal(try_open(f), ONSITE_OK);
    free(data);
}


static void
refuses_any_changed_byte(void **state)
{
    char       *data;
    size_t      size, at;
    fixture_t  *f = *state;

    write_snapshot(f, f->path, 1);
    data = read_file(f->path, &size);

    for (at = 0; at < size; at += at < 8400 ? 7 : 509) {

        if (at >= 4096 - 32 && at < 4096) {
            continue;           /* the seal's reserved words */
        }

        data[at] ^= 0x10;
        write_file(f->path, data, size);
        assert_int_not_equal(try_open(f), ONSITE_OK);
        data[at] ^= 0x10;
    }

    write_file(f->path, data, size);
    assert_int_equal(try_open(f), ONSITE_OK);
    free(data);
}


static void
refuses_other_formats(void **state)
{
    char       *data;
    size_t      size;
    uint32_t    number;
    fixture_t  *f = *state;

    write_snapshot(f, f->path, 1);
    data = read_file(f->path, &size);

    number = 2;                                 /* LMDB 1.x */
    memcpy(data + 20, &number, 4);
    write_file(f->path, data, size);
    assert_int_equal(try_open(f), ONSITE_VERSION);
    assert_non_null(strstr(f->error.text, "another LMDB format"));

    number = 1;
    memcpy(data + 20, &number, 4);
    number = 9;                                 /* the seal's format */
    memcpy(data + 4096 - 64 + 8, &number, 4);
    write_file(f->path, data, size);
    assert_int_equal(try_open(f), ONSITE_VERSION);
    assert_non_null(strstr(f->error.text, "of format 9"));

    memset(data + 4096 - 64, 0, 64);            /* some other LMDB file */
    write_file(f->path, data, size);
    assert_int_equal(try_open(f), ONSITE_CORRUPT);
    assert_non_null(strstr(f->error.text, "has no seal"));
    free(data);
}


static void
refuses_random_bytes(void **state)
{
    char       *data;
    size_t      i, round;
    uint64_t    h;
    fixture_t  *f = *state;

    data = malloc(20000);
    h = 1;

    for (round = 0; round < 50; round++) {
        for (i = 0; i < 20000; i++) {
            h = h * 6364136223846793005u + 1442695040888963407u;
            data[i] = (char) (h >> 56);
        }

        write_file(f->path, data, 20000 - round * 397);
        assert_int_equal(try_open(f), ONSITE_CORRUPT);
    }

    free(data);

    (void) unlink(f->path);
    assert_int_equal(try_open(f), ONSITE_NOT_FOUND);
}


static void
refuses_an_image_that_does_not_verify(void **state)
{
    fixture_t  *f = *state;

    f->sites[1].image.size -= 8;
    write_snapshot(f, f->path, 1);
    assert_int_equal(try_open(f), ONSITE_CORRUPT);
    assert_non_null(strstr(f->error.text, "site large"));

    f->sites[1].image.size = 0;
    write_snapshot(f, f->path, 1);
    assert_int_equal(try_open(f), ONSITE_CORRUPT);
}


/* Removed, or another by now: what is open is what is saved. */

static void
saves_what_is_open(void **state)
{
    char               *before, *after;
    size_t              size, saved;
    fixture_t          *f = *state;
    onsite_snapshot_t  *s, *copy;

    write_snapshot(f, f->path, 1);
    before = read_file(f->path, &size);
    s = open_snapshot(f);
    assert_int_equal(unlink(f->path), 0);
    write_snapshot(f, f->path, 2);

    assert_int_equal(onsite_snapshot_save(s, f->other, &copy, &f->error),
                     ONSITE_OK);
    onsite_snapshot_close(s);
    assert_int_equal(onsite_snapshot_info(copy)->version, 1);
    onsite_snapshot_close(copy);

    after = read_file(f->other, &saved);
    assert_int_equal(saved, size);
    assert_memory_equal(after, before, size);
    free(before);
    free(after);

    s = open_snapshot(f);
    assert_int_equal(onsite_snapshot_save(s, "/nowhere/at/all", &copy,
                                          &f->error), ONSITE_IO);
    assert_non_null(strstr(f->error.text, "/nowhere/at/all"));
    onsite_snapshot_close(s);
}


#define snapshot_test(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest  tests[] = {
        snapshot_test(reads_what_was_written),
        snapshot_test(walks_definitions_in_order),
        snapshot_test(equal_input_gives_equal_files),
        snapshot_test(replacing_leaves_readers_alone),
        snapshot_test(an_empty_set_is_a_snapshot),
        snapshot_test(writing_refuses_bad_names),
        snapshot_test(refuses_truncation_anywhere),
        snapshot_test(refuses_any_changed_byte),
        snapshot_test(refuses_other_formats),
        snapshot_test(refuses_random_bytes),
        snapshot_test(refuses_an_image_that_does_not_verify),
        snapshot_test(saves_what_is_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
