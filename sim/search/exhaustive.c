/*
 * sim/search/exhaustive.c - see exhaustive.h.
 *
 * A run follows the threads of its nodes, then does whatever comes; a node is the state before an
 * event. After the run each race puts its reversal into the wakeup tree of the node before the
 * race. The next run branches at the deepest node whose tree has something left.
 *
 * A thread that arrives at a lock which another has does nothing that anybody could see: such a
 * step is no event, it only tells that the thread cannot go on.
 */
#include "sim/search/exhaustive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/real.h"
#include "sim/sched/internal.h"
#include "sim/search/execution.h"

enum { CLOCK_EVERY = 16, PROGRESS_NS = 100000000, WEIGHT_BITS = 62 };

struct node {
    struct sleeper *sleep;
    struct wake *tree; /* branches to come */
    uint32_t chosen;   /* the thread whose step leads on, or STEP_NONE */
    uint32_t done;     /* branches explored */
};

/* The step that is being made. */
struct open_step {
    struct vthread *thread; /* NULL: none */
    struct event event;
    bool is_detour; /* only to find that it has to wait */
};

static struct {
    const struct exhaustive_spec *spec;
    struct search_result *result;
    struct execution execution;
    struct node *nodes;
    uint32_t depth;       /* nodes that exist */
    struct wake *subtree; /* of the branch being taken */
    struct slab wakes;
    struct slab sleepers;
    uint64_t *sequences; /* of timers, after each event */
    struct step *steps;

    /* Of the run. */
    uint32_t position; /* events so far */
    struct open_step open;
    uint64_t enabled[VTHREADS_MAX / 64];
    uint32_t enablers[EXECUTION_THREADS_MAX];
    uint32_t wakers[EXECUTION_THREADS_MAX]; /* who ended its wait for a condition */
    enum op_kind parked_for[EXECUTION_THREADS_MAX];
    uint32_t floor;
    uint64_t now_ns;
    bool has_pending; /* noted before the end of a process */
    bool is_blocked;
    bool is_cut;
    const char *obstacle;

    uint64_t begin_ns;
    uint64_t progress_ns;
} x;

static const char differs[] = "a run differs from its repetition";

/* ---- a step ends ---- */

/* What the step came to, as its call says it. */
static void note_value(void *context, uint64_t value)
{
    const struct op *op = x.open.thread == NULL ? NULL : &x.open.thread->next;

    (void)context;
    if (op == NULL || op->kind != OP_TRY_LOCK || op->label == NULL)
        return;
    if (strcmp(op->label, "pthread_mutex_trylock") == 0 || strcmp(op->label, "mtx_trylock") == 0)
        x.open.event.tried = value == 0 ? TRIED_AND_TOOK : TRIED_IN_VAIN;
}

static bool is_enabled(const struct strategy_run *run, uint32_t thread)
{
    return thread < run->thread_count && strategy_is_enabled(run, run->threads[thread]);
}

/* Found that it has to wait, and did nothing else. */
static bool is_silent(const struct open_step *open)
{
    const struct vthread *thread = open->thread;

    if (!open->event.action.may_wait)
        return false;
    if (sched.finding.kind == FINDING_DEADLOCK && sched.is_ending)
        return true;
    return thread->state == VTHREAD_PARKED && thread->parked_op.kind == open->event.action.kind &&
           (thread->deadline == NULL || !timer_is_armed(thread->deadline));
}

static void cut(const char *obstacle)
{
    x.is_cut = true;
    if (obstacle != NULL)
        x.obstacle = obstacle;
    sched.is_ending = true;
}

static void drop_plan(struct node *node)
{
    node->chosen = STEP_NONE;
    wakeup_free(&x.wakes, x.subtree);
    x.subtree = NULL;
}

