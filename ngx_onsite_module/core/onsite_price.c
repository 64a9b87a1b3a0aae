/*
 * onsite_price.c - amounts of money as people of a locale write them.
 */

#include "onsite_price.h"

#include <math.h>
#include <strings.h>

#define DIGITS_MAX  32              /* of a double, shortest               */

/* An amount in decimal: 0.d[0]d[1]... * 10^point. */
typedef struct {
    char    d[DIGITS_MAX];
    int     n;
    int     point;
    bool    minus;
} decimal_t;


static const onsite_price_tables_t *
tables_of(const onsite_image_t *image)
{
    return onsite_image_at(image, onsite_image_header(image)->prices);
}


static bool
is_subtag_end(onsite_str_t tag, size_t i)
{
    return i == tag.len || tag.data[i] == '-' || tag.data[i] == '_';
}


static char
fold(char c)
{
    return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}


/* Leading subtags in common. */

static unsigned
count_common(onsite_str_t a, onsite_str_t b)
{
    size_t    i;
    unsigned  n = 0;

    for (i = 0; i <= a.len && i <= b.len; i++) {

        if (is_subtag_end(a, i) && is_subtag_end(b, i)) {
            n++;
        }

        if (i == a.len || i == b.len || fold(a.data[i]) != fold(b.data[i])) {
            break;
        }
    }

    return n;
}


uint32_t
onsite_price_locale(const onsite_image_t *image, onsite_str_t tag)
{
    uint32_t                      i, best = 0;
    unsigned                      n, most = 0;
    const onsite_locale_t        *locales;
    const onsite_price_tables_t  *tables = tables_of(image);

    if (tag.len == 0) {
        return 0;
    }

    locales = onsite_image_at(image, tables->locales);

    for (i = 0; i < tables->n_locales; i++) {
        n = count_common(onsite_image_str(image, locales[i].tag), tag);

        if (n > most) {
            most = n;
            best = i;
        }
    }

    return best;
}


static bool
read_code(onsite_str_t text, char code[4])
{
    int  i;

    if (text.len != 3) {
        return false;
    }

    for (i = 0; i < 3; i++) {
        code[i] = text.data[i] >= 'a' && text.data[i] <= 'z'
                  ? (char) (text.data[i] - 'a' + 'A') : text.data[i];

        if (code[i] < 'A' || code[i] > 'Z') {
            return false;
        }
    }

    code[3] = '\0';

    return true;
}


static const onsite_price_t *
find_price(const onsite_image_t *image, const onsite_locale_t *locale,
    const char *code)
{
    int                    order;
    uint32_t               low = 0, high = locale->n, middle;
    const onsite_price_t  *prices = onsite_image_at(image, locale->prices);

    while (low < high) {
        middle = low + (high - low) / 2;
        order = memcmp(prices[middle].currency, code, 3);

        if (order == 0) {
            return &prices[middle];
        }

        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }

    return NULL;
}


/* The shortest digits that mean this double: "1.5e-7" → 15, -6. */

static void
read_decimal(double amount, decimal_t *decimal)
{
    int     exponent = 0, sign;
    char    text[32];
    bool    seen_point = false;
    size_t  i, len;

    decimal->n = 0;
    decimal->point = 0;
    decimal->minus = amount < 0;
    len = onsite_number_to_text(fabs(amount), text);

    for (i = 0; i < len && text[i] != 'e'; i++) {

        if (text[i] == '.') {
            seen_point = true;

        } else if (decimal->n != 0 || text[i] != '0') {
            decimal->d[decimal->n++] = text[i];
            decimal->point += !seen_point;

        } else {
            decimal->point -= seen_point;       /* zeros behind the point  */
        }
    }

    if (i < len) {
        sign = text[++i] == '-' ? -1 : 1;

        for (i++; i < len; i++) {
            exponent = exponent * 10 + (text[i] - '0');
        }

        decimal->point += sign * exponent;
    }
}


/* Whether what lies behind the first `kept` digits makes them one more. */

static bool
rounds_up(const decimal_t *decimal, int kept)
{
    int  i;

    if (decimal->d[kept] != '5') {
        return decimal->d[kept] > '5';
    }

    for (i = kept + 1; i < decimal->n; i++) {
        if (decimal->d[i] != '0') {
            return true;
        }
    }

    return kept > 0 && (decimal->d[kept - 1] - '0') % 2 == 1;
}


/* To so many digits behind the point. */

static void
round_decimal(decimal_t *decimal, int digits)
{
    int   i, kept = decimal->point + digits;
    bool  up;

    if (kept >= decimal->n) {
        return;
    }

    if (kept < 0) {
        decimal->n = 0;
        return;
    }

    up = rounds_up(decimal, kept);
    decimal->n = kept;

    for (i = kept - 1; up && i >= 0; i--) {
        up = decimal->d[i] == '9';
        decimal->d[i] = up ? '0' : (char) (decimal->d[i] + 1);
    }

    if (up) {
        memmove(decimal->d + 1, decimal->d, (size_t) decimal->n);
        decimal->d[0] = '1';
        decimal->n++;
        decimal->point++;
    }
}


static bool
is_zero(const decimal_t *decimal)
{
    int  i;

    for (i = 0; i < decimal->n; i++) {
        if (decimal->d[i] != '0') {
            return false;
        }
    }

    return true;
}


/* The digit at a place: 0 is before the point. */

