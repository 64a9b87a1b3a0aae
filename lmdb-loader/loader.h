/*
 * loader.h - what the commands of lmdb-loader share.
 *
 * A new command is a file with one function and a line in main.c's table.
 */

#ifndef LOADER_H
#define LOADER_H

#include <stdio.h>

#include "onsite_campaign.h"
#include "onsite_id.h"
#include "onsite_snapshot.h"
#include "onsite_store.h"
#include "onsite_visitor.h"

#define LOADER_OK      0
#define LOADER_FAILED  1        /* a check or an operation failed          */
#define LOADER_USAGE   2        /* the command line is not right           */


/* main.c */

typedef struct {
    const char  *name;
    const char  *arguments;     /* "DIR -o FILE"                           */
    const char  *summary;       /* one line                                */
    int        (*run)(int argc, char **argv);
} loader_command_t;


/* hide.c */

/* Replaces arguments by copies, and overwrites in the originals, which every
 * user of the machine sees (ps), what may be a secret: who is before the "@" of
 * a URL, Segment's write key, queries. */
void loader_hide(int argc, char **argv);


/* options.c */

typedef struct {
    const char   *name;         /* long name; NULL ends a table            */
    char          letter;       /* short form; 0: none                     */
    const char   *argument;     /* its name in the help; NULL: a flag; one
                                   that ends in "..." may come again       */
    const char   *help;
    const char  **value;        /* set to the text; flags to ""; of one that
                                   may come again an array of
                                   LOADER_REPEATS + 1, NULL behind its last*/
} loader_option_t;

#define LOADER_REPEATS  64

/*
 * Reads argv by the table, with ONSITE_<NAME> of the environment for an
 * option that is not given (dashes become underscores; a flag that is 0,
 * false, no or off there is not given).  --help prints the
 * table and exits 0; anything wrong prints what and exits LOADER_USAGE.
 * Moves the positional arguments to argv[0..]; returns how many, which lies
 * between min and max.
 */
int loader_options(int argc, char **argv, const loader_option_t *options,
    const char *arguments, int min, int max);

/* Whether what loader_options read last had this one, as opposed to the
 * environment. */
bool loader_given(const char *option);

/*
 * A section of a configuration in place of a command line (`run`): its lines
 * are the long options, and complaints say where they stand.
 */

typedef struct {
    const char  *name;
    const char  *value;         /* NULL: the name stands alone             */
    unsigned     line;
} loader_setting_t;

typedef struct {
    const char              *file;
    const char              *name;      /* "sync shop"                     */
    unsigned                 line;      /* of "[sync shop]"                */
    const char              *state;     /* for a --state that is not set   */
    const loader_setting_t  *settings;
    size_t                   n;
    bool                     checking;  /* nothing is to be done           */
    bool                     places;    /* checking: a folder to write into
                                           has to be there, too            */
} loader_section_t;

/* From now on loader_options reads this, which has to live on. */
void loader_configure(const loader_section_t *section);

/* Asked where a command has checked all that it was given, and would begin:
 * true: it returns LOADER_OK there. */
bool loader_checking(void);

/* While it does: whether what a command would wait for has to be there. */
bool loader_checking_places(void);

/* "lmdb-loader COMMAND: …" to stderr. */
void loader_complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* "-" where a snapshot or a state has to be: exit LOADER_USAGE. */
void loader_needs_file(const char *path);

/* A duration option ("30m") or exit LOADER_USAGE; NULL: fallback. */
onsite_ms_t loader_duration(const char *option, const char *text,
    onsite_ms_t fallback);

/* A number option, 1 to most, or exit LOADER_USAGE; NULL: fallback. */
size_t loader_number(const char *option, const char *text, long most,
    size_t fallback);

onsite_ms_t loader_now(void);


/* source.c - campaign files of a folder */

typedef struct {
    onsite_str_t               name;        /* site                        */
    onsite_campaign_source_t  *sources;
    size_t                     n;
} loader_site_t;

typedef struct {
    onsite_arena_t   *arena;
    loader_site_t    *sites;                /* by name                     */
    size_t            n;
    size_t            files;
    size_t            errors;               /* files that could not be read*/
    onsite_value_t    saved_groups;         /* saved_groups.json, or ABSENT*/
} loader_sources_t;

