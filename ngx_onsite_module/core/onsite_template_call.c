/*
 * onsite_template_call.c - compiling the filters of a placeholder.
 */

#include "onsite_template_program.h"

#include <stdlib.h>

#define BAD_ESCAPE  SIZE_MAX

typedef onsite_template_word_t  word_t;
typedef onsite_template_arg_t   arg_t;


/* The text of a literal in quotes; BAD_ESCAPE: a backslash before something
 * else than a quote, a backslash, n or t. */

static size_t
unquote(onsite_str_t quoted, char *out)
{
    char    c;
    size_t  i, n = 0;

    for (i = 1; i + 1 < quoted.len; i++) {
        c = quoted.data[i];

        if (c == '\\') {
            c = quoted.data[++i];

            if (c == '\0' || strchr("\"'\\nt", c) == NULL) {
                return BAD_ESCAPE;
            }

            c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
        }

        out[n++] = c;
    }

    return n;
}


static onsite_status_t
read_text(onsite_template_maker_t *maker, const word_t *word, char *out,
    onsite_str_t *text)
{
    size_t  n;

    if (word->kind == ONSITE_TEMPLATE_ARG_NUMBER) {
        *text = word->text;
        return ONSITE_OK;
    }

    if (word->text.len > ONSITE_TEMPLATE_TEXT + 2) {
        return onsite_template_error(maker, word->at, "a text of more than"
                                     " %d bytes: make it shorter",
                                     ONSITE_TEMPLATE_TEXT);
    }

    n = unquote(word->text, out);

    if (n == BAD_ESCAPE) {
        return onsite_template_error(maker, word->at, "in a text only \\\","
                                     " \\', \\\\, \\n and \\t are written"
                                     " with a backslash");
    }

    *text = onsite_str(out, n);

    return ONSITE_OK;
}


static onsite_status_t
add_path(onsite_template_maker_t *maker, const word_t *word, arg_t *arg)
{
    onsite_status_t       status;
    onsite_template_op_t  op = { .code = 0 };

    status = onsite_template_read_source(maker, word->text, word->at, &op);

    arg->kind = ONSITE_TEMPLATE_ARG_PATH;
    arg->source = op.source;
    arg->a = op.a;
    arg->b = op.b;

    return status;
}


static void
set_text(onsite_template_maker_t *maker, onsite_str_t text, arg_t *arg)
{
    onsite_image_str_t  stored = onsite_builder_str(maker->b, text);

    arg->kind = ONSITE_TEMPLATE_ARG_TEXT;
    arg->a = stored.ref;
    arg->b = stored.len;
}


static onsite_status_t
add_default(onsite_template_maker_t *maker, const word_t *word, arg_t *arg)
{
    char             room[ONSITE_TEMPLATE_TEXT];
    onsite_str_t     text;
    onsite_status_t  status;

    if (word->kind == ONSITE_TEMPLATE_ARG_PATH) {
        return add_path(maker, word, arg);
    }

    status = read_text(maker, word, room, &text);

    if (status == ONSITE_OK) {
        set_text(maker, text, arg);
    }

    return status;
}


static onsite_status_t
add_cut(onsite_template_maker_t *maker, const word_t *word, arg_t *arg)
{
    size_t  i;

    arg->kind = ONSITE_TEMPLATE_ARG_NUMBER;

    for (i = 0; i < word->text.len && word->text.data[i] >= '0'
                && word->text.data[i] <= '9'
                && arg->a <= ONSITE_TEMPLATE_CUT; i++)
    {
        arg->a = arg->a * 10 + (uint32_t) (word->text.data[i] - '0');
    }

    if (i < word->text.len || arg->a == 0 || arg->a > ONSITE_TEMPLATE_CUT) {
        return onsite_template_error(maker, word->at, "truncate keeps 1 to"
                                     " %d characters: write such a number,"
                                     " without a fraction",
                                     ONSITE_TEMPLATE_CUT);
    }

    return ONSITE_OK;
}


static onsite_status_t
no_room(onsite_template_maker_t *maker, size_t at)
{
    return onsite_template_error(maker, at, "more than %d locales or %d"
                                 " currencies on one site: leave some out",
                                 ONSITE_LOCALES_MAX, ONSITE_CURRENCIES_MAX);
}


static onsite_status_t
no_currency(onsite_template_maker_t *maker, size_t at, onsite_str_t code)
{
    char  meant[4];

    if (onsite_prices_meant(maker->site.prices, code, meant)) {
        return onsite_template_error(maker, at, "there is no currency"
                                     " \"%.*s\": did you mean \"%s\"? ISO"
                                     " 4217 codes are upper case",
                                     (int) code.len, code.data, meant);
    }

    return onsite_template_error(maker, at, "there is no currency \"%.*s\":"
                                 " write its ISO 4217 code, such as \"EUR\"",
                                 (int) code.len, code.data);
}


