/*
 * test_machine.c - journeys, sequences and inactivity, event by event and
 * timer by timer.  t/journeys_model.t checks the same at random.
 */

#include "shop.h"


#define M    ONSITE_MINUTE

typedef struct {
    shop_t  shop;
    char    text[2048];             /* what was told: "game:main>left a b?" */
    size_t  n;
    uint32_t  woken;                /* by the latest event */
} tale_t;


static void
add(tale_t *tale, const char *format, onsite_str_t a, onsite_str_t b,
    onsite_str_t c)
{
    tale->n += (size_t) snprintf(tale->text + tale->n,
                                 sizeof(tale->text) - tale->n, format,
                                 tale->n != 0 ? " " : "", (int) a.len, a.data,
                                 (int) b.len, b.data, (int) c.len, c.data);
    assert_true(tale->n < sizeof(tale->text));
}


static void
told_choice(void *data, const onsite_image_t *image,
    const onsite_choice_t *choice, const onsite_event_t *event)
{
    (void) event;

    add(data, "%s%.*s%.*s%.*s", onsite_image_str(image, choice->campaign->id),
        choice->pending ? ONSITE_STR("?") : ONSITE_STR(""), ONSITE_STR(""));
}


static void
told_move(void *data, const onsite_image_t *image, const onsite_step_t *step,
    const onsite_event_t *event)
{
    const onsite_machine_state_t  *states;

    (void) event;

    states = onsite_image_at(image, step->machine->states);

    add(data, "%s%.*s:%.*s>%.*s", onsite_image_str(image, step->machine->id),
        onsite_image_str(image, states[step->from].name),
        onsite_image_str(image, states[step->to].name));
}


static onsite_apply_t
call(tale_t *tale, onsite_ms_t now)
{
    tale->n = 0;
    tale->text[0] = '\0';

    return (onsite_apply_t) {
        .site = &tale->shop.site,
        .visitor = &tale->shop.visitor,
        .facts = &tale->shop.facts,
        .now = now,
        .session_timeout = 30 * M,
        .arena = tale->shop.arena,
        .decide = { .visitor_id = ONSITE_STR("v"),
                    .deliver = tale->shop.deliver },
        .listener = { told_choice, told_move, tale }
    };
}


/* An event, with its own time; timers are kept as the state keeps them. */

static const char *
held_back(tale_t *tale, const char *name, const char *properties,
    onsite_ms_t time, onsite_ms_t now)
{
    onsite_apply_t     a = call(tale, now);
    onsite_visitor_t  *v = &tale->shop.visitor;
    onsite_event_t     event = {
        .type = ONSITE_TRACK,
        .name = onsite_str(name, strlen(name)),
        .received = now,
        .time = time,
        .live = true
    };

    event.properties = shop_json(&tale->shop, tale->shop.arena, properties);
    a.event = &event;
    onsite_apply(tale->shop.engine, &a, &tale->shop.decision);
    tale->woken = a.woken;

    if (a.due != 0 && (v->wake == 0 || a.due < v->wake)) {
        v->wake = a.due;
    }

    return tale->text;
}


/* At minutes after noon. */

static const char *
at(tale_t *tale, double minutes, const char *name)
{
    onsite_ms_t  now = SHOP_NOON + (onsite_ms_t) (minutes * (double) M);

    return held_back(tale, name, "{}", now, now);
}


static const char *
with(tale_t *tale, double minutes, const char *name, const char *properties)
{
    onsite_ms_t  now = SHOP_NOON + (onsite_ms_t) (minutes * (double) M);

    return held_back(tale, name, properties, now, now);
}


/* All that is due by then. */

static const char *
wake(tale_t *tale, double minutes)
{
    onsite_apply_t  a;

    a = call(tale, SHOP_NOON + (onsite_ms_t) (minutes * (double) M));

    while (onsite_wake(tale->shop.engine, &a, &tale->shop.decision)) {
        /* void */
    }

    tale->shop.visitor.wake = onsite_due(&tale->shop.site,
                                         &tale->shop.visitor);

    return tale->text;
}


static double
due(const tale_t *tale)
{
    onsite_ms_t  when = onsite_due(&tale->shop.site, &tale->shop.visitor);

    return when == 0 ? 0 : (double) (when - SHOP_NOON) / (double) M;
}


