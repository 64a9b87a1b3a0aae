/*
 * onsite_template.c - compiling templates: tags, paths, sections, and the
 * data of a campaign.  HTML is in onsite_template_html.c.
 */

#include "onsite_template_program.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


onsite_status_t
onsite_template_error(onsite_template_maker_t *maker, size_t at,
    const char *format, ...)
{
    size_t    i, line = 1, column = 1;
    char      text[400];
    va_list   args;

    for (i = 0; i < at; i++) {
        if (maker->text.data[i] == '\n') {
            line++;
            column = 1;

        } else {
            column++;
        }
    }

    va_start(args, format);
    (void) vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    return onsite_error(maker->error, ONSITE_INVALID, "%s%s%zu:%zu: %s",
                        maker->path != NULL ? maker->path : "",
                        maker->path != NULL ? ": " : "", line, column, text);
}


onsite_status_t
onsite_template_pass(onsite_template_maker_t *maker, onsite_status_t status)
{
    if (status != ONSITE_INVALID || maker->site.tell == NULL) {
        return status;
    }

    maker->site.tell(maker->site.tell_data, maker->error->text);
    maker->error->text[0] = '\0';
    maker->passed = true;

    return ONSITE_OK;
}


static onsite_status_t
add_op(onsite_template_maker_t *maker, onsite_template_op_t op)
{
    uint32_t               capacity;
    onsite_template_op_t  *ops;

    if (maker->n == ONSITE_TEMPLATE_OPS) {
        return onsite_error(maker->error, ONSITE_LIMIT, "more than %d"
                            " placeholders and pieces of text: make it"
                            " shorter", ONSITE_TEMPLATE_OPS);
    }

    if (maker->n == maker->capacity) {
        capacity = maker->capacity != 0 ? maker->capacity * 2 : 16;
        ops = realloc(maker->ops, capacity * sizeof(*ops));

        if (ops == NULL) {
            return onsite_error(maker->error, ONSITE_NO_MEMORY,
                                "out of memory");
        }

        maker->ops = ops;
        maker->capacity = capacity;
    }

    maker->ops[maker->n++] = op;

    return ONSITE_OK;
}


onsite_status_t
onsite_template_add_literal(onsite_template_maker_t *maker, onsite_str_t text)
{
    onsite_image_str_t  stored;

    if (text.len == 0) {
        return ONSITE_OK;
    }

    stored = onsite_builder_str(maker->b, text);

    return add_op(maker, (onsite_template_op_t) {
                      .code = ONSITE_TEMPLATE_LITERAL,
                      .a = stored.ref, .b = stored.len });
}


/* "a.b.c" into keys; the error names what is wrong. */

static onsite_status_t
split(onsite_template_maker_t *maker, onsite_str_t path, size_t at,
    onsite_str_t *keys, size_t *n)
{
    size_t  i, from = 0;

    *n = 0;

    for (i = 0; i <= path.len; i++) {

        if (i < path.len && path.data[i] != '.') {
            continue;
        }

        if (i == from) {
            return onsite_template_error(maker, at, "\"%.*s\" is no"
                                         " path: write names with dots"
                                         " between, such as"
                                         " event.properties.section",
                                         (int) path.len,
                                         path.data);
        }

        if (*n == ONSITE_TEMPLATE_KEYS + 1) {
            return onsite_template_error(maker, at, "a path has at most"
                                         " %d names below its root",
                                         ONSITE_TEMPLATE_KEYS);
        }

        keys[(*n)++] = onsite_str(path.data + from, i - from);
        from = i + 1;
    }

    return ONSITE_OK;
}


static onsite_status_t
item_source(onsite_template_maker_t *maker, const onsite_str_t *keys,
    size_t n, onsite_template_op_t *op)
{
    size_t               i;
    onsite_ref_t         ref = 0;
    onsite_image_str_t   key, *stored;

    op->source = ONSITE_TEMPLATE_ITEM;

    if (n != 0) {
        ref = onsite_builder_alloc(maker->b, n * sizeof(*stored));

        if (ref == 0) {
            return onsite_error(maker->error, ONSITE_NO_MEMORY,
                                "out of memory");
        }
    }

    for (i = 0; i < n; i++) {
        key = onsite_builder_str(maker->b, keys[i]);
        stored = onsite_builder_at(maker->b, ref);
        stored[i] = key;
    }

    op->a = ref;
    op->b = (uint32_t) n;

    return ONSITE_OK;
}


