/*
 * sim/cli/outcome.c - see outcome.h.
 */
#include "sim/cli/outcome.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/files.h"
#include "sim/cli/program.h"
#include "sim/input/buffer.h"
#include "sim/input/scenario.h"
#include "sim/report/reproducer.h"
#include "sim/report/story.h"
#include "sim/report/symbols.h"
#include "sim/report/words.h"

enum { ORIGIN_BYTES = 160, SLUG_BYTES = 64, ERROR_BYTES = 256 };

/* Whether `heddle` alone would start the file at `path`. */
static bool is_in_path(const char *path)
{
    char candidate[PATH_MAX];
    char real[PATH_MAX];
    const char *at = getenv("PATH");

    for (; at != NULL && *at != '\0'; at += at[0] == ':') {
        const int len = (int)strcspn(at, ":");
        if (snprintf(candidate, sizeof(candidate), "%.*s/heddle", len, at) < PATH_MAX &&
            access(candidate, X_OK) == 0)
            return realpath(candidate, real) != NULL && strcmp(real, path) == 0;
        at += len;
    }
    return false;
}

/* The tool itself; a program of the user's was started by it. */
static void find_tool(char *out, size_t out_bytes)
{
    char self[PATH_MAX];
    const char *tool = foreign_is_here() ? getenv(PROGRAM_TOOL_VARIABLE) : NULL;

    if (tool == NULL || *tool == '\0')
        tool = realpath("/proc/self/exe", self);
    snprintf(out, out_bytes, "%s", tool == NULL || is_in_path(tool) ? "heddle" : tool);
}

/* The launcher beside the current folder, or on its way here; else the tool. */
const char *outcome_program(void)
{
    static char program[PATH_MAX];
    char root[PATH_MAX];
    char here[PATH_MAX];
    char path[PATH_MAX + 16];

    if (program[0] != '\0')
        return program;
    if (realpath(files_root(), root) == NULL || getcwd(here, sizeof(here)) == NULL)
        root[0] = '\0';
    snprintf(path, sizeof(path), "%s/heddle", root);
    if (root[0] != '\0' && access(path, X_OK) == 0)
        snprintf(program, sizeof(program), "%s", strcmp(root, here) == 0 ? "./heddle" : path);
    else
        find_tool(program, sizeof(program));
    return program;
}

void outcome_quote(const char *text, char *out, size_t out_bytes)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=.,:/@%";
    size_t len = 0;

    if (text[0] != '\0' && strspn(text, plain) == strlen(text)) {
        snprintf(out, out_bytes, "%s", text);
        return;
    }
    out[len++] = '\'';
    for (; *text != '\0' && len + 6 < out_bytes; text++) {
        if (*text == '\'') {
            memcpy(out + len, "'\\''", 4);
            len += 4;
        } else {
            out[len++] = *text;
        }
    }
    out[len++] = '\'';
    out[len] = '\0';
}

/* Appends to a text that may be full. */
__attribute__((format(printf, 3, 4))) static void append(char *out, size_t out_bytes,
                                                         const char *format, ...)
{
    const size_t len = strlen(out);
    va_list args;

    va_start(args, format);
    vsnprintf(out + len, out_bytes - len, format, args);
    va_end(args);
}

static void append_plants(const struct subject *subject, char *out, size_t out_bytes)
{
    for (size_t i = 0; i < subject->plant_count; i++)
        append(out, out_bytes, " --plant %s", subject->plant_ids[i]);
}

/* What a file cannot say: how the program is built. A reproducer says where threads may be
 * interrupted. */
static void append_build(const struct subject *subject, bool is_reproducer, char *out,
                         size_t out_bytes)
{
    const bool says_memory = subject->scenario->has_memory_points;

    if (strcmp(cli_build(), "explore") != 0)
        append(out, out_bytes, " --build %s", cli_build());
    if (subject->has_memory_points && !says_memory && !is_reproducer)
        append(out, out_bytes, " --points memory");
    if (!subject->has_memory_points && says_memory)
        append(out, out_bytes, " --points sync");
    if (subject->world.check_every_step)
        append(out, out_bytes, " --oracle every-step");
    if (subject->isolation != NULL)
        append(out, out_bytes, " --isolate %s", subject->isolation);
}

void outcome_file_command(const struct subject *subject, const char *file, char *out,
                          size_t out_bytes)
{
    char name[PATH_MAX];

    outcome_quote(file, name, sizeof(name));
    snprintf(out, out_bytes, "%s replay %s", outcome_program(), name);
    append_build(subject, file != subject->name, out, out_bytes);
}

void outcome_command(const struct subject *subject, const struct trial *trial,
                     const struct strategy_spec *strategy, char *out, size_t out_bytes)
{
    char text[64];

    outcome_file_command(subject, subject->name, out, out_bytes);
    append_plants(subject, out, out_bytes);
    if (strategy != NULL) {
        strategy_print(strategy, text, sizeof(text));
        append(out, out_bytes, " --strategy %s", text);
    }
    if (trial->number == TRIAL_UNNUMBERED)
        append(out, out_bytes, " --seed 0x%" PRIx64, trial->seed);
    else
        append(out, out_bytes, " --seed 0x%" PRIx64 " --trial %" PRIu64, trial->campaign_seed,
               trial->number);
}

void outcome_origin(const struct trial *trial, char *out, size_t out_bytes)
{
    char strategy[64];

    strategy_print(&trial->strategy, strategy, sizeof(strategy));
    if (trial->number == TRIAL_UNNUMBERED)
        snprintf(out, out_bytes, "%s, seed 0x%" PRIx64, strategy, trial->seed);
    else
        snprintf(out, out_bytes, "%s, trial %" PRIu64 " of seed 0x%" PRIx64, strategy,
                 trial->number, trial->campaign_seed);
}

