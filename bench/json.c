/*
 * json.c - which packaged JSON library reads a track call fastest?
 *
 * The same 500-byte call, from text to onsite_value_t in an arena, with UTF-8
 * checked, by each candidate in turn: rounds are interleaved and the median
 * of rounds is reported, so a noisy machine disturbs all alike.  Run by
 * `make bench-json`.
 */

#include "json.h"
#include "onsite_event.h"
#include "onsite_id.h"
#include "onsite_json.h"
#include "onsite_json_scalar.h"

#include <cjson/cJSON.h>
#include <jansson.h>

#include <openssl/evp.h>
#include <openssl/params.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS  41
#define CALLS   4000

static const char  call[] =
    "{\"type\":\"track\",\"event\":\"Product Added\",\"anonymousId\":"
    "\"5f2c8e0a-7d1b-4c39-9a58-0c6f1b2d3e4f\",\"messageId\":"
    "\"ajs-next-1769860000123-5f2c8e0a\",\"timestamp\":"
    "\"2026-01-31T11:46:40.123Z\",\"properties\":{\"product_id\":"
    "\"1004856\",\"sku\":\"SM-A51\",\"category\":\"electronics.smartphone\","
    "\"brand\":\"samsung\",\"price\":130.76,\"quantity\":1},\"context\":"
    "{\"page\":{\"path\":\"/p/1004856\",\"url\":"
    "\"https:\\/\\/shop.example\\/p\\/1004856\",\"title\":"
    "\"T\xc3\xa9l\xc3\xa9phone A51\"},\"userAgent\":"
    "\"Mozilla/5.0 (X11; Linux x86_64)\",\"locale\":\"fr-FR\"}}";

static const char  query[] =
    "event=Product%20Added&anonymousId=5f2c8e0a-7d1b-4c39-9a58-0c6f1b2d3e4f"
    "&product_id=1004856&category=electronics.smartphone&brand=samsung"
    "&price=130.76&quantity=1";

typedef struct {
    const char       *name;
    void            (*run)(void *state, onsite_arena_t *arena);
    void             *state;
    double            rounds[ROUNDS];
} candidate_t;

static onsite_value_t  parsed;
static volatile int    sink;


static void
must(bool holds, const char *what)
{
    if (!holds) {
        (void) fprintf(stderr, "bench/json: %s failed\n", what);
        exit(1);
    }
}


static onsite_value_t
copied_string(onsite_arena_t *arena, const char *data, size_t len)
{
    return onsite_value_string(onsite_arena_copy(arena,
                                                 onsite_str(data, len)));
}


static void
run_ours(void *state, onsite_arena_t *arena)
{
    must(onsite_json_parse(state, arena, ONSITE_STR(call), &parsed, NULL)
         == ONSITE_OK, "jsmn");
}


static void
run_simdjson(void *state, onsite_arena_t *arena)
{
    must(parse_with_simdjson(state, arena, ONSITE_STR(call), &parsed),
         "simdjson");
}


static void
run_json_c(void *state, onsite_arena_t *arena)
{
    must(parse_with_json_c(state, arena, ONSITE_STR(call), &parsed),
         "json-c");
}


static onsite_value_t
from_jansson(onsite_arena_t *arena, json_t *json)
{
    size_t            i, n;
    json_t           *child;
    const char       *key;
    onsite_value_t    value = { .type = ONSITE_NULL };
    onsite_value_t   *items;
    onsite_member_t  *members;

    switch (json_typeof(json)) {

    case JSON_OBJECT:
        n = json_object_size(json);
        members = onsite_arena_alloc(arena, n * sizeof(onsite_member_t));
        i = 0;
        json_object_foreach(json, key, child) {
            members[i].key = onsite_arena_copy(arena,
                                               onsite_str(key, strlen(key)));
            members[i++].value = from_jansson(arena, child);
        }
        return (onsite_value_t) { .type = ONSITE_OBJECT, .len = (uint32_t) n,
                                  .as.members = members };

    case JSON_ARRAY:
        n = json_array_size(json);
        items = onsite_arena_alloc(arena, n * sizeof(onsite_value_t));
        for (i = 0; i < n; i++) {
            items[i] = from_jansson(arena, json_array_get(json, i));
        }
        return (onsite_value_t) { .type = ONSITE_ARRAY, .len = (uint32_t) n,
                                  .as.items = items };

    case JSON_STRING:
        return copied_string(arena, json_string_value(json),
                             json_string_length(json));

    case JSON_INTEGER:
    case JSON_REAL:
        return onsite_value_number(json_number_value(json));

    case JSON_TRUE:
    case JSON_FALSE:
        return onsite_value_bool(json_is_true(json));

    default:
        return value;
    }
}


