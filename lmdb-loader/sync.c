/*
 * sync.c - `sync`: keeps a snapshot file current from a folder.
 *
 * The newest snapshot that verifies is copied beside the target, synced,
 * verified again as the copy it is, and renamed over the target: readers see
 * the old file or all of the new one.  An older version never replaces a newer
 * one.
 */

#include "loader.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

typedef struct {
    const char       *from;             /* path, without file:// */
    const char       *to;
    bool              dry_run;
    bool              json;
    struct timespec   seen;             /* change of the file that was last
                                           looked at */
    ino_t             seen_inode;
    char              refused[PATH_MAX];/* told of once, not at each look */
} sync_t;

static volatile sig_atomic_t  stopping;


static void
stop(int signal_number)
{
    (void) signal_number;
    stopping = 1;
}


/* The version of a snapshot that verifies, or 0. */

static uint64_t
version_of(const char *path, onsite_error_t *error)
{
    uint64_t            version;
    onsite_snapshot_t  *snapshot;

    if (onsite_snapshot_open(path, &snapshot, error) != ONSITE_OK) {
        return 0;
    }

    version = onsite_snapshot_info(snapshot)->version;
    onsite_snapshot_close(snapshot);

    return version;
}


static bool
changed(sync_t *sync, const char *path)
{
    struct stat  st;

    if (stat(path, &st) != 0) {
        return false;
    }

    if (st.st_ino == sync->seen_inode
        && st.st_mtim.tv_sec == sync->seen.tv_sec
        && st.st_mtim.tv_nsec == sync->seen.tv_nsec)
    {
        return false;
    }

    sync->seen_inode = st.st_ino;
    sync->seen = st.st_mtim;

    return true;
}


static void
refuse(sync_t *sync, const char *path, const onsite_error_t *error)
{
    if (strcmp(sync->refused, path) != 0) {
        loader_complain("refused: %s", error->text);
        (void) snprintf(sync->refused, sizeof(sync->refused), "%s", path);
    }
}


/* The newest that verifies in a folder, into path. */

static uint64_t
newest_of(sync_t *sync, DIR *dir, char *path)
{
    char            candidate[PATH_MAX];
    uint64_t        version, best = 0;
    const char     *dot;
    onsite_error_t  error;
    struct dirent  *entry;

    while ((entry = readdir(dir)) != NULL) {
        dot = strrchr(entry->d_name, '.');

        if (dot == NULL || strcmp(dot, ".mdb") != 0
            || snprintf(candidate, sizeof(candidate), "%s/%s", sync->from,
                        entry->d_name) >= (int) sizeof(candidate))
        {
            continue;
        }

        version = version_of(candidate, &error);

        if (version == 0) {
            refuse(sync, candidate, &error);

        } else if (version > best) {
            best = version;
            memcpy(path, candidate, sizeof(candidate));
        }
    }

    return best;
}


/* What the source offers now: its version, and the file in path.  0: nothing
 * good; *rc then says whether that is a failure. */

static uint64_t
offered(sync_t *sync, char *path, int *rc)
{
    DIR            *dir;
    uint64_t        version;
    onsite_error_t  error = { "" };

    *rc = LOADER_OK;
    dir = opendir(sync->from);

    if (dir != NULL) {
        version = newest_of(sync, dir, path);
        (void) closedir(dir);

        if (version == 0) {
            (void) onsite_error(&error, ONSITE_NOT_FOUND,
                                "%s: no snapshot (*.mdb) that verifies",
                                sync->from);
        }

    } else if (errno == ENOTDIR) {
        (void) snprintf(path, PATH_MAX, "%s", sync->from);
        version = version_of(path, &error);

    } else {
        (void) onsite_error(&error, ONSITE_IO, "%s: %s", sync->from,
                            strerror(errno));
        version = 0;
    }

    if (version == 0) {
        *rc = LOADER_FAILED;
        refuse(sync, sync->from, &error);
    }

    return version;
}


