/*
 * onsite_condition_compile.c - conditions from JSON to programs.
 *
 * What GrowthBook would evaluate to false for ever without a word - an
 * unknown operator, {"$in": 5}, a broken regex - is an error here, at build.
 */

#include "onsite_coerce.h"
#include "onsite_condition_program.h"
#include "onsite_definition.h"

#include <stdio.h>
#include <stdlib.h>

#define PATH_BYTES  400

/* Saved groups that are being compiled, innermost first: against cycles. */
typedef struct visited_s  visited_t;

struct visited_s {
    const visited_t  *outer;
    onsite_str_t      id;
};

typedef struct {
    onsite_builder_t                  *b;
    const onsite_condition_options_t  *options;
    onsite_node_t                     *nodes;
    uint32_t                           n;
    uint32_t                           capacity;
    uint32_t                           roots;
    bool                               in_item;     /* of $elemMatch       */
    int                                depth;
    const visited_t                   *visited;
    onsite_error_t                    *error;
    char                               path[PATH_BYTES];
    size_t                             path_len;
} compiler_t;

typedef onsite_status_t (*operand_pt)(compiler_t *c, uint16_t op,
    const onsite_value_t *operand);

typedef struct {
    onsite_str_t  name;
    operand_pt    compile;
    uint16_t      op;
    bool          negated;
} operator_t;

static onsite_status_t compile_condition(compiler_t *c,
    const onsite_value_t *condition);
static onsite_status_t compile_expected(compiler_t *c,
    const onsite_value_t *expected, bool lower);


static onsite_status_t
refuse(compiler_t *c, const char *reason)
{
    return onsite_error(c->error, ONSITE_INVALID, "%.*s: %s",
                        (int) c->path_len, c->path, reason);
}


/* The path inside the condition; what does not fit is left out. */

static size_t
enter(compiler_t *c, onsite_str_t key)
{
    size_t  before = c->path_len, left = PATH_BYTES - c->path_len;

    if (key.len + 1 < left) {
        if (before != 0) {
            c->path[c->path_len++] = '.';
        }

        if (key.len != 0) {
            memcpy(c->path + c->path_len, key.data, key.len);
        }
        c->path_len += key.len;
    }

    return before;
}


static size_t
enter_item(compiler_t *c, uint32_t i)
{
    int     n;
    char    text[16];
    size_t  before = c->path_len;

    n = snprintf(text, sizeof(text), "[%u]", i);

    if ((size_t) n < PATH_BYTES - before) {
        memcpy(c->path + before, text, (size_t) n);
        c->path_len += (size_t) n;
    }

    return before;
}


/* A new node; its span is set by end().  The last slot swallows nodes when
 * memory is out: finishing then fails, as the builder remembers. */

static uint32_t
begin(compiler_t *c, uint16_t op)
{
    uint32_t        capacity;
    onsite_node_t  *nodes;

    if (c->n == c->capacity) {
        capacity = c->capacity * 2;
        nodes = realloc(c->nodes, capacity * sizeof(onsite_node_t));

        if (nodes == NULL) {
            (void) onsite_builder_alloc(c->b, SIZE_MAX);
            c->n--;

        } else {
            c->nodes = nodes;
            c->capacity = capacity;
        }
    }

    c->nodes[c->n] = (onsite_node_t) { .op = op, .span = 1 };

    return c->n++;
}


static void
end(compiler_t *c, uint32_t node)
{
    c->nodes[node].span = c->n - node;
}


static onsite_node_t *
leaf(compiler_t *c, uint16_t op, onsite_type_t type)
{
    uint32_t  node = begin(c, op);

    c->nodes[node].type = (uint16_t) type;

    return &c->nodes[node];
}


static void
text_leaf(compiler_t *c, uint16_t op, onsite_str_t text)
{
    onsite_image_str_t  s = onsite_builder_str(c->b, text);

    leaf(c, op, ONSITE_STRING)->as.text = s;
}


static bool
is_scalar(const onsite_value_t *value)
{
    return value->type != ONSITE_ARRAY && value->type != ONSITE_OBJECT;
}


/* Whether a later member has the same key: then that one counts. */

static bool
is_overridden(const onsite_value_t *object, uint32_t i)
{
    return onsite_value_get(object, object->as.members[i].key)
           != &object->as.members[i].value;
}


