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

static const struct suite suites[] = {
    {"engine", bench_engine, "cost of a scheduling point and of a switch"},
    {"programs", bench_programs, "small programs: runs a second on one core"},
    {"scenario", bench_scenario, "whole worlds with the core: runs a second on one core"},
    {"memory", bench_memory, "memory of an exploring process, and whether it stays"},
    {"scale", bench_scale, "many threads and connections in one world"},
};

struct bench_options bench_options = {.seconds = 1.0};

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
    fprintf(out, "usage: bench [--json] [--seconds S] [SUITE...]\n\nsuites:\n");
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
        fprintf(out, "  %-10s %s\n", suites[i].name, suites[i].about);
}

static const struct suite *find(const char *name)
{
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        if (strcmp(suites[i].name, name) == 0)
            return &suites[i];
    }
    return NULL;
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

int main(int argc, char **argv)
{
    const struct suite *chosen[16];
    size_t chosen_count = 0;

    bench_options.root = find_root();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            bench_options.is_json = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            usage(stdout);
            return 0;
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            char *end;
            bench_options.seconds = strtod(argv[++i], &end);
            if (*end != '\0' || bench_options.seconds <= 0)
                return bad_usage("not a number of seconds", argv[i]);
        } else if (find(argv[i]) != NULL && chosen_count < 16) {
            chosen[chosen_count++] = find(argv[i]);
        } else {
            return bad_usage("no such suite or option", argv[i]);
        }
    }
    sched_init();
    for (size_t i = 0; chosen_count == 0 && i < sizeof(suites) / sizeof(suites[0]); i++)
        suites[i].run();
    for (size_t i = 0; i < chosen_count; i++)
        chosen[i]->run();
    return 0;
}
