/*
 * onsite.js - shows what the server decided, and tells it what happened.
 *
 * The server puts inert <template data-onsite-campaign> elements before
 * </body>, and this script behind them.  Each is shown in a shadow root with
 * a constructed style sheet, so that neither the page's styles nor ours leak
 * and a strict Content-Security-Policy holds.  A page that the browser fetched
 * or rendered ahead has only the script, marked data-onsite-later: the view is
 * told, and what it brings shown, when it is seen.
 *
 *   onsite.track(name, properties)      onsite.page(name, properties)
 *   onsite.identify(userId, traits)     onsite.decide()
 *   onsite.on('viewed' | 'clicked' | 'dismissed' | 'decision', listener)
 *   onsite.consent('none' | 'session' | 'full')     resolves to what holds
 *   onsite.refresh()    shows templates that came into the page since
 *
 * Calls made before it loads: (window.onsite = window.onsite || []).push(
 * ['track', name, properties]).
 */

(() => {
    'use strict';

    const early = window.onsite;

    /* A page that was fetched before anyone saw it tells its view now. */

    const tellView = (onsite) => {
        const mark = 'data-onsite-later';
        const later = document.querySelector(`script[${mark}]`);

        if (later) {
            later.removeAttribute(mark);
            onsite.page();
        }
    };

    if (early && early.track) {     /* the shop loads it by itself, too */
        early.refresh();
        tellView(early);
        return;
    }

    const script = document.currentScript
        || document.querySelector('script[data-onsite]');
    const prefix = new URL('.', script.src).href;
    const listeners = {};
    const waiting = [];
    const shown = {};           /* by channel: one of each at a time */

    const css = `
:host { all: initial; font: 16px/1.5 system-ui, sans-serif;
    --back: #fff; --text: #1a1a1a; --line: #8886; --link: #0b57d0 }
* { box-sizing: border-box }
.box { color: var(--text); background: var(--back); margin: 0;
    overflow-wrap: anywhere }
.box h1, .box h2, .box h3, .box p { margin: 0 0 .5em; line-height: 1.25 }
.box p { line-height: inherit }
.box > :nth-last-child(2) { margin-bottom: 0 }
.box a { color: var(--link) }
.box img { max-width: 100%; height: auto }
.close { all: unset; box-sizing: border-box; position: absolute; top: 4px;
    inset-inline-end: 4px; width: 40px; height: 40px; text-align: center;
    font: 24px/40px system-ui, sans-serif; cursor: pointer;
    border-radius: 8px }
.close:focus-visible { outline: 2px solid var(--link) }
dialog.box { position: fixed; inset: 0; margin: auto; border: 0;
    width: min(30rem, calc(100vw - 32px)); max-width: none;
    height: fit-content; max-height: calc(100vh - 32px); overflow: auto;
    padding: 32px 48px; border-radius: 12px; box-shadow: 0 8px 40px #0006 }
dialog::backdrop { background: #0008 }
.bar { position: fixed; z-index: 2147483646; top: 0; left: 0; right: 0;
    padding: 10px 52px; text-align: center;
    border-bottom: 1px solid var(--line) }
.notification { position: fixed; z-index: 2147483646; bottom: 16px;
    inset-inline-end: 16px; width: min(22rem, calc(100vw - 32px));
    padding: 16px 48px 16px 20px; border-radius: 12px;
    border: 1px solid var(--line); box-shadow: 0 4px 24px #0004 }
@media (prefers-color-scheme: dark) {
    :host { --back: #202124; --text: #e8eaed; --link: #8ab4f8 }
}
@media (prefers-reduced-motion: no-preference) {
    .box { animation: appear .2s }
    @keyframes appear { from { opacity: 0 } }
}`;

    const emit = (name, detail) => {
        for (const listener of listeners[name] || []) {
            queueMicrotask(() => listener(detail));     /* its errors apart */
        }
    };

    const newId = () => crypto.randomUUID ? crypto.randomUUID()
        : `${Date.now()}-${Math.random().toString(36).slice(2)}`;

    /* A Segment call. */

    const message = (type, fields) => {
        const now = new Date().toISOString();

        return JSON.stringify({
            type,
            ...fields,
            context: {
                page: {
                    path: location.pathname,
                    url: location.href,
                    search: location.search,
                    title: document.title,
                    referrer: document.referrer
                },
                locale: navigator.language
            },
            messageId: newId(),
            timestamp: now,
            sentAt: now
        });
    };

    const post = (path, body) => fetch(prefix + path, {
        method: 'POST', body, keepalive: true, credentials: 'include'
    });

    /* Told, without waiting for an answer; outlives the page. */

    const tell = (body) => {
        if (!navigator.sendBeacon
            || !navigator.sendBeacon(`${prefix}beacon`, body))
        {
            post('beacon', body).catch(() => {});
        }
    };

    /* Told, and what it brings is shown. */

    const decide = async (body = '') => {
        try {
            const answer = await (await post('decide', body)).json();

            emit('decision', answer);
            answer.campaigns.forEach((campaign) => show({
                ...campaign, content: parse(campaign.html)
            }));

            return answer;

        } catch {
            return { campaigns: [] };   /* the page goes on without us */
        }
    };

    let policy;

    const parse = (html) => {
        const template = document.createElement('template');

        if (window.trustedTypes && !policy) {
            policy = trustedTypes.createPolicy('onsite',
                { createHTML: (text) => text });
        }

        template.innerHTML = policy ? policy.createHTML(html || '')
            : html || '';

        return template.content;
    };

    const report = (campaign, what) => {
        const { id, variant, channel, exposure } = campaign;

        tell(message('track', {
            event: `Promotion ${what}`,
            properties: { promotion_id: id, variant, channel, exposure }
        }));
        emit(what.toLowerCase(), { id, variant, channel });
    };

    const styleSheet = (text) => {
        const sheet = new CSSStyleSheet();

        sheet.replaceSync(text);

        return sheet;
    };

    /* An element of ours in the page, with what it shows in a shadow. */

    const place = (campaign, box) => {
        const host = document.createElement('div');
        const shadow = host.attachShadow({ mode: 'open' });

        host.dataset.onsiteShown = campaign.id;
        shadow.adoptedStyleSheets = [styleSheet(css)];
        shadow.append(box);
        document.body.append(host);

        return host;
    };

    const closeButton = (close) => {
        const button = document.createElement('button');

        button.type = 'button';
        button.className = 'close';
        button.textContent = '\u00d7';
        button.setAttribute('aria-label', 'Close');
        button.addEventListener('click', close);

        return button;
    };

    const label = (box) => {
        const heading = box.querySelector('h1, h2, h3, h4, h5, h6');

        if (heading) {
            heading.id = heading.id || 'onsite-title';
            box.setAttribute('aria-labelledby', heading.id);

        } else {
            box.setAttribute('aria-label',
                box.textContent.trim().slice(0, 80) || 'Message');
        }
    };

    /* What is clicked in a campaign: a link or a button of its content. */

    const watchClicks = (campaign, box, dismiss, leave) => {
        let clicked = false;

        box.addEventListener('click', (event) => {
            const target = event.target.closest(
                'a[href], button, [data-onsite-close]');

            if (!target || target.className === 'close') {
                return;
            }

            if (target.matches('[data-onsite-close]')) {
                dismiss();
                return;
            }

            if (!clicked) {
                clicked = true;
                report(campaign, 'Clicked');
            }

            if (target.matches('a[href]')) {
                leave();
            }
        });
    };

    /* Each channel makes its box and returns how to take it away. */

    const channels = {
        popup(campaign, box, dismiss) {
            const before = document.activeElement;
            const host = place(campaign, box);

            label(box);
            box.addEventListener('click', (event) => {
                const { left, right, top, bottom }
                    = box.getBoundingClientRect();

                if (event.target === box && (event.clientX < left
                    || event.clientX > right || event.clientY < top
                    || event.clientY > bottom))
                {
                    dismiss();
                }
            });
            box.addEventListener('cancel', (event) => {
                event.preventDefault();
                dismiss();
            });
            box.showModal();

            return () => {
                box.close();
                host.remove();
                if (before && before.isConnected) {
                    before.focus();
                }
            };
        },

        bar(campaign, box) {
            const host = place(campaign, box);
            const sheet = new CSSStyleSheet();
            const reserve = new ResizeObserver(() => sheet.replaceSync(
                `html { padding-top: ${box.offsetHeight}px !important }`));

            box.setAttribute('role', 'region');
            label(box);
            document.adoptedStyleSheets
                = [...document.adoptedStyleSheets, sheet];
            reserve.observe(box);

            return () => {
                reserve.disconnect();
                document.adoptedStyleSheets = document.adoptedStyleSheets
                    .filter((other) => other !== sheet);
                host.remove();
            };
        },

        notification(campaign, box) {
            const content = [...box.childNodes];

            /* a live region speaks of what comes into it, not with it */

            box.replaceChildren();
            box.setAttribute('role', 'status');
            const host = place(campaign, box);
            setTimeout(() => box.append(...content), 50);

            return () => host.remove();
        }
    };

    const embed = (campaign) => {
        const slot = [...document.querySelectorAll('[data-onsite-slot]')]
            .find((element) => element.dataset.onsiteSlot === campaign.slot);

        if (slot) {
            slot.replaceChildren(campaign.content);
            watchClicks(campaign, slot, () => slot.replaceChildren(),
                () => {});
            report(campaign, 'Viewed');
        }
    };

    const present = (campaign) => {
        const { channel } = campaign;
        const box = document.createElement(
            channel === 'popup' ? 'dialog' : 'div');
        let remove = () => {};

        const leave = () => {
            remove();
            delete shown[channel];
            next();
        };
        const dismiss = () => {
            leave();
            report(campaign, 'Dismissed');
        };

        shown[channel] = true;
        box.className = `box ${channel}`;
        box.append(campaign.content, closeButton(dismiss));
        watchClicks(campaign, box, dismiss, leave);
        remove = channels[channel](campaign, box, dismiss);
        report(campaign, 'Viewed');
    };

    const next = () => {
        const i = waiting.findIndex(({ channel }) => !shown[channel]);

        if (i >= 0) {
            present(waiting.splice(i, 1)[0]);
        }
    };

    const show = (campaign) => {
        if (campaign.channel === 'embed') {
            embed(campaign);

        } else if (channels[campaign.channel]) {
            waiting.push(campaign);
            next();
        }
    };

    const showTemplates = () => {
        for (const template of document.querySelectorAll(
            'template[data-onsite-campaign]'))
        {
            const data = template.dataset;

            template.remove();
            show({
                id: data.onsiteCampaign,
                variant: data.onsiteVariant,
                channel: data.onsiteChannel,
                slot: data.onsiteSlot,
                exposure: data.onsiteExposure,
                content: document.importNode(template.content, true)
            });
        }
    };

    const onsite = {
        track: (event, properties) => decide(message('track',
            { event, properties })),

        page: (name, properties) => decide(message('page',
            typeof name === 'string' ? { name, properties }
                : { properties: name })),

        identify: (userId, traits) => decide(message('identify',
            typeof userId === 'object' ? { traits: userId }
                : { userId, traits })),

        decide: () => decide(),

        consent: async (tier) => {
            const answer = await post('consent',
                JSON.stringify({ consent: tier }));

            if (!answer.ok) {
                throw new Error(`onsite: consent: ${answer.status}`);
            }

            return (await answer.json()).consent;
        },

        refresh: showTemplates,

        on: (name, listener) => {
            (listeners[name] = listeners[name] || []).push(listener);
        },

        push: (...calls) => {
            for (const [method, ...rest] of calls) {
                if (method !== 'push' && Object.hasOwn(onsite, method)) {
                    onsite[method](...rest);
                }
            }
        }
    };

    const start = () => {
        showTemplates();
        window.onsite = onsite;

        tellView(onsite);

        if (Array.isArray(early)) {
            onsite.push(...early);
        }
    };

    if (document.prerendering) {
        document.addEventListener('prerenderingchange', start,
            { once: true });

    } else {
        start();
    }
})();
