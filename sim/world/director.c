/*
 * sim/world/director.c - see director.h.
 */
#include "sim/world/director.h"

#include <stdio.h>
#include <string.h>

#include "sim/kernel/call.h"
#include "sim/kernel/link.h"
#include "sim/posix/hook.h"
#include "sim/world/internal.h"

enum { ALLOC_WORD_BYTES = 5 };

/* Both ends of a link, while the hosts of A are met with those of B. */
struct pairing {
    struct world *world;
    const struct scenario_value *pair;
    struct host *a;
    void (*apply)(struct pairing *pairing, struct host *from, struct host *to);
    struct link_spec spec;
};

static void pair_with(void *context, struct host *b)
{
    struct pairing *pairing = context;

    if (b == pairing->a)
        return;
    pairing->apply(pairing, pairing->a, b);
    if (!pairing->pair->is_one_way)
        pairing->apply(pairing, b, pairing->a);
}

static void pair_from(void *context, struct host *a)
{
    struct pairing *pairing = context;

    pairing->a = a;
    world_each_host(pairing->world, &pairing->pair->b, pair_with, pairing);
}

static void for_pairs(struct pairing *pairing)
{
    world_each_host(pairing->world, &pairing->pair->a, pair_from, pairing);
}

static void apply_link(struct pairing *pairing, struct host *from, struct host *to)
{
    struct link_spec spec = pairing->spec;

    spec.is_cut = link_get(from, to).is_cut;
    link_set(from, to, &spec);
}

static void apply_cut(struct pairing *pairing, struct host *from, struct host *to)
{
    (void)pairing;
    link_cut(from, to);
}

static void apply_heal(struct pairing *pairing, struct host *from, struct host *to)
{
    struct link_spec spec = link_get(from, to);

    (void)pairing;
    link_heal(from, to);
    spec.loss_ppm = 0;
    spec.duplicate_ppm = 0;
    spec.reorder_ppm = 0;
    spec.is_cut = false;
    link_set(from, to, &spec);
}

static void set_link(struct world *world, const struct scenario_event *event)
{
    enum { REORDER_PPM = 100000 };
    const struct scenario_value *delay = SCENARIO_ARG(event, LINK, DELAY);
    struct pairing pairing = {.world = world,
                              .pair = SCENARIO_ARG(event, LINK, PAIR),
                              .apply = apply_link,
                              .spec = link_spec_default()};

    if (delay->is_present) {
        pairing.spec.delay_ns_min = delay->range.min;
        pairing.spec.delay_ns_max = delay->range.max;
    }
    pairing.spec.loss_ppm = (uint32_t)draw_from(&SCENARIO_ARG(event, LINK, LOSS)->range);
    pairing.spec.duplicate_ppm = (uint32_t)draw_from(&SCENARIO_ARG(event, LINK, DUPLICATE)->range);
    if (SCENARIO_ARG(event, LINK, REORDER)->is_present)
        pairing.spec.reorder_ppm = REORDER_PPM;
    if (pairing.spec.loss_ppm != 0)
        world->env.is_disturbed = true;
    for_pairs(&pairing);
}

static void cut_or_heal(struct world *world, const struct scenario_value *pair,
                        void (*apply)(struct pairing *, struct host *, struct host *))
{
    static const struct scenario_value everybody = {
        .is_present = true,
        .a = {.declaration = SCENARIO_ALL},
        .b = {.declaration = SCENARIO_ALL},
    };
    struct scenario_value all = everybody;
    struct pairing pairing = {.world = world, .pair = pair, .apply = apply};

    if (!pair->is_present) {
        all.a.actor_count = (uint16_t)world->scenario->actor_count;
        all.b.actor_count = (uint16_t)world->scenario->actor_count;
        pairing.pair = &all;
    }
    for_pairs(&pairing);
}

static void add_fault(struct world *world, const struct scenario_event *event)
{
    const struct scenario_value *site = SCENARIO_ARG(event, FAULT, SITE);
    const struct scenario_value *count = SCENARIO_ARG(event, FAULT, COUNT);
    const struct scenario_value *nth = SCENARIO_ARG(event, FAULT, NTH);
    const struct scenario_value *error = SCENARIO_ARG(event, FAULT, ERRNO);
    const struct scenario_value *bytes = SCENARIO_ARG(event, FAULT, BYTES);
    const char *call = (const char *)site->text.data;
    uint64_t first = nth->is_present ? draw_from(&nth->range) : 1;
    uint64_t times = count->is_present ? draw_from(&count->range) : 1;
    struct node *node = world->nodes[site->a.actor_first];

    world->env.is_disturbed = true;
    if (site->text.len == ALLOC_WORD_BYTES && strcmp(call, "alloc") == 0) {
        hook_alloc_fail_nth(node->process, (uint32_t)first);
        return;
    }
    for (uint64_t i = 0; i < times; i++) {
        uint32_t bytes_max = bytes->is_present ? (uint32_t)draw_from(&bytes->range) : UINT32_MAX;
        (void)kernel_fault_add(node->process, call, (uint32_t)(first + i),
                               error->is_present ? error->word : 0, bytes_max);
    }
}

static void stall(struct world *world, const struct scenario_event *event)
{
    const struct scenario_value *thread = SCENARIO_ARG(event, STALL, THREAD);
    uint64_t until = sched_now_ns() + draw_from(&SCENARIO_ARG(event, STALL, TIME)->range);

    (void)world;
    for (size_t i = 0; i < sched_thread_count(); i++) {
        struct vthread *candidate = sched_thread(i);
        if (!candidate->is_lane && strcmp(candidate->name, (const char *)thread->text.data) == 0)
            sched_stall(candidate, until);
    }
}

static void skew(struct world *world, const struct scenario_event *event)
{
    const struct scenario_value *by = SCENARIO_ARG(event, SKEW, BY);
    struct node *node = world->nodes[SCENARIO_ARG(event, SKEW, NODE)->a.actor_first];
    int64_t ns = (int64_t)by->range.min;

    node->process->realtime_offset_ns += by->is_negative ? -ns : ns;
}

static void apply(struct world *world, const struct scenario_event *event)
{
    if (event->form == FORM_LINK) {
        set_link(world, event);
    } else if (event->form == FORM_CUT) {
        world->env.is_disturbed = true;
        cut_or_heal(world, SCENARIO_ARG(event, CUT, PAIR), apply_cut);
    } else if (event->form == FORM_HEAL) {
        cut_or_heal(world, SCENARIO_ARG(event, HEAL, PAIR), apply_heal);
    } else if (event->form == FORM_FAULT) {
        add_fault(world, event);
    } else if (event->form == FORM_STALL) {
        stall(world, event);
    } else if (event->form == FORM_SKEW) {
        skew(world, event);
    }
}

static enum script_outcome perform(void *context, const struct scenario_event *event)
{
    struct director *director = context;

    apply(director->world, event);
    return SCRIPT_DONE;
}

void director_set_up(struct director *director, struct world *world)
{
    director->world = world;
    for (size_t i = 0; i < world->scenario->setup.count; i++)
        apply(world, &world->scenario->setup.events[i]);
}

void director_begin(struct director *director)
{
    const struct scenario_script *lines = &director->world->scenario->world;

    if (lines->count == 0)
        return;
    director->lane = sched_lane_new("world");
    script_begin(&director->script, &director->world->env, lines, director->lane, "world", perform,
                 director);
}
