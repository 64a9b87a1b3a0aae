/*
 * test_event.c - Segment calls, batches and pixels as events.
 */

#include "unit.h"
#include "onsite_event.h"
#include "onsite_json.h"

#define NOW  ((onsite_ms_t) 1769860000000)      /* 2026-01-31T11:46:40Z */

typedef struct {
    onsite_json_t   *json;
    onsite_arena_t  *arena;
    onsite_value_t   body;
    onsite_batch_t   batch;
    onsite_error_t   error;
} fixture_t;


static int
set_up(void **state)
{
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    assert_non_null(f);
    f->json = onsite_json_create();
    f->arena = onsite_arena_create(65536, 16 * 1024 * 1024);
    *state = f;

    return f->json == NULL || f->arena == NULL;
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


static void
parse(fixture_t *f, const char *text)
{
    onsite_arena_reset(f->arena);
    f->error.text[0] = '\0';
    assert_int_equal(onsite_json_parse(f->json, f->arena,
                                       onsite_str(text, strlen(text)),
                                       &f->body, &f->error), ONSITE_OK);
}


static onsite_event_t *
read_one(fixture_t *f, onsite_event_type_t type, const char *text)
{
    parse(f, text);

    if (onsite_event_read(f->arena, &f->body, type, NOW, &f->batch, &f->error)
        != ONSITE_OK)
    {
        fail_msg("%s: %s", text, f->error.text);
    }
    assert_int_equal(f->batch.n, 1);

    return f->batch.events;
}


static onsite_status_t
read_batch(fixture_t *f, const char *text)
{
    parse(f, text);

    return onsite_batch_read(f->arena, &f->body, NOW, &f->batch, &f->error);
}


static onsite_str_t
property(const onsite_event_t *event, const char *key)
{
    return onsite_value_get_str(&event->properties,
                                onsite_str(key, strlen(key)));
}


static void
track(void **state)
{
    onsite_event_t  *event;

    event = read_one(*state, ONSITE_TRACK,
        "{\"event\":\"Product Added\",\"anonymousId\":\"a1\",\"userId\":42,"
        "\"messageId\":\"m-1\",\"properties\":{\"sku\":\"S\",\"price\":9.5},"
        "\"context\":{\"ip\":\"::1\"},\"integrations\":{\"All\":false},"
        "\"timestamp\":\"2026-01-31T11:46:30Z\",\"writeKey\":\"wk\","
        "\"sentAt\":\"2026-01-31T11:46:38Z\",\"version\":2}");

    assert_int_equal(event->type, ONSITE_TRACK);
    assert_str(event->name, "Product Added");
    assert_str(event->anonymous_id, "a1");
    assert_str(event->user_id, "42");
    assert_str(event->message_id, "m-1");
    assert_str(property(event, "sku"), "S");
    assert_int_equal(event->context.type, ONSITE_OBJECT);
    assert_int_equal(event->traits.type, ONSITE_ABSENT);
    assert_int_equal(event->received, NOW);
    assert_int_equal(event->time, NOW - 8000);
    assert_true(event->live);
    assert_str(((fixture_t *) *state)->batch.write_key, "wk");
}


static void
nulls_are_absent(void **state)
{
    onsite_event_t  *event;

    event = read_one(*state, ONSITE_TRACK,
        "{\"event\":\"E\",\"anonymousId\":null,\"userId\":null,"
        "\"messageId\":null,\"properties\":null,\"context\":null,"
        "\"traits\":null,\"timestamp\":null,\"sentAt\":null,"
        "\"writeKey\":null}");

    assert_int_equal(event->anonymous_id.len, 0);
    assert_int_equal(event->properties.type, ONSITE_OBJECT);
    assert_int_equal(event->properties.len, 0);
    assert_int_equal(event->context.type, ONSITE_ABSENT);
    assert_int_equal(event->time, NOW);
}


static void
last_field_counts(void **state)
{
    assert_str(read_one(*state, ONSITE_TRACK,
                        "{\"event\":\"A\",\"event\":\"B\"}")->name, "B");
}


static void
page_takes_what_it_lacks(void **state)
{
    onsite_event_t  *event;

    event = read_one(*state, ONSITE_PAGE,
        "{\"name\":\"Home\",\"category\":\"Shop\",\"properties\":"
        "{\"url\":\"https://own/\",\"x\":1},\"context\":{\"page\":{\"path\":"
        "\"/p\",\"url\":\"https://context/\",\"title\":\"T\",\"referrer\":"
        "\"R\",\"search\":\"?s\",\"other\":1}}}");

    assert_str(event->name, "Page Viewed");
    assert_str(property(event, "name"), "Home");
    assert_str(property(event, "category"), "Shop");
    assert_str(property(event, "url"), "https://own/");
    assert_str(property(event, "path"), "/p");
    assert_str(property(event, "title"), "T");
    assert_str(property(event, "referrer"), "R");
    assert_str(property(event, "search"), "?s");
    assert_int_equal(event->properties.len, 8);

    event = read_one(*state, ONSITE_SCREEN, "{\"context\":{\"page\":5}}");
    assert_str(event->name, "Screen Viewed");
    assert_int_equal(event->properties.len, 0);
}


static void
other_types(void **state)
{
    onsite_event_t  *event;

    event = read_one(*state, ONSITE_IDENTIFY,
                     "{\"userId\":\"u\",\"traits\":{\"plan\":\"x\"}}");
    assert_str(event->name, "Identify");
    assert_str(event->user_id, "u");
    assert_str(onsite_value_get_str(&event->traits, ONSITE_STR("plan")), "x");

    event = read_one(*state, ONSITE_GROUP, "{\"groupId\":17}");
    assert_str(event->name, "Group");
    assert_str(event->group_id, "17");

    event = read_one(*state, ONSITE_ALIAS,
                     "{\"userId\":\"new\",\"previousId\":\"old\"}");
    assert_str(event->name, "Alias");
    assert_str(event->previous_id, "old");
}


static void
wrong_shapes(void **state)
{
    size_t      i;
    fixture_t  *f = *state;

    static const struct {
        onsite_event_type_t   type;
        const char           *text;
        const char           *error;
    } table[] = {
        { ONSITE_TRACK, "[]", "body: must be an object" },
        { ONSITE_TRACK, "\"event\"", "body: must be an object" },
        { ONSITE_TRACK, "{}", "event: must be a non-empty string" },
        { ONSITE_TRACK, "{\"event\":\"\"}",
          "event: must be a non-empty string" },
        { ONSITE_TRACK, "{\"event\":5}", "event: must be a non-empty string" },
        { ONSITE_TRACK, "{\"event\":\"E\",\"userId\":true}",
          "userId: must be a string" },
        { ONSITE_TRACK, "{\"event\":\"E\",\"anonymousId\":{}}",
          "anonymousId: must be a string" },
        { ONSITE_TRACK, "{\"event\":\"E\",\"messageId\":[]}",
          "messageId: must be a string" },
        { ONSITE_TRACK, "{\"event\":\"E\",\"properties\":[]}",
          "properties: must be an object" },
        { ONSITE_TRACK, "{\"event\":\"E\",\"context\":\"c\"}",
          "context: must be an object" },
        { ONSITE_TRACK, "{\"event\":\"E\",\"traits\":1}",
          "traits: must be an object" },
        { ONSITE_TRACK, "{\"event\":\"E\",\"timestamp\":\"soon\"}",
          "timestamp: must be an ISO 8601 time" },
        { ONSITE_TRACK, "{\"event\":\"E\",\"originalTimestamp\":true}",
          "originalTimestamp: must be an ISO 8601 time" },
        { ONSITE_TRACK, "{\"event\":\"E\",\"sentAt\":{}}",
          "sentAt: must be an ISO 8601 time" },
        { ONSITE_TRACK, "{\"event\":\"E\",\"writeKey\":1}",
          "writeKey: must be a string" },
        { ONSITE_PAGE, "{\"name\":1}", "name: must be a string" },
        { ONSITE_SCREEN, "{\"category\":{}}", "category: must be a string" },
        { ONSITE_GROUP, "{}", "groupId: must be a non-empty string" },
        { ONSITE_GROUP, "{\"groupId\":\"\"}",
          "groupId: must be a non-empty string" },
        { ONSITE_ALIAS, "{\"userId\":\"u\"}",
          "previousId: must be a non-empty string" },
    };

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        parse(f, table[i].text);
        assert_int_equal(onsite_event_read(f->arena, &f->body, table[i].type,
                                           NOW, &f->batch, &f->error),
                         ONSITE_INVALID);
        assert_string_equal(f->error.text, table[i].error);
    }
}


