/*
 * hide.c - secrets of the command line, that nobody may read them in ps.
 */

#include "loader.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT  "segment:"

static char  *kept;             /* the arguments, for as long as it runs   */


static void
overwrite(char *text, size_t len)
{
    if (len != 0) {
        memset(text, 'x', len);
    }
}


/* Up to the last "@" of each URL, whatever its password is made of, and what
 * is behind "?". */

static void
hide_url(char *url, size_t len)
{
    char  *end;

    end = memrchr(url, '@', len);

    if (end != NULL) {
        overwrite(url, (size_t) (end - url));
    }

    end = memchr(url, '?', len);

    if (end != NULL) {
        overwrite(end + 1, (size_t) (url + len - end) - 1);
    }
}


/* A key without a URL is one, too. */

static void
hide_key(char *text)
{
    char  *key = strstr(text, SEGMENT), *end;

    if (key == NULL) {
        return;
    }

    key += strlen(SEGMENT);
    end = strstr(key, "@http");

    if (end != NULL || strncmp(key, "http", 4) != 0) {
        overwrite(key, end != NULL ? (size_t) (end - key) : strlen(key));
    }
}


static void
hide(char *text)
{
    char  *url, *next;

    hide_key(text);
    next = strstr(text, "://");

    while (next != NULL) {
        url = next + 3;
        next = strstr(url, "://");
        hide_url(url, next != NULL ? (size_t) (next - url) : strlen(url));
    }
}


void
loader_hide(int argc, char **argv)
{
    int      i;
    char    *to;
    size_t   size = 0;

    for (i = 1; i < argc; i++) {
        size += strlen(argv[i]) + 1;
    }

    kept = malloc(size + 1);

    if (kept == NULL) {
        return;                 /* the command will say so */
    }

    for (to = kept, i = 1; i < argc; i++) {
        size = strlen(argv[i]) + 1;
        memcpy(to, argv[i], size);
        hide(argv[i]);
        argv[i] = to;
        to += size;
    }
}
