/*
 * onsite_msgpack.c - values through msgpack-c.
 */

#include "onsite_msgpack.h"
#include "onsite_limits.h"

#include <math.h>
#include <msgpack.h>

#define EXACT_MAX  9007199254740992.0       /* 2^53 */


static int
append_to_buf(void *data, const char *bytes, size_t len)
{
    onsite_buf_append(data, bytes, len);

    return 0;
}


static int
append_to_writer(void *data, const char *bytes, size_t len)
{
    onsite_write_bytes(data, bytes, len);

    return 0;
}


/* -0 stays a float: an integer has no sign of zero. */

static void
pack_number(msgpack_packer *packer, double n)
{
    if (fabs(n) <= EXACT_MAX && n == floor(n) && !(n == 0 && signbit(n))) {
        (void) msgpack_pack_int64(packer, (int64_t) n);

    } else {
        (void) msgpack_pack_double(packer, n);
    }
}


static void
pack_str(msgpack_packer *packer, onsite_str_t s)
{
    (void) msgpack_pack_str(packer, s.len);
    (void) msgpack_pack_str_body(packer, s.data, s.len);
}


static void
pack(msgpack_packer *packer, const onsite_value_t *value)
{
    uint32_t  i;

    switch (value->type) {

    case ONSITE_ABSENT:
    case ONSITE_NULL:
        (void) msgpack_pack_nil(packer);
        break;

    case ONSITE_BOOL:
        (void) (value->as.boolean ? msgpack_pack_true(packer)
                                  : msgpack_pack_false(packer));
        break;

    case ONSITE_NUMBER:
        pack_number(packer, value->as.number);
        break;

    case ONSITE_STRING:
        pack_str(packer, onsite_value_str(value));
        break;

    case ONSITE_ARRAY:
        (void) msgpack_pack_array(packer, value->len);

        for (i = 0; i < value->len; i++) {
            pack(packer, &value->as.items[i]);
        }

        break;

    case ONSITE_OBJECT:
        (void) msgpack_pack_map(packer, value->len);

        for (i = 0; i < value->len; i++) {
            pack_str(packer, value->as.members[i].key);
            pack(packer, &value->as.members[i].value);
        }

        break;
    }
}


void
onsite_value_write_msgpack(onsite_buf_t *buf, const onsite_value_t *value)
{
    msgpack_packer  packer;

    msgpack_packer_init(&packer, buf, append_to_buf);
    pack(&packer, value);
}


void
onsite_write_value(onsite_writer_t *w, const onsite_value_t *value)
{
    msgpack_packer  packer;

    if (value->type == ONSITE_STRING) {
        onsite_write_str(w, onsite_value_str(value));
        return;
    }

    msgpack_packer_init(&packer, w, append_to_writer);
    pack(&packer, value);
}


static bool
is_utf8(onsite_str_t s)
{
    size_t                i, n;
    const unsigned char  *p = (const unsigned char *) s.data;

    for (i = 0; i < s.len; i += n) {
        n = p[i] < 0x80 ? 1 : onsite_utf8_length(p + i, s.len - i);

        if (n == 0) {
            return false;
        }
    }

    return true;
}


static onsite_status_t convert(onsite_arena_t *arena,
    const msgpack_object *object, int depth, onsite_value_t *value);


/* msgpack-c leaves strings where they are in the data. */

static onsite_status_t
convert_str(const msgpack_object *object, onsite_str_t *out)
{
    if (object->type != MSGPACK_OBJECT_STR) {
        return ONSITE_CORRUPT;
    }

    *out = onsite_str(object->via.str.ptr, object->via.str.size);

    return is_utf8(*out) ? ONSITE_OK : ONSITE_CORRUPT;
}


