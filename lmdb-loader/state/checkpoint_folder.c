/*
 * checkpoint_folder.c - the folder in which checkpoints are kept.
 */

#include "checkpoint.h"

#include "jcs.h"
#include "onsite_event.h"
#include "onsite_json.h"
#include "onsite_visitor_json.h"

#include <openssl/evp.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define TYPE          "onsite-checkpoint"
#define FORMAT        1
#define STATE_FORMAT  1
#define MANIFEST      "checkpoint.json"
#define PART          ".part"
#define ERASED_NEW    "erased.ndjson.new-"
#define TEXT_MAX      (64 * 1024)
#define ARENA_CHUNK   (64 * 1024)
#define ARENA_MAX     (4 * 1024 * 1024)


/* Names */

void
checkpoint_name(onsite_ms_t time, char name[CHECKPOINT_NAME])
{
    time_t     seconds = (time_t) (time / 1000);
    struct tm  tm;

    (void) gmtime_r(&seconds, &tm);
    (void) snprintf(name, CHECKPOINT_NAME,
                    "%04u%02u%02uT%02u%02u%02u.%03uZ",
                    (unsigned) (tm.tm_year + 1900) % 10000,
                    (unsigned) (tm.tm_mon + 1) % 100,
                    (unsigned) tm.tm_mday % 100, (unsigned) tm.tm_hour % 100,
                    (unsigned) tm.tm_min % 100, (unsigned) tm.tm_sec % 100,
                    (unsigned) (time % 1000) % 1000);
}


bool
checkpoint_time(const char *name, onsite_ms_t *time)
{
    char       again[CHECKPOINT_NAME];
    unsigned   ms;
    struct tm  tm = { .tm_year = 0 };

    if (sscanf(name, "%4d%2d%2dT%2d%2d%2d.%3uZ", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) != 7)
    {
        return false;
    }

    tm.tm_year -= 1900;
    tm.tm_mon--;
    *time = (onsite_ms_t) timegm(&tm) * 1000 + ms;

    if (*time <= 0) {
        return false;
    }

    checkpoint_name(*time, again);

    return strcmp(again, name) == 0;
}


void
checkpoint_path(const char *folder, onsite_ms_t time, const char *suffix,
    const char *file, char path[PATH_MAX])
{
    char  name[CHECKPOINT_NAME];

    checkpoint_name(time, name);
    (void) snprintf(path, PATH_MAX, "%s/%s%s%s%s", folder, name, suffix,
                    file != NULL ? "/" : "", file != NULL ? file : "");
}


void
checkpoint_shard_path(const char *folder, onsite_ms_t time,
    const char *suffix, uint32_t shard, char path[PATH_MAX])
{
    char  file[32];

    (void) snprintf(file, sizeof(file), "shard-%03u.mdb", (unsigned) shard);
    checkpoint_path(folder, time, suffix, file, path);
}


static int
later_first(const void *a, const void *b)
{
    onsite_ms_t  x = *(const onsite_ms_t *) a, y = *(const onsite_ms_t *) b;

    return (x < y) - (x > y);
}


