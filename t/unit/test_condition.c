/*
 * test_condition.c - conditions: GrowthBook's own cases, JavaScript's
 * corners, what is refused, limits, equalities, damaged programs.
 */

#include "unit.h"
#include "onsite_coerce.h"
#include "onsite_condition.h"
#include "onsite_json.h"

typedef struct {
    onsite_json_t     *json;
    onsite_arena_t    *arena;
    onsite_builder_t  *builder;
    onsite_image_t     image;
    onsite_regexes_t  *regexes;
    onsite_memo_t     *memo;
    onsite_ref_t       program;
    uint32_t           roots;
    onsite_error_t     error;
} fixture_t;


static void
fixture_start(fixture_t *f)
{
    memset(f, 0, sizeof(*f));
    f->json = onsite_json_create();
    f->arena = onsite_arena_create(1 << 16, 1 << 26);
    f->builder = onsite_builder_create();
    assert_non_null(f->builder);
}


static void
fixture_end(fixture_t *f)
{
    onsite_regexes_destroy(f->regexes);
    onsite_builder_destroy(f->builder);
    onsite_arena_destroy(f->arena);
    onsite_json_destroy(f->json);
    free(f->memo);
}


static onsite_value_t
parse(fixture_t *f, const char *text)
{
    onsite_value_t  value;

    if (onsite_json_parse(f->json, f->arena, onsite_str(text, strlen(text)),
                          &value, &f->error) != ONSITE_OK)
    {
        fail_msg("%s: %s", text, f->error.text);
    }

    return value;
}


static onsite_status_t
compile(fixture_t *f, const onsite_value_t *condition,
    const onsite_value_t *groups, onsite_scope_t scope)
{
    onsite_condition_options_t  options = { .scope = scope,
                                            .saved_groups = groups,
                                            .path = "audience" };

    return onsite_condition_compile(f->builder, condition, &options,
                                    &f->program, &f->roots, &f->error);
}


static void
finish(fixture_t *f)
{
    assert_int_equal(onsite_builder_finish(f->builder, ONSITE_STR("test"), 0,
                                           &f->image, &f->error), ONSITE_OK);
    assert_int_equal(onsite_image_verify_tables(&f->image, &f->error),
                     ONSITE_OK);
    assert_int_equal(onsite_condition_verify(&f->image, f->program,
                                             &f->error), ONSITE_OK);

    f->regexes = onsite_regexes_create(&f->image);
    f->memo = calloc(onsite_image_header(&f->image)->n_slots + 1,
                     sizeof(onsite_memo_t));
}


static onsite_truth_t
eval(fixture_t *f, const onsite_value_t *attributes)
{
    onsite_context_t  context = { .image = &f->image, .arena = f->arena,
                                  .regexes = f->regexes, .memo = f->memo,
                                  .root = attributes };

    context.stamp = ++f->memo[onsite_image_header(&f->image)->n_slots].stamp;

    return onsite_condition_eval(&context, f->program);
}


static onsite_truth_t
truth_of(const char *condition, const char *attributes, const char *groups)
{
    fixture_t       f;
    onsite_value_t  c, a, g;
    onsite_truth_t  truth;

    fixture_start(&f);
    c = parse(&f, condition);
    a = parse(&f, attributes);
    g = parse(&f, groups);

    if (compile(&f, &c, &g, ONSITE_SCOPE_PLAIN) != ONSITE_OK) {
        fail_msg("%s: %s", condition, f.error.text);
    }

    finish(&f);
    truth = eval(&f, &a);
    fixture_end(&f);

    return truth;
}


static void
expect(onsite_truth_t expected, const char *condition,
    const char *attributes)
{
    if (truth_of(condition, attributes, "{}") != expected) {
        fail_msg("%s over %s is not %d", condition, attributes, expected);
    }
}


#define yes(condition, attributes)  expect(ONSITE_TRUE, condition, attributes)
#define no(condition, attributes)   expect(ONSITE_FALSE, condition, attributes)
#define open(condition, attributes)                                           \
    expect(ONSITE_INCONCLUSIVE, condition, attributes)


static void
refused(const char *condition, const char *path, const char *remedy)
{
    fixture_t       f;
    onsite_value_t  c;

    fixture_start(&f);
    c = parse(&f, condition);

    if (compile(&f, &c, NULL, ONSITE_SCOPE_PLAIN) != ONSITE_INVALID
        || strncmp(f.error.text, path, strlen(path)) != 0
        || f.error.text[strlen(path)] != ':'
        || strstr(f.error.text, remedy) == NULL)
    {
        fail_msg("%s: %s", condition, f.error.text);
    }

    fixture_end(&f);
}


/* GrowthBook's published cases; where one lets an unknown operator or a bad
 * operand be false, being refused is the answer. */

static void
check_case(const onsite_value_t *one)
{
    bool                   passed;
    fixture_t              f;
    const onsite_value_t  *item = one->as.items, *groups;

    fixture_start(&f);
    groups = one->len > 4 ? &item[4] : NULL;

    if (compile(&f, &item[1], groups, ONSITE_SCOPE_PLAIN) == ONSITE_OK) {
        finish(&f);
        passed = eval(&f, &item[2]) == (item[3].as.boolean ? ONSITE_TRUE
                                                           : ONSITE_FALSE);
    } else {
        passed = !item[3].as.boolean;
    }

    if (!passed) {
        fail_msg("%.*s", (int) item[0].len, item[0].as.string);
    }

    fixture_end(&f);
}


