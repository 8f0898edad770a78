/*
 * sim/cli/rerun.c - see rerun.h.
 */
#include "sim/cli/rerun.h"
#include "sim/cli/debugger.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/foreign/apart.h"
#include "sim/input/scenario.h"
#include "sim/kernel/file.h"
#include "sim/kernel/process.h"
#include "sim/posix/names.h"
#include "sim/race/title.h"
#include "sim/report/reproducer.h"
#include "sim/report/symbols.h"
#include "sim/report/words.h"
#include "sim/vthread/disturb.h"

/* The world may watch each step itself. Both get to see it, the trace first: the world's look may
 * end the run. */
struct doubled {
    const struct target *inner;
    struct trace *trace;
    void (*world_trace)(void *context, const struct vthread *thread, const struct op *op);
    void *world_context;
    void (*world_finish)(void *context);
};

static void trace_doubled(void *context, const struct vthread *thread, const struct op *op)
{
    struct doubled *doubled = context;

    trace_step(doubled->trace, thread, op);
    if (debugger_is_armed)
        debugger_step(sched_step_count());
    if (doubled->world_trace != NULL)
        doubled->world_trace(doubled->world_context, thread, op);
}

static void keep_value(void *context, uint64_t value)
{
    const struct doubled *doubled = context;

    trace_value(doubled->trace, value);
}

static struct doubled *doubled_now; /* while a recorded run is made */

/* The process that made the run knows how its threads ended. */
static void finish_doubled(void *context)
{
    trace_end(doubled_now->trace);
    if (doubled_now->world_finish != NULL)
        doubled_now->world_finish(context);
}

static void prepare_doubled(void *context, struct run_spec *spec)
{
    struct doubled *doubled = context;
    const bool is_recorded = spec->trace != NULL;

    spec->trace = NULL;
    doubled->inner->prepare(doubled->inner->context, spec);
    if (!is_recorded)
        return;
    doubled_now = doubled;
    doubled->world_finish = spec->finish;
    spec->finish = finish_doubled;
    doubled->world_trace = spec->trace;
    doubled->world_context = spec->trace_context == doubled ? NULL : spec->trace_context;
    spec->trace = trace_doubled;
    spec->trace_value = keep_value;
    spec->trace_context = doubled;
}

/* Calls are about files of the simulated kernel, or else about the process. A file may have been
 * closed since the call was announced. */
static void name_object(const struct vthread *thread, const struct op *op, char *out,
                        size_t out_bytes)
{
    const struct file *file = op->object;

    out[0] = '\0';
    if (op->kind == OP_CALL && process_has_file(thread->process, file))
        snprintf(out, out_bytes, "%s %" PRIu32, file_kind_word(file->ops->kind(file), false),
                 file->serial);
    else if (op->kind != OP_CALL && !object_name(op->object, out, out_bytes))
        out[0] = '\0';
}

void rerun_expand(struct finding *finding)
{
    symbols_expand(finding->title, sizeof(finding->title));
    race_title_sort(finding->title);
    symbols_expand_places(finding->detail, sizeof(finding->detail));
}

static void *take(size_t count, size_t size_bytes)
{
    void *memory = calloc(count + 1, size_bytes);

    if (memory == NULL) {
        perror("heddle: no memory for choices");
        abort();
    }
    return memory;
}

/* One run of the plan. Of a recording it is noted what was not asked for, while the engine still
 * refers to it. */
static void run(const struct rerun_plan *plan, const struct target *target,
                void (*trace)(void *, const struct vthread *, const struct op *),
                void *trace_context, struct rerun *rerun)
{
    const struct scenario *scenario = plan->subject->scenario;
    const struct choice_deviation *first = NULL;

    if (plan->trial != NULL) {
        search_replay(target, plan->trial, trace, trace_context, &rerun->result);
        return;
    }
    struct choice_deviation *recorded = NULL;
    const struct choice_deviation *deviations = plan->deviations;
    size_t count = plan->deviation_count;
    if (deviations == NULL) {
        count = scenario->deviation_count;
        recorded = take(count, sizeof(*recorded));
        reproducer_deviations(scenario, recorded);
        deviations = recorded;
    }
    search_replay_recorded(target, deviations, count, trace, trace_context, &rerun->result);
    rerun->unused_count = choice_recorded_unused(&first);
    if (rerun->unused_count > 0)
        rerun->unused_first = *first;
    free(recorded);
}