static void
open_tale(tale_t *tale, const char *files)
{
    memset(tale, 0, sizeof(*tale));
    shop_open(&tale->shop, files);
}


#define HOOK(id, trigger)                                                    \
    "{'id':'" id "','channel':'webhook','endpoint':'https://hooks.example/'," \
    "'content':{'data':{'a':1}},'trigger':" trigger "}"

static const char  game[] =
    "{'id':'game','start':'started','states':{"
    "'started':{'on':{'Login':'main'}},"
    "'main':{'on':{'Chat':'chat','Play':[{'to':'play','where':{'level':3}},"
    "{'to':'chat','if':{'visitor.counts.Chat':2}}]},'after':{'60m':'left'}},"
    "'chat':{'on':{'Main':'main'},'inactive':{'10m':'left'}},"
    "'play':{'on':{'Main':'main'}},"
    "'left':{'final':true,'entry':{'event':'Game Left'}}}}";


static void
open_game(tale_t *tale, const char *more)
{
    char  files[4096];

    (void) snprintf(files, sizeof(files), "[%s%s%s]", game,
                    more[0] != '\0' ? "," : "", more);
    open_tale(tale, files);
}


static void
journeys_move_on_events(void **state)
{
    tale_t  tale;

    (void) state;

    open_game(&tale, HOOK("main", "{'journey':'game','state':'main'}"));

    assert_string_equal(at(&tale, 0, "Chat"), "");
    assert_int_equal(tale.shop.visitor.n_standings, 0);
    assert_string_equal(at(&tale, 1, "Login"), "game:started>main main");
    assert_string_equal(at(&tale, 2, "Login"), "");
    assert_string_equal(with(&tale, 3, "Play", "{'level':2}"), "");
    assert_string_equal(with(&tale, 3, "Play", "{'level':3}"),
                        "game:main>play");
    assert_string_equal(at(&tale, 4, "Main"), "game:play>main main");
    assert_string_equal(at(&tale, 5, "Chat"), "game:main>chat");
    assert_string_equal(at(&tale, 6, "Main"), "game:chat>main main");

    /* Chat was counted twice */
    assert_string_equal(with(&tale, 7, "Play", "{'level':2}"),
                        "game:main>chat");
    assert_int_equal(tale.shop.visitor.n_standings, 1);

    shop_close(&tale.shop);
}


static void
conditions_read_journeys(void **state)
{
    tale_t  tale;

    (void) state;

    open_game(&tale, "{'id':'p','channel':'popup','trigger':{'event':'Look'},"
              "'audience':{'journey.game':'main'},'content':{"
              "'html':'{{journey.game}}'}},"
              "{'id':'q','channel':'popup','trigger':{'event':'Look'},"
              "'audience':{'journey.game':'started'},'content':{"
              "'html':'x'}}");

    assert_string_equal(at(&tale, 0, "Look"), "q");
    (void) at(&tale, 1, "Login");
    assert_string_equal(at(&tale, 2, "Look"), "p");
    assert_int_equal(tale.shop.decision.choices[0].html.len, 4);
    assert_int_equal(onsite_journey_state(&tale.shop.site.image,
                         &tale.shop.visitor, ONSITE_STR("other")).len, 0);

    shop_close(&tale.shop);
}


/* `after` counts from entering, `inactive` from the latest event. */

static void
time_moves_journeys(void **state)
{
    tale_t  tale;

    (void) state;

    open_game(&tale, HOOK("left", "{'journey':'game','state':'left'}"));

    (void) at(&tale, 0, "Login");
    assert_true(due(&tale) == 60);
    (void) at(&tale, 30, "Other");
    assert_true(due(&tale) == 60);
    (void) at(&tale, 40, "Chat");
    assert_true(due(&tale) == 50);
    (void) at(&tale, 45, "Other");
    assert_true(due(&tale) == 55);

    assert_string_equal(wake(&tale, 54.9), "");
    assert_string_equal(wake(&tale, 55), "game:chat>left left");
    assert_true(due(&tale) == 0);
    assert_string_equal(wake(&tale, 9999), "");
    assert_string_equal(at(&tale, 60, "Login"), "");

    shop_close(&tale.shop);
}


