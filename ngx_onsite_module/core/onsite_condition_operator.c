/*
 * onsite_condition_operator.c - what a value is expected to be: a literal, or
 * operators and their operands.
 */

#include "onsite_coerce.h"
#include "onsite_condition_compile.h"

typedef onsite_status_t (*operand_pt)(compiler_t *c, uint16_t op,
    const onsite_value_t *operand);

typedef struct {
    onsite_str_t  name;
    operand_pt    compile;
    uint16_t      op;
    bool          negated;
} operator_t;

static onsite_status_t compile_operators(compiler_t *c,
    const onsite_value_t *object);


static onsite_status_t
compile_equal(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    if (!condition_is_scalar(operand)) {
        return condition_refuse(c, "an array or object never equals with ===; "
                                "write it without the operator to compare it "
                                "as JSON");
    }

    return condition_scalar_leaf(c, op, operand);
}


/* Operands that are no strings compare as numbers: null is 0, true 1. */

static onsite_status_t
compile_order(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    onsite_value_t  number;

    if (!condition_is_scalar(operand)) {
        return condition_refuse(c, "takes a number or a string");
    }

    if (operand->type == ONSITE_STRING) {
        return condition_scalar_leaf(c, op, operand);
    }

    number = onsite_value_number(onsite_to_number(operand));

    return condition_scalar_leaf(c, op, &number);
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
        return condition_refuse(c, "takes a version as a string, such as "
                                "\"1.2.3\"");
    }

    onsite_buf_init(&padded, 0);
    (void) onsite_version_walk(operand, append_piece, &padded);
    condition_text_leaf(c, op, onsite_str(padded.data, padded.len));
    onsite_buf_free(&padded);

    return ONSITE_OK;
}


static onsite_status_t
compile_exists(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    uint32_t  node;

    if (operand->type != ONSITE_BOOL && operand->type != ONSITE_NUMBER) {
        return condition_refuse(c, "takes true or false");
    }

    if (onsite_is_true(operand)) {
        (void) condition_leaf(c, op, ONSITE_ABSENT);

    } else {
        node = condition_begin(c, ONSITE_OP_NOT);
        (void) condition_leaf(c, op, ONSITE_ABSENT);
        condition_end(c, node);
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
            (void) condition_leaf(c, op, types[i].type);
            return ONSITE_OK;
        }
    }

    /* getPath gives null, so nothing is ever undefined */

    if (operand->type == ONSITE_STRING
        && onsite_str_eq(onsite_value_str(operand), ONSITE_STR("undefined")))
    {
        (void) condition_leaf(c, ONSITE_OP_NEVER, ONSITE_ABSENT);
        return ONSITE_OK;
    }

    return condition_refuse(c, "takes one of \"string\", \"number\", "
                            "\"boolean\", \"array\", \"object\", \"null\"");
}


