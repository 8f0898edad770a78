/*
 * sim/bench/scenario.c - whole worlds with the core inside: runs a second, memory, scale.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/bench/bench.h"
#include "sim/input/buffer.h"
#include "sim/input/diagnostics.h"
#include "sim/input/scenario.h"
#include "sim/search/search.h"
#include "sim/world/world.h"

/* The budget's scenario: 3 workers, 4 connections, H1. */
static const char small_world[] = "node p\n"
                                  "    workers 3\n"
                                  "    listen fe 10.0.0.1:80 h1\n"
                                  "    backend app 10.0.1.1:8080 h1\n"
                                  "client c 10.9.0.1 x4 load requests=1 to=10.0.0.1:80 path=/a\n"
                                  "server s1 10.0.1.1:8080 h1 auto body=100\n";

static struct scenario *parse(const char *text)
{
    struct diagnostics diag;
    struct scenario *scenario;

    diagnostics_init(&diag);
    if (!scenario_parse(text, strlen(text), "bench", &scenario, &diag)) {
        diagnostics_print(&diag, stderr);
        exit(1);
    }

    return scenario;
}

/* Resident memory of this process, in KiB. */
static double resident_kib(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size = 0;
    unsigned long resident = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    (void)fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024;
}

static void search(const char *text, double seconds, struct search_result *result)
{
    struct scenario *scenario = parse(text);
    struct world_spec world = {.scenario = scenario};
    struct target target;
    struct search_spec spec = {
        .target = &target, .campaign_seed = 1, .time_ns_max = (uint64_t)(seconds * 1e9)};

    world_target(&world, "bench", &target);
    search_run(&spec, result);
    scenario_free(scenario);
}

static void report_finding(const struct search_result *result, char *detail, size_t bytes)
{
    if (result->finding_count != 0)
        (void)snprintf(detail, bytes, "FOUND: %s", result->findings[0].finding.title);
}

void bench_scenario(void)
{
    static struct search_result result;
    char detail[300];

    search(small_world, bench_options.seconds * 3, &result);
    double seconds = (double)result.elapsed_ns * 1e-9;
    (void)snprintf(detail, sizeof(detail), "%.0f points a run, %.1f ns a point",
                   (double)result.points / (double)result.schedules,
                   (double)result.elapsed_ns / (double)result.points);
    report_finding(&result, detail, sizeof(detail));
    bench_row("scenario", "3 workers, 4 connections, H1", (double)result.schedules / seconds,
              "runs/s", 20000, detail);
}

void bench_memory(void)
{
    static struct search_result result;
    char detail[300] = "";

    search(small_world, bench_options.seconds, &result);
    double early = resident_kib();
    search(small_world, bench_options.seconds * 4, &result);
    double late = resident_kib();
    (void)snprintf(detail, sizeof(detail), "%.1f MiB after a fifth of the time, %.1f at the end",
                   early / 1024, late / 1024);
    report_finding(&result, detail, sizeof(detail));
    bench_row("memory", "resident memory while exploring", late / 1024, "MiB", 64, detail);
}

/* A world with `connections` clients of one request each, `workers` workers; ns of real time per
 * request in the best of a few runs. */
static double ns_per_request(unsigned workers, unsigned clients, unsigned requests)
{
    char text[512];
    static struct search_result result;
    double best = 1e18;

    (void)snprintf(text, sizeof(text),
                   "node p\n"
                   "    workers %u\n"
                   "    fd-max 65536\n"
                   "    maxconn 20000\n"
                   "    listen fe 10.0.0.1:80 h1\n"
                   "    backend app 10.0.1.1:8080 h1\n"
                   "client c 10.9.0.1 x%u load requests=%u to=10.0.0.1:80 path=/a\n"
                   "server s1 10.0.1.1:8080 h1 auto body=10\n"
                   "steps 100000000\n",
                   workers, clients, requests);
    struct scenario *scenario = parse(text);
    struct world_spec world = {.scenario = scenario};
    struct target target;
    world_target(&world, "bench", &target);
    struct search_spec spec = {.target = &target, .campaign_seed = 1, .schedules_max = 3};
    search_run(&spec, &result);
    if (result.finding_count != 0)
        fprintf(stderr, "bench: scale: %s\n", result.findings[0].finding.title);
    best = (double)result.elapsed_ns / (double)result.schedules / (clients * (double)requests);
    scenario_free(scenario);
    return best;
}

void bench_scale(void)
{
    double few = ns_per_request(2, 10, 100);
    double many = ns_per_request(2, 100, 100);
    double threads = ns_per_request(60, 100, 100);
    char detail[128];

    bench_row("scale", "real time a request, 10 clients, 2 workers", few / 1000, "us", 0, NULL);
    (void)snprintf(detail, sizeof(detail), "%.2f times the cost with 10", many / few);
    bench_row("scale", "the same with 100 clients, 10,000 connections", many / 1000, "us", 0,
              detail);
    (void)snprintf(detail, sizeof(detail), "%.2f times the cost with 10", threads / few);
    bench_row("scale", "the same with 60 workers", threads / 1000, "us", 0, detail);
}
