/*
 * compare.mjs INSERT MODULES [COUNT [SEED]] - the scanner against a whole tree
 * builder: html5lib's tokenizer inputs as pages, and COUNT generated ones.
 *
 * With our elements inserted, the tree must hold each where its place is, and
 * be without them the tree of the page as it was; of what slots held, nothing
 * may be missing but that.
 *
 * Pages with <frameset> are looked at for their bytes only: a frameset may
 * throw away the body, and with it what was inserted before.
 */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

const [insert, modules, count = "20000", seed = "1"] = process.argv.slice(2);
const { parse } = await import(
    pathToFileURL(resolve(modules, "parse5/dist/index.js")));

const DATA = "../shared/data/html/html5lib-tokenizer/";
const HEAD_START = "onsite-0", HEAD_END = "onsite-1", BODY_START = "onsite-2",
    BODY_END = "onsite-3", SLOT = "onsite-slot", BEGIN = "onsite-begin",
    END = "onsite-end";

let state = Number(seed) >>> 0;

function below(n) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 4294967296 * n);
}

const pick = (list) => list[below(list.length)];


function recorded() {
    if (!existsSync(DATA)) {
        console.log(`skipped: ${DATA} is absent`);
        return [];
    }

    const inputs = new Set();

    for (const file of readdirSync(DATA).filter((f) => f.endsWith(".test"))) {
        const { tests = [] } = JSON.parse(readFileSync(DATA + file));

        for (const { input, doubleEscaped } of tests) {
            inputs.add(!doubleEscaped ? input
                : input.replace(/\\u([0-9a-fA-F]{4})/g, (_, hex) =>
                    String.fromCharCode(parseInt(hex, 16))));
        }
    }

    return [...inputs].flatMap((s) => [
        `<html><body>${s}</body></html>`,
        `<!doctype html><title>x</title>${s}`,
    ]);
}


const NAMES = ("html head body p div b a i br svg math g path title style"
    + " script textarea select option template table tr td th tbody colgroup"
    + " col caption foreignObject desc mi mo mtext mglyph annotation-xml"
    + " noscript iframe xmp plaintext noembed noframes h1 h2 li ul form"
    + " button font input image frameset frame span nobr applet object"
    + " marquee ruby rt dd img keygen listing pre").split(" ");
const FREQUENT = ("svg g foreignObject div p math mi template select style"
    + " title table td body span").split(" ");
const ODD = ["<!--", "-->", "--!>", "<!-->", "<![CDATA[", "]]>", "<!x", ">",
    "<?", "</", "<", "\0", "&lt;", "=", '"', "'", "/", "x", " ", "\n",
    "<!doctype html>", "</body>", "</html>", "</template>", "</select>"];
const ATTRIBUTES = ["color=x", 'a="</body>"', "a='>'", "a=b", "/", "=", '"',
    "encoding=text/html", " size"];
const SLOTS = ["data-onsite-slot=a", 'data-onsite-slot="a"',
    "DATA-Onsite-Slot='b'", "data-onsite-slot=&#98;", "data-onsite-slot",
    'id=x data-onsite-slot = "a" class="</div>"', 'data-onsite-slot="other"',
    'data-onsite-slot=""', "data-onsite-slot=b data-onsite-slot=c",
    "data-onsite-slot=c data-onsite-slot=b", "x-data-onsite-slot=a"];
const CONTAINERS = ("div div div section span my-element h2 ul aside p li td"
    + " b a figure button pre blockquote").split(" ");
const INSIDE = ("div p p b i a a span li ul ul table tr td h1 h2 h3 button"
    + " form br hr img em section option select svg template dd dl label"
    + " object nobr tbody th caption input my-element blockquote").split(" ");

const SLOT_COMMENTS = ["<!--onsite:slot a-->", "<!-- onsite:slot  b -->",
    "<!--onsite:slot c-->"];

