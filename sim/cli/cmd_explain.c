/*
 * sim/cli/cmd_explain.c - heddle explain: which two operations, in which order, make a run fail.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/reduce.h"
#include "sim/cli/which.h"
#include "sim/explain/explain.h"
#include "sim/input/buffer.h"
#include "sim/input/scenario.h"
#include "sim/report/reproducer.h"
#include "sim/report/rows.h"
#include "sim/report/symbols.h"
#include "sim/report/words.h"

enum {
    CHOICES_MANY = 40, /* more of them are shrunk first */
    HELD_MAX = 16,
    TEXT_BYTES = 512,
};

#define SHRINK_NS UINT64_C(10000000000)

struct values {
    struct option_number seed;
    struct option_number trial;
    const char *strategy;
    struct option_list plants;
    const char *points;
    bool is_json;
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
    {"json", 0, OPTION_FLAG, NULL, "print the explanation as a line of JSON", AT(is_json)},
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

/* ---- steps in words ---- */

/* Of the whole trace, the step with that number; NULL when it was not kept. */
static const struct trace_step *find_step(const struct trace *trace, uint64_t step)
{
    const size_t index = trace_find(trace, step);

    return index < trace_count(trace) ? trace_at(trace, index) : NULL;
}

/* "w1 locks listener.lock  listener_unbind core/net/listener.c:12". */
static void describe(const struct trace *trace, const struct explain_step *step, char *out,
                     size_t out_bytes)
{
    const struct trace_step *found = find_step(trace, step->step);
    char words[WORDS_BYTES];

    if (found == NULL || found->thread_id != step->thread_id) {
        snprintf(out, out_bytes, "a step that was not kept");
        return;
    }
    words_step(trace, found, words, sizeof(words));
    const struct symbol *symbol = symbols_lookup(found->pc);
    if (found->pc == NULL)
        snprintf(out, out_bytes, "%s %s", words_thread(trace, found->thread_id), words);
    else
        snprintf(out, out_bytes, "%s %s, in %s (%s:%" PRIu32 ")",
                 words_thread(trace, found->thread_id), words, symbol->function, symbol->file,
                 symbol->line);
}

static void print_stack(const struct trace *trace, const struct explain_step *step)
{
    const struct trace_step *found = find_step(trace, step->step);

    for (size_t i = 0; found != NULL && i < TRACE_STACK_MAX && found->stack[i] != NULL; i++) {
        const struct symbol *symbol = symbols_lookup(found->stack[i]);
        if (strncmp(symbol->file, "sim/posix/", 10) == 0 || symbol->line == 0)
            break; /* where the simulator called the thread */
        printf("            <- %s (%s:%" PRIu32 ")\n", symbol->function, symbol->file,
               symbol->line);
    }
}

static void print_value(const char *when, const struct trace *trace,
                        const struct explain_step *step)
{
    const struct trace_step *found = find_step(trace, step->step);

    if (found != NULL && found->has_value)
        printf("            %s: %" PRId64 "\n", when, found->value);
}

/* Names of the locks that a thread has before a step. */
static size_t list_held(const struct trace *trace, const struct explain_step *step, char *out,
                        size_t out_bytes)
{
    struct {
        uint32_t object_id;
        char name[WORDS_BYTES];
    } held[HELD_MAX];
    size_t count = 0;

    for (size_t i = 0; i < trace_count(trace); i++) {
        const struct trace_step *at = trace_at(trace, i);
        if (at->step >= step->step)
            break;
        if (at->thread_id != step->thread_id)
            continue;
        if (trace_takes_lock(at) && count < HELD_MAX) {
            held[count].object_id = at->object_id;
            words_object(trace, at, held[count++].name, WORDS_BYTES);
        }
        for (size_t h = count; at->kind == OP_UNLOCK && h-- > 0;) {
            if (held[h].object_id != at->object_id)
                continue;
            memmove(&held[h], &held[h + 1], (count - h - 1) * sizeof(held[0]));
            count--;
            break;
        }
    }
    out[0] = '\0';
    for (size_t h = 0; h < count; h++) {
        const size_t len = strlen(out);
        snprintf(out + len, out_bytes - len, "%s%s", h == 0 ? "" : ", ", held[h].name);
    }
    return count;
}

/* ---- the explanation ---- */

struct page {
    const struct explanation *explanation;
    struct rerun failing;
    struct rerun passing;
    char first[TEXT_BYTES];
    char second[TEXT_BYTES];
};

static bool is_lock(const struct explain_step *step)
{
    return step->op.kind == OP_LOCK || step->op.kind == OP_LOCK_READ ||
           step->op.kind == OP_TRY_LOCK;
}

static void print_reason(const struct page *page)
{
    const struct explanation *explanation = page->explanation;
    const struct trace *trace = &page->failing.trace;
    const char *names[2] = {words_thread(trace, explanation->first.thread_id),
                            words_thread(trace, explanation->second.thread_id)};
    char held[2][TEXT_BYTES];
    char object[WORDS_BYTES];

    const struct trace_step *first = find_step(trace, explanation->first.step);
    object[0] = '\0';
    if (first != NULL)
        words_object(trace, first, object, sizeof(object));
    const size_t counts[2] = {list_held(trace, &explanation->first, held[0], TEXT_BYTES),
                              list_held(trace, &explanation->second, held[1], TEXT_BYTES)};
    printf("\n  why       ");
    if (explanation->is_same_object)
        printf("both are about %s, and nothing orders them: no happens-before edge\n            "
               "leads from one to the other\n",
               object[0] == '\0' ? "one object" : object);
    else
        printf("nothing orders them: no happens-before edge leads from one to the other\n");
    for (size_t i = 0; i < 2; i++)
        printf("            %s holds %s\n", names[i], counts[i] == 0 ? "no lock" : held[i]);
    if (explanation->is_same_object && is_lock(&explanation->first) &&
        is_lock(&explanation->second))
        printf("  would     %s and %s taking their locks in one order, or letting go of the first\n"
               "            before the second is wanted\n",
               names[0], names[1]);
    else
        printf(
            "  would     one lock held by both around what belongs together, or %s waiting until\n"
            "            %s is through\n",
            names[0], names[1]);
}

static void print_order(const struct page *page)
{
    const struct explanation *explanation = page->explanation;

    printf("\n  fails     if %s\n", page->first);
    print_stack(&page->failing.trace, &explanation->first);
    printf("  before    %s\n", page->second);
    print_stack(page->explanation->second.step == explanation->passing_second.step &&
                        find_step(&page->failing.trace, explanation->second.step) == NULL
                    ? &page->passing.trace
                    : &page->failing.trace,
                &explanation->second);
    print_value("failing", &page->failing.trace, &explanation->second);
    print_value("passing", &page->passing.trace, &explanation->passing_second);
    printf("  passes    if they come the other way round, all else being the same\n");
    print_reason(page);
}

static void print_choice(const struct page *page)
{
    const struct explanation *explanation = page->explanation;
    const struct choice_deviation *choice = &explanation->failing.deviations[explanation->choice];
    char site[TEXT_BYTES];

    reproducer_site(&page->failing.trace, choice, site, sizeof(site));
    if (choice->class_count >> 24 == CHOICE_SCHED)
        printf("\n  fails     if at %s the next thread is not the usual one\n", site);
    else
        printf("\n  fails     if %s is %" PRIu32 "\n", site, choice->value);
    printf("  passes    without that, all else being the same\n");
}

static void describe_both(struct page *page)
{
    const struct explanation *explanation = page->explanation;
    const bool is_there = find_step(&page->failing.trace, explanation->second.step) != NULL &&
                          find_step(&page->failing.trace, explanation->second.step)->thread_id ==
                              explanation->second.thread_id;

    describe(&page->failing.trace, &explanation->first, page->first, TEXT_BYTES);
    describe(is_there ? &page->failing.trace : &page->passing.trace, &explanation->second,
             page->second, TEXT_BYTES);
}

/* ---- data races: the detector has both sides ---- */

/* The line of `detail` that starts with `word`, without it, into `out`. */
static void find_line(const char *detail, const char *word, char *out, size_t out_bytes)
{
    const size_t len = strlen(word);

    out[0] = '\0';
    for (const char *line = detail; line != NULL && *line != '\0';) {
        const char *end = strchr(line, '\n');
        const size_t line_len = end == NULL ? strlen(line) : (size_t)(end - line);
        if (line_len > len && memcmp(line, word, len) == 0) {
            snprintf(out, out_bytes, "%.*s", (int)(line_len - len), line + len);
            return;
        }
        line = end == NULL ? NULL : end + 1;
    }
}

/* No order decides: the two accesses race in every schedule that has both and nothing between. */
static int explain_race(const struct plan *plan, const struct rerun *rerun)
{
    const struct finding *finding = &rerun->result.finding;
    char first[TEXT_BYTES];
    char second[TEXT_BYTES];

    find_line(finding->detail, "first: ", first, sizeof(first));
    find_line(finding->detail, "then: ", second, sizeof(second));
    if (plan->values.is_json) {
        rows_explained(stdout, &(struct row_explained){.title = finding->title,
                                                       .kind = "order",
                                                       .first = first,
                                                       .second = second,
                                                       .is_same_object = true});
        return CLI_NOTHING;
    }
    printf("%s\n\n  fails     if both happen, in whichever order: the memory model gives them no "
           "value\n\n",
           finding->title);
    for (const char *line = finding->detail; *line != '\0';) {
        const size_t len = strcspn(line, "\n");
        printf("            %.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
    printf("\n  why       no happens-before edge leads from one to the other\n"
           "  would     one lock held around both, or a release after the first that the second\n"
           "            acquires\n");
    return CLI_NOTHING;
}

static void print_page(struct page *page, const char *title)
{
    const struct explanation *explanation = page->explanation;

    printf("%s\n", title);
    switch (explanation->kind) {
    case EXPLAIN_ORDER:
        print_order(page);
        break;
    case EXPLAIN_CHOICE:
        print_choice(page);
        break;
    case EXPLAIN_ALWAYS:
        printf("\n  fails     always: the dull run, and every other schedule that was tried\n");
        break;
    case EXPLAIN_NOTHING:
        printf("\n  no passing run is near: moving or leaving out one choice of %zu changes\n"
               "  nothing\n",
               page->failing.deviation_count);
        break;
    }
    printf("\n  tried     %" PRIu64 " runs\n", explanation->run_count);
}

static void print_row(const struct page *page, const char *title)
{
    static const char *const kinds[] = {"nothing", "order", "choice", "always"};
    const struct explanation *explanation = page->explanation;

    rows_explained(stdout, &(struct row_explained){
                               .title = title,
                               .kind = kinds[explanation->kind],
                               .first = explanation->kind == EXPLAIN_ORDER ? page->first : NULL,
                               .second = explanation->kind == EXPLAIN_ORDER ? page->second : NULL,
                               .is_same_object = explanation->is_same_object,
                               .runs = explanation->run_count});
}

/* A long recording says little: its shrunk form takes its place. */
static void shorten(struct plan *plan, struct recording *recording)
{
    struct reduce reduce = {.subject = &plan->subject,
                            .failing = &plan->failing,
                            .time_ns_max = SHRINK_NS,
                            .has_progress = true};

    if (reduce_run(&reduce))
        recording_copy(&reduce.result.recording, recording);
    /* The scenario stays: the subject is aimed at it. */
    recording_fini(&reduce.result.recording);
}

static int explain(struct plan *plan)
{
    static struct page page;
    static struct rerun rerun;
    char title[FINDING_TITLE_BYTES];
    struct explanation explanation;
    struct recording recording = {0};

    rerun_init(&rerun, &plan->failing);
    if (rerun.result.finding.kind == FINDING_NONE) {
        cli_say("%s: the run ends in nothing: there is nothing to explain", plan->subject.name);
        rerun_fini(&rerun);
        return CLI_CANNOT;
    }
    if (rerun.result.finding.kind == FINDING_DATA_RACE) {
        const int exit_code = explain_race(plan, &rerun);
        rerun_fini(&rerun);
        return exit_code;
    }
    snprintf(title, sizeof(title), "%s", rerun.result.finding.title);
    const bool is_deadlock = rerun.result.finding.kind == FINDING_DEADLOCK;
    const struct recording recorded = {.deviations = rerun.deviations,
                                       .count = rerun.deviation_count};
    recording_copy(&recorded, &recording);
    rerun_fini(&rerun);
    if (recording.count > CHOICES_MANY)
        shorten(plan, &recording);
    explain_run(&(struct explain_spec){.target = &plan->subject.target,
                                       .recording = &recording,
                                       .title = title,
                                       .is_deadlock = is_deadlock,
                                       .expand = rerun_expand},
                &explanation);
    page.explanation = &explanation;
    const struct recording *failing =
        explanation.kind == EXPLAIN_ORDER ? &explanation.failing : &recording;
    rerun_init(&page.failing, &(struct rerun_plan){.subject = &plan->subject,
                                                   .deviations = failing->deviations,
                                                   .deviation_count = failing->count});
    rerun_init(&page.passing,
               &(struct rerun_plan){.subject = &plan->subject,
                                    .deviations = explanation.passing.deviations == NULL
                                                      ? failing->deviations
                                                      : explanation.passing.deviations,
                                    .deviation_count = explanation.passing.count});
    if (explanation.kind == EXPLAIN_ORDER)
        describe_both(&page);
    if (plan->values.is_json)
        print_row(&page, title);
    else
        print_page(&page, title);
    rerun_fini(&page.failing);
    rerun_fini(&page.passing);
    explanation_fini(&explanation);
    recording_fini(&recording);
    return CLI_NOTHING;
}

static int run(const struct command *command, int argc, char *const *argv)
{
    static struct plan plan;

    int exit_code = make_plan(command, argc, argv, &plan);
    if (exit_code == 0)
        exit_code = explain(&plan);
    subject_close(&plan.subject);
    return exit_code;
}

const struct command cmd_explain = {
    .name = "explain",
    .operands = "REPRODUCER [-- ARGUMENT...]",
    .summary = "the two operations whose order decides, and the nearest run that passes",
    .more = "Moves one interruption of the failing run at a time until the run passes. What is "
            "printed\n"
            "was run: the failing order, and the other one, which passes. Give it what shrink "
            "wrote.\n\n"
            "Exit codes: 0 explained, 2 usage, 3 bad input file, 125 the run ends in nothing.\n",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .run = run,
};
