/*
 * test_pack.c - whole and patch there and back, bounds, damage, and that
 * `zstd` itself reads what is written, where it is installed.
 */

#include "unit.h"
#include "pack.h"

#include <sys/stat.h>
#include <unistd.h>

static char  dir[64];


static char *
in_dir(const char *name)
{
    static char  paths[4][128];
    static int   next;
    char        *path = paths[next++ % 4];

    (void) snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);

    return path;
}


/* Bytes that do not compress, the same ones for a seed. */

static void
noise(char *data, size_t size, uint32_t seed)
{
    size_t  i;

    for (i = 0; i < size; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = (char) (seed >> 24);
    }
}


static void
write_file(const char *name, const char *data, size_t size)
{
    FILE  *file = fopen(in_dir(name), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}


static char *
slurp(const char *name, size_t *size)
{
    char         *data;
    FILE         *file = fopen(in_dir(name), "rb");
    struct stat   st;

    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &st), 0);
    *size = (size_t) st.st_size;
    data = malloc(*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    (void) fclose(file);

    return data;
}


static void
assert_file(const char *name, const char *data, size_t size)
{
    char    *there;
    size_t   n;

    there = slurp(name, &n);
    assert_int_equal(n, size);
    assert_memory_equal(there, data, size);
    free(there);
}


static bool
is_there(const char *name)
{
    return access(in_dir(name), F_OK) == 0;
}


#define SIZE  (3 * 1024 * 1024 + 17)

/* 3 MB of pages as LMDB has them: some noise, many zeros. */

static char *
pages(uint32_t seed)
{
    char    *data = calloc(1, SIZE);
    size_t   i;

    assert_non_null(data);

    for (i = 0; i + 4096 < SIZE; i += 4096) {
        noise(data + i, 1500, seed + (uint32_t) i);
    }

    return data;
}


static void
test_whole(void **state)
{
    char            *data = pages(1);
    bar_t            bar;
    uint64_t         size;
    struct stat      st;
    onsite_error_t   error = { "" };

    (void) state;
    bar_init(&bar, false);
    bar_start(&bar, "packing", SIZE);
    write_file("plain", data, SIZE);

    assert_int_equal(pack_whole(in_dir("plain"), in_dir("whole"), &bar, &size,
                                &error), ONSITE_OK);
    assert_int_equal(stat(in_dir("whole"), &st), 0);
    assert_int_equal(size, st.st_size);
    assert_in_range(size, 1000000, SIZE / 2);
    assert_int_equal(bar.done, SIZE);

    assert_int_equal(pack_open(in_dir("whole"), NULL, in_dir("back"), SIZE,
                               &error), ONSITE_OK);
    assert_file("back", data, SIZE);
    free(data);
}


static void
test_small(void **state)
{
    size_t          n;
    uint64_t        size;
    const size_t    sizes[] = { 1, 2, 4095, 1 << 20, (1 << 20) + 1, 2 << 20 };
    char           *data = pages(2);
    onsite_error_t  error = { "" };

    (void) state;

    for (n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
        write_file("plain", data, sizes[n]);
        assert_int_equal(pack_whole(in_dir("plain"), in_dir("whole"), NULL,
                                    &size, &error), ONSITE_OK);
        assert_int_equal(pack_open(in_dir("whole"), NULL, in_dir("back"),
                                   sizes[n], &error), ONSITE_OK);
        assert_file("back", data, sizes[n]);
    }

    free(data);
}


/* Bytes moved by half a page, a page replaced, some added at the end. */

static void
test_patch(void **state)
{
    char            *old = pages(3), *new = malloc(SIZE + 5000);
    uint64_t         size;
    onsite_error_t   error = { "" };

    (void) state;
    assert_non_null(new);
    memcpy(new, old, SIZE / 2);
    noise(new + SIZE / 2, 2048, 99);
    memcpy(new + SIZE / 2 + 2048, old + SIZE / 2, SIZE - SIZE / 2);
    noise(new + 8192, 4096, 98);
    noise(new + SIZE + 2048, 2952, 97);
    write_file("old", old, SIZE);
    write_file("new", new, SIZE + 5000);

    assert_int_equal(pack_patch(in_dir("old"), in_dir("new"), in_dir("patch"),
                                SIZE, &size, &error), ONSITE_OK);
    assert_in_range(size, 9000, 20000);

    assert_int_equal(pack_open(in_dir("patch"), in_dir("old"), in_dir("back"),
                               SIZE + 5000, &error), ONSITE_OK);
    assert_file("back", new, SIZE + 5000);

    free(old);
    free(new);
}


/* A patch against other bytes than it was made from is no success that looks
 * like one; and nothing is left. */