size_t
checkpoint_list(const char *folder, onsite_ms_t times[CHECKPOINT_MAX])
{
    DIR            *dir;
    size_t          n = 0;
    struct dirent  *entry;

    dir = opendir(folder);

    while (dir != NULL && n < CHECKPOINT_MAX
           && (entry = readdir(dir)) != NULL)
    {
        n += checkpoint_time(entry->d_name, &times[n]);
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    qsort(times, n, sizeof(*times), later_first);

    return n;
}


/* Reading */

static bool
hash(const onsite_value_t *value, char hex[FILES_SHA256 + 1])
{
    bool            done;
    size_t          i;
    onsite_buf_t    text;
    unsigned char   sum[EVP_MAX_MD_SIZE];

    onsite_buf_init(&text, 0);

    done = jcs_write(&text, value, ONSITE_STR("sum"), NULL) == ONSITE_OK
           && !text.failed
           && EVP_Digest(text.data, text.len, sum, NULL, EVP_sha256(), NULL)
              == 1;

    for (i = 0; done && i < FILES_SHA256 / 2; i++) {
        (void) sprintf(hex + 2 * i, "%02x", sum[i]);
    }

    onsite_buf_free(&text);

    return done;
}


static bool
read_number(const onsite_value_t *object, const char *name, uint64_t *out)
{
    const onsite_value_t  *value;

    value = onsite_value_get(object, onsite_str_of(name));

    if (value == NULL || value->type != ONSITE_NUMBER
        || value->as.number < 0 || value->as.number > JCS_INTEGER_MAX)
    {
        return false;
    }

    *out = (uint64_t) value->as.number;

    return true;
}


static bool
read_file(const onsite_value_t *value, checkpoint_file_t *file)
{
    onsite_str_t  hex;

    hex = onsite_value_get_str(value, ONSITE_STR("sha256"));

    if (!read_number(value, "size", &file->size) || !files_is_sha256(hex)) {
        return false;
    }

    memcpy(file->sha256, hex.data, hex.len);
    file->sha256[hex.len] = '\0';

    return true;
}


static bool
read_manifest(const onsite_value_t *value, checkpoint_t *checkpoint)
{
    size_t                 i;
    const onsite_value_t  *time, *shards;

    time = onsite_value_get(value, ONSITE_STR("time"));
    shards = onsite_value_get(value, ONSITE_STR("shards"));

    if (time == NULL || onsite_time_read(time, &checkpoint->time) != ONSITE_OK
        || !read_number(value, "erased", &checkpoint->erased)
        || shards == NULL || shards->type != ONSITE_ARRAY
        || shards->len == 0
        || shards->len > ONSITE_SHARDS_MAX)
    {
        return false;
    }

    checkpoint->shards = (uint32_t) shards->len;

    for (i = 0; i < shards->len; i++) {
        if (!read_file(&shards->as.items[i], &checkpoint->files[i])) {
            return false;
        }
    }

    return true;
}


static onsite_status_t
check(const onsite_value_t *value, const char *path, checkpoint_t *checkpoint,
    onsite_error_t *error)
{
    char           sum[FILES_SHA256 + 1] = "";
    uint64_t       format = 0, state = 0;
    onsite_str_t   lmdb;

    if (!onsite_str_is(onsite_value_get_str(value, ONSITE_STR("type")), TYPE)
        || !hash(value, sum)
        || !onsite_str_is(onsite_value_get_str(value, ONSITE_STR("sum")),
                          sum))
    {
        return onsite_error(error, ONSITE_CORRUPT, "%s is damaged", path);
    }

    lmdb = onsite_value_get_str(value, ONSITE_STR("lmdb"));

    if (!read_number(value, "format", &format) || format != FORMAT
        || !read_number(value, "state", &state) || state != STATE_FORMAT
        || !onsite_str_is(lmdb, "0.9"))
    {
        return onsite_error(error, ONSITE_VERSION, "%s is of another version: "
                            "format %llu, state %llu, LMDB %.*s; this one "
                            "reads %d, %d and 0.9", path,
                            (unsigned long long) format,
                            (unsigned long long) state, (int) lmdb.len,
                            lmdb.data != NULL ? lmdb.data : "", FORMAT,
                            STATE_FORMAT);
    }

    return read_manifest(value, checkpoint) ? ONSITE_OK
           : onsite_error(error, ONSITE_CORRUPT, "%s is damaged", path);
}


static onsite_status_t
parse(onsite_str_t text, const char *path, checkpoint_t *checkpoint,
    onsite_error_t *error)
{
    onsite_json_t    *json;
    onsite_value_t    value;
    onsite_arena_t   *arena;
    onsite_status_t   status;

    json = onsite_json_create();
    arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);

    if (json == NULL || arena == NULL) {
        status = onsite_error(error, ONSITE_NO_MEMORY, "out of memory");

    } else if (onsite_json_parse(json, arena, text, &value, NULL)
               != ONSITE_OK)
    {
        status = onsite_error(error, ONSITE_CORRUPT, "%s is damaged", path);

    } else {
        status = check(&value, path, checkpoint, error);
    }

    onsite_arena_destroy(arena);
    onsite_json_destroy(json);

    return status;
}


onsite_status_t
checkpoint_read(const char *folder, onsite_ms_t time,
    checkpoint_t *checkpoint, onsite_error_t *error)
{
    char             path[PATH_MAX];
    onsite_buf_t     text;
    onsite_status_t  status;

    checkpoint_path(folder, time, "", MANIFEST, path);
    onsite_buf_init(&text, 0);
    status = files_read(path, TEXT_MAX, &text, error);

    if (status == ONSITE_OK) {
        status = parse(onsite_str(text.data, text.len), path, checkpoint,
                       error);
    }

    onsite_buf_free(&text);

    return status;
}


/* Writing: what is read is what was written. */