void rerun_init(struct rerun *rerun, const struct rerun_plan *plan)
{
    struct doubled doubled = {.inner = &plan->subject->target, .trace = &rerun->trace};
    const struct target target = {
        .name = plan->subject->name, .context = &doubled, .prepare = prepare_doubled};

    memset(rerun, 0, sizeof(*rerun));
    trace_init(&rerun->trace, TRACE_STEPS_DEFAULT, name_object);
    apart_share(&rerun->trace, sizeof(rerun->trace));
    run(plan, &target, trace_doubled, &doubled, rerun);
    apart_share(NULL, 0);
    const struct choice_deviation *deviations = choice_deviations(&rerun->deviation_count);
    rerun->deviations = take(rerun->deviation_count, sizeof(*rerun->deviations));
    if (rerun->deviation_count > 0)
        memcpy(rerun->deviations, deviations, rerun->deviation_count * sizeof(*rerun->deviations));
    rerun_expand(&rerun->result.finding);
}

void rerun_fini(struct rerun *rerun)
{
    trace_fini(&rerun->trace);
    free(rerun->deviations);
}

void rerun_bare(const struct rerun_plan *plan, struct run_result *result)
{
    static struct rerun rerun;

    run(plan, &plan->subject->target, NULL, NULL, &rerun);
    *result = rerun.result;
    rerun_expand(&result->finding);
}

static void describe(const struct rerun *rerun, size_t index, char *out, size_t out_bytes)
{
    char words[WORDS_BYTES];

    if (index >= trace_count(&rerun->trace)) {
        snprintf(out, out_bytes, "the run is over");
        return;
    }
    const struct trace_step *step = trace_at(&rerun->trace, index);
    words_step(&rerun->trace, step, words, sizeof(words));
    snprintf(out, out_bytes, "%s %s, in %s", words_thread(&rerun->trace, step->thread_id), words,
             symbols_lookup(step->pc)->function);
}

void rerun_write_steps(const struct rerun_plan *plan, FILE *out)
{
    static struct rerun rerun;
    char words[2 * WORDS_BYTES];

    rerun_init(&rerun, plan);
    for (size_t i = 0; i <= trace_count(&rerun.trace); i++) {
        describe(&rerun, i, words, sizeof(words));
        fprintf(out, "%s\n", words);
    }
    rerun_fini(&rerun);
}

static bool is_same_step(const struct trace_step *a, const struct trace_step *b)
{
    return a->step == b->step && a->time_ns == b->time_ns && a->thread_id == b->thread_id &&
           a->kind == b->kind && a->pc == b->pc && a->object_id == b->object_id;
}

/* Where two traces part; the length of both when they do not. */
static size_t find_parting(const struct rerun *first, const struct rerun *second)
{
    const size_t count = trace_count(&first->trace);
    const size_t count_second = trace_count(&second->trace);
    size_t at = 0;

    while (at < count && at < count_second &&
           is_same_step(trace_at(&first->trace, at), trace_at(&second->trace, at)))
        at++;
    return at;
}

/* `how` the second run was made: "two more runs", "... with ...". */
static void say_parting(const struct rerun *first, const struct rerun *second, const char *how)
{
    const size_t at = find_parting(first, second);
    char words[2][2 * WORDS_BYTES];

    if (at == trace_count(&first->trace) && at == trace_count(&second->trace)) {
        cli_say("%s agree step by step; a call returned another value", how);
        return;
    }
    describe(first, at, words[0], sizeof(words[0]));
    describe(second, at, words[1], sizeof(words[1]));
    cli_say("%s part at step %" PRIu64, how,
            at < trace_count(&first->trace) ? trace_at(&first->trace, at)->step
                                            : first->result.steps + 1);
    cli_say("  once:  %s", words[0]);
    cli_say("  again: %s", words[1]);
}

/* True when one difference in what the program may not depend on makes another run of it. */
static bool explain_disturbance(const struct rerun_plan *plan, const struct rerun *first,
                                struct rerun *second)
{
    bool is_it = false;

    for (unsigned bit = 1; bit < DISTURB_ALL && !is_it; bit <<= 1) {
        char how[2 * WORDS_BYTES];
        disturb_bits = bit;
        rerun_init(second, plan);
        disturb_bits = DISTURB_NOTHING;
        is_it = second->result.trace_hash != first->result.trace_hash;
        snprintf(how, sizeof(how), "two runs that differ only in %s",
                 disturb_words((enum disturbance)bit));
        if (is_it)
            say_parting(first, second, how);
        rerun_fini(second);
    }
    return is_it;
}

void rerun_explain_difference(const struct rerun_plan *plan)
{
    static struct rerun first;
    static struct rerun second;

    rerun_init(&first, plan);
    rerun_init(&second, plan);
    bool is_same = first.result.trace_hash == second.result.trace_hash;
    if (!is_same)
        say_parting(&first, &second, "two more runs");
    rerun_fini(&second);
    if (is_same && !explain_disturbance(plan, &first, &second))
        cli_say("two more runs agree step by step: what differs is left over from the runs before");
    rerun_fini(&first);
}
