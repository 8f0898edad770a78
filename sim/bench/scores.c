/*
 * sim/bench/scores.c - how soon the tool finds the bugs of scenarios/programs, beside the best
 * score that was published for the same shape.
 *
 * Each program of programs.def is explored as a user would do it, in a process of its own, from
 * several seeds. A score is the mean number of schedules up to and with the one that shows the bug,
 * over the seeds that found it; only the program's own verdict counts, not the data races on the
 * way. Where the program has such a race, a second score says when anything at all was reported.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/random.h"
#include "sim/bench/bench.h"

enum { WORD_BYTES = 32, COMMAND_BYTES = 4 * PATH_MAX, SECONDS_MAX = 20, SCHEDULES_MAX = 1000000 };

/* A line of programs.def; its columns are explained there. */
struct program {
    char name[WORD_BYTES];
    char argument[WORD_BYTES];
    char points[WORD_BYTES];
    char kind[WORD_BYTES];
    char where[WORD_BYTES];
    char race[WORD_BYTES];
    char gate[WORD_BYTES];
    char best[WORD_BYTES];
    char best_by[WORD_BYTES];
};

/* What a number of explorations came to. */
struct score {
    unsigned trials;
    unsigned found;
    uint64_t schedules; /* of those that found it */
    double seconds;     /* likewise */
    bool is_broken;     /* an exploration gave no summary */
};

/* The folder with the built programs: data of this one, so at the same place in every build. */
static bool find_built(char *out, size_t out_bytes)
{
    static const char own[] = "/sim/bench/bench";
    const ssize_t len = readlink("/proc/self/exe", out, out_bytes - 1);

    if (len < (ssize_t)strlen(own))
        return false;
    out[len] = '\0';
    char *end = out + len - strlen(own);
    if (strcmp(end, own) != 0)
        return false;
    *end = '\0';
    return true;
}

/* The last line of what `command` prints, parsed; NULL when that is no summary. */
static struct json_object *read_summary(const char *command)
{
    struct json_object *summary = NULL;
    char *line = NULL;
    size_t line_bytes = 0;
    FILE *out = popen(command, "r");

    if (out == NULL)
        return NULL;
    while (getline(&line, &line_bytes, out) > 0) {
        json_object_put(summary);
        summary = json_tokener_parse(line);
    }
    free(line);
    (void)pclose(out);
    return summary;
}

static uint64_t number_of(struct json_object *row, const char *key)
{
    struct json_object *value = NULL;

    return json_object_object_get_ex(row, key, &value) ? json_object_get_uint64(value) : 0;
}

static double seconds_of(struct json_object *row)
{
    struct json_object *value = NULL;

    return json_object_object_get_ex(row, "seconds", &value) ? json_object_get_double(value) : 0;
}

static bool has_findings(struct json_object *row)
{
    struct json_object *findings = NULL;

    return json_object_object_get_ex(row, "findings", &findings) &&
           json_object_array_length(findings) > 0;
}

/* heddle explore ... PROGRAM -- ARGUMENT; `more` are further options. */
static void write_command(const struct program *program, const char *built, const char *more,
                          char *out, size_t out_bytes)
{
    const bool has_argument = strcmp(program->argument, "-") != 0;

    (void)snprintf(out, out_bytes,
                   "'%s/sim/bench/heddle_explore' explore '%s/scenarios/programs/%s' --json "
                   "--out \"${TMPDIR:-/tmp}/heddle-bench\" --points %s%s%s %s%s%s",
                   built, built, program->name, program->points,
                   bench_options.strategy == NULL ? "" : " --strategy ",
                   bench_options.strategy == NULL ? "" : bench_options.strategy, more,
                   has_argument ? " -- " : "", has_argument ? program->argument : "");
}

/* Campaigns of neighbouring seeds share trials: theirs are far from each other. */
static uint64_t seed_of(unsigned trial)
{
    return random_mix(UINT64_C(0x73636f7265) + trial);
}

/* `oracle` is the kind that counts; NULL: anything. */
static void explore(const struct program *program, const char *built, const char *oracle,
                    struct score *out)
{
    *out = (struct score){0};
    for (unsigned trial = 0; trial < bench_options.trials && !out->is_broken; trial++) {
        char command[COMMAND_BYTES];
        char more[256];
        (void)snprintf(more, sizeof(more), "--seed 0x%" PRIx64 " --schedules %d --time %ds%s%s",
                       seed_of(trial), SCHEDULES_MAX, SECONDS_MAX,
                       oracle == NULL ? "" : " --oracle ", oracle == NULL ? "" : oracle);
        write_command(program, built, more, command, sizeof(command));
        struct json_object *summary = read_summary(command);
        out->is_broken = summary == NULL;
        out->trials++;
        if (summary != NULL && has_findings(summary)) {
            out->found++;
            out->schedules += number_of(summary, "schedules");
            out->seconds += seconds_of(summary);
        }
        json_object_put(summary);
    }
}

