/*
 * run_places.c - what `run --check` tells of this machine: what may be as it
 * is to be when the sidecar begins, and so is no error.
 */

#include "run.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


/* Where one runs for this state the place is its own, most likely; so it may
 * be where nobody lets us see whether one does. */

static bool
may_run(const char *state)
{
    bool              may;
    sidecar_t        *sidecar = malloc(sizeof(sidecar_t));
    onsite_error_t    error;
    onsite_status_t   status;

    if (sidecar == NULL) {
        return true;
    }

    status = sidecar_read(sidecar, state, &error);
    may = status == ONSITE_OK ? sidecar_lives(sidecar)
                              : status != ONSITE_NOT_FOUND;
    free(sidecar);

    return may;
}


/* Keys and folders are looked at with our rights, not with the sidecar's. */

static void
look_as_whom(const config_t *config, uid_t owner)
{
    struct passwd  *user;

    if (geteuid() != 0 || owner == 0) {
        return;
    }

    user = getpwuid(owner);

    if (user == NULL) {
        loader_complain("note: checked as root; the state is of user %u, who "
                        "may not read all that root reads", (unsigned) owner);
        return;
    }

    loader_complain("note: checked as root: runuser -u %s -- lmdb-loader run "
                    "%s --check sees what %s may read", user->pw_name,
                    config->path, user->pw_name);
}


void
run_look_at_places(const config_t *config)
{
    struct stat  st;

    if (stat(config->state, &st) == 0) {
        if (S_ISDIR(st.st_mode)) {
            look_as_whom(config, st.st_uid);

        } else {
            loader_complain("%s: warning: state: %s is no folder",
                            config->path, config->state);
        }

    } else if (errno == ENOENT) {
        loader_complain("%s: warning: state: %s: there is no such folder yet: "
                        "nginx makes it when it starts with onsite_state; is "
                        "it the same?", config->path, config->state);

    } else {
        loader_complain("%s: warning: state: %s: %s", config->path,
                        config->state, strerror(errno));
    }

    if (config->listen != NULL && !may_run(config->state)) {
        run_listen_try(config);
    }
}
