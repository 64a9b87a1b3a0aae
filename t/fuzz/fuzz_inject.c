/*
 * fuzz_inject.c - any bytes as a page: cut by the first ones it gives what it
 * gives whole, with no byte changed but for the insertions; and as an HTML
 * template, which then ends in text.
 */

#include "onsite_inject.h"
#include "onsite_template.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const onsite_str_t  marks[ONSITE_PLACES] = {
    { 1, "\x01" }, { 1, "\x02" }, { 1, "\x03" }, { 1, "\x04" }
};


static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}


/* step 0: whole. */

static unsigned
run(onsite_str_t page, size_t step, unsigned places, onsite_buf_t *out)
{
    size_t            at = 0, len;
    unsigned          count;
    onsite_slice_t    slice;
    onsite_inject_t  *inject = malloc(onsite_inject_size());

    onsite_inject_init(inject, places);
    onsite_buf_clear(out);

    do {
        len = step == 0 || step > page.len - at ? page.len - at : step;
        onsite_inject_feed(inject, onsite_str(page.data + at, len),
                           at + len == page.len);
        at += len;
        step = step != 0 ? step * 5 % 13 + 1 : 0;

        while (onsite_inject_next(inject, &slice)) {
            if (slice.kind == ONSITE_SLICE_INSERT) {
                must(places & 1u << slice.place);
                onsite_buf_str(out, marks[slice.place]);
                continue;
            }

            must(slice.bytes.len != 0);
            onsite_buf_str(out, slice.bytes);
        }
    } while (at < page.len);

    count = onsite_inject_count(inject);
    free(inject);

    return count;
}


static void
scan(onsite_str_t page, size_t step, unsigned places)
{
    size_t        i, k;
    unsigned      count, inserted = 0;
    onsite_buf_t  whole, parts;

    onsite_buf_init(&whole, 0);
    onsite_buf_init(&parts, 0);

    count = run(page, 0, places, &whole);
    must(run(page, step, places, &parts) == count);
    must(whole.len == parts.len
         && (whole.len == 0
             || memcmp(whole.data, parts.data, whole.len) == 0));

    for (i = k = 0; i < whole.len; i++) {
        if (k < page.len && whole.data[i] == page.data[k]) {
            k++;
        } else {
            must(whole.data[i] >= 1 && whole.data[i] <= 4);
            inserted++;
        }
    }

    must(k == page.len && inserted == count);

    onsite_buf_free(&whole);
    onsite_buf_free(&parts);
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
