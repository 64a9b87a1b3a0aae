/*
 * test_outbox_event.c - an event's bytes in the outbox, what of it leaves, and
 * its JSON.
 */

#include "unit.h"
#include "onsite_json.h"
#include "onsite_outbox.h"

#define TIME   ((onsite_ms_t) 1700000000123)
#define KEY    { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } }
#define ONSITE "\"onsite\":{\"site\":\"shop\",\"visitor\":"               \
               "\"0102030405060708090a0b0c0d0e0f10\",\"seq\":\"7\"}"

/* as sha256sum has it: visitor, time, 7 */
#define SEVEN  "b942173bf116697fb3ce4023deab5228"

typedef struct {
    onsite_arena_t  *arena;
    onsite_json_t   *json;
    onsite_buf_t     bytes;
    onsite_buf_t     text;
} room_t;


static int
setup(void **state)
{
    room_t  *room = calloc(1, sizeof(room_t));

    room->arena = onsite_arena_create(64 * 1024, 1 << 20);
    room->json = onsite_json_create();
    onsite_buf_init(&room->bytes, ONSITE_OUTBOX_BYTES_MAX);
    onsite_buf_init(&room->text, 0);
    *state = room;

    return 0;
}


static int
teardown(void **state)
{
    room_t  *room = *state;

    onsite_arena_destroy(room->arena);
    onsite_json_destroy(room->json);
    onsite_buf_free(&room->bytes);
    onsite_buf_free(&room->text);
    free(room);

    return 0;
}


static onsite_value_t
json(room_t *room, const char *text)
{
    onsite_value_t  value;

    assert_int_equal(onsite_json_parse(room->json, room->arena,
                                       onsite_str(text, strlen(text)), &value,
                                       NULL), ONSITE_OK);

    return value;
}


static onsite_outbox_event_t
some_event(room_t *room, const char *properties)
{
    return (onsite_outbox_event_t) {
        .type = ONSITE_TRACK, .visitor = KEY, .time = TIME,
        .site = ONSITE_STR("shop"), .name = ONSITE_STR("Product Added"),
        .message_id = ONSITE_STR("m-1"),
        .properties = json(room, properties)
    };
}


static onsite_str_t
encode(room_t *room, const onsite_outbox_event_t *event,
    const onsite_outbox_fields_t *fields)
{
    onsite_buf_clear(&room->bytes);
    onsite_outbox_event_encode(event, fields, &room->bytes);
    assert_false(room->bytes.failed);

    return onsite_str(room->bytes.data, room->bytes.len);
}


static const char *
segment(room_t *room, const onsite_outbox_event_t *event,
    const onsite_outbox_fields_t *fields)
{
    onsite_str_t  bytes = encode(room, event, fields);

    onsite_buf_clear(&room->text);
    assert_int_equal(onsite_outbox_write_segment(&room->text, 7, bytes),
                     ONSITE_OK);
    onsite_buf_char(&room->text, '\0');
    assert_false(room->text.failed);
    (void) json(room, room->text.data);

    return room->text.data;
}


static void
leaves_as_it_came(void **state)
{
    room_t                 *room = *state;
    onsite_outbox_event_t   event;

    event = some_event(room, "{\"sku\":\"s\\n\\u00e9\",\"price\":35.79,\"n\":"
                       "[1,-2,true,null,{\"deep\":1e300}],\"e\":{}}");
    assert_string_equal(segment(room, &event, NULL),
        "{\"type\":\"track\",\"messageId\":\"m-1\",\"timestamp\":"
        "\"2023-11-14T22:13:20.123Z\",\"anonymousId\":"
        "\"0102030405060708090a0b0c0d0e0f10\",\"event\":\"Product Added\","
        "\"properties\":{\"sku\":\"s\\n\xc3\xa9\",\"price\":35.79,\"n\":"
        "[1,-2,true,null,{\"deep\":1e+300}],\"e\":{}},"
        "\"context\":{" ONSITE "}}");

    event.type = ONSITE_PAGE;
    event.anonymous_id = ONSITE_STR("a\"1");
    event.user_id = ONSITE_STR("u-1");
    event.properties = json(room, "{\"name\":\"Home\",\"path\":\"/\"}");
    event.context = json(room, "{\"ip\":\"10.0.0.1\",\"page\":{\"path\":\"/\"},"
                         "\"userAgent\":\"x\",\"userHash\":\"h\","
                         "\"device\":{\"id\":1},\"locale\":\"fr\"}");
    assert_string_equal(segment(room, &event, NULL),
        "{\"type\":\"page\",\"messageId\":\"m-1\",\"timestamp\":"
        "\"2023-11-14T22:13:20.123Z\",\"anonymousId\":\"a\\\"1\","
        "\"userId\":\"u-1\",\"name\":\"Home\",\"properties\":"
        "{\"name\":\"Home\",\"path\":\"/\"},\"context\":"
        "{\"page\":{\"path\":\"/\"},\"locale\":\"fr\"," ONSITE "}}");
}


