/*
 * signed.h - what commands share that sign snapshots, or take signed ones.
 *
 * What returns LOADER_* has complained.
 */

#ifndef SIGNED_H
#define SIGNED_H

#include "loader.h"
#include "manifest.h"

#define SIGNED_EXPIRES  (30 * ONSITE_DAY)

/* How far ahead of our clock a publisher's may be. */
#define SIGNED_AHEAD    ONSITE_DAY

/* Of --key: one at least, or LOADER_USAGE. */
int signed_secret_keys(const char *const *files, keys_t *keys);

/* Of --trust, likewise. */
int signed_public_keys(const char *const *files, keys_t *keys);

/* Of --site; NULL: "default". */
int signed_site(const char *site, const char **out);

/* A manifest's site, version, created, expires, size and sha256. */
int signed_describe(const char *file, const char *site, onsite_ms_t lasts,
    manifest_t *manifest);

/* What a file or a store has there: parsed and verified. */
onsite_status_t signed_read(onsite_str_t text, const keys_t *trust,
    manifest_t *manifest, onsite_error_t *error);

/* NULL: of any site. */
onsite_status_t signed_of_site(const manifest_t *manifest, const char *site,
    onsite_error_t *error);

/* INVALID: expired, or of a time to come. */
onsite_status_t signed_in_time(const manifest_t *manifest, onsite_ms_t now,
    onsite_error_t *error);

/* The file is the snapshot that the manifest tells of, and it opens. */
onsite_status_t signed_match(const char *file, const manifest_t *manifest,
    onsite_error_t *error);

/* Whether a body or patch is packed. */
bool signed_is_packed(const manifest_file_t *file);

#endif