/* What an event entails lies in the session that the event does. */

static void
entry_events_are_in_their_causes_session(void **state)
{
    tale_t                   tale;
    onsite_str_t             name = ONSITE_STR("Entered");
    const onsite_counter_t  *counter;

    (void) state;

    open_tale(&tale, "[{'id':'j','start':'out','states':{"
              "'out':{'on':{'In':'in'}},"
              "'in':{'on':{'Out':'out'},'entry':{'event':'Entered'}}}}]");

    (void) at(&tale, 0, "In");
    (void) at(&tale, 1, "Out");
    (void) at(&tale, 2, "In");
    counter = onsite_visitor_counter(&tale.shop.visitor, name);
    assert_non_null(counter);
    assert_int_equal(counter->total, 2);
    assert_int_equal(counter->session, 2);

    /* the next session begins with the event */
    (void) at(&tale, 3, "Out");
    (void) at(&tale, 300, "In");
    counter = onsite_visitor_counter(&tale.shop.visitor, name);
    assert_int_equal(counter->total, 3);
    assert_int_equal(counter->session, 1);

    shop_close(&tale.shop);
}


/* Whoever is late fires first: the event finds the visitor as it should be. */

static void
late_timers_come_first(void **state)
{
    tale_t  tale;

    (void) state;

    open_game(&tale, "");

    (void) at(&tale, 0, "Login");
    assert_int_equal(tale.shop.visitor.wake, SHOP_NOON + 60 * M);
    assert_int_equal(tale.woken, 0);
    assert_string_equal(at(&tale, 60, "Chat"), "game:main>left");
    assert_int_equal(tale.woken, 1);
    assert_string_equal(at(&tale, 61, "Chat"), "");
    assert_int_equal(tale.woken, 0);

    shop_close(&tale.shop);
}


static void
timers_are_no_activity(void **state)
{
    tale_t                   tale;
    onsite_session_t         session;
    const onsite_counter_t  *counter;

    (void) state;

    open_game(&tale, "");

    (void) at(&tale, 0, "Login");
    (void) at(&tale, 5, "Chat");
    session = tale.shop.visitor.session;
    (void) wake(&tale, 20);

    assert_memory_equal(&tale.shop.visitor.session, &session,
                        sizeof(session));
    assert_int_equal(tale.shop.visitor.last_seen, SHOP_NOON + 5 * M);

    counter = onsite_visitor_counter(&tale.shop.visitor,
                                     ONSITE_STR("Game Left"));
    assert_non_null(counter);
    assert_int_equal(counter->total, 1);
    assert_int_equal(counter->session, 0);
    counter = onsite_visitor_counter(&tale.shop.visitor,
                                     ONSITE_STR("Journey Timeout"));
    assert_non_null(counter);
    assert_int_equal(counter->total, 1);
    assert_int_equal(counter->session, 0);

    (void) at(&tale, 100, "Other");
    shop_campaigns(&tale.shop, "[{'id':'a','start':'x','states':{'x':{"
                   "'on':{'Go':'y'}},'y':{'after':{'2h':'x'}}}}]");
    (void) at(&tale, 101, "Go");
    assert_string_equal(wake(&tale, 221), "a:y>x");
    counter = onsite_visitor_counter(&tale.shop.visitor,
                                     ONSITE_STR("Journey Timeout"));
    assert_int_equal(counter->total, 2);
    assert_int_equal(counter->session, 0);
    assert_int_equal(tale.shop.visitor.n_standings, 1);

    shop_close(&tale.shop);
}


static void
the_first_event_begins_a_start_with_a_timer(void **state)
{
    tale_t  tale;

    (void) state;

    open_tale(&tale, "[{'id':'j','start':'a','states':{'a':{'on':{'X':'b'},"
              "'after':{'5m':'b'}},'b':{}}}]");

    assert_string_equal(at(&tale, 0, "Any"), "");
    assert_int_equal(tale.shop.visitor.n_standings, 1);
    (void) at(&tale, 3, "Any");
    assert_string_equal(wake(&tale, 5), "j:a>b");

    shop_close(&tale.shop);
}


