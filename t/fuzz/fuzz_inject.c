/*
 * fuzz_inject.c - any bytes as a page: cut by the first ones it gives what it
 * gives whole, by vectors of any width, with no byte changed but for the
 * insertions and what slots held; and as an HTML template, which then ends in
 * text.
 */

#include "onsite_inject.h"
#include "onsite_template.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BLOCKS  64

typedef struct {
    onsite_inject_t  *inject;
    unsigned          places;
    onsite_vectors_t  vectors;
    void             *blocks[BLOCKS];
    unsigned          n_blocks;
    onsite_buf_t      out;
    size_t            at;               /* of a page that is read whole    */
} run_t;


static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}


/* Bounded, however long the page. */

static void *
allocate(void *data, size_t size)
{
    run_t  *run = data;

    must(run->n_blocks < BLOCKS);
    run->blocks[run->n_blocks] = malloc(size);

    return run->blocks[run->n_blocks++];
}


/* Nothing is left out but where a slot is filled. */

static void
add(run_t *run, const onsite_slice_t *slice, bool whole, bool *left)
{
    if (slice->kind == ONSITE_SLICE_INSERT) {
        must(slice->place < ONSITE_PLACES + 2);
        must(slice->place >= ONSITE_PLACES
             || run->places & 1u << slice->place);
        *left |= slice->place >= ONSITE_PLACES;
        onsite_buf_printf(&run->out, "\x01%u", slice->place);
        return;
    }

    must(slice->bytes.len != 0);
    onsite_buf_str(&run->out, slice->bytes);

    if (whole) {
        must(slice->kind == ONSITE_SLICE_COPY);
        must(slice->offset == run->at
             || (*left && slice->offset >= run->at));
        run->at = slice->offset + slice->bytes.len;
        *left = false;
    }
}


/* step 0: whole. */

static unsigned
run_page(run_t *run, onsite_str_t page, size_t step)
{
    bool                whole = step == 0, left = false;
    size_t              at = 0, len;
    unsigned            count;
    onsite_slice_t      slice;
    const onsite_str_t  names[] = { ONSITE_STR("a"), ONSITE_STR("b") };

    run->inject = malloc(onsite_inject_size());
    run->n_blocks = 0;
    run->at = 0;
    onsite_inject_init(run->inject, run->places);
    onsite_inject_vectors(run->inject, run->vectors);
    onsite_inject_slots(run->inject, names, 2);
    onsite_inject_memory(run->inject, allocate, run);
    onsite_buf_clear(&run->out);

    do {
        len = step == 0 || step > page.len - at ? page.len - at : step;
        onsite_inject_feed(run->inject, onsite_str(page.data + at, len),
                           at + len == page.len);
        at += len;
        step = step != 0 ? step * 5 % 13 + 1 : 0;

        while (onsite_inject_next(run->inject, &slice)) {
            add(run, &slice, whole, &left);
        }
    } while (at < page.len);

    must(!whole || run->at == page.len);
    count = onsite_inject_count(run->inject);
    free(run->inject);

    while (run->n_blocks != 0) {
        free(run->blocks[--run->n_blocks]);
    }

    return count;
}


static void
scan(onsite_str_t page, size_t step, unsigned places)
{
    run_t     whole = { .places = places }, parts = { .places = places };
    unsigned  i, count;

    onsite_buf_init(&whole.out, 0);
    onsite_buf_init(&parts.out, 0);

    parts.vectors = ONSITE_VECTORS_64;
    count = run_page(&parts, page, step);

    for (i = 0; i < 3; i++) {
        whole.vectors = ONSITE_VECTORS_16 + i;
        must(run_page(&whole, page, 0) == count);
        must(whole.out.len == parts.out.len
             && (whole.out.len == 0
                 || memcmp(whole.out.data, parts.out.data, whole.out.len)
                    == 0));
    }

    onsite_buf_free(&whole.out);
    onsite_buf_free(&parts.out);
}


static void
compile(onsite_str_t html)
{
    uint32_t                roots = 0;
    onsite_ref_t            program = 0;
    onsite_image_t          image;
    onsite_builder_t       *b = onsite_builder_create();
    onsite_template_site_t  site = { 0 };

    if (onsite_template_compile_html(b, html, site, &program, &roots, NULL)
        == ONSITE_OK)
    {
        must(onsite_builder_finish(b, ONSITE_STR("s"), 1, &image, NULL)
             == ONSITE_OK);
        must(onsite_template_verify(&image, program, NULL) == ONSITE_OK);
    }

    onsite_builder_destroy(b);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onsite_str_t  page;

    if (size < 2) {
        return 0;
    }

    page = onsite_str((const char *) data + 2, size - 2);

    scan(page, data[0] % 13 + 1, data[1] & 15);
    compile(page);

    return 0;
}
