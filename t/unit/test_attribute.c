/*
 * test_attribute.c - what each attribute path resolves to, and which paths
 * exist.
 */

#include "values.h"

#include "onsite_attribute.h"
#include "onsite_json.h"

#define NOW  ((onsite_ms_t) 1790000123456)      /* 2026-09-21 Monday, 14:15 */
#define KEYS_MAX  8

static const onsite_key_t  key = { {
    0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70,
    0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xe0, 0xff
} };

typedef struct {
    onsite_arena_t    *arena;
    onsite_json_t     *json;
    onsite_event_t     event;
    onsite_facts_t     facts;
    onsite_visitor_t   visitor;
    onsite_member_t    attributes[3];
    onsite_context_t   context;
} fixture_t;


static size_t
split(const char *path, onsite_root_t *root, onsite_str_t *keys)
{
    size_t       n;
    const char  *dot;

    dot = strchrnul(path, '.');
    *root = onsite_root(onsite_str(path, (size_t) (dot - path)));

    for (n = 0; *dot != '\0' && n < KEYS_MAX; n++) {
        path = dot + 1;
        dot = strchrnul(path, '.');
        keys[n] = onsite_str(path, (size_t) (dot - path));
    }

    return n;
}


/* The value of a path as JSON text; "absent". */

static const char *
resolve(fixture_t *f, const char *path)
{
    size_t          n;
    onsite_buf_t    out;
    onsite_str_t    keys[KEYS_MAX], copy;
    onsite_root_t   root;
    onsite_value_t  value;

    n = split(path, &root, keys);
    value = onsite_attribute_resolve(&f->context, root, keys, n, 0);

    if (value.type == ONSITE_ABSENT) {
        return "absent";
    }

    onsite_buf_init(&out, 0);
    onsite_value_write_json(&out, &value);
    copy = onsite_arena_copy(f->arena, onsite_str(out.data, out.len));
    onsite_buf_free(&out);

    return copy.data;
}


static void
set_visitor(onsite_visitor_t *v)
{
    onsite_visitor_init(v);
    v->first_seen = NOW - ONSITE_DAY;
    v->last_seen = NOW;
    v->visits = 2;
    v->session = (onsite_session_t) {
        .start = NOW - 90500, .last = NOW, .pageviews = 3, .events = 5 };
    v->n_counters = 2;
    v->counters[0] = (onsite_counter_t) { ONSITE_STR("Page Viewed"), 9, 3 };
    v->counters[1] = (onsite_counter_t) { ONSITE_STR("v1.2 Seen"), 4, 0 };
    v->n_cart = 2;
    v->cart[0] = (onsite_cart_line_t) { ONSITE_STR("a"), 2, 10.5 };
    v->cart[1] = (onsite_cart_line_t) { ONSITE_STR("b"), 1, 3 };
}


static int
set_up(void **state)
{
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    assert_non_null(f);
    f->arena = onsite_arena_create(1 << 14, 1 << 20);
    f->json = onsite_json_create();

    f->event = (onsite_event_t) {
        .type = ONSITE_TRACK, .name = ONSITE_STR("Product Viewed"),
        .message_id = ONSITE_STR("m-1"),
        .properties = value_of(f->json, f->arena,
                               "{\"price\":5,\"tags\":[\"x\",{\"y\":1}],"
                               "\"nil\":null,\"a\":{\"b\":{\"c\":\"deep\"}},"
                               "\"text\":\"abc\"}"),
        .traits = value_of(f->json, f->arena, "{\"plan\":\"pro\"}"),
        .context = value_of(f->json, f->arena, "{\"page\":{\"path\":\"/x\"}}")
    };
    f->facts = (onsite_facts_t) {
        .method = ONSITE_STR("GET"), .scheme = ONSITE_STR("https"),
        .host = ONSITE_STR("shop"), .path = ONSITE_STR("/caf\xc3\xa9 1"),
        .args = ONSITE_STR("q=red+shoes&utm=1"),
        .referrer = ONSITE_STR(""),
        .accept_language = ONSITE_STR("fr-FR, en;q=0.5"),
        .user_agent = ONSITE_STR("iPhone"),
        .attributes = f->attributes, .n_attributes = 3
    };
    f->attributes[0] = (onsite_member_t) {
        ONSITE_STR("country"), onsite_value_string(ONSITE_STR("FR")) };
    f->attributes[1] = (onsite_member_t) {
        ONSITE_STR("country"), onsite_value_string(ONSITE_STR("BE")) };
    f->attributes[2] = (onsite_member_t) {
        ONSITE_STR("scheme"), onsite_value_string(ONSITE_STR("own")) };
    set_visitor(&f->visitor);
    f->visitor.user_id = ONSITE_STR("u-7");
    f->visitor.verified = true;
    f->visitor.traits = value_of(f->json, f->arena, "{\"plan\":\"gold\"}");

    f->context = (onsite_context_t) {
        .arena = f->arena, .event = &f->event, .visitor = &f->visitor,
        .key = &key,
        .facts = &f->facts, .now = NOW, .stamp = 1 };
    *state = f;

    return 0;
}