static void close_step(void)
{
    struct open_step *open = &x.open;
    struct execution *execution = &x.execution;

    if (open->thread == NULL)
        return;
    const bool is_mute = is_silent(open);
    if (!is_mute && open->event.thread < EXECUTION_THREADS_MAX)
        x.wakers[open->event.thread] = STEP_NONE;
    if (is_mute != open->is_detour && (open->is_detour || x.position + 1 < x.depth)) {
        cut(differs);
    } else if (is_mute) {
        if (!open->is_detour)
            drop_plan(&x.nodes[x.position]);
    } else if (x.position < execution->count) {
        if (execution->events[x.position].thread != open->event.thread ||
            execution->events[x.position].action.kind != open->event.action.kind)
            cut(differs);
        x.position++;
    } else if (execution_add(execution, &open->event)) {
        x.sequences[x.position++] = sched.sequence;
    } else {
        cut("too many steps in a run");
    }
    open->thread = NULL;
}

/* ---- what became possible ---- */

/* The event during which timer `sequence` was armed. */
static uint32_t arming_event(uint64_t sequence)
{
    uint32_t low = 0;
    uint32_t high = x.position;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (x.sequences[middle] >= sequence)
            high = middle;
        else
            low = middle + 1;
    }
    return low < x.position ? low : STEP_NONE;
}

/* Who waited for a condition goes on to wait for its mutex: whoever signalled comes before. */
static void note_woken(const struct strategy_run *run)
{
    for (uint32_t i = 0; i < run->thread_count && i < EXECUTION_THREADS_MAX; i++) {
        const enum op_kind kind = run->threads[i]->parked_op.kind;
        if (kind == OP_LOCK && x.parked_for[i] == OP_WAIT)
            x.wakers[i] = x.position == 0 ? STEP_NONE : x.position - 1;
        x.parked_for[i] = kind;
    }
}

static void note_enabled(const struct strategy_run *run)
{
    note_woken(run);
    if (sched.now_ns != x.now_ns)
        x.floor = x.position;
    x.now_ns = sched.now_ns;
    for (uint32_t w = 0; w < (run->thread_count + 63) / 64; w++) {
        for (uint64_t bits = run->enabled[w] & ~x.enabled[w]; bits != 0; bits &= bits - 1) {
            uint32_t id = w * 64 + (uint32_t)__builtin_ctzll(bits);
            if (id < EXECUTION_THREADS_MAX)
                x.enablers[id] = x.position == 0 ? STEP_NONE : x.position - 1;
            else
                cut("more threads and lanes than an exhaustive search keeps track of");
        }
        x.enabled[w] = run->enabled[w];
    }
}

static uint32_t joined_thread(const struct vthread *thread)
{
    const struct op *op = thread->parked_op.kind == OP_JOIN ? &thread->parked_op : &thread->next;

    for (uint32_t i = 0; op->kind == OP_JOIN && i < sched.run.thread_count; i++)
        if (sched.threads[i]->posix == op->object && op->object != NULL)
            return i;
    return STEP_NONE;
}

/* What `thread` is about to do, as an event. */
static void describe(const struct vthread *thread, struct event *out)
{
    const bool is_resumed = !thread->is_lane && thread->parked_op.kind != OP_NONE;

    action_of(thread, &out->action);
    out->thread = thread->id;
    out->number = 0;
    out->floor = x.floor;
    out->joined = joined_thread(thread);
    out->tried = TRIED_NOT;
    out->level = 0;
    /* A semaphore begins with its value, glibc's and ours. */
    if (out->action.touch_count > 0 &&
        (out->action.touches[0].kind == TOUCH_UP || out->action.touches[0].kind == TOUCH_DOWN))
        out->level = *(const uint32_t *)out->action.touches[0].object;
    out->enabler = STEP_NONE;
    out->is_spinning_on = is_resumed && !out->action.may_wait && action_is_of_spin(thread);
    if (thread->is_lane && thread->due_head != NULL)
        out->enabler = arming_event(thread->due_head->sequence);
    else if (thread->id < EXECUTION_THREADS_MAX && out->action.may_wait)
        out->enabler = is_resumed ? x.wakers[thread->id] : STEP_NONE;
    else if (thread->id < EXECUTION_THREADS_MAX && (is_resumed || thread->steps == 0))
        out->enabler = x.enablers[thread->id];
}

