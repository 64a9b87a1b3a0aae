/*
 * triggers.test.js - what waits for something to happen in the page, and the
 * arbiter: who is shown when.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { count, open, reported, site, start, template, when }
    from './page.js';

before(start);
after(() => site.stop());

const tall = '<div id="tall" class="tall">Tall</div><p id="end">The end</p>'
    + '<style>.tall { height: 4000px }</style>';
const armed = (triggers, id = 'late') => `<template data-onsite-campaign="${id}"
 data-onsite-variant="a" data-onsite-channel="popup" ${when(triggers)}>
</template>`.replace('>\n<', '><');

/* The server judges what has fired, and says yes. */

const judge = (call) => call.event === 'Promotion Triggered'
    ? [{ id: call.properties.promotion_id, variant: 'a', channel: 'popup',
        slot: null, html: '<h2>Judged</h2>', data: {}, exposure: 'token-9' }]
    : [];

const dialog = (page, name = 'Judged') => page.getByRole('dialog', { name });

const quiet = async (page) => {
    await page.waitForTimeout(300);
    assert.equal(count('Promotion Triggered'), 0, 'not yet');
};

const acts = {
    exit: [{ exit: true }, async (page) => {
        await page.evaluate(() => document.documentElement.dispatchEvent(
            new MouseEvent('mouseleave', { clientX: 9, clientY: 300 })));
        await quiet(page);
        await page.evaluate(() => document.documentElement.dispatchEvent(
            new MouseEvent('mouseleave', { clientX: 300, clientY: -1 })));
    }],
    scroll: [{ scroll: 50 }, async (page) => {
        await page.evaluate(() => scrollTo(0, 1000));
        await quiet(page);
        await page.evaluate(() => scrollTo(0, 2000));
    }],
    seen: [{ seen: '#end' }, async (page) => {
        await page.evaluate(() => scrollTo(0, 1000));
        await quiet(page);
        await page.evaluate(() => scrollTo(0, 9000));
    }],
    'seen, of an element that comes later': [{ seen: '.new' }, async (page) => {
        await quiet(page);
        await page.evaluate(() => {
            const element = document.createElement('p');

            element.className = 'new';
            element.textContent = 'New';
            document.body.prepend(element);
        });
    }],
    dwell: [{ dwell: 2000 }, quiet],
    idle: [{ idle: 2000 }, async (page) => {
        for (let i = 0; i < 6; i++) {
            await page.mouse.move(50 + i, 50);
            await page.waitForTimeout(150);
        }
        assert.equal(count('Promotion Triggered'), 0, 'not while it moves');
    }],
    event: [{ event: 'Product Added' }, async (page) => {
        await page.evaluate(() => onsite.track('Product Removed'));
        await quiet(page);
        await page.evaluate(() => onsite.track('Product Added', { sku: 1 }));
    }],
    'event, from dataLayer': [{ event: 'Product Added' }, async (page) => {
        await page.evaluate(() => dataLayer.push({ event: 'view_item' }));
        await quiet(page);
        assert.equal(await page.evaluate(() => dataLayer.push(null,
            { event: 'add_to_cart', ecommerce: {} })), 3, 'as ever');
    }],
    'event, from gtag': [{ event: 'Product Added' }, async (page) => {
        await page.evaluate(() => {
            function gtag() {
                dataLayer.push(arguments);
            }
            gtag('js', new Date());
            gtag('event', 'add_to_cart', {});
        });
    }],
    'whichever is first': [{ exit: true, dwell: 2000, scroll: 90 }, quiet]
};

for (const [name, [triggers, act]] of Object.entries(acts)) {
    test(`it fires: ${name}`, async () => {
        const page = await open(tall + armed(triggers), { answer: judge });

        await page.waitForFunction(() => window.onsite && onsite.track);
        assert.equal(await page.locator('template').count(), 0);
        await act(page);
        await dialog(page).waitFor();

        const asked = await reported('Promotion Triggered');
        assert.equal(asked.path, '/in/decide');
        assert.deepEqual(asked.properties, { promotion_id: 'late' });
        assert.equal((await reported('Promotion Viewed')).properties.exposure,
            'token-9');
        await page.waitForTimeout(200);
        assert.equal(count('Promotion Triggered'), 1, 'once');
        assert.deepEqual(page.problems, []);
        await page.close();
    });
}