function inside(depth) {
    let out = "";

    for (let n = below(6); n > 0; n--) {
        const name = pick(INSIDE);

        switch (below(depth > 3 ? 4 : 9)) {
        case 0:
            out += `<${name}>`;
            break;
        case 1:
            out += `</${name}>`;
            break;
        case 2:
            out += pick(["text ", "x", " ", "<!-- c -->", "</p>", "<br>",
                         "<script>'</div>'</script>",
                         "<textarea></div></textarea>"]);
            break;
        case 3:
            out += `<${name}>x</${name}>`;
            break;
        case 4:
            out += slot(depth + 1);
            break;
        default:
            out += `<${name}>${inside(depth + 1)}</${name}>`;
        }
    }

    return out;
}

function slot(depth) {
    const name = pick(CONTAINERS);

    switch (below(8)) {
    case 0: case 1:
        return pick(SLOT_COMMENTS) + inside(depth) + pick(["", "",
            "<!--/onsite:slot-->", "<!-- /onsite:slot -->",
            "<!--/onsite:slot-->", "<!--/onsite:slot-->"]);
    case 2:
        return `<${name} ${pick(SLOTS)}>` + inside(depth);
    default:
        return `<${name} ${pick(SLOTS)}>${inside(depth)}</${name}>`;
    }
}

/* One slot, in and around it what closes or is ignored. */

const AROUND = ("div main section b p ul li dl dt dd table tr td caption span"
    + " h2 button form").split(" ");
const SOUP = ("</td> </tr> </table> <tr> <td> <td></td> <caption> </caption>"
    + " <tbody> <col> <html> <body> <body\tclass=y> </body> </html> <head>"
    + " <frame> </> <li> </li> <dd> <dt> </dd> </dt> <dd>x</dd> <p> </p> <b>"
    + " </b> <a> </a> <div> </div> </main> </section> </span> </x-y> <hr/>"
    + " <h2> </h2> <option> <select> </select> <rt> x y &amp;"
    + " <table><caption>x</caption><tr><td>y</td></tr></table>"
    + " <tr><td>x</td></tr> <ul><li>x</ul> <dl><dt>x<dd>y</dl>"
    + " <!--onsite:slot\tb--> <!--/onsite:slot--> <!--onsite:slot\ta-->"
    + " <div\tdata-onsite-slot=b> <svg> </svg> <template> </template>")
    .split(" ").map((s) => s.replace("\t", " "));

const soup = (n) => Array.from({ length: below(n) }, () => pick(SOUP)).join("");

function oneSlot() {
    const around = Array.from({ length: below(4) }, () => pick(AROUND));
    const name = pick(["div", "section", "span", "x-y", "h2", "ul", "main"]);
    const [start, end] = below(2) ? [`<${name} data-onsite-slot=a>`,
                                     `</${name}>`]
        : ["<!--onsite:slot a-->", "<!--/onsite:slot-->"];

    return "<!DOCTYPE html><title>t</title><body>"
        + around.map((s) => `<${s}>`).join("") + soup(3) + start + soup(6)
        + (below(4) ? end : "") + soup(4)
        + around.reverse().map((s) => below(5) ? `</${s}>` : "").join("z")
        + pick(["tail</body></html>", "<footer>f</footer>", ""]);
}


const IN_HEAD = ["<title>t</title>", "<meta charset=utf-8>", "<link>", " ",
    "\n", "<!-- c -->", "<style></body></style>", "<script></head></script>",
    "<template><p>x</template>", "<noscript><p></noscript>", "<base>",
    "<html lang=x>", "<head>", "</p>", "</template>", "<basefont>",
    "<!doctype x>", "<meta/>"];

function head() {
    let out = pick(["<!doctype html>", "<!doctype html>\n", "", "\n ",
                    "<!--c-->", "\u{feff}<!doctype html>"])
        + pick(["<html>", "", "<html lang=en>\n"])
        + pick(["<head>", "", "\n<head>\n", "<!--c-->"]);

    for (let n = below(4); n > 0; n--) {
        out += pick(IN_HEAD);
    }

    out += pick(["</head>", "", "</head>\n", "\n"]);

    for (let n = below(3); n > 0; n--) {
        out += pick(IN_HEAD);
    }

    return out + pick(["<body>", "", "<body class=x>", "\n<body>\n"]);
}

