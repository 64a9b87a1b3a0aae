/*
 * deliver_check.c - whether a delivery may still leave: who it is about, and
 * its campaign, as they are by now.
 */

#include "deliver.h"

#include "onsite_frequency.h"
#include "onsite_visitor_codec.h"

#include <limits.h>
#include <stdlib.h>

#define LOOK_EVERY    ONSITE_SECOND     /* for another snapshot */
#define LINKS_MAX     4
#define LOOK_MAX      10000             /* entries of the outbox */
#define CLOSED_WAIT   ONSITE_MINUTE
#define UNKNOWN_WAIT  (10 * ONSITE_SECOND)
#define BLIND_WAIT    (2 * ONSITE_SECOND)

const char *const  deliver_drops[DROPS] = {
    "forgotten", "consent", "campaign", "schedule", "stopped", "cap", "damaged"
};

struct check_s {
    const char         *state;
    onsite_store_t     *store;
    onsite_snapshot_t  *snapshot;       /* NULL: none could be read        */
    char                path[PATH_MAX]; /* of it                           */
    onsite_ms_t         looked;         /* by loader_clock                 */
    onsite_ms_t         blind;          /* since when one waits for a
                                           snapshot; 0: none does          */
    onsite_visitor_t    visitor;
    char                record[ONSITE_RECORD_BYTES_MAX];
    onsite_key_t        keys[ONSITE_RELATED_MAX];
};


check_t *
check_create(const char *state, onsite_store_t *store)
{
    check_t  *check = calloc(1, sizeof(check_t));

    if (check != NULL) {
        check->state = state;
        check->store = store;
        check->looked = -LOOK_EVERY;
    }

    return check;
}


void
check_destroy(check_t *check)
{
    if (check != NULL && check->snapshot != NULL) {
        onsite_snapshot_close(check->snapshot);
    }

    free(check);
}


/* The workers' copy has another name whenever it is another. */

static void
look(check_t *check)
{
    char         path[PATH_MAX];
    onsite_ms_t  now = loader_clock();

    if (now - check->looked < LOOK_EVERY) {
        return;
    }

    check->looked = now;

    if (!loader_live_path(check->state, path)
        || (check->snapshot != NULL && strcmp(path, check->path) == 0))
    {
        return;
    }

    if (check->snapshot != NULL) {
        onsite_snapshot_close(check->snapshot);
    }

    check->snapshot = loader_live_snapshot(check->state);
    (void) snprintf(check->path, sizeof(check->path), "%s", path);

    if (check->snapshot != NULL) {
        check->blind = 0;
    }
}


bool
check_sees(check_t *check)
{
    look(check);

    return check->snapshot != NULL;
}


onsite_ms_t
check_blind_for(const check_t *check)
{
    return check->blind == 0 ? -1 : loader_clock() - check->blind;
}


static bool
find_image(const check_t *check, onsite_str_t site, onsite_image_t *image)
{
    size_t        i;
    onsite_str_t  name;

    for (i = 0; i < onsite_snapshot_info(check->snapshot)->sites; i++) {
        if (onsite_snapshot_site(check->snapshot, i, &name, image)
            == ONSITE_OK && onsite_str_eq(name, site))
        {
            return true;
        }
    }

    return false;
}


static deliver_answer_t
drop(deliver_drop_t why)
{
    return (deliver_answer_t) { .verdict = DELIVER_DROP, .drop = why };
}


static deliver_answer_t
wait_for(onsite_ms_t ms, const char *why)
{
    return (deliver_answer_t) { .verdict = DELIVER_WAIT, .wait = ms,
                                .why = why };
}


/* The visitor, links followed: OK, or NOT_FOUND. */

static onsite_status_t
read_visitor(check_t *check, onsite_key_t key, onsite_ms_t now)
{
    int                   i;
    size_t                size;
    onsite_status_t       status;
    onsite_record_kind_t  kind;

    for (i = 0; i < LINKS_MAX; i++) {
        status = onsite_store_get(check->store, &key, now, check->record,
                                  sizeof(check->record), &size);

        if (status == ONSITE_OK) {
            status = onsite_visitor_decode(NULL, check->record, size, &kind,
                                           &check->visitor, &key);
        }

        if (status != ONSITE_OK || kind != ONSITE_RECORD_LINK) {
            return status == ONSITE_OK && kind == ONSITE_RECORD_TOMBSTONE
                   ? ONSITE_NOT_FOUND : status;
        }
    }

    return ONSITE_NOT_FOUND;
}


/* Of who has consented to less since: a name, or data with traits and profile.
 * What was made for the session only has neither. */

static bool
is_told_too_much(const check_t *check, const onsite_outbox_entry_t *entry)
{
    return check->visitor.session_only
           && (!entry->brief || entry->user_id.len != 0);
}


/* Caps */

typedef struct {
    check_t                      *check;
    uint64_t                      seq;
    const onsite_outbox_entry_t  *entry;
    const onsite_campaign_t      *campaign;
    onsite_clock_t               *clock;
    uint32_t                      waiting;  /* of the same campaign, which
                                               come after this one         */
} cap_t;


