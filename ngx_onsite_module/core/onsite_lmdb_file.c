/*
 * onsite_lmdb_file.c - an LMDB file's two header pages.
 *
 * A page begins with 16 bytes: number (8), padding (2), flags (2), bounds
 * (4).  In a header page a record follows: magic (4), data version (4), fixed
 * address (8), map size (8), two tree descriptions (48 each; the first word
 * of the first is the page size), last page (8), transaction (8).
 */

#include "onsite_lmdb_file.h"

#include <sys/stat.h>
#include <unistd.h>

#define LMDB_MAGIC        0xbeefc0deu
#define LMDB_MAGIC_SWAP   0xdec0efbeu
#define LMDB_DATA         1
#define PAGE_IS_HEADER    0x08

#define AT_FLAGS          10
#define AT_MAGIC          16
#define AT_VERSION        20
#define AT_MAP_SIZE       32
#define AT_PAGE_SIZE      40
#define AT_LAST_PAGE      136
#define AT_TXN            144
#define HEADER_BYTES      ONSITE_LMDB_HEADER

#define PAGE_SIZE_MIN     512
#define PAGE_SIZE_MAX     65536


static uint32_t
read_u32(const unsigned char *page, size_t at)
{
    uint32_t  n;

    memcpy(&n, page + at, sizeof(n));

    return n;
}


static uint64_t
read_u64(const unsigned char *page, size_t at)
{
    uint64_t  n;

    memcpy(&n, page + at, sizeof(n));

    return n;
}


static onsite_status_t
check_header(const unsigned char *page, const char **why)
{
    uint16_t  flags;
    uint32_t  magic;

    memcpy(&flags, page + AT_FLAGS, sizeof(flags));
    magic = read_u32(page, AT_MAGIC);

    if (magic == LMDB_MAGIC_SWAP) {
        *why = "was written on a machine of another byte order";
        return ONSITE_VERSION;
    }

    if (magic != LMDB_MAGIC) {
        *why = "is not an LMDB file";
        return ONSITE_CORRUPT;
    }

    if (read_u32(page, AT_VERSION) != LMDB_DATA) {
        *why = "is of another LMDB format: written by LMDB 1.x, "
               "this is LMDB 0.9";
        return ONSITE_VERSION;
    }

    if (!(flags & PAGE_IS_HEADER)) {
        *why = "has a damaged LMDB header";
        return ONSITE_CORRUPT;
    }

    return ONSITE_OK;
}


static onsite_status_t
read_header(int fd, uint64_t offset, unsigned char *page, const char **why)
{
    if (pread(fd, page, HEADER_BYTES, (off_t) offset) != HEADER_BYTES) {
        *why = "is shorter than an LMDB header";
        return ONSITE_CORRUPT;
    }

    return check_header(page, why);
}


/* Of both headers the one with the newer transaction holds. */

static void
take_newer(onsite_lmdb_facts_t *facts, const unsigned char *page)
{
    uint64_t  last, txn;

    txn = read_u64(page, AT_TXN);
    last = read_u64(page, AT_LAST_PAGE);

    if (facts->last_page == 0 || txn > facts->txn) {
        facts->txn = txn;
        facts->map_size = read_u64(page, AT_MAP_SIZE);
        facts->last_page = last;
    }
}


onsite_status_t
onsite_lmdb_inspect(int fd, onsite_lmdb_facts_t *facts, const char **why)
{
    struct stat      st;
    unsigned char    page[HEADER_BYTES];
    onsite_status_t  status;

    memset(facts, 0, sizeof(onsite_lmdb_facts_t));

    if (fstat(fd, &st) != 0) {
        *why = "cannot be examined";
        return ONSITE_IO;
    }

    facts->file_size = (uint64_t) st.st_size;

    status = read_header(fd, 0, page, why);
    if (status != ONSITE_OK) {
        return status;
    }

    facts->page_size = read_u32(page, AT_PAGE_SIZE);

    if (facts->page_size < PAGE_SIZE_MIN || facts->page_size > PAGE_SIZE_MAX
        || (facts->page_size & (facts->page_size - 1)) != 0)
    {
        *why = "has a damaged LMDB header (page size)";
        return ONSITE_CORRUPT;
    }

    take_newer(facts, page);

    status = read_header(fd, facts->page_size, page, why);
    if (status != ONSITE_OK) {
        return status;
    }

    take_newer(facts, page);

    if (facts->last_page >= facts->file_size / facts->page_size) {
        *why = "is truncated: shorter than the pages it counts";
        return ONSITE_CORRUPT;
    }

    return ONSITE_OK;
}


onsite_status_t
onsite_lmdb_header(int fd, uint32_t page_size, uint64_t txn,
    unsigned char header[ONSITE_LMDB_HEADER], uint64_t *last_page,
    const char **why)
{
    onsite_status_t  status;

    status = read_header(fd, (txn & 1) * page_size, header, why);

    if (status != ONSITE_OK) {
        return status;
    }

    *last_page = read_u64(header, AT_LAST_PAGE);

    return read_u64(header, AT_TXN) == txn ? ONSITE_OK : ONSITE_NOT_FOUND;
}


/* A transaction's header lies in the page of its number's last bit; the other
 * one says the same, as of the one before. */

bool
onsite_lmdb_write_headers(int fd, uint32_t page_size,
    const unsigned char header[ONSITE_LMDB_HEADER])
{
    uint64_t       i, number, txn;
    unsigned char  page[PAGE_SIZE_MAX] = { 0 };

    for (i = 0; i < 2; i++) {
        memcpy(page, header, HEADER_BYTES);
        txn = read_u64(header, AT_TXN);
        number = i;

        txn -= (txn & 1) != i;
        memcpy(page, &number, sizeof(number));
        memcpy(page + AT_TXN, &txn, sizeof(txn));

        if (lseek(fd, (off_t) (i * page_size), SEEK_SET) < 0
            || write(fd, page, page_size) != (ssize_t) page_size)
        {
            return false;
        }
    }

    return true;
}