static onsite_status_t
scalar_leaf(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    switch (operand->type) {

    case ONSITE_STRING:
        text_leaf(c, op, onsite_value_str(operand));
        break;

    case ONSITE_NUMBER:
        leaf(c, op, ONSITE_NUMBER)->as.number = operand->as.number;
        break;

    case ONSITE_BOOL:
        leaf(c, op, ONSITE_BOOL)->as.number = operand->as.boolean;
        break;

    default:
        (void) leaf(c, op, ONSITE_NULL);
    }

    return ONSITE_OK;
}


static onsite_status_t
compile_equal(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    if (!is_scalar(operand)) {
        return refuse(c, "an array or object never equals with ===; write "
                      "it without the operator to compare it as JSON");
    }

    return scalar_leaf(c, op, operand);
}


/* Operands that are no strings compare as numbers: null is 0, true 1. */

static onsite_status_t
compile_order(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    onsite_value_t  number;

    if (!is_scalar(operand)) {
        return refuse(c, "takes a number or a string");
    }

    if (operand->type == ONSITE_STRING) {
        return scalar_leaf(c, op, operand);
    }

    number = onsite_value_number(onsite_to_number(operand));

    return scalar_leaf(c, op, &number);
}


static bool
append_piece(void *data, onsite_str_t piece)
{
    onsite_buf_str(data, piece);

    return true;
}


static onsite_status_t
compile_version(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    onsite_buf_t  padded;

    if (operand->type != ONSITE_STRING && operand->type != ONSITE_NUMBER) {
        return refuse(c, "takes a version as a string, such as \"1.2.3\"");
    }

    onsite_buf_init(&padded, 0);
    (void) onsite_version_walk(operand, append_piece, &padded);
    text_leaf(c, op, onsite_str(padded.data, padded.len));
    onsite_buf_free(&padded);

    return ONSITE_OK;
}


static onsite_status_t
compile_exists(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    uint32_t  node;

    if (operand->type != ONSITE_BOOL && operand->type != ONSITE_NUMBER) {
        return refuse(c, "takes true or false");
    }

    if (onsite_is_true(operand)) {
        (void) leaf(c, op, ONSITE_ABSENT);

    } else {
        node = begin(c, ONSITE_OP_NOT);
        (void) leaf(c, op, ONSITE_ABSENT);
        end(c, node);
    }

    return ONSITE_OK;
}


static onsite_status_t
compile_type(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    size_t  i;

    static const struct {
        onsite_str_t   name;
        onsite_type_t  type;
    } types[] = {
        { { 6, "string" }, ONSITE_STRING },
        { { 6, "number" }, ONSITE_NUMBER },
        { { 7, "boolean" }, ONSITE_BOOL },
        { { 5, "array" }, ONSITE_ARRAY },
        { { 6, "object" }, ONSITE_OBJECT },
        { { 4, "null" }, ONSITE_NULL },
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (operand->type == ONSITE_STRING
            && onsite_str_eq(onsite_value_str(operand), types[i].name))
        {
            (void) leaf(c, op, types[i].type);
            return ONSITE_OK;
        }
    }

    /* getPath gives null, so nothing is ever undefined */

    if (operand->type == ONSITE_STRING
        && onsite_str_eq(onsite_value_str(operand), ONSITE_STR("undefined")))
    {
        (void) leaf(c, ONSITE_OP_NEVER, ONSITE_ABSENT);
        return ONSITE_OK;
    }

    return refuse(c, "takes one of \"string\", \"number\", \"boolean\", "
                  "\"array\", \"object\", \"null\"");
}


static onsite_status_t
compile_regex(compiler_t *c, const onsite_value_t *operand, bool caseless)
{
    uint32_t         regex;
    onsite_buf_t     translated;
    onsite_error_t   reason;
    onsite_status_t  status;

    if (operand->type != ONSITE_STRING) {
        return refuse(c, "takes a regular expression as a string");
    }

    onsite_buf_init(&translated, 0);
    status = onsite_regex_translate(onsite_value_str(operand), caseless,
                                    &translated, &reason);

    if (status == ONSITE_OK) {
        regex = onsite_builder_regex(c->b, onsite_str(translated.data,
                                                      translated.len),
                                     caseless);
        leaf(c, ONSITE_OP_REGEX, ONSITE_ABSENT)->as.regex = regex;

    } else {
        status = onsite_error(c->error, status, "%.*s: not a JavaScript "
                              "regular expression that runs here: %s",
                              (int) c->path_len, c->path, reason.text);
    }

    onsite_buf_free(&translated);

    return status;
}


