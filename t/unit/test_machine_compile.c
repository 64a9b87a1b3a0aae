/*
 * test_machine_compile.c - journeys, sequences, inactivity, segments and the
 * site file: what is refused and where, what good ones become, and that no
 * damaged image passes.
 */

#include "compile.h"
#include "onsite_affinity.h"
#include "onsite_index.h"
#include "onsite_machine.h"
#include "onsite_segment.h"

#define SHOWN    "'channel': 'popup', 'content': {'html': '<p>Hi</p>'}"
#define GOOD     "'id': 'c', " SHOWN
#define JOURNEY  "'id': 'j', 'start': 'a'"


static const onsite_machine_t *
machine(const compiled_t *c, uint32_t i)
{
    const onsite_machine_t  *machines;

    machines = onsite_image_at(&c->image,
                               onsite_image_header(&c->image)->machines);
    return &machines[i];
}


static const onsite_machine_state_t *
state(const compiled_t *c, uint32_t i, uint32_t number)
{
    const onsite_machine_state_t  *states;

    assert_true(number < machine(c, i)->n_states);
    states = onsite_image_at(&c->image, machine(c, i)->states);

    return &states[number];
}


static const onsite_machine_index_t *
machine_index(const compiled_t *c)
{
    return onsite_image_at(&c->image,
                           onsite_image_header(&c->image)->machine_index);
}


static const onsite_machine_cell_t *
cell(const compiled_t *c, const char *name)
{
    uint32_t                       i;
    onsite_str_t                   wanted = onsite_str(name, strlen(name));
    const onsite_machine_cell_t   *cells;
    const onsite_machine_index_t  *index = machine_index(c);

    cells = onsite_image_at(&c->image, index->cells);

    for (i = onsite_index_name_hash(wanted); /* void */; i++) {
        if (cells[i & index->mask].name.len == 0) {
            return NULL;
        }

        if (onsite_str_eq(onsite_image_str(&c->image,
                                           cells[i & index->mask].name),
                          wanted))
        {
            return &cells[i & index->mask];
        }
    }
}


/* "0:1>2 0:0>1w": machine, from, to; w: with a condition on the event, i: on
 * the visitor. */

static void
assert_edges(const compiled_t *c, const char *name, const char *expected)
{
    char                          text[512] = "", from[16], to[16];
    uint32_t                      i, n;
    onsite_ref_t                  ref;
    const onsite_machine_cell_t  *found;
    const onsite_machine_edge_t  *edges;

    if (name != NULL) {
        found = cell(c, name);
        assert_non_null(found);
        ref = found->edges;
        n = found->n;

    } else {
        ref = machine_index(c)->any;
        n = machine_index(c)->n_any;
    }

    edges = onsite_image_at(&c->image, ref);

    for (i = 0; i < n; i++) {
        (void) snprintf(from, sizeof(from), "%u", edges[i].from);
        (void) snprintf(to, sizeof(to), "%u", edges[i].to);
        (void) snprintf(text + strlen(text), sizeof(text) - strlen(text),
                        "%s%u:%s>%s%s%s", i != 0 ? " " : "",
                        edges[i].machine,
                        edges[i].from == ONSITE_STATE_ANY ? "*" : from,
                        edges[i].to == ONSITE_STATE_DEAD ? "x" : to,
                        edges[i].where != 0 ? "w" : "",
                        edges[i].audience != 0 ? "i" : "");
    }

    assert_string_equal(text, expected);
}


static const onsite_campaign_t *
campaign(const compiled_t *c, const char *id)
{
    const onsite_campaign_t  *found;

    found = onsite_campaign_find(&c->image,
                onsite_campaign_hash(onsite_str(id, strlen(id))));
    assert_non_null(found);

    return found;
}


static compiled_t *
compile_all_good(const char *const *texts, size_t n)
{
    compiled_t  *c = compile_files(texts, n);

    if (c->status != ONSITE_OK
        || onsite_image_verify(&c->image, &c->error) != ONSITE_OK)
    {
        print_findings(c);
        fail_msg("%s: %s", texts[0], c->error.text);
    }

    return c;
}


#define ALL_GOOD(texts)                                                       \
    compile_all_good(texts, sizeof(texts) / sizeof((texts)[0]))


