/*
 * table_row.c - a row of slow data: what it is kept under, and its record.
 */

#include "table.h"

#include "onsite_event.h"
#include "onsite_json_scalar.h"
#include "onsite_msgpack.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define EXACT_MAX  9007199254740992.0       /* 2^53 */

static const char *const  customer_ids[] = {
    "id", "user_id", "customer_id", NULL
};

static const char *const  product_ids[] = {
    "sku", "id", "product_id", NULL
};


const char *const *
table_id_columns(onsite_table_t table)
{
    return table == ONSITE_TABLE_PRODUCTS ? product_ids : customer_ids;
}


static bool
is(onsite_str_t name, const char *text)
{
    return name.len == strlen(text) && memcmp(name.data, text, name.len) == 0;
}


bool
table_is_text_column(onsite_str_t name)
{
    size_t  i;

    static const char *const  names[] = {
        "id", "user_id", "customer_id", "sku", "product_id", "site"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (is(name, names[i])) {
            return true;
        }
    }

    return false;
}


/* An id that JSON has as a number is the text of it. */

static bool
id_text(table_file_t *file, const onsite_value_t *value, onsite_str_t *id)
{
    char    text[32];
    double  n;
    size_t  len;

    if (value->type == ONSITE_STRING) {
        *id = onsite_value_str(value);
        return true;
    }

    n = value->as.number;

    if (value->type != ONSITE_NUMBER || n != floor(n)
        || fabs(n) >= EXACT_MAX)
    {
        return false;
    }

    len = onsite_number_to_text(n, text);
    *id = onsite_arena_copy(file->arena, onsite_str(text, len));

    return id->data != NULL;
}


/* The member that names the row. */

static const onsite_value_t *
find_id(const table_file_t *file, const onsite_value_t *row,
    onsite_str_t *column)
{
    const char *const     *names = table_id_columns(file->source->table);
    const onsite_value_t  *value = NULL;

    if (file->id_column != NULL) {
        *column = onsite_str_of(file->id_column);
        return onsite_value_get(row, *column);
    }

    for (/* void */; *names != NULL && value == NULL; names++) {
        *column = onsite_str_of(*names);
        value = onsite_value_get(row, *column);
    }

    return value;
}


static bool
read_id(table_file_t *file, const onsite_value_t *row, onsite_str_t *id,
    onsite_str_t *column)
{
    size_t                 max;
    const onsite_value_t  *value = find_id(file, row, column);

    max = file->source->table == ONSITE_TABLE_PRODUCTS ? ONSITE_ROW_SKU_MAX
                                                       : ONSITE_USER_ID_MAX;

    if (value == NULL || value->type == ONSITE_NULL
        || (value->type == ONSITE_STRING && value->len == 0))
    {
        table_error(file, *column, "is empty: every row needs one");
        return false;
    }

    if (!id_text(file, value, id)) {
        table_error(file, *column, "is no text: write it in quotation marks");
        return false;
    }

    if (id->len > max) {
        table_error(file, *column, "has %zu bytes; %zu are the most", id->len,
                    max);
        return false;
    }

    return true;
}


static bool
has_campaigns(const loader_tables_t *tables, onsite_str_t site)
{
    size_t  i;

    for (i = 0; i < tables->n_sites; i++) {
        if (onsite_str_eq(tables->sites[i], site)) {
            return true;
        }
    }

    return false;
}


/* Rows of a site without campaigns are right, but nothing reads them. */

static void
note_site(table_file_t *file, onsite_str_t site)
{
    if (has_campaigns(file->tables, site) || file->foreign.data != NULL) {
        return;
    }

    file->foreign = onsite_arena_copy(file->tables->arena, site);

    table_warn(file, onsite_str("", 0), "is of site \"%.*s\", which has no"
               " campaigns: nothing reads it; is a column \"site\" missing,"
               " or --site?", (int) site.len, site.data);
}


static bool
read_site(table_file_t *file, const onsite_value_t *row, onsite_str_t *site)
{
    onsite_str_t           column = ONSITE_STR("site");
    const onsite_value_t  *value = onsite_value_get(row, column);

    *site = file->tables->site;

    if (value != NULL && value->type == ONSITE_STRING && value->len != 0) {
        *site = onsite_value_str(value);

    } else if (value != NULL && value->type != ONSITE_NULL
               && value->type != ONSITE_STRING)
    {
        table_error(file, column, "is no text");
        return false;
    }

    if (site->len > ONSITE_SITE_MAX
        || memchr(site->data, '\0', site->len) != NULL)
    {
        table_error(file, column, "is not 1 .. %d bytes", ONSITE_SITE_MAX);
        return false;
    }

    note_site(file, *site);

    return true;
}


static bool
is_update(const table_file_t *file, onsite_str_t name)
{
    return file->source->table == ONSITE_TABLE_PROFILES
           && (is(name, "updated") || is(name, "updated_at"));
}


/* When a profile was true: in ms, whatever the file writes it as. */

