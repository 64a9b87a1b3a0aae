/*
 * kept.h - what a POP keeps beside its live snapshot FILE, in FILE.sync/:
 *
 *     state.json                   what is to be live, the highest version
 *                                  ever taken, how the last look went
 *     <version>.mdb, .json         the last ones taken, with their manifests
 *     <sha256>.part                a download that goes on
 *     room                         what a rollback needs of a full disk
 *     lock, state.lock             one sync for FILE; one change at a time
 *
 * state.json says first what FILE then becomes: whoever is stopped between
 * the two finds a FILE that is not what state.json says, and puts that live.
 */

#ifndef KEPT_H
#define KEPT_H

#include "manifest.h"

#include <limits.h>
#include <sys/types.h>

#define KEPT_MAX         100        /* versions                            */
#define KEPT_FOLDER_MAX  (PATH_MAX - 320)

typedef struct {
    const char  *file;              /* the live snapshot                   */
    char         folder[KEPT_FOLDER_MAX];
    int          only;              /* descriptors of locks; -1: not held  */
    int          changing;
    bool         give;              /* what is made, to whom FILE's folder
                                       belongs: root makes it              */
    uid_t        uid;
    gid_t        gid;
} kept_t;

typedef struct {
    uint64_t  version;              /* 0: none                             */
    char      sha256[FILES_SHA256 + 1];
} kept_mark_t;

typedef struct {
    char         site[MANIFEST_SITE_MAX + 1];
    kept_mark_t  live;              /* what FILE is, or is to become       */
    onsite_ms_t  expires;           /* of live; 0: not known               */
    kept_mark_t  highest;           /* below it nothing is taken           */
    uint64_t     rolled_back_from;  /* version; 0: not rolled back         */
    onsite_ms_t  checked;           /* the store's manifest was seen; 0    */
    onsite_ms_t  failing;           /* since then; 0: it is not            */
    char         why[512];
} kept_state_t;

/* The folder need not be there.  INVALID: the name is too long. */
onsite_status_t kept_init(kept_t *kept, const char *file,
    onsite_error_t *error);

/* Makes the folder, and the process the only one that syncs FILE; removes
 * what one that was stopped left half done.  INVALID: there is another. */
onsite_status_t kept_begin(kept_t *kept, onsite_error_t *error);

/* Waits while another process changes what is kept, some seconds.  NOT_FOUND:
 * there is no folder. */
onsite_status_t kept_lock(kept_t *kept, onsite_error_t *error);
void kept_unlock(kept_t *kept);
void kept_end(kept_t *kept);

/* NOT_FOUND: there is none yet; INVALID, CORRUPT: it is not one. */
onsite_status_t kept_read(const kept_t *kept, kept_state_t *state,
    onsite_error_t *error);
onsite_status_t kept_write(const kept_t *kept, const kept_state_t *state,
    onsite_error_t *error);

/* "FOLDER/<version>.mdb" */
void kept_path(const kept_t *kept, uint64_t version, const char *suffix,
    char path[PATH_MAX]);

bool kept_has(const kept_t *kept, uint64_t version);

/* Kept versions, highest first; how many. */
size_t kept_list(const kept_t *kept, uint64_t versions[KEPT_MAX]);

/* The kept one is what its manifest says.  manifest is to be freed also when
 * it fails. */
onsite_status_t kept_check(const kept_t *kept, uint64_t version,
    manifest_t *manifest, onsite_error_t *error);

/* Takes over the file at path, which was checked, with its manifest. */
onsite_status_t kept_add(const kept_t *kept, const char *path,
    uint64_t version, onsite_str_t manifest, onsite_error_t *error);

/* FILE becomes the kept one, at once. */
onsite_status_t kept_put_live(const kept_t *kept, uint64_t version,
    onsite_error_t *error);

/* All but the `keep` highest go, and never the live one. */
void kept_prune(const kept_t *kept, size_t keep, const kept_state_t *state);


/* kept_trust.c - who has signed what is kept */

/* What none of the keys has signed goes, each with a line that says so, and
 * never the live one.  False: that could not be done for all. */
bool kept_drop_untrusted(const kept_t *kept, const keys_t *trust,
    const kept_state_t *state);

/* The same version was signed anew: what is kept of it has that manifest. */
onsite_status_t kept_renew(kept_t *kept, const manifest_t *manifest,
    onsite_str_t text, onsite_error_t *error);


/* kept_folder.c - whose it is, and its room */

/* Of FILE's folder, where this process is root. */
void kept_find_owner(kept_t *kept);

/* What root has made belongs to whom FILE's folder belongs to. */
void kept_give(const kept_t *kept, const char *path);

/* The folder is there, and ours to write into. */
onsite_status_t kept_make_folder(const kept_t *kept, onsite_error_t *error);
bool kept_is_ours(const kept_t *kept);
onsite_status_t kept_not_ours(const kept_t *kept, onsite_error_t *error);

/* Some room is set aside, where there is any. */
void kept_keep_room(const kept_t *kept);

/* That room is given up, and halves of downloads, too. */
void kept_make_room(const kept_t *kept);

/* What was on its way when somebody was stopped; downloads go on. */
void kept_remove_halves(const kept_t *kept);

void kept_remove(const kept_t *kept, uint64_t version);

#endif
