/*
 * onsite_site_money.c - what the site file says of locales and of its
 * currency.
 */

#include "onsite_campaign_compile.h"


static void
add_locale(onsite_draft_reader_t *r, const onsite_value_t *value)
{
    uint32_t          index, before = r->c->prices.n_locales;
    onsite_status_t   status = ONSITE_NOT_FOUND;

    if (value->type == ONSITE_STRING) {
        status = onsite_prices_locale(&r->c->prices, onsite_value_str(value),
                                      &index);
    }

    if (status == ONSITE_LIMIT) {
        onsite_definition_error(r->d, NULL, "is one too many: at most %d"
                                " locales are kept", ONSITE_LOCALES_MAX);

    } else if (status != ONSITE_OK) {
        onsite_definition_error(r->d, NULL, "must be a locale's BCP 47 tag,"
                                " such as \"de-DE\"");

    } else if (r->c->prices.n_locales == before) {
        onsite_definition_error(r->d, NULL, "is there twice: keep one");
    }
}


static void
read_locales(onsite_draft_reader_t *r, const onsite_value_t *list)
{
    size_t    len, item;
    uint32_t  i;

    if (list->type != ONSITE_ARRAY || list->len == 0) {
        onsite_definition_error(r->d, "locales", "must be a list of locales,"
                                " the default first, such as [\"de-DE\","
                                " \"fr-FR\"]");
        return;
    }

    len = onsite_definition_enter(r->d, ONSITE_STR("locales"));

    for (i = 0; i < list->len; i++) {
        item = onsite_definition_enter_item(r->d, i);
        add_locale(r, &list->as.items[i]);
        onsite_definition_leave(r->d, item);
    }

    onsite_definition_leave(r->d, len);
}


static void
read_currency(onsite_draft_reader_t *r, const onsite_value_t *value)
{
    char             meant[4];
    onsite_str_t     code = { 0, NULL };
    onsite_status_t  status = ONSITE_NOT_FOUND;

    if (value->type == ONSITE_STRING) {
        code = onsite_value_str(value);
        status = onsite_prices_currency(&r->c->prices, code);
    }

    if (status == ONSITE_OK) {
        memcpy(r->c->prices.currency, code.data, 3);

    } else if (onsite_prices_meant(&r->c->prices, code, meant)) {
        onsite_definition_error(r->d, "currency", "must be the ISO 4217 code"
                                " of a currency; did you mean \"%s\"?",
                                meant);

    } else {
        onsite_definition_error(r->d, "currency", "must be the ISO 4217 code"
                                " of a currency, such as \"EUR\"");
    }
}


void
onsite_site_money(onsite_draft_reader_t *r)
{
    const onsite_value_t  *locales, *currency;

    locales = onsite_definition_get(r->draft->definition, "locales");

    if (locales != NULL) {
        read_locales(r, locales);
    }

    currency = onsite_definition_get(r->draft->definition, "currency");

    if (currency != NULL) {
        read_currency(r, currency);
    }
}
