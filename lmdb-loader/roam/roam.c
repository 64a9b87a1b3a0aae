/*
 * roam.c - `roam`: visitors' records go where their visitors go.
 *
 * Every 50 ms it is looked whether a visitor was met here for the first time,
 * and every second what changed is put where others find it.  Nobody waits
 * for it: nginx notes what is to be done in the state, and goes on.  While
 * NATS is away that is noted on, and done later.
 */

#include "roam.h"

#include "stop.h"
#include "task.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS        50
#define RETRY_MS       500
#define RETRY_MAX_MS   (15 * ONSITE_SECOND)
#define ONCE_MS        100
#define ONCE_FAILURES  8
#define EVERY          ONSITE_SECOND
#define TTL            (90 * ONSITE_DAY)
#define GIVE_UP        ONSITE_DAY
#define SESSION        (30 * ONSITE_MINUTE)
#define BUCKET         "onsite_visitors"


static void
tell_ahead(roam_t *roam)
{
    if (!roam->told_ahead) {
        roam->told_ahead = true;
        loader_complain("an erasure that was told is of a time to come, and "
                        "is passed over (told once)");
    }
}


/* What others erased goes here, too, without being asked for. */

static onsite_status_t
hear_erasures(roam_t *roam)
{
    size_t            size;
    onsite_ms_t       when;
    onsite_key_t      key;
    roam_record_t     ours;
    onsite_status_t   status = ONSITE_OK;

    while (status == ONSITE_OK && !loader_stopping
           && roam_bucket_erased(roam->bucket, &key, &when))
    {
        if (roam_is_ahead(when, loader_now())) {
            tell_ahead(roam);
            continue;
        }

        status = roam_state_look(roam, &key, &ours, &size);

        if (status == ONSITE_OK && roam_is_buried(&ours, when)) {
            status = roam_state_bury(roam, &key, when);
        }
    }

    return status;
}


static onsite_status_t
turn(roam_t *roam, onsite_ms_t *put_at)
{
    onsite_ms_t      now = loader_now();
    onsite_status_t  status;

    roam->moved = false;
    roam->waits = false;
    status = roam_take(roam);

    if (status == ONSITE_OK) {
        status = hear_erasures(roam);
    }

    if (status == ONSITE_OK
        && (roam->once || now >= *put_at + roam->every || now < *put_at))
    {
        *put_at = now;
        status = roam_put(roam);
    }

    return status;
}


/* Full jitter, so that many machines do not come back at once. */

static onsite_ms_t
pause_after(unsigned failures)
{
    onsite_ms_t  most = RETRY_MS << (failures < 6 ? failures : 6);

    most = most > RETRY_MAX_MS ? RETRY_MAX_MS : most;

    return 1 + (onsite_ms_t) ((uint64_t) random() % (uint64_t) most);
}


static void
tell_given_up(roam_t *roam, uint64_t *told)
{
    if (roam->given_up != *told) {
        loader_complain("%llu visitors go on with what is known of them here: "
                        "there was no answer in time",
                        (unsigned long long) (roam->given_up - *told));
        *told = roam->given_up;
    }
}


/* Once for each cause. */

static void
fail(roam_t *roam, char *told, size_t size)
{
    task_count(TASK_ROAM_FAILED, 1);
    task_failed(roam->error.text);

    if (strcmp(told, roam->error.text) != 0) {
        loader_complain("%s", roam->error.text);
        (void) snprintf(told, size, "%s", roam->error.text);
    }
}


static int
run(roam_t *roam)
{
    char             told[sizeof(roam->error.text)] = "";
    uint64_t         told_given_up = 0;
    unsigned         failures = 0;
    onsite_ms_t      put_at = 0;
    onsite_status_t  status;

    while (!loader_stopping) {
        status = roam_state_ready(roam);

        if (status == ONSITE_OK) {
            status = roam_bucket_ready(roam->bucket, &roam->error);
        }

        if (status == ONSITE_OK) {
            status = turn(roam, &put_at);
        }

        if (status == ONSITE_OK) {
            if (told[0] != '\0') {
                loader_complain("goes on");
                told[0] = '\0';
            }

            failures = 0;
            task_good();

            if (roam->once && !roam->moved && !roam->waits) {
                return LOADER_OK;
            }

            roam_bucket_wait(roam->bucket, roam->once && roam->moved
                                           ? 1 : POLL_MS);
            continue;
        }

        fail(roam, told, sizeof(told));

        if (roam->taken_by_another
            || (roam->once && failures++ == ONCE_FAILURES))
        {
            return LOADER_FAILED;
        }

        if (roam->store != NULL && roam_give_up(roam) == ONSITE_OK) {
            tell_given_up(roam, &told_given_up);
        }

        roam_bucket_wait(roam->bucket, roam->once ? ONCE_MS
                                       : pause_after(failures++));
    }

    return LOADER_OK;
}


