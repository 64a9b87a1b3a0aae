/*
 * watch.h - answers of the process that watches.
 */

#ifndef WATCH_H
#define WATCH_H

#include "onsite_buf.h"

typedef struct watch_s       watch_t;
typedef struct watch_http_s  watch_http_t;

/* The status, and the answer into out. */
unsigned watch_answer(watch_t *watch, const char *path, onsite_buf_t *out,
    const char **type);

/* watch_http.c; NULL: it cannot.  Bounded: so many who ask at once, so long
 * each of them, so many bytes of a request. */
watch_http_t *watch_http_start(watch_t *watch, int listener);
void watch_http_go_on(watch_http_t *http, int ms);
void watch_http_stop(watch_http_t *http);

#endif
