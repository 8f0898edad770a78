/*
 * sim/cli/cmd_explore.c - heddle explore: searches the schedules and faults of a scenario.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/files.h"
#include "sim/cli/hunt.h"
#include "sim/cli/isolate.h"
#include "sim/cli/many.h"
#include "sim/cli/oracle.h"
#include "sim/cli/outcome.h"
#include "sim/cli/points.h"
#include "sim/cli/program.h"
#include "sim/cli/shard.h"
#include "sim/cli/subject.h"
#include "sim/foreign/apart.h"
#include "sim/posix/hook.h"
#include "sim/report/rows.h"
#include "sim/search/exhaustive.h"

enum { SCHEDULES_DEFAULT = 20000, STRATEGY_BYTES = 64, MARKS_MAX = 1024 };

#define TIME_NS_DEFAULT UINT64_C(60000000000)

struct values {
    struct option_number schedules;
    struct option_number time_ns;
    const char *strategy;
    struct option_number seed;
    struct option_number jobs;
    const char *shard;
    struct option_number first;
    bool has_sketch;
    struct option_list plants;
    const char *points;
    const char *isolation;
    struct option_list oracles;
    bool keep_going;
    const char *out;
    bool is_json;
    bool has_story;
    const char *junit;
    const char *sarif;
    bool has_github;
    const char *build;
};

#define AT(member) offsetof(struct values, member)
static const struct option_def options[] = {
    {"schedules", 0, OPTION_NUMBER, "N", "stop after N schedules (20000 when --time is not given)",
     AT(schedules)},
    {"time", 0, OPTION_DURATION, "60s", "stop after this time (60s when --schedules is not given)",
     AT(time_ns)},
    {"strategy", 0, OPTION_TEXT, "NAME[,k=v]",
     "portfolio (the default), exhaustive (every trace of something small, once), random, "
     "pct[,d=N], pos, sticky[,p=PPM], dull",
     AT(strategy)},
    {"seed", 0, OPTION_NUMBER, "N", "of the campaign; the same seed gives the same result",
     AT(seed)},
    {"jobs", 'j', OPTION_NUMBER, "J", "worker processes; the result does not depend on it",
     AT(jobs)},
    {"shard", 0, OPTION_TEXT, "I/N",
     "only trials I, I+N, I+2N... of the schedules, I from 0; auto or auto/N: from the batch "
     "system's variables",
     AT(shard)},
    {"first", 0, OPTION_NUMBER, "N", "only trials from number N on", AT(first)},
    {"sketch", 0, OPTION_FLAG, NULL, "with --json: a sample of the behaviours, to be merged",
     AT(has_sketch)},
    {"plant", 0, OPTION_LIST, "ID", "switch a planted bug on (again for more)", AT(plants)},
    {"points", 0, OPTION_TEXT, "sync|memory", "where threads may be interrupted", AT(points)},
    {"isolate", 0, OPTION_TEXT, "auto|restart|process", ISOLATE_OPTION_HELP, AT(isolation)},
    {"oracle", 0, OPTION_LIST, "WORD",
     "count findings of this kind only (again for more); every-step: check invariants at each step",
     AT(oracles)},
    {"keep-going", 'k', OPTION_FLAG, NULL, "go on after the first finding; one of each title",
     AT(keep_going)},
    {"out", 'o', OPTION_TEXT, "DIR", "where reproducers are written (heddle-out)", AT(out)},
    {"json", 0, OPTION_FLAG, NULL, "a JSON object a line instead of stories; the last is a summary",
     AT(is_json)},
    {"story", 0, OPTION_FLAG, NULL, "a story of every finding with --keep-going, not of the first",
     AT(has_story)},
    {"junit", 0, OPTION_TEXT, "FILE.xml", "also write the findings as JUnit does", AT(junit)},
    {"sarif", 0, OPTION_TEXT, "FILE.sarif", "also write them as SARIF 2.1.0", AT(sarif)},
    {"github", 0, OPTION_FLAG, NULL, "also print them as annotations of GitHub's", AT(has_github)},
    {"build", 0, OPTION_TEXT, "NAME", "plain, asan, tsan or explore (the launcher builds it)",
     AT(build)},
};
#undef AT

/* Everything an exploration needs, checked. */
struct plan {
    struct values values;
    struct subject subject;
    struct strategy_spec strategy;
    char strategy_text[STRATEGY_BYTES];
    bool has_strategy;
    struct oracle_choice oracle;
    struct shard_choice shard;
    struct hunt hunt;
};

