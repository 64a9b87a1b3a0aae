/*
 * test_remote.c - URLs and names of a store, and the one that is a folder.
 * Servers are in t/remote_http.t and t/remote_s3.t.
 */

#include "unit.h"
#include "remote.h"

#include <sys/stat.h>
#include <unistd.h>

static char  dir[64];


static char *
in_dir(const char *name)
{
    static char  paths[4][256];
    static int   next;
    char        *path = paths[next++ % 4];

    (void) snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);

    return path;
}


static void
write_file(const char *name, const char *text)
{
    FILE  *file = fopen(in_dir(name), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}


static void
assert_file(const char *name, const char *text)
{
    char    data[256];
    FILE   *file = fopen(in_dir(name), "rb");
    size_t  n;

    assert_non_null(file);
    n = fread(data, 1, sizeof(data), file);
    (void) fclose(file);
    assert_int_equal(n, strlen(text));
    assert_memory_equal(data, text, n);
}


static remote_t *
store(const char *url)
{
    remote_t        *remote;
    onsite_error_t   error = { "" };

    assert_int_equal(remote_open(url, NULL, &remote, &error), ONSITE_OK);
    assert_non_null(remote);

    return remote;
}


static onsite_status_t
put(remote_t *remote, const char *name, const char *text)
{
    onsite_error_t  error = { "" };
    remote_put_t    what = { .bytes = onsite_str_of(text),
                             .type = "text/plain" };

    return remote_put(remote, name, &what, &error);
}


static void
test_urls(void **state)
{
    size_t           i;
    remote_t        *remote;
    char             long_url[REMOTE_URL_MAX + 2];
    onsite_error_t   error;

    static const struct {
        const char       *url;
        onsite_status_t   status;
        const char       *says;
    } bad[] = {
        { "", ONSITE_INVALID, "is empty" },
        { "ftp://host/dir", ONSITE_INVALID, "\"ftp\": a store is a folder" },
        { "file://host/dir", ONSITE_INVALID, "takes an absolute path" },
        { "file://", ONSITE_INVALID, "takes an absolute path" },
        { "file:///a%2", ONSITE_INVALID, "two hexadecimal digits" },
        { "file:///a%00", ONSITE_INVALID, "two hexadecimal digits" },
        { "/a\nb", ONSITE_INVALID, "a control byte" },
        { "/dev/null", ONSITE_IO, "/dev/null: is no folder" },
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error.text[0] = '\0';
        assert_int_equal(remote_open(bad[i].url, NULL, &remote, &error),
                         bad[i].status);
        assert_null(remote);
        assert_non_null(strstr(error.text, bad[i].says));
    }

    memset(long_url, 'a', sizeof(long_url) - 1);
    long_url[sizeof(long_url) - 1] = '\0';
    assert_int_equal(remote_open(long_url, NULL, &remote, &error),
                     ONSITE_INVALID);
}


static void
test_file_urls(void **state)
{
    char       url[256];
    size_t     i;
    remote_t  *remote;

    static const char *const  forms[] = {
        "%s/a b", "%s/a b//", "file://%s/a%%20b", "FILE://localhost%s/a%%20b/"
    };

    (void) state;
    assert_int_equal(mkdir(in_dir("a b"), 0755), 0);

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        (void) snprintf(url, sizeof(url), forms[i], dir);
        remote = store(url);
        assert_string_equal(remote_url(remote), in_dir("a b"));
        assert_string_equal(remote_folder(remote), in_dir("a b"));
        remote_close(remote);
    }

    remote_close(NULL);
}


