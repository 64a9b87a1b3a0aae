/*
 * test_inject_vectors.c - tags read by vectors of each width, and byte by byte,
 * whatever they are made of.
 */

#include "unit.h"
#include "onsite_buf.h"
#include "onsite_inject.h"

/* Of all that tags are made of. */

static const char  *fragments[] = {
    "<", "</", ">", "/", "/>", "=", "\"", "'", " ", "\n", "\f", "\v", "\x01",
    "a", "B", "[", "x", "<p>", "</p>", "<P CLASS=\"a<b>\">", "<br/>",
    "<a href=\"/p?a=b&c='d'\">", "<a href='a\"b'>", "<a href=/x/>", "<i b>",
    "<div data-x = \"y\" >", "<a\"b=\"c\">", "<a b=c=\"d>", "<x-element>",
    "<blockquote>", "<textarea>", "</textarea>", "<noscript a=\"b\">",
    "</noscript>", "<title>", "</TITLE >", "<script>", "<!--", "-->",
    "</script>", "<svg a=b/>", "<SVG viewBox=\"0 0 1 1\">", "<path d='M'/>",
    "<g>", "</g>", "</svg>", "<font\tcolor=a>", "<template id=\"t\">",
    "</template>", "<select>", "<input a=''>", "</select>", "<option>",
    "<math>", "<mi>", "</math>", "<head>", "</head>", "<body a=\"b\">",
    "</body>", "</html\n>", "text of some length, with no tag in it at all ",
    "<a title=\"it's\">", "<a title='\"'>", "<a b=\"'\" c='d'>", "<a b= \"c\">",
    "<a =\"b>", "<a=\"b>\">", "<a b=\"c=\"d\">", "<a b='c='d>", "<a b=\"='>",
    "<plaintext>", "<blockquotes>", "<textareas>", "</blockquote >", "<pl>",
    "<div data-onsite-slot=\"hero\">", "<b DATA-ONSITE-SLOT=b>", "</div>",
    "</b>", "<!--onsite:slot b-->", "<!--/onsite:slot-->", "<table>", "<td>",
    "</table>", "<header>", "<section a>", "</section>", "<1>", "<?x>", "<\xc1>"
};

#define FRAGMENTS  (sizeof(fragments) / sizeof(fragments[0]))

#define EVERYWHERE  ((1u << ONSITE_PLACES) - 1)

/* Behind the last tag, so that it is read by the widest, too. */

#define ROOM  128

typedef struct {
    bool               slots;
    onsite_vectors_t   vectors;
    size_t             step;
    onsite_buf_t       out;
    void              *blocks[512];
    unsigned           n_blocks;
} run_t;


static void *
allocate(void *data, size_t size)
{
    run_t  *run = data;

    assert_in_range(run->n_blocks, 0, 511);
    run->blocks[run->n_blocks] = malloc(size);

    return run->blocks[run->n_blocks++];
}


static void
add_slice(onsite_buf_t *out, const onsite_slice_t *slice)
{
    if (slice->kind == ONSITE_SLICE_INSERT) {
        onsite_buf_printf(out, "{%u}", slice->place);
    } else {
        onsite_buf_str(out, slice->bytes);
    }
}


static void
scan(run_t *run, onsite_str_t page)
{
    size_t              at, len;
    onsite_slice_t      slice;
    onsite_inject_t    *inject = malloc(onsite_inject_size());
    const onsite_str_t  names[] = { ONSITE_STR("hero"), ONSITE_STR("b") };

    assert_non_null(inject);
    onsite_inject_init(inject, EVERYWHERE);
    onsite_inject_vectors(inject, run->vectors);
    onsite_inject_slots(inject, names, run->slots ? 2 : 0);
    onsite_inject_memory(inject, allocate, run);
    onsite_buf_clear(&run->out);

    for (at = 0; at < page.len; at += len) {
        len = run->step < page.len - at ? run->step : page.len - at;
        onsite_inject_feed(inject, onsite_str(page.data + at, len),
                           at + len == page.len);

        while (onsite_inject_next(inject, &slice)) {
            add_slice(&run->out, &slice);
        }
    }

    while (run->n_blocks != 0) {
        free(run->blocks[--run->n_blocks]);
    }

    free(inject);
}


static void
compare(run_t *run, onsite_str_t page, const run_t *bytes)
{
    for (run->vectors = ONSITE_VECTORS_16; run->vectors <= ONSITE_VECTORS_64;
         run->vectors++)
    {
        scan(run, page);

        if (run->out.len != bytes->out.len
            || memcmp(run->out.data, bytes->out.data, run->out.len) != 0)
        {
            print_message("%u, %zu: %.*s\n  gives %.*s\n", run->vectors,
                          run->step, (int) page.len, page.data,
                          (int) run->out.len, run->out.data);
        }

        assert_int_equal(run->out.len, bytes->out.len);
        assert_memory_equal(run->out.data, bytes->out.data, run->out.len);
    }
}


