/*
 * onsite_condition_path.c - the paths of attributes: roots, and slots of the
 * image.
 */

#include "onsite_condition_compile.h"
#include "onsite_definition.h"


static uint32_t
split_path(onsite_str_t path, onsite_str_t *keys)
{
    size_t    i, start;
    uint32_t  n;

    for (i = 0, start = 0, n = 0; i <= path.len; i++) {
        if (i == path.len || path.data[i] == '.') {
            if (n == ONSITE_PATH_KEYS_MAX) {
                return 0;
            }

            keys[n++] = onsite_str(path.data + start, i - start);
            start = i + 1;
        }
    }

    return n;
}


/* Below what a path begins; *keys moves behind a key that names the root. */

static onsite_root_t
path_root(compiler_t *c, onsite_str_t **keys, uint32_t *n)
{
    onsite_root_t  root;

    if (c->options->scope == ONSITE_SCOPE_PLAIN) {
        return ONSITE_ROOT_VALUE;
    }

    root = onsite_root((*keys)[0]);

    if (c->options->scope == ONSITE_SCOPE_WHERE
        && (*n == 1 || root == ONSITE_ROOTS))
    {
        /* the caller left room in front */

        *--(*keys) = ONSITE_STR("properties");
        ++*n;

        return ONSITE_ROOT_EVENT;
    }

    if (root != ONSITE_ROOTS) {
        ++*keys;
        --*n;
    }

    return root;
}


static uint32_t
path_node(compiler_t *c, const onsite_str_t *keys, uint32_t n)
{
    uint32_t             i, node;
    onsite_ref_t         ref;
    onsite_image_str_t   key;

    ref = onsite_builder_alloc(c->b, n * sizeof(key));

    for (i = 0; i < n; i++) {
        key = onsite_builder_str(c->b, keys[i]);

        if (!onsite_builder_failed(c->b)) {
            memcpy((char *) onsite_builder_at(c->b, ref) + i * sizeof(key),
                   &key, sizeof(key));
        }
    }

    node = condition_begin(c, ONSITE_OP_PATH);
    c->nodes[node].as.list.ref = ref;
    c->nodes[node].as.list.n = n;

    return node;
}


static onsite_status_t
refuse_root(compiler_t *c, onsite_str_t path)
{
    size_t                    len;
    const char               *meant;
    static const char *const  roots[] = {
        "event", "visitor", "session", "cart", "affinity", "origin",
        "profile", "segments", "journey", "product", "recommended",
        "request", "time", "model", NULL
    };

    if (path.len != 0 && path.data[0] == '$') {
        return condition_refuse(c, "unknown operator; around attributes there "
                                "are $and, $or, $nor, $not and $savedGroup");
    }

    for (len = 0; len < path.len && path.data[len] != '.'; len++) {
        /* void */
    }

    meant = onsite_definition_nearest(onsite_str(path.data, len), roots);

    return onsite_error(c->error, ONSITE_INVALID, "%.*s: unknown attribute%s"
                        "%s%s; its first word must be one of event, visitor, "
                        "session, cart, affinity, origin, profile, segments, "
                        "journey, product, recommended, request, time, model",
                        (int) c->path_len, c->path,
                        meant != NULL ? "; did you mean \"" : "",
                        meant != NULL ? meant : "",
                        meant != NULL ? "\"?" : "");
}


/* The node whose children look at the value of a path. */

onsite_status_t
condition_begin_path(compiler_t *c, onsite_str_t path, uint32_t *node)
{
    uint32_t        n, slot;
    onsite_str_t    room[ONSITE_PATH_KEYS_MAX + 1], *keys = room + 1;
    onsite_root_t   root;

    n = split_path(path, keys);

    if (n == 0) {
        return condition_refuse(c, "more keys in a path than any attribute "
                                "has");
    }

    if (c->in_item) {
        *node = path_node(c, keys, n);
        return ONSITE_OK;
    }

    root = path_root(c, &keys, &n);

    if (root == ONSITE_ROOTS) {
        return refuse_root(c, path);
    }

    if (n > ONSITE_PATH_KEYS_MAX) {
        return condition_refuse(c, "more keys in a path than any attribute "
                                "has");
    }

    slot = onsite_builder_slot(c->b, root, keys, n,
                               root == ONSITE_ROOT_TIME ? c->options->zone
                                                        : 0);
    c->roots |= 1u << root;
    *node = condition_begin(c, ONSITE_OP_SLOT);
    c->nodes[*node].as.slot = slot;

    return ONSITE_OK;
}
