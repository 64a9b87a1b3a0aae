/*
 * server.js - a real nginx with the module, for tests in a browser.
 *
 *   const shop = await start({ campaigns: [...], files: { 'index.html': '…' },
 *       http: '…', server: '…', state: 'size=8m' });
 *   shop.url, shop.dir, await shop.status(), shop.log(), await shop.stop()
 *   await shop.down(), await shop.up()      the same server, stopped meanwhile
 *
 * Stopping fails on any [alert], [crit] or [emerg] of the error log.  nginx
 * ends with this process, however that ends, and has a module of its own, so
 * that building anew under it does no harm.
 */

import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, linkSync, mkdirSync,
    mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
const build = join(root, 'build');

function freePort() {
    return new Promise((resolve) => {
        const server = createServer();

        server.listen(0, '127.0.0.1', () => {
            const { port } = server.address();

            server.close(() => resolve(port));
        });
    });
}

function write(path, text) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
}

function config(dir, shm, port, options) {
    return `daemon off;
error_log ${dir}/error.log info;
pid ${dir}/nginx.pid;
worker_processes ${options.workers || 1};
load_module ${dir}/ngx_http_onsite_module.so;
events { worker_connections 256; }
http {
    access_log ${dir}/access.log;
    client_body_temp_path ${dir}/tmp; proxy_temp_path ${dir}/tmp;
    fastcgi_temp_path ${dir}/tmp; uwsgi_temp_path ${dir}/tmp;
    scgi_temp_path ${dir}/tmp;
    types { text/html html; text/css css; text/javascript js; }
    default_type text/plain;
    onsite_state ${shm}/state ${options.state || 'size=8m'};
    onsite_snapshot ${dir}/site.mdb;
    ${options.http || ''}
    server {
        listen 127.0.0.1:${port};
        root ${dir}/html;
        onsite on;
        ${(options.server || '').replaceAll('%DIR%', dir)}
        location /onsite/ { onsite_collect; }
        location = /onsite-status { onsite off; onsite_status; }
        ${(options.locations || '').replaceAll('%DIR%', dir)}
    }
}
`;
}

/* A link keeps what the path means now. */

function takeModule(dir) {
    const name = 'ngx_http_onsite_module.so';

    try {
        linkSync(join(build, name), join(dir, name));
    } catch {
        copyFileSync(join(build, name), join(dir, name));
    }
}

async function isUp(url, nginx) {
    for (let i = 0; i < 200; i++) {
        if (nginx.exitCode !== null) {
            return false;
        }

        try {
            await fetch(`${url}/onsite-status`);
            return true;
        } catch {
            await sleep(25);
        }
    }

    return false;
}

async function up(server) {
    const { url, dir, log, env } = server;

    server.nginx = spawn('setpriv', ['--pdeathsig', 'TERM',
        '/usr/sbin/nginx', '-p', dir, '-e', join(dir, 'error.log'),
        '-c', join(dir, 'nginx.conf')],
    { stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, ...env } });

    if (!await isUp(url, server.nginx)) {
        throw new Error(`nginx does not start: ${log()}`);
    }
}

async function down({ nginx }) {
    if (nginx.exitCode !== null || nginx.signalCode !== null) {
        return;
    }

    const ended = new Promise((resolve) => nginx.on('exit', resolve));

    nginx.kill('SIGQUIT');
    setTimeout(() => nginx.kill('SIGTERM'), 3000).unref();
    await ended;
}

export async function start(options) {
    const dir = mkdtempSync(join(tmpdir(), 'onsite-browser-'));
    const shm = mkdtempSync('/dev/shm/onsite-browser-');
    const port = options.port || await freePort();
    const url = `http://127.0.0.1:${port}`;
    const log = () => readFileSync(join(dir, 'error.log'), 'utf8');

    chmodSync(dir, 0o755);
    chmodSync(shm, 0o777);
    mkdirSync(join(dir, 'tmp'));
    mkdirSync(join(dir, 'html'));
    takeModule(dir);

    for (const [name, text] of Object.entries(options.files || {})) {
        write(join(dir, 'html', name), text);
    }

    for (const campaign of options.campaigns) {
        write(join(dir, 'campaigns', `${campaign.id || 'site'}.json`),
            JSON.stringify(campaign));
    }

    execFileSync(join(build, 'lmdb-loader'), ['build',
        join(dir, 'campaigns'), '-o', join(dir, 'site.mdb')]);
    write(join(dir, 'nginx.conf'), config(dir, shm, port, options));

    const server = { url, dir, log, env: options.env, nginx: null };

    await up(server);

    return {
        url, port, dir, log,
        state: join(shm, 'state'),
        accessLog: () => readFileSync(join(dir, 'access.log'), 'utf8'),
        status: async () => (await fetch(`${url}/onsite-status`)).json(),
        up: () => up(server),
        down: () => down(server),

        async stop() {
            await down(server);

            const bad = log().split('\n').filter(
                (line) => /\[(alert|crit|emerg)\]/.test(line));

            rmSync(shm, { recursive: true, force: true });

            if (bad.length !== 0) {
                throw new Error(`in ${dir}/error.log: ${bad.join('\n')}`);
            }

            rmSync(dir, { recursive: true, force: true });
        }
    };
}

export function launch(args = []) {
    const path = process.env.CHROMIUM || '/usr/bin/chromium';

    if (!existsSync(path)) {
        throw new Error(`no ${path}: install chromium, or set CHROMIUM`);
    }

    return chromium.launch({
        executablePath: path,
        args: ['--no-sandbox', '--disable-gpu', '--disable-quic',
            '--no-first-run', '--disable-background-networking',
            '--disable-component-update', '--disable-sync', ...args]
    });
}
