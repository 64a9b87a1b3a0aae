/*
 * spa.test.js - views of a page that is never loaded again: the History API,
 * with and without the Navigation API, Turbo, the back-forward cache.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { open, script, site, start, template, views } from './page.js';

before(start);
after(() => site.stop());

const ready = (page) => page.waitForFunction(() =>
    window.onsite && onsite.track);

const told = async (page, n) => {
    for (let i = 0; i < 60 && views().length < n; i++) {
        await page.waitForTimeout(50);
    }
    await page.waitForTimeout(300);
    assert.equal(views().length, n);

    return views().at(-1).context.page;
};

const popup = { id: 'p', variant: 'a', channel: 'popup', slot: null,
    html: '<h2>For this page</h2>', data: {}, exposure: 't' };

for (const api of ['Navigation API', 'patched History API']) {
    test(`another address is another view: ${api}`, async () => {
        const page = await open('', {
            answer: ({ context }) => context?.page.path === '/b' ? [popup] : [],
            before: (page) => api === 'Navigation API' ? undefined
                : page.addInitScript(() => Object.defineProperty(window,
                    'navigation', { value: undefined }))
        });

        await ready(page);
        await page.waitForTimeout(300);
        assert.equal(views().length, 0, 'the first one the server has seen');

        await page.evaluate(() => {
            history.pushState({ own: 1 }, '', '/b');
            document.title = 'B';
        });

        const { path, title, referrer } = await told(page, 1);
        assert.deepEqual([path, title, referrer], ['/b', 'B',
            `${site.origin}/page?a=b`]);
        assert.deepEqual(await page.evaluate(() => history.state), { own: 1 });
        await page.getByRole('dialog').waitFor();

        await page.evaluate(() => history.back());
        assert.equal((await told(page, 2)).path, '/page');
        assert.equal(await page.getByRole('dialog').count(), 0,
            'what was for the other page is gone');

        await page.evaluate(() => {
            history.replaceState(null, '', '/page?tidy=1');
            history.pushState(null, '', '/page?tidy=1#part');
        });
        await told(page, 2);

        await page.evaluate(() => history.replaceState(null, '', '/c'));
        assert.equal((await told(page, 3)).path, '/c');
        assert.deepEqual(page.problems, []);
        await page.close();
    });
}

test('a page that tells its own views is not counted twice', async () => {
    const page = await open('');

    await ready(page);
    await page.evaluate(() => {
        history.pushState(null, '', '/b');
        onsite.page('B');
    });
    assert.equal((await told(page, 1)).path, '/b');
    await page.evaluate(() => {
        history.pushState(null, '', '/c');
        setTimeout(() => onsite.page('C'), 300);
    });
    assert.equal((await told(page, 2)).path, '/c');
    await page.close();
});

test('Turbo swaps the body: one view a visit, and ours goes with the page',
    async () => {
        const html = (path) => `<!doctype html><html lang="en"><head>
<title>${path}</title><link rel="icon" href="data:,"><script src="/turbo.js">
</script></head><body><main><h1>${path}</h1><a href="/two">two</a></main>
${path === '/one' ? template('bar', '<p>A bar</p>') + script : ''}
</body></html>`;
        const page = await open(html, { path: '/one' });
        const bar = page.getByRole('region', { name: 'A bar' });

        await bar.waitFor();
        assert.equal(views().length, 0);
        await page.getByRole('link', { name: 'two' }).click();
        await page.getByRole('heading', { name: '/two' }).waitFor();
        assert.deepEqual([(await told(page, 1)).path,
            (await told(page, 1)).title], ['/two', '/two']);
        assert.equal(await bar.count(), 0);
        assert.equal(await page.evaluate(() =>
            getComputedStyle(document.documentElement).paddingBottom), '0px');

        await page.goBack();
        await page.getByRole('heading', { name: '/one' }).waitFor();
        assert.equal((await told(page, 2)).path, '/one');
        assert.equal(await page.locator('[data-onsite-shown]').count(), 0);
        assert.deepEqual(page.problems, []);
        await page.close();
    });

test('out of the back-forward cache: a view, and nothing twice', async () => {
    const bar = { ...popup, id: 'c-bar', channel: 'bar', html: '<p>Bar</p>' };
    const page = await open(template('bar', '<p>Bar</p>'),
        { answer: () => [bar, popup] });

    await page.getByRole('region', { name: 'Bar' }).waitFor();
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow',
        { persisted: true })));
    await page.getByRole('dialog').waitFor();
    await told(page, 1);
    assert.equal(await page.locator('[data-onsite-shown=c-bar]').count(), 1);

    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Close' }).click();
    await page.waitForTimeout(300);
    assert.equal(await page.locator('[data-onsite-shown]').count(), 0);
    await page.close();
});

test('what the page takes out of itself is gone, and holds nobody up',
    async () => {
        const page = await open(template('bar', '<p>One</p>')
            + template('bar', '<p>Two</p>'));

        await page.getByRole('region', { name: 'One' }).waitFor();
        await page.evaluate(() => document.querySelector(
            '[data-onsite-shown]').remove());
        await page.getByRole('region', { name: 'Two' }).waitFor();
        await page.close();
    });

test('embeds of an earlier view end with it: no observer, no report, and the'
    + ' slot has its own content again', async () => {
    const page = await open('<main data-onsite-slot="hero"><p>default</p>'
        + '</main><div data-onsite-slot="kept"><p>from the server</p></div>'
        + template('embed', '<p>Ours</p>', 'data-onsite-slot="hero"')
        + template('embed', '', 'data-onsite-slot="kept" data-onsite-filled')
        + template('embed', '<p>Late</p>', 'data-onsite-slot="late"'), {
        answer: ({ context }) => context?.page.path === '/back'
            ? [{ ...popup, channel: 'embed', slot: 'hero', id: 'new',
                html: '<p>New</p>' }] : [],
        before: (page) => page.addInitScript(() => {
            window.live = 0;
            for (const name of ['MutationObserver', 'IntersectionObserver']) {
                const { observe, disconnect } = window[name].prototype;

                window[name].prototype.observe = function (...args) {
                    window.live += this.on ? 0 : 1;
                    this.on = true;
                    observe.apply(this, args);
                };
                window[name].prototype.disconnect = function () {
                    window.live -= this.on ? 1 : 0;
                    this.on = false;
                    disconnect.apply(this);
                };
            }
        })
    });

    await page.getByText('Ours').waitFor();
    await page.waitForTimeout(300);
    const viewed = () => site.calls.filter(({ event }) =>
        event === 'Promotion Viewed').length;
    assert.equal(viewed(), 2);

    await page.evaluate(() => history.pushState(null, '', '/b'));
    await page.getByText('default').waitFor();
    assert.equal(await page.getByText('Ours').count(), 0);
    assert.equal(await page.getByText('from the server').count(), 1);
    await told(page, 1);
    assert.equal(await page.evaluate(() => live), 0);

    await page.evaluate(() => {
        const element = document.createElement('div');

        element.dataset.onsiteSlot = 'late';
        document.body.append(element);
    });
    await page.waitForTimeout(400);
    assert.equal(await page.getByText('Late').count(), 0);
    assert.equal(viewed(), 2);

    await page.evaluate(() => history.pushState(null, '', '/back'));
    await page.getByText('New').waitFor();
    assert.equal(await page.getByText('default').count(), 0);
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('a view is told though its entry is replaced at once', async () => {
    const page = await open('');

    await ready(page);
    await page.evaluate(() => {
        history.pushState({}, '', '/page?a=3');
        history.replaceState({ scroll: 1 }, '', location.href);
    });
    assert.equal((await told(page, 1)).search, '?a=3');
    await page.close();
});

test('an element named navigation is no Navigation API', async () => {
    const page = await open('<nav id="navigation">n</nav>', {
        before: (page) => page.addInitScript(() => {
            delete window.navigation;
            delete Window.prototype.navigation;
        })
    });

    await ready(page);
    assert.equal(await page.evaluate(() => navigation.localName), 'nav');
    await page.evaluate(() => history.pushState({}, '', '/b'));
    assert.equal((await told(page, 1)).path, '/b');
    await page.close();
});

test('two scripts of a page that is rendered ahead are one', async () => {
    const page = await open('', { before: (page) => page.addInitScript(() => {
        Object.defineProperty(document, 'prerendering', { value: true,
            configurable: true });
        window.onsite = [['track', 'Queued']];
    }) });

    await page.evaluate(() => new Promise((done) => {
        const again = document.createElement('script');

        again.src = document.querySelector('script[src*="onsite.js"]').src;
        again.onload = done;
        document.head.append(again);
    }));
    await page.evaluate(() => {
        onsite.push(['track', 'Later']);
        Object.defineProperty(document, 'prerendering', { value: false });
        document.dispatchEvent(new Event('prerenderingchange'));
        history.pushState({}, '', '/b');
    });
    await told(page, 1);
    assert.equal(site.calls.filter(({ event }) => event === 'Queued').length, 1);
    assert.equal(site.calls.filter(({ event }) => event === 'Later').length, 1);
    await page.close();
});
