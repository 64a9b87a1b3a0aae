/*
 * preview.test.js - preview links in a browser: what they show, that it says
 * what it is, and that nobody hears of it.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, root, start } from './lib/server.js';

const never = { trigger: { event: 'Never Sent' }, holdout: 0.99,
    audience: { 'visitor.counts.Nothing': { $gt: 5 } } };
const page = (body) => '<!doctype html><html lang="en"><head><title>T</title>'
    + `<link rel="icon" href="data:,"></head><body><h1>Page</h1>${body}`
    + '</body></html>';

let shop, browser;

before(async () => {
    shop = await start({
        campaigns: [
            { id: 'draft', channel: 'popup', ...never, content: {
                html: '<h2>Draft</h2><a href="#x" id="link">x</a>' } },
            { id: 'leaving', channel: 'bar', ...never, when: { exit: true },
                content: { html: '<p>Leaving</p>' } },
            { id: 'hero', channel: 'embed', slot: 'hero', ...never,
                content: { html: '<p>In place</p>' } },
            { id: 'usual', channel: 'popup', priority: 1,
                trigger: { event: 'Page Viewed' },
                content: { html: '<h2>Usual</h2>' } }
        ],
        files: {
            'index.html': page('<div data-onsite-slot="hero">default</div>'),
            'nonce.html': page('')
        },
        locations: `location = /nonce.html { add_header
            Content-Security-Policy "default-src 'none'; img-src data:;
            script-src 'url-sha256-AAAA' 'nonce-n1'; connect-src 'none'"; }
            location = /hash.html { alias %DIR%/html/nonce.html; add_header
            Content-Security-Policy "script-src 'self' 'url-sha256-AAAA'"; }`
    });
    browser = await launch();
});

after(async () => {
    await browser?.close();
    await shop?.stop();
});

function link(campaign, path = '/', ...more) {
    return execFileSync(join(root, 'build/lmdb-loader'), ['preview', '--state',
        shop.state, '--campaign', campaign, '--url', `${shop.url}${path}`,
        ...more], { encoding: 'utf8' }).trim();
}

async function counters() {
    const { events, decisions, injections, skips } = await shop.status();

    return { events, decisions, injections, skips };
}

/* A page, what it asked of the server besides itself and the script, and what
 * went wrong in it. */

async function open(url) {
    const context = await browser.newContext();
    const tab = await context.newPage();

    tab.asked = [];
    tab.problems = [];
    tab.on('pageerror', (error) => tab.problems.push(String(error)));
    tab.on('request', (request) => {
        if (!/\/onsite\.js|^data:|onsite_preview=/.test(request.url())) {
            tab.asked.push(request.url());
        }
    });
    tab.answer = await tab.goto(url);

    return tab;
}

async function close(tab) {
    assert.deepEqual(tab.problems, []);
    await tab.context().close();
}

const label = (tab) => tab.getByText('Preview', { exact: true });

test('a popup shows, says that it is a preview, and nobody hears of it',
    async () => {
        const counted = await counters();
        const tab = await open(link('draft'));

        await tab.getByRole('dialog', { name: 'Draft' }).waitFor();
        await label(tab).waitFor();
        await tab.locator('#link').click();
        await tab.keyboard.press('Escape');
        await tab.evaluate(() => {
            window.onsite.track('Product Added', { sku: '1' });
            window.onsite.identify('me', { plan: 'x' });
            history.pushState(null, '', '/elsewhere');
        });
        await tab.waitForTimeout(600);
        assert.deepEqual(await tab.context().cookies(), []);
        assert.deepEqual(tab.asked, []);
        await close(tab);
        assert.deepEqual(await counters(), counted);
    });

test('what waits for something in the page shows at once', async () => {
    const tab = await open(link('leaving'));

    await tab.getByText('Leaving').waitFor();
    await label(tab).waitFor();
    await close(tab);
});

test('an embed stands in its slot', async () => {
    const tab = await open(link('hero'));

    await tab.getByText('In place').waitFor();
    await label(tab).waitFor();
    assert.equal(await tab.getByText('default').count(), 0);
    assert.equal(await tab.getByText('Usual').count(), 0);
    await close(tab);
});

test('under a nonce and hashes of URLs', async () => {
    const counted = await counters();
    const tab = await open(link('draft', '/nonce.html'));

    await tab.getByRole('dialog', { name: 'Draft' }).waitFor();
    await label(tab).waitFor();
    await close(tab);
    assert.deepEqual(await counters(), counted);
});

test('where the policy forbids the script, a header says so', async () => {
    const tab = await open(link('draft', '/hash.html'));

    assert.equal(tab.answer.headers()['x-onsite-preview'], 'csp');
    assert.equal(await tab.locator('[data-onsite-campaign], script').count(),
        0);
    await close(tab);
});

test('a link that is over gives the usual page', async () => {
    const tab = await open(link('draft', '/', '--expires', '1ms'));

    assert.equal(tab.answer.headers()['x-onsite-preview'], 'expired');
    await tab.getByRole('dialog', { name: 'Usual' }).waitFor();
    assert.equal(await label(tab).count(), 0);
    assert.ok((await tab.context().cookies()).some(
        ({ name }) => name === 'onsite_id'));
    await close(tab);
});
