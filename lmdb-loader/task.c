/*
 * task.c - what a command that keeps running tells of itself.
 */

#include "task.h"

#include "loader.h"

const task_named_t  task_names[TASK_COUNTERS] = {
    [TASK_SYNC_TAKEN] = { "sync_taken", "Snapshots that went live." },
    [TASK_SYNC_FAILED] = { "sync_failed",
                           "Looks at a store that failed." },
    [TASK_SYNC_TOLD] = { "sync_told",
                         "Announcements of snapshots that were heard." },
    [TASK_SYNC_AWAY] = { "sync_away", "Times that NATS went away." },
    [TASK_DRAIN_EVENTS] = { "drain_events", "Events that left." },
    [TASK_DRAIN_BYTES] = { "drain_bytes", "Bytes of events that left." },
    [TASK_DRAIN_REJECTED] = { "drain_rejected",
                              "Events that a sink would never take." },
    [TASK_DRAIN_DAMAGED] = { "drain_damaged",
                             "Entries that could not be read." },
    [TASK_DRAIN_FAILED] = { "drain_failed", "Times that a sink failed." },
    [TASK_CHECKPOINT_MADE] = { "checkpoints", "Checkpoints that were made." },
    [TASK_CHECKPOINT_FAILED] = { "checkpoints_failed",
                                 "Checkpoints that could not be made." },
    [TASK_ROAM_MERGED] = { "roam_merged",
                           "Records of other machines that joined ours." },
    [TASK_ROAM_PUT] = { "roam_put", "Records put for other machines." },
    [TASK_ROAM_GIVEN_UP] = { "roam_given_up",
                             "Visitors of whom nothing was heard in time." },
    [TASK_ROAM_UNKNOWN] = { "roam_unknown",
                            "Visitors whom no other machine knew." },
    [TASK_ROAM_FAILED] = { "roam_failed", "Rounds that failed." },
    [TASK_DELIVER_SENT] = { "deliver_sent", "Deliveries that arrived." },
    [TASK_DELIVER_RETRIED] = { "deliver_retried",
                               "Attempts that failed and are repeated." },
    [TASK_DELIVER_DEAD] = { "deliver_dead", "Deliveries given up." },
    [TASK_DELIVER_LOST] = { "deliver_lost",
                            "Given up ones that made room for others." },
    [TASK_DELIVER_FORGOTTEN] = { "deliver_dropped_forgotten",
                                 "Dropped: the visitor is not known." },
    [TASK_DELIVER_CONSENT] = { "deliver_dropped_consent",
                               "Dropped: the visitor consents to less." },
    [TASK_DELIVER_CAMPAIGN] = { "deliver_dropped_campaign",
                                "Dropped: the campaign is gone." },
    [TASK_DELIVER_SCHEDULE] = { "deliver_dropped_schedule",
                                "Dropped: the campaign is over." },
    [TASK_DELIVER_STOPPED] = { "deliver_dropped_stopped",
                               "Dropped: stop condition met." },
    [TASK_DELIVER_CAP] = { "deliver_dropped_cap",
                           "Dropped: the visitor is over the cap." },
    [TASK_DELIVER_DAMAGED] = { "deliver_dropped_damaged",
                               "Dropped: the entry cannot be read." },
};

static task_slot_t   own;
static task_slot_t  *slot = &own;


void
task_use(task_slot_t *other)
{
    slot = other != NULL ? other : &own;
    slot->away = 0;
}


void
task_count(task_counter_t counter, uint64_t n)
{
    slot->counters[counter] += n;
}


void
task_good(void)
{
    slot->good = loader_now();
    slot->failing = 0;
}


void
task_failed(const char *why)
{
    (void) snprintf(slot->why, sizeof(slot->why), "%s", why);

    if (slot->failing == 0) {
        slot->failing = loader_now();
    }
}


void
task_away(const char *why)
{
    (void) snprintf(slot->away_why, sizeof(slot->away_why), "%s", why);

    if (slot->away == 0) {
        slot->away = loader_now();
    }
}


void
task_back(void)
{
    slot->away = 0;
}