/* Runs a second, findings and all: a campaign that does not stop at the first. */
static double measure_rate(const struct program *program, const char *built)
{
    char command[COMMAND_BYTES];
    char more[256];

    (void)snprintf(more, sizeof(more), "--keep-going --oracle %s --time %dms", program->kind,
                   (int)(bench_options.seconds * 500) + 1);
    write_command(program, built, more, command, sizeof(command));
    struct json_object *summary = read_summary(command);
    const double seconds = summary == NULL ? 0 : seconds_of(summary);
    const double rate = seconds > 0 ? (double)number_of(summary, "schedules") / seconds : 0;
    json_object_put(summary);
    return rate;
}

static double mean_of(double sum, unsigned count)
{
    return count == 0 ? 0 : sum / (double)count;
}

/* The program and its size, as people call them. */
static void name_program(const struct program *program, char *out, size_t out_bytes)
{
    const bool has_argument = strcmp(program->argument, "-") != 0;

    (void)snprintf(out, out_bytes, "%s%s%s", program->name, has_argument ? "_" : "",
                   has_argument ? program->argument : "");
}

static void print_json(const struct program *program, const char *name, const struct score *score,
                       const struct score *any, double rate)
{
    const bool has_best = strcmp(program->best, "-") != 0;

    printf("{\"event\":\"bench\",\"suite\":\"programs\",\"name\":\"%s\",\"program\":\"%s\","
           "\"points\":\"%s\",\"kind\":\"%s\",\"trials\":%u,\"found\":%u,",
           name, name, program->points, program->kind, score->trials, score->found);
    if (score->found > 0)
        printf("\"mean_schedules\":%.2f,\"mean_seconds\":%.6f,",
               mean_of((double)score->schedules, score->found),
               mean_of(score->seconds, score->found));
    else
        printf("\"mean_schedules\":null,\"mean_seconds\":null,");
    printf("\"runs_per_second\":%.0f", rate);
    if (any->found > 0)
        printf(",\"any_found\":%u,\"any_mean_schedules\":%.2f", any->found,
               mean_of((double)any->schedules, any->found));
    if (has_best)
        printf(",\"best_schedules\":%s,\"best_by\":\"%s\"", program->best, program->best_by);
    printf("}\n");
}

static void print_line(const struct program *program, const char *name, const struct score *score,
                       const struct score *any, double rate)
{
    char schedules[WORD_BYTES] = "-";
    char seconds[WORD_BYTES] = "-";
    char races[WORD_BYTES] = "-";

    if (score->found > 0) {
        (void)snprintf(schedules, sizeof(schedules), "%.1f",
                       mean_of((double)score->schedules, score->found));
        (void)snprintf(seconds, sizeof(seconds), "%.2f ms",
                       mean_of(score->seconds, score->found) * 1e3);
    }
    if (any->found > 0)
        (void)snprintf(races, sizeof(races), "%.1f", mean_of((double)any->schedules, any->found));
    printf("%-18s %-7s %3u/%-3u %10s %11s %10.0f %8s %8s %s\n", name, program->points, score->found,
           score->trials, schedules, seconds, rate, races, program->best,
           strcmp(program->best_by, "-") == 0 ? "" : program->best_by);
}

static bool score_program(const struct program *program, const char *built)
{
    char name[2 * WORD_BYTES];
    struct score score;
    struct score any = {0};

    explore(program, built, program->kind, &score);
    if (score.is_broken) {
        (void)fprintf(stderr, "bench: %s: explore gave no summary\n", program->name);
        return false;
    }
    if (strcmp(program->race, "yes") == 0)
        explore(program, built, NULL, &any);
    const double rate = measure_rate(program, built);
    name_program(program, name, sizeof(name));
    if (bench_options.is_json)
        print_json(program, name, &score, &any, rate);
    else
        print_line(program, name, &score, &any, rate);
    (void)fflush(stdout);
    return true;
}

void bench_scores(void)
{
    char built[PATH_MAX];
    char path[PATH_MAX];
    char line[256];
    struct program program;

    (void)snprintf(path, sizeof(path), "%s/scenarios/programs/programs.def", bench_options.root);
    FILE *table = fopen(path, "r");
    if (table == NULL || !find_built(built, sizeof(built))) {
        perror(path);
        if (table != NULL)
            (void)fclose(table);
        return;
    }
    if (!bench_options.is_json)
        printf("%-18s %-7s %-7s %10s %11s %10s %8s %8s\n", "program", "points", "found",
               "schedules", "time", "runs/s", "races", "best");
    while (fgets(line, sizeof(line), table) != NULL) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (sscanf(line, "%31s %31s %31s %31s %31s %31s %31s %31s %31s", program.name,
                   program.argument, program.points, program.kind, program.where, program.race,
                   program.gate, program.best, program.best_by) != 9) {
            (void)fprintf(stderr, "bench: %s: nine columns, not: %s", path, line);
            break;
        }
        if (!score_program(&program, built))
            break;
    }
    (void)fclose(table);
}
