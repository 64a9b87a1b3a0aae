/*
 * test_attribute_tables.c - profile, product, recommended, cart.products and
 * segments of uploaded lists, from tables that count how often they are asked.
 */

#include "values.h"

#include "onsite_json.h"
#include "onsite_msgpack.h"
#include "onsite_attribute.h"
#include "onsite_template.h"

#define NOW       ((onsite_ms_t) 1790000100000)
#define KEYS_MAX  8

typedef struct {
    const char  *key;
    const char  *record;            /* JSON                                */
} row_t;

typedef struct {
    onsite_arena_t    *arena;
    onsite_json_t     *json;
    onsite_event_t     event;
    onsite_visitor_t   visitor;
    onsite_tables_t    tables;
    onsite_context_t   context;
    unsigned           profiles;    /* look-ups                            */
    unsigned           lists;
    unsigned           products;
} fixture_t;

static const row_t  profiles[] = {
    { "vip", "{\"tier\":\"gold\",\"ltv\":1200.5,\"updated\":1790000040000,"
             "\"address\":{\"city\":\"Nice\"},\"recommended\":"
             "[\"s1\",\"gone\",7,\"s2\",\"s3\",\"s4\"]}" },
    { "plain", "{\"tier\":\"none\",\"recommended\":\"s1\"}" },
    { "later", "{\"updated\":1790009999000}" },
    { NULL, NULL }
};

static const row_t  lists[] = {
    { "vip", "[\"newsletter\",\"beta\"]" },
    { NULL, NULL }
};

static const row_t  products[] = {
    { "s1", "{\"sku\":\"s1\",\"title\":\"Red <b>\",\"url\":\"/p/1?a=1&b=2\","
            "\"price\":9.5,\"stock\":3}" },
    { "7", "{\"sku\":\"7\",\"title\":\"Seven\",\"url\":\"javascript:x\"}" },
    { "s2", "{\"sku\":\"s2\",\"title\":\"Sold out\",\"stock\":0}" },
    { "s3", "{\"sku\":\"s3\",\"title\":\"None\",\"stock\":false}" },
    { "s4", "{\"sku\":\"s4\",\"title\":\"Text\",\"stock\":\"many\"}" },
    { NULL, NULL }
};


static bool
find(fixture_t *f, const row_t *rows, onsite_str_t key, onsite_str_t *record)
{
    onsite_buf_t    buf;
    onsite_value_t  value;

    for (/* void */; rows->key != NULL; rows++) {
        if (onsite_str_eq(key, onsite_str(rows->key, strlen(rows->key)))) {
            value = value_of(f->json, f->arena, rows->record);
            onsite_buf_init(&buf, 0);
            onsite_value_write_msgpack(&buf, &value);
            *record = onsite_arena_copy(f->arena,
                                        onsite_str(buf.data, buf.len));
            onsite_buf_free(&buf);
            return true;
        }
    }

    return false;
}


static bool
find_profile(void *data, onsite_str_t id, onsite_str_t *record)
{
    ((fixture_t *) data)->profiles++;
    return find(data, profiles, id, record);
}


static bool
find_lists(void *data, onsite_str_t id, onsite_str_t *record)
{
    ((fixture_t *) data)->lists++;
    return find(data, lists, id, record);
}


static bool
find_product(void *data, onsite_str_t sku, onsite_str_t *record)
{
    ((fixture_t *) data)->products++;
    return find(data, products, sku, record);
}


static void
become(fixture_t *f, const char *customer)
{
    memset(&f->context.slow, 0, sizeof(f->context.slow));
    f->context.customer = onsite_str(customer, strlen(customer));
    f->context.stamp++;
}


static int
set_up(void **state)
{
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    assert_non_null(f);
    f->arena = onsite_arena_create(1 << 14, 1 << 20);
    f->json = onsite_json_create();
    f->event.properties = value_of(f->json, f->arena, "{\"sku\":\"s1\"}");
    onsite_visitor_init(&f->visitor);

    f->tables = (onsite_tables_t) {
        .data = f, .profile = find_profile, .lists = find_lists,
        .product = find_product, .built = NOW - 5000
    };
    f->context = (onsite_context_t) {
        .arena = f->arena, .event = &f->event, .visitor = &f->visitor,
        .tables = &f->tables, .now = NOW, .stamp = 1
    };
    become(f, "vip");
    *state = f;

    return 0;
}