/*
 * Reads every *.json below dir, which may be "-" for one definition on
 * standard input.  Findings go to lint.  LOADER_FAILED when dir itself
 * cannot be read.
 */
int loader_sources_read(const char *dir, loader_sources_t *sources,
    onsite_lint_pt lint, void *lint_data);
void loader_sources_free(loader_sources_t *sources);

/* All of a file ("-": standard input), NUL behind it; NULL with errno. */
char *loader_read_file(const char *path, size_t *len);


/* describe.c - what an image holds */

/* What triggers a campaign: "Page Viewed", "journey game: left". */
void loader_write_trigger(onsite_buf_t *out, const onsite_image_t *image,
    uint32_t rank);

uint32_t loader_count_journeys(const onsite_image_t *image);

/* Journeys, segments and affinities, a line each. */
void loader_print_others(const onsite_image_t *image);


/* table.c - slow data, as files and on its way into a snapshot */

typedef struct loader_tables_s  loader_tables_t;

/* site: of rows that name none; NULL: "default".  bar: progress on standard
 * error, where that is a terminal.  NULL: out of memory. */
loader_tables_t *loader_tables_create(const char *site, bool bar,
    onsite_lint_pt lint, void *lint_data);
void loader_tables_free(loader_tables_t *tables);

/* profiles.csv, products.ndjson, segments/<id>.txt, … anywhere below dir. */
void loader_tables_find(loader_tables_t *tables, const char *dir);

/* One more, "-" is standard input; a list is ID=FILE, or exit LOADER_USAGE. */
void loader_tables_add(loader_tables_t *tables, onsite_table_t table,
    const char *file);

/* Reads and checks them all, each once; findings go to lint.  dir: where rows
 * may be put aside to sort them.  sites are those that have campaigns.
 * LOADER_FAILED when the machine said no. */
int loader_tables_read(loader_tables_t *tables, const onsite_str_t *sites,
    size_t n_sites, const char *dir);

/* Whether one of the files is of the list with this id. */
bool loader_tables_list(const loader_tables_t *tables, onsite_str_t id);

/* segment_lint.c: warns of segments and lists in audiences that nobody made. */
void loader_segments_lint(const loader_sources_t *sources,
    const loader_tables_t *tables, onsite_lint_pt lint, void *lint_data);

/* Names that profiles have, n of them; whether it is one of those, also where
 * there were too many to tell. */
size_t loader_tables_columns(const loader_tables_t *tables,
    const onsite_str_t **names);
bool loader_tables_column(const loader_tables_t *tables, onsite_str_t name);

/* profile_lint.c: warns of profile.<column> that no profile has. */
void loader_profiles_lint(const loader_sources_t *sources,
    const loader_tables_t *tables, onsite_lint_pt lint, void *lint_data);

/* Rows that were right; after the last one was taken in order, without those
 * that another one with the same id replaced. */
uint64_t loader_tables_rows(const loader_tables_t *tables,
    onsite_table_t table);

/* The rows in order, for onsite_snapshot_write_tables; of equal keys the last
 * one, which lint hears of.  They live as long as tables. */
int loader_tables_sort(loader_tables_t *tables,
    onsite_snapshot_rows_t out[ONSITE_TABLES]);

/* Instead: takes all rows in order for what lint hears and the count. */
int loader_tables_check(loader_tables_t *tables);

/* No more progress is to be drawn. */
void loader_tables_done(loader_tables_t *tables);


/* zone.c, price.c - time zones, from the C library; CLDR, from ICU */

extern const onsite_zones_t  loader_zones;
extern const onsite_cldr_t   loader_cldr;


/* visitor.c - a state, and who is meant by an id */

/* Opens a state, live or at rest, to read it; complains. */
int loader_open_state(const char *path, onsite_store_t **store);

/* To change it. */
int loader_change_state(const char *path, onsite_store_t **store);
/* For who tries again: does not complain. */
onsite_status_t loader_open_changing(const char *path, onsite_store_t **store,
    onsite_error_t *error);

/* Ids are known by keyed hashes: the secret of a file, or (NULL) the one that
 * the state keeps.  NULL: none; complains. */
onsite_signer_t *loader_signer(onsite_store_t *store, const char *path);

