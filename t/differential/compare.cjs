/*
 * compare.cjs EVALUATE [COUNT [SEED]] - generated conditions through
 * GrowthBook's evalCondition and through ours; they must agree, and ours must
 * refuse exactly what refuse() below says no one can have meant.
 */

"use strict";

const { spawnSync } = require("child_process");
const path = require("path");

const sdk = path.dirname(require.resolve("@growthbook/growthbook"));
const { evalCondition } = require(path.join(sdk, "../cjs/mongrule.js"));

const [evaluate, count = 20000, seed = 1] = process.argv.slice(2);

let state = Number(seed) >>> 0;

function random() {                         /* xorshift, 32 bit */
    state = state + 0x6d2b79f5 >>> 0;
    let x = Math.imul(state ^ state >>> 15, state | 1);
    x ^= x + Math.imul(x ^ x >>> 7, x | 61);
    return ((x ^ x >>> 14) >>> 0) / 4294967296;
}

const chance = (p) => random() < p;
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];
const some = (n, make) => Array.from({ length: below(n + 1) }, make);

const STRINGS = ["", " ", "a", "A", "b", "ab", "aB", "1", "01", "1.0", " 1 ",
    "-1", "10", "9", "0x10", "1e3", "1,2", "a,b", "null", "true", "false",
    "undefined", "[object Object]", "NaN", "Infinity", "1.2.3", "v1.2.3",
    "1.2.3-rc.1", "1.2.3-rc.1+b", "1.2", "1.10.0", "2", "\u00e9", "\u00c9",
    "\u041c\u0418", "\u043c\u0438", "\uffff", "\u{1f600}", "\u{1f601}",
    "\u00a01\ufeff", "x\n", "a/b", "/landing/12", "k-v_w", "\t", "0",
    "0b11", "0o7", ".5", "5.", "+5", "1_0", "v", "+x", "1+a\nb"];
const NUMBERS = [0, -0, 1, -1, 2, 3, 10, 1.5, 0.1, 1e21, 1e-7, 1000, 5,
    9007199254740993, 123456.789, 16, 7, 1.2];
const VALUES = ["a", "b", "tags", "x"];
const PATTERNS = ["^a", "a$", "^.$", "\\d+", "^\\w+$", "\\s", "^\\S*$", "",
    "[a-z]", "[^a-z]", "(a|b)+", "^(a)?\\1b?$", "a/b", "\\/", "null", "1,2",
    "^[\\w-_]+$", "\\x41", "\\u0061", "[\\s\\S]", "[]", "[^]", "\\b1\\b", "{",
    "a{1}", "a{2,}", "(?:a)(?=b)", "(?<n>a)\\k<n>?", "[.]", "^-?\\d", "\\A",
    "(?<!a)b", "\\cJ", "x\\n$", "[\\b]", "}", "]", "[\\d-z]", "\\0", "\\e"];
const BROKEN = ["(", "[a", "a**", "(?i)a", "?", "+a", "a++", "\\", "[b-a]",
    "(?<n>a)(?<n>b)", "a{2}{3}"];

function scalar() {
    const kind = random();
    return kind < 0.55 ? pick(STRINGS) : kind < 0.85 ? pick(NUMBERS)
        : kind < 0.95 ? chance(0.5) : null;
}

function value(depth) {
    const kind = random();
    if (depth <= 0 || kind < 0.65) {
        return scalar();
    }
    if (kind < 0.88) {
        return some(3, () => value(depth - 1));
    }
    return Object.fromEntries(some(3, () => [pick(["a", "b", "10", "2", "c"]),
        value(depth - 1)]));
}

function attributes() {
    const object = {};
    for (const name of VALUES) {
        if (chance(0.8)) {
            object[name] = value(3);
        }
    }
    return object;
}

/* A value that occurs makes for truths; any other is as likely false. */

function seen(attrs) {
    let at = attrs;
    while (at !== null && typeof at === "object" && Object.keys(at).length
           && chance(0.8)) {
        at = at[pick(Object.keys(at))];
    }
    return at === undefined ? null : at;
}

