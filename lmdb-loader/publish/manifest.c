/*
 * manifest.c - manifests: read, verified, written.
 */

#include "manifest.h"

#include "jcs.h"
#include "onsite_event.h"
#include "onsite_image.h"
#include "onsite_json.h"
#include "onsite_snapshot.h"
#include "onsite_visitor_json.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TYPE          "onsite-manifest"
#define SIGNATURES    ONSITE_STR("signatures")

/* base64 of a signature, and the room that EVP_DecodeBlock wants */
#define ENCODED       88
#define DECODED       66

#define ARENA_CHUNK   (16 * 1024)
#define ARENA_MAX     (8 * 1024 * 1024)


/* Members.  What is wrong is told of the first one only. */

typedef struct {
    const onsite_value_t  *object;
    const char            *where;       /* "", "body."                     */
    onsite_status_t        status;
    onsite_error_t        *error;
} reader_t;


static void
wrong(reader_t *r, const char *name, const char *what)
{
    if (r->status == ONSITE_OK) {
        r->status = onsite_error(r->error, ONSITE_INVALID, "%s%s %s",
                                 r->where, name, what);
    }
}


static const onsite_value_t *
member(reader_t *r, const char *name)
{
    static const onsite_value_t  absent;
    const onsite_value_t        *value;

    value = onsite_value_get(r->object, onsite_str(name, strlen(name)));

    return value != NULL ? value : &absent;
}


static uint64_t
read_integer(reader_t *r, const char *name)
{
    const onsite_value_t  *value = member(r, name);

    if (value->type != ONSITE_NUMBER || value->as.number < 0
        || value->as.number > JCS_INTEGER_MAX)
    {
        wrong(r, name, "has to be a whole number");
        return 0;
    }

    return (uint64_t) value->as.number;
}


static onsite_str_t
read_string(reader_t *r, const char *name)
{
    const onsite_value_t  *value = member(r, name);

    if (value->type != ONSITE_STRING) {
        wrong(r, name, "has to be a string");
        return ONSITE_STR("");
    }

    return onsite_value_str(value);
}


static void
read_sha256(reader_t *r, const char *name, char hex[FILES_SHA256 + 1])
{
    onsite_str_t  text = read_string(r, name);

    if (!files_is_sha256(text)) {
        wrong(r, name, "has to be 64 lower-case hex digits");
        return;
    }

    memcpy(hex, text.data, FILES_SHA256);
    hex[FILES_SHA256] = '\0';
}


/* One way to write it: UTC, as RFC 3339 has it. */

static onsite_ms_t
read_time(reader_t *r, const char *name)
{
    onsite_ms_t            time = 0;
    const onsite_value_t  *value = member(r, name);

    if (value->type != ONSITE_STRING || value->len < 20
        || value->as.string[10] != 'T'
        || value->as.string[value->len - 1] != 'Z'
        || onsite_time_read(value, &time) != ONSITE_OK)
    {
        wrong(r, name, "has to be a time such as 2026-01-31T08:00:00Z");
    }

    return time;
}


/* A name of one part: it can lead nowhere else. */

static bool
is_plain(onsite_str_t text, size_t max)
{
    char    c;
    size_t  i;

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z') || c == '_' || c == '-'
              || (c == '.' && i != 0)))
        {
            return false;
        }
    }

    return text.len != 0 && text.len <= max;
}


bool
manifest_is_site(const char *site)
{
    return is_plain(onsite_str(site, strlen(site)), MANIFEST_SITE_MAX);
}


static void
read_name(reader_t *r, const char *name, char *out, size_t max)
{
    onsite_str_t  text = read_string(r, name);

    if (!is_plain(text, max)) {
        wrong(r, name, "has to be a plain name of letters, digits, \".\", "
              "\"_\" and \"-\"");
        return;
    }

    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}


static void
read_object(reader_t *r, const onsite_value_t *value, const char *where)
{
    r->object = value;
    r->where = where;

    if (value->type != ONSITE_OBJECT) {
        wrong(r, "", "has to be an object");
    }
}


static void
read_body(reader_t *r, manifest_file_t *file)
{
    read_name(r, "path", file->path, MANIFEST_PATH_MAX);
    read_sha256(r, "sha256", file->sha256);
    file->size = read_integer(r, "size");
}


static void
read_patches(reader_t *r, manifest_t *m)
{
    size_t                 i;
    const onsite_value_t  *patches = member(r, "patches");

    if (patches->type != ONSITE_ARRAY
        || patches->len > MANIFEST_PATCHES_MAX)
    {
        wrong(r, "patches", "has to be an array of a few objects");
        return;
    }

    m->n_patches = patches->len;

    for (i = 0; i < m->n_patches; i++) {
        read_object(r, &patches->as.items[i], "patches.");
        read_body(r, &m->patches[i]);
        read_sha256(r, "from", m->patches[i].from);
    }
}


