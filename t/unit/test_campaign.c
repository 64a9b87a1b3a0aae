/*
 * test_campaign.c - campaign files: what is refused and where, what is warned
 * of, what good ones become.
 */

#include "compile.h"
#include "onsite_visitor.h"

#include <time.h>


static const onsite_campaign_t *
first(const compiled_t *c)
{
    return onsite_image_at(&c->image,
                           onsite_image_header(&c->image)->campaigns);
}


static const onsite_variant_t *
variants(const compiled_t *c, const onsite_campaign_t *campaign)
{
    return onsite_image_at(&c->image, campaign->variants);
}


#define POPUP  "'channel': 'popup', 'content': {'html': '<p>Hi</p>'}"
#define BASE   "'id': 'a', " POPUP
#define EMBED  "{'id': 'a', 'channel': 'embed', 'content': {'html': 'x'}, "


static const expected_t  bad[] = {
    { "[]", "", "must be a JSON object" },
    { "{" POPUP "}", "id", "is missing" },
    { "{'id': '', " POPUP "}", "id", "non-empty" },
    { "{'id': 7, " POPUP "}", "id", "string" },
    { "{'id': '-a', " POPUP "}", "id", "letter or digit" },
    { "{'id': 'a b', " POPUP "}", "id", "1 to 64 letters" },
    { "{'id': 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaa', " POPUP "}", "id", "1 to 64 letters" },
    { "{" BASE ", 'site': 'other'}", "site", "\"other\"" },
    { "{" BASE ", 'site': 1}", "site", "string" },
    { "{" BASE ", 'name': 1}", "name", "string" },
    { "{" BASE ", 'enabled': 'yes'}", "enabled", "true or false" },
    { "{" BASE ", 'enabled': false, 'priority': 'x'}", "priority", "whole" },
    { "{" BASE ", 'priority': 1.5}", "priority", "whole number" },
    { "{" BASE ", 'priority': 10000000}", "priority", "1000000" },
    { "{" BASE ", 'audeince': {}}", "audeince", "did you mean \"audience\"" },
    { "{" BASE ", 'zzzzzzzzz': {}}", "zzzzzzzzz", "unknown key" },
    { "{" BASE ", 'stop_on': ['clicked']}", "stop_on",
      "it belongs into \"frequency\"" },
    { "{" BASE ", 'group': 'a', 'group': 'b'}", "group", "given twice" },
    { "{" BASE ", 'group': ''}", "group", "non-empty" },

    { "{" BASE ", 'schedule': []}", "schedule", "must be an object" },
    { "{" BASE ", 'schedule': {'form': '2026-01-01'}}", "schedule.form",
      "did you mean \"from\"" },
    { "{" BASE ", 'schedule': {'from': 'tomorrow'}}", "schedule.from",
      "RFC 3339" },
    { "{" BASE ", 'schedule': {'from': 0}}", "schedule.from", "string" },
    { "{" BASE ", 'schedule': {'until': '2026-02-30'}}", "schedule.until",
      "RFC 3339" },
    { "{" BASE ", 'schedule': {'until': '2026-02-03T24:00'}}",
      "schedule.until", "RFC 3339" },
    { "{" BASE ", 'schedule': {'until': '2026-02-03T10:00+1'}}",
      "schedule.until", "RFC 3339" },
    { "{" BASE ", 'schedule': {'timezone': 'Europe/Pari'}}",
      "schedule.timezone", "Europe/Pari" },
    { "{" BASE ", 'schedule': {'days': 'mon'}}", "schedule.days", "list" },
    { "{" BASE ", 'schedule': {'days': []}}", "schedule.days", "list" },
    { "{" BASE ", 'schedule': {'days': ['mon', 'Tue']}}", "schedule.days[1]",
      "mon, tue" },
    { "{" BASE ", 'schedule': {'days': ['mon', 'mon']}}", "schedule.days[1]",
      "given twice" },
    { "{" BASE ", 'schedule': {'hours': '8-22'}}", "schedule.hours",
      "08:00-22:00" },
    { "{" BASE ", 'schedule': {'hours': '08:00-22:60'}}", "schedule.hours",
      "08:00-22:00" },
    { "{" BASE ", 'schedule': {'hours': '24:00-08:00'}}", "schedule.hours",
      "08:00-22:00" },
    { "{" BASE ", 'schedule': {'hours': '08:00-24:01'}}", "schedule.hours",
      "08:00-22:00" },
    { "{" BASE ", 'schedule': {'hours': '08:00-08:00'}}", "schedule.hours",
      "whole day" },

    { "{" BASE ", 'audience': []}", "audience", "must be an object" },
    { "{" BASE ", 'trigger': 'Page Viewed'}", "trigger", "an object such" },
    { "{" BASE ", 'trigger': {}}", "trigger.event", "is missing" },
    { "{" BASE ", 'trigger': {'event': ''}}", "trigger.event", "non-empty" },
    { "{" BASE ", 'trigger': {'event': 'X', 'count': 0}}", "trigger.count",
      "1 to 17" },
    { "{" BASE ", 'trigger': {'event': 'X', 'count': 18}}", "trigger.count",
      "1 to 17" },
    { "{" BASE ", 'trigger': {'event': 'X', 'within': 'soon'}}",
      "trigger.within", "duration" },
    { "{" BASE ", 'trigger': {'event': 'X', 'within': -5}}",
      "trigger.within", "duration" },
    { "{" BASE ", 'trigger': {'event': 'X', 'where': 5}}", "trigger.where",
      "must be an object" },
    { "{" BASE ", 'trigger': {'event': 'X', 'were': {}}}", "trigger.were",
      "did you mean \"where\"" },
    { "{" BASE ", 'trigger': {'sequence': []}}", "trigger.sequence",
      "list of steps" },
    { "{" BASE ", 'trigger': {'journey': 'game', 'state': 'left'}}",
      "trigger.journey", "no journey" },
    { "{" BASE ", 'trigger': {'inactive': 'soon'}}", "trigger.inactive",
      "duration" },
    { "{" BASE ", 'trigger': {'event': 'X', 'inactive': '4h'}}", "trigger",
      "not several" },

    { "{" BASE ", 'frequency': 'twice'}", "frequency", "once_per_session" },
    { "{" BASE ", 'frequency': 3}", "frequency", "must be an object" },
    { "{" BASE ", 'frequency': {'cap': 1}}", "frequency.per", "is missing" },
    { "{" BASE ", 'frequency': {'per': 'day'}}", "frequency.cap",
      "is missing" },
    { "{" BASE ", 'frequency': {'cap': 1, 'per': 'year'}}", "frequency.per",
      "page, session, hour" },
    { "{" BASE ", 'frequency': {'cap': -1, 'per': 'day'}}", "frequency.cap",
      "whole number" },
    { "{" BASE ", 'frequency': {'cap': 1.5, 'per': 'day'}}", "frequency.cap",
      "whole number" },
    { "{" BASE ", 'frequency': {'stop_on': 'clicked'}}", "frequency.stop_on",
      "list" },
    { "{" BASE ", 'frequency': {'stop_on': ['closed']}}",
      "frequency.stop_on[0]", "clicked, dismissed or goal" },

    { "{" BASE ", 'goal': {}}", "goal.event", "is missing" },
    { "{" BASE ", 'goal': {'event': 'X', 'within': '0d'}}", "goal.within",
      "duration" },
    { "{" BASE ", 'goal': {'event': 'X', 'where': {}}}", "goal.where",
      "unknown key" },

    { "{'id': 'a'}", "channel", "is missing" },
    { "{'id': 'a', 'channel': 'popop'}", "channel",
      "popup, bar, notification, embed or webhook" },
    { "{'id': 'a', 'channel': 'webhook', 'endpoint': 'https://x/'}",
      "content.data", "is missing" },
    { "{'id': 'a', 'channel': 'popup'}", "content.html", "is missing" },
    { "{'id': 'a', 'channel': 'bar', 'content': {}}", "content.html",
      "is missing" },
    { "{'id': 'a', 'channel': 'bar', 'content': {'html': ''}}",
      "content.html", "non-empty" },
    { "{'id': 'a', 'channel': 'bar', 'content': {'html': 'x', 'data': []}}",
      "content.data", "must be an object" },
    { "{'id': 'a', 'channel': 'bar', 'content': {'htm': 'x'}}", "content.htm",
      "did you mean \"html\"" },
    { "{'id': 'a', 'channel': 'embed', 'content': {'html': 'x'}}", "slot",
      "is missing" },
    { "{'id': 'a', 'channel': 'embed', 'slot': 'top', 'content': {'html':"
      " '<p>a</p>\\n</div>'}}", "content.html", "2:1: </div> closes nothing" },
    { "{'id': 'a', 'channel': 'embed', 'slot': 'top', 'content': {'html':"
      " '<p>{{#cart.skus}}<b>{{.}}{{/cart.skus}}</p>'}}", "content.html",
      "{{/cart.skus}}: other elements are open" },
    { "{'id': 'a', 'channel': 'embed', 'slot': 'top', 'content': {'html':"
      " 'x'}, 'variants': [{'id': 'a', 'content': {'html': 'a<b>'}}]}",
      "variants[0].content.html", "1:2: <b> is not closed" },
    { "{'id': 'a', 'channel': 'embed', 'slot': 'top'}", "content",
      "html or data" },
    { "{" BASE ", 'slot': 'top'}", "slot", "embed only" },
    { EMBED "'slot': ''}", "slot", "non-empty" },
    { EMBED "'slot': 'the top'}", "slot", "without blanks" },
    { EMBED "'slot': 'top\\u0009'}", "slot", "without blanks" },
    { EMBED "'slot': 'top\\u00a0'}", "slot", "without blanks" },
    { EMBED "'slot': 'to\\u200bp'}", "slot", "without blanks" },
    { EMBED "'slot': '\\u0000'}", "slot", "control characters" },
    { EMBED "'slot': 'a\\u007f'}", "slot", "control characters" },
    { EMBED "'slot': 'a\\u0022b'}", "slot", "quotes" },
    { EMBED "'slot': 'a\\u0027b'}", "slot", "quotes" },
    { EMBED "'slot': '`a`'}", "slot", "quotes" },
    { EMBED "'slot': 'a>'}", "slot", "\"<\" and \">\"" },
    { EMBED "'slot': '<a'}", "slot", "\"<\" and \">\"" },
    { EMBED "'slot': '0123456789012345678901234567890123456789"
      "012345678901234567890123é'}", "slot", "1 to 64 bytes" },
    { "{" BASE ", 'endpoint': 'https://x/'}", "endpoint", "webhook only" },

    { "{" BASE ", 'variants': {}}", "variants", "list of 1 to 64" },
    { "{" BASE ", 'variants': []}", "variants", "list of 1 to 64" },
    { "{" BASE ", 'variants': ['a']}", "variants[0]", "must be an object" },
    { "{" BASE ", 'variants': [{}]}", "variants[0].id", "1 to 64 letters" },
    { "{" BASE ", 'variants': [{'id': 'a'}, {'id': 'a'}]}", "variants[1].id",
      "variants[0]" },
    { "{" BASE ", 'variants': [{'id': 'a', 'wieght': 1}]}",
      "variants[0].wieght", "did you mean \"weight\"" },
    { "{" BASE ", 'variants': [{'id': 'a', 'weight': 2}]}",
      "variants[0].weight", "0 to 1" },
    { "{" BASE ", 'variants': [{'id': 'a', 'weight': 0.5}, {'id': 'b'}]}",
      "variants", "1 of 2 have a weight" },
    { "{" BASE ", 'variants': [{'id': 'a', 'weight': 0.5},"
      " {'id': 'b', 'weight': 0.4}]}", "variants", "add up to 0.9" },
    { "{'id': 'a', 'channel': 'bar', 'variants': [{'id': 'a', 'content':"
      " {'html': 'x'}}, {'id': 'b'}]}", "variants[1].content.html",
      "is missing" },
    { "{" BASE ", 'variants': [{'id': 'a'}], 'fallback': 'b'}", "fallback",
      "no variant \"b\"" },
    { "{" BASE ", 'fallback': 'b'}", "fallback", "no variant \"b\"" },

    { "{" BASE ", 'holdout': 1}", "holdout", "under 1" },
    { "{" BASE ", 'holdout': -0.1}", "holdout", "0 to 1" },
    { "{" BASE ", 'hash': 'seed'}", "hash", "must be an object" },
    { "{" BASE ", 'hash': {'version': 3}}", "hash.version", "1 to 2" },
    { "{" BASE ", 'hash': {'coverage': 0}}", "hash.coverage", "over 0" },
    { "{" BASE ", 'hash': {'coverage': 1.5}}", "hash.coverage", "0 to 1" },
    { "{" BASE ", 'hash': {'attribute': 'id'}}", "hash.attribute",
      "event.userId" },
    { "{" BASE ", 'hash': {'attribute': 'event'}}", "hash.attribute",
      "event.userId" },
    { "{" BASE ", 'hash': {'seed': 5}}", "hash.seed", "string" },
};


