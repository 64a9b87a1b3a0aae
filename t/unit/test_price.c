/*
 * test_price.c - amounts of money: against what ICU itself writes, with the
 * loader's own reading of CLDR; which locale is taken; and damaged tables.
 */

#include "unit.h"
#include "onsite_price.h"

#include <unicode/uloc.h>
#include <unicode/unumberformatter.h>
#include <unicode/ustring.h>

#include <math.h>

extern const onsite_cldr_t  loader_cldr;

static const char *const  locales[] = {
    "de-DE", "en-US", "en-IN", "fr-FR", "fr-CH", "de-CH", "de-AT", "es-ES",
    "es-MX", "pt-PT", "pt-BR", "pl-PL", "nl-NL", "sv-SE", "nb-NO", "da-DK",
    "fi-FI", "it-IT", "ja-JP", "zh-CN", "ko-KR", "hi-IN", "bn-BD", "ar-EG",
    "he-IL", "tr-TR", "bg-BG", "cs-CZ", "hu-HU", "ru-RU", "fa-IR", "en"
};

#define N_LOCALES  (sizeof(locales) / sizeof(locales[0]))

static const char *const  currencies[] = {
    "EUR", "USD", "GBP", "JPY", "KWD", "CHF", "INR", "SEK", "HUF", "CLF"
};

#define N_CURRENCIES  (sizeof(currencies) / sizeof(currencies[0]))

typedef struct {
    onsite_builder_t  *b;
    onsite_prices_t    prices;
    onsite_image_t     image;
    onsite_buf_t       out;
} fixture_t;


static onsite_str_t
str(const char *text)
{
    return onsite_str(text, strlen(text));
}


static void
begin(fixture_t *f)
{
    memset(f, 0, sizeof(*f));
    f->b = onsite_builder_create();
    f->prices.cldr = &loader_cldr;
    f->prices.used = true;
    onsite_buf_init(&f->out, 0);
}


static void
build(fixture_t *f)
{
    onsite_ref_t            ref = 0;
    onsite_error_t          error;
    onsite_image_header_t  *header;

    assert_int_equal(onsite_prices_build(&f->prices, f->b, &ref), ONSITE_OK);
    assert_int_not_equal(ref, 0);
    header = onsite_builder_at(f->b, 0);
    header->prices = ref;
    assert_int_equal(onsite_builder_finish(f->b, ONSITE_STR("s"), 1,
                                           &f->image, &error), ONSITE_OK);
    assert_int_equal(onsite_prices_verify(&f->image, &error), ONSITE_OK);
}


static void
end(fixture_t *f)
{
    onsite_buf_free(&f->out);
    onsite_builder_destroy(f->b);
}


static const char *
write_price(fixture_t *f, uint32_t locale, const char *currency,
    double amount)
{
    onsite_buf_clear(&f->out);
    onsite_price_write(&f->out, &f->image, locale, str(currency), amount);
    onsite_buf_char(&f->out, '\0');

    return f->out.data;
}


static UNumberFormatter *
open_icu(const char *locale, const char *currency)
{
    char               skeleton[64], tag[64], name[ULOC_FULLNAME_CAPACITY];
    UChar              wide[64];
    UErrorCode         status = U_ZERO_ERROR;
    UNumberFormatter  *formatter;

    (void) snprintf(tag, sizeof(tag), "%s-u-nu-latn", locale);
    (void) snprintf(skeleton, sizeof(skeleton), "currency/%s sign-negative",
                    currency);
    (void) uloc_forLanguageTag(tag, name, sizeof(name), NULL, &status);
    u_charsToUChars(skeleton, wide, (int32_t) strlen(skeleton) + 1);
    formatter = unumf_openForSkeletonAndLocale(wide, -1, name, &status);
    assert_true(U_SUCCESS(status));

    return formatter;
}


static void
ask_icu(UNumberFormatter *formatter, double amount, char *out, int32_t size)
{
    UChar              text[1024];
    int32_t            len;
    UErrorCode         status = U_ZERO_ERROR;
    UFormattedNumber  *result = unumf_openResult(&status);

    unumf_formatDouble(formatter, amount, result, &status);
    len = unumf_resultToString(result, text, 1024, &status);
    (void) u_strToUTF8(out, size, NULL, text, len, &status);
    unumf_closeResult(result);
    assert_true(U_SUCCESS(status));
}


