/*
 * sim/cli/cmd_replay.c - heddle replay: one run again, by its recording or by its seed.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "sim/cli/debugger.h"
#include "sim/cli/files.h"
#include "sim/cli/isolate.h"
#include "sim/cli/oracle.h"
#include "sim/cli/outcome.h"
#include "sim/cli/points.h"
#include "sim/cli/rerun.h"
#include "sim/cli/subject.h"
#include "sim/cli/which.h"
#include "sim/foreign/output.h"
#include "sim/input/buffer.h"
#include "sim/input/scenario.h"
#include "sim/report/pcap.h"
#include "sim/report/reproducer.h"
#include "sim/report/rows.h"
#include "sim/report/timeline.h"

enum { ORIGIN_BYTES = 160, SITE_BYTES = 64, TIMES_MAX = 1000000 };

struct values {
    struct option_number seed;
    struct option_number trial;
    const char *strategy;
    struct option_list plants;
    const char *points;
    const char *isolation;
    struct option_list oracles;
    struct option_number times;
    bool is_hash;
    bool is_json;
    bool has_story;
    const char *timeline;
    const char *perfetto;
    const char *pcap;
    bool has_gdb;
    bool is_bisecting;
    const char *build;
};

#define AT(member) offsetof(struct values, member)
static const struct option_def options[] = {
    {"seed", 0, OPTION_NUMBER, "N", "of the run; with --trial, of the campaign", AT(seed)},
    {"trial", 0, OPTION_NUMBER, "N", "the campaign's trial (schedule) N", AT(trial)},
    {"strategy", 0, OPTION_TEXT, "NAME", "of the campaign, when it was not the portfolio",
     AT(strategy)},
    {"plant", 0, OPTION_LIST, "ID", "switch a planted bug on (again for more)", AT(plants)},
    {"points", 0, OPTION_TEXT, "sync|memory", "where threads may be interrupted", AT(points)},
    {"isolate", 0, OPTION_TEXT, "auto|restart|process", ISOLATE_OPTION_HELP, AT(isolation)},
    {"oracle", 0, OPTION_LIST, "WORD", "every-step: check invariants at each step", AT(oracles)},
    {"times", 0, OPTION_NUMBER, "N", "run N times; the trace must be the same each time",
     AT(times)},
    {"hash", 0, OPTION_FLAG, NULL, "print only the hash of the trace", AT(is_hash)},
    {"json", 0, OPTION_FLAG, NULL, "print the run as a line of JSON", AT(is_json)},
    {"story", 0, OPTION_FLAG, NULL, "print the story (this is what happens anyway)", AT(has_story)},
    {"timeline", 0, OPTION_TEXT, "FILE.html", "write the run as a page to look at", AT(timeline)},
    {"perfetto", 0, OPTION_TEXT, "FILE.json", "write it as Chrome's trace events", AT(perfetto)},
    {"pcap", 0, OPTION_TEXT, "FILE.pcap", "write what the network carried, for Wireshark",
     AT(pcap)},
    {"gdb", 0, OPTION_FLAG, NULL, "look at it in gdb, from the failing step on", AT(has_gdb)},
    {"bisect", 0, OPTION_FLAG, NULL, "for `git bisect run`: 125 for whatever is neither 0 nor 1",
     AT(is_bisecting)},
    {"build", 0, OPTION_TEXT, "NAME", "plain, asan, tsan or explore (the launcher builds it)",
     AT(build)},
};
#undef AT

/* Which run it is. */
struct plan {
    struct values values;
    struct subject subject;
    struct which which;
    struct rerun_plan rerun;
};

