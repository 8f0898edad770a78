/*
 * sim/search/execution.c - see execution.h.
 */
#include "sim/search/execution.h"

#include <string.h>

#include "sim/base/random.h"

enum { RACES_MAX = 1 << 20 };

void execution_init(struct execution *execution)
{
    memset(execution, 0, sizeof(*execution));
    execution->events = slab_map(EXECUTION_EVENTS_MAX * sizeof(*execution->events));
    execution->clocks = slab_map(EXECUTION_EVENTS_MAX * sizeof(*execution->clocks));
    execution->races = slab_map(RACES_MAX * sizeof(*execution->races));
    execution->race_capacity = RACES_MAX;
}

void execution_fini(struct execution *execution)
{
    slab_unmap(execution->events, EXECUTION_EVENTS_MAX * sizeof(*execution->events));
    slab_unmap(execution->clocks, EXECUTION_EVENTS_MAX * sizeof(*execution->clocks));
    slab_unmap(execution->races, RACES_MAX * sizeof(*execution->races));
}

const struct event *execution_event(const struct execution *execution, uint32_t id)
{
    return id >= EXECUTION_EVENTS_MAX ? &execution->pending[id - EXECUTION_EVENTS_MAX]
                                      : &execution->events[id];
}

static void join(struct clock *clock, const struct clock *other)
{
    for (uint32_t i = 0; i < EXECUTION_THREADS_MAX; i++)
        if (other->of[i] > clock->of[i])
            clock->of[i] = other->of[i];
}

static bool covers(const struct clock *clock, const struct event *event)
{
    return clock->of[event->thread] >= event->number;
}

bool execution_is_before(const struct execution *execution, uint32_t first, uint32_t second)
{
    return covers(&execution->clocks[second], &execution->events[first]);
}

static void add_race(struct execution *execution, uint32_t first, uint32_t second)
{
    if (execution->race_count == execution->race_capacity) {
        execution->is_race_lost = true;
        return;
    }
    execution->races[execution->race_count++] = (struct race){.first = first, .second = second};
}

/* The last event of `thread` among the first `count`; `count` when it has none. */
static uint32_t last_of(const struct execution *execution, uint32_t count, uint32_t thread)
{
    for (uint32_t i = count; i-- > 0;)
        if (execution->events[i].thread == thread)
            return i;
    return count;
}

/* What comes before the event whatever the order of what it depends on. */
static void begin_clock(const struct execution *execution, uint32_t count,
                        const struct event *event, struct clock *clock)
{
    uint32_t own = last_of(execution, count, event->thread);

    memset(clock, 0, sizeof(*clock));
    if (own < count)
        join(clock, &execution->clocks[own]);
    for (uint32_t i = 0; i < event->floor; i++)
        if (clock->of[execution->events[i].thread] < execution->events[i].number)
            clock->of[execution->events[i].thread] = execution->events[i].number;
    if (event->joined != STEP_NONE) {
        uint32_t end = last_of(execution, count, event->joined);
        if (end < count)
            join(clock, &execution->clocks[end]);
    }
    if (event->enabler != STEP_NONE && !event->is_spinning_on)
        join(clock, &execution->clocks[event->enabler]);
}

/* Whether something else than `enabler` would have let the spinner go on. */
static bool has_other_news(const struct execution *execution, uint32_t count, uint32_t enabler,
                           const struct event *event)
{
    for (uint32_t i = enabler + 1; i < count; i++)
        if (action_is_dependent(&execution->events[i].action, &event->action) &&
            !execution_is_before(execution, enabler, i))
            return true;
    return false;
}

/* What an earlier dependent event means for whoever waits at a gate: is it the end of looking
 * further back? */
static bool is_barring(const struct action *later, const struct event *earlier)
{
    if (!later->may_wait || earlier->tried == TRIED_AND_TOOK)
        return true;
    for (uint32_t i = 0; i < earlier->action.touch_count; i++) {
        const struct touch *touch = &earlier->action.touches[i];
        bool is_passed = touch->kind == TOUCH_TRY || touch->kind == TOUCH_UP ||
                         touch->kind == TOUCH_RELEASE || touch->kind == TOUCH_RELEASE_SHARED;
        for (uint32_t j = 0; j < later->touch_count; j++)
            if (later->touches[j].object == touch->object && !is_passed)
                return true;
    }
    return earlier->action.scope != SCOPE_TOUCHES;
}

