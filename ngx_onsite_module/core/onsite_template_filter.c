/*
 * onsite_template_filter.c - what filters make of a value when it is
 * rendered; and whether those of an image are any.
 *
 * default   absent, null and "" become the argument
 * truncate  so many characters at most, the ellipsis among them
 * upper, lower
 * price     a number, or a text that is one, as an amount of money; all else
 *           becomes ""
 */

#include "onsite_case.h"
#include "onsite_coerce.h"
#include "onsite_template_program.h"

#include <math.h>

#define ELLIPSIS   "\xe2\x80\xa6"
#define PRICE_MAX  2048             /* bytes: 309 digits and their groups  */

typedef struct {
    onsite_context_t           *context;
    onsite_template_lookup_pt   lookup;
    const void                 *render;
} filter_t;

typedef onsite_status_t (*apply_pt)(const filter_t *f,
    const onsite_template_filter_t *filter, onsite_value_t *value);


static onsite_value_t
arg_value(const filter_t *f, const onsite_template_arg_t *arg)
{
    onsite_template_op_t   source;
    const onsite_image_t  *image = f->context->image;

    switch (arg->kind) {

    case ONSITE_TEMPLATE_ARG_TEXT:
        return onsite_value_string(onsite_image_str(image,
                   (onsite_image_str_t) { arg->a, arg->b }));

    case ONSITE_TEMPLATE_ARG_PATH:
        source = onsite_template_arg_source(arg);
        return *f->lookup(f->render, &source);

    default:
        return (onsite_value_t) { .type = ONSITE_ABSENT };
    }
}


/* A value as text, in the arena where it is no string; as it would be shown
 * without filters. */

static onsite_status_t
as_text(const filter_t *f, const onsite_value_t *value, onsite_str_t *text)
{
    char             number[32];
    onsite_buf_t     json;
    onsite_status_t  status;

    switch (value->type) {

    case ONSITE_ABSENT:
    case ONSITE_NULL:
        *text = onsite_str("", 0);
        return ONSITE_OK;

    case ONSITE_BOOL:
        *text = value->as.boolean ? ONSITE_STR("true") : ONSITE_STR("false");
        return ONSITE_OK;

    case ONSITE_STRING:
        *text = onsite_value_str(value);
        return ONSITE_OK;

    case ONSITE_NUMBER:
        *text = onsite_str(number, onsite_number_to_text(value->as.number,
                                                         number));
        *text = onsite_arena_copy(f->context->arena, *text);
        return text->data != NULL ? ONSITE_OK : ONSITE_NO_MEMORY;

    default:
        onsite_buf_init(&json, ONSITE_HTML_MAX);
        onsite_value_write_json(&json, value);
        *text = onsite_arena_copy(f->context->arena,
                                  onsite_str(json.data, json.len));
        status = json.failed || text->data == NULL ? ONSITE_NO_MEMORY
                                                   : ONSITE_OK;
        onsite_buf_free(&json);
        return status;
    }
}


static onsite_status_t
apply_default(const filter_t *f, const onsite_template_filter_t *filter,
    onsite_value_t *value)
{
    if (value->type == ONSITE_ABSENT || value->type == ONSITE_NULL
        || (value->type == ONSITE_STRING && value->len == 0))
    {
        *value = arg_value(f, &filter->args[0]);
    }

    return ONSITE_OK;
}


static onsite_status_t
apply_truncate(const filter_t *f, const onsite_template_filter_t *filter,
    onsite_value_t *value)
{
    char            *p;
    size_t           cut;
    onsite_str_t     text;
    onsite_status_t  status = as_text(f, value, &text);

    if (status != ONSITE_OK) {
        return status;
    }

    cut = onsite_case_cut(text, filter->args[0].a);

    if (cut != text.len) {
        p = onsite_arena_alloc(f->context->arena,
                               cut + sizeof(ELLIPSIS) - 1);
        if (p == NULL) {
            return ONSITE_NO_MEMORY;
        }

        memcpy(p, text.data, cut);
        memcpy(p + cut, ELLIPSIS, sizeof(ELLIPSIS) - 1);
        text = onsite_str(p, cut + sizeof(ELLIPSIS) - 1);
    }

    *value = onsite_value_string(text);

    return ONSITE_OK;
}


static onsite_status_t
apply_case(const filter_t *f, const onsite_template_filter_t *filter,
    onsite_value_t *value)
{
    char            *p;
    size_t           n;
    onsite_str_t     text;
    onsite_status_t  status = as_text(f, value, &text);

    if (status != ONSITE_OK) {
        return status;
    }

    if (text.len > ONSITE_HTML_MAX) {
        return ONSITE_LIMIT;
    }

    p = onsite_arena_alloc(f->context->arena,
                           text.len * ONSITE_CASE_GROWTH + 1);
    if (p == NULL) {
        return ONSITE_NO_MEMORY;
    }

    n = filter->code == ONSITE_TEMPLATE_UPPER ? onsite_case_upper(text, p)
                                              : onsite_case_lower(text, p);
    *value = onsite_value_string(onsite_str(p, n));

    return ONSITE_OK;
}


/* The amount that a value is; NaN: it is none. */