static void
test_patch_of_another(void **state)
{
    char            *old = pages(4), *new = pages(4), *other = pages(5);
    uint64_t         size;
    onsite_error_t   error = { "" };

    (void) state;
    noise(new + 100000, 3000, 96);
    write_file("old", old, SIZE);
    write_file("new", new, SIZE);
    write_file("other", other, SIZE);
    assert_int_equal(pack_patch(in_dir("old"), in_dir("new"), in_dir("patch"),
                                SIZE, &size, &error), ONSITE_OK);

    (void) unlink(in_dir("back"));
    assert_int_equal(pack_open(in_dir("patch"), in_dir("other"),
                               in_dir("back"), SIZE, &error), ONSITE_CORRUPT);
    assert_false(is_there("back"));
    assert_int_equal(pack_open(in_dir("patch"), NULL, in_dir("back"), SIZE,
                               &error), ONSITE_CORRUPT);
    assert_false(is_there("back"));
    assert_int_equal(pack_open(in_dir("patch"), in_dir("none"),
                               in_dir("back"), SIZE, &error), ONSITE_IO);

    free(old);
    free(new);
    free(other);
}


static void
test_patch_bounds(void **state)
{
    char            *old = pages(6), *new = pages(7);
    uint64_t         size, exact;
    onsite_error_t   error = { "" };

    (void) state;
    memcpy(new, old, SIZE / 2);
    write_file("old", old, SIZE);
    write_file("new", new, SIZE);

    assert_int_equal(pack_patch(in_dir("old"), in_dir("new"), in_dir("patch"),
                                SIZE, &exact, &error), ONSITE_OK);
    (void) unlink(in_dir("patch"));

    assert_int_equal(pack_patch(in_dir("old"), in_dir("new"), in_dir("patch"),
                                exact / 2, &size, &error), ONSITE_LIMIT);
    assert_non_null(strstr(error.text, "would have more than"));
    assert_false(is_there("patch"));
    assert_int_equal(size, 0);
    assert_int_equal(pack_patch(in_dir("old"), in_dir("new"), in_dir("patch"),
                                0, &size, &error), ONSITE_LIMIT);

    assert_int_equal(truncate(in_dir("old"), (off_t) PACK_PATCH_MAX + 1), 0);
    assert_int_equal(pack_patch(in_dir("old"), in_dir("new"), in_dir("patch"),
                                SIZE, &size, &error), ONSITE_LIMIT);
    assert_non_null(strstr(error.text, "up to 1 GB"));
    (void) unlink(in_dir("old"));

    free(old);
    free(new);
}


/* Of a size that was not announced nothing is written. */

static void
test_sizes(void **state)
{
    char            *data = pages(8);
    uint64_t         size;
    onsite_error_t   error = { "" };

    (void) state;
    write_file("plain", data, SIZE);
    (void) unlink(in_dir("back"));
    assert_int_equal(pack_whole(in_dir("plain"), in_dir("whole"), NULL, &size,
                                &error), ONSITE_OK);
    assert_int_equal(pack_open(in_dir("whole"), NULL, in_dir("back"),
                               SIZE - 1, &error), ONSITE_CORRUPT);
    assert_non_null(strstr(error.text, "says that it unpacks to 3145745 "
                                       "bytes instead of 3145744"));
    assert_false(is_there("back"));
    assert_int_equal(pack_open(in_dir("whole"), NULL, in_dir("back"),
                               SIZE + 1, &error), ONSITE_CORRUPT);
    assert_int_equal(pack_open(in_dir("whole"), NULL, in_dir("back"),
                               (uint64_t) 1 << 63, &error), ONSITE_CORRUPT);
    free(data);
}


/* A second frame that would go on past the size, which the first one says. */

static void
test_bomb(void **state)
{
    char            *data = pages(9), *frame, *both;
    size_t           n;
    uint64_t         size;
    onsite_error_t   error = { "" };

    (void) state;
    write_file("plain", data, SIZE);
    assert_int_equal(pack_whole(in_dir("plain"), in_dir("whole"), NULL, &size,
                                &error), ONSITE_OK);
    frame = slurp("whole", &n);
    both = malloc(2 * n);
    assert_non_null(both);
    memcpy(both, frame, n);
    memcpy(both + n, frame, n);
    write_file("bomb", both, 2 * n);

    assert_int_equal(pack_open(in_dir("bomb"), NULL, in_dir("back"), SIZE,
                               &error), ONSITE_CORRUPT);
    assert_non_null(strstr(error.text, "unpacks to more than 3145745 bytes"));
    assert_false(is_there("back"));

    free(data);
    free(frame);
    free(both);
}


