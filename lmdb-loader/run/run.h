/*
 * run.h - `run`: what its files share.
 */

#ifndef RUN_H
#define RUN_H

#include "child.h"

/* run_sections.c: which command a section is. */

/* "sync, drain", for complaints. */
void run_kinds(char *out, size_t size);

/*
 * Tests all of a configuration: each section's command reads its lines in a
 * process of its own and does nothing; places: folders that it would wait for
 * have to be there, too.  LOADER_USAGE: complained of.
 */
int run_check(const config_t *config, bool places);

/* In a child: does what its section says. */
int run_section(const child_t *child, void *data);

/* run_listen.c */

/* "127.0.0.1:9180", "[::1]:9180", "*:9180" or "unix:/path"; *fd: -1 where it
 * is tested only (fd NULL).  LOADER_USAGE: it is none; complains. */
int run_listen(const config_t *config, int *fd);

/* Whether it can be listened at now: warns where not. */
void run_listen_try(const config_t *config);

/* What is listened at has no name any more. */
void run_listen_end(const config_t *config);

/* run_places.c: warns of what is not there yet, and says as whom it looked. */
void run_look_at_places(const config_t *config);

/* watch.c: the child that looks whether all is well, and tells whoever asks;
 * data is the sidecar_t. */
int run_watch(const child_t *child, void *data);

#endif
