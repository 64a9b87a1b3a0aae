/*
 * lib.js - for the tests of Segment's clients: a real nginx whose state tells
 * what arrived, and a front between client and nginx that fails on demand.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { root, start } from '../browser/lib/server.js';

export const ORDER = 'Order Completed';

/* Each event of these leaves a delivery that has what was told of it. */

const fields = {
    order: [ORDER, 'n', 'total', 'currency', 'gift', 'note'],
    view: ['Page Viewed', 'name', 'category', 'path', 'url', 'title', 'n'],
    screen: ['Screen Viewed', 'name', 'n'],
    identify: ['Identify'],
    group: ['Group'],
    alias: ['Alias']
};

function webhook(id, [event, ...names]) {
    const data = { message: '{{event.messageId}}',
        plan: '{{event.traits.plan}}', known: '{{visitor.traits.plan}}' };

    for (const name of names) {
        data[name] = `{{event.properties.${name}}}`;
    }

    return { id, channel: 'webhook', trigger: { event },
        endpoint: `https://hooks.example/${id}`, content: { data } };
}

function loader(...args) {
    const text = execFileSync(join(root, 'build/lmdb-loader'), args,
        { encoding: 'utf8', stdio: 'pipe' });

    return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/* Clients are told of the host alone: its server has nothing but endpoints,
 * below / and, as in a shop, below /onsite/. */

export async function site(options = {}) {
    const shop = await start({
        state: 'size=16m',
        campaigns: Object.entries(fields).map(([id, names]) =>
            webhook(id, names)),
        server: 'onsite_write_key wk-1 wk-2; onsite_server_key sk-1;'
            + (options.directives || ''),
        locations: `location / { onsite_collect; }
            location = /page.html { onsite off; }
            location = /on.html { }
            location = /www.html {
                onsite_cookie onsite_id domain=shop.example;
            }
            location = /analytics.js { onsite off; }
            location /own/ { onsite_collect; onsite_write_key own; }`,
        files: options.files,
        env: options.env
    });
    const counters = async () => {
        const { events, noise } = await shop.status();

        return { events: events.total, rejected: events.rejected,
            duplicates: noise.duplicates };
    };
    const waiting = () => loader('outbox', shop.state, '--kind', 'delivery');
    let told = 0;
    let before;

    return Object.assign(shop, {
        record: (...who) => loader('state', shop.state, ...who)[0],

        /* Of what arrives from now on. */

        async mark() {
            before = await counters();
            told = Math.max(0, ...waiting().map(({ seq }) => seq));
        },

        deliveries: (campaign) => waiting().filter(
            (entry) => entry.seq > told
                && (!campaign || entry.campaign === campaign)),

        async gained() {
            return Object.fromEntries(Object.entries(await counters()).map(
                ([name, value]) => [name, value - before[name]]));
        }
    });
}

/* The n of all orders that arrived, sorted. */

export const orders = (shop) => shop.deliveries('order')
    .map(({ data }) => data.n).sort((a, b) => a - b);

export const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);

/* Waits for a condition, ten seconds at most. */

export async function until(what, condition) {
    for (let i = 0; i < 200; i++) {
        if (await condition()) {
            return;
        }
        await sleep(50);
    }

    assert.fail(`not within 10 s: ${what}`);
}

function pass(req, body, target, done) {
    const up = request(target + req.url, { method: req.method,
        headers: req.headers }, (answer) => {
        const parts = [];

        answer.on('data', (part) => parts.push(part));
        answer.on('end', () => done(answer, Buffer.concat(parts)));
    });

    up.on('error', () => done(null));
    up.end(body);
}

/*
 * A front of the server.  front.plan says what befalls the next calls, one
 * each: a status with which it answers itself; 'lost', the call arrives but
 * its answer does not; 'broken', neither does.  After that all is passed on.
 * front.calls are the calls that came, front.target is where they go.
 */

export async function open(target) {
    const front = { target, calls: [], plan: [] };
    const server = createServer(async (req, res) => {
        const parts = [];

        for await (const part of req) {
            parts.push(part);
        }

        const body = Buffer.concat(parts);
        const fate = req.method === 'POST' ? front.plan.shift() : undefined;

        front.calls.push({ method: req.method, path: req.url, fate,
            headers: req.headers, text: body.toString(), size: body.length });

        if (fate === 'broken') {
            return res.socket.destroy();
        }

        if (fate !== undefined && fate !== 'lost') {
            return res.writeHead(fate, fate === 429
                ? { 'Retry-After': '1' } : {}).end();
        }

        pass(req, body, front.target, (answer, text) => {
            if (answer === null || fate === 'lost') {
                return res.socket?.destroy();
            }
            res.writeHead(answer.statusCode, answer.headers).end(text);
        });
    });

    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    front.port = server.address().port;
    front.url = `http://127.0.0.1:${front.port}`;
    front.posts = () => front.calls.filter(({ method }) => method === 'POST');
    front.close = () => {
        server.closeAllConnections();
        return new Promise((resolve) => server.close(resolve));
    };

    return front;
}