static void
batches(void **state)
{
    fixture_t             *f = *state;
    const onsite_value_t  *ip;

    assert_int_equal(read_batch(f,
        "{\"writeKey\":\"wk\",\"sentAt\":\"2026-01-31T11:00:00Z\","
        "\"context\":{\"ip\":\"1\",\"locale\":\"fr\"},\"batch\":["
        "{\"type\":\"track\",\"event\":\"A\",\"timestamp\":"
        "\"2026-01-31T10:59:59Z\"},"
        "{\"type\":\"page\",\"context\":{\"ip\":\"2\"}},"
        "{\"event\":\"B\",\"sentAt\":\"2026-01-31T11:00:10Z\",\"timestamp\":"
        "\"2026-01-31T11:00:00Z\"},"
        "{\"type\":\"identify\",\"userId\":\"u\"},"
        "{\"type\":\"screen\"},{\"type\":\"group\",\"groupId\":\"g\"},"
        "{\"type\":\"alias\",\"previousId\":\"p\"}]}"), ONSITE_OK);

    assert_int_equal(f->batch.n, 7);
    assert_str(f->batch.write_key, "wk");
    assert_str(f->batch.events[0].name, "A");
    assert_int_equal(f->batch.events[0].time, NOW - 1000);
    assert_int_equal(f->batch.events[1].type, ONSITE_PAGE);
    assert_int_equal(f->batch.events[1].time, NOW);
    assert_int_equal(f->batch.events[2].type, ONSITE_TRACK);
    assert_int_equal(f->batch.events[2].time, NOW - 10000);
    assert_int_equal(f->batch.events[6].type, ONSITE_ALIAS);

    ip = &f->batch.events[0].context;
    assert_str(onsite_value_get_str(ip, ONSITE_STR("ip")), "1");
    ip = &f->batch.events[1].context;
    assert_str(onsite_value_get_str(ip, ONSITE_STR("ip")), "2");
    assert_str(onsite_value_get_str(ip, ONSITE_STR("locale")), "fr");
}


