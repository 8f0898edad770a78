/*
 * sim/sched/sched_test.c - the engine by itself: worlds made of bare points, parks and timers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/sched/crash.h"
#include "sim/sched/sched.h"
#include "sim/sched/strategy.h"
#include "sim/search/search.h"

static struct {
    int value;
    int order[64];
    int order_count;
    struct waitq queue;
    struct vthread *threads[4];
    enum park_result result;
    uint64_t now_ns;
    bool has_missed_update;
} world;

static _Thread_local int own;

static void note(int what)
{
    world.order[world.order_count++ % 64] = what;
}

static bool end_at_quiet(void *context, uint64_t next_due_ns)
{
    (void)context;
    return next_due_ns != TIME_NEVER;
}

static void run_world(void (*start)(void *), const struct strategy_spec *strategy, uint64_t seed,
                      struct run_result *result)
{
    struct run_spec spec = {
        .strategy = strategy,
        .source = {.kind = seed == 0 ? CHOICE_FROM_DULL : CHOICE_FROM_SEED, .seed = seed},
        .steps_max = 100000,
        .time_ns_max = 1000000000,
        .step_cost_ns = 100,
        .base_steps = 10,
        .start = start,
        .quiet = end_at_quiet,
    };

    sched_init();
    memset(&world, 0, sizeof(world));
    sched_run(&spec, result);
}

/* ---- interleavings ---- */

static int load_value(void)
{
    sched_point(OP_LOAD, &world.value, "value", NULL);
    sched_memory_result(&world.value, (uint64_t)world.value, (uint64_t)world.value);
    return world.value;
}

static void store_value(int value)
{
    sched_point(OP_STORE, &world.value, "value", NULL);
    int found = world.value;
    world.value = value;
    sched_memory_result(&world.value, (uint64_t)found, (uint64_t)value);
}

static void increment(void *arg)
{
    (void)arg;
    own++;
    int seen = load_value();
    store_value(seen + 1);
}

static void start_two_increments(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, increment, NULL);
    (void)sched_spawn("b", NULL, increment, NULL);
}

/* The dull run never preempts, so it never loses an update. */
static void dull_run_does_not_preempt(void **state)
{
    struct run_result result;

    (void)state;
    run_world(start_two_increments, NULL, 0, &result);
    assert_int_equal(result.finding.kind, FINDING_NONE);
    assert_int_equal(world.value, 2);
}

/* Every strategy that preempts comes across the lost update within a few runs. */
static void strategies_find_the_lost_update(void **state)
{
    static const char *const names[] = {"random", "sticky,p=300000", "pct,d=2", "pct,d=3", "pos"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct strategy_spec strategy;
        char error[128];
        uint64_t seed = 1;
        assert_int_equal(strategy_parse(names[i], &strategy, error, sizeof(error)), 0);
        for (;; seed++) {
            struct run_result result;
            run_world(start_two_increments, &strategy, seed, &result);
            if (world.value == 1)
                break;
            assert_true(seed < 200);
        }
    }
}

static void same_seed_gives_the_same_hash(void **state)
{
    struct strategy_spec strategy = {.ops = &strategy_random};

    (void)state;
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct run_result first;
        struct run_result second;
        run_world(start_two_increments, &strategy, seed, &first);
        run_world(start_two_increments, &strategy, seed, &second);
        assert_true(first.trace_hash == second.trace_hash);
        assert_true(first.steps == second.steps);
    }
}

/* The deviations that a random run recorded make the same run again, without the seed. */
static void recording_replays_the_run(void **state)
{
    struct strategy_spec strategy = {.ops = &strategy_random};
    static const struct strategy_spec recorded = {.ops = &strategy_recorded};

    (void)state;
    for (uint64_t seed = 1; seed < 50; seed++) {
        struct run_result first;
        struct run_result again;
        struct choice_deviation deviations[256];
        size_t count;

        run_world(start_two_increments, &strategy, seed, &first);
        const struct choice_deviation *made = choice_deviations(&count);
        assert_true(count < 256);
        memcpy(deviations, made, count * sizeof(*made));
        struct run_spec spec = {
            .strategy = &recorded,
            .source = {.kind = CHOICE_FROM_RECORD,
                       .deviations = deviations,
                       .deviation_count = count},
            .steps_max = 100000,
            .step_cost_ns = 100,
            .start = start_two_increments,
            .quiet = end_at_quiet,
        };
        memset(&world, 0, sizeof(world));
        sched_run(&spec, &again);
        assert_true(first.trace_hash == again.trace_hash);
        assert_int_equal(choice_recorded_unused(NULL), 0);
    }
}

