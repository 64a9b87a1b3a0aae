/*
 * runtime.test.js - onsite.js alone, in headless Chromium: a strict
 * policy, each channel, what it reports, calls made before it loads.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { chromium } from 'playwright-core';

const runtime = readFileSync(new URL('../../build/onsite.js', import.meta.url));
const answer = {
    visitor: 'new',
    campaigns: [{ id: 'fired', variant: 'b', channel: 'bar', slot: null,
        html: '<p>From <a href="#x">a decision</a></p>', data: {},
        exposure: 'token-2' }]
};

let browser, server, origin, calls, body, ahead;

const later = '<script src="/in/onsite.js?v=1" async data-onsite'
    + ' data-onsite-later></script>';

const template = (channel, html) => `<template data-onsite-campaign="c-${channel}"
 data-onsite-variant="a" data-onsite-channel="${channel}"
 data-onsite-exposure="token-1">${html}</template>`;

function serve(request, response) {
    let text = '';

    request.on('data', (part) => { text += part; });
    request.on('end', () => {
        const path = request.url.split('?')[0];

        if (path === '/in/onsite.js') {
            response.setHeader('Content-Type', 'text/javascript');
            response.end(runtime);

        } else if (path === '/early.js') {
            response.setHeader('Content-Type', 'text/javascript');
            response.end('window.onsite = window.onsite || []; window.onsite'
                + '.push(["nonsense"], ["track", "Early", { n: 1 }]);');

        } else if (path === '/in/consent') {
            const { consent } = JSON.parse(text);

            calls.push({ path, consent });
            response.statusCode = consent === 'wrong' ? 400 : 200;
            response.end('{"consent":"session"}');

        } else if (path.startsWith('/in/')) {
            calls.push({ path, ...JSON.parse(text || '{}') });
            response.statusCode = path === '/in/beacon' ? 204 : 200;
            response.end(path === '/in/beacon' ? '' : JSON.stringify(answer));

        } else if (path === '/rules.js') {
            response.setHeader('Content-Type', 'text/javascript');
            response.end('const rules = document.createElement("script");'
                + 'rules.type = "speculationrules"; rules.textContent = '
                + 'JSON.stringify({ prerender: [{ source: "list", urls: '
                + '["/ahead"], eagerness: "immediate" }] });'
                + 'document.head.append(rules);');

        } else if (path === '/start' || path === '/ahead') {
            ahead.push([path, request.headers['sec-purpose'] || '']);
            response.setHeader('Content-Type', 'text/html');
            response.end('<!doctype html><title>T</title><link rel="icon"'
                + ' href="data:,"><h1>Page</h1>' + (path === '/start'
                    ? '<a href="/ahead">go</a><script src="/rules.js"></script>'
                    : later));

        } else {
            response.setHeader('Content-Type', 'text/html');
            response.setHeader('Content-Security-Policy', "default-src 'none';"
                + " script-src 'self'; connect-src 'self'");
            response.end('<!doctype html><title>T</title><link rel="icon"'
                + ` href="data:,"><h1>Page</h1><button id="own">own</button>`
                + `${body}<script async src="/in/onsite.js?v=1"></script>`);
        }
    });
}

before(async () => {
    server = createServer(serve);
    await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
    origin = `http://127.0.0.1:${server.address().port}`;
    browser = await chromium.launch({
        executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu']
    });
});

after(async () => {
    await browser?.close();
    server.close();
});

async function open(html, options = {}) {
    const page = await browser.newPage(options);

    page.problems = [];
    page.on('pageerror', (error) => page.problems.push(String(error)));
    page.on('console', (message) => {
        if (message.type() === 'error'
            && !/Loading the image 'data:/.test(message.text()))
        {
            page.problems.push(message.text());
        }
    });
    calls = [];
    body = html;
    await page.goto(`${origin}/page?a=b`);

    return page;
}

async function reported(page, what) {
    for (let i = 0; i < 40; i++) {
        const call = calls.find(({ event }) => event === what);

        if (call) {
            return call;
        }
        await page.waitForTimeout(25);
    }

    return undefined;
}

test('a popup is labelled, closes by Escape, and is reported', async () => {
    const page = await open(template('popup', '<h2>Five off</h2><p>now</p>'));
    const dialog = page.getByRole('dialog', { name: 'Five off' });

    await dialog.waitFor();
    const viewed = await reported(page, 'Promotion Viewed');
    assert.deepEqual(viewed.properties, { promotion_id: 'c-popup',
        variant: 'a', channel: 'popup', exposure: 'token-1' });
    assert.equal(viewed.path, '/in/beacon');
    assert.equal(viewed.type, 'track');
    assert.equal(viewed.context.page.path, '/page');
    assert.equal(viewed.context.page.search, '?a=b');

    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    assert.ok(await reported(page, 'Promotion Dismissed'));
    assert.equal(await page.locator('template').count(), 0);
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('the close button dismisses, and focus returns', async () => {
    const page = await open('');

    await page.locator('#own').focus();
    await page.evaluate(() => {
        document.body.insertAdjacentHTML('beforeend',
            '<template data-onsite-campaign="c" data-onsite-channel="popup">'
            + 'Text only</template>');
        delete window.onsite;
        const again = document.createElement('script');
        again.src = '/in/onsite.js';
        document.body.append(again);
    });
    await page.getByRole('dialog', { name: 'Text only' }).waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    assert.ok(await reported(page, 'Promotion Dismissed'));
    assert.equal(await page.evaluate(() => document.activeElement.id), 'own');
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('a click on a link is a click, not a dismissal', async () => {
    const page = await open(template('popup', '<a href="/next">Go</a>'));

    await page.getByRole('link', { name: 'Go' }).click();
    await page.waitForURL(/next/);
    assert.ok(await reported(page, 'Promotion Clicked'));
    assert.equal(await reported(page, 'Promotion Dismissed'), undefined);
    await page.close();
});

test('a bar makes room for itself and gives it back', async () => {
    const page = await open('<main>Text. </main>'.repeat(99)
        + template('bar', '<p>Free shipping</p>'),
    { viewport: { width: 320, height: 600 } });
    const end = () => page.evaluate(() => {
        scrollTo(0, 1e6);

        return [...document.querySelectorAll('main')].pop()
            .getBoundingClientRect().bottom;
    });

    const bar = page.getByRole('region', { name: 'Free shipping' });
    await bar.waitFor();
    await page.waitForTimeout(50);
    assert.ok(await end() <= 600 - (await bar.boundingBox()).height,
        'the end of the page is above it');
    assert.equal(await page.evaluate(() =>
        document.documentElement.scrollWidth > innerWidth), false);

    await page.getByRole('button', { name: 'Close' }).click();
    await page.waitForTimeout(50);
    assert.ok(await end() > 580);
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('a notification is a status, beside a popup', async () => {
    const page = await open(template('notification', '<p>Three seen</p>')
        + template('popup', '<h2>One</h2>') + template('popup', '<h2>Two</h2>'));

    await page.getByRole('dialog', { name: 'One' }).waitFor();
    assert.equal(await page.getByRole('dialog').count(), 1, 'one at a time');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Two' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('status').filter({ hasText: 'Three seen' }).waitFor();
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('calls made before it loads go out, and what they bring shows', async () => {
    const page = await open('<script src="/early.js"></script>');

    const bar = page.getByRole('region', { name: 'From a decision' });
    await bar.waitFor();
    const early = await reported(page, 'Early');
    assert.equal(early.path, '/in/decide');
    assert.deepEqual(early.properties, { n: 1 });
    assert.equal((await reported(page, 'Promotion Viewed')).properties.exposure,
        'token-2');
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('its functions', async () => {
    const page = await open('');

    await page.waitForFunction(() => window.onsite && window.onsite.track);
    const heard = await page.evaluate(async () => {
        const seen = [];

        onsite.on('decision', ({ visitor }) => seen.push(visitor));
        onsite.on('viewed', ({ id }) => seen.push(id));
        await onsite.identify('u1', { plan: 'x' });
        await onsite.page('Home', { section: 's' });
        await onsite.decide();

        return seen;
    });

    assert.deepEqual(heard.slice(0, 2), ['new', 'fired']);
    assert.equal(calls.find(({ type }) => type === 'identify').userId, 'u1');
    assert.equal(calls.find(({ type }) => type === 'page').name, 'Home');
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('consent resolves to what holds, and fails when it was not taken', async () => {
    const page = await open('');

    await page.waitForFunction(() => window.onsite && window.onsite.track);
    assert.equal(await page.evaluate(() => onsite.consent('full')), 'session');
    assert.equal(calls.find(({ path }) => path === '/in/consent').consent,
        'full');
    assert.match(await page.evaluate(() => onsite.consent('wrong')
        .catch(String)), /consent: 400/);
    await page.close();
});

test('a page that loads the script by itself shows templates all the same', async () => {
    const page = await browser.newPage();

    body = '<script src="/in/onsite.js"></script>'
        + template('bar', '<p>Found later</p>')
        + '<script src="/in/onsite.js?v=1" data-onsite async></script>';
    await page.goto(`${origin}/`);
    await page.getByText('Found later').waitFor();
    assert.equal(await page.getByText('Found later').count(), 1);
    await page.close();
});

test('a page that was fetched ahead tells its view once, and shows it', async () => {
    const page = await open(later);

    await page.getByRole('region', { name: 'From a decision' }).waitFor();
    await page.waitForTimeout(200);

    const views = calls.filter(({ path }) => path === '/in/decide');

    assert.equal(views.length, 1);
    assert.equal(views[0].type, 'page');
    assert.equal(views[0].context.page.path, '/page');
    assert.equal(views[0].context.page.search, '?a=b');
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('a page that is rendered ahead tells its view when it is seen', async (t) => {
    const page = await browser.newPage();

    calls = [];
    ahead = [];
    await page.goto(`${origin}/start`);

    for (let i = 0; i < 40 && ahead.length < 2; i++) {
        await page.waitForTimeout(50);
    }

    if (ahead.length < 2 || !ahead[1][1].includes('prerender')) {
        await page.close();
        t.skip('this browser renders nothing ahead');
        return;
    }

    await page.waitForTimeout(300);
    assert.deepEqual(calls, [], 'nothing is told of a page nobody sees');

    await page.getByRole('link', { name: 'go' }).click();

    for (let i = 0; i < 80 && calls.length === 0; i++) {
        await page.waitForTimeout(50);
    }

    assert.equal(ahead.length, 2, 'it was not fetched again');
    assert.equal(calls[0].path, '/in/decide');
    assert.equal(calls[0].type, 'page');
    assert.equal(calls[0].context.page.path, '/ahead');
    await page.close();
});
