/*
 * onsite_condition_explain.c - why a condition does not hold: the first thing
 * it asks that is answered otherwise.
 */

#include "onsite_condition_program.h"

#include <stdlib.h>

#define LIST_MAX   10               /* literals of a list that are told    */
#define VALUE_MAX  200              /* bytes of JSON                       */
#define TEXT_MAX   120              /* bytes of a text                     */
#define PATH_MAX   512

/* How the search goes on: why is the node not true, or, below a $not, why is
 * it true? */
typedef struct {
    onsite_context_t  *context;
    onsite_buf_t      *out;
    size_t             path_len;
    char               path[PATH_MAX];
    uint32_t           others;      /* alternatives of an $or beside it    */
} blame_t;


static void blame(blame_t *b, const onsite_node_t *node,
    const onsite_value_t *value, bool negated);


static void
add_key(blame_t *b, onsite_str_t key)
{
    if (b->path_len + 1 + key.len > sizeof(b->path)) {
        return;
    }

    if (b->path_len != 0) {
        b->path[b->path_len++] = '.';
    }

    if (key.len != 0) {
        memcpy(b->path + b->path_len, key.data, key.len);
        b->path_len += key.len;
    }
}


static void
add_keys(blame_t *b, onsite_ref_t ref, uint32_t n)
{
    uint32_t                   i;
    const onsite_image_t      *image = b->context->image;
    const onsite_image_str_t  *keys = onsite_image_at(image, ref);

    for (i = 0; i < n; i++) {
        add_key(b, onsite_image_str(image, keys[i]));
    }
}


static void
add_slot(blame_t *b, uint32_t number)
{
    const onsite_image_t  *image = b->context->image;
    const onsite_slot_t   *slot;

    slot = onsite_image_at(image, onsite_image_header(image)->slots);
    slot += number;

    if (slot->root != ONSITE_ROOT_VALUE) {
        add_key(b, onsite_root_name((onsite_root_t) slot->root));
    }

    add_keys(b, slot->keys, slot->n_keys);
}


/* The start of a text that is long, whole characters only. */

static void
write_text(onsite_buf_t *out, onsite_str_t text)
{
    char    cut[TEXT_MAX + 3];
    size_t  n = TEXT_MAX;

    if (text.len <= TEXT_MAX) {
        onsite_write_json_string(out, text);
        return;
    }

    while (n > 0 && ((unsigned char) text.data[n] & 0xc0) == 0x80) {
        n--;
    }

    memcpy(cut, text.data, n);
    memcpy(cut + n, "\xe2\x80\xa6", 3);
    onsite_write_json_string(out, onsite_str(cut, n + 3));
}


/* A list or object that is long is told by its length. */

static void
write_value(onsite_buf_t *out, const onsite_value_t *value)
{
    onsite_buf_t  whole;

    if (value->type == ONSITE_ABSENT) {
        return;
    }

    if (value->type == ONSITE_STRING) {
        onsite_buf_str(out, ONSITE_STR(",\"value\":"));
        write_text(out, onsite_value_str(value));
        return;
    }

    onsite_buf_init(&whole, VALUE_MAX);
    onsite_value_write_json(&whole, value);

    if (!whole.failed) {
        onsite_buf_str(out, ONSITE_STR(",\"value\":"));
        onsite_buf_append(out, whole.data, whole.len);

    } else {
        onsite_buf_printf(out, ",\"length\":%u", value->len);
    }

    onsite_buf_free(&whole);
}


static void
write_literal(blame_t *b, const onsite_image_value_t *literal)
{
    onsite_value_t  value;

    if (literal->type == ONSITE_STRING) {
        write_text(b->out, onsite_str(onsite_image_at(b->context->image,
                                                      literal->as.ref),
                                      literal->len));

    } else if (onsite_image_value(b->context->image, literal,
                                  b->context->arena, &value) == ONSITE_OK)
    {
        onsite_value_write_json(b->out, &value);

    } else {
        onsite_buf_append(b->out, "null", 4);
    }
}


