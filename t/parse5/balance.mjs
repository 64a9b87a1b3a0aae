/*
 * balance.mjs BALANCE MODULES [COUNT [SEED]] - what `lint` lets into a slot,
 * against a whole tree builder: put into slots of both forms, with scripts and
 * without, it changes nothing of the page's tree but what is in the slot.
 */

import { spawnSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

const [balance, modules, count = "60000", seed = "1"] = process.argv.slice(2);
const { parse, serialize } = await import(
    pathToFileURL(resolve(modules, "parse5/dist/index.js")));

let state = Number(seed) >>> 0;

function below(n) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 4294967296 * n);
}

const pick = (list) => list[below(list.length)];

const NAMES = ("div p b i a span ul ol li dl dt dd table tr td th tbody thead"
    + " caption colgroup col h1 h2 section form button select option optgroup"
    + " ruby rt rp rb rtc svg g path foreignObject desc title math mi mtext"
    + " object nobr font br img hr input template datalist my-element"
    + " blockquote pre textarea label script style details summary em body"
    + " html head frameset plaintext noscript iframe xmp marquee").split(" ");
const GROUPS = [
    "ul li li p div b".split(" "), "dl dt dd p div".split(" "),
    "table tbody tr td tr td th caption colgroup col thead p".split(" "),
    "select option option optgroup hr".split(" "),
    "ruby rt rp rb rtc span b p".split(" "),
    "p div b i a span h1 section button form".split(" "),
    "svg g path foreignObject desc title p a div math".split(" "),
    "object button form a nobr p b template".split(" "),
];

/* Nested as it should be, mostly: end tags are left out, doubled, moved. */

function fragment(names, depth) {
    let out = "";

    for (let n = 1 + below(3); n > 0; n--) {
        const name = below(12) ? pick(names) : pick(NAMES);
        const inner = below(14) ? names : pick(GROUPS);
        const inside = depth < 4 && below(4) ? fragment(inner, depth + 1)
            : pick(["x", "", " "]);

        switch (below(14)) {
        case 0:
            out += `<${name}>${inside}`;
            break;
        case 1:
            out += `<${name}/>${inside}`;
            break;
        case 2:
            out += `</${name}>`;
            break;
        case 3:
            out += `<${name}>`;
            break;
        case 4:
            out += pick(["text", "<!-- x -->", "<br>", "<img>", "<hr>"]);
            break;
        default:
            out += `<${name}>${inside}</${name}>`;
        }
    }

    return out;
}

const templates = Array.from({ length: Number(count) },
                             () => fragment(pick(GROUPS), 0));
const run = spawnSync(balance, {
    input: templates.map((t) => `${Buffer.byteLength(t)}\n${t}`).join(""),
    maxBuffer: 1 << 28,
});

if (run.status !== 0) {
    console.error(`${balance}: ${run.stderr || run.signal}`);
    process.exit(1);
}

const verdicts = run.stdout.toString().trim().split("\n");
const passed = templates.filter((t, i) => verdicts[i] === "1");

const ELEMENT = ["<div id=slot>", "</div>"];
const SECTION = ["<section id=slot>", "</section>"];
const CUSTOM = ["<my-slot id=slot>", "</my-slot>"];
const COMMENT = ["<!--onsite:slot a-->", "<!--/onsite:slot-->"];
const AROUND = [
    ["<body><main>before ", " behind<p>x</p></main>"],
    ["<body>", "<footer><b>x</b></footer></body></html>"],
    ["<table><tr><td>", " y<td>z<tr><td>w</table>"],
    ["<div><b>", "bold</b> not</div>"],
    ["<blockquote><div><span>", "</span></div>y</blockquote>"],
];

function marked(tree) {
    for (const child of tree.childNodes ?? []) {
        if (child.attrs?.some((a) => a.name === "id" && a.value === "slot")) {
            child.childNodes = [];
            return true;
        }

        if (child.data === "onsite:slot a") {
            const list = tree.childNodes, from = list.indexOf(child) + 1;
            const to = list.findIndex((n) => n.data === "/onsite:slot");

            if (to < 0) {
                return false;
            }

            list.splice(from, to - from);
            return true;
        }

        if (marked(child)) {
            return true;
        }
    }

    return false;
}

function page(before, slot, content, after, scriptingEnabled) {
    const tree = parse(`<!doctype html><title>t</title>${before}${slot[0]}`
                       + content + slot[1] + after, { scriptingEnabled });

    return marked(tree) ? serialize(tree) : "the slot's end is elsewhere";
}

let failed = 0;

for (const content of passed) {
    for (const [before, after] of AROUND) {
        for (const slot of [ELEMENT, SECTION, CUSTOM, COMMENT]) {
            const scripts = below(2) === 0;

            if (page(before, slot, content, after, scripts)
                !== page(before, slot, "", after, scripts))
            {
                console.error(`in ${before}${slot[0]}: ${content}`);
                failed++;
            }
        }
    }

    if (failed > 9) {
        break;
    }
}

console.log(`${passed.length} of ${templates.length} templates may go into a`
            + ` page, ${failed} would change it`);
process.exit(failed !== 0 || passed.length * 20 < templates.length ? 1 : 0);
