/*
 * restore.c - `restore`: the latest checkpoint that is whole becomes a state.
 */

#include "checkpoint.h"
#include "loader.h"
#include "onsite_event.h"
#include "onsite_file.h"

#include <openssl/evp.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE  (256 * 1024)
#define STEP   1024                 /* entries of an outbox, at once */
#define SPARE  (2u << 20)           /* a shard, beside its bytes */

typedef struct {
    const char         *folder;
    char                state[PATH_MAX];
    onsite_ms_t         until;          /* 0: the latest                   */
    bool                if_empty;
    bool                dry_run;
    bool                json;
    onsite_restore_t   *restore;
    checkpoint_t        checkpoint;
    char               *piece;
    size_t              n;              /* that are there                  */
    onsite_ms_t         oldest;
    unsigned            passed_over;    /* damaged ones                    */
    onsite_store_t     *store;          /* of what is made ready           */
    unsigned            erased;         /* who had been since              */
} restorer_t;


/* Copying, with its checksum; blocks of zeros stay holes. */

static bool
is_zero(const char *data, size_t size)
{
    return size == 0 || (data[0] == 0
                         && memcmp(data, data + 1, size - 1) == 0);
}


static bool
put_piece(int out, uint64_t at, const char *data, size_t size)
{
    if (out < 0 || is_zero(data, size)) {
        return true;
    }

    return lseek(out, (off_t) at, SEEK_SET) >= 0
           && onsite_write_all(out, data, size);
}


/* out: -1 only to check.  CORRUPT: it is not what it was. */

static onsite_status_t
pass(restorer_t *r, int in, int out, const char *path,
    const checkpoint_file_t *file, onsite_error_t *error)
{
    char            hex[FILES_SHA256 + 1] = "";
    ssize_t         n;
    uint64_t        at = 0;
    unsigned        i, len;
    unsigned char   sum[EVP_MAX_MD_SIZE];
    EVP_MD_CTX     *ctx;

    ctx = EVP_MD_CTX_new();

    if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    while ((n = read(in, r->piece, PIECE)) > 0) {
        if (EVP_DigestUpdate(ctx, r->piece, (size_t) n) != 1
            || !put_piece(out, at, r->piece, (size_t) n))
        {
            EVP_MD_CTX_free(ctx);
            return onsite_error(error, ONSITE_IO, "%s: cannot be copied: %s",
                                path, strerror(errno));
        }

        at += (uint64_t) n;
    }

    (void) EVP_DigestFinal_ex(ctx, sum, &len);
    EVP_MD_CTX_free(ctx);

    for (i = 0; i < FILES_SHA256 / 2; i++) {
        (void) sprintf(hex + 2 * i, "%02x", sum[i]);
    }

    if (n < 0 || at != file->size || strcmp(hex, file->sha256) != 0) {
        return onsite_error(error, ONSITE_CORRUPT, "%s is damaged%s%s", path,
                            n < 0 ? ": " : "", n < 0 ? strerror(errno) : "");
    }

    return ONSITE_OK;
}


static onsite_status_t
cannot(const char *path, onsite_error_t *error)
{
    return onsite_error(error, ONSITE_IO, "%s: %s", path, strerror(errno));
}


static onsite_status_t
take_shard(restorer_t *r, uint32_t shard, onsite_error_t *error)
{
    int                       in, out = -1;
    char                      path[PATH_MAX], to[PATH_MAX];
    onsite_status_t           status;
    const checkpoint_file_t  *file = &r->checkpoint.files[shard];

    checkpoint_shard_path(r->folder, r->checkpoint.time, "", shard, path);
    in = open(path, O_RDONLY|O_CLOEXEC);

    if (in < 0) {
        return onsite_error(error, ONSITE_CORRUPT, "%s: %s", path,
                            strerror(errno));
    }

    if (r->restore != NULL) {
        (void) snprintf(to, sizeof(to), "%s%s",
                        onsite_restore_folder(r->restore),
                        strrchr(path, '/'));
        out = open(to, O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0600);

        if (out < 0) {
            (void) close(in);
            return cannot(to, error);
        }
    }

    status = pass(r, in, out, path, file, error);

    if (status == ONSITE_OK && out >= 0
        && ftruncate(out, (off_t) file->size) != 0)
    {
        status = cannot(to, error);
    }

    (void) close(in);

    if (out >= 0) {
        (void) close(out);
    }

    return status;
}


