/*
 * child_log.c - what children say, on the master's standard error.
 *
 * Whoever reads that may stop reading: then lines are lost, and counted, but
 * the master is not held up.
 */

#include "child.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX  (CONFIG_NAME_MAX + 40)

static uint64_t  lost;


/* journald has the time of each line itself. */

static bool
is_journal(void)
{
    char         mine[64];
    const char  *stream = getenv("JOURNAL_STREAM");
    struct stat  st;

    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0) {
        return false;
    }

    (void) snprintf(mine, sizeof(mine), "%llu:%llu",
                    (unsigned long long) st.st_dev,
                    (unsigned long long) st.st_ino);

    return strcmp(mine, stream) == 0;
}


static size_t
write_head(char *out, size_t size, const char *name)
{
    size_t      n = 0;
    time_t      now = time(NULL);
    struct tm   utc;
    static int  journal = -1;

    if (journal < 0) {
        journal = is_journal();
    }

    if (!journal && gmtime_r(&now, &utc) != NULL) {
        n = strftime(out, size, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    }

    return n + (size_t) snprintf(out + n, size - n, "[%s] ", name);
}


static bool
can_write(void)
{
    struct pollfd  p = { .fd = STDERR_FILENO, .events = POLLOUT };

    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
}


/* In one write, so that no other line comes between. */

static void
write_line(const char *name, const char *text, size_t len)
{
    char    out[HEAD_MAX + CHILD_LINE_MAX + 1];
    size_t  n;

    if (!can_write()) {
        lost++;
        return;
    }

    n = write_head(out, HEAD_MAX, name);
    len = len < CHILD_LINE_MAX ? len : CHILD_LINE_MAX;
    memcpy(out + n, text, len);
    out[n + len] = '\n';
    (void) !write(STDERR_FILENO, out, n + len + 1);
}


static void
put_line(const char *name, const char *text, size_t len)
{
    int       n;
    char      told[80];
    uint64_t  before = lost;

    if (lost != 0 && can_write()) {
        n = snprintf(told, sizeof(told), "%llu lines were lost here",
                     (unsigned long long) before);
        lost = 0;
        write_line("run", told, (size_t) n);
    }

    write_line(name, text, len);
}


void
child_tell(const char *name, const char *format, ...)
{
    int      n;
    char     text[CHILD_LINE_MAX];
    va_list  args;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    put_line(name, text, n < (int) sizeof(text) ? (size_t) n
                                                : sizeof(text) - 1);
}


/* Whole lines of what was read; one that is too long comes in pieces. */

static void
put_lines(child_t *child)
{
    char    *end;
    size_t   n, from = 0;

    while ((end = memchr(child->line + from, '\n', child->len - from))
           != NULL)
    {
        n = (size_t) (end - child->line) - from;
        put_line(child->slot->name, child->line + from, n);
        from += n + 1;
    }

    if (from == 0 && child->len == sizeof(child->line)) {
        put_line(child->slot->name, child->line, child->len);
        from = child->len;
    }

    child->len -= from;
    memmove(child->line, child->line + from, child->len);
}


void
child_read_log(child_t *child)
{
    int      i;
    ssize_t  n;

    /* who says more than this at once is read on later */

    for (i = 0; i < 64 && child->log >= 0; i++) {
        n = read(child->log, child->line + child->len,
                 sizeof(child->line) - child->len);

        if (n <= 0) {
            if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
                (void) close(child->log);
                child->log = -1;
            }
            return;
        }

        child->len += (size_t) n;
        put_lines(child);
    }
}
