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
    symbols_expand(result->finding.detail, sizeof(result->finding.detail));
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
        const struct finding *finding = &result.finding;
        if (finding->kind == FINDING_NONE)
            continue;
        if (litmus->title != NULL && strcmp(finding->title, litmus->title) == 0) {
            found++;
        } else if (!*has_other) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(litmus_programs_are_judged_right),
        cmocka_unit_test(library_calls_are_judged_right),
    };

    return cmocka_run_group_tests_name("race_posix", tests, NULL, NULL);
}
