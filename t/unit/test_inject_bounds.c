/*
 * test_inject_bounds.c - pages made to use up memory: what the scanner asks
 * for stays in its bounds, and what it does there does not depend on how the
 * page was cut.
 */

#include "unit.h"
#include "onsite_buf.h"
#include "onsite_inject.h"
#include "onsite_limits.h"

#define BLOCKS  64

typedef struct {
    onsite_inject_t  *inject;
    size_t            asked;            /* bytes                           */
    void             *blocks[BLOCKS];
    unsigned          n_blocks;
    unsigned          filled;
    onsite_str_t     *slices;
    size_t            n;
    size_t            room;
    onsite_buf_t      out;
} run_t;

static const onsite_str_t  names[] = { { 1, "a" }, { 1, "b" } };

static const onsite_str_t  marks[] = {
    { 3, "[0]" }, { 3, "[1]" }, { 3, "[2]" }, { 3, "[3]" }, { 3, "[A]" },
    { 3, "[B]" }
};


static void *
allocate(void *data, size_t size)
{
    run_t  *run = data;

    run->asked += size;
    assert_in_range(run->n_blocks, 0, BLOCKS - 1);
    run->blocks[run->n_blocks] = malloc(size);

    return run->blocks[run->n_blocks++];
}


static void
feed(run_t *run, onsite_str_t input, bool last)
{
    bool            insert;
    onsite_slice_t  slice;

    onsite_inject_feed(run->inject, input, last);

    while (onsite_inject_next(run->inject, &slice)) {

        if (run->n == run->room) {
            run->room = 2 * run->room + 1024;
            run->slices = realloc(run->slices,
                                  run->room * sizeof(onsite_str_t));
        }

        insert = slice.kind == ONSITE_SLICE_INSERT;
        run->filled += insert && slice.place >= ONSITE_PLACES;
        run->slices[run->n++] = insert ? marks[slice.place] : slice.bytes;
    }
}


/* What was held back has to stay as it was: it is read at the end only. */

static void
end(run_t *run)
{
    size_t  i;

    onsite_buf_clear(&run->out);

    for (i = 0; i < run->n; i++) {
        onsite_buf_str(&run->out, run->slices[i]);
    }

    while (run->n_blocks != 0) {
        free(run->blocks[--run->n_blocks]);
    }
}


static void
set_up(run_t *run)
{
    memset(run, 0, sizeof(run_t));
    run->inject = malloc(onsite_inject_size());
    onsite_buf_init(&run->out, 0);
}


static void
tear_down(run_t *run)
{
    free(run->inject);
    free(run->slices);
    onsite_buf_free(&run->out);
}


/* The page, cut into inputs of this size. */

static void
read_page(run_t *run, onsite_str_t page, size_t step)
{
    size_t  at, len;

    run->asked = 0;
    run->filled = 0;
    run->n = 0;
    onsite_inject_init(run->inject, 1u << ONSITE_PLACE_BODY_END);
    onsite_inject_slots(run->inject, names, 2);
    onsite_inject_memory(run->inject, allocate, run);

    for (at = 0; at < page.len; at += len) {
        len = step < page.len - at ? step : page.len - at;
        feed(run, onsite_str(page.data + at, len), at + len == page.len);
    }

    end(run);
}


/* A part as often as size holds; "~" in it stands for that many bytes of
 * fill. */

static void
repeat(onsite_buf_t *page, const char *part, size_t size, char fill, size_t n)
{
    size_t       i;
    const char  *p;

    onsite_buf_clear(page);
    onsite_buf_str(page, ONSITE_STR("<!doctype html><body>"));

    while (page->len < size) {

        for (p = part; *p != '\0'; p++) {
            if (*p != '~') {
                onsite_buf_char(page, *p);
                continue;
            }

            for (i = 0; i < n; i++) {
                onsite_buf_char(page, fill);
            }
        }
    }
}


/* How many slots are filled, however it is cut. */

static unsigned
expect_bounded(const onsite_buf_t *page, const char *what)
{
    run_t         whole, run;
    size_t        i;
    unsigned      filled;
    onsite_str_t  text = onsite_str(page->data, page->len);
    static const size_t  steps[] = { 1, 61, 1460, 4096, 65536, 65537 };

    set_up(&whole);
    set_up(&run);
    read_page(&whole, text, text.len);
    filled = whole.filled;
    assert_in_range(filled, 0, ONSITE_SLOTS_FILLED_MAX);
    assert_in_range(whole.asked, 0, ONSITE_INJECT_MEMORY_MAX);

    for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        read_page(&run, text, steps[i]);

        if (run.filled != filled || run.asked > ONSITE_INJECT_MEMORY_MAX) {
            print_message("%s in steps of %zu: %u and %u filled, %zu bytes\n",
                          what, steps[i], filled, run.filled, run.asked);
            fail();
        }

        assert_int_equal(run.out.len, whole.out.len);
        assert_memory_equal(run.out.data, whole.out.data, run.out.len);
    }

    tear_down(&whole);
    tear_down(&run);

    return filled;
}