static void
bad_definitions_are_refused(void **state)
{
    (void) state;

    expect_errors(bad, sizeof(bad) / sizeof(bad[0]));
}


/* What condition and template compilers say is passed on with its path. */

static const struct {
    const char  *text;
    const char  *path;
    const char  *fragment;
} bad_parts[] = {
    { "{" BASE ", 'audience': {'visitor.status': {'$foo': 1}}}",
      "audience.visitor.status", "unknown operator" },
    { "{" BASE ", 'audience': {'visiter.status': 'new'}}",
      "audience.visiter.status", "first word" },
    { "{" BASE ", 'trigger': {'event': 'X', 'where': {'path':"
      " {'$regex': '('}}}}", "trigger.where.path", "" },
    { "{" BASE ", 'audience': {'$and': [{'visitor.status':"
      " {'$in': 'new'}}]}}", "audience.$and[0].visitor.status.$in", "" },
    { "{'id': 'a', 'channel': 'bar', 'content': {'html':"
      " '{{visitor.vists}}'}}", "content.html", "visitor.vists" },
    { "{'id': 'a', 'channel': 'bar', 'content': {'html': '{{nothing.x}}'}}",
      "content.html", "nothing" },
    { "{'id': 'a', 'channel': 'bar', 'content': {'html': 'x', 'data':"
      " {'a': '{{nothing.x}}'}}}", "content.data", "nothing" },
    { "{" BASE ", 'variants': [{'id': 'a', 'content':"
      " {'html': '<b {{event.name}}></b>'}}]}", "variants[0].content.html",
      "" },
};