static void
shapes_of_a_beacon(void **state)
{
    fixture_t  *f = *state;

    assert_int_equal(read_batch(f, "[{\"type\":\"page\",\"writeKey\":\"k\"},"
                                   "{\"event\":\"E\"}]"), ONSITE_OK);
    assert_int_equal(f->batch.n, 2);
    assert_str(f->batch.write_key, "k");

    assert_int_equal(read_batch(f, "{\"event\":\"E\"}"), ONSITE_OK);
    assert_int_equal(f->batch.n, 1);
    assert_int_equal(f->batch.events[0].type, ONSITE_TRACK);

    assert_int_equal(read_batch(f, "{\"type\":\"page\"}"), ONSITE_OK);
    assert_int_equal(f->batch.events[0].type, ONSITE_PAGE);

    assert_int_equal(read_batch(f, "{\"batch\":[]}"), ONSITE_OK);
    assert_int_equal(f->batch.n, 0);
    assert_int_equal(read_batch(f, "[]"), ONSITE_OK);
    assert_int_equal(f->batch.n, 0);
}


static void
batch_errors_name_the_element(void **state)
{
    size_t      i;
    fixture_t  *f = *state;

    static const struct {
        const char  *text;
        const char  *error;
    } table[] = {
        { "5", "body: must be an object or an array" },
        { "{}", "type: must be one of track, page, screen, identify, group,"
                " alias" },
        { "{\"batch\":{}}", "batch: must be an array" },
        { "{\"batch\":[],\"sentAt\":\"x\"}",
          "sentAt: must be an ISO 8601 time" },
        { "{\"batch\":[],\"context\":[]}", "context: must be an object" },
        { "{\"batch\":[{\"type\":\"page\"},5]}",
          "batch[1]: must be an object" },
        { "{\"batch\":[{\"event\":\"E\"},{\"type\":\"track\"}]}",
          "batch[1].event: must be a non-empty string" },
        { "{\"batch\":[{\"type\":\"Track\"}]}",
          "batch[0].type: must be one of track, page, screen, identify,"
          " group, alias" },
        { "{\"batch\":[{\"type\":5,\"event\":\"E\"}]}",
          "batch[0].type: must be one of track, page, screen, identify,"
          " group, alias" },
        { "[{\"name\":\"x\"}]",
          "batch[0].type: must be one of track, page, screen, identify,"
          " group, alias" },
        { "{\"batch\":[{\"event\":\"E\",\"properties\":3}]}",
          "batch[0].properties: must be an object" },
    };

    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(read_batch(f, table[i].text), ONSITE_INVALID);
        assert_string_equal(f->error.text, table[i].error);
    }
}


