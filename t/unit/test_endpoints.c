/*
 * test_endpoints.c - the file that says where deliveries may go.
 */

#include "unit.h"
#include "endpoints.h"

#include <sys/stat.h>
#include <unistd.h>

static char  folder[] = "/tmp/onsite-endpoints-XXXXXX";


static const char  certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBNDCB56ADAgECAhQSvqJBpzG90+RYcHywbv/bsP1PNjAFBgMrZXAwDzENMAsG\n"
    "A1UEAwwEdGVzdDAgFw0yNjExMjIxMDQwMzJaGA8yMTI2MTAyOTEwNDAzMlowDzEN\n"
    "MAsGA1UEAwwEdGVzdDAqMAUGAytlcAMhAPUo9Sm3PBRUcO/FyCKjhGVZXMrZnMN6\n"
    "Cov75htW4DY/o1MwUTAdBgNVHQ4EFgQUcAKr72RMnLKDPtPMzt9HYD/kYe0wHwYD\n"
    "VR0jBBgwFoAUcAKr72RMnLKDPtPMzt9HYD/kYe0wDwYDVR0TAQH/BAUwAwEB/zAF\n"
    "BgMrZXADQQB+/USmJK27EaKP2i9+OmMN4VN0C4puaMOqeHI1VOzTHpQqLgVBEpUi\n"
    "82+v3RSMZAS4sdWhduU+anUED+kSXqsI\n"
    "-----END CERTIFICATE-----\n";


static char *
path_of(const char *name)
{
    static char  path[128];

    (void) snprintf(path, sizeof(path), "%s/%s", folder, name);

    return path;
}


