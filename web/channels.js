/* What is clicked in a campaign: a link or a button of its content. */

const watchClicks = (campaign, box, dismiss, leave, range) => {
    let clicked;

    listen(box, 'click', ({ target }) => {
        const on = target.closest('a[href], button, [data-onsite-close]');

        if (!on || range && !(embeds.has(campaign)
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
        label(box);

        if (!box.querySelector('[autofocus]')) {
            box.focus();    /* not its close button */
        }

        return () => box.close();   /* which returns the focus */
    },

    /* At the lower edge, and the page's end stays above it: so there is
     * room for it at any time without moving what is being read. */

    bar(box) {
        const sheet = styleSheet('');
        const reserve = new ResizeObserver(() => sheet.replaceSync(
            `:root{--onsite-bar:${box.offsetHeight}px;box-sizing:content-box;`
            + 'scroll-padding-bottom:var(--onsite-bar);'
            + 'padding-bottom:var(--onsite-bar)!important}'));

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
