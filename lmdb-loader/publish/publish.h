/*
 * publish.h - `publish`: what its parts share.
 */

#ifndef PUBLISH_H
#define PUBLISH_H

#include "keys.h"
#include "loader.h"
#include "manifest.h"
#include "nats.h"
#include "remote.h"

#include <limits.h>

/* Exit status: it is published, and nobody was told. */
#define PUBLISH_UNTOLD        3

#define PUBLISH_PREVIOUS_MAX  MANIFEST_PATCHES_MAX

typedef struct {
    const char         *file;
    const char         *to;
    const char         *site;
    onsite_ms_t         lasts;
    const char         *previous[LOADER_REPEATS + 1];
    bool                no_patch;
    bool                replace;
    bool                dry_run;
    bool                json;
    const char         *announce;
    nats_options_t      nats;
    remote_options_t    remote;
} publish_given_t;

typedef struct {
    const publish_given_t  *given;
    const keys_t           *keys;
    remote_t               *remote;
    nats_t                 *nats;       /* NULL: nobody is to be told      */
    bool                    announced;  /* or tried to                     */
    bool                    untold;     /* it failed                       */
    bar_t                   bar;
    manifest_t              m;          /* the new one                     */
    manifest_t              there;      /* the store's; version 0: none    */
    char                    folder[FILES_FOLDER_MAX];   /* temporary files */
    onsite_error_t          error;
} publish_t;


/* "SITE/file" */
void publish_name(const publish_t *p, const char *file,
    char name[REMOTE_NAME_MAX]);


/* publish_version.c */

/* INVALID: it is not above the one that is there, or so far ahead of the clock
 * that it would stand in the way of others.  Sets what is the previous one. */
onsite_status_t publish_check_version(publish_t *p);


/* publish_confirm.c */

/* The store has the manifest that was put there, text, and no longer the one
 * that was there; or a newer one of somebody else's, which is told. */
onsite_status_t publish_confirm(publish_t *p, onsite_str_t text,
    onsite_str_t was);


/* publish_bodies.c */

/* Makes the body and the patches of p->m, and puts them into the store. */
onsite_status_t publish_bodies(publish_t *p);


/* publish_announce.c */

/* Begins to connect to who is to tell, if anybody is; LOADER_*, complains. */
int publish_connect(publish_t *p);

/* Tells that the manifest is there; where that fails, complains, and p->untold.
 */
void publish_announce(publish_t *p);

#endif