static void
write_list(blame_t *b, onsite_ref_t ref)
{
    uint32_t                     i;
    const onsite_list_t         *list;
    const onsite_image_value_t  *items;

    list = onsite_image_at(b->context->image, ref);
    items = onsite_image_at(b->context->image, list->items);
    onsite_buf_char(b->out, '[');

    for (i = 0; i < list->n && i < LIST_MAX; i++) {
        onsite_buf_str(b->out, i != 0 ? ONSITE_STR(",") : ONSITE_STR(""));
        write_literal(b, &items[i]);
    }

    onsite_buf_char(b->out, ']');

    if (list->n > LIST_MAX) {
        onsite_buf_printf(b->out, ",\"more\":%u", list->n - LIST_MAX);
    }
}


/* Its parts are padded with spaces and joined by dashes (onsite_version.c). */

static void
write_version(onsite_buf_t *out, onsite_str_t padded)
{
    char    text[TEXT_MAX];
    size_t  i, n;

    for (i = 0, n = 0; i < padded.len && n < sizeof(text); i++) {
        if (padded.data[i] != ' ' && padded.data[i] != '~') {
            text[n++] = padded.data[i] == '-' ? '.' : padded.data[i];
        }
    }

    while (n > 0 && text[n - 1] == '.') {
        n--;
    }

    onsite_write_json_string(out, onsite_str(text, n));
}


/* "\x{2f}", as onsite_regex_translate.c writes a character that stands for
 * itself: its code; else 0. */

static char
escaped_char(onsite_str_t pattern, size_t at)
{
    char         hex[3] = { 0 };
    const char  *p = pattern.data + at;

    if (pattern.len - at < 6 || memcmp(p, "\\x{", 3) != 0 || p[5] != '}') {
        return 0;
    }

    memcpy(hex, p + 3, 2);
    at = strtoul(hex, NULL, 16);

    return at >= 0x20 && at < 0x7f ? (char) at : 0;
}


/* As the campaign's file has it, or nearly so. */

static void
write_regex(blame_t *b, uint32_t number)
{
    char                         c, text[TEXT_MAX + 2];
    size_t                       i, n = 0;
    onsite_str_t                 pattern;
    const onsite_image_t        *image = b->context->image;
    const onsite_image_regex_t  *regex;

    regex = onsite_image_at(image, onsite_image_header(image)->regexes);
    pattern = onsite_image_str(image, regex[number].pattern);

    for (i = 0; i < pattern.len && n < TEXT_MAX; i += c != 0 ? 6 : 1) {
        c = escaped_char(pattern, i);

        if (c != 0 && strchr("^$\\.*+?()[]{}|", c) != NULL) {
            text[n++] = '\\';
        }

        text[n++] = c != 0 ? c : pattern.data[i];
    }

    onsite_write_json_string(b->out, onsite_str(text, n));
}


static void
write_scalar(blame_t *b, const onsite_node_t *node)
{
    onsite_value_t  value = { .type = ONSITE_NULL };

    if (node->type == ONSITE_STRING) {
        write_text(b->out, onsite_image_str(b->context->image,
                                            node->as.text));
        return;
    }

    if (node->type == ONSITE_NUMBER) {
        value = onsite_value_number(node->as.number);

    } else if (node->type == ONSITE_BOOL) {
        value = onsite_value_bool(node->as.number != 0);
    }

    onsite_value_write_json(b->out, &value);
}


static void
write_type(onsite_buf_t *out, uint16_t type)
{
    static const char *const  names[] = {
        "undefined", "null", "boolean", "number", "string", "array", "object"
    };

    onsite_buf_printf(out, "\"%s\"", type <= ONSITE_OBJECT ? names[type]
                                                           : "?");
}


