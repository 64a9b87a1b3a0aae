/*
 * config_check.c - what sections of a configuration cannot say beside each
 * other.
 *
 * Each of them locks what it works on: of two that want the same one, one
 * would end again and again.
 */

#include "config.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char  *kind;
    const char  *own;           /* the option that says what it locks;
                                   NULL: the state                         */
} kinds[] = {
    { "sync", "to" },
    { "checkpoint", "to" },
    { "drain", NULL },
    { "deliver", NULL },
    { "roam", NULL },
};

#define KINDS  (sizeof(kinds) / sizeof(kinds[0]))


static size_t
find_kind(const char *kind)
{
    size_t  i;

    for (i = 0; i < KINDS && strcmp(kinds[i].kind, kind) != 0; i++) {
        /* void */
    }

    return i;
}


bool
config_may_repeat(const char *kind)
{
    size_t  i = find_kind(kind);

    return i < KINDS && kinds[i].own != NULL;
}


/* Without links, "." and "//" as far as it is there. */

static void
resolve(const char *path, char out[PATH_MAX])
{
    char    text[PATH_MAX], found[PATH_MAX], *base;
    size_t  n = strlen(path);

    if (realpath(path, out) != NULL) {
        return;
    }

    while (n > 1 && path[n - 1] == '/') {
        n--;
    }

    (void) snprintf(text, sizeof(text), "%.*s", (int) n, path);
    base = strrchr(text, '/');

    if (base != NULL) {
        *base++ = '\0';
    }

    if (realpath(base == NULL ? "." : *text != '\0' ? text : "/", found)
        == NULL || snprintf(out, PATH_MAX, "%s/%s", found,
                            base != NULL ? base : text) >= PATH_MAX)
    {
        (void) snprintf(out, PATH_MAX, "%.*s", (int) n, path);
    }
}


static bool
same_path(const char *a, const char *b)
{
    char  first[PATH_MAX], second[PATH_MAX];

    resolve(a, first);
    resolve(b, second);

    return strcmp(first, second) == 0;
}


static const loader_setting_t *
setting_of(const config_section_t *section, const char *name)
{
    size_t  i;

    for (i = 0; i < section->n; i++) {
        if (strcmp(section->settings[i].name, name) == 0
            && section->settings[i].value != NULL)
        {
            return &section->settings[i];
        }
    }

    return NULL;
}


/* Whether the first one has what the second one wants. */

static bool
is_taken(const config_t *config, const config_section_t *first,
    const config_section_t *second)
{
    const char              *own = kinds[find_kind(second->kind)].own;
    const loader_setting_t  *a, *b;

    if (own == NULL) {
        loader_complain("%s:%u: [%s]: [%s] in line %u does this for the state "
                        "already: there can be one of them", config->path,
                        second->line, second->name, first->name, first->line);
        return true;
    }

    a = setting_of(first, own);
    b = setting_of(second, own);

    if (a == NULL || b == NULL || !same_path(a->value, b->value)) {
        return false;
    }

    loader_complain("%s:%u: [%s] %s: \"%s\" is that of [%s] in line %u "
                    "already: each needs its own", config->path, b->line,
                    second->name, own, b->value, first->name, a->line);

    return true;
}


static bool
has_conflict(const config_t *config, const config_section_t *section)
{
    const config_section_t  *other;

    for (other = config->sections; other < section; other++) {
        if (strcmp(other->kind, section->kind) == 0
            && is_taken(config, other, section))
        {
            return true;
        }
    }

    return false;
}


/* Who asks whether all is well, is told of the state at the top. */

static bool
has_other_state(const config_t *config, const config_section_t *section)
{
    const loader_setting_t  *own = setting_of(section, "state");
    const loader_setting_t  *top = setting_of(&config->top, "state");

    if (own == NULL || top == NULL || same_path(own->value, top->value)) {
        return false;
    }

    loader_complain("%s:%u: [%s] state: \"%s\" is not that of line %u, which "
                    "all sections work on: another state has a configuration "
                    "of its own", config->path, own->line, section->name,
                    own->value, top->line);

    return true;
}


int
config_check(const config_t *config)
{
    int     rc = LOADER_OK;
    size_t  i;

    for (i = 0; i < config->n; i++) {
        if (find_kind(config->sections[i].kind) == KINDS) {
            continue;
        }

        if (has_conflict(config, &config->sections[i])) {
            rc = LOADER_USAGE;
        }

        if (has_other_state(config, &config->sections[i])) {
            rc = LOADER_USAGE;
        }
    }

    return rc;
}
