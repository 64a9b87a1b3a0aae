/*
 * onsite.js - shows what the server decided, and tells it what happened.
 *
 * The server puts inert <template data-onsite-campaign> elements before
 * </body>, and this script behind them; or the answer of `decide` brings
 * campaigns.  Popups, bars and notifications are shown in a shadow root with
 * constructed style sheets, so that neither the page's styles nor ours leak
 * and a strict Content-Security-Policy holds; embeds go into the page's slots.
 * One arbiter says what is shown when.  What waits for something to happen in
 * the page (data-onsite-when) is judged by the server once more when it does.
 *
 * A page that the browser fetched or rendered ahead has only the script,
 * marked data-onsite-later: the view is told, and what it brings shown, when
 * it is seen.  A preview (data-onsite-preview) tells nothing.
 *
 * docs/api.md says what window.onsite has.  Calls made before it loads:
 * (window.onsite = window.onsite || []).push(['track', name, properties]).
 *
 * packaging/runtime puts the parts into one function, within `try`: base,
 * tell, content, channels, slots, arbiter, triggers, campaigns, views, api.
 * Nothing of ours may fail into the page: what the browser calls is wrapped
 * by `safe`.
 */

const safe = (work) => (...args) => {
    try {
        return work(...args);
    } catch (error) {
        console.info('onsite:', error);
    }
};

const listen = (where, what, work) =>
    where.addEventListener(what, safe(work), true);

const warn = (...what) => console.warn('onsite (docs/api.md):', ...what);

const after = (milliseconds, work) => setTimeout(safe(work), milliseconds);

const clock = Date.now;
const root = document.documentElement;
const ourTemplates = 'template[data-onsite-campaign]';
const mark = 'data-onsite-later';

/* A page that was fetched before anyone saw it tells its view now. */

const tellView = (api) => {
    const later = document.querySelector(`script[${mark}]`);

    if (later) {
        later.removeAttribute(mark);
        api.page();
    }
};

/* What there is before us: not an element of that name.  The shop loads it by
 * itself, too: then the other one does the work. */

let early;

const isOther = () => {
    early = Object.hasOwn(window, 'onsite') && window.onsite;

    if (typeof early?.refresh === 'function') {
        early.refresh();
        tellView(early);

        return true;
    }

    return false;
};

if (isOther()) {
    return;
}

/* An image may be named currentScript. */

const current = document.currentScript;
const script = current?.localName === 'script'
    ? current : document.querySelector('script[src*="onsite.js"]');
const prefix = new URL('.', script.src).href;
const preview = document.querySelector('script[data-onsite-preview]');
const listeners = {
    __proto__: null, viewed: new Set(), clicked: new Set(),
    dismissed: new Set(), decision: new Set()
};

const emit = (what, detail) => {
    for (const listener of listeners[what]) {
        queueMicrotask(() => listener(detail));     /* its errors apart */
    }
};
