/*
 * csp.test.js - what is judged of a page's policies, against Chromium: where
 * our script goes in it runs, and where it does not it would not have run, by
 * hand, with any nonce of the page.  And popups under trusted types.
 */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { launch, start } from './lib/server.js';

/* ORIGIN, PORT and HASH stand for those of the test's shop; what is strict is
 * refused although Chromium runs it: the specification does not. */

const table = [
    { header: ["default-src 'self'"] },
    { header: ["default-src 'none'"] },
    { header: ["DEFAULT-SRC 'SELF'"] },
    { header: ["img-src 'none'"] },
    { header: ['script-src'] },
    { header: ["script-src 'none' 'self'"] },
    { header: ["default-src 'none'; script-src 'self'"] },
    { header: ["default-src 'self'; script-src 'none'"] },
    { header: ["script-src 'none'; script-src-elem 'self'"] },
    { header: ["script-src-elem 'none'; script-src 'self'"] },
    { header: ["script-src 'none'; script-src 'self'"] },
    { header: ["script-src 'unsafe-inline' 'unsafe-eval'"] },
    { header: ["script-src 'self', default-src 'none'"] },
    { header: ["script-src 'self'", "script-src https:"] },
    { header: ["script-src *"] },
    { header: ['script-src http:'] },
    { header: ['script-src https:'] },
    { header: ['script-src ORIGIN'] },
    { header: ['script-src 127.0.0.1:PORT'] },
    { header: ['script-src 127.0.0.1'] },
    { header: ['script-src 127.0.0.1:*'] },
    { header: ['script-src *:PORT'] },
    { header: ['script-src http://*:PORT'] },
    { header: ['script-src *:1'] },
    { header: ['script-src ORIGIN/'] },
    { header: ['script-src ORIGIN/onsite/'] },
    { header: ['script-src ORIGIN/onsite'] },
    { header: ['script-src ORIGIN/onsite/onsite.js'] },
    { header: ['script-src ORIGIN/%6Fnsite/onsite%2Ejs'] },
    { header: ['script-src ORIGIN/onsite%2Fonsite.js'], strict: true },
    { header: ['script-src ORIGIN/Onsite/'] },
    { header: ['script-src ORIGIN/onsite/onsite.js/'] },
    { header: ["script-src 'nonce-abc'"] },
    { header: ["script-src 'NONCE-aB+/-_='"] },
    { header: ["script-src 'nonce-'"] },
    { header: ["script-src 'nonce-a===' "] },
    { header: ["script-src nonce-abc"] },
    { header: ["script-src 'strict-dynamic' 'nonce-abc'"] },
    { header: ["script-src 'self' 'strict-dynamic'"] },
    { header: ["script-src * 'strict-dynamic' 'nonce-abc'"] },
    { header: ["script-src 'HASH'"] },
    { header: ["script-src 'strict-dynamic' 'HASH'"] },
    { header: ["script-src HASH"] },
    { header: ["script-src 'sha384-AAAA'"] },
    { header: ["script-src 'nonce-abc'", "script-src 'nonce-abc'"] },
    { header: ["script-src 'nonce-abc'", "script-src 'nonce-xyz'"] },
    { header: ["script-src 'nonce-a' 'nonce-b'", "script-src 'nonce-b'"] },
    { header: ["script-src 'nonce-a'", "script-src 'HASH'"] },
    { header: ["script-src 'none' \u00e9"] },
    { header: ['sandbox'] },
    { header: ['sandbox allow-scripts'] },
    { header: ['sandbox allow-same-origin'] },
    { header: ['sandbox allow-scripts allow-same-origin'] },
    { meta: ["default-src 'none'"] },
    { meta: ["script-src 'self'"] },
    { meta: ["script-src\n'none'"] },
    { meta: ['sandbox; frame-ancestors none; report-uri /x'] },
    { meta: ["script-src 'nonce-m'"] },
    { meta: ["script-src &#39;none&#39;"] },
    { meta: ["script-src 'self'", "script-src 'none'"] },
    { meta: ["img-src *, script-src 'none'"] },
    { meta: ["script-src 'self' , img-src *"] },
    { header: ["script-src 'self'"], meta: ["script-src 'none'"] },
    { header: ["script-src 'nonce-h'"], meta: ["script-src 'nonce-m'"] },
    { header: ["script-src 'nonce-h' 'nonce-m'"],
        meta: ["script-src 'nonce-m'"] },
    { meta: ["script-src 'HASH'"] },
    { header: ["script-src 'self' 'url-sha256-AAAA'"] },
    { header: ["script-src * 'URL-SHA384-BBBB'"] },
    { header: ["script-src ORIGIN 'url-sha512-CCCC'"] },
    { header: ["script-src 'self' 'url-sha256-'"] },
    { header: ["script-src 'self' 'url-sha256-A!'"] },
    { header: ["script-src 'self' url-sha256-AAAA"] },
    { header: ["script-src 'self' 'url-sha256-AAAA"] },
    { header: ["script-src 'self' 'url-sha1-AAAA'"] },
    { header: ["script-src 'self' 'url-sha256-AAAA' 'nonce-abc'"] },
    { header: ["script-src 'url-sha256-AAAA' 'HASH'"] },
    { header: ["default-src 'self' 'url-sha256-AAAA'"] },
    { header: ["script-src 'self'; default-src 'url-sha256-AAAA'"] },
    { header: ["script-src 'self'", "script-src 'self' 'url-sha256-AAAA'"] },
    { meta: ["script-src 'self' 'url-sha256-AAAA'"] },
    { header: ["script-src ws:"] },
    { header: ['script-src ORIGIN/onsite/onsite.js?v=1'], strict: true }
];

