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
