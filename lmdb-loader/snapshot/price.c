/*
 * price.c - what CLDR says of locales and currencies, asked of ICU.
 *
 * A snapshot carries the patterns of what its templates name; workers need no
 * ICU.  Each pattern is read off amounts that ICU has written, so that all of
 * its rules (spacing, groups, a country's own symbol) are in it.
 */

#include "loader.h"

#include <stdlib.h>
#include <string.h>

#include <unicode/ucurr.h>
#include <unicode/uloc.h>
#include <unicode/unum.h>
#include <unicode/unumberformatter.h>
#include <unicode/ustring.h>

#define TEXT_MAX   256              /* UTF-16 units of an amount           */
#define BYTES_MAX  (TEXT_MAX * 3)

/* 1,234,567.89: what a group is, is seen behind two of them. */
#define SAMPLE     1234567.0
#define DIGITS     7

/* An amount as ICU writes it, and where its parts are. */
typedef struct {
    UChar    text[TEXT_MAX];
    int32_t  len;
    int32_t  begin;                 /* of the digits                       */
    int32_t  end;                   /* of the digits, fraction included    */
    int32_t  point;                 /* decimal separator; -1: none         */
    int32_t  point_end;
    int32_t  groups[4];             /* separators, from the left           */
    int32_t  groups_end[4];
    int32_t  n_groups;
} written_t;

/* The texts of the pattern that was asked for last. */
static char  texts[6][BYTES_MAX];


static bool
language_exists(const char *language)
{
    int32_t      i, n = uloc_countAvailable();
    const char  *name;
    size_t       len = strlen(language);

    for (i = 0; i < n && len != 0; i++) {
        name = uloc_getAvailable(i);

        if (strncmp(name, language, len) == 0
            && (name[len] == '\0' || name[len] == '_'))
        {
            return true;
        }
    }

    return false;
}


/* "de_AT" of "de-at"; false: there is no such locale. */

static bool
icu_name(const char *tag, char *name, int32_t size)
{
    char        language[ULOC_LANG_CAPACITY], country[ULOC_COUNTRY_CAPACITY];
    int32_t     parsed = 0;
    UErrorCode  status = U_ZERO_ERROR;

    (void) uloc_forLanguageTag(tag, name, size, &parsed, &status);

    if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING
        || parsed != (int32_t) strlen(tag))
    {
        return false;
    }

    (void) uloc_getLanguage(name, language, sizeof(language), &status);
    (void) uloc_getCountry(name, country, sizeof(country), &status);

    return U_SUCCESS(status) && language_exists(language)
           && (country[0] == '\0' || uloc_getISO3Country(name)[0] != '\0');
}


static bool
find_locale(void *data, onsite_str_t tag, char out[ONSITE_LOCALE_BYTES_MAX])
{
    char         text[ONSITE_LOCALE_BYTES_MAX], name[ULOC_FULLNAME_CAPACITY];
    size_t       i;
    UErrorCode   status = U_ZERO_ERROR;

    (void) data;

    if (tag.len == 0 || tag.len >= sizeof(text)
        || memchr(tag.data, '\0', tag.len) != NULL)
    {
        return false;
    }

    for (i = 0; i < tag.len; i++) {
        text[i] = tag.data[i] == '_' ? '-' : tag.data[i];
    }

    text[i] = '\0';

    if (!icu_name(text, name, sizeof(name))) {
        return false;
    }

    memset(out, 0, ONSITE_LOCALE_BYTES_MAX);
    (void) uloc_toLanguageTag(name, out, ONSITE_LOCALE_BYTES_MAX, true,
                              &status);

    return U_SUCCESS(status) && status != U_STRING_NOT_TERMINATED_WARNING;
}


static int
by_code(const void *a, const void *b)
{
    return memcmp(a, b, 4);
}


static size_t
read_currencies(uint32_t type, char (*codes)[4], size_t max)
{
    size_t         n = 0;
    UErrorCode     status = U_ZERO_ERROR;
    const char    *code;
    UEnumeration  *list = ucurr_openISOCurrencies(type, &status);

    while (U_SUCCESS(status) && n < max) {
        code = uenum_next(list, NULL, &status);

        if (code == NULL) {
            break;
        }

        if (strlen(code) == 3) {
            memcpy(codes[n++], code, 4);
        }
    }

    uenum_close(list);
    qsort(codes, n, sizeof(codes[0]), by_code);

    return n;
}


static size_t
list_currencies(void *data, bool in_use, const char (**out)[4])
{
    static char    all[ONSITE_CURRENCIES_MAX][4];
    static char    used[ONSITE_CURRENCIES_MAX][4];
    static size_t  n_all, n_used;

    (void) data;

    if (n_all == 0) {
        n_all = read_currencies(UCURR_ALL, all, ONSITE_CURRENCIES_MAX);
        n_used = read_currencies(UCURR_COMMON | UCURR_NON_DEPRECATED, used,
                                 ONSITE_CURRENCIES_MAX);
    }

    *out = in_use ? (const char (*)[4]) used : (const char (*)[4]) all;

    return in_use ? n_used : n_all;
}


