/*
 * page.js - for the tests of the runtime: a server with a page and the
 * endpoints that the runtime asks, and headless Chromium.
 *
 *   site.body       what the page has beside its own heading and button
 *   site.headers    headers of the page
 *   site.answer     (call) => what decide answers: campaigns, or a status
 *   site.calls      what came: path and the call
 *   site.status     by path: { code, headers, text } instead of an answer
 */

import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const file = (path) => readFileSync(new URL(`../../${path}`, import.meta.url));
const shots = fileURLToPath(new URL('../../build/screenshots',
    import.meta.url));

const files = {
    '/in/onsite.js': file('build/onsite.js'),
    '/vitals.js': file('t/node_modules/web-vitals/dist/web-vitals.iife.js'),
    '/turbo.js': file('t/node_modules/@hotwired/turbo/dist/'
        + 'turbo.es2017-umd.js')
};
const axe = file('t/node_modules/axe-core/axe.min.js').toString();

export const strict = "default-src 'none'; script-src 'self';"
    + " connect-src 'self'";

export const script = '<script src="/in/onsite.js?v=1" async data-onsite>'
    + '</script>';

/* What the server puts before </body> for a campaign. */

export const template = (channel, html, more = '') =>
    `<template data-onsite-campaign="c-${channel}" data-onsite-variant="a"`
    + ` data-onsite-channel="${channel}" data-onsite-exposure="token-1"`
    + ` ${more}>${html}</template>`;

export const when = (triggers) =>
    `data-onsite-when='${JSON.stringify(triggers)}'`;

export const site = {
    body: '', headers: {}, calls: [], status: {}, answer: () => []
};

function answerCall(path, text, response) {
    const call = { path, ...JSON.parse(text || '{}') };
    const { code, headers = {}, text: refusal = '' } = site.status[path] || {};

    site.calls.push(call);
    response.writeHead(code || (path === '/in/beacon' ? 204 : 200), headers);
    response.end(code || path === '/in/beacon' ? refusal
        : JSON.stringify(path === '/in/consent' ? { consent: call.consent }
            : { visitor: 'new', campaigns: site.answer(call) }));
}

function serve(request, response) {
    const path = request.url.split('?')[0];
    let text = '';

    request.on('data', (part) => { text += part; });
    request.on('end', () => {
        if (files[path]) {
            response.setHeader('Content-Type', 'text/javascript');
            response.end(files[path]);

        } else if (path.startsWith('/in/')) {
            answerCall(path, text, response);

        } else {
            response.writeHead(200, { 'Content-Type':
                'text/html; charset=utf-8', ...site.headers });
            response.end(typeof site.body === 'function' ? site.body(path)
                : '<!doctype html><html lang="en"><head><title>T</title>'
                + '<meta name="viewport" content="width=device-width">'
                + '<link rel="icon" href="data:,"></head><body><main>'
                + '<h1>Page</h1><button id="own">own</button></main>'
                + `${site.body}${script}</body></html>`);
        }
    });
}

export async function start() {
    const server = createServer(serve);

    mkdirSync(shots, { recursive: true });
    await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
    site.origin = `http://127.0.0.1:${server.address().port}`;

    const browser = await chromium.launch({
        executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--disable-quic',
            '--no-first-run', '--disable-background-networking',
            '--disable-component-update', '--disable-sync']
    });

    site.browser = browser;
    site.stop = async () => {
        await browser.close();
        server.closeAllConnections();
        server.close();
    };
}

/* A page of a new visitor.  page.problems: errors of any script, and what the
 * policy refused. */

export async function open(body, options = {}) {
    const { headers = {}, answer = () => [], status = {}, path = '/page?a=b',
        before, ...context } = options;
    const page = await site.browser.newPage(context);

    page.problems = [];
    page.on('pageerror', (error) => page.problems.push(String(error)));
    page.on('console', (message) => {
        if (message.type() === 'error'
            && !/Loading the image 'data:|status of/.test(message.text()))
        {
            page.problems.push(message.text());
        }
    });
    Object.assign(site, { body, headers, answer, status, calls: [] });
    await before?.(page);
    await page.goto(site.origin + path);

    return page;
}

/* The first call of that event, or undefined after some seconds. */

export async function reported(event, match = () => true, seconds = 1) {
    for (let i = 0; i < 40 * seconds; i++) {
        const call = site.calls.find((one) => one.event === event
            && match(one));

        if (call) {
            return call;
        }
        await new Promise((done) => { setTimeout(done, 25); });
    }

    return undefined;
}

export const count = (event) =>
    site.calls.filter((call) => call.event === event).length;

export const views = () => site.calls.filter(({ path, type }) =>
    path === '/in/decide' && type === 'page');

/* When nothing moves any more. */

export async function still(page) {
    await page.waitForTimeout(100);
    await page.evaluate(() => Promise.all([...document.querySelectorAll(
        '[data-onsite-shown]')].flatMap(({ shadowRoot }) =>
        shadowRoot.getAnimations().map(({ finished }) => finished))));
}

export async function shot(page, name) {
    await still(page);
    await page.screenshot({ path: `${shots}/${name}.png` });
}

/* What axe finds against WCAG and its best practices. */

export async function violations(page) {
    await still(page);
    await page.evaluate(axe);

    const { violations: found } = await page.evaluate(() => axe.run());

    return found.map(({ id, nodes }) =>
        `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