static int choose_strategy(const struct command *command, struct plan *plan)
{
    const char *text = plan->values.strategy;
    char error[OPTION_ERROR_BYTES];

    snprintf(plan->strategy_text, sizeof(plan->strategy_text), "portfolio");
    if (text == NULL || strcmp(text, "portfolio") == 0)
        return 0;
    if (strcmp(text, strategy_exhaustive.name) == 0)
        plan->strategy = (struct strategy_spec){.ops = &strategy_exhaustive};
    else if (strategy_parse(text, &plan->strategy, error, sizeof(error)) != 0)
        return cli_usage(command, "--strategy: %s", error);
    strategy_print(&plan->strategy, plan->strategy_text, sizeof(plan->strategy_text));
    plan->has_strategy = true;
    return 0;
}

static int fill_hunt(const struct command *command, struct plan *plan)
{
    const struct values *values = &plan->values;
    const bool is_exhaustive = plan->strategy.ops == &strategy_exhaustive;
    const bool has_budget = values->schedules.is_given || values->time_ns.is_given;

    if (is_exhaustive && values->jobs.is_given && values->jobs.value != 1)
        return cli_usage(command, "--jobs: an exhaustive search is made by one process");
    if (is_exhaustive && (values->first.is_given || plan->shard.count > 1))
        return cli_usage(command, "--shard, --first: an exhaustive search has no trials");
    if (is_exhaustive && apart_is_on()) {
        cli_say(
            "%s: an exhaustive search is made by one process, and runs of this program need one "
            "each; try another --strategy",
            plan->subject.name);
        return CLI_CANNOT;
    }
    if (values->jobs.is_given && (values->jobs.value == 0 || values->jobs.value > HUNT_JOBS_MAX))
        return cli_usage(command, "--jobs: from 1 to %d", HUNT_JOBS_MAX);
    if (values->schedules.is_given && values->schedules.value == 0)
        return cli_usage(command, "--schedules: at least 1");
    plan->hunt = (struct hunt){
        .target = &plan->subject.target,
        .seed = values->seed.is_given ? values->seed.value : CLI_SEED_DEFAULT,
        .schedules_max = has_budget      ? values->schedules.value
                         : is_exhaustive ? 0
                                         : SCHEDULES_DEFAULT,
        .time_ns_max = has_budget ? values->time_ns.value : TIME_NS_DEFAULT,
        .strategy = plan->has_strategy ? &plan->strategy : NULL,
        .jobs = values->jobs.is_given ? (unsigned)values->jobs.value : 1,
        .shard_index = plan->shard.index,
        .shard_count = plan->shard.count,
        .first = values->first.value,
        .keep_going = values->keep_going,
        .has_sketch = values->has_sketch,
        .kinds = plan->oracle.kinds,
        .has_progress = true,
    };
    return 0;
}

/* `targets`: one scenario, or a program and its arguments. */
static int make_plan(const struct command *command, const struct operands *targets,
                     struct plan *plan)
{
    int exit_code = choose_strategy(command, plan);

    if (exit_code == 0)
        exit_code = shard_choose(command, plan->values.shard, &plan->shard);
    if (exit_code == 0)
        exit_code = oracle_choose(command, &plan->values.oracles, &plan->oracle);
    if (exit_code == 0)
        exit_code = subject_open(&plan->subject, command, targets, &plan->values.plants,
                                 plan->oracle.has_every_step);
    if (exit_code == 0)
        exit_code = points_choose(command, plan->values.points, &plan->subject);
    if (exit_code == 0)
        exit_code = isolate_choose(command, plan->values.isolation, &plan->subject);
    return exit_code != 0 ? exit_code : fill_hunt(command, plan);
}

static void print_seconds(uint64_t time_ns)
{
    printf("%" PRIu64 ".%" PRIu64 "s", time_ns / 1000000000, time_ns / 100000000 % 10);
}

