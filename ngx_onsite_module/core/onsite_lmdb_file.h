/*
 * onsite_lmdb_file.h - what an LMDB file's header pages say, read without
 * mapping it.
 *
 * LMDB trusts its files: another format is an error without a reason, and a
 * file shorter than its pages ends in SIGBUS.  So both kinds of file are
 * looked at before LMDB is.  Offsets are those of LMDB's data version 1
 * (0.9.x), in the byte order and word size of this machine.
 */

#ifndef ONSITE_LMDB_FILE_H
#define ONSITE_LMDB_FILE_H

#include "onsite_types.h"

typedef struct {
    uint64_t  file_size;        /* bytes                                   */
    uint64_t  map_size;         /* bytes, of the map that wrote it last    */
    uint64_t  last_page;        /* the highest page number in use          */
    uint64_t  txn;              /* of the newest of both header pages      */
    uint32_t  page_size;
} onsite_lmdb_facts_t;

/*
 * OK: a whole LMDB file of this format.  VERSION: LMDB, of another format or
 * byte order.  CORRUPT: anything else.  why (static storage) says what is
 * wrong, for the end of a sentence about the file.
 */
onsite_status_t onsite_lmdb_inspect(int fd, onsite_lmdb_facts_t *facts,
    const char **why);

/*
 * The header that a transaction has left, as long as no later one but one was
 * committed.  NOT_FOUND: it is not there any more; else as above.
 */
#define ONSITE_LMDB_HEADER  152

onsite_status_t onsite_lmdb_header(int fd, uint32_t page_size, uint64_t txn,
    unsigned char header[ONSITE_LMDB_HEADER], uint64_t *last_page,
    const char **why);

/* Both header pages of a file that holds what that transaction saw, and no
 * later one. */
bool onsite_lmdb_write_headers(int fd, uint32_t page_size,
    const unsigned char header[ONSITE_LMDB_HEADER]);

#endif