static onsite_status_t
add_currency(onsite_template_maker_t *maker, const word_t *word, arg_t *arg)
{
    char              room[ONSITE_TEMPLATE_TEXT];
    onsite_str_t      text;
    onsite_status_t   status;
    onsite_prices_t  *prices = maker->site.prices;

    if (word->kind == ONSITE_TEMPLATE_ARG_PATH) {
        prices->any_currency = true;
        return add_path(maker, word, arg);
    }

    status = read_text(maker, word, room, &text);

    if (status != ONSITE_OK) {
        return status;
    }

    switch (onsite_prices_currency(prices, text)) {

    case ONSITE_OK:
        set_text(maker, text, arg);
        return ONSITE_OK;

    case ONSITE_LIMIT:
        return no_room(maker, word->at);

    default:
        return no_currency(maker, word->at, text);
    }
}


static onsite_status_t
add_locale(onsite_template_maker_t *maker, const word_t *word, arg_t *arg)
{
    char             room[ONSITE_TEMPLATE_TEXT];
    onsite_str_t     text;
    onsite_status_t  status;

    if (word->kind == ONSITE_TEMPLATE_ARG_PATH) {
        return add_path(maker, word, arg);
    }

    status = read_text(maker, word, room, &text);

    if (status != ONSITE_OK) {
        return status;
    }

    arg->kind = ONSITE_TEMPLATE_ARG_NUMBER;

    switch (onsite_prices_locale(maker->site.prices, text, &arg->a)) {

    case ONSITE_OK:
        return ONSITE_OK;

    case ONSITE_LIMIT:
        return no_room(maker, word->at);

    default:
        return onsite_template_error(maker, word->at, "there is no locale"
                                     " \"%.*s\": write its BCP 47 tag, such"
                                     " as \"de-DE\"", (int) text.len,
                                     text.data);
    }
}


static onsite_status_t
add_price(onsite_template_maker_t *maker, const onsite_template_call_t *call,
    arg_t *args)
{
    onsite_status_t   status = ONSITE_OK;
    onsite_prices_t  *prices = maker->site.prices;

    if (prices == NULL || onsite_prices_default(prices) != ONSITE_OK) {
        return onsite_template_error(maker, call->at, "prices cannot be"
                                     " written here: locales are not known");
    }

    prices->used = true;

    if (call->n == 0 && prices->currency[0] == '\0') {
        return onsite_template_error(maker, call->at, "of which currency?"
                                     " Write price \"EUR\", or say"
                                     " \"currency\": \"EUR\" in site.json");
    }

    if (call->n > 0) {
        status = add_currency(maker, &call->args[0], &args[0]);
    }

    if (status == ONSITE_OK && call->n > 1) {
        return add_locale(maker, &call->args[1], &args[1]);
    }

    args[1].kind = ONSITE_TEMPLATE_ARG_NUMBER;

    return status;
}


static onsite_status_t
add_call(onsite_template_maker_t *maker, const onsite_template_call_t *call,
    onsite_template_filter_t *filter)
{
    memset(filter, 0, sizeof(*filter));
    filter->code = (uint32_t) call->code;

    switch (call->code) {

    case ONSITE_TEMPLATE_DEFAULT:
        return add_default(maker, &call->args[0], &filter->args[0]);

    case ONSITE_TEMPLATE_TRUNCATE:
        return add_cut(maker, &call->args[0], &filter->args[0]);

    case ONSITE_TEMPLATE_PRICE:
        return add_price(maker, call, filter->args);

    default:
        return ONSITE_OK;
    }
}


onsite_status_t
onsite_template_add_filters(onsite_template_maker_t *maker,
    const onsite_template_tag_t *tag, onsite_ref_t *ref)
{
    unsigned                    i;
    onsite_status_t             status;
    onsite_template_filter_t    filters[ONSITE_TEMPLATE_FILTERS];
    onsite_template_filters_t  *stored;

    if (tag->n_calls == 0) {
        return ONSITE_OK;
    }

    for (i = 0; i < tag->n_calls; i++) {
        status = add_call(maker, &tag->calls[i], &filters[i]);

        if (status != ONSITE_OK) {
            return status;
        }
    }

    *ref = onsite_builder_alloc(maker->b, sizeof(*stored)
                                          + i * sizeof(filters[0]));
    if (*ref == 0) {
        return onsite_error(maker->error, ONSITE_NO_MEMORY, "out of memory");
    }

    stored = onsite_builder_at(maker->b, *ref);
    stored->n = i;
    memcpy(stored->filters, filters, i * sizeof(filters[0]));

    return ONSITE_OK;
}
