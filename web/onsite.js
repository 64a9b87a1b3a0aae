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
 * Nothing of ours may fail into the page: what is called by the browser is
 * wrapped by `safe`, and the whole by `try`.
 */

try { (() => {
    const safe = (work) => (...args) => {
        try {
            return work(...args);
        } catch (error) {
            console.info('onsite:', error);
        }
    };

    const listen = (where, what, work) =>
        where.addEventListener(what, safe(work), true);

    const after = (milliseconds, work) => setTimeout(safe(work), milliseconds);

    const clock = Date.now;
    const root = document.documentElement;
    const ourTemplates = 'template[data-onsite-campaign]';
    const mark = 'data-onsite-later';

    /* What there is before us: not an element of that name. */

    const early = Object.hasOwn(window, 'onsite') && window.onsite;

    /* A page that was fetched before anyone saw it tells its view now. */

    const tellView = (api) => {
        const later = document.querySelector(`script[${mark}]`);

        if (later) {
            later.removeAttribute(mark);
            api.page();
        }
    };

    /* The shop loads it by itself, too. */

    if (typeof early?.refresh === 'function') {
        early.refresh();
        tellView(early);
        return;
    }

    /* An image may be named currentScript. */

    const current = document.currentScript;
    const script = current?.localName === 'script'
        ? current : document.querySelector('script[src*="onsite.js"]');
    const prefix = new URL('.', script.src).href;
    const preview = document.querySelector('script[data-onsite-preview]');
    const listeners = { __proto__: null };

    const emit = (what, detail) => {
        for (const listener of listeners[what] || []) {
            queueMicrotask(() => listener(detail));     /* its errors apart */
        }
    };

    /*
     * Telling the server.
     */

    let referrer = document.referrer;

    /* The server knows a message again among the visitor's 16 newest: what is
     * older than those is not told again. */

    const recent = [];
    const due = new Set();      /* of them: not taken, and not on its way */

    /* A Segment call. */

    const message = (type, fields) => {
        const made = {
            type,
            ...fields,
            context: {
                page: {
                    path: location.pathname,
                    url: location.href,
                    search: location.search,
                    title: document.title,
                    referrer
                },
                locale: navigator.language
            },
            messageId: `${clock()}-${Math.random()}`,
            timestamp: new Date().toISOString()
        };

        if (recent.push(made) > 16) {
            due.delete(recent.shift());
        }

        return made;
    };

    const encode = (told) => JSON.stringify({ ...told,
        sentAt: new Date().toISOString() });

    const post = async (path, text) => preview
        ? new Response('{"campaigns":[]}')
        : fetch(prefix + path, {
            method: 'POST', body: text, keepalive: true,
            credentials: 'include', signal: AbortSignal.timeout(1e4)
        });

    /* One after the other; what fails goes to the end, for an hour. */

    let round, retry, pause = 1;

    const send = async (told) => {
        let wait = pause;

        due.delete(told);

        try {
            const answer = await post('beacon', encode(told));

            wait = (answer.status === 429 || answer.status > 499)
                && (Number(answer.headers.get('Retry-After')) || pause);
        } catch { /* no answer */ }

        if (wait && recent.includes(told)
            && clock() - Date.parse(told.timestamp) < 36e5)
        {
            due.add(told);
        }

        return wait;
    };

    const sendDue = async () => {
        let wait;

        if (round) {
            return;
        }

        round = 1;
        clearTimeout(retry);

        for (const told of due) {   /* also what comes meanwhile */
            wait = await send(told);

            if (wait) {
                break;
            }
        }

        round = 0;
        retry = wait && after(wait * (1e3 + Math.random() * 500), sendDue);
        pause = wait ? Math.min(pause * 2, 60) : 1;
    };

    /* The page may not come back: what is due goes as a beacon. */

    const flush = () => {
        for (const told of due) {
            if (navigator.onLine
                && navigator.sendBeacon(`${prefix}beacon`, encode(told)))
            {
                due.delete(told);
            }
        }
    };

    /* Told, without waiting for an answer. */

    const tell = safe((told) => {
        if (preview || !recent.includes(told)) {     /* or none */
            return;
        }
        if (new Blob([encode(told)]).size > 32e3) {
            console.warn('onsite: too large:', told.event);
            return;
        }

        due.add(told);

        if (document.hidden) {
            flush();
        }
        if (!retry) {
            sendDue();
        }
    });

    /* Told, and what it brings and still fits is shown. */

    const judged = async (told, fits = () => true) => {
        const response = await post('decide', told ? encode(told) : '');

        if (!response.ok) {
            throw response.status;
        }

        const answer = await response.json();

        emit('decision', answer);
        answer.campaigns.filter(fits).forEach(take);

        return answer;
    };

    const consult = async (told, fits) => {
        try {
            return await judged(told, fits);

        } catch {           /* the page goes on without an answer */
            tell(told);

            return { campaigns: [] };
        }
    };

    const report = ({ id, variant, channel, exposure }, what) => {
        tell(message('track', {
            event: `Promotion ${what}`,
            properties: { promotion_id: id, variant, channel, exposure }
        }));
        emit(what.toLowerCase(), { id, variant, channel });
    };

    /*
     * Content.
     */

    const create = (name, className = '') => {
        const element = document.createElement(name);

        element.className = className;

        return element;
    };

    let policy;

    const parseHtml = (html) => {
        const template = create('template');

        try {
            policy = policy || trustedTypes.createPolicy('onsite',
                { createHTML: (text) => text });
        } catch { /* no Trusted Types, or our policy is not allowed */ }

        try {
            template.innerHTML = policy ? policy.createHTML(html) : html;
        } catch {
            template.setHTML(html);     /* no sink; not in every browser */
        }

        return template.content;
    };

    const styleSheet = (text) => {
        const sheet = new CSSStyleSheet();

        sheet.replaceSync(text);

        return sheet;
    };

    /* Content to show.  Its style attributes are set through CSSOM, which a
     * policy without unsafe-inline allows; its scripts would run on our trust
     * under 'strict-dynamic', so they never do. */

    const bring = (campaign) => {
        const fragment = campaign.html ? parseHtml(campaign.html)
            : campaign.content;

        for (const element of fragment.querySelectorAll('script, [style]')) {
            if (element.localName === 'script') {
                element.remove();
            } else {
                element.style.cssText = element.getAttribute('style');
            }
        }

        return document.adoptNode(fragment);
    };

    const css = `
:host { all: initial !important; position: fixed !important; z-index: 2147483646 !important;
--back: var(--onsite-back, #fff); --text: var(--onsite-text, #1b1c1e);
--accent: var(--onsite-accent, #0b57d0); --on: var(--onsite-on-accent, #fff); --line: #8884 }
@media (prefers-color-scheme: dark) {
:host { --back: var(--onsite-back, #232427); --text: var(--onsite-text, #ebecef);
--accent: var(--onsite-accent, #8ab4f8); --on: var(--onsite-on-accent, #101418) }
}
* { box-sizing: border-box }
.box { position: fixed; margin: 0; border: 1px solid var(--line); color: var(--text);
background: var(--back); color-scheme: light dark; overflow-wrap: anywhere;
font: medium/1.5 var(--onsite-font, system-ui, sans-serif) }
h1, h2, h3, p, ul, ol, img { margin: 0 0 .75em }
h1, h2, h3 { font-size: 1.4em; line-height: 1.2 }
ul, ol { padding-inline-start: 1.2em }
.box > :last-child { margin-bottom: 0 }
a { color: var(--accent) }
img { max-width: 100%; height: auto }
button, input, .button { max-width: 100%; padding: .6em 1em;
border: 1px solid var(--line); border-radius: 8px; font: inherit }
button, .button { display: inline-block; color: var(--on); background: var(--accent);
font-weight: 600; text-decoration: none; cursor: pointer }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
.onsite-close { position: sticky; top: 0; float: inline-end; width: 2.75em; height: 2.75em;
margin-block: -.6em; margin-inline: 0 -.8em; padding: 0; border: 0; border-radius: 50%;
color: inherit; background: none }
.onsite-close::before, .onsite-close::after { content: ""; position: absolute; inset: 0; margin: auto;
width: 1em; height: 0; border-top: 2px solid; rotate: 45deg }
.onsite-close::after { rotate: -45deg }
.popup { inset: 0; margin: auto; width: 30em; max-width: calc(100% - 2em); height: fit-content;
max-height: calc(100% - 2em); overflow: auto; padding: 2em; border-radius: var(--onsite-radius, 16px);
box-shadow: 0 1em 4em #0006 }
.popup:focus { outline: 0 }
.popup .onsite-close { top: -1.25em; margin-block: -1.25em; margin-inline: 0 -1.25em }
::backdrop { background: #0008 }
.bar { inset: auto 0 0; border-width: 1px 0 0; padding: .6em 1em; text-align: center }
.notification { bottom: 1em; translate: 0 calc(0px - var(--onsite-bar, 0px)); inset-inline-end: 1em;
width: 22em; max-width: calc(100% - 2em); padding: 1em 1.2em;
border-radius: var(--onsite-radius, 16px); box-shadow: 0 1em 2em #0003 }
.preview { inset: 0 auto auto 0; padding: 0 .6em; font-size: small }
@media (prefers-reduced-motion: no-preference) {
.box { animation: up .25s }
@keyframes up { from { opacity: 0; transform: translateY(1em) } }
}`;

    let ours;

    /* An element of ours in the page, with what it shows in a shadow. */

    const place = (id, box) => {
        const frame = create('div');
        const shadow = frame.attachShadow({ mode: 'open' });
        const sheets = [ours = ours || styleSheet(css)];

        for (const style of box.querySelectorAll('style')) {
            sheets.push(styleSheet(style.textContent));
            style.remove();
        }

        frame.dataset.onsiteShown = id;
        frame.dataset.turboTemporary = '';   /* not into Turbo's cache */
        shadow.adoptedStyleSheets = sheets;
        shadow.append(box);
        document.body.append(frame);

        return frame;
    };

    const closeTexts = {
        de: 'Schließen', es: 'Cerrar', fr: 'Fermer', it: 'Chiudi',
        nl: 'Sluiten', pl: 'Zamknij', pt: 'Fechar'
    };

    const closeButton = (close) => {
        const button = create('button', 'onsite-close');

        button.setAttribute('aria-label', root.dataset.onsiteClose
            || closeTexts[root.lang.slice(0, 2)] || 'Close');
        listen(button, 'click', close);

        return button;
    };

    const label = (box) => {
        const heading = box.querySelector('h1, h2, h3, h4');

        if (heading) {
            heading.id = heading.id || 'onsite-title';
            box.setAttribute('aria-labelledby', heading.id);

        } else {
            box.setAttribute('aria-label',
                box.textContent.trim().slice(0, 80) || 'Message');
        }
    };

    /* What is clicked in a campaign: a link or a button of its content. */

    const watchClicks = (campaign, box, dismiss, leave, range) => {
        let clicked;

        listen(box, 'click', ({ target }) => {
            const on = target.closest('a[href], button, [data-onsite-close]');

            if (!on || on.className === 'onsite-close'
                || range && !(embeds.has(campaign)
                    && range.intersectsNode(on)))
            {
                return;
            }

            if (on.matches('[data-onsite-close]')) {
                dismiss();
                return;
            }

            if (!clicked) {
                clicked = true;
                report(campaign, 'Clicked');
            }

            if (on.matches('a[href]')) {
                leave();
            }
        });
    };

    /* Each channel shows its box and returns how to take it away. */

    const channels = {
        popup(box, dismiss) {
            label(box);
            listen(box, 'click', ({ target, clientX: x, clientY: y }) => {
                const edge = box.getBoundingClientRect();

                if (target === box
                    && (x < edge.left || x > edge.right
                        || y < edge.top || y > edge.bottom))
                {
                    dismiss();
                }
            });
            listen(box, 'close', dismiss);
            box.tabIndex = -1;
            box.showModal();

            if (!box.querySelector('[autofocus]')) {
                box.focus();    /* not its close button */
            }

            return () => box.close();   /* which returns the focus */
        },

        /* At the lower edge, and the page's end stays above it: so there is
         * room for it at any time without moving what is being read. */

        bar(box) {
            const sheet = styleSheet('');
            const reserve = new ResizeObserver(() => sheet.replaceSync(`
html { --onsite-bar: ${box.offsetHeight}px; scroll-padding-bottom: var(--onsite-bar);
padding-bottom: var(--onsite-bar) !important }`));

            box.setAttribute('role', 'region');
            label(box);
            document.adoptedStyleSheets
                = [...document.adoptedStyleSheets, sheet];
            reserve.observe(box);

            return () => {
                reserve.disconnect();
                document.adoptedStyleSheets = document.adoptedStyleSheets
                    .filter((other) => other !== sheet);
            };
        },

        notification(box) {
            const children = [...box.childNodes];

            /* a live region speaks of what comes into it, not with it */

            box.replaceChildren();
            box.setAttribute('role', 'status');
            after(50, () => box.append(...children));

            return () => {};
        }
    };

    /*
     * Slots: [data-onsite-slot=name], or what stands between the comments
     * <!--onsite:slot name--> and <!--/onsite:slot-->.
     */

    const findSlots = (slotName) => {
        const found = [...document.querySelectorAll(
            `[data-onsite-slot="${CSS.escape(slotName)}"]:not(template)`)];
        const comments = document.createTreeWalker(root, 128);
        const slots = found.map((element) => {
            const range = new Range();

            range.selectNodeContents(element);

            return [range, element];
        });

        while (!found.length && comments.nextNode()) {
            const comment = comments.currentNode;

            if (comment.data.trim() === `onsite:slot ${slotName}`) {
                const range = new Range();
                let end = comment;

                while (end.nextSibling && end.data !== '/onsite:slot') {
                    end = end.nextSibling;
                }
                range.setStartAfter(comment);
                range.setEndBefore(end);
                slots.push([range, comment]);
            }
        }

        return slots;
    };

    /* Until the next view: then the slot has its own content again, and what
     * the server filled is the page's. */

    const embeds = new Set();

    const fill = (campaign, range) => {
        const content = bring(campaign);
        const nodes = [...content.childNodes];
        const own = range.extractContents();

        range.insertNode(content);
        campaign.stops.push(() => {
            nodes[0].before(own);       /* if it is there still */
            nodes.forEach((node) => node.remove());
        });
    };

    const embed = (campaign) => {
        let viewed;

        embeds.add(campaign);
        whenThere(campaign, () => findSlots(campaign.slot), ([range, node]) => {
            const around = range.commonAncestorContainer;

            if (!campaign.filled) {
                fill(campaign, range);
            }

            watchClicks(campaign, around, () => {
                range.deleteContents();
                report(campaign, 'Dismissed');
            }, () => {}, range);

            whenSeen(campaign, node.nodeType === 1 ? node
                : node.nextElementSibling || around, () => {
                if (!viewed) {
                    viewed = true;
                    report(campaign, 'Viewed');
                }
            });
        });
    };

    /* Half of it, or as much of it as fills half of the window. */

    const whenSeen = (campaign, element, work) => {
        const observer = new IntersectionObserver(safe((entries) => {
            const entry = entries.pop();

            if (entry.intersectionRatio >= .5
                || entry.intersectionRect.height >= innerHeight / 2)
            {
                observer.disconnect();
                work();
            }
        }), { threshold: [.03, .06, .12, .25, .5] });

        observer.observe(element);
        campaign.stops.push(() => observer.disconnect());
    };

    /* Each that is found, now or when the page has changed. */

    const whenThere = (campaign, find, work) => {
        let timer;
        const stop = () => {
            observer.disconnect();
            clearTimeout(timer);
        };
        const look = safe(() => {
            const found = find();

            timer = 0;

            if (found.length) {
                stop();
                found.forEach(work);
            }

            return found.length;
        });
        const observer = new MutationObserver(() => {
            timer = timer || after(100, look);
        });

        campaign.stops.push(stop);

        if (!look()) {
            observer.observe(root, { childList: true, subtree: true });
        }
    };

    /*
     * The arbiter: one of each channel at a time, in the order in which they
     * came, and nothing that interrupts.
     */

    const open = {};
    let waiting = [];
    let timer, typed = 0, closed = 0;

    const pageIsModal = () => [...document.querySelectorAll(
        ':modal, :fullscreen, [aria-modal=true]')].some((element) =>
        element.getClientRects().length
            && getComputedStyle(element).visibility !== 'hidden');

    const mustWait = ({ channel }) => {
        const there = open[channel];

        if (there?.host && !there.host.isConnected) {
            there.leave();      /* the page took it away */
        }

        return open[channel] || document.hidden
            || channel !== 'bar' && (open.popup || pageIsModal())
            || channel === 'popup' && (clock() - typed < 1e4
                || clock() - closed < 3e3);
    };

    const next = safe(() => {
        const i = waiting.findIndex((campaign) => !mustWait(campaign));

        clearTimeout(timer);

        if (i >= 0) {
            const [campaign] = waiting.splice(i, 1);

            safe(mayShow(campaign) ? present : ask)(campaign);
            timer = after(0, next);     /* a task each */

        } else if (waiting.length) {
            timer = after(500, next);
        }
    });

    const present = (campaign) => {
        const { id, channel } = campaign;
        const box = create(channel === 'popup' ? 'dialog' : 'div',
            `box ${channel}`);
        let takeAway = () => {};

        const leave = () => {
            if (open[channel] === here) {
                delete open[channel];
                safe(takeAway)();

                here.host?.remove();
                if (channel === 'popup') {
                    closed = clock();
                }
                after(0, next);
            }
        };
        const dismiss = () => {
            if (open[channel] === here) {
                leave();
                report(campaign, 'Dismissed');
            }
        };
        const here = { leave };

        box.append(closeButton(dismiss), bring(campaign));
        open[channel] = here;
        watchClicks(campaign, box, dismiss, leave);

        try {
            here.host = place(id, box);
            takeAway = channels[channel](box, dismiss);
        } catch (error) {
            leave();
            throw error;
        }

        shown.add(id);
        showPreview();
        report(campaign, 'Viewed');
    };

    /* What was armed has fired: the server judges it once more. */

    const ask = async (campaign) => {
        const { id, channel } = campaign;
        const fits = ofThisView();
        const here = open[channel] = {
            leave: () => {
                if (open[channel] === here) {
                    delete open[channel];
                }
            }
        };

        try {
            await judged(message('track', {
                event: 'Promotion Triggered', properties: { promotion_id: id }
            }), fits);
        } catch {
            if (!campaign.again) {
                campaign.again = true;
                after(3e3, () => fits() && show(campaign));
            }
        }

        here.leave();
        next();
    };

    let badge;

    const showPreview = () => {
        if (preview && !badge) {
            const box = create('div', 'box preview');

            box.textContent = 'Preview';
            badge = place('', box);
        }
    };

    /*
     * What waits for something to happen in the page.
     */

    const armed = new Set();
    const shown = new Set();
    let active, watched;

    const disarm = (campaign) => {
        armed.delete(campaign);
        embeds.delete(campaign);
        campaign.stops.splice(0).forEach((stop) => safe(stop)());
    };

    const fire = (campaign) => {
        if (armed.has(campaign)) {
            disarm(campaign);
            show(campaign);
        }
    };

    const fireAll = (key, holds) => {
        for (const campaign of armed) {
            if (campaign.when[key] && holds(campaign.when[key])) {
                fire(campaign);
            }
        }
    };

    const happened = (what) => fireAll('event', (event) => event === what);

    const watchDataLayer = () => {
        const layer = window.dataLayer = window.dataLayer || [];
        const { push } = layer;

        if (layer === watched || !push) {
            return;
        }
        watched = layer;
        layer.push = function (...items) {
            const result = push.apply(this, items);

            items.forEach(safe((item) => {
                const what = item[0] === 'event' ? item[1] : item.event;

                happened(what === 'add_to_cart' ? 'Product Added' : what);
            }));

            return result;
        };
    };

    const arm = (campaign) => {
        const waits = campaign.when;

        const elapse = (milliseconds, since) => {
            const rest = since() + milliseconds - clock();

            if (rest > 0) {
                after(rest, () => elapse(milliseconds, since));
            } else {
                fire(campaign);
            }
        };

        armed.add(campaign);
        active = clock();

        const came = active;

        if (waits.dwell) {
            elapse(waits.dwell, () => came);
        }
        if (waits.idle) {
            elapse(waits.idle, () => active);
        }
        if (waits.event) {
            watchDataLayer();
        }
        if (waits.seen) {
            whenThere(campaign, () => document.querySelectorAll(waits.seen),
                (element) => whenSeen(campaign, element,
                    () => fire(campaign)));
        }
        if (preview) {
            fire(campaign);
        }
    };

    /* The mouse leaves through the top of the window. */

    const leftWindow = (event) => {
        if (!event.relatedTarget && event.clientY <= 0) {
            fireAll('exit', Boolean);
        }
    };

    let turn = { y: 0, time: 0 }, lastY = 0;

    const scrolled = ({ target }) => {
        const box = target === document ? document.scrollingElement || root
            : target;
        const y = box.scrollTop;
        const time = clock();

        active = time;

        if (box.clientHeight < innerHeight / 2) {
            return;
        }

        fireAll('scroll', (percent) =>
            y >= (box.scrollHeight - box.clientHeight) * percent / 100 - 1);

        /* where no mouse can leave: up by a window's height, at one go */

        if (y >= lastY || time - turn.time > 600) {
            turn = { y, time };

        } else if (turn.y - y > innerHeight
            && matchMedia('(hover: none)').matches)
        {
            fireAll('exit', Boolean);
        }
        lastY = y;
    };

    /*
     * Campaigns, from the page or from an answer.
     */

    const mayShow = (campaign) =>
        campaign.html || campaign.content || campaign.filled;

    const show = (campaign) => {
        if (campaign.channel !== 'embed') {
            waiting.push(campaign);
            requestAnimationFrame(() => after(0, next));    /* laid out */

        } else if (mayShow(campaign)) {
            shown.add(campaign.id);
            embed(campaign);
            showPreview();

        } else {
            ask(campaign);
        }
    };

    const take = safe((given) =>
        (given.when ? arm : show)({ ...given, stops: [] }));

    const readTemplate = safe((template) => {
        const told = template.dataset;

        take({
            id: told.onsiteCampaign,
            variant: told.onsiteVariant,
            channel: told.onsiteChannel,
            slot: told.onsiteSlot,
            exposure: told.onsiteExposure,
            filled: 'onsiteFilled' in told,
            when: told.onsiteWhen && JSON.parse(told.onsiteWhen),
            content: template.content.hasChildNodes() && template.content
        });
    });

    const showTemplates = () => {
        const templates = document.querySelectorAll(ourTemplates);

        if (templates.length) {
            moved();            /* the server knows of this view */
        }
        for (const template of templates) {
            template.remove();
            readTemplate(template);
        }
    };

    /*
     * Views: another address is another page, in which what the one before
     * showed has no place.
     */

    const address = () => location.href.split('#')[0];
    let at = address(), views = 0, own, settling;

    const moved = () => {
        const from = at;

        at = address();

        if (at !== from) {
            referrer = from;
            views++;
            clearView();
            shown.clear();
        }

        return at !== from;
    };

    const clearView = () => {
        waiting = [];
        [...armed, ...embeds].forEach(disarm);
        Object.values(open).forEach(({ leave }) => leave());
    };

    const ofThisView = () => {
        const there = views;

        return () => views === there;
    };

    const view = (fits) => consult(message('page', { properties: {} }), fits);

    const settle = safe(() => {
        clearTimeout(settling);
        showTemplates();

        if (moved() && !own) {
            view(ofThisView());
        }
    });

    /* A script that replaces the query tidies up; it shows no other page. */

    const changed = (type) => {
        if (type === 'replace' && new URL(at).pathname === location.pathname) {
            at = address();

        } else {
            clearTimeout(settling);
            settling = after(window.Turbo ? 2e3 : 200, settle);
        }
    };

    const watchHistory = () => {
        if (window.navigation) {
            listen(navigation, 'currententrychange',
                (event) => changed(event.navigationType));
            return;
        }

        for (const type of ['push', 'replace']) {
            const method = `${type}State`;
            const original = history[method];

            history[method] = function (...args) {
                original.apply(this, args);
                safe(changed)(type);
            };
        }
        listen(window, 'popstate', () => changed());
    };

    /* Out of the back-forward cache: a view; what it showed is there still,
     * and what waits for something begins anew. */

    const restored = () => {
        for (const campaign of armed) {
            disarm(campaign);

            if (mayShow(campaign)) {
                shown.add(campaign.id);
                after(0, () => arm(campaign));
            }
        }
        view(({ id }) => !shown.has(id));
    };

    const watchPage = () => {
        listen(document, 'input', () => { typed = clock(); });
        listen(document, 'change', () => { typed = 0; });
        listen(document, 'mouseleave', leftWindow);
        listen(document, 'mouseout', leftWindow);
        listen(document, 'scroll', scrolled);
        listen(document, 'turbo:load', settle);
        listen(document, 'visibilitychange',
            () => (document.hidden ? flush : next)());
        listen(window, 'pagehide', flush);
        listen(window, 'online', sendDue);
        listen(window, 'pageshow', (event) => event.persisted && restored());

        for (const what of ['keydown', 'pointerdown', 'pointermove']) {
            listen(document, what, () => { active = clock(); });
        }
        watchHistory();
    };

    /*
     * window.onsite
     */

    const call = (type, fields) => consult(message(type, fields));

    const isObject = (given) => given && typeof given === 'object';

    const about = (key, type) => (id, traits) => call(type,
        isObject(id) ? { traits: id } : { [key]: id || undefined, traits });

    const api = {
        track: async (event, properties) => {
            const answer = await call('track', { event, properties });

            happened(event);

            return answer;
        },

        page: (...given) => {       /* category, name, properties: any */
            const [name, category] = given.filter((text) =>
                typeof text === 'string').reverse();

            own = true;
            moved();

            return call('page',
                { category, name, properties: given.find(isObject) });
        },

        identify: about('userId', 'identify'),

        group: about('groupId', 'group'),

        alias: (userId, previousId) => call('alias', { userId, previousId }),

        decide: () => consult(),

        consent: async (tier) => {
            const answer = await post('consent',
                JSON.stringify({ consent: tier }));

            if (!answer.ok) {
                throw new Error(`onsite: consent: ${answer.status}`);
            }

            return (await answer.json()).consent;
        },

        refresh: safe(showTemplates),

        on: (what, listener) => {
            (listeners[what] = listeners[what] || new Set()).add(listener);

            return () => listeners[what].delete(listener);
        },

        push: (...calls) => calls.forEach(async (queued) => {
            try {
                const [method, ...rest] = queued;

                await api[method](...rest);
            } catch { /* the page's own try, if it wants one */ }
        })
    };

    const start = safe(() => {
        if (!early || Array.isArray(early)) {
            window.onsite = api;        /* else it is somebody's own */
        }
        watchPage();
        showTemplates();
        tellView(api);
        own = false;

        if (Array.isArray(early)) {
            api.push(...early);
            own = false;
        }
        showPreview();
    });

    if (document.prerendering) {
        document.addEventListener('prerenderingchange', start,
            { once: true });

    } else {
        start();
    }
})(); } catch { /* without its own address it can do nothing */ }
