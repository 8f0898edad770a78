/*
 * sim/race/race_posix_test.c - the detector and the heap under pthread programs whose errors are
 * known, by the edges that sim/posix draws.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/posix/program.h"
#include "sim/race/litmus_posix.h"
#include "sim/race/race.h"
#include "sim/race/title.h"
#include "sim/report/symbols.h"
#include "sim/sched/strategy.h"

enum { SCHEDULES = 2000 };

static void run_seed(const struct litmus_posix *litmus, const struct strategy_spec *strategy,
                     uint64_t seed, struct run_result *result)
{
    const struct run_spec spec = {
        .strategy = strategy,
        .source = {.kind = CHOICE_FROM_SEED, .seed = seed},
        .steps_max = 100000,
        .time_ns_max = UINT64_C(1000000000000),
        .step_cost_ns = 100,
        .base_steps = 30,
    };

    program_run(litmus->main, NULL, &spec, result);
    if (result->finding.kind == FINDING_NONE)
        return;
    symbols_expand(result->finding.title, sizeof(result->finding.title));
    race_title_sort(result->finding.title);
}

/* How many of the runs ended with the title that is expected; prints the first with another. */
static unsigned explore(const struct litmus_posix *litmus, const char *strategy_text,
                        bool *has_other)
{
    struct strategy_spec strategy;
    char error[128];
    unsigned found = 0;

    assert_int_equal(strategy_parse(strategy_text, &strategy, error, sizeof(error)), 0);
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        struct run_result result;
        run_seed(litmus, &strategy, seed, &result);
        struct finding *finding = &result.finding;
        if (finding->kind == FINDING_NONE)
            continue;
        if (litmus->title != NULL && strcmp(finding->title, litmus->title) == 0) {
            found++;
        } else if (!*has_other) {
            symbols_expand_places(finding->detail, sizeof(finding->detail));
            print_error("%s: seed %lu: %s\n%s\n", litmus->name, (unsigned long)seed, finding->title,
                        finding->detail);
            *has_other = true;
        }
    }
    return found;
}

static void judge(const struct litmus_posix *table, size_t count)
{
    static const char *const strategies[] = {"random", "pct,d=3", "pos"};
    unsigned wrong = 0;

    for (size_t i = 0; i < count; i++) {
        const struct litmus_posix *litmus = &table[i];
        bool has_other = false;
        unsigned found = 0;
        for (size_t j = 0; j < sizeof(strategies) / sizeof(strategies[0]); j++)
            found += explore(litmus, strategies[j], &has_other);
        if (!has_other && (found != 0) == (litmus->title != NULL))
            continue;
        print_error("%s: found %u times\n", litmus->name, found);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* Goal: each program's error is found and has the right name, and correct programs have none. */
static void litmus_programs_are_judged_right(void **state)
{
    (void)state;
    judge(litmus_posix_table, litmus_posix_count);
}

/* Goal: the same of programs whose memory the C library reads and writes. */
static void library_calls_are_judged_right(void **state)
{
    (void)state;
    judge(litmus_memory_table, litmus_memory_count);
}

static const struct litmus_posix *find(const char *name)
{
    for (size_t i = 0; i < litmus_memory_count; i++) {
        if (strcmp(litmus_memory_table[i].name, name) == 0)
            return &litmus_memory_table[i];
    }
    fail_msg("no program is called %s", name);
    return NULL;
}

/* Goal: a report says whose memory it is, where a block came from, and both sides' stacks. */
static void memory_and_stacks_are_named(void **state)
{
    static const struct {
        const char *name;
        const char *words[4];
    } wanted[] = {
        {"the length of what changes",
         {"memory: the variable text+0x3\n", "write of 1 byte by ", " in change_text",
          "read of 8 bytes by "}},
        {"a local of another", {"memory: the stack of ", "write of 4 bytes by "}},
        {"thread-local of another", {"memory: thread-local storage of ", " in lend_own"}},
        {"freed while written",
         {"memory: in a block of 4 bytes\n", "allocated by ", " in take (", "<- hand_block ("}},
    };
    static const struct strategy_spec strategy = {.ops = &strategy_random};

    (void)state;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct run_result result = {.finding = {.kind = FINDING_NONE}};
        for (uint64_t seed = 1; result.finding.kind != FINDING_DATA_RACE; seed++) {
            assert_true(seed <= SCHEDULES);
            run_seed(find(wanted[i].name), &strategy, seed, &result);
        }
        symbols_expand_places(result.finding.detail, sizeof(result.finding.detail));
        for (size_t j = 0; j < 4 && wanted[i].words[j] != NULL; j++) {
            if (strstr(result.finding.detail, wanted[i].words[j]) == NULL)
                fail_msg("%s: no '%s' in:\n%s", wanted[i].name, wanted[i].words[j],
                         result.finding.detail);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(litmus_programs_are_judged_right),
        cmocka_unit_test(library_calls_are_judged_right),
        cmocka_unit_test(memory_and_stacks_are_named),
    };

    return cmocka_run_group_tests_name("race_posix", tests, NULL, NULL);
}
