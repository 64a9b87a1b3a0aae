/*
 * Slots: [data-onsite-slot=name], or what stands between the comments
 * <!--onsite:slot name--> and <!--/onsite:slot-->.
 */

const findSlots = (slotName) => {
    const found = [...document.querySelectorAll(
        `[data-onsite-slot=${CSS.escape(slotName)}]:not(template)`)];
    const comments = document.createTreeWalker(root, 128);
    const slots = found.map((element) => {
        const range = new Range();

        range.selectNodeContents(element);

        return [range, element];
    });

    let from;

    while (!found.length && comments.nextNode()) {
        const comment = comments.currentNode;
        const data = comment.data.trim();

        if (data === '/onsite:slot'
            && from?.parentNode === comment.parentNode)
        {
            const range = new Range();

            range.setStartAfter(from);
            range.setEndBefore(comment);
            slots.push([range, from]);
        }

        if (/onsite:slot/.test(data)) {     /* one without an end is none */
            from = data === `onsite:slot ${slotName}` && comment;
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
    showPreview(`: no slot ${campaign.slot} on this page`);
    whenThere(campaign, () => findSlots(campaign.slot), ([range, node]) => {
        const around = range.commonAncestorContainer;

        showPreview();

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
