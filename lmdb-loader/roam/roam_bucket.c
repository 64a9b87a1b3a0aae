/*
 * roam_bucket.c - records in a key-value bucket of NATS.
 *
 * Requests of a batch are sent one behind the other, each with a subject of
 * its own to answer to, and answers are taken as they come: over a slow line
 * a hundred take hardly longer than one.
 */

#include "roam_bucket.h"

#include "onsite_event.h"
#include "onsite_json.h"
#include "onsite_limits.h"
#include "onsite_visitor_codec.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN    64
#define HEX             (2 * sizeof(onsite_key_t))
#define PREFIX_MAX      (sizeof("$KV..erased.") + NAME_MAX_LEN)
#define SUBJECT_MAX     (PREFIX_MAX + HEX)
#define READY_WAIT      200
#define VALUE_MAX       (2 * ONSITE_RECORD_BYTES_MAX)
#define ANSWER_MAX      (2u << 20)
#define ARENA_CHUNK     (256 * 1024)
#define ARENA_MAX       (64 << 20)

/* JetStream's codes */
#define NO_MESSAGE      10037
#define WRONG_SEQUENCE  10071
#define TOO_LARGE       10054

struct roam_bucket_s {
    nats_t               *nats;
    char                  name[NAME_MAX_LEN + 1];
    onsite_ms_t           ttl;
    bool                  create;

    natsSubscription     *answers;
    char                  inbox[80];
    uint64_t              round;        /* of requests                     */
    bool                  usable;       /* the bucket is there             */
    kvStore              *store;
    kvWatcher            *erased;

    onsite_json_t        *json;
    onsite_arena_t       *arena;
};

typedef onsite_status_t (*take_pt)(roam_bucket_t *bucket, roam_ask_t *ask,
    const onsite_value_t *answer, onsite_error_t *error);


static void
forget(roam_bucket_t *bucket)
{
    kvWatcher_Destroy(bucket->erased);
    kvStore_Destroy(bucket->store);
    natsSubscription_Destroy(bucket->answers);
    bucket->erased = NULL;
    bucket->store = NULL;
    bucket->answers = NULL;
    bucket->usable = false;
}


static bool
is_name(const char *name)
{
    size_t  len = strlen(name);

    return len != 0 && len <= NAME_MAX_LEN
           && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
                           "WXYZ0123456789-_") == len;
}


onsite_status_t
roam_bucket_open(const roam_bucket_options_t *options, roam_bucket_t **out,
    onsite_error_t *error)
{
    roam_bucket_t    *bucket;
    onsite_status_t   status;

    *out = NULL;

    if (!is_name(options->name)) {
        return onsite_error(error, ONSITE_INVALID, "--bucket: \"%s\" is not "
                            "1 to %d letters, digits, - and _", options->name,
                            NAME_MAX_LEN);
    }

    bucket = calloc(1, sizeof(*bucket));
    if (bucket == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    (void) snprintf(bucket->name, sizeof(bucket->name), "%s", options->name);
    bucket->ttl = options->ttl;
    bucket->create = options->create;
    bucket->json = onsite_json_create();
    bucket->arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);

    status = bucket->json == NULL || bucket->arena == NULL
             ? onsite_error(error, ONSITE_NO_MEMORY, "out of memory")
             : nats_open(options->url, &options->nats, "onsite roam",
                         &bucket->nats, error);

    if (status != ONSITE_OK) {
        roam_bucket_close(bucket);
        return status;
    }

    *out = bucket;

    return ONSITE_OK;
}


void
roam_bucket_close(roam_bucket_t *bucket)
{
    if (bucket == NULL) {
        return;
    }

    forget(bucket);
    nats_close(bucket->nats);
    onsite_json_destroy(bucket->json);
    onsite_arena_destroy(bucket->arena);
    free(bucket);
}


void
roam_bucket_wait(roam_bucket_t *bucket, onsite_ms_t ms)
{
    nats_wait(bucket->nats, ms);
}


/* The bucket itself */

static onsite_status_t
make_bucket(roam_bucket_t *bucket, onsite_error_t *error)
{
    char            stream[NAME_MAX_LEN + 4], subject[PREFIX_MAX + 1];
    jsStreamConfig  config;
    const char     *subjects[] = { subject };

    (void) snprintf(stream, sizeof(stream), "KV_%s", bucket->name);
    (void) snprintf(subject, sizeof(subject), "$KV.%s.>", bucket->name);

    (void) jsStreamConfig_Init(&config);
    config.Name = stream;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.MaxMsgsPerSubject = 1;
    config.MaxAge = bucket->ttl * 1000000;
    config.MaxMsgSize = VALUE_MAX;
    config.Discard = js_DiscardNew;
    config.AllowRollup = true;
    config.DenyDelete = true;
    config.AllowDirect = true;

    return nats_stream(bucket->nats, &config, error);
}