/* How many times a delivery of that time is counted in the cap's window that
 * holds now: once, or not. */

static uint32_t
counted(const cap_t *cap, onsite_ms_t time)
{
    const onsite_visitor_t  *v = &cap->check->visitor;
    onsite_exposure_t        alone = { .total = 1, .window = 1, .last = time };

    alone.session = time >= v->session.start ? v->visits : v->visits - 1;

    return onsite_frequency_shown(cap->clock, cap->campaign, &alone,
                                  v->visits);
}


static bool
has_no_turn(const cap_t *cap, uint64_t seq, onsite_ms_t time)
{
    char          bytes[ONSITE_DELIVERY_NOTE_MAX];
    size_t        size;
    retry_note_t  note;

    if (onsite_store_delivery_noted(cap->check->store, seq, bytes, &size,
                                    NULL) == ONSITE_OK
        && retry_note_decode(bytes, size, &note) && note.dead != 0)
    {
        return true;
    }

    return time != cap->entry->time ? time > cap->entry->time
                                    : seq > cap->seq;
}


static bool
count_waiting(void *data, uint64_t seq, onsite_str_t bytes)
{
    cap_t                  *cap = data;
    onsite_outbox_entry_t   other;

    if (seq != cap->seq
        && onsite_outbox_decode(bytes.data, bytes.len, &other) == ONSITE_OK
        && onsite_str_eq(other.site, cap->entry->site)
        && onsite_str_eq(other.campaign, cap->entry->campaign)
        && has_no_turn(cap, seq, other.time))
    {
        cap->waiting += counted(cap, other.time);
    }

    return true;
}


/* This one was counted when it was decided, and so were those that wait behind
 * it: what is over the cap is what left before. */

static bool
is_capped(cap_t *cap, const onsite_exposure_t *exposure)
{
    bool                      all;
    size_t                    n;
    uint32_t                  shown, visits = cap->check->visitor.visits;
    check_t                  *check = cap->check;

    if (!onsite_frequency_capped(cap->clock, cap->campaign, exposure,
                                 visits))
    {
        return false;
    }

    shown = onsite_frequency_shown(cap->clock, cap->campaign, exposure,
                                   visits);
    cap->waiting = counted(cap, cap->entry->time);

    if (shown < cap->campaign->cap + cap->waiting) {
        return false;
    }

    if (onsite_store_related(check->store, &cap->entry->visitor,
                             ONSITE_REACH_VISITOR, check->keys,
                             ONSITE_RELATED_MAX, &n, NULL) == ONSITE_OK)
    {
        (void) onsite_store_outbox_of(check->store, check->keys, n, LOOK_MAX,
                                      count_waiting, cap, &all, NULL);
    }

    return shown >= cap->campaign->cap + cap->waiting;
}


static deliver_answer_t
ask_campaign(cap_t *cap)
{
    const onsite_exposure_t  *exposure;

    if (!onsite_schedule_open(cap->clock, cap->campaign)) {
        return cap->clock->now >= cap->campaign->schedule.until
               ? drop(DROP_SCHEDULE)
               : wait_for(CLOSED_WAIT, "outside the campaign's hours");
    }

    exposure = onsite_visitor_exposure(&cap->check->visitor,
                                       cap->campaign->hash);

    if (exposure != NULL && (exposure->happened & cap->campaign->stop_on)) {
        return drop(DROP_STOPPED);
    }

    return is_capped(cap, exposure) ? drop(DROP_CAP)
           : (deliver_answer_t) { .verdict = DELIVER_SEND };
}


deliver_answer_t
check_delivery(check_t *check, uint64_t seq,
    const onsite_outbox_entry_t *entry, onsite_ms_t now)
{
    cap_t             cap = { .check = check, .seq = seq, .entry = entry };
    onsite_clock_t    clock;
    onsite_image_t    image;
    onsite_status_t   status;

    look(check);
    status = read_visitor(check, entry->visitor, now);

    if (status == ONSITE_NOT_FOUND) {
        return drop(DROP_FORGOTTEN);
    }

    if (status != ONSITE_OK) {
        return wait_for(UNKNOWN_WAIT, "the visitor's record cannot be read");
    }

    if (is_told_too_much(check, entry)) {
        return drop(DROP_CONSENT);
    }

    if (check->snapshot == NULL) {
        check->blind = check->blind != 0 ? check->blind : loader_clock();
        return wait_for(BLIND_WAIT, "no snapshot can be read that says "
                        "what holds now");
    }

    if (!find_image(check, entry->site, &image)) {
        return wait_for(UNKNOWN_WAIT, "the snapshot has no such site");
    }

    cap.campaign = onsite_campaign_find(&image,
                                        onsite_campaign_hash(entry->campaign));

    if (cap.campaign == NULL
        || !onsite_str_eq(onsite_image_str(&image, cap.campaign->id),
                          entry->campaign))
    {
        return drop(DROP_CAMPAIGN);
    }

    onsite_clock_init(&clock, &image, now);
    cap.clock = &clock;

    return ask_campaign(&cap);
}
