/*
 * charset.test.js - in pages of any charset what goes in reads right: a popup,
 * and what the server fills a slot with, its script and its style.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, start } from './lib/server.js';

const said = '5 € für Žižek, Жук と日本 😀';

const content = (id) => `<style>#${id}-css::after { content: "${said}" }`
    + `</style><p id="${id}" title="${said}">${said}</p><i id="${id}-css"></i>`;

const campaigns = [
    { id: 'pop', channel: 'popup', trigger: { event: 'Page Viewed' },
        frequency: { cap: 1000, per: 'session' },
        content: { html: `<h2>Pop</h2>${content('pop')}` } },
    { id: 'slot', channel: 'embed', slot: 'hero',
        trigger: { event: 'Page Viewed' },
        frequency: { cap: 1000, per: 'session' },
        content: { html: `${content('slot')}<script>window.said = "${said}";`
            + `window.escaped = "\\€\\\\€"</script>` } }
];

/* name: [what nginx says, what the page's meta says, a word of the page as
 * its bytes, and as it reads] */

const pages = {
    default: ['', '', [0x80, 0xe9], '€é'],
    'windows-1252': ['charset windows-1252;', '', [0x80, 0xe9], '€é'],
    'iso-8859-1': ['', 'iso-8859-1', [0x80, 0xe9], '€é'],
    'koi8-r': ['charset koi8-r;', '', [0xf6, 0xd5, 0xcb], 'Жук'],
    shift_jis: ['', 'shift_jis', [0x93, 0xfa, 0x96, 0x7b], '日本'],
    gbk: ['charset gbk;', '', [0xc8, 0xd5, 0xb1, 0xbe], '日本'],
    'euc-jp': ['', 'euc-jp', [0xc6, 0xfc, 0xcb, 0xdc], '日本'],
    'utf-8': ['', 'utf-8', [0xe2, 0x82, 0xac], '€'],
    'utf-8-nginx': ['charset utf-8;', '', [0xe2, 0x82, 0xac], '€'],
    recoded: ['charset utf-8; source_charset koi8-r;', '', [0xc1], 'а']
};

const html = (meta, word) => Buffer.concat([
    Buffer.from('<!DOCTYPE html><html lang="en"><head>'
        + (meta && `<meta charset="${meta}">`)
        + '<title>page</title></head><body><p id="own">'),
    Buffer.from(word),
    Buffer.from('</p><div data-onsite-slot="hero">default</div></body></html>')
]);

let site;
let browser;

before(async () => {
    const entries = Object.entries(pages);

    site = await start({
        campaigns,
        files: Object.fromEntries(entries.map(([name, [, meta, word]]) =>
            [`${name}/index.html`, html(meta, word)])),
        http: 'charset_map koi8-r utf-8 { C1 D0B0; }',
        locations: entries.map(([name, [says]]) =>
            `location /${name}/ { ${says} }`).join('\n')
    });
    browser = await launch();
});

after(async () => {
    await browser?.close();
    await site?.stop();
});

const styled = (page, id) => page.locator(`#${id}-css`).evaluate((element) =>
    getComputedStyle(element, '::after').content);

for (const [name, [, , , word]] of Object.entries(pages)) {
    test(`a page in ${name}`, async () => {
        const context = await browser.newContext();
        const page = await context.newPage();

        await page.goto(`${site.url}/${name}/`);
        await page.getByRole('dialog').waitFor();

        assert.equal(await page.locator('#own').textContent(), word,
            'the page itself');

        for (const id of ['pop', 'slot']) {
            const element = page.locator(`#${id}`);

            assert.equal(await element.textContent(), said);
            assert.equal(await element.getAttribute('title'), said);
            assert.equal(await styled(page, id), `"${said}"`);
        }

        assert.deepEqual(await page.evaluate(() => [window.said,
            window.escaped]), [said, '€\\€']);
        await context.close();
    });
}
