/*
 * onsite_definition.c - members by name and type, findings, "did you mean".
 */

#include "onsite_definition.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define WORD_MAX  48


void
onsite_definition_init(onsite_definition_t *d, onsite_str_t file,
    onsite_lint_pt lint, void *data)
{
    memset(d, 0, sizeof(*d));

    d->lint = lint;
    d->data = data;
    d->file = file;
}


/* A path that does not fit is cut: it still says where to look. */

static void
append(onsite_definition_t *d, const char *format, int len, const char *data,
    size_t number)
{
    int     n;
    size_t  left = sizeof(d->path) - d->len;

    n = data != NULL
        ? snprintf(d->path + d->len, left, "%s%.*s", format, len, data)
        : snprintf(d->path + d->len, left, "[%zu]", number);

    if (n > 0) {
        d->len += (size_t) n < left ? (size_t) n : left - 1;
    }
}


size_t
onsite_definition_enter(onsite_definition_t *d, onsite_str_t key)
{
    size_t  len = d->len;

    append(d, len != 0 ? "." : "",
           (int) (key.len < WORD_MAX ? key.len : WORD_MAX), key.data, 0);

    return len;
}


size_t
onsite_definition_enter_item(onsite_definition_t *d, size_t i)
{
    size_t  len = d->len;

    append(d, "", 0, NULL, i);

    return len;
}


void
onsite_definition_leave(onsite_definition_t *d, size_t len)
{
    d->len = len;
    d->path[len] = '\0';
}


static void
tell(onsite_definition_t *d, onsite_lint_level_t level, const char *path,
    const char *reason)
{
    onsite_error_t  where;

    if (level == ONSITE_LINT_ERROR) {
        d->errors++;

    } else if (d->quiet) {
        return;

    } else {
        d->warnings++;
    }

    if (d->lint == NULL
        || d->errors + d->warnings > ONSITE_DEFINITION_FINDINGS_MAX)
    {
        return;
    }

    (void) onsite_error(&where, ONSITE_OK, "%s", path);
    d->lint(d->data, level, d->file, where.text, reason);
}


static void
report(onsite_definition_t *d, onsite_lint_level_t level, const char *key,
    const char *format, va_list args)
{
    char            text[sizeof(onsite_error_t)];
    size_t          len = d->len;
    onsite_error_t  reason;

    (void) vsnprintf(text, sizeof(text), format, args);
    (void) onsite_error(&reason, ONSITE_OK, "%s", text);

    if (key != NULL) {
        (void) onsite_definition_enter(d, onsite_str_of(key));
    }

    tell(d, level, d->path, reason.text);
    onsite_definition_leave(d, len);
}


void
onsite_definition_error(onsite_definition_t *d, const char *key,
    const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    report(d, ONSITE_LINT_ERROR, key, format, args);
    va_end(args);
}


void
onsite_definition_warn(onsite_definition_t *d, const char *key,
    const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    report(d, ONSITE_LINT_WARNING, key, format, args);
    va_end(args);
}


void
onsite_definition_adopt(onsite_definition_t *d, const char *text)
{
    const char      *colon;
    onsite_error_t   path;

    colon = strstr(text, ": ");

    if (colon != NULL && strncmp(text, d->path, d->len) == 0) {
        (void) onsite_error(&path, ONSITE_OK, "%.*s", (int) (colon - text),
                            text);
        tell(d, ONSITE_LINT_ERROR, path.text, colon + 2);
        return;
    }

    tell(d, ONSITE_LINT_ERROR, d->path, text);
}


static char
lower(char c)
{
    return (char) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}


static size_t
least(size_t a, size_t b, size_t c)
{
    return a < b ? (a < c ? a : c) : (b < c ? b : c);
}


