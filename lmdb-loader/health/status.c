/*
 * status.c - `status`: how a POP is, on one page.
 */

#include "facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    config_t        config;
    facts_source_t  source;
    facts_t         facts;
    sidecar_t       sidecar;
    char            state[PATH_MAX];
} status_t;


/* The configuration that was named, else that of the sidecar that runs for
 * the state. */

static int
read_config(status_t *s, const char *config)
{
    int  rc;

    if (config == NULL) {
        config = s->facts.sidecar != NULL && s->sidecar.config[0] != '\0'
                 && access(s->sidecar.config, R_OK) == 0
                 ? s->sidecar.config : NULL;
    }

    if (config == NULL) {
        return LOADER_OK;
    }

    rc = config_read(&s->config, config);

    if (rc == LOADER_OK) {
        s->source.config = &s->config;
    }

    return rc;
}


static void
read_sidecar(status_t *s, const char *state)
{
    onsite_error_t  error;

    if (sidecar_read(&s->sidecar, state, &error) == ONSITE_OK) {
        s->facts.sidecar = &s->sidecar;
    }
}


static int
find_state(status_t *s, const char *state, const char *config)
{
    int  rc;

    if (state == NULL && config == NULL && access(CONFIG_DEFAULT, F_OK) != 0
        && errno == ENOENT)
    {
        loader_complain("of what? There is no " CONFIG_DEFAULT ": name the "
                        "folder of onsite_state (lmdb-loader status DIR) or a "
                        "configuration (--config CONFIG); one to begin with "
                        "is " CONFIG_DEFAULT ".example");
        return LOADER_USAGE;
    }

    if (state == NULL) {
        rc = read_config(s, config != NULL ? config : CONFIG_DEFAULT);

        if (rc != LOADER_OK) {
            return rc;
        }

        (void) snprintf(s->state, sizeof(s->state), "%s", s->config.state);
        read_sidecar(s, s->state);

        return LOADER_OK;
    }

    /* the store takes absolute paths only */

    if (realpath(state, s->state) == NULL) {
        if (*state != '/') {
            loader_complain("%s: %s", state, strerror(errno));
            return LOADER_FAILED;
        }

        (void) snprintf(s->state, sizeof(s->state), "%s", state);
    }

    read_sidecar(s, s->state);

    /* it may have been changed since, and be wrong now: that is told */

    (void) read_config(s, NULL);

    return LOADER_OK;
}


static int
print(const status_t *s, bool json)
{
    bool          done;
    onsite_buf_t  out;

    onsite_buf_init(&out, 0);

    if (json) {
        facts_write_json(&out, &s->facts);
    } else {
        facts_write_text(&out, &s->facts);
    }

    done = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len
           && fflush(stdout) == 0;
    onsite_buf_free(&out);

    if (!done) {
        loader_complain("cannot write");
    }

    return done && s->facts.n_findings == 0 ? LOADER_OK : LOADER_FAILED;
}


int
loader_status(int argc, char **argv)
{
    int          n, rc;
    status_t    *s;
    const char  *state, *config, *nginx, *json;

    const loader_option_t  options[] = {
        { "config", 'c', "CONFIG", "the configuration of run; default: of the"
          " sidecar that runs for DIR, or " CONFIG_DEFAULT, &config },
        { "state", 0, "DIR", "the state; the same as DIR", &state },
        { "nginx", 0, "URL", "ask onsite_status, too, for the numbers that "
          "only nginx has", &nginx },
        { "json", 0, NULL, "one JSON object", &json },
        { 0 }
    };

    n = loader_options(argc, argv, options, "[DIR | --config CONFIG]", 0, 1);
    state = n == 1 ? argv[0] : state;
    loader_needs_file(state);

    if (state != NULL && config != NULL) {
        loader_complain("one of DIR and --config says of what");
        return LOADER_USAGE;
    }

    s = calloc(1, sizeof(status_t));
    if (s == NULL) {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    rc = find_state(s, state, config);

    if (rc == LOADER_OK) {
        s->source.state = s->state;
        s->facts.nginx.url = nginx != NULL || s->source.config == NULL
                             ? nginx : s->source.config->nginx;

        if (s->facts.nginx.url != NULL) {
            facts_ask_nginx(&s->facts.nginx);
        }

        facts_gather(&s->source, &s->facts);
        rc = print(s, json != NULL);
    }

    facts_close(&s->source);
    config_free(&s->config);
    free(s);

    return rc;
}
