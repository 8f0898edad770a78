/*
 * sim/cli/reduce.c - see reduce.h.
 */
#include "sim/cli/reduce.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/cli/files.h"
#include "sim/foreign/apart.h"
#include "sim/input/buffer.h"
#include "sim/input/scenario.h"
#include "sim/report/reproducer.h"

enum { ERROR_BYTES = 256 };

static bool aim(void *context, const struct scenario *scenario, struct target *target)
{
    struct reduce *reduce = context;

    if (!subject_retarget(reduce->subject, scenario))
        return false;
    *target = reduce->subject->target;
    return true;
}

static void show(void *context, const struct shrink_state *state)
{
    (void)context;
    fprintf(stderr,
            "\r\033[K%zu lines, %zu choices, %" PRIu32 " preemptions; %" PRIu64 " runs, %" PRIu64
            "s; fewer %s",
            state->lines, state->choices, state->preemptions, state->run_count,
            state->elapsed_ns / 1000000000, state->doing);
}

bool reduce_run(struct reduce *reduce)
{
    static struct rerun rerun;
    const bool is_shown = reduce->has_progress && isatty(STDERR_FILENO);

    reduce->result = (struct shrink_result){0};
    reduce->title[0] = '\0';
    rerun_init(&rerun, reduce->failing);
    bool is_good = rerun.result.finding.kind != FINDING_NONE;
    if (is_good) {
        snprintf(reduce->title, sizeof(reduce->title), "%s", rerun.result.finding.title);
        const struct recording recording = {.deviations = rerun.deviations,
                                            .count = rerun.deviation_count};
        const struct shrink_spec spec = {
            .scenario = reduce->subject->scenario,
            .recording = &recording,
            .title = reduce->title,
            .time_ns_max = reduce->time_ns_max,
            .context = reduce,
            .aim = aim,
            .expand = rerun_expand,
            .progress = is_shown ? show : NULL,
        };
        is_good = shrink_run(&spec, &reduce->result);
        if (is_good)
            is_good = subject_retarget(reduce->subject, reduce->result.scenario);
        if (is_shown)
            fprintf(stderr, "\r\033[K");
    }
    rerun_fini(&rerun);
    return is_good;
}

bool reduce_print(struct reduce *reduce, struct rerun *rerun, struct buffer *out)
{
    const struct subject *subject = reduce->subject;
    const struct rerun_plan plan = {.subject = subject,
                                    .deviations = reduce->result.recording.deviations,
                                    .deviation_count = reduce->result.recording.count};
    char error[ERROR_BYTES];

    rerun_init(rerun, &plan);
    const struct reproducer reproducer = {
        .scenario = reduce->result.scenario,
        .plants = subject->plant_ids,
        .plant_count = subject->plant_count,
        .trace = &rerun->trace,
        .result = &rerun->result,
        .deviations = rerun->deviations,
        .deviation_count = rerun->deviation_count,
    };
    if (reproducer_print(&reproducer, out, error, sizeof(error)))
        return true;
    cli_say("no reproducer: %s", error);
    return false;
}

void reduce_fini(struct reduce *reduce)
{
    shrink_result_fini(&reduce->result);
}

/* ---- in a process of its own ---- */

struct errand {
    struct subject *subject;
    const struct trial *trial;
    uint64_t time_ns_max;
    const char *path;
    struct reduced *out; /* shared */
};

/* The reproducer is run once more: what it promises is what it does. */
static void reduce_here(void *context)
{
    static struct rerun rerun;
    const struct errand *errand = context;
    struct reduced *out = errand->out;
    const struct rerun_plan failing = {.subject = errand->subject, .trial = errand->trial};
    struct reduce reduce = {
        .subject = errand->subject, .failing = &failing, .time_ns_max = errand->time_ns_max};
    struct buffer text = {0};

    if (reduce_run(&reduce)) {
        const struct shrink_state *state = &reduce.result.state;
        out->is_minimal = reduce.result.is_minimal;
        out->lines = state->lines;
        out->preemptions = state->preemptions;
        out->run_count = state->run_count;
        out->elapsed_ns = state->elapsed_ns;
        const bool is_printed = reduce_print(&reduce, &rerun, &text);
        out->is_good = is_printed && strcmp(rerun.result.finding.title, reduce.title) == 0 &&
                       (errand->path == NULL || files_write(errand->path, text.data, text.len));
        rerun_fini(&rerun);
    }
    snprintf(out->title, sizeof(out->title), "%s", reduce.title);
    buffer_fini(&text);
    reduce_fini(&reduce);
}

bool reduce_apart(struct subject *subject, const struct trial *trial, uint64_t time_ns_max,
                  const char *path, struct reduced *out)
{
    struct reduced *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct errand errand = {subject, trial, time_ns_max, path, shared};

    *out = (struct reduced){0};
    if (shared == MAP_FAILED)
        return false;
    const bool is_done = apart_call(reduce_here, &errand, 0);
    if (is_done)
        *out = *shared;
    else
        cli_say("the process that was to shrink died");
    munmap(shared, sizeof(*shared));
    return is_done;
}
