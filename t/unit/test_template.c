/*
 * test_template.c - templates: values, sections, data, bounds, and that no
 * image harms who renders it.
 */

#include "template.h"


static void
values_of_every_type(void **state)
{
    const char  *all = "{\"s\":\"a<b\",\"n\":12.5,\"t\":true,\"f\":false,"
                       "\"z\":null,\"a\":[1,\"<\"],\"o\":{\"k\":\"'\"}}";

    (void) state;

    expect("plain", "{}", "plain");
    expect("", "{}", "");
    expect_short("{{$s}}", all, "a&lt;b");
    expect_short("{{ $s\n}}!", all, "a&lt;b!");
    expect_short("{{$n}}|{{$t}}|{{$f}}", all, "12.5|true|false");
    expect_short("[{{$z}}{{$nothing}}]", all, "[]");
    expect_short("{{$a}}", all, "[1,&quot;\\u003c&quot;]");
    expect_short("{{$o}}", all, "{&quot;k&quot;:&quot;&#39;&quot;}");
    expect_short("{{$o.k}}", all, "&#39;");
    expect_short("{{$a.1}}", all, "&lt;");
    expect("{{event.name}}", "{}", "");
    expect_short("&#123;&#123;x}}", all, "&#123;&#123;x}}");
    expect_short("{ {x} }", all, "{ {x} }");
}


static void
sections(void **state)
{
    const char  *data = "{\"l\":[\"a\",\"<\"],\"e\":[],\"o\":{\"n\":1},"
                        "\"p\":[{\"n\":\"x\",\"q\":[1,2]},{\"n\":\"y\"}],"
                        "\"zero\":0,\"s\":\"\",\"t\":true}";

    (void) state;

    expect_short("{{#$l}}<li>{{.}}</li>{{/$l}}", data,
                 "<li>a</li><li>&lt;</li>");
    expect_short("{{#$e}}x{{/$e}}{{^$e}}none{{/$e}}", data, "none");
    expect_short("{{#$t}}yes{{/$t}}{{^$t}}no{{/$t}}", data, "yes");
    expect_short("{{#$zero}}x{{/$zero}}{{#$s}}x{{/$s}}{{#$no}}x{{/$no}}",
                 data, "");
    expect_short("{{#$o}}{{n}}{{.n}}{{/$o}}", data, "11");
    expect_short("{{#$p}}{{n}}:{{#q}}{{.}},{{/q}}{{^q}}-{{/q}};{{/$p}}",
                 data, "x:1,2,;y:-;");
    expect_short("{{#$p}}{{$o.n}}{{/$p}}", data, "11");
    expect_short("{{#$p}}{{event}}{{.event.x}}{{/$p}}", data, "");
    expect_short("<a class=\"a{{#$t}} on{{/$t}}\">b</a>", data,
                 "<a class=\"a on\">b</a>");
    expect_short("{{^$no}}{{.}}{{/$no}}", data, "");
}


static void
errors_say_where(void **state)
{
    fixture_t  f;

    (void) state;
    begin(&f);

    assert_int_equal(compile_html(&f, ONSITE_STR("<p>\n  <b x={{cart.value}}>"
                                                 "</p>")), ONSITE_INVALID);
    assert_memory_equal(f.error.text, "2:8: {{cart.value}} stands", 26);
    end(&f);
}