static int
tear_down(void **state)
{
    fixture_t  *f = *state;

    onsite_json_destroy(f->json);
    onsite_arena_destroy(f->arena);
    free(f);

    return 0;
}


static const struct {
    const char  *path;
    const char  *value;
} paths[] = {
    { "event.name", "\"Product Viewed\"" },
    { "event.type", "\"track\"" },
    { "event.messageId", "\"m-1\"" },
    { "event.userId", "absent" },
    { "event.name.x", "absent" },
    { "event.other", "absent" },
    { "event", "absent" },
    { "event.properties.price", "5" },
    { "event.properties.tags.1.y", "1" },
    { "event.properties.tags.length", "2" },
    { "event.properties.tags.length.x", "absent" },
    { "event.properties.tags.2", "absent" },
    { "event.properties.tags.01", "absent" },
    { "event.properties.tags.-1", "absent" },
    { "event.properties.tags.99999999999", "absent" },
    { "event.properties.tags.4294967295", "absent" },
    { "event.properties.a.b.c", "\"deep\"" },
    { "event.properties.a.b.c.d", "absent" },
    { "event.properties.nil", "null" },
    { "event.properties.nil.x", "absent" },
    { "event.properties.text.length", "absent" },
    { "event.properties.text.0", "absent" },
    { "event.properties.toString", "absent" },
    { "event.traits.plan", "\"pro\"" },
    { "event.context.page.path", "\"/x\"" },

    { "visitor.status", "\"returning\"" },
    { "visitor.visits", "2" },
    { "visitor.first_seen", "1789913723456" },
    { "visitor.last_seen", "1790000123456" },
    { "visitor.orders", "0" },
    { "visitor.counts.Page Viewed", "9" },
    { "visitor.counts.v1.2 Seen", "4" },
    { "visitor.counts.Never", "0" },
    { "visitor.counts", "absent" },
    { "visitor.other", "absent" },
    { "visitor.id", "\"00102030405060708090a0b0c0d0e0ff\"" },
    { "visitor.id.x", "absent" },
    { "visitor.user_id", "\"u-7\"" },
    { "visitor.verified", "true" },
    { "visitor.traits.plan", "\"gold\"" },
    { "visitor.traits.plan.x", "absent" },
    { "visitor.traits.none", "absent" },
    { "visitor.traits", "{\"plan\":\"gold\"}" },
    { "visitor.status.x", "absent" },
    { "session.pageviews", "3" },
    { "session.events", "5" },
    { "session.duration", "90.5" },
    { "session.start", "1790000032956" },
    { "session.counts.Page Viewed", "3" },
    { "session.counts.v1.2 Seen", "0" },
    { "session.other.x", "absent" },

    { "cart.items", "3" },
    { "cart.value", "24" },
    { "cart.skus", "[\"a\",\"b\"]" },
    { "cart.skus.1", "\"b\"" },
    { "cart.skus.length", "2" },
    { "cart.items.x", "absent" },
    { "cart.other", "absent" },

    { "request.path", "\"/caf\xc3\xa9 1\"" },
    { "request.url",
      "\"https://shop/caf%C3%A9%201?q=red+shoes&utm=1\"" },
    { "request.host", "\"shop\"" },
    { "request.method", "\"GET\"" },
    { "request.scheme", "\"own\"" },
    { "request.query.q", "\"red shoes\"" },
    { "request.query.none", "absent" },
    { "request.query", "absent" },
    { "request.query.q.x", "absent" },
    { "request.referrer", "\"\"" },
    { "request.language", "\"fr\"" },
    { "request.device", "\"mobile\"" },
    { "request.country", "\"BE\"" },
    { "request.country.x", "absent" },
    { "request.other", "absent" },

    { "time.hour", "14" },
    { "time.minute", "15" },
    { "time.weekday", "\"mon\"" },
    { "time.date", "\"2026-09-21\"" },
    { "time.unix", "1790000123" },
    { "time.other", "absent" },
    { "time.hour.x", "absent" },

    { "profile.x", "absent" },
    { "affinity.x", "absent" },
    { "origin.first.source", "absent" },
    { "segments", "[]" },
    { "model.x", "absent" },
    { "nonsense.x", "absent" },
};