static const expected_t  bad[] = {

    /* sequences */

    { "{" GOOD ", 'trigger': {'sequence': {'event': 'A'}}}",
      "trigger.sequence", "list of steps" },
    { "{" GOOD ", 'trigger': {'sequence': ['A']}}", "trigger.sequence[0]",
      "an object such as" },
    { "{" GOOD ", 'trigger': {'sequence': [{}]}}",
      "trigger.sequence[0].event", "is missing" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A', 'were': {}}]}}",
      "trigger.sequence[0].were", "did you mean \"where\"" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A', 'count': 0}]}}",
      "trigger.sequence[0].count", "1 to 16" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A', 'count': 9},"
      " {'event': 'B', 'count': 8}]}}", "trigger.sequence", "more than 16" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A', 'count': 16},"
      " {'not': {'event': 'B'}}], 'within': '1h'}}", "trigger.sequence",
      "more than 16" },
    { "{" GOOD ", 'trigger': {'sequence': [{'not': {'event': 'A'}},"
      " {'event': 'B'}]}}", "trigger.sequence[0].not", "cannot come first" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'},"
      " {'not': {'event': 'B'}}]}}", "trigger.within", "a duration" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'},"
      " {'not': {'event': 'B'}}], 'within': 'session'}}", "trigger.within",
      "a duration" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'}, {'not': [],"
      " 'event': 'B'}]}}", "trigger.sequence[1].event", "unknown key" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'}, {'not': []},"
      " {'event': 'B'}]}}", "trigger.sequence[1].not", "empty list" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'},"
      " {'not': [{'event': 'B', 'count': 2}]}, {'event': 'C'}]}}",
      "trigger.sequence[1].not[0].count", "unknown key" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'}],"
      " 'reset_on': 'B'}}", "trigger.reset_on", "must be an object" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A',"
      " 'where': {'x': {'$near': 1}}}]}}",
      "trigger.sequence[0].where.x.$near", "unknown operator" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'}], 'count': 2}}",
      "trigger.count", "unknown key" },

    /* inactivity */

    { "{" GOOD ", 'trigger': {'inactive': 0}}", "trigger.inactive",
      "duration" },
    { "{" GOOD ", 'trigger': {'inactive': '4h', 'after':"
      " 'Product Added'}}", "trigger.after",
      "write {\"event\": \"Product Added\"}" },
    { "{" GOOD ", 'trigger': {'inactive': '4h', 'unless': ['Bought']}}",
      "trigger.unless[0]", "write {\"event\": \"Bought\"}" },
    { "{" GOOD ", 'audience': {'profil.tier': 'gold'}}",
      "audience.profil.tier", "did you mean \"profile\"?" },
    { "{" GOOD ", 'audience': {'visit.tier': 'gold'}}",
      "audience.visit.tier", "segments, journey, product, recommended" },
    { "{'id': 'j', 'start': 'a'}", "states", "1 to 64 states" },
    { "{'id': 'j', 'stats': {'a': {}}}", "stats",
      "did you mean \"states\"?" },
    { "{'id': 'j', 'moved': {'b': 'a'}, 'stats': {'a': {}}}", "states",
      "1 to 64 states" },
    { "{" GOOD ", 'trigger': {'inactive': '4h', 'after': []}}",
      "trigger.after", "empty list" },
    { "{" GOOD ", 'trigger': {'inactive': '4h', 'unles': {}}}",
      "trigger.unles", "did you mean \"unless\"" },
    { "{" GOOD ", 'trigger': {'inactive': '4h', 'after': [{'event': 'A'},"
      " {'event': ''}]}}", "trigger.after[1].event", "non-empty" },

    /* a journey's trigger */

    { "{" GOOD ", 'trigger': {'journey': 'g'}}", "trigger.state",
      "is missing" },
    { "{" GOOD ", 'trigger': {'journey': 7, 'state': 'a'}}",
      "trigger.journey", "string" },

    /* journeys */

    { "{'states': {'a': {}}}", "id", "is missing" },
    { "{'id': 'a.b', 'start': 'a', 'states': {'a': {}}}", "id", "no '.'" },
    { "{'id': 'j', 'states': {'a': {}}}", "start", "is missing" },
    { "{'id': 'j', 'start': 'strated', 'states': {'started': {}}}", "start",
      "did you mean \"started\"" },
    { "{" JOURNEY ", 'states': {}}", "states", "1 to 64" },
    { "{" JOURNEY ", 'states': []}", "states", "1 to 64" },
    { "{" JOURNEY ", 'states': {'a': 1}}", "states.a", "an object" },
    { "{" JOURNEY ", 'states': {'a': {}, '': {}}}", "states.", "1 to 64" },
    { "{" JOURNEY ", 'states': {'a': {}, 'a': {}}}", "states.a", "twice" },
    { "{" JOURNEY ", 'states': {'a': {'no': {}}}}", "states.a.no",
      "did you mean \"on\"" },
    { "{" JOURNEY ", 'states': {'a': {'on': ['X']}}}", "states.a.on",
      "an object such as" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'X': 'playing'}},"
      " 'play': {}}}", "states.a.on.X", "no state \"playing\"" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'X': 'pley'}}, 'play': {}}}",
      "states.a.on.X", "did you mean \"play\"" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'X': {'where': {}}}}}}",
      "states.a.on.X.to", "name of a state" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'X': {'to': 'a', 'iff': {}}}}}}",
      "states.a.on.X.iff", "did you mean \"if\"" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'X': []}}}}", "states.a.on.X",
      "empty list" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'X': ['a', 'b']}}}}",
      "states.a.on.X[1]", "no state \"b\"" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'X': {'to': 'a',"
      " 'if': {'visitr.visits': 1}}}}}}", "states.a.on.X.if.visitr.visits",
      "" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'': 'a'}}}}", "states.a.on.",
      "1 to 128" },
    { "{" JOURNEY ", 'states': {'a': {'after': '1h'}}}", "states.a.after",
      "one duration" },
    { "{" JOURNEY ", 'states': {'a': {'after': {'1h': 'a', '2h': 'a'}}}}",
      "states.a.after", "one duration" },
    { "{" JOURNEY ", 'states': {'a': {'after': {'soon': 'a'}}}}",
      "states.a.after.soon", "duration" },
    { "{" JOURNEY ", 'states': {'a': {'inactive': {'1h': 'b'}}}}",
      "states.a.inactive.1h", "no state \"b\"" },
    { "{" JOURNEY ", 'states': {'a': {'final': true,"
      " 'after': {'1h': 'a'}}}}", "states.a.after", "final state" },
    { "{" JOURNEY ", 'states': {'a': {'final': true, 'on': {'X': 'a'}}}}",
      "states.a.on", "final state" },
    { "{" JOURNEY ", 'states': {'a': {'final': 1}}}", "states.a.final",
      "true or false" },
    { "{" JOURNEY ", 'states': {'a': {'entry': {}}}}",
      "states.a.entry.event", "is missing" },
    { "{" JOURNEY ", 'states': {'a': {'entry': 'X'}}}", "states.a.entry",
      "an object" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'X': 'a'},"
      " 'entry': {'event': 'X'}}}}", "states.a.entry.event", "leads back" },
    { "{" JOURNEY ", 'states': {'a': {}}, 'moved': {'a': 'a'}}", "moved.a",
      "is a state" },
    { "{" JOURNEY ", 'states': {'a': {}}, 'moved': {'b': 'c'}}", "moved.b",
      "no state \"c\"" },
    { "{" JOURNEY ", 'states': {'a': {}}, 'moved': []}", "moved",
      "an object such as" },
    { "{" JOURNEY ", 'states': {'a': {}}, 'enabled': 1}", "enabled",
      "true or false" },
    { "{" JOURNEY ", 'states': {'a': {}}, 'site': 'other'}", "site",
      "\"other\"" },
    { "{" JOURNEY ", 'states': {'a': {}}, 'stats': {}}", "stats",
      "did you mean \"" },

    /* segments */

    { "{'condition': {}}", "id", "is missing" },
    { "{'id': 's', 'condition': []}", "condition", "an object" },
    { "{'id': 's', 'condition': {'cart.value': {'$near': 1}}}",
      "condition.cart.value.$near", "unknown operator" },
    { "{'id': 's', 'condition': {'segments': 'x'}}", "condition",
      "reads segments" },
    { "{'id': 's', 'condition': {}, 'priority': 1}", "priority",
      "unknown key" },

    /* the site's file */

    { "{'affinities': []}", "affinities", "an object such as" },
    { "{'affinities': {'a.b': {}}}", "affinities.a.b", "affinity.<name>" },
    { "{'affinities': {'a': {}, 'a': {}}}", "affinities.a", "twice" },
    { "{'affinities': {'a': []}}", "affinities.a", "an object" },
    { "{'affinities': {'a': {'halflife': 1}}}", "affinities.a.halflife",
      "did you mean \"half_life\"" },
    { "{'affinities': {'a': {'half_life': 'long'}}}",
      "affinities.a.half_life", "duration" },
    { "{'affinities': {'a': {'half_life': '100ms'}}}",
      "affinities.a.half_life", "a second" },
    { "{'affinities': {'a': {'half_life': '11000d'}}}",
      "affinities.a.half_life", "ten years" },
    { "{'affinities': {'a': {'events': {}}}}", "affinities.a.events",
      "1 to 64" },
    { "{'affinities': {'a': {'events': {'X': 0}}}}",
      "affinities.a.events.X", "weight" },
    { "{'affinities': {'a': {'events': {'X': '1'}}}}",
      "affinities.a.events.X", "weight" },
    { "{'affinities': {'a': {'property': ''}}}", "affinities.a.property",
      "non-empty" },
    { "{'touches': 9}", "touches", "0 to 8" },
    { "{'touches': 4, 'afinities': {}}", "afinities",
      "did you mean \"affinities\"" },

    /* webhooks */

    { "{'id': 'a', 'channel': 'webhook', 'content': {'data': {}}}",
      "endpoint", "is missing" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'https://x/'}",
      "content.data", "is missing" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'x.example/',"
      " 'content': {'data': {}}}", "endpoint", "https://" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'http://x.example/',"
      " 'content': {'data': {}}}", "endpoint", "this machine only" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint':"
      " 'http://localhost.example/', 'content': {'data': {}}}", "endpoint",
      "this machine only" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint':"
      " 'http://127.0.0.1.example/', 'content': {'data': {}}}", "endpoint",
      "this machine only" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'https:///x',"
      " 'content': {'data': {}}}", "endpoint", "a URL such as" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'https://a b/',"
      " 'content': {'data': {}}}", "endpoint", "a URL such as" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'https://u:p@x/',"
      " 'content': {'data': {}}}", "endpoint", "a URL such as" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'https://x/', 'slot':"
      " 'top', 'content': {'data': {}}}", "slot", "embed only" },
};


