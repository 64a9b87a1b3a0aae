/*
 * onsite_inject_balance_reason.c - in words, why HTML is not whole.
 */

#include "onsite_inject_balance.h"
#include "onsite_inject_tree.h"

#include <stdarg.h>
#include <stdio.h>

#define NAME_MAX_SHOWN  32


void
onsite_balance_refuse(onsite_balance_t *balance, size_t at,
    const char *format, ...)
{
    va_list  args;

    if (balance->refused) {
        return;
    }

    va_start(args, format);
    (void) vsnprintf(balance->reason, sizeof(balance->reason), format, args);
    va_end(args);

    balance->refused = true;
    balance->at = at;
}


/* The name in the tag at an offset, as it is written. */

static onsite_str_t
name_at(const onsite_balance_t *balance, size_t at)
{
    size_t  from = at + 1, to;

    if (from < balance->text.len && balance->text.data[from] == '/') {
        from++;
    }

    for (to = from; to < balance->text.len && to - from < NAME_MAX_SHOWN;
         to++)
    {
        if (onsite_inject_classes[(unsigned char) balance->text.data[to]]
            & NAME_END)
        {
            break;
        }
    }

    return onsite_str(balance->text.data + from, to - from);
}


void
onsite_balance_refuse_tag(onsite_balance_t *balance, const char *reason)
{
    bool          end = balance->text.data[balance->tag + 1] == '/';
    onsite_str_t  name = name_at(balance, balance->tag);

    onsite_balance_refuse(balance, balance->tag, "<%s%.*s> %s", end ? "/" : "",
                          (int) name.len, name.data, reason);
}


void
onsite_balance_refuse_close(onsite_balance_t *balance, unsigned i)
{
    onsite_str_t  name = name_at(balance, balance->tag);
    onsite_str_t  outer = name_at(balance, balance->open[i].at);
    onsite_str_t  inner = name_at(balance, balance->open[balance->depth
                                                         - 1].at);

    if (i == balance->depth - 1) {
        onsite_balance_refuse(balance, balance->tag, "<%.*s> cannot stand in"
                              " <%.*s>: close it before", (int) name.len,
                              name.data, (int) outer.len, outer.data);
        return;
    }

    onsite_balance_refuse(balance, balance->tag, "<%.*s> would end <%.*s> in"
                          " the midst of <%.*s>: close both before",
                          (int) name.len, name.data, (int) outer.len,
                          outer.data, (int) inner.len, inner.data);
}


void
onsite_balance_refuse_end(onsite_balance_t *balance,
    const onsite_inject_t *scan)
{
    unsigned      i = balance->depth;
    onsite_str_t  name = name_at(balance, balance->tag), open;

    while (i-- > 0) {
        if (balance->open[i].name == scan->name) {
            open = name_at(balance, balance->open[balance->depth - 1].at);
            onsite_balance_refuse(balance, balance->tag, "</%.*s> where"
                                  " </%.*s> is expected: close what was"
                                  " opened last first", (int) name.len,
                                  name.data, (int) open.len, open.data);
            return;
        }
    }

    onsite_balance_refuse_tag(balance,
        "closes nothing that was opened here, and would close"
        " an element of the page: remove it, or open it before");
}


void
onsite_balance_end(onsite_balance_t *balance)
{
    size_t        at;
    onsite_str_t  name;

    if (balance->depth != 0) {
        at = balance->open[balance->depth - 1].at;
        name = name_at(balance, at);
        onsite_balance_refuse(balance, at, "<%.*s> is not closed, and what"
                              " is behind it in the page would be in it:"
                              " close it with </%.*s>", (int) name.len,
                              name.data, (int) name.len, name.data);
    }
}
