/*
 * config.c - a configuration of `run`.
 *
 * libinih tells a handler no line where Debian builds it, and cuts lines at
 * 200 bytes, which an address with its credentials exceeds.
 */

#include "config.h"

#include "files.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TEXT_MAX  (256 * 1024)
#define LOWER     "abcdefghijklmnopqrstuvwxyz"
#define UPPER     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS    "0123456789"

typedef struct {
    config_t          *config;
    config_section_t  *section;
    unsigned           line;
    size_t             errors;
} reader_t;


static void wrong(reader_t *r, unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));


static void
wrong(reader_t *r, unsigned line, const char *format, ...)
{
    char     text[512];
    va_list  args;

    va_start(args, format);
    (void) vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    loader_complain("%s:%u: %s", r->config->path, line, text);
    r->errors++;
}


/* In place: without blanks around it. */

static char *
trim(char *text)
{
    size_t  n;

    text += strspn(text, " \t\r");
    n = strlen(text);

    while (n > 0 && strchr(" \t\r", text[n - 1]) != NULL) {
        n--;
    }

    text[n] = '\0';

    return text;
}


/* "#" is part of a value unless there is a blank in front of it. */

static void
cut_comment(char *text)
{
    char  *p;

    if (*text == '#' || *text == ';') {
        *text = '\0';
        return;
    }

    for (p = text; (p = strchr(p, '#')) != NULL; p++) {
        if (p[-1] == ' ' || p[-1] == '\t') {
            *p = '\0';
            return;
        }
    }
}


static bool
is_made_of(const char *text, const char *bytes)
{
    return text[strspn(text, bytes)] == '\0';
}


static bool
is_name(const char *text)
{
    return *text != '\0' && is_made_of(text, LOWER DIGITS "-");
}


/* "sync" or "sync shop" */

static bool
read_section_name(config_section_t *section, char *text)
{
    char  *name;

    name = text + strcspn(text, " \t");

    if (*name != '\0') {
        *name++ = '\0';
        name += strspn(name, " \t");
    }

    return is_name(text)
           && strlen(text) < CONFIG_KIND_MAX
           && is_made_of(name, LOWER UPPER DIGITS "-_.")
           && snprintf(section->kind, sizeof(section->kind), "%s", text) > 0
           && snprintf(section->name, sizeof(section->name), "%s%s%s", text,
                       *name != '\0' ? " " : "", name) < CONFIG_NAME_MAX;
}


static config_section_t *
section_named(const config_t *config, const char *name)
{
    size_t  i;

    for (i = 0; i < config->n; i++) {
        if (strcmp(config->sections[i].name, name) == 0) {
            return (config_section_t *) (uintptr_t) &config->sections[i];
        }
    }

    return NULL;
}


static void
read_section(reader_t *r, char *text)
{
    size_t             n = strlen(text);
    config_section_t   section = { .line = r->line }, *other;

    if (text[n - 1] != ']') {
        wrong(r, r->line, "\"%s\" begins a section, and \"]\" is missing",
              text);
        return;
    }

    text[n - 1] = '\0';

    if (!read_section_name(&section, trim(text + 1))) {
        wrong(r, r->line, "a section is named as in [sync] or [sync shop]");
        return;
    }

    other = section_named(r->config, section.name);

    if (other != NULL) {
        wrong(r, r->line, "[%s] is in line %u already%s%s%s", section.name,
              other->line, config_may_repeat(section.kind)
              ? ": another one of its kind has a name of its own, as in ["
              : "", config_may_repeat(section.kind) ? section.kind : "",
              config_may_repeat(section.kind) ? " other]" : "");
        r->section = other;
        return;
    }

    if (r->config->n == CONFIG_SECTIONS_MAX) {
        wrong(r, r->line, "more than %d sections", CONFIG_SECTIONS_MAX);
        return;
    }

    r->section = &r->config->sections[r->config->n++];
    *r->section = section;
}


static bool
is_quoted(const char *value)
{
    size_t  n = strlen(value);

    return n >= 2 && (*value == '"' || *value == '\'')
           && value[n - 1] == *value;
}