static void
bad_conditions_and_templates_are_placed(void **state)
{
    size_t       i, j;
    bool         found;
    compiled_t  *c;

    (void) state;

    for (i = 0; i < sizeof(bad_parts) / sizeof(bad_parts[0]); i++) {
        c = compile_text(bad_parts[i].text);
        found = false;

        for (j = 0; j < c->n; j++) {
            found |= strncmp(c->findings[j].path, bad_parts[i].path,
                             strlen(bad_parts[i].path)) == 0
                     && strstr(c->findings[j].reason,
                               bad_parts[i].fragment) != NULL;
        }

        if (c->status != ONSITE_INVALID || !found || c->n != 1) {
            print_findings(c);
            fail_msg("%s: no error at \"%s\" with \"%s\"", bad_parts[i].text,
                     bad_parts[i].path, bad_parts[i].fragment);
        }

        release(c);
    }
}


static const struct {
    const char  *text;
    const char  *path;              /* NULL: no warning at all             */
    const char  *fragment;
} warned[] = {
    { "{" BASE "}", NULL, "" },
    { "{" BASE ", 'schedule': {'until': '2026-06-15T12:00:00Z'}}",
      "schedule.until", "is over" },
    { "{" BASE ", 'schedule': {'until': '2026-06-15T12:00:01Z'}}", NULL, "" },
    { "{" BASE ", 'enabled': false, 'schedule': {'until': '2026-01-01'}}",
      NULL, "" },
    { "{" BASE ", 'schedule': {'from': '2027-01-02', 'until': '2027-01-01'}}",
      "schedule", "ends before" },
    { "{" BASE ", 'frequency': {'cap': 0, 'per': 'day'}}", "frequency.cap",
      "is 0" },
    { "{" BASE ", 'frequency': {'cap': 2, 'per': 'page'}}", "frequency.cap",
      "same as 1" },
    { "{" BASE ", 'frequency': {'cap': 1, 'per': 'page'}}", NULL, "" },
    { "{" BASE ", 'frequency': {'stop_on': ['goal']}}", "frequency.stop_on",
      "no goal" },
    { "{" BASE ", 'frequency': {'stop_on': ['goal']},"
      " 'goal': {'event': 'Order Completed'}}", NULL, "" },
    { "{" BASE ", 'frequency': {'cap': 1, 'per': 'visitor', 'stop_on':"
      " ['clicked']}}", "frequency.stop_on", "stops nothing" },
    { "{" BASE ", 'variants': [{'id': 'a', 'weight': 1},"
      " {'id': 'b', 'weight': 0}]}", "variants[1].weight", "is 0" },
    { "{" BASE ", 'variants': [{'id': 'a', 'content': {'html': 'x'}},"
      " {'id': 'b', 'content': {'html': 'y'}}]}", "content.html",
      "never shown" },
    { "{" BASE ", 'variants': [{'id': 'a', 'content': {'html': 'x'}},"
      " {'id': 'b'}]}", NULL, "" },

    { "{" BASE ", 'audience': {'visitor.status': 'new', '$and':"
      " [{'visitor.status': 'known'}]}}", "audience.$and[0].visitor.status",
      "two things" },
    { "{" BASE ", 'audience': {'$or': [{'visitor.status': 'new'},"
      " {'visitor.status': 'known'}]}}", NULL, "" },
    { "{" BASE ", 'audience': {'event.properties.n': 1, '$and':"
      " [{'event.properties.n': '1'}]}}", NULL, "" },
    { "{" BASE ", 'audience': {'visitor.status': {'$in': []}}}",
      "audience.visitor.status", "empty" },
    { "{" BASE ", 'audience': {'visitor.status': {'$in': ['new'],"
      " '$eq': 'known'}}}", "audience.visitor.status", "not in the list" },
    { "{" BASE ", 'audience': {'visitor.status': 'vip'}}",
      "audience.visitor.status", "never \"vip\"" },
    { "{" BASE ", 'audience': {'request.device': {'$nin': ['phone']}}}",
      "audience.request.device", "never \"phone\"" },
    { "{" BASE ", 'audience': {'visitor.visits': {'$gt': 5, '$lt': 5}}}",
      "audience.visitor.visits", "range" },
    { "{" BASE ", 'audience': {'visitor.visits': {'$gte': 5, '$lte': 5}}}",
      NULL, "" },
    { "{" BASE ", 'audience': {'visitor.visits': {'$eq': 2, '$gt': 2}}}",
      "audience.visitor.visits", "range" },
    { "{" BASE ", 'audience': {'visitor.vists': 2}}",
      "audience.visitor.vists", "did you mean \"visitor.visits\"" },
    { "{" BASE ", 'audience': {'model.plan': 'x'}}",
      "audience.model.plan", "no value in this version" },
    { "{" BASE ", 'audience': {'visitor.counts.Product Veiwed':"
      " {'$gt': 2}}}", "audience.visitor.counts.Product Veiwed",
      "\"Product Viewed\"" },
    { "{" BASE ", 'trigger': {'event': 'page viewed'}}", "trigger.event",
      "\"Page Viewed\"" },
    { "{" BASE ", 'trigger': {'event': 'Wheel Spun'}}", NULL, "" },
    { "{" BASE ", 'trigger': {'event': 'X', 'where': {'pth': 'a',"
      " 'query.x': 1}}}", NULL, "" },
    { "{" BASE ", 'trigger': {'event': 'X', 'where':"
      " {'session.pagviews': 1}}}", "trigger.where.session.pagviews",
      "did you mean \"session.pageviews\"" },
    { "{" BASE ", 'goal': {'event': 'Order Complete'}}", "goal.event",
      "\"Order Completed\"" },
    { "{'id': 'a', 'channel': 'bar', 'content': {'html': '<p>a<div>'}}",
      "content.html", "1:5: <div> is not closed" },
    { "{'id': 'a', 'channel': 'bar', 'content': {'html':"
      " '{{model.plan}}'}}", "content.html", "no value in this version" },
};