static void
edits_lose_nobody(void **state)
{
    tale_t  tale;

    (void) state;

    open_tale(&tale, "[{'id':'j','start':'a','states':{'a':{'on':{'X':'b'}},"
              "'b':{'on':{'Y':'c'}},'c':{}}}]");
    (void) at(&tale, 0, "X");

    /* it stays, and its time counts from when it was entered */
    shop_campaigns(&tale.shop, "[{'id':'j','start':'s','states':{'s':{},"
                   "'b':{'after':{'10m':'s'}}}}]");
    assert_true(due(&tale) == 10);
    (void) at(&tale, 1, "Any");
    assert_int_equal(tale.shop.visitor.wake, SHOP_NOON + 10 * M);

    /* gone: to where `moved` says, without effects */
    shop_campaigns(&tale.shop, "[{'id':'j','start':'s','states':{'s':{},"
                   "'n':{'on':{'Z':'s'},'entry':{'event':'E'}}},"
                   "'moved':{'b':'n'}}]");
    assert_string_equal(at(&tale, 2, "Any"), "");
    assert_string_equal(at(&tale, 3, "Z"), "j:n>s");

    /* gone for good: to the start */
    shop_campaigns(&tale.shop, "[{'id':'j','start':'a','states':{'a':{"
                   "'on':{'X':'b'}},'b':{}}}]");
    (void) at(&tale, 4, "X");
    shop_campaigns(&tale.shop, "[{'id':'j','start':'a','states':{'a':{"
                   "'on':{'X':'d'}},'d':{}}}]");
    assert_string_equal(at(&tale, 5, "X"), "j:a>d");

    /* the journey is gone, and comes back */
    shop_campaigns(&tale.shop, "[]");
    assert_string_equal(at(&tale, 6, "X"), "");
    shop_campaigns(&tale.shop, "[{'id':'j','start':'a','states':{'a':{"
                   "'on':{'X':'d'}},'d':{'on':{'X':'a'}}}}]");
    assert_string_equal(at(&tale, 7, "X"), "j:d>a");

    shop_close(&tale.shop);
}


static void
entry_events_go_the_same_way(void **state)
{
    tale_t  tale;

    (void) state;

    open_tale(&tale, "[{'id':'j','start':'a','states':{'a':{'on':{'X':'b'}},"
              "'b':{'on':{'Y':'a'},'entry':{'event':'Entered B'}}}},"
              "{'id':'k','start':'a','states':{'a':{'on':{'Entered B':'c'}},"
              "'c':{}}},"
              "{'id':'p','channel':'popup','trigger':{'event':'Entered B'},"
              "'content':{'html':'{{event.properties.from}}'}},"
              HOOK("w", "{'event':'Entered B'}") ","
              HOOK("kc", "{'journey':'k','state':'c'}") "]");

    /* shown by the event's own decision */
    assert_string_equal(at(&tale, 0, "X"), "j:a>b k:a>c kc p? w p");
    assert_int_equal(tale.shop.decision.n, 1);
    assert_int_equal(tale.shop.decision.choices[0].html.len, 1);
    assert_int_equal(onsite_visitor_counter(&tale.shop.visitor,
                         ONSITE_STR("Entered B"))->session, 1);

    /* nothing can be shown: it waits */
    (void) at(&tale, 1, "Y");
    tale.shop.deliver = false;
    assert_string_equal(at(&tale, 2, "X"), "j:a>b p? w");
    tale.shop.deliver = true;
    assert_string_equal(at(&tale, 3, "Other"), "p");

    shop_close(&tale.shop);
}


/* A chain of entry events ends after ONSITE_EMITS_MAX. */

static void
entry_events_are_bounded(void **state)
{
    int     i;
    char    files[4096];
    size_t  n = 0;
    tale_t  tale;

    (void) state;

    for (i = 0; i < ONSITE_EMITS_MAX + 4; i++) {
        n += (size_t) snprintf(files + n, sizeof(files) - n,
                 "%c{'id':'j%d','start':'a','states':{'a':{'on':{'E%d':'b'}},"
                 "'b':{'entry':{'event':'E%d'}}}}", i == 0 ? '[' : ',', i, i,
                 i + 1);
    }

    (void) snprintf(files + n, sizeof(files) - n, "]");
    open_tale(&tale, files);

    (void) at(&tale, 0, "E0");
    assert_int_equal(tale.shop.visitor.n_standings, ONSITE_EMITS_MAX + 1);

    shop_close(&tale.shop);
}