static char
digit_at(const decimal_t *decimal, int place)
{
    int  i = decimal->point - 1 - place;

    return i >= 0 && i < decimal->n ? decimal->d[i] : '0';
}


static bool
begins_group(const onsite_price_t *price, int place, int integers)
{
    if (price->primary == 0 || integers < price->primary + price->least
        || place < price->primary)
    {
        return false;
    }

    return (place - price->primary) % price->secondary == 0;
}


static void
write_digits(onsite_buf_t *out, const onsite_image_t *image,
    const onsite_price_t *price, const decimal_t *decimal)
{
    int  place, integers = decimal->point > 1 ? decimal->point : 1;

    for (place = integers - 1; place >= 0; place--) {
        onsite_buf_char(out, digit_at(decimal, place));

        if (place != 0 && begins_group(price, place, integers)) {
            onsite_buf_str(out, onsite_image_str(image, price->group));
        }
    }

    if (price->digits == 0) {
        return;
    }

    onsite_buf_str(out, onsite_image_str(image, price->decimal));

    for (place = -1; place >= -(int) price->digits; place--) {
        onsite_buf_char(out, digit_at(decimal, place));
    }
}


/* A currency that no table knows: code may be "". */

static void
write_plain(onsite_buf_t *out, const char *code, decimal_t *decimal)
{
    int  place;

    round_decimal(decimal, 2);

    if (decimal->minus && !is_zero(decimal)) {
        onsite_buf_char(out, '-');
    }

    place = decimal->point > 1 ? decimal->point : 1;

    for (place--; place >= -2; place--) {
        if (place == -1) {
            onsite_buf_char(out, '.');
        }
        onsite_buf_char(out, digit_at(decimal, place));
    }

    if (code[0] != '\0') {
        onsite_buf_char(out, ' ');
        onsite_buf_append(out, code, 3);
    }
}


void
onsite_price_write(onsite_buf_t *out, const onsite_image_t *image,
    uint32_t locale, onsite_str_t currency, double amount)
{
    bool                          minus;
    char                          code[4];
    decimal_t                     decimal;
    const onsite_price_t         *price;
    const onsite_locale_t        *locales;
    const onsite_price_tables_t  *tables = tables_of(image);

    if (!isfinite(amount)) {
        return;
    }

    if (!read_code(currency, code)) {
        memcpy(code, tables->currency, sizeof(code));
    }

    locales = onsite_image_at(image, tables->locales);
    price = find_price(image, &locales[locale], code);
    read_decimal(amount, &decimal);

    if (price == NULL) {
        write_plain(out, code, &decimal);
        return;
    }

    round_decimal(&decimal, price->digits);
    minus = decimal.minus && !is_zero(&decimal);

    onsite_buf_str(out, onsite_image_str(image, minus ? price->minus_before
                                                      : price->before));
    write_digits(out, image, price, &decimal);
    onsite_buf_str(out, onsite_image_str(image, minus ? price->minus_after
                                                      : price->after));
}


static bool
price_holds(const onsite_image_t *image, const onsite_price_t *price)
{
    return price->currency[3] == '\0'
           && price->digits <= ONSITE_CURRENCY_DIGITS_MAX
           && (price->primary == 0) == (price->secondary == 0)
           && onsite_image_holds_str(image, price->decimal)
           && onsite_image_holds_str(image, price->group)
           && onsite_image_holds_str(image, price->before)
           && onsite_image_holds_str(image, price->after)
           && onsite_image_holds_str(image, price->minus_before)
           && onsite_image_holds_str(image, price->minus_after);
}


static bool
locale_holds(const onsite_image_t *image, const onsite_locale_t *locale)
{
    uint32_t               i;
    const onsite_price_t  *prices;

    if (!onsite_image_holds_str(image, locale->tag)
        || locale->n > ONSITE_CURRENCIES_MAX
        || !onsite_image_holds(image, locale->prices, locale->n,
                               sizeof(*prices), 8))
    {
        return false;
    }

    prices = onsite_image_at(image, locale->prices);

    for (i = 0; i < locale->n; i++) {
        if (!price_holds(image, &prices[i])
            || (i != 0 && memcmp(prices[i - 1].currency, prices[i].currency,
                                 3) >= 0))
        {
            return false;
        }
    }

    return true;
}


onsite_status_t
onsite_prices_verify(const onsite_image_t *image, onsite_error_t *error)
{
    uint32_t                      i;
    onsite_ref_t                  ref = onsite_image_header(image)->prices;
    const onsite_locale_t        *locales;
    const onsite_price_tables_t  *tables;

    if (ref == 0) {
        return ONSITE_OK;
    }

    if (!onsite_image_holds(image, ref, 1, sizeof(*tables), 8)) {
        return onsite_error(error, ONSITE_CORRUPT, "prices point out of the"
                            " image");
    }

    tables = onsite_image_at(image, ref);

    if (tables->n_locales == 0 || tables->n_locales > ONSITE_LOCALES_MAX
        || tables->currency[3] != '\0'
        || !onsite_image_holds(image, tables->locales, tables->n_locales,
                               sizeof(*locales), 8))
    {
        return onsite_error(error, ONSITE_CORRUPT, "locales of prices point"
                            " out of the image");
    }

    locales = onsite_image_at(image, tables->locales);

    for (i = 0; i < tables->n_locales; i++) {
        if (!locale_holds(image, &locales[i])) {
            return onsite_error(error, ONSITE_CORRUPT, "prices of locale %u"
                                " are bad", i);
        }
    }

    return ONSITE_OK;
}
