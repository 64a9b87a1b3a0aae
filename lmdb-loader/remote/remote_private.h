/*
 * remote_private.h - what the kinds of stores share.
 */

#ifndef REMOTE_PRIVATE_H
#define REMOTE_PRIVATE_H

#include "remote.h"

#define REMOTE_PIECE  (256 * 1024)


/* Names are good when these are called, and *error is empty text. */

typedef struct {
    onsite_status_t  (*get)(remote_t *remote, const char *name,
                            remote_get_t *get, onsite_error_t *error);
    onsite_status_t  (*fetch)(remote_t *remote, const char *name,
                              remote_fetch_t *fetch, onsite_error_t *error);
    onsite_status_t  (*put)(remote_t *remote, const char *name,
                            const remote_put_t *put, onsite_error_t *error);
    onsite_status_t  (*exists)(remote_t *remote, const char *name,
                               uint64_t *size, onsite_error_t *error);
    void             (*close)(remote_t *remote);
} remote_kind_t;

struct remote_s {
    const remote_kind_t          *kind;
    char                          url[REMOTE_URL_MAX];
                                    /* as it is told; no slash at its end  */
    const char                   *folder;   /* of a local one, in url      */
    unsigned                      retry_after;
    const volatile sig_atomic_t  *stop;
    void                         *own;      /* of the kind                 */
};


bool remote_stopped(const remote_t *remote);

/* Bytes of %XX in place; false: not well formed, or a zero byte. */
bool remote_decode(char *text);


/* Fill the rest of remote; path: a folder */
onsite_status_t remote_file_open(remote_t *remote, const char *path,
    onsite_error_t *error);
onsite_status_t remote_http_open(remote_t *remote, const char *url,
    const remote_options_t *options, onsite_error_t *error);
onsite_status_t remote_s3_open(remote_t *remote, const char *url,
    const remote_options_t *options, onsite_error_t *error);

#endif