static void
read_setting(reader_t *r, char *text)
{
    char              *value;
    loader_setting_t  *settings;

    value = strchr(text, '=');

    if (value != NULL) {
        *value++ = '\0';
        value = trim(value);
    }

    text = trim(text);

    if (!is_name(text)) {
        wrong(r, r->line, "\"%s\" is no option: a line is \"option = "
              "value\"", text);
        return;
    }

    if (value != NULL && is_quoted(value)) {
        wrong(r, r->line, "%s: a value goes to the end of its line, without "
              "quotes", text);
        return;
    }

    settings = realloc(r->section->settings,
                       (r->section->n + 1) * sizeof(loader_setting_t));

    if (settings == NULL) {
        wrong(r, r->line, "out of memory");
        return;
    }

    r->section->settings = settings;
    settings[r->section->n++] = (loader_setting_t) { text, value, r->line };
}


static void
read_line(reader_t *r, char *text)
{
    const char  *p;

    for (p = text; *p != '\0'; p++) {
        if ((unsigned char) *p < 0x20 && *p != '\t' && *p != '\r') {
            wrong(r, r->line, "a control byte (0x%02x): this is no text",
                  (unsigned char) *p);
            return;
        }
    }

    text += strspn(text, " \t\r");
    cut_comment(text);
    text = trim(text);

    if (*text == '[') {
        read_section(r, text);

    } else if (*text != '\0') {
        read_setting(r, text);
    }
}


static void
read_lines(reader_t *r)
{
    char  *line = r->config->text.data, *next;

    if (strncmp(line, "\xef\xbb\xbf", 3) == 0) {
        line += 3;
    }

    for (r->line = 1; line != NULL; r->line++) {
        next = strchr(line, '\n');

        if (next != NULL) {
            *next++ = '\0';
        }

        read_line(r, line);
        line = next;
    }
}


/* Of two values none is the one that was meant. */

static void
find_repeated(reader_t *r)
{
    size_t                   i, j;
    const loader_setting_t  *s = r->config->top.settings;

    for (i = 1; i < r->config->top.n; i++) {
        for (j = 0; j < i; j++) {
            if (strcmp(s[j].name, s[i].name) == 0) {
                wrong(r, s[i].line, "%s is set already, in line %u",
                      s[i].name, s[j].line);
                break;
            }
        }
    }
}


static void
read_stop_timeout(reader_t *r, const loader_setting_t *s)
{
    onsite_ms_t  *time = &r->config->stop_timeout;

    if (onsite_duration_read(onsite_str_of(s->value), time) != ONSITE_OK
        || *time < CONFIG_STOP_MIN || *time > CONFIG_STOP_MAX)
    {
        wrong(r, s->line, "stop-timeout: \"%s\" is not a duration from 1s to "
              "5m, such as 10s", s->value);
    }
}


/* "http://host/name" */

static bool
is_location(const char *url)
{
    const char  *host = strstr(url, "://"), *name = strrchr(url, '/');

    return (strncmp(url, "http://", 7) == 0
            || strncmp(url, "https://", 8) == 0)
           && name > host + 3 && name[1] != '\0';
}


/* The lines in front of all sections. */

static void
read_top(reader_t *r)
{
    size_t                   i;
    config_t                *c = r->config;
    const loader_setting_t  *s;

    c->stop_timeout = CONFIG_STOP_TIMEOUT;

    for (i = 0; i < c->top.n; i++) {
        s = &c->top.settings[i];

        if (s->value == NULL || *s->value == '\0') {
            wrong(r, s->line, "%s needs a value", s->name);

        } else if (strcmp(s->name, "state") == 0) {
            c->state = s->value;

            if (*s->value != '/') {
                wrong(r, s->line, "state: \"%s\" is no absolute path",
                      s->value);
            }

        } else if (strcmp(s->name, "listen") == 0) {
            c->listen = s->value;

        } else if (strcmp(s->name, "nginx") == 0) {
            c->nginx = s->value;

            if (!is_location(s->value)) {
                wrong(r, s->line, "nginx: \"%s\" is no address of "
                      "onsite_status such as http://127.0.0.1/onsite-status",
                      s->value);
            }

        } else if (strcmp(s->name, "stop-timeout") == 0) {
            read_stop_timeout(r, s);

        } else {
            wrong(r, s->line, "there is no option \"%s\" here; in front of "
                  "all sections there are: state, listen, nginx, "
                  "stop-timeout", s->name);
        }
    }
}


