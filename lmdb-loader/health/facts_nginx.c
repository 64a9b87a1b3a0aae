/*
 * facts_nginx.c - numbers that only nginx has, out of onsite_status: as JSON,
 * text or Prometheus has them, whichever the location tells.
 */

#include "facts.h"
#include "remote.h"
#include "stop.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX  (256 * 1024)

typedef struct {
    const char  *group;             /* of the JSON: {"outbox":{"dropped":  */
    const char  *key;
    const char  *metric;            /* of Prometheus                       */
} name_t;


/* A number behind a text, or 0 or 1 where a word says it; -1: there is none.
 */

static double
number_after(const char *text, const char *wanted)
{
    char    *end;
    double   n;

    text = strstr(text, wanted);

    if (text == NULL) {
        return -1;
    }

    text += strlen(wanted);

    if (strncmp(text, "true", 4) == 0 || strncmp(text, "false", 5) == 0) {
        return *text == 't';
    }

    n = strtod(text, &end);

    return end != text ? n : -1;
}


static double
number_of(const char *answer, const name_t *name)
{
    char         wanted[80];
    double       n;
    const char  *group;

    (void) snprintf(wanted, sizeof(wanted), "\n%s ", name->metric);
    n = number_after(answer, wanted);

    if (n < 0) {
        (void) snprintf(wanted, sizeof(wanted), "\n%s.%s ", name->group,
                        name->key);
        n = number_after(answer, wanted);
    }

    (void) snprintf(wanted, sizeof(wanted), "\"%s\":{", name->group);
    group = n < 0 ? strstr(answer, wanted) : NULL;

    if (group != NULL) {
        (void) snprintf(wanted, sizeof(wanted), "\"%s\":", name->key);
        n = number_after(group, wanted);
    }

    return n;
}


static bool
read_answer(facts_nginx_t *nginx, const char *answer)
{
    size_t   i;
    double  *values[] = {
        &nginx->available, &nginx->events, &nginx->rejected,
        &nginx->refused, &nginx->dropped, &nginx->errors
    };

    static const name_t  names[] = {
        { "state", "available", "onsite_state_available" },
        { "events", "total", "onsite_events_total" },
        { "events", "rejected", "onsite_events_rejected_total" },
        { "outbox", "refused", "onsite_outbox_refused_total" },
        { "outbox", "dropped", "onsite_outbox_dropped_total" },
        { "store", "errors", "onsite_state_errors_total" }
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        *values[i] = number_of(answer, &names[i]);

        if (*values[i] < 0) {
            *values[i] = 0;
            return false;
        }
    }

    return true;
}


static void
say_why(facts_nginx_t *nginx, const char *text)
{
    (void) snprintf(nginx->why, sizeof(nginx->why), "%.*s", FACTS_WHY - 1,
                    text);
}


/* A location is an object of the server as a store has them. */

static onsite_status_t
fetch(const char *url, onsite_buf_t *answer, onsite_error_t *error)
{
    char              base[REMOTE_URL_MAX];
    const char       *name = strrchr(url, '/'), *host = strstr(url, "://");
    remote_t         *remote;
    remote_get_t      get = { .body = answer, .max = ANSWER_MAX };
    onsite_status_t   status;
    remote_options_t  options = { .stall = "5s", .stop = &loader_stopping };

    if (strncmp(url, "http", 4) != 0 || host == NULL || name < host + 3
        || name[1] == '\0' || name - url >= (long) sizeof(base))
    {
        return onsite_error(error, ONSITE_INVALID, "\"%s\" is no address of "
                            "a location such as http://127.0.0.1/status",
                            url);
    }

    (void) snprintf(base, sizeof(base), "%.*s", (int) (name - url), url);
    status = remote_open(base, &options, &remote, error);

    if (status == ONSITE_OK) {
        status = remote_get(remote, name + 1, &get, error);
        remote_close(remote);
    }

    return status;
}


void
facts_ask_nginx(facts_nginx_t *nginx)
{
    onsite_buf_t    answer;
    onsite_error_t  error = { "" };

    onsite_buf_init(&answer, 0);

    if (fetch(nginx->url, &answer, &error) != ONSITE_OK) {
        say_why(nginx, error.text);

    } else {
        onsite_buf_char(&answer, '\0');
        nginx->good = !answer.failed && read_answer(nginx, answer.data);

        if (!nginx->good) {
            say_why(nginx, "what answers there is not onsite_status");
        }
    }

    onsite_buf_free(&answer);
}
