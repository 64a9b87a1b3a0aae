/*
 * onsite_condition_lint.c - conditions that can never hold.
 *
 * Looks at what must hold together (the top level and all that is $and-ed)
 * and reports only what is certain under GrowthBook's loose equality.
 */

#include "onsite_machine_compile.h"

#include <math.h>

#define FACTS_MAX  32

/* What is demanded of one attribute so far. */
typedef struct {
    onsite_str_t           path;
    const onsite_value_t  *equal;       /* NULL: nothing                   */
    const onsite_value_t  *in;
    double                 low;
    double                 high;
    bool                   low_open;    /* the bound itself is excluded    */
    bool                   high_open;
    bool                   told;        /* one warning is enough           */
} fact_t;

typedef struct {
    onsite_draft_reader_t  *r;
    onsite_definition_t    *d;
    onsite_scope_t          scope;
    size_t                  n;
    fact_t                  facts[FACTS_MAX];
} facts_t;

/* Attributes that have one of few values. */
typedef struct {
    onsite_str_t        path;
    const char         *text;
    const char *const  *values;
} choice_t;

static const char *const  statuses[] = {
    "new", "returning", "known", "customer", NULL
};
static const char *const  devices[] = {
    "desktop", "mobile", "tablet", "bot", NULL
};
static const char *const  weekdays[] = {
    "mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL
};

#define NAME(literal)  { sizeof(literal) - 1, literal }

static const choice_t  choices[] = {
    { NAME("visitor.status"), "new, returning, known or customer", statuses },
    { NAME("request.device"), "desktop, mobile, tablet or bot", devices },
    { NAME("time.weekday"), "mon, tue, wed, thu, fri, sat or sun", weekdays }
};


static bool
among(const onsite_value_t *value, const char *const *names)
{
    for (/* void */; *names != NULL; names++) {
        if (value->type == ONSITE_STRING && value->len == strlen(*names)
            && memcmp(value->as.string, *names, value->len) == 0)
        {
            return true;
        }
    }

    return false;
}