static void
published_cases(void **state)
{
    char                  *text;
    size_t                 len;
    uint32_t               i;
    fixture_t              f;
    onsite_value_t         file;
    const onsite_value_t  *cases;

    (void) state;

    text = read_data_file("targeting/growthbook_evalCondition_half.json",
                          &len);
    if (text == NULL) {
        skip();
    }

    fixture_start(&f);
    file = parse(&f, text);
    cases = onsite_value_get(&file, ONSITE_STR("evalCondition"));
    assert_true(cases->len > 50);

    for (i = 0; i < cases->len; i++) {
        check_case(&cases->as.items[i]);
    }

    fixture_end(&f);
    free(text);
}


static void
loose_equality(void **state)
{
    (void) state;

    yes("{\"a\":\"1\"}", "{\"a\":1}");
    yes("{\"a\":\"null\"}", "{}");
    yes("{\"a\":\"1,2\"}", "{\"a\":[1,2]}");
    yes("{\"a\":\"1,,x\"}", "{\"a\":[1,null,[[\"x\"]]]}");
    no("{\"a\":\"1,\"}", "{\"a\":[1]}");
    yes("{\"a\":\"[object Object]\"}", "{\"a\":{\"b\":1}}");
    yes("{\"a\":0}", "{}");
    yes("{\"a\":0}", "{\"a\":\" \\n\"}");
    yes("{\"a\":0}", "{\"a\":[]}");
    yes("{\"a\":1}", "{\"a\":true}");
    no("{\"a\":1}", "{\"a\":[true]}");
    yes("{\"a\":16}", "{\"a\":\"0x10\"}");
    yes("{\"a\":16}", "{\"a\":[[\" 16.0\\u00a0\"]]}");
    no("{\"a\":16}", "{\"a\":\"-0x10\"}");
    yes("{\"a\":true}", "{\"a\":\"false\"}");
    no("{\"a\":false}", "{}");
    yes("{\"a\":false}", "{\"a\":\"\"}");
    yes("{\"a\":null}", "{\"b\":1}");
    yes("{\"a\":{\"2\":1,\"b\":2}}", "{\"a\":{\"b\":9,\"2\":1,\"b\":2}}");
    no("{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"c\":2,\"b\":1}}");
    no("{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1,\"c\":2}}");
    yes("{\"a.length\":2}", "{\"a\":[5,6]}");
    yes("{\"a.1\":6}", "{\"a\":[5,6]}");
    no("{\"a.01\":6}", "{\"a\":[5,6]}");
    no("{\"a.2\":{\"$exists\":true}}", "{\"a\":[5,6]}");
}


static void
order(void **state)
{
    (void) state;

    yes("{\"a\":{\"$lt\":\"b\"}}", "{\"a\":\"a\"}");
    yes("{\"a\":{\"$gt\":5}}", "{\"a\":\"10\"}");
    no("{\"a\":{\"$gt\":\"5\"}}", "{\"a\":\"10\"}");
    yes("{\"a\":{\"$gt\":\"5\"}}", "{\"a\":10}");
    yes("{\"a\":{\"$gt\":-1}}", "{}");
    no("{\"a\":{\"$lte\":1}}", "{\"a\":{}}");
    no("{\"a\":{\"$gt\":1}}", "{\"a\":{}}");
    yes("{\"a\":{\"$gte\":\"[object\"}}", "{\"a\":{}}");
    /* U+FFFD is behind U+1F600 in code units */
    yes("{\"a\":{\"$gt\":\"\xf0\x9f\x98\x80\"}}", "{\"a\":\"\xef\xbf\xbd\"}");
    yes("{\"a\":{\"$lt\":\"\xf0\x9f\x98\x81\"}}",
        "{\"a\":\"\xf0\x9f\x98\x80\"}");
}


static void
case_folding(void **state)
{
    (void) state;

    yes("{\"a\":{\"$ini\":[\"STRASSE\",\"\xc3\x89T\xc3\x89\"]}}",
        "{\"a\":\"\xc3\xa9t\xc3\xa9\"}");
    yes("{\"a\":{\"$ini\":[\"\xd0\x9c\xd0\x98\xd0\xa0\"]}}",
        "{\"a\":[\"x\",\"\xd0\xbc\xd0\xb8\xd1\x80\"]}");
    yes("{\"a\":{\"$ini\":[\"\xce\x9f\xce\xa3\"]}}",
        "{\"a\":\"\xce\xbf\xcf\x82\"}");
    yes("{\"a\":{\"$alli\":[\"A\",1]}}", "{\"a\":[\"a\",\"1\"]}");
    no("{\"a\":{\"$nini\":[\"A\"]}}", "{\"a\":\"a\"}");
    yes("{\"a\":{\"$ini\":[5,\"x\"]}}", "{\"a\":5}");
    no("{\"a\":{\"$ini\":[5,\"x\"]}}", "{\"a\":\"5\"}");
    yes("{\"a\":{\"$ini\":[\"i\xcc\x87\"]}}", "{\"a\":\"\xc4\xb0\"}");
}