size_t
onsite_definition_distance(onsite_str_t a, onsite_str_t b)
{
    size_t   i, j, cost, *row, *above, *before, *spare;
    size_t   rows[3][WORD_MAX + 1];

    if (a.len > WORD_MAX || b.len > WORD_MAX) {
        return WORD_MAX;
    }

    before = rows[0];
    above = rows[1];
    row = rows[2];

    for (j = 0; j <= b.len; j++) {
        above[j] = j;
        before[j] = j;
    }

    for (i = 1; i <= a.len; i++) {
        row[0] = i;

        for (j = 1; j <= b.len; j++) {
            cost = lower(a.data[i - 1]) != lower(b.data[j - 1]);
            row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);

            if (i > 1 && j > 1
                && lower(a.data[i - 1]) == lower(b.data[j - 2])
                && lower(a.data[i - 2]) == lower(b.data[j - 1]))
            {
                row[j] = least(row[j], before[j - 2] + 1, row[j]);
            }
        }

        spare = before;
        before = above;
        above = row;
        row = spare;
    }

    return above[b.len];
}


const char *
onsite_definition_nearest(onsite_str_t word, const char *const *names)
{
    size_t       len, d, nearest;
    const char  *found = NULL;

    if (word.len == 0 || word.len > WORD_MAX) {
        return NULL;
    }

    nearest = (word.len + 2) / 3 + 1;

    for (/* void */; *names != NULL; names++) {
        len = strlen(*names);
        d = onsite_definition_distance(word, onsite_str(*names, len));

        if (d < nearest && d < len) {
            nearest = d;
            found = *names;
        }
    }

    return found;
}


onsite_str_t
onsite_definition_nearest_of(onsite_str_t word, const onsite_str_t *names,
    size_t n)
{
    size_t        i, d, nearest = (word.len + 2) / 3 + 1;
    onsite_str_t  found = { 0, "" };

    for (i = 0; i < n && word.len <= WORD_MAX; i++) {
        d = onsite_definition_distance(word, names[i]);

        if (d < nearest && d < names[i].len) {
            nearest = d;
            found = names[i];
        }
    }

    return found;
}


static size_t
index_of(onsite_str_t key, const char *const *names)
{
    size_t  i;

    for (i = 0; names[i] != NULL && !onsite_str_is(key, names[i]); i++) {
        /* void */
    }

    return i;
}


/* The object among those that may stand here which has such a key; NULL. */

static const char *
home_of(onsite_str_t key, const char *const *names)
{
    size_t  i, k;

    static const struct {
        const char  *key;
        const char  *home;
    } homes[] = {
        { "stop_on", "frequency" }, { "cap", "frequency" },
        { "per", "frequency" }, { "html", "content" }, { "data", "content" }
    };

    for (i = 0; i < sizeof(homes) / sizeof(homes[0]); i++) {
        if (onsite_str_is(key, homes[i].key)) {
            k = index_of(onsite_str_of(homes[i].home), names);
            return names[k];
        }
    }

    return NULL;
}


static void
unknown_key(onsite_definition_t *d, onsite_str_t key,
    const char *const *names)
{
    const char  *home = home_of(key, names);
    const char  *meant = onsite_definition_nearest(key, names);

    if (home != NULL) {
        onsite_definition_error(d, NULL, "unknown key; it belongs into \"%s\"",
                                home);

    } else if (meant != NULL) {
        onsite_definition_error(d, NULL, "unknown key; did you mean \"%s\"?",
                                meant);

    } else {
        onsite_definition_error(d, NULL, "unknown key");
    }
}


static void
check_key(onsite_definition_t *d, onsite_str_t key, const char *const *names,
    uint32_t *seen)
{
    size_t  i = index_of(key, names), len;

    if (names[i] != NULL && (*seen & (1u << i)) == 0) {
        *seen |= 1u << i;
        return;
    }

    len = onsite_definition_enter(d, key);

    if (names[i] != NULL) {
        onsite_definition_error(d, NULL, "given twice: keep one");

    } else {
        unknown_key(d, key, names);
    }

    onsite_definition_leave(d, len);
}


bool
onsite_definition_keys(onsite_definition_t *d, const onsite_value_t *value,
    const char *const *names)
{
    uint32_t  i, seen = 0;

    if (value->type != ONSITE_OBJECT) {
        onsite_definition_error(d, NULL, "must be an object");
        return false;
    }

    for (i = 0; i < value->len; i++) {
        check_key(d, value->as.members[i].key, names, &seen);
    }

    return true;
}


const onsite_value_t *
onsite_definition_get(const onsite_value_t *object, const char *key)
{
    const onsite_value_t  *value;

    value = onsite_value_get(object, onsite_str_of(key));

    return value != NULL && (value->type == ONSITE_NULL
                             || value->type == ONSITE_ABSENT)
           ? NULL : value;
}


