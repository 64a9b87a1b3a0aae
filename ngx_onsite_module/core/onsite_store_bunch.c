/*
 * onsite_store_bunch.c - several events in one value of LMDB.
 *
 * A mark, how many (2 bytes), and of each its length (2 bytes) and its bytes.
 * Their numbers follow from the first one's; one that has gone has no bytes.
 * The mark is a byte that msgpack does not have, so that a value that is a part
 * of a single event is no bunch.
 */

#include "onsite_store_private.h"

#define BUNCH_MARK  0xc1


static void
write_be16(uint8_t *p, size_t n)
{
    p[0] = (uint8_t) (n >> 8);
    p[1] = (uint8_t) n;
}


static unsigned
read_be16(const uint8_t *p)
{
    return (unsigned) p[0] << 8 | p[1];
}


bool
is_bunch(MDB_val v)
{
    return v.mv_size >= BUNCH_HEAD && v.mv_size <= BUNCH_MAX
           && *(const uint8_t *) v.mv_data == BUNCH_MARK;
}


unsigned
bunch_entries(MDB_val v)
{
    return read_be16((const uint8_t *) v.mv_data + 1);
}


size_t
bunch_begin(uint8_t *bunch)
{
    bunch[0] = BUNCH_MARK;
    write_be16(bunch + 1, 0);

    return BUNCH_HEAD;
}


size_t
bunch_add(uint8_t *bunch, size_t used, onsite_str_t entry)
{
    write_be16(bunch + 1, read_be16(bunch + 1) + 1);
    write_be16(bunch + used, entry.len);
    memcpy(bunch + used + BUNCH_EACH, entry.data, entry.len);

    return used + BUNCH_EACH + entry.len;
}


void
bunch_open(bunch_t *bunch, MDB_val v, uint64_t first)
{
    bunch->p = (const uint8_t *) v.mv_data + BUNCH_HEAD;
    bunch->end = (const uint8_t *) v.mv_data + v.mv_size;
    bunch->left = bunch_entries(v);
    bunch->next = first;
}


int
bunch_next(bunch_t *bunch, uint64_t *seq, onsite_str_t *entry)
{
    size_t  left, len;

    if (bunch->left == 0) {
        return MDB_NOTFOUND;
    }

    left = (size_t) (bunch->end - bunch->p);

    if (left < BUNCH_EACH) {
        return MDB_CORRUPTED;
    }

    len = read_be16(bunch->p);

    if (len > left - BUNCH_EACH) {
        return MDB_CORRUPTED;
    }

    *seq = bunch->next++;
    *entry = onsite_str((const char *) bunch->p + BUNCH_EACH, len);
    bunch->p += BUNCH_EACH + len;
    bunch->left--;

    return 0;
}


/* Moves what stays together; lengths of 0 stay in the places of the others, and
 * nothing of their bytes. */

int
bunch_forget(uint8_t *bytes, size_t *used, uint64_t first, uint64_t from,
    uint64_t upto, unsigned *gone, unsigned *stay)
{
    int            rc;
    bunch_t         bunch;
    MDB_val        v = { *used, bytes };
    uint8_t       *to = bytes + BUNCH_HEAD;
    uint64_t       seq;
    onsite_str_t   entry;

    *gone = 0;
    *stay = 0;
    bunch_open(&bunch, v, first);

    while ((rc = bunch_next(&bunch, &seq, &entry)) == 0) {
        if (seq >= from && seq <= upto) {
            *gone += entry.len != 0;
            entry.len = 0;
        }

        *stay += entry.len != 0;
        write_be16(to, entry.len);
        memmove(to + BUNCH_EACH, entry.data, entry.len);
        to += BUNCH_EACH + entry.len;
    }

    memset(to, 0, *used - (size_t) (to - bytes));
    *used = (size_t) (to - bytes);

    return rc == MDB_NOTFOUND ? 0 : rc;
}


int
bunch_count(MDB_val v, unsigned *n)
{
    int            rc;
    bunch_t         bunch;
    uint64_t       seq;
    onsite_str_t   entry;

    *n = 0;
    bunch_open(&bunch, v, 0);

    while ((rc = bunch_next(&bunch, &seq, &entry)) == 0) {
        *n += entry.len != 0;
    }

    return rc == MDB_NOTFOUND ? 0 : rc;
}
