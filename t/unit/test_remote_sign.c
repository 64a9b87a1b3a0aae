/*
 * test_remote_sign.c - signatures that AWS published: the examples of S3's
 * documentation and the Signature Version 4 test suite.
 */

#include "unit.h"
#include "remote_sign.h"

#include <fcntl.h>
#include <unistd.h>

#define HEADERS_MAX  6

typedef struct {
    const char       *method;
    const char       *path;
    const char       *query;
    remote_header_t   headers[HEADERS_MAX];
    const char       *payload;
    const char       *authorization;
} vector_t;


static void
check(const remote_key_t *key, const char *stamp, const vector_t *vectors,
    size_t n)
{
    size_t        i;
    onsite_buf_t  out;

    onsite_buf_init(&out, 0);

    for (i = 0; i < n; i++) {
        remote_signed_t  request = {
            .method = vectors[i].method, .path = vectors[i].path,
            .query = vectors[i].query, .headers = vectors[i].headers,
            .payload = vectors[i].payload, .stamp = stamp
        };

        while (request.n < HEADERS_MAX
               && vectors[i].headers[request.n].name != NULL)
        {
            request.n++;
        }

        onsite_buf_clear(&out);
        remote_sign(key, &request, &out);
        onsite_buf_char(&out, '\0');
        assert_false(out.failed);
        assert_string_equal(out.data, vectors[i].authorization);
    }

    onsite_buf_free(&out);
}


#define S3_HOST     { "host", "examplebucket.s3.amazonaws.com" }
#define S3_DATE     { "x-amz-date", "20130524T000000Z" }
#define S3_EMPTY    { "x-amz-content-sha256", REMOTE_SHA256_EMPTY }
#define S3_PREFIX   "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/"       \
                    "20130524/us-east-1/s3/aws4_request, SignedHeaders="
#define S3_WELCOME                                                            \
    "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

static void
test_s3(void **state)
{
    static const remote_key_t  key = {
        "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "us-east-1", "s3"
    };

    static const vector_t  vectors[] = {
        { "GET", "/test.txt", "",
          { S3_HOST, { "range", "bytes=0-9" }, S3_EMPTY, S3_DATE },
          REMOTE_SHA256_EMPTY,
          S3_PREFIX "host;range;x-amz-content-sha256;x-amz-date, Signature="
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },

        { "PUT", "/test%24file.text", "",
          { { "date", "Fri, 24 May 2013 00:00:00 GMT" }, S3_HOST,
            { "x-amz-content-sha256", S3_WELCOME }, S3_DATE,
            { "x-amz-storage-class", "REDUCED_REDUNDANCY" } },
          S3_WELCOME,
          S3_PREFIX "date;host;x-amz-content-sha256;x-amz-date;"
          "x-amz-storage-class, Signature="
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },

        { "GET", "/", "lifecycle=", { S3_HOST, S3_EMPTY, S3_DATE },
          REMOTE_SHA256_EMPTY,
          S3_PREFIX "host;x-amz-content-sha256;x-amz-date, Signature="
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },

        { "GET", "/", "max-keys=2&prefix=J", { S3_HOST, S3_EMPTY, S3_DATE },
          REMOTE_SHA256_EMPTY,
          S3_PREFIX "host;x-amz-content-sha256;x-amz-date, Signature="
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
    };

    (void) state;
    check(&key, "20130524T000000Z", vectors,
          sizeof(vectors) / sizeof(vectors[0]));
}


#define SUITE_HOST    { "host", "example.amazonaws.com" }
#define SUITE_DATE    { "x-amz-date", "20150830T123600Z" }
#define SUITE_PREFIX  "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/"     \
                      "us-east-1/service/aws4_request, SignedHeaders="

/* Of the suite what needs no other rules for paths than S3 has. */

static void
test_suite(void **state)
{
    static const remote_key_t  key = {
        "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "us-east-1", "service"
    };

    static const vector_t  vectors[] = {
        { "GET", "/", "", { SUITE_HOST, SUITE_DATE }, REMOTE_SHA256_EMPTY,
          SUITE_PREFIX "host;x-amz-date, Signature="
          "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },

        { "POST", "/", "", { SUITE_HOST, SUITE_DATE }, REMOTE_SHA256_EMPTY,
          SUITE_PREFIX "host;x-amz-date, Signature="
          "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },

        { "GET", "/%E1%88%B4", "", { SUITE_HOST, SUITE_DATE },
          REMOTE_SHA256_EMPTY,
          SUITE_PREFIX "host;x-amz-date, Signature="
          "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },

        { "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
          "abcdefghijklmnopqrstuvwxyz", "", { SUITE_HOST, SUITE_DATE },
          REMOTE_SHA256_EMPTY,
          SUITE_PREFIX "host;x-amz-date, Signature="
          "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },

        { "GET", "/", "Param1=value1&Param2=value2",
          { SUITE_HOST, SUITE_DATE }, REMOTE_SHA256_EMPTY,
          SUITE_PREFIX "host;x-amz-date, Signature="
          "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },

        { "GET", "/", "",
          { SUITE_HOST, { "my-header1", "value2,value2,value1" },
            SUITE_DATE }, REMOTE_SHA256_EMPTY,
          SUITE_PREFIX "host;my-header1;x-amz-date, Signature="
          "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },

        { "GET", "/", "",
          { SUITE_HOST, { "my-header1", "value1,value2,value3" },
            SUITE_DATE }, REMOTE_SHA256_EMPTY,
          SUITE_PREFIX "host;my-header1;x-amz-date, Signature="
          "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790" },
    };

    (void) state;
    check(&key, "20150830T123600Z", vectors,
          sizeof(vectors) / sizeof(vectors[0]));
}


static void
test_encode(void **state)
{
    onsite_buf_t  out;

    (void) state;
    onsite_buf_init(&out, 0);
    remote_encode(&out, "/a b/test$file.text/-._~/+=&?#%:@!*'(),;/\xe1\x88"
                        "\xb4");
    onsite_buf_char(&out, '\0');
    assert_string_equal(out.data, "/a%20b/test%24file.text/-._~/"
                        "%2B%3D%26%3F%23%25%3A%40%21%2A%27%28%29%2C%3B/"
                        "%E1%88%B4");
    onsite_buf_free(&out);
}


static void
test_stamp(void **state)
{
    char  stamp[REMOTE_STAMP];

    (void) state;
    remote_stamp(stamp, 1369353600);
    assert_string_equal(stamp, "20130524T000000Z");
    remote_stamp(stamp, 1709251199);
    assert_string_equal(stamp, "20240229T235959Z");
}


static void
test_hash(void **state)
{
    int   fd;
    char  hex[REMOTE_SHA256_HEX + 1], path[] = "/tmp/onsite-sign-XXXXXX";

    (void) state;
    remote_sha256(ONSITE_STR("Welcome to Amazon S3."), hex);
    assert_string_equal(hex, S3_WELCOME);

    fd = mkstemp(path);
    assert_true(fd >= 0);
    (void) unlink(path);
    assert_true(remote_sha256_file(fd, hex));
    assert_string_equal(hex, REMOTE_SHA256_EMPTY);
    assert_int_equal(write(fd, "Welcome to Amazon S3.", 21), 21);
    assert_true(remote_sha256_file(fd, hex));
    assert_string_equal(hex, S3_WELCOME);
    (void) close(fd);
    assert_false(remote_sha256_file(fd, hex));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_s3),
        cmocka_unit_test(test_suite),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_stamp),
        cmocka_unit_test(test_hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