/* All of it will be there in full: a write to a hole must not fail. */

static onsite_status_t
check_room(restorer_t *r, onsite_error_t *error)
{
    uint32_t  i;
    uint64_t  room, needed = 0;

    for (i = 0; i < r->checkpoint.shards; i++) {
        needed += r->checkpoint.files[i].size + SPARE;
    }

    if (!checkpoint_room(r->state, &room) || room >= needed) {
        return ONSITE_OK;
    }

    return onsite_error(error, ONSITE_FULL, "%s needs %llu bytes, and its "
                        "file system has %llu free: %llu are missing; give "
                        "it a larger tmpfs", r->state,
                        (unsigned long long) needed,
                        (unsigned long long) room,
                        (unsigned long long) (needed - room));
}


/* Who was erased since is erased again: each key that went then, and not what
 * it led to before. */

static onsite_status_t
erase_again(void *data, const onsite_erased_t *erased, onsite_str_t line,
    onsite_error_t *error)
{
    bool              more;
    size_t            i;
    restorer_t       *r = data;
    onsite_status_t   status = ONSITE_OK;

    (void) line;

    if (erased->number < r->checkpoint.erased) {
        return ONSITE_OK;
    }

    for (i = 0; i < erased->n && status == ONSITE_OK; i++) {
        status = onsite_store_erase_start(r->store, &erased->keys[i],
                                          ONSITE_REACH_DEVICE, erased->time,
                                          error);
        status = status == ONSITE_NOT_FOUND ? ONSITE_OK : status;
    }

    do {
        more = false;

        if (status == ONSITE_OK) {
            status = onsite_store_erase_step(r->store, STEP, &more, error);
        }
    } while (more);

    r->erased += status == ONSITE_OK;

    return status;
}


static onsite_status_t
make_ready(restorer_t *r, onsite_error_t *error)
{
    onsite_ms_t      now = loader_now();
    onsite_status_t  status;

    status = onsite_restore_open(r->restore, r->checkpoint.shards, now,
                                 &r->store, error);
    if (status != ONSITE_OK) {
        return status;
    }

    r->erased = 0;
    status = onsite_restore_resume(r->store, now - r->checkpoint.time, error);

    if (status == ONSITE_OK) {
        status = checkpoint_erased_read(r->folder, erase_again, r, error);
    }

    onsite_store_close(r->store);

    return status;
}


static onsite_status_t
take(restorer_t *r, onsite_ms_t time, onsite_error_t *error)
{
    uint32_t         i;
    onsite_status_t  status;

    status = checkpoint_read(r->folder, time, &r->checkpoint, error);

    if (status == ONSITE_OK && r->checkpoint.time != time) {
        status = onsite_error(error, ONSITE_CORRUPT, "its time is another");
    }

    if (status == ONSITE_OK && r->restore != NULL) {
        status = check_room(r, error);
    }

    for (i = 0; status == ONSITE_OK && i < r->checkpoint.shards; i++) {
        status = take_shard(r, i, error);
    }

    return status == ONSITE_OK && r->restore != NULL ? make_ready(r, error)
           : status;
}


/* The latest that is good.  NOT_FOUND: there is none. */

