/*
 * child.c - a process that the master of `run` has.
 */

#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN_MS      ONSITE_SECOND
#define AGAIN_MAX_MS  ONSITE_MINUTE
#define SETTLED_MS    ONSITE_MINUTE     /* ends before count in a row      */
#define PROVEN_MS     (5 * ONSITE_SECOND)


/* The child's side */

static void
take_signals(void)
{
    size_t     i;
    sigset_t   none;

    static const int  back[] = { SIGCHLD, SIGTERM, SIGINT };

    for (i = 0; i < sizeof(back) / sizeof(back[0]); i++) {
        (void) signal(back[i], SIG_DFL);
    }

    /* it is the master's to reload */

    (void) signal(SIGHUP, SIG_IGN);
    (void) sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);
}


/* Without the master it has nobody to be watched by: it ends, too. */

static void
end_with(pid_t master)
{
    (void) prctl(PR_SET_PDEATHSIG, SIGTERM);

    if (getppid() != master) {
        exit(LOADER_FAILED);
    }
}


static void
name_process(const char *name)
{
    char  text[16];

    (void) snprintf(text, sizeof(text), "onsite %.8s", name);
    (void) prctl(PR_SET_NAME, text);
}


/* Nothing of the master's stays open: its lock would outlive it. */

static void
take_descriptors(child_t *child, int log)
{
    int  null;

    null = open("/dev/null", O_RDONLY|O_CLOEXEC);
    (void) dup2(null, STDIN_FILENO);
    (void) dup2(log, STDOUT_FILENO);
    (void) dup2(log, STDERR_FILENO);

    if (child->keep >= 0) {
        (void) dup2(child->keep, STDERR_FILENO + 1);
        child->keep = STDERR_FILENO + 1;
    }

    (void) close_range(STDERR_FILENO + 1 + (child->keep >= 0), ~0u, 0);
}


static void
be_child(child_t *child, int log, pid_t master, child_work_pt work,
    void *data)
{
    end_with(master);
    take_descriptors(child, log);
    (void) setvbuf(stdout, NULL, _IOLBF, 0);
    task_use(&child->slot->task);
    name_process(child->slot->name);
    take_signals();
    exit(work(child, data));
}


/* The master's side */

static void
wait_to_start(child_t *child)
{
    onsite_ms_t  most;
    unsigned     n = child->slot->in_a_row;

    most = n > 6 ? AGAIN_MAX_MS : AGAIN_MS << (n > 0 ? n - 1 : 0);
    most = most > AGAIN_MAX_MS ? AGAIN_MAX_MS : most;
    child->again = sidecar_clock() + most / 2
                   + (onsite_ms_t) ((uint64_t) random()
                                    % (uint64_t) (most / 2));
    child->slot->phase = SIDECAR_WAITS;
}


bool
child_start(child_t *child, child_work_pt work, void *data)
{
    int    ends[2];
    pid_t  pid, master = getpid();

    if (pipe2(ends, O_CLOEXEC) != 0) {
        child_tell(child->slot->name, "no pipe: %s", strerror(errno));
        wait_to_start(child);
        return false;
    }

    (void) fcntl(ends[0], F_SETFL, O_NONBLOCK);
    (void) fflush(NULL);
    pid = fork();

    if (pid == 0) {
        be_child(child, ends[1], master, work, data);
    }

    (void) close(ends[1]);

    if (pid < 0) {
        child_tell(child->slot->name, "no process: %s", strerror(errno));
        (void) close(ends[0]);
        wait_to_start(child);
        return false;
    }

    child->pid = pid;
    child->log = ends[0];
    child->len = 0;
    child->began = sidecar_clock();
    child->again = 0;
    child->kill_at = 0;
    child->slot->pid = (int32_t) pid;
    child->slot->started = loader_now();
    child->slot->phase = SIDECAR_RUNS;

    return true;
}


void
child_stop(child_t *child, onsite_ms_t ms)
{
    onsite_ms_t  end = sidecar_clock() + ms;

    child->again = 0;

    if (child->pid == 0) {
        return;
    }

    if (child->kill_at == 0) {
        (void) kill(child->pid, SIGTERM);
    }

    child->kill_at = child->kill_at == 0 || end < child->kill_at
                     ? end : child->kill_at;
    child->slot->phase = SIDECAR_STOPS;
}


void
child_look_after(child_t *child)
{
    onsite_ms_t  now = sidecar_clock();

    if (child->pid == 0) {
        return;
    }

    if (child->kill_at != 0 && now >= child->kill_at) {
        child_tell(child->slot->name, "has not ended in time: killed");
        (void) kill(child->pid, SIGKILL);
        child->kill_at = now + ONSITE_SECOND;
    }

    if (now - child->began >= SETTLED_MS) {
        child->slot->in_a_row = 0;
    }

    if (now - child->began >= PROVEN_MS) {
        child->proven = true;
    }
}


static void
describe_end(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status)) {
        (void) snprintf(text, size, "killed by signal %d (%s)",
                        WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else {
        (void) snprintf(text, size, "ended with exit status %d",
                        WEXITSTATUS(status));
    }
}


static void
ended_unasked(child_t *child, int status)
{
    sidecar_slot_t  *slot = child->slot;

    describe_end(status, slot->end, sizeof(slot->end));
    slot->ended = loader_now();
    slot->restarts++;
    slot->in_a_row++;
    wait_to_start(child);
    child_tell(slot->name, "%s; starts again in %.1f s", slot->end,
               (double) (child->again - sidecar_clock()) / 1000);
}


static void
close_log(child_t *child)
{
    child_read_log(child);

    if (child->len != 0) {
        child_tell(child->slot->name, "%.*s", (int) child->len, child->line);
        child->len = 0;
    }

    if (child->log >= 0) {
        (void) close(child->log);
        child->log = -1;
    }
}


int
child_ended(child_t *child, int status)
{
    bool  asked = child->kill_at != 0;

    close_log(child);
    child->pid = 0;
    child->kill_at = 0;
    child->slot->pid = 0;

    if (asked || !child->wanted) {
        child->again = child->wanted ? sidecar_clock() : 0;
        child->slot->phase = child->wanted ? SIDECAR_WAITS : SIDECAR_FREE;
        return LOADER_OK;
    }

    if (!child->proven && WIFEXITED(status)
        && WEXITSTATUS(status) == LOADER_USAGE)
    {
        return LOADER_USAGE;
    }

    child->proven = true;
    ended_unasked(child, status);

    return LOADER_OK;
}