const trusted = ["require-trusted-types-for 'script'",
    "require-trusted-types-for 'script'; trusted-types onsite",
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "require-trusted-types-for 'script'; trusted-types default",
    "trusted-types 'none'"];

let shop, browser, upstream, script;

const fill = (policy) => policy.replaceAll('ORIGIN', shop.url)
    .replaceAll('PORT', shop.port).replaceAll('HASH',
        /integrity="([^"]*)"/.exec(script)?.[1] || 'none');

/* Bases in front of the policies, and whether our path needs its origin. */

const bases = [
    { href: 'http://cdn.invalid/', away: true },
    { href: '//cdn.invalid/x/', away: true },
    { href: ' &#x2f;\t\\cdn.invalid', away: true },
    { href: 'https:', away: true },
    { href: 'data:text/html,', away: true },
    { href: '/sub/', away: false },
    { href: 'sub/page?x=//a:1', away: false },
    { href: '', away: false }
];

/* All nonces that a page's policies name, and none. */

const nonces = ({ header = [], meta = [] }) => ['', ...[...header, ...meta]
    .flatMap((policy) => [...policy.matchAll(/'nonce-([^']*)'/gi)])
    .map(([, nonce]) => nonce)];

/* /page/N, /trusted/N, and /base/N with 'self' or without, as they are; /hand/N/I with the script and nonce I. */

function serve(request, response) {
    const [, kind, n, i] = request.url.split(/[/?]/);
    const entry = kind === 'trusted' ? { header: [trusted[n]] }
        : kind === 'base' ? { header: i && ["default-src 'self'"] }
            : table[n] || {};
    const base = kind === 'base' ? `<base href="${bases[n].href}">` : '';
    const head = (entry.meta || []).map((policy) => '<meta http-equiv='
        + `"Content-Security-Policy" content="${fill(policy)}">`).join('');
    const nonce = kind !== 'hand' ? '' : nonces(entry)[i];
    const tag = kind !== 'hand' ? '' : nonce === '' ? script
        : script.replace('></script>', ` nonce="${nonce}"></script>`);

    response.setHeader('Content-Type', 'text/html; charset=utf-8');

    if (entry.header) {
        response.setHeader('Content-Security-Policy', entry.header.map(
            (policy) => Buffer.from(fill(policy)).toString('latin1')));
    }

    response.end(`<!doctype html><html lang="en"><head><title>T</title>${base}${head}`
        + `</head><body><h1>Page</h1>${tag}</body></html>`);
}

before(async () => {
    upstream = createServer(serve);
    await new Promise((done) => { upstream.listen(0, '127.0.0.1', done); });

    const pass = `proxy_pass http://127.0.0.1:${upstream.address().port};`;

    shop = await start({
        campaigns: [{ id: 'hello', trigger: { event: 'Page Viewed' },
            channel: 'popup', content: { html: '<h2>Hello</h2>' } }],
        locations: `location / { ${pass} }
            location /hand/ { onsite off; ${pass} }`
    });
    script = '';

    const plain = await (await fetch(`${shop.url}/page/none`)).text();

    [script] = /<script src=[^>]*><\/script>/.exec(plain);
    browser = await launch();
});

after(async () => {
    await browser?.close();
    await shop?.stop();
    upstream?.close();
});

/* What came, and whether our script ran by the end of loading. */

async function open(path) {
    const context = await browser.newContext();
    const page = await context.newPage();
    const response = await page.goto(`${shop.url}${path}`);
    const ran = await page.evaluate(
        () => typeof window.onsite?.track === 'function');
    const html = await response.text();

    await context.close();

    return { ran, placed: /<script src="\/onsite\//.test(html) };
}

for (const [n, entry] of table.entries()) {
    test(`${JSON.stringify(entry)}`, async () => {
        const { ran, placed } = await open(`/page/${n}`);

        if (placed) {
            assert.ok(ran, 'what went in runs');
            return;
        }

        for (const i of nonces(entry).keys()) {
            const hand = await open(`/hand/${n}/${i}`);

            assert.ok(hand.placed);
            assert.equal(hand.ran, entry.strict === true,
                'what did not go in would not have run');
        }
    });
}

test('the table has both', async () => {
    const counts = (await shop.status()).skips.csp;

    assert.ok(counts > 20 && counts < table.length - 20, `${counts}`);
});

for (const [n, policy] of trusted.entries()) {
    test(`a popup of the page shows under ${policy}`, async () => {
        const context = await browser.newContext();
        const page = await context.newPage();
        const errors = [];

        page.on('pageerror', (error) => errors.push(String(error)));
        await page.goto(`${shop.url}/trusted/${n}`);
        await page.getByRole('dialog', { name: 'Hello' }).waitFor(
            { timeout: 10000 });
        assert.deepEqual(errors, []);
        await context.close();
    });
}

for (const [n, { href, away }] of bases.entries()) {
    for (const policy of ['', '/self']) {
        test(`a popup shows with <base href="${href}"> ${policy}`, async () => {
            const context = await browser.newContext();
            const page = await context.newPage();

            await page.goto(`${shop.url}/base/${n}${policy}`);
            await page.getByRole('dialog', { name: 'Hello' }).waitFor(
                { timeout: 10000 });
            assert.equal(await page.locator('script[data-onsite]')
                .evaluate((e) => /^http:/.test(e.getAttribute('src'))), away);
            await context.close();
        });
    }
}
