/*
 * sim/cli/cmd_shrink.c - heddle shrink: the smallest reproducer of what a reproducer shows.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "sim/cli/files.h"
#include "sim/cli/outcome.h"
#include "sim/cli/reduce.h"
#include "sim/cli/which.h"
#include "sim/input/buffer.h"
#include "sim/report/rows.h"

#define TIME_NS_DEFAULT UINT64_C(30000000000)

struct values {
    struct option_number time_ns;
    struct option_number seed;
    struct option_number trial;
    const char *strategy;
    struct option_list plants;
    const char *points;
    const char *out;
    bool is_json;
    bool has_story;
    const char *build;
};

#define AT(member) offsetof(struct values, member)
static const struct option_def options[] = {
    {"time", 0, OPTION_DURATION, "30s", "stop after this time with the best so far (30s)",
     AT(time_ns)},
    {"seed", 0, OPTION_NUMBER, "N", "of the run; with --trial, of the campaign", AT(seed)},
    {"trial", 0, OPTION_NUMBER, "N", "the campaign's trial (schedule) N", AT(trial)},
    {"strategy", 0, OPTION_TEXT, "NAME", "of the campaign, when it was not the portfolio",
     AT(strategy)},
    {"plant", 0, OPTION_LIST, "ID", "switch a planted bug on (again for more)", AT(plants)},
    {"points", 0, OPTION_TEXT, "sync|memory", "where threads may be interrupted", AT(points)},
    {"out", 'o', OPTION_TEXT, "FILE", "where to write it (FILE.min.scn beside FILE.scn)", AT(out)},
    {"json", 0, OPTION_FLAG, NULL, "print what came of it as a line of JSON", AT(is_json)},
    {"story", 0, OPTION_FLAG, NULL, "tell the shrunk run's story", AT(has_story)},
    {"build", 0, OPTION_TEXT, "NAME", "plain, asan, tsan or explore (the launcher builds it)",
     AT(build)},
};
#undef AT

struct plan {
    struct values values;
    struct subject subject;
    struct which which;
    struct rerun_plan failing;
};

static int make_plan(const struct command *command, int argc, char *const *argv, struct plan *plan)
{
    const struct values *values = &plan->values;
    struct operands targets;
    int exit_code = 0;

    if (!cli_parse(command, argc, argv, &plan->values, &targets, 1, OPERANDS_MAX) ||
        !cli_check_build(command, values->build, &exit_code))
        return exit_code != 0 ? exit_code : CLI_USAGE;
    return which_open(command, &targets,
                      &(struct which_words){.seed = values->seed,
                                            .trial = values->trial,
                                            .strategy = values->strategy,
                                            .plants = &values->plants,
                                            .points = values->points},
                      &plan->subject, &plan->which, &plan->failing);
}

/* FILE.scn becomes FILE.min.scn; what is no scenario file gets a name in heddle-out. */
static void name_output(const struct plan *plan, char *out, size_t out_bytes)
{
    const char *path = plan->subject.path;
    const size_t len = strlen(path);

    if (plan->values.out != NULL)
        snprintf(out, out_bytes, "%s", plan->values.out);
    else if (len > 4 && strcmp(path + len - 4, ".scn") == 0)
        snprintf(out, out_bytes, "%.*s.min.scn", (int)(len - 4), path);
    else
        snprintf(out, out_bytes, "heddle-out/shrunk.scn");
}

static void print_closing(const struct reduce *reduce, const char *path)
{
    const struct shrink_state *state = &reduce->result.state;

    printf("%s\n", reduce->title);
    printf("  %zu lines, %zu of them choices, %" PRIu32 " preemption%s\n", state->lines,
           state->choices, state->preemptions, state->preemptions == 1 ? "" : "s");
    printf("  %" PRIu64 " runs in %" PRIu64 ".%" PRIu64 "s; %s\n", state->run_count,
           state->elapsed_ns / 1000000000, state->elapsed_ns / 100000000 % 10,
           reduce->result.is_minimal ? "no single step makes it smaller"
                                     : "the time was over: --time gives more");
    printf("  saved in  %s\n", path);
}

static int shrink(struct plan *plan)
{
    static struct rerun rerun;
    struct reduce reduce = {
        .subject = &plan->subject,
        .failing = &plan->failing,
        .time_ns_max = plan->values.time_ns.is_given ? plan->values.time_ns.value : TIME_NS_DEFAULT,
        .has_progress = true};
    struct buffer text = {0};
    char path[PATH_MAX];
    int exit_code = CLI_NOTHING;

    if (!reduce_run(&reduce)) {
        if (reduce.title[0] == '\0') {
            cli_say("%s: the run ends in nothing: there is nothing to shrink", plan->subject.name);
            return CLI_CANNOT;
        }
        cli_say("%s: its recording does not end in: %s", plan->subject.name, reduce.title);
        return CLI_DIVERGED;
    }
    name_output(plan, path, sizeof(path));
    if (!reduce_print(&reduce, &rerun, &text) || !files_write(path, text.data, text.len)) {
        exit_code = CLI_CANNOT;
    } else if (plan->values.is_json) {
        rows_shrunk(stdout, &(struct row_shrunk){.target = plan->subject.name,
                                                 .title = reduce.title,
                                                 .reproducer = path,
                                                 .lines = reduce.result.state.lines,
                                                 .preemptions = reduce.result.state.preemptions,
                                                 .runs = reduce.result.state.run_count,
                                                 .elapsed_ns = reduce.result.state.elapsed_ns,
                                                 .is_minimal = reduce.result.is_minimal});
    } else if (plan->values.has_story) {
        char command[COMMAND_BYTES];
        outcome_file_command(&plan->subject, path, command, sizeof(command));
        outcome_print_story(&rerun, "shrinking", command, path);
    } else {
        printf("%.*s\n", (int)text.len, text.data);
        print_closing(&reduce, path);
    }
    rerun_fini(&rerun);
    buffer_fini(&text);
    reduce_fini(&reduce);
    return exit_code;
}

static int run(const struct command *command, int argc, char *const *argv)
{
    static struct plan plan;

    int exit_code = make_plan(command, argc, argv, &plan);
    if (exit_code == 0)
        exit_code = shrink(&plan);
    subject_close(&plan.subject);
    return exit_code;
}

const struct command cmd_shrink = {
    .name = "shrink",
    .operands = "REPRODUCER [-- ARGUMENT...]",
    .summary = "the smallest scenario and schedule that end the same way",
    .more =
        "Takes away lines, words, choices and interruptions as long as the run ends in the same\n"
        "title, and writes what is left as a scenario file. REPRODUCER is a file that explore\n"
        "wrote, or a scenario with --seed and --trial.\n\n"
        "Exit codes: 0 shrunk, 2 usage, 3 bad input file, 4 the recording does not reproduce,\n"
        "125 the run ends in nothing.\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