function fragment() {
    const name = below(3) ? pick(NAMES) : pick(FREQUENT);

    switch (below(9)) {
    case 0: case 1: case 2:
        return `<${name}>`;
    case 3: case 4:
        return `</${name}>`;
    case 5:
        return `<${name} ${pick(ATTRIBUTES)}${pick([">", "/>", " >"])}`;
    case 6:
        return pick(ODD);
    case 7:
        return slot(0);
    default:
        return pick([`<${name}/>`, "text &amp; more"]);
    }
}

function generated() {
    if (below(3) === 0) {
        return oneSlot();
    }

    const pieces = Array.from({ length: 1 + below(16) }, fragment);

    return pick(["<html><body>", "", "<!doctype html>", head(), head()])
        + pieces.join("") + pick(["</body></html>", "</body>", ""]);
}


const childrenOf = (node) => (node.content ?? node).childNodes ?? [];
const holds = (node, end) => node === end
    || childrenOf(node).some((child) => holds(child, end));

const id = (node) => node.attrs?.find((a) => a.name === "id")?.value;

function find(node, wanted, found = []) {
    for (const child of childrenOf(node)) {
        if (id(child) === wanted) {
            found.push(child);
        }
        find(child, wanted, found);
    }

    return found;
}

/* What is between the marks of a slot.  An element that goes on behind the
 * end, as formatting does that was not closed, stays with what is there. */

function cutUpTo(list, from, end) {
    const to = list.findIndex((n, k) => k >= from && holds(n, end));

    if (to < 0) {
        return false;
    }

    if (list[to] !== end) {
        cutUpTo(childrenOf(list[to]), 0, end);
    }

    const gone = list[to] === end || childrenOf(list[to]).length === 0;

    list.splice(from, to - from + gone);

    return true;
}

function leaveOut(tree) {
    const ends = find(tree, END);

    return find(tree, BEGIN).every((begin, i) => {
        const list = begin.parentNode.childNodes;

        begin.attrs[0].value = SLOT;
        return cutUpTo(list, list.indexOf(begin) + 1, ends[i]);
    });
}


/* The tree as text; text nodes that only our elements part are one. */

function write(node) {
    let out = "", text = "";

    for (const child of node.childNodes ?? []) {
        if (child.nodeName === "#text") {
            text += child.value;
            continue;
        }

        if ([HEAD_START, HEAD_END, BODY_START, BODY_END].includes(id(child))) {
            continue;
        }

        out += JSON.stringify(text) + child.nodeName + " "
            + [child.namespaceURI, child.data, child.publicId, child.systemId,
               ...(child.attrs ?? []).map((a) => `${a.name}=${a.value}`)]
            + "{" + write(child.content ?? child) + "}";
        text = "";
    }

    return out + JSON.stringify(text);
}


const elements = (node) => node.childNodes.filter((n) => n.tagName);

/* Each place that was given is where it should be, in order. */

function placed(tree, output, given) {
    const ids = [HEAD_START, HEAD_END, BODY_START, BODY_END];
    const marks = ids.map((wanted) => find(tree, wanted));
    const at = ids.map((name) => output.indexOf(`id="${name}"`))
        .filter((n) => n >= 0);

    if (marks.some((list, i) => list.length !== (given >> i & 1))) {
        return "another number of marks in the tree";
    }

    if (at.some((n, i) => i > 0 && n < at[i - 1])) {
        return "places out of order";
    }

    return null;
}

/* In a document, which is known to be one, with no other early place left. */

function early(tree, given) {
    const [start, end, body] = [HEAD_START, HEAD_END, BODY_START]
        .map((wanted) => find(tree, wanted)[0]);

    if (start && (start.parentNode.tagName !== "head"
                  || elements(start.parentNode)[0] !== start))
    {
        return "not first in head";
    }

    if (end && end.parentNode.tagName !== "head") {
        return "not in head";
    }

    /* or in formatting that a template left open */

    const html = tree.childNodes.find((n) => n.tagName === "html");
    const [first] = elements(html.childNodes.find((n) =>
        n.tagName === "body") ?? html);

    return body && !holds(first, body) ? "not first in body" : null;
}


/* As a browser's decoder leaves it. */

const text = (page) => page.replace(/^\ufeff/, "");