static void
bad_files_are_refused(void **unused)
{
    (void) unused;

    expect_errors(bad, sizeof(bad) / sizeof(bad[0]));
}


static const expected_t  doubtful[] = {
    { "{" JOURNEY ", 'states': {'a': {}, 'b': {'on': {'X': 'a'}}}}",
      "states.b", "is never reached" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'X': ['b', {'to': 'a'}]}},"
      " 'b': {}}}", "states.a.on.X[1]", "is never reached" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'}, {'not':"
      " {'event': 'B'}}, {'not': [{'event': 'C'}]}, {'event': 'B',"
      " 'where': {'x': 1}}]}}", "trigger.sequence[3]", "can never come" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'}, {'not':"
      " [{'event': 'B', 'where': {'x': 1}}]}, {'event': 'B', 'where':"
      " {'x': 1}}]}}", "trigger.sequence[2]", "can never come" },
    { "{" GOOD ", 'audience': {'visitor.verified': 'true'}}",
      "audience.visitor.verified", "write true without quotes" },
    { "{" GOOD ", 'audience': {'visitor.verified': {'$in': ['yes']}}}",
      "audience.visitor.verified", "true or false" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'Product Veiwed': 'a'}}}}",
      "states.a.on.Product Veiwed", "\"Product Viewed\"" },
    { "{" JOURNEY ", 'states': {'a': {'entry': {'event':"
      " 'Product Veiwed'}}}}", "states.a.entry.event",
      "\"Product Viewed\"" },
    { "{" JOURNEY ", 'states': {'a': {'on': {'X': {'to': 'a', 'if':"
      " {'visitor.vists': 1}}}}}}", "states.a.on.X.if.visitor.vists",
      "\"visitor.visits\"" },
    { "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'}, {'not':"
      " [{'event': 'Product Veiwed'}]}, {'event': 'B'}]}}",
      "trigger.sequence[1].not[0].event", "\"Product Viewed\"" },
    { "{" GOOD ", 'trigger': {'inactive': '1h', 'after': {'event': 'A',"
      " 'where': {'request.device': 'phone'}}}}",
      "trigger.after.where.request.device", "is never \"phone\"" },
    { "{" GOOD ", 'audience': {'journey.game': 'left'}}",
      "audience.journey.game", "no journey \"game\"" },
    { "{" GOOD ", 'audience': {'visitor.traits': 'x'}}",
      "audience.visitor.traits", "visitor.traits.<name>" },
    { "{" GOOD ", 'audience': {'origin.frist.source': 'x'}}",
      "audience.origin.frist.source", "\"origin.first.source\"" },
    { "{" GOOD ", 'audience': {'segments': 'big'}}", "audience.segments",
      "{\"$in\": [\"big\"]}" },
    { "{'id': 's', 'condition': {'cart.itmes': 1}}", "condition.cart.itmes",
      "\"cart.items\"" },
    { "{'affinities': {'a': {'events': {'Product Veiwed': 1}}}}",
      "affinities.a.events.Product Veiwed", "\"Product Viewed\"" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'http://127.0.0.1:8/',"
      " 'content': {'data': {}}}", "endpoint", "for tests" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'https://x/',"
      " 'content': {'html': 'x', 'data': {}}}", "content.html",
      "is not sent" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'https://x/',"
      " 'frequency': {'stop_on': ['clicked', 'goal']}, 'goal': {'event':"
      " 'X'}, 'content': {'data': {}}}", "frequency.stop_on",
      "never clicked" },
};


static void
doubtful_files_are_warned_of(void **unused)
{
    (void) unused;

    expect_warnings(doubtful, sizeof(doubtful) / sizeof(doubtful[0]));
}


static const char *const  quiet[] = {
    "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'}, {'not': [{'event':"
        " 'B', 'where': {'x': 2}}]}, {'event': 'B', 'where': {'x': 1}}]}}",
    "{" GOOD ", 'trigger': {'sequence': [{'event': 'B'}, {'not': {'event':"
        " 'B'}}, {'event': 'A'}, {'event': 'B'}]}}",
    "{" GOOD ", 'audience': {'visitor.verified': true}}",
    "{" GOOD ", 'audience': {'affinity.category': 'shoes',"
        " 'affinity.brand.acme': {'$gt': 0.5}, 'origin.first.click': 'gclid',"
        " 'profile.vip': true, 'segments': {'$in': ['big']}, 'product.price': 1,"
        " 'recommended': {'$size': 2}, 'cart.products': {'$size': 1},"
        " 'visitor.traits.plan': 'x', 'visitor.user_id': 'u',"
        " 'visitor.verified': true, 'visitor.id': 'x',"
        " 'origin.touches': {'$size': 1}}}",
    "{" GOOD ", 'trigger': {'sequence': [{'event': 'A'}], 'within':"
        " 'session'}}",
    "{'id': 'a', 'channel': 'webhook', 'endpoint': 'https://x.example:8443/p"
        "?q=1', 'content': {'data': {'a': '{{cart.value}}'}}}",
    "{" JOURNEY ", 'states': {'a': {'on': {'X': {'to': 'b', 'where':"
        " {'plan': 'pro'}}}}, 'b': {}, 'c': {}}, 'moved': {'old': 'c'}}",
};


