/*
 * fuzz/world/scene.c - see scene.h.
 */
#include "fuzz/world/scene.h"

#include "sim/base/random.h"
#include "sim/input/forms.h"
#include "sim/input/scenario.h"
#include "sim/input/wire.h"

/* The list, ascending, and how long it is. */
extern const uint64_t scenes_shipped[] __attribute__((weak));
extern const size_t scenes_shipped_count __attribute__((weak));

static uint64_t hash_bytes(uint64_t hash, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Comments and blank lines say nothing either. */
static bool is_of_scene(uint8_t code)
{
    const enum scenario_form form = form_by_code(code);

    return form != FORM_COUNT && form_info(form)->place != PLACE_SCHEDULE &&
           form_info(form)->place != PLACE_TRIVIA;
}

/* Bytes that are no records are all hashed. */
uint64_t scene_hash(const uint8_t *data, size_t len)
{
    uint64_t hash = 0;
    size_t at = WIRE_MAGIC_BYTES;

    if (!scenario_is_encoded(data, len))
        return random_mix(hash_bytes(len, data, len));
    while (at < len) {
        const size_t begin = at;
        at = wire_record_end(data, len, begin);
        if (is_of_scene(data[begin]))
            hash = hash_bytes(hash, data + begin, at - begin);
    }
    return random_mix(hash);
}

bool scene_is_shipped(uint64_t scene)
{
    size_t low = 0;
    size_t high = &scenes_shipped_count == NULL ? 0 : scenes_shipped_count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (scenes_shipped[middle] == scene)
            return true;
        if (scenes_shipped[middle] < scene)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}
