/*
 * balance.c - templates on standard input, each behind its length in a line of
 * its own; on standard output a line for each: 1 where it may go into a page
 * as it is, 0 where not.
 */

#include "onsite_template.h"

#include <stdio.h>
#include <stdlib.h>


static bool
may(const char *html, size_t len)
{
    bool                     whole;
    uint32_t                 roots = 0;
    onsite_ref_t             program;
    onsite_error_t           error = { "" }, unbalanced = { "" };
    onsite_builder_t        *b = onsite_builder_create();
    onsite_template_site_t   site = { .unbalanced = &unbalanced };

    whole = onsite_template_compile_html(b, onsite_str(html, len), site,
                                         &program, &roots, &error)
            == ONSITE_OK && unbalanced.text[0] == '\0';
    onsite_builder_destroy(b);

    return whole;
}


int
main(void)
{
    char    *html;
    size_t   len;

    while (scanf("%zu", &len) == 1 && getchar() == '\n') {
        html = malloc(len + 1);

        if (html == NULL || fread(html, 1, len, stdin) != len) {
            return 1;
        }

        printf("%d\n", may(html, len));
        free(html);
    }

    return 0;
}
