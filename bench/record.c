/*
 * bench/record.c - a typical visitor's record: our cursor against msgpack-c,
 * interleaved, medians; and what LMDB makes of such records.
 */

#include <lmdb.h>
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "onsite_visitor_codec.h"

#define NOW       ((onsite_ms_t) 1790000000000)
#define ROUNDS    41
#define CALLS     4000
#define VISITORS  200000

typedef struct {
    size_t             size;
    uint8_t            record[ONSITE_RECORD_BYTES_MAX];
    onsite_visitor_t   visitor;
    msgpack_zone       zone;
    msgpack_object     object;
    msgpack_sbuffer    buffer;
    size_t             sum;         /* so that nothing is optimised away   */
} bench_t;

typedef void (*work_pt)(bench_t *b);


static void
typical(onsite_visitor_t *v)
{
    uint32_t  i;

    static const char *const  names[] = {
        "Page Viewed", "Product Viewed", "Product Added", "Cart Viewed",
        "Signed In"
    };

    onsite_visitor_init(v);
    v->first_seen = NOW - 9 * ONSITE_DAY - 4321;
    v->last_seen = NOW;
    v->visits = 3;
    v->identified = true;
    v->session = (onsite_session_t) {
        .start = NOW - 7 * ONSITE_MINUTE - 17, .last = NOW, .pageviews = 6,
        .events = 14
    };

    for (i = 0; i < 5; i++) {
        v->counters[v->n_counters++] = (onsite_counter_t) {
            onsite_str(names[i], strlen(names[i])), 20 - i, 4
        };
    }

    v->n_cart = 2;
    v->cart[0] = (onsite_cart_line_t) { ONSITE_STR("44600062"), 1, 35.79 };
    v->cart[1] = (onsite_cart_line_t) { ONSITE_STR("1004856"), 2, 489.07 };

    for (i = 0; i < 2; i++) {
        v->exposures[v->n_exposures++] = (onsite_exposure_t) {
            .campaign = 0x9abcdef0 + i, .total = 2, .window = 1,
            .last = NOW - ONSITE_DAY * (2 - i), .variant = 1,
            .variant_hash = 0x811c9dc5, .session = 3 - i
        };
    }
}


static void
cursor_decode(bench_t *b)
{
    onsite_key_t          link;
    onsite_record_kind_t  kind;

    (void) onsite_visitor_decode(NULL, b->record, b->size, &kind, &b->visitor,
                                 &link);
    b->sum += b->visitor.n_cart;
}


static void
cursor_encode(bench_t *b)
{
    b->sum += onsite_visitor_encode(&b->visitor, b->record,
                                    sizeof(b->record));
}


static void
msgpack_c_unpack(bench_t *b)
{
    size_t  offset = 0;

    msgpack_zone_clear(&b->zone);
    (void) msgpack_unpack((const char *) b->record, b->size, &offset,
                          &b->zone, &b->object);
    b->sum += b->object.via.array.size;
}


static void
msgpack_c_pack(bench_t *b)
{
    msgpack_packer  packer;

    msgpack_sbuffer_clear(&b->buffer);
    msgpack_packer_init(&packer, &b->buffer, msgpack_sbuffer_write);
    (void) msgpack_pack_object(&packer, b->object);
    b->sum += b->buffer.size;
}


static double
run(bench_t *b, work_pt work)
{
    int              i;
    struct timespec  from, to;

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);

    for (i = 0; i < CALLS; i++) {
        work(b);
    }

    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);

    return ((double) (to.tv_sec - from.tv_sec) * 1e9
            + (double) (to.tv_nsec - from.tv_nsec)) / CALLS;
}


static int
compare(const void *a, const void *b)
{
    double  x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


static void
bench_codec(bench_t *b)
{
    size_t  i, k;
    double  times[4][ROUNDS];

    static const struct {
        const char  *name;
        work_pt      work;
    } works[4] = {
        { "cursor: record to visitor", cursor_decode },
        { "msgpack-c: record to its objects", msgpack_c_unpack },
        { "cursor: visitor to record", cursor_encode },
        { "msgpack-c: its objects to record", msgpack_c_pack },
    };

    for (i = 0; i < ROUNDS; i++) {
        for (k = 0; k < 4; k++) {
            times[k][i] = run(b, works[k].work);
        }
    }

    for (k = 0; k < 4; k++) {
        qsort(times[k], ROUNDS, sizeof(double), compare);
        (void) printf("%-34s %5.0f ns\n", works[k].name,
                      times[k][ROUNDS / 2]);
    }
}


static void
must(int rc)
{
    if (rc != 0) {
        (void) fprintf(stderr, "lmdb: %s\n", mdb_strerror(rc));
        exit(1);
    }
}


/* Keys are as good as random, as hashed ids are. */

static void
put_visitors(bench_t *b, MDB_env *env)
{
    int       i;
    MDB_dbi   dbi;
    MDB_txn  *txn;
    MDB_val   key, value;
    uint64_t  words[2] = { 88172645463325252ull, 0 };

    must(mdb_txn_begin(env, NULL, 0, &txn));
    must(mdb_dbi_open(txn, "visitors", MDB_CREATE, &dbi));

    for (i = 0; i < VISITORS; i++) {
        words[0] ^= words[0] << 13;
        words[0] ^= words[0] >> 7;
        words[0] ^= words[0] << 17;
        words[1] = words[0] * 0x9e3779b97f4a7c15ull;
        key = (MDB_val) { sizeof(words), words };
        value = (MDB_val) { b->size, b->record };
        must(mdb_put(txn, dbi, &key, &value, 0));
    }

    must(mdb_txn_commit(txn));
}


static void
bench_room(bench_t *b)
{
    char         path[] = "/dev/shm/onsite-record-XXXXXX";
    int          fd = mkstemp(path);
    MDB_env     *env;
    MDB_envinfo  info;

    if (fd < 0) {
        perror(path);
        exit(1);
    }

    (void) close(fd);
    must(mdb_env_create(&env));
    must(mdb_env_set_maxdbs(env, 1));
    must(mdb_env_set_mapsize(env, (size_t) 1 << 28));
    must(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_WRITEMAP,
                      0600));
    put_visitors(b, env);
    must(mdb_env_info(env, &info));
    (void) printf("record %zu bytes, LMDB file %.1f bytes a visitor "
                  "(%d visitors)\n", b->size,
                  (double) (info.me_last_pgno + 1) * 4096 / VISITORS,
                  VISITORS);
    mdb_env_close(env);
    (void) unlink(path);
}


int
main(void)
{
    static bench_t  b;

    typical(&b.visitor);
    b.size = onsite_visitor_encode(&b.visitor, b.record, sizeof(b.record));
    msgpack_zone_init(&b.zone, 8192);
    msgpack_sbuffer_init(&b.buffer);

    bench_codec(&b);
    bench_room(&b);

    msgpack_sbuffer_destroy(&b.buffer);
    msgpack_zone_destroy(&b.zone);

    return b.sum == 0;
}
