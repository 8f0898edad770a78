/*
 * sim/world/world.c - see world.h.
 *
 * A run has four phases. The nodes come up; then time zero of the scenario is the moment when all
 * of them wait for work. When every script and load client is done the nodes are told to stop, and
 * when they are gone what is still under way arrives. Oracles look whenever nobody can run.
 */
#include "sim/world/world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/plant/plant.h"
#include "sim/actor/verbs.h"
#include "sim/oracle/deadlock.h"
#include "sim/posix/hook.h"
#include "sim/posix/run.h"
#include "sim/race/race.h"
#include "sim/world/config.h"
#include "sim/world/internal.h"
#include "sim/world/program.h"

enum {
    STEPS_MAX_DEFAULT = 1000000,
    STEP_COST_NS = 100,
    PLANT_WORDS = (PLANT_COUNT + 63) / 64,
};

/* A thread that waits for a lock or spins while so much time passes will wait for ever. */
#define STUCK_NS UINT64_C(1000000000)
#define STOP_BOUND_NS_DEFAULT UINT64_C(120000000000)
#define TIME_MAX_NS UINT64_C(3600000000000)

/* Linked into the explore build only. */
#pragma weak race_atomic_points_set

void __tsan_ignore_thread_begin(void) __attribute__((weak));
void __tsan_ignore_thread_end(void) __attribute__((weak));

static struct {
    struct world *world; /* of the present run */
    uint64_t plants[PLANT_WORDS];
    struct node_configs configs;
} state;

/* ---- building ---- */

static void start(void *context)
{
    const struct world_spec *spec = context;
    const struct scenario *scenario = spec->scenario;
    struct world *world = arena_take(sched_arena(), sizeof(*world));
    size_t table_bytes = scenario->actor_count * sizeof(void *);

    state.world = world;
    kernel_begin();
    posix_run_begin();
    world->has_program = program_is_in(scenario);
    if (world->has_program)
        foreign_begin();
    hook_plants_set(state.plants, PLANT_COUNT);
    world->spec = spec;
    world->scenario = scenario;
    world->hosts = arena_take(sched_arena(), table_bytes);
    world->nodes = arena_take(sched_arena(), table_bytes);
    world->clients = arena_take(sched_arena(), table_bytes);
    world->servers = arena_take(sched_arena(), table_bytes);
    world->env.bound_ns =
        scenario->bound_ns.max == 0 ? ACTOR_BOUND_NS_DEFAULT : draw_from(&scenario->bound_ns);
    size_t nodes = 0;
    for (size_t i = 0; i < scenario->actor_count; i++)
        nodes += scenario->actors[i].kind == ACTOR_NODE;
    for (size_t i = 0; i < scenario->actor_count; i++) {
        const struct scenario_actor *plan = &scenario->actors[i];
        bool is_node = plan->kind == ACTOR_NODE; /* its addresses are in its configuration */
        world->hosts[i] = is_node ? host_new(plan->name) : actor_host(plan->name, &plan->addr);
        const struct scenario_value *program = program_line(scenario, plan);
        if (plan->kind == ACTOR_SERVER) {
            world->servers[i] = server_new(plan, &world->env, world->hosts[i]);
        } else if (program != NULL) {
            program_place(scenario, plan, world->hosts[i]);
            world->nodes[i] = node_new_program(plan, &world->env, world->hosts[i], program,
                                               scenario->end == END_QUIET);
        } else if (is_node) {
            world->nodes[i] =
                node_new(plan, &world->env, world->hosts[i], node_configs_draw(&state.configs, i),
                         &state.configs.exercises[i], nodes == 1, scenario->end == END_QUIET);
        }
    }
    director_set_up(&world->director, world);
}

/* How many copies of a declaration take part is drawn once for all of them. */
static bool takes_part(const struct scenario_actor *plan, uint64_t *copies)
{
    if (plan->copy == 0)
        return true;
    if (plan->copy == 1)
        *copies = draw_from(&plan->copies);
    return plan->copy <= *copies;
}