static void
every_path(void **state)
{
    size_t      i;
    fixture_t  *f = *state;

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (strcmp(resolve(f, paths[i].path), paths[i].value) != 0) {
            fail_msg("%s is %s, not %s", paths[i].path,
                     resolve(f, paths[i].path), paths[i].value);
        }
    }
}


static void
nothing_there(void **state)
{
    fixture_t  *f = *state;

    f->context.visitor = NULL;
    assert_string_equal(resolve(f, "visitor.status"), "absent");
    assert_string_equal(resolve(f, "visitor.counts.x"), "absent");
    assert_string_equal(resolve(f, "session.pageviews"), "absent");
    assert_string_equal(resolve(f, "cart.skus"), "absent");

    f->context.facts = NULL;
    assert_string_equal(resolve(f, "request.path"), "absent");

    f->context.event = NULL;
    assert_string_equal(resolve(f, "event.name"), "absent");

    /* never seen: no times, but counters of 0 */

    onsite_visitor_init(&f->visitor);
    f->context.visitor = &f->visitor;
    f->context.key = NULL;
    assert_string_equal(resolve(f, "visitor.id"), "absent");
    assert_string_equal(resolve(f, "visitor.user_id"), "absent");
    assert_string_equal(resolve(f, "visitor.verified"), "false");
    assert_string_equal(resolve(f, "visitor.traits"), "absent");
    assert_string_equal(resolve(f, "visitor.traits.plan"), "absent");
    assert_string_equal(resolve(f, "visitor.status"), "\"new\"");
    assert_string_equal(resolve(f, "visitor.first_seen"), "absent");
    assert_string_equal(resolve(f, "session.duration"), "absent");
    assert_string_equal(resolve(f, "session.start"), "absent");
    assert_string_equal(resolve(f, "session.pageviews"), "0");
    assert_string_equal(resolve(f, "cart.skus"), "[]");
    assert_string_equal(resolve(f, "cart.value"), "0");

    f->facts = (onsite_facts_t) { .user_agent = { 0, NULL } };
    f->context.facts = &f->facts;
    assert_string_equal(resolve(f, "request.url"), "absent");
    assert_string_equal(resolve(f, "request.referrer"), "absent");
    assert_string_equal(resolve(f, "request.language"), "absent");
    assert_string_equal(resolve(f, "request.device"), "\"desktop\"");
    assert_string_equal(resolve(f, "request.query.x"), "absent");
}


