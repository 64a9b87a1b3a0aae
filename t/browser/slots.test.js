/*
 * slots.test.js - embeds: what the server filled, what the runtime fills, and
 * when they count as viewed.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { count, open, reported, site, start, strict, template, violations }
    from './page.js';

before(start);
after(() => site.stop());

const slot = 'data-onsite-slot="hero"';
const content = '<p>Ours <a href="#x">link</a></p>';
const far = '<div class="far">far</div><style>.far { height: 3000px }</style>';

const filled = {
    element: `<section ${slot} aria-label="Hero">${content}</section>`,
    comments: `<div><p>own</p><!--onsite:slot hero-->${content}`
        + '<!--/onsite:slot--><p><a id="after" href="#y">own</a></p></div>'
};

for (const [name, html] of Object.entries(filled)) {
    test(`filled by the server, between ${name}: viewed when seen`, async () => {
        const page = await open(far + html
            + template('embed', '', `${slot} data-onsite-filled`));

        await page.waitForFunction(() => window.onsite && onsite.track);
        await page.waitForTimeout(300);
        assert.equal(count('Promotion Viewed'), 0, 'nobody has seen it');

        await page.evaluate(() => scrollTo(0, 9e5));
        const { properties } = await reported('Promotion Viewed');
        assert.deepEqual(properties, { promotion_id: 'c-embed', variant: 'a',
            channel: 'embed', exposure: 'token-1' });

        if (name === 'comments') {
            await page.locator('#after').click();
            await page.waitForTimeout(200);
            assert.equal(count('Promotion Clicked'), 0, 'that is the page\'s');
        }
        await page.getByRole('link', { name: 'link' }).click();
        await page.getByRole('link', { name: 'link' }).click();
        assert.ok(await reported('Promotion Clicked'));
        await page.waitForTimeout(200);
        assert.equal(count('Promotion Clicked'), 1);
        assert.equal(count('Promotion Viewed'), 1);
        await page.close();
    });
}

const empty = {
    element: `<section ${slot} aria-label="Hero"><p>default</p></section>`,
    comments: '<section aria-label="Hero"><p>own</p><!--onsite:slot hero-->'
        + '<p>default</p><!--/onsite:slot--><p>own</p></section>'
};

for (const [name, html] of Object.entries(empty)) {
    test(`filled by the runtime, between ${name}`, async () => {
        const page = await open(html + template('embed', `${content}<p>
<button data-onsite-close>No, thanks</button></p>`, slot));

        await page.getByText('Ours').waitFor();
        assert.equal(await page.getByText('default').count(), 0);
        assert.ok(await reported('Promotion Viewed'));
        assert.deepEqual(await violations(page), []);

        await page.getByRole('button', { name: 'No, thanks' }).click();
        assert.ok(await reported('Promotion Dismissed'));
        assert.equal(await page.getByText('Ours').count(), 0);
        assert.equal(await page.getByText('own').count(),
            name === 'comments' ? 3 : 1, 'what is the page\'s stays');
        assert.equal(count('Promotion Clicked'), 0);
        assert.deepEqual(page.problems, []);
        await page.close();
    });
}

test('a slot that comes later is filled when it comes', async () => {
    const page = await open(template('embed', content, slot));

    await page.waitForFunction(() => window.onsite && onsite.track);
    await page.waitForTimeout(200);
    assert.equal(count('Promotion Viewed'), 0);
    await page.evaluate(() => {
        const element = document.createElement('div');

        element.dataset.onsiteSlot = 'hero';
        document.body.append(element);
    });
    await page.getByText('Ours').waitFor();
    assert.ok(await reported('Promotion Viewed'));
    await page.close();
});

test('under a strict policy styles of the content hold all the same',
    async () => {
        const page = await open(template('popup', '<style>h2 { color:'
            + ' rgb(1, 2, 3) }</style><h2 style="text-align: center">One</h2>'),
        { headers: { 'Content-Security-Policy': strict } });

        await page.getByRole('dialog').waitFor();
        assert.deepEqual(await page.getByRole('heading', { name: 'One' })
            .evaluate((element) => {
                const { color, textAlign } = getComputedStyle(element);

                return [color, textAlign];
            }), ['rgb(1, 2, 3)', 'center']);

        /* the browser says so when it reads the template, before any script */
        assert.deepEqual(page.problems.filter((text) =>
            !/Applying inline style/.test(text)), []);
        await page.close();
    });

test('with Trusted Types: the policy "onsite", or the server\'s content alone',
    async () => {
        for (const allowed of [true, false]) {
            const page = await open(template('bar', '<p>From the server</p>'), {
                headers: { 'Content-Security-Policy': `${strict};`
                    + " require-trusted-types-for 'script'; trusted-types"
                    + (allowed ? ' onsite' : ' other') },
                answer: () => [{ id: 'x', channel: 'popup', slot: null,
                    html: '<h2>From an answer</h2>' }],
                before: (page) => page.addInitScript(() => {
                    delete Element.prototype.setHTML;
                })
            });
            const errors = [];

            page.on('pageerror', (error) => errors.push(error));
            await page.getByText('From the server').waitFor();
            await page.evaluate(() => onsite.track('Now'));
            await page.waitForTimeout(500);
            assert.equal(await page.getByRole('dialog').count(),
                allowed ? 1 : 0);
            assert.deepEqual(errors, []);
            await page.close();
        }
    });

test('scripts of content never run, whatever the policy trusts', async () => {
    const bad = '<script>window.ran = 1</script><svg><script>window.ran = 1'
        + '</script></svg>';
    const html = (channel, more = '') => template(channel,
        `<p>${channel} text</p>${bad}`, more);

    for (const policy of [null, "script-src 'nonce-n' 'strict-dynamic';"
        + " connect-src 'self'"])
    {
        const page = await open(() => '<!doctype html><html lang="en"><title>T'
            + `</title><main><div ${slot}>default</div></main>${html('popup')}`
            + html('bar') + html('embed', slot)
            + '<script nonce="n" src="/in/onsite.js" data-onsite></script>', {
            headers: policy ? { 'Content-Security-Policy': policy } : {}
        });

        await page.getByText('embed text').waitFor();
        await page.getByText('popup text').waitFor();
        await page.keyboard.press('Escape');
        await page.getByText('bar text').waitFor();
        assert.equal(await page.evaluate(() => window.ran), undefined);
        assert.deepEqual(page.problems, []);
        await page.close();
    }
});

test('a preview says so when the page has no such slot', async () => {
    const page = await open(`${template('embed', content, slot)}<script
 data-onsite data-onsite-preview src="/in/onsite.js?v=2" async></script>`);
    const badge = (text) => page.getByText(text, { exact: true }).waitFor();

    await badge('Preview: no slot hero on this page');
    await page.evaluate(() => {
        document.querySelector('main').dataset.onsiteSlot = 'hero';
        document.body.append('changed');
    });
    await page.getByText('Ours').waitFor();
    await badge('Preview');
    assert.deepEqual(site.calls, []);
    assert.deepEqual(page.problems, []);
    await page.close();
});

test('between comments without their own end nothing is replaced', async () => {
    const page = await open('<div id="broken"><!--onsite:slot hero-->'
        + '<p>important</p><!--onsite:slot other--><p>other</p>'
        + '<!--/onsite:slot--></div>'
        + '<!-- onsite:slot hero --><p id="default">own</p><!-- /onsite:slot -->'
        + template('embed', content, slot));

    await page.getByText('Ours').waitFor();
    assert.equal(await page.locator('#broken').innerText(),
        'important\n\nother');
    assert.equal(await page.locator('#default').count(), 0);
    await page.close();
});
