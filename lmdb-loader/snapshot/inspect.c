/*
 * inspect.c - `inspect`: what a snapshot holds.
 */

#include "loader.h"

#include "onsite_msgpack.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK  (64 * 1024)
#define ARENA_MAX    (64 << 20)


/* One campaign as its definition, one line. */

static bool
print_definition(void *data, onsite_str_t site, onsite_str_t id,
    onsite_str_t definition)
{
    onsite_buf_t    line;
    onsite_value_t  value;
    onsite_arena_t  *arena = data;

    (void) site;
    onsite_arena_reset(arena);

    if (onsite_value_read_msgpack(arena, definition, &value) != ONSITE_OK) {
        loader_complain("campaign \"%.*s\": its definition does not decode",
                        (int) id.len, id.data);
        return false;
    }

    onsite_buf_init(&line, 0);
    onsite_value_write_json(&line, &value);
    onsite_buf_char(&line, '\n');

    if (!line.failed) {
        (void) fwrite(line.data, 1, line.len, stdout);
    }

    onsite_buf_free(&line);

    return true;
}


static void
write_info(onsite_buf_t *out, const char *path,
    const onsite_snapshot_info_t *info)
{
    onsite_buf_printf(out, "{\"file\":");
    onsite_write_json_string(out, onsite_str_of(path));
    onsite_buf_printf(out, ",\"format\":%d,\"version\":%llu,\"built\":",
                      ONSITE_SNAPSHOT_FORMAT,
                      (unsigned long long) info->version);
    loader_write_time(out, info->built);
    onsite_buf_printf(out, ",\"bytes\":%llu,\"campaigns\":%llu,\"sites\":[",
                      (unsigned long long) info->bytes,
                      (unsigned long long) info->campaigns);
}


/* Rows of slow data. */

static void
write_tables(onsite_buf_t *out, const onsite_snapshot_info_t *info)
{
    onsite_buf_printf(out, "],\"profiles\":%llu,\"listed\":%llu,"
                      "\"products\":%llu}\n",
                      (unsigned long long) info->profiles,
                      (unsigned long long) info->listed,
                      (unsigned long long) info->products);
}


static void
write_site(onsite_buf_t *out, onsite_str_t name, const onsite_image_t *image)
{
    const onsite_image_header_t  *header = onsite_image_header(image);

    onsite_buf_printf(out, "{\"site\":");
    onsite_write_json_string(out, name);
    onsite_buf_printf(out, ",\"campaigns\":%u,\"journeys\":%u,"
                      "\"segments\":%u,\"affinities\":%u,"
                      "\"image_bytes\":%u,\"attributes\":%u,"
                      "\"regexes\":%u,\"zones\":%u}",
                      header->n_campaigns, loader_count_journeys(image),
                      header->n_segments, header->n_affinities, header->size,
                      header->n_slots, header->n_regexes, header->n_zones);
}


static void
print_json(const char *path, const onsite_snapshot_t *snapshot)
{
    size_t                         i;
    onsite_buf_t                   out;
    onsite_str_t                   name;
    onsite_image_t                 image;
    const onsite_snapshot_info_t  *info = onsite_snapshot_info(snapshot);

    onsite_buf_init(&out, 0);
    write_info(&out, path, info);

    for (i = 0; i < info->sites; i++) {
        if (onsite_snapshot_site(snapshot, i, &name, &image) == ONSITE_OK) {
            if (i != 0) {
                onsite_buf_char(&out, ',');
            }
            write_site(&out, name, &image);
        }
    }

    write_tables(&out, info);

    if (!out.failed) {
        (void) fwrite(out.data, 1, out.len, stdout);
    }

    onsite_buf_free(&out);
}


static void
print_campaigns(const onsite_image_t *image)
{
    uint32_t                      i;
    onsite_buf_t                  trigger;
    onsite_str_t                  id, channel;
    const onsite_campaign_t      *c;
    const onsite_image_header_t  *header = onsite_image_header(image);

    c = onsite_image_at(image, header->campaigns);

    for (i = 0; i < header->n_campaigns; i++, c++) {
        id = onsite_image_str(image, c->id);
        channel = onsite_channel_text(c->channel);

        onsite_buf_init(&trigger, 0);
        loader_write_trigger(&trigger, image, i);

        if (c->when.len != 0) {
            onsite_buf_printf(&trigger, ", when ");
            onsite_buf_str(&trigger, onsite_image_str(image, c->when));
        }

        (void) printf("  %-32.*s %4d  %-12.*s on %.*s\n", (int) id.len,
                      id.data, c->priority, (int) channel.len, channel.data,
                      (int) trigger.len, trigger.data);
        onsite_buf_free(&trigger);
    }
}


