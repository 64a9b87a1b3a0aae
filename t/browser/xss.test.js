/*
 * xss.test.js - whatever a visitor sends, in every place of a campaign that a
 * placeholder can stand in, in every channel: none of it runs, in a page or a
 * decide answer, none of it becomes an element, and no line of a log is cut.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { launch, start } from './lib/server.js';

const call = 'xss(1)';

const payloads = [
    `<script>${call}</script>`,
    `<img src=x onerror=${call}>`,
    `"><img src=x onerror=${call}>`,
    `'><img src=x onerror=${call}>`,
    `" onmouseover="${call}" autofocus onfocus="${call}" x="`,
    `' onmouseover='${call}' autofocus onfocus='${call}' x='`,
    `</script><script>${call}</script>`,
    `</template><script>${call}</script><template>`,
    `</textarea></title></style></noscript><script>${call}</script>`,
    `--><script>${call}</script><!--`,
    `]]><script>${call}</script>`,
    `<svg/onload=${call}>`,
    `<!--<script>`,
    `";${call};//`,
    `';${call};//`,
    `\\";${call};//`,
    `\\';${call};//`,
    `\\`,
    `\${${call}}`,
    '`;' + call + ';//',
    `\n${call}\n//`,
    `\r\n${call}\r\n//`,
    `\u2028${call}\u2029`,
    `javascript:${call}`,
    `JaVaScRiPt:${call}`,
    `\tjava\nscript:${call}`,
    `\u0001javascript:${call}`,
    `javascript&colon;${call}`,
    `&#106;avascript:${call}`,
    `data:text/html,<script>parent.${call}</script>`,
    `vbscript:${call}`,
    `//evil.invalid/%0a${call}`,
    `&lt;script&gt;${call}&lt;/script&gt;`,
    `{{constructor.constructor('${call}')()}}`,
    `{{event.properties.p}}<script>${call}</script>`,
    `\u00c0\u00bcscript>${call}`,
    `+ADw-script+AD4-${call}+ADw-/script+AD4-`,
    `<iframe srcdoc="<script>parent.${call}</script>">`,
    `<base href=//evil.invalid/>`,
    `<form action=javascript:${call}><button>`,
    `<a href=javascript:${call}>x</a>`,
    `\u202e<b>${call}`,
    'x'.repeat(200) + `<script>${call}</script>`
];

/* Every place a placeholder may stand in. */

const places = (path) => `<div>
<p class="t">{{${path}}}</p>
<textarea>{{${path}}}</textarea>
<i title="{{${path}}}"></i><i title='{{${path}}}'></i>
<i data-x="a {{${path}}} b"></i>
<a class="u" href="{{${path}}}">u</a>
<a class="u" href="/find?q={{${path}}}&amp;z=1">p</a>
<a class="u" href="https://shop.invalid/{{${path}}}">h</a>
<img alt="" class="u" src="{{${path}}}">
{{#${path}}}<em>{{.}}</em>{{/${path}}}
<script>seen("{{${path}}}"); seen('{{${path}}}');</script>
</div>`;

const ofPage = ['event.properties.search', 'event.properties.url',
    'event.properties.referrer', 'request.query.q', 'request.referrer',
    'request.language', 'request.who', 'visitor.traits.company',
    'visitor.user_id', 'cart.skus', 'origin.last.campaign',
    'origin.last.source', 'affinity.category'];

const ofEvent = ['event.properties.p', 'event.properties.deep.er',
    'event.context.library.name', 'event.messageId', 'event.traits.x'];

const html = (paths) => paths.map(places).join('\n');

const shown = (channel, trigger, paths, slot) => ({
    id: `${channel}-${trigger.event === 'Probe' ? 'event' : 'page'}`,
    trigger, channel, ...slot ? { slot } : {},
    content: { html: `<h2>${channel}</h2>${html(paths)}` }
});

const pageView = { event: 'Page Viewed', where: { path: '/index.html' } };

const campaigns = [
    { affinities: { category: { half_life: '14d', property: 'category',
        events: { 'Product Added': 5 } } } },
    shown('popup', pageView, ofPage),
    shown('embed', pageView, ofPage, 'hero'),
    shown('bar', { event: 'Probe' }, ofEvent),
    shown('notification', { event: 'Probe' }, ofEvent)
];

