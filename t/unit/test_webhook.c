/*
 * test_webhook.c - Standard Webhooks' signatures by its published example;
 * secrets, bodies, addresses.
 */

#include "unit.h"
#include "webhook.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define SECRET  "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


static webhook_secret_t
secret_of(const char *text)
{
    onsite_error_t    error = { "" };
    webhook_secret_t  secret;

    assert_int_equal(webhook_secret_read(onsite_str_of(text), &secret,
                                         &error), ONSITE_OK);

    return secret;
}


static void
published_example(void **state)
{
    onsite_buf_t      out;
    webhook_secret_t  secrets[2] = { secret_of(SECRET), secret_of(SECRET) };

    (void) state;
    onsite_buf_init(&out, 0);

    webhook_sign(secrets, 1, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                 ONSITE_STR("{\"test\": 2432232314}"), &out);
    assert_str(onsite_str(out.data, out.len),
               "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

    onsite_buf_clear(&out);
    webhook_sign(secrets, 2, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
                 ONSITE_STR("{\"test\": 2432232314}"), &out);
    assert_str(onsite_str(out.data, out.len),
               "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= "
               "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

    onsite_buf_free(&out);
}


static void
secrets(void **state)
{
    size_t             i;
    onsite_error_t     error;
    webhook_secret_t   secret = secret_of(" \t" SECRET "\r\n");
    static const char *const  bad[] = {
        "", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa==",          /* 22 bytes */
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La*aSw",
        "whsec_ MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8I=PZIo2LaLaSw",
        "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
        "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="              /* 65 bytes */
    };

    (void) state;
    assert_int_equal(secret.len, 24);

    secret = secret_of("whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
                       "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ==");
    assert_int_equal(secret.len, 64);
    assert_int_equal(secret.bytes[63], 'A');

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error.text[0] = '\0';
        assert_int_equal(webhook_secret_read(onsite_str_of(bad[i]), &secret,
                                             &error), ONSITE_INVALID);
        assert_non_null(strstr(error.text, "whsec_"));
        assert_true(*bad[i] == '\0' || strstr(error.text, bad[i]) == NULL
                    || strcmp(bad[i], "whsec_") == 0);
    }
}


static void
envelope(void **state)
{
    onsite_buf_t           out;
    onsite_outbox_entry_t  entry = {
        .time = 1767225600000, .site = ONSITE_STR("default"),
        .event = ONSITE_STR("Order \"Completed\""),
        .campaign = ONSITE_STR("c"), .variant = ONSITE_STR(""),
        .data = ONSITE_STR("{\"a\":[1]}"), .propensity = 0.5
    };

    (void) state;
    memset(entry.id, 0xab, sizeof(entry.id));
    memset(entry.visitor.bytes, 0x01, sizeof(entry.visitor.bytes));
    onsite_buf_init(&out, 0);

    webhook_write(&out, &entry);
    assert_str(onsite_str(out.data, out.len),
               "{\"type\":\"campaign.fired\","
               "\"id\":\"abababababababababababababababab\","
               "\"timestamp\":\"2026-01-01T00:00:00.000Z\","
               "\"site\":\"default\",\"campaign\":\"c\",\"variant\":\"\","
               "\"propensity\":0.5,\"event\":\"Order \\\"Completed\\\"\","
               "\"visitor\":\"01010101010101010101010101010101\","
               "\"user_id\":null,\"verified\":false,\"data\":{\"a\":[1]}}");

    onsite_buf_clear(&out);
    entry.user_id = ONSITE_STR("u-1");
    entry.verified = true;
    entry.data = ONSITE_STR("");
    webhook_write(&out, &entry);
    onsite_buf_char(&out, '\0');
    assert_non_null(strstr(out.data, "\"user_id\":\"u-1\",\"verified\":true,"
                           "\"data\":null}"));

    onsite_buf_free(&out);
}


static bool
is_private(const char *text)
{
    struct sockaddr_in   in4 = { .sin_family = AF_INET };
    struct sockaddr_in6  in6 = { .sin6_family = AF_INET6 };

    if (inet_pton(AF_INET, text, &in4.sin_addr) == 1) {
        return webhook_is_private((struct sockaddr *) &in4);
    }

    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);

    return webhook_is_private((struct sockaddr *) &in6);
}


static void
addresses(void **state)
{
    size_t           i;
    struct sockaddr  local = { .sa_family = AF_UNIX };

    static const char *const  private[] = {
        "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255",
        "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
        "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255",
        "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.0",
        "192.168.255.255", "198.18.0.0", "198.19.255.255", "198.51.100.1",
        "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
        "255.255.255.255",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:10.1.2.3", "::127.0.0.1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1", "2001::1",
        "2001:1ff:ffff::1", "2001:db8::1", "2002:7f00:1::1",
        "2002:c0a8:101::1", "3fff::1", "3fff:fff::1", "4000::1", "fc00::1",
        "fdff::1", "fe80::1", "febf::1", "fec0::1", "ff02::1"
    };
    static const char *const  public[] = {
        "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255",
        "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
        "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0",
        "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
        "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
        "::ffff:1.1.1.1", "64:ff9b::101:101", "2000::1", "2001:200::1",
        "2001:4860:4860::8888", "2002:101:101::1", "2606:4700::1111",
        "2a00::1", "3ffe::1"
    };

    (void) state;

    for (i = 0; i < sizeof(private) / sizeof(private[0]); i++) {
        if (!is_private(private[i])) {
            fail_msg("%s is private", private[i]);
        }
    }

    for (i = 0; i < sizeof(public) / sizeof(public[0]); i++) {
        if (is_private(public[i])) {
            fail_msg("%s is public", public[i]);
        }
    }

    assert_true(webhook_is_private(&local));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(published_example),
        cmocka_unit_test(secrets),
        cmocka_unit_test(envelope),
        cmocka_unit_test(addresses)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