/* ---- identity ---- */

static void note_own(void *arg)
{
    int id = (int)(intptr_t)arg;

    own = id;
    for (int i = 0; i < 5; i++) {
        sched_point(OP_LOAD, &own, "own", NULL);
        world.has_missed_update |= own != id;
    }
}

static void start_three_with_tls(void *context)
{
    (void)context;
    for (intptr_t i = 0; i < 3; i++)
        (void)sched_spawn("t", NULL, note_own, (void *)i);
}

static void thread_local_storage_follows_the_thread(void **state)
{
    struct strategy_spec strategy = {.ops = &strategy_random};

    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        struct run_result result;
        run_world(start_three_with_tls, &strategy, seed, &result);
        assert_false(world.has_missed_update);
        assert_true(result.switches > 3);
    }
}

/* ---- parking and time ---- */

static void wait_with_deadline(void *arg)
{
    struct op op = {.kind = OP_WAIT, .label = "wait"};

    (void)arg;
    sched_point(OP_WAIT, &world.queue, "wait", NULL);
    world.result = waitq_park(&world.queue, &op, NULL, 1000000, false);
    world.now_ns = sched_now_ns();
}

static void wake_one(struct timer *timer)
{
    (void)timer;
    (void)waitq_wake_one(&world.queue);
}

static void start_timeout(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, wait_with_deadline, NULL);
}

static void park_ends_at_its_deadline(void **state)
{
    struct run_result result;

    (void)state;
    run_world(start_timeout, NULL, 0, &result);
    assert_int_equal(world.result, PARK_TIMEOUT);
    assert_true(world.now_ns >= 1000000 && world.now_ns < 1001000);
    assert_int_equal(world.queue.count, 0);
}

static struct timer waker;

static void start_race_of_wake_and_deadline(void *context)
{
    (void)context;
    memset(&waker, 0, sizeof(waker));
    (void)sched_spawn("a", NULL, wait_with_deadline, NULL);
    timer_arm(&waker, sched_lane_new("waker"), 1000000, wake_one, NULL);
}

/* Deadline and wake-up at the same instant: which wins is the schedule's choice. */
static void wake_and_deadline_both_can_win(void **state)
{
    struct strategy_spec strategy = {.ops = &strategy_random};
    int counts[3] = {0, 0, 0};

    (void)state;
    for (uint64_t seed = 1; seed < 100; seed++) {
        struct run_result result;
        run_world(start_race_of_wake_and_deadline, &strategy, seed, &result);
        counts[world.result]++;
    }
    assert_true(counts[PARK_WOKEN] > 0);
    assert_true(counts[PARK_TIMEOUT] > 0);
}

static struct timer timers[3];

static void fire_note(struct timer *timer)
{
    note((int)(timer - timers));
}

static void start_timers(void *context)
{
    struct vthread *lane = sched_lane_new("lane");

    (void)context;
    memset(timers, 0, sizeof(timers));
    timer_arm(&timers[0], lane, 300, fire_note, NULL);
    timer_arm(&timers[1], lane, 100, fire_note, NULL);
    timer_arm(&timers[2], lane, 100, fire_note, NULL);
}

static void timers_fire_in_order_of_due_and_sequence(void **state)
{
    struct run_result result;

    (void)state;
    run_world(start_timers, NULL, 0, &result);
    assert_int_equal(world.order_count, 3);
    assert_int_equal(world.order[0], 1);
    assert_int_equal(world.order[1], 2);
    assert_int_equal(world.order[2], 0);
}

