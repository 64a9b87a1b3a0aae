/*
 * drain_command.c - `drain`: its options, and which sink is meant.
 */

#include "drain_http.h"
#include "loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define USAGE        "DIR --to URL"
#define ROTATE_SIZE  (16u << 20)
#define ROTATE_TIME  (5 * ONSITE_SECOND)
#define BATCH_SIZE   (512u << 10)
#define BATCH_MAX    (8u << 20)
#define TIMEOUT      (30 * ONSITE_SECOND)

/* kinds of --to */
#define FILES    1u
#define HTTP     2u
#define SEGMENT  4u
#define NATS     8u

typedef struct {
    const char            *to;
    const char            *state;
    const char            *once;
    const char            *json;
    const char            *rotate_size;
    const char            *rotate_time;
    const char            *zstd;
    const char            *batch_size;
    const char            *timeout;
    const char            *no_gzip;
    const char            *rejects;
    const char            *ca;
    const char            *header_file;
    const char            *token_file;
    const char            *write_key_file;
    const char            *create_stream;
    nats_options_t         nats;
} texts_t;


/* "16m", "64k" or bytes; or exit LOADER_USAGE. */

static uint64_t
size_option(const char *option, const char *text, uint64_t fallback)
{
    char                *end;
    unsigned             shift;
    unsigned long long   n;

    if (text == NULL) {
        return fallback;
    }

    errno = 0;
    n = strtoull(text, &end, 10);
    shift = *end == 'k' ? 10 : *end == 'm' ? 20 : *end == 'g' ? 30 : 0;

    if (errno != 0 || end == text || end[shift != 0] != '\0' || *text == '-'
        || n == 0 || n > UINT32_MAX)
    {
        loader_complain("--%s: \"%s\" is not a size such as 64k, 16m", option,
                        text);
        exit(LOADER_USAGE);
    }

    return (uint64_t) n << shift;
}


static bool
begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}


static drain_sink_t *
to_file(const texts_t *texts)
{
    const char            *folder = texts->to + 5;
    drain_file_options_t   options;

    options.folder = folder + (begins(folder, "//") ? 2 : 0);

    if (*options.folder == '\0') {
        loader_complain("--to: a folder is missing behind file:");
        return NULL;
    }

    options.bytes = size_option("rotate-size", texts->rotate_size,
                                ROTATE_SIZE);
    options.time = loader_duration("rotate-time", texts->rotate_time,
                                   ROTATE_TIME);
    options.zstd = texts->zstd != NULL;

    return drain_file(&options);
}


/* What http:// and segment: have in common. */

static drain_http_options_t
http_options(const texts_t *texts, uint64_t most)
{
    drain_http_options_t  options = {
        .rejects = texts->rejects,
        .bytes = size_option("batch-size", texts->batch_size,
                             most < BATCH_SIZE ? most : BATCH_SIZE),
        .post = {
            .path = "", .gzip = texts->no_gzip == NULL, .ca = texts->ca,
            .timeout = loader_duration("timeout", texts->timeout, TIMEOUT)
        }
    };

    if (options.bytes > most) {
        loader_complain("--batch-size: \"%s\" is over %llu bytes, which is "
                        "the most here", texts->batch_size,
                        (unsigned long long) most);
        exit(LOADER_USAGE);
    }

    return options;
}


static drain_sink_t *
to_http(const texts_t *texts)
{
    drain_http_options_t  options = http_options(texts, BATCH_MAX);

    options.post.url = texts->to;
    options.post.header_file = texts->header_file;
    options.post.token_file = texts->token_file;

    return drain_http(&options);
}


/* segment:KEY@https://…, the key perhaps in a file. */

static drain_sink_t *
to_segment(const texts_t *texts)
{
    const char            *key = texts->to + 8, *url;
    drain_http_options_t   options;

    /* one event more, and what is around them */
    options = http_options(texts, SEGMENT_BYTES - SEGMENT_EVENT_BYTES - 128);

    url = strstr(key, "@http");
    options.post.segment = true;
    options.post.path = "/v1/batch";
    options.post.key = key;
    options.post.key_len = url != NULL ? (size_t) (url - key) : 0;
    options.post.url = url != NULL ? url + 1 : key;
    options.post.key_file = texts->write_key_file;

    if ((options.post.key_len == 0) == (options.post.key_file == NULL)) {
        loader_complain("--to: Segment wants a write key: segment:KEY@https:"
                        "//…, or segment:https://… with --write-key-file");
        return NULL;
    }

    return drain_http(&options);
}


static drain_sink_t *
to_nats(const texts_t *texts)
{
    drain_nats_options_t  options = {
        .url = texts->to, .nats = texts->nats, .rejects = texts->rejects,
        .create = texts->create_stream != NULL
    };

    return drain_nats(&options);
}


/* What is not for this --to would be ignored; the environment may have what is
 * for other commands. */

