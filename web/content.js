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

/* A page is dark where its text is light: the first number of 'rgb(235, 236,
 * 239)' or of 'oklch(0.9 0 0)'. */

const scheme = () => {
    const ink = getComputedStyle(document.body).color.match(/[\d.]+/);

    return ink > 127 || ink > .5 && ink <= 1 ? 'dark' : 'light';
};

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
    box.style.colorScheme = `var(--onsite-scheme, ${scheme()})`;
    shadow.adoptedStyleSheets = sheets;
    shadow.append(box);
    document.body.append(frame);

    return frame;
};

const closeTexts = {
    de: 'Schließen', es: 'Cerrar', fr: 'Fermer', it: 'Chiudi',
    nl: 'Sluiten', pl: 'Zamknij', pt: 'Fechar'
};

const closeButton = () => {
    const button = create('button', 'onsite-close');

    button.setAttribute('aria-label', root.dataset.onsiteClose
        || closeTexts[root.lang.slice(0, 2)] || 'Close');
    button.dataset.onsiteClose = '';

    return button;
};

/* Named by its heading, else by its text, with spaces between blocks: so it
 * has to be shown already. */

const label = (box) => {
    const { innerText } = box.querySelector('h1, h2, h3, h4') || box;

    box.setAttribute('aria-label',
        innerText.split(/\s+/).join(' ').slice(0, 80).trim()
        || box.querySelector('img')?.alt || 'Message');
};
