/*
 * run_sections.c - which command a section of a configuration is, and testing
 * what it says.
 */

#include "run.h"

#include "notify.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK_MS  (20 * ONSITE_SECOND)

/* Each of them takes all it needs as long options, asks loader_checking where
 * it would begin, tells task.h how it is, tries again what is temporary, and
 * ends soon after SIGTERM. */

static const struct {
    const char  *kind;
    int        (*run)(int argc, char **argv);
} kinds[] = {
    { "sync", loader_sync },
    { "drain", loader_drain },
    { "deliver", loader_deliver },
    { "checkpoint", loader_checkpoint },
    { "roam", loader_roam },
};

#define KINDS  (sizeof(kinds) / sizeof(kinds[0]))


void
run_kinds(char *out, size_t size)
{
    size_t  i, n = 0;

    for (i = 0; i < KINDS && n < size; i++) {
        n += (size_t) snprintf(out + n, size - n, "%s%s",
                               i != 0 ? ", " : "", kinds[i].kind);
    }
}


static size_t
find_kind(const char *kind)
{
    size_t  i;

    for (i = 0; i < KINDS && strcmp(kinds[i].kind, kind) != 0; i++) {
        /* void */
    }

    return i;
}


static int
begin_section(const config_t *config, const config_section_t *section,
    bool checking, bool places)
{
    size_t                   i = find_kind(section->kind);
    char                     name[CONFIG_KIND_MAX];
    char                    *argv[] = { name, NULL };
    static loader_section_t  configured;

    configured = (loader_section_t) {
        .file = config->path, .name = section->name, .line = section->line,
        .state = config->state, .settings = section->settings,
        .n = section->n, .checking = checking, .places = places
    };

    memcpy(name, section->kind, sizeof(name));
    loader_configure(&configured);

    return kinds[i].run(1, argv);
}


int
run_section(const child_t *child, void *data)
{
    (void) data;

    return begin_section(child->config, child->section, false, false);
}


/* A network that hangs under a file of keys is not to hang us. */

static int
wait_for(pid_t pid, const char *name)
{
    int              status;
    onsite_ms_t      end = sidecar_clock() + CHECK_MS;
    struct timespec  step = { 0, 5 * 1000000 };

    while (waitpid(pid, &status, WNOHANG) != pid) {
        if (sidecar_clock() > end) {
            (void) kill(pid, SIGKILL);
            (void) waitpid(pid, &status, 0);
            loader_complain("[%s]: what it names could not be read within "
                            "%d s", name, (int) (CHECK_MS / 1000));
            return LOADER_USAGE;
        }

        notify_alive();
        (void) nanosleep(&step, NULL);
    }

    if (WIFSIGNALED(status)) {
        loader_complain("[%s]: testing it was killed by signal %d", name,
                        WTERMSIG(status));
        return LOADER_USAGE;
    }

    return WEXITSTATUS(status) == LOADER_OK ? LOADER_OK : LOADER_USAGE;
}


static int
check_section(const config_t *config, const config_section_t *section,
    bool places)
{
    char    known[256];
    pid_t   pid;

    if (find_kind(section->kind) == KINDS) {
        run_kinds(known, sizeof(known));
        loader_complain("%s:%u: there is no section [%s]; there are: %s",
                        config->path, section->line, section->kind, known);
        return LOADER_USAGE;
    }

    (void) fflush(NULL);
    pid = fork();

    if (pid < 0) {
        loader_complain("no process: %s", strerror(errno));
        return LOADER_FAILED;
    }

    if (pid == 0) {
        exit(begin_section(config, section, true, places));
    }

    return wait_for(pid, section->name);
}


int
run_check(const config_t *config, bool places)
{
    int     rc, all;
    size_t  i;

    all = run_listen(config, NULL);
    rc = config_check(config);
    all = rc != LOADER_OK ? rc : all;

    for (i = 0; i < config->n; i++) {
        rc = check_section(config, &config->sections[i], places);
        all = rc != LOADER_OK ? rc : all;
    }

    return all;
}