static void
long_list(const char *operator, bool upper)
{
    int             i;
    char            attributes[64];
    fixture_t       f;
    onsite_buf_t    text;
    onsite_value_t  c, a;

    fixture_start(&f);
    onsite_buf_init(&text, 0);
    onsite_buf_printf(&text, "{\"a\":{\"%s\":[null", operator);
    for (i = 0; i < 5000; i++) {
        onsite_buf_printf(&text, ",\"%s%d\",%d", upper ? "SKU-" : "sku-", i,
                          i);
    }
    onsite_buf_printf(&text, "]}}");
    onsite_buf_char(&text, '\0');

    c = parse(&f, text.data);
    assert_int_equal(compile(&f, &c, NULL, ONSITE_SCOPE_PLAIN), ONSITE_OK);
    finish(&f);

    for (i = 0; i < 6000; i += 7) {
        (void) snprintf(attributes, sizeof(attributes),
                        "{\"a\":\"sku-%d\"}", i);
        a = parse(&f, attributes);
        assert_int_equal(eval(&f, &a),
                         i < 5000 ? ONSITE_TRUE : ONSITE_FALSE);

        (void) snprintf(attributes, sizeof(attributes),
                        "{\"a\":[false,%d]}", i);
        a = parse(&f, attributes);
        assert_int_equal(eval(&f, &a),
                         i < 5000 ? ONSITE_TRUE : ONSITE_FALSE);
    }

    a = parse(&f, "{}");
    assert_int_equal(eval(&f, &a), ONSITE_TRUE);

    onsite_buf_free(&text);
    fixture_end(&f);
}


static void
long_lists_are_tables(void **state)
{
    (void) state;

    long_list("$in", false);
    long_list("$ini", true);
}


static void
long_conditions(void **state)
{
    int           i;
    onsite_buf_t  text;

    (void) state;

    onsite_buf_init(&text, 0);
    onsite_buf_printf(&text, "{\"a\":1");
    for (i = 0; i < 500; i++) {
        onsite_buf_printf(&text, ",\"b%d\":{\"$nin\":[%d],\"$gt\":-1}", i,
                          i);
    }
    onsite_buf_printf(&text, "}");
    onsite_buf_char(&text, '\0');

    yes(text.data, "{\"a\":1}");
    no(text.data, "{\"a\":1,\"b499\":499}");
    no(text.data, "{\"a\":1,\"b77\":-1}");

    onsite_buf_free(&text);
}


static void
versions(void **state)
{
    (void) state;

    yes("{\"v\":{\"$vgt\":\"1.9.0\"}}", "{\"v\":\"v1.10.0+build.1\"}");
    yes("{\"v\":{\"$vlt\":\"1.0.0\"}}", "{\"v\":\"1.0.0-beta\"}");
    yes("{\"v\":{\"$veq\":\"1.2.3\"}}", "{\"v\":\"v1.2.3+x\"}");
    yes("{\"v\":{\"$vne\":\"1.2.3\"}}", "{\"v\":\"1.2\"}");
    yes("{\"v\":{\"$veq\":\"0\"}}", "{\"v\":[1]}");
    yes("{\"v\":{\"$vgte\":\"1.5\",\"$vlte\":2}}", "{\"v\":1.6}");
}


static void
saved_groups(void **state)
{
    const char  *groups = "{\"v1\":[1,2],\"bad\":{\"type\":\"x\"},"
        "\"list\":{\"type\":\"list\",\"attributeKey\":\"id\","
        "\"values\":[\"a\",\"b\"]},"
        "\"loop\":{\"type\":\"condition\",\"condition\":"
        "{\"$savedGroup\":{\"id\":\"loop\"}}},"
        "\"cond\":{\"type\":\"condition\",\"condition\":"
        "{\"$savedGroup\":{\"id\":\"list\"},\"x\":1}}}";

    (void) state;

#define in_group(c, a)                                                        \
    assert_int_equal(truth_of(c, a, groups), ONSITE_TRUE)
#define not_in_group(c, a)                                                    \
    assert_int_equal(truth_of(c, a, groups), ONSITE_FALSE)

    in_group("{\"n\":{\"$inGroup\":\"v1\"}}", "{\"n\":2}");
    in_group("{\"n\":{\"$notInGroup\":\"none\"}}", "{\"n\":2}");
    not_in_group("{\"n\":{\"$notInGroup\":\"bad\"}}", "{\"n\":2}");
    in_group("{\"$savedGroup\":{\"id\":\"list\"}}", "{\"id\":\"b\"}");
    in_group("{\"$savedGroup\":{\"id\":\"list\",\"attributeKey\":\"k\"}}",
             "{\"k\":\"b\"}");
    not_in_group("{\"$savedGroup\":{\"id\":\"v1\"}}", "{\"id\":1}");
    not_in_group("{\"$savedGroup\":{\"id\":\"loop\"}}", "{}");
    in_group("{\"$savedGroup\":{\"id\":\"cond\"}}",
             "{\"id\":\"a\",\"x\":\"1\"}");
    in_group("{\"u\":{\"$elemMatch\":{\"$savedGroup\":{\"id\":\"cond\"},"
             "\"y\":2}}}", "{\"u\":[{\"id\":\"a\",\"x\":1,\"y\":2}]}");
}


