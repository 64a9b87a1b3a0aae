/*
 * node.test.js - @segment/analytics-node as it is published, with another
 * host: what it tells arrives, whatever happens on the way, and once.
 */

import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

import { Analytics } from '@segment/analytics-node';

import { ORDER, open, orders, site, until, upTo } from './lib.js';

const fetchUnwatched = globalThis.fetch;
const elsewhere = [];
let shop;

before(async () => {
    shop = await site();
    globalThis.fetch = (url, init) => {
        if (new URL(url).hostname !== '127.0.0.1') {
            elsewhere.push(String(url));
            return Promise.reject(new Error(`${url} is elsewhere`));
        }
        return fetchUnwatched(url, init);
    };
});

after(async () => {
    globalThis.fetch = fetchUnwatched;
    await shop.stop();
    assert.deepEqual(elsewhere, []);
});

beforeEach(() => shop.mark());

function client(host, options = {}) {
    const analytics = new Analytics({ host, writeKey: 'wk-1', ...options });

    analytics.errors = [];
    analytics.sent = [];
    analytics.on('http_request', ({ body }) => analytics.sent.push(
        ...JSON.parse(body).batch.map(({ messageId }) => messageId)));
    analytics.on('error', ({ reason }) =>
        analytics.errors.push(String(reason)));
    return analytics;
}

function order(analytics, anonymousId, n, more = {}) {
    analytics.track({ event: ORDER, anonymousId, properties: { n }, ...more });
}

async function told(analytics) {
    await analytics.closeAndFlush({ timeout: 15000 });
    assert.deepEqual(analytics.errors, []);
}

test('each kind of call, to the host and no path more', async () => {
    const id = 'node-calls';
    const analytics = client(shop.url);

    analytics.track({ event: ORDER, anonymousId: id, properties: { n: 1,
        total: 19.5, currency: 'EUR', gift: true,
        note: 'für „Zoë“ \u{1F381}' } });
    analytics.page({ category: 'Docs', name: 'Guide', anonymousId: id,
        properties: { url: 'https://shop.example/guide?x=1', path: '/guide',
            title: 'The guide' } });
    analytics.screen({ name: 'Cart', anonymousId: id, properties: { n: 2 } });
    analytics.identify({ userId: 'u-1', anonymousId: id,
        traits: { plan: 'gold', age: 41 } });
    analytics.group({ groupId: 'g-1', anonymousId: id, userId: 'u-1',
        traits: { plan: 'team' } });
    analytics.alias({ previousId: id, userId: 'u-1' });
    await told(analytics);

    const { events, rejected, duplicates } = await shop.gained();
    assert.deepEqual([events, rejected, duplicates], [6, 0, 0]);

    const got = Object.fromEntries(shop.deliveries().map((entry) =>
        [entry.campaign, entry]));
    assert.deepEqual(Object.keys(got).sort(),
        ['alias', 'group', 'identify', 'order', 'screen', 'view']);
    assert.deepEqual(Object.values(got).map(({ data }) => data.message).sort(),
        analytics.sent.sort());
    assert.deepEqual(got.order.data, { message: got.order.data.message,
        plan: null, known: null, n: 1, total: 19.5, currency: 'EUR',
        gift: true, note: 'für „Zoë“ \u{1F381}' });
    assert.deepEqual(got.view.data, { message: got.view.data.message,
        plan: null, known: null, name: 'Guide', category: 'Docs',
        path: '/guide', n: null, url: 'https://shop.example/guide?x=1',
        title: 'The guide' });
    assert.equal(got.screen.data.name, 'Cart');
    assert.equal(got.screen.data.n, 2);
    assert.equal(got.identify.data.plan, 'gold');
    assert.equal(got.identify.user_id, 'u-1');
    assert.equal(got.identify.verified, false, 'a write key proves nobody');
    assert.equal(got.group.data.plan, 'team');

    const { counts, traits } = shop.record('--visitor', id);
    assert.deepEqual(counts, { [ORDER]: 1, 'Page Viewed': 1,
        'Screen Viewed': 1, Identify: 1, Group: 1 });
    assert.equal(traits.plan, 'gold');
});

test('a server key makes the user of a call the customer', async () => {
    const analytics = client(shop.url, { writeKey: 'sk-1' });

    order(analytics, 'node-device', 1);
    await analytics.flush({ timeout: 5000 });
    analytics.alias({ previousId: 'node-device', userId: 'c-1' });
    await analytics.flush({ timeout: 5000 });
    analytics.track({ event: ORDER, userId: 'c-1', properties: { n: 2 } });
    analytics.identify({ userId: 'c-1', traits: { plan: 'silver' } });
    await told(analytics);

    const { counts, traits, user_id } = shop.record('--customer', 'c-1');
    assert.deepEqual(counts, { [ORDER]: 2, Alias: 1, Identify: 1 });
    assert.deepEqual([traits.plan, user_id], ['silver', 'c-1']);
});

