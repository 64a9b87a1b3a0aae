/*
 * explain_text.c - reasons in sentences that whoever writes campaigns reads.
 */

#include "explain.h"

#include <stdlib.h>
#include <string.h>


static onsite_str_t
text_of(const onsite_value_t *object, const char *name)
{
    return onsite_value_get_str(object, onsite_str_of(name));
}


static const onsite_value_t *
part_of(const onsite_value_t *object, const char *name)
{
    return onsite_value_get(object, onsite_str_of(name));
}


static double
number_of(const onsite_value_t *object, const char *name)
{
    const onsite_value_t  *value = part_of(object, name);

    return value != NULL && value->type == ONSITE_NUMBER ? value->as.number
                                                         : 0;
}


/* Texts in quotes, lists with "or" unsaid. */

static void
write_value(onsite_buf_t *out, const onsite_value_t *value)
{
    uint32_t  i;

    if (value->type == ONSITE_STRING) {
        onsite_buf_char(out, '"');
        onsite_buf_str(out, onsite_value_str(value));
        onsite_buf_char(out, '"');
        return;
    }

    if (value->type != ONSITE_ARRAY) {
        onsite_value_write_json(out, value);
        return;
    }

    if (value->len == 0) {
        onsite_buf_printf(out, "an empty list");
    }

    for (i = 0; i < value->len; i++) {
        onsite_buf_printf(out, "%s", i != 0 ? ", " : "");
        write_value(out, &value->as.items[i]);
    }
}


static void
write_found(onsite_buf_t *out, const onsite_value_t *detail)
{
    const onsite_value_t  *value = part_of(detail, "value");

    onsite_buf_str(out, text_of(detail, "path"));

    if (value != NULL) {
        onsite_buf_printf(out, " is ");
        write_value(out, value);

    } else if (part_of(detail, "length") != NULL) {
        onsite_buf_printf(out, " has %.0f entries",
                          number_of(detail, "length"));

    } else {
        onsite_buf_printf(out, " is not known");
    }
}


/* "has to be less than", or what the operator asks of a value. */

static const char *
demand_of(onsite_str_t op, bool not)
{
    size_t  i;

    static const struct {
        const char  *op;
        const char  *demand;
        const char  *opposite;
    } demands[] = {
        { "$eq", "has to be", "may not be" },
        { "$ne", "may not be", "has to be" },
        { "$lt", "has to be less than", "may not be less than" },
        { "$lte", "has to be at most", "has to be more than" },
        { "$gt", "has to be more than", "may not be more than" },
        { "$gte", "has to be at least", "has to be less than" },
        { "$in", "has to be one of", "may be none of" },
        { "$nin", "may be none of", "has to be one of" },
        { "$ini", "has to be one of", "may be none of" },
        { "$nini", "may be none of", "has to be one of" },
        { "$regex", "has to match", "may not match" },
        { "$type", "has to be of the type", "may not be of the type" },
        { "$all", "has to contain", "may not contain" },
        { "$veq", "has to be version", "may not be version" },
        { "$vne", "may not be version", "has to be version" },
        { "$vlt", "has to be before version", "may not be before version" },
        { "$vlte", "has to be version, or before,",
          "has to be after version" },
        { "$vgt", "has to be after version", "may not be after version" },
        { "$vgte", "has to be version, or after,",
          "has to be before version" },
        { "$size", "has to be a list of a given length",
          "may not be of that length" },
        { "$elemMatch", "has to hold an entry that meets the condition",
          "may not hold such an entry" },
    };

    for (i = 0; i < sizeof(demands) / sizeof(demands[0]); i++) {
        if (op.len == strlen(demands[i].op)
            && memcmp(op.data, demands[i].op, op.len) == 0)
        {
            return not ? demands[i].opposite : demands[i].demand;
        }
    }

    return "has to meet a condition that nothing meets";
}


static void
write_condition(onsite_buf_t *out, const onsite_value_t *detail)
{
    bool                   exists;
    onsite_str_t           op = text_of(detail, "op");
    const onsite_value_t  *operand = part_of(detail, "operand");

    write_found(out, detail);

    if (onsite_str_eq(op, ONSITE_STR("$exists"))) {
        exists = operand != NULL && operand->as.boolean;
        onsite_buf_printf(out, ", and has to be %s",
                          exists ? "known" : "unknown");

    } else {
        onsite_buf_printf(out, ", and %s",
                          demand_of(op, part_of(detail, "not") != NULL));

        if (operand != NULL) {
            onsite_buf_char(out, ' ');
            write_value(out, operand);
        }

        if (part_of(detail, "more") != NULL) {
            onsite_buf_printf(out, " and %.0f more",
                              number_of(detail, "more"));
        }
    }

    if (part_of(detail, "alternatives") != NULL) {
        onsite_buf_printf(out, " (and no alternative to it holds)");
    }
}


