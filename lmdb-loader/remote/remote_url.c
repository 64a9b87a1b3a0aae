/*
 * remote_url.c - parts of a URL that libcurl has taken apart.
 */

#include "remote_url.h"

#include <stdio.h>
#include <string.h>


char *
url_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char  *text = NULL, *copy;

    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) {
        return NULL;
    }

    copy = strdup(text);
    curl_free(text);

    return copy;
}


bool
url_copy(CURLU *url, CURLUPart part, unsigned flags, char *out, size_t size)
{
    int    n = -1;
    char  *text = NULL;

    if (curl_url_get(url, part, &text, flags) == CURLUE_OK) {
        n = snprintf(out, size, "%s", text);
    }

    curl_free(text);

    return n >= 0 && (size_t) n < size;
}


bool
url_has(CURLU *url, CURLUPart part)
{
    char       *text = NULL;
    CURLUcode   code = curl_url_get(url, part, &text, 0);

    curl_free(text);

    return code == CURLUE_OK;
}
