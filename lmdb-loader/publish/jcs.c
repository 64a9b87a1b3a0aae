/*
 * jcs.c - canonical JSON (RFC 8785), of integers.
 */

#include "jcs.h"

#include <math.h>
#include <stdlib.h>

static onsite_status_t write_value(onsite_buf_t *out,
    const onsite_value_t *value, onsite_error_t *error);


/* The order of UTF-16: what takes two units there, four bytes here, comes
 * before U+E000 and all behind it, whose first byte is 0xee or 0xef. */

static int
weight(char c)
{
    int  byte = (unsigned char) c;

    if (byte == 0xee || byte == 0xef) {
        return byte + 0x10;
    }

    return byte >= 0xf0 ? byte - 2 : byte;
}


static int
compare_names(const void *a, const void *b)
{
    size_t        i;
    onsite_str_t  x = (*(const onsite_member_t *const *) a)->key;
    onsite_str_t  y = (*(const onsite_member_t *const *) b)->key;

    for (i = 0; i < x.len && i < y.len; i++) {
        if (x.data[i] != y.data[i]) {
            return weight(x.data[i]) - weight(y.data[i]);
        }
    }

    return (x.len > y.len) - (x.len < y.len);
}


static void
write_string(onsite_buf_t *out, onsite_str_t text)
{
    char                 c;
    size_t               i;
    const char          *found;
    static const char    plain[] = "\b\t\n\f\r\"\\";
    static const char    escaped[] = "btnfr\"\\";

    onsite_buf_char(out, '"');

    for (i = 0; i < text.len; i++) {
        c = text.data[i];
        found = c != '\0' ? strchr(plain, c) : NULL;

        if (found != NULL) {
            onsite_buf_char(out, '\\');
            onsite_buf_char(out, escaped[found - plain]);

        } else if ((unsigned char) c < 0x20) {
            onsite_buf_printf(out, "\\u%04x", (unsigned) c);

        } else {
            onsite_buf_char(out, c);
        }
    }

    onsite_buf_char(out, '"');
}


static onsite_status_t
write_number(onsite_buf_t *out, double number, onsite_error_t *error)
{
    char    text[32];
    size_t  len = onsite_number_to_text(number, text);

    if (number != floor(number) || fabs(number) > JCS_INTEGER_MAX) {
        return onsite_error(error, ONSITE_INVALID, "%.*s is not an integer up"
                            " to 2^53 - 1", (int) len, text);
    }

    onsite_buf_append(out, text, len);

    return ONSITE_OK;
}


static onsite_status_t
write_members(onsite_buf_t *out, const onsite_member_t **members, size_t n,
    onsite_error_t *error)
{
    size_t           i;
    onsite_status_t  status;

    onsite_buf_char(out, '{');

    for (i = 0; i < n; i++) {
        if (i != 0) {
            if (onsite_str_eq(members[i - 1]->key, members[i]->key)) {
                return onsite_error(error, ONSITE_INVALID, "\"%.*s\" is "
                                    "there twice", (int) members[i]->key.len,
                                    members[i]->key.data);
            }

            onsite_buf_char(out, ',');
        }

        write_string(out, members[i]->key);
        onsite_buf_char(out, ':');
        status = write_value(out, &members[i]->value, error);

        if (status != ONSITE_OK) {
            return status;
        }
    }

    onsite_buf_char(out, '}');

    return ONSITE_OK;
}


static onsite_status_t
write_object(onsite_buf_t *out, const onsite_value_t *object,
    onsite_str_t without, onsite_error_t *error)
{
    size_t                   i, n;
    onsite_status_t          status;
    const onsite_member_t  **members;

    members = calloc(object->len + 1, sizeof(onsite_member_t *));
    if (members == NULL) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    for (i = 0, n = 0; i < object->len; i++) {
        if (without.len == 0
            || !onsite_str_eq(object->as.members[i].key, without))
        {
            members[n++] = &object->as.members[i];
        }
    }

    qsort(members, n, sizeof(onsite_member_t *), compare_names);
    status = write_members(out, members, n, error);
    free(members);

    return status;
}


static onsite_status_t
write_array(onsite_buf_t *out, const onsite_value_t *array,
    onsite_error_t *error)
{
    size_t           i;
    onsite_status_t  status;

    onsite_buf_char(out, '[');

    for (i = 0; i < array->len; i++) {
        if (i != 0) {
            onsite_buf_char(out, ',');
        }

        status = write_value(out, &array->as.items[i], error);

        if (status != ONSITE_OK) {
            return status;
        }
    }

    onsite_buf_char(out, ']');

    return ONSITE_OK;
}


static onsite_status_t
write_value(onsite_buf_t *out, const onsite_value_t *value,
    onsite_error_t *error)
{
    switch (value->type) {

    case ONSITE_BOOL:
        onsite_buf_printf(out, value->as.boolean ? "true" : "false");
        return ONSITE_OK;

    case ONSITE_NUMBER:
        return write_number(out, value->as.number, error);

    case ONSITE_STRING:
        write_string(out, onsite_value_str(value));
        return ONSITE_OK;

    case ONSITE_ARRAY:
        return write_array(out, value, error);

    case ONSITE_OBJECT:
        return write_object(out, value, ONSITE_STR(""), error);

    default:
        onsite_buf_printf(out, "null");
        return ONSITE_OK;
    }
}


onsite_status_t
jcs_write(onsite_buf_t *out, const onsite_value_t *value,
    onsite_str_t without, onsite_error_t *error)
{
    onsite_status_t  status;

    status = value->type == ONSITE_OBJECT
             ? write_object(out, value, without, error)
             : write_value(out, value, error);

    if (status == ONSITE_OK && out->failed) {
        status = onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    return status;
}