/* What is not told apart: white text that is written as character references
 * in front of the body, a NUL at the beginning, which may be of a byte order
 * mark; what objects in templates leave open; between comments, items and rows whose list or table
 * is not around them. */

const WHITE_REFERENCE = /&(NewLine|Tab|#0*(9|10|12|13|32)\b|#x0*(9|a|c|d|20)\b)/i;
const OBJECTS = /<template>.*<(object|applet|marquee)/s;
const ITEMS = /<!--[^>]*--><template id="onsite-begin">(?:(?!"onsite-end").)*<(li|d[dt]|t[drh]|tbody|thead|tfoot|caption|col)/s;

const WITHOUT = /<(?:template id="onsite-(?:[0-3]|begin|end)"><\/template|onsite-mark id="onsite-2"><\/onsite-mark)>/g;

/* Formatting that was not closed in front of a slot is opened anew by the
 * first text in it, and by nothing that holds none, as our marks. */

function overlaps(output) {
    const mark = `<template id="${SLOT}"></template>`;
    const tree = parse(text(output).replaceAll(mark, `${mark}onsite-text`));

    return find(tree, SLOT).some((slot) => {
        const list = slot.parentNode.childNodes;

        return !list[list.indexOf(slot) + 1]?.value?.startsWith("onsite-text");
    });
}


/* What was left out ends with its slot. */

const STARTS = /(?:<([a-z][^\s>\/]*)\s(?:[^>"']|"[^"]*"|'[^']*')*>|<!--\s*onsite:slot\s[^>]*-->)$/i;

function ends(output) {
    return output.split(`<template id="${SLOT}"></template>`)
        .every((before, i, parts) => {
            const [, name] = STARTS.exec(before) ?? [];

            return i + 1 === parts.length || new RegExp(name
                ? `^</${name}[\\s>/]` : "^<!--\\s*/onsite:slot\\s*-->", "i")
                .test(parts[i + 1]);
        });
}


function agrees(page, output, marked, given, wanted, document) {
    if (marked.replace(WITHOUT, "") !== page) {
        return "bytes changed";
    }

    if (!ends(output)) {
        return "a slot ends with what is not its own";
    }

    if (/<frameset|^\0/i.test(page) || WHITE_REFERENCE.test(page)
        || ITEMS.test(marked) || OBJECTS.test(page))
    {
        return null;
    }

    if (document && (given & 8) && given !== wanted) {
        return "a place was not given";
    }

    const before = parse(text(marked)), after = parse(text(output));

    if (!leaveOut(before)) {
        return "what a slot held is not whole";
    }

    if (write(before) !== write(after) && !overlaps(output)) {
        return "another tree";
    }

    return placed(after, output, given)
        ?? (document ? early(after, given) : null);
}


const pages = [...recorded(), ...Array.from({ length: +count }, generated)]
    .map((page) => Buffer.from(page));
const { status, stdout, stderr } = spawnSync(insert, [], {
    input: Buffer.concat(pages.flatMap((p) => [Buffer.from(`${p.length}\n`),
                                               p])),
    maxBuffer: 1 << 30,
});

if (status !== 0) {
    console.log(`${insert} failed: ${stderr}`);
    process.exit(1);
}

let at = 0, inserted = 0, filled = 0, wrong = 0;

for (const [i, page] of pages.entries()) {
    const line = stdout.indexOf(10, at);
    const [given, length, original] = stdout.toString("latin1", at, line)
        .split(" ").map(Number);
    const end = line + 1 + length;
    const output = stdout.toString("utf8", line + 1, end);
    const marked = stdout.toString("utf8", end, end + original);
    const difference = agrees(page.toString(), output, marked, given,
                              i * 7 % 16, i % 3 === 0);

    at = end + original;
    inserted += given !== 0;
    filled += output.includes(SLOT);

    if (difference !== null && wrong++ < 10) {
        console.log(`${difference}: ${JSON.stringify(page.toString())}\n`
            + `    gives ${JSON.stringify(output)}`);
    }
}

console.log(`${pages.length} pages, ${inserted} with an insertion,`
    + ` ${filled} with a slot filled, ${wrong} wrong`);
process.exit(wrong || inserted === 0 || filled === 0 ? 1 : 0);