static void
print_text(const char *path, const onsite_snapshot_t *snapshot)
{
    size_t                         i;
    onsite_buf_t                   built;
    onsite_str_t                   name;
    onsite_image_t                 image;
    const onsite_snapshot_info_t  *info = onsite_snapshot_info(snapshot);

    onsite_buf_init(&built, 0);
    loader_write_time(&built, info->built);

    (void) printf("%s: version %llu, built %.*s, %llu bytes, verified\n",
                  path, (unsigned long long) info->version, (int) built.len,
                  built.data, (unsigned long long) info->bytes);
    onsite_buf_free(&built);

    if (info->profiles + info->listed + info->products != 0) {
        (void) printf("slow data: %llu profiles, %llu customers on lists, "
                      "%llu products\n", (unsigned long long) info->profiles,
                      (unsigned long long) info->listed,
                      (unsigned long long) info->products);
    }

    for (i = 0; i < info->sites; i++) {
        if (onsite_snapshot_site(snapshot, i, &name, &image) == ONSITE_OK) {
            (void) printf("site %.*s: %u campaigns, %u bytes\n",
                          (int) name.len, name.data,
                          onsite_image_header(&image)->n_campaigns,
                          onsite_image_header(&image)->size);
            print_campaigns(&image);
            loader_print_others(&image);
        }
    }
}


static int
print_definitions(const onsite_snapshot_t *snapshot)
{
    onsite_arena_t   *arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    onsite_status_t   status;

    if (arena == NULL) {
        return LOADER_FAILED;
    }

    status = onsite_snapshot_walk(snapshot, print_definition, arena);
    onsite_arena_destroy(arena);

    return status == ONSITE_OK ? LOADER_OK : LOADER_FAILED;
}


/* What a look-up finds, as JSON; null: nothing. */

static void
write_record(onsite_buf_t *out, onsite_arena_t *arena, bool found,
    onsite_str_t record)
{
    onsite_value_t  value = { .type = ONSITE_NULL };

    if (found) {
        value = onsite_record_value(arena, record, NULL, 0);
    }

    onsite_value_write_json(out, &value);
}


static bool
write_row(onsite_buf_t *out, onsite_arena_t *arena,
    const onsite_tables_t *tables, const char *customer, const char *sku)
{
    bool          profile = false, lists = false, product = false;
    onsite_str_t  id, record = { 0, NULL };

    if (customer != NULL) {
        id = onsite_str_of(customer);
        profile = tables->profile(tables->data, id, &record);
        onsite_buf_printf(out, ",\"profile\":");
        write_record(out, arena, profile, record);

        lists = tables->lists(tables->data, id, &record);
        onsite_buf_printf(out, ",\"lists\":");
        write_record(out, arena, lists, record);
    }

    if (sku != NULL) {
        id = onsite_str_of(sku);
        product = tables->product(tables->data, id, &record);
        onsite_buf_printf(out, ",\"product\":");
        write_record(out, arena, product, record);
    }

    return profile || lists || product;
}


static int
print_row(const onsite_snapshot_t *snapshot, const char *site,
    const char *customer, const char *sku)
{
    bool                       found;
    onsite_buf_t               out;
    onsite_arena_t            *arena;
    onsite_snapshot_tables_t   tables;

    arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    if (arena == NULL) {
        return LOADER_FAILED;
    }

    site = site != NULL ? site : "default";
    (void) onsite_snapshot_tables(snapshot, onsite_str_of(site),
                                  &tables);

    onsite_buf_init(&out, 0);
    onsite_buf_printf(&out, "{\"site\":");
    onsite_write_json_string(&out, onsite_str_of(site));
    found = write_row(&out, arena, &tables.tables, customer, sku);
    onsite_buf_append(&out, "}\n", 2);

    if (!out.failed) {
        (void) fwrite(out.data, 1, out.len, stdout);
    }

    onsite_buf_free(&out);
    onsite_arena_destroy(arena);

    return found ? LOADER_OK : LOADER_FAILED;
}


int
loader_inspect(int argc, char **argv)
{
    int                 rc = LOADER_OK;
    const char         *json, *campaigns, *customer, *sku, *site;
    onsite_error_t      error = { "" };
    onsite_snapshot_t  *snapshot;

    const loader_option_t  options[] = {
        { "json", 0, NULL, "facts as one JSON object", &json },
        { "campaigns", 0, NULL, "the campaigns' definitions as NDJSON",
          &campaigns },
        { "customer", 0, "ID", "a customer's profile and lists; exit 1: there"
          " are none", &customer },
        { "sku", 0, "SKU", "a product; likewise", &sku },
        { "site", 0, "S", "whose; default: default", &site },
        { 0 }
    };

    (void) loader_options(argc, argv, options, "FILE", 1, 1);
    loader_needs_file(argv[0]);

    if (onsite_snapshot_open(argv[0], &snapshot, &error) != ONSITE_OK) {
        loader_complain("%s", error.text);
        return LOADER_FAILED;
    }

    if (customer != NULL || sku != NULL) {
        rc = print_row(snapshot, site, customer, sku);

    } else if (campaigns != NULL) {
        rc = print_definitions(snapshot);

    } else if (json != NULL) {
        print_json(argv[0], snapshot);

    } else {
        print_text(argv[0], snapshot);
    }

    onsite_snapshot_close(snapshot);

    return rc;
}
