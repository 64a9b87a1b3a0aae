/*
 * schema.test.js - the schemas in docs/ and `lmdb-loader lint` say the same
 * of campaigns, journeys, segments and site files.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import Ajv from 'ajv/dist/2020.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const ajv = new Ajv({ allErrors: true, strict: false,
    validateFormats: false });
const validators = {};

for (const kind of ['campaign', 'journey', 'segment', 'site']) {
    const schema = JSON.parse(readFileSync(`${root}/docs/${kind}.schema.json`));

    ajv.addSchema(schema, `${kind}.schema.json`);
}

for (const kind of ['campaign', 'journey', 'segment', 'site']) {
    validators[kind] = ajv.getSchema(`${kind}.schema.json`);
}

const validate = validators.campaign;

function kindOf(file, definition) {
    return definition.states ? 'journey'
        : file === 'site.json' ? 'site'
        : definition.condition && !definition.trigger ? 'segment'
        : 'campaign';
}

function lint(campaign) {
    return spawnSync(`${root}/build/lmdb-loader`, ['lint', '-'], {
        input: JSON.stringify(campaign)
    }).status === 0;
}

const good = {
    id: 'x', channel: 'popup', content: { html: '<p>x</p>' }
};

test('the demo\'s files are good', () => {
    const dir = `${root}/demo/campaigns`;

    for (const file of readdirSync(dir).filter((f) => f.endsWith('.json'))) {
        const definition = JSON.parse(readFileSync(`${dir}/${file}`));
        const valid = validators[kindOf(file, definition)];

        assert.ok(valid(definition), `${file}: ${
            JSON.stringify(valid.errors)}`);
    }

    assert.equal(spawnSync(`${root}/build/lmdb-loader`, ['lint', dir]).status,
        0, 'lint');
});

const cases = {
    'the least': [{}, true],
    'no id': [{ id: undefined }, false],
    'an id with a space': [{ id: 'a b' }, false],
    'an unknown key': [{ chanel: 'popup' }, false],
    'an unknown channel': [{ channel: 'billboard' }, false],
    'an embed without a slot': [{ channel: 'embed' }, false],
    'an embed': [{ channel: 'embed', slot: 'hero' }, true],
    'a slot with signs': [{ channel: 'embed', slot: 'shop/top:größe.2' }, true],
    'a slot of 64 bytes': [{ channel: 'embed', slot: 'a'.repeat(64) }, true],
    'a slot of 65 bytes': [{ channel: 'embed', slot: 'a'.repeat(65) }, false],
    'a slot without a name': [{ channel: 'embed', slot: '' }, false],
    'a slot with a blank': [{ channel: 'embed', slot: 'the top' }, false],
    'a slot with one that is not seen': [{ channel: 'embed', slot: 'top\u200b' }, false],
    'a slot with a control character': [{ channel: 'embed', slot: 'top\n' }, false],
    'a slot with a quote': [{ channel: 'embed', slot: 'a"b' }, false],
    'a slot with angle brackets': [{ channel: 'embed', slot: '<a>' }, false],
    'a popup without content': [{ content: undefined }, false],
    'priority as text': [{ priority: '1' }, false],
    'a shorthand': [{ frequency: 'once' }, true],
    'an unknown shorthand': [{ frequency: 'twice' }, false],
    'a cap': [{ frequency: { cap: 2, per: 'day' } }, true],
    'a cap per fortnight': [{ frequency: { cap: 2, per: 'fortnight' } }, false],
    'stop on nonsense': [{ frequency: { stop_on: ['bored'] } }, false],
    'a holdout': [{ holdout: 0.1 }, true],
    'a holdout of all': [{ holdout: 1 }, false],
    'a count': [{ trigger: { event: 'A', count: 3, within: '10m' } }, true],
    'a count of 0': [{ trigger: { event: 'A', count: 0 } }, false],
    'within nonsense': [{ trigger: { event: 'A', count: 2, within: 'soon' } },
        false],
    'hours': [{ schedule: { hours: '08:00-22:00' } }, true],
    'no hours': [{ schedule: { hours: '8 to 10' } }, false],
    'a day': [{ schedule: { days: ['mon', 'sun'] } }, true],
    'no day': [{ schedule: { days: ['someday'] } }, false],
    'a sequence': [{ trigger: { sequence: [{ event: 'A', count: 2 },
        { not: { event: 'B' } }, { event: 'C', where: { x: 1 } }],
        within: 'session', reset_on: [{ event: 'D' }] } }, true],
    'all that may happen in a page': [{ when: { exit: true, scroll: 50,
        dwell: '10s', idle: 30, seen: '#reviews', event: 'Product Added' } },
        true],
    'when nothing is said': [{ when: null }, true],
    'when nothing happens': [{ when: {} }, false],
    'when nothing that is said happens': [{ when: { exit: null } }, false],
    'when one of two is not there': [{ when: { exit: null, scroll: 1 } }, true],
    'not on exit': [{ when: { exit: false } }, false],
    'no scrolling': [{ when: { scroll: 0 } }, false],
    'scrolling in percent': [{ when: { scroll: '50%' } }, false],
    'more than the page': [{ when: { scroll: 101 } }, false],
    'dwelling for nothing': [{ when: { dwell: 0 } }, false],
    'idle for how long': [{ when: { idle: 'long' } }, false],
    'no selector': [{ when: { seen: '' } }, false],
    'a selector of two lines': [{ when: { seen: 'a\nb' } }, false],
    'a long selector': [{ when: { seen: 'a'.repeat(201) } }, false],
    'an event of the page': [{ when: { event: 'Added' } }, true],
    'no event of the page': [{ when: { event: '' } }, false],
    'an unknown thing in the page': [{ when: { click: '#a' } }, false],
    'a webhook when something happens': [{ channel: 'webhook',
        endpoint: 'https://x.example/', content: { data: {} },
        when: { exit: true } }, false],
    'a sequence of nothing': [{ trigger: { sequence: [] } }, false],
    'a sequence of a name': [{ trigger: { sequence: ['A'] } }, false],
    'a sequence that begins with not': [{ trigger: { sequence: [
        { not: { event: 'A' } }, { event: 'B' }] } }, false],
    'a sequence and a count': [{ trigger: { sequence: [{ event: 'A' }],
        count: 2 } }, false],
    'inactivity': [{ trigger: { inactive: '4h', after: { event: 'A' },
        unless: [{ event: 'B' }] } }, true],
    'inactivity after anything': [{ trigger: { inactive: 60 } }, true],
    'inactivity for ever': [{ trigger: { inactive: 'long' } }, false],
    'inactivity after nothing': [{ trigger: { inactive: '4h', after: [] } },
        false],
    'two triggers': [{ trigger: { inactive: '4h', event: 'A' } }, false],
    'a journey without a state': [{ trigger: { journey: 'game' } }, false],
    'a webhook': [{ channel: 'webhook', endpoint: 'https://x.example/a?b=1',
        content: { data: {} } }, true],
    'a webhook to this machine': [{ channel: 'webhook',
        endpoint: 'http://127.0.0.1:8080/', content: { data: {} } }, true],
    'a webhook to anywhere': [{ channel: 'webhook', content: { data: {} } },
        false],
    'a webhook in the clear': [{ channel: 'webhook',
        endpoint: 'http://x.example/', content: { data: {} } }, false],
    'a webhook with blanks': [{ channel: 'webhook',
        endpoint: 'https://x.example/a b', content: { data: {} } }, false],
    'a webhook with a user': [{ channel: 'webhook',
        endpoint: 'https://u@x.example/', content: { data: {} } }, false],
    'a webhook without data': [{ channel: 'webhook',
        endpoint: 'https://x.example/', content: { html: '<p>x</p>' } }, false],
    'an endpoint of a popup': [{ endpoint: 'https://x.example/' }, false],
    'what is known of a visitor': [{ audience: { 'journey.game': 'left',
        'product.price': 1, recommended: { $size: 1 } } }, true],
    'an unknown operator': [{ audience: { a: { $near: 1 } } }, false],
    'variants': [{ variants: [{ id: 'a', weight: 0.5 },
        { id: 'b', weight: 0.5 }] }, true],
    'a variant without an id': [{ variants: [{ weight: 1 }] }, false]
};

for (const [what, [change, expected]] of Object.entries(cases)) {
    test(`${what}: ${expected ? 'good' : 'refused'} by both`, () => {
        const campaign = JSON.parse(JSON.stringify({ ...good, ...change }));

        assert.equal(validate(campaign), expected, 'the schema');
        assert.equal(lint(campaign), expected, 'lint');
    });
}


const journey = { id: 'game', start: 'a', states: { a: { on: { X: 'b' } },
    b: {} } };

function states(a) {
    return { states: { a, b: { on: { Y: 'a' } } } };
}

const others = {
    journey: {
        'the least': [{}, true],
        'no id': [{ id: undefined }, false],
        'an id with a dot': [{ id: 'a.b' }, false],
        'no start': [{ start: undefined }, false],
        'no states': [{ states: {} }, false],
        'an unknown key': [{ stats: {} }, false],
        'all of it': [states({ on: { X: [{ to: 'b', where: { x: 1 },
            if: { 'visitor.visits': 1 } }, 'a'] }, after: { '1h': 'b' },
            inactive: { '30m': 'b' }, entry: { event: 'E' }, final: false }),
            true],
        'a list of nothing': [states({ on: { X: [] } }), false],
        'a move to nowhere': [states({ on: { X: { where: {} } } }), false],
        'two times': [states({ after: { '1h': 'b', '2h': 'b' } }), false],
        'no time': [states({ after: { soon: 'b' } }), false],
        'an entry of nothing': [states({ entry: {} }), false],
        'an end that leads on': [states({ on: { X: 'b' }, final: true }),
            false],
        'an end': [states({ final: true }), true],
        'moved': [{ moved: { old: 'b' } }, true],
        'moved to a number': [{ moved: { old: 1 } }, false]
    },
    segment: {
        'the least': [{}, true],
        'no id': [{ id: undefined }, false],
        'no condition': [{ condition: undefined }, false],
        'no object': [{ condition: [] }, false],
        'an unknown root': [{ condition: { 'basket.items': 1 } }, false],
        'a trigger': [{ priority: 1 }, false]
    },
    site: {
        'the least': [{}, true],
        'too many touches': [{ touches: 9 }, false],
        'an attribute': [{ affinities: { brand: { half_life: '7d',
            events: { 'Product Viewed': 0.5 }, property: 'make' } } }, true],
        'a name with a dot': [{ affinities: { 'a.b': {} } }, false],
        'no weight': [{ affinities: { a: { events: { X: 0 } } } }, false],
        'no events': [{ affinities: { a: { events: {} } } }, false],
        'an unknown key': [{ affinities: { a: { halflife: '7d' } } }, false]
    }
};

const least = {
    journey, segment: { id: 'big', condition: { 'cart.value': { $gt: 9 } } },
    site: { touches: 4 }
};

for (const [kind, its] of Object.entries(others)) {
    for (const [what, [change, expected]] of Object.entries(its)) {
        test(`${kind}, ${what}: ${expected ? 'good' : 'refused'} by both`,
            () => {
                const file = JSON.parse(JSON.stringify({ ...least[kind],
                    ...change }));

                assert.equal(validators[kind](file), expected, 'the schema');
                assert.equal(lint(file), expected, 'lint');
            });
    }
}
