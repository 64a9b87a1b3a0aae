/*
 * run.c - `run`: the one sidecar of a POP.
 *
 * A master, which does nothing that can wait, and a process for each section
 * and for the one that watches: LMDB opens a state once in a process, and what
 * befalls one of them befalls no other.
 */

#include "run.h"

#include "files.h"
#include "notify.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS       1000
#define CHILDREN      (2 * SIDECAR_SLOTS)
#define STOP_MORE_MS  (5 * ONSITE_SECOND)   /* for those that were killed  */

typedef struct {
    const char   *path;
    config_t     *config;
    sidecar_t    *sidecar;
    int           listener;
    int           lock;             /* of the state                        */
    child_t      *children[CHILDREN];
    size_t        n;
    onsite_ms_t   tick;             /* when the next one is due            */
    bool          begun;            /* sections that come are a reload's   */
    bool          stopping;
    bool          was_ready;
    bool          ready;            /* as systemd was told last            */
    char          told[TASK_WHY_MAX];       /* what cannot be written      */
    int           rc;
} master_t;

static volatile sig_atomic_t  ending, reloading, again;


static void
note(int number)
{
    if (number == SIGHUP) {
        reloading = 1;

    } else if (number != SIGCHLD) {
        again = ending;
        ending = 1;
    }
}


/* They come while the master waits, and at no other time. */

static void
catch_signals(sigset_t *while_waiting)
{
    size_t            i;
    sigset_t          set;
    struct sigaction  action = { .sa_handler = note };

    static const int  ours[] = { SIGTERM, SIGINT, SIGHUP, SIGCHLD };

    (void) sigemptyset(&set);

    for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        (void) sigaddset(&set, ours[i]);
        (void) sigaction(ours[i], &action, NULL);
    }

    (void) signal(SIGPIPE, SIG_IGN);
    (void) signal(SIGXFSZ, SIG_IGN);
    (void) sigprocmask(SIG_BLOCK, &set, while_waiting);

    for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        (void) sigdelset(while_waiting, ours[i]);
    }
}


/* Children */

static child_t *
child_named(const master_t *m, const char *name)
{
    size_t  i;

    for (i = 0; i < m->n; i++) {
        if (strcmp(m->children[i]->slot->name, name) == 0) {
            return m->children[i];
        }
    }

    return NULL;
}


static child_t *
add_child(master_t *m, const char *name)
{
    child_t         *child;
    sidecar_slot_t  *slot = sidecar_slot(m->sidecar, name);

    child = slot != NULL && m->n < CHILDREN ? calloc(1, sizeof(child_t))
                                            : NULL;

    if (child == NULL) {
        child_tell("run", "no room for [%s] yet: reload once more", name);
        return NULL;
    }

    child->slot = slot;
    slot->phase = SIDECAR_WAITS;
    child->log = -1;
    child->keep = -1;
    child->again = sidecar_clock();
    child->proven = m->begun;
    m->children[m->n++] = child;

    return child;
}


static void
want_child(master_t *m, const char *name, const config_section_t *section,
    bool changed)
{
    child_t  *child = child_named(m, name);

    if (child == NULL) {
        child = add_child(m, name);
        changed = false;
    }

    if (child == NULL) {
        return;
    }

    child->wanted = true;
    child->section = section;
    child->config = m->config;

    if (changed) {
        child->slot->in_a_row = 0;
        child_stop(child, m->config->stop_timeout);
        child->again = child->pid == 0 ? sidecar_clock() : 0;
    }
}


static void
start_children(master_t *m)
{
    size_t    i;
    child_t  *c;

    for (i = 0; i < m->n && !m->stopping; i++) {
        c = m->children[i];

        if (c->pid == 0 && c->again != 0 && c->again <= sidecar_clock()) {
            c->keep = c->section == NULL ? m->listener : -1;
            (void) child_start(c, c->section != NULL ? run_section
                                                     : run_watch,
                               m->sidecar);
        }
    }
}


static void
stop_all(master_t *m, onsite_ms_t ms)
{
    size_t  i;

    m->stopping = true;
    m->sidecar->stopping = 1;

    for (i = 0; i < m->n; i++) {
        m->children[i]->wanted = false;
        child_stop(m->children[i], ms);
    }
}


static void
remove_child(master_t *m, size_t i)
{
    child_t  *child = m->children[i];

    child->slot->phase = SIDECAR_FREE;
    child->slot->name[0] = '\0';
    m->children[i] = m->children[--m->n];
    free(child);
}


