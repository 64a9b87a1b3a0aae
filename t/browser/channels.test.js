/*
 * channels.test.js - what each channel looks like, and that everybody can use
 * it: axe, keyboard, light and dark, narrow, right to left, forced colours.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { count, open, reported, shot, site, start, still, strict, template,
    violations, when } from './page.js';

const contents = {
    popup: '<h2>5 € off your first order</h2><p>A warm welcome for someone who'
        + ' came in from the cold. The code is <strong>FIRST5</strong>.</p>'
        + '<p><a class="button" href="/shoes/">Start with the boots</a></p>',
    bar: '<p>Your cart is worth 220 €: shipping is free.'
        + ' <a href="/checkout/">Check out</a></p>',
    notification: '<h3>Still choosing?</h3><p>Everything can be sent back for'
        + ' 60 days, the <a href="/boots/">trail boot</a> too.</p>'
};
const arabic = {
    popup: '<h2>خصم ٥ يورو على طلبك الأول</h2><p>أهلا بك في متجرنا. الرمز هو'
        + ' FIRST5.</p><p><a class="button" href="/a/">ابدأ بالأحذية</a></p>',
    bar: '<p>الشحن مجاني. <a href="/a/">إتمام الطلب</a></p>',
    notification: '<h3>ما زلت تختار؟</h3><p>يمكن إرجاع كل شيء خلال ٦٠ يوما.'
        + '</p>'
};

const text = (n) => `<section aria-label="Things">${('<h2>Lasting things</h2>'
    + '<p>Boots and jackets that are made to be mended, by people who walk in'
    + ' them. Every seam can be opened, every sole replaced, and what comes'
    + ' back is sent out again.</p>').repeat(n)}</section>`;
const style = '<style>body { margin: 0 auto; max-width: 60rem; padding: 1rem;'
    + ' font: 17px/1.6 Georgia, serif; color: #222; background: #faf7f1 }'
    + ' h2 { color: red; font-size: 99px } p { letter-spacing: .5em }'
    + ' @media (prefers-color-scheme: dark) { body { color: #eee;'
    + ' background: #1b1a17 } } section h2 { font-size: 24px; color: inherit }'
    + ' section p { letter-spacing: 0 }</style>';

before(start);
after(() => site.stop());

const locate = (page, channel) => page.locator(
    `[data-onsite-shown="c-${channel}"] .${channel}`);

const desktop = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2,
    hasTouch: true, isMobile: true };
const narrow = { viewport: { width: 320, height: 640 } };

for (const channel of Object.keys(contents)) {
    for (const colorScheme of ['light', 'dark']) {
        for (const [size, options] of Object.entries({ desktop, phone })) {
            test(`${channel}, ${colorScheme}, ${size}: axe finds nothing`,
                async () => {
                    const page = await open(style + text(6)
                        + template(channel, contents[channel]),
                    { ...options, colorScheme });

                    await locate(page, channel).waitFor();
                    await shot(page, `${channel}-${colorScheme}-${size}`);
                    assert.deepEqual(await violations(page), []);
                    assert.deepEqual(page.problems, []);
                    await page.close();
                });
        }
    }

    test(`${channel} at 320 pixels, and at a zoom of 200 %`, async () => {
        for (const options of [narrow, { viewport: { width: 640, height: 400 },
            deviceScaleFactor: 2 }])
        {
            const page = await open(style + text(3)
                + template(channel, contents[channel]), options);

            await locate(page, channel).waitFor();
            await shot(page, `${channel}-${options.viewport.width}`);

            const { width, height } = options.viewport;
            const box = await locate(page, channel).boundingBox();
            assert.ok(box.x >= 0 && box.x + box.width <= width, 'fits across');
            assert.ok(box.y >= 0 && box.y + box.height <= height, 'and down');
            assert.equal(await page.evaluate(() =>
                document.documentElement.scrollWidth > innerWidth), false);
            await page.close();
        }
    });

    test(`${channel} from right to left`, async () => {
        const page = await open(style + text(3)
            + template(channel, arabic[channel])
            + '<script>document.documentElement.dir = "rtl";'
            + 'document.documentElement.lang = "ar"</script>', desktop);

        await locate(page, channel).waitFor();
        await shot(page, `${channel}-rtl`);

        const box = await locate(page, channel).boundingBox();
        const button = await page.getByRole('button', { name: 'Close' })
            .boundingBox();
        assert.ok(button.x < box.x + box.width / 2, 'closed at its end');
        await page.close();
    });

    test(`${channel} in forced colours, without motion`, async () => {
        const page = await open(style + text(3)
            + template(channel, contents[channel]),
        { ...desktop, forcedColors: 'active', reducedMotion: 'reduce' });

        await locate(page, channel).waitFor();
        assert.equal(await page.evaluate(() => [...document.querySelectorAll(
            '[data-onsite-shown]')].flatMap(({ shadowRoot }) =>
            shadowRoot.getAnimations()).length), 0);
        await shot(page, `${channel}-forced`);
        await page.close();
    });
}

const dark = 'color-scheme: light dark';
const follows = {
    'one that says nothing': ['', 'light', 'light'],
    'one that is light alone': [':root { color-scheme: light }', 'light',
        'light'],
    'one that is both': [`:root { ${dark} }`, 'light', 'dark'],
    'one that is dark alone': [':root { color-scheme: dark }', 'dark', 'dark'],
    'one that is both by its styles': ['@media (prefers-color-scheme: dark) {'
        + ' body { color: #eee; background: #111 } }', 'light', 'dark'],
    'one with light text, in other words': ['body { color: oklch(0.97 0 0);'
        + ' background: #111 }', 'dark', 'dark'],
    'one with dark text, in other words': ['body { color: oklch(.2 0 0) }',
        'light', 'light'],
    'one that wants it dark': [':root { --onsite-scheme: dark }', 'dark',
        'dark'],
    'one that wants it light': [`:root { ${dark}; --onsite-scheme: light }`,
        'light', 'light'],
    'one that wants what the visitor wants': [':root { --onsite-scheme:'
        + ' light dark }', 'light', 'dark']
};

for (const [name, [css, ...expected]] of Object.entries(follows)) {
    test(`light or dark as the page: ${name}`, async () => {
        for (const [i, colorScheme] of ['light', 'dark'].entries()) {
            const page = await open(`<style>${css}</style>`
                + template('bar', contents.bar), { colorScheme });

            await locate(page, 'bar').waitFor();

            const [back, text] = await locate(page, 'bar').evaluate((box) => {
                const { backgroundColor, color } = getComputedStyle(box);

                return [backgroundColor, color].map((value) =>
                    Number(value.match(/\d+/)));
            });
            assert.equal(back < text ? 'dark' : 'light', expected[i],
                `for who likes it ${colorScheme}`);
            await page.close();
        }
    });
}

test('a popup without a heading is named by its text', async () => {
    const names = [
        ['<p>5 off</p><p><a class="button" href="#">Get it</a></p>',
            '5 off Get it'],
        ['<div>Five<br>off</div><ul><li>one</li><li>two</li></ul>',
            'Five off one two'],
        ['<img src="data:," alt="Five off">', 'Five off'],
        ['<h2>Named <em>so</em></h2><p>and not so</p>', 'Named so']
    ];

    for (const [html, name] of names) {
        const page = await open(template('popup', html));

        await page.getByRole('dialog', { name, exact: true }).waitFor();
        await page.close();
    }

    const page = await open(template('popup', '<p>long</p>'.repeat(99)));
    const name = await page.getByRole('dialog').getAttribute('aria-label');

    assert.match(name, /^(long )+long?$/);
    assert.ok(name.length <= 80);
    await page.close();
});

test('bars and notifications lie as high as the page wants', async () => {
    const page = await open('<style>:root { --onsite-z: 7 }</style>'
        + template('bar', contents.bar));

    await locate(page, 'bar').waitFor();
    assert.equal(await page.locator('[data-onsite-shown]').evaluate(
        (host) => getComputedStyle(host).zIndex), '7');
    await page.close();
});