static void
regexes_are_javascript(void **state)
{
    (void) state;

    yes("{\"a\":{\"$regex\":\"^null$\"}}", "{}");
    yes("{\"a\":{\"$regex\":\"^1,2$\"}}", "{\"a\":[1,2]}");
    no("{\"a\":{\"$regex\":\"x$\"}}", "{\"a\":\"x\\n\"}");
    yes("{\"a\":{\"$regex\":\"^\\\\s$\"}}", "{\"a\":\"\\u00a0\"}");
    yes("{\"a\":{\"$regex\":\"^[\\\\S]$\"}}", "{\"a\":\"x\"}");
    no("{\"a\":{\"$regex\":\"^[\\\\S]$\"}}", "{\"a\":\"\\u2003\"}");
    no("{\"a\":{\"$regex\":\"^.$\"}}", "{\"a\":\"\\u2028\"}");
    yes("{\"a\":{\"$regex\":\"^\\\\u00e9\\\\x41[^]$\"}}",
        "{\"a\":\"\xc3\xa9" "A\\n\"}");
    no("{\"a\":{\"$regex\":\"[]\"}}", "{\"a\":\"[]\"}");
    yes("{\"a\":{\"$regex\":\"^\\\\A\\\\z\\\\p{2}$\"}}",
        "{\"a\":\"Azpp\"}");
    yes("{\"a\":{\"$regex\":\"^[[:alpha:]]$\"}}", "{\"a\":\":]\"}");
    yes("{\"a\":{\"$regex\":\"^[\\\\w-.]+$\"}}", "{\"a\":\"a-b.c\"}");
    yes("{\"a\":{\"$regex\":\"^(a)?\\\\1b$\"}}", "{\"a\":\"b\"}");
    yes("{\"a\":{\"$regex\":\"^\\\\1$\"}}", "{\"a\":\"\\u0001\"}");
    yes("{\"a\":{\"$regex\":\"^(?<q>['x]).\\\\k<q>$\"}}",
        "{\"a\":\"xyx\"}");
    yes("{\"a\":{\"$regex\":\"^{a}{2}$\"}}", "{\"a\":\"{a}}\"}");
    yes("{\"a\":{\"$regexi\":\"^/Landing/\\\\d+\"}}",
        "{\"a\":\"/lANDING/12\"}");
    yes("{\"a\":{\"$regex\":\"\"}}", "{\"a\":\"\"}");
}


static void
regex_limits_are_inconclusive(void **state)
{
    char            text[10000];
    const char     *slow = "{\"a\":{\"$regex\":\"^(a+)+$\"}}";
    const char     *as = "{\"a\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"}";

    (void) state;

    open(slow, as);
    open("{\"$not\":{\"a\":{\"$regex\":\"^(a+)+$\"}}}", as);
    open("{\"$or\":[{\"b\":1},{\"a\":{\"$regex\":\"^(a+)+$\"}}]}", as);
    yes("{\"$or\":[{\"a\":{\"$regex\":\"^(a+)+$\"}},{\"b\":null}]}", as);
    no("{\"$and\":[{\"a\":{\"$regex\":\"^(a+)+$\"}},{\"b\":1}]}", as);
    no("{\"$nor\":[{\"a\":{\"$regex\":\"^(a+)+$\"}},{\"b\":null}]}", as);

    /* only so much of a text is looked at */

    memset(text, 'x', sizeof(text));
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + sizeof(text) - 3, "\"}", 3);
    yes("{\"a\":{\"$regex\":\"^x\"}}", text);
    open("{\"a\":{\"$regex\":\"^x+$\"}}", text);
    open("{\"a\":{\"$regex\":\"y\"}}", text);
}


static void
refusals_say_where_and_what(void **state)
{
    (void) state;

    refused("{\"a\":{\"$regx\":\"x\"}}", "audience.a.$regx", "\"$regex\"");
    refused("{\"$and\":[{},{\"a.b\":{\"$in\":5}}]}",
            "audience.$and[1].a.b.$in", "array");
    refused("{\"a\":{\"$in\":[[1]]}}", "audience.a.$in", "identical");
    refused("{\"a\":{\"$eq\":[1]}}", "audience.a.$eq", "without the operator");
    refused("{\"a\":{\"$regex\":\"(\"}}", "audience.a.$regex",
            "parenthesis");
    refused("{\"a\":{\"$regex\":\"(?i)x\"}}", "audience.a.$regex",
            "no such group");
    refused("{\"a\":{\"$regex\":\"a++\"}}", "audience.a.$regex",
            "nothing to repeat at offset 2");
    refused("{\"a\":{\"$regex\":\"(*UTF)x\"}}", "audience.a.$regex",
            "nothing to repeat");
    refused("{\"a\":{\"$regex\":\"[z-a]\"}}", "audience.a.$regex",
            "out of order");
    refused("{\"a\":{\"$regex\":\"x\\\\\"}}", "audience.a.$regex",
            "backslash");
    refused("{\"a\":{\"$regex\":5}}", "audience.a.$regex", "string");
    refused("{\"a\":{\"$type\":\"int\"}}", "audience.a.$type", "\"number\"");
    refused("{\"a\":{\"$or\":[1]}}", "audience.a.$or", "around attributes");
    refused("{\"a\":{\"$gt\":1,\"b\":2}}", "audience.a", "side by side");
    refused("{\"$or\":{}}", "audience.$or", "array of conditions");
    refused("{\"$not\":[]}", "audience.$not", "an object");
    refused("{\"$in\":[1]}", "audience.$in", "attribute around it");
    refused("{\"a\":{\"$vgt\":[1]}}", "audience.a.$vgt", "1.2.3");
    refused("{\"a\":{\"$all\":[{\"$foo\":1}]}}", "audience.a.$all[0].$foo",
            "unknown");
    refused("{\"$savedGroup\":\"x\"}", "audience.$savedGroup", "\"id\"");
    refused("[]", "audience", "object");
}


