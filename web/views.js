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
    settling = clearTimeout(settling);
    showTemplates();

    if (moved() && !own) {
        view(ofThisView());
    }
});

/* A script that replaces the query tidies up, and shows no other page; unless
 * another address is on its way. */

const changed = (type) => {
    if (!settling && type === 'replace'
        && new URL(at).pathname === location.pathname)
    {
        at = address();

    } else {
        clearTimeout(settling);
        settling = after(window.Turbo ? 2e3 : 200, settle);
    }
};

const watchHistory = () => {
    if (window.navigation?.currentEntry) {      /* and no element */
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
