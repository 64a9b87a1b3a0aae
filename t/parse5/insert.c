/*
 * insert.c - pages on standard input, each behind its length in a line of its
 * own; on standard output, for each, a line "PLACES LENGTH LENGTH" and two
 * pages: with marks where something is inserted and in place of what slots
 * held, and as it was, with marks around what slots held.
 *
 * Every page is read whole, in two pieces, and byte by byte, by vectors of
 * this width and that, which must give the same.  Which places are wanted, and
 * whether it is known to be a document, differs from page to page.
 */

#include "onsite_buf.h"
#include "onsite_inject.h"

#include <stdio.h>
#include <stdlib.h>

#define SLOT   "<template id=\"onsite-slot\"></template>"
#define BEGIN  "<template id=\"onsite-begin\"></template>"
#define END    "<template id=\"onsite-end\"></template>"

typedef struct {
    onsite_str_t   page;
    unsigned       wanted;
    bool           document;
    unsigned       vectors;
    unsigned       given;       /* places                                  */
    onsite_buf_t   marked;      /* what it was, with marks; of a page that
                                   is read whole                           */
    void          *blocks[64];
    unsigned       n_blocks;
} run_t;


static void
must(bool holds, const char *what, const run_t *run)
{
    if (!holds) {
        fprintf(stderr, "%s: %.*s\n", what, (int) run->page.len,
                run->page.data);
        exit(1);
    }
}


static void *
allocate(void *data, size_t size)
{
    run_t  *run = data;

    must(run->n_blocks < 64, "much memory", run);
    run->blocks[run->n_blocks] = malloc(size);

    return run->blocks[run->n_blocks++];
}


static void
mark(run_t *run, unsigned place, onsite_buf_t *out)
{
    if (place >= ONSITE_PLACES) {
        onsite_buf_printf(out, "%s", SLOT);
        return;
    }

    run->given |= 1u << place;

    if (place == ONSITE_PLACE_BODY_START && run->document) {
        onsite_buf_printf(out, "<onsite-mark id=\"onsite-2\"></onsite-mark>");
    } else {
        onsite_buf_printf(out, "<template id=\"onsite-%u\"></template>",
                          place);
    }
}


/* The page as it was from *at to where the slice begins. */

static void
add_original(run_t *run, const onsite_slice_t *slice, size_t *at, bool *left)
{
    must(slice->offset >= *at, "bytes twice", run);
    must(slice->offset == *at || *left, "bytes lost", run);

    if (*left) {
        onsite_buf_printf(&run->marked, "%s", BEGIN);
        onsite_buf_str(&run->marked, onsite_str(run->page.data + *at,
                                                slice->offset - *at));
        onsite_buf_printf(&run->marked, "%s", END);
    }

    onsite_buf_str(&run->marked, slice->bytes);
    *at = slice->offset + slice->bytes.len;
    *left = false;
}


static void
feed(run_t *run, onsite_inject_t *inject, onsite_str_t input, bool last,
    onsite_buf_t *out)
{
    bool            left = false, whole = input.len == run->page.len;
    size_t          at = 0;
    onsite_slice_t  slice;

    onsite_inject_feed(inject, input, last);

    while (onsite_inject_next(inject, &slice)) {

        if (slice.kind == ONSITE_SLICE_INSERT) {
            mark(run, slice.place, out);
            left |= slice.place >= ONSITE_PLACES;
            continue;
        }

        onsite_buf_str(out, slice.bytes);

        if (whole) {
            add_original(run, &slice, &at, &left);
        }
    }

    must(!whole || at == run->page.len, "bytes lost at the end", run);
}


static void
scan(run_t *run, size_t step, onsite_buf_t *out)
{
    size_t              at = 0, len;
    onsite_inject_t    *inject = malloc(onsite_inject_size());
    const onsite_str_t  names[] = { ONSITE_STR("a"), ONSITE_STR("b") };

    onsite_inject_init(inject, run->wanted);
    onsite_inject_vectors(inject, run->vectors++ % 3);
    onsite_inject_slots(inject, names, 2);
    onsite_inject_memory(inject, allocate, run);
    onsite_buf_clear(out);
    onsite_buf_clear(&run->marked);
    run->given = 0;
    run->n_blocks = 0;

    if (run->document) {
        onsite_inject_is_document(inject);
    }

    do {
        len = step != 0 && step < run->page.len - at ? step
                                                     : run->page.len - at;
        feed(run, inject, onsite_str(run->page.data + at, len),
             at + len == run->page.len, out);
        at += len;
    } while (at < run->page.len);

    while (run->n_blocks != 0) {
        free(run->blocks[--run->n_blocks]);
    }

    free(inject);
}


static void
insert(run_t *run, size_t n)
{
    size_t        step;
    onsite_buf_t  parts, out;

    onsite_buf_init(&parts, 0);
    onsite_buf_init(&out, 0);

    for (step = 1; run->page.len > 1; step += n % (run->page.len - 1)) {
        scan(run, step, &parts);
        scan(run, 0, &out);
        must(parts.len == out.len
             && memcmp(parts.data, out.data, out.len) == 0,
             "another split gives other bytes", run);

        if (step != 1) {
            break;
        }
        step++;
    }

    scan(run, 0, &out);
    printf("%u %zu %zu\n", run->given, out.len, run->marked.len);
    (void) fwrite(out.data, 1, out.len, stdout);
    (void) fwrite(run->marked.data, 1, run->marked.len, stdout);

    onsite_buf_free(&parts);
    onsite_buf_free(&out);
}


int
main(void)
{
    char    *page;
    size_t   len, n;
    run_t    run;

    memset(&run, 0, sizeof(run));
    onsite_buf_init(&run.marked, 0);

    for (n = 0; scanf("%zu", &len) == 1; n++) {
        page = malloc(len + 1);

        if (page == NULL || getchar() != '\n'
            || fread(page, 1, len, stdin) != len)
        {
            return 1;
        }

        run.page = onsite_str(page, len);
        run.wanted = (unsigned) (n * 7 % (1u << ONSITE_PLACES));
        run.document = n % 3 == 0;
        insert(&run, n);
        free(page);
    }

    onsite_buf_free(&run.marked);

    return 0;
}
