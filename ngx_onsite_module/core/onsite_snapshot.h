/*
 * onsite_snapshot.h - campaign snapshots: immutable LMDB files.
 *
 * Sub-databases: `meta` (format, version, built), `sites` (site → image),
 * `campaigns` (site 0 id → definition, for people and tools) and, where there
 * is slow data, `profiles`, `segments` and `products`.  Values are msgpack;
 * an image is a bin inside [format, order, bin], placed so that it is
 * 8-aligned in the map.  A seal in the unused end of the first page holds the
 * size and a checksum of the whole file, so a file that was cut or changed is
 * refused before LMDB, which trusts its pages, sees any of it.
 * docs/wire.md has the bytes.
 */

#ifndef ONSITE_SNAPSHOT_H
#define ONSITE_SNAPSHOT_H

#include "onsite_image.h"
#include "onsite_limits.h"
#include "onsite_tables.h"

#define ONSITE_SNAPSHOT_FORMAT  1

#define ONSITE_SITE_MAX         255     /* bytes of a site's name */

typedef struct onsite_snapshot_s  onsite_snapshot_t;

typedef struct {
    uint64_t     version;       /* monotonic                               */
    onsite_ms_t  built;
    uint64_t     campaigns;     /* enabled, all sites                      */
    uint64_t     sites;
    uint64_t     bytes;         /* of the file                             */
    uint64_t     profiles;      /* customers with one, all sites           */
    uint64_t     listed;        /* customers on some list                  */
    uint64_t     products;
} onsite_snapshot_info_t;

/*
 * Maps the file read-only without locks and verifies it: the checksum of all
 * its bytes, and every image.  The rows of tables are not walked, so that a
 * million of them cost no more than reading the file: whoever reads a row
 * takes any bytes for possible.  Nothing is kept open on failure.  The error
 * names the file, what is wrong and what to do.  VERSION: of another format.
 */
onsite_status_t onsite_snapshot_open(const char *path,
    onsite_snapshot_t **snapshot, onsite_error_t *error);
void onsite_snapshot_close(onsite_snapshot_t *snapshot);

const onsite_snapshot_info_t *onsite_snapshot_info(
    const onsite_snapshot_t *snapshot);

/* Sites in order, 0 .. info.sites - 1; images live as long as snapshot. */
onsite_status_t onsite_snapshot_site(const onsite_snapshot_t *snapshot,
    size_t i, onsite_str_t *name, onsite_image_t *image);

/*
 * The tables of a site, site's bytes staying the caller's; false: the snapshot
 * has none.  out->tables points to out, which must stay where it is and not
 * outlive the snapshot.  A look-up is one mdb_get in the transaction that
 * lasts as long as the snapshot, so one thread at a time.
 */
typedef struct {
    onsite_tables_t           tables;
    const onsite_snapshot_t  *snapshot;
    onsite_str_t              site;
} onsite_snapshot_tables_t;

bool onsite_snapshot_tables(const onsite_snapshot_t *snapshot,
    onsite_str_t site, onsite_snapshot_tables_t *out);

/*
 * Copies from to a file of one's own, opens the copy and renames it to `to`:
 * what then happens to from, or to the name `to`, does not touch *snapshot.
 * The source is read, never mapped.  Errors as of opening; IO also when the
 * copy cannot be written (nothing is left of it).
 */
onsite_status_t onsite_snapshot_copy(const char *from, const char *to,
    onsite_snapshot_t **snapshot, onsite_error_t *error);

/* The same of one that is open, whose file may have been removed since. */
onsite_status_t onsite_snapshot_save(const onsite_snapshot_t *open,
    const char *to, onsite_snapshot_t **snapshot, onsite_error_t *error);

/* Campaign definitions (msgpack), in key order. */
typedef bool (*onsite_snapshot_visit_pt)(void *data, onsite_str_t site,
    onsite_str_t id, onsite_str_t definition);
onsite_status_t onsite_snapshot_walk(const onsite_snapshot_t *snapshot,
    onsite_snapshot_visit_pt visit, void *data);


/*
 * Writing: into a new file beside path (path.new-PID), synced, then renamed
 * over it: whoever opens path sees the old file or all of the new one.  Equal
 * input gives an equal file.  INVALID: a site or campaign without a name, with
 * one too long, or twice.
 */

typedef struct {
    onsite_str_t           name;
    onsite_image_t         image;
    const onsite_str_t    *ids;             /* of its campaigns            */
    const onsite_value_t  *definitions;
    size_t                 n;
} onsite_snapshot_site_t;

/*
 * The rows of a table, ascending by the bytes of their keys, each key once.
 * They go into the file as they come: memory stays the same for any number.
 */
typedef struct {
    void      *data;

    /* The next one; NOT_FOUND: there are no more; anything else fails the
     * writing, with error. */
    onsite_status_t  (*next)(void *data, onsite_str_t *key,
                             onsite_str_t *value, onsite_error_t *error);
    uint64_t   rows;            /* no more than these; 0: there is no table*/
    uint64_t   bytes;           /* of their keys and values, at most       */
} onsite_snapshot_rows_t;

typedef enum {
    ONSITE_TABLE_PROFILES = 0,  /* onsite_customer_hash → map              */
    ONSITE_TABLE_LISTS,         /* onsite_customer_hash → array of ids     */
    ONSITE_TABLE_PRODUCTS,      /* onsite_product_key → map                */
    ONSITE_TABLES
} onsite_table_t;

#define ONSITE_PRODUCT_KEY_MAX  (ONSITE_SITE_MAX + 1 + ONSITE_ROW_SKU_MAX)

/* site 0 sku; the length, 0 when the sku is empty or too long. */
size_t onsite_product_key(onsite_str_t site, onsite_str_t sku, char *out);

/* The same with tables: rows of all sites, NULL: none.  INVALID also for rows
 * out of order. */
onsite_status_t onsite_snapshot_write_tables(const char *path,
    uint64_t version, onsite_ms_t built, const onsite_snapshot_site_t *sites,
    size_t n, const onsite_snapshot_rows_t tables[ONSITE_TABLES],
    onsite_error_t *error);

#endif