/* Time zero of the scenario. */
static void begin_scripts(struct world *world)
{
    uint64_t copies = 1;

    for (size_t i = 0; i < world->scenario->actor_count; i++) {
        const struct scenario_actor *plan = &world->scenario->actors[i];
        if (plan->kind == ACTOR_CLIENT && takes_part(plan, &copies))
            world->clients[i] = client_new(plan, &world->env, world->hosts[i]);
        else if (plan->kind == ACTOR_SERVER)
            server_begin(world->servers[i]);
        else if (plan->kind == ACTOR_NODE)
            node_begin(world->nodes[i]);
    }
    director_begin(&world->director);
}

/* ---- phases ---- */

static void enter(struct world *world, enum world_phase phase)
{
    world->phase = phase;
    world->phase_since_ns = sched_now_ns();
}

static bool are_nodes_gone(const struct world *world)
{
    for (size_t i = 0; i < world->scenario->actor_count; i++) {
        if (world->nodes[i] != NULL && world->nodes[i]->state != NODE_GONE)
            return false;
    }
    return true;
}

static void stop_nodes(struct world *world)
{
    for (size_t i = 0; i < world->scenario->actor_count; i++) {
        struct node *node = world->nodes[i];
        if (node != NULL && node->state == NODE_RUNNING)
            node_stop(node);
    }
}

/* A client that lets a connection idle would keep a draining node waiting for its time-out. */
static void close_actors(struct world *world)
{
    for (size_t i = 0; i < world->scenario->actor_count; i++) {
        if (world->clients[i] != NULL)
            client_finish(world->clients[i]);
    }
}

static void close_servers(struct world *world)
{
    for (size_t i = 0; i < world->scenario->actor_count; i++) {
        if (world->servers[i] != NULL)
            server_finish(world->servers[i]);
    }
}

static void fail_unstopped(const struct world *world)
{
    for (size_t i = 0; i < world->scenario->actor_count; i++) {
        const struct node *node = world->nodes[i];
        if (node != NULL && node->state != NODE_GONE)
            finding_fail(FINDING_LIVENESS, NULL, "liveness: %s was told to stop and does not",
                         node->plan->name);
    }
}

static bool are_nodes_up(const struct world *world, uint64_t next_due_ns)
{
    for (size_t i = 0; i < world->scenario->actor_count; i++) {
        if (world->nodes[i] != NULL && !node_is_up(world->nodes[i], next_due_ns))
            return false;
    }
    return true;
}

/* True when the phase changed. */
static bool advance(struct world *world, uint64_t next_due_ns)
{
    switch (world->phase) {
    case WORLD_STARTING:
        if (!are_nodes_up(world, next_due_ns))
            return false;
        enter(world, WORLD_RUNNING);
        begin_scripts(world);
        return true;
    case WORLD_RUNNING:
        if (world->env.scripts_busy != 0 || world->env.actors_busy != 0)
            return false;
        close_actors(world);
        stop_nodes(world);
        enter(world, WORLD_STOPPING);
        return true;
    case WORLD_STOPPING:
        if (!are_nodes_gone(world)) {
            if (sched_now_ns() - world->phase_since_ns > STOP_BOUND_NS_DEFAULT)
                fail_unstopped(world);
            return false;
        }
        close_servers(world);
        enter(world, WORLD_DRAINING);
        return true;
    case WORLD_DRAINING:
        return false;
    }
    return false;
}

/* ---- oracles ---- */

static void check_nodes(struct world *world, bool is_quiet)
{
    for (size_t i = 0; i < world->scenario->actor_count; i++) {
        if (world->nodes[i] != NULL)
            node_check(world->nodes[i], is_quiet);
    }
}

/* Nobody waits for another thread, or is only slowed down: then the core is at rest, and its
 * invariants hold in full. */
static bool is_everyone_at_rest(void)
{
    for (size_t i = 0; i < sched_thread_count(); i++) {
        const struct vthread *thread = sched_thread(i);
        if (thread->is_stalled && thread->state != VTHREAD_DONE)
            return false;
        if (thread->state != VTHREAD_PARKED || thread->is_lane)
            continue;
        if (deadlock_is_lock_wait(thread) || thread->parked_op.kind == OP_SLEEP)
            return false;
    }
    return true;
}