static bool
take_update(table_file_t *file, const onsite_member_t *member,
    onsite_member_t *out)
{
    onsite_ms_t  time;

    if (onsite_time_read(&member->value, &time) != ONSITE_OK) {
        table_error(file, member->key, "is no time: write"
                    " 2026-01-31T08:00:00Z, or seconds or milliseconds since"
                    " 1970");
        return false;
    }

    *out = (onsite_member_t) { ONSITE_STR("updated"),
                               onsite_value_number((double) time) };

    return true;
}


static void
note_age(table_file_t *file, onsite_str_t name)
{
    if (file->source->table == ONSITE_TABLE_PROFILES && !file->aged
        && is(name, "age_seconds"))
    {
        file->aged = true;
        table_warn(file, name, "is never read: profile.age_seconds is told"
                   " from \"updated\"");
    }
}


static void
note_column(table_file_t *file, onsite_str_t name, size_t *at)
{
    if (file->source->table == ONSITE_TABLE_PROFILES) {
        table_note_column(file->tables, is_update(file, name)
                                        ? ONSITE_STR("updated") : name, at);
    }
}


/* What a record keeps: all but its customer's id, its site and nothings; a
 * product its sku, as a text. */

static bool
take_members(table_file_t *file, const onsite_value_t *row,
    onsite_str_t id_column, onsite_str_t id, onsite_value_t *record)
{
    bool                    product;
    size_t                  at = 0;
    uint32_t                i, n = 0;
    onsite_member_t        *members;
    const onsite_member_t  *m = row->as.members;

    product = file->source->table == ONSITE_TABLE_PRODUCTS;
    members = onsite_arena_alloc(file->arena, ((size_t) row->len + 1)
                                              * sizeof(*members));
    if (members == NULL) {
        table_error(file, onsite_str("", 0), "has too many members");
        return false;
    }

    if (product) {
        members[n++] = (onsite_member_t) { ONSITE_STR("sku"),
                                           onsite_value_string(id) };
    }

    for (i = 0; i < row->len; i++, m++) {
        if (onsite_str_eq(m->key, id_column) || is(m->key, "site")
            || m->value.type == ONSITE_NULL || m->value.type == ONSITE_ABSENT
            || (product && is(m->key, "sku")))
        {
            continue;
        }

        note_age(file, m->key);
        note_column(file, m->key, &at);

        if (!is_update(file, m->key)) {
            members[n++] = *m;

        } else if (!take_update(file, m, &members[n++])) {
            return false;
        }
    }

    *record = (onsite_value_t) { .type = ONSITE_OBJECT, .len = n,
                                 .as.members = members };

    return true;
}


static void
store(table_file_t *file, onsite_str_t site, onsite_str_t id,
    onsite_str_t value)
{
    char              product[ONSITE_PRODUCT_KEY_MAX];
    size_t            len;
    uint8_t           customer[16];
    sorter_row_t      row;
    loader_tables_t  *tables = file->tables;
    onsite_table_t    table = file->source->table;

    if (table == ONSITE_TABLE_PRODUCTS) {
        len = onsite_product_key(site, id, product);
        row.key = onsite_str(product, len);

    } else {
        onsite_customer_hash(site, id, customer);
        row.key = onsite_str((const char *) customer, sizeof(customer));
    }

    row.value = value;
    row.file = file->index;
    row.line = file->line;

    if (!sorter_add(tables->sorters[table], &row)) {
        loader_complain("%s: its rows cannot be put aside to sort them: %s",
                        file->source->path, strerror(errno));
        tables->failed = true;
        file->stop = true;
        return;
    }

    tables->rows[table]++;
    tables->bytes[table] += row.key.len + value.len + file->source->list.len;
}


void
table_row(table_file_t *file, const onsite_value_t *row)
{
    char            list;
    onsite_str_t    id, site, column;
    onsite_value_t  record;

    if (!read_id(file, row, &id, &column) || !read_site(file, row, &site)) {
        return;
    }

    if (file->source->table == ONSITE_TABLE_LISTS) {
        list = (char) file->source->list_index;
        store(file, site, id, onsite_str(&list, 1));
        return;
    }

    if (!take_members(file, row, column, id, &record)) {
        return;
    }

    onsite_buf_clear(&file->record);
    onsite_value_write_msgpack(&file->record, &record);

    if (file->record.failed || file->record.len > ONSITE_ROW_BYTES_MAX) {
        table_error(file, onsite_str("", 0), "takes more than %d bytes:"
                    " leave out what no campaign reads",
                    ONSITE_ROW_BYTES_MAX);
        return;
    }

    store(file, site, id, onsite_str(file->record.data, file->record.len));
}


void
table_id_row(table_file_t *file, onsite_str_t id)
{
    onsite_member_t  member = { ONSITE_STR("id"), onsite_value_string(id) };
    onsite_value_t   row = { .type = ONSITE_OBJECT, .len = 1,
                             .as.members = &member };

    table_row(file, &row);
}
