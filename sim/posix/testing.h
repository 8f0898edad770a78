/*
 * sim/posix/testing.h - what the tests of this folder share: small programs, run under the dull
 * schedule or under many.
 *
 * A program says what it saw by its exit status. Titles are compared with function names in place
 * of code addresses.
 */
#ifndef SIM_POSIX_TESTING_H
#define SIM_POSIX_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/posix/program.h"
#include "sim/report/symbols.h"
#include "sim/sched/strategy.h"

/* Seed 0 is the dull run; others are random walks. */
__attribute__((unused)) static void run_seed(int (*program)(void *), uint64_t seed,
                                             struct run_result *result)
{
    struct strategy_spec strategy = {.ops = seed == 0 ? &strategy_dull : &strategy_random};
    struct run_spec spec = {
        .strategy = &strategy,
        .source = {.kind = seed == 0 ? CHOICE_FROM_DULL : CHOICE_FROM_SEED, .seed = seed},
        .steps_max = 100000,
        .time_ns_max = UINT64_C(1000000000000),
        .step_cost_ns = 100,
    };

    program_run(program, NULL, &spec, result);
    symbols_expand(result->finding.title, sizeof(result->finding.title));
    symbols_expand(result->finding.detail, sizeof(result->finding.detail));
}

/* The first of `seeds` runs that ends with `status`; fails the test when none does or a run ends
 * with a finding. */
__attribute__((unused)) static void expect_status_within(int (*program)(void *), int status,
                                                         uint64_t seeds)
{
    for (uint64_t seed = 0; seed < seeds; seed++) {
        struct run_result result;
        run_seed(program, seed, &result);
        if (result.finding.kind != FINDING_NONE)
            fail_msg("seed %lu: %s\n%s", (unsigned long)seed, result.finding.title,
                     result.finding.detail);
        if (program_exit_status() == status)
            return;
    }
    fail_msg("no run out of %lu ended with %d", (unsigned long)seeds, status);
}

/* Every one of `seeds` runs ends with status 0. */
__attribute__((unused)) static void expect_always_ok(int (*program)(void *), uint64_t seeds)
{
    for (uint64_t seed = 0; seed < seeds; seed++) {
        struct run_result result;
        run_seed(program, seed, &result);
        if (result.finding.kind != FINDING_NONE)
            fail_msg("seed %lu: %s\n%s", (unsigned long)seed, result.finding.title,
                     result.finding.detail);
        if (program_exit_status() != 0)
            fail_msg("seed %lu: status %d", (unsigned long)seed, program_exit_status());
    }
}

/* Some run within `seeds` ends with exactly this finding; `result` (may be NULL) is that run's. */
__attribute__((unused)) static void expect_finding_within(int (*program)(void *),
                                                          enum finding_kind kind, const char *title,
                                                          uint64_t seeds, struct run_result *result)
{
    struct run_result own;
    char other[FINDING_TITLE_BYTES] = "nothing";

    if (result == NULL)
        result = &own;
    for (uint64_t seed = 0; seed < seeds; seed++) {
        run_seed(program, seed, result);
        if (result->finding.kind == kind && strcmp(result->finding.title, title) == 0)
            return;
        if (result->finding.kind != FINDING_NONE)
            strcpy(other, result->finding.title);
    }
    fail_msg("%lu runs without \"%s\"; seen: %s", (unsigned long)seeds, title, other);
}

/* The dull run has it. */
__attribute__((unused)) static void expect_finding(int (*program)(void *), enum finding_kind kind,
                                                   const char *title)
{
    expect_finding_within(program, kind, title, 1, NULL);
}

/* The same seed gives the same run. */
__attribute__((unused)) static void expect_deterministic(int (*program)(void *), uint64_t seeds)
{
    for (uint64_t seed = 0; seed < seeds; seed++) {
        struct run_result first;
        struct run_result second;
        run_seed(program, seed, &first);
        run_seed(program, seed, &second);
        assert_true(first.trace_hash == second.trace_hash);
        assert_true(first.steps == second.steps);
        assert_true(first.time_ns == second.time_ns);
        assert_string_equal(first.finding.title, second.finding.title);
    }
}

#define TESTS_RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