static void
run_jansson(void *state, onsite_arena_t *arena)
{
    json_t        *json;
    json_error_t   error;

    (void) state;

    json = json_loadb(call, sizeof(call) - 1,
                      JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    must(json != NULL, "jansson");
    parsed = from_jansson(arena, json);
    json_decref(json);
}


static onsite_value_t
from_cjson(onsite_arena_t *arena, const cJSON *json)
{
    uint32_t          n;
    const cJSON      *child;
    onsite_value_t   *items;
    onsite_member_t  *members;

    if (cJSON_IsObject(json) || cJSON_IsArray(json)) {
        n = (uint32_t) cJSON_GetArraySize(json);
        members = onsite_arena_alloc(arena, n * sizeof(onsite_member_t));
        items = onsite_arena_alloc(arena, n * sizeof(onsite_value_t));
        n = 0;

        cJSON_ArrayForEach(child, json) {
            if (cJSON_IsObject(json)) {
                members[n].key = onsite_arena_copy(arena,
                          onsite_str(child->string, strlen(child->string)));
                members[n++].value = from_cjson(arena, child);
            } else {
                items[n++] = from_cjson(arena, child);
            }
        }

        return cJSON_IsObject(json)
               ? (onsite_value_t) { .type = ONSITE_OBJECT, .len = n,
                                    .as.members = members }
               : (onsite_value_t) { .type = ONSITE_ARRAY, .len = n,
                                    .as.items = items };
    }

    return cJSON_IsString(json) ? copied_string(arena, json->valuestring,
                                                strlen(json->valuestring))
           : cJSON_IsNumber(json) ? onsite_value_number(json->valuedouble)
           : cJSON_IsBool(json) ? onsite_value_bool(cJSON_IsTrue(json))
           : (onsite_value_t) { .type = ONSITE_NULL };
}


/* cJSON's hooks are process-wide and its malloc has no argument: an arena
 * behind them would need a global.  UTF-8 it does not check. */

static void
run_cjson(void *state, onsite_arena_t *arena)
{
    cJSON   *json;
    size_t   at;

    (void) state;

    must(onsite_utf8_valid(ONSITE_STR(call), &at), "UTF-8");
    json = cJSON_ParseWithLength(call, sizeof(call) - 1);
    must(json != NULL, "cJSON");
    parsed = from_cjson(arena, json);
    cJSON_Delete(json);
}


static void
run_event(void *state, onsite_arena_t *arena)
{
    onsite_batch_t  batch;

    must(onsite_event_read(arena, state, ONSITE_TRACK, 1769860000123, &batch,
                           NULL) == ONSITE_OK, "event");
    sink += (int) batch.events->bytes;
}


static void
run_pixel(void *state, onsite_arena_t *arena)
{
    onsite_batch_t  batch;

    (void) state;

    must(onsite_pixel_read(arena, ONSITE_STR(query), 1769860000123, &batch,
                           NULL) == ONSITE_OK, "pixel");
    sink += (int) batch.events->bytes;
}


static void
run_key(void *state, onsite_arena_t *arena)
{
    onsite_key_t  key;

    (void) arena;

    key = onsite_visitor_key(state, ONSITE_STR("default"), 'c',
                             ONSITE_STR("abcdefghijklmnopqrstuv"));
    sink += key.bytes[0];
}


static void
run_cookie(void *state, onsite_arena_t *arena)
{
    char  value[ONSITE_COOKIE_TEXT];

    (void) arena;

    onsite_cookie_sign(state, ONSITE_STR("default"),
                       ONSITE_STR("abcdefghijklmnopqrstuv"), value);
    sink += value[30];
}


/* The same HMAC by EVP_MAC, its key kept in the context. */

static void
run_evp_mac(void *state, onsite_arena_t *arena)
{
    size_t         n;
    unsigned char  out[32];
    static const char  message[] = "visitor\0default\0cabcdefghijklmnopqrstuv";

    (void) arena;

    must(EVP_MAC_init(state, NULL, 0, NULL) == 1
         && EVP_MAC_update(state, (const unsigned char *) message,
                           sizeof(message) - 1) == 1
         && EVP_MAC_final(state, out, &n, sizeof(out)) == 1, "EVP_MAC");
    sink += out[0];
}


/* The same from precomputed states by EVP_MD_CTX_copy_ex. */

static EVP_MD_CTX  *states[3];

static void
run_evp_copy(void *state, onsite_arena_t *arena)
{
    unsigned       n;
    unsigned char  out[32];
    static const char  message[] = "visitor\0default\0cabcdefghijklmnopqrstuv";

    (void) state;
    (void) arena;

    must(EVP_MD_CTX_copy_ex(states[2], states[0]) == 1
         && EVP_DigestUpdate(states[2], message, sizeof(message) - 1) == 1
         && EVP_DigestFinal_ex(states[2], out, &n) == 1
         && EVP_MD_CTX_copy_ex(states[2], states[1]) == 1
         && EVP_DigestUpdate(states[2], out, sizeof(out)) == 1
         && EVP_DigestFinal_ex(states[2], out, &n) == 1, "EVP_MD_CTX");
    sink += out[0];
}


static void *
create_evp_mac(void)
{
    EVP_MAC      *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM    params[] = {
        OSSL_PARAM_construct_utf8_string("digest", (char *) "SHA256", 0),
        OSSL_PARAM_construct_end()
    };
    EVP_MAC_CTX  *ctx = EVP_MAC_CTX_new(mac);

    must(EVP_MAC_init(ctx, (const unsigned char *)
                      "0123456789abcdef0123456789abcdef", 32, params) == 1,
         "EVP_MAC_init");

    return ctx;
}


static void
create_evp_states(void)
{
    int            i;
    unsigned char  block[64] = { 1 };

    for (i = 0; i < 3; i++) {
        states[i] = EVP_MD_CTX_new();
        must(EVP_DigestInit_ex(states[i], EVP_sha256(), NULL) == 1
             && EVP_DigestUpdate(states[i], block, 64) == 1, "EVP states");
    }
}


static double
now(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_MONOTONIC, &t);

    return (double) t.tv_sec * 1e9 + (double) t.tv_nsec;
}


