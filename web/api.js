/*
 * window.onsite
 */

const call = (type, fields) => consult(message(type, fields));

const isObject = (given) => given && typeof given === 'object';

const about = (key, type) => (id, traits) => call(type,
    isObject(id) ? { traits: id } : { [key]: id || undefined, traits });

const api = {
    track: async (event, properties) => {
        if (!event || typeof event !== 'string') {
            warn('track has no name:', event);

            return { campaigns: [] };
        }

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
        const heard = listeners[what];

        if (!heard || typeof listener !== 'function') {
            warn('on: no such event, or no function:', what, listener);

            return () => false;
        }
        heard.add(listener);

        return () => heard.delete(listener);
    },

    push: (...calls) => calls.forEach(async (queued) => {
        try {
            const [method, ...rest] = queued;

            if (!Object.hasOwn(api, method)) {
                throw 'no such call';
            }
            await api[method](...rest);
        } catch (error) {
            warn('push:', queued, error);
        }
    })
};

const start = safe(() => {
    if (isOther()) {        /* since, while nobody saw the page */
        return;
    }
    if (!early || Array.isArray(early)) {
        window.onsite = api;        /* else it is somebody's own */
    }
    watchPage();
    showPreview();
    showTemplates();
    tellView(api);
    own = false;

    if (Array.isArray(early)) {
        api.push(...early);
        own = false;
    }
});

if (document.prerendering) {
    document.addEventListener('prerenderingchange', start,
        { once: true });

} else {
    start();
}
