/*
 * remote_url.h - parts of a URL that libcurl has taken apart.
 */

#ifndef REMOTE_URL_H
#define REMOTE_URL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

/* flags are those of curl_url_get(). */

/* The caller frees it.  NULL: there is none, or no memory. */
char *url_part(CURLU *url, CURLUPart part, unsigned flags);

/* Into size bytes at out; false: there is none, or it is longer. */
bool url_copy(CURLU *url, CURLUPart part, unsigned flags, char *out,
    size_t size);

bool url_has(CURLU *url, CURLUPart part);

#endif
