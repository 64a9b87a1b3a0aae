/*
 * onsite_types.c - status names and error texts.
 */

#include "onsite_types.h"

#include <stdarg.h>
#include <stdio.h>


const char *
onsite_status_text(onsite_status_t status)
{
    static const char *const  texts[] = {
        "ok", "not found", "invalid", "over a limit", "out of memory",
        "full", "corrupt", "other version", "i/o error"
    };

    return (size_t) status < sizeof(texts) / sizeof(texts[0])
           ? texts[status] : "unknown status";
}


size_t
onsite_utf8_length(const unsigned char *p, size_t left)
{
    size_t  i, n;

    n = p[0] < 0x80 ? 1
        : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
        : p[0] >= 0xe0 && p[0] <= 0xef ? 3
        : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;

    if (n == 0 || n > left) {
        return 0;
    }

    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)
        || (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
    {
        return 0;
    }

    return n;
}


/* An error text may quote what a visitor sent: make it fit for a log. */

static void
make_printable(char *text)
{
    size_t          n, left;
    unsigned char  *p;

    p = (unsigned char *) text;
    left = strlen(text);

    while (left != 0) {
        if (*p >= 0x20 && *p < 0x7f) {
            n = 1;

        } else {
            n = *p < 0x80 ? 0 : onsite_utf8_length(p, left);

            if (n == 0) {
                *p = '?';
                n = 1;
            }
        }

        p += n;
        left -= n;
    }
}


onsite_status_t
onsite_error(onsite_error_t *error, onsite_status_t status,
    const char *format, ...)
{
    va_list  args;

    if (error != NULL) {
        va_start(args, format);
        (void) vsnprintf(error->text, sizeof(error->text), format, args);
        va_end(args);

        make_printable(error->text);
    }

    return status;
}