static void
what_is_right_is_not_warned_of(void **unused)
{
    size_t       i;
    compiled_t  *c;

    (void) unused;

    for (i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
        c = compile_good(quiet[i]);

        if (c->n != 0) {
            print_findings(c);
            fail_msg("%s: there are findings", quiet[i]);
        }

        release(c);
    }
}


static const char  game[] =
    "{'id': 'game', 'start': 'started', 'states': {"
    " 'main': {'on': {'Chat Joined': ["
    "     {'to': 'vip', 'where': {'room': 'vip'}, 'if': {'visitor.visits':"
    "      {'$gt': 1}}}, 'chat']}, 'inactive': {'1h': 'left'}},"
    " 'started': {'on': {'Login': 'main'}},"
    " 'chat': {'on': {'Chat Left': 'main'}, 'after': {'30m': 'main'}},"
    " 'vip': {'on': {'Chat Left': 'main'}},"
    " 'left': {'entry': {'event': 'Game Left'}, 'final': true}},"
    " 'moved': {'lobby': 'main'}}";


static void
a_journey_becomes_a_machine(void **unused)
{
    compiled_t                    *c;
    const onsite_machine_moved_t  *moved;

    static const char *const  texts[] = { game };

    (void) unused;
    c = ALL_GOOD(texts);

    assert_int_equal(onsite_image_header(&c->image)->n_machines, 1);
    assert_int_equal(machine(c, 0)->kind, ONSITE_MACHINE_JOURNEY);
    assert_str(onsite_image_str(&c->image, machine(c, 0)->id), "game");
    assert_int_equal(machine(c, 0)->hash,
                     onsite_machine_hash(ONSITE_MACHINE_JOURNEY,
                                         ONSITE_STR("game")));

    /* the start is first, the others as in the file */

    assert_str(onsite_image_str(&c->image, state(c, 0, 0)->name), "started");
    assert_str(onsite_image_str(&c->image, state(c, 0, 1)->name), "main");
    assert_str(onsite_image_str(&c->image, state(c, 0, 2)->name), "chat");
    assert_str(onsite_image_str(&c->image, state(c, 0, 3)->name), "vip");
    assert_str(onsite_image_str(&c->image, state(c, 0, 4)->name), "left");

    assert_int_equal(state(c, 0, 1)->inactive_ms, ONSITE_HOUR);
    assert_int_equal(state(c, 0, 1)->inactive_to, 4);
    assert_int_equal(state(c, 0, 2)->after_ms, 30 * ONSITE_MINUTE);
    assert_int_equal(state(c, 0, 2)->after_to, 1);
    assert_int_equal(state(c, 0, 4)->final, 1);
    assert_int_equal(state(c, 0, 1)->final, 0);
    assert_str(onsite_image_str(&c->image, state(c, 0, 4)->emits),
               "Game Left");

    assert_edges(c, "Login", "0:0>1");
    assert_edges(c, "Chat Joined", "0:1>3wi 0:1>2");
    assert_edges(c, "Chat Left", "0:2>1 0:3>1");
    assert_edges(c, NULL, "");
    assert_null(cell(c, "Game Left"));

    assert_int_equal(machine(c, 0)->n_moved, 1);
    moved = onsite_image_at(&c->image, machine(c, 0)->moved);
    assert_int_equal(moved->from, onsite_campaign_hash(ONSITE_STR("lobby")));
    assert_int_equal(moved->to, 1);

    release(c);
}


static void
a_timer_of_the_start_begins_with_any_event(void **unused)
{
    compiled_t  *c;

    (void) unused;
    c = compile_good("{" JOURNEY ", 'states': {'a': {'after': {'1h': 'b'}},"
                     " 'b': {}}}");

    assert_edges(c, NULL, "0:0>0");
    assert_int_equal(state(c, 0, 1)->final, 1);
    release(c);
}


static void
states_know_the_campaigns_they_trigger(void **unused)
{
    compiled_t       *c;
    const uint32_t   *ranks;

    static const char *const  texts[] = {
        "{'id': 'low', 'priority': 1, 'trigger': {'journey': 'game', 'state':"
            " 'left'}, " SHOWN "}",
        "{'id': 'plain', 'priority': 5, " SHOWN "}",
        "{'id': 'high', 'priority': 9, 'trigger': {'journey': 'game',"
            " 'state': 'left'}, " SHOWN "}",
        "{'id': 'off', 'enabled': false, 'priority': 99, 'trigger':"
            " {'journey': 'game', 'state': 'main'}, " SHOWN "}",
        game
    };

    (void) unused;
    c = ALL_GOOD(texts);

    assert_int_equal(state(c, 0, 4)->n_campaigns, 2);
    ranks = onsite_image_at(&c->image, state(c, 0, 4)->campaigns);
    assert_int_equal(ranks[0], 0);
    assert_int_equal(ranks[1], 2);
    assert_int_equal(state(c, 0, 1)->n_campaigns, 0);

    assert_int_equal(campaign(c, "low")->trigger.kind,
                     ONSITE_TRIGGER_JOURNEY);
    assert_int_equal(campaign(c, "low")->trigger.event.len, 0);
    assert_int_equal(campaign(c, "low")->flags, 0);
    assert_int_equal(campaign(c, "plain")->flags,
                     ONSITE_CAMPAIGN_CONTEXTUAL);
    release(c);
}