static uint32_t
pick(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525 + 1013904223;

    return (*seed >> 16) % n;
}


static void
any_tags_read_as_byte_by_byte(void **state)
{
    unsigned      i, n;
    uint32_t      seed = 1;
    run_t         run = { .n_blocks = 0 }, bytes = { .step = 1 };
    onsite_buf_t  page;

    (void) state;
    onsite_buf_init(&page, 0);
    onsite_buf_init(&run.out, 0);
    onsite_buf_init(&bytes.out, 0);

    for (i = 0; i < 20000; i++) {
        onsite_buf_clear(&page);

        for (n = i % 24 + 1; n != 0; n--) {
            onsite_buf_printf(&page, "%s", fragments[pick(&seed, FRAGMENTS)]);
        }

        onsite_buf_printf(&page, "<p></p></body>%*s", i % 2 == 0 ? ROOM : 1,
                          "");
        run.slots = bytes.slots = i % 4 >= 2;
        run.step = i % 5 == 0 ? 100 + i % 90 : page.len;
        scan(&bytes, onsite_str(page.data, page.len));
        compare(&run, onsite_str(page.data, page.len), &bytes);
    }

    onsite_buf_free(&page);
    onsite_buf_free(&run.out);
    onsite_buf_free(&bytes.out);
}


/* A tag's end is in doubt where its quotes are. */

static void
any_quotes_read_as_byte_by_byte(void **state)
{
    unsigned      i, n;
    uint32_t      seed = 1;
    run_t         run = { .step = SIZE_MAX }, bytes = { .step = 1 };
    onsite_buf_t  page;
    const char   *pieces[] = {
        "=\"", "='", "\"", "'", " ", "=", ">", "<", "b", " c", "= ", "/",
        "</body>", "\" ", "' ", "=\"x\"", "='y'", "\t", "<d e=\"",
        " data-%*st=\"", " %*s", "b%*s"
    };

    (void) state;
    onsite_buf_init(&page, 0);
    onsite_buf_init(&run.out, 0);
    onsite_buf_init(&bytes.out, 0);

    for (i = 0; i < 100000; i++) {
        onsite_buf_clear(&page);
        onsite_buf_printf(&page, "<body><a b");

        for (n = pick(&seed, 10); n != 0; n--) {
            onsite_buf_printf(&page, pieces[pick(&seed, 22)],
                              (int) pick(&seed, 70), "");
        }

        onsite_buf_printf(&page, ">x</body>\">y</body>'></body>%*s", ROOM, "");
        scan(&bytes, onsite_str(page.data, page.len));
        compare(&run, onsite_str(page.data, page.len), &bytes);
    }

    onsite_buf_free(&page);
    onsite_buf_free(&run.out);
    onsite_buf_free(&bytes.out);
}


/* Each place in a block, and tags that are longer than many of them. */

static void
tags_anywhere_in_blocks(void **state)
{
    size_t        before, value, i;
    run_t         run = { .step = 100000 }, bytes = { .step = 1 };
    onsite_buf_t  page;
    const char   *tags[] = {
        "<a b=\"%*s\" c='>'>", "<a b=c%*s='>'>", "</a%*s>", "<a b='%*s\"'>",
        "<a b=\"%*s>\">", "<scrip%*s>", "<%*s>",
        "<b a%*sdata-onsite-slot=\"b\">", "<div%*sdata-onsite-slot=\"b\">x</div>",
        "<a b=\"%*s='\" c='>'>"
    };

    (void) state;
    onsite_buf_init(&page, 0);
    onsite_buf_init(&run.out, 0);
    onsite_buf_init(&bytes.out, 0);

    for (i = 0; i < 66 * 10; i++) {
        for (value = 0; value < 3000; value += value < 66 ? 3 : 1111) {
            before = i / 10;
            onsite_buf_clear(&page);
            onsite_buf_printf(&page, "<body>%*s", (int) before, "");
            onsite_buf_printf(&page, tags[i % 10], (int) value, "");
            onsite_buf_printf(&page, "</body>%*s</body>", ROOM, "");
            run.slots = bytes.slots = i % 20 >= 10;
            scan(&bytes, onsite_str(page.data, page.len));
            compare(&run, onsite_str(page.data, page.len), &bytes);
        }
    }

    onsite_buf_free(&page);
    onsite_buf_free(&run.out);
    onsite_buf_free(&bytes.out);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(any_tags_read_as_byte_by_byte),
        cmocka_unit_test(any_quotes_read_as_byte_by_byte),
        cmocka_unit_test(tags_anywhere_in_blocks)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
