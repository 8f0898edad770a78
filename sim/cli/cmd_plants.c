/*
 * sim/cli/cmd_plants.c - heddle plants: is every planted bug found, and is the clean core silent?
 */
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "sim/cli/hunt.h"
#include "sim/cli/outcome.h"
#include "sim/cli/plants.h"
#include "sim/cli/points.h"
#include "sim/cli/reduce.h"
#include "sim/cli/subject.h"
#include "sim/report/rows.h"

enum { SCHEDULES_DEFAULT = 20000 };

#define SHRINK_TIME_NS UINT64_C(30000000000)

#define PLANT_TIME_NS_DEFAULT UINT64_C(10000000000)

struct values {
    struct option_number schedules;
    struct option_number time_ns;
    struct option_number seed;
    struct option_number jobs;
    bool is_clean;
    bool has_shrinking;
    const char *out;
    bool is_json;
    const char *build;
};

#define AT(member) offsetof(struct values, member)
static const struct option_def options[] = {
    {"schedules", 0, OPTION_NUMBER, "N", "for each plant, at most (20000)", AT(schedules)},
    {"time", 0, OPTION_DURATION, "10s", "for each plant, at most (10s; --clean: no bound)",
     AT(time_ns)},
    {"seed", 0, OPTION_NUMBER, "N", "of the searches", AT(seed)},
    {"jobs", 'j', OPTION_NUMBER, "J", "worker processes (1: the score is that of one core)",
     AT(jobs)},
    {"clean", 0, OPTION_FLAG, NULL, "plant nothing: every scenario must be silent", AT(is_clean)},
    {"shrink", 0, OPTION_FLAG, NULL, "shrink what is found, and say how small it is",
     AT(has_shrinking)},
    {"out", 'o', OPTION_TEXT, "DIR", "with --shrink: write the reproducers there, ID.scn", AT(out)},
    {"json", 0, OPTION_FLAG, NULL, "a JSON object a line", AT(is_json)},
    {"build", 0, OPTION_TEXT, "NAME", "plain, asan, tsan or explore (the launcher builds it)",
     AT(build)},
};
#undef AT

/* The score so far. */
struct score {
    const struct command *command;
    const struct values *values;
    struct search_result total;
    struct row_finding findings[PLANT_COUNT];
    char titles[PLANT_COUNT][FINDING_TITLE_BYTES];
    size_t finding_count;
    size_t done_count;
    uint32_t lines[PLANT_COUNT];
    uint32_t preemptions[PLANT_COUNT];
    size_t shrunk_count;
    int exit_code;
};

static uint64_t seed_of(const struct values *values)
{
    return values->seed.is_given ? values->seed.value : CLI_SEED_DEFAULT;
}

/* The worst news stays. */
static void note_exit(struct score *score, int exit_code)
{
    if (exit_code > score->exit_code)
        score->exit_code = exit_code;
}

/* Explores a scenario of the catalogue with one plant (NULL: none). False when nothing can be said.
 */
static bool explore(struct score *score, const char *scenario, const char *plant,
                    struct search_result *result)
{
    static struct subject subject;
    const struct values *values = score->values;
    const struct option_list plants = {.items = {plant}, .count = plant == NULL ? 0 : 1};
    const uint64_t time_default = values->is_clean ? 0 : PLANT_TIME_NS_DEFAULT;
    const struct operands targets = {.items = {scenario}, .count = 1};
    const int exit_code = subject_open(&subject, score->command, &targets, &plants, false);

    if (exit_code != 0) {
        note_exit(score, exit_code);
        return false;
    }
    note_exit(score, points_choose(score->command, NULL, &subject));
    const struct hunt hunt = {
        .target = &subject.target,
        .seed = seed_of(values),
        .schedules_max = values->schedules.is_given ? values->schedules.value : SCHEDULES_DEFAULT,
        .time_ns_max = values->time_ns.is_given ? values->time_ns.value : time_default,
        .jobs = values->jobs.is_given ? (unsigned)values->jobs.value : 1,
        .is_apart = true,
        .has_progress = true,
    };
    const bool is_good = hunt_run(&hunt, result);
    subject_close(&subject);
    if (!is_good)
        note_exit(score, CLI_CANNOT);
    score->total.schedules += result->schedules;
    score->total.points += result->points;
    score->total.elapsed_ns += result->elapsed_ns;
    return is_good;
}

