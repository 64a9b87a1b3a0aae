/*
 * announce.c - what publish tells through NATS, and sync hears.
 */

#include "announce.h"

#include "onsite_json.h"

#include <stdio.h>

#define TYPE    "onsite-snapshot"
#define PREFIX  "onsite.snapshot."


/* A token of a subject is not empty: dots that would make one give way. */

void
announce_subject(const char *site, char subject[ANNOUNCE_SUBJECT_MAX])
{
    char  *p;

    (void) snprintf(subject, ANNOUNCE_SUBJECT_MAX, PREFIX "%s", site);

    for (p = subject + sizeof(PREFIX) - 1; *p != '\0'; p++) {
        if (*p == '.' && (p[-1] == '.' || p[1] == '\0')) {
            *p = '_';
        }
    }
}


static void
write_text(onsite_buf_t *out, const manifest_t *m)
{
    onsite_buf_printf(out, "{\"type\":\"" TYPE "\",\"site\":\"%s\","
                      "\"version\":%llu,\"sha256\":\"%s\"}", m->site,
                      (unsigned long long) m->version, m->sha256);
}


/* Of each site the last one. */

static onsite_status_t
make_stream(nats_t *nats, onsite_error_t *error)
{
    const char      *subjects[] = { PREFIX ">" };
    jsStreamConfig   config;

    (void) jsStreamConfig_Init(&config);
    config.Name = ANNOUNCE_STREAM;
    config.Description = "Onsite: the newest snapshot of each site";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.MaxMsgsPerSubject = 1;
    config.MaxMsgSize = ANNOUNCE_MAX;
    config.AllowDirect = true;

    return nats_stream(nats, &config, error);
}


/* Who listens: at once, whatever state a cluster's streams are in. */

static onsite_status_t
tell(nats_t *nats, const char *subject, const onsite_buf_t *text,
    onsite_error_t *error)
{
    natsStatus  result;

    result = natsConnection_Publish(nats_connection(nats), subject,
                                    text->data, (int) text->len);

    return result == NATS_OK ? nats_flush(nats, subject, error)
           : nats_result(nats, subject, result, 0, error);
}


/* What was told, a stream that was there already has kept by itself. */

static bool
is_kept(nats_t *nats, const char *subject, const onsite_buf_t *text)
{
    bool      same;
    natsMsg  *message = NULL;

    same = js_GetLastMsg(&message, nats_jetstream(nats), ANNOUNCE_STREAM,
                         subject, NULL, NULL) == NATS_OK
           && onsite_str_eq(onsite_str(text->data, text->len),
                            onsite_str(natsMsg_GetData(message), (size_t)
                                       natsMsg_GetDataLength(message)));
    natsMsg_Destroy(message);

    return same;
}


static onsite_status_t
keep(nats_t *nats, const char *subject, const onsite_buf_t *text,
    onsite_error_t *error)
{
    jsErrCode        code = 0;
    natsStatus       result;
    onsite_status_t  status;

    status = make_stream(nats, error);

    if (status != ONSITE_OK || is_kept(nats, subject, text)) {
        return status;
    }

    result = js_Publish(NULL, nats_jetstream(nats), subject, text->data,
                        (int) text->len, NULL, &code);

    return nats_result(nats, "stream " ANNOUNCE_STREAM, result, code, error);
}


onsite_status_t
announce_send(nats_t *nats, const manifest_t *manifest, bool *kept,
    onsite_error_t *note, onsite_error_t *error)
{
    char             subject[ANNOUNCE_SUBJECT_MAX];
    onsite_buf_t     text;
    onsite_status_t  status;

    announce_subject(manifest->site, subject);
    onsite_buf_init(&text, 0);
    write_text(&text, manifest);

    status = text.failed
             ? onsite_error(error, ONSITE_NO_MEMORY, "out of memory")
             : tell(nats, subject, &text, error);

    *kept = status == ONSITE_OK
            && keep(nats, subject, &text, note) == ONSITE_OK;
    onsite_buf_free(&text);

    return status;
}


static uint64_t
version_in(const onsite_value_t *value, const char *site)
{
    const onsite_value_t  *version;

    version = onsite_value_get(value, ONSITE_STR("version"));

    if (!onsite_str_is(onsite_value_get_str(value, ONSITE_STR("type")), TYPE)
        || !onsite_str_is(onsite_value_get_str(value, ONSITE_STR("site")),
                          site)
        || version == NULL || version->type != ONSITE_NUMBER
        || version->as.number < 1
        || version->as.number > (double) MANIFEST_VERSION_MAX)
    {
        return 0;
    }

    return (uint64_t) version->as.number;
}


uint64_t
announce_version(onsite_str_t text, const char *site)
{
    uint64_t         version = 0;
    onsite_json_t   *json;
    onsite_value_t   value;
    onsite_arena_t  *arena;

    if (text.len > ANNOUNCE_MAX) {
        return 0;
    }

    json = onsite_json_create();
    arena = onsite_arena_create(16 * 1024, 256 * 1024);

    if (json != NULL && arena != NULL
        && onsite_json_parse(json, arena, text, &value, NULL) == ONSITE_OK)
    {
        version = version_in(&value, site);
    }

    onsite_arena_destroy(arena);
    onsite_json_destroy(json);

    return version;
}
