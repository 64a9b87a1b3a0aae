/*
 * onsite_definition.h - reading a definition file: members by name and type,
 * and findings that say file, path, reason.
 *
 * Every reader below reports what is wrong and answers false; null stands
 * for a member that is not there.
 */

#ifndef ONSITE_DEFINITION_H
#define ONSITE_DEFINITION_H

#include "onsite_campaign.h"

#define ONSITE_DEFINITION_PATH_MAX  256

/* Findings of one file that are told; the rest are only counted. */
#define ONSITE_DEFINITION_FINDINGS_MAX  50

typedef struct {
    onsite_lint_pt   lint;              /* NULL: findings are only counted */
    void            *data;
    onsite_str_t     file;
    uint32_t         errors;
    uint32_t         warnings;
    bool             quiet;             /* no warnings                     */
    size_t           len;               /* of path                         */
    char             path[ONSITE_DEFINITION_PATH_MAX];
} onsite_definition_t;

void onsite_definition_init(onsite_definition_t *d, onsite_str_t file,
    onsite_lint_pt lint, void *data);

/* Goes below a key or an item; leave takes what enter returned. */
size_t onsite_definition_enter(onsite_definition_t *d, onsite_str_t key);
size_t onsite_definition_enter_item(onsite_definition_t *d, size_t i);
void onsite_definition_leave(onsite_definition_t *d, size_t len);

/* At the current path, or with a key below it (NULL: none). */
void onsite_definition_error(onsite_definition_t *d, const char *key,
    const char *format, ...) __attribute__((format(printf, 3, 4)));
void onsite_definition_warn(onsite_definition_t *d, const char *key,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A finding of something that was compiled under the current path and names
 * its own: "<path>.<more>: <reason>" is told as such. */
void onsite_definition_adopt(onsite_definition_t *d, const char *text);

/* Whether value is an object; reports keys that are not among names (ended by
 * NULL; at most 32) or that are there twice. */
bool onsite_definition_keys(onsite_definition_t *d,
    const onsite_value_t *value, const char *const *names);

/* NULL when it is not there. */
const onsite_value_t *onsite_definition_get(const onsite_value_t *object,
    const char *key);

/* These leave *out alone when the member is not there, which is right, or
 * when it is wrong. */

bool onsite_definition_string(onsite_definition_t *d,
    const onsite_value_t *object, const char *key, size_t max,
    onsite_str_t *out);
bool onsite_definition_bool(onsite_definition_t *d,
    const onsite_value_t *object, const char *key, bool *out);
bool onsite_definition_integer(onsite_definition_t *d,
    const onsite_value_t *object, const char *key, int32_t min, int32_t max,
    int32_t *out);
bool onsite_definition_number(onsite_definition_t *d,
    const onsite_value_t *object, const char *key, double min, double max,
    double *out);
bool onsite_definition_duration(onsite_definition_t *d,
    const onsite_value_t *object, const char *key, onsite_ms_t *out);

/* The place of a word in names (ended by NULL). */
bool onsite_definition_choice(onsite_definition_t *d, const char *key,
    const onsite_value_t *value, const char *const *names, uint32_t *out);

/* Optimal string alignment: edits and swaps of neighbours that make a of b
 * (Damerau 1964), letters' case apart; for words of up to 48 bytes. */
size_t onsite_definition_distance(onsite_str_t a, onsite_str_t b);

/* The name that word was probably meant to be, or NULL; letters' case does
 * not count. */
const char *onsite_definition_nearest(onsite_str_t word,
    const char *const *names);

/* The same among n names; len 0: none. */
onsite_str_t onsite_definition_nearest_of(onsite_str_t word,
    const onsite_str_t *names, size_t n);

#endif