static void
write_schedule(onsite_buf_t *out, const onsite_value_t *detail)
{
    const onsite_value_t  *days = part_of(detail, "days");

    if (text_of(detail, "from").len != 0) {
        onsite_buf_printf(out, "it begins at ");
        onsite_buf_str(out, text_of(detail, "from"));

    } else if (text_of(detail, "until").len != 0) {
        onsite_buf_printf(out, "it ended at ");
        onsite_buf_str(out, text_of(detail, "until"));

    } else if (days != NULL) {
        onsite_buf_printf(out, "it runs on the days ");
        write_value(out, days);
        onsite_buf_printf(out, ", and this is a \"");
        onsite_buf_str(out, text_of(detail, "today"));
        onsite_buf_char(out, '"');

    } else {
        onsite_buf_printf(out, "it runs at ");
        onsite_buf_str(out, text_of(detail, "hours"));
        onsite_buf_printf(out, ", and it is ");
        onsite_buf_str(out, text_of(detail, "now"));
    }
}


static void
write_cap(onsite_buf_t *out, const onsite_value_t *detail)
{
    onsite_str_t  per = text_of(detail, "per");

    if (part_of(detail, "answer") != NULL) {
        onsite_buf_printf(out, "it is in this answer already");
        return;
    }

    onsite_buf_printf(out, "it was shown %.0f time(s), and may be %.0f per "
                      "%.*s", number_of(detail, "shown"),
                      number_of(detail, "cap"), (int) per.len, per.data);
}


static void
write_group(onsite_buf_t *out, const onsite_value_t *detail)
{
    onsite_str_t  slot = text_of(detail, "slot");

    onsite_buf_str(out, text_of(detail, "other"));
    onsite_buf_printf(out, " is shown, which is ");

    if (slot.len != 0) {
        onsite_buf_printf(out, "in the same slot, %.*s", (int) slot.len,
                          slot.data);
    } else {
        onsite_buf_printf(out, "of the same group");
    }
}


static void
write_duration(onsite_buf_t *out, double seconds)
{
    size_t  i;

    static const struct {
        uint32_t     seconds;
        const char  *unit;
    } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };

    for (i = 0; i < 3 && (uint64_t) seconds % units[i].seconds != 0; i++) {
        /* void */
    }

    onsite_buf_printf(out, "%.0f %s", seconds / units[i].seconds,
                      units[i].unit);
}


static void
write_untold(onsite_buf_t *out, const onsite_value_t *detail)
{
    onsite_str_t  journey = text_of(detail, "journey");

    if (text_of(detail, "waits_for").len != 0) {
        onsite_buf_printf(out, "it waits for the event \"");
        onsite_buf_str(out, text_of(detail, "waits_for"));
        onsite_buf_char(out, '"');

    } else if (journey.len != 0) {
        onsite_buf_printf(out, "it waits for the journey %.*s to come to ",
                          (int) journey.len, journey.data);
        write_value(out, part_of(detail, "state"));

    } else if (part_of(detail, "of") != NULL) {
        onsite_buf_printf(out, "its sequence has come to step %.0f of %.0f",
                          number_of(detail, "sequence"),
                          number_of(detail, "of"));

    } else {
        onsite_buf_printf(out, "it waits until nothing has happened for ");
        write_duration(out, number_of(detail, "inactive"));

        if (text_of(detail, "due").len != 0) {
            onsite_buf_printf(out, ", which is at ");
            onsite_buf_str(out, text_of(detail, "due"));
        } else {
            onsite_buf_printf(out, ", and nothing has begun that");
        }
    }
}


/* What lies with who gets which variant, and with the answer. */

static void
write_share(onsite_buf_t *out, onsite_reason_t reason,
    const onsite_value_t *detail)
{
    switch (reason) {

    case ONSITE_REASON_COVERAGE:
        onsite_buf_printf(out, "the visitor is not among the %g %% that "
                          "take part", 100 * number_of(detail, "coverage"));
        break;

    case ONSITE_REASON_HOLDOUT:
        onsite_buf_printf(out, "the visitor is among the %g %% that are held "
                          "out", 100 * number_of(detail, "holdout"));
        break;

    case ONSITE_REASON_LIMIT:
        onsite_buf_printf(out, "an answer holds %d campaigns, and there are "
                          "so many of a higher priority",
                          ONSITE_CHOICES_MAX);
        break;

    case ONSITE_REASON_CONSENT:
        onsite_buf_printf(out, "it needs what may not be remembered without "
                          "consent");
        break;

    case ONSITE_REASON_UNARMED:
        onsite_buf_printf(out, "the page says that it may come, but no event "
                          "of this page has armed it");
        break;

    default:
        onsite_buf_printf(out, "its content came out empty or too large");
        break;
    }
}


static void write_fact(onsite_buf_t *out, onsite_reason_t reason,
    const onsite_value_t *detail);