static UNumberFormatter *
open_formatter(const char *locale, const char *currency)
{
    char               skeleton[64], tag[ONSITE_LOCALE_BYTES_MAX + 24];
    char               name[ULOC_FULLNAME_CAPACITY];
    UChar              wide[64];
    UErrorCode         status = U_ZERO_ERROR;
    UNumberFormatter  *formatter;

    (void) snprintf(tag, sizeof(tag), "%s-u-nu-latn", locale);
    (void) snprintf(skeleton, sizeof(skeleton), "currency/%s sign-negative",
                    currency);
    (void) uloc_forLanguageTag(tag, name, sizeof(name), NULL, &status);
    u_charsToUChars(skeleton, wide, (int32_t) strlen(skeleton) + 1);
    formatter = unumf_openForSkeletonAndLocale(wide, -1, name, &status);

    if (U_FAILURE(status)) {
        unumf_close(formatter);
        return NULL;
    }

    return formatter;
}


static void
read_field(written_t *out, int32_t field, int32_t begin, int32_t end)
{
    switch (field) {

    case UNUM_INTEGER_FIELD:
        out->begin = begin;
        out->end = end > out->end ? end : out->end;
        break;

    case UNUM_FRACTION_FIELD:
        out->end = end > out->end ? end : out->end;
        break;

    case UNUM_DECIMAL_SEPARATOR_FIELD:
        out->point = begin;
        out->point_end = end;
        break;

    case UNUM_GROUPING_SEPARATOR_FIELD:
        if (out->n_groups < 4) {
            out->groups[out->n_groups] = begin;
            out->groups_end[out->n_groups++] = end;
        }
        break;

    default:
        break;
    }
}


static bool
write_amount(const UNumberFormatter *formatter, double amount,
    written_t *out)
{
    int32_t                  field, begin, end;
    UErrorCode               status = U_ZERO_ERROR;
    UFormattedNumber        *result = unumf_openResult(&status);
    UFieldPositionIterator  *fields = ufieldpositer_open(&status);

    memset(out, 0, sizeof(*out));
    out->point = -1;

    unumf_formatDouble(formatter, amount, result, &status);
    out->len = unumf_resultToString(result, out->text, TEXT_MAX, &status);
    unumf_resultGetAllFieldPositions(result, fields, &status);

    while (U_SUCCESS(status)) {
        field = ufieldpositer_next(fields, &begin, &end);

        if (field < 0) {
            break;
        }

        read_field(out, field, begin, end);
    }

    ufieldpositer_close(fields);
    unumf_closeResult(result);

    return U_SUCCESS(status) && out->len <= TEXT_MAX;
}


static onsite_str_t
utf8(const written_t *written, int32_t begin, int32_t end, char *text)
{
    int32_t     len = 0;
    UErrorCode  status = U_ZERO_ERROR;

    (void) u_strToUTF8(text, BYTES_MAX, &len, written->text + begin,
                       end - begin, &status);

    return U_SUCCESS(status) ? onsite_str(text, (size_t) len)
                             : onsite_str("", 0);
}


/* Digits from a separator's end to another's begin. */

static void
read_groups(const written_t *written, onsite_price_pattern_t *out)
{
    int32_t  n = written->n_groups, end;

    if (n == 0) {
        return;
    }

    end = written->point >= 0 ? written->point : written->end;
    out->primary = (uint8_t) (end - written->groups_end[n - 1]);
    out->secondary = n == 1 ? out->primary
                     : (uint8_t) (written->groups[n - 1]
                                  - written->groups_end[n - 2]);
}


/* The fewest digits before a group: 1234, 12345, ... */

static bool
read_least(const UNumberFormatter *formatter, onsite_price_pattern_t *out)
{
    int        i;
    double     amount = 1;
    written_t  written;

    for (i = 0; i < out->primary; i++) {
        amount *= 10;
    }

    for (out->least = 1; out->least < DIGITS; out->least++) {
        if (!write_amount(formatter, amount, &written)) {
            return false;
        }

        if (written.n_groups != 0) {
            return true;
        }

        amount *= 10;
    }

    return false;
}


static bool
read_pattern(const UNumberFormatter *formatter, onsite_price_pattern_t *out)
{
    written_t  plus, minus;

    memset(out, 0, sizeof(*out));

    if (!write_amount(formatter, SAMPLE, &plus)
        || !write_amount(formatter, -SAMPLE, &minus))
    {
        return false;
    }

    out->before = utf8(&plus, 0, plus.begin, texts[0]);
    out->after = utf8(&plus, plus.end, plus.len, texts[1]);
    out->minus_before = utf8(&minus, 0, minus.begin, texts[2]);
    out->minus_after = utf8(&minus, minus.end, minus.len, texts[3]);

    if (plus.point >= 0) {
        out->decimal = utf8(&plus, plus.point, plus.point_end, texts[4]);
        out->digits = (uint8_t) (plus.end - plus.point_end);
    }

    if (plus.n_groups != 0) {
        out->group = utf8(&plus, plus.groups[0], plus.groups_end[0],
                          texts[5]);
    }

    read_groups(&plus, out);

    return out->primary == 0 || read_least(formatter, out);
}


static onsite_status_t
find_pattern(void *data, const char *locale, const char *currency,
    onsite_price_pattern_t *out)
{
    bool               done;
    UNumberFormatter  *formatter = open_formatter(locale, currency);

    (void) data;

    if (formatter == NULL) {
        return ONSITE_NOT_FOUND;
    }

    done = read_pattern(formatter, out);
    unumf_close(formatter);

    return done ? ONSITE_OK : ONSITE_NOT_FOUND;
}


const onsite_cldr_t  loader_cldr = {
    find_locale, list_currencies, find_pattern, NULL
};