static int
tear_down(void **state)
{
    fixture_t  *f = *state;

    onsite_arena_destroy(f->arena);
    onsite_json_destroy(f->json);
    free(f);

    return 0;
}


static void
expect(fixture_t *f, const char *path, const char *expected)
{
    size_t          n = 0;
    const char     *dot;
    onsite_buf_t    out;
    onsite_str_t    keys[KEYS_MAX];
    onsite_root_t   root;
    onsite_value_t  value;

    dot = strchrnul(path, '.');
    root = onsite_root(onsite_str(path, (size_t) (dot - path)));

    while (*dot != '\0') {
        path = dot + 1;
        dot = strchrnul(path, '.');
        keys[n++] = onsite_str(path, (size_t) (dot - path));
    }

    value = onsite_attribute_resolve(&f->context, root, keys, n, 0);
    onsite_buf_init(&out, 0);

    if (value.type == ONSITE_ABSENT) {
        onsite_buf_str(&out, ONSITE_STR("absent"));
    } else {
        onsite_value_write_json(&out, &value);
    }

    onsite_buf_char(&out, '\0');
    assert_string_equal(out.data, expected);
    onsite_buf_free(&out);
}


static void
a_profile_and_its_age(void **state)
{
    fixture_t  *f = *state;

    expect(f, "profile.tier", "\"gold\"");
    expect(f, "profile.ltv", "1200.5");
    expect(f, "profile.address.city", "\"Nice\"");
    expect(f, "profile.recommended.length", "6");
    expect(f, "profile.none", "absent");
    expect(f, "profile.age_seconds", "60");
    assert_int_equal(f->profiles, 1);

    become(f, "plain");
    expect(f, "profile.age_seconds", "5");
    become(f, "later");
    expect(f, "profile.age_seconds", "0");
    become(f, "nobody");
    expect(f, "profile.age_seconds", "absent");
    expect(f, "profile", "absent");
    expect(f, "profile.tier", "absent");
    assert_int_equal(f->profiles, 4);
}


/* Who is not verified has no customer: the tables are not even asked. */

static void
nobody_is_looked_up(void **state)
{
    fixture_t  *f = *state;

    become(f, "");
    expect(f, "profile.tier", "absent");
    expect(f, "segments", "[]");
    expect(f, "recommended", "absent");
    assert_int_equal(f->profiles + f->lists, 0);

    become(f, "vip");
    f->context.tables = NULL;
    expect(f, "profile.tier", "absent");
    expect(f, "segments", "[]");
    expect(f, "recommended", "absent");
    expect(f, "product.title", "absent");
}


static void
the_product_of_the_event(void **state)
{
    fixture_t  *f = *state;

    expect(f, "product.title", "\"Red \\u003cb>\"");
    expect(f, "product.price", "9.5");
    expect(f, "product.none", "absent");
    assert_int_equal(f->products, 1);

    f->context.stamp++;
    f->event.properties = value_of(f->json, f->arena,
                                   "{\"sku\":\"unknown\","
                                   "\"product_id\":7}");
    expect(f, "product.title", "\"Seven\"");

    f->context.stamp++;
    f->event.properties = value_of(f->json, f->arena, "{\"sku\":[\"s1\"]}");
    expect(f, "product.title", "absent");

    f->context.stamp++;
    f->context.event = NULL;
    expect(f, "product.title", "absent");

    /* a product is nobody's secret */

    f->context.event = &f->event;
    f->event.properties = value_of(f->json, f->arena, "{\"sku\":\"s4\"}");
    become(f, "");
    expect(f, "product.title", "\"Text\"");
}


static void
recommended_products_can_be_had(void **state)
{
    fixture_t  *f = *state;

    expect(f, "recommended.length", "3");
    expect(f, "recommended.0.sku", "\"s1\"");
    expect(f, "recommended.1.sku", "\"7\"");
    expect(f, "recommended.2.sku", "\"s4\"");
    assert_int_equal(f->profiles, 1);
    assert_int_equal(f->products, 6);

    become(f, "plain");
    expect(f, "recommended.length", "1");
    become(f, "later");
    expect(f, "recommended.length", "0");
    become(f, "nobody");
    expect(f, "recommended.length", "absent");
}