static void
doubtful_definitions_are_warned_of(void **state)
{
    size_t       i;
    compiled_t  *c;

    (void) state;

    for (i = 0; i < sizeof(warned) / sizeof(warned[0]); i++) {
        c = compile_text(warned[i].text);

        if (c->status != ONSITE_OK
            || (warned[i].path == NULL
                ? c->n != 0
                : !has_finding(c, ONSITE_LINT_WARNING, warned[i].path,
                               warned[i].fragment)))
        {
            print_findings(c);
            fail_msg("%s: expected %s: %s; %s", warned[i].text,
                     warned[i].path != NULL ? warned[i].path : "no warning",
                     warned[i].fragment, c->error.text);
        }

        release(c);
    }
}


static void
groups_that_are_not_there_are_warned_of(void **state)
{
    size_t       i;
    compiled_t  *c;

    static const struct {
        const char  *condition;
        const char  *path;
        const char  *reason;
    } cases[] = {
        { "'audience': {'event.userId': {'$inGroup': 'vip'}}",
          "audience.event.userId.$inGroup",
          "no saved group \"vip\"; did you mean \"vips\"?" },
        { "'audience': {'$or': [{'$not': {'event.userId':"
          " {'$notInGroup': 'stuff'}}}]}",
          "audience.$or[0].$not.event.userId.$notInGroup",
          "no saved group \"stuff\"; did you mean \"staff\"?" },
        { "'trigger': {'event': 'X', 'where': {'$savedGroup':"
          " {'id': 'elsewhere'}}}", "trigger.where.$savedGroup",
          "no saved group \"elsewhere\", so nobody is in it: add it to"
          " saved_groups.json" },
        { "'audience': {'event.userId': {'$inGroup': 'vips'}, '$savedGroup':"
          " {'id': 'staff'}}", NULL, NULL }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char         text[512];
        const char  *texts = text;

        (void) snprintf(text, sizeof(text), "{" BASE ", %s}",
                        cases[i].condition);
        c = compile_with_groups(&texts, 1, "{'vips': ['a'], 'staff':"
                                " {'type': 'list', 'attributeKey':"
                                " 'event.userId', 'values': ['b']}}");

        assert_int_equal(c->status, ONSITE_OK);
        assert_int_equal(c->n, cases[i].path != NULL);

        if (cases[i].path != NULL) {
            assert_int_equal(c->findings[0].level, ONSITE_LINT_WARNING);
            assert_string_equal(c->findings[0].path, cases[i].path);
            assert_string_equal(c->findings[0].reason, cases[i].reason);
        }

        release(c);
    }

    /* nobody made any */

    c = compile_text("{" BASE ", 'audience': {'event.userId':"
                     " {'$inGroup': 'vip'}}}");
    assert_true(has_finding(c, ONSITE_LINT_WARNING,
                            "audience.event.userId.$inGroup",
                            "no saved group \"vip\", so nobody is in it"));
    release(c);
}


/* One template's, by line and column. */

static const struct {
    const char  *html;
    const char  *told;
} several[] = {
    { "{{nobody.x}} {{cart.value | shout}}\\n{{nobody.y}}",
      "1:1 1:29 2:1 " },
    { "<p a={{cart.value}} b=\\u0027{{nobody.x}}\\u0027>"
      "<!--{{cart.value}}--></p>",
      "1:6 1:24 1:42 " },
    { "{{{cart.value}}} {{> a}} {{& cart.value}} {{nobody.x}}",
      "1:1 1:18 1:26 1:43 " },
    { "<a href=\\u0027{{cart.value}}x/{{cart.value}}\\u0027>{{nobody.x}}</a>",
      "1:10 1:42 " },
    { "{{#nobody}}{{name}}{{.}}{{/nobody}}{{nobody.x}}", "1:1 1:36 " },
    { "<!--{{#cart.products}}-->{{.name}}<!--{{/cart.products}}-->{{nobody.x}}",
      "1:5 1:60 " },
    { "{{/a}}{{nobody.x}}<b", "1:1 1:7 1:21 " },
    { "{{nobody.x}}<b>", "1:1 1:13 " },
    { "{{nobody.x}}{{#cart.products}}", "1:1 1:31 " },

    /* and what cannot be passed over ends it */

    { "{{nobody.x}}{{#cart.products}}{{#.a}}{{/cart.products}}{{nobody.y}}",
      "1:1 1:38 " },
    { "{{cart.value | default \\u0027x}} <p> {{nobody.x}}", "1:24 " },
    { "{{cart.value <p> | shout}}{{nobody.x}}", "1:20 " },
    { "{{nobody.x}}{{#cart.products | upper}}{{nobody.y}}{{/cart.products}}",
      "1:1 1:30 " },
    { "{{nobody.x}} {{cart.value", "1:1 1:14 " },
};


static void
write_places(const compiled_t *c, onsite_buf_t *out)
{
    size_t  i;

    for (i = 0; i < c->n; i++) {
        assert_int_equal(c->findings[i].level, ONSITE_LINT_ERROR);
        assert_string_equal(c->findings[i].path, "content.html");
        onsite_buf_append(out, c->findings[i].reason,
                          strcspn(c->findings[i].reason, " ") - 1);
        onsite_buf_char(out, ' ');
    }

    onsite_buf_char(out, '\0');
}


static void
all_errors_of_a_template_are_told(void **state)
{
    char           text[512];
    size_t         i;
    compiled_t    *c;
    onsite_buf_t   places;

    (void) state;

    for (i = 0; i < sizeof(several) / sizeof(several[0]); i++) {
        (void) snprintf(text, sizeof(text), "{'id': 'a', 'channel': 'embed',"
                        " 'slot': 's', 'content': {'html': '%s'}}",
                        several[i].html);
        c = compile_text(text);
        assert_int_equal(c->status, ONSITE_INVALID);

        onsite_buf_init(&places, 0);
        write_places(c, &places);
        assert_string_equal(places.data, several[i].told);
        onsite_buf_free(&places);
        release(c);
    }
}


static void
all_errors_are_told(void **state)
{
    compiled_t  *c;

    (void) state;

    c = compile_text("{'id': 'a b', 'prioritee': 1, 'holdout': 2, 'schedule':"
                     " {'x': 1, 'from': 'y'}, 'channel': 'popup'}");
    assert_int_equal(c->status, ONSITE_INVALID);
    assert_int_equal(c->n, 6);
    assert_string_equal(c->error.text,
                        "site \"default\": 6 errors in 1 of 1 files");
    release(c);
}


static const char  example[] =
    "{'id': 'first-visit', 'site': 'default', 'name': 'First visit: 5 off',"
    " 'enabled': true, 'priority': 10,"
    " 'schedule': {'from': '2026-01-01T00:00:00Z', 'until': null,"
    "  'timezone': 'Europe/Paris', 'days': ['mon'], 'hours': '08:00-22:00'},"
    " 'audience': {'visitor.status': 'new', 'request.device':"
    "  {'$ne': 'bot'}},"
    " 'trigger': {'event': 'Page Viewed', 'where': {'path':"
    "  {'$regex': '^/landing'}}, 'count': 1, 'within': 'session'},"
    " 'frequency': {'cap': 1, 'per': 'session', 'stop_on':"
    "  ['clicked', 'dismissed', 'goal']},"
    " 'group': 'promo', 'channel': 'popup', 'slot': null,"
    " 'content': {'html': '<h2>{{event.properties.section}}</h2>',"
    "  'data': {}},"
    " 'variants': [{'id': 'a', 'weight': 0.5, 'content':"
    "  {'html': '<p>A</p>'}}, {'id': 'b', 'weight': 0.5}],"
    " 'holdout': 0.05, 'goal': {'event': 'Order Completed',"
    "  'within': '5d'}, 'fallback': 'a'}";