bool
onsite_definition_string(onsite_definition_t *d, const onsite_value_t *object,
    const char *key, size_t max, onsite_str_t *out)
{
    const onsite_value_t  *value = onsite_definition_get(object, key);

    if (value == NULL) {
        return true;
    }

    if (value->type != ONSITE_STRING || value->len == 0) {
        onsite_definition_error(d, key, "must be a non-empty string");
        return false;
    }

    if (value->len > max) {
        onsite_definition_error(d, key, "is %u bytes long; at most %zu are"
                                " allowed", value->len, max);
        return false;
    }

    *out = onsite_value_str(value);

    return true;
}


bool
onsite_definition_bool(onsite_definition_t *d, const onsite_value_t *object,
    const char *key, bool *out)
{
    const onsite_value_t  *value = onsite_definition_get(object, key);

    if (value == NULL) {
        return true;
    }

    if (value->type != ONSITE_BOOL) {
        onsite_definition_error(d, key, "must be true or false");
        return false;
    }

    *out = value->as.boolean;

    return true;
}


bool
onsite_definition_integer(onsite_definition_t *d,
    const onsite_value_t *object, const char *key, int32_t min, int32_t max,
    int32_t *out)
{
    double                 number;
    const onsite_value_t  *value = onsite_definition_get(object, key);

    if (value == NULL) {
        return true;
    }

    number = value->type == ONSITE_NUMBER ? value->as.number : NAN;

    if (!(number >= min && number <= max) || number != floor(number)) {
        onsite_definition_error(d, key, "must be a whole number from %d to"
                                " %d", min, max);
        return false;
    }

    *out = (int32_t) number;

    return true;
}


bool
onsite_definition_number(onsite_definition_t *d, const onsite_value_t *object,
    const char *key, double min, double max, double *out)
{
    const onsite_value_t  *value = onsite_definition_get(object, key);

    if (value == NULL) {
        return true;
    }

    if (value->type != ONSITE_NUMBER
        || !(value->as.number >= min && value->as.number <= max))
    {
        onsite_definition_error(d, key, "must be a number from %g to %g", min,
                                max);
        return false;
    }

    *out = value->as.number;

    return true;
}


bool
onsite_definition_duration(onsite_definition_t *d,
    const onsite_value_t *object, const char *key, onsite_ms_t *out)
{
    char                   text[32];
    size_t                 len;
    onsite_ms_t            ms;
    onsite_str_t           duration = { 0, NULL };
    const onsite_value_t  *value = onsite_definition_get(object, key);

    if (value == NULL) {
        return true;
    }

    if (value->type == ONSITE_STRING) {
        duration = onsite_value_str(value);

    } else if (value->type == ONSITE_NUMBER) {
        len = onsite_number_to_text(value->as.number, text);
        duration = onsite_str(text, len);
    }

    if (onsite_duration_read(duration, &ms) != ONSITE_OK) {
        onsite_definition_error(d, key, "must be a duration such as \"30m\","
                                " \"4h\" or \"5d\", over zero and at most 100"
                                " years");
        return false;
    }

    *out = ms;

    return true;
}


/* "a, b or c" */

static void
list_names(const char *const *names, char *out, size_t size)
{
    int     n;
    size_t  i, len = 0;

    for (i = 0; names[i] != NULL && len < size; i++) {
        n = snprintf(out + len, size - len, "%s%s",
                     i == 0 ? "" : names[i + 1] == NULL ? " or " : ", ",
                     names[i]);
        len += n > 0 ? (size_t) n : 0;
    }
}


bool
onsite_definition_choice(onsite_definition_t *d, const char *key,
    const onsite_value_t *value, const char *const *names, uint32_t *out)
{
    char      list[256];
    uint32_t  i;

    for (i = 0; value->type == ONSITE_STRING && names[i] != NULL; i++) {
        if (value->len == strlen(names[i])
            && memcmp(value->as.string, names[i], value->len) == 0)
        {
            *out = i;
            return true;
        }
    }

    list_names(names, list, sizeof(list));
    onsite_definition_error(d, key, "must be %s", list);

    return false;
}