/* ---- choosing ---- */

/* Whether others hold `touch`'s lock so that it cannot be taken, as far as the events tell. */
static bool is_held(const struct touch *touch, uint32_t thread)
{
    uint32_t gone = 0; /* readers who have let go */

    for (uint32_t i = x.position; i-- > 0;) {
        const struct event *earlier = &x.execution.events[i];
        for (uint32_t t = 0; t < earlier->action.touch_count; t++) {
            const struct touch *other = &earlier->action.touches[t];
            if (other->object != touch->object || earlier->tried == TRIED_IN_VAIN)
                continue;
            const bool is_shared =
                other->kind == TOUCH_ACQUIRE_SHARED || other->kind == TOUCH_RELEASE_SHARED;
            if (!is_shared)
                return (other->kind == TOUCH_ACQUIRE || earlier->tried == TRIED_AND_TOOK) &&
                       earlier->thread != thread;
            if (touch->kind != TOUCH_ACQUIRE)
                continue;
            if (other->kind == TOUCH_RELEASE_SHARED)
                gone++;
            else if (gone == 0)
                return true;
            else
                gone--;
        }
    }
    return false;
}

/* Whether the thread would certainly find that it has to wait. */
static bool is_stuck(const struct vthread *thread)
{
    struct event event;

    if (thread->is_lane)
        return false;
    describe(thread, &event);
    if (!event.action.may_wait)
        return false;
    if (event.joined != STEP_NONE)
        return sched.threads[event.joined]->state != VTHREAD_DONE;
    if (event.action.touch_count == 0)
        return false;
    if (event.action.touches[0].kind == TOUCH_DOWN)
        return event.level == 0;
    return is_held(&event.action.touches[0], thread->id);
}

/* Who goes on when nothing is planned: the same thread as long as it gets on, then the next one;
 * last those who will only find that they have to wait, so that a deadlock is found when nobody has
 * anything else to do. NULL when whoever has is asleep. */
static struct vthread *choose_freely(const struct strategy_run *run, const struct node *node,
                                     const struct vthread *current)
{
    struct vthread *stuck = NULL;
    struct vthread *yielded = NULL;
    bool has_sleeper = false;
    const uint32_t start = current == NULL ? 0 : current->id;

    for (uint32_t i = 0; i < run->thread_count; i++) {
        struct vthread *thread = run->threads[(start + i) % run->thread_count];
        if (!strategy_is_enabled(run, thread))
            continue;
        if (sleep_has(node->sleep, thread->id))
            has_sleeper = true;
        else if (is_stuck(thread))
            stuck = stuck == NULL ? thread : stuck;
        else if (thread == sched.yielded)
            yielded = thread;
        else
            return thread;
    }
    if (yielded != NULL)
        return yielded;
    return has_sleeper ? NULL : stuck;
}

/* Takes the first branch of the node's tree. */
static void take_branch(struct node *node)
{
    struct wake *branch = node->tree;

    node->tree = branch->next;
    node->chosen = branch->thread;
    x.subtree = branch->child;
    slab_give(&x.wakes, branch);
}

static struct node *node_at(uint32_t index)
{
    struct node *node = &x.nodes[index];

    if (index < x.depth)
        return node;
    x.depth = index + 1;
    *node = (struct node){.chosen = STEP_NONE, .tree = x.subtree};
    x.subtree = NULL;
    if (index > 0)
        node->sleep = sleep_after(&x.sleepers, x.nodes[index - 1].sleep,
                                  &x.execution.events[index - 1].action);
    return node;
}

/* Who is to find that it has to wait, because the clock does not jump before. */
static struct vthread *find_detour(const struct strategy_run *run)
{
    for (uint32_t i = 0; i < run->thread_count; i++)
        if (strategy_is_enabled(run, run->threads[i]) && is_stuck(run->threads[i]))
            return run->threads[i];
    return NULL;
}