static void
take_ends(master_t *m)
{
    int     status;
    pid_t   pid;
    size_t  i;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (i = 0; i < m->n && m->children[i]->pid != pid; i++) {
            /* void */
        }

        if (i < m->n
            && child_ended(m->children[i], status) == LOADER_USAGE
            && !m->stopping)
        {
            child_tell("run", "[%s] cannot begin as it is configured",
                       m->children[i]->slot->name);
            m->rc = LOADER_USAGE;
            stop_all(m, m->config->stop_timeout);
        }
    }

    for (i = m->n; i > 0; i--) {
        if (m->children[i - 1]->pid == 0 && !m->children[i - 1]->wanted) {
            remove_child(m, i - 1);
        }
    }
}


/* The table in the state */

/* The lock goes with a state that is wiped, and comes back with it. */

static bool
hold_lock(master_t *m, onsite_error_t *error)
{
    char             path[PATH_MAX], does[PATH_MAX + 16];
    struct stat      st;
    onsite_status_t  status;

    if (m->lock >= 0 && fstat(m->lock, &st) == 0 && st.st_nlink > 0) {
        return true;
    }

    if (m->lock >= 0) {
        (void) close(m->lock);
        m->lock = -1;
    }

    if (access(m->config->state, F_OK) != 0) {
        return true;
    }

    (void) snprintf(path, sizeof(path), "%s/sidecar.lock", m->config->state);
    (void) snprintf(does, sizeof(does), "runs for %s", m->config->state);
    status = files_lock(path, does, &m->lock, error);

    return status != ONSITE_INVALID;
}


static void
write_table(master_t *m)
{
    onsite_error_t  error = { "" };

    m->sidecar->beat = sidecar_clock();

    if (!hold_lock(m, &error)
        || sidecar_write(m->sidecar, m->config->state, &error) != ONSITE_OK)
    {
        if (strcmp(m->told, error.text) != 0) {
            child_tell("run", "%s", error.text);
            (void) snprintf(m->told, sizeof(m->told), "%.255s", error.text);
        }

    } else {
        m->told[0] = '\0';
    }
}


static void
remove_table(const config_t *config)
{
    char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/" SIDECAR_FILE, config->state);
    (void) unlink(path);
}


/* systemd */

static bool
is_ready(const master_t *m)
{
    return m->sidecar->ready != 0
           && sidecar_clock() - m->sidecar->looked < SIDECAR_SILENT;
}


static void
tell_systemd(master_t *m)
{
    bool  ready = is_ready(m);

    notify_alive();

    if (m->stopping) {
        return;
    }

    if (!m->was_ready && ready) {
        notify("READY=1\nSTATUS=ready: %zu sections", m->config->n);
        m->was_ready = true;

    } else if (!ready) {
        notify("STATUS=not ready: %.255s%s", m->sidecar->unready,
               m->was_ready ? "" : "\nEXTEND_TIMEOUT_USEC=60000000");

    } else if (!m->ready) {
        notify("STATUS=ready: %zu sections", m->config->n);
    }

    m->ready = ready;
}


/* Reloading */

static config_t *
read_config(const char *path, bool places)
{
    config_t  *config = calloc(1, sizeof(config_t));

    if (config == NULL) {
        return NULL;
    }

    if (config_read(config, path) == LOADER_OK
        && run_check(config, places) == LOADER_OK)
    {
        return config;
    }

    config_free(config);
    free(config);

    return NULL;
}


static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}


/* The first thing that can fail, and the last. */

static bool
take_listener(master_t *m, const config_t *config)
{
    int  fd = -1;

    if (same_text(m->config->listen, config->listen)) {
        return true;
    }

    if (run_listen(config, &fd) != LOADER_OK) {
        return false;
    }

    if (m->listener >= 0) {
        (void) close(m->listener);
        run_listen_end(m->config);
    }

    m->listener = fd;

    return true;
}


static const config_section_t *
section_of(const config_t *config, const char *name)
{
    size_t  i;

    for (i = 0; i < config->n; i++) {
        if (strcmp(config->sections[i].name, name) == 0) {
            return &config->sections[i];
        }
    }

    return NULL;
}


static void
name_listener(master_t *m)
{
    (void) snprintf(m->sidecar->listen, sizeof(m->sidecar->listen), "%s",
                    m->config->listen != NULL ? m->config->listen : "");
}


/* Those that are not in it go, others come, and those that changed do both. */

static void
apply(master_t *m, config_t *config)
{
    bool                     moved, changed, any;
    size_t                   i;
    config_t                *before = m->config;
    const config_section_t  *now, *then;

    moved = strcmp(before->state, config->state) != 0;
    any = moved || before->n != config->n
          || !same_text(before->listen, config->listen)
          || !same_text(before->nginx, config->nginx);
    m->config = config;
    name_listener(m);

    for (i = 0; i < m->n; i++) {
        m->children[i]->wanted = false;
    }

    for (i = 0; i < config->n; i++) {
        now = &config->sections[i];
        then = section_of(before, now->name);
        changed = moved || then == NULL || !config_same(now, then);
        any = any || changed;
        want_child(m, now->name, now, changed);
    }

    want_child(m, SIDECAR_WATCH, NULL, any);

    for (i = 0; i < m->n; i++) {
        if (!m->children[i]->wanted) {
            child_stop(m->children[i], config->stop_timeout);
        }
    }

    if (moved) {
        remove_table(before);
        (void) close(m->lock);
        m->lock = -1;
    }

    config_free(before);
    free(before);
}


