/*
 * onsite_price.h - amounts of money as people of a locale write them.
 *
 * What is needed of CLDR is asked of the caller when an image is built and
 * travels in it: a pattern for each locale and currency.  Digits are always
 * 0 to 9.
 */

#ifndef ONSITE_PRICE_H
#define ONSITE_PRICE_H

#include "onsite_buf.h"
#include "onsite_image.h"

#define ONSITE_LOCALES_MAX        32        /* of one site                 */
#define ONSITE_LOCALE_BYTES_MAX   32        /* of a tag, with its NUL      */
#define ONSITE_CURRENCIES_MAX    512
#define ONSITE_CURRENCY_DIGITS_MAX 8        /* behind the decimal separator*/
#define ONSITE_LOCALE_DEFAULT     "en-US"   /* where the site names none   */


/* In the image */

typedef struct {
    char                currency[4];        /* "EUR" and NUL               */
    uint8_t             digits;             /* behind the decimal separator*/
    uint8_t             primary;            /* the last group's; 0: none   */
    uint8_t             secondary;          /* all others'                 */
    uint8_t             least;              /* digits before the last group
                                               for it to be one            */
    onsite_image_str_t  decimal;
    onsite_image_str_t  group;
    onsite_image_str_t  before;             /* the digits                  */
    onsite_image_str_t  after;
    onsite_image_str_t  minus_before;       /* of an amount below 0        */
    onsite_image_str_t  minus_after;
} onsite_price_t;

typedef struct {
    onsite_image_str_t  tag;                /* "de-DE"                     */
    onsite_ref_t        prices;             /* onsite_price_t[n], ascending
                                               by currency                 */
    uint32_t            n;
} onsite_locale_t;

typedef struct {
    onsite_ref_t        locales;            /* onsite_locale_t[n_locales];
                                               the first is the default    */
    uint32_t            n_locales;          /* 1 or more                   */
    char                currency[4];        /* the site's; "": none        */
    uint32_t            reserved;
} onsite_price_tables_t;

/* The locale for a tag: the first of those with most leading subtags in
 * common, the default when there are none.  The image has price tables. */
uint32_t onsite_price_locale(const onsite_image_t *image, onsite_str_t tag);

/*
 * Appends the amount, rounded half to even in decimal.  currency: three
 * letters of any case; empty or anything else: the site's.  Of a currency
 * that is in no table: "12.50 ABC"; without any: "12.50".  Nothing for what
 * is no finite number.
 */
void onsite_price_write(onsite_buf_t *out, const onsite_image_t *image,
    uint32_t locale, onsite_str_t currency, double amount);

onsite_status_t onsite_prices_verify(const onsite_image_t *image,
    onsite_error_t *error);


/* Building */

/* A pattern as the caller knows it; texts are the caller's, good until the
 * next call. */
typedef struct {
    uint8_t       digits;
    uint8_t       primary;
    uint8_t       secondary;
    uint8_t       least;
    onsite_str_t  decimal;
    onsite_str_t  group;
    onsite_str_t  before;
    onsite_str_t  after;
    onsite_str_t  minus_before;
    onsite_str_t  minus_after;
} onsite_price_pattern_t;

/* CLDR, from the caller (core has none). */
typedef struct {
    /* Whether there is such a locale, and its BCP 47 tag as it is usually
     * written. */
    bool             (*locale)(void *data, onsite_str_t tag,
                         char out[ONSITE_LOCALE_BYTES_MAX]);
    /* ISO 4217 codes of all currencies there are, and of those in use;
     * static, ascending. */
    size_t           (*currencies)(void *data, bool in_use,
                         const char (**codes)[4]);
    onsite_status_t  (*pattern)(void *data, const char *locale,
                         const char *currency, onsite_price_pattern_t *out);
    void              *data;
} onsite_cldr_t;

/* What templates and the site file name, so far. */
typedef struct {
    const onsite_cldr_t  *cldr;             /* NULL: no prices             */
    char                  currency[4];      /* the site's; "": none        */
    bool                  any_currency;     /* some comes from an event    */
    bool                  used;
    uint32_t              n_locales;
    uint32_t              n_currencies;
    char                  locales[ONSITE_LOCALES_MAX]
                                 [ONSITE_LOCALE_BYTES_MAX];
    char                  currencies[ONSITE_CURRENCIES_MAX][4];
} onsite_prices_t;

/* NOT_FOUND: there is no such locale or currency (codes are upper case);
 * LIMIT: too many. */
onsite_status_t onsite_prices_locale(onsite_prices_t *prices,
    onsite_str_t tag, uint32_t *index);
onsite_status_t onsite_prices_currency(onsite_prices_t *prices,
    onsite_str_t code);

/* The currency that a code in other letters' case is of. */
bool onsite_prices_meant(const onsite_prices_t *prices, onsite_str_t code,
    char meant[4]);

/* The default locale's index, which is 0. */
onsite_status_t onsite_prices_default(onsite_prices_t *prices);

/* Writes the tables; *ref is 0 when nothing asks for them. */
onsite_status_t onsite_prices_build(onsite_prices_t *prices,
    onsite_builder_t *b, onsite_ref_t *ref);

#endif
