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