test('a write key makes nobody of a userId alone', async () => {
    const analytics = client(shop.url, { flushAt: 1 });

    [1, 2].forEach((n) => analytics.track({ event: ORDER, userId: 'c-2',
        properties: { n } }));
    await told(analytics);
    assert.deepEqual(orders(shop), [1, 2]);
    assert.equal(new Set(shop.deliveries().map(({ visitor }) =>
        visitor)).size, 2);
    assert.throws(() => shop.record('--customer', 'c-2'), /no record/);
});

test('batches: full ones at once, the rest when it is flushed', async () => {
    const front = await open(shop.url);
    const analytics = client(front.url);

    upTo(40).forEach((n) => order(analytics, 'node-batch', n));
    await told(analytics);
    assert.deepEqual(orders(shop), upTo(40));
    assert.deepEqual(front.posts().map(({ path, text }) =>
        [path, JSON.parse(text).batch.length]),
    [['/v1/batch', 15], ['/v1/batch', 15], ['/v1/batch', 10]]);
    assert.ok(front.calls.every(({ headers }) =>
        headers['content-encoding'] === undefined), 'it does not compress');
    await front.close();
});

test('what is not full goes when its time has come', async () => {
    const analytics = client(shop.url, { flushInterval: 100 });

    order(analytics, 'node-timer', 1);
    await until('the flush', () => orders(shop).length === 1);
    await told(analytics);
});

test('another path of the host', async () => {
    const analytics = client(shop.url, { path: '/onsite/v1/batch' });

    order(analytics, 'node-path', 1);
    await told(analytics);
    assert.deepEqual(orders(shop), [1]);
});

test('the largest batch that it sends', async () => {
    const front = await open(shop.url);
    const analytics = client(front.url, { flushAt: 1000 });
    const note = 'x'.repeat(30000);

    upTo(16).forEach((n) => order(analytics, 'node-large', n,
        { properties: { n, note } }));
    await told(analytics);
    assert.ok(front.posts()[0].size > 440 << 10);
    assert.deepEqual(orders(shop), upTo(16));
    await front.close();
});

test('gzip, by a fetch of one\'s own', async () => {
    const front = await open(shop.url);
    const analytics = client(front.url, { httpClient: (url, init) =>
        fetch(url, { ...init, body: gzipSync(init.body),
            headers: { ...init.headers, 'Content-Encoding': 'gzip' } }) });

    upTo(15).forEach((n) => order(analytics, 'node-gzip', n));
    await told(analytics);
    assert.equal(front.posts()[0].headers['content-encoding'], 'gzip');
    assert.deepEqual(orders(shop), upTo(15));
    await front.close();
});

test('calls that fail: told again until taken, counted once', async () => {
    const front = await open(shop.url);
    const fates = [429, 500, 503, 'broken', 'lost'];
    const clients = fates.map(() => client(front.url));

    front.plan = [...fates];
    clients.forEach((analytics, i) => upTo(15).forEach((n) =>
        order(analytics, `node-retry-${i}`, 15 * i + n)));
    await Promise.all(clients.map(told));
    assert.equal(front.posts().length, 10);
    assert.deepEqual(orders(shop), upTo(75));
    assert.equal((await shop.gained()).duplicates, 15);
    clients.forEach((_, i) => assert.equal(
        shop.record('--visitor', `node-retry-${i}`).counts[ORDER], 15));
    await front.close();
});

test('a server that is started anew in between', async () => {
    const id = 'node-restart';
    const analytics = client(shop.url, { flushAt: 5 });

    upTo(5).forEach((n) => order(analytics, id, n));
    await until('the first five', () => orders(shop).length === 5);
    await shop.down();
    [6, 7, 8, 9, 10].forEach((n) => order(analytics, id, n));
    await sleep(700);
    await shop.up();
    await told(analytics);
    assert.deepEqual(orders(shop), upTo(10));
    assert.equal(shop.record('--visitor', id).counts[ORDER], 10);
});

test('a wrong write key is refused, and not tried again', async () => {
    const front = await open(shop.url);
    const analytics = client(front.url, { writeKey: 'wrong' });

    order(analytics, 'node-wrong', 1);
    await analytics.closeAndFlush({ timeout: 5000 });
    assert.equal(analytics.errors.length, 1);
    assert.match(analytics.errors[0], /401/);
    assert.equal(front.posts().length, 1);
    assert.equal((await shop.gained()).rejected, 1);
    assert.deepEqual(orders(shop), []);

    const other = client(shop.url, { writeKey: 'wk-2' });
    const own = client(shop.url, { writeKey: 'own', path: '/own/v1/batch' });
    order(other, 'node-other-key', 1);
    order(own, 'node-other-key', 2);
    await Promise.all([told(other), told(own)]);
    assert.deepEqual(orders(shop), [1, 2]);
    await front.close();
});