/* ~ is so many bytes of text, 0: white; filled: how many slots are. */

static const struct {
    const char  *part;
    size_t       n;
    char         fill;
    unsigned     filled;
} pages[] = {
    /* never closed */
    { "<div data-onsite-slot=a>", 0, 0, 0 },
    { "<p><div data-onsite-slot=a><ul><li>x", 0, 0, 0 },
    { "<!--onsite:slot a-->", 0, 0, 0 },

    /* too long, just not too long, nearly too long and then not whole */
    { "<div data-onsite-slot=a>~</div>", 70000, 'x', 0 },
    { "<div data-onsite-slot=a>~</div>", 65000, 'x', 17 },
    { "<div data-onsite-slot=a>~<b></div>", 65000, 'x', 0 },
    { "<div data-onsite-slot=a>~</div><div data-onsite-slot=b><b>~</div>",
      32000, 'x', 8 },

    /* not whole at once */
    { "<div data-onsite-slot=a><b></div>", 0, 0, 0 },
    { "<!--onsite:slot a--><div><!--~/onsite:slot-->", 200, ' ', 0 },
    { "<div data-onsite-slot=a>ok</div><div data-onsite-slot=b><b></div>",
      0, 0, 64 },
    { "<table><!--onsite:slot a-->~x<!--/onsite:slot--></table>", 60000, ' ',
      0 },

    /* names that are long themselves */
    { "<x~ data-onsite-slot=a>x</x~>", 60000, 'x', 5 },
    { "<x~><span data-onsite-slot=a>x</x~>", 60000, 'x', 0 },
    { "<div data-onsite-slot=a><b><x~></div>", 60000, 'x', 0 },

    /* a beginning is kept of each, and then a long one */
    { "<div data-onsite-slot=a>x</div><div data-onsite-slot=b>~</div>",
      65400, 'x', 34 }
};


static void
slots_ask_for_so_much_memory_and_no_more(void **state)
{
    size_t        i;
    unsigned      filled;
    onsite_buf_t  page;

    (void) state;
    onsite_buf_init(&page, 0);

    for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        repeat(&page, pages[i].part, 1024 * 1024, pages[i].fill,
               pages[i].n);
        filled = expect_bounded(&page, pages[i].part);

        if (filled != pages[i].filled) {
            print_message("%s: %u and not %u\n", pages[i].part, filled,
                          pages[i].filled);
            fail();
        }
    }

    onsite_buf_free(&page);
}


/* A page of bad slots is still one that good slots are filled in, up to what
 * it may waste. */

static void
bad_slots_take_nothing_from_good_ones(void **state)
{
    unsigned      i;
    onsite_buf_t  page;
    onsite_str_t  good = ONSITE_STR("<div data-onsite-slot=b>x</div>");

    (void) state;
    onsite_buf_init(&page, 0);
    repeat(&page, "<div data-onsite-slot=a><b></div>", 12000, 0, 0);
    onsite_buf_str(&page, good);
    assert_int_equal(expect_bounded(&page, "many bad slots"), 1);

    for (i = 3; i <= 4; i++) {
        repeat(&page, "<div data-onsite-slot=a>~<b></div>",
               i * 65200, 'x', 65200);
        onsite_buf_str(&page, good);
        assert_int_equal(expect_bounded(&page, "long bad slots"), i == 3);
    }

    /* one more than are filled */

    for (i = 63; i <= 65; i++) {
        repeat(&page, "<p><div data-onsite-slot=a>x</div>", i * 34 + 1, 0, 0);
        assert_int_equal(expect_bounded(&page, "good slots"),
                         i == 63 ? 63 : 64);
    }

    onsite_buf_free(&page);
}


/* All at once: policies and a base are read, too. */

static void
heads_ask_for_so_much_memory_and_no_more(void **state)
{
    unsigned      i;
    onsite_buf_t  page;

    (void) state;
    onsite_buf_init(&page, 0);
    onsite_buf_str(&page, ONSITE_STR("<base href=\""));

    for (i = 0; i < 100000; i++) {
        onsite_buf_char(&page, '/');
    }

    onsite_buf_str(&page, ONSITE_STR("\">"));

    for (i = 0; i < 300; i++) {
        onsite_buf_printf(&page, "<meta http-equiv=content-security-policy"
                          " content='%4090s'>", "x");
        onsite_buf_str(&page, ONSITE_STR("<base href=y>"));
    }

    for (i = 0; i < 20000; i++) {
        onsite_buf_str(&page, ONSITE_STR("<div data-onsite-slot=a>x<i>"
                                         "</div><p>"));
    }

    (void) expect_bounded(&page, "metas, bases and slots");
    onsite_buf_free(&page);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(slots_ask_for_so_much_memory_and_no_more),
        cmocka_unit_test(bad_slots_take_nothing_from_good_ones),
        cmocka_unit_test(heads_ask_for_so_much_memory_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
