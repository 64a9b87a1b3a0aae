/*
 * demo.test.js - the demo shop as a person sees it, in headless Chromium.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../..', import.meta.url));
const port = process.env.DEMO_TEST_PORT || '18080';
const shop = `http://127.0.0.1:${port}`;
const state = `/dev/shm/onsite-demo-test-${port}`;
const shots = `${root}/build/screenshots`;

let browser;

before(async () => {
    mkdirSync(shots, { recursive: true });
    execFileSync(`${root}/demo/run`, ['start', port], {
        env: { ...process.env, DEMO_NAME: 'demo-test' }
    });
    browser = await chromium.launch({
        executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--disable-quic',
            '--no-first-run', '--disable-background-networking',
            '--disable-component-update', '--disable-sync']
    });
});

after(async () => {
    await browser?.close();
    assert.ok(existsSync(state), 'the state is where it is said to be');
    execFileSync(`${root}/demo/run`, ['stop'], {
        env: { ...process.env, DEMO_NAME: 'demo-test', DEMO_PORT: port }
    });
    assert.ok(!existsSync(state), 'a demo that is stopped leaves no state');
});

/* A new visitor; errors of the page's scripts fail the test. */

async function visitor(options = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const errors = [];

    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
        if (message.type() === 'error') {
            errors.push(message.text());
        }
    });

    return { context, page, errors };
}

async function status() {
    return (await fetch(`${shop}/onsite-status`)).json();
}

test('the first page shows the popup, the second does not', async () => {
    const { context, page, errors } = await visitor();

    await page.goto(`${shop}/landing/`);
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await page.screenshot({ path: `${shots}/popup.png` });

    assert.match(await dialog.innerText(), /5/, 'it names the offer');
    assert.ok(await dialog.getAttribute('aria-label')
        || await dialog.getAttribute('aria-labelledby'), 'it is labelled');

    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });

    await page.goto(`${shop}/landing/`);
    await page.waitForTimeout(600);
    assert.equal(await page.getByRole('dialog').count(), 0);

    assert.deepEqual(errors, []);
    await context.close();
});

test('what was shown and dismissed is reported', async () => {
    const { context, page } = await visitor();
    const sent = [];

    await context.route('**/onsite/beacon*', async (route) => {
        sent.push(route.request().postData());
        await route.continue();
    });
    const before = (await status()).events.total;

    await page.goto(`${shop}/landing/`);
    await page.getByRole('dialog').waitFor();
    await page.getByRole('button', { name: /close/i }).click();
    await page.waitForTimeout(500);

    const text = sent.join('\n');
    assert.match(text, /Promotion Viewed/);
    assert.match(text, /Promotion Dismissed/);
    assert.ok((await status()).events.total >= before + 3);
    await context.close();
});

test('a click is reported, and the link is followed', async () => {
    const { context, page } = await visitor();
    const sent = [];

    page.on('request', (request) => {
        if (/\/onsite\/beacon/.test(request.url())) {
            sent.push(request.postData());
        }
    });
    await page.goto(`${shop}/landing/`);
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    const link = dialog.getByRole('link').first();

    if (await link.count() === 1) {
        await link.click();
        await page.waitForTimeout(500);
        assert.match(sent.join('\n'), /Promotion Clicked/);
    }
    await context.close();
});

test('without scripts the page is the shop\'s', async () => {
    const { context, page } = await visitor({ javaScriptEnabled: false });

    await page.goto(`${shop}/landing/`);
    assert.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
    assert.equal(await page.getByRole('dialog').count(), 0);
    await context.close();
});

test('the third product of a session brings a notification', async () => {
    const { context, page, errors } = await visitor();

    for (const sku of ['trail-boot', 'city-derby', 'beach-sandal']) {
        await page.goto(`${shop}/product/${sku}`);
        await page.waitForTimeout(300);
    }
    const note = page.locator('[data-onsite-shown="third-product"]')
        .getByRole('status');
    await note.filter({ hasText: 'Beach sandal' }).waitFor();
    await page.screenshot({ path: `${shots}/notification.png` });
    assert.deepEqual(errors, []);
    await context.close();
});

