/*
 * store.c - a store by hand, for t/remote_*.t: what the loader's commands do
 * with one, one call at a time.
 *
 *     store URL get NAME MAX [ETAG]
 *     store URL fetch NAME PATH SIZE
 *     store URL put NAME PATH | store URL text NAME TEXT
 *     store URL exists NAME
 *
 * Several may follow each other behind "+".  CA, ENDPOINT, REGION and STALL of
 * the environment are the options of the same names.  A line of JSON each.
 */

#include "onsite_value.h"
#include "remote.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WORDS_MAX  8

typedef struct {
    remote_t         *remote;
    onsite_buf_t      line;
    onsite_error_t    error;
    bar_t             bar;
    char              etag[REMOTE_ETAG_MAX];
} run_t;

static volatile sig_atomic_t  stopping;


static void
stop(int signal_number)
{
    (void) signal_number;
    stopping = 1;
}


static void
add_text(run_t *run, const char *name, const char *text, size_t len)
{
    onsite_buf_printf(&run->line, ",\"%s\":", name);
    onsite_write_json_string(&run->line, onsite_str(text, len));
}


static onsite_status_t
run_get(run_t *run, char **words)
{
    onsite_buf_t     body;
    remote_get_t     get = { .body = &body, .max = strtoul(words[2], NULL, 10)
                           };
    onsite_status_t  status;

    onsite_buf_init(&body, 0);

    if (words[3] != NULL) {
        (void) snprintf(get.etag, sizeof(get.etag), "%s",
                        strcmp(words[3], "last") == 0 ? run->etag : words[3]);
    }

    status = remote_get(run->remote, words[1], &get, &run->error);

    add_text(run, "body", body.data != NULL ? body.data : "", body.len);
    add_text(run, "etag", get.etag, strlen(get.etag));
    onsite_buf_printf(&run->line, ",\"unchanged\":%s",
                      get.unchanged ? "true" : "false");
    (void) strcpy(run->etag, get.etag);
    onsite_buf_free(&body);

    return status;
}


static onsite_status_t
run_fetch(run_t *run, char **words)
{
    remote_fetch_t   fetch = { .path = words[2], .bar = &run->bar,
                               .size = strtoull(words[3], NULL, 10) };
    onsite_status_t  status;

    bar_start(&run->bar, "fetching", fetch.size);
    status = remote_fetch(run->remote, words[1], &fetch, &run->error);
    onsite_buf_printf(&run->line, ",\"received\":%" PRIu64 ",\"bar\":%" PRIu64,
                      fetch.received, run->bar.done);

    return status;
}


static onsite_status_t
run_put(run_t *run, char **words)
{
    remote_put_t     put = { .type = "application/octet-stream",
                             .bar = &run->bar };
    onsite_status_t  status;

    if (strcmp(words[0], "put") == 0) {
        put.path = words[2];
    } else {
        put.bytes = onsite_str_of(words[2]);
        put.type = "application/json";
    }

    bar_start(&run->bar, "putting", 1);
    status = remote_put(run->remote, words[1], &put, &run->error);
    onsite_buf_printf(&run->line, ",\"bar\":%" PRIu64, run->bar.done);

    return status;
}


static onsite_status_t
run_exists(run_t *run, char **words)
{
    uint64_t         size;
    onsite_status_t  status;

    status = remote_exists(run->remote, words[1], &size, &run->error);
    onsite_buf_printf(&run->line, ",\"size\":%" PRIu64, size);

    return status;
}


static void
tell(run_t *run, onsite_status_t status)
{
    add_text(run, "status", onsite_status_text(status),
             strlen(onsite_status_text(status)));
    add_text(run, "error", run->error.text, strlen(run->error.text));

    if (run->remote != NULL) {
        onsite_buf_printf(&run->line, ",\"retry_after\":%u",
                          remote_retry_after(run->remote));
        add_text(run, "url", remote_url(run->remote),
                 strlen(remote_url(run->remote)));
    }

    (void) printf("{%.*s}\n", (int) run->line.len - 1, run->line.data + 1);
    (void) fflush(stdout);
    onsite_buf_clear(&run->line);
    run->error.text[0] = '\0';
}


static void
run_words(run_t *run, char **words)
{
    onsite_status_t  status;

    if (strcmp(words[0], "get") == 0) {
        status = run_get(run, words);

    } else if (strcmp(words[0], "fetch") == 0) {
        status = run_fetch(run, words);

    } else if (strcmp(words[0], "exists") == 0) {
        status = run_exists(run, words);

    } else {
        status = run_put(run, words);
    }

    tell(run, status);
}


int
main(int argc, char **argv)
{
    int               i;
    run_t             run = { .remote = NULL };
    char             *words[WORDS_MAX] = { NULL };
    size_t            n = 0;
    onsite_status_t   status;
    remote_options_t  options = {
        .ca = getenv("CA"), .endpoint = getenv("ENDPOINT"),
        .region = getenv("REGION"), .stall = getenv("STALL"),
        .stop = &stopping
    };

    (void) signal(SIGTERM, stop);
    onsite_buf_init(&run.line, 0);
    bar_init(&run.bar, true);

    status = argc < 2 ? ONSITE_INVALID
                      : remote_open(argv[1], &options, &run.remote,
                                    &run.error);
    if (status != ONSITE_OK) {
        tell(&run, status);
        onsite_buf_free(&run.line);
        return 1;
    }

    for (i = 2; i <= argc; i++) {
        if (i == argc || strcmp(argv[i], "+") == 0) {
            run_words(&run, words);
            memset(words, 0, sizeof(words));
            n = 0;

        } else if (n < WORDS_MAX - 1) {
            words[n++] = argv[i];
        }
    }

    remote_close(run.remote);
    onsite_buf_free(&run.line);

    return 0;
}
