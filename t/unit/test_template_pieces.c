/*
 * test_template_pieces.c - renderings as pieces: long literals stay where they
 * are.
 */

#include "template.h"


/* "x" is a literal of 255 bytes, "X" one of 256, "." a value, "[" and "]" a
 * section over 40 items. */

static void
expect_pieces(const char *shape, size_t n, bool stable)
{
    size_t        i;
    fixture_t     f;
    onsite_buf_t  html;

    begin(&f);
    onsite_buf_init(&html, 0);
    onsite_buf_printf(&html, "{\"v\":\"v\",\"l\":[0");

    for (i = 1; i < 40; i++) {
        onsite_buf_printf(&html, ",0");
    }

    onsite_buf_printf(&html, "]}");
    f.event.properties = parse(&f, html.data);
    onsite_buf_clear(&html);

    for (/* void */; *shape != '\0'; shape++) {
        onsite_buf_printf(&html, *shape == 'x' ? "%0255d"
                          : *shape == 'X' ? "%0256d"
                          : *shape == '.' ? "{{event.properties.v}}"
                          : *shape == '[' ? "{{#event.properties.l}}"
                                          : "{{/event.properties.l}}", 0);
    }

    assert_int_equal(compile_html(&f, onsite_str(html.data, html.len)),
                     ONSITE_OK);
    assert_int_equal(render(&f), ONSITE_OK);
    assert_int_equal(f.pieces, n);
    assert_int_equal(f.stable, stable);

    onsite_buf_free(&html);
    end(&f);
}


static void
long_literals_are_not_copied(void **state)
{
    (void) state;
    expect_pieces("", 0, false);
    expect_pieces(".", 1, false);
    expect_pieces("x", 1, false);
    expect_pieces("X", 1, true);
    expect_pieces(".x.", 1, false);
    expect_pieces(".X.", 3, false);
    expect_pieces("X.X", 3, true);
    expect_pieces("[X]", 31 + 1, true);         /* the 32nd on is copied   */
    expect_pieces("[.X]", 31 * 2 + 1, false);
    expect_pieces("[]X", 1, true);
}


static void
pieces_need_an_arena(void **state)
{
    fixture_t          f;
    onsite_buf_t       scratch;
    onsite_pieces_t    pieces;
    onsite_context_t   context = { .image = &f.image };

    (void) state;
    begin(&f);
    assert_int_equal(compile_html(&f, ONSITE_STR("<p>text</p>")), ONSITE_OK);
    assert_int_equal(render(&f), ONSITE_OK);

    context.arena = onsite_arena_create(64, 128);
    onsite_buf_init(&scratch, 0);

    while (onsite_arena_alloc(context.arena, 16) != NULL) {
        /* void */
    }

    assert_int_equal(onsite_template_render_pieces(&context, f.program,
                                                   &scratch, &pieces),
                     ONSITE_NO_MEMORY);
    assert_int_equal(pieces.n, 0);
    assert_int_equal(onsite_template_render_pieces(&context, 0, &scratch,
                                                   &pieces), ONSITE_OK);
    assert_int_equal(pieces.len, 0);

    onsite_buf_free(&scratch);
    onsite_arena_destroy(context.arena);
    end(&f);
}


static void
pieces_as_one_json_string(void **state)
{
    onsite_buf_t     out;
    onsite_piece_t   list[] = { { ONSITE_STR("<b>\""), true },
                                { ONSITE_STR("\xc3\xa9\n"), false } };
    onsite_pieces_t  pieces = { list, 2, 7 };

    (void) state;
    onsite_buf_init(&out, 0);
    onsite_pieces_write_json(&out, &pieces);
    assert_str(onsite_str(out.data, out.len),
               "\"\\u003cb>\\\"\xc3\xa9\\n\"");

    onsite_buf_clear(&out);
    onsite_pieces_write_json(&out, &(onsite_pieces_t) { .n = 0 });
    assert_str(onsite_str(out.data, out.len), "\"\"");
    onsite_buf_free(&out);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(long_literals_are_not_copied),
        cmocka_unit_test(pieces_need_an_arena),
        cmocka_unit_test(pieces_as_one_json_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