test('what the server refuses is not shown, and holds nobody up', async () => {
    const page = await open(armed({ dwell: 100 }) + armed({ dwell: 200 }, 'x'), {
        answer: (call) => call.properties?.promotion_id === 'late' ? []
            : judge(call)
    });

    await dialog(page).waitFor();
    assert.equal(count('Promotion Triggered'), 2);
    assert.equal((await reported('Promotion Viewed')).properties.promotion_id,
        'x');
    await page.close();
});

test('without consent content and triggers come together', async () => {
    const page = await open(template('popup', '<h2>Here</h2>',
        when({ dwell: 500 })));

    await dialog(page, 'Here').waitFor();
    assert.ok(await page.evaluate(() => performance.now()) >= 500);
    assert.equal(count('Promotion Triggered'), 0);
    await page.close();
});

test('an answer arms, too', async () => {
    const page = await open('', { answer: (call) => call.event === 'Go'
        ? [{ id: 'late', variant: 'a', channel: 'popup', slot: null,
            when: { dwell: 100 } }] : judge(call) });

    await page.waitForFunction(() => window.onsite && onsite.track);
    await page.evaluate(() => onsite.track('Go'));
    await dialog(page).waitFor();
    await page.close();
});

test('triggers that are none, or a selector that is none, harm nothing',
    async () => {
        const page = await open(armed({ seen: '::nonsense(' })
            + armed({ tomorrow: true }) + '<template data-onsite-campaign="c"'
            + ' data-onsite-channel="popup" data-onsite-when="{"></template>'
            + template('bar', 'Shown'));

        await page.getByRole('region', { name: 'Shown' }).waitFor();
        await quiet(page);
        assert.deepEqual(page.problems, []);
        await page.close();
    });

test('nothing interrupts who is typing', async () => {
    const page = await open('<input id="name">'
        + armed({ event: 'Now' }), { answer: judge });

    await page.locator('#name').pressSequentially('An');
    await page.evaluate(() => onsite.track('Now'));
    await quiet(page);
    await page.locator('#name').blur();
    await dialog(page).waitFor();
    await page.close();
});

test('nothing comes over a dialog of the page', async () => {
    for (const other of ['<dialog id="own-dialog">Own<button>x</button>'
        + '</dialog>', '<div id="own-dialog" role="dialog" aria-modal="true"'
        + ' hidden>Own</div>'])
    {
        const page = await open(other + armed({ event: 'Now' }),
            { answer: judge });

        await page.waitForFunction(() => window.onsite && onsite.track);
        await page.evaluate(() => {
            const element = document.querySelector('#own-dialog');

            element.hidden = false;
            element.showModal?.();
            onsite.track('Now');
        });
        await quiet(page);
        await page.evaluate(() => {
            const element = document.querySelector('#own-dialog');

            element.hidden = true;
            element.close?.();
        });
        await dialog(page).waitFor();
        await page.close();
    }
});

test('one popup at a time, in the order of the page, with a pause between',
    async () => {
        const page = await open(['One', 'Two'].map((name) => `<template
 data-onsite-campaign="${name}" data-onsite-channel="popup"><h2>${name}</h2>
</template>`).join('') + template('notification', '<p>Beside</p>'));

        await dialog(page, 'One').waitFor();
        assert.equal(await page.getByRole('dialog').count(), 1);
        assert.equal(await page.getByRole('status').count(), 0,
            'nobody can hear it behind a dialog');

        const closed = Date.now();
        await page.keyboard.press('Escape');
        await page.getByRole('status').waitFor();
        await dialog(page, 'Two').waitFor();
        assert.ok(Date.now() - closed >= 2900);
        await page.close();
    });