static void
read_previous(reader_t *r, manifest_t *m)
{
    const onsite_value_t  *previous = member(r, "previous");

    if (previous->type == ONSITE_NULL) {
        return;
    }

    read_object(r, previous, "previous.");
    m->previous = read_integer(r, "version");
    read_sha256(r, "sha256", m->previous_sha256);
}


/* Whether it is for this version, before more is read of it. */

static void
read_format(reader_t *r)
{
    uint64_t               format, snapshot, image;
    const onsite_value_t  *outer = r->object;

    if (!onsite_str_eq(read_string(r, "type"), ONSITE_STR(TYPE))) {
        wrong(r, "type", "is not \"" TYPE "\"");
    }

    format = read_integer(r, "format");

    if (r->status == ONSITE_OK && format != MANIFEST_FORMAT) {
        r->status = onsite_error(r->error, ONSITE_VERSION, "format is %llu, "
                                 "this version reads %d",
                                 (unsigned long long) format,
                                 MANIFEST_FORMAT);
    }

    if (r->status == ONSITE_OK
        && !onsite_str_eq(read_string(r, "lmdb"), ONSITE_STR(MANIFEST_LMDB)))
    {
        r->status = onsite_error(r->error, ONSITE_VERSION, "lmdb is not \""
                                 MANIFEST_LMDB "\", which this version reads");
    }

    read_object(r, member(r, "schema"), "schema.");
    snapshot = read_integer(r, "snapshot");
    image = read_integer(r, "image");

    if (r->status == ONSITE_OK
        && (snapshot != ONSITE_SNAPSHOT_FORMAT
            || image != ONSITE_IMAGE_VERSION))
    {
        r->status = onsite_error(r->error, ONSITE_VERSION, "schema is "
                                 "snapshot %llu, image %llu, this version "
                                 "reads %d and %d: publish with, and run, "
                                 "the same version everywhere",
                                 (unsigned long long) snapshot,
                                 (unsigned long long) image,
                                 ONSITE_SNAPSHOT_FORMAT,
                                 ONSITE_IMAGE_VERSION);
    }

    read_object(r, outer, "");
}


static void
read_signatures(reader_t *r)
{
    size_t                 i;
    const onsite_value_t  *signatures = member(r, "signatures");

    if (signatures->type != ONSITE_ARRAY
        || signatures->len > MANIFEST_SIGNATURES_MAX)
    {
        wrong(r, "signatures", "has to be an array of a few objects: an "
              "unsigned manifest is none");
        return;
    }

    for (i = 0; i < signatures->len; i++) {
        read_object(r, &signatures->as.items[i], "signatures.");
        (void) read_string(r, "key");
        (void) read_string(r, "signature");
    }
}


static void
read_manifest(reader_t *r, manifest_t *m)
{
    const onsite_value_t  *outer = r->object;

    read_format(r);
    read_name(r, "site", m->site, MANIFEST_SITE_MAX);
    m->version = read_integer(r, "version");
    m->created = read_time(r, "created");
    m->expires = read_time(r, "expires");
    m->size = read_integer(r, "size");
    read_sha256(r, "sha256", m->sha256);

    if (m->version == 0) {
        wrong(r, "version", "has to be above 0");
    }

    read_previous(r, m);
    read_object(r, outer, "");
    read_patches(r, m);
    read_object(r, outer, "");
    read_signatures(r);
    read_object(r, outer, "");
    read_object(r, member(r, "body"), "body.");
    read_body(r, &m->body);
}


/* Names that are there twice, and numbers that are none of ours, anywhere. */

static onsite_status_t
check_form(const onsite_value_t *value, onsite_error_t *error)
{
    onsite_buf_t     scratch;
    onsite_status_t  status;

    onsite_buf_init(&scratch, 0);
    status = jcs_write(&scratch, value, ONSITE_STR(""), error);
    onsite_buf_free(&scratch);

    return status;
}


static onsite_status_t
parse_text(manifest_t *m, onsite_str_t text, onsite_error_t *error)
{
    onsite_json_t    *json;
    onsite_status_t   status;

    m->arena = onsite_arena_create(ARENA_CHUNK, ARENA_MAX);
    json = onsite_json_create();

    status = m->arena != NULL && json != NULL
             ? onsite_json_parse(json, m->arena, text, &m->value, error)
             : onsite_error(error, ONSITE_NO_MEMORY, "out of memory");

    onsite_json_destroy(json);

    return status == ONSITE_OK ? check_form(&m->value, error) : status;
}


