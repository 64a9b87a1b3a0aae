#!/usr/bin/env node
/*
 * runtime: what onsite.js costs a page: its size, the main thread's time on
 * load, the layout's shift.  Medians, headless Chromium, a page of 40 KB with
 * a popup, a bar and a notification.
 *   bench/runtime.mjs [LOADS]
 */

import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

import { open, site, start, template } from '../t/browser/page.js';

const loads = Number(process.argv[2]) || 21;
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const body = '<script src="/vitals.js"></script>'
    + '<section><h2>Text</h2><p>Words that fill a page.</p></section>'
        .repeat(550)
    + ['popup', 'bar', 'notification'].map((channel) =>
        template(channel, '<h2>Title</h2><p>A <a href="#x">link</a></p>'))
        .join('');

/* Milliseconds that our script ran for, with the layout that it asked for, by
 * Chromium's trace. */

async function load() {
    const page = await open('', { path: '/empty' });

    site.body = body;
    await site.browser.startTracing(page,
        { categories: ['devtools.timeline', 'v8'] });
    await page.goto(`${site.origin}/page`);
    await page.getByRole('dialog').waitFor();
    await page.waitForTimeout(300);

    const { traceEvents } = JSON.parse(await site.browser.stopTracing());
    const ours = traceEvents.filter(({ name, args, dur }) => dur
        && (name === 'EvaluateScript' || name === 'FunctionCall')
        && /onsite\.js/.test(args.data?.url));
    const time = (wanted) => Math.max(...ours.filter(({ name }) =>
        name === wanted).map(({ tdur }) => tdur / 1e3));
    const shift = await page.evaluate(() => new Promise((done) => {
        let sum = 0;

        webVitals.onCLS(({ value }) => { sum = value; },
            { reportAllChanges: true });
        setTimeout(() => done(sum), 100);
    }));

    await page.close();

    return { loading: time('EvaluateScript'), showing: time('FunctionCall'),
        shift };
}

const text = readFileSync(new URL('../build/onsite.js', import.meta.url));
console.log(`size                 ${text.length} bytes,`
    + ` ${gzipSync(text, { level: 9 }).length} gzipped`);

await start();
const runs = [];

for (let i = 0; i < loads; i++) {
    runs.push(await load());
}
await site.stop();

const of = (key) => median(runs.map((run) => run[key])).toFixed(2);

console.log(`main thread on load  ${of('loading')} ms of processor time`
    + ` (median of ${loads})`);
console.log(`longest task to show ${of('showing')} ms, after the first layout,`
    + ' with the layout that it needs');
console.log(`layout shift         ${Math.max(...runs.map(({ shift }) =>
    shift))} at most`);