static int make_plan(const struct command *command, int argc, char *const *argv, struct plan *plan)
{
    const struct option_number *times = &plan->values.times;
    struct oracle_choice oracle;
    struct operands targets;
    int exit_code = 0;

    if (!cli_parse(command, argc, argv, &plan->values, &targets, 1, OPERANDS_MAX) ||
        !cli_check_build(command, plan->values.build, &exit_code))
        return exit_code != 0 ? exit_code : CLI_USAGE;
    if (times->is_given && (times->value == 0 || times->value > TIMES_MAX))
        return cli_usage(command, "--times: from 1 to %d", TIMES_MAX);
    exit_code = oracle_choose(command, &plan->values.oracles, &oracle);
    if (exit_code == 0)
        exit_code = subject_open(&plan->subject, command, &targets, &plan->values.plants,
                                 oracle.has_every_step);
    if (exit_code == 0)
        exit_code = points_choose(command, plan->values.points, &plan->subject);
    if (exit_code == 0)
        exit_code = isolate_choose(command, plan->values.isolation, &plan->subject);
    if (exit_code == 0)
        exit_code = which_choose(command, &plan->subject,
                                 &(struct which_words){.seed = plan->values.seed,
                                                       .trial = plan->values.trial,
                                                       .strategy = plan->values.strategy},
                                 &plan->which, &plan->rerun);
    return exit_code;
}

static void describe_origin(const struct plan *plan, char *out, size_t out_bytes)
{
    if (!plan->which.is_recorded)
        outcome_origin(&plan->which.trial, out, out_bytes);
    else
        snprintf(out, out_bytes, "the schedule recorded in %s (%zu choices)", plan->subject.name,
                 plan->subject.scenario->deviation_count);
}

/* The first choice of the recording that the run did not come to: where the two part. */
static void warn_of_unused(const struct plan *plan, const struct rerun *rerun)
{
    char site[SITE_BYTES];

    if (rerun->unused_count == 0)
        return;
    reproducer_site_recorded(plan->subject.scenario, &rerun->unused_first, site, sizeof(site));
    cli_say(
        "%s: %zu of %zu recorded choices were never asked for, the first at %s: the code or the "
        "scenario has changed since",
        plan->subject.name, rerun->unused_count, plan->subject.scenario->deviation_count, site);
}

/* What clang's sanitizers look for too, by the first words of a title. */
static const struct cross_check {
    const char *build;
    const char *prefix;
    const char *sanitizer;
    const char *what;
} cross_checks[] = {
    {"tsan", "data-race in ", "ThreadSanitizer", "no race"},
    {"asan", "heap-", "AddressSanitizer", "no misuse of the heap"},
    {"asan", "double-free", "AddressSanitizer", "no misuse of the heap"},
    {"asan", "bad-free", "AddressSanitizer", "no misuse of the heap"},
};

static const struct cross_check *find_cross_check(const char *title)
{
    for (size_t i = 0; i < sizeof(cross_checks) / sizeof(cross_checks[0]); i++) {
        const struct cross_check *check = &cross_checks[i];
        if (strcmp(check->build, cli_build()) == 0 &&
            strncmp(title, check->prefix, strlen(check->prefix)) == 0)
            return check;
    }
    return NULL;
}

/* Two detectors of one thing, on one schedule: says whether they agree. The one that ends a run at
 * its finding has recorded no choice of what comes later, so all of them are asked for here too. */
static void compare_with_sanitizer(const struct plan *plan, const struct rerun *rerun)
{
    const struct scenario_line *found = plan->subject.scenario->found;
    const struct finding *finding = &rerun->result.finding;
    const bool is_by_file = !plan->values.seed.is_given && !plan->values.trial.is_given;

    if (!is_by_file || found == NULL || !SCENARIO_ARG(found, FOUND, TITLE)->is_present)
        return;
    const char *title = (const char *)SCENARIO_ARG(found, FOUND, TITLE)->text.data;
    const struct cross_check *check = find_cross_check(title);
    if (check == NULL)
        return;
    const bool is_of_it =
        finding->kind == FINDING_DATA_RACE || finding->kind == FINDING_HEAP_USE_AFTER_FREE ||
        finding->kind == FINDING_HEAP_MISUSE || finding->kind == FINDING_SANITIZER;
    if (is_of_it)
        cli_say("%s, on the same schedule, agrees: %s", check->sanitizer, finding->title);
    else if (rerun->unused_count > 0)
        cli_say("%s reports %s, on a schedule that is not the recorded one: %s", check->sanitizer,
                check->what, title);
    else
        cli_say("%s, on the same schedule, reports %s: %s; one of the two is wrong, unless the "
                "code has changed",
                check->sanitizer, check->what, title);
}