static onsite_status_t
compile_case_regex(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    (void) op;

    return compile_regex(c, operand, false);
}


static onsite_status_t
compile_caseless_regex(compiler_t *c, uint16_t op,
    const onsite_value_t *operand)
{
    (void) op;

    return compile_regex(c, operand, true);
}


/* The hash table of a list: twice as many cells as items, at least. */

static void
fill_cells(compiler_t *c, onsite_list_t *list, const onsite_value_t *values,
    bool lower)
{
    uint32_t   i, at, n, *cells;

    for (list->mask = 31; list->mask < list->n * 2; /* void */) {
        list->mask = list->mask * 2 + 1;
    }

    list->cells = onsite_builder_alloc(c->b,
                                       (list->mask + (size_t) 1)
                                       * sizeof(uint32_t));
    if (onsite_builder_failed(c->b)) {
        return;
    }

    cells = onsite_builder_at(c->b, list->cells);

    for (i = 0, n = 0; n < list->n; i++) {
        if (!is_scalar(&values[i])) {
            continue;
        }

        at = (uint32_t) onsite_scalar_hash(&values[i], lower) & list->mask;

        while (cells[at] != 0) {
            at = (at + 1) & list->mask;
        }

        cells[at] = ++n;
    }
}


static onsite_image_value_t
list_item(compiler_t *c, const onsite_value_t *value, bool lower)
{
    onsite_buf_t          text;
    onsite_value_t        lowered;
    onsite_image_value_t  item;

    if (!lower || value->type != ONSITE_STRING) {
        return onsite_builder_value(c->b, value);
    }

    onsite_buf_init(&text, 0);
    onsite_lower_append(&text, onsite_value_str(value));
    lowered = onsite_value_string(onsite_str(text.data, text.len));
    item = onsite_builder_value(c->b, &lowered);
    onsite_buf_free(&text);

    return item;
}


/* Items that are no scalars are left out: nothing is identical to them. */

static void
list_leaf(compiler_t *c, uint16_t op, const onsite_value_t *array)
{
    bool                   lower = op == ONSITE_OP_IN_LOWER;
    uint32_t               i;
    onsite_ref_t           ref;
    onsite_list_t          list = { 0 };
    onsite_image_value_t   item;

    list.items = onsite_builder_alloc(c->b, array->len * sizeof(item));

    for (i = 0; i < array->len && !onsite_builder_failed(c->b); i++) {
        if (!is_scalar(&array->as.items[i])) {
            continue;
        }

        item = list_item(c, &array->as.items[i], lower);

        if (!onsite_builder_failed(c->b)) {
            memcpy((char *) onsite_builder_at(c->b, list.items)
                   + list.n++ * sizeof(item), &item, sizeof(item));
        }
    }

    if (list.n > ONSITE_LIST_LINEAR) {
        fill_cells(c, &list, array->as.items, lower);
    }

    ref = onsite_builder_alloc(c->b, sizeof(list));

    if (!onsite_builder_failed(c->b)) {
        memcpy(onsite_builder_at(c->b, ref), &list, sizeof(list));
    }

    leaf(c, op, ONSITE_ARRAY)->as.ref = ref;
}


static onsite_status_t
compile_in(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    uint32_t  i;

    if (operand->type != ONSITE_ARRAY) {
        return refuse(c, "takes an array of values");
    }

    for (i = 0; i < operand->len; i++) {
        if (!is_scalar(&operand->as.items[i])) {
            return refuse(c, "takes an array of strings, numbers, booleans "
                          "or null; no value is identical to an array or "
                          "object in it");
        }
    }

    list_leaf(c, op, operand);

    return ONSITE_OK;
}


/* The values of a saved group; NULL: it has none and matches nobody. */

