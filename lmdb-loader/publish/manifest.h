/*
 * manifest.h - what a publisher says of a snapshot, signed.
 *
 * A JSON object (docs/publishing.md).  Signed is the text MANIFEST_DOMAIN and
 * behind it the object without "signatures" in its canonical form (jcs.h), so
 * that members which a later version adds stay under the signature.
 */

#ifndef MANIFEST_H
#define MANIFEST_H

#include "files.h"
#include "keys.h"
#include "onsite_arena.h"
#include "onsite_value.h"

#define MANIFEST_DOMAIN          "onsite-manifest-v1\n"
#define MANIFEST_FORMAT          1
#define MANIFEST_LMDB            "0.9"

#define MANIFEST_TEXT_MAX        (64 * 1024)
#define MANIFEST_PATCHES_MAX     8
#define MANIFEST_SIGNATURES_MAX  16
#define MANIFEST_SITE_MAX        100
#define MANIFEST_PATH_MAX        200
#define MANIFEST_VERSION_MAX     9007199254740991ull

/* A file beside the manifest. */
typedef struct {
    char      path[MANIFEST_PATH_MAX + 1];      /* a plain name            */
    uint64_t  size;
    char      sha256[FILES_SHA256 + 1];         /* of this file's bytes    */
    char      from[FILES_SHA256 + 1];           /* of patches: of the
                                                   snapshot that they change*/
} manifest_file_t;

typedef struct {
    char             site[MANIFEST_SITE_MAX + 1];
    uint64_t         version;                   /* of the snapshot         */
    onsite_ms_t      created;
    onsite_ms_t      expires;
    uint64_t         size;
    char             sha256[FILES_SHA256 + 1];
    manifest_file_t  body;                      /* the snapshot; packed
                                                   (zstd) if it ends in .zst*/
    uint64_t         previous;                  /* version; 0: none        */
    char             previous_sha256[FILES_SHA256 + 1];
    manifest_file_t  patches[MANIFEST_PATCHES_MAX];
    size_t           n_patches;

    onsite_arena_t  *arena;                     /* of what was parsed      */
    onsite_value_t   value;
} manifest_t;

/*
 * INVALID: it is no manifest; VERSION: one of a format, or of snapshots, that
 * this version cannot read; LIMIT.  What it says is to be believed after
 * manifest_verify only.  To be freed also when it fails.
 */
onsite_status_t manifest_parse(manifest_t *manifest, onsite_str_t text,
    onsite_error_t *error);
void manifest_free(manifest_t *manifest);

/* OK: a key of trust signed it.  Neither its times nor its site are looked
 * at. */
onsite_status_t manifest_verify(const manifest_t *manifest,
    const keys_t *trust, onsite_error_t *error);

/* Its text, signed by each of the keys. */
onsite_status_t manifest_write(onsite_buf_t *out, const manifest_t *manifest,
    const keys_t *keys, onsite_error_t *error);

/* A site's name for a folder and an address: 1 to MANIFEST_SITE_MAX letters,
 * digits, ".", "_", "-", not "." first. */
bool manifest_is_site(const char *site);

/* "2026-01-31T08:00:00Z", for people. */
#define MANIFEST_TIME  32
const char *manifest_time(onsite_ms_t time, char text[MANIFEST_TIME]);

#endif
