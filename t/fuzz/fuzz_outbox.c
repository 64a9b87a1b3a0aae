/*
 * fuzz_outbox.c - any bytes as an entry of the outbox; what is read must come
 * back the same after another round.
 */

#include <stdlib.h>

#include "onsite_outbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    onsite_key_t           key;
    onsite_buf_t           bytes, again;
    onsite_outbox_kind_t   kind;
    onsite_outbox_entry_t  entry;

    if (onsite_outbox_decode(data, size, &entry) != ONSITE_OK) {
        (void) onsite_outbox_kind(data, size, &kind);
        return 0;
    }

    must(onsite_outbox_visitor(data, size, &key)
         && memcmp(&key, &entry.visitor, sizeof(key)) == 0);
    must(onsite_outbox_kind(data, size, &kind) && kind == entry.kind);

    onsite_buf_init(&bytes, 0);
    onsite_buf_init(&again, 0);
    onsite_outbox_encode(&entry, &bytes);
    must(onsite_outbox_decode(bytes.data, bytes.len, &entry) == ONSITE_OK);
    onsite_outbox_encode(&entry, &again);
    must(!again.failed && again.len == bytes.len
         && memcmp(again.data, bytes.data, bytes.len) == 0);
    onsite_buf_free(&bytes);
    onsite_buf_free(&again);

    return 0;
}