static void
report(const roam_t *roam)
{
    (void) printf("{\"merged\":%llu,\"put\":%llu,\"erased\":%llu,"
                  "\"given_up\":%llu,\"unknown\":%llu}\n",
                  (unsigned long long) roam->merged,
                  (unsigned long long) roam->put,
                  (unsigned long long) roam->erased,
                  (unsigned long long) roam->given_up,
                  (unsigned long long) roam->unknown);
}


static roam_t *
create(const char *state, onsite_ms_t every, bool once)
{
    roam_t  *roam = calloc(1, sizeof(roam_t));

    if (roam == NULL) {
        return NULL;
    }

    roam->state = state;
    roam->every = every;
    roam->once = once;
    roam->lock = -1;
    roam->ours_arena = onsite_arena_create(16 * 1024, 1 << 20);
    roam->theirs_arena = onsite_arena_create(16 * 1024, 1 << 20);

    return roam->ours_arena != NULL && roam->theirs_arena != NULL
           && roam_take_init(roam) && roam_put_init(roam) ? roam : NULL;
}


static void
destroy(roam_t *roam)
{
    roam_bucket_close(roam->bucket);
    roam_state_close(roam);
    onsite_arena_destroy(roam->ours_arena);
    onsite_arena_destroy(roam->theirs_arena);
    free(roam->taken);
    roam_wishes_destroy(roam->wishes);
    free(roam->changes);
    free(roam->revisions);
    free(roam);
}


static int
roam_with(roam_t *roam, const roam_bucket_options_t *bucket, bool json)
{
    int              rc;
    onsite_status_t  status;

    status = roam_bucket_open(bucket, &roam->bucket, &roam->error);

    if (status != ONSITE_OK) {
        loader_complain("%s", roam->error.text);
        return status == ONSITE_INVALID ? LOADER_USAGE : LOADER_FAILED;
    }

    if (loader_checking()) {
        return LOADER_OK;
    }

    loader_catch_signals();
    srandom((unsigned) getpid() ^ (unsigned) loader_now());
    rc = run(roam);

    if (json) {
        report(roam);
    }

    return rc;
}


int
loader_roam(int argc, char **argv)
{
    int                     n, rc;
    roam_t                 *roam;
    const char             *state, *name, *every, *ttl, *give_up, *session;
    const char             *once, *create_it, *json;
    roam_bucket_options_t   bucket = { .name = NULL };

    const loader_option_t  options[] = {
        { "with", 'w', "nats://HOST", "where records are exchanged: a list of "
          "NATS servers that have JetStream, nats:// or tls://", &bucket.url },
        { "state", 0, "DIR", "the state; the same as DIR", &state },
        { "bucket", 0, "NAME", "the key-value bucket; default: " BUCKET,
          &name },
        { "create-bucket", 0, NULL, "make it when it is not there",
          &create_it },
        { "ttl", 0, "TIME", "how long it keeps a record that does not change, "
          "when it is made; default: 90d", &ttl },
        { "every", 0, "TIME", "how often changes are put; default: 1s",
          &every },
        { "give-up", 0, "TIME", "who was met while NATS was away so long goes "
          "on with what is known here; default: 1d", &give_up },
        { "session-timeout", 't', "TIME", "as onsite_session_timeout; "
          "default: 30m", &session },
        { "once", 0, NULL, "leave when nothing is left to do", &once },
        { "json", 0, NULL, "tell at the end what was done, as JSON", &json },
        NATS_OPTIONS(bucket.nats),
        { 0 }
    };

    n = loader_options(argc, argv, options, "DIR --with nats://HOST", 0, 1);
    state = n == 1 ? argv[0] : state;
    loader_needs_file(state);

    if (state == NULL || bucket.url == NULL) {
        loader_complain("%s? usage: lmdb-loader roam DIR --with nats://HOST",
                        state == NULL ? "which state" : "with whom");
        return LOADER_USAGE;
    }

    bucket.name = name != NULL ? name : BUCKET;
    bucket.create = create_it != NULL;
    bucket.ttl = loader_duration("ttl", ttl, TTL);
    roam = create(state, loader_duration("every", every, EVERY),
                  once != NULL);

    if (roam == NULL) {
        loader_complain("out of memory");
        return LOADER_FAILED;
    }

    roam->give_up = loader_duration("give-up", give_up, GIVE_UP);
    roam->session_timeout = loader_duration("session-timeout", session,
                                            SESSION);
    rc = roam_with(roam, &bucket, json != NULL);
    destroy(roam);

    return rc;
}
