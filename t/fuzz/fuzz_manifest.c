/*
 * fuzz_manifest.c - any bytes as a manifest, which come from a store: what is
 * read says the same when it is written again in the form that is signed, and
 * nothing verifies that nobody signed.
 */

#include "jcs.h"
#include "manifest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}


static void
check(const manifest_t *m)
{
    onsite_buf_t  form, again;
    manifest_t    read;
    keys_t        nobody = { .n = 0 };

    must(manifest_is_site(m->site) && m->version != 0);
    must(strlen(m->sha256) == FILES_SHA256);
    must(manifest_verify(m, &nobody, NULL) != ONSITE_OK);

    onsite_buf_init(&form, 0);
    onsite_buf_init(&again, 0);
    must(jcs_write(&form, &m->value, ONSITE_STR(""), NULL)
         == ONSITE_OK);
    must(manifest_parse(&read, onsite_str(form.data, form.len), NULL)
         == ONSITE_OK);
    must(read.version == m->version && read.size == m->size
         && read.expires == m->expires && read.n_patches == m->n_patches
         && strcmp(read.body.path, m->body.path) == 0);
    must(jcs_write(&again, &read.value, ONSITE_STR(""), NULL)
         == ONSITE_OK);
    must(again.len == form.len
         && memcmp(again.data, form.data, form.len) == 0);
    manifest_free(&read);
    onsite_buf_free(&form);
    onsite_buf_free(&again);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    manifest_t  manifest;

    if (manifest_parse(&manifest, onsite_str((const char *) data, size), NULL)
        == ONSITE_OK)
    {
        check(&manifest);
    }

    manifest_free(&manifest);

    return 0;
}