static void
the_whole_of_an_example(void **state)
{
    compiled_t               *c = compile_good(example);
    const onsite_variant_t   *v;
    const onsite_campaign_t  *campaign = first(c);

    (void) state;

    assert_int_equal(c->n, 0);
    assert_int_equal(onsite_image_header(&c->image)->n_campaigns, 1);
    assert_str(onsite_image_str(&c->image, campaign->id), "first-visit");
    assert_str(onsite_image_str(&c->image, campaign->name),
               "First visit: 5 off");
    assert_str(onsite_image_str(&c->image, campaign->seed), "first-visit");
    assert_str(onsite_image_str(&c->image, campaign->goal),
               "Order Completed");
    assert_int_equal(campaign->priority, 10);
    assert_int_equal(campaign->channel, ONSITE_CHANNEL_POPUP);
    assert_int_equal(campaign->slot.len, 0);
    assert_int_equal(campaign->group, 1);
    assert_int_equal(campaign->per, ONSITE_PER_SESSION);
    assert_int_equal(campaign->cap, 1);
    assert_int_equal(campaign->stop_on, ONSITE_STOP_CLICKED
                                        | ONSITE_STOP_DISMISSED
                                        | ONSITE_STOP_GOAL);
    assert_int_equal(campaign->flags, 0);
    assert_int_equal(campaign->zone, 1);
    assert_int_not_equal(campaign->audience, 0);
    assert_true(campaign->holdout == 0.05);
    assert_true(campaign->coverage == 1);
    assert_int_equal(campaign->hash_version, 2);
    assert_int_equal(campaign->hash_slot, 0);
    assert_int_equal(campaign->goal_ms, 5 * ONSITE_DAY);
    assert_int_equal(campaign->fallback, 1);

    assert_str(onsite_image_str(&c->image, campaign->trigger.event),
               "Page Viewed");
    assert_int_not_equal(campaign->trigger.where, 0);
    assert_int_equal(campaign->trigger.count, 1);
    assert_int_equal(campaign->trigger.within, ONSITE_WITHIN_SESSION);

    assert_int_equal(campaign->schedule.from, 1767225600 * ONSITE_SECOND);
    assert_true(campaign->schedule.until == INT64_MAX);
    assert_int_equal(campaign->schedule.days, 1);
    assert_int_equal(campaign->schedule.minute_from, 8 * 60);
    assert_int_equal(campaign->schedule.minute_until, 22 * 60);

    v = variants(c, campaign);
    assert_int_equal(campaign->n_variants, 2);
    assert_str(onsite_image_str(&c->image, v[0].id), "a");
    assert_int_equal(v[0].hash, onsite_campaign_hash(ONSITE_STR("a")));
    assert_true(v[0].weight == 0.5);
    assert_int_not_equal(v[0].html, 0);
    assert_int_not_equal(v[1].html, 0);
    assert_int_not_equal(v[0].html, v[1].html);
    assert_int_equal(v[0].data, v[1].data);

    release(c);
}


static void
what_is_left_out_has_its_default(void **state)
{
    compiled_t               *c = compile_good("{" BASE ", 'goal': {'event':"
                                               " 'X'}}");
    const onsite_campaign_t  *campaign = first(c);

    (void) state;

    assert_str(onsite_image_str(&c->image, campaign->trigger.event),
               "Page Viewed");
    assert_int_equal(campaign->trigger.count, 1);
    assert_int_equal(campaign->trigger.within, ONSITE_WITHIN_EVER);
    assert_int_equal(campaign->trigger.where, 0);
    assert_int_equal(campaign->audience, 0);
    assert_int_equal(campaign->priority, 0);
    assert_int_equal(campaign->group, 0);
    assert_int_equal(campaign->zone, 0);
    assert_int_equal(campaign->per, ONSITE_PER_NONE);
    assert_int_equal(campaign->stop_on, 0);
    assert_int_equal(campaign->fallback, 0);
    assert_true(campaign->holdout == 0);
    assert_true(campaign->schedule.from == INT64_MIN);
    assert_int_equal(campaign->schedule.days, 0x7f);
    assert_int_equal(campaign->schedule.minute_from,
                     campaign->schedule.minute_until);
    assert_int_equal(campaign->goal_ms, ONSITE_DURATION_MAX);
    assert_int_equal(campaign->flags, ONSITE_CAMPAIGN_CONTEXTUAL);
    assert_int_equal(campaign->n_variants, 1);
    assert_int_equal(variants(c, campaign)->id.len, 0);
    assert_true(variants(c, campaign)->weight == 1);
    assert_int_equal(variants(c, campaign)->data, 0);

    release(c);
}


static void
frequency_shorthands(void **state)
{
    size_t       i;
    char         text[256];
    compiled_t  *c;

    static const struct {
        const char    *name;
        onsite_per_t   per;
    } cases[] = {
        { "'once'", ONSITE_PER_VISITOR },
        { "'once_per_session'", ONSITE_PER_SESSION },
        { "'once_per_day'", ONSITE_PER_DAY },
        { "{'cap': 1, 'per': 'page'}", ONSITE_PER_PAGE },
        { "{'cap': 1, 'per': 'hour'}", ONSITE_PER_HOUR },
        { "{'cap': 1, 'per': 'week'}", ONSITE_PER_WEEK },
        { "{'cap': 1, 'per': 'visitor'}", ONSITE_PER_VISITOR },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(text, sizeof(text), "{" BASE ", 'frequency': %s}",
                        cases[i].name);
        c = compile_good(text);
        assert_int_equal(first(c)->cap, 1);
        assert_int_equal(first(c)->per, cases[i].per);
        release(c);
    }
}