/* Who is meant: a customer by the proven userId, or a visitor by a cookie's
 * value, the id inside a cookie, or the anonymousId that a client sent. */
typedef struct {
    onsite_str_t   site;
    onsite_str_t   id;
    bool           customer;
} loader_who_t;

/* A visitor's *key is the first of these that has a record, or NOT_FOUND; it
 * is told where a customer has the same id, too.  A customer's is good whether
 * there is a record or not. */
onsite_status_t loader_find(onsite_store_t *store, onsite_signer_t *signer,
    const loader_who_t *who, onsite_key_t *key);

/* "visitor "v" of site "s": no record" */
void loader_complain_of(const loader_who_t *who, onsite_status_t status);

/* OK, or NOT_FOUND; a tombstone is none. */
onsite_status_t loader_has_record(onsite_store_t *store,
    const onsite_key_t *key);


/* names.c - names of what records hold hashes of */

typedef struct loader_names_s  loader_names_t;

typedef struct {
    uint32_t               hash;        /* of the site                     */
    onsite_str_t           name;        /* empty: not known                */
    const onsite_image_t  *image;       /* NULL: its campaigns are not     */
    onsite_image_t         of_site;
} loader_named_t;

/* The snapshot that the workers of a state serve, or served last: the newest
 * copy in its directory that opens; NULL: there is none. */
onsite_snapshot_t *loader_live_snapshot(const char *state);

/* The newest copy's path, PATH_MAX bytes; false: there is none. */
bool loader_live_path(const char *state, char *path);

/* The site of a snapshot that was read from path; complains.  *name lives as
 * long as the snapshot. */
int loader_find_site(const onsite_snapshot_t *snapshot, const char *path,
    onsite_str_t wanted, onsite_str_t *name, onsite_image_t *image);

/* From the snapshot, or (NULL) the live one of the state, if there is one; one
 * site's name is known anyway, and its bytes stay the caller's.  Complains;
 * *names is to be closed either way. */
int loader_names_open(const char *state, const char *snapshot,
    onsite_str_t known, loader_names_t **names);
void loader_names_close(loader_names_t *names);

/* Of the site with this hash; never NULL. */
const loader_named_t *loader_names_of(const loader_names_t *names,
    uint32_t hash);


/* state.c */

/* One visitor of a state; complains. */
typedef struct {
    const char    *state;       /* directory                               */
    const char    *key_file;    /* NULL: the state's own secret            */
    loader_who_t   who;
} loader_visitor_t;

int loader_read_visitor(const loader_visitor_t *from, onsite_arena_t *arena,
    onsite_visitor_t *visitor, onsite_key_t *key);


/* record.c - a visitor as JSON */

/* One line: visitor, site, status, counts by event name, visits, session,
 * cart, … as `state` and `replay --visitors` print it; image: see
 * onsite_visitor_json.h. */
void loader_write_visitor(onsite_buf_t *out, onsite_str_t id,
    onsite_str_t site, const onsite_visitor_t *visitor,
    const onsite_image_t *image);

/* "2026-01-31T08:00:00.000Z" as a JSON string; null for 0. */
void loader_write_time(onsite_buf_t *out, onsite_ms_t time);


/* the commands */

int loader_lint(int argc, char **argv);
int loader_build(int argc, char **argv);
int loader_inspect(int argc, char **argv);
int loader_replay(int argc, char **argv);
int loader_explain(int argc, char **argv);
int loader_preview(int argc, char **argv);
int loader_state(int argc, char **argv);
int loader_outbox(int argc, char **argv);
int loader_keygen(int argc, char **argv);
int loader_sign(int argc, char **argv);
int loader_verify(int argc, char **argv);
int loader_publish(int argc, char **argv);
int loader_deliver(int argc, char **argv);
int loader_drain(int argc, char **argv);
int loader_sync(int argc, char **argv);
int loader_roam(int argc, char **argv);
int loader_rollback(int argc, char **argv);
int loader_run(int argc, char **argv);
int loader_status(int argc, char **argv);
int loader_erase(int argc, char **argv);
int loader_export(int argc, char **argv);
int loader_checkpoint(int argc, char **argv);
int loader_restore(int argc, char **argv);
int loader_doctor(int argc, char **argv);

#endif