static onsite_status_t
slot_source(onsite_template_maker_t *maker, onsite_str_t path, size_t at,
    onsite_root_t root, const onsite_str_t *keys, size_t n,
    onsite_template_op_t *op)
{
    if (root == ONSITE_ROOTS) {
        return onsite_template_error(maker, at, "\"%.*s\" is not known"
                                     " here: a path begins with event,"
                                     " visitor, session, cart, affinity,"
                                     " origin, profile, segments, product,"
                                     " recommended, request, time or model",
                                     (int) path.len, path.data);
    }

    if (!onsite_attribute_known(root, keys, n)
        || (root == ONSITE_ROOT_EVENT && n == 1
            && onsite_str_eq(keys[0], ONSITE_STR("properties"))))
    {
        return onsite_template_error(maker, at, "there is no value"
                                     " \"%.*s\": name one, such as"
                                     " event.properties.section,"
                                     " visitor.visits or cart.value",
                                     (int) path.len, path.data);
    }

    maker->roots |= 1u << root;

    op->source = ONSITE_TEMPLATE_SLOT;
    op->a = onsite_builder_slot(maker->b, root, keys, n,
                                root == ONSITE_ROOT_TIME
                                ? maker->site.zone : 0);

    return ONSITE_OK;
}


/* ".", ".name": the item's, whatever roots are called. */

static onsite_status_t
dotted_source(onsite_template_maker_t *maker, onsite_str_t path, size_t at,
    onsite_template_op_t *op)
{
    size_t           n;
    onsite_str_t     keys[ONSITE_TEMPLATE_KEYS + 1];
    onsite_status_t  status;

    if (maker->depth == 0) {
        return onsite_template_error(maker, at, "\"%.*s\" is an item's,"
                                     " and this is in no section: open one"
                                     " with {{#path}}",
                                     (int) path.len, path.data);
    }

    if (path.len == 1) {
        return item_source(maker, NULL, 0, op);
    }

    status = split(maker, onsite_str(path.data + 1, path.len - 1), at, keys,
                   &n);

    return status == ONSITE_OK ? item_source(maker, keys, n, op) : status;
}


/* In a section, what does not begin with a root and go on below it is the
 * item's, too. */

onsite_status_t
onsite_template_read_source(onsite_template_maker_t *maker, onsite_str_t path,
    size_t at, onsite_template_op_t *op)
{
    size_t           n;
    onsite_str_t     keys[ONSITE_TEMPLATE_KEYS + 1];
    onsite_root_t    root;
    onsite_status_t  status;

    if (path.len != 0 && path.data[0] == '.') {
        return dotted_source(maker, path, at, op);
    }

    status = split(maker, path, at, keys, &n);

    if (status != ONSITE_OK) {
        return status;
    }

    root = onsite_root(keys[0]);

    if (maker->depth != 0
        && (root == ONSITE_ROOTS
            || (n == 1 && root != ONSITE_ROOT_SEGMENTS
                && root != ONSITE_ROOT_RECOMMENDED)))
    {
        return item_source(maker, keys, n, op);
    }

    return slot_source(maker, path, at, root, keys + 1, n - 1, op);
}


static onsite_status_t
close_section(onsite_template_maker_t *maker,
    const onsite_template_tag_t *tag)
{
    uint32_t  open;

    if (maker->depth == 0) {
        return onsite_template_error(maker, tag->at, "{{/%.*s}} closes"
                                     " nothing: open the section with"
                                     " {{#%.*s}} before it, in the same text",
                                     (int) tag->path.len, tag->path.data,
                                     (int) tag->path.len, tag->path.data);
    }

    if (!onsite_str_eq(maker->name[maker->depth - 1], tag->path)) {
        return onsite_template_error(maker, tag->at, "{{/%.*s}} where"
                                     " {{/%.*s}} is expected: sections close"
                                     " in the reverse of the order in which"
                                     " they open",
                                     (int) tag->path.len, tag->path.data,
                                     (int) maker->name[maker->depth - 1].len,
                                     maker->name[maker->depth - 1].data);
    }

    open = maker->open[--maker->depth];
    maker->ops[open].c = maker->n;

    return add_op(maker, (onsite_template_op_t) {
                      .code = ONSITE_TEMPLATE_CLOSE, .c = open });
}