static void
write_operand(blame_t *b, const onsite_node_t *node, bool negated)
{
    onsite_buf_str(b->out, ONSITE_STR(",\"operand\":"));

    switch (node->op) {

    case ONSITE_OP_EXISTS:
        onsite_buf_printf(b->out, "%s", negated ? "false" : "true");
        break;

    case ONSITE_OP_TRUTH:
        onsite_buf_printf(b->out, "%s", node->as.truth ? "true" : "false");
        break;

    case ONSITE_OP_JSON:
        write_literal(b, onsite_image_at(b->context->image, node->as.ref));
        break;

    case ONSITE_OP_IN:
    case ONSITE_OP_IN_LOWER:
        write_list(b, node->as.ref);
        break;

    case ONSITE_OP_REGEX:
        write_regex(b, node->as.regex);
        break;

    case ONSITE_OP_TYPE:
        write_type(b->out, node->type);
        break;

    case ONSITE_OP_VERSION_EQUAL:
    case ONSITE_OP_VERSION_LESS:
    case ONSITE_OP_VERSION_LESS_EQUAL:
    case ONSITE_OP_VERSION_GREATER:
    case ONSITE_OP_VERSION_GREATER_EQUAL:
        write_version(b->out, onsite_image_str(b->context->image,
                                               node->as.text));
        break;

    default:
        write_scalar(b, node);
        break;
    }
}


/* As campaign files spell it: of the operators that have one of their own for
 * the opposite that, of the others theirs and "not". */

static const char *
operator_of(const onsite_node_t *node, bool *negated)
{
    bool  opposite = *negated;

    static const char *const  names[ONSITE_OPS][2] = {
        [ONSITE_OP_TEXT] = { "$eq", "$ne" },
        [ONSITE_OP_TEXT_LOWER] = { "$eq", "$ne" },
        [ONSITE_OP_NUMBER] = { "$eq", "$ne" },
        [ONSITE_OP_TRUTH] = { "$eq", "$ne" },
        [ONSITE_OP_NULL] = { "$eq", "$ne" },
        [ONSITE_OP_JSON] = { "$eq", "$ne" },
        [ONSITE_OP_EQUAL] = { "$eq", "$ne" },
        [ONSITE_OP_LESS] = { "$lt", NULL },
        [ONSITE_OP_LESS_EQUAL] = { "$lte", NULL },
        [ONSITE_OP_GREATER] = { "$gt", NULL },
        [ONSITE_OP_GREATER_EQUAL] = { "$gte", NULL },
        [ONSITE_OP_EXISTS] = { "$exists", "$exists" },
        [ONSITE_OP_IN] = { "$in", "$nin" },
        [ONSITE_OP_IN_LOWER] = { "$ini", "$nini" },
        [ONSITE_OP_REGEX] = { "$regex", NULL },
        [ONSITE_OP_TYPE] = { "$type", NULL },
        [ONSITE_OP_VERSION_EQUAL] = { "$veq", "$vne" },
        [ONSITE_OP_VERSION_LESS] = { "$vlt", NULL },
        [ONSITE_OP_VERSION_LESS_EQUAL] = { "$vlte", NULL },
        [ONSITE_OP_VERSION_GREATER] = { "$vgt", NULL },
        [ONSITE_OP_VERSION_GREATER_EQUAL] = { "$vgte", NULL },
        [ONSITE_OP_SIZE] = { "$size", NULL },
        [ONSITE_OP_ELEMENT] = { "$elemMatch", NULL },
        [ONSITE_OP_EVERY] = { "$all", NULL },
        [ONSITE_OP_NEVER] = { "never", NULL },
    };

    if (opposite && names[node->op][1] != NULL) {
        *negated = false;
        return names[node->op][1];
    }

    return names[node->op][0] != NULL ? names[node->op][0] : "never";
}


/* node says which operator, literal (a node too) what it was compared with. */

static void
write_blamed(blame_t *b, const onsite_node_t *node,
    const onsite_node_t *literal, const onsite_value_t *value, bool negated)
{
    bool         not = negated;
    const char  *name = operator_of(node, &not);

    onsite_buf_str(b->out, ONSITE_STR("{\"path\":"));
    onsite_write_json_string(b->out, onsite_str(b->path, b->path_len));
    onsite_buf_printf(b->out, ",\"op\":\"%s\"", name);

    if (not) {
        onsite_buf_str(b->out, ONSITE_STR(",\"not\":true"));
    }

    if (literal->op > ONSITE_OP_FIRST_LEAF) {
        write_operand(b, literal, negated);
    }

    write_value(b->out, value);

    if (b->others != 0) {
        onsite_buf_printf(b->out, ",\"alternatives\":%u", b->others);
    }

    onsite_buf_char(b->out, '}');
}