static void note_finding(struct score *score, const struct search_finding *found)
{
    char *title = score->titles[score->finding_count];

    snprintf(title, FINDING_TITLE_BYTES, "%s", found->finding.title);
    score->findings[score->finding_count++] = (struct row_finding){
        .kind = found->finding.kind,
        .title = title,
        .schedule = found->trial.number,
        .seed = found->trial.seed,
        .count = found->count,
    };
}

/* Shrinks a plant's first finding. */
static void shrink(struct score *score, const struct plant_info *plant,
                   const struct search_finding *found, struct reduced *out)
{
    static struct subject subject;
    const struct option_list plants = {.items = {plant->id}, .count = 1};
    const struct operands targets = {.items = {plant->scenario}, .count = 1};
    char path[PATH_MAX];

    *out = (struct reduced){0};
    if (subject_open(&subject, score->command, &targets, &plants, false) != 0)
        return;
    note_exit(score, points_choose(score->command, NULL, &subject));
    if (score->values->out != NULL)
        snprintf(path, sizeof(path), "%s/%s.scn", score->values->out, plant->id);
    if (!reduce_apart(&subject, &found->trial, SHRINK_TIME_NS,
                      score->values->out == NULL ? NULL : path, out) ||
        !out->is_good)
        note_exit(score, CLI_CANNOT);
    subject_close(&subject);
}

/* Medians say how small the usual reproducer is. */
static void note_shrunk(struct score *score, const struct reduced *reduced)
{
    if (!reduced->is_good)
        return;
    score->lines[score->shrunk_count] = (uint32_t)reduced->lines;
    score->preemptions[score->shrunk_count++] = reduced->preemptions;
}

static uint32_t median(uint32_t *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = i; j > 0 && values[j - 1] > values[j]; j--) {
            const uint32_t other = values[j];
            values[j] = values[j - 1];
            values[j - 1] = other;
        }
    }
    return count == 0 ? 0 : values[count / 2];
}

static void score_plant(struct score *score, const struct plant_info *plant)
{
    static struct reduced reduced;
    static struct search_result result;
    const struct search_finding *found = NULL;

    memset(&result, 0, sizeof(result));
    score->done_count++;
    if (explore(score, plant->scenario, plant->id, &result) && result.finding_count > 0)
        found = &result.findings[0];
    if (found == NULL)
        note_exit(score, CLI_FOUND);
    else
        note_finding(score, found);
    const char *kind = found == NULL ? "-" : finding_kind_word(found->finding.kind);
    const bool is_shrunk = found != NULL && score->values->has_shrinking;
    if (is_shrunk) {
        shrink(score, plant, found, &reduced);
        note_shrunk(score, &reduced);
    }
    const struct row_shrunk shrunk = {.lines = reduced.lines,
                                      .preemptions = reduced.preemptions,
                                      .runs = reduced.run_count,
                                      .elapsed_ns = reduced.elapsed_ns,
                                      .is_minimal = reduced.is_minimal};
    if (score->values->is_json)
        rows_plant(stdout, &(struct row_plant){
                               .id = plant->id,
                               .slug = plant->slug,
                               .is_found = found != NULL,
                               .schedules = result.schedules,
                               .elapsed_ns = result.elapsed_ns,
                               .kind = found == NULL ? FINDING_NONE : found->finding.kind,
                               .title = found == NULL ? NULL : found->finding.title,
                               .seed = found == NULL ? 0 : found->trial.seed,
                               .shrunk = is_shrunk && reduced.is_good ? &shrunk : NULL,
                           });
    else if (is_shrunk)
        printf("%-6s %9" PRIu64 " %6zu %6" PRIu32 " %8" PRIu64 " %4" PRIu64 ".%02" PRIu64
               " %-5s %s\n",
               plant->id, result.schedules, reduced.lines, reduced.preemptions, reduced.run_count,
               reduced.elapsed_ns / 1000000000, reduced.elapsed_ns / 10000000 % 100,
               !reduced.is_good     ? "NO"
               : reduced.is_minimal ? ""
                                    : "late",
               found->finding.title);
    else
        printf("%-6s %-5s %9" PRIu64 "  %-19s %4" PRIu64 ".%02" PRIu64 "  %s\n", plant->id,
               found == NULL ? "NO" : "yes", result.schedules, kind, result.elapsed_ns / 1000000000,
               result.elapsed_ns / 10000000 % 100,
               found == NULL ? plant->slug : found->finding.title);
    fflush(stdout);
}

