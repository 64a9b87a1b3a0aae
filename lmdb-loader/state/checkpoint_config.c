/*
 * checkpoint_config.c - what the sidecar's configuration says of checkpoints.
 */

#include "checkpoint.h"
#include "loader.h"


static void
take_value(const char **value, const config_section_t *section,
    const char *name)
{
    if (*value == NULL) {
        *value = config_value(section, name);
    }
}


int
checkpoint_configure(checkpoint_said_t *said, const char *path,
    config_t *config)
{
    int                      rc;
    const config_section_t  *section;

    *config = (config_t) { .path = path };
    said->off = false;

    if (path == NULL || (said->state != NULL && said->folder != NULL)) {
        return LOADER_OK;
    }

    rc = config_read(config, path);

    if (rc != LOADER_OK) {
        return rc;
    }

    section = config_section(config, "checkpoint");

    if (section == NULL) {
        loader_complain("%s has no [checkpoint]: there is nothing to do",
                        path);
        said->off = true;
        return LOADER_OK;
    }

    take_value(&said->state, section, "state");
    take_value(&said->folder, section, "to");
    take_value(&said->every, section, "every");
    take_value(&said->keep, section, "keep");

    if (said->state == NULL) {
        said->state = config->state;
    }

    return LOADER_OK;
}
