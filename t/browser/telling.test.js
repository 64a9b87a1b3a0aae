/*
 * telling.test.js - that what happened arrives: again when the server was
 * busy or gone, as a beacon when the page goes, once.  And that nothing of
 * ours fails into the page, or moves it.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { count, open, reported, site, start, template } from './page.js';

before(start);
after(() => site.stop());

const ready = (page) => page.waitForFunction(() =>
    window.onsite && onsite.track);

test('a busy server is told again when it said so, with the same id',
    async () => {
        const page = await open(template('bar', 'Bar'), { status:
            { '/in/beacon': { code: 429, headers: { 'Retry-After': '2' } } } });

        assert.ok(await reported('Promotion Viewed'));
        await page.waitForTimeout(1000);
        assert.equal(count('Promotion Viewed'), 1, 'not before its time');
        site.status = {};
        await page.waitForTimeout(2500);

        const [first, again, ...more] = site.calls.filter(({ event }) =>
            event === 'Promotion Viewed');
        assert.equal(first.messageId, again.messageId);
        assert.notEqual(first.sentAt, again.sentAt);
        assert.deepEqual(more, []);
        await page.close();
    });

test('an event that decide could not take is told later', async () => {
    const page = await open('', { status: { '/in/decide': { code: 503 } } });

    await ready(page);
    assert.deepEqual(await page.evaluate(() => onsite.track('Bought', {})),
        { campaigns: [] });
    await reported('Bought', ({ path }) => path === '/in/beacon');
    const ids = site.calls.map(({ path, messageId }) => [path, messageId]);
    assert.deepEqual(ids.map(([path]) => path), ['/in/decide', '/in/beacon']);
    assert.equal(ids[0][1], ids[1][1]);
    await page.close();
});

test('what is offline is told when it is online', async () => {
    const page = await open(template('bar', '<p>Bar</p>'));

    await reported('Promotion Viewed');
    await page.context().setOffline(true);
    await page.getByRole('button', { name: 'Close' }).click();
    await page.waitForTimeout(300);
    assert.equal(count('Promotion Dismissed'), 0);
    await page.context().setOffline(false);
    for (let i = 0; i < 5 && !await reported('Promotion Dismissed'); i++);
    assert.equal(count('Promotion Dismissed'), 1);
    await page.close();
});

test('what was not taken goes as a beacon when the page goes', async () => {
    const page = await open(template('bar', 'Bar'), { status:
        { '/in/beacon': { code: 503, headers: { 'Retry-After': '60' } } } });

    await reported('Promotion Viewed');
    await page.waitForTimeout(200);
    site.status = {};
    await page.goto('about:blank');
    await page.waitForTimeout(300);
    assert.equal(count('Promotion Viewed'), 2);
    await page.close();
});

test('nothing is kept in the browser', async () => {
    const page = await open(template('bar', 'Bar'),
        { status: { '/in/beacon': { code: 503 } } });

    await reported('Promotion Viewed');
    assert.deepEqual(await page.evaluate(() => [document.cookie,
        localStorage.length, sessionStorage.length]), ['', 0, 0]);
    await page.close();
});

test('Tab stays in a popup, Escape closes it, and the focus returns',
    async () => {
        const page = await open('<a href="#out">out</a>');
        const focus = () => page.evaluate(() => {
            let element = document.activeElement;

            while (element.shadowRoot) {
                element = element.shadowRoot.activeElement;
            }
            return element.className || element.id || element.localName;
        });

        await ready(page);
        await page.locator('#own').focus();
        await page.evaluate(() => {
            const template = document.createElement('template');

            template.dataset.onsiteCampaign = 'c';
            template.dataset.onsiteChannel = 'popup';
            template.innerHTML = '<h2>Hello</h2><a class="in" href="/x">in</a>';
            document.body.append(template);
            onsite.refresh();
        });
        await page.getByRole('dialog', { name: 'Hello' }).waitFor();
        assert.equal(await focus(), 'box popup');

        const met = new Set();
        for (let i = 0; i < 8; i++) {
            await page.keyboard.press('Tab');
            met.add(await focus());
        }
        met.delete('body');         /* on the way round: the browser's own */
        met.delete('box popup');
        assert.deepEqual([...met].sort(), ['in', 'onsite-close']);
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        assert.equal(await focus(), 'own');
        await page.close();
    });