const page = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<title>Shop</title></head><body><h1>Shop</h1>
<div data-onsite-slot="hero">default</div>
</body></html>`;

const empty = '<!DOCTYPE html><title>Empty</title><body>empty</body>';

let shop, browser;

before(async () => {
    shop = await start({
        campaigns, files: { 'index.html': page, 'empty.html': empty },
        http: `log_format told escape=json '{"campaign":"$onsite_campaign",'
            '"visitor":"$onsite_visitor","origin":"$onsite_origin",'
            '"reason":"$onsite_reason"}';`,
        server: `access_log %DIR%/access.log told;
            onsite_attribute who $http_x_who; onsite_debug_key debug;
            log_not_found off;
            large_client_header_buffers 4 64k;`
    });
    browser = await launch();
});

after(async () => {
    await browser?.close();
    await shop?.stop();
});

/* What of our campaigns is in the page, open shadow roots included. */

function inspect() {
    const roots = [document,
        ...[...document.querySelectorAll('*')].map((e) => e.shadowRoot)
            .filter(Boolean)];
    const all = (selector) => roots.flatMap(
        (root) => [...root.querySelectorAll(selector)]);

    return {
        texts: all('p.t').length,
        frames: all('iframe, base, form, svg').length,
        handlers: all('*').filter((e) => [...e.attributes].some(
            (a) => a.name.startsWith('on'))).map((e) => e.outerHTML),
        urls: all('a.u').map((a) => a.protocol),
        sources: all('img.u').map((i) => i.src)
    };
}

/* A visitor who has sent the payload by every way there is. */

async function visit(payload) {
    const context = await browser.newContext({
        extraHTTPHeaders: { 'X-Who': encodeURI(payload.slice(0, 500)) }
    });
    const tab = await context.newPage();
    const ran = [];
    const errors = [];

    await tab.route((url) => url.hostname.endsWith('.invalid'),
        (route) => route.abort());
    await tab.exposeFunction('xss', (what) => { ran.push(what); });
    await tab.addInitScript(
        'window.heard = []; window.seen = (text) => heard.push(text);');
    tab.on('dialog', (dialog) => { ran.push('dialog'); dialog.dismiss(); });
    tab.on('pageerror', (error) => errors.push(String(error)));

    await tab.goto(`${shop.url}/empty.html`);
    await tab.evaluate(async (text) => {
        for (const body of [
            { type: 'identify', userId: text.slice(0, 120),
                traits: { company: text.slice(0, 400) } },
            { type: 'track', event: 'Product Added', properties: {
                sku: text.slice(0, 64), category: text.slice(0, 64),
                price: 1 } }
        ])
        {
            await fetch('/onsite/v1/track', { method: 'POST',
                body: JSON.stringify(body) });
        }
    }, payload);

    const q = encodeURIComponent(payload);

    await tab.goto(`${shop.url}/index.html?q=${q}&utm_source=${q}`
        + `&utm_medium=x&utm_campaign=${q}`, {
        referer: `${shop.url}/empty.html?r=${q}`
    });

    return { context, tab, ran, errors };
}

function judge(found, { ran, errors }, n, what) {
    assert.deepEqual(ran, [], `nothing runs: ${what}`);
    assert.deepEqual(errors, [], `no script breaks: ${what}`);
    assert.equal(found.frames, 0, `no element comes of it: ${what}`);
    assert.deepEqual(found.handlers, [], `no handler: ${what}`);
    assert.ok(found.texts >= n, `${found.texts} of ${n} are there: ${what}`);

    for (const protocol of found.urls) {
        assert.match(protocol, /^(https?|mailto|tel):$/, `a link: ${what}`);
    }

    for (const source of found.sources) {
        assert.match(source, /^https?:/, `an image: ${what}`);
    }
}

const closeAll = () => {
    for (const host of document.querySelectorAll('[data-onsite-shown]')) {
        host.shadowRoot?.querySelector('.onsite-close')?.click();
    }
};

for (const payload of payloads) {
    const name = JSON.stringify(payload.slice(0, 48));

    test(`nothing of it runs: ${name}`, async () => {
        const visitor = await visit(payload);
        const { tab, context } = visitor;

        await tab.waitForSelector('[data-onsite-shown]',
            { state: 'attached' });
        await tab.waitForTimeout(80);

        judge(await tab.evaluate(inspect), visitor, 2 * ofPage.length, name);

        const heard = await tab.evaluate(() => window.heard);

        assert.ok(heard.includes(payload),
            'a script string is the payload itself');
        assert.equal(heard.length, 2 * ofPage.length,
            'in the slot that the server filled, alone');

        await tab.evaluate(closeAll);
        await tab.evaluate((text) => window.onsite.push(['track', 'Probe', {
            p: text, deep: { er: text } }]), payload);
        await tab.waitForFunction(() => document.querySelectorAll(
            '[data-onsite-shown]').length >= 2);
        await tab.waitForTimeout(80);

        judge(await tab.evaluate(inspect), visitor, 2 * ofEvent.length, name);
        assert.equal(await tab.evaluate(() => window.heard.length),
            heard.length, 'no script of a bar or a notification runs');

        const answer = await tab.evaluate(async (text) => {
            const reply = await fetch('/onsite/decide', { method: 'POST',
                headers: { 'X-Onsite-Debug': 'debug' },
                body: JSON.stringify({ type: 'track', event: 'Probe',
                    messageId: text.slice(0, 90), traits: { x: text },
                    context: { library: { name: text } },
                    properties: { p: text, deep: { er: text } } }) });

            return reply.json();
        }, payload);

        assert.ok(answer.campaigns.length >= 1, 'an answer, explained');
        await context.close();
    });
}

test('no line of the log is cut or forged', () => {
    for (const line of shop.accessLog().trimEnd().split('\n')) {
        assert.doesNotThrow(() => JSON.parse(line), `a line: ${line}`);
    }

    for (const line of shop.log().trimEnd().split('\n')) {
        assert.match(line, /^\d{4}\/\d\d\/\d\d /, `a line: ${line}`);
    }
});