static void
check_choice(facts_t *f, onsite_str_t path, const onsite_value_t *value)
{
    size_t  i;

    for (i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {

        if (onsite_str_eq(path, choices[i].path)
            && value->type == ONSITE_STRING
            && !among(value, choices[i].values))
        {
            onsite_definition_warn(f->d, NULL, "is never \"%.*s\": it is one"
                                   " of %s", (int) value->len,
                                   value->as.string, choices[i].text);
        }
    }
}


/* A misspelt state is one where nobody ever is. */

static void
check_journey(facts_t *f, onsite_str_t path, const onsite_value_t *value)
{
    onsite_str_t                   id, meant, root = ONSITE_STR("journey.");
    const onsite_draft_journey_t  *journey;

    if (value->type != ONSITE_STRING || path.len <= root.len
        || memcmp(path.data, root.data, root.len) != 0)
    {
        return;
    }

    id = onsite_str(path.data + root.len, path.len - root.len);
    journey = onsite_journey_find(f->r->c, id);

    if (journey == NULL || journey->n == 0
        || onsite_draft_state(journey, onsite_value_str(value))
           != ONSITE_NO_STATE)
    {
        return;
    }

    meant = onsite_definition_nearest_of(onsite_value_str(value),
                                         journey->names, journey->n);
    onsite_definition_warn(f->d, NULL, "is never \"%.*s\": the journey has"
                           " no such state%s%.*s%s", (int) value->len,
                           value->as.string,
                           meant.len != 0 ? "; did you mean \"" : "",
                           (int) meant.len, meant.data,
                           meant.len != 0 ? "\"?" : "");
}


static void
check_flag(facts_t *f, onsite_str_t path, const onsite_value_t *value)
{
    if (onsite_str_eq(path, ONSITE_STR("visitor.verified"))
        && value->type == ONSITE_STRING)
    {
        onsite_definition_warn(f->d, NULL, "is true or false, and never a"
                               " text: write true without quotes");
    }
}


static void
check_value(facts_t *f, onsite_str_t path, const onsite_value_t *value)
{
    check_choice(f, path, value);
    check_journey(f, path, value);
    check_flag(f, path, value);
}


/* An array equals a text only when it has no other item. */

static void
check_list_value(facts_t *f, onsite_str_t path, onsite_str_t op,
    const onsite_value_t *value)
{
    if (onsite_str_eq(path, ONSITE_STR("segments"))
        && onsite_str_eq(op, ONSITE_STR("$eq"))
        && value->type == ONSITE_STRING)
    {
        onsite_definition_warn(f->d, NULL, "is a list, which equals \"%.*s\""
                               " only if there is no other: ask for"
                               " {\"$in\": [\"%.*s\"]}", (int) value->len,
                               value->as.string, (int) value->len,
                               value->as.string);
    }
}


static fact_t *
fact_of(facts_t *f, onsite_str_t path)
{
    size_t  i;

    for (i = 0; i < f->n; i++) {
        if (onsite_str_eq(f->facts[i].path, path)) {
            return &f->facts[i];
        }
    }

    if (f->n == FACTS_MAX) {
        return NULL;
    }

    f->facts[f->n] = (fact_t) { .path = path, .low = -INFINITY,
                                .high = INFINITY };

    return &f->facts[f->n++];
}


/* Of one type and different: no value equals both. */

static bool
differ(const onsite_value_t *a, const onsite_value_t *b)
{
    if (a->type != b->type) {
        return false;
    }

    switch (a->type) {

    case ONSITE_STRING:
        return !onsite_str_eq(onsite_value_str(a), onsite_value_str(b));

    case ONSITE_NUMBER:
        return a->as.number != b->as.number;

    case ONSITE_BOOL:
        return a->as.boolean != b->as.boolean;

    default:
        return false;
    }
}


static bool
none_equal(const onsite_value_t *value, const onsite_value_t *list)
{
    uint32_t  i;

    for (i = 0; i < list->len; i++) {
        if (!differ(value, &list->as.items[i])) {
            return false;
        }
    }

    return true;
}


static bool
out_of_range(const fact_t *fact)
{
    double  n;

    if (fact->low > fact->high
        || (fact->low == fact->high && (fact->low_open || fact->high_open)))
    {
        return true;
    }

    if (fact->equal == NULL || fact->equal->type != ONSITE_NUMBER) {
        return false;
    }

    n = fact->equal->as.number;

    return n < fact->low || n > fact->high || (n == fact->low && fact->low_open)
           || (n == fact->high && fact->high_open);
}


static void
judge(facts_t *f, fact_t *fact)
{
    const char  *why = NULL;

    if (fact->in != NULL && fact->equal != NULL
        && none_equal(fact->equal, fact->in))
    {
        why = "what it must equal is not in the list it must be in";

    } else if (out_of_range(fact)) {
        why = "no number is in the range it must be in";
    }

    if (why != NULL && !fact->told) {
        fact->told = true;
        onsite_definition_warn(f->d, NULL, "contradicts itself, so the"
                               " campaign can never fire: %s", why);
    }
}


static void
demand_equal(facts_t *f, fact_t *fact, const onsite_value_t *value)
{
    if (fact->equal != NULL && differ(fact->equal, value)) {

        if (!fact->told) {
            fact->told = true;
            onsite_definition_warn(f->d, NULL, "contradicts itself, so the"
                                   " campaign can never fire: it must equal"
                                   " two things at once; use \"$in\" for"
                                   " either");
        }

        return;
    }

    fact->equal = value;
    judge(f, fact);
}


static void
demand_in(facts_t *f, fact_t *fact, const onsite_value_t *list)
{
    if (list->type == ONSITE_ARRAY && list->len == 0) {
        fact->told = true;
        onsite_definition_warn(f->d, NULL, "nothing is in an empty \"$in\","
                               " so the campaign can never fire");
        return;
    }

    /* an array is in two lists that have nothing in common when it has an
     * element of each: only one list can be judged */

    if (list->type == ONSITE_ARRAY && fact->in == NULL) {
        fact->in = list;
        judge(f, fact);
    }
}


static void
demand_bound(facts_t *f, fact_t *fact, char side, bool open, double bound)
{
    if (side == 'l') {
        if (bound < fact->high || (bound == fact->high && open)) {
            fact->high = bound;
            fact->high_open = open;
        }

    } else if (bound > fact->low || (bound == fact->low && open)) {
        fact->low = bound;
        fact->low_open = open;
    }

    judge(f, fact);
}


static bool
is_op(onsite_str_t key, const char *op)
{
    return onsite_str_is(key, op);
}


static void
demand(facts_t *f, fact_t *fact, onsite_str_t op, const onsite_value_t *value)
{
    if (is_op(op, "$eq")) {
        demand_equal(f, fact, value);

    } else if (is_op(op, "$in")) {
        demand_in(f, fact, value);

    } else if (value->type == ONSITE_NUMBER
               && (is_op(op, "$lt") || is_op(op, "$lte")
                   || is_op(op, "$gt") || is_op(op, "$gte")))
    {
        demand_bound(f, fact, op.data[1], op.len == 3, value->as.number);
    }
}


static void
check_values(facts_t *f, onsite_str_t path, onsite_str_t op,
    const onsite_value_t *value)
{
    uint32_t  i;

    check_list_value(f, path, op, value);

    if (is_op(op, "$eq") || is_op(op, "$ne")) {
        check_value(f, path, value);

    } else if ((is_op(op, "$in") || is_op(op, "$nin"))
               && value->type == ONSITE_ARRAY)
    {
        for (i = 0; i < value->len; i++) {
            check_value(f, path, &value->as.items[i]);
        }
    }
}


/* An object that has operators; any other value is a literal. */

static bool
is_operators(const onsite_value_t *value)
{
    return value->type == ONSITE_OBJECT && value->len != 0
           && value->as.members[0].key.len != 0
           && value->as.members[0].key.data[0] == '$';
}


/* together: it must hold for the whole to hold. */

static void
check_attribute(facts_t *f, onsite_str_t path, const onsite_value_t *value,
    bool together)
{
    fact_t                 *fact;
    uint32_t                i;
    const onsite_member_t  *member;

    onsite_attribute_lint(f->r, path, f->scope);

    fact = together ? fact_of(f, path) : NULL;

    if (!is_operators(value)) {
        check_values(f, path, ONSITE_STR("$eq"), value);

        if (fact != NULL) {
            demand_equal(f, fact, value);
        }

        return;
    }

    for (i = 0; i < value->len; i++) {
        member = &value->as.members[i];
        check_values(f, path, member->key, &member->value);

        if (fact != NULL) {
            demand(f, fact, member->key, &member->value);
        }
    }
}


static void check_condition(facts_t *f, const onsite_value_t *condition,
    bool together);


static void
check_list(facts_t *f, const onsite_value_t *list, bool together)
{
    size_t    len;
    uint32_t  i;

    for (i = 0; list->type == ONSITE_ARRAY && i < list->len; i++) {
        len = onsite_definition_enter_item(f->d, i);
        check_condition(f, &list->as.items[i], together);
        onsite_definition_leave(f->d, len);
    }
}


static void
check_condition(facts_t *f, const onsite_value_t *condition, bool together)
{
    size_t                  len;
    uint32_t                i;
    const onsite_member_t  *member;

    if (condition->type != ONSITE_OBJECT) {
        return;
    }

    for (i = 0; i < condition->len; i++) {
        member = &condition->as.members[i];
        len = onsite_definition_enter(f->d, member->key);

        if (is_op(member->key, "$and")) {
            check_list(f, &member->value, together);

        } else if (is_op(member->key, "$or") || is_op(member->key, "$nor")) {
            check_list(f, &member->value, false);

        } else if (is_op(member->key, "$not")) {
            check_condition(f, &member->value, false);

        } else if (member->key.len == 0 || member->key.data[0] != '$') {
            check_attribute(f, member->key, &member->value, together);
        }

        onsite_definition_leave(f->d, len);
    }
}


void
onsite_condition_lint(onsite_draft_reader_t *r,
    const onsite_value_t *condition, onsite_scope_t scope)
{
    facts_t  facts;

    facts.r = r;
    facts.d = r->d;
    facts.scope = scope;
    facts.n = 0;

    check_condition(&facts, condition, true);
}
