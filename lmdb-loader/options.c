/*
 * options.c - long options from a table, with the environment behind them.
 */

#include "loader.h"

#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define OPTIONS_MAX  24
#define HELP_COLUMN  31
#define HELP_WIDTH   79
#define LONG_ONLY    256        /* getopt values of options, by position */

#define COMPLAINT_MAX  4096

static const char              *command = "";
static const loader_section_t  *section;    /* NULL: a command line        */
static unsigned                 at_line;    /* in it; 0: see find_line     */
static const char              *by_hand[OPTIONS_MAX];   /* options given   */


/* Which line a complaint is about: "--to: …" about that of to. */

static unsigned
find_line(const char *text)
{
    size_t  i, n;

    if (at_line != 0) {
        return at_line;
    }

    if (strncmp(text, "--", 2) == 0) {
        n = strcspn(text + 2, ": ");

        for (i = 0; i < section->n; i++) {
            if (strlen(section->settings[i].name) == n
                && strncmp(section->settings[i].name, text + 2, n) == 0)
            {
                return section->settings[i].line;
            }
        }
    }

    return section->line;
}


/* Where a section runs, whoever gets its lines knows which one it is. */

static void
print_place(const char *text)
{
    if (section == NULL) {
        (void) fprintf(stderr, "lmdb-loader %s: ", command);

    } else if (section->checking || at_line != 0) {
        (void) fprintf(stderr, "lmdb-loader run: %s:%u: [%s] ", section->file,
                       find_line(text), section->name);
    }
}


void
loader_complain(const char *format, ...)
{
    char     text[COMPLAINT_MAX];
    va_list  args;

    va_start(args, format);
    (void) vsnprintf(text, sizeof(text), format, args);
    va_end(args);

    print_place(text);
    (void) fprintf(stderr, "%s\n", text);
}


void
loader_configure(const loader_section_t *from)
{
    section = from;
}


bool
loader_checking(void)
{
    return section != NULL && section->checking;
}


bool
loader_checking_places(void)
{
    return loader_checking() && section->places;
}


/* "dry-run" is ONSITE_DRY_RUN in the environment. */

static void
environment_name(const char *option, char *name, size_t size)
{
    size_t  i;

    (void) snprintf(name, size, "ONSITE_%s", option);

    for (i = 0; name[i] != '\0'; i++) {
        name[i] = name[i] == '-' ? '_' : (char) toupper((unsigned char)
                                                        name[i]);
    }
}


/* Words in lines of a terminal, from the column where options' texts stand. */