static bool is_anyone_stuck(uint64_t now_ns)
{
    for (size_t i = 0; i < sched_thread_count(); i++) {
        const struct vthread *thread = sched_thread(i);
        if (thread->state == VTHREAD_PARKED && !thread->is_lane && deadlock_is_lock_wait(thread) &&
            now_ns - thread->parked_since_ns >= STUCK_NS)
            return true;
    }
    return false;
}

static bool quiet(void *context, uint64_t next_due_ns)
{
    struct world *world = state.world;

    (void)context;
    /* A program may sleep or hold a lock for as long as it likes. */
    if (world->has_program || is_everyone_at_rest()) {
        check_nodes(world, true);
        if (advance(world, next_due_ns))
            return true;
    }
    if (next_due_ns == TIME_NEVER || is_anyone_stuck(next_due_ns))
        deadlock_check(next_due_ns == TIME_NEVER);
    if (!world->has_program && next_due_ns >= STUCK_NS)
        deadlock_check_kept(next_due_ns == TIME_NEVER ? TIME_NEVER : next_due_ns - STUCK_NS);
    if (world->phase == WORLD_DRAINING)
        return next_due_ns != TIME_NEVER;
    if (next_due_ns == TIME_NEVER)
        fail_unstopped(world);
    return true;
}

static void finish(void *context)
{
    (void)context;
    if (state.world != NULL && state.world->has_program)
        foreign_end();
    posix_run_end();
    kernel_end();
    state.world = NULL;
}

/* ---- targets ---- */

void world_each_host(struct world *world, const struct scenario_ref *ref,
                     void (*visit)(void *context, struct host *host), void *context)
{
    for (size_t i = ref->actor_first; i < (size_t)ref->actor_first + ref->actor_count; i++) {
        bool is_shared = i > 0 && world->hosts[i] == world->hosts[i - 1];
        if (!is_shared || i == ref->actor_first)
            visit(context, world->hosts[i]);
    }
}

static void trace_and_check(void *context, const struct vthread *thread, const struct op *op)
{
    (void)context;
    (void)thread;
    (void)op;
    if (state.world == NULL)
        return;
    /* It looks at everything while every thread stands still: not a race. */
    if (__tsan_ignore_thread_begin != NULL)
        __tsan_ignore_thread_begin();
    check_nodes(state.world, false);
    if (__tsan_ignore_thread_end != NULL)
        __tsan_ignore_thread_end();
}

static void prepare(void *context, struct run_spec *spec)
{
    const struct world_spec *world_spec = context;
    const struct scenario *scenario = world_spec->scenario;

    spec->context = context;
    spec->start = start;
    spec->quiet = quiet;
    spec->finish = finish;
    spec->steps_max = scenario->steps_max.max == 0 ? STEPS_MAX_DEFAULT : scenario->steps_max.max;
    spec->time_ns_max = TIME_MAX_NS;
    spec->step_cost_ns = STEP_COST_NS;
    if (world_spec->check_every_step && spec->trace == NULL)
        spec->trace = trace_and_check;
}

static void set_plant(unsigned plant)
{
    state.plants[plant / 64] |= UINT64_C(1) << (plant % 64);
}

void world_target(const struct world_spec *spec, const char *name, struct target *out)
{
    memset(state.plants, 0, sizeof(state.plants));
    if (spec->plants != NULL)
        memcpy(state.plants, spec->plants, sizeof(state.plants));
    for (size_t i = 0; i < spec->scenario->plant_count; i++)
        set_plant(spec->scenario->plants[i]);
    node_configs_init(&state.configs, spec->scenario);
    /* Core announces its atomics, in every build the same ones. */
    if (race_atomic_points_set != NULL)
        race_atomic_points_set(program_is_in(spec->scenario));
    *out = (struct target){.name = name, .context = (void *)(uintptr_t)spec, .prepare = prepare};
}