/* Amounts at every edge of rounding and grouping, then any. */

static double
amount_of(int i)
{
    static uint64_t      x = 88172645463325252u;
    static const double  edges[] = {
        0, -0.0, 1, -1, 0.005, 0.015, 0.025, 1.005, 2.675, -0.004, -0.005,
        0.5, 1.5, 2.5, 999.995, 9.995, 999, 1000, 1234, 9999.5, 9999.994,
        10000, 12345.678, 99999, 100000, 123456.5, 999999.995, 1e6, -1234567,
        1e9, 123456789012.345, 1e15, 9007199254740993.0, 1e21, 1.5e22,
        -1e25, 1e-7, 5e-324, 1.7976931348623157e308, 0.1, 119.9, 4.35, 1.45
    };

    if (i < (int) (sizeof(edges) / sizeof(edges[0]))) {
        return edges[i];
    }

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;

    return (double) (int64_t) (x % 20000000000) / (i % 3 == 0 ? 1000.0
                                                  : i % 3 == 1 ? 100.0
                                                  : 7.0) - 1e6;
}


static void
as_icu_writes_them(void **state)
{
    int                i;
    char               expected[4096];
    double             amount;
    size_t             l, c;
    uint32_t           index;
    fixture_t          f;
    const char        *found;
    UNumberFormatter  *icu;

    (void) state;
    begin(&f);

    for (l = 0; l < N_LOCALES; l++) {
        assert_int_equal(onsite_prices_locale(&f.prices, str(locales[l]),
                                              &index), ONSITE_OK);
        assert_int_equal(index, l);
    }

    for (c = 0; c < N_CURRENCIES; c++) {
        assert_int_equal(onsite_prices_currency(&f.prices,
                                                str(currencies[c])),
                         ONSITE_OK);
    }

    build(&f);

    for (l = 0; l < N_LOCALES; l++) {
        for (c = 0; c < N_CURRENCIES; c++) {
            icu = open_icu(locales[l], currencies[c]);

            for (i = 0; i < 200; i++) {
                amount = amount_of(i);
                ask_icu(icu, amount, expected, sizeof(expected));
                found = write_price(&f, (uint32_t) l, currencies[c], amount);

                if (strcmp(found, expected) != 0) {
                    fail_msg("%s %s %.17g: %s, ICU %s", locales[l],
                             currencies[c], amount, found, expected);
                }
            }

            unumf_close(icu);
        }
    }

    end(&f);
}


static void
of_any_locale_and_currency(void **state)
{
    size_t             i, n;
    uint32_t           l, index;
    fixture_t          f;
    char               expected[4096];
    const char        *found;
    const char       (*codes)[4];
    UNumberFormatter  *icu;

    (void) state;
    begin(&f);
    f.prices.any_currency = true;

    for (l = 0; l < 4; l++) {
        assert_int_equal(onsite_prices_locale(&f.prices, str(locales[l * 7]),
                                              &index), ONSITE_OK);
    }

    build(&f);
    n = loader_cldr.currencies(loader_cldr.data, true, &codes);
    assert_in_range(n, 140, ONSITE_CURRENCIES_MAX);

    for (l = 0; l < 4; l++) {
        for (i = 0; i < n; i++) {
            icu = open_icu(locales[l * 7], codes[i]);
            ask_icu(icu, -1234567.885, expected, sizeof(expected));
            unumf_close(icu);
            found = write_price(&f, l, codes[i], -1234567.885);

            if (strcmp(found, expected) != 0) {
                fail_msg("%s %s: %s, ICU %s", locales[l * 7], codes[i],
                         found, expected);
            }
        }
    }

    end(&f);
}


static void
begin_shop(fixture_t *f)
{
    uint32_t  index;

    begin(f);
    assert_int_equal(onsite_prices_locale(&f->prices, str("de-DE"), &index),
                     ONSITE_OK);
    assert_int_equal(onsite_prices_locale(&f->prices, str("fr-CH"), &index),
                     ONSITE_OK);
    assert_int_equal(onsite_prices_locale(&f->prices, str("fr_fr"), &index),
                     ONSITE_OK);
    assert_int_equal(onsite_prices_locale(&f->prices, str("FR-fr"), &index),
                     ONSITE_OK);
    assert_int_equal(index, 2);
    assert_int_equal(onsite_prices_currency(&f->prices, str("EUR")),
                     ONSITE_OK);
    memcpy(f->prices.currency, "EUR", 4);
    build(f);
}