static void
print_wrapped(const char *text)
{
    size_t  n, column = HELP_COLUMN;

    while (*text != '\0') {
        n = strcspn(text, " ");

        if (column != HELP_COLUMN && column + 1 + n > HELP_WIDTH) {
            (void) printf("\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;

        } else if (column != HELP_COLUMN) {
            (void) fputc(' ', stdout);
            column++;
        }

        (void) printf("%.*s", (int) n, text);
        column += n;
        text += n + strspn(text + n, " ");
    }

    (void) fputc('\n', stdout);
}


static void
print_help(const loader_option_t *options, const char *arguments)
{
    char                    left[64];
    const loader_option_t  *o;

    (void) printf("usage: lmdb-loader %s %s\n\n", command, arguments);

    for (o = options; o->name != NULL; o++) {
        (void) snprintf(left, sizeof(left), "--%s%s%s", o->name,
                        o->argument != NULL ? "=" : "",
                        o->argument != NULL ? o->argument : "");
        (void) printf("  %c%c  %-24s ", o->letter != 0 ? '-' : ' ',
                      o->letter != 0 ? o->letter : ' ', left);
        print_wrapped(o->help);
    }

    (void) printf("      %-24s %s\n", "--help", "this text");

    environment_name(options->name, left, sizeof(left));
    (void) printf("\nAn option that is not given is taken from the "
                  "environment: --%s from %s, and so on;\nfor one without "
                  "a value 0, false, no and off mean: not given.\n"
                  "Exit status: 0 done, 1 a check failed, 2 usage.\n",
                  options->name, left);
}


static bool
is_one_of(const char *value, const char *const words[4])
{
    size_t  i;

    for (i = 0; i < 4; i++) {
        if (strcasecmp(value, words[i]) == 0) {
            return true;
        }
    }

    return false;
}


/* What people write for a flag that they do not want. */

static bool
says_no(const char *value)
{
    static const char *const  words[] = { "0", "false", "no", "off" };

    return is_one_of(value, words);
}


static bool
says_yes(const char *value)
{
    static const char *const  words[] = { "1", "true", "yes", "on" };

    return is_one_of(value, words);
}


/* Whether an option may come again. */

static bool
repeats(const loader_option_t *o)
{
    size_t  n = o->argument != NULL ? strlen(o->argument) : 0;

    return n >= 3 && strcmp(o->argument + n - 3, "...") == 0;
}


static void
set_value(const loader_option_t *o, const char *value)
{
    size_t  n = 0;

    while (repeats(o) && o->value[n] != NULL) {
        n++;
    }

    if (n == LOADER_REPEATS) {
        loader_complain("--%s: more than %d of them", o->name,
                        LOADER_REPEATS);
        exit(LOADER_USAGE);
    }

    o->value[n] = value;

    if (repeats(o)) {
        o->value[n + 1] = NULL;
    }
}


static void
from_environment(const loader_option_t *o)
{
    char         name[64];
    const char  *value;

    environment_name(o->name, name, sizeof(name));
    value = getenv(name);

    if (value == NULL || *value == '\0'
        || (o->argument == NULL && says_no(value)))
    {
        return;
    }

    set_value(o, value);
}


/* Not by the environment, which may be there for other commands. */

static void
note_given(const loader_option_t *options, const unsigned *given)
{
    size_t  i, n = 0;

    memset(by_hand, 0, sizeof(by_hand));

    for (i = 0; options[i].name != NULL; i++) {
        if (given[i] != 0 && *options[i].value != NULL) {
            by_hand[n++] = options[i].name;
        }
    }
}


bool
loader_given(const char *option)
{
    size_t  i;

    for (i = 0; i < OPTIONS_MAX && by_hand[i] != NULL; i++) {
        if (strcmp(by_hand[i], option) == 0) {
            return true;
        }
    }

    return false;
}


/* Fills getopt's tables; short ones as "+:o:h". */

static void
prepare(const loader_option_t *options, struct option *longs, char *shorts)
{
    int                     i;
    const loader_option_t  *o;

    *shorts++ = ':';

    for (i = 0, o = options; o->name != NULL && i < OPTIONS_MAX; i++, o++) {
        longs[i] = (struct option) {
            o->name, o->argument != NULL ? required_argument : no_argument,
            NULL, LONG_ONLY + i
        };

        if (o->letter != 0) {
            *shorts++ = o->letter;
            if (o->argument != NULL) {
                *shorts++ = ':';
            }
        }

        *o->value = NULL;
        from_environment(o);
    }

    longs[i] = (struct option) { "help", no_argument, NULL, 'h' };
    longs[i + 1] = (struct option) { NULL, 0, NULL, 0 };

    *shorts++ = 'h';
    *shorts = '\0';
}


static const loader_option_t *
find_option(const loader_option_t *options, int c)
{
    const loader_option_t  *o;

    for (o = options; o->name != NULL; o++) {
        if (c == o->letter || c == LONG_ONLY + (int) (o - options)) {
            return o;
        }
    }

    return NULL;
}


static void
usage_error(char **argv, int c)
{
    loader_complain(c == ':' ? "%s needs a value (see --help)"
                             : "there is no option %s (see --help)",
                    argv[optind - 1]);
    exit(LOADER_USAGE);
}


/* The lines of a section */

/* What ends by itself, only tells, or reads sections, is no work for one. */

static bool
is_for_hands(const char *name)
{
    return strcmp(name, "once") == 0 || strcmp(name, "dry-run") == 0
           || strcmp(name, "json") == 0 || strcmp(name, "retry-dead") == 0
           || strcmp(name, "forget-dead") == 0
           || strcmp(name, "config") == 0;
}


static void
unknown_setting(const loader_option_t *options, const char *name)
{
    char                    names[1024] = "";
    size_t                  n = 0;
    const loader_option_t  *o;

    for (o = options; o->name != NULL; o++) {
        if (!is_for_hands(o->name) && n < sizeof(names)) {
            n += (size_t) snprintf(names + n, sizeof(names) - n, "%s%s",
                                   n != 0 ? ", " : "", o->name);
        }
    }

    loader_complain("there is no option \"%s\" here; there are: %s", name,
                    names);
    exit(LOADER_USAGE);
}


static const loader_option_t *
option_of(const loader_option_t *options, const char *name)
{
    const loader_option_t  *o;

    for (o = options; o->name != NULL; o++) {
        if (strcmp(o->name, name) == 0 && !is_for_hands(name)) {
            return o;
        }
    }

    return NULL;
}


static void
set_flag(const loader_option_t *o, const char *value)
{
    if (value != NULL && says_no(value)) {
        *o->value = NULL;

    } else if (value == NULL || says_yes(value)) {
        *o->value = "";

    } else {
        loader_complain("%s is on or off, not \"%s\"", o->name, value);
        exit(LOADER_USAGE);
    }
}


/* given: the line of each option that was there; 0: none. */

static void
take_setting(const loader_option_t *options, const loader_setting_t *setting,
    unsigned *given)
{
    unsigned               *seen;
    const loader_option_t  *o;

    at_line = setting->line;
    o = option_of(options, setting->name);

    if (o == NULL) {
        unknown_setting(options, setting->name);
    }

    seen = &given[o - options];

    if (*seen != 0 && !repeats(o)) {
        loader_complain("%s is set already, in line %u", o->name, *seen);
        exit(LOADER_USAGE);
    }

    if (o->argument == NULL) {
        set_flag(o, setting->value);

    } else if (setting->value == NULL || *setting->value == '\0') {
        loader_complain("%s needs a value: %s = %s", o->name, o->name,
                        o->argument);
        exit(LOADER_USAGE);

    } else {
        if (repeats(o) && *seen == 0) {
            *o->value = NULL;
        }

        set_value(o, setting->value);
    }

    *seen = setting->line;
    at_line = 0;
}


static int
take_section(const loader_option_t *options, int min)
{
    size_t                  i;
    unsigned                given[OPTIONS_MAX] = { 0 };
    const loader_option_t  *o;

    for (o = options; o->name != NULL; o++) {
        *o->value = NULL;
        from_environment(o);
    }

    for (i = 0; i < section->n; i++) {
        take_setting(options, &section->settings[i], given);
    }

    note_given(options, given);

    o = option_of(options, "state");

    if (o != NULL && given[o - options] == 0) {
        *o->value = section->state;
    }

    if (min > 0) {
        loader_complain("what it works on cannot be said here");
        exit(LOADER_USAGE);
    }

    return 0;
}


int
loader_options(int argc, char **argv, const loader_option_t *options,
    const char *arguments, int min, int max)
{
    int                     c, i, n;
    unsigned                given[OPTIONS_MAX] = { 0 };
    char                    shorts[2 * OPTIONS_MAX + 4];
    struct option           longs[OPTIONS_MAX + 2];
    const loader_option_t  *o;

    command = argv[0];

    if (section != NULL) {
        return take_section(options, min);
    }

    prepare(options, longs, shorts);
    optind = 1;
    opterr = 0;

    while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (c == 'h') {
            print_help(options, arguments);
            exit(LOADER_OK);
        }

        o = find_option(options, c);

        if (o == NULL) {
            usage_error(argv, c);
        }

        if (repeats(o) && given[o - options] == 0) {
            *o->value = NULL;
        }

        given[o - options] = 1;
        set_value(o, o->argument != NULL ? optarg : "");
    }

    note_given(options, given);
    n = argc - optind;

    if (n < min || n > max) {
        loader_complain("%s\nusage: lmdb-loader %s %s",
                        n < min ? "an argument is missing"
                        : "too many arguments", command, arguments);
        exit(LOADER_USAGE);
    }

    for (i = 0; i < n; i++) {
        argv[i] = argv[optind + i];
    }

    return n;
}