/* {"event":"E","properties":{"p":"xxx…"}} of exactly `size` bytes. */

static char *
event_of_size(size_t size)
{
    char         *text = malloc(size + 1);
    const char    start[] = "{\"event\":\"E\",\"properties\":{\"p\":\"";
    const size_t  n = sizeof(start) - 1;

    assert_non_null(text);
    memset(text, 'x', size);
    memcpy(text, start, n);
    memcpy(text + size - 3, "\"}}", 4);

    return text;
}


static void
event_size_is_bounded(void **state)
{
    char       *text;
    fixture_t  *f = *state;

    text = event_of_size(ONSITE_EVENT_BYTES_MAX);
    assert_int_equal(read_one(f, ONSITE_TRACK, text)->bytes,
                     ONSITE_EVENT_BYTES_MAX);
    free(text);

    text = event_of_size(ONSITE_EVENT_BYTES_MAX + 1);
    parse(f, text);
    assert_int_equal(onsite_event_read(f->arena, &f->body, ONSITE_TRACK, NOW,
                                       &f->batch, &f->error), ONSITE_LIMIT);
    assert_string_equal(f->error.text, "body: must be no larger than 32 KB");
    free(text);
}


static void
sizes_are_of_compact_json(void **state)
{
    const char  text[] = "{\"event\":\"E\",\"properties\":{\"a\":[1,-20,300,"
                         "true,false,null,{},[]],\"b\":{\"c\":\"d\"}}}";

    assert_int_equal(read_one(*state, ONSITE_TRACK, text)->bytes,
                     sizeof(text) - 1);
}


static onsite_status_t
read_copies(fixture_t *f, const char *element, int n)
{
    int              i;
    onsite_buf_t     buf;
    onsite_status_t  status;

    onsite_buf_init(&buf, 0);
    onsite_buf_str(&buf, ONSITE_STR("{\"batch\":["));

    for (i = 0; i < n; i++) {
        onsite_buf_printf(&buf, "%s%s", i == 0 ? "" : ",", element);
    }

    onsite_buf_append(&buf, "]}", 3);
    status = read_batch(f, buf.data);
    onsite_buf_free(&buf);

    return status;
}


static void
batch_size_is_bounded(void **state)
{
    char       *text;
    fixture_t  *f = *state;

    assert_int_equal(read_copies(f, "{\"event\":\"E\"}",
                                 ONSITE_BATCH_EVENTS_MAX), ONSITE_OK);
    assert_int_equal(f->batch.n, ONSITE_BATCH_EVENTS_MAX);

    assert_int_equal(read_copies(f, "{\"event\":\"E\"}",
                                 ONSITE_BATCH_EVENTS_MAX + 1), ONSITE_LIMIT);
    assert_string_equal(f->error.text,
                        "batch: must have no more than 2500 events");

    text = event_of_size(10240);
    assert_int_equal(read_copies(f, text, 50), ONSITE_OK);
    assert_int_equal(read_copies(f, text, 51), ONSITE_LIMIT);
    assert_string_equal(f->error.text, "batch: must be no larger than 500 KB");
    free(text);

    text = event_of_size(ONSITE_EVENT_BYTES_MAX + 1);
    assert_int_equal(read_copies(f, text, 1), ONSITE_LIMIT);
    assert_string_equal(f->error.text,
                        "batch[0]: must be no larger than 32 KB");
    free(text);
}