onsite_status_t
manifest_parse(manifest_t *manifest, onsite_str_t text,
    onsite_error_t *error)
{
    reader_t         r = { .where = "", .error = error };
    onsite_status_t  status;

    memset(manifest, 0, sizeof(*manifest));

    if (text.len > MANIFEST_TEXT_MAX) {
        return onsite_error(error, ONSITE_LIMIT, "it has more than %d bytes",
                            MANIFEST_TEXT_MAX);
    }

    status = parse_text(manifest, text, error);
    if (status != ONSITE_OK) {
        return status;
    }

    read_object(&r, &manifest->value, "");

    if (r.status == ONSITE_OK) {
        read_manifest(&r, manifest);
    }

    return r.status;
}


void
manifest_free(manifest_t *manifest)
{
    onsite_arena_destroy(manifest->arena);
    manifest->arena = NULL;
}


/* Signatures */

static onsite_status_t
signed_text(onsite_buf_t *out, const onsite_value_t *value,
    onsite_error_t *error)
{
    onsite_buf_str(out, ONSITE_STR(MANIFEST_DOMAIN));

    return jcs_write(out, value, SIGNATURES, error);
}


/* The one text that a signature has. */

static bool
decode(onsite_str_t text, uint8_t signature[KEYS_SIGNATURE])
{
    unsigned char  bytes[DECODED];
    unsigned char  again[ENCODED + 1];

    if (text.len != ENCODED
        || EVP_DecodeBlock(bytes, (const unsigned char *) text.data, ENCODED)
           != DECODED)
    {
        return false;
    }

    (void) EVP_EncodeBlock(again, bytes, KEYS_SIGNATURE);
    memcpy(signature, bytes, KEYS_SIGNATURE);

    return memcmp(again, text.data, ENCODED) == 0;
}


static onsite_status_t
not_trusted(const onsite_value_t *signatures, const keys_t *trust,
    onsite_error_t *error)
{
    char          trusted[KEYS_MAX * (KEYS_ID + 2) + 1];
    size_t        i;
    onsite_str_t  key;
    onsite_buf_t  by;

    keys_list(trust, trusted, sizeof(trusted));
    onsite_buf_init(&by, 0);

    for (i = 0; i < signatures->len; i++) {
        key = onsite_value_get_str(&signatures->as.items[i],
                                   ONSITE_STR("key"));
        onsite_buf_printf(&by, "%s%.*s", i != 0 ? ", " : "",
                          (int) (key.len < KEYS_ID ? key.len : KEYS_ID),
                          key.data);
    }

    (void) onsite_error(error, ONSITE_INVALID, "it is signed by none of the "
                        "keys that are trusted: signed by %.*s, trusted %.150s",
                        by.len != 0 ? (int) (by.len < 150 ? by.len : 150) : 6,
                        by.len != 0 ? by.data : "nobody",
                        trust->n != 0 ? trusted : "none");
    onsite_buf_free(&by);

    return ONSITE_INVALID;
}


onsite_status_t
manifest_verify(const manifest_t *manifest, const keys_t *trust,
    onsite_error_t *error)
{
    size_t                 i;
    uint8_t                signature[KEYS_SIGNATURE];
    const char            *broken = NULL;
    onsite_buf_t           text;
    onsite_status_t        status;
    const keys_one_t      *key;
    const onsite_value_t  *one, *signatures;

    signatures = onsite_value_get(&manifest->value, SIGNATURES);

    onsite_buf_init(&text, 0);
    status = signed_text(&text, &manifest->value, error);

    for (i = 0; status == ONSITE_OK && i < signatures->len; i++) {
        one = &signatures->as.items[i];
        key = keys_find(trust, onsite_value_get_str(one, ONSITE_STR("key")));

        if (key == NULL) {
            continue;
        }

        if (decode(onsite_value_get_str(one, ONSITE_STR("signature")),
                   signature)
            && keys_verify(key, onsite_str(text.data, text.len), signature))
        {
            onsite_buf_free(&text);
            return ONSITE_OK;
        }

        broken = key->id;
    }

    onsite_buf_free(&text);

    if (status != ONSITE_OK) {
        return status;
    }

    return broken == NULL ? not_trusted(signatures, trust, error)
           : onsite_error(error, ONSITE_INVALID, "the signature by %s is "
                          "wrong: it was changed after it was signed",
                          broken);
}


/* Writing */

static void
write_file(onsite_buf_t *out, const manifest_file_t *file)
{
    onsite_buf_printf(out, "{ \"path\": \"%s\", \"size\": %llu, \"sha256\": "
                      "\"%s\"", file->path, (unsigned long long) file->size,
                      file->sha256);

    if (file->from[0] != '\0') {
        onsite_buf_printf(out, ", \"from\": \"%s\"", file->from);
    }

    onsite_buf_str(out, ONSITE_STR(" }"));
}