static void print_opening(const struct plan *plan)
{
    const struct hunt *hunt = &plan->hunt;

    printf("exploring %s: ", plan->subject.name);
    if (hunt->schedules_max != 0)
        printf("%" PRIu64 " schedules", hunt->schedules_max);
    if (hunt->schedules_max != 0 && hunt->time_ns_max != 0)
        printf(" or ");
    if (hunt->time_ns_max != 0)
        print_seconds(hunt->time_ns_max);
    if (hunt->shard_count > 1)
        printf(", shard %" PRIu32 "/%" PRIu32, hunt->shard_index, hunt->shard_count);
    printf("%s, strategy %s, seed 0x%" PRIx64,
           hunt->schedules_max != 0 && hunt->time_ns_max != 0 ? ", whichever is first" : "",
           plan->strategy_text, hunt->seed);
    for (size_t i = 0; i < plan->subject.plant_count; i++)
        printf(", plant %s", plan->subject.plant_ids[i]);
    printf("\n");
    fflush(stdout);
}

/* How much of all there is was seen, and what of it was held fixed. */
static void print_extent(const struct search_extent *extent, uint64_t schedules)
{
    if (extent->is_complete)
        printf("all %" PRIu64 " trace%s explored", extent->traces, extent->traces == 1 ? "" : "s");
    else
        printf("%" PRIu64 " trace%s explored of about %" PRIu64 "; not finished%s%s",
               extent->traces, extent->traces == 1 ? "" : "s", extent->estimate,
               extent->obstacle == NULL ? "" : ": ",
               extent->obstacle == NULL ? "" : extent->obstacle);
    if (extent->blocked > 0)
        printf(" (%" PRIu64 " schedules; %" PRIu64 " repeated a trace and were cut short)",
               schedules, extent->blocked);
    printf("\n  network and faults as in the dull run; time passes only when everybody waits\n  ");
}

static void print_closing(const struct plan *plan, const struct search_result *result)
{
    const uint64_t ms = result->elapsed_ns / 1000000;

    if (result->finding_count == 0)
        printf("nothing found: ");
    else
        printf("%zu finding%s: ", result->finding_count, result->finding_count == 1 ? "" : "s");
    if (result->extent.is_exhaustive)
        print_extent(&result->extent, result->schedules);
    printf("%" PRIu64 " schedules, %" PRIu64 " points", result->schedules, result->points);
    /* Each job counts its own: their sum would count some twice. */
    if (plan->hunt.jobs == 1 && !result->extent.is_exhaustive)
        printf(", %" PRIu64 " distinct behaviours", result->behaviours);
    printf(" in ");
    print_seconds(result->elapsed_ns);
    if (ms > 0)
        printf(" (%" PRIu64 "/s)", result->schedules * 1000 / ms);
    printf("\n");
}

/* Shows every finding; `rows` gets what the summary says of each. */
static int show_findings(const struct plan *plan, const struct search_result *result,
                         struct row_finding *rows, struct ci_case *record)
{
    static char reproducers[SEARCH_FINDINGS_MAX][PATH_MAX];
    int exit_code = 0;

    for (size_t i = 0; i < result->finding_count; i++) {
        const struct search_finding *finding = &result->findings[i];
        const bool is_told = !plan->values.is_json && (i == 0 || plan->values.has_story);
        struct outcome outcome = {.subject = &plan->subject,
                                  .finding = finding,
                                  .strategy = plan->hunt.strategy,
                                  .out = plan->values.out == NULL ? "heddle-out" : plan->values.out,
                                  .index = (unsigned)i,
                                  .has_story = is_told};
        if (is_told)
            printf("\n");
        const int code = outcome_show(&outcome);
        if (exit_code == 0 || code == CLI_DIVERGED)
            exit_code = code;
        snprintf(reproducers[i], sizeof(reproducers[i]), "%s", outcome.reproducer);
        rows[i] = (struct row_finding){
            .kind = finding->finding.kind,
            .title = finding->finding.title,
            .schedule = finding->trial.number,
            .seed = finding->trial.seed,
            .reproducer = reproducers[i][0] == '\0' ? NULL : reproducers[i],
            .count = finding->count,
        };
        many_note(record, &finding->finding, finding->trial.number, rows[i].reproducer);
        if (plan->values.is_json)
            rows_finding(stdout, &rows[i]);
    }
    return exit_code;
}

static void print_list(const struct row_finding *rows, size_t count)
{
    for (size_t i = 0; i < count && count > 1; i++)
        printf("  %6" PRIu64 "x  first at %-8" PRIu64 " %s\n           %s\n", rows[i].count,
               rows[i].schedule, rows[i].title,
               rows[i].reproducer == NULL ? "" : rows[i].reproducer);
}