/* Whether a semaphore would have let `event` pass before it was put up by event `first`. */
static bool is_up_without(const struct execution *execution, uint32_t count, uint32_t first)
{
    const struct event *up = &execution->events[first];
    const void *object = up->action.touches[0].object;

    if (up->level > 0)
        return true;
    for (uint32_t i = first + 1; i < count; i++) {
        const struct action *action = &execution->events[i].action;
        if (action->touch_count > 0 && action->touches[0].object == object &&
            action->touches[0].kind == TOUCH_UP && !execution_is_before(execution, first, i))
            return true;
    }
    return false;
}

static bool is_race(const struct execution *execution, uint32_t count, uint32_t first,
                    const struct event *event)
{
    const struct event *earlier = &execution->events[first];

    if (event->is_spinning_on && first == event->enabler)
        return has_other_news(execution, count, first, event);
    if (event->action.may_wait && earlier->tried == TRIED_IN_VAIN)
        return false; /* somebody had it: nobody could have taken it then */
    if (event->action.may_wait && earlier->action.touch_count > 0 &&
        earlier->action.touches[0].kind == TOUCH_UP)
        return is_up_without(execution, count, first);
    return action_may_precede(&event->action, &earlier->action);
}

/* Goes back through the events before `event`: the nearest ones that it depends on race with it.
 * `ahead` is everything that comes before it; `barred` is less, as letting go of a lock does not
 * keep anybody from having taken it earlier. */
static void look_back(struct execution *execution, uint32_t count, const struct event *event,
                      uint32_t id, struct clock *ahead)
{
    struct clock barred;

    begin_clock(execution, count, event, ahead);
    barred = *ahead;
    for (uint32_t i = count; i-- > event->floor;) {
        const struct event *earlier = &execution->events[i];
        if (covers(&barred, earlier) || !action_is_dependent(&earlier->action, &event->action))
            continue;
        if (is_race(execution, count, i, event))
            add_race(execution, i, id);
        if (is_barring(&event->action, earlier))
            join(&barred, &execution->clocks[i]);
        join(ahead, &execution->clocks[i]);
    }
    if (event->enabler != STEP_NONE)
        join(ahead, &execution->clocks[event->enabler]);
}

bool execution_add(struct execution *execution, struct event *event)
{
    uint32_t id = execution->count;
    struct clock *clock = &execution->clocks[id];

    if (id == EXECUTION_EVENTS_MAX || event->thread >= EXECUTION_THREADS_MAX)
        return false;
    uint32_t own = last_of(execution, id, event->thread);
    event->number = own == id ? 1 : execution->events[own].number + 1;
    look_back(execution, id, event, id, clock);
    clock->of[event->thread] = event->number;
    execution->events[id] = *event;
    execution->count++;
    return true;
}

void execution_race_pending(struct execution *execution, uint32_t index)
{
    struct clock clock;

    look_back(execution, execution->count, &execution->pending[index], EXECUTION_EVENTS_MAX + index,
              &clock);
}

static struct step step_of(const struct event *event, uint32_t id)
{
    return (struct step){.thread = event->thread,
                         .event = id,
                         .enabler = event->enabler,
                         .joined = event->joined,
                         .action = &event->action};
}

size_t execution_reversal(const struct execution *execution, const struct race *race,
                          struct step *steps)
{
    size_t count = 0;

    for (uint32_t i = race->first + 1; i < execution->count; i++)
        if (i != race->second && !execution_is_before(execution, race->first, i))
            steps[count++] = step_of(&execution->events[i], i);
    steps[count++] = step_of(execution_event(execution, race->second), race->second);
    return count;
}

uint64_t execution_class(const struct execution *execution)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < execution->count; i++) {
        const struct event *event = &execution->events[i];
        uint64_t hash = random_mix((uint64_t)event->thread << 40 | event->number);
        hash = random_mix(hash ^ (uint64_t)event->action.kind);
        for (uint32_t t = 0; t < EXECUTION_THREADS_MAX; t++)
            if (execution->clocks[i].of[t] != 0)
                hash = random_mix(hash ^ ((uint64_t)t << 32 | execution->clocks[i].of[t]));
        sum += hash;
    }
    return random_mix(sum);
}