/* And what would come of it now. */

static void
write_then(onsite_buf_t *out, const onsite_value_t *then)
{
    unsigned               i;
    onsite_str_t           reason = text_of(then, "reason");
    onsite_value_t         none = { .type = ONSITE_ABSENT };
    const onsite_value_t  *detail = part_of(then, "detail");

    onsite_buf_printf(out, "; if it fired now, it would ");

    for (i = 1; i < ONSITE_REASONS; i++) {
        if (onsite_str_eq(onsite_reason_text((onsite_reason_t) i), reason)) {
            onsite_buf_printf(out, "not be shown: ");
            write_fact(out, (onsite_reason_t) i,
                       detail != NULL ? detail : &none);
            return;
        }
    }

    onsite_buf_printf(out, "be ");
    onsite_buf_str(out, reason);
}


static void
write_fact(onsite_buf_t *out, onsite_reason_t reason,
    const onsite_value_t *detail)
{
    switch (reason) {

    case ONSITE_REASON_WHERE:
    case ONSITE_REASON_AUDIENCE:
        write_condition(out, detail);
        break;

    case ONSITE_REASON_INCONCLUSIVE:
        onsite_buf_printf(out, "a condition took too long to decide: ");
        write_condition(out, detail);
        break;

    case ONSITE_REASON_SCHEDULE:
        write_schedule(out, detail);
        break;

    case ONSITE_REASON_COUNT:
        onsite_buf_printf(out, "this is the %.0f. time of the %.0f that it "
                          "takes", number_of(detail, "count"),
                          number_of(detail, "of"));
        break;

    case ONSITE_REASON_CAP:
        write_cap(out, detail);
        break;

    case ONSITE_REASON_STOPPED:
        onsite_buf_printf(out, "it is over for this visitor: ");
        write_value(out, part_of(detail, "stopped"));
        break;

    case ONSITE_REASON_GROUP:
        write_group(out, detail);
        break;

    case ONSITE_REASON_TRIGGER:
        write_untold(out, detail);

        if (part_of(detail, "then") != NULL) {
            write_then(out, part_of(detail, "then"));
        }
        break;

    default:
        write_share(out, reason, detail);
        break;
    }
}


void
explain_write_sentence(onsite_buf_t *out, const onsite_image_t *image,
    const onsite_campaign_t *campaign, const verdict_t *verdict)
{
    onsite_str_t  variant = text_of(&verdict->detail, "variant");

    onsite_buf_str(out, onsite_image_str(image, campaign->id));

    if (verdict->told && verdict->reason == ONSITE_REASON_NONE) {
        onsite_buf_printf(out, part_of(&verdict->detail, "armed") == NULL
                               ? " is shown" : " is armed");

        if (variant.len != 0) {
            onsite_buf_printf(out, ", variant %.*s", (int) variant.len,
                              variant.data);
        }

        if (part_of(&verdict->detail, "when") != NULL) {
            onsite_buf_printf(out, ": it is shown when the page tells of ");
            onsite_value_write_json(out, part_of(&verdict->detail, "when"));
        }

    } else {
        onsite_buf_printf(out, " is not shown: ");

        if (verdict->told) {
            write_fact(out, verdict->reason, &verdict->detail);
        } else {
            write_untold(out, &verdict->detail);
        }
    }

    onsite_buf_append(out, ".\n", 2);
}


void
explain_write_trigger(onsite_buf_t *out, const onsite_image_t *image,
    const onsite_campaign_t *campaign)
{
    onsite_buf_printf(out, "{\"waits_for\":");
    onsite_write_json_string(out, onsite_image_str(image,
                                                   campaign->trigger.event));
    onsite_buf_char(out, '}');
}


/* Controls (C0, C1, DEL) and marks of writing direction. */

static bool
is_unsafe(unsigned code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f)
           || code == 0x200e || code == 0x200f
           || (code >= 0x2028 && code <= 0x202e)
           || (code >= 0x2066 && code <= 0x2069);
}


static unsigned
decode(const unsigned char *p, size_t n)
{
    return n == 1 ? p[0]
           : n == 2 ? (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu)
           : n == 3 ? (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6
                      | (p[2] & 0x3fu)
           : 0x10000;
}


void
explain_print(FILE *out, const char *text, size_t len)
{
    size_t                i, n;
    unsigned              code;
    const unsigned char  *p;

    for (i = 0; i < len; i += n) {
        p = (const unsigned char *) text + i;
        n = *p < 0x80 ? 1 : onsite_utf8_length(p, len - i);

        if (n == 0) {
            (void) fputc('?', out);
            n = 1;
            continue;
        }

        code = decode(p, n);

        if (is_unsafe(code)) {
            (void) fprintf(out, "\\u%04x", code);
        } else {
            (void) fwrite(p, 1, n, out);
        }
    }
}