static struct vthread *choose(const struct strategy_run *run, const struct vthread *current)
{
    struct node *node;

    x.open.is_detour = false;
    if (x.position == EXECUTION_EVENTS_MAX) {
        cut("too many steps in a run");
        return NULL;
    }
    node = node_at(x.position);
    while (node->chosen != STEP_NONE || node->tree != NULL) {
        if (node->chosen == STEP_NONE)
            take_branch(node);
        if (is_enabled(run, node->chosen))
            return run->threads[node->chosen];
        struct vthread *detour = find_detour(run);
        x.open.is_detour = detour != NULL;
        if (detour != NULL)
            return detour;
        if (x.position + 1 < x.depth) {
            cut(differs);
            return NULL;
        }
        drop_plan(node);
    }
    struct vthread *thread = choose_freely(run, node, current);
    if (thread == NULL) {
        x.is_blocked = true;
        cut(NULL);
        return NULL;
    }
    node->chosen = thread->id;
    return thread;
}

/* ---- the strategy ---- */

/* Those who are cut off by the end of a process, or of the run. */
static void note_pending(const struct vthread *but)
{
    const struct strategy_run *run = &sched.run;

    x.execution.pending_count = 0;
    for (uint32_t i = 0; i < run->thread_count && i < EXECUTION_THREADS_MAX; i++) {
        const struct vthread *thread = run->threads[i];
        if (thread == but || thread->state == VTHREAD_DONE)
            continue;
        struct event *event = &x.execution.pending[x.execution.pending_count];
        describe(thread, event);
        if (strategy_is_enabled(run, thread) || event->action.may_wait)
            x.execution.pending_count++;
    }
}

static struct vthread *pick(struct strategy_run *run, struct vthread *current, struct vthread *dull)
{
    close_step();
    note_enabled(run);
    if (x.is_cut)
        return dull;
    struct vthread *thread = choose(run, current);
    if (thread == NULL)
        return dull;
    describe(thread, &x.open.event);
    x.open.thread = thread;
    if (x.open.event.action.kind == OP_EXIT && x.open.event.action.scope == SCOPE_ALL) {
        note_pending(thread);
        x.has_pending = true;
    }
    return thread;
}

static void begin(struct strategy_run *run)
{
    (void)run;
    x.position = 0;
    x.open.thread = NULL;
    memset(x.enabled, 0, sizeof(x.enabled));
    memset(x.wakers, 0xff, sizeof(x.wakers)); /* STEP_NONE */
    memset(x.parked_for, 0, sizeof(x.parked_for));
    x.floor = 0;
    x.now_ns = 0;
    x.has_pending = false;
    x.is_blocked = false;
    x.is_cut = false;
}

static void ignore(struct strategy_run *run, struct vthread *thread)
{
    (void)run;
    (void)thread;
}

const struct strategy_ops strategy_exhaustive = {.name = "exhaustive",
                                                 .begin = begin,
                                                 .pick = pick,
                                                 .spawned = ignore,
                                                 .yielded = ignore,
                                                 .sees_all = true};

/* ---- after a run ---- */

/* Has every race happen the other way round, if that leads to anything new. */
static void plan_reversals(void)
{
    struct execution *execution = &x.execution;

    for (uint32_t i = 0; i < execution->pending_count; i++)
        execution_race_pending(execution, i);
    for (uint32_t i = 0; i < execution->race_count; i++) {
        struct node *node = &x.nodes[execution->races[i].first];
        size_t count = execution_reversal(execution, &execution->races[i], x.steps);
        if (!sleep_covers(node->sleep, x.steps, count))
            (void)wakeup_insert(&x.wakes, &node->tree, x.steps, count);
    }
    if (execution->is_race_lost)
        x.obstacle = "too many races in a run";
}