static void
test_names(void **state)
{
    size_t           i;
    char             long_name[REMOTE_NAME_MAX + 2];
    uint64_t         size;
    remote_t        *remote = store(dir);
    onsite_error_t   error;

    static const char *const  bad[] = {
        "", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../x", "a/../b",
        "a/.", "a\nb", "a\x7f", "a\\b"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(remote_exists(remote, bad[i], &size, &error),
                         ONSITE_INVALID);
        assert_int_equal(put(remote, bad[i], "x"), ONSITE_INVALID);
    }

    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_int_equal(remote_exists(remote, long_name, &size, &error),
                     ONSITE_INVALID);
    assert_int_equal(remote_exists(remote, "...", &size, &error),
                     ONSITE_NOT_FOUND);
    assert_int_equal(remote_exists(remote, "a/..b", &size, &error),
                     ONSITE_NOT_FOUND);
    remote_close(remote);
}


static void
test_put_get(void **state)
{
    uint64_t         size;
    remote_t        *remote = store(dir);
    onsite_buf_t     body;
    remote_get_t     get = { .body = &body, .max = 11 };
    onsite_error_t   error = { "" };

    (void) state;
    onsite_buf_init(&body, 0);

    assert_int_equal(remote_get(remote, "s/deep/m.json", &get, &error),
                     ONSITE_NOT_FOUND);
    assert_int_equal(put(remote, "s/deep/m.json", "{\"one\":1}"), ONSITE_OK);
    assert_int_equal(remote_exists(remote, "s/deep/m.json", &size, &error),
                     ONSITE_OK);
    assert_int_equal(size, 9);

    assert_int_equal(remote_get(remote, "s/deep/m.json", &get, &error),
                     ONSITE_OK);
    assert_false(get.unchanged);
    assert_str(onsite_str(body.data, body.len), "{\"one\":1}");
    assert_true(get.etag[0] == '"');

    assert_int_equal(remote_get(remote, "s/deep/m.json", &get, &error),
                     ONSITE_OK);
    assert_true(get.unchanged);
    assert_int_equal(body.len, 0);

    assert_int_equal(put(remote, "s/deep/m.json", "{\"two\":22}"),
                     ONSITE_OK);
    assert_int_equal(remote_get(remote, "s/deep/m.json", &get, &error),
                     ONSITE_OK);
    assert_false(get.unchanged);
    assert_str(onsite_str(body.data, body.len), "{\"two\":22}");

    get.max = 9;
    get.etag[0] = '\0';
    assert_int_equal(remote_get(remote, "s/deep/m.json", &get, &error),
                     ONSITE_LIMIT);
    assert_int_equal(get.etag[0], '\0');
    assert_int_equal(remote_get(remote, "s/deep", &get, &error), ONSITE_IO);
    assert_non_null(strstr(error.text, "is no file"));

    /* a pipe that nobody writes into is not waited for */
    assert_int_equal(mkfifo(in_dir("s/pipe"), 0600), 0);
    assert_int_equal(remote_get(remote, "s/pipe", &get, &error), ONSITE_IO);

    onsite_buf_free(&body);
    remote_close(remote);
}


/* Nothing but the object is left, whatever happened. */

static int
entries(const char *name)
{
    char   command[300], text[32] = "";
    FILE  *pipe;

    (void) snprintf(command, sizeof(command), "ls -A %s | wc -l",
                    in_dir(name));
    pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(text, sizeof(text), pipe));
    (void) pclose(pipe);

    return atoi(text);
}


static void
test_put_file(void **state)
{
    remote_t        *remote = store(dir);
    remote_put_t     what = { .path = in_dir("from"), .type = "x/y" };
    onsite_error_t   error = { "" };

    (void) state;
    write_file("from", "some bytes");
    assert_int_equal(remote_put(remote, "p/object", &what, &error),
                     ONSITE_OK);
    assert_file("p/object", "some bytes");
    assert_int_equal(entries("p"), 1);

    what.path = in_dir("none");
    assert_int_equal(remote_put(remote, "p/object", &what, &error),
                     ONSITE_IO);
    assert_file("p/object", "some bytes");
    assert_int_equal(entries("p"), 1);

    assert_int_equal(put(remote, "from/x", "x"), ONSITE_IO);
    remote_close(remote);
}


