/*
 * populate.c - fills a state directory with visitors for benchmarks.
 *
 *   populate STATE_DIR KEY_FILE VISITORS SIZE_MB COOKIES_FILE [SHARDS]
 *
 * Each visitor has a typical record (a session, five counters, a cart line,
 * two exposures) under the key of a signed cookie; the cookies are written
 * one a line.  Ids are made from their number, so two runs are alike.  Each
 * comes in a transaction of its own, as visitors do: long ones would leave a
 * long list of free pages, which short ones then go through without end.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "onsite_id.h"
#include "onsite_store.h"
#include "onsite_vocabulary.h"
#include "onsite_visitor_codec.h"


static void
fail(const char *what, const onsite_error_t *error)
{
    (void) fprintf(stderr, "populate: %s: %s\n", what, error->text);
    exit(1);
}


static void
say(void *data, int level, const char *text)
{
    (void) data;
    (void) level;
    (void) fprintf(stderr, "populate: %s\n", text);
}


/* splitmix64 (Steele, Lea, Flood 2014) */

static uint64_t
mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;

    return x ^ (x >> 31);
}


static size_t
make_record(uint64_t n, onsite_ms_t now, void *out)
{
    static const char *const  names[] = {
        "Page Viewed", "Product Viewed", "Product Added", "Cart Viewed",
        "Newsletter Read"
    };

    size_t                   i;
    char                     sku[24];
    static onsite_visitor_t  v;

    onsite_visitor_init(&v);
    v.first_seen = now - (onsite_ms_t) (mix(n) % (60 * ONSITE_DAY));
    v.last_seen = now - (onsite_ms_t) (mix(n + 1) % (20 * ONSITE_MINUTE));
    v.visits = 1 + (uint32_t) (mix(n + 2) % 9);
    v.session.start = v.last_seen - 300 * ONSITE_SECOND;
    v.session.last = v.last_seen;
    v.session.pageviews = 4;
    v.session.events = 9;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        v.counters[i] = (onsite_counter_t) {
            .name = onsite_str(names[i], strlen(names[i])),
            .total = 1 + (uint32_t) (mix(n + i) % 200),
            .session = (uint32_t) (mix(n + i) % 5)
        };
    }
    v.n_counters = (uint32_t) i;

    (void) snprintf(sku, sizeof(sku), "%u",
                    (unsigned) (mix(n) % 90000000 + 1000000));
    v.cart[0] = (onsite_cart_line_t) {
        .sku = onsite_str(sku, strlen(sku)), .quantity = 1, .price = 35.79
    };
    v.n_cart = 1;

    for (i = 0; i < 2; i++) {
        v.exposures[i] = (onsite_exposure_t) {
            .campaign = (uint32_t) mix(n + i), .total = 1, .window = 1,
            .last = v.last_seen - ONSITE_MINUTE, .variant = 1,
            .variant_hash = (uint32_t) mix(i), .session = v.visits
        };
    }
    v.n_exposures = 2;

    return onsite_visitor_encode(&v, out, ONSITE_RECORD_BYTES_MAX);
}


static onsite_signer_t *
read_signer(const char *path)
{
    char              secret[4096];
    size_t            n;
    FILE             *file = fopen(path, "rb");
    onsite_signer_t  *signer;

    n = file != NULL ? fread(secret, 1, sizeof(secret), file) : 0;
    signer = n >= ONSITE_SECRET_MIN ? onsite_signer_create(secret, n) : NULL;

    if (signer == NULL) {
        (void) fprintf(stderr, "populate: %s: no key of 32 bytes or more\n",
                       path);
        exit(1);
    }

    (void) fclose(file);

    return signer;
}


static void
put_visitor(onsite_txn_t *txn, const onsite_key_t *key, uint64_t n,
    onsite_ms_t now)
{
    char             record[ONSITE_RECORD_BYTES_MAX];
    onsite_error_t   error = { "" };
    onsite_status_t  status;

    status = onsite_txn_put(txn, key,
                            onsite_str(record, make_record(n, now, record)),
                            now);
    if (status != ONSITE_OK) {
        fail(onsite_status_text(status), &error);
    }
}


/* Number i, and a line with its cookie. */

static void
make_visitor(onsite_store_t *store, uint32_t shards,
    onsite_signer_t *signer, uint64_t i, onsite_ms_t now, FILE *cookies)
{
    char             id[ONSITE_ID_TEXT], cookie[ONSITE_COOKIE_TEXT];
    uint8_t          random[16];
    onsite_txn_t    *txn;
    onsite_key_t     key;
    onsite_error_t   error = { "" };

    memcpy(random, &(uint64_t) { mix(2 * i) }, 8);
    memcpy(random + 8, &(uint64_t) { mix(2 * i + 1) }, 8);
    onsite_id_text(random, id);
    onsite_cookie_sign(signer, ONSITE_STR("default"),
                       onsite_str(id, sizeof(id)), cookie);
    key = onsite_visitor_key(signer, ONSITE_STR("default"), 'c',
                             onsite_str(id, sizeof(id)));

    if (onsite_txn_begin(store, onsite_key_shard(&key, shards), &txn, &error)
        != ONSITE_OK)
    {
        fail("begin", &error);
    }

    put_visitor(txn, &key, i, now);
    (void) fprintf(cookies, "%.*s\n", (int) sizeof(cookie), cookie);

    if (onsite_txn_commit(txn, &error) != ONSITE_OK) {
        fail("commit", &error);
    }
}


int
main(int argc, char **argv)
{
    FILE                   *cookies;
    uint64_t                n, i;
    onsite_ms_t             now;
    onsite_error_t          error = { "" };
    onsite_store_t         *store;
    onsite_signer_t        *signer;
    onsite_store_options_t  options = { .shards = 1, .max_readers = 64,
                                        .ttl = 90 * ONSITE_DAY, .log = say };

    if (argc != 6 && argc != 7) {
        (void) fprintf(stderr, "usage: populate STATE_DIR KEY_FILE VISITORS"
                       " SIZE_MB COOKIES_FILE [SHARDS]\n");
        return 2;
    }

    signer = read_signer(argv[2]);
    n = strtoull(argv[3], NULL, 10);
    options.path = argv[1];
    options.size = strtoull(argv[4], NULL, 10) << 20;
    options.shards = argc == 7 ? (uint32_t) strtoul(argv[6], NULL, 10) : 1;
    cookies = fopen(argv[5], "w");
    now = (onsite_ms_t) time(NULL) * ONSITE_SECOND;

    if (cookies == NULL
        || onsite_store_prepare(&options, -1, -1, &error) != ONSITE_OK
        || onsite_store_open(&options, now, &store, &error) != ONSITE_OK)
    {
        fail(argv[1], &error);
    }

    for (i = 0; i < n; i++) {
        make_visitor(store, options.shards, signer, i, now, cookies);
    }

    onsite_store_close(store);
    onsite_signer_destroy(signer);

    return fclose(cookies) == 0 ? 0 : 1;
}