static onsite_status_t
find_bucket(roam_bucket_t *bucket, onsite_error_t *error)
{
    jsCtx            *js = nats_jetstream(bucket->nats);
    natsStatus        status;
    onsite_status_t   made;

    if (js == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    status = js_KeyValue(&bucket->store, js, bucket->name);

    if (status == NATS_NOT_FOUND && bucket->create) {
        made = make_bucket(bucket, error);

        if (made != ONSITE_OK) {
            return made;
        }

        status = js_KeyValue(&bucket->store, js, bucket->name);
    }

    if (status == NATS_NOT_FOUND) {
        return onsite_error(error, ONSITE_NOT_FOUND, "%s: there is no bucket "
                            "\"%s\": make it with --create-bucket, or "
                            "\"nats kv add\"", nats_url(bucket->nats),
                            bucket->name);
    }

    if (status == NATS_OK) {
        status = kvStore_Watch(&bucket->erased, bucket->store, "erased.*",
                               NULL);
    }

    return nats_result(bucket->nats, bucket->name, status, 0, error);
}


/* What is made of a connection. */

static onsite_status_t
begin(roam_bucket_t *bucket, onsite_error_t *error)
{
    char             subject[sizeof(bucket->inbox) + 4];
    natsInbox       *inbox = NULL;
    natsStatus       status;
    onsite_status_t  found;

    status = natsInbox_Create(&inbox);

    if (status == NATS_OK) {
        (void) snprintf(bucket->inbox, sizeof(bucket->inbox), "%s", inbox);
        (void) snprintf(subject, sizeof(subject), "%s.*.*", inbox);
        status = natsConnection_SubscribeSync(&bucket->answers,
                                              nats_connection(bucket->nats),
                                              subject);
    }

    natsInbox_Destroy(inbox);
    found = nats_result(bucket->nats, "cannot subscribe", status, 0, error);

    if (found == ONSITE_OK) {
        found = find_bucket(bucket, error);
    }

    if (found != ONSITE_OK) {
        forget(bucket);
        return found;
    }

    bucket->usable = true;

    return ONSITE_OK;
}


onsite_status_t
roam_bucket_ready(roam_bucket_t *bucket, onsite_error_t *error)
{
    bool             anew;
    onsite_status_t  status;

    status = nats_ready(bucket->nats, READY_WAIT, &anew, error);

    if (status != ONSITE_OK || (bucket->usable && !anew)) {
        return status;
    }

    forget(bucket);

    return begin(bucket, error);
}


/* Requests and answers */

static char *
write_hex(const onsite_key_t *key, char out[HEX + 1])
{
    size_t  i;

    for (i = 0; i < sizeof(key->bytes); i++) {
        (void) snprintf(out + 2 * i, 3, "%02x", key->bytes[i]);
    }

    return out;
}


/* What a reply's subject says that it is an answer to. */

static roam_ask_t *
asked(const roam_bucket_t *bucket, natsMsg *message, roam_ask_t *asks,
    size_t n)
{
    size_t              len = strlen(bucket->inbox);
    const char         *subject = natsMsg_GetSubject(message);
    unsigned            i;
    unsigned long long  round;

    return strncmp(subject, bucket->inbox, len) == 0
           && sscanf(subject + len, ".%llu.%u", &round, &i) == 2
           && round == bucket->round && i < n ? &asks[i] : NULL;
}


static onsite_status_t
take_answer(roam_bucket_t *bucket, roam_ask_t *ask, natsMsg *message,
    take_pt take, onsite_error_t *error)
{
    onsite_str_t    text;
    onsite_value_t  answer;

    if (natsMsg_IsNoResponders(message)) {
        bucket->usable = false;
        return onsite_error(error, ONSITE_IO, "%s: nobody keeps the bucket "
                            "\"%s\" now", nats_url(bucket->nats),
                            bucket->name);
    }

    text = onsite_str(natsMsg_GetData(message),
                      (size_t) natsMsg_GetDataLength(message));

    if (text.len > ANSWER_MAX
        || onsite_json_parse(bucket->json, bucket->arena, text, &answer, NULL)
           != ONSITE_OK)
    {
        return onsite_error(error, ONSITE_IO, "%s: an answer that is none of "
                            "JetStream's", nats_url(bucket->nats));
    }

    return take(bucket, ask, &answer, error);
}


static onsite_status_t
collect(roam_bucket_t *bucket, roam_ask_t *asks, size_t n, take_pt take,
    onsite_error_t *error)
{
    size_t            left = n;
    natsMsg          *message;
    natsStatus        got;
    roam_ask_t       *ask;
    onsite_status_t   status = ONSITE_OK;

    while (left != 0) {
        got = natsSubscription_NextMsg(&message, bucket->answers,
                                       NATS_ANSWER);

        if (got != NATS_OK && got != NATS_NO_RESPONDERS) {
            return nats_result(bucket->nats, bucket->name, got, 0, error);
        }

        if (got == NATS_NO_RESPONDERS) {
            bucket->usable = false;
            return onsite_error(error, ONSITE_IO, "%s: nobody keeps the "
                                "bucket \"%s\" now", nats_url(bucket->nats),
                                bucket->name);
        }

        ask = asked(bucket, message, asks, n);

        if (ask != NULL) {
            left--;
            ask->status = take_answer(bucket, ask, message, take, error);
            status = ask->status == ONSITE_IO ? ONSITE_IO : status;
        }

        natsMsg_Destroy(message);
    }

    return status;
}


static natsStatus
send(roam_bucket_t *bucket, const char *subject, size_t i, onsite_str_t data,
    const char *expected, bool deletes)
{
    char         reply[sizeof(bucket->inbox) + 48];
    natsMsg     *message = NULL;
    natsStatus   status;

    (void) snprintf(reply, sizeof(reply), "%s.%llu.%zu", bucket->inbox,
                    (unsigned long long) bucket->round, i);

    status = natsMsg_Create(&message, subject, reply, data.data,
                            (int) data.len);

    if (status == NATS_OK && expected != NULL) {
        status = natsMsgHeader_Set(message,
                                   "Nats-Expected-Last-Subject-Sequence",
                                   expected);
    }

    if (status == NATS_OK && deletes) {
        status = natsMsgHeader_Set(message, "KV-Operation", "DEL");
    }

    if (status == NATS_OK) {
        status = natsConnection_PublishMsg(nats_connection(bucket->nats),
                                           message);
    }

    natsMsg_Destroy(message);

    return status;
}


static void
start_round(roam_bucket_t *bucket, roam_ask_t *asks, size_t n)
{
    size_t  i;

    bucket->round++;
    onsite_arena_reset(bucket->arena);

    for (i = 0; i < n; i++) {
        asks[i].status = ONSITE_IO;
    }
}


/* An error of JetStream's; the description is its own. */

static onsite_status_t
refused(roam_bucket_t *bucket, const onsite_value_t *failure,
    onsite_error_t *error)
{
    onsite_str_t  why;

    why = onsite_value_get_str(failure, ONSITE_STR("description"));

    return onsite_error(error, ONSITE_IO, "%s: %s: %.*s",
                        nats_url(bucket->nats), bucket->name,
                        (int) (why.len < 128 ? why.len : 128),
                        why.len != 0 ? why.data : "an error");
}


static double
number_of(const onsite_value_t *object, onsite_str_t name)
{
    const onsite_value_t  *value = onsite_value_get(object, name);

    return value != NULL && value->type == ONSITE_NUMBER
           && value->as.number >= 0 && value->as.number < 9e15
           ? value->as.number : 0;
}


/* Getting */

static bool
is_deleted(roam_bucket_t *bucket, const onsite_value_t *message)
{
    onsite_str_t  text, headers;

    text = onsite_value_get_str(message, ONSITE_STR("hdrs"));

    return text.len != 0
           && onsite_base64_decode(bucket->arena, text, &headers) == ONSITE_OK
           && memmem(headers.data, headers.len, "KV-Operation:", 13) != NULL;
}


static onsite_status_t
take_value(roam_bucket_t *bucket, roam_ask_t *ask,
    const onsite_value_t *answer, onsite_error_t *error)
{
    onsite_str_t           text;
    const onsite_value_t  *message, *failure;

    failure = onsite_value_get(answer, ONSITE_STR("error"));
    ask->revision = 0;
    ask->value = onsite_str(NULL, 0);

    if (failure != NULL) {
        return number_of(failure, ONSITE_STR("err_code")) == NO_MESSAGE
               ? ONSITE_NOT_FOUND : refused(bucket, failure, error);
    }

    message = onsite_value_get(answer, ONSITE_STR("message"));
    text = onsite_value_get_str(message, ONSITE_STR("data"));
    ask->revision = (uint64_t) number_of(message, ONSITE_STR("seq"));

    if (ask->revision == 0) {
        return onsite_error(error, ONSITE_IO, "%s: an answer without a value",
                            nats_url(bucket->nats));
    }

    if (is_deleted(bucket, message) || text.len == 0) {
        return ONSITE_NOT_FOUND;
    }

    /* what is no base64 is no record either */

    if (onsite_base64_decode(bucket->arena, text, &ask->value) != ONSITE_OK) {
        ask->value = ONSITE_STR("?");
    }

    return ONSITE_OK;
}


onsite_status_t
roam_bucket_get(roam_bucket_t *bucket, roam_ask_t *asks, size_t n,
    onsite_error_t *error)
{
    int         len;
    char        subject[NAME_MAX_LEN + 64], body[SUBJECT_MAX + 32];
    char        hex[HEX + 1];
    size_t      i;
    natsStatus  status = NATS_OK;

    start_round(bucket, asks, n);
    (void) snprintf(subject, sizeof(subject), "$JS.API.STREAM.MSG.GET.KV_%s",
                    bucket->name);

    for (i = 0; i < n && status == NATS_OK; i++) {
        len = snprintf(body, sizeof(body),
                       "{\"last_by_subj\":\"$KV.%s.%s\"}", bucket->name,
                       write_hex(&asks[i].key, hex));
        status = send(bucket, subject, i, onsite_str(body, (size_t) len),
                      NULL, false);
    }

    return status != NATS_OK
           ? nats_result(bucket->nats, bucket->name, status, 0, error)
           : collect(bucket, asks, n, take_value, error);
}


/* Putting */

static onsite_status_t
take_ack(roam_bucket_t *bucket, roam_ask_t *ask,
    const onsite_value_t *answer, onsite_error_t *error)
{
    double                 code;
    const onsite_value_t  *failure;

    failure = onsite_value_get(answer, ONSITE_STR("error"));

    if (failure != NULL) {
        code = number_of(failure, ONSITE_STR("err_code"));

        return code == WRONG_SEQUENCE ? ONSITE_INVALID
               : code == TOO_LARGE ? ONSITE_LIMIT
               : refused(bucket, failure, error);
    }

    ask->revision = (uint64_t) number_of(answer, ONSITE_STR("seq"));

    return ask->revision != 0 ? ONSITE_OK
           : onsite_error(error, ONSITE_IO, "%s: an answer without a number",
                          nats_url(bucket->nats));
}


/* When it was is all that is told of an erasure; it is told once more when the
 * record of it is put again. */

static natsStatus
tell_erasure(roam_bucket_t *bucket, const roam_ask_t *ask)
{
    bool   brief;
    char   subject[SUBJECT_MAX], hex[HEX + 1], when[24];

    (void) snprintf(subject, sizeof(subject), "$KV.%s.erased.%s",
                    bucket->name, write_hex(&ask->key, hex));
    (void) snprintf(when, sizeof(when), "%lld", (long long)
                    onsite_record_last_seen(ask->value.data, ask->value.len,
                                            &brief));

    return natsConnection_PublishString(nats_connection(bucket->nats),
                                        subject, when);
}


onsite_status_t
roam_bucket_put(roam_bucket_t *bucket, roam_ask_t *asks, size_t n,
    onsite_error_t *error)
{
    char        subject[SUBJECT_MAX], hex[HEX + 1], expected[24];
    size_t      i;
    natsStatus  status = NATS_OK;

    start_round(bucket, asks, n);

    for (i = 0; i < n && status == NATS_OK; i++) {
        (void) snprintf(subject, sizeof(subject), "$KV.%s.%s", bucket->name,
                        write_hex(&asks[i].key, hex));
        (void) snprintf(expected, sizeof(expected), "%llu",
                        (unsigned long long) asks[i].revision);

        if (asks[i].erasure) {
            status = tell_erasure(bucket, &asks[i]);
        }

        if (status == NATS_OK) {
            status = send(bucket, subject, i, asks[i].value, expected,
                          asks[i].value.len == 0);
        }
    }

    return status != NATS_OK
           ? nats_result(bucket->nats, bucket->name, status, 0, error)
           : collect(bucket, asks, n, take_ack, error);
}


/* Erasures */

static bool
read_hex(const char *text, onsite_key_t *key)
{
    size_t    i;
    unsigned  byte;

    if (strlen(text) != HEX || strspn(text, "0123456789abcdef") != HEX) {
        return false;
    }

    for (i = 0; i < sizeof(key->bytes); i++) {
        (void) sscanf(text + 2 * i, "%2x", &byte);
        key->bytes[i] = (uint8_t) byte;
    }

    return true;
}


bool
roam_bucket_erased(roam_bucket_t *bucket, onsite_key_t *key,
    onsite_ms_t *when)
{
    bool         good = false;
    kvEntry     *entry = NULL;
    const char  *name;

    while (!good && bucket->usable
           && kvWatcher_Next(&entry, bucket->erased, 1) == NATS_OK)
    {
        /* none: all that there were have been told */

        if (entry != NULL) {
            name = kvEntry_Key(entry);
            *when = strtoll(kvEntry_ValueLen(entry) != 0
                            ? kvEntry_ValueString(entry) : "0", NULL, 10);
            good = strncmp(name, "erased.", 7) == 0
                   && read_hex(name + 7, key) && *when > 0;
            kvEntry_Destroy(entry);
            entry = NULL;
        }
    }

    return good;
}
