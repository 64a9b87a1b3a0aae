/*
 * keygen.c - `keygen`: a pair of keys, one to publish with, one to trust.
 */

#include "keys.h"
#include "loader.h"


static void
tell(const char *path, const char *id, bool json)
{
    onsite_buf_t  line;

    onsite_buf_init(&line, 0);

    if (json) {
        onsite_buf_printf(&line, "{\"key\":\"%s\",\"secret\":", id);
        onsite_write_json_string(&line, onsite_str(path, strlen(path)));
        onsite_buf_printf(&line, ",\"public\":\"");
        onsite_write_json_text(&line, onsite_str(path, strlen(path)));
        onsite_buf_printf(&line, ".pub\"}");

    } else {
        onsite_buf_printf(&line, "key %s: %s signs, keep it secret; %s.pub "
                          "is what others trust", id, path, path);
    }

    if (!line.failed) {
        (void) printf("%.*s\n", (int) line.len, line.data);
    }

    onsite_buf_free(&line);
}


int
loader_keygen(int argc, char **argv)
{
    char              id[KEYS_ID + 1];
    const char       *output, *force, *json;
    onsite_error_t    error;
    onsite_status_t   status;

    const loader_option_t  options[] = {
        { "output", 'o', "FILE", "the secret key; the public one is FILE.pub",
          &output },
        { "force", 0, NULL, "replace a pair that is there", &force },
        { "json", 0, NULL, "the result as one object", &json },
        { 0 }
    };

    (void) loader_options(argc, argv, options, "-o FILE", 0, 0);

    if (output == NULL) {
        loader_complain("-o FILE is missing");
        return LOADER_USAGE;
    }

    status = keys_generate(output, force != NULL, id, &error);

    if (status != ONSITE_OK) {
        loader_complain("%s%s", error.text, status == ONSITE_INVALID
                        && force == NULL ? " (--force replaces it)" : "");
        return LOADER_FAILED;
    }

    tell(output, id, json != NULL);

    return LOADER_OK;
}
