/*
 * onsite_pieces.c - rendered content as a list of pieces.
 */

#include "onsite_pieces.h"
#include "onsite_value.h"


void
onsite_pieces_write(onsite_buf_t *buf, const onsite_pieces_t *pieces)
{
    size_t  i;

    for (i = 0; i < pieces->n; i++) {
        onsite_buf_str(buf, pieces->pieces[i].bytes);
    }
}


void
onsite_pieces_write_json(onsite_buf_t *buf, const onsite_pieces_t *pieces)
{
    size_t  i;

    onsite_buf_char(buf, '"');

    for (i = 0; i < pieces->n; i++) {
        onsite_write_json_text(buf, pieces->pieces[i].bytes);
    }

    onsite_buf_char(buf, '"');
}