test('a full cart brings the bar, on a phone too', async () => {
    const { context, page, errors } = await visitor({
        viewport: { width: 360, height: 700 }, colorScheme: 'dark'
    });

    await page.goto(`${shop}/product/wax-jacket`);
    await page.locator('#add').click();
    await page.waitForTimeout(500);
    await page.goto(`${shop}/cart/`);
    const bar = page.locator('[data-onsite-shown="free-shipping"]')
        .getByRole('region');
    await bar.filter({ hasText: '€220.00' }).waitFor();
    await page.waitForTimeout(400);
    await page.screenshot({ path: `${shots}/bar-phone-dark.png` });

    const overflow = await page.evaluate(() =>
        document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(overflow, false, 'nothing is wider than the screen');
    assert.deepEqual(errors, []);
    await context.close();
});

async function logIn(page, name) {
    await page.goto(`${shop}/account/`);
    await page.locator(`[data-login="${name}"]`).click();
    await page.getByText(`${name} is logged in.`).waitFor();
}

test('logged in on the first visit, a section is an offer', async () => {
    const { context, page, errors } = await visitor();

    await page.goto(`${shop}/shoes/`);
    await page.waitForTimeout(300);
    assert.equal(await page.getByRole('dialog').count(), 0);
    await logIn(page, 'anna');
    await page.goto(`${shop}/shoes/`);
    await page.getByRole('dialog').filter({ hasText: 'One plus one on shoes' })
        .waitFor();
    await page.screenshot({ path: `${shots}/section-offer.png` });
    assert.deepEqual(errors, []);
    await context.close();
});

test('a VIP at checkout sees what goes with the cart', async () => {
    const { context, page, errors } = await visitor();

    await logIn(page, 'vera');
    await page.goto(`${shop}/product/tote`);
    await page.locator('#add').click();
    await page.waitForTimeout(500);
    await page.goto(`${shop}/checkout/`);
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await page.screenshot({ path: `${shots}/vip-checkout.png` });

    assert.equal(await dialog.getByRole('link', { name: 'Weekender' })
        .getAttribute('href'), '/product/weekender');
    assert.equal(await dialog.getByRole('link').count(), 2,
        'what is out of stock is not recommended');
    assert.deepEqual(errors, []);
    await context.close();
});

test('who comes back finds their department, also without scripts',
    async () => {
        const { context, page, errors } = await visitor();

        await page.goto(`${shop}/product/wax-jacket`);
        await page.waitForTimeout(300);
        await page.goto(`${shop}/`);
        await page.getByRole('heading', { name: 'Good to see you again.' })
            .waitFor();
        assert.equal(await page.getByRole('link',
            { name: 'Back to the jackets' }).getAttribute('href'),
        '/jackets/');
        await page.screenshot({ path: `${shots}/slot.png` });

        const { cookies } = await context.storageState();
        const plain = await visitor({ javaScriptEnabled: false });

        await plain.context.addCookies(cookies);
        await plain.page.goto(`${shop}/`);
        await plain.page.getByText('Good to see you again.').waitFor();
        assert.deepEqual(errors, []);
        await plain.context.close();
        await context.close();
    });

test('leaving with a full cart brings a popup, and not before', async () => {
    const { context, page, errors } = await visitor();

    await page.goto(`${shop}/product/tote`);
    await page.locator('#add').click();
    await page.waitForTimeout(500);
    await page.goto(`${shop}/cart/`);
    await page.mouse.move(300, 300);
    await page.waitForTimeout(600);
    assert.equal(await page.getByRole('dialog').count(), 0);

    await page.mouse.move(300, 2);
    await page.evaluate(() => document.documentElement.dispatchEvent(
        new MouseEvent('mouseleave', { clientY: -1 })));
    await page.getByRole('dialog').filter({ hasText: 'keep it for you' })
        .waitFor();
    await page.screenshot({ path: `${shots}/leaving-cart.png` });
    assert.deepEqual(errors, []);
    await context.close();
});
