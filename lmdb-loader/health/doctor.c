/*
 * doctor.c - `doctor`: what is wrong with an installation, worst first, each
 * with its remedy.
 */

#include "doctor.h"

#include "onsite_visitor_json.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In this order: what opens the state is used by those behind it. */
static const doctor_check_t  checks[] = {
    { "library", doctor_library },
    { "module", doctor_module },
    { "owner", doctor_owner },
    { "damage", doctor_damage },
    { "memory", doctor_memory },
    { "state", doctor_opens },
    { "lock", doctor_lock },
    { "readers", doctor_readers },
    { "room", doctor_room },
    { "outbox", doctor_outbox },
    { "records", doctor_records },
    { "snapshot", doctor_snapshot },
    { "sync", doctor_sync },
    { "trust", doctor_trust },
    { "keys", doctor_keys },
    { "checkpoints", doctor_checkpoints },
    { "drain", doctor_drain },
    { "nginx", doctor_nginx },
    { "clock", doctor_clock },
    { "limits", doctor_limits },
};

#define CHECKS  (sizeof(checks) / sizeof(checks[0]))

static const char *const  levels[] = { "error", "warning", "note" };


void
doctor_find(doctor_t *doctor, doctor_level_t level, const char *what, ...)
{
    va_list            args;
    doctor_finding_t  *finding;

    if (doctor->n == DOCTOR_FINDINGS) {
        return;
    }

    finding = &doctor->findings[doctor->n++];
    *finding = (doctor_finding_t) { .level = level, .check = doctor->check };

    va_start(args, what);
    (void) vsnprintf(finding->what, sizeof(finding->what), what, args);
    va_end(args);
}


void
doctor_remedy(doctor_t *doctor, const char *remedy, ...)
{
    va_list            args;
    doctor_finding_t  *finding = &doctor->findings[doctor->n - 1];

    va_start(args, remedy);
    (void) vsnprintf(finding->remedy, sizeof(finding->remedy), remedy, args);
    va_end(args);
}


/* Telling */

static void
print_finding(const doctor_finding_t *finding)
{
    (void) printf("%s: %s: %s\n", levels[finding->level], finding->check,
                  finding->what);

    if (finding->remedy[0] != '\0') {
        (void) printf("    %s\n", finding->remedy);
    }
}


static void
write_text(onsite_buf_t *out, const char *name, const char *text)
{
    onsite_buf_printf(out, ",\"%s\":", name);
    onsite_write_json_string(out, onsite_str_of(text));
}


static void
write_finding(onsite_buf_t *out, const doctor_finding_t *finding)
{
    onsite_buf_printf(out, "{\"level\":\"%s\"", levels[finding->level]);
    write_text(out, "check", finding->check);
    write_text(out, "what", finding->what);
    write_text(out, "remedy", finding->remedy);
    onsite_buf_char(out, '}');
}


static void
print_json(const doctor_t *doctor, const bool made[CHECKS], bool good)
{
    bool          first = true;
    size_t        i, level;
    onsite_buf_t  out;

    onsite_buf_init(&out, 0);
    onsite_buf_printf(&out, "{\"good\":%s,\"checks\":[",
                      good ? "true" : "false");

    for (i = 0; i < CHECKS; i++) {
        if (made[i]) {
            onsite_buf_printf(&out, "%s\"%s\"", first ? "" : ",",
                              checks[i].name);
            first = false;
        }
    }

    onsite_buf_printf(&out, "],\"findings\":[");
    first = true;

    for (level = 0; level <= DOCTOR_NOTE; level++) {
        for (i = 0; i < doctor->n; i++) {
            if (doctor->findings[i].level == level) {
                onsite_buf_printf(&out, first ? "" : ",");
                write_finding(&out, &doctor->findings[i]);
                first = false;
            }
        }
    }

    onsite_buf_printf(&out, "]}\n");

    if (!out.failed) {
        (void) fwrite(out.data, 1, out.len, stdout);
    }

    onsite_buf_free(&out);
}


static void
print_all(const doctor_t *doctor, const bool made[CHECKS])
{
    size_t  i, level, n = 0;

    for (level = 0; level <= DOCTOR_NOTE; level++) {
        for (i = 0; i < doctor->n; i++) {
            if (doctor->findings[i].level == level) {
                print_finding(&doctor->findings[i]);
            }
        }
    }

    (void) printf("checked:");

    for (i = 0; i < CHECKS; i++) {
        if (made[i]) {
            (void) printf(" %s", checks[i].name);
            n++;
        }
    }

    if (n < CHECKS) {
        (void) printf("; nothing was named for:");

        for (i = 0; i < CHECKS; i++) {
            if (!made[i]) {
                (void) printf(" %s", checks[i].name);
            }
        }
    }

    (void) printf("\n");
}


