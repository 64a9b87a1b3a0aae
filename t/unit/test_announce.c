/*
 * test_announce.c - what is heard of snapshots, and on which subject.
 */

#include "unit.h"
#include "announce.h"


static void
subject_is(const char *site, const char *wanted)
{
    char  subject[ANNOUNCE_SUBJECT_MAX];

    announce_subject(site, subject);
    assert_string_equal(subject, wanted);
}


/* NATS takes no token that is empty. */

static void
test_subject(void **state)
{
    char  longest[MANIFEST_SITE_MAX + 1];

    (void) state;

    subject_is("default", "onsite.snapshot.default");
    subject_is("shop.example", "onsite.snapshot.shop.example");
    subject_is("a..b", "onsite.snapshot.a._b");
    subject_is("a.", "onsite.snapshot.a_");
    subject_is("a...", "onsite.snapshot.a.__");

    memset(longest, 'x', MANIFEST_SITE_MAX);
    longest[MANIFEST_SITE_MAX] = '\0';
    subject_is(longest, "onsite.snapshot."
               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}


#define SAYS  "{\"type\":\"onsite-snapshot\",\"site\":\"s\",\"version\":"

static void
test_version(void **state)
{
    char    text[ANNOUNCE_MAX + 2];
    size_t  i;

    static const struct {
        const char  *text;
        uint64_t     version;
    } cases[] = {
        { SAYS "7}", 7 },
        { SAYS "9007199254740991,\"sha256\":\"x\",\"more\":[1]}",
          9007199254740991 },
        { SAYS "9007199254740992}", 0 },
        { SAYS "1e300}", 0 },
        { SAYS "0}", 0 },
        { SAYS "-7}", 0 },
        { SAYS "\"7\"}", 0 },
        { SAYS "7", 0 },
        { SAYS "7}}", 0 },
        { "{\"type\":\"onsite-snapshot\",\"site\":\"s\"}", 0 },
        { "{\"type\":\"onsite-snapshot\",\"site\":\"t\",\"version\":7}", 0 },
        { "{\"type\":\"other\",\"site\":\"s\",\"version\":7}", 0 },
        { "{\"site\":\"s\",\"version\":7}", 0 },
        { "[7]", 0 },
        { "7", 0 },
        { "null", 0 },
        { "", 0 },
        { "\xff", 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(announce_version(onsite_str_of(cases[i].text), "s"),
                         cases[i].version);
    }

    memset(text, '[', sizeof(text));
    assert_int_equal(announce_version(onsite_str(text, ANNOUNCE_MAX), "s"),
                     0);
    memset(text, ' ', sizeof(text));
    memcpy(text, SAYS "7}", sizeof(SAYS "7}") - 1);
    assert_int_equal(announce_version(onsite_str(text, ANNOUNCE_MAX), "s"),
                     7);
    assert_int_equal(announce_version(onsite_str(text, ANNOUNCE_MAX + 1),
                                      "s"), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_subject),
        cmocka_unit_test(test_version)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
