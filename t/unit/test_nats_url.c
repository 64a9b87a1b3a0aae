/*
 * test_nats_url.c - lists of NATS servers, as people give them.
 */

#include "unit.h"
#include "nats_url.h"

static nats_url_t      url;
static onsite_error_t  error;


static void
takes(const char *text)
{
    error.text[0] = '\0';

    if (nats_url_read(&url, text, &error) != ONSITE_OK) {
        fail_msg("%s: %s", text, error.text);
    }
}


static void
refuses(const char *text, const char *why)
{
    assert_int_equal(nats_url_read(&url, text, &error), ONSITE_INVALID);

    if (strstr(error.text, why) == NULL) {
        fail_msg("%s: %s", text, error.text);
    }

    assert_null(strstr(error.text, "secret"));
}


static void
test_one(void **state)
{
    (void) state;

    takes("nats://h");
    assert_int_equal(url.n, 1);
    assert_string_equal(url.servers[0], "nats://h:4222");
    assert_string_equal(url.told, "nats://h:4222");
    assert_false(url.tls);
    assert_false(url.has_user);

    takes("nats://127.0.0.1:12345/");
    assert_string_equal(url.servers[0], "nats://127.0.0.1:12345");

    takes("tls://[::1]");
    assert_string_equal(url.servers[0], "tls://[::1]:4222");
    assert_true(url.tls);

    takes("tls://[fe80::1]:7");
    assert_string_equal(url.servers[0], "tls://[fe80::1]:7");
}


static void
test_several(void **state)
{
    (void) state;

    takes("nats://a,nats://b:5,c,d:6");
    assert_int_equal(url.n, 4);
    assert_string_equal(url.told,
                        "nats://a:4222,nats://b:5,nats://c:4222,nats://d:6");

    takes("tls://a,b");
    assert_string_equal(url.servers[1], "tls://b:4222");

    refuses("tls://a,nats://b", "all are tls://");
    refuses("nats://a,", "is not nats://");
    refuses("nats://a,,nats://b", "is not nats://");
}


static void
test_user(void **state)
{
    (void) state;

    takes("nats://user:p%40ss%2c:%25@h:1,h2");
    assert_true(url.has_user);
    assert_false(url.is_token);
    assert_string_equal(url.user, "user");
    assert_string_equal(url.password, "p@ss,:%");
    assert_string_equal(url.told, "nats://h:1,nats://h2:4222");

    takes("nats://p@ss:w@rd@h");
    assert_string_equal(url.user, "p@ss");
    assert_string_equal(url.password, "w@rd");

    takes("nats://t0ken@h");
    assert_true(url.is_token);
    assert_string_equal(url.user, "t0ken");

    takes("nats://u:p@a,nats://u:p@b");
    assert_string_equal(url.told, "nats://a:4222,nats://b:4222");

    refuses("nats://u:secret@a,nats://v:secret@b", "\"b\" has a user of its");
    refuses("nats://a,nats://u:secret@b", "has a user of its own");
    refuses("nats://t@a,nats://t:@b", "has a user of its own");
    refuses("nats://:secret@h", "is empty");
    refuses("nats://@h", "is empty");
    refuses("nats://u:secret@", "\"...@\" has no host");
    refuses("nats://u:secret@:4222", "\":4222\" has no host");
    refuses("tls://u:secret@/", "has no host");
    refuses("nats://u:secret@h,u:secret@", "has no host");
    refuses("nats://u:secret%4@h", "not percent-encoded");
    refuses("nats://u:secret%zz@h", "not percent-encoded");
    refuses("nats://u:secret%00@h", "not percent-encoded");
}


/* Half of a password that has a comma is no host to tell of. */

static void
test_wrong(void **state)
{
    char  text[2100];

    (void) state;

    refuses("", "is not nats://");
    refuses("h:4222", "is not nats://");
    refuses("http://secret@h", "\"h\" is not nats://");
    refuses("nats://", "is not");
    refuses("nats://h:", "is not");
    refuses("nats://h:0", "is not");
    refuses("nats://h:65536", "is not");
    refuses("nats://h:123456", "is not");
    refuses("nats://h:x", "is not");
    refuses("nats://h o", "is not");
    refuses("nats://h/path", "is not");
    refuses("nats://[::1", "is not");
    refuses("nats://user:secret,too@h", "\"...\" is not");

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    refuses(text, "at most");

    memcpy(text, "nats://", 7);
    text[7 + 256] = '\0';
    refuses(text, "is not");

    text[0] = '\0';
    for (int i = 0; i <= NATS_SERVERS_MAX; i++) {
        strcat(text, i == 0 ? "nats://h" : ",h");
    }

    refuses(text, "one too many");
    text[strlen(text) - 2] = '\0';
    takes(text);
    assert_int_equal(url.n, NATS_SERVERS_MAX);

    memcpy(text, "nats://", 7);
    memset(text + 7, 'u', NATS_SECRET_MAX);
    strcpy(text + 7 + NATS_SECRET_MAX, "@h");
    refuses(text, "too long");
    strcpy(text + 7 + NATS_SECRET_MAX - 1, "@h");
    takes(text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_several),
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_wrong)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