/* Of too many standings the least recently moved go. */

static void
standings_are_bounded(void **state)
{
    int     i;
    char    files[16384];
    size_t  n = 0;
    tale_t  tale;

    (void) state;

    n = (size_t) snprintf(files, sizeof(files), "[{'id':'old','start':'a',"
                          "'states':{'a':{'on':{'Old':'b'}},'b':{}}}");

    for (i = 0; i < ONSITE_STANDINGS_MAX + 3; i++) {
        n += (size_t) snprintf(files + n, sizeof(files) - n,
                 ",{'id':'j%d','start':'a','states':{'a':{'on':{'%s':'b'}},"
                 "'b':{'on':{'X':'a','Y':'b'}}}}", i,
                 i < ONSITE_STANDINGS_MAX ? "X" : "Y");
    }

    (void) snprintf(files + n, sizeof(files) - n, "]");
    open_tale(&tale, files);

    (void) at(&tale, 0, "Old");
    (void) at(&tale, 1, "X");
    assert_int_equal(tale.shop.visitor.n_standings, ONSITE_STANDINGS_MAX);
    assert_int_equal(onsite_journey_state(&tale.shop.site.image,
                         &tale.shop.visitor, ONSITE_STR("old")).data[0], 'a');

    /* 64 of 67 move at once */
    (void) at(&tale, 2, "Y");
    assert_int_equal(tale.shop.visitor.n_standings, ONSITE_STANDINGS_MAX);

    (void) at(&tale, 3, "X");
    assert_true(tale.shop.visitor.n_standings <= ONSITE_STANDINGS_MAX);

    shop_close(&tale.shop);
}


static void
more_campaigns_than_may_fire(void **state)
{
    int     i;
    char    files[32768];
    size_t  n;
    tale_t  tale;

    (void) state;

    n = (size_t) snprintf(files, sizeof(files), "[{'id':'j','start':'a',"
                          "'states':{'a':{'on':{'X':'b'}},'b':{}}}");

    for (i = 0; i < ONSITE_FIRED_MAX + 6; i++) {
        n += (size_t) snprintf(files + n, sizeof(files) - n,
                 ",{'id':'c%02d','channel':'popup','group':'g','content':{"
                 "'html':'x'},'priority':%d,'trigger':{'journey':'j',"
                 "'state':'b'}}", i, i);
    }

    (void) snprintf(files + n, sizeof(files) - n, "]");
    open_tale(&tale, files);

    assert_string_equal(at(&tale, 0, "X"), "j:a>b c69");
    assert_int_equal(tale.shop.decision.considered, ONSITE_FIRED_MAX);

    shop_close(&tale.shop);
}


/* A machine's firing takes its place among the event's own campaigns. */

static void
what_fired_is_decided_by_rank(void **state)
{
    tale_t  tale;

    (void) state;

    open_tale(&tale, "[{'id':'j','start':'a','states':{'a':{'on':{'X':'b'}},"
              "'b':{'on':{'Y':'a'}}}},"
              "{'id':'c','channel':'popup','group':'g','priority':2,"
              "'content':{'html':'x'},'trigger':{'journey':'j','state':'b'},"
              "'frequency':{'cap':1,'per':'session'}},"
              "{'id':'d','channel':'popup','group':'g','priority':1,"
              "'content':{'html':'x'},'trigger':{'event':'X'}},"
              "{'id':'e','channel':'bar','priority':3,"
              "'content':{'html':'x'},'trigger':{'event':'X'}},"
              "{'id':'f','channel':'popup','priority':9,'audience':{"
              "'session.events':0},'content':{'html':'x'},"
              "'trigger':{'journey':'j','state':'b'}}]");

    assert_string_equal(at(&tale, 0, "X"), "j:a>b e c");
    assert_int_equal(tale.shop.decision.reasons[ONSITE_REASON_AUDIENCE], 1);
    assert_int_equal(tale.shop.decision.reasons[ONSITE_REASON_GROUP], 1);
    (void) at(&tale, 1, "Y");
    assert_string_equal(at(&tale, 2, "X"), "j:a>b e d");
    assert_int_equal(tale.shop.decision.reasons[ONSITE_REASON_CAP], 1);

    shop_close(&tale.shop);
}


