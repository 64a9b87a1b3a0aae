/*
 * drain_post.h - where batches are POSTed to: drain_post_setup.c reads the URL
 * and the files with secrets, drain_post.c makes requests.
 */

#ifndef DRAIN_POST_H
#define DRAIN_POST_H

#include "drain_http.h"
#include "onsite_buf.h"

#include <curl/curl.h>

struct post_s {
    post_options_t       options;
    CURL                *curl;
    char                *url;           /* as it is requested              */
    char                *told;          /* as it is told                   */
    char                *user;          /* NULL: none                      */
    char                *password;
    struct curl_slist   *headers;       /* of files                        */
    onsite_buf_t         packed;
    onsite_ms_t          stopped;       /* when it was told to, or 0       */
};

/* Of options.url; false: it has complained. */
bool post_take_url(post_t *post);

#endif
