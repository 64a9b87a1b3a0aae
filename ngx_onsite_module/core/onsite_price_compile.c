/*
 * onsite_price_compile.c - the locales and currencies that templates and the
 * site file name, into the image.
 */

#include "onsite_price.h"

#include <stdlib.h>


onsite_status_t
onsite_prices_default(onsite_prices_t *prices)
{
    uint32_t  index;

    return prices->n_locales != 0 ? ONSITE_OK
           : onsite_prices_locale(prices, ONSITE_STR(ONSITE_LOCALE_DEFAULT),
                                  &index);
}


onsite_status_t
onsite_prices_locale(onsite_prices_t *prices, onsite_str_t tag,
    uint32_t *index)
{
    uint32_t  i;
    char      name[ONSITE_LOCALE_BYTES_MAX];

    if (prices->cldr == NULL
        || !prices->cldr->locale(prices->cldr->data, tag, name))
    {
        return ONSITE_NOT_FOUND;
    }

    for (i = 0; i < prices->n_locales; i++) {
        if (strcmp(prices->locales[i], name) == 0) {
            *index = i;
            return ONSITE_OK;
        }
    }

    if (i == ONSITE_LOCALES_MAX) {
        return ONSITE_LIMIT;
    }

    memcpy(prices->locales[i], name, sizeof(name));
    prices->n_locales++;
    *index = i;

    return ONSITE_OK;
}


static onsite_status_t
add_currency(onsite_prices_t *prices, const char *code)
{
    uint32_t  i;

    for (i = 0; i < prices->n_currencies; i++) {
        if (memcmp(prices->currencies[i], code, 3) == 0) {
            return ONSITE_OK;
        }
    }

    if (i == ONSITE_CURRENCIES_MAX) {
        return ONSITE_LIMIT;
    }

    memcpy(prices->currencies[i], code, 4);
    prices->n_currencies++;

    return ONSITE_OK;
}


onsite_status_t
onsite_prices_currency(onsite_prices_t *prices, onsite_str_t code)
{
    size_t        i, n;
    const char  (*codes)[4];

    if (prices->cldr == NULL || code.len != 3) {
        return ONSITE_NOT_FOUND;
    }

    n = prices->cldr->currencies(prices->cldr->data, false, &codes);

    for (i = 0; i < n; i++) {
        if (memcmp(codes[i], code.data, 3) == 0) {
            return add_currency(prices, codes[i]);
        }
    }

    return ONSITE_NOT_FOUND;
}


bool
onsite_prices_meant(const onsite_prices_t *prices, onsite_str_t code,
    char meant[4])
{
    size_t        i, n;
    const char  (*codes)[4];

    if (prices->cldr == NULL || code.len != 3) {
        return false;
    }

    for (i = 0; i < 3; i++) {
        meant[i] = code.data[i] >= 'a' && code.data[i] <= 'z'
                   ? (char) (code.data[i] - 'a' + 'A') : code.data[i];
    }

    meant[3] = '\0';
    n = prices->cldr->currencies(prices->cldr->data, false, &codes);

    for (i = 0; i < n; i++) {
        if (memcmp(codes[i], meant, 3) == 0) {
            return true;
        }
    }

    return false;
}


static onsite_status_t
add_all_currencies(onsite_prices_t *prices)
{
    size_t            i, n;
    const char      (*codes)[4];
    onsite_status_t   status = ONSITE_OK;

    n = prices->cldr->currencies(prices->cldr->data, true, &codes);

    for (i = 0; i < n && status == ONSITE_OK; i++) {
        status = add_currency(prices, codes[i]);
    }

    return status;
}


static int
by_code(const void *a, const void *b)
{
    return memcmp(a, b, 3);
}


static onsite_status_t
write_price(onsite_prices_t *prices, onsite_builder_t *b, const char *locale,
    const char *currency, onsite_price_t *price)
{
    onsite_status_t         status;
    onsite_price_pattern_t  pattern;

    status = prices->cldr->pattern(prices->cldr->data, locale, currency,
                                   &pattern);
    if (status != ONSITE_OK) {
        return status;
    }

    memset(price, 0, sizeof(*price));
    memcpy(price->currency, currency, 3);
    price->digits = pattern.digits;
    price->primary = pattern.primary;
    price->secondary = pattern.secondary;
    price->least = pattern.least;
    price->decimal = onsite_builder_str(b, pattern.decimal);
    price->group = onsite_builder_str(b, pattern.group);
    price->before = onsite_builder_str(b, pattern.before);
    price->after = onsite_builder_str(b, pattern.after);
    price->minus_before = onsite_builder_str(b, pattern.minus_before);
    price->minus_after = onsite_builder_str(b, pattern.minus_after);

    return ONSITE_OK;
}


static onsite_status_t
write_locale(onsite_prices_t *prices, onsite_builder_t *b, const char *name,
    onsite_locale_t *locale)
{
    uint32_t         i;
    onsite_price_t   price, *stored;
    onsite_status_t  status;

    locale->tag = onsite_builder_str(b, onsite_str_of(name));
    locale->n = prices->n_currencies;
    locale->prices = onsite_builder_alloc(b, (locale->n + 1)
                                             * sizeof(onsite_price_t));
    if (locale->prices == 0) {
        return ONSITE_NO_MEMORY;
    }

    for (i = 0; i < locale->n; i++) {
        status = write_price(prices, b, name, prices->currencies[i], &price);

        if (status != ONSITE_OK) {
            return status;
        }

        stored = onsite_builder_at(b, locale->prices);
        stored[i] = price;
    }

    return ONSITE_OK;
}


static onsite_status_t
write_tables(onsite_prices_t *prices, onsite_builder_t *b, onsite_ref_t *ref)
{
    uint32_t                i;
    onsite_ref_t            locales;
    onsite_locale_t         locale, *stored;
    onsite_status_t         status;
    onsite_price_tables_t  *tables;

    *ref = onsite_builder_alloc(b, sizeof(*tables));
    locales = onsite_builder_alloc(b, prices->n_locales * sizeof(locale));

    if (*ref == 0 || locales == 0) {
        return ONSITE_NO_MEMORY;
    }

    for (i = 0; i < prices->n_locales; i++) {
        status = write_locale(prices, b, prices->locales[i], &locale);

        if (status != ONSITE_OK) {
            return status;
        }

        stored = onsite_builder_at(b, locales);
        stored[i] = locale;
    }

    tables = onsite_builder_at(b, *ref);
    tables->locales = locales;
    tables->n_locales = prices->n_locales;
    memcpy(tables->currency, prices->currency, sizeof(tables->currency));

    return ONSITE_OK;
}


onsite_status_t
onsite_prices_build(onsite_prices_t *prices, onsite_builder_t *b,
    onsite_ref_t *ref)
{
    onsite_status_t  status;

    *ref = 0;

    if (!prices->used) {
        return ONSITE_OK;
    }

    status = prices->any_currency ? add_all_currencies(prices) : ONSITE_OK;

    if (status != ONSITE_OK) {
        return status;
    }

    qsort(prices->currencies, prices->n_currencies,
          sizeof(prices->currencies[0]), by_code);

    return write_tables(prices, b, ref);
}