void outcome_print_story(const struct rerun *rerun, const char *origin, const char *command,
                         const char *file)
{
    const struct story story = {.trace = &rerun->trace,
                                .result = &rerun->result,
                                .lookup = symbols_lookup,
                                .origin = origin,
                                .command = command,
                                .file = file,
                                .style = story_style_of(stdout)};

    story_print(stdout, &story);
    fflush(stdout);
}

static bool is_file_name(const char *out)
{
    const size_t len = strlen(out);

    return len > 4 && strcmp(out + len - 4, ".scn") == 0;
}

/* The slug of its title; long titles that begin alike have the same, so later ones of a search get
 * a number too. */
static void slug_of(const struct outcome *outcome, const char *title, char slug[SLUG_BYTES + 8])
{
    static char used[SEARCH_FINDINGS_MAX][SLUG_BYTES];
    bool is_taken = false;

    words_slug(title, slug, SLUG_BYTES);
    if (outcome->index >= SEARCH_FINDINGS_MAX)
        return;
    snprintf(used[outcome->index], SLUG_BYTES, "%s", slug);
    for (unsigned i = 0; i < outcome->index; i++)
        is_taken |= strcmp(used[i], slug) == 0;
    if (is_taken)
        snprintf(slug + strlen(slug), 8, "-%u", outcome->index + 1);
}

/* A name of its own for each finding. */
static void name_reproducer(struct outcome *outcome, const char *title)
{
    char slug[SLUG_BYTES + 8];

    slug_of(outcome, title, slug);
    if (!is_file_name(outcome->out))
        snprintf(outcome->reproducer, sizeof(outcome->reproducer), "%s/%s.scn", outcome->out,
                 slug[0] == '\0' ? "finding" : slug);
    else if (outcome->index == 0)
        snprintf(outcome->reproducer, sizeof(outcome->reproducer), "%s", outcome->out);
    else
        snprintf(outcome->reproducer, sizeof(outcome->reproducer), "%.*s-%u.scn",
                 (int)strlen(outcome->out) - 4, outcome->out, outcome->index + 1);
}

static bool write_reproducer(struct outcome *outcome, const struct rerun *rerun)
{
    const struct reproducer reproducer = {
        .scenario = outcome->subject->scenario,
        .plants = outcome->subject->plant_ids,
        .plant_count = outcome->subject->plant_count,
        .has_memory_points = outcome->subject->has_memory_points,
        .trace = &rerun->trace,
        .trial = &outcome->finding->trial,
        .result = &rerun->result,
        .deviations = rerun->deviations,
        .deviation_count = rerun->deviation_count,
    };
    struct buffer text = {0};
    char error[ERROR_BYTES];
    bool is_good = reproducer_print(&reproducer, &text, error, sizeof(error));

    name_reproducer(outcome, rerun->result.finding.title);
    if (!is_good)
        cli_say("no reproducer for '%s': %s", rerun->result.finding.title, error);
    else
        is_good = files_write(outcome->reproducer, text.data, text.len);
    if (!is_good)
        outcome->reproducer[0] = '\0';
    buffer_fini(&text);
    return is_good;
}

static int complain_of_difference(const struct outcome *outcome, const struct rerun_plan *plan,
                                  const struct run_result *again)
{
    const struct search_finding *finding = outcome->finding;
    char command[COMMAND_BYTES];

    if (finding->finding.kind == FINDING_NONDETERMINISM)
        cli_say("a run that differs from its repetition cannot be replayed: mend this first");
    else
        cli_say("the replay of a finding differs from it: nothing below can be trusted");
    cli_say("  found:    %s; %" PRIu64 " steps, trace %016" PRIx64, finding->finding.title,
            finding->steps, finding->trace_hash);
    cli_say("  replayed: %s; %" PRIu64 " steps, trace %016" PRIx64,
            again->finding.kind == FINDING_NONE ? "nothing" : again->finding.title, again->steps,
            again->trace_hash);
    rerun_explain_difference(plan);
    outcome_command(outcome->subject, &finding->trial, outcome->strategy, command, sizeof(command));
    cli_say("  %s --times 10", command);
    return CLI_DIVERGED;
}

int outcome_show(struct outcome *outcome)
{
    static struct rerun rerun;
    const struct trial *trial = &outcome->finding->trial;
    /* What no seed names is played from its recording. */
    const struct rerun_plan plan = {
        .subject = outcome->subject,
        .trial = outcome->finding->deviations == NULL ? trial : NULL,
        .deviations = outcome->finding->deviations,
        .deviation_count = outcome->finding->deviation_count,
    };
    int exit_code = 0;

    outcome->reproducer[0] = '\0';
    rerun_init(&rerun, &plan);
    if (outcome->finding->finding.kind == FINDING_NONDETERMINISM ||
        rerun.result.trace_hash != outcome->finding->trace_hash) {
        exit_code = complain_of_difference(outcome, &plan, &rerun.result);
    } else {
        char command[COMMAND_BYTES];
        char origin[ORIGIN_BYTES];
        if (outcome->out != NULL && !write_reproducer(outcome, &rerun))
            exit_code = CLI_CANNOT;
        outcome_command(outcome->subject, trial, outcome->strategy, command, sizeof(command));
        if (outcome->reproducer[0] != '\0') {
            outcome_file_command(outcome->subject, outcome->reproducer, command, sizeof(command));
        }
        outcome_origin(trial, origin, sizeof(origin));
        if (outcome->has_story)
            outcome_print_story(&rerun, origin, command,
                                outcome->reproducer[0] == '\0' ? NULL : outcome->reproducer);
    }
    rerun_fini(&rerun);
    return exit_code;
}