static void
depth_is_bounded(void **state)
{
    int             i;
    fixture_t       f;
    onsite_buf_t    text;
    onsite_value_t  c;

    (void) state;

    fixture_start(&f);
    onsite_buf_init(&text, 0);
    for (i = 0; i < 15; i++) {
        onsite_buf_printf(&text, "{\"$not\":");
    }
    onsite_buf_printf(&text, "{\"$not\":{}}");
    for (i = 0; i < 15; i++) {
        onsite_buf_char(&text, '}');
    }
    onsite_buf_char(&text, '\0');

    c = parse(&f, text.data);
    assert_int_equal(compile(&f, &c, NULL, ONSITE_SCOPE_PLAIN), ONSITE_LIMIT);
    c = c.as.members[0].value;
    assert_int_equal(compile(&f, &c, NULL, ONSITE_SCOPE_PLAIN), ONSITE_OK);

    onsite_buf_free(&text);
    fixture_end(&f);
}


static const onsite_slot_t *
slot_of(const char *path, onsite_scope_t scope, fixture_t *f)
{
    char            text[100];
    onsite_value_t  c;

    fixture_start(f);
    (void) snprintf(text, sizeof(text), "{\"%s\":1}", path);
    c = parse(f, text);

    if (compile(f, &c, NULL, scope) != ONSITE_OK) {
        return NULL;
    }

    finish(f);

    return onsite_image_at(&f->image, onsite_image_header(&f->image)->slots);
}


static void
expect_slot(const char *path, onsite_scope_t scope, onsite_root_t root,
    const char *keys)
{
    char                       joined[100] = "";
    size_t                     len = 0;
    uint32_t                   i;
    fixture_t                  f;
    onsite_str_t               key;
    const onsite_slot_t       *slot;
    const onsite_image_str_t  *names;

    slot = slot_of(path, scope, &f);
    assert_non_null(slot);
    assert_int_equal(slot->root, root);
    assert_int_equal(f.roots, 1u << root);

    names = onsite_image_at(&f.image, slot->keys);

    for (i = 0; i < slot->n_keys; i++) {
        key = onsite_image_str(&f.image, names[i]);
        len += (size_t) snprintf(joined + len, sizeof(joined) - len,
                                 "/%.*s", (int) key.len, key.data);
    }

    assert_string_equal(joined, keys);
    fixture_end(&f);
}


static void
names_by_scope(void **state)
{
    fixture_t  f;

    (void) state;

    expect_slot("visitor.visits", ONSITE_SCOPE_AUDIENCE, ONSITE_ROOT_VISITOR,
                "/visits");
    expect_slot("segments", ONSITE_SCOPE_AUDIENCE, ONSITE_ROOT_SEGMENTS, "");
    expect_slot("path", ONSITE_SCOPE_WHERE, ONSITE_ROOT_EVENT,
                "/properties/path");
    expect_slot("cart", ONSITE_SCOPE_WHERE, ONSITE_ROOT_EVENT,
                "/properties/cart");
    expect_slot("cart.value", ONSITE_SCOPE_WHERE, ONSITE_ROOT_CART, "/value");
    expect_slot("item.sku", ONSITE_SCOPE_WHERE, ONSITE_ROOT_EVENT,
                "/properties/item/sku");
    expect_slot("product.sku", ONSITE_SCOPE_WHERE, ONSITE_ROOT_PRODUCT,
                "/sku");
    expect_slot("cart.value", ONSITE_SCOPE_PLAIN, ONSITE_ROOT_VALUE,
                "/cart/value");

    assert_null(slot_of("country", ONSITE_SCOPE_AUDIENCE, &f));
    assert_non_null(strstr(f.error.text, "audience.country: unknown"));
    fixture_end(&f);
}


/* Whether a value for which a condition holds can meet it by its keys. */

static void
expect_keys(const char *condition, const char *value, bool shared)
{
    bool               any, met = false;
    size_t             i, k, n;
    uint64_t           keys[8];
    fixture_t          f;
    onsite_value_t     c, v;
    onsite_equality_t  equalities[4];

    fixture_start(&f);
    c = parse(&f, condition);
    v = parse(&f, value);
    assert_int_equal(compile(&f, &c, NULL, ONSITE_SCOPE_PLAIN), ONSITE_OK);
    assert_int_equal(onsite_condition_equalities(f.builder, f.program,
                                                 equalities, 4), 1);

    n = onsite_equality_keys(&v, keys, 8, &any);

    for (i = 0; i < n; i++) {
        for (k = 0; k < equalities[0].n_keys; k++) {
            met = met || keys[i] == equalities[0].keys[k];
        }
    }

    if ((met || any) != shared) {
        fail_msg("%s and %s", condition, value);
    }

    fixture_end(&f);
}