static void
write_members(onsite_buf_t *out, const checkpoint_t *checkpoint)
{
    uint32_t  i;

    onsite_buf_printf(out, "{\n  \"type\": \"" TYPE "\",\n  \"format\": %d,"
                      "\n  \"time\": ", FORMAT);
    onsite_write_time(out, checkpoint->time);
    onsite_buf_printf(out, ",\n  \"state\": %d,\n  \"lmdb\": \"0.9\",\n"
                      "  \"erased\": %llu,\n  \"shards\": [", STATE_FORMAT,
                      (unsigned long long) checkpoint->erased);

    for (i = 0; i < checkpoint->shards; i++) {
        onsite_buf_printf(out, "%s\n    { \"size\": %llu, \"sha256\": "
                          "\"%s\" }", i != 0 ? "," : "",
                          (unsigned long long) checkpoint->files[i].size,
                          checkpoint->files[i].sha256);
    }

    onsite_buf_printf(out, "\n  ]");
}


static bool
sum_of(onsite_buf_t *out, char hex[FILES_SHA256 + 1])
{
    bool             done;
    size_t           len = out->len;
    onsite_json_t   *json;
    onsite_value_t   value;
    onsite_arena_t  *arena;

    json = onsite_json_create();
    arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    onsite_buf_printf(out, "\n}\n");

    done = json != NULL && arena != NULL && !out->failed
           && onsite_json_parse(json, arena, onsite_str(out->data, out->len),
                                &value, NULL) == ONSITE_OK
           && hash(&value, hex);

    out->len = len;
    onsite_arena_destroy(arena);
    onsite_json_destroy(json);

    return done;
}


onsite_status_t
checkpoint_write(const char *folder, const char *suffix,
    const checkpoint_t *checkpoint, onsite_error_t *error)
{
    char             path[PATH_MAX], sum[FILES_SHA256 + 1];
    onsite_buf_t     out;
    onsite_status_t  status;

    checkpoint_path(folder, checkpoint->time, suffix, MANIFEST, path);
    onsite_buf_init(&out, 0);
    write_members(&out, checkpoint);

    if (!sum_of(&out, sum)) {
        onsite_buf_free(&out);
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    onsite_buf_printf(&out, ",\n  \"sum\": \"%s\"\n}\n", sum);

    status = out.failed
             ? onsite_error(error, ONSITE_NO_MEMORY, "out of memory")
             : files_write(path, onsite_str(out.data, out.len), 0600, false,
                           error);
    onsite_buf_free(&out);

    return status;
}


/* Removing */

static void
remove_all(const char *path)
{
    DIR            *dir;
    char            file[PATH_MAX];
    struct dirent  *entry;

    dir = opendir(path);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.'
            && snprintf(file, sizeof(file), "%s/%s", path, entry->d_name)
               < (int) sizeof(file))
        {
            (void) unlink(file);
        }
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    (void) rmdir(path);
}


/* A part of a checkpoint, or of the list of who was erased. */

static void
clean_one(const char *folder, const char *file)
{
    char         name[CHECKPOINT_NAME], path[PATH_MAX];
    size_t       len = CHECKPOINT_NAME - 1;
    onsite_ms_t  time;

    if (strncmp(file, ERASED_NEW, sizeof(ERASED_NEW) - 1) == 0
        && snprintf(path, sizeof(path), "%s/%s", folder, file)
           < (int) sizeof(path))
    {
        (void) unlink(path);
        return;
    }

    if (strlen(file) != len + sizeof(PART) - 1
        || strcmp(file + len, PART) != 0)
    {
        return;
    }

    (void) snprintf(name, sizeof(name), "%.*s", (int) len, file);

    if (checkpoint_time(name, &time)) {
        checkpoint_path(folder, time, PART, NULL, path);
        remove_all(path);
    }
}


void
checkpoint_clean(const char *folder)
{
    DIR            *dir;
    struct dirent  *entry;

    dir = opendir(folder);

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        clean_one(folder, entry->d_name);
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }
}


/* One that is half removed is none any more. */

size_t
checkpoint_prune(const char *folder, size_t keep)
{
    char          path[PATH_MAX], part[PATH_MAX];
    size_t        i, n, removed = 0;
    onsite_ms_t  *times;

    times = calloc(CHECKPOINT_MAX, sizeof(onsite_ms_t));
    if (times == NULL) {
        return 0;
    }

    n = checkpoint_list(folder, times);

    for (i = keep; i < n; i++) {
        checkpoint_path(folder, times[i], "", NULL, path);
        checkpoint_path(folder, times[i], PART, NULL, part);

        if (rename(path, part) == 0) {
            remove_all(part);
            removed++;
        }
    }

    free(times);

    return removed;
}


bool
checkpoint_room(const char *folder, uint64_t *room)
{
    struct statvfs  vfs;

    if (statvfs(folder, &vfs) != 0) {
        return false;
    }

    *room = (uint64_t) vfs.f_bavail * vfs.f_frsize;

    return true;
}