/* A key that was replaced is a change.  What a section itself writes, and what
 * it looks at all the time, is none.  Of endpoints there is no telling here:
 * their file names others, of secrets; it counts as changed. */

static void
note_files(config_section_t *section)
{
    static uint64_t          times;
    size_t                   i;
    uint64_t                 h = 0;
    struct stat              st;
    const loader_setting_t  *s;

    for (i = 0; i < section->n; i++) {
        s = &section->settings[i];

        if (s->value == NULL || strcmp(s->name, "to") == 0
            || strcmp(s->name, "from") == 0 || stat(s->value, &st) != 0
            || !S_ISREG(st.st_mode))
        {
            continue;
        }

        if (strcmp(s->name, "endpoints") == 0) {
            h = h * 31 + ++times;
        }

        h = h * 31 + (uint64_t) st.st_ino;
        h = h * 31 + (uint64_t) st.st_size;
        h = h * 31 + (uint64_t) st.st_mtim.tv_sec;
        h = h * 31 + (uint64_t) st.st_mtim.tv_nsec;
    }

    section->files = h;
}


static void
check(reader_t *r)
{
    config_t  *c = r->config;

    if (c->state == NULL) {
        wrong(r, 1, "state is missing: the folder of onsite_state, as in "
              "\"state = /dev/shm/onsite/state\"");
    }

    if (c->n == 0) {
        wrong(r, r->line - 1, "there is no section, so that there is nothing "
              "to do");
    }
}


int
config_read(config_t *config, const char *path)
{
    size_t          i, len;
    reader_t        r = { .config = config, .section = &config->top };
    onsite_error_t  error;

    *config = (config_t) { .path = path };
    onsite_buf_init(&config->text, 0);

    if (files_read(path, TEXT_MAX, &config->text, &error) != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_USAGE;
    }

    len = config->text.len;
    onsite_buf_char(&config->text, '\0');

    if (config->text.failed || strlen(config->text.data) != len) {
        loader_complain("%s: a NUL byte: this is no text", path);
        return LOADER_USAGE;
    }

    read_lines(&r);
    find_repeated(&r);
    read_top(&r);
    check(&r);

    for (i = 0; i < config->n; i++) {
        note_files(&config->sections[i]);
    }

    return r.errors == 0 ? LOADER_OK : LOADER_USAGE;
}


void
config_free(config_t *config)
{
    size_t  i;

    for (i = 0; i < config->n; i++) {
        free(config->sections[i].settings);
    }

    free(config->top.settings);
    onsite_buf_free(&config->text);
}


const char *
config_value(const config_section_t *section, const char *name)
{
    size_t  i;

    for (i = 0; i < section->n; i++) {
        if (strcmp(section->settings[i].name, name) == 0) {
            return section->settings[i].value;
        }
    }

    return NULL;
}


const config_section_t *
config_section(const config_t *config, const char *kind)
{
    size_t  i;

    for (i = 0; i < config->n; i++) {
        if (strcmp(config->sections[i].kind, kind) == 0) {
            return &config->sections[i];
        }
    }

    return NULL;
}


static bool
same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}


bool
config_same(const config_section_t *a, const config_section_t *b)
{
    size_t  i;

    if (a->n != b->n || a->files != b->files) {
        return false;
    }

    for (i = 0; i < a->n; i++) {
        if (strcmp(a->settings[i].name, b->settings[i].name) != 0
            || !same_text(a->settings[i].value, b->settings[i].value))
        {
            return false;
        }
    }

    return true;
}
