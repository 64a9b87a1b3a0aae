/*
 * compare.mjs INSERT MODULES [COUNT [SEED]] - the scanner against a whole tree
 * builder: html5lib's tokenizer inputs as pages, and COUNT generated ones.
 *
 * With our element inserted, the tree must hold it exactly where we say that
 * we inserted it (not in a comment, an attribute or a script), and be without
 * it the tree of the page as it was.
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
const MARK = '<template id="onsite-mark"></template>';
const HTML = "http://www.w3.org/1999/xhtml";

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

function fragment() {
    const name = below(3) ? pick(NAMES) : pick(FREQUENT);

    switch (below(8)) {
    case 0: case 1: case 2:
        return `<${name}>`;
    case 3: case 4:
        return `</${name}>`;
    case 5:
        return `<${name} ${pick(ATTRIBUTES)}${pick([">", "/>", " >"])}`;
    case 6:
        return pick(ODD);
    default:
        return pick([`<${name}/>`, "text &amp; more"]);
    }
}

function generated() {
    const pieces = Array.from({ length: 1 + below(16) }, fragment);

    return pick(["<html><body>", "", "<!doctype html>"]) + pieces.join("")
        + pick(["</body></html>", "</body>", ""]);
}


/* The tree as text; text nodes that only our element parts are one. */

function write(node, seen) {
    let out = "", text = "";

    for (const child of node.childNodes ?? []) {
        if (child.nodeName === "#text") {
            text += child.value;
            continue;
        }

        if (child.namespaceURI === HTML && child.nodeName === "template"
            && child.attrs.some((a) => a.value === "onsite-mark"))
        {
            seen.marks++;
            continue;
        }

        out += JSON.stringify(text) + child.nodeName + " "
            + [child.namespaceURI, child.data, child.publicId, child.systemId,
               ...(child.attrs ?? []).map((a) => `${a.name}=${a.value}`)]
            + "{" + write(child.content ?? child, seen) + "}";
        text = "";
    }

    return out + JSON.stringify(text);
}


function agrees(page, output, insertions) {
    if (output.replace(MARK, "") !== page) {
        return "bytes changed";
    }

    if (/<frameset/i.test(page)) {
        return null;
    }

    const before = { marks: 0 }, after = { marks: 0 };

    if (write(parse(page), before) !== write(parse(output), after)) {
        return "another tree";
    }

    return after.marks === insertions ? null
        : `${insertions} inserted, ${after.marks} in the tree`;
}


const pages = [...recorded(), ...Array.from({ length: +count }, generated)]
    .map((page) => Buffer.from(page));
const { status, stdout } = spawnSync(insert, [MARK], {
    input: Buffer.concat(pages.flatMap((p) => [Buffer.from(`${p.length}\n`),
                                               p])),
    maxBuffer: 1 << 30,
});

if (status !== 0) {
    console.log(`${insert} failed`);
    process.exit(1);
}

let at = 0, inserted = 0, wrong = 0;

for (const page of pages) {
    const line = stdout.indexOf(10, at);
    const [n, length] = stdout.toString("latin1", at, line).split(" ");
    const output = stdout.toString("utf8", line + 1, line + 1 + +length);
    const difference = agrees(page.toString(), output, +n);

    at = line + 1 + +length;
    inserted += +n;

    if (difference !== null && wrong++ < 10) {
        console.log(`${difference}: ${JSON.stringify(page.toString())}\n`
            + `    gives ${JSON.stringify(output)}`);
    }
}

console.log(`${pages.length} pages, ${inserted} with an insertion,`
    + ` ${wrong} wrong`);
process.exit(wrong || inserted === 0 ? 1 : 0);