static void
equal_values_meet(void **state)
{
    (void) state;

    expect_keys("{\"a\":\"x\"}", "\"x\"", true);
    expect_keys("{\"a\":\"x\"}", "\"y\"", false);
    expect_keys("{\"a\":\"1,2\"}", "[1,2]", true);
    expect_keys("{\"a\":\"null\"}", "null", true);
    expect_keys("{\"a\":0}", "null", true);
    expect_keys("{\"a\":0}", "\" \"", true);
    expect_keys("{\"a\":0}", "[]", true);
    expect_keys("{\"a\":0}", "false", true);
    expect_keys("{\"a\":16}", "\"0x10\"", true);
    expect_keys("{\"a\":16}", "17", false);
    expect_keys("{\"a\":null}", "null", true);
    expect_keys("{\"a\":{\"$eq\":true}}", "true", true);
    expect_keys("{\"a\":{\"$in\":[1,\"x\",false]}}", "[null,\"x\"]", true);
    expect_keys("{\"a\":{\"$in\":[1,\"x\",false]}}", "[null,\"z\"]", false);
    expect_keys("{\"a\":{\"$in\":[1]}}", "[9,8,7,6,5,4,3,2,1,0]", true);
    expect_keys("{\"$and\":[{\"$and\":[{\"a\":7}]}]}", "7", true);
}


static void
no_equality(const char *condition)
{
    fixture_t          f;
    onsite_value_t     c;
    onsite_equality_t  equalities[4];

    fixture_start(&f);
    c = parse(&f, condition);
    assert_int_equal(compile(&f, &c, NULL, ONSITE_SCOPE_PLAIN), ONSITE_OK);
    assert_int_equal(onsite_condition_equalities(f.builder, f.program,
                                                 equalities, 4), 0);
    fixture_end(&f);
}


static void
what_demands_no_equality(void **state)
{
    (void) state;

    no_equality("{\"a\":true}");
    no_equality("{\"a\":{\"$ne\":1}}");
    no_equality("{\"$or\":[{\"a\":1},{\"b\":2}]}");
    no_equality("{\"$not\":{\"a\":1}}");
    no_equality("{\"a\":[1]}");
    no_equality("{\"a\":{\"$gt\":1,\"$ini\":[\"x\"]}}");
    no_equality("{\"a\":{\"$elemMatch\":{\"b\":1}}}");
    no_equality("{\"a\":{\"$in\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,"
                "17]}}");
}


static void
text_to_number(void **state)
{
    (void) state;

#define number_of(text)  onsite_text_number(ONSITE_STR(text))

    assert_true(number_of("1e3") == 1000);
    assert_true(number_of("-.5") == -0.5);
    assert_true(number_of("5.") == 5);
    assert_true(number_of("\t0b101 ") == 5);
    assert_true(number_of("0o17") == 15);
    assert_true(number_of("0x20000000000001") == 9007199254740992.0);
    assert_true(number_of("0x20000000000003") == 9007199254740996.0);
    assert_true(number_of("1e400") > 1e308);
    assert_true(number_of("1e-99999999999") == 0);
    assert_true(number_of("0000000000000000000000000000000000000000012")
                == 12);
    assert_true(number_of("-Infinity") < -1e308);

    assert_true(number_of(".") != number_of("."));
    assert_true(number_of("1 2") != 1);
    assert_true(number_of("+-1") != -1);
    assert_true(number_of("0x") != 0);
    assert_true(number_of("1e") != 1);
    assert_true(number_of("infinity") != number_of("infinity"));
    assert_true(number_of("1_000") != 1000);
    assert_true(number_of("\xa0") != 0);
}


static void
long_numbers_round_once(void **state)
{
    char  text[1200];

    (void) state;

    /* one half behind 2^53, and a last digit that decides */

    memset(text, '0', sizeof(text));
    memcpy(text, "9007199254740993.", 17);
    assert_true(onsite_text_number(onsite_str(text, 1200))
                == 9007199254740992.0);
    text[1199] = '1';
    assert_true(onsite_text_number(onsite_str(text, 1200))
                == 9007199254740994.0);
}


/* A program whose bytes were changed, one at a time, is refused or harmless:
 * the sanitizers watch. */

static void
damage_does_no_harm(void **state)
{
    size_t           i;
    uint8_t         *bytes, old;
    fixture_t        f;
    onsite_image_t   image;
    onsite_value_t   c, a;

    (void) state;

    fixture_start(&f);
    c = parse(&f, "{\"a\":{\"$in\":[1,2,3,4,5,6,7,8,\"9\",10]},\"b.c\":"
              "{\"$elemMatch\":{\"d.e\":{\"$regex\":\"x\"},\"f\":[{\"g\":1}]"
              "}},\"v\":{\"$vgt\":\"1.2.3\"},\"$or\":[{\"h\":\"i\"}]}");
    a = parse(&f, "{\"a\":[10,\"x\"],\"b\":{\"c\":[{\"d\":{\"e\":\"x\"},"
              "\"f\":[{\"g\":1}]}]},\"v\":\"2.0\",\"h\":\"i\"}");
    assert_int_equal(compile(&f, &c, NULL, ONSITE_SCOPE_PLAIN), ONSITE_OK);
    finish(&f);
    assert_int_equal(eval(&f, &a), ONSITE_TRUE);

    image = f.image;
    bytes = onsite_builder_at(f.builder, 0);

    for (i = sizeof(onsite_image_header_t); i < image.size * 3; i++) {
        old = bytes[i / 3];
        bytes[i / 3] = i % 3 == 0 ? 0xff : i % 3 == 1 ? old + 1 : old ^ 8;
        ((onsite_image_header_t *) bytes)->checksum
            = onsite_image_checksum(&image);

        if (onsite_image_verify_tables(&image, NULL) == ONSITE_OK
            && onsite_condition_verify(&image, f.program, NULL) == ONSITE_OK)
        {
            onsite_regexes_destroy(f.regexes);
            f.regexes = onsite_regexes_create(&image);
            (void) eval(&f, &a);
        }

        bytes[i / 3] = old;
    }

    ((onsite_image_header_t *) bytes)->checksum
        = onsite_image_checksum(&image);
    assert_int_equal(onsite_condition_verify(&image, f.program - 8, NULL),
                     ONSITE_CORRUPT);
    assert_int_equal(onsite_condition_verify(&image, UINT32_MAX, NULL),
                     ONSITE_CORRUPT);
    assert_int_equal(onsite_condition_verify(&image, 0, NULL), ONSITE_OK);
    fixture_end(&f);
}