static void
lengths_are_bounded(void **state)
{
    char        id[ONSITE_ID_MAX + 2], text[1024];
    fixture_t  *f = *state;

    memset(id, 'i', sizeof(id));
    id[ONSITE_ID_MAX] = '\0';
    (void) snprintf(text, sizeof(text), "{\"event\":\"%.128s\",\"userId\":"
                    "\"%s\"}", id, id);
    assert_int_equal(read_one(f, ONSITE_TRACK, text)->user_id.len,
                     ONSITE_ID_MAX);

    (void) snprintf(text, sizeof(text), "{\"event\":\"%.129s\"}", id);
    assert_int_equal(read_batch(f, text), ONSITE_INVALID);
    assert_string_equal(f->error.text,
                        "event: must be no longer than 128 bytes");

    (void) snprintf(text, sizeof(text), "{\"event\":\"E\",\"anonymousId\":"
                    "\"%si\"}", id);
    assert_int_equal(read_batch(f, text), ONSITE_INVALID);
    assert_string_equal(f->error.text,
                        "anonymousId: must be no longer than 256 bytes");
}


static onsite_status_t
read_pixel(fixture_t *f, const char *args)
{
    onsite_arena_reset(f->arena);
    f->error.text[0] = '\0';

    return onsite_pixel_read(f->arena, onsite_str(args, strlen(args)), NOW,
                             &f->batch, &f->error);
}


static void
pixels(void **state)
{
    fixture_t             *f = *state;
    onsite_event_t        *event;
    const onsite_value_t  *price;

    assert_int_equal(read_pixel(f, "event=Product+Viewed&anonymousId=a%2B1"
        "&userId=7&writeKey=wk&messageId=m&timestamp=2026-01-31T11%3A46%3A39Z"
        "&price=12.50&sku=0123&q=%C3%A9&bad=%ff&half=%e2%82&&flag&x%20y=%&"
        "big=123456789012345678901234567890123456789012&v=a=b"), ONSITE_OK);

    assert_int_equal(f->batch.n, 1);
    assert_str(f->batch.write_key, "wk");
    event = f->batch.events;
    assert_int_equal(event->type, ONSITE_TRACK);
    assert_str(event->name, "Product Viewed");
    assert_str(event->anonymous_id, "a+1");
    assert_str(event->user_id, "7");
    assert_str(event->message_id, "m");
    assert_int_equal(event->time, NOW - 1000);
    assert_true(event->live);

    price = onsite_value_get(&event->properties, ONSITE_STR("price"));
    assert_int_equal(price->type, ONSITE_NUMBER);
    assert_true(price->as.number == 12.5);
    assert_str(property(event, "sku"), "0123");
    assert_str(property(event, "q"), "\xc3\xa9");
    assert_str(property(event, "bad"), "\xef\xbf\xbd");
    assert_str(property(event, "half"), "\xef\xbf\xbd\xef\xbf\xbd");
    assert_str(property(event, "flag"), "");
    assert_str(property(event, "x y"), "%");
    assert_int_equal(property(event, "big").len, 42);
    assert_str(property(event, "v"), "a=b");
    assert_int_equal(event->properties.len, 9);
}


/* Unescaping in place must not let a number run into what follows it. */