static void
put(const char *name, const char *text)
{
    FILE  *f = fopen(path_of(name), "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path_of(name), 0600), 0);
}


static int
set_up(void **state)
{
    (void) state;
    assert_non_null(mkdtemp(folder));
    put("one", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    put("two", "# old\n\n  # and new\n"
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\r\n"
        "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    put("ca", certificate);
    put("headers", "Authorization: Bearer x\nX-Empty:\n");

    return 0;
}


static int
clean_up(void **state)
{
    size_t                    i;
    static const char *const  names[] = {
        "one", "two", "headers", "file", "bad", "open", "ca"
    };

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void) unlink(path_of(names[i]));
    }

    return rmdir(folder);
}


static endpoints_t      endpoints;
static onsite_error_t   error;


static onsite_status_t
read_text(const char *text, const endpoint_t *defaults)
{
    put("file", text);
    error.text[0] = '\0';

    return endpoints_read(path_of("file"), defaults, &endpoints, &error);
}


static const endpoint_t *
find(const char *url)
{
    endpoints_place_t  place;

    assert_int_equal(endpoints_place(url, &place, NULL), ONSITE_OK);

    return endpoints_find(&endpoints, &place);
}


static const endpoint_t  plain_defaults = {
    .concurrency = 4, .timeout = 10000
};


static void
all_keys(void **state)
{
    const endpoint_t  *e;

    (void) state;
    assert_int_equal(read_text("{\"https://a.example/\": {"
        "\"secrets\": [\"one\", \"two\"], \"headers\": \"headers\","
        "\"body\": \"data\", \"rate\": 2.5, \"concurrency\": 7,"
        "\"timeout\": \"3s\", \"private\": true, \"ca\": \"ca\"},"
        "\"https://b.example\": {\"unsigned\": true}}", &plain_defaults),
        ONSITE_OK);

    e = find("https://a.example/x");
    assert_non_null(e);
    assert_int_equal(e->n_secrets, 3);
    assert_int_equal(e->secrets[2].len, 24);
    assert_int_equal(e->secrets[2].bytes[0], 0);
    assert_int_equal(e->n_headers, 2);
    assert_string_equal(e->headers[0], "Authorization: Bearer x");
    assert_true(e->plain);
    assert_true(e->rate > 2.4 && e->rate < 2.6);
    assert_int_equal(e->concurrency, 7);
    assert_int_equal(e->timeout, 3000);
    assert_true(e->private);
    assert_non_null(e->ca);

    e = find("https://b.example/");
    assert_non_null(e);
    assert_int_equal(e->n_secrets, 0);
    assert_false(e->plain);
    assert_false(e->private);
    assert_int_equal(e->concurrency, 4);
    assert_int_equal(e->timeout, 10000);
    endpoints_free(&endpoints);
}


static void
defaults_hold(void **state)
{
    endpoint_t  defaults = plain_defaults;

    (void) state;
    assert_int_equal(endpoints_secrets(path_of("two"), &defaults, &error),
                     ONSITE_OK);
    assert_int_equal(read_text("{\"https://a.example/\": {},"
        "\"https://b.example/\": {\"secrets\": \"one\"},"
        "\"https://c.example/\": {\"unsigned\": true}}", &defaults),
        ONSITE_OK);
    assert_int_equal(find("https://a.example/")->n_secrets, 2);
    assert_int_equal(find("https://b.example/")->n_secrets, 1);
    assert_int_equal(find("https://c.example/")->n_secrets, 0);
    endpoints_free(&endpoints);
}


static void
places(void **state)
{
    (void) state;
    assert_int_equal(read_text("{\"https://a.example\": {\"unsigned\": true},"
        "\"https://a.example/in/\": {\"unsigned\": true},"
        "\"https://a.example/in/deep\": {\"unsigned\": true},"
        "\"http://127.0.0.1:8080/\": {\"unsigned\": true},"
        "\"https://[::1]/\": {\"unsigned\": true}}", &plain_defaults),
        ONSITE_OK);

    assert_string_equal(find("https://a.example/")->url, "https://a.example");
    assert_string_equal(find("https://A.EXAMPLE:443/x?y=/in/deep")->url,
                        "https://a.example");
    assert_string_equal(find("https://a.example/in/x")->url,
                        "https://a.example/in/");
    assert_string_equal(find("https://a.example/in/deep")->url,
                        "https://a.example/in/deep");
    assert_string_equal(find("https://a.example/in/deep/er?q")->url,
                        "https://a.example/in/deep");
    assert_string_equal(find("https://a.example/in/deeper")->url,
                        "https://a.example/in/");
    assert_string_equal(find("https://a.example/in/deep/../x")->url,
                        "https://a.example/in/");
    assert_string_equal(find("https://a.example/in")->url,
                        "https://a.example");
    assert_non_null(find("http://127.0.0.1:8080/x"));
    assert_non_null(find("https://[::1]/x"));

    assert_null(find("https://a.example.evil/"));
    assert_null(find("https://b.a.example/"));
    assert_null(find("https://a.example:444/"));
    assert_null(find("http://a.example/"));
    assert_null(find("http://127.0.0.1/"));
    endpoints_free(&endpoints);
}


static void
bad_urls(void **state)
{
    size_t                    i;
    endpoints_place_t         place;
    static const char *const  bad[] = {
        "", "/x", "a.example", "ftp://a.example/", "https://",
        "https://u@a.example/", "https://u:p@a.example/",
        "https://a.example/#f", "https://a.example:99999/", "file:///etc"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (endpoints_place(bad[i], &place, &error) != ONSITE_INVALID) {
            fail_msg("%s", bad[i]);
        }
    }
}


typedef struct {
    const char  *text;
    const char  *says;
} wrong_t;


/* Each tells the file, and what is wrong with what. */

static const wrong_t  wrong_texts[] = {
    { "", "/file: " },
    { "[]", "has to be an object of endpoints" },
    { "{}", "has to be an object of endpoints" },
    { "{\"https://a/\": {", "1:17: " },
    { "{\"a.example\": {}}", "\"a.example\": is not an absolute URL" },
    { "{\"https://u@a/\": {}}", "is not an absolute URL" },
    { "{\"https://a/?x\": {}}", "a query" },
    { "{\"https://a/\": true}", "\"https://a/\": has to be an object" },
    { "{\"https://a/\": {}}", "\"secrets\" is missing" },
    { "{\"https://a/\": {\"unsigned\": false}}",
      "\"secrets\" is missing" },
    { "{\"https://a/\": {\"unsigned\": \"yes\"}}", "unsigned: has to be" },
    { "{\"https://a/\": {\"unsigned\": true, \"secrets\": \"one\"}}",
      "which is it" },
    { "{\"https://a/\": {\"secrets\": []}}", "secrets: is empty" },
    { "{\"https://a/\": {\"secrets\": [1]}}", "secrets: has to be a file" },
    { "{\"https://a/\": {\"secrets\": \"none\"}}", "/none: cannot be" },
    { "{\"https://a/\": {\"secrets\": \"bad\"}}", "/bad:2: " },
    { "{\"https://a/\": {\"secrets\": \"open\"}}", "/open: anybody" },
    { "{\"https://a/\": {\"secrets\": \"one\", \"headers\": \"two\"}}",
      "/two:4: a line has to be a header" },
    { "{\"https://a/\": {\"secrets\": \"one\", \"headers\": 1}}",
      "headers: has to be a file" },
    { "{\"https://a/\": {\"secrets\": \"one\", \"rate\": 0}}", "rate: " },
    { "{\"https://a/\": {\"secrets\": \"one\", \"concurrency\": 1.5}}",
      "concurrency: " },
    { "{\"https://a/\": {\"secrets\": \"one\", \"concurrency\": 300}}",
      "concurrency: " },
    { "{\"https://a/\": {\"secrets\": \"one\", \"timeout\": 10}}",
      "timeout: " },
    { "{\"https://a/\": {\"secrets\": \"one\", \"timeout\": \"1h\"}}",
      "timeout: " },
    { "{\"https://a/\": {\"secrets\": \"one\", \"body\": \"json\"}}",
      "body: " },
    { "{\"https://a/\": {\"secrets\": \"one\", \"private\": 1}}",
      "private: " },
    { "{\"https://a/\": {\"secrets\": \"one\", \"ca\": \"none\"}}",
      "/none: cannot be" },
    { "{\"https://a/\": {\"secrets\": \"one\", \"ca\": \"one\"}}",
      "/one: holds no certificate" },
    { "{\"https://a/\": {\"unsigned\": true, \"headers\": \"open\"}}",
      "/open: anybody may read these headers" },
    { "{\"https://a/\": {\"rate\": 1, \"unsigned\": true,"
      "\"rate\": 2}}", "rate: is there twice" },
    { "{\"https://a/\": {\"secret\": \"one\"}}",
      "secret: there is no such key" }
};


static void
wrong_files(void **state)
{
    size_t  i;

    (void) state;
    put("bad", "# a remark\nwhsec_x\n");
    put("open", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    assert_int_equal(chmod(path_of("open"), 0604), 0);

    for (i = 0; i < sizeof(wrong_texts) / sizeof(wrong_texts[0]); i++) {
        assert_int_not_equal(read_text(wrong_texts[i].text, &plain_defaults),
                             ONSITE_OK);

        if (strstr(error.text, wrong_texts[i].says) == NULL
            || strncmp(error.text, folder, strlen(folder)) != 0)
        {
            fail_msg("%s: %s", wrong_texts[i].text, error.text);
        }

        endpoints_free(&endpoints);
    }

    assert_int_equal(endpoints_read(path_of("none"), &plain_defaults,
                                    &endpoints, &error), ONSITE_NOT_FOUND);
    endpoints_free(&endpoints);
}


/* However they are written. */

static void
twice(void **state)
{
    size_t                    i;
    char                      text[256];
    static const char *const  same[][2] = {
        { "https://a/", "https://a/" },
        { "https://a/", "https://a" },
        { "https://a/x", "HTTPS://A:443/x" },
        { "https://a/x", "https://a/y/../x" },
        { "https://127.0.0.1:22443/", "https://2130706433:22443/" },
        { "https://127.0.0.1:22443/", "https://0x7f.1:22443/" }
    };

    (void) state;

    for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        (void) snprintf(text, sizeof(text), "{\"%s\": {\"unsigned\": true},"
                        "\"https://b/\": {\"unsigned\": true},"
                        "\"%s\": {\"unsigned\": true}}", same[i][0],
                        same[i][1]);
        assert_int_equal(read_text(text, &plain_defaults), ONSITE_INVALID);
        (void) snprintf(text, sizeof(text), "\"%s\" is there twice: \"%s\" "
                        "is the same", same[i][1], same[i][0]);

        if (strstr(error.text, text) == NULL) {
            fail_msg("%s: %s", text, error.text);
        }

        endpoints_free(&endpoints);
    }
}


static void
private_addresses(void **state)
{
    size_t             i;
    endpoints_place_t  place;

    static const struct {
        const char  *url;
        bool         private;
    } all[] = {
        { "https://127.0.0.1/", true }, { "https://2130706433/", true },
        { "https://10.1.2.3:8443/x", true }, { "https://[::1]/", true },
        { "https://[fd00::1]:44/", true }, { "https://9.9.9.9/", false },
        { "https://[2606:4700::1]/", false }, { "https://a.example/", false }
    };

    (void) state;

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_int_equal(endpoints_place(all[i].url, &place, NULL),
                         ONSITE_OK);

        if (endpoints_is_private(&place) != all[i].private) {
            fail_msg("%s", all[i].url);
        }
    }
}


static void
wrong_headers(void **state)
{
    size_t                    i;
    static const char *const  wrong[] = {
        "Host: x\n", "webhook-id: 1\n", "Content-Type: text/plain\n",
        "No colon\n", ": x\n", "A B: x\n", "X: a\001b\n", "Expect: x\n",
        "TRANSFER-ENCODING: chunked\n"
    };

    (void) state;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        put("bad", wrong[i]);
        assert_int_equal(read_text("{\"https://a/\": {\"unsigned\": true,"
                                   "\"headers\": \"bad\"}}",
                                   &plain_defaults), ONSITE_INVALID);
        assert_non_null(strstr(error.text, "/bad:1: "));
        endpoints_free(&endpoints);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(all_keys),
        cmocka_unit_test(defaults_hold),
        cmocka_unit_test(places),
        cmocka_unit_test(bad_urls),
        cmocka_unit_test(wrong_files),
        cmocka_unit_test(twice),
        cmocka_unit_test(private_addresses),
        cmocka_unit_test(wrong_headers)
    };

    return cmocka_run_group_tests(tests, set_up, clean_up);
}