static const onsite_value_t *
group_values(const compiler_t *c, onsite_str_t id)
{
    const onsite_value_t  *entry, *values;

    static const onsite_value_t  empty = { .type = ONSITE_ARRAY };

    entry = onsite_value_get(c->options->saved_groups, id);

    if (entry == NULL) {
        return &empty;
    }

    if (entry->type == ONSITE_ARRAY) {
        return entry;
    }

    values = onsite_value_get(entry, ONSITE_STR("values"));

    return values != NULL && values->type == ONSITE_ARRAY
           && onsite_str_eq(onsite_value_get_str(entry, ONSITE_STR("type")),
                            ONSITE_STR("list"))
           ? values : NULL;
}


static onsite_status_t
compile_group(compiler_t *c, const onsite_value_t *operand, bool negated)
{
    uint32_t               node = 0;
    const onsite_value_t  *values;

    if (operand->type != ONSITE_STRING) {
        return refuse(c, "takes the id of a saved group");
    }

    values = group_values(c, onsite_value_str(operand));

    if (values == NULL) {
        (void) leaf(c, ONSITE_OP_NEVER, ONSITE_ABSENT);
        return ONSITE_OK;
    }

    if (negated) {
        node = begin(c, ONSITE_OP_NOT);
    }

    list_leaf(c, ONSITE_OP_IN, values);

    if (negated) {
        end(c, node);
    }

    return ONSITE_OK;
}


static onsite_status_t
compile_in_group(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    (void) op;

    return compile_group(c, operand, false);
}


static onsite_status_t
compile_not_in_group(compiler_t *c, uint16_t op,
    const onsite_value_t *operand)
{
    (void) op;

    return compile_group(c, operand, true);
}


/* $all and $alli: each expected one is met by some item. */

static onsite_status_t
compile_every(compiler_t *c, const onsite_value_t *operand, bool lower)
{
    size_t           before;
    uint32_t         i, node, item;
    onsite_status_t  status = ONSITE_OK;

    if (operand->type != ONSITE_ARRAY) {
        return refuse(c, "takes an array");
    }

    node = begin(c, ONSITE_OP_EVERY);

    for (i = 0; i < operand->len && status == ONSITE_OK; i++) {
        before = enter_item(c, i);
        item = begin(c, ONSITE_OP_ALL);
        status = compile_expected(c, &operand->as.items[i], lower);
        end(c, item);
        c->path_len = status == ONSITE_OK ? before : c->path_len;
    }

    end(c, node);

    return status;
}


static onsite_status_t
compile_all(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    (void) op;

    return compile_every(c, operand, false);
}


static onsite_status_t
compile_all_lower(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    (void) op;

    return compile_every(c, operand, true);
}


static bool
is_operator_key(onsite_str_t key)
{
    return key.len != 0 && key.data[0] == '$';
}


/* Only keys that start with "$", and one at least. */

static bool
has_only_operators(const onsite_value_t *value)
{
    uint32_t  i;

    for (i = 0; i < value->len; i++) {
        if (!is_operator_key(value->as.members[i].key)) {
            return false;
        }
    }

    return value->len != 0;
}


static onsite_status_t
compile_size(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    uint32_t         node;
    onsite_status_t  status;

    if (operand->type == ONSITE_NULL || operand->type == ONSITE_ARRAY
        || (operand->type == ONSITE_OBJECT && !has_only_operators(operand)))
    {
        return refuse(c, "takes a number, or an object of operators for it");
    }

    node = begin(c, op);
    status = compile_expected(c, operand, false);
    end(c, node);

    return status;
}


static onsite_status_t
compile_not(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    uint32_t         node;
    onsite_status_t  status;

    node = begin(c, op);
    status = compile_expected(c, operand, false);
    end(c, node);

    return status;
}


static onsite_status_t
compile_element(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    bool             in_item = c->in_item;
    uint32_t         node;
    onsite_status_t  status;

    if (operand->type != ONSITE_OBJECT) {
        return refuse(c, "takes an object: operators or a condition for the "
                      "items");
    }

    node = begin(c, op);

    if (has_only_operators(operand)) {
        status = compile_expected(c, operand, false);

    } else {
        c->in_item = true;
        status = compile_condition(c, operand);
        c->in_item = in_item;
    }

    end(c, node);

    return status;
}