static void
write_patches(onsite_buf_t *out, const manifest_t *m)
{
    size_t  i;

    onsite_buf_printf(out, ",\n  \"patches\": [");

    for (i = 0; i < m->n_patches; i++) {
        onsite_buf_printf(out, "%s\n    ", i != 0 ? "," : "");
        write_file(out, &m->patches[i]);
    }

    onsite_buf_printf(out, m->n_patches != 0 ? "\n  ]" : "]");
}


/* All but the signatures and the closing brace. */

static void
write_members(onsite_buf_t *out, const manifest_t *m)
{
    onsite_buf_printf(out, "{\n  \"type\": \"" TYPE "\",\n  \"format\": %d,\n"
                      "  \"site\": \"%s\",\n  \"version\": %llu,\n"
                      "  \"created\": ", MANIFEST_FORMAT, m->site,
                      (unsigned long long) m->version);
    onsite_write_time(out, m->created);
    onsite_buf_printf(out, ",\n  \"expires\": ");
    onsite_write_time(out, m->expires);
    onsite_buf_printf(out, ",\n  \"lmdb\": \"" MANIFEST_LMDB "\",\n"
                      "  \"schema\": { \"snapshot\": %d, \"image\": %d },\n"
                      "  \"size\": %llu,\n  \"sha256\": \"%s\",\n"
                      "  \"body\": ", ONSITE_SNAPSHOT_FORMAT,
                      ONSITE_IMAGE_VERSION, (unsigned long long) m->size,
                      m->sha256);
    write_file(out, &m->body);

    if (m->previous != 0) {
        onsite_buf_printf(out, ",\n  \"previous\": { \"version\": %llu, "
                          "\"sha256\": \"%s\" }",
                          (unsigned long long) m->previous,
                          m->previous_sha256);
    } else {
        onsite_buf_printf(out, ",\n  \"previous\": null");
    }

    write_patches(out, m);
}


static bool
write_signatures(onsite_buf_t *out, onsite_str_t text, const keys_t *keys)
{
    size_t         i;
    uint8_t        signature[KEYS_SIGNATURE];
    unsigned char  encoded[ENCODED + 1];

    onsite_buf_printf(out, ",\n  \"signatures\": [");

    for (i = 0; i < keys->n; i++) {
        if (!keys_sign(&keys->key[i], text, signature)) {
            return false;
        }

        (void) EVP_EncodeBlock(encoded, signature, KEYS_SIGNATURE);
        onsite_buf_printf(out, "%s\n    { \"key\": \"%s\", \"signature\": "
                          "\"%s\" }", i != 0 ? "," : "", keys->key[i].id,
                          (const char *) encoded);
    }

    onsite_buf_printf(out, "\n  ]\n}\n");

    return true;
}


/* What is signed is what a reader will make of the text. */

static onsite_status_t
text_to_sign(onsite_buf_t *text, onsite_buf_t *members,
    onsite_error_t *error)
{
    manifest_t       m = { .arena = NULL };
    onsite_status_t  status;

    onsite_buf_char(members, '}');

    if (members->failed) {
        return onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    status = parse_text(&m, onsite_str(members->data, members->len), error);

    if (status == ONSITE_OK) {
        status = signed_text(text, &m.value, error);
    }

    manifest_free(&m);
    members->len--;

    return status;
}


onsite_status_t
manifest_write(onsite_buf_t *out, const manifest_t *manifest,
    const keys_t *keys, onsite_error_t *error)
{
    onsite_buf_t     text;
    onsite_status_t  status;

    onsite_buf_init(&text, 0);
    write_members(out, manifest);
    status = text_to_sign(&text, out, error);

    if (status == ONSITE_OK
        && !write_signatures(out, onsite_str(text.data, text.len), keys))
    {
        status = onsite_error(error, ONSITE_IO, "it cannot be signed");
    }

    onsite_buf_free(&text);

    if (status == ONSITE_OK && out->failed) {
        status = onsite_error(error, ONSITE_NO_MEMORY, "out of memory");
    }

    return status;
}


const char *
manifest_time(onsite_ms_t time, char text[MANIFEST_TIME])
{
    time_t     seconds = (time_t) (time / ONSITE_SECOND);
    struct tm  parts;

    if (gmtime_r(&seconds, &parts) == NULL
        || strftime(text, MANIFEST_TIME, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
    {
        (void) snprintf(text, MANIFEST_TIME, "%lld s",
                        (long long) (time / ONSITE_SECOND));
    }

    return text;
}