/* Cut at any place, and with any byte changed: refused, or the very bytes. */

static void
test_damage(void **state)
{
    char            *data = pages(10), *frame;
    size_t           i, n;
    uint64_t         size;
    onsite_error_t   error = { "" };

    (void) state;
    write_file("plain", data, 20000);
    assert_int_equal(pack_whole(in_dir("plain"), in_dir("whole"), NULL, &size,
                                &error), ONSITE_OK);
    frame = slurp("whole", &n);

    for (i = 0; i < n; i += 97) {
        write_file("cut", frame, i);
        assert_int_equal(pack_open(in_dir("cut"), NULL, in_dir("back"), 20000,
                                   &error), ONSITE_CORRUPT);
        assert_false(is_there("back"));
    }

    for (i = 0; i < n; i += 61) {
        frame[i] ^= 0x11;
        write_file("bent", frame, n);
        frame[i] ^= 0x11;

        if (pack_open(in_dir("bent"), NULL, in_dir("back"), 20000, &error)
            == ONSITE_OK)
        {
            assert_file("back", data, 20000);
            (void) unlink(in_dir("back"));
        }

        assert_false(is_there("back"));
    }

    free(data);
    free(frame);
}


static void
test_files(void **state)
{
    uint64_t        size;
    onsite_error_t  error = { "" };

    (void) state;
    write_file("empty", "", 0);
    write_file("plain", "bytes", 5);

    assert_int_equal(pack_whole(in_dir("none"), in_dir("x"), NULL, &size,
                                &error), ONSITE_IO);
    assert_non_null(strstr(error.text, "none: cannot be read: No such file"));
    assert_int_equal(pack_whole(in_dir("empty"), in_dir("x"), NULL, &size,
                                &error), ONSITE_CORRUPT);
    assert_int_equal(pack_whole(dir, in_dir("x"), NULL, &size, &error),
                     ONSITE_CORRUPT);
    assert_int_equal(pack_whole(in_dir("plain"), in_dir("no/x"), NULL, &size,
                                &error), ONSITE_IO);
    assert_non_null(strstr(error.text, "no/x: cannot be written"));
    assert_int_equal(pack_open(in_dir("plain"), NULL, in_dir("x"), 5, &error),
                     ONSITE_CORRUPT);
    assert_non_null(strstr(error.text, "is not zstd"));
    assert_false(is_there("x"));
}


static void
test_full_disk(void **state)
{
    char            *data = pages(11);
    uint64_t         size;
    onsite_error_t   error = { "" };

    (void) state;

    if (access("/dev/full", W_OK) != 0) {
        free(data);
        skip();
    }

    write_file("plain", data, SIZE);
    assert_int_equal(symlink("/dev/full", in_dir("full")), 0);
    assert_int_equal(pack_whole(in_dir("plain"), in_dir("full"), NULL, &size,
                                &error), ONSITE_IO);
    assert_non_null(strstr(error.text, "full: cannot be written: No space"));
    assert_true(access("/dev/full", W_OK) == 0);
    free(data);
}


/* The format is the tool's own, so that people can look without ours. */

static void
test_tool(void **state)
{
    char             command[1024];
    char            *old = pages(12), *new = pages(12);
    uint64_t         size;
    onsite_error_t   error = { "" };

    (void) state;

    if (system("zstd --version > /dev/null 2>&1") != 0) {
        free(old);
        free(new);
        skip();
    }

    noise(new + 50000, 3000, 95);
    write_file("old", old, SIZE);
    write_file("new", new, SIZE);
    assert_int_equal(pack_whole(in_dir("new"), in_dir("whole"), NULL, &size,
                                &error), ONSITE_OK);
    assert_int_equal(pack_patch(in_dir("old"), in_dir("new"), in_dir("patch"),
                                SIZE, &size, &error), ONSITE_OK);

    (void) snprintf(command, sizeof(command), "cd %s && "
                    "zstd -qdc < whole | cmp - new && "
                    "zstd -qdc --long=31 --patch-from=old patch | cmp - new",
                    dir);
    assert_int_equal(system(command), 0);
    free(old);
    free(new);
}


static int
set_up(void **state)
{
    (void) state;
    (void) strcpy(dir, "/tmp/onsite-pack-XXXXXX");

    return mkdtemp(dir) != NULL ? 0 : -1;
}


static int
tear_down(void **state)
{
    char  command[128];

    (void) state;
    (void) snprintf(command, sizeof(command), "rm -rf %s", dir);

    return system(command);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_patch),
        cmocka_unit_test(test_patch_of_another),
        cmocka_unit_test(test_patch_bounds),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_tool),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