static void
a_sequence_is_spelled_out(void **unused)
{
    compiled_t  *c;

    (void) unused;
    c = compile_good("{" GOOD ", 'trigger': {'sequence': ["
                     "{'event': 'View', 'count': 2, 'where': {'price':"
                     " {'$gt': 1}}}, {'not': [{'event': 'Leave'},"
                     " {'event': 'View'}]}, {'event': 'Add'}],"
                     " 'within': '30m', 'reset_on': {'event': 'Buy'}}}");

    assert_int_equal(machine(c, 0)->kind, ONSITE_MACHINE_SEQUENCE);
    assert_int_equal(machine(c, 0)->n_states, 4);
    assert_int_equal(machine(c, 0)->timed, 0);
    assert_int_equal(machine(c, 0)->within, ONSITE_WITHIN_TIME);
    assert_int_equal(machine(c, 0)->within_ms, 30 * ONSITE_MINUTE);
    assert_edges(c, "Buy", "0:*>0");
    assert_edges(c, "Leave", "0:2>x");
    assert_edges(c, "View", "0:2>x 0:1>2w 0:0>1w");
    assert_edges(c, "Add", "0:2>3");
    assert_int_equal(state(c, 0, 3)->n_campaigns, 1);
    assert_int_equal(campaign(c, "c")->trigger.kind,
                     ONSITE_TRIGGER_SEQUENCE);
    assert_int_equal(campaign(c, "c")->flags, 0);
    release(c);
}


static void
a_sequence_that_ends_with_not_is_timed(void **unused)
{
    compiled_t  *c;

    (void) unused;
    c = compile_good("{" GOOD ", 'trigger': {'sequence': [{'event': 'A'},"
                     " {'event': 'B'}, {'not': {'event': 'C'}}],"
                     " 'within': '1h'}}");

    assert_int_equal(machine(c, 0)->n_states, 4);
    assert_int_equal(machine(c, 0)->timed, 1);
    assert_edges(c, "C", "0:2>x");
    assert_edges(c, "B", "0:1>2");
    assert_int_equal(state(c, 0, 3)->n_campaigns, 1);
    release(c);

    /* the most there may be */

    c = compile_good("{" GOOD ", 'trigger': {'sequence': [{'event': 'A',"
                     " 'count': 15}, {'not': {'event': 'C'}}],"
                     " 'within': '1h'}}");
    assert_int_equal(machine(c, 0)->n_states, 17);
    release(c);
}


static void
an_edited_sequence_is_another(void **unused)
{
    uint32_t     hash;
    compiled_t  *c;

    (void) unused;
    c = compile_good("{" GOOD ", 'trigger': {'sequence': [{'event': 'A'}]}}");
    hash = machine(c, 0)->hash;
    release(c);

    c = compile_good("{" GOOD ", 'priority': 3, 'trigger': {'sequence':"
                     " [{'event': 'A'}]}}");
    assert_int_equal(machine(c, 0)->hash, hash);
    release(c);

    c = compile_good("{" GOOD ", 'trigger': {'sequence': [{'event': 'B'}]}}");
    assert_int_not_equal(machine(c, 0)->hash, hash);
    release(c);
}


static void
inactivity_has_two_states(void **unused)
{
    compiled_t  *c;

    (void) unused;
    c = compile_good("{" GOOD ", 'trigger': {'inactive': '4h', 'after':"
                     " [{'event': 'Add', 'where': {'price': {'$gt': 1}}},"
                     " {'event': 'Step'}], 'unless': {'event': 'Buy'}}}");

    assert_int_equal(machine(c, 0)->kind, ONSITE_MACHINE_INACTIVE);
    assert_int_equal(machine(c, 0)->n_states, 2);
    assert_int_equal(state(c, 0, 1)->inactive_ms, 4 * ONSITE_HOUR);
    assert_int_equal(state(c, 0, 1)->inactive_to, 0);
    assert_int_equal(state(c, 0, 0)->n_campaigns, 1);
    assert_int_equal(state(c, 0, 1)->n_campaigns, 0);
    assert_edges(c, "Add", "0:0>1w");
    assert_edges(c, "Step", "0:0>1");
    assert_edges(c, "Buy", "0:*>0");
    assert_edges(c, NULL, "");
    release(c);

    c = compile_good("{" GOOD ", 'trigger': {'inactive': '4h'}}");
    assert_edges(c, NULL, "0:0>1");
    release(c);
}


static void
what_is_not_enabled_leaves_nothing(void **unused)
{
    compiled_t  *c;

    static const char *const  texts[] = {
        "{" JOURNEY ", 'enabled': false, 'states': {'a': {'on': {'X': 'a'}}}}",
        "{'id': 'c', 'enabled': false, 'trigger': {'inactive': '1h'}, " SHOWN
            "}",
        "{'id': 'd', 'enabled': false, 'trigger': {'journey': 'j', 'state':"
            " 'a'}, " SHOWN "}",
        "{'id': 's', 'enabled': false, 'condition':"
            " {'affinity.category': 'x', 'visitor.traits.plan': 'x'}}"
    };
    static const char *const  named[] = {
        "{" JOURNEY ", 'enabled': false, 'states': {'a': {}}}",
        "{" GOOD ", 'trigger': {'journey': 'j', 'state': 'a'}}"
    };

    (void) unused;
    c = ALL_GOOD(texts);
    assert_int_equal(c->n, 0);
    assert_int_equal(onsite_image_header(&c->image)->n_machines, 0);
    assert_int_equal(onsite_image_header(&c->image)->n_campaigns, 0);
    assert_int_equal(onsite_image_header(&c->image)->n_segments, 0);
    assert_int_equal(onsite_image_header(&c->image)->n_affinities, 0);
    assert_int_equal(onsite_image_header(&c->image)->n_traits, 0);
    release(c);

    c = compile_files(named, 2);
    assert_int_equal(c->status, ONSITE_INVALID);
    assert_true(has_finding(c, ONSITE_LINT_ERROR, "trigger.journey",
                            "is not enabled"));
    release(c);
}


/* A state that a condition misspells is one where nobody is. */

static void
conditions_name_states_that_are(void **unused)
{
    compiled_t  *c;

    static const char *const  texts[] = {
        "{" JOURNEY ", 'states': {'a': {'on': {'X': 'chat'}}, 'chat': {'on':"
            " {'X': {'to': 'a', 'if': {'journey.j': 'caht'}}}}}}",
        "{" GOOD ", 'audience': {'$and': [{'journey.j': 'chat'},"
            " {'$not': {'journey.j': {'$in': ['a', 'chta']}}}]}}"
    };

    (void) unused;
    c = compile_files(texts, 2);
    assert_int_equal(c->status, ONSITE_OK);
    assert_int_equal(c->n, 2);
    assert_true(has_finding(c, ONSITE_LINT_WARNING,
                            "states.chat.on.X.if.journey.j",
                            "no such state; did you mean \"chat\"?"));
    assert_true(has_finding(c, ONSITE_LINT_WARNING,
                            "audience.$and[1].$not.journey.j",
                            "is never \"chta\""));
    release(c);
}