static void
each_call_has_its_members(void **state)
{
    room_t                 *room = *state;
    onsite_outbox_event_t   event = some_event(room, "{\"a\":1}");

    event.user_id = ONSITE_STR("u");
    event.traits = json(room, "{\"email\":\"e\"}");
    event.group_id = ONSITE_STR("g-1");
    event.previous_id = ONSITE_STR("p-1");

    event.type = ONSITE_IDENTIFY;
    assert_non_null(strstr(segment(room, &event, NULL),
                           "\"userId\":\"u\",\"traits\":{\"email\":\"e\"},"
                           "\"context\""));
    event.type = ONSITE_GROUP;
    assert_non_null(strstr(segment(room, &event, NULL), "\"groupId\":\"g-1\","
                           "\"traits\":{\"email\":\"e\"},\"context\""));
    event.type = ONSITE_ALIAS;
    assert_non_null(strstr(segment(room, &event, NULL),
                           "\"previousId\":\"p-1\",\"context\""));
    event.type = ONSITE_SCREEN;
    assert_non_null(strstr(segment(room, &event, NULL), "\"type\":\"screen\""));
    assert_null(strstr(room->text.data, "\"name\""));
}


static void
only_what_is_let_out_leaves(void **state)
{
    room_t                 *room = *state;
    const onsite_str_t      names[] = { ONSITE_STR("sku"),
                                        ONSITE_STR("context.page"),
                                        ONSITE_STR("context.ip"),
                                        ONSITE_STR("plan") };
    onsite_outbox_event_t   event;
    onsite_outbox_fields_t  fields = { names, 4 };

    event = some_event(room, "{\"email\":\"e@x\",\"sku\":\"s\",\"sku2\":1}");
    event.context = json(room, "{\"page\":{\"path\":\"/\"},\"ip\":\"1\","
                         "\"locale\":\"fr\"}");
    (void) segment(room, &event, &fields);
    assert_non_null(strstr(room->text.data, "\"properties\":{\"sku\":\"s\"}"));
    assert_non_null(strstr(room->text.data, "\"context\":{\"page\":"
                           "{\"path\":\"/\"},\"onsite\""));
    assert_null(memmem(room->bytes.data, room->bytes.len, "e@x", 3));

    event.type = ONSITE_IDENTIFY;
    event.traits = json(room, "{\"plan\":\"gold\",\"email\":\"e@x\"}");
    (void) segment(room, &event, &fields);
    assert_non_null(strstr(room->text.data, "\"traits\":{\"plan\":\"gold\"}"));

    fields.n = 0;
    (void) segment(room, &event, &fields);
    assert_non_null(strstr(room->text.data, "\"traits\":{},\"context\":{"
                           "\"onsite\""));
}


/* Who sends none has one all the same, and always the same. */

static void
ids_follow_from_the_rest(void **state)
{
    char                    first[2048];
    room_t                 *room = *state;
    onsite_str_t            bytes;
    onsite_outbox_event_t   event = some_event(room, "{}");

    event.message_id = ONSITE_STR("");

    assert_non_null(strstr(segment(room, &event, NULL), "\"messageId\":"
                           "\"" SEVEN "\""));
    (void) snprintf(first, sizeof(first), "%s", room->text.data);
    assert_string_equal(segment(room, &event, NULL), first);

    bytes = encode(room, &event, NULL);
    onsite_buf_clear(&room->text);
    assert_int_equal(onsite_outbox_write(&room->text, 8, bytes, room->json,
                                         room->arena), ONSITE_OK);
    onsite_buf_char(&room->text, '\0');
    assert_null(strstr(room->text.data, SEVEN));
    assert_non_null(strstr(room->text.data, "{\"seq\":8,\"kind\":\"event\","
                           "\"id\":\""));
    assert_non_null(strstr(room->text.data, "\"user_id\":null,\"type\":"
                           "\"track\",\"event\":\"Product Added\",\"data\":{}}"
                           ));
}


