/*
 * sim/bench/main.c - the benchmarks of the budgets: `bazel run //sim:bench`.
 *
 * Prints a table; asserts nothing. Machines differ and are noisy, so compare ratios within one run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/bench/bench.h"
#include "sim/sched/sched.h"

struct suite {
    const char *name;
    void (*run)(void);
    const char *about;
};

enum { SUITES = 6 };

/* Suites of one name run together. */
static const struct suite suites[SUITES] = {
    {"engine", bench_engine, "cost of a scheduling point and of a switch"},
    {"programs", bench_programs, "small programs: runs a second on one core"},
    {"programs", bench_scores, "small programs with a bug: schedules until it is found"},
    {"scenario", bench_scenario, "whole worlds with the core: runs a second on one core"},
    {"memory", bench_memory, "memory of an exploring process, and whether it stays"},
    {"scale", bench_scale, "many threads and connections in one world"},
};

struct bench_options bench_options = {.seconds = 1.0, .trials = 20};

double bench_now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void bench_row(const char *suite, const char *name, double value, const char *unit, double budget,
               const char *detail)
{
    if (bench_options.is_json) {
        printf(
            "{\"event\":\"bench\",\"suite\":\"%s\",\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"",
            suite, name, value, unit);
        if (budget != 0)
            printf(",\"budget\":%.0f", budget);
        printf("}\n");
        return;
    }
    printf("%-9s %-52s %12.1f %-8s", suite, name, value, unit);
    if (budget != 0)
        printf(" budget %.0f", budget);
    if (detail != NULL)
        printf("  %s", detail);
    printf("\n");
    fflush(stdout);
}

static void usage(FILE *out)
{
    fprintf(out, "usage: bench [--json] [--seconds S] [--trials N] [--strategy NAME] [SUITE...]\n\n"
                 "suites:\n");
    for (size_t i = 0; i < SUITES; i++)
        fprintf(out, "  %-10s %s\n", suites[i].name, suites[i].about);
}

/* Marks the suites of this name; false: there is none. */
static bool choose(const char *name, bool *is_chosen)
{
    bool is_known = false;

    for (size_t i = 0; i < SUITES; i++) {
        if (strcmp(suites[i].name, name) == 0)
            is_chosen[i] = is_known = true;
    }
    return is_known;
}

static int bad_usage(const char *what, const char *which)
{
    fprintf(stderr, "bench: %s: %s\n", what, which);
    usage(stderr);
    return 2;
}

/* Where scenarios/ is: the launcher and `bazel run` both say. */
static const char *find_root(void)
{
    const char *root = getenv("HEDDLE_ROOT");

    if (root == NULL)
        root = getenv("BUILD_WORKSPACE_DIRECTORY");
    return root == NULL ? "." : root;
}

/* The option at argv[*at], with its value; 0, or the exit code after a message. */
static int parse_option(int argc, char **argv, int *at)
{
    const char *option = argv[*at];
    char *end;

    if (strcmp(option, "--json") == 0) {
        bench_options.is_json = true;
        return 0;
    }
    if (*at + 1 == argc)
        return bad_usage("no such suite, or no value for this option", option);
    const char *value = argv[++*at];
    if (strcmp(option, "--seconds") == 0) {
        bench_options.seconds = strtod(value, &end);
        if (*end != '\0' || bench_options.seconds <= 0)
            return bad_usage("not a number of seconds", value);
    } else if (strcmp(option, "--trials") == 0) {
        bench_options.trials = (unsigned)strtoul(value, &end, 10);
        if (*end != '\0' || bench_options.trials == 0)
            return bad_usage("not a number of trials", value);
    } else if (strcmp(option, "--strategy") == 0) {
        bench_options.strategy = value;
    } else {
        return bad_usage("no such suite or option", option);
    }
    return 0;
}

int main(int argc, char **argv)
{
    bool is_chosen[SUITES] = {false};
    bool is_all = true;

    bench_options.root = find_root();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        }
        if (choose(argv[i], is_chosen)) {
            is_all = false;
            continue;
        }
        const int exit_code = parse_option(argc, argv, &i);
        if (exit_code != 0)
            return exit_code;
    }
    sched_init();
    for (size_t i = 0; i < SUITES; i++) {
        if (is_all || is_chosen[i])
            suites[i].run();
    }
    return 0;
}