static void
what_is_no_known_currency(void **state)
{
    fixture_t  f;

    (void) state;
    begin_shop(&f);
    assert_string_equal(write_price(&f, 0, "EUR", 12.5),
                        "12,50\xc2\xa0\xe2\x82\xac");
    assert_string_equal(write_price(&f, 0, "eur", 12.5),
                        "12,50\xc2\xa0\xe2\x82\xac");
    assert_string_equal(write_price(&f, 0, "", 12.5),
                        "12,50\xc2\xa0\xe2\x82\xac");
    assert_string_equal(write_price(&f, 0, "<b>", 12.5),
                        "12,50\xc2\xa0\xe2\x82\xac");
    assert_string_equal(write_price(&f, 0, "XYZ", 12.5), "12.50 XYZ");
    assert_string_equal(write_price(&f, 0, "XYZ", -1234.565), "-1234.56 XYZ");
    assert_string_equal(write_price(&f, 0, "XYZ", -0.001), "0.00 XYZ");
    assert_string_equal(write_price(&f, 0, "EUR", NAN), "");
    assert_string_equal(write_price(&f, 0, "EUR", INFINITY), "");
    end(&f);

    begin(&f);
    assert_int_equal(onsite_prices_default(&f.prices), ONSITE_OK);
    build(&f);
    assert_string_equal(write_price(&f, 0, "", 12.5), "12.50");
    end(&f);
}


static void
the_nearest_locale(void **state)
{
    size_t     i;
    fixture_t  f;

    static const struct {
        const char  *tag;
        uint32_t     index;
    } cases[] = {
        { "de-DE", 0 }, { "de", 0 }, { "de-AT", 0 }, { "fr", 1 },
        { "fr-FR", 2 }, { "FR_fr", 2 }, { "fr-CA", 1 }, { "fr-CH-x-y", 1 },
        { "it", 0 }, { "", 0 }, { "f", 0 }, { "frr", 0 }, { "-", 0 }
    };

    (void) state;
    begin_shop(&f);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(onsite_price_locale(&f.image, str(cases[i].tag)),
                         cases[i].index);
    }

    end(&f);
}


static void
unknown_names(void **state)
{
    size_t     i;
    uint32_t   index;
    fixture_t  f;

    static const char *const  bad_locales[] = {
        "", "x", "xx-YY", "de-ZZZ", "de DE", "deutsch-land-und-leute-jawohl",
        "german", "en-US-", "qq"
    };
    static const char *const  bad_currencies[] = {
        "", "EU", "EURO", "XYZ", "eur", "E R"
    };

    (void) state;
    begin(&f);

    for (i = 0; i < sizeof(bad_locales) / sizeof(bad_locales[0]); i++) {
        assert_int_equal(onsite_prices_locale(&f.prices, str(bad_locales[i]),
                                              &index), ONSITE_NOT_FOUND);
    }

    for (i = 0; i < sizeof(bad_currencies) / sizeof(bad_currencies[0]); i++) {
        assert_int_equal(onsite_prices_currency(&f.prices,
                                                str(bad_currencies[i])),
                         ONSITE_NOT_FOUND);
    }

    end(&f);
}


/* Any byte of the tables may be any other: it is refused, or safe to use. */

static void
verify_withstands_any_byte(void **state)
{
    size_t         i, from;
    uint8_t       *bytes, old;
    fixture_t      f;

    (void) state;
    begin_shop(&f);
    bytes = (uint8_t *) f.image.base;
    from = onsite_image_header(&f.image)->prices;

    for (i = from; i < f.image.size; i++) {
        old = bytes[i];

        for (bytes[i] = 0; bytes[i] < 250; bytes[i] += 7) {
            if (onsite_prices_verify(&f.image, NULL) == ONSITE_OK) {
                (void) write_price(&f, 0, "EUR", -1234567.5);
                (void) onsite_price_locale(&f.image, str("fr-FR"));
            }
        }

        bytes[i] = old;
    }

    end(&f);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(as_icu_writes_them),
        cmocka_unit_test(of_any_locale_and_currency),
        cmocka_unit_test(what_is_no_known_currency),
        cmocka_unit_test(the_nearest_locale),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(verify_withstands_any_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
