/*
 * fuzz_template.c - a template and a value, behind a 0xff byte: what compiles
 * is verified, renders the same flat and in pieces, and is read by the HTML
 * scanner with the value just as it is with a harmless one.
 */

#include <stdlib.h>

#include "onsite_arena.h"
#include "onsite_inject.h"
#include "onsite_limits.h"
#include "onsite_template.h"

#define SLOTS_MAX  256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    onsite_arena_t  *arena;
    onsite_image_t   image;
    onsite_ref_t     program;
    onsite_buf_t     flat;
    onsite_buf_t     joined;
    onsite_buf_t     scratch;
} fuzz_t;


static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}


/* event.properties.x is value, and so are y and z. */

static onsite_status_t
render(fuzz_t *f, onsite_str_t value)
{
    onsite_memo_t      memo[SLOTS_MAX];
    onsite_event_t     event;
    onsite_member_t    members[3];
    onsite_pieces_t    pieces;
    onsite_status_t    status;
    onsite_context_t   context = { .image = &f->image, .arena = f->arena,
                                   .event = &event, .memo = memo,
                                   .stamp = 1 };
    static const char  names[] = "xyz";
    size_t             i;

    memset(&event, 0, sizeof(event));
    memset(memo, 0, sizeof(memo));

    for (i = 0; i < 3; i++) {
        members[i].key = onsite_str(names + i, 1);
        members[i].value = onsite_value_string(value);
    }

    event.properties = (onsite_value_t) { .type = ONSITE_OBJECT, .len = 3,
                                          .as.members = members };
    onsite_arena_reset(f->arena);
    onsite_buf_clear(&f->flat);
    onsite_buf_clear(&f->joined);

    status = onsite_template_render(&context, f->program, &f->flat);
    must(onsite_template_render_pieces(&context, f->program, &f->scratch,
                                       &pieces) == status);

    if (status == ONSITE_OK) {
        onsite_pieces_write(&f->joined, &pieces);
        must(f->joined.len == f->flat.len && pieces.len == f->flat.len);
        must(f->flat.len == 0
             || memcmp(f->joined.data, f->flat.data, f->flat.len) == 0);
    }

    return status;
}


/* The modes that the scanner passes through, each noted once. */

static void
trace(onsite_str_t html, onsite_buf_t *modes)
{
    char              c, last = 0;
    size_t            i;
    onsite_slice_t    slice;
    onsite_inject_t  *scan = malloc(onsite_inject_size());

    must(scan != NULL);
    onsite_inject_init(scan, 0);

    for (i = 0; i < html.len; i++) {
        onsite_inject_feed(scan, onsite_str(html.data + i, 1), false);

        while (onsite_inject_next(scan, &slice)) {
            /* void */
        }

        c = (char) ('a' + onsite_inject_where(scan));

        if (c != last) {
            onsite_buf_char(modes, c);
            last = c;
        }
    }

    must(onsite_inject_balanced(scan));
    free(scan);
}


static void
compare(fuzz_t *f, onsite_str_t value)
{
    onsite_buf_t  harmless, hostile;

    onsite_buf_init(&harmless, 0);
    onsite_buf_init(&hostile, 0);

    if (render(f, ONSITE_STR("x")) == ONSITE_OK) {
        trace(onsite_str(f->flat.data, f->flat.len), &harmless);

        if (render(f, value) == ONSITE_OK) {
            trace(onsite_str(f->flat.data, f->flat.len), &hostile);
            must(harmless.len == hostile.len);
            must(harmless.len == 0
                 || memcmp(harmless.data, hostile.data, harmless.len) == 0);
        }
    }

    onsite_buf_free(&harmless);
    onsite_buf_free(&hostile);
}


static void
run(onsite_str_t html, onsite_str_t value)
{
    fuzz_t                   f = { .program = 0 };
    uint32_t                 roots = 0;
    onsite_builder_t        *b = onsite_builder_create();
    onsite_template_site_t   site = { 0 };

    f.arena = onsite_arena_create(65536, 1 << 22);
    onsite_buf_init(&f.flat, 0);
    onsite_buf_init(&f.joined, 0);
    onsite_buf_init(&f.scratch, ONSITE_HTML_MAX);

    if (onsite_template_compile_html(b, html, site, &f.program, &roots, NULL)
        == ONSITE_OK
        && (roots & ~(1u << ONSITE_ROOT_EVENT)) == 0)
    {
        must(onsite_builder_finish(b, ONSITE_STR("s"), 1, &f.image, NULL)
             == ONSITE_OK);
        must(onsite_template_verify(&f.image, f.program, NULL) == ONSITE_OK);

        if (onsite_image_header(&f.image)->n_slots <= SLOTS_MAX) {
            compare(&f, value);
        }
    }

    onsite_buf_free(&f.flat);
    onsite_buf_free(&f.joined);
    onsite_buf_free(&f.scratch);
    onsite_arena_destroy(f.arena);
    onsite_builder_destroy(b);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t  *value = memchr(data, 0xff, size);

    /* an empty value is another truth for sections */

    if (value == NULL || value + 1 == data + size) {
        return 0;
    }

    run(onsite_str((const char *) data, (size_t) (value - data)),
        onsite_str((const char *) value + 1,
                   (size_t) (data + size - value - 1)));

    return 0;
}
