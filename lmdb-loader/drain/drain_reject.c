/*
 * drain_reject.c - events that a sink would never take: put aside into a file,
 * if there is one, else dropped; counted either way, and told.
 *
 * The file is for people: an object a line, with when and why.  It has a bound,
 * so that a receiver that has gone mad fills no disk.
 */

#include "drain_reject.h"
#include "loader.h"
#include "stop.h"
#include "task.h"

#include "onsite_file.h"
#include "onsite_value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TELL_MS  ONSITE_MINUTE


static onsite_status_t
failed(const reject_t *reject, onsite_error_t *error)
{
    return onsite_error(error, ONSITE_IO, "--rejects: %s: %s", reject->path,
                        strerror(errno));
}


static void
write_line(onsite_buf_t *out, const drain_event_t *event, const char *why)
{
    onsite_str_t  line = event->line;

    onsite_buf_str(out, ONSITE_STR("{\"rejected\":"));
    loader_write_time(out, loader_now());
    onsite_buf_str(out, ONSITE_STR(",\"why\":"));
    onsite_write_json_string(out, onsite_str_of(why));
    onsite_buf_str(out, ONSITE_STR(",\"event\":"));
    onsite_buf_append(out, line.data, line.len - 1);
    onsite_buf_str(out, ONSITE_STR("}\n"));
}


/* *full: there is no room for it. */

static onsite_status_t
append(reject_t *reject, onsite_str_t line, bool *full,
    onsite_error_t *error)
{
    struct stat  st;

    if (reject->fd < 0) {
        reject->fd = open(reject->path, O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC,
                          0600);
    }

    if (reject->fd < 0 || fstat(reject->fd, &st) != 0) {
        return failed(reject, error);
    }

    *full = (uint64_t) st.st_size + line.len > REJECT_BYTES;

    if (*full) {
        return ONSITE_OK;
    }

    /* what was written of it goes, or its line would be no JSON */

    if (!onsite_write_all(reject->fd, line.data, line.len)
        || fsync(reject->fd) != 0)
    {
        (void) failed(reject, error);
        (void) !ftruncate(reject->fd, st.st_size);
        return ONSITE_IO;
    }

    return ONSITE_OK;
}


/* The first at once, then how many each minute. */

static void
tell(reject_t *reject, const drain_event_t *event, const char *why,
    bool dropped)
{
    onsite_ms_t     now = loader_clock();
    onsite_error_t  id;

    reject->untold++;

    if (reject->told != 0 && now - reject->told < TELL_MS) {
        return;
    }

    (void) onsite_error(&id, ONSITE_OK, "%.*s", (int) event->id.len,
                        event->id.data);

    loader_complain("%llu event%s will never be taken, and %s %s%s: "
                    "messageId %s: %s", (unsigned long long) reject->untold,
                    reject->untold == 1 ? "" : "s",
                    reject->untold == 1 ? "was" : "were",
                    dropped ? "dropped (--rejects FILE keeps such)"
                            : "put into ",
                    dropped ? "" : reject->path, id.text, why);
    reject->told = now;
    reject->untold = 0;
}


onsite_status_t
reject_add(reject_t *reject, const drain_event_t *event, const char *why,
    onsite_error_t *error)
{
    bool             full = false;
    onsite_buf_t     line;
    onsite_status_t  status = ONSITE_OK;

    if (reject->path != NULL) {
        onsite_buf_init(&line, 0);
        write_line(&line, event, why);
        status = line.failed
                 ? onsite_error(error, ONSITE_NO_MEMORY, "out of memory")
                 : append(reject, onsite_str(line.data, line.len), &full,
                          error);
        onsite_buf_free(&line);
    }

    if (status == ONSITE_OK) {
        tell(reject, event, full ? "the file of rejected events is full"
                                 : why, reject->path == NULL || full);
        task_count(TASK_DRAIN_REJECTED, 1);
    }

    return status;
}


onsite_status_t
reject_begin(reject_t *reject, const drain_t *drain, onsite_error_t *error)
{
    if (drain->opened == reject->state) {
        return ONSITE_OK;
    }

    free(reject->last);
    reject->last = calloc(onsite_store_shards(drain->store),
                          sizeof(uint64_t));
    reject->state = reject->last != NULL ? drain->opened : 0;

    return reject->last != NULL
           ? ONSITE_OK : onsite_error(error, ONSITE_NO_MEMORY,
                                      "out of memory");
}


onsite_status_t
reject_too_large(reject_t *reject, drain_t *drain,
    const drain_event_t *event, const char *why, onsite_error_t *error)
{
    onsite_status_t  status = ONSITE_OK;

    if (event->seq > reject->last[drain->shard]) {
        status = reject_add(reject, event, why, error);
    }

    if (status == ONSITE_OK) {
        reject->last[drain->shard] = event->seq;
        reject->n++;
        drain->shards[drain->shard].n--;
    }

    return status;
}


void
reject_settled(reject_t *reject, drain_t *drain)
{
    drain->rejected += reject->n;
    reject->n = 0;
}


void
reject_forget(reject_t *reject)
{
    reject->n = 0;
}


void
reject_close(reject_t *reject)
{
    free(reject->last);
    reject->last = NULL;

    if (reject->fd >= 0) {
        (void) close(reject->fd);
        reject->fd = -1;
    }
}
