/*
 * sim/sched/aim.c - see aim.h.
 */
#include "sim/sched/aim.h"

#include "sim/choice/choice.h"
#include "sim/sched/profile.h"

static struct {
    uint32_t version; /* of the profile */
    uint32_t shared_count;
    uint64_t access_total;
    uint16_t shared[PROFILE_OBJECTS_MAX];
    uint32_t offset[PROFILE_OBJECTS_MAX + 1]; /* of an object's accesses */
    uint32_t accesses[PROFILE_STEPS_MAX];     /* steps, object by object */
} aim;

uint32_t aim_below(uint32_t n)
{
    return (uint32_t)(((choice_sched_random() >> 32) * n) >> 32);
}

static void make_index(void)
{
    uint32_t offset = 0;
    static uint32_t fill[PROFILE_OBJECTS_MAX];

    aim.version = profile.version;
    aim.shared_count = 0;
    aim.access_total = 0;
    for (uint32_t object = 1; object <= profile.object_count; object++) {
        const struct profile_object *known = &profile.objects[object];
        aim.offset[object] = fill[object] = offset;
        offset += known->access_count;
        if (known->is_shared && known->is_written) {
            aim.shared[aim.shared_count++] = (uint16_t)object;
            aim.access_total += known->access_count;
        }
    }
    for (uint32_t i = 0; i < profile.step_count; i++) {
        const uint16_t object = profile.steps[i].object;
        if (object != 0)
            aim.accesses[fill[object]++] = i;
    }
}

uint16_t aim_object(void)
{
    if (!profile.is_complete)
        return 0;
    if (aim.version != profile.version)
        make_index();
    if (aim.shared_count == 0)
        return 0;
    if (aim_below(2) == 0)
        return aim.shared[aim_below(aim.shared_count)];
    uint64_t at = aim_below((uint32_t)aim.access_total);
    uint32_t i = 0;
    while (at >= profile.objects[aim.shared[i]].access_count)
        at -= profile.objects[aim.shared[i++]].access_count;
    return aim.shared[i];
}

uint32_t aim_access(uint16_t object)
{
    return aim.accesses[aim.offset[object] + aim_below(profile.objects[object].access_count)];
}