static void
contextual_campaigns_need_no_state(void **state)
{
    size_t       i;
    char         text[512];
    compiled_t  *c;

    static const struct {
        const char  *more;
        uint8_t      flags;
    } cases[] = {
        { "", ONSITE_CAMPAIGN_CONTEXTUAL },
        { ", 'audience': {'request.device': 'mobile', 'time.hour': 3}",
          ONSITE_CAMPAIGN_CONTEXTUAL },
        { ", 'trigger': {'event': 'X', 'where': {'a': 1}}",
          ONSITE_CAMPAIGN_CONTEXTUAL },
        { ", 'frequency': {'cap': 1, 'per': 'page'}",
          ONSITE_CAMPAIGN_CONTEXTUAL },
        { ", 'hash': {'attribute': 'event.userId'}",
          ONSITE_CAMPAIGN_CONTEXTUAL },
        { ", 'audience': {'visitor.visits': 3}", 0 },
        { ", 'trigger': {'event': 'X', 'where': {'session.pageviews': 1}}",
          0 },
        { ", 'trigger': {'event': 'X', 'count': 2}", 0 },
        { ", 'frequency': 'once'", 0 },
        { ", 'frequency': {'stop_on': ['clicked']}", 0 },
        { ", 'hash': {'attribute': 'visitor.visits'}", 0 },
        { ", 'variants': [{'id': 'a', 'content': {'html':"
          " '{{cart.value}}'}}]", 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void) snprintf(text, sizeof(text), "{" BASE "%s}", cases[i].more);
        c = compile_good(text);
        if (first(c)->flags != cases[i].flags) {
            fail_msg("%s: flags %d", text, first(c)->flags);
        }
        release(c);
    }
}


static void
hash_of_an_experiment(void **state)
{
    compiled_t               *c;
    const onsite_slot_t      *slots;
    const onsite_image_str_t *keys;
    const onsite_campaign_t  *campaign;

    (void) state;

    c = compile_good("{" BASE ", 'hash': {'seed': 'exp-key', 'version': 1,"
                     " 'attribute': 'event.traits.plan', 'coverage': 0.4},"
                     " 'variants': [{'id': 'a'}, {'id': 'b'}, {'id': 'c'}]}");
    campaign = first(c);

    assert_str(onsite_image_str(&c->image, campaign->seed), "exp-key");
    assert_int_equal(campaign->hash_version, 1);
    assert_true(campaign->coverage == 0.4);
    assert_int_not_equal(campaign->hash_slot, 0);
    assert_true(variants(c, campaign)[2].weight == 1.0 / 3);

    slots = onsite_image_at(&c->image, onsite_image_header(&c->image)->slots);
    slots += campaign->hash_slot - 1;
    keys = onsite_image_at(&c->image, slots->keys);
    assert_int_equal(slots->root, ONSITE_ROOT_EVENT);
    assert_int_equal(slots->n_keys, 2);
    assert_str(onsite_image_str(&c->image, keys[1]), "plan");

    release(c);
}


static void
thirds_are_weights(void **state)
{
    (void) state;

    release(compile_good("{" BASE ", 'variants': [{'id': 'a', 'weight': 0.33},"
                         " {'id': 'b', 'weight': 0.33},"
                         " {'id': 'c', 'weight': 0.33}]}"));
}


static void
embed_shows_html_or_data(void **state)
{
    compiled_t  *c;

    (void) state;

    c = compile_good("{'id': 'a', 'channel': 'embed', 'slot': 'hero',"
                     " 'content': {'data': {'sku': '{{event.properties.sku}}'"
                     "}}}");
    assert_str(onsite_image_str(&c->image, first(c)->slot), "hero");
    assert_int_equal(variants(c, first(c))->html, 0);
    assert_int_not_equal(variants(c, first(c))->data, 0);
    release(c);
}


static uint32_t
trigger_hash(const char *text)
{
    uint32_t     hash;
    compiled_t  *c = compile_good(text);

    hash = first(c)->trigger.hash;
    release(c);

    return hash;
}


static void
an_edited_trigger_is_another(void **state)
{
    uint32_t  hash;

    (void) state;

    hash = trigger_hash("{" BASE ", 'trigger': {'event': 'X', 'count': 2}}");

    assert_int_equal(hash, trigger_hash("{" BASE ", 'priority': 3, 'trigger':"
                                        " { 'event': 'X',  'count': 2 }}"));
    assert_int_not_equal(hash, trigger_hash("{" BASE ", 'trigger':"
                                            " {'event': 'X', 'count': 3}}"));
    assert_int_not_equal(hash, trigger_hash("{'id': 'b', " POPUP ", 'trigger'"
                                            ": {'event': 'X', 'count': 2}}"));
}


static int64_t
schedule_from(const char *from, const char *zone)
{
    char         text[256];
    int64_t      ms;
    compiled_t  *c;

    (void) snprintf(text, sizeof(text), "{" BASE ", 'schedule': {'from': '%s'"
                    ", 'timezone': '%s'}}", from, zone);
    c = compile_good(text);
    ms = first(c)->schedule.from;
    release(c);

    return ms;
}


static void
times_are_local_without_an_offset(void **state)
{
    size_t  i;

    static const struct {
        const char  *text;
        const char  *zone;
        int64_t      ms;
    } cases[] = {
        { "1970-01-01", "UTC", 0 },
        { "2026-01-01T00:00:00Z", "Europe/Paris", 1767225600000 },
        { "2026-01-01T00:00:00", "UTC", 1767225600000 },
        { "2026-01-01T00:00:00.250Z", "UTC", 1767225600250 },
        { "2026-01-01 00:00", "Europe/Paris", 1767222000000 },
        { "2026-01-01T02:00:00+02:00", "UTC", 1767225600000 },
        { "2025-12-31T18:30:00-05:30", "UTC", 1767225600000 },
        { "2026-07-01", "Europe/Paris", 1782856800000 },
        { "2024-02-29", "UTC", 1709164800000 },
        /* skipped by the clock: 02:30 as if it had not changed yet */
        { "2026-03-29T02:30", "Europe/Paris", 1774747800000 },
        { "2026-03-29T01:59:59", "Europe/Paris", 1774745999000 },
        { "2026-03-29T03:00", "Europe/Paris", 1774746000000 },
        /* comes twice: the first */
        { "2026-10-25T02:30", "Europe/Paris", 1792888200000 },
        { "2026-10-25T03:00", "Europe/Paris", 1792893600000 },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (schedule_from(cases[i].text, cases[i].zone) != cases[i].ms) {
            fail_msg("%s in %s is %lld", cases[i].text, cases[i].zone,
                     (long long) schedule_from(cases[i].text,
                                               cases[i].zone));
        }
    }
}


static void
several_files(void **state)
{
    size_t                    i;
    compiled_t               *c;
    const onsite_campaign_t  *campaigns, *found;

    static const char *const  texts[] = {
        "{'id': 'low', 'priority': -1, " POPUP "}",
        "{'id': 'b', 'priority': 5, " POPUP "}",
        "{'id': 'off', 'priority': 99, 'enabled': false, 'group': 'g', "
            POPUP "}",
        "{'id': 'b1', 'priority': 5, " POPUP "}",
        "{'id': 'a', 'priority': 5, " POPUP "}",
    };
    static const char *const  order[] = { "a", "b", "b1", "low" };

    (void) state;

    c = compile_files(texts, 5);
    assert_int_equal(c->status, ONSITE_OK);
    assert_int_equal(onsite_campaigns_verify(&c->image, &c->error),
                     ONSITE_OK);
    assert_int_equal(onsite_image_header(&c->image)->n_campaigns, 4);
    assert_int_equal(onsite_image_header(&c->image)->n_groups, 0);
    campaigns = first(c);

    for (i = 0; i < 4; i++) {
        assert_int_equal(campaigns[i].id.len, strlen(order[i]));
        assert_memory_equal(onsite_image_at(&c->image, campaigns[i].id.ref),
                            order[i], strlen(order[i]));
        found = onsite_campaign_find(&c->image, campaigns[i].hash);
        assert_ptr_equal(found, &campaigns[i]);
    }

    assert_null(onsite_campaign_find(&c->image, 1));
    assert_null(onsite_campaign_find(&c->image,
                                     onsite_campaign_hash(ONSITE_STR("off"))));
    release(c);
}