static void
sequences_take_the_latest_start(void **state)
{
    tale_t  tale;

    (void) state;

    open_tale(&tale, "[" HOOK("s", "{'sequence':[{'event':'A'},{'event':'B'},"
              "{'event':'C'}],'within':'10m'}") "]");

    (void) at(&tale, 0, "A");
    (void) at(&tale, 1, "B");
    (void) at(&tale, 8, "A");
    assert_string_equal(at(&tale, 11, "C"), "");        /* 0, 1 are over */
    (void) at(&tale, 12, "B");
    assert_string_equal(at(&tale, 18, "C"), "s");       /* 8, 12, 18 */

    /* anew: nothing of the match is left */
    assert_int_equal(tale.shop.visitor.n_progress, 0);
    assert_string_equal(at(&tale, 18, "C"), "");

    /* the window holds its end */
    (void) at(&tale, 20, "A");
    (void) at(&tale, 21, "B");
    assert_string_equal(at(&tale, 30, "C"), "s");

    shop_close(&tale.shop);
}


static void
sequences_count_end_and_reset(void **state)
{
    tale_t  tale;

    (void) state;

    open_tale(&tale, "[" HOOK("n", "{'sequence':[{'event':'A'},"
              "{'not':{'event':'N'}},{'event':'B','count':2}]}") ","
              HOOK("r", "{'sequence':[{'event':'A'},{'event':'B'},"
              "{'event':'B'}],'reset_on':[{'event':'R','where':{'x':1}}]}")
              "]");

    /* a `not` ends only what waits at its place */
    (void) at(&tale, 0, "A");
    (void) at(&tale, 1, "B");
    (void) at(&tale, 2, "N");
    assert_string_equal(at(&tale, 3, "B"), "n r");

    (void) at(&tale, 4, "A");
    (void) at(&tale, 5, "N");
    (void) at(&tale, 6, "B");
    assert_string_equal(at(&tale, 7, "B"), "r");

    /* a reset ends all */
    (void) at(&tale, 8, "A");
    (void) at(&tale, 9, "B");
    (void) with(&tale, 9, "R", "{'x':2}");
    assert_string_equal(at(&tale, 10, "B"), "n r");
    (void) at(&tale, 11, "A");
    (void) at(&tale, 12, "B");
    (void) with(&tale, 13, "R", "{'x':1}");
    assert_string_equal(at(&tale, 14, "B"), "n");

    shop_close(&tale.shop);
}


static void
sequences_within_the_session(void **state)
{
    tale_t  tale;

    (void) state;

    open_tale(&tale, "[" HOOK("s", "{'sequence':[{'event':'A'},{'event':'B'}],"
              "'within':'session'}") "]");

    (void) at(&tale, 0, "A");
    assert_string_equal(at(&tale, 31, "B"), "");
    (void) at(&tale, 32, "A");
    assert_string_equal(at(&tale, 50, "B"), "s");

    /* what was held back from the session before is not in this one */
    (void) at(&tale, 100, "C");
    (void) held_back(&tale, "A", "{}", SHOP_NOON + 60 * M,
                     SHOP_NOON + 101 * M);
    assert_string_equal(at(&tale, 102, "B"), "");

    shop_close(&tale.shop);
}


static void
a_last_not_fires_by_time(void **state)
{
    tale_t  tale;

    (void) state;

    open_tale(&tale, "[" HOOK("s", "{'sequence':[{'event':'A'},"
              "{'not':{'event':'B'}}],'within':'10m'}") "]");

    (void) at(&tale, 0, "A");
    assert_true(due(&tale) == 10);
    (void) at(&tale, 5, "A");
    assert_true(due(&tale) == 10);
    assert_string_equal(wake(&tale, 9), "");
    assert_string_equal(wake(&tale, 12), "s");
    assert_true(due(&tale) == 0);

    (void) at(&tale, 20, "A");
    (void) at(&tale, 29, "B");
    assert_true(due(&tale) == 0);
    assert_string_equal(wake(&tale, 99), "");

    shop_close(&tale.shop);
}