/* What the recording promised and the run did not keep. 0 when it kept it. */
static int compare_with_recording(const struct plan *plan, const struct rerun *rerun)
{
    const struct scenario_line *found = plan->subject.scenario->found;
    const struct finding *finding = &rerun->result.finding;
    const bool is_by_file = !plan->values.seed.is_given && !plan->values.trial.is_given;

    if (!is_by_file || found == NULL)
        return 0;
    warn_of_unused(plan, rerun);
    const struct scenario_value *title = SCENARIO_ARG(found, FOUND, TITLE);
    const struct scenario_value *trace = SCENARIO_ARG(found, FOUND, TRACE);
    const bool is_same_trace = trace->is_present && trace->range.min == rerun->result.trace_hash;
    const bool is_same_title = title->is_present && finding->kind != FINDING_NONE &&
                               strcmp((const char *)title->text.data, finding->title) == 0;
    if (is_same_title || is_same_trace || !title->is_present)
        return 0;
    cli_say("%s was recorded when it ended in: %s", plan->subject.name,
            (const char *)title->text.data);
    /* With every choice asked for, the schedule is the recorded one and the code is mended. */
    return finding->kind == FINDING_NONE && rerun->unused_count > 0 ? CLI_DIVERGED : 0;
}

/* Runs again and again; 0 when all traces are the first one's. */
static int repeat(const struct plan *plan, const struct run_result *first)
{
    for (uint64_t i = 1; i < plan->values.times.value; i++) {
        struct run_result again;
        rerun_bare(&plan->rerun, &again);
        if (again.trace_hash == first->trace_hash)
            continue;
        cli_say("run %" PRIu64 " differs: trace %016" PRIx64 ", not %016" PRIx64, i + 1,
                again.trace_hash, first->trace_hash);
        rerun_explain_difference(&plan->rerun);
        return CLI_DIVERGED;
    }
    return 0;
}

/* What a program printed in the run. */
static void print_output(void)
{
    size_t len_bytes;
    size_t dropped_bytes;

    if (!foreign_is_here())
        return;
    const char *text = output_text(&len_bytes, &dropped_bytes);
    if (len_bytes == 0)
        return;
    printf("\n  output\n");
    for (size_t at = 0; at < len_bytes;) {
        const char *end = memchr(text + at, '\n', len_bytes - at);
        const size_t line_bytes = end == NULL ? len_bytes - at : (size_t)(end - text) - at;
        printf("    %.*s\n", (int)line_bytes, text + at);
        at += line_bytes + 1;
    }
    if (dropped_bytes != 0)
        printf("    (and %zu bytes more)\n", dropped_bytes);
}

static void print_run(const struct plan *plan, const struct rerun *rerun)
{
    char command[COMMAND_BYTES];
    char origin[ORIGIN_BYTES];

    if (plan->values.is_hash) {
        printf("%016" PRIx64 "\n", rerun->result.trace_hash);
        return;
    }
    if (plan->values.is_json) {
        rows_run(stdout, plan->subject.name, &rerun->result);
        return;
    }
    describe_origin(plan, origin, sizeof(origin));
    if (plan->which.is_recorded)
        outcome_file_command(&plan->subject, plan->subject.name, command, sizeof(command));
    else
        outcome_command(&plan->subject, &plan->which.trial, plan->which.fixed, command,
                        sizeof(command));
    outcome_print_story(rerun, origin, command, NULL);
    print_output();
    if (plan->values.times.is_given)
        printf("  %" PRIu64 " runs, one trace\n", plan->values.times.value);
}