static void
pixel_numbers_end(void **state)
{
    fixture_t       *f = *state;
    onsite_value_t   price;

    assert_int_equal(read_pixel(f, "event=E&p=%31.5e0&q=2"), ONSITE_OK);
    price = *onsite_value_get(&f->batch.events[0].properties,
                              ONSITE_STR("p"));
    assert_int_equal(price.type, ONSITE_NUMBER);
    assert_true(price.as.number == 1.5);

    assert_int_equal(read_pixel(f, "event=E&p=1e2%33%34"), ONSITE_OK);
    price = *onsite_value_get(&f->batch.events[0].properties,
                              ONSITE_STR("p"));
    assert_true(price.as.number == 1e234);
}


static void
bad_pixels(void **state)
{
    char        args[ONSITE_EVENT_BYTES_MAX + 2];
    fixture_t  *f = *state;

    assert_int_equal(read_pixel(f, ""), ONSITE_INVALID);
    assert_string_equal(f->error.text, "event: must be a non-empty string");
    assert_int_equal(read_pixel(f, "event=&a=1"), ONSITE_INVALID);
    assert_int_equal(read_pixel(f, "&&&"), ONSITE_INVALID);
    assert_int_equal(read_pixel(f, "event=E&timestamp=x"), ONSITE_INVALID);
    assert_string_equal(f->error.text, "timestamp: must be an ISO 8601 time");

    memset(args, 'e', sizeof(args));
    memcpy(args, "event=", 6);
    args[6 + 128] = '\0';
    assert_int_equal(read_pixel(f, args), ONSITE_OK);
    args[6 + 128] = 'e';
    args[6 + 129] = '\0';
    assert_int_equal(read_pixel(f, args), ONSITE_INVALID);
    assert_string_equal(f->error.text,
                        "event: must be no longer than 128 bytes");

    memset(args, '&', sizeof(args) - 1);
    args[sizeof(args) - 1] = '\0';
    assert_int_equal(read_pixel(f, args), ONSITE_LIMIT);
}


static void
queries(void **state)
{
    fixture_t     *f = *state;
    onsite_str_t   out;

#define get(args, key)                                                        \
    onsite_query_get(f->arena, ONSITE_STR(args), ONSITE_STR(key), &out)

    onsite_arena_reset(f->arena);
    assert_int_equal(get("a=1&b=2&a=3", "a"), ONSITE_OK);
    assert_str(out, "1");
    assert_int_equal(get("a=1&b=%32+3", "b"), ONSITE_OK);
    assert_str(out, "2 3");
    assert_int_equal(get("%61b=x", "ab"), ONSITE_OK);
    assert_str(out, "x");
    assert_int_equal(get("a+b=x", "a b"), ONSITE_OK);
    assert_str(out, "x");
    assert_int_equal(get("a=%ff", "a"), ONSITE_OK);
    assert_str(out, "\xef\xbf\xbd");
    assert_int_equal(get("a=%4", "a"), ONSITE_OK);
    assert_str(out, "%4");
    assert_int_equal(get("a=%g1%1g%", "a"), ONSITE_OK);
    assert_str(out, "%g1%1g%");
    assert_int_equal(get("a=%00", "a"), ONSITE_OK);
    assert_int_equal(out.len, 1);
    assert_int_equal(get("a", "a"), ONSITE_OK);
    assert_str(out, "");
    assert_int_equal(get("ab=1&b=2", "a"), ONSITE_NOT_FOUND);
    assert_int_equal(get("", "a"), ONSITE_NOT_FOUND);
    assert_int_equal(get("&&", "a"), ONSITE_NOT_FOUND);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(track),
        cmocka_unit_test(nulls_are_absent),
        cmocka_unit_test(last_field_counts),
        cmocka_unit_test(page_takes_what_it_lacks),
        cmocka_unit_test(other_types),
        cmocka_unit_test(wrong_shapes),
        cmocka_unit_test(batches),
        cmocka_unit_test(shapes_of_a_beacon),
        cmocka_unit_test(batch_errors_name_the_element),
        cmocka_unit_test(event_size_is_bounded),
        cmocka_unit_test(sizes_are_of_compact_json),
        cmocka_unit_test(batch_size_is_bounded),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(pixels),
        cmocka_unit_test(pixel_numbers_end),
        cmocka_unit_test(bad_pixels),
        cmocka_unit_test(queries),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
