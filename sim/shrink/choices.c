/*
 * sim/shrink/choices.c - see choices.h.
 */
#include "sim/shrink/choices.h"

#include <string.h>

/* When to stop early. */
struct limit {
    bool (*is_over)(void *context);
    void *context;
};

static bool is_reached(const struct limit *limit)
{
    return limit->is_over != NULL && limit->is_over(limit->context);
}

/* `from` without [start, end). */
static void cut(const struct recording *from, size_t start, size_t end, struct recording *to)
{
    recording_copy(from, to);
    memmove(to->deviations + start, to->deviations + end,
            (from->count - end) * sizeof(*to->deviations));
    to->count = from->count - (end - start);
}

/* Tries to do without each piece of `size` choices. True when any could go. */
static bool drop_pieces(struct attempt *attempt, struct recording *recording, size_t size,
                        const struct limit *limit)
{
    struct recording less = {0};
    bool has_dropped = false;

    /* From the end: what comes late often only cleans up after what came before. */
    for (size_t end = recording->count; end > 0 && !is_reached(limit);) {
        size_t start = end > size ? end - size : 0;
        cut(recording, start, end, &less);
        if (attempt_recorded(attempt, &less, &less) && less.count < recording->count) {
            recording_copy(&less, recording);
            has_dropped = true;
            start = start < recording->count ? start : recording->count;
        }
        end = start;
    }
    recording_fini(&less);
    return has_dropped;
}

/* Smaller values for choices that are not about threads. */
static void lower_values(struct attempt *attempt, struct recording *recording,
                         const struct limit *limit)
{
    struct recording less = {0};

    for (size_t i = 0; i < recording->count && !is_reached(limit); i++) {
        if (recording->deviations[i].class_count >> 24 == CHOICE_SCHED ||
            recording->deviations[i].value <= 1)
            continue;
        recording_copy(recording, &less);
        less.deviations[i].value = 1;
        if (attempt_recorded(attempt, &less, &less) && less.count <= recording->count)
            recording_copy(&less, recording);
    }
    recording_fini(&less);
}

void choices_reduce(struct attempt *attempt, struct recording *recording,
                    bool (*is_over)(void *context), void *context)
{
    const struct limit limit = {.is_over = is_over, .context = context};
    size_t size = (recording->count + 1) / 2;

    while (recording->count > 0 && size > 0 && !is_reached(&limit)) {
        const bool has_dropped = drop_pieces(attempt, recording, size, &limit);
        if (size == 1 && !has_dropped)
            break;
        size = size > 1 ? (size + 1) / 2 : 1;
        if (size > recording->count)
            size = recording->count;
    }
    lower_values(attempt, recording, &limit);
}
