/*
 * sim/race/race_test.c - the detector against small programs whose races are known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/race/litmus.h"
#include "sim/race/race.h"
#include "sim/race/title.h"
#include "sim/race/tsan.h"
#include "sim/sched/sched.h"
#include "sim/sched/strategy.h"

enum { SCHEDULES = 3000 };

static void call_body(void *arg)
{
    void (*const *body)(void) = arg;

    (*body)();
}

static void start_litmus(void *context)
{
    static const char *const names[LITMUS_BODIES_MAX] = {"a", "b", "c", "d"};
    const struct litmus *litmus = context;

    litmus_reset();
    for (int i = 0; i < LITMUS_BODIES_MAX && litmus->bodies[i] != NULL; i++)
        (void)sched_spawn(names[i], NULL, call_body, (void *)&litmus->bodies[i]);
}

static bool end_at_quiet(void *context, uint64_t next_due_ns)
{
    (void)context;
    return next_due_ns != TIME_NEVER;
}

static void run_one(void (*start)(void *), const void *context,
                    const struct strategy_spec *strategy, uint64_t seed, struct run_result *result)
{
    struct run_spec spec = {
        .strategy = strategy,
        .source = {.kind = seed == 0 ? CHOICE_FROM_DULL : CHOICE_FROM_SEED, .seed = seed},
        .steps_max = 100000,
        .time_ns_max = 1000000000,
        .step_cost_ns = 100,
        .base_steps = 20,
        .start = start,
        .quiet = end_at_quiet,
        .context = (void *)(uintptr_t)context,
    };

    sched_init();
    sched_run(&spec, result);
}

/* Races found in SCHEDULES runs by one strategy; anything else that is found fails the test. */
static unsigned explore(const struct litmus *litmus, const char *strategy_text)
{
    struct strategy_spec strategy;
    char error[128];
    unsigned found = 0;

    assert_int_equal(strategy_parse(strategy_text, &strategy, error, sizeof(error)), 0);
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        struct run_result result;
        run_one(start_litmus, litmus, &strategy, seed, &result);
        if (result.finding.kind == FINDING_NONE)
            continue;
        if (result.finding.kind != FINDING_DATA_RACE) {
            print_error("%s: %s\n", litmus->name, result.finding.title);
            fail();
        }
        if (found++ == 0 && !litmus->has_race)
            print_error("%s: %s\n%s", litmus->name, result.finding.title, result.finding.detail);
    }
    return found;
}

/* Goal: exactly the programs with a race are found to have one. Method: each of them thousands of
 * times under strategies that differ. */
static void litmus_programs_race_or_not(void **state)
{
    static const char *const strategies[] = {"random", "pct,d=3", "pos"};
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < litmus_count; i++) {
        unsigned found = 0;
        for (size_t j = 0; j < sizeof(strategies) / sizeof(strategies[0]); j++)
            found += explore(&litmus_table[i], strategies[j]);
        if ((found != 0) == litmus_table[i].has_race)
            continue;
        print_error("%s: %u races\n", litmus_table[i].name, found);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* ---- what points say about memory ---- */

static const struct litmus *by_name(const char *name)
{
    for (size_t i = 0; i < litmus_count; i++) {
        if (strcmp(litmus_table[i].name, name) == 0)
            return &litmus_table[i];
    }
    fail_msg("no program %s", name);
    return NULL;
}

/* Plain accesses are points only when asked for, and the same seed then gives the same run. */
static void memory_points_are_asked_for(void **state)
{
    const struct litmus *litmus = by_name("write against read");
    struct strategy_spec strategy;
    struct run_result without;
    struct run_result with;
    struct run_result again;
    char error[128];

    (void)state;
    assert_int_equal(strategy_parse("random", &strategy, error, sizeof(error)), 0);
    race_keep_going_set(true);
    run_one(start_litmus, litmus, &strategy, 5, &without);
    race_points_set(true);
    run_one(start_litmus, litmus, &strategy, 5, &with);
    run_one(start_litmus, litmus, &strategy, 5, &again);
    race_points_set(false);
    race_keep_going_set(false);
    race_collected_clear();
    assert_true(with.steps > without.steps);
    assert_int_equal(with.trace_hash, again.trace_hash);
}

/* Under race_keep_going_set a run goes on, and each pair of places counts once. */
static void races_are_collected_once(void **state)
{
    (void)state;
    race_keep_going_set(true);
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct run_result result;
        struct strategy_spec strategy;
        char error[128];
        assert_int_equal(strategy_parse("random", &strategy, error, sizeof(error)), 0);
        run_one(start_litmus, by_name("write against write"), &strategy, seed, &result);
        assert_int_equal(result.finding.kind, FINDING_NONE);
    }
    assert_int_equal(race_collected_count(), 1);
    assert_int_equal(race_collected(0)->kind, FINDING_DATA_RACE);
    assert_non_null(strstr(race_collected(0)->detail, "first: write of 4 bytes by"));
    race_keep_going_set(false);
    race_collected_clear();
}

/* ---- edges from outside ---- */

static int object;
static struct vthread *waiter;

static void enter(void *arg)
{
    (void)arg;
    litmus_touch_one(1);
    __tsan_release(&object);
}

static void enter_after(void *arg)
{
    (void)arg;
    sched_point(OP_LOCK, &object, "lock", NULL);
    sched_point(OP_LOCK, &object, "lock", NULL);
    __tsan_acquire(&object);
    litmus_touch_one(1);
}