static void
assert_explained(const char *condition, const char *attributes,
    const char *expected)
{
    bool              told;
    fixture_t         f;
    onsite_buf_t      out;
    onsite_value_t    c, a;
    onsite_context_t  context;

    fixture_start(&f);
    c = parse(&f, condition);
    a = parse(&f, attributes);

    if (compile(&f, &c, NULL, ONSITE_SCOPE_PLAIN) != ONSITE_OK) {
        fail_msg("%s: %s", condition, f.error.text);
    }

    finish(&f);
    context = (onsite_context_t) { .image = &f.image, .arena = f.arena,
                                   .regexes = f.regexes, .memo = f.memo,
                                   .root = &a, .stamp = 1 };
    onsite_buf_init(&out, 0);
    told = onsite_condition_explain(&context, f.program, &out);
    onsite_buf_char(&out, '\0');

    assert_int_equal(told, onsite_condition_eval(&context, f.program)
                           != ONSITE_TRUE);

    if (strcmp(out.data, expected) != 0) {
        fail_msg("%s of %s: %s, not %s", condition, attributes, out.data,
                 expected);
    }

    onsite_buf_free(&out);
    fixture_end(&f);
}


static const struct {
    const char  *condition;
    const char  *attributes;
    const char  *expected;
} failing[] = {
    { "{}", "{}", "" },
    { "{\"a\":1}", "{\"a\":1}", "" },
    { "{\"a\":1}", "{\"a\":2}",
      "{\"path\":\"a\",\"op\":\"$eq\",\"operand\":1,\"value\":2}" },
    { "{\"a\":1}", "{}",
      "{\"path\":\"a\",\"op\":\"$eq\",\"operand\":1}" },
    { "{\"a\":\"x\"}", "{\"a\":null}",
      "{\"path\":\"a\",\"op\":\"$eq\",\"operand\":\"x\","
      "\"value\":null}" },
    { "{\"a\":true}", "{\"a\":false}",
      "{\"path\":\"a\",\"op\":\"$eq\",\"operand\":true,"
      "\"value\":false}" },
    { "{\"a\":null}", "{\"a\":5}",
      "{\"path\":\"a\",\"op\":\"$eq\",\"operand\":null,"
      "\"value\":5}" },
    { "{\"a\":[1,\"b\"]}", "{\"a\":[1]}",
      "{\"path\":\"a\",\"op\":\"$eq\",\"operand\":[1,\"b\"],"
      "\"value\":[1]}" },

    /* the first that fails, not the first */

    { "{\"ok\":1,\"a.b\":{\"$gte\":3,\"$lt\":4},\"c\":9}",
      "{\"ok\":1,\"a\":{\"b\":5}}",
      "{\"path\":\"a.b\",\"op\":\"$lt\",\"operand\":4,"
      "\"value\":5}" },
    { "{\"a\":{\"$ne\":1}}", "{\"a\":1}",
      "{\"path\":\"a\",\"op\":\"$ne\",\"operand\":1,"
      "\"value\":1}" },
    { "{\"a\":{\"$exists\":true}}", "{}",
      "{\"path\":\"a\",\"op\":\"$exists\",\"operand\":true}" },
    { "{\"a\":{\"$exists\":false}}", "{\"a\":1}",
      "{\"path\":\"a\",\"op\":\"$exists\",\"operand\":false,"
      "\"value\":1}" },
    { "{\"a\":{\"$in\":[\"x\",2]}}", "{\"a\":\"y\"}",
      "{\"path\":\"a\",\"op\":\"$in\",\"operand\":[\"x\",2],"
      "\"value\":\"y\"}" },
    { "{\"a\":{\"$nin\":[1,2,3,4,5,6,7,8,9,10,11,12]}}", "{\"a\":2}",
      "{\"path\":\"a\",\"op\":\"$nin\","
      "\"operand\":[1,2,3,4,5,6,7,8,9,10],\"more\":2,\"value\":2}" },
    { "{\"a\":{\"$in\":[]}}", "{\"a\":2}",
      "{\"path\":\"a\",\"op\":\"$in\",\"operand\":[],"
      "\"value\":2}" },
    { "{\"a\":{\"$regex\":\"^/shoes\"}}", "{\"a\":\"/hats\"}",
      "{\"path\":\"a\",\"op\":\"$regex\","
      "\"operand\":\"^/shoes\",\"value\":\"/hats\"}" },
    { "{\"a\":{\"$type\":\"string\"}}", "{\"a\":1}",
      "{\"path\":\"a\",\"op\":\"$type\",\"operand\":\"string\","
      "\"value\":1}" },
    { "{\"a\":{\"$vgt\":\"1.12.3\"}}", "{\"a\":\"1.2.0\"}",
      "{\"path\":\"a\",\"op\":\"$vgt\",\"operand\":\"1.12.3\","
      "\"value\":\"1.2.0\"}" },
    { "{\"a\":{\"$size\":{\"$gt\":2}}}", "{\"a\":[1]}",
      "{\"path\":\"a.length\",\"op\":\"$gt\",\"operand\":2,"
      "\"value\":1}" },
    { "{\"a\":{\"$size\":2}}", "{\"a\":7}",
      "{\"path\":\"a\",\"op\":\"$size\",\"value\":7}" },
    { "{\"a\":{\"$all\":[1,2]}}", "{\"a\":[1,3]}",
      "{\"path\":\"a\",\"op\":\"$all\",\"operand\":2,"
      "\"value\":[1,3]}" },
    { "{\"a\":{\"$elemMatch\":{\"b\":1}}}", "{\"a\":[{\"b\":2}]}",
      "{\"path\":\"a\",\"op\":\"$elemMatch\","
      "\"value\":[{\"b\":2}]}" },

    /* why something is true where it may not be */

    { "{\"a\":{\"$not\":{\"$gt\":4}}}", "{\"a\":5}",
      "{\"path\":\"a\",\"op\":\"$gt\",\"not\":true,"
      "\"operand\":4,\"value\":5}" },
    { "{\"$not\":{\"a\":1,\"b\":{\"$lt\":3}}}",
      "{\"a\":1,\"b\":2}",
      "{\"path\":\"a\",\"op\":\"$ne\",\"operand\":1,"
      "\"value\":1}" },
    { "{\"$nor\":[{\"a\":1},{\"b\":2}]}", "{\"a\":9,\"b\":2}",
      "{\"path\":\"b\",\"op\":\"$ne\",\"operand\":2,"
      "\"value\":2}" },
    { "{\"$not\":{\"$not\":{\"a\":1}}}", "{\"a\":2}",
      "{\"path\":\"a\",\"op\":\"$eq\",\"operand\":1,"
      "\"value\":2}" },
    { "{\"$or\":[{\"a\":1},{\"b\":2},{\"c\":3}]}", "{\"b\":3}",
      "{\"path\":\"a\",\"op\":\"$eq\",\"operand\":1,"
      "\"alternatives\":2}" },
    { "{\"$and\":[{\"a\":1},{\"b\":2}]}", "{\"a\":1,\"b\":3}",
      "{\"path\":\"b\",\"op\":\"$eq\",\"operand\":2,"
      "\"value\":3}" },

    /* texts are escaped */

    { "{\"a\":\"<\\n\"}", "{\"a\":\"</script>\\r\\n\"}",
      "{\"path\":\"a\",\"op\":\"$eq\",\"operand\":\"\\u003c\\n\","
      "\"value\":\"\\u003c/script>\\u000d\\n\"}" },
};


