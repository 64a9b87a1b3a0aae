/*
 * template.h - templates, compiled and rendered, also as pieces.
 */

#ifndef ONSITE_UNIT_TEMPLATE_H
#define ONSITE_UNIT_TEMPLATE_H

#include "unit.h"
#include "onsite_inject.h"
#include "onsite_json.h"
#include "onsite_limits.h"
#include "onsite_template.h"

typedef struct {
    onsite_builder_t        *b;
    onsite_arena_t          *arena;
    onsite_json_t           *json;
    onsite_image_t           image;
    onsite_ref_t             program;
    uint32_t                 roots;
    onsite_event_t           event;
    onsite_error_t           error;
    onsite_buf_t             out;
    onsite_prices_t          prices;
    onsite_template_site_t   site;
    size_t                   pieces;
    bool                     stable;    /* the first of them               */
} fixture_t;


/* As much of CLDR as is needed here: "1.234,50 EUR" everywhere. */

static inline bool
find_locale(void *data, onsite_str_t tag, char out[ONSITE_LOCALE_BYTES_MAX])
{
    (void) data;

    if (tag.len != 5) {
        return false;
    }

    memset(out, 0, ONSITE_LOCALE_BYTES_MAX);
    memcpy(out, tag.data, tag.len);

    return true;
}


static inline size_t
list_currencies(void *data, bool in_use, const char (**codes)[4])
{
    static const char  all[][4] = { "EUR", "JPY" };

    (void) data;
    (void) in_use;
    *codes = all;

    return 2;
}


static inline onsite_status_t
find_pattern(void *data, const char *locale, const char *currency,
    onsite_price_pattern_t *out)
{
    static char  after[16];

    (void) data;
    (void) snprintf(after, sizeof(after), " %s %.2s", currency, locale);
    *out = (onsite_price_pattern_t) {
        .digits = currency[0] == 'J' ? 0 : 2, .primary = 3, .secondary = 3,
        .least = 1, .decimal = ONSITE_STR(","), .group = ONSITE_STR("."),
        .before = onsite_str("", 0), .minus_before = ONSITE_STR("-"),
        .after = onsite_str(after, strlen(after)),
        .minus_after = onsite_str(after, strlen(after))
    };

    return ONSITE_OK;
}


static const onsite_cldr_t  cldr = {
    find_locale, list_currencies, find_pattern, NULL
};


static inline onsite_value_t
parse(fixture_t *f, const char *text)
{
    onsite_value_t  value;

    assert_int_equal(onsite_json_parse(f->json, f->arena,
                                       onsite_str(text, strlen(text)),
                                       &value, &f->error), ONSITE_OK);
    return value;
}


static inline void
begin(fixture_t *f)
{
    memset(f, 0, sizeof(*f));
    f->b = onsite_builder_create();
    f->arena = onsite_arena_create(16384, 1 << 20);
    f->json = onsite_json_create();
    onsite_buf_init(&f->out, 0);
    f->prices.cldr = &cldr;
    f->site.prices = &f->prices;
}


static inline void
end(fixture_t *f)
{
    onsite_builder_destroy(f->b);
    onsite_arena_destroy(f->arena);
    onsite_json_destroy(f->json);
    onsite_buf_free(&f->out);
}


static inline onsite_status_t
compile_html(fixture_t *f, onsite_str_t html)
{
    return onsite_template_compile_html(f->b, html, f->site, &f->program,
                                        &f->roots, &f->error);
}


/* As pieces it is the same, and only literals of the image are stable. */

static inline void
compare_pieces(fixture_t *f, onsite_context_t *context,
    onsite_status_t expected)
{
    size_t            i;
    bool              inside;
    const char       *base = (const char *) f->image.base;
    onsite_buf_t      scratch, text;
    onsite_str_t      bytes;
    onsite_pieces_t   pieces;

    onsite_buf_init(&scratch, ONSITE_HTML_MAX);
    onsite_buf_init(&text, 0);
    assert_int_equal(onsite_template_render_pieces(context, f->program,
                                                   &scratch, &pieces),
                     expected);

    if (expected == ONSITE_OK) {
        assert_true(pieces.n <= ONSITE_PIECES_MAX);
        assert_int_equal(pieces.len, f->out.len);

        for (i = 0; i < pieces.n; i++) {
            bytes = pieces.pieces[i].bytes;
            inside = bytes.data >= base
                     && bytes.data + bytes.len <= base + f->image.size;
            assert_int_equal(inside, pieces.pieces[i].stable);
            assert_true(bytes.len >= (inside ? ONSITE_PIECE_MIN : 1));
        }

        onsite_pieces_write(&text, &pieces);
        assert_int_equal(text.len, f->out.len);

        if (text.len != 0) {
            assert_memory_equal(text.data, f->out.data, text.len);
        }

        f->stable = pieces.n != 0 && pieces.pieces[0].stable;
        f->pieces = pieces.n;
    }

    onsite_buf_free(&scratch);
    onsite_buf_free(&text);
}


static inline onsite_status_t
render(fixture_t *f)
{
    uint32_t                n;
    onsite_ref_t            prices;
    onsite_status_t         status;
    onsite_context_t        context = { .arena = f->arena,
                                        .event = &f->event, .stamp = 1 };
    onsite_image_header_t  *header;

    assert_int_equal(onsite_prices_build(&f->prices, f->b, &prices),
                     ONSITE_OK);
    header = onsite_builder_at(f->b, 0);
    header->prices = prices;

    assert_int_equal(onsite_builder_finish(f->b, ONSITE_STR("s"), 1,
                                           &f->image, &f->error), ONSITE_OK);
    assert_int_equal(onsite_prices_verify(&f->image, &f->error), ONSITE_OK);
    assert_int_equal(onsite_template_verify(&f->image, f->program,
                                            &f->error), ONSITE_OK);

    n = onsite_image_header(&f->image)->n_slots;
    context.image = &f->image;
    context.memo = calloc(n + 1, sizeof(onsite_memo_t));
    assert_non_null(context.memo);

    onsite_buf_clear(&f->out);
    status = onsite_template_render(&context, f->program, &f->out);
    compare_pieces(f, &context, status);
    free(context.memo);

    return status;
}


static inline void
expect_str(const char *html, const char *properties, onsite_str_t expected)
{
    fixture_t  f;

    begin(&f);
    f.event.properties = parse(&f, properties);

    if (compile_html(&f, onsite_str(html, strlen(html))) != ONSITE_OK) {
        print_message("%s: %s\n", html, f.error.text);
        fail();
    }

    assert_int_equal(render(&f), ONSITE_OK);

    if (!onsite_str_eq(onsite_str(f.out.data, f.out.len), expected)) {
        print_message("%s\n  gives    %.*s\n  expected %.*s\n", html,
                      (int) f.out.len, f.out.data, (int) expected.len,
                      expected.data);
        fail();
    }

    end(&f);
}


static inline void
expect(const char *html, const char *properties, const char *expected)
{
    expect_str(html, properties, onsite_str(expected, strlen(expected)));
}


/* In these, "$" stands for "event.properties.". */

static inline char *
spell_out(const char *text)
{
    char        *out = malloc(strlen(text) * 20 + 1), *p = out;

    assert_non_null(out);

    for (/* void */; *text != '\0'; text++) {
        if (*text == '$') {
            p += sprintf(p, "event.properties.");
        } else {
            *p++ = *text;
        }
    }

    *p = '\0';

    return out;
}


static inline void
expect_short(const char *html, const char *properties, const char *expected)
{
    char  *text = spell_out(html);

    expect(text, properties, expected);
    free(text);
}

#endif
