/*
 * insert.c MARK - pages on standard input, each behind its length in a line
 * of its own; the same with MARK at the end of the body on standard output,
 * each behind "<insertions> <length>".  Every page is fed in two pieces, cut
 * where it differs from page to page.
 */

#include "onsite_buf.h"
#include "onsite_inject.h"

#include <stdio.h>
#include <stdlib.h>


static void
insert(onsite_str_t page, size_t cut, onsite_str_t mark, onsite_buf_t *out,
    unsigned *count)
{
    int               i;
    onsite_str_t      pieces[2];
    onsite_slice_t    slice;
    onsite_inject_t  *inject = malloc(onsite_inject_size());

    if (inject == NULL) {
        exit(1);
    }

    pieces[0] = onsite_str(page.data, cut);
    pieces[1] = onsite_str(page.data + cut, page.len - cut);

    onsite_inject_init(inject, 1u << ONSITE_PLACE_BODY_END);
    onsite_buf_clear(out);

    for (i = 0; i < 2; i++) {
        onsite_inject_feed(inject, pieces[i], i == 1);

        while (onsite_inject_next(inject, &slice)) {
            onsite_buf_str(out, slice.kind == ONSITE_SLICE_INSERT
                           ? mark : slice.bytes);
        }
    }

    *count = onsite_inject_count(inject);
    free(inject);
}


int
main(int argc, char **argv)
{
    char          *page;
    size_t         len, n;
    unsigned       count;
    onsite_buf_t   out;

    if (argc != 2) {
        fprintf(stderr, "usage: insert MARK\n");
        return 2;
    }

    onsite_buf_init(&out, 0);

    for (n = 0; scanf("%zu", &len) == 1; n++) {
        page = malloc(len + 1);

        if (page == NULL || getchar() != '\n'
            || fread(page, 1, len, stdin) != len)
        {
            return 1;
        }

        insert(onsite_str(page, len), n * 7 % (len + 1),
               onsite_str(argv[1], strlen(argv[1])), &out, &count);
        printf("%u %zu\n", count, out.len);
        (void) fwrite(out.data, 1, out.len, stdout);
        free(page);
    }

    onsite_buf_free(&out);

    return 0;
}