static void
late_events_move_no_time_back(void **state)
{
    tale_t  tale;

    (void) state;

    open_game(&tale, HOOK("s", "{'sequence':[{'event':'A'},{'event':'B'}],"
                          "'within':'1m'}"));

    (void) at(&tale, 50, "Login");
    assert_string_equal(held_back(&tale, "Chat", "{}", SHOP_NOON + 20 * M,
                                  SHOP_NOON + 51 * M), "game:main>chat");
    assert_int_equal(tale.shop.visitor.standings[0].since,
                     SHOP_NOON + 50 * M);

    (void) at(&tale, 52, "A");
    assert_string_equal(held_back(&tale, "B", "{}", SHOP_NOON + 40 * M,
                                  SHOP_NOON + 53 * M), "s");

    shop_close(&tale.shop);
}


static void
inactivity_waits_for_nothing_to_happen(void **state)
{
    tale_t  tale;

    (void) state;

    open_tale(&tale, "[" HOOK("w", "{'inactive':'4h','after':{"
              "'event':'Product Added'},'unless':{'event':'Order Completed'}}")
              ","
              "{'id':'p','channel':'popup','content':{'html':'{{"
              "event.properties.campaign}} {{event.properties.after_seconds}}'"
              "},'trigger':{'event':'Visitor Inactive'}}]");

    (void) at(&tale, 0, "Other");
    assert_true(due(&tale) == 0);
    (void) at(&tale, 1, "Product Added");
    (void) at(&tale, 100, "Other");
    assert_true(due(&tale) == 340);

    /* bought in time */
    (void) at(&tale, 200, "Order Completed");
    assert_true(due(&tale) == 0);
    assert_string_equal(wake(&tale, 999), "");

    (void) at(&tale, 1000, "Product Added");
    assert_string_equal(wake(&tale, 1239.9), "");
    assert_string_equal(wake(&tale, 1240), "p? w");
    assert_string_equal(wake(&tale, 9999), "");

    /* it waits for the next session */
    assert_string_equal(at(&tale, 5000, "Other"), "p");
    assert_int_equal(tale.shop.decision.choices[0].html.len, 7);

    shop_close(&tale.shop);
}


/* Any event arms it, but not its own. */

static void
inactivity_after_any_event(void **state)
{
    tale_t  tale;

    (void) state;

    open_tale(&tale, "[" HOOK("w", "{'inactive':'1h','unless':{"
              "'event':'Order Completed'}}") "]");

    (void) at(&tale, 0, "Order Completed");
    assert_true(due(&tale) == 0);
    (void) at(&tale, 1, "Any");
    assert_true(due(&tale) == 61);
    assert_string_equal(wake(&tale, 61), "w");
    assert_true(due(&tale) == 0);
    (void) at(&tale, 70, "Any");
    assert_true(due(&tale) == 130);

    shop_close(&tale.shop);
}


/* Whoever sends what was held back is there: it counts from the arrival. */

static void
held_back_events_are_no_absence(void **state)
{
    tale_t       tale;
    onsite_ms_t  now = SHOP_NOON + 100 * M;

    (void) state;

    open_tale(&tale, "[" HOOK("w", "{'inactive':'5m','after':{"
              "'event':'Product Added'},'unless':{'event':'Order Completed'}}")
              ",{'id':'j','start':'a','states':{'a':{'on':{'Go':'b'}},"
              "'b':{'inactive':{'7m':'a'}}}}]");

    (void) held_back(&tale, "Product Added", "{}", now - 30 * M, now);
    assert_true(due(&tale) == 105);
    assert_true(tale.shop.visitor.wake == now + 5 * M);
    assert_string_equal(wake(&tale, 101), "");
    (void) held_back(&tale, "Order Completed", "{}", now - 29 * M,
                     now + M);
    assert_string_equal(wake(&tale, 200), "");

    assert_string_equal(held_back(&tale, "Go", "{}", now + 80 * M,
                                  now + 110 * M), "j:a>b");
    assert_true(due(&tale) == 217);
    assert_string_equal(held_back(&tale, "Other", "{}", now + 81 * M,
                                  now + 112 * M), "");
    assert_string_equal(wake(&tale, 218.9), "");
    assert_string_equal(wake(&tale, 219), "j:b>a");

    shop_close(&tale.shop);
}


/* `after` and `within` count from the event; what had passed by then is due
 * when it arrives, the first first. */

