/*
 * facts_kept.c - how a POP is: live snapshots, and checkpoints.
 */

#include "facts.h"

#include "checkpoint.h"
#include "onsite_snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>


static void
cannot(facts_sync_t *sync, const char *why)
{
    sync->good = false;
    (void) snprintf(sync->why, sizeof(sync->why), "%.*s", FACTS_WHY - 1, why);
}


/* All its bytes are read. */

static void
look_at_file(facts_sync_t *sync)
{
    uint64_t                       size;
    onsite_error_t                 error = { "" };
    onsite_snapshot_t             *snapshot;
    const onsite_snapshot_info_t  *info;

    if (onsite_snapshot_open(sync->file, &snapshot, &error) != ONSITE_OK) {
        cannot(sync, error.text);
        return;
    }

    info = onsite_snapshot_info(snapshot);
    sync->version = info->version;
    sync->built = info->built;
    sync->campaigns = info->campaigns;
    sync->bytes = info->bytes;
    onsite_snapshot_close(snapshot);

    if (sync->is_signed
        && files_sha256(sync->file, sync->sha256, &size, &error) != ONSITE_OK)
    {
        cannot(sync, error.text);
        return;
    }

    sync->good = true;
    sync->why[0] = '\0';
}


/* It has to be what sync says that it is. */

static void
compare(facts_sync_t *sync)
{
    char             text[FACTS_WHY];
    kept_t           kept;
    onsite_error_t   error = { "" };
    onsite_status_t  status;

    status = kept_init(&kept, sync->file, &error);

    if (status == ONSITE_OK) {
        status = kept_read(&kept, &sync->kept, &error);
    }

    if (status != ONSITE_OK) {
        memset(&sync->kept, 0, sizeof(sync->kept));
        cannot(sync, error.text);
        return;
    }

    if (sync->good && strcmp(sync->sha256, sync->kept.live.sha256) != 0) {
        (void) snprintf(text, sizeof(text), "%.200s is not version %llu, as "
                        "state.json says", sync->file,
                        (unsigned long long) sync->kept.live.version);
        cannot(sync, text);
    }
}


static void
look(facts_source_t *source, size_t i, facts_sync_t *sync)
{
    char                 why[FACTS_WHY];
    struct stat          st;
    facts_sync_t        *found = &source->syncs[i].found;
    unsigned long long  *seen = source->syncs[i].seen;

    if (stat(sync->file, &st) != 0) {
        memset(seen, 0, sizeof(source->syncs[i].seen));
        (void) snprintf(why, sizeof(why), "%.300s: %s", sync->file,
                        strerror(errno));
        cannot(sync, why);

    } else {
        unsigned long long  now[] = {
            st.st_dev, st.st_ino, (unsigned long long) st.st_size,
            (unsigned long long) st.st_mtim.tv_sec,
            (unsigned long long) st.st_mtim.tv_nsec
        };

        if (memcmp(seen, now, sizeof(now)) == 0) {
            *sync = *found;

        } else {
            look_at_file(sync);
            memcpy(seen, now, sizeof(now));
            *found = *sync;
        }

        sync->since = (onsite_ms_t) st.st_ctim.tv_sec * ONSITE_SECOND;
    }

    if (sync->is_signed) {
        compare(sync);
    }
}


void
facts_of_syncs(facts_source_t *source, facts_t *facts)
{
    size_t                   i;
    facts_sync_t            *sync;
    const char              *to;
    const config_section_t  *section;

    for (i = 0; facts->config != NULL && i < facts->config->n; i++) {
        section = &facts->config->sections[i];
        to = config_value(section, "to");

        if (strcmp(section->kind, "sync") != 0 || to == NULL
            || facts->n_syncs == FACTS_SYNCS)
        {
            continue;
        }

        sync = &facts->syncs[facts->n_syncs];
        *sync = (facts_sync_t) { .good = false };
        (void) snprintf(sync->section, sizeof(sync->section), "%s",
                        section->name);
        (void) snprintf(sync->file, sizeof(sync->file), "%s", to);
        sync->is_signed = config_value(section, "trust") != NULL;
        look(source, facts->n_syncs++, sync);
    }
}


/* Of one that is dated ahead its maker knows when it was made: where it has
 * made one since it runs. */

static void
date(const facts_t *facts, facts_checkpoint_t *c)
{
    size_t                 i;
    const sidecar_slot_t  *slot;

    c->made = c->latest;

    if (c->latest - facts->now <= CHECKPOINT_AHEAD) {
        return;
    }

    c->ahead = c->latest - facts->now;

    for (i = 0; facts->sidecar != NULL && i < SIDECAR_SLOTS; i++) {
        slot = &facts->sidecar->slots[i];

        if (slot->phase != SIDECAR_FREE && slot->task.good != 0
            && strcmp(slot->name, c->section) == 0)
        {
            c->made = slot->task.good;
        }
    }
}


static void
look_into(facts_checkpoint_t *c)
{
    onsite_ms_t  *times;

    times = malloc(CHECKPOINT_MAX * sizeof(onsite_ms_t));

    if (times != NULL) {
        c->n = checkpoint_list(c->folder, times);
        c->latest = c->n != 0 ? times[0] : 0;
    }

    free(times);
}


void
facts_of_checkpoints(facts_t *facts)
{
    size_t                   i;
    const char              *to, *every;
    facts_checkpoint_t      *c = &facts->checkpoint;
    const config_section_t  *section;

    for (i = 0; facts->config != NULL && i < facts->config->n; i++) {
        section = &facts->config->sections[i];
        to = config_value(section, "to");

        if (strcmp(section->kind, "checkpoint") != 0 || to == NULL) {
            continue;
        }

        (void) snprintf(c->section, sizeof(c->section), "%s", section->name);
        (void) snprintf(c->folder, sizeof(c->folder), "%s", to);
        every = config_value(section, "every");

        if (every == NULL
            || onsite_duration_read(onsite_str_of(every), &c->every)
               != ONSITE_OK)
        {
            c->every = CHECKPOINT_EVERY;
        }

        look_into(c);
        date(facts, c);

        return;
    }
}