static void
files_are_judged_together(void **unused)
{
    compiled_t  *c;

    static const char *const  twice[] = {
        "{" JOURNEY ", 'states': {'a': {}}}",
        "{" JOURNEY ", 'states': {'a': {}}}",
        "{'id': 's', 'condition': {}}", "{'id': 's', 'condition': {}}",
        "{'touches': 1}", "{'touches': 2}"
    };
    static const char *const  circle[] = {
        "{'id': 'p', 'start': 'a', 'states': {'a': {'on': {'X': 'b'}}, 'b':"
            " {'entry': {'event': 'Y'}, 'on': {'Z': 'a'}}}}",
        "{'id': 'q', 'start': 'a', 'states': {'a': {'on': {'Y': 'b'}}, 'b':"
            " {'entry': {'event': 'X'}, 'on': {'Y': 'b'}}}}"
    };
    static const char *const  names[] = {
        game,
        "{'id': 'x', 'trigger': {'journey': 'gmae', 'state': 'left'}, " SHOWN
            "}",
        "{'id': 'y', 'trigger': {'journey': 'game', 'state': 'leaft'}, "
            SHOWN "}"
    };

    (void) unused;

    c = compile_files(twice, 6);
    assert_true(has_finding(c, ONSITE_LINT_ERROR, "id", "\"j\" is also the id"
                            " of 1.json"));
    assert_true(has_finding(c, ONSITE_LINT_ERROR, "id", "\"s\" is also the id"
                            " of 3.json"));
    assert_true(has_finding(c, ONSITE_LINT_ERROR, "", "5.json is the file"));
    release(c);

    c = compile_files(circle, 2);
    assert_int_equal(c->status, ONSITE_INVALID);
    assert_true(has_finding(c, ONSITE_LINT_ERROR, "states.b.entry.event",
                            "leads back"));
    release(c);

    c = compile_files(names, 3);
    assert_true(has_finding(c, ONSITE_LINT_ERROR, "trigger.journey",
                            "did you mean \"game\""));
    assert_true(has_finding(c, ONSITE_LINT_ERROR, "trigger.state",
                            "did you mean \"left\""));
    release(c);
}


/* An event may lead to a state that sends it, too: there it ends. */

static void
an_entry_event_may_be_what_led_there(void **unused)
{
    compiled_t  *c;

    (void) unused;
    c = compile_good("{" JOURNEY ", 'states': {'a': {'on': {'Left': 'b'},"
                     " 'after': {'1h': 'b'}}, 'b': {'entry': {'event':"
                     " 'Left'}, 'on': {'Back': 'a'}}}}");
    assert_int_equal(c->n, 0);
    release(c);
}


static void
segments_are_sorted(void **unused)
{
    compiled_t              *c;
    const onsite_segment_t  *segments;

    static const char *const  texts[] = {
        "{'id': 'vip', 'condition': {'profile.vip': true}}",
        "{'id': 'all', 'name': 'Everyone', 'condition': {}}",
        "{'id': 'big', 'condition': {'cart.value': {'$gt': 100}}}"
    };

    (void) unused;
    c = ALL_GOOD(texts);

    assert_int_equal(onsite_image_header(&c->image)->n_segments, 3);
    segments = onsite_image_at(&c->image,
                               onsite_image_header(&c->image)->segments);
    assert_str(onsite_image_str(&c->image, segments[0].id), "all");
    assert_str(onsite_image_str(&c->image, segments[1].id), "big");
    assert_str(onsite_image_str(&c->image, segments[2].id), "vip");
    assert_int_equal(segments[0].condition, 0);
    assert_int_not_equal(segments[1].condition, 0);
    release(c);
}


static void
affinities_are_those_that_are_read(void **unused)
{
    compiled_t                      *c;
    const onsite_affinity_rule_t    *rules;
    const onsite_affinity_weight_t  *weights;

    static const char *const  texts[] = {
        "{'id': 'c', 'channel': 'popup', 'audience': {'affinity.brand.acme':"
            " {'$gt': 0.2}}, 'content': {'html': '<p>{{affinity.category}}"
            "{{visitor.traits.plan}}</p>'}}",
        "{'affinities': {'size': {'half_life': '7d', 'events': {'Product"
            " Added': 2.5}, 'property': 'variant'}, 'brand': {}},"
            " 'touches': 2}",
        "{'id': 's', 'condition': {'visitor.traits.city': 'x',"
            " 'visitor.traits.plan': 'y'}}"
    };

    (void) unused;
    c = ALL_GOOD(texts);

    assert_int_equal(onsite_image_header(&c->image)->n_affinities, 3);
    assert_int_equal(onsite_image_header(&c->image)->touches, 2);
    rules = onsite_image_at(&c->image,
                            onsite_image_header(&c->image)->affinities);

    assert_str(onsite_image_str(&c->image, rules[0].name), "brand");
    assert_int_equal(rules[0].n_weights, 5);
    assert_str(onsite_image_str(&c->image, rules[1].name), "category");
    assert_str(onsite_image_str(&c->image, rules[1].property), "category");
    assert_int_equal(rules[1].half_life_ms, 14 * ONSITE_DAY);
    assert_str(onsite_image_str(&c->image, rules[2].name), "size");
    assert_str(onsite_image_str(&c->image, rules[2].property), "variant");
    assert_int_equal(rules[2].half_life_ms, 7 * ONSITE_DAY);
    assert_int_equal(rules[2].n_weights, 1);

    weights = onsite_image_at(&c->image, rules[2].weights);
    assert_str(onsite_image_str(&c->image, weights[0].event),
               "Product Added");
    assert_true(weights[0].weight == 2.5);
    release(c);
}


static void
traits_are_those_that_are_read(void **unused)
{
    compiled_t                *c;
    const onsite_image_str_t  *traits;

    static const char *const  texts[] = {
        "{'id': 'c', 'channel': 'popup', 'content': {'html':"
            " '<p>{{visitor.traits.plan}}</p>'}}",
        "{" JOURNEY ", 'states': {'a': {'on': {'X': {'to': 'a', 'if':"
            " {'visitor.traits.city': 'x', 'visitor.traits.plan': 'y'}}}}}}"
    };

    (void) unused;
    c = ALL_GOOD(texts);

    assert_int_equal(onsite_image_header(&c->image)->n_traits, 2);
    assert_int_equal(onsite_image_header(&c->image)->touches, 0);
    traits = onsite_image_at(&c->image,
                             onsite_image_header(&c->image)->traits);
    assert_str(onsite_image_str(&c->image, traits[0]), "city");
    assert_str(onsite_image_str(&c->image, traits[1]), "plan");
    release(c);
}