static onsite_status_t
convert_array(onsite_arena_t *arena, const msgpack_object_array *array,
    int depth, onsite_value_t *value)
{
    uint32_t          i;
    onsite_value_t   *items;
    onsite_status_t   status;

    items = onsite_arena_alloc(arena, (array->size + (size_t) 1)
                                      * sizeof(onsite_value_t));
    if (items == NULL) {
        return ONSITE_NO_MEMORY;
    }

    for (i = 0; i < array->size; i++) {
        status = convert(arena, &array->ptr[i], depth, &items[i]);

        if (status != ONSITE_OK) {
            return status;
        }
    }

    *value = (onsite_value_t) { .type = ONSITE_ARRAY, .len = array->size,
                                .as.items = items };

    return ONSITE_OK;
}


static onsite_status_t
convert_map(onsite_arena_t *arena, const msgpack_object_map *map, int depth,
    onsite_value_t *value)
{
    uint32_t          i;
    onsite_status_t   status;
    onsite_member_t  *members;

    members = onsite_arena_alloc(arena, (map->size + (size_t) 1)
                                        * sizeof(onsite_member_t));
    if (members == NULL) {
        return ONSITE_NO_MEMORY;
    }

    for (i = 0; i < map->size; i++) {
        status = convert_str(&map->ptr[i].key, &members[i].key);

        if (status == ONSITE_OK) {
            status = convert(arena, &map->ptr[i].val, depth,
                             &members[i].value);
        }

        if (status != ONSITE_OK) {
            return status;
        }
    }

    *value = (onsite_value_t) { .type = ONSITE_OBJECT, .len = map->size,
                                .as.members = members };

    return ONSITE_OK;
}


static onsite_status_t
convert(onsite_arena_t *arena, const msgpack_object *object, int depth,
    onsite_value_t *value)
{
    onsite_str_t     s;
    onsite_status_t  status;

    switch (object->type) {

    case MSGPACK_OBJECT_NIL:
        *value = (onsite_value_t) { .type = ONSITE_NULL };
        return ONSITE_OK;

    case MSGPACK_OBJECT_BOOLEAN:
        *value = onsite_value_bool(object->via.boolean);
        return ONSITE_OK;

    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        *value = onsite_value_number((double) object->via.u64);
        return ONSITE_OK;

    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        *value = onsite_value_number((double) object->via.i64);
        return ONSITE_OK;

    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        *value = onsite_value_number(object->via.f64);
        return ONSITE_OK;

    case MSGPACK_OBJECT_STR:
        status = convert_str(object, &s);
        *value = onsite_value_string(s);
        return status;

    case MSGPACK_OBJECT_ARRAY:
        return depth == 0 ? ONSITE_CORRUPT
               : convert_array(arena, &object->via.array, depth - 1, value);

    case MSGPACK_OBJECT_MAP:
        return depth == 0 ? ONSITE_CORRUPT
               : convert_map(arena, &object->via.map, depth - 1, value);

    default:
        return ONSITE_CORRUPT;
    }
}


onsite_status_t
onsite_value_read_msgpack(onsite_arena_t *arena, onsite_str_t data,
    onsite_value_t *value)
{
    size_t            offset;
    onsite_status_t   status;
    onsite_reader_t   r;
    msgpack_unpacked  unpacked;

    /* msgpack-c reserves what an array's head announces: pass over it all
     * first, so that no head announces more than there is */

    r.p = (const uint8_t *) data.data;
    r.end = r.p + data.len;
    r.bad = false;
    (void) onsite_read_skip(&r, 1);

    if (r.bad || r.p != r.end) {
        return ONSITE_CORRUPT;
    }

    offset = 0;
    msgpack_unpacked_init(&unpacked);

    if (msgpack_unpack_next(&unpacked, data.data, data.len, &offset)
        == MSGPACK_UNPACK_SUCCESS)
    {
        status = convert(arena, &unpacked.data, ONSITE_JSON_DEPTH_MAX, value);

    } else {
        status = ONSITE_CORRUPT;
    }

    msgpack_unpacked_destroy(&unpacked);

    return status;
}
