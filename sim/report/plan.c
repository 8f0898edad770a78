/*
 * sim/report/plan.c - see plan.h.
 *
 * Threads are weighed first, then objects, then steps; the heaviest steps are shown, and what lies
 * between them becomes folds. Weights are small integers in one table each, for tuning by eye.
 */
#include "sim/report/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/report/plan_ends.h"

enum {
    RECENT_STEPS = 400, /* how far back a thread that touched something still matters */
    RECENT_ACTOR_STEPS = 60,
    NAME_LEN_MIN = 4, /* shorter names are found in any text */
    TAIL_STEPS = 12,  /* the last ones are always worth reading */
};

enum thread_weight {
    THREAD_FAILED = 1000,
    THREAD_STUCK = 500,
    THREAD_HOLDS = 400,
    THREAD_TOUCHES_KEY = 50,
    THREAD_ACTOR = 5,
    THREAD_ACTIVE = 2,
};

enum step_weight {
    STEP_DECIDES = 300, /* took the lock, wrote the word, that somebody waits for */
    STEP_LAST_OF_THREAD = 150,
    STEP_BLOCKS = 60,
    STEP_TAIL = 50,
    STEP_WRITES_KEY = 40,
    STEP_READS_KEY = 25,
    STEP_PREEMPTS = 10,
    STEP_SHOWN_MIN = 30, /* lighter ones are folded even when there is room */
};

struct weigh {
    struct plan *plan;
    const struct trace *trace;
    const struct finding *finding;
    bool *is_key; /* by object id */
    uint32_t threads[VTHREADS_MAX];
};

static void add_key(struct weigh *weigh, uint32_t object_id)
{
    if (object_id != 0)
        weigh->is_key[object_id] = true;
}

/* The last object the failed thread touched, and the one before: the finding is about them. */
static void add_keys_of_failed(struct weigh *weigh)
{
    uint32_t found = 0;

    for (size_t i = trace_count(weigh->trace); i-- > 0 && found < 2;) {
        const struct trace_step *step = trace_at(weigh->trace, i);
        if (step->thread_id != weigh->finding->thread_id || step->object_id == 0)
            continue;
        add_key(weigh, step->object_id);
        found++;
    }
}

static bool is_stuck(const struct plan_end *end)
{
    return end->kind == PLAN_END_WAITS || end->kind == PLAN_END_SPINS;
}

/* What the finding names is what it is about. */
static void add_keys_named(struct weigh *weigh)
{
    for (uint32_t id = 1; id <= weigh->trace->object_count; id++) {
        const char *name = trace_object(weigh->trace, id)->name;
        if (strlen(name) >= NAME_LEN_MIN && (strstr(weigh->finding->title, name) != NULL ||
                                             strstr(weigh->finding->detail, name) != NULL))
            add_key(weigh, id);
    }
}

/* Threads that are stuck, those they are stuck on, and what they quarrel over. */
static void weigh_ends(struct weigh *weigh)
{
    bool is_anybody_stuck = false;

    for (uint32_t id = 0; id < VTHREADS_MAX; id++) {
        const struct plan_end *end = &weigh->plan->ends[id];
        if (!is_stuck(end))
            continue;
        is_anybody_stuck = true;
        weigh->threads[id] += THREAD_STUCK;
        add_key(weigh, end->object_id);
        if (end->holder_id != TRACE_NOBODY)
            weigh->threads[end->holder_id] += THREAD_HOLDS;
    }
    if (weigh->finding->kind != FINDING_NONE && weigh->finding->thread_id < VTHREADS_MAX) {
        weigh->threads[weigh->finding->thread_id] += THREAD_FAILED;
        if (!is_anybody_stuck || weigh->finding->kind != FINDING_DEADLOCK)
            add_keys_of_failed(weigh);
    }
}

static void weigh_recent(struct weigh *weigh)
{
    const size_t count = trace_count(weigh->trace);

    for (size_t age = 0; age < RECENT_STEPS && age < count; age++) {
        const struct trace_step *step = trace_at(weigh->trace, count - 1 - age);
        const struct trace_thread *thread = &weigh->trace->threads[step->thread_id];
        uint32_t *weight = &weigh->threads[step->thread_id];
        if (thread->is_lane) {
            /* The clock is nobody's doing. */
            if (age < RECENT_ACTOR_STEPS && *weight == 0 && strcmp(thread->name, "clock") != 0)
                *weight = THREAD_ACTOR;
        } else if (step->object_id != 0 && weigh->is_key[step->object_id] &&
                   *weight < THREAD_TOUCHES_KEY) {
            *weight += THREAD_TOUCHES_KEY;
        } else if (*weight == 0) {
            *weight = THREAD_ACTIVE;
        }
    }
}