/* ---- marks that were passed ---- */

struct marks {
    const char *names[MARKS_MAX];
    size_t count;
};

static void note_mark(void *context, const char *name, uint64_t count)
{
    struct marks *marks = context;

    if (count > 0 && marks->count < MARKS_MAX)
        marks->names[marks->count++] = name;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted: where names lie in memory says nothing. */
static void collect_marks(struct marks *marks)
{
    marks->count = 0;
    marks_each(note_mark, marks);
    qsort(marks->names, marks->count, sizeof(marks->names[0]), compare_names);
}

static int explore(const struct plan *plan, struct ci_case *record)
{
    static struct marks marks;
    static struct search_result result;
    static struct row_finding rows[SEARCH_FINDINGS_MAX];

    if (!plan->values.is_json)
        print_opening(plan);
    if (!hunt_run(&plan->hunt, &result))
        return CLI_CANNOT;
    const int exit_code = show_findings(plan, &result, rows, record);
    record->schedules = result.schedules;
    record->elapsed_ns = result.elapsed_ns;
    if (plan->values.is_json) {
        collect_marks(&marks);
        rows_summary(
            stdout, &(struct row_summary){.target = plan->subject.name,
                                          .strategy = plan->strategy_text,
                                          .seed = plan->hunt.seed,
                                          .schedules = result.schedules,
                                          .points = result.points,
                                          .elapsed_ns = result.elapsed_ns,
                                          .extent = &result.extent,
                                          .sketch = plan->values.has_sketch ? &result.sketch : NULL,
                                          .marks = marks.names,
                                          .mark_count = marks.count,
                                          .findings = rows,
                                          .finding_count = result.finding_count});
    } else {
        printf("%s", result.finding_count > 0 ? "\n" : "");
        print_closing(plan, &result);
        print_list(rows, result.finding_count);
    }
    if (exit_code != 0)
        return exit_code;
    return result.finding_count > 0 ? CLI_FOUND : CLI_NOTHING;
}

/* A command line, of which one target after another is explored. */
struct order {
    const struct command *command;
    struct plan plan;
    struct operands targets;
    bool is_program; /* the targets are a program and its arguments */
};

static int explore_target(void *context, const char *target, struct ci_case *record)
{
    struct order *order = context;
    struct plan *plan = &order->plan;
    const struct operands one = {.items = {target}, .count = 1};

    int exit_code = make_plan(order->command, order->is_program ? &order->targets : &one, plan);
    if (exit_code == 0)
        exit_code = explore(plan, record);
    subject_close(&plan->subject);
    return exit_code;
}

static bool is_program(const char *target)
{
    char path[PATH_MAX];

    files_find_scenario(target, path, sizeof(path));
    return program_is_executable(path);
}

static int run(const struct command *command, int argc, char *const *argv)
{
    static struct order order;
    struct values *values = &order.plan.values;
    int exit_code = 0;

    order.command = command;
    if (!cli_parse(command, argc, argv, values, &order.targets, 1, OPERANDS_MAX) ||
        !cli_check_build(command, values->build, &exit_code))
        return exit_code != 0 ? exit_code : CLI_USAGE;
    order.is_program = is_program(order.targets.items[0]);
    return many_run(order.targets.items, order.is_program ? 1 : order.targets.count,
                    &(struct many_reports){.junit = values->junit,
                                           .sarif = values->sarif,
                                           .has_github = values->has_github},
                    explore_target, &order);
}

const struct command cmd_explore = {
    .name = "explore",
    .operands = "SCENARIO... | PROGRAM [-- ARGUMENT...]",
    .summary = "search the schedules of a scenario",
    .more =
        "Runs TARGET again and again, each time with other choices: which thread runs, how long\n"
        "the network takes, which calls fail. The first finding is replayed, told as a story and\n"
        "written to --out as a scenario file. Without --schedules and --time the budget is 20000\n"
        "schedules or 60s, whichever is first.\n\n"
        "--strategy exhaustive explores every trace of something small: each order of steps that\n"
        "depend on each other, once. It says when it is done, and before how many there may be.\n"
        "Network and faults are as in the dull run, and time passes only when everybody waits.\n\n"
        "Exit codes: 0 nothing found, 1 a finding, 2 usage, 3 bad input file, 4 a run differs "
        "from\n"
        "its repetition, 125 cannot judge.\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
