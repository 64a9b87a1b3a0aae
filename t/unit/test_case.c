/*
 * test_case.c - upper and lower case, and cuts: against ICU.
 */

#include "unit.h"
#include "onsite_case.h"
#include "onsite_coerce.h"

#include <unicode/ubrk.h>
#include <unicode/ustring.h>

#define UNITS  4096


static onsite_str_t
str(const char *text)
{
    return onsite_str(text, strlen(text));
}


static void
expect_icu(onsite_str_t text, bool upper)
{
    char        ours[UNITS], theirs[UNITS];
    UChar       wide[UNITS], mapped[UNITS];
    size_t      n;
    int32_t     len, units;
    UErrorCode  status = U_ZERO_ERROR;

    (void) u_strFromUTF8(wide, UNITS, &units, text.data, (int32_t) text.len,
                         &status);
    units = upper ? u_strToUpper(mapped, UNITS, wide, units, "", &status)
                  : u_strToLower(mapped, UNITS, wide, units, "", &status);
    (void) u_strToUTF8(theirs, UNITS, &len, mapped, units, &status);
    assert_true(U_SUCCESS(status));

    n = upper ? onsite_case_upper(text, ours) : onsite_case_lower(text, ours);

    if (n != (size_t) len || memcmp(ours, theirs, n) != 0) {
        fail_msg("%.*s: %.*s, ICU %.*s", (int) text.len, text.data, (int) n,
                 ours, (int) len, theirs);
    }
}


static void
every_character_as_icu_maps_it(void **state)
{
    char      text[8];
    uint32_t  c;

    (void) state;

    for (c = 0; c < 0x20000; c++) {
        if (c < 0xd800 || c > 0xdfff) {
            expect_icu(onsite_str(text, onsite_utf8_write(c, text)), true);
            expect_icu(onsite_str(text, onsite_utf8_write(c, text)), false);
        }
    }
}


static const char *const  alphabet[] = {
    "a", "B", "\xc3\x9f", "\xce\xa3", "\xcf\x83", " ", ".", "'", "\xcc\x88",
    "\xce\x91", "1", "\xc4\xb0", "\xf0\x9f\x98\x80", "\xe2\x80\x8d",
    "\xf0\x9f\x87\xa9", "\xf0\x9f\x87\xaa", "\xf0\x9f\x91\xa9",
    "\xf0\x9f\x8f\xbd", "\xef\xb8\x8f", "\xe1\x84\x80", "\xe1\x85\xa1",
    "\xe1\x86\xa8", "\xe0\xa4\x95", "\xe0\xa4\xbe", "\xc2\xad", ",", "\xc2\xa0"
};

static uint32_t  random_state = 12345;


static onsite_str_t
random_text(char *text, size_t max)
{
    size_t  i, n = 0, len;

    for (i = 0; i < max; i++) {
        random_state = random_state * 1664525 + 1013904223;
        len = (random_state >> 8) % (sizeof(alphabet) / sizeof(alphabet[0]));
        n += (size_t) sprintf(text + n, "%s", alphabet[len]);
    }

    return onsite_str(text, n);
}


static void
any_text_as_icu_maps_it(void **state)
{
    int           i;
    char          text[256];
    onsite_str_t  random;

    (void) state;

    for (i = 0; i < 20000; i++) {
        random = random_text(text, (size_t) i % 12);
        expect_icu(random, true);
        expect_icu(random, false);
    }
}


static void
bytes_that_are_no_characters(void **state)
{
    char    out[32];
    size_t  n;

    (void) state;
    n = onsite_case_upper(onsite_str("a\xff" "b\xc3", 4), out);
    assert_str(onsite_str(out, n), "A\xff" "B\xc3");
    n = onsite_case_lower(onsite_str("A\xe2\x82", 3), out);
    assert_str(onsite_str(out, n), "a\xe2\x82");
    assert_int_equal(onsite_case_upper(onsite_str("", 0), out), 0);
    n = onsite_case_upper(str("stra\xc3\x9f" "e \xef\xac\x81"), out);
    assert_str(onsite_str(out, n), "STRASSE FI");
    n = onsite_case_lower(str("\xce\x9f\xce\x94\xce\x9f\xce\xa3"), out);
    assert_str(onsite_str(out, n), "\xce\xbf\xce\xb4\xce\xbf\xcf\x82");
}


static size_t
count_points(onsite_str_t text)
{
    size_t       n = 0;
    const char  *p = text.data, *end = p + text.len;

    for (/* void */; p != end; n++) {
        (void) onsite_utf8_next(&p, end);
    }

    return n;
}


/* A cut is where ICU has a boundary between characters, and no later than
 * asked for. */

static void
cuts_are_between_characters(void **state)
{
    int              i;
    char             text[256];
    UChar            wide[UNITS];
    size_t           cut, max;
    int32_t          units, at;
    UErrorCode       status = U_ZERO_ERROR;
    onsite_str_t     random;
    UBreakIterator  *breaks;

    (void) state;

    for (i = 0; i < 20000; i++) {
        random = random_text(text, (size_t) i % 14);
        max = 1 + (size_t) i % 11;
        cut = onsite_case_cut(random, max);

        if (count_points(random) <= max) {
            assert_int_equal(cut, random.len);
            continue;
        }

        assert_true(count_points(onsite_str(text, cut)) < max);
        (void) u_strFromUTF8(wide, UNITS, &units, text, (int32_t) random.len,
                             &status);
        (void) u_strFromUTF8(wide + units, UNITS - units, &at, text,
                             (int32_t) cut, &status);
        breaks = ubrk_open(UBRK_CHARACTER, "", wide, units, &status);
        assert_true(U_SUCCESS(status));

        if (!ubrk_isBoundary(breaks, at)) {
            fail_msg("\"%s\" cut at %zu", text, cut);
        }

        ubrk_close(breaks);
    }
}


static void
cuts_are_at_words(void **state)
{
    size_t  i;

    static const struct {
        const char  *text;
        size_t       max;
        const char  *cut;
    } cases[] = {
        { "hello world", 11, "hello world" }, { "hello world", 10, "hello" },
        { "hello world", 6, "hello" }, { "hello world", 5, "hell" },
        { "hello  world again", 14, "hello  world" }, { "abc", 1, "" },
        { "a Donaudampfschiff", 12, "a Donaudamp" }, { "", 1, "" },
        { "   x", 3, "" }, { "Stra\xc3\x9f" "e", 6, "Stra\xc3\x9f" "e" },
        { "Stra\xc3\x9f" "e!", 6, "Stra\xc3\x9f" },
        { "e\xcc\x81" "e\xcc\x81", 3, "e\xcc\x81" },
        { "e\xcc\x81" "e\xcc\x81", 2, "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(onsite_case_cut(str(cases[i].text), cases[i].max),
                         strlen(cases[i].cut));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(every_character_as_icu_maps_it),
        cmocka_unit_test(any_text_as_icu_maps_it),
        cmocka_unit_test(bytes_that_are_no_characters),
        cmocka_unit_test(cuts_are_between_characters),
        cmocka_unit_test(cuts_are_at_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