static onsite_status_t
open_section(onsite_template_maker_t *maker, const onsite_template_tag_t *tag,
    onsite_template_op_t op)
{
    maker->open[maker->depth] = maker->n;
    maker->name[maker->depth++] = tag->path;

    return add_op(maker, op);
}


onsite_status_t
onsite_template_add_tag(onsite_template_maker_t *maker,
    const onsite_template_tag_t *tag, onsite_escape_t escape)
{
    onsite_status_t       status;
    onsite_template_op_t  op = { .escape = (uint8_t) escape };

    if (tag->kind == ONSITE_TEMPLATE_TAG_COMMENT) {
        return ONSITE_OK;
    }

    if (tag->kind == ONSITE_TEMPLATE_TAG_CLOSE) {
        return close_section(maker, tag);
    }

    status = onsite_template_read_source(maker, tag->path, tag->at, &op);

    if (status == ONSITE_OK) {
        status = onsite_template_add_filters(maker, tag, &op.c);
    }

    if (status != ONSITE_OK) {
        return status;
    }

    if (tag->kind == ONSITE_TEMPLATE_TAG_VALUE) {
        op.code = ONSITE_TEMPLATE_VALUE;
        return add_op(maker, op);
    }

    if (maker->depth == ONSITE_TEMPLATE_DEPTH) {
        return onsite_template_error(maker, tag->at, "sections nest at most"
                                     " %d deep", ONSITE_TEMPLATE_DEPTH);
    }

    op.code = tag->kind == ONSITE_TEMPLATE_TAG_OPEN
              ? ONSITE_TEMPLATE_OPEN : ONSITE_TEMPLATE_OPEN_NOT;

    return open_section(maker, tag, op);
}


onsite_status_t
onsite_template_pass_open(onsite_template_maker_t *maker,
    const onsite_template_tag_t *tag, onsite_status_t status)
{
    onsite_template_op_t  op = { .code = ONSITE_TEMPLATE_OPEN };

    if (maker->depth == ONSITE_TEMPLATE_DEPTH) {
        return status;
    }

    status = onsite_template_pass(maker, status);

    return status == ONSITE_OK ? open_section(maker, tag, op) : status;
}


onsite_status_t
onsite_template_closed(onsite_template_maker_t *maker)
{
    onsite_str_t  name;

    if (maker->depth == 0) {
        return ONSITE_OK;
    }

    name = maker->name[maker->depth - 1];

    return onsite_template_error(maker, maker->text.len, "the section"
                                 " {{#%.*s}} is still open: close it with"
                                 " {{/%.*s}}", (int) name.len, name.data,
                                 (int) name.len, name.data);
}


onsite_status_t
onsite_template_finish(onsite_template_maker_t *maker, onsite_status_t status,
    onsite_ref_t *program, uint32_t *roots)
{
    onsite_ref_t                ref;
    onsite_template_program_t  *stored;

    if (status == ONSITE_OK && maker->passed) {
        status = ONSITE_INVALID;
    }

    if (status == ONSITE_OK) {
        ref = onsite_builder_alloc(maker->b, sizeof(*stored)
                                             + maker->n
                                               * sizeof(*maker->ops));
        if (ref == 0) {
            status = onsite_error(maker->error, ONSITE_NO_MEMORY,
                                  "out of memory");

        } else {
            stored = onsite_builder_at(maker->b, ref);
            stored->n = maker->n;

            if (maker->n != 0) {
                memcpy(stored->ops, maker->ops,
                       maker->n * sizeof(*maker->ops));
            }

            *program = ref;
            *roots |= maker->roots;
        }
    }

    free(maker->ops);

    return status;
}