/* ---- spinning ---- */

static void spin_until_set(void *arg)
{
    (void)arg;
    while (load_value() == 0) {
    }
}

static void set_value(void *arg)
{
    (void)arg;
    store_value(1);
}

static void start_spinner_and_setter(void *context)
{
    (void)context;
    (void)sched_spawn("spinner", NULL, spin_until_set, NULL);
    (void)sched_spawn("setter", NULL, set_value, NULL);
}

/* Without spin detection the dull run would never leave the loop. */
static void spinning_is_blocking(void **state)
{
    struct run_result result;

    (void)state;
    run_world(start_spinner_and_setter, NULL, 0, &result);
    assert_int_equal(result.finding.kind, FINDING_NONE);
    assert_true(result.steps < 20);
}

static void spin_with_bound(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3000 && load_value() == 0; i++) {
    }
    note(1);
}

static void start_bounded_spinner(void *context)
{
    (void)context;
    (void)sched_spawn("spinner", NULL, spin_with_bound, NULL);
}

static void bounded_spin_comes_to_its_end(void **state)
{
    struct run_result result;

    (void)state;
    run_world(start_bounded_spinner, NULL, 0, &result);
    assert_int_equal(result.finding.kind, FINDING_NONE);
    assert_int_equal(world.order_count, 1);
}

static bool fail_when_parked(void *context, uint64_t next_due_ns)
{
    (void)context;
    (void)next_due_ns;
    for (size_t i = 0; i < sched_thread_count(); i++) {
        struct vthread *thread = sched_thread(i);
        if (!thread->is_lane && thread->state == VTHREAD_PARKED)
            finding_fail(FINDING_DEADLOCK, NULL, "deadlock: %s", thread->name);
    }
    return false;
}

static void start_endless_spinner(void *context)
{
    (void)context;
    (void)sched_spawn("spinner", NULL, spin_until_set, NULL);
}

static void endless_spin_is_a_park(void **state)
{
    struct run_spec spec = {.steps_max = 100000,
                            .step_cost_ns = 100,
                            .start = start_endless_spinner,
                            .quiet = fail_when_parked};
    struct run_result result;

    (void)state;
    memset(&world, 0, sizeof(world));
    sched_run(&spec, &result);
    assert_int_equal(result.finding.kind, FINDING_DEADLOCK);
    assert_string_equal(result.finding.title, "deadlock: spinner");
}

/* ---- ends ---- */

static void yield_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        sched_yield_point("yield", NULL);
}

static void start_endless_yielder(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, yield_for_ever, NULL);
}

static void bound_on_steps_is_a_verdict(void **state)
{
    struct run_result result;

    (void)state;
    run_world(start_endless_yielder, NULL, 0, &result);
    assert_int_equal(result.finding.kind, FINDING_STEP_BOUND);
}

static void trap(void *arg)
{
    (void)arg;
    sched_point(OP_LOAD, NULL, "trap", NULL);
    *(volatile int *)8 = 1;
}

static void start_trap(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, trap, NULL);
    (void)sched_spawn("b", NULL, note_own, NULL);
}

/* A trap ends the run, not the process, as often as it likes. */
static void crash_ends_the_run_only(void **state)
{
    (void)state;
    sched_init();
    crash_init(); /* the test framework has put its own handlers over ours */
    for (int i = 0; i < 100; i++) {
        struct run_result result;
        run_world(start_trap, NULL, 0, &result);
        assert_int_equal(result.finding.kind, FINDING_CRASH);
    }
    struct run_result result;
    run_world(start_two_increments, NULL, 0, &result);
    assert_int_equal(result.finding.kind, FINDING_NONE);
}

/* Fair PCT: a waiting loop that yields does not starve the thread it waits for. */
static void yield_until_set(void *arg)
{
    (void)arg;
    while (world.value == 0)
        sched_yield_point("yield", NULL);
}

static void start_yielder_and_setter(void *context)
{
    (void)context;
    (void)sched_spawn("yielder", NULL, yield_until_set, NULL);
    (void)sched_spawn("setter", NULL, set_value, NULL);
}