test('beneath a popup nothing is shown, nor told, until it is closed',
    async () => {
        const page = await open(template('bar', '<p>Below</p>')
            + template('notification', '<p>Beside</p>')
            + template('popup', '<h2>Above</h2>'), {
            answer: ({ event }) => event === 'More' ? [{ id: 'more',
                channel: 'bar', html: '<p>More</p>' }] : [] });

        await dialog(page, 'Above').waitFor();
        await page.evaluate(() => onsite.track('More'));
        await page.waitForTimeout(1200);
        assert.equal(await page.locator('[data-onsite-shown]').count(), 1);
        assert.equal(count('Promotion Viewed'), 1);

        await page.keyboard.press('Escape');
        await page.getByText('Below').waitFor();
        await page.getByText('Beside').waitFor();
        await reported('Promotion Viewed', ({ properties }) =>
            properties.channel === 'notification');
        assert.equal(count('Promotion Viewed'), 3);
        await page.getByRole('region').getByRole('button').click();
        await page.getByText('More').waitFor();
        assert.deepEqual(page.problems, []);
        await page.close();
    });

test('a popup that the page took away holds nobody up', async () => {
    const page = await open(template('popup', '<h2>Above</h2>')
        + template('bar', '<p>Below</p>'));

    await dialog(page, 'Above').waitFor();
    await page.evaluate(() =>
        document.querySelector('[data-onsite-shown]').remove());
    await page.getByText('Below').waitFor();
    await page.close();
});

test('a page in the background shows nothing until it is looked at', async () => {
    const page = await open(template('popup', '<h2>Later</h2>'), {
        before: (page) => page.addInitScript(() => {
            let hidden = true;

            Object.defineProperty(document, 'hidden', { get: () => hidden });
            window.look = () => {
                hidden = false;
                document.dispatchEvent(new Event('visibilitychange'));
            };
        })
    });

    await page.waitForTimeout(400);
    assert.equal(await page.getByRole('dialog').count(), 0);
    assert.equal(count('Promotion Viewed'), 0);
    await page.evaluate(() => window.look());
    await dialog(page, 'Later').waitFor();
    await page.close();
});

test('a preview fires at once, says that it is one, and tells nothing',
    async () => {
        const page = await open(`${template('popup', '<h2>Draft</h2>',
            when({ exit: true }))}<script data-onsite data-onsite-preview
 src="/in/onsite.js?v=2" async></script>`);

        await dialog(page, 'Draft').waitFor();
        await page.getByText('Preview', { exact: true }).waitFor();
        await page.evaluate(() => onsite.track('Own', {}));
        await page.keyboard.press('Escape');
        await page.waitForTimeout(300);
        assert.deepEqual(site.calls, []);
        assert.deepEqual(page.problems, []);
        await page.close();
    });

const slowly = (page) => page.addInitScript(() => {
    const { fetch } = window;

    window.fetch = async (...args) => {
        const response = await fetch(...args);

        if (String(args[1].body).includes('Promotion Triggered')) {
            await new Promise((done) => setTimeout(done, 1500));
        }
        return response;
    };
});

test('a late answer opens nothing in another view, and blocks nobody',
    async () => {
        const page = await open(armed({ event: 'Now' }), { before: slowly,
            answer: (call) => call.type === 'page' ? [{ id: 'here',
                channel: 'popup', html: '<h2>Of this view</h2>' }]
                : judge(call) });

        await page.waitForFunction(() => window.onsite && onsite.track);
        await page.evaluate(() => onsite.track('Now'));
        await reported('Promotion Triggered');
        await page.evaluate(() => history.pushState(null, '', '/other'));
        await dialog(page, 'Of this view').waitFor({ timeout: 1400 });
        await page.waitForTimeout(1500);
        assert.equal(await dialog(page).count(), 0);
        await page.close();
    });

test('what was armed and could not be asked for is asked for once more,'
    + ' and never told as a beacon', async () => {
    const page = await open(armed({ event: 'Now' }), { answer: judge });

    await page.waitForFunction(() => window.onsite && onsite.track);
    site.status = { '/in/decide': { code: 503 } };
    await page.evaluate(() => onsite.track('Now'));
    await reported('Promotion Triggered');
    site.status = {};
    await dialog(page).waitFor();
    assert.deepEqual(site.calls.filter(({ event }) =>
        event === 'Promotion Triggered').map(({ path }) => path),
    ['/in/decide', '/in/decide']);
    await page.close();
});

test('consent in a preview posts nothing', async () => {
    const page = await open('<script data-onsite data-onsite-preview'
        + ' src="/in/onsite.js?v=2" async></script>');

    await page.waitForFunction(() => window.onsite && onsite.track);
    await page.evaluate(() => onsite.consent('full'));
    assert.deepEqual(site.calls, []);
    await page.close();
});