static double
one_round(const candidate_t *candidate, onsite_arena_t *arena)
{
    int     i;
    double  start = now();

    for (i = 0; i < CALLS; i++) {
        onsite_arena_reset(arena);
        candidate->run(candidate->state, arena);
    }

    return (now() - start) / CALLS;
}


static int
compare(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


int
main(void)
{
    size_t               i, round;
    onsite_json_t       *json = onsite_json_create();
    onsite_arena_t      *arena = onsite_arena_create(65536, 1 << 20);
    onsite_arena_t      *kept = onsite_arena_create(65536, 1 << 20);
    onsite_value_t       body;
    onsite_signer_t     *signer;

    signer = onsite_signer_create("0123456789abcdef0123456789abcdef", 32);
    create_evp_states();
    must(onsite_json_parse(json, kept, ONSITE_STR(call), &body, NULL)
         == ONSITE_OK, "the call");

    candidate_t  candidates[] = {
        { "JSON: jsmn + checked walk (core)", run_ours, json, { 0 } },
        { "JSON: simdjson On-Demand", run_simdjson, create_simdjson(),
          { 0 } },
        { "JSON: jansson", run_jansson, NULL, { 0 } },
        { "JSON: cJSON (not strict)", run_cjson, NULL, { 0 } },
        { "JSON: json-c", run_json_c, create_json_c(), { 0 } },
        { "event read", run_event, &body, { 0 } },
        { "pixel read", run_pixel, NULL, { 0 } },
        { "visitor key (SHA-256 states)", run_key, signer, { 0 } },
        { "cookie sign", run_cookie, signer, { 0 } },
        { "HMAC: EVP_MAC, keyed", run_evp_mac, create_evp_mac(), { 0 } },
        { "HMAC: EVP_MD_CTX_copy_ex", run_evp_copy, NULL, { 0 } },
    };
    const size_t  n = sizeof(candidates) / sizeof(candidates[0]);

    for (round = 0; round < ROUNDS; round++) {
        for (i = 0; i < n; i++) {
            candidates[i].rounds[round] = one_round(&candidates[i], arena);
        }
    }

    (void) printf("%zu bytes of JSON, %zu of query; median ns of %d"
                  " interleaved rounds of %d\n", sizeof(call) - 1,
                  sizeof(query) - 1, ROUNDS, CALLS);

    for (i = 0; i < n; i++) {
        qsort(candidates[i].rounds, ROUNDS, sizeof(double), compare);
        (void) printf("%-34s %7.0f\n", candidates[i].name,
                      candidates[i].rounds[ROUNDS / 2]);
    }

    return 0;
}