static void
touches_are_kept_where_they_are_read(void **unused)
{
    compiled_t  *c;

    static const char *const  template[] = {
        "{'id': 'c', 'channel': 'popup', 'content': {'html':"
            " '<p>{{origin.last.source}}</p>'}}"
    };
    static const char *const  site[] = {
        "{'id': 'c', 'channel': 'popup', 'content': {'html': 'x'},"
            " 'audience': {'origin.first.medium': 'cpc'}}",
        "{'touches': 0}"
    };

    (void) unused;
    c = ALL_GOOD(template);
    assert_int_equal(onsite_image_header(&c->image)->touches, 4);
    release(c);

    c = ALL_GOOD(site);
    assert_int_equal(onsite_image_header(&c->image)->touches, 0);
    release(c);
}


static void
too_many_affinities_are_refused(void **unused)
{
    char         text[4096];
    int          i;
    compiled_t  *c;

    (void) unused;
    (void) snprintf(text, sizeof(text), "{" GOOD ", 'audience': {'$or': [");

    for (i = 0; i <= ONSITE_AFFINITIES_MAX; i++) {
        (void) snprintf(text + strlen(text), sizeof(text) - strlen(text),
                        "%s{'affinity.a%d': 'x'}", i != 0 ? ", " : "", i);
    }

    (void) snprintf(text + strlen(text), sizeof(text) - strlen(text), "]}}");

    c = compile_text(text);
    assert_int_equal(c->status, ONSITE_LIMIT);
    assert_non_null(strstr(c->error.text, "affinit"));
    release(c);
}


static void
more_than_a_visitor_can_stand_in(void **unused)
{
    char                      *text;
    uint32_t                   i;
    compiled_t                *c;
    onsite_value_t             values[ONSITE_STANDINGS_MAX + 2];
    onsite_campaign_source_t   sources[ONSITE_STANDINGS_MAX + 2];

    (void) unused;
    c = compile_text("{" GOOD "}");

    for (i = 0; i < ONSITE_STANDINGS_MAX + 2; i++) {
        text = onsite_arena_alloc(c->arena, 256);
        (void) snprintf(text, 256, "{'id': 'j%u', 'start': 'a', 'states':"
                        " {'a': {}}}", i);
        parse(c, text, &values[i]);
        sources[i].file = ONSITE_STR("one.json");
        sources[i].definition = &values[i];
    }

    for (i = ONSITE_STANDINGS_MAX; i <= ONSITE_STANDINGS_MAX + 2; i++) {
        onsite_builder_destroy(c->b);
        c->b = onsite_builder_create();
        c->n = 0;
        assert_int_equal(onsite_campaigns_compile(c->b, ONSITE_STR("default"),
                             sources, i, &zones, NULL, NOW, note, c,
                             &c->image, &c->error), ONSITE_OK);
        assert_int_equal(c->n, i > ONSITE_STANDINGS_MAX);
    }

    assert_true(has_finding(c, ONSITE_LINT_WARNING, "", "more than 64"));
    release(c);
}


static void
kinds_of_files(void **unused)
{
    size_t                    i;
    compiled_t               *c;
    onsite_value_t            value;
    onsite_campaign_source_t  source;

    static const struct {
        const char          *file;
        const char          *text;
        onsite_file_kind_t   kind;
    } files[] = {
        { "a.json", "{'id': 'a', 'channel': 'bar'}", ONSITE_FILE_CAMPAIGN },
        { "a.json", "{'id': 'a', 'states': {}}", ONSITE_FILE_JOURNEY },
        { "a.json", "{'id': 'a', 'condition': {}}", ONSITE_FILE_SEGMENT },
        { "a.json", "{'condition': {}, 'trigger': {}}",
          ONSITE_FILE_CAMPAIGN },
        { "a.json", "{'condition': {}, 'channel': 'bar'}",
          ONSITE_FILE_CAMPAIGN },
        { "a.json", "{'touches': 1}", ONSITE_FILE_SITE },
        { "a.json", "{'affinities': {}}", ONSITE_FILE_SITE },
        { "d/site.json", "{}", ONSITE_FILE_SITE },
        { "site.json", "[]", ONSITE_FILE_SITE },
        { "d/mysite.json", "{}", ONSITE_FILE_CAMPAIGN },
        { "a.json", "[]", ONSITE_FILE_CAMPAIGN },
        { "", "7", ONSITE_FILE_CAMPAIGN },
    };

    (void) unused;
    c = compile_text("{" GOOD "}");

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        parse(c, files[i].text, &value);
        source.file = onsite_str(files[i].file, strlen(files[i].file));
        source.definition = &value;

        if (onsite_file_kind(&source) != files[i].kind) {
            fail_msg("%s: %s is of another kind", files[i].file,
                     files[i].text);
        }
    }

    release(c);
}


/* All of it in one image. */

static compiled_t *
compile_everything(void)
{
    static const char *const  texts[] = {
        game,
        "{'id': 'a', 'trigger': {'journey': 'game', 'state': 'left'}, " SHOWN
            "}",
        "{'id': 'b', 'trigger': {'sequence': [{'event': 'A', 'count': 2},"
            " {'not': {'event': 'B'}}], 'within': '1h', 'reset_on':"
            " {'event': 'C', 'where': {'x': 1}}}, " SHOWN "}",
        "{'id': 'c', 'trigger': {'inactive': '4h'}, " SHOWN "}",
        "{'id': 's', 'condition': {'affinity.category': 'x',"
            " 'visitor.traits.plan': 'y'}}",
        "{'touches': 3}"
    };

    return ALL_GOOD(texts);
}


/* Words that the header, machines, states, edges and so on are made of are
 * put out of range one after the other: each image is refused or, where the
 * word may have the value, is read to its ends without harm. */

static void
no_damaged_image_passes(void **unused)
{
    size_t                   i, k, n, refused = 0, tried = 0;
    uint8_t                 *bytes;
    uint32_t                 old;
    compiled_t              *c = compile_everything();
    onsite_error_t           error;
    onsite_image_t           image;
    onsite_image_header_t   *header;

    static const uint32_t  values[] = {
        0, 1, 2, 7, 64, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff
    };

    (void) unused;

    bytes = malloc(c->image.size);
    assert_non_null(bytes);
    memcpy(bytes, c->image.base, c->image.size);
    image = (onsite_image_t) { bytes, c->image.size };
    header = (onsite_image_header_t *) bytes;
    n = c->image.size / sizeof(uint32_t);

    for (i = offsetof(onsite_image_header_t, built) / sizeof(uint32_t);
         i < n; i++)
    {
        memcpy(&old, bytes + i * sizeof(old), sizeof(old));

        for (k = 0; k < sizeof(values) / sizeof(values[0]); k++) {
            memcpy(bytes + i * sizeof(old), &values[k], sizeof(old));
            header->checksum = onsite_image_checksum(&image);
            refused += onsite_image_verify(&image, &error) != ONSITE_OK;
            tried++;
        }

        memcpy(bytes + i * sizeof(old), &old, sizeof(old));
    }

    assert_true(refused > tried / 3);
    free(bytes);
    release(c);
}