static bool
only_own(const char *to, unsigned kind)
{
    size_t  i;

    static const struct {
        const char  *option;
        unsigned     kinds;
        const char  *where;
    }  of[] = {
        { "rotate-size", FILES, "file:DIR" },
        { "rotate-time", FILES, "file:DIR" },
        { "zstd", FILES, "file:DIR" },
        { "batch-size", HTTP|SEGMENT, "https://… and segment:…" },
        { "timeout", HTTP|SEGMENT, "https://… and segment:…" },
        { "no-gzip", HTTP|SEGMENT, "https://… and segment:…" },
        { "ca", HTTP|SEGMENT, "https://… and segment:…" },
        { "header-file", HTTP, "https://…" },
        { "token-file", HTTP, "https://…" },
        { "write-key-file", SEGMENT, "segment:…" },
        { "nats-creds", NATS, "nats://…" },
        { "nats-ca", NATS, "nats://…" },
        { "nats-cert", NATS, "nats://…" },
        { "nats-key", NATS, "nats://…" },
        { "create-stream", NATS, "nats://…" },
        { "rejects", HTTP|SEGMENT|NATS, "https://…, segment:… and nats://…" }
    };

    for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
        if ((of[i].kinds & kind) == 0 && loader_given(of[i].option)) {
            loader_complain("--%s: is for %s, and would be ignored with --to "
                            "%.*s:", of[i].option, of[i].where,
                            (int) strcspn(to, ":"), to);
            return false;
        }
    }

    return true;
}


/* NULL: it has complained. */

static drain_sink_t *
sink_of(const texts_t *texts)
{
    const char  *to = texts->to;

    if (to == NULL) {
        loader_complain("--to is missing: where events go, such as file:DIR");
        return NULL;
    }

    if (begins(to, "file:")) {
        return only_own(to, FILES) ? to_file(texts) : NULL;
    }

    if (begins(to, "segment:")) {
        return only_own(to, SEGMENT) ? to_segment(texts) : NULL;
    }

    if (begins(to, "https://") || begins(to, "http://")) {
        return only_own(to, HTTP) ? to_http(texts) : NULL;
    }

    if (begins(to, "nats://") || begins(to, "tls://")) {
        return only_own(to, NATS) ? to_nats(texts) : NULL;
    }

    loader_complain("--to: \"%.*s…\" is none of file:DIR, https://…, "
                    "segment:KEY@https://…, nats://…",
                    (int) strcspn(to, ":/@"), to);

    return NULL;
}


/* The state, of the argument or --state. */

static const char *
read_options(int argc, char **argv, texts_t *texts)
{
    int  n;

    const loader_option_t  table[] = {
        { "to", 0, "URL", "where events go: file:DIR, NDJSON files in a "
          "folder; https://…, batches of NDJSON; segment:KEY@https://…, "
          "Segment's HTTP API; nats://… or tls://…, the stream "
          "ONSITE_EVENTS of JetStream", &texts->to },
        { "state", 0, "DIR", "the state; the same as DIR", &texts->state },
        { "once", 0, NULL, "leave when nothing is left", &texts->once },
        { "rotate-size", 0, "SIZE", "file: whole at so many bytes of events; "
          "default: 16m", &texts->rotate_size },
        { "rotate-time", 0, "TIME", "file: or so long after its first event; "
          "default: 5s", &texts->rotate_time },
        { "zstd", 0, NULL, "file: compressed", &texts->zstd },
        { "batch-size", 0, "SIZE", "https, segment: bytes of a batch, before "
          "it is compressed; default: 512k, or as Segment takes it",
          &texts->batch_size },
        { "timeout", 0, "TIME", "https, segment: for an answer; default: 30s",
          &texts->timeout },
        { "no-gzip", 0, NULL, "https, segment: as it is",
          &texts->no_gzip },
        { "header-file", 0, "FILE", "https: headers to send, \"Name: value\""
          ", a line each", &texts->header_file },
        { "token-file", 0, "FILE", "https: has a token, sent as Authorization"
          ": Bearer", &texts->token_file },
        { "write-key-file", 0, "FILE", "segment: has the write key",
          &texts->write_key_file },
        { "ca", 0, "FILE", "https: certificates (PEM) to trust beside the "
          "system's", &texts->ca },
        NATS_OPTIONS(texts->nats),
        { "create-stream", 0, NULL, "NATS: make the stream if there is none",
          &texts->create_stream },
        { "rejects", 0, "FILE", "where events go that are "
          "refused for good; else they are dropped", &texts->rejects },
        { "json", 0, NULL, "tell at the end how many left, as JSON",
          &texts->json },
        { 0 }
    };

    n = loader_options(argc, argv, table, USAGE, 0, 1);

    return n == 1 ? argv[0] : texts->state;
}


int
loader_drain(int argc, char **argv)
{
    texts_t           texts;
    drain_sink_t     *sink;
    drain_options_t   options;

    options.state = read_options(argc, argv, &texts);
    loader_needs_file(options.state);

    if (options.state == NULL) {
        loader_complain("which state? usage: lmdb-loader drain " USAGE);
        return LOADER_USAGE;
    }

    options.once = texts.once != NULL;
    options.json = texts.json != NULL;
    sink = sink_of(&texts);

    if (sink == NULL) {
        return LOADER_USAGE;
    }

    if (loader_checking()) {
        sink->close(sink);
        return LOADER_OK;
    }

    return drain_run(&options, sink);
}