/* As they are on the line, without it. */

static void
names_are_those_of_the_line(void **state)
{
    room_t                 *room = *state;
    onsite_str_t            site, bytes;
    onsite_outbox_event_t   event = some_event(room, "{}");

    event.message_id = ONSITE_STR("a \"b\"\n");
    onsite_buf_clear(&room->text);
    assert_int_equal(onsite_outbox_event_names(7, encode(room, &event, NULL),
                                               &site, &room->text), ONSITE_OK);
    assert_true(onsite_str_is(site, "shop"));
    assert_true(onsite_str_is(onsite_str(room->text.data, room->text.len),
                              "a \"b\"\n"));

    event.message_id = ONSITE_STR("");
    bytes = encode(room, &event, NULL);
    onsite_buf_clear(&room->text);
    assert_int_equal(onsite_outbox_event_names(7, bytes, &site, &room->text),
                     ONSITE_OK);
    assert_true(onsite_str_is(onsite_str(room->text.data, room->text.len),
                              SEVEN));

    bytes.len--;
    assert_int_equal(onsite_outbox_event_names(7, bytes, &site, &room->text),
                     ONSITE_CORRUPT);
}


/* Properties that are many, or long. */

static void
large_ones_fit(void **state)
{
    char                    text[32 * 1024];
    size_t                  i, n = 0;
    room_t                 *room = *state;
    onsite_outbox_event_t   event;

    for (i = 0; i < 3000; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%c\"%zu\":0.1",
                               i == 0 ? '{' : ',', i);
    }

    text[n++] = '}';
    text[n] = '\0';
    event = some_event(room, text);
    assert_true(strlen(segment(room, &event, NULL)) > n);

    /* a bound is a bound */

    onsite_buf_free(&room->bytes);
    onsite_buf_init(&room->bytes, 1000);
    onsite_outbox_event_encode(&event, NULL, &room->bytes);
    assert_true(room->bytes.failed);
}


/* Any byte may be any other: nothing but an error or a line of JSON. */

static void
damage_harms_nothing(void **state)
{
    size_t                  i, b;
    char                   *copy;
    room_t                 *room = *state;
    onsite_str_t            bytes;
    onsite_value_t          value;
    onsite_status_t         status;
    onsite_outbox_event_t   event;

    event = some_event(room, "{\"a\":[1,{\"b\":\"c\"}],\"d\":1.5}");
    event.context = json(room, "{\"page\":{\"path\":\"/\"}}");
    bytes = encode(room, &event, NULL);

    for (i = 0; i < bytes.len; i++) {
        onsite_buf_clear(&room->text);
        assert_int_equal(onsite_outbox_write_segment(&room->text, 1,
                         onsite_str(bytes.data, i)), ONSITE_CORRUPT);
        assert_int_equal(room->text.len, 0);

        for (b = 0; b < 256; b++) {
            copy = malloc(bytes.len);
            memcpy(copy, bytes.data, bytes.len);
            copy[i] = (char) b;
            onsite_buf_clear(&room->text);
            onsite_arena_reset(room->arena);
            status = onsite_outbox_write_segment(&room->text, 1,
                                                 onsite_str(copy, bytes.len));
            free(copy);

            if (status == ONSITE_OK) {
                assert_int_equal(onsite_json_parse(room->json, room->arena,
                                 onsite_str(room->text.data, room->text.len),
                                 &value, NULL), ONSITE_OK);
            } else {
                assert_int_equal(room->text.len, 0);
            }
        }
    }

    copy = (char *) (uintptr_t) bytes.data;
    copy[1] = 2;
    assert_int_equal(onsite_outbox_write_segment(&room->text, 1, bytes),
                     ONSITE_VERSION);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(leaves_as_it_came, setup, teardown),
        cmocka_unit_test_setup_teardown(each_call_has_its_members, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(only_what_is_let_out_leaves, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ids_follow_from_the_rest, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(names_are_those_of_the_line, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(large_ones_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_harms_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
