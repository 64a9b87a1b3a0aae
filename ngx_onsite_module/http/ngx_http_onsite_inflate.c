/*
 * ngx_http_onsite_inflate.c - pages that the origin has compressed (gzip, RFC
 * 1952), as buffers of plain bytes.
 *
 * Memory a response, all from r->pool: zlib's state (7 KB) and window (32 KB),
 * at most BUFS buffers of SIZE (128 KB), and what refers to the input under
 * way; of a page that comes at once and fits into one buffer that and zlib's
 * state.  As long as all buffers wait for the client nothing is inflated, and
 * the input is not eaten, which in turn holds up the origin: so it does not
 * matter how far a page would inflate.
 *
 * A page may be of several members; bytes behind them that begin no other are
 * ignored, as gzip and browsers do.  What is damaged or ends too early becomes
 * NGX_ERROR, after all bytes before the damage: a response is never silently
 * short.
 */

#include "ngx_http_onsite.h"

#include <zlib.h>


#define BUFS       2
#define SIZE       (64 * 1024)
#define GZIP_ONLY  16           /* added to zlib's window bits            */
#define MAGIC      2            /* bytes by which a member is known       */


/*
 * Input not read yet.  Its flags are kept apart: a buf without bytes may be
 * used anew by its owner as soon as it was handed on.  For the same reason a
 * piece lets go of its buf when it is used up, though zlib may know more.
 */

typedef struct piece_s  piece_t;

struct piece_s {
    piece_t                  *next;
    ngx_buf_t                *buf;      /* NULL: flags only               */
    unsigned                  flush:1;
    unsigned                  last:1;
};


struct ngx_http_onsite_inflate_s {
    ngx_http_request_t       *r;
    z_stream                  z;        /* total_in: of the member at hand */
    piece_t                  *pieces;
    piece_t                 **end;
    piece_t                  *unused;
    ngx_buf_t                *bufs[BUFS];
    ngx_buf_t                 used_up;  /* stands for input without bytes */
    ngx_uint_t                members;  /* that are complete              */
    unsigned                  complete:1;   /* the one at hand is         */
    unsigned                  trailing:1;   /* the rest is no member      */
    unsigned                  failed:1;
};


static void *
zlib_alloc(void *pool, unsigned items, unsigned size)
{
    return ngx_palloc(pool, (size_t) items * size);
}


/* The pool lets go of it. */

static void
zlib_free(void *pool, void *p)
{
    (void) pool;
    (void) p;
}


ngx_http_onsite_inflate_t *
ngx_http_onsite_inflate_create(ngx_http_request_t *r)
{
    ngx_http_onsite_inflate_t  *gz;

    gz = ngx_pcalloc(r->pool, sizeof(ngx_http_onsite_inflate_t));
    if (gz == NULL) {
        return NULL;
    }

    gz->r = r;
    gz->end = &gz->pieces;
    gz->used_up.pos = (u_char *) gz;
    gz->used_up.last = gz->used_up.pos;
    gz->z.zalloc = zlib_alloc;
    gz->z.zfree = zlib_free;
    gz->z.opaque = r->pool;

    return inflateInit2(&gz->z, MAX_WBITS + GZIP_ONLY) == Z_OK
           ? gz : NULL;
}