static int
put_live(sync_t *sync, const char *from)
{
    onsite_error_t      error = { "" };
    onsite_snapshot_t  *copy;

    if (onsite_snapshot_copy(from, sync->to, &copy, &error) != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    onsite_snapshot_close(copy);

    return LOADER_OK;
}


static void
tell(const sync_t *sync, const char *what, uint64_t version)
{
    onsite_buf_t  line;

    onsite_buf_init(&line, 0);

    if (sync->json) {
        onsite_buf_printf(&line, "{\"file\":");
        onsite_write_json_string(&line, onsite_str(sync->to,
                                                   strlen(sync->to)));
        onsite_buf_printf(&line, ",\"result\":\"%s\",\"version\":%llu}", what,
                          (unsigned long long) version);

    } else {
        onsite_buf_printf(&line, "%s: %s, version %llu", sync->to, what,
                          (unsigned long long) version);
    }

    if (!line.failed) {
        (void) printf("%.*s\n", (int) line.len, line.data);
        (void) fflush(stdout);
    }

    onsite_buf_free(&line);
}


static int
sync_now(sync_t *sync, bool first)
{
    int             rc;
    char            path[PATH_MAX];
    uint64_t        version, live;
    onsite_error_t  error;

    version = offered(sync, path, &rc);
    if (version == 0) {
        return rc;
    }

    live = version_of(sync->to, &error);

    if (version <= live) {
        if (version < live && first) {
            loader_complain("%s has version %llu, older than the live one: "
                            "left alone", path, (unsigned long long) version);
        }
        if (first) {
            tell(sync, "current", live);
        }
        return LOADER_OK;
    }

    if (sync->dry_run) {
        tell(sync, "would be replaced", version);
        return LOADER_OK;
    }

    rc = put_live(sync, path);

    if (rc == LOADER_OK) {
        sync->refused[0] = '\0';
        tell(sync, "live", version);
    }

    return rc;
}


static void
keep_current(sync_t *sync, onsite_ms_t interval)
{
    bool              first = true;
    struct timespec   pause = { interval / 1000, interval % 1000 * 1000000 };
    struct sigaction  action = { .sa_handler = stop };

    (void) sigaction(SIGINT, &action, NULL);
    (void) sigaction(SIGTERM, &action, NULL);

    while (!stopping) {
        if (changed(sync, sync->from)) {
            (void) sync_now(sync, first);
            first = false;
        }

        (void) nanosleep(&pause, NULL);
    }
}


int
loader_sync(int argc, char **argv)
{
    sync_t       sync = { .from = NULL };
    const char  *from, *to, *once, *interval, *dry_run, *json;

    const loader_option_t  options[] = {
        { "from", 0, "DIR|FILE", "where snapshots come from; file:// allowed",
          &from },
        { "to", 0, "FILE", "the live snapshot", &to },
        { "once", 0, NULL, "look once, then leave", &once },
        { "interval", 0, "TIME", "how often to look; default: 1s", &interval },
        { "dry-run", 0, NULL, "tell, but change nothing", &dry_run },
        { "json", 0, NULL, "results as NDJSON", &json },
        { 0 }
    };

    (void) loader_options(argc, argv, options, "--from DIR --to FILE", 0, 0);
    loader_needs_file(from);
    loader_needs_file(to);

    if (from == NULL || to == NULL) {
        loader_complain("--%s is missing", from == NULL ? "from" : "to");
        return LOADER_USAGE;
    }

    if (strncmp(from, "file://", 7) == 0) {
        from += 7;

    } else if (strstr(from, "://") != NULL) {
        loader_complain("--from: \"%s\": this version reads folders, files "
                        "and file:// only", from);
        return LOADER_USAGE;
    }

    sync.from = from;
    sync.to = to;
    sync.dry_run = dry_run != NULL;
    sync.json = json != NULL;

    if (once != NULL || dry_run != NULL) {
        return sync_now(&sync, true);
    }

    keep_current(&sync, loader_duration("interval", interval, ONSITE_SECOND));

    return LOADER_OK;
}