static void
test_store_that_went(void **state)
{
    uint64_t         size;
    remote_t        *remote;
    onsite_buf_t     body;
    remote_get_t     get = { .body = &body, .max = 100 };
    onsite_error_t   error = { "" };

    (void) state;
    onsite_buf_init(&body, 0);
    assert_int_equal(mkdir(in_dir("mount"), 0755), 0);
    remote = store(in_dir("mount"));
    assert_int_equal(rmdir(in_dir("mount")), 0);
    assert_int_equal(put(remote, "s/x", "x"), ONSITE_IO);
    assert_int_not_equal(access(in_dir("mount"), F_OK), 0);
    remote_close(remote);

    /* nor is one that is not there yet the same as an empty one */
    remote = store(in_dir("mount"));
    assert_int_equal(remote_get(remote, "s/x", &get, &error), ONSITE_IO);
    assert_non_null(strstr(error.text, "mount: No such file"));
    assert_int_equal(remote_exists(remote, "s/x", &size, &error), ONSITE_IO);
    assert_int_equal(mkdir(in_dir("mount"), 0755), 0);
    assert_int_equal(remote_get(remote, "s/x", &get, &error),
                     ONSITE_NOT_FOUND);
    assert_int_equal(put(remote, "s/x", "x"), ONSITE_OK);
    assert_int_equal(remote_get(remote, "s/x", &get, &error), ONSITE_OK);
    assert_str(onsite_str(body.data, body.len), "x");
    onsite_buf_free(&body);
    remote_close(remote);
}


static void
test_fetch(void **state)
{
    bar_t            bar;
    char             path[256];
    remote_t        *remote = store(dir);
    remote_fetch_t   fetch = { .path = path, .size = 10, .bar = &bar };
    onsite_error_t   error = { "" };

    (void) state;
    (void) strcpy(path, in_dir("part"));
    bar_init(&bar, false);
    write_file("part", "something that was there before");
    write_file("part.etag", "x\n");
    assert_int_equal(put(remote, "f/object", "0123456789"), ONSITE_OK);

    assert_int_equal(remote_fetch(remote, "f/object", &fetch, &error),
                     ONSITE_OK);
    assert_file("part", "0123456789");
    assert_int_equal(fetch.received, 10);
    assert_int_equal(bar.done, 10);
    assert_int_not_equal(access(in_dir("part.etag"), F_OK), 0);

    fetch.size = 11;
    assert_int_equal(remote_fetch(remote, "f/object", &fetch, &error),
                     ONSITE_INVALID);
    assert_non_null(strstr(error.text, "has 10 bytes instead of 11"));
    assert_int_not_equal(access(path, F_OK), 0);

    assert_int_equal(remote_fetch(remote, "f/none", &fetch, &error),
                     ONSITE_NOT_FOUND);
    remote_close(remote);
}


static void
test_stop(void **state)
{
    remote_t                *remote;
    remote_put_t             what = { .path = in_dir("from"), .type = "x/y" };
    onsite_error_t           error = { "" };
    volatile sig_atomic_t    stop = 0;
    const remote_options_t   options = { .stop = &stop };

    (void) state;
    write_file("from", "some bytes");
    assert_int_equal(remote_open(dir, &options, &remote, &error), ONSITE_OK);
    assert_int_equal(remote_put(remote, "t/one", &what, &error), ONSITE_OK);
    stop = 1;
    assert_int_equal(remote_put(remote, "t/two", &what, &error), ONSITE_IO);
    assert_int_equal(entries("t"), 1);
    remote_close(remote);
}


static int
set_up(void **state)
{
    (void) state;
    (void) strcpy(dir, "/tmp/onsite-remote-XXXXXX");

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
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_file_urls),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_put_get),
        cmocka_unit_test(test_put_file),
        cmocka_unit_test(test_store_that_went),
        cmocka_unit_test(test_fetch),
        cmocka_unit_test(test_stop),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
