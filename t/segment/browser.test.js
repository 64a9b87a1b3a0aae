/*
 * browser.test.js - @segment/analytics-next as it is published, in headless
 * Chromium, with its settings given inline: what pages tell arrives, whatever
 * happens on the way, and once; of the site itself and of another.
 */

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync }
    from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { launch, root } from '../browser/lib/server.js';
import { ORDER, open, orders, site, until, upTo } from './lib.js';

const bundle = readFileSync(join(root,
    't/node_modules/@segment/analytics-next/dist/umd/index.js'), 'utf8');
const html = '<!doctype html><title>Shop</title><link rel=icon href=data:,>'
    + '<h1>Shop</h1><script src="/analytics.js"></script>';
const faults = mkdtempSync(join(tmpdir(), 'onsite-segment-'));
const fault = join(faults, 'fault');

let shop, front, other, stranger, browser;

/* A site somewhere else: a page, and no endpoints. */

async function elsewhere(name) {
    const server = createServer((req, res) => {
        const script = req.url.endsWith('.js');

        res.writeHead(200, { 'Content-Type': script ? 'text/javascript'
            : 'text/html; charset=utf-8' }).end(script ? bundle : html);
    });

    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { url: `http://${name}:${server.address().port}`,
        close: () => server.close() };
}

/* Two hosts of one site. */

const www = () => `http://www.shop.example:${front.port}`;
const collector = () => `t.shop.example:${front.port}/v1`;

before(async () => {
    chmodSync(faults, 0o755);
    writeFileSync(fault, '');
    [other, stranger] = await Promise.all([elsewhere('other.example'),
        elsewhere('stranger.example')]);
    front = await open();
    shop = await site({
        directives: `onsite_allow_origin ${other.url} ${www()};`,
        files: { 'page.html': html, 'on.html': html, 'www.html': html,
            'analytics.js': bundle },
        env: { LD_PRELOAD: join(root, 'build/t/mdb_fails.so'),
            ONSITE_MDB_FAILS: fault }
    });
    front.target = shop.url;
    browser = await launch(['--host-resolver-rules=MAP other.example 127.0.0.1'
        + ',MAP stranger.example 127.0.0.1,MAP *.shop.example 127.0.0.1'
        + ',MAP * ~NOTFOUND,EXCLUDE 127.0.0.1']);
});

after(async () => {
    await browser?.close();
    await front?.close();
    other?.close();
    stranger?.close();
    await shop?.stop();
    rmSync(faults, { recursive: true });
});

beforeEach(async () => {
    front.calls.length = 0;
    front.plan = [];
    await shop.mark();
});

/* A page with the client in it, and what it asked of anybody. */

async function visit(options = {}) {
    const { at = `${front.url}/page.html`, context } = options;
    const page = await (context || browser).newPage();

    page.asked = [];
    page.on('request', (request) => page.asked.push(request.url()));
    await page.goto(at);
    await load(page, options);
    return page;
}

function load(page, { writeKey = 'wk-1', apiHost = `127.0.0.1:${front.port}/v1`,
    settings = {} } = {}) {
    return page.evaluate(async ([key, host, more]) => {
        const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({
            writeKey: key,
            cdnSettings: { integrations: { 'Segment.io': {
                apiKey: key, apiHost: host, protocol: 'http', ...more } } }
        });

        window.analytics = analytics;
        window.failures = [];
        analytics.on('error', ({ code }) => failures.push(code));
    }, [writeKey, apiHost, settings]);
}

const order = (page, ...ns) => page.evaluate(([event, list]) => {
    list.forEach((n) => analytics.track(event, { n }));
}, [ORDER, ns]);

const arrived = (n) => until(`${n} orders`,
    () => orders(shop).length >= n);

const visitor = (page) => page.evaluate(() => analytics.user().anonymousId());

/* Closes it; it may have asked the page's server and ours alone. */

async function leave(page) {
    const hosts = new Set(page.asked.map((url) => new URL(url).host));

    for (const url of [front.url, other.url, stranger.url, www(),
        `http://${collector()}`]) {

        hosts.delete(new URL(url).host);
    }
    assert.deepEqual([...hosts], []);
    await page.context().close();
}