const likely = (attrs) => chance(0.5) ? seen(attrs) : value(2);
const likelyScalar = (attrs) => {
    const v = seen(attrs);
    return chance(0.5) && (v === null || typeof v !== "object") ? v : scalar();
};

const GROUPS = {
    old: ["a", 1, "1", "b"],
    list: { type: "list", attributeKey: "a", values: ["a", 1, "10", "\u00e9"] },
    nokey: { type: "list", values: ["a", 2] },
    novalues: { type: "list", attributeKey: "a" },
    cond: { type: "condition", condition: { b: { $exists: true } } },
    nested: { type: "condition", condition: {
        $savedGroup: { id: "list" }, b: { $ne: 1 } } },
    loop: { type: "condition", condition: { $not: {
        $savedGroup: { id: "loop" } } } },
    future: { type: "else" },
    none: null,
};
const GROUP_IDS = [...Object.keys(GROUPS), "missing"];

const mistake = (p = 0.02) => chance(p);

function operand(op, attrs, depth) {
    if (mistake(0.015)) {
        return value(2);
    }
    switch (op) {
    case "$in": case "$nin": case "$ini": case "$nini":
        return some(chance(0.2) ? 40 : 4, () => likelyScalar(attrs));
    case "$all": case "$alli":
        return some(3, () => expected(attrs, depth - 1));
    case "$elemMatch":
        return chance(0.5) ? operators(attrs, depth - 1)
            : condition(attrs, depth - 1);
    case "$not":
        return expected(attrs, depth - 1);
    case "$size":
        return chance(0.6) ? below(4) : expected(attrs, depth - 1);
    case "$exists":
        return chance(0.5);
    case "$type":
        return pick(["string", "number", "boolean", "array", "object", "null",
            "undefined"]);
    case "$regex": case "$regexi":
        return mistake() ? pick(BROKEN) : pick(PATTERNS);
    case "$inGroup": case "$notInGroup":
        return pick(GROUP_IDS);
    default:
        return likelyScalar(attrs);
    }
}

const OPERATORS = ["$eq", "$ne", "$lt", "$lte", "$gt", "$gte", "$veq", "$vne",
    "$vlt", "$vlte", "$vgt", "$vgte", "$exists", "$in", "$nin", "$ini",
    "$nini", "$inGroup", "$notInGroup", "$all", "$alli", "$size",
    "$elemMatch", "$regex", "$regexi", "$type", "$not"];

function operators(attrs, depth) {
    const object = {};
    for (let i = 1 + below(2); i > 0; i--) {
        const op = mistake(0.005) ? "$regx" : pick(OPERATORS);
        object[op] = operand(op, attrs, depth);
    }
    if (mistake(0.005)) {
        object.plain = 1;
    }
    return object;
}

function expected(attrs, depth) {
    return depth > 0 && chance(0.65) ? operators(attrs, depth)
        : likely(attrs);
}

const PATHS = ["a", "b", "tags", "x", "a.b", "a.0", "tags.length", "b.a.b",
    "a.10", "tags.1", "missing", "", "a..b", "$groups", "a.01"];

function condition(attrs, depth) {
    const object = {};
    for (let i = below(3) + (chance(0.9) ? 1 : 0); i > 0; i--) {
        const kind = depth > 0 ? random() : 1;
        if (kind < 0.07) {
            object[pick(["$or", "$and", "$nor"])]
                = mistake(0.01) ? value(1)
                : some(3, () => condition(attrs, depth - 1));
        } else if (kind < 0.11) {
            object.$not = condition(attrs, depth - 1);
        } else if (kind < 0.14) {
            object.$savedGroup = { id: pick(GROUP_IDS) };
            if (chance(0.3)) {
                object.$savedGroup.attributeKey = pick(PATHS);
            }
        } else {
            object[pick(PATHS)] = expected(attrs, depth);
        }
    }
    return object;
}

/* What is refused at build. */

const isObject = (v) => v !== null && typeof v === "object"
    && !Array.isArray(v);
