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

const isPopup = ({ channel }) => channel === 'popup';

/* The page may have taken it away. */

const isOpen = (channel) => open[channel]
    && (open[channel].host?.isConnected !== false || open[channel].leave());

const mayCome = (campaign) => !isOpen(campaign.channel) && !isOpen('popup')
    && !document.hidden && !pageIsModal()
    && !(isPopup(campaign)
        && (clock() - typed < 1e4 || clock() - closed < 3e3));

/* A popup goes first: what is beneath it nobody can use. */

const next = safe(() => {
    const ready = waiting.filter(mayCome);
    const campaign = ready.find(isPopup) || ready[0];

    clearTimeout(timer);

    if (campaign) {
        waiting.splice(waiting.indexOf(campaign), 1);
        safe(mayShow(campaign) ? present : ask)(campaign);
        timer = after(0, next);     /* a task each */

    } else if (waiting.length) {
        timer = after(500, next);
    }
});

const present = (campaign) => {
    const { id, channel } = campaign;
    const box = create(isPopup(campaign) ? 'dialog' : 'div',
        `box ${channel}`);
    let takeAway = () => {};

    const leave = () => {
        if (open[channel] === here) {
            delete open[channel];
            safe(takeAway)();

            here.host?.remove();
            if (isPopup(campaign)) {
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

    box.append(closeButton(), bring(campaign));
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
    } catch (status) {
        if (mayPass(status) && !campaign.again) {
            campaign.again = true;
            after(3e3, () => fits() && show(campaign));
        }
    }

    here.leave();
    next();
};

let badge;

const showPreview = (more = '') => {
    if (preview) {
        if (!badge) {
            badge = create('div', 'box preview');
            place('', badge);
        }
        badge.textContent = `Preview${more}`;
    }
};
