/*
 * build.h - what `lint` and `build` share.
 */

#ifndef LOADER_BUILD_H
#define LOADER_BUILD_H

#include "loader.h"

typedef struct {
    bool    json;
    size_t  errors;
    size_t  warnings;
} findings_t;

/* What is in a snapshot besides campaigns. */
typedef struct {
    const char       *site;
    const char       *profiles[LOADER_REPEATS + 1];
    const char       *products[LOADER_REPEATS + 1];
    const char       *segments[LOADER_REPEATS + 1];
    loader_tables_t  *tables;
} slow_t;

#define LOADER_FILE_KINDS  (ONSITE_FILE_SITE + 1)

typedef struct {
    onsite_builder_t        **builders;
    onsite_snapshot_site_t   *sites;
    size_t                    n;
    size_t                    live[LOADER_FILE_KINDS];
                                    /* enabled files of each kind          */
    const slow_t             *slow;
} compiled_t;


/* Standard input can be read once, of all that is to be read; or exit
 * LOADER_USAGE. */
void build_needs_one_stdin(const char *dir, const slow_t *slow);

/* Both, so that all findings are told.  output: what the rows are for; NULL:
 * they are only checked. */
int build_compile(const char *dir, loader_sources_t *sources,
    compiled_t *compiled, slow_t *slow, findings_t *findings,
    const char *output);
void build_free(compiled_t *compiled, loader_sources_t *sources);

#endif