static void
long_names_are_bounded(void **state)
{
    char          name[2 * ONSITE_EVENT_NAME_MAX];
    fixture_t    *f = *state;
    onsite_str_t  keys[3];
    onsite_value_t  value;

    memset(name, 'x', sizeof(name));
    keys[0] = ONSITE_STR("counts");
    keys[1] = onsite_str(name, ONSITE_EVENT_NAME_MAX / 2);
    keys[2] = onsite_str(name, ONSITE_EVENT_NAME_MAX / 2 - 1);

    f->visitor.counters[0].name = onsite_str(name, ONSITE_EVENT_NAME_MAX);
    name[ONSITE_EVENT_NAME_MAX / 2] = '.';
    keys[2].data = name + ONSITE_EVENT_NAME_MAX / 2 + 1;

    value = onsite_attribute_resolve(&f->context, ONSITE_ROOT_VISITOR, keys, 3,
                                     0);
    assert_true(value.as.number == 9);

    keys[2].len++;
    value = onsite_attribute_resolve(&f->context, ONSITE_ROOT_VISITOR, keys, 3,
                                     0);
    assert_true(value.as.number == 0);
}


static void
plain_roots(void **state)
{
    fixture_t       *f = *state;
    onsite_str_t     keys[2] = { ONSITE_STR("a"), ONSITE_STR("b") };
    onsite_value_t   value;
    onsite_value_t   root = value_of(f->json, f->arena, "{\"a\":{\"b\":7}}");

    f->context.root = &root;
    value = onsite_attribute_resolve(&f->context, ONSITE_ROOT_VALUE, keys, 2,
                                     0);
    assert_true(value.as.number == 7);
    value = onsite_attribute_resolve(&f->context, ONSITE_ROOT_VALUE, keys, 0,
                                     0);
    assert_int_equal(value.type, ONSITE_OBJECT);
    f->context.root = NULL;
    value = onsite_attribute_resolve(&f->context, ONSITE_ROOT_VALUE, keys, 1,
                                     0);
    assert_int_equal(value.type, ONSITE_ABSENT);
}


static bool
known(const char *path)
{
    size_t         n;
    onsite_str_t   keys[KEYS_MAX];
    onsite_root_t  root;

    n = split(path, &root, keys);

    return onsite_attribute_known(root, keys, n);
}


static void
what_exists(void **state)
{
    size_t  i;

    static const char *const  there[] = {
        "event.name", "event.properties", "event.properties.x.y",
        "event.userId", "visitor.status", "visitor.counts.A b.c",
        "session.duration", "session.counts.x", "cart.skus", "cart.skus.0",
        "cart.value", "request.path", "request.query.x", "request.anything",
        "time.hour", "origin.first.source", "origin.last.referrer",
        "profile", "profile.x.y", "affinity.brand", "segments", "model.x",
        "product", "product.title", "recommended", "recommended.0.url",
        "cart.products", "cart.products.0.title"
    };
    static const char *const  nowhere[] = {
        "event", "event.nam", "event.name.x", "visitor.counts",
        "visitor.state", "visitor.status.x", "session.length", "cart.total",
        "cart.items.0", "request.query", "request.query.a.b", "request.a.b",
        "request", "time.day", "time.hour.x", "origin.x.source",
        "origin.first.x", "visiter.status", "cart.product"
    };

    (void) state;

    for (i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
        if (!known(there[i])) {
            fail_msg("%s is not known", there[i]);
        }
    }

    for (i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
        if (known(nowhere[i])) {
            fail_msg("%s is known", nowhere[i]);
        }
    }
}


static void
roots_by_name(void **state)
{
    (void) state;

    assert_int_equal(onsite_root(ONSITE_STR("visitor")), ONSITE_ROOT_VISITOR);
    assert_int_equal(onsite_root(ONSITE_STR("segments")),
                     ONSITE_ROOT_SEGMENTS);
    assert_int_equal(onsite_root(ONSITE_STR("Visitor")), ONSITE_ROOTS);
    assert_int_equal(onsite_root(ONSITE_STR("visitors")), ONSITE_ROOTS);
    assert_int_equal(onsite_root(onsite_str(NULL, 0)), ONSITE_ROOTS);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(every_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_names_are_bounded, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(plain_roots, set_up, tear_down),
        cmocka_unit_test(what_exists),
        cmocka_unit_test(roots_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
