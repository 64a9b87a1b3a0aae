/*
 * Telling the server.
 */

let referrer = document.referrer;

/* The server knows a message again among the visitor's 16 newest: what was
 * sent before the 16 that were sent last is not sent again. */

const recent = [];
const due = new Set();      /* not taken, and not on its way */

const sending = (told) => {
    due.delete(told);

    if (!recent.includes(told) && recent.push(told) > 16) {
        due.delete(recent[0]);
        recent.shift().timestamp = 0;       /* never again */
    }

    return JSON.stringify({ ...told, sentAt: new Date() });
};

/* A Segment call. */

const message = (type, fields) => ({
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
    timestamp: new Date()
});

const post = async (path, text) => preview
    ? new Response('{"campaigns":[]}')
    : fetch(prefix + path, {
        method: 'POST', body: text, keepalive: true,
        credentials: 'include', signal: AbortSignal.timeout(1e4)
    });

/* A status after which it may be taken yet: or no answer at all. */

const mayPass = (status) => status === 429 || !(status < 500);

/* One after the other; what fails goes to the end, for an hour. */

let round, retry, pause = 1;

const send = async (told) => {
    let wait = pause;

    try {
        const answer = await post('beacon', sending(told));

        wait = mayPass(answer.status)
            && (Number(answer.headers.get('Retry-After')) || pause);
    } catch { /* no answer */ }

    if (wait && clock() - told.timestamp < 36e5) {
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
            && !navigator.sendBeacon(`${prefix}beacon`, sending(told)))
        {
            due.add(told);
            break;
        }
    }
};

/* Told, without waiting for an answer. */

const tell = safe((told) => {
    if (preview || !told?.timestamp) {
        return;
    }
    if (new Blob([JSON.stringify(told)]).size > 32e3) {
        warn('too large:', told.event);
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
    const response = await post('decide', told ? sending(told) : '');

    if (!response.ok) {
        if (!mayPass(response.status)) {
            warn(await response.text());
        }
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

    } catch (status) {      /* the page goes on without an answer */
        if (mayPass(status)) {
            tell(told);
        }

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