/* To the deepest node that has a branch left. False when there is none. */
static bool backtrack(void)
{
    drop_plan(&(struct node){0});
    while (x.depth > 0) {
        uint32_t index = x.depth - 1;
        struct node *node = &x.nodes[index];
        if (node->chosen != STEP_NONE && index < x.execution.count) {
            sleep_add(&x.sleepers, &node->sleep, node->chosen, &x.execution.events[index].action);
            node->done++;
        }
        if (x.execution.count > index)
            x.execution.count = index;
        if (node->tree != NULL) {
            take_branch(node);
            return true;
        }
        sleep_free(&x.sleepers, node->sleep);
        x.depth--;
    }
    return false;
}

/* How many traces there are, from the share of the tree that has been walked if every branch of a
 * node were as large as another (Knuth 1975). Branches that are not known yet make it too low. */
static uint64_t estimate(void)
{
    uint64_t weight = UINT64_C(1) << WEIGHT_BITS;
    uint64_t walked = 0;
    uint64_t traces = x.result->extent.traces;

    for (uint32_t i = 0; i < x.depth && weight != 0; i++) {
        const struct node *node = &x.nodes[i];
        uint64_t branches = node->done + 1 + wakeup_width(node->tree);
        weight /= branches;
        walked += weight * node->done;
    }
    walked += weight; /* the run just made */
    if (walked == 0)
        return UINT64_MAX;
    unsigned __int128 all = ((unsigned __int128)traces << WEIGHT_BITS) / walked;
    return all > UINT64_MAX ? UINT64_MAX : all < traces ? traces : (uint64_t)all;
}

/* Keeps the first run of each title, with its recording. */
static void note_finding(const struct run_result *run, uint64_t number)
{
    struct search_result *result = x.result;

    for (size_t i = 0; i < result->finding_count; i++) {
        if (strcmp(result->findings[i].finding.title, run->finding.title) == 0) {
            result->findings[i].count++;
            return;
        }
    }
    if (result->finding_count == SEARCH_FINDINGS_MAX)
        return;
    struct search_finding *finding = &result->findings[result->finding_count++];
    *finding = (struct search_finding){
        .finding = run->finding,
        .trial = {.campaign_seed = x.spec->search->campaign_seed,
                  .number = number,
                  .strategy = {.ops = &strategy_exhaustive}},
        .steps = run->steps,
        .trace_hash = run->trace_hash,
        .count = 1,
    };
    const struct choice_deviation *deviations = choice_deviations(&finding->deviation_count);
    size_t bytes = finding->deviation_count * sizeof(*deviations);
    finding->deviations = malloc(bytes == 0 ? 1 : bytes);
    if (finding->deviations == NULL)
        abort();
    memcpy(finding->deviations, deviations, bytes);
}

/* A finding that its own recording does not lead to is our bug, and outranks it. */
static void check_repeats(struct search_finding *finding)
{
    struct run_result again;

    search_replay_recorded(x.spec->search->target, finding->deviations, finding->deviation_count,
                           NULL, NULL, &again);
    if (again.trace_hash == finding->trace_hash)
        return;
    finding->finding.kind = FINDING_NONDETERMINISM;
    (void)snprintf(finding->finding.title, sizeof(finding->finding.title),
                   "nondeterminism: run %llu differs from its repetition",
                   (unsigned long long)finding->trial.number);
}

static bool counts(const struct search_spec *spec, const struct run_result *run)
{
    return run->finding.kind != FINDING_NONE &&
           (spec->kinds == 0 || (spec->kinds >> run->finding.kind & 1) != 0);
}