typedef struct {
    const char  *what;
    void       (*damage)(onsite_image_header_t *header, uint8_t *base);
} damage_t;

#define MACHINE(n)  (&((onsite_machine_t *) (base + header->machines))[n])
#define STATES(n)   ((onsite_machine_state_t *) (base + MACHINE(n)->states))
#define INDEX       ((onsite_machine_index_t *) (base                         \
                                                 + header->machine_index))
#define ANY         ((onsite_machine_edge_t *) (base + INDEX->any))

#define DAMAGE(name, statement)                                               \
    static void                                                               \
    name(onsite_image_header_t *header, uint8_t *base)                        \
    {                                                                         \
        (void) base;                                                          \
        statement;                                                            \
    }

DAMAGE(too_many_machines, header->n_machines = 1000000)
DAMAGE(no_index, header->machine_index = 0)
DAMAGE(unknown_kind, MACHINE(0)->kind = 3)
DAMAGE(no_states, MACHINE(0)->n_states = 0)
DAMAGE(many_states, MACHINE(0)->n_states = ONSITE_MACHINE_STATES_MAX + 1)
DAMAGE(long_sequence, MACHINE(1)->n_states = 18)
DAMAGE(timed_without_window, MACHINE(1)->within = ONSITE_WITHIN_EVER)
DAMAGE(state_of_three, MACHINE(2)->n_states = 1)
DAMAGE(wild_after, STATES(0)[2].after_to = 5)
DAMAGE(wild_inactive, STATES(0)[1].inactive_to = 5)
DAMAGE(negative_timer, STATES(0)[1].inactive_ms = -1)
DAMAGE(wild_rank, STATES(2)[0].n_campaigns = 1000)
DAMAGE(wild_moved, MACHINE(0)->n_moved = 1u << 30)
DAMAGE(wild_edges, INDEX->n_any = 1u << 30)
DAMAGE(wild_machine, ANY->machine = 3)
DAMAGE(wild_from, ANY->from = 2)
DAMAGE(wild_to, ANY->to = 2)
DAMAGE(dead_end, ANY->to = ONSITE_STATE_DEAD)
DAMAGE(wild_where, ANY->where = 12)
DAMAGE(odd_mask, INDEX->mask = 5)
DAMAGE(large_mask, INDEX->mask = 0xffff)
DAMAGE(same_hash, MACHINE(0)->hash = MACHINE(1)->hash)
DAMAGE(wild_segments, header->n_segments = 1000000)
DAMAGE(wild_affinities, header->n_affinities = 33)
DAMAGE(wild_traits, header->n_traits = 1000000)
DAMAGE(many_touches, header->touches = 9)

static const damage_t  damages[] = {
    { "too many machines", too_many_machines },
    { "no index", no_index },
    { "unknown kind", unknown_kind },
    { "no states", no_states },
    { "many states", many_states },
    { "a long sequence", long_sequence },
    { "timed without a window", timed_without_window },
    { "one state of inactivity", state_of_three },
    { "a wild after", wild_after },
    { "a wild inactive", wild_inactive },
    { "a negative timer", negative_timer },
    { "wild ranks", wild_rank },
    { "wild moves", wild_moved },
    { "wild edges", wild_edges },
    { "an edge of a wild machine", wild_machine },
    { "an edge from nowhere", wild_from },
    { "an edge to nowhere", wild_to },
    { "an end where none may be", dead_end },
    { "a wild condition", wild_where },
    { "an odd mask", odd_mask },
    { "a large mask", large_mask },
    { "one hash twice", same_hash },
    { "wild segments", wild_segments },
    { "wild affinities", wild_affinities },
    { "wild traits", wild_traits },
    { "many touches", many_touches }
};


static void
each_damage_is_told(void **unused)
{
    size_t           i;
    uint8_t         *bytes;
    compiled_t      *c = compile_everything();
    onsite_error_t   error;
    onsite_image_t   image;

    (void) unused;

    bytes = malloc(c->image.size);
    assert_non_null(bytes);
    image = (onsite_image_t) { bytes, c->image.size };

    for (i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        memcpy(bytes, c->image.base, c->image.size);
        damages[i].damage((onsite_image_header_t *) bytes, bytes);
        ((onsite_image_header_t *) bytes)->checksum
            = onsite_image_checksum(&image);
        error.text[0] = '\0';

        if (onsite_image_verify(&image, &error) != ONSITE_CORRUPT
            || error.text[0] == '\0')
        {
            fail_msg("%s: passed", damages[i].what);
        }
    }

    free(bytes);
    release(c);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(doubtful_files_are_warned_of),
        cmocka_unit_test(what_is_right_is_not_warned_of),
        cmocka_unit_test(a_journey_becomes_a_machine),
        cmocka_unit_test(a_timer_of_the_start_begins_with_any_event),
        cmocka_unit_test(states_know_the_campaigns_they_trigger),
        cmocka_unit_test(a_sequence_is_spelled_out),
        cmocka_unit_test(a_sequence_that_ends_with_not_is_timed),
        cmocka_unit_test(an_edited_sequence_is_another),
        cmocka_unit_test(inactivity_has_two_states),
        cmocka_unit_test(what_is_not_enabled_leaves_nothing),
        cmocka_unit_test(conditions_name_states_that_are),
        cmocka_unit_test(files_are_judged_together),
        cmocka_unit_test(an_entry_event_may_be_what_led_there),
        cmocka_unit_test(segments_are_sorted),
        cmocka_unit_test(affinities_are_those_that_are_read),
        cmocka_unit_test(traits_are_those_that_are_read),
        cmocka_unit_test(touches_are_kept_where_they_are_read),
        cmocka_unit_test(too_many_affinities_are_refused),
        cmocka_unit_test(more_than_a_visitor_can_stand_in),
        cmocka_unit_test(kinds_of_files),
        cmocka_unit_test(no_damaged_image_passes),
        cmocka_unit_test(each_damage_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
