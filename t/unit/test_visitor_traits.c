/*
 * test_visitor_traits.c - of what a shop says about a visitor, what its
 * campaigns read is kept.
 */

#include "values.h"

#include "onsite_json.h"
#include "onsite_visitor_traits.h"

#define NAMES_MAX  8

/* An image of nothing but the names of traits. */
typedef struct {
    onsite_image_header_t  header;
    onsite_image_str_t     names[NAMES_MAX];
    char                   text[NAMES_MAX][8];
} traits_image_t;

typedef struct {
    onsite_arena_t    *arena;
    onsite_json_t     *json;
    traits_image_t     block;
    onsite_image_t     image;
    onsite_event_t     event;
    onsite_visitor_t   visitor;
} fixture_t;


static void
read_by_campaigns(fixture_t *f, const char *const *names)
{
    uint32_t  i;

    for (i = 0; names[i] != NULL; i++) {
        (void) snprintf(f->block.text[i], sizeof(f->block.text[i]), "%s",
                        names[i]);
        f->block.names[i] = (onsite_image_str_t) {
            (onsite_ref_t) (offsetof(traits_image_t, text) + i * 8),
            (uint32_t) strlen(names[i]) };
    }

    f->block.header.n_traits = i;
    f->block.header.traits = (onsite_ref_t) offsetof(traits_image_t, names);
    f->image = (onsite_image_t) { (const uint8_t *) &f->block,
                                  sizeof(f->block) };
}


static int
set_up(void **state)
{
    fixture_t  *f = calloc(1, sizeof(fixture_t));

    static const char *const  names[] = {
        "plan", "vip", "age", "groupId", NULL
    };

    assert_non_null(f);
    f->arena = onsite_arena_create(1 << 14, 1 << 20);
    f->json = onsite_json_create();
    onsite_visitor_init(&f->visitor);
    read_by_campaigns(f, names);
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


/* What is kept, as JSON; "absent". */

static const char *
identify(fixture_t *f, const char *traits)
{
    f->event.live = true;
    f->event.type = f->event.group_id.len != 0 ? ONSITE_GROUP
                                               : ONSITE_IDENTIFY;

    f->event.traits = value_of(f->json, f->arena, traits);
    assert_int_equal(onsite_visitor_traits(f->arena, &f->visitor, &f->event,
                                           &f->image), ONSITE_OK);

    return text_of(f->arena, &f->visitor.traits);
}


static void
only_what_is_read_is_kept(void **state)
{
    fixture_t  *f = *state;

    assert_string_equal(identify(f, "{\"email\":\"a@b.c\"}"), "absent");
    assert_string_equal(identify(f,
        "{\"age\":41,\"email\":\"a@b.c\",\"plan\":\"gold\"}"),
        "{\"plan\":\"gold\",\"age\":41}");

    /* what is not mentioned stays, null deletes, and so does what is none */

    assert_string_equal(identify(f, "{\"vip\":true,\"age\":null}"),
                        "{\"plan\":\"gold\",\"vip\":true}");
    assert_string_equal(identify(f, "{\"plan\":{\"name\":\"gold\"}}"),
                        "{\"vip\":true}");
    assert_string_equal(identify(f, "{}"), "{\"vip\":true}");
    assert_string_equal(identify(f, "{\"vip\":null}"), "absent");
}


/* Campaigns have changed: what none reads any more goes. */

static void
what_is_no_longer_read_goes(void **state)
{
    fixture_t                *f = *state;
    static const char *const  fewer[] = { "plan", NULL };
    static const char *const  none[] = { NULL };

    (void) identify(f, "{\"plan\":\"gold\",\"vip\":true}");
    read_by_campaigns(f, fewer);
    assert_string_equal(identify(f, "{}"), "{\"plan\":\"gold\"}");
    read_by_campaigns(f, none);
    assert_string_equal(identify(f, "{\"plan\":\"gold\"}"), "absent");
}


static void
groups_give_their_id(void **state)
{
    fixture_t  *f = *state;

    (void) identify(f, "{\"plan\":\"gold\"}");
    f->event.group_id = ONSITE_STR("acme");
    assert_string_equal(identify(f, "{\"plan\":\"of the group\"}"),
                        "{\"plan\":\"gold\",\"groupId\":\"acme\"}");
}


static void
other_events_say_nothing(void **state)
{
    fixture_t  *f = *state;

    (void) identify(f, "{\"plan\":\"gold\"}");
    assert_int_equal(onsite_json_parse(f->json, f->arena,
                                       ONSITE_STR("{\"plan\":\"x\"}"),
                                       &f->event.traits, NULL), ONSITE_OK);

    f->event.type = ONSITE_TRACK;
    assert_int_equal(onsite_visitor_traits(f->arena, &f->visitor, &f->event,
                                           &f->image), ONSITE_OK);
    f->event.type = ONSITE_IDENTIFY;
    f->event.live = false;
    assert_int_equal(onsite_visitor_traits(f->arena, &f->visitor, &f->event,
                                           &f->image), ONSITE_OK);
    assert_true(onsite_str_eq(
        onsite_value_get_str(&f->visitor.traits, ONSITE_STR("plan")),
        ONSITE_STR("gold")));
}


/* An unverified identify of another on a customer's device. */

static void
a_customer_keeps_their_own(void **state)
{
    fixture_t  *f = *state;

    (void) identify(f, "{\"plan\":\"gold\"}");
    f->visitor.verified = true;
    f->visitor.user_id = ONSITE_STR("u1");
    f->event.user_id = ONSITE_STR("u2");
    assert_string_equal(identify(f, "{\"plan\":\"x\"}"),
                        "{\"plan\":\"gold\"}");
    f->event.user_id = ONSITE_STR("u1");
    assert_string_equal(identify(f, "{\"plan\":\"y\"}"), "{\"plan\":\"y\"}");
}


/* The names come first who are read first; the room is 512 bytes in all. */

static void
traits_are_bounded(void **state)
{
    int         i;
    char        json[1024], text[600];
    fixture_t  *f = *state;

    memset(text, 'x', sizeof(text));

    for (i = 480; i < 512; i++) {
        text[i] = '\0';
        (void) snprintf(json, sizeof(json),
                        "{\"plan\":\"%s\",\"vip\":true,\"age\":1}", text);
        (void) identify(f, json);
        text[i] = 'x';

        /* 3 for the map; 5, 3 and text; 4 and 1; 4 and 1 */

        assert_int_equal(f->visitor.traits.type, ONSITE_OBJECT);
        assert_int_equal(f->visitor.traits.len,
                         3 + 5 + 3 + i + 5 + 5 <= 512 ? 3
                         : 3 + 5 + 3 + i + 5 <= 512 ? 2
                         : 3 + 5 + 3 + i <= 512 ? 1 : 2);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(only_what_is_read_is_kept, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_longer_read_goes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(groups_give_their_id, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(other_events_say_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_customer_keeps_their_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(traits_are_bounded, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