const isScalar = (v) => v === null || typeof v !== "object";
const isNamed = (v, type) => typeof v === type;

function regexIsBroken(pattern) {
    try {
        return !new RegExp(pattern);
    } catch (e) {
        return true;
    }
}

function refuseOperator(op, v) {
    switch (op) {
    case "$eq": case "$ne": case "$lt": case "$lte": case "$gt": case "$gte":
        return !isScalar(v);
    case "$veq": case "$vne": case "$vlt": case "$vlte": case "$vgt":
    case "$vgte":
        return !isNamed(v, "string") && !isNamed(v, "number");
    case "$exists":
        return !isNamed(v, "boolean") && !isNamed(v, "number");
    case "$in": case "$nin": case "$ini": case "$nini":
        return !Array.isArray(v) || !v.every(isScalar);
    case "$inGroup": case "$notInGroup":
        return !isNamed(v, "string");
    case "$all": case "$alli":
        return !Array.isArray(v) || v.some(refuseExpected);
    case "$size":
        return v === null || Array.isArray(v)
            || isObject(v) && !onlyOperators(v) || refuseExpected(v);
    case "$elemMatch":
        return !isObject(v)
            || (onlyOperators(v) ? refuseExpected(v) : refuse(v));
    case "$regex": case "$regexi":
        return !isNamed(v, "string") || regexIsBroken(v);
    case "$type":
        return !["string", "number", "boolean", "array", "object", "null",
            "undefined"].includes(v);
    case "$not":
        return refuseExpected(v);
    default:
        return true;
    }
}

function onlyOperators(v) {
    const keys = Object.keys(v);
    return keys.length > 0 && keys.every((k) => k[0] === "$");
}

function refuseExpected(v) {
    if (!isObject(v)) {
        return false;
    }
    return onlyOperators(v)
        ? Object.entries(v).some(([k, w]) => refuseOperator(k, w))
        : Object.keys(v).some((k) => OPERATORS.includes(k));
}

function refuse(v) {
    return !isObject(v) || Object.entries(v).some(([k, w]) => {
        switch (k) {
        case "$or": case "$and": case "$nor":
            return !Array.isArray(w) || w.some(refuse);
        case "$not":
            return refuse(w);
        case "$savedGroup":
            return !isObject(w) || !isNamed(w.id, "string");
        default:
            return OPERATORS.includes(k) || refuseExpected(w);
        }
    });
}

function compare(tests, lines) {
    const seenAnswers = {};
    let wrong = 0;
    tests.forEach((test, i) => {
        const want = refuse(test.condition) ? "refused"
            : String(evalCondition(test.attributes, test.condition,
                test.savedGroups));
        const got = lines[i].split(":")[0];
        seenAnswers[want] = (seenAnswers[want] || 0) + 1;
        if (got !== want && ++wrong <= 10) {
            console.log(`GrowthBook: ${want}, ours: ${lines[i]}\n`
                + JSON.stringify(test));
        }
    });
    return { wrong, seenAnswers };
}

console.error = () => {};                   /* GrowthBook's own remarks */

const tests = Array.from({ length: Number(count) }, () => {
    const attrs = attributes();
    const test = { condition: condition(attrs, 3), attributes: attrs,
        savedGroups: GROUPS };
    return JSON.parse(JSON.stringify(test));
});
const run = spawnSync(evaluate, { maxBuffer: 1 << 28,
    input: tests.map((t) => JSON.stringify(t) + "\n").join("") });
const lines = run.stdout.toString().split("\n");

if (run.status !== 0 || lines.length !== tests.length + 1) {
    console.log(`${evaluate} failed after ${lines.length - 1} lines: `
        + run.stderr);
    process.exit(1);
}

const { wrong, seenAnswers } = compare(tests, lines);

console.log(`${tests.length} conditions (seed ${seed}): `
    + JSON.stringify(seenAnswers) + `, ${wrong} disagree`);
process.exit(wrong === 0 && seenAnswers.true > tests.length / 20
    && seenAnswers.false > tests.length / 20 ? 0 : 1);
