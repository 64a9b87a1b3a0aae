/*
 * onsite_group_lint.c - saved groups that conditions name and nobody made.
 */

#include "onsite_campaign_compile.h"

#define NAME_BYTES_MAX  48          /* of a name that is compared          */


/* The group that was probably meant; len 0: none. */

static onsite_str_t
nearest_group(const onsite_value_t *groups, onsite_str_t name)
{
    size_t        slips, least = (name.len + 2) / 3 + 1;
    uint32_t      i;
    onsite_str_t  known, meant = { 0, "" };

    if (groups == NULL || groups->type != ONSITE_OBJECT
        || name.len > NAME_BYTES_MAX)
    {
        return meant;
    }

    for (i = 0; i < groups->len; i++) {
        known = groups->as.members[i].key;
        slips = onsite_definition_distance(name, known);

        if (slips < least && slips < known.len) {
            least = slips;
            meant = known;
        }
    }

    return meant;
}


static void
check_group(onsite_definition_t *d, const onsite_value_t *groups,
    const onsite_value_t *id)
{
    onsite_str_t  name, meant;

    if (id == NULL || id->type != ONSITE_STRING) {
        return;
    }

    name = onsite_value_str(id);

    if (onsite_value_get(groups, name) != NULL) {
        return;
    }

    meant = nearest_group(groups, name);

    if (meant.len != 0) {
        onsite_definition_warn(d, NULL, "no saved group \"%.*s\"; did you"
                               " mean \"%.*s\"?", (int) name.len, name.data,
                               (int) meant.len, meant.data);
        return;
    }

    onsite_definition_warn(d, NULL, "no saved group \"%.*s\", so nobody is in"
                           " it: add it to saved_groups.json",
                           (int) name.len, name.data);
}


void
onsite_group_lint(onsite_definition_t *d, const onsite_value_t *condition,
    const onsite_value_t *groups)
{
    size_t                  len;
    uint32_t                i;
    const onsite_member_t  *member;

    for (i = 0; condition->type == ONSITE_ARRAY && i < condition->len; i++) {
        len = onsite_definition_enter_item(d, i);
        onsite_group_lint(d, &condition->as.items[i], groups);
        onsite_definition_leave(d, len);
    }

    for (i = 0; condition->type == ONSITE_OBJECT && i < condition->len; i++) {
        member = &condition->as.members[i];
        len = onsite_definition_enter(d, member->key);

        if (onsite_str_eq(member->key, ONSITE_STR("$inGroup"))
            || onsite_str_eq(member->key, ONSITE_STR("$notInGroup")))
        {
            check_group(d, groups, &member->value);

        } else if (onsite_str_eq(member->key, ONSITE_STR("$savedGroup"))) {
            check_group(d, groups, onsite_value_get(&member->value,
                                                    ONSITE_STR("id")));

        } else {
            onsite_group_lint(d, &member->value, groups);
        }

        onsite_definition_leave(d, len);
    }
}