static const operator_t  operators[] = {
    { { 3, "$eq" }, compile_equal, ONSITE_OP_EQUAL, false },
    { { 3, "$ne" }, compile_equal, ONSITE_OP_EQUAL, true },
    { { 3, "$lt" }, compile_order, ONSITE_OP_LESS, false },
    { { 4, "$lte" }, compile_order, ONSITE_OP_LESS_EQUAL, false },
    { { 3, "$gt" }, compile_order, ONSITE_OP_GREATER, false },
    { { 4, "$gte" }, compile_order, ONSITE_OP_GREATER_EQUAL, false },
    { { 4, "$veq" }, compile_version, ONSITE_OP_VERSION_EQUAL, false },
    { { 4, "$vne" }, compile_version, ONSITE_OP_VERSION_EQUAL, true },
    { { 4, "$vlt" }, compile_version, ONSITE_OP_VERSION_LESS, false },
    { { 5, "$vlte" }, compile_version, ONSITE_OP_VERSION_LESS_EQUAL, false },
    { { 4, "$vgt" }, compile_version, ONSITE_OP_VERSION_GREATER, false },
    { { 5, "$vgte" }, compile_version, ONSITE_OP_VERSION_GREATER_EQUAL,
      false },
    { { 7, "$exists" }, compile_exists, ONSITE_OP_EXISTS, false },
    { { 3, "$in" }, compile_in, ONSITE_OP_IN, false },
    { { 4, "$nin" }, compile_in, ONSITE_OP_IN, true },
    { { 4, "$ini" }, compile_in, ONSITE_OP_IN_LOWER, false },
    { { 5, "$nini" }, compile_in, ONSITE_OP_IN_LOWER, true },
    { { 8, "$inGroup" }, compile_in_group, 0, false },
    { { 11, "$notInGroup" }, compile_not_in_group, 0, false },
    { { 4, "$all" }, compile_all, 0, false },
    { { 5, "$alli" }, compile_all_lower, 0, false },
    { { 5, "$size" }, compile_size, ONSITE_OP_SIZE, false },
    { { 10, "$elemMatch" }, compile_element, ONSITE_OP_ELEMENT, false },
    { { 6, "$regex" }, compile_case_regex, 0, false },
    { { 7, "$regexi" }, compile_caseless_regex, 0, false },
    { { 5, "$type" }, compile_type, ONSITE_OP_TYPE, false },
    { { 4, "$not" }, compile_not, ONSITE_OP_NOT, false },
};

#define N_OPERATORS  (sizeof(operators) / sizeof(operators[0]))


static const operator_t *
find_operator(onsite_str_t name)
{
    size_t  i;

    for (i = 0; i < N_OPERATORS; i++) {
        if (onsite_str_eq(operators[i].name, name)) {
            return &operators[i];
        }
    }

    return NULL;
}


/* How alike two names are: equal bytes from both ends. */

static size_t
likeness(onsite_str_t a, onsite_str_t b)
{
    size_t  shorter = a.len < b.len ? a.len : b.len, i, k;

    for (i = 0; i < shorter && (a.data[i] | 0x20) == (b.data[i] | 0x20); i++) {
        /* void */
    }

    for (k = 0; k < shorter - i && (a.data[a.len - 1 - k] | 0x20)
                                   == (b.data[b.len - 1 - k] | 0x20); k++)
    {
        /* void */
    }

    return i + k;
}


static onsite_status_t
refuse_unknown(compiler_t *c, onsite_str_t name)
{
    size_t             i;
    const operator_t  *best = &operators[0];

    if (onsite_str_eq(name, ONSITE_STR("$or"))
        || onsite_str_eq(name, ONSITE_STR("$and"))
        || onsite_str_eq(name, ONSITE_STR("$nor"))
        || onsite_str_eq(name, ONSITE_STR("$savedGroup")))
    {
        return refuse(c, "stands around attributes, not below one: write "
                      "{\"$or\": [{\"path\": ...}, ...]}");
    }

    for (i = 1; i < N_OPERATORS; i++) {
        if (likeness(name, operators[i].name) > likeness(name, best->name)) {
            best = &operators[i];
        }
    }

    return onsite_error(c->error, ONSITE_INVALID, "%.*s: unknown operator; "
                        "did you mean \"%.*s\"?", (int) c->path_len, c->path,
                        (int) best->name.len, best->name.data);
}