async function calls(page) {
    const url = page.url();
    const id = await visitor(page);

    await page.evaluate(async (event) => {
        await analytics.track(event, { n: 1, total: 19.5, currency: 'EUR',
            gift: true, note: 'für „Zoë“ \u{1F381}' });
        await analytics.page('Docs', 'Guide', { n: 2 });
        await analytics.screen('Cart', { n: 3 });
        await analytics.identify('u-1', { plan: 'gold' });
        await analytics.group('g-1', { plan: 'team' });
        await analytics.alias('u-2', 'u-1');
    }, ORDER);
    await until('six calls', () => shop.deliveries().length >= 6);

    const { events, rejected, duplicates } = await shop.gained();
    assert.deepEqual([events, rejected, duplicates], [6, 0, 0]);

    const got = Object.fromEntries(shop.deliveries().map((entry) =>
        [entry.campaign, entry]));
    const of = (name) => {
        const { message, known, ...data } = got[name].data;

        assert.match(message, /^ajs-next-/);
        return data;
    };
    assert.deepEqual(of('order'), { plan: null, n: 1, total: 19.5,
        currency: 'EUR', gift: true, note: 'für „Zoë“ \u{1F381}' });
    assert.deepEqual(of('view'), { plan: null, name: 'Guide', url,
        category: 'Docs', path: new URL(url).pathname, title: 'Shop', n: 2 });
    assert.equal(of('screen').name, 'Cart');
    assert.equal(of('screen').n, 3);
    assert.equal(of('identify').plan, 'gold');
    assert.equal(got.identify.user_id, 'u-1');
    assert.equal(of('group').plan, 'team');
    assert.equal(new Set(shop.deliveries().map((entry) => entry.visitor)).size,
        1, 'of one visitor');
    assert.deepEqual(shop.record('--visitor', id).counts, { [ORDER]: 1,
        'Page Viewed': 1, 'Screen Viewed': 1, Identify: 1, Group: 1,
        Alias: 1 });
    assert.deepEqual(front.posts().map(({ path }) => path).sort(),
        ['/v1/a', '/v1/g', '/v1/i', '/v1/p', '/v1/s', '/v1/t']);
}

test('each kind of call, from a page of the site', async () => {
    const page = await visit();

    await calls(page);
    assert.ok(front.calls.every(({ method }) => method !== 'OPTIONS'));
    await leave(page);
});

test('a page with onsite on and the client in it have one visitor',
    async () => {
        const page = await visit({ at: `${front.url}/on.html` });
        const [{ name, value }] = await page.context().cookies();

        await order(page, 1);
        await arrived(1);
        assert.equal(name, 'onsite_id');

        const [view, sale] = shop.deliveries();
        assert.deepEqual([view.campaign, sale.campaign], ['view', 'order']);
        assert.equal(view.visitor, sale.visitor);
        for (const id of [value.split('.')[0], await visitor(page)]) {
            assert.deepEqual(shop.record('--visitor', id).counts,
                { 'Page Viewed': 1, [ORDER]: 1 });
        }
        await leave(page);
    });

test('each kind of call, from a page of another site', async () => {
    const page = await visit({ at: other.url });

    await calls(page);
    assert.ok(front.calls.some(({ method, headers }) => method === 'OPTIONS'
        && headers['access-control-request-headers'] === 'authorization'));
    assert.deepEqual((await page.context().cookies(shop.url)).filter(
        ({ name }) => name === 'onsite_id'), []);
    await leave(page);
});

test('nothing from a site that is not allowed', async () => {
    const page = await visit({ at: stranger.url });

    await order(page, 1);
    await until('a preflight', () => front.calls.length > 0);
    await page.waitForTimeout(300);
    assert.deepEqual(front.posts(), []);
    assert.equal((await shop.gained()).events, 0);
    await leave(page);
});

test('keys: a wrong one is refused, and not tried again', async () => {
    const page = await visit({ writeKey: 'wrong' });

    await order(page, 1);
    await until('the refusal', async () => (await page.evaluate(() =>
        failures)).length === 1);
    await page.waitForTimeout(700);
    assert.equal(front.posts().length, 1);
    assert.deepEqual([(await shop.gained()).rejected, orders(shop)], [1, []]);
    await load(page, { writeKey: 'wk-2' });
    await order(page, 2);
    await load(page, { writeKey: 'own',
        apiHost: `127.0.0.1:${front.port}/own/v1` });
    await order(page, 3);
    await arrived(2);
    assert.deepEqual(orders(shop), [2, 3]);
    await leave(page);
});

test('with credentials, from another host of the site: one visitor',
    async () => {
        const page = await visit({ at: `${www()}/www.html`,
            apiHost: collector(), settings: {
                deliveryStrategy: { config: { credentials: 'include' } } } });

        await order(page, 1);
        await arrived(1);
        assert.deepEqual(await page.evaluate(() => failures), []);
        assert.equal(front.posts().length, 1);
        assert.equal(new Set(shop.deliveries().map((entry) =>
            entry.visitor)).size, 1);
        assert.deepEqual(shop.record('--visitor', await visitor(page)).counts,
            { 'Page Viewed': 1, [ORDER]: 1 });
        await leave(page);
    });

const strategies = {
    'single calls': {},
    batches: { deliveryStrategy: { strategy: 'batching',
        config: { size: 3, timeout: 200 } } }
};

/* What the client does not know to be taken it tells again: 'lost' was. */

const fates = [429, 500, 503, 'broken', 'lost'];

