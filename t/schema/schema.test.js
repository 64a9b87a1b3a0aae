/*
 * schema.test.js - docs/campaign.schema.json and `lmdb-loader lint` say the
 * same of campaign files.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import Ajv from 'ajv/dist/2020.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const schema = JSON.parse(readFileSync(`${root}/docs/campaign.schema.json`));
const validate = new Ajv({ allErrors: true, strict: false,
    validateFormats: false }).compile(schema);

function lint(campaign) {
    return spawnSync(`${root}/build/lmdb-loader`, ['lint', '-'], {
        input: JSON.stringify(campaign)
    }).status === 0;
}

const good = {
    id: 'x', channel: 'popup', content: { html: '<p>x</p>' }
};

test('the demo\'s campaigns are good', () => {
    for (const file of readdirSync(`${root}/demo/campaigns`)) {
        const campaign = JSON.parse(
            readFileSync(`${root}/demo/campaigns/${file}`));

        assert.ok(validate(campaign), `${file}: ${
            JSON.stringify(validate.errors)}`);
        assert.ok(lint(campaign), file);
    }
});

const cases = {
    'the least': [{}, true],
    'no id': [{ id: undefined }, false],
    'an id with a space': [{ id: 'a b' }, false],
    'an unknown key': [{ chanel: 'popup' }, false],
    'an unknown channel': [{ channel: 'billboard' }, false],
    'an embed without a slot': [{ channel: 'embed' }, false],
    'an embed': [{ channel: 'embed', slot: 'hero' }, true],
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