static double
amount_of(const onsite_value_t *value)
{
    size_t  i;

    if (value->type == ONSITE_NUMBER) {
        return value->as.number;
    }

    if (value->type != ONSITE_STRING) {
        return NAN;
    }

    /* "" and blanks are 0 in JavaScript; here they are nothing */

    for (i = 0; i < value->len; i++) {
        if (value->as.string[i] >= '0' && value->as.string[i] <= '9') {
            return onsite_text_number(onsite_value_str(value));
        }
    }

    return NAN;
}


static uint32_t
locale_of(const filter_t *f, const onsite_template_arg_t *arg)
{
    onsite_value_t  value;

    if (arg->kind == ONSITE_TEMPLATE_ARG_NUMBER) {
        return arg->a;
    }

    value = arg_value(f, arg);

    return value.type == ONSITE_STRING
           ? onsite_price_locale(f->context->image, onsite_value_str(&value))
           : 0;
}


static onsite_status_t
apply_price(const filter_t *f, const onsite_template_filter_t *filter,
    onsite_value_t *value)
{
    char            room[PRICE_MAX];
    double          amount = amount_of(value);
    onsite_buf_t    text = { .data = room, .capacity = sizeof(room),
                             .max = sizeof(room) };
    onsite_str_t    copy;
    onsite_value_t  currency = arg_value(f, &filter->args[0]);

    onsite_price_write(&text, f->context->image,
                       locale_of(f, &filter->args[1]),
                       currency.type == ONSITE_STRING
                       ? onsite_value_str(&currency) : onsite_str(NULL, 0),
                       amount);

    if (text.failed) {
        return ONSITE_LIMIT;
    }

    copy = onsite_arena_copy(f->context->arena, onsite_str(room, text.len));

    if (copy.data == NULL) {
        return ONSITE_NO_MEMORY;
    }

    *value = onsite_value_string(copy);

    return ONSITE_OK;
}


onsite_status_t
onsite_template_filter(onsite_context_t *context, onsite_ref_t ref,
    onsite_template_lookup_pt lookup, const void *render,
    const onsite_value_t *value, onsite_value_t *out)
{
    uint32_t                          i;
    filter_t                          f = { context, lookup, render };
    onsite_status_t                   status = ONSITE_OK;
    const onsite_template_filters_t  *filters;

    static const apply_pt  apply[ONSITE_TEMPLATE_FILTER_CODES] = {
        apply_default, apply_truncate, apply_case, apply_case, apply_price
    };

    *out = *value;
    filters = onsite_image_at(context->image, ref);

    for (i = 0; i < filters->n && status == ONSITE_OK; i++) {
        status = apply[filters->filters[i].code](&f, &filters->filters[i],
                                                 out);
    }

    return status;
}


static bool
arg_holds(const onsite_image_t *image, const onsite_template_arg_t *arg)
{
    onsite_image_str_t    text = { arg->a, arg->b };
    onsite_template_op_t  source;

    switch (arg->kind) {

    case ONSITE_TEMPLATE_ARG_NONE:
    case ONSITE_TEMPLATE_ARG_NUMBER:
        return true;

    case ONSITE_TEMPLATE_ARG_TEXT:
        return onsite_image_holds_str(image, text);

    case ONSITE_TEMPLATE_ARG_PATH:
        source = onsite_template_arg_source(arg);
        return arg->source <= ONSITE_TEMPLATE_ITEM
               && onsite_template_source_holds(image, &source);

    default:
        return false;
    }
}


/* The image has prices, which were verified, and the locale. */

static bool
price_holds(const onsite_image_t *image,
    const onsite_template_filter_t *filter)
{
    onsite_ref_t                  ref = onsite_image_header(image)->prices;
    const onsite_price_tables_t  *tables = onsite_image_at(image, ref);

    return ref != 0
           && (filter->args[1].kind == ONSITE_TEMPLATE_ARG_PATH
               || (filter->args[1].kind == ONSITE_TEMPLATE_ARG_NUMBER
                   && filter->args[1].a < tables->n_locales));
}


static bool
filter_holds(const onsite_image_t *image,
    const onsite_template_filter_t *filter)
{
    if (!arg_holds(image, &filter->args[0])
        || !arg_holds(image, &filter->args[1]))
    {
        return false;
    }

    switch (filter->code) {

    case ONSITE_TEMPLATE_TRUNCATE:
        return filter->args[0].kind == ONSITE_TEMPLATE_ARG_NUMBER
               && filter->args[0].a >= 1
               && filter->args[0].a <= ONSITE_TEMPLATE_CUT;

    case ONSITE_TEMPLATE_PRICE:
        return price_holds(image, filter);

    default:
        return filter->code < ONSITE_TEMPLATE_FILTER_CODES;
    }
}


bool
onsite_template_filters_hold(const onsite_image_t *image, onsite_ref_t ref)
{
    uint32_t                          i;
    const onsite_template_filters_t  *filters;

    if (ref == 0) {
        return true;
    }

    if (!onsite_image_holds(image, ref, 1, sizeof(*filters), 8)) {
        return false;
    }

    filters = onsite_image_at(image, ref);

    if (filters->n > ONSITE_TEMPLATE_FILTERS
        || !onsite_image_holds(image, ref + (uint32_t) sizeof(*filters),
                               filters->n, sizeof(filters->filters[0]), 8))
    {
        return false;
    }

    for (i = 0; i < filters->n; i++) {
        if (!filter_holds(image, &filters->filters[i])) {
            return false;
        }
    }

    return true;
}