/* One run; true when the search is to stop. */
static bool run_one(void)
{
    const struct search_spec *search = x.spec->search;
    static const struct strategy_spec strategy = {.ops = &strategy_exhaustive};
    struct search_result *result = x.result;
    struct run_result run;
    struct run_spec spec = {.strategy = &strategy,
                            .source = {.kind = CHOICE_FROM_DULL, .is_still = true}};

    search->target->prepare(search->target->context, &spec);
    spec.trace_value = note_value;
    x.execution.race_count = 0;
    x.execution.pending_count = 0;
    sched_run(&spec, &run);
    bool is_cut_off = x.open.thread != NULL && run.finding.kind != FINDING_NONE;
    const struct vthread *last = is_cut_off && !is_silent(&x.open) ? x.open.thread : NULL;
    if (!x.is_cut)
        close_step();
    if (!x.has_pending && !x.is_cut)
        note_pending(last);
    plan_reversals();
    result->schedules++;
    result->points += run.steps;
    if (x.is_blocked)
        result->extent.blocked++;
    else if (!x.is_cut)
        result->extent.traces++;
    result->behaviours = result->extent.traces;
    if (x.spec->each != NULL && (x.is_blocked || !x.is_cut))
        x.spec->each(x.spec->context,
                     &(struct exhaustive_run){.result = &run,
                                              .class_hash = execution_class(&x.execution),
                                              .events = x.execution.count,
                                              .is_blocked = x.is_blocked});
    if (x.obstacle != NULL)
        return true;
    if (x.is_blocked || !counts(search, &run))
        return false;
    size_t known = result->finding_count;
    note_finding(&run, result->schedules - 1);
    if (search->check_determinism && result->finding_count > known)
        check_repeats(&result->findings[known]);
    return !search->keep_going;
}

static bool is_out_of_budget(void)
{
    const struct search_spec *search = x.spec->search;
    struct search_result *result = x.result;

    if (search->schedules_max != 0 && result->schedules >= search->schedules_max)
        return true;
    if (result->schedules % CLOCK_EVERY != 0)
        return false;
    uint64_t now = real_now_ns();
    result->elapsed_ns = now - x.begin_ns;
    if (search->progress != NULL && now - x.progress_ns >= PROGRESS_NS) {
        x.progress_ns = now;
        result->extent.estimate = estimate();
        search->progress(search->progress_context, result);
    }
    return search->time_ns_max != 0 && result->elapsed_ns >= search->time_ns_max;
}

static void explore(void)
{
    struct search_result *result = x.result;

    for (;;) {
        bool is_over = run_one();
        result->extent.estimate = estimate();
        if (is_over || is_out_of_budget())
            break;
        if (!backtrack()) {
            result->extent.is_complete = true;
            result->extent.estimate = result->extent.traces;
            break;
        }
    }
    /* The budget was enough to the run. */
    if (!result->extent.is_complete && x.obstacle == NULL && result->finding_count == 0 &&
        !backtrack()) {
        result->extent.is_complete = true;
        result->extent.estimate = result->extent.traces;
    }
    result->extent.obstacle = x.obstacle;
}

void exhaustive_run(const struct exhaustive_spec *spec, struct search_result *result)
{
    const size_t nodes_bytes = (EXECUTION_EVENTS_MAX + 1) * sizeof(struct node);
    const size_t sequences_bytes = EXECUTION_EVENTS_MAX * sizeof(uint64_t);
    const size_t steps_bytes = (EXECUTION_EVENTS_MAX + 1) * sizeof(struct step);

    sched_init();
    memset(result, 0, sizeof(*result));
    memset(&x, 0, sizeof(x));
    x.spec = spec;
    x.result = result;
    x.wakes.block_bytes = sizeof(struct wake);
    x.sleepers.block_bytes = sizeof(struct sleeper);
    execution_init(&x.execution);
    x.nodes = slab_map(nodes_bytes);
    x.sequences = slab_map(sequences_bytes);
    x.steps = slab_map(steps_bytes);
    x.begin_ns = real_now_ns();
    x.progress_ns = x.begin_ns;
    result->extent.is_exhaustive = true;
    explore();
    result->elapsed_ns = real_now_ns() - x.begin_ns;
    execution_fini(&x.execution);
    slab_fini(&x.wakes);
    slab_fini(&x.sleepers);
    slab_unmap(x.nodes, nodes_bytes);
    slab_unmap(x.sequences, sequences_bytes);
    slab_unmap(x.steps, steps_bytes);
}