static onsite_status_t
take_latest(restorer_t *r, onsite_error_t *error)
{
    char              name[CHECKPOINT_NAME];
    size_t            i, n;
    onsite_ms_t      *times;
    onsite_status_t   status = ONSITE_NOT_FOUND;

    times = calloc(CHECKPOINT_MAX, sizeof(onsite_ms_t));
    if (times == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    n = checkpoint_list(r->folder, times);
    r->n = n;
    r->oldest = n != 0 ? times[n - 1] : 0;

    for (i = 0; i < n; i++) {
        if (r->until != 0 && times[i] > r->until) {
            continue;
        }

        status = take(r, times[i], error);

        if (status != ONSITE_CORRUPT && status != ONSITE_VERSION
            && status != ONSITE_NOT_FOUND)
        {
            break;
        }

        checkpoint_name(times[i], name);
        loader_complain("%s is passed over: %s", name, error->text);
        r->passed_over++;
        status = ONSITE_NOT_FOUND;
    }

    free(times);

    return status;
}


/* Telling */

static int
report(const restorer_t *r)
{
    char      name[CHECKPOINT_NAME];
    uint32_t  i;
    uint64_t  size = 0;

    checkpoint_name(r->checkpoint.time, name);

    for (i = 0; i < r->checkpoint.shards; i++) {
        size += r->checkpoint.files[i].size;
    }

    if (r->json) {
        (void) printf("{\"restored\":%s,\"checkpoint\":\"%s\",\"shards\":%u,"
                      "\"bytes\":%llu,\"passed_over\":%u,\"erased\":%u}\n",
                      r->dry_run ? "false" : "true", name,
                      (unsigned) r->checkpoint.shards,
                      (unsigned long long) size, r->passed_over, r->erased);
    } else {
        (void) printf(r->dry_run ? "%s/%s is good: %u shard(s), %llu bytes\n"
                      : "%s/%s restored: %u shard(s), %llu bytes\n",
                      r->folder, name, (unsigned) r->checkpoint.shards,
                      (unsigned long long) size);

        if (r->erased != 0) {
            (void) printf("%u erasure(s) since were done again\n",
                          r->erased);
        }
    }

    return LOADER_OK;
}


static int
nothing(const restorer_t *r, const char *why)
{
    if (r->json) {
        (void) printf("{\"restored\":false,\"passed_over\":%u}\n",
                      r->passed_over);
    }

    loader_complain("%s", why);

    return r->if_empty && r->passed_over == 0 ? LOADER_OK : LOADER_FAILED;
}


static void
say_why(const restorer_t *r, char *why, size_t size)
{
    char  name[CHECKPOINT_NAME];

    if (r->passed_over == 0 && r->n != 0) {
        checkpoint_name(r->oldest, name);
        (void) snprintf(why, size, "%s: none of its %zu checkpoint(s) is as "
                        "old as --time asks for: the oldest is %s", r->folder,
                        r->n, name);
        return;
    }

    (void) snprintf(why, size, "%s: %s", r->folder,
                    r->passed_over != 0 ? "no checkpoint is good"
                    : "there is no checkpoint");
}


static int
run(restorer_t *r, const onsite_restore_options_t *options)
{
    char             why[PATH_MAX + 128];
    onsite_error_t   error = { "" };
    onsite_status_t  status = ONSITE_OK;

    if (!r->dry_run) {
        status = onsite_restore_begin(options, &r->restore, &error);
    }

    if (status == ONSITE_INVALID && r->if_empty) {
        return nothing(r, error.text);
    }

    if (status == ONSITE_INVALID) {
        loader_complain("%s: --force replaces it", error.text);
        return LOADER_FAILED;
    }

    if (status == ONSITE_OK) {
        status = take_latest(r, &error);
    }

    if (status == ONSITE_NOT_FOUND) {
        say_why(r, why, sizeof(why));
        return nothing(r, why);
    }

    if (status == ONSITE_OK && !r->dry_run) {
        status = onsite_restore_finish(r->restore, &error);
    }

    if (status != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    return report(r);
}


/* Options */

static bool
read_id(const char *text, long *id)
{
    char  *end;

    *id = strtol(text, &end, 10);

    return *text != '\0' && *end == '\0' && *id >= 0 && *id < INT_MAX;
}


/* "www-data", "www-data:adm", "33:4"; or exit LOADER_USAGE. */

static void
read_user(const char *text, onsite_restore_options_t *options)
{
    long            id;
    char            user[256];
    size_t          len = strcspn(text, ":");
    const char     *group = text[len] == ':' ? text + len + 1 : NULL;
    struct group   *gr;
    struct passwd  *pw;

    (void) snprintf(user, sizeof(user), "%.*s", (int) len, text);
    pw = getpwnam(user);

    if (pw != NULL) {
        options->uid = (int) pw->pw_uid;
        options->gid = (int) pw->pw_gid;

    } else if (read_id(user, &id)) {
        options->uid = (int) id;

    } else {
        loader_complain("--user: there is no user \"%s\"", user);
        exit(LOADER_USAGE);
    }

    if (group == NULL) {
        return;
    }

    gr = getgrnam(group);

    if (gr == NULL && !read_id(group, &id)) {
        loader_complain("--user: there is no group \"%s\"", group);
        exit(LOADER_USAGE);
    }

    options->gid = gr != NULL ? (int) gr->gr_gid : (int) id;
}


/* Whose the directory is, or else the folder with the checkpoints: only root
 * can give it to others. */

static void
find_owner(const restorer_t *r, onsite_restore_options_t *options)
{
    struct stat  st;

    if (geteuid() == 0
        && (stat(r->state, &st) == 0 || stat(r->folder, &st) == 0))
    {
        options->uid = (int) st.st_uid;
        options->gid = (int) st.st_gid;
    }
}


static void
read_time(restorer_t *r, const char *text)
{
    onsite_value_t  value = onsite_value_string(onsite_str_of(text));

    if (!checkpoint_time(text, &r->until)
        && onsite_time_read(&value, &r->until) != ONSITE_OK)
    {
        loader_complain("--time: \"%s\" is neither a checkpoint's name nor a "
                        "time such as 2026-01-31T08:00:00Z", text);
        exit(LOADER_USAGE);
    }
}


/* The store takes absolute paths only; this one need not be there. */

static int
absolute(const char *path, char out[PATH_MAX])
{
    char  here[PATH_MAX];

    if (*path == '/') {
        (void) snprintf(out, PATH_MAX, "%s", path);
        return LOADER_OK;
    }

    if (getcwd(here, sizeof(here)) == NULL
        || snprintf(out, PATH_MAX, "%s/%s", here, path) >= PATH_MAX)
    {
        loader_complain("--to: %s: %s", path, strerror(errno));
        return LOADER_FAILED;
    }

    return LOADER_OK;
}


static int
take_up(restorer_t *r, const checkpoint_said_t *said, const char *user,
    onsite_restore_options_t *restore)
{
    int  rc;

    if (said->folder == NULL || said->state == NULL
        || strlen(said->folder) >= CHECKPOINT_FOLDER_MAX)
    {
        loader_complain(said->folder == NULL ? "which folder? usage: "
                        "lmdb-loader restore FOLDER --to DIR"
                        : said->state == NULL ? "--to is missing: the "
                        "directory that onsite_state names"
                        : "the path is too long");
        return LOADER_USAGE;
    }

    r->folder = said->folder;
    rc = absolute(said->state, r->state);

    if (rc != LOADER_OK) {
        return rc;
    }

    find_owner(r, restore);

    if (user != NULL) {
        read_user(user, restore);
    }

    restore->path = r->state;
    r->piece = malloc(PIECE);
    rc = r->piece != NULL ? run(r, restore) : LOADER_FAILED;

    onsite_restore_end(r->restore);
    free(r->piece);

    return rc;
}


/* Where no checkpoints are wanted. */

static int
nothing_wanted(const restorer_t *r)
{
    if (r->json) {
        (void) printf("{\"restored\":false,\"passed_over\":0}\n");
    }

    return LOADER_OK;
}


int
loader_restore(int argc, char **argv)
{
    int                       n, rc;
    config_t                  config;
    restorer_t                r = { .until = 0 };
    const char               *path, *time, *if_empty, *force, *user, *json;
    const char               *dry_run;
    checkpoint_said_t         said = { .folder = NULL };
    onsite_restore_options_t  restore = { .uid = -1, .gid = -1 };

    const loader_option_t  options[] = {
        { "to", 0, "DIR", "the directory that onsite_state names",
          &said.state },
        { "config", 'c', "CONFIG", "the sidecar's: what was not named is "
          "taken from its [checkpoint]; without one nothing is done", &path },
        { "time", 't', "TIME", "the latest checkpoint up to then; default: "
          "the latest of all", &time },
        { "if-empty", 0, NULL, "it is no error when there is a state in DIR "
          "already, or no checkpoint", &if_empty },
        { "force", 0, NULL, "replace the state in DIR; never one in use",
          &force },
        { "user", 'u', "USER", "who owns the files, USER or USER:GROUP; "
          "default: who owns DIR, or else FOLDER", &user },
        { "dry-run", 'n', NULL, "tell which one is good", &dry_run },
        { "json", 0, NULL, "the result as one object", &json },
        { 0 }
    };

    n = loader_options(argc, argv, options,
                       "FOLDER --to DIR | --config CONFIG", 0, 1);
    said.folder = n == 1 ? argv[0] : NULL;
    r.if_empty = if_empty != NULL;
    r.dry_run = dry_run != NULL;
    r.json = json != NULL;
    restore.replace = force != NULL;

    if (time != NULL) {
        read_time(&r, time);
    }

    rc = checkpoint_configure(&said, path, &config);

    if (rc == LOADER_OK) {
        rc = said.off ? nothing_wanted(&r)
             : take_up(&r, &said, user, &restore);
    }

    config_free(&config);

    return rc;
}