static void choose_lanes(struct weigh *weigh, size_t lanes_max)
{
    struct plan *plan = weigh->plan;
    bool is_chosen[VTHREADS_MAX] = {false};
    size_t real_count = 0;

    while (plan->lane_count < lanes_max) {
        uint32_t best = TRACE_NOBODY;
        for (uint32_t id = 0; id < VTHREADS_MAX; id++)
            if (!is_chosen[id] && weigh->threads[id] > 0 &&
                (best == TRACE_NOBODY || weigh->threads[id] > weigh->threads[best]))
                best = id;
        /* Mere bystanders fill up to two lanes, so that there is some context. */
        if (best == TRACE_NOBODY || (weigh->threads[best] <= THREAD_ACTIVE && real_count >= 2))
            break;
        is_chosen[best] = true;
        real_count += !weigh->trace->threads[best].is_lane;
        plan->lane_count++;
    }
    size_t lane = 0;
    for (uint32_t id = 0; id < VTHREADS_MAX; id++)
        if (is_chosen[id])
            plan->lanes[lane++] = id;
}

size_t plan_lane(const struct plan *plan, uint32_t thread_id)
{
    size_t lane = 0;

    while (lane < plan->lane_count && plan->lanes[lane] != thread_id)
        lane++;
    return lane;
}

static const uint8_t kind_weights[] = {
    [OP_NONE] = 0,    [OP_START] = 5,      [OP_EXIT] = 20,      [OP_CREATE] = 20, [OP_JOIN] = 20,
    [OP_LOAD] = 4,    [OP_STORE] = 10,     [OP_RMW] = 10,       [OP_CAS] = 10,    [OP_FENCE] = 1,
    [OP_LOCK] = 20,   [OP_LOCK_READ] = 20, [OP_TRY_LOCK] = 20,  [OP_UNLOCK] = 20, [OP_WAIT] = 20,
    [OP_SIGNAL] = 20, [OP_CALL] = 20,      [OP_YIELD] = 1,      [OP_SLEEP] = 10,  [OP_CLOCK] = 1,
    [OP_LANE] = 15,   [OP_READ_MEM] = 4,   [OP_WRITE_MEM] = 10,
};
_Static_assert(sizeof(kind_weights) == OP_KIND_COUNT, "a weight for each op");

/* How many shown steps come behind the step: of all lanes, and of those that the finding is about.
 */
struct ages {
    size_t all;
    size_t tail;
};

static uint32_t weigh_step(const struct weigh *weigh, size_t index, const struct ages *ages)
{
    const size_t age = ages->all;
    const struct trace_step *step = trace_at(weigh->trace, index);
    const struct plan_note *note = &weigh->plan->notes[index];
    uint32_t weight = 1 + kind_weights[step->kind];

    if (step->object_id != 0 && weigh->is_key[step->object_id])
        weight += op_kind_writes(step->kind) ? STEP_WRITES_KEY : STEP_READS_KEY;
    if (note->holder_id != TRACE_NOBODY)
        weight += STEP_BLOCKS;
    if (step->was_preempting)
        weight += STEP_PREEMPTS;
    /* What is long ago has been said and done, unless somebody waits for it: weigh_deciding. */
    weight = age < 40 ? weight : age < 120 ? weight * 2 / 3 : weight / 3;
    if (ages->tail < TAIL_STEPS)
        weight += STEP_TAIL;
    weight += age < 10 ? 24 : age < 30 ? 16 : age < 100 ? 8 : 0;
    return weight;
}

/* Steps that made somebody stuck are far back at times; they are the reason all the same. */
static void weigh_deciding(struct weigh *weigh)
{
    struct plan *plan = weigh->plan;

    for (uint32_t id = 0; id < VTHREADS_MAX; id++) {
        const struct plan_end *end = &plan->ends[id];
        if (end->kind == PLAN_END_NONE || plan_lane(plan, id) == plan->lane_count)
            continue;
        for (uint32_t i = 0; i < end->held_count; i++)
            if (weigh->is_key[end->held[i].object_id])
                plan->notes[end->held[i].taken_index].score += STEP_DECIDES;
        if (is_stuck(end) && end->writer_index != SIZE_MAX)
            plan->notes[end->writer_index].score += STEP_DECIDES;
    }
}