static void
nothing_fires_before_the_arrival(void **state)
{
    tale_t              tale;
    onsite_ms_t         now = SHOP_NOON + 100 * M;
    onsite_standing_t  *standing;

    (void) state;

    open_tale(&tale, "[" HOOK("s", "{'sequence':[{'event':'Go'},"
              "{'not':{'event':'Stop'}}],'within':'5m'}") ","
              "{'id':'j','start':'a','states':{'a':{'on':{'Go':'b'}},"
              "'b':{'after':{'10m':'c'}},'c':{'after':{'1h':'a'}}}}]");

    assert_string_equal(held_back(&tale, "Go", "{}", now - 30 * M, now),
                        "j:a>b");
    assert_true(due(&tale) == 100);
    assert_true(tale.shop.visitor.wake == now);
    assert_string_equal(wake(&tale, 99.9), "");
    assert_string_equal(wake(&tale, 100), "s j:b>c");

    standing = &tale.shop.visitor.standings[0];
    assert_true(standing->since == now);
    assert_true(due(&tale) == 160);

    shop_close(&tale.shop);
}


/* It waits for the next session, and for no other. */

static void
what_a_timer_fired_waits_once(void **state)
{
    tale_t  tale;

    (void) state;

    open_tale(&tale, "[{'id':'p','channel':'popup','content':{'html':'x'},"
              "'trigger':{'inactive':'1h','after':{'event':'A'}}}]");

    (void) at(&tale, 0, "A");
    assert_string_equal(wake(&tale, 60), "p?");
    tale.shop.deliver = false;
    (void) at(&tale, 100, "B");
    tale.shop.deliver = true;
    assert_string_equal(at(&tale, 101, "C"), "p");

    (void) at(&tale, 200, "A");
    assert_string_equal(wake(&tale, 260), "p?");
    tale.shop.deliver = false;
    (void) at(&tale, 300, "B");
    (void) at(&tale, 400, "B");
    assert_int_equal(tale.shop.visitor.n_pending, 0);

    shop_close(&tale.shop);
}


/* A record's times may be any. */

static void
times_do_not_overflow(void **state)
{
    tale_t              tale;
    onsite_standing_t  *standing;

    (void) state;

    open_game(&tale, "");

    (void) at(&tale, 0, "Login");
    standing = &tale.shop.visitor.standings[0];

    standing->since = INT64_MAX;
    assert_int_equal(onsite_due(&tale.shop.site, &tale.shop.visitor),
                     INT64_MAX);
    standing->since = INT64_MIN;
    assert_int_equal(onsite_due(&tale.shop.site, &tale.shop.visitor),
                     SHOP_NOON);

    standing->machine = 1;
    assert_int_equal(onsite_due(&tale.shop.site, &tale.shop.visitor), 0);

    shop_close(&tale.shop);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(journeys_move_on_events),
        cmocka_unit_test(conditions_read_journeys),
        cmocka_unit_test(time_moves_journeys),
        cmocka_unit_test(late_timers_come_first),
        cmocka_unit_test(timers_are_no_activity),
        cmocka_unit_test(entry_events_are_in_their_causes_session),
        cmocka_unit_test(the_first_event_begins_a_start_with_a_timer),
        cmocka_unit_test(edits_lose_nobody),
        cmocka_unit_test(entry_events_go_the_same_way),
        cmocka_unit_test(entry_events_are_bounded),
        cmocka_unit_test(standings_are_bounded),
        cmocka_unit_test(more_campaigns_than_may_fire),
        cmocka_unit_test(what_fired_is_decided_by_rank),
        cmocka_unit_test(sequences_take_the_latest_start),
        cmocka_unit_test(sequences_count_end_and_reset),
        cmocka_unit_test(sequences_within_the_session),
        cmocka_unit_test(a_last_not_fires_by_time),
        cmocka_unit_test(late_events_move_no_time_back),
        cmocka_unit_test(inactivity_waits_for_nothing_to_happen),
        cmocka_unit_test(inactivity_after_any_event),
        cmocka_unit_test(held_back_events_are_no_absence),
        cmocka_unit_test(nothing_fires_before_the_arrival),
        cmocka_unit_test(what_a_timer_fired_waits_once),
        cmocka_unit_test(times_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