static void
the_cart_knows_its_products(void **state)
{
    fixture_t  *f = *state;

    f->visitor.n_cart = 2;
    f->visitor.cart[0] = (onsite_cart_line_t) { ONSITE_STR("s1"), 2, 8 };
    f->visitor.cart[1] = (onsite_cart_line_t) { ONSITE_STR("zz"), 1, 3 };

    expect(f, "cart.products.length", "2");
    expect(f, "cart.products.0.title", "\"Red \\u003cb>\"");
    expect(f, "cart.products.0.quantity", "2");
    expect(f, "cart.products.0.price", "9.5");
    expect(f, "cart.products.1",
           "{\"sku\":\"zz\",\"quantity\":1,\"price\":3}");
}


static void
lists_are_segments(void **state)
{
    fixture_t  *f = *state;

    expect(f, "segments", "[\"newsletter\",\"beta\"]");
    expect(f, "segments.length", "2");
    assert_int_equal(f->lists, 1);

    become(f, "plain");
    expect(f, "segments", "[]");
}


/* Sections bind the fields of products, each escaped for where it stands. */

static void
templates_show_products(void **state)
{
    uint32_t           roots = 0;
    fixture_t         *f = *state;
    onsite_buf_t       out;
    onsite_ref_t       program;
    onsite_error_t     error = { "" };
    onsite_image_t     image;
    onsite_builder_t  *b = onsite_builder_create();

    onsite_buf_init(&out, 0);

    if (onsite_template_compile_html(b, ONSITE_STR(
            "{{#recommended}}<a href=\"{{url}}\">{{title}} {{product.title}}"
            "</a>{{/recommended}}{{^recommended}}-{{/recommended}}"),
            (onsite_template_site_t) { 0 },
            &program, &roots, &error) != ONSITE_OK)
    {
        fail_msg("%s", error.text);
    }

    assert_int_equal(onsite_builder_finish(b, ONSITE_STR("s"), 1, &image,
                                           &error), ONSITE_OK);
    f->context.image = &image;
    f->context.memo = calloc(onsite_image_header(&image)->n_slots + 1,
                             sizeof(onsite_memo_t));
    assert_int_equal(onsite_template_render(&f->context, program, &out),
                     ONSITE_OK);
    onsite_buf_char(&out, '\0');
    assert_string_equal(out.data,
        "<a href=\"/p/1?a=1&amp;b=2\">Red &lt;b&gt; Red &lt;b&gt;</a>"
        "<a href=\"#\">Seven Red &lt;b&gt;</a>"
        "<a href=\"\">Text Red &lt;b&gt;</a>");

    onsite_buf_free(&out);
    free(f->context.memo);
    onsite_builder_destroy(b);
}


/* What must be kept of an event so that its product is found again. */

static void
product_slots_need_the_sku(void **state)
{
    uint32_t           roots = 0;
    onsite_ref_t       program;
    onsite_str_t       keys[4];
    onsite_image_t     image;
    onsite_builder_t  *b = onsite_builder_create();

    (void) state;

    assert_int_equal(onsite_template_compile_html(b, ONSITE_STR(
                         "{{product.title}}{{event.properties.sku}}"),
                         (onsite_template_site_t) { 0 },
                         &program, &roots, NULL), ONSITE_OK);
    assert_int_equal(onsite_builder_finish(b, ONSITE_STR("s"), 1, &image,
                                           NULL), ONSITE_OK);
    assert_int_equal(onsite_template_properties(&image, program, keys, 4), 2);
    assert_str(keys[0], "sku");
    assert_str(keys[1], "product_id");
    assert_int_equal(onsite_template_properties(&image, program, keys, 1), 1);
    onsite_builder_destroy(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(a_profile_and_its_age, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_looked_up, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_product_of_the_event, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(recommended_products_can_be_had,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_cart_knows_its_products, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lists_are_segments, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(templates_show_products, set_up,
                                        tear_down),
        cmocka_unit_test(product_slots_need_the_sku),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