test('no layout shift, in the page at once or late', async () => {
    const text = '<section aria-label="x"><p>Text</p></section>'.repeat(40);
    const page = await open('<script src="/vitals.js"></script>' + text
        + template('bar', '<p>At once</p>') + template('notification',
        '<p>Too</p>'), {
        answer: () => [{ id: 'l', channel: 'bar', html: '<p>Late</p>' }]
    });

    await ready(page);
    await page.evaluate(() => {
        window.shifts = [];
        webVitals.onCLS(({ value }) => shifts.push(value),
            { reportAllChanges: true });
    });
    await page.getByRole('region', { name: 'At once' }).waitFor();
    await page.waitForTimeout(400);
    await page.evaluate(() => document.querySelector('[data-onsite-shown='
        + 'c-bar]').shadowRoot.querySelector('button').click());
    await page.evaluate(() => onsite.track('Late'));
    await page.getByRole('region', { name: 'Late' }).waitFor();
    await page.waitForTimeout(400);
    const shifts = await page.evaluate(() => {
        document.querySelector('[data-onsite-shown=l]').shadowRoot
            .querySelector('button').click();

        return new Promise((done) => setTimeout(() => done(shifts), 300));
    });
    assert.deepEqual(shifts.filter((value) => value !== 0), []);
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('calls that make no sense harm nothing', async () => {
    const page = await open('');

    await ready(page);
    await page.evaluate(async () => {
        const ring = {};

        ring.ring = ring;
        onsite.push(null, 7, ['nonsense'], ['track'], ['consent', 'wrong']);
        await onsite.track('Ring', ring);
        await onsite.identify(null);
        onsite.on('viewed', () => {})();
    });
    await page.waitForTimeout(300);
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('close speaks the language of the page', async () => {
    const page = await open('<script>document.documentElement.lang = "de-AT"'
        + '</script>' + template('bar', 'Leiste'));

    await page.getByRole('button', { name: 'Schließen' }).click();
    await page.evaluate(() => {
        document.documentElement.dataset.onsiteClose = 'Weg damit';
        const template = document.createElement('template');

        template.dataset.onsiteCampaign = 'c';
        template.dataset.onsiteChannel = 'bar';
        template.innerHTML = 'Noch eine';
        document.body.append(template);
        onsite.refresh();
    });
    await page.getByRole('button', { name: 'Weg damit' }).waitFor();
    await page.close();
});

/* Events of calls to a path, by how often each message came. */

const times = (event) => {
    const met = {};

    for (const call of site.calls.filter((one) => one.event === event)) {
        met[call.messageId] = (met[call.messageId] || 0) + 1;
    }

    return Object.values(met);
};

test('what the server may have forgotten is not told again', async () => {
    const page = await open('', { status: { '/in/decide': { code: 503 },
        '/in/beacon': { code: 503, headers: { 'Retry-After': '1' } } } });

    await ready(page);
    await page.evaluate(async () => {
        for (let i = 0; i < 40; i++) {
            await onsite.track('Many', { i });
        }
    });
    site.calls.length = 0;
    site.status = {};
    await page.waitForTimeout(3000);
    assert.ok(times('Many').length >= 15 && times('Many').length <= 16,
        `${times('Many').length} of 40`);
    assert.ok(site.calls.every(({ properties }) => properties.i >= 24),
        'the newest');
    await page.close();
});

test('what is under way is told once: page gone, online four times',
    async () => {
        const page = await open(template('bar', 'Bar'), {
            before: (page) => page.addInitScript(() => {
                const { fetch } = window;

                window.fetch = async (...args) => {
                    await new Promise((done) => setTimeout(done, 700));
                    return fetch(...args);
                };
            })
        });

        await page.getByRole('region', { name: 'Bar' }).waitFor();
        await page.evaluate(() => {
            onsite.track('Slow');
            onsite.refresh();
            for (let i = 0; i < 4; i++) {
                dispatchEvent(new Event('online'));
            }
            dispatchEvent(new PageTransitionEvent('pagehide'));
        });
        await page.waitForTimeout(1800);
        assert.deepEqual(times('Promotion Viewed'), [1]);
        assert.deepEqual(times('Slow'), [1]);
        await page.close();
    });

test('what is too large is left out with a warning, and blocks nobody',
    async () => {
        const page = await open('', { status: { '/in/decide': { code: 503 } } });
        const warned = [];

        page.on('console', (message) => warned.push(message.text()));
        await ready(page);
        await page.evaluate(async () => {
            await onsite.track('Huge', { x: 'x'.repeat(9e4) });
            await onsite.track('Wide', { x: '\u20ac'.repeat(12e3) });
            await onsite.track('Small');
        });
        assert.ok(await reported('Small', ({ path }) => path === '/in/beacon'));
        assert.equal(warned.filter((text) => /too large/.test(text)).length, 2);
        assert.equal(site.calls.some(({ path, event }) =>
            path === '/in/beacon' && event !== 'Small'), false);
        await page.close();
    });

/* What the console is warned of. */

const warnings = async (page) => {
    const warned = [];

    page.on('console', (message) => {
        if (message.type() === 'warning') {
            warned.push(message.text());
        }
    });
    await ready(page);

    return warned;
};

test('a wrong call is warned of once, and nothing is posted', async () => {
    const wrong = {
        'push: ["trak"] no such call': () => onsite.push(['trak', 'X']),
        'push: ["constructor"] no such call': () =>
            onsite.push(['constructor']),
        'push: null': () => onsite.push(null),
        'push: 7': () => onsite.push(7),
        'on: no such event, or no function: seen': () =>
            onsite.on('seen', () => {})(),
        'on: no such event, or no function: viewed': () => {
            onsite.on('viewed')();
            onsite.refresh();
        },
        'track has no name: undefined': () => onsite.track(),
        'track has no name: {': () => onsite.track({ sku: 1 }),
        'track has no name: 7': () => onsite.push(['track', 7])
    };
    const page = await open('');
    const warned = await warnings(page);

    for (const [text, call] of Object.entries(wrong)) {
        warned.length = 0;
        await page.evaluate(call);
        await page.waitForTimeout(50);
        assert.equal(warned.length, 1, `${text}: ${warned}`);
        const [about] = text.split(/["[{]/);
        assert.ok(warned[0].startsWith(`onsite (docs/api.md): ${about}`),
            warned[0]);
    }
    assert.deepEqual(await page.evaluate(() => onsite.track('')),
        { campaigns: [] });
    assert.deepEqual(site.calls, []);
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('what is refused is not sent again, and why is warned of', async () => {
    for (const code of [400, 401, 403, 413]) {
        const page = await open(template('bar', 'Bar'), { status: {
            '/in/decide': { code, text: '{"error":"event: too long"}' },
            '/in/beacon': { code } } });
        const warned = await warnings(page);

        assert.ok(await reported('Promotion Viewed'));
        assert.deepEqual(await page.evaluate(() => onsite.track('Refused')),
            { campaigns: [] });
        await page.evaluate(() => {
            dispatchEvent(new Event('online'));
            dispatchEvent(new PageTransitionEvent('pagehide'));
        });
        await page.waitForTimeout(1500);
        assert.equal(count('Promotion Viewed'), 1);
        assert.equal(count('Refused'), 1);
        assert.match(warned.join(), /event: too long/);
        await page.close();
    }
});

test('one that is never taken starves no other', async () => {
    const page = await open('', { status: { '/in/decide': { code: 503 },
        '/in/beacon': { code: 503 } } });

    await ready(page);
    await page.evaluate(() => ['A', 'B', 'C'].forEach((name) =>
        onsite.track(name)));
    /* A may have been tried again before the others were due */
    assert.ok(await reported('C', ({ path }) => path === '/in/beacon',
        12));

    const tried = site.calls.filter(({ path }) => path === '/in/beacon')
        .map(({ event }) => event);

    assert.ok(tried.includes('A') && tried.includes('B'), 'each in turn');
    assert.ok(tried.length < 5, 'none a third time before, the pause doubles');
    await page.close();
});

for (const [name, html] of Object.entries({
    'a frame named onsite': '<iframe name="onsite" hidden></iframe>',
    'a form called onsite': '<form id="onsite"><input'
        + ' name="refresh" aria-label="x"></form>',
    'two elements called onsite': '<p id="onsite"></p><p id="onsite"></p>',
    'an image named currentScript': '<img name="currentScript" alt="">'
})) {
    test(`${name} does no harm`, async () => {
        const page = await open(html + template('bar', 'Shown'));

        await page.getByRole('region', { name: 'Shown' }).waitFor();
        assert.equal(await page.evaluate(() => typeof onsite.track),
            'function');
        assert.ok(await reported('Promotion Viewed'));
        assert.deepEqual(page.problems, []);
        await page.close();
    });
}

test('a window.onsite of somebody else stays, and messages are shown',
    async () => {
        const page = await open('<script>window.onsite = { refresh: 1 };'
            + '</script>' + template('bar', 'Shown'));

        await page.getByRole('region', { name: 'Shown' }).waitFor();
        assert.deepEqual(await page.evaluate(() => onsite), { refresh: 1 });
        assert.deepEqual(page.problems, []);
        await page.close();
    });

test('calls in the order of Segment, with anything left out', async () => {
    const page = await open('');

    await ready(page);
    await page.evaluate(async () => {
        onsite.on('constructor', () => {})();
        await onsite.identify(null, { plan: 'x' });
        await onsite.identify({ plan: 'y' });
        await onsite.page(null, { n: 1 });
        await onsite.page('cat', 'name', { n: 2 });
        await onsite.page('name');
        await onsite.page({ n: 3 });
    });
    assert.deepEqual(site.calls.map(({ type, userId, traits, category, name,
        properties }) => [type, userId, traits, category, name, properties]), [
        ['identify', undefined, { plan: 'x' }, ...Array(3)],
        ['identify', undefined, { plan: 'y' }, ...Array(3)],
        ['page', ...Array(4), { n: 1 }],
        ['page', ...Array(2), 'cat', 'name', { n: 2 }],
        ['page', ...Array(3), 'name', undefined],
        ['page', ...Array(4), { n: 3 }]
    ].map((row) => [...row]));
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('a browser without constructed style sheets holds no channel up',
    async () => {
        const page = await open(template('bar', 'One') + template('bar', 'Two'), {
            before: (page) => page.addInitScript(() => {
                const { CSSStyleSheet } = window;
                let failed = 0;

                window.CSSStyleSheet = function () {
                    if (failed++ === 0) {
                        throw new TypeError('Illegal constructor');
                    }
                    return new CSSStyleSheet();
                };
            })
        });

        await page.getByRole('region', { name: 'Two' }).waitFor();
        assert.deepEqual(page.problems, []);
        await page.close();
    });

test('scrolling of a page in quirks mode', async () => {
    const page = await open(() => '<title>T</title><style>body, html { height:'
        + ' 50%; overflow: scroll }</style><p>x'
        + '<script src="/in/onsite.js" data-onsite></script>');

    await ready(page);
    const logged = [];
    page.on('console', (message) => logged.push(message.text()));
    await page.evaluate(() => document.dispatchEvent(new Event('scroll')));
    assert.deepEqual(logged, []);
    await page.close();
});

test('what was never sent is kept however much else is told', async () => {
    const seen = Array.from({ length: 8 }, (_, i) =>
        template('embed', `<p>${i}</p>`, `data-onsite-slot="s${i}"`)
            .replace('c-embed', `c-${i}`)).join('');
    const slots = Array.from({ length: 8 }, (_, i) =>
        `<div data-onsite-slot="s${i}"></div>`).join('');
    const page = await open(slots + seen, {
        before: (page) => page.addInitScript(() => {
            const { fetch } = window;

            window.fetch = async (...args) => {
                await new Promise((done) => setTimeout(done, 100));
                return fetch(...args);
            };
        })
    });

    await ready(page);
    await page.evaluate(() => {
        for (let i = 0; i < 20; i++) {
            onsite.track('Impression', { i });
        }
    });
    for (let i = 0; i < 60 && times('Promotion Viewed').length < 8; i++) {
        await page.waitForTimeout(100);
    }
    assert.deepEqual(times('Promotion Viewed'), Array(8).fill(1));
    assert.deepEqual(times('Impression'), Array(20).fill(1));
    await page.close();
});
