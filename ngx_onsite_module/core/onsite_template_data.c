/*
 * onsite_template_data.c - compiling content.data: JSON whose strings hold
 * placeholders.
 */

#include "onsite_template_program.h"

#include <stdio.h>

typedef struct {
    onsite_template_maker_t  maker;
    onsite_buf_t             json;          /* text not yet added          */
    char                     path[256];
} data_maker_t;


static onsite_status_t compile_value(data_maker_t *d,
    const onsite_value_t *value, int depth);


static onsite_status_t
flush(data_maker_t *d)
{
    onsite_status_t  status;

    status = onsite_template_add_literal(&d->maker,
                                         onsite_str(d->json.data,
                                                    d->json.len));
    onsite_buf_clear(&d->json);

    return status;
}


/* The pieces of a string that is more than one placeholder. */

static onsite_status_t
compile_pieces(data_maker_t *d, onsite_str_t text)
{
    size_t                  from = 0;
    const char             *found;
    onsite_status_t         status = ONSITE_OK;
    onsite_template_tag_t   tag;

    onsite_buf_char(&d->json, '"');

    while (status == ONSITE_OK && from < text.len) {
        found = memmem(text.data + from, text.len - from, "{{", 2);

        if (found == NULL) {
            break;
        }

        d->maker.pos = (size_t) (found - text.data);
        status = onsite_template_read_tag(&d->maker, &tag);

        if (status == ONSITE_OK) {
            onsite_write_json_text(&d->json, onsite_str(text.data + from,
                                                        tag.at - from));
            status = flush(d);
        }

        if (status == ONSITE_OK) {
            status = onsite_template_add_tag(&d->maker, &tag,
                                             ONSITE_ESCAPE_JSON);
            from = tag.end;
        }
    }

    onsite_write_json_text(&d->json, onsite_str(text.data + from,
                                                text.len - from));
    onsite_buf_char(&d->json, '"');

    return status != ONSITE_OK ? status : onsite_template_closed(&d->maker);
}


static onsite_status_t
compile_string(data_maker_t *d, onsite_str_t text)
{
    onsite_status_t        status;
    onsite_template_tag_t  tag;

    if (text.len < 2 || memmem(text.data, text.len, "{{", 2) == NULL) {
        onsite_write_json_string(&d->json, text);
        return ONSITE_OK;
    }

    d->maker.text = text;
    d->maker.path = d->path;
    d->maker.pos = 0;

    if (memcmp(text.data, "{{", 2) != 0) {
        return compile_pieces(d, text);
    }

    status = onsite_template_read_tag(&d->maker, &tag);

    if (status != ONSITE_OK || tag.kind != ONSITE_TEMPLATE_TAG_VALUE
        || tag.n_calls != 0 || tag.end != text.len)
    {
        return status != ONSITE_OK ? status : compile_pieces(d, text);
    }

    status = flush(d);

    return status != ONSITE_OK
           ? status : onsite_template_add_tag(&d->maker, &tag,
                                              ONSITE_ESCAPE_VALUE);
}


static onsite_status_t
compile_items(data_maker_t *d, const onsite_value_t *value, int depth)
{
    size_t           len = strlen(d->path);
    uint32_t         i;
    onsite_status_t  status = ONSITE_OK;

    onsite_buf_char(&d->json, '[');

    for (i = 0; i < value->len && status == ONSITE_OK; i++) {
        if (i != 0) {
            onsite_buf_char(&d->json, ',');
        }

        (void) snprintf(d->path + len, sizeof(d->path) - len, "[%u]", i);
        status = compile_value(d, &value->as.items[i], depth - 1);
        d->path[len] = '\0';
    }

    onsite_buf_char(&d->json, ']');

    return status;
}


static onsite_status_t
compile_members(data_maker_t *d, const onsite_value_t *value, int depth)
{
    size_t                  len = strlen(d->path);
    uint32_t                i;
    onsite_status_t         status = ONSITE_OK;
    const onsite_member_t  *member = value->as.members;

    onsite_buf_char(&d->json, '{');

    for (i = 0; i < value->len && status == ONSITE_OK; i++, member++) {
        if (i != 0) {
            onsite_buf_char(&d->json, ',');
        }

        (void) snprintf(d->path + len, sizeof(d->path) - len, "%s%.*s",
                        len != 0 ? "." : "",
                        (int) (member->key.len < 64 ? member->key.len : 64),
                        member->key.data);

        if (member->key.len >= 2
            && memmem(member->key.data, member->key.len, "{{", 2) != NULL)
        {
            return onsite_error(d->maker.error, ONSITE_INVALID, "%s: a name"
                                " holds no placeholder, only strings do",
                                d->path);
        }

        onsite_write_json_string(&d->json, member->key);
        onsite_buf_char(&d->json, ':');
        status = compile_value(d, &member->value, depth - 1);
        d->path[len] = '\0';
    }

    onsite_buf_char(&d->json, '}');

    return status;
}


static onsite_status_t
compile_value(data_maker_t *d, const onsite_value_t *value, int depth)
{
    onsite_status_t  status;

    if (depth < 0) {
        return onsite_error(d->maker.error, ONSITE_LIMIT,
                            "%s: nested more than %d deep", d->path,
                            ONSITE_JSON_DEPTH_MAX);
    }

    switch (value->type) {

    case ONSITE_STRING:
        status = compile_string(d, onsite_value_str(value));

        if (status != ONSITE_OK) {
            d->maker.depth = 0;
        }

        return onsite_template_pass(&d->maker, status);

    case ONSITE_ARRAY:
        return compile_items(d, value, depth);

    case ONSITE_OBJECT:
        return compile_members(d, value, depth);

    default:
        onsite_value_write_json(&d->json, value);
        return ONSITE_OK;
    }
}


onsite_status_t
onsite_template_compile_data(onsite_builder_t *b, const onsite_value_t *data,
    onsite_template_site_t site, onsite_ref_t *program, uint32_t *roots,
    onsite_error_t *error)
{
    onsite_status_t  status;
    data_maker_t     d = { .maker = { .b = b, .site = site,
                                      .error = error } };

    onsite_buf_init(&d.json, ONSITE_HTML_MAX);

    status = compile_value(&d, data, ONSITE_JSON_DEPTH_MAX);

    if (status == ONSITE_OK && d.json.failed) {
        status = onsite_error(error, ONSITE_LIMIT, "data is longer than %d"
                              " bytes", ONSITE_HTML_MAX);
    }

    if (status == ONSITE_OK) {
        status = flush(&d);
    }

    onsite_buf_free(&d.json);

    return onsite_template_finish(&d.maker, status, program, roots);
}