static void weigh_steps(struct weigh *weigh)
{
    struct plan *plan = weigh->plan;
    bool is_seen[VTHREADS_MAX] = {false};
    struct ages ages = {0};

    for (size_t i = trace_count(weigh->trace); i-- > 0;) {
        const uint32_t id = trace_at(weigh->trace, i)->thread_id;
        struct plan_note *note = &plan->notes[i];
        if (plan_lane(plan, id) == plan->lane_count || note->is_absorbed)
            continue;
        const bool is_about = weigh->finding->thread_id == TRACE_NOBODY ||
                              weigh->finding->thread_id == id ||
                              weigh->finding->kind == FINDING_NONE;
        note->score +=
            weigh_step(weigh, i, &(struct ages){ages.all, is_about ? ages.tail : SIZE_MAX});
        ages.all++;
        ages.tail += is_about;
        if (!is_seen[id] && !weigh->trace->threads[id].is_lane)
            note->score += STEP_LAST_OF_THREAD;
        is_seen[id] = true;
    }
    weigh_deciding(weigh);
}

/* Shows the heaviest; among equals the later. */
static void choose_steps(struct plan *plan, const struct trace *trace, size_t rows_wanted)
{
    for (size_t chosen = 0; chosen < rows_wanted; chosen++) {
        size_t best = SIZE_MAX;
        for (size_t i = trace_count(trace); i-- > 0;) {
            const struct plan_note *note = &plan->notes[i];
            if (!note->is_shown && note->score >= STEP_SHOWN_MIN &&
                (best == SIZE_MAX || note->score > plan->notes[best].score))
                best = i;
        }
        if (best == SIZE_MAX)
            return;
        plan->notes[best].is_shown = true;
    }
}

static void add_row(struct plan *plan, const struct plan_row *row)
{
    if (plan->row_count < PLAN_ROWS_MAX)
        plan->rows[plan->row_count++] = *row;
}

/* Folds the steps from `begin` to `end`; a single one is as short by itself, and what only threads
 * without a lane did is not worth a line. */
static void add_fold(struct plan *plan, const struct trace *trace, size_t begin, size_t end)
{
    struct plan_row row = {
        .kind = PLAN_ROW_FOLD, .index = begin, .end = end, .thread_id = TRACE_NOBODY};
    bool is_mixed = false;
    bool is_seen = false;
    size_t single = begin;

    for (size_t i = begin; i < end; i++) {
        if (plan->notes[i].is_absorbed)
            continue;
        uint32_t id = trace_at(trace, i)->thread_id;
        is_mixed = is_mixed || (row.count > 0 && id != row.thread_id);
        is_seen = is_seen || plan_lane(plan, id) < plan->lane_count;
        row.thread_id = id;
        row.count++;
        single = i;
    }
    if (!is_seen)
        return;
    if (row.count == 1)
        row = (struct plan_row){.kind = PLAN_ROW_STEP, .index = single};
    else if (is_mixed)
        row.thread_id = TRACE_NOBODY;
    add_row(plan, &row);
}

static void make_rows(struct plan *plan, const struct trace *trace)
{
    const size_t count = trace_count(trace);
    size_t begin = 0;

    while (begin < count && !plan->notes[begin].is_shown)
        begin++;
    plan->steps_before = begin;
    for (size_t i = begin; i < count; i++) {
        if (!plan->notes[i].is_shown)
            continue;
        add_fold(plan, trace, begin, i);
        add_row(plan, &(struct plan_row){.kind = PLAN_ROW_STEP, .index = i});
        begin = i + 1;
    }
    add_fold(plan, trace, begin, count);
}

static void *take_zeroed(size_t count, size_t size_bytes)
{
    void *memory = calloc(count + 1, size_bytes);

    if (memory == NULL) {
        perror("heddle: no memory for a story");
        abort();
    }
    return memory;
}

void plan_init(struct plan *plan, const struct trace *trace, const struct finding *finding,
               size_t lanes_max, size_t rows_wanted)
{
    static struct weigh weigh;

    memset(plan, 0, sizeof(*plan));
    plan->notes = take_zeroed(trace_count(trace), sizeof(*plan->notes));
    weigh = (struct weigh){.plan = plan, .trace = trace, .finding = finding};
    weigh.is_key = take_zeroed(trace->object_count + 1, sizeof(*weigh.is_key));
    plan_find_ends(plan, trace);
    if (finding->kind != FINDING_NONE)
        add_keys_named(&weigh);
    weigh_ends(&weigh);
    weigh_recent(&weigh);
    choose_lanes(&weigh, lanes_max < PLAN_LANES_MAX ? lanes_max : PLAN_LANES_MAX);
    weigh_steps(&weigh);
    choose_steps(plan, trace,
                 rows_wanted < PLAN_ROWS_MAX / 2 ? rows_wanted : PLAN_ROWS_MAX / 2 - 1);
    make_rows(plan, trace);
    free(weigh.is_key);
}

void plan_fini(struct plan *plan)
{
    free(plan->notes);
}