static void
what_fails_is_explained(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
        assert_explained(failing[i].condition, failing[i].attributes,
                         failing[i].expected);
    }
}


/* Nobody's headers are flooded by a long attribute. */

static void
what_is_long_is_cut(void **state)
{
    int   i, n;
    char  attributes[2048], expected[512];

    (void) state;

    n = snprintf(attributes, sizeof(attributes), "{\"a\":\"");

    for (i = 0; i < 300; i++) {
        n += snprintf(attributes + n, sizeof(attributes) - (size_t) n,
                      "\xc3\xa9");
    }

    (void) snprintf(attributes + n, sizeof(attributes) - (size_t) n, "\"}");
    n = snprintf(expected, sizeof(expected), "{\"path\":\"a\","
                 "\"op\":\"$eq\",\"operand\":1,\"value\":\"");

    for (i = 0; i < 60; i++) {
        n += snprintf(expected + n, sizeof(expected) - (size_t) n,
                      "\xc3\xa9");
    }

    (void) snprintf(expected + n, sizeof(expected) - (size_t) n,
                    "\xe2\x80\xa6\"}");
    assert_explained("{\"a\":1}", attributes, expected);

    n = snprintf(attributes, sizeof(attributes), "{\"a\":[0");

    for (i = 0; i < 200; i++) {
        n += snprintf(attributes + n, sizeof(attributes) - (size_t) n, ",1");
    }

    (void) snprintf(attributes + n, sizeof(attributes) - (size_t) n, "]}");
    assert_explained("{\"a\":7}", attributes,
        "{\"path\":\"a\",\"op\":\"$eq\",\"operand\":7,\"length\":201}");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(published_cases),
        cmocka_unit_test(loose_equality),
        cmocka_unit_test(order),
        cmocka_unit_test(case_folding),
        cmocka_unit_test(long_lists_are_tables),
        cmocka_unit_test(long_conditions),
        cmocka_unit_test(versions),
        cmocka_unit_test(saved_groups),
        cmocka_unit_test(regexes_are_javascript),
        cmocka_unit_test(regex_limits_are_inconclusive),
        cmocka_unit_test(refusals_say_where_and_what),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(names_by_scope),
        cmocka_unit_test(equal_values_meet),
        cmocka_unit_test(what_demands_no_equality),
        cmocka_unit_test(text_to_number),
        cmocka_unit_test(long_numbers_round_once),
        cmocka_unit_test(damage_does_no_harm),
        cmocka_unit_test(what_fails_is_explained),
        cmocka_unit_test(what_is_long_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