static void
reload(master_t *m)
{
    config_t  *config;

    if (m->was_ready) {
        notify_reloading();
    }

    config = read_config(m->path, false);

    if (config != NULL && !take_listener(m, config)) {
        config_free(config);
        free(config);
        config = NULL;
    }

    if (config == NULL) {
        child_tell("run", "%s is wrong: what was read before goes on",
                   m->path);

    } else {
        apply(m, config);
        child_tell("run", "%s: read anew, %zu sections", m->path, config->n);
    }

    if (m->was_ready) {
        notify("READY=1\nSTATUS=%s %s", m->path, config != NULL
               ? "was read anew" : "is wrong: what was read before goes on");
    }
}


/* The loop */

static void
tick(master_t *m)
{
    write_table(m);
    tell_systemd(m);
    m->tick = sidecar_clock() + TICK_MS;
}


/* Until something happens, or has to. */

static void
wait_for_more(master_t *m, const sigset_t *signals)
{
    size_t           i, n = 0;
    onsite_ms_t      now = sidecar_clock(), until = m->tick, at;
    struct pollfd    polled[CHILDREN];
    struct timespec  time;

    for (i = 0; i < m->n; i++) {
        if (m->children[i]->log >= 0) {
            polled[n++] = (struct pollfd) { .fd = m->children[i]->log,
                                            .events = POLLIN };
        }

        at = m->children[i]->pid == 0 ? m->children[i]->again
                                      : m->children[i]->kill_at;
        until = at != 0 && at < until ? at : until;
    }

    until = until > now ? until - now : 0;
    time = (struct timespec) { until / 1000, until % 1000 * 1000000 };
    (void) ppoll(polled, n, &time, signals);

    for (i = 0; i < m->n; i++) {
        child_read_log(m->children[i]);
        child_look_after(m->children[i]);
    }
}


static void
take_signals(master_t *m)
{
    if (reloading) {
        reloading = 0;

        if (!m->stopping) {
            reload(m);
        }
    }

    if (ending && !m->stopping) {
        notify("STOPPING=1\nSTATUS=stops\nEXTEND_TIMEOUT_USEC=%lld",
               (long long) (m->config->stop_timeout + STOP_MORE_MS) * 1000);
        stop_all(m, m->config->stop_timeout);

    } else if (again) {
        again = 0;
        stop_all(m, 0);
    }
}


static int
run(master_t *m)
{
    size_t    i;
    sigset_t  signals;

    catch_signals(&signals);
    name_listener(m);

    for (i = 0; i < m->config->n; i++) {
        want_child(m, m->config->sections[i].name, &m->config->sections[i],
                   false);
    }

    want_child(m, SIDECAR_WATCH, NULL, false);
    m->begun = true;

    while (m->n != 0) {
        start_children(m);

        if (sidecar_clock() >= m->tick) {
            tick(m);
        }

        wait_for_more(m, &signals);
        take_ends(m);
        take_signals(m);
    }

    return m->rc;
}


static int
start(master_t *m)
{
    int             rc;
    onsite_error_t  error;

    rc = run_listen(m->config, &m->listener);
    if (rc != LOADER_OK) {
        return rc;
    }

    if (!hold_lock(m, &error)) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    m->sidecar = sidecar_create(m->path);
    if (m->sidecar == NULL) {
        loader_complain("no memory to share: %s", strerror(errno));
        return LOADER_FAILED;
    }

    notify_init();
    notify("STATUS=begins");
    rc = run(m);
    remove_table(m->config);
    run_listen_end(m->config);

    return rc;
}


int
loader_run(int argc, char **argv)
{
    int          rc;
    char         path[PATH_MAX];
    master_t     m = { .listener = -1, .lock = -1 };
    const char  *check;

    const loader_option_t  options[] = {
        { "check", 0, NULL, "test the configuration, and do nothing",
          &check },
        { 0 }
    };

    (void) loader_options(argc, argv, options, "CONFIG", 1, 1);
    loader_needs_file(argv[0]);
    m.path = realpath(argv[0], path) != NULL ? path : argv[0];
    m.config = read_config(m.path, check != NULL);

    if (m.config == NULL) {
        return LOADER_USAGE;
    }

    if (check != NULL) {
        run_look_at_places(m.config);
        (void) printf("%s: good, %zu section%s\n", argv[0], m.config->n,
                      m.config->n == 1 ? "" : "s");
        rc = LOADER_OK;

    } else {
        rc = start(&m);
    }

    config_free(m.config);
    free(m.config);

    return rc;
}
