/*
 * config.h - a configuration of `run`: what is to be done, in sections.
 *
 *     state = /dev/shm/onsite/state
 *
 *     # comment
 *     [sync shop]
 *     from = https://store.example/onsite      # comment
 *
 * A value goes on to the end of its line, without quotes; what begins with
 * "#" behind a space is a comment.
 */

#ifndef CONFIG_H
#define CONFIG_H

#include "loader.h"

#include <limits.h>

#define CONFIG_SECTIONS_MAX  30
#define CONFIG_KIND_MAX      24         /* "checkpoint"                    */
#define CONFIG_NAME_MAX      64         /* "sync shop"                     */
#define CONFIG_STOP_TIMEOUT  (10 * ONSITE_SECOND)
#define CONFIG_STOP_MIN      ONSITE_SECOND
#define CONFIG_STOP_MAX      (5 * ONSITE_MINUTE)
#define CONFIG_DEFAULT       "/etc/onsite/pop.conf"

typedef struct {
    char               kind[CONFIG_KIND_MAX];
    char               name[CONFIG_NAME_MAX];
    unsigned           line;
    loader_setting_t  *settings;
    size_t             n;
    uint64_t           files;           /* hash of which files it names    */
} config_section_t;

typedef struct {
    const char        *path;
    onsite_buf_t       text;            /* names and values lie in it      */
    config_section_t   top;             /* lines in front of all sections  */
    config_section_t   sections[CONFIG_SECTIONS_MAX];
    size_t             n;

    /* of the top */
    const char        *state;
    const char        *listen;          /* NULL: nowhere                   */
    const char        *nginx;           /* URL of onsite_status; NULL      */
    onsite_ms_t        stop_timeout;
} config_t;

/* LOADER_USAGE: complained of all that is wrong.  path lives on.  To be freed
 * in any case. */
int config_read(config_t *config, const char *path);
void config_free(config_t *config);

/* config_check.c: LOADER_USAGE: complained of sections that cannot be beside
 * each other. */
int config_check(const config_t *config);

/* Whether there may be several sections of a kind. */
bool config_may_repeat(const char *kind);

/* The first value of a name; NULL. */
const char *config_value(const config_section_t *section, const char *name);

/* The first of a kind ("checkpoint"); NULL: there is none. */
const config_section_t *config_section(const config_t *config,
    const char *kind);

/* The same lines in the same order, wherever they stand, and the files that
 * they name (keys, certificates) unchanged. */
bool config_same(const config_section_t *a, const config_section_t *b);

#endif