static void
rendering_is_bounded(void **state)
{
    char             text[4100];
    fixture_t        f;
    onsite_value_t   items[200];
    onsite_member_t  member = { .key = ONSITE_STR("x") };
    size_t           i;

    (void) state;
    begin(&f);
    memset(text, '<', sizeof(text));

    for (i = 0; i < 200; i++) {
        items[i] = onsite_value_string(onsite_str(text, 1));
    }
    member.value = (onsite_value_t) { .type = ONSITE_ARRAY, .len = 200,
                                      .as.items = items };
    f.event.properties = (onsite_value_t) { .type = ONSITE_OBJECT, .len = 1,
                                            .as.members = &member };

    assert_int_equal(compile_html(&f, ONSITE_STR("{{#event.properties.x}}{{.}}"
                                          "{{/event.properties.x}}")),
                     ONSITE_OK);
    assert_int_equal(render(&f), ONSITE_OK);
    assert_int_equal(f.out.len, 64 * 4);

    for (i = 0; i < 200; i++) {
        items[i] = onsite_value_string(onsite_str(text, sizeof(text)));
    }
    assert_int_equal(render(&f), ONSITE_LIMIT);
    end(&f);

    begin(&f);
    f.event.properties = (onsite_value_t) { .type = ONSITE_OBJECT, .len = 1,
                                            .as.members = &member };
    assert_int_equal(compile_html(&f, ONSITE_STR(
        "{{#event.properties.x}}{{#event.properties.x}}"
        "{{#event.properties.x}}{{/event.properties.x}}"
        "{{/event.properties.x}}{{/event.properties.x}}")), ONSITE_OK);
    assert_int_equal(render(&f), ONSITE_LIMIT);
    end(&f);
}


static void
data_keeps_types(void **state)
{
    fixture_t       f;
    onsite_value_t  data;

    (void) state;
    begin(&f);
    f.event.properties = parse(&f, "{\"n\":5,\"s\":\"a\\\"<\",\"l\":[1,2]}");
    data = parse(&f, "{\"a\":\"{{event.properties.n}}\","
                     "\"b\":\"x {{event.properties.s}} {{ event.properties.n"
                     " }}\",\"c\":[true,null,1.5,\"t\\\"\"],"
                     "\"d\":\"{{event.properties.none}}\","
                     "\"e\":{\"f\":\"{{event.properties.l}}\"},"
                     "\"g\":\"{{#event.properties.l}}{{.}};"
                     "{{/event.properties.l}}\","
                     "\"h\":\"{{event.properties.none}}!\","
                     "\"i\":\"{{event.properties.n | default 1}}\","
                     "\"j\":\"{{event.properties.s | upper}}\","
                     "\"k\":\"{{event.properties.none | upper}}\","
                     "\"m\":\"{{! nothing }}\"}");

    assert_int_equal(onsite_template_compile_data(f.b, &data, f.site,
                                                  &f.program, &f.roots,
                                                  &f.error),
                     ONSITE_OK);
    assert_int_equal(f.roots, 1u << ONSITE_ROOT_EVENT);
    assert_int_equal(render(&f), ONSITE_OK);
    assert_str(onsite_str(f.out.data, f.out.len),
               "{\"a\":5,\"b\":\"x a\\\"\\u003c 5\",\"c\":[true,null,1.5,"
               "\"t\\\"\"],\"d\":null,\"e\":{\"f\":[1,2]},\"g\":\"1;2;\","
               "\"h\":\"!\",\"i\":\"5\",\"j\":\"A\\\"\\u003c\","
               "\"k\":\"\",\"m\":\"\"}");
    end(&f);
}


static void
data_errors_say_where(void **state)
{
    fixture_t       f;
    onsite_value_t  data;

    (void) state;
    begin(&f);

    data = parse(&f, "{\"a\":{\"b\":[0,\"x{{nobody}}\"]}}");
    assert_int_equal(onsite_template_compile_data(f.b, &data, f.site,
                                                  &f.program, &f.roots,
                                                  &f.error),
                     ONSITE_INVALID);
    assert_memory_equal(f.error.text, "a.b[1]: 1:2: \"nobody\"", 21);

    data = parse(&f, "{\"a\":\"{{#cart.skus}}\"}");
    assert_int_equal(onsite_template_compile_data(f.b, &data, f.site,
                                                  &f.program, &f.roots,
                                                  &f.error),
                     ONSITE_INVALID);

    data = parse(&f, "{\"{{cart.value}}\":1}");
    assert_int_equal(onsite_template_compile_data(f.b, &data, f.site,
                                                  &f.program, &f.roots,
                                                  &f.error),
                     ONSITE_INVALID);
    end(&f);
}