static void start_edge(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, enter, NULL);
    waiter = sched_spawn("b", NULL, enter_after, NULL);
}

/* The dull run does a, then b: ordered by the object alone. */
static void acquire_comes_after_release(void **state)
{
    struct run_result result;

    (void)state;
    run_one(start_edge, NULL, NULL, 0, &result);
    assert_int_equal(result.finding.kind, FINDING_NONE);
}

static void only_touch(void *arg)
{
    (void)arg;
    litmus_touch_one(1);
}

static void start_ends(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, only_touch, NULL);
    (void)sched_spawn("b", NULL, only_touch, NULL);
}

/* a has ended before b starts, but nothing says that b comes after it. */
static void an_end_orders_nothing(void **state)
{
    struct run_result result;

    (void)state;
    run_one(start_ends, NULL, NULL, 0, &result);
    assert_int_equal(result.finding.kind, FINDING_DATA_RACE);
}

/* ---- memory that comes and goes ---- */

static char block[64];

static void touch_block(void *arg)
{
    (void)arg;
    litmus_touch_heap(block);
}

static void free_block(void *arg)
{
    (void)arg;
    race_freed(block, sizeof(block), (const void *)(uintptr_t)free_block);
}

static void start_free(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, touch_block, NULL);
    (void)sched_spawn("b", NULL, free_block, NULL);
}

static void freeing_is_a_write(void **state)
{
    struct run_result result;

    (void)state;
    run_one(start_free, NULL, NULL, 0, &result);
    assert_int_equal(result.finding.kind, FINDING_DATA_RACE);
    assert_non_null(strstr(result.finding.detail, "then: free by b"));
}

static void free_and_reuse(void *arg)
{
    (void)arg;
    litmus_touch_heap(block);
    race_freed(block, sizeof(block), (const void *)(uintptr_t)free_and_reuse);
}

static void start_reuse(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, free_and_reuse, NULL);
    (void)sched_spawn("b", NULL, touch_block, NULL);
}

/* Whoever gets the memory next has nothing to do with its past. */
static void freed_memory_has_no_past(void **state)
{
    struct run_result result;

    (void)state;
    run_one(start_reuse, NULL, NULL, 0, &result);
    assert_int_equal(result.finding.kind, FINDING_NONE);
}

/* ---- heap checks ---- */

static const volatile void *checked;

/* In place of sim/memory's. */
void heap_check(const volatile void *address, size_t size_bytes, bool is_write, const void *pc);
void heap_check(const volatile void *address, size_t size_bytes, bool is_write, const void *pc)
{
    (void)size_bytes;
    (void)is_write;
    (void)pc;
    if (address == &block[3])
        checked = address;
}

static void touch_freed(void *arg)
{
    (void)arg;
    litmus_touch_heap(block);
    race_freed(block, sizeof(block), (const void *)(uintptr_t)touch_freed);
    checked = NULL;
    litmus_touch_heap(block);
}

static void start_touch_freed(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, touch_freed, NULL);
}

/* The short way past accesses on record does not lead past a free. */
static void each_access_after_a_free_is_checked(void **state)
{
    struct run_result result;

    (void)state;
    run_one(start_touch_freed, NULL, NULL, 0, &result);
    assert_ptr_equal(checked, &block[3]);
}

/* ---- reports ---- */

static void jump_and_write(void *arg)
{
    (void)arg;
    litmus_jump();
}

static void start_jump(void *context)
{
    (void)context;
    (void)sched_spawn("a", NULL, jump_and_write, NULL);
    (void)sched_spawn("b", NULL, only_touch, NULL);
}

/* longjmp leaves calls without a word; the stack of what comes after is right all the same. */
static void stacks_survive_longjmp(void **state)
{
    struct run_result result;
    unsigned frames = 0;

    (void)state;
    run_one(start_jump, NULL, NULL, 0, &result);
    assert_int_equal(result.finding.kind, FINDING_DATA_RACE);
    /* write_after_jump, litmus_jump, jump_and_write */
    const char *line_end = strchr(result.finding.detail, '\n');
    for (const char *at = result.finding.detail; (at = strstr(at, "{pc:")) != NULL && at < line_end;
         at++)
        frames++;
    assert_int_equal(frames, 3);
}

static void titles_are_sorted(void **state)
{
    static const char *const cases[][2] = {
        {"data-race in b / a", "data-race in a / b"},
        {"data-race in a / b", "data-race in a / b"},
        {"data-race in read_it / read", "data-race in read / read_it"},
        {"data-race in same / same", "data-race in same / same"},
        {"deadlock: b / a", "deadlock: b / a"},
        {"data-race in alone", "data-race in alone"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char title[64];
        (void)snprintf(title, sizeof(title), "%s", cases[i][0]);
        race_title_sort(title);
        assert_string_equal(title, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(litmus_programs_race_or_not),
        cmocka_unit_test(memory_points_are_asked_for),
        cmocka_unit_test(races_are_collected_once),
        cmocka_unit_test(acquire_comes_after_release),
        cmocka_unit_test(an_end_orders_nothing),
        cmocka_unit_test(freeing_is_a_write),
        cmocka_unit_test(freed_memory_has_no_past),
        cmocka_unit_test(each_access_after_a_free_is_checked),
        cmocka_unit_test(stacks_survive_longjmp),
        cmocka_unit_test(titles_are_sorted),
    };

    return cmocka_run_group_tests_name("race", tests, NULL, NULL);
}