/* The pictures that were asked for. */
static int draw(const struct plan *plan, const struct rerun *rerun)
{
    const struct timeline timeline = {.trace = &rerun->trace,
                                      .result = &rerun->result,
                                      .target = plan->subject.name,
                                      .root = files_root()};
    const struct {
        const char *path;
        void (*print)(const struct timeline *timeline, struct buffer *out);
    } pictures[] = {{plan->values.timeline, timeline_print_page},
                    {plan->values.perfetto, timeline_print_events}};
    int exit_code = 0;

    for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
        struct buffer text = {0};
        if (pictures[i].path == NULL)
            continue;
        pictures[i].print(&timeline, &text);
        if (!files_write(pictures[i].path, text.data, text.len))
            exit_code = CLI_CANNOT;
        buffer_fini(&text);
    }
    return exit_code;
}

/* "deadlock", "data-race": names of functions may change from commit to commit. */
static bool is_same_kind(const char *title, const char *other)
{
    const size_t len = strcspn(title, ": ");

    return len == strcspn(other, ": ") && memcmp(title, other, len) == 0;
}

/* The commit has a bug, but it is not the one that is being looked for. */
static bool is_another_bug(const struct plan *plan, const struct run_result *result)
{
    const struct scenario_line *found = plan->subject.scenario->found;

    if (!plan->values.is_bisecting || found == NULL)
        return false;
    const struct scenario_value *title = SCENARIO_ARG(found, FOUND, TITLE);
    return title->is_present &&
           !is_same_kind((const char *)title->text.data, result->finding.title);
}

static int replay(const struct plan *plan)
{
    static struct rerun rerun;

    struct buffer packets = {0};

    if (plan->values.pcap != NULL)
        pcap_begin(&packets);
    rerun_init(&rerun, &plan->rerun);
    if (plan->values.pcap != NULL)
        (void)pcap_end();
    int exit_code = repeat(plan, &rerun.result);
    if (exit_code == 0) {
        print_run(plan, &rerun);
        exit_code = draw(plan, &rerun);
        if (plan->values.pcap != NULL && !files_write(plan->values.pcap, packets.data, packets.len))
            exit_code = CLI_CANNOT;
    }
    if (exit_code == 0) {
        compare_with_sanitizer(plan, &rerun);
        exit_code = compare_with_recording(plan, &rerun);
    }
    if (exit_code == 0 && rerun.result.finding.kind != FINDING_NONE)
        exit_code = is_another_bug(plan, &rerun.result) ? CLI_CANNOT : CLI_FOUND;
    buffer_fini(&packets);
    rerun_fini(&rerun);
    return exit_code;
}

static int run(const struct command *command, int argc, char *const *argv)
{
    static struct plan plan;

    int exit_code = make_plan(command, argc, argv, &plan);
    if (exit_code == 0 && plan.values.has_gdb)
        exit_code = debugger_start(command->name, argc, argv);
    (void)debugger_arm();
    if (exit_code == 0)
        exit_code = replay(&plan);
    subject_close(&plan.subject);
    /* To git, 1 to 124 are all "bad", and 128 and more end the search. */
    if (plan.values.is_bisecting && exit_code != CLI_NOTHING && exit_code != CLI_FOUND)
        exit_code = CLI_CANNOT;
    return exit_code;
}

const struct command cmd_replay = {
    .name = "replay",
    .operands = "TARGET [-- ARGUMENT...]",
    .summary = "run one schedule again and tell its story",
    .more =
        "TARGET is a reproducer, which brings its schedule along, or a scenario with --seed, or "
        "with\n"
        "--seed and --trial as explore prints them. A scenario alone runs its dull schedule.\n\n"
        "Exit codes: 0 nothing found, 1 a finding, 2 usage, 3 bad input file, 4 the run differs "
        "from\n"
        "its repetition, or a recorded schedule no longer fits the code and finds nothing; 125 "
        "cannot\n"
        "judge. With --bisect everything but 0 and 1 is 125: what `git bisect run` skips.\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