static ngx_int_t
add_piece(ngx_http_onsite_inflate_t *gz, ngx_buf_t *b)
{
    piece_t  *piece;

    piece = gz->unused;

    if (piece != NULL) {
        gz->unused = piece->next;

    } else {
        piece = ngx_palloc(gz->r->pool, sizeof(piece_t));
        if (piece == NULL) {
            return NGX_ERROR;
        }
    }

    piece->next = NULL;
    piece->buf = ngx_buf_in_memory(b) && b->last != b->pos ? b : NULL;
    piece->flush = b->flush;
    piece->last = b->last_buf;

    *gz->end = piece;
    gz->end = &piece->next;

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_inflate_add(ngx_http_onsite_inflate_t *gz,
    ngx_chain_t *in)
{
    ngx_buf_t  *b;

    for ( /* void */ ; in != NULL; in = in->next) {
        b = in->buf;

        if (!b->flush && !b->last_buf
            && (!ngx_buf_in_memory(b) || b->last == b->pos))
        {
            continue;
        }

        if (add_piece(gz, b) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
drop_piece(ngx_http_onsite_inflate_t *gz, piece_t *piece)
{
    gz->pieces = piece->next;

    if (gz->pieces == NULL) {
        gz->end = &gz->pieces;
    }

    piece->next = gz->unused;
    gz->unused = piece;
}


ngx_uint_t
ngx_http_onsite_inflate_ready(ngx_http_onsite_inflate_t *gz)
{
    ngx_uint_t  i;

    for (i = 0; i < BUFS; i++) {
        if (gz->bufs[i] == NULL
            || gz->bufs[i]->pos == gz->bufs[i]->last)
        {
            return 1;
        }
    }

    return 0;
}


/* One that was written, or is not made yet; NULL: out of memory. */

static ngx_buf_t *
get_buf(ngx_http_onsite_inflate_t *gz)
{
    ngx_buf_t   *b;
    ngx_uint_t   i;

    i = 0;

    while (gz->bufs[i] != NULL
           && gz->bufs[i]->pos != gz->bufs[i]->last)
    {
        i++;
    }

    b = gz->bufs[i];

    if (b == NULL) {
        b = ngx_create_temp_buf(gz->r->pool, SIZE);
        if (b == NULL) {
            return NULL;
        }

        /* few of them: they are not to wait for more to be written */

        b->recycled = 1;
        gz->bufs[i] = b;
    }

    b->pos = b->start;
    b->last = b->start;
    b->flush = 0;
    b->last_buf = 0;
    b->last_in_chain = 0;

    return b;
}


/* What zlib says of the bytes that it was given. */

static ngx_int_t
judge(ngx_http_onsite_inflate_t *gz, int rc)
{
    switch (rc) {

    case Z_OK:
    case Z_BUF_ERROR:
        return NGX_OK;

    case Z_STREAM_END:
        gz->complete = 1;
        gz->members++;
        return NGX_OK;

    case Z_DATA_ERROR:
        if (gz->members != 0 && gz->z.total_in <= MAGIC) {
            gz->trailing = 1;
            return NGX_OK;
        }

        break;

    default:
        break;
    }

    ngx_log_error(NGX_LOG_ERR, gz->r->connection->log, 0,
                  "onsite: the page is damaged: inflate() failed: %d, %s", rc,
                  gz->z.msg != NULL ? gz->z.msg : "no reason told");

    return NGX_ERROR;
}


/*
 * Reads on in a piece until it, or the room for its output, is used up.
 * Z_FINISH, also where it is not the last: zlib then makes and fills a window
 * only when the stream does not end in this call, and goes on from there.
 */

static ngx_int_t
read_piece(ngx_http_onsite_inflate_t *gz, piece_t *piece)
{
    z_stream  *z;

    z = &gz->z;
    z->next_in = piece->buf->pos;
    z->avail_in = piece->buf->last - piece->buf->pos;

    do {
        if (gz->complete) {

            if (z->avail_in == 0) {
                break;
            }

            (void) inflateReset(z);
            gz->complete = 0;
        }

        if (judge(gz, inflate(z, Z_FINISH)) != NGX_OK) {
            return NGX_ERROR;
        }

    } while (gz->complete);

    piece->buf->pos = gz->trailing ? piece->buf->last : z->next_in;

    if (piece->buf->pos == piece->buf->last) {
        piece->buf = &gz->used_up;
    }

    return NGX_OK;
}


/* Nothing at all is an empty page; behind a member, less than the beginning of
 * another is nothing. */

static ngx_int_t
check_end(ngx_http_onsite_inflate_t *gz)
{
    if (gz->complete || gz->trailing
        || gz->z.total_in < (gz->members != 0 ? MAGIC : 1))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, gz->r->connection->log, 0,
                  "onsite: the page ends within its gzip stream");

    return NGX_ERROR;
}


static ngx_int_t
fill(ngx_http_onsite_inflate_t *gz, ngx_buf_t *b)
{
    ngx_int_t  rc;
    piece_t   *piece;

    gz->z.next_out = b->pos;
    gz->z.avail_out = SIZE;

    while (gz->pieces != NULL && !b->flush && !b->last_buf) {
        piece = gz->pieces;

        if (piece->buf != NULL && !gz->trailing) {
            rc = read_piece(gz, piece);
            b->last = gz->z.next_out;

            if (rc != NGX_OK) {
                return NGX_ERROR;
            }

            /* zlib may know more bytes, also of input that is used up */

            if (gz->z.avail_out == 0) {
                return NGX_OK;
            }
        }

        if (piece->buf != NULL) {
            piece->buf->pos = piece->buf->last;
        }

        if (piece->last && check_end(gz) != NGX_OK) {
            return NGX_ERROR;
        }

        b->flush = piece->flush;
        b->last_buf = piece->last;
        b->last_in_chain = piece->last;
        drop_piece(gz, piece);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_onsite_inflate_next(ngx_http_onsite_inflate_t *gz,
    ngx_buf_t **out)
{
    ngx_buf_t  *b;

    if (gz->failed) {
        return NGX_ERROR;
    }

    if (gz->pieces == NULL) {
        return NGX_DECLINED;
    }

    if (!ngx_http_onsite_inflate_ready(gz)) {
        return NGX_AGAIN;
    }

    b = get_buf(gz);

    gz->failed = (b == NULL || fill(gz, b) != NGX_OK);

    if (b == NULL || (b->pos == b->last && gz->failed)) {
        return NGX_ERROR;
    }

    *out = b;

    return b->pos != b->last || b->flush || b->last_buf
           ? NGX_OK : NGX_DECLINED;
}