static onsite_status_t
compile_operator(compiler_t *c, onsite_str_t name,
    const onsite_value_t *operand)
{
    uint32_t           node;
    onsite_status_t    status;
    const operator_t  *operator = find_operator(name);

    if (operator == NULL) {
        return refuse_unknown(c, name);
    }

    if (!operator->negated) {
        return operator->compile(c, operator->op, operand);
    }

    node = begin(c, ONSITE_OP_NOT);
    status = operator->compile(c, operator->op, operand);
    end(c, node);

    return status;
}


static onsite_status_t
compile_operators(compiler_t *c, const onsite_value_t *object)
{
    size_t           before;
    uint32_t         i;
    onsite_status_t  status;

    for (i = 0; i < object->len; i++) {
        if (is_overridden(object, i)) {
            continue;
        }

        before = enter(c, object->as.members[i].key);
        status = compile_operator(c, object->as.members[i].key,
                                  &object->as.members[i].value);
        if (status != ONSITE_OK) {
            return status;
        }

        c->path_len = before;
    }

    return ONSITE_OK;
}


static onsite_status_t
compile_json(compiler_t *c, const onsite_value_t *expected)
{
    uint32_t               i;
    onsite_ref_t           ref;
    onsite_image_value_t   literal;

    for (i = 0; expected->type == ONSITE_OBJECT && i < expected->len; i++) {
        if (find_operator(expected->as.members[i].key) != NULL) {
            return refuse(c, "has operators and other keys side by side, so "
                          "it would be compared as a plain object; keep "
                          "only the operators");
        }
    }

    literal = onsite_builder_value(c->b, expected);
    ref = onsite_builder_alloc(c->b, sizeof(literal));

    if (!onsite_builder_failed(c->b)) {
        memcpy(onsite_builder_at(c->b, ref), &literal, sizeof(literal));
    }

    leaf(c, ONSITE_OP_JSON, expected->type)->as.ref = ref;

    return ONSITE_OK;
}


static void
lower_leaf(compiler_t *c, onsite_str_t expected)
{
    onsite_buf_t  text;

    onsite_buf_init(&text, 0);
    onsite_lower_append(&text, expected);
    text_leaf(c, ONSITE_OP_TEXT_LOWER, onsite_str(text.data, text.len));
    onsite_buf_free(&text);
}


static onsite_status_t
descend(compiler_t *c)
{
    if (++c->depth > ONSITE_CONDITION_DEPTH_MAX) {
        return onsite_error(c->error, ONSITE_LIMIT, "%.*s: nested more than "
                            "%d levels deep", (int) c->path_len, c->path,
                            ONSITE_CONDITION_DEPTH_MAX);
    }

    return ONSITE_OK;
}


/* What a value is expected to be: a literal, or an object of operators. */

static onsite_status_t
compile_expected(compiler_t *c, const onsite_value_t *expected, bool lower)
{
    onsite_status_t  status;

    switch (expected->type) {

    case ONSITE_STRING:
        if (lower) {
            lower_leaf(c, onsite_value_str(expected));
            return ONSITE_OK;
        }

        return scalar_leaf(c, ONSITE_OP_TEXT, expected);

    case ONSITE_NUMBER:
        return scalar_leaf(c, ONSITE_OP_NUMBER, expected);

    case ONSITE_BOOL:
        leaf(c, ONSITE_OP_TRUTH, ONSITE_BOOL)->as.truth
            = expected->as.boolean;
        return ONSITE_OK;

    case ONSITE_OBJECT:
        if (has_only_operators(expected)) {
            status = descend(c);

            if (status == ONSITE_OK) {
                status = compile_operators(c, expected);
                c->depth--;
            }

            return status;
        }

        return compile_json(c, expected);

    case ONSITE_ARRAY:
        return compile_json(c, expected);

    default:
        return scalar_leaf(c, ONSITE_OP_NULL, expected);
    }
}


/* $or, $nor: an empty list is true for GrowthBook's $or. */

