/*
 * onsite_machine_hash.c - what visitor records call a machine.
 */

#include "onsite_machine.h"
#include "onsite_bucket.h"


uint32_t
onsite_machine_hash(onsite_machine_kind_t kind, onsite_str_t id)
{
    static const onsite_str_t  names[] = {
        { 7, "journey" }, { 8, "sequence" }, { 8, "inactive" }
    };

    return onsite_fnv32a_add(onsite_fnv32a(names[kind]), id);
}