static void
no_campaigns_at_all(void **state)
{
    compiled_t  *c = compile_files(NULL, 0);

    (void) state;

    assert_int_equal(c->status, ONSITE_OK);
    assert_int_equal(onsite_image_verify(&c->image, &c->error), ONSITE_OK);
    assert_int_equal(onsite_campaigns_verify(&c->image, &c->error),
                     ONSITE_OK);
    assert_null(onsite_campaign_find(&c->image, 5));
    release(c);
}


static void
ids_are_unique(void **state)
{
    compiled_t  *c;

    static const char *const  twice[] = {
        "{'id': 'a', " POPUP "}", "{'id': 'b', " POPUP "}",
        "{'id': 'a', 'enabled': false, " POPUP "}",
    };
    static const char *const  collide[] = {
        "{'id': 'sale-14919', " POPUP "}", "{'id': 'sale-395300', " POPUP "}",
    };

    (void) state;

    c = compile_files(twice, 3);
    assert_int_equal(c->status, ONSITE_INVALID);
    assert_int_equal(c->n, 1);
    assert_string_equal(c->findings[0].file, "3.json");
    assert_true(has_finding(c, ONSITE_LINT_ERROR, "id", "id of 1.json"));
    release(c);

    c = compile_files(collide, 2);
    assert_int_equal(c->status, ONSITE_INVALID);
    assert_true(has_finding(c, ONSITE_LINT_ERROR, "id",
                            "same hash as \"sale-14919\" of 1.json: rename"));
    release(c);
}


#define GROUPED(id, priority, more)                                           \
    "{'id': '" id "', 'group': 'g', 'priority': " priority ", " POPUP more "}"

static const struct {
    const char  *above;
    const char  *below;
    bool         shadowed;
} groups[] = {
    { GROUPED("a", "2", ""), GROUPED("b", "1", ""), true },
    { GROUPED("a", "1", ""), GROUPED("b", "1", ""), true },
    { GROUPED("a", "2", ""),
      GROUPED("b", "1", ", 'audience': {'visitor.status': 'new'}"), true },
    { GROUPED("a", "2", ", 'audience': {'visitor.status': 'new'}"),
      GROUPED("b", "1", ", 'audience': {'visitor.visits': 1,"
                        " 'visitor.status': 'new'}"), true },
    { GROUPED("a", "2", ", 'audience': {'visitor.status': 'new'}"),
      GROUPED("b", "1", ""), false },
    { GROUPED("a", "2", ", 'audience': {'visitor.status': 'new'}"),
      GROUPED("b", "1", ", 'audience': {'visitor.status': 'known'}"), false },
    { GROUPED("a", "2", ", 'frequency': 'once'"), GROUPED("b", "1", ""),
      false },
    { GROUPED("a", "2", ", 'holdout': 0.1"), GROUPED("b", "1", ""), false },
    { GROUPED("a", "2", ", 'hash': {'coverage': 0.5}"),
      GROUPED("b", "1", ""), false },
    { GROUPED("a", "2", ", 'trigger': {'event': 'X'}"),
      GROUPED("b", "1", ""), false },
    { GROUPED("a", "2", ", 'trigger': {'event': 'X', 'count': 2}"),
      GROUPED("b", "1", ", 'trigger': {'event': 'X'}"), false },
    { GROUPED("a", "2", ", 'trigger': {'event': 'X', 'where': {'y': 1}}"),
      GROUPED("b", "1", ", 'trigger': {'event': 'X', 'where': {'y': 1,"
                        " 'z': [1, {'a': null}]}}"), true },
    { GROUPED("a", "2", ", 'schedule': {'until': '2027-01-01'}"),
      GROUPED("b", "1", ""), false },
    { GROUPED("a", "2", ", 'schedule': {'until': '2027-01-01'}"),
      GROUPED("b", "1", ", 'schedule': {'until': '2026-12-01'}"), true },
    { GROUPED("a", "2", ", 'schedule': {'days': ['mon']}"),
      GROUPED("b", "1", ", 'schedule': {'days': ['mon', 'tue']}"), false },
    { GROUPED("a", "2", ", 'schedule': {'days': ['mon', 'tue']}"),
      GROUPED("b", "1", ", 'schedule': {'days': ['mon']}"), true },
    { GROUPED("a", "2", ", 'schedule': {'days': ['mon', 'tue']}"),
      GROUPED("b", "1", ", 'schedule': {'days': ['mon'], 'timezone':"
                        " 'Europe/Paris'}"), false },
    { GROUPED("a", "2", ", 'schedule': {'hours': '08:00-10:00'}"),
      GROUPED("b", "1", ""), false },
    { "{'id': 'a', 'priority': 2, 'group': 'h', " POPUP "}",
      GROUPED("b", "1", ""), false },
    { "{'id': 'a', 'priority': 2, " POPUP "}",
      "{'id': 'b', 'priority': 1, " POPUP "}", false },
};


static void
shadowed_campaigns_are_warned_of(void **state)
{
    size_t       i;
    compiled_t  *c;
    const char  *texts[2];

    (void) state;

    for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        texts[0] = groups[i].above;
        texts[1] = groups[i].below;
        c = compile_files(texts, 2);

        assert_int_equal(c->status, ONSITE_OK);

        if (has_finding(c, ONSITE_LINT_WARNING, "group", "\"a\" of 1.json")
            != groups[i].shadowed)
        {
            print_findings(c);
            fail_msg("%s above %s", texts[0], texts[1]);
        }

        if (groups[i].shadowed) {
            assert_string_equal(c->findings[c->n - 1].file, "2.json");
        }

        release(c);
    }
}