static onsite_status_t
compile_list(compiler_t *c, uint16_t op, const onsite_value_t *list)
{
    size_t           before;
    uint32_t         i, node, item;
    onsite_status_t  status = ONSITE_OK;

    if (list->type != ONSITE_ARRAY) {
        return refuse(c, "takes an array of conditions");
    }

    node = begin(c, list->len == 0 ? ONSITE_OP_ALL : op);

    for (i = 0; i < list->len && status == ONSITE_OK; i++) {
        before = enter_item(c, i);
        item = begin(c, ONSITE_OP_ALL);
        status = compile_condition(c, &list->as.items[i]);
        end(c, item);
        c->path_len = status == ONSITE_OK ? before : c->path_len;
    }

    end(c, node);

    return status;
}


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

    node = begin(c, ONSITE_OP_PATH);
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
        return refuse(c, "unknown operator; around attributes there are "
                      "$and, $or, $nor, $not and $savedGroup");
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

static onsite_status_t
begin_path(compiler_t *c, onsite_str_t path, uint32_t *node)
{
    uint32_t        n, slot;
    onsite_str_t    room[ONSITE_PATH_KEYS_MAX + 1], *keys = room + 1;
    onsite_root_t   root;

    n = split_path(path, keys);

    if (n == 0) {
        return refuse(c, "more keys in a path than any attribute has");
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
        return refuse(c, "more keys in a path than any attribute has");
    }

    slot = onsite_builder_slot(c->b, root, keys, n,
                               root == ONSITE_ROOT_TIME ? c->options->zone
                                                        : 0);
    c->roots |= 1u << root;
    *node = begin(c, ONSITE_OP_SLOT);
    c->nodes[*node].as.slot = slot;

    return ONSITE_OK;
}


static onsite_status_t
compile_attribute(compiler_t *c, onsite_str_t path,
    const onsite_value_t *expected)
{
    uint32_t         node;
    onsite_status_t  status;

    if (find_operator(path) != NULL) {
        return refuse(c, "needs an attribute around it: write "
                      "{\"path\": {\"$operator\": ...}}");
    }

    status = begin_path(c, path, &node);

    if (status == ONSITE_OK) {
        status = compile_expected(c, expected, false);
        end(c, node);
    }

    return status;
}


static onsite_status_t
compile_group_list(compiler_t *c, const onsite_value_t *override,
    const onsite_value_t *entry)
{
    uint32_t               node;
    onsite_status_t        status;
    const onsite_value_t  *key, *values;

    key = override != NULL ? override
          : onsite_value_get(entry, ONSITE_STR("attributeKey"));
    values = onsite_value_get(entry, ONSITE_STR("values"));

    if (key == NULL || key->type != ONSITE_STRING || values == NULL
        || values->type != ONSITE_ARRAY)
    {
        (void) leaf(c, ONSITE_OP_NEVER, ONSITE_ABSENT);
        return ONSITE_OK;
    }

    status = begin_path(c, onsite_value_str(key), &node);

    if (status == ONSITE_OK) {
        list_leaf(c, ONSITE_OP_IN, values);
        end(c, node);
    }

    return status;
}


static onsite_status_t
compile_group_condition(compiler_t *c, onsite_str_t id,
    const onsite_value_t *entry)
{
    visited_t              visited = { c->visited, id };
    onsite_status_t        status;
    const onsite_value_t  *condition;

    condition = onsite_value_get(entry, ONSITE_STR("condition"));

    if (condition == NULL || condition->type != ONSITE_OBJECT) {
        (void) leaf(c, ONSITE_OP_NEVER, ONSITE_ABSENT);
        return ONSITE_OK;
    }

    c->visited = &visited;
    status = compile_condition(c, condition);
    c->visited = visited.outer;

    return status;
}


static bool
is_visited(const compiler_t *c, onsite_str_t id)
{
    const visited_t  *v;

    for (v = c->visited; v != NULL; v = v->outer) {
        if (onsite_str_eq(v->id, id)) {
            return true;
        }
    }

    return false;
}


/* A group that is not there, or in a cycle, matches nobody. */

static onsite_status_t
compile_saved_group(compiler_t *c, const onsite_value_t *reference)
{
    onsite_str_t           type;
    const onsite_value_t  *id, *key, *entry;

    id = onsite_value_get(reference, ONSITE_STR("id"));
    key = onsite_value_get(reference, ONSITE_STR("attributeKey"));

    if (id == NULL || id->type != ONSITE_STRING
        || (key != NULL && key->type != ONSITE_STRING))
    {
        return refuse(c, "takes {\"id\": \"...\"}, and \"attributeKey\" as a "
                      "string where the group's own is not meant");
    }

    entry = onsite_value_get(c->options->saved_groups, onsite_value_str(id));
    type = onsite_value_get_str(entry, ONSITE_STR("type"));

    if (!is_visited(c, onsite_value_str(id))) {
        if (onsite_str_eq(type, ONSITE_STR("list"))) {
            return compile_group_list(c, key, entry);
        }

        if (onsite_str_eq(type, ONSITE_STR("condition"))) {
            return compile_group_condition(c, onsite_value_str(id), entry);
        }
    }

    (void) leaf(c, ONSITE_OP_NEVER, ONSITE_ABSENT);

    return ONSITE_OK;
}