test('single calls that fail: told again until taken, counted once',
    async () => {
        const page = await visit();

        front.plan = [...fates, 503];
        await order(page, ...upTo(5));
        await arrived(5);
        await until('all calls', () => front.posts().length === 11);
        await page.waitForTimeout(300);
        assert.deepEqual(orders(shop), upTo(5));
        assert.equal((await shop.gained()).duplicates, 1);
        assert.equal(shop.record('--visitor', await visitor(page))
            .counts[ORDER], 5);
        assert.deepEqual(await page.evaluate(() => failures), []);
        await leave(page);
    });

test('batches that fail: told again until taken, counted once', async () => {
    const pages = await Promise.all(fates.map(() =>
        visit({ settings: strategies.batches })));

    front.plan = [...fates];
    await Promise.all(pages.map((page, i) =>
        order(page, 3 * i + 1, 3 * i + 2, 3 * i + 3)));
    await arrived(15);
    await until('all calls', () => front.posts().length === 10);
    await pages[0].waitForTimeout(300);
    assert.deepEqual(orders(shop), upTo(15));
    assert.equal((await shop.gained()).duplicates, 3);
    for (const page of pages) {
        assert.equal(shop.record('--visitor', await visitor(page))
            .counts[ORDER], 3);
        await leave(page);
    }
});

test('a server that is busy: told again from another site, when it said so',
    async () => {
        const pages = await Promise.all(Object.values(strategies).map(
            (settings) => visit({ at: other.url, settings })));
        let refused;

        try {
            writeFileSync(fault, 'b 28');
            await Promise.all(pages.map((page, i) => order(page, i + 1)));
            await until('refusals', () => front.posts().length === 2);
            refused = Date.now();
            await until('answers', async () =>
                (await shop.gained()).rejected === 2);
        } finally {
            writeFileSync(fault, '');
        }
        await arrived(2);
        assert.ok(Date.now() - refused > 4500, 'after its Retry-After');
        assert.deepEqual(orders(shop), [1, 2]);
        assert.equal(front.posts().length, 4);
        for (const page of pages) {
            assert.deepEqual(await page.evaluate(() => failures), []);
            await leave(page);
        }
    });

for (const [name, settings] of Object.entries(strategies)) {
    test(`${name}: a server that fails, told again from another site`,
        async () => {
            const page = await visit({ at: other.url, settings });

            front.plan = [503];
            await order(page, 1);
            await arrived(1);
            assert.deepEqual(orders(shop), [1]);
            await leave(page);
        });

    test(`${name}: a server that is started anew in between`, async () => {
        const page = await visit({ settings });

        await order(page, 1, 2, 3);
        await arrived(3);
        await shop.down();
        front.calls.length = 0;
        await order(page, 4, 5, 6);
        await until('a call in vain', () => front.posts().length > 0);
        await shop.up();
        await arrived(6);
        assert.deepEqual(orders(shop), upTo(6));
        await leave(page);
    });

    for (const from of ['the site', 'another site']) {
        test(`${name}: what is pending when a page of ${from} goes`,
            async () => {
                const at = from === 'the site' ? undefined : other.url;
                const page = await visit({ at, settings });
                const id = await visitor(page);

                await page.evaluate(([event, next]) => {
                    analytics.track(event, { n: 1 });
                    analytics.track(event, { n: 2 });
                    setTimeout(() => location.assign(next), 20);
                }, [ORDER, '/page.html?next']);
                await page.waitForURL(/next/);
                await load(page, { settings });
                await order(page, 3, 4);
                await arrived(4);
                await page.waitForTimeout(700);
                assert.deepEqual(orders(shop), upTo(4));
                assert.equal(shop.record('--visitor', id).counts[ORDER], 4);
                await leave(page);
            });
    }
}

test('batches: full ones at once, the rest in time', async () => {
    const page = await visit({ settings: { deliveryStrategy:
        { strategy: 'batching', config: { size: 10, timeout: 300 } } } });

    await order(page, ...upTo(25));
    await arrived(25);
    assert.deepEqual(orders(shop), upTo(25));
    assert.ok(front.posts().every(({ path }) => path === '/v1/b'));
    assert.ok(front.posts().length < 6);
    await leave(page);
});

test('a tab that is hidden tells at once, and once more later', async () => {
    const page = await visit({ settings: { deliveryStrategy:
        { strategy: 'batching', config: { size: 10, timeout: 600 } } } });

    await order(page, 1, 2, 3);
    await page.waitForTimeout(50);
    await page.evaluate(() => {
        Object.defineProperty(document, 'visibilityState',
            { value: 'hidden', configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    });
    await until('both', () => front.posts().length === 2);
    await page.waitForTimeout(200);
    assert.deepEqual(orders(shop), [1, 2, 3]);
    assert.equal((await shop.gained()).duplicates, 3);
    await leave(page);
});