void
loader_needs_file(const char *path)
{
    if (path != NULL && strcmp(path, "-") == 0) {
        loader_complain("\"-\": LMDB maps its files, so that they cannot be "
                        "piped: give a path (./- if that is the name)");
        exit(LOADER_USAGE);
    }
}


onsite_ms_t
loader_duration(const char *option, const char *text, onsite_ms_t fallback)
{
    onsite_ms_t  ms;

    if (text == NULL) {
        return fallback;
    }

    if (onsite_duration_read(onsite_str_of(text), &ms)
        != ONSITE_OK)
    {
        loader_complain("--%s: \"%s\" is not a duration such as 30m, 4h, 5d: "
                        "more than 0s and at most %dd", option, text,
                        (int) (ONSITE_DURATION_MAX / ONSITE_DAY));
        exit(LOADER_USAGE);
    }

    return ms;
}


size_t
loader_number(const char *option, const char *text, long most, size_t fallback)
{
    char  *end;
    long   n;

    if (text == NULL) {
        return fallback;
    }

    n = strtol(text, &end, 10);

    if (end == text || *end != '\0' || n < 1 || n > most) {
        loader_complain("--%s: \"%s\" is not a number from 1 to %ld", option,
                        text, most);
        exit(LOADER_USAGE);
    }

    return (size_t) n;
}


onsite_ms_t
loader_now(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_REALTIME, &now);

    return (onsite_ms_t) now.tv_sec * ONSITE_SECOND + now.tv_nsec / 1000000;
}