static void
durations(void **state)
{
    size_t       i;
    onsite_ms_t  ms;

    static const struct {
        const char   *text;
        onsite_ms_t   ms;               /* 0: refused                      */
    } cases[] = {
        { "30m", 30 * ONSITE_MINUTE }, { "4h", 4 * ONSITE_HOUR },
        { "5d", 5 * ONSITE_DAY }, { "90s", 90 * ONSITE_SECOND },
        { "2w", 14 * ONSITE_DAY }, { "90", 90 * ONSITE_SECOND },
        { "250ms", 250 }, { "1h30m", 90 * ONSITE_MINUTE },
        { "1m30", 90 * ONSITE_SECOND }, { "36500d", ONSITE_DURATION_MAX },
        { "36501d", 0 }, { "36500d1s", 0 }, { "", 0 }, { "0", 0 },
        { "0d", 0 }, { "m", 0 }, { "-1d", 0 }, { "1y", 0 }, { "1 d", 0 },
        { "1m1h", 0 }, { "1m1m", 0 }, { "1.5h", 0 }, { "1D", 0 },
        { "99999999999999999999999s", 0 }, { "1s5", 0 }, { "1d ", 0 },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (onsite_duration_read(onsite_str(cases[i].text,
                                            strlen(cases[i].text)), &ms)
            != ONSITE_OK)
        {
            ms = 0;
        }

        if (ms != cases[i].ms) {
            fail_msg("\"%s\" is %lld", cases[i].text, (long long) ms);
        }
    }
}


static void
names(void **state)
{
    (void) state;

    assert_str(onsite_channel_text(ONSITE_CHANNEL_POPUP), "popup");
    assert_str(onsite_channel_text(ONSITE_CHANNEL_BAR), "bar");
    assert_str(onsite_channel_text(ONSITE_CHANNEL_NOTIFICATION),
               "notification");
    assert_str(onsite_channel_text(ONSITE_CHANNEL_EMBED), "embed");
    assert_str(onsite_channel_text(ONSITE_CHANNEL_WEBHOOK), "webhook");
    assert_int_equal(onsite_campaign_hash(ONSITE_STR("a")), 0xe40c292c);
}


/* Each change of one field must be noticed. */

static void
damaged_campaigns_are_refused(void **state)
{
    size_t              i;
    compiled_t         *c = compile_good(example);
    onsite_campaign_t  *campaign, whole;

    (void) state;

    campaign = onsite_builder_at(c->b,
                                 onsite_image_header(&c->image)->campaigns);
    whole = *campaign;

#define DAMAGES  22

    for (i = 0; i < DAMAGES; i++) {
        *campaign = whole;

        switch (i) {
        case 0: campaign->id.ref = 0xfffffff0; break;
        case 1: campaign->id.len = 0; break;
        case 2: campaign->hash++; break;
        case 3: campaign->channel = 9; break;
        case 4: campaign->per = 9; break;
        case 5: campaign->stop_on = 0x80; break;
        case 6: campaign->flags = 0x80; break;
        case 7: campaign->group = 2; break;
        case 8: campaign->zone = 2; break;
        case 9: campaign->slot.len = 0xffffff; break;
        case 10: campaign->audience = 0xfffffff0; break;
        case 11: campaign->trigger.where = 0xfffffff0; break;
        case 12: campaign->variants = 0xfffffff0; break;
        case 13: campaign->n_variants = 0; break;
        case 14: campaign->n_variants = 65; break;
        case 15: campaign->fallback = 3; break;
        case 16: campaign->trigger.count = 18; break;
        case 17: campaign->holdout = 0.0 / 0.0; break;
        case 18: campaign->coverage = 0; break;
        case 19: campaign->hash_slot = 1000; break;
        case 20: campaign->schedule.minute_from = 1440; break;
        default: campaign->goal_ms = -1; break;
        }

        if (onsite_campaigns_verify(&c->image, &c->error) == ONSITE_OK) {
            fail_msg("damage %zu was not noticed", i);
        }
    }

    *campaign = whole;
    assert_int_equal(onsite_campaigns_verify(&c->image, &c->error),
                     ONSITE_OK);
    release(c);
}


#define MANY  20000

static onsite_value_t
many_definition(compiled_t *c, const onsite_value_t *base, size_t i)
{
    char             *id;
    onsite_value_t    value = *base;
    onsite_member_t  *members;

    members = onsite_arena_alloc(c->arena, base->len * sizeof(*members));
    id = onsite_arena_alloc(c->arena, 16);
    assert_non_null(members);
    assert_non_null(id);

    memcpy(members, base->as.members, base->len * sizeof(*members));
    members[0].value = onsite_value_string(
        onsite_str(id, (size_t) snprintf(id, 16, "c-%05zu", i)));
    value.as.members = members;

    return value;
}


/* No step may look at every campaign for every campaign. */

static void
many_campaigns_in_little_time(void **state)
{
    size_t                     i;
    clock_t                    start;
    compiled_t                *c = calloc(1, sizeof(compiled_t));
    onsite_value_t             base, *values;
    onsite_campaign_source_t  *sources;

    (void) state;

    c->json = onsite_json_create();
    c->arena = onsite_arena_create(4096, 256 * 1024 * 1024);
    c->b = onsite_builder_create();
    values = calloc(MANY, sizeof(onsite_value_t));
    sources = calloc(MANY, sizeof(onsite_campaign_source_t));
    parse(c, "{" BASE ", 'group': 'g', 'audience': {'visitor.status': 'new'},"
             " 'schedule': {'timezone': 'Europe/Paris'}}", &base);

    for (i = 0; i < MANY; i++) {
        values[i] = many_definition(c, &base, i);
        sources[i].file = ONSITE_STR("many.json");
        sources[i].definition = &values[i];
    }

    start = clock();
    c->status = onsite_campaigns_compile(c->b, ONSITE_STR("default"), sources,
                                         MANY, &zones, NULL, NOW, note, c,
                                         &c->image, &c->error);
    print_message("%d campaigns in %.3f s of processor time\n", MANY,
                  (double) (clock() - start) / CLOCKS_PER_SEC);

    assert_int_equal(c->status, ONSITE_OK);
    assert_true((double) (clock() - start) / CLOCKS_PER_SEC < 10);
    assert_int_equal(onsite_image_header(&c->image)->n_campaigns, MANY);
    assert_int_equal(onsite_campaigns_verify(&c->image, &c->error),
                     ONSITE_OK);

    free(values);
    free(sources);
    release(c);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(durations),
        cmocka_unit_test(names),
        cmocka_unit_test(bad_definitions_are_refused),
        cmocka_unit_test(bad_conditions_and_templates_are_placed),
        cmocka_unit_test(doubtful_definitions_are_warned_of),
        cmocka_unit_test(groups_that_are_not_there_are_warned_of),
        cmocka_unit_test(all_errors_are_told),
        cmocka_unit_test(all_errors_of_a_template_are_told),
        cmocka_unit_test(the_whole_of_an_example),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(frequency_shorthands),
        cmocka_unit_test(contextual_campaigns_need_no_state),
        cmocka_unit_test(hash_of_an_experiment),
        cmocka_unit_test(thirds_are_weights),
        cmocka_unit_test(embed_shows_html_or_data),
        cmocka_unit_test(an_edited_trigger_is_another),
        cmocka_unit_test(times_are_local_without_an_offset),
        cmocka_unit_test(several_files),
        cmocka_unit_test(no_campaigns_at_all),
        cmocka_unit_test(ids_are_unique),
        cmocka_unit_test(shadowed_campaigns_are_warned_of),
        cmocka_unit_test(damaged_campaigns_are_refused),
        cmocka_unit_test(many_campaigns_in_little_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
