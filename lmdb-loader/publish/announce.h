/*
 * announce.h - what publish tells through NATS, and sync hears.
 *
 * It is a hint to look at the store now, and nothing else: whoever can write
 * to the subject makes POPs look, and never makes them take what is not signed.
 *
 * Subject onsite.snapshot.SITE; of each the last one is kept in a stream, where
 * the servers have JetStream.
 */

#ifndef ANNOUNCE_H
#define ANNOUNCE_H

#include "manifest.h"
#include "nats.h"

#define ANNOUNCE_STREAM       "ONSITE_SNAPSHOT"
#define ANNOUNCE_MAX          1024      /* bytes                           */
#define ANNOUNCE_SUBJECT_MAX  (sizeof("onsite.snapshot.") + MANIFEST_SITE_MAX)

void announce_subject(const char *site, char subject[ANNOUNCE_SUBJECT_MAX]);

/* Sends it to who listens; *kept: for who comes later, too, in the stream,
 * which is made where there is none.  note: why not. */
onsite_status_t announce_send(nats_t *nats, const manifest_t *manifest,
    bool *kept, onsite_error_t *note, onsite_error_t *error);

/* The version of which one tells; 0: it tells of none. */
uint64_t announce_version(onsite_str_t text, const char *site);

#endif