static int
run(doctor_t *doctor, bool json)
{
    bool    good = true, made[CHECKS];
    size_t  i;

    for (i = 0; i < CHECKS; i++) {
        doctor->check = checks[i].name;
        made[i] = checks[i].run(doctor);
    }

    for (i = 0; i < doctor->n; i++) {
        good = good && doctor->findings[i].level != DOCTOR_ERROR;
    }

    if (json) {
        print_json(doctor, made, good);

    } else {
        print_all(doctor, made);
    }

    onsite_store_close(doctor->store);

    return good ? LOADER_OK : LOADER_FAILED;
}


/* What was not named is taken from the sidecar's configuration. */

static void
take_from(doctor_t *d, const config_t *config, const char *trust[])
{
    size_t                   i, k, n = 0;
    const config_section_t  *section;

    d->state = d->state != NULL ? d->state : config->state;

    for (i = 0; i < config->n; i++) {
        section = &config->sections[i];

        if (strcmp(section->kind, "checkpoint") == 0
            && d->checkpoints == NULL)
        {
            d->checkpoints = config_value(section, "to");
        }

        if (strcmp(section->kind, "sync") != 0 || d->snapshot != NULL
            || trust[0] != NULL)
        {
            continue;
        }

        d->snapshot = config_value(section, "to");

        for (k = 0; k < section->n && n < LOADER_REPEATS; k++) {
            if (strcmp(section->settings[k].name, "trust") == 0) {
                trust[n++] = section->settings[k].value;
                trust[n] = NULL;
            }
        }
    }
}


static int
configure(doctor_t *d, const char *path, const char *trust[], bool json)
{
    int       rc = LOADER_OK;
    char      state[PATH_MAX];
    config_t  config = { .path = NULL };

    d->now = loader_now();

    if (path != NULL) {
        rc = config_read(&config, path);
        take_from(d, &config, trust);
        d->config = &config;
    }

    if (d->state != NULL && *d->state != '/'
        && realpath(d->state, state) != NULL)
    {
        d->state = state;
    }

    rc = rc == LOADER_OK ? run(d, json) : rc;
    config_free(&config);

    return rc;
}


int
loader_doctor(int argc, char **argv)
{
    int          n, rc;
    doctor_t    *d;
    const char  *trust[LOADER_REPEATS + 1], *keys[LOADER_REPEATS + 1];
    const char  *state, *user, *snapshot, *kept, *module, *nginx, *json;
    const char  *config_path;

    const loader_option_t  options[] = {
        { "state", 0, "DIR", "the state; the same as DIR", &state },
        { "config", 'c', "CONFIG", "the sidecar's: state, snapshot, keys, "
          "checkpoints, folders of drain and where nginx answers are taken "
          "from it", &config_path },
        { "user", 'u', "USER", "whose workers use it; default: www-data, or "
          "nobody, if there is one", &user },
        { "snapshot", 0, "FILE", "the live snapshot; FILE.sync is looked at, "
          "too", &snapshot },
        { "trust", 't', "FILE...", "public keys, as with sync", trust },
        { "key-file", 'k', "FILE...", "secrets: of onsite_key_file, keys to "
          "publish with", keys },
        { "checkpoints", 0, "FOLDER", "where checkpoints are kept", &kept },
        { "module", 0, "FILE", "the nginx module; default: where packages "
          "put it", &module },
        { "nginx", 0, "FILE", "the program; default: /usr/sbin/nginx",
          &nginx },
        { "json", 0, NULL, "what was found as one object", &json },
        { 0 }
    };

    trust[0] = NULL;
    keys[0] = NULL;
    n = loader_options(argc, argv, options, "[DIR]", 0, 1);
    state = n == 1 ? argv[0] : state;
    loader_needs_file(state);
    loader_needs_file(snapshot);

    d = calloc(1, sizeof(doctor_t));
    if (d == NULL) {
        return LOADER_FAILED;
    }

    d->state = state;
    d->user = user;
    d->snapshot = snapshot;
    d->trust = trust;
    d->keys = keys;
    d->checkpoints = kept;
    d->module = module;
    d->nginx = nginx != NULL ? nginx : "/usr/sbin/nginx";
    rc = configure(d, config_path, trust, json != NULL);
    free(d);

    return rc;
}