/* Whether this child is the one that makes its parent what it is. */

static bool
is_to_blame(blame_t *b, const onsite_node_t *child,
    const onsite_value_t *value, bool negated)
{
    bool  holds = onsite_condition_node(b->context, child, value)
                  == ONSITE_TRUE;

    return holds == negated;
}


static void
blame_first(blame_t *b, const onsite_node_t *node,
    const onsite_value_t *value, bool negated)
{
    const onsite_node_t  *child, *end = node + node->span;

    for (child = node + 1; child != end; child += child->span) {
        if (is_to_blame(b, child, value, negated)) {
            blame(b, child, value, negated);
            return;
        }
    }

    write_blamed(b, node, node, value, negated);
}


static bool
has_item(blame_t *b, const onsite_node_t *node, const onsite_value_t *array)
{
    uint32_t  i;

    for (i = 0; i < array->len; i++) {
        if (onsite_condition_node(b->context, node, &array->as.items[i])
            == ONSITE_TRUE)
        {
            return true;
        }
    }

    return false;
}


/* Of $all the first that is missing. */

static void
blame_every(blame_t *b, const onsite_node_t *node,
    const onsite_value_t *value, bool negated)
{
    const onsite_node_t  *child, *end = node + node->span;

    for (child = node + 1; child != end; child += child->span) {
        if (!negated && value->type == ONSITE_ARRAY
            && !has_item(b, child, value))
        {
            child += child->op == ONSITE_OP_ALL && child->span == 2;
            write_blamed(b, node, child, value, negated);
            return;
        }
    }

    write_blamed(b, node, node, value, negated);
}


static void
count_alternatives(blame_t *b, const onsite_node_t *node)
{
    uint32_t              n = 0;
    const onsite_node_t  *child, *end = node + node->span;

    for (child = node + 1; child != end; child += child->span) {
        n++;
    }

    if (n > 1) {
        b->others += n - 1;
    }
}


static void
blame(blame_t *b, const onsite_node_t *node, const onsite_value_t *value,
    bool negated)
{
    onsite_value_t  found;

    switch (node->op) {

    case ONSITE_OP_ANY:
        if (!negated) {
            count_alternatives(b, node);
        }

        blame_first(b, node, value, negated);
        break;

    case ONSITE_OP_ALL:
        blame_first(b, node, value, negated);
        break;

    case ONSITE_OP_NOT:
        blame_first(b, node, value, !negated);
        break;

    case ONSITE_OP_SLOT:
        add_slot(b, node->as.slot);
        found = *onsite_attribute_slot(b->context, node->as.slot);
        blame_first(b, node, &found, negated);
        break;

    case ONSITE_OP_PATH:
        add_keys(b, node->as.list.ref, node->as.list.n);
        found = onsite_attribute_walk(b->context->image, value,
                    onsite_image_at(b->context->image, node->as.list.ref),
                    node->as.list.n);
        blame_first(b, node, &found, negated);
        break;

    case ONSITE_OP_SIZE:

        if (value->type == ONSITE_ARRAY) {
            add_key(b, ONSITE_STR("length"));
            found = onsite_value_number(value->len);
            blame_first(b, node, &found, negated);
            break;
        }

        /* fall through */

    default:
        write_blamed(b, node, node, value, negated);
        break;

    case ONSITE_OP_EVERY:
        blame_every(b, node, value, negated);
        break;
    }
}


bool
onsite_condition_explain(onsite_context_t *context, onsite_ref_t program,
    onsite_buf_t *out)
{
    blame_t                  b = { .context = context, .out = out };
    const onsite_value_t    *value, nothing = { .type = ONSITE_ABSENT };
    const onsite_program_t  *p;

    if (program == 0
        || onsite_condition_eval(context, program) == ONSITE_TRUE)
    {
        return false;
    }

    p = onsite_image_at(context->image, program);
    value = context->root != NULL ? context->root : &nothing;
    blame(&b, p->nodes, value, false);

    return true;
}
