/*
 * onsite_snapshot_private.h - what reading and writing snapshots share; the
 * one header that knows they are LMDB.
 */

#ifndef ONSITE_SNAPSHOT_PRIVATE_H
#define ONSITE_SNAPSHOT_PRIVATE_H

#include "onsite_snapshot.h"
#include "onsite_lmdb_file.h"

#include <lmdb.h>

#define SEAL_MAGIC       0x4c414553504e534full      /* "OSNPSEAL" */
#define SEAL_BYTES       64         /* at the end of the first page */
#define SUB_DATABASES    6

/* [format, order, bin32]: 8 bytes before the image */
#define IMAGE_PREFIX     8
#define ORDER_LITTLE     1
#define ORDER_BIG        2

typedef struct {
    uint64_t  magic;
    uint32_t  format;
    uint32_t  order;                /* ONSITE_IMAGE_ORDER                  */
    uint64_t  size;                 /* of the file                         */
    uint64_t  checksum;             /* of all of it but the SEAL_BYTES     */
    uint64_t  reserved[4];
} seal_t;

extern const char *const  snapshot_table_names[ONSITE_TABLES];

typedef struct {
    onsite_str_t    name;
    onsite_image_t  image;
    void           *heap;           /* of an image not aligned in the map  */
} site_t;

struct onsite_snapshot_s {
    MDB_env                 *env;
    MDB_txn                 *txn;
    MDB_dbi                  meta;
    MDB_dbi                  sites;
    MDB_dbi                  campaigns;
    MDB_dbi                  tables[ONSITE_TABLES];
    bool                     has_table[ONSITE_TABLES];
    onsite_snapshot_info_t   info;
    site_t                  *site;
};

/* Opens the tables that there are, and counts their rows; LMDB's code. */
int snapshot_open_tables(onsite_snapshot_t *s);

/* Puts all rows of tables into sub-databases of their own, in transactions of
 * some MB.  *txn is one to begin with, and one that is left to commit. */
onsite_status_t snapshot_put_tables(MDB_env *env, MDB_txn **txn,
    const char *path, const onsite_snapshot_rows_t *tables,
    onsite_error_t *error);

/* Room in the map for them. */
size_t snapshot_tables_room(const onsite_snapshot_rows_t *tables);

static inline off_t
seal_offset(const onsite_lmdb_facts_t *facts)
{
    return (off_t) facts->page_size - SEAL_BYTES;
}

static inline uint8_t
native_order(void)
{
    const uint16_t  one = 1;
    uint8_t         first;

    memcpy(&first, &one, 1);

    return first == 1 ? ORDER_LITTLE : ORDER_BIG;
}

/* Of a file of facts->file_size bytes; IO when it cannot be read. */
onsite_status_t snapshot_checksum(int fd, const onsite_lmdb_facts_t *facts,
    uint64_t *checksum);

/* The seal and the bytes under it, read and not mapped; *bytes: the size. */
onsite_status_t snapshot_check_file(const char *path, int fd, uint64_t *bytes,
    onsite_error_t *error);

/* The directory that holds path, so that a rename in it is on disk. */
void snapshot_sync_directory(const char *path);

#endif