static onsite_status_t
compile_negated(compiler_t *c, const onsite_value_t *operand, bool list)
{
    uint32_t         node;
    onsite_status_t  status;

    node = begin(c, ONSITE_OP_NOT);
    status = list ? compile_list(c, ONSITE_OP_ANY, operand)
                  : compile_condition(c, operand);
    end(c, node);

    return status;
}


static onsite_status_t
compile_member(compiler_t *c, onsite_str_t key, const onsite_value_t *value)
{
    if (onsite_str_eq(key, ONSITE_STR("$or"))) {
        return compile_list(c, ONSITE_OP_ANY, value);
    }

    if (onsite_str_eq(key, ONSITE_STR("$and"))) {
        return compile_list(c, ONSITE_OP_ALL, value);
    }

    if (onsite_str_eq(key, ONSITE_STR("$nor"))) {
        return compile_negated(c, value, true);
    }

    if (onsite_str_eq(key, ONSITE_STR("$not"))) {
        return compile_negated(c, value, false);
    }

    if (onsite_str_eq(key, ONSITE_STR("$savedGroup"))) {
        return compile_saved_group(c, value);
    }

    return compile_attribute(c, key, value);
}


static onsite_status_t
compile_members(compiler_t *c, const onsite_value_t *condition)
{
    size_t           before;
    uint32_t         i;
    onsite_status_t  status;

    for (i = 0; i < condition->len; i++) {
        if (is_overridden(condition, i)) {
            continue;
        }

        before = enter(c, condition->as.members[i].key);
        status = compile_member(c, condition->as.members[i].key,
                                &condition->as.members[i].value);
        if (status != ONSITE_OK) {
            return status;
        }

        c->path_len = before;
    }

    return ONSITE_OK;
}


static onsite_status_t
compile_condition(compiler_t *c, const onsite_value_t *condition)
{
    onsite_status_t  status;

    if (condition->type != ONSITE_OBJECT) {
        return refuse(c, "takes an object: a condition such as "
                      "{\"path\": \"value\"}");
    }

    status = descend(c);

    if (status == ONSITE_OK) {
        status = compile_members(c, condition);
        c->depth--;
    }

    return status;
}


static onsite_status_t
write_program(compiler_t *c, onsite_ref_t *program)
{
    onsite_program_t  *p;

    *program = onsite_builder_alloc(c->b, sizeof(onsite_program_t)
                                    + c->n * sizeof(onsite_node_t));

    if (onsite_builder_failed(c->b)) {
        return onsite_error(c->error, ONSITE_NO_MEMORY, "out of memory");
    }

    p = onsite_builder_at(c->b, *program);
    p->n_nodes = c->n;
    memcpy(p->nodes, c->nodes, c->n * sizeof(onsite_node_t));

    return ONSITE_OK;
}


onsite_status_t
onsite_condition_compile(onsite_builder_t *b, const onsite_value_t *condition,
    const onsite_condition_options_t *options, onsite_ref_t *program,
    uint32_t *roots, onsite_error_t *error)
{
    uint32_t         top;
    compiler_t       c = { .b = b, .options = options, .error = error,
                           .capacity = 32 };
    onsite_status_t  status;

    *program = 0;

    c.nodes = malloc(c.capacity * sizeof(onsite_node_t));
    if (c.nodes == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    (void) enter(&c, options->path != NULL
                     ? onsite_str(options->path, strlen(options->path))
                     : ONSITE_STR("condition"));

    top = begin(&c, ONSITE_OP_ALL);
    status = compile_condition(&c, condition);
    end(&c, top);

    if (status == ONSITE_OK) {
        status = write_program(&c, program);
    }

    *roots |= c.roots;
    free(c.nodes);

    return status;
}