static onsite_status_t
compile_regex(compiler_t *c, const onsite_value_t *operand, bool caseless)
{
    uint32_t         regex;
    onsite_buf_t     translated;
    onsite_error_t   reason;
    onsite_status_t  status;

    if (operand->type != ONSITE_STRING) {
        return condition_refuse(c, "takes a regular expression as a string");
    }

    onsite_buf_init(&translated, 0);
    status = onsite_regex_translate(onsite_value_str(operand), caseless,
                                    &translated, &reason);

    if (status == ONSITE_OK) {
        regex = onsite_builder_regex(c->b, onsite_str(translated.data,
                                                      translated.len),
                                     caseless);
        condition_leaf(c, ONSITE_OP_REGEX, ONSITE_ABSENT)->as.regex = regex;

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


static onsite_status_t
compile_in(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    uint32_t  i;

    if (operand->type != ONSITE_ARRAY) {
        return condition_refuse(c, "takes an array of values");
    }

    for (i = 0; i < operand->len; i++) {
        if (!condition_is_scalar(&operand->as.items[i])) {
            return condition_refuse(c, "takes an array of strings, numbers, "
                                    "booleans or null; no value is identical "
                                    "to an array or object in it");
        }
    }

    condition_list_leaf(c, op, operand);

    return ONSITE_OK;
}


/* $all and $alli: each expected one is met by some item. */

static onsite_status_t
compile_every(compiler_t *c, const onsite_value_t *operand, bool lower)
{
    size_t           before;
    uint32_t         i, node, item;
    onsite_status_t  status = ONSITE_OK;

    if (operand->type != ONSITE_ARRAY) {
        return condition_refuse(c, "takes an array");
    }

    node = condition_begin(c, ONSITE_OP_EVERY);

    for (i = 0; i < operand->len && status == ONSITE_OK; i++) {
        before = condition_enter_item(c, i);
        item = condition_begin(c, ONSITE_OP_ALL);
        status = condition_expected(c, &operand->as.items[i], lower);
        condition_end(c, item);
        c->path_len = status == ONSITE_OK ? before : c->path_len;
    }

    condition_end(c, node);

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
        return condition_refuse(c, "takes a number, or an object of operators "
                                "for it");
    }

    node = condition_begin(c, op);
    status = condition_expected(c, operand, false);
    condition_end(c, node);

    return status;
}


static onsite_status_t
compile_not(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    uint32_t         node;
    onsite_status_t  status;

    node = condition_begin(c, op);
    status = condition_expected(c, operand, false);
    condition_end(c, node);

    return status;
}


static onsite_status_t
compile_element(compiler_t *c, uint16_t op, const onsite_value_t *operand)
{
    bool             in_item = c->in_item;
    uint32_t         node;
    onsite_status_t  status;

    if (operand->type != ONSITE_OBJECT) {
        return condition_refuse(c, "takes an object: operators or a condition "
                                "for the items");
    }

    node = condition_begin(c, op);

    if (has_only_operators(operand)) {
        status = condition_expected(c, operand, false);

    } else {
        c->in_item = true;
        status = condition_nested(c, operand);
        c->in_item = in_item;
    }

    condition_end(c, node);

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
    { { 8, "$inGroup" }, condition_in_group, 0, false },
    { { 11, "$notInGroup" }, condition_not_in_group, 0, false },
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


bool
condition_is_operator(onsite_str_t name)
{
    return find_operator(name) != NULL;
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
        return condition_refuse(c, "stands around attributes, not below one: "
                                "write {\"$or\": [{\"path\": ...}, ...]}");
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

    node = condition_begin(c, ONSITE_OP_NOT);
    status = operator->compile(c, operator->op, operand);
    condition_end(c, node);

    return status;
}


static onsite_status_t
compile_operators(compiler_t *c, const onsite_value_t *object)
{
    size_t           before;
    uint32_t         i;
    onsite_status_t  status;

    for (i = 0; i < object->len; i++) {
        if (condition_is_overridden(object, i)) {
            continue;
        }

        before = condition_enter(c, object->as.members[i].key);
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
        if (condition_is_operator(expected->as.members[i].key)) {
            return condition_refuse(c, "has operators and other keys side by "
                                    "side, so it would be compared as a plain "
                                    "object; keep only the operators");
        }
    }

    literal = onsite_builder_value(c->b, expected);
    ref = onsite_builder_alloc(c->b, sizeof(literal));

    if (!onsite_builder_failed(c->b)) {
        memcpy(onsite_builder_at(c->b, ref), &literal, sizeof(literal));
    }

    condition_leaf(c, ONSITE_OP_JSON, expected->type)->as.ref = ref;

    return ONSITE_OK;
}


/* What a value is expected to be: a literal, or an object of operators. */

onsite_status_t
condition_expected(compiler_t *c, const onsite_value_t *expected, bool lower)
{
    onsite_status_t  status;

    switch (expected->type) {

    case ONSITE_STRING:
        if (lower) {
            condition_lower_leaf(c, onsite_value_str(expected));
            return ONSITE_OK;
        }

        return condition_scalar_leaf(c, ONSITE_OP_TEXT, expected);

    case ONSITE_NUMBER:
        return condition_scalar_leaf(c, ONSITE_OP_NUMBER, expected);

    case ONSITE_BOOL:
        condition_leaf(c, ONSITE_OP_TRUTH, ONSITE_BOOL)->as.truth
            = expected->as.boolean;
        return ONSITE_OK;

    case ONSITE_OBJECT:
        if (has_only_operators(expected)) {
            status = condition_descend(c);

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
        return condition_scalar_leaf(c, ONSITE_OP_NULL, expected);
    }
}