static void
tells_which_properties_it_reads(void **state)
{
    fixture_t     f;
    onsite_str_t  keys[6];

    (void) state;
    begin(&f);
    assert_int_equal(compile_html(&f, ONSITE_STR(
        "{{event.properties.a}}{{event.properties.b.c}}{{visitor.visits}}"
        "{{event.properties.a}}{{#event.properties.d}}{{x}}"
        "{{/event.properties.d}}{{visitor.id | default event.properties.e |"
        " price event.properties.f request.language}}")), ONSITE_OK);
    assert_int_equal(f.roots, 1u << ONSITE_ROOT_EVENT
                              | 1u << ONSITE_ROOT_VISITOR
                              | 1u << ONSITE_ROOT_REQUEST);
    assert_int_equal(render(&f), ONSITE_OK);
    assert_int_equal(onsite_template_properties(&f.image, f.program, keys, 6),
                     5);
    assert_str(keys[3], "e");
    assert_str(keys[4], "f");
    assert_str(keys[0], "a");
    assert_str(keys[1], "b");
    assert_str(keys[2], "d");
    assert_int_equal(onsite_template_properties(&f.image, f.program, keys, 1),
                     1);
    assert_int_equal(onsite_template_properties(&f.image, 0, keys, 4), 0);
    end(&f);
}


/* A program with any one byte changed is refused or still safe to render. */

static void
verify_withstands_any_byte(void **state)
{
    size_t                  i, k;
    uint8_t                 old, *bytes;
    fixture_t               f;
    onsite_memo_t           memo[8];
    onsite_arena_t         *arena = onsite_arena_create(65536, 1 << 20);
    onsite_context_t        context;
    onsite_image_header_t  *header;

    (void) state;
    begin(&f);
    f.event.properties = parse(&f, "{\"l\":[{\"a\":1},{\"a\":2}],\"x\":1}");
    assert_int_equal(compile_html(&f, ONSITE_STR(
        "<p>{{event.properties.x}}{{#event.properties.l}}a{{a}}{{^b}}{{.}}"
        "{{/b}}{{a | default b | upper}}{{/event.properties.l}}</p>"
        "{{event.properties.y | default event.properties.x | truncate 3 |"
        " upper | price 'EUR' 'de-DE' | default 'text'}}"
        "{{event.properties.x | price event.properties.y event.properties.l |"
        " lower}}")), ONSITE_OK);
    assert_int_equal(render(&f), ONSITE_OK);

    header = (onsite_image_header_t *) f.image.base;

    for (i = sizeof(*header); i < f.image.size; i++) {
        for (k = 0; k < 256; k += 5) {
            bytes = (uint8_t *) f.image.base;
            old = bytes[i];
            bytes[i] = (uint8_t) k;

            header->checksum = onsite_image_checksum(&f.image);

            if (onsite_image_verify_tables(&f.image, NULL) == ONSITE_OK
                && onsite_prices_verify(&f.image, NULL) == ONSITE_OK
                && onsite_template_verify(&f.image, f.program, NULL)
                   == ONSITE_OK)
            {
                onsite_arena_reset(arena);
                memset(memo, 0, sizeof(memo));
                context = (onsite_context_t) {
                    .image = &f.image, .arena = arena, .event = &f.event,
                    .stamp = 1, .memo = memo
                };
                onsite_buf_clear(&f.out);
                (void) onsite_template_render(&context, f.program, &f.out);
            }
            bytes[i] = old;
        }
    }

    assert_int_equal(onsite_template_verify(&f.image, f.image.size - 4, NULL),
                     ONSITE_CORRUPT);
    onsite_arena_destroy(arena);
    end(&f);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(values_of_every_type),
        cmocka_unit_test(sections),
        cmocka_unit_test(errors_say_where),
        cmocka_unit_test(rendering_is_bounded),
        cmocka_unit_test(data_keeps_types),
        cmocka_unit_test(data_errors_say_where),
        cmocka_unit_test(tells_which_properties_it_reads),
        cmocka_unit_test(verify_withstands_any_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