static void score_clean(struct score *score, const char *scenario)
{
    static struct search_result result;

    memset(&result, 0, sizeof(result));
    score->done_count++;
    const bool is_good = explore(score, scenario, NULL, &result);
    const char *title = result.finding_count > 0 ? result.findings[0].finding.title : NULL;
    if (title != NULL) {
        note_finding(score, &result.findings[0]);
        note_exit(score, CLI_FOUND);
    }
    if (!score->values->is_json)
        printf("%-40s %9" PRIu64 " %5" PRIu64 ".%02" PRIu64 "  %s\n", scenario, result.schedules,
               result.elapsed_ns / 1000000000, result.elapsed_ns / 10000000 % 100,
               title != NULL ? title
               : is_good     ? "silent"
                             : "cannot judge");
    else
        rows_summary(stdout,
                     &(struct row_summary){.target = scenario,
                                           .strategy = "portfolio",
                                           .seed = seed_of(score->values),
                                           .schedules = result.schedules,
                                           .points = result.points,
                                           .elapsed_ns = result.elapsed_ns,
                                           .findings = &score->findings[score->finding_count - 1],
                                           .finding_count = title != NULL});
    fflush(stdout);
}

/* Several plants share a scenario; its clean run is one. */
static bool is_first_of_scenario(const bool *is_wanted, unsigned plant)
{
    for (unsigned i = 0; i < plant; i++)
        if (is_wanted[i] && strcmp(plants_all[i].scenario, plants_all[plant].scenario) == 0)
            return false;
    return true;
}

static void print_total(struct score *score)
{
    if (score->values->is_json)
        rows_summary(stdout, &(struct row_summary){.target = "plants",
                                                   .strategy = "portfolio",
                                                   .seed = seed_of(score->values),
                                                   .schedules = score->total.schedules,
                                                   .points = score->total.points,
                                                   .elapsed_ns = score->total.elapsed_ns,
                                                   .findings = score->findings,
                                                   .finding_count = score->finding_count});
    else if (score->values->has_shrinking)
        printf("%zu of %zu shrunk; median %" PRIu32 " lines, %" PRIu32 " preemptions\n",
               score->shrunk_count, score->done_count, median(score->lines, score->shrunk_count),
               median(score->preemptions, score->shrunk_count));
    else if (score->values->is_clean)
        printf("%zu of %zu scenarios silent\n", score->done_count - score->finding_count,
               score->done_count);
    else
        printf("%zu of %zu planted bugs found\n", score->finding_count, score->done_count);
}

static int run(const struct command *command, int argc, char *const *argv)
{
    static struct values values;
    static struct score score;
    struct operands ids;
    bool is_wanted[PLANT_COUNT] = {false};
    int exit_code = 0;

    if (!cli_parse(command, argc, argv, &values, &ids, 0, OPERANDS_MAX) ||
        !cli_check_build(command, values.build, &exit_code))
        return exit_code != 0 ? exit_code : CLI_USAGE;
    if (values.jobs.is_given && (values.jobs.value == 0 || values.jobs.value > HUNT_JOBS_MAX))
        return cli_usage(command, "--jobs: from 1 to %d", HUNT_JOBS_MAX);
    for (size_t i = 0; i < ids.count; i++) {
        const unsigned plant = plants_find(ids.items[i]);
        if (plant == PLANT_COUNT)
            return cli_usage(command, "there is no plant '%s'", ids.items[i]);
        is_wanted[plant] = true;
    }
    for (unsigned i = 0; i < PLANT_COUNT && ids.count == 0; i++)
        is_wanted[i] = true;
    score = (struct score){.command = command, .values = &values};
    if (!values.is_json)
        printf("%s\n", values.has_shrinking
                           ? "id     schedules  lines preempt.  runs  seconds     title"
                       : values.is_clean
                           ? "scenario                                 schedules  seconds  verdict"
                           : "id     found schedules  oracle              seconds  title");
    for (unsigned i = 0; i < PLANT_COUNT; i++) {
        if (is_wanted[i] && !values.is_clean)
            score_plant(&score, &plants_all[i]);
        else if (is_wanted[i] && is_first_of_scenario(is_wanted, i))
            score_clean(&score, plants_all[i].scenario);
    }
    print_total(&score);
    return score.exit_code;
}

const struct command cmd_plants = {
    .name = "plants",
    .operands = "[ID...]",
    .summary = "the planted bugs: which are found, and how fast",
    .more =
        "Explores each plant's scenario with the plant on; --clean with none on. The numbers are\n"
        "schedules and seconds until the first finding. --shrink makes each a smallest reproducer\n"
        "(at most 30s each) and prints its lines, its preemptions, and the cost.\n\n"
        "Exit codes: 0 all found (--clean: all silent), 1 not so, 3 a scenario is missing or\n"
        "wrong, 125 cannot judge.\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
