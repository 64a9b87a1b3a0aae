/*
 * inject_run.h - pages through the scanner, whole and cut, for the tests of
 * slots and of the attributes that are read.
 */

#ifndef ONSITE_UNIT_INJECT_RUN_H
#define ONSITE_UNIT_INJECT_RUN_H

#include "unit.h"
#include "onsite_buf.h"
#include "onsite_inject.h"
#include "onsite_limits.h"

#define BLOCKS  512

typedef struct {
    onsite_inject_t  *inject;
    unsigned          wanted;
    bool              document;
    bool              poor;             /* no memory                       */
    void             *blocks[BLOCKS];
    unsigned          n_blocks;
    onsite_str_t      slices[4096];
    unsigned          n;
    onsite_buf_t      out;
} run_t;

static const onsite_str_t  names[] = { { 4, "hero" }, { 1, "b" } };

static const onsite_str_t  marks[] = {
    { 3, "[0]" }, { 3, "[1]" }, { 3, "[2]" }, { 3, "[3]" }, { 3, "[A]" },
    { 3, "[B]" }
};


static inline void *
allocate(void *data, size_t size)
{
    run_t  *run = data;

    if (run->poor) {
        return NULL;
    }

    assert_in_range(run->n_blocks, 0, BLOCKS - 1);
    run->blocks[run->n_blocks] = malloc(size);

    return run->blocks[run->n_blocks++];
}


static inline void
begin(run_t *run)
{
    onsite_inject_init(run->inject, run->wanted);
    onsite_inject_slots(run->inject, names, 2);
    onsite_inject_memory(run->inject, allocate, run);

    if (run->document) {
        onsite_inject_is_document(run->inject);
    }

    run->n = 0;
    run->n_blocks = 0;
}


static inline void
feed(run_t *run, onsite_str_t input, bool last)
{
    onsite_slice_t  slice;

    onsite_inject_feed(run->inject, input, last);

    while (onsite_inject_next(run->inject, &slice)) {
        assert_in_range(run->n, 0, 4095);
        run->slices[run->n++] = slice.kind == ONSITE_SLICE_INSERT
                                ? marks[slice.place] : slice.bytes;
    }
}


/* What was held back has to stay as it was: it is read at the end only. */

static inline void
end(run_t *run)
{
    unsigned  i;

    onsite_buf_clear(&run->out);

    for (i = 0; i < run->n; i++) {
        onsite_buf_str(&run->out, run->slices[i]);
    }

    while (run->n_blocks != 0) {
        free(run->blocks[--run->n_blocks]);
    }
}


static inline void
same(const run_t *run, const char *expected)
{
    assert_int_equal(run->out.len, strlen(expected));
    assert_memory_equal(run->out.data, expected, run->out.len);
}


static inline void
expect(run_t *run, onsite_str_t page, const char *expected, size_t step)
{
    size_t  at = 0, len;

    begin(run);

    do {
        len = step < page.len - at ? step : page.len - at;
        feed(run, onsite_str(page.data + at, len), at + len == page.len);
        at += len;
    } while (at < page.len);

    end(run);

    if (run->out.len != strlen(expected)
        || memcmp(run->out.data, expected, run->out.len) != 0)
    {
        print_message("%.*s\n  gives   %.*s\n  and not %s\n", (int) page.len,
                      page.data, (int) run->out.len, run->out.data, expected);
    }

    same(run, expected);
}


static inline void
expect_cut(run_t *run, onsite_str_t page, const char *expected)
{
    size_t  cut;

    expect(run, page, expected, page.len);
    expect(run, page, expected, 1);
    expect(run, page, expected, 3);

    for (cut = 1; cut < page.len; cut++) {
        begin(run);
        feed(run, onsite_str(page.data, cut), false);
        feed(run, onsite_str(page.data + cut, page.len - cut), true);
        end(run);
        same(run, expected);
    }
}


static inline void
set_up(run_t *run, unsigned wanted)
{
    memset(run, 0, sizeof(run_t));
    run->inject = malloc(onsite_inject_size());
    run->wanted = wanted;
    onsite_buf_init(&run->out, 0);
}


static inline void
tear_down(run_t *run)
{
    free(run->inject);
    onsite_buf_free(&run->out);
}

#endif
