/*
 * onsite_pieces.h - rendered content as a list of pieces, so that what is the
 * same for every visitor is not copied for each.
 *
 * A stable piece is a literal of the image: it lives as long as the snapshot
 * does, and whoever sends it later holds on to that.  All other bytes lie in
 * the arena that the content was rendered with.
 */

#ifndef ONSITE_PIECES_H
#define ONSITE_PIECES_H

#include "onsite_arena.h"
#include "onsite_buf.h"

#define ONSITE_PIECE_MIN   256      /* shorter literals are copied: a piece
                                       of their own would cost more        */
#define ONSITE_PIECES_MAX   64      /* of one content; the literals behind
                                       are copied, too                     */

typedef struct {
    onsite_str_t  bytes;            /* not empty                           */
    bool          stable;
} onsite_piece_t;

typedef struct {
    const onsite_piece_t  *pieces;
    size_t                 n;
    size_t                 len;     /* bytes of all                        */
} onsite_pieces_t;

/* Appends all bytes: as they are, or as one JSON string with its quotes. */
void onsite_pieces_write(onsite_buf_t *buf, const onsite_pieces_t *pieces);
void onsite_pieces_write_json(onsite_buf_t *buf,
    const onsite_pieces_t *pieces);

#endif