static void yielding_is_fair_under_every_strategy(void **state)
{
    static const char *const names[] = {"dull", "random", "sticky,p=1", "pct,d=5", "pos"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct strategy_spec strategy;
        char error[128];
        assert_int_equal(strategy_parse(names[i], &strategy, error, sizeof(error)), 0);
        for (uint64_t seed = 1; seed < 50; seed++) {
            struct run_result result;
            run_world(start_yielder_and_setter, &strategy, seed, &result);
            assert_int_equal(result.finding.kind, FINDING_NONE);
            assert_true(result.steps < 100);
        }
    }
}

/* ---- campaigns ---- */

static void check_value(void *context)
{
    (void)context;
}

static bool fail_on_lost_update(void *context, uint64_t next_due_ns)
{
    (void)context;
    (void)next_due_ns;
    if (world.value != 2)
        finding_fail(FINDING_INVARIANT, NULL, "invariant: lost update");
    return false;
}

static void start_fresh_increments(void *context)
{
    memset(&world, 0, sizeof(world));
    start_two_increments(context);
}

static void prepare(void *context, struct run_spec *spec)
{
    (void)context;
    spec->start = start_fresh_increments;
    spec->quiet = fail_on_lost_update;
    spec->finish = check_value;
    spec->steps_max = 1000;
    spec->step_cost_ns = 100;
}

/* A finding replays from its trial alone, and shards see the same trials. */
static void campaign_finding_replays_by_trial(void **state)
{
    struct target target = {.name = "increments", .prepare = prepare};
    struct search_spec spec = {
        .target = &target, .campaign_seed = 42, .schedules_max = 1000, .check_determinism = true};
    static struct search_result whole;
    static struct search_result shard;

    (void)state;
    search_run(&spec, &whole);
    assert_int_equal(whole.finding_count, 1);
    for (int i = 0; i < 100; i++) {
        struct run_result run;
        search_replay(&target, &whole.findings[0].trial, NULL, NULL, &run);
        assert_true(run.trace_hash == whole.findings[0].trace_hash);
    }
    spec.shard_count = 3;
    uint64_t first = UINT64_MAX;
    for (uint32_t i = 0; i < 3; i++) {
        spec.shard_index = i;
        search_run(&spec, &shard);
        if (shard.finding_count != 0 && shard.findings[0].trial.number < first)
            first = shard.findings[0].trial.number;
    }
    assert_true(first == whole.findings[0].trial.number);
}

static void strategy_texts_round_trip_and_bad_ones_are_refused(void **state)
{
    static const char *const good[] = {"dull", "random", "sticky,p=7", "pct,d=5", "pos"};
    static const char *const bad[] = {"", "pc", "pct,d=", "pct,d=0", "pct,d=x", "pos,d=3", "pct,"};
    struct strategy_spec strategy;
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(strategy_parse(good[i], &strategy, text, sizeof(text)), 0);
        strategy_print(&strategy, text, sizeof(text));
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(strategy_parse(bad[i], &strategy, text, sizeof(text)), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dull_run_does_not_preempt),
        cmocka_unit_test(strategies_find_the_lost_update),
        cmocka_unit_test(same_seed_gives_the_same_hash),
        cmocka_unit_test(recording_replays_the_run),
        cmocka_unit_test(thread_local_storage_follows_the_thread),
        cmocka_unit_test(park_ends_at_its_deadline),
        cmocka_unit_test(wake_and_deadline_both_can_win),
        cmocka_unit_test(timers_fire_in_order_of_due_and_sequence),
        cmocka_unit_test(spinning_is_blocking),
        cmocka_unit_test(bounded_spin_comes_to_its_end),
        cmocka_unit_test(endless_spin_is_a_park),
        cmocka_unit_test(bound_on_steps_is_a_verdict),
        cmocka_unit_test(crash_ends_the_run_only),
        cmocka_unit_test(yielding_is_fair_under_every_strategy),
        cmocka_unit_test(campaign_finding_replays_by_trial),
        cmocka_unit_test(strategy_texts_round_trip_and_bad_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
